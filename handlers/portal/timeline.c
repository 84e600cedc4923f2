/*
 * timeline.c: what happened to a case, in the words of a table. A topic that is not in it is shown by its name.
 */
#include "base/clock.h"
#include "data/attention.h"
#include "portal/portal.h"

static const char insert_sql[] =
	"INSERT INTO timeline_entries (event_id, submission_id, at, service, topic, what, attention)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb) ON CONFLICT DO NOTHING";
static const char show_sql[] =
	"SELECT submission_id, at, service, topic, what FROM timeline_entries WHERE submission_id = $1 ORDER BY at, event_id LIMIT 500";
static const char last_sql[] =
	"SELECT t.submission_id, t.at, t.service, t.topic, t.what, l.began FROM timeline_entries t"
	"  JOIN (SELECT submission_id, min(at) AS began FROM timeline_entries WHERE submission_id IS NOT NULL GROUP BY submission_id"
	"        ORDER BY began DESC LIMIT $1) l"
	"    USING (submission_id)"
	" ORDER BY l.began DESC, t.submission_id, t.at, t.event_id";

static const char forget_sql[] =
	"DELETE FROM timeline_entries WHERE service = $1 AND at >= $2 AND ($3::text IS NULL OR topic = $3)";

/* The stream's (web/stream.h). The sequence never goes back, so that a line that was rebuilt is told again. */
static const char settle_sql[] =
	"UPDATE timeline_entries t SET position = s.position FROM ("
	"  SELECT event_id, nextval('timeline_position') AS position FROM ("
	"    SELECT event_id FROM timeline_entries WHERE position IS NULL ORDER BY n LIMIT $1) o) s"
	" WHERE t.event_id = s.event_id";
static const char read_sql[] =
	"SELECT position, topic AS event, json_strip_nulls(json_build_object('eventId', event_id,"
	"  'at', to_char(at, 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), 'service', service, 'topic', topic, 'submissionId', submission_id,"
	"  'what', what, 'attention', attention))::text AS data"
	" FROM timeline_entries WHERE position > $1 ORDER BY position LIMIT $2";
static const char end_sql[] = "SELECT position FROM timeline_entries WHERE position IS NOT NULL ORDER BY position DESC LIMIT 1";
const struct stream timeline_stream = { .settle = settle_sql, .read = read_sql, .end = end_sql };

/* The phrase of a topic; %s is filled with the payload member, when there is one. */
static const struct {
	const char *topic;
	const char *phrase;
	const char *members[2];
} phrases[] = {
	{ "intake.submitted", "intake submitted from %s (%s)", { "state", "intakeType" } },
	{ "ehr.patient.created", "patient in the EHR", { NULL } },
	{ "ehr.task.created", "Rx Review task opened", { NULL } },
	{ "ehr.note.created", "H&P note filed", { NULL } },
	{ "assignment.opened", "offered to %s physicians", { "physicians" } },
	{ "assignment.claimed", "claimed by physician %s", { "physicianId" } },
	{ "assignment.completed", "assignment completed: %s", { "outcome" } },
	{ "prescription.decided", "physician decided: %s", { "outcome" } },
	{ "orchestration.step", "step %s: %s", { "step", "state" } },
	{ "orchestration.finished", "run %s %s", { "state", "reason" } },
	{ "payment.authorized", "%s cents authorised", { "amountCents" } },
	{ "payment.failed", "card declined: %s", { "code" } },
	{ "payment.captured", "%s cents captured", { "amountCents" } },
	{ "payment.cancelled", "authorisation released", { NULL } },
	{ "rx.submission.updated", "pharmacy %s: %s", { "pharmacy", "status" } },
	{ "notification.sent", "message %s by %s", { "type", "channel" } },
	{ "shipment.updated", "parcel %s %s", { "status", "trackingNumber" } },
	{ "prescription.intake.received", "prescription arrived for %s", { "drug_ndc" } },
	{ "prescription.validation.completed", "prescription validated", { NULL } },
	{ "prescription.status.changed", "prescription is %s", { "to" } },
	{ "patient.enrollment.completed", "patient enrolled", { NULL } },
	{ "pharmacy.recommended", "%s pharmacies recommended", { "count" } },
	{ "pharmacy.selected", "pharmacy selected: %s", { "pharmacy_name" } },
	{ "insurance.adjudication.completed", "adjudicated: of %s cents the patient pays %s", { "drug_cost_cents", "final_copay_cents" } },
	{ "adjudication.prior_auth.required", "prior authorisation required", { NULL } },
	{ "adjudication.rejected", "claim rejected: %s", { "code" } },
	{ "payment.link.created", "payment link for %s cents", { "amount_cents" } },
	{ "payment.completed", "%s cents paid", { "amount_paid" } },
	{ "payment.link.expired", "payment link expired", { NULL } },
	{ "shipment.label.created", "label bought: %s %s", { "carrier", "tracking_number" } },
	{ "shipment.moved", "parcel %s", { "status" } },
	{ "shipment.delivered", "parcel delivered", { NULL } },
	{ "case.submitted", "form submitted from %s (%s)", { "state", "intake_type" } },
	{ "case.created", "case opened", { NULL } },
	{ "case.eligibility.decided", "eligibility decided", { NULL } },
	{ "case.voucher.issued", "voucher issued", { NULL } },
	{ "case.provider.assigned", "provider %s assigned", { "provider_id" } },
	{ "case.prescribed", "prescribed", { NULL } },
	{ "case.status.changed", "case is %s", { "to" } },
	{ "order.updated", "order %s", { "status" } },
	{ ATTENTION_RAISED, "a person must look: %s, %s", { "kind", "code" } },
	{ ATTENTION_CLEARED, "nobody need look any more: %s, %s", { "kind", "code" } },
};

static const char *
member_text(const struct event *e, const char *name)
{
	const json_t *v = name == NULL ? NULL : json_object_get(e->payload, name);

	if (json_is_integer(v))
		return arena_printf(e->arena, "%lld", (long long)json_integer_value(v));
	return json_is_string(v) ? json_string_value(v) : "";
}

static const char *
phrase_of(const struct event *e)
{
	for (size_t i = 0; i < COUNT(phrases); i++) {
		const char *from = phrases[i].phrase, *hole;
		struct buf b;

		if (strcmp(phrases[i].topic, e->topic) != 0)
			continue;
		b = buf_in(e->arena, 1024);
		for (size_t m = 0; (hole = strstr(from, "%s")) != NULL; m++) {
			buf_addn(&b, from, (size_t)(hole - from));
			buf_add(&b, m < COUNT(phrases[i].members) ? member_text(e, phrases[i].members[m]) : "");
			from = hole + 2;
		}
		buf_add(&b, from);
		return buf_str(&b);
	}
	return e->topic;
}

/* Which work item it is about, so that a console that listens knows which one of its list to ask for again. NULL: about none. */
static const char *
attention_of(const struct event *e)
{
	struct buf b = buf_in(e->arena, 2048);
	struct json_writer w;

	if (strcmp(e->topic, ATTENTION_RAISED) != 0 && strcmp(e->topic, ATTENTION_CLEARED) != 0)
		return NULL;
	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "kind", event_str(e, "kind"));
	jw_str(&w, "subject", event_str(e, "subject"));
	jw_str(&w, "code", event_str(e, "code"));
	jw_end(&w);
	return buf_str(&b);
}

/* Whose line it is: an intake's submission, a case, or a prescription that came from outside. */
static struct uuid
subject_of(const struct event *e)
{
	static const char *const members[] = { "submissionId", "case_id", "prescription_id" };
	struct uuid id = UUID_NIL;

	for (size_t i = 0; i < COUNT(members) && uuid_is_nil(id); i++)
		id = event_uuid(e, members[i]);
	return id;
}

int
on_any_event(struct event *e, struct problem *err)
{
	struct uuid submission = subject_of(e);
	const char *attention = attention_of(e);

	if (uuid_is_nil(submission) && attention == NULL)
		return 0;	/* it belongs to no case */
	return db_exec(e->db, insert_sql, err, P_UUID(e->id), P_OPT_UUID(submission), P_TIME(e->occurred_at), P_TEXT(e->source), P_TEXT(e->topic),
	    P_TEXT(phrase_of(e)), P_TEXT(attention)) < 0 ? -1 : 0;
}

int
timeline_forget(struct db *db, const char *source, const char *topic, int64_t from, struct problem *err)
{
	return db_exec(db, forget_sql, err, P_TEXT(source), P_TIME(from), P_TEXT(topic)) < 0 ? -1 : 0;
}

static void
entry_to_json(struct json_writer *w, const struct row *row)
{
	jw_object(w, NULL);
	jw_time(w, "at", row_time(row, "at"));
	jw_str(w, "service", row_str(row, "service"));
	jw_str(w, "topic", row_str(row, "topic"));
	jw_str(w, "what", row_str(row, "what"));
	jw_end(w);
}

int
timeline_show(struct req *r, struct problem *err)
{
	struct rows *rows;

	if (db_all(r->db, &rows, show_sql, err, P_UUID(req_uuid(r, "submissionId"))) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_array(w, "entries");
	for (size_t i = 0; i < rows_count(rows); i++)
		entry_to_json(w, rows_at(rows, i));
	jw_end(w);
	jw_end(w);
	return 0;
}

int
timelines_list(struct req *r, struct problem *err)
{
	struct uuid open = UUID_NIL;
	struct rows *rows;

	if (db_all(r->db, &rows, last_sql, err, P_INT(req_int(r, "limit", 20))) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_array(w, "timelines");
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *row = rows_at(rows, i);
		struct uuid submission = row_uuid(row, "submission_id");

		if (!uuid_equal(submission, open)) {
			if (!uuid_is_nil(open)) {
				jw_end(w);
				jw_end(w);
			}
			jw_object(w, NULL);
			jw_uuid(w, "submissionId", submission);
			jw_array(w, "entries");
			open = submission;
		}
		entry_to_json(w, row);
	}
	if (!uuid_is_nil(open)) {
		jw_end(w);
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
	return 0;
}

static json_t *
line_view(const struct row *row, int64_t began)
{
	char seconds[32];

	(void)snprintf(seconds, sizeof(seconds), "%+.2f s", (double)(row_time(row, "at") - began) / (double)US_PER_S);
	return json_pack("{ssssss}", "since", seconds, "service", row_str(row, "service"), "what", row_str(row, "what"));
}

json_t *
timelines_view(struct db *db, int64_t limit, struct problem *err)
{
	json_t *list, *lines = NULL;
	struct uuid open = UUID_NIL;
	struct rows *rows;

	if (db_all(db, &rows, last_sql, err, P_INT(limit)) < 0)
		return NULL;
	list = json_array();
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *row = rows_at(rows, i);
		struct uuid submission = row_uuid(row, "submission_id");
		char id[UUID_TEXT], began[CLOCK_TEXT];

		if (!uuid_equal(submission, open)) {
			lines = json_array();
			json_array_append_new(list, json_pack("{ssssso}", "submissionId", uuid_text(submission, id),
			    "began", clock_text(row_time(row, "began"), began), "lines", lines));
			open = submission;
		}
		json_array_append_new(lines, line_view(row, row_time(row, "began")));
	}
	return list;
}
