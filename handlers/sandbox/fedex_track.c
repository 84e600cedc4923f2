/*
 * fedex_track.c: where a parcel is. Scans come with time, one per SANDBOX_STEP since the label was made; the number's script
 * says which.
 */
#include "base/clock.h"
#include "sandbox/fedex.h"

#define MOST_NUMBERS 30

static const struct scan {
	const char *code;
	const char *says;
} scans[] = {
	{ "OC", "Shipment information sent to FedEx" },
	{ "PU", "Picked up" },
	{ "IT", "In transit" },
	{ "OD", "On FedEx vehicle for delivery" },
	{ "DL", "Delivered" },
	{ "DE", "Delivery exception" },
	{ "RS", "Returning package to shipper" },
	{ "CA", "Shipment cancelled by sender" },
};

static const char *const ways[] = {
	[SCRIPT_PLAIN] = "OC PU IT OD DL",
	[SCRIPT_EXCEPTION] = "OC PU IT DE OD DL",
	[SCRIPT_NOT_FOUND] = "OC PU IT OD DL",
	[SCRIPT_RETURN] = "OC PU IT DE RS",
	[SCRIPT_CANCELLED] = "OC CA",
	[SCRIPT_SHELF] = "OC",
};

static const struct scan *
scan_of(const char *code)
{
	for (size_t i = 0; i < COUNT(scans); i++)
		if (strncmp(scans[i].code, code, 2) == 0)
			return &scans[i];
	return &scans[0];
}

static int64_t
step_us(const struct conf *conf)
{
	int64_t s = conf_int(conf, "SANDBOX_STEP");

	return (s > 0 ? s : 1) * US_PER_S;
}

/* A label that was cancelled has had its OC scan and the cancellation. */
static const char *
way_of(const json_t *label)
{
	int64_t script = json_int_at(label, "script", SCRIPT_PLAIN);

	if (json_is_true(json_object_get(label, "cancelled")))
		return ways[SCRIPT_CANCELLED];
	return script >= SCRIPT_PLAIN && script <= SCRIPT_SHELF ? ways[script] : ways[SCRIPT_PLAIN];
}

/* How many scans there have been: the first comes with the label. */
static int
scans_so_far(const struct conf *conf, const struct found *f)
{
	const char *way = way_of(f->data);
	int64_t n = (f->now - f->created) / step_us(conf) + 1, all = ((int64_t)strlen(way) + 1) / 3;

	if (json_is_true(json_object_get(f->data, "cancelled")))
		return 2;
	return (int)(n < all ? n : all);
}

bool
sb_fedex_tendered(const struct conf *conf, const struct found *f)
{
	return scans_so_far(conf, f) > 1;
}

/* ---- one result */

static json_t *
place(const json_t *label, bool at_recipient)
{
	const char *from = at_recipient ? "recipient" : "shipper";
	const json_t *address = json_object_get(json_object_get(label, from), "address");
	json_t *p = json_object();

	json_object_set_new(p, "city", json_string(sb_text(address, "city", "MEMPHIS")));
	json_object_set_new(p, "stateOrProvinceCode", json_string(sb_text(address, "stateOrProvinceCode", "TN")));
	json_object_set_new(p, "postalCode", json_string(sb_text(address, "postalCode", "38125")));
	json_object_set_new(p, "countryCode", json_string("US"));
	return p;
}

static bool
far(const struct scan *s)
{
	return strcmp(s->code, "OD") == 0 || strcmp(s->code, "DL") == 0 || strcmp(s->code, "DE") == 0;
}

static json_t *
scan_event(const struct found *f, const struct scan *s, int64_t at)
{
	json_t *e = json_object();
	char text[CLOCK_TEXT];

	json_object_set_new(e, "date", json_string(clock_text(at, text)));
	json_object_set_new(e, "eventType", json_string(s->code));
	json_object_set_new(e, "eventDescription", json_string(s->says));
	json_object_set_new(e, "derivedStatusCode", json_string(s->code));
	json_object_set_new(e, "derivedStatus", json_string(s->says));
	json_object_set_new(e, "exceptionCode", json_string(strcmp(s->code, "DE") == 0 ? "08" : ""));
	json_object_set_new(
	    e, "exceptionDescription", json_string(strcmp(s->code, "DE") == 0 ? "Customer not available or business closed" : ""));
	json_object_set_new(e, "scanLocation", place(f->data, far(s)));
	json_object_set_new(e, "locationType", json_string(far(s) ? "DELIVERY_LOCATION" : "PICKUP_LOCATION"));
	return e;
}

static void
add_date(json_t *list, const char *type, int64_t at)
{
	json_t *d = json_object();
	char text[CLOCK_TEXT];

	json_object_set_new(d, "type", json_string(type));
	json_object_set_new(d, "dateTime", json_string(clock_text(at, text)));
	json_array_append_new(list, d);
}

static void
fill_result(struct call *c, json_t *result, const struct found *f)
{
	const char *way = way_of(f->data);
	int n = scans_so_far(c->r->conf, f);
	int64_t step = step_us(c->r->conf);
	json_t *events = json_array(), *dates = json_array(), *status = json_object(), *detail = json_object();
	const struct scan *last = scan_of(way + 3 * (n - 1));

	for (int i = n - 1; i >= 0; i--)
		json_array_append_new(events, scan_event(f, scan_of(way + 3 * i), f->created + i * step));
	for (int i = 0; i < n; i++) {
		const struct scan *s = scan_of(way + 3 * i);

		if (strcmp(s->code, "PU") == 0)
			add_date(dates, "ACTUAL_PICKUP", f->created + i * step);
		if (strcmp(s->code, "DL") == 0)
			add_date(dates, "ACTUAL_DELIVERY", f->created + i * step);
	}
	add_date(dates, "SHIP", f->created);
	add_date(dates, "ESTIMATED_DELIVERY", f->created + 4 * step);
	json_object_set_new(status, "code", json_string(last->code));
	json_object_set_new(status, "derivedCode", json_string(last->code));
	json_object_set_new(status, "statusByLocale", json_string(last->says));
	json_object_set_new(status, "description", json_string(last->says));
	json_object_set_new(status, "scanLocation", place(f->data, far(last)));
	json_object_set_new(result, "latestStatusDetail", status);
	json_object_set_new(result, "dateAndTimes", dates);
	json_object_set_new(result, "scanEvents", events);
	if (strcmp(last->code, "DL") == 0) {
		json_object_set_new(detail, "receivedByName", json_string("FRONT DOOR"));
		json_object_set_new(detail, "deliveryAttempts", json_string("1"));
		json_object_set_new(detail, "actualDeliveryAddress", place(f->data, true));
		json_object_set_new(result, "deliveryDetails", detail);
	} else {
		json_decref(detail);
	}
}

static void
fill_error(json_t *result, const char *code, const char *message)
{
	json_t *e = json_object();

	json_object_set_new(e, "code", json_string(code));
	json_object_set_new(e, "message", json_string(message));
	json_object_set_new(result, "error", e);
}

/* The third script's parcel is not known when first asked for, nor the second time. */
static int
still_hidden(struct call *c, struct found *f, bool *ret, struct problem *err)
{
	int64_t asked = json_int_at(f->data, "_asked", 0);
	struct object o = { .vendor = "fedex", .type = "label", .id = json_text_at(f->data, "trackingNumber"), .data = f->data };

	*ret = json_int_at(f->data, "script", 0) == SCRIPT_NOT_FOUND && asked < 2;
	if (!*ret)
		return 0;
	json_object_set_new(f->data, "_asked", json_integer(asked + 1));
	return sb_put(c->db, &o, err);
}

static int
add_result(struct call *c, json_t *results, const char *number, struct problem *err)
{
	json_t *complete = json_object(), *list = json_array(), *result = json_object(), *info = json_object();
	bool hidden = false, counted = strlen(number) == 12 && strcmp(number + 10, "03") == 0;
	struct found f;

	json_array_append_new(results, complete);
	json_object_set_new(complete, "trackingNumber", json_string(number));
	json_object_set_new(complete, "trackResults", list);
	json_array_append_new(list, result);
	json_object_set_new(info, "trackingNumber", json_string(number));
	json_object_set_new(info, "carrierCode", json_string("FDXE"));
	json_object_set_new(info, "trackingNumberUniqueId", json_string(arena_printf(c->arena, "12029~%s~FDEG", number)));
	json_object_set_new(result, "trackingNumberInfo", info);
	if (strlen(number) != 12 || strspn(number, "0123456789") != 12) {
		fill_error(result, "TRACKING.TRACKINGNUMBER.INVALID",
		    "Invalid tracking number. Please correct the tracking number format and try again.");
		return 0;
	}
	if (sb_get(c->db, "fedex", "label", number, counted, &f, err) < 0 ||
	    (f.data != NULL && still_hidden(c, &f, &hidden, err) < 0))
		return -1;
	if (f.data == NULL || hidden)
		fill_error(result, "TRACKING.TRACKINGNUMBER.NOTFOUND",
		    "Tracking number cannot be found. Please correct the tracking number and try again.");
	else
		fill_result(c, result, &f);
	return 0;
}

int
sb_fedex_track(struct call *c, struct problem *err)
{
	json_t *in, *body, *output, *results, *item;
	const json_t *asked;
	size_t i;
	int rc;

	if ((rc = sb_fedex_body(c, &in)) != 0)
		return rc;
	asked = json_object_get(in, "trackingInfo");
	if (json_array_size(asked) < 1 || json_array_size(asked) > MOST_NUMBERS)
		return sb_fedex_refuse(c, 400, "TRACKING.TRACKINGINFO.INVALID", "Please provide one to thirty tracking numbers.");
	body = sb_fedex_envelope(c, &output);
	results = json_array();
	json_object_set_new(output, "completeTrackResults", results);
	json_array_foreach(asked, i, item) {
		const char *number = json_text_at(item, "trackingNumberInfo.trackingNumber");

		if (number == NULL || *number == '\0')
			return sb_fedex_refuse(c, 400, "TRACKING.TRACKINGNUMBER.EMPTY", "Please provide tracking number.");
		if (add_result(c, results, number, err) < 0)
			return -1;
	}
	sb_answer(c, 200, body);
	return 0;
}
