/*
 * The rules of program: the lookup is the example's (P-ADJ-03), its cache never shows what was changed (P-ADJ-04, P-DATA-08), nobody whom a government insures
 * gets a manufacturer's money, and a patient's year is never passed, whoever asks at once.
 */
#include <pthread.h>

#include "harness/harness.h"
#include "program/program.h"

#define HUMIRA "00002-7510-02"
#define LOOKUP "/api/v1/programs/lookup?ndc="
#define ADMIN_PATH "/api/v1/admin/programs"
#define RESERVE "/api/v1/programs/reservations"
#define THREADS 8
#define EACH 5

static int
setup(void **state)
{
	*state = world_new(&program_service, NULL);
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

static const char *
new_id(struct world *w)
{
	char id[UUID_TEXT];

	return text(w, "%s", uuid_text(uuid_new(), id));
}

/* A program of its own for a test: one drug, limits in dollars. */
static const char *
made(struct world *w, const char *id, const char *ndc, const char *more)
{
	post(w, BY_ADMIN, ADMIN_PATH, text(w, "{\"program_id\":\"%s\",\"program_name\":\"Test Card\",\"manufacturer\":\"Test Pharma\",\"ndcs\":[\"%s\"],"
	    "\"credentials\":{\"bin\":\"004682\",\"pcn\":\"CNRX\",\"group_id\":\"T1\"},\"target_copay\":5.00,\"max_per_rx\":100.00%s}", id, ndc, more));
	expect_status(w, 201);
	return id;
}

static void
look(struct world *w, const char *ndc, const char *type)
{
	get(w, BY_SERVICE("adjudication"), text(w, LOOKUP "%s&insurance_type=%s", ndc, type));
}

/* ---- the lookup */

static void
p_adj_03_the_lookup_is_the_example(void **state)
{
	static const char example[] = "{\"program_id\":\"prog_abbvie_humira_2024\",\"program_name\":\"Humira Complete Savings Card\","
	    "\"credentials\":{\"bin\":\"004682\",\"pcn\":\"CNRX\",\"group_id\":\"HUMIRA\"},"
	    "\"eligibility\":{\"commercial_only\":true,\"target_copay\":5.00}}";
	struct world *w = *state;

	look(w, HUMIRA, "commercial");
	expect_status(w, 200);
	assert_int_equal(answer_bytes(w).n, strlen(example));
	assert_memory_equal(answer_bytes(w).p, example, strlen(example));
	look(w, "00002751002", "commercial");
	expect_text(w, "program_id", "prog_abbvie_humira_2024");
}

static void
p_adj_03_a_government_plan_gets_no_program(void **state)
{
	struct world *w = *state;

	look(w, HUMIRA, "government");
	expect_problem(w, 404, "no_program");
	post(w, BY_ADMIN, ADMIN_PATH, "{\"program_id\":\"prog_bad\",\"program_name\":\"X\",\"manufacturer\":\"Y\",\"ndcs\":[\"" HUMIRA "\"],"
	    "\"credentials\":{\"bin\":\"004682\",\"pcn\":\"CNRX\",\"group_id\":\"T1\"},\"target_copay\":5,\"max_per_rx\":10,"
	    "\"insurance_types\":[\"commercial\",\"government\"]}");
	expect_problem(w, 422, "government_plan");
}

static void
who_fits_is_decided_by_kind_plan_age_and_dates(void **state)
{
	struct world *w = *state;

	look(w, HUMIRA, "cash");
	expect_problem(w, 404, "no_program");
	look(w, "99990-0001-01", "cash");
	expect_text(w, "program_id", "prog_sample_glow_2026");
	get(w, BY_ADMIN, LOOKUP "99990000101&insurance_type=commercial&age=17");
	expect_problem(w, 404, "no_program");
	get(w, BY_ADMIN, LOOKUP "99990000101&insurance_type=commercial&age=18");
	expect_status(w, 200);
	get(w, BY_ADMIN, LOOKUP "99990000202&insurance_type=commercial&bin=004336");
	expect_problem(w, 404, "no_program");
	get(w, BY_ADMIN, LOOKUP "99990000202&insurance_type=commercial&bin=610014");
	expect_status(w, 200);
	(void)made(w, "prog_past", "99990010101", ",\"valid_from\":\"2020-01-01\",\"valid_until\":\"2020-12-31\"");
	(void)made(w, "prog_future", "99990010102", ",\"valid_from\":\"2999-01-01\"");
	look(w, "99990010101", "commercial");
	expect_problem(w, 404, "no_program");
	look(w, "99990010102", "commercial");
	expect_problem(w, 404, "no_program");
}

static void
codes_are_normalised_or_refused(void **state)
{
	static const struct { const char *given, *kept; } cases[] = {
		{ "00002-7510-02", "00002751002" }, { "0002-7510-02", "00002751002" }, { "00002-751-02", "00002075102" },
		{ "00002-7510-2", "00002751002" }, { "00002751002", "00002751002" }, { "0000275100", NULL }, { "0002-751-02", NULL },
		{ "00002-7510-021", NULL }, { "00002-7510", NULL }, { "00002-7510-0a", NULL }, { "000027510021", NULL }, { "", NULL },
	};
	char ndc[NDC_TEXT];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int rc = ndc_normalise(cases[i].given, ndc);

		if (rc != (cases[i].kept != NULL ? 0 : -1) || (rc == 0 && strcmp(ndc, cases[i].kept) != 0))
			fail_msg("%s: %s", cases[i].given, rc == 0 ? ndc : "refused");
	}
	get(*state, BY_ADMIN, LOOKUP "0002-751-022&insurance_type=commercial");
	expect_problem((struct world *)*state, 422, "invalid_members");
}

/* ---- the cache */

static void
reserve(struct world *w, const char *rx, const char *patient, int claim, const char *ndc, const char *more)
{
	post(w, BY_SERVICE("adjudication"), RESERVE, text(w, "{\"prescription_id\":\"%s\",\"patient_id\":\"%s\",\"claim\":%d,\"ndc\":\"%s\","
	    "\"insurance_type\":\"commercial\"%s}", rx, patient, claim, ndc, more));
}

/* What claims ask for is kept at hand. */
static void
cache(struct world *w, const char *ndc)
{
	reserve(w, new_id(w), new_id(w), 1, ndc, "");
	expect_status(w, 200);
}

static void
p_adj_04_a_change_is_seen_at_once(void **state)
{
	struct world *w = *state;
	const char *id = made(w, "prog_cached", "99990010201", "");

	cache(w, "99990010201");
	look(w, "99990010201", "commercial");
	expect_status(w, 200);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM ttl WHERE key LIKE 'programs:ndc:99990010201:%%'"), 1);
	patch(w, BY_ADMIN, text(w, ADMIN_PATH "/%s", id), "{\"target_copay\":7.50}");
	expect_status(w, 200);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM ttl WHERE key LIKE 'programs:ndc:99990010201:%%'"), 0);
	look(w, "99990010201", "commercial");
	assert_float_equal(json_real_value(json_at(answer(w), "eligibility.target_copay")), 7.5, 0.0001);
	patch(w, BY_ADMIN, text(w, ADMIN_PATH "/%s", id), "{\"ndcs\":[\"99990010202\"]}");
	look(w, "99990010201", "commercial");
	expect_problem(w, 404, "no_program");
	look(w, "99990010202", "commercial");
	expect_status(w, 200);
	patch(w, BY_ADMIN, text(w, ADMIN_PATH "/%s", id), "{\"active\":false}");
	look(w, "99990010202", "commercial");
	expect_problem(w, 404, "no_program");
}

static void
p_data_08_the_cache_lives_for_an_hour(void **state)
{
	struct world *w = *state;

	(void)made(w, "prog_hour", "99990010301", "");
	cache(w, "99990010301");
	assert_true(sql_int(w, "SELECT extract(epoch FROM expires_at - now())::bigint FROM ttl WHERE key LIKE 'programs:ndc:99990010301:%%'") > 3590);
	assert_true(sql_int(w, "SELECT extract(epoch FROM expires_at - now())::bigint FROM ttl WHERE key LIKE 'programs:ndc:99990010301:%%'") <= 3600);
	/* Behind our back: what is cached is served, until its hour is over. */
	sql_run(w, "UPDATE manufacturer_programs SET active = false WHERE program_id = 'prog_hour'");
	look(w, "99990010301", "commercial");
	expect_status(w, 200);
	sql_run(w, "UPDATE ttl SET expires_at = now() WHERE key LIKE 'programs:ndc:99990010301:%%'");
	look(w, "99990010301", "commercial");
	expect_problem(w, 404, "no_program");
}

/* ---- the admin's rows */

static void
p_adj_u1_staff_keeps_the_programs(void **state)
{
	struct world *w = *state;
	const char *id = made(w, "prog_kept", "99990-0104-01", ",\"max_per_year\":\"250.00\",\"min_age\":18");

	post(w, BY_ADMIN, ADMIN_PATH, "{\"program_id\":\"prog_kept\",\"program_name\":\"X\",\"manufacturer\":\"Y\",\"ndcs\":[\"" HUMIRA "\"],"
	    "\"credentials\":{\"bin\":\"004682\",\"pcn\":\"CNRX\",\"group_id\":\"T1\"},\"target_copay\":5,\"max_per_rx\":10}");
	expect_problem(w, 409, "program_exists");
	get(w, BY_ADMIN, text(w, ADMIN_PATH "/%s", id));
	expect_int(w, "min_age", 18);
	expect_text(w, "ndcs.0", "99990010401");
	patch(w, BY_ADMIN, text(w, ADMIN_PATH "/%s", id), "{\"min_age\":null,\"max_per_year\":null}");
	expect_absent(w, "min_age");
	expect_absent(w, "max_per_year");
	expect_int(w, "version", 2);
	put(w, BY_ADMIN, text(w, ADMIN_PATH "/%s", id), "{\"program_name\":\"Whole\",\"manufacturer\":\"Y\",\"ndcs\":[\"99990010402\"],"
	    "\"credentials\":{\"bin\":\"610020\",\"pcn\":\"P\",\"group_id\":\"G\"},\"target_copay\":0,\"max_per_rx\":10.5}");
	expect_status(w, 200);
	expect_text(w, "program_name", "Whole");
	expect_text(w, "credentials.bin", "610020");
	get(w, BY_ADMIN, ADMIN_PATH "?ndc=99990-0104-02");
	expect_text(w, "programs.0.program_id", "prog_kept");
	expect_absent(w, "programs.1");
	patch(w, BY_ADMIN, ADMIN_PATH "/prog_nobody", "{\"active\":false}");
	expect_problem(w, 404, "not_found");
	patch(w, BY_ADMIN, text(w, ADMIN_PATH "/%s", id), "{\"target_copay\":5.005}");
	expect_error(w, "target_copay", "format");
	patch(w, BY_ADMIN, text(w, ADMIN_PATH "/%s", id), "{\"valid_until\":\"2000-01-01\"}");
	expect_problem(w, 422, "invalid_members");
	get(w, BY_SERVICE("adjudication"), ADMIN_PATH);
	expect_status(w, 403);
	assert_int_equal(audit_count(w, "program.change", "success") > 0, 1);
}

/* ---- reservations and uses */

static void
expect_most(struct world *w, int64_t cents)
{
	int64_t got = -1;

	expect_status(w, 200);
	assert_int_equal(money_of(json_object_get(answer(w), "max_discount"), &got), 0);
	assert_int_equal(got, cents);
}

static int64_t
used(struct world *w, const char *patient)
{
	return sql_int(w, "SELECT coalesce(sum(used_cents), 0) FROM program_years WHERE patient_id = '%s'", patient);
}

static struct uuid
uuid_of(const char *s)
{
	struct uuid u = UUID_NIL;

	assert_int_equal(uuid_parse(s, &u), 0);
	return u;
}

static void
outcome(struct world *w, const char *rx, const char *patient, int claim, int64_t cents)
{
	char id[UUID_TEXT];
	const char *head = text(w, "\"event_id\":\"%s\",\"prescription_id\":\"%s\",\"patient_id\":\"%s\",\"claim\":%d,\"timestamp\":\"2026-03-01T10:00:00Z\"",
	    uuid_text(uuid_new(), id), rx, patient, claim);

	if (cents > 0)
		send_event(w, "adjudication", "insurance.adjudication.completed", uuid_of(rx), text(w, "{%s,\"adjudication_id\":\"%s\","
		    "\"drug_cost_cents\":650000,\"insurance_paid_cents\":500000,\"copay_cents\":150000,\"final_copay_cents\":%" PRId64 ","
		    "\"patient_savings_cents\":%" PRId64 ",\"programs_applied\":[\"T\"],\"programs\":[{\"program_id\":\"p\",\"discount_cents\":%" PRId64 "}]}",
		    head, id, 150000 - cents, cents, cents));
	else
		send_event(w, "adjudication", "adjudication.rejected", uuid_of(rx), text(w, "{%s,\"code\":\"70\"}", head));
	expect_status(w, 200);
}

static void
a_prescription_counts_once_however_often_it_is_claimed(void **state)
{
	struct world *w = *state;
	const char *rx = new_id(w), *patient = new_id(w);

	(void)made(w, "prog_once", "99990010501", ",\"max_per_year\":150.00");
	reserve(w, rx, patient, 1, "99990010501", "");
	expect_text(w, "program.program_id", "prog_once");
	expect_most(w, 10000);
	reserve(w, rx, patient, 1, "99990010501", "");
	expect_most(w, 10000);
	assert_int_equal(used(w, patient), 10000);
	outcome(w, rx, patient, 1, 6000);
	assert_int_equal(used(w, patient), 6000);
	send_event_again(w);
	assert_int_equal(used(w, patient), 6000);
	reserve(w, rx, patient, 2, "99990010501", "");
	expect_most(w, 10000);
	assert_int_equal(used(w, patient), 10000);
	reserve(w, rx, patient, 1, "99990010501", "");
	expect_problem(w, 409, "late_claim");
	/* News of the first claim comes late: the second one's part stays. */
	outcome(w, rx, patient, 1, 0);
	assert_int_equal(used(w, patient), 10000);
	outcome(w, rx, patient, 2, 0);
	assert_int_equal(used(w, patient), 0);
	outcome(w, rx, patient, 2, 0);
	assert_int_equal(used(w, patient), 0);
	outcome(w, new_id(w), patient, 1, 500);
	assert_int_equal(used(w, patient), 0);
}

static void
the_year_ends_what_a_program_pays(void **state)
{
	struct world *w = *state;
	const char *patient = new_id(w), *first = new_id(w), *second = new_id(w);

	(void)made(w, "prog_year", "99990010601", ",\"max_per_year\":150.00");
	reserve(w, first, patient, 1, "99990010601", "");
	expect_most(w, 10000);
	reserve(w, second, patient, 1, "99990010601", "");
	expect_most(w, 5000);
	reserve(w, new_id(w), patient, 1, "99990010601", "");
	expect_text(w, "why", "used_up");
	expect_absent(w, "program");
	reserve(w, new_id(w), new_id(w), 1, "99990010601", "");
	expect_most(w, 10000);
	outcome(w, first, patient, 1, 0);
	reserve(w, new_id(w), patient, 1, "99990010601", "");
	expect_most(w, 10000);
	assert_int_equal(used(w, patient), 15000);
	reserve(w, new_id(w), new_id(w), 1, "99990099901", "");
	expect_text(w, "why", "no_program");
}

static void
more_than_was_kept_calls_a_person(void **state)
{
	struct world *w = *state;
	const char *patient = new_id(w), *rx = new_id(w);

	(void)made(w, "prog_over", "99990010701", "");
	reserve(w, rx, patient, 1, "99990010701", "");
	outcome(w, rx, patient, 1, 10001);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE kind = 'program.over_cap' AND subject = '%s'", rx), 1);
	assert_int_equal(used(w, patient), 10001);
}

static void
a_prescription_taken_back_gives_its_part_back(void **state)
{
	struct world *w = *state;
	const char *patient = new_id(w), *rx = new_id(w);

	(void)made(w, "prog_back", "99990010901", "");
	reserve(w, rx, patient, 1, "99990010901", "");
	outcome(w, rx, patient, 1, 4000);
	for (int i = 0; i < 2; i++) {
		send_event(w, "prescription", "prescription.status.changed", uuid_of(rx), text(w, "{\"prescription_id\":\"%s\",\"patient_id\":\"%s\","
		    "\"from\":\"adjudicated\",\"to\":\"%s\"}", rx, patient, i == 0 ? "cancel_pending" : "cancelled"));
		expect_status(w, 200);
		assert_int_equal(used(w, patient), i == 0 ? 4000 : 0);
	}
	send_event_again(w);
	assert_int_equal(used(w, patient), 0);
}

struct racer {
	const struct service *service;
	const struct conf *conf;
	const char *bodies[EACH];
	int failed;
	pthread_barrier_t *start;
	pthread_t thread;
};

static void *
race(void *p)
{
	static const struct header headers[] = { { "content-type", "application/json" } };
	struct racer *me = p;
	struct problem err = { 0 };
	struct arena *a = arena_new(0);
	struct db *db = db_open(conf_str(me->conf, "DATABASE_URL"), DB_API, "race", &err);
	struct serve_context c = { .service = me->service, .conf = me->conf, .arena = a, .db = db };

	(void)pthread_barrier_wait(me->start);
	for (size_t i = 0; i < EACH; i++) {
		struct wire_request wire = { .method = "POST", .target = RESERVE, .headers = headers, .nheaders = 1, .body = BYTES_OF(me->bodies[i]) };
		struct req r;

		dispatch(&c, &wire, &r);
		me->failed += r.status != 200;
		arena_reset(a);
	}
	db_close(db);
	arena_free(a);
	return NULL;
}

static void
prepare(struct world *w, struct racer *racers, const char *patient)
{
	for (size_t i = 0; i < THREADS; i++)
		for (size_t k = 0; k < EACH; k++)
			racers[i].bodies[k] = text(w, "{\"prescription_id\":\"%s\",\"patient_id\":\"%s\",\"claim\":1,\"ndc\":\"99990010801\","
			    "\"insurance_type\":\"commercial\"}", new_id(w), patient);
}

static void
forty_at_once_never_pass_the_year(void **state)
{
	struct world *w = *state;
	const char *patient = new_id(w);
	struct service service = program_service;
	struct route row = { 0 };
	struct racer racers[THREADS] = { 0 };
	pthread_barrier_t start;
	int failed = 0;

	(void)made(w, "prog_race", "99990010801", ",\"max_per_year\":1234.56");
	for (size_t i = 0; i < service.nroutes; i++)
		if (strcmp(service.routes[i].path, RESERVE) == 0)
			row = service.routes[i];
	row.access = PUBLIC;	/* who calls is not what is tested */
	service.routes = &row;
	service.nroutes = 1;
	prepare(w, racers, patient);
	assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
	for (size_t i = 0; i < THREADS; i++) {
		racers[i].service = &service;
		racers[i].conf = world_conf(w);
		racers[i].start = &start;
		assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		(void)pthread_join(racers[i].thread, NULL);
		failed += racers[i].failed;
	}
	(void)pthread_barrier_destroy(&start);
	assert_int_equal(failed, 0);
	assert_int_equal(used(w, patient), 123456);
	assert_int_equal(sql_int(w, "SELECT sum(amount_cents) FROM program_uses WHERE patient_id = '%s'", patient), 123456);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM program_uses WHERE patient_id = '%s'", patient), 13);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p_adj_03_the_lookup_is_the_example),
		cmocka_unit_test(p_adj_03_a_government_plan_gets_no_program),
		cmocka_unit_test(who_fits_is_decided_by_kind_plan_age_and_dates),
		cmocka_unit_test(codes_are_normalised_or_refused),
		cmocka_unit_test(p_adj_04_a_change_is_seen_at_once),
		cmocka_unit_test(p_data_08_the_cache_lives_for_an_hour),
		cmocka_unit_test(p_adj_u1_staff_keeps_the_programs),
		cmocka_unit_test(a_prescription_counts_once_however_often_it_is_claimed),
		cmocka_unit_test(the_year_ends_what_a_program_pays),
		cmocka_unit_test(more_than_was_kept_calls_a_person),
		cmocka_unit_test(a_prescription_taken_back_gives_its_part_back),
		cmocka_unit_test(forty_at_once_never_pass_the_year),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
