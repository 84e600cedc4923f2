/*
 * stripe_customers.c: customers. Table: object (customer). Nothing is required and nothing is unique: two posts are two
 * customers.
 */
#include "sandbox/stripe.h"

#define KEPT "email name phone description address shipping business_name individual_name"

static int
fill(struct call *c, json_t *customer, struct problem *err)
{
	const char *dflt = json_text_at(c->in, "invoice_settings.default_payment_method");
	int rc;

	sb_stripe_copy(c, customer, KEPT);
	if (json_object_get(customer, "invoice_settings") == NULL) {
		json_object_set_new(customer, "invoice_settings", json_object());
		json_object_set_new(json_object_get(customer, "invoice_settings"), "default_payment_method", json_null());
	}
	if (dflt != NULL && *dflt != '\0') {
		json_t *pm;

		if ((rc = sb_stripe_method_find(c, dflt, "invoice_settings[default_payment_method]", &pm, err)) != 0)
			return rc;
		if (!sb_is(pm, "customer", json_text_at(customer, "id")))
			return sb_stripe_invalid(c, 400, NULL, "invoice_settings[default_payment_method]",
			    "The payment method is not attached to the customer.");
		json_object_set_new(
		    json_object_get(customer, "invoice_settings"), "default_payment_method", json_string(json_text_at(pm, "id")));
	}
	return 0;
}

int
sb_stripe_customer_create(struct call *c, struct problem *err)
{
	json_t *customer = sb_stripe_new(c, "cus_", "customer"), *pm = NULL;
	const char *given = sb_stripe_str(c, "payment_method");
	int rc;

	if ((rc = sb_stripe_metadata(c, customer)) != 0)
		return rc;
	c->began = true;
	if ((rc = fill(c, customer, err)) != 0)
		return rc;
	if (given != NULL) {
		if ((rc = sb_stripe_method_find(c, given, "payment_method", &pm, err)) != 0 ||
		    (rc = sb_stripe_method_usable(c, pm, NULL)) != 0)
			return rc;
		if (!sb_stripe_card_of(pm)->attaches)
			return sb_stripe_declined(c, &sb_stripe_card_of(pm)->decline, NULL, NULL, NULL);
		if (sb_stripe_method_attach(c, pm, json_text_at(customer, "id"), err) < 0)
			return -1;
	}
	if (sb_stripe_add(c, customer, err) < 0)
		return -1;
	return sb_stripe_show(c, customer);
}

int
sb_stripe_customer_get(struct call *c, struct problem *err)
{
	json_t *customer;
	int rc = sb_stripe_find(c, "customer", req_str(c->r, "id"), NULL, &customer, err);

	return rc != 0 ? rc : sb_stripe_show(c, customer);
}

int
sb_stripe_customer_update(struct call *c, struct problem *err)
{
	json_t *customer;
	int rc;

	c->began = true;
	if ((rc = sb_stripe_find(c, "customer", req_str(c->r, "id"), NULL, &customer, err)) != 0)
		return rc;
	if ((rc = sb_stripe_metadata(c, customer)) != 0 || (rc = fill(c, customer, err)) != 0)
		return rc;
	if (sb_stripe_put(c, customer, err) < 0)
		return -1;
	return sb_stripe_show(c, customer);
}

int
sb_stripe_customer_methods(struct call *c, struct problem *err)
{
	const char *id = req_str(c->r, "id");
	json_t *customer, *owned;
	int rc = sb_stripe_find(c, "customer", id, NULL, &customer, err);

	if (rc != 0)
		return rc;
	/* The row's subject survives a detach; the object's own member does not. */
	owned = sb_keep(c->arena, json_object());
	json_object_set_new(owned, "customer", json_string(id));
	return sb_stripe_answer_list(c, "payment_method", id, sb_dump(c->arena, owned),
	    arena_printf(c->arena, "/v1/customers/%s/payment_methods", id), err);
}
