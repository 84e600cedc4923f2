/*
 * config.h: configuration is a table; --help, the reference page, the sample file and start-up errors are printed from it.
 *
 * Values come, last wins, from: the default on the row, the env-style files named in TELERX_CONFIG (colon-separated; KEY=value
 * lines, # comments), the process environment. After conf_load everything is constant. A name that is on no table is a
 * programmer's error when asked for (aborts) and a warning when found in a file. Secrets are never printed.
 */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include "base/buf.h"
#include "base/problem.h"

enum conf_type { CONF_STR = 1, CONF_INT, CONF_SECS, CONF_BOOL, CONF_LIST };

struct conf_key {
	const char *name;
	enum conf_type type;
	const char *dflt; /* NULL = none */
	bool required;    /* start-up refuses to go on without it */
	bool secret;
	const char *says; /* one line for the reference */
};

struct conf;

/* tables is a NULL-terminated list of tables, each ended by a row without name. NULL with a problem naming the bad key. */
struct conf *conf_load(const struct conf_key *const *tables, struct problem *err) MUST_CHECK;
void conf_free(struct conf *c);
const char *conf_str(const struct conf *c, const char *name); /* "" when unset */
int64_t conf_int(const struct conf *c, const char *name);     /* CONF_INT as written, CONF_SECS in seconds (90, 15m, 24h, 7d) */
bool conf_bool(const struct conf *c, const char *name);
bool conf_list_has(const struct conf *c, const char *name, const char *item); /* comma-separated list */
/* Every key, its value (secrets as set/unset), its default and where it was set; one a line. */
void conf_print(const struct conf *c, struct buf *out);

#endif
