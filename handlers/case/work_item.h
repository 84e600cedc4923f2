/*
 * work_item.h: the inbox of the staff. Every service raises what it cannot end (data/attention.h); an item stands here until its cause ends or a
 * person resolves it.
 */
#ifndef CASE_WORK_ITEM_H
#define CASE_WORK_ITEM_H

#include "base/clock.h"
#include "data/attention.h"
#include "service.h"

/* ---- work_kind.c: what may be done about each kind */
/* What the owner's row wants to be told. Of a subject "id/rest" the path takes the id. */
enum work_body {
	BODY_NOTHING,
	BODY_SUBSCRIBER,	/* {subscriber}: the rest of the subject */
	BODY_DECISION		/* {action, step?, reason}: the item's step, the caller's note */
};
struct work_action {
	const char *name;	/* retry */
	const char *method;
	const char *path;	/* after the owner's prefix; ":subject" stands for the item's subject */
	enum work_body body;
	const char *decision;	/* of BODY_DECISION: confirm, failed, retry */
	const char *says;
	const char *needs;	/* only of items whose detail has this member true; NULL: of all */
};
struct work_kind {
	const char *kind;
	int64_t due_s;		/* from when it is raised */
	const struct work_action *actions;	/* ends with a row without name */
	const char *says;
};
/* Never NULL: a kind nobody described is due in a day and has no actions. */
const struct work_kind *work_kind(const char *kind);
const struct work_action *work_action(const struct work_kind *k, const char *name);
bool	 work_action_fits(const struct work_action *a, const char *detail);	/* detail: the item's, JSON text */

/* ---- work_item.c: rows, and the events that make and end them */
struct work_item {
	struct uuid id;
	const char *service, *kind, *subject, *code, *state;
	const char *owner;	/* NULL: nobody */
	struct uuid submission, patient;
};
/* Under lock in a WRITE transaction; 404 when there is none. */
int	 work_item_lock(struct db *db, struct uuid id, struct work_item *ret, struct problem *err) MUST_CHECK;
/* A line of its history; note (NULL for none) is sealed under the patient's key. */
int	 work_item_note(struct db *db, const struct work_item *i, const char *what, const char *code, const char *note, struct problem *err) MUST_CHECK;
/* Why the cause of a matter ended for which there was no item then; NULL: it did not, or has been raised again since. */
int	 work_item_cleared(struct db *db, const char *service, const char *kind, const char *subject, const char **ret, struct problem *err) MUST_CHECK;
int	 on_attention_raised(struct event *e, struct problem *err);
int	 on_attention_cleared(struct event *e, struct problem *err);

/* ---- work_item_api.c */
int	 work_items_list(struct req *r, struct problem *err);
int	 work_item_show(struct req *r, struct problem *err);
int	 work_item_take(struct req *r, struct problem *err);
int	 work_item_release(struct req *r, struct problem *err);
int	 work_item_comment(struct req *r, struct problem *err);
int	 work_item_resolve(struct req *r, struct problem *err);
int	 work_item_act_ask(struct req *r, struct problem *err);
int	 work_item_act(struct req *r, struct problem *err);

/* ---- work_item_carry.c */
int	 work_item_carry(struct req *r, struct problem *err);

/* ---- work_item_rows.c: the shapes of the rows in case.c */
extern const struct field work_items_query[], work_items_reply[], work_item_param[], work_item_act_param[], work_item_reply[],
    work_item_take_body[], work_item_note_body[], work_item_resolve_body[], work_item_act_body[], work_item_state_reply[],
    work_item_carry_body[], work_item_carry_reply[];

#endif
