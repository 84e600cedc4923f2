/*
 * payer.c: see payer.h. The first plan, drug and program are those of the prescription journey's example: a drug of 6,500.00 of which the plan pays at most
 * 5,000.00, and a program that takes the patient's 1,500.00 down to 5.00.
 */
#include "sandbox/payer.h"

#include "base/json.h"
#include "base/money.h"

/* A plan pays what is left after the patient's copay and share, up to its most. */
static const struct plan {
	const char *bin, *pcn;
	bool government;
	int64_t copay, share;	/* cents, percent */
	int64_t most;		/* cents a fill; 0: no limit */
} plans[] = {
	{ "610014", "MEDDCO", false, 0, 0, 500000 },
	{ "004336", "ADV", false, 3000, 20, 0 },
	{ "610502", "00670000", false, 7500, 0, 0 },
	{ "015581", "03200000", true, 0, 25, 0 },
	{ "610084", "DRTXPROD", true, 400, 0, 0 },
};

/* Price of a fill: a month's times the months begun. Whatever is not listed costs by the piece. */
#define PIECE	250
#define LEAST	1000
static const struct drug {
	const char *ndc;
	int64_t month;
	const char *authorised_by;	/* the plan (BIN) that wants to be asked first */
} drugs[] = {
	{ "00002751002", 650000, NULL },
	{ "00074055402", 650000, NULL },
	{ "00074433902", 650000, "610502" },
	{ "99990000101", 90000, NULL },
	{ "99990000202", 45000, "004336" },
};

/* Whom the manufacturers' programs pay for, by what a pharmacy bills them with. */
static const struct hub {
	const char *bin, *pcn, *group;
	int64_t target, most;	/* cents */
} hubs[] = {
	{ "004682", "CNRX", "HUMIRA", 500, 900000 },
	{ "004682", "CNRX", "GLOW", 2500, 15000 },
	{ "610020", "PDMI", "BREEZE", 0, 40000 },
};

/* A member id that ends so is rejected so; RPA asks for an authorisation. */
static const struct { const char *end, *code, *says; } members[] = {
	{ "R07", "07", "M/I cardholder ID" },
	{ "R65", "65", "patient is not covered" },
	{ "R70", "70", "product/service not covered" },
	{ "R76", "76", "plan limitations exceeded" },
	{ "R79", "79", "refill too soon" },
	{ "R88", "88", "DUR reject error" },
};

static const char *
text_at(const json_t *claim, const char *path)
{
	const char *s = json_text_at(claim, path);

	return s != NULL ? s : "";
}

static bool
ends(const char *s, const char *end)
{
	size_t n = strlen(s), e = strlen(end);

	return n >= e && strcmp(s + n - e, end) == 0;
}

bool
sb_drug_known(const char *ndc)
{
	return strcmp(ndc, "00000000000") != 0;
}

static const struct drug *
drug_of(const char *ndc)
{
	for (size_t i = 0; i < COUNT(drugs); i++)
		if (strcmp(drugs[i].ndc, ndc) == 0)
			return &drugs[i];
	return NULL;
}

static int64_t
price(const json_t *claim)
{
	const struct drug *d = drug_of(text_at(claim, "prescription.drug.ndc11"));
	const json_t *quantity = json_at(claim, "prescription.drug.quantity");
	int64_t days = json_int_at(claim, "prescription.drug.days_supply", 30), cents;
	double pieces = json_is_string(quantity) ? strtod(json_string_value(quantity), NULL) : json_number_value(quantity);

	if (d != NULL)
		return d->month * (days > 30 ? (days + 29) / 30 : 1);
	cents = pieces > 0 && pieces < 100000 ? (int64_t)(pieces * PIECE) : 0;
	return cents > LEAST ? cents : LEAST;
}

static void
reject(struct claim_answer *a, const char *code, const char *says)
{
	a->reject = code;
	a->says = says;
}

/* The patient's insurance. */
static void
primary(const json_t *claim, struct claim_answer *a)
{
	const char *bin = text_at(claim, "insurance.bin"), *member = text_at(claim, "insurance.member_id");
	const struct drug *d = drug_of(text_at(claim, "prescription.drug.ndc11"));
	bool authorised = strncmp(text_at(claim, "prior_authorization"), "PA", 2) == 0;
	const struct plan *p = NULL;

	for (size_t i = 0; i < COUNT(plans) && p == NULL; i++)
		if (strcmp(plans[i].bin, bin) == 0)
			p = &plans[i];
	if (p == NULL) {
		reject(a, "01", "M/I BIN number");
		return;
	}
	a->government = p->government;
	if (strcmp(p->pcn, text_at(claim, "insurance.pcn")) != 0)
		reject(a, "04", "M/I processor control number");
	for (size_t i = 0; i < COUNT(members); i++)
		if (ends(member, members[i].end))
			reject(a, members[i].code, members[i].says);
	if (!authorised && (ends(member, "RPA") || (d != NULL && d->authorised_by != NULL && strcmp(d->authorised_by, bin) == 0)))
		reject(a, "75", "prior authorization required");
	if (a->reject != NULL)
		return;
	a->cost = price(claim);
	a->copay = p->copay + (a->cost - p->copay) * p->share / 100;
	if (a->copay > a->cost)
		a->copay = a->cost;
	if (p->most > 0 && a->cost - a->copay > p->most)
		a->copay = a->cost - p->most;
	a->paid = a->cost - a->copay;
}

static int64_t
at_most(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The manufacturer's program, with what the primary left. It looks at its own terms and at the limit that the claim names. */
static void
secondary(const json_t *claim, struct claim_answer *a)
{
	const json_t *program = json_object_get(claim, "copay_program"), *limit = json_object_get(program, "max_discount");
	const struct hub *h = NULL;
	int64_t most;

	for (size_t i = 0; i < COUNT(hubs) && h == NULL; i++)
		if (strcmp(hubs[i].bin, text_at(program, "bin")) == 0 && strcmp(hubs[i].pcn, text_at(program, "pcn")) == 0 &&
		    strcmp(hubs[i].group, text_at(program, "group_id")) == 0)
			h = &hubs[i];
	a->left = a->copay;
	if (program == NULL || (h != NULL && a->copay <= h->target))
		return;
	a->billed = true;
	if (h == NULL)
		a->program_reject = "06";
	else if (a->government)
		a->program_reject = "70";
	if (a->program_reject != NULL)
		return;
	most = limit != NULL && money_of(limit, &most) == 0 ? at_most(most, h->most) : h->most;
	a->discount = at_most(a->copay - h->target, most);
	a->left = a->copay - a->discount;
}

void
sb_adjudicate(const json_t *claim, struct claim_answer *a)
{
	*a = (struct claim_answer){ 0 };
	primary(claim, a);
	if (a->reject == NULL)
		secondary(claim, a);
}
