/*
 * route.h: a row is the whole truth about an endpoint. access, db and (for writes) once that are left 0 are refused at start-up.
 */
#ifndef WEB_ROUTE_H
#define WEB_ROUTE_H

#include "data/db.h"
#include "base/field.h"

struct req;
struct stream;

typedef int handler_fn(struct req *r, struct problem *err);

/* Who may call. A row may allow several kinds: SERVICE | ADMIN. */
enum access {
	PUBLIC = 1 << 0,       /* anybody; nginx limits the rate */
	SERVICE = 1 << 1,      /* signed by a caller on .callers */
	ADMIN = 1 << 2,        /* Authorization: Bearer <ADMIN_SECRET>, or the token of a user with the role admin */
	PATIENT_SELF = 1 << 3, /* Authorization: Bearer <session token>, resolved by the service's .session */
	PARTNER = 1 << 4,
	WEBHOOK = 1 << 5, /* .webhook checks the vendor's signature over the raw body */
	VENDOR = 1 << 6,  /* sandbox only: the handler answers in the vendor's own way, errors included */
	/* A user with one of .roles, by the token (web/token.h) that he got from auth. The holder of the ADMIN_SECRET has the role
	 * admin. 403 role_not_allowed. */
	ROLE = 1 << 7
};

/* What repeating a write does (rule P1). A KEY route's answer is stored in the transaction that made it, so its handler must
 * not end that transaction: no db_final. */
enum once { ONCE_UNSET, KEY, NATURAL };

enum body_kind { BODY_NONE, BODY_JSON, BODY_FORM, BODY_RAW };

struct route {
	const char *method;
	const char *path; /* "/route/assignments/:id": a colon segment is a parameter; a last segment "*" takes the rest */
	handler_fn *handle;
	unsigned access;
	const char *callers; /* SERVICE: space-separated service names; "*" = any known one. WEBHOOK: the vendor's name */
	const char *roles;   /* ROLE: space-separated, "admin ops_manager ops_agent" */
	enum db_mode db;
	enum once once;      /* required when db is WRITE and the method is not GET */
	const char *audit;   /* action of the audit row; required for WRITE (unless WEBHOOK/VENDOR) and READ_AUDITED */
	enum body_kind kind; /* default: JSON when .body is set, else none; RAW hands the bytes over unparsed */
	const struct field *body;
	const struct field *query;
	const struct field *params; /* colon segments; default: each is a UUID */
	const struct field *reply;  /* of the 2xx answer; NULL = no body or not JSON */
	const struct stream *stream; /* the answer does not end: web/stream.h */
	const char *media;          /* type of a 2xx answer that is not JSON; beside .reply: what a client may ask for instead */
	/* What the handler refuses with besides the core's own refusals, for the reference: "404 no_label, 409 claim_conflict
	 * illegal_transition". Test builds refuse a 4xx that is not on it. */
	const char *problems;
	/* Before the transaction: may call peers or, on a declared synchronous row, the vendor; may use short READ transactions. */
	handler_fn *ask;
	/* The vendor that this row waits for, by declaration (architecture 1): half of the threads at most, 503 when they do. */
	const char *synchronous;
	int (*webhook)(struct req *r, struct problem *err);
	size_t max_body;  /* bytes; 0 = 256 KiB */
	int status;       /* the 2xx status, for the reference and the default reply; 0 = 200 */
	const char *says; /* one line */
};

#endif
