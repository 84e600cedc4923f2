/*
 * file_s3.c: files behind an S3-compatible API, bucket in the path, signed by Signature Version 4 (crypto/sigv4.h). Objects have ids
 * that are never used twice, so each call may be repeated.
 */
#include "core.h"

#include "base/clock.h"
#include "base/log.h"
#include "crypto/hash.h"
#include "crypto/sigv4.h"
#include "net/breaker.h"
#include "net/file_store_private.h"
#include "net/form.h"

#define TARGET	   "files.s3"
#define MOST	   ((size_t)64 * 1024 * 1024)
#define MOST_PAGES 1000

struct s3_call {
	const char *method;
	const char *object; /* "" is the bucket */
	const char *query;  /* sorted and encoded */
	struct bytes body;
};

static const char *
encoded(struct arena *a, const char *text)
{
	struct buf b = buf_in(a, (size_t)4 * 1024);

	percent_encode(&b, text);
	return buf_str(&b);
}

/* 20260115T093000Z */
static const char *
date_of(struct arena *a, int64_t us)
{
	char t[CLOCK_TEXT];

	(void)clock_text(us, t);
	return arena_printf(a, "%.4s%.2s%.2sT%.2s%.2s%.2sZ", t, t + 5, t + 8, t + 11, t + 14, t + 17);
}

static const char *const *
signed_headers(const struct file_place *p, const struct s3_call *c, const char *path)
{
	const char *date = date_of(p->arena, clock_us()), *host = strstr(conf_str(p->conf, "FILES_S3_URL"), "://");
	const char **list = arena_alloc(p->arena, 5 * sizeof(*list));
	char hash[HEX32];
	uint8_t digest[32];

	sha256(c->body, digest);
	(void)hex_encode(BYTES(digest, sizeof(digest)), hash);
	host = host == NULL ? "" : host + 3;
	host = arena_ndup(p->arena, host, strcspn(host, "/"));

	const struct sigv4_header headers[] = { { "host", host }, { "x-amz-content-sha256", hash }, { "x-amz-date", date } };

	list[0] = arena_printf(p->arena, "Authorization: %s",
	    sigv4_authorization(p->arena,
		&(struct sigv4){ .method = c->method, .path = path, .query = c->query, .headers = headers, .nheaders = COUNT(headers),
		    .payload_hash = hash, .date = date, .region = conf_str(p->conf, "FILES_S3_REGION"), .service = "s3",
		    .access_key = conf_str(p->conf, "FILES_S3_ACCESS_KEY"), .secret_key = conf_str(p->conf, "FILES_S3_SECRET_KEY") }));
	list[1] = arena_printf(p->arena, "x-amz-content-sha256: %s", hash);
	list[2] = arena_printf(p->arena, "x-amz-date: %s", date);
	list[3] = "Content-Type: application/octet-stream";
	return list;
}

static int
unavailable(const struct http_answer *answer, struct problem *err)
{
	char status[12];

	(void)snprintf(status, sizeof(status), "%d", answer->status);
	log_line(LOG_ERROR, "files.unavailable", "status", status, "why", answer->error, NULL);
	return problem(err, 503, "files_unavailable", "files cannot be kept or read now");
}

/* 0 whenever a complete answer came that is no failure of the store. */
static int
s3_do(const struct file_place *p, const struct s3_call *c, struct http_answer *ret, struct problem *err)
{
	const char *root = conf_str(p->conf, "FILES_S3_URL"), *bucket = encoded(p->arena, conf_str(p->conf, "FILES_S3_BUCKET"));
	const char *path = arena_printf(p->arena, "/%s%s%s", bucket, *c->object != '\0' ? "/" : "", c->object);
	size_t n = strlen(root);

	while (n > 0 && root[n - 1] == '/')
		n--;
	if (breaker_enter(TARGET, err) < 0)
		return -1;
	http_do(p->http, p->arena,
	    &(struct http_call){ .method = c->method, .headers = signed_headers(p, c, path), .body = c->body, .connect_ms = 1000,
		.total_ms = 4000, .cap = MOST,
		.url = arena_printf(p->arena, "%.*s%s%s%s", (int)n, root, path, *c->query != '\0' ? "?" : "", c->query) },
	    ret);
	breaker_leave(TARGET, breaker_worked(ret));
	return ret->outcome != HTTP_ANSWERED || ret->status >= 500 || ret->status == 429 ? unavailable(ret, err) : 0;
}

static int
s3_put(const struct file_place *p, const char *object, struct bytes sealed, struct problem *err)
{
	struct http_answer answer;

	if (s3_do(p, &(struct s3_call){ "PUT", object, "", sealed }, &answer, err) < 0)
		return -1;
	return answer.status / 100 == 2 ? 0 : unavailable(&answer, err);
}

static int
s3_get(const struct file_place *p, const char *object, struct bytes *ret, struct problem *err)
{
	struct http_answer answer;

	if (s3_do(p, &(struct s3_call){ "GET", object, "", { 0 } }, &answer, err) < 0)
		return -1;
	if (answer.status == 404)
		return problem(err, 404, "file_not_found", "no such file");
	*ret = answer.body;
	return answer.status == 200 ? 0 : unavailable(&answer, err);
}

static int
s3_drop(const struct file_place *p, const char *object, struct problem *err)
{
	struct http_answer answer;

	if (s3_do(p, &(struct s3_call){ "DELETE", object, "", { 0 } }, &answer, err) < 0)
		return -1;
	return answer.status / 100 == 2 || answer.status == 404 ? 0 : unavailable(&answer, err);
}

/* ---- ListObjectsV2. Of its XML three elements are read; our own names need no unescaping, and other names are not ours. */

static const char *
element(struct arena *a, const char **at, const char *end, const char *name)
{
	const char *open = arena_printf(a, "<%s>", name), *close = arena_printf(a, "</%s>", name);
	const char *from = strstr(*at, open), *to;

	if (from == NULL || from >= end)
		return NULL;
	from += strlen(open);
	to = strstr(from, close);
	if (to == NULL || to > end)
		return NULL;
	*at = to + strlen(close);
	return arena_ndup(a, from, (size_t)(to - from));
}

static void
take_page(struct arena *a, const char *xml, const char *folder, int64_t before, struct file_names *ret)
{
	const char *end = xml + strlen(xml), *contents;

	while ((contents = element(a, &xml, end, "Contents")) != NULL) {
		const char *last = contents + strlen(contents), *k = contents, *m = contents;
		const char *key = element(a, &k, last, "Key"), *modified = element(a, &m, last, "LastModified");
		int64_t at;

		if (key != NULL && modified != NULL && clock_parse(modified, &at) == 0 && at < before &&
		    strncmp(key, folder, strlen(folder)) == 0)
			file_names_add(a, ret, key);
	}
}

static int
s3_list(const struct file_place *p, const char *folder, int64_t age_s, struct file_names *ret, struct problem *err)
{
	const char *prefix = encoded(p->arena, arena_printf(p->arena, "%s/", folder)), *next = NULL;
	struct http_answer answer;

	for (int page = 0; page < MOST_PAGES; page++) {
		const char *query = next == NULL
		    ? arena_printf(p->arena, "list-type=2&prefix=%s", prefix)
		    : arena_printf(p->arena, "continuation-token=%s&list-type=2&prefix=%s", encoded(p->arena, next), prefix);
		const char *xml, *at;

		if (s3_do(p, &(struct s3_call){ "GET", "", query, { 0 } }, &answer, err) < 0)
			return -1;
		if (answer.status != 200)
			return unavailable(&answer, err);
		xml = at = (const char *)answer.body.p;
		take_page(p->arena, xml, folder, clock_us() - age_s * US_PER_S, ret);
		next = element(p->arena, &at, xml + strlen(xml), "NextContinuationToken");
		if (next == NULL)
			return 0;
	}
	return 0;
}

const struct file_backend file_s3 = { s3_put, s3_get, s3_drop, s3_list };
