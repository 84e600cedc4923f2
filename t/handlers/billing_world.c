#include "billing_world.h"

static const char *const settings[] = { "STRIPE_BASE_URL=" STRIPE, "STRIPE_SECRET_KEY=sk_test_x",
    "STRIPE_PUBLISHABLE_KEY=pk_test_x",
	"STRIPE_WEBHOOK_SECRET=" HOOK_SECRET, "RECONCILE_EVERY=0", "RECONCILE_CLOSE=0", "PAYMENT_MONITOR=0", NULL };

int
billing_setup(void **state)
{
	*state = world_new(&billing_service, settings);
	return 0;
}

int
billing_teardown(void **state)
{
	world_free(*state);
	return 0;
}

/* ---- Stripe's side */

static void
stripe_saves_cards(struct world *w)
{
	stub(w, "POST", "/v1/customers", 200, "{\"id\":\"cus_1\",\"object\":\"customer\"}");
}

const char *
intent(struct world *w, const char *id, const char *status, int amount)
{
	return text(w, "{\"id\":\"%s\",\"object\":\"payment_intent\",\"status\":\"%s\",\"amount\":%d,\"amount_received\":%d,"
	    "\"currency\":\"usd\"}", id,
	    status, amount, strcmp(status, "succeeded") == 0 ? amount : 0);
}

const char *
declined(struct world *w, const char *id, const char *code, const char *decline_code)
{
	return text(w, "{\"error\":{\"type\":\"card_error\",\"code\":\"%s\",\"decline_code\":\"%s\",\"message\":\"no\","
	    "\"payment_intent\":{\"id\":\"%s\","
	    "\"status\":\"requires_payment_method\"}}}", code, decline_code, id);
}

/* ---- our side */

unsigned serial;

/* A saved card of 299.00 USD; its id. */
const char *
saved_card(struct world *w)
{
	const char *seti = text(w, "seti_%u", ++serial), *id;

	stripe_saves_cards(w);
	stub(w, "POST", "/v1/setup_intents", 200, text(w,
	    "{\"id\":\"%s\",\"status\":\"requires_payment_method\",\"client_secret\":\"%s_secret\"}", seti, seti));
	stub(w, "GET", text(w, "/v1/setup_intents/%s", seti), 200,
	    text(w, "{\"id\":\"%s\",\"status\":\"succeeded\",\"payment_method\":\"pm_1\","
	    "\"metadata\":{\"amount_cents\":\"29900\"}}", seti));
	post_key(w, BY_SERVICE("intake"), "/billing/setup-intents", text(w, "intake:card-number-%u:setup", serial), text(w,
	    "{\"intakeId\":\"0194d9f0-0000-7000-8000-%012u\",\"patientId\":\"" PATIENT "\",\"planId\":\"glp1\","
	    "\"amountCents\":29900,\"currency\":\"USD\"}", serial));
	expect_status(w, 201);
	id = answer_text(w, "setupIntentId");
	get(w, BY_SERVICE("intake"), text(w, "/billing/setup-intents/%s", id));
	expect_text(w, "status", "succeeded");
	return id;
}

const char *
payment_body(struct world *w, const char *card, unsigned run, int cents, int generation)
{
	return text(w, "{\"setupIntentId\":\"%s\",\"submissionId\":\"" SUBMISSION "\",\"patientId\":\"" PATIENT "\","
	    "\"runId\":\"0194d9f0-0000-7000-8000-1%011u\",\"amountCents\":%d,\"currency\":\"USD\",\"purpose\":\"visit\","
	    "\"generation\":%d}",
	    card, run, cents, generation);
}

const char *
key(struct world *w)
{
	return text(w, "a-key-of-the-tests-%u", ++serial);
}

const char *
pay(struct world *w, const char *card, unsigned run)
{
	post_key(w, BY_SERVICE("orchestrator"), "/billing/payments", key(w), payment_body(w, card, run, 29900, 1));
	expect_status(w, 202);
	return answer_text(w, "paymentId");
}

/* A payment that Stripe holds as pi_<run>. */
const char *
authorized(struct world *w, unsigned run)
{
	const char *card = saved_card(w), *id;

	stub_once(w, "POST", "/v1/payment_intents", 200, intent(w, text(w, "pi_%u", run), "requires_capture", 29900));
	id = pay(w, card, run);
	work(w);
	return id;
}

void
act(struct world *w, const char *id, const char *verb)
{
	post_key(w, BY_SERVICE("orchestrator"), text(w, "/billing/payments/%s/%s", id, verb), key(w), NULL);
}
