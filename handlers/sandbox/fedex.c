/*
 * fedex.c: the FedEx stand-in: token, ship, cancel, label file; tracking is fedex_track.c. Tables: object (label), token.
 *
 * Called by shipping. Creating a shipment is not idempotent and nothing is looked up by reference: two posts are two labels.
 * The recipient's postal code scripts a refusal (00000), an outage (99991), a lost answer to a label that was made (99992) and
 * the parcel's way (99902 to 99905).
 */
#include "base/clock.h"
#include "crypto/hash.h"
#include "sandbox/fedex.h"

static operation_fn token_op, ship_op, cancel_op, label_op;

static const struct operation operations[] = {
	{ "POST", "/fedex/oauth/token", token_op, .flags = OP_OPEN },
	{ "POST", "/fedex/ship/v1/shipments", ship_op },
	{ "PUT", "/fedex/ship/v1/shipments/cancel", cancel_op },
	{ "POST", "/fedex/track/v1/trackingnumbers", sb_fedex_track },
	{ "GET", "/fedex/labels/:number", label_op, .flags = OP_OPEN },
};

/* ---- answers */

json_t *
sb_fedex_envelope(struct call *c, json_t **output)
{
	json_t *body = sb_keep(c->arena, json_object());
	const char *ours = req_header(c->r, "x-customer-transaction-id");

	json_object_set_new(body, "transactionId", json_string(sb_random_guid(c->arena)));
	if (ours != NULL)
		json_object_set_new(body, "customerTransactionId", json_string(ours));
	if (output != NULL) {
		*output = json_object();
		json_object_set_new(body, "output", *output);
	}
	return body;
}

int
sb_fedex_refuse(struct call *c, int status, const char *code, const char *fmt, ...)
{
	json_t *body = sb_fedex_envelope(c, NULL), *list = json_array(), *e = json_object();
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		text[0] = '\0';
	va_end(ap);
	json_object_set_new(e, "code", json_string(code));
	json_object_set_new(e, "message", json_string(text));
	json_array_append_new(list, e);
	json_object_set_new(body, "errors", list);
	sb_answer(c, status, body);
	return REFUSED;
}

static void
failure(struct call *c, int status)
{
	if (status == 429)
		sb_fedex_refuse(c, 429, "TOO.MANY.REQUESTS", "Too many requests. Please try again later.");
	else if (status == 503)
		sb_fedex_refuse(c, 503, "SERVICE.UNAVAILABLE.ERROR",
		    "The service is currently unavailable and we are working to resolve the issue.");
	else
		sb_fedex_refuse(
		    c, 500, "INTERNAL.SERVER.ERROR", "We encountered an unexpected error and are working to resolve the issue.");
}

/* ---- token */

static int
token_op(struct call *c, struct problem *err)
{
	json_t *form = sb_form(c->arena, (const char *)c->r->raw.p, c->r->raw.n), *reply = sb_keep(c->arena, json_object());
	int64_t life = conf_int(c->r->conf, "SANDBOX_TOKEN_LIFE");
	const char *token;

	if (life == 0)
		life = 3599;
	if (form == NULL || !sb_is(form, "grant_type", "client_credentials") ||
	    !sb_credential(c->r, "FEDEX_CLIENT_ID", json_text_at(form, "client_id")) ||
	    !sb_credential(c->r, "FEDEX_CLIENT_SECRET", json_text_at(form, "client_secret")))
		return sb_fedex_refuse(c, 401, "NOT.AUTHORIZED.ERROR",
		    "The given client credentials were not valid. Please modify your request and try again.");
	if (sb_token_give(c, life, &token, err) < 0)
		return -1;
	json_object_set_new(reply, "access_token", json_string(token));
	json_object_set_new(reply, "token_type", json_string("bearer"));
	json_object_set_new(reply, "expires_in", json_integer(life));
	json_object_set_new(reply, "scope", json_string("CXS"));
	sb_answer(c, 200, reply);
	return 0;
}

static int
admit(struct call *c, struct problem *err)
{
	enum token_state state;

	if (sb_token_check(c, sb_bearer(c->r), &state, err) < 0)
		return -1;
	if (state == TOKEN_GOOD)
		return 0;
	return sb_fedex_refuse(c, 401, "NOT.AUTHORIZED.ERROR", "%s",
	    state == TOKEN_EXPIRED ? "Access token expired. Please modify your request and try again." :
				     "Invalid access token. Please modify your request and try again.");
}

int
sb_fedex_body(struct call *c, json_t **ret)
{
	struct problem ignored = { 0 };

	*ret = json_read(c->arena, (const char *)c->r->raw.p, c->r->raw.n, &ignored);
	return json_is_object(*ret) ? 0 : sb_fedex_refuse(c, 400, "INVALID.INPUT.EXCEPTION", "Invalid field value in the input");
}

/* ---- ship */

#define SHIPMENT "requestedShipment."

/* What the model requires; choices NULL: any text, "#": a number above 0, "[]": a list. */
static const struct { const char *path, *choices, *code;
} required[] = {
	{ "labelResponseOptions", "URL_ONLY LABEL", "LABELRESPONSEOPTIONS.REQUIRED" },
	{ "accountNumber.value", NULL, "ACCOUNT.NUMBER.REQUIRED" },
	{ SHIPMENT "shipper.contact.phoneNumber", NULL, "SHIPPERCONTACT.PHONENUMBER.REQUIRED" },
	{ SHIPMENT "shipper.address.streetLines", "[]", "SHIPPER.STREETLINES.REQUIRED" },
	{ SHIPMENT "shipper.address.city", NULL, "SHIPPER.CITY.REQUIRED" },
	{ SHIPMENT "shipper.address.stateOrProvinceCode", NULL, "SHIPPER.STATEORPROVINCECODE.REQUIRED" },
	{ SHIPMENT "shipper.address.postalCode", NULL, "SHIPPER.POSTALCODE.REQUIRED" },
	{ SHIPMENT "shipper.address.countryCode", NULL, "SHIPPER.COUNTRYCODE.REQUIRED" },
	{ SHIPMENT "recipients", "[]", "RECIPIENTS.REQUIRED" },
	{ SHIPMENT "recipients.0.contact.personName", NULL, "RECIPIENTCONTACT.PERSONNAME.REQUIRED" },
	{ SHIPMENT "recipients.0.contact.phoneNumber", NULL, "RECIPIENTCONTACT.PHONENUMBER.REQUIRED" },
	{ SHIPMENT "recipients.0.address.streetLines", "[]", "RECIPIENT.STREETLINES.REQUIRED" },
	{ SHIPMENT "recipients.0.address.city", NULL, "RECIPIENT.CITY.REQUIRED" },
	{ SHIPMENT "recipients.0.address.stateOrProvinceCode", NULL, "RECIPIENT.STATEORPROVINCECODE.REQUIRED" },
	{ SHIPMENT "recipients.0.address.postalCode", NULL, "RECIPIENT.POSTALCODE.REQUIRED" },
	{ SHIPMENT "recipients.0.address.countryCode", NULL, "RECIPIENT.COUNTRYCODE.REQUIRED" },
	{ SHIPMENT "pickupType", "CONTACT_FEDEX_TO_SCHEDULE DROPOFF_AT_FEDEX_LOCATION USE_SCHEDULED_PICKUP",
	    "PICKUPTYPE.REQUIRED" },
	{ SHIPMENT "serviceType",
	    "FEDEX_GROUND GROUND_HOME_DELIVERY FEDEX_2_DAY STANDARD_OVERNIGHT PRIORITY_OVERNIGHT FEDEX_EXPRESS_SAVER",
	    "SERVICETYPE.INVALID" },
	{ SHIPMENT "packagingType", NULL, "PACKAGINGTYPE.REQUIRED" },
	{ SHIPMENT "totalWeight", "#", "TOTALWEIGHT.REQUIRED" },
	{ SHIPMENT "shippingChargesPayment.paymentType", "SENDER RECIPIENT THIRD_PARTY COLLECT", "PAYMENTTYPE.REQUIRED" },
	{ SHIPMENT "labelSpecification.imageType", "ZPLII EPL2 PDF PNG", "LABELSPECIFICATION.IMAGETYPE.REQUIRED" },
	{ SHIPMENT "labelSpecification.labelStockType", NULL, "LABELSPECIFICATION.LABELSTOCKTYPE.REQUIRED" },
	{ SHIPMENT "requestedPackageLineItems", "[]", "REQUESTEDPACKAGELINEITEMS.REQUIRED" },
	{ SHIPMENT "requestedPackageLineItems.0.weight.units", "KG LB", "PACKAGE.WEIGHT.UNITS.REQUIRED" },
	{ SHIPMENT "requestedPackageLineItems.0.weight.value", "#", "PACKAGE.WEIGHT.VALUE.REQUIRED" },
};

static bool
chosen(const char *words, const char *word)
{
	const char *p = strstr(words, word);
	size_t n = strlen(word);

	return p != NULL && n > 0 && (p == words || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0');
}

static bool
satisfied(const json_t *v, const char *choices)
{
	const char *s = json_string_value(v);

	if (choices != NULL && strcmp(choices, "#") == 0)
		return json_is_number(v) && json_number_value(v) > 0;
	if (choices != NULL && strcmp(choices, "[]") == 0)
		return json_array_size(v) > 0;
	return s != NULL && *s != '\0' && (choices == NULL || chosen(choices, s));
}

static bool
phone_good(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return s[n] == '\0' && n >= 10 && n <= 15;
}

static int
check_shipment(struct call *c, const json_t *in)
{
	const char *account = sb_text(in, "accountNumber.value", "");
	const json_t *lines = json_at(in, SHIPMENT "recipients.0.address.streetLines");

	for (size_t i = 0; i < COUNT(required); i++)
		if (!satisfied(json_at(in, required[i].path), required[i].choices))
			return sb_fedex_refuse(c, 400, required[i].code,
			    "%s is missing or invalid. Please modify your request and try again.", required[i].path);
	if (!sb_credential(c->r, "FEDEX_ACCOUNT_NUMBER", account))
		return sb_fedex_refuse(
		    c, 400, "ACCOUNTNUMBER.REGISTRATION.REQUIRED", "Please enter a valid account number or register the account.");
	if (!phone_good(sb_text(in, SHIPMENT "recipients.0.contact.phoneNumber", "")))
		return sb_fedex_refuse(c, 400, "RECIPIENTCONTACT.PHONENUMBER.INVALID", "The recipient phone number is invalid.");
	if (!phone_good(sb_text(in, SHIPMENT "shipper.contact.phoneNumber", "")))
		return sb_fedex_refuse(c, 400, "SHIPPERCONTACT.PHONENUMBER.INVALID", "The shipper phone number is invalid.");
	if (json_array_size(lines) > 3)
		return sb_fedex_refuse(c, 400, "RECIPIENT.STREETLINES.INVALID", "An address has one to three street lines.");
	if (strlen(sb_text(in, SHIPMENT "recipients.0.address.city", "")) > 35)
		return sb_fedex_refuse(c, 400, "RECIPIENT.CITY.INVALID", "A city has up to 35 characters.");
	return 0;
}

static json_t *
label_of(struct call *c, const json_t *in)
{
	json_t *l = sb_keep(c->arena, json_object());

	json_object_set(l, "serviceType", json_at(in, SHIPMENT "serviceType"));
	json_object_set(l, "imageType", json_at(in, SHIPMENT "labelSpecification.imageType"));
	json_object_set(l, "shipper", json_at(in, SHIPMENT "shipper"));
	json_object_set(l, "recipient", json_at(in, SHIPMENT "recipients.0"));
	json_object_set_new(
	    l, "reference", json_string(sb_text(in, SHIPMENT "requestedPackageLineItems.0.customerReferences.0.value", "")));
	json_object_set_new(l, "account", json_string(sb_text(in, "accountNumber.value", "")));
	json_object_set_new(l, "cancelled", json_false());
	return l;
}

static const char *
label_url(struct call *c, const char *number)
{
	const char *host = req_header(c->r, "host");

	return arena_printf(c->arena, "https://%s/sandbox/fedex/labels/%s", host != NULL ? host : "localhost", number);
}

static json_t *
piece(struct call *c, const json_t *in, const json_t *label, const char *number)
{
	json_t *p = json_object(), *docs = json_array(), *doc = json_object();

	json_object_set_new(doc, "contentType", json_string("LABEL"));
	json_object_set(doc, "docType", json_object_get(label, "imageType"));
	json_object_set_new(doc, "copiesToPrint", json_integer(1));
	json_object_set_new(doc, "trackingNumber", json_string(number));
	if (sb_is(in, "labelResponseOptions", "LABEL")) {
		struct buf b = buf_in(c->arena, 256 * 1024);

		base64_encode(sb_fedex_label_bytes(c->arena, label), &b);
		json_object_set_new(doc, "encodedLabel", json_string(buf_str(&b)));
	} else {
		json_object_set_new(doc, "url", json_string(label_url(c, number)));
	}
	json_array_append_new(docs, doc);
	json_object_set_new(p, "packageDocuments", docs);
	json_object_set_new(p, "masterTrackingNumber", json_string(number));
	json_object_set_new(p, "trackingNumber", json_string(number));
	json_object_set_new(p, "packageSequenceNumber", json_integer(1));
	json_object_set_new(p, "netChargeAmount", json_real(21.45));
	json_object_set_new(p, "baseRateAmount", json_real(19.90));
	return p;
}

static void
answer_shipment(struct call *c, const json_t *in, const json_t *label, const char *number)
{
	json_t *output, *body = sb_fedex_envelope(c, &output), *shipments = json_array(), *s = json_object(),
			*pieces = json_array();
	char today[CLOCK_TEXT];

	json_array_append_new(pieces, piece(c, in, label, number));
	json_object_set_new(s, "masterTrackingNumber", json_string(number));
	json_object_set(s, "serviceType", json_object_get(label, "serviceType"));
	json_object_set_new(s, "serviceName", json_string("FedEx"));
	json_object_set_new(s, "shipDatestamp", json_stringn(clock_text(clock_us(), today), 10));
	json_object_set_new(s, "pieceResponses", pieces);
	json_array_append_new(shipments, s);
	json_object_set_new(output, "transactionShipments", shipments);
	sb_answer(c, 200, body);
}

static int
ship_op(struct call *c, struct problem *err)
{
	enum fedex_script script = SCRIPT_PLAIN;
	const char *zip, *number;
	json_t *in, *label, *refs;
	int rc;

	if ((rc = sb_fedex_body(c, &in)) != 0 || (rc = check_shipment(c, in)) != 0)
		return rc;
	zip = sb_text(in, SHIPMENT "recipients.0.address.postalCode", "");
	if (strcmp(zip, "00000") == 0)
		return sb_fedex_refuse(c, 400, "RECIPIENT.POSTALCODE.INVALID", "The recipient postal code is invalid.");
	if (strcmp(zip, "99991") == 0) {
		failure(c, 503);
		return REFUSED;
	}
	if (strlen(zip) == 5 && strncmp(zip, "9990", 4) == 0 && zip[4] >= '2' && zip[4] <= '6')
		script = (enum fedex_script)(zip[4] - '0');
	label = label_of(c, in);
	refs = sb_refs(c->arena, NULL, sb_text(label, "reference", ""), NULL);
	if (sb_fedex_label_add(c->db, label, refs, script, &number, err) < 0)
		return -1;
	if (strcmp(zip, "99992") == 0)
		c->fault = TIMEOUT_AFTER;
	answer_shipment(c, in, label, number);
	return 0;
}

static int
label_op(struct call *c, struct problem *err)
{
	struct found f;
	struct bytes file;

	if (sb_get(c->db, "fedex", "label", req_str(c->r, "number"), false, &f, err) < 0)
		return -1;
	if (f.data == NULL)
		return sb_fedex_refuse(c, 404, "NOT.FOUND.ERROR", "The resource you requested is no longer available.");
	file = sb_fedex_label_bytes(c->arena, f.data);
	c->answer = (struct answer){ .status = 200, .body = file, .type = sb_is(f.data, "imageType", "PNG") ? "image/png" :
		sb_is(f.data, "imageType", "ZPLII") ? "text/plain" : "application/pdf" };
	return 0;
}

/* ---- cancel */

static int
cancel_op(struct call *c, struct problem *err)
{
	json_t *in, *output, *body;
	struct object o = { .vendor = "fedex", .type = "label" };
	struct found f;
	bool may;
	int rc;

	if ((rc = sb_fedex_body(c, &in)) != 0)
		return rc;
	o.id = json_text_at(in, "trackingNumber");
	if (o.id == NULL)
		return sb_fedex_refuse(c, 400, "TRACKING.TRACKINGNUMBER.EMPTY", "Please provide tracking number.");
	if (!sb_credential(c->r, "FEDEX_ACCOUNT_NUMBER", json_text_at(in, "accountNumber.value")))
		return sb_fedex_refuse(c, 400, "SHIPMENT.USER.UNAUTHORIZED", "You are unauthorized to cancel the shipment.");
	if (sb_get(c->db, "fedex", "label", o.id, true, &f, err) < 0)
		return -1;
	may = f.data != NULL && !json_is_true(json_object_get(f.data, "cancelled")) && !sb_fedex_tendered(c->r->conf, &f);
	if (may) {
		json_object_set_new(f.data, "cancelled", json_true());
		o.data = f.data;
		if (sb_put(c->db, &o, err) < 0)
			return -1;
	}
	body = sb_fedex_envelope(c, &output);
	json_object_set_new(output, "cancelledShipment", json_boolean(may));
	json_object_set_new(output, "cancelledHistory", json_boolean(may));
	json_object_set_new(
	    output, "message", json_string(may ? "Shipment is successfully cancelled" : "Shipment could not be cancelled"));
	sb_answer(c, 200, body);
	return 0;
}

static const struct vendor vendor = {
	.name = "fedex", .ops = operations, .nops = COUNT(operations), .admit = admit, .failure = failure
};

int
sb_fedex(struct req *r, struct problem *err)
{
	return sb_serve(&vendor, r, err);
}
