/*
 * The IR from inside: what the passes share. Front ends use ir.h.
 *
 *	module -> functions -> blocks (in text order) -> values (a list, the last one ends the
 *block)
 *
 * Leaves (constants, parameters, slots, map addresses; LEAF in op.def) belong to the function,
 * not to a block: they need no operand, dominate everything, and are made where they are used.
 *
 * A value that was replaced forwards to what took its place (`same`); ir_resolve follows that,
 * ir_settle rewrites all operands of a function so that no one needs to any more. Every pass
 * leaves a settled function behind.
 */
#ifndef SKEP_IR_IR_PRIV_H
#define SKEP_IR_IR_PRIV_H

#include "ir/ir.h"

enum ir_flags { PURE = 1, COMMUTES = 2, READS = 4, WRITES = 8, ENDS = 16, LEAF = 32 };

struct ir_op_row {
	const char *name, *shape;
	uint16_t flags, code;
};

extern const struct ir_op_row ir_ops[IR_OP_COUNT];

struct life;

struct ir_value {
	enum ir_op op;
	uint32_t id; /* in its function; dense */
	uint32_t nargs;
	bool narrow; /* ALU and TEST: on the low 32 bits, the result zero-extended */
	bool mark;   /* for one pass at a time */
	struct ir_value **args;
	int64_t n;               /* "n" of the shape; TEST: the BPF jump operation */
	uint32_t index;          /* "m", and the second "n" */
	int32_t offset, offset2; /* of the first and second "@" */
	const char *name;        /* "s" */
	struct ir_func *callee;  /* "f" */
	struct ir_block *to[2];  /* "b" */
	struct ir_block *block;  /* NULL: a leaf, or not placed */
	struct ir_value *prev, *next;
	struct ir_value *same; /* what replaces this value */
	struct span span;
	struct ir_var *var;    /* PHI being built */
	uint32_t uses;         /* after ir_count_uses */
	uint32_t pos;          /* after ir_number: 4 x index in emission order */
	int32_t frame;         /* SLOT: offset from r10 */
	struct ir_value *leaf; /* a placed copy of a leaf: which one */
	struct life *life;     /* after ir_lives */
};

VEC_TYPE(struct ir_value *, ir_values);
VEC_TYPE(struct ir_block *, ir_blocks);

struct ir_block {
	uint32_t id; /* index in func->blocks */
	const char *label;
	struct ir_func *func;
	struct ir_value *first, *last;
	struct ir_blocks preds; /* phi operands are in this order */
	bool sealed;
	struct ir_values defs; /* by variable, while building */
	/* after ir_cfg */
	uint32_t rpo; /* index in func->order; UINT32_MAX: unreachable */
	struct ir_block *idom;
	uint32_t depth;               /* of loops around it */
	uint32_t dom_first, dom_last; /* its stretch of a walk over the dominator tree */
	uint32_t dom_next;
	uint32_t mem_other, mem_slots; /* memory generations at its end, in cse.c */
	/* after ir_number, ir_live */
	uint32_t start, end; /* positions */
	uint64_t *live_in, *live_out;
};

struct ir_func {
	struct ir_module *module;
	const char *name;
	enum ir_func_role role;
	unsigned nparams;
	uint32_t index; /* in module->funcs */
	struct ir_blocks blocks;
	struct ir_block *current; /* where the builder is; NULL: after an end */
	struct ir_values leaves;
	struct ir_value **leaf_table; /* open hash of shared leaves */
	uint32_t leaf_cap;
	uint32_t nvalues, nvars;
	struct span span;
	struct ir_values pending; /* phis whose operands the builder still has to find */
	struct ir_value *scratch; /* the scratch frame, once it is claimed (scratch.c) */
	/* after ir_cfg */
	struct ir_blocks order; /* reverse postorder, loops in one piece */
	/* after registers */
	uint32_t stack; /* bytes below r10 in use */
	uint32_t insn;  /* where it starts in the program */
};

struct ir_module {
	struct arena *arena;
	struct image *img;
	struct target *target;
	VEC(struct ir_func *) funcs; /* the first is the entry */
	bool fixed_context; /* nothing that a program calls changes what its context holds */
	struct diags *diags;
	uint32_t scratch_size; /* bytes of scratch frame in use */
	uint32_t registers;    /* mask of those that the allocator may use */
};

/* ---- module.c: making and linking ---- */

struct ir_value *ir_new(struct ir_func *f, enum ir_op op, uint32_t nargs);
struct ir_value *ir_new1(struct ir_func *f, enum ir_op op, struct ir_value *a);
struct ir_value *ir_new2(struct ir_func *f, enum ir_op op, struct ir_value *a, struct ir_value *b);
void ir_append(struct ir_block *b, struct ir_value *v);
void ir_insert(struct ir_value *before, struct ir_value *v);
void ir_remove(struct ir_value *v);
/* ir_leaf - the function's leaf that equals @want (shared, but for slots). */
struct ir_value *ir_leaf(struct ir_func *f, const struct ir_value *want);
/* ir_leaf_rehash - after leaves were dropped. */
void ir_leaf_rehash(struct ir_func *f);
struct ir_value *ir_resolve(struct ir_value *v);
void ir_settle(struct ir_func *f);
void ir_count_uses(struct ir_func *f);
void ir_push_arg(struct ir_func *f, struct ir_value *v, struct ir_value *arg);
/* ir_set_jump - makes the end of @b, which could already go to @to, a jump there. */
void ir_set_jump(struct ir_block *b, struct ir_block *to);
/* ir_pred_index - which predecessor of @b is @pred; the edge must exist. */
uint32_t ir_pred_index(const struct ir_block *b, const struct ir_block *pred);
void ir_pred_remove(struct ir_block *b, const struct ir_block *pred);
/* ir_split_edge - a new block on the edge, ending in a jump. */
struct ir_block *ir_split_edge(struct ir_block *from, struct ir_block *to);
/* ir_split_block - moves what follows @at (itself included) to a new block, which takes over
 * the successors. The old block is left without an end. */
struct ir_block *ir_split_block(struct ir_value *at);
unsigned ir_succs(const struct ir_block *b, struct ir_block *ret[2]);
enum ir_op ir_cmp_inverted(enum ir_op cmp);
enum ir_op ir_cmp_swapped(enum ir_op cmp);

static inline bool ir_is_cmp(enum ir_op op)
{
	return op >= IR_CMP_EQ && op <= IR_CMP_SGE;
}
static inline bool ir_has(const struct ir_value *v, unsigned flags)
{
	return ir_ops[v->op].flags & flags;
}
static inline bool ir_gives(const struct ir_value *v)
{
	return ir_ops[v->op].shape[0] == '=';
}
static inline bool ir_is_leaf(const struct ir_value *v)
{
	return !v->block && ir_has(v, LEAF);
}
static inline bool fits_s32(int64_t n)
{
	return n == (int32_t)n;
}
/* ir_helper_pure - the helper gives the same answer all through one run of a program. */
bool ir_helper_pure(const struct ir_value *v);

/* ---- passes; each file says what it needs, keeps and breaks ---- */

bool ir_eval(enum ir_op op, int64_t a, int64_t b, int64_t *ret);
unsigned ir_width(const struct ir_value *v);
/* ir_simplify - a value that equals @v and is cheaper: an older one, a constant, or @v itself,
 * changed in place. @v need not be in a block. */
struct ir_value *ir_simplify(struct ir_func *f, struct ir_value *v);

void ir_cfg(struct ir_func *f);
void ir_order(struct ir_func *f);
bool ir_dominates(const struct ir_block *a, const struct ir_block *b);
void ir_split_critical(struct ir_func *f);
void ir_fold(struct ir_func *f);
void ir_jumps(struct ir_func *f);
void ir_returns(struct ir_func *f);
void ir_cse(struct ir_func *f);
void ir_dce(struct ir_func *f);
int ir_scratch_claim(struct ir_module *m);
void ir_lower(struct ir_func *f);
void ir_select(struct ir_func *f);
void ir_place(struct ir_func *f);
/* ir_check - whether @f is well formed; if not, *ret_why (in the module's arena) says what. */
bool ir_check(struct ir_func *f, const char **ret_why);

/* ---- back half ---- */

enum ir_use {
	USE_NONE, /* folded into the instruction */
	USE_ANY,  /* from wherever it is: register, stack, or made on the spot */
	USE_REG,  /* must be in a register when the instruction begins */
	USE_LATE, /* and must not share it with the result */
};

/* ir_use - how instruction @v takes operand @i. */
enum ir_use ir_use(const struct ir_value *v, uint32_t i);
/* ir_calls - whether @v overwrites r0..r5. */
bool ir_calls(const struct ir_value *v);
/* ir_wants - the register that operand @i ought to be in, or -1. */
int ir_wants(const struct ir_value *v, uint32_t i);

/* ir_lives - whether @v needs a place of its own. */
bool ir_lives(const struct ir_value *v);
void ir_number(struct ir_func *f);
void ir_live(struct ir_func *f);
unsigned ir_pressure(struct ir_func *f);

static inline bool live_has(const uint64_t *set, uint32_t id)
{
	return set[id / 64] >> (id % 64) & 1;
}
/* The first member from @id on, below @n; @n: none. */
static inline uint32_t live_next(const uint64_t *set, uint32_t id, uint32_t n)
{
	while (id < n && !(set[id / 64] >> (id % 64)))
		id = (id | 63) + 1;
	return id < n ? id + __builtin_ctzll(set[id / 64] >> (id % 64)) : n;
}
static inline void live_add(uint64_t *set, uint32_t id)
{
	set[id / 64] |= UINT64_C(1) << (id % 64);
}
static inline void live_drop(uint64_t *set, uint32_t id)
{
	set[id / 64] &= ~(UINT64_C(1) << (id % 64));
}

/* print.c */
void ir_print_func(struct buf *out, const struct ir_func *f);
void ir_print_value(struct buf *out, const struct ir_func *f, const struct ir_value *v);

#endif
