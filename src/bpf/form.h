/*
 * Instruction forms: the rows of insn.def as data, and what follows from them alone: decoding,
 * encoding and the checks of a single instruction. Interpreter and JITs switch on `op` and
 * `width`, and take the second operand from src where form_reads_src(), from imm otherwise.
 */
#ifndef SKEP_BPF_FORM_H
#define SKEP_BPF_FORM_H

#include "base/buf.h"
#include "bpf/insn.h"

enum insn_id {
	INSN_NONE, /* no instruction */
#define INSN(id, ...) INSN_##id,
#define ALSO(id, ...) INSN_##id,
#include "bpf/insn.def"
#undef INSN
#undef ALSO
	INSN_COUNT
};

/* What an instruction does, whatever its width and wherever its operand comes from. */
enum insn_op {
	OP_NONE,
	OP_ADD,
	OP_SUB,
	OP_MUL,
	OP_DIV,
	OP_SDIV,
	OP_OR,
	OP_AND,
	OP_LSH,
	OP_RSH,
	OP_NEG,
	OP_MOD,
	OP_SMOD,
	OP_XOR,
	OP_MOV,
	OP_MOVSX,
	OP_ARSH,
	OP_TO_LE,
	OP_TO_BE,
	OP_BSWAP,
	OP_ADDR_SPACE_CAST,
	OP_PERCPU_ADDR,
	OP_LOAD,
	OP_LOADSX,
	OP_STORE,
	OP_NOSPEC,
	OP_ATOMIC_ADD,
	OP_ATOMIC_OR,
	OP_ATOMIC_AND,
	OP_ATOMIC_XOR,
	OP_FETCH_ADD,
	OP_FETCH_OR,
	OP_FETCH_AND,
	OP_FETCH_XOR,
	OP_XCHG,
	OP_CMPXCHG,
	OP_LOAD_ACQ,
	OP_STORE_REL,
	OP_JEQ,
	OP_JGT,
	OP_JGE,
	OP_JSET,
	OP_JNE,
	OP_JSGT,
	OP_JSGE,
	OP_JLT,
	OP_JLE,
	OP_JSLT,
	OP_JSLE,
	OP_JA,
	OP_MAY_GOTO,
	OP_CALL,
	OP_CALL_LOCAL,
	OP_CALL_KFUNC,
	OP_CALLX,
	OP_EXIT,
	OP_IMM64,
	OP_MAP_FD,
	OP_MAP_VALUE,
	OP_BTF_ID,
	OP_FUNC,
	OP_MAP_IDX,
	OP_MAP_IDX_VALUE,
	OP_LD_ABS,
	OP_LD_IND,
};

enum insn_group {
	GROUP_BASE32,
	GROUP_BASE64,
	GROUP_ATOMIC32,
	GROUP_ATOMIC64,
	GROUP_DIVMUL32,
	GROUP_DIVMUL64,
	GROUP_PACKET,
	GROUP_LINUX,
	GROUP_RESERVED,
	GROUP_INTERNAL,
};

/* What a field holds. Smaller values are themselves the only value that the field may have. */
enum field_rule {
	RULE_OPERAND = 1 << 16,
	RULE_READ = 1 << 16,
	RULE_WRITE = 1 << 17,
	RULE_OFFSET = 1 << 18,
	RULE_JUMP = 1 << 19,
	RULE_IMM = 1 << 20,
	RULE_IMM64 = 1 << 21,
	RULE_PAIR = 1 << 22,
	RULE_HELPER = 1 << 23,
	RULE_MODULE = 1 << 24,
	RULE_SPACES = 1 << 25,
};

/*
 * Letters behind $ in the texts:
 *	d s	registers dst and src; D S the same where 32 bits are used (w1 in the kernel form)
 *	o p	off as displacement: always with its sign; only when it is not zero
 *	i x	imm: decimal with sign; hexadecimal without
 *	n	imm of the second slot, decimal without sign
 *	w	the 64-bit number, hexadecimal; L a closing "ll", which a kernel log leaves out
 *	j l t	a jump target, in off; in imm; in imm, with no "pc" in the kernel form
 *	h f k	who is called: a helper; a function of the program; a kernel function
 *	a	address spaces, "to, from"
 *	[	from here to the end stands the loaded value, which a caller may name
 */
struct insn_form {
	const char *name;     /* the row's id, such as "ADD64_K" */
	const char *mnemonic; /* text in mnemonics: "add $d, $i" */
	const char *kernel;   /* text as in the kernel's listing: "$d += $i" */
	int32_t off, imm;     /* enum field_rule or the value */
	int32_t dst, src;
	uint32_t since; /* KERNEL(major, minor), 0: none */
	uint8_t opcode;
	uint8_t op;    /* enum insn_op */
	uint8_t width; /* bits */
	uint8_t group; /* enum insn_group */
};

/* By enum insn_id; rows with one opcode stand next to each other. */
extern const struct insn_form insn_forms[INSN_COUNT];
extern const char *const insn_group_names[];

static inline bool form_reads_src(const struct insn_form *f)
{
	return f->src >= RULE_OPERAND && (f->src & RULE_READ);
}

/* insn_find - the form that @insn's opcode and fixed fields select, with no look at reserved
 * fields and registers; INSN_NONE when there is none. */
enum insn_id insn_find(const struct insn *insn);

/* insn_decode - the form of instruction @at of @n, if its text would tell all there is in it: every
 * fixed and reserved field, and the second slot, are as the form says. Registers may be any. */
enum insn_id insn_decode(const struct insn *insns, size_t n, size_t at);

/* insn_is_wide - whether @insn takes two slots. */
static inline bool insn_is_wide(const struct insn *insn)
{
	return insn->opcode == 0x18;
}

/* insn_make - encodes form @id; fields that the form fixes are set from its row, and their
 * arguments are ignored. The second slot of a wide form is the caller's insn_make_half(). */
struct insn insn_make(enum insn_id id, unsigned dst, unsigned src, int offset, int64_t imm);
struct insn insn_make_half(int32_t imm);

/* insn_check - whether instruction @at of @n is one that may be given to a kernel or engine:
 * known, every reserved field zero, registers that exist and may be written, the second slot
 * there. Returns 0, or -EINVAL with the reason appended to @why (may be NULL). */
int insn_check(const struct insn *insns, size_t n, size_t at, struct buf *why);

/* insn_check_prog - insn_check() of all, and that jumps, calls and callbacks land on instructions
 * of the program and that its end is not run past. *ret_at gets the offending index. */
int insn_check_prog(const struct insn *insns, size_t n, size_t *ret_at, struct buf *why);

/* insn_target - index that instruction @at jumps to, calls or takes the address of; may lie
 * outside the program. False when it does none of these. */
bool insn_target(const struct insn *insns, size_t at, int64_t *ret_target);

#endif
