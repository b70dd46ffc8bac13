/* printf: every conversion, with libc's printf as the judge of flags, widths and sizes. */
#include "out_testing.h"

#include <stdio.h>

enum { ARGS_AT = 8 };

/* @format with the members of @args found in @record. The text lives until the next call. */
static const char *printed(const char *format, const struct type *args, const void *record,
			   size_t size)
{
	static struct buf out;
	struct image *img = image_new(&arena, NULL);
	struct out_formats *formats;

	image_site_add(
		img, &(struct image_site){ .kind = RENDER_PRINTF, .format = format, .args = args });
	formats = out_formats_new(img);
	assert_non_null(formats);
	env.image = img;
	env.formats = formats;
	buf_done(&out);
	out_printf(&out, &env, &img->sites.v[0], record, size);
	assert_int_equal(out.err, 0);
	out_formats_free(formats);
	return out.data ? out.data : "";
}

static struct type *args_of(uint32_t n, const struct type *const *members)
{
	struct type *t = type_copy(&types, type_tuple(&types, members, n));

	for (uint32_t i = 0; i < n; i++)
		t->members[i].offset += ARGS_AT;
	return t;
}

static const char *one(const char *format, const struct type *t, const void *value, size_t size)
{
	char record[256] = { 0 };
	const struct type *args = args_of(1, &t);

	memcpy(record + args->members[0].offset, value, size);
	return printed(format, args, record, args->members[0].offset + size);
}

static const char *number(const char *format, int64_t n)
{
	return one(format, type_int(&types, 8, true), &n, sizeof(n));
}

/* What C prints for @n: its printf takes the argument in the size that the format says. */
static void by_libc(char *to, size_t size, const char *format, const char *length, int64_t n)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	if (streq(length, "l") || streq(length, "ll") || streq(length, "j") || streq(length, "z") ||
	    streq(length, "t"))
		snprintf(to, size, format, (long)n);
	else
		snprintf(to, size, format, (int)n);
#pragma GCC diagnostic pop
}

static void integers_print_as_in_c(void **state)
{
	static const char *const flags[] = { "",   "-",  "+",  " ",  "0",  "#",  "-+",
					     "+0", " 0", "-0", "#0", "-#", "+ ", "-+ #0" };
	static const char *const widths[] = { "",   "1",   "5",   "24", ".0",
					      ".3", "8.3", "3.8", "8.", "30.25" };
	static const char *const sizes[] = { "", "hh", "h", "l", "ll", "j", "z", "t" };
	static const int64_t values[] = { 0,
					  1,
					  -1,
					  7,
					  8,
					  42,
					  99,
					  100,
					  255,
					  256,
					  -128,
					  65535,
					  70000,
					  INT32_MAX,
					  INT32_MIN,
					  4294967295,
					  0x123456789ab,
					  INT64_MAX,
					  INT64_MIN };
	char format[64], expected[128];

	(void)state;
	for (const char *c = "diuoxX"; *c; c++)
		for (size_t f = 0; f < ARRAY_LEN(flags); f++)
			for (size_t w = 0; w < ARRAY_LEN(widths); w++)
				for (size_t s = 0; s < ARRAY_LEN(sizes); s++)
					for (size_t v = 0; v < ARRAY_LEN(values); v++) {
						snprintf(format, sizeof(format), "<%%%s%s%s%c>",
							 flags[f], widths[w], sizes[s], *c);
						by_libc(expected, sizeof(expected), format,
							sizes[s], values[v]);
						if (!streq(number(format, values[v]), expected))
							fail_msg("%s of %ld: '%s', C has '%s'",
								 format, (long)values[v],
								 number(format, values[v]),
								 expected);
					}
}

static void narrow_types_are_widened_first(void **state)
{
	(void)state;
	assert_string_equal(one("%d %", type_int(&types, 1, true), &(int8_t){ -5 }, 1), "-5 %");
	assert_string_equal(one("%d", type_int(&types, 1, false), &(uint8_t){ 200 }, 1), "200");
	assert_string_equal(one("%lx", type_int(&types, 4, true), &(int32_t){ -1 }, 4),
			    "ffffffffffffffff");
	assert_string_equal(one("%lx", type_int(&types, 4, false), &(uint32_t){ UINT32_MAX }, 4),
			    "ffffffff");
	assert_string_equal(one("%lu", type_int(&types, 8, false), &(uint64_t){ UINT64_MAX }, 8),
			    "18446744073709551615");
	assert_string_equal(one("%d", type_bool(&types), &(uint8_t){ 1 }, 1), "1");
}

static void characters_and_pointers(void **state)
{
	(void)state;
	assert_string_equal(number("%c|%%", 65), "A|%");
	assert_string_equal(number("%5c|", 65), "    A|");
	assert_string_equal(number("%-5c|", 65), "A    |");
	assert_string_equal(number("%p", 4096), "0x1000");
	assert_string_equal(number("%p", 0), "0x0");
	assert_string_equal(number("%p", -1), "0xffffffffffffffff");
	assert_string_equal(number("%8p|", 255), "    0xff|");
	assert_string_equal(number("%-8p|", 255), "0xff    |");
}

static void strings_with_width_and_precision(void **state)
{
	const struct type *t = type_string(&types, 8);

	(void)state;
	assert_string_equal(one("%s", t, "text\0\0\0", 8), "text");
	assert_string_equal(one("%8s|", t, "text\0\0\0", 8), "    text|");
	assert_string_equal(one("%-8s|", t, "text\0\0\0", 8), "text    |");
	assert_string_equal(one("%.2s|", t, "text\0\0\0", 8), "te|");
	assert_string_equal(one("%5.1s|", t, "text\0\0\0", 8), "    t|");
	assert_string_equal(one("%.0s|", t, "text\0\0\0", 8), "|");
	assert_string_equal(one("%2s|", t, "text\0\0\0", 8), "text|");
	assert_string_equal(one("%s|", t, "12345678", 8), "12345678..|");
	assert_string_equal(one("%s|", t, "12", 2), "12|"); /* the record ends with the string */
}

static void s_takes_anything(void **state)
{
	const struct type *i32 = type_int(&types, 4, true);
	const struct type *pair = testing_tuple(i32, type_string(&types, 4));
	struct {
		int32_t a;
		char b[4];
	} v = { 1, "a" };

	(void)state;
	assert_string_equal(number("%s", 12), "12");
	assert_string_equal(number("%5s|", -3), "   -3|");
	assert_string_equal(one("%s", pair, &v, sizeof(v)), "(1, a)");
	assert_string_equal(one("%9s|", pair, &v, sizeof(v)), "   (1, a)|");
	/* and a number's conversion given something else prints what it is */
	assert_string_equal(one("%d", pair, &v, sizeof(v)), "(1, a)");
}

static void bytes_in_three_spellings(void **state)
{
	const struct type *t = type_simple(&types, TYPE_BUFFER, 12);
	struct {
		uint32_t len;
		char data[8];
	} b = { 4, { 'a', 0, '~', 0x7f } };

	(void)state;
	assert_string_equal(one("%r", t, &b, sizeof(b)), "a\\x00~\\x7f");
	assert_string_equal(one("%rx", t, &b, sizeof(b)), "\\x61\\x00\\x7e\\x7f");
	assert_string_equal(one("%rh", t, &b, sizeof(b)), "61 00 7e 7f");
	assert_string_equal(one("%14rh|", t, &b, sizeof(b)), "   61 00 7e 7f|");
	assert_string_equal(one("%r", type_string(&types, 8), "a\n\0\0\0\0\0", 8), "a\\x0a");
	b.len = UINT32_MAX;
	assert_string_equal(one("%rh", t, &b, sizeof(b)), "61 00 7e 7f 00 00 00 00");
	assert_string_equal(one("%rx|", t, &b, 6), "\\x61\\x00|");
}

static void allocation_flags_by_name(void **state)
{
	(void)state;
	assert_string_equal(number("%gr", 0xcc0), "GFP_KERNEL");
	assert_string_equal(number("%gr", 0xdc0), "GFP_KERNEL|__GFP_ZERO");
	assert_string_equal(number("%gr", 0x820), "GFP_ATOMIC");
	assert_string_equal(number("%gr", 0x40000000), "0x40000000");
	assert_string_equal(number("%gr", 0), "0x0");
	assert_string_equal(number("%14gr|", 0xcc0), "    GFP_KERNEL|");
}

static void several_arguments_and_stars(void **state)
{
	const struct type *i64 = type_int(&types, 8, true);
	const struct type *args = args_of(4, (const struct type *const[]){ i64, i64, i64, i64 });
	struct {
		uint64_t head;
		int64_t v[4];
	} r = { 0, { 5, 42, -6, 7 } };

	(void)state;
	assert_string_equal(printed("%d,%d,%d,%d", args, &r, sizeof(r)), "5,42,-6,7");
	assert_string_equal(printed("%*d|%*d|", args, &r, sizeof(r)), "   42|7     |");
	assert_string_equal(printed("%-*d|%.*d|", args, &r, sizeof(r)), "42   |7|");
	assert_string_equal(printed("%.*d|%d %d %d|", args, &r, sizeof(r)), "00042|-6 7 |");
	r.v[0] = INT64_MAX; /* a width is believed up to a bound */
	assert_int_equal(strlen(printed("%*d", args, &r, sizeof(r))), 65536);
	r.v[0] = INT64_MIN;
	assert_int_equal(strlen(printed("%*d", args, &r, sizeof(r))), 65536);
}

static void text_without_conversions_stands_as_it_is(void **state)
{
	uint64_t head = 0;

	(void)state;
	assert_string_equal(printed("", NULL, &head, 8), "");
	assert_string_equal(printed("plain\n", NULL, &head, 8), "plain\n");
	assert_string_equal(printed("100%% %%d%%%%", NULL, &head, 8), "100% %d%%");
	assert_string_equal(printed("50% y %y %", NULL, &head, 8), "50% y %y %");
	assert_string_equal(printed("%", NULL, &head, 8), "%");
	assert_string_equal(printed("%-08.3l", NULL, &head, 8), "%-08.3l");
	assert_string_equal(printed("[%d]", NULL, &head, 8), "[]"); /* no argument for it */
}

static void members_past_the_end_print_as_empty(void **state)
{
	const struct type *i64 = type_int(&types, 8, true);
	const struct type *args = args_of(2, (const struct type *const[]){ i64, i64 });
	struct {
		uint64_t head;
		int64_t v[2];
	} r = { 0, { 1, 2 } };

	(void)state;
	assert_string_equal(printed("%d|%5d|", args, &r, 16), "1|     |");
	assert_string_equal(printed("%d|%d|", args, &r, 20), "1||");
	assert_string_equal(printed("%d|%d|", args, &r, 4), "||");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_print_as_in_c),
		cmocka_unit_test(narrow_types_are_widened_first),
		cmocka_unit_test(characters_and_pointers),
		cmocka_unit_test(strings_with_width_and_precision),
		cmocka_unit_test(s_takes_anything),
		cmocka_unit_test(bytes_in_three_spellings),
		cmocka_unit_test(allocation_flags_by_name),
		cmocka_unit_test(several_arguments_and_stars),
		cmocka_unit_test(text_without_conversions_stands_as_it_is),
		cmocka_unit_test(members_past_the_end_print_as_empty),
	};

	return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
