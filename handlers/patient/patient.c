/*
 * patient.c: the table of patient: who a person is, once. Called by staff, providers, patients and intake. Writes patients, treatments.
 * Publishes nothing, consumes case.provider.assigned.
 */
#include "patient/patient.h"

static const char *const sexes[] = { "female", "male", NULL };

static const struct field address_fields[] = {
	{ "line1", STRING, .required = true, .min = 1, .max = 100, .says = "street and number", .example = "100 Example Street" },
	{ "line2", STRING, .max = 100, .says = "flat, suite", .example = "Apartment 2" },
	{ "city", STRING, .required = true, .min = 1, .max = 60, .says = "city", .example = "New Orleans" },
	{ "state", STATE, .required = true, .says = "where the patient lives" },
	{ "zip", STRING, .required = true, .min = 5, .max = 10, .says = "ZIP or ZIP+4", .example = "70112" },
	{ 0 }
};
#define PERSON \
	{ "first_name", STRING, .required = true, .min = 1, .max = 80, .says = "given name", .example = "Ada" }, \
	{ "last_name", STRING, .required = true, .min = 1, .max = 80, .says = "family name", .example = "Sample" }, \
	{ "birth_date", DATE, .required = true, .says = "birth date" }, \
	{ "sex", ENUM, .values = sexes, .says = "for prescribing" }, \
	{ "email", EMAIL, .says = "e-mail; this or phone" }, \
	{ "phone", PHONE, .says = "E.164; this or email" }, \
	{ "address", OBJECT, .of = address_fields, .says = "where the patient lives" }
static const struct field create_body[] = { PERSON, { 0 } };
static const struct field patient_reply[] = {
	{ "patient_id", UUID, .required = true, .says = "the patient" },
	PERSON,
	{ "created_at", TIME, .required = true, .says = "since when on file" },
	{ 0 }
};

static const struct field treatment_params[] = {
	{ "id", UUID, .required = true, .says = "the patient" },
	{ "provider_id", UUID, .required = true, .says = "the physician" },
	{ 0 }
};

/* One handler under both paths (decision C3). */
#define ROWS(prefix) \
	{ "POST", prefix, patient_create, .access = ROLE | SERVICE, .roles = "admin ops_manager ops_agent provider", .callers = "intake", \
	    .db = WRITE, .once = NATURAL, .audit = "patient.create", .body = create_body, .reply = patient_reply, .status = 201, \
	    .problems = "409 duplicate_patient", .says = "puts a person on file, once" }, \
	{ "GET", prefix "/:id", patient_show, .access = ROLE | SERVICE, .roles = "admin ops_manager ops_agent provider patient", \
	    .callers = "intake", .db = READ_AUDITED, .audit = "phi.read", .reply = patient_reply, \
	    .says = "one patient, for the patient, who treats them, and administrators" }, \
	{ "PUT", prefix "/:id/providers/:provider_id", treatment_put, .access = ROLE, .roles = "admin ops_manager", .db = WRITE, \
	    .once = NATURAL, .audit = "patient.treatment", .params = treatment_params, .status = 204, \
	    .says = "this provider treats the patient and may read the record" }

static const struct route routes[] = { ROWS("/patients"), ROWS("/api/v1/patients") };

static const struct event_row events[] = {
	{ "case.provider.assigned", provider_assigned },
};
static const struct blind_column blind[] = {
	{ "patients", "identity_phone_index", PHONE_IDENTITY, "record_enc", identity_phone },
	{ "patients", "identity_email_index", EMAIL_IDENTITY, "record_enc", identity_email },
};

const struct service patient_service = {
	.name = "patient",
	.prefix = "/patients",
	.database = "patient",
	.says = "who a patient is",
	TABLE(routes, nroutes, routes), TABLE(events, nevents, events), TABLE(blind, nblind, blind),
};
