/*
 * reconcile_refunds.c: what Stripe gave back against what we booked as given back (X-SAGA-07), a part of each round of reconcile.c. Every
 * refund of the window names its intent; of each such intent all refunds are asked for, since a part may have gone back before the window,
 * and their sum is held against our ledger. Then the other way: what we booked in the window and Stripe has no refund for. A difference's
 * subject is `refund:` and the refund or the payment, beside those of the payment itself.
 */
#include "base/clock.h"
#include "billing/billing.h"
#include "billing/reconcile.h"

static const char ours_sql[] =
	"SELECT p.id, p.updated_at > now() - make_interval(secs => $2) AS moving, (SELECT coalesce(sum(l.amount_cents), 0)::bigint FROM ledger l"
	"  WHERE l.payment_id = p.id AND l.kind = 'refunded' AND l.account = 'refunds') AS cents"
	" FROM payments p WHERE p.stripe_payment_intent = $1";
static const char booked_sql[] =
	"SELECT p.id, p.stripe_payment_intent, sum(l.amount_cents)::bigint AS cents, min(l.at) AS at FROM ledger l JOIN payments p ON p.id = l.payment_id"
	" WHERE l.kind = 'refunded' AND l.account = 'refunds' AND l.at >= $1 AND l.at < $2 AND p.updated_at <= now() - make_interval(secs => $3)"
	" GROUP BY p.id, p.stripe_payment_intent";

/* ---- Stripe's side */

static struct refunded *
of_intent(struct refunds *all, const char *intent)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->at[i].intent, intent) == 0)
			return &all->at[i];
	return NULL;
}

/* Money that went back or is on its way; a refund that failed stayed with us. */
static bool
counts(const json_t *refund)
{
	const char *status = json_text_at(refund, "status");

	return status != NULL && (strcmp(status, "succeeded") == 0 || strcmp(status, "pending") == 0);
}

static void
keep(struct arena *a, void *context, const json_t *refund)
{
	struct refunds *all = context;
	const char *intent = json_text_at(refund, "payment_intent");
	struct refunded *more;

	if (intent == NULL || !counts(refund) || of_intent(all, intent) != NULL)
		return;
	if (all->n % RECONCILE_PAGE == 0) {
		more = arena_alloc(a, (all->n + RECONCILE_PAGE) * sizeof(*more));
		if (all->n > 0)
			memcpy(more, all->at, all->n * sizeof(*more));
		all->at = more;
	}
	all->at[all->n++] = (struct refunded){ .intent = arena_dup(a, intent), .id = arena_dup(a, json_text_at(refund, "id")),
		.created = json_int_at(refund, "created", 0) * US_PER_S };
}

int
refunds_fetch(struct job *j, const struct reconciliation *r, struct refunds *ret, struct problem *err)
{
	*ret = (struct refunds){ .n = 0 };
	if (reconcile_list(j, r, "/v1/refunds", keep, ret, err) < 0)
		return -1;
	for (size_t i = 0; i < ret->n; i++) {
		struct refunded *f = &ret->at[i];
		const json_t *refund;
		json_t *rows = charge_list(j, arena_printf(j->arena, "/v1/refunds?payment_intent=%s&limit=100", f->intent));
		size_t k;

		if (!json_is_array(rows))
			return problem(err, 503, "stripe_unavailable", "Stripe does not list the refunds of an intent");
		json_array_foreach(rows, k, refund)
			f->cents += counts(refund) ? json_int_at(refund, "amount", 0) : 0;
	}
	return 0;
}

/* ---- the comparison */

static const char *
cents(struct job *j, int64_t n)
{
	return arena_printf(j->arena, "%" PRId64, n);
}

static const char *
subject(struct job *j, const char *id)
{
	return arena_printf(j->arena, "refund:%s", id);
}

static int
compare(struct job *j, struct reconciliation *r, const struct refunded *f, struct problem *err)
{
	struct difference d = { .kind = "missing_here", .subject = subject(j, f->id), .vendor_ref = f->id, .theirs = cents(j, f->cents),
		.object_at = f->created };
	char id[UUID_TEXT];
	const struct row *w;

	if (db_one(j->db, &w, ours_sql, err, P_TEXT(f->intent), P_INT(conf_int(j->conf, "RECONCILE_GRACE"))) < 0)
		return -1;
	if (w == NULL)
		return reconcile_differs(j->db, r, &d, err);
	if (row_bool(w, "moving") || row_int(w, "cents") == f->cents)
		return 0;
	d.kind = "amount";
	d.subject = subject(j, uuid_text(row_uuid(w, "id"), id));
	d.ours = cents(j, row_int(w, "cents"));
	return reconcile_differs(j->db, r, &d, err);
}

int
refunds_compare(struct job *j, struct reconciliation *r, struct refunds *all, struct problem *err)
{
	struct rows *booked;
	char id[UUID_TEXT];

	r->compared += (int64_t)all->n;
	for (size_t i = 0; i < all->n; i++)
		if (compare(j, r, &all->at[i], err) < 0)
			return -1;
	if (db_all(j->db, &booked, booked_sql, err, P_TIME(r->since), P_TIME(r->until), P_INT(conf_int(j->conf, "RECONCILE_GRACE"))) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(booked); i++) {
		const struct row *w = rows_at(booked, i);
		const char *intent = row_str(w, "stripe_payment_intent");
		struct difference d = { .kind = "missing_there", .vendor_ref = intent, .ours = cents(j, row_int(w, "cents")),
			.object_at = row_time(w, "at") };

		/* Made before the window by Stripe's clock and heard of in it, or heard of at its end: the next window's business. */
		if (of_intent(all, intent) != NULL || reconcile_at_edge(r, d.object_at))
			continue;
		d.subject = subject(j, uuid_text(row_uuid(w, "id"), id));
		if (reconcile_differs(j->db, r, &d, err) < 0)
			return -1;
	}
	return 0;
}
