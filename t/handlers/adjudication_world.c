/* adjudication_world.c: see adjudication_world.h. */
#include "adjudication_world.h"

#include "base/clock.h"
#include "crypto/hash.h"

#define SECRET "pharm_whsec_0001"

static const char *const settings[] = {
	"PHARMACY_BASE_URL=https://pharmacy.example", "PHARMACY_KEY_ID=key-1", "PHARMACY_SECRET=out-secret",
	/* NOLINTNEXTLINE(bugprone-suspicious-missing-comma): one text, two secrets */
	"PHARMACY_WEBHOOK_SECRET=" SECRET ",pharm_whsec_old", "WEBHOOK_SWEEP=0", "ADJUDICATION_SWEEP=0", NULL
};

int
adjudication_setup(void **state)
{
	*state = world_new(&adjudication_service, settings);
	return 0;
}

int
adjudication_teardown(void **state)
{
	world_free(*state);
	return 0;
}

int
adjudication_fresh(void **state)
{
	stubs_clear(*state);
	return 0;
}

static const char *
new_id(struct world *w)
{
	char id[UUID_TEXT];

	return text(w, "%s", uuid_text(uuid_new(), id));
}

void
peers(struct world *w, const char *plan_type, const char *most)
{
	const char *any = new_id(w);

	stub(w, "GET", "/prescriptions/*", 200, text(w, "{\"prescriptionId\":\"%s\",\"patientId\":\"%s\",\"patient\":{\"firstName\":\"Ada\","
	    "\"lastName\":\"Sample\",\"birthDate\":\"1980-02-29\",\"phone\":\"+15045550100\",\"email\":\"ada@example.com\",\"address\":{\"line1\":\"1 Main\","
	    "\"city\":\"Boston\",\"state\":\"MA\",\"zip\":\"02101\"}},\"prescriber\":{\"npi\":\"2000000010\",\"name\":\"Avery Sample\"},"
	    "\"medication\":{\"drug_name\":\"Humira\",\"ndc\":\"00002751002\",\"quantity\":2.5,\"days_supply\":28,\"refills\":1,\"sig\":\"every other week\","
	    "\"schedule\":\"none\",\"cold_chain\":true},\"insurance\":{\"bin\":\"610014\"},\"status\":\"pharmacy_selected\"}", any, any));
	stub(w, "GET", "/api/v1/enrollment/insurance/*", 200, text(w, "{\"enrollment_id\":\"%s\",\"carrier\":\"Blue Cross Blue Shield\","
	    "\"member_id\":\"ABC123456789\",\"group\":\"12345\",\"bin\":\"610014\",\"pcn\":\"MEDDCO\",\"plan_type\":\"%s\"}", any, plan_type));
	if (most == NULL)
		stub(w, "POST", "/api/v1/programs/reservations", 200, "{\"why\":\"no_program\"}");
	else
		stub(w, "POST", "/api/v1/programs/reservations", 200, text(w, "{\"program\":{\"program_id\":\"prog_abbvie_humira_2024\","
		    "\"program_name\":\"Humira Complete Savings Card\",\"credentials\":{\"bin\":\"004682\",\"pcn\":\"CNRX\",\"group_id\":\"HUMIRA\"},"
		    "\"eligibility\":{\"commercial_only\":true,\"target_copay\":5.00}},\"max_discount\":%s}", most));
}

void
select_again(struct world *w, const struct rx *rx, const char *pharmacy)
{
	send_event(w, "router", "pharmacy.selected", rx->uuid, text(w, "{\"event_id\":\"%s\",\"prescription_id\":\"%s\",\"patient_id\":\"%s\","
	    "\"pharmacy_id\":\"%s\",\"pharmacy_name\":\"SpecialtyRx Pharmacy\",\"timestamp\":\"2026-03-01T10:00:00Z\"}", new_id(w), rx->id, rx->patient,
	    pharmacy));
	expect_status(w, 200);
}

struct rx
selected(struct world *w, const char *pharmacy)
{
	struct rx rx = { .id = new_id(w), .patient = new_id(w) };

	assert_int_equal(uuid_parse(rx.id, &rx.uuid), 0);
	select_again(w, &rx, pharmacy);
	return rx;
}

struct rx
claimed(struct world *w)
{
	struct rx rx;

	peers(w, "commercial", "9000.00");
	stub(w, "POST", CLAIMS, 201, "{\"claim_ref\":\"ref_1\",\"status\":\"received\"}");
	rx = selected(w, "pharm_1");
	work(w);
	assert_string_equal(status_of(w, &rx), "claimed");
	return rx;
}

void
result(struct world *w, const char *body, const char *secret)
{
	const char *timestamp = text(w, "%" PRId64, clock_us() / US_PER_S);
	const struct bytes parts[] = { BYTES_OF(timestamp), BYTES_OF("."), BYTES_OF(body) };
	struct header headers[3] = { { "x-pharmacy-timestamp", timestamp } };
	char hex[HEX32];
	uint8_t mac[32];

	hmac_sha256(BYTES_OF(secret != NULL ? secret : SECRET), parts, COUNT(parts), mac);
	headers[1] = (struct header){ "x-pharmacy-signature", text(w, "v1=%s", hex_encode(BYTES(mac, sizeof(mac)), hex)) };
	request(w, BY_PUBLIC, "POST", POSTED, NULL, body, headers);
}

const char *
approved(struct world *w, const struct rx *rx, const char *claim_id, int claim)
{
	return text(w, "{\"prescription_id\":\"%s\",%s\"primary_insurance\":{\"claim_id\":\"%s\",\"status\":\"approved\",\"drug_cost\":6500.00,"
	    "\"insurance_paid\":5000.00,\"patient_copay\":1500.00},\"manufacturer_programs\":[{\"program_id\":\"prog_abbvie_humira_2024\","
	    "\"program_name\":\"Humira Complete Savings Card\",\"status\":\"approved\",\"discount_amount\":1495.00,\"reduced_copay\":5.00}],"
	    "\"cost_breakdown\":{\"total_drug_cost\":6500.00,\"insurance_covered\":5000.00,\"initial_copay\":1500.00,\"manufacturer_discount\":1495.00,"
	    "\"final_patient_copay\":5.00}}", rx->id, claim > 0 ? text(w, "\"claim\":%d,", claim) : "", claim_id);
}

const char *
rejected(struct world *w, const struct rx *rx, const char *claim_id, const char *code, int claim)
{
	return text(w, "{\"prescription_id\":\"%s\",\"claim\":%d,\"primary_insurance\":{\"claim_id\":\"%s\",\"status\":\"%s\","
	    "\"reject_codes\":[{\"code\":\"%s\",\"message\":\"no\"}]}}", rx->id, claim, claim_id,
	    strcmp(code, "75") == 0 ? "prior_auth_required" : "rejected", code);
}

const char *
status_of(struct world *w, const struct rx *rx)
{
	return sql_text(w, "SELECT status FROM adjudications WHERE prescription_id = '%s'", rx->id);
}

unsigned
told(struct world *w, const struct rx *rx, const char *topic)
{
	return (unsigned)sql_int(w, "SELECT count(*) FROM outbox WHERE topic = '%s' AND aggregate_id = '%s'", topic, rx->id);
}

int64_t
items(struct world *w, const struct rx *rx, const char *kind)
{
	return sql_int(w, "SELECT count(*) FROM attention WHERE kind = '%s' AND subject = '%s'", kind, rx->id);
}
