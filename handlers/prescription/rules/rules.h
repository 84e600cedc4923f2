/*
 * rules.h: what makes a prescription one that can be dispensed (rows P-VAL-03 to P-VAL-08). Nothing here asks anybody: what the
 * registries know of a number is handed in as struct rx_known, so that all errors are found in one pass and the same pass is
 * measured by t/bench.
 */
#ifndef PRESCRIPTION_RULES_H
#define PRESCRIPTION_RULES_H

#include "prescription/script/script.h"

#define NDC_TEXT 12 /* eleven digits and a NUL */

/* ---- number.c */
bool npi_is_good(const char *s); /* ten digits, 1 or 2 first, Luhn over 80840 and them */
/* Form and check digit of a DEA number; an hospital's suffix behind a hyphen is left out. prescriber: only the letters a prescriber's may
 * begin with. */
bool dea_is_good(const char *s, bool prescriber);
/* The eleven-digit forms that a text may stand for: 1 for 4-4-2, 5-3-2, 5-4-1, 5-4-2 and for eleven digits, 3 for ten digits without
 * hyphens (only a registry can tell which), 0 for anything else. */
size_t ndc_forms(const char *s, char out[3][NDC_TEXT]);
bool quantity_is_good(const char *s); /* decimal, more than 0, at most four decimals */
/* Ten digits of a US telephone number, whatever stands between them; NULL when it is none. */
const char *phone_digits(struct arena *a, const char *s);
/* "none", "I" .. "V" of an NCIt code; NULL for an unknown one. */
const char *schedule_of_code(const char *code);

/* ---- sig.c */
struct sig {
	bool quantity, route, frequency; /* found in the text */
};
void sig_read(const char *text, struct sig *ret);

/* ---- check.c */
enum npi_state { NPI_UNKNOWN, NPI_ACTIVE, NPI_DEACTIVATED };

struct rx_known {
	const char *today; /* YYYY-MM-DD */
	enum npi_state npi;
	unsigned ndc_hits;      /* how many of the forms the table has */
	const char *schedule;   /* of the one that it has: none, I .. V */
	const char *ends_on;    /* last day on which it is marketed; NULL */
	bool other_birth_date;  /* a known patient has this name and telephone and another birth date */
	bool other_person;      /* the sender's identifier belongs to a known patient of another name or birth date */
};

enum rx_check { CHECK_REQUIRED, CHECK_PATIENT, CHECK_NPI, CHECK_DEA, CHECK_NDC, CHECK_SIG, CHECK_AMOUNTS, CHECK_DATES, CHECK__MAX };
extern const char *const rx_checks[CHECK__MAX];

/* field is a member of the content; code and detail are ours: no value of a patient is in them. */
struct rx_error {
	enum rx_check check;
	const char *field, *code, *detail;
};
#define RX_ERRORS 96

struct rx_errors {
	size_t n;
	struct rx_error e[RX_ERRORS];
};

void rx_check(const char *const text[SCRIPT__MAX], bool is_signed, const struct rx_known *known, struct rx_errors *ret);
/* What the drug is under: the table's word where it has one, else the message's; "none" when neither says. */
const char *rx_schedule(const char *const text[SCRIPT__MAX], const char *of_table);

#endif
