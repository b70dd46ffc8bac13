/*
 * The arm64 back end's encoder and state. Of engine/jit_arm64*.c only.
 *
 *	r0 x7   r1 to r5 x0 to x4   r6 to r9 x19 to x22   r10 x25
 *	x23 struct vm   x24 fuel   x9 to x13 for anything within one jop, x16 for calls
 *
 * So arguments are where C functions look for them, and r6 to r10 survive C calls.
 */
#ifndef SKEP_ENGINE_JIT_ARM64_H
#define SKEP_ENGINE_JIT_ARM64_H

#include <string.h>

#include "engine/jit_priv.h"

enum a64_reg {
	T0 = 9,
	T1,
	T2,
	T3,
	T4,
	CALLEE_AT = 16,
	VM = 23,
	FUEL = 24,
	LR = 30,
	ZR = 31,
	SP = 31
};

/* Of BPF registers; JIT_NONE gives NO_REG. */
enum { NO_REG = 32 };
extern const uint8_t a64_regs[16];

enum a64_cond {
	COND_EQ,
	COND_NE,
	COND_HS,
	COND_LO,
	COND_MI,
	COND_PL,
	COND_HI = 8,
	COND_LS,
	COND_GE,
	COND_LT,
	COND_GT,
	COND_LE,
	COND_AL,
};

/* Instructions of two sizes, in 32 bits; with WIDE in 64. */
#define WIDE 0x80000000u

struct a64 {
	uint8_t *p; /* where the next instruction goes */
	struct jit_buf *b;
	const struct jit_plan *plan;
	struct jit_func *func; /* being emitted */
	uint32_t *bodies;      /* of each function: where local calls go */
	uint32_t jop;          /* in hand */
	bool lse;              /* atomic operations are instructions */
	bool far;              /* conditional branches may not reach */
	bool vm;               /* x23 holds it */
	bool unwinds;          /* bad ends go through vm->unwind */
	uint8_t saved[12];     /* registers that ways in save; the unwind slot follows */
	uint8_t nsaved;
	uint32_t bad_end; /* code offset: gives up the run */
	uint32_t thunks[3];
};

/* What jit_fix.size means here. */
enum a64_fix { FIX_BODY, FIX_BRANCH26, FIX_BRANCH19 };

static inline uint32_t a64_here(const struct a64 *x)
{
	return (uint32_t)(x->p - x->b->data);
}

static inline void a64_put(struct a64 *x, uint32_t insn)
{
	memcpy(x->p, &insn, 4);
	x->p += 4;
}

/* rd = rn op rm, for all with three registers */
static inline void a64_rrr(struct a64 *x, uint32_t op, unsigned rd, unsigned rn, unsigned rm)
{
	a64_put(x, op | rm << 16 | rn << 5 | rd);
}

enum {
	A64_ADD = 0x0b000000,
	A64_SUB = 0x4b000000,
	A64_SUBS = 0x6b000000,
	A64_AND = 0x0a000000,
	A64_ORR = 0x2a000000,
	A64_EOR = 0x4a000000,
	A64_ANDS = 0x6a000000,
	A64_MADD = 0x1b000000,
	A64_MSUB = 0x1b008000,
	A64_UDIV = 0x1ac00800,
	A64_SDIV = 0x1ac00c00,
	A64_LSLV = 0x1ac02000,
	A64_LSRV = 0x1ac02400,
	A64_ASRV = 0x1ac02800,
};

static inline uint32_t a64_w(const struct jop *j)
{
	return j->width == 64 ? WIDE : 0;
}

/* rd = rn, of @w */
static inline void a64_mov(struct a64 *x, uint32_t w, unsigned rd, unsigned rn)
{
	a64_rrr(x, A64_ORR | w, rd, ZR, rn);
}

static inline void a64_copy(struct a64 *x, unsigned rd, unsigned rn)
{
	if (rd != rn)
		a64_mov(x, WIDE, rd, rn);
}

void a64_number(struct a64 *x, unsigned rd, uint64_t value);
/* rd = rn + value, in @w; either may be sp. Uses T3 for what is no immediate. */
void a64_add_number(struct a64 *x, uint32_t w, unsigned rd, unsigned rn, int64_t value);
/* Sets the flags of rn - value. Uses T3. */
void a64_compare(struct a64 *x, uint32_t w, unsigned rn, int64_t value);
/* Loads an immediate of the program, hidden when constants are to be blinded. Uses T4. */
void a64_imm(struct a64 *x, unsigned rd, int64_t value);
/* The immediate field of a bitwise operation; false: @value is none. */
bool a64_bitmask(uint64_t value, unsigned width, uint32_t *ret);

/* Loads and stores of struct vm's members and the like: @op is ldr's with its unsigned offset. */
enum {
	A64_LDR64 = 0xf9400000u,
	A64_STR64 = 0xf9000000u,
	A64_LDR32 = 0xb9400000u,
	A64_STR32 = 0xb9000000u
};

static inline void a64_member(struct a64 *x, uint32_t op, unsigned rt, unsigned rn, size_t offset)
{
	unsigned log = op >> 30;

	a64_put(x, op | (uint32_t)(offset >> log) << 10 | rn << 5 | rt);
}

void a64_cold(struct a64 *x, enum a64_cond cond, enum jit_cold_kind kind, uint32_t back);
void a64_branch_to(struct a64 *x, uint32_t op, uint32_t to); /* b or bl to a code offset */
void a64_alu(struct a64 *x, const struct jop *j);
void a64_access(struct a64 *x, const struct jop *j);
void a64_array(struct a64 *x, const struct jop *j);
/* Gives the register that holds the address of @j; T1 unless it is there already. */
unsigned a64_address(struct a64 *x, const struct jop *j);

void a64_call_helper(struct a64 *x, const struct jop *j);
void a64_call_local(struct a64 *x, const struct jop *j);
void a64_callx(struct a64 *x, const struct jop *j);
void a64_packet(struct a64 *x, const struct jop *j);
void a64_frames(struct a64 *x);
bool a64_is_inline(const struct a64 *x, const struct jit_func *f);
void a64_way_in(struct a64 *x, struct jit_func *f);
void a64_body(struct a64 *x, struct jit_func *f);
void a64_exit(struct a64 *x);
void a64_thunks(struct a64 *x);
void a64_tail(struct a64 *x, const struct jop *j);

/* A forward branch inside a jop's code, landed by a64_land(). */
static inline uint8_t *a64_hop(struct a64 *x, uint32_t op)
{
	a64_put(x, op);
	return x->p - 4;
}

static inline void a64_land(struct a64 *x, uint8_t *hop)
{
	uint32_t insn, distance = (uint32_t)(x->p - hop) / 4;

	memcpy(&insn, hop, 4);
	insn |= (insn >> 26 & 31) == 5 ? distance : distance << 5; /* b, or b.cond and cbz */
	memcpy(hop, &insn, 4);
}

#endif
