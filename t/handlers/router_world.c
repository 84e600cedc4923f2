/* router_world.c: see router_world.h. */
#include "router_world.h"

static const char *const settings[] = {
	"PIONEERRX_BASE_URL=https://prx.example", "PIONEERRX_API_KEY=k", "PIONEERRX_SHARED_SECRET=prx-secret", "PIONEERRX_EMPLOYEE_ID=7",
	"BOOTHWYN_BASE_URL=https://boothwyn.example", "BOOTHWYN_API_KEY=bk", "PIONEERRX_WEBHOOK_SECRET=address-secret", "BOOTHWYN_WEBHOOK_SECRET=hook-secret,hook-secret-old",
	"RECONCILE_EVERY=0", "RECONCILE_CLOSE=0", NULL
};

int
router_setup(void **state)
{
	*state = world_new(&router_service, settings);
	return 0;
}

int
router_teardown(void **state)
{
	world_free(*state);
	return 0;
}

int
router_fresh(void **state)
{
	stubs_clear(*state);
	return 0;
}

const char *
new_id(struct world *w)
{
	char id[UUID_TEXT];

	return text(w, "%s", uuid_text(uuid_new(), id));
}

const char *
prescription(struct world *w, const char *external, const char *pharmacy)
{
	return text(w, "{\"externalId\":\"%s\",\"submissionId\":\"%s\",\"patientId\":\"%s\",\"pharmacy\":\"%s\","
	    "\"patient\":{\"firstName\":\"Ada\",\"lastName\":\"Sample\",\"birthDate\":\"1980-02-29\",\"sex\":\"female\",\"phone\":\"+15045550100\","
	    "\"address\":{\"line1\":\"1 Main\",\"city\":\"New Orleans\",\"state\":\"LA\",\"zip\":\"70112\"}},"
	    "\"prescriber\":{\"npi\":\"2000000010\",\"name\":\"Avery Sample, FNP-C\"},"
	    "\"medication\":{\"name\":\"semaglutide\",\"dosage\":\"0.25 mg\",\"sku\":\"S1\",\"ndc\":\"00000000001\",\"quantity\":1,\"daysSupply\":28,"
	    "\"refills\":2,\"directions\":\"once a week\"},\"callbackUrl\":\"/api/pharmacy/callback\"}",
	    external, new_id(w), new_id(w), pharmacy);
}

const char *
submit(struct world *w, const char *pharmacy)
{
	const char *external = new_id(w);

	post_key(w, BY_SERVICE("orchestrator"), "/rx/prescriptions/submit", text(w, "key-%s", external), prescription(w, external, pharmacy));
	expect_status(w, 202);
	return answer_text(w, "routerSubmissionId");
}

const char *
status_of(struct world *w, const char *id)
{
	return sql_text(w, "SELECT status FROM router_submissions WHERE id = '%s'", id);
}

/* ---- the pharmacies */

const char no_patient[] = "{\"results\":{\"patientSearchResults\":[]}}";
const char a_patient[] = "{\"results\":{\"patientSearchResults\":[{\"personID\":\"P9\"}]}}";
const char added[] = "{\"results\":{\"patient\":[{\"personID\":\"P7\"}]}}";
const char a_prescriber[] = "{\"results\":{\"prescriberSearchResults\":[{\"personID\":\"D1\"}]}}";
const char ordered[] = "{\"results\":{\"rxTransaction\":[{\"rxTransactionID\":\"T1\",\"rxNumber\":\"6000001\"}]}}";

void
answers(struct world *w, const char *const *bodies)
{
	size_t n = 0;

	while (bodies[n] != NULL)
		n++;
	while (n-- > 0)		/* the newest stub answers first */
		stub_once(w, "POST", PRX, 200, bodies[n]);
}

void
hook(struct world *w, const char *secret, const char *body)
{
	const struct header headers[] = { { "boothwyn-signature", secret }, { 0 } };

	request(w, BY_PUBLIC, "POST", "/rx/webhooks/boothwyn", NULL, body, headers);
}
