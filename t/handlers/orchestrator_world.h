/*
 * orchestrator_world.h: what the orchestrator's tests share: a case of its own for each test, and peers who answer as their tables
 * promise.
 */
#ifndef T_ORCHESTRATOR_WORLD_H
#define T_ORCHESTRATOR_WORLD_H

#include "core.h"

#include "harness/harness.h"
#include "orchestrator/orchestrator.h"

/* All ids are texts; run and payment are filled as the case goes on. */
struct given {
	struct world *w;
	const char *submission, *patient, *intake, *setup, *assignment, *physician, *task;
	const char *run, *payment, *router, *shipment;
};

int	 orchestrator_setup(void **state);
int	 orchestrator_teardown(void **state);

/* A submitted glp1 intake of 299.00 USD in LA, charted, claimed by a licensed physician, every peer willing. Forgets the stubs. */
struct given a_case(struct world *w);
/* Peers: the pharmacy that ships itself instead of ours. */
void	 stub_boothwyn(struct given *g);
void	 stub_holding_pharmacy(struct given *g);		/* ours, and it holds until it is paid */
void	 stub_assignment(struct given *g, const char *claimed_by);
void	 stub_license(struct given *g, bool licensed);
const char *payment_reply(struct given *g, const char *status);
const char *router_reply(struct given *g, const char *status);

/* The physician's decision as integration forwards it, a fresh Idempotency-Key each time. approve expects 202, runs what is due. */
const char *decision(struct given *g, const char *verb, const char *dosage_or_reason);	/* its body */
void	 decide(struct given *g, const char *verb, const char *dosage_or_reason);
void	 approve(struct given *g);

/* Outcomes as events, then what is due. */
void	 payment_event(struct given *g, const char *status, const char *code);
void	 rx_event(struct given *g, const char *status, const char *reason);

void	 shipment_event(struct given *g, const char *status, const char *reason);

/* What waits for its next attempt is tried now; nobody is asked after an outcome. */
void	 hurry(struct given *g);

const char *run_status(struct given *g);
const char *run_reason(struct given *g);
const char *step_state(struct given *g, const char *step);	/* "" when it was not reached */
const char *hold_status(struct given *g);
unsigned asked(struct given *g, const char *method, const char *target);	/* how often */
/* Messages of a type sent for this case. */
unsigned told(struct given *g, const char *type);

#define expect_run(g, status) assert_string_equal(run_status(g), (status))
#define expect_step(g, step, state) assert_string_equal(step_state((g), (step)), (state))

#endif
