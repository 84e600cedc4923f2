/*
 * generate.h: NewRx messages out of a seed, right ones and each broken kind (P-INTK-07). The same seed and number make the same bytes on any machine; the
 * numbers of prescribers and drugs are those of sql/prescription/sample. Nobody in them exists.
 */
#ifndef T_NCPDP_GENERATE_H
#define T_NCPDP_GENERATE_H

#include "base/buf.h"

enum broken {
	BROKEN_NOT,
	BROKEN_NPI,          /* check digit */
	BROKEN_NPI_UNKNOWN,  /* good, and in no registry */
	BROKEN_DEA,          /* check digit */
	BROKEN_DEA_MISSING,  /* of a controlled drug */
	BROKEN_UNSIGNED,     /* a controlled drug */
	BROKEN_NDC,          /* no shape of an NDC */
	BROKEN_NDC_UNKNOWN,  /* in no directory */
	BROKEN_SIG,          /* "Use as directed" */
	BROKEN_NAME,         /* missing */
	BROKEN_BIRTH_DATE,   /* does not exist */
	BROKEN_WRITTEN_DATE, /* in the future */
	BROKEN_QUANTITY,     /* 0 */
	BROKEN_REFILLS,      /* schedule II with refills */
	BROKEN_STATE,        /* no state */
	BROKEN_SEVERAL,      /* NPI, NDC, directions, name and quantity */
	BROKEN_XML,          /* cut off */
	BROKEN_DOCTYPE,      /* an external entity */
	BROKEN__MAX
};
extern const char *const broken_names[BROKEN__MAX];

/* Message number i (from 1) of a seed. */
void ncpdp_message(struct buf *out, uint64_t seed, unsigned i, enum broken how);

#endif
