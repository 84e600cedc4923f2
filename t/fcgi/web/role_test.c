/* role_test.c: users by their token, without a wire and without a database: which role opens which row, which token is none, and who
 * is let in when nobody can say whether a session is alive (P-HIPAA-05, P-HIPAA-06, P-DATA-11). */
#include "fcgi/unit.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "crypto/jose.h"
#include "net/breaker.h"
#include "service.h"
#include "web/serve.h"

#define ADMIN_SECRET "an-administrators-secret-of-the-test"
#define SECRET_TOKEN "Bearer " ADMIN_SECRET
#define USER         "01890a5d-ac96-774b-bcce-b302099a8057"
#define SESSION      "01890a5d-ac96-774b-bcce-b302099a8058"
#define PERSON       "01890a5d-ac96-774b-bcce-b302099a8059"

static int
say_who(struct req *r, struct problem *err)
{
	struct json_writer *w = reply_json(r, 200);

	(void)err;
	jw_object(w, NULL);
	jw_str(w, "actor", r->scope.actor);
	jw_opt_str(w, "role", r->role);
	jw_uuid(w, "user", r->user);
	jw_uuid(w, "session", r->session);
	jw_uuid(w, "subject", r->subject);
	return 0;
}

static const struct route routes[] = {
	{ "GET", "/toy/staff", say_who, .access = ROLE, .roles = "admin ops_manager ops_agent", .db = NONE, .says = "for staff" },
	{ "GET", "/toy/managers", say_who, .access = ROLE, .roles = "ops_manager", .db = NONE, .says = "for managers" },
	{ "GET", "/toy/own", say_who, .access = ROLE, .roles = "provider patient", .db = NONE, .says = "for whom it concerns" },
	{ "GET", "/toy/config", say_who, .access = ADMIN, .db = NONE, .says = "for administrators" },
	{ "GET", "/toy/open", say_who, .access = PUBLIC, .db = NONE, .says = "for anybody" },
};
static const struct service toy = { .name = "toy", .prefix = "/toy", .says = "of a test", TABLE(routes, nroutes, routes) };

/* ---- the world: a key pair, and an auth that answers what the test wants */

static struct arena *arena;
static struct conf *conf;
static struct http *http;
static struct req reply;
static json_t *answer, *key;
static char folder[] = "/tmp/telerx-role-XXXXXX", jwks[64];
static int auth_says; /* status; 0: nothing */
static unsigned asked;
static char asked_for[160];

static void
auth(void *context, struct arena *a, const struct http_call *call, struct http_answer *ret, const char *const **headers)
{
	static const char *const none[] = { NULL };

	(void)context;
	(void)a;
	*headers = none;
	asked++;
	(void)snprintf(asked_for, sizeof(asked_for), "%s %s", call->method, call->url);
	*ret = (struct http_answer){ .outcome = auth_says == 0 ? HTTP_UNKNOWN : HTTP_ANSWERED, .status = auth_says, .error = "no auth" };
}

static void
publish(const json_t *private_key)
{
	json_t *set = json_pack("{s:[o]}", "keys", jwk_public(private_key));

	(void)unlink(jwks);
	assert_int_equal(json_dump_file(set, jwks, 0), 0);
	json_decref(set);
}

static int
setup(void **state)
{
	static const struct conf_key *const tables[] = { core_conf, peer_conf, NULL };
	struct problem err = { 0 };

	(void)state;
	log_open("toy", LOG_ERROR + 1);
	if (mkdtemp(folder) == NULL)
		return -1;
	(void)snprintf(jwks, sizeof(jwks), "%s/auth.jwks", folder);
	(void)setenv("ADMIN_SECRET", ADMIN_SECRET, 1);
	(void)setenv("AUTH_JWKS_FILE", jwks, 1);
	(void)setenv("SERVICE_KEY", "toy_1", 1);
	(void)setenv("SERVICE_SECRET", "the-secret-of-the-toy", 1);
	(void)setenv("TELERX_CHECK_REPLIES", "1", 1);
	key = jwk_generate("one", "ES256");
	publish(key);
	arena = arena_new(0);
	conf = conf_load(tables, &err);
	http = http_new(NULL, NULL);
	http_intercept(auth, NULL);
	return conf != NULL && routes_check(&toy, &err) == 0 ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	http_intercept(NULL, NULL);
	http_free(http);
	conf_free(conf);
	arena_free(arena);
	json_decref(key);
	(void)unlink(jwks);
	(void)rmdir(folder);
	return 0;
}

static int
each(void **state)
{
	(void)state;
	auth_says = 200;
	asked = 0;
	return 0;
}

static void
get(const char *target, const char *authorization)
{
	const struct header headers[] = { { "authorization", authorization } };
	struct serve_context c = { .service = &toy, .conf = conf, .arena = arena, .http = http };
	struct wire_request wire = { .method = "GET", .target = target, .remote = "192.0.2.1", .headers = headers,
		.nheaders = authorization != NULL ? 1 : 0, .body = BYTES("", 0) };
	struct problem err = { 0 };

	dispatch(&c, &wire, &reply);
	answer = json_read(arena, buf_str(&reply.out), reply.out.len, &err);
}

static void
expect(int status, const char *code)
{
	const char *s = json_text_at(answer, "code");

	if (reply.status != status || (code != NULL && (s == NULL || strcmp(s, code) != 0)))
		fail_msg("%d %s, expected %d %s", reply.status, s != NULL ? s : "", status, code != NULL ? code : "");
}

static const char *
said(const char *member)
{
	const char *s = json_text_at(answer, member);

	return s != NULL ? s : "";
}

static struct uuid
id(const char *text)
{
	struct uuid u;

	assert_int_equal(uuid_parse(text, &u), 0);
	return u;
}

/* "Bearer <token>" of a user with this role. */
static const char *
bearer(const json_t *by, const char *role, const char *person, int64_t issued_at, int64_t expires_at)
{
	const struct token t = { .session = id(SESSION), .user = id(USER), .person = person != NULL ? id(person) : UUID_NIL,
		.role = role, .issued_at = issued_at, .expires_at = expires_at };
	struct buf b = buf_in(arena, 4096);
	struct problem err = { 0 };

	buf_add(&b, "Bearer ");
	assert_int_equal(token_sign(conf, by, &t, &b, &err), 0);
	return arena_dup(arena, buf_str(&b));
}

static int64_t
now_s(void)
{
	return clock_us() / US_PER_S;
}

static const char *
user(const char *role)
{
	return bearer(key, role, NULL, now_s(), now_s() + 86400);
}

/* ---- which role opens which row */

static void
p_hipaa_06_each_row_takes_its_roles_and_no_other(void **state)
{
	static const struct {
		const char *target;
		int status[6]; /* admin, ops_manager, ops_agent, provider, patient, nobody */
	} matrix[] = {
		{ "/toy/staff", { 200, 200, 200, 403, 403, 401 } },
		{ "/toy/managers", { 403, 200, 403, 403, 403, 401 } },
		{ "/toy/own", { 403, 403, 403, 200, 200, 401 } },
		{ "/toy/config", { 200, 403, 403, 403, 403, 401 } },
		{ "/toy/open", { 200, 200, 200, 200, 200, 200 } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(matrix); i++) {
		for (size_t k = 0; k < COUNT(matrix[i].status); k++) {
			const char *role = token_roles[k];

			get(matrix[i].target, role != NULL ? user(role) : NULL);
			expect(matrix[i].status[k], matrix[i].status[k] == 403 ? "role_not_allowed" : NULL);
		}
	}
}

static void
a_user_is_known_by_role_and_id(void **state)
{
	(void)state;
	get("/toy/staff", user("ops_agent"));
	expect(200, NULL);
	assert_string_equal(said("actor"), "ops_agent:" USER);
	assert_string_equal(said("role"), "ops_agent");
	assert_string_equal(said("user"), USER);
	assert_string_equal(said("session"), SESSION);
	get("/toy/own", bearer(key, "patient", PERSON, now_s(), now_s() + 60));
	expect(200, NULL);
	assert_string_equal(said("actor"), "patient:" PERSON);
	assert_string_equal(said("subject"), PERSON);
	assert_string_equal(said("user"), USER);
}

static void
the_secret_has_the_role_admin(void **state)
{
	(void)state;
	get("/toy/staff", SECRET_TOKEN);
	expect(200, NULL);
	assert_string_equal(said("actor"), "system:admin");
	assert_string_equal(said("role"), "admin");
	get("/toy/config", SECRET_TOKEN);
	expect(200, NULL);
	get("/toy/managers", SECRET_TOKEN);
	expect(403, "role_not_allowed");
	assert_int_equal(asked, 0);
}

/* ---- which token is one */

static void
p_hipaa_05_a_token_ends_after_its_time(void **state)
{
	(void)state;
	get("/toy/staff", bearer(key, "admin", NULL, now_s() - 86390, now_s() + 10));
	expect(200, NULL);
	get("/toy/staff", bearer(key, "admin", NULL, now_s() - 86400, now_s()));
	expect(401, "expired_token");
	assert_int_equal(asked, 1);
	get("/toy/staff", bearer(key, "admin", NULL, now_s() + 60, now_s() + 120));
	expect(401, "invalid_token");
}

static void
a_token_of_somebody_elses_key_is_none(void **state)
{
	json_t *other = jwk_generate("one", "ES256"), *unknown = jwk_generate("two", "ES256");

	(void)state;
	get("/toy/staff", bearer(other, "admin", NULL, now_s(), now_s() + 60));
	expect(401, "invalid_token");
	get("/toy/staff", bearer(unknown, "admin", NULL, now_s(), now_s() + 60));
	expect(401, "invalid_token");
	assert_int_equal(asked, 0);
	json_decref(other);
	json_decref(unknown);
}

/* A claim set, signed with the right key; what is wrong with it is one member. */
static void
a_token_that_was_not_made_for_here_is_none(void **state)
{
	static const struct {
		const char *member, *value; /* value NULL: without it */
	} cases[] = {
		{ "iss", "https://elsewhere.example" }, { "iss", NULL }, { "aud", "other" }, { "aud", NULL }, { "sub", "me" }, { "sub", NULL },
		{ "jti", NULL }, { "jti", "1" }, { "role", NULL }, { "role", "superuser" }, { "role", "" }, { "role", "admin ops_agent" },
		{ "tenant", NULL }, { "tenant", USER }, { "person", "me" }, { "exp", "tomorrow" }, { "exp", NULL }, { "iat", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *claims = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "iss", conf_str(conf, "PUBLIC_BASE_URL"), "aud",
		    "telerx", "sub", USER, "jti", SESSION, "role", "admin", "tenant", conf_str(conf, "TENANT_ID"), "iat",
		    (json_int_t)now_s(), "exp", (json_int_t)now_s() + 60);
		struct buf b = buf_in(arena, 4096);
		struct problem err = { 0 };

		buf_add(&b, "Bearer ");
		(void)json_object_del(claims, cases[i].member);
		if (cases[i].value != NULL)
			(void)json_object_set_new(claims, cases[i].member, json_string(cases[i].value));
		assert_int_equal(jwt_sign(key, claims, &b, &err), 0);
		json_decref(claims);
		get("/toy/staff", buf_str(&b));
		expect(401, "invalid_token");
	}
	assert_int_equal(asked, 0);
}

static void
what_only_looks_like_a_token_is_none(void **state)
{
	static const char *const texts[] = { "Bearer a.b.c", "Bearer ..", "Bearer a.b.c.d.e", "Bearer eyJhbGciOiJub25lIn0.e30.",
		/* NOLINTNEXTLINE(bugprone-suspicious-missing-comma): one text */
		"Bearer " ADMIN_SECRET ".x.y" };

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		get("/toy/staff", texts[i]);
		expect(401, "invalid_token");
	}
	get("/toy/staff", "Bearer something");
	expect(401, "unauthorized");
}

/* The public file is replaced while tokens of both keys are about: nobody is refused. */
static void
a_new_key_is_known_as_soon_as_it_is_published(void **state)
{
	json_t *next = jwk_generate("next", "ES256"), *both;

	(void)state;
	get("/toy/staff", bearer(next, "admin", NULL, now_s(), now_s() + 60));
	expect(401, "invalid_token");
	both = json_pack("{s:[o,o]}", "keys", jwk_public(next), jwk_public(key));
	(void)unlink(jwks);
	assert_int_equal(json_dump_file(both, jwks, 0), 0);
	get("/toy/staff", bearer(next, "admin", NULL, now_s(), now_s() + 60));
	expect(200, NULL);
	get("/toy/staff", user("admin"));
	expect(200, NULL);
	(void)unlink(jwks);
	get("/toy/staff", user("admin"));
	expect(503, "auth_unavailable");
	publish(key);
	get("/toy/staff", user("admin"));
	expect(200, NULL);
	json_decref(both);
	json_decref(next);
}

/* ---- whether its session is alive */

static void
p_data_11_a_revoked_session_is_refused_by_the_next_request(void **state)
{
	const char *token = user("ops_agent");

	(void)state;
	get("/toy/staff", token);
	expect(200, NULL);
	assert_string_equal(asked_for, "GET http://telerx.internal/auth/sessions/" SESSION);
	auth_says = 404;
	get("/toy/staff", token);
	expect(401, "revoked_token");
	assert_int_equal(asked, 2);
}

static void
nobody_is_let_in_while_auth_does_not_answer(void **state)
{
	static const int says[] = { 0, 500, 503, 502, 401, 403, 204 };

	(void)state;
	for (size_t i = 0; i < COUNT(says); i++) {
		auth_says = says[i];
		get("/toy/staff", user("admin"));
		expect(503, "auth_unavailable");
	}
	get("/toy/staff", SECRET_TOKEN);
	expect(200, NULL);
	auth_says = 200;
	breaker_reset(NULL);
	get("/toy/staff", user("admin"));
	expect(200, NULL);
}

/* ---- the table */

static void
a_row_with_roles_that_nobody_checks_is_refused(void **state)
{
	static const struct route rows[] = {
		{ "GET", "/toy/x", say_who, .access = ROLE, .db = NONE, .says = "no roles" },
		{ "GET", "/toy/x", say_who, .access = ROLE, .roles = "admin boss", .db = NONE, .says = "an unknown role" },
		{ "GET", "/toy/x", say_who, .access = ADMIN, .roles = "admin", .db = NONE, .says = "roles without ROLE" },
		{ "GET", "/toy/x", say_who, .access = ROLE | PUBLIC, .roles = "admin", .db = NONE, .says = "for anybody, too" },
	};
	struct problem err = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct service s = { .name = "toy", .prefix = "/toy", .says = "x", .routes = &rows[i], .nroutes = 1 };

		assert_int_equal(routes_check(&s, &err), -1);
		assert_string_equal(err.code, "bad_route");
	}
}

static void
the_reference_names_the_roles(void **state)
{
	struct buf out = BUF_INIT(1024 * 1024);
	struct problem err = { 0 };
	json_t *document, *operation;

	(void)state;
	openapi_print(&toy, &out);
	document = json_read(arena, buf_str(&out), out.len, &err);
	operation = json_object_get(json_object_get(json_object_get(document, "paths"), "/toy/managers"), "get");
	assert_string_equal(json_text_at(operation, "x-roles.0"), "ops_manager");
	assert_string_equal(json_text_at(operation, "security.0.userToken.0"), "ops_manager");
	assert_int_equal(json_array_size(json_object_get(operation, "security")), 1);
	operation = json_object_get(json_object_get(json_object_get(document, "paths"), "/toy/config"), "get");
	assert_string_equal(json_text_at(operation, "security.0.userToken.0"), "admin");
	assert_string_equal(json_text_at(document, "components.securitySchemes.userToken.bearerFormat"), "JWT");
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(p_hipaa_06_each_row_takes_its_roles_and_no_other, each),
		cmocka_unit_test_setup(a_user_is_known_by_role_and_id, each),
		cmocka_unit_test_setup(the_secret_has_the_role_admin, each),
		cmocka_unit_test_setup(p_hipaa_05_a_token_ends_after_its_time, each),
		cmocka_unit_test_setup(a_token_of_somebody_elses_key_is_none, each),
		cmocka_unit_test_setup(a_token_that_was_not_made_for_here_is_none, each),
		cmocka_unit_test_setup(what_only_looks_like_a_token_is_none, each),
		cmocka_unit_test_setup(a_new_key_is_known_as_soon_as_it_is_published, each),
		cmocka_unit_test_setup(p_data_11_a_revoked_session_is_refused_by_the_next_request, each),
		cmocka_unit_test_setup(nobody_is_let_in_while_auth_does_not_answer, each),
		cmocka_unit_test_setup(a_row_with_roles_that_nobody_checks_is_refused, each),
		cmocka_unit_test_setup(the_reference_names_the_roles, each),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
