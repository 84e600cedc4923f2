/* webhook.c: webhooks as rows: kept once with their job, opened for it, handled, handled again. */
#include "core.h"

#include "base/json.h"
#include "crypto/hash.h"
#include "data/job.h"
#include "data/vault.h"
#include "data/webhook.h"

#define MOST_EVENTS 1000
#define ID_MOST     200

const struct conf_key webhook_conf[] = {
	{ "WEBHOOK_SWEEP", CONF_SECS, .dflt = "15m", .says = "how often vendors are asked for events that never arrived" },
	{ "WEBHOOK_KEEP", CONF_SECS, .dflt = "90d", .says = "how long received webhooks are kept and repeats known; at least 35 days" },
	{ 0 }
};

static const char keep_sql[] =
    "INSERT INTO webhook (id, vendor, event_id, type, object_id, via, state, outcome, body_enc, digest, happened_at, handled_at)"
    " VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN $7::text IS NULL THEN 'received' ELSE 'ignored' END, $7, $8, $9, $10,"
    "  CASE WHEN $7::text IS NOT NULL THEN now() END) ON CONFLICT ON CONSTRAINT webhook_once DO NOTHING";
static const char known_sql[] = "SELECT 1 FROM webhook WHERE vendor = $1 AND event_id = $2";
static const char load_sql[] =
    "SELECT id, vendor, event_id, type, object_id, body_enc, happened_at FROM webhook WHERE id = $1";
static const char handled_sql[] = "UPDATE webhook SET state = 'handled', outcome = $2, handled_at = now() WHERE id = $1"
				  " AND state IN ('received', 'handled')";
static const char replay_sql[] =
    "UPDATE webhook SET state = 'received', outcome = NULL, handled_at = NULL, replays = replays + 1 WHERE id = $1"
    " AND body_enc IS NOT NULL RETURNING object_id";

static int
enqueue(struct db *db, const struct webhook_source *s, struct uuid id, const char *object, struct problem *err)
{
	struct arena *a = db_current_arena(db);
	char text[UUID_TEXT];
	const struct job_spec spec = { .kind = s->job,
		.args = arena_printf(a, "{\"id\":\"%s\"}", uuid_text(id, text)),
		.unique_key = text,
		.serial_key = object == NULL ? NULL : arena_printf(a, "webhook/%s/%s", s->vendor, object) };

	return job_enqueue(db, &spec, err);
}

int
webhook_keep(struct db *db, const struct webhook_source *s, struct webhook_event *e, const char *via, bool *fresh, struct problem *err)
{
	struct bytes sealed;
	uint8_t digest[32];
	const struct row *w;
	int64_t n;

	*fresh = false;
	if (e->event_id == NULL || *e->event_id == '\0' || strlen(e->event_id) > ID_MOST || e->type == NULL)
		return problem(err, 400, "malformed_event", "an event has an id and a type");
	/* Most repeats come after the first was answered: they cost one look, no sealing and no write. */
	if (db_one(db, &w, known_sql, err, P_TEXT(s->vendor), P_TEXT(e->event_id)) < 0)
		return -1;
	if (w != NULL)
		return 0;
	e->id = uuid_new();
	e->vendor = s->vendor;
	sha256(e->body, digest);
	if (vault_seal(db, e->patient, "webhook", "body_enc", e->id, e->body, &sealed, err) < 0)
		return -1;
	n = db_exec(db, keep_sql, err, P_UUID(e->id), P_TEXT(s->vendor), P_TEXT(e->event_id), P_TEXT(e->type), P_TEXT(e->object_id),
	    P_TEXT(via), P_TEXT(e->ignore), P_BYTES(sealed), P_BYTES(BYTES(digest, sizeof(digest))), P_TIME(e->happened_at));
	if (n < 0)
		return -1;
	*fresh = n > 0;
	return *fresh && e->ignore == NULL ? enqueue(db, s, e->id, e->object_id, err) : 0;
}

int
webhook_keep_all(struct db *db, const struct conf *conf, const struct webhook_source *s, struct bytes raw, const json_t *message,
    const char *via, unsigned *n, struct problem *err)
{
	struct arena *a = db_current_arena(db);

	*n = 0;
	for (size_t i = 0; i < MOST_EVENTS; i++) {
		struct webhook_event e = { .vendor = s->vendor, .body = raw, .json = message };
		int more = s->read(a, conf, raw, message, i, &e, err);
		bool fresh;

		if (more < 0)
			return -1;
		if (more == 0)
			return 0;
		if ((s->admit != NULL && s->admit(db, &e, err) < 0) || webhook_keep(db, s, &e, via, &fresh, err) < 0)
			return -1;
		*n += fresh ? 1 : 0;
	}
	return problem(err, 400, "malformed_event", "a message holds more than %d events", MOST_EVENTS);
}

int
webhook_load(struct db *db, struct uuid id, struct webhook_event *ret, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, load_sql, err, P_UUID(id)) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "not_found", "no such webhook");
	*ret = (struct webhook_event){ .id = id,
		.vendor = row_str(w, "vendor"),
		.event_id = row_str(w, "event_id"),
		.type = row_str(w, "type"),
		.object_id = row_opt_str(w, "object_id"),
		.happened_at = row_time(w, "happened_at") };
	if (row_is_null(w, "body_enc"))
		return 0;
	if (vault_open(db, "webhook", "body_enc", id, row_bytes(w, "body_enc"), &ret->body, err) < 0)
		return -1;
	return 0;
}

int
webhook_handled(struct db *db, const struct webhook_event *e, const char *outcome, struct problem *err)
{
	return db_exec(db, handled_sql, err, P_UUID(e->id), P_TEXT(outcome)) < 0 ? -1 : 0;
}

int
webhook_replay(struct db *db, const struct webhook_source *s, struct uuid id, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, replay_sql, err, P_UUID(id)) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "not_found", "no such webhook, or its bytes are gone");
	return enqueue(db, s, id, row_opt_str(w, "object_id"), err);
}
