/*
 * payer.h: the sandbox's payers and manufacturers' programs: what a claim comes to, by tables of plans, prices and programs. Pure.
 */
#ifndef SANDBOX_PAYER_H
#define SANDBOX_PAYER_H

#include <jansson.h>

#include "core.h"

struct claim_answer {
	const char *reject;		/* NCPDP reject code of the primary claim; NULL: approved */
	const char *says;		/* its words */
	int64_t cost, paid, copay;	/* cents, when approved */
	bool government;
	bool billed;			/* a program was, as the secondary payer */
	const char *program_reject;	/* NULL: it approved */
	int64_t discount, left;		/* cents, when billed and approved */
};

/* claim: a body of POST /v1/claims that has the members which pharmacy.c asks for. */
void	 sb_adjudicate(const json_t *claim, struct claim_answer *ret);
/* False: no pharmacy has this drug. */
bool	 sb_drug_known(const char *ndc);

#endif
