/* Arenas, vectors, buffers and tables: memory that the whole tree stands on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/table.h"

static void arena_memory_is_zeroed_and_aligned(void **state)
{
	struct arena a;
	jmp_buf out;

	(void)state;
	arena_init(&a, &out);
	for (size_t size = 0; size < 20000; size += 997) {
		unsigned char *p = arena_alloc(&a, size);

		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, size);
	}
	arena_done(&a);
	assert_null(a.blocks);
}

static void a_large_block_leaves_the_current_one_in_use(void **state)
{
	struct arena a;
	jmp_buf out;
	char *first, *after;

	(void)state;
	arena_init(&a, &out);
	first = arena_alloc(&a, 16);
	arena_alloc(&a, 100000);
	after = arena_alloc(&a, 16);
	assert_ptr_equal(after, first + 16);
	arena_done(&a);
}

static void running_out_of_memory_jumps_to_the_guard(void **state)
{
	struct arena a;
	jmp_buf out;

	(void)state;
	arena_init(&a, &out);
	if (setjmp(out) == 0) {
		arena_alloc(&a, SIZE_MAX);
		fail_msg("an impossible allocation came back");
	}
	arena_done(&a);
}

static void growing_keeps_content_and_clears_the_rest(void **state)
{
	struct arena a;
	jmp_buf out;
	char *p, *q;

	(void)state;
	arena_init(&a, &out);
	p = arena_alloc(&a, 10);
	memset(p, 'x', 10);
	q = arena_grow(&a, p, 10, 400);
	assert_ptr_equal(p, q); /* the last allocation grows where it is */
	assert_memory_equal(q, "xxxxxxxxxx", 10);
	assert_int_equal(q[10], 0);
	arena_alloc(&a, 1);
	q = arena_grow(&a, p, 400, 800);
	assert_ptr_not_equal(p, q);
	assert_memory_equal(q, "xxxxxxxxxx", 10);
	assert_int_equal(q[799], 0);
	arena_done(&a);
}

static void vectors_hold_what_was_pushed(void **state)
{
	VEC(int) v = { 0 };
	struct arena a;
	jmp_buf out;

	(void)state;
	arena_init(&a, &out);
	for (int i = 0; i < 1000; i++)
		vec_push(&a, &v, i * 3);
	assert_int_equal(v.n, 1000);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(v.v[i], i * 3);
	arena_done(&a);
}

static void buffers_format_and_pad(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_puts(&b, "a");
	buf_printf(&b, "%d-%s", 12, "x");
	buf_pad(&b, '.', 3);
	buf_add(&b, "\0z", 2);
	assert_int_equal(b.len, 10);
	assert_memory_equal(b.data, "a12-x...\0z", 11);
	buf_clear(&b);
	assert_string_equal(b.data, "");
	buf_done(&b);
}

static void a_failed_write_sticks(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_puts(&b, "kept");
	assert_null(buf_reserve(&b, SIZE_MAX / 3));
	assert_int_equal(b.err, -12);
	buf_puts(&b, "lost");
	assert_string_equal(b.data, "kept");
	buf_done(&b);
}

static void files_are_read_whole_or_refused(void **state)
{
	char path[] = "/tmp/skep-base-XXXXXX";
	int fd = mkstemp(path);
	struct buf b = { 0 };
	char block[5000];

	(void)state;
	assert_true(fd >= 0);
	memset(block, 'q', sizeof(block));
	for (int i = 0; i < 20; i++)
		assert_int_equal(write(fd, block, sizeof(block)), sizeof(block));
	close(fd);
	assert_int_equal(buf_read_file(&b, -100, path, 100000), 0);
	assert_int_equal(b.len, 100000);
	assert_int_equal(b.data[99999], 'q');
	buf_clear(&b);
	assert_int_equal(buf_read_file(&b, -100, path, 99999), -27);
	unlink(path);
	assert_int_equal(buf_read_file(&b, -100, path, 1), -2);
	buf_done(&b);
}

static void tables_find_every_key_and_no_other(void **state)
{
	struct table t = { 0 };
	struct arena a;
	jmp_buf out;

	(void)state;
	arena_init(&a, &out);
	assert_null(table_get(&t, "k1"));
	for (intptr_t i = 1; i <= 500; i++)
		table_put(&a, &t, arena_printf(&a, "k%d", (int)i), (void *)i);
	table_put(&a, &t, "k7", (void *)(intptr_t)7000);
	assert_int_equal(t.n, 500);
	for (intptr_t i = 1; i <= 500; i++)
		assert_int_equal((intptr_t)table_get(&t, arena_printf(&a, "k%d", (int)i)),
				 i == 7 ? 7000 : i);
	assert_null(table_get(&t, "k501"));
	assert_int_equal((intptr_t)table_getn(&t, "k12345", 3), 12);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arena_memory_is_zeroed_and_aligned),
		cmocka_unit_test(a_large_block_leaves_the_current_one_in_use),
		cmocka_unit_test(running_out_of_memory_jumps_to_the_guard),
		cmocka_unit_test(growing_keeps_content_and_clears_the_rest),
		cmocka_unit_test(vectors_hold_what_was_pushed),
		cmocka_unit_test(buffers_format_and_pad),
		cmocka_unit_test(a_failed_write_sticks),
		cmocka_unit_test(files_are_read_whole_or_refused),
		cmocka_unit_test(tables_find_every_key_and_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
