/* stream.c: see stream.h. The records on the wire are FastCGI's, written here: libfcgi would block on a slow reader. */
#include "core.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/seal.h"
#include "web/streams.h"

#define MOST_CLIENTS 64
#define TICK_MS      500
#define BEAT_US      (15 * US_PER_S)
#define PATIENCE_US  (60 * US_PER_S)
#define RETRY_US     US_PER_S
#define BATCH        500
#define SETTLES      5000
#define ROOM         ((size_t)64 * 1024)
#define RECORD_HEAD  8
#define FROM_NOW     (-1)

enum { RECORD_STDOUT = 6, RECORD_END = 3 };

static const char lock_sql[] = "SELECT pg_try_advisory_xact_lock(hashtext('telerx stream')) AS mine";

struct client {
	int fd;
	unsigned request_id; /* FastCGI's */
	const struct stream *source;
	int64_t position; /* the last that it was given; FROM_NOW until it is known */
	int64_t beat;     /* monotonic: when it last got anything */
	int64_t since;    /* monotonic: when what waits began to wait; 0 = nothing does */
	size_t start, end;
	char out[ROOM];
};

struct streams {
	const struct streams_setup *setup;
	pthread_mutex_t lock; /* of arriving, narriving, started */
	struct client *arriving[MOST_CLIENTS];
	size_t narriving;
	bool started;
	pthread_t thread;
	int wake;
	atomic_int n;
	atomic_bool ending;
	/* the thread's own */
	int epoll;
	struct client *clients[MOST_CLIENTS];
	size_t nclients;
	struct db *db;
	struct arena *arena;
	int64_t next_try;
};

/* ---- the handler */

static bool
is_number(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n > 0 && n <= 18 && s[n] == '\0';
}

int
stream_open(struct req *r, struct problem *err)
{
	const char *last = req_header(r, "last-event-id");

	if (last != NULL && *last != '\0' && !is_number(last))
		return problem(err, 400, "bad_event_id", "Last-Event-ID is the id of a message of this stream");
	r->stream_from = last != NULL && *last != '\0' ? strtoll(last, NULL, 10) : FROM_NOW;
	reply_header(r, "Cache-Control", "no-store");
	reply_header(r, "X-Accel-Buffering", "no");
	reply_bytes(r, 200, "text/event-stream", BYTES("", 0));
	return 0;
}

/* ---- one client */

static void
put_record(struct client *c, int type, const char *content, size_t n)
{
	unsigned char *h = (unsigned char *)c->out + c->end;

	h[0] = 1;
	h[1] = (unsigned char)type;
	h[2] = (unsigned char)(c->request_id >> 8);
	h[3] = (unsigned char)c->request_id;
	h[4] = (unsigned char)(n >> 8);
	h[5] = (unsigned char)n;
	h[6] = h[7] = 0;
	memcpy(h + RECORD_HEAD, content, n);
	c->end += RECORD_HEAD + n;
}

/* False: it does not fit any more. */
static bool
put(struct client *c, const char *text, size_t n)
{
	if (n > UINT16_MAX || c->end + RECORD_HEAD + n > ROOM - RECORD_HEAD * 3)
		return false;
	put_record(c, RECORD_STDOUT, text, n);
	return true;
}

/* False: the other side is gone. */
static bool
flush(struct client *c)
{
	while (c->start < c->end) {
		ssize_t n = send(c->fd, c->out + c->start, c->end - c->start, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			c->since = c->since != 0 ? c->since : clock_mono_us();
			return clock_mono_us() - c->since < PATIENCE_US;
		}
		if (n <= 0)
			return false;
		c->start += (size_t)n;
		c->beat = clock_mono_us();
	}
	c->start = c->end = 0;
	c->since = 0;
	return true;
}

static void
let_go(struct streams *s, size_t i)
{
	struct client *c = s->clients[i];

	(void)epoll_ctl(s->epoll, EPOLL_CTL_DEL, c->fd, NULL);
	(void)close(c->fd);
	free(c);
	s->clients[i] = s->clients[--s->nclients];
	(void)atomic_fetch_sub(&s->n, 1);
	s->setup->gone(s->setup->pool);
}

/* The answer ends as it should and nginx keeps the connection: it goes back to the threads. */
static void
end_client(struct streams *s, struct client *c)
{
	static const char over[8] = { 0 };
	int fd = c->fd;
	bool whole;

	(void)epoll_ctl(s->epoll, EPOLL_CTL_DEL, fd, NULL);
	put_record(c, RECORD_STDOUT, "", 0);
	put_record(c, RECORD_END, over, sizeof(over));
	whole = flush(c) && c->end == 0;
	free(c);
	if (whole)
		s->setup->back(s->setup->pool, fd);
	else
		(void)close(fd);
	s->setup->gone(s->setup->pool);
}

/* ---- the source */

static int
settle(struct streams *s, const struct stream *source, bool *all, struct problem *err)
{
	const struct row *w;
	int64_t n;

	*all = true;
	if (db_one(s->db, &w, lock_sql, err) < 0)
		return -1;
	if (!row_bool(w, "mine"))
		return 0; /* somebody else is at it */
	n = db_exec(s->db, source->settle, err, P_INT(SETTLES));
	*all = n < SETTLES;
	return n < 0 ? -1 : 0;
}

static int
begin_at_end(struct streams *s, const struct stream *source, struct problem *err)
{
	const struct row *w;

	if (db_one(s->db, &w, source->end, err) < 0)
		return -1;
	for (size_t i = 0; i < s->nclients; i++)
		if (s->clients[i]->source == source && s->clients[i]->position == FROM_NOW)
			s->clients[i]->position = w != NULL ? row_int(w, "position") : 0;
	return 0;
}

/* The first position that somebody has not had; -1: nobody waits for any. */
static int64_t
lowest(const struct streams *s, const struct stream *source)
{
	int64_t low = -1;

	for (size_t i = 0; i < s->nclients; i++) {
		const struct client *c = s->clients[i];

		if (c->source == source && c->position != FROM_NOW && c->end == 0 && (low < 0 || c->position < low))
			low = c->position;
	}
	return low;
}

static void
tell(struct streams *s, const struct stream *source, const struct row *w)
{
	const char *text = arena_printf(
	    s->arena, "id: %s\nevent: %s\ndata: %s\n\n", row_str(w, "position"), row_str(w, "event"), row_str(w, "data"));
	int64_t position = row_int(w, "position");

	for (size_t i = 0; i < s->nclients; i++) {
		struct client *c = s->clients[i];

		/* since marks here who has no room left: what follows must not overtake. */
		if (c->source != source || c->position == FROM_NOW || c->position >= position || c->since != 0)
			continue;
		if (put(c, text, strlen(text)))
			c->position = position;
		else
			c->since = clock_mono_us();
	}
}

/* One source, everybody who listens to it. 1: there may be more at once. */
static int
look(struct streams *s, const struct stream *source, struct problem *err)
{
	struct scope scope = { .actor = "system:stream" };
	struct rows *rows = NULL;
	bool all;
	int64_t low;

	if (uuid_parse(conf_str(s->setup->conf, "TENANT_ID"), &scope.tenant) < 0)
		return problem(err, 500, "bad_config", "TENANT_ID is no UUID");
	if (db_begin(s->db, WRITE, &scope, err) < 0 || settle(s, source, &all, err) < 0 ||
	    (all && begin_at_end(s, source, err) < 0))
		return -1;
	low = lowest(s, source);
	if (low >= 0 && db_all(s->db, &rows, source->read, err, P_INT(low), P_INT(BATCH)) < 0)
		return -1;
	if (db_commit(s->db, err) < 0)
		return -1;
	for (size_t i = 0; rows != NULL && i < rows_count(rows); i++)
		tell(s, source, rows_at(rows, i));
	return !all || (rows != NULL && rows_count(rows) == BATCH) ? 1 : 0;
}

static bool
connected(struct streams *s)
{
	struct problem err = { 0 };

	if (s->db != NULL || clock_mono_us() < s->next_try)
		return s->db != NULL;
	s->next_try = clock_mono_us() + RETRY_US;
	s->db = db_open(conf_str(s->setup->conf, "DATABASE_URL"), DB_API, "telerx-stream", &err);
	if (s->db == NULL)
		return false;
	db_arena(s->db, s->arena);
	db_keyring(s->db, s->setup->keyring);
	return true;
}

static bool
told_before(const struct streams *s, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (s->clients[k]->source == s->clients[i]->source)
			return true;
	return false;
}

/* True: look again at once. */
static bool
tell_all(struct streams *s)
{
	bool more = false;

	for (size_t i = 0; i < s->nclients && connected(s); i++) {
		struct problem err = { 0 };
		int n = told_before(s, i) ? 0 : look(s, s->clients[i]->source, &err);

		if (n < 0) {
			log_line(LOG_WARN, "stream.trouble", "code", err.code, "detail", err.detail, NULL);
			db_rollback(s->db);
		}
		more = more || n > 0;
	}
	for (size_t i = s->nclients; i > 0; i--) {
		struct client *c = s->clients[i - 1];

		if (c->end == 0 && clock_mono_us() - c->beat >= BEAT_US)
			(void)put(c, ":\n\n", 3);
		if (!flush(c))
			let_go(s, i - 1);
	}
	arena_reset(s->arena);
	return more;
}

/* ---- the thread */

static void
adopt(struct streams *s)
{
	uint64_t ignored;

	(void)!read(s->wake, &ignored, sizeof(ignored));
	(void)pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->narriving; i++) {
		struct client *c = s->arriving[i];
		struct epoll_event ev = { .events = EPOLLIN | EPOLLRDHUP, .data = { .ptr = c } };

		if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, c->fd, &ev) < 0)
			die("epoll_ctl: %s", strerror(errno));
		(void)put(c, "retry: 2000\n\n", 13);
		s->clients[s->nclients++] = c;
	}
	s->narriving = 0;
	(void)pthread_mutex_unlock(&s->lock);
}

/* nginx has nothing to say on such a connection but that the client is gone. */
static void
gone(struct streams *s, const struct client *c)
{
	for (size_t i = 0; i < s->nclients; i++)
		if (s->clients[i] == c) {
			let_go(s, i);
			return;
		}
}

static void *
thread_main(void *argument)
{
	struct streams *s = argument;
	bool more = false;

	while (!atomic_load(&s->ending)) {
		struct epoll_event ev[MOST_CLIENTS];
		int n = epoll_wait(s->epoll, ev, COUNT(ev), more ? 0 : s->nclients > 0 ? TICK_MS : -1);

		if (n < 0 && errno != EINTR)
			die("epoll_wait: %s", strerror(errno));
		for (int i = 0; i < n; i++)
			if (ev[i].data.ptr != NULL)
				gone(s, ev[i].data.ptr);
		adopt(s);
		more = tell_all(s);
	}
	adopt(s);
	for (size_t i = 0; i < s->nclients; i++)
		end_client(s, s->clients[i]);
	db_close(s->db);
	return NULL;
}

struct streams *
streams_new(const struct streams_setup *setup)
{
	struct streams *s = calloc(1, sizeof(*s));
	struct epoll_event ev = { .events = EPOLLIN, .data = { .ptr = NULL } };

	if (s == NULL)
		die("out of memory for streams");
	s->setup = setup;
	(void)pthread_mutex_init(&s->lock, NULL);
	s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->wake < 0 || s->epoll < 0 || epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->wake, &ev) < 0)
		die("epoll: %s", strerror(errno));
	return s;
}

static void
wake(struct streams *s)
{
	const uint64_t one = 1;

	if (write(s->wake, &one, sizeof(one)) != (ssize_t)sizeof(one))
		die("eventfd: %s", strerror(errno));
}

bool
streams_room(struct streams *s)
{
	if (atomic_load(&s->ending) || atomic_fetch_add(&s->n, 1) >= MOST_CLIENTS) {
		(void)atomic_fetch_sub(&s->n, 1);
		return false;
	}
	return true;
}

void
streams_take(struct streams *s, int fd, unsigned request_id, const struct stream *source, int64_t from)
{
	struct client *c = calloc(1, sizeof(*c));

	if (c == NULL)
		die("out of memory for a stream");
	c->fd = fd;
	c->request_id = request_id;
	c->source = source;
	c->position = from;
	c->beat = clock_mono_us();
	(void)pthread_mutex_lock(&s->lock);
	s->arriving[s->narriving++] = c;
	if (!s->started) {
		s->arena = arena_new(0);
		if (pthread_create(&s->thread, NULL, thread_main, s) != 0)
			die("no thread for streams");
		s->started = true;
	}
	(void)pthread_mutex_unlock(&s->lock);
	wake(s);
}

void
streams_end(struct streams *s)
{
	atomic_store(&s->ending, true);
	wake(s);
	if (s->started)
		(void)pthread_join(s->thread, NULL);
	arena_free(s->arena);
	s->arena = NULL;
	s->started = false;
}

void
streams_free(struct streams *s)
{
	for (size_t i = 0; i < s->narriving; i++) {
		(void)close(s->arriving[i]->fd);
		free(s->arriving[i]);
	}
	(void)close(s->epoll);
	(void)close(s->wake);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
}
