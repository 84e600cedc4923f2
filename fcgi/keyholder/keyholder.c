/* keyholder.c: see keyholder.h. Settings and sub-commands; those of administrators ask the keyholder that runs. */
#include "core.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <sys/stat.h>

#include "base/log.h"
#include "crypto/envelope_keys.h"
#include "keyholder/keyholder.h"

#define EXIT_USAGE  64
#define EXIT_CONFIG 78
#define SECURE_HEAP ((size_t)1024 * 1024)
#define TRIES	    1200 /* half a minute: a supervisor lets who fell often wait for some seconds */
#define PAUSE_US    (25 * 1000)

static const struct conf_key keyholder_conf[] = {
	{ "KEYHOLDER_SOCKET", CONF_STR, .required = true, .says = "unix socket that services ask for keys" },
	{ "KEYHOLDER_KEYS", CONF_STR, .required = true, .says = "folder of the key files, its owner's alone" },
	{ "KEYHOLDER_AUDIT", CONF_STR, .required = true, .says = "append-only file with a line per key" },
	{ "KEYHOLDER_CLIENTS", CONF_LIST, .says = "who may use whose keys: user=service, * for any service" },
	{ "KEYHOLDER_RATE", CONF_INT, .dflt = "10000", .says = "keys a process may take within a minute; more is an alarm" },
	{ "KEYHOLDER_OVERLAP", CONF_SECS, .dflt = "7d", .says = "how long a succeeded envelope key still opens" },
	{ "LOG_LEVEL", CONF_STR, .dflt = "INFO", .says = "DEBUG, INFO, WARN or ERROR" },
	{ 0 }
};

/* ---- what is asked of the one that runs */

/* Of the list that the question is about, as the hello told. */
static int32_t
newest_of(const struct key_message *hello, int64_t list)
{
	size_t at = list == KEY_LIST_MAC ? (size_t)hello->id : 0;
	struct master_key k;

	if (list == KEY_LIST_KEK || (at + 1) * sizeof(k) > hello->n)
		return hello->number;
	memcpy(&k, hello->data + at * sizeof(k), sizeof(k));
	OPENSSL_cleanse(k.key, sizeof(k.key));
	return k.version;
}

/* One connection: hello, then the question. */
static int
ask_once(const char *socket, const char *service, struct key_message *hello, struct key_message *m, struct problem *err)
{
	int fd = key_connect(socket), rc = -1;

	*hello = (struct key_message){ .op = KEY_HELLO };
	if (fd < 0)
		return problem(err, 503, "keyholder_unavailable", "%s: %s", socket, strerror(errno));
	if (!key_put(hello, service, strlen(service)))
		problem(err, 400, "bad_question", "this is no name of a service");
	else if (key_ask(fd, hello) < 0)
		problem(err, 503, "keyholder_unavailable", "the keyholder does not answer");
	else if (key_refusal(hello, err) == 0) {
		if (m->op == KEY_ADD && m->number == 0)
			m->number = newest_of(hello, m->id);
		rc = key_ask(fd, m) < 0 ? problem(err, 503, "keyholder_unavailable", "the keyholder does not answer") : key_refusal(m, err);
	}
	OPENSSL_cleanse(hello, sizeof(*hello));
	(void)close(fd);
	return rc;
}

/* Again while the keyholder is being replaced. A question whose answer was lost may be asked twice: a key is added to the newest one
 * that the first hello told of, and what is gone already has been dropped. */
static int
ask_holder(const struct conf *conf, const char *service, struct key_message *m, struct problem *err)
{
	struct key_message question = *m, hello;
	int rc = -1;

	for (int tries = 0; tries < TRIES; tries++) {
		problem_clear(err);
		*m = question;
		rc = ask_once(conf_str(conf, "KEYHOLDER_SOCKET"), service, &hello, m, err);
		if (tries > 0 && m->op == KEY_DROP && err->status == 404)
			rc = 0;
		if (rc == 0 || strcmp(err->code, "keyholder_unavailable") != 0)
			break;
		if (question.op == KEY_ADD && question.number == 0)
			question.number = m->number;
		(void)usleep(PAUSE_US);
	}
	return rc;
}

static int
cmd_status(const struct conf *conf, char **argv, struct problem *err)
{
	struct key_message m = { .op = KEY_DESCRIBE };

	if (ask_holder(conf, argv[0], &m, err) < 0)
		return -1;
	(void)fwrite(m.data, 1, m.n, stdout);
	return 0;
}

static int
add(const struct conf *conf, const char *service, enum key_list list, struct problem *err)
{
	struct key_message m = { .op = KEY_ADD, .id = list };

	if (ask_holder(conf, service, &m, err) < 0)
		return -1;
	printf("%d\n", m.number);
	return 0;
}

static int
cmd_add_kek(const struct conf *conf, char **argv, struct problem *err)
{
	return add(conf, argv[0], KEY_LIST_KEK, err);
}

static int
cmd_add_index(const struct conf *conf, char **argv, struct problem *err)
{
	return add(conf, argv[0], KEY_LIST_INDEX, err);
}

static int
cmd_add_mac(const struct conf *conf, char **argv, struct problem *err)
{
	return add(conf, argv[0], KEY_LIST_MAC, err);
}

static int
cmd_add_intake(const struct conf *conf, char **argv, struct problem *err)
{
	struct key_message m = { .op = KEY_ENVELOPE, .number = (int32_t)conf_int(conf, "KEYHOLDER_OVERLAP") };

	return ask_holder(conf, argv[0], &m, err);
}

static int
drop(const struct conf *conf, char **argv, enum key_list list, struct problem *err)
{
	struct key_message m = { .op = KEY_DROP, .id = list };
	char *end;
	long version = strtol(argv[1], &end, 10);

	if (*end != '\0' || version < 1 || version > INT32_MAX)
		return problem(err, 400, "bad_question", "%s is no version", argv[1]);
	m.number = (int32_t)version;
	return ask_holder(conf, argv[0], &m, err);
}

static int
cmd_drop_kek(const struct conf *conf, char **argv, struct problem *err)
{
	return drop(conf, argv, KEY_LIST_KEK, err);
}

static int
cmd_drop_index(const struct conf *conf, char **argv, struct problem *err)
{
	return drop(conf, argv, KEY_LIST_INDEX, err);
}

/* ---- here */

static int
cmd_new(const struct conf *conf, char **argv, struct problem *err)
{
	char path[KEY_FILE_PATH];
	struct key_file *f;
	int n = snprintf(path, sizeof(path), "%s/%s.kek", conf_str(conf, "KEYHOLDER_KEYS"), argv[0]);

	if (n < 0 || (size_t)n >= sizeof(path))
		return problem(err, 500, "bad_config", "KEYHOLDER_KEYS is too long");
	f = key_file_new(path, err);
	key_file_free(f);
	return f != NULL ? 0 : -1;
}

static int
cmd_new_intake(const struct conf *conf, char **argv, struct problem *err)
{
	char path[KEY_FILE_PATH];
	json_t *keys = NULL;
	int n = snprintf(path, sizeof(path), "%s/%s.jwks", conf_str(conf, "KEYHOLDER_KEYS"), argv[0]), rc;

	if (n < 0 || (size_t)n >= sizeof(path))
		return problem(err, 500, "bad_config", "KEYHOLDER_KEYS is too long");
	if (access(path, F_OK) == 0)
		return problem(err, 409, "key_file_exists", "%s is there already", path);
	rc = envelope_keys_add(path, &keys, 0, err);
	json_decref(keys);
	return rc;
}

static const struct {
	const char *name;
	int (*run)(const struct conf *conf, char **argv, struct problem *err);
	int words;
	const char *usage;
} commands[] = {
	{ "new", cmd_new, 1, "SERVICE" },
	{ "new-intake", cmd_new_intake, 1, "SERVICE" },
	{ "status", cmd_status, 1, "SERVICE" },
	{ "add-kek", cmd_add_kek, 1, "SERVICE" },
	{ "add-index", cmd_add_index, 1, "SERVICE" },
	{ "add-mac", cmd_add_mac, 1, "SERVICE" },
	{ "add-intake", cmd_add_intake, 1, "SERVICE" },
	{ "drop-kek", cmd_drop_kek, 2, "SERVICE VERSION" },
	{ "drop-index", cmd_drop_index, 2, "SERVICE VERSION" },
};

static int
usage(const char *program)
{
	(void)fprintf(stderr, "usage: %s serve\n", program);
	for (size_t i = 0; i < COUNT(commands); i++)
		(void)fprintf(stderr, "       %s %s %s\n", program, commands[i].name, commands[i].usage);
	return EXIT_USAGE;
}

/* Keys that libraries hold are in locked pages, too: what jansson keeps of a JWKS, and OpenSSL's private numbers. */
static void *
secure_alloc(size_t n)
{
	return OPENSSL_secure_malloc(n);
}

#ifdef __SANITIZE_ADDRESS__
/* What OpenSSL keeps is found from its secure heap, where the look for leaks does not look. */
const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
	return "leak:libcrypto.so\n";
}
#endif

static void
secure_free(void *p)
{
	OPENSSL_secure_free(p);
}

int
main(int argc, char **argv)
{
	const struct conf_key *const tables[] = { keyholder_conf, NULL };
	struct problem err = { 0 };
	enum log_level least;
	struct conf *conf;
	size_t i = 0;
	int rc;

	log_open("keyholder", LOG_INFO);
	(void)umask(0077);
	if (CRYPTO_secure_malloc_init(SECURE_HEAP, 32) > 0)
		json_set_alloc_funcs(secure_alloc, secure_free);
	while (argc > 1 && i < COUNT(commands) && strcmp(commands[i].name, argv[1]) != 0)
		i++;
	if (argc < 2 || (i == COUNT(commands) && strcmp(argv[1], "serve") != 0) ||
	    argc != 2 + (i < COUNT(commands) ? commands[i].words : 0))
		return usage(argv[0]);
	conf = conf_load(tables, &err);
	if (conf != NULL && log_level_parse(conf_str(conf, "LOG_LEVEL"), &least) == 0)
		log_level_set(least);
	if (conf != NULL && i == COUNT(commands)) {
		rc = serve(conf);
		conf_free(conf);
		return rc;
	}
	if (conf == NULL || commands[i].run(conf, argv + 2, &err) < 0) {
		(void)fprintf(stderr, "telerx-keyholder: %s: %s\n", err.code, err.detail);
		return EXIT_CONFIG;
	}
	conf_free(conf);
	return 0;
}
