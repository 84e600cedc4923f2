/*
 * message.c: taking a message (Y-NOTIF-U1). The message and one delivery per channel of the matrix are rows of the caller's transaction; what has an
 * address, or a patient to ask for one, becomes a job of that channel's queue.
 */
#include "notify/notify.h"

static const char insert_sql[] =
	"INSERT INTO notification_messages (id, type, message_key, caller, patient_id, submission_id, recipient_enc, variables_enc)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT ON CONSTRAINT notification_messages_once DO NOTHING";
static const char find_sql[] = "SELECT id FROM notification_messages WHERE type = $1 AND message_key = $2";
static const char toggles_sql[] = "SELECT email, sms, hubspot, slack, push, in_app FROM notification_channel_config WHERE type = $1";
static const char delivery_sql[] = "INSERT INTO notification_log (id, message_id, channel, status) VALUES ($1, $2, $3, $4)";
static const char log_sql[] = "SELECT channel, status FROM notification_log WHERE message_id = $1 ORDER BY channel";

/* Per channel: the job that delivers it, and the recipient's member that is its address. */
static const struct {
	const char *channel;
	const char *job;
	const char *address;
} carriers[] = {
	{ "email", "notify.email", "email" },
	{ "sms", "notify.sms", "phone" },
	{ "slack", "notify.slack", NULL },
	{ "hubspot", "notify.hubspot", "email" },
};

static const char *
job_of(const char *channel, bool *reachable, const json_t *recipient, bool patient)
{
	for (size_t i = 0; i < COUNT(carriers); i++)
		if (strcmp(carriers[i].channel, channel) == 0) {
			*reachable = carriers[i].address == NULL || patient || json_object_get(recipient, carriers[i].address) != NULL;
			return carriers[i].job;
		}
	return NULL;
}

static int
add_delivery(struct db *db, struct uuid message, const char *channel, bool on, const json_t *recipient, bool patient, struct problem *err)
{
	struct uuid id = uuid_new();
	bool reachable = false;
	const char *job = job_of(channel, &reachable, recipient, patient);
	const char *status = !on ? "suppressed" : job == NULL ? "not_configured" : !reachable ? "no_address" : "queued";

	if (db_exec(db, delivery_sql, err, P_UUID(id), P_UUID(message), P_TEXT(channel), P_TEXT(status)) < 0)
		return -1;
	return strcmp(status, "queued") == 0 ? job_enqueue_id(db, job, "delivery", id, err) : 0;
}

static int
add_deliveries(struct db *db, const struct message *m, struct uuid id, struct problem *err)
{
	json_t *recipient = json_read(db_current_arena(db), m->recipient, strlen(m->recipient), err);
	const struct row *toggles;

	if (recipient == NULL || db_one(db, &toggles, toggles_sql, err, P_TEXT(m->type)) < 0)
		return -1;
	if (toggles == NULL)
		return problem(err, 422, "unknown_type", "message type %s has no row in the channel matrix", m->type);
	for (size_t i = 0; channel_names[i] != NULL; i++) {
		bool on = row_bool(toggles, channel_names[i]);

		/* What a person switched off is worth a line; what the matrix never had is not. */
		if (!on && i > 1)
			continue;
		if (add_delivery(db, id, channel_names[i], on, recipient, !uuid_is_nil(m->patient_id), err) < 0)
			return -1;
	}
	return 0;
}

int
message_take(struct db *db, const struct message *m, struct uuid *id, struct problem *err)
{
	struct bytes recipient, variables;
	const struct row *w;
	int64_t new;

	*id = uuid_new();
	if (vault_seal(db, m->patient_id, "notification_messages", "recipient_enc", *id, BYTES_OF(m->recipient), &recipient, err) < 0 ||
	    vault_seal(db, m->patient_id, "notification_messages", "variables_enc", *id, BYTES_OF(m->variables), &variables, err) < 0)
		return -1;
	new = db_exec(db, insert_sql, err, P_UUID(*id), P_TEXT(m->type), P_TEXT(m->key), P_TEXT(m->caller), P_OPT_UUID(m->patient_id),
	    P_OPT_UUID(m->submission_id), P_BYTES(recipient), P_BYTES(variables));
	if (new < 0)
		return -1;
	if (new > 0)
		return add_deliveries(db, m, *id, err);
	if (db_one(db, &w, find_sql, err, P_TEXT(m->type), P_TEXT(m->key)) < 0)
		return -1;
	*id = row_uuid(w, "id");
	return 0;
}

static const char *
dumped(struct req *r, const char *member)
{
	json_t *v = req_json(r, member);
	char *text = v == NULL ? NULL : json_dumps(v, JSON_COMPACT);

	if (text == NULL)
		return "{}";
	arena_defer(r->arena, free, text);
	return text;
}

static struct uuid
uuid_member(const json_t *o, const char *name)
{
	struct uuid u = UUID_NIL;
	const char *s = json_text_at(o, name);

	if (s != NULL && uuid_parse(s, &u) < 0)
		return UUID_NIL;
	return u;
}

int
message_send(struct req *r, struct problem *err)
{
	struct message m = {
		.type = req_str(r, "type"), .key = req_str(r, "messageKey"), .caller = r->caller,
		.patient_id = uuid_member(req_json(r, "recipient"), "patientId"),
		.submission_id = uuid_member(req_json(r, "variables"), "submissionId"),
		.recipient = dumped(r, "recipient"), .variables = dumped(r, "variables"),
	};
	struct rows *rows;
	struct uuid id;

	if (message_take(r->db, &m, &id, err) < 0)
		return -1;
	req_object(r, "notification_messages", id);
	if (db_all(r->db, &rows, log_sql, err, P_UUID(id)) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 202);
	jw_object(w, NULL);
	jw_uuid(w, "notificationId", id);
	jw_array(w, "channels");
	for (size_t i = 0; i < rows_count(rows); i++) {
		jw_object(w, NULL);
		jw_str(w, "channel", row_str(rows_at(rows, i), "channel"));
		jw_str(w, "status", row_str(rows_at(rows, i), "status"));
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
	return 0;
}

/* A submitted intake is welcomed. */
int
on_intake_submitted(struct event *e, struct problem *err)
{
	struct uuid patient = event_uuid(e, "patientId"), id;
	char text[UUID_TEXT];

	return message_take(e->db, &(struct message){ .type = "welcome", .key = event_str(e, "submissionId"), .caller = e->source,
	    .patient_id = patient, .submission_id = event_uuid(e, "submissionId"),
	    .recipient = arena_printf(e->arena, "{\"patientId\":\"%s\"}", uuid_text(patient, text)), .variables = "{}" }, &id, err);
}
