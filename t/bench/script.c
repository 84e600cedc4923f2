/*
 * script.c: telerx-script FILE ...: reads each NewRx and holds it against every rule, as the service does, on one core; the registries are the sample's numbers
 * in memory. Beside it ./telerx bench runs xmllint over the same files. Prints how many are right.
 */
#include "core.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/log.h"
#include "prescription/rules/rules.h"

static const char *const npis[] = { "1000000004", "1111111112", "1234567893" };
static const char *const ndcs[] = { "00002751002", "00574407205", "51655008952", "58118139703" };

static int
by_text(const void *a, const void *b)
{
	return strcmp(a, *(const char *const *)b);
}

static bool
has(const char *const *list, size_t n, const char *text)
{
	return bsearch(text, list, n, sizeof(*list), by_text) != NULL;
}

static struct bytes
load(struct arena *a, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *p;

	if (fd < 0 || fstat(fd, &st) < 0)
		die("%s cannot be read", path);
	p = arena_alloc(a, (size_t)st.st_size + 1);
	if (read(fd, p, (size_t)st.st_size) != st.st_size)
		die("%s cannot be read", path);
	(void)close(fd);
	return BYTES(p, (size_t)st.st_size);
}

static bool
is_right(struct arena *a, const char *path)
{
	struct script_message m;
	struct rx_known known = { .today = "2026-11-21", .schedule = "none" };
	struct problem err = { 0 };
	struct rx_errors errors = { 0 };
	char forms[3][NDC_TEXT];

	if (script_read(a, load(a, path), &m, &err) < 0)
		die("%s: %s %s", path, err.code, err.detail);
	if (m.text[SCRIPT_NPI] != NULL && has(npis, COUNT(npis), m.text[SCRIPT_NPI]))
		known.npi = NPI_ACTIVE;
	if (m.text[SCRIPT_NDC] != NULL && ndc_forms(m.text[SCRIPT_NDC], forms) == 1)
		known.ndc_hits = has(ndcs, COUNT(ndcs), forms[0]);
	rx_check(m.text, m.is_signed, &known, &errors);
	for (size_t i = 0; i < errors.n; i++)
		(void)fprintf(stderr, "%s: %s %s\n", path, errors.e[i].field, errors.e[i].code);
	return errors.n == 0;
}

int
main(int argc, char **argv)
{
	struct arena *a = arena_new(0);
	unsigned right = 0;

	script_init();
	for (int i = 1; i < argc; i++) {
		right += is_right(a, argv[i]);
		arena_reset(a);
	}
	arena_free(a);
	printf("%u\n", right);
	return 0;
}
