/*
 * npi.c: telerx-import-npi FILE: the registry of prescribers, out of the monthly file of NPPES (npidata_pfile_….csv) or its weekly increments; `-` is standard
 * input. DATABASE_OWNER_URL is where. A file is read once, line by line, whatever its size: quoted fields, a head that names the columns. Rows that are there are
 * replaced; a deactivated number stays, as one that is not active. Prints how many rows were read, left out (no NPI, check digit) and written.
 */
#include "core.h"

#include "base/buf.h"
#include "base/log.h"
#include "data/copy.h"
#include "prescription/rules/rules.h"

#define COLUMNS_MOST 512
#define FIELD_MOST   4096

enum column { NPI, KIND, ORGANISATION, LAST, FIRST, CREDENTIAL, STATE, TAXONOMY, DEACTIVATED, REACTIVATED, COLUMN__MAX };
static const char *const heads[COLUMN__MAX] = {
	[NPI] = "NPI", [KIND] = "Entity Type Code", [ORGANISATION] = "Provider Organization Name (Legal Business Name)",
	[LAST] = "Provider Last Name (Legal Name)", [FIRST] = "Provider First Name", [CREDENTIAL] = "Provider Credential Text",
	[STATE] = "Provider Business Practice Location Address State Name", [TAXONOMY] = "Healthcare Provider Taxonomy Code_1",
	[DEACTIVATED] = "NPI Deactivation Date", [REACTIVATED] = "NPI Reactivation Date",
};

static const char make[] =
	"CREATE TEMP TABLE incoming (npi text, kind text, last_name text, first_name text, organisation text, credential text, state text, taxonomy text,"
	" active boolean) ON COMMIT DROP";
static const char into[] = "COPY incoming FROM STDIN";
static const char merge[] =
	"INSERT INTO npi (npi, kind, last_name, first_name, organisation, credential, state, taxonomy, active)"
	" SELECT DISTINCT ON (npi) npi, kind, last_name, first_name, organisation, credential, state, taxonomy, active FROM incoming ORDER BY npi"
	" ON CONFLICT (npi) DO UPDATE SET kind = excluded.kind, last_name = coalesce(excluded.last_name, npi.last_name),"
	" first_name = coalesce(excluded.first_name, npi.first_name), organisation = coalesce(excluded.organisation, npi.organisation),"
	" credential = coalesce(excluded.credential, npi.credential), state = coalesce(excluded.state, npi.state),"
	" taxonomy = coalesce(excluded.taxonomy, npi.taxonomy), active = excluded.active";

struct reading {
	FILE *f;
	int place[COLUMNS_MOST]; /* which column of ours, -1 for none */
	char value[COLUMN__MAX][FIELD_MOST];
	char field[FIELD_MOST];
	bool ended; /* the line's last field was read */
};

/* One field; false at the end of the file. A quote inside quotes is doubled; what is longer than a field may be is cut. */
static bool
read_field(struct reading *g)
{
	size_t n = 0;
	int c = getc_unlocked(g->f);
	bool quoted = c == '"';

	g->ended = false;
	if (c == EOF)
		return false;
	if (quoted)
		c = getc_unlocked(g->f);
	for (;; c = getc_unlocked(g->f)) {
		if (quoted && c == '"') {
			c = getc_unlocked(g->f);
			quoted = c == '"';
			if (!quoted && c == '\r')
				c = getc_unlocked(g->f);
		}
		if (c == EOF || (!quoted && (c == ',' || c == '\n')))
			break;
		if ((quoted || c != '\r') && n < FIELD_MOST - 1)
			g->field[n++] = (char)c;
	}
	g->field[n] = '\0';
	g->ended = c != ',';
	return true;
}

static void
read_head(struct reading *g)
{
	unsigned found = 0;
	int n = 0;

	do {
		if (n == COLUMNS_MOST || !read_field(g))
			die("the file has no head of NPPES");
		g->place[n] = -1;
		for (int k = 0; k < COLUMN__MAX; k++)
			if (strcmp(heads[k], g->field) == 0) {
				g->place[n] = k;
				found++;
			}
		n++;
	} while (!g->ended);
	if (found != COLUMN__MAX)
		die("the head of the file names %u of the %d columns that are needed", found, (int)COLUMN__MAX);
}

static bool
read_line(struct reading *g)
{
	int n = 0;

	for (int k = 0; k < COLUMN__MAX; k++)
		g->value[k][0] = '\0';
	do {
		if (!read_field(g))
			return false;
		if (n < COLUMNS_MOST && g->place[n] >= 0)
			memcpy(g->value[g->place[n]], g->field, strlen(g->field) + 1);
		n++;
	} while (!g->ended);
	return true;
}

static const char *
known(const char *s)
{
	return *s == '\0' || strcmp(s, "<UNAVAIL>") == 0 ? NULL : s;
}

/* A number that was deactivated and not reactivated since has little else in the file. Dates are MM/DD/YYYY: which was later is not asked, since the file
 * clears the first by the second. */
static bool
is_active(const struct reading *g)
{
	return g->value[DEACTIVATED][0] == '\0' || g->value[REACTIVATED][0] != '\0';
}

static int
copy_line(struct copy *c, const struct reading *g, struct problem *err)
{
	copy_field(c, g->value[NPI]);
	copy_field(c, strcmp(g->value[KIND], "2") == 0 ? "organisation" : "person");
	copy_field(c, known(g->value[LAST]));
	copy_field(c, known(g->value[FIRST]));
	copy_field(c, known(g->value[ORGANISATION]));
	copy_field(c, known(g->value[CREDENTIAL]));
	copy_field(c, known(g->value[STATE]));
	copy_field(c, known(g->value[TAXONOMY]));
	copy_field(c, is_active(g) ? "t" : "f");
	return copy_row(c, err);
}

int
main(int argc, char **argv)
{
	static struct reading g;
	const char *url = getenv("DATABASE_OWNER_URL");
	struct problem err = { 0 };
	int64_t read = 0, bad = 0, written = 0;
	struct copy *c;

	if (argc != 2 || url == NULL)
		die("usage: DATABASE_OWNER_URL=... telerx-import-npi FILE");
	if (strcmp(argv[1], "-") != 0 && freopen(argv[1], "re", stdin) == NULL)
		die("%s cannot be read", argv[1]);
	g.f = stdin;
	read_head(&g);
	c = copy_open(url, make, into, &err);
	if (c == NULL)
		die("%s: %s", err.code, err.detail);
	while (read_line(&g)) {
		read++;
		if (!npi_is_good(g.value[NPI]))
			bad++;
		else if (copy_line(c, &g, &err) < 0)
			die("%s: %s", err.code, err.detail);
	}
	if (ferror(g.f) || copy_finish(c, merge, &written, &err) < 0)
		die("%s: %s", err.code, err.detail);
	copy_close(c);
	printf("npi: %lld rows read, %lld left out, %lld written\n", (long long)read, (long long)bad, (long long)written);
	return 0;
}
