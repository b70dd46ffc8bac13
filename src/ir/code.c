/*
 * Writing instructions: constants, addresses with their relocations, moves.
 * Called by emit.c. needs: nothing but the emitter.
 */
#include "ir/emit.h"

void code_put(struct emitter *e, uint8_t opcode, int dst, int src, int16_t offset, int32_t imm)
{
	struct image_prog *p = e->prog;
	struct span last = p->spans.n ? p->spans.v[p->spans.n - 1].span : SPAN_NONE;

	if (e->span.lo != last.lo || e->span.hi != last.hi)
		vec_push(e->img->arena, &p->spans,
			 (struct insn_span){ .insn = p->insns.n, .span = e->span });
	vec_push(e->img->arena, &p->insns,
		 (struct insn){
			 .opcode = opcode, .dst = dst, .src = src, .offset = offset, .imm = imm });
}

void code_mov(struct emitter *e, int dst, int src)
{
	if (dst != src)
		code_put(e, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

static void wide(struct emitter *e, int dst, int src, int32_t low, int32_t high)
{
	code_put(e, BPF_LD | BPF_IMM | BPF_DW, dst, src, 0, low);
	code_put(e, 0, 0, 0, 0, high);
}

void code_const(struct emitter *e, int dst, int64_t n)
{
	if (fits_s32(n))
		code_put(e, BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, n);
	else if (n == (uint32_t)n)
		code_put(e, BPF_ALU | BPF_MOV | BPF_K, dst, 0, 0, (int32_t)n);
	else
		wide(e, dst, 0, (int32_t)n, (int32_t)(n >> 32));
}

static void relocated(struct emitter *e, int dst, int src, int32_t high, struct reloc reloc)
{
	reloc.insn = e->prog->insns.n;
	vec_push(e->img->arena, &e->prog->relocs, reloc);
	wide(e, dst, src, 0, high);
}

static void function_address(struct emitter *e, int dst, const struct ir_func *callee)
{
	vec_push(e->a, &e->calls, (struct patch){ .insn = e->prog->insns.n, .callee = callee });
	relocated(e, dst, BPF_PSEUDO_FUNC, 0, (struct reloc){ .kind = RELOC_FUNC });
}

static void stack_address(struct emitter *e, int dst, int32_t offset)
{
	code_mov(e, dst, FP);
	code_put(e, BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, offset);
}

void code_leaf(struct emitter *e, int dst, const struct ir_value *leaf)
{
	switch (leaf->op) {
	case IR_CONST: code_const(e, dst, leaf->n); break;
	case IR_SLOT: stack_address(e, dst, leaf->frame); break;
	case IR_MAP:
		relocated(e, dst, BPF_PSEUDO_MAP_FD, 0,
			  (struct reloc){ .kind = RELOC_MAP, .index = leaf->index });
		break;
	case IR_MAP_VALUE:
		relocated(e, dst, BPF_PSEUDO_MAP_VALUE, leaf->n,
			  (struct reloc){ .kind = RELOC_MAP_VALUE,
					  .index = leaf->index,
					  .addend = leaf->n });
		break;
	case IR_KSYM:
		relocated(e, dst, 0, 0,
			  (struct reloc){
				  .kind = RELOC_KSYM, .name = leaf->name, .addend = leaf->n });
		break;
	case IR_IMAGE_PARAM:
		e->prog->per_attach |= leaf->n == PARAM_COOKIE;
		relocated(e, dst, 0, 0, (struct reloc){ .kind = RELOC_PARAM, .index = leaf->n });
		break;
	case IR_FUNC: function_address(e, dst, leaf->callee); break;
	default: break;
	}
}

/* The spare words come to be when first needed. */
static int32_t spare_word(struct allocation *al, int n)
{
	if (!al->spare[n]) {
		al->stack -= 8;
		al->spare[n] = al->stack;
	}
	return al->spare[n];
}

static struct loc settled(struct emitter *e, struct loc l)
{
	return l.kind == LOC_SPARE ? loc_stack(spare_word(e->al, l.n)) : l;
}

void code_load(struct emitter *e, int dst, struct loc from)
{
	if (from.kind == LOC_REG)
		code_mov(e, dst, from.n);
	else if (from.kind == LOC_STACK)
		code_put(e, BPF_LDX | BPF_MEM | BPF_DW, dst, FP, from.n, 0);
	else if (from.kind == LOC_LEAF)
		code_leaf(e, dst, from.leaf);
}

void code_moves(struct emitter *e, const struct moves *m, uint32_t free_regs)
{
	struct moves steps = { 0 };

	ir_order_moves(e->a, m, free_regs, &steps);
	for (uint32_t i = 0; i < steps.n; i++) {
		struct loc to = settled(e, steps.v[i].to), from = settled(e, steps.v[i].from);

		if (to.kind == LOC_REG)
			code_load(e, to.n, from);
		else if (from.kind == LOC_REG)
			code_put(e, BPF_STX | BPF_MEM | BPF_DW, FP, from.n, to.n, 0);
		else
			code_put(e, BPF_ST | BPF_MEM | BPF_DW, FP, 0, to.n, from.leaf->n);
	}
}
