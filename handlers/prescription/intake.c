/*
 * intake.c: a message arrives (P-INTK-01 to 06). It is XML, or XML inside JSON; the answer is JSON, or a SCRIPT message for who asks for XML.
 *
 * Whatever the network repeats is answered as it was the first time: a message by its sender and MessageID, for good; the same
 * prescription under another MessageID for five minutes.
 */
#include "base/clock.h"
#include "crypto/hash.h"
#include "data/ttl.h"
#include "prescription/prescription.h"

#define DEDUPE_S 300

static const char seen_sql[] =
	"SELECT prescription_id, outcome, status, answer, digest FROM script_messages WHERE direction = 'in' AND party = $1 AND message_id = $2";
static const char keep_sql[] =
	"INSERT INTO script_messages (id, direction, party, message_id, kind, digest, prescription_id, outcome, status, answer)"
	" VALUES ($1, 'in', $2, $3, $4, $5::bytea, $6, $7, $8, $9) ON CONFLICT ON CONSTRAINT script_messages_once DO NOTHING";
static const char alone_sql[] = "SELECT 1 AS one FROM (SELECT pg_advisory_xact_lock(hashtextextended($1, 0))) l";
static const char insert_sql[] =
	"INSERT INTO prescriptions (id, source, patient_id, sender, message_id, order_number, is_signed, is_test, raw_enc)"
	" VALUES ($1, 'ncpdp', $2, $3, $4, $5, $6, $7, $8::bytea)";
static const char prescriber_sql[] =
	"INSERT INTO prescribers (npi, last_name, first_name, phone) VALUES ($1, $2, $3, $4) ON CONFLICT (tenant_id, npi) DO UPDATE SET"
	" last_name = excluded.last_name, first_name = coalesce(excluded.first_name, prescribers.first_name),"
	" phone = coalesce(excluded.phone, prescribers.phone), prescriptions = prescribers.prescriptions + 1, last_seen = now()";

static const char *const formats[] = { "xml", "ncpdp", "ncpdp_script", NULL };
static const struct field wrapped[] = {
	{ "payload", STRING, .required = true, .min = 1, .max = 1024 * 1024, .says = "the message" },
	{ "format", ENUM, .values = formats, .says = "what it is" },
	{ 0 }
};

/* ---- what came */

static bool
header_has(const struct req *r, const char *name, const char *word)
{
	const char *h = req_header(r, name);

	return h != NULL && strstr(h, word) != NULL;
}

/* The message's bytes: the body, or the payload in it. */
static int
message_of(struct req *r, struct bytes *ret, struct problem *err)
{
	json_t *body;

	*ret = r->raw;
	if (header_has(r, "content-type", "xml"))
		return 0;
	if (!header_has(r, "content-type", "json"))
		return problem(err, 415, "unsupported_media_type", "this body must be application/xml or application/json");
	body = json_read(r->arena, (const char *)r->raw.p, r->raw.n, err);
	if (body == NULL || field_check(wrapped, body, err) < 0)
		return -1;
	*ret = BYTES(json_string_value(json_object_get(body, "payload")), json_string_length(json_object_get(body, "payload")));
	return 0;
}

const char *
message_answer(struct arena *a, const struct script_message *m, int kind, const char *code, const char *description)
{
	struct uuid id = uuid_new();
	char text[UUID_TEXT], at[CLOCK_TEXT], *o = arena_alloc(a, UUID_TEXT), *own = o;

	for (const char *s = uuid_text(id, text); *s != '\0'; s++)
		if (*s != '-')
			*o++ = *s;
	return script_answer(a, &(struct script_answer){ .to = m, .message_id = own, .at = clock_text(clock_us(), at), .kind = (unsigned)kind,
	    .code = code, .description = description });
}

/* ---- once */

/* 1: this message was here before, and *ret is what it came to. */
static int
seen_before(struct req *r, const struct script_message *m, const uint8_t digest[32], struct taken *ret, struct problem *err)
{
	const struct row *w;

	if (db_one(r->db, &w, seen_sql, err, P_TEXT(m->from), P_TEXT(m->message_id)) < 0)
		return -1;
	if (w == NULL)
		return 0;
	if (!same_bytes(row_bytes(w, "digest"), BYTES(digest, 32)))
		return problem(err, 409, "message_id_reused", "this sender used the MessageID for another message");
	*ret = (struct taken){ .id = row_uuid(w, "prescription_id"), .status = row_str(w, "outcome"), .duplicate = true, .http = 200,
		.answer = row_str(w, "answer") };
	return 1;
}

static int
keep(struct req *r, const struct script_message *m, const uint8_t digest[32], const struct taken *t, struct problem *err)
{
	int64_t n = db_exec(r->db, keep_sql, err, P_UUID(uuid_new()), P_TEXT(m->from), P_TEXT(m->message_id), P_TEXT(m->body), P_BYTES(BYTES(digest, 32)),
	    P_OPT_UUID(t->id), P_TEXT(t->status), P_INT(t->http), P_TEXT(t->answer));

	if (n < 0)
		return -1;
	/* The same message came twice at once: this one goes back and finds the other's answer. */
	return n == 0 ? problem(err, 409, "serialization", "the same message is being taken") : 0;
}

/* The same prescription under another MessageID: patient, drug and date written (P-INTK-04). NULL when a part is missing. */
static const char *
dedupe_key(struct req *r, struct uuid patient, const struct script_message *m)
{
	const char *ndc = m->text[SCRIPT_NDC], *written = m->text[SCRIPT_WRITTEN_DATE];
	char id[UUID_TEXT], tenant[UUID_TEXT], hex[HEX32], forms[3][NDC_TEXT];

	if (ndc == NULL || written == NULL)
		return NULL;
	if (ndc_forms(ndc, forms) == 1)
		ndc = forms[0];
	return arena_printf(r->arena, "rx:dedup:%s", hex_encode(vault_mac(r->db, "rx.dedup",
	    arena_printf(r->arena, "%s|%s|%s|%.10s", uuid_text(r->scope.tenant, tenant), uuid_text(patient, id), ndc, written)), hex));
}

static int
find_recent(struct req *r, const char *key, struct uuid *ret, struct problem *err)
{
	const struct row *w;
	const char *id;

	*ret = UUID_NIL;
	if (key == NULL)
		return 0;
	if (db_one(r->db, &w, alone_sql, err, P_TEXT(key)) < 0 || ttl_get(r->db, key, &id, err) < 0)
		return -1;
	return id != NULL && uuid_parse(id, ret) < 0 ? problem(err, 500, "bad_dedupe", "the store holds no id") : 0;
}

/* ---- a new prescription */

static int
publish(struct req *r, struct uuid id, struct uuid patient, const char *ndc, struct problem *err)
{
	struct buf b = buf_in(r->arena, 2048);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "event_id", uuid_new());
	jw_uuid(&w, "prescription_id", id);
	jw_uuid(&w, "patient_id", patient);
	jw_str(&w, "drug_ndc", ndc);
	jw_time(&w, "timestamp", clock_us());
	jw_end(&w);
	return event_publish(r->db, "prescription.intake.received", id, b.data, err);
}

static int
store(struct req *r, const struct script_message *m, struct uuid id, struct uuid patient, struct bytes xml, struct problem *err)
{
	struct bytes raw, content;

	if (vault_seal(r->db, patient, "prescriptions", "raw_enc", id, xml, &raw, err) < 0 || content_seal(r->db, patient, id, m->text, &content, err) < 0)
		return -1;
	if (db_exec(r->db, insert_sql, err, P_UUID(id), P_UUID(patient), P_TEXT(m->from), P_TEXT(m->message_id), P_TEXT(m->order_number),
	    P_BOOL(m->is_signed), P_BOOL(m->test), P_BYTES(raw)) < 0 || content_columns(r->db, id, m->text, content, err) < 0)
		return -1;
	if (m->text[SCRIPT_NPI] == NULL || !npi_is_good(m->text[SCRIPT_NPI]) || m->text[SCRIPT_PRESCRIBER_LAST] == NULL)
		return 0;
	return db_exec(r->db, prescriber_sql, err, P_TEXT(m->text[SCRIPT_NPI]), P_TEXT(m->text[SCRIPT_PRESCRIBER_LAST]),
	    P_TEXT(m->text[SCRIPT_PRESCRIBER_FIRST]), P_TEXT(m->text[SCRIPT_PRESCRIBER_PHONE])) < 0 ? -1 : 0;
}

static int
remember(struct req *r, const char *key, struct uuid id, struct problem *err)
{
	char text[UUID_TEXT];

	uuid_text(id, text);
	if (key != NULL && ttl_put(r->db, key, text, DEDUPE_S, err) < 0)
		return -1;
	return ttl_put(r->db, arena_printf(r->arena, "rx:recent:%s", text), "received", DEDUPE_S, err);
}

int
newrx_take(struct req *r, const struct script_message *m, struct bytes xml, struct taken *ret, struct problem *err)
{
	const struct rx_event received = { .name = "intake.received" };
	struct prescription p = { .id = uuid_new(), .status = "received" };
	struct uuid recent;
	const char *key;

	if (patient_match(r->db, m->text, m->from, &p.patient_id, err) < 0)
		return -1;
	key = dedupe_key(r, p.patient_id, m);
	if (find_recent(r, key, &recent, err) < 0)
		return -1;
	*ret = (struct taken){ .id = p.id, .status = "received", .http = 201, .answer = message_answer(r->arena, m, ANSWER_STATUS, "010", NULL) };
	if (!uuid_is_nil(recent)) {
		ret->id = recent;
		ret->duplicate = true;
		ret->http = 200;
		return 0;
	}
	if (store(r, m, p.id, p.patient_id, xml, err) < 0 || history_add(r->db, &p, NULL, &received, false, err) < 0 ||
	    validate_later(r->db, p.id, err) < 0 || publish(r, p.id, p.patient_id, m->text[SCRIPT_NDC], err) < 0)
		return -1;
	return remember(r, key, p.id, err);
}

/* ---- the answer */

static void
reply_taken(struct req *r, const struct taken *t, bool xml)
{
	struct json_writer *w;

	if (!uuid_is_nil(t->id))
		req_object(r, "prescriptions", t->id);
	if (xml) {
		reply_bytes(r, t->http, "application/xml; charset=utf-8", BYTES_OF(t->answer));
		return;
	}
	w = reply_json(r, t->http);
	jw_object(w, NULL);
	if (!uuid_is_nil(t->id))
		jw_uuid(w, "prescription_id", t->id);
	jw_str(w, "status", t->status);
	jw_bool(w, "duplicate", t->duplicate);
	jw_end(w);
}

/* A refusal in the sender's own language. The transaction has written nothing. */
static int
refuse(struct req *r, const struct script_message *m, bool xml, struct problem *err)
{
	if (!xml || err->status >= 500 || err->status == 409)
		return -1;
	r->audit.outcome = "denied";
	r->audit.reason = arena_dup(r->arena, err->code);
	reply_bytes(r, err->status, "application/xml; charset=utf-8", BYTES_OF(message_answer(r->arena, m, ANSWER_ERROR, "900",
	    arena_printf(r->arena, "%s: %s", err->code, err->detail))));
	return 0;
}

static int
take(struct req *r, const struct script_message *m, struct bytes xml, struct taken *ret, struct problem *err)
{
	uint8_t digest[32];
	int seen, rc;

	sha256(xml, digest);
	seen = seen_before(r, m, digest, ret, err);
	if (seen != 0)
		return seen < 0 ? -1 : 0;
	switch (m->kind) {
	case SCRIPT_NEWRX:
		rc = newrx_take(r, m, xml, ret, err);
		break;
	case SCRIPT_CANCELRX:
		rc = cancelrx_take(r, m, ret, err);
		break;
	case SCRIPT_STATUS:
	case SCRIPT_VERIFY:
	case SCRIPT_ERROR:
		rc = reply_take(r, m, ret, err);
		break;
	default:
		return problem(err, 422, "not_supported", "%.40s is not taken here", m->body);
	}
	return rc < 0 ? -1 : keep(r, m, digest, ret, err);
}

int
intake_receive(struct req *r, struct problem *err)
{
	bool xml = header_has(r, "accept", "xml");
	struct script_message m = { 0 };
	struct taken t;
	struct bytes message;

	if (message_of(r, &message, err) < 0 || script_read(r->arena, message, &m, err) < 0 || take(r, &m, message, &t, err) < 0)
		return refuse(r, &m, xml, err);
	reply_taken(r, &t, xml);
	return 0;
}
