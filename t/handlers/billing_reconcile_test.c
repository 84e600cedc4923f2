/*
 * billing_reconcile_test.c: our payments against Stripe's list (X-SAGA-07): planted drift of each kind is found and named, agreement is
 * silent, and what was mended is resolved by the next round.
 */
#include "billing_world.h"

#include "base/clock.h"

static int64_t
ago(int64_t seconds)
{
	return clock_us() / US_PER_S - seconds;
}

static const char *
listed(struct world *w, const char *id, const char *payment, const char *status, int amount, int64_t created)
{
	return text(w, "{\"id\":\"%s\",\"object\":\"payment_intent\",\"status\":\"%s\",\"amount\":%d,\"amount_received\":%d,"
	    "\"currency\":\"usd\",\"created\":%" PRId64 ",\"metadata\":{\"payment_id\":\"%s\"}}", id, status, amount,
	    strcmp(status, "succeeded") == 0 ? amount : 0, created, payment);
}

static void
stripe_lists(struct world *w, const char *first, const char *second)
{
	stub(w, "GET", "/v1/payment_intents?limit=100*", 200, text(w, "{\"object\":\"list\",\"has_more\":false,\"data\":[%s%s%s]}",
	    first, *first != '\0' && *second != '\0' ? "," : "", second));
	stub(w, "GET", "/v1/refunds?limit=100*", 200, "{\"object\":\"list\",\"has_more\":false,\"data\":[]}");
	stub(w, "GET", "/v1/checkout/sessions?limit=100*", 200, "{\"object\":\"list\",\"has_more\":false,\"data\":[]}");
}

static const char *
refund(struct world *w, const char *id, const char *intent, int cents, const char *status)
{
	return text(w, "{\"id\":\"%s\",\"object\":\"refund\",\"status\":\"%s\",\"amount\":%d,\"currency\":\"usd\",\"created\":%" PRId64
	    ",\"payment_intent\":\"%s\"}", id, status, cents, ago(1800), intent);
}

/* list: of the window; each intent's own list is asked for besides. */
static void
stripe_gave_back(struct world *w, const char *list)
{
	stub(w, "GET", "/v1/refunds?limit=100*", 200, text(w, "{\"object\":\"list\",\"has_more\":false,\"data\":[%s]}", list));
}

static void
reconcile(struct world *w)
{
	job_later(w, "stripe.reconcile", NULL);
	work(w);
}

static int64_t
open_differences(struct world *w, const char *kind)
{
	return sql_int(w, "SELECT count(*) FROM reconciliation_difference WHERE resolved_at IS NULL AND kind = '%s'", kind);
}

/* A payment old enough that Stripe's list of the window must hold it. */
static const char *
settled(struct world *w, unsigned run)
{
	const char *id = authorized(w, run);

	sql_run(w, "UPDATE payments SET created_at = now() - interval '1 hour', updated_at = now() - interval '1 hour' WHERE id = '%s'", id);
	return id;
}

static void
X_SAGA_07_two_sides_that_agree_differ_in_nothing(void **state)
{
	struct world *w = *state;
	const char *held = settled(w, 801);

	stripe_lists(w, listed(w, "pi_801", held, "requires_capture", 29900, ago(3600)), "");
	reconcile(w);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM reconciliation_difference"), 0);
	assert_int_equal(sql_int(w, "SELECT compared FROM reconciliation ORDER BY finished_at DESC LIMIT 1"), 1);
	assert_int_equal(sql_int(w, "SELECT ours_cents FROM reconciliation ORDER BY finished_at DESC LIMIT 1"), 29900);
	assert_int_equal(sql_int(w, "SELECT theirs_cents FROM reconciliation ORDER BY finished_at DESC LIMIT 1"), 29900);
}

static void
X_SAGA_07_planted_drift_of_each_kind_is_found_and_later_resolved(void **state)
{
	struct world *w = *state;
	const char *absent = settled(w, 811), *other = settled(w, 812), *moved = settled(w, 813);
	const char *odd = listed(w, "pi_812", other, "requires_capture", 19900, ago(3600));
	const char *taken = listed(w, "pi_813", moved, "succeeded", 29900, ago(3600));
	const char *stranger = listed(w, "pi_stranger", "", "succeeded", 5000, ago(3600));
	const char *first = listed(w, "pi_801", sql_text(w, "SELECT id FROM payments WHERE stripe_payment_intent = 'pi_801'"),
	    "requires_capture", 29900, ago(3600));

	stripe_lists(w, first, text(w, "%s,%s,%s", odd, taken, stranger));
	reconcile(w);
	assert_string_equal(sql_text(w, "SELECT subject FROM reconciliation_difference WHERE kind = 'missing_there'"), absent);
	assert_string_equal(sql_text(w, "SELECT ours || ' ' || theirs FROM reconciliation_difference WHERE kind = 'amount'"), "29900 19900");
	assert_string_equal(sql_text(w, "SELECT ours || ' ' || theirs FROM reconciliation_difference WHERE kind = 'state'"),
	    "authorized succeeded");
	assert_string_equal(sql_text(w, "SELECT subject FROM reconciliation_difference WHERE kind = 'missing_here'"), "pi_stranger");
	assert_int_equal(sql_int(w, "SELECT differences FROM reconciliation ORDER BY finished_at DESC LIMIT 1"), 4);
	/* Again: the same four, not eight. */
	reconcile(w);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM reconciliation_difference"), 4);
	/* Stripe now shows what we believe of two of them. */
	stripe_lists(w, first, text(w, "%s,%s,%s", listed(w, "pi_811", absent, "requires_capture", 29900, ago(3600)),
	    listed(w, "pi_812", other, "requires_capture", 29900, ago(3600)), taken));
	reconcile(w);
	assert_int_equal(open_differences(w, "missing_there") + open_differences(w, "amount") + open_differences(w, "missing_here"), 0);
	assert_int_equal(open_differences(w, "state"), 1);
}

static void
X_SAGA_07_a_day_is_closed_once(void **state)
{
	struct world *w = *state;
	char due[CLOCK_TEXT];
	int64_t midnight = clock_us() / (86400 * US_PER_S) * 86400 * US_PER_S;
	const char *args = text(w, "{\"dueAt\":\"%s\"}", clock_text(midnight, due));

	stripe_lists(w, "", "");
	for (int i = 0; i < 2; i++) {
		job_later(w, "stripe.close", args);
		work(w);
	}
	assert_int_equal(sql_int(w, "SELECT count(*) FROM reconciliation WHERE closes = (now() AT TIME ZONE 'UTC')::date - 1"), 1);
	assert_int_equal(sql_int(w, "SELECT extract(epoch FROM until - since)::bigint FROM reconciliation WHERE closes IS NOT NULL"), 86400);
}

static void
X_SAGA_07_a_payment_that_moves_at_this_moment_is_left_to_the_next_round(void **state)
{
	struct world *w = *state;
	const char *fresh = authorized(w, 831);
	int64_t before = sql_int(w, "SELECT count(*) FROM reconciliation_difference WHERE subject = '%s'", fresh);

	stripe_lists(w, listed(w, "pi_831", fresh, "succeeded", 29900, ago(1)), "");
	reconcile(w);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM reconciliation_difference WHERE subject = '%s'", fresh), before);
}

static void
X_SAGA_07_the_list_is_read_to_the_beginning_of_the_window(void **state)
{
	struct world *w = *state;

	stubs_clear(w);
	stripe_lists(w, "", "");
	stub(w, "GET", "/v1/payment_intents?limit=100*", 200,
	    text(w, "{\"object\":\"list\",\"has_more\":true,\"data\":[%s]}", listed(w, "pi_old", "", "succeeded", 100, ago(80 * 3600))));
	stub_once(w, "GET", "/v1/payment_intents?limit=100*", 200,
	    text(w, "{\"object\":\"list\",\"has_more\":true,\"data\":[%s]}", listed(w, "pi_page1", "", "succeeded", 100, ago(60))));
	reconcile(w);
	assert_int_equal(sent_count(w, "GET", "/v1/payment_intents*"), 2);
	assert_non_null(strstr(sent_to(w, "GET", "/v1/payment_intents*", -1)->path, "&starting_after=pi_page1"));
	assert_int_equal(sql_int(w, "SELECT count(*) FROM reconciliation_difference WHERE subject = 'pi_page1'"), 1);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM reconciliation_difference WHERE subject = 'pi_old'"), 0);
}

/* A captured payment of which we booked so much as given back. */
static const char *
given_back(struct world *w, unsigned run, int cents)
{
	const char *id = settled(w, run);

	sql_run(w, "UPDATE payments SET status = 'capturing' WHERE id = '%s'", id);
	sql_run(w, "UPDATE payments SET status = 'captured', captured_cents = 29900, updated_at = now() - interval '1 hour' WHERE id = '%s'", id);
	if (cents > 0)
		sql_run(w, "INSERT INTO ledger (tenant_id, transaction_id, payment_id, kind, account, amount_cents, currency, at, reference)"
		    " SELECT tenant_id, id, id, 'refunded', account, sign * %d, 'USD', now() - interval '30 minutes', 'test'"
		    " FROM payments, (VALUES ('refunds', 1), ('stripe_balance', -1)) e (account, sign) WHERE id = '%s'", cents, id);
	return id;
}

static void
of_the_intent(struct world *w, const char *intent, const char *list)
{
	stub(w, "GET", text(w, "/v1/refunds?payment_intent=%s&limit=100", intent), 200,
	    text(w, "{\"object\":\"list\",\"has_more\":false,\"data\":[%s]}", list));
}

static void
X_SAGA_07_refunds_differ_by_their_sums_and_in_both_directions(void **state)
{
	struct world *w = *state;
	const char *agreed = given_back(w, 841, 29900), *less = given_back(w, 842, 1000), *none = given_back(w, 843, 29900);
	const char *a = refund(w, "re_841", "pi_841", 29900, "succeeded"), *stranger = refund(w, "re_x", "pi_x", 700, "succeeded");
	const char *b = refund(w, "re_842", "pi_842", 500, "succeeded"), *before = refund(w, "re_842_old", "pi_842", 1500, "succeeded");
	const char *failed = refund(w, "re_843", "pi_843", 29900, "failed");

	sql_run(w, "DELETE FROM reconciliation_difference");
	stripe_lists(w, "", "");
	stripe_gave_back(w, text(w, "%s,%s,%s,%s", a, b, stranger, failed));
	of_the_intent(w, "pi_841", a);
	of_the_intent(w, "pi_842", text(w, "%s,%s", b, before));
	of_the_intent(w, "pi_x", stranger);
	for (int i = 0; i < 2; i++) {
		reconcile(w);
		assert_string_equal(sql_text(w, "SELECT string_agg(concat_ws(' ', kind, subject, ours, theirs), ', ' ORDER BY kind)"
		    " FROM reconciliation_difference WHERE subject LIKE 'refund:%%' AND resolved_at IS NULL"),
		    text(w, "amount refund:%s 1000 2000, missing_here refund:re_x 700, missing_there refund:%s 29900", less, none));
	}
	assert_int_equal(sql_int(w, "SELECT count(*) FROM reconciliation_difference WHERE subject = 'refund:%s'", agreed), 0);
	/* Booked, and the refund that had failed was made again. */
	sql_run(w, "UPDATE payments SET stripe_payment_intent = 'pi_x' WHERE id = '%s'", given_back(w, 844, 700));
	stripe_gave_back(w, text(w, "%s,%s,%s", a, stranger, refund(w, "re_843b", "pi_843", 29900, "pending")));
	of_the_intent(w, "pi_843", refund(w, "re_843b", "pi_843", 29900, "pending"));
	reconcile(w);
	assert_string_equal(sql_text(w, "SELECT string_agg(subject, ' ') FROM reconciliation_difference WHERE resolved_at IS NULL"
	    " AND subject LIKE 'refund:%%'"), text(w, "refund:%s", less));
}

/* ---- pages where links are paid */

/* A link of an hour ago; its page is cs_<n>. */
static const char *
link_of(struct world *w, unsigned n, const char *status, int cents)
{
	char id[UUID_TEXT];

	uuid_text(uuid_new(), id);
	sql_run(w, "INSERT INTO payments (id, kind, patient_id, run_id, prescription_id, adjudication_id, purpose, generation, amount_cents, currency, status,"
	    " link_expires_at, stripe_session_id, created_at, updated_at) SELECT '%s', 'link', gen_random_uuid(), rx, rx, gen_random_uuid(), 'copay', 1, %d,"
	    " 'USD', '%s', now() + interval '23 hours', 'cs_%u', now() - interval '1 hour', now() - interval '1 hour' FROM gen_random_uuid() AS rx", id, cents,
	    status, n);
	return text(w, "%s", id);
}

static const char *
page(struct world *w, const char *id, const char *payment, const char *status, int cents, const char *intent)
{
	bool paid = strcmp(status, "paid") == 0;

	return text(w, "{\"id\":\"%s\",\"object\":\"checkout.session\",\"status\":\"%s\",\"payment_status\":\"%s\",\"amount_total\":%d,"
	    "\"currency\":\"usd\",\"payment_intent\":%s%s%s,\"created\":%" PRId64 ",\"metadata\":{\"payment_id\":\"%s\"}}", id, paid ? "complete" : status,
	    paid ? "paid" : "unpaid", cents, intent != NULL ? "\"" : "", intent != NULL ? intent : "null", intent != NULL ? "\"" : "", ago(3600), payment);
}

static void
stripe_has_pages(struct world *w, const char *pages)
{
	stub(w, "GET", "/v1/checkout/sessions?limit=100*", 200, text(w, "{\"object\":\"list\",\"has_more\":false,\"data\":[%s]}", pages));
}

static const char *
of_pages(struct world *w)
{
	return sql_text(w, "SELECT string_agg(concat_ws(' ', kind, subject, ours, theirs), ', ' ORDER BY kind, vendor_ref) FROM reconciliation_difference"
	    " WHERE subject LIKE 'session:%%' AND resolved_at IS NULL");
}

static void
X_SAGA_07_pages_differ_from_links_in_both_directions(void **state)
{
	struct world *w = *state;
	const char *agreed = link_of(w, 1, "paid", 500), *unheard = link_of(w, 2, "expired", 500), *believed = link_of(w, 3, "paid", 500);
	const char *odd = link_of(w, 4, "paid", 500), *lost = link_of(w, 5, "pending", 500), *over = link_of(w, 6, "expired", 500);
	const char *back = link_of(w, 7, "refunded", 500), *same, *rest;

	sql_run(w, "DELETE FROM reconciliation_difference");
	stripe_lists(w, "", "");
	same = text(w, "%s,%s,%s,%s", page(w, "cs_1", agreed, "paid", 500, NULL), page(w, "cs_6", over, "expired", 500, NULL),
	    page(w, "cs_7", back, "paid", 500, NULL), page(w, "cs_open", "", "open", 900, NULL));
	rest = text(w, "%s,%s,%s,%s", page(w, "cs_second", agreed, "paid", 500, NULL), page(w, "cs_stranger", "", "paid", 900, NULL),
	    page(w, "cs_3", believed, "expired", 500, NULL), page(w, "cs_4", odd, "paid", 400, NULL));
	stripe_has_pages(w, text(w, "%s,%s,%s", same, rest, page(w, "cs_2", unheard, "paid", 500, NULL)));
	for (int i = 0; i < 2; i++) {
		reconcile(w);
		assert_string_equal(of_pages(w), text(w, "amount session:%s 500 400, missing_here session:cs_second paid paid, "
		    "missing_here session:cs_stranger paid, missing_there session:%s pending, state session:%s expired paid, state session:%s paid expired",
		    odd, lost, unheard, believed));
	}
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE kind = 'reconciliation.difference' AND subject LIKE 'stripe/%%/session:%%'"), 6);
	/* The event came after all, and the account shows the rest as we have it. */
	sql_run(w, "UPDATE payments SET status = 'paid', updated_at = now() - interval '1 hour' WHERE id = '%s'", unheard);
	stripe_has_pages(w, text(w, "%s,%s,%s,%s,%s", same, page(w, "cs_2", unheard, "paid", 500, NULL), page(w, "cs_3", believed, "paid", 500, NULL),
	    page(w, "cs_4", odd, "paid", 500, NULL), page(w, "cs_5", lost, "open", 500, NULL)));
	reconcile(w);
	assert_string_equal(of_pages(w), "");
}

static void
X_SAGA_07_a_page_that_is_paid_at_this_moment_is_left_to_the_next_round(void **state)
{
	struct world *w = *state;
	const char *now = link_of(w, 11, "pending", 500);

	stripe_lists(w, listed(w, "pi_now", now, "succeeded", 500, ago(5)), "");
	stripe_has_pages(w, page(w, "cs_11", now, "paid", 500, "pi_now"));
	reconcile(w);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM reconciliation_difference WHERE subject IN ('%s', 'session:%s')", now, now), 0);
	stripe_lists(w, listed(w, "pi_now", now, "succeeded", 500, ago(3000)), "");
	stripe_has_pages(w, page(w, "cs_11", now, "paid", 500, "pi_now"));
	reconcile(w);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM reconciliation_difference WHERE subject IN ('%s', 'session:%s')", now, now), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(X_SAGA_07_two_sides_that_agree_differ_in_nothing),
		cmocka_unit_test(X_SAGA_07_planted_drift_of_each_kind_is_found_and_later_resolved),
		cmocka_unit_test(X_SAGA_07_a_day_is_closed_once),
		cmocka_unit_test(X_SAGA_07_a_payment_that_moves_at_this_moment_is_left_to_the_next_round),
		cmocka_unit_test(X_SAGA_07_the_list_is_read_to_the_beginning_of_the_window),
		cmocka_unit_test(X_SAGA_07_refunds_differ_by_their_sums_and_in_both_directions),
		cmocka_unit_test(X_SAGA_07_pages_differ_from_links_in_both_directions),
		cmocka_unit_test(X_SAGA_07_a_page_that_is_paid_at_this_moment_is_left_to_the_next_round),
	};

	return cmocka_run_group_tests(tests, billing_setup, billing_teardown);
}
