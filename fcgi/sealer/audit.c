/*
 * audit.c: telerx-audit, for operators.
 *
 *	telerx-audit verify [--from SEAL] [--anchor FILE] [NAME]	0 ok, 1 tampered, 2 incomplete, 3 cannot read (rule L5)
 *	telerx-audit show [--patient ID] [--object ID] [--actor A] [--action A] [--request ID] [--since T] [--until T] [--limit N] [NAME]
 *
 * NAME is a service of AUDIT_DATABASES; without it, all of them. It runs as the role telerx_verifier, which reads the trails, may add to
 * them what it did, and may tell the service of a trail that does not verify.
 */
#include "core.h"

#include "base/clock.h"
#include "base/log.h"
#include "crypto/hash.h"
#include "data/audit_alarm.h"
#include "data/audit_verify.h"
#include "sealer/show.h"

#define EXIT_USAGE   64
#define SHOW_DEFAULT 100
#define SHOW_MAX     100000

static const struct conf_key audit_conf[] = {
	{ "AUDIT_DATABASES", CONF_STR, .required = true, .secret = true,
	    .says = "name=URL of each database, commas between them, as the role telerx_verifier" },
	{ "SEALER_PUBLIC_KEYS", CONF_STR, .required = true, .says = "Ed25519 public keys (PEM) of all sealers so far" },
	{ "ANCHOR_DIR", CONF_STR, .says = "directory of the anchors, one file a service" },
	{ "KEYHOLDER_SOCKET", CONF_STR, .says = "unix socket of the keyholder; unset: rows' macs are not checked" },
	{ "AUDIT_THREADS", CONF_INT, .dflt = "2", .says = "database connections that verify at a time" },
	{ "LOG_LEVEL", CONF_STR, .dflt = "WARN", .says = "DEBUG, INFO, WARN or ERROR" },
	{ 0 }
};

struct options {
	const char *name;
	const char *anchor;
	int64_t from;
	struct show show;
};

struct call {
	const struct conf *conf;
	struct arena *arena;
	struct options options;
};

/* ---- verify */

static struct keyring *
keyring_of(const struct call *c, const char *name, struct problem *err)
{
	return keyring_open(conf_str(c->conf, "KEYHOLDER_SOCKET"), name, err);
}

static void
report(const char *name, const struct audit_report *r, double seconds, bool macs)
{
	static const char *const words[] = { "ok", "TAMPERED", "INCOMPLETE", "CANNOT READ" };
	char hex[HEX32];

	printf("%s: %s%s%s | %" PRId64 " rows in %" PRId64 " seals, %" PRId64 " unsealed, head %" PRId64 " %.16s, %zu anchors%s, %.0f rows/s\n",
	    name, words[r->verdict], *r->says != '\0' ? ": " : "", r->says, r->rows, r->seals, r->unsealed, r->head,
	    hex_encode(BYTES(r->digest, 32), hex), r->anchors, macs ? "" : ", macs not checked",
	    seconds > 0 ? (double)r->rows / seconds : 0);
	(void)fflush(stdout);
}

/* The service's staff hears of it by a work item; whoever asked hears of it here. */
static void
tell(const struct audit_log *log, const struct audit_report *r)
{
	struct problem err = { 0 };
	struct db *db = db_open(log->url, DB_WORKER, "telerx-audit", &err);

	if (db == NULL || audit_alarm(db, AUDIT_BY_VERIFIER, "does_not_verify", r->says, &err) < 0)
		(void)fprintf(stderr, "telerx-audit: %s: no work item: %s: %s\n", log->name, err.code, err.detail);
	db_close(db);
}

static enum audit_verdict
verify_one(const struct call *c, const struct audit_log *log, const struct verify_keys *keys)
{
	struct audit_check check = { .url = log->url, .keys = keys, .from = c->options.from };
	const char *own = arena_printf(c->arena, "%s/%s.anchor", conf_str(c->conf, "ANCHOR_DIR"), log->name);
	struct audit_report r = { .verdict = AUDIT_UNREADABLE };
	struct keyring *keyring = NULL;
	struct problem err = { 0 };
	int64_t began = clock_mono_us();

	check.threads = (unsigned)conf_int(c->conf, "AUDIT_THREADS");
	check.anchor_file = c->options.anchor != NULL ? c->options.anchor : access(own, F_OK) == 0 ? own : NULL;
	if (*conf_str(c->conf, "KEYHOLDER_SOCKET") != '\0' && (keyring = keyring_of(c, log->name, &err)) == NULL) {
		(void)snprintf(r.says, sizeof(r.says), "%s", err.detail);
	} else {
		check.keyring = keyring;
		audit_verify(&check, &r);
	}
	report(log->name, &r, (double)(clock_mono_us() - began) / (double)US_PER_S, keyring != NULL);
	if (r.verdict == AUDIT_TAMPERED)
		tell(log, &r);
	keyring_free(keyring);
	return r.verdict;
}

/* Of several logs the worst is told: tampered before cannot read before incomplete. */
static int
worse(int a, int b)
{
	static const int rank[] = { [AUDIT_OK] = 0, [AUDIT_INCOMPLETE] = 1, [AUDIT_UNREADABLE] = 2, [AUDIT_TAMPERED] = 3 };

	return rank[a] >= rank[b] ? a : b;
}

static int
cmd_verify(const struct call *c, const struct audit_log *logs, int n)
{
	struct problem err = { 0 };
	struct verify_keys *keys = verify_keys_load(conf_str(c->conf, "SEALER_PUBLIC_KEYS"), &err);
	int worst = AUDIT_OK;

	if (keys == NULL) {
		(void)fprintf(stderr, "telerx-audit: %s\n", err.detail);
		return AUDIT_UNREADABLE;
	}
	for (int i = 0; i < n; i++)
		worst = worse(worst, (int)verify_one(c, &logs[i], keys));
	verify_keys_free(keys);
	return worst;
}

/* ---- show */

static int
show_one(const struct call *c, const struct audit_log *log, struct problem *err)
{
	struct keyring *keyring = NULL;
	struct db *db;
	int rc = -1;

	if (*conf_str(c->conf, "KEYHOLDER_SOCKET") == '\0')
		return problem(err, 500, "bad_config", "KEYHOLDER_SOCKET is not set: the row of this look would bear no mac");
	keyring = keyring_of(c, log->name, err);
	db = keyring != NULL ? db_open(log->url, DB_WORKER, "telerx-audit", err) : NULL;
	if (db != NULL) {
		db_keyring(db, keyring);
		rc = show_rows(db, log->name, &c->options.show, err);
	}
	db_close(db);
	keyring_free(keyring);
	return rc;
}

static int
cmd_show(const struct call *c, const struct audit_log *logs, int n)
{
	int status = 0;

	for (int i = 0; i < n; i++) {
		struct problem err = { 0 };

		if (show_one(c, &logs[i], &err) < 0) {
			(void)fprintf(stderr, "telerx-audit: %s: %s: %s\n", logs[i].name, err.code, err.detail);
			status = AUDIT_UNREADABLE;
		}
	}
	return status;
}

/* ---- the command line */

static int
number(const char *s, int64_t most, int64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoll(s, &end, 10);
	return *s != '\0' && *end == '\0' && errno == 0 && *ret > 0 && *ret <= most ? 0 : -1;
}

static int
option(struct options *o, const char *name, const char *value)
{
	const struct {
		const char *name;
		const char **place;
	} texts[] = {
		{ "--anchor", &o->anchor },
		{ "--patient", &o->show.object },
		{ "--object", &o->show.object },
		{ "--actor", &o->show.actor },
		{ "--action", &o->show.action },
		{ "--request", &o->show.request },
		{ "--since", &o->show.since },
		{ "--until", &o->show.until },
	};

	if (value == NULL)
		return -1;
	if (strcmp(name, "--from") == 0)
		return number(value, INT64_MAX, &o->from);
	if (strcmp(name, "--limit") == 0)
		return number(value, SHOW_MAX, &o->show.limit);
	for (size_t i = 0; i < COUNT(texts); i++)
		if (strcmp(texts[i].name, name) == 0) {
			*texts[i].place = value;
			return 0;
		}
	return -1;
}

static int
options(struct options *o, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], "--", 2) == 0) {
			if (option(o, argv[i], i + 1 < argc ? argv[i + 1] : NULL) < 0)
				return -1;
			i++;
		} else if (o->name == NULL) {
			o->name = argv[i];
		} else {
			return -1;
		}
	}
	return 0;
}

static int
chosen(const struct call *c, struct audit_log logs[LOGS_MAX], struct problem *err)
{
	int n = logs_read(c->arena, c->conf, logs, err);

	if (n < 0 || c->options.name == NULL)
		return n;
	for (int i = 0; i < n; i++)
		if (strcmp(logs[i].name, c->options.name) == 0) {
			logs[0] = logs[i];
			return 1;
		}
	return problem(err, 404, "unknown_log", "AUDIT_DATABASES has no %s", c->options.name);
}

static const struct {
	const char *name;
	int (*run)(const struct call *c, const struct audit_log *logs, int n);
	const char *usage;
} commands[] = {
	{ "verify", cmd_verify, "[--from SEAL] [--anchor FILE] [NAME]" },
	{ "show", cmd_show,
	    "[--patient ID] [--object ID] [--actor A] [--action A] [--request ID] [--since T] [--until T] [--limit N] [NAME]" },
};

static int
usage(void)
{
	for (size_t i = 0; i < COUNT(commands); i++)
		(void)fprintf(stderr, "%s telerx-audit %s %s\n", i == 0 ? "usage:" : "      ", commands[i].name, commands[i].usage);
	return EXIT_USAGE;
}

int
main(int argc, char **argv)
{
	static const struct conf_key *const tables[] = { audit_conf, NULL };
	struct call c = { .arena = arena_new(0), .options = { .show = { .limit = SHOW_DEFAULT } } };
	struct audit_log logs[LOGS_MAX];
	struct problem err = { 0 };
	struct conf *conf;
	size_t i = 0;
	int n, status = AUDIT_UNREADABLE;

	log_open("audit", LOG_WARN);
	while (argc > 1 && i < COUNT(commands) && strcmp(commands[i].name, argv[1]) != 0)
		i++;
	if (argc < 2 || i == COUNT(commands) || options(&c.options, argc - 2, argv + 2) < 0)
		return usage();
	c.conf = conf = conf_load(tables, &err);
	n = conf != NULL ? chosen(&c, logs, &err) : -1;
	if (n > 0)
		status = commands[i].run(&c, logs, n);
	else
		(void)fprintf(stderr, "telerx-audit: %s: %s\n", err.code, err.detail);
	conf_free(conf);
	arena_free(c.arena);
	return status;
}
