/* peer.c: see peer.h. */
#include "core.h"

#include <jansson.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "crypto/signature.h"
#include "net/breaker.h"
#include "net/peer.h"

#define PEER_HOST   "http://telerx.internal"
#define CONNECT_MS  1000
#define TOTAL_MS    5000
#define NONCE_BYTES 16

const struct conf_key peer_conf[] = { { "PEER_SOCKET", CONF_STR,
					  .says = "unix socket of nginx's listener for calls between services" },
	{ "SERVICE_KEY", CONF_STR, .says = "X-API-Key that this service calls others with" },
	{ "SERVICE_SECRET", CONF_STR, .secret = true, .says = "secret of SERVICE_KEY" }, { 0 } };

#define MAX_HEADERS 8

/* The headers that say who is calling; the array is theirs and ends with NULL. */
static int
sign(struct arena *a, const struct conf *conf, const struct peer_call *call, struct bytes body, const char **headers,
    struct problem *err)
{
	uint8_t random[NONCE_BYTES];
	char nonce[2 * NONCE_BYTES + 1], timestamp[CLOCK_TEXT], signature[68];
	const char *id = log_current_request_id();
	size_t n = 0;

	if (random_bytes(random, sizeof(random)) < 0)
		return problem(err, 503, "no_random", "the system gives no random bytes");
	(void)hex_encode(BYTES(random, sizeof(random)), nonce);
	(void)clock_text(clock_us(), timestamp);
	service_sign_v2(
	    conf_str(conf, "SERVICE_SECRET"), &(struct signed_call){ timestamp, nonce, call->method, call->path, body }, signature);
	headers[n++] = arena_printf(a, "X-API-Key: %s", conf_str(conf, "SERVICE_KEY"));
	headers[n++] = arena_printf(a, "X-Timestamp: %s", timestamp);
	headers[n++] = arena_printf(a, "X-Nonce: %s", nonce);
	headers[n++] = arena_printf(a, "X-Signature: %s", signature);
	if (*id != '\0')
		headers[n++] = arena_printf(a, "X-Request-Id: %s", id);
	if (call->key != NULL)
		headers[n++] = arena_printf(a, "Idempotency-Key: %s", call->key);
	if (body.n > 0)
		headers[n++] = "Content-Type: application/json";
	headers[n] = NULL;
	return 0;
}

static int
no_answer(const struct peer_call *call, const struct http_answer *answer, struct problem *err)
{
	(void)problem(err, 503, "peer_unavailable", "%s did not answer: %.100s", call->service,
	    answer->error != NULL ? answer->error : "no reason known");
	err->fault = FAULT_RETRY;
	return -1;
}

static void
read_reply(struct arena *a, const struct http_answer *answer, struct peer_reply *ret)
{
	struct problem no_json = { 0 };

	ret->status = answer->status;
	ret->raw = answer->body;
	ret->retry_after = answer->retry_after;
	if (answer->body.n > 0 && (answer->body.p[0] == '{' || answer->body.p[0] == '['))
		ret->body = json_read(a, (const char *)answer->body.p, answer->body.n, &no_json);
}

int
peer_call(struct http *h, struct arena *a, const struct conf *conf, const struct peer_call *call, struct peer_reply *ret,
    struct problem *err)
{
	struct bytes body = call->body != NULL ? BYTES_OF(call->body) : BYTES("", 0);
	const char *headers[MAX_HEADERS + 1];
	struct http_answer answer;

	*ret = (struct peer_reply){ .outcome = HTTP_NOT_SENT };
	if (sign(a, conf, call, body, headers, err) < 0 || breaker_enter(call->service, err) < 0)
		return -1;
	http_do(h, a,
	    &(struct http_call){
		.method = call->method,
		.url = arena_printf(a, PEER_HOST "%s", call->path),
		.unix_socket = conf_str(conf, "PEER_SOCKET"),
		.headers = headers,
		.body = body,
		.connect_ms = CONNECT_MS,
		.total_ms = call->total_ms != 0 ? call->total_ms : TOTAL_MS,
	    },
	    &answer);
	/* A peer that says "busy" or "no" is there; for one whose pool is gone nginx answers. */
	breaker_leave(call->service, answer.outcome == HTTP_ANSWERED && answer.status != 502 && answer.status != 504);
	ret->outcome = answer.outcome;
	if (answer.outcome != HTTP_ANSWERED)
		return no_answer(call, &answer, err);
	read_reply(a, &answer, ret);
	return 0;
}

static bool
may_be_repeated(const struct peer_reply *reply)
{
	return reply->status >= 500 || reply->status == 429 || (reply->status == 409 && reply->retry_after > 0);
}

/* It does not know our key, or its table does not list us: nothing our own caller could mend. */
static bool
is_about_us(const struct peer_reply *reply, const char *code)
{
	return reply->status < 400 || reply->status == 401 ||
	    (reply->status == 403 && (code == NULL || strcmp(code, "forbidden") == 0));
}

int
peer_expect(const struct peer_call *call, const struct peer_reply *reply, struct problem *err)
{
	const char *code = json_text_at(reply->body, "code"), *detail = json_text_at(reply->body, "detail");

	if (reply->status >= 200 && reply->status <= 299)
		return 0;
	if (may_be_repeated(reply)) {
		(void)problem(err, reply->status == 409 || reply->status == 429 ? reply->status : 503,
		    code != NULL ? code : "peer_unavailable", "%s answered %d", call->service, reply->status);
		err->fault = FAULT_RETRY;
		err->retry_after = reply->retry_after;
		return -1;
	}
	if (is_about_us(reply, code))
		(void)problem(
		    err, 502, "peer_refused", "%s answered %d %s", call->service, reply->status, code != NULL ? code : "");
	else
		(void)problem(
		    err, reply->status, code != NULL ? code : "peer_refused", "%s", detail != NULL ? detail : "refused by a peer");
	err->fault = FAULT_PERMANENT;
	return -1;
}
