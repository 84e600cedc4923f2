/*
 * stripe.c: the Stripe stand-in: its operations, keys, idempotency and stored objects. Tables: object, stripe_key, fault, job
 * (webhooks).
 *
 * Called by billing (secret key) and by a browser (publishable key and an intent's client_secret). Idempotency is Stripe's: the
 * first answer under a key is kept once execution began, whatever it was; a repeat gets it with Idempotent-Replayed; other
 * parameters are refused; a key whose first request still runs is 409. The lock of the key is an advisory lock of the
 * transaction, so it ends with the first request.
 */
#include "base/clock.h"
#include "base/log.h"
#include "crypto/hash.h"
#include "sandbox/stripe.h"

#define CUSTOMER_PARAMS \
	"address balance business_name description email individual_name invoice_settings metadata name phone " \
	"preferred_locales shipping tax_exempt"
#define LIST_PARAMS " ending_before limit starting_after"

static const struct operation operations[] = {
	{ "POST", "/stripe/v1/customers", sb_stripe_customer_create, CUSTOMER_PARAMS " payment_method" },
	{ "GET", "/stripe/v1/customers/:id", sb_stripe_customer_get, "" },
	{ "POST", "/stripe/v1/customers/:id", sb_stripe_customer_update, CUSTOMER_PARAMS },
	{ "GET", "/stripe/v1/customers/:id/payment_methods", sb_stripe_customer_methods, "type allow_redisplay" LIST_PARAMS },
	{ "POST", "/stripe/v1/setup_intents", sb_stripe_setup_create,
	    "allowed_payment_method_types automatic_payment_methods confirm customer"
	    " description metadata payment_method payment_method_options return_url single_use usage use_stripe_sdk" },
	{ "GET", "/stripe/v1/setup_intents/:id", sb_stripe_setup_get, "client_secret", OP_BROWSER },
	{ "POST", "/stripe/v1/setup_intents/:id/confirm", sb_stripe_setup_confirm_op,
	    "allowed_payment_method_types mandate_data payment_method"
	    " payment_method_data payment_method_options return_url use_stripe_sdk",
	    OP_BROWSER },
	{ "POST", "/stripe/v1/setup_intents/:id/cancel", sb_stripe_setup_cancel, "cancellation_reason" },
	{ "GET", "/stripe/v1/payment_methods/:id", sb_stripe_method_get, "" },
	{ "POST", "/stripe/v1/payment_methods/:id/attach", sb_stripe_method_attach_op, "customer" },
	{ "POST", "/stripe/v1/payment_methods/:id/detach", sb_stripe_method_detach, "" },
	{ "POST", "/stripe/v1/payment_intents", sb_stripe_payment_create,
	    "amount currency allowed_payment_method_types automatic_payment_methods"
	    " capture_method confirm confirmation_method customer description error_on_requires_action metadata "
	    "off_session payment_method"
	    " payment_method_options receipt_email return_url setup_future_usage shipping statement_descriptor "
	    "statement_descriptor_suffix"
	    " transfer_group use_stripe_sdk" },
	{ "GET", "/stripe/v1/payment_intents", sb_stripe_payment_list, "created customer" LIST_PARAMS },
	{ "GET", "/stripe/v1/payment_intents/:id", sb_stripe_payment_get, "client_secret", OP_BROWSER },
	{ "POST", "/stripe/v1/payment_intents/:id/confirm", sb_stripe_payment_confirm_op,
	    "capture_method error_on_requires_action off_session"
	    " payment_method payment_method_data payment_method_options receipt_email return_url setup_future_usage "
	    "shipping use_stripe_sdk",
	    OP_BROWSER },
	{ "POST", "/stripe/v1/payment_intents/:id/capture", sb_stripe_payment_capture,
	    "amount_to_capture final_capture metadata statement_descriptor"
	    " statement_descriptor_suffix" },
	{ "POST", "/stripe/v1/payment_intents/:id/cancel", sb_stripe_payment_cancel, "cancellation_reason" },
	{ "GET", "/stripe/v1/charges/:id", sb_stripe_charge_get, "" },
	{ "POST", "/stripe/v1/refunds", sb_stripe_refund_create, "amount charge currency metadata payment_intent reason" },
	{ "GET", "/stripe/v1/refunds", sb_stripe_refund_list, "charge created payment_intent" LIST_PARAMS },
	{ "GET", "/stripe/v1/refunds/:id", sb_stripe_refund_get, "" },
	{ "POST", "/stripe/v1/coupons", sb_stripe_coupon_create,
	    "amount_off currency duration duration_in_months id max_redemptions metadata name"
	    " percent_off redeem_by" },
	{ "GET", "/stripe/v1/coupons/:id", sb_stripe_coupon_get, "" },
	{ "GET", "/stripe/v1/events", sb_stripe_event_list, "created delivery_success type types" LIST_PARAMS },
	{ "GET", "/stripe/v1/events/:id", sb_stripe_event_get, "" },
	{ "POST", "/stripe/v1/checkout/sessions", sb_stripe_session_create,
	    "cancel_url client_reference_id customer customer_email expires_at line_items metadata mode payment_intent_data success_url ui_mode" },
	{ "GET", "/stripe/v1/checkout/sessions", sb_stripe_session_list, "created customer payment_intent status" LIST_PARAMS },
	{ "GET", "/stripe/v1/checkout/sessions/:id", sb_stripe_session_get, "" },
	{ "POST", "/stripe/v1/checkout/sessions/:id/expire", sb_stripe_session_expire, "" },
	{ "GET", "/stripe/v1/checkout/sessions/:id/line_items", sb_stripe_session_items, "" LIST_PARAMS },
	{ "GET", "/stripe/pay/:id", sb_stripe_page_show, "", OP_OPEN },
	{ "POST", "/stripe/pay/:id", sb_stripe_page_pay, "number exp cvc", OP_OPEN },
	{ "POST", "/stripe/authenticate", sb_stripe_authenticate, "id outcome", OP_OPEN },
};

/* ---- who calls */

static int
unauthorised(struct call *c, const char *code, const char *message)
{
	return sb_stripe_invalid(c, 401, code, NULL, "%s", message);
}

static int
admit(struct call *c, struct problem *err)
{
	const char *key = sb_bearer(c->r), *password;

	(void)err;
	if (key == NULL && !sb_basic(c->r, &key, &password))
		return unauthorised(c, NULL,
		    "You did not provide an API key. You need to provide your API key in the Authorization header, "
		    "using Bearer auth.");
	if (strncmp(key, "sk_test_", 8) == 0 && sb_credential(c->r, "STRIPE_SECRET_KEY", key))
		return 0;
	if (strncmp(key, "pk_test_", 8) == 0 && sb_credential(c->r, "STRIPE_PUBLISHABLE_KEY", key)) {
		c->browser = true;
		if ((c->op->flags & OP_BROWSER) != 0)
			return 0;
		return unauthorised(c, "secret_key_required",
		    "This API call cannot be made with a publishable API key. Please use a secret API key.");
	}
	return unauthorised(c, NULL, "Invalid API Key provided");
}

static void
failure(struct call *c, int status)
{
	json_t *body = sb_keep(c->arena, json_object());
	json_t *e;

	if (status == 429) {
		e = sb_stripe_error_tree(c, "invalid_request_error", "rate_limit", NULL, "Request rate limit exceeded.");
		sb_answer_header(c, "Stripe-Rate-Limited-Reason", "endpoint-rate");
	} else {
		e = sb_stripe_error_tree(c, "api_error", NULL, NULL, "An unknown error occurred");
	}
	json_object_set(body, "error", e);
	sb_answer(c, status, body);
}

/* ---- idempotency */

static const char lock_sql[] = "SELECT pg_try_advisory_xact_lock(hashtextextended('stripe ' || $1, 0)) AS mine";
static const char stored_sql[] = "SELECT fingerprint, status, body, request_id FROM stripe_key WHERE key = $1";
static const char store_sql[] =
    "INSERT INTO stripe_key (key, fingerprint, status, body, request_id) VALUES ($1, $2, $3::int, $4, $5)";

static void
fingerprint(struct call *c, uint8_t out[32])
{
	char *params = json_dumps(c->in, JSON_SORT_KEYS | JSON_COMPACT);
	char *text;

	if (params == NULL)
		die("sandbox: out of memory for a fingerprint");
	text = arena_printf(c->arena, "%s %s %s", c->r->method, c->r->path, params);
	free(params);
	sha256(BYTES_OF(text), out);
}

/* 0: nothing stored, go on. REFUSED: answered. */
static int
replay(struct call *c, const char *key, const uint8_t print[32], struct problem *err)
{
	const struct row *w;
	struct bytes was;

	if (db_one(c->db, &w, lock_sql, err, P_TEXT(key)) < 0)
		return -1;
	if (!row_bool(w, "mine"))
		return sb_stripe_invalid(c, 409, "idempotency_key_in_use", NULL,
		    "There is currently another in-progress request using this Idempotent Key.");
	if (db_one(c->db, &w, stored_sql, err, P_TEXT(key)) < 0)
		return -1;
	if (w == NULL)
		return 0;
	was = row_bytes(w, "fingerprint");
	if (was.n != 32 || memcmp(was.p, print, 32) != 0) {
		json_t *body = sb_keep(c->arena, json_object());

		json_object_set(body, "error",
		    sb_stripe_error_tree(c, "idempotency_error", NULL, NULL,
			"Keys for idempotent requests can only be used with"
			" the same parameters they were first used with."));
		sb_answer(c, 400, body);
		return REFUSED;
	}
	sb_answer_text(c, (int)row_int(w, "status"), NULL, row_str(w, "body"));
	sb_answer_header(c, "Idempotent-Replayed", "true");
	sb_answer_header(c, "Original-Request", row_str(w, "request_id"));
	return REFUSED;
}

static int
execute(struct call *c, struct problem *err)
{
	int rc;

	if (c->fault == ERROR500) {
		c->began = true;
		failure(c, 500);
		return 0;
	}
	if (c->fault == SLOW && sb_fault_slow(c->db, c->r->conf, err) < 0)
		return -1;
	rc = c->op->run(c, err);
	if (rc >= 0 && c->fault == ERROR500_AFTER && c->answer.status < 300) {
		c->answer = (struct answer){ 0 };
		failure(c, 500);
	}
	return rc;
}

static int
run(struct call *c, struct problem *err)
{
	const char *key = strcmp(c->r->method, "POST") == 0 ? req_header(c->r, "idempotency-key") : NULL;
	uint8_t print[32];
	int rc;

	if (strcmp(c->r->method, "POST") == 0)
		c->in = sb_form(c->arena, (const char *)c->r->raw.p, c->r->raw.n);
	else
		c->in = sb_query(c);
	if (c->in == NULL)
		return sb_stripe_invalid(c, 400, NULL, NULL, "Invalid request body: not a form");
	if ((rc = sb_stripe_known_params(c)) != 0)
		return rc;
	if (key != NULL && strlen(key) > 255)
		return sb_stripe_invalid(c, 400, NULL, NULL, "Idempotency keys hold up to 255 characters");
	if (key != NULL) {
		fingerprint(c, print);
		if ((rc = replay(c, key, print, err)) != 0)
			return rc;
	}
	if ((rc = execute(c, err)) < 0)
		return -1;
	if (key != NULL && c->began &&
	    db_exec(c->db, store_sql, err, P_TEXT(key), P_BYTES(BYTES(print, 32)), P_INT(c->answer.status),
		P_TEXTN((const char *)c->answer.body.p, c->answer.body.n), P_TEXT(c->id)) < 0)
		return -1;
	return rc;
}

static void
finish(struct call *c)
{
	const char *key = req_header(c->r, "idempotency-key");

	sb_answer_header(c, "Request-Id", c->id);
	sb_answer_header(c, "Stripe-Version", STRIPE_VERSION);
	if (key != NULL && strlen(key) <= 255)
		sb_answer_header(c, "Idempotency-Key", key);
}

static const struct vendor vendor = {
	.name = "stripe",
	.ops = operations,
	.nops = COUNT(operations),
	.admit = admit,
	.run = run,
	.failure = failure,
	.finish = finish,
};

const struct vendor *
sb_stripe_vendor(void)
{
	return &vendor;
}

int
sb_stripe(struct req *r, struct problem *err)
{
	return sb_serve(&vendor, r, err);
}
