/*
 * pharmacy.c: the adapter of the pharmacies' API: one claim a call, signed, under a key that makes it once, so that what is unclear is asked again with the same
 * bytes. The pharmacy bills the insurance and then the program, and posts what it came to; what was never posted is listed by the sweep.
 */
#include "base/clock.h"
#include "base/decimal.h"
#include "crypto/hash.h"
#include "adjudication/adjudication.h"

#define PAGE 100

/* ---- the claim */

static void
copy(struct json_writer *w, const json_t *from, const char *const *names)
{
	for (; names[0] != NULL; names += 2) {
		const json_t *v = json_at(from, names[0]);

		if (v != NULL && !json_is_null(v))
			jw_tree(w, names[1], v);
	}
}

static void
write_prescription(struct json_writer *w, const struct adjudication *x, const json_t *rx)
{
	static const char *const patient[] = { "patient.firstName", "first_name", "patient.lastName", "last_name",
		"patient.birthDate", "birth_date", "patient.phone", "phone", "patient.email", "email", "patient.address", "address",
		NULL };
	static const char *const drug[] = { "medication.drug_name", "description", "medication.ndc", "ndc11",
		"medication.days_supply", "days_supply", "medication.refills", "refills", "medication.sig", "sig_text",
		"medication.schedule", "schedule", NULL };
	char number[DECIMAL_TEXT];
	int64_t quantity;

	jw_object(w, "prescription");
	jw_uuid(w, "external_id", x->prescription);
	jw_tree(w, "prescriber", json_object_get(rx, "prescriber"));
	jw_object(w, "patient");
	copy(w, rx, patient);
	jw_end(w);
	jw_object(w, "drug");
	copy(w, rx, drug);
	if (quantity_of(json_at(rx, "medication.quantity"), &quantity) == 0)
		jw_str(w, "quantity", quantity_text(quantity, number));
	jw_end(w);
	jw_end(w);
}

static void
write_program(struct json_writer *w, const struct adjudication *x, const json_t *reservation)
{
	static const char *const credentials[] = { "program.credentials.bin", "bin", "program.credentials.pcn", "pcn",
		"program.credentials.group_id", "group_id", NULL };
	int64_t target = 0;

	if (x->program_id == NULL)
		return;
	if (money_of(json_at(reservation, "program.eligibility.target_copay"), &target) < 0)
		target = 0;
	jw_object(w, "copay_program");
	jw_str(w, "program_id", x->program_id);
	jw_str(w, "program_name", x->program_name);
	copy(w, reservation, credentials);
	jw_money(w, "target_copay", target);
	jw_money(w, "max_discount", x->max_discount);
	jw_end(w);
}

struct bytes
claim_body(struct arena *a, const struct adjudication *x, const json_t *rx, const json_t *insurance, const json_t *reservation)
{
	static const char *const plan[] = { "carrier", "carrier", "member_id", "member_id", "group", "group", "bin", "bin", "pcn",
		"pcn", "plan_type", "plan_type", NULL };
	struct buf b = buf_in(a, 64 * 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "external_id", x->id);
	jw_int(&w, "claim", x->claim);
	jw_str(&w, "pharmacy_id", x->pharmacy_id);
	write_prescription(&w, x, rx);
	jw_object(&w, "insurance");
	copy(&w, insurance, plan);
	jw_end(&w);
	write_program(&w, x, reservation);
	jw_opt_str(&w, "prior_authorization", x->prior_auth_number);
	jw_end(&w);
	return BYTES(b.data, b.len);
}

/* ---- the call */

static const char *
signature(
    struct arena *a, const struct conf *conf, const char *timestamp, const char *method, const char *target, struct bytes body)
{
	char digest[HEX32], *hex = arena_alloc(a, HEX32);
	uint8_t mac[32];

	sha256(body, mac);
	hex_encode(BYTES(mac, sizeof(mac)), digest);
	const struct bytes parts[] = { BYTES_OF(timestamp), BYTES_OF("."), BYTES_OF(method), BYTES_OF("."), BYTES_OF(target),
		BYTES_OF("."), BYTES_OF(digest) };

	hmac_sha256(BYTES_OF(conf_str(conf, "PHARMACY_SECRET")), parts, COUNT(parts), mac);
	return hex_encode(BYTES(mac, sizeof(mac)), hex);
}

/* What is signed is the path as the pharmacy sees it: behind its host. */
static void
dress_call(struct job *j, struct http_call *call, const char *path, struct bytes body, const char *key)
{
	const char *base = conf_str(j->conf, "PHARMACY_BASE_URL"), *host = strstr(base, "://"),
		   *root = host != NULL ? strchr(host + 3, '/') : NULL;
	const char *timestamp = arena_printf(j->arena, "%" PRId64, clock_us() / US_PER_S);
	const char *target = arena_printf(j->arena, "%s%s", root != NULL ? root : "", path);
	const char **headers = arena_alloc(j->arena, 6 * sizeof(*headers));

	headers[0] = "Content-Type: application/json";
	headers[1] = arena_printf(j->arena, "X-Key-Id: %s", conf_str(j->conf, "PHARMACY_KEY_ID"));
	headers[2] = arena_printf(j->arena, "X-Timestamp: %s", timestamp);
	headers[3] = arena_printf(j->arena, "X-Signature: %s", signature(j->arena, j->conf, timestamp, call->method, target, body));
	headers[4] = key != NULL ? arena_printf(j->arena, "Idempotency-Key: %s", key) : NULL;
	call->headers = headers;
	call->url = arena_printf(j->arena, "%s%s", base, path);
	call->connect_ms = 5000;
	call->total_ms = 20000;
}

static int
dress(struct job *j, struct effect *e, struct http_call *call, struct problem *err UNUSED)
{
	dress_call(j, call, e->path, e->request, e->vendor_key);
	return 0;
}

static const json_t *
body_of(struct arena *a, const struct http_answer *answer)
{
	struct problem ignored = { 0 };

	return answer->body.n > 0 ? json_read(a, (const char *)answer->body.p, answer->body.n, &ignored) : NULL;
}

static enum verdict
judge(struct job *j, struct effect *e, const struct http_answer *a)
{
	const json_t *body = body_of(j->arena, a);
	const char *code = json_text_at(body, "error.code");

	if (a->status == 200 || a->status == 201 || a->status == 202) {
		e->vendor_ref = json_text_at(body, "claim_ref");
		return EFFECT_CONFIRMED;
	}
	if (a->status == 401 || a->status == 403)
		return EFFECT_RETRY; /* our key, not the claim: nothing was done */
	if (a->status == 409 && (code == NULL || strcmp(code, "idempotency_mismatch") != 0))
		return EFFECT_UNCERTAIN;
	e->error_code = code;
	return effect_judge_http(a);
}

static int
settle(struct job *j, struct effect *e, const char *state, const struct http_answer *answer UNUSED, struct problem *err)
{
	struct adjudication a;
	bool open;

	if (adjudication_load(j->db, e->subject, true, &a, err) < 0 ||
	    (strcmp(state, "manual") != 0 &&
		attempt_settled(j->db, a.id, e->generation, strcmp(state, "confirmed") == 0, e->vendor_ref, err) < 0))
		return -1;
	open = e->generation == a.claim && (adjudication_is(&a, "sending") || adjudication_is(&a, "manual"));
	if (!open) /* its result was faster, or another claim was made since */
		return 0;
	if (strcmp(state, "confirmed") == 0)
		return adjudication_move(j->db, &a, "claimed", NULL, err);
	if (strcmp(state, "refused") != 0)
		return adjudication_is(&a, "manual") ? 0 : adjudication_move(j->db, &a, "manual", "outcome_unknown", err);
	if (adjudication_move(j->db, &a, "rejected", "pharmacy_refused", err) < 0 ||
	    call_person(j->db, &a, "adjudication.rejected", "pharmacy_refused", err) < 0)
		return -1;
	return tell_rejected(j->db, &a, "pharmacy_refused", err);
}

const struct effect_kind pharmacy_claim_effect = {
	.name = "pharmacy.claim",
	.unknown = RESEND,
	.deadline_s = 3600,
	.dress = dress,
	.judge = judge,
	.settle = settle,
};

/* ---- what was never posted */

static int
sweep(struct job *j, const char *position, const json_t **messages, const char **next, struct problem *err)
{
	struct http_call call = { .method = "GET" };
	struct http_answer answer = { 0 };
	const json_t *body;

	dress_call(j, &call, arena_printf(j->arena, "/v1/results?after=%s&limit=%d", *position != '\0' ? position : "0", PAGE),
	    BYTES("", 0), NULL);
	http_do(j->http, j->arena, &call, &answer);
	body = answer.outcome == HTTP_ANSWERED && answer.status == 200 ? body_of(j->arena, &answer) : NULL;
	*messages = json_object_get(body, "results");
	*next = json_text_at(body, "next");
	if (!json_is_array(*messages) || *next == NULL)
		return problem(err, 503, "pharmacy_unavailable", "results are not listed: answer %d", answer.status);
	return json_array_size(*messages) == PAGE;
}

const struct webhook_source pharmacy_results = {
	.vendor = "pharmacy",
	.secret = "PHARMACY_WEBHOOK_SECRET",
	.job = "pharmacy.result",
	.read = result_read,
	.admit = result_admit,
	.handle = result_handle,
	.sweep = sweep,
};
