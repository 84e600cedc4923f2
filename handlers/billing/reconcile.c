/*
 * reconcile.c: our payments against Stripe's own list (X-SAGA-07). Every hour the last three days, and each day once when it is over. What
 * Stripe holds or took and we do not know, what we believe and Stripe does not have, another amount, another state: each is a difference
 * until a later round no longer sees it. Nothing is mended here; money is moved by the saga or by a person. What was given back is
 * compared by reconcile_refunds.c, the pages where links are paid by reconcile_sessions.c.
 */
#include "base/clock.h"
#include "billing/billing.h"
#include "billing/reconcile.h"

static const char ours_sql[] =
	"SELECT id, status, authorized_cents, captured_cents, stripe_payment_intent, created_at, updated_at > now() - make_interval(secs => $3)"
	" AS moving FROM payments WHERE id = $1 OR stripe_payment_intent = $2 ORDER BY id = $1 DESC LIMIT 1";
/* What we believe Stripe to hold or to have taken. */
static const char believed_sql[] =
	"SELECT id, status, authorized_cents, captured_cents, stripe_payment_intent, created_at FROM payments"
	" WHERE created_at >= $1 AND created_at < $2 AND status IN ('authorized', 'capturing', 'captured', 'cancelling', 'cancelled', 'paid')"
	" AND updated_at <= now() - make_interval(secs => $3) AND stripe_payment_intent IS NOT NULL";

/* ---- Stripe's side */

static void
keep(struct arena *a, void *context, const json_t *o)
{
	struct intents *all = context;
	const char *named = json_text_at(json_object_get(o, "metadata"), "payment_id");
	struct intent *i;

	if (all->n == all->room) {
		struct intent *more = arena_alloc(a, (all->room * 2 + RECONCILE_PAGE) * sizeof(*more));

		if (all->n > 0)
			memcpy(more, all->at, all->n * sizeof(*more));
		all->at = more;
		all->room = all->room * 2 + RECONCILE_PAGE;
	}
	i = &all->at[all->n++];
	*i = (struct intent){ .id = arena_dup(a, json_text_at(o, "id")), .status = arena_dup(a, json_text_at(o, "status")),
		.amount = json_int_at(o, "amount", 0), .received = json_int_at(o, "amount_received", 0),
		.created = json_int_at(o, "created", 0) * US_PER_S };
	if (named != NULL && uuid_parse(named, &i->payment) < 0)
		i->payment = UUID_NIL;
}

/* Until the list passes the beginning of the window. A page's tree goes before the next one comes. */
int
reconcile_list(struct job *j, const struct reconciliation *r, const char *path, reconcile_each *each, void *context, struct problem *err)
{
	const char *after = "";
	bool more = true;

	while (more) {
		struct arena *a = arena_new(0);
		json_t *page, *data, *o;
		size_t i;

		page = stripe_ask(j->http, a, j->conf, &(struct stripe_call){ .method = "GET", .path = arena_printf(a,
		    "%s?limit=%d&created%%5Bgte%%5D=%" PRId64 "&created%%5Blt%%5D=%" PRId64 "%s%s", path, RECONCILE_PAGE,
		    r->since / US_PER_S, r->until / US_PER_S, *after == '\0' ? "" : "&starting_after=", after) }, err);
		if (page == NULL) {
			arena_free(a);
			return -1;
		}
		data = json_object_get(page, "data");
		more = json_is_true(json_object_get(page, "has_more")) && json_array_size(data) > 0;
		json_array_foreach(data, i, o) {
			int64_t created = json_int_at(o, "created", 0) * US_PER_S;

			after = arena_dup(j->arena, json_text_at(o, "id"));
			more = more && created >= r->since;
			if (created >= r->since && created < r->until)
				each(j->arena, context, o);
		}
		arena_free(a);
	}
	return 0;
}

/* ---- the comparison */

/* Our word for Stripe's; NULL: nothing was held or taken there, whatever the reason. */
static const char *
word_of(const char *status)
{
	if (strcmp(status, "requires_capture") == 0)
		return "authorized";
	if (strcmp(status, "succeeded") == 0)
		return "captured";
	return strcmp(status, "canceled") == 0 ? "cancelled" : NULL;
}

/* The end of an act that we have begun is as good as its beginning. */
static bool
agrees(const char *ours, const char *theirs)
{
	if (theirs == NULL || strcmp(theirs, "cancelled") == 0)
		return strcmp(ours, "authorized") != 0 && strcmp(ours, "captured") != 0 && strcmp(ours, "capturing") != 0 &&
		    strcmp(ours, "paid") != 0;
	if (strcmp(theirs, "captured") == 0)
		return strcmp(ours, "captured") == 0 || strcmp(ours, "paid") == 0 || strcmp(ours, "capturing") == 0 || strcmp(ours, "refunding") == 0 ||
		    strcmp(ours, "refunded") == 0;	/* an intent that was refunded stays succeeded */
	return strcmp(ours, "authorized") == 0 || strcmp(ours, "capturing") == 0 || strcmp(ours, "cancelling") == 0;
}

static int
compare(struct job *j, struct reconciliation *r, const struct intent *i, struct problem *err)
{
	const char *theirs = word_of(i->status);
	struct difference d = { .subject = i->id, .vendor_ref = i->id, .theirs = i->status, .object_at = i->created };
	const struct row *w;
	int64_t ours_cents, theirs_cents = theirs == NULL || strcmp(theirs, "cancelled") == 0 ? 0 :
	    strcmp(theirs, "captured") == 0 ? i->received : i->amount;

	if (db_one(j->db, &w, ours_sql, err, P_OPT_UUID(i->payment), P_TEXT(i->id), P_INT(conf_int(j->conf, "RECONCILE_GRACE"))) < 0)
		return -1;
	if (w == NULL) {
		d.kind = "missing_here";
		r->theirs_cents += theirs_cents;
		return theirs_cents == 0 ? 0 : reconcile_differs(j->db, r, &d, err);
	}
	/* Neither side has had the time to hear of the other: an intent of a link is made when it is paid. */
	if (row_bool(w, "moving") || clock_us() - i->created < conf_int(j->conf, "RECONCILE_GRACE") * US_PER_S)
		return 0;
	ours_cents = row_int(w, "captured_cents") > 0 ? row_int(w, "captured_cents") :
	    agrees(row_str(w, "status"), "authorized") ? row_int(w, "authorized_cents") : 0;
	r->ours_cents += ours_cents;
	r->theirs_cents += theirs_cents;
	d.subject = uuid_text(row_uuid(w, "id"), arena_alloc(j->arena, UUID_TEXT));
	d.ours = row_str(w, "status");
	if (!agrees(d.ours, theirs)) {
		d.kind = "state";
		return reconcile_differs(j->db, r, &d, err);
	}
	if (ours_cents == theirs_cents)
		return 0;
	d.kind = "amount";
	d.ours = arena_printf(j->arena, "%" PRId64, ours_cents);
	d.theirs = arena_printf(j->arena, "%" PRId64, theirs_cents);
	return reconcile_differs(j->db, r, &d, err);
}

static int
by_id(const void *a, const void *b)
{
	return strcmp(((const struct intent *)a)->id, ((const struct intent *)b)->id);
}

const struct intent *
intent_find(const struct intents *all, const char *id)
{
	const struct intent key = { .id = id };

	return all->n > 0 ? bsearch(&key, all->at, all->n, sizeof(key), by_id) : NULL;
}

bool
reconcile_at_edge(const struct reconciliation *r, int64_t at)
{
	return at - r->since < RECONCILE_EDGE_US || r->until - at < RECONCILE_EDGE_US;
}

static int
missing_there(struct job *j, struct reconciliation *r, const struct intents *all, struct problem *err)
{
	struct rows *believed;

	if (db_all(j->db, &believed, believed_sql, err, P_TIME(r->since), P_TIME(r->until),
	    P_INT(conf_int(j->conf, "RECONCILE_GRACE"))) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(believed); i++) {
		const struct row *w = rows_at(believed, i);
		struct difference d = { .kind = "missing_there", .vendor_ref = row_str(w, "stripe_payment_intent"), .ours = row_str(w, "status"),
			.object_at = row_time(w, "created_at") };

		if (intent_find(all, d.vendor_ref) != NULL || reconcile_at_edge(r, d.object_at))
			continue;
		r->compared++;
		r->ours_cents += row_int(w, "authorized_cents");
		d.subject = uuid_text(row_uuid(w, "id"), arena_alloc(j->arena, UUID_TEXT));
		if (reconcile_differs(j->db, r, &d, err) < 0)
			return -1;
	}
	return 0;
}

int
payments_reconcile_job(struct job *j, struct problem *err)
{
	struct reconciliation r = { .vendor = "stripe", .money = true };
	bool close = strcmp(j->kind, "stripe.close") == 0;
	struct intents all = { 0 };
	struct refunds refunds;
	json_t *sessions;

	if (job_read(j, err) < 0 || reconcile_window(j->db, close ? job_str(j, "dueAt") : NULL, &r, err) < 0 || job_read_end(j, err) < 0 ||
	    reconcile_list(j, &r, "/v1/payment_intents", keep, &all, err) < 0 || refunds_fetch(j, &r, &refunds, err) < 0 ||
	    sessions_fetch(j, &r, &sessions, err) < 0 || job_begin(j, err) < 0)
		return -1;
	reconcile_begin(&r);
	r.compared = (int64_t)all.n;
	for (size_t i = 0; i < all.n; i++)
		if (compare(j, &r, &all.at[i], err) < 0)
			return -1;
	if (all.n > 0)
		qsort(all.at, all.n, sizeof(*all.at), by_id);
	if (missing_there(j, &r, &all, err) < 0 || refunds_compare(j, &r, &refunds, err) < 0 ||
	    sessions_compare(j, &r, sessions, &all, err) < 0 || reconcile_end(j->db, &r, err) < 0)
		return -1;
	return job_end(j, err);
}
