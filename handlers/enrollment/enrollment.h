/*
 * enrollment.h: what the enrollment service shows to the rest, its table, and what its files share.
 */
#ifndef ENROLLMENT_H
#define ENROLLMENT_H

#include "net/file_store.h"
#include "service.h"

extern const struct service enrollment_service;

/* ---- candidate.c: prescriptions that may be enrolled */
struct candidate {
	struct uuid id; /* the prescription */
	struct uuid patient_id;
	const char *status;
	struct bytes details_enc; /* n 0: not fetched yet */
};
int on_validated(struct event *e, struct problem *err);
int on_status(struct event *e, struct problem *err);
int candidate_fetch_job(struct job *j, struct problem *err); /* asks the prescription service for what an invitation needs */
int candidate_load(struct db *db, struct uuid prescription, struct candidate *ret, struct problem *err) MUST_CHECK; /* 404 */
/* The copy of the details; NULL without a problem: not fetched yet. */
json_t *candidate_open(struct db *db, const struct candidate *c, struct problem *err);

/* ---- link.c: the way in */
#define LINK_TOKEN 44 /* 32 bytes as base64url and a NUL */
#define LINK_TRIES 5  /* birth dates */
struct link {
	struct uuid id;
	struct uuid enrollment_id;
	struct uuid prescription_id;
	struct uuid patient_id;
	int64_t expires_at;
	int wrong_dates;
	bool confirmed;
};
/* Makes the enrolment's link and revokes the one before. */
int link_make(struct db *db, const struct conf *conf, struct uuid enrollment, char token[LINK_TOKEN], int64_t *expires_at,
    struct problem *err) MUST_CHECK;
/* 404 unknown_link, 409 already_used, 410 link_expired or link_revoked, 423 link_locked. lock: for update. */
int link_find(struct db *db, const char *token, bool lock, struct link *ret, struct problem *err) MUST_CHECK;
#define LINK_PROBLEMS "404 unknown_link, 409 already_used, 410 link_expired link_revoked, 423 link_locked"
const char *link_url(struct arena *a, const struct conf *conf, const char *token);
/* The live link of an enrolment, as it was mailed; *url NULL: there is none. */
int link_again(struct db *db, const struct conf *conf, struct uuid enrollment, const char **url, int64_t *expires_at,
    struct problem *err) MUST_CHECK;
int link_session(struct req *r, const char *token, struct problem *err); /* the service's .session */
int link_validate(struct req *r, struct problem *err);
int link_confirm(struct req *r, struct problem *err);

/* ---- invite.c: staff */
int enrollment_initiate(struct req *r, struct problem *err);
int enrollment_show(struct req *r, struct problem *err);
int invite_job(struct job *j, struct problem *err); /* enrollment.invite, enrollment.remind */
int monitor_job(struct job *j, struct problem *err);

/* ---- card.c, image.c: pictures */
#define CARD_MAX ((size_t)5 * 1024 * 1024)
struct image {
	const char *media; /* image/png, image/jpeg */
	int width, height;
};
/* By content: false when it is neither format, or broken off. */
bool image_look(struct bytes b, struct image *ret);
int card_take(struct req *r, struct problem *err); /* .ask */
int card_record(struct req *r, struct problem *err);
int file_fetch(struct req *r, struct problem *err); /* .ask */
int file_show(struct req *r, struct problem *err);
const char *file_url(struct arena *a, const struct conf *conf, struct uuid id);

/* ---- consent.c */
struct consent_text {
	const char *version;
	const char *text;
	uint8_t hash[32];
};
/* The text that is signed now; lives with the process. */
const struct consent_text *consent_current(void);
int consent_start(const struct conf *conf, struct problem *err); /* the service's .start */
int consent_store(struct req *r, const struct link *l, struct problem *err) MUST_CHECK;

/* ---- insurance.c */
int insurance_store(struct req *r, const struct link *l, bool *verified, const char **plan_type, struct problem *err) MUST_CHECK;
int insurance_show(struct req *r, struct problem *err);

/* ---- submit.c, page.c */
int enrollment_submit(struct req *r, struct problem *err);
int page_show(struct req *r, struct problem *err);
int page_script(struct req *r, struct problem *err);
int page_style(struct req *r, struct problem *err);

#endif
