/*
 * The assembler: text to instructions.
 *
 * Takes both forms that the disassembler writes, mixed as one likes, one instruction a line:
 *
 *	.func main                  a function begins (the first instruction begins one anyway)
 *	again:                      a label, local to the program
 *	   3: (07) r1 += 1          a slot number and an opcode in front, as kernel logs have
 *	add %r1, 1
 *	if r1 < 0x40 goto again     a label wherever a jump target stands
 *	call bpf_ktime_get_ns       a helper by name; by number; name#number
 *	call helper_of_mine         a function of the program
 *	.byte 1, 2, 3, 4, 5, 6, 7, 8    the bytes of one slot, whatever they mean
 *
 * Comments: from ';', '//' or a '#' with a blank before it to the end of the line, and C's.
 */
#ifndef SKEP_BPF_ASM_H
#define SKEP_BPF_ASM_H

#include "base/diag.h"
#include "bpf/insn.h"

struct asm_label {
	const char *name;
	uint32_t insn; /* slot that it stands before */
	bool is_func;  /* made by .func */
	struct span span;
};

struct asm_prog {
	VEC(struct insn) insns;
	VEC(struct span) spans; /* of each slot: the instruction in the text */
	VEC(struct asm_label) labels;
};

/* asm_parse - assembles @src into @out (zeroed by the caller), all of it in the arena of @d. Every
 * line that is wrong gets its diagnostic. Returns 0 or -EINVAL. */
int asm_parse(struct asm_prog *out, const struct source *src, struct diags *d);

#endif
