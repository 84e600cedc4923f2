/*
 * The pharmacy's stand-in, P-ADJ-02: two claims by the tables of plans, prices and programs, each once per key, in a ledger of their own; results are posted and
 * listed; what can go wrong.
 */
#include "base/clock.h"
#include "base/money.h"
#include "crypto/hash.h"
#include "handlers/sandbox_world.h"

#define PATH "/sandbox/pharmacy/v1/claims"
#define POSTED "https://app.test/api/v1/adjudication/results"
#define SECRET "pharmacy-secret"

/* What a claim says that matters to payers. */
struct claim {
	const char *ndc, *bin, *pcn, *member, *type, *npi;
	int64_t days;
	const char *program;	/* members of copay_program; NULL: none */
	const char *authorised;	/* NULL: not */
};
#define HUMIRA "\"program_id\":\"prog_h\",\"program_name\":\"Card\",\"bin\":\"004682\",\"pcn\":\"CNRX\",\"group_id\":\"HUMIRA\",\"target_copay\":5.00"
static const struct claim example = { .ndc = "00002751002", .bin = "610014", .pcn = "MEDDCO", .member = "ABC123456789", .type = "commercial",
	.npi = "2000000010", .days = 28, .program = HUMIRA ",\"max_discount\":9000.00" };

static const char *
new_id(struct world *w)
{
	char id[UUID_TEXT];

	return text(w, "%s", uuid_text(uuid_new(), id));
}

static const char *
body_of(struct world *w, const char *rx, const struct claim *c)
{
	return text(w, "{\"external_id\":\"%s\",\"claim\":1,\"pharmacy_id\":\"p1\",\"prescription\":{\"external_id\":\"%s\",\"prescriber\":{\"npi\":\"%s\","
	    "\"name\":\"Avery Sample\"},\"patient\":{\"last_name\":\"Sample\",\"birth_date\":\"1980-02-29\"},\"drug\":{\"ndc11\":\"%s\",\"quantity\":30,"
	    "\"days_supply\":%" PRId64 "}},\"insurance\":{\"bin\":\"%s\",\"pcn\":\"%s\",\"member_id\":\"%s\",\"plan_type\":\"%s\"}%s%s%s%s%s%s}",
	    new_id(w), rx, c->npi, c->ndc, c->days, c->bin, c->pcn, c->member, c->type, c->program != NULL ? ",\"copay_program\":{" : "",
	    c->program != NULL ? c->program : "", c->program != NULL ? "}" : "", c->authorised != NULL ? ",\"prior_authorization\":\"" : "",
	    c->authorised != NULL ? c->authorised : "", c->authorised != NULL ? "\"" : "");
}

static void
send_signed(struct world *w, const char *method, const char *target, const char *key, const char *body, int64_t at, const char *secret)
{
	const char *timestamp = text(w, "%" PRId64, at);
	char digest[HEX32], hex[HEX32];
	uint8_t mac[32];
	struct header headers[5] = { { "x-key-id", "key-1" }, { "x-timestamp", timestamp } };

	sha256(BYTES_OF(body != NULL ? body : ""), mac);
	hex_encode(BYTES(mac, sizeof(mac)), digest);
	const struct bytes parts[] = { BYTES_OF(timestamp), BYTES_OF("."), BYTES_OF(method), BYTES_OF("."), BYTES_OF(target), BYTES_OF("."),
	    BYTES_OF(digest) };

	hmac_sha256(BYTES_OF(secret), parts, COUNT(parts), mac);
	headers[2] = (struct header){ "x-signature", text(w, "%s", hex_encode(BYTES(mac, sizeof(mac)), hex)) };
	request(w, BY_PUBLIC, method, target, key, body, headers);
}

static void
claim(struct world *w, const char *key, const char *body)
{
	send_signed(w, "POST", PATH, key, body, clock_us() / US_PER_S, SECRET);
}

/* The claim's result as it is posted. */
static const struct sent *
outcome(struct world *w, const struct claim *c)
{
	stubs_clear(w);
	stub(w, "POST", POSTED, 200, "");
	claim(w, new_id(w), body_of(w, new_id(w), c));
	expect_status(w, 201);
	work_all(w);
	assert_int_equal(sent_count(w, "POST", POSTED), 1);
	return sent_to(w, "POST", POSTED, 0);
}

static int64_t
cents(const struct sent *s, const char *path)
{
	int64_t v = -1;

	return json_at(s->body, path) != NULL && money_of(json_at(s->body, path), &v) == 0 ? v : -1;
}

static void
p_adj_02_the_example_comes_to_five_dollars(void **state)
{
	struct world *w = *state;
	const struct sent *s = outcome(w, &example);

	assert_int_equal(cents(s, "primary_insurance.drug_cost"), 650000);
	assert_int_equal(cents(s, "primary_insurance.insurance_paid"), 500000);
	assert_int_equal(cents(s, "primary_insurance.patient_copay"), 150000);
	assert_int_equal(cents(s, "manufacturer_programs.0.discount_amount"), 149500);
	assert_int_equal(cents(s, "manufacturer_programs.0.reduced_copay"), 500);
	assert_int_equal(cents(s, "cost_breakdown.final_patient_copay"), 500);
	assert_non_null(strstr(s->raw, "\"final_patient_copay\":5.00"));
	get(w, BY_PUBLIC, text(w, "/sandbox/pharmacy/ledger?key=%s", sent_text(s, "prescription_id")));
	expect_int(w, "count", 4);
	expect_text(w, "entries.1.type", "claim");
	expect_text(w, "entries.1.data.paid", "5000.00");
	expect_text(w, "entries.2.type", "secondary_claim");
	expect_text(w, "entries.2.data.paid", "1495.00");
}

static void
it_is_computed_from_the_claim(void **state)
{
	static const struct { struct claim c; int64_t cost, copay, final; const char *code; } cases[] = {
		/* two months; the plan pays 5,000.00 of 13,000.00, the program what the claim lets it */
		{ { "00002751002", "610014", "MEDDCO", "A1", "commercial", "2000000010", 60, HUMIRA ",\"max_discount\":9000", NULL }, 1300000, 800000, 500, NULL },
		{ { "00002751002", "610014", "MEDDCO", "A1", "commercial", "2000000010", 28, HUMIRA ",\"max_discount\":100.00", NULL }, 650000, 150000, 140000, NULL },
		{ { "00002751002", "610014", "MEDDCO", "A1", "commercial", "2000000010", 28, NULL, NULL }, 650000, 150000, 150000, NULL },
		/* 30.00 and a fifth of the rest */
		{ { "00002751002", "004336", "ADV", "A1", "commercial", "2000000010", 28, NULL, NULL }, 650000, 132400, 132400, NULL },
		/* thirty pieces, all paid: nothing is left for a program to pay */
		{ { "55555444422", "610014", "MEDDCO", "A1", "commercial", "2000000010", 28, HUMIRA, NULL }, 7500, 0, 0, NULL },
		/* a government's: a quarter, and no program */
		{ { "00002751002", "015581", "03200000", "A1", "government", "2000000010", 28, HUMIRA, NULL }, 650000, 162500, 162500, NULL },
		{ { "00002751002", "999999", "X", "A1", "commercial", "2000000010", 28, HUMIRA, NULL }, -1, -1, -1, "01" },
		{ { "00002751002", "610014", "OTHER", "A1", "commercial", "2000000010", 28, HUMIRA, NULL }, -1, -1, -1, "04" },
		{ { "00002751002", "610014", "MEDDCO", "A1R79", "commercial", "2000000010", 28, HUMIRA, NULL }, -1, -1, -1, "79" },
		{ { "00002751002", "610014", "MEDDCO", "A1RPA", "commercial", "2000000010", 28, HUMIRA, NULL }, -1, -1, -1, "75" },
		{ { "00002751002", "610014", "MEDDCO", "A1RPA", "commercial", "2000000010", 28, HUMIRA, "PA77" }, 650000, 150000, 500, NULL },
		{ { "99990000202", "004336", "ADV", "A1", "commercial", "2000000010", 28, NULL, NULL }, -1, -1, -1, "75" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct sent *s = outcome(w, &cases[i].c);
		const char *code = json_text_at(s->body, "primary_insurance.reject_codes.0.code");

		if (cents(s, "primary_insurance.drug_cost") != cases[i].cost || cents(s, "primary_insurance.patient_copay") != cases[i].copay ||
		    cents(s, "cost_breakdown.final_patient_copay") != cases[i].final || (code == NULL) != (cases[i].code == NULL) ||
		    (code != NULL && strcmp(code, cases[i].code) != 0))
			fail_msg("%zu: %s", i, s->raw);
	}
}

static void
a_key_makes_one_claim(void **state)
{
	struct world *w = *state;
	const char *key = new_id(w), *rx = new_id(w), *body = body_of(w, rx, &example), *ref;

	stubs_clear(w);
	claim(w, key, body);
	expect_status(w, 201);
	ref = answer_text(w, "claim_ref");
	claim(w, key, body);
	expect_status(w, 200);
	expect_text(w, "claim_ref", ref);
	claim(w, key, body_of(w, rx, &example));
	expect_status(w, 409);
	expect_text(w, "error.code", "idempotency_mismatch");
	claim(w, NULL, body);
	expect_status(w, 400);
	get(w, BY_PUBLIC, text(w, "/sandbox/pharmacy/ledger?type=claim&key=%s", rx));
	expect_int(w, "count", 1);
}

static void
what_is_wrong_is_refused_in_its_words(void **state)
{
	struct world *w = *state;
	struct claim c = example;
	int64_t now = clock_us() / US_PER_S;
	const char *body = body_of(w, new_id(w), &c);

	stubs_clear(w);
	send_signed(w, "POST", PATH, new_id(w), body, now, "wrong");
	expect_status(w, 401);
	send_signed(w, "POST", PATH, new_id(w), body, now - 301, SECRET);
	expect_status(w, 401);
	c.ndc = "00000000000";
	claim(w, new_id(w), body_of(w, new_id(w), &c));
	expect_status(w, 422);
	expect_text(w, "error.code", "drug_not_found");
	c = example;
	c.npi = "1234560000";
	claim(w, new_id(w), body_of(w, new_id(w), &c));
	expect_text(w, "error.code", "prescriber_unknown");
	c = example;
	c.member = "";
	claim(w, new_id(w), body_of(w, new_id(w), &c));
	expect_status(w, 400);
	expect_text(w, "error.field", "insurance.member_id");
}

static void
results_are_signed_repeated_and_listed(void **state)
{
	struct world *w = *state;
	const char *target;
	const struct sent *s;

	stub(w, "POST", POSTED, 200, "");
	work_all(w);	/* what earlier tests left */
	stubs_clear(w);
	fault(w, "pharmacy", "{\"mode\":\"webhook_bad_signature\"}");
	stub(w, "POST", POSTED, 200, "");
	stub_once(w, "POST", POSTED, 401, "");
	claim(w, new_id(w), body_of(w, new_id(w), &example));
	work_all(w);
	assert_int_equal(sent_count(w, "POST", POSTED), 2);
	s = sent_to(w, "POST", POSTED, 0);
	assert_string_not_equal(sent_header(s, "X-Pharmacy-Signature"), sent_header(sent_to(w, "POST", POSTED, 1), "X-Pharmacy-Signature"));
	fault(w, "pharmacy", "{\"mode\":\"webhook_drop\"}");
	claim(w, new_id(w), body_of(w, new_id(w), &example));
	work_all(w);
	assert_int_equal(sent_count(w, "POST", POSTED), 2);
	send_signed(w, "GET", "/sandbox/pharmacy/v1/results?after=0&limit=1000", NULL, NULL, clock_us() / US_PER_S, SECRET);
	expect_status(w, 200);
	assert_true(json_array_size(json_object_get(answer(w), "results")) >= 2);
	target = text(w, "/sandbox/pharmacy/v1/results?after=%s", answer_text(w, "next"));
	send_signed(w, "GET", target, NULL, NULL, clock_us() / US_PER_S, SECRET);
	assert_int_equal(json_array_size(json_object_get(answer(w), "results")), 0);
}

static void
a_pharmacy_that_lies_is_a_cent_off(void **state)
{
	struct world *w = *state;

	stubs_clear(w);
	fault(w, "pharmacy", "{\"mode\":\"lie_amount\"}");
	assert_int_equal(cents(outcome(w, &example), "cost_breakdown.final_patient_copay"), 501);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p_adj_02_the_example_comes_to_five_dollars),
		cmocka_unit_test(it_is_computed_from_the_claim),
		cmocka_unit_test(a_key_makes_one_claim),
		cmocka_unit_test(what_is_wrong_is_refused_in_its_words),
		cmocka_unit_test(results_are_signed_repeated_and_listed),
		cmocka_unit_test(a_pharmacy_that_lies_is_a_cent_off),
	};

	return cmocka_run_group_tests(tests, sandbox_setup, sandbox_teardown);
}
