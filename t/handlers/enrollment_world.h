/*
 * enrollment_world.h: what the tests of enrollment share: a world with a folder for files, patients up to each step, and what they would send.
 */
#ifndef T_ENROLLMENT_WORLD_H
#define T_ENROLLMENT_WORLD_H

#include "enrollment/enrollment.h"
#include "harness/harness.h"

#define BASE	   "/api/v1/enrollment"
#define NOTIFY	   "/notify/send"
#define SENT	   "{\"notificationId\":\"00000000-0000-7000-8000-000000000001\",\"channels\":[]}"
#define PNG_WIDTH  640
#define PNG_HEIGHT 400

struct patient {
	const char *rx, *id, *enrollment, *token;
};

/* A command in the shell; its status as of wait(). */
int shell(const char *fmt, ...) PRINTF_LIKE(1, 2);
extern char folder[]; /* the files of the service are in its folder files */
extern uint8_t png[400]; /* a picture, as far as its frame goes */
extern size_t png_n;
extern char hipaa_text[20000];

int enrollment_setup(void **state);
int enrollment_teardown(void **state);
int enrollment_fresh(void **state); /* no stubs but notify's, no jobs, the usual picture */
void png_make(int width, int height);
const char *new_id(struct world *w);
/* An event of the prescription service; more: further members as JSON text. */
void told(struct world *w, const char *rx, const char *patient, const char *topic, const char *more);
struct patient validated_as(struct world *w, const char *details);
struct patient validated(struct world *w);
void initiate(struct world *w, struct patient *p);
struct patient invited(struct world *w);
void upload(struct world *w, const char *token, const char *side, struct bytes b); /* token NULL: without a credential */
const char *uploaded(struct world *w, const char *token, const char *side); /* its URL */
/* more: members of insurance, as JSON text behind a comma, or "". */
const char *body_of(struct world *w, const struct patient *p, const char *signed_text, const char *payer, const char *bin, const char *more);
const char *good_body(struct world *w, const struct patient *p);
const char *link_state(struct world *w, const struct patient *p); /* open, or why not */

#endif
