/*
 * form.c: what the envelope holds (rule E9): its members and limits, its agreement with what the session proved and attested, and
 * the answers that the questionnaire wants.
 */
#include "intake/intake.h"

#include "crypto/seal.h"

static const char known_sql[] = "SELECT platform, steps FROM intake_forms WHERE intake_type = $1 AND version = $2 AND active";

static const char *const sexes[] = { "female", "male", NULL };
static const char *const consent_types[] = { "hipaa", "telehealth", "terms", NULL };

static const struct field address_fields[] = {
	{ "line1", STRING, .required = true, .min = 1, .max = 100, .says = "street and number",
	    .example = "100 Example Street" },
	{ "line2", STRING, .max = 100, .says = "flat, suite", .example = "Apartment 2" },
	{ "city", STRING, .required = true, .min = 1, .max = 60, .says = "city", .example = "New Orleans" },
	{ "state", STATE, .required = true, .says = "where the patient lives" },
	{ "zip", STRING, .required = true, .min = 5, .max = 10, .says = "ZIP or ZIP+4", .example = "70112" },
	{ 0 }
};
static const struct field vitals_fields[] = {
	{ "systolic", INTEGER, .required = true, .min = 40, .max = 300, .says = "mmHg" },
	{ "diastolic", INTEGER, .required = true, .min = 20, .max = 200, .says = "mmHg" },
	{ "pulse", INTEGER, .required = true, .min = 20, .max = 250, .says = "beats a minute" },
	{ 0 }
};
static const struct field history_fields[] = {
	{ "code", STRING, .required = true, .min = 3, .max = 16, .says = "ICD-10-CM", .example = "I10" },
	{ "display", STRING, .required = true, .min = 1, .max = 200, .says = "its name", .example = "Essential hypertension" },
	{ 0 }
};
static const struct field medication_fields[] = {
	{ "name", STRING, .required = true, .min = 1, .max = 200, .says = "a medication the patient takes" },
	{ "dose", STRING, .max = 100, .says = "its dose" },
	{ 0 }
};
static const struct field allergy_fields[] = {
	{ "substance", STRING, .required = true, .min = 1, .max = 200, .says = "what the patient reacts to",
	    .example = "penicillin" },
	{ "reaction", STRING, .max = 200, .says = "how" },
	{ 0 }
};
static const struct field answer_fields[] = {
	{ "linkId", STRING, .required = true, .min = 1, .max = 64, .says = "the step of the questionnaire", .example = "goal" },
	{ "text", STRING, .required = true, .min = 1, .max = 500, .says = "the question as it was shown" },
	{ "answer", STRING, .required = true, .max = 2000, .says = "the answer as it was given" },
	{ 0 }
};
static const struct field consent_fields[] = {
	{ "type", ENUM, .required = true, .values = consent_types, .says = "what is consented to" },
	{ "version", STRING, .required = true, .min = 1, .max = 40, .says = "of the text that was shown" },
	{ "accepted", BOOLEAN, .required = true, .says = "true" },
	{ 0 }
};
const struct field form_fields[] = {
	{ "firstName", STRING, .required = true, .min = 1, .max = 80, .says = "given name", .example = "Ada" },
	{ "lastName", STRING, .required = true, .min = 1, .max = 80, .says = "family name", .example = "Sample" },
	{ "birthDate", DATE, .required = true, .says = "as attested in the payment step" },
	{ "sex", ENUM, .required = true, .values = sexes, .says = "sex at birth" },
	{ "email", EMAIL, .required = true, .says = "the verified address" },
	{ "phone", PHONE, .required = true, .says = "mobile number" },
	{ "address", OBJECT, .required = true, .of = address_fields, .says = "where the patient lives and the parcel goes" },
	{ "heightCm", INTEGER, .required = true, .min = 90, .max = 250, .says = "height in centimetres" },
	{ "weightKg", NUMBER, .required = true, .min = 25, .max = 400, .says = "weight in kilograms" },
	{ "vitals", OBJECT, .required = true, .of = vitals_fields, .says = "blood pressure and pulse" },
	{ "history", ARRAY, .required = true, .max = 50, .of = history_fields, .says = "conditions" },
	{ "medications", ARRAY, .required = true, .max = 50, .of = medication_fields, .says = "current medications" },
	{ "allergies", ARRAY, .required = true, .max = 50, .of = allergy_fields, .says = "allergies" },
	{ "answers", ARRAY, .required = true, .max = 200, .of = answer_fields, .says = "the questionnaire's answers" },
	{ "consents", ARRAY, .required = true, .max = 20, .of = consent_fields, .says = "hipaa, telehealth and terms, accepted" },
	{ "goal", STRING, .max = 500, .says = "what the patient hopes for" },
	{ 0 }
};

static int
disagrees(struct problem *err, const char *member, const char *detail)
{
	if (err->status == 0)
		problem(err, 422, "validation_failed", "the form disagrees with the intake session");
	return problem_member(err, member, "disagrees", "%s", detail);
}

/* What the session proved (address) and attested before Stripe (state, birth date) is what the form says. */
static int
agrees(const struct session *s, const json_t *form, struct problem *err)
{
	const char *state = json_text_at(form, "address.state"), *born = json_text_at(form, "birthDate");
	char email[256];

	if (normalise_email(json_text_at(form, "email"), email, sizeof(email)) == NULL || strcmp(email, s->email) != 0)
		disagrees(err, "email", "not the verified address");
	if (strcmp(state, s->region) != 0)
		disagrees(err, "address.state", "not the state of the payment step");
	if (strcmp(born, s->birth_date) != 0)
		disagrees(err, "birthDate", "not the date of the payment step");
	return err->status == 0 ? 0 : -1;
}

static bool
is_answered(const json_t *answers, const char *link)
{
	const json_t *a;
	size_t i;

	json_array_foreach(answers, i, a) {
		const char *id = json_text_at(a, "linkId"), *answer = json_text_at(a, "answer");

		if (id != NULL && answer != NULL && strcmp(id, link) == 0 && *answer != '\0')
			return true;
	}
	return false;
}

static int
is_complete(const json_t *steps, const json_t *form, struct problem *err)
{
	const json_t *step, *answers = json_object_get(form, "answers");
	size_t i;

	json_array_foreach(steps, i, step) {
		const char *link = json_text_at(step, "linkId");

		if (!json_is_true(json_object_get(step, "required")) || link == NULL || is_answered(answers, link))
			continue;
		if (err->status == 0)
			problem(err, 422, "validation_failed", "the questionnaire has steps without an answer");
		problem_member(err, "answers", "required", "no answer to %s", link);
	}
	return err->status == 0 ? 0 : -1;
}

int
form_check(struct req *r, const struct session *s, const json_t *form, const char *version, const char **platform,
    struct problem *err)
{
	const struct row *f;
	const json_t *steps;

	if (s->plan_id == NULL)
		return problem(err, 422, "card_not_saved", "the payment step is missing");
	if (db_one(r->db, &f, known_sql, err, P_TEXT(s->intake_type), P_TEXT(version)) < 0)
		return -1;
	if (f == NULL)
		return problem(err, 422, "unknown_form", "no form of this version for %s", s->intake_type);
	*platform = row_str(f, "platform");
	steps = json_read(r->arena, row_str(f, "steps"), strlen(row_str(f, "steps")), err);
	if (steps == NULL || field_check(form_fields, form, err) < 0 || agrees(s, form, err) < 0 ||
	    rule_state(r->conf, s->region, err) < 0 || rule_age(r->conf, s->birth_date, err) < 0 ||
	    rule_consents(json_object_get(form, "consents"), err) < 0)
		return -1;
	return is_complete(steps, form, err);
}
