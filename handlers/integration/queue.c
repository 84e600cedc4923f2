/*
 * queue.c: what the physician sees (I-RXQ-01, 02, 04). The list and the package are our own rows, so a case can be reviewed while Canvas is away; who may
 * take it and what may be prescribed is asked of registry and orchestrator before the transaction begins.
 */
#include "integration/integration.h"
#include "net/form.h"

static const char tasks_sql[] =
	"SELECT c.submission_id, c.patient_id, c.task_id, c.status, c.canvas_patient_id, c.run_id, c.created_at, p.state, p.intake_type"
	"  FROM ehr_cases c JOIN patient_records p ON p.submission_id = c.submission_id"
	" WHERE c.task_id IS NOT NULL AND ($1::text IS NULL OR c.status = $1) AND ($2::uuid IS NULL OR c.submission_id = $2) ORDER BY c.created_at DESC LIMIT 100";
static const char record_sql[] = "SELECT state, intake_type FROM patient_records WHERE submission_id = $1";

struct package {
	struct ehr_case c;
	const char *intake_type;
	json_t *assignment;
	json_t *medications;
};

/* ---- the list */

int
tasks_ask(struct req *r, struct problem *err)
{
	struct peer_reply reply;
	struct peer_call call = { .service = "registry", .method = "GET" };
	char id[UUID_TEXT];

	if (!req_has(r, "practitionerId"))
		return 0;
	call.path = arena_printf(r->arena, "/route/queue?physicianId=%s", uuid_text(req_uuid(r, "practitionerId"), id));
	if (peer_call(r->http, r->arena, r->conf, &call, &reply, err) < 0 || peer_expect(&call, &reply, err) < 0)
		return -1;
	r->asked = reply.body;
	return 0;
}

/* Without a filter every task is shown; with one, those in the physician's queue. */
static bool
wanted(const json_t *queue, struct uuid submission)
{
	char id[UUID_TEXT];
	const json_t *item;
	size_t i;

	if (queue == NULL)
		return true;
	uuid_text(submission, id);
	json_array_foreach(json_object_get(queue, "assignments"), i, item) {
		const char *text = json_text_at(item, "submissionId");

		if (text != NULL && strcmp(text, id) == 0)
			return true;
	}
	return false;
}

int
tasks_list(struct req *r, struct problem *err)
{
	struct rows *rows;

	if (db_all(r->db, &rows, tasks_sql, err, P_TEXT(req_opt_str(r, "status")), P_OPT_UUID(req_uuid(r, "submissionId"))) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_array(w, "tasks");
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *t = rows_at(rows, i);

		if (!wanted(r->asked, row_uuid(t, "submission_id")))
			continue;
		jw_object(w, NULL);
		jw_str(w, "taskId", row_str(t, "task_id"));
		jw_uuid(w, "submissionId", row_uuid(t, "submission_id"));
		jw_uuid(w, "patientId", row_uuid(t, "patient_id"));
		jw_str(w, "state", row_str(t, "state"));
		jw_str(w, "intakeType", row_str(t, "intake_type"));
		jw_str(w, "status", row_str(t, "status"));
		jw_time(w, "authoredOn", row_time(t, "created_at"));
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
	return 0;
}

/* ---- the package */

static int
find_case(struct req *r, struct package *p, struct problem *err)
{
	const struct row *w;

	if (db_begin(r->db, READ, &r->scope, err) < 0)
		return -1;
	if (ehr_case_of_task(r->db, req_str(r, "taskId"), &p->c, err) < 0 || db_one(r->db, &w, record_sql, err, P_UUID(p->c.submission_id)) < 0) {
		db_rollback(r->db);
		return -1;
	}
	p->intake_type = w == NULL ? NULL : row_str(w, "intake_type");
	return db_commit(r->db, err);
}

static int
ask(struct req *r, const char *service, const char *path, json_t **ret, struct problem *err)
{
	struct peer_call call = { .service = service, .method = "GET", .path = path };
	struct peer_reply reply;

	if (peer_call(r->http, r->arena, r->conf, &call, &reply, err) < 0 || peer_expect(&call, &reply, err) < 0)
		return -1;
	*ret = reply.body;
	return 0;
}

int
package_ask(struct req *r, struct problem *err)
{
	struct package *p = arena_alloc(r->arena, sizeof(*p));
	struct buf type = buf_in(r->arena, 256);
	char id[UUID_TEXT];

	if (find_case(r, p, err) < 0)
		return -1;
	if (uuid_is_nil(p->c.submission_id))
		return problem(err, 404, "not_found", "no such task");
	percent_encode(&type, p->intake_type);
	if (ask(r, "registry", arena_printf(r->arena, "/route/assignments?submissionId=%s", uuid_text(p->c.submission_id, id)), &p->assignment, err) < 0 ||
	    ask(r, "orchestrator", arena_printf(r->arena, "/orchestrator/medications?intakeType=%s", buf_str(&type)), &p->medications, err) < 0)
		return -1;
	r->asked = p;
	return 0;
}

static void
write_demographics(struct json_writer *w, const struct package *p, const json_t *form)
{
	static const char *const members[] = { "firstName", "lastName", "birthDate", "sex", "phone", "email", "address", "heightCm", "weightKg" };

	jw_object(w, "demographics");
	jw_uuid(w, "patientId", p->c.patient_id);
	jw_opt_str(w, "canvasPatientId", p->c.canvas_patient_id);
	for (size_t i = 0; i < COUNT(members); i++)
		jw_tree(w, members[i], json_object_get(form, members[i]));
	jw_end(w);
}

static void
write_list(struct json_writer *w, const char *key, const json_t *list)
{
	if (list != NULL) {
		jw_tree(w, key, list);
		return;
	}
	jw_array(w, key);
	jw_end(w);
}

int
package_show(struct req *r, struct problem *err)
{
	const struct package *p = r->asked;
	json_t *form;

	req_object(r, "patient_records", p->c.submission_id);
	form = record_form(r->db, p->c.submission_id, err);
	if (form == NULL)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_str(w, "taskId", p->c.task_id);
	jw_uuid(w, "submissionId", p->c.submission_id);
	jw_str(w, "status", p->c.status);
	jw_str(w, "intakeType", p->intake_type);
	write_demographics(w, p, form);
	write_list(w, "answers", json_object_get(form, "answers"));
	write_list(w, "conditions", json_object_get(form, "history"));
	write_list(w, "medications", json_object_get(form, "medications"));
	write_list(w, "allergies", json_object_get(form, "allergies"));
	jw_tree(w, "observations", json_object_get(form, "vitals"));
	write_list(w, "practitioners", json_object_get(p->assignment, "physicians"));
	write_list(w, "dosageOptions", json_object_get(p->medications, "medications"));
	jw_tree(w, "assignment", p->assignment);
	jw_end(w);
	return 0;
}

/* ---- practitioners: the one list that is Canvas's own */

int
practitioners_ask(struct req *r, struct problem *err)
{
	r->asked = canvas_search(r->http, r->arena, r->conf, "/Practitioner?_count=100", err);
	return r->asked == NULL ? -1 : 0;
}

int
practitioners_list(struct req *r, struct problem *err UNUSED)
{
	struct json_writer *w = reply_json(r, 200);
	const json_t *item;
	size_t i;

	jw_object(w, NULL);
	jw_array(w, "practitioners");
	json_array_foreach(json_object_get(r->asked, "entry"), i, item) {
		const char *family = json_text_at(item, "resource.name.0.family"), *given = json_text_at(item, "resource.name.0.given.0");

		jw_object(w, NULL);
		jw_str(w, "id", json_text_at(item, "resource.id"));
		jw_str(w, "name", arena_printf(r->arena, "%s %s", given == NULL ? "" : given, family == NULL ? "" : family));
		jw_opt_str(w, "npi", json_text_at(item, "resource.identifier.0.value"));
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
	return 0;
}
