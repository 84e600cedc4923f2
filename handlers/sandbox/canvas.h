/*
 * canvas.h: the parts of the Canvas stand-in among themselves.
 */
#ifndef SANDBOX_CANVAS_H
#define SANDBOX_CANVAS_H

#include "sandbox/sandbox_own.h"
#include "sandbox/store.h"

enum may { MAY_CREATE = 1, MAY_READ = 2, MAY_UPDATE = 4, MAY_SEARCH = 8 };

enum rule_kind {
	RULE_TEXT = 1,		/* not empty */
	RULE_ONE_OF,		/* arg: space-separated */
	RULE_DATE,
	RULE_TIME,
	RULE_LIST,		/* at least one item */
	RULE_BOOL,
	RULE_REFERENCE,		/* arg: resource; it exists */
	RULE_NUMBER		/* or a decimal text, as Canvas's own example has it */
};

struct rule {
	const char *path;	/* json_at; "note.*.text": for each item */
	enum rule_kind kind;
	const char *arg;
	bool optional;
};

/* How a search parameter looks into a resource: JSON that it must contain, $v the value, $s the system of system|code. */
struct search_param {
	const char *name;
	const char *containing;
	const char *with_system;	/* NULL: the value has no system */
};

struct resource {
	const char *name;
	unsigned may;
	bool hex_id;			/* 32 hex digits instead of a UUID */
	const struct rule *rules;
	size_t nrules;
	const char *subject;		/* path of the patient's reference */
	int (*check)(struct call *c, const json_t *given, struct problem *err);	/* what no rule can say; may be NULL */
	void (*made)(struct call *c, json_t *fresh);	/* members that Canvas adds; may be NULL */
	json_t *(*merge)(
	    struct call *c, const json_t *old, json_t *given); /* PUT: what is kept; NULL: only entered-in-error is taken over */
	const struct search_param *params;
	size_t nparams;
	const char *dates;		/* search parameters that are dates, space-separated */
};

const struct resource *sb_canvas_resource(const char *name);
/* 0, or REFUSED with a 422. */
int	 sb_canvas_check(struct call *c, const struct resource *s, const json_t *given, struct problem *err);
int	 sb_canvas_search(struct call *c, const struct resource *s, struct problem *err);
int	 sb_canvas_refuse(struct call *c, int status, const char *code, const char *fmt, ...) PRINTF_LIKE(4, 5);
#define sb_canvas_invalid(c, ...)	sb_canvas_refuse(c, 422, "business-rule", __VA_ARGS__)

/* The resources' own parts (canvas_merge.c). */
json_t	*sb_canvas_patient_merge(struct call *c, const json_t *old, json_t *given);
json_t	*sb_canvas_task_merge(struct call *c, const json_t *old, json_t *given);
void	 sb_canvas_patient_made(struct call *c, json_t *fresh);
void	 sb_canvas_task_made(struct call *c, json_t *fresh);
void	 sb_canvas_document_made(struct call *c, json_t *fresh);
void	 sb_canvas_observation_made(struct call *c, json_t *fresh);
const char *sb_canvas_now(struct call *c);

#endif
