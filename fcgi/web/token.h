/*
 * token.h: who logged in: a JWT (ES256) that the service auth issues and every pool checks.
 *
 * Claims: iss PUBLIC_BASE_URL, aud "telerx", sub the user, jti the session, role, tenant, person (the patient or physician that the
 * user is; staff has none), iat, exp. Private keys are auth's alone; every pool has the public ones in AUTH_JWKS_FILE, newest
 * first, and reads the file again when it was replaced, so that a new key is known before anything is signed with it. Without a file
 * no token opens anything.
 *
 * A token that is whole is not enough: each request also needs its session to be alive, by the one who owns sessions. auth looks into
 * its own table (the service's .alive); every other pool asks it, GET /auth/sessions/:sessionId, signed like any call between services, a
 * second at most and through auth's breaker. So logout, a disabled user and another role act on the next request of every pool,
 * whichever host or database it has, and nothing has to be carried to the pools beforehand that could be late or lost. No answer is a
 * refusal: 503 "auth_unavailable". Nobody is let in on memory. Callers by ADMIN_SECRET, signature or a session of the intake do not
 * pay for this.
 *
 * 401: "invalid_token" (anything that we did not issue, for here and now), "expired_token", "revoked_token" (its session is over).
 */
#ifndef WEB_TOKEN_H
#define WEB_TOKEN_H

#include <jansson.h>

#include "base/buf.h"
#include "base/config.h"
#include "base/uuid.h"

struct req;

struct token {
	struct uuid session;
	struct uuid user;
	struct uuid person; /* nil for staff */
	const char *role;
	int64_t issued_at, expires_at; /* seconds */
};

extern const char *const token_roles[]; /* what a role may be; ends with NULL */
bool token_role_known(const char *role, size_t n);

/* For auth. key: private JWK with kid; the token is added to compact. */
int token_sign(
    const struct conf *conf, const json_t *key, const struct token *t, struct buf *compact, struct problem *err) MUST_CHECK;
bool token_is_one(const char *text); /* by its look: no other bearer credential of ours has two dots */
/* Signature and claims; ret's texts belong to the request. */
int token_verify(struct req *r, const char *text, struct token *ret, struct problem *err) MUST_CHECK;
int token_alive(struct req *r, const struct token *t, struct problem *err) MUST_CHECK;

#endif
