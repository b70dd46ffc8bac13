/*
 * Aggregations: how count(), sum(), avg() ... are stored, and how the values of several CPUs
 * become one. Programs (lang), hosts and output all go by this file.
 *
 *	count, sum        u64
 *	min, max          u64 value, u64 set (0: no value yet)
 *	avg, stats        u64 count, u64 total
 *	hist(n, k)        u64 buckets[hist_buckets(k)]
 *	lhist(n, a, b, s) u64 buckets[(b - a) / s + 2]: below a, each whole step, the rest; so
 *			  n >= a is in bucket MIN((n - a) / s + 1, (b - a) / s + 1)
 */
#ifndef SKEP_IMAGE_AGG_H
#define SKEP_IMAGE_AGG_H

#include "types/type.h"

/* agg_size - bytes of one CPU's value. */
uint32_t agg_size(const struct type *t);

/* agg_merge - adds one CPU's value @from into @into (both agg_size bytes). */
void agg_merge(const struct type *t, void *into, const void *from);

/* agg_integer - the value as `print` shows it and as maps are sorted by: count, sum, min, max,
 * avg (total / count, signed when the type is), stats (the average), hist and lhist (the number
 * of values counted). */
int64_t agg_integer(const struct type *t, const void *value);

/* hist_buckets - how many buckets hist with @bits sub-bucket bits has. */
uint32_t hist_buckets(uint32_t bits);

/* hist_bucket - the bucket of @n: 0 negative, 1 zero, then as the figure shows.
 *	bits 0:  2: [1]  3: [2,3]  4: [4,7]  5: [8,15] ...
 *	bits k:  exact up to 2^k, then 2^k buckets in each power of two. */
uint32_t hist_bucket(int64_t n, uint32_t bits);

/* hist_range - the smallest and the largest value of bucket @i > 0. */
void hist_range(uint32_t i, uint32_t bits, uint64_t *ret_min, uint64_t *ret_max);

#endif
