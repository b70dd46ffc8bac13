/*
 * What the tests of the IR share: an arena with a module, passes run on text, and two small
 * interpreters: of the IR as built, and of the bytecode that comes out. Both run on host memory
 * and call the same made-up helpers, so that a program's results can be compared.
 */
#ifndef TESTS_IR_TESTING_H
#define TESTS_IR_TESTING_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/disasm.h"
#include "bpf/uapi.h"
#include "ir/ir_priv.h"

struct fixture {
	struct arena arena;
	jmp_buf no_memory;
	struct diags diags;
	struct image *img;
	struct target target;
	struct ir_module *m;
	struct image_prog prog;
};

static inline void fixture_init(struct fixture *x)
{
	memset(x, 0, sizeof(*x));
	arena_init(&x->arena, &x->no_memory);
	diags_init(&x->diags, &x->arena, NULL);
	x->img = image_new(&x->arena, NULL);
	x->target = (struct target){ .kernel = KERNEL(6, 1), .ncpus = 4 };
	x->prog.type = BPF_PROG_TYPE_RAW_TRACEPOINT;
	image_map_add(x->img, &(struct image_map){ .name = "@",
						   .role = MAP_USER,
						   .key_size = 8,
						   .value_size = 64,
						   .max_entries = 4 });
	x->m = ir_module_new(&x->arena, x->img, &x->target);
}

static inline void fixture_done(struct fixture *x)
{
	arena_done(&x->arena);
}

static inline void show_diags(const struct fixture *x)
{
	for (const struct diag *d = x->diags.first; d; d = d->next)
		print_error("%s\n", d->text);
}

static inline void fixture_parse(struct fixture *x, const char *text)
{
	fixture_init(x);
	if (ir_parse(&x->arena, x->img, &x->target, text, &x->m, &x->diags)) {
		show_diags(x);
		fail();
	}
}

static inline void assert_well_formed(struct fixture *x)
{
	const char *why;

	for (uint32_t i = 0; i < x->m->funcs.n; i++)
		if (!ir_check(x->m->funcs.v[i], &why)) {
			print_error("%s\n", why);
			fail();
		}
}

/* The text after @passes over the first function of @text. */
static inline void assert_passes(const char *text, const char *expected, size_t n,
				 void (*const *passes)(struct ir_func *))
{
	struct fixture x;
	struct buf out = { 0 };

	fixture_parse(&x, text);
	for (size_t i = 0; i < n; i++) {
		passes[i](x.m->funcs.v[0]);
		assert_well_formed(&x);
	}
	ir_print_func(&out, x.m->funcs.v[0]);
	assert_string_equal(out.data, expected);
	buf_done(&out);
	fixture_done(&x);
}

#define ASSERT_PASSES(text, expected, ...)                                      \
	do {                                                                    \
		void (*const passes_[])(struct ir_func *) = { __VA_ARGS__ };    \
		assert_passes((text), (expected), ARRAY_LEN(passes_), passes_); \
	} while (0)

/* ---- the world that programs run in ---- */

enum {
	HELPER_MIX = 101,  /* (a, b, ...) -> a number made of them and of how often it was called */
	HELPER_BUMP = 102, /* (u64 *p) -> *p, and adds to it */
	HELPER_LOOP = 181, /* (n, function, context, flags), as bpf_loop */
};

struct world {
	uint64_t context[16];
	uint64_t map[64];
	uint64_t zeroes[64];
	uint8_t *scratch; /* levels x value_size */
	uint32_t scratch_size;
	uint64_t globals[16];
	uint64_t log;   /* grows with every effect */
	uint64_t steps; /* against endless programs */
	bool stopped;
};

enum { WORLD_STEPS = 20000 };

static inline uint64_t mix(uint64_t a, uint64_t b)
{
	a = (a ^ b) * UINT64_C(0x9e3779b97f4a7c15);
	return a ^ a >> 29;
}

static inline void world_init(struct world *w, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	for (size_t i = 0; i < ARRAY_LEN(w->context); i++) {
		w->context[i] = mix(seed, i + 1);
		if (i % 3 == 0)
			w->context[i] %= 16;
	}
	w->scratch_size = 4096;
	w->scratch = calloc(8 * SCRATCH_LEVELS, w->scratch_size);
}

static inline bool world_step(struct world *w)
{
	w->stopped |= ++w->steps > WORLD_STEPS;
	return !w->stopped;
}

static inline uint64_t world_map_value(struct world *w, const struct image *img, uint32_t map)
{
	switch (img->maps.v[map].role) {
	case MAP_RODATA: return (uintptr_t)w->zeroes;
	case MAP_GLOBALS: return (uintptr_t)w->globals;
	default: return (uintptr_t)w->map;
	}
}

static inline uint64_t world_lookup(struct world *w, const struct image *img, uint64_t map,
				    uint64_t key)
{
	uint32_t n;

	memcpy(&n, (void *)(uintptr_t)key, sizeof(n));
	if (img->maps.v[map - 1].role == MAP_SCRATCH)
		return (uintptr_t)(w->scratch + n * w->scratch_size);
	w->log = mix(w->log, n);
	return n & 1 ? 0 : (uintptr_t)w->map;
}

/* All but HELPER_LOOP. */
static inline uint64_t world_helper(struct world *w, const struct image *img, uint32_t id,
				    unsigned n, const uint64_t *args)
{
	uint64_t r = id, *p;

	switch (id) {
	case BPF_FUNC_map_lookup_elem: return world_lookup(w, img, args[0], args[1]);
	case BPF_FUNC_get_smp_processor_id: return 1;
	case BPF_FUNC_get_current_pid_tgid: return UINT64_C(0x4d2000004d3);
	case BPF_FUNC_probe_read_kernel:
		memcpy((void *)(uintptr_t)args[0], (void *)(uintptr_t)args[2], args[1]);
		return 0;
	case HELPER_BUMP:
		p = (uint64_t *)(uintptr_t)args[0];
		r = *p;
		*p += 77;
		w->log = mix(w->log, r);
		return r;
	default:
		for (unsigned i = 0; i < n; i++)
			r = mix(r, args[i]);
		w->log = mix(w->log, r);
		return mix(r, w->log);
	}
}

static inline uint64_t world_load(uint64_t at, unsigned size)
{
	uint64_t n = 0;

	memcpy(&n, (void *)(uintptr_t)at, size);
	return n;
}

static inline void world_store(uint64_t at, unsigned size, uint64_t n)
{
	memcpy((void *)(uintptr_t)at, &n, size);
}

static inline uint64_t low_bytes(uint64_t n, unsigned size)
{
	return size == 8 ? n : n & ((UINT64_C(1) << size * 8) - 1);
}

/* ---- the IR, as built ---- */

struct ir_run {
	struct world *w;
	const struct image *img;
	uint64_t frame; /* what IR_SCRATCH is */
};

static inline uint64_t ir_run_func(struct ir_run *r, struct ir_func *f, const uint64_t *params);

struct ir_frame {
	struct ir_run *r;
	struct ir_func *f;
	const uint64_t *params;
	uint64_t *values; /* by id */
	void **slots;     /* by id */
};

static inline uint64_t ir_value_of(struct ir_frame *fr, const struct ir_value *v)
{
	v = ir_resolve((struct ir_value *)v);
	switch (ir_is_leaf(v) ? v->op : IR_OP_COUNT) {
	case IR_CONST: return v->n;
	case IR_PARAM: return fr->params[v->n];
	case IR_SLOT:
		if (!fr->slots[v->id])
			fr->slots[v->id] = calloc(1, ALIGN_UP(v->n, 8));
		return (uintptr_t)fr->slots[v->id];
	case IR_MAP: return v->index + 1;
	case IR_MAP_VALUE: return world_map_value(fr->r->w, fr->r->img, v->index) + v->n;
	case IR_FUNC: return (uintptr_t)v->callee;
	case IR_SCRATCH: return fr->r->frame;
	default: return fr->values[v->id];
	}
}

static inline uint64_t ir_run_call(struct ir_frame *fr, const struct ir_value *v)
{
	uint64_t args[5] = { 0 }, param[5] = { 0 };

	for (uint32_t i = 0; i < v->nargs; i++)
		args[i] = ir_value_of(fr, v->args[i]);
	if (v->op == IR_CALL)
		return ir_run_func(fr->r, v->callee, args);
	if (v->n != HELPER_LOOP)
		return world_helper(fr->r->w, fr->r->img, v->n, v->nargs, args);
	param[1] = args[2];
	for (param[0] = 0; param[0] < args[0] && world_step(fr->r->w); param[0]++)
		if (ir_run_func(fr->r, (struct ir_func *)(uintptr_t)args[1], param))
			return param[0] + 1;
	return args[0];
}

static inline uint64_t ir_run_memory(struct ir_frame *fr, const struct ir_value *v)
{
	uint64_t at = ir_value_of(fr, v->args[0]) + v->offset, old, new, n = 0;
	static const uint8_t sizes[] = { 1, 2, 4, 8 };
	int64_t sx;

	if (v->op >= IR_LOAD8 && v->op <= IR_LOAD64)
		return world_load(at, sizes[v->op - IR_LOAD8]);
	if (v->op >= IR_LOADS8 && v->op <= IR_LOADS32) {
		ir_eval(IR_SEXT8 + (v->op - IR_LOADS8), world_load(at, sizes[v->op - IR_LOADS8]), 0,
			&sx);
		return sx;
	}
	if (v->op == IR_ZERO) {
		memset((void *)(uintptr_t)at, 0, v->n);
		return 0;
	}
	n = ir_value_of(fr, v->args[1]);
	if (v->op == IR_COPY) {
		memcpy((void *)(uintptr_t)at, (void *)(uintptr_t)(n + v->offset2), v->n);
		return 0;
	}
	if (v->op >= IR_STORE8 && v->op <= IR_STORE64) {
		world_store(at, sizes[v->op - IR_STORE8], n);
		return 0;
	}
	old = new = world_load(at, v->n);
	switch (v->op) {
	case IR_ATOMIC_ADD:
	case IR_FETCH_ADD: new = old + n; break;
	case IR_ATOMIC_AND:
	case IR_FETCH_AND: new = old &n; break;
	case IR_ATOMIC_OR:
	case IR_FETCH_OR: new = old | n; break;
	case IR_ATOMIC_XOR:
	case IR_FETCH_XOR: new = old ^ n; break;
	case IR_XCHG: new = n; break;
	case IR_CMPXCHG:
		if (old == low_bytes(n, v->n))
			new = ir_value_of(fr, v->args[2]);
		break;
	default: break;
	}
	world_store(at, v->n, new);
	return old;
}

static inline void ir_run_phis(struct ir_frame *fr, struct ir_block *b, struct ir_block *from)
{
	uint64_t next[256];
	uint32_t n = 0, at = from ? ir_pred_index(b, from) : 0;

	for (struct ir_value *v = b->first; v && v->op == IR_PHI; v = v->next)
		next[n++] = ir_value_of(fr, v->args[at]);
	n = 0;
	for (struct ir_value *v = b->first; v && v->op == IR_PHI; v = v->next)
		fr->values[v->id] = next[n++];
}

static inline uint64_t ir_run_value(struct ir_frame *fr, const struct ir_value *v)
{
	int64_t n = 0;

	if (v->op >= IR_LOAD8 && v->op <= IR_COPY)
		return ir_run_memory(fr, v);
	if (v->op == IR_HELPER || v->op == IR_CALL)
		return ir_run_call(fr, v);
	if (v->op != IR_SCRATCH_SET)
		ir_eval(v->op, ir_value_of(fr, v->args[0]),
			v->nargs > 1 ? ir_value_of(fr, v->args[1]) : 0, &n);
	return n;
}

static inline uint64_t ir_run_func(struct ir_run *r, struct ir_func *f, const uint64_t *params)
{
	struct ir_frame fr = { r, f, params, calloc(f->nvalues, 8), calloc(f->nvalues, 8) };
	struct ir_block *b = f->blocks.v[0], *from = NULL;
	uint64_t ret = 0;

	while (b && world_step(r->w)) {
		struct ir_value *v;

		ir_run_phis(&fr, b, from);
		for (v = b->first; v != b->last; v = v->next)
			if (v->op != IR_PHI)
				fr.values[v->id] = ir_run_value(&fr, v);
		from = b;
		if (v->op == IR_RETURN) {
			ret = ir_value_of(&fr, v->args[0]);
			b = NULL;
		} else {
			b = v->op == IR_BRANCH && !ir_value_of(&fr, v->args[0]) ? v->to[1]
										: v->to[0];
		}
	}
	for (uint32_t i = 0; i < f->nvalues; i++)
		free(fr.slots[i]);
	free(fr.slots);
	free(fr.values);
	return ret;
}

/* ---- bytecode ---- */

struct bpf_run {
	struct world *w;
	const struct image *img;
	const struct image_prog *prog;
};

static inline uint64_t bpf_run_from(struct bpf_run *r, uint32_t pc, const uint64_t *params);

static inline uint64_t bpf_alu(uint8_t op, uint64_t a, uint64_t b, bool wide)
{
	uint64_t bits = wide ? 63 : 31;

	switch (op) {
	case BPF_ADD: return a + b;
	case BPF_SUB: return a - b;
	case BPF_MUL: return a * b;
	case BPF_DIV: return b ? a / b : 0;
	case BPF_MOD: return b ? a % b : a;
	case BPF_AND: return a & b;
	case BPF_OR: return a | b;
	case BPF_XOR: return a ^ b;
	case BPF_LSH: return a << (b & bits);
	case BPF_RSH: return a >> (b & bits);
	case BPF_ARSH:
		return wide ? (uint64_t)((int64_t)a >> (b & bits))
			    : (uint32_t)((int32_t)a >> (b & bits));
	case BPF_NEG: return 0 - a;
	case BPF_MOV: return b;
	}
	fail_msg("operation %#x", op);
	return 0;
}

static inline bool bpf_test(uint8_t op, uint64_t a, uint64_t b, bool wide)
{
	int64_t x = wide ? (int64_t)a : (int32_t)a, y = wide ? (int64_t)b : (int32_t)b;

	if (!wide) {
		a = (uint32_t)a;
		b = (uint32_t)b;
	}
	switch (op) {
	case BPF_JEQ: return a == b;
	case BPF_JNE: return a != b;
	case BPF_JGT: return a > b;
	case BPF_JGE: return a >= b;
	case BPF_JLT: return a < b;
	case BPF_JLE: return a <= b;
	case BPF_JSET: return a & b;
	case BPF_JSGT: return x > y;
	case BPF_JSGE: return x >= y;
	case BPF_JSLT: return x < y;
	case BPF_JSLE: return x <= y;
	}
	fail_msg("jump %#x", op);
	return false;
}

static inline const struct reloc *bpf_reloc(const struct bpf_run *r, uint32_t insn)
{
	for (uint32_t i = 0; i < r->prog->relocs.n; i++)
		if (r->prog->relocs.v[i].insn == insn)
			return &r->prog->relocs.v[i];
	return NULL;
}

static inline uint64_t bpf_wide(const struct bpf_run *r, uint32_t pc)
{
	const struct insn *i = &r->prog->insns.v[pc];
	const struct reloc *rel = bpf_reloc(r, pc);

	if (!rel)
		return (uint32_t)i[0].imm | (uint64_t)(uint32_t)i[1].imm << 32;
	switch (rel->kind) {
	case RELOC_MAP: return rel->index + 1;
	case RELOC_MAP_VALUE: return world_map_value(r->w, r->img, rel->index) + rel->addend;
	case RELOC_FUNC:
		/* the two ways to say it agree */
		assert_int_equal(rel->index, pc + 1 + i[0].imm);
		return rel->index;
	default: return 0;
	}
}

static inline unsigned bpf_size(uint8_t opcode)
{
	return BPF_SIZE(opcode) == BPF_DW  ? 8
	       : BPF_SIZE(opcode) == BPF_W ? 4
	       : BPF_SIZE(opcode) == BPF_H ? 2
					   : 1;
}

static inline void bpf_atomic(uint64_t regs[11], struct insn i)
{
	unsigned size = bpf_size(i.opcode);
	uint64_t at = regs[i.dst] + i.offset, old = world_load(at, size), s = regs[i.src];

	switch (i.imm & ~BPF_FETCH) {
	case BPF_ADD: world_store(at, size, old + s); break;
	case BPF_AND: world_store(at, size, old & s); break;
	case BPF_OR: world_store(at, size, old | s); break;
	case BPF_XOR: world_store(at, size, old ^ s); break;
	case BPF_XCHG & ~BPF_FETCH: world_store(at, size, s); break;
	default:
		assert_int_equal(i.imm, BPF_CMPXCHG);
		if (old == low_bytes(regs[0], size))
			world_store(at, size, s);
		regs[0] = old;
		return;
	}
	if (i.imm & BPF_FETCH)
		regs[i.src] = old;
}

static inline void bpf_call(struct bpf_run *r, uint64_t regs[11], uint32_t pc, struct insn i)
{
	uint64_t params[5] = { 0 };

	if (i.src == BPF_PSEUDO_CALL) {
		regs[0] = bpf_run_from(r, pc + 1 + i.imm, regs + 1);
	} else if (i.imm == HELPER_LOOP) {
		uint64_t n = 0, ret = 0;

		params[1] = regs[3];
		while (n < regs[1] && !ret && world_step(r->w)) {
			params[0] = n++;
			ret = bpf_run_from(r, regs[2], params);
		}
		regs[0] = n;
	} else {
		/* the helpers read what was given: all five, of which unused ones are 0 here */
		regs[0] = world_helper(r->w, r->img, i.imm, i.imm == HELPER_MIX ? 3 : 0, regs + 1);
	}
	/* whoever relies on these finds nonsense */
	for (int k = 1; k <= 5; k++)
		regs[k] = UINT64_C(0xdeaddeaddeaddead);
}

static inline void bpf_alu_insn(uint64_t regs[11], struct insn i)
{
	bool wide = BPF_CLASS(i.opcode) == BPF_ALU64;
	uint64_t a = regs[i.dst], b = BPF_SRC(i.opcode) ? regs[i.src] : (uint64_t)(int64_t)i.imm;

	if (BPF_OP(i.opcode) == BPF_END) {
		regs[i.dst] = i.imm == 16   ? __builtin_bswap16(a)
			      : i.imm == 32 ? __builtin_bswap32(a)
					    : __builtin_bswap64(a);
		return;
	}
	if (!wide) {
		a = (uint32_t)a;
		b = (uint32_t)b;
	}
	regs[i.dst] = bpf_alu(BPF_OP(i.opcode), a, b, wide);
	if (!wide)
		regs[i.dst] = (uint32_t)regs[i.dst];
}

static inline uint64_t bpf_run_from(struct bpf_run *r, uint32_t pc, const uint64_t *params)
{
	uint64_t regs[11], stack[64];

	memset(stack, 0xa5, sizeof(stack));
	for (int k = 0; k < 10; k++)
		regs[k] = UINT64_C(0xbad00000000) + k;
	for (int k = 1; k <= 5; k++)
		regs[k] = params[k - 1];
	regs[10] = (uintptr_t)(stack + 64);
	while (world_step(r->w)) {
		struct insn i = r->prog->insns.v[pc];
		uint64_t b = BPF_SRC(i.opcode) ? regs[i.src] : (uint64_t)(int64_t)i.imm;

		assert_true(pc < r->prog->insns.n);
		switch (BPF_CLASS(i.opcode)) {
		case BPF_ALU:
		case BPF_ALU64: bpf_alu_insn(regs, i); break;
		case BPF_LD: regs[i.dst] = bpf_wide(r, pc++); break;
		case BPF_LDX:
			regs[i.dst] = world_load(regs[i.src] + i.offset, bpf_size(i.opcode));
			break;
		case BPF_ST:
			world_store(regs[i.dst] + i.offset, bpf_size(i.opcode), (int64_t)i.imm);
			break;
		case BPF_STX:
			if (BPF_MODE(i.opcode) == BPF_ATOMIC)
				bpf_atomic(regs, i);
			else
				world_store(regs[i.dst] + i.offset, bpf_size(i.opcode),
					    regs[i.src]);
			break;
		default:
			if (i.opcode == (BPF_JMP | BPF_EXIT))
				return regs[0];
			if (i.opcode == (BPF_JMP | BPF_CALL))
				bpf_call(r, regs, pc, i);
			else if (i.opcode == (BPF_JMP | BPF_JA))
				pc += i.offset;
			else if (bpf_test(BPF_OP(i.opcode), regs[i.dst], b,
					  BPF_CLASS(i.opcode) == BPF_JMP))
				pc += i.offset;
		}
		pc++;
	}
	return 0;
}

#endif
