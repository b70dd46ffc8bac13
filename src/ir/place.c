/*
 * Placement: leaves that an instruction needs in a register get a copy in its block, shared up to
 * the next call. So constants and addresses never live across calls, and need no spilling.
 * Addresses in slots and in the scratch frame (base + constant) are likewise made anew where they
 * are used: keeping the frame alone costs one register, each of them another.
 * needs: selected, settled, cfg; keeps: ssa, cfg.
 */
#include "ir/ir_priv.h"

struct placer {
	struct ir_func *f;
	struct ir_values from, to; /* copies made since the last call */
};

static bool in_frame(const struct ir_func *f, const struct ir_value *v)
{
	if (v->op != IR_ADD || v->args[1]->op != IR_CONST || !fits_s32(v->args[1]->n))
		return false;
	return v->args[0]->op == IR_SLOT || (f->scratch && v->args[0] == f->scratch);
}

static struct ir_value *copy_before(struct ir_func *f, struct ir_value *at, struct ir_value *of)
{
	struct ir_value *v = ir_new(f, of->op, of->nargs);

	for (uint32_t i = 0; i < of->nargs; i++)
		v->args[i] = of->args[i];
	v->n = of->n;
	v->index = of->index;
	v->name = of->name;
	v->callee = of->callee;
	v->leaf = ir_is_leaf(of) ? of : NULL;
	v->span = at->span;
	ir_insert(at, v);
	return v;
}

static struct ir_value *shared_copy(struct placer *p, struct ir_value *at, struct ir_value *of)
{
	struct ir_value *v;

	for (uint32_t i = 0; i < p->from.n; i++)
		if (p->from.v[i] == of)
			return p->to.v[i];
	v = copy_before(p->f, at, of);
	vec_push(p->f->module->arena, &p->from, of);
	vec_push(p->f->module->arena, &p->to, v);
	return v;
}

static void place_operands(struct placer *p, struct ir_value *v)
{
	for (uint32_t i = 0; i < v->nargs; i++) {
		struct ir_value *arg = v->args[i];
		enum ir_use use = ir_use(v, i);

		if (ir_is_leaf(arg) && arg->op != IR_PARAM && use >= USE_REG)
			v->args[i] = shared_copy(p, v, arg);
		else if (in_frame(p->f, arg) && use >= USE_REG)
			v->args[i] = shared_copy(p, v, arg);
		else if (in_frame(p->f, arg) && ir_calls(v))
			v->args[i] = copy_before(p->f, v, arg);
	}
}

void ir_place(struct ir_func *f)
{
	struct placer p = { .f = f };

	for (uint32_t i = 0; i < f->order.n; i++) {
		p.from.n = p.to.n = 0;
		for (struct ir_value *v = f->order.v[i]->first; v; v = v->next) {
			if (v->op == IR_PHI)
				continue;
			place_operands(&p, v);
			if (ir_calls(v))
				p.from.n = p.to.n = 0;
		}
	}
	ir_dce(f);
}
