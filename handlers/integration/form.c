/*
 * form.c: the shape of an intake form as intake hands it over; the snapshot keeps every member of it.
 */
#include "integration/integration.h"

static const char *const sexes[] = { "female", "male", NULL };

static const struct field address_fields[] = {
	{ "line1", STRING, .required = true, .max = 100, .says = "street and number", .example = "100 Example Street" },
	{ "line2", STRING, .max = 100, .says = "flat, suite", .example = "Apartment 2" },
	{ "city", STRING, .required = true, .max = 60, .says = "city", .example = "New Orleans" },
	{ "state", STATE, .required = true, .says = "state" },
	{ "zip", STRING, .required = true, .min = 5, .max = 10, .says = "ZIP or ZIP+4", .example = "70112" },
	{ 0 }
};
const struct field form_vitals_fields[] = {
	{ "systolic", INTEGER, .required = true, .min = 40, .max = 300, .says = "mmHg" },
	{ "diastolic", INTEGER, .required = true, .min = 20, .max = 200, .says = "mmHg" },
	{ "pulse", INTEGER, .required = true, .min = 20, .max = 250, .says = "per minute" },
	{ 0 }
};
const struct field form_history_fields[] = {
	{ "code", STRING, .required = true, .max = 16, .says = "ICD-10-CM", .example = "I10" },
	{ "display", STRING, .required = true, .max = 200, .says = "its name", .example = "Essential hypertension" },
	{ 0 }
};
const struct field form_medication_fields[] = {
	{ "name", STRING, .required = true, .max = 200, .says = "drug" },
	{ "dose", STRING, .max = 100, .says = "dose" },
	{ 0 }
};
const struct field form_allergy_fields[] = {
	{ "substance", STRING, .required = true, .max = 200, .says = "substance", .example = "penicillin" },
	{ "reaction", STRING, .max = 200, .says = "reaction" },
	{ 0 }
};
const struct field form_answer_fields[] = {
	{ "linkId", STRING, .required = true, .max = 64, .says = "question", .example = "goal" },
	{ "text", STRING, .required = true, .max = 500, .says = "as it was asked" },
	{ "answer", STRING, .required = true, .max = 2000, .says = "as it was answered" },
	{ 0 }
};
static const struct field consent_fields[] = {
	{ "type", STRING, .required = true, .max = 40, .says = "hipaa, telehealth, terms" },
	{ "version", STRING, .required = true, .max = 40, .says = "version of the text" },
	{ "accepted", BOOLEAN, .required = true, .says = "true" },
	{ 0 }
};

/* What staff see of a form; a member that the form lacks is left out. */
const struct field demographics_fields[] = {
	{ "patientId", UUID, .required = true, .says = "the patient" },
	{ "canvasPatientId", STRING, .says = "Canvas Patient" },
	{ "firstName", STRING, .required = true, .says = "given name", .example = "Ada" },
	{ "lastName", STRING, .required = true, .says = "family name", .example = "Sample" },
	{ "birthDate", DATE, .required = true, .says = "date of birth" },
	{ "sex", ENUM, .required = true, .values = sexes, .says = "sex at birth" },
	{ "email", EMAIL, .required = true, .says = "verified address" },
	{ "phone", PHONE, .required = true, .says = "mobile" },
	{ "address", OBJECT, .required = true, .of = address_fields, .says = "ship-to address" },
	{ "heightCm", INTEGER, .required = true, .min = 90, .max = 250, .says = "centimetres" },
	{ "weightKg", NUMBER, .required = true, .min = 25, .max = 400, .says = "kilograms" },
	{ 0 }
};

const struct field form_fields[] = {
	{ "firstName", STRING, .required = true, .max = 80, .says = "given name", .example = "Ada" },
	{ "lastName", STRING, .required = true, .max = 80, .says = "family name", .example = "Sample" },
	{ "birthDate", DATE, .required = true, .says = "date of birth" },
	{ "sex", ENUM, .required = true, .values = sexes, .says = "sex at birth" },
	{ "email", EMAIL, .required = true, .says = "verified address" },
	{ "phone", PHONE, .required = true, .says = "mobile" },
	{ "address", OBJECT, .required = true, .of = address_fields, .says = "ship-to address" },
	{ "heightCm", INTEGER, .required = true, .min = 90, .max = 250, .says = "centimetres" },
	{ "weightKg", NUMBER, .required = true, .min = 25, .max = 400, .says = "kilograms" },
	{ "vitals", OBJECT, .required = true, .of = form_vitals_fields, .says = "as measured" },
	{ "history", ARRAY, .max = 50, .of = form_history_fields, .says = "conditions" },
	{ "medications", ARRAY, .max = 50, .of = form_medication_fields, .says = "current medications" },
	{ "allergies", ARRAY, .max = 50, .of = form_allergy_fields, .says = "allergies" },
	{ "answers", ARRAY, .max = 200, .of = form_answer_fields, .says = "questionnaire" },
	{ "consents", ARRAY, .max = 20, .of = consent_fields, .says = "consents" },
	{ "goal", STRING, .max = 500, .says = "what the patient hopes for" },
	{ 0 }
};
