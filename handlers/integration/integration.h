/*
 * integration.h: what the integration service shows to the rest, its table, and what its files share.
 */
#ifndef INTEGRATION_H
#define INTEGRATION_H

#include "service.h"

extern const struct service integration_service;

/* ---- form.c: the intake form's shape, as intake sends it */
extern const struct field form_fields[], form_vitals_fields[], form_history_fields[], form_medication_fields[], form_allergy_fields[], form_answer_fields[];
extern const struct field demographics_fields[];

/* ---- record.c: the snapshot */
int	 record_show(struct req *r, struct problem *err);
/* The form of a submission, opened; 404 when there is none. The caller's transaction is READ_AUDITED or WRITE. */
json_t	*record_form(struct db *db, struct uuid submission, struct problem *err) MUST_CHECK;
int	 record_keep(struct req *r, struct problem *err) MUST_CHECK;

/* ---- ehr.c: what the others ask to be put in the chart */
int	 ehr_patient(struct req *r, struct problem *err);
int	 ehr_task(struct req *r, struct problem *err);
int	 ehr_note(struct req *r, struct problem *err);
int	 ehr_note_amend(struct req *r, struct problem *err);
#define AMENDMENT ":amendment"	/* what the mark of a run's amendment ends in */
struct ehr_case {
	struct uuid submission_id;
	struct uuid patient_id;
	const char *canvas_patient_id;	/* NULL: not yet */
	const char *task_id;
	const char *status;
	int64_t attempt;		/* which decision of the case is due or under way */
};
/* ret->submission_id nil when there is none. */
int	 ehr_case_load(struct db *db, struct uuid submission, struct ehr_case *ret, struct problem *err) MUST_CHECK;
int	 ehr_case_of_task(struct db *db, const char *task_id, struct ehr_case *ret, struct problem *err) MUST_CHECK;
/* Adds a chart entry and its effect in the caller's transaction; a mark that is there already adds nothing. */
struct ehr_entry {
	const char *kind;		/* effect kind */
	const char *resource;
	const char *mark;
	struct uuid run_id;
	struct bytes body;
};
int	 ehr_entry_add(struct db *db, const struct ehr_case *c, const struct ehr_entry *e, struct problem *err) MUST_CHECK;

/* ---- canvas.c: speaking to Canvas */
json_t	*canvas_search(struct http *h, struct arena *a, const struct conf *conf, const char *path, struct problem *err) MUST_CHECK;
extern const struct effect_kind canvas_patient_effect;
extern const struct effect_kind canvas_entry_effect;	/* any resource that hangs on the patient */
extern const struct effect_kind canvas_task_effect;
extern const struct effect_kind canvas_task_close_effect;
extern const struct effect_kind canvas_task_reopen_effect;
extern const struct effect_kind canvas_note_effect;

/* ---- canvas_webhook.c: what our plugin there tells us */
extern const struct webhook_source canvas_webhook_source;

/* ---- chart.c: our form as Canvas resources; the bodies live in the arena */
struct bytes chart_patient(struct arena *a, struct uuid patient, const json_t *form);
struct bytes chart_task(struct arena *a, const struct conf *conf, const struct ehr_case *c, const char *status);
struct bytes chart_note(struct arena *a, const struct conf *conf, const struct ehr_case *c, const char *mark, const char *title, const char *text);
/* Everything that the intake says about the patient: questionnaire, conditions, vitals. */
int	 chart_intake(struct db *db, const struct conf *conf, const struct ehr_case *c, const json_t *form, struct problem *err) MUST_CHECK;

/* ---- note.c: a page of text as PDF, base64 in out. -1 when the library refuses. */
int	 note_pdf(const char *title, const char *text, struct buf *out, struct problem *err) MUST_CHECK;

/* ---- queue.c: what the physician sees */
int	 tasks_ask(struct req *r, struct problem *err);
int	 tasks_list(struct req *r, struct problem *err);
int	 package_ask(struct req *r, struct problem *err);
int	 package_show(struct req *r, struct problem *err);
int	 practitioners_ask(struct req *r, struct problem *err);
int	 practitioners_list(struct req *r, struct problem *err);

/* ---- action.c: what the physician decides */
int	 action_ask(struct req *r, struct problem *err);
int	 action_reply(struct req *r, struct problem *err);

/* ---- follow.c: what happened afterwards */
int	 pharmacy_callback(struct req *r, struct problem *err);
int	 shipments_list(struct req *r, struct problem *err);
int	 on_prescription_decided(struct event *e, struct problem *err);
int	 on_shipment_updated(struct event *e, struct problem *err);
int	 on_orchestration_finished(struct event *e, struct problem *err);

/* ---- work_item_away.c */
int	 work_items_carry_job(struct job *j, struct problem *err);

#endif
