/* Aggregations: layouts, merging over CPUs, and the buckets of histograms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "image/agg.h"

static const struct type count_type = { .kind = TYPE_COUNT };
static const struct type avg_type = { .kind = TYPE_AVG, .is_signed = true };
static const struct type uavg_type = { .kind = TYPE_AVG };
static const struct type min_type = { .kind = TYPE_MIN, .is_signed = true };
static const struct type max_type = { .kind = TYPE_MAX, .is_signed = true };
static const struct type umax_type = { .kind = TYPE_MAX };

static void sizes_follow_the_layouts(void **state)
{
	const struct type stats = { .kind = TYPE_STATS }, sum = { .kind = TYPE_SUM };
	const struct type lhist = { .kind = TYPE_LHIST, .min = 0, .max = 100, .step = 10 };
	const struct type odd = { .kind = TYPE_LHIST, .min = 0, .max = 10, .step = 3 };
	const struct type wide = {
		.kind = TYPE_LHIST, .min = INT64_MIN, .max = INT64_MAX, .step = INT64_MAX
	};

	(void)state;
	assert_int_equal(agg_size(&count_type), 8);
	assert_int_equal(agg_size(&sum), 8);
	assert_int_equal(agg_size(&avg_type), 16);
	assert_int_equal(agg_size(&min_type), 16);
	assert_int_equal(agg_size(&stats), 16);
	assert_int_equal(agg_size(&(struct type){ .kind = TYPE_HIST }), 65 * 8);
	assert_int_equal(agg_size(&lhist), 12 * 8);
	assert_int_equal(agg_size(&odd), 5 * 8);
	assert_int_equal(agg_size(&wide), 4 * 8);
}

static void counts_and_averages_add_up(void **state)
{
	uint64_t a[2] = { 3, (uint64_t)-9 }, b[2] = { 1, (uint64_t)-2 };

	(void)state;
	agg_merge(&avg_type, a, b);
	assert_int_equal(a[0], 4);
	assert_int_equal(agg_integer(&avg_type, a), -2);
	assert_int_equal(agg_integer(&avg_type, (uint64_t[2]){ 0, 0 }), 0);
	assert_int_equal(agg_integer(&uavg_type, (uint64_t[2]){ 2, UINT64_MAX - 1 }), INT64_MAX);
	agg_merge(&count_type, a, (uint64_t[1]){ 10 });
	assert_int_equal(a[0], 14);
}

static void extremes_ignore_cpus_without_a_value(void **state)
{
	uint64_t low[2] = { 0, 0 }, high[2] = { (uint64_t)-5, 1 }, unsign[2] = { 7, 1 };

	(void)state;
	agg_merge(&min_type, low, (uint64_t[2]){ 9, 1 });
	assert_int_equal(agg_integer(&min_type, low), 9);
	agg_merge(&min_type, low, (uint64_t[2]){ 0, 0 });
	assert_int_equal(agg_integer(&min_type, low), 9);
	agg_merge(&min_type, low, (uint64_t[2]){ (uint64_t)INT64_MIN, 1 });
	assert_int_equal(agg_integer(&min_type, low), INT64_MIN);
	agg_merge(&max_type, high, (uint64_t[2]){ (uint64_t)-6, 1 });
	assert_int_equal(agg_integer(&max_type, high), -5);
	agg_merge(&umax_type, unsign, (uint64_t[2]){ UINT64_MAX, 1 });
	assert_int_equal((uint64_t)agg_integer(&umax_type, unsign), UINT64_MAX);
}

static void buckets_of_plain_histograms(void **state)
{
	(void)state;
	assert_int_equal(hist_bucket(INT64_MIN, 0), 0);
	assert_int_equal(hist_bucket(-1, 0), 0);
	assert_int_equal(hist_bucket(0, 0), 1);
	assert_int_equal(hist_bucket(1, 0), 2);
	assert_int_equal(hist_bucket(2, 0), 3);
	assert_int_equal(hist_bucket(3, 0), 3);
	assert_int_equal(hist_bucket(4, 0), 4);
	assert_int_equal(hist_bucket(INT64_MAX, 0), 64);
	assert_int_equal(hist_buckets(0), 65);
}

/* For each width: buckets are numbered without gaps, their ranges join, and the ends of each
 * range fall into it. */
static void ranges_join_and_hold_their_ends(void **state)
{
	(void)state;
	for (uint32_t bits = 0; bits <= 5; bits++) {
		uint64_t next = 0, min, max;

		for (uint32_t i = 1; i < hist_buckets(bits); i++) {
			hist_range(i, bits, &min, &max);
			assert_int_equal(min, next);
			assert_int_equal(hist_bucket(min, bits), i);
			assert_int_equal(hist_bucket(max, bits), i);
			next = max + 1;
		}
		assert_int_equal(max, INT64_MAX);
	}
	assert_int_equal(hist_bucket(9, 2), 9);
	assert_int_equal(hist_bucket(10, 2), 10);
}

static void histograms_count_their_values(void **state)
{
	const struct type hist = { .kind = TYPE_HIST };
	uint64_t a[65] = { 0 }, b[65] = { 0 };

	(void)state;
	a[0] = 2;
	b[0] = 1;
	b[64] = 5;
	agg_merge(&hist, a, b);
	assert_int_equal(a[0], 3);
	assert_int_equal(agg_integer(&hist, a), 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_follow_the_layouts),
		cmocka_unit_test(counts_and_averages_add_up),
		cmocka_unit_test(extremes_ignore_cpus_without_a_value),
		cmocka_unit_test(buckets_of_plain_histograms),
		cmocka_unit_test(ranges_join_and_hold_their_ends),
		cmocka_unit_test(histograms_count_their_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
