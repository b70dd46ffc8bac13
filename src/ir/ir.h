/*
 * The IR builder: how a front end makes programs. It knows nothing of any syntax tree.
 *
 * Values are 64-bit words in SSA form, named by opaque pointers that live as long as the module.
 * A function is built block by block. Variables (ir_var) may be set and read freely; the builder
 * turns them into SSA while it goes (after Braun et al., "Simple and Efficient Construction of
 * Static Single Assignment Form", CC 2013), which is why every block must be sealed once all
 * jumps to it have been made.
 *
 *	struct ir_func *f = ir_func_new(m, "openat", 1, IR_ENTRY);
 *	struct ir_value *ctx = ir_param(f, 0);
 *	struct ir_value *id = ir_load(f, IR_LOAD64, ctx, 8);
 *	ir_return(f, id);
 *
 * Memory is addressed as base + constant offset. Bases are the context, slots, map values and
 * whatever a helper returns; the kernel's verifier, not the IR, knows which is which, so the
 * passes never mix or move pointers in ways that it could not follow.
 */
#ifndef SKEP_IR_IR_H
#define SKEP_IR_IR_H

#include "base/buf.h"
#include "base/diag.h"
#include "image/image.h"

struct ir_module;
struct ir_func;
struct ir_block;
struct ir_value;
struct ir_var;

enum ir_op {
#define IR_OP(id, name, shape, flags, code) IR_##id,
#include "ir/op.def"
#undef IR_OP
	IR_OP_COUNT
};

enum ir_cond { IR_EQ, IR_NE, IR_ULT, IR_ULE, IR_UGT, IR_UGE, IR_SLT, IR_SLE, IR_SGT, IR_SGE };

/* What a function is called by. */
enum ir_func_role {
	IR_ENTRY,    /* the kernel: r1 = context */
	IR_CALLBACK, /* a helper such as bpf_loop; large slots live in the caller's scratch frame */
	IR_LOCAL,    /* another function of the module */
};

/* ---- modules: one module becomes one program of the image ---- */

struct ir_module *ir_module_new(struct arena *arena, struct image *img, struct target *target);

/* ir_func_new - a function of @nparams (0..5) parameters; its first block is started. @name is
 * shown in BTF and dumps. */
struct ir_func *ir_func_new(struct ir_module *m, const char *name, unsigned nparams,
			    enum ir_func_role role);
struct ir_module *ir_func_module(struct ir_func *f);

/* ir_span - the source place of what is built next, until changed. */
void ir_span(struct ir_func *f, struct span span);

/* ---- blocks ---- */

struct ir_block *ir_block_new(struct ir_func *f, const char *label);
/* ir_block_start - what is built next goes into @b. The block before must have ended. */
void ir_block_start(struct ir_func *f, struct ir_block *b);
/* ir_block_seal - every jump to @b has been made. ir_seal_all does it for the whole function. */
void ir_block_seal(struct ir_func *f, struct ir_block *b);
void ir_seal_all(struct ir_func *f);
/* ir_ended - whether the current block already has its jump, branch or return. What is built
 * after that is dropped. */
bool ir_ended(const struct ir_func *f);

void ir_jump(struct ir_func *f, struct ir_block *to);
/* ir_branch - to @then if @cond is not 0. A comparison built right for this is fused into it. */
void ir_branch(struct ir_func *f, struct ir_value *cond, struct ir_block *then,
	       struct ir_block *otherwise);
void ir_return(struct ir_func *f, struct ir_value *value);

/* ---- variables ---- */

struct ir_var *ir_var_new(struct ir_func *f, const char *name);
void ir_var_set(struct ir_func *f, struct ir_var *var, struct ir_value *value);
/* ir_var_get - the value here; 0 on paths where it was never set. */
struct ir_value *ir_var_get(struct ir_func *f, struct ir_var *var);

/* ---- values ---- */

struct ir_value *ir_const(struct ir_func *f, int64_t n);
struct ir_value *ir_param(struct ir_func *f, unsigned n);
/* ir_binary - IR_ADD .. IR_ASHR. Division and modulo by 0 are BPF's: 0, and the dividend. */
struct ir_value *ir_binary(struct ir_func *f, enum ir_op op, struct ir_value *a,
			   struct ir_value *b);
/* ir_unary - IR_NEG, IR_NOT (bitwise), IR_ZEXT8 .. IR_SEXT32, IR_BSWAP16 .. IR_BSWAP64. */
struct ir_value *ir_unary(struct ir_func *f, enum ir_op op, struct ir_value *a);
/* ir_compare - 1 or 0. */
struct ir_value *ir_compare(struct ir_func *f, enum ir_cond cond, struct ir_value *a,
			    struct ir_value *b);
/* ir_is_const - whether @v is a constant, and which. */
bool ir_is_const(const struct ir_value *v, int64_t *ret);

/* ---- memory ---- */

/* ir_load - IR_LOAD8 .. IR_LOAD64 (zero-extended), IR_LOADS8 .. IR_LOADS32 (sign-extended). */
struct ir_value *ir_load(struct ir_func *f, enum ir_op op, struct ir_value *base, int32_t offset);
/* ir_store - IR_STORE8 .. IR_STORE64. */
void ir_store(struct ir_func *f, enum ir_op op, struct ir_value *base, int32_t offset,
	      struct ir_value *value);
/* ir_atomic - IR_ATOMIC_ADD/AND/OR/XOR at @size 4 or 8, no result; IR_FETCH_ADD/AND/OR/XOR,
 * IR_XCHG give the old value (FEATURE_ATOMIC_FETCH). */
struct ir_value *ir_atomic(struct ir_func *f, enum ir_op op, unsigned size, struct ir_value *base,
			   int32_t offset, struct ir_value *value);
/* ir_cmpxchg - stores @value if the word was @expected; gives the old word. */
struct ir_value *ir_cmpxchg(struct ir_func *f, unsigned size, struct ir_value *base, int32_t offset,
			    struct ir_value *expected, struct ir_value *value);
/* ir_zero - @size zero bytes at base + offset; any size (unrolled, or copied from read-only
 * zeroes when long). The alignment is taken to be 8. */
void ir_zero(struct ir_func *f, struct ir_value *base, int32_t offset, uint32_t size);
/* ir_copy - @size bytes between memory that the program may touch directly. */
void ir_copy(struct ir_func *f, struct ir_value *to, int32_t to_offset, struct ir_value *from,
	     int32_t from_offset, uint32_t size);

enum ir_slot_flags {
	IR_SLOT_STACK = 1, /* must be on the BPF stack (a callback's context) */
};

/* ir_slot - the address of @size bytes of the function's own, 8-aligned, not cleared. Small ones
 * lie on the stack, the rest in the scratch frame (see scratch.c); the builder's caller cannot
 * tell and need not care. */
struct ir_value *ir_slot(struct ir_func *f, uint32_t size, unsigned flags, const char *name);

/* ir_scratch - for callbacks with large slots: the scratch frame's address as a value of the
 * entry function, to be handed through the callback's context; ir_scratch_set tells a callback
 * where it is. Both must be used for a callback that has slots over the stack limit. */
struct ir_value *ir_scratch(struct ir_func *f);
void ir_scratch_set(struct ir_func *f, struct ir_value *base);

/* ---- addresses and relocations ---- */

struct ir_value *ir_map(struct ir_func *f, uint32_t map);
struct ir_value *ir_map_value(struct ir_func *f, uint32_t map, int64_t offset);
struct ir_value *ir_ksym(struct ir_func *f, const char *name, int64_t addend);
struct ir_value *ir_image_param(struct ir_func *f, enum image_param which);
struct ir_value *ir_func_address(struct ir_func *f, struct ir_func *callee);

/* ---- calls ---- */

/* ir_helper - calls helper BPF_FUNC_@helper with @n <= 5 arguments. */
struct ir_value *ir_helper(struct ir_func *f, uint32_t helper, unsigned n,
			   struct ir_value *const *args);
#define ir_call_helper(f, helper, ...)                                                \
	ir_helper((f), (helper),                                                      \
		  sizeof((struct ir_value *const[]){ __VA_ARGS__ }) / sizeof(void *), \
		  (struct ir_value *const[]){ __VA_ARGS__ })
/* a helper without arguments */
#define ir_call_helper0(f, helper) ir_helper((f), (helper), 0, NULL)
struct ir_value *ir_call(struct ir_func *f, struct ir_func *callee, unsigned n,
			 struct ir_value *const *args);

/* ---- finishing ---- */

struct ir_options {
	unsigned registers; /* how many the allocator may use, 2 .. 10; 0: all */
	/* A dump of the module after each stage, for `-d`; NULL: none. @stage is 'i' IR as built,
	 * 'o' optimised IR, 'l' liveness, 'r' registers, 'b' bytecode. */
	void (*dump)(void *ctx, char stage, const char *title, const char *text);
	void *dump_ctx;
	const char *stages; /* which letters are wanted */
	bool check;         /* the checker runs after every pass (always with -DSKEP_CHECK) */
};

/* ir_compile - runs all passes and appends the code to @prog (insns, relocs, spans, funcs).
 * Errors, such as a program that needs more stack than there is, go to @diags. */
int ir_compile(struct ir_module *m, const struct ir_options *opt, struct image_prog *prog,
	       struct diags *diags);

/* ir_print, ir_parse - the text form; ir_parse(ir_print(m)) is the same module. See
 * docs/ir.md. */
void ir_print(struct buf *out, const struct ir_module *m);
int ir_parse(struct arena *arena, struct image *img, struct target *target, const char *text,
	     struct ir_module **ret, struct diags *diags);

#endif
