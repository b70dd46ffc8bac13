/*
 * What the files of the JITs share: the plan that back ends work from, and code buffers.
 *
 *	ops ─jit_plan─► jops ─jit_live─► ─jit_fold─► fewer, with three operands ─back end─► code
 *
 * A jop is an op in three-operand form: dst = a OP b. Where b is JIT_NONE the operand is imm.
 * Address operands of loads, stores and JIT_LEA are a + (b << shift) + disp, and either register
 * may be JIT_NONE. Of engine/jit*.c only.
 */
#ifndef SKEP_ENGINE_JIT_PRIV_H
#define SKEP_ENGINE_JIT_PRIV_H

#include "bpf/form.h"
#include "engine/jit.h"

enum { JIT_NONE = 15 };

/* Beside enum insn_op. */
enum jit_op {
	JIT_NOP = 100, /* folded into others */
	JIT_LEA,       /* dst = a + (b << shift) + disp, cut to width */
	JIT_ROTATE,    /* dst = a rotated left by imm */
	JIT_JNSET,     /* jump if not (a & b) */
	JIT_FAULT,     /* an access by r10 outside the frame: ends the run */
	JIT_CPU,       /* dst = vm->cpu: bpf_get_smp_processor_id inlined */
	JIT_ARRAY,     /* dst = value of array map imm, its key at the address: a lookup inlined */
	JIT_BURN,      /* takes the fuel of a call that was inlined */
};

enum jop_flag {
	JOP_TARGET = 1,  /* something jumps here: nothing is known of registers */
	JOP_LOOP = 2,    /* by a jump backwards */
	JOP_FUNC = 4,    /* a function begins */
	JOP_FRAME = 8,   /* access in the frame by r10 itself: needs no check */
	JOP_PLACED = 16, /* target is a jop's index already */
};

struct jop {
	uint8_t op; /* enum insn_op or jit_op */
	uint8_t width;
	uint8_t dst, a, b, c; /* c: what is stored, or the operand of an atomic operation */
	uint8_t shift;
	uint8_t flags;
	uint16_t also; /* registers read besides a, b, c */
	uint16_t out;  /* registers live after it */
	int32_t disp;
	uint32_t target; /* jop: of jumps and calls */
	uint32_t at;     /* op it stands for in messages */
	uint32_t cost;
	union {
		int64_t imm;
		vm_helper *helper;
	};
};

/* A function of the program. */
struct jit_func {
	uint32_t first, end; /* jops */
	uint16_t in;         /* registers live at its start */
	uint16_t writes;
	uint16_t saves; /* of r6 to r9: those it writes; set by back ends as they need */
	uint8_t frames; /* deepest nesting from here, itself included; VM_MAX_DEPTH + 1: unbounded
			 */
	bool calls;     /* C functions or the program's */
	bool may_goto;
	bool reads_frame; /* r10 */
	bool is_called;   /* by the program's own calls */
};

struct jit_plan {
	const struct vm_prog *prog;
	const struct jit_options *opt;
	struct jop *jops;
	uint32_t n, room;
	uint32_t *index; /* of each op: its jop */
	uint16_t *in;    /* of each jop with JOP_TARGET: registers live before it */
	struct jit_func *funcs;
	uint32_t nfuncs;
	uint16_t exit_live; /* r0, and what callers read of r1 to r5 after a return */
	uint16_t writes, reads;
	bool unbounded;  /* calls may nest without end */
	bool translate;  /* addresses are not where the memory is (arenas) */
	bool checked;    /* accesses are checked */
	bool burns;      /* fuel is taken */
	bool calls_c;    /* helpers, packet loads */
	bool deep;       /* frames are counted at run time */
	bool calls_self; /* local calls or callx */
};

/* A program's code. */
struct jit_code {
	char *map; /* hints, then code */
	size_t map_size;
	size_t hints_size; /* whole pages, writable and not executable */
	size_t code_size;
	char *code;
	bool translate;    /* runs where memory is not at its address, too */
	uint32_t *entries; /* code offset of each function's way in */
	uint32_t *bodies;  /* and of what calls inside the program go to */
	uint8_t *frames;   /* how deep each nests at most; more than VM_MAX_DEPTH: unbounded */
	uint32_t nfuncs;   /* functions there is code for: all, or the first */
};

/* ---- jit_plan.c ---- */
int jit_plan_make(struct jit_plan *plan, const struct vm_prog *p, const struct jit_options *opt);
void jit_plan_done(struct jit_plan *plan);

/* ---- jit_live.c ---- */
/* jit_live - fills in[], out of each jop, and functions' in. */
void jit_live(struct jit_plan *plan);
/* jit_live_prune - drops jops whose result nobody reads; needs: in[] still true at targets. */
void jit_live_prune(struct jit_plan *plan);

/* ---- jit_fold.c ---- */
void jit_fold(struct jit_plan *plan);

enum { JOP_REGISTERS = (1 << VM_REGISTERS) - 1 };

/* Sets of registers; what calls and exits read besides is in jit_live.c. */
static inline uint32_t jop_reads(const struct jop *j)
{
	return ((1u << j->a | 1u << j->b | 1u << j->c) & JOP_REGISTERS) | j->also;
}

static inline uint32_t jop_writes(const struct jop *j)
{
	return 1u << j->dst & JOP_REGISTERS;
}

/* jop_is_pure - has no effect but on dst. */
static inline bool jop_is_pure(const struct jop *j)
{
	return (j->op >= OP_ADD && j->op <= OP_PERCPU_ADDR) || j->op == JIT_LEA ||
	       j->op == JIT_ROTATE || j->op == JIT_CPU || j->op == JIT_ARRAY;
}

static inline bool jop_is_branch(const struct jop *j)
{
	return (j->op >= OP_JEQ && j->op <= OP_JSLE) || j->op == JIT_JNSET;
}

static inline bool jop_is_jump(const struct jop *j)
{
	return jop_is_branch(j) || j->op == OP_JA || j->op == OP_MAY_GOTO;
}

static inline bool jop_is_atomic(const struct jop *j)
{
	return j->op >= OP_ATOMIC_ADD && j->op <= OP_STORE_REL;
}

static inline bool jop_is_access(const struct jop *j)
{
	return j->op == OP_LOAD || j->op == OP_LOADSX || j->op == OP_STORE || jop_is_atomic(j);
}

static inline bool jop_is_write(const struct jop *j)
{
	return j->op != OP_LOAD && j->op != OP_LOADSX && j->op != OP_LOAD_ACQ;
}

/* ---- code on its way to memory ---- */

/* What is out of line: a piece that code branches to when something rare happens. */
enum jit_cold_kind { COLD_MISS, COLD_UNALIGNED, COLD_FUEL, COLD_ENDED, COLD_DEEP, COLD_LOOPS };

struct jit_cold {
	uint32_t jop;
	uint32_t from; /* code offset of the branch to patch */
	uint32_t back; /* where it goes on */
	uint8_t kind;  /* enum jit_cold_kind */
};

struct jit_fix {
	uint32_t jop; /* target */
	uint32_t from;
	uint8_t size; /* of the displacement; back ends */
};

/* The buffer that a back end emits into. Growing happens between jops only (jit_room): emitters
 * write with no check of their own. */
struct jit_buf {
	uint8_t *data;
	size_t size, room;
	struct jit_cold *cold;
	uint32_t ncold, cold_room;
	struct jit_fix *fixes;
	uint32_t nfixes, fix_room;
	uint32_t *where; /* of each jop: its code offset */
};

enum { JIT_SLACK = 512 }; /* more than any jop's code */

/* jit_room - makes room for one more jop at *p, a place in b->data, and for its cold parts; false:
 * no memory. */
bool jit_room(struct jit_buf *b, uint8_t **p);
int jit_buf_init(struct jit_buf *b, uint32_t njops);
void jit_buf_done(struct jit_buf *b);
void jit_cold_add(struct jit_buf *b, uint32_t jop, enum jit_cold_kind kind, uint32_t from,
		  uint32_t back);
void jit_fix_add(struct jit_buf *b, uint32_t jop, uint32_t from, uint8_t size);

/* A back end: fills @b, and for each function the code offsets of its way in from C and of where
 * calls inside the program go. 0 or -ENOMEM. */
typedef int jit_emitter(const struct jit_plan *plan, struct jit_buf *b, uint32_t *ret_entries,
			uint32_t *ret_bodies);
jit_emitter jit_emit_x86_64, jit_emit_arm64;

/* jit_hint - where the code finds the hint of op @at: this many bytes before the code's start. */
static inline int32_t jit_hint(uint32_t at)
{
	return -4 * (int32_t)(at + 1);
}

/* ---- jit_run.c: what compiled code calls ---- */

/* An access of op @at missed its window: 1 when it may be tried again, 0 with the run ended. */
uint64_t jit_access(struct vm *vm, uint64_t address, uint32_t at);
/* Ends the run: an unaligned atomic access; one by r10 outside of the frame. */
uint64_t jit_unaligned(struct vm *vm, uint64_t address, uint32_t at);
uint64_t jit_frame_fault(struct vm *vm, uint64_t frame, uint32_t at);
/* After bpf_tail_call: runs the next program in this frame, to its end. */
uint64_t jit_next(struct vm *vm, uint64_t context);
/* callx: whom to call. */
struct jit_target {
	uint64_t address; /* 0: nobody, and the run has ended */
	uint64_t is_helper;
};

struct jit_target jit_resolve(struct vm *vm, uint64_t target, uint32_t at);
/* LD_ABS and LD_IND: what was loaded, negative: the packet has no such place. */
int64_t jit_packet(struct vm *vm, int32_t offset, uint32_t size);
/* Runs of programs with several functions start here. */
uint64_t jit_enter(struct vm *vm, const struct op *entry, const uint64_t args[5]);

#endif
