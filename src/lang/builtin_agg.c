/*
 * Aggregations: count, sum, avg, min, max, stats, hist, lhist. Values are per CPU, so adding to
 * one needs no atomic operation; layouts are in image/agg.h. See builtin.h.
 */
#include "image/agg.h"
#include "lang/builtin.h"

enum { LHIST_BUCKETS_MAX = 1000, HIST_BITS_MAX = 5 };

/* ---- types ---- */

static struct type *aggregate(struct check *c, enum type_kind kind, const struct node *of)
{
	struct type *t = type_copy(c->s->types, type_simple(c->s->types, kind, 0));

	t->is_signed = of && of->type->is_signed;
	t->size = agg_size(t);
	t->align = 8;
	return t;
}

static void check_count(struct check *c, struct node *n)
{
	n->type = aggregate(c, TYPE_COUNT, NULL);
}

static const struct {
	const char *name;
	enum type_kind kind;
} kinds[] = {
	{ "sum", TYPE_SUM }, { "avg", TYPE_AVG },     { "min", TYPE_MIN },
	{ "max", TYPE_MAX }, { "stats", TYPE_STATS },
};

static void check_simple(struct check *c, struct node *n)
{
	size_t i = 0;

	while (!streq(kinds[i].name, n->name))
		i++;
	n->type = aggregate(c, kinds[i].kind, node_kid(n, 0));
}

static void check_hist(struct check *c, struct node *n)
{
	const struct node *bits = node_kid(n, 1);
	struct type *t = aggregate(c, TYPE_HIST, NULL);

	if (bits && node_constant(bits, &t->min) && (t->min < 0 || t->min > HIST_BITS_MAX)) {
		diag_error(c->diags, bits->span, "hist: bits %lld must be 0..%d", (long long)t->min,
			   HIST_BITS_MAX);
		t->min = 0;
	}
	t->size = agg_size(t);
	n->type = t;
}

static void check_lhist(struct check *c, struct node *n)
{
	struct type *t = aggregate(c, TYPE_LHIST, NULL);
	uint64_t range;

	node_constant(node_kid(n, 1), &t->min);
	node_constant(node_kid(n, 2), &t->max);
	node_constant(node_kid(n, 3), &t->step);
	range = (uint64_t)t->max - (uint64_t)t->min;
	if (t->min >= t->max)
		diag_error(c->diags, n->span,
			   "lhist() min must be less than max (provided min "
			   "%lld and max %lld)",
			   (long long)t->min, (long long)t->max);
	else if (t->step < 1)
		diag_error(c->diags, n->span, "lhist() step must be >= 1 (%lld provided)",
			   (long long)t->step);
	else if ((uint64_t)t->step > range)
		diag_error(c->diags, n->span, "lhist() step must be at most max - min (%llu)",
			   (unsigned long long)range);
	else if (range / t->step > LHIST_BUCKETS_MAX)
		diag_error(c->diags, n->span,
			   "lhist() too many buckets, must be <= %d (would need %llu)",
			   LHIST_BUCKETS_MAX, (unsigned long long)(range / t->step));
	else
		n->type = t;
	if (n->type == t)
		t->size = agg_size(t);
}

/* ---- adding ---- */

static void add_to(struct lower *l, struct ir_value *at, int32_t offset, struct ir_value *by)
{
	struct ir_value *old = ir_load(l->f, IR_LOAD64, at, offset);

	ir_store(l->f, IR_STORE64, at, offset, ir_binary(l->f, IR_ADD, old, by));
}

static void update_count(struct lower *l, struct node *n, const struct node *map,
			 struct ir_block *full)
{
	(void)n;
	add_to(l, map_entry(l, map, full), 0, word_const(l, 1));
}

static void update_sum(struct lower *l, struct node *n, const struct node *map,
		       struct ir_block *full)
{
	struct ir_value *v = lower_word(l, node_kid(n, 0));

	add_to(l, map_entry(l, map, full), 0, v);
}

/* u64 count, u64 total */
static void update_avg(struct lower *l, struct node *n, const struct node *map,
		       struct ir_block *full)
{
	struct ir_value *v = lower_word(l, node_kid(n, 0)), *at = map_entry(l, map, full);

	add_to(l, at, 0, word_const(l, 1));
	add_to(l, at, 8, v);
}

/* u64 value, u64 set */
static void update_extreme(struct lower *l, struct node *n, const struct node *map,
			   struct ir_block *full)
{
	static const enum ir_cond conds[2][2] = { { IR_UGT, IR_ULT }, { IR_SGT, IR_SLT } };
	const struct script_map *m = map->bound;
	enum ir_cond better = conds[m->value->is_signed][m->value->kind == TYPE_MIN];
	struct ir_value *v = lower_word(l, node_kid(n, 0)), *at = map_entry(l, map, full);
	struct ir_block *compare = block_new(l, "compare"), *take = block_new(l, "take"),
			*done = block_new(l, "kept");

	ir_branch(l->f, ir_load(l->f, IR_LOAD64, at, 8), compare, take);
	block_start(l, compare);
	ir_branch(l->f, ir_compare(l->f, better, v, ir_load(l->f, IR_LOAD64, at, 0)), take, done);
	block_start(l, take);
	ir_store(l->f, IR_STORE64, at, 0, v);
	ir_store(l->f, IR_STORE64, at, 8, word_const(l, 1));
	block_start(l, done);
}

/* ---- histograms ---- */

/* The index of the highest set bit of @v, which is not 0: six halvings. */
static struct ir_value *log2_of(struct lower *l, struct ir_value *v)
{
	struct ir_value *power = word_const(l, 0);

	for (unsigned shift = 32; shift; shift /= 2) {
		/* step = (v >> shift != 0) * shift; v >>= step; power += step */
		struct ir_value *above = ir_compare(l->f, IR_UGT, v,
						    word_const(l, (1ll << shift) - 1));
		struct ir_value *step = ir_binary(l->f, IR_MUL, above, word_const(l, shift));

		v = ir_binary(l->f, IR_LSHR, v, step);
		power = ir_binary(l->f, IR_ADD, power, step);
	}
	return power;
}

/* hist_bucket() of image/agg.c:
 *
 *	n < 0: 0;  n < 2^bits: n + 1;  else 1 + (power - bits << bits) + (n >> power - bits)
 */
struct ir_value *lower_hist_bucket(struct lower *l, struct ir_value *v, unsigned bits)
{
	struct ir_block *positive = block_new(l, "positive"), *exact = block_new(l, "exact"),
			*power = block_new(l, "power"), *done = block_new(l, "bucket");
	struct ir_var *bucket = ir_var_new(l->f, "bucket");
	struct ir_value *shift;

	ir_var_set(l->f, bucket, word_const(l, 0));
	ir_branch(l->f, ir_compare(l->f, IR_SLT, v, word_const(l, 0)), done, positive);
	block_start(l, positive);
	ir_branch(l->f, ir_compare(l->f, IR_SLT, v, word_const(l, 1ll << bits)), exact, power);
	block_start(l, exact);
	ir_var_set(l->f, bucket, word_add(l, v, 1));
	ir_jump(l->f, done);
	block_start(l, power);
	shift = word_add(l, log2_of(l, v), -(int64_t)bits);
	v = ir_binary(l->f, IR_LSHR, v, shift);
	shift = ir_binary(l->f, IR_SHL, shift, word_const(l, bits));
	ir_var_set(l->f, bucket, word_add(l, ir_binary(l->f, IR_ADD, shift, v), 1));
	block_start(l, done);
	return ir_var_get(l->f, bucket);
}

/* (v - min) / step + 1, 0 below min, the last from max on */
struct ir_value *lower_lhist_bucket(struct lower *l, struct ir_value *v, const struct type *t)
{
	struct ir_block *least = block_new(l, "least"), *inside = block_new(l, "inside"),
			*above = block_new(l, "above"), *done = block_new(l, "bucket");
	struct ir_var *bucket = ir_var_new(l->f, "bucket");

	ir_var_set(l->f, bucket, word_const(l, 0));
	ir_branch(l->f, ir_compare(l->f, IR_SLT, v, word_const(l, t->min)), done, least);
	block_start(l, least);
	ir_branch(l->f, ir_compare(l->f, IR_SLT, v, word_const(l, t->max)), inside, above);
	block_start(l, above);
	ir_var_set(l->f, bucket, word_const(l, agg_size(t) / 8 - 1));
	ir_jump(l->f, done);
	block_start(l, inside);
	v = ir_binary(l->f, IR_SUB, v, word_const(l, t->min));
	v = ir_binary(l->f, IR_UDIV, v, word_const(l, t->step));
	ir_var_set(l->f, bucket, word_add(l, v, 1));
	block_start(l, done);
	return ir_var_get(l->f, bucket);
}

/* buckets[bucket]++, where the verifier must see that it is one of them */
static void count_bucket(struct lower *l, const struct node *map, struct ir_value *bucket,
			 struct ir_block *full)
{
	const struct script_map *m = map->bound;
	struct ir_value *at = map_entry(l, map, full);

	bucket = at_most(l, bucket, agg_size(m->value) / 8 - 1);
	at = ir_binary(l->f, IR_ADD, at, ir_binary(l->f, IR_SHL, bucket, word_const(l, 3)));
	add_to(l, at, 0, word_const(l, 1));
}

static void update_hist(struct lower *l, struct node *n, const struct node *map,
			struct ir_block *full)
{
	struct ir_value *v = lower_word(l, node_kid(n, 0));

	count_bucket(l, map, lower_hist_bucket(l, v, n->type->min), full);
}

static void update_lhist(struct lower *l, struct node *n, const struct node *map,
			 struct ir_block *full)
{
	struct ir_value *v = lower_word(l, node_kid(n, 0));

	count_bucket(l, map, lower_lhist_bucket(l, v, n->type), full);
}

#define AGGREGATE(f, s, c, u, d, e)                                                        \
	{                                                                                  \
		.name = f, .sign = s, .flags = BUILTIN_AGGREGATE, .check = c, .update = u, \
		.doc = d, .example = e                                                     \
	}

const struct builtin builtin_agg[] = {
	AGGREGATE("count", "() -> *", check_count, update_count, "how often", "@[comm] = count()"),
	AGGREGATE("sum", "(int) -> *", check_simple, update_sum, "the sum of all values",
		  "@bytes = sum(args.ret)"),
	AGGREGATE("avg", "(int) -> *", check_simple, update_avg, "the average",
		  "@size = avg(args.count)"),
	AGGREGATE("min", "(int) -> *", check_simple, update_extreme, "the least value",
		  "@least = min(args.count)"),
	AGGREGATE("max", "(int) -> *", check_simple, update_extreme, "the greatest value",
		  "@most = max(args.count)"),
	AGGREGATE("stats", "(int) -> *", check_simple, update_avg, "count, average and total",
		  "@size = stats(args.count)"),
	AGGREGATE("hist", "(int, literal?) -> *", check_hist, update_hist,
		  "a histogram by powers of two", "@ns = hist(nsecs - @start[tid])"),
	AGGREGATE("lhist", "(int, literal, literal, literal) -> *", check_lhist, update_lhist,
		  "a histogram by equal steps", "@size = lhist(args.count, 0, 1000, 100)"),
	{ 0 },
};
