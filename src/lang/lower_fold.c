/*
 * Lowering the reading of aggregations: one integer from the values of all CPUs.
 *
 *	for (cpu = 0; cpu < ncpus; cpu++)
 *		if ((value = bpf_map_lookup_percpu_elem(map, key, cpu)))
 *			merge(value);
 *
 * Needs: FEATURE_PERCPU_LOOKUP, which the checker has asked for. Called by lower_map.c and
 * lower_loop.c.
 */
#include "lang/lower.h"

/* What is known so far: a total and how many, or the least or greatest and whether there is one. */
struct fold {
	struct ir_var *total, *count;
};

static void add_word(struct lower *l, struct ir_var *var, struct ir_value *at, int32_t offset)
{
	struct ir_value *more = ir_load(l->f, IR_LOAD64, at, offset);

	ir_var_set(l->f, var, ir_binary(l->f, IR_ADD, ir_var_get(l->f, var), more));
}

static void merge_extreme(struct lower *l, const struct type *t, struct fold *fold,
			  struct ir_value *at)
{
	static const enum ir_cond conds[2][2] = { { IR_UGT, IR_ULT }, { IR_SGT, IR_SLT } };
	struct ir_block *set = block_new(l, "set"), *compare = block_new(l, "compare"),
			*take = block_new(l, "take"), *done = block_new(l, "merged");
	enum ir_cond better = conds[t->is_signed][t->kind == TYPE_MIN];
	struct ir_value *v, *is_set = ir_load(l->f, IR_LOAD64, at, 8);

	ir_branch(l->f, is_set, set, done);
	block_start(l, set);
	v = ir_load(l->f, IR_LOAD64, at, 0);
	ir_branch(l->f, ir_var_get(l->f, fold->count), compare, take);
	block_start(l, compare);
	ir_branch(l->f, ir_compare(l->f, better, v, ir_var_get(l->f, fold->total)), take, done);
	block_start(l, take);
	ir_var_set(l->f, fold->total, v);
	ir_var_set(l->f, fold->count, word_const(l, 1));
	block_start(l, done);
}

static void merge(struct lower *l, const struct type *t, struct fold *fold, struct ir_value *at)
{
	switch (t->kind) {
	case TYPE_MIN:
	case TYPE_MAX: merge_extreme(l, t, fold, at); break;
	case TYPE_AVG:
		add_word(l, fold->count, at, 0);
		add_word(l, fold->total, at, 8);
		break;
	default: add_word(l, fold->total, at, 0); break;
	}
}

static struct ir_value *result(struct lower *l, const struct type *t, const struct fold *fold)
{
	struct ir_value *total = ir_var_get(l->f, fold->total);

	/* no value at all: the division gives 0, as BPF divides by 0 */
	if (t->kind == TYPE_AVG)
		return ir_binary(l->f, t->is_signed ? IR_SDIV : IR_UDIV, total,
				 ir_var_get(l->f, fold->count));
	return total;
}

struct ir_value *map_folded(struct lower *l, const struct script_map *m, struct ir_value *key)
{
	struct fold fold = { ir_var_new(l->f, "total"), ir_var_new(l->f, "count") };
	struct ir_block *head = block_new(l, "cpu"), *body = block_new(l, "fold"),
			*have = block_new(l, "have"), *next = block_new(l, "next"),
			*done = block_new(l, "folded");
	struct ir_var *cpu = ir_var_new(l->f, "cpu");
	struct ir_value *at;

	ir_var_set(l->f, fold.total, word_const(l, 0));
	ir_var_set(l->f, fold.count, word_const(l, 0));
	ir_var_set(l->f, cpu, word_const(l, 0));
	ir_block_start(l->f, head);
	ir_branch(l->f,
		  ir_compare(l->f, IR_ULT, ir_var_get(l->f, cpu),
			     word_const(l, l->s->env->target->ncpus)),
		  body, done);
	block_start(l, body);
	at = ir_call_helper(l->f, BPF_FUNC_map_lookup_percpu_elem, map_handle(l, m), key,
			    ir_var_get(l->f, cpu));
	ir_branch(l->f, at, have, next);
	block_start(l, have);
	merge(l, m->value, &fold, at);
	block_start(l, next);
	ir_var_set(l->f, cpu, word_add(l, ir_var_get(l->f, cpu), 1));
	ir_jump(l->f, head);
	ir_block_seal(l->f, head);
	block_start(l, done);
	return result(l, m->value, &fold);
}
