/*
 * Variables to SSA while the program is built, after Braun et al. (CC 2013).
 * needs: blocks sealed once all jumps to them are made; keeps: everything settled but what the
 * front end holds, which the builder resolves.
 *
 * Reading a variable walks up single predecessors to where it was set. At a join it makes a phi,
 * whose operands are found later from a work list, so that long programs cost no C stack.
 */
#include "ir/ir_priv.h"

static struct ir_value **definition(struct ir_block *b, uint32_t var)
{
	while (b->defs.n <= var)
		vec_push(b->func->module->arena, &b->defs, NULL);
	return &b->defs.v[var];
}

struct ir_var {
	uint32_t id;
	const char *name;
};

struct ir_var *ir_var_new(struct ir_func *f, const char *name)
{
	struct ir_var *var = arena_new(f->module->arena, struct ir_var);

	var->id = f->nvars++;
	var->name = name;
	return var;
}

static struct ir_value *new_phi(struct ir_block *b, struct ir_var *var)
{
	struct ir_value *phi = ir_new(b->func, IR_PHI, 0);

	phi->var = var;
	if (b->first)
		ir_insert(b->first, phi);
	else
		ir_append(b, phi);
	return phi;
}

/* What @var is at the end of @at, when that needs no further walk; NULL: ask its predecessor. */
static struct ir_value *known_at(struct ir_func *f, struct ir_block *at, struct ir_var *var)
{
	struct ir_value *v = *definition(at, var->id);

	if (v)
		return ir_resolve(v);
	if (at->sealed && at->preds.n == 1)
		return NULL;
	if (at->sealed && !at->preds.n)
		return ir_const(f, 0);
	v = new_phi(at, var);
	if (at->sealed)
		vec_push(f->module->arena, &f->pending, v);
	return v;
}

static struct ir_value *read_var(struct ir_func *f, struct ir_block *b, struct ir_var *var)
{
	struct ir_value *v = known_at(f, b, var);
	struct ir_block *at = b;

	/* a dead loop may be its own only predecessor: stop after every block was seen */
	for (uint32_t steps = 0; !v; steps++) {
		at = at->preds.v[0];
		v = steps > f->blocks.n ? ir_const(f, 0) : known_at(f, at, var);
	}
	for (struct ir_block *x = b; x != at; x = x->preds.v[0])
		*definition(x, var->id) = v;
	*definition(at, var->id) = v;
	return v;
}

/* A phi of one value and itself is that value. */
static void drop_if_trivial(struct ir_func *f, struct ir_value *phi)
{
	struct ir_value *only = NULL;

	for (uint32_t i = 0; i < phi->nargs; i++) {
		struct ir_value *arg = ir_resolve(phi->args[i]);

		if (arg == phi || arg == only)
			continue;
		if (only)
			return;
		only = arg;
	}
	ir_remove(phi);
	phi->same = only ? only : ir_const(f, 0);
}

static void find_operands(struct ir_func *f)
{
	for (uint32_t i = 0; i < f->pending.n; i++) {
		struct ir_value *phi = f->pending.v[i];
		struct ir_block *b = phi->block;

		for (uint32_t k = 0; k < b->preds.n; k++)
			ir_push_arg(f, phi, read_var(f, b->preds.v[k], phi->var));
	}
	while (f->pending.n)
		drop_if_trivial(f, f->pending.v[--f->pending.n]);
}

void ir_block_seal(struct ir_func *f, struct ir_block *b)
{
	if (b->sealed)
		return;
	b->sealed = true;
	for (struct ir_value *v = b->first; v && v->op == IR_PHI; v = v->next)
		if (v->var && !v->nargs)
			vec_push(f->module->arena, &f->pending, v);
	find_operands(f);
}

void ir_seal_all(struct ir_func *f)
{
	for (uint32_t i = 0; i < f->blocks.n; i++)
		ir_block_seal(f, f->blocks.v[i]);
}

void ir_var_set(struct ir_func *f, struct ir_var *var, struct ir_value *value)
{
	if (f->current)
		*definition(f->current, var->id) = ir_resolve(value);
}

struct ir_value *ir_var_get(struct ir_func *f, struct ir_var *var)
{
	struct ir_value *v;

	if (!f->current)
		return ir_const(f, 0);
	v = read_var(f, f->current, var);
	find_operands(f);
	return ir_resolve(v);
}
