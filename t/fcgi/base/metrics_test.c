/* metrics_test.c: counting in threads and processes, and the printed form. */
#include "fcgi/unit.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/metrics.h"

static void
expect_line(const char *line)
{
	struct buf out = BUF_INIT((size_t)1 << 20);
	bool found;

	metrics_print(&out);
	found = strstr(buf_str(&out), line) != NULL;
	if (!found)
		print_error("not found: %s in\n%s\n", line, buf_str(&out));
	buf_release(&out);
	assert_true(found);
}

static void
the_three_kinds_are_printed(void **state)
{
	(void)state;
	assert_int_equal(metrics_join(-1, 0), 0);
	metric_add("t_requests_total", "route=\"/x\",status=\"200\"", 1);
	metric_add("t_requests_total", "route=\"/x\",status=\"200\"", 2);
	metric_add("t_requests_total", "route=\"/y\",status=\"200\"", 1);
	metric_set("t_open", NULL, 7);
	metric_set("t_open", "", 5);
	metric_observe("t_seconds", "route=\"/x\"", 0.001);
	metric_observe("t_seconds", "route=\"/x\"", 0.0011);
	metric_observe("t_seconds", "route=\"/x\"", 30.5);
	expect_line("# TYPE t_requests_total counter\nt_requests_total{route=\"/x\",status=\"200\"} 3\n"
		    "t_requests_total{route=\"/y\",status=\"200\"} 1\n");
	expect_line("# TYPE t_open gauge\nt_open 5\n");
	expect_line("# TYPE t_seconds histogram\nt_seconds_bucket{route=\"/x\",le=\"0.001\"} 1\n"
		    "t_seconds_bucket{route=\"/x\",le=\"0.0025\"} 2\n");
	expect_line("t_seconds_bucket{route=\"/x\",le=\"30\"} 2\nt_seconds_bucket{route=\"/x\",le=\"+Inf\"} 3\n"
		    "t_seconds_sum{route=\"/x\"} 30.5021\nt_seconds_count{route=\"/x\"} 3\n");
}

static void *
count_up(void *unused)
{
	char labels[32];
	int i;

	(void)unused;
	for (i = 0; i < 20000; i++) {
		(void)snprintf(labels, sizeof(labels), "n=\"%d\"", i % 10);
		metric_add("t_threads_total", labels, 1);
	}
	return NULL;
}

static void
threads_lose_nothing(void **state)
{
	pthread_t threads[4];
	int i;

	(void)state;
	assert_int_equal(metrics_join(-1, 3), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_up, NULL), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	expect_line("t_threads_total{n=\"0\"} 8000\n");
	expect_line("t_threads_total{n=\"9\"} 8000\n");
}

struct place {
	int fd;
	unsigned lane;
};

static void
work_in(void *p)
{
	const struct place *place = p;

	if (metrics_join(place->fd, place->lane) < 0)
		_exit(1);
	metric_add("t_pool_total", NULL, 10);
	metric_set("t_busy", NULL, 3);
}

static void
lanes_are_added_up_and_outlive_their_process(void **state)
{
	struct place one = { .lane = 0 }, two = { .lane = METRICS_LANES - 1 };

	(void)state;
	one.fd = two.fd = metrics_create();
	assert_true(one.fd >= 0);
	assert_int_equal(status_of(work_in, &one), 0);
	assert_int_equal(status_of(work_in, &two), 0);
	assert_int_equal(metrics_join(one.fd, 1), 0);
	expect_line("t_pool_total 20\n");
	expect_line("t_busy 6\n");
	/* The process of lane 0 is replaced: what it counted stays, its gauge went with it. */
	assert_int_equal(metrics_join(one.fd, 0), 0);
	expect_line("t_pool_total 20\n");
	expect_line("t_busy 3\n");
	(void)close(one.fd);
}

static void
a_full_lane_says_so(void **state)
{
	char labels[32];
	int i;

	(void)state;
	assert_int_equal(metrics_join(-1, 0), 0);
	for (i = 0; i < 1030; i++) {
		(void)snprintf(labels, sizeof(labels), "n=\"%d\"", i);
		metric_add("t_many_total", labels, 1);
	}
	expect_line("telerx_metrics_refused_total 6\n");
	assert_int_equal(metrics_join(-1, METRICS_LANES), -1);
	assert_int_equal(errno, EINVAL);
}

static void
name_too_long(void *p)
{
	(void)p;
	metric_add("a_name_that_is_so_long_that_it_can_only_be_a_programming_error_total", NULL, 1);
}

static void
a_series_that_does_not_fit_ends_the_process(void **state)
{
	(void)state;
	assert_int_equal(status_of(name_too_long, NULL), DIED);
}

/* A pool's master may be of another build than its next process. */
static void
a_board_of_another_shape_is_not_used(void **state)
{
	int fd = memfd_create("another", MFD_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 4096), 0);
	assert_int_equal(metrics_join(fd, METRICS_LANES - 1), 0);
	metric_add("t_another_total", NULL, 3);
	expect_line("t_another_total 3\n");
	(void)close(fd);
}

/* A pool's scoreboard is large enough for everything and costs what is counted in it; reading it does not make it larger. */
static void
memory_that_nobody_counts_in_is_not_touched(void **state)
{
	int fd = metrics_create();
	struct metric_series *all;
	struct stat st;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(metrics_join(fd, 2), 0);
	metric_add("t_alone_total", NULL, 4);
	metric_set("t_alone", NULL, 2);
	assert_int_equal(metrics_join(fd, 2), 0);
	assert_int_equal(metrics_read(&all), 2);
	free(all);
	expect_line("t_alone_total 4\n");
	expect_line("t_alone 0\n");
	assert_int_equal(fstat(fd, &st), 0);
	/* The heads of the lanes, one lane's index, the page of its first slots. */
	assert_int_equal(st.st_blocks, 3 * 4096 / 512);
	(void)close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_three_kinds_are_printed),
		cmocka_unit_test(threads_lose_nothing),
		cmocka_unit_test(lanes_are_added_up_and_outlive_their_process),
		cmocka_unit_test(a_full_lane_says_so),
		cmocka_unit_test(memory_that_nobody_counts_in_is_not_touched),
		cmocka_unit_test(a_board_of_another_shape_is_not_used),
		cmocka_unit_test(a_series_that_does_not_fit_ends_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
