/*
 * http.h: outbound HTTP by libcurl, one handle per thread, kept alive (rule H7).
 *
 * The answer says what is known: nothing was sent (safe to repeat), an answer came, or the outcome is unknown because bytes
 * went out and no complete answer came back (rule M3). A transaction open on the thread's db makes the call abort the process:
 * it is a bug (rule D5). URLs come from configuration: https, or http on loopback, or a unix socket. Redirects are not
 * followed, answers are capped.
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "base/arena.h"
#include "base/problem.h"

struct http;
struct db;

enum http_outcome { HTTP_ANSWERED, HTTP_NOT_SENT, HTTP_UNKNOWN };

struct http_call {
	const char *method;
	const char *url;
	const char *unix_socket;    /* NULL = by the URL's host */
	const char *ca_file;        /* NULL = the handle's, see http_new */
	const char *source;         /* local address to call from; NULL = the system's choice */
	const char *const *headers; /* NULL-terminated "Name: value"; may be NULL */
	struct bytes body;
	bool from_data;           /* the URL came from data, not from configuration: https only, and no private address */
	bool private_allowed;     /* but this installation's subscribers live in such a network */
	int connect_ms, total_ms; /* 0 = 5,000 and 15,000 */
	size_t cap;               /* answer body, 0 = 4 MiB */
};

struct http_answer {
	enum http_outcome outcome;
	int status;
	struct bytes body; /* NUL-terminated, in the arena */
	int retry_after;   /* seconds, 0 = none */
	const char *error; /* what libcurl said, for the log */
};

/* db: whose open transaction forbids calls; may be NULL. ca_file: the authority that vouches for hosts, outlives the handle;
 * NULL or "" = the system's. */
struct http *http_new(struct db *db, const char *ca_file);
void http_free(struct http *h);
void http_do(struct http *h, struct arena *a, const struct http_call *call, struct http_answer *ret);
uint64_t http_calls(const struct http *h); /* how many this handle made */
/* The value of an answer's header of the last call, NULL when absent; name in any case. Valid until the next call. */
const char *http_header(const struct http *h, const char *name);

/* Tests put their own world behind the same calls; NULL restores libcurl. headers of the answer are the transport's "Name:
 * value" list. */
typedef void http_transport(
    void *context, struct arena *a, const struct http_call *call, struct http_answer *ret, const char *const **headers);
void http_intercept(http_transport *t, void *context);

#endif
