/*
 * audit.c: the audit row's columns, its MAC, and the three ways it is written: at once, with the COMMIT, or alone.
 *
 * mac = HMAC-SHA256 over every text of the row, each with its length, under a key derived per database from the key file: who can
 * write the table but not read the key cannot make a row up or change one.
 */
#include "core.h"

#include <openssl/crypto.h>

#include "base/log.h"
#include "crypto/hash.h"
#include "crypto/seal.h"
#include "data/db_private.h"

#define MAC_PARTS 12 /* all but key_id and mac */
#define KEY_ID    "audit" /* and the version of the mac key */

#define COLUMNS \
	"id, tenant_id, actor, on_behalf, action, object, object_id, outcome, reason, request_id, source, detail, key_id, mac"
const char audit_columns[] = COLUMNS;
const char audit_sql[] = "INSERT INTO audit (" COLUMNS ")"
			 " VALUES ($1::uuid, $2::uuid, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::json, $13, $14::bytea)";

int
audit_mac_key(const struct keyring *k, const char *key_id, const char *database, uint8_t out[32])
{
	char exact[16];
	int version = 0;

	if (sscanf(key_id, KEY_ID "%6d", &version) != 1 || version < 1)
		return -1;
	(void)snprintf(exact, sizeof(exact), KEY_ID "%d", version);
	return strcmp(key_id, exact) == 0 && keyring_mac(k, version, "audit", database, out) ? 0 : -1;
}

static struct bytes
audit_key(struct db *db)
{
	int newest = keyring_mac_newest(db->keyring);

	if (!db->has_audit_key || newest != db->audit_version) {
		if (!keyring_mac(db->keyring, newest, "audit", db->conn != NULL ? PQdb(db->conn) : "", db->audit_key))
			die("the audit key has no name");
		db->has_audit_key = db->conn != NULL;
		db->audit_version = newest;
	}
	return BYTES(db->audit_key, sizeof(db->audit_key));
}

static struct bytes
mac_of(struct bytes key, const struct param p[MAC_PARTS], struct arena *a)
{
	struct bytes parts[2 * MAC_PARTS];
	uint8_t lengths[MAC_PARTS][4], *mac = arena_alloc(a, 32);

	for (size_t i = 0; i < MAC_PARTS; i++) {
		const char *s = param_text(&p[i]);
		uint32_t n = s != NULL ? (uint32_t)strlen(s) : UINT32_MAX; /* NULL is not "" */

		for (unsigned k = 0; k < 4; k++)
			lengths[i][k] = (uint8_t)(n >> (24 - 8 * k));
		parts[2 * i] = BYTES(lengths[i], 4);
		parts[2 * i + 1] = s != NULL ? BYTES_OF(s) : BYTES("", 0);
	}
	hmac_sha256(key, parts, COUNT(parts), mac);
	return BYTES(mac, 32);
}

void
audit_params(struct db *db, const struct audit_entry *e, struct param out[AUDIT_PARAMS], struct arena *a)
{
	const struct scope *s = &db->scope;
	struct bytes key;

	out[0] = P_UUID(uuid_new());
	out[1] = P_UUID(s->tenant);
	out[2] = P_TEXT(s->actor != NULL ? s->actor : "");
	out[3] = P_TEXT(s->on_behalf);
	out[4] = P_TEXT(e->action);
	out[5] = P_TEXT(e->object != NULL ? e->object : "");
	out[6] = P_TEXT(e->object_id);
	out[7] = P_TEXT(e->outcome != NULL ? e->outcome : "success");
	out[8] = P_TEXT(e->reason);
	out[9] = P_TEXT(s->request_id);
	out[10] = P_TEXT(s->source);
	out[11] = P_TEXT(e->detail != NULL ? e->detail : "{}");
	if (db->keyring == NULL) {
		out[12] = out[13] = P_NULL;
		return;
	}
	key = audit_key(db);
	out[12] = P_TEXT(arena_printf(a, KEY_ID "%d", db->audit_version));
	out[13] = P_BYTES(mac_of(key, out, a));
}

int
audit_add(struct db *db, const struct audit_entry *e, struct problem *err)
{
	struct param p[AUDIT_PARAMS];

	db->audited = true;
	audit_params(db, e, p, db->arena);
	return db_exec_(db, audit_sql, err, p, AUDIT_PARAMS) < 0 ? -1 : 0;
}

void
audit_pending(struct db *db, const struct audit_entry *e)
{
	struct problem failed = { 0 };

	if (db->tx == TX_NONE)
		die("an audit row outside a transaction");
	/* If the first one cannot be written the transaction is in its failed state and its COMMIT will say so. */
	if (db->has_pending && audit_add(db, &db->pending, &failed) < 0)
		log_line(LOG_ERROR, "audit.failed", "code", failed.code, NULL);
	db->audited = true;
	db->pending = *e;
	db->has_pending = true;
}

int
audit_refused(struct db *db, const struct scope *scope, const struct audit_entry *e, struct problem *err)
{
	struct audit_entry refused = *e;

	if (refused.outcome == NULL)
		refused.outcome = "denied";
	if (db_begin(db, WRITE, scope, err) < 0)
		return -1;
	audit_pending(db, &refused);
	return db_commit(db, err);
}
