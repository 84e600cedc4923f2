/*
 * auth.c: the table of auth: users, their login by a code, and the tokens that every other pool checks (web/token.h).
 * Called by users, administrators, and every pool that gets a token. Writes users, logins, sessions. Asks notify from the worker.
 * Publishes nothing, consumes nothing.
 */
#include "auth/auth.h"

static const char *const roles[] = { "admin", "ops_manager", "ops_agent", "provider", "patient", NULL };

static const struct field login_body[] = {
	{ "email", EMAIL, .required = true, .says = "the user's address" },
	{ 0 }
};
static const struct field login_reply[] = {
	{ "login_id", UUID, .required = true, .says = "this attempt; the code is good for it alone" },
	{ "expires_at", TIME, .required = true, .says = "until when the code is good" },
	{ 0 }
};
static const struct field check_body[] = {
	{ "login_id", UUID, .required = true, .says = "the attempt" },
	{ "code", STRING, .required = true, .min = 6, .max = 6, .says = "the six digits of the mail", .example = "204417" },
	{ 0 }
};
static const struct field token_reply[] = {
	{ "token", STRING, .required = true, .max = 4096, .says = "JWT (ES256): Authorization: Bearer <token>",
	    .example = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIwMTkwIn0.c2lnbmF0dXJl" },
	{ "token_type", STRING, .required = true, .says = "Bearer", .example = "Bearer" },
	{ "session_id", UUID, .required = true, .says = "the token's session" },
	{ "user_id", UUID, .required = true, .says = "who logged in" },
	{ "role", ENUM, .required = true, .values = roles, .says = "as what" },
	{ "person_id", UUID, .says = "the physician or patient that the user is" },
	{ "expires_at", TIME, .required = true, .says = "until when the token is good, unless it is revoked" },
	{ 0 }
};
static const struct field logout_body[] = {
	{ "everywhere", BOOLEAN, .says = "true: all sessions of the user end" },
	{ 0 }
};
#define SESSION \
	{ "session_id", UUID, .required = true, .says = "the session" }, \
	{ "user_id", UUID, .required = true, .says = "whose" }, \
	{ "role", ENUM, .required = true, .values = roles, .says = "as what" }, \
	{ "created_at", TIME, .required = true, .says = "when it began" }, \
	{ "expires_at", TIME, .required = true, .says = "when it ends by itself" }, \
	{ 0 }
static const struct field session_reply[] = { SESSION };
static const struct field sessions_reply[] = {
	{ "sessions", ARRAY, .required = true, .max = 100, .of = session_reply, .says = "those that are alive, the newest first" },
	{ 0 }
};
static const struct field create_body[] = {
	{ "email", EMAIL, .required = true, .says = "where codes go; on file once" },
	{ "name", STRING, .required = true, .min = 1, .max = 120, .says = "as colleagues see it", .example = "Ada Sample" },
	{ "role", ENUM, .required = true, .values = roles, .says = "what the user may do" },
	{ "person_id", UUID, .says = "providers and patients: the physician or patient that the user is" },
	{ 0 }
};
static const struct field change_body[] = {
	{ "name", STRING, .min = 1, .max = 120, .says = "as colleagues see it", .example = "Ada Sample" },
	{ "role", ENUM, .values = roles, .says = "another one ends all sessions" },
	{ "person_id", UUID, .nullable = true, .says = "another one ends all sessions; null: nobody's" },
	{ "active", BOOLEAN, .says = "false ends all sessions" },
	{ "unlock", BOOLEAN, .says = "true: wrong codes of before do not count any more" },
	{ 0 }
};
static const struct field user_reply[] = {
	{ "user_id", UUID, .required = true, .says = "the user" },
	{ "email", EMAIL, .required = true, .says = "where codes go" },
	{ "name", STRING, .required = true, .says = "as colleagues see it", .example = "Ada Sample" },
	{ "role", ENUM, .required = true, .values = roles, .says = "what the user may do" },
	{ "person_id", UUID, .says = "the physician or patient that the user is" },
	{ "active", BOOLEAN, .required = true, .says = "may log in" },
	{ "locked", BOOLEAN, .required = true, .says = "may not, after too many wrong codes, until unlocked" },
	{ "created_at", TIME, .required = true, .says = "when added" },
	{ "updated_at", TIME, .required = true, .says = "when changed" },
	{ 0 }
};
static const struct field me_reply[] = {
	{ "user_id", UUID, .says = "the user; the holder of the ADMIN_SECRET is none" },
	{ "email", EMAIL, .says = "where codes go" },
	{ "name", STRING, .says = "as colleagues see it", .example = "Ada Sample" },
	{ "role", ENUM, .required = true, .values = roles, .says = "what the caller may do" },
	{ "person_id", UUID, .says = "the physician or patient that the user is" },
	{ "active", BOOLEAN, .required = true, .says = "true" },
	{ "locked", BOOLEAN, .says = "false" },
	{ "created_at", TIME, .says = "when added" },
	{ "updated_at", TIME, .says = "when changed" },
	{ 0 }
};
static const struct field list_query[] = {
	{ "role", ENUM, .values = roles, .says = "those with this role" },
	{ "active", BOOLEAN, .says = "only active, only disabled" },
	{ "after", UUID, .says = "the last user_id of the page before" },
	{ "limit", INTEGER, .min = 1, .max = 100, .says = "page size, 100" },
	{ 0 }
};
static const struct field list_reply[] = {
	{ "users", ARRAY, .required = true, .max = 100, .of = user_reply, .says = "ordered by user_id" },
	{ 0 }
};
static const struct field key_fields[] = {
	{ "kty", STRING, .required = true, .says = "key type", .example = "EC" },
	{ "crv", STRING, .required = true, .says = "curve", .example = "P-256" },
	{ "x", STRING, .required = true, .says = "base64url" },
	{ "y", STRING, .required = true, .says = "base64url" },
	{ "kid", STRING, .required = true, .says = "its name: the token's header repeats it", .example = "auth-3f09c2aa" },
	{ "alg", STRING, .says = "ES256", .example = "ES256" },
	{ "use", STRING, .says = "sig", .example = "sig" },
	{ 0 }
};
static const struct field keys_reply[] = {
	{ "keys", ARRAY, .required = true, .max = 16, .of = key_fields, .says = "JWKS, the newest first" },
	{ 0 }
};

/* The seed of the operations team writes /api/v1/auth, the others /auth. */
#define ROWS(prefix) \
	{ "POST", prefix "/login", login_start, .access = PUBLIC, .db = WRITE, .once = NATURAL, .audit = "auth.code.send", \
	    .body = login_body, .reply = login_reply, .status = 202, .problems = "429 too_many_codes", \
	    .says = "mails a code of six digits; the answer does not tell whether the address is known" }, \
	{ "POST", prefix "/login/check", login_check, .access = PUBLIC, .db = WRITE, .once = NATURAL, .audit = "auth.login", \
	    .body = check_body, .reply = token_reply, .problems = "422 wrong_code code_expired, 429 locked too_many_tries", \
	    .says = "exchanges the code for a token" }, \
	{ "POST", prefix "/logout", session_logout, .access = ROLE, .roles = ROLES_ALL, .db = WRITE, .once = NATURAL, \
	    .audit = "auth.logout", .body = logout_body, .status = 204, .says = "ends the session of the token" }, \
	{ "GET", prefix "/me", user_me, .access = ROLE, .roles = ROLES_ALL, .db = READ_AUDITED, .audit = "auth.user.read", \
	    .reply = me_reply, .problems = "404 not_found", .says = "who the caller is" }, \
	{ "GET", prefix "/sessions", session_list, .access = ROLE, .roles = ROLES_ALL, .db = READ, .reply = sessions_reply, \
	    .says = "the caller's own sessions" }, \
	{ "DELETE", prefix "/sessions/:id", session_end, .access = ROLE, .roles = ROLES_ALL, .db = WRITE, .once = NATURAL, \
	    .audit = "auth.session.revoke", .status = 204, .says = "ends one of the caller's sessions; an administrator anybody's" }, \
	{ "POST", prefix "/users", user_create, .access = ROLE, .roles = "admin", .db = WRITE, .once = NATURAL, \
	    .audit = "auth.user.create", .body = create_body, .reply = user_reply, .status = 201, .problems = "409 duplicate_user", \
	    .says = "adds a user; an address is on file once" }, \
	{ "GET", prefix "/users", user_list, .access = ROLE, .roles = "admin ops_manager", .db = READ_AUDITED, \
	    .audit = "auth.user.read", .query = list_query, .reply = list_reply, .says = "users" }, \
	{ "GET", prefix "/users/:id", user_show, .access = ROLE, .roles = "admin ops_manager", .db = READ_AUDITED, \
	    .audit = "auth.user.read", .reply = user_reply, .says = "one user" }, \
	{ "PATCH", prefix "/users/:id", user_change, .access = ROLE, .roles = "admin", .db = WRITE, .once = NATURAL, \
	    .audit = "auth.user.change", .body = change_body, .reply = user_reply, .says = "changes the members given" }, \
	{ "POST", prefix "/users/:id/revoke", user_revoke, .access = ROLE, .roles = "admin", .db = WRITE, .once = NATURAL, \
	    .audit = "auth.session.revoke", .status = 204, .says = "ends all sessions of a user" }

static const struct route routes[] = {
	ROWS("/auth"),
	ROWS("/api/v1/auth"),
	{ "GET", "/auth/sessions/:id", session_show, .access = SERVICE, .callers = "*", .db = READ, .reply = session_reply,
	    .says = "whether the session of a token is alive; 404 when it is not" },
	{ "GET", "/auth/jwks", key_list, .access = PUBLIC, .db = NONE, .reply = keys_reply, .says = "keys to check tokens with" },
	{ "GET", "/.well-known/jwks.json", key_list, .access = PUBLIC, .db = NONE, .reply = keys_reply,
	    .says = "keys to check tokens with, where clients look for them" },
};

static const struct job_row jobs[] = {
	{ "login.mail", login_mail_job, "notify", .attempts = 6, .buried = login_buried, .says = "mails a code" },
	{ "auth.sweep", sweep_job, "default", .says = "erases digits that were not mailed, removes what is long over" },
};
static const struct timer_row timers[] = {
	{ "auth.sweep", "AUTH_SWEEP", "auth.sweep", "erases digits that were not mailed, removes what is long over" },
};
static const struct blind_column blind[] = {
	{ "users", "email_index", EMAIL_INDEX, "profile_enc", blind_email_member },
};
static const struct conf_key config[] = {
	{ "AUTH_KEYS_FILE", CONF_STR, .says = "private keys (JWKS) that tokens are signed with, the newest first; nobody else may read it" },
	{ "TOKEN_TTL", CONF_SECS, .dflt = "24h", .says = "how long a token is good" },
	{ "PATIENT_TOKEN_TTL", CONF_SECS, .dflt = "4h", .says = "how long a patient's is" },
	{ "LOGIN_SENDS_PER_HOUR", CONF_INT, .dflt = "3", .says = "codes mailed to one address in an hour" },
	{ "AUTH_SWEEP", CONF_SECS, .dflt = "10m", .says = "how often old digits and sessions are looked for" },
	{ 0 }
};

const struct service auth_service = {
	.name = "auth",
	.prefix = "/auth",
	.database = "auth",
	.says = "users, logins and tokens",
	TABLE(routes, nroutes, routes), TABLE(jobs, njobs, jobs), TABLE(timers, ntimers, timers), TABLE(blind, nblind, blind),
	.config = config, .alive = session_alive, .start = auth_start,
};
