/*
 * Lives: where each value is, from when to when. life.c makes them from liveness, scan.c cuts
 * them into pieces and gives each piece a register or none, resolve.c turns the seams into moves,
 * emit.c asks. Positions are those of live.c.
 */
#ifndef SKEP_IR_LIFE_H
#define SKEP_IR_LIFE_H

#include "ir/ir_priv.h"

enum { NEVER = UINT32_MAX };

struct stretch {
	uint32_t start, end; /* end is one past the last position */
};

struct life_use {
	uint32_t pos;
	int8_t hint; /* the register it would like, or -1 */
	bool must;   /* must be in a register */
};

/* One piece of a value's life. `next` is the piece after it. */
struct life {
	struct ir_value *value;
	VEC(struct stretch) ranges; /* ascending, apart from each other */
	VEC(struct life_use) uses;  /* ascending */
	int reg;                    /* -1: on the stack, or made anew where it is used */
	struct life *next;
};

VEC_TYPE(struct life *, lives);

/* Registers that an instruction overwrites. */
struct clobber {
	uint32_t start, end;
	uint32_t mask;
};

struct clobbers {
	struct clobber *v;
	uint32_t n, cap;
};

/* A place: a register, 8 bytes of stack, or a leaf that is made on the spot. */
struct loc {
	enum { LOC_NONE, LOC_REG, LOC_STACK, LOC_LEAF, LOC_SPARE } kind;
	int32_t n;             /* register; offset from r10; which spare word */
	struct ir_value *leaf; /* LOC_LEAF */
};

struct move {
	struct loc to, from;
};

VEC_TYPE(struct move, moves);

/* What allocation found for one function. */
struct allocation {
	struct ir_func *f;
	struct lives lives; /* first pieces, one a value */
	struct clobbers clobbers;
	struct moves *gaps;     /* by instruction index: before it */
	struct moves *entering; /* by rpo: at a block's start */
	struct moves *leaving;  /* by rpo: before a block's last jump */
	int32_t stack;          /* lowest offset in use */
	int32_t spare[2];       /* offsets of the spare words for moves; 0: not needed yet */
};

static inline uint32_t life_start(const struct life *l)
{
	return l->ranges.v[0].start;
}
static inline uint32_t life_end(const struct life *l)
{
	return l->ranges.v[l->ranges.n - 1].end;
}
/* The gap before the instruction that @pos belongs to. */
static inline uint32_t gap_of(uint32_t pos)
{
	return pos & ~UINT32_C(3);
}

/* ir_remat - @v is made anew rather than kept on the stack. */
static inline bool ir_remat(const struct ir_value *v)
{
	return v->leaf || (ir_is_leaf(v) && v->op != IR_PARAM);
}

/* life.c */

/* ir_index - all values that live, by id. */
struct ir_value **ir_index(struct ir_func *f);
void ir_lives_build(struct allocation *al);
bool life_covers(const struct life *l, uint32_t pos);
/* scan.c; false: two registers are not enough for some instruction (an internal error) */
bool ir_scan(struct allocation *al);
/* resolve.c */
void ir_resolve_moves(struct allocation *al);
/* ir_loc - where @v is at @pos. */
struct loc ir_loc(const struct ir_value *v, uint32_t pos);
/* ir_free_regs - registers that hold nothing at @a nor at @b. */
uint32_t ir_free_regs(const struct allocation *al, uint32_t a, uint32_t b);

/* move.c */

/* ir_order_moves - @m, which happen at once, as steps one after the other. @free_regs may be
 * overwritten; where none serves, spare words of the stack do. Appends to @out. */
void ir_order_moves(struct arena *a, const struct moves *m, uint32_t free_regs, struct moves *out);

static inline struct loc loc_reg(int r)
{
	return (struct loc){ .kind = LOC_REG, .n = r };
}
static inline struct loc loc_stack(int32_t offset)
{
	return (struct loc){ .kind = LOC_STACK, .n = offset };
}

/* print of pieces, for the dump */
void ir_print_lives(struct buf *out, const struct allocation *al);

#endif
