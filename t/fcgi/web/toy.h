/*
 * toy.h: a service of a few rows on the common tables of a real PostgreSQL, for the tests of what requests lean on in the
 * database. Requests go straight into dispatch(), each client with its own connection.
 *
 *	POST /toy/things	SERVICE (intake, portal), ADMIN; KEY. Makes a row; {"name":"refuse"} is refused, "slow" takes 0.3 s
 *	POST /toy/asked		the same after asking a vendor
 *	POST /toy/natural	the same without a key
 *	GET  /toy/things	SERVICE (portal), PATIENT_SELF; audited. ?least=N: 404 when fewer were made
 *	GET  /toy/wrong		writes although its row says READ
 * Keys intake-key, portal-key and stranger-key are known; the event thing.happened is consumed.
 */
#ifndef T_FCGI_WEB_TOY_H
#define T_FCGI_WEB_TOY_H

#include "harness/harness.h"

#include "base/clock.h"
#include "web/web_private.h"

#define TOKEN "a-session-token"

struct client {
	struct arena *arena;
	struct db *db;
	struct req reply;
	json_t *answer;
};
enum version { V1, V2 };

extern struct client me;
extern int fail_runs;       /* the next transactions end as somebody else's victims */
extern int asks, most_asks; /* of the vendor: how often, how many at once */

int toy_setup(void **state);
int toy_teardown(void **state);
void client_open(struct client *c);
void client_close(struct client *c);
void key_of(const char *caller, const char *key_id); /* another key; all have the same secret */

void send_with(struct client *c, const char *method, const char *target, const struct header *headers, size_t n, const char *text);
void admin(struct client *c, const char *method, const char *target, const char *key, const char *text);
/* By me, signed. _at: at another time, for another target. */
void service(enum version v, const char *key_id, const char *method, const char *target, const char *key, const char *text);
void service_at(int64_t now, enum version v, const char *key_id, const char *method, const char *target, const char *signed_target,
    const char *key, const char *text);

void expect(const struct client *c, int status, const char *code); /* code NULL = any */
const char *header_of(const struct client *c, const char *name);   /* "" when absent */
int64_t sql_number(const char *sql);                               /* by the superuser; -1 = nothing */
int64_t made(void);                                                /* rows that stand */
int64_t audited(const char *action, const char *outcome);

#endif
