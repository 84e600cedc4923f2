/*
 * capacity.c: what of a pharmacy's day is taken (P-RTE-03, P-RTE-08, P-DATA-07).
 *
 * The rows decide: capacity_days for the day, open_rx of the pharmacy for what is open at once. A place is taken by one statement that holds the
 * pharmacy's row, so any number of takers may come at once. `pharmacy_capacity:{id}` remembers the sum for five minutes for those who only look, and no
 * longer than the day; losing it costs a look at the rows.
 */
#include "data/ttl.h"
#include "router/scored/scored.h"

#define CACHED_S 300

static const char look_sql[] =
	"SELECT p.max_daily_rx, coalesce(c.current_daily_rx, 0) AS current_daily_rx,"
	" ceil(extract(epoch FROM date_trunc('day', now() AT TIME ZONE 'UTC') + interval '1 day' - now() AT TIME ZONE 'UTC'))::bigint AS day_left"
	" FROM pharmacies p LEFT JOIN capacity_days c ON c.pharmacy_id = p.id AND c.day = (now() AT TIME ZONE 'UTC')::date WHERE p.id = $1";
static const char take_sql[] =
	"WITH p AS (UPDATE pharmacies SET open_rx = open_rx + 1 WHERE id = $1 AND status = 'active' AND open_rx < max_concurrent_rx"
	"  RETURNING id, max_daily_rx)"
	" INSERT INTO capacity_days AS c (pharmacy_id, day, current_daily_rx, max_daily_rx)"
	"  SELECT p.id, (now() AT TIME ZONE 'UTC')::date, 1, p.max_daily_rx FROM p"
	" ON CONFLICT (tenant_id, pharmacy_id, day) DO UPDATE SET current_daily_rx = c.current_daily_rx + 1, max_daily_rx = excluded.max_daily_rx"
	"  WHERE c.current_daily_rx < excluded.max_daily_rx"
	" RETURNING c.day::text AS day";
static const char give_sql[] =
	"WITH p AS (UPDATE pharmacies SET open_rx = open_rx - 1 WHERE id = $1 AND open_rx > 0 RETURNING id)"
	" UPDATE capacity_days c SET current_daily_rx = c.current_daily_rx - 1 FROM p"
	" WHERE $3::boolean AND c.pharmacy_id = p.id AND c.day = $2::date AND c.current_daily_rx > 0";

static const char *
cache_key(struct db *db, struct uuid pharmacy)
{
	char id[UUID_TEXT];

	return arena_printf(db_current_arena(db), "pharmacy_capacity:%s", uuid_text(pharmacy, id));
}

void
load_to_json(struct json_writer *w, const char *key, const struct load *l)
{
	jw_object(w, key);
	jw_int(w, "current_daily_rx", l->current);
	jw_int(w, "max_daily_rx", l->most);
	jw_decimal(w, "utilization", l->most > 0 ? (2 * SCORE_ONE * l->current + l->most) / (2 * l->most) : SCORE_ONE);
	jw_end(w);
}

static int
rows_of(struct db *db, struct uuid pharmacy, struct load *ret, int64_t *day_left, struct problem *err)
{
	const struct row *row;

	if (db_one(db, &row, look_sql, err, P_UUID(pharmacy)) < 0)
		return -1;
	if (row == NULL)
		return problem(err, 404, "not_found", "no such pharmacy");
	*ret = (struct load){ row_int(row, "current_daily_rx"), row_int(row, "max_daily_rx") };
	*day_left = row_int(row, "day_left");
	return 0;
}

/* From the rows, and into the cache. */
static int
look(struct db *db, struct uuid pharmacy, struct load *ret, struct problem *err)
{
	struct buf b = buf_in(db_current_arena(db), 256);
	struct json_writer w;
	int64_t left;

	if (rows_of(db, pharmacy, ret, &left, err) < 0)
		return -1;
	jw_start(&w, &b);
	load_to_json(&w, NULL, ret);
	return ttl_put(db, cache_key(db, pharmacy), buf_str(&b), left < CACHED_S ? left : CACHED_S, err);
}

int
capacity_now(struct db *db, struct uuid pharmacy, struct load *ret, struct problem *err)
{
	int64_t left;

	return rows_of(db, pharmacy, ret, &left, err);
}

int
capacity_of(struct db *db, struct uuid pharmacy, struct load *ret, struct problem *err)
{
	const char *cached;
	const json_t *seen;

	if (ttl_get(db, cache_key(db, pharmacy), &cached, err) < 0)
		return -1;
	if (cached == NULL)
		return look(db, pharmacy, ret, err);
	seen = json_read(db_current_arena(db), cached, strlen(cached), err);
	if (seen == NULL)
		return -1;
	*ret = (struct load){ json_int_at(seen, "current_daily_rx", 0), json_int_at(seen, "max_daily_rx", 0) };
	return 0;
}

int
capacity_forget(struct db *db, struct uuid pharmacy, struct problem *err)
{
	return ttl_drop(db, cache_key(db, pharmacy), err);
}

int
capacity_take(struct db *db, struct uuid pharmacy, const char **day, struct problem *err)
{
	const struct row *row;
	struct load now;

	if (db_one(db, &row, take_sql, err, P_UUID(pharmacy)) < 0)
		return -1;
	if (row == NULL)
		return problem(err, 409, "at_capacity", "the pharmacy takes no more today");
	*day = row_str(row, "day");
	return look(db, pharmacy, &now, err);
}

int
capacity_give(struct db *db, struct uuid pharmacy, const char *day, bool whole, struct problem *err)
{
	struct load now;

	if (db_exec(db, give_sql, err, P_UUID(pharmacy), P_TEXT(day), P_BOOL(whole)) < 0)
		return -1;
	return look(db, pharmacy, &now, err);
}
