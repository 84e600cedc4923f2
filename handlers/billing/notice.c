/*
 * notice.c: what the patient hears about a payment: the link with its breakdown, a reminder, a receipt, a refund. Where to is asked of the prescription's owner
 * when it is said, and not kept here. The drug's name goes along; notify says it only by e-mail and only to those who agreed to it.
 */
#include "base/clock.h"
#include "billing/billing.h"

int
notice_later(struct db *db, struct uuid payment, const char *type, struct problem *err)
{
	struct arena *a = db_current_arena(db);
	char id[UUID_TEXT];

	uuid_text(payment, id);
	return job_enqueue(db, &(struct job_spec){ .kind = "link.tell", .unique_key = arena_printf(a, "%s:%s", id, type),
	    .args = arena_printf(a, "{\"id\":\"%s\",\"type\":\"%s\"}", id, type) }, err);
}

static const char *
dollars(struct arena *a, int64_t cents)
{
	int64_t whole = cents / 100;

	if (whole >= 1000)
		return arena_printf(a, "%" PRId64 ",%03d.%02d", whole / 1000, (int)(whole % 1000), (int)(cents % 100));
	return cents_text(a, cents);
}

static void
variables(struct json_writer *w, struct arena *a, const struct payment *p, const struct copay *c, const json_t *rx)
{
	const char *drug = json_text_at(rx, "medication.drug_name");

	jw_object(w, "variables");
	jw_str(w, "firstName", json_text_at(rx, "patient.firstName"));
	jw_str(w, "amount", dollars(a, p->amount_cents));
	jw_str(w, "currency", p->currency);
	jw_str(w, "drugCost", dollars(a, c->drug_cents));
	jw_str(w, "insurancePaid", dollars(a, c->insurance_cents));
	jw_str(w, "copay", dollars(a, c->copay_cents));
	jw_str(w, "savings", dollars(a, c->savings_cents));
	jw_opt_str(w, "drugName", drug);
	if (p->url != NULL && strcmp(p->status, "pending") == 0) {
		jw_str(w, "link", p->url);
		jw_time(w, "linkExpiresAt", p->expires_at);
	}
	jw_end(w);
}

static const char *
body(struct job *j, const struct payment *p, const struct copay *c, const json_t *rx)
{
	struct buf b = buf_in(j->arena, 16 * 1024);
	struct json_writer w;
	char id[UUID_TEXT];

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "type", job_str(j, "type"));
	jw_str(&w, "messageKey", uuid_text(p->id, id));
	jw_object(&w, "recipient");
	jw_uuid(&w, "patientId", p->patient_id);
	jw_opt_str(&w, "email", json_text_at(rx, "patient.email"));
	jw_opt_str(&w, "phone", json_text_at(rx, "patient.phone"));
	jw_end(&w);
	variables(&w, j->arena, p, c, rx);
	jw_end(&w);
	return b.data;
}

int
notice_job(struct job *j, struct problem *err)
{
	bool asks = strcmp(job_str(j, "type"), "payment_link") == 0 || strcmp(job_str(j, "type"), "payment_reminder") == 0, known;
	struct peer_reply reply;
	struct payment p;
	struct copay c;
	char id[UUID_TEXT];

	if (job_read(j, err) < 0 || payment_load(j->db, job_uuid(j, "id"), &p, err) < 0 ||
	    copay_load(j->db, p.run_id, false, &c, &known, err) < 0 || job_read_end(j, err) < 0)
		return -1;
	/* Nobody is asked for money that came, or is not wanted any more. */
	if (!known || (asks && strcmp(p.status, "pending") != 0))
		return 0;
	if (job_ask(j, &(struct peer_call){ .service = "prescription", .method = "GET",
	    .path = arena_printf(j->arena, "/prescriptions/%s/details", uuid_text(p.run_id, id)) }, &reply, err) < 0)
		return -1;
	return job_ask(j, &(struct peer_call){ .service = "notify", .method = "POST", .path = "/notify/send", .body = body(j, &p, &c, reply.body) },
	    NULL, err);
}
