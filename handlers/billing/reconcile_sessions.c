/*
 * reconcile_sessions.c: the pages at Stripe where links are paid, against our links (X-SAGA-07), a part of each round of reconcile.c. A page is an object of its
 * own: it says for whom it was made and whether it was paid, which its intent alone does not. What was paid at a page that no link of ours has, paid there and
 * not here or the other way, another amount, a page of ours that Stripe does not list: each is a difference. A page that was never paid took nothing.
 * A difference's subject is `session:` and the payment, or the session where we have none, beside those of the intent.
 */
#include "base/clock.h"
#include "billing/billing.h"
#include "billing/reconcile.h"

static const char ours_sql[] =
	"SELECT id, status, amount_cents, stripe_session_id, updated_at > now() - make_interval(secs => $3) AS moving FROM payments"
	" WHERE kind = 'link' AND (stripe_session_id = $1 OR id = $2) ORDER BY stripe_session_id = $1 DESC NULLS LAST LIMIT 1";
static const char believed_sql[] =
	"SELECT id, status, stripe_session_id, created_at FROM payments WHERE kind = 'link' AND stripe_session_id IS NOT NULL AND status <> 'failed'"
	" AND created_at >= $1 AND created_at < $2 AND updated_at <= now() - make_interval(secs => $3)";

/* ---- Stripe's side */

static void
keep(struct arena *a UNUSED, void *context, const json_t *session)
{
	const char *id = json_text_at(session, "id");

	if (id != NULL)
		(void)json_object_set_new(context, id, json_pack("{ss* ss* ss* ss* sI sI}", "status", json_text_at(session, "status"),
		    "payment_status", json_text_at(session, "payment_status"), "payment_intent", json_text_at(session, "payment_intent"),
		    "payment_id", json_text_at(session, "metadata.payment_id"), "amount_total", (json_int_t)json_int_at(session, "amount_total", 0),
		    "created", (json_int_t)json_int_at(session, "created", 0)));
}

static void
forget(void *sessions)
{
	json_decref(sessions);
}

int
sessions_fetch(struct job *j, const struct reconciliation *r, json_t **ret, struct problem *err)
{
	*ret = json_object();
	arena_defer(j->arena, forget, *ret);
	return reconcile_list(j, r, "/v1/checkout/sessions", keep, *ret, err);
}

/* ---- the comparison */

static const char *
subject(struct job *j, const char *id)
{
	return arena_printf(j->arena, "session:%s", id);
}

/* By status: the money came by this link, whatever became of it; manual has a person already. */
static bool
took(const char *status)
{
	static const char *const words[] = { "paid", "refunding", "refunded", "manual" };

	for (size_t i = 0; i < COUNT(words); i++)
		if (strcmp(words[i], status) == 0)
			return true;
	return false;
}

/* The payer's intent is made when the page is paid, so it says when that was. */
static bool
paid_just_now(struct job *j, const json_t *session, const struct intents *intents)
{
	const char *id = json_text_at(session, "payment_intent");
	const struct intent *i = id != NULL ? intent_find(intents, id) : NULL;

	return i != NULL && clock_us() - i->created < conf_int(j->conf, "RECONCILE_GRACE") * US_PER_S;
}

static int
known(struct job *j, struct reconciliation *r, struct difference *d, const json_t *session, const struct row *w, struct problem *err)
{
	bool paid = strcmp(d->theirs, "paid") == 0;
	int64_t amount = json_int_at(session, "amount_total", 0);

	d->kind = "state";
	if (paid ? !took(d->ours) : strcmp(d->ours, "paid") == 0)
		return reconcile_differs(j->db, r, d, err);
	if (!paid || amount == row_int(w, "amount_cents"))
		return 0;
	d->kind = "amount";
	d->ours = arena_printf(j->arena, "%" PRId64, row_int(w, "amount_cents"));
	d->theirs = arena_printf(j->arena, "%" PRId64, amount);
	return reconcile_differs(j->db, r, d, err);
}

static int
compare(struct job *j, struct reconciliation *r, const char *id, const json_t *session, const struct intents *intents, struct problem *err)
{
	const char *paid = json_text_at(session, "payment_status"), *named = json_text_at(session, "payment_id"), *page = NULL;
	struct difference d = { .kind = "missing_here", .subject = subject(j, id), .vendor_ref = id,
		.object_at = json_int_at(session, "created", 0) * US_PER_S };
	struct uuid payment = UUID_NIL;
	char text[UUID_TEXT];
	const struct row *w;

	d.theirs = paid != NULL && strcmp(paid, "paid") == 0 ? "paid" : json_text_at(session, "status");
	if (d.theirs == NULL || (named != NULL && uuid_parse(named, &payment) < 0))
		payment = UUID_NIL;
	if (db_one(j->db, &w, ours_sql, err, P_TEXT(id), P_OPT_UUID(payment), P_INT(conf_int(j->conf, "RECONCILE_GRACE"))) < 0)
		return -1;
	if (d.theirs == NULL || (w != NULL && row_bool(w, "moving")) || paid_just_now(j, session, intents))
		return 0;
	if (w != NULL) {
		page = row_opt_str(w, "stripe_session_id");
		d.ours = row_str(w, "status");
	}
	/* Nobody's, or a second page of a link: what was paid there is not what the link was paid by. */
	if (page == NULL || strcmp(page, id) != 0)
		return strcmp(d.theirs, "paid") == 0 ? reconcile_differs(j->db, r, &d, err) : 0;
	d.subject = subject(j, uuid_text(row_uuid(w, "id"), text));
	return known(j, r, &d, session, w, err);
}

static int
missing_there(struct job *j, struct reconciliation *r, const json_t *all, struct problem *err)
{
	struct rows *rows;
	char id[UUID_TEXT];

	if (db_all(j->db, &rows, believed_sql, err, P_TIME(r->since), P_TIME(r->until), P_INT(conf_int(j->conf, "RECONCILE_GRACE"))) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *w = rows_at(rows, i);
		struct difference d = { .kind = "missing_there", .vendor_ref = row_str(w, "stripe_session_id"), .ours = row_str(w, "status"),
			.object_at = row_time(w, "created_at") };

		if (json_object_get(all, d.vendor_ref) != NULL || reconcile_at_edge(r, d.object_at))
			continue;
		d.subject = subject(j, uuid_text(row_uuid(w, "id"), id));
		if (reconcile_differs(j->db, r, &d, err) < 0)
			return -1;
	}
	return 0;
}

int
sessions_compare(struct job *j, struct reconciliation *r, json_t *all, const struct intents *intents, struct problem *err)
{
	const char *id;
	json_t *session;

	r->compared += (int64_t)json_object_size(all);
	json_object_foreach(all, id, session)
		if (compare(j, r, id, session, intents, err) < 0)
			return -1;
	return missing_there(j, r, all, err);
}
