/*
 * ndc.c: telerx-import-ndc FILE: the directory of drug packages, out of openFDA's download (drug-ndc-0001-of-0001.json); `-` is standard input.
 * DATABASE_OWNER_URL is where. The file is one document of hundreds of megabytes: its results are read one by one, so that it needs the memory of one. A package is a
 * row; rows that are there are replaced. openFDA does not say what travels cold: biologics (marketing category BLA) do here, and staff may know better. Prints how
 * many products were read, packages left out (no NDC), and rows written.
 */
#include "core.h"

#include <jansson.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "data/copy.h"
#include "prescription/rules/rules.h"

#define PRODUCT_MOST ((size_t)8 * 1024 * 1024)

static const char make[] =
	"CREATE TEMP TABLE incoming (ndc text, label text, drug_name text, generic_name text, labeler text, dosage_form text, route text, schedule text,"
	" cold_chain boolean, starts_on date, ends_on date) ON COMMIT DROP";
static const char into[] = "COPY incoming FROM STDIN";
static const char merge[] =
	"INSERT INTO ndc (ndc, label, drug_name, generic_name, labeler, dosage_form, route, schedule, cold_chain, starts_on, ends_on)"
	" SELECT DISTINCT ON (ndc) * FROM incoming ORDER BY ndc, starts_on DESC NULLS LAST"
	" ON CONFLICT (ndc) DO UPDATE SET label = excluded.label, drug_name = excluded.drug_name, generic_name = excluded.generic_name,"
	" labeler = excluded.labeler, dosage_form = excluded.dosage_form, route = excluded.route, schedule = excluded.schedule,"
	" cold_chain = excluded.cold_chain, starts_on = excluded.starts_on, ends_on = excluded.ends_on";

struct counts {
	int64_t products, bad, written;
};

/* ---- one result after the other */

/* To behind `"results": [` of the outermost object. */
static void
find_results(FILE *f)
{
	char last[16] = "";
	size_t n = 0;
	int depth = 0, c;
	bool text = false;

	while ((c = getc_unlocked(f)) != EOF) {
		if (text) {
			if (c == '\\')
				(void)getc_unlocked(f);
			else if (c == '"')
				text = false;
			else if (n < sizeof(last) - 1)
				last[n++] = (char)c;
			last[n] = '\0';
			continue;
		}
		if (c == '"') {
			text = true;
			n = 0;
		} else if (c == '[' && depth == 1 && strcmp(last, "results") == 0) {
			return;
		} else if (c == '{' || c == '[') {
			depth++;
		} else if (c == '}' || c == ']') {
			depth--;
		}
	}
	die("the file is no download of openFDA: it has no results");
}

/* The next object of the list into b; false at the list's end. */
static bool
next_result(FILE *f, struct buf *b)
{
	bool text = false;
	int depth = 0, c;

	buf_clear(b);
	while ((c = getc_unlocked(f)) != EOF) {
		if (depth == 0 && c == ']')
			return false;
		if (depth == 0 && c != '{')
			continue;
		buf_addc(b, (char)c);
		if (text && c == '\\') {
			buf_addc(b, (char)getc_unlocked(f));
		} else if (c == '"') {
			text = !text;
		} else if (!text && (c == '{' || c == '}')) {
			depth += c == '{' ? 1 : -1;
			if (depth == 0)
				return true;
		}
	}
	die("the file is cut off");
}

/* ---- rows */

/* 20260131 as a date; NULL when it is none. */
static const char *
date_of(const char *s, char out[11])
{
	if (s == NULL || strlen(s) != 8 || strspn(s, "0123456789") != 8)
		return NULL;
	(void)snprintf(out, 11, "%.4s-%.2s-%.2s", s, s + 4, s + 6);
	return out;
}

static void
copy_package(struct copy *c, const json_t *product, const json_t *package, const char *ndc)
{
	const char *brand = json_text_at(product, "brand_name"), *generic = json_text_at(product, "generic_name");
	const char *schedule = json_text_at(product, "dea_schedule"), *category = json_text_at(product, "marketing_category");
	const char *ends = json_text_at(package, "marketing_end_date");
	char from[11], to[11];

	if (schedule != NULL)
		schedule = schedule_of_code(schedule);
	copy_field(c, ndc);
	copy_field(c, json_text_at(package, "package_ndc"));
	copy_field(c, brand != NULL ? brand : generic);
	copy_field(c, generic);
	copy_field(c, json_text_at(product, "labeler_name"));
	copy_field(c, json_text_at(product, "dosage_form"));
	copy_field(c, json_string_value(json_array_get(json_object_get(product, "route"), 0)));
	copy_field(c, schedule != NULL ? schedule : "none");
	copy_field(c, category != NULL && strcmp(category, "BLA") == 0 ? "t" : "f");
	copy_field(c, date_of(json_text_at(package, "marketing_start_date"), from));
	copy_field(c, date_of(ends != NULL ? ends : json_text_at(product, "marketing_end_date"), to));
}

static int
copy_product(struct copy *c, const json_t *product, struct counts *n, struct problem *err)
{
	const json_t *package;
	size_t i;

	json_array_foreach(json_object_get(product, "packaging"), i, package) {
		const char *label = json_text_at(package, "package_ndc");
		char forms[3][NDC_TEXT];

		if (label == NULL || ndc_forms(label, forms) != 1 || (json_text_at(product, "brand_name") == NULL && json_text_at(product, "generic_name") == NULL)) {
			n->bad++;
			continue;
		}
		copy_package(c, product, package, forms[0]);
		if (copy_row(c, err) < 0)
			return -1;
	}
	return 0;
}

static int
copy_all(FILE *f, struct copy *c, struct counts *n, struct problem *err)
{
	struct buf b = BUF_INIT(PRODUCT_MOST);
	int rc = 0;

	find_results(f);
	while (rc == 0 && next_result(f, &b)) {
		json_t *product = b.failed ? NULL : json_loadb(b.data, b.len, JSON_REJECT_DUPLICATES, NULL);

		n->products++;
		rc = product == NULL ? problem(err, 400, "malformed_json", "result %lld", (long long)n->products) : copy_product(c, product, n, err);
		json_decref(product);
	}
	buf_release(&b);
	return rc;
}

int
main(int argc, char **argv)
{
	const char *url = getenv("DATABASE_OWNER_URL");
	struct problem err = { 0 };
	struct counts n = { 0 };
	struct copy *c;

	if (argc != 2 || url == NULL)
		die("usage: DATABASE_OWNER_URL=... telerx-import-ndc FILE");
	if (strcmp(argv[1], "-") != 0 && freopen(argv[1], "re", stdin) == NULL)
		die("%s cannot be read", argv[1]);
	c = copy_open(url, make, into, &err);
	if (c == NULL || copy_all(stdin, c, &n, &err) < 0 || copy_finish(c, merge, &n.written, &err) < 0)
		die("%s: %s", err.code, err.detail);
	copy_close(c);
	printf("ndc: %lld products read, %lld packages left out, %lld written\n", (long long)n.products, (long long)n.bad, (long long)n.written);
	return 0;
}
