/*
 * log.c: see log.h. A line is put together on the stack and leaves by one write(2), so lines of several threads and processes never
 * mix and logging works when memory does not. What does not fit is cut value by value; the line stays valid JSON.
 */
#include "core.h"

#include <pthread.h>
#include <stdatomic.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/utf8.h"

#define LINE_MAX_BYTES 4096 /* PIPE_BUF: longer writes to a pipe may be torn apart */
#define VALUE_MAX      1024

static const char *const level_names[] = { [LOG_DEBUG] = "DEBUG", [LOG_INFO] = "INFO", [LOG_WARN] = "WARN", [LOG_ERROR] = "ERROR" };

static char service_name[64] = "telerx";
static _Atomic int least_level = LOG_INFO;
static _Thread_local const char *request_id;
static _Atomic long own_pid; /* 0 = ask; each line carries it */

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

static void
put_string(struct line *l, const char *s)
{
	size_t n = strlen(s), i = 0, end = l->n + VALUE_MAX;

	put(l, "\"", 1);
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
line_send(struct line *l)
{
	ssize_t n;

	l->text[l->n++] = '}';
	l->text[l->n++] = '\n';
	do
		n = write(STDERR_FILENO, l->text, l->n);
	while (n < 0 && errno == EINTR);
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
	atomic_store_explicit(&least_level, (int)least, memory_order_relaxed);
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

	if ((int)level < atomic_load_explicit(&least_level, memory_order_relaxed))
		return;
	line_start(&l, level, event);
	va_start(ap, event);
	while ((name = va_arg(ap, const char *)) != NULL)
		put_pair(&l, name, va_arg(ap, const char *));
	va_end(ap);
	line_send(&l);
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
	line_send(&l);
	/* Not exit(): other threads are still in the middle of something that atexit handlers would pull from under them. */
	_exit(70);
}
