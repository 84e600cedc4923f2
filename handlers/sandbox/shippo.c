/*
 * shippo.c: the Shippo stand-in: addresses, shipments with rates, labels, their refunds. Tables: object (shipment, transaction, refund). Tracking is
 * shippo_track.c.
 *
 * As there: numbers are texts, a shipment over 150 lb has no rate but a message, a label is bought as often as it is asked for and no key makes it once, and a
 * purchase that failed is a 201 that says ERROR. Scripts: recipient ZIP 00000 is invalid, 99990 sells a rate that cannot be bought, 99991 labels that are queued
 * first, 99992 rates that have expired; 99903 ends in an exception before it is delivered, 99904 goes back.
 */
#include "base/clock.h"
#include "sandbox/shippo.h"

static operation_fn address_create, address_validate, shipment_create, shipment_get, shipment_rates, transaction_create, transaction_get, transaction_list,
    refund_create, refund_get, label_file;

static const struct operation operations[] = {
	{ "POST", "/shippo/addresses", address_create },
	{ "GET", "/shippo/addresses/:id/validate", address_validate },
	{ "POST", "/shippo/shipments", shipment_create },
	{ "GET", "/shippo/shipments/:id", shipment_get },
	{ "GET", "/shippo/shipments/:id/rates", shipment_rates },
	{ "POST", "/shippo/transactions", transaction_create },
	{ "GET", "/shippo/transactions", transaction_list },
	{ "GET", "/shippo/transactions/:id", transaction_get },
	{ "POST", "/shippo/refunds", refund_create },
	{ "GET", "/shippo/refunds/:id", refund_get },
	{ "POST", "/shippo/tracks", sb_shippo_track_create },
	{ "GET", "/shippo/tracks/:carrier/:number", sb_shippo_track_get },
	{ "GET", "/shippo/labels/:id", label_file, .flags = OP_OPEN },
};

/* ---- the way in, and no */

int
sb_shippo_refuse(struct call *c, int status, const char *member, const char *text)
{
	json_t *body = sb_keep(c->arena, json_object()), *list = json_array();

	if (strcmp(member, "detail") == 0) {
		json_decref(list);
		json_object_set_new(body, member, json_string(text));
	} else {
		json_array_append_new(list, json_string(text));
		json_object_set_new(body, member, list);
	}
	sb_answer(c, status, body);
	return REFUSED;
}

static int
admit(struct call *c, struct problem *err UNUSED)
{
	static const char scheme[] = "ShippoToken ";
	const char *given = req_header(c->r, "authorization");

	if (given == NULL || strncmp(given, scheme, sizeof(scheme) - 1) != 0)
		return sb_shippo_refuse(c, 401, "detail", "Authentication credentials were not provided.");
	given += sizeof(scheme) - 1;
	if (strncmp(given, "shippo_test_", 12) != 0 || !sb_credential(c->r, "SHIPPO_API_TOKEN", given))
		return sb_shippo_refuse(c, 401, "detail", "Invalid token");
	return 0;
}

static void
failure(struct call *c, int status)
{
	(void)sb_shippo_refuse(c, status, "detail", status == 429 ? "Request was throttled." : "A server error occurred.");
}

json_t *
sb_shippo_new(struct arena *a, const json_t *metadata)
{
	json_t *o = sb_keep(a, json_object());
	char now[CLOCK_TEXT];

	clock_text(clock_us(), now);
	json_object_set_new(o, "object_id", json_string(sb_random_hex(a, 32)));
	json_object_set_new(o, "object_created", json_string(now));
	json_object_set_new(o, "object_updated", json_string(now));
	json_object_set_new(o, "object_owner", json_string("sandbox@telerx.example"));
	json_object_set_new(o, "test", json_true());
	json_object_set_new(o, "metadata", json_is_string(metadata) ? json_copy((json_t *)(uintptr_t)metadata) : json_string(""));
	return o;
}

int
sb_shippo_input(struct call *c, json_t **ret)
{
	struct problem ignored = { 0 };

	*ret = json_read(c->arena, (const char *)c->r->raw.p, c->r->raw.n, &ignored);
	return json_is_object(*ret) ? 0 : sb_shippo_refuse(c, 400, "detail", "JSON parse error");
}

static int
add(struct call *c, const char *type, const json_t *o, struct problem *err)
{
	struct object row = { .vendor = "shippo", .type = type, .id = json_text_at(o, "object_id"), .data = o,
		.refs = sb_refs(c->arena, NULL, json_text_at(o, "object_id"), sb_text(o, "metadata", ""), sb_text(o, "tracking_number", ""),
		    sb_text(o, "transaction", ""), NULL) };

	return sb_add(c->db, &row, err);
}

static int
find(struct call *c, const char *type, const char *id, struct found *f, struct problem *err)
{
	if (sb_get(c->db, "shippo", type, id, strcmp(c->r->method, "POST") == 0, f, err) < 0)
		return -1;
	return f->data != NULL ? 0 : sb_shippo_refuse(c, 404, "detail", "Not found.");
}

static int
show(struct call *c, int status, const json_t *o)
{
	sb_answer(c, status, sb_shown(c->arena, o));
	return 0;
}

/* ---- addresses */

static int
check_address(struct call *c, const json_t *a, const char *whose)
{
	static const char *const needed[] = { "name", "street1", "city", "state", "zip" };

	if (!json_is_object(a))
		return sb_shippo_refuse(c, 400, whose, "This field is required.");
	if (json_text_at(a, "country") == NULL)
		return sb_shippo_refuse(c, 400, "country", "This field is required.");
	for (size_t i = 0; i < COUNT(needed); i++)
		if (sb_text(a, needed[i], "")[0] == '\0')
			return sb_shippo_refuse(c, 400, needed[i], "This field is required.");
	return 0;
}

static void
add_validation(json_t *address)
{
	bool good = !sb_is(address, "zip", "00000");

	json_object_set_new(address, "is_complete", json_true());
	json_object_set_new(address, "validation_results", json_pack("{sbs[]}", "is_valid", (int)good, "messages"));
}

static int
address_create(struct call *c, struct problem *err)
{
	json_t *in, *o;
	int rc;

	if ((rc = sb_shippo_input(c, &in)) != 0)
		return rc;
	if (json_text_at(in, "country") == NULL)
		return sb_shippo_refuse(c, 400, "country", "This field is required.");
	o = sb_shippo_new(c->arena, json_object_get(in, "metadata"));
	json_object_update_missing(o, in);
	add_validation(o);
	return add(c, "address", o, err) < 0 ? -1 : show(c, 201, o);
}

static int
address_validate(struct call *c, struct problem *err)
{
	struct found f;
	int rc = find(c, "address", req_str(c->r, "id"), &f, err);

	return rc != 0 ? rc : show(c, 200, f.data);
}

/* ---- shipments and what they would cost */

static const struct {
	const char *token, *name, *provider, *amount, *attribute;
	int days;
} services[] = {
	{ "usps_ground_advantage", "Ground Advantage", "USPS", "5.50", "CHEAPEST", 5 },
	{ "usps_priority", "Priority Mail", "USPS", "8.10", "BESTVALUE", 2 },
	{ "fedex_2_day", "2 Day", "FedEx", "14.25", "FASTEST", 1 },
};

/* The last two digits of a rate say what buying it does. */
static const char *
rate_id(struct arena *a, const char *zip)
{
	const char *end = strcmp(zip, "99990") == 0 ? "e0" : strcmp(zip, "99991") == 0 ? "a0" : strcmp(zip, "99992") == 0 ? "90" : "11";

	return arena_printf(a, "%s%s", sb_random_hex(a, 30), end);
}

static void
add_rates(struct call *c, json_t *shipment)
{
	json_t *rates = json_object_get(shipment, "rates");

	for (size_t i = 0; i < COUNT(services); i++)
		json_array_append_new(rates, json_pack("{ss ss ss ss si s[s] s{ss ss} ss ss ss}", "object_id", rate_id(c->arena, sb_text(shipment, "address_to.zip", "")),
		    "amount", services[i].amount, "currency", "USD", "provider", services[i].provider, "estimated_days", services[i].days,
		    "attributes", services[i].attribute, "servicelevel", "name", services[i].name, "token", services[i].token,
		    "duration_terms", "", "carrier_account", "b741b99f95e841639b54272834bc478c", "shipment", json_text_at(shipment, "object_id")));
}

static int
check_parcels(struct call *c, const json_t *parcels, double *pounds)
{
	static const char *const needed[] = { "length", "width", "height", "distance_unit", "weight", "mass_unit" };
	const json_t *one;
	size_t i;

	*pounds = 0;
	if (json_array_size(parcels) == 0)
		return sb_shippo_refuse(c, 400, "parcels", "This field is required.");
	json_array_foreach(parcels, i, one) {
		for (size_t k = 0; k < COUNT(needed); k++)
			if (sb_text(one, needed[k], "")[0] == '\0')
				return sb_shippo_refuse(c, 400, needed[k], "This field is required.");
		*pounds += strtod(sb_text(one, "weight", "0"), NULL);
	}
	return 0;
}

static int
shipment_create(struct call *c, struct problem *err)
{
	json_t *in, *o, *messages = json_array();
	double pounds;
	int rc;

	sb_keep(c->arena, messages);
	if ((rc = sb_shippo_input(c, &in)) != 0 || (rc = check_address(c, json_object_get(in, "address_from"), "address_from")) != 0 ||
	    (rc = check_address(c, json_object_get(in, "address_to"), "address_to")) != 0 ||
	    (rc = check_parcels(c, json_object_get(in, "parcels"), &pounds)) != 0)
		return rc;
	o = sb_shippo_new(c->arena, json_object_get(in, "metadata"));
	json_object_update_missing(o, in);
	add_validation(json_object_get(o, "address_to"));
	json_object_set_new(o, "status", json_string("SUCCESS"));
	json_object_set_new(o, "rates", json_array());
	json_object_set(o, "messages", messages);
	if (pounds > 150 || sb_is(o, "address_to.zip", "00000"))
		json_array_append_new(messages, json_pack("{ssssss}", "source", "USPS", "code", "", "text", pounds > 150 ? "Weight exceeds the limit of 150 lb." :
		    "The destination address is not valid."));
	else
		add_rates(c, o);
	return add(c, "shipment", o, err) < 0 ? -1 : show(c, 201, o);
}

static int
shipment_get(struct call *c, struct problem *err)
{
	struct found f;
	int rc = find(c, "shipment", req_str(c->r, "id"), &f, err);

	return rc != 0 ? rc : show(c, 200, f.data);
}

static json_t *
page_of(struct call *c, const json_t *results)
{
	json_t *page = sb_keep(c->arena, json_object());

	json_object_set_new(page, "next", json_null());
	json_object_set_new(page, "previous", json_null());
	json_object_set(page, "results", (json_t *)(uintptr_t)results);
	return page;
}

static int
shipment_rates(struct call *c, struct problem *err)
{
	struct found f;
	int rc = find(c, "shipment", req_str(c->r, "id"), &f, err);

	if (rc != 0)
		return rc;
	sb_answer(c, 200, page_of(c, json_object_get(f.data, "rates")));
	return 0;
}

/* ---- labels */

static int
rate_of(struct call *c, const char *id, json_t **shipment, const json_t **rate, struct problem *err)
{
	struct listing l = { .vendor = "shippo", .type = "shipment", .limit = 1,
		.containing = arena_printf(c->arena, "{\"rates\":[{\"object_id\":\"%.40s\"}]}", id) };
	json_t *found;
	size_t i;

	*rate = NULL;
	if (strspn(id, "0123456789abcdef") != strlen(id))
		return sb_shippo_refuse(c, 400, "rate", "Rate not found.");
	if (sb_list(c->db, &l, &found, err) < 0)
		return -1;
	*shipment = json_array_get(found, 0);
	json_array_foreach(json_object_get(*shipment, "rates"), i, *rate)
		if (sb_is(*rate, "object_id", id))
			return 0;
	return sb_shippo_refuse(c, 400, "rate", "Rate not found.");
}

static const char *
number_of(struct arena *a, const char *provider)
{
	char *digits = sb_random_hex(a, 16);

	for (char *p = digits; *p != '\0'; p++)
		if (*p > '9')
			*p = (char)('0' + (*p - 'a'));
	return arena_printf(a, "%s%s", strcmp(provider, "FedEx") == 0 ? "7846" : "9205", digits);
}

static void
fill(struct call *c, json_t *t, const json_t *shipment, const json_t *rate)
{
	const char *provider = sb_text(rate, "provider", "USPS"), *number = number_of(c->arena, provider);
	char day[CLOCK_TEXT];

	json_object_set_new(t, "tracking_number", json_string(number));
	json_object_set_new(t, "tracking_status", json_string("PRE_TRANSIT"));
	json_object_set_new(t, "tracking_url_provider", json_string(arena_printf(c->arena, "https://tracking.example/%s/%s", provider, number)));
	json_object_set_new(t, "label_url", json_string(arena_printf(c->arena, "%s/sandbox/shippo/labels/%s", conf_str(c->r->conf, "SANDBOX_WEBHOOK_BASE"),
	    json_text_at(t, "object_id"))));
	json_object_set_new(t, "eta", json_string(clock_text(clock_us() + json_int_at(rate, "estimated_days", 3) * 86400 * US_PER_S, day)));
	json_object_set_new(t, "_carrier", json_string(provider));
	json_object_set(t, "_to", json_object_get(shipment, "address_to"));
	json_object_set(t, "_from", json_object_get(shipment, "address_from"));
	json_object_set(t, "_extra", json_object_get(shipment, "extra"));
}

static int
transaction_create(struct call *c, struct problem *err)
{
	json_t *in, *shipment = NULL, *t;
	const json_t *rate = NULL;
	const char *id, *end;
	int rc;

	if ((rc = sb_shippo_input(c, &in)) != 0)
		return rc;
	id = sb_text(in, "rate", "");
	if (*id == '\0')
		return sb_shippo_refuse(c, 400, "rate", "This field is required.");
	if ((rc = rate_of(c, id, &shipment, &rate, err)) != 0)
		return rc;
	end = id + strlen(id) - 2;
	if (strcmp(end, "90") == 0)
		return sb_shippo_refuse(c, 400, "__all__", "The rate has expired. Please create a new shipment.");
	t = sb_shippo_new(c->arena, json_object_get(in, "metadata"));
	json_object_set_new(t, "rate", json_string(id));
	json_object_set_new(t, "object_state", json_string("VALID"));
	json_object_set_new(t, "messages", json_array());
	json_object_set_new(t, "label_file_type", json_string(sb_text(in, "label_file_type", "PDF")));
	json_object_set_new(t, "status", json_string(strcmp(end, "e0") == 0 ? "ERROR" : strcmp(end, "a0") == 0 ? "QUEUED" : "SUCCESS"));
	if (strcmp(end, "e0") == 0) {
		json_object_set_new(t, "object_state", json_string("INVALID"));
		json_array_append_new(json_object_get(t, "messages"), json_pack("{ssssss}", "source", "USPS", "code", "", "text", "The carrier refused the label."));
		return add(c, "transaction", t, err) < 0 ? -1 : show(c, 201, t);
	}
	fill(c, t, shipment, rate);
	if (add(c, "transaction", t, err) < 0 || sb_shippo_announce(c, json_text_at(t, "object_id"), err) < 0)
		return -1;
	return show(c, 201, t);
}

/* What was queued is done when it is next looked at. */
static void
ripen(json_t *t)
{
	if (sb_is(t, "status", "QUEUED"))
		json_object_set_new(t, "status", json_string("SUCCESS"));
}

static int
transaction_get(struct call *c, struct problem *err)
{
	struct found f;
	int rc = find(c, "transaction", req_str(c->r, "id"), &f, err);

	if (rc != 0)
		return rc;
	ripen(f.data);
	return show(c, 200, f.data);
}

static int
transaction_list(struct call *c, struct problem *err)
{
	const json_t *query = sb_query(c);
	int64_t results = strtoll(sb_text(query, "results", "25"), NULL, 10), page = strtoll(sb_text(query, "page", "1"), NULL, 10);
	struct listing l = { .vendor = "shippo", .type = "transaction", .limit = page * results + 1 };
	json_t *found, *shown = sb_keep(c->arena, json_array()), *body, *one;
	size_t i;

	if (results < 1 || results > 100 || page < 1 || page > 100)
		return sb_shippo_refuse(c, 400, "results", "Invalid page.");
	if (sb_list(c->db, &l, &found, err) < 0)
		return -1;
	json_array_foreach(found, i, one) {
		if ((int64_t)i < (page - 1) * results || (int64_t)i >= page * results)
			continue;
		ripen(one);
		json_array_append(shown, sb_shown(c->arena, one));
	}
	body = page_of(c, shown);
	if ((int64_t)json_array_size(found) > page * results)
		json_object_set_new(body, "next", json_string(arena_printf(c->arena, "/transactions?page=%" PRId64, page + 1)));
	sb_answer(c, 200, body);
	return 0;
}

static int
label_file(struct call *c, struct problem *err)
{
	struct found f;
	int rc = find(c, "transaction", req_str(c->r, "id"), &f, err);

	if (rc != 0)
		return rc;
	c->answer = (struct answer){ .status = 200, .type = "application/pdf", .body = sb_shippo_label(c->arena, f.data) };
	return 0;
}

/* ---- refunds: an unused label only */

static int
refund_create(struct call *c, struct problem *err)
{
	json_t *in, *refund;
	bool unused;
	struct found f;
	struct object o;
	int rc;

	if ((rc = sb_shippo_input(c, &in)) != 0 || (rc = find(c, "transaction", sb_text(in, "transaction", ""), &f, err)) != 0)
		return rc;
	unused = sb_is(f.data, "status", "SUCCESS") && json_array_size(json_object_get(sb_shippo_track(c->arena, &f, c->r->conf), "tracking_history")) == 1;
	refund = sb_shippo_new(c->arena, json_object_get(f.data, "metadata"));
	json_object_set(refund, "transaction", json_object_get(f.data, "object_id"));
	json_object_set_new(refund, "status", json_string(unused ? "QUEUED" : "ERROR"));
	if (unused) {
		json_object_set_new(f.data, "status", json_string("REFUNDPENDING"));
		o = (struct object){ .vendor = "shippo", .type = "transaction", .id = json_text_at(f.data, "object_id"), .data = f.data };
		if (sb_put(c->db, &o, err) < 0)
			return -1;
	}
	return add(c, "refund", refund, err) < 0 ? -1 : show(c, 201, refund);
}

static int
refund_get(struct call *c, struct problem *err)
{
	struct found f;
	int rc = find(c, "refund", req_str(c->r, "id"), &f, err);

	return rc != 0 ? rc : show(c, 200, f.data);
}

static const struct vendor vendor = {
	.name = "shippo", .ops = operations, .nops = COUNT(operations), .admit = admit, .failure = failure
};

int
sb_shippo(struct req *r, struct problem *err)
{
	return sb_serve(&vendor, r, err);
}
