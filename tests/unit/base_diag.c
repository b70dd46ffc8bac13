/* Places in source texts, and diagnostics as users see them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/diag.h"

struct fixture {
	struct arena arena;
	jmp_buf out;
	struct sources sources;
	struct diags diags;
	struct source *src;
};

static int set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	arena_init(&f.arena, &f.out);
	f.sources.arena = &f.arena;
	f.src = sources_add(&f.sources, "a.bt", "one\n\ttwo three\nfour", 19);
	sources_add(&f.sources, "b.bt", "five", 4);
	diags_init(&f.diags, &f.arena, &f.sources);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	arena_done(&((struct fixture *)*state)->arena);
	return 0;
}

static struct span at(const struct fixture *f, uint32_t lo, uint32_t hi)
{
	return (struct span){ f->src->base + lo, f->src->base + hi };
}

static void positions_become_lines_and_columns(void **state)
{
	struct fixture *f = *state;
	struct place p = sources_place(&f->sources, f->src->base + 5);

	assert_string_equal(p.source->name, "a.bt");
	assert_int_equal(p.line, 2);
	assert_int_equal(p.column, 2);
	p = sources_place(&f->sources, f->src->base + 19); /* the end of the text is a place too */
	assert_int_equal(p.line, 3);
	assert_int_equal(p.column, 5);
	p = sources_place(&f->sources, f->src->base + 20);
	assert_string_equal(p.source->name, "b.bt");
	assert_int_equal(p.column, 1);
	assert_null(sources_place(&f->sources, 0).source);
	assert_null(sources_place(&f->sources, 1000).source);
}

static void spans_join_and_none_adds_nothing(void **state)
{
	struct span a = { 5, 7 }, b = { 2, 3 }, both = span_join(a, b);

	(void)state;
	assert_int_equal(both.lo, 2);
	assert_int_equal(both.hi, 7);
	both = span_join(SPAN_NONE, b);
	assert_int_equal(both.lo, 2);
	assert_int_equal(both.hi, 3);
}

static void expect(const struct fixture *f, const struct diag *d, const char *text)
{
	struct buf out = { 0 };

	diag_render(&out, &f->diags, d, false);
	assert_string_equal(out.data, text);
	buf_done(&out);
}

static void a_message_shows_place_line_caret_and_hint(void **state)
{
	struct fixture *f = *state;
	const char *names[] = { "throw", "three" };

	assert_int_equal(diag_error(&f->diags, at(f, 9, 14), "no %s here", "thre"), -22);
	diag_hint_nearest(&f->diags, "thre", names, 2);
	expect(f, f->diags.first,
	       "a.bt:2:6-10: ERROR: no thre here\n"
	       "\ttwo three\n"
	       "\t    ^~~~~\n"
	       "HINT: did you mean three?\n");
}

static void a_message_without_place_stands_alone(void **state)
{
	struct fixture *f = *state;

	diag_warning(&f->diags, SPAN_NONE, "beware");
	expect(f, f->diags.first, "WARNING: beware\n");
	assert_int_equal(f->diags.errors, 0);
	assert_int_equal(f->diags.warnings, 1);
}

static void a_span_over_lines_underlines_the_first(void **state)
{
	struct fixture *f = *state;

	diag_error(&f->diags, at(f, 9, 17), "long");
	expect(f, f->diags.first, "a.bt:2:6: ERROR: long\n\ttwo three\n\t    ^~~~~\n");
}

/* The tail of a garbled or generated script may be one line of megabytes, with terminal codes. */
static void a_long_line_is_shown_around_the_place_and_obeys_no_codes(void **state)
{
	struct fixture *f = *state;
	char text[1000];
	struct buf out = { 0 };

	memset(text, 'a', sizeof(text));
	memcpy(text + 500, "b\033[c", 4);
	f->src = sources_add(&f->sources, "c.bt", text, sizeof(text));
	diag_error(&f->diags, at(f, 500, 1000), "far");
	diag_render(&out, &f->diags, f->diags.first, false);
	assert_non_null(strstr(out.data, "\n...aaa"));
	assert_non_null(strstr(out.data, "aab?[caa"));
	assert_non_null(strstr(out.data, "aaa...\n"));
	assert_int_equal(strstr(out.data, "b?[c") - strstr(out.data, "..."),
			 strchr(out.data, '^') - strstr(out.data, "   "));
	assert_true(out.len < 600);
	buf_done(&out);
}

static void a_line_end_of_two_characters_is_not_shown(void **state)
{
	struct fixture *f = *state;

	f->src = sources_add(&f->sources, "d.bt", "one\r\ntwo\r\n", 10);
	diag_error(&f->diags, at(f, 0, 3), "odd");
	expect(f, f->diags.first, "d.bt:1:1-3: ERROR: odd\none\n^~~\n");
}

static void the_same_message_is_kept_once(void **state)
{
	struct fixture *f = *state;

	diag_error(&f->diags, at(f, 0, 1), "same");
	diag_error(&f->diags, at(f, 0, 1), "same");
	diag_error(&f->diags, at(f, 1, 2), "same");
	assert_int_equal(f->diags.errors, 2);
}

static void the_nearest_name_is_near(void **state)
{
	const char *names[] = { "sys_enter_openat", "sys_enter_open", "sys_exit_openat", "x" };

	(void)state;
	assert_string_equal(nearest_name("sys_enter_opnat", names, 4), "sys_enter_openat");
	assert_string_equal(nearest_name("sys_enter_opneat", names, 4), "sys_enter_openat");
	assert_null(nearest_name("kmalloc", names, 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(positions_become_lines_and_columns, set_up,
						tear_down),
		cmocka_unit_test(spans_join_and_none_adds_nothing),
		cmocka_unit_test_setup_teardown(a_message_shows_place_line_caret_and_hint, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_message_without_place_stands_alone, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_span_over_lines_underlines_the_first, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			a_long_line_is_shown_around_the_place_and_obeys_no_codes, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(a_line_end_of_two_characters_is_not_shown, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(the_same_message_is_kept_once, set_up, tear_down),
		cmocka_unit_test(the_nearest_name_is_near),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
