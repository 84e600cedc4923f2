/*
 * outbox.c: GET /sandbox/outbox, the messages that "left": a journey reads its verification code here. Table: message.
 */
#include "sandbox/sandbox_own.h"

static const char add_sql[] = "INSERT INTO message (channel, recipient, subject, body) VALUES ($1, $2, $3, $4)";

static const char list_sql[] =
	"SELECT * FROM (SELECT seq, channel, recipient, subject, body, at FROM message"
	" WHERE ($1::text IS NULL OR lower(recipient) = lower($1)) AND ($2::text IS NULL OR channel = $2) AND seq > $3::bigint"
	" ORDER BY seq DESC LIMIT $4::bigint) newest ORDER BY seq";

int
sb_outbox_add(struct db *db, const char *channel, const char *recipient, const char *subject, const char *body, struct problem *err)
{
	return db_exec(db, add_sql, err, P_TEXT(channel), P_TEXT(recipient), P_TEXT(subject), P_TEXT(body)) < 0 ? -1 : 0;
}

int
sb_outbox(struct req *r, struct problem *err)
{
	struct json_writer *w;
	struct rows *rows;

	if (db_all(r->db, &rows, list_sql, err, P_TEXT(req_opt_str(r, "to")), P_TEXT(req_opt_str(r, "channel")),
	    P_INT(req_int(r, "since", 0)), P_INT(req_int(r, "limit", 200))) < 0)
		return -1;
	w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_array(w, "messages");
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *x = rows_at(rows, i);

		jw_object(w, NULL);
		jw_int(w, "seq", row_int(x, "seq"));
		jw_str(w, "channel", row_str(x, "channel"));
		jw_str(w, "to", row_str(x, "recipient"));
		jw_opt_str(w, "subject", row_opt_str(x, "subject"));
		jw_str(w, "text", row_str(x, "body"));
		jw_time(w, "at", row_time(x, "at"));
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
	return 0;
}
