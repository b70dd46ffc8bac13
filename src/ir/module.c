/*
 * Modules, functions, blocks and values: making, linking and unlinking them. No pass of its own;
 * every other file of this folder uses it.
 */
#include "ir/ir_priv.h"

#include <string.h>

#include "base/table.h"
#include "bpf/uapi.h"

const struct ir_op_row ir_ops[IR_OP_COUNT] = {
#define IR_OP(id, name, shape, flags, code) [IR_##id] = { name, shape, flags, code },
#include "ir/op.def"
};

struct ir_module *ir_module_new(struct arena *arena, struct image *img, struct target *target)
{
	struct ir_module *m = arena_new(arena, struct ir_module);

	m->arena = arena;
	m->img = img;
	m->target = target;
	return m;
}

struct ir_func *ir_func_new(struct ir_module *m, const char *name, unsigned nparams,
			    enum ir_func_role role)
{
	struct ir_func *f = arena_new(m->arena, struct ir_func);

	f->module = m;
	f->name = arena_strdup(m->arena, name);
	f->nparams = MIN(nparams, 5);
	f->role = role;
	f->index = m->funcs.n;
	vec_push(m->arena, &m->funcs, f);
	f->current = ir_block_new(f, NULL);
	f->current->sealed = true;
	return f;
}

struct ir_module *ir_func_module(struct ir_func *f)
{
	return f->module;
}

void ir_span(struct ir_func *f, struct span span)
{
	f->span = span;
}

struct ir_block *ir_block_new(struct ir_func *f, const char *label)
{
	struct arena *a = f->module->arena;
	struct ir_block *b = arena_new(a, struct ir_block);

	b->id = f->blocks.n;
	b->func = f;
	b->label = label ? arena_strdup(a, label) : NULL;
	vec_push(a, &f->blocks, b);
	return b;
}

struct ir_value *ir_new(struct ir_func *f, enum ir_op op, uint32_t nargs)
{
	struct ir_value *v = arena_new(f->module->arena, struct ir_value);

	v->op = op;
	v->id = f->nvalues++;
	v->nargs = nargs;
	if (nargs)
		v->args = arena_array(f->module->arena, struct ir_value *, nargs);
	v->span = f->span;
	return v;
}

struct ir_value *ir_new1(struct ir_func *f, enum ir_op op, struct ir_value *a)
{
	struct ir_value *v = ir_new(f, op, 1);

	v->args[0] = a;
	return v;
}

struct ir_value *ir_new2(struct ir_func *f, enum ir_op op, struct ir_value *a, struct ir_value *b)
{
	struct ir_value *v = ir_new(f, op, 2);

	v->args[0] = a;
	v->args[1] = b;
	return v;
}

void ir_append(struct ir_block *b, struct ir_value *v)
{
	v->block = b;
	v->prev = b->last;
	v->next = NULL;
	if (b->last)
		b->last->next = v;
	else
		b->first = v;
	b->last = v;
}

void ir_insert(struct ir_value *before, struct ir_value *v)
{
	struct ir_block *b = before->block;

	v->block = b;
	v->prev = before->prev;
	v->next = before;
	if (before->prev)
		before->prev->next = v;
	else
		b->first = v;
	before->prev = v;
}

void ir_remove(struct ir_value *v)
{
	struct ir_block *b = v->block;

	if (v->prev)
		v->prev->next = v->next;
	else
		b->first = v->next;
	if (v->next)
		v->next->prev = v->prev;
	else
		b->last = v->prev;
	v->block = NULL;
}

static uint32_t leaf_hash(const struct ir_value *v)
{
	uint64_t h = (uint64_t)v->n * UINT64_C(0x9e3779b97f4a7c15) + v->index * 31u + v->op;

	if (v->name)
		h ^= hash_bytes(v->name, strlen(v->name));
	h ^= (uintptr_t)v->callee >> 4;
	return h ^ h >> 32;
}

static bool leaf_equal(const struct ir_value *a, const struct ir_value *b)
{
	return a->op == b->op && a->n == b->n && a->index == b->index && a->callee == b->callee &&
	       !a->name == !b->name && (!a->name || streq(a->name, b->name));
}

void ir_leaf_rehash(struct ir_func *f)
{
	uint32_t at;

	f->leaf_cap = 32;
	while (f->leaf_cap < f->leaves.n * 4)
		f->leaf_cap *= 2;
	f->leaf_table = arena_array(f->module->arena, struct ir_value *, f->leaf_cap);
	for (uint32_t i = 0; i < f->leaves.n; i++) {
		if (f->leaves.v[i]->op == IR_SLOT)
			continue;
		at = leaf_hash(f->leaves.v[i]) & (f->leaf_cap - 1);
		while (f->leaf_table[at])
			at = (at + 1) & (f->leaf_cap - 1);
		f->leaf_table[at] = f->leaves.v[i];
	}
}

struct ir_value *ir_leaf(struct ir_func *f, const struct ir_value *want)
{
	uint32_t at;
	struct ir_value *v;

	if (f->leaves.n * 2 >= f->leaf_cap)
		ir_leaf_rehash(f);
	at = leaf_hash(want) & (f->leaf_cap - 1);
	while (want->op != IR_SLOT && f->leaf_table[at]) {
		if (leaf_equal(f->leaf_table[at], want))
			return f->leaf_table[at];
		at = (at + 1) & (f->leaf_cap - 1);
	}
	v = ir_new(f, want->op, 0);
	v->n = want->n;
	v->index = want->index;
	v->callee = want->callee;
	v->name = want->name ? arena_strdup(f->module->arena, want->name) : NULL;
	vec_push(f->module->arena, &f->leaves, v);
	if (want->op != IR_SLOT)
		f->leaf_table[at] = v;
	return v;
}

struct ir_value *ir_resolve(struct ir_value *v)
{
	struct ir_value *end = v, *next;

	while (end->same)
		end = end->same;
	for (; v != end; v = next) {
		next = v->same;
		v->same = end;
	}
	return end;
}

void ir_settle(struct ir_func *f)
{
	for (uint32_t i = 0; i < f->blocks.n; i++)
		for (struct ir_value *v = f->blocks.v[i]->first; v; v = v->next)
			for (uint32_t k = 0; k < v->nargs; k++)
				v->args[k] = ir_resolve(v->args[k]);
	if (f->scratch)
		f->scratch = ir_resolve(f->scratch);
}

void ir_count_uses(struct ir_func *f)
{
	for (uint32_t i = 0; i < f->leaves.n; i++)
		f->leaves.v[i]->uses = 0;
	for (uint32_t i = 0; i < f->blocks.n; i++)
		for (struct ir_value *v = f->blocks.v[i]->first; v; v = v->next)
			v->uses = 0;
	for (uint32_t i = 0; i < f->blocks.n; i++)
		for (struct ir_value *v = f->blocks.v[i]->first; v; v = v->next)
			for (uint32_t k = 0; k < v->nargs; k++)
				v->args[k]->uses++;
}

void ir_push_arg(struct ir_func *f, struct ir_value *v, struct ir_value *arg)
{
	v->args = arena_grow(f->module->arena, v->args, v->nargs * sizeof(*v->args),
			     (v->nargs + 1) * sizeof(*v->args));
	v->args[v->nargs++] = arg;
}

unsigned ir_succs(const struct ir_block *b, struct ir_block *ret[2])
{
	const struct ir_value *end = b->last;

	ret[0] = ret[1] = NULL;
	if (!end || !ir_has(end, ENDS) || end->op == IR_RETURN)
		return 0;
	ret[0] = end->to[0];
	ret[1] = end->to[1];
	return end->op == IR_JUMP ? 1 : 2;
}

uint32_t ir_pred_index(const struct ir_block *b, const struct ir_block *pred)
{
	uint32_t i = 0;

	while (b->preds.v[i] != pred)
		i++;
	return i;
}

void ir_pred_remove(struct ir_block *b, const struct ir_block *pred)
{
	uint32_t at = ir_pred_index(b, pred);

	b->preds.n--;
	for (uint32_t i = at; i < b->preds.n; i++)
		b->preds.v[i] = b->preds.v[i + 1];
	for (struct ir_value *v = b->first; v && v->op == IR_PHI; v = v->next) {
		v->nargs--;
		for (uint32_t i = at; i < v->nargs; i++)
			v->args[i] = v->args[i + 1];
	}
}

void ir_set_jump(struct ir_block *b, struct ir_block *to)
{
	struct ir_block *succs[2];
	unsigned n = ir_succs(b, succs);
	struct ir_value *end = b->last;

	for (unsigned i = 0; i < n; i++)
		if (succs[i] != to)
			ir_pred_remove(succs[i], b);
	end->op = IR_JUMP;
	end->nargs = 0;
	end->to[0] = to;
	end->to[1] = NULL;
}

struct ir_block *ir_split_edge(struct ir_block *from, struct ir_block *to)
{
	struct ir_block *mid = ir_block_new(from->func, NULL);
	struct ir_value *jump = ir_new(from->func, IR_JUMP, 0);

	jump->span = from->last->span;
	jump->to[0] = to;
	ir_append(mid, jump);
	mid->sealed = true;
	vec_push(from->func->module->arena, &mid->preds, from);
	to->preds.v[ir_pred_index(to, from)] = mid;
	for (int i = 0; i < 2; i++)
		if (from->last->to[i] == to)
			from->last->to[i] = mid;
	return mid;
}

struct ir_block *ir_split_block(struct ir_value *at)
{
	struct ir_block *b = at->block, *tail = ir_block_new(b->func, b->label), *succs[2];
	struct ir_value *next;
	unsigned n = ir_succs(b, succs);

	for (struct ir_value *v = at; v; v = next) {
		next = v->next;
		ir_remove(v);
		ir_append(tail, v);
	}
	for (unsigned i = 0; i < n; i++)
		succs[i]->preds.v[ir_pred_index(succs[i], b)] = tail;
	tail->sealed = true;
	return tail;
}

enum ir_op ir_cmp_inverted(enum ir_op cmp)
{
	static const uint8_t inverted[] = { IR_NE,  IR_EQ,  IR_UGE, IR_UGT, IR_ULE,
					    IR_ULT, IR_SGE, IR_SGT, IR_SLE, IR_SLT };

	return IR_CMP_EQ + inverted[cmp - IR_CMP_EQ];
}

enum ir_op ir_cmp_swapped(enum ir_op cmp)
{
	static const uint8_t swapped[] = { IR_EQ,  IR_NE,  IR_UGT, IR_UGE, IR_ULT,
					   IR_ULE, IR_SGT, IR_SGE, IR_SLT, IR_SLE };

	return IR_CMP_EQ + swapped[cmp - IR_CMP_EQ];
}

_Static_assert(IR_CMP_SGE - IR_CMP_EQ == IR_SGE - IR_EQ, "comparisons are in the order of ir_cond");

bool ir_helper_pure(const struct ir_value *v)
{
	static const uint8_t pure[] = {
		BPF_FUNC_get_smp_processor_id, BPF_FUNC_get_current_pid_tgid,
		BPF_FUNC_get_current_uid_gid,  BPF_FUNC_get_current_task,
		BPF_FUNC_get_numa_node_id,     BPF_FUNC_get_current_cgroup_id,
		BPF_FUNC_get_current_task_btf, BPF_FUNC_get_attach_cookie,
		BPF_FUNC_get_func_ip,
	};

	if (v->op == IR_HELPER)
		for (size_t i = 0; i < ARRAY_LEN(pure); i++)
			if (pure[i] == v->n)
				return true;
	return false;
}
