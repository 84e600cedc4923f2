/*
 * harness.h: a service under test: its real table, its real SQL on a scratch PostgreSQL database, everybody else a stub.
 *
 *	static int setup(void **state)		{ *state = world_new(&registry_service, NULL); return 0; }
 *	static int teardown(void **state)	{ world_free(*state); return 0; }
 *
 *	static void
 *	second_physician_gets_a_conflict(void **state)
 *	{
 *		struct world *w = *state;
 *
 *		post(w, BY_SERVICE("portal"), "/route/claim", CASE_7);
 *		expect_status(w, 200);
 *		expect_text(w, "status", "claimed");
 *	}
 *	int main(void)
 *	{
 *		const struct CMUnitTest tests[] = { cmocka_unit_test(second_physician_gets_a_conflict), };
 *		return cmocka_run_group_tests(tests, setup, teardown);
 *	}
 *
 * The cluster is the one of TELERX_TEST_PG (its socket directory; superuser postgres, or "dir user"). When that is unset the
 * program starts a cluster of its own under a temporary directory, fsync on, and removes it at exit. The database is dropped by
 * world_free. Requests go straight into dispatch(), as the wire would bring them. Whatever the service sends out is answered by
 * stubs; what it sends to a peer, and what a stub answers for one, is checked against that peer's own route table: an unknown path,
 * a caller that is not on the row's list, a missing Idempotency-Key, a body or a reply that the row's tables refuse fails the test
 * (rule Y-TEST-03). Deliveries of events are accepted without a stub when the subscriber's table takes the topic, and fail the test
 * when it does not. Everything handed out lives until the next request, or until world_free where it says so. A failure names the
 * line of the test.
 */
#ifndef T_HARNESS_H
#define T_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "net/http.h"
#include "service.h"
#include "web/serve.h"

struct world;

/* settings: "KEY=value" strings ended by NULL (or NULL), on top of what every tree has. Sample rows are loaded. Lives until
 * world_free. */
struct world *world_new(const struct service *s, const char *const *settings);
void world_free(struct world *w);
struct db *world_db(struct world *w);       /* the service's own connection and role */
struct arena *world_arena(struct world *w); /* lives until world_free */
const struct conf *world_conf(struct world *w);
struct http *world_http(struct world *w);
const char *world_owner_url(const struct world *w); /* the database as its owner */
/* Hands a text to a program that reads one and writes the database, as `telerx import` does; its exit status as of wait(). */
int world_feed(struct world *w, const char *program, const char *content);
/* A copy that lives until world_free: bodies with ids in them. */
const char *text(struct world *w, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* ---- requests */
struct by {
	unsigned as;     /* PUBLIC, SERVICE, ADMIN, PATIENT_SELF, ROLE */
	const char *who; /* the calling service, the patient's session token, or the user's role */
};
#define BY_PUBLIC         ((struct by){ PUBLIC, NULL })
#define BY_ADMIN          ((struct by){ ADMIN, NULL })
#define BY_SERVICE(name)  ((struct by){ SERVICE, (name) }) /* registers a key for it, signs with it */
#define BY_PATIENT(token) ((struct by){ PATIENT_SELF, (token) })
/* A user with this role, whose session is alive (without a stub for GET /auth/sessions/… it is). BY_PERSON("patient <uuid>"): who is this
 * patient or physician. The user's id is ROLE_USER. */
#define BY_ROLE(role)     ((struct by){ ROLE, (role) })
#define BY_PERSON(person) ((struct by){ ROLE, (person) })
#define ROLE_USER         "0190b0f2-5b5c-7d3e-8f00-0000000000aa"

/* body: JSON text or NULL. key: the Idempotency-Key or NULL. headers: more of them, ended by a row without name, or NULL. */
void request(struct world *w, struct by by, const char *method, const char *target, const char *key, const char *body,
    const struct header *headers);
void request_bytes(struct world *w, struct by by, const char *method, const char *target, struct bytes body); /* not JSON; unsigned callers */
void get(struct world *w, struct by by, const char *target);
void post(struct world *w, struct by by, const char *target, const char *body);
void post_key(struct world *w, struct by by, const char *target, const char *key, const char *body);
void put(struct world *w, struct by by, const char *target, const char *body);
void patch(struct world *w, struct by by, const char *target, const char *body);
/* An event as its producer's worker would post it; a fresh id, the next number of its aggregate. send_event_again repeats the
 * last one. */
void send_event(struct world *w, const char *from, const char *topic, struct uuid aggregate, const char *payload);
void send_event_again(struct world *w);

/* A token as auth would issue it, alive from issued_at for a day; lives until world_free. who: as in BY_PERSON. */
const char *token_for(struct world *w, const char *who, struct uuid user, struct uuid session, int64_t issued_at);

/* ---- the answer to the last request */
int answer_status(struct world *w);
const json_t *answer(struct world *w); /* NULL when it is no JSON */
struct bytes answer_bytes(struct world *w);
const char *answer_header(struct world *w, const char *name); /* NULL when absent */
const char *answer_text(struct world *w, const char *path);   /* json_at; "" when missing; lives until world_free */
int64_t answer_int(struct world *w, const char *path);        /* -1 when missing */

#define expect_status(w, status)        expect_status_((w), (status), __FILE__, __LINE__)
#define expect_problem(w, status, code) expect_problem_((w), (status), (code), __FILE__, __LINE__)
#define expect_text(w, path, value)     expect_text_((w), (path), (value), __FILE__, __LINE__)
#define expect_int(w, path, value)      expect_int_((w), (path), (value), __FILE__, __LINE__)
#define expect_absent(w, path)          expect_absent_((w), (path), __FILE__, __LINE__)
/* One of a problem's errors[] names this member (and has this code; NULL = any). */
#define expect_error(w, field, code) expect_error_((w), (field), (code), __FILE__, __LINE__)
void expect_status_(struct world *w, int status, const char *file, int line);
void expect_problem_(struct world *w, int status, const char *code, const char *file, int line);
void expect_text_(struct world *w, const char *path, const char *value, const char *file, int line);
void expect_int_(struct world *w, const char *path, int64_t value, const char *file, int line);
void expect_absent_(struct world *w, const char *path, const char *file, int line);
void expect_error_(struct world *w, const char *field, const char *code, const char *file, int line);

/* ---- the worker, on this thread, until nothing is ready; the number of jobs, deliveries and timers that ran */
#define work(w)     work_((w), false, __FILE__, __LINE__) /* what is due */
#define work_all(w) work_((w), true, __FILE__, __LINE__)  /* and what waits for its time */
int work_(struct world *w, bool skip_delays, const char *file, int line);
/* A job as a timer or an operator would make it. args: JSON object text or NULL. */
#define job_later(w, kind, args) job_later_((w), (kind), (args), __FILE__, __LINE__)
void job_later_(struct world *w, const char *kind, const char *args, const char *file, int line);

/* ---- the world outside. target: a path, with its query if it matters ("/billing/payments/…"), a whole URL, or either ended by
 * '*'. The newest stub that fits answers; one made by stub_once is used up by it. Without a stub the test fails. */
void stub(struct world *w, const char *method, const char *target, int status, const char *body);
void stub_once(struct world *w, const char *method, const char *target, int status, const char *body);
/* The same with headers of the answer: a NULL-terminated "Name: value" list that outlives the stub. */
void stub_with(struct world *w, const char *method, const char *target, int status, const char *body, const char *const *headers);
/* No answer: HTTP_NOT_SENT, or HTTP_UNKNOWN (bytes went out, nothing came back). Once. */
void stub_broken(struct world *w, const char *method, const char *target, enum http_outcome outcome);
void stubs_clear(struct world *w); /* forgets stubs and what was sent */

struct sent {
	const char *method;
	const char *url;
	const char *path;           /* with query */
	const char *const *headers; /* NULL-terminated "Name: value" */
	const char *raw;            /* the body's bytes, NUL-terminated */
	const json_t *body;         /* NULL when it is no JSON */
};
/* The i-th of what was sent to a target (as in stub), -1 = the last; NULL when there is none. Lives until world_free or
 * stubs_clear. */
const struct sent *sent_to(struct world *w, const char *method, const char *target, int i);
unsigned sent_count(struct world *w, const char *method, const char *target);
const char *sent_header(const struct sent *s, const char *name); /* NULL when absent */
const char *sent_text(const struct sent *s, const char *path);   /* json_at in its body; "" when missing */

/* ---- rows, by the superuser: no row level security. Text lives until world_free. */
int64_t sql_int(struct world *w, const char *fmt, ...) PRINTF_LIKE(2, 3); /* first column of the first row; no row or NULL: -1 */
const char *sql_text(struct world *w, const char *fmt, ...) PRINTF_LIKE(2, 3); /* "" for no row or NULL */
void sql_run(struct world *w, const char *fmt, ...) PRINTF_LIKE(2, 3);         /* app.tenant is set */
/* Events this service published: how many, and the newest one's payload (NULL when none). */
unsigned event_count(struct world *w, const char *topic);
const json_t *event_last(struct world *w, const char *topic);
/* Audit rows of an action. */
unsigned audit_count(struct world *w, const char *action, const char *outcome);

/* ---- for tests of the core itself: a database without a service. dir: sql/<dir> beside sql/common, NULL for common alone. */
struct scratch;
struct scratch *scratch_new(const char *dir, bool sample);
void scratch_free(struct scratch *s);
const char *scratch_url(const struct scratch *s); /* the app role's */
const char *scratch_owner_url(const struct scratch *s);
const char *scratch_super_url(const struct scratch *s);
const char *scratch_folder(const struct scratch *s);   /* a temporary directory of its own */
const char *scratch_source(void);                      /* the project's tree */
/* KEYHOLDER_SOCKET for this service: a keyholder in the scratch's folder, started at the first call. */
const char *scratch_keyholder(struct scratch *s, const char *service);

/* The keyholder by itself: where it lives, and its life. Keys are made for a service by holder_keys. */
struct holder_place {
	pid_t pid;
	char socket[108], keys[108], trail[108];
	const char *setting; /* one more of its settings, NAME=value */
};
void holder_at(struct holder_place *p, const char *folder);
void holder_keys(const struct holder_place *p, const char *service);
void holder_start(struct holder_place *p);
void holder_stop(struct holder_place *p, int signal);
struct holder_place *scratch_holder(struct scratch *s);

#endif
