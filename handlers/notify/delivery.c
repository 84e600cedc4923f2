/*
 * delivery.c: one message on one channel: find the address, render, and hand the finished request to the channel's effect. The text is sealed with the
 * effect's request; the log keeps ids and states.
 */
#include "base/template.h"
#include "data/attention.h"
#include "notify/notify.h"

static const char load_sql[] =
	"SELECT l.id, l.channel, l.status, m.id AS message_id, m.type, m.patient_id, m.recipient_enc, m.variables_enc"
	"  FROM notification_log l JOIN notification_messages m ON m.id = l.message_id WHERE l.id = $1";
static const char end_sql[] =
	"UPDATE notification_log l SET status = $2, provider_id = coalesce($3, provider_id), error_code = $4, updated_at = now()"
	"  FROM notification_messages m WHERE l.id = $1 AND m.id = l.message_id AND (l.status IN ('queued', 'unknown')"
	"  OR (l.status = 'sent' AND $2 IN ('delivered', 'failed')))"
	" RETURNING l.channel, m.id AS message_id, m.type, m.patient_id, m.submission_id";
/* Verification codes end with whoever asked for them: most bad addresses are typed there. */
static const char reached_sql[] =
	"SELECT 1 FROM notification_log WHERE message_id = $1 AND status IN ('queued', 'unknown', 'sent', 'delivered') LIMIT 1";
static const char template_sql[] = "UPDATE notification_log SET template_id = nullif($2::bigint, 0), updated_at = now() WHERE id = $1";

struct delivery {
	struct uuid id;
	struct uuid patient;
	const char *channel;
	const char *type;
	json_t *recipient;
	json_t *view;
	struct message_template template;
	const char *code;		/* of its short link; NULL: the message has none */
};

static json_t *
open_json(struct job *j, const struct row *w, const char *column, struct problem *err)
{
	struct bytes plain;

	if (vault_open(j->db, "notification_messages", column, row_uuid(w, "message_id"), row_bytes(w, column), &plain, err) < 0)
		return NULL;
	return json_read(j->arena, (const char *)plain.p, plain.n, err);
}

/* The drug goes to the e-mail of those who agreed, and nowhere else. A link gets its short form where the view has one. */
static int
complete_view(struct job *j, struct delivery *d, struct problem *err)
{
	bool detailed;

	if (preference_detailed(j->db, d->patient, &detailed, err) < 0)
		return -1;
	if (!detailed || strcmp(d->channel, "email") != 0)
		json_object_del(d->view, "drugName");
	if (json_text_at(d->view, "link") == NULL || d->template.body == NULL || strstr(d->template.body, "shortLink") == NULL)
		return 0;
	d->code = short_link_code(j->db, d->id);
	json_object_set_new(d->view, "shortLink", json_string(arena_printf(j->arena, "%s/l/%s", conf_str(j->conf, "PUBLIC_BASE_URL"), d->code)));
	return 0;
}

static int
load(struct job *j, struct delivery *d, struct problem *err)
{
	const struct row *w;

	if (job_read(j, err) < 0 || db_one(j->db, &w, load_sql, err, P_UUID(job_uuid(j, "delivery"))) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "not_found", "no such delivery");
	d->id = row_uuid(w, "id");
	d->patient = row_uuid(w, "patient_id");
	d->channel = row_str(w, "channel");
	d->type = row_str(w, "type");
	if ((d->recipient = open_json(j, w, "recipient_enc", err)) == NULL || (d->view = open_json(j, w, "variables_enc", err)) == NULL ||
	    message_template(j->db, j->conf, d->type, d->channel, &d->template, err) < 0 || complete_view(j, d, err) < 0)
		return -1;
	return job_read_end(j, err);
}

/* A patient's address is asked for when it is needed: intake owns it. Whoever knows the patient from elsewhere gives it along. */
static int
find_contact(struct job *j, struct delivery *d, struct problem *err)
{
	struct peer_reply reply;
	char id[UUID_TEXT];

	if (uuid_is_nil(d->patient) || json_text_at(d->recipient, "email") != NULL || json_text_at(d->recipient, "phone") != NULL)
		return 0;
	if (job_ask(j, &(struct peer_call){ .service = "intake", .method = "GET",
	    .path = arena_printf(j->arena, "/intake/contacts/%s", uuid_text(d->patient, id)) }, &reply, err) < 0)
		return -1;
	json_object_update_missing(d->recipient, reply.body);
	json_object_set(d->view, "firstName", json_object_get(reply.body, "firstName"));
	return 0;
}

static int
give_up(struct job *j, const struct delivery *d, const char *status, const char *code, struct problem *err)
{
	if (job_begin(j, err) < 0 || delivery_end(j->db, d->id, status, NULL, code, err) < 0)
		return -1;
	return job_end(j, err);
}

static int
render(struct job *j, const struct delivery *d, const char *text, struct buf *out, struct problem *err)
{
	*out = buf_in(j->arena, 64 * 1024);
	return template_render(text == NULL ? "" : text, TEMPLATE_TEXT, d->view, NULL, NULL, out, err);
}

static int
intend(struct job *j, const struct delivery *d, const char *to, struct problem *err)
{
	struct effect_request q = { .subject = d->id, .patient = d->patient, .generation = 1, .method = "POST" };
	struct buf subject, text;

	if (render(j, d, d->template.subject, &subject, err) < 0 || render(j, d, d->template.body, &text, err) < 0)
		return -1;
	if (strcmp(d->channel, "email") == 0) {
		q.kind = "sendgrid.send";
		q.path = "/v3/mail/send";
		q.content_type = "application/json";
		q.body = sendgrid_body(j, d->id, to, subject.data, text.data);
	} else if (strcmp(d->channel, "sms") == 0) {
		q.kind = "twilio.send";
		q.path = arena_printf(j->arena, "/2010-04-01/Accounts/%s/Messages.json", conf_str(j->conf, "TWILIO_ACCOUNT_SID"));
		q.content_type = "application/x-www-form-urlencoded";
		q.body = twilio_body(j, to, text.data);
	} else if (strcmp(d->channel, "hubspot") == 0) {
		q.kind = "hubspot.contact";
		q.path = "/crm/v3/objects/contacts/batch/upsert";
		q.content_type = "application/json";
		q.body = hubspot_body(j, to, json_text_at(d->view, "firstName"), json_text_at(d->recipient, "phone"));
	} else {
		q.kind = "slack.post";
		q.path = "";
		q.content_type = "application/json";
		q.body = slack_body(j, text.data);
	}
	if (job_begin(j, err) < 0 || (d->code != NULL && short_link_keep(j->db, d->id, d->patient, d->code, json_text_at(d->view, "link"),
	    json_text_at(d->view, "linkExpiresAt"), err) < 0) || effect_intend(j->db, &q, err) < 0 ||
	    db_exec(j->db, template_sql, err, P_UUID(d->id), P_INT(d->template.id)) < 0)
		return -1;
	return job_end(j, err);
}

int
deliver_job(struct job *j, struct problem *err)
{
	struct delivery d = { 0 };
	const char *to = "";
	bool contact;

	if (load(j, &d, err) < 0)
		return -1;
	contact = strcmp(d.channel, "hubspot") == 0;
	if (contact && *conf_str(j->conf, "HUBSPOT_TOKEN") == '\0')
		return give_up(j, &d, "not_configured", "no_token", err);
	if (!contact && d.template.body == NULL)
		return give_up(j, &d, "not_configured", "no_template", err);
	if (find_contact(j, &d, err) < 0)
		return -1;
	if (strcmp(d.channel, "slack") != 0) {
		to = json_text_at(d.recipient, strcmp(d.channel, "sms") == 0 ? "phone" : "email");
		if (to == NULL)
			return give_up(j, &d, "no_address", NULL, err);
	}
	return intend(j, &d, to, err);
}

static int
call_for_person(struct db *db, const struct row *w, const char *status, const char *error_code, struct problem *err)
{
	char id[UUID_TEXT];
	const struct row *reached;

	if ((strcmp(status, "failed") != 0 && strcmp(status, "no_address") != 0) || strcmp(row_str(w, "type"), "verification_code") == 0)
		return 0;
	if (db_one(db, &reached, reached_sql, err, P_UUID(row_uuid(w, "message_id"))) < 0)
		return -1;
	if (reached != NULL)
		return 0;
	return attention_raise(db, &(struct attention){ .kind = "notification.undeliverable", .subject = uuid_text(row_uuid(w, "message_id"), id),
	    .code = error_code != NULL && *error_code != '\0' ? error_code : status, .submission = row_uuid(w, "submission_id"), .patient = row_uuid(w, "patient_id"),
	    .detail = arena_printf(db_current_arena(db), "{\"type\":\"%s\",\"channel\":\"%s\"}", row_str(w, "type"), row_str(w, "channel")) }, err);
}

int
delivery_end(struct db *db, struct uuid id, const char *status, const char *provider_id, const char *error_code, struct problem *err)
{
	struct buf b = buf_in(db_current_arena(db), 2048);
	struct json_writer w;
	const struct row *row;

	if (db_one(db, &row, end_sql, err, P_UUID(id), P_TEXT(status), P_TEXT(provider_id), P_TEXT(error_code)) < 0)
		return -1;
	if (row == NULL)
		return 0;	/* ended before: a state that is final never moves back */
	if (call_for_person(db, row, status, error_code, err) < 0)
		return -1;
	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "notificationId", row_uuid(row, "message_id"));
	jw_str(&w, "type", row_str(row, "type"));
	jw_str(&w, "channel", row_str(row, "channel"));
	jw_str(&w, "status", status);
	if (!row_is_null(row, "submission_id"))
		jw_uuid(&w, "submissionId", row_uuid(row, "submission_id"));
	if (!row_is_null(row, "patient_id"))
		jw_uuid(&w, "patientId", row_uuid(row, "patient_id"));
	jw_end(&w);
	return event_publish(db, "notification.sent", row_uuid(row, "message_id"), b.data, err);
}
