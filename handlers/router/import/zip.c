/*
 * zip.c: telerx-import-zip FILE: where ZIP codes lie, out of the gazetteer file of ZIP Code Tabulation Areas that the US Census Bureau publishes; `-` is
 * standard input. DATABASE_OWNER_URL is where. Tabs or bars; the head names the columns, GEOID, INTPTLAT and INTPTLONG are read. A line that is none ends
 * it and nothing is written; codes that are known get the file's values.
 */
#include "core.h"

#include "base/log.h"
#include "data/copy.h"

#define COLUMNS_MOST 64

enum column { GEOID, INTPTLAT, INTPTLONG, COLUMN__MAX };
static const char *const heads[COLUMN__MAX] = { [GEOID] = "GEOID", [INTPTLAT] = "INTPTLAT", [INTPTLONG] = "INTPTLONG" };

static const char make[] = "CREATE TEMP TABLE incoming (zip text, latitude numeric, longitude numeric) ON COMMIT DROP";
static const char into[] = "COPY incoming FROM STDIN";
static const char merge[] =
	"INSERT INTO zip_centroids (zip, latitude, longitude) SELECT DISTINCT ON (zip) zip, latitude, longitude FROM incoming ORDER BY zip"
	" ON CONFLICT (zip) DO UPDATE SET latitude = excluded.latitude, longitude = excluded.longitude";

/* Cuts the line into its fields, without blanks around them; how many. */
static size_t
split(char *line, const char *separator, char *fields[COLUMNS_MOST])
{
	size_t n = 0;

	for (char *p = line, *next; p != NULL && n < COLUMNS_MOST; p = next) {
		char *end;

		next = strpbrk(p, separator);
		if (next != NULL)
			*next++ = '\0';
		p += strspn(p, " \r\n");
		for (end = p + strlen(p); end > p && strchr(" \r\n", end[-1]) != NULL; end--)
			;
		*end = '\0';
		fields[n++] = p;
	}
	return n;
}

static void
read_head(char *line, const char *separator, size_t place[COLUMN__MAX])
{
	char *fields[COLUMNS_MOST];
	size_t n = split(line, separator, fields);

	for (size_t c = 0; c < COLUMN__MAX; c++) {
		for (place[c] = 0; place[c] < n && strcmp(fields[place[c]], heads[c]) != 0;)
			place[c]++;
		if (place[c] == n)
			die("the first line names no column %s", heads[c]);
	}
}

static bool
is_degrees(const char *s, double most)
{
	char *end;
	double v = strtod(s, &end);

	return end != s && *end == '\0' && strspn(s, "+-0123456789.") == strlen(s) && v >= -most && v <= most;
}

static bool
is_line(char *const *fields, size_t n, const size_t place[COLUMN__MAX])
{
	for (size_t c = 0; c < COLUMN__MAX; c++)
		if (place[c] >= n)
			return false;
	return strlen(fields[place[GEOID]]) == 5 && strspn(fields[place[GEOID]], "0123456789") == 5 && is_degrees(fields[place[INTPTLAT]], 90) &&
	    is_degrees(fields[place[INTPTLONG]], 180);
}

static int64_t
copy_lines(FILE *f, struct copy *c, struct problem *err)
{
	char line[4096], *fields[COLUMNS_MOST];
	size_t place[COLUMN__MAX], n;
	const char *separator;
	int64_t read = 0;

	if (fgets(line, sizeof(line), f) == NULL)
		die("the file is empty");
	separator = strchr(line, '|') != NULL ? "|" : "\t";
	read_head(line, separator, place);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (line[strspn(line, " \r\n")] == '\0')
			continue;
		n = split(line, separator, fields);
		if (!is_line(fields, n, place))
			die("line %lld is no ZIP code with a latitude and a longitude", (long long)read + 2);
		for (size_t i = 0; i < COLUMN__MAX; i++)
			copy_field(c, fields[place[i]]);
		if (copy_row(c, err) < 0)
			return -1;
		read++;
	}
	return ferror(f) ? problem(err, 500, "unreadable", "the file breaks off") : read;
}

int
main(int argc, char **argv)
{
	const char *url = getenv("DATABASE_OWNER_URL");
	struct problem err = { 0 };
	int64_t read, written = 0;
	struct copy *c;

	if (argc != 2 || url == NULL)
		die("usage: DATABASE_OWNER_URL=... telerx-import-zip FILE");
	if (strcmp(argv[1], "-") != 0 && freopen(argv[1], "re", stdin) == NULL)
		die("%s cannot be read", argv[1]);
	c = copy_open(url, make, into, &err);
	if (c == NULL)
		die("%s: %s", err.code, err.detail);
	read = copy_lines(stdin, c, &err);
	if (read < 0 || copy_finish(c, merge, &written, &err) < 0)
		die("%s: %s", err.code, err.detail);
	copy_close(c);
	printf("zip: %lld rows read, %lld written\n", (long long)read, (long long)written);
	return 0;
}
