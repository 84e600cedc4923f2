/*
 * stripe_events.c: events, and their delivery as signed webhooks by the sandbox's worker. Tables: object (event), job
 * (stripe.webhook), fault.
 *
 * Every change that Stripe announces is kept as an event; those that an endpoint of ours would subscribe to are posted to
 * SANDBOX_WEBHOOK_BASE/billing/webhooks/stripe until a 2xx comes. Order is not promised; the webhook faults make it worse on
 * demand.
 */
#include "crypto/signature.h"
#include "sandbox/stripe.h"


static const char *const subscribed[] = {
	"payment_intent.succeeded",
	"payment_intent.payment_failed",
	"payment_intent.amount_capturable_updated",
	"payment_intent.canceled",
	"setup_intent.succeeded",
	"charge.refunded",
	"charge.dispute.created",
	"checkout.session.completed",
	"checkout.session.expired",
};

static int
deliver(struct call *c, const char *event, struct problem *err)
{
	struct job_spec job = { .kind = "stripe.webhook" };

	return sb_webhook_send(c, &job, arena_printf(c->arena, "\"event\":\"%s\"", event), err);
}

int
sb_stripe_event(struct call *c, const char *type, const json_t *object, struct problem *err)
{
	json_t *e = sb_stripe_new(c, "evt_", "event"), *data = json_object(), *request = json_object();
	bool posted = false;
	struct object o;

	for (size_t i = 0; i < COUNT(subscribed); i++)
		posted = posted || strcmp(subscribed[i], type) == 0;
	json_object_del(e, "metadata");
	json_object_set_new(e, "type", json_string(type));
	json_object_set_new(e, "api_version", json_string(STRIPE_VERSION));
	json_object_set_new(e, "pending_webhooks", json_integer(posted ? 1 : 0));
	json_object_set_new(request, "id", json_string(c->id));
	json_object_set_new(request, "idempotency_key", sb_stripe_null_or(req_header(c->r, "idempotency-key")));
	json_object_set_new(e, "request", request);
	json_object_set_new(e, "data", data);
	json_object_set(data, "object", sb_shown(c->arena, object));
	o = (struct object){ .vendor = "stripe",
		.type = "event",
		.id = json_text_at(e, "id"),
		.data = e,
		.refs = sb_refs(
		    c->arena, json_object_get(object, "metadata"), json_text_at(e, "id"), json_text_at(object, "id"), NULL) };
	if (sb_add(c->db, &o, err) < 0)
		return -1;
	return posted ? deliver(c, o.id, err) : 0;
}

int
sb_stripe_event_get(struct call *c, struct problem *err)
{
	json_t *e;
	int rc = sb_stripe_find(c, "event", req_str(c->r, "id"), NULL, &e, err);

	return rc != 0 ? rc : sb_stripe_show(c, e);
}

/* One type, or the first of types: what our clients ask for. delivery_success=false lists what no endpoint has taken yet. */
int
sb_stripe_event_list(struct call *c, struct problem *err)
{
	const char *type = sb_stripe_str(c, "type") != NULL ? sb_stripe_str(c, "type") : json_text_at(c->in, "types.0");
	json_t *want = sb_keep(c->arena, json_object());
	bool delivered;
	int rc;

	if (json_object_size(json_object_get(c->in, "types")) > 1)
		return sb_stripe_invalid(c, 400, NULL, "types", "This sandbox filters by one type at a time.");
	if ((rc = sb_stripe_bool(c, "delivery_success", &delivered)) != 0)
		return rc;
	if (type != NULL)
		json_object_set_new(want, "type", json_string(type));
	if (sb_stripe_str(c, "delivery_success") != NULL)
		json_object_set_new(want, "pending_webhooks", json_integer(delivered ? 0 : 1));
	return sb_stripe_answer_list(c, "event", NULL, sb_dump(c->arena, want), "/v1/events", err);
}

/* ---- the worker's part */

static int
event_delivered(struct job *j, json_t *event, struct problem *err)
{
	struct object o = { .vendor = "stripe", .type = "event", .id = json_text_at(event, "id"), .data = event };

	json_object_set_new(event, "pending_webhooks", json_integer(0));
	if (job_begin(j, err) < 0 || sb_put(j->db, &o, err) < 0)
		return -1;
	return job_end(j, err);
}

int
sb_stripe_webhook_job(struct job *j, struct problem *err)
{
	struct found f;
	struct http_answer answer;
	struct http_call call = { .method = "POST", .ca_file = conf_str(j->conf, "VENDOR_CA_FILE") };
	const char *headers[3] = { "Content-Type: application/json; charset=utf-8", NULL, NULL };
	struct buf signature = buf_in(j->arena, 4096);
	const char *secret = conf_str(j->conf, "STRIPE_WEBHOOK_SECRET");

	if (job_read(j, err) < 0 || sb_get(j->db, "stripe", "event", job_str(j, "event"), false, &f, err) < 0 ||
	    job_read_end(j, err) < 0)
		return -1;
	if (f.data == NULL)
		return problem(err, 404, "no_event", "event %s is gone", job_str(j, "event"));
	call.url = arena_printf(j->arena, "%s/billing/webhooks/stripe", conf_str(j->conf, "SANDBOX_WEBHOOK_BASE"));
	call.body = BYTES_OF(sb_dump(j->arena, f.data));
	if (job_int(j, "bad") != 0 && j->attempt <= 1)
		secret = "whsec_not_the_secret";
	buf_add(&signature, "Stripe-Signature: ");
	stripe_sign(secret, sb_stripe_now(), call.body, &signature);
	headers[1] = buf_str(&signature);
	call.headers = headers;
	if (call.ca_file[0] == '\0')
		call.ca_file = NULL;
	http_do(j->http, j->arena, &call, &answer);
	if (answer.outcome != HTTP_ANSWERED || answer.status < 200 || answer.status > 299)
		return problem(err, 503, "webhook_not_taken", "event %s: answer %d", job_str(j, "event"),
		    answer.outcome == HTTP_ANSWERED ? answer.status : 0);
	return event_delivered(j, f.data, err);
}
