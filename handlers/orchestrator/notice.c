/*
 * notice.c: what the patient, or our staff, hears of a run outside its steps: a denial, a declined card, a run that needs a person.
 * The message key is the run's id, so that a repeat is the same message (Y-NOTIF-01).
 */
#include "orchestrator/orchestrator.h"

int
notice_enqueue(struct db *db, struct uuid run, const char *type, struct problem *err)
{
	struct arena *a = db_current_arena(db);
	char id[UUID_TEXT];

	uuid_text(run, id);
	return job_enqueue(db, &(struct job_spec){ .kind = "notice",
	    .args = arena_printf(a, "{\"run\":\"%s\",\"type\":\"%s\"}", id, type),
	    .unique_key = arena_printf(a, "%s:%s", id, type) }, err);
}

const char *
notice_amount(struct arena *a, int64_t cents)
{
	return arena_printf(a, "%" PRId64 ".%02d", cents / 100, (int)(cents % 100));
}

static void
write_variables(struct json_writer *w, struct arena *a, const struct run *run, const char *type, const char *denial)
{
	char id[UUID_TEXT];

	jw_object(w, "variables");
	jw_uuid(w, "submissionId", run->submission_id);
	if ((strncmp(type, "payment_", 8) == 0 || strcmp(type, "prescription_withdrawn") == 0) && run->currency != NULL) {
		jw_str(w, "amount", notice_amount(a, run->amount_cents));
		jw_str(w, "currency", run->currency);
	}
	jw_opt_str(w, "reason", denial);
	if (strcmp(type, "admin_alert") == 0) {
		jw_str(w, "kind", "orchestration_manual");
		jw_str(w, "subject", uuid_text(run->id, id));
		jw_str(w, "detail", run->reason == NULL ? "needs a person" : run->reason);
	}
	jw_end(w);
}

static const char *
body(struct arena *a, const struct run *run, const char *type, const char *denial)
{
	struct buf b = buf_in(a, 4096);
	struct json_writer w;
	char id[UUID_TEXT];

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "type", type);
	jw_str(&w, "messageKey", arena_printf(a, "run:%s", uuid_text(run->id, id)));
	jw_object(&w, "recipient");
	if (strcmp(type, "admin_alert") != 0)
		jw_uuid(&w, "patientId", run->patient_id);
	jw_end(&w);
	write_variables(&w, a, run, type, denial);
	jw_end(&w);
	return b.data;
}

const char *
notice_body(struct arena *a, const struct run *run, const char *type)
{
	return body(a, run, type, NULL);
}

int
notice_job(struct job *j, struct problem *err)
{
	const char *type = job_str(j, "type"), *denial = NULL;
	struct bytes plain;
	struct run run;

	if (job_read(j, err) < 0 || run_load(j->db, job_uuid(j, "run"), &run, err) < 0)
		return -1;
	if (strcmp(type, "prescription_denied") == 0 && run.denial_enc.n > 0) {
		if (vault_open(j->db, "orchestration_runs", "denial_enc", run.id, run.denial_enc, &plain, err) < 0)
			return -1;
		denial = (const char *)plain.p;
	}
	if (job_read_end(j, err) < 0)
		return -1;
	return job_ask(j, &(struct peer_call){ .service = "notify", .method = "POST", .path = "/notify/send",
	    .body = body(j->arena, &run, type, denial) }, NULL, err);
}
