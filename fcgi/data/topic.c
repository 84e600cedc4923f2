/* topic.c: see topic.h. */
#include "core.h"

#include "base/json.h"
#include "base/schema.h"
#include "crypto/hash.h"
#include "data/attention.h"
#include "data/db.h"
#include "data/topic.h"

#define MOST_SCHEMA ((size_t)64 * 1024)
#define MOST_DAYS   36500

static const struct field raised_event[] = {
	{ "kind", STRING, .required = true, .says = "job.dead, ...: what may be done about it hangs on it" },
	{ "subject", STRING, .required = true, .says = "the id of the thing" },
	{ "code", STRING, .required = true, .says = "why" },
	{ "submissionId", UUID, .says = "the case, when it is known" },
	{ "patientId", UUID, .says = "the patient, when known" },
	{ "detail", OBJECT, .required = true, .says = "ids, codes and amounts" },
	{ 0 }
};
static const char *const attention_to[] = { "case", "portal", NULL };
const struct topic core_topics[] = {
	{ ATTENTION_RAISED, attention_to, "a person must look at this", .payload = raised_event },
	{ ATTENTION_CLEARED, attention_to, "the cause of it has ended", .payload = raised_event },
	{ 0 },
};

const struct topic platform_topics[] = {
	{ "healthcare.patient.created", .says = "a patient was registered", .partitions = 6, .days = 7 },
	{ "healthcare.patient.updated", .says = "a patient's data changed", .partitions = 6, .days = 7 },
	{ "healthcare.appointment.scheduled", .says = "a visit was booked", .partitions = 6, .days = 7 },
	{ "healthcare.appointment.cancelled", .says = "a visit was called off", .partitions = 6, .days = 7 },
	{ "healthcare.encounter.started", .says = "a visit began", .partitions = 6, .days = 7 },
	{ "healthcare.encounter.completed", .says = "a visit ended", .partitions = 6, .days = 7 },
	{ "healthcare.observation.created", .says = "a finding was recorded", .partitions = 12, .days = 30 },
	{ "healthcare.medication.prescribed", .says = "a medication was prescribed", .partitions = 6, .days = 30 },
	{ "healthcare.audit.phi_access", .says = "somebody read a patient's data", .partitions = 12, .days = 2190 },
	{ "prescription.intake.received", .says = "an outside prescription arrived" },
	{ "prescription.validation.completed", .says = "an outside prescription was checked" },
	{ "patient.enrollment.completed", .says = "a patient enrolled" },
	{ "pharmacy.selected", .says = "a pharmacy was chosen" },
	{ "insurance.adjudication.completed", .says = "the payer answered" },
	{ "payment.link.created", .says = "a patient can pay" },
	{ "payment.completed", .says = "a patient has paid" },
	{ "shipment.label.created", .says = "a label was bought" },
	{ "shipment.delivered", .says = "a parcel arrived" },
	{ 0 },
};

/* ---- a row */

const struct topic *
topic_find(const struct topic *table, const char *name)
{
	for (; table != NULL && table->name != NULL; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

int
topic_version(const struct topic *t)
{
	return t->version > 0 ? t->version : 1;
}

int
topic_partitions(const struct topic *t)
{
	const struct topic *p = topic_find(platform_topics, t->name);

	if (t->partitions > 0)
		return t->partitions;
	return p != NULL && p->partitions > 0 ? p->partitions : TOPIC_PARTITIONS;
}

/* The days that a list of `topic=days` gives to a topic; 0: it names it not. -1: a bad item. */
static int
listed_days(const struct conf *conf, const char *key, const char *topic, struct problem *err)
{
	int found = 0;

	for (const char *s = conf_str(conf, key); *s != '\0';) {
		size_t n = strcspn(s, ","), name = strcspn(s, "=,");
		char *end = NULL;
		long days = name < n ? strtol(s + name + 1, &end, 10) : 0;

		if (days <= 0 || days > MOST_DAYS || (end != s + n && !(*end == 'd' && end + 1 == s + n)))
			return problem(err, 500, "bad_config", "%s: an item is topic=days", key);
		if (strlen(topic) == name && memcmp(topic, s, name) == 0)
			found = (int)days;
		s += n + (s[n] == ',');
	}
	return found;
}

int
topic_days(const struct topic *t, const struct conf *conf, int *ret_floor, struct problem *err)
{
	const struct topic *p = topic_find(platform_topics, t->name);
	int days = listed_days(conf, "EVENT_RETENTION", t->name, err);
	int floor = days < 0 ? -1 : listed_days(conf, "EVENT_RETENTION_FLOORS", t->name, err);

	if (floor < 0)
		return -1;
	if (days > 0 && days < floor)
		return problem(err, 500, "bad_config", "EVENT_RETENTION: %s is kept %d days at least", t->name, floor);
	if (days == 0)
		days = t->days > 0 ? t->days : p != NULL && p->days > 0 ? p->days : TOPIC_DAYS;
	if (ret_floor != NULL)
		*ret_floor = floor;
	return days < floor ? floor : days;
}

static int
published_check(const struct topic *table, const struct conf *conf, struct problem *err)
{
	for (const struct topic *t = table; t != NULL && t->name != NULL; t++) {
		if (strspn(t->name, "abcdefghijklmnopqrstuvwxyz0123456789._") != strlen(t->name) || t->says == NULL)
			return problem(err, 500, "bad_topic", "%s: a name of words and dots, and says, are required", t->name);
		if (t->payload == NULL)
			return problem(err, 500, "bad_topic", "%s has no payload table", t->name);
		if (topic_find(t + 1, t->name) != NULL)
			return problem(err, 500, "bad_topic", "%s is in the table twice", t->name);
		if (topic_days(t, conf, NULL, err) < 0)
			return -1;
	}
	return 0;
}

int
topics_check(const struct topic *own, const struct conf *conf, struct problem *err)
{
	for (const struct topic *t = platform_topics; t->name != NULL; t++)
		if (topic_days(t, conf, NULL, err) < 0)
			return -1;
	return published_check(own, conf, err) < 0 ? -1 : published_check(core_topics, conf, err);
}

void
topic_schema(struct buf *out, const struct topic *t, bool bare)
{
	struct json_writer w;
	char id[160];

	(void)snprintf(id, sizeof(id), "urn:telerx:topic:%s:%d", t->name, topic_version(t));
	jw_start(&w, out);
	jw_object(&w, NULL);
	if (!bare) {
		jw_str(&w, "$schema", "https://json-schema.org/draft/2020-12/schema");
		jw_str(&w, "$id", id);
		jw_str(&w, "description", t->says);
	}
	if (t->payload != NULL)
		schema_members(&w, t->payload, bare ? BARE : SENT);
	else
		jw_str(&w, "type", "object");
	jw_end(&w);
}

/* ---- the rows in the database */

static const char store_sql[] =
    "INSERT INTO topic (name, version, partitions, retention, retention_floor, published, schema, digest, says)"
    " VALUES ($1, $2, $3, make_interval(days => $4), make_interval(days => $5), $6, $7::jsonb, $8::bytea, $9)"
    " ON CONFLICT (name, version) DO UPDATE SET partitions = excluded.partitions, retention = excluded.retention,"
    "  retention_floor = excluded.retention_floor, published = excluded.published, schema = coalesce(excluded.schema, topic.schema),"
    "  digest = coalesce(excluded.digest, topic.digest), says = excluded.says, updated_at = now()"
    " WHERE topic.digest IS NULL OR excluded.digest IS NULL OR topic.digest = excluded.digest";
/* Older versions of a topic lie in the same log. */
static const char older_sql[] =
    "UPDATE topic SET partitions = $2, retention = make_interval(days => $3), retention_floor = make_interval(days => $4)"
    " WHERE name = $1 AND version <> $5";
static const char unpublish_sql[] = "UPDATE topic SET published = false WHERE published AND NOT name = ANY ($1::text[])";

static int
store(struct db *db, const struct topic *t, bool published, const struct conf *conf, struct problem *err)
{
	struct buf schema = buf_in(db_current_arena(db), MOST_SCHEMA), shape = buf_in(db_current_arena(db), MOST_SCHEMA);
	uint8_t digest[32];
	int floor, days = topic_days(t, conf, &floor, err);
	int64_t n;

	if (days < 0)
		return -1;
	topic_schema(&schema, t, false);
	topic_schema(&shape, t, true);
	if (schema.failed || shape.failed)
		return problem(err, 500, "bad_topic", "%s: the schema is too long", t->name);
	sha256(BYTES(shape.data, shape.len), digest);
	n = db_exec(db, store_sql, err, P_TEXT(t->name), P_INT(topic_version(t)), P_INT(topic_partitions(t)), P_INT(days), P_INT(floor),
	    P_BOOL(published), P_TEXT(published ? buf_str(&schema) : NULL),
	    P_BYTES(published ? BYTES(digest, sizeof(digest)) : BYTES(NULL, 0)), P_TEXT(t->says));
	if (n == 0)
		return problem(err, 500, "topic_changed", "the payload of %s changed: give it a new version", t->name);
	return n < 0 ? -1 : db_exec(db, older_sql, err, P_TEXT(t->name), P_INT(topic_partitions(t)), P_INT(days), P_INT(floor),
				P_INT(topic_version(t))) < 0 ? -1 : 0;
}

static int
store_published(struct db *db, const struct topic *table, const struct conf *conf, struct buf *names, struct problem *err)
{
	for (const struct topic *t = table; t != NULL && t->name != NULL; t++) {
		buf_addf(names, "%s%s", names->len > 1 ? "," : "", t->name);
		if (store(db, t, true, conf, err) < 0)
			return -1;
	}
	return 0;
}

static int
store_all(struct db *db, const struct topic *own, const struct conf *conf, struct problem *err)
{
	struct buf names = buf_in(db_current_arena(db), MOST_SCHEMA);

	buf_addc(&names, '{');
	if (store_published(db, own, conf, &names, err) < 0 || store_published(db, core_topics, conf, &names, err) < 0)
		return -1;
	buf_addc(&names, '}');
	for (const struct topic *t = platform_topics; t->name != NULL; t++)
		if (topic_find(own, t->name) == NULL && store(db, t, false, conf, err) < 0)
			return -1;
	return db_exec(db, unpublish_sql, err, P_TEXT(buf_str(&names))) < 0 ? -1 : 0;
}

int
topics_store(const char *owner_url, const struct topic *own, const struct conf *conf, struct problem *err)
{
	struct scope scope = { .actor = "system:migrate" };
	struct db *db = db_open(owner_url, DB_OWNER, "migrate", err);
	int rc = -1;

	if (db == NULL)
		return -1;
	if (uuid_parse(conf_str(conf, "TENANT_ID"), &scope.tenant) < 0)
		scope.tenant = UUID_NIL;
	if (db_begin(db, WRITE, &scope, err) == 0 && store_all(db, own, conf, err) == 0)
		rc = db_commit(db, err);
	db_rollback(db);
	db_close(db);
	return rc;
}
