/*
 * prescription_world.h: what the tests of prescription share: messages made from t/flows/prescriptions/seed.xml, and looks at rows.
 */
#ifndef T_PRESCRIPTION_WORLD_H
#define T_PRESCRIPTION_WORLD_H

#include "harness/harness.h"
#include "prescription/prescription.h"

#define INTAKE "/api/v1/prescriptions/intake"
#define SWITCH BY_SERVICE("ncpdp")

extern const struct header xml_both[]; /* the body is XML, and so shall the answer be */
int rx_setup(void **state);
int rx_teardown(void **state);
int rx_fresh(void **state); /* no stubs, no jobs that wait, nothing remembered for minutes */

/* A text with one part of it replaced; fails when it has none. */
const char *with(struct world *w, const char *in, const char *what, const char *by);
/* The seed's message as another one: its own MessageID, order, identifier and telephone. */
const char *newrx(struct world *w);
void arrive(struct world *w, const char *xml);           /* as the switch */
const char *taken(struct world *w, const char *xml);   /* sends, expects 201; the prescription's id */
const char *answer_xml(struct world *w);
const char *status_of(struct world *w, const char *id);
const char *errors_of(struct world *w, const char *id); /* "code member, code member" */

#endif
