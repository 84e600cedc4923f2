/* failpoint_test.c: F1: what is armed happens, once, where and when it was asked for, and nothing else. */
#include "fcgi/unit.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/failpoint.h"

#define POINT "test.point"

/* Each case is a child, since a process reads TELERX_FAIL once. */
static int
child(const char *list, void (*f)(void *))
{
	assert_int_equal(setenv("TELERX_FAIL", list, 1), 0);
	return status_of(f, NULL);
}

static void
pass_once(void *context)
{
	(void)context;
	FAIL_POINT(POINT);
}

static void
pass_thrice(void *context)
{
	for (int i = 0; i < 3; i++)
		pass_once(context);
}

static void
f1_a_process_is_killed_or_ends(void **state)
{
	(void)state;
	assert_int_equal(child("test.point=kill9", pass_once), 128);
	assert_int_equal(child("test.point=exit", pass_once), 1);
	assert_int_equal(child("test.other=exit", pass_once), 0);
	assert_int_equal(child("", pass_once), 0);
	assert_int_equal(child("test.other=sleep:1,test.point=exit", pass_once), 1);
}

static void
f1_only_the_nth_pass_fails(void **state)
{
	(void)state;
	assert_int_equal(child("test.point=exit@3", pass_once), 0);
	assert_int_equal(child("test.point=exit@3", pass_thrice), 1);
	assert_int_equal(child("test.point=exit@4", pass_thrice), 0);
}

static void
errors_from_the_second_on(void *context)
{
	(void)context;
	for (int i = 1; i <= 4; i++) {
		errno = 0;
		if (FAIL_POINT_ERR(POINT) != (i >= 2) || (i >= 2 && errno != ENOSPC))
			_exit(9);
	}
}

static void
f1_a_plus_means_from_then_on(void **state)
{
	(void)state;
	assert_int_equal(child("test.point=errno:ENOSPC@2+", errors_from_the_second_on), 0);
}

static void
no_memory_once(void *context)
{
	(void)context;
	if (!FAIL_POINT_ERR(POINT) || errno != ENOMEM || FAIL_POINT_ERR(POINT))
		_exit(9);
}

static void
connection_is_cut(void *context)
{
	int pair[2];
	char c;

	(void)context;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 || !FAIL_POINT_FD(POINT, pair[0]) || errno != ECONNRESET)
		_exit(9);
	if (read(pair[1], &c, 1) != 0)
		_exit(8);
}

static void
text_is_said(void *context)
{
	const char *said = FAIL_POINT_SAYS(POINT);

	(void)context;
	if (said == NULL || strcmp(said, "40001") != 0 || FAIL_POINT_SAYS(POINT) != NULL)
		_exit(9);
}

static void
time_passes(void *context)
{
	int64_t before = clock_mono_us();

	(void)context;
	FAIL_POINT(POINT);
	if (clock_mono_us() - before < 50000)
		_exit(9);
}

static void
f1_errors_cuts_texts_and_waits(void **state)
{
	(void)state;
	assert_int_equal(child("test.point=oom", no_memory_once), 0);
	assert_int_equal(child("test.point=cut", connection_is_cut), 0);
	assert_int_equal(child("test.point=says:40001", text_is_said), 0);
	assert_int_equal(child("test.point=sleep:60", time_passes), 0);
}

static void
f1_what_cannot_be_done_is_no_silence(void **state)
{
	static const char *const lists[] = { "test.point=errno:ENOSPC", "test.point=cut", "test.point=says:x", "test.point=fall",
		"test.point", "=exit", "test.point=exit@x", "test.point=sleep", "test.point=errno:EWHAT" };

	(void)state;
	for (size_t i = 0; i < COUNT(lists); i++)
		assert_int_equal(child(lists[i], pass_once), DIED);
}

/* ---- files */

static char dir[] = "/tmp/failpoint_test.XXXXXX";

static void
write_file(const char *name, const char *text)
{
	char path[128], hidden[128];
	FILE *f;

	(void)snprintf(hidden, sizeof(hidden), "%s/.new", dir);
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(hidden, "we");
	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0 || rename(hidden, path) < 0)
		_exit(9);
}

static void
list_is_changed_meanwhile(void *context)
{
	(void)context;
	if (FAIL_POINT_ERR(POINT))
		_exit(8);
	write_file("list", "test.point=oom\n");
	if (!FAIL_POINT_ERR(POINT) || FAIL_POINT_ERR(POINT))
		_exit(7);
	write_file("list", "test.other=oom\ntest.point=errno:EIO@2\n");
	if (FAIL_POINT_ERR(POINT) || !FAIL_POINT_ERR(POINT) || errno != EIO)
		_exit(6);
	write_file("list", "");
	if (FAIL_POINT_ERR(POINT))
		_exit(5);
}

static void
f1_a_running_process_hears_of_a_new_list(void **state)
{
	char path[128];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/list", dir);
	assert_int_equal(setenv("TELERX_FAIL_FILE", path, 1), 0);
	assert_int_equal(child("", list_is_changed_meanwhile), 0);
	assert_int_equal(unsetenv("TELERX_FAIL_FILE"), 0);
}

static int64_t
size_of(const char *name)
{
	struct stat s;
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return stat(path, &s) == 0 ? s.st_size : -1;
}

static void
f1_one_pass_of_one_process_of_many(void **state)
{
	int ended = 0;

	(void)state;
	assert_int_equal(setenv("TELERX_FAIL_DIR", dir, 1), 0);
	for (int i = 0; i < 6; i++)
		ended += child("test.point=exit@5", pass_thrice) == 1;
	assert_int_equal(ended, 1);
	assert_int_equal(size_of(POINT), 17); /* the second process ended at its second pass */
	assert_int_equal(size_of(POINT ".fired"), 1);
	assert_int_equal(unsetenv("TELERX_FAIL_DIR"), 0);
}

static int
make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int
remove_dir(void **state)
{
	static const char *const names[] = { "list", POINT, POINT ".fired" };
	char path[128];

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)unlink(path);
	}
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(f1_a_process_is_killed_or_ends),
		cmocka_unit_test(f1_only_the_nth_pass_fails),
		cmocka_unit_test(f1_a_plus_means_from_then_on),
		cmocka_unit_test(f1_errors_cuts_texts_and_waits),
		cmocka_unit_test(f1_what_cannot_be_done_is_no_silence),
		cmocka_unit_test(f1_a_running_process_hears_of_a_new_list),
		cmocka_unit_test(f1_one_pass_of_one_process_of_many),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
