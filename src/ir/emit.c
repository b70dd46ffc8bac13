/*
 * From allocated functions to instructions: values, blocks, jumps.
 * needs: allocation with moves; gives: insns, relocs, spans and funcs of the program.
 * Calls and function addresses are patched when all functions are written (ir_emit_finish).
 */
#include "ir/emit.h"

#include <errno.h>

static struct loc operand(const struct ir_value *v, uint32_t i)
{
	return ir_loc(v->args[i], v->pos + 1);
}

static int reg_of(const struct ir_value *v, uint32_t i)
{
	return operand(v, i).n;
}

static int result_reg(const struct ir_value *v)
{
	return ir_loc(v, v->pos + 3).n;
}

static bool is_immediate(const struct ir_value *v, uint32_t i)
{
	return ir_use(v, i) == USE_NONE;
}

/* ---- arithmetic ---- */

static uint8_t alu_class(const struct ir_value *v)
{
	return v->narrow ? BPF_ALU : BPF_ALU64;
}

/* d = a;  d op= b */
static void emit_binary(struct emitter *e, const struct ir_value *v)
{
	uint8_t op = alu_class(v) | ir_ops[v->op].code;
	int d = result_reg(v);

	if (v->op == IR_ADD && v->args[0]->op == IR_SLOT && is_immediate(v, 1)) {
		code_mov(e, d, FP);
		code_put(e, op | BPF_K, d, 0, 0, v->args[0]->frame + v->args[1]->n);
		return;
	}
	code_load(e, d, operand(v, 0));
	if (is_immediate(v, 1))
		code_put(e, op | BPF_K, d, 0, 0, v->args[1]->n);
	else
		code_put(e, op | BPF_X, d, v->args[0] == v->args[1] ? d : reg_of(v, 1), 0, 0);
}

static void emit_extension(struct emitter *e, const struct ir_value *v)
{
	int d = result_reg(v), bits = ir_ops[v->op].code;
	struct loc from = operand(v, 0);

	if (v->op == IR_ZEXT32) {
		if (from.kind != LOC_REG) {
			code_load(e, d, from);
			from = loc_reg(d);
		}
		code_put(e, BPF_ALU | BPF_MOV | BPF_X, d, from.n, 0, 0);
		return;
	}
	code_load(e, d, from);
	code_put(e, BPF_ALU64 | BPF_LSH | BPF_K, d, 0, 0, 64 - bits);
	code_put(e, BPF_ALU64 | BPF_ARSH | BPF_K, d, 0, 0, 64 - bits);
}

static void emit_unary(struct emitter *e, const struct ir_value *v)
{
	int d = result_reg(v);

	code_load(e, d, operand(v, 0));
	if (v->op == IR_NEG)
		code_put(e, alu_class(v) | BPF_NEG, d, 0, 0, 0);
	else
		code_put(e, BPF_ALU | BPF_END | BPF_TO_BE, d, 0, 0, ir_ops[v->op].code);
}

/* An instruction that jumps @skip instructions on when the comparison holds. */
static void put_test(struct emitter *e, const struct ir_value *v, uint8_t jump, int16_t skip)
{
	uint8_t class = v->narrow ? BPF_JMP32 : BPF_JMP;

	if (is_immediate(v, 1))
		code_put(e, class | jump | BPF_K, reg_of(v, 0), 0, skip, v->args[1]->n);
	else
		code_put(e, class | jump | BPF_X, reg_of(v, 0), reg_of(v, 1), skip, 0);
}

/* d = 1;  if a op b goto +1;  d = 0
 * or, when d is a or b:  if a op b goto +2;  d = 0;  goto +1;  d = 1 */
static void emit_comparison(struct emitter *e, const struct ir_value *v)
{
	uint8_t jump = ir_ops[v->op].code;
	int d = result_reg(v);
	bool shared = d == reg_of(v, 0) || (!is_immediate(v, 1) && d == reg_of(v, 1));

	if (!shared)
		code_const(e, d, 1);
	put_test(e, v, jump, shared ? 2 : 1);
	code_const(e, d, 0);
	if (shared) {
		code_put(e, BPF_JMP | BPF_JA, 0, 0, 1, 0);
		code_const(e, d, 1);
	}
}

/* ---- memory ---- */

/* The base register of a memory operation; the stack's is r10. */
static int base_of(const struct ir_value *v, int16_t *ret_offset)
{
	*ret_offset = v->offset;
	if (!is_immediate(v, 0))
		return reg_of(v, 0);
	*ret_offset += v->args[0]->frame;
	return FP;
}

static void emit_load(struct emitter *e, const struct ir_value *v)
{
	int16_t offset;
	int base = base_of(v, &offset);

	code_put(e, BPF_LDX | BPF_MEM | ir_ops[v->op].code, result_reg(v), base, offset, 0);
}

static void emit_store(struct emitter *e, const struct ir_value *v)
{
	uint8_t mode = BPF_MEM | ir_ops[v->op].code;
	int16_t offset;
	int base = base_of(v, &offset);

	if (is_immediate(v, 1))
		code_put(e, BPF_ST | mode, base, 0, offset, v->args[1]->n);
	else
		code_put(e, BPF_STX | mode, base, reg_of(v, 1), offset, 0);
}

static void put_atomic(struct emitter *e, const struct ir_value *v, int src)
{
	uint8_t size = v->n == 8 ? BPF_DW : BPF_W;
	int16_t offset;
	int base = base_of(v, &offset);

	code_put(e, BPF_STX | BPF_ATOMIC | size, base, src, offset, ir_ops[v->op].code);
}

/* From r0 to where the result lives. */
static void take_r0(struct emitter *e, const struct ir_value *v)
{
	struct loc to = ir_loc(v, v->pos + 3);

	if (to.kind == LOC_REG)
		code_mov(e, to.n, 0);
	else if (to.kind == LOC_STACK)
		code_put(e, BPF_STX | BPF_MEM | BPF_DW, FP, 0, to.n, 0);
}

static void emit_atomic(struct emitter *e, const struct ir_value *v)
{
	if (v->op == IR_CMPXCHG) {
		code_load(e, 0, operand(v, 1));
		put_atomic(e, v, reg_of(v, 2));
		take_r0(e, v);
	} else if (ir_gives(v)) {
		code_load(e, result_reg(v), operand(v, 1));
		put_atomic(e, v, result_reg(v));
	} else {
		put_atomic(e, v, reg_of(v, 1));
	}
}

/* ---- calls and ends ---- */

static void emit_call(struct emitter *e, const struct ir_value *v)
{
	struct moves m = { 0 };

	for (uint32_t i = 0; i < v->nargs; i++)
		vec_push(e->a, &m, (struct move){ .to = loc_reg(1 + i), .from = operand(v, i) });
	code_moves(e, &m, 0x01);
	if (v->op == IR_CALL) {
		vec_push(e->a, &e->calls,
			 (struct patch){ .insn = e->prog->insns.n, .callee = v->callee });
		code_put(e, BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 0);
	} else {
		code_put(e, BPF_JMP | BPF_CALL, 0, 0, 0, v->n);
	}
	take_r0(e, v);
}

/* Blocks that hold no instruction are left out; jumps to them go on to where they lead. */
static bool is_empty(const struct allocation *al, const struct ir_block *b)
{
	const struct ir_value *v = b->first;

	if (!b->rpo || al->entering[b->rpo].n || al->leaving[b->rpo].n)
		return false;
	for (; v->op == IR_PHI; v = v->next)
		if (al->gaps[v->pos / 4].n)
			return false;
	return v->op == IR_JUMP && !al->gaps[v->pos / 4].n;
}

static const struct ir_block *landing(const struct allocation *al, const struct ir_block *b)
{
	const struct ir_block *to = b;

	for (uint32_t i = 0; is_empty(al, to); i++) {
		/* an endless loop of nothing stays */
		if (i > al->f->order.n)
			return b;
		to = to->last->to[0];
	}
	return to;
}

static void put_patched(struct emitter *e, const struct ir_block *to, const struct ir_value *v)
{
	vec_push(e->a, &e->jumps,
		 (struct patch){ .insn = e->prog->insns.n, .block = to, .source = v });
}

static void emit_jump(struct emitter *e, const struct ir_value *v, const struct ir_block *to);

/* Whether @b, the head of a loop, does nothing but branch. A jump back there may branch by itself:
 * values are where they are at its start. */
static bool only_tests(const struct allocation *al, const struct ir_block *b)
{
	const struct ir_value *v = b->first;

	if (al->entering[b->rpo].n)
		return false;
	for (; v->op == IR_PHI; v = v->next)
		if (al->gaps[v->pos / 4].n)
			return false;
	return v->op == IR_TEST && !al->gaps[v->pos / 4].n;
}

static uint8_t opposite(uint8_t jump)
{
	switch (jump) {
	case BPF_JEQ: return BPF_JNE;
	case BPF_JNE: return BPF_JEQ;
	case BPF_JGT: return BPF_JLE;
	case BPF_JGE: return BPF_JLT;
	case BPF_JLT: return BPF_JGE;
	case BPF_JLE: return BPF_JGT;
	case BPF_JSGT: return BPF_JSLE;
	case BPF_JSGE: return BPF_JSLT;
	case BPF_JSLT: return BPF_JSGE;
	case BPF_JSLE: return BPF_JSGT;
	default: return 0; /* "any bit set" has no opposite */
	}
}

static void emit_test(struct emitter *e, const struct ir_value *v)
{
	const struct ir_block *yes = landing(e->al, v->to[0]), *no = landing(e->al, v->to[1]);
	uint8_t jump = v->n;

	if (yes == no) {
		emit_jump(e, v, yes);
		return;
	}
	if (yes == e->next && opposite(jump)) {
		jump = opposite(jump);
		yes = no;
		no = e->next;
	}
	put_patched(e, yes, v);
	put_test(e, v, jump, 0);
	emit_jump(e, v, no);
}

static void emit_jump(struct emitter *e, const struct ir_value *v, const struct ir_block *to)
{
	to = landing(e->al, to);
	if (to == e->next)
		return;
	if (v->op == IR_JUMP && to->rpo <= v->block->rpo && only_tests(e->al, to)) {
		emit_test(e, to->last);
		return;
	}
	put_patched(e, to, v);
	code_put(e, BPF_JMP | BPF_JA, 0, 0, 0, 0);
}

static void emit_return(struct emitter *e, const struct ir_value *v)
{
	code_load(e, 0, operand(v, 0));
	code_put(e, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* ---- values, blocks, functions ---- */

static void emit_value(struct emitter *e, const struct ir_value *v)
{
	if (v->leaf)
		code_load(e, result_reg(v), (struct loc){ .kind = LOC_LEAF, .leaf = v->leaf });
	else if (v->op >= IR_ADD && v->op <= IR_ASHR)
		emit_binary(e, v);
	else if (v->op >= IR_ZEXT32 && v->op <= IR_SEXT32)
		emit_extension(e, v);
	else if (v->op == IR_NEG || (v->op >= IR_BSWAP16 && v->op <= IR_BSWAP64))
		emit_unary(e, v);
	else if (ir_is_cmp(v->op))
		emit_comparison(e, v);
	else if (v->op >= IR_LOAD8 && v->op <= IR_LOAD64)
		emit_load(e, v);
	else if (v->op >= IR_STORE8 && v->op <= IR_STORE64)
		emit_store(e, v);
	else if (v->op >= IR_ATOMIC_ADD && v->op <= IR_CMPXCHG)
		emit_atomic(e, v);
	else if (ir_calls(v))
		emit_call(e, v);
	else if (v->op == IR_JUMP)
		emit_jump(e, v, v->to[0]);
	else if (v->op == IR_TEST)
		emit_test(e, v);
	else if (v->op == IR_RETURN)
		emit_return(e, v);
}

static void emit_moves(struct emitter *e, const struct moves *m, uint32_t before, uint32_t after)
{
	bool alone = m->n == 1 && (m->v[0].to.kind == LOC_REG || m->v[0].from.kind == LOC_REG);

	if (m->n)
		code_moves(e, m, alone ? 0 : ir_free_regs(e->al, before, after));
}

/* Where the moves into @b come from: the end of its only predecessor. */
static uint32_t end_before(const struct ir_block *b)
{
	return b->preds.n == 1 ? b->preds.v[0]->end - 1 : b->start;
}

static void emit_block(struct emitter *e, const struct ir_block *b)
{
	struct allocation *al = e->al;

	e->labels[b->rpo] = e->prog->insns.n;
	if (b->first)
		e->span = b->first->span;
	emit_moves(e, &al->entering[b->rpo], end_before(b), b->start);
	for (const struct ir_value *v = b->first; v; v = v->next) {
		e->span = v->span;
		emit_moves(e, &al->gaps[v->pos / 4], v == b->first ? v->pos : v->pos - 1, v->pos);
		if (v == b->last && v->op == IR_JUMP)
			emit_moves(e, &al->leaving[b->rpo], b->end - 1, v->to[0]->start);
		emit_value(e, v);
	}
}

static int patch_jumps(struct emitter *e)
{
	for (uint32_t i = 0; i < e->jumps.n; i++) {
		const struct patch *p = &e->jumps.v[i];
		int64_t distance = (int64_t)e->labels[p->block->rpo] - p->insn - 1;

		if (distance != (int16_t)distance) {
			diag_error(e->diags, p->source->span,
				   "this makes the program jump over more than 32767 instructions");
			diag_hint(e->diags, "split the clause, or unroll less");
			return -EINVAL;
		}
		e->prog->insns.v[p->insn].offset = distance;
	}
	return 0;
}

int ir_emit(struct emitter *e, struct allocation *al)
{
	struct ir_func *f = al->f;
	struct ir_blocks kept = { 0 };

	e->al = al;
	e->jumps.n = 0;
	e->labels = arena_array(e->a, uint32_t, f->order.n);
	f->insn = e->prog->insns.n;
	vec_push(e->img->arena, &e->prog->funcs,
		 (struct image_func){ .insn = f->insn,
				      .name = arena_strdup(e->img->arena, f->name),
				      .nparams = f->nparams });
	for (uint32_t i = 0; i < f->order.n; i++)
		if (landing(al, f->order.v[i]) == f->order.v[i])
			vec_push(e->a, &kept, f->order.v[i]);
	for (uint32_t i = 0; i < kept.n; i++) {
		e->next = i + 1 < kept.n ? kept.v[i + 1] : NULL;
		emit_block(e, kept.v[i]);
	}
	f->stack = -al->stack;
	return patch_jumps(e);
}

void ir_emit_finish(struct emitter *e)
{
	for (uint32_t i = 0; i < e->calls.n; i++) {
		const struct patch *p = &e->calls.v[i];

		e->prog->insns.v[p->insn].imm = (int64_t)p->callee->insn - p->insn - 1;
	}
	for (uint32_t i = 0, k = 0; i < e->prog->relocs.n; i++) {
		if (e->prog->relocs.v[i].kind != RELOC_FUNC)
			continue;
		while (e->calls.v[k].insn != e->prog->relocs.v[i].insn)
			k++;
		e->prog->relocs.v[i].index = e->calls.v[k].callee->insn;
	}
}
