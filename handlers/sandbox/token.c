/*
 * token.c: sb_bearer tokens given by Canvas and FedEx, and the comparison of credentials. Table: token.
 */
#include "crypto/hash.h"
#include "sandbox/vendor.h"

static const char give_sql[] =
	"INSERT INTO token (token, vendor, expires_at) VALUES ($1, $2, clock_timestamp() + $3::bigint * interval '1 second')";
static const char sweep_sql[] =
    "DELETE FROM token WHERE token IN (SELECT token FROM token WHERE vendor = $1 AND expires_at < clock_timestamp() - "
    "interval '1 day'"
    " LIMIT 100 FOR UPDATE SKIP LOCKED)";
static const char check_sql[] =
	"SELECT expires_at > clock_timestamp() AS good FROM token WHERE token = $1 AND vendor = $2";

int
sb_token_give(struct call *c, int64_t seconds, const char **ret, struct problem *err)
{
	*ret = sb_random(c->arena, "", 64);
	if (db_exec(c->db, sweep_sql, err, P_TEXT(c->vendor->name)) < 0)
		return -1;
	return db_exec(c->db, give_sql, err, P_TEXT(*ret), P_TEXT(c->vendor->name), P_INT(seconds)) < 0 ? -1 : 0;
}

int
sb_token_check(struct call *c, const char *token, enum token_state *ret, struct problem *err)
{
	const struct row *w = NULL;

	*ret = TOKEN_UNKNOWN;
	if (token == NULL)
		return 0;
	if (db_one(c->db, &w, check_sql, err, P_TEXT(token), P_TEXT(c->vendor->name)) < 0)
		return -1;
	if (w != NULL)
		*ret = row_bool(w, "good") ? TOKEN_GOOD : TOKEN_EXPIRED;
	return 0;
}

bool
sb_credential(const struct req *r, const char *key, const char *given)
{
	const char *want = conf_str(r->conf, key);

	if (given == NULL || *given == '\0')
		return false;
	return *want == '\0' || same_text(want, given);
}
