/*
 * loop.c: one process of a pool. Its threads share one epoll set that holds the listening socket and every connection nginx
 * keeps, each armed for one wake-up at a time, so any free thread takes the next readable connection and an idle one holds
 * none. libfcgi only parses: a connection is accepted here and handed to it by the fields ipcFd and keepConnection of its
 * request (pinned by t/fcgi/web/libfcgi_test).
 *
 * SIGTERM: the listening socket is left to the other processes, and what nginx still has open is served until nginx closes it
 * (a second, by its keepalive_timeout), 20 s at most. Closing such a connection from here could lose a request already on its
 * way.
 */
#define _GNU_SOURCE 1
#include "core.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <fcgiapp.h>

#include "base/failpoint.h"
#include "crypto/keyring.h"
#include "crypto/secret.h"
#include "data/event.h"
#include "net/http.h"
#include "web/streams.h"
#include "web/web_private.h"

#define LISTEN_FD       0
#define MAX_HEADERS     128
#define MAX_PARAM_BYTES ((size_t)64 * 1024) /* rule H9 */
#define IO_SECONDS      10
#define RETRY_US        US_PER_S
#define DRAIN_SECONDS   20
#define ACCEPTS_AT_ONCE 8
#define KEPT_EVENTS     (EPOLLIN | EPOLLRDHUP | EPOLLONESHOT)

struct connection {
	FCGX_Request fx;
	int fd;
};

struct pool {
	const struct service *service;
	const struct conf *conf;
	const struct keyring *keyring;
	size_t max_body;
	int epoll;
	int wake; /* eventfd: the threads end */
	atomic_int connections;
	atomic_int accepting; /* threads between their look at leaving and the count of what they accepted */
	atomic_bool leaving;  /* the listening socket is no longer ours */
	struct streams *streams;
};

/* Marks in epoll's data what is not a connection. */
static char listening, waking;

/* ---- the epoll set */

static void
arm(const struct pool *p, int op, int fd, uint32_t events, void *what)
{
	struct epoll_event ev = { .events = events, .data = { .ptr = what } };

	/* The listening socket may have left the set meanwhile; that is the one expected failure. */
	if (epoll_ctl(p->epoll, op, fd, &ev) < 0 && what != &listening)
		die("epoll_ctl: %s", strerror(errno));
}

static void
connection_free(struct pool *p, struct connection *c)
{
	free(c);
	(void)atomic_fetch_sub(&p->connections, 1);
}

static void
connection_new(struct pool *p, int fd)
{
	struct connection *c = calloc(1, sizeof(*c));
	const struct timeval patience = { .tv_sec = IO_SECONDS };

	if (c == NULL)
		die("out of memory for a connection");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (FCGX_InitRequest(&c->fx, -1, 0) != 0)
		die("libfcgi takes no request");
	c->fd = c->fx.ipcFd = fd;
	c->fx.keepConnection = 1; /* or the first FCGX_Accept_r closes it */
	(void)atomic_fetch_add(&p->connections, 1);
	arm(p, EPOLL_CTL_ADD, fd, KEPT_EVENTS, c);
}

static void
accept_some(struct pool *p)
{
	(void)atomic_fetch_add(&p->accepting, 1);
	for (int i = 0; i < ACCEPTS_AT_ONCE && !atomic_load(&p->leaving); i++) {
		int fd = accept4(LISTEN_FD, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			break;
		connection_new(p, fd);
	}
	if (!atomic_load(&p->leaving))
		arm(p, EPOLL_CTL_MOD, LISTEN_FD, EPOLLIN | EPOLLONESHOT, &listening);
	(void)atomic_fetch_sub(&p->accepting, 1);
}

/* ---- from FastCGI parameters to a request */

/* HTTP_X_REQUEST_ID -> x-request-id */
static const char *
header_name(struct arena *a, const char *param, size_t n)
{
	char *name = arena_ndup(a, param, n);

	for (char *p = name; *p != '\0'; p++)
		*p = *p == '_' ? '-' : *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
	return name;
}

static bool
read_headers(struct arena *a, char **envp, struct wire_request *w)
{
	struct header *h = arena_alloc(a, MAX_HEADERS * sizeof(*h));
	size_t total = 0;

	for (; *envp != NULL; envp++) {
		const char *name = *envp, *eq = strchr(name, '=');

		total += strlen(name);
		if (eq == NULL || eq[1] == '\0')
			continue;
		if (strncmp(name, "HTTP_", 5) == 0)
			name += 5;
		else if (strncmp(name, "CONTENT_", 8) != 0)
			continue;
		if (w->nheaders >= MAX_HEADERS)
			return false;
		h[w->nheaders++] = (struct header){ header_name(a, name, (size_t)(eq - name)), eq + 1 };
	}
	w->headers = h;
	return total <= MAX_PARAM_BYTES;
}

static const char *
param(char **envp, const char *name, const char *otherwise)
{
	const char *v = FCGX_GetParam(name, envp);

	return v != NULL && *v != '\0' ? v : otherwise;
}

/* Reads to the end even when the body is too large: nginx sends all of it before it reads the answer. */
static int
read_body(struct arena *a, FCGX_Stream *in, size_t max, struct wire_request *w)
{
	struct buf body = buf_in(a, max);
	char piece[16 * 1024];
	int n;

	while ((n = FCGX_GetStr(piece, sizeof(piece), in)) > 0)
		buf_addn(&body, piece, (size_t)n);
	w->body_too_large = body.failed;
	w->body = BYTES(buf_str(&body), body.failed ? 0 : body.len);
	return FCGX_GetError(in) == 0 ? 0 : -1;
}

static int
read_request(const struct pool *p, struct arena *a, FCGX_Request *fx, struct wire_request *w)
{
	const char *length = param(fx->envp, "CONTENT_LENGTH", "0");

	*w = (struct wire_request){
		.method = param(fx->envp, "REQUEST_METHOD", "GET"),
		.target = param(fx->envp, "REQUEST_URI", "/"),
		.remote = param(fx->envp, "REMOTE_ADDR", NULL),
		.request_id = param(fx->envp, "REQUEST_ID", param(fx->envp, "HTTP_X_REQUEST_ID", NULL)),
	};
	if (read_body(a, fx->in, p->max_body, w) < 0)
		return -1;
	/* A body that ended early is no body: its sender went away. */
	if (!w->body_too_large && strtoull(length, NULL, 10) != w->body.n)
		return -1;
	return read_headers(a, fx->envp, w) ? 0 : 1;
}

/* ---- the answer */

static void
write_head(FCGX_Stream *out, const struct req *r, bool whole)
{
	(void)FCGX_FPrintF(out, "Status: %d %s\r\n", r->status, status_title(r->status));
	if (r->content_type != NULL)
		(void)FCGX_FPrintF(out, "Content-Type: %s\r\n", r->content_type);
	if (whole && r->status != 204)
		(void)FCGX_FPrintF(out, "Content-Length: %lu\r\n", (unsigned long)r->out.len);
	for (size_t i = 0; i < r->nreply_headers; i++) {
		(void)FCGX_PutS(r->reply_headers[i].name, out);
		(void)FCGX_PutS(": ", out);
		(void)FCGX_PutS(r->reply_headers[i].value, out);
		(void)FCGX_PutS("\r\n", out);
	}
	(void)FCGX_PutS("\r\n", out);
}

static void
write_reply(FCGX_Stream *out, const struct req *r)
{
	write_head(out, r, true);
	if (r->out.len > 0 && strcmp(r->method, "HEAD") != 0)
		(void)FCGX_PutStr(r->out.data, (int)r->out.len, out);
}

/* An answer that does not end: only its head is written here. False when there is no room for it. */
static bool
begin_stream(struct pool *p, FCGX_Request *fx, const struct req *r)
{
	if (!streams_room(p->streams)) {
		(void)FCGX_PutS("Status: 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n", fx->out);
		return false;
	}
	write_head(fx->out, r, false);
	(void)FCGX_FFlush(fx->out);
	return true;
}

/* True: *ret is an answer that goes on without this thread. */
static bool
serve(struct pool *p, struct serve_context *c, FCGX_Request *fx, struct req *ret)
{
	struct wire_request wire;
	int rc = read_request(p, c->arena, fx, &wire);

	if (rc > 0) {
		(void)FCGX_PutS("Status: 431 Request Header Fields Too Large\r\nContent-Length: 0\r\n\r\n", fx->out);
	} else if (rc < 0) {
		(void)FCGX_PutS("Status: 400 Bad Request\r\nContent-Length: 0\r\n\r\n", fx->out);
	} else {
		dispatch(c, &wire, ret);
		FAIL_POINT("web.reply");
		if (ret->status == 200 && ret->route != NULL && ret->route->stream != NULL && strcmp(ret->method, "HEAD") != 0)
			return begin_stream(p, fx, ret);
		write_reply(fx->out, ret);
	}
	return false;
}

/* ---- a thread */

/* What a thread owns, and when it may look again for a database that was away at the start. */
struct hand {
	struct serve_context context;
	int64_t next_try;
};

/* The connection, once it is there, reconnects by itself. */
static void
open_database(struct pool *p, struct hand *h)
{
	struct serve_context *c = &h->context;
	struct problem err = { 0 };
	char application[48];

	h->next_try = clock_mono_us() + RETRY_US;
	(void)snprintf(application, sizeof(application), "telerx-%s", p->service->name);
	c->db = db_open(conf_str(p->conf, "DATABASE_URL"), DB_API, application, &err);
	if (c->db == NULL) {
		log_line(LOG_ERROR, "database.unavailable", "code", err.code, "detail", err.detail, NULL);
		return;
	}
	db_keyring(c->db, p->keyring);
	http_free(c->http); /* the next one knows whose transactions forbid a call */
	c->http = NULL;
}

static void
connect_database(struct pool *p, struct hand *h)
{
	if (h->context.db == NULL && p->service->database != NULL && clock_mono_us() >= h->next_try)
		open_database(p, h);
	if (h->context.http == NULL)
		h->context.http = http_new(h->context.db, conf_str(p->conf, "VENDOR_CA_FILE"));
}

/* libfcgi's part of it is over; what follows on the connection is the streams' business. */
static void
hand_over(struct pool *p, struct connection *k, const struct req *r)
{
	(void)epoll_ctl(p->epoll, EPOLL_CTL_DEL, k->fd, NULL);
	streams_take(p->streams, k->fd, (unsigned)k->fx.requestId, r->route->stream, r->stream_from);
	FCGX_Free(&k->fx, 0);
	free(k);
}

static void
stream_gone(void *pool)
{
	struct pool *p = pool;

	(void)atomic_fetch_sub(&p->connections, 1);
}

static void
stream_back(void *pool, int fd)
{
	connection_new(pool, fd);
}

static void
take(struct pool *p, struct hand *h, struct connection *k)
{
	struct req r;

	if (FCGX_Accept_r(&k->fx) < 0) { /* nginx closed it; libfcgi has closed our end */
		connection_free(p, k);
		return;
	}
	connect_database(p, h);
	if (serve(p, &h->context, &k->fx, &r)) {
		hand_over(p, k, &r);
		arena_reset(h->context.arena);
		return;
	}
	FCGX_Detach(&k->fx); /* no lingering close */
	FCGX_Finish_r(&k->fx);
	arena_reset(h->context.arena);
	if (k->fx.ipcFd < 0) {
		connection_free(p, k);
		return;
	}
	k->fx.detached = 0;
	arm(p, EPOLL_CTL_MOD, k->fd, KEPT_EVENTS, k);
}

static void *
thread_main(void *argument)
{
	struct pool *p = argument;
	struct hand h = { .context = { .service = p->service, .conf = p->conf, .arena = arena_new(0) } };

	connect_database(p, &h);
	for (;;) {
		struct epoll_event ev;
		int n = epoll_wait(p->epoll, &ev, 1, -1);

		if (n < 0 && errno != EINTR)
			die("epoll_wait: %s", strerror(errno));
		if (n <= 0)
			continue;
		if (ev.data.ptr == &waking)
			break;
		if (ev.data.ptr == &listening)
			accept_some(p);
		else
			take(p, &h, ev.data.ptr);
	}
	http_free(h.context.http);
	db_close(h.context.db);
	arena_free(h.context.arena);
	return NULL;
}

/* ---- the process */

static void
pool_open(struct pool *p)
{
	int flags = fcntl(LISTEN_FD, F_GETFL);

	if (flags < 0 || fcntl(LISTEN_FD, F_SETFL, flags | O_NONBLOCK) < 0)
		die("descriptor 0 is no listening socket: %s", strerror(errno));
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->epoll < 0 || p->wake < 0)
		die("epoll: %s", strerror(errno));
	if (FCGX_Init() != 0)
		die("libfcgi does not start");
	arm(p, EPOLL_CTL_ADD, p->wake, EPOLLIN, &waking);
	arm(p, EPOLL_CTL_ADD, LISTEN_FD, EPOLLIN | EPOLLONESHOT, &listening);
}

static void
await_term(const sigset_t *set)
{
	int sig;

	do {
		if (sigwait(set, &sig) != 0)
			die("sigwait failed");
	} while (sig != SIGTERM && sig != SIGINT);
}

static void
drain(struct pool *p)
{
	int64_t until = clock_mono_us() + DRAIN_SECONDS * US_PER_S;
	const uint64_t one = 1;

	atomic_store(&p->leaving, true);
	(void)epoll_ctl(p->epoll, EPOLL_CTL_DEL, LISTEN_FD, NULL);
	streams_end(p->streams);
	/* A thread may be in accept_some just now; its connection counts. Who comes there later sees that we are leaving. */
	while ((atomic_load(&p->accepting) > 0 || atomic_load(&p->connections) > 0) && clock_mono_us() < until)
		(void)usleep(20 * 1000);
	/* Level triggered and never read: every thread sees it. */
	if (write(p->wake, &one, sizeof(one)) != (ssize_t)sizeof(one))
		die("eventfd: %s", strerror(errno));
}

static void
block_signals(sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, SIGTERM);
	(void)sigaddset(set, SIGINT);
	(void)sigaddset(set, SIGHUP);
	(void)sigaddset(set, SIGUSR1);
	(void)sigaddset(set, SIGPIPE);
	if (pthread_sigmask(SIG_BLOCK, set, NULL) != 0)
		die("signals cannot be blocked");
	(void)sigdelset(set, SIGPIPE);
}

int
pool_process(const struct service *s, const struct conf *conf, int metrics_fd, unsigned lane, int ready_fd)
{
	struct problem err = { 0 };
	struct pool p = { .service = s, .conf = conf, .max_body = routes_max_body(s) };
	struct keyring *keyring = NULL;
	size_t nthreads = (size_t)conf_int(conf, "POOL_THREADS");
	pthread_t threads[64];
	sigset_t signals;

	if (nthreads < 1 || nthreads > COUNT(threads))
		die("POOL_THREADS must be 1 to %zu", COUNT(threads));
	secret_process();
	block_signals(&signals);
	if (s->database != NULL && (keyring = keyring_open(conf_str(conf, "KEYHOLDER_SOCKET"), s->name, &err)) == NULL)
		die("%s: %s", err.code, err.detail);
	if (metrics_join(metrics_fd, lane) < 0)
		die("the scoreboard cannot be mapped: %s", strerror(errno));
	const struct streams_setup streams = { .conf = conf, .keyring = keyring, .pool = &p, .gone = stream_gone, .back = stream_back };

	p.keyring = keyring;
	pool_open(&p);
	p.streams = streams_new(&streams);
	log_gather();
	for (size_t i = 0; i < nthreads; i++)
		if (pthread_create(&threads[i], NULL, thread_main, &p) != 0)
			die("no thread: %s", strerror(errno));
	if (ready_fd >= 0) {
		(void)!write(ready_fd, "r", 1);
		(void)close(ready_fd);
	}
	await_term(&signals);
	drain(&p);
	for (size_t i = 0; i < nthreads; i++)
		(void)pthread_join(threads[i], NULL);
	streams_free(p.streams);
	keyring_free(keyring);
	log_gather_end();
	return 0;
}
