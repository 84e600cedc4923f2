/*
 * journey.h: synthetic patients taken from intake to a delivered parcel, by the public API only (architecture 9).
 *
 * A patient is a file under t/flows/patients: the whole intake form, the card, what the physician decides and how the journey must end. Each runs on its own
 * thread, calls from its own loopback address with a fresh e-mail address, and plays every human part: patient, three physicians, pharmacy staff.
 * The program knows var/dev.env and the public API; rows are read (as telerx_inspect) by judge.c only, when all is over.
 */
#ifndef JOURNEY_H
#define JOURNEY_H

#include <pthread.h>

#include "base/arena.h"
#include "base/json.h"
#include "net/http.h"

#define LINES_MAX 400
#define PATIENCE_US (INT64_C(300) * 1000 * 1000)	/* how long a client waits for the platform to get anywhere */

struct line {
	int64_t at;			/* microseconds, wall clock */
	const char *service;
	const char *what;
};

enum ending { DELIVERED, EXCLUDED, DECLINED, DENIED };

struct patient;
typedef int play_fn(struct patient *p);	/* 0, or -1 with p->failure */

struct patient {
	struct arena *arena;
	play_fn *play;
	struct http *http;
	const json_t *file;
	json_t *form;
	const char *name;		/* of the file: a-gmp */
	enum ending ending;
	const char *email;
	char source[16];		/* 127.x.y.z */
	int64_t began, submitted, accepted, ended;
	const char *session;
	const char *intake_id, *setup_intent;
	const char *submission_id, *patient_id, *task_id, *assignment_id, *run_id;
	const char *claimant;
	const char *run_state, *run_reason;
	int64_t amount_cents;
	const char *plan_token;
	const char *prescription_id, *case_id, *link_token, *agent_token;
	struct line lines[LINES_MAX];
	size_t nlines;
	char failure[400];		/* empty: all went as expected */
};

/* ---- client.c: one call as an ordinary client makes it: it waits and repeats what is safe to repeat */
enum as { AS_PUBLIC, AS_PATIENT, AS_ADMIN, AS_PORTAL, AS_BROWSER,	/* BROWSER: Stripe's publishable key */
	AS_SWITCH, AS_AGENT, AS_LINK };	/* the prescribers' network; staff by a token; who holds an enrolment's link */

struct ask {
	const char *method;
	const char *path;
	enum as as;
	const char *key;		/* Idempotency-Key */
	const char *body;		/* JSON, or a form for AS_BROWSER */
	const char *type;		/* of the body, when it is neither */
	struct bytes raw;		/* a body that is no text */
};
struct reply {
	int status;
	json_t *body;
	struct bytes raw;
};
int	 client_call(struct patient *p, const struct ask *q, struct reply *ret);	/* -1: nobody answered in time; p->failure says so */
int	 client_expect(struct patient *p, const struct ask *q, int status, struct reply *ret);	/* and the status must be this one */
/* The same, asked again while the answer is 404 or 409: what has not been told to the service yet it does not know, or it stands elsewhere there. */
int	 client_expect_soon(struct patient *p, const struct ask *q, int status, struct reply *ret);
const char *client_env(const char *name);	/* ends the program when unset */
void	 client_pause(unsigned ms);

/* ---- timeline.c */
void	 say(struct patient *p, const char *service, const char *fmt, ...) PRINTF_LIKE(3, 4);
int	 fail(struct patient *p, const char *fmt, ...) PRINTF_LIKE(2, 3);	/* returns -1 */
void	 timeline_fetch(struct patient *p);	/* what the services said, from the portal */
void	 timeline_print(const struct patient *p);

/* ---- the parts people play; each returns 0, or -1 with p->failure */
int	 play_intake(struct patient *p);	/* intake.c: plan, code, card, form, submit; *done by p->submission_id */
int	 play_physicians(struct patient *p);	/* staff.c: claim, read, decide */
int	 play_pharmacy(struct patient *p);	/* staff.c: print, pack, hand over */
int	 hand_over(struct patient *p);		/* staff.c: the label of this case printed, its parcel packed and given to the carrier */
int	 await_run(struct patient *p);		/* staff.c */
int	 await_delivery(struct patient *p);	/* staff.c */

bool	 mailed(struct patient *p, const char *email, const char *prefix, const char **rest);	/* agent.c: a link of ours in a mail, behind the prefix */
int	 await(struct patient *p, const struct ask *q, bool (*test)(struct patient *, const json_t *), const char *what, struct reply *r);	/* staff.c */
int	 agent_login(struct patient *p);		/* agent.c: an ops_agent of this run, by a code from the mail */

/* ---- the other two journeys; each judges itself */
int	 play_ncpdp(struct patient *p);		/* prescription.c: an outside prescription to a paid, delivered parcel */
int	 play_case(struct patient *p);		/* case.c: a form to a delivered order, by the case API */

/* ---- judge.c: sandbox ledgers, our rows and the audit must agree. Counts complaints into p->failure. */
int	 judge(struct patient *p);

#endif
