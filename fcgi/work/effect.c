/*
 * effect.c: the intent of an act at a vendor, and evidence about it from elsewhere (rules M1, M2, M4). effect_job.c sends.
 */
#include "work/work.h"

#include "base/log.h"
#include "crypto/hash.h"
#include "data/attention.h"

static const char intend_sql[] =
    "INSERT INTO effect (id, tenant_id, kind, subject, patient, generation, vendor_key, method, path, content_type,"
    " request_enc, request_digest,"
    "  request_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
    " ON CONFLICT (kind, subject, generation) DO NOTHING";
static const char evidence_sql[] =
    "UPDATE effect SET state = CASE WHEN $3::boolean THEN 'confirmed' ELSE 'refused' END, vendor_ref = coalesce($4, vendor_ref),"
    "  settled_at = clock_timestamp(), updated_at = clock_timestamp()"
    " WHERE id = (SELECT id FROM effect WHERE kind = $1 AND subject = $2 ORDER BY generation DESC LIMIT 1)"
    "  AND state IN ('sent', 'unknown', 'manual') RETURNING id";
/* Its job may sleep until the deadline; what it waited for is here. */
static const char wake_sql[] = "UPDATE job SET run_at = clock_timestamp() WHERE kind = $1 AND unique_key = $2 AND state = 'ready'"
			       " AND run_at > clock_timestamp()";

static const char find_sql[] =
    "SELECT id, state FROM effect WHERE kind = $1 AND subject = $2 ORDER BY generation DESC LIMIT 1 FOR UPDATE";
static const char withdraw_sql[] =
    "UPDATE effect SET state = 'refused', error_code = 'withdrawn', settled_at = clock_timestamp(), updated_at = clock_timestamp()"
    " WHERE id = $1";

static const char *
base32(struct arena *a, const uint8_t *p, size_t n)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	char *out = arena_alloc(a, n * 8 / 5 + 2), *to = out;
	uint32_t bits = 0;
	unsigned have = 0;

	for (size_t i = 0; i < n; i++) {
		bits = bits << 8 | p[i];
		for (have += 8; have >= 5; have -= 5)
			*to++ = alphabet[bits >> (have - 5) & 31];
		bits &= (1u << have) - 1;
	}
	if (have > 0)
		*to++ = alphabet[bits << (5 - have) & 31];
	*to = '\0';
	return out;
}

/* The same for the same act, whenever and by whom it is computed; nobody without the key file can guess it. */
const char *
work_vendor_key(struct db *db, const char *act)
{
	struct bytes mac = vault_mac(db, "work.vendor_key", act);

	return base32(db_current_arena(db), mac.p, mac.n);
}

int
effect_audit(struct db *db, struct uuid id, const char *kind, const char *what, const char *reason, struct problem *err)
{
	struct arena *a = db_current_arena(db);
	char text[UUID_TEXT];
	struct audit_entry e = { .object = "effect", .object_id = uuid_text(id, text), .reason = reason };

	e.action = arena_printf(a, "effect.%s", what);
	e.detail = arena_printf(a, "{\"kind\":\"%s\"}", kind);
	return audit_add(db, &e, err);
}

int
effect_intend(struct db *db, const struct effect_request *q, struct problem *err)
{
	struct arena *a = db_current_arena(db);
	const struct scope *s = db_scope(db);
	struct uuid id = uuid_new();
	int generation = q->generation > 0 ? q->generation : 1;
	uint8_t digest[32];
	char subject[UUID_TEXT];
	const char *key;
	struct bytes sealed;
	int64_t made;

	key = work_vendor_key(db, arena_printf(a, "effect|%s|%s|%d", q->kind, uuid_text(q->subject, subject), generation));
	sha256(q->body, digest);
	if (vault_seal(db, q->patient, "effect", "request_enc", id, q->body, &sealed, err) < 0)
		return -1;
	made = db_exec(db, intend_sql, err, P_UUID(id), P_UUID(s->tenant), P_TEXT(q->kind), P_UUID(q->subject),
	    P_OPT_UUID(q->patient), P_INT(generation), P_TEXT(key), P_TEXT(q->method), P_TEXT(q->path), P_TEXT(q->content_type),
	    P_BYTES(sealed), P_BYTES(BYTES(digest, sizeof(digest))), P_TEXT(s->request_id));
	if (made < 0)
		return -1;
	if (made == 0) /* intended before: those bytes and no others go out */
		return 0;
	if (effect_audit(db, id, q->kind, "intent", NULL, err) < 0)
		return -1;
	return job_enqueue_id(db, q->kind, "effectId", id, err);
}

int
effect_evidence(
    struct db *db, const char *kind, struct uuid subject, bool happened, const char *vendor_ref, bool *did, struct problem *err)
{
	const struct row *w;
	struct uuid id;
	char text[UUID_TEXT];

	*did = false;
	if (db_one(db, &w, evidence_sql, err, P_TEXT(kind), P_UUID(subject), P_BOOL(happened), P_TEXT(vendor_ref)) < 0)
		return -1;
	if (w == NULL)
		return 0;
	id = row_uuid(w, "id");
	if (effect_audit(db, id, kind, happened ? "confirmed" : "refused", "evidence", err) < 0 ||
	    db_exec(db, wake_sql, err, P_TEXT(kind), P_TEXT(uuid_text(id, text))) < 0 ||
	    attention_clear(db, "effect.manual", text, "evidence", err) < 0)
		return -1;
	*did = true;
	return 0;
}

int
effect_withdraw(struct db *db, const char *kind, struct uuid subject, bool *sent, struct problem *err)
{
	const struct row *w;

	*sent = false;
	if (db_one(db, &w, find_sql, err, P_TEXT(kind), P_UUID(subject)) < 0)
		return -1;
	if (w == NULL || strcmp(row_str(w, "state"), "refused") == 0)
		return 0;
	if (strcmp(row_str(w, "state"), "intent") != 0) {
		*sent = true;
		return 0;
	}
	if (db_exec(db, withdraw_sql, err, P_UUID(row_uuid(w, "id"))) < 0)
		return -1;
	return effect_audit(db, row_uuid(w, "id"), kind, "refused", "withdrawn", err);
}

enum verdict
effect_judge_http(const struct http_answer *a)
{
	if (a->status >= 200 && a->status < 300)
		return EFFECT_CONFIRMED;
	if (a->status == 429 || a->status == 408 || a->status == 425 || (a->status == 503 && a->retry_after > 0))
		return EFFECT_RETRY; /* it was turned away before any work */
	if (a->status >= 400 && a->status < 500)
		return EFFECT_REFUSED;
	return EFFECT_UNCERTAIN;
}
