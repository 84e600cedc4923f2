/* sandbox_world.c: see sandbox_world.h. */
#include "core.h"

#include "handlers/sandbox_world.h"
#include "sandbox/sandbox.h"

static const char *const settings[] = { "SANDBOX_WEBHOOK_BASE=https://app.test", "SANDBOX_SLOW_MS=50", "SANDBOX_STEP=100",
	"STRIPE_SECRET_KEY=sk_test_of_the_tests", "STRIPE_PUBLISHABLE_KEY=pk_test_of_the_tests",
	"STRIPE_WEBHOOK_SECRET=whsec_of_the_tests", "CANVAS_CLIENT_ID=clinic", "CANVAS_CLIENT_SECRET=clinic-secret",
	"PIONEERRX_API_KEY=prx-key", "PIONEERRX_SHARED_SECRET=prx-shared-secret-0001", "BOOTHWYN_API_KEY=boothwyn-key",
	"BOOTHWYN_WEBHOOK_SECRET=boothwyn-secret", "SENDGRID_API_KEY=SG.test", "HUBSPOT_TOKEN=pat-test", "TWILIO_ACCOUNT_SID=AC1",
	"TWILIO_AUTH_TOKEN=12345678901234567890123456789012", "FEDEX_CLIENT_ID=fx", "FEDEX_CLIENT_SECRET=fx-secret",
	"PHARMACY_KEY_ID=key-1", "PHARMACY_SECRET=pharmacy-secret", "PHARMACY_WEBHOOK_SECRET=pharmacy-hook",
	"FEDEX_ACCOUNT_NUMBER=740561073", "SHIPPO_API_TOKEN=shippo_test_of_the_tests", "SHIPPO_WEBHOOK_SECRET=whsec_shippo", NULL };

int
sandbox_setup(void **state)
{
	*state = world_new(&sandbox_service, settings);
	return 0;
}

int
sandbox_teardown(void **state)
{
	world_free(*state);
	return 0;
}

void
call(struct world *w, const char *method, const char *target, const char *auth, const char *body)
{
	const struct header headers[] = { { "authorization", auth }, { "host", "localhost:8443" }, { 0 } };

	request(w, BY_PUBLIC, method, target, NULL, body, auth != NULL ? headers : NULL);
}

void
stripe(struct world *w, const char *path, const char *key, const char *form)
{
	const struct header headers[] = { { "authorization", SECRET_KEY }, { 0 } };

	request(w, BY_PUBLIC, form != NULL ? "POST" : "GET", text(w, STRIPE "%s", path), key, form, headers);
}

void
fault(struct world *w, const char *vendor, const char *json)
{
	request(w, BY_PUBLIC, "POST", text(w, "/sandbox/%s/faults", vendor), NULL, json, NULL);
	expect_status(w, 201);
}

void
quiet(struct world *w)
{
	stub(w, "POST", HOOK, 200, "");
	work_all(w);
	stubs_clear(w);
}
