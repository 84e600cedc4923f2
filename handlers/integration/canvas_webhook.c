/*
 * canvas_webhook.c: what our plugin at Canvas tells us (I-CANV-11). It carries ids only: what happened is read over FHIR. Nothing at Canvas sends it again, so
 * a sweep asks beside it for tasks that changed.
 *
 * A task that is closed at Canvas while the case waits for its decision here is a person's business; a closed task never opens again.
 */
#include "base/clock.h"
#include "data/attention.h"
#include "integration/integration.h"
#include "net/form.h"

#define OVERLAP_US INT64_C(120000000) /* clocks differ, and a search index lags */
#define FIRST_US   (INT64_C(3600) * 1000000)

static const char seen_sql[] =
	"UPDATE ehr_cases SET canvas_task_status = $2, canvas_task_seen_at = now() WHERE task_id = $1"
	" AND coalesce(canvas_task_status, 'requested') NOT IN ('completed', 'cancelled') AND canvas_task_status IS DISTINCT FROM $2"
	" RETURNING submission_id, patient_id, status";
static const char known_sql[] = "SELECT 1 FROM ehr_cases WHERE task_id = $1";

static bool
is_plain(const char *id)
{
	return id != NULL && *id != '\0' && strlen(id) <= 64 &&
	    strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == strlen(id);
}

static int
read_event(struct arena *a UNUSED, const struct conf *conf UNUSED, struct bytes raw UNUSED, const json_t *message, size_t i, struct webhook_event *ret,
    struct problem *err)
{
	const char *resource = json_text_at(message, "resource_type"), *at = json_text_at(message, "occurred_at");

	if (i > 0)
		return 0;
	ret->event_id = json_text_at(message, "event_id");
	ret->type = json_text_at(message, "event");
	ret->object_id = json_text_at(message, "resource_id");
	if (ret->event_id == NULL || ret->type == NULL || resource == NULL || !is_plain(ret->object_id))
		return problem(err, 400, "malformed_event", "event, event_id, resource_type and resource_id are needed");
	if (at != NULL && clock_parse(at, &ret->happened_at) < 0)
		ret->happened_at = 0;
	if (strcmp(resource, "Task") != 0)
		ret->ignore = "ignored";
	return 1;
}

static int
apply(struct job *j, const char *task, const char *status, const char **outcome, struct problem *err)
{
	const struct row *w, *known;
	bool closed = strcmp(status, "completed") == 0 || strcmp(status, "cancelled") == 0;

	if (db_one(j->db, &known, known_sql, err, P_TEXT(task)) < 0 || db_one(j->db, &w, seen_sql, err, P_TEXT(task), P_TEXT(status)) < 0)
		return -1;
	*outcome = known == NULL ? "unknown_object" : w == NULL ? "late" : "applied";
	if (w == NULL || !closed || strcmp(row_str(w, "status"), "review") != 0)
		return 0;
	return attention_raise(j->db, &(struct attention){ .kind = "task.closed", .subject = task, .code = "closed_at_canvas",
	    .submission = row_uuid(w, "submission_id"), .patient = row_uuid(w, "patient_id") }, err);
}

static int
handle(struct job *j, const struct webhook_event *e, struct problem *err)
{
	json_t *bundle = canvas_search(j->http, j->arena, j->conf, arena_printf(j->arena, "/Task?_id=%s", e->object_id), err);
	const char *outcome = "unknown_object", *status;

	if (bundle == NULL)
		return -1;
	status = json_text_at(bundle, "entry.0.resource.status");
	if (job_begin(j, err) < 0 || (status != NULL && apply(j, e->object_id, status, &outcome, err) < 0) ||
	    webhook_handled(j->db, e, outcome, err) < 0)
		return -1;
	return job_end(j, err);
}

/* ---- what the plugin could not post */

/* One message per task and state: a task that is listed again as it was is known. */
static void
add_message(struct arena *a, json_t *messages, const json_t *task)
{
	const char *id = json_text_at(task, "id"), *status = json_text_at(task, "status");
	json_t *m;

	if (!is_plain(id) || status == NULL)
		return;
	m = json_object();
	json_object_set_new(m, "event", json_string("TASK_UPDATED"));
	json_object_set_new(m, "event_id", json_string(arena_printf(a, "sweep:%s:%s", id, status)));
	json_object_set_new(m, "resource_type", json_string("Task"));
	json_object_set_new(m, "resource_id", json_string(id));
	json_array_append_new(messages, m);
}

static int
sweep(struct job *j, const char *position, const json_t **messages, const char **next, struct problem *err)
{
	int64_t now = clock_us();
	char since[CLOCK_TEXT], until[CLOCK_TEXT];
	json_t *bundle, *list;
	const json_t *entry;
	size_t i;

	clock_text(now - FIRST_US, since);
	clock_text(now - OVERLAP_US, until);
	bundle = canvas_search(j->http, j->arena, j->conf, arena_printf(j->arena, "/Task?modified=ge%s&_count=100",
	    *position != '\0' ? position : since), err);
	if (bundle == NULL)
		return -1;
	list = json_array();
	json_array_foreach(json_object_get(bundle, "entry"), i, entry)
		add_message(j->arena, list, json_object_get(entry, "resource"));
	json_object_set_new(bundle, "messages", list);
	*messages = list;
	*next = arena_dup(j->arena, until);
	return 0;
}

const struct webhook_source canvas_webhook_source = {
	.vendor = "canvas", .secret = "CANVAS_AUTH_SECRET", .job = "webhook.canvas", .read = read_event, .handle = handle, .sweep = sweep,
};
