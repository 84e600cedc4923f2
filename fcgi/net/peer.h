/*
 * peer.h: a signed call to another of our services, through nginx's internal listener (a unix socket with the public routing
 * table).
 *
 * Adds X-API-Key, X-Timestamp, X-Nonce, X-Signature (v2) and X-Request-Id; key is the Idempotency-Key (NULL for none). GET and
 * keyed calls are safe to repeat. Connect 1 s, total 5 s. Through the target's breaker.
 */
#ifndef NET_PEER_H
#define NET_PEER_H

#include <jansson.h>

#include "base/config.h"
#include "net/http.h"

struct peer_call {
	const char *service; /* the callee's name, for breaker, log and contract tests */
	const char *method;
	const char *path; /* with query */
	const char *key;
	const char *body; /* JSON text, NULL for none */
	int total_ms;     /* 0: 5 s */
};

struct peer_reply {
	enum http_outcome outcome;
	int status;
	json_t *body; /* NULL when empty or no JSON; lives with the arena */
	struct bytes raw;
	int retry_after;
};

extern const struct conf_key peer_conf[]; /* PEER_SOCKET, SERVICE_KEY, SERVICE_SECRET */

/* 0 whenever a complete answer came, whatever its status; -1 with a RETRY problem when not (outcome tells whether it may
 * have been done). */
int peer_call(struct http *h, struct arena *a, const struct conf *conf, const struct peer_call *call, struct peer_reply *ret,
    struct problem *err) MUST_CHECK;
/* The usual reading: 2xx is 0; anything else becomes this caller's problem (4xx keep status, code and detail, PERMANENT;
 * 5xx, 429, 409 with Retry-After: RETRY). */
int peer_expect(const struct peer_call *call, const struct peer_reply *reply, struct problem *err) MUST_CHECK;

#endif
