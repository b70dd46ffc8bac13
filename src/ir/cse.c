/*
 * Common subexpressions: the same operation on the same operands is computed once, where the
 * first one dominates the second.
 * needs: settled, cfg; keeps: ssa, cfg; leaves: settled.
 *
 * Loads are shared while nothing in between may have written what they read. What the verifier
 * learns when a value is compared it knows of that value only, not of others that were computed
 * from it before. Hence a value computed from a compared one is shared only inside a block, where
 * no comparison lies in between.
 */
#include "ir/ir_priv.h"

#include "bpf/uapi.h"

struct entry {
	struct ir_value *v;
	uint32_t memory; /* generation that a load saw */
	struct entry *next;
};

struct cse {
	struct ir_func *f;
	struct entry **table;
	uint32_t size;         /* power of 2 */
	uint32_t other, slots; /* generations of memory: own slots, all else */
	uint32_t next_memory;  /* the next new generation */
	bool slots_apart;      /* slot addresses are seen by loads, stores and calls only */
};

/* Marks compared values; finds whether slot addresses may hide in other values. */
static void survey(struct cse *c)
{
	c->slots_apart = true;
	for (uint32_t i = 0; i < c->f->order.n; i++)
		for (struct ir_value *v = c->f->order.v[i]->first; v; v = v->next)
			v->mark = false;
	for (uint32_t i = 0; i < c->f->order.n; i++)
		for (struct ir_value *v = c->f->order.v[i]->first; v; v = v->next)
			for (uint32_t k = 0; k < v->nargs; k++) {
				struct ir_value *arg = v->args[k];
				bool memory = v->op >= IR_LOAD8 && v->op <= IR_COPY;

				if (ir_is_cmp(v->op) || v->op == IR_BRANCH)
					arg->mark = true;
				if (arg->op == IR_SLOT && v->op != IR_HELPER && v->op != IR_CALL &&
				    !(memory && (k == 0 || v->op == IR_COPY)))
					c->slots_apart = false;
			}
}

static bool of_compared(const struct ir_value *v)
{
	for (uint32_t i = 0; i < v->nargs; i++)
		if (v->args[i]->mark && !ir_is_leaf(v->args[i]))
			return true;
	return false;
}

static bool is_context_load(const struct cse *c, const struct ir_value *v)
{
	const struct ir_value *base = v->args[0];

	return c->f->role == IR_ENTRY && c->f->module->fixed_context && base->op == IR_PARAM &&
	       !base->n;
}

/* Which generation of memory a load sees; 0: what it reads never changes. */
static uint32_t memory_of(const struct cse *c, const struct ir_value *v)
{
	if (!ir_has(v, READS) || is_context_load(c, v))
		return 0;
	return v->args[0]->op == IR_SLOT ? c->slots : c->other;
}

static void note_write(struct cse *c, const struct ir_value *v)
{
	bool call = v->op == IR_HELPER || v->op == IR_CALL;
	bool slot = !call && v->nargs && v->args[0]->op == IR_SLOT;

	if (call || slot || !c->slots_apart)
		c->slots = c->next_memory++;
	if (call || !slot || !c->slots_apart)
		c->other = c->next_memory++;
}

static uint32_t hash(const struct ir_value *v)
{
	uint64_t h = v->op + (uint64_t)v->n * 31 + (uint64_t)v->offset * 131;

	for (uint32_t i = 0; i < v->nargs; i++)
		h = (h + v->args[i]->id) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

static bool equal(const struct ir_value *a, const struct ir_value *b)
{
	if (a->op != b->op || a->n != b->n || a->offset != b->offset || a->nargs != b->nargs ||
	    a->narrow != b->narrow)
		return false;
	for (uint32_t i = 0; i < a->nargs; i++)
		if (a->args[i] != b->args[i])
			return false;
	return true;
}

static struct ir_value *find(struct cse *c, struct ir_value *v)
{
	uint32_t memory = memory_of(c, v), at = hash(v) & (c->size - 1);
	bool near = ir_has(v, PURE) && of_compared(v);
	struct entry *e;

	for (e = c->table[at]; e; e = e->next)
		if (e->memory == memory && equal(e->v, v) &&
		    (e->v->block == v->block || (!near && ir_dominates(e->v->block, v->block))))
			return e->v;
	e = arena_new(c->f->module->arena, struct entry);
	*e = (struct entry){ .v = v, .memory = memory, .next = c->table[at] };
	c->table[at] = e;
	return NULL;
}

static bool sharable(const struct ir_value *v)
{
	return v->op != IR_PHI && (ir_has(v, PURE | READS) || ir_helper_pure(v));
}

static void cse_block(struct cse *c, struct ir_block *b)
{
	struct ir_value *next, *older;

	if (b->preds.n == 1 && b->preds.v[0]->rpo < b->rpo) {
		c->other = b->preds.v[0]->mem_other;
		c->slots = b->preds.v[0]->mem_slots;
	} else {
		c->other = c->next_memory++;
		c->slots = c->next_memory++;
	}
	for (struct ir_value *v = b->first; v; v = next) {
		next = v->next;
		for (uint32_t i = 0; i < v->nargs; i++)
			v->args[i] = ir_resolve(v->args[i]);
		older = sharable(v) ? find(c, v) : NULL;
		if (older) {
			older->mark |= v->mark;
			ir_remove(v);
			v->same = older;
		} else if (ir_has(v, WRITES) && !ir_helper_pure(v)) {
			note_write(c, v);
		}
	}
	b->mem_other = c->other;
	b->mem_slots = c->slots;
}

void ir_cse(struct ir_func *f)
{
	struct cse c = { .f = f, .size = 64, .next_memory = 1 };

	while (c.size < f->nvalues)
		c.size *= 2;
	c.table = arena_array(f->module->arena, struct entry *, c.size);
	survey(&c);
	for (uint32_t i = 0; i < f->order.n; i++)
		cse_block(&c, f->order.v[i]);
	ir_settle(f);
}
