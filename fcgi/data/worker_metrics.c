/* worker_metrics.c: see worker_metrics.h. */
#include "core.h"

#include <math.h>

#include "base/json.h"
#include "base/log.h"
#include "data/worker_metrics.h"

#define GAUGE_KIND 2
#define TEXT_MAX   ((size_t)1024 * 1024)

static const char add_sql[] =
    "INSERT INTO worker_metric AS m (name, labels, kind, value, buckets)"
    " SELECT name, labels, kind, value, buckets FROM jsonb_to_recordset($1::jsonb)"
    "  AS x (name text, labels text, kind smallint, value float8, buckets float8[]) ORDER BY name, labels"
    " ON CONFLICT (name, labels) DO UPDATE SET value = m.value + excluded.value,"
    "  buckets = ARRAY(SELECT a + b FROM unnest(m.buckets, excluded.buckets) WITH ORDINALITY AS t (a, b, i) ORDER BY i)";
static const char gauges_sql[] =
    "INSERT INTO worker_gauge AS g (worker, name, labels, value)"
    " SELECT $1, name, labels, value FROM jsonb_to_recordset($2::jsonb) AS x (name text, labels text, value float8)"
    " ON CONFLICT (worker, name, labels) DO UPDATE SET value = excluded.value WHERE g.value <> excluded.value";
static const char counters_sql[] = "SELECT name, labels, kind, value::text, array_to_string(buckets, ' ') AS buckets FROM worker_metric";
static const char live_sql[] =
    "SELECT g.name, g.labels, max(g.value)::text AS value FROM worker_gauge g JOIN worker w ON w.name = g.worker"
    " WHERE w.seen_at > clock_timestamp() - interval '1 minute' GROUP BY g.name, g.labels";
static const char queues_sql[] =
    "SELECT queue, state, count(*)::text AS depth,"
    "  coalesce(greatest(extract(epoch FROM clock_timestamp() - min(run_at)), 0), 0)::text AS age"
    " FROM job WHERE state IN ('ready', 'running') GROUP BY queue, state";
static const char dead_sql[] = "SELECT kind, count(*)::text AS dead FROM job WHERE state = 'dead' GROUP BY kind";
static const char workers_sql[] =
    "SELECT count(*)::text AS n FROM worker WHERE seen_at > clock_timestamp() - interval '1 minute'";

/* ---- telling */

static struct metric_series *told;
static size_t ntold;

static const struct metric_series *
told_before(const struct metric_series *m)
{
	for (size_t i = 0; i < ntold; i++)
		if (strcmp(told[i].name, m->name) == 0 && strcmp(told[i].labels, m->labels) == 0 && told[i].kind == m->kind)
			return &told[i];
	return NULL;
}

static void
number(struct buf *out, double v)
{
	buf_add_real(out, isfinite(v) ? v : 0);
}

static void
series_to_json(struct json_writer *w, struct buf *out, const struct metric_series *m, const struct metric_series *before)
{
	struct buf list = BUF_INIT(1024);

	jw_object(w, NULL);
	jw_str(w, "name", m->name);
	jw_str(w, "labels", m->labels);
	jw_int(w, "kind", m->kind);
	number(&list, m->value - (before != NULL ? before->value : 0));
	jw_raw(w, "value", buf_str(&list));
	buf_clear(&list);
	for (size_t i = 0; i < METRICS_BUCKETS; i++) {
		buf_addc(&list, i == 0 ? '[' : ',');
		number(&list, m->buckets[i] - (before != NULL ? before->buckets[i] : 0));
	}
	buf_addc(&list, ']');
	jw_raw(w, "buckets", buf_str(&list));
	jw_end(w);
	out->failed = out->failed || list.failed;
	buf_release(&list);
}

static bool
changed(const struct metric_series *m, const struct metric_series *before)
{
	/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-exp42-c,cert-flp37-c): other bits are sent again */
	return before == NULL || before->value != m->value || memcmp(before->buckets, m->buckets, sizeof(m->buckets)) != 0;
}

/* Counters: what came on top. Gauges: as they are. */
static const char *
as_json(struct arena *a, const struct metric_series *all, size_t n, bool gauges)
{
	struct buf b = buf_in(a, TEXT_MAX);
	struct json_writer w;

	jw_start(&w, &b);
	jw_array(&w, NULL);
	for (size_t i = 0; i < n; i++) {
		const struct metric_series *before = gauges ? NULL : told_before(&all[i]);

		if ((all[i].kind == GAUGE_KIND) == gauges && changed(&all[i], before))
			series_to_json(&w, &b, &all[i], before);
	}
	jw_end(&w);
	return b.failed ? "[]" : buf_str(&b);
}

int
worker_metrics_tell(struct db *db, const struct scope *scope, const char *worker, struct problem *err)
{
	struct metric_series *all;
	size_t n = metrics_read(&all);
	struct arena *a = db_current_arena(db);

	if (db_begin(db, WRITE, scope, err) < 0 || db_exec(db, add_sql, err, P_TEXT(as_json(a, all, n, false))) < 0 ||
	    db_exec(db, gauges_sql, err, P_TEXT(worker), P_TEXT(as_json(a, all, n, true))) < 0 || db_commit(db, err) < 0) {
		free(all);
		return -1;
	}
	free(told);
	told = all;
	ntold = n;
	return 0;
}

/* ---- reading */

struct list {
	struct metric_series *all;
	size_t n, room;
};

static struct metric_series *
next(struct list *l, int kind, const char *name, const char *value)
{
	struct metric_series *m;

	if (l->n == l->room)
		die("more series than were counted");
	m = &l->all[l->n++];
	*m = (struct metric_series){ .kind = kind, .value = strtod(value, NULL) };
	(void)snprintf(m->name, sizeof(m->name), "%s", name);
	return m;
}

static void
of_worker(struct metric_series *m, const char *labels)
{
	(void)snprintf(m->labels, sizeof(m->labels), "process=\"worker\"%s%s", *labels != '\0' ? "," : "", labels);
}

static void
add_counters(struct list *l, struct rows *rows)
{
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *w = rows_at(rows, i);
		struct metric_series *m = next(l, (int)row_int(w, "kind"), row_str(w, "name"), row_str(w, "value"));
		const char *s = row_str(w, "buckets");
		char *end;

		of_worker(m, row_str(w, "labels"));
		for (size_t b = 0; b < METRICS_BUCKETS && *s != '\0'; b++, s = end)
			m->buckets[b] = strtod(s, &end);
	}
}

static void
add_gauges(struct list *l, struct rows *rows)
{
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *w = rows_at(rows, i);

		of_worker(next(l, GAUGE_KIND, row_str(w, "name"), row_str(w, "value")), row_str(w, "labels"));
	}
}

static void
add_queues(struct list *l, struct rows *rows)
{
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *w = rows_at(rows, i);
		struct metric_series *m = next(l, GAUGE_KIND, "job_queue_depth", row_str(w, "depth"));

		(void)snprintf(m->labels, sizeof(m->labels), "queue=\"%.60s\",state=\"%s\"", row_str(w, "queue"), row_str(w, "state"));
		m = next(l, GAUGE_KIND, "job_queue_age_seconds", row_str(w, "age"));
		(void)snprintf(m->labels, sizeof(m->labels), "queue=\"%.60s\",state=\"%s\"", row_str(w, "queue"), row_str(w, "state"));
	}
}

int
worker_metrics_read(struct db *db, struct metric_series **ret, size_t *n, struct problem *err)
{
	struct rows *counters, *gauges, *queues, *dead;
	const struct row *workers;
	struct list l = { 0 };

	if (db_all(db, &counters, counters_sql, err) < 0 || db_all(db, &gauges, live_sql, err) < 0 ||
	    db_all(db, &queues, queues_sql, err) < 0 || db_all(db, &dead, dead_sql, err) < 0 ||
	    db_one(db, &workers, workers_sql, err) < 0)
		return -1;
	l.room = rows_count(counters) + rows_count(gauges) + 2 * rows_count(queues) + rows_count(dead) + 1;
	l.all = arena_alloc(db_current_arena(db), l.room * sizeof(*l.all));
	add_counters(&l, counters);
	add_gauges(&l, gauges);
	add_queues(&l, queues);
	for (size_t i = 0; i < rows_count(dead); i++) {
		struct metric_series *m = next(&l, GAUGE_KIND, "job_dead", row_str(rows_at(dead, i), "dead"));

		(void)snprintf(m->labels, sizeof(m->labels), "kind=\"%.80s\"", row_str(rows_at(dead, i), "kind"));
	}
	(void)next(&l, GAUGE_KIND, "workers_alive", row_str(workers, "n"));
	*ret = l.all;
	*n = l.n;
	return 0;
}
