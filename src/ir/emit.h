/*
 * Emission: from allocated functions to instructions. code.c writes single instructions and
 * moves, emit.c values, blocks and functions, and patches jumps and calls.
 */
#ifndef SKEP_IR_EMIT_H
#define SKEP_IR_EMIT_H

#include "bpf/uapi.h"
#include "ir/life.h"

enum { FP = 10 };

/* An instruction that needs to know where something starts. */
struct patch {
	uint32_t insn;
	const struct ir_block *block;  /* jumps */
	const struct ir_func *callee;  /* calls and function addresses */
	const struct ir_value *source; /* for the message when a jump is too long */
};

struct emitter {
	struct arena *a; /* the module's */
	struct image *img;
	struct image_prog *prog;
	struct diags *diags;
	struct allocation *al;       /* of the function that is written */
	const struct ir_block *next; /* the block that will follow */
	uint32_t *labels;            /* by rpo */
	VEC(struct patch) jumps;     /* of this function */
	VEC(struct patch) calls;     /* of the program */
	struct span span;
};

/* code.c */
void code_put(struct emitter *e, uint8_t opcode, int dst, int src, int16_t offset, int32_t imm);
void code_mov(struct emitter *e, int dst, int src);
void code_const(struct emitter *e, int dst, int64_t n);
/* code_leaf - makes a leaf in a register. */
void code_leaf(struct emitter *e, int dst, const struct ir_value *leaf);
/* code_load - brings whatever is at @from into a register. */
void code_load(struct emitter *e, int dst, struct loc from);
/* code_moves - @m, at once; @free_regs may be overwritten. */
void code_moves(struct emitter *e, const struct moves *m, uint32_t free_regs);

/* emit.c */

/* ir_emit - appends one function; ir_emit_finish - after the last one. */
int ir_emit(struct emitter *e, struct allocation *al);
void ir_emit_finish(struct emitter *e);

#endif
