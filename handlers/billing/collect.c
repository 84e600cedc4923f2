/*
 * collect.c: what time makes of open links, and what money that came is for. The monitor reminds once before a link ends, asks Stripe about links whose webhook
 * may have been lost, and about each that is over: no link ends, and no payment is missed, without Stripe's word.
 *
 * Money that came is settled by a rule (P-PAY-11): while the prescription still waits for it, in time or late, it is completed; when the prescription has ended
 * otherwise, it goes back, and the staff and the patient hear of it.
 */
#include "base/clock.h"
#include "billing/billing.h"
#include "data/attention.h"

#define AT_ONCE "200"

static const char remind_sql[] =
	"UPDATE payments SET reminded_at = now() WHERE id IN (SELECT id FROM payments WHERE kind = 'link' AND status = 'pending'"
	"  AND stripe_session_id IS NOT NULL AND reminded_at IS NULL AND link_expires_at > now() AND link_expires_at <= now() + make_interval(secs => $1)"
	"  ORDER BY link_expires_at LIMIT " AT_ONCE " FOR UPDATE SKIP LOCKED) RETURNING id";
static const char look_sql[] =
	"UPDATE payments SET looked_at = now() WHERE id IN (SELECT id FROM payments WHERE kind = 'link' AND status = 'pending'"
	"  AND stripe_session_id IS NOT NULL AND (coalesce(looked_at, created_at) <= now() - make_interval(secs => $1)"
	"   OR (link_expires_at <= now() AND coalesce(looked_at, '-infinity') < link_expires_at))"
	"  ORDER BY link_expires_at LIMIT " AT_ONCE " FOR UPDATE SKIP LOCKED) RETURNING id";
static const char lock_sql[] = "SELECT prescription_id FROM copays WHERE prescription_id = $1 FOR UPDATE";
static const char settled_sql[] = "UPDATE payments SET settled = $2, updated_at = now() WHERE id = $1";

static int
each(struct job *j, struct rows *rows, const char *kind, struct problem *err)
{
	for (size_t i = 0; i < rows_count(rows); i++) {
		struct uuid id = row_uuid(rows_at(rows, i), "id");

		if ((kind == NULL ? notice_later(j->db, id, "payment_reminder", err) : link_job(j->db, kind, id, err)) < 0)
			return -1;
	}
	return 0;
}

int
links_monitor_job(struct job *j, struct problem *err)
{
	struct rows *due, *quiet;

	if (job_begin(j, err) < 0 || db_all(j->db, &due, remind_sql, err, P_INT(conf_int(j->conf, "PAYMENT_REMIND"))) < 0 ||
	    each(j, due, NULL, err) < 0 || db_all(j->db, &quiet, look_sql, err, P_INT(conf_int(j->conf, "PAYMENT_LOOK"))) < 0 ||
	    each(j, quiet, "link.look", err) < 0)
		return -1;
	return job_end(j, err);
}

/* ---- asking Stripe */

static json_t *
ask(struct job *j, const char *method, const char *path, const char *key, struct problem *err)
{
	return stripe_ask(j->http, j->arena, j->conf, &(struct stripe_call){ .method = method, .path = path, .key = key }, err);
}

/* Closes the page; one that is no longer open is shown as it is. NULL: nobody could say. */
static json_t *
close_page(struct job *j, const struct payment *p, struct problem *err)
{
	char id[UUID_TEXT];
	const char *path = arena_printf(j->arena, "/v1/checkout/sessions/%s", p->session_id);
	json_t *session = ask(j, "POST", arena_printf(j->arena, "%s/expire", path), arena_printf(j->arena, "link:%s:expire", uuid_text(p->id, id)), err);

	if (session != NULL || strcmp(err->code, "stripe_refused") != 0)
		return session;
	problem_clear(err);
	return ask(j, "GET", path, NULL, err);
}

static int
load(struct job *j, struct payment *p, struct problem *err)
{
	return job_read(j, err) < 0 || payment_load(j->db, job_uuid(j, "id"), p, err) < 0 ? -1 : job_read_end(j, err);
}

static int
apply(struct job *j, const struct payment *p, const json_t *session, struct problem *err)
{
	const char *outcome;
	struct payment now;

	if (job_begin(j, err) < 0 || payment_load(j->db, p->id, &now, err) < 0 || checkout_apply(j->db, &now, session, &outcome, err) < 0)
		return -1;
	return job_end(j, err);
}

int
link_look_job(struct job *j, struct problem *err)
{
	struct payment p;
	json_t *session;

	if (load(j, &p, err) < 0)
		return -1;
	if (p.session_id == NULL)	/* its page is still being made */
		return 0;
	session = ask(j, "GET", arena_printf(j->arena, "/v1/checkout/sessions/%s", p.session_id), NULL, err);
	if (session == NULL)
		return -1;
	if (clock_us() >= p.expires_at && json_text_at(session, "status") != NULL && strcmp(json_text_at(session, "status"), "open") == 0 &&
	    (session = close_page(j, &p, err)) == NULL)
		return -1;
	return apply(j, &p, session, err);
}

int
link_close_job(struct job *j, struct problem *err)
{
	struct payment p;
	json_t *session;

	if (load(j, &p, err) < 0)
		return -1;
	if (p.session_id == NULL)
		return 0;
	session = close_page(j, &p, err);
	return session == NULL ? -1 : apply(j, &p, session, err);
}

/* ---- what it is for */

/* Whether the prescription still wants the money. Its owner says; what we were told of its end counts too. */
static bool
wanted(const char *status)
{
	static const char *const ended[] = { "cancel_pending", "cancelled", "denied", "stopped", "payment_waived", "rejected" };

	for (size_t i = 0; i < COUNT(ended); i++)
		if (strcmp(ended[i], status) == 0)
			return false;
	return true;
}

static int
complete(struct job *j, const struct payment *p, struct problem *err)
{
	struct buf b = buf_in(j->arena, 1024);
	char id[UUID_TEXT];
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "prescription_id", p->run_id);
	jw_uuid(&w, "patient_id", p->patient_id);
	jw_uuid(&w, "payment_id", p->id);
	jw_int(&w, "amount_paid", p->amount_cents);
	jw_end(&w);
	if (db_exec(j->db, settled_sql, err, P_UUID(p->id), P_TEXT("completed")) < 0 ||
	    event_publish(j->db, "payment.completed", p->run_id, b.data, err) < 0 ||
	    attention_clear(j->db, "payment.link", uuid_text(p->run_id, id), "paid", err) < 0)
		return -1;
	return notice_later(j->db, p->id, "payment_receipt", err);
}

static int
give_back(struct job *j, const struct payment *p, const char *status, struct problem *err)
{
	char id[UUID_TEXT];
	struct payment now;
	bool moved;

	if (db_exec(j->db, settled_sql, err, P_UUID(p->id), P_TEXT("given_back")) < 0 ||
	    payment_move(j->db, p, &(struct payment_news){ .status = "refunding", .reason = "prescription_ended" }, &moved, err) < 0 ||
	    payment_load(j->db, p->id, &now, err) < 0 || charge_refund(j->db, &now, err) < 0 ||
	    attention_raise(j->db, &(struct attention){ .kind = "payment.late", .subject = uuid_text(p->id, id), .code = "paid_after_end",
	    .patient = p->patient_id, .detail = arena_printf(j->arena, "{\"prescriptionId\":\"%s\",\"prescriptionStatus\":\"%s\",\"amountCents\":%" PRId64 "}",
	    uuid_text(p->run_id, (char[UUID_TEXT]){ 0 }), status, p->amount_cents) }, err) < 0)
		return -1;
	return notice_later(j->db, p->id, "payment_refunded", err);
}

int
link_settle_job(struct job *j, struct problem *err)
{
	struct peer_reply reply;
	const char *status;
	const struct row *turn;
	struct payment p;
	struct copay c;
	char id[UUID_TEXT];
	bool known;

	if (load(j, &p, err) < 0 || job_ask(j, &(struct peer_call){ .service = "prescription", .method = "GET",
	    .path = arena_printf(j->arena, "/prescriptions/%s/details", uuid_text(p.run_id, id)) }, &reply, err) < 0)
		return -1;
	status = json_text_at(reply.body, "status");
	if (job_begin(j, err) < 0 || db_one(j->db, &turn, lock_sql, err, P_UUID(p.run_id)) < 0 || payment_load(j->db, p.id, &p, err) < 0 ||
	    copay_load(j->db, p.run_id, false, &c, &known, err) < 0)
		return -1;
	if (known && c.withdrawn != NULL)
		status = c.withdrawn;
	if (status == NULL)
		return problem(err, 503, "prescription_unknown", "the prescription's status is not told");
	if (strcmp(p.status, "paid") == 0 && !wanted(status) && give_back(j, &p, status, err) < 0)
		return -1;
	if (strcmp(p.status, "paid") == 0 && wanted(status) && p.settled == NULL && complete(j, &p, err) < 0)
		return -1;
	return job_end(j, err);
}
