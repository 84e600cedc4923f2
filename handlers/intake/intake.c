/*
 * intake.c: the intake's table: plans and signed prices, proven e-mail addresses, the saved card, the encrypted form, and what
 * follows from it.
 * Called by anybody (public surface), by the holder of an intake session, by orchestrator, integration and notify.
 * Writes intake_verification_codes, intake_sessions, intake_submissions, intake_retry_queue, intake_cases.
 * Publishes intake.submitted, case.submitted; consumes ehr.patient.created, ehr.task.created.
 */
#include "intake/intake.h"

static const char *const consent_types[] = { "hipaa", "telehealth", "terms", NULL };
static const char *const statuses[] = { "waiting", "queued", "sent", "done", "failed", NULL };

static const struct field plans_query[] = {
	{ "intakeType", STRING, .max = 40, .says = "glp1, nad, microdose, or whatever has a plan", .example = "glp1" },
	{ 0 }
};
static const struct field plan_fields[] = {
	{ "planId", STRING, .required = true, .says = "the plan", .example = "glp1-monthly" },
	{ "name", STRING, .required = true, .says = "as shown" },
	{ "intakeType", STRING, .required = true, .says = "which questionnaire goes with it", .example = "glp1" },
	{ "amountCents", INTEGER, .required = true, .says = "price" },
	{ "currency", STRING, .required = true, .says = "ISO 4217", .example = "USD" },
	{ "formVersion", STRING, .says = "version of the questionnaire in use", .example = "1" },
	{ "planToken", STRING, .required = true, .says = "plan and price, signed; good for fifteen minutes",
	    .example = "eyJwbGFuSWQiOiJnbHAxIn0.c2lnbmF0dXJl" },
	{ 0 }
};
static const struct field plans_reply[] = {
	{ "plans", ARRAY, .required = true, .max = 200, .of = plan_fields, .says = "active plans" },
	{ 0 }
};
static const struct field form_params[] = { { "intakeType", STRING, .required = true, .max = 40, .says = "intake type" }, { 0 } };
static const struct field step_fields[] = {
	{ "linkId", STRING, .required = true, .says = "names the step in the answers", .example = "goal" },
	{ "text", STRING, .required = true, .says = "the question" },
	{ "kind", STRING, .required = true, .says = "what to ask with: text, choice, number, date, ..." },
	{ "required", BOOLEAN, .required = true, .says = "must be answered" },
	{ 0 }
};
static const struct field form_reply[] = {
	{ "intakeType", STRING, .required = true, .says = "intake type", .example = "glp1" },
	{ "formVersion", STRING, .required = true, .says = "goes into the envelope's protected header", .example = "1" },
	{ "title", STRING, .required = true, .says = "as shown" },
	{ "steps", ARRAY, .required = true, .max = 100, .of = step_fields, .says = "in order" },
	{ 0 }
};
static const struct field key_fields[] = {
	{ "kty", STRING, .required = true, .says = "key type", .example = "EC" },
	{ "crv", STRING, .required = true, .says = "curve", .example = "P-256" },
	{ "x", STRING, .required = true, .says = "base64url" },
	{ "y", STRING, .required = true, .says = "base64url" },
	{ "kid", STRING, .required = true, .says = "its name: the envelope's header repeats it", .example = "intake-3f09c2aa" },
	{ "alg", STRING, .says = "ECDH-ES", .example = "ECDH-ES" },
	{ "use", STRING, .says = "enc", .example = "enc" },
	{ 0 }
};
static const struct field keys_reply[] = {
	{ "keys", ARRAY, .required = true, .max = 16, .of = key_fields, .says = "JWKS, the newest first" },
	{ 0 }
};
static const struct field send_body[] = {
	{ "email", EMAIL, .required = true, .says = "where the code goes" },
	{ 0 }
};
static const struct field send_reply[] = {
	{ "verificationId", UUID, .required = true, .says = "this attempt; the code is good for it alone" },
	{ "expiresAt", TIME, .required = true, .says = "until when the code is good" },
	{ 0 }
};
static const struct field check_body[] = {
	{ "verificationId", UUID, .required = true, .says = "from send" },
	{ "code", STRING, .required = true, .min = 6, .max = 6, .says = "six digits", .example = "483920" },
	{ 0 }
};
static const struct field check_reply[] = {
	{ "sessionToken", STRING, .required = true, .says = "opaque; Authorization: Bearer",
	    .example = "N1uYx3cTQk8m5rQnY0t0bq9sWc2ZpHf7" },
	{ "intakeId", UUID, .required = true, .says = "the intake that the session is bound to" },
	{ "expiresAt", TIME, .required = true, .says = "when the session ends" },
	{ 0 }
};
static const struct field consent_fields[] = {
	{ "type", ENUM, .required = true, .values = consent_types, .says = "what is consented to" },
	{ "version", STRING, .required = true, .min = 1, .max = 40, .says = "of the text that was shown" },
	{ "accepted", BOOLEAN, .required = true, .says = "true" },
	{ 0 }
};
static const struct field payment_body[] = {
	{ "planToken", STRING, .max = 2048, .says = "from the list of plans; without it 400 missing_plan_token",
	    .example = "eyJwbGFuSWQiOiJnbHAxIn0.c2lnbmF0dXJl" },
	{ "state", STATE, .required = true, .says = "where the patient lives" },
	{ "birthDate", DATE, .required = true, .says = "date of birth" },
	{ "consents", ARRAY, .required = true, .max = 20, .of = consent_fields, .says = "hipaa, telehealth and terms, accepted" },
	{ 0 }
};
static const struct field payment_reply[] = {
	{ "setupIntentId", UUID, .required = true, .says = "our id of the card to be saved" },
	{ "clientSecret", STRING, .required = true, .says = "for Stripe's script in the browser",
	    .example = "seti_1Example_secret_Example" },
	{ "publishableKey", STRING, .required = true, .says = "for Stripe's script in the browser",
	    .example = "pk_test_51Example" },
	{ "amountCents", INTEGER, .required = true, .says = "the price that is locked now" },
	{ "currency", STRING, .required = true, .says = "ISO 4217", .example = "USD" },
	{ 0 }
};
static const struct field submit_body[] = {
	{ "envelope", STRING, .required = true, .min = 1, .max = 200000, .says = "compact JWE of the form",
	    .example = "eyJhbGciOiJFQ0RILUVTIn0..48V1_ALb6US04U3b.5eym8TW_c8SuK0ltJ3rpYQ.XFBoMYUZodetZdvTiFvSkQ" },
	{ 0 }
};
static const struct field submit_reply[] = {
	{ "submissionId", UUID, .required = true, .says = "the case" },
	{ "patientId", UUID, .required = true, .says = "the patient" },
	{ "status", STRING, .required = true, .says = "received" },
	{ 0 }
};
static const struct field submission_reply[] = {
	{ "submissionId", UUID, .required = true, .says = "the case" },
	{ "patientId", UUID, .required = true, .says = "the patient" },
	{ "intakeId", UUID, .required = true, .says = "the session" },
	{ "state", STATE, .required = true, .says = "attested state" },
	{ "platform", STRING, .required = true, .says = "yourera", .example = "yourera" },
	{ "intakeType", STRING, .required = true, .says = "what was asked for", .example = "glp1" },
	{ "formVersion", STRING, .required = true, .says = "of the questionnaire", .example = "1" },
	{ "planId", STRING, .required = true, .says = "the plan", .example = "glp1-monthly" },
	{ "amountCents", INTEGER, .required = true, .says = "locked price" },
	{ "currency", STRING, .required = true, .says = "ISO 4217", .example = "USD" },
	{ "setupIntentId", UUID, .required = true, .says = "the saved card, at billing" },
	{ "submittedAt", TIME, .required = true, .says = "when" },
	{ "patient", OBJECT, .required = true, .of = form_fields, .says = "the form as submitted" },
	{ 0 }
};
static const struct field case_made_reply[] = {
	{ "patient_id", UUID, .required = true, .says = "the patient" },
	{ "case_id", UUID, .required = true, .says = "the case: GET /cases/:id" },
	{ 0 }
};
static const struct field patient_params[] = { { "patientId", UUID, .required = true, .says = "the patient" }, { 0 } };
static const struct field contact_reply[] = {
	{ "patientId", UUID, .required = true, .says = "the patient" },
	{ "firstName", STRING, .required = true, .says = "for the greeting", .example = "Ada" },
	{ "email", EMAIL, .required = true, .says = "verified address" },
	{ "phone", PHONE, .required = true, .says = "mobile number" },
	{ 0 }
};
static const struct field retry_query[] = { { "status", ENUM, .values = statuses, .says = "left out: all that is not done" },
    { 0 } };
static const struct field retry_fields[] = {
	{ "submissionId", UUID, .required = true, .says = "the case" },
	{ "patientId", UUID, .required = true, .says = "the patient" },
	{ "step", STRING, .required = true, .says = "ehr_patient, ehr_task", .example = "authorise" },
	{ "status", STRING, .required = true, .says = "waiting, queued, sent, done, failed" },
	{ "attempts", INTEGER, .required = true, .says = "how often it was handed over" },
	{ "lastError", STRING, .says = "a code" },
	{ "updatedAt", TIME, .required = true, .says = "when it moved last" },
	{ 0 }
};
static const struct field retry_reply[] = {
	{ "steps", ARRAY, .required = true, .max = 100, .of = retry_fields, .says = "the longest waiting first" },
	{ 0 }
};

static const struct route routes[] = {
	{ "GET", "/intake/plans", plan_list, .access = PUBLIC, .db = READ, .query = plans_query, .reply = plans_reply,
	    .says = "active plans with signed prices" },
	{ "GET", "/intake/forms/:intakeType", form_show, .access = PUBLIC, .db = READ, .params = form_params, .reply = form_reply,
	    .says = "the questionnaire of an intake type" },
	{ "GET", "/intake/keys", key_list, .access = PUBLIC, .db = NONE, .reply = keys_reply,
	    .says = "keys to encrypt the form for" },
	{ "POST", "/intake/verify-email/send", code_send, .access = PUBLIC, .db = WRITE, .once = NATURAL,
	    .audit = "intake.code.send",
	    .body = send_body, .reply = send_reply, .status = 202,
	    .problems = "429 too_many_codes",
	    .says = "mails a code of six digits" },
	{ "POST", "/intake/verify-email/check", code_check, .access = PUBLIC, .db = WRITE, .once = NATURAL,
	    .audit = "intake.session.open", .body = check_body, .reply = check_reply,
	    .problems = "422 wrong_code code_expired, 429 locked",
	    .says = "exchanges the code for a session" },
	{ "POST", "/intake/payment-intent", payment_lock, .ask = payment_ask, .synchronous = "stripe", .access = PATIENT_SELF,
	    .db = WRITE, .once = NATURAL, .audit = "intake.payment", .body = payment_body, .reply = payment_reply,
	    .problems = "400 missing_plan_token tampered_plan_token future_plan_token token_expired amount_mismatch, 409 "
		"already_submitted plan_locked, 422 plan_unavailable state_excluded under_age consent_missing",
	    .says = "checks plan, state, age and consents, locks the price, begins to save the card" },
	{ "POST", "/intake/submit", submit, .ask = submit_ask, .access = PATIENT_SELF, .db = WRITE, .once = KEY,
	    .audit = "intake.submit",
	    .body = submit_body, .reply = submit_reply, .status = 201,
	    .problems = "400 tampered_envelope amount_mismatch, 409 already_submitted intake_mismatch, 422 "
		"bad_envelope_header unknown_key unknown_form card_not_saved state_excluded under_age "
		"consent_missing",
	    .says = "submits the encrypted form" },
	{ "POST", "/intake", case_submit, .ask = case_ask, .access = ROLE, .roles = "admin ops_manager ops_agent patient",
	    .db = WRITE, .once = KEY, .audit = "intake.case", .body = case_form_body,
	    .reply = case_made_reply, .status = 201, .problems = "404 not_found, 422 state_excluded invalid_members",
	    .says = "makes a case of a form; it goes on by itself from there" },
	{ "GET", "/intake/cases/:id", case_form_show, .access = SERVICE, .callers = "eligibility prescription", .db = READ_AUDITED, .audit = "phi.read",
	    .reply = case_form_reply, .problems = "404 not_found", .says = "the form of a case" },
	{ "GET", "/intake/submissions/:id", submission_show, .access = SERVICE, .callers = "orchestrator integration",
	    .db = READ_AUDITED, .audit = "phi.read", .reply = submission_reply, .says = "a submission with its form" },
	{ "GET", "/intake/contacts/:patientId", contact_show, .access = SERVICE, .callers = "notify", .db = READ_AUDITED,
	    .audit = "phi.read", .params = patient_params, .reply = contact_reply, .says = "where a patient is reached" },
	{ "GET", "/intake/retry-queue", retry_list, .access = ADMIN, .db = READ, .query = retry_query, .reply = retry_reply,
	    .says = "what downstream still owes" },
};

static const struct job_row jobs[] = {
	{ "code.mail", code_mail_job, .queue = "notify", .attempts = 8, .backoff_s = 1, .buried = code_buried,
	    .says = "mails a code" },
	{ "ehr.patient", ehr_patient_job, .queue = "integration", .attempts = 20, .buried = ehr_patient_buried,
	    .says = "hands the patient to the EHR's service" },
	{ "ehr.task", ehr_task_job, .queue = "integration", .attempts = 20, .buried = ehr_task_buried,
	    .says = "asks for the review task" },
	{ "intake.sweep", sweep_job, .says = "erases old codes, abandons old drafts" },
};
static const struct queue_row queues[] = { { "notify", 2 }, { "integration", 2 } };
static const struct timer_row timers[] = {
	{ "intake.sweep", "INTAKE_SWEEP", "intake.sweep", "erases old codes, abandons old drafts" },
};

static const struct field submitted_event[] = {
	{ "submissionId", UUID, .required = true, .says = "the case" },
	{ "patientId", UUID, .required = true, .says = "the patient" },
	{ "intakeId", UUID, .required = true, .says = "the session it was made in" },
	{ "state", STATE, .required = true, .says = "where the patient is" },
	{ "platform", STRING, .required = true, .max = 100, .says = "the brand" },
	{ "intakeType", STRING, .required = true, .max = 100, .says = "what the form is for" },
	{ "planId", STRING, .required = true, .max = 100, .says = "the plan chosen" },
	{ "amountCents", INTEGER, .required = true, .min = 0, .says = "its price, locked" },
	{ "currency", STRING, .required = true, .max = 3, .says = "three letters" },
	{ "setupIntentId", UUID, .required = true, .says = "the saved card, at billing" },
	{ 0 }
};
static const struct field case_event[] = {
	{ "case_id", UUID, .required = true, .says = "the case" },
	{ "patient_id", UUID, .required = true, .says = "the patient" },
	{ "state", STATE, .required = true, .says = "where the patient is" },
	{ "platform", STRING, .required = true, .max = 40, .says = "the brand" },
	{ "intake_type", STRING, .required = true, .max = 40, .says = "what was asked for" },
	{ 0 }
};
static const char *const case_to[] = { "eligibility", "portal", NULL };
static const char *const submitted_to[] = { "registry", "orchestrator", "notify", "portal", NULL };
static const struct topic topics[] = {
	{ "intake.submitted", submitted_to, "a form was submitted and a card saved", submitted_event },
	{ "case.submitted", case_to, "a case was made of a form", case_event },
	{ 0 }
};
static const struct event_row events[] = {
	{ "ehr.patient.created", on_ehr_patient_created },
	{ "ehr.task.created", on_ehr_task_created },
};

/* The submission's form has the session's address (form.c sees to it). */
static const struct blind_column blind[] = {
	{ "intake_verification_codes", "email_index", EMAIL_INDEX, "email_enc", blind_email },
	{ "intake_sessions", "email_index", EMAIL_INDEX, "email_enc", blind_email },
	{ "intake_submissions", "email_index", EMAIL_INDEX, "payload_enc", blind_email_member },
};

static const struct conf_key config[] = {
	{ "PLAN_SIGNING_SECRET", CONF_STR, .required = true, .secret = true,
	    .says = "signs prices; a list while it is rotated, the first signs" },
	{ "PLAN_TOKEN_TTL", CONF_SECS, .dflt = "15m", .says = "how long a signed price is good" },
	{ "EXCLUDED_STATES", CONF_LIST, .dflt = "MN,CA,TX,AR,NC,OK", .says = "states that are not served" },
	{ "MINIMUM_AGE", CONF_INT, .dflt = "18", .says = "years" },
	{ "CODE_TTL", CONF_SECS, .dflt = "10m", .says = "how long a mailed code is good" },
	{ "CODE_SENDS_PER_HOUR", CONF_INT, .dflt = "3", .says = "codes mailed to one address" },
	{ "SESSION_TTL", CONF_SECS, .dflt = "4h", .says = "how long an intake session lasts" },
	{ "INTAKE_SWEEP", CONF_SECS, .dflt = "10m", .says = "how often old codes and drafts are looked for" },
	{ 0 }
};

const struct service intake_service = {
	.name = "intake", .prefix = "/intake", .database = "intake_gateway", .says = "from a visitor to a submitted case",
	TABLE(routes, nroutes, routes), TABLE(jobs, njobs, jobs), TABLE(queues, nqueues, queues), .topics = topics,
	TABLE(events, nevents, events), TABLE(timers, ntimers, timers), TABLE(blind, nblind, blind), .config = config, .session = session_resume,
};
