/*
 * fedex.c: the label of an own parcel. FedEx's ship call is not idempotent, and there is no look-up by our reference: an answer that never came leaves the
 * parcel `manual` for an operator, and nothing is sent again (vendor sheet, section 3; rule M4).
 */
#include "base/clock.h"
#include "crypto/hash.h"
#include "net/oauth.h"
#include "shipping/shipping.h"

#define SHIP_PATH "/ship/v1/shipments"
#define LABEL_MAX (512 * 1024)

static const char origin_sql[] = "SELECT contact, company, phone, line1, city, state, zip FROM ship_origins WHERE pharmacy = $1";
static const char lock_sql[] = "SELECT id FROM shipments WHERE id = $1 FOR UPDATE";
static const char label_sql[] = "UPDATE shipments SET tracking_number = $2, label_enc = $3, updated_at = now() WHERE id = $1";

/* ---- credentials */

static struct oauth_client
client(struct job *j)
{
	return (struct oauth_client){
		.token_url = arena_printf(j->arena, "%s/oauth/token", conf_str(j->conf, "FEDEX_BASE_URL")),
		.client_id = conf_str(j->conf, "FEDEX_CLIENT_ID"), .client_secret = conf_str(j->conf, "FEDEX_CLIENT_SECRET"),
	};
}

const char *const *
fedex_headers(struct job *j, struct problem *err)
{
	struct oauth_client c = client(j);
	const char **headers = arena_alloc(j->arena, 5 * sizeof(*headers));
	char id[UUID_TEXT];

	headers[0] = oauth_header(j->http, j->arena, &c, err);
	if (headers[0] == NULL)
		return NULL;
	headers[1] = "Content-Type: application/json";
	headers[2] = "X-locale: en_US";
	headers[3] = arena_printf(j->arena, "x-customer-transaction-id: %s", uuid_text(uuid_new(), id));
	return headers;
}

void
fedex_forget_token(struct job *j)
{
	oauth_drop(client(j).token_url);
}

/* ---- the request */

static const char *
ten_digits(struct arena *a, const char *phone)
{
	size_t n = strlen(phone);

	return n > 10 ? phone + n - 10 : arena_dup(a, phone);
}

static void
write_party(struct json_writer *w, const char *name, const char *company, const char *phone)
{
	jw_object(w, "contact");
	jw_str(w, "personName", name);
	jw_str(w, "phoneNumber", phone);
	jw_opt_str(w, "companyName", company);
	jw_end(w);
}

static void
write_address(struct json_writer *w, const char *line1, const char *line2, const char *city, const char *state, const char *zip, bool home)
{
	jw_object(w, "address");
	jw_array(w, "streetLines");
	jw_str(w, NULL, line1);
	if (line2 != NULL)
		jw_str(w, NULL, line2);
	jw_end(w);
	jw_str(w, "city", city);
	jw_str(w, "stateOrProvinceCode", state);
	jw_str(w, "postalCode", zip);
	jw_str(w, "countryCode", "US");
	if (home)
		jw_bool(w, "residential", true);
	jw_end(w);
}

static void
write_parties(struct job *j, struct json_writer *w, const struct row *from, const json_t *to)
{
	jw_object(w, "shipper");
	write_party(w, row_str(from, "contact"), row_str(from, "company"), row_str(from, "phone"));
	write_address(w, row_str(from, "line1"), NULL, row_str(from, "city"), row_str(from, "state"), row_str(from, "zip"), false);
	jw_end(w);
	jw_array(w, "recipients");
	jw_object(w, NULL);
	write_party(w, json_text_at(to, "name"), NULL, ten_digits(j->arena, json_text_at(to, "phone")));
	write_address(w, json_text_at(to, "line1"), json_text_at(to, "line2"), json_text_at(to, "city"), json_text_at(to, "state"),
	    json_text_at(to, "zip"), true);
	jw_end(w);
	jw_end(w);
}

static void
write_packages(struct json_writer *w, const struct shipment *s)
{
	char reference[UUID_TEXT];

	jw_array(w, "requestedPackageLineItems");
	jw_object(w, NULL);
	jw_object(w, "weight");
	jw_str(w, "units", "LB");
	jw_int(w, "value", 1);
	jw_end(w);
	jw_array(w, "customerReferences");
	jw_object(w, NULL);
	jw_str(w, "customerReferenceType", "CUSTOMER_REFERENCE");
	jw_str(w, "value", uuid_text(s->id, reference));	/* ours: never a name or a drug */
	jw_end(w);
	jw_end(w);
	jw_end(w);
	jw_end(w);
}

static struct bytes
ship_body(struct job *j, const struct shipment *s, const struct row *from, const json_t *to)
{
	struct buf b = buf_in(j->arena, 32 * 1024);
	struct json_writer w;
	char today[CLOCK_TEXT];

	clock_text(clock_us(), today);
	today[10] = '\0';
	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "labelResponseOptions", "LABEL");
	jw_object(&w, "accountNumber");
	jw_str(&w, "value", conf_str(j->conf, "FEDEX_ACCOUNT_NUMBER"));
	jw_end(&w);
	jw_object(&w, "requestedShipment");
	jw_str(&w, "shipDatestamp", today);
	jw_str(&w, "pickupType", "USE_SCHEDULED_PICKUP");
	jw_str(&w, "serviceType", conf_str(j->conf, "FEDEX_SERVICE_TYPE"));
	jw_str(&w, "packagingType", "YOUR_PACKAGING");
	jw_int(&w, "totalWeight", 1);
	write_parties(j, &w, from, to);
	jw_object(&w, "shippingChargesPayment");
	jw_str(&w, "paymentType", "SENDER");
	jw_end(&w);
	jw_object(&w, "labelSpecification");
	jw_str(&w, "imageType", "PDF");
	jw_str(&w, "labelStockType", "PAPER_4X6");
	jw_str(&w, "labelFormatType", "COMMON2D");
	jw_end(&w);
	write_packages(&w, s);
	jw_end(&w);
	jw_str(&w, "processingOptionType", "SYNCHRONOUS_ONLY");
	jw_end(&w);
	return BYTES(b.data, b.len);
}

int
label_job(struct job *j, struct problem *err)
{
	struct shipment s;
	struct bytes plain;
	const struct row *from, *locked;
	json_t *to;

	if (job_begin(j, err) < 0 || db_one(j->db, &locked, lock_sql, err, P_UUID(job_uuid(j, "id"))) < 0 ||
	    shipment_load(j->db, job_uuid(j, "id"), &s, err) < 0)
		return -1;
	if (strcmp(s.status, "requested") != 0)	/* taken back meanwhile */
		return job_end(j, err);
	if (db_one(j->db, &from, origin_sql, err, P_TEXT(s.pharmacy)) < 0)
		return -1;
	if (from == NULL)
		return problem(err, 422, "no_origin", "no ship-from address for %s", s.pharmacy);
	if (vault_open(j->db, "shipments", "address_enc", s.id, s.address_enc, &plain, err) < 0 ||
	    (to = json_read(j->arena, (const char *)plain.p, plain.n, err)) == NULL ||
	    effect_intend(j->db, &(struct effect_request){ .kind = "fedex.ship", .subject = s.id, .patient = s.patient_id, .generation = 1,
	    .method = "POST", .path = SHIP_PATH, .content_type = "application/json", .body = ship_body(j, &s, from, to) }, err) < 0)
		return -1;
	return job_end(j, err);
}

/* ---- the effect */

int
fedex_dress(struct job *j, struct effect *e, struct http_call *call, struct problem *err)
{
	call->headers = fedex_headers(j, err);
	if (call->headers == NULL)
		return -1;
	call->url = arena_printf(j->arena, "%s%s", conf_str(j->conf, "FEDEX_BASE_URL"), e->path);
	call->connect_ms = 5000;
	call->total_ms = 45000;
	return 0;
}

#define SHIPMENT "output.transactionShipments.0."

static enum verdict
judge(struct job *j, struct effect *e, const struct http_answer *a)
{
	struct problem ignored = { 0 };
	const json_t *body = json_read(j->arena, (const char *)a->body.p, a->body.n, &ignored);
	const char *code = json_text_at(body, "errors.0.code");

	if (a->status == 401) {
		fedex_forget_token(j);
		return EFFECT_RETRY;
	}
	if (a->status == 200 && code == NULL) {
		e->vendor_ref = json_text_at(body, SHIPMENT "masterTrackingNumber");
		return e->vendor_ref == NULL ? EFFECT_UNCERTAIN : EFFECT_CONFIRMED;
	}
	e->error_code = code;
	return a->status == 200 ? EFFECT_REFUSED : effect_judge_http(a);
}

static int
keep_label(struct job *j, struct effect *e, const struct http_answer *a, struct problem *err)
{
	const json_t *body = json_read(j->arena, (const char *)a->body.p, a->body.n, err);
	const char *text = json_text_at(body, SHIPMENT "pieceResponses.0.packageDocuments.0.encodedLabel");
	uint8_t *pdf = arena_alloc(j->arena, LABEL_MAX);
	struct bytes sealed;
	ssize_t n;

	if (text == NULL || strlen(text) > LABEL_MAX || (n = base64_decode(text, strlen(text), pdf)) < 4 || memcmp(pdf, "%PDF", 4) != 0)
		return problem(err, 422, "bad_label", "the label is no PDF");
	if (vault_seal(j->db, e->patient, "shipments", "label_enc", e->subject, BYTES(pdf, (size_t)n), &sealed, err) < 0)
		return -1;
	return db_exec(j->db, label_sql, err, P_UUID(e->subject), P_TEXT(e->vendor_ref), P_BYTES(sealed)) < 0 ? -1 : 0;
}

static int
settle(struct job *j, struct effect *e, const char *state, const struct http_answer *a, struct problem *err)
{
	bool confirmed = strcmp(state, "confirmed") == 0, moved;
	struct shipment s;

	if (confirmed && keep_label(j, e, a, err) < 0)
		return -1;
	if (shipment_load(j->db, e->subject, &s, err) < 0)
		return -1;
	/* Taken back while its label was being bought: the label goes, too. */
	if (strcmp(s.status, "voiding") == 0 && strcmp(state, "manual") != 0)
		return confirmed ? label_cancel(j->db, j->conf, &s, err) : shipment_move(j->db, &s, "voided", NULL, &moved, err);
	if (!confirmed)
		return shipment_move(j->db, &s, "manual", strcmp(state, "refused") == 0 ? "carrier_refused" : "carrier_outcome_unknown", &moved, err);
	if (print_add(j->db, &s, err) < 0)
		return -1;
	return shipment_move(j->db, &s, "label_created", NULL, &moved, err);
}

const struct effect_kind fedex_ship_effect = {
	.name = "fedex.ship", .unknown = MANUAL, .deadline_s = 600, .dress = fedex_dress, .judge = judge, .settle = settle,
};
