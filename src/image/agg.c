/*
 * Aggregations: sizes, merging over CPUs, the integer that stands for a value, and which bucket
 * of a histogram a number falls into. See agg.h for the layouts. Needs: nothing. Called by lang
 * (sizes, folding), hosts (merging) and out.
 *
 * Buckets of hist with k sub-bucket bits, here k = 2:
 *
 *	0      1   2   3   4   5   6   7   8   9      10       11       12       13
 *	< 0    0   1   2   3   4   5   6   7   [8,9]  [10,11]  [12,13]  [14,15]  [16,19] ...
 *	           `- exact: 1 .. 2^k -'   `- each power of two in 2^k steps
 */
#include "image/agg.h"

#include <limits.h>
#include <string.h>

static uint64_t word(const void *value, uint32_t i)
{
	uint64_t n;

	memcpy(&n, (const char *)value + i * sizeof(n), sizeof(n));
	return n;
}

static void set_word(void *value, uint32_t i, uint64_t n)
{
	memcpy((char *)value + i * sizeof(n), &n, sizeof(n));
}

/* What is left over when the steps do not come out even counts with the last bucket. */
static uint32_t lhist_buckets(const struct type *t)
{
	if (t->step <= 0 || t->max <= t->min)
		return 2;
	return ((uint64_t)t->max - (uint64_t)t->min) / t->step + 2;
}

uint32_t agg_size(const struct type *t)
{
	switch (t->kind) {
	case TYPE_COUNT:
	case TYPE_SUM: return 8;
	case TYPE_MIN:
	case TYPE_MAX:
	case TYPE_AVG:
	case TYPE_STATS: return 16;
	case TYPE_HIST: return hist_buckets(t->min) * 8;
	case TYPE_LHIST: return lhist_buckets(t) * 8;
	default: return t->size;
	}
}

static bool first_is_less(const struct type *t, uint64_t a, uint64_t b)
{
	return t->is_signed ? (int64_t)a < (int64_t)b : a < b;
}

static void merge_extreme(const struct type *t, void *into, const void *from)
{
	bool less = first_is_less(t, word(from, 0), word(into, 0));
	bool more = first_is_less(t, word(into, 0), word(from, 0));

	if (!word(from, 1))
		return;
	if (!word(into, 1) || (t->kind == TYPE_MIN ? less : more))
		memcpy(into, from, 16);
}

void agg_merge(const struct type *t, void *into, const void *from)
{
	uint32_t words = agg_size(t) / 8;

	if (t->kind == TYPE_MIN || t->kind == TYPE_MAX) {
		merge_extreme(t, into, from);
		return;
	}
	for (uint32_t i = 0; i < words; i++)
		set_word(into, i, word(into, i) + word(from, i));
}

static int64_t average(const struct type *t, uint64_t count, uint64_t total)
{
	if (!count)
		return 0;
	if (!t->is_signed)
		return total / count;
	/* more values than INT64_MAX cannot be counted, so count is positive when signed */
	return (int64_t)total / (int64_t)count;
}

static int64_t sum_words(const void *value, uint32_t n)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += word(value, i);
	return sum;
}

int64_t agg_integer(const struct type *t, const void *value)
{
	switch (t->kind) {
	case TYPE_AVG:
	case TYPE_STATS: return average(t, word(value, 0), word(value, 1));
	case TYPE_HIST:
	case TYPE_LHIST: return sum_words(value, agg_size(t) / 8);
	case TYPE_COUNT:
	case TYPE_SUM:
	case TYPE_MIN:
	case TYPE_MAX: return word(value, 0);
	default: return 0;
	}
}

/* An int64 has its highest bit at 62: powers k .. 62, 2^k buckets each, after the exact ones. */
uint32_t hist_buckets(uint32_t bits)
{
	return 2 + (1u << bits) - 1 + ((63 - bits) << bits);
}

uint32_t hist_bucket(int64_t n, uint32_t bits)
{
	uint32_t exact = 1u << bits, power;

	if (n < 0)
		return 0;
	if (n < exact)
		return n + 1;
	power = 63 - __builtin_clzll(n);
	/* n >> (power - bits) is in [2^k, 2^(k+1)): the top k + 1 bits */
	return 1 + ((power - bits) << bits) + (uint32_t)(n >> (power - bits));
}

void hist_range(uint32_t i, uint32_t bits, uint64_t *ret_min, uint64_t *ret_max)
{
	uint32_t exact = 1u << bits, shift;
	uint64_t top;

	if (i - 1 < exact) {
		*ret_min = *ret_max = i - 1;
		return;
	}
	shift = ((i - 1) >> bits) - 1;
	top = exact + ((i - 1) & (exact - 1));
	*ret_min = top << shift;
	*ret_max = *ret_min + (1ull << shift) - 1;
}
