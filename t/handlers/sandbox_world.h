/*
 * sandbox_world.h: what the sandbox's tests share: its settings, and calls as the vendors' clients make them.
 */
#ifndef T_SANDBOX_WORLD_H
#define T_SANDBOX_WORLD_H

#include "harness/harness.h"

#define STRIPE "/sandbox/stripe/v1"
#define FHIR "/sandbox/canvas/fhir"
#define HOOK "https://app.test/billing/webhooks/stripe"
#define SECRET_KEY "Bearer sk_test_of_the_tests"
#define BROWSER_KEY "Bearer pk_test_of_the_tests"
#define TWILIO_ACCOUNT "/sandbox/twilio/2010-04-01/Accounts/AC1"
#define TWILIO_AUTH "Basic QUMxOjEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEy"

int	 sandbox_setup(void **state);
int	 sandbox_teardown(void **state);
/* auth: the Authorization header, or NULL. */
void	 call(struct world *w, const char *method, const char *target, const char *auth, const char *body);
/* A Stripe call with the secret key; a form is posted, NULL is a GET. */
void	 stripe(struct world *w, const char *path, const char *key, const char *form);
void	 fault(struct world *w, const char *vendor, const char *json);
/* Takes the webhooks that wait and forgets them. */
void	 quiet(struct world *w);

#endif
