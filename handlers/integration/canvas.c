/*
 * canvas.c: the adapter of Canvas Medical. A create answers 201 with the body `null` and the id in the Location header; there is no idempotency key, so an unclear
 * answer is settled by searching for our mark before anything is sent again.
 */
#include "base/json.h"
#include "integration/integration.h"
#include "net/form.h"
#include "net/oauth.h"

#define OUR_SYSTEM "https://telerx.example/patient-id"

static const char entry_sql[] =
	"SELECT e.id, e.resource, e.mark, e.run_id, e.submission_id, c.patient_id, c.canvas_patient_id, c.status"
	"  FROM ehr_entries e JOIN ehr_cases c ON c.submission_id = e.submission_id WHERE e.id = $1";
static const char entry_end_sql[] = "UPDATE ehr_entries SET status = $2, canvas_id = $3 WHERE id = $1";
static const char charted_sql[] =
	"UPDATE ehr_cases SET canvas_patient_id = $2, status = 'charted', updated_at = now() WHERE submission_id = $1 AND canvas_patient_id IS NULL";
static const char review_sql[] =
	"UPDATE ehr_cases SET task_id = $2, status = 'review', updated_at = now() WHERE submission_id = $1 AND task_id IS NULL";
static const char manual_sql[] = "UPDATE ehr_cases SET status = 'manual', updated_at = now() WHERE submission_id = $1";

/* ---- credentials and questions */

static struct oauth_client
client(struct arena *a, const struct conf *conf)
{
	return (struct oauth_client){
		.token_url = arena_printf(a, "%s/auth/token/", conf_str(conf, "CANVAS_AUTH_BASE_URL")),
		.client_id = conf_str(conf, "CANVAS_CLIENT_ID"), .client_secret = conf_str(conf, "CANVAS_CLIENT_SECRET"),
	};
}

static const char *const *
headers(struct http *h, struct arena *a, const struct conf *conf, struct problem *err)
{
	const char **list = arena_alloc(a, 4 * sizeof(*list));
	struct oauth_client c = client(a, conf);

	list[0] = oauth_header(h, a, &c, err);
	if (list[0] == NULL)
		return NULL;
	list[1] = "Content-Type: application/json";
	list[2] = "Accept: application/json";
	return list;
}

json_t *
canvas_search(struct http *h, struct arena *a, const struct conf *conf, const char *path, struct problem *err)
{
	const char *const *list = headers(h, a, conf, err);
	struct http_answer answer;

	if (list == NULL)
		return NULL;
	http_do(h, a, &(struct http_call){ .method = "GET", .headers = list, .connect_ms = 5000, .total_ms = 30000,
	    .url = arena_printf(a, "%s%s", conf_str(conf, "CANVAS_FHIR_BASE_URL"), path) }, &answer);
	if (answer.outcome == HTTP_ANSWERED && answer.status == 401)
		oauth_drop(client(a, conf).token_url);
	if (answer.outcome != HTTP_ANSWERED || answer.status != 200) {
		problem(err, 503, "ehr_unavailable", "Canvas answered %d", answer.outcome == HTTP_ANSWERED ? answer.status : 0);
		return NULL;
	}
	return json_read(a, (const char *)answer.body.p, answer.body.n, err);
}

/* ---- shared by all kinds */

static int
dress(struct job *j, struct effect *e, struct http_call *call, struct problem *err)
{
	call->headers = headers(j->http, j->arena, j->conf, err);
	if (call->headers == NULL)
		return -1;
	call->url = arena_printf(j->arena, "%s%s", conf_str(j->conf, "CANVAS_FHIR_BASE_URL"), e->path);
	call->connect_ms = 5000;
	call->total_ms = 30000;
	return 0;
}

/* http(s)://host/<Resource>/<id>/_history/1: the segment after the resource name. */
static const char *
id_of_location(struct arena *a, const char *location, const char *path)
{
	const char *at = location == NULL ? NULL : strstr(location, path);
	size_t n;

	if (at == NULL || at[strlen(path)] != '/')
		return NULL;
	at += strlen(path) + 1;
	n = strcspn(at, "/");
	return n == 0 ? NULL : arena_ndup(a, at, n);
}

static enum verdict
judge(struct job *j, struct effect *e, const struct http_answer *a)
{
	if (a->status == 401) {
		oauth_drop(client(j->arena, j->conf).token_url);
		return EFFECT_RETRY;
	}
	if (a->status == 201) {
		e->vendor_ref = id_of_location(j->arena, http_header(j->http, "location"), e->path);
		return e->vendor_ref == NULL ? EFFECT_UNCERTAIN : EFFECT_CONFIRMED;
	}
	return effect_judge_http(a);
}

/* What one search found: the first resource's id. Nothing found is certain; no answer is not. */
static enum verdict
found(struct job *j, struct effect *e, const char *path)
{
	struct problem err = { 0 };
	json_t *bundle = canvas_search(j->http, j->arena, j->conf, path, &err);

	if (bundle == NULL)
		return EFFECT_UNCERTAIN;
	e->vendor_ref = json_text_at(bundle, "entry.0.resource.id");
	return e->vendor_ref == NULL ? EFFECT_RETRY : EFFECT_CONFIRMED;
}

static int
publish(struct job *j, const char *topic, const struct ehr_case *c, const char *member, const char *value, struct uuid run, struct problem *err)
{
	struct buf b = buf_in(j->arena, 2048);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "submissionId", c->submission_id);
	jw_uuid(&w, "patientId", c->patient_id);
	jw_str(&w, member, value);
	if (!uuid_is_nil(run))
		jw_uuid(&w, "runId", run);
	jw_end(&w);
	return event_publish(j->db, topic, c->submission_id, b.data, err);
}

/* ---- Patient: subject is the submission */

static enum verdict
look_up_patient(struct job *j, struct effect *e, struct http_answer *a UNUSED)
{
	struct buf path = buf_in(j->arena, 512);
	char id[UUID_TEXT];

	buf_add(&path, "/Patient?identifier=");
	percent_encode(&path, OUR_SYSTEM "|");
	buf_add(&path, uuid_text(e->patient, id));
	return found(j, e, path.data);
}

static int
settle_patient(struct job *j, struct effect *e, const char *state, const struct http_answer *a UNUSED, struct problem *err)
{
	struct ehr_case c;
	json_t *form;
	int64_t new;

	if (strcmp(state, "confirmed") != 0)
		return db_exec(j->db, manual_sql, err, P_UUID(e->subject)) < 0 ? -1 : 0;
	new = db_exec(j->db, charted_sql, err, P_UUID(e->subject), P_TEXT(e->vendor_ref));
	if (new <= 0)
		return (int)new;
	if (ehr_case_load(j->db, e->subject, &c, err) < 0 || (form = record_form(j->db, e->subject, err)) == NULL ||
	    chart_intake(j->db, j->conf, &c, form, err) < 0)
		return -1;
	return publish(j, "ehr.patient.created", &c, "canvasPatientId", c.canvas_patient_id, UUID_NIL, err);
}

/* ---- entries of the chart: subject is the ehr_entries row */

struct entry {
	struct ehr_case c;
	const char *resource;
	const char *mark;
	struct uuid run_id;
};

static int
entry_load(struct db *db, struct uuid id, struct entry *ret, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, entry_sql, err, P_UUID(id)) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "not_found", "no such chart entry");
	*ret = (struct entry){ .resource = row_str(w, "resource"), .mark = row_str(w, "mark"), .run_id = row_uuid(w, "run_id"),
	    .c = { .submission_id = row_uuid(w, "submission_id"), .patient_id = row_uuid(w, "patient_id"),
	    .canvas_patient_id = row_opt_str(w, "canvas_patient_id"), .status = row_str(w, "status") } };
	return 0;
}

static int
read_entry(struct job *j, struct effect *e, struct entry *ret)
{
	struct problem err = { 0 };

	if (job_read(j, &err) < 0 || entry_load(j->db, e->subject, ret, &err) < 0)
		return -1;
	return job_read_end(j, &err);
}

/* Only resources of the same patient are looked at; which one is ours is told by what makes it one of a kind there. */
static enum verdict
look_up_entry(struct job *j, struct effect *e, struct http_answer *a UNUSED)
{
	struct entry entry;
	const char *path;

	if (read_entry(j, e, &entry) < 0)
		return EFFECT_UNCERTAIN;
	path = arena_printf(j->arena, "/%s?patient=Patient%%2F%s", entry.resource, entry.c.canvas_patient_id);
	if (strcmp(entry.resource, "Observation") == 0)
		path = arena_printf(j->arena, "%s&code=%s", path, entry.mark);
	if (strcmp(entry.resource, "Condition") != 0)
		return found(j, e, path);

	struct problem err = { 0 };
	json_t *bundle = canvas_search(j->http, j->arena, j->conf, arena_printf(j->arena, "%s&_count=100", path), &err), *item;
	size_t i;
	if (bundle == NULL)
		return EFFECT_UNCERTAIN;
	json_array_foreach(json_object_get(bundle, "entry"), i, item) {
		const char *code = json_text_at(item, "resource.code.coding.0.code");

		if (code != NULL && strcmp(code, entry.mark) == 0) {
			e->vendor_ref = json_text_at(item, "resource.id");
			return EFFECT_CONFIRMED;
		}
	}
	return EFFECT_RETRY;
}

static int
end_entry(struct job *j, struct effect *e, const char *state, struct problem *err)
{
	const char *status = strcmp(state, "confirmed") == 0 ? "created" : strcmp(state, "refused") == 0 ? "refused" : "manual";

	return db_exec(j->db, entry_end_sql, err, P_UUID(e->subject), P_TEXT(status), P_TEXT(e->vendor_ref)) < 0 ? -1 : 0;
}

static int
settle_entry(struct job *j, struct effect *e, const char *state, const struct http_answer *a UNUSED, struct problem *err)
{
	return end_entry(j, e, state, err);
}

static enum verdict
look_up_task(struct job *j, struct effect *e, struct http_answer *a UNUSED)
{
	struct entry entry;
	char id[UUID_TEXT];

	if (read_entry(j, e, &entry) < 0)
		return EFFECT_UNCERTAIN;
	return found(j, e, arena_printf(j->arena, "/Task?patient=Patient%%2F%s&label=telerx-%s", entry.c.canvas_patient_id,
	    uuid_text(entry.c.submission_id, id)));
}

static int
settle_task(struct job *j, struct effect *e, const char *state, const struct http_answer *a UNUSED, struct problem *err)
{
	struct entry entry;
	int64_t new;

	if (end_entry(j, e, state, err) < 0 || entry_load(j->db, e->subject, &entry, err) < 0)
		return -1;
	if (strcmp(state, "confirmed") != 0)
		return db_exec(j->db, manual_sql, err, P_UUID(entry.c.submission_id)) < 0 ? -1 : 0;
	new = db_exec(j->db, review_sql, err, P_UUID(entry.c.submission_id), P_TEXT(e->vendor_ref));
	if (new <= 0)
		return (int)new;
	return publish(j, "ehr.task.created", &entry.c, "taskId", e->vendor_ref, UUID_NIL, err);
}

static enum verdict
look_up_note(struct job *j, struct effect *e, struct http_answer *a UNUSED)
{
	struct problem err = { 0 };
	struct entry entry;
	json_t *bundle, *item, *extension;
	size_t i, k;

	if (read_entry(j, e, &entry) < 0 || (bundle = canvas_search(j->http, j->arena, j->conf,
	    arena_printf(j->arena, "/DocumentReference?patient=Patient%%2F%s&_count=100", entry.c.canvas_patient_id), &err)) == NULL)
		return EFFECT_UNCERTAIN;
	json_array_foreach(json_object_get(bundle, "entry"), i, item)
		json_array_foreach(json_at(item, "resource.extension"), k, extension) {
			const char *text = json_text_at(extension, "valueString");

			if (text != NULL && strcmp(text, entry.mark) == 0) {
				e->vendor_ref = json_text_at(item, "resource.id");
				return EFFECT_CONFIRMED;
			}
		}
	return EFFECT_RETRY;
}

static int
settle_note(struct job *j, struct effect *e, const char *state, const struct http_answer *a UNUSED, struct problem *err)
{
	struct entry entry;

	if (end_entry(j, e, state, err) < 0 || entry_load(j->db, e->subject, &entry, err) < 0)
		return -1;
	if (strcmp(state, "confirmed") != 0)
		return 0;
	return publish(j, strstr(entry.mark, AMENDMENT) == NULL ? "ehr.note.created" : "ehr.note.amended", &entry.c, "noteId", e->vendor_ref,
	    entry.run_id, err);
}

/* ---- closing the task, and opening it again: a PUT of the whole resource, harmless to repeat */

static enum verdict
judge_update(struct job *j, struct effect *e UNUSED, const struct http_answer *a)
{
	if (a->status == 401) {
		oauth_drop(client(j->arena, j->conf).token_url);
		return EFFECT_RETRY;
	}
	return effect_judge_http(a);
}

static int
settle_update(struct job *j UNUSED, struct effect *e UNUSED, const char *state UNUSED, const struct http_answer *a UNUSED, struct problem *err UNUSED)
{
	return 0;	/* the decision is recorded here already; the chart only follows */
}

const struct effect_kind canvas_patient_effect = {
	.name = "canvas.patient", .unknown = LOOK_UP, .deadline_s = 3600,
	.dress = dress, .judge = judge, .look_up = look_up_patient, .settle = settle_patient,
};
const struct effect_kind canvas_entry_effect = {
	.name = "canvas.entry", .unknown = LOOK_UP, .deadline_s = 3600,
	.dress = dress, .judge = judge, .look_up = look_up_entry, .settle = settle_entry,
};
const struct effect_kind canvas_task_effect = {
	.name = "canvas.task", .unknown = LOOK_UP, .deadline_s = 3600,
	.dress = dress, .judge = judge, .look_up = look_up_task, .settle = settle_task,
};
const struct effect_kind canvas_note_effect = {
	.name = "canvas.note", .unknown = LOOK_UP, .deadline_s = 3600,
	.dress = dress, .judge = judge, .look_up = look_up_note, .settle = settle_note,
};
const struct effect_kind canvas_task_reopen_effect = {
	.name = "canvas.task_reopen", .unknown = RESEND, .deadline_s = 3600,
	.dress = dress, .judge = judge_update, .settle = settle_update,
};
const struct effect_kind canvas_task_close_effect = {
	.name = "canvas.task_close", .unknown = RESEND, .deadline_s = 3600,
	.dress = dress, .judge = judge_update, .settle = settle_update,
};
