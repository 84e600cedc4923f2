/*
 * The inbox of the staff (issue: work items; requirements 2.3, case): one open item per service, kind and subject, ended by its cause or by a person, and
 * nothing done about it without a trace.
 */
#include "case/case.h"
#include "case/work_item.h"
#include "harness/harness.h"

#define PATIENT "00000000-0000-7000-8000-0000000000b1"
#define CASE "00000000-0000-7000-8000-0000000000b2"

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

static int
fresh(void **state)
{
	struct world *w = *state;

	stubs_clear(w);
	sql_run(w, "ALTER TABLE work_item_history DISABLE TRIGGER append_only");
	sql_run(w, "DELETE FROM work_item_history");
	sql_run(w, "DELETE FROM work_item_carried");
	sql_run(w, "DELETE FROM work_item");
	sql_run(w, "ALTER TABLE work_item_history ENABLE TRIGGER append_only");
	return 0;
}

static void
tell(struct world *w, const char *from, const char *topic, const char *kind, const char *subject, const char *code)
{
	static const struct uuid about = { { 0xa7 } };

	send_event(w, from, topic, about, text(w, "{\"kind\":\"%s\",\"subject\":\"%s\",\"code\":\"%s\",\"submissionId\":\"" CASE "\",\"patientId\":\"" PATIENT "\","
	    "\"detail\":{\"n\":1,\"step\":\"charge\",\"lookUp\":%s}}", kind, subject, code, strcmp(code, "absent_at_vendor") == 0 ? "true" : "false"));
	expect_status(w, 200);
}

static const char *
only_item(struct world *w)
{
	get(w, BY_ADMIN, "/api/work-items");
	expect_status(w, 200);
	return answer_text(w, "items.0.itemId");
}

static void
one_open_item_per_service_kind_and_subject(void **state)
{
	struct world *w = *state;

	tell(w, "billing", "attention.raised", "job.dead", "7", "vendor_unavailable");
	send_event_again(w);
	tell(w, "billing", "attention.raised", "job.dead", "7", "refused");
	tell(w, "notify", "attention.raised", "job.dead", "7", "refused");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM work_item"), 2);
	assert_int_equal(sql_int(w, "SELECT times FROM work_item WHERE service = 'billing'"), 2);
	get(w, BY_ADMIN, "/api/work-items?service=billing");
	expect_text(w, "items.0.code", "refused");
	expect_text(w, "items.0.submissionId", CASE);
	expect_absent(w, "items.1");
	get(w, BY_PUBLIC, "/api/work-items");
	expect_status(w, 401);
}

static void
the_end_of_the_cause_ends_the_item_and_a_new_one_may_follow(void **state)
{
	struct world *w = *state;

	tell(w, "billing", "attention.raised", "effect.manual", "e1", "outcome_unknown");
	tell(w, "billing", "attention.cleared", "effect.manual", "e1", "evidence");
	tell(w, "billing", "attention.cleared", "effect.manual", "e1", "evidence");
	assert_string_equal(sql_text(w, "SELECT state || ' ' || ended_by || ' ' || reason FROM work_item"), "done cause evidence");
	tell(w, "billing", "attention.raised", "effect.manual", "e1", "outcome_unknown");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM work_item WHERE state = 'open'"), 1);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM work_item"), 2);
}

static void
an_item_is_taken_by_one_person_noted_and_resolved_with_a_reason(void **state)
{
	struct world *w = *state;
	const char *id;

	tell(w, "router", "attention.raised", "prescription.rejected", "s1", "sku_unknown");
	id = only_item(w);
	post(w, BY_ADMIN, text(w, "/api/work-items/%s/take", id), "{\"owner\":\"ops.lee\"}");
	expect_status(w, 200);
	post(w, BY_ADMIN, text(w, "/api/work-items/%s/take", id), "{\"owner\":\"ops.lee\"}");
	expect_status(w, 200);
	post(w, BY_ADMIN, text(w, "/api/work-items/%s/take", id), "{\"owner\":\"ops.kim\"}");
	expect_problem(w, 409, "taken");
	post(w, BY_ADMIN, text(w, "/api/work-items/%s/take", id), "{\"owner\":\"ops.kim\",\"reassign\":true}");
	expect_text(w, "owner", "ops.kim");
	post_key(w, BY_ADMIN, text(w, "/api/work-items/%s/notes", id), "note-1-of-this-test", "{\"note\":\"called Mrs Zyxwvut\"}");
	expect_status(w, 200);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM work_item_history WHERE encode(note_enc, 'escape') LIKE '%%Zyxwvut%%'"), 0);
	post(w, BY_ADMIN, text(w, "/api/work-items/%s/resolve", id), "{\"reason\":\"sent_again\"}");
	expect_text(w, "state", "done");
	post(w, BY_ADMIN, text(w, "/api/work-items/%s/take", id), "{\"owner\":\"ops.lee\"}");
	expect_problem(w, 409, "already_done");
	get(w, BY_ADMIN, text(w, "/api/work-items/%s", id));
	expect_text(w, "reason", "sent_again");
	expect_text(w, "history.0.what", "raised");
	expect_text(w, "history.3.note", "called Mrs Zyxwvut");
	expect_text(w, "history.4.what", "resolved");
	expect_absent(w, "history.5");
	assert_true(audit_count(w, "work_item.resolve", "success") >= 1);
	assert_true(audit_count(w, "work_item.read", "success") >= 1);
	get(w, BY_ADMIN, "/api/work-items");
	expect_absent(w, "items.0");
}

static void
pages_go_on_where_the_last_one_ended(void **state)
{
	struct world *w = *state;
	const char *next;

	for (int i = 0; i < 5; i++)
		tell(w, "billing", "attention.raised", i % 2 == 0 ? "job.dead" : "field.unreadable", text(w, "%d", i), "x");
	get(w, BY_ADMIN, "/api/work-items?limit=3");
	expect_text(w, "items.0.kind", "field.unreadable");
	next = answer_text(w, "next");
	get(w, BY_ADMIN, text(w, "/api/work-items?limit=3&after=%s", next));
	expect_text(w, "items.1.kind", "job.dead");
	expect_absent(w, "items.2");
	expect_absent(w, "next");
	get(w, BY_ADMIN, "/api/work-items?limit=101");
	expect_status(w, 422);
}

static void
an_action_that_the_kind_does_not_have_is_refused(void **state)
{
	struct world *w = *state;
	const char *id;

	tell(w, "billing", "attention.raised", "field.unreadable", "intake_forms", "unreadable_field");
	id = only_item(w);
	post(w, BY_ADMIN, text(w, "/api/work-items/%s/actions/retry", id), "{}");
	expect_problem(w, 404, "no_such_action");
	get(w, BY_ADMIN, "/api/work-items/00000000-0000-7000-8000-0000000000ff");
	expect_problem(w, 404, "not_found");
}

static void
a_safe_action_is_a_signed_call_to_the_owner_and_ends_by_its_word(void **state)
{
	struct world *w = *state;
	const char *id;

	tell(w, "billing", "attention.raised", "job.dead", "7", "vendor_unavailable");
	id = only_item(w);
	stub(w, "POST", "/billing/jobs/7/retry", 202, "{\"jobId\":7}");
	post(w, BY_ADMIN, text(w, "/api/work-items/%s/actions/retry", id), "{\"note\":\"the vendor is back\"}");
	expect_status(w, 200);
	assert_int_equal(sent_count(w, "POST", "/billing/jobs/7/retry"), 1);
	assert_string_equal(sql_text(w, "SELECT state FROM work_item WHERE id = '%s'", id), "open");
	tell(w, "billing", "attention.cleared", "job.dead", "7", "replayed");
	get(w, BY_ADMIN, text(w, "/api/work-items/%s", id));
	expect_text(w, "state", "done");
	expect_text(w, "history.1.what", "retry");
	post(w, BY_ADMIN, text(w, "/api/work-items/%s/actions/retry", id), NULL);
	expect_problem(w, 409, "already_done");
	assert_true(audit_count(w, "work_item.act", "success") >= 1);
}

static void
an_events_action_names_its_subscriber(void **state)
{
	struct world *w = *state;
	const char *id;

	tell(w, "billing", "attention.raised", "event.dead", PATIENT "/portal", "peer_unavailable");
	id = only_item(w);
	stub(w, "POST", "/billing/outbox/" PATIENT "/retry", 200, "{\"retried\":1}");
	post(w, BY_ADMIN, text(w, "/api/work-items/%s/actions/retry", id), NULL);
	expect_status(w, 200);
	assert_string_equal(sent_text(sent_to(w, "POST", "/billing/outbox/" PATIENT "/retry", 0), "subscriber"), "portal");
}

#define DECIDED \
	"{\"sagaId\":\"" PATIENT "\",\"kind\":\"prescription\",\"subject\":\"" PATIENT "\",\"state\":\"running\",\"stuck\":false,\"version\":9," \
	"\"createdAt\":\"2026-11-21T08:00:00Z\",\"updatedAt\":\"2026-11-21T08:00:01Z\",\"steps\":[]}"

static void
a_decision_about_a_run_needs_words(void **state)
{
	struct world *w = *state;
	const char *id;

	tell(w, "orchestrator", "attention.raised", "saga.manual", PATIENT, "pay_timeout");
	id = only_item(w);
	post(w, BY_ROLE("ops_agent"), text(w, "/api/work-items/%s/actions/confirm", id), "{\"note\":\"the bank shows it\"}");
	expect_problem(w, 403, "role_not_allowed"); /* P-HIPAA-06 */
	post(w, BY_ROLE("ops_manager"), text(w, "/api/work-items/%s/actions/confirm", id), "{}");
	expect_problem(w, 422, "note_required");
	stub(w, "POST", "/orchestrator/sagas/" PATIENT "/decide", 202, DECIDED);
	post(w, BY_ROLE("ops_manager"), text(w, "/api/work-items/%s/actions/confirm", id), "{\"note\":\"the bank shows it\"}");
	expect_status(w, 200);
	assert_int_equal(sent_count(w, "POST", "/orchestrator/sagas/" PATIENT "/decide"), 1);
	assert_string_equal(sent_text(sent_to(w, "POST", "/orchestrator/sagas/" PATIENT "/decide", 0), "action"), "confirm");
	assert_string_equal(sent_text(sent_to(w, "POST", "/orchestrator/sagas/" PATIENT "/decide", 0), "step"), "charge");
	assert_string_equal(sent_text(sent_to(w, "POST", "/orchestrator/sagas/" PATIENT "/decide", 0), "reason"), "the bank shows it");
	tell(w, "orchestrator", "attention.cleared", "saga.manual", PATIENT, "running");
	get(w, BY_ADMIN, text(w, "/api/work-items/%s", id));
	expect_text(w, "state", "done");
	expect_text(w, "history.1.what", "confirm");
	expect_text(w, "history.1.note", "the bank shows it");
}

/* A vendor that cannot be asked is not offered to be. */
static void
a_vendor_is_asked_again_where_it_can_be(void **state)
{
	struct world *w = *state;
	const char *id;

	tell(w, "notify", "attention.raised", "effect.manual", CASE, "outcome_unknown");
	id = only_item(w);
	get(w, BY_ADMIN, text(w, "/api/work-items/%s", id));
	expect_absent(w, "actions.0");
	post(w, BY_ADMIN, text(w, "/api/work-items/%s/actions/look-up", id), NULL);
	expect_problem(w, 404, "no_such_action");
	tell(w, "billing", "attention.raised", "effect.manual", PATIENT, "absent_at_vendor");
	get(w, BY_ADMIN, "/api/work-items?service=billing");
	id = answer_text(w, "items.0.itemId");
	get(w, BY_ADMIN, text(w, "/api/work-items/%s", id));
	expect_text(w, "actions.0.action", "look-up");
	stub(w, "POST", "/billing/effects/" PATIENT "/look-up", 202, "{\"effectId\":\"" PATIENT "\",\"kind\":\"stripe.capture\"}");
	post(w, BY_ADMIN, text(w, "/api/work-items/%s/actions/look-up", id), NULL);
	expect_status(w, 200);
	assert_int_equal(sent_count(w, "POST", "/billing/effects/" PATIENT "/look-up"), 1);
}

/* ---- items that integration kept before */

#define CARRIED(id, subject, state, more) \
	"{\"itemId\":\"" id "\",\"service\":\"billing\",\"kind\":\"job.dead\",\"subject\":\"" subject "\",\"code\":\"refused\",\"patientId\":\"" PATIENT "\"," \
	"\"detail\":{\"n\":1},\"state\":\"" state "\",\"dueAt\":\"2026-11-01T14:00:00Z\",\"times\":3,\"raisedAt\":\"2026-11-01T10:00:00Z\"," \
	"\"updatedAt\":\"2026-11-01T11:00:00Z\"" more ",\"history\":[{\"lineId\":\"" id "\",\"at\":\"2026-11-01T10:00:00Z\",\"actor\":\"service:billing\"," \
	"\"what\":\"raised\",\"code\":\"refused\"}]}"
#define OLD_1 "00000000-0000-7000-8000-0000000000e1"
#define OLD_2 "00000000-0000-7000-8000-0000000000e2"
#define OLD_3 "00000000-0000-7000-8000-0000000000e3"
#define MORE_LINES \
	"[{\"lineId\":\"" OLD_2 "\",\"at\":\"2026-11-01T11:00:00Z\",\"actor\":\"system:admin\",\"what\":\"note\",\"note\":\"called Mrs Zyxwvut\"}]}"

static void
carry(struct world *w, const char *item)
{
	post(w, BY_SERVICE("integration"), "/api/work-items/carried", item);
	expect_status(w, 200);
}

static void
an_item_of_before_is_taken_over_once_with_its_history(void **state)
{
	struct world *w = *state;
	const char *item = CARRIED(OLD_1, "8", "taken", ",\"owner\":\"ops.lee\"");
	const char *rest = text(w, "%.*s%s", (int)(strstr(item, "[{") - item), item, MORE_LINES);

	for (int i = 0; i < 2; i++) {
		carry(w, item);
		carry(w, rest);
	}
	get(w, BY_ADMIN, "/api/work-items/" OLD_1);
	expect_text(w, "state", "taken");
	expect_text(w, "owner", "ops.lee");
	expect_int(w, "times", 3);
	expect_text(w, "raisedAt", "2026-11-01T10:00:00.000000Z");
	expect_text(w, "history.0.what", "raised");
	expect_text(w, "history.1.note", "called Mrs Zyxwvut");
	expect_absent(w, "history.2");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM work_item_history WHERE encode(note_enc, 'escape') LIKE '%%Zyxwvut%%'"), 0);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM work_item"), 1);
	tell(w, "billing", "attention.cleared", "job.dead", "8", "replayed");
	get(w, BY_ADMIN, "/api/work-items/" OLD_1);
	expect_text(w, "state", "done");
	post(w, BY_ADMIN, "/api/work-items/carried", item);
	expect_status(w, 403);
}

static void
what_was_raised_or_ended_meanwhile_is_one_item(void **state)
{
	struct world *w = *state;

	tell(w, "billing", "attention.raised", "job.dead", "9", "vendor_unavailable");
	carry(w, CARRIED(OLD_2, "9", "taken", ",\"owner\":\"ops.lee\""));
	get(w, BY_ADMIN, "/api/work-items");
	expect_text(w, "items.0.owner", "ops.lee");
	expect_text(w, "items.0.state", "taken");
	expect_int(w, "items.0.times", 4);
	expect_absent(w, "items.1");
	tell(w, "billing", "attention.cleared", "job.dead", "10", "replayed");
	carry(w, CARRIED(OLD_3, "10", "open", ""));
	get(w, BY_ADMIN, "/api/work-items/" OLD_3);
	expect_text(w, "state", "done");
	expect_text(w, "reason", "replayed");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_open_item_per_service_kind_and_subject, fresh),
		cmocka_unit_test_setup(the_end_of_the_cause_ends_the_item_and_a_new_one_may_follow, fresh),
		cmocka_unit_test_setup(an_item_is_taken_by_one_person_noted_and_resolved_with_a_reason, fresh),
		cmocka_unit_test_setup(pages_go_on_where_the_last_one_ended, fresh),
		cmocka_unit_test_setup(an_action_that_the_kind_does_not_have_is_refused, fresh),
		cmocka_unit_test_setup(a_safe_action_is_a_signed_call_to_the_owner_and_ends_by_its_word, fresh),
		cmocka_unit_test_setup(an_events_action_names_its_subscriber, fresh),
		cmocka_unit_test_setup(a_decision_about_a_run_needs_words, fresh),
		cmocka_unit_test_setup(a_vendor_is_asked_again_where_it_can_be, fresh),
		cmocka_unit_test_setup(an_item_of_before_is_taken_over_once_with_its_history, fresh),
		cmocka_unit_test_setup(what_was_raised_or_ended_meanwhile_is_one_item, fresh),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
