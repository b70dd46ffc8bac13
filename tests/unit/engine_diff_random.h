/*
 * Random programs that the kernel's verifier mostly accepts, for engine_diff_kernel.c.
 *
 * A program is a row of blocks. Between blocks all registers but r6 (the context) and r10 are
 * numbers and the lowest 64 bytes of the frame are filled, so that a branch may lead to any later
 * block. A block that needs pointers makes numbers of its registers again when it ends.
 */
#ifndef TEST_ENGINE_DIFF_RANDOM_H
#define TEST_ENGINE_DIFF_RANDOM_H

#include "bpf/form.h"
#include "bpf/uapi.h"

enum {
	INSNS_MAX = 1024,
	BLOCKS_MAX = 40,
	VALUE_SIZE = 128,
	ENTRIES = 8,
	KEY_AT = -72,
	VALUE_AT = -72 - VALUE_SIZE,
	RESULT = 7, /* the array's entry that takes the registers at the end */
};

struct random_prog {
	struct insn insns[INSNS_MAX];
	uint32_t n, type;
	uint64_t random;
	bool has_context; /* of the function that is being made */
	uint32_t calls[8], ncalls, loops[8], nloops;
};

static inline uint32_t pick(struct random_prog *g, uint32_t below)
{
	g->random ^= g->random << 13;
	g->random ^= g->random >> 7;
	g->random ^= g->random << 17;
	return (uint32_t)(g->random >> 24) % below;
}

static inline void put(struct random_prog *g, enum insn_id id, unsigned dst, unsigned src, int off,
		       int64_t imm)
{
	g->insns[g->n++] = insn_make(id, dst, src, off, imm);
}

/* A register that holds a number. */
static inline unsigned number(struct random_prog *g)
{
	unsigned r = pick(g, 9);

	return r < 6 ? r : r + 1;
}

static inline int32_t pick_imm(struct random_prog *g)
{
	static const int32_t some[] = { 0,     1,    2,    3,     7,     8,         31,       32,
					63,    -1,   -2,   127,   128,   255,       256,      -128,
					65535, 4096, 1000, 32767, 65536, INT32_MAX, INT32_MIN };

	return pick(g, 3) ? some[pick(g, ARRAY_LEN(some))] : (int32_t)pick(g, UINT32_MAX);
}

static inline void put_number(struct random_prog *g, unsigned r)
{
	if (pick(g, 4)) {
		put(g, INSN_MOV64_K, r, 0, 0, pick_imm(g));
	} else {
		put(g, INSN_IMM64, r, 0, 0, pick_imm(g));
		g->insns[g->n++] = insn_make_half(pick_imm(g));
	}
}

static inline void put_map(struct random_prog *g, unsigned r, int map)
{
	put(g, INSN_MAP_FD, r, 0, 0, map);
	g->insns[g->n++] = insn_make_half(0);
}

static inline void put_numbers(struct random_prog *g, unsigned from)
{
	for (unsigned r = from; r < 6; r++) {
		if (pick(g, 2))
			put(g, INSN_LOAD64, r, 10, -8 - 8 * (int)pick(g, 8), 0);
		else
			put_number(g, r);
	}
}

/* ---- blocks ---- */

static inline void block_alu(struct random_prog *g)
{
	enum insn_id id;
	const struct insn_form *f;
	int32_t imm = pick_imm(g);

	do {
		id = INSN_ADD64_K + pick(g, INSN_BSWAP64 - INSN_ADD64_K + 1);
	} while (id == INSN_ADDR_SPACE_CAST || id == INSN_PERCPU_ADDR);
	f = &insn_forms[id];
	if (f->op == OP_LSH || f->op == OP_RSH || f->op == OP_ARSH)
		imm &= f->width - 1;
	put(g, id, number(g), number(g), 0, imm ? imm : f->op == OP_LSH ? 0 : 1);
}

/* Where to is decided when the function is complete. */
static inline void block_branch(struct random_prog *g)
{
	put(g, INSN_JEQ64_K + pick(g, INSN_JSLE32_X - INSN_JEQ64_K + 1), number(g), number(g), -1,
	    pick_imm(g));
}

/* A load, store or atomic operation of @size bytes' room at @base + @at, aligned. */
static inline void put_access(struct random_prog *g, unsigned base, int at, unsigned room)
{
	static const enum insn_id bytes[][3] = {
		{ INSN_LOAD8, INSN_STORE8_X, INSN_STORE8_K },
		{ INSN_LOAD16, INSN_STORE16_X, INSN_STORE16_K },
		{ INSN_LOAD32, INSN_STORE32_X, INSN_STORE32_K },
		{ INSN_LOAD64, INSN_STORE64_X, INSN_STORE64_K },
		{ INSN_LOADSX8, INSN_STORE8_X, INSN_STORE8_K },
		{ INSN_LOADSX16, INSN_STORE16_X, INSN_STORE16_K },
		{ INSN_LOADSX32, INSN_STORE32_X, INSN_STORE32_K },
	};
	unsigned size = pick(g, ARRAY_LEN(bytes)), way = pick(g, 3), r = number(g);

	at += (int)(pick(g, room >> (size & 3)) << (size == 3 ? 3 : size > 3 ? size - 4 : size));
	while (r == base)
		r = number(g);
	put(g, bytes[size][way], way ? base : r, way ? r : base, at, pick_imm(g));
}

static inline void put_atomic(struct random_prog *g, unsigned base, int at)
{
	unsigned r = number(g);

	while (r == base)
		r = number(g);
	if (pick(g, 2))
		put(g, INSN_FETCH_ADD64 + pick(g, INSN_CMPXCHG64 - INSN_FETCH_ADD64 + 1), base, r,
		    at, 0);
	else
		put(g, INSN_FETCH_ADD32 + pick(g, INSN_CMPXCHG32 - INSN_FETCH_ADD32 + 1), base, r,
		    at, 0);
}

static inline void block_stack(struct random_prog *g)
{
	if (pick(g, 4))
		put_access(g, 10, -64, 64);
	else
		put_atomic(g, 10, -8 - 8 * (int)pick(g, 8));
}

static inline void put_key(struct random_prog *g, int map)
{
	unsigned r = number(g);

	put(g, INSN_AND64_K, r, 0, 0, 15);
	put(g, INSN_STORE32_X, 10, r, KEY_AT, 0);
	put_map(g, 1, map);
	put(g, INSN_MOV64_X, 2, 10, 0, 0);
	put(g, INSN_ADD64_K, 2, 0, 0, KEY_AT);
}

static inline void block_lookup(struct random_prog *g)
{
	put_key(g, (int)pick(g, 2));
	put(g, INSN_CALL, 0, 0, 0, 1);
	put_numbers(g, 2);
	uint32_t jump = g->n;
	put(g, INSN_JEQ64_K, 0, 0, 0, 0);
	put(g, INSN_MOV64_X, 1, 0, 0, 0);
	put_number(g, 0);
	for (uint32_t n = 1 + pick(g, 3); n; n--) {
		if (pick(g, 3))
			put_access(g, 1, 0, VALUE_SIZE);
		else
			put_atomic(g, 1, 8 * (int)pick(g, VALUE_SIZE / 8));
	}
	g->insns[jump].offset = (int16_t)(g->n - jump - 1);
	put_numbers(g, 0);
}

static inline void block_update(struct random_prog *g)
{
	for (int at = 0; at < VALUE_SIZE; at += 8)
		put(g, INSN_STORE64_X, 10, number(g), VALUE_AT + at, 0);
	put_key(g, (int)pick(g, 2));
	put(g, INSN_MOV64_X, 3, 10, 0, 0);
	put(g, INSN_ADD64_K, 3, 0, 0, VALUE_AT);
	put(g, INSN_MOV64_K, 4, 0, 0, pick(g, 2) ? 0 : (int)pick(g, 4));
	put(g, INSN_CALL, 0, 0, 0, 2);
	put_numbers(g, 1);
}

static inline void block_delete(struct random_prog *g)
{
	put_key(g, (int)pick(g, 2));
	put(g, INSN_CALL, 0, 0, 0, 3);
	put_numbers(g, 1);
}

static inline void block_packet(struct random_prog *g)
{
	bool xdp = g->type == BPF_PROG_TYPE_XDP;

	if (!g->has_context)
		return;
	put(g, INSN_LOAD32, 1, 6, xdp ? 0 : 76, 0);
	put(g, INSN_LOAD32, 2, 6, xdp ? 4 : 80, 0);
	if (pick(g, 2)) {
		put(g, INSN_AND64_K, 4, 0, 0, 15);
		put(g, INSN_ADD64_X, 1, 4, 0, 0);
	}
	put(g, INSN_MOV64_X, 3, 1, 0, 0);
	put(g, INSN_ADD64_K, 3, 0, 0, 32);
	uint32_t jump = g->n;
	put(g, INSN_JGT64_X, 3, 2, 0, 0);
	put(g, INSN_MOV64_X, 3, 4, 0, 0);
	put(g, INSN_MOV64_X, 2, 4, 0, 0);
	put_access(g, 1, 0, 32);
	g->insns[jump].offset = (int16_t)(g->n - jump - 1);
	put_numbers(g, 1);
}

static inline void block_context(struct random_prog *g)
{
	static const int fields[] = { 0, 8, 16, 32, 48, 52, 56, 60, 64 };

	if (!g->has_context || g->type == BPF_PROG_TYPE_XDP)
		return;
	int at = fields[pick(g, ARRAY_LEN(fields))];
	if (at >= 32 && pick(g, 2))
		put(g, INSN_STORE32_X, 6, number(g), at, 0);
	else
		put(g, INSN_LOAD32, number(g), 6, at, 0);
}

static inline void block_call(struct random_prog *g)
{
	if (!g->has_context || g->ncalls == ARRAY_LEN(g->calls))
		return;
	g->calls[g->ncalls++] = g->n;
	put(g, INSN_CALL_LOCAL, 0, 0, 0, 0);
	put_numbers(g, 1);
}

static inline void block_loop(struct random_prog *g)
{
	if (!g->has_context || g->nloops == ARRAY_LEN(g->loops))
		return;
	put(g, INSN_MOV64_K, 1, 0, 0, (int)pick(g, 12));
	g->loops[g->nloops++] = g->n;
	put(g, INSN_FUNC, 2, 0, 0, 0);
	g->insns[g->n++] = insn_make_half(0);
	put(g, INSN_MOV64_X, 3, 10, 0, 0);
	put(g, INSN_ADD64_K, 3, 0, 0, -64);
	put(g, INSN_MOV64_K, 4, 0, 0, 0);
	put(g, INSN_CALL, 0, 0, 0, 181);
	put_numbers(g, 1);
}

/* ---- functions ---- */

static inline void put_blocks(struct random_prog *g, uint32_t count)
{
	static void (*const blocks[])(struct random_prog *) = {
		block_alu,    block_alu,    block_alu,    block_alu,    block_alu,    block_branch,
		block_branch, block_stack,  block_stack,  block_packet, block_packet, block_context,
		block_lookup, block_update, block_delete, block_call,   block_loop,
	};
	uint32_t starts[BLOCKS_MAX + 1], first = g->n;

	for (uint32_t i = 0; i < count; i++) {
		starts[i] = g->n;
		blocks[pick(g, ARRAY_LEN(blocks))](g);
	}
	starts[count] = g->n;
	for (uint32_t at = first, i = 0; at < g->n; at++) {
		while (i < count && starts[i] <= at)
			i++;
		if (g->insns[at].offset == -1 && (g->insns[at].opcode & 7) >= 5)
			g->insns[at].offset =
				(int16_t)(starts[i + pick(g, MIN(count - i + 1, 5u))] - at - 1);
	}
}

static inline void put_prologue(struct random_prog *g, unsigned first)
{
	for (int at = -64; at < 0; at += 8)
		put(g, INSN_STORE64_K, 10, 0, at, pick_imm(g));
	for (unsigned r = 0; r < 10; r++) {
		if ((r == 0 || r >= first) && !(g->has_context && r == 6))
			put_number(g, r);
	}
}

/* All registers go to the array, and into the result. */
static inline void put_epilogue(struct random_prog *g)
{
	for (int r = 0; r < 10; r++) {
		if (r != 6)
			put(g, INSN_STORE64_X, 10, (unsigned)r, -160 + 8 * r, 0);
	}
	put(g, INSN_STORE32_K, 10, 0, KEY_AT, RESULT);
	put_map(g, 1, 0);
	put(g, INSN_MOV64_X, 2, 10, 0, 0);
	put(g, INSN_ADD64_K, 2, 0, 0, KEY_AT);
	put(g, INSN_CALL, 0, 0, 0, 1);
	put(g, INSN_JEQ64_K, 0, 0, 18, 0);
	for (int r = 0; r < 10; r++) {
		if (r == 6)
			continue;
		put(g, INSN_LOAD64, 1, 10, -160 + 8 * r, 0);
		put(g, INSN_STORE64_X, 0, 1, 8 * r, 0);
	}
	put(g, INSN_LOAD64, 0, 10, -160, 0);
	put(g, INSN_EXIT, 0, 0, 0, 0);
}

static inline void put_function(struct random_prog *g)
{
	g->has_context = false;
	put_prologue(g, 6);
	put_blocks(g, 1 + pick(g, 8));
	put(g, INSN_EXIT, 0, 0, 0, 0);
}

static inline void put_callback(struct random_prog *g)
{
	put(g, INSN_LOAD64, 3, 2, 0, 0);
	put(g, INSN_ADD64_X, 3, 1, 0, 0);
	put(g, pick(g, 2) ? INSN_MUL64_K : INSN_XOR32_K, 3, 0, 0, pick_imm(g));
	put(g, INSN_STORE64_X, 2, 3, 0, 0);
	put(g, INSN_MOV64_X, 0, 3, 0, 0);
	put(g, INSN_AND64_K, 0, 0, 0, (int)pick(g, 2));
	put(g, INSN_EXIT, 0, 0, 0, 0);
}

static inline void random_prog(struct random_prog *g, uint64_t seed)
{
	memset(g, 0, sizeof(*g));
	g->random = (seed + 1) * 0x9e3779b97f4a7c15u | 1;
	for (unsigned i = 0; i < 4; i++)
		pick(g, 2);
	g->type = pick(g, 2) ? BPF_PROG_TYPE_XDP : BPF_PROG_TYPE_SCHED_CLS;
	g->has_context = true;
	put(g, INSN_MOV64_X, 6, 1, 0, 0);
	put_prologue(g, 1);
	put_blocks(g, 3 + pick(g, BLOCKS_MAX / 2));
	put_epilogue(g);
	for (uint32_t i = 0, at = g->n; i < g->ncalls; i++)
		g->insns[g->calls[i]].imm = (int32_t)(at - g->calls[i] - 1);
	if (g->ncalls)
		put_function(g);
	for (uint32_t i = 0, at = g->n; i < g->nloops; i++)
		g->insns[g->loops[i]].imm = (int32_t)(at - g->loops[i] - 1);
	if (g->nloops)
		put_callback(g);
}

/* A few instructions get other registers, numbers, distances, or another operation. */
static inline void mutate(struct random_prog *g)
{
	for (uint32_t n = 1 + pick(g, 3); n; n--) {
		struct insn *i = &g->insns[pick(g, g->n)];

		switch (pick(g, 6)) {
		case 0: i->dst = pick(g, 11) & 15; break;
		case 1: i->src = pick(g, 11) & 15; break;
		case 2: i->imm = pick_imm(g); break;
		case 3: i->offset = (int16_t)(i->offset + (int)pick(g, 17) - 8); break;
		case 4: i->opcode ^= (uint8_t)(1 << pick(g, 8)); break;
		default: *i = g->insns[pick(g, g->n)]; break;
		}
	}
}

#endif
