/* config.c: see config.h. */
#include "core.h"

#include "base/arena.h"
#include "base/config.h"
#include "base/log.h"

struct entry {
	const struct conf_key *key;
	const char *value; /* NULL = unset */
	const char *from;  /* "default", a file's path, "environment" */
	int64_t number;    /* CONF_INT, CONF_SECS, CONF_BOOL, parsed once */
};

struct conf {
	struct arena *arena;
	struct entry *entries; /* by name */
	size_t n;
};

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->key->name, ((const struct entry *)b)->key->name);
}

static struct entry *
find(const struct conf *c, const char *name)
{
	struct conf_key key = { .name = name };
	struct entry wanted = { .key = &key };

	return bsearch(&wanted, c->entries, c->n, sizeof(*c->entries), by_name);
}

/* A name that a later table repeats replaces the earlier row: a service may give a core key its own default. */
static void
collect(struct conf *c, const struct conf_key *const *tables)
{
	const struct conf_key *k;
	size_t t, i, n = 0;

	for (t = 0; tables[t] != NULL; t++)
		for (k = tables[t]; k->name != NULL; k++)
			n++;
	c->entries = arena_alloc(c->arena, (n + 1) * sizeof(*c->entries));
	for (t = 0; tables[t] != NULL; t++) {
		for (k = tables[t]; k->name != NULL; k++) {
			for (i = 0; i < c->n && strcmp(c->entries[i].key->name, k->name) != 0; i++)
				;
			c->entries[i] = (struct entry){ .key = k, .value = k->dflt, .from = "default" };
			if (i == c->n)
				c->n++;
		}
	}
	qsort(c->entries, c->n, sizeof(*c->entries), by_name);
}

static char *
trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	n = strlen(s);
	while (n > 0 && strchr(" \t\r\n", s[n - 1]) != NULL)
		s[--n] = '\0';
	return s;
}

static char *
unquote(char *s)
{
	size_t n = strlen(s);

	if (n >= 2 && s[0] == '"' && s[n - 1] == '"') {
		s[n - 1] = '\0';
		return s + 1;
	}
	return s;
}

static int
take_line(struct conf *c, char *line, const char *path, unsigned number, struct buf *unknown, struct problem *err)
{
	char *name = trim(line), *value;
	struct entry *e;

	if (*name == '\0' || *name == '#')
		return 0;
	value = strchr(name, '=');
	if (value == NULL)
		return problem(err, 500, "bad_config", "%s line %u is not KEY=value", path, number);
	*value++ = '\0';
	name = trim(name);
	e = find(c, name);
	if (e == NULL) {
		buf_addf(unknown, "%s%s", unknown->len > 0 ? " " : "", name);
		return 0;
	}
	e->value = arena_dup(c->arena, unquote(trim(value)));
	e->from = path;
	return 0;
}

static int
take_file(struct conf *c, const char *path, struct problem *err)
{
	struct buf unknown = buf_in(c->arena, 4096);
	FILE *f = fopen(path, "re");
	char *line = NULL;
	unsigned number = 0;
	size_t cap = 0;
	int rc = 0;

	if (f == NULL)
		return problem(err, 500, "bad_config", "cannot read %s: %s", path, strerror(errno));
	while (rc == 0 && getline(&line, &cap, f) >= 0)
		rc = take_line(c, line, path, ++number, &unknown, err);
	if (rc == 0 && ferror(f))
		rc = problem(err, 500, "bad_config", "cannot read %s", path);
	if (line != NULL)
		explicit_bzero(line, cap);
	free(line);
	(void)fclose(f);
	if (unknown.len > 0)
		log_line(LOG_WARN, "config.unknown_keys", "file", path, "keys", buf_str(&unknown), NULL);
	return rc;
}

static int
take_files(struct conf *c, const char *paths, struct problem *err)
{
	size_t n;

	for (; paths != NULL && *paths != '\0'; paths += paths[n] == ':' ? n + 1 : n) {
		n = strcspn(paths, ":");
		if (n > 0 && take_file(c, arena_ndup(c->arena, paths, n), err) < 0)
			return -1;
	}
	return 0;
}

static void
take_environment(struct conf *c)
{
	const char *value;
	size_t i;

	for (i = 0; i < c->n; i++) {
		value = getenv(c->entries[i].key->name);
		if (value != NULL) {
			c->entries[i].value = arena_dup(c->arena, value);
			c->entries[i].from = "environment";
		}
	}
}

static int
parse_int(const char *s, char **end, int64_t *ret)
{
	errno = 0;
	*ret = strtoll(s, end, 10);
	return errno != 0 || *end == s || strchr(" \t+", s[0]) != NULL ? -1 : 0;
}

static int
parse_seconds(const char *s, int64_t *ret)
{
	static const struct {
		const char *unit;
		int64_t seconds;
	} units[] = {
		{ "", 1 },
		{ "s", 1 },
		{ "m", 60 },
		{ "h", 3600 },
		{ "d", 86400 },
	};
	int64_t v;
	char *end;
	size_t i;

	if (parse_int(s, &end, &v) < 0 || v < 0)
		return -1;
	for (i = 0; i < COUNT(units); i++)
		if (strcmp(end, units[i].unit) == 0)
			return __builtin_mul_overflow(v, units[i].seconds, ret) ? -1 : 0;
	return -1;
}

static int
parse_bool(const char *s, int64_t *ret)
{
	static const char *const yes[] = { "true", "1", "yes", "on" }, *const no[] = { "false", "0", "no", "off" };
	size_t i;

	for (i = 0; i < COUNT(yes); i++) {
		if (strcmp(s, yes[i]) == 0 || strcmp(s, no[i]) == 0) {
			*ret = strcmp(s, yes[i]) == 0;
			return 0;
		}
	}
	return -1;
}

static int
parse_value(struct entry *e, struct problem *err)
{
	static const char *const wants[] = {
		[CONF_INT] = "a whole number",
		[CONF_SECS] = "a time such as 90, 15m, 24h or 7d",
		[CONF_BOOL] = "true or false",
	};
	char *end;
	int rc = 0;

	if (e->value == NULL)
		return 0;
	if (e->key->type == CONF_INT)
		rc = parse_int(e->value, &end, &e->number) < 0 || *end != '\0' ? -1 : 0;
	else if (e->key->type == CONF_SECS)
		rc = parse_seconds(e->value, &e->number);
	else if (e->key->type == CONF_BOOL)
		rc = parse_bool(e->value, &e->number);
	if (rc < 0)
		return problem(err, 500, "bad_config", "%s (from %s) is not %s", e->key->name, e->from, wants[e->key->type]);
	return 0;
}

static int
check(struct conf *c, struct problem *err)
{
	struct entry *e;

	for (e = c->entries; e < c->entries + c->n; e++) {
		if (parse_value(e, err) < 0)
			return -1;
		if (e->key->required && (e->value == NULL || *e->value == '\0'))
			return problem(err, 500, "missing_config", "%s is not set", e->key->name);
	}
	return 0;
}

struct conf *
conf_load(const struct conf_key *const *tables, struct problem *err)
{
	struct conf *c = calloc(1, sizeof(*c));

	if (c == NULL)
		die("config: out of memory");
	c->arena = arena_new(0);
	collect(c, tables);
	if (take_files(c, getenv("TELERX_CONFIG"), err) < 0) {
		conf_free(c);
		return NULL;
	}
	take_environment(c);
	if (check(c, err) < 0) {
		conf_free(c);
		return NULL;
	}
	return c;
}

void
conf_free(struct conf *c)
{
	struct entry *e;

	if (c == NULL)
		return;
	for (e = c->entries; e < c->entries + c->n; e++)
		if (e->key->secret && e->value != NULL && e->value != e->key->dflt)
			explicit_bzero((char *)e->value, strlen(e->value));
	arena_free(c->arena);
	free(c);
}

static const struct entry *
must_find(const struct conf *c, const char *name, bool number)
{
	const struct entry *e = find(c, name);

	if (e == NULL)
		die("config: %s is on no table", name);
	if (number && (e->key->type == CONF_STR || e->key->type == CONF_LIST))
		die("config: %s is no number", name);
	return e;
}

const char *
conf_str(const struct conf *c, const char *name)
{
	const struct entry *e = must_find(c, name, false);

	return e->value == NULL ? "" : e->value;
}

int64_t
conf_int(const struct conf *c, const char *name)
{
	return must_find(c, name, true)->number;
}

bool
conf_bool(const struct conf *c, const char *name)
{
	return must_find(c, name, true)->number != 0;
}

bool
conf_list_has(const struct conf *c, const char *name, const char *item)
{
	const char *s = conf_str(c, name);
	size_t n, len;

	for (; *s != '\0'; s += s[n] == ',' ? n + 1 : n) {
		n = strcspn(s, ",");
		len = n;
		while (len > 0 && (s[len - 1] == ' ' || s[len - 1] == '\t'))
			len--;
		while (len > 0 && (*s == ' ' || *s == '\t'))
			s++, len--, n--;
		if (len > 0 && len == strlen(item) && memcmp(s, item, len) == 0)
			return true;
	}
	return false;
}

void
conf_print(const struct conf *c, struct buf *out)
{
	const char *shown, *dflt;
	const struct entry *e;

	for (e = c->entries; e < c->entries + c->n; e++) {
		shown = e->value == NULL ? "" : e->value;
		dflt = e->key->dflt == NULL ? "none" : e->key->dflt;
		if (e->key->secret) {
			shown = *shown == '\0' ? "(unset)" : "(set)";
			dflt = e->key->dflt == NULL ? "none" : "(secret)";
		}
		buf_addf(out, "%s=%s  # from %s; default %s", e->key->name, shown, e->value == NULL ? "nowhere" : e->from, dflt);
		if (e->key->says != NULL)
			buf_addf(out, "; %s", e->key->says);
		buf_addc(out, '\n');
	}
}
