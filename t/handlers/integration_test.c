/*
 * Integration's rules: the snapshot is immutable and sealed, Canvas gets one of each, and only the claimant decides.
 */
#include "harness/harness.h"

#include "base/clock.h"
#include "crypto/hash.h"
#include "integration/integration.h"

static const char *const settings[] = {
	"CANVAS_FHIR_BASE_URL=https://fumage.example", "CANVAS_AUTH_BASE_URL=https://canvas.example", "CANVAS_CLIENT_ID=c", "CANVAS_CLIENT_SECRET=s",
	"CANVAS_REQUESTER=11111111111111111111111111111111", "CANVAS_QUESTIONNAIRE=q-1", "CANVAS_AUTH_SECRET=plugins-secret", NULL
};
#define FHIR "https://fumage.example"
#define PHYSICIAN "00000000-0000-7000-8000-0000000000a1"
#define OTHER "00000000-0000-7000-8000-0000000000a2"
#define ASSIGNMENT "00000000-0000-7000-8000-00000000a551"

static const char form[] =
	"{\"firstName\":\"Ada\",\"lastName\":\"Zyxwvut\",\"birthDate\":\"1980-02-29\",\"sex\":\"female\",\"email\":\"Ada@Patients.example\",\"phone\":\"+15045550100\","
	"\"address\":{\"line1\":\"1 Main\",\"city\":\"New Orleans\",\"state\":\"LA\",\"zip\":\"70112\"},\"heightCm\":165,\"weightKg\":92.5,"
	"\"vitals\":{\"systolic\":128,\"diastolic\":82,\"pulse\":74},\"history\":[{\"code\":\"E66.9\",\"display\":\"Obesity\"}],"
	"\"answers\":[{\"linkId\":\"goal\",\"text\":\"Goal?\",\"answer\":\"less\"}]}";

static int
setup(void **state)
{
	*state = world_new(&integration_service, settings);
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

static void
created(struct world *w, const char *resource, const char *id)
{
	const char **headers = arena_alloc(world_arena(w), 2 * sizeof(*headers));

	headers[0] = text(w, "Location: http://fumage.example/%s/%s/_history/1", resource, id);
	stub_with(w, "POST", text(w, FHIR "/%s", resource), 201, "null", headers);
}

static int
fresh(void **state)
{
	struct world *w = *state;

	stubs_clear(w);
	sql_run(w, "DELETE FROM job WHERE state = 'ready'");
	stub(w, "POST", "https://canvas.example/auth/token/", 200, "{\"access_token\":\"t\",\"expires_in\":36000,\"token_type\":\"Bearer\"}");
	created(w, "QuestionnaireResponse", "qr-1");
	created(w, "Condition", "co-1");
	created(w, "Observation", "ob-1");
	created(w, "DocumentReference", "dr-1");
	return 0;
}

struct chart {
	const char *submission, *patient, *canvas, *task;
};

static void
receive(struct world *w, struct chart *c)
{
	c->submission = new_id(w);
	c->patient = new_id(w);
	c->canvas = text(w, "%.32s", new_id(w));
	c->task = new_id(w);
	created(w, "Patient", c->canvas);
	created(w, "Task", c->task);
	post_key(w, BY_SERVICE("intake"), "/api/ehr/patients", text(w, "key-%s", c->submission), text(w,
	    "{\"submissionId\":\"%s\",\"patientId\":\"%s\",\"state\":\"LA\",\"intakeType\":\"glp1\",\"patient\":%s,\"submittedAt\":\"2026-11-21T04:00:00Z\"}",
	    c->submission, c->patient, form));
	expect_status(w, 202);
}

static void
chart(struct world *w, struct chart *c)
{
	receive(w, c);
	work(w);
	post_key(w, BY_SERVICE("intake"), "/api/ehr/tasks", text(w, "task-%s", c->submission), text(w,
	    "{\"submissionId\":\"%s\",\"patientId\":\"%s\",\"canvasPatientId\":\"%s\"}", c->submission, c->patient, c->canvas));
	expect_status(w, 202);
	work(w);
}

static void
a_submitted_intake_becomes_one_chart(void **state)
{
	struct world *w = *state;
	struct chart c;

	chart(w, &c);
	assert_int_equal(sent_count(w, "POST", FHIR "/Patient"), 1);
	assert_int_equal(sent_count(w, "POST", FHIR "/Task"), 1);
	assert_int_equal(sent_count(w, "POST", FHIR "/Observation"), 4);
	assert_int_equal(sent_count(w, "POST", FHIR "/Condition"), 1);
	assert_string_equal(sent_text(sent_to(w, "POST", FHIR "/Task", 0), "description"), "Rx Review");
	assert_string_equal(json_text_at(event_last(w, "ehr.patient.created"), "canvasPatientId"), c.canvas);
	assert_string_equal(json_text_at(event_last(w, "ehr.task.created"), "taskId"), c.task);
}

static const char *const canaries[] = { "Zyxwvut", "firstName", "birthDate", "address", "patient_records", "unreadable" };

static void
the_snapshot_is_sealed_immutable_and_read_with_a_trace(void **state)
{
	struct world *w = *state;
	struct chart c;

	receive(w, &c);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM patient_records WHERE encode(payload_enc, 'escape') LIKE '%%Zyxwvut%%'"), 0);
	get(w, BY_ADMIN, text(w, "/api/patient-records/%s", c.patient));
	expect_status(w, 200);
	expect_text(w, "record.lastName", "Zyxwvut");
	assert_true(audit_count(w, "phi.record", "success") >= 1);
	get(w, BY_PUBLIC, text(w, "/api/patient-records/%s", c.patient));
	expect_status(w, 401);
	get(w, BY_ADMIN, text(w, "/api/patient-records/%s", new_id(w)));
	expect_problem(w, 404, "not_found");
}

/* A flipped bit, and the whole record is one plain sentence: nothing of the patient, nothing of what could be deciphered. */
static void
E5_a_record_that_does_not_open_is_a_plain_500_and_a_row_in_the_trail(void **state)
{
	struct world *w = *state;
	struct chart c;
	unsigned before;

	receive(w, &c);
	before = audit_count(w, "phi.record", "failure");
	sql_run(w, "SELECT set_config('telerx.rewrites', 'patient_records', false)");
	sql_run(w, "UPDATE patient_records SET payload_enc = set_byte(payload_enc, octet_length(payload_enc) - 40,"
		   " get_byte(payload_enc, octet_length(payload_enc) - 40) # 1) WHERE patient_id = '%s'", c.patient);
	sql_run(w, "SELECT set_config('telerx.rewrites', '', false)");
	get(w, BY_ADMIN, text(w, "/api/patient-records/%s", c.patient));
	expect_problem(w, 500, "internal_error");
	expect_absent(w, "record");
	for (size_t i = 0; i < COUNT(canaries); i++)
		assert_null(memmem(answer_bytes(w).p, answer_bytes(w).n, canaries[i], strlen(canaries[i])));
	assert_int_equal(audit_count(w, "phi.record", "failure"), before + 1);
	assert_string_equal(sql_text(w, "SELECT reason FROM audit WHERE action = 'phi.record' AND outcome = 'failure' ORDER BY id DESC LIMIT 1"),
	    "unreadable_field");
}

/* Who reads must leave a trace; where none can be left, nothing is read. */
static void
L7_a_record_that_cannot_be_audited_is_not_shown(void **state)
{
	struct world *w = *state;
	struct chart c;
	const char *reader;

	receive(w, &c);
	reader = sql_text(w, "SELECT 'telerx_' || current_database() || '_reader'");
	sql_run(w, "REVOKE INSERT ON audit FROM %s", reader);
	get(w, BY_ADMIN, text(w, "/api/patient-records/%s", c.patient));
	expect_problem(w, 503, "audit_unavailable");
	assert_null(memmem(answer_bytes(w).p, answer_bytes(w).n, "Zyxwvut", 7));
	expect_absent(w, "record");
	sql_run(w, "GRANT INSERT ON audit TO %s", reader);
	get(w, BY_ADMIN, text(w, "/api/patient-records/%s", c.patient));
	expect_status(w, 200);
}

static void
a_patient_whose_answer_was_lost_is_searched_and_not_made_twice(void **state)
{
	struct world *w = *state;
	struct chart c;

	receive(w, &c);
	stub(w, "GET", FHIR "/Patient*", 200, text(w, "{\"resourceType\":\"Bundle\",\"total\":1,\"entry\":[{\"resource\":{\"id\":\"%s\"}}]}", c.canvas));
	stub_broken(w, "POST", FHIR "/Patient", HTTP_UNKNOWN);
	for (int i = 0; i < 3; i++)
		work_all(w);
	assert_int_equal(sent_count(w, "POST", FHIR "/Patient"), 1);
	assert_string_equal(sql_text(w, "SELECT canvas_patient_id FROM ehr_cases WHERE submission_id = '%s'", c.submission), c.canvas);
}

static void
canvas_away_for_a_while_delays_and_loses_nothing(void **state)
{
	struct world *w = *state;
	struct chart c;

	receive(w, &c);
	stub_broken(w, "POST", FHIR "/Patient", HTTP_NOT_SENT);
	work(w);
	work_all(w);
	assert_string_equal(sql_text(w, "SELECT canvas_patient_id FROM ehr_cases WHERE submission_id = '%s'", c.submission), c.canvas);
}

static void
assignment(struct world *w, const struct chart *c, const char *status, const char *claimant)
{
	stub(w, "GET", text(w, "/route/assignments?submissionId=%s", c->submission), 200, text(w,
	    "{\"assignmentId\":\"" ASSIGNMENT "\",\"submissionId\":\"%s\",\"patientId\":\"%s\",\"state\":\"LA\",\"platform\":\"yourera\",\"intakeType\":\"glp1\","
	    "\"mode\":\"pool\",\"status\":\"%s\",%s\"openedAt\":\"2026-11-21T04:00:00Z\",\"physicians\":[{\"physicianId\":\"" PHYSICIAN "\","
	    "\"name\":\"Avery Sample\",\"npi\":\"2000000010\"}]}", c->submission, c->patient, status,
	    claimant == NULL ? "" : text(w, "\"claimedBy\":\"%s\",\"claimedAt\":\"2026-11-21T04:01:00Z\",", claimant)));
}

static void
decide(struct world *w, const struct chart *c, const char *rest)
{
	post(w, BY_ADMIN, "/api/task-action", text(w, "{\"taskId\":\"%s\",%s}", c->task, rest));
}

#define APPROVE "\"action\":\"approve\",\"medication\":\"semaglutide\",\"dosage\":\"0.25 mg\""

static void
only_the_claimant_decides(void **state)
{
	struct world *w = *state;
	struct chart c;

	chart(w, &c);
	assignment(w, &c, "open", NULL);
	decide(w, &c, APPROVE ",\"practitionerId\":\"" PHYSICIAN "\"");
	expect_problem(w, 409, "assignment_not_claimed");
	assignment(w, &c, "claimed", PHYSICIAN);
	decide(w, &c, APPROVE ",\"practitionerId\":\"" OTHER "\"");
	expect_problem(w, 409, "not_the_claimant");
	decide(w, &c, APPROVE);
	expect_problem(w, 409, "claimant_required");
	decide(w, &c, "\"action\":\"deny\",\"practitionerId\":\"" PHYSICIAN "\"");
	expect_problem(w, 422, "reason_required");
	assert_int_equal(sent_count(w, "POST", "/orchestrator/approve") + sent_count(w, "POST", "/orchestrator/deny"), 0);
	assert_int_equal(audit_count(w, "task.action", "denied") + audit_count(w, "task.action", "failure"), 4);
}

static void
an_approval_is_forwarded_under_the_tasks_key(void **state)
{
	struct world *w = *state;
	struct chart c;

	chart(w, &c);
	assignment(w, &c, "claimed", PHYSICIAN);
	stub(w, "POST", "/orchestrator/approve", 202, text(w, "{\"runId\":\"%s\",\"status\":\"running\",\"completedSteps\":[],\"warnings\":[],\"errors\":[]}",
	    new_id(w)));
	for (int i = 0; i < 2; i++) {
		decide(w, &c, APPROVE ",\"practitionerId\":\"" PHYSICIAN "\"");
		expect_status(w, 202);
	}
	assert_string_equal(sent_header(sent_to(w, "POST", "/orchestrator/approve", 0), "Idempotency-Key"),
	    sent_header(sent_to(w, "POST", "/orchestrator/approve", 1), "Idempotency-Key"));
	assert_string_equal(sent_text(sent_to(w, "POST", "/orchestrator/approve", 0), "practitionerId"), PHYSICIAN);
}

static void
the_package_has_its_six_parts(void **state)
{
	static const char *const parts[] = { "demographics", "answers", "conditions", "observations", "practitioners", "dosageOptions" };
	struct world *w = *state;
	struct chart c;

	chart(w, &c);
	assignment(w, &c, "claimed", PHYSICIAN);
	stub(w, "GET", "/orchestrator/medications*", 200,
	    "{\"medications\":[{\"medication\":\"semaglutide\",\"dosages\":[{\"dosage\":\"0.25 mg\",\"priceCents\":29900,\"currency\":\"USD\"}]}]}");
	get(w, BY_ADMIN, text(w, "/api/rx-queue/%s", c.task));
	expect_status(w, 200);
	for (size_t i = 0; i < COUNT(parts); i++)
		assert_non_null(json_object_get(answer(w), parts[i]));
	assert_true(audit_count(w, "phi.package", "success") >= 1);
}

static void
a_decision_closes_the_task_at_canvas(void **state)
{
	struct world *w = *state;
	struct chart c;

	chart(w, &c);
	stub(w, "PUT", text(w, FHIR "/Task/%s", c.task), 200, "null");
	send_event(w, "orchestrator", "prescription.decided", uuid_new(), text(w,
	    "{\"submissionId\":\"%s\",\"patientId\":\"%s\",\"assignmentId\":\"" ASSIGNMENT "\",\"physicianId\":\"" PHYSICIAN "\",\"outcome\":\"approved\","
	    "\"runId\":\"%s\",\"taskId\":\"%s\"}", c.submission, c.patient, new_id(w), c.task));
	expect_status(w, 200);
	send_event_again(w);
	work(w);
	assert_int_equal(sent_count(w, "PUT", text(w, FHIR "/Task/%s", c.task)), 1);
	assert_string_equal(sent_text(sent_to(w, "PUT", text(w, FHIR "/Task/%s", c.task), 0), "status"), "completed");
}

/* As our plugin at Canvas signs. */
static void
plugin_tells(struct world *w, const char *event, const char *task, const char *secret)
{
	const char *body = text(w, "{\"event\":\"TASK_UPDATED\",\"event_id\":\"%s\",\"resource_type\":\"Task\",\"resource_id\":\"%s\"}", event, task);
	const char *now = text(w, "%" PRId64, clock_us() / US_PER_S);
	const struct bytes parts[] = { BYTES_OF(now), BYTES_OF("."), BYTES_OF(body) };
	uint8_t mac[32];
	char hex[65];

	hmac_sha256(BYTES_OF(secret), parts, COUNT(parts), mac);
	request(w, BY_PUBLIC, "POST", "/api/webhooks/canvas", NULL, body, (const struct header[]){ { "x-canvas-plugin-timestamp", now },
	    { "x-canvas-plugin-signature", text(w, "v1=%s", hex_encode(BYTES(mac, sizeof(mac)), hex)) }, { NULL, NULL } });
}

static void
canvas_says(struct world *w, const char *task, const char *status)
{
	stub(w, "GET", text(w, FHIR "/Task?_id=%s", task), 200, text(w, "{\"resourceType\":\"Bundle\",\"total\":1,\"entry\":[{\"resource\":"
	    "{\"resourceType\":\"Task\",\"id\":\"%s\",\"status\":\"%s\"}}]}", task, status));
}

/* I-CANV-11: the message is a hint, FHIR says what is. */
static void
i_canv_11_a_task_closed_at_canvas_is_a_persons_once(void **state)
{
	static const char raised[] = "SELECT count(*) FROM attention WHERE kind = 'task.closed' AND subject = '%s'";
	struct world *w = *state;
	struct chart c;

	chart(w, &c);
	plugin_tells(w, "ev-forged", c.task, "somebody-elses");
	expect_problem(w, 401, "bad_signature");
	canvas_says(w, c.task, "requested");
	plugin_tells(w, text(w, "ev-1-%s", c.task), c.task, "plugins-secret");
	expect_status(w, 200);
	work(w);
	assert_int_equal(sql_int(w, raised, c.task), 0);
	canvas_says(w, c.task, "completed");
	for (int i = 0; i < 3; i++) {
		plugin_tells(w, text(w, "ev-2-%s", c.task), c.task, "plugins-secret");
		expect_status(w, 200);
		work(w);
	}
	assert_int_equal(sql_int(w, raised, c.task), 1);
	assert_int_equal(sql_int(w, "SELECT times FROM attention WHERE subject = '%s'", c.task), 1);
	canvas_says(w, c.task, "in-progress");
	plugin_tells(w, text(w, "ev-3-%s", c.task), c.task, "plugins-secret");
	work(w);
	assert_string_equal(sql_text(w, "SELECT canvas_task_status FROM ehr_cases WHERE task_id = '%s'", c.task), "completed");
	assert_string_equal(sql_text(w, "SELECT outcome FROM webhook WHERE event_id = 'ev-3-%s'", c.task), "late");
}

static void
i_canv_11_a_task_of_nobody_changes_nothing(void **state)
{
	struct world *w = *state;

	canvas_says(w, "foreign-task", "completed");
	plugin_tells(w, "ev-foreign", "foreign-task", "plugins-secret");
	expect_status(w, 200);
	work(w);
	assert_string_equal(sql_text(w, "SELECT outcome FROM webhook WHERE event_id = 'ev-foreign'"), "unknown_object");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE subject = 'foreign-task'"), 0);
}

/* E5: a field that does not open is nobody's answer and one item, however often it is read. */
static void
e5_a_field_that_does_not_open_is_raised_once(void **state)
{
	struct world *w = *state;
	struct chart c;

	receive(w, &c);
	work(w);
	sql_run(w, "ALTER TABLE patient_records DISABLE TRIGGER append_only");
	sql_run(w, "UPDATE patient_records SET payload_enc = set_byte(payload_enc, length(payload_enc) - 1, get_byte(payload_enc, length(payload_enc) - 1) # 1)"
	    " WHERE submission_id = '%s'", c.submission);
	sql_run(w, "ALTER TABLE patient_records ENABLE TRIGGER append_only");
	for (int i = 0; i < 3; i++) {
		get(w, BY_ADMIN, text(w, "/api/patient-records/%s", c.patient));
		expect_problem(w, 500, "internal_error");
	}
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE kind = 'field.unreadable'"), 1);
	assert_string_equal(sql_text(w, "SELECT subject FROM attention WHERE kind = 'field.unreadable'"), "GET /api/patient-records/:patientId");
	assert_int_equal(sql_int(w, "SELECT times FROM attention WHERE kind = 'field.unreadable'"), 3);
	assert_int_equal(event_count(w, "attention.raised"), sql_int(w, "SELECT sum(times) FROM attention"));
}

static void
a_pharmacy_callback_counts_once(void **state)
{
	struct world *w = *state;
	const char *body = text(w, "{\"eventId\":\"e-1\",\"submissionId\":\"%s\",\"externalId\":\"%s\",\"status\":\"shipped\",\"trackingNumber\":\"7946\"}",
	    new_id(w), new_id(w));

	post(w, BY_SERVICE("router"), "/api/pharmacy/callback", body);
	expect_status(w, 200);
	post(w, BY_SERVICE("router"), "/api/pharmacy/callback", body);
	assert_true(json_is_true(json_object_get(answer(w), "duplicate")));
	assert_int_equal(sql_int(w, "SELECT count(*) FROM pharmacy_updates WHERE event_id = 'e-1'"), 1);
}

static void
a_note_is_a_pdf_and_one_per_run(void **state)
{
	struct world *w = *state;
	const char *run = new_id(w);
	struct chart c;

	chart(w, &c);
	for (int i = 0; i < 2; i++) {
		post_key(w, BY_SERVICE("orchestrator"), "/api/ehr/notes", text(w, "note-%d-%s", i, run), text(w,
		    "{\"submissionId\":\"%s\",\"patientId\":\"%s\",\"runId\":\"%s\",\"practitionerName\":\"Avery Sample\",\"text\":\"Reviewed.\\nApproved.\"}",
		    c.submission, c.patient, run));
		expect_status(w, 202);
	}
	work(w);
	assert_int_equal(sent_count(w, "POST", FHIR "/DocumentReference"), 1);
	assert_memory_equal(sent_text(sent_to(w, "POST", FHIR "/DocumentReference", 0), "content.0.attachment.data"), "JVBERi", 6);
}

/* X-SAGA-02: the chart is never changed: the amendment is a document of its own, one per run, beside the note. */
static void
X_SAGA_02_an_amendment_is_a_document_beside_the_note_and_one_per_run(void **state)
{
	struct world *w = *state;
	const char *run = new_id(w), *body;
	struct chart c;

	chart(w, &c);
	body = text(w, "{\"submissionId\":\"%s\",\"patientId\":\"%s\",\"runId\":\"%s\"}", c.submission, c.patient, run);
	post_key(w, BY_SERVICE("orchestrator"), "/api/ehr/notes", text(w, "note-%s", run), text(w,
	    "{\"submissionId\":\"%s\",\"patientId\":\"%s\",\"runId\":\"%s\",\"practitionerName\":\"Avery Sample\",\"text\":\"Reviewed.\"}",
	    c.submission, c.patient, run));
	work(w);
	for (int i = 0; i < 2; i++) {
		post_key(w, BY_SERVICE("orchestrator"), "/api/ehr/notes/amend", text(w, "amend-%d-%s", i, run), body);
		expect_status(w, 202);
	}
	work(w);
	assert_int_equal(sent_count(w, "POST", FHIR "/DocumentReference"), 2);
	assert_int_equal(sent_count(w, "PUT", FHIR "/DocumentReference/*"), 0);
	assert_string_equal(sql_text(w, "SELECT string_agg(status, ' ') FROM ehr_entries WHERE run_id = '%s'", run), "created created");
	assert_string_equal(json_text_at(event_last(w, "ehr.note.amended"), "runId"), run);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM outbox WHERE topic = 'ehr.note.created' AND payload ->> 'runId' = '%s'", run), 1);
	assert_int_equal(audit_count(w, "ehr.amend", "success"), 2);
}

static void
an_amendment_needs_a_chart_and_its_caller(void **state)
{
	struct world *w = *state;
	const char *id = new_id(w);
	const char *body = text(w, "{\"submissionId\":\"%s\",\"patientId\":\"%s\",\"runId\":\"%s\"}", id, id, id);

	post_key(w, BY_SERVICE("orchestrator"), "/api/ehr/notes/amend", text(w, "amend-%s", id), body);
	expect_problem(w, 404, "not_found");
	post_key(w, BY_SERVICE("intake"), "/api/ehr/notes/amend", text(w, "amend-%s", id), body);
	expect_problem(w, 403, "forbidden");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_submitted_intake_becomes_one_chart, fresh),
		cmocka_unit_test_setup(the_snapshot_is_sealed_immutable_and_read_with_a_trace, fresh),
		cmocka_unit_test_setup(L7_a_record_that_cannot_be_audited_is_not_shown, fresh),
		cmocka_unit_test_setup(a_patient_whose_answer_was_lost_is_searched_and_not_made_twice, fresh),
		cmocka_unit_test_setup(canvas_away_for_a_while_delays_and_loses_nothing, fresh),
		cmocka_unit_test_setup(only_the_claimant_decides, fresh),
		cmocka_unit_test_setup(an_approval_is_forwarded_under_the_tasks_key, fresh),
		cmocka_unit_test_setup(the_package_has_its_six_parts, fresh),
		cmocka_unit_test_setup(a_decision_closes_the_task_at_canvas, fresh),
		cmocka_unit_test_setup(i_canv_11_a_task_closed_at_canvas_is_a_persons_once, fresh),
		cmocka_unit_test_setup(i_canv_11_a_task_of_nobody_changes_nothing, fresh),
		cmocka_unit_test_setup(e5_a_field_that_does_not_open_is_raised_once, fresh),
		cmocka_unit_test_setup(E5_a_record_that_does_not_open_is_a_plain_500_and_a_row_in_the_trail, fresh),
		cmocka_unit_test_setup(a_pharmacy_callback_counts_once, fresh),
		cmocka_unit_test_setup(a_note_is_a_pdf_and_one_per_run, fresh),
		cmocka_unit_test_setup(X_SAGA_02_an_amendment_is_a_document_beside_the_note_and_one_per_run, fresh),
		cmocka_unit_test_setup(an_amendment_needs_a_chart_and_its_caller, fresh),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
