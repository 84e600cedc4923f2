/*
 * intake_world.h: what the two test programs of the intake share: its keys and stubs, and a visitor's way up to a submitted form.
 * Everything lives until world_free.
 */
#ifndef T_INTAKE_WORLD_H
#define T_INTAKE_WORLD_H

#include "harness/harness.h"
#include "intake/intake.h"

#define NEW_SECRET "plan-secret-new-0123456789abcdef"
#define OLD_SECRET "plan-secret-old-0123456789abcdef"
#define SETUP "00000000-0000-7000-8000-00000000005e"
#define CONSENT(type, yes) "{\"type\":\"" type "\",\"version\":\"1\",\"accepted\":" yes "}"
#define CONSENTS "[" CONSENT("hipaa", "true") "," CONSENT("telehealth", "true") "," CONSENT("terms", "true") "]"
#define SAVED(status, cents) \
	"{\"setupIntentId\":\"" SETUP "\",\"status\":\"" status "\",\"amountCents\":" cents ",\"currency\":\"USD\"}"
#define BUSY "{\"type\":\"/problems/busy\",\"status\":503,\"code\":\"busy\"}"
#define RULE(name) cmocka_unit_test_setup(name, fresh)

extern json_t *key, *stranger;		/* what the service shows; a pair that it does not have */

int	 setup(void **state);
int	 teardown(void **state);
int	 fresh(void **state);		/* before each test: no jobs, every peer answers well */

struct visitor {
	const char *email;
	const char *verification;
	const char *code;		/* as it was mailed */
	const char *token;		/* of the session, once proven */
	const char *intake;
};
struct submitted {
	struct visitor v;
	const char *submission;
	const char *patient;
};

void	 ask_for_code(struct world *w, struct visitor *v);
struct visitor visitor(struct world *w);		/* has a code */
struct visitor proven(struct world *w);			/* has a session */
struct visitor paid(struct world *w);			/* has passed the payment step */
struct submitted submitted(struct world *w);
void	 check(struct world *w, const char *verification, const char *code);
void	 pay(struct world *w, const struct visitor *v, const char *token);
void	 pay_with(struct world *w, const struct visitor *v, const char *token, const char *state, const char *born,
    const char *consents);
const char *token_of(struct world *w, const char *secret, const char *plan, int64_t cents, int64_t age_ms);
/* The form as the browser has it; value replaces or adds one member. */
const char *form_of(struct world *w, const struct visitor *v, const char *member, const char *value);
const char *seal_for(struct world *w, const json_t *whose, const char *intake, const char *version, const char *form);
const char *new_key(struct world *w);
void	 send_envelope(struct world *w, const struct visitor *v, const char *envelope, const char *idempotency_key);
void	 submit_form(struct world *w, const struct visitor *v, const char *form);

#endif
