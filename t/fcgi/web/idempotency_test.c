/* idempotency_test.c: a repeated request is answered, not done again (rules P1 to P4), also when all repeats come at once. */
#include "fcgi/web/toy.h"

#include <pthread.h>

#define KEY_1   "key-number-one-0001"
#define THREADS 8

/* ---- Idempotency-Key */

static void
a_key_is_required_and_has_a_form(void **state)
{
	static const char *const bad[] = { "short-key-15-ch", "has a space inside it", "has-a-\"-quote-inside",
		"\"fifteen-inside-\"x" };

	(void)state;
	admin(&me, "POST", "/toy/things", NULL, "{}");
	expect(&me, 400, "idempotency_key_required");
	for (size_t i = 0; i < COUNT(bad); i++) {
		admin(&me, "POST", "/toy/things", bad[i], "{}");
		expect(&me, 400, "idempotency_key_invalid");
	}
	admin(&me, "POST", "/toy/things", "sixteen-char-key", "{}");
	expect(&me, 201, NULL);
}

static void
a_repeated_request_is_answered_not_done(void **state)
{
	int64_t rows = made(), successes = audited("thing.make", "success");
	char id[64];

	(void)state;
	admin(&me, "POST", "/toy/things", KEY_1, "{\"name\":\"a\",\"n\":1}");
	expect(&me, 201, NULL);
	assert_string_equal(header_of(&me, "Idempotent-Replayed"), "");
	(void)snprintf(id, sizeof(id), "%s", json_text_at(me.answer, "id"));
	/* The same body spelled differently, the key in quotes. */
	admin(&me, "POST", "/toy/things", "\"" KEY_1 "\"", "{ \"n\": 1, \"name\": \"a\" }");
	expect(&me, 201, NULL);
	assert_string_equal(json_text_at(me.answer, "id"), id);
	assert_string_equal(header_of(&me, "Idempotent-Replayed"), "true");
	assert_string_equal(header_of(&me, "Location"), "/toy/things/1");
	assert_string_equal(me.reply.content_type, "application/json");
	assert_int_equal(made(), rows + 1);
	assert_int_equal(audited("thing.make", "success"), successes + 1);
}

static void
a_key_belongs_to_one_request_and_one_caller(void **state)
{
	(void)state;
	admin(&me, "POST", "/toy/things", "another-key-000001", "{\"n\":1}");
	expect(&me, 201, NULL);
	admin(&me, "POST", "/toy/things", "another-key-000001", "{\"n\":2}");
	expect(&me, 422, "idempotency_key_reused");
	admin(&me, "POST", "/toy/asked", "another-key-000001", "{\"n\":1}");
	expect(&me, 422, "idempotency_key_reused");
	service(V2, "intake-key", "POST", "/toy/things", "another-key-000001", "{\"n\":2}");
	expect(&me, 201, NULL);
	assert_string_equal(header_of(&me, "Idempotent-Replayed"), "");
}

static void
a_refusal_does_not_use_up_the_key(void **state)
{
	(void)state;
	admin(&me, "POST", "/toy/things", "a-key-that-is-free", "{\"name\":\"refuse\"}");
	expect(&me, 422, "refused");
	admin(&me, "POST", "/toy/things", "a-key-that-is-free", "{\"n\":\"x\"}");
	expect(&me, 422, "validation_failed");
	admin(&me, "POST", "/toy/things", "a-key-that-is-free", "{}");
	expect(&me, 201, NULL);
}

static void
a_key_ends(void **state)
{
	(void)state;
	admin(&me, "POST", "/toy/things", "a-key-that-is-over", "{\"n\":1}");
	expect(&me, 201, NULL);
	(void)sql_number("UPDATE idempotency SET expires_at = now() - interval '1 s' WHERE key = 'a-key-that-is-over'");
	admin(&me, "POST", "/toy/things", "a-key-that-is-over", "{\"n\":2}");
	expect(&me, 201, NULL);
	assert_string_equal(header_of(&me, "Idempotent-Replayed"), "");
}

static void
what_is_kept_is_sealed(void **state)
{
	(void)state;
	assert_int_equal(
	    sql_number("SELECT count(*) FROM idempotency WHERE position('\"id\"'::bytea in body_enc) > 0 OR code IS NULL"), 0);
	assert_true(
	    sql_number("SELECT count(*) FROM idempotency WHERE length(body_enc) > 38 AND expires_at > now() + interval '29 days'") >
	    3);
}

/* ---- the same at the same time */

struct runner {
	struct client c;
	const char *target, *key, *text;
	pthread_t thread;
};

static void *
runner_main(void *p)
{
	struct runner *r = p;

	admin(&r->c, "POST", r->target, r->key, r->text);
	return NULL;
}

static void
run_together(struct runner *runners, size_t n, const char *target, const char *key, const char *text)
{
	for (size_t i = 0; i < n; i++) {
		client_open(&runners[i].c);
		runners[i].target = target;
		runners[i].key = key;
		runners[i].text = text;
	}
	for (size_t i = 0; i < n; i++)
		assert_int_equal(pthread_create(&runners[i].thread, NULL, runner_main, &runners[i]), 0);
	for (size_t i = 0; i < n; i++)
		(void)pthread_join(runners[i].thread, NULL);
}

static unsigned
count_status(const struct runner *runners, size_t n, int status)
{
	unsigned hits = 0;

	for (size_t i = 0; i < n; i++)
		hits += runners[i].c.reply.status == status;
	return hits;
}

static void
close_all(struct runner *runners, size_t n)
{
	for (size_t i = 0; i < n; i++)
		client_close(&runners[i].c);
}

static void
at_once_one_works_and_the_others_wait_or_hear_it(void **state)
{
	static const char *const targets[] = { "/toy/things", "/toy/asked" };
	struct runner runners[THREADS];
	char key[32];

	(void)state;
	for (size_t round = 0; round < 6; round++) {
		int64_t rows = made();

		(void)snprintf(key, sizeof(key), "a-key-of-the-crowd-%zu", round);
		run_together(runners, THREADS, targets[round % 2], key, round < 2 ? "{\"name\":\"slow\"}" : "{}");
		assert_int_equal(made(), rows + 1);
		assert_true(count_status(runners, THREADS, 201) >= 1);
		for (size_t i = 0; i < THREADS; i++) {
			if (runners[i].c.reply.status == 409) {
				expect(&runners[i].c, 409, "request_in_progress");
				assert_string_equal(header_of(&runners[i].c, "Retry-After"), "1");
			} else if (runners[i].c.reply.status != 503) { /* busy: half of the threads may wait for the vendor */
				expect(&runners[i].c, 201, NULL);
			}
		}
		close_all(runners, THREADS);
	}
}

/* Four threads: two may wait for the vendor, the third hears 503 at once. */
static void
a_slow_vendor_takes_half_of_the_threads(void **state)
{
	static const char *const keys[] = { "a-vendor-key-00001", "a-vendor-key-00002", "a-vendor-key-00003",
		"a-vendor-key-00004" };
	struct runner runners[COUNT(keys)];

	(void)state;
	most_asks = 0;
	for (size_t i = 0; i < COUNT(keys); i++) {
		client_open(&runners[i].c);
		runners[i].target = "/toy/asked";
		runners[i].key = keys[i];
		runners[i].text = "{\"name\":\"slow\"}";
		assert_int_equal(pthread_create(&runners[i].thread, NULL, runner_main, &runners[i]), 0);
	}
	for (size_t i = 0; i < COUNT(keys); i++)
		(void)pthread_join(runners[i].thread, NULL);
	assert_int_equal(most_asks, 2);
	assert_int_equal(count_status(runners, COUNT(keys), 201), 2);
	assert_int_equal(count_status(runners, COUNT(keys), 503), 2);
	close_all(runners, COUNT(keys));
}

static void
a_replay_does_not_ask_again(void **state)
{
	int before;

	(void)state;
	admin(&me, "POST", "/toy/asked", "asked-once-0000001", "{}");
	expect(&me, 201, NULL);
	before = asks;
	admin(&me, "POST", "/toy/asked", "asked-once-0000001", "{}");
	expect(&me, 201, NULL);
	assert_string_equal(header_of(&me, "Idempotent-Replayed"), "true");
	assert_int_equal(asks, before);
	/* And no lock stays behind. */
	assert_int_equal(sql_number("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_required_and_has_a_form),
		cmocka_unit_test(a_repeated_request_is_answered_not_done),
		cmocka_unit_test(a_key_belongs_to_one_request_and_one_caller),
		cmocka_unit_test(a_refusal_does_not_use_up_the_key),
		cmocka_unit_test(a_key_ends),
		cmocka_unit_test(what_is_kept_is_sealed),
		cmocka_unit_test(at_once_one_works_and_the_others_wait_or_hear_it),
		cmocka_unit_test(a_slow_vendor_takes_half_of_the_threads),
		cmocka_unit_test(a_replay_does_not_ask_again),
	};

	return cmocka_run_group_tests(tests, toy_setup, toy_teardown);
}
