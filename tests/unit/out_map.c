/* Whole maps: bars, sorting, merging over CPUs, top and div, text and JSON. */
#include "out_testing.h"

#include <stdio.h>

#include "image/agg.h"

/* A map and what is in it. Values may be given for several CPUs. */
struct filled {
	struct image_map map;
	struct out_map entries;
};

static void fill_start(struct filled *f, const struct type *key, uint32_t key_size,
		       const struct type *value, uint32_t value_size)
{
	*f = (struct filled){ .map = { .name = "@m",
				       .key = key,
				       .value = value,
				       .key_size = key_size,
				       .value_size = value_size } };
	f->entries.map = &f->map;
}

static void fill(struct filled *f, const void *key, const void *value)
{
	assert_int_equal(out_map_add(&f->entries, key, value, 1, f->map.value_size), 0);
}

/* The text lives until the next call. */
static const char *printed(struct filled *f, enum out_format format, int64_t top, int64_t div)
{
	static struct buf out;

	env.format = format;
	buf_done(&out);
	out_map_print(&out, &env, &f->entries, top, div);
	assert_int_equal(out.err, 0);
	if (format == OUT_JSON && out.len) {
		assert_int_equal(out.data[out.len - 1], '\n');
		out.data[out.len - 1] = '\0';
		assert_json(out.data);
	}
	return out.data ? out.data : "";
}

#define assert_map(f, as_text, as_json)                                     \
	do {                                                                \
		assert_string_equal(printed((f), OUT_TEXT, 0, 0), as_text); \
		assert_string_equal(printed((f), OUT_JSON, 0, 0), as_json); \
	} while (0)

static const struct type *i64(void)
{
	return type_int(&types, 8, true);
}

static const struct type *u64(void)
{
	return type_int(&types, 8, false);
}

static void integers_sort_ascending_by_value(void **state)
{
	struct filled f;

	(void)state;
	fill_start(&f, type_string(&types, 8), 8, i64(), 8);
	fill(&f, "high\0\0\0", &(int64_t){ 9 });
	fill(&f, "low\0\0\0\0", &(int64_t){ -3 });
	fill(&f, "least\0\0", &(int64_t){ INT64_MIN });
	fill(&f, "b\0\0\0\0\0\0", &(int64_t){ 5 });
	fill(&f, "a\0\0\0\0\0\0", &(int64_t){ 5 });
	assert_map(
		&f,
		"@m[least]: -9223372036854775808\n@m[low]: -3\n@m[a]: 5\n@m[b]: 5\n@m[high]: 9\n",
		"{\"type\": \"map\", \"data\": {\"@m\": {\"least\": -9223372036854775808, "
		"\"low\": -3, \"a\": 5, \"b\": 5, \"high\": 9}}}");
	out_map_done(&f.entries);
}

static void unsigned_values_sort_as_unsigned(void **state)
{
	struct filled f;

	(void)state;
	fill_start(&f, i64(), 8, u64(), 8);
	fill(&f, &(int64_t){ 1 }, &(uint64_t){ UINT64_MAX });
	fill(&f, &(int64_t){ 2 }, &(uint64_t){ 5 });
	assert_map(&f, "@m[2]: 5\n@m[1]: 18446744073709551615\n",
		   "{\"type\": \"map\", \"data\": {\"@m\": {\"2\": 5, "
		   "\"1\": \"18446744073709551615\"}}}");
	out_map_done(&f.entries);
}

static void other_values_sort_by_key(void **state)
{
	struct filled f;

	(void)state;
	fill_start(&f, i64(), 8, type_string(&types, 4), 4);
	fill(&f, &(int64_t){ 5 }, "a\0\0");
	fill(&f, &(int64_t){ -1 }, "x\0\0");
	fill(&f, &(int64_t){ 0 }, "z\0\0");
	assert_string_equal(printed(&f, OUT_TEXT, 0, 0), "@m[-1]: x\n@m[0]: z\n@m[5]: a\n");
	out_map_done(&f.entries);
}

static void tuple_keys_lose_their_brackets(void **state)
{
	const struct type *inner = testing_tuple(i64(), type_string(&types, 8));
	const struct type *key = testing_tuple(i64(), inner), *value = testing_tuple(i64(), i64());
	struct {
		int64_t a, b;
		char c[8];
	} k1 = { 2, 1, "x y" }, k2 = { 1, 9, "z" }, k3 = { 1, 8, "z" };
	struct filled f;

	(void)state;
	fill_start(&f, key, sizeof(k1), value, 16);
	fill(&f, &k1, ((int64_t[2]){ 1, 2 }));
	fill(&f, &k2, ((int64_t[2]){ 3, 4 }));
	fill(&f, &k3, ((int64_t[2]){ 5, 6 }));
	assert_map(&f, "@m[1, (8, z)]: (5, 6)\n@m[1, (9, z)]: (3, 4)\n@m[2, (1, x y)]: (1, 2)\n",
		   "{\"type\": \"map\", \"data\": {\"@m\": {\"1,(8,z)\": [5,6], "
		   "\"1,(9,z)\": [3,4], \"2,(1,x y)\": [1,2]}}}");
	out_map_done(&f.entries);
}

static void stacks_as_keys_and_values(void **state)
{
	struct type stack = { .kind = TYPE_KSTACK, .size = sizeof(struct stack_value), .align = 8 };
	const struct type *key = testing_tuple(&stack, i64());
	struct {
		struct stack_value s;
		int64_t n;
	} k = { { .id = 7, .limit = 1 }, 5 };
	struct filled f;

	(void)state;
	fill_start(&f, key, sizeof(k), i64(), 8);
	fill(&f, &k, &(int64_t){ 1 });
	assert_map(&f, "@m[\n        kernel_fn+5\n, 5]: 1\n",
		   "{\"type\": \"map\", \"data\": {\"@m\": {\"\\nkernel_fn+5\\n,5\": 1}}}");
	out_map_done(&f.entries);
	fill_start(&f, NULL, 4, &stack, sizeof(struct stack_value) + 8);
	fill(&f, "", ((uint64_t[3]){ 7, 1ull << 32, 1 }));
	assert_string_equal(printed(&f, OUT_TEXT, 0, 0), "@m: \n        kernel_fn+5\n\n");
	out_map_done(&f.entries);
}

static void maps_without_keys_print_once_set(void **state)
{
	struct filled f;

	(void)state;
	fill_start(&f, NULL, 4, i64(), 16);
	fill(&f, "\0\0\0", ((int64_t[2]){ 5, 0 }));
	assert_int_equal(f.entries.n, 0);
	assert_map(&f, "", "");
	fill(&f, "\0\0\0", ((int64_t[2]){ -5, 1 }));
	assert_map(&f, "@m: -5\n", "{\"type\": \"map\", \"data\": {\"@m\": -5}}");
	out_map_done(&f.entries);
}

static void empty_maps_print_nothing(void **state)
{
	struct filled f;

	(void)state;
	fill_start(&f, i64(), 8, i64(), 8);
	assert_map(&f, "", "");
	out_map_done(&f.entries);
}

static void cpus_are_merged_by_type(void **state)
{
	struct type max = { .kind = TYPE_MAX, .size = 16, .is_signed = true };
	struct filled f;

	(void)state;
	fill_start(&f, i64(), 8, &max, 16);
	out_map_add(&f.entries, &(int64_t){ 1 }, ((int64_t[6]){ 0, 0, -7, 1, -9, 1 }), 3, 16);
	out_map_add(&f.entries, &(int64_t){ 2 }, ((int64_t[6]){ 3, 1, 2, 1, 0, 0 }), 3, 16);
	assert_map(&f, "@m[1]: -7\n@m[2]: 3\n",
		   "{\"type\": \"map\", \"data\": {\"@m\": {\"1\": -7, \"2\": 3}}}");
	out_map_done(&f.entries);
	/* scalar: only CPUs that have set it count; hosts may pad values */
	fill_start(&f, NULL, 4, i64(), 16);
	out_map_add(&f.entries, "\0\0\0", ((int64_t[9]){ 4, 1, -1, 5, 1, -1, 100, 0, -1 }), 3, 24);
	assert_map(&f, "@m: 9\n", "{\"type\": \"map\", \"data\": {\"@m\": 9}}");
	out_map_done(&f.entries);
}

static void averages_and_stats(void **state)
{
	struct type avg = { .kind = TYPE_AVG, .size = 16, .is_signed = true };
	struct type stats = { .kind = TYPE_STATS, .size = 16 };
	struct filled f;

	(void)state;
	fill_start(&f, i64(), 8, &avg, 16);
	fill(&f, &(int64_t){ 1 }, ((int64_t[2]){ 2, 20 }));
	fill(&f, &(int64_t){ 2 }, ((int64_t[2]){ 3, -9 }));
	assert_map(&f, "@m[2]: -3\n@m[1]: 10\n",
		   "{\"type\": \"stats\", \"data\": {\"@m\": {\"2\": -3, \"1\": 10}}}");
	assert_string_equal(printed(&f, OUT_TEXT, 0, 5), "@m[2]: 0\n@m[1]: 2\n");
	out_map_done(&f.entries);
	fill_start(&f, NULL, 4, &stats, 24);
	fill(&f, "", ((int64_t[3]){ 2, 15, 1 }));
	assert_map(&f, "@m: { .count = 2, .average = 7, .total = 15 }\n",
		   "{\"type\": \"stats\", \"data\": {\"@m\": {\"count\": 2, \"average\": 7, "
		   "\"total\": 15}}}");
	out_map_done(&f.entries);
}

static void top_keeps_the_largest_and_div_divides(void **state)
{
	struct type count = { .kind = TYPE_COUNT, .size = 8 };
	struct filled f;

	(void)state;
	fill_start(&f, type_string(&types, 2), 2, &count, 8);
	fill(&f, "a", &(uint64_t){ 10 });
	fill(&f, "b", &(uint64_t){ 30 });
	fill(&f, "c", &(uint64_t){ 20 });
	assert_string_equal(printed(&f, OUT_TEXT, 2, 0), "@m[c]: 20\n@m[b]: 30\n");
	assert_string_equal(printed(&f, OUT_TEXT, 9, 0), "@m[a]: 10\n@m[c]: 20\n@m[b]: 30\n");
	assert_string_equal(printed(&f, OUT_TEXT, 1, 7), "@m[b]: 4\n");
	assert_string_equal(printed(&f, OUT_JSON, 1, 7),
			    "{\"type\": \"map\", \"data\": {\"@m\": {\"b\": 4}}}");
	out_map_done(&f.entries);
	fill_start(&f, i64(), 8, type_int(&types, 4, true), 8);
	fill(&f, &(int64_t){ 1 }, &(int64_t){ -9 });
	assert_string_equal(printed(&f, OUT_TEXT, 0, 2), "@m[1]: -4\n");
	out_map_done(&f.entries);
}

static void many_entries_stay_in_order(void **state)
{
	struct filled f;
	const char *text;
	int64_t last = -1;

	(void)state;
	fill_start(&f, i64(), 8, i64(), 8);
	for (int64_t i = 0; i < 5000; i++)
		fill(&f, &i, &(int64_t){ i * 7919 % 5000 });
	text = printed(&f, OUT_TEXT, 0, 0);
	for (int i = 0; i < 5000; i++) {
		int64_t n = strtoll(strchr(text, ' '), NULL, 10);

		assert_int_equal(n, last + 1);
		last = n;
		text = strchr(text, '\n') + 1;
	}
	out_map_done(&f.entries);
}

/* ---- histograms ---- */

#define EMPTY "|                                                    |\n"
#define FULL "|@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|\n"
#define HALF "|@@@@@@@@@@@@@@@@@@@@@@@@@@                          |\n"

static struct type hist_type(uint32_t bits)
{
	return (struct type){ .kind = TYPE_HIST, .min = bits, .size = hist_buckets(bits) * 8 };
}

static void fill_hist(struct filled *f, const struct type *t, const int64_t *values, size_t n)
{
	uint64_t counts[2000] = { 0 };

	fill_start(f, NULL, 4, t, agg_size(t) + 8);
	counts[agg_size(t) / 8] = 1;
	for (size_t i = 0; i < n; i++)
		counts[hist_bucket(values[i], t->min)]++;
	fill(f, "", counts);
}

static void histogram_bars(void **state)
{
	static const int64_t values[] = { -5, INT64_MIN, 0, 1, 2, 1025, 1500 };
	struct type t = hist_type(0);
	struct filled f;

	(void)state;
	fill_hist(&f, &t, values, ARRAY_LEN(values));
	assert_string_equal(printed(&f, OUT_TEXT, 0, 0),
			    "@m:\n"
			    "(..., 0)               2 " FULL "[0]                    1 " HALF
			    "[1]                    1 " HALF "[2, 4)                 1 " HALF
			    "[4, 8)                 0 " EMPTY "[8, 16)                0 " EMPTY
			    "[16, 32)               0 " EMPTY "[32, 64)               0 " EMPTY
			    "[64, 128)              0 " EMPTY "[128, 256)             0 " EMPTY
			    "[256, 512)             0 " EMPTY "[512, 1K)              0 " EMPTY
			    "[1K, 2K)               2 " FULL "\n");
	out_map_done(&f.entries);
}

static void dividing_a_histogram_leaves_its_bars(void **state)
{
	struct type t = hist_type(0);
	struct filled f;

	(void)state;
	fill_hist(&f, &t, (int64_t[3]){ 4, 4, 8 }, 3);
	assert_string_equal(printed(&f, OUT_TEXT, 0, 2),
			    "@m:\n[4, 8)                 1 " FULL
			    "[8, 16)                0 |@@@@@@@@@@@@@@@@@@@@@@@@@@            "
			    "              |\n\n");
	out_map_done(&f.entries);
}

static void histogram_json(void **state)
{
	static const int64_t values[] = { -5, 3, 4 };
	struct type t = hist_type(0);
	struct filled f;

	(void)state;
	fill_hist(&f, &t, values, ARRAY_LEN(values));
	assert_string_equal(
		printed(&f, OUT_JSON, 0, 0),
		"{\"type\": \"hist\", \"data\": {\"@m\": [{\"max\": -1, \"count\": 1},"
		"{\"min\": 0, \"max\": 0, \"count\": 0},{\"min\": 1, \"max\": 1, \"count\": 0},"
		"{\"min\": 2, \"max\": 3, \"count\": 1},{\"min\": 4, \"max\": 7, \"count\": 1}"
		"]}}");
	out_map_done(&f.entries);
}

static void one_bucket(uint32_t bits, int64_t value, const char *label)
{
	struct type t = hist_type(bits);
	char expected[128];
	struct filled f;

	fill_hist(&f, &t, &value, 1);
	snprintf(expected, sizeof(expected), "@m:\n%-16s       1 %s\n", label, FULL);
	assert_string_equal(printed(&f, OUT_TEXT, 0, 0), expected);
	out_map_done(&f.entries);
}

static void labels_have_units(void **state)
{
	(void)state;
	one_bucket(0, 1 << 20, "[1M, 2M)");
	one_bucket(0, 1ll << 40, "[1T, 2T)");
	one_bucket(0, (1ll << 62) + 5, "[4E, 8E)");
	one_bucket(0, INT64_MAX, "[4E, 8E)");
	one_bucket(2, 7, "[7]");
	one_bucket(2, 8, "[8, 10)");
	one_bucket(2, 900, "[896, 1024)");
	one_bucket(2, 1800, "[1792, 2048)");
	one_bucket(2, 4096, "[4K, 5K)");
	one_bucket(2, 1 << 20, "[1024K, 1280K)");
	one_bucket(5, 33000, "[32K, 33K)");
	one_bucket(5, 1 << 30, "[1024M, 1056M)");
	one_bucket(5, INT64_MAX, "[8064P, 8192P)");
}

static void histograms_sort_by_their_counts(void **state)
{
	struct type t = hist_type(0);
	uint64_t few[65] = { [4] = 1 }, many[65] = { [3] = 1, [4] = 8 };
	struct filled f;

	(void)state;
	fill_start(&f, type_string(&types, 2), 2, &t, t.size);
	fill(&f, "y", many);
	fill(&f, "x", few);
	assert_string_equal(printed(&f, OUT_TEXT, 0, 0),
			    "@m[x]:\n[4, 8)                 1 " FULL "\n"
			    "@m[y]:\n[2, 4)                 1 |@@@@@@                            "
			    "                  |\n[4, 8)                 8 " FULL "\n");
	assert_string_equal(printed(&f, OUT_TEXT, 1, 2),
			    "@m[y]:\n[2, 4)                 0 |@@@@@@                            "
			    "                  |\n[4, 8)                 4 " FULL "\n");
	assert_string_equal(printed(&f, OUT_JSON, 1, 0),
			    "{\"type\": \"hist\", \"data\": {\"@m\": {\"y\": ["
			    "{\"min\": 2, \"max\": 3, \"count\": 1},"
			    "{\"min\": 4, \"max\": 7, \"count\": 8}]}}}");
	out_map_done(&f.entries);
}

static void linear_histograms(void **state)
{
	struct type t = { .kind = TYPE_LHIST, .min = 0, .max = 30, .step = 10 };
	struct type unit = { .kind = TYPE_LHIST, .min = -1, .max = 1, .step = 1 };
	struct type kilo = { .kind = TYPE_LHIST, .min = -2048, .max = 2048, .step = 1024 };
	struct filled f;

	(void)state;
	fill_start(&f, NULL, 4, &t, agg_size(&t) + 8);
	fill(&f, "", ((uint64_t[6]){ 1, 2, 0, 0, 2, 1 }));
	assert_string_equal(printed(&f, OUT_TEXT, 0, 0),
			    "@m:\n(..., 0)               1 " HALF "[0, 10)                2 " FULL
			    "[10, 20)               0 " EMPTY "[20, 30)               0 " EMPTY
			    "[30, ...)              2 " FULL "\n");
	assert_string_equal(
		printed(&f, OUT_JSON, 0, 0),
		"{\"type\": \"hist\", \"data\": {\"@m\": [{\"max\": -1, \"count\": 1},"
		"{\"min\": 0, \"max\": 9, \"count\": 2},{\"min\": 10, \"max\": 19, \"count\": 0},"
		"{\"min\": 20, \"max\": 29, \"count\": 0},{\"min\": 30, \"count\": 2}]}}");
	out_map_done(&f.entries);
	fill_start(&f, NULL, 4, &unit, agg_size(&unit) + 8);
	fill(&f, "", ((uint64_t[5]){ 0, 1, 1, 0, 1 }));
	assert_string_equal(printed(&f, OUT_TEXT, 0, 0), "@m:\n[-1]                   1 " FULL
							 "[0]                    1 " FULL "\n");
	out_map_done(&f.entries);
	fill_start(&f, NULL, 4, &kilo, agg_size(&kilo) + 8);
	fill(&f, "", ((uint64_t[7]){ 1, 1, 0, 0, 1, 0, 1 }));
	assert_string_equal(printed(&f, OUT_TEXT, 0, 0),
			    "@m:\n(..., -2K)             1 " FULL "[-2K, -1K)             1 " FULL
			    "[-1K, 0)               0 " EMPTY "[0, 1K)                0 " EMPTY
			    "[1K, 2K)               1 " FULL "\n");
	out_map_done(&f.entries);
}

static void counts_of_any_size_keep_the_bar_inside(void **state)
{
	struct type t = hist_type(0);
	uint64_t counts[66] = { [1] = UINT64_MAX, [2] = UINT64_MAX / 2, [65] = 1 };
	struct filled f;

	(void)state;
	fill_start(&f, NULL, 4, &t, t.size + 8);
	fill(&f, "", counts);
	assert_string_equal(printed(&f, OUT_TEXT, 0, 0),
			    "@m:\n[0]             18446744073709551615 " FULL
			    "[1]             9223372036854775807 " HALF "\n");
	out_map_done(&f.entries);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_sort_ascending_by_value),
		cmocka_unit_test(unsigned_values_sort_as_unsigned),
		cmocka_unit_test(other_values_sort_by_key),
		cmocka_unit_test(tuple_keys_lose_their_brackets),
		cmocka_unit_test(stacks_as_keys_and_values),
		cmocka_unit_test(maps_without_keys_print_once_set),
		cmocka_unit_test(empty_maps_print_nothing),
		cmocka_unit_test(cpus_are_merged_by_type),
		cmocka_unit_test(averages_and_stats),
		cmocka_unit_test(top_keeps_the_largest_and_div_divides),
		cmocka_unit_test(many_entries_stay_in_order),
		cmocka_unit_test(histogram_bars),
		cmocka_unit_test(dividing_a_histogram_leaves_its_bars),
		cmocka_unit_test(histogram_json),
		cmocka_unit_test(labels_have_units),
		cmocka_unit_test(histograms_sort_by_their_counts),
		cmocka_unit_test(linear_histograms),
		cmocka_unit_test(counts_of_any_size_keep_the_bar_inside),
	};

	return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
