/* harness_private.h: what the harness's files share. */
#ifndef T_HARNESS_PRIVATE_H
#define T_HARNESS_PRIVATE_H

#include <libpq-fe.h>

#include "harness/harness.h"

struct keyring;

struct stub {
	const char *method, *target, *body;
	const char *const *headers;
	int status;
	enum http_outcome outcome;
	bool once, used;
	struct stub *older;
};

struct sent_list {
	struct sent sent;
	struct sent_list *older;
};

struct world {
	const struct service *service;
	struct scratch *scratch;
	struct conf *conf;
	struct keyring *keyring;
	struct arena *life;
	struct arena *passing; /* one request's */
	struct db *db;
	struct http *http;
	struct serve_context serve;
	PGconn *super;
	const char *names[64]; /* of the environment, for the way back */
	size_t nnames;

	struct req req;
	bool asked;
	const json_t *json;
	unsigned nrequests;

	const char *callers[32]; /* registered: key id <caller>.<world>, secret secret-of-<key id> */
	size_t ncallers;
	char *last_event;

	struct stub *stubs;
	struct sent_list *sent;
	char fault[512]; /* the first thing that was wrong with what went out */
};

/* ---- world.c */
void world_fail(const char *file, int line, const char *fmt, ...) PRINTF_LIKE(3, 4) NORETURN;

/* ---- token.c */
void tokens_make(struct world *w, const char **keys, const char **jwks); /* the key files, in the scratch's folder */
bool token_asked(const struct sent *s);                                  /* whether a session is alive */

/* ---- outside.c */
void outside_answer(
    void *world, struct arena *a, const struct http_call *call, struct http_answer *ret, const char *const **headers);
void outside_check(struct world *w, const char *file, int line); /* fails the test if something went out wrong */
void outside_fault(struct world *w, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* ---- contract.c */
/* A call to a peer against that peer's table; *event: it is a delivery that needs no stub. Records a fault in w. */
void contract_call(struct world *w, const struct sent *s, bool *event);
void contract_reply(struct world *w, const struct sent *s, int status, const char *body);

#endif
