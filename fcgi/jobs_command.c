/* jobs_command.c: see jobs_command.h. */
#include "core.h"

#include "base/clock.h"
#include "data/audit.h"
#include "data/job_admin.h"
#include "jobs_command.h"

struct command {
	struct db *db;
	const char *service;
	const struct service *table;
	const struct conf *conf;
	int argc;
	char **argv;
};

/* Seconds are enough for a person. */
static const char *
seconds(int64_t us, char out[CLOCK_TEXT])
{
	if (us == 0)
		return "-";
	clock_text(us, out);
	out[19] = '\0';
	return out;
}

static int
list(const struct command *c, struct problem *err)
{
	struct rows *rows;
	char at[CLOCK_TEXT];

	if (job_list(c->db, c->argc > 1 ? c->argv[1] : NULL, NULL, JOB_LIST_MOST, &rows, err) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *w = rows_at(rows, i);
		int64_t when = row_is_null(w, "finished_at") ? row_time(w, "run_at") : row_time(w, "finished_at");

		printf("%-12s %-8s %10" PRId64 "  %-24s %2" PRId64 "/%-3" PRId64 " %s  %s\n", c->service, row_str(w, "state"),
		    row_int(w, "id"), row_str(w, "kind"), row_int(w, "attempt"), row_int(w, "max_attempts"), seconds(when, at),
		    row_str(w, "last_error"));
	}
	return 0;
}

static int
number_of(const char *s, int64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoll(s, &end, 10);
	return errno == 0 && *s >= '1' && *s <= '9' && *end == '\0' ? 0 : -1;
}

static int
job_of(const struct command *c, int64_t *id, struct problem *err)
{
	if (c->argc < 2 || number_of(c->argv[1], id) < 0)
		return problem(err, 400, "bad_number", "a job is named by its number");
	return 0;
}

static int
show(const struct command *c, struct problem *err)
{
	struct buf out = buf_in(db_current_arena(c->db), (size_t)1024 * 1024);
	struct json_writer w;
	const struct row *row;
	int64_t id;

	if (job_of(c, &id, err) < 0 || job_find(c->db, id, &row, err) < 0)
		return -1;
	jw_start(&w, &out);
	job_to_json(&w, NULL, row, true);
	printf("%s\n", buf_str(&out));
	return 0;
}

static int
retry(const struct command *c, struct problem *err)
{
	int64_t id;

	if (job_of(c, &id, err) < 0)
		return -1;
	audit_pending(c->db, &(struct audit_entry){ .action = "job.retry", .object = "job", .object_id = c->argv[1] });
	if (job_retry(c->db, id, err) < 0)
		return -1;
	printf("%s: job %" PRId64 " runs again\n", c->service, id);
	return 0;
}

static int
replay(const struct command *c, struct problem *err)
{
	int64_t n;

	if (c->argc < 2)
		return problem(err, 400, "no_kind", "replay takes a kind of job");
	audit_pending(c->db, &(struct audit_entry){ .action = "job.replay", .object = "job", .object_id = c->argv[1] });
	if (job_replay(c->db, c->argv[1], &n, err) < 0)
		return -1;
	printf("%s: %" PRId64 " of %s run again\n", c->service, n, c->argv[1]);
	return 0;
}

static const char *
default_of(const struct service *s, const char *key)
{
	for (const struct conf_key *k = s->config; k != NULL && k->name != NULL; k++)
		if (strcmp(k->name, key) == 0 && k->dflt != NULL)
			return k->dflt;
	return "-";
}

static void
polls(const struct command *c)
{
	for (size_t i = 0; i < c->table->ntimers; i++) {
		const struct timer_row *t = &c->table->timers[i];

		if (t->polls != NULL)
			printf("%-12s %-20s every %" PRId64 "s  %s, by default %s\n", c->service, t->polls, conf_int(c->conf, t->every), t->every,
			    default_of(c->table, t->every));
	}
}

static int
workers(const struct command *c, struct problem *err)
{
	struct rows *rows;
	char started[CLOCK_TEXT], seen[CLOCK_TEXT];

	polls(c);
	if (job_workers(c->db, &rows, err) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *w = rows_at(rows, i);

		printf("%-12s %-56s since %s  seen %s  holds %" PRId64 "\n", c->service, row_str(w, "name"),
		    seconds(row_time(w, "started_at"), started), seconds(row_time(w, "seen_at"), seen), row_int(w, "running"));
	}
	return 0;
}

static const struct {
	const char *name;
	int (*run)(const struct command *c, struct problem *err);
	enum db_mode mode;
} commands[] = {
	{ "list", list, READ },
	{ "show", show, READ },
	{ "retry", retry, WRITE },
	{ "replay", replay, WRITE },
	{ "workers", workers, READ },
};

int
jobs_command(struct db *db, const struct scope *scope, const struct service *service, const struct conf *conf, int argc, char **argv,
    struct problem *err)
{
	struct command c = { db, service->name, service, conf, argc, argv };
	size_t i = 0;

	while (argc > 0 && i < COUNT(commands) && strcmp(commands[i].name, argv[0]) != 0)
		i++;
	if (i == COUNT(commands))
		return 1;
	if (db_begin(db, commands[i].mode, scope, err) < 0 || commands[i].run(&c, err) < 0 || db_commit(db, err) < 0) {
		db_rollback(db);
		return -1;
	}
	return 0;
}
