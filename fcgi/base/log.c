/*
 * log.c: see log.h. A line is put together on the stack and leaves by one write(2), alone or with its neighbours, so lines of several
 * threads and processes never mix and logging works when memory does not. What does not fit is cut value by value; the line stays
 * valid JSON.
 */
#include "core.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/utf8.h"

#define LINE_MAX_BYTES 4096 /* PIPE_BUF: longer writes to a pipe may be torn apart */
#define VALUE_MAX      1024
#define GATHER_US      (50 * 1000)

static const char *const level_names[] = { [LOG_DEBUG] = "DEBUG", [LOG_INFO] = "INFO", [LOG_WARN] = "WARN", [LOG_ERROR] = "ERROR" };

static char service_name[64] = "telerx";
static _Atomic int least_level = LOG_INFO, set_level = LOG_INFO; /* what holds; what it is without the file */
static char level_file[256];
static _Atomic long looked_at; /* the second in which the file was looked at */
static _Thread_local const char *request_id;
static _Atomic long own_pid; /* 0 = ask; each line carries it */

/* Lines on their way out, once log_gather was called. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t some;
	_Atomic bool on;
	bool ending;
	pthread_t thread;
	size_t n;
	char text[LINE_MAX_BYTES];
} gathered = { .lock = PTHREAD_MUTEX_INITIALIZER, .some = PTHREAD_COND_INITIALIZER };

struct line {
	char text[LINE_MAX_BYTES];
	size_t n;
	size_t limit; /* what values may use; the rest closes the line */
};

static void
put(struct line *l, const char *s, size_t n)
{
	if (n <= l->limit - l->n) {
		memcpy(l->text + l->n, s, n);
		l->n += n;
	}
}

/* One character of a string; the replacement character for bytes that are none. Returns how many bytes of s it took. */
static size_t
put_character(struct line *l, const uint8_t *s, size_t n)
{
	char escape[8];
	uint32_t c;
	size_t len = utf8_next(s, n, &c);

	if (len == 0) {
		put(l, "\\ufffd", 6);
		return 1;
	}
	if (c == '"' || c == '\\') {
		escape[0] = '\\';
		escape[1] = (char)c;
		put(l, escape, 2);
	} else if (c < 0x20 || c == 0x7f) {
		(void)snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)c);
		put(l, escape, 6);
	} else {
		put(l, (const char *)s, len);
	}
	return len;
}

static bool
is_plain(uint8_t c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void
put_string(struct line *l, const char *s)
{
	size_t n = strlen(s), i = 0, plain, end = l->n + VALUE_MAX;

	put(l, "\"", 1);
	if (n + 8 < VALUE_MAX && n + 8 < l->limit - l->n) { /* nearly always: nothing to escape, nothing to cut */
		for (plain = 0; plain < n && is_plain((uint8_t)s[plain]); plain++)
			;
		put(l, s, plain);
		i = plain;
	}
	while (i < n && l->n + 8 < end && l->n + 8 < l->limit)
		i += put_character(l, (const uint8_t *)s + i, n - i);
	l->limit += 1; /* the closing quote was reserved */
	put(l, "\"", 1);
}

static void
put_pair(struct line *l, const char *name, const char *value)
{
	size_t need = strlen(name) + 16;

	if (value == NULL || l->limit - l->n < need)
		return;
	put(l, l->n == 1 ? "\"" : ",\"", l->n == 1 ? 1 : 2);
	put(l, name, strlen(name));
	put(l, "\":", 2);
	l->limit -= 1;
	put_string(l, value);
}

static void
forget_pid(void)
{
	atomic_store_explicit(&own_pid, 0, memory_order_relaxed);
}

static long
pid_mine(void)
{
	static _Atomic bool watched;
	long pid = atomic_load_explicit(&own_pid, memory_order_relaxed);

	if (pid != 0)
		return pid;
	if (!atomic_exchange(&watched, true) && pthread_atfork(NULL, NULL, forget_pid) != 0)
		return (long)getpid();
	pid = (long)getpid();
	atomic_store_explicit(&own_pid, pid, memory_order_relaxed);
	return pid;
}

static void
line_start(struct line *l, enum log_level level, const char *event)
{
	char at[CLOCK_TEXT], pid[32];

	l->n = 0;
	l->limit = sizeof(l->text) - 2;
	put(l, "{", 1);
	put_pair(l, "ts", clock_text(clock_us(), at));
	put_pair(l, "level", level_names[level]);
	put_pair(l, "service", service_name);
	(void)snprintf(pid, sizeof(pid), ",\"pid\":%ld", pid_mine());
	put(l, pid, strlen(pid));
	put_pair(l, "rid", request_id);
	put_pair(l, "event", event);
}

static void
send_all(const char *text, size_t size)
{
	ssize_t n;

	do
		n = write(STDERR_FILENO, text, size);
	while (n < 0 && errno == EINTR);
}

static void
send_gathered(void)
{
	if (gathered.n > 0)
		send_all(gathered.text, gathered.n);
	gathered.n = 0;
}

static void
line_send(struct line *l, enum log_level level)
{
	l->text[l->n++] = '}';
	l->text[l->n++] = '\n';
	if (!atomic_load_explicit(&gathered.on, memory_order_relaxed)) {
		send_all(l->text, l->n);
		return;
	}
	(void)pthread_mutex_lock(&gathered.lock);
	if (l->n > sizeof(gathered.text) - gathered.n)
		send_gathered();
	if (gathered.n == 0)
		(void)pthread_cond_signal(&gathered.some);
	memcpy(gathered.text + gathered.n, l->text, l->n);
	gathered.n += l->n;
	if (level >= LOG_WARN)
		send_gathered();
	(void)pthread_mutex_unlock(&gathered.lock);
}

static void *
gather_main(void *nothing)
{
	bool ending = false;

	while (!ending) {
		(void)pthread_mutex_lock(&gathered.lock);
		while (gathered.n == 0 && !gathered.ending)
			(void)pthread_cond_wait(&gathered.some, &gathered.lock);
		ending = gathered.ending;
		(void)pthread_mutex_unlock(&gathered.lock);
		if (!ending)
			(void)usleep(GATHER_US);
		log_flush();
	}
	return nothing;
}

void
log_gather(void)
{
	if (atomic_load(&gathered.on) || pthread_create(&gathered.thread, NULL, gather_main, NULL) != 0)
		return; /* line by line, then */
	atomic_store(&gathered.on, true);
}

void
log_gather_end(void)
{
	if (!atomic_exchange(&gathered.on, false))
		return;
	(void)pthread_mutex_lock(&gathered.lock);
	gathered.ending = true;
	(void)pthread_cond_signal(&gathered.some);
	(void)pthread_mutex_unlock(&gathered.lock);
	(void)pthread_join(gathered.thread, NULL);
	gathered.ending = false;
	log_flush();
}

void
log_flush(void)
{
	(void)pthread_mutex_lock(&gathered.lock);
	send_gathered();
	(void)pthread_mutex_unlock(&gathered.lock);
}

void
log_open(const char *service, enum log_level least)
{
	(void)snprintf(service_name, sizeof(service_name), "%s", service);
	log_level_set(least);
}

void
log_level_set(enum log_level least)
{
	atomic_store(&set_level, (int)least);
	atomic_store(&least_level, (int)least);
}

void
log_level_file(const char *path)
{
	(void)snprintf(level_file, sizeof(level_file), "%s", path == NULL ? "" : path);
	atomic_store(&looked_at, 0);
}

/* The level that the file names, or the one that was set. */
static enum log_level
level_now(void)
{
	enum log_level level = (enum log_level)atomic_load(&set_level);
	int fd = open(level_file, O_RDONLY | O_CLOEXEC);
	char word[16];
	ssize_t n;

	if (fd < 0)
		return level;
	n = read(fd, word, sizeof(word) - 1);
	(void)close(fd);
	word[n < 0 ? 0 : n] = '\0';
	word[strcspn(word, " \t\r\n")] = '\0';
	(void)log_level_parse(word, &level);
	return level;
}

/* One thread a second looks; the coarse clock costs a few nanoseconds. */
static void
look(void)
{
	struct timespec t;
	enum log_level level;
	int before;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	if (atomic_load_explicit(&looked_at, memory_order_relaxed) == t.tv_sec || atomic_exchange(&looked_at, (long)t.tv_sec) == t.tv_sec)
		return;
	level = level_now();
	before = atomic_exchange(&least_level, (int)level);
	if (before >= 0 && (size_t)before < COUNT(level_names) && before != (int)level)
		log_line(LOG_WARN, "log.level", "from", level_names[before], "to", level_names[level], NULL);
}

bool
log_wants(enum log_level level)
{
	if (level_file[0] != '\0')
		look();
	return (int)level >= atomic_load_explicit(&least_level, memory_order_relaxed);
}

int
log_level_parse(const char *name, enum log_level *ret)
{
	size_t i;

	for (i = 0; name != NULL && i < COUNT(level_names); i++) {
		if (strcasecmp(name, level_names[i]) == 0) {
			*ret = (enum log_level)i;
			return 0;
		}
	}
	return -1;
}

void
log_request_id(const char *rid)
{
	request_id = rid;
}

const char *
log_current_request_id(void)
{
	return request_id == NULL ? "" : request_id;
}

void
log_line(enum log_level level, const char *event, ...)
{
	const char *name;
	struct line l;
	va_list ap;

	if (!log_wants(level))
		return;
	line_start(&l, level, event);
	va_start(ap, event);
	while ((name = va_arg(ap, const char *)) != NULL)
		put_pair(&l, name, va_arg(ap, const char *));
	va_end(ap);
	line_send(&l, level);
}

void
die(const char *fmt, ...)
{
	char why[512];
	struct line l;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	line_start(&l, LOG_ERROR, "die");
	put_pair(&l, "why", why);
	line_send(&l, LOG_ERROR);
	/* Not exit(): other threads are still in the middle of something that atexit handlers would pull from under them. */
	_exit(70);
}
