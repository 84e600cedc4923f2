/* service.c: see service.h. The sub-commands are a table; what they share (configuration, start-up checks) is done before
 * they run. */
#include "core.h"

#include "base/log.h"
#include "connections.h"
#include "data/migrate.h"
#include "jobs_command.h"
#include "live.h"
#include "service_private.h"
#include "web/serve.h"

#define PRINT_MAX ((size_t)8 * 1024 * 1024)

const struct conf_key core_conf[] = { { "DATABASE_URL", CONF_STR, .secret = true,
					  .says = "the service's database, as its app role (libpq URL or keywords)" },
	{ "DATABASE_OWNER_URL", CONF_STR, .secret = true, .says = "the same database as its owner; only migrate uses it" },
	{ "SQL_DIR", CONF_STR, .dflt = "sql", .says = "folder of the migrations" },
	{ "TEMPLATES_DIR", CONF_STR, .dflt = "templates", .says = "folder of the message templates" },
	{ "TENANT_ID", CONF_STR, .dflt = "00000000-0000-7000-8000-000000000001",
	    .says = "the tenant that this installation serves" },
	{ "KEYHOLDER_SOCKET", CONF_STR, .says = "unix socket of the keyholder" },
	{ "ADMIN_SECRET", CONF_STR, .secret = true, .says = "bearer secret of the administrator; unset closes those routes" },
	{ "AUTH_JWKS_FILE", CONF_STR, .says = "public keys (JWKS) of the tokens that auth issues; unset: no token opens anything" },
	{ "POOL_PROCESSES", CONF_INT, .dflt = "1", .says = "processes of the pool, 1 to 8" },
	{ "POOL_THREADS", CONF_INT, .dflt = "4", .says = "threads of each process, each with a database connection of its own" },
	{ "LOG_LEVEL", CONF_STR, .dflt = "INFO", .says = "DEBUG, INFO, WARN or ERROR" },
	{ "LOG_LEVEL_FILE", CONF_STR, .says = "while this file exists its word is the level, within a second and without a restart" },
	{ "PUBLIC_BASE_URL", CONF_STR, .dflt = "https://localhost:8443",
	    .says = "how clients reach this installation; stands in links" },
	{ "VENDOR_CA_FILE", CONF_STR, .says = "certificate authority for vendors' hosts; unset = the system's" },
	{ "LIVE_MODE", CONF_BOOL, .dflt = "false",
	    .says = "real vendors, real money: live keys are refused without it, test keys and sandbox URLs with it" },
	{ "EVENT_RETENTION", CONF_LIST, .says = "topic=days, ...: how long messages are kept, where not as the topic says" },
	{ "EVENT_RETENTION_FLOORS", CONF_LIST, .dflt = "healthcare.audit.phi_access=2190",
	    .says = "topic=days, ...: what EVENT_RETENTION may not go below" },
	{ 0 } };

/* ---- look-ups */

const struct job_row *
service_job(const struct service *s, const char *kind)
{
	for (size_t i = 0; i < s->njobs; i++)
		if (strcmp(s->jobs[i].kind, kind) == 0)
			return &s->jobs[i];
	for (const struct job_row *row = core_jobs; row->kind != NULL; row++)
		if (strcmp(row->kind, kind) == 0)
			return row;
	return NULL;
}

const struct effect_kind *
service_effect(const struct service *s, const char *name)
{
	for (size_t i = 0; i < s->neffects; i++)
		if (strcmp(s->effects[i]->name, name) == 0)
			return s->effects[i];
	return NULL;
}

const struct saga_kind *
service_saga(const struct service *s, const char *name)
{
	for (size_t i = 0; i < s->nsagas; i++)
		if (strcmp(s->sagas[i]->name, name) == 0)
			return s->sagas[i];
	return NULL;
}

const struct webhook_source *
service_webhook(const struct service *s, const char *vendor)
{
	for (size_t i = 0; i < s->nwebhooks; i++)
		if (strcmp(s->webhooks[i]->vendor, vendor) == 0)
			return s->webhooks[i];
	return NULL;
}

bool
call_job_place(const void *service, const char *kind, const char **queue, int *attempts)
{
	const struct job_row *row = service_job(service, kind);

	if (row == NULL)
		return false;
	*queue = row->queue;
	*attempts = row->attempts;
	return true;
}

/* ---- start-up checks */

static int
service_begin(const struct service *s, const struct conf *conf, struct problem *err)
{
	struct uuid tenant;

	if (uuid_parse(conf_str(conf, "TENANT_ID"), &tenant) < 0)
		return problem(err, 500, "bad_config", "TENANT_ID is no UUID");
	if (s->database != NULL && (call_needs(conf, "DATABASE_URL", err) < 0 || call_needs(conf, "KEYHOLDER_SOCKET", err) < 0))
		return -1;
	if (live_check(s->config, conf, err) < 0 || routes_check(s, err) < 0 || topics_check(s->topics, conf, err) < 0 ||
	    kafka_check(conf, err) < 0)
		return -1;
	event_topics(s->topics);
	event_bus(strcmp(conf_str(conf, "EVENTS"), "kafka") == 0);
	job_kinds(call_job_place, s);
	return s->start != NULL ? s->start(conf, err) : 0;
}

/* ---- sub-commands */

static int
whole_number(const char *s, unsigned most, unsigned *ret)
{
	char *end;
	unsigned long v = strtoul(s, &end, 10);

	if (*s < '0' || *s > '9' || *end != '\0' || v > most)
		return -1;
	*ret = (unsigned)v;
	return 0;
}

/* serve --child LANE METRICS_FD READY_FD: a process that the master started, after it looked. */
static int
serve_child(const struct call *c)
{
	unsigned lane, metrics_fd, ready_fd;
	struct problem err = { 0 };

	if (c->argc != 4 || whole_number(c->argv[1], 255, &lane) < 0 || whole_number(c->argv[2], 65535, &metrics_fd) < 0 ||
	    whole_number(c->argv[3], 65535, &ready_fd) < 0)
		return EXIT_USAGE;
	if (service_begin(c->service, c->conf, &err) < 0)
		return call_refuse(&err);
	return pool_process(c->service, c->conf, (int)metrics_fd, lane, (int)ready_fd);
}

/* Rules D2, D3: a database that is there and does not keep its settings is no database to start with. One that is away is
 * waited for, and looked at by each connection. */
static int
promises_kept(const struct call *c, struct problem *err)
{
	struct problem away = { 0 };
	struct db *db;

	if (c->service->database == NULL)
		return 0;
	db = db_open(conf_str(c->conf, "DATABASE_URL"), DB_API, c->service->name, &away);
	db_close(db);
	if (db != NULL || strcmp(away.code, "database_settings") != 0)
		return 0;
	*err = away;
	return -1;
}

/* serve --look: what the master asks before it starts anybody (pool/look.h). */
static int
serve_look(const struct call *c)
{
	int n = printf("%" PRId64 "\n%s\n%s\n", conf_int(c->conf, "POOL_PROCESSES"), conf_str(c->conf, "LOG_LEVEL"),
	    conf_str(c->conf, "LOG_LEVEL_FILE"));

	return n > 0 && fflush(stdout) == 0 ? 0 : EXIT_FAILURE;
}

static int
cmd_serve(const struct call *c)
{
	struct problem err = { 0 };

	if (c->argc > 0 && strcmp(c->argv[0], "--child") == 0)
		return serve_child(c);
	if (c->argc > 1 || (c->argc == 1 && strcmp(c->argv[0], "--look") != 0))
		return EXIT_USAGE;
	if (service_begin(c->service, c->conf, &err) < 0 || promises_kept(c, &err) < 0)
		return call_refuse(&err);
	return c->argc == 1 ? serve_look(c) : pool_process(c->service, c->conf, -1, 0, -1);
}

static int
cmd_work(const struct call *c)
{
	struct problem err = { 0 };

	if (service_begin(c->service, c->conf, &err) < 0 || promises_kept(c, &err) < 0)
		return call_refuse(&err);
	return worker_main(c->service, c->conf);
}

static int
cmd_migrate(const struct call *c)
{
	struct problem err = { 0 };
	bool sample = c->argc > 0 && strcmp(c->argv[0], "--sample") == 0;
	unsigned applied = 0;

	if (c->service->database == NULL)
		return 0;
	if (sample && conf_bool(c->conf, "LIVE_MODE")) {
		(void)problem(&err, 500, "bad_config", "sample rows are refused while LIVE_MODE is on");
		return call_refuse(&err);
	}
	if (call_needs(c->conf, "DATABASE_OWNER_URL", &err) < 0 ||
	    migrate_up(conf_str(c->conf, "DATABASE_OWNER_URL"), conf_str(c->conf, "SQL_DIR"), c->service->database, sample,
		&applied, &err) < 0 ||
	    topics_store(conf_str(c->conf, "DATABASE_OWNER_URL"), c->service->topics, c->conf, &err) < 0)
		return call_refuse(&err);
	printf("%s: %u migrations applied\n", c->service->name, applied);
	return 0;
}

static int
check_connections(const struct call *c, struct db *db, struct problem *err)
{
	const struct connections wanted = connections_of(c->service, c->conf);
	struct scope scope = { .actor = "system:operator" };

	(void)uuid_parse(conf_str(c->conf, "TENANT_ID"), &scope.tenant);
	return connections_fit(db, &wanted, &scope, err);
}

static int
check_database(const struct call *c, struct problem *err)
{
	struct keyring *keyring;
	struct db *db = call_database(c, &keyring, err);
	unsigned pending = 0, statements;
	int rc = -1;

	if (db != NULL)
		rc = migrate_pending(db, conf_str(c->conf, "SQL_DIR"), c->service->database, &pending, err);
	if (rc == 0 && pending > 0)
		rc = problem(err, 503, "migrations_pending", "%u migrations wait", pending);
	if (rc == 0)
		rc = check_connections(c, db, err);
	if (rc == 0)
		rc = db_prepare_all(db, &statements, err);
	db_close(db);
	keyring_free(keyring);
	return rc;
}

static int
cmd_check(const struct call *c)
{
	struct problem err = { 0 };

	if (service_begin(c->service, c->conf, &err) < 0 || (c->service->database != NULL && check_database(c, &err) < 0))
		return call_refuse(&err);
	printf("%s: ok\n", c->service->name);
	return 0;
}

/* ---- jobs */

static int
cmd_jobs(const struct call *c)
{
	struct problem err = { 0 };
	struct keyring *keyring = NULL;
	struct scope scope = { .actor = "system:operator" };
	struct db *db;
	int rc = -1;

	if (c->service->database == NULL)
		return 0;
	event_topics(c->service->topics);
	if (uuid_parse(conf_str(c->conf, "TENANT_ID"), &scope.tenant) < 0)
		return EXIT_CONFIG;
	db = call_database(c, &keyring, &err);
	if (db != NULL)
		rc = jobs_command(db, &scope, c->service, c->conf, c->argc, c->argv, &err);
	db_close(db);
	keyring_free(keyring);
	if (rc < 0)
		(void)fprintf(stderr, "%s: %s: %s\n", c->service->name, err.code, err.detail);
	return rc > 0 ? EXIT_USAGE : rc < 0 ? EXIT_FAILURE : 0;
}

/* ---- what is printed */

static int
print(struct buf *out)
{
	bool whole = !out->failed && fwrite(out->data, 1, out->len, stdout) == out->len && fflush(stdout) == 0;

	buf_release(out);
	return whole ? 0 : EXIT_FAILURE;
}

static void
access_names(struct buf *out, unsigned access)
{
	static const struct {
		enum access bit;
		const char *name;
	} names[] = {
		{ PUBLIC, "PUBLIC" },
		{ SERVICE, "SERVICE" },
		{ ADMIN, "ADMIN" },
		{ PATIENT_SELF, "PATIENT_SELF" },
		{ PARTNER, "PARTNER" },
		{ WEBHOOK, "WEBHOOK" },
		{ VENDOR, "VENDOR" },
		{ ROLE, "ROLE" },
	};
	const char *between = "";

	for (size_t i = 0; i < COUNT(names); i++) {
		if ((access & names[i].bit) == 0)
			continue;
		buf_addf(out, "%s%s", between, names[i].name);
		between = "|";
	}
}

/* One row a line, tabs between: method, path, access, callers, database mode, once, audit action, roles. The call graph is drawn
 * from it. */
static int
cmd_routes(const struct call *c)
{
	static const char *const modes[] = { "?", "NONE", "READ", "READ_AUDITED", "WRITE" };
	static const char *const onces[] = { "-", "KEY", "NATURAL" };
	struct buf out = BUF_INIT(PRINT_MAX);
	size_t ncore;
	const struct route *core = core_routes(c->service, &ncore);

	for (size_t i = 0; i < c->service->nroutes + ncore; i++) {
		const struct route *row = i < ncore ? &core[i] : &c->service->routes[i - ncore];

		buf_addf(&out, "%s\t%s\t", row->method, row->path);
		access_names(&out, row->access);
		buf_addf(&out, "\t%s\t%s\t%s\t%s\t%s\n", row->callers != NULL ? row->callers : "-", modes[row->db],
		    onces[row->once], row->audit != NULL ? row->audit : "-", row->roles != NULL ? row->roles : "-");
	}
	return print(&out);
}

static int
cmd_openapi(const struct call *c)
{
	struct buf out = BUF_INIT(PRINT_MAX);

	openapi_print(c->service, &out);
	buf_addc(&out, '\n');
	return print(&out);
}

static int
cmd_config(const struct call *c)
{
	struct buf out = BUF_INIT(PRINT_MAX);

	conf_print(c->conf, &out);
	return print(&out);
}

static int
cmd_connections(const struct call *c)
{
	const struct connections n = connections_of(c->service, c->conf);

	return printf("%" PRId64 " %" PRId64 "\n", n.pool, n.worker) > 0 ? 0 : EXIT_FAILURE;
}

static const struct {
	const char *name;
	int (*run)(const struct call *c);
	const char *usage;
	bool bare; /* prints tables: needs no settings */
} commands[] = {
	{ "serve", cmd_serve, "[--look]" },
	{ "work", cmd_work, "" },
	{ "migrate", cmd_migrate, "[--sample]" },
	{ "check", cmd_check, "" },
	{ "key", cmd_key, "add CALLER KEYID | revoke KEYID" },
	{ "keys", cmd_keys, "status | rewrap | reindex | reseal PATIENT | erase PATIENT REASON" },
	{ "jobs", cmd_jobs, JOBS_USAGE },
	{ "routes", cmd_routes, "", .bare = true },
	{ "openapi", cmd_openapi, "", .bare = true },
	{ "config", cmd_config, "" },
	{ "connections", cmd_connections, "" },
};

static int
usage(const char *program)
{
	for (size_t i = 0; i < COUNT(commands); i++)
		(void)fprintf(stderr, "%s %s %s %s\n", i == 0 ? "usage:" : "      ", program, commands[i].name, commands[i].usage);
	return EXIT_USAGE;
}

static struct conf *
load_conf(const struct service *s, struct problem *err)
{
	const struct conf_key *const tables[] = { core_conf, peer_conf, work_conf, webhook_conf, s->config, NULL };
	struct conf *conf = conf_load(tables, err);
	enum log_level least;

	if (conf != NULL && log_level_parse(conf_str(conf, "LOG_LEVEL"), &least) == 0)
		log_level_set(least);
	if (conf != NULL)
		log_level_file(conf_str(conf, "LOG_LEVEL_FILE"));
	return conf;
}

int
service_main(int argc, char **argv, const struct service *s)
{
	struct problem err = { 0 };
	size_t i = 0;
	struct conf *conf = NULL;
	int rc;

	log_open(s->name, LOG_INFO);
	while (argc > 1 && i < COUNT(commands) && strcmp(commands[i].name, argv[1]) != 0)
		i++;
	if (argc < 2 || i == COUNT(commands))
		return usage(argv[0]);
	if (!commands[i].bare && (conf = load_conf(s, &err)) == NULL)
		return call_refuse(&err);
	rc = commands[i].run(&(struct call){ .service = s, .conf = conf, .argc = argc - 2, .argv = argv + 2 });
	conf_free(conf);
	return rc == EXIT_USAGE ? usage(argv[0]) : rc;
}
