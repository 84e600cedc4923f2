/* reject.c: the reject codes of NCPDP claims that pharmacies see most (external code list, 511-FB), and what helps against each. */
#include "adjudication/adjudication.h"

static const struct reject rejects[] = {
	{ "01", "M/I BIN number", "correct" },
	{ "04", "M/I processor control number", "correct" },
	{ "06", "M/I group ID", "correct" },
	{ "07", "M/I cardholder ID", "correct" },
	{ "09", "M/I date of birth", "correct" },
	{ "21", "M/I product/service ID", "correct" },
	{ "25", "M/I prescriber ID", "correct" },
	{ "40", "pharmacy not contracted with plan on date of service", "reroute" },
	{ "41", "submit bill to other processor or primary payer", "correct" },
	{ "50", "non-matched pharmacy number", "reroute" },
	{ "54", "non-matched product/service ID number", "correct" },
	{ "60", "product/service not covered for patient age", "patient" },
	{ "65", "patient is not covered", "patient" },
	{ "69", "filled after coverage terminated", "patient" },
	{ "70", "product/service not covered", "patient" },
	{ "75", "prior authorization required", "prior_auth" },
	{ "76", "plan limitations exceeded", "prior_auth" },
	{ "79", "refill too soon", "wait" },
	{ "83", "duplicate paid/captured claim", "correct" },
	{ "88", "DUR reject error", "correct" },
	{ "92", "system unavailable/host unavailable", "wait" },
	{ "99", "host processing error", "wait" },
	{ "608", "step therapy, alternate drug therapy required prior to use of submitted product", "prior_auth" },
	{ "MR", "product not on formulary", "prior_auth" },
	{ "prior_auth_denied", "the payer denied the prior authorisation", "prior_auth" },
	{ "pharmacy_refused", "the pharmacy did not take the claim", "reroute" },
};

const struct reject *
reject_find(const char *code)
{
	static const struct reject other = { "", "rejected", "reroute" };

	for (size_t i = 0; i < COUNT(rejects); i++)
		if (strcmp(rejects[i].code, code) == 0)
			return &rejects[i];
	return &other;
}
