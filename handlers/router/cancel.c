/*
 * cancel.c: a prescription is taken back, or let go.
 *
 * What has not left is withdrawn at once. What may be at its pharmacy is cancel_pending: neither PioneerRx nor Boothwyn offers a call
 * that cancels, so a person asks them, by an item of the staff's inbox, and the pharmacy's own word (its status, its webhook) is what
 * makes it cancelled. What was shipped stays shipped.
 */
#include "data/attention.h"
#include "router/router.h"

static const char released_sql[] =
	"UPDATE router_submissions SET released_at = now(), version = version + 1, updated_at = now()"
	" WHERE id = $1 AND released_at IS NULL";

static const char *const order_effects[] = { "pioneerrx.order", "boothwyn.order" };

static bool
is(const struct submission *s, const char *status)
{
	return strcmp(s->status, status) == 0;
}

int
submission_ask_cancel(struct db *db, const struct submission *s, struct problem *err)
{
	char id[UUID_TEXT];

	return attention_raise(db, &(struct attention){ .kind = "prescription.cancel", .subject = uuid_text(s->id, id),
	    .code = "ask_the_pharmacy", .submission = s->submission_id, .patient = s->patient_id,
	    .detail = arena_printf(db_current_arena(db), "{\"pharmacy\":\"%s\",\"order\":\"%s\"}", s->pharmacy,
	    s->vendor_order == NULL ? "" : s->vendor_order) }, err);
}

/* *left: some of its bytes may have reached the pharmacy. */
static int
withdraw(struct db *db, const struct submission *s, bool *left, struct problem *err)
{
	*left = false;
	for (size_t i = 0; i < COUNT(order_effects); i++) {
		bool sent;

		if (effect_withdraw(db, order_effects[i], s->id, &sent, err) < 0)
			return -1;
		*left = *left || sent;
	}
	return 0;
}

static int
take_back(struct db *db, struct submission *s, struct problem *err)
{
	struct submission_news news = { .status = "cancel_pending", .reason = "withdrawn" };
	bool left = true, moved;

	if (is(s, "queued") && withdraw(db, s, &left, err) < 0)
		return -1;
	if (!left)
		news.status = "cancelled";
	/* Queued and sent: what becomes of it is not known yet; whoever learns it asks then. */
	else if (!is(s, "queued") && submission_ask_cancel(db, s, err) < 0)
		return -1;
	if (submission_move(db, s, &news, &moved, err) < 0)
		return -1;
	s->status = news.status;
	return 0;
}

int
submission_take_back(struct db *db, struct submission *s, struct problem *err)
{
	if (is(s, "shipped") || is(s, "delivered"))
		return problem(err, 409, "already_shipped", "the prescription is %s", s->status);
	return !is(s, "cancelled") && !is(s, "rejected") && !is(s, "cancel_pending") ? take_back(db, s, err) : 0;
}

int
submission_cancel(struct req *r, struct problem *err)
{
	struct submission s;

	if (submission_own(r, &s, err) < 0 || submission_take_back(r->db, &s, err) < 0)
		return -1;
	submission_to_json(reply_json(r, 202), &s);
	return 0;
}

int
submission_release(struct req *r, struct problem *err)
{
	struct submission s;
	int64_t first;

	if (submission_own(r, &s, err) < 0)
		return -1;
	if (s.hold && !is(&s, "accepted") && !is(&s, "shipped") && !is(&s, "delivered"))
		return problem(err, 409, "not_on_hold", "the prescription is %s", s.status);
	first = s.hold ? db_exec(r->db, released_sql, err, P_UUID(s.id)) : 0;
	if (first < 0 || (first > 0 && pioneerrx_release(r, &s, err) < 0))
		return -1;
	submission_to_json(reply_json(r, 202), &s);
	return 0;
}
