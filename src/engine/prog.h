/*
 * Programs as the engine keeps them, and the passes that make them:
 *
 *	image_prog ─link─► instructions with every value in place ─decode─► ops ─► run
 *
 * For vm_prog_new() and what runs programs; callers of the engine need only vm.h.
 */
#ifndef SKEP_ENGINE_PROG_H
#define SKEP_ENGINE_PROG_H

#include "base/buf.h"
#include "engine/vm.h"

/* Runs @vm->prog from @entry in the current frame: @args are r1 to r5. Gives r0. */
typedef uint64_t vm_entry(struct vm *vm, const struct op *entry, const uint64_t args[5]);

struct vm_func {
	const struct vm_prog *prog;
	uint32_t op;     /* its first */
	uint32_t length; /* ops up to the next function: the fuel that a call costs */
};

struct vm_prog {
	uint64_t id; /* unlike any other program's of the engine */
	struct engine *engine;
	vm_entry *run;        /* the interpreter, or compiled code's way in */
	struct jit_code *jit; /* NULL: interpreted */
	struct op *ops;
	uint32_t nops;
	bool has_frame;        /* uses r10 or calls: its stack is zeroed before */
	struct vm_func *funcs; /* ascending; the first is the program's entry */
	uint32_t nfuncs;
	struct map **maps; /* that it names, each held */
	uint32_t nmaps;
	uint64_t fuel;
	/* for messages */
	char *name;
	struct insn *insns;
	uint32_t ninsns;
	struct insn_span *spans;
	uint32_t nspans;
	const struct sources *sources;
};

/* prog_link - copies the instructions to p->insns with the relocations of @image carried out:
 * maps by their number in the engine, parameters and kernel symbols by value. */
int prog_link(struct vm_prog *p, const struct image_prog *image, struct buf *why);

/* prog_decode - makes ops, funcs and maps from checked instructions. */
int prog_decode(struct vm_prog *p, bool trace, struct buf *why);

/* prog_keep_map - the program holds @m and may touch its values. Once is enough. -ENOMEM. */
int prog_keep_map(struct vm_prog *p, struct map *m);

/* prog_func - the function at address @target, NULL: there is none. */
const struct vm_func *prog_func(const struct vm_prog *p, uint64_t target);

#endif
