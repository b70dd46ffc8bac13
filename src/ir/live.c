/*
 * Liveness: which values are needed at the start and end of each block.
 * needs: settled, cfg; keeps: everything; gives: pos, block->start/end, live_in, live_out.
 *
 * Only values that need a place of their own count: results of instructions, and parameters.
 * Positions: instruction i has 4 of them, 4i the gap before it, where moves go; 4i + 1 it takes
 * operands; 4i + 2 calls overwrite registers; 4i + 3 it gives its result.
 */
#include "ir/ir_priv.h"

void ir_number(struct ir_func *f)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < f->order.n; i++) {
		struct ir_block *b = f->order.v[i];

		b->start = n * 4;
		for (struct ir_value *v = b->first; v; v = v->next)
			v->pos = 4 * n++;
		b->end = n * 4;
	}
}

bool ir_lives(const struct ir_value *v)
{
	return v->block ? ir_gives(v) : v->op == IR_PARAM;
}

static void use(uint64_t *live, const struct ir_value *arg)
{
	if (ir_lives(arg))
		live_add(live, arg->id);
}

/* live_in of @b from its live_out; whether it grew. */
static bool flow(struct ir_block *b, uint64_t *live, uint32_t words)
{
	bool grew = false;

	for (uint32_t w = 0; w < words; w++)
		live[w] = b->live_out[w];
	for (struct ir_value *v = b->last; v; v = v->prev) {
		if (ir_gives(v))
			live_drop(live, v->id);
		for (uint32_t i = 0; v->op != IR_PHI && i < v->nargs; i++)
			use(live, v->args[i]);
	}
	for (uint32_t w = 0; w < words; w++) {
		grew |= b->live_in[w] != live[w];
		b->live_in[w] = live[w];
	}
	return grew;
}

/* What successors need at their start, and their phis of this edge. */
static void gather(struct ir_block *b, uint32_t words)
{
	struct ir_block *succs[2];
	unsigned n = ir_succs(b, succs);

	for (unsigned k = 0; k < n; k++) {
		uint32_t at = ir_pred_index(succs[k], b);

		for (uint32_t w = 0; w < words; w++)
			b->live_out[w] |= succs[k]->live_in[w];
		for (struct ir_value *v = succs[k]->first; v && v->op == IR_PHI; v = v->next)
			use(b->live_out, v->args[at]);
	}
}

void ir_live(struct ir_func *f)
{
	uint32_t words = f->nvalues / 64 + 1;
	struct arena *a = f->module->arena;
	uint64_t *live = arena_array(a, uint64_t, words);
	bool grew = true;

	for (uint32_t i = 0; i < f->order.n; i++) {
		f->order.v[i]->live_in = arena_array(a, uint64_t, words);
		f->order.v[i]->live_out = arena_array(a, uint64_t, words);
	}
	while (grew) {
		grew = false;
		for (uint32_t i = f->order.n; i-- > 0;) {
			gather(f->order.v[i], words);
			grew |= flow(f->order.v[i], live, words);
		}
	}
}

static unsigned count(const uint64_t *live, uint32_t words)
{
	unsigned n = 0;

	for (uint32_t w = 0; w < words; w++)
		n += __builtin_popcountll(live[w]);
	return n;
}

static unsigned excess(unsigned live, unsigned registers)
{
	return live > registers ? live - registers : 0;
}

/* ir_pressure - a guess at how many values will have to be spilled: how many more live than
 * there are registers, at calls those that calls keep. */
unsigned ir_pressure(struct ir_func *f)
{
	unsigned all = __builtin_popcount(f->module->registers), most = 0;
	unsigned kept = __builtin_popcount(f->module->registers & 0x3c0);
	uint32_t words = f->nvalues / 64 + 1;
	uint64_t *live = arena_array(f->module->arena, uint64_t, words);

	ir_live(f);
	for (uint32_t i = 0; i < f->order.n; i++) {
		struct ir_block *b = f->order.v[i];

		for (uint32_t w = 0; w < words; w++)
			live[w] = b->live_out[w];
		for (struct ir_value *v = b->last; v; v = v->prev) {
			unsigned regs = ir_calls(v) ? kept : all;

			if (ir_gives(v))
				live_drop(live, v->id);
			most = MAX(most, excess(count(live, words), regs));
			for (uint32_t k = 0; v->op != IR_PHI && k < v->nargs; k++)
				use(live, v->args[k]);
		}
	}
	return most;
}
