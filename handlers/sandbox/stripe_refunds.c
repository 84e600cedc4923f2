/*
 * stripe_refunds.c: charges, refunds, coupons. Table: object (charge, refund, coupon).
 */
#include <math.h>

#include "sandbox/stripe.h"

int
sb_stripe_charge_get(struct call *c, struct problem *err)
{
	json_t *charge;
	int rc = sb_stripe_find(c, "charge", req_str(c->r, "id"), NULL, &charge, err);

	return rc != 0 ? rc : sb_stripe_show(c, charge);
}

/* ---- refunds */

static int
charge_of(struct call *c, json_t **ret, struct problem *err)
{
	const char *charge = sb_stripe_str(c, "charge"), *intent = sb_stripe_str(c, "payment_intent");
	json_t *p;
	int rc;

	if (charge == NULL && intent == NULL)
		return sb_stripe_invalid(c, 400, "parameter_missing", "charge",
		    "One of the following params should be provided: payment_intent or charge.");
	if (charge == NULL) {
		if ((rc = sb_stripe_find(c, "payment_intent", intent, "payment_intent", &p, err)) != 0)
			return rc;
		charge = json_text_at(p, "latest_charge");
		if (charge == NULL || !sb_is(p, "status", "succeeded"))
			return sb_stripe_invalid(c, 400, NULL, "payment_intent",
			    "This PaymentIntent (%s) does not have a successful charge to refund.", intent);
	}
	if ((rc = sb_stripe_find(c, "charge", charge, "charge", ret, err)) != 0)
		return rc;
	return json_is_true(json_object_get(*ret, "captured")) ? 0 :
	    sb_stripe_invalid(c, 400, NULL, "charge", "Charge %s has not been captured; cancel its PaymentIntent instead.", charge);
}

static json_t *
refund_new(struct call *c, const json_t *charge, int64_t amount, const char *reason)
{
	json_t *refund = sb_stripe_new(c, "re_", "refund");

	json_object_set_new(refund, "amount", json_integer(amount));
	json_object_set(refund, "currency", json_object_get(charge, "currency"));
	json_object_set(refund, "charge", json_object_get(charge, "id"));
	json_object_set(refund, "payment_intent", json_object_get(charge, "payment_intent"));
	json_object_set_new(refund, "reason", sb_stripe_null_or(reason));
	json_object_set_new(refund, "status", json_string("succeeded"));
	return refund;
}

int
sb_stripe_refund_create(struct call *c, struct problem *err)
{
	int64_t amount, captured, before;
	json_t *charge = NULL, *refund;
	const char *reason;
	int rc;

	if ((rc = sb_stripe_int(c, "amount", -1, &amount)) != 0 ||
	    (rc = sb_stripe_choice(c, "reason", "duplicate fraudulent requested_by_customer", NULL, &reason)) != 0)
		return rc;
	c->began = true;
	if ((rc = charge_of(c, &charge, err)) != 0)
		return rc;
	captured = json_int_at(charge, "amount_captured", 0);
	before = json_int_at(charge, "amount_refunded", 0);
	if (before >= captured)
		return sb_stripe_invalid(
		    c, 400, "charge_already_refunded", NULL, "Charge %s has already been refunded.", sb_text(charge, "id", ""));
	if (sb_stripe_str(c, "amount") == NULL)
		amount = captured - before;
	if (amount < 1 || amount > captured - before)
		return sb_stripe_invalid(c, 400, NULL, "amount", "Refund amount is greater than unrefunded amount on charge.");
	refund = refund_new(c, charge, amount, reason);
	if ((rc = sb_stripe_metadata(c, refund)) != 0)
		return rc;
	json_object_set_new(charge, "amount_refunded", json_integer(before + amount));
	json_object_set_new(charge, "refunded", json_boolean(before + amount == captured));
	if (sb_stripe_put(c, charge, err) < 0 || sb_stripe_add(c, refund, err) < 0 ||
	    sb_stripe_event(c, "refund.created", refund, err) < 0 || sb_stripe_event(c, "charge.refunded", charge, err) < 0)
		return -1;
	return sb_stripe_show(c, refund);
}

int
sb_stripe_refund_get(struct call *c, struct problem *err)
{
	json_t *refund;
	int rc = sb_stripe_find(c, "refund", req_str(c->r, "id"), NULL, &refund, err);

	return rc != 0 ? rc : sb_stripe_show(c, refund);
}

int
sb_stripe_refund_list(struct call *c, struct problem *err)
{
	json_t *want = sb_keep(c->arena, json_object());

	if (sb_stripe_str(c, "charge") != NULL)
		json_object_set_new(want, "charge", json_string(sb_stripe_str(c, "charge")));
	if (sb_stripe_str(c, "payment_intent") != NULL)
		json_object_set_new(want, "payment_intent", json_string(sb_stripe_str(c, "payment_intent")));
	return sb_stripe_answer_list(c, "refund", NULL, sb_dump(c->arena, want), "/v1/refunds", err);
}

/* ---- coupons */

static void
null_or_int(json_t *o, const char *name, bool has, int64_t v)
{
	json_object_set_new(o, name, has ? json_integer(v) : json_null());
}

/* percent_off and amount_off: exactly one of them, and the second with its currency. */
static int
discount(struct call *c, json_t *coupon)
{
	const char *percent = sb_stripe_str(c, "percent_off"), *currency = sb_stripe_str(c, "currency");
	bool has_amount = sb_stripe_str(c, "amount_off") != NULL;
	double share = 0;
	int64_t amount;
	char *end;
	int rc;

	if ((rc = sb_stripe_int(c, "amount_off", 0, &amount)) != 0)
		return rc;
	if ((percent != NULL) == has_amount)
		return sb_stripe_invalid(
		    c, 400, "parameter_missing", "percent_off", "Must provide exactly one of percent_off or amount_off.");
	if (has_amount && (amount < 1 || currency == NULL))
		return sb_stripe_invalid(
		    c, 400, "parameter_missing", "currency", "Must provide a positive amount_off with its currency.");
	if (percent != NULL) {
		share = strtod(percent, &end);
		if (*end != '\0' || !isfinite(share) || share <= 0 || share > 100)
			return sb_stripe_invalid(
			    c, 400, NULL, "percent_off", "Invalid percent_off: must be greater than 0 and at most 100");
	}
	null_or_int(coupon, "amount_off", has_amount, amount);
	json_object_set_new(coupon, "currency", sb_stripe_null_or(has_amount ? currency : NULL));
	json_object_set_new(coupon, "percent_off", percent != NULL ? json_real(share) : json_null());
	return 0;
}

static int
limits(struct call *c, json_t *coupon)
{
	int64_t most, until, months;
	const char *duration;
	int rc;

	if ((rc = sb_stripe_int(c, "max_redemptions", 0, &most)) != 0 || (rc = sb_stripe_int(c, "redeem_by", 0, &until)) != 0 ||
	    (rc = sb_stripe_int(c, "duration_in_months", 0, &months)) != 0 ||
	    (rc = sb_stripe_choice(c, "duration", "once repeating forever", "once", &duration)) != 0)
		return rc;
	if (until > sb_stripe_now() + INT64_C(5) * 366 * 86400)
		return sb_stripe_invalid(c, 400, NULL, "redeem_by", "redeem_by must be within five years");
	if (strcmp(duration, "repeating") == 0 && months < 1)
		return sb_stripe_invalid(
		    c, 400, "parameter_missing", "duration_in_months", "duration_in_months is required for repeating coupons");
	json_object_set_new(coupon, "duration", json_string(duration));
	null_or_int(coupon, "duration_in_months", months > 0, months);
	null_or_int(coupon, "max_redemptions", most > 0, most);
	null_or_int(coupon, "redeem_by", until > 0, until);
	json_object_set_new(coupon, "times_redeemed", json_integer(0));
	return 0;
}

static int
coupon_show(struct call *c, json_t *coupon)
{
	int64_t until = json_int_at(coupon, "redeem_by", 0), most = json_int_at(coupon, "max_redemptions", 0);
	bool valid = (until == 0 || until > sb_stripe_now()) && (most == 0 || json_int_at(coupon, "times_redeemed", 0) < most);

	json_object_set_new(coupon, "valid", json_boolean(valid));
	return sb_stripe_show(c, coupon);
}

int
sb_stripe_coupon_create(struct call *c, struct problem *err)
{
	json_t *coupon = sb_stripe_new(c, "", "coupon");
	const char *id = sb_stripe_str(c, "id");
	struct found f = { 0 };
	int rc;

	if (id != NULL)
		json_object_set_new(coupon, "id", json_string(id));
	else
		json_object_set_new(coupon, "id", json_string(sb_random(c->arena, "", 8)));
	if ((rc = discount(c, coupon)) != 0 || (rc = limits(c, coupon)) != 0 || (rc = sb_stripe_metadata(c, coupon)) != 0)
		return rc;
	sb_stripe_copy(c, coupon, "name");
	c->began = true;
	if (id != NULL && sb_get(c->db, "stripe", "coupon", id, true, &f, err) < 0)
		return -1;
	if (f.data != NULL)
		return sb_stripe_invalid(c, 400, "resource_already_exists", "id", "Coupon already exists.");
	if (sb_stripe_add(c, coupon, err) < 0)
		return -1;
	return coupon_show(c, coupon);
}

int
sb_stripe_coupon_get(struct call *c, struct problem *err)
{
	json_t *coupon;
	int rc = sb_stripe_find(c, "coupon", req_str(c->r, "id"), NULL, &coupon, err);

	return rc != 0 ? rc : coupon_show(c, coupon);
}
