/*
 * The builder: what front ends call. Every value passes ir_simplify before it is placed, so that
 * constants fold and trivial operations vanish while the program is built.
 * needs: nothing; keeps: ssa; breaks: cfg. Variables are in ssa.c.
 */
#include "ir/ir_priv.h"

#include <stdarg.h>

/* ---- blocks ---- */

bool ir_ended(const struct ir_func *f)
{
	return !f->current;
}

void ir_block_start(struct ir_func *f, struct ir_block *b)
{
	if (f->current)
		ir_jump(f, b);
	f->current = b;
}

static void end(struct ir_func *f, struct ir_value *v)
{
	ir_append(f->current, v);
	for (int i = 0; i < 2; i++)
		if (v->to[i])
			vec_push(f->module->arena, &v->to[i]->preds, f->current);
	f->current = NULL;
}

void ir_jump(struct ir_func *f, struct ir_block *to)
{
	struct ir_value *v;

	if (!f->current)
		return;
	v = ir_new(f, IR_JUMP, 0);
	v->to[0] = to;
	end(f, v);
}

void ir_branch(struct ir_func *f, struct ir_value *cond, struct ir_block *then,
	       struct ir_block *otherwise)
{
	struct ir_value *v;
	int64_t n;

	if (!f->current)
		return;
	if (ir_is_const(cond, &n)) {
		ir_jump(f, n ? then : otherwise);
		return;
	}
	if (then == otherwise) {
		ir_jump(f, then);
		return;
	}
	v = ir_new1(f, IR_BRANCH, ir_resolve(cond));
	v->to[0] = then;
	v->to[1] = otherwise;
	end(f, v);
}

void ir_return(struct ir_func *f, struct ir_value *value)
{
	if (f->current)
		end(f, ir_new1(f, IR_RETURN, ir_resolve(value)));
}

/* ---- values ---- */

static struct ir_value *add(struct ir_func *f, struct ir_value *v)
{
	if (!f->current)
		return ir_const(f, 0);
	for (uint32_t i = 0; i < v->nargs; i++)
		v->args[i] = ir_resolve(v->args[i]);
	v = ir_simplify(f, v);
	if (!v->block && !ir_has(v, LEAF))
		ir_append(f->current, v);
	return v;
}

struct ir_value *ir_const(struct ir_func *f, int64_t n)
{
	return ir_leaf(f, &(struct ir_value){ .op = IR_CONST, .n = n });
}

struct ir_value *ir_param(struct ir_func *f, unsigned n)
{
	return ir_leaf(f, &(struct ir_value){ .op = IR_PARAM, .n = n });
}

struct ir_value *ir_binary(struct ir_func *f, enum ir_op op, struct ir_value *a, struct ir_value *b)
{
	return add(f, ir_new2(f, op, a, b));
}

struct ir_value *ir_unary(struct ir_func *f, enum ir_op op, struct ir_value *a)
{
	return add(f, ir_new1(f, op, a));
}

struct ir_value *ir_compare(struct ir_func *f, enum ir_cond cond, struct ir_value *a,
			    struct ir_value *b)
{
	return add(f, ir_new2(f, IR_CMP_EQ + cond, a, b));
}

bool ir_is_const(const struct ir_value *v, int64_t *ret)
{
	while (v->same)
		v = v->same;
	if (v->op != IR_CONST)
		return false;
	*ret = v->n;
	return true;
}

/* ---- memory ---- */

struct ir_value *ir_load(struct ir_func *f, enum ir_op op, struct ir_value *base, int32_t offset)
{
	struct ir_value *v = ir_new1(f, op, base);

	v->offset = offset;
	return add(f, v);
}

void ir_store(struct ir_func *f, enum ir_op op, struct ir_value *base, int32_t offset,
	      struct ir_value *value)
{
	struct ir_value *v = ir_new2(f, op, base, value);

	v->offset = offset;
	add(f, v);
}

struct ir_value *ir_atomic(struct ir_func *f, enum ir_op op, unsigned size, struct ir_value *base,
			   int32_t offset, struct ir_value *value)
{
	struct ir_value *v = ir_new2(f, op, base, value);

	v->n = size;
	v->offset = offset;
	return add(f, v);
}

struct ir_value *ir_cmpxchg(struct ir_func *f, unsigned size, struct ir_value *base, int32_t offset,
			    struct ir_value *expected, struct ir_value *value)
{
	struct ir_value *v = ir_new(f, IR_CMPXCHG, 3);

	v->args[0] = base;
	v->args[1] = expected;
	v->args[2] = value;
	v->n = size;
	v->offset = offset;
	return add(f, v);
}

void ir_zero(struct ir_func *f, struct ir_value *base, int32_t offset, uint32_t size)
{
	struct ir_value *v = ir_new1(f, IR_ZERO, base);

	v->n = size;
	v->offset = offset;
	if (size)
		add(f, v);
}

void ir_copy(struct ir_func *f, struct ir_value *to, int32_t to_offset, struct ir_value *from,
	     int32_t from_offset, uint32_t size)
{
	struct ir_value *v = ir_new2(f, IR_COPY, to, from);

	v->n = size;
	v->offset = to_offset;
	v->offset2 = from_offset;
	if (size)
		add(f, v);
}

struct ir_value *ir_slot(struct ir_func *f, uint32_t size, unsigned flags, const char *name)
{
	return ir_leaf(
		f, &(struct ir_value){ .op = IR_SLOT, .n = size, .index = flags, .name = name });
}

struct ir_value *ir_scratch(struct ir_func *f)
{
	return ir_leaf(f, &(struct ir_value){ .op = IR_SCRATCH });
}

void ir_scratch_set(struct ir_func *f, struct ir_value *base)
{
	add(f, ir_new1(f, IR_SCRATCH_SET, base));
}

/* ---- addresses ---- */

struct ir_value *ir_map(struct ir_func *f, uint32_t map)
{
	return ir_leaf(f, &(struct ir_value){ .op = IR_MAP, .index = map });
}

struct ir_value *ir_map_value(struct ir_func *f, uint32_t map, int64_t offset)
{
	return ir_leaf(f, &(struct ir_value){ .op = IR_MAP_VALUE, .index = map, .n = offset });
}

struct ir_value *ir_ksym(struct ir_func *f, const char *name, int64_t addend)
{
	return ir_leaf(f, &(struct ir_value){ .op = IR_KSYM, .name = name, .n = addend });
}

struct ir_value *ir_image_param(struct ir_func *f, enum image_param which)
{
	return ir_leaf(f, &(struct ir_value){ .op = IR_IMAGE_PARAM, .n = which });
}

struct ir_value *ir_func_address(struct ir_func *f, struct ir_func *callee)
{
	return ir_leaf(f, &(struct ir_value){ .op = IR_FUNC, .callee = callee });
}

/* ---- calls ---- */

static struct ir_value *call(struct ir_func *f, enum ir_op op, unsigned n,
			     struct ir_value *const *args)
{
	struct ir_value *v = ir_new(f, op, MIN(n, 5));

	for (unsigned i = 0; i < v->nargs; i++)
		v->args[i] = args[i];
	return v;
}

struct ir_value *ir_helper(struct ir_func *f, uint32_t helper, unsigned n,
			   struct ir_value *const *args)
{
	struct ir_value *v = call(f, IR_HELPER, n, args);

	v->n = helper;
	return add(f, v);
}

struct ir_value *ir_call(struct ir_func *f, struct ir_func *callee, unsigned n,
			 struct ir_value *const *args)
{
	struct ir_value *v = call(f, IR_CALL, n, args);

	v->callee = callee;
	return add(f, v);
}
