/*
 * setup.c: a card is saved, nothing is charged (I-PAY-01). The one place where a caller waits for Stripe, by declaration: the
 * browser needs the SetupIntent's secret to go on.
 *
 * Both writes at Stripe carry keys derived from the caller's own Idempotency-Key, and our row's id is derived from it too. So
 * whoever repeats the call, after whatever went wrong between Stripe and our commit, gets Stripe's replay and the same row.
 */

#include "billing/billing.h"
#include "crypto/hash.h"
#include "net/form.h"

/* Two calls at Stripe must fit into the five seconds that our caller waits. */
#define SYNC_MS 2000

static const char insert_sql[] =
	"INSERT INTO setup_intents (id, intake_id, patient_id, plan_id, amount_cents, currency, stripe_customer,"
	" stripe_setup_intent, status)"
	" VALUES ($1, $2, $3, $4, $5, upper($6), $7, $8, $9) ON CONFLICT (id) DO UPDATE SET updated_at = now()";
static const char load_sql[] =
	"SELECT id, amount_cents, currency, status, payment_method, stripe_setup_intent FROM setup_intents WHERE id = $1";
/* A saved card stays saved: a late word of an earlier state changes nothing (rule W4). */
static const char apply_sql[] =
	"UPDATE setup_intents SET status = $2, payment_method = coalesce($3, payment_method), updated_at = now()"
	" WHERE stripe_setup_intent = $1 AND status NOT IN ('succeeded', 'canceled')";
static const char known_sql[] = "SELECT 1 AS one FROM setup_intents WHERE stripe_setup_intent = $1";

struct asked {
	struct uuid id;
	json_t *object;		/* the SetupIntent as Stripe answered; NULL: it was known to be saved */
	const char *customer;
};

static const char *
caller_key(const struct req *r)
{
	const char *key = req_header(r, "idempotency-key");

	return key == NULL ? "" : key;
}

static void
derive(const struct req *r, const char *purpose, uint8_t digest[32])
{
	char tenant[UUID_TEXT];
	const char *text = arena_printf(r->arena, "billing.setup|%s|%s|%s|%s", uuid_text(r->scope.tenant, tenant), r->scope.actor,
	    caller_key(r), purpose);

	sha256(BYTES_OF(text), digest);
}

static struct uuid
derived_id(const struct req *r)
{
	uint8_t digest[32];
	struct uuid id;

	derive(r, "id", digest);
	memcpy(id.b, digest, sizeof(id.b));
	id.b[6] = (uint8_t)((id.b[6] & 0x0f) | 0x80);	/* UUIDv8: made by us, from content */
	id.b[8] = (uint8_t)((id.b[8] & 0x3f) | 0x80);
	return id;
}

static const char *
derived_key(const struct req *r, const char *purpose)
{
	uint8_t digest[32];
	char hex[HEX32];

	derive(r, purpose, digest);
	return arena_printf(r->arena, "setup:%s:%s", purpose, hex_encode(BYTES(digest, sizeof(digest)), hex));
}

static json_t *
create_customer(struct req *r, struct problem *err)
{
	struct buf f = stripe_form(r->arena);

	stripe_form_uuid(&f, "metadata[patient_id]", req_uuid(r, "patientId"));
	stripe_form_uuid(&f, "metadata[intake_id]", req_uuid(r, "intakeId"));
	return stripe_ask(r->http, r->arena, r->conf, &(struct stripe_call){ .method = "POST", .path = "/v1/customers",
	    .key = derived_key(r, "customer"), .body = stripe_form_end(&f), .total_ms = SYNC_MS }, err);
}

static json_t *
create_setup(struct req *r, struct uuid id, const char *customer, struct problem *err)
{
	struct buf f = stripe_form(r->arena);

	form_add(&f, "customer", customer);
	form_add(&f, "usage", "off_session");
	form_add(&f, "allowed_payment_method_types[0]", "card");
	stripe_form_uuid(&f, "metadata[setup_id]", id);
	stripe_form_uuid(&f, "metadata[intake_id]", req_uuid(r, "intakeId"));
	form_add_int(&f, "metadata[amount_cents]", req_int(r, "amountCents", 0));
	form_add(&f, "metadata[currency]", req_str(r, "currency"));
	return stripe_ask(r->http, r->arena, r->conf, &(struct stripe_call){ .method = "POST", .path = "/v1/setup_intents",
	    .key = derived_key(r, "intent"), .body = stripe_form_end(&f), .total_ms = SYNC_MS }, err);
}

int
setup_ask(struct req *r, struct problem *err)
{
	struct asked *asked = arena_alloc(r->arena, sizeof(*asked));
	json_t *customer = create_customer(r, err);

	if (customer == NULL)
		return -1;
	asked->id = derived_id(r);
	asked->customer = json_text_at(customer, "id");
	asked->object = create_setup(r, asked->id, asked->customer, err);
	if (asked->object == NULL)
		return -1;
	if (json_text_at(asked->object, "client_secret") == NULL || json_text_at(asked->object, "status") == NULL)
		return problem(err, 502, "stripe_refused", "Stripe's answer is no SetupIntent");
	r->asked = asked;
	return 0;
}

int
setup_create(struct req *r, struct problem *err)
{
	const struct asked *asked = r->asked;
	const char *status = json_text_at(asked->object, "status");

	req_object(r, "setup_intents", asked->id);
	if (db_exec(r->db, insert_sql, err, P_UUID(asked->id), P_UUID(req_uuid(r, "intakeId")), P_UUID(req_uuid(r, "patientId")),
	    P_TEXT(req_str(r, "planId")), P_INT(req_int(r, "amountCents", 0)), P_TEXT(req_str(r, "currency")),
	    P_TEXT(asked->customer), P_TEXT(json_text_at(asked->object, "id")), P_TEXT(status)) < 0)
		return -1;

	struct json_writer *w = reply_json(r, 201);
	jw_object(w, NULL);
	jw_uuid(w, "setupIntentId", asked->id);
	jw_str(w, "clientSecret", json_text_at(asked->object, "client_secret"));
	jw_str(w, "publishableKey", conf_str(r->conf, "STRIPE_PUBLISHABLE_KEY"));
	jw_str(w, "status", status);
	jw_end(w);
	return 0;
}

/* ---- reading it */

static int
load(struct req *r, const struct row **w, struct problem *err)
{
	if (db_one(r->db, w, load_sql, err, P_UUID(req_uuid(r, "id"))) < 0)
		return -1;
	return *w == NULL ? problem(err, 404, "not_found", "no such setup intent") : 0;
}

/* What the browser was shown and what we lock must be one amount (Y-TOK-05): the intent carries it as metadata. */
static int
check_amount(const json_t *object, const struct row *w, struct problem *err)
{
	const char *cents = json_text_at(json_object_get(object, "metadata"), "amount_cents");
	char ours[24];

	(void)snprintf(ours, sizeof(ours), "%" PRId64, row_int(w, "amount_cents"));
	if (cents == NULL || strcmp(cents, ours) != 0)
		return problem(err, 400, "amount_mismatch", "Amount mismatch");
	return 0;
}

int
setup_show_ask(struct req *r, struct problem *err)
{
	struct asked *asked = arena_alloc(r->arena, sizeof(*asked));
	const struct row *w;

	r->asked = asked;
	if (db_begin(r->db, READ, &r->scope, err) < 0 || load(r, &w, err) < 0 || db_commit(r->db, err) < 0) {
		db_rollback(r->db);
		return -1;
	}
	if (strcmp(row_str(w, "status"), "succeeded") == 0 && !row_is_null(w, "payment_method"))
		return 0;
	asked->object = stripe_ask(r->http, r->arena, r->conf, &(struct stripe_call){ .method = "GET",
	    .path = arena_printf(r->arena, "/v1/setup_intents/%s", row_str(w, "stripe_setup_intent")), .total_ms = SYNC_MS }, err);
	return asked->object == NULL ? -1 : check_amount(asked->object, w, err);
}

int
setup_apply(struct db *db, const json_t *object, bool *known, struct problem *err)
{
	const char *id = json_text_at(object, "id"), *status = json_text_at(object, "status");
	const struct row *w;

	*known = false;
	if (id == NULL || status == NULL)
		return problem(err, 502, "stripe_refused", "Stripe's answer is no SetupIntent");
	if (db_exec(db, apply_sql, err, P_TEXT(id), P_TEXT(status), P_TEXT(json_text_at(object, "payment_method"))) < 0 ||
	    db_one(db, &w, known_sql, err, P_TEXT(id)) < 0)
		return -1;
	*known = w != NULL;
	return 0;
}

int
setup_show(struct req *r, struct problem *err)
{
	const struct asked *asked = r->asked;
	const struct row *w;
	bool known;

	req_object(r, "setup_intents", req_uuid(r, "id"));
	if ((asked->object != NULL && setup_apply(r->db, asked->object, &known, err) < 0) || load(r, &w, err) < 0)
		return -1;
	struct json_writer *j = reply_json(r, 200);
	jw_object(j, NULL);
	jw_uuid(j, "setupIntentId", row_uuid(w, "id"));
	jw_str(j, "status", row_str(w, "status"));
	jw_int(j, "amountCents", row_int(w, "amount_cents"));
	jw_str(j, "currency", row_str(w, "currency"));
	jw_opt_str(j, "paymentMethod", row_opt_str(w, "payment_method"));
	jw_end(j);
	return 0;
}
