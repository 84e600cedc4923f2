/*
 * enrollment.c: the table of the enrollment service: staff invite the patient of a validated prescription, who gives the insurance and signs.
 * Called by staff, by patients with the token of their link, by router and adjudication. Writes candidates, enrollments, magic_links, insurance_profiles,
 * hipaa_consents and file_assets. Consumes prescription.validation.completed and prescription.status.changed; publishes patient.enrollment.completed.
 */
#include "enrollment/enrollment.h"
#include "work/file_sweep.h"

static const char *const plan_types[] = { "commercial", "government", NULL };
static const char *const sides[] = { "front", "back", NULL };

#define TOKEN_EXAMPLE "q3J4mVt0o8Zk1c5x2b7n9a6s4d3f2g1h0j9k8l7z6x4"
#define URL_EXAMPLE   "https://telerx.example/api/v1/enrollment/files/01948f7a-5c00-7c3e-9d41-6f2b8a0e1d57"

static const struct field initiate_body[] = {
	{ "prescription_id", UUID, .required = true, .says = "a validated prescription" },
	{ 0 }
};
static const struct field initiate_reply[] = {
	{ "enrollment_id", UUID, .required = true, .says = "the enrolment; the same at a second invitation" },
	{ "magic_link", STRING, .required = true, .says = "what the patient gets by mail and text", .example = "https://telerx.example/enroll/" TOKEN_EXAMPLE },
	{ "status", STRING, .required = true, .says = "pending" },
	{ "expires_at", TIME, .required = true, .says = "until when the link works" },
	{ 0 }
};
static const struct field show_reply[] = {
	{ "enrollment_id", UUID, .required = true, .says = "the enrolment" },
	{ "prescription_id", UUID, .required = true, .says = "its prescription" },
	{ "patient_id", UUID, .required = true, .says = "the patient" },
	{ "status", STRING, .required = true, .says = "pending, expired, completed, cancelled" },
	{ "insurance_verified", BOOLEAN, .says = "once completed: both sides of the card are there" },
	{ "created_at", TIME, .required = true, .says = "first invited" },
	{ "link_expires_at", TIME, .required = true, .nullable = true, .says = "of the newest link" },
	{ "reminded_at", TIME, .required = true, .nullable = true, .says = "when a reminder went out" },
	{ "completed_at", TIME, .required = true, .nullable = true, .says = "when the patient submitted" },
	{ "locked", BOOLEAN, .required = true, .says = "too many wrong birth dates: invite again" },
	{ 0 }
};
static const struct field token_param[] = {
	{ "token", STRING, .required = true, .max = 200, .says = "of the link", .example = TOKEN_EXAMPLE },
	{ 0 }
};
static const struct field greeting_fields[] = {
	{ "first_name", STRING, .required = true, .nullable = true, .says = "to greet", .example = "Ada" },
	{ "last_initial", STRING, .required = true, .says = "first letter of the last name", .example = "S" },
	{ 0 }
};
static const struct field consent_fields[] = {
	{ "version", STRING, .required = true, .says = "of the text" },
	{ "text", STRING, .required = true, .says = "the HIPAA authorization, to be shown and sent back word for word" },
	{ 0 }
};
static const struct field validate_reply[] = {
	{ "enrollment_id", UUID, .required = true, .says = "the enrolment" },
	{ "prescription_id", UUID, .required = true, .says = "its prescription" },
	{ "status", STRING, .required = true, .says = "pending" },
	{ "patient", OBJECT, .required = true, .of = greeting_fields, .says = "the minimum; more after the birth date" },
	{ "prescriber_name", STRING, .says = "who prescribed" },
	{ "expires_at", TIME, .required = true, .says = "until when the link works" },
	{ "consent", OBJECT, .required = true, .of = consent_fields, .says = "what is to be signed" },
	{ 0 }
};
static const struct field confirm_body[] = {
	{ "token", STRING, .required = true, .max = 200, .says = "of the link", .example = TOKEN_EXAMPLE },
	{ "birth_date", DATE, .required = true, .says = "the patient's" },
	{ 0 }
};
static const struct field name_fields[] = {
	{ "first_name", STRING, .required = true, .nullable = true, .says = "first name" },
	{ "last_name", STRING, .required = true, .nullable = true, .says = "last name" },
	{ 0 }
};
static const struct field known_fields[] = {
	{ "payer_name", STRING, .says = "insurance carrier" },
	{ "member_id", STRING, .says = "member id" },
	{ "group_number", STRING, .says = "group number" },
	{ "bin", STRING, .says = "BIN" },
	{ "pcn", STRING, .says = "PCN" },
	{ 0 }
};
static const struct field confirm_reply[] = {
	{ "prescription_id", UUID, .required = true, .says = "the prescription" },
	{ "patient", OBJECT, .required = true, .of = name_fields, .says = "the patient" },
	{ "prescriber_name", STRING, .says = "who prescribed" },
	{ "drug_name", STRING, .says = "what was prescribed" },
	{ "insurance", OBJECT, .of = known_fields, .says = "what the prescriber sent of it, to be checked and corrected" },
	{ 0 }
};
static const struct field card_query[] = {
	{ "side", ENUM, .required = true, .values = sides, .says = "of the card" },
	{ 0 }
};
static const struct field card_reply[] = {
	{ "file_id", UUID, .required = true, .says = "the picture" },
	{ "url", STRING, .required = true, .says = "for submit; only staff can open it", .example = URL_EXAMPLE },
	{ "side", STRING, .required = true, .says = "front or back" },
	{ "media", STRING, .required = true, .says = "image/png or image/jpeg, by its bytes" },
	{ "width", INTEGER, .required = true, .says = "pixels" },
	{ "height", INTEGER, .required = true, .says = "pixels" },
	{ 0 }
};
static const struct field insurance_fields[] = {
	{ "payer_name", STRING, .required = true, .min = 2, .max = 100, .says = "insurance carrier", .example = "Blue Cross Blue Shield" },
	{ "member_id", STRING, .required = true, .min = 2, .max = 40, .says = "member id", .example = "ABC123456789" },
	{ "group_number", STRING, .max = 40, .says = "group number", .example = "12345" },
	{ "bin", STRING, .required = true, .min = 6, .max = 6, .says = "six digits", .example = "610014" },
	{ "pcn", STRING, .max = 20, .says = "processor control number", .example = "MEDDCO" },
	{ "plan_type", ENUM, .values = plan_types, .says = "what the patient says; a payer or PCN of the government outweighs it" },
	{ "card_front_url", STRING, .max = 300, .says = "of an upload", .example = URL_EXAMPLE },
	{ "card_back_url", STRING, .max = 300, .says = "of an upload", .example = URL_EXAMPLE },
	{ 0 }
};
static const struct field signed_fields[] = {
	{ "authorization_text", STRING, .required = true, .max = 20000, .says = "the text that was shown, word for word", .example = "I authorize..." },
	{ "signature", STRING, .required = true, .min = 60, .max = 180000, .says = "as drawn: a PNG as data URI", .example = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==" },
	{ "signature_name", STRING, .required = true, .min = 2, .max = 120, .says = "who signed", .example = "Ada Sample" },
	{ "signature_date", TIME, .says = "the client's clock; ours decides" },
	{ "ip_address", STRING, .max = 45, .says = "what the client says; the connection's decides", .example = "192.0.2.1" },
	{ 0 }
};
static const struct field submit_body[] = {
	{ "prescription_id", UUID, .required = true, .says = "the link's prescription" },
	{ "token", STRING, .required = true, .max = 200, .says = "of the link; used up by this", .example = TOKEN_EXAMPLE },
	{ "insurance", OBJECT, .required = true, .of = insurance_fields, .says = "as on the card" },
	{ "hipaa_consent", OBJECT, .required = true, .of = signed_fields, .says = "what was signed" },
	{ 0 }
};
static const struct field submit_reply[] = {
	{ "enrollment_id", UUID, .required = true, .says = "the enrolment" },
	{ "prescription_id", UUID, .required = true, .says = "its prescription" },
	{ "status", STRING, .required = true, .says = "enrolled" },
	{ "insurance_verified", BOOLEAN, .required = true, .says = "both sides of the card are there" },
	{ "plan_type", STRING, .required = true, .says = "commercial or government" },
	{ 0 }
};
static const struct field insurance_reply[] = {
	{ "enrollment_id", UUID, .required = true, .says = "the enrolment" },
	{ "carrier", STRING, .required = true, .says = "insurance carrier" },
	{ "member_id", STRING, .required = true, .says = "member id" },
	{ "group", STRING, .says = "group number" },
	{ "bin", STRING, .required = true, .says = "six digits" },
	{ "pcn", STRING, .says = "processor control number" },
	{ "plan_type", STRING, .required = true, .says = "commercial or government" },
	{ 0 }
};

#define STAFF .access = ROLE, .roles = "admin ops_manager ops_agent"

static const struct route routes[] = {
	{ "POST", "/api/v1/enrollment/initiate", enrollment_initiate, STAFF, .db = WRITE, .once = NATURAL, .audit = "enrollment.initiate",
	    .body = initiate_body, .reply = initiate_reply, .problems = "404 unknown_prescription, 409 not_validated already_enrolled",
	    .says = "invites the patient by mail and text; a newer link revokes the older" },
	{ "GET", "/api/v1/enrollment/prescriptions/:prescriptionId", enrollment_show, STAFF, .db = READ, .reply = show_reply,
	    .problems = "404 not_found", .says = "how the enrolment of a prescription stands" },
	{ "GET", "/api/v1/enrollment/validate/:token", link_validate, .access = PUBLIC, .db = READ_AUDITED, .audit = "enrollment.validate",
	    .params = token_param, .reply = validate_reply, .problems = "404 unknown_prescription, " LINK_PROBLEMS, .says = "whether a link works, and for whom" },
	{ "POST", "/api/v1/enrollment/confirm", link_confirm, .access = PUBLIC, .db = WRITE, .once = NATURAL, .audit = "enrollment.confirm",
	    .body = confirm_body, .reply = confirm_reply, .problems = "404 unknown_prescription, " LINK_PROBLEMS ", 422 wrong_birth_date",
	    .says = "shows the prescription to who knows the birth date; five tries a link" },
	{ "POST", "/api/v1/enrollment/cards", card_record, .access = PATIENT_SELF, .ask = card_take, .synchronous = "files", .db = WRITE, .once = NATURAL,
	    .audit = "enrollment.card", .kind = BODY_RAW, .max_body = CARD_MAX, .query = card_query, .reply = card_reply, .status = 201,
	    .problems = LINK_PROBLEMS ", 422 not_a_picture picture_too_small picture_too_large, 429 too_many_pictures",
	    .says = "takes a picture of the card, PNG or JPEG of at most 5 MiB; the bearer is the link's token" },
	{ "POST", "/api/v1/enrollment/submit", enrollment_submit, .access = PUBLIC, .db = WRITE, .once = NATURAL, .audit = "enrollment.submit",
	    .body = submit_body, .reply = submit_reply, .problems = "404 unknown_prescription, " LINK_PROBLEMS ", 409 not_validated, 422 invalid_members",
	    .says = "the patient's insurance and signed consent; uses the link up" },
	{ "GET", "/api/v1/enrollment/insurance/:prescriptionId", insurance_show, .access = SERVICE, .callers = "router adjudication", .db = READ_AUDITED,
	    .audit = "phi.insurance", .reply = insurance_reply, .problems = "404 not_enrolled", .says = "the insurance of an enrolled prescription" },
	{ "GET", "/api/v1/enrollment/files/:fileId", file_show, STAFF, .ask = file_fetch, .synchronous = "files", .db = READ_AUDITED, .audit = "phi.file",
	    .media = "image/jpeg", .problems = "404 file_not_found", .says = "a picture of a card" },
	{ "GET", "/enroll/:token", page_show, .access = PUBLIC, .db = READ_AUDITED, .audit = "enrollment.page", .params = token_param, .media = "text/html",
	    .problems = "404 unknown_prescription", .says = "the page behind the link" },
	{ "GET", "/enroll/assets/enroll.js", page_script, .access = PUBLIC, .db = NONE, .media = "text/javascript", .says = "its script" },
	{ "GET", "/enroll/assets/enroll.css", page_style, .access = PUBLIC, .db = NONE, .media = "text/css", .says = "its looks" },
};

static const struct job_row jobs[] = {
	{ "candidate.fetch", candidate_fetch_job, .says = "asks what an invitation needs of a prescription" },
	{ "enrollment.invite", invite_job, .queue = "enrollment_jobs", .says = "sends the link" },
	{ "enrollment.remind", invite_job, .queue = "enrollment_jobs", .says = "sends it once more before it runs out" },
	{ "enrollment.monitor", monitor_job, .queue = "enrollment_jobs", .says = "looks for links that run out" },
	{ FILE_SWEEP, file_sweep_job, .says = "removes files whose time is over" },
};
static const struct queue_row queues[] = { { "default", 1 }, { "enrollment_jobs", 1 } };
static const struct timer_row timers[] = {
	{ "enrollment.monitor", "ENROLLMENT_INTERVAL", "enrollment.monitor", "links that run out", .polls = "enrollment_jobs" },
	{ FILE_SWEEP, "FILE_SWEEP", FILE_SWEEP, "files whose time is over" },
};
static const struct event_row events[] = {
	{ "prescription.validation.completed", on_validated },
	{ "prescription.status.changed", on_status },
};

static const struct field completed_event[] = {
	{ "event_id", UUID, .required = true, .says = "of this message" },
	{ "enrollment_id", UUID, .required = true, .says = "the enrolment" },
	{ "prescription_id", UUID, .required = true, .says = "its prescription" },
	{ "patient_id", UUID, .required = true, .says = "the patient" },
	{ "insurance_verified", BOOLEAN, .required = true, .says = "both sides of the card are there" },
	{ "timestamp", TIME, .required = true, .says = "when the patient submitted" },
	{ 0 }
};
static const char *const completed_to[] = { "prescription", "router", "portal", NULL };
static const struct topic topics[] = {
	{ "patient.enrollment.completed", completed_to, "a patient enrolled", completed_event },
	{ 0 }
};

static const struct conf_key config[] = {
	{ "ENROLLMENT_LINK_TTL", CONF_SECS, .dflt = "48h", .says = "how long a link works" },
	{ "ENROLLMENT_REMINDER", CONF_SECS, .dflt = "12h", .says = "how long before its end the patient is reminded" },
	{ "ENROLLMENT_INTERVAL", CONF_SECS, .dflt = "30s", .says = "how often the monitor looks" },
	{ "HIPAA_TEXT_VERSION", CONF_STR, .dflt = "2026-11", .says = "which text is signed: templates/enrollment/hipaa.<version>.en.txt" },
	{ "BRAND_NAME", CONF_STR, .dflt = "Telerx", .says = "who invites, on the page" },
	{ "SUPPORT_PHONE", CONF_STR, .says = "whom patients call; stands on the page" },
	FILE_STORE_CONF,
	{ 0 }
};

const struct service enrollment_service = {
	.name = "enrollment", .prefix = "/api/v1/enrollment", .database = "enrollment", .says = "invitations, insurance and signed consent",
	TABLE(routes, nroutes, routes), TABLE(jobs, njobs, jobs), TABLE(queues, nqueues, queues), TABLE(timers, ntimers, timers),
	TABLE(events, nevents, events), .topics = topics, .config = config, .session = link_session, .start = consent_start,
};
