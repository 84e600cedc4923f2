/*
 * anchor.c: the heads of the logs, kept where whoever owns the database cannot reach (rule L4): in files of this process's user, and off
 * the host by one POST. A log that was cut short, or replaced by an older copy, no longer has the seal that an anchor has seen.
 *
 * A line is "<time> <database> <seal> <last leaf> <digest>". Files only grow; the last line vouches for all before it, so old ones may be
 * taken away.
 */
#include "core.h"

#include <fcntl.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "crypto/hash.h"
#include "net/http.h"
#include "sealer/sealer.h"

#define POSTED_MAX ((size_t)LOGS_MAX * ANCHOR_LINE)

static void
anchor_text(const struct anchor_head *h, char out[ANCHOR_LINE])
{
	char at[CLOCK_TEXT], hex[HEX32];

	(void)snprintf(out, ANCHOR_LINE, "%s %s %" PRId64 " %" PRId64 " %s\n", clock_text(clock_us(), at), h->database, h->seal.n,
	    h->seal.hi, hex_encode(BYTES(h->seal.digest, 32), hex));
}

/* One write, so that a line is whole or absent; on disk before it counts. */
static int
append_line(const char *dir, const char *name, const char *line)
{
	char path[512];
	size_t n = strlen(line);
	int fd, rc = -1;

	if (snprintf(path, sizeof(path), "%s/%s.anchor", dir, name) >= (int)sizeof(path))
		return -1;
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return -1;
	if (write(fd, line, n) == (ssize_t)n && fsync(fd) == 0)
		rc = 0;
	(void)close(fd);
	return rc;
}

static bool
post(const struct conf *conf, const char *lines)
{
	static const char *const headers[] = { "Content-Type: text/plain", NULL };
	struct http_call call = {
		.method = "POST", .url = conf_str(conf, "ANCHOR_URL"), .headers = headers, .body = BYTES_OF(lines), .total_ms = 10000
	};
	struct arena *a = arena_new(0);
	struct http *http = http_new(NULL, conf_str(conf, "ANCHOR_CA_FILE"));
	struct http_answer answer;
	bool taken;

	http_do(http, a, &call, &answer);
	taken = answer.outcome == HTTP_ANSWERED && answer.status >= 200 && answer.status < 300;
	if (!taken)
		log_line(LOG_ERROR, "anchor.not_posted", "why", answer.outcome == HTTP_ANSWERED ? "refused" : answer.error, NULL);
	http_free(http);
	arena_free(a);
	return taken;
}

void
anchors_write(const struct conf *conf, struct anchor_head *heads, size_t n)
{
	const char *dir = conf_str(conf, "ANCHOR_DIR");
	struct buf lines = BUF_INIT(POSTED_MAX);
	bool kept[LOGS_MAX] = { false }, posted = true;
	char line[ANCHOR_LINE];

	for (size_t i = 0; i < n; i++) {
		if (heads[i].seal.n == heads[i].anchored)
			continue;
		anchor_text(&heads[i], line);
		kept[i] = *dir == '\0' || append_line(dir, heads[i].name, line) == 0;
		if (!kept[i])
			log_line(LOG_ERROR, "anchor.not_kept", "log", heads[i].name, "why", strerror(errno), NULL);
		buf_add(&lines, line);
	}
	if (lines.len > 0 && *conf_str(conf, "ANCHOR_URL") != '\0')
		posted = post(conf, buf_str(&lines));
	for (size_t i = 0; i < n; i++) {
		if (kept[i] && posted)
			heads[i].anchored = heads[i].seal.n;
		else if (heads[i].seal.n != heads[i].anchored)
			metric_add("audit_anchor_failures_total", NULL, 1);
	}
	buf_release(&lines);
}
