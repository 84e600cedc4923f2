/*
 * sandbox_canvas_test.c: the Canvas stand-in keeps Canvas's contract: no key, no dedupe, strict bodies.
 */
#include "core.h"

#include "handlers/sandbox_world.h"

/* ---- Canvas */

#define PRACTITIONER "a1000000000000000000000000000001"
#define QUESTIONNAIRE "1f0c9f2e-6b1d-4c57-9a3e-2d5b7c8e0a11"
#define SEX "\"extension\":[{\"url\":\"http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex\",\"valueCode\":\"F\"}]"
#define NAME "\"name\":[{\"use\":\"official\",\"family\":\"Example\",\"given\":[\"Pat\"]}]"
#define PATIENT(mark, more) "{\"resourceType\":\"Patient\"," NAME ",\"birthDate\":\"1986-04-17\",\"gender\":\"female\"," SEX \
	",\"identifier\":[{\"system\":\"https://ours\",\"value\":\"" mark "\"}]" more "}"

static const char *
canvas_token(struct world *w)
{
	call(w, "POST", "/sandbox/canvas/auth/token/", NULL,
	    "grant_type=client_credentials&client_id=clinic&client_secret=clinic-secret");
	expect_status(w, 200);
	expect_int(w, "expires_in", 36000);
	return text(w, "Bearer %s", answer_text(w, "access_token"));
}

/* Creates and returns the id out of Location, as a client has to. */
static const char *
create(struct world *w, const char *token, const char *resource, const char *body)
{
	char *at, *id, *version;

	call(w, "POST", text(w, FHIR "/%s", resource), token, body);
	expect_status(w, 201);
	assert_int_equal(answer_bytes(w).n, 4);
	assert_memory_equal(answer_bytes(w).p, "null", 4);
	at = strstr(answer_header(w, "Location"), text(w, "/%s/", resource));
	assert_non_null(at);
	id = arena_dup(world_arena(w), at + strlen(resource) + 2);
	version = strchr(id, '/');
	assert_string_equal(version, "/_history/1");
	if (version != NULL)
		*version = '\0';
	return id;
}

static void
canvas_wants_its_token(void **state)
{
	struct world *w = *state;

	call(w, "POST", "/sandbox/canvas/auth/token/", NULL, "grant_type=client_credentials&client_id=clinic&client_secret=wrong");
	expect_status(w, 401);
	call(w, "GET", FHIR "/Patient", "Bearer nothing", NULL);
	expect_status(w, 401);
	expect_text(w, "resourceType", "OperationOutcome");
	const char *token = canvas_token(w);
	call(w, "GET", FHIR "/Patient", token, NULL);
	expect_status(w, 200);
	sql_run(w, "UPDATE token SET expires_at = now() - interval '1 second'");
	call(w, "GET", FHIR "/Patient", token, NULL);
	expect_status(w, 401);
}

static void
a_patient_posted_twice_is_two_patients(void **state)
{
	struct world *w = *state;
	const char *token = canvas_token(w), *first = create(w, token, "Patient", PATIENT("mark-twice", "")), *second;

	assert_int_equal(strlen(first), 32);
	second = create(w, token, "Patient", PATIENT("mark-twice", ""));
	assert_string_not_equal(first, second);
	call(w, "GET", FHIR "/Patient?identifier=https%3A%2F%2Fours%7Cmark-twice", token, NULL);
	expect_int(w, "total", 2);
	expect_text(w, "entry.0.resource.id", first);
	call(w, "GET", FHIR "/Patient?identifier=https%3A%2F%2Ftheirs%7Cmark-twice", token, NULL);
	expect_int(w, "total", 0);
	expect_absent(w, "entry");
	get(w, BY_PUBLIC, "/sandbox/canvas/ledger?key=mark-twice");
	expect_int(w, "count", 2);
}

static void
canvas_refuses_what_it_cannot_take(void **state)
{
	static const struct { const char *resource, *body; int status;
	} cases[] = {
		{ "Patient", "{", 400 },
		{ "Patient", "{\"resourceType\":\"Task\"}", 400 },
		{ "Patient", "{" NAME ",\"birthDate\":\"1986-04-17\"," SEX "}", 422 },
		{ "Patient", "{" NAME ",\"birthDate\":\"1986-02-30\",\"gender\":\"female\"," SEX "}", 422 },
		{ "Patient", "{" NAME ",\"birthDate\":\"1986-04-17\",\"gender\":\"female\"}", 422 },
		{ "Patient", PATIENT("x", ",\"telecom\":[{\"system\":\"phone\",\"value\":\"+15045550142\"}]"), 422 },
		{ "Task",
		    "{\"status\":\"requested\",\"intent\":\"order\",\"description\":\"x\",\"requester\":"
		    "{\"reference\":\"Practitioner/" PRACTITIONER
		    "\"}}",
		    422 },
		{ "Task",
		    "{\"status\":\"requested\",\"intent\":\"unknown\",\"description\":\"x\",\"requester\":"
		    "{\"reference\":\"Practitioner/nobody\"}}",
		    422 },
		{ "MedicationRequest", "{}", 405 },
		{ "Practitioner", "{}", 405 },
		{ "Unicorn", "{}", 404 },
	};
	struct world *w = *state;
	const char *token = canvas_token(w);

	for (size_t i = 0; i < COUNT(cases); i++) {
		call(w, "POST", text(w, FHIR "/%s", cases[i].resource), token, cases[i].body);
		expect_status(w, cases[i].status);
		expect_text(w, "resourceType", "OperationOutcome");
	}
	call(w, "DELETE", FHIR "/Practitioner/" PRACTITIONER, token, NULL);
	expect_status(w, 405);
	call(w, "GET", FHIR "/Patient/nobody", token, NULL);
	expect_status(w, 404);
	call(w, "GET", FHIR "/Patient?colour=blue", token, NULL);
	expect_status(w, 400);
}

static void
contacts_left_out_of_an_update_are_gone(void **state)
{
	struct world *w = *state;
	const char *token = canvas_token(w);
	const char *id =
	    create(w, token, "Patient", PATIENT("mark-put", ",\"telecom\":[{\"system\":\"email\",\"value\":\"a@example.com\"}]"));

	call(w, "GET", text(w, FHIR "/Patient/%s", id), token, NULL);
	expect_text(w, "telecom.0.value", "a@example.com");
	call(w, "PUT", text(w, FHIR "/Patient/%s", id), token,
	    text(w, "{\"id\":\"%s\"," NAME ",\"birthDate\":\"1986-04-18\",\"gender\":\"female\"," SEX "}", id));
	expect_status(w, 200);
	call(w, "GET", text(w, FHIR "/Patient/%s", id), token, NULL);
	expect_absent(w, "telecom");
	expect_text(w, "birthDate", "1986-04-18");
	expect_text(w, "identifier.0.value", "mark-put");
}

#define TASK(patient, more) \
	"{\"resourceType\":\"Task\",\"status\":\"requested\",\"intent\":\"unknown\",\"requester\":{\"reference\":" \
	"\"Practitioner/" PRACTITIONER \
	"\"},\"for\":{\"reference\":\"Patient/%s\"}" more "}"
#define NOTE(words) ",\"note\":[{\"text\":\"" words "\",\"authorReference\":{\"reference\":\"Practitioner/" PRACTITIONER "\"}}]"

static void
a_task_collects_notes_and_forgets_what_is_left_out(void **state)
{
	struct world *w = *state;
	const char *token = canvas_token(w), *patient = create(w, token, "Patient", PATIENT("mark-task", "")), *id;

	id = create(w, token, "Task",
	    text(w,
		TASK("%s",
		    ",\"description\":\"Rx Review\",\"input\":[{\"type\":{\"text\":\"label\"},\"valueString\":\"ours-1\"}]" NOTE(
			"one")),
		patient));
	call(w, "GET", text(w, FHIR "/Task?patient=Patient%%2F%s&label=ours-1&status=requested", patient), token, NULL);
	expect_int(w, "total", 1);
	expect_text(w, "entry.0.resource.id", id);
	call(w, "PUT", text(w, FHIR "/Task/%s", id), token,
	    text(w, TASK("%s", ",\"id\":\"%s\",\"description\":\"Rx Review\"" NOTE("two")), patient, id));
	expect_status(w, 200);
	call(w, "GET", text(w, FHIR "/Task/%s", id), token, NULL);
	expect_text(w, "note.0.text", "one");
	expect_text(w, "note.1.text", "two");
	expect_absent(w, "input");
	call(w, "GET", text(w, FHIR "/Task?patient=Patient%%2F%s&modified=ge2020-01-01", patient), token, NULL);
	expect_int(w, "total", 1);
	call(w, "GET", text(w, FHIR "/Task?patient=Patient%%2F%s&modified=lt2020-01-01", patient), token, NULL);
	expect_int(w, "total", 0);
}

#define LOINC(code) "\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"" code "\",\"display\":\"x\"}]}"

/* %s: the subject member. */
#define EXTENSION(name, value) \
	"{\"url\":\"http://schemas.canvasmedical.com/fhir/document-reference-" name "\"," value "}"
#define DOCUMENT(data) \
	"{\"status\":\"current\",%s,\"extension\":[" EXTENSION("clinical-date", "\"valueDate\":\"2026-01-01\"") "," \
	EXTENSION("reviewer", "\"valueReference\":{\"reference\":\"Practitioner/" PRACTITIONER "\"}") "," \
	EXTENSION("requires-signature", "\"valueBoolean\":false") "]," \
	"\"type\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"47039-3\"}]}," \
	"\"category\":[{\"coding\":[{\"system\":\"http://schemas.canvasmedical.com/fhir/document-reference-category\"," \
	"\"code\":\"uncategorizedclinicaldocument\"}]}]," \
	"\"content\":[{\"attachment\":{\"contentType\":\"application/pdf\"," data "}}]}"

static void
vitals_answers_and_documents_are_charted(void **state)
{
	struct world *w = *state;
	const char *token = canvas_token(w), *patient = create(w, token, "Patient", PATIENT("mark-chart", ""));
	const char *subject = text(w, "\"subject\":{\"reference\":\"Patient/%s\"}", patient);

	call(w, "POST", FHIR "/Observation", token,
	    text(w, "{\"status\":\"final\"," LOINC("29463-7") ",%s,\"valueQuantity\":{\"value\":92.5,\"unit\":\"lb\"}}", subject));
	expect_status(w, 422);
	create(w, token, "Observation",
	    text(w, "{\"status\":\"final\"," LOINC("29463-7") ",%s,\"valueQuantity\":{\"value\":92.5,\"unit\":\"kg\"}}", subject));
	call(w, "GET",
	    text(w, FHIR "/Observation?patient=Patient%%2F%s&code=http%%3A%%2F%%2Floinc.org%%7C29463-7&category=vital-signs",
		patient),
	    token, NULL);
	expect_int(w, "total", 1);
	call(w, "POST", FHIR "/QuestionnaireResponse", token,
	    text(w,
		"{\"questionnaire\":\"Questionnaire/" QUESTIONNAIRE "\",\"status\":\"completed\",%s,"
		"\"item\":[{\"linkId\":\"shoe\",\"answer\":[{\"valueString\":\"9\"}]}]}",
		subject));
	expect_status(w, 422);
	create(w, token, "QuestionnaireResponse",
	    text(w,
		"{\"questionnaire\":\"Questionnaire/" QUESTIONNAIRE "\",\"status\":\"completed\",%s,"
		"\"item\":[{\"linkId\":\"goal\",\"answer\":[{\"valueString\":\"sleep\"}]}]}",
		subject));
	call(w, "POST", FHIR "/DocumentReference", token, text(w, DOCUMENT("\"data\":\"JVBERi0xLjQK\""), subject));
	expect_status(w, 201);
	call(w, "GET", text(w, FHIR "/DocumentReference?patient=Patient%%2F%s", patient), token, NULL);
	expect_text(w, "entry.0.resource.content.0.attachment.contentType", "application/pdf");
	expect_absent(w, "entry.0.resource.content.0.attachment.data");
	call(w, "POST", FHIR "/DocumentReference", token, text(w, DOCUMENT("\"data\":\"bm8gcGRm\""), subject));
	expect_status(w, 422);
}

static void
a_bundle_has_pages(void **state)
{
	struct world *w = *state;
	const char *token = canvas_token(w);

	call(w, "GET", FHIR "/Practitioner?_count=2", token, NULL);
	expect_int(w, "total", 3);
	expect_text(w, "link.2.relation", "next");
	expect_text(w, "link.2.url", "/Practitioner?_count=2&_offset=2");
	call(w, "GET", FHIR "/Practitioner?npiNumber=2000000028", token, NULL);
	expect_int(w, "total", 1);
	expect_text(w, "entry.0.resource.name.0.given.0", "Blake");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(canvas_wants_its_token),
		cmocka_unit_test(a_patient_posted_twice_is_two_patients),
		cmocka_unit_test(canvas_refuses_what_it_cannot_take),
		cmocka_unit_test(contacts_left_out_of_an_update_are_gone),
		cmocka_unit_test(a_task_collects_notes_and_forgets_what_is_left_out),
		cmocka_unit_test(vitals_answers_and_documents_are_charted),
		cmocka_unit_test(a_bundle_has_pages),
	};

	return cmocka_run_group_tests(tests, sandbox_setup, sandbox_teardown);
}
