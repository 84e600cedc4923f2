/*
 * contract_test.c: the harness's own promise (rule Y-TEST-03): what breaks a peer's table fails the caller's test. Each call below
 * leaves registry's transport as a handler's would; the fault that the harness notes is what would have failed that test.
 */
#include "core.h"

#include "base/schema.h"
#include "harness/harness_private.h"
#include "net/peers.h"
#include "registry/registry.h"

#define SEND \
	"{\"type\":\"physician_new_task\",\"messageKey\":\"case-7\",\"recipient\":{\"email\":\"md@example.test\"},\"variables\":{}}"
#define SENT "{\"notificationId\":\"0194d9f0-0000-7000-8000-000000000001\",\"channels\":[]}"

extern const struct service *const all_services[];

static const struct {
	const char *what;
	const char *method, *path, *body;
	const char *answers; /* of the stub */
	const char *fault;   /* part of it; NULL = none */
} cases[] = {
	{ "a call by the table", "POST", "/notify/send", SEND, SENT, NULL },
	{ "a path of nobody", "POST", "/notify/sent", SEND, SENT, "no service has POST /notify/sent" },
	{ "a method of nobody", "DELETE", "/notify/send", NULL, SENT, "no service has DELETE /notify/send" },
	{ "a member too many", "POST", "/notify/send",
	    "{\"type\":\"physician_new_task\",\"messageKey\":\"k\",\"recipient\":{},\"variables\":{},\"extra\":1}", SENT,
	    "unknown_field" },
	{ "a member missing", "POST", "/notify/send", "{\"type\":\"physician_new_task\"}", SENT, "messageKey: required" },
	{ "no body", "POST", "/notify/send", NULL, SENT, "needs a JSON body" },
	{ "a reply that is never given", "POST", "/notify/send", SEND, "{\"notificationId\":7}",
	    "never answers what its stub does" },
	{ "somebody else's path", "POST", "/orchestrator/approve", "{}", "{}", "registry may not call POST /orchestrator/approve" },
	{ "an event the subscriber wants", "POST", "/console/events", "{\"topic\":\"assignment.opened\"}", NULL, NULL },
	{ "an event the subscriber does not know", "POST", "/orchestrator/events", "{\"topic\":\"assignment.opened\"}", NULL,
	    "orchestrator does not consume assignment.opened" },
};

static const char *
fault_of(struct world *w, size_t i)
{
	struct http_call call = { .method = cases[i].method, .unix_socket = "/nowhere", .body = BYTES("", 0) };
	struct http_answer answer;

	stubs_clear(w);
	w->fault[0] = '\0';
	call.url = text(w, "http://telerx.internal%s", cases[i].path);
	if (cases[i].body != NULL)
		call.body = BYTES_OF(cases[i].body);
	if (cases[i].answers != NULL)
		stub(w, cases[i].method, cases[i].path, 202, cases[i].answers);
	http_do(world_http(w), world_arena(w), &call, &answer);
	return w->fault;
}

/* Start-up holds each service to this; here all of them at once, and each schema has an example that its table takes. */
static void
g_com_03_every_topic_of_every_service_has_a_schema(void **state)
{
	struct world *w = *state;

	for (const struct service *const *s = all_services; *s != NULL; s++) {
		struct problem err = { 0 };

		if (topics_check((*s)->topics, world_conf(w), &err) < 0)
			fail_msg("%s: %s", (*s)->name, err.detail);
		for (const struct topic *t = (*s)->topics; t != NULL && t->name != NULL; t++) {
			struct buf b = buf_in(world_arena(w), 64 * 1024);
			struct json_writer j;
			json_t *example;

			jw_start(&j, &b);
			example_table(&j, NULL, t->payload, 0);
			example = json_read(world_arena(w), b.data, b.len, &err);
			if (example == NULL || field_check(t->payload, example, &err) < 0)
				fail_msg("%s: %s %s", t->name, err.errors[0].field, err.errors[0].code);
		}
	}
}

static const struct service *
called(const char *name)
{
	for (const struct service *const *s = all_services; *s != NULL; s++)
		if (strcmp((*s)->name, name) == 0)
			return *s;
	return NULL;
}

/* Who delivers finds the subscriber in the list of services; what is not in it would hear of nothing. */
static void
every_subscriber_has_an_address(void **state)
{
	(void)state;
	for (const struct service *const *s = all_services; *s != NULL; s++)
		for (const struct topic *t = (*s)->topics; t != NULL && t->name != NULL; t++)
			for (const char *const *to = t->subscribers; to != NULL && *to != NULL; to++) {
				const struct service *peer = called(*to);

				if (peer == NULL || peer_prefix(*to) == NULL || strcmp(peer_prefix(*to), peer->prefix) != 0)
					fail_msg("%s goes to %s, whose row in fcgi/net/peers.c is missing or wrong", t->name, *to);
			}
}

static const char *
default_of(const struct service *s, const char *key)
{
	for (const struct conf_key *k = s->config; k->name != NULL; k++)
		if (strcmp(k->name, key) == 0)
			return k->dflt;
	return NULL;
}

/* Events wake each of them at once; these are the intervals at which they look all the same. */
static void
P_WRK_01_seven_worker_queues_with_their_intervals(void **state)
{
	static const struct {
		const char *service, *polls, *every;
	} seven[] = {
		{ "prescription", "validation_jobs", "10s" },
		{ "enrollment", "enrollment_jobs", "30s" },
		{ "router", "routing_jobs", "20s" },
		{ "adjudication", "adjudication_jobs", "15s" },
		{ "billing", "payment_jobs", "30s" },
		{ "shipping", "shipping_jobs", "30s" },
		{ "shipping", "tracking_jobs", "60s" },
	};
	size_t n = 0;

	(void)state;
	for (const struct service *const *s = all_services; *s != NULL; s++)
		for (size_t i = 0; i < (*s)->ntimers; i++)
			n += (*s)->timers[i].polls != NULL;
	assert_int_equal(n, COUNT(seven));
	for (size_t i = 0; i < COUNT(seven); i++) {
		const struct service *s = called(seven[i].service);
		const struct timer_row *found = NULL;

		for (size_t k = 0; s != NULL && k < s->ntimers; k++)
			if (s->timers[k].polls != NULL && strcmp(s->timers[k].polls, seven[i].polls) == 0)
				found = &s->timers[k];
		if (found == NULL)
			fail_msg("nobody looks through %s", seven[i].polls);
		else if (default_of(s, found->every) == NULL || strcmp(default_of(s, found->every), seven[i].every) != 0)
			fail_msg("%s: %s is not %s by default", seven[i].polls, found->every, seven[i].every);
	}
}

static void
what_breaks_a_peers_table_is_noticed(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *fault = fault_of(w, i);

		if (cases[i].fault == NULL ? fault[0] != '\0' : strstr(fault, cases[i].fault) == NULL)
			fail_msg("%s: %s", cases[i].what, fault[0] != '\0' ? fault : "nothing was noticed");
		w->fault[0] = '\0';
	}
}

static void
a_call_without_a_stub_is_noticed(void **state)
{
	struct world *w = *state;
	struct http_call call = { .method = "GET", .url = "https://vendor.example/x", .body = BYTES("", 0) };
	struct http_answer answer;

	stubs_clear(w);
	http_do(world_http(w), world_arena(w), &call, &answer);
	assert_int_equal(answer.outcome, HTTP_NOT_SENT);
	assert_non_null(strstr(w->fault, "no stub for GET https://vendor.example/x"));
	w->fault[0] = '\0';
}

static void
the_newest_stub_answers_and_once_is_once(void **state)
{
	struct world *w = *state;
	struct http_call call = { .method = "GET", .url = "https://vendor.example/x?page=1", .body = BYTES("", 0) };
	const int expected[] = { 503, 0, 200, 200 };
	struct http_answer answer;

	stubs_clear(w);
	stub(w, "GET", "/x", 200, "{}");
	stub_broken(w, "GET", "https://vendor.example/*", HTTP_UNKNOWN);
	stub_once(w, "GET", "/x?page=1", 503, "{}");
	for (size_t i = 0; i < COUNT(expected); i++) {
		http_do(world_http(w), world_arena(w), &call, &answer);
		assert_int_equal(answer.status, expected[i]);
	}
	assert_int_equal(sent_count(w, "GET", "/x"), 4);
	assert_string_equal(sent_to(w, "GET", "/x", -1)->path, "/x?page=1");
	assert_null(sent_to(w, "GET", "/y", 0));
}

static int
setup(void **state)
{
	*state = world_new(&registry_service, NULL);
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(g_com_03_every_topic_of_every_service_has_a_schema),
		cmocka_unit_test(every_subscriber_has_an_address),
		cmocka_unit_test(P_WRK_01_seven_worker_queues_with_their_intervals),
		cmocka_unit_test(what_breaks_a_peers_table_is_noticed),
		cmocka_unit_test(a_call_without_a_stub_is_noticed),
		cmocka_unit_test(the_newest_stub_answers_and_once_is_once),
	};
	return cmocka_run_group_tests_name("contract", tests, setup, teardown);
}
