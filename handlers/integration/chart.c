/*
 * chart.c: our form as Canvas's FHIR resources (vendor sheet, section 3). Every create carries a mark of ours, since Canvas has no idempotency key: the
 * Patient an identifier, the Task a label, the others what makes them one of a kind in the patient's chart.
 */
#include "base/clock.h"
#include "integration/integration.h"

#define OUR_SYSTEM "https://telerx.example/patient-id"
#define BIRTHSEX "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex"
#define LOINC "http://loinc.org"

static void
jw_coding(struct json_writer *w, const char *key, const char *system, const char *code, const char *display)
{
	jw_object(w, key);
	jw_array(w, "coding");
	jw_object(w, NULL);
	jw_str(w, "system", system);
	jw_str(w, "code", code);
	jw_opt_str(w, "display", display);
	jw_end(w);
	jw_end(w);
	jw_end(w);
}

static void
jw_reference(struct json_writer *w, const char *key, const char *type, const char *id)
{
	char text[160];

	(void)snprintf(text, sizeof(text), "%s/%s", type, id);
	jw_object(w, key);
	jw_str(w, "reference", text);
	jw_end(w);
}

static void
start(struct json_writer *w, struct buf *b, struct arena *a, const char *type)
{
	*b = buf_in(a, 512 * 1024);
	jw_start(w, b);
	jw_object(w, NULL);
	jw_str(w, "resourceType", type);
}

static struct bytes
finish(struct json_writer *w, const struct buf *b)
{
	jw_end(w);
	return BYTES(b->data, b->len);
}

static void
write_telecom(struct json_writer *w, const char *system, const char *value, const char *use)
{
	jw_object(w, NULL);
	jw_str(w, "system", system);
	jw_str(w, "value", value);
	jw_str(w, "use", use);
	jw_end(w);
}

static void
write_address(struct json_writer *w, const json_t *form)
{
	jw_array(w, "address");
	jw_object(w, NULL);
	jw_str(w, "use", "home");
	jw_array(w, "line");
	jw_str(w, NULL, json_text_at(form, "address.line1"));
	if (json_text_at(form, "address.line2") != NULL)
		jw_str(w, NULL, json_text_at(form, "address.line2"));
	jw_end(w);
	jw_str(w, "city", json_text_at(form, "address.city"));
	jw_str(w, "state", json_text_at(form, "address.state"));
	jw_strn(w, "postalCode", json_text_at(form, "address.zip"), 5);
	jw_str(w, "country", "US");
	jw_end(w);
	jw_end(w);
}

struct bytes
chart_patient(struct arena *a, struct uuid patient, const json_t *form)
{
	const char *sex = json_text_at(form, "sex"), *phone = json_text_at(form, "phone");
	size_t digits = strlen(phone);
	struct json_writer w;
	struct buf b;

	start(&w, &b, a, "Patient");
	jw_bool(&w, "active", true);
	jw_array(&w, "extension");
	jw_object(&w, NULL);
	jw_str(&w, "url", BIRTHSEX);
	jw_str(&w, "valueCode", strcmp(sex, "female") == 0 ? "F" : "M");
	jw_end(&w);
	jw_end(&w);
	jw_array(&w, "identifier");
	jw_object(&w, NULL);
	jw_str(&w, "use", "usual");
	jw_str(&w, "system", OUR_SYSTEM);
	jw_uuid(&w, "value", patient);
	jw_end(&w);
	jw_end(&w);
	jw_array(&w, "name");
	jw_object(&w, NULL);
	jw_str(&w, "use", "official");
	jw_str(&w, "family", json_text_at(form, "lastName"));
	jw_array(&w, "given");
	jw_str(&w, NULL, json_text_at(form, "firstName"));
	jw_end(&w);
	jw_end(&w);
	jw_end(&w);
	jw_str(&w, "gender", sex);
	jw_str(&w, "birthDate", json_text_at(form, "birthDate"));
	jw_array(&w, "telecom");
	write_telecom(&w, "phone", digits > 10 ? phone + digits - 10 : phone, "mobile");
	write_telecom(&w, "email", json_text_at(form, "email"), "home");
	jw_end(&w);
	write_address(&w, form);
	return finish(&w, &b);
}

struct bytes
chart_task(struct arena *a, const struct conf *conf, const struct ehr_case *c, const char *status)
{
	char id[UUID_TEXT];
	struct json_writer w;
	struct buf b;

	start(&w, &b, a, "Task");
	jw_opt_str(&w, "id", c->task_id);
	jw_str(&w, "status", status);
	jw_str(&w, "intent", "unknown");
	jw_str(&w, "description", "Rx Review");
	jw_reference(&w, "requester", "Practitioner", conf_str(conf, "CANVAS_REQUESTER"));
	jw_reference(&w, "for", "Patient", c->canvas_patient_id);
	jw_array(&w, "input");
	jw_object(&w, NULL);
	jw_object(&w, "type");
	jw_str(&w, "text", "label");
	jw_end(&w);
	jw_str(&w, "valueString", arena_printf(a, "telerx-%s", uuid_text(c->submission_id, id)));
	jw_end(&w);
	jw_end(&w);
	return finish(&w, &b);
}

#define DOC_URL "http://schemas.canvasmedical.com/fhir/document-reference-"

static void
write_note_extensions(struct json_writer *w, const struct conf *conf, const char *mark)
{
	char today[CLOCK_TEXT];

	clock_text(clock_us(), today);
	today[10] = '\0';
	jw_array(w, "extension");
	jw_object(w, NULL);
	jw_str(w, "url", DOC_URL "clinical-date");
	jw_str(w, "valueDate", today);
	jw_end(w);
	jw_object(w, NULL);
	jw_str(w, "url", DOC_URL "reviewer");
	jw_reference(w, "valueReference", "Practitioner", conf_str(conf, "CANVAS_REQUESTER"));
	jw_end(w);
	jw_object(w, NULL);
	jw_str(w, "url", DOC_URL "requires-signature");
	jw_bool(w, "valueBoolean", false);
	jw_end(w);
	jw_object(w, NULL);
	jw_str(w, "url", DOC_URL "comment");
	jw_str(w, "valueString", mark);	/* our run id: what a look-up finds it by */
	jw_end(w);
	jw_end(w);
}

struct bytes
chart_note(struct arena *a, const struct conf *conf, const struct ehr_case *c, const char *mark, const char *title, const char *text)
{
	struct buf pdf = buf_in(a, 512 * 1024), b;
	struct problem ignored = { 0 };
	struct json_writer w;

	if (note_pdf(title, text, &pdf, &ignored) < 0)
		return (struct bytes){ 0 };
	start(&w, &b, a, "DocumentReference");
	write_note_extensions(&w, conf, mark);
	jw_str(&w, "status", "current");
	jw_coding(&w, "type", LOINC, "34109-9", "Uncategorized Clinical Document");
	jw_array(&w, "category");
	jw_coding(&w, NULL, "http://schemas.canvasmedical.com/fhir/document-reference-category", "uncategorizedclinicaldocument", NULL);
	jw_end(&w);
	jw_reference(&w, "subject", "Patient", c->canvas_patient_id);
	jw_array(&w, "content");
	jw_object(&w, NULL);
	jw_object(&w, "attachment");
	jw_str(&w, "contentType", "application/pdf");
	jw_str(&w, "data", pdf.data);
	jw_end(&w);
	jw_end(&w);
	jw_end(&w);
	return finish(&w, &b);
}

static struct bytes
questionnaire(struct arena *a, const struct conf *conf, const struct ehr_case *c, const json_t *form)
{
	const json_t *answer;
	struct json_writer w;
	struct buf b;
	size_t i;

	start(&w, &b, a, "QuestionnaireResponse");
	jw_str(&w, "questionnaire", arena_printf(a, "Questionnaire/%s", conf_str(conf, "CANVAS_QUESTIONNAIRE")));
	jw_str(&w, "status", "completed");
	jw_reference(&w, "subject", "Patient", c->canvas_patient_id);
	jw_array(&w, "item");
	json_array_foreach(json_object_get(form, "answers"), i, answer) {
		jw_object(&w, NULL);
		jw_str(&w, "linkId", json_text_at(answer, "linkId"));
		jw_str(&w, "text", json_text_at(answer, "text"));
		jw_array(&w, "answer");
		jw_object(&w, NULL);
		jw_str(&w, "valueString", json_text_at(answer, "answer"));
		jw_end(&w);
		jw_end(&w);
		jw_end(&w);
	}
	jw_end(&w);
	return finish(&w, &b);
}

static struct bytes
condition(struct arena *a, const struct ehr_case *c, const json_t *entry)
{
	struct json_writer w;
	struct buf b;

	start(&w, &b, a, "Condition");
	jw_coding(&w, "clinicalStatus", "http://terminology.hl7.org/CodeSystem/condition-clinical", "active", NULL);
	jw_array(&w, "category");
	jw_coding(&w, NULL, "http://terminology.hl7.org/CodeSystem/condition-category", "encounter-diagnosis", NULL);
	jw_end(&w);
	jw_coding(&w, "code", "http://hl7.org/fhir/sid/icd-10-cm", json_text_at(entry, "code"), json_text_at(entry, "display"));
	jw_reference(&w, "subject", "Patient", c->canvas_patient_id);
	return finish(&w, &b);
}

static void
write_quantity(struct json_writer *w, const json_t *value, const char *unit)
{
	jw_object(w, "valueQuantity");
	jw_tree(w, "value", value);
	jw_str(w, "unit", unit);
	jw_end(w);
}

static void
write_component(struct json_writer *w, const char *code, const char *name, const json_t *value)
{
	jw_object(w, NULL);
	jw_coding(w, "code", LOINC, code, name);
	write_quantity(w, value, "mmHg");
	jw_end(w);
}

/* One vital sign: a value at path in the form with its LOINC code and the unit Canvas wants; NULL path is the blood pressure. */
static const struct vital {
	const char *code;
	const char *name;
	const char *path;
	const char *unit;
} vitals[] = {
	{ "8302-2", "Height", "heightCm", "cm" },
	{ "29463-7", "Weight", "weightKg", "kg" },
	{ "8867-4", "Pulse", "vitals.pulse", "bpm" },
	{ "85354-9", "Blood pressure", NULL, NULL },
};

static struct bytes
observation(struct arena *a, const struct ehr_case *c, const struct vital *v, const json_t *form)
{
	char now[CLOCK_TEXT];
	struct json_writer w;
	struct buf b;

	start(&w, &b, a, "Observation");
	jw_str(&w, "status", "final");
	jw_coding(&w, "code", LOINC, v->code, v->name);
	jw_reference(&w, "subject", "Patient", c->canvas_patient_id);
	jw_str(&w, "effectiveDateTime", clock_text(clock_us(), now));
	if (v->path != NULL) {
		write_quantity(&w, json_at(form, v->path), v->unit);
	} else {
		jw_array(&w, "component");
		write_component(&w, "8480-6", "Systolic", json_at(form, "vitals.systolic"));
		write_component(&w, "8462-4", "Diastolic", json_at(form, "vitals.diastolic"));
		jw_end(&w);
	}
	return finish(&w, &b);
}

int
chart_intake(struct db *db, const struct conf *conf, const struct ehr_case *c, const json_t *form, struct problem *err)
{
	struct arena *a = db_current_arena(db);
	const json_t *entry;
	size_t i;

	if (json_array_size(json_object_get(form, "answers")) > 0 &&
	    ehr_entry_add(db, c, &(struct ehr_entry){ .kind = "canvas.entry", .resource = "QuestionnaireResponse", .mark = "intake",
	    .body = questionnaire(a, conf, c, form) }, err) < 0)
		return -1;
	json_array_foreach(json_object_get(form, "history"), i, entry)
		if (ehr_entry_add(db, c, &(struct ehr_entry){ .kind = "canvas.entry", .resource = "Condition",
		    .mark = json_text_at(entry, "code"), .body = condition(a, c, entry) }, err) < 0)
			return -1;
	for (i = 0; i < COUNT(vitals); i++)
		if (ehr_entry_add(db, c, &(struct ehr_entry){ .kind = "canvas.entry", .resource = "Observation", .mark = vitals[i].code,
		    .body = observation(a, c, &vitals[i], form) }, err) < 0)
			return -1;
	return 0;
}
