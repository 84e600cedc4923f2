/* keys_test.c: the core's jobs about keys: rotation of the key-encryption key (rule E6) and erasure of a patient's keys. */
#include "core.h"

#include <signal.h>

#include "crew.h"
#include "crypto/key_file.h"
#include "crypto/key_wire.h"
#include "crypto/seal.h"
#include "data/vault.h"

#define MANY 450

static const struct topic topics[] = { { 0 } };
static const struct service service = { .name = "registry", .prefix = "/route", .says = "keys under test", .topics = topics };
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
administer(enum key_op op, int32_t number)
{
	struct key_message m = { .op = KEY_HELLO };
	int fd = key_connect(conf_str(world_conf(world), "KEYHOLDER_SOCKET"));

	assert_true(fd >= 0 && key_put(&m, service.name, strlen(service.name)));
	assert_int_equal(key_ask(fd, &m), 0);
	m = (struct key_message){ .op = (uint8_t)op, .id = KEY_LIST_KEK, .number = number };
	assert_int_equal(key_ask(fd, &m), 0);
	(void)close(fd);
	return m.status == 0 ? m.number : -m.status;
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

static int
setup(void **state UNUSED)
{
	world = world_new(&service, NULL);
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
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
