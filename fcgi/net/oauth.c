#include <pthread.h>

#include "base/clock.h"
#include "base/json.h"
#include "net/form.h"
#include "net/oauth.h"

#define SLOTS 8
#define EARLY_US (60 * US_PER_S)

static struct slot {
	char url[256];
	char token[4096];
	int64_t expires;	/* monotonic microseconds */
} slots[SLOTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct slot *
slot_of(const char *url)
{
	for (size_t i = 0; i < SLOTS; i++)
		if (slots[i].url[0] == '\0' || strcmp(slots[i].url, url) == 0)
			return &slots[i];
	return NULL;
}

static int
fetch(struct http *h, struct arena *a, const struct oauth_client *c, struct slot *s, struct problem *err)
{
	static const char *const headers[] = { "Content-Type: application/x-www-form-urlencoded", "Accept: application/json", NULL };
	struct buf form = buf_in(a, 4096);
	struct http_answer answer;
	const char *token;
	json_t *body;

	form_add(&form, "grant_type", "client_credentials");
	form_add(&form, "client_id", c->client_id);
	form_add(&form, "client_secret", c->client_secret);
	http_do(h, a, &(struct http_call){ .method = "POST", .url = c->token_url, .headers = headers,
	    .body = BYTES(form.data, form.len), .connect_ms = 5000, .total_ms = 10000 }, &answer);
	if (answer.outcome != HTTP_ANSWERED || answer.status >= 500 || answer.status == 429)
		return problem(err, 503, "token_unavailable", "the token endpoint did not answer");
	if (answer.status != 200)
		return problem(err, 502, "client_refused", "the token endpoint answered %d", answer.status);
	body = json_read(a, (const char *)answer.body.p, answer.body.n, err);
	token = json_text_at(body, "access_token");
	if (token == NULL || strlen(token) >= sizeof(s->token) || strlen(c->token_url) >= sizeof(s->url))
		return problem(err, 503, "token_unavailable", "the token endpoint's answer holds no token");
	(void)snprintf(s->url, sizeof(s->url), "%s", c->token_url);
	(void)snprintf(s->token, sizeof(s->token), "%s", token);
	s->expires = clock_mono_us() + json_int_at(body, "expires_in", 300) * US_PER_S - EARLY_US;
	return 0;
}

const char *
oauth_header(struct http *h, struct arena *a, const struct oauth_client *c, struct problem *err)
{
	const char *header = NULL;
	struct slot *s;

	/* One fetch at a time: the others wait for it and then find the token. */
	pthread_mutex_lock(&lock);
	s = slot_of(c->token_url);
	if (s == NULL)
		problem(err, 500, "token_unavailable", "more than %d token endpoints", SLOTS);
	else if (s->expires > clock_mono_us() || fetch(h, a, c, s, err) == 0)
		header = arena_printf(a, "Authorization: Bearer %s", s->token);
	pthread_mutex_unlock(&lock);
	return header;
}

void
oauth_drop(const char *token_url)
{
	pthread_mutex_lock(&lock);
	struct slot *s = slot_of(token_url);
	if (s != NULL)
		s->expires = 0;
	pthread_mutex_unlock(&lock);
}
