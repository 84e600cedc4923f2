/*
 * topic_test.c: topics as rows, payloads held to their schema at publish, messages kept as long as their topic says (rows G-COM-03
 * to 12, P-EVT-01 to 09).
 */
#include "core.h"

#include "base/clock.h"
#include "base/json.h"
#include "crew.h"

static const char *const portal[] = { "portal", NULL };
static const struct field thing[] = { { "thingId", UUID, .required = true, .says = "which" },
	{ "cents", INTEGER, .min = 0, .max = 100000, .says = "what it costs" },
	{ "colour", ENUM, .values = (const char *const[]){ "red", "blue", NULL }, .says = "how it looks" }, { 0 } };
static const struct field thing_wider[] = { { "thingId", UUID, .required = true, .says = "which" },
	{ "size", STRING, .says = "how big" }, { 0 } };
static const struct field thing_reworded[] = { { "thingId", UUID, .required = true, .says = "which one" },
	{ "cents", INTEGER, .min = 0, .max = 100000, .says = "its price" },
	{ "colour", ENUM, .values = (const char *const[]){ "red", "blue", NULL }, .says = "its colour" }, { 0 } };
static const struct topic topics[] = { { "thing.made", portal, "a thing was made", .payload = thing, .days = 10 },
	{ "healthcare.observation.created", portal, "a finding was recorded", .payload = thing, .version = 2 }, { 0 } };
static const struct service service = { .name = "registry", .prefix = "/route", .says = "topics under test", .topics = topics };
const struct service *const crew_service = &service;

static struct world *world;
static struct crew crew;

#define GOOD "{\"thingId\":\"01948f7a-5c00-7c3e-9d41-6f2b8a0e1d57\",\"cents\":100}"

static int
try_publish(const char *payload, struct problem *err)
{
	int rc;

	tx_begin(world);
	rc = event_publish(world_db(world), "thing.made", uuid_new(), payload, err);
	if (rc < 0)
		db_rollback(world_db(world));
	else
		tx_end(world);
	return rc;
}

static void
g_com_03_invalid_event_is_refused_at_publish(void **state UNUSED)
{
	static const struct {
		const char *payload;
		const char *detail;
	} cases[] = {
		{ "{}", "thing.made: thingId required" },
		{ "{\"thingId\":\"7\"}", "thing.made: thingId format" },
		{ "{\"thingId\":\"01948f7a-5c00-7c3e-9d41-6f2b8a0e1d57\",\"cents\":100001}", "thing.made: cents range" },
		{ "{\"thingId\":\"01948f7a-5c00-7c3e-9d41-6f2b8a0e1d57\",\"cents\":\"100\"}", "thing.made: cents type" },
		{ "{\"thingId\":\"01948f7a-5c00-7c3e-9d41-6f2b8a0e1d57\",\"colour\":\"green\"}", "thing.made: colour enum" },
		{ "{\"thingId\":\"01948f7a-5c00-7c3e-9d41-6f2b8a0e1d57\",\"name\":\"x\"}", "thing.made: name unknown_field" },
		{ "[]", "thing.made: payload" },
		{ "{\"thingId\":", "thing.made: payload malformed_json" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct problem err = { 0 };

		assert_int_equal(try_publish(cases[i].payload, &err), -1);
		assert_int_equal(err.status, 500);
		assert_string_equal(err.code, "invalid_event");
		assert_memory_equal(err.detail, cases[i].detail, strlen(cases[i].detail));
	}
	assert_int_equal(sql_int(world, "SELECT count(*) FROM outbox"), 0);
	MUST(try_publish(GOOD, &err));
	assert_int_equal(sql_int(world, "SELECT count(*) FROM outbox WHERE version = 1"), 1);
}

/* A claim publishes inside its pipeline: what validation costs is printed, and bounded far above what it should be. */
static void
g_com_03_validation_costs_microseconds(void **state UNUSED)
{
	struct arena *a = arena_new(0);
	int64_t began = clock_mono_us();
	double each;

	for (int i = 0; i < 20000; i++) {
		json_t *value;

		MUST((value = json_read(a, GOOD, strlen(GOOD), &err)) == NULL ? -1 : field_check(thing, value, &err));
		if (i % 10 == 9)
			arena_reset(a);
	}
	each = (double)(clock_mono_us() - began) / 20000;
	arena_free(a);
	printf("a payload is read and checked in %.2f us\n", each);
	assert_true(each < 100);
}

static void
g_com_04_to_12_topic_rows_hold_the_agreed_values(void **state UNUSED)
{
	static const struct {
		const char *name;
		int partitions, days;
	} agreed[] = {
		{ "healthcare.patient.created", 6, 7 }, { "healthcare.patient.updated", 6, 7 },
		{ "healthcare.appointment.scheduled", 6, 7 }, { "healthcare.appointment.cancelled", 6, 7 },
		{ "healthcare.encounter.started", 6, 7 }, { "healthcare.encounter.completed", 6, 7 },
		{ "healthcare.observation.created", 12, 30 }, { "healthcare.medication.prescribed", 6, 30 },
		{ "healthcare.audit.phi_access", 12, 2190 }, { "thing.made", 6, 10 },
	};

	for (size_t i = 0; i < COUNT(agreed); i++)
		assert_int_equal(sql_int(world, "SELECT count(*) FROM topic WHERE name = '%s' AND partitions = %d AND retention = '%d days'",
				     agreed[i].name, agreed[i].partitions, agreed[i].days),
		    1);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM topic WHERE name IN ('prescription.intake.received',"
					" 'prescription.validation.completed', 'patient.enrollment.completed', 'pharmacy.selected',"
					" 'insurance.adjudication.completed', 'payment.link.created', 'payment.completed',"
					" 'shipment.label.created', 'shipment.delivered') AND NOT published"),
	    9);
	assert_int_equal(sql_int(world, "SELECT version FROM topic WHERE name = 'healthcare.observation.created' AND published"), 2);
	assert_string_equal(sql_text(world, "SELECT schema #>> '{properties,cents,maximum}' FROM topic WHERE name = 'thing.made'"), "100000");
	assert_string_equal(sql_text(world, "SELECT schema ->> 'additionalProperties' FROM topic WHERE name = 'thing.made'"), "false");
}

static int
store_as(const struct field *payload, int version, struct problem *err)
{
	const struct topic own[] = { { "thing.made", portal, "a thing was made", .payload = payload, .version = version, .days = 10 }, { 0 } };

	return topics_store(world_owner_url(world), own, world_conf(world), err);
}

static void
g_com_03_schema_of_a_version_never_changes(void **state UNUSED)
{
	struct problem refused = { 0 };

	assert_int_equal(store_as(thing_wider, 1, &refused), -1);
	assert_string_equal(refused.code, "topic_changed");
	MUST(store_as(thing_reworded, 1, &err));
	MUST(store_as(thing_wider, 2, &err));
	assert_int_equal(sql_int(world, "SELECT count(*) FROM topic WHERE name = 'thing.made' AND published"), 2);
	MUST(topics_store(world_owner_url(world), topics, world_conf(world), &err));
}

static void
g_com_12_retention_never_goes_below_its_floor(void **state UNUSED)
{
	static const struct conf_key below[] = { { "EVENT_RETENTION", CONF_LIST, .dflt = "healthcare.audit.phi_access=7" },
		{ "EVENT_RETENTION_FLOORS", CONF_LIST, .dflt = "healthcare.audit.phi_access=2190" }, { 0 } };
	static const struct conf_key above[] = { { "EVENT_RETENTION", CONF_LIST, .dflt = "healthcare.audit.phi_access=4000d,thing.made=1" },
		{ "EVENT_RETENTION_FLOORS", CONF_LIST, .dflt = "thing.made=1" }, { 0 } };
	static const struct conf_key wrong[] = { { "EVENT_RETENTION", CONF_LIST, .dflt = "thing.made" },
		{ "EVENT_RETENTION_FLOORS", CONF_LIST, .dflt = "" }, { 0 } };
	struct problem err = { 0 };
	struct conf *conf = conf_load((const struct conf_key *const[]){ below, NULL }, &err);
	int floor;

	assert_int_equal(topics_check(topics, conf, &err), -1);
	assert_string_equal(err.code, "bad_config");
	conf_free(conf);
	problem_clear(&err);
	conf = conf_load((const struct conf_key *const[]){ wrong, NULL }, &err);
	assert_int_equal(topics_check(topics, conf, &err), -1);
	conf_free(conf);
	problem_clear(&err);
	conf = conf_load((const struct conf_key *const[]){ above, NULL }, &err);
	assert_int_equal(topics_check(topics, conf, &err), 0);
	assert_int_equal(topic_days(topic_find(platform_topics, "healthcare.audit.phi_access"), conf, &floor, &err), 4000);
	assert_int_equal(topic_days(&topics[0], conf, &floor, &err), 1);
	conf_free(conf);
}

/* ---- retention */

static void
message(const char *topic, int days_ago, const char *state)
{
	sql_run(world,
	    "WITH m AS (INSERT INTO outbox (id, tenant_id, topic, aggregate_id, seq, payload, occurred_at) VALUES (gen_random_uuid(),"
	    " app_tenant(), '%s', gen_random_uuid(), 1, '{}', now() - interval '%d days') RETURNING id, aggregate_id)"
	    " INSERT INTO outbox_delivery (outbox_id, subscriber, aggregate_id, seq, state) SELECT id, 'portal', aggregate_id, 1, '%s' FROM m",
	    topic, days_ago, state);
}

static unsigned
kept(const char *topic, int days_ago)
{
	return (unsigned)sql_int(world, "SELECT count(*) FROM outbox WHERE topic = '%s' AND occurred_at::date = (now() - interval '%d days')::date",
	    topic, days_ago);
}

static void
retention_removes_what_is_sent_and_over(void **state UNUSED)
{
	message("thing.made", 11, "sent");
	message("thing.made", 9, "sent");
	message("thing.made", 12, "dead");
	message("thing.made", 13, "pending");
	message("healthcare.audit.phi_access", 2000, "sent");
	message("healthcare.audit.phi_access", 2191, "sent");
	message("topic.of.nobody", 5000, "sent");
	MUST(sweep_outbox(&crew.hands[0], &err));
	assert_int_equal(kept("thing.made", 11), 0);
	assert_int_equal(kept("thing.made", 9), 1);
	assert_int_equal(kept("thing.made", 12), 1);
	assert_int_equal(kept("thing.made", 13), 1);
	assert_int_equal(kept("healthcare.audit.phi_access", 2000), 1);
	assert_int_equal(kept("healthcare.audit.phi_access", 2191), 0);
	assert_int_equal(kept("topic.of.nobody", 5000), 1);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM outbox_delivery d WHERE NOT EXISTS (SELECT FROM outbox WHERE id = d.outbox_id)"), 0);
}

static void
retention_is_the_only_way_out(void **state UNUSED)
{
	struct problem err = { 0 };

	message("thing.made", 1, "sent");
	tx_begin(world);
	assert_true(db_exec(world_db(world), "DELETE FROM outbox", &err) < 0);
	db_rollback(world_db(world));
	problem_clear(&err);
	tx_begin(world);
	assert_true(db_exec(world_db(world), "UPDATE outbox SET payload = '{}'", &err) < 0);
	db_rollback(world_db(world));
	assert_int_equal(kept("thing.made", 1), 1);
}

static int
clean(void **state UNUSED)
{
	sql_run(world, "ALTER TABLE outbox DISABLE TRIGGER USER; DELETE FROM outbox; ALTER TABLE outbox ENABLE TRIGGER USER");
	return 0;
}

static int
setup(void **state UNUSED)
{
	world = world_new(&service, NULL);
	crew_open(&crew, world, 1);
	return 0;
}

static int
teardown(void **state UNUSED)
{
	crew_close(&crew);
	world_free(world);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup(f, clean)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(g_com_03_invalid_event_is_refused_at_publish),
		TEST(g_com_03_validation_costs_microseconds),
		TEST(g_com_04_to_12_topic_rows_hold_the_agreed_values),
		TEST(g_com_03_schema_of_a_version_never_changes),
		TEST(g_com_12_retention_never_goes_below_its_floor),
		TEST(retention_removes_what_is_sent_and_over),
		TEST(retention_is_the_only_way_out),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
