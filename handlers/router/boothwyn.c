/*
 * boothwyn.c: the adapter of Boothwyn, a pharmacy that ships itself (I-GW-07).
 *
 * One POST per prescription with our id as caseId. There is nothing to ask afterwards, so an order whose answer never came is not sent again: it waits for the
 * pharmacy's webhook, and becomes manual when none came within fifteen minutes (rule M4).
 */
#include "base/decimal.h"
#include "router/router.h"

#define ORDER_PATH "/api/Prescriptions/B2B"

static void
copy_members(struct json_writer *w, const json_t *from, const char *const *names)
{
	for (; names[0] != NULL; names += 2) {
		const json_t *v = json_object_get(from, names[0]);

		if (v != NULL)
			jw_tree(w, names[1], v);
	}
}

static void
write_names(struct json_writer *w, const char *key, const json_t *list, const char *member)
{
	size_t i;
	json_t *item;

	jw_array(w, key);
	json_array_foreach(list, i, item)
		jw_str(w, NULL, json_text_at(item, member));
	jw_end(w);
}

static void
write_patient(struct json_writer *w, const json_t *p)
{
	static const char *const members[] = { "firstName", "firstName", "lastName", "lastName", "email", "email", "phone", "phoneNumber",
	    "birthDate", "dateOfBirth", "sex", "gender", NULL };
	static const char *const address[] = { "line1", "address1", "line2", "address2", "city", "city", "state", "state", "zip", "zipCode", NULL };

	jw_object(w, "patient");
	copy_members(w, p, members);
	jw_object(w, "address");
	copy_members(w, json_object_get(p, "address"), address);
	jw_end(w);
	write_names(w, "allergies", json_object_get(p, "allergies"), "substance");
	write_names(w, "medications", json_object_get(p, "medications"), "name");
	write_names(w, "conditions", json_object_get(p, "conditions"), "display");
	jw_end(w);
}

static struct bytes
order_body(struct job *j, const struct submission *s, const json_t *payload)
{
	struct buf b = buf_in(j->arena, 64 * 1024);
	const json_t *rx = json_object_get(payload, "medication");
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "caseId", s->id);
	jw_int(&w, "orderType", 1);
	jw_int(&w, "shippingMethod", conf_int(j->conf, "BOOTHWYN_SHIPPING_METHOD"));
	write_patient(&w, json_object_get(payload, "patient"));
	jw_object(&w, "clinician");
	jw_str(&w, "fullName", json_text_at(payload, "prescriber.name"));
	jw_array(&w, "licenses");
	jw_object(&w, NULL);
	jw_str(&w, "type", "npi");
	jw_str(&w, "value", json_text_at(payload, "prescriber.npi"));
	jw_end(&w);
	jw_end(&w);
	jw_end(&w);
	jw_array(&w, "prescriptions");
	jw_object(&w, NULL);
	jw_str(&w, "sku", json_text_at(rx, "sku"));
	jw_int(&w, "amount", submission_quantity(payload) / QUANTITY_ONE);
	jw_str(&w, "unit", "vial");
	jw_int(&w, "daysSupply", json_int_at(rx, "daysSupply", 30));
	jw_str(&w, "notes", json_text_at(rx, "dosage"));
	jw_str(&w, "instructions", json_text_at(rx, "directions"));
	jw_end(&w);
	jw_end(&w);
	jw_end(&w);
	return BYTES(b.data, b.len);
}

int
boothwyn_submit_job(struct job *j, struct problem *err)
{
	struct submission s;
	json_t *payload;
	bool wanted;

	if (job_begin(j, err) < 0 || submission_to_send(j->db, job_uuid(j, "id"), &s, &wanted, err) < 0)
		return -1;
	if (!wanted)
		return job_end(j, err);
	if ((payload = submission_payload(j->db, &s, err)) == NULL)
		return -1;
	/* Its products are vials, and it sells whole ones. */
	if (submission_quantity(payload) % QUANTITY_ONE != 0)
		return submission_move(j->db, &s, &(struct submission_news){ .status = "rejected", .reason = "quantity_not_whole" }, &wanted, err) < 0 ?
		    -1 : job_end(j, err);
	if (effect_intend(j->db, &(struct effect_request){ .kind = "boothwyn.order", .subject = s.id, .patient = s.patient_id, .generation = s.generation,
	    .method = "POST", .path = ORDER_PATH, .content_type = "application/json", .body = order_body(j, &s, payload) }, err) < 0)
		return -1;
	return job_end(j, err);
}

static int
dress(struct job *j, struct effect *e, struct http_call *call, struct problem *err UNUSED)
{
	const char **headers = arena_alloc(j->arena, 3 * sizeof(*headers));

	headers[0] = arena_printf(j->arena, "x-functions-key: %s", conf_str(j->conf, "BOOTHWYN_API_KEY"));
	headers[1] = "Content-Type: application/json";
	call->headers = headers;
	call->url = arena_printf(j->arena, "%s%s", conf_str(j->conf, "BOOTHWYN_BASE_URL"), e->path);
	call->connect_ms = 5000;
	call->total_ms = 20000;
	return 0;
}

static enum verdict
judge(struct job *j, struct effect *e, const struct http_answer *a)
{
	struct problem ignored = { 0 };
	const json_t *answer;

	if (a->status == 401 || a->status == 403)
		return EFFECT_RETRY;	/* our key, not the prescription: nothing was done */
	if (a->status != 200)
		return effect_judge_http(a);
	answer = json_read(j->arena, (const char *)a->body.p, a->body.n, &ignored);
	if (json_is_true(json_object_get(answer, "Success"))) {
		e->vendor_ref = json_text_at(answer, "Results.0.CaseId");
		return EFFECT_CONFIRMED;
	}
	if (json_is_false(json_object_get(answer, "Success"))) {
		e->error_code = "pharmacy_refused";
		return EFFECT_REFUSED;
	}
	return EFFECT_UNCERTAIN;
}

static int
settle(struct job *j, struct effect *e, const char *state, const struct http_answer *a UNUSED, struct problem *err)
{
	struct submission_news news = { .status = "manual", .reason = "pharmacy_outcome_unknown" };
	struct submission s;
	bool moved;

	if (strcmp(state, "confirmed") == 0)
		news = (struct submission_news){ .status = "accepted", .vendor_order = e->vendor_ref };
	else if (strcmp(state, "refused") == 0)
		news = (struct submission_news){ .status = "rejected", .reason = e->error_code == NULL ? "pharmacy_refused" : e->error_code };
	if (submission_load(j->db, e->subject, &s, err) < 0)
		return -1;
	/* It was taken back while it was under way: now it is known what to ask for. */
	if (strcmp(s.status, "cancel_pending") == 0 && strcmp(news.status, "rejected") != 0)
		return submission_ask_cancel(j->db, &s, err);
	return submission_move(j->db, &s, &news, &moved, err);
}

const struct effect_kind boothwyn_order_effect = {
	.name = "boothwyn.order", .unknown = MANUAL, .deadline_s = 900, .dress = dress, .judge = judge, .settle = settle,
};
