/*
 * One BPF instruction, in memory as the kernel takes it (RFC 9669, section 3).
 */
#ifndef SKEP_BPF_INSN_H
#define SKEP_BPF_INSN_H

#include "base/base.h"

struct insn {
	uint8_t opcode;
	uint8_t dst : 4, src : 4;
	int16_t offset;
	int32_t imm;
};

_Static_assert(sizeof(struct insn) == 8, "RFC 9669: the basic encoding has 64 bits");

#endif
