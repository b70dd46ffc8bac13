/*
 * Scratch: slots that are too large for the BPF stack get room in the scratch map.
 * needs: settled, cfg; keeps: ssa; breaks: cfg. Runs over the whole module.
 *
 * The map (MAP_SCRATCH) is an array of frames, SCRATCH_LEVELS for each CPU, because programs
 * interrupt each other. A frame:
 *
 *	0  u64 busy      1 while a program is using it
 *	8  slots, each at a multiple of 8
 *
 * The entry function claims a frame where all uses come together, as late as that is, so that
 * events that fail a predicate pay nothing, and gives it back wherever control leaves the part of
 * the program that this point dominates. When every level is busy the event is counted in
 * image_globals.scratch_lost and the program ends. Callbacks and local functions find their slots
 * in the entry's frame (ir_scratch_set).
 *
 * Levels are claimed by exchange. Without FEATURE_ATOMIC_FETCH by a test and a store: what
 * interrupts in between is done, and has given back, before the store.
 */
#include "ir/ir_priv.h"

#include <errno.h>

#include "bpf/uapi.h"

enum {
	LARGE_SLOT = 64,   /* bytes; what is larger leaves the stack */
	STACK_LIMIT = 384, /* for slots and spills of all functions together */
	FRAME_LIMIT = 1 << 20,
	BUSY_SIZE = 8,
};

/* ---- which slots ---- */

/* A slot's mark: it goes to the frame. */
static bool may_leave(const struct ir_value *slot)
{
	return !(slot->index & IR_SLOT_STACK);
}

static struct ir_value *largest_left(struct ir_module *m)
{
	struct ir_value *best = NULL;

	for (uint32_t i = 0; i < m->funcs.n; i++) {
		const struct ir_func *f = m->funcs.v[i];

		for (uint32_t k = 0; k < f->leaves.n; k++) {
			struct ir_value *v = f->leaves.v[k];

			if (v->op == IR_SLOT && !v->mark && may_leave(v) &&
			    (f->role == IR_ENTRY || f->scratch) && (!best || v->n > best->n))
				best = v;
		}
	}
	return best;
}

static void choose_slots(struct ir_module *m)
{
	struct ir_value *v;
	int64_t stack = 0;

	for (uint32_t i = 0; i < m->funcs.n; i++) {
		struct ir_func *f = m->funcs.v[i];

		stack += 8 * (int64_t)ir_pressure(f);
		for (uint32_t k = 0; k < f->leaves.n; k++) {
			v = f->leaves.v[k];
			v->mark = v->op == IR_SLOT && v->n > LARGE_SLOT && may_leave(v);
			if (v->op == IR_SLOT && !v->mark)
				stack += ALIGN_UP(v->n, 8);
		}
	}
	while (stack > STACK_LIMIT && (v = largest_left(m))) {
		v->mark = true;
		stack -= ALIGN_UP(v->n, 8);
	}
}

static bool uses_frame(const struct ir_value *v)
{
	return (v->op == IR_SLOT && v->mark) || v->op == IR_SCRATCH;
}

static bool wants_frame(const struct ir_func *f)
{
	for (uint32_t k = 0; k < f->leaves.n; k++)
		if (uses_frame(f->leaves.v[k]))
			return true;
	return false;
}

/* ---- where ---- */

static struct ir_block *common_dominator(struct ir_block *a, struct ir_block *b)
{
	while (a && !ir_dominates(a, b))
		a = a->idom;
	return a;
}

/* Whether control can come back to @b. A frame claimed there would lose what it holds. */
static bool in_loop(struct ir_func *f, struct ir_block *b)
{
	bool *seen = arena_array(f->module->arena, bool, f->order.n);
	struct ir_blocks work = { 0 };
	struct ir_block *at = b;

	for (;;) {
		struct ir_block *succs[2];
		unsigned n = ir_succs(at, succs);

		while (n--) {
			if (succs[n] == b)
				return true;
			if (!seen[succs[n]->rpo])
				vec_push(f->module->arena, &work, succs[n]);
			seen[succs[n]->rpo] = true;
		}
		if (!work.n)
			return false;
		at = work.v[--work.n];
	}
}

static bool value_uses_frame(const struct ir_value *v)
{
	for (uint32_t i = 0; i < v->nargs; i++)
		if (uses_frame(v->args[i]))
			return true;
	return false;
}

static struct ir_block *claim_block(struct ir_func *f)
{
	struct ir_block *at = NULL;

	for (uint32_t i = 0; i < f->order.n; i++) {
		struct ir_block *b = f->order.v[i];

		for (struct ir_value *v = b->first; v; v = v->next) {
			/* a phi's operand is used at the end of its predecessor */
			for (uint32_t k = 0; k < v->nargs; k++) {
				struct ir_block *user = v->op == IR_PHI ? b->preds.v[k] : b;

				if (uses_frame(v->args[k]))
					at = at ? common_dominator(at, user) : user;
			}
		}
	}
	while (at != f->order.v[0] && in_loop(f, at))
		at = at->idom;
	return at;
}

/* Inside the block: before the first use, or before its end. */
static struct ir_value *claim_point(struct ir_block *b)
{
	struct ir_value *v = b->first;

	while (v != b->last && (v->op == IR_PHI || !value_uses_frame(v)))
		v = v->next;
	return v;
}

/* ---- claiming ---- */

static uint32_t map_of(struct ir_module *m, const struct image_map *map)
{
	int at = image_role(m->img, map->role);

	return at >= 0 ? (uint32_t)at : image_map_add(m->img, map);
}

static uint32_t scratch_map(struct ir_module *m)
{
	return map_of(
		m, &(struct image_map){ .name = ".scratch",
					.role = MAP_SCRATCH,
					.key_size = 4,
					.max_entries = MAX(m->target->ncpus, 1) * SCRATCH_LEVELS });
}

static uint32_t globals_map(struct ir_module *m)
{
	return map_of(m, &(struct image_map){ .name = ".globals",
					      .role = MAP_GLOBALS,
					      .key_size = 4,
					      .value_size = sizeof(struct image_globals),
					      .max_entries = 1 });
}

/* if (test and set busy) goto busy; goto done; */
static void take_level(struct ir_func *f, struct ir_value *frame, struct ir_block *busy,
		       struct ir_block *done)
{
	struct ir_value *one = ir_const(f, 1), *old;
	struct ir_block *set = ir_block_new(f, NULL);

	if (target_has(f->module->target, FEATURE_ATOMIC_FETCH)) {
		old = ir_atomic(f, IR_XCHG, 8, frame, 0, one);
		ir_branch(f, old, busy, done);
		return;
	}
	ir_branch(f, ir_load(f, IR_LOAD64, frame, 0), busy, set);
	ir_block_start(f, set);
	ir_store(f, IR_STORE64, frame, 0, one);
	ir_jump(f, done);
}

/* level n: key = cpu * SCRATCH_LEVELS + n; frame = lookup(scratch, &key); take it or go on */
static void try_levels(struct ir_func *f, struct ir_var *found, struct ir_block *lost,
		       struct ir_block *done)
{
	struct ir_value *cpu = ir_call_helper0(f, BPF_FUNC_get_smp_processor_id);
	struct ir_value *first = ir_binary(f, IR_MUL, cpu, ir_const(f, SCRATCH_LEVELS));
	struct ir_value *key = ir_slot(f, 4, IR_SLOT_STACK, "level");
	struct ir_value *map = ir_map(f, scratch_map(f->module));

	for (int level = 0; level < SCRATCH_LEVELS; level++) {
		struct ir_block *there = ir_block_new(f, "level");
		struct ir_block *next = level + 1 < SCRATCH_LEVELS ? ir_block_new(f, "busy") : lost;
		struct ir_value *frame;

		ir_store(f, IR_STORE32, key, 0, ir_binary(f, IR_ADD, first, ir_const(f, level)));
		frame = ir_call_helper(f, BPF_FUNC_map_lookup_elem, map, key);
		ir_branch(f, frame, there, lost);
		ir_block_start(f, there);
		ir_var_set(f, found, frame);
		take_level(f, frame, next, done);
		if (next != lost)
			ir_block_start(f, next);
	}
}

/* Splits the function before @at and puts the claim in between; gives the frame. */
static struct ir_value *claim(struct ir_func *f, struct ir_value *at)
{
	struct ir_block *head = at->block, *tail = ir_split_block(at);
	struct ir_block *lost = ir_block_new(f, "no scratch");
	struct ir_var *found = ir_var_new(f, "frame");
	struct ir_value *frame;

	f->span = at->span;
	f->current = head;
	try_levels(f, found, lost, tail);
	f->current = lost;
	ir_atomic(f, IR_ATOMIC_ADD, 8, ir_map_value(f, globals_map(f->module), 0),
		  offsetof(struct image_globals, scratch_lost), ir_const(f, 1));
	ir_return(f, ir_const(f, 0));
	for (uint32_t i = 0; i < f->blocks.n; i++)
		if (f->blocks.v[i] != tail)
			ir_block_seal(f, f->blocks.v[i]);
	/* the tail held code before: read the variable at its start */
	f->current = tail;
	frame = ir_var_get(f, found);
	f->current = NULL;
	f->span = SPAN_NONE;
	return frame;
}

/* ---- giving back ---- */

static void release_before(struct ir_func *f, struct ir_value *at, struct ir_value *frame)
{
	struct ir_value *v = ir_new2(f, IR_STORE64, frame, ir_const(f, 0));

	v->span = at->span;
	ir_insert(at, v);
}

/* @from's block is where the frame is had; all that it dominates has it. */
static void release(struct ir_func *f, struct ir_block *from, struct ir_value *frame)
{
	uint32_t n = f->order.n;

	for (uint32_t i = 0; i < n; i++) {
		struct ir_block *b = f->order.v[i], *succs[2];
		unsigned k = ir_dominates(from, b) ? ir_succs(b, succs) : 0;

		if (ir_dominates(from, b) && b->last->op == IR_RETURN)
			release_before(f, b->last, frame);
		while (k--)
			if (!ir_dominates(from, succs[k]))
				release_before(f, ir_split_edge(b, succs[k])->last, frame);
	}
}

/* ---- slots to addresses ---- */

static struct ir_value *address(struct ir_func *f, struct ir_value *at, const struct ir_value *slot)
{
	struct ir_value *v;

	if (slot->op == IR_SCRATCH)
		return f->scratch;
	v = ir_new2(f, IR_ADD, f->scratch, ir_const(f, slot->frame));
	v->span = at->span;
	ir_insert(at, v);
	return v;
}

static void replace_uses(struct ir_func *f)
{
	for (uint32_t i = 0; i < f->blocks.n; i++)
		for (struct ir_value *v = f->blocks.v[i]->first; v; v = v->next)
			for (uint32_t k = 0; k < v->nargs; k++) {
				struct ir_value *at = v->op == IR_PHI ? v->block->preds.v[k]->last
								      : v;

				if (uses_frame(v->args[k]))
					v->args[k] = address(f, at, v->args[k]);
			}
}

static int give_room(struct ir_func *f)
{
	struct ir_module *m = f->module;

	for (uint32_t i = 0; i < f->leaves.n; i++) {
		struct ir_value *v = f->leaves.v[i];

		if (v->op != IR_SLOT || !v->mark)
			continue;
		v->frame = m->scratch_size;
		m->scratch_size += ALIGN_UP(v->n, 8);
		if (m->scratch_size > FRAME_LIMIT) {
			diag_error(m->diags, f->blocks.v[0]->first->span,
				   "the values of this clause need more than 1 MiB of memory");
			diag_hint(m->diags, "use shorter strings, buffers or stacks");
			return -EINVAL;
		}
	}
	return 0;
}

/* SCRATCH_SET tells a function where the frame is. */
static void find_set(struct ir_func *f)
{
	struct ir_value *next;

	for (uint32_t i = 0; i < f->order.n; i++)
		for (struct ir_value *v = f->order.v[i]->first; v; v = next) {
			next = v->next;
			if (v->op != IR_SCRATCH_SET)
				continue;
			f->scratch = v->args[0];
			ir_remove(v);
		}
}

static int claim_in(struct ir_func *f)
{
	struct ir_block *b;
	struct ir_value *at;

	if (!wants_frame(f))
		return 0;
	if (f->role != IR_ENTRY && !f->scratch)
		return diag_error(f->module->diags, SPAN_NONE,
				  "internal error: \"%s\" has large slots but was not told where "
				  "the scratch frame is",
				  f->name);
	if (give_room(f))
		return -EINVAL;
	b = f->role == IR_ENTRY ? claim_block(f) : NULL;
	if (b) {
		at = claim_point(b);
		f->scratch = claim(f, at);
		/* its operands may have been slots of this very block */
		ir_cfg(f);
		release(f, at->block, f->scratch);
	}
	replace_uses(f);
	ir_cfg(f);
	return 0;
}

/* A front end hands the frame to callbacks before it knows whether they need it: where no slot
 * leaves the stack there is none to hand over. */
static bool has_large_slots(const struct ir_module *m)
{
	for (uint32_t i = 0; i < m->funcs.n; i++)
		for (uint32_t k = 0; k < m->funcs.v[i]->leaves.n; k++)
			if (m->funcs.v[i]->leaves.v[k]->op == IR_SLOT &&
			    m->funcs.v[i]->leaves.v[k]->mark)
				return true;
	return false;
}

static void drop_frame(struct ir_func *f)
{
	for (uint32_t i = 0; i < f->leaves.n; i++)
		if (f->leaves.v[i]->op == IR_SCRATCH)
			f->leaves.v[i]->same = ir_const(f, 0);
	ir_settle(f);
}

int ir_scratch_claim(struct ir_module *m)
{
	struct image_map *map;

	for (uint32_t i = 0; i < m->funcs.n; i++)
		find_set(m->funcs.v[i]);
	choose_slots(m);
	if (!has_large_slots(m)) {
		for (uint32_t i = 0; i < m->funcs.n; i++)
			drop_frame(m->funcs.v[i]);
		return 0;
	}
	m->scratch_size = BUSY_SIZE;
	for (uint32_t i = 0; i < m->funcs.n; i++)
		if (claim_in(m->funcs.v[i]))
			return -EINVAL;
	if (m->scratch_size > BUSY_SIZE) {
		map = &m->img->maps.v[scratch_map(m)];
		map->value_size = MAX(map->value_size, m->scratch_size);
	}
	return 0;
}
