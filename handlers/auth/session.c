/*
 * session.c: the tokens that were given out (P-DATA-11). A token is good while its session is: not revoked, its user active and of the
 * role the token names. Every pool asks on each request (web/token.h), so what is written here acts at once, everywhere.
 */
#include "auth/auth.h"

#include "base/clock.h"

static const char open_sql[] =
	"INSERT INTO sessions (id, user_id, login_id, role, expires_at)"
	" VALUES ($1, $2, $3, $4, date_trunc('second', clock_timestamp()) + make_interval(secs => $5::bigint))"
	" RETURNING created_at, expires_at";
#define ALIVE \
	"SELECT s.id, s.user_id, s.role, s.created_at, s.expires_at FROM sessions s JOIN users u ON u.id = s.user_id" \
	" WHERE s.revoked_at IS NULL AND s.expires_at > clock_timestamp() AND u.active AND u.role = s.role"
static const char alive_sql[] = ALIVE " AND s.id = $1";
static const char own_sql[] = ALIVE " AND s.user_id = $1 ORDER BY s.id DESC LIMIT 100";
static const char logout_sql[] =
	"UPDATE sessions SET revoked_at = now(), revoked_by = 'logout'"
	" WHERE user_id = $1 AND (id = $2 OR $3::boolean) AND revoked_at IS NULL";
/* An administrator ends anybody's, the others their own. */
static const char end_sql[] =
	"UPDATE sessions SET revoked_at = now(), revoked_by = CASE WHEN user_id = $2::uuid THEN 'other_session' ELSE 'administrator' END"
	" WHERE id = $1 AND (user_id = $2::uuid OR $3::boolean) AND revoked_at IS NULL";
static const char visible_sql[] = "SELECT id FROM sessions WHERE id = $1 AND (user_id = $2::uuid OR $3::boolean)";
static const char revoke_sql[] =
	"UPDATE sessions SET revoked_at = now(), revoked_by = $2 WHERE user_id = $1 AND revoked_at IS NULL"
	" AND expires_at > clock_timestamp()";
static const char exists_sql[] = "SELECT id FROM users WHERE id = $1";
static const char sweep_digits_sql[] =
	"UPDATE logins SET code_enc = NULL WHERE code_enc IS NOT NULL AND expires_at < clock_timestamp()";
static const char sweep_sessions_sql[] = "DELETE FROM sessions WHERE expires_at < clock_timestamp() - interval '30 days'";
static const char sweep_logins_sql[] =
	"DELETE FROM logins l WHERE l.expires_at < clock_timestamp() - interval '30 days'"
	" AND NOT EXISTS (SELECT FROM sessions s WHERE s.login_id = l.id)";

static int
token_reply(struct req *r, const struct token *t, const struct row *s, struct problem *err)
{
	struct buf text = buf_in(r->arena, 4096);

	if (key_sign(r->conf, t, &text, err) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_str(w, "token", buf_str(&text));
	jw_str(w, "token_type", "Bearer");
	jw_uuid(w, "session_id", t->session);
	jw_uuid(w, "user_id", t->user);
	jw_str(w, "role", t->role);
	if (!uuid_is_nil(t->person))
		jw_uuid(w, "person_id", t->person);
	jw_time(w, "expires_at", row_time(s, "expires_at"));
	jw_end(w);
	return 0;
}

int
session_open(struct req *r, struct login_id login, const struct account *a, struct problem *err)
{
	struct token t = { .session = uuid_new(), .user = a->id.v, .person = a->person, .role = a->role };
	bool patient = strcmp(a->role, "patient") == 0;
	int64_t ttl = conf_int(r->conf, patient ? "PATIENT_TOKEN_TTL" : "TOKEN_TTL");
	const struct row *s;

	req_object(r, "sessions", t.session);
	if (db_one(r->db, &s, open_sql, err, P_UUID(t.session), P_UUID(a->id.v), P_UUID(login.v), P_TEXT(a->role), P_INT(ttl)) < 0)
		return -1;
	t.expires_at = row_time(s, "expires_at") / US_PER_S;
	t.issued_at = t.expires_at - ttl;
	return token_reply(r, &t, s, err);
}

/* ---- whether it holds */

int
session_alive(struct req *r, const struct token *t, struct problem *err)
{
	const struct row *s;

	if (db_one(r->db, &s, alive_sql, err, P_UUID(t->session)) < 0)
		return -1;
	if (s == NULL || !uuid_equal(row_uuid(s, "user_id"), t->user) || strcmp(row_str(s, "role"), t->role) != 0)
		return problem(err, 401, "revoked_token", "the session is over");
	return 0;
}

static void
session_to_json(struct json_writer *w, const struct row *s)
{
	jw_object(w, NULL);
	jw_uuid(w, "session_id", row_uuid(s, "id"));
	jw_uuid(w, "user_id", row_uuid(s, "user_id"));
	jw_str(w, "role", row_str(s, "role"));
	jw_time(w, "created_at", row_time(s, "created_at"));
	jw_time(w, "expires_at", row_time(s, "expires_at"));
	jw_end(w);
}

int
session_show(struct req *r, struct problem *err)
{
	const struct row *s;

	if (db_final(r->db, &s, alive_sql, err, P_UUID(req_uuid(r, "id"))) < 0)
		return -1;
	if (s == NULL)
		return problem(err, 404, "not_found", "no such session is alive");
	session_to_json(reply_json(r, 200), s);
	return 0;
}

int
session_list(struct req *r, struct problem *err)
{
	struct rows *rows;

	if (db_all(r->db, &rows, own_sql, err, P_UUID(r->user)) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_array(w, "sessions");
	for (size_t i = 0; i < rows_count(rows); i++)
		session_to_json(w, rows_at(rows, i));
	jw_end(w);
	jw_end(w);
	return 0;
}

/* ---- its end */

int
session_logout(struct req *r, struct problem *err)
{
	req_object(r, "sessions", r->session);
	if (db_exec(r->db, logout_sql, err, P_UUID(r->user), P_UUID(r->session), P_BOOL(req_bool(r, "everywhere"))) < 0)
		return -1;
	reply_empty(r, 204);
	return 0;
}

int
session_end(struct req *r, struct problem *err)
{
	struct uuid id = req_uuid(r, "id");
	struct param admin = P_BOOL(strcmp(r->role, "admin") == 0);
	const struct row *s;

	req_object(r, "sessions", id);
	if (db_one(r->db, &s, visible_sql, err, P_UUID(id), P_UUID(r->user), admin) < 0)
		return -1;
	if (s == NULL)
		return problem(err, 404, "not_found", "no such session");
	if (db_exec(r->db, end_sql, err, P_UUID(id), P_UUID(r->user), admin) < 0)
		return -1;
	reply_empty(r, 204);
	return 0;
}

int
sessions_revoke(struct db *db, struct user_id id, const char *why, struct problem *err)
{
	return db_exec(db, revoke_sql, err, P_UUID(id.v), P_TEXT(why)) < 0 ? -1 : 0;
}

int
user_revoke(struct req *r, struct problem *err)
{
	struct user_id id = { req_uuid(r, "id") };
	const struct row *u;

	req_object(r, "users", id.v);
	if (db_one(r->db, &u, exists_sql, err, P_UUID(id.v)) < 0)
		return -1;
	if (u == NULL)
		return problem(err, 404, "not_found", "no such user");
	if (sessions_revoke(r->db, id, "administrator", err) < 0)
		return -1;
	reply_empty(r, 204);
	return 0;
}

/* What waits on time: digits that were never mailed are erased when their code is over; what nobody will ask about goes. */
int
sweep_job(struct job *j, struct problem *err)
{
	if (job_begin(j, err) < 0 || db_exec(j->db, sweep_digits_sql, err) < 0 || db_exec(j->db, sweep_sessions_sql, err) < 0 ||
	    db_exec(j->db, sweep_logins_sql, err) < 0)
		return -1;
	return job_end(j, err);
}
