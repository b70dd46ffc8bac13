/*
 * Dead code: values that nothing needs, and slots that are only written.
 * needs: settled, cfg; keeps: ssa, cfg.
 */
#include "ir/ir_priv.h"

static bool is_fill(const struct ir_value *v)
{
	return (v->op >= IR_STORE8 && v->op <= IR_STORE64) || v->op == IR_ZERO || v->op == IR_COPY;
}

/* A slot's mark: something may read it, or know its address. */
static void mark_slots(struct ir_func *f)
{
	for (uint32_t i = 0; i < f->leaves.n; i++)
		f->leaves.v[i]->mark = false;
	for (uint32_t i = 0; i < f->order.n; i++)
		for (struct ir_value *v = f->order.v[i]->first; v; v = v->next)
			for (uint32_t k = 0; k < v->nargs; k++)
				if (k || !is_fill(v))
					v->args[k]->mark = true;
}

static bool needed_by_itself(const struct ir_value *v)
{
	if (!ir_has(v, WRITES | ENDS) || ir_helper_pure(v))
		return false;
	return !is_fill(v) || v->args[0]->op != IR_SLOT || v->args[0]->mark;
}

static void mark_needed(struct ir_func *f)
{
	struct arena *a = f->module->arena;
	struct ir_values work = { 0 };

	for (uint32_t i = 0; i < f->order.n; i++)
		for (struct ir_value *v = f->order.v[i]->first; v; v = v->next) {
			v->mark = needed_by_itself(v);
			if (v->mark)
				vec_push(a, &work, v);
		}
	if (f->scratch && f->scratch->block && !f->scratch->mark) {
		f->scratch->mark = true;
		vec_push(a, &work, f->scratch);
	}
	while (work.n) {
		struct ir_value *v = work.v[--work.n];

		for (uint32_t k = 0; k < v->nargs; k++) {
			struct ir_value *arg = v->args[k];

			if (!arg->block || arg->mark)
				continue;
			arg->mark = true;
			vec_push(a, &work, arg);
		}
	}
}

static void drop_unused_leaves(struct ir_func *f)
{
	uint32_t n = 0;

	ir_count_uses(f);
	for (uint32_t i = 0; i < f->leaves.n; i++)
		if (f->leaves.v[i]->uses)
			f->leaves.v[n++] = f->leaves.v[i];
	f->leaves.n = n;
	ir_leaf_rehash(f);
}

void ir_dce(struct ir_func *f)
{
	struct ir_value *next;

	mark_slots(f);
	mark_needed(f);
	for (uint32_t i = 0; i < f->order.n; i++)
		for (struct ir_value *v = f->order.v[i]->first; v; v = next) {
			next = v->next;
			if (!v->mark)
				ir_remove(v);
		}
	drop_unused_leaves(f);
}
