/*
 * user.c: accounts, which administrators make and change. Address and name are sealed; an address has a blind index and is on file once.
 * Who is disabled, gets another role or is somebody else from now on loses every session in the same transaction.
 */
#include "auth/auth.h"

#include "crypto/keyring.h"

#define PROFILE_MAX 1024

#define COLUMNS "id, profile_enc, role, person_id, active, locked_at, created_at, updated_at"
static const char insert_sql[] =
	"INSERT INTO users (id, email_index, profile_enc, role, person_id) VALUES ($1, $2::bytea, $3::bytea, $4, $5::uuid)"
	" RETURNING " COLUMNS;
static const char taken_sql[] = "SELECT id FROM users WHERE email_index = ANY($1::bytea[])";
static const char find_sql[] =
	"SELECT id FROM users WHERE email_index = ANY($1::bytea[]) AND active AND locked_at IS NULL";
static const char show_sql[] = "SELECT " COLUMNS " FROM users WHERE id = $1";
static const char lock_sql[] = "SELECT " COLUMNS " FROM users WHERE id = $1 FOR UPDATE";
static const char list_sql[] =
	"SELECT " COLUMNS " FROM users WHERE ($1::text IS NULL OR role = $1) AND ($2::boolean IS NULL OR active = $2)"
	" AND ($3::uuid IS NULL OR id > $3) ORDER BY id LIMIT $4::bigint";
static const char profile_sql[] = "SELECT profile_enc FROM users WHERE id = $1";
static const char change_sql[] =
	"UPDATE users SET profile_enc = $2::bytea, role = $3, person_id = $4::uuid, active = $5::boolean,"
	" failures = CASE WHEN $6::boolean THEN 0 ELSE failures END, locked_at = CASE WHEN $6::boolean THEN NULL ELSE locked_at END,"
	" updated_at = now() WHERE id = $1 RETURNING " COLUMNS;

struct profile {
	const char *email, *name;
};

static int
profile_open(struct db *db, struct uuid id, struct bytes sealed, struct profile *ret, struct problem *err)
{
	struct bytes plain;
	const json_t *tree;

	if (vault_open(db, "users", "profile_enc", id, sealed, &plain, err) < 0 ||
	    (tree = json_read(db_current_arena(db), (const char *)plain.p, plain.n, err)) == NULL)
		return -1;
	ret->email = json_text_at(tree, "email");
	ret->name = json_text_at(tree, "name");
	return 0;
}

static int
profile_seal(struct db *db, struct uuid id, const struct profile *p, struct bytes *ret, struct problem *err)
{
	struct buf b = buf_in(db_current_arena(db), PROFILE_MAX);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "email", p->email);
	jw_str(&w, "name", p->name);
	jw_end(&w);
	return vault_seal(db, VAULT_SERVICE, "users", "profile_enc", id, BYTES(b.data, b.len), ret, err);
}

static int
user_to_json(struct db *db, struct json_writer *w, const struct row *u, struct problem *err)
{
	struct profile p;

	if (profile_open(db, row_uuid(u, "id"), row_bytes(u, "profile_enc"), &p, err) < 0)
		return -1;
	jw_object(w, NULL);
	jw_uuid(w, "user_id", row_uuid(u, "id"));
	jw_str(w, "email", p.email);
	jw_str(w, "name", p.name);
	jw_str(w, "role", row_str(u, "role"));
	if (!row_is_null(u, "person_id"))
		jw_uuid(w, "person_id", row_uuid(u, "person_id"));
	jw_bool(w, "active", row_bool(u, "active"));
	jw_bool(w, "locked", !row_is_null(u, "locked_at"));
	jw_time(w, "created_at", row_time(u, "created_at"));
	jw_time(w, "updated_at", row_time(u, "updated_at"));
	jw_end(w);
	return 0;
}

static int
person_fits(const char *role, struct uuid person, struct problem *err)
{
	if (uuid_is_nil(person) || strcmp(role, "provider") == 0 || strcmp(role, "patient") == 0)
		return 0;
	(void)problem(err, 422, "validation_failed", "staff is nobody's patient or physician");
	return problem_member(err, "person_id", "role", "only for the roles provider and patient");
}

int
user_create(struct req *r, struct problem *err)
{
	struct user_id id = { uuid_new() };
	struct profile p = { .name = req_str(r, "name") };
	const struct row *u;
	struct bytes sealed;
	char email[256];

	p.email = normalise_email(req_str(r, "email"), email, sizeof(email));
	if (p.email == NULL)
		return problem(err, 422, "validation_failed", "the address is too long");
	req_object(r, "users", id.v);
	if (person_fits(req_str(r, "role"), req_uuid(r, "person_id"), err) < 0 ||
	    db_one(r->db, &u, taken_sql, err, vault_indexes(r->db, EMAIL_INDEX, email)) < 0)
		return -1;
	if (u != NULL)
		return problem(err, 409, "duplicate_user", "a user with this address is on file");
	if (profile_seal(r->db, id.v, &p, &sealed, err) < 0)
		return -1;
	if (db_one(r->db, &u, insert_sql, err, P_UUID(id.v), P_BYTES(vault_index(r->db, EMAIL_INDEX, email)), P_BYTES(sealed),
	    P_TEXT(req_str(r, "role")), P_OPT_UUID(req_uuid(r, "person_id"))) < 0)
		return db_violates(err, "users_email") ? problem(err, 409, "duplicate_user", "a user with this address is on file") : -1;
	return user_to_json(r->db, reply_json(r, 201), u, err);
}

int
user_show(struct req *r, struct problem *err)
{
	struct uuid id = req_uuid(r, "id");
	const struct row *u;

	req_object(r, "users", id);
	if (db_one(r->db, &u, show_sql, err, P_UUID(id)) < 0)
		return -1;
	if (u == NULL)
		return problem(err, 404, "not_found", "no such user");
	return user_to_json(r->db, reply_json(r, 200), u, err);
}

int
user_list(struct req *r, struct problem *err)
{
	struct rows *rows;

	if (db_all(r->db, &rows, list_sql, err, P_TEXT(req_opt_str(r, "role")),
	    req_has(r, "active") ? P_BOOL(req_bool(r, "active")) : P_NULL, P_OPT_UUID(req_uuid(r, "after")),
	    P_INT(req_int(r, "limit", 100))) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_array(w, "users");
	for (size_t i = 0; i < rows_count(rows); i++)
		if (user_to_json(r->db, w, rows_at(rows, i), err) < 0)
			return -1;
	jw_end(w);
	jw_end(w);
	return 0;
}

/* Who comes by the ADMIN_SECRET is no user and has no profile. */
int
user_me(struct req *r, struct problem *err)
{
	struct json_writer *w;
	const struct row *u;

	req_object(r, "users", r->user);
	if (!uuid_is_nil(r->user)) {
		if (db_one(r->db, &u, show_sql, err, P_UUID(r->user)) < 0)
			return -1;
		if (u == NULL)
			return problem(err, 404, "not_found", "no such user");
		return user_to_json(r->db, reply_json(r, 200), u, err);
	}
	w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_str(w, "role", r->role);
	jw_bool(w, "active", true);
	jw_end(w);
	return 0;
}

/* ---- change */

struct change {
	const char *role;
	struct uuid person;
	bool active;
	struct profile profile;
};

static int
change_read(struct req *r, const struct row *u, struct change *ret, struct problem *err)
{
	const char *role = req_opt_str(r, "role"), *name = req_opt_str(r, "name");

	ret->role = role != NULL ? role : row_str(u, "role");
	ret->person = req_has(r, "person_id") ? req_uuid(r, "person_id") : row_uuid(u, "person_id");
	/* Another role is another person, unless it says who. */
	if (strcmp(ret->role, row_str(u, "role")) != 0 && !req_has(r, "person_id"))
		ret->person = UUID_NIL;
	ret->active = req_has(r, "active") ? req_bool(r, "active") : row_bool(u, "active");
	if (profile_open(r->db, row_uuid(u, "id"), row_bytes(u, "profile_enc"), &ret->profile, err) < 0)
		return -1;
	if (name != NULL)
		ret->profile.name = name;
	return person_fits(ret->role, ret->person, err);
}

/* Why the user's sessions end, NULL: they may go on. */
static const char *
ends_sessions(const struct row *u, const struct change *c)
{
	if (!c->active)
		return "disabled";
	if (strcmp(c->role, row_str(u, "role")) != 0)
		return "role_changed";
	return uuid_equal(c->person, row_uuid(u, "person_id")) ? NULL : "person_changed";
}

int
user_change(struct req *r, struct problem *err)
{
	struct user_id id = { req_uuid(r, "id") };
	const struct row *u;
	struct bytes sealed;
	struct change c;
	const char *why;

	if (db_one(r->db, &u, lock_sql, err, P_UUID(id.v)) < 0)
		return -1;
	if (u == NULL)
		return problem(err, 404, "not_found", "no such user");
	if (change_read(r, u, &c, err) < 0 || profile_seal(r->db, id.v, &c.profile, &sealed, err) < 0)
		return -1;
	why = ends_sessions(u, &c);
	/* P-HIPAA-04: what it was and what it is. */
	r->audit.detail = arena_printf(r->arena, "{\"role\":[\"%s\",\"%s\"],\"active\":[%s,%s]}", row_str(u, "role"), c.role,
	    row_bool(u, "active") ? "true" : "false", c.active ? "true" : "false");
	req_object(r, "users", id.v);
	if (why != NULL && sessions_revoke(r->db, id, why, err) < 0)
		return -1;
	if (db_one(r->db, &u, change_sql, err, P_UUID(id.v), P_BYTES(sealed), P_TEXT(c.role), P_OPT_UUID(c.person), P_BOOL(c.active),
	    P_BOOL(req_bool(r, "unlock"))) < 0)
		return -1;
	return user_to_json(r->db, reply_json(r, 200), u, err);
}

/* ---- for logins */

int
user_find(struct db *db, const char *email, struct user_id *ret, struct problem *err)
{
	const struct row *u;

	if (db_one(db, &u, find_sql, err, vault_indexes(db, EMAIL_INDEX, email)) < 0)
		return -1;
	ret->v = u != NULL ? row_uuid(u, "id") : UUID_NIL;
	return 0;
}

int
user_email(struct db *db, struct user_id id, const char **ret, struct problem *err)
{
	struct profile p;
	const struct row *u;

	if (db_one(db, &u, profile_sql, err, P_UUID(id.v)) < 0)
		return -1;
	if (u == NULL)
		return problem(err, 500, "no_user", "a login of nobody");
	if (profile_open(db, id.v, row_bytes(u, "profile_enc"), &p, err) < 0)
		return -1;
	*ret = p.email;
	return 0;
}
