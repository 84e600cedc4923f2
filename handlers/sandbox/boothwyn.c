/*
 * boothwyn.c: the Boothwyn stand-in: takes an order, then tells by webhook that it was received and, later, shipped. Tables:
 * object (case, and the FedEx label of the parcel), job (boothwyn.webhook).
 *
 * Called by router. caseId is the sender's handle and nothing more: the same caseId twice is two cases, as nothing says
 * otherwise. There is no call to ask. The webhook carries a static secret and is repeated until a 2xx. A prescription whose sku
 * starts with REJECT is refused.
 */
#include "base/clock.h"
#include "sandbox/fedex.h"

static operation_fn order_op;

static const struct operation operations[] = {
	{ "POST", "/boothwyn/api/Prescriptions/B2B", order_op },
};

static int
admit(struct call *c, struct problem *err)
{
	(void)err;
	if (sb_credential(c->r, "BOOTHWYN_API_KEY", req_header(c->r, "x-functions-key")))
		return 0;
	sb_answer_empty(c, 401);
	return REFUSED;
}

static void
failure(struct call *c, int status)
{
	sb_answer_text(c, status, "text/plain; charset=utf-8",
	    status == 429     ? "Too Many Requests" :
		status == 503 ? "Service Unavailable" :
				"Internal Server Error");
}

/* ---- the order */

static const char *const required[] = {
	"patient.firstName",
	"patient.lastName",
	"patient.dateOfBirth",
	"patient.address.address1",
	"patient.address.city",
	"patient.address.state",
	"patient.address.zipCode",
	"clinician.fullName",
	"clinician.licenses.0.value",
};

static int
answer_no(struct call *c, const char *why)
{
	json_t *body = sb_keep(c->arena, json_object());

	json_object_set_new(body, "Results", json_array());
	json_object_set_new(body, "TotalCount", json_integer(0));
	json_object_set_new(body, "Message", json_string(why));
	json_object_set_new(body, "Success", json_false());
	sb_answer(c, 200, body);
	return REFUSED;
}

static int
check_order(struct call *c, const json_t *order)
{
	const json_t *list = json_object_get(order, "prescriptions");
	const char *id = json_text_at(order, "caseId");
	struct uuid parsed;
	size_t i;
	json_t *rx;

	if (id == NULL || uuid_parse(id, &parsed) < 0)
		return answer_no(c, "caseId is required");
	if (!json_is_integer(json_object_get(order, "orderType")) || !json_is_integer(json_object_get(order, "shippingMethod")))
		return answer_no(c, "orderType and shippingMethod are required");
	for (i = 0; i < COUNT(required); i++)
		if (sb_text(order, required[i], "")[0] == '\0')
			return answer_no(c, arena_printf(c->arena, "%s is required", required[i]));
	if (json_array_size(list) == 0)
		return answer_no(c, "prescriptions is required");
	json_array_foreach(list, i, rx) {
		const char *sku = sb_text(rx, "sku", "");

		if (*sku == '\0' || json_int_at(rx, "amount", 0) < 1 || sb_text(rx, "instructions", "")[0] == '\0')
			return answer_no(c, "each prescription needs sku, amount and instructions");
		if (strncmp(sku, "REJECT", 6) == 0)
			return answer_no(c, "Product is not available for this patient");
	}
	return 0;
}

static int
announce(struct call *c, const char *row, const char *status, int64_t steps, struct problem *err)
{
	int64_t step = conf_int(c->r->conf, "SANDBOX_STEP");
	struct job_spec job = { .kind = "boothwyn.webhook", .serial_key = row, .delay_s = steps * step };

	return sb_webhook_send(c, &job, arena_printf(c->arena, "\"case\":\"%s\",\"status\":\"%s\"", row, status), err);
}

static void
answer_yes(struct call *c, const char *case_id)
{
	json_t *body = sb_keep(c->arena, json_object()), *list = json_array(), *result = json_object();
	char now[CLOCK_TEXT];

	json_object_set_new(result, "CaseId", json_string(case_id));
	json_object_set_new(result, "TimeStamp", json_string(clock_text(clock_us(), now)));
	json_array_append_new(list, result);
	json_object_set_new(body, "Results", list);
	json_object_set_new(body, "TotalCount", json_integer(1));
	json_object_set_new(body, "Message", json_string("Prescriptions received"));
	json_object_set_new(body, "Success", json_true());
	sb_answer(c, 200, body);
}

static int
order_op(struct call *c, struct problem *err)
{
	struct problem ignored = { 0 };
	json_t *order = json_read(c->arena, (const char *)c->r->raw.p, c->r->raw.n, &ignored);
	struct object o = { .vendor = "boothwyn", .type = "case", .id = sb_random_guid(c->arena) };
	int rc;

	if (json_array_size(order) == 1)
		order = json_array_get(order, 0);
	if (!json_is_object(order)) {
		sb_answer_text(c, 400, "text/plain; charset=utf-8", "Invalid request body");
		return 0;
	}
	if ((rc = check_order(c, order)) != 0)
		return rc;
	json_object_set_new(order, "rxStatus", json_string("New"));
	o.data = order;
	o.refs = sb_refs(c->arena, NULL, json_text_at(order, "caseId"), sb_text(order, "patient.email", ""), NULL);
	if (sb_add(c->db, &o, err) < 0 || announce(c, o.id, "Received", 1, err) < 0 || announce(c, o.id, "Shipped", 4, err) < 0)
		return -1;
	answer_yes(c, json_text_at(order, "caseId"));
	return 0;
}

static const struct vendor vendor = {
	.name = "boothwyn", .ops = operations, .nops = COUNT(operations), .admit = admit, .failure = failure
};

int
sb_boothwyn(struct req *r, struct problem *err)
{
	return sb_serve(&vendor, r, err);
}

/* ---- the worker's part */

/* The parcel is handed to FedEx once, before the first webhook that speaks of it. */
static int
hand_over(struct job *j, struct found *f, struct problem *err)
{
	json_t *label = sb_keep(j->arena, json_object()), *to = json_object(), *address = json_object(), *contact = json_object(),
	       *lines = json_array();
	const char *number, *case_id = json_text_at(f->data, "caseId");

	json_array_append_new(lines, json_string(sb_text(f->data, "patient.address.address1", "")));
	json_object_set_new(address, "streetLines", lines);
	json_object_set_new(address, "city", json_string(sb_text(f->data, "patient.address.city", "")));
	json_object_set_new(address, "stateOrProvinceCode", json_string(sb_text(f->data, "patient.address.state", "")));
	json_object_set_new(address, "postalCode", json_string(sb_text(f->data, "patient.address.zipCode", "")));
	json_object_set_new(contact, "personName",
	    json_string(arena_printf(
		j->arena, "%s %s", sb_text(f->data, "patient.firstName", ""), sb_text(f->data, "patient.lastName", ""))));
	json_object_set_new(to, "contact", contact);
	json_object_set_new(to, "address", address);
	json_object_set_new(label, "recipient", to);
	json_object_set_new(label, "serviceType", json_string("PRIORITY_OVERNIGHT"));
	json_object_set_new(label, "imageType", json_string("PDF"));
	json_object_set_new(label, "reference", json_string(case_id));
	json_object_set_new(label, "account", json_string("boothwyn"));
	json_object_set_new(label, "cancelled", json_false());
	if (sb_fedex_label_add(j->db, label, sb_refs(j->arena, NULL, case_id, NULL), SCRIPT_PLAIN, &number, err) < 0)
		return -1;
	json_object_set_new(f->data, "trackingNumber", json_string(number));
	return 0;
}

/* The case as it is to be told, and kept so; the job's transaction, committed before the network is touched. */
static int
advance(struct job *j, struct found *f, struct problem *err)
{
	const char *status = job_str(j, "status");
	struct object o = { .vendor = "boothwyn", .type = "case", .id = job_str(j, "case") };
	char now[CLOCK_TEXT];

	if (job_begin(j, err) < 0 || sb_get(j->db, "boothwyn", "case", o.id, true, f, err) < 0)
		return -1;
	if (f->data == NULL)
		return problem(err, 404, "no_case", "case %s is gone", o.id);
	if (strcmp(status, "Shipped") == 0 && json_text_at(f->data, "trackingNumber") == NULL && hand_over(j, f, err) < 0)
		return -1;
	if (!sb_is(f->data, "rxStatus", status) && !sb_is(f->data, "rxStatus", "Shipped")) {
		json_object_set_new(f->data, "rxStatus", json_string(status));
		json_object_set_new(f->data, "rxStatusDateTime", json_string(clock_text(f->now, now)));
	}
	o.data = f->data;
	o.refs = sb_refs(j->arena, NULL, json_text_at(f->data, "caseId"), sb_text(f->data, "patient.email", ""),
	    sb_text(f->data, "trackingNumber", ""), NULL);
	return sb_put(j->db, &o, err) < 0 ? -1 : job_commit(j, err);
}

static const char *
webhook_body(struct job *j, const struct found *f)
{
	json_t *body = sb_keep(j->arena, json_object()), *numbers = json_array();
	bool shipped = strcmp(job_str(j, "status"), "Shipped") == 0;
	const char *number = shipped ? json_text_at(f->data, "trackingNumber") : NULL;

	json_object_set(body, "caseId", json_object_get(f->data, "caseId"));
	json_object_set(body, "meds", json_at(f->data, "prescriptions.0.sku"));
	json_object_set_new(body, "patientEmail", json_string(sb_text(f->data, "patient.email", "")));
	json_object_set_new(body, "rxStatus", json_string(job_str(j, "status")));
	json_object_set(body, "rxStatusDateTime", json_object_get(f->data, "rxStatusDateTime"));
	json_object_set_new(body, "trackingNumber", number != NULL ? json_string(number) : json_null());
	json_object_set_new(body, "trackingURL",
	    number != NULL ? json_string(arena_printf(j->arena, "https://www.fedex.com/fedextrack/?trknbr=%s", number)) :
			     json_null());
	json_array_append_new(numbers, json_string(arena_printf(j->arena, "B%" PRId64, f->seq)));
	json_object_set_new(body, "rxNumbers", numbers);
	return sb_dump(j->arena, body);
}

int
sb_boothwyn_webhook_job(struct job *j, struct problem *err)
{
	const char *headers[3] = { "Content-Type: application/json", NULL, NULL }, *ca = conf_str(j->conf, "VENDOR_CA_FILE");
	struct http_call call = { .method = "POST", .ca_file = *ca != '\0' ? ca : NULL, .headers = headers };
	struct http_answer answer;
	struct found f;
	const char *secret = conf_str(j->conf, "BOOTHWYN_WEBHOOK_SECRET");

	if (advance(j, &f, err) < 0)
		return -1;
	call.url = arena_printf(j->arena, "%s/rx/webhooks/boothwyn", conf_str(j->conf, "SANDBOX_WEBHOOK_BASE"));
	call.body = BYTES_OF(webhook_body(j, &f));
	headers[1] = arena_printf(j->arena, "boothwyn-signature: %.*s", (int)strcspn(secret, ","), secret);
	if (job_int(j, "bad") != 0 && j->attempt <= 1)
		headers[1] = "boothwyn-signature: not-the-secret";
	http_do(j->http, j->arena, &call, &answer);
	if (answer.outcome != HTTP_ANSWERED || answer.status < 200 || answer.status > 299)
		return problem(err, 503, "webhook_not_taken", "case %s: answer %d", job_str(j, "case"),
		    answer.outcome == HTTP_ANSWERED ? answer.status : 0);
	return 0;
}
