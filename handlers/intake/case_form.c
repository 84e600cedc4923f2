/* case_form.c: the form of POST /intake, spelled as its seed spells: what comes in, and what those who may read it get. */
#include "intake/intake.h"

static const char *const sexes[] = { "female", "male", NULL };
static const char *const consent_types[] = { "hipaa", "telehealth", "terms", NULL };
static const char *const platforms[] = { "yourera", "guideglp", NULL };

static const struct field address_fields[] = {
	{ "line1", STRING, .required = true, .min = 1, .max = 100, .says = "street and number", .example = "100 Example Street" },
	{ "line2", STRING, .max = 100, .says = "flat, suite", .example = "Apartment 2" },
	{ "city", STRING, .required = true, .min = 1, .max = 60, .says = "city", .example = "New Orleans" },
	{ "state", STATE, .required = true, .says = "where the patient lives" },
	{ "zip", STRING, .required = true, .min = 5, .max = 10, .says = "ZIP or ZIP+4", .example = "70112" },
	{ 0 }
};
static const struct field patient_fields[] = {
	{ "first_name", STRING, .required = true, .min = 1, .max = 80, .says = "given name", .example = "Ada" },
	{ "last_name", STRING, .required = true, .min = 1, .max = 80, .says = "family name", .example = "Sample" },
	{ "birth_date", DATE, .required = true, .says = "date of birth" },
	{ "sex", ENUM, .values = sexes, .says = "sex at birth" },
	{ "email", EMAIL, .required = true, .says = "where mail goes" },
	{ "phone", PHONE, .required = true, .says = "mobile number" },
	{ "address", OBJECT, .required = true, .of = address_fields, .says = "where the patient lives and the parcel goes" },
	{ 0 }
};
static const struct field condition_fields[] = {
	{ "code", STRING, .required = true, .min = 3, .max = 16, .says = "ICD-10-CM", .example = "I10" },
	{ "display", STRING, .max = 200, .says = "its name", .example = "Essential hypertension" },
	{ 0 }
};
static const struct field medication_fields[] = {
	{ "name", STRING, .required = true, .min = 1, .max = 200, .says = "a medication the patient takes" },
	{ "dose", STRING, .max = 100, .says = "its dose" },
	{ 0 }
};
static const struct field allergy_fields[] = {
	{ "substance", STRING, .required = true, .min = 1, .max = 200, .says = "what the patient reacts to", .example = "penicillin" },
	{ "reaction", STRING, .max = 200, .says = "how" },
	{ 0 }
};
static const struct field answer_fields[] = {
	{ "question", STRING, .required = true, .min = 1, .max = 500, .says = "as it was shown", .example = "What do you hope for?" },
	{ "answer", STRING, .required = true, .max = 2000, .says = "as it was given" },
	{ 0 }
};
static const struct field consent_fields[] = {
	{ "type", ENUM, .required = true, .values = consent_types, .says = "what is consented to" },
	{ "version", STRING, .required = true, .min = 1, .max = 40, .says = "of the text that was shown", .example = "1" },
	{ "accepted", BOOLEAN, .required = true, .says = "true, or the patient is not eligible" },
	{ 0 }
};

#define FORM_FIELDS \
	{ "patient", OBJECT, .required = true, .of = patient_fields, .says = "who it is" }, \
	{ "height_cm", INTEGER, .min = 90, .max = 250, .says = "height in centimetres", .example = "170" }, \
	{ "weight_kg", NUMBER, .min = 25, .max = 400, .says = "weight in kilograms", .example = "95.5" }, \
	{ "conditions", ARRAY, .max = 50, .of = condition_fields, .says = "history" }, \
	{ "medications", ARRAY, .max = 50, .of = medication_fields, .says = "current medications" }, \
	{ "allergies", ARRAY, .max = 50, .of = allergy_fields, .says = "allergies" }, \
	{ "answers", ARRAY, .max = 200, .of = answer_fields, .says = "the questionnaire's answers" }, \
	{ "consents", ARRAY, .max = 20, .of = consent_fields, .says = "hipaa, telehealth and terms" }

const struct field case_form_body[] = {
	{ "patient_id", UUID, .says = "a patient who is on file; without it the person is looked for, and put on file when new" },
	{ "state", STATE, .required = true, .says = "where the patient is" },
	{ "intake_type", STRING, .required = true, .min = 1, .max = 40, .says = "what is asked for", .example = "glp1" },
	{ "platform", ENUM, .values = platforms, .says = "the brand, yourera" },
	FORM_FIELDS,
	{ 0 }
};
const struct field case_form_reply[] = {
	{ "case_id", UUID, .required = true, .says = "the case" },
	{ "patient_id", UUID, .required = true, .says = "the patient" },
	{ "state", STATE, .required = true, .says = "where the patient is" },
	{ "platform", STRING, .required = true, .says = "the brand", .example = "yourera" },
	{ "intake_type", STRING, .required = true, .says = "what was asked for", .example = "glp1" },
	{ "submitted_at", TIME, .required = true, .says = "when" },
	FORM_FIELDS,
	{ 0 }
};
