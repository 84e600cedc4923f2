/*
 * Work items that integration kept before case did go there, all of them, each with its whole history (2.3, case: the one inbox).
 */
#include "harness/harness.h"
#include "integration/integration.h"

static const char *const settings[] = {
	"CANVAS_FHIR_BASE_URL=https://fumage.example", "CANVAS_AUTH_BASE_URL=https://canvas.example", "CANVAS_CLIENT_ID=c", "CANVAS_CLIENT_SECRET=s",
	"CANVAS_REQUESTER=11111111111111111111111111111111", "CANVAS_QUESTIONNAIRE=q-1", NULL
};
#define PATIENT "00000000-0000-7000-8000-0000000000b1"
#define CARRIED "/api/work-items/carried"

static int
setup(void **state)
{
	*state = world_new(&integration_service, settings);
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

static void
item(struct world *w, int n, const char *state)
{
	bool done = strcmp(state, "done") == 0;

	sql_run(w, "INSERT INTO work_item (id, service, kind, subject, code, patient_id, state, owner, due_at, times, ended_by, reason, raised_at, done_at)"
	    " VALUES ('00000000-0000-7000-8000-%012d', 'billing', 'job.dead', '%d', 'refused', '" PATIENT "', '%s', %s, now(), 2, %s, %s,"
	    " now() - interval '1 day' + interval '%d s', %s)", n, n, state, strcmp(state, "taken") == 0 ? "'ops.lee'" : "NULL", done ? "'person'" : "NULL",
	    done ? "'fixed'" : "NULL", n, done ? "now()" : "NULL");
}

/* Line k of item n, sealed as the inbox sealed it. */
static void
line(struct world *w, int n, int k)
{
	static const char insert_sql[] =
		"INSERT INTO work_item_history (id, item_id, at, actor, what, note_enc) VALUES ($1, $2, now() + make_interval(secs => $3), 'system:admin', 'note', $4)";
	const struct scope scope = { .tenant = { { 0, 0, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 1 } }, .actor = "system:test" };
	struct uuid id = uuid_new(), of, patient;
	struct db *db = world_db(w);
	struct problem err = { 0 };
	struct bytes sealed;

	assert_int_equal(uuid_parse(text(w, "00000000-0000-7000-8000-%012d", n), &of), 0);
	assert_int_equal(uuid_parse(PATIENT, &patient), 0);
	db_arena(db, world_arena(w));
	assert_int_equal(db_begin(db, WRITE, &scope, &err), 0);
	assert_int_equal(vault_seal(db, patient, "work_item_history", "note_enc", id, BYTES_OF(text(w, "note %d of %d", k, n)), &sealed, &err), 0);
	assert_int_equal(db_exec(db, insert_sql, &err, P_UUID(id), P_UUID(of), P_INT(k), P_BYTES(sealed)), 1);
	assert_int_equal(audit_add(db, &(struct audit_entry){ .action = "work_item.note", .object = "work_item" }, &err), 0);
	assert_int_equal(db_commit(db, &err), 0);
}

static void
every_item_goes_with_its_whole_history_and_none_twice(void **state)
{
	struct world *w = *state;

	item(w, 1, "open");
	item(w, 2, "taken");
	item(w, 3, "done");
	for (int k = 0; k < 15; k++)
		line(w, 2, k);
	stub(w, "POST", CARRIED, 200, "{\"itemId\":\"" PATIENT "\"}");
	stub_broken(w, "POST", CARRIED, HTTP_UNKNOWN);	/* the first answer is lost */
	job_later(w, "work_items.carry", NULL);
	work_all(w);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM work_item WHERE carried_at IS NULL"), 0);
	assert_int_equal(sent_count(w, "POST", CARRIED), 5);	/* the first twice, the second in two parts */
	assert_string_equal(sent_text(sent_to(w, "POST", CARRIED, 1), "subject"), "1");
	assert_string_equal(sent_text(sent_to(w, "POST", CARRIED, 2), "owner"), "ops.lee");
	assert_string_equal(sent_text(sent_to(w, "POST", CARRIED, 2), "history.0.note"), "note 0 of 2");
	assert_string_equal(sent_text(sent_to(w, "POST", CARRIED, 3), "history.2.note"), "note 14 of 2");
	assert_null(json_at(sent_to(w, "POST", CARRIED, 3)->body, "history.3"));
	assert_string_equal(sent_text(sent_to(w, "POST", CARRIED, 4), "reason"), "fixed");
	job_later(w, "work_items.carry", NULL);
	work_all(w);
	assert_int_equal(sent_count(w, "POST", CARRIED), 5);
	assert_true(audit_count(w, "work_item.carry", "success") >= 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_item_goes_with_its_whole_history_and_none_twice),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
