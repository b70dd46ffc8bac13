/*
 * The x86-64 back end's encoder and state. Of engine/jit_x86_64*.c only.
 *
 *	r0 rax   r1 rdi   r2 rsi   r3 rdx   r4 rcx   r5 r8   r6 rbx   r7 r13   r8 r14   r9 r15   r10
 *rbp r12 struct vm   r9 fuel   r10 and r11 for anything within one jop
 *
 * So arguments are where C functions look for them, and r6 to r10 survive C calls.
 */
#ifndef SKEP_ENGINE_JIT_X86_64_H
#define SKEP_ENGINE_JIT_X86_64_H

#include <string.h>

#include "engine/jit_priv.h"

enum x86_reg {
	RAX,
	RCX,
	RDX,
	RBX,
	RSP,
	RBP,
	RSI,
	RDI,
	R8,
	R9,
	R10,
	R11,
	R12,
	R13,
	R14,
	R15,
	NO_REG,
	FUEL = R9,
	T0 = R10,
	T1 = R11,
	VM = R12,
};

/* Of BPF registers; JIT_NONE gives NO_REG. */
extern const uint8_t x86_regs[16];

/* What an opcode number says besides its byte. */
enum {
	OP_W = 1 << 8,     /* 64 bits */
	OP_16 = 1 << 9,    /* prefix 66 */
	OP_0F = 1 << 10,   /* escape 0f */
	OP_BYTE = 1 << 11, /* the reg field is a byte register */
	OP_LOCK = 1 << 12, /* prefix f0 */
	OP_RMB = 1 << 13,  /* a register in the rm field is a byte register */
};

enum x86_cc {
	CC_B = 2,
	CC_AE = 3,
	CC_E = 4,
	CC_NE = 5,
	CC_BE = 6,
	CC_A = 7,
	CC_S = 8,
	CC_NS = 9,
	CC_L = 12,
	CC_GE = 13,
	CC_LE = 14,
	CC_G = 15,
};

/* base + (index << shift) + disp; either register may be NO_REG. */
struct x86_mem {
	uint8_t base, index, shift;
	int32_t disp;
};

struct x86 {
	uint8_t *p; /* where the next byte goes */
	struct jit_buf *b;
	const struct jit_plan *plan;
	const uint32_t *old;   /* of each jop: where it was in the last pass; NULL: first pass */
	struct jit_func *func; /* being emitted */
	uint32_t *bodies;      /* of each function: where local calls go */
	uint32_t jop;          /* in hand */
	bool bmi2;
	bool vm;          /* r12 holds it */
	bool unwinds;     /* bad ends go through vm->unwind */
	uint16_t saved;   /* registers (of BPF) that ways in save */
	uint8_t pad;      /* bytes of the stack that a way in skips */
	uint32_t bad_end; /* code offset: gives up the run */
	uint32_t thunks[3];
	uint32_t flags_at;             /* code offset where the flags still are those of an AND */
	uint8_t flags_of, flags_width; /* register and width of it */
};

static inline uint32_t x86_here(const struct x86 *x)
{
	return (uint32_t)(x->p - x->b->data);
}

static inline void x86_byte(struct x86 *x, uint8_t byte)
{
	*x->p++ = byte;
}

static inline void x86_half(struct x86 *x, uint32_t value)
{
	memcpy(x->p, &value, 4);
	x->p += 4;
}

static inline void x86_wide(struct x86 *x, uint64_t value)
{
	memcpy(x->p, &value, 8);
	x->p += 8;
}

static inline bool fits8(int64_t value)
{
	return value == (int8_t)value;
}

static inline bool fits32(int64_t value)
{
	return value == (int32_t)value;
}

/* Prefixes and opcode. @rexed: registers that need REX to be named as bytes. */
static inline void x86_opcode(struct x86 *x, uint32_t op, unsigned reg, unsigned index, unsigned rm)
{
	unsigned rex = (op & OP_W) >> 5 | (reg & 8) >> 1 | (index & 8) >> 2 | (rm & 8) >> 3;
	bool bytes = (op & OP_BYTE && reg >= 4) || (op & OP_RMB && rm >= 4);

	if (op & OP_LOCK)
		x86_byte(x, 0xf0);
	if (op & OP_16)
		x86_byte(x, 0x66);
	if (rex || bytes)
		x86_byte(x, (uint8_t)(0x40 | rex));
	if (op & OP_0F)
		x86_byte(x, 0x0f);
	x86_byte(x, (uint8_t)op);
}

/* op reg, rm; both registers */
static inline void x86_rr(struct x86 *x, uint32_t op, unsigned reg, unsigned rm)
{
	x86_opcode(x, op, reg, 0, rm);
	x86_byte(x, (uint8_t)(0xc0 | (reg & 7) << 3 | (rm & 7)));
}

/* op reg, [m] */
void x86_rm(struct x86 *x, uint32_t op, unsigned reg, const struct x86_mem *m);

static inline void x86_mem(struct x86 *x, uint32_t op, unsigned reg, unsigned base, int32_t disp)
{
	const struct x86_mem m = { .base = (uint8_t)base, .index = NO_REG, .disp = disp };

	x86_rm(x, op, reg, &m);
}

/* op /ext rm, imm by the 83 and 81 forms */
static inline void x86_ri(struct x86 *x, uint32_t w, unsigned ext, unsigned rm, int32_t imm)
{
	x86_rr(x, (fits8(imm) ? 0x83 : 0x81) | w, ext, rm);
	if (fits8(imm))
		x86_byte(x, (uint8_t)imm);
	else
		x86_half(x, (uint32_t)imm);
}

static inline void x86_mov(struct x86 *x, uint32_t w, unsigned to, unsigned from)
{
	x86_rr(x, 0x89 | w, from, to);
}

/* mov in 64 bits unless it is to itself */
static inline void x86_copy(struct x86 *x, unsigned to, unsigned from)
{
	if (to != from)
		x86_mov(x, OP_W, to, from);
}

void x86_number(struct x86 *x, unsigned to, uint64_t value);
void x86_call_c(struct x86 *x, const void *function); /* through rax */
void x86_push(struct x86 *x, unsigned reg);
void x86_pop(struct x86 *x, unsigned reg);

/* A jcc (or with cc < 0 a jmp) with an 8-bit distance that x86_land() fills in. */
static inline uint8_t *x86_hop(struct x86 *x, int cc)
{
	x86_byte(x, (uint8_t)(cc < 0 ? 0xeb : 0x70 | cc));
	x86_byte(x, 0);
	return x->p;
}

static inline void x86_land(struct x86 *x, uint8_t *hop)
{
	hop[-1] = (uint8_t)(x->p - hop);
}

/* A branch out of line; x86_cold_later() emits the other end. */
void x86_cold(struct x86 *x, int cc, enum jit_cold_kind kind, uint32_t back);

/* Loads an immediate of the program, hidden when constants are to be blinded. */
void x86_imm(struct x86 *x, unsigned to, int64_t value);

/* jit_x86_64_alu.c, jit_x86_64_mem.c */
void x86_alu(struct x86 *x, const struct jop *j);
void x86_divide(struct x86 *x, const struct jop *j);
void x86_access(struct x86 *x, const struct jop *j);
void x86_array(struct x86 *x, const struct jop *j);
void x86_address(const struct jop *j, struct x86_mem *ret);
/* Bits in both w and the opcode flags: 64-bit or not. */
static inline uint32_t x86_w(const struct jop *j)
{
	return j->width == 64 ? OP_W : 0;
}

/* Where may_goto counts, from rsp. */
enum { X86_LOOPS_AT = 8 };

/* jit_x86_64_call.c */
void x86_call_helper(struct x86 *x, const struct jop *j);
void x86_call_local(struct x86 *x, const struct jop *j);
void x86_callx(struct x86 *x, const struct jop *j);
void x86_packet(struct x86 *x, const struct jop *j);
void x86_way_in(struct x86 *x, struct jit_func *f);
void x86_body(struct x86 *x, struct jit_func *f);
void x86_exit(struct x86 *x);
void x86_frames(struct x86 *x);
void x86_thunks(struct x86 *x);
void x86_tail(struct x86 *x, const struct jop *j);
bool x86_is_inline(const struct x86 *x, const struct jit_func *f);

#endif
