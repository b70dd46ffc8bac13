/*
 * Histograms: bars and JSON buckets. Needs: agg, number. Called by map.c.
 *
 *	[4, 8)                 3 |@@@@@@@@@@@@@@                                      |
 *	`---- 16 ----'`-- 8 --'  `-------------------- 52 --------------------------'
 *
 * Buckets from the first to the last that is not empty are shown; empty ones between them too.
 */
#include "image/agg.h"
#include "out/out_priv.h"

enum { LABEL_WIDTH = 16, COUNT_WIDTH = 8, BAR_WIDTH = 52 };

/* One bucket: its values are min .. max, either end may be open. */
struct bucket {
	int64_t min, max;
	bool no_min, no_max;
	uint64_t count;
};

static uint64_t count_at(const void *data, uint32_t i)
{
	uint64_t n;

	memcpy(&n, (const char *)data + i * sizeof(n), sizeof(n));
	return n;
}

static struct bucket hist_bucket_at(const struct type *t, uint32_t i)
{
	struct bucket b = { .no_min = i == 0, .max = -1 };
	uint64_t min, max;

	if (i > 0) {
		hist_range(i, t->min, &min, &max);
		b.min = min;
		b.max = max;
	}
	return b;
}

/* Unsigned arithmetic: the ends of a range may be as far apart as numbers go. */
static struct bucket lhist_bucket_at(const struct type *t, uint32_t i, uint32_t n)
{
	uint64_t min = (uint64_t)t->min, step = (uint64_t)t->step;

	return (struct bucket){
		.no_min = i == 0,
		.no_max = i == n - 1,
		.min = (int64_t)(min + (i - 1) * step),
		.max = (int64_t)(min + i * step - 1),
	};
}

static struct bucket bucket_at(const struct type *t, const void *data, uint32_t i, uint32_t n)
{
	struct bucket b = t->kind == TYPE_HIST ? hist_bucket_at(t, i) : lhist_bucket_at(t, i, n);

	b.count = count_at(data, i);
	return b;
}

/* First and last bucket that is not empty; false when all are. */
static bool used_range(const void *data, uint32_t n, uint32_t *ret_first, uint32_t *ret_last)
{
	uint32_t first = 0, end = n;

	while (first < n && !count_at(data, first))
		first++;
	while (end > first && !count_at(data, end - 1))
		end--;
	*ret_first = first;
	*ret_last = end ? end - 1 : 0;
	return first < end;
}

/* A multiple of 1024 with K, M, G ... With sub-buckets a unit is used only from where the step
 * is one: 896, 1024, 1280 ... 4K with k = 2. */
static void put_edge(struct buf *out, const struct type *t, uint64_t n)
{
	static const char units[] = "\0KMGTPE";
	bool linear = t->kind == TYPE_LHIST;
	unsigned most = linear ? 2 : 6, bits = linear ? 0 : t->min, unit = 0;

	if (linear && (int64_t)n < 0) {
		buf_putc(out, '-');
		n = -n;
	}
	if (linear && t->step % 1024 != 0)
		most = 0;
	while (unit < most && n % 1024 == 0 && (n / 1024) >> bits != 0) {
		n /= 1024;
		unit++;
	}
	put_unsigned(out, n);
	if (unit)
		buf_putc(out, units[unit]);
}

static void put_label(struct buf *out, const struct type *t, const struct bucket *b)
{
	if (b->no_min) {
		buf_puts(out, "(..., ");
		put_edge(out, t, (uint64_t)b->max + 1);
		buf_putc(out, ')');
		return;
	}
	buf_putc(out, '[');
	put_edge(out, t, b->min);
	if (b->no_max) {
		buf_puts(out, ", ...)");
	} else if (b->min == b->max) {
		buf_putc(out, ']');
	} else {
		buf_puts(out, ", ");
		put_edge(out, t, (uint64_t)b->max + 1);
		buf_putc(out, ')');
	}
}

static uint64_t divide(const struct type *t, uint64_t count, int64_t div)
{
	return div > 1 && t->kind == TYPE_HIST ? count / div : count;
}

/* The bar shows the share of the fullest bucket, which dividing the figures does not change. */
static void put_bar(struct buf *out, const struct type *t, const struct bucket *b, uint64_t most,
		    int64_t div)
{
	size_t start = out->len, bar = (float)b->count / most * BAR_WIDTH;
	char digits[NUMBER_MAX];
	unsigned n = number_decimal(digits, divide(t, b->count, div));

	bar = MIN(bar, (size_t)BAR_WIDTH);
	put_label(out, t, b);
	if (out->len - start < LABEL_WIDTH)
		buf_pad(out, ' ', LABEL_WIDTH - (out->len - start));
	buf_pad(out, ' ', n < COUNT_WIDTH ? COUNT_WIDTH - n : 0);
	buf_add(out, digits, n);
	buf_puts(out, " |");
	buf_pad(out, '@', bar);
	buf_pad(out, ' ', BAR_WIDTH - bar);
	buf_puts(out, "|\n");
}

void hist_text(struct buf *out, const struct type *t, const void *data, int64_t div)
{
	uint32_t n = agg_size(t) / 8, first, last;
	uint64_t most = 1;

	if (!used_range(data, n, &first, &last))
		return;
	for (uint32_t i = first; i <= last; i++)
		most = MAX(most, count_at(data, i));
	for (uint32_t i = first; i <= last; i++) {
		struct bucket b = bucket_at(t, data, i, n);

		put_bar(out, t, &b, most, div);
	}
}

void hist_json(struct buf *out, const struct type *t, const void *data, int64_t div)
{
	uint32_t n = agg_size(t) / 8, first, last;

	buf_putc(out, '[');
	for (uint32_t i = 0; used_range(data, n, &first, &last) && i <= last - first; i++) {
		struct bucket b = bucket_at(t, data, first + i, n);

		buf_puts(out, i ? ",{" : "{");
		if (!b.no_min) {
			buf_puts(out, "\"min\": ");
			json_signed(out, b.min);
			buf_puts(out, ", ");
		}
		if (!b.no_max) {
			buf_puts(out, "\"max\": ");
			json_signed(out, b.max);
			buf_puts(out, ", ");
		}
		buf_puts(out, "\"count\": ");
		json_unsigned(out, divide(t, b.count, div));
		buf_putc(out, '}');
	}
	buf_putc(out, ']');
}
