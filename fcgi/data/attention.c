/*
 * attention.c: the row that stands while its cause does, and the event about it. The row's lock puts raising and clearing of one
 * subject in an order, and the event's aggregate, made of kind and subject, keeps it on the way.
 */
#include "core.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "crypto/hash.h"
#include "data/attention.h"
#include "data/event.h"

static const char raise_sql[] =
    "INSERT INTO attention AS a (kind, subject, tenant_id, code, submission_id, patient_id, detail)"
    " VALUES ($1, $2, $3, $4, $5::uuid, $6::uuid, $7::jsonb)"
    " ON CONFLICT (kind, subject) DO UPDATE SET code = excluded.code, detail = excluded.detail, times = a.times + 1,"
    "  submission_id = coalesce(excluded.submission_id, a.submission_id), patient_id = coalesce(excluded.patient_id, a.patient_id)";
static const char clear_sql[] = "DELETE FROM attention WHERE kind = $1 AND subject = $2";

/* The same for the same matter, whenever it is raised: a UUIDv8 over SHA-256. */
static struct uuid
aggregate_of(const char *kind, const char *subject)
{
	struct uuid id;
	uint8_t digest[32];
	struct buf text = BUF_INIT(1024);

	buf_addf(&text, "attention/%s/%s", kind, subject);
	sha256(BYTES(text.data, text.len), digest);
	buf_release(&text);
	memcpy(id.b, digest, sizeof(id.b));
	id.b[6] = (uint8_t)((id.b[6] & 0x0f) | 0x80);
	id.b[8] = (uint8_t)((id.b[8] & 0x3f) | 0x80);
	return id;
}

static const char *
payload_of(struct db *db, const struct attention *what)
{
	struct buf b = buf_in(db_current_arena(db), 16384);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "kind", what->kind);
	jw_str(&w, "subject", what->subject);
	jw_str(&w, "code", what->code);
	if (!uuid_is_nil(what->submission))
		jw_uuid(&w, "submissionId", what->submission);
	if (!uuid_is_nil(what->patient))
		jw_uuid(&w, "patientId", what->patient);
	jw_raw(&w, "detail", what->detail != NULL ? what->detail : "{}");
	jw_end(&w);
	return buf_str(&b);
}

int
attention_raise(struct db *db, const struct attention *what, struct problem *err)
{
	const char *detail = what->detail != NULL ? what->detail : "{}";

	if (db_exec(db, raise_sql, err, P_TEXT(what->kind), P_TEXT(what->subject), P_UUID(db_scope(db)->tenant),
		P_TEXT(what->code), P_OPT_UUID(what->submission), P_OPT_UUID(what->patient), P_TEXT(detail)) < 0)
		return -1;
	log_line(LOG_ERROR, "attention.raised", "kind", what->kind, "subject", what->subject, "code", what->code, NULL);
	metric_add("attention_raised_total", NULL, 1);
	return event_publish(db, ATTENTION_RAISED, aggregate_of(what->kind, what->subject), payload_of(db, what), err);
}

int
attention_clear(struct db *db, const char *kind, const char *subject, const char *why, struct problem *err)
{
	const struct attention was = { .kind = kind, .subject = subject, .code = why };
	int64_t n = db_exec(db, clear_sql, err, P_TEXT(kind), P_TEXT(subject));

	if (n <= 0)
		return n < 0 ? -1 : 0;
	return event_publish(db, ATTENTION_CLEARED, aggregate_of(kind, subject), payload_of(db, &was), err);
}

int
attention_raise_alone(struct db *db, const struct scope *scope, const struct attention *what, struct problem *err)
{
	if (db_begin(db, WRITE, scope, err) < 0)
		return -1;
	if (attention_raise(db, what, err) == 0)
		return db_commit(db, err);
	db_rollback(db);
	return -1;
}
