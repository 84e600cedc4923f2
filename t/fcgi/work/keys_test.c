/* keys_test.c: the core's jobs about keys: rotation of key-encryption and index keys (rules E6, E7), resealing and erasure of a patient. */
#include "core.h"

#include <signal.h>

#include "crew.h"
#include "crypto/key_file.h"
#include "crypto/key_wire.h"
#include "crypto/seal.h"
#include "data/db_private.h"
#include "data/vault.h"

#define MANY 450

static const struct topic topics[] = { { 0 } };
static const struct blind_column blind[] = { { "letter", "email_index", "letter.email", "email_enc", blind_email } };
static const struct service service = {
	.name = "registry", .prefix = "/route", .says = "keys under test", .topics = topics, TABLE(blind, nblind, blind),
};
const struct service *const crew_service = &service;

static struct world *world;

/* ---- what a patient leaves behind */

struct sealed {
	struct uuid subject, row;
	struct bytes blob;
};

static void
seal(struct sealed *s, const char *text)
{
	struct bytes blob;
	uint8_t *copy;

	*s = (struct sealed){ .subject = uuid_new(), .row = uuid_new() };
	MUST(vault_seal(world_db(world), s->subject, "thing", "name_enc", s->row, BYTES_OF(text), &blob, &err));
	copy = arena_alloc(world_arena(world), blob.n);
	memcpy(copy, blob.p, blob.n);
	s->blob = BYTES(copy, blob.n);
}

/* On a connection and a keyring that remember nothing. */
static int
open_afresh(const struct sealed *s, size_t n, const char *text, struct problem *err)
{
	struct scope scope = work_scope(world_conf(world));
	struct keyring *k = keyring_open(conf_str(world_conf(world), "KEYHOLDER_SOCKET"), service.name, err);
	struct db *db = db_open(conf_str(world_conf(world), "DATABASE_URL"), DB_API, "test", err);
	struct bytes plain;
	int rc = 0;

	assert_non_null(k);
	assert_non_null(db);
	db_keyring(db, k);
	assert_int_equal(db_begin(db, READ_AUDITED, &scope, err), 0);
	for (size_t i = 0; i < n && rc == 0; i++) {
		rc = vault_open(db, "thing", "name_enc", s[i].row, s[i].blob, &plain, err);
		if (rc == 0)
			assert_string_equal((const char *)plain.p, text);
	}
	db_close(db);
	keyring_free(k);
	return rc;
}

static int
administer_list(enum key_op op, enum key_list list, int32_t number)
{
	struct key_message m = { .op = KEY_HELLO };
	int fd = key_connect(conf_str(world_conf(world), "KEYHOLDER_SOCKET"));

	assert_true(fd >= 0 && key_put(&m, service.name, strlen(service.name)));
	assert_int_equal(key_ask(fd, &m), 0);
	m = (struct key_message){ .op = (uint8_t)op, .id = list, .number = number };
	assert_int_equal(key_ask(fd, &m), 0);
	(void)close(fd);
	return m.status == 0 ? m.number : -m.status;
}

static int
administer(enum key_op op, int32_t number)
{
	return administer_list(op, KEY_LIST_KEK, number);
}

static const struct job_spec rewrap = { .kind = "keys.rewrap", .unique_key = "keys" };

/* ---- tests */

static void
e6_all_data_keys_move_and_the_old_key_can_go(void **state UNUSED)
{
	static struct sealed s[MANY];
	struct problem err = { 0 };
	int version;

	tx_begin(world);
	for (size_t i = 0; i < MANY; i++)
		seal(&s[i], "kept");
	tx_end(world);
	version = administer(KEY_ADD, 0);
	assert_true(version > 1);
	enqueue(world, &rewrap);
	assert_true(work_all(world) > 0);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM dek WHERE kek_version <> %d", version), 0);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM key_rotation WHERE version = %d AND finished_at IS NOT NULL AND moved >= %d",
			     version, MANY), 1);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE kind = 'keys.rewrap' AND state <> 'done'"), 0);
	assert_int_equal(administer(KEY_DROP, version - 1), version - 1);
	assert_int_equal(open_afresh(s, MANY, "kept", &err), 0);
	/* Asked again, there is nothing to do. */
	enqueue(world, &rewrap);
	assert_true(work_all(world) > 0);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE kind = 'keys.rewrap' AND state <> 'done'"), 0);
}

/* Who began before the new key may still write under the old one: the rotation waits for it, and takes its rows along. */
static void
e6_a_rotation_does_not_end_before_those_who_began_earlier(void **state UNUSED)
{
	struct problem err = { 0 };
	struct sealed s;
	int version;

	tx_begin(world);
	seal(&s, "late");
	version = administer(KEY_ADD, 0);
	/* Another connection works meanwhile. */
	struct crew c;
	crew_open(&c, world, 1);
	sql_run(world, "INSERT INTO job (tenant_id, kind, unique_key) VALUES (app_tenant(), 'keys.rewrap', 'keys')");
	assert_int_equal(crew_take(&c, 0), 1);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM key_rotation WHERE version = %d AND finished_at IS NULL", version), 1);
	tx_end(world);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM dek WHERE kek_version <> %d", version), 1);
	sql_run(world, "UPDATE job SET run_at = now() WHERE state = 'ready'");
	assert_int_equal(crew_take(&c, 0), 1);
	crew_close(&c);
	assert_true(work_all(world) >= 0);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM key_rotation WHERE version = %d AND finished_at IS NOT NULL", version), 1);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM dek WHERE kek_version <> %d", version), 0);
	assert_int_equal(open_afresh(&s, 1, "late", &err), 0);
}

static void
erase(struct uuid patient)
{
	char args[128], id[UUID_TEXT];
	struct job_spec spec = { .kind = "keys.erase", .args = args };

	(void)snprintf(args, sizeof(args), "{\"patientId\":\"%s\",\"reason\":\"request-17\"}", uuid_text(patient, id));
	enqueue(world, &spec);
	assert_true(work_all(world) > 0);
}

static void
an_erased_patient_is_410_for_good_and_nobody_else_is(void **state UNUSED)
{
	struct problem err = { 0 };
	struct sealed gone, kept;
	struct uuid unknown = uuid_new();
	struct bytes blob;
	char id[UUID_TEXT];

	tx_begin(world);
	seal(&gone, "forget me");
	seal(&kept, "keep me");
	tx_end(world);
	erase(gone.subject);
	assert_int_equal(open_afresh(&gone, 1, "", &err), -1);
	assert_int_equal(err.status, 410);
	assert_string_equal(err.code, "erased");
	problem_clear(&err);
	assert_int_equal(open_afresh(&kept, 1, "keep me", &err), 0);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM audit WHERE action = 'patient.erase' AND object_id = '%s' AND reason = 'request-17'"
					" AND detail::jsonb = '{\"keys\": 1}'", uuid_text(gone.subject, id)), 1);
	/* One of whom this service knew nothing: it never will. */
	erase(unknown);
	tx_begin(world);
	assert_int_equal(vault_seal(world_db(world), unknown, "thing", "name_enc", uuid_new(), BYTES_OF("x"), &blob, &err), -1);
	assert_int_equal(err.status, 410);
	db_rollback(world_db(world));
	/* Again: the same end. */
	erase(gone.subject);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM dek WHERE subject = '%s' AND wrapped IS NOT NULL", id), 0);
}

/* The service's own key belongs to no patient: an id that is none must not take it away. */
static void
the_services_own_key_is_not_erased(void **state UNUSED)
{
	struct job_spec spec = { .kind = "keys.erase", .args = "{\"patientId\":\"00000000-0000-0000-0000-000000000000\"}" };
	struct bytes blob;

	tx_begin(world);
	MUST(vault_seal(world_db(world), VAULT_SERVICE, "thing", "name_enc", uuid_new(), BYTES_OF("own"), &blob, &err));
	tx_end(world);
	enqueue(world, &spec);
	assert_true(work_all(world) > 0);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM dek WHERE subject = '00000000-0000-0000-0000-000000000000' AND state = 'live'"), 1);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE kind = 'keys.erase' AND state = 'dead'"), 1);
}

/* ---- rows that hold an index and sealed text, and are written once */

static struct uuid
write_letter(struct uuid patient, const char *email)
{
	struct uuid id = uuid_new();
	struct bytes sealed;

	MUST(vault_seal(world_db(world), patient, "letter", "email_enc", id, BYTES_OF(email), &sealed, &err));
	MUST(db_exec(world_db(world), "INSERT INTO letter (id, email_index, email_enc) VALUES ($1, $2::bytea, $3::bytea)", &err, P_UUID(id),
		 P_BYTES(vault_index(world_db(world), "letter.email", email)), P_BYTES(sealed)) < 0 ? -1 : 0);
	return id;
}

static int64_t
letters_of(const char *email)
{
	const struct row *w;
	int64_t n;

	tx_begin(world);
	MUST(db_one(world_db(world), &w, "SELECT count(*) AS n FROM letter WHERE email_index = ANY($1::bytea[])", &err,
	    vault_indexes(world_db(world), "letter.email", email)));
	n = row_int(w, "n");
	tx_end(world);
	return n;
}

static void
e7_every_index_moves_to_the_new_key_and_is_found_all_the_time(void **state UNUSED)
{
	static const struct job_spec reindex = { .kind = "keys.reindex", .unique_key = "index" };
	struct uuid gone = uuid_new();
	int version;

	tx_begin(world);
	for (int i = 0; i < 250; i++)
		(void)write_letter(uuid_new(), i % 2 == 0 ? "a@x.y" : "b@x.y");
	(void)write_letter(gone, "c@x.y");
	tx_end(world);
	/* One from before indexes had versions. */
	sql_run(world, "SELECT set_config('telerx.rewrites', 'letter', false)");
	sql_run(world, "UPDATE letter SET email_index = substr(email_index, 5) WHERE id = (SELECT id FROM letter ORDER BY id LIMIT 1)");
	sql_run(world, "SELECT set_config('telerx.rewrites', '', false)");
	assert_int_equal(letters_of("a@x.y"), 125);
	erase(gone);
	version = administer_list(KEY_ADD, KEY_LIST_INDEX, 0);
	assert_true(version > 1);
	assert_int_equal(letters_of("a@x.y"), 125);
	tx_begin(world);
	(void)write_letter(uuid_new(), "a@x.y");
	tx_end(world);
	assert_int_equal(letters_of("a@x.y"), 126);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM letter WHERE index_version(email_index) = %d", version), 1);
	enqueue(world, &reindex);
	assert_true(work_all(world) > 0);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM letter WHERE index_version(email_index) <> %d", version), 0);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM key_rotation WHERE kind = 'index' AND version = %d AND moved = 251"
					" AND finished_at IS NOT NULL", version), 1);
	assert_int_equal(administer_list(KEY_DROP, KEY_LIST_INDEX, version - 1), version - 1);
	assert_int_equal(letters_of("a@x.y"), 126);
	assert_int_equal(letters_of("b@x.y"), 125);
	assert_int_equal(letters_of("c@x.y"), 0);
}

/* What nobody told how to make is not lost with its key. */
static void
e7_an_index_that_nobody_knows_stops_the_rotation(void **state UNUSED)
{
	static const struct job_spec reindex = { .kind = "keys.reindex", .unique_key = "index" };
	int version = administer_list(KEY_ADD, KEY_LIST_INDEX, 0);

	sql_run(world, "CREATE TABLE riddle (id uuid, name_index bytea)");
	enqueue(world, &reindex);
	(void)work_all(world);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM key_rotation WHERE kind = 'index' AND version = %d AND finished_at IS NOT NULL",
			     version), 0);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE kind = 'keys.reindex' AND errors::text LIKE '%%unknown_index%%'"), 1);
	sql_run(world, "DROP TABLE riddle");
	sql_run(world, "DELETE FROM job WHERE kind = 'keys.reindex'");
}

static void
mac_keys_are_added_and_never_dropped(void **state UNUSED)
{
	static const struct audit_entry entry = { .action = "test.mac", .object = "thing" };
	uint8_t key[32], other[32];
	struct keyring *k;

	tx_begin(world);
	MUST(audit_add(world_db(world), &entry, &err));
	tx_end(world);
	assert_int_equal(administer_list(KEY_ADD, KEY_LIST_MAC, 0), 2);
	tx_begin(world);
	MUST(audit_add(world_db(world), &entry, &err));
	tx_end(world);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM audit WHERE action = 'test.mac' AND key_id = 'audit1'"), 1);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM audit WHERE action = 'test.mac' AND key_id = 'audit2'"), 1);
	assert_int_equal(administer_list(KEY_DROP, KEY_LIST_MAC, 1), -409);
	k = keyring_open(conf_str(world_conf(world), "KEYHOLDER_SOCKET"), service.name, &(struct problem){ 0 });
	assert_non_null(k);
	assert_int_equal(audit_mac_key(k, "audit1", "d", key), 0);
	assert_int_equal(audit_mac_key(k, "audit2", "d", other), 0);
	assert_memory_not_equal(key, other, 32);
	assert_int_equal(audit_mac_key(k, "audit3", "d", key), -1);
	assert_int_equal(audit_mac_key(k, "audit02", "d", key), -1);
	keyring_free(k);
}

static void
reseal(struct uuid patient)
{
	char args[128], id[UUID_TEXT];
	struct job_spec spec = { .kind = "keys.reseal", .args = args, .unique_key = id };

	(void)snprintf(args, sizeof(args), "{\"patientId\":\"%s\"}", uuid_text(patient, id));
	enqueue(world, &spec);
	sql_run(world, "UPDATE job SET run_at = now() WHERE kind = 'keys.reseal' AND state = 'ready'");
	assert_true(work_all(world) > 0);
}

static void
e6_a_data_key_is_given_up_its_fields_are_sealed_anew_and_it_is_destroyed(void **state UNUSED)
{
	struct uuid patient = uuid_new(), letter, slip = uuid_new();
	const struct row *w;
	struct bytes plain, sealed;
	char id[UUID_TEXT], row[UUID_TEXT];
	int64_t old;

	tx_begin(world);
	letter = write_letter(patient, "a@x.y");
	for (int i = 0; i < 150; i++)
		(void)write_letter(patient, "d@x.y");
	MUST(vault_seal(world_db(world), patient, "slip", "text_enc", slip, BYTES_OF("slip"), &sealed, &err));
	MUST(db_exec(world_db(world), "INSERT INTO slip (slip_id, text_enc) VALUES ($1, $2::bytea)", &err, P_UUID(slip), P_BYTES(sealed)) < 0 ? -1 : 0);
	tx_end(world);
	(void)uuid_text(patient, id);
	(void)uuid_text(letter, row);
	old = sql_int(world, "SELECT id FROM dek WHERE subject = '%s'", id);
	reseal(patient);
	/* Someone may still have leave to seal with it. */
	assert_int_equal(sql_int(world, "SELECT count(*) FROM dek WHERE id = %" PRId64 " AND state = 'retired'", old), 1);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM dek_rows('letter', 'email_enc', %" PRId64 ", 1000)", old), 0);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM dek_reseal WHERE dek_id = %" PRId64 " AND moved = 152 AND finished_at IS NULL", old),
	    1);
	sql_run(world, "UPDATE dek_reseal SET began_at = began_at - interval '2 minutes'");
	for (int i = 0; i < 3 && sql_int(world, "SELECT count(*) FROM dek WHERE id = %" PRId64, old) > 0; i++)
		reseal(patient);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM dek WHERE id = %" PRId64, old), 0);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM dek WHERE subject = '%s' AND state = 'live'", id), 1);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM audit WHERE action = 'keys.destroyed' AND object_id = '%s'", id), 1);
	tx_begin(world);
	MUST(db_one(world_db(world), &w, "SELECT email_enc FROM letter WHERE id = $1", &err, P_UUID(letter)));
	MUST(vault_open(world_db(world), "letter", "email_enc", letter, row_bytes(w, "email_enc"), &plain, &err));
	assert_string_equal((const char *)plain.p, "a@x.y");
	/* Its row id is its primary key. */
	MUST(db_one(world_db(world), &w, "SELECT text_enc FROM slip WHERE slip_id = $1", &err, P_UUID(slip)));
	MUST(vault_open(world_db(world), "slip", "text_enc", slip, row_bytes(w, "text_enc"), &plain, &err));
	assert_string_equal((const char *)plain.p, "slip");
	tx_end(world);
	assert_int_equal(letters_of("d@x.y"), 150);
}

static int
setup(void **state UNUSED)
{
	world = world_new(&service, NULL);
	sql_run(world, "SELECT set_config('role', tableowner, false) FROM pg_tables WHERE tablename = 'dek'");
	sql_run(world, "CREATE TABLE letter (id uuid PRIMARY KEY, tenant_id uuid NOT NULL DEFAULT app_tenant(), email_index bytea NOT NULL,"
		       " email_enc bytea NOT NULL)");
	sql_run(world, "CREATE TABLE slip (slip_id uuid PRIMARY KEY, tenant_id uuid NOT NULL DEFAULT app_tenant(), text_enc bytea NOT NULL)");
	sql_run(world, "SELECT protect_table('slip')");
	sql_run(world, "SELECT append_only('letter')");
	sql_run(world, "SELECT protect_table('letter')");
	sql_run(world, "RESET ROLE");
	return 0;
}

static int
teardown(void **state UNUSED)
{
	world_free(world);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(e6_all_data_keys_move_and_the_old_key_can_go),
		cmocka_unit_test(e6_a_rotation_does_not_end_before_those_who_began_earlier),
		cmocka_unit_test(an_erased_patient_is_410_for_good_and_nobody_else_is),
		cmocka_unit_test(the_services_own_key_is_not_erased),
		cmocka_unit_test(e7_every_index_moves_to_the_new_key_and_is_found_all_the_time),
		cmocka_unit_test(e7_an_index_that_nobody_knows_stops_the_rotation),
		cmocka_unit_test(mac_keys_are_added_and_never_dropped),
		cmocka_unit_test(e6_a_data_key_is_given_up_its_fields_are_sealed_anew_and_it_is_destroyed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
