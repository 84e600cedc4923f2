/*
 * Cases (A-FLOW-02, A-API-04, A-PIT-02, A-PIT-03, A-PIT-05): the status follows from what is known, whatever came first.
 */
#include "case/case.h"
#include "harness/harness.h"

#define STRANGER "00000000-0000-4000-8000-00000000dead"

static int
setup(void **state)
{
	*state = world_new(&case_service, NULL);
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

struct known {
	struct uuid id, prescription, order;
	const char *text, *patient, *rx, *ordered;
};

static const char *
id_text(struct world *w, struct uuid id)
{
	char out[UUID_TEXT];

	return text(w, "%s", uuid_text(id, out));
}

static struct known
new_case(struct world *w)
{
	struct known c = { .prescription = uuid_new(), .order = uuid_new() };
	static unsigned n;

	post_key(w, BY_SERVICE("intake"), "/cases", text(w, "case-of-the-test-%06u", ++n),
	    text(w, "{\"patient_id\":\"%s\",\"state\":\"LA\",\"platform\":\"yourera\",\"intake_type\":\"glp1\"}", id_text(w, uuid_new())));
	expect_status(w, 201);
	c.text = answer_text(w, "case_id");
	c.patient = answer_text(w, "patient_id");
	assert_int_equal(uuid_parse(c.text, &c.id), 0);
	c.rx = id_text(w, c.prescription);
	c.ordered = id_text(w, c.order);
	return c;
}

static void
tell(struct world *w, const char *from, const char *topic, struct uuid about, const struct known *c, const char *more)
{
	send_event(w, from, topic, about, text(w, "{\"case_id\":\"%s\",\"patient_id\":\"%s\",%s}", c->text, c->patient, more));
	expect_status(w, 200);
}

static void
decided(struct world *w, const struct known *c, bool eligible)
{
	tell(w, "eligibility", "case.eligibility.decided", c->id, c, text(w, "\"check_id\":\"%s\",\"eligible\":%s,\"reasons\":[%s],\"rule_version\":\"1\"",
	    c->patient, eligible ? "true" : "false", eligible ? "" : "\"under_age\""));
}

static void
issued(struct world *w, const struct known *c)
{
	tell(w, "voucher", "case.voucher.issued", c->id, c, text(w, "\"voucher_id\":\"%s\"", c->patient));
}

static void
ended(struct world *w, const struct known *c, const char *status)
{
	tell(w, "voucher", "case.voucher.ended", c->id, c, text(w, "\"voucher_id\":\"%s\",\"status\":\"%s\"", c->patient, status));
}

#define DR_LEE "00000000-0000-7000-8000-0000000000a1"
static void
assigned_to(struct world *w, const struct known *c, const char *who)
{
	post(w, BY_SERVICE("registry"), text(w, "/cases/%s/provider", c->text), text(w,
	    "{\"assignment_id\":\"%s\",\"provider_id\":\"%s\",\"assigned_at\":\"2026-11-21T10:00:00Z\"}", c->patient, who));
}

static void
rx(struct world *w, const struct known *c, const char *from, const char *to)
{
	tell(w, "prescription", "prescription.status.changed", c->prescription, c, text(w, "\"prescription_id\":\"%s\",\"from\":\"%s\",\"to\":\"%s\"", c->rx, from, to));
}

static void
order(struct world *w, const struct known *c, const char *status)
{
	send_event(w, "router", "order.updated", c->order, text(w, "{\"order_id\":\"%s\",\"prescription_id\":\"%s\",\"patient_id\":\"%s\",\"status\":\"%s\"%s}",
	    c->ordered, c->rx, c->patient, status, strcmp(status, "shipped") == 0 ? ",\"tracking_number\":\"794644790138\"" : ""));
	expect_status(w, 200);
}

static const char *
status_of(struct world *w, const struct known *c)
{
	return sql_text(w, "SELECT status FROM cases WHERE id = '%s'", c->text);
}

static const char *
moves_of(struct world *w, const struct known *c)
{
	return sql_text(w, "SELECT string_agg(code, ' ' ORDER BY id) FROM case_events WHERE case_id = '%s' AND what = 'status'", c->text);
}

static void
a_flow_02_a_case_carries_the_journey(void **state)
{
	struct world *w = *state;
	struct known c = new_case(w);

	decided(w, &c, true);
	issued(w, &c);
	assert_string_equal(status_of(w, &c), "awaiting_provider");
	assigned_to(w, &c, DR_LEE);
	expect_status(w, 200);
	expect_text(w, "status", "provider_assigned");
	assert_string_equal(json_text_at(event_last(w, "case.provider.assigned"), "provider_id"), DR_LEE);
	rx(w, &c, "", "received");
	assert_string_equal(json_text_at(event_last(w, "case.prescribed"), "prescription_id"), c.rx);
	ended(w, &c, "redeemed");
	order(w, &c, "submitted");
	order(w, &c, "accepted");
	order(w, &c, "shipped");
	order(w, &c, "delivered");
	get(w, BY_ADMIN, text(w, "/cases/%s", c.text));
	expect_status(w, 200);
	expect_text(w, "status", "completed");
	expect_text(w, "patient_id", c.patient);
	expect_text(w, "eligibility.rule_version", "1");
	expect_text(w, "voucher.status", "redeemed");
	expect_text(w, "provider.provider_id", DR_LEE);
	expect_text(w, "prescriptions.0.prescription_id", c.rx);
	expect_text(w, "orders.0.order_id", c.ordered);
	expect_text(w, "orders.0.prescription_id", c.rx);
	expect_text(w, "orders.0.tracking_number", "794644790138");
	assert_string_equal(moves_of(w, &c), "eligible awaiting_provider provider_assigned prescribed ordered fulfilled completed");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM case_events WHERE case_id = '%s' AND at IS NULL", c.text), 0);
	get(w, BY_ROLE("ops_agent"), text(w, "/api/v1/cases/%s", c.text));
	expect_text(w, "status", "completed");
	get(w, BY_PERSON(text(w, "patient %s", c.patient)), text(w, "/cases/%s", c.text));
	expect_status(w, 200);
	get(w, BY_PERSON("provider " DR_LEE), text(w, "/cases/%s", c.text));
	expect_status(w, 200);
	get(w, BY_PERSON("patient " STRANGER), text(w, "/cases/%s", c.text));
	expect_problem(w, 404, "not_found");
	get(w, BY_PERSON("provider " STRANGER), text(w, "/cases/%s", c.text));
	expect_problem(w, 404, "not_found");
	get(w, BY_ADMIN, "/cases/" STRANGER);
	expect_problem(w, 404, "not_found");
	get(w, BY_PUBLIC, text(w, "/cases/%s", c.text));
	expect_status(w, 401);
}

static void
an_ineligible_case_goes_no_further_and_says_why(void **state)
{
	struct world *w = *state;
	struct known c = new_case(w);

	decided(w, &c, false);
	get(w, BY_ADMIN, text(w, "/cases/%s", c.text));
	expect_text(w, "status", "ineligible");
	expect_text(w, "eligibility.reasons.0", "under_age");
	decided(w, &c, true);
	assert_string_equal(status_of(w, &c), "eligible");
}

static void
a_pit_02_a_case_waits_for_a_provider_and_goes_on(void **state)
{
	struct world *w = *state;
	struct known c = new_case(w);
	unsigned told = event_count(w, "case.provider.assigned");

	decided(w, &c, true);
	issued(w, &c);
	get(w, BY_ADMIN, "/cases?status=awaiting_provider&limit=1");
	expect_text(w, "cases.0.case_id", c.text);
	for (int i = 0; i < 20; i++) {
		assigned_to(w, &c, DR_LEE);
		expect_text(w, "status", "provider_assigned");
	}
	assert_int_equal(event_count(w, "case.provider.assigned"), told + 1);
	assigned_to(w, &c, "00000000-0000-7000-8000-0000000000a2");
	expect_problem(w, 409, "already_assigned");
}

static void
a_taken_back_voucher_ends_a_case_without_a_prescription(void **state)
{
	struct world *w = *state;
	struct known c = new_case(w), d = new_case(w);

	decided(w, &c, true);
	issued(w, &c);
	ended(w, &c, "invalidated");
	assert_string_equal(status_of(w, &c), "cancelled");
	assigned_to(w, &c, DR_LEE);
	expect_problem(w, 409, "case_ended");
	decided(w, &d, true);
	issued(w, &d);
	assigned_to(w, &d, DR_LEE);
	rx(w, &d, "", "received");
	ended(w, &d, "expired");	/* both were under way */
	assert_string_equal(status_of(w, &d), "prescribed");
}

static void
a_prescription_that_is_withdrawn_gives_the_case_back_to_its_provider(void **state)
{
	struct world *w = *state;
	struct known c = new_case(w);

	decided(w, &c, true);
	issued(w, &c);
	assigned_to(w, &c, DR_LEE);
	rx(w, &c, "", "received");
	rx(w, &c, "received", "cancelled");
	assert_string_equal(status_of(w, &c), "provider_assigned");
	c.prescription = uuid_new();
	c.rx = id_text(w, c.prescription);
	rx(w, &c, "", "received");
	assert_string_equal(status_of(w, &c), "prescribed");
}

static void
a_pit_05_a_prescription_without_an_order_is_flagged_and_heals(void **state)
{
	struct world *w = *state;
	struct known c = new_case(w);
	unsigned raised = event_count(w, "attention.raised"), cleared = event_count(w, "attention.cleared");

	decided(w, &c, true);
	issued(w, &c);
	assigned_to(w, &c, DR_LEE);
	rx(w, &c, "", "received");
	job_later(w, "case.overdue", NULL);
	work(w);
	assert_string_equal(status_of(w, &c), "prescribed");
	sql_run(w, "UPDATE cases SET moved_at = now() - interval '31 min' WHERE id = '%s'", c.text);
	job_later(w, "case.overdue", NULL);
	work(w);
	assert_string_equal(status_of(w, &c), "partial");
	assert_string_equal(json_text_at(event_last(w, "attention.raised"), "code"), "order_missing");
	get(w, BY_ADMIN, "/cases?status=partial");
	expect_text(w, "cases.0.case_id", c.text);
	order(w, &c, "submitted");
	assert_string_equal(status_of(w, &c), "ordered");
	order(w, &c, "failed");
	assert_string_equal(status_of(w, &c), "partial");
	assert_string_equal(json_text_at(event_last(w, "attention.raised"), "code"), "order_failed");
	order(w, &c, "submitted");
	order(w, &c, "accepted");
	assert_string_equal(status_of(w, &c), "ordered");
	assert_int_equal(event_count(w, "attention.raised"), raised + 2);
	assert_int_equal(event_count(w, "attention.cleared"), cleared + 2);
}

/* ---- A-PIT-03: a recorded stream, in any order, repeated */

struct news {
	const char *from, *topic, *payload;
	struct uuid about;
	int seq;
};

static void
deliver(struct world *w, const struct news *n, const char *message)
{
	struct by by = BY_SERVICE(n->from);
	char about[UUID_TEXT];

	post(w, by, "/cases/events", text(w, "{\"id\":\"%s\",\"topic\":\"%s\",\"version\":1,\"source\":\"%s\",\"aggregateId\":\"%s\",\"seq\":%d,"
	    "\"occurredAt\":\"2026-11-21T10:00:0%d.000000Z\",\"requestId\":null,\"payload\":%s}", message, n->topic, n->from, uuid_text(n->about, about), n->seq,
	    n->seq, n->payload));
	expect_status(w, 200);
}

static size_t
stream_of(struct world *w, const struct known *c, struct news *s)
{
	const char *ids = text(w, "\"case_id\":\"%s\",\"patient_id\":\"%s\"", c->text, c->patient);
	const char *rx_ids = text(w, "\"prescription_id\":\"%s\",%s", c->rx, ids);
	const char *order_ids = text(w, "\"order_id\":\"%s\",\"prescription_id\":\"%s\",\"patient_id\":\"%s\"", c->ordered, c->rx, c->patient);
	const struct news all[] = {
		{ "eligibility", "case.eligibility.decided", text(w, "{%s,\"check_id\":\"%s\",\"eligible\":false,\"reasons\":[\"under_age\"],\"rule_version\":\"1\"}",
		    ids, c->patient), c->id, 1 },
		{ "eligibility", "case.eligibility.decided", text(w, "{%s,\"check_id\":\"%s\",\"eligible\":true,\"reasons\":[],\"rule_version\":\"2\"}", ids,
		    c->patient), c->id, 2 },
		{ "voucher", "case.voucher.issued", text(w, "{%s,\"voucher_id\":\"%s\"}", ids, c->patient), c->id, 1 },
		{ "voucher", "case.voucher.ended", text(w, "{%s,\"voucher_id\":\"%s\",\"status\":\"redeemed\"}", ids, c->patient), c->id, 2 },
		{ "prescription", "prescription.status.changed", text(w, "{%s,\"from\":\"\",\"to\":\"received\"}", rx_ids), c->prescription, 1 },
		{ "prescription", "prescription.status.changed", text(w, "{%s,\"from\":\"received\",\"to\":\"submitted\"}", rx_ids), c->prescription, 2 },
		{ "router", "order.updated", text(w, "{%s,\"status\":\"failed\"}", order_ids), c->order, 1 },
		{ "router", "order.updated", text(w, "{%s,\"status\":\"accepted\"}", order_ids), c->order, 2 },
		{ "router", "order.updated", text(w, "{%s,\"status\":\"shipped\",\"tracking_number\":\"794644790138\"}", order_ids), c->order, 3 },
	};

	memcpy(s, all, sizeof(all));
	return COUNT(all);
}

static void
a_pit_03_any_order_ends_in_the_same_state(void **state)
{
	struct world *w = *state;
	unsigned dice = 20261121;

	for (int round = 0; round < 25; round++) {
		struct known c = new_case(w);
		struct news s[16];
		size_t n = stream_of(w, &c, s);
		const char *repeat;

		for (size_t i = n - 1; i > 0; i--) {
			struct news held = s[i];
			size_t k;

			dice = dice * 1103515245 + 12345;
			k = (dice >> 16) % (i + 1);
			s[i] = s[k];
			s[k] = held;
		}
		assigned_to(w, &c, DR_LEE);	/* registry's call, at any time */
		for (size_t i = 0; i < n; i++) {
			repeat = id_text(w, uuid_new());
			deliver(w, &s[i], repeat);
			deliver(w, &s[i], repeat);
		}
		assert_string_equal(sql_text(w, "SELECT status || ' ' || eligible || ' ' || rule_version || ' ' || voucher_status FROM cases WHERE id = '%s'", c.text),
		    "fulfilled true 2 redeemed");
		assert_string_equal(sql_text(w, "SELECT string_agg(kind || ' ' || status, ', ' ORDER BY kind) FROM case_children WHERE case_id = '%s'", c.text),
		    "order shipped, prescription submitted");
		assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE subject = '%s'", c.text), 0);
	}
}

static void
the_table_of_edges_is_the_database_s(void **state)
{
	struct world *w = *state;
	const char *trigger = sql_text(w, "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = 'legal_edges_status' AND tgrelid = 'cases'::regclass");
	size_t quoted = 0;

	for (size_t i = 0; i < case_edges.n; i++)
		if (strstr(trigger, text(w, "'%s>%s'", case_edges.edge[i].from, case_edges.edge[i].to)) == NULL)
			fail_msg("the database has no edge %s>%s", case_edges.edge[i].from, case_edges.edge[i].to);
	for (const char *p = trigger; (p = strchr(p, '>')) != NULL; p++)
		quoted += p[-1] != '\'' && p[1] != '\'' && p[-1] != '<' && p[-1] != ' ';
	assert_int_equal(quoted, case_edges.n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flow_02_a_case_carries_the_journey),
		cmocka_unit_test(an_ineligible_case_goes_no_further_and_says_why),
		cmocka_unit_test(a_pit_02_a_case_waits_for_a_provider_and_goes_on),
		cmocka_unit_test(a_taken_back_voucher_ends_a_case_without_a_prescription),
		cmocka_unit_test(a_prescription_that_is_withdrawn_gives_the_case_back_to_its_provider),
		cmocka_unit_test(a_pit_05_a_prescription_without_an_order_is_flagged_and_heals),
		cmocka_unit_test(a_pit_03_any_order_ends_in_the_same_state),
		cmocka_unit_test(the_table_of_edges_is_the_database_s),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
