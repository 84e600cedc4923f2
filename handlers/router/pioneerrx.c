/*
 * pioneerrx.c: the adapter of PioneerRx, the system in our own pharmacy (I-GW-06).
 *
 * One prescription is four calls: search the patient, add it when absent, search the prescriber, put the prescription on hold for data entry.
 * The two that write are effects: PioneerRx knows no idempotency, so an unclear answer is settled by asking for the patient, or for the
 * order under our PrescriberOrderNumber, before anything is sent again (rule M4).
 * The signature covers timestamp and shared secret only, so it is made anew for each send while the body stays as committed.
 */
#include <strings.h>

#include "base/clock.h"
#include "base/decimal.h"
#include "crypto/signature.h"
#include "data/attention.h"
#include "net/breaker.h"
#include "router/router.h"

#define PROCESS "/api/enterprise/method/process"

static const char patient_sql[] = "UPDATE router_submissions SET vendor_patient = $2, updated_at = now() WHERE id = $1";

static const char *
text(const json_t *o, const char *path)
{
	const char *s = json_text_at(o, path);

	return s == NULL ? "" : s;
}

/* ---- the envelope: a method and its parameters, every value a string */

struct method {
	struct buf buf;
	struct json_writer w;
};

static void
method_begin(struct method *m, struct arena *a, const char *name)
{
	m->buf = buf_in(a, 64 * 1024);
	jw_start(&m->w, &m->buf);
	jw_object(&m->w, NULL);
	jw_str(&m->w, "MethodName", name);
	jw_str(&m->w, "Version", "1.0");
	jw_array(&m->w, "ParameterCollection");
}

static void
method_param(struct method *m, const char *name, const char *value)
{
	jw_object(&m->w, NULL);
	jw_str(&m->w, "Name", name);
	jw_str(&m->w, "Value", value);
	jw_end(&m->w);
}

static struct bytes
method_end(struct method *m)
{
	jw_end(&m->w);
	jw_end(&m->w);
	return BYTES(m->buf.data, m->buf.len);
}

/* PioneerRx writes dates as M/D/YYYY. */
static const char *
us_date(struct arena *a, const char *iso)
{
	int y, m, d;

	return date_parse(iso, &y, &m, &d) < 0 ? "" : arena_printf(a, "%d/%d/%d", m, d, y);
}

static const char *
digits(struct arena *a, const char *phone)
{
	char *out = arena_dup(a, phone), *to = out;

	for (const char *p = phone; *p != '\0'; p++)
		if (*p >= '0' && *p <= '9')
			*to++ = *p;
	*to = '\0';
	return strlen(out) == 11 && out[0] == '1' ? out + 1 : out;	/* ten digits, without the country code */
}

static void
dress_call(struct job *j, struct http_call *call)
{
	const char **headers = arena_alloc(j->arena, 5 * sizeof(*headers));
	struct buf signature = buf_in(j->arena, 256);
	char stamp[CLOCK_TEXT];

	clock_text(clock_us(), stamp);
	pioneerrx_sign(stamp, conf_str(j->conf, "PIONEERRX_SHARED_SECRET"), &signature);
	headers[0] = arena_printf(j->arena, "prx-api-key: %s", conf_str(j->conf, "PIONEERRX_API_KEY"));
	headers[1] = arena_printf(j->arena, "prx-timestamp: %s", stamp);
	headers[2] = arena_printf(j->arena, "prx-signature: %s", signature.data);
	headers[3] = "Content-Type: application/json";
	call->headers = headers;
	call->method = "POST";
	call->url = arena_printf(j->arena, "%s%s", conf_str(j->conf, "PIONEERRX_BASE_URL"), PROCESS);
	call->ca_file = conf_str(j->conf, "PIONEERRX_CA_FILE");
	call->connect_ms = 5000;
	call->total_ms = 20000;
}

/* A question: safe to repeat, so every failure is a retry. */
static json_t *
ask(struct job *j, struct bytes body, struct problem *err)
{
	struct http_call call = { .body = body };
	struct http_answer a;

	if (breaker_enter("pioneerrx", err) < 0)
		return NULL;
	dress_call(j, &call);
	http_do(j->http, j->arena, &call, &a);
	breaker_leave("pioneerrx", breaker_worked(&a));
	if (a.outcome != HTTP_ANSWERED || a.status != 200) {
		problem(err, 503, "pharmacy_unavailable", "PioneerRx answered %d", a.outcome == HTTP_ANSWERED ? a.status : 0);
		return NULL;
	}
	return json_read(j->arena, (const char *)a.body.p, a.body.n, err);
}

/* ---- the questions */

static json_t *
search_patient(struct job *j, const json_t *patient, struct problem *err)
{
	struct method m;

	method_begin(&m, j->arena, "PatientSearch");
	method_param(&m, "RequestedByEmployeeID", conf_str(j->conf, "PIONEERRX_EMPLOYEE_ID"));
	method_param(&m, "LastName", text(patient, "lastName"));
	method_param(&m, "FirstName", text(patient, "firstName"));
	method_param(&m, "DateOfBirth", us_date(j->arena, text(patient, "birthDate")));
	method_param(&m, "PhoneNumber", digits(j->arena, text(patient, "phone")));
	return ask(j, method_end(&m), err);
}

static json_t *
search_prescriber(struct job *j, const char *npi, struct problem *err)
{
	struct method m;

	method_begin(&m, j->arena, "PrescriberSearch");
	method_param(&m, "RequestedByEmployeeID", conf_str(j->conf, "PIONEERRX_EMPLOYEE_ID"));
	method_param(&m, "NPI", npi);
	return ask(j, method_end(&m), err);
}

static json_t *
search_order(struct job *j, struct uuid id, struct problem *err)
{
	struct method m;
	char number[UUID_TEXT];

	method_begin(&m, j->arena, "GetRxTransaction");
	method_param(&m, "RequestedByEmployeeID", conf_str(j->conf, "PIONEERRX_EMPLOYEE_ID"));
	method_param(&m, "PrescriberOrderNumber", uuid_text(id, number));
	return ask(j, method_end(&m), err);
}

/* ---- the effects' requests */

static struct bytes
add_patient(struct job *j, const json_t *p)
{
	struct method m;
	const char *sex = text(p, "sex");

	method_begin(&m, j->arena, "PatientAdd");
	method_param(&m, "RequestedByEmployeeID", conf_str(j->conf, "PIONEERRX_EMPLOYEE_ID"));
	method_param(&m, "LastName", text(p, "lastName"));
	method_param(&m, "FirstName", text(p, "firstName"));
	method_param(&m, "DateOfBirth", us_date(j->arena, text(p, "birthDate")));
	method_param(&m, "GenderID", strcmp(sex, "male") == 0 ? "1" : strcmp(sex, "female") == 0 ? "2" : "0");
	method_param(&m, "AddressLine1", text(p, "address.line1"));
	method_param(&m, "City", text(p, "address.city"));
	method_param(&m, "State", text(p, "address.state"));
	method_param(&m, "ZipCode", text(p, "address.zip"));
	method_param(&m, "PrimaryPhone", digits(j->arena, text(p, "phone")));
	method_param(&m, "Email", text(p, "email"));
	return method_end(&m);
}

static struct bytes
hold_order(struct job *j, const struct submission *s, const json_t *payload, const char *prescriber)
{
	struct method m;
	char number[UUID_TEXT], today[CLOCK_TEXT], quantity[DECIMAL_TEXT];
	const json_t *rx = json_object_get(payload, "medication");

	clock_text(clock_us(), today);
	today[10] = '\0';	/* the date of an RFC 3339 time */
	method_begin(&m, j->arena, "RxAddOnHold");
	method_param(&m, "RequestedByEmployeeID", conf_str(j->conf, "PIONEERRX_EMPLOYEE_ID"));
	method_param(&m, "PatientID", s->vendor_patient);
	method_param(&m, "WrittenByID", prescriber);
	method_param(&m, "DateWritten", us_date(j->arena, today));
	method_param(&m, "Directions", text(rx, "directions"));
	method_param(&m, "Quantity", quantity_text(submission_quantity(payload), quantity));
	method_param(&m, "QuantityTypeID", "1");
	method_param(&m, "NumberOfRefillsAllowed", arena_printf(j->arena, "%lld", (long long)json_int_at(rx, "refills", 0)));
	method_param(&m, "OriginTypeID", "5");
	method_param(&m, "MedicationNDC", text(rx, "ndc"));
	method_param(&m, "DispenseAsWritten", "false");
	method_param(&m, "InformationalComment", text(rx, "dosage"));
	method_param(&m, "PrescriberOrderNumber", uuid_text(s->id, number));
	if (s->hold)
		method_param(&m, "HoldUntilReleased", "true");
	return method_end(&m);
}

/* ---- the jobs */

/* The rows of a set; NULL when the answer does not speak of it, which is not the same as an empty one. */
static const json_t *
set_of(const json_t *answer, const char *set)
{
	json_t *results = json_at(answer, "results");
	json_t *rows = json_object_get(results, set);

	if (rows == NULL)
		rows = json_object_get(results, "1");	/* a set may be keyed by its number */
	return json_is_array(rows) ? rows : NULL;
}

static const char *
person_of(const json_t *answer, const char *set)
{
	return json_text_at(json_array_get(set_of(answer, set), 0), "personID");
}

/* Only an empty set says that what was looked for is not there. */
static enum verdict
presence(struct effect *e, const json_t *answer, const char *set, const char *member)
{
	const json_t *rows = set_of(answer, set);

	e->vendor_ref = json_text_at(json_array_get(rows, 0), member);
	if (e->vendor_ref != NULL)
		return EFFECT_CONFIRMED;
	return rows != NULL && json_array_size(rows) == 0 ? EFFECT_RETRY : EFFECT_UNCERTAIN;
}

static int
load_open(struct job *j, struct submission *s, json_t **payload, struct problem *err)
{
	if (job_read(j, err) < 0 || submission_load(j->db, job_uuid(j, "id"), s, err) < 0)
		return -1;
	*payload = submission_payload(j->db, s, err);
	if (*payload == NULL)
		return -1;
	return job_read_end(j, err);
}

static int
intend(struct job *j, const char *kind, const struct submission *s, struct bytes body, struct problem *err)
{
	return effect_intend(j->db, &(struct effect_request){ .kind = kind, .subject = s->id, .patient = s->patient_id, .generation = s->generation,
	    .method = "POST", .path = PROCESS, .content_type = "application/json", .body = body }, err);
}

int
pioneerrx_submit_job(struct job *j, struct problem *err)
{
	struct submission s;
	json_t *payload, *found;
	const char *person;
	bool wanted;

	if (load_open(j, &s, &payload, err) < 0)
		return -1;
	found = search_patient(j, json_object_get(payload, "patient"), err);
	if (found == NULL)
		return -1;
	person = person_of(found, "patientSearchResults");
	if (job_begin(j, err) < 0 || submission_to_send(j->db, s.id, &s, &wanted, err) < 0)
		return -1;
	if (!wanted)
		return job_end(j, err);
	if (person == NULL) {
		if (intend(j, "pioneerrx.patient", &s, add_patient(j, json_object_get(payload, "patient")), err) < 0)
			return -1;
	} else if (db_exec(j->db, patient_sql, err, P_UUID(s.id), P_TEXT(person)) < 0 ||
	    job_enqueue_id(j->db, "pioneerrx.prescribe", "id", s.id, err) < 0) {
		return -1;
	}
	return job_end(j, err);
}

static int
reject(struct job *j, const struct submission *s, const char *reason, struct problem *err)
{
	bool moved;

	if (job_begin(j, err) < 0 ||
	    submission_move(j->db, s, &(struct submission_news){ .status = "rejected", .reason = reason }, &moved, err) < 0)
		return -1;
	return job_end(j, err);
}

int
pioneerrx_prescribe_job(struct job *j, struct problem *err)
{
	struct submission s;
	json_t *payload, *found;
	const char *prescriber;
	bool wanted;

	if (load_open(j, &s, &payload, err) < 0)
		return -1;
	found = search_prescriber(j, text(payload, "prescriber.npi"), err);
	if (found == NULL)
		return -1;
	prescriber = person_of(found, "prescriberSearchResults");
	if (prescriber == NULL)
		return reject(j, &s, "prescriber_unknown", err);
	if (job_begin(j, err) < 0 || submission_to_send(j->db, s.id, &s, &wanted, err) < 0 ||
	    (wanted && intend(j, "pioneerrx.order", &s, hold_order(j, &s, payload, prescriber), err) < 0))
		return -1;
	return job_end(j, err);
}

bool
pioneerrx_cancelled(const char *status)
{
	static const char *const cancelled[] = { "cancelled", "rejected", "voided", "discontinued", "reversed" };

	for (size_t i = 0; i < COUNT(cancelled); i++)
		if (strcasecmp(status, cancelled[i]) == 0)
			return true;
	return false;
}

/* The pharmacy's status texts as far as they end an order (the rest are steps on its way). */
static const char *
ending_of(const char *status)
{
	if (pioneerrx_cancelled(status))
		return "cancelled";
	if (strcasecmp(status, "completed") == 0 || strcasecmp(status, "delivered") == 0)
		return "delivered";
	return NULL;
}

int
pioneerrx_status(struct job *j, struct uuid id, const char **status, struct problem *err)
{
	json_t *answer = search_order(j, id, err);
	const json_t *rows = set_of(answer, "rxTransaction");

	if (answer == NULL)
		return -1;
	*status = json_text_at(json_array_get(rows, 0), "currentRxTransactionStatusText");
	/* Only an empty set says that there is no such order. */
	if (*status == NULL && (rows == NULL || json_array_size(rows) > 0))
		return problem(err, 502, "pharmacy_unclear", "PioneerRx answers about an order without its status");
	return 0;
}

int
pioneerrx_follow_job(struct job *j, struct problem *err)
{
	struct submission s;
	json_t *payload, *answer;
	const char *ending = NULL;
	bool moved;

	if (load_open(j, &s, &payload, err) < 0)
		return -1;
	answer = search_order(j, s.id, err);
	if (answer == NULL)
		return -1;
	const char *status = json_text_at(answer, "results.rxTransaction.0.currentRxTransactionStatusText");
	if (status != NULL)
		ending = ending_of(status);
	if (job_begin(j, err) < 0)
		return -1;
	if (ending == NULL)
		job_again(j, conf_int(j->conf, "PHARMACY_POLL"));
	else if (submission_move(j->db, &s, &(struct submission_news){ .status = ending }, &moved, err) < 0)
		return -1;
	return job_end(j, err);
}

/* ---- the effects */

static int
dress(struct job *j, struct effect *e UNUSED, struct http_call *call, struct problem *err UNUSED)
{
	dress_call(j, call);
	return 0;
}

/* 401 is our configuration, not the patient's prescription: nothing was done and it may be tried when that is mended. */
static enum verdict
judge_set(struct job *j, struct effect *e, const struct http_answer *a, const char *set, const char *member)
{
	struct problem ignored = { 0 };
	json_t *answer;
	const char *ref;

	if (a->status == 401)
		return EFFECT_RETRY;
	if (a->status != 200)
		return effect_judge_http(a);
	answer = json_read(j->arena, (const char *)a->body.p, a->body.n, &ignored);
	ref = json_text_at(json_array_get(set_of(answer, set), 0), member);
	if (ref == NULL)
		return EFFECT_UNCERTAIN;
	e->vendor_ref = ref;
	return EFFECT_CONFIRMED;
}

static enum verdict
judge_patient(struct job *j, struct effect *e, const struct http_answer *a)
{
	return judge_set(j, e, a, "patient", "personID");
}

static enum verdict
judge_order(struct job *j, struct effect *e, const struct http_answer *a)
{
	return judge_set(j, e, a, "rxTransaction", "rxTransactionID");
}

static enum verdict
look_up_patient(struct job *j, struct effect *e, struct http_answer *a UNUSED)
{
	struct problem err = { 0 };
	struct submission s;
	json_t *payload = NULL, *found = NULL;

	if (job_read(j, &err) < 0 || submission_load(j->db, e->subject, &s, &err) < 0 ||
	    (payload = submission_payload(j->db, &s, &err)) == NULL || job_read_end(j, &err) < 0 ||
	    (found = search_patient(j, json_object_get(payload, "patient"), &err)) == NULL)
		return EFFECT_UNCERTAIN;
	return presence(e, found, "patientSearchResults", "personID");
}

static enum verdict
look_up_order(struct job *j, struct effect *e, struct http_answer *a UNUSED)
{
	struct problem err = { 0 };
	json_t *found = search_order(j, e->subject, &err);

	if (found == NULL)
		return EFFECT_UNCERTAIN;
	return presence(e, found, "rxTransaction", "rxTransactionID");
}

static int
settle_patient(struct job *j, struct effect *e, const char *state, const struct http_answer *a UNUSED, struct problem *err)
{
	struct submission s;
	bool moved;

	if (strcmp(state, "confirmed") == 0) {
		if (db_exec(j->db, patient_sql, err, P_UUID(e->subject), P_TEXT(e->vendor_ref)) < 0)
			return -1;
		return job_enqueue_id(j->db, "pioneerrx.prescribe", "id", e->subject, err);
	}
	if (submission_load(j->db, e->subject, &s, err) < 0)
		return -1;
	return submission_move(j->db, &s, &(struct submission_news){ .status = strcmp(state, "refused") == 0 ? "rejected" : "manual",
	    .reason = "patient_not_registered" }, &moved, err);
}

/* The first question comes a while after the order: PioneerRx has nothing to tell before. */
static int
follow_later(struct job *j, struct uuid id, struct problem *err)
{
	char text[UUID_TEXT];

	uuid_text(id, text);
	return job_enqueue(j->db, &(struct job_spec){ .kind = "pioneerrx.follow", .unique_key = text,
	    .args = arena_printf(j->arena, "{\"id\":\"%s\"}", text), .delay_s = conf_int(j->conf, "PHARMACY_POLL") }, err);
}

static int
settle_order(struct job *j, struct effect *e, const char *state, const struct http_answer *a UNUSED, struct problem *err)
{
	struct submission_news news = { .status = "manual", .reason = "pharmacy_outcome_unknown" };
	struct submission s;
	bool moved;

	if (strcmp(state, "confirmed") == 0)
		news = (struct submission_news){ .status = "accepted", .vendor_order = e->vendor_ref };
	else if (strcmp(state, "refused") == 0)
		news = (struct submission_news){ .status = "rejected", .reason = e->error_code == NULL ? "pharmacy_refused" : e->error_code };
	if (submission_load(j->db, e->subject, &s, err) < 0 || submission_move(j->db, &s, &news, &moved, err) < 0)
		return -1;
	/* It was taken back while it was under way: now it is known what to ask for. */
	if (strcmp(s.status, "cancel_pending") == 0 && strcmp(news.status, "rejected") != 0 &&
	    submission_ask_cancel(j->db, &s, err) < 0)
		return -1;
	if (strcmp(news.status, "accepted") != 0)
		return 0;
	return follow_later(j, e->subject, err);
}

/* ---- the release of what was submitted on hold. No such method is published: the name is an agreement with the pharmacy. */

int
pioneerrx_release(struct req *r, const struct submission *s, struct problem *err)
{
	struct method m;
	char number[UUID_TEXT];

	method_begin(&m, r->arena, "RxReleaseHold");
	method_param(&m, "RequestedByEmployeeID", conf_str(r->conf, "PIONEERRX_EMPLOYEE_ID"));
	method_param(&m, "PrescriberOrderNumber", uuid_text(s->id, number));
	return effect_intend(r->db, &(struct effect_request){ .kind = "pioneerrx.release", .subject = s->id, .patient = s->patient_id,
	    .generation = 1, .method = "POST", .path = PROCESS, .content_type = "application/json", .body = method_end(&m) }, err);
}

/* Not on hold any more: it was released, by us or at the pharmacy. */
static enum verdict
look_up_release(struct job *j, struct effect *e, struct http_answer *a UNUSED)
{
	struct problem err = { 0 };
	json_t *found = search_order(j, e->subject, &err);
	const char *status = json_text_at(found, "results.rxTransaction.0.currentRxTransactionStatusText");

	if (status == NULL)
		return EFFECT_UNCERTAIN;
	return strcasecmp(status, "On Hold") == 0 ? EFFECT_RETRY : EFFECT_CONFIRMED;
}

static int
settle_release(struct job *j, struct effect *e, const char *state, const struct http_answer *a UNUSED, struct problem *err)
{
	struct submission s;
	char id[UUID_TEXT];

	if (strcmp(state, "refused") != 0)	/* manual has called a person already */
		return 0;
	if (submission_load(j->db, e->subject, &s, err) < 0)
		return -1;
	return attention_raise(j->db, &(struct attention){ .kind = "prescription.release", .subject = uuid_text(s.id, id),
	    .code = "release_refused", .submission = s.submission_id, .patient = s.patient_id,
	    .detail = arena_printf(j->arena, "{\"pharmacy\":\"%s\"}", s.pharmacy) }, err);
}

const struct effect_kind pioneerrx_release_effect = {
	.name = "pioneerrx.release", .unknown = LOOK_UP, .deadline_s = 3600,
	.dress = dress, .judge = judge_order, .look_up = look_up_release, .settle = settle_release,
};

const struct effect_kind pioneerrx_patient_effect = {
	.name = "pioneerrx.patient", .unknown = LOOK_UP, .deadline_s = 3600,
	.dress = dress, .judge = judge_patient, .look_up = look_up_patient, .settle = settle_patient,
};

const struct effect_kind pioneerrx_order_effect = {
	.name = "pioneerrx.order", .unknown = LOOK_UP, .deadline_s = 3600,
	.dress = dress, .judge = judge_order, .look_up = look_up_order, .settle = settle_order,
};
