/*
 * billing_world.h: what the tests of billing share: Stripe's answers as its contract has them, saved cards, payments.
 */
#ifndef T_BILLING_WORLD_H
#define T_BILLING_WORLD_H

#include "core.h"

#include "billing/billing.h"
#include "harness/harness.h"

#define STRIPE "https://stripe.test"
#define HOOK_SECRET "whsec_test_of_the_tests"
#define PATIENT "0194d9f0-0000-7000-8000-0000000000a1"
#define SUBMISSION "0194d9f0-0000-7000-8000-0000000000b1"

extern unsigned serial;		/* grows with each saved card and key */

int	 billing_setup(void **state);
int	 billing_teardown(void **state);
const char *intent(struct world *w, const char *id, const char *status, int amount);	/* a PaymentIntent in USD */
const char *declined(struct world *w, const char *id, const char *code, const char *decline_code);
const char *key(struct world *w);
const char *saved_card(struct world *w);	/* 299.00 USD; its id */
const char *payment_body(struct world *w, const char *card, unsigned run, int cents, int generation);
const char *pay(struct world *w, const char *card, unsigned run);	/* asks for 299.00 USD; the payment's id */
const char *authorized(struct world *w, unsigned run);	/* a payment that Stripe holds as pi_<run> */
void	 act(struct world *w, const char *payment, const char *verb);	/* capture, cancel */

#define expect_payment(w, id, status) \
	assert_string_equal(sql_text((w), "SELECT status FROM payments WHERE id = '%s'", (id)), (status))
#define expect_ledger(w, id, account, cents) assert_int_equal(sql_int((w), \
	"SELECT coalesce(sum(amount_cents), 0) FROM ledger WHERE payment_id = '%s' AND account = '%s'", (id), (account)), (cents))

#endif
