/*
 * check.c: every rule over one prescription, and every error of it at once. A member that is missing is one error; rules about its value
 * are not asked then.
 */
#include "core.h"

#include "base/clock.h"
#include "prescription/rules/rules.h"

const char *const rx_checks[CHECK__MAX] = {
	[CHECK_REQUIRED] = "required", [CHECK_PATIENT] = "patient", [CHECK_NPI] = "npi", [CHECK_DEA] = "dea", [CHECK_NDC] = "ndc",
	[CHECK_SIG] = "sig", [CHECK_AMOUNTS] = "amounts", [CHECK_DATES] = "dates",
};

/* What a NewRx must have (P-VAL-07): the standard's own, and what nobody could be told or sent a parcel without. */
static const enum script_field required[] = {
	SCRIPT_LAST_NAME, SCRIPT_FIRST_NAME, SCRIPT_GENDER, SCRIPT_BIRTH_DATE, SCRIPT_LINE1, SCRIPT_CITY, SCRIPT_REGION, SCRIPT_ZIP, SCRIPT_PHONE,
	SCRIPT_NPI, SCRIPT_PRESCRIBER_LAST, SCRIPT_PRESCRIBER_FIRST, SCRIPT_DRUG, SCRIPT_NDC, SCRIPT_QUANTITY, SCRIPT_WRITTEN_DATE,
	SCRIPT_SUBSTITUTIONS, SCRIPT_REFILLS, SCRIPT_SIG,
};

/* One pass over one prescription. */
struct pass {
	const char *const *text;
	const struct rx_known *known;
	struct rx_errors *errors;
	const char *schedule;
	bool is_signed;
};

static void
wrong(struct pass *p, enum rx_check check, enum script_field field, const char *code, const char *detail)
{
	if (p->errors->n < RX_ERRORS)
		p->errors->e[p->errors->n++] = (struct rx_error){ check, script_fields[field].member, code, detail };
}

static size_t
characters(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void
check_presence(struct pass *p)
{
	for (size_t i = 0; i < COUNT(required); i++)
		if (p->text[required[i]] == NULL)
			wrong(p, CHECK_REQUIRED, required[i], "required", "the message does not have it");
	for (enum script_field f = 0; f < SCRIPT__MAX; f++)
		if (p->text[f] != NULL && characters(p->text[f]) > script_fields[f].most)
			wrong(p, CHECK_REQUIRED, f, "length", "longer than its element may be");
}

/* ---- the patient */

static bool
is_state(const char *s)
{
	static const char states[] = " AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR"
				     " PA RI SC SD TN TX UT VT VA WA WV WI WY PR VI GU ";
	const char *at = strlen(s) == 2 ? strstr(states, s) : NULL;

	return at != NULL && at[-1] == ' ' && at[2] == ' ';
}

static bool
is_zip(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return (s[n] == '\0' && (n == 5 || n == 9)) || (n == 5 && s[5] == '-' && strspn(s + 6, "0123456789") == 4 && s[10] == '\0');
}

static bool
is_name(const char *s)
{
	bool letter = false;

	for (; *s != '\0'; s++) {
		if ((*s >= '0' && *s <= '9') || (unsigned char)*s < ' ')
			return false;
		letter = letter || (unsigned char)*s >= 'A';
	}
	return letter;
}

static bool
is_phone(const char *s)
{
	size_t n = 0;

	for (const char *c = s; *c != '\0'; c++)
		if (*c >= '0' && *c <= '9')
			n++;
		else if (strchr("+-(). x", *c) == NULL)
			return false;
	return n == 10 || (n == 11 && (s[0] == '1' || (s[0] == '+' && s[1] == '1')));
}

static bool
is_email(const char *s)
{
	const char *at = strchr(s, '@');

	return at != NULL && at != s && strchr(at + 1, '@') == NULL && strchr(at + 1, '.') != NULL && strpbrk(s, " \t\r\n,;<>") == NULL &&
	    s[strlen(s) - 1] != '.' && at[1] != '.';
}

static void
check_form(struct pass *p, enum script_field field, bool (*good)(const char *), const char *detail)
{
	if (p->text[field] != NULL && !good(p->text[field]))
		wrong(p, CHECK_PATIENT, field, "format", detail);
}

static bool
is_gender(const char *s)
{
	return strlen(s) == 1 && strchr("MFU", *s) != NULL;
}

static void
check_patient(struct pass *p)
{
	check_form(p, SCRIPT_LAST_NAME, is_name, "no name");
	check_form(p, SCRIPT_FIRST_NAME, is_name, "no name");
	check_form(p, SCRIPT_GENDER, is_gender, "M, F or U");
	check_form(p, SCRIPT_REGION, is_state, "no state");
	check_form(p, SCRIPT_ZIP, is_zip, "five or nine digits");
	check_form(p, SCRIPT_PHONE, is_phone, "ten digits");
	check_form(p, SCRIPT_EMAIL, is_email, "no e-mail address");
	if (p->known->other_birth_date)
		wrong(p, CHECK_PATIENT, SCRIPT_BIRTH_DATE, "patient_mismatch", "a known patient of this name and telephone was born on another day");
	if (p->known->other_person)
		wrong(p, CHECK_PATIENT, SCRIPT_LAST_NAME, "patient_mismatch", "the sender's identifier is that of another patient");
}

/* ---- who prescribes, and what */

static void
check_prescriber(struct pass *p)
{
	const char *npi = p->text[SCRIPT_NPI], *dea = p->text[SCRIPT_DEA];
	bool controlled = strcmp(p->schedule, "none") != 0;

	if (npi != NULL && !npi_is_good(npi))
		wrong(p, CHECK_NPI, SCRIPT_NPI, "npi_check_digit", "ten digits with a check digit that fits");
	else if (npi != NULL && p->known->npi == NPI_UNKNOWN)
		wrong(p, CHECK_NPI, SCRIPT_NPI, "npi_unknown", "the registry has no such number");
	else if (npi != NULL && p->known->npi == NPI_DEACTIVATED)
		wrong(p, CHECK_NPI, SCRIPT_NPI, "npi_deactivated", "the registry says that it is not active");
	if (dea != NULL && !dea_is_good(dea, true))
		wrong(p, CHECK_DEA, SCRIPT_DEA, "dea_check_digit", "two letters and seven digits, the last of them their check digit");
	if (!controlled)
		return;
	if (dea == NULL)
		wrong(p, CHECK_DEA, SCRIPT_DEA, "dea_required", "a controlled drug needs the prescriber's DEA number");
	if (!p->is_signed)
		wrong(p, CHECK_DEA, SCRIPT_COVERAGE_STATUS, "not_signed", "a controlled drug needs a signed message");
	if (strcmp(p->schedule, "I") == 0)
		wrong(p, CHECK_DEA, SCRIPT_NDC, "schedule_one", "nobody may prescribe this");
}

static void
check_drug(struct pass *p)
{
	const char *ndc = p->text[SCRIPT_NDC], *qualifier = p->text[SCRIPT_NDC_QUALIFIER], *code = p->text[SCRIPT_SCHEDULE];
	char forms[3][NDC_TEXT];
	size_t n = ndc != NULL ? ndc_forms(ndc, forms) : 0;

	if (qualifier != NULL && strcmp(qualifier, "ND") != 0)
		wrong(p, CHECK_NDC, SCRIPT_NDC_QUALIFIER, "value", "the product's code is an NDC: ND");
	if (ndc != NULL && n == 0)
		wrong(p, CHECK_NDC, SCRIPT_NDC, "ndc_format", "4-4-2, 5-3-2, 5-4-1, 5-4-2 or eleven digits");
	else if (ndc != NULL && p->known->ndc_hits == 0)
		wrong(p, CHECK_NDC, SCRIPT_NDC, "ndc_unknown", "the directory has no such package");
	else if (ndc != NULL && p->known->ndc_hits > 1)
		wrong(p, CHECK_NDC, SCRIPT_NDC, "ndc_ambiguous", "ten digits that may be more than one package");
	else if (ndc != NULL && p->known->ends_on != NULL && strcmp(p->known->ends_on, p->known->today) < 0)
		wrong(p, CHECK_NDC, SCRIPT_NDC, "ndc_discontinued", "the package is not marketed any more");
	if (code != NULL && schedule_of_code(code) == NULL)
		wrong(p, CHECK_NDC, SCRIPT_SCHEDULE, "value", "no DEA schedule");
	else if (code != NULL && p->known->schedule != NULL && strcmp(schedule_of_code(code), p->known->schedule) != 0)
		wrong(p, CHECK_NDC, SCRIPT_SCHEDULE, "schedule_mismatch", "the directory has it under another schedule");
}

static void
check_sig(struct pass *p)
{
	struct sig s;

	if (p->text[SCRIPT_SIG] == NULL)
		return;
	sig_read(p->text[SCRIPT_SIG], &s);
	if (!s.quantity && p->text[SCRIPT_SIG_DOSE] == NULL)
		wrong(p, CHECK_SIG, SCRIPT_SIG, "sig_quantity", "the directions do not say how much");
	if (!s.route && p->text[SCRIPT_SIG_ROUTE] == NULL)
		wrong(p, CHECK_SIG, SCRIPT_SIG, "sig_route", "the directions do not say where");
	if (!s.frequency && p->text[SCRIPT_SIG_FREQUENCY] == NULL)
		wrong(p, CHECK_SIG, SCRIPT_SIG, "sig_frequency", "the directions do not say how often");
}

/* ---- amounts and dates */

/* A whole number of at most three digits; -1. */
static long
small_number(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n == 0 || n > 3 || s[n] != '\0' ? -1 : strtol(s, NULL, 10);
}

static void
check_amounts(struct pass *p)
{
	const char *quantity = p->text[SCRIPT_QUANTITY], *refills = p->text[SCRIPT_REFILLS], *days = p->text[SCRIPT_DAYS_SUPPLY],
		   *substitutions = p->text[SCRIPT_SUBSTITUTIONS];
	long n = refills != NULL ? small_number(refills) : 0;

	if (quantity != NULL && !quantity_is_good(quantity))
		wrong(p, CHECK_AMOUNTS, SCRIPT_QUANTITY, "quantity", "more than nothing, at most four decimals");
	if (n < 0 || n > 99)
		wrong(p, CHECK_AMOUNTS, SCRIPT_REFILLS, "range", "0 to 99");
	else if (strcmp(p->schedule, "II") == 0 && n > 0)
		wrong(p, CHECK_AMOUNTS, SCRIPT_REFILLS, "refills_not_allowed", "schedule II is not refilled");
	else if ((strcmp(p->schedule, "III") == 0 || strcmp(p->schedule, "IV") == 0) && n > 5)
		wrong(p, CHECK_AMOUNTS, SCRIPT_REFILLS, "refills_not_allowed", "schedules III and IV are refilled five times at most");
	if (days != NULL && (small_number(days) < 1 || small_number(days) > 365))
		wrong(p, CHECK_AMOUNTS, SCRIPT_DAYS_SUPPLY, "range", "1 to 365");
	if (substitutions != NULL && strcmp(substitutions, "0") != 0 && strcmp(substitutions, "1") != 0)
		wrong(p, CHECK_AMOUNTS, SCRIPT_SUBSTITUTIONS, "value", "0 or 1");
	if (p->text[SCRIPT_BIN] != NULL && (strspn(p->text[SCRIPT_BIN], "0123456789") != strlen(p->text[SCRIPT_BIN]) ||
	    (strlen(p->text[SCRIPT_BIN]) != 6 && strlen(p->text[SCRIPT_BIN]) != 8)))
		wrong(p, CHECK_AMOUNTS, SCRIPT_BIN, "format", "six digits");
}

/* The date of a date or a date with a time, into day; false: it is none. */
static bool
day_of(const char *s, char day[11])
{
	int y, m, d;

	if (strlen(s) < 10 || (s[10] != '\0' && s[10] != 'T'))
		return false;
	memcpy(day, s, 10);
	day[10] = '\0';
	return date_parse(day, &y, &m, &d) == 0;
}

/* Six months before a day, as text: for comparing only, so that the 31st of a short month does no harm. */
static void
half_a_year_before(const char *today, char out[11])
{
	int y = 0, m = 0, d = 0;

	(void)date_parse(today, &y, &m, &d);
	m -= 6;
	if (m < 1) {
		m += 12;
		y--;
	}
	(void)snprintf(out, 11, "%04u-%02u-%02u", (unsigned)y % 10000, (unsigned)m % 100, (unsigned)d % 100);
}

static void
check_dates(struct pass *p)
{
	const char *born = p->text[SCRIPT_BIRTH_DATE], *written = p->text[SCRIPT_WRITTEN_DATE];
	char birth[11] = "", day[11] = "", limit[11];

	if (born != NULL && !day_of(born, birth))
		wrong(p, CHECK_DATES, SCRIPT_BIRTH_DATE, "date", "no date that exists");
	else if (born != NULL && strcmp(birth, p->known->today) > 0)
		wrong(p, CHECK_DATES, SCRIPT_BIRTH_DATE, "date_in_future", "not born yet");
	if (written != NULL && !day_of(written, day)) {
		wrong(p, CHECK_DATES, SCRIPT_WRITTEN_DATE, "date", "no date that exists");
		return;
	}
	if (written == NULL)
		return;
	if (strcmp(day, p->known->today) > 0)
		wrong(p, CHECK_DATES, SCRIPT_WRITTEN_DATE, "date_in_future", "written tomorrow");
	if (*birth != '\0' && strcmp(birth, day) > 0)
		wrong(p, CHECK_DATES, SCRIPT_BIRTH_DATE, "born_after_written", "written before the patient was born");
	half_a_year_before(p->known->today, limit);
	if (strcmp(p->schedule, "none") != 0 && strcmp(day, limit) < 0)
		wrong(p, CHECK_DATES, SCRIPT_WRITTEN_DATE, "too_old", "a controlled drug is good for six months");
}

const char *
rx_schedule(const char *const text[SCRIPT__MAX], const char *of_table)
{
	const char *own = text[SCRIPT_SCHEDULE] != NULL ? schedule_of_code(text[SCRIPT_SCHEDULE]) : NULL;

	if (of_table != NULL)
		return of_table;
	return own != NULL ? own : "none";
}

void
rx_check(const char *const text[SCRIPT__MAX], bool is_signed, const struct rx_known *known, struct rx_errors *ret)
{
	struct pass p = { text, known, ret, rx_schedule(text, known->schedule), is_signed };

	ret->n = 0;
	check_presence(&p);
	check_patient(&p);
	check_prescriber(&p);
	check_drug(&p);
	check_sig(&p);
	check_amounts(&p);
	check_dates(&p);
}
