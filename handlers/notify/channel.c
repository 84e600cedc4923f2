/*
 * channel.c: which channels carry a type (Y-NOTIF-03 to 13). The toggles are rows; a change acts on the next message.
 */
#include "notify/notify.h"

#define CHANNELS "type, email, sms, hubspot, slack, push, in_app"
static const char list_sql[] = "SELECT " CHANNELS " FROM notification_channel_config ORDER BY type";
static const char put_sql[] =
	"UPDATE notification_channel_config SET email = coalesce($2, email), sms = coalesce($3, sms), hubspot = coalesce($4, hubspot),"
	" slack = coalesce($5, slack), push = coalesce($6, push), in_app = coalesce($7, in_app), updated_at = now()"
	" WHERE type = $1 RETURNING " CHANNELS;

static void
channels_to_json(struct json_writer *w, const struct row *row)
{
	jw_object(w, NULL);
	jw_str(w, "type", row_str(row, "type"));
	for (size_t i = 0; channel_names[i] != NULL; i++)
		jw_bool(w, channel_names[i], row_bool(row, channel_names[i]));
	jw_end(w);
}

int
channels_list(struct req *r, struct problem *err)
{
	struct rows *rows;

	if (db_all(r->db, &rows, list_sql, err) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_array(w, "channels");
	for (size_t i = 0; i < rows_count(rows); i++)
		channels_to_json(w, rows_at(rows, i));
	jw_end(w);
	jw_end(w);
	return 0;
}

static struct param
toggle(const struct req *r, const char *channel)
{
	return req_has(r, channel) ? P_BOOL(req_bool(r, channel)) : P_NULL;
}

int
channels_put(struct req *r, struct problem *err)
{
	const struct row *w;

	req_object_text(r, "notification_channel_config", req_str(r, "type"));
	if (db_final(r->db, &w, put_sql, err, P_TEXT(req_str(r, "type")), toggle(r, "email"), toggle(r, "sms"), toggle(r, "hubspot"),
	    toggle(r, "slack"), toggle(r, "push"), toggle(r, "in_app")) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "unknown_type", "no such message type");
	channels_to_json(reply_json(r, 200), w);
	return 0;
}
