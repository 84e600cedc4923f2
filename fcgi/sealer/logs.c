/* logs.c: see logs.h. */
#include "core.h"

#include "sealer/logs.h"

static int
one_log(struct arena *a, const char *item, size_t n, struct audit_log *ret, struct problem *err)
{
	const char *equals = memchr(item, '=', n);

	if (equals == NULL || equals == item || equals + 1 == item + n)
		return problem(err, 500, "bad_config", "AUDIT_DATABASES is a list of name=URL with commas between them");
	ret->name = arena_ndup(a, item, (size_t)(equals - item));
	ret->url = arena_ndup(a, equals + 1, n - (size_t)(equals + 1 - item));
	return 0;
}

int
logs_read(struct arena *a, const struct conf *conf, struct audit_log out[LOGS_MAX], struct problem *err)
{
	const char *s = conf_str(conf, "AUDIT_DATABASES");
	int count = 0;

	for (size_t n; *s != '\0'; s += n + (s[n] == ',' ? 1 : 0)) {
		n = strcspn(s, ",");
		if (n == 0)
			continue;
		if (count == LOGS_MAX)
			return problem(err, 500, "bad_config", "AUDIT_DATABASES names more than %d", LOGS_MAX);
		if (one_log(a, s, n, &out[count], err) < 0)
			return -1;
		count++;
	}
	return count > 0 ? count : problem(err, 500, "bad_config", "AUDIT_DATABASES is not set");
}
