/*
 * cancel.c: a prescription is taken back (A-API-14). Before a pharmacy has it that is done at once; afterwards the pharmacy is asked, by the
 * staff, and its answer ends the waiting. A parcel that left is not called back.
 */
#include "data/attention.h"
#include "prescription/prescription.h"

#define ASKED "prescription.cancel"

static const char reason_sql[] = "UPDATE prescriptions SET cancel_reason = $2 WHERE id = $1";

static bool
is_paid(const struct prescription *p)
{
	return strcmp(p->reached, "paid") == 0;
}

int
prescription_cancel(struct db *db, struct prescription *p, const char *reason, struct problem *err)
{
	const char *to = prescription_cancels_to(p);
	char id[UUID_TEXT];

	if (to == NULL)
		return problem(err, 409, "already_shipped", "a prescription that is %s is not taken back", p->status);
	if (db_exec(db, reason_sql, err, P_UUID(p->id), P_TEXT(reason)) < 0 ||
	    prescription_apply(db, p, &(struct rx_event){ .name = "cancel.requested", .reason = reason }, NULL, err) < 0)
		return -1;
	if (attention_clear(db, "prescription.invalid", uuid_text(p->id, id), "cancelled", err) < 0)
		return -1;
	if (strcmp(to, "cancel_pending") != 0)
		return 0;
	return attention_raise(db, &(struct attention){ .kind = ASKED, .subject = id, .code = "cancel_requested", .patient = p->patient_id,
	    .detail = is_paid(p) ? "{\"paid\":true}" : "{\"paid\":false}" }, err);
}

static void
reply(struct req *r, const struct prescription *p)
{
	struct json_writer *w = reply_json(r, strcmp(p->status, "cancel_pending") == 0 ? 202 : 200);

	jw_object(w, NULL);
	jw_uuid(w, "prescription_id", p->id);
	jw_str(w, "status", p->status);
	jw_end(w);
}

int
cancel(struct req *r, struct problem *err)
{
	struct prescription p;

	req_object(r, "prescriptions", req_uuid(r, "id"));
	if (prescription_load(r->db, req_uuid(r, "id"), true, &p, err) < 0 || prescription_may_see(r, &p, err) < 0)
		return -1;
	if (strcmp(p.status, "cancelled") != 0 && strcmp(p.status, "cancel_pending") != 0 &&
	    prescription_cancel(r->db, &p, req_has(r, "reason") ? req_str(r, "reason") : "requested", err) < 0)
		return -1;
	reply(r, &p);
	return 0;
}

int
cancel_settle(struct req *r, struct problem *err)
{
	bool done = strcmp(req_str(r, "outcome"), "cancelled") == 0;
	const char *status = done ? "cancelled" : "cancel_refused";
	struct prescription p;
	char id[UUID_TEXT];

	req_object(r, "prescriptions", req_uuid(r, "id"));
	if (prescription_load(r->db, req_uuid(r, "id"), true, &p, err) < 0)
		return -1;
	if (strcmp(p.status, status) != 0) {
		if (strcmp(p.status, "cancel_pending") != 0)
			return problem(err, 409, "not_pending", "a prescription that is %s waits for no pharmacy's answer", p.status);
		if (prescription_apply(r->db, &p, &(struct rx_event){ .name = done ? "cancel.done" : "cancel.refused", .reason = req_opt_str(r, "reason") },
			NULL, err) < 0 ||
		    message_out(r->db, &p, done ? ANSWER_CANCEL_APPROVED : ANSWER_CANCEL_DENIED, NULL, req_opt_str(r, "reason"), err) < 0 ||
		    attention_clear(r->db, ASKED, uuid_text(p.id, id), status, err) < 0)
			return -1;
	}
	reply(r, &p);
	return 0;
}
