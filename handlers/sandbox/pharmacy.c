/*
 * pharmacy.c: the stand-in of a pharmacy with our own adapter's contract: it takes a claim under a key that makes it once, bills the patient's insurance and then
 * the manufacturer's program (payer.c), and posts what it came to, signed, until a 2xx. Results can also be listed. Tables: object (submission, claim,
 * secondary_claim, result), job (pharmacy.webhook).
 *
 * Called by adjudication. NDC 00000000000 and an NPI that ends in 0000 are refused; what a payer rejects is payer.c's business.
 */
#include "base/clock.h"
#include "base/money.h"
#include "crypto/hash.h"
#include "sandbox/payer.h"
#include "sandbox/sandbox_own.h"
#include "sandbox/store.h"

#define SKEW_S 300

static operation_fn claim_op, results_op;

static const struct operation operations[] = {
	{ "POST", "/pharmacy/v1/claims", claim_op },
	{ "GET", "/pharmacy/v1/results", results_op },
};

static const char results_sql[] =
    "SELECT seq, data ->> '_message' AS message FROM object WHERE vendor = 'pharmacy' AND type = 'result' AND seq > $1 ORDER BY seq LIMIT $2";

/* ---- refusals, and who may call */

static int
refuse(struct call *c, int status, const char *code, const char *field)
{
	json_t *body = sb_keep(c->arena, json_object()), *error = json_object();

	json_object_set_new(error, "code", json_string(code));
	json_object_set_new(error, "message", json_string(code));
	if (field != NULL)
		json_object_set_new(error, "field", json_string(field));
	json_object_set_new(body, "error", error);
	sb_answer(c, status, body);
	return REFUSED;
}

static void
failure(struct call *c, int status)
{
	(void)refuse(c, status, status == 429 ? "rate_limited" : status == 503 ? "unavailable" : "internal_error", NULL);
	if (status == 429)
		sb_answer_header(c, "Retry-After", "1");
}

static bool
fresh(const char *timestamp)
{
	int64_t now = clock_us() / US_PER_S, at;

	if (timestamp == NULL || *timestamp == '\0' || strspn(timestamp, "0123456789") != strlen(timestamp) ||
	    strlen(timestamp) > 11)
		return false;
	at = strtoll(timestamp, NULL, 10);
	return at >= now - SKEW_S && at <= now + SKEW_S;
}

static int
admit(struct call *c, struct problem *err)
{
	const char *secret = conf_str(c->r->conf, "PHARMACY_SECRET"), *timestamp = req_header(c->r, "x-timestamp");
	const char *given = req_header(c->r, "x-signature");
	char digest[HEX32], want[HEX32];
	uint8_t mac[32];

	(void)err;
	if (!sb_credential(c->r, "PHARMACY_KEY_ID", req_header(c->r, "x-key-id")) || !fresh(timestamp) || given == NULL)
		return refuse(c, 401, "signature", NULL);
	sha256(c->r->raw, mac);
	hex_encode(BYTES(mac, sizeof(mac)), digest);
	const struct bytes parts[] = { BYTES_OF(timestamp), BYTES_OF("."), BYTES_OF(c->r->method), BYTES_OF("."),
		BYTES_OF(c->r->target), BYTES_OF("."), BYTES_OF(digest) };

	hmac_sha256(BYTES_OF(secret), parts, COUNT(parts), mac);
	hex_encode(BYTES(mac, sizeof(mac)), want);
	return *secret == '\0' || same_text(given, want) ? 0 : refuse(c, 401, "signature", NULL);
}

/* ---- the claim */

static const char *const required[] = { "external_id", "pharmacy_id", "prescription.external_id", "prescription.prescriber.npi",
	"prescription.patient.last_name", "prescription.patient.birth_date", "prescription.drug.ndc11", "insurance.bin",
	"insurance.pcn", "insurance.member_id" };

static int
check_claim(struct call *c, const json_t *claim)
{
	const char *npi, *ndc;

	for (size_t i = 0; i < COUNT(required); i++)
		if (sb_text(claim, required[i], "")[0] == '\0')
			return refuse(c, 400, "invalid", required[i]);
	if (json_int_at(claim, "claim", 0) < 1)
		return refuse(c, 400, "invalid", "claim");
	ndc = json_text_at(claim, "prescription.drug.ndc11");
	npi = json_text_at(claim, "prescription.prescriber.npi");
	if (strlen(ndc) != 11 || strspn(ndc, "0123456789") != 11)
		return refuse(c, 400, "invalid", "prescription.drug.ndc11");
	if (!sb_drug_known(ndc))
		return refuse(c, 422, "drug_not_found", "prescription.drug.ndc11");
	if (strlen(npi) != 10 || strcmp(npi + 6, "0000") == 0)
		return refuse(c, 422, "prescriber_unknown", "prescription.prescriber.npi");
	return 0;
}

static void
write_primary(struct json_writer *w, const struct claim_answer *a, const char *claim_id)
{
	jw_object(w, "primary_insurance");
	jw_str(w, "claim_id", claim_id);
	jw_str(w, "status", a->reject == NULL ? "approved" : strcmp(a->reject, "75") == 0 ? "prior_auth_required" : "rejected");
	if (a->reject == NULL) {
		jw_money(w, "drug_cost", a->cost);
		jw_money(w, "insurance_paid", a->paid);
		jw_money(w, "patient_copay", a->copay);
	} else {
		jw_array(w, "reject_codes");
		jw_object(w, NULL);
		jw_str(w, "code", a->reject);
		jw_str(w, "message", a->says);
		jw_end(w);
		jw_end(w);
	}
	jw_end(w);
}

static void
write_program(struct json_writer *w, const struct claim_answer *a, const json_t *program)
{
	jw_array(w, "manufacturer_programs");
	if (a->billed) {
		jw_object(w, NULL);
		jw_str(w, "program_id", sb_text(program, "program_id", ""));
		jw_str(w, "program_name", sb_text(program, "program_name", ""));
		jw_str(w, "status", a->program_reject == NULL ? "approved" : "rejected");
		jw_opt_str(w, "reject_code", a->program_reject);
		if (a->program_reject == NULL) {
			jw_money(w, "discount_amount", a->discount);
			jw_money(w, "reduced_copay", a->left);
		}
		jw_end(w);
	}
	jw_end(w);
}

/* What is posted. A pharmacy that lies claims a cent more than it comes to. */
static const char *
message_of(struct call *c, const json_t *claim, const struct claim_answer *a, const char *claim_id, const char *event)
{
	struct buf b = buf_in(c->arena, 16 * 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "event_id", event);
	jw_time(&w, "occurred_at", clock_us());
	jw_str(&w, "prescription_id", json_text_at(claim, "prescription.external_id"));
	jw_int(&w, "claim", json_int_at(claim, "claim", 1));
	write_primary(&w, a, claim_id);
	if (a->reject == NULL) {
		write_program(&w, a, json_object_get(claim, "copay_program"));
		jw_object(&w, "cost_breakdown");
		jw_money(&w, "total_drug_cost", a->cost);
		jw_money(&w, "insurance_covered", a->paid);
		jw_money(&w, "initial_copay", a->copay);
		jw_money(&w, "manufacturer_discount", a->discount);
		jw_money(&w, "final_patient_copay", a->left + (c->fault == LIE_AMOUNT));
		jw_end(&w);
	}
	jw_end(&w);
	return buf_str(&b);
}

static int
keep(struct call *c, const char *type, const char *id, json_t *data, const json_t *claim, struct problem *err)
{
	return sb_add(c->db,
	    &(struct object){ .vendor = "pharmacy",
		.type = type,
		.id = id,
		.data = data,
		.refs = sb_refs(c->arena, NULL, json_text_at(claim, "external_id"), json_text_at(claim, "prescription.external_id"),
		    id, NULL) },
	    err);
}

static json_t *
side(struct call *c, const json_t *claim, const char *payer, const char *reject, int64_t pays)
{
	json_t *o = sb_keep(c->arena, json_object());
	char text[MONEY_TEXT];

	json_object_set(o, "external_id", json_object_get(claim, "external_id"));
	json_object_set(o, "claim", json_object_get(claim, "claim"));
	json_object_set_new(o, "payer", json_string(payer));
	json_object_set_new(o, "status", json_string(reject == NULL ? "paid" : "rejected"));
	if (reject != NULL)
		json_object_set_new(o, "reject_code", json_string(reject));
	else
		json_object_set_new(o, "paid", json_string(money_text(pays, text)));
	return o;
}

/* The two steps, each in the ledger of whoever was billed, and the result. */
static int
bill(struct call *c, const json_t *claim, struct problem *err)
{
	const char *claim_id = sb_random(c->arena, "CLM", 12), *event = sb_random(c->arena, "evt_", 20), *text;
	struct job_spec job = { .kind = "pharmacy.webhook",
		.delay_s = conf_int(c->r->conf, "SANDBOX_STEP"),
		.serial_key = json_text_at(claim, "external_id") };
	struct claim_answer a;
	json_t *message;

	sb_adjudicate(claim, &a);
	text = message_of(c, claim, &a, claim_id, event);
	if ((message = json_read(c->arena, text, strlen(text), err)) == NULL)
		return -1;
	json_object_set_new(message, "_message", json_string(text));
	if (keep(c, "claim", claim_id, side(c, claim, json_text_at(claim, "insurance.bin"), a.reject, a.paid), claim, err) < 0 ||
	    (a.billed &&
		keep(c, "secondary_claim", sb_random(c->arena, "CLM", 12),
		    side(c, claim, sb_text(claim, "copay_program.group_id", ""), a.program_reject, a.discount), claim, err) < 0) ||
	    keep(c, "result", event, message, claim, err) < 0)
		return -1;
	return sb_webhook_send(c, &job, arena_printf(c->arena, "\"result\":\"%s\"", event), err);
}

static int
answer_again(struct call *c, const struct found *before, const char *digest)
{
	if (!sb_is(before->data, "_digest", digest))
		return refuse(c, 409, "idempotency_mismatch", NULL);
	sb_answer(c, 200, sb_shown(c->arena, before->data));
	return 0;
}

static int
claim_op(struct call *c, struct problem *err)
{
	struct problem ignored = { 0 };
	const json_t *claim = json_read(c->arena, (const char *)c->r->raw.p, c->r->raw.n, &ignored);
	const char *key = req_header(c->r, "idempotency-key");
	json_t *answer = sb_keep(c->arena, json_object());
	struct found before;
	char digest[HEX32];
	uint8_t sum[32];
	int rc;

	if (key == NULL || strlen(key) < 16)
		return refuse(c, 400, "invalid", "Idempotency-Key");
	if (claim == NULL)
		return refuse(c, 400, "invalid", NULL);
	sha256(c->r->raw, sum);
	hex_encode(BYTES(sum, sizeof(sum)), digest);
	if (sb_get(c->db, "pharmacy", "submission", key, true, &before, err) < 0)
		return -1;
	if (before.data != NULL)
		return answer_again(c, &before, digest);
	if ((rc = check_claim(c, claim)) != 0)
		return rc;
	json_object_set_new(answer, "claim_ref", json_string(sb_random(c->arena, "ref_", 16)));
	json_object_set_new(answer, "status", json_string("received"));
	json_object_set_new(answer, "_digest", json_string(digest));
	json_object_set_new(answer, "_pharmacy", json_string(json_text_at(claim, "pharmacy_id")));
	if (keep(c, "submission", key, answer, claim, err) < 0 || bill(c, claim, err) < 0)
		return -1;
	sb_answer(c, 201, sb_shown(c->arena, answer));
	return 0;
}

/* ---- the list */

static int64_t
number(const json_t *query, const char *name, int64_t otherwise)
{
	const char *s = json_string_value(json_object_get(query, name));

	return s != NULL && *s != '\0' && strlen(s) < 18 && strspn(s, "0123456789") == strlen(s) ? strtoll(s, NULL, 10) : otherwise;
}

static int
results_op(struct call *c, struct problem *err)
{
	const json_t *query = sb_query(c);
	int64_t after = number(query, "after", 0), limit = number(query, "limit", 100);
	struct buf b = buf_in(c->arena, 4 << 20);
	struct json_writer w;
	struct rows *rows;

	if (db_all(c->db, &rows, results_sql, err, P_INT(after), P_INT(limit < 1000 ? limit : 1000)) < 0)
		return -1;
	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_array(&w, "results");
	for (size_t i = 0; i < rows_count(rows); i++) {
		jw_raw(&w, NULL, row_str(rows_at(rows, i), "message"));
		after = row_int(rows_at(rows, i), "seq");
	}
	jw_end(&w);
	jw_str(&w, "next", arena_printf(c->arena, "%" PRId64, after));
	jw_end(&w);
	sb_answer_text(c, 200, NULL, buf_str(&b));
	return 0;
}

static const struct vendor vendor = {
	.name = "pharmacy", .ops = operations, .nops = COUNT(operations), .admit = admit, .failure = failure
};

int
sb_pharmacy(struct req *r, struct problem *err)
{
	return sb_serve(&vendor, r, err);
}

/* ---- the worker's part */

int
sb_pharmacy_webhook_job(struct job *j, struct problem *err)
{
	const char *secret = conf_str(j->conf, "PHARMACY_WEBHOOK_SECRET"), *ca = conf_str(j->conf, "VENDOR_CA_FILE"), *message;
	const char *headers[4] = { "Content-Type: application/json", NULL, NULL, NULL };
	struct http_call call = { .method = "POST", .ca_file = *ca != '\0' ? ca : NULL, .headers = headers };
	struct http_answer answer;
	char hex[HEX32];
	uint8_t mac[32];
	struct found f;

	if (job_read(j, err) < 0 || sb_get(j->db, "pharmacy", "result", job_str(j, "result"), false, &f, err) < 0 ||
	    job_read_end(j, err) < 0)
		return -1;
	if ((message = json_text_at(f.data, "_message")) == NULL)
		return problem(err, 404, "no_result", "result %s is gone", job_str(j, "result"));
	headers[1] = arena_printf(j->arena, "X-Pharmacy-Timestamp: %" PRId64, clock_us() / US_PER_S);
	const struct bytes parts[] = { BYTES_OF(strchr(headers[1], ' ') + 1), BYTES_OF("."), BYTES_OF(message) };

	hmac_sha256(BYTES(secret, strcspn(secret, ",")), parts, COUNT(parts), mac);
	if (job_int(j, "bad") != 0 && j->attempt <= 1)
		mac[0] ^= 1;
	headers[2] = arena_printf(j->arena, "X-Pharmacy-Signature: v1=%s", hex_encode(BYTES(mac, sizeof(mac)), hex));
	call.url = arena_printf(j->arena, "%s/api/v1/adjudication/results", conf_str(j->conf, "SANDBOX_WEBHOOK_BASE"));
	call.body = BYTES_OF(message);
	http_do(j->http, j->arena, &call, &answer);
	/* 422: it was read, kept and refused; saying it again says no more. */
	if (answer.outcome == HTTP_ANSWERED && ((answer.status >= 200 && answer.status <= 299) || answer.status == 422))
		return 0;
	return problem(err, 503, "webhook_not_taken", "result %s: answer %d", job_str(j, "result"),
	    answer.outcome == HTTP_ANSWERED ? answer.status : 0);
}
