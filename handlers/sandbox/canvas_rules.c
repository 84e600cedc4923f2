/*
 * canvas_rules.c: the resources that the stand-in has, and what each asks of a create or update.
 */
#include "base/clock.h"
#include "crypto/hash.h"
#include "sandbox/canvas.h"

#define DOCUMENT "http://schemas.canvasmedical.com/fhir/document-reference-"

/* ---- rules */

static bool
one_of(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = words; n > 0 && (p = strstr(p, word)) != NULL; p += n)
		if ((p == words || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
			return true;
	return false;
}

static int
check_reference(struct call *c, const struct rule *rule, const char *text, struct problem *err)
{
	size_t n = strlen(rule->arg);
	struct found f;

	if (text == NULL || strncmp(text, rule->arg, n) != 0 || text[n] != '/')
		return sb_canvas_invalid(c, "%s must be a %s reference", rule->path, rule->arg);
	if (sb_get(c->db, "canvas", rule->arg, text + n + 1, false, &f, err) < 0)
		return -1;
	return f.data != NULL ? 0 : sb_canvas_invalid(c, "%s: %s does not exist", rule->path, text);
}

static int
check_value(struct call *c, const struct rule *rule, const json_t *v, struct problem *err)
{
	const char *s = json_string_value(v);
	int y, m, d;
	int64_t at;

	if (v == NULL || json_is_null(v))
		return rule->optional ? 0 : sb_canvas_invalid(c, "%s is required", rule->path);
	switch (rule->kind) {
	case RULE_TEXT:
		return s != NULL && *s != '\0' ? 0 : sb_canvas_invalid(c, "%s must be a text", rule->path);
	case RULE_ONE_OF:
		return s != NULL && one_of(rule->arg, s) ? 0 : sb_canvas_invalid(c, "%s must be one of: %s", rule->path, rule->arg);
	case RULE_DATE:
		return s != NULL && date_parse(s, &y, &m, &d) == 0 ? 0 : sb_canvas_invalid(c, "%s must be a date", rule->path);
	case RULE_TIME:
		return s != NULL && clock_parse(s, &at) == 0 ? 0 : sb_canvas_invalid(c, "%s must be a time", rule->path);
	case RULE_LIST:
		return json_array_size(v) > 0 ? 0 : sb_canvas_invalid(c, "%s must be a list", rule->path);
	case RULE_BOOL:
		return json_is_boolean(v) ? 0 : sb_canvas_invalid(c, "%s must be a boolean", rule->path);
	case RULE_NUMBER:
		return json_is_number(v) || (s != NULL && *s != '\0' && s[strspn(s, "0123456789.")] == '\0') ? 0 :
		    sb_canvas_invalid(c, "%s must be a number", rule->path);
	case RULE_REFERENCE:
		return check_reference(c, rule, s, err);
	}
	return 0;
}

static int
check_rule(struct call *c, const struct rule *rule, const json_t *given, struct problem *err)
{
	const char *star = strstr(rule->path, ".*.");
	const json_t *list;
	size_t i;
	json_t *item;
	int rc;

	if (star == NULL)
		return check_value(c, rule, json_at(given, rule->path), err);
	list = json_at(given, arena_ndup(c->arena, rule->path, (size_t)(star - rule->path)));
	json_array_foreach(list, i, item)
		if ((rc = check_value(c, rule, json_at(item, star + 3), err)) != 0)
			return rc;
	return 0;
}

int
sb_canvas_check(struct call *c, const struct resource *s, const json_t *given, struct problem *err)
{
	int rc;

	for (size_t i = 0; i < s->nrules; i++)
		if ((rc = check_rule(c, &s->rules[i], given, err)) != 0)
			return rc;
	return s->check != NULL ? s->check(c, given, err) : 0;
}

static const json_t *
extension(const json_t *given, const char *url)
{
	size_t i;
	json_t *item;

	json_array_foreach(json_object_get(given, "extension"), i, item)
		if (sb_is(item, "url", url))
			return item;
	return NULL;
}

/* ---- Patient */

static const struct rule patient_rules[] = {
	{ "name", RULE_LIST },
	{ "name.*.family", RULE_TEXT },
	{ "name.*.given", RULE_LIST },
	{ "birthDate", RULE_DATE },
	{ "gender", RULE_ONE_OF, "male female other unknown" },
	{ "extension", RULE_LIST },
	{ "telecom.*.system", RULE_ONE_OF, "phone fax email pager url sms other" },
	{ "telecom.*.value", RULE_TEXT },
	{ "telecom.*.use", RULE_ONE_OF, "home work temp old mobile", .optional = true },
	{ "address.*.line", RULE_LIST, .optional = true },
};

static bool
digits(const char *s, size_t n)
{
	return strlen(s) == n && strspn(s, "0123456789") == n;
}

static int
check_patient(struct call *c, const json_t *given, struct problem *err)
{
	const json_t *sex = extension(given, "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex");
	bool official = false;
	size_t i;
	json_t *item;

	(void)err;
	if (sex == NULL || !one_of("M F OTH UNK", sb_text(sex, "valueCode", "")))
		return sb_canvas_invalid(c, "extension us-core-birthsex with valueCode M, F, OTH or UNK is required");
	json_array_foreach(json_object_get(given, "name"), i, item)
		official = official || sb_is(item, "use", "official");
	if (!official)
		return sb_canvas_invalid(c, "one name must have use official");
	json_array_foreach(json_object_get(given, "telecom"), i, item)
		if ((sb_is(item, "system", "phone") || sb_is(item, "system", "sms") || sb_is(item, "system", "fax")) &&
		    !digits(sb_text(item, "value", ""), 10))
			return sb_canvas_invalid(c, "a phone number has ten digits");
	json_array_foreach(json_object_get(given, "address"), i, item) {
		if (json_text_at(item, "postalCode") != NULL && !digits(json_text_at(item, "postalCode"), 5))
			return sb_canvas_invalid(c, "a postal code has five digits");
		if (json_text_at(item, "state") != NULL && strlen(json_text_at(item, "state")) != 2)
			return sb_canvas_invalid(c, "a state has two letters");
	}
	return 0;
}

static const struct search_param patient_params[] = {
	{ "identifier", "{\"identifier\":[{\"value\":$v}]}", "{\"identifier\":[{\"system\":$s,\"value\":$v}]}" },
	{ "family", "{\"name\":[{\"family\":$v}]}", NULL },
	{ "given", "{\"name\":[{\"given\":[$v]}]}", NULL },
	{ "birthDate", "{\"birthDate\":$v}", NULL },
	{ "birthdate", "{\"birthDate\":$v}", NULL },
	{ "gender", "{\"gender\":$v}", NULL },
	{ "email", "{\"telecom\":[{\"system\":\"email\",\"value\":$v}]}", NULL },
	{ "phone", "{\"telecom\":[{\"system\":\"phone\",\"value\":$v}]}", NULL },
};

/* ---- Task */

static const struct rule task_rules[] = {
	{ "status", RULE_ONE_OF, "requested completed cancelled" },
	{ "intent", RULE_ONE_OF, "unknown" },
	{ "description", RULE_TEXT },
	{ "requester.reference", RULE_REFERENCE, "Practitioner" },
	{ "for.reference", RULE_REFERENCE, "Patient", .optional = true },
	{ "owner.reference", RULE_REFERENCE, "Practitioner", .optional = true },
	{ "authoredOn", RULE_TIME, .optional = true },
	{ "restriction.period.end", RULE_TIME, .optional = true },
	{ "note.*.text", RULE_TEXT },
	{ "note.*.authorReference.reference", RULE_REFERENCE, "Practitioner" },
	{ "input.*.type.text", RULE_ONE_OF, "label" },
	{ "input.*.valueString", RULE_TEXT },
};

static const struct search_param task_params[] = {
	{ "patient", "{\"for\":{\"reference\":$v}}", NULL },
	{ "owner", "{\"owner\":{\"reference\":$v}}", NULL },
	{ "requester", "{\"requester\":{\"reference\":$v}}", NULL },
	{ "status", "{\"status\":$v}", NULL },
	{ "label", "{\"input\":[{\"type\":{\"text\":\"label\"},\"valueString\":$v}]}", NULL },
	{ "description", "{\"description\":$v}", NULL },
};

/* ---- Condition */

static const struct rule condition_rules[] = {
	{ "clinicalStatus.coding.0.system", RULE_ONE_OF, "http://terminology.hl7.org/CodeSystem/condition-clinical" },
	{ "clinicalStatus.coding.0.code", RULE_ONE_OF, "active resolved" },
	{ "category.0.coding.0.system", RULE_ONE_OF, "http://terminology.hl7.org/CodeSystem/condition-category" },
	{ "category.0.coding.0.code", RULE_ONE_OF, "encounter-diagnosis" },
	{ "code.coding.0.system", RULE_ONE_OF,
	    "http://hl7.org/fhir/sid/icd-10-cm http://hl7.org/fhir/sid/icd-10 http://snomed.info/sct" },
	{ "code.coding.0.code", RULE_TEXT },
	{ "subject.reference", RULE_REFERENCE, "Patient" },
	{ "recorder.reference", RULE_REFERENCE, "Practitioner", .optional = true },
	{ "onsetDateTime", RULE_TEXT, .optional = true },
};

static const struct search_param condition_params[] = {
	{ "patient", "{\"subject\":{\"reference\":$v}}", NULL },
	{ "clinical-status", "{\"clinicalStatus\":{\"coding\":[{\"code\":$v}]}}",
	    "{\"clinicalStatus\":{\"coding\":[{\"system\":$s,\"code\":$v}]}}" },
	{ "verification-status", "{\"verificationStatus\":{\"coding\":[{\"code\":$v}]}}",
	    "{\"verificationStatus\":{\"coding\":[{\"system\":$s,\"code\":$v}]}}" },
};

/* ---- Observation */

static const struct rule observation_rules[] = {
	{ "status", RULE_ONE_OF, "final" },
	{ "code.coding.0.system", RULE_ONE_OF, "http://loinc.org" },
	{ "code.coding.0.code", RULE_TEXT },
	{ "code.coding.0.display", RULE_TEXT },
	{ "subject.reference", RULE_REFERENCE, "Patient" },
	{ "effectiveDateTime", RULE_TIME, .optional = true },
	{ "valueQuantity.value", RULE_NUMBER, .optional = true },
	{ "valueString", RULE_TEXT, .optional = true },
	{ "component.*.code.coding.0.code", RULE_ONE_OF, "8480-6 8462-4" },
	{ "component.*.code.coding.0.display", RULE_TEXT },
	{ "component.*.valueQuantity.value", RULE_NUMBER },
	{ "component.*.valueQuantity.unit", RULE_ONE_OF, "mmHg", .optional = true },
	{ "hasMember.*.reference", RULE_REFERENCE, "Observation" },
	{ "derivedFrom.*.reference", RULE_REFERENCE, "Observation" },
};

/* unit: what a quantity must be in; NULL: a panel, its components or a text. */
static const struct vital_sign {
	const char *code;
	const char *unit;
} vital_signs[] = {
	{ "85353-1", NULL }, { "85354-9", NULL }, { "80339-5", NULL }, { "8884-9", NULL },
	{ "29463-7", "kg" }, { "8302-2", "cm" }, { "56086-2", "cm" }, { "8867-4", "bpm" }, { "9279-1", "bpm" },
	{ "8310-5", "°C" }, { "59408-5", "%" }, { "2708-6", "%" },
};

static int
check_observation(struct call *c, const json_t *given, struct problem *err)
{
	const char *code = sb_text(given, "code.coding.0.code", ""), *unit = json_text_at(given, "valueQuantity.unit");
	const struct vital_sign *v = NULL;

	(void)err;
	for (size_t i = 0; i < COUNT(vital_signs); i++)
		if (strcmp(vital_signs[i].code, code) == 0)
			v = &vital_signs[i];
	if (v == NULL)
		return sb_canvas_invalid(c, "code %.20s is not a vital sign that can be created", code);
	if (v->unit != NULL && json_at(given, "valueQuantity.value") == NULL)
		return sb_canvas_invalid(c, "valueQuantity is required for %s", code);
	if (v->unit != NULL && unit != NULL && strcmp(unit, v->unit) != 0)
		return sb_canvas_invalid(c, "%s takes the unit %s", code, v->unit);
	if (strcmp(code, "85354-9") == 0 && json_array_size(json_object_get(given, "component")) != 2)
		return sb_canvas_invalid(c, "a blood pressure has two components");
	return 0;
}

static const struct search_param observation_params[] = {
	{ "patient", "{\"subject\":{\"reference\":$v}}", NULL },
	{ "category", "{\"category\":[{\"coding\":[{\"code\":$v}]}]}",
	    "{\"category\":[{\"coding\":[{\"system\":$s,\"code\":$v}]}]}" },
	{ "code", "{\"code\":{\"coding\":[{\"code\":$v}]}}", "{\"code\":{\"coding\":[{\"system\":$s,\"code\":$v}]}}" },
	{ "derived-from", "{\"derivedFrom\":[{\"reference\":$v}]}", NULL },
};

/* ---- DocumentReference */

#define DOCUMENT_TYPES "53243-2 42348-3 91983-7 53245-7 96335-5 11503-0 75503-3 34105-7 47039-3 64290-0 52034-6 34113-1 11504-8" \
	" 80570-5 64285-0 51848-0 46209-3 64298-3 57833-6 34823-5 101904-1 34109-9 51851-4 52070-0"

static const struct rule document_rules[] = {
	{ "extension", RULE_LIST },
	{ "status", RULE_ONE_OF, "current" },
	{ "type.coding.0.system", RULE_ONE_OF, "http://loinc.org" },
	{ "type.coding.0.code", RULE_ONE_OF, DOCUMENT_TYPES },
	{ "category.0.coding.0.system", RULE_ONE_OF, DOCUMENT "category" },
	{ "category.0.coding.0.code", RULE_ONE_OF, "patientadministrativedocument uncategorizedclinicaldocument" },
	{ "subject.reference", RULE_REFERENCE, "Patient" },
	{ "content.0.attachment.contentType", RULE_ONE_OF, "application/pdf" },
	{ "content.0.attachment.data", RULE_TEXT },
};

static int
check_document(struct call *c, const json_t *given, struct problem *err)
{
	static const struct rule reviewer = { "valueReference.reference", RULE_REFERENCE, "Practitioner" };
	static const struct rule clinical_date = { "valueDate", RULE_DATE };
	static const struct rule signature = { "valueBoolean", RULE_BOOL };
	const struct { const char *url; const struct rule *rule;
	} wanted[] = {
		{ DOCUMENT "clinical-date", &clinical_date },
		{ DOCUMENT "reviewer", &reviewer },
		{ DOCUMENT "requires-signature", &signature },
	};
	const char *data = sb_text(given, "content.0.attachment.data", "");
	size_t n = strlen(data);
	uint8_t *file = arena_alloc(c->arena, 3 * n / 4 + 4);
	int rc;

	for (size_t i = 0; i < COUNT(wanted); i++) {
		const json_t *e = extension(given, wanted[i].url);

		if (e == NULL)
			return sb_canvas_invalid(c, "extension %s is required", wanted[i].url);
		if ((rc = check_rule(c, wanted[i].rule, e, err)) != 0)
			return rc;
	}
	if (base64_decode(data, n, file) < 5 || memcmp(file, "%PDF-", 5) != 0)
		return sb_canvas_invalid(c, "content.0.attachment.data must be a base64 PDF");
	return 0;
}

static const struct search_param document_params[] = {
	{ "patient", "{\"subject\":{\"reference\":$v}}", NULL },
	{ "subject", "{\"subject\":{\"reference\":$v}}", NULL },
	{ "category", "{\"category\":[{\"coding\":[{\"code\":$v}]}]}",
	    "{\"category\":[{\"coding\":[{\"system\":$s,\"code\":$v}]}]}" },
	{ "type", "{\"type\":{\"coding\":[{\"code\":$v}]}}", "{\"type\":{\"coding\":[{\"system\":$s,\"code\":$v}]}}" },
	{ "status", "{\"status\":$v}", NULL },
};

/* ---- Questionnaire, QuestionnaireResponse */

static const struct rule response_rules[] = {
	{ "questionnaire", RULE_REFERENCE, "Questionnaire" },
	{ "status", RULE_ONE_OF, "completed" },
	{ "subject.reference", RULE_REFERENCE, "Patient" },
	{ "authored", RULE_TIME, .optional = true },
	{ "item.*.linkId", RULE_TEXT },
	{ "item.*.answer", RULE_LIST },
};

static bool
asked(const json_t *questionnaire, const char *link)
{
	size_t i;
	json_t *item;

	json_array_foreach(json_object_get(questionnaire, "item"), i, item)
		if (sb_is(item, "linkId", link))
			return true;
	return false;
}

static int
check_response(struct call *c, const json_t *given, struct problem *err)
{
	const json_t *items = json_object_get(given, "item");
	struct found f;
	size_t i, k;
	json_t *item, *other;

	if (sb_get(c->db, "canvas", "Questionnaire", sb_text(given, "questionnaire", "") + strlen("Questionnaire/"), false, &f,
		err) < 0)
		return -1;
	json_array_foreach(items, i, item) {
		const char *link = sb_text(item, "linkId", "");

		if (!asked(f.data, link))
			return sb_canvas_invalid(c, "linkId %.60s is not in the questionnaire", link);
		json_array_foreach(items, k, other)
			if (k < i && sb_is(other, "linkId", link))
				return sb_canvas_invalid(c, "linkId %.60s occurs twice", link);
		json_array_foreach(json_object_get(item, "answer"), k, other)
			if (json_text_at(other, "valueString") == NULL && json_text_at(other, "valueCoding.code") == NULL)
				return sb_canvas_invalid(c, "answer to %.60s has neither valueString nor valueCoding", link);
	}
	return 0;
}

static const struct search_param response_params[] = {
	{ "patient", "{\"subject\":{\"reference\":$v}}", NULL },
	{ "questionnaire", "{\"questionnaire\":$v}", NULL },
};

static const struct search_param questionnaire_params[] = {
	{ "name", "{\"name\":$v}", NULL },
	{ "status", "{\"status\":$v}", NULL },
	{ "code", "{\"code\":[{\"code\":$v}]}", "{\"code\":[{\"system\":$s,\"code\":$v}]}" },
};

/* ---- Practitioner, MedicationRequest */

static const struct search_param practitioner_params[] = {
	{ "email", "{\"telecom\":[{\"system\":\"email\",\"value\":$v}]}", NULL },
	{ "npiNumber", "{\"identifier\":[{\"system\":\"http://hl7.org/fhir/sid/us-npi\",\"value\":$v}]}", NULL },
};

static const struct search_param medication_params[] = {
	{ "patient", "{\"subject\":{\"reference\":$v}}", NULL },
	{ "status", "{\"status\":$v}", NULL },
};

#define RULES(array)	.rules = (array), .nrules = COUNT(array)
#define PARAMS_OF(array)	.params = (array), .nparams = COUNT(array)

static const struct resource resources[] = {
	{ "Patient", MAY_CREATE | MAY_READ | MAY_UPDATE | MAY_SEARCH, .hex_id = true, RULES(patient_rules), .check = check_patient,
	    .made = sb_canvas_patient_made, .merge = sb_canvas_patient_merge, PARAMS_OF(patient_params) },
	{ "Task", MAY_CREATE | MAY_READ | MAY_UPDATE | MAY_SEARCH, RULES(task_rules), .subject = "for.reference",
	    .made = sb_canvas_task_made, .merge = sb_canvas_task_merge, PARAMS_OF(task_params), .dates = "modified due" },
	{ "Condition", MAY_CREATE | MAY_READ | MAY_UPDATE | MAY_SEARCH, RULES(condition_rules), .subject = "subject.reference",
	    PARAMS_OF(condition_params) },
	{ "Observation", MAY_CREATE | MAY_READ | MAY_SEARCH, RULES(observation_rules), .subject = "subject.reference",
	    .check = check_observation, .made = sb_canvas_observation_made, PARAMS_OF(observation_params), .dates = "date" },
	{ "DocumentReference", MAY_CREATE | MAY_READ | MAY_SEARCH, RULES(document_rules), .subject = "subject.reference",
	    .check = check_document, .made = sb_canvas_document_made, PARAMS_OF(document_params), .dates = "date" },
	{ "QuestionnaireResponse", MAY_CREATE | MAY_READ | MAY_UPDATE | MAY_SEARCH, RULES(response_rules),
	    .subject = "subject.reference", .check = check_response, PARAMS_OF(response_params), .dates = "authored" },
	{ "Questionnaire", MAY_READ | MAY_SEARCH, PARAMS_OF(questionnaire_params) },
	{ "Practitioner", MAY_READ | MAY_SEARCH, .hex_id = true, PARAMS_OF(practitioner_params) },
	{ "MedicationRequest", MAY_READ | MAY_SEARCH, .subject = "subject.reference", PARAMS_OF(medication_params) },
};

const struct resource *
sb_canvas_resource(const char *name)
{
	for (size_t i = 0; i < COUNT(resources); i++)
		if (strcmp(resources[i].name, name) == 0)
			return &resources[i];
	return NULL;
}
