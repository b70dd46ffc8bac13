/*
 * Compiled code: machine code for a decoded program, on machines that there is a back end for.
 * What it does is what the interpreter does; see vm.h. Called by vm_prog_new(), vm_prog_free().
 */
#ifndef SKEP_ENGINE_JIT_H
#define SKEP_ENGINE_JIT_H

#include "engine/prog.h"

/* What a CPU may lack, and tests take away. */
enum jit_feature {
	JIT_BMI2 = 1, /* x86-64: shifts by any register, rotates into another */
	JIT_LSE = 2,  /* arm64: atomic operations as instructions */
};

struct jit_options {
	bool checked;      /* keep bounds and fuel */
	bool blind;        /* no immediate of the program appears in the code */
	bool plain;        /* leave out the windows: each instruction alone */
	uint64_t seed;     /* of the numbers that blinding mixes in */
	uint32_t features; /* enum jit_feature; see jit_features() */
};

/* jit_features - what this machine's CPU has. */
uint32_t jit_features(void);

/* jit_compile - makes p->run machine code. -ENOTSUP: no back end for this machine, or the program
 * jumps from one function into another; -ENOMEM; -EPERM, -EACCES where the system forbids
 * executable pages. On failure the program stays interpreted. */
int jit_compile(struct vm_prog *p, const struct jit_options *opt);
void jit_free(struct vm_prog *p);

/* jit_suits - whether p->run may be taken: compiled code of most programs works only where all
 * memory is where its address says. Always true of interpreted programs. */
bool jit_suits(const struct vm *vm, const struct vm_prog *p);

/* jit_code - the machine code of @p, NULL when it is interpreted; *ret_size bytes. For listings. */
const void *jit_code(const struct vm_prog *p, size_t *ret_size);

#endif
