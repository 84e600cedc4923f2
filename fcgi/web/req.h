/*
 * req.h: one request, as a handler sees it.
 *
 * Path parameters, query and body members have been checked by the route's tables and are read by name, whichever of the three
 * they came in (a start-up check refuses a route that uses one name twice). Strings and trees belong to the request's arena. A
 * handler never frees, logs, opens a transaction or calls the network (its .ask does the latter).
 */
#ifndef WEB_REQ_H
#define WEB_REQ_H

#include "base/config.h"
#include "base/json.h"
#include "data/audit.h"
#include "data/event.h"
#include "data/job.h"
#include "data/vault.h"
#include "net/peer.h"
#include "web/route.h"

struct service;

struct header {
	const char *name; /* lower case */
	const char *value;
};

struct req {
	struct arena *arena;
	struct db *db;
	struct http *http; /* for .ask only */
	const struct conf *conf;
	const struct service *service;
	const struct route *route;
	const char *method;
	const char *target; /* path and query as received */
	const char *path;   /* decoded path without query */
	const char *remote; /* client address as nginx saw it */
	const char *id;     /* request id */
	const struct header *headers;
	size_t nheaders;
	struct bytes raw; /* body bytes */
	json_t *body;     /* parsed (JSON, FORM as an object of strings) */
	json_t *params;   /* colon segments */
	json_t *query;
	enum access as;           /* how the caller authenticated */
	struct scope scope;       /* tenant, actor, request id, source */
	const char *caller;       /* SERVICE: the calling service's name */
	const char *role;         /* ROLE: what the user is; "admin" also for the holder of the ADMIN_SECRET; NULL: nobody logged in */
	struct uuid user;         /* ROLE: who logged in; nil for the holder of the ADMIN_SECRET */
	struct uuid session;      /* ROLE: the session of the token; nil likewise */
	struct uuid subject;      /* PATIENT_SELF: what the session is bound to (the service's .session sets it). ROLE: the patient or
				   * physician that the user is; nil for staff */
	void *asked;              /* what .ask leaves for .handle */
	struct audit_entry audit; /* object and object_id set by req_object */
	bool audited;             /* the row of this transaction is with the database already */
	const char *key;          /* Idempotency-Key of a KEY route, without quotes */
	struct uuid key_row;      /* its row, made in this transaction */
	bool key_held;            /* its lock is the session's, over an .ask */
	bool replayed;            /* the answer is the stored one of an earlier request */
	int64_t stream_from;      /* a .stream row's: the position behind which it goes on */
	/* the reply so far */
	int status;
	struct buf out;
	struct json_writer json;
	const char *content_type;
	struct header reply_headers[12];
	size_t nreply_headers;
};

const char *req_header(const struct req *r, const char *name); /* name in lower case; NULL when absent */
bool req_has(const struct req *r, const char *name);
const char *req_str(const struct req *r, const char *name);     /* "" when absent */
const char *req_opt_str(const struct req *r, const char *name); /* NULL when absent or null */
struct uuid req_uuid(const struct req *r, const char *name);    /* nil when absent */
int64_t req_int(const struct req *r, const char *name, int64_t otherwise);
int64_t req_money(const struct req *r, const char *name, int64_t otherwise); /* a MONEY member in cents */
bool req_bool(const struct req *r, const char *name);    /* false when absent */
json_t *req_json(const struct req *r, const char *name); /* the member as parsed, NULL when absent */

/* Names what the request is about, for the audit row; call before the last statement. On an audited route each call is a row,
 * so that one transaction may show or change several objects. */
void req_object(struct req *r, const char *object, struct uuid id);
void req_object_text(struct req *r, const char *object, const char *id);

/* Starts a JSON reply and returns its writer; the handler writes the outermost value, the core ends what is still open and
 * checks it. A second call starts over. */
struct json_writer *reply_json(struct req *r, int status);
void reply_empty(struct req *r, int status);
void reply_bytes(struct req *r, int status, const char *content_type, struct bytes body);
void reply_header(struct req *r, const char *name, const char *value);

#endif
