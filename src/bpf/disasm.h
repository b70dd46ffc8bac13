/*
 * Instructions to text, in two forms that the assembler (asm.h) reads back without loss:
 *
 *	kernel listing                            RFC 9669 mnemonics
 *	r1 = *(u64 *)(r2 +8)                      ldxdw %r1, [%r2+8]
 *	w1 += 5                                   add32 %r1, 5
 *	if r1 s> 0x5 goto pc+3                    jsgt %r1, 5, +3
 *	lock *(u64 *)(r1 +0) += r2                lock add [%r1], %r2
 *	call bpf_map_lookup_elem#1                call 1
 *	r1 = map[fd:3]                            lddw %r1, map_by_fd(3)
 *
 * The text comes from the rows of insn.def; nothing here knows an instruction. A caller may
 * name calls and immediates (with symbols, map names); such text is for people to read.
 */
#ifndef SKEP_BPF_DISASM_H
#define SKEP_BPF_DISASM_H

#include "base/buf.h"
#include "bpf/insn.h"

enum disasm_form { DISASM_KERNEL, DISASM_RFC };

struct disasm {
	enum disasm_form form;
	/* Names the function that instruction @at calls: shown as "call name#1" for a helper,
	 * "call pc+5#name" for a local one, "call name#123" for a kernel function. NULL from it,
	 * or no callback: helpers by helper.def, others by number. */
	const char *(*call_name)(void *ctx, const struct insn *insns, size_t at);
	/* Names the value that the 64-bit immediate load at @at loads; NULL: as a number. */
	const char *(*imm_name)(void *ctx, const struct insn *insns, size_t at);
	void *ctx; /* for the two callbacks */
};

/* disasm_insn - writes instruction @at of @n, without a newline; an unknown one is written as
 * its bytes (".byte 0xff, ..."), which the assembler takes back. Returns how many slots it used:
 * 2 for a 64-bit immediate load, else 1. @d may be NULL: kernel form, no names. */
size_t disasm_insn(struct buf *out, const struct insn *insns, size_t n, size_t at,
		   const struct disasm *d);

/* disasm_prog - the whole program as the kernel's log numbers it: "   0: (b7) r0 = 0", one
 * instruction a line. The assembler skips the numbers, so this too can be read back. */
void disasm_prog(struct buf *out, const struct insn *insns, size_t n, const struct disasm *d);

#endif
