/* http.c: see http.h. */
#include "core.h"

#include <strings.h>

#include <curl/curl.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "data/db.h"
#include "net/address.h"
#include "net/http.h"

#define CONNECT_MS  5000
#define TOTAL_MS    15000
#define CAP         ((size_t)4 * 1024 * 1024)
#define HEADERS_MAX ((size_t)64 * 1024)
/* A vendor that sends less than a byte a second for this long has stopped answering. */
#define STALLED_S       10L
#define IDLE_S          20L /* below nginx's keepalive_timeout: the caller lets go first */
#define LONGEST_RETRY_S 3600

struct http {
	CURL *curl;
	struct db *db;
	const char *ca_file;
	struct buf headers; /* of the last answer, as received */
	char *found;        /* what http_header returned */
	uint64_t calls;
};

struct receiving {
	struct buf body;
	struct buf *headers;
};

static http_transport *transport;
static void *transport_context;

void
http_intercept(http_transport *t, void *context)
{
	transport = t;
	transport_context = context;
}

struct http *
http_new(struct db *db, const char *ca_file)
{
	struct http *h = calloc(1, sizeof(*h));

	if (h == NULL || (h->curl = curl_easy_init()) == NULL)
		die("libcurl does not start");
	h->db = db;
	h->ca_file = ca_file;
	h->headers = BUF_INIT(HEADERS_MAX);
	return h;
}

void
http_free(struct http *h)
{
	if (h == NULL)
		return;
	curl_easy_cleanup(h->curl);
	buf_release(&h->headers);
	free(h->found);
	free(h);
}

/* ---- what comes back */

static size_t
take_body(char *data, size_t size, size_t n, void *context)
{
	struct receiving *in = context;

	buf_addn(&in->body, data, size * n);
	return in->body.failed ? 0 : size * n;
}

static size_t
take_header(char *data, size_t size, size_t n, void *context)
{
	struct receiving *in = context;

	/* An interim answer (100) or a second attempt begins a new list. */
	if (size * n > 5 && memcmp(data, "HTTP/", 5) == 0)
		buf_clear(in->headers);
	buf_addn(in->headers, data, size * n);
	return in->headers->failed ? 0 : size * n;
}

const char *
http_header(const struct http *h, const char *name)
{
	struct http *mine = (struct http *)(uintptr_t)h; /* the copy is not part of its value */
	size_t n = strlen(name);

	for (const char *line = buf_str(&h->headers); *line != '\0';) {
		size_t len = strcspn(line, "\r\n");

		if (len > n && line[n] == ':' && strncasecmp(line, name, n) == 0) {
			const char *v = line + n + 1;

			v += strspn(v, " \t");
			free(mine->found);
			mine->found = strndup(v, len - (size_t)(v - line));
			if (mine->found == NULL)
				die("out of memory for a header");
			return mine->found;
		}
		line += len;
		line += strspn(line, "\r\n");
	}
	return NULL;
}

/* ---- what goes out */

static bool
is_loopback(const char *url)
{
	static const char *const hosts[] = { "http://localhost", "http://127.0.0.1", "http://[::1]" };

	for (size_t i = 0; i < COUNT(hosts); i++) {
		size_t n = strlen(hosts[i]);

		if (strncmp(url, hosts[i], n) == 0 && strchr(":/", url[n]) != NULL)
			return true;
	}
	return false;
}

static const char *
header_in(const char *const *headers, const char *name)
{
	size_t n = strlen(name);

	for (; headers != NULL && *headers != NULL; headers++)
		if (strncasecmp(*headers, name, n) == 0 && (*headers)[n] == ':')
			return *headers;
	return NULL;
}

static bool
is_safe_method(const char *method)
{
	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

/*
 * libcurl sends a request again by itself when a kept connection turns out to be dead. For one that nobody makes once (no key,
 * no safe method) that second sending could be a second effect, so it gets a connection of its own (rule M4).
 */
static bool
needs_fresh_connection(const struct http_call *call)
{
	return !is_safe_method(call->method) && header_in(call->headers, "Idempotency-Key") == NULL && call->unix_socket == NULL;
}

static struct curl_slist *
header_list(const struct http_call *call)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:"); /* no waiting for 100 */

	for (const char *const *p = call->headers; p != NULL && *p != NULL; p++)
		list = curl_slist_append(list, *p);
	if (list == NULL)
		die("out of memory for headers");
	return list;
}

static void
set_method(CURL *c, const struct http_call *call)
{
	if (call->body.n > 0 || !is_safe_method(call->method)) {
		(void)curl_easy_setopt(c, CURLOPT_POST, 1L);
		(void)curl_easy_setopt(c, CURLOPT_POSTFIELDS, call->body.n > 0 ? (const char *)call->body.p : "");
		(void)curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.n);
	}
	(void)curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, call->method);
	if (strcmp(call->method, "HEAD") == 0)
		(void)curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
}

/* Called with the address that the connection would go to: a private one is refused there, whatever the name was. */
static curl_socket_t
open_public(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)context;
	(void)purpose;
	if (!address_is_public(&address->addr))
		return CURL_SOCKET_BAD;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Rule H7. */
static void
set_limits(CURL *c, const struct http_call *call)
{
	bool plain = !call->from_data && (call->unix_socket != NULL || is_loopback(call->url));

	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)(call->connect_ms != 0 ? call->connect_ms : CONNECT_MS));
	(void)curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)(call->total_ms != 0 ? call->total_ms : TOTAL_MS));
	(void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
	(void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, STALLED_S);
	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, plain ? "http,https" : "https");
	(void)curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	(void)curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	(void)curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	(void)curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	(void)curl_easy_setopt(c, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(c, CURLOPT_MAXAGE_CONN, IDLE_S);
	if (call->from_data && !call->private_allowed)
		(void)curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_public);
	(void)curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, call->from_data || needs_fresh_connection(call) ? 1L : 0L);
}

static void
set_call(CURL *c, const struct http_call *call, const char *trusted, struct receiving *in, struct curl_slist *headers)
{
	const char *ca_file = call->ca_file != NULL && *call->ca_file != '\0' ? call->ca_file : trusted;

	curl_easy_reset(c); /* options only: connections are kept */
	set_limits(c, call);
	set_method(c, call);
	(void)curl_easy_setopt(c, CURLOPT_URL, call->url);
	(void)curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, in);
	(void)curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header);
	(void)curl_easy_setopt(c, CURLOPT_HEADERDATA, in);
	if (call->unix_socket != NULL)
		(void)curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, call->unix_socket);
	if (ca_file != NULL && *ca_file != '\0')
		(void)curl_easy_setopt(c, CURLOPT_CAINFO, ca_file);
	if (call->source != NULL)
		(void)curl_easy_setopt(c, CURLOPT_INTERFACE, call->source);
}

/* ---- what is known afterwards */

/* Only when not a byte of the request left may it be sent again without asking. */
static enum http_outcome
outcome_of(CURL *c, CURLcode code)
{
	long sent = 0;

	if (code == CURLE_OK)
		return HTTP_ANSWERED;
	(void)curl_easy_getinfo(c, CURLINFO_REQUEST_SIZE, &sent);
	return sent == 0 ? HTTP_NOT_SENT : HTTP_UNKNOWN;
}

static void
read_answer(CURL *c, struct http_answer *ret, struct receiving *in)
{
	curl_off_t retry = 0;
	long status = 0;

	(void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(c, CURLINFO_RETRY_AFTER, &retry);
	ret->status = (int)status;
	ret->retry_after = retry > LONGEST_RETRY_S ? LONGEST_RETRY_S : (int)retry;
	ret->body = BYTES(buf_str(&in->body), in->body.len);
}

static void
perform(struct http *h, struct arena *a, const struct http_call *call, struct http_answer *ret)
{
	struct receiving in = { .body = buf_in(a, call->cap != 0 ? call->cap : CAP), .headers = &h->headers };
	struct curl_slist *headers = header_list(call);
	CURLcode code;

	set_call(h->curl, call, h->ca_file, &in, headers);
	code = curl_easy_perform(h->curl);
	curl_slist_free_all(headers);
	ret->outcome = outcome_of(h->curl, code);
	if (code != CURLE_OK)
		ret->error = in.body.failed ? "the answer passes its cap" : curl_easy_strerror(code);
	else
		read_answer(h->curl, ret, &in);
}

static void
intercepted(struct http *h, struct arena *a, const struct http_call *call, struct http_answer *ret)
{
	const char *const *headers = NULL;

	transport(transport_context, a, call, ret, &headers);
	for (; headers != NULL && *headers != NULL; headers++)
		buf_addf(&h->headers, "%s\r\n", *headers);
}

/* Whom, not what: a path or a query may carry an address. */
static void
log_call(struct arena *a, const struct http_call *call, const struct http_answer *answer, int64_t us)
{
	const char *host = strstr(call->url, "://");

	host = host == NULL ? call->url : host + 3;
	log_line(LOG_DEBUG, "http.call", "method", call->method, "host", arena_ndup(a, host, strcspn(host, "/?")), "status",
	    arena_printf(a, "%d", answer->status), "ms", arena_printf(a, "%.3f", (double)us / 1000), NULL);
}

void
http_do(struct http *h, struct arena *a, const struct http_call *call, struct http_answer *ret)
{
	int64_t began;

	if (h->db != NULL && db_in_transaction(h->db))
		die("a call to %.60s inside a transaction", call->url);
	*ret = (struct http_answer){ .body = BYTES("", 0) };
	h->calls++;
	buf_clear(&h->headers);
	began = clock_mono_us();
	if (transport != NULL)
		intercepted(h, a, call, ret);
	else
		perform(h, a, call, ret);
	if (log_wants(LOG_DEBUG))
		log_call(a, call, ret, clock_mono_us() - began);
}

uint64_t
http_calls(const struct http *h)
{
	return h->calls;
}
