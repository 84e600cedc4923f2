/*
 * serve.h: from bytes to a reply. dispatch is the whole life of a request apart from the wire, so that tests run it without one.
 */
#ifndef WEB_SERVE_H
#define WEB_SERVE_H

#include "web/req.h"

/* What a thread owns. */
struct serve_context {
	const struct service *service;
	const struct conf *conf;
	struct arena *arena;
	struct db *db;
	struct http *http;
};

struct wire_request {
	const char *method;
	const char *target;
	const char *remote;
	const char *request_id;
	const struct header *headers;
	size_t nheaders;
	struct bytes body;
	bool body_too_large;
};

/* Finds the route, authenticates, validates, begins, calls, commits, audits, logs one line and counts. r holds the reply; it
 * lives until arena_reset. */
void dispatch(struct serve_context *c, const struct wire_request *wire, struct req *r);

/* Start-up check of a service's table: access set, once set, names unambiguous, audit named. -1 with the first fault named. */
int routes_check(const struct service *s, struct problem *err) MUST_CHECK;

/* The rows that every service has by itself: health, events, what an administrator sees of its jobs and messages. Lives until the
 * process ends. */
const struct route *core_routes(const struct service *s, size_t *n);

/* The life of a pool's process, listening on descriptor 0: threads on one epoll set, libfcgi parses, SIGTERM drains. Returns the exit
 * status. Its place is a lane of the master's scoreboard (-1: one of its own); ready_fd gets a byte when it serves; -1 = none. */
int pool_process(const struct service *s, const struct conf *conf, int metrics_fd, unsigned lane, int ready_fd);

void openapi_print(const struct service *s, struct buf *out); /* OpenAPI 3.1 document of this service */

#endif
