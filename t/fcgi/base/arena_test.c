/* arena_test.c: memory with one lifetime, and buffers with a ceiling. */
#include "fcgi/unit.h"

#include "base/arena.h"
#include "base/buf.h"

static char order[8];

static void
note(void *p)
{
	size_t n = strlen(order);

	order[n] = *(char *)p;
	order[n + 1] = '\0';
}

static void
allocations_are_zeroed_and_aligned_also_after_a_reset(void **state)
{
	struct arena *a = arena_new(0);
	size_t i, n;
	uint8_t *p;
	int round;

	(void)state;
	for (round = 0; round < 3; round++) {
		for (n = 0; n < 2000; n += 37) {
			p = arena_alloc(a, n);
			assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
			for (i = 0; i < n; i++)
				assert_int_equal(p[i], 0);
			memset(p, 0xff, n);
		}
		arena_reset(a);
	}
	arena_free(a);
}

static void
deferred_calls_run_last_first_and_once(void **state)
{
	struct arena *a = arena_new(0);

	(void)state;
	order[0] = '\0';
	arena_defer(a, note, arena_dup(a, "1"));
	arena_defer(a, note, arena_dup(a, "2"));
	arena_defer(a, note, arena_dup(a, "3"));
	arena_reset(a);
	assert_string_equal(order, "321");
	arena_free(a);
	assert_string_equal(order, "321");
	arena_free(NULL);
}

static void
copies_are_terminated_and_independent(void **state)
{
	struct arena *a = arena_new(0);
	char source[] = "abc";
	char *copy = arena_dup(a, source), *part = arena_ndup(a, "xyz", 2), *long_text;

	(void)state;
	source[0] = 'X';
	assert_string_equal(copy, "abc");
	assert_string_equal(part, "xy");
	assert_null(arena_dup(a, NULL));
	assert_string_equal(arena_printf(a, "%s-%d", "n", 7), "n-7");
	long_text = arena_printf(a, "%0*d", 1000, 5);
	assert_int_equal(strlen(long_text), 1000);
	assert_int_equal(long_text[999], '5');
	arena_free(a);
}

static void
take(void *n)
{
	struct arena *a = arena_new(1000);

	(void)arena_alloc(a, *(size_t *)n);
	arena_free(a);
}

static void
passing_the_limit_ends_the_process(void **state)
{
	static const struct {
		size_t n;
		int status;
	} cases[] = {
		{ 900, 0 },
		{ 992, 0 },
		{ 1001, DIED },
		{ SIZE_MAX - 4, DIED },
		{ SIZE_MAX, DIED },
	};
	size_t i, n;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		n = cases[i].n;
		assert_int_equal(status_of(take, &n), cases[i].status);
	}
}

static void
big_allocations_get_their_own_block(void **state)
{
	struct arena *a = arena_new(0);
	uint8_t *p = arena_alloc(a, 300000), *q = arena_alloc(a, 10);

	(void)state;
	memset(p, 1, 300000);
	assert_int_equal(q[0], 0);
	arena_free(a);
}

static void
a_buffer_keeps_what_fits_and_remembers_that_it_failed(void **state)
{
	struct buf b = BUF_INIT(5);

	(void)state;
	assert_string_equal(buf_str(&b), "");
	buf_add(&b, "abc");
	buf_addn(&b, "de", 2);
	assert_false(b.failed);
	assert_string_equal(buf_str(&b), "abcde");
	buf_addc(&b, 'f');
	assert_true(b.failed);
	buf_addn(&b, "", 0);
	buf_addf(&b, "%d", 1);
	assert_string_equal(buf_str(&b), "abcde");
	buf_clear(&b);
	assert_false(b.failed);
	buf_addf(&b, "%s", "123456");
	assert_true(b.failed);
	assert_string_equal(buf_str(&b), "");
	buf_release(&b);
	assert_string_equal(buf_str(&b), "");
}

static void
buffers_grow_on_the_heap_and_in_an_arena_alike(void **state)
{
	struct arena *a = arena_new(0);
	struct buf heap = BUF_INIT(1 << 20), borrowed = buf_in(a, 1 << 20);
	int i;

	(void)state;
	for (i = 0; i < 3000; i++) {
		buf_addf(&heap, "%04d,", i);
		buf_addf(&borrowed, "%04d,", i);
	}
	buf_addf(&heap, "%0*d", 500, 1);
	buf_addf(&borrowed, "%0*d", 500, 1);
	assert_int_equal(heap.len, 15500);
	assert_string_equal(buf_str(&heap), buf_str(&borrowed));
	assert_memory_equal(heap.data + 14995, "2999,", 5);
	buf_release(&heap);
	buf_release(&borrowed);
	arena_free(a);
}

static void
reals_are_written_as_short_as_they_read_back(void **state)
{
	static const struct {
		double v;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ 80.1, "80.1" },
		{ 0.1, "0.1" },
		{ -2.5, "-2.5" },
		{ 1e21, "1e+21" },
		{ 0.1 + 0.2, "0.30000000000000004" },
		{ 12345, "12345" },
	};
	struct buf b = BUF_INIT(64);
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		buf_clear(&b);
		buf_add_real(&b, cases[i].v);
		assert_string_equal(buf_str(&b), cases[i].text);
	}
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allocations_are_zeroed_and_aligned_also_after_a_reset),
		cmocka_unit_test(deferred_calls_run_last_first_and_once),
		cmocka_unit_test(copies_are_terminated_and_independent),
		cmocka_unit_test(passing_the_limit_ends_the_process),
		cmocka_unit_test(big_allocations_get_their_own_block),
		cmocka_unit_test(a_buffer_keeps_what_fits_and_remembers_that_it_failed),
		cmocka_unit_test(buffers_grow_on_the_heap_and_in_an_arena_alike),
		cmocka_unit_test(reals_are_written_as_short_as_they_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
