/*
 * Fuzzes compiled code with checks on: any program that is taken runs as the interpreter runs it,
 * and touches nothing but its context, which ends at a page that may not be touched.
 *
 * Eight bytes that fill the context, then instructions. Corpus: fuzz/corpus/jit.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bpf/form.h"
#include "engine/engine.h"
#include "engine/jit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_INSNS = 256, CONTEXT = 64, PAGE = 4096 };

/* The last CONTEXT bytes before a page that faults. */
static char *context_memory(void)
{
	char *map = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED || mprotect(map + PAGE, PAGE, PROT_READ | PROT_WRITE))
		abort();
	return map + 2 * PAGE - CONTEXT;
}

/* A valid instruction of as much of @raw as its form leaves free; its distance in a program of @n
 * instructions of which it is the one at @at. */
static struct insn bend(const struct insn *raw, uint32_t at, uint32_t n)
{
	enum insn_id id = 1 + raw->opcode % (INSN_COUNT - 1);
	const struct insn_form *f = &insn_forms[id];
	int distance = (int)((uint16_t)raw->offset % (n + 1)) - (int)at - 1;
	int32_t imm = raw->imm;

	if (f->opcode == 0x18 || f->op == OP_CALL_KFUNC || f->group == GROUP_INTERNAL)
		return insn_make(INSN_MOV64_X, raw->dst % 10, raw->src % 11, 0, 0);
	if (f->imm == RULE_HELPER)
		imm = imm & 1 ? 8 : 7; /* which CPU; a random number */
	else if (f->imm == RULE_JUMP)
		imm = distance;
	return insn_make(id, raw->dst % (f->dst & RULE_WRITE ? 10 : 11),
			 raw->src % (f->src & RULE_WRITE ? 10 : 11),
			 f->off == RULE_JUMP ? distance : raw->offset, imm);
}

/* The first byte says whether all is bent into instructions, so that most inputs are programs. */
static uint32_t make_program(struct insn *to, const uint8_t *data, size_t size)
{
	uint32_t n = (uint32_t)MIN((size - 8) / sizeof(*to), (size_t)MAX_INSNS - 1);

	memcpy(to, data + 8, n * sizeof(*to));
	for (uint32_t i = 0; i < n && data[0] & 1; i++)
		to[i] = bend(&to[i], i, n);
	to[n] = insn_make(INSN_EXIT, 0, 0, 0, 0);
	return n + 1;
}

/* What a run leaves behind. */
struct outcome {
	uint64_t result, fuel, fault;
	enum vm_end end;
	uint32_t insn;
	char context[CONTEXT];
};

static struct outcome run(struct vm *vm, const struct vm_prog *p, char *context,
			  const uint8_t *from)
{
	struct outcome o = { 0 };

	for (unsigned i = 0; i < CONTEXT; i++)
		context[i] = (char)(from[i % 8] + i);
	vm->random = 1;
	o.result = vm_run(vm, p, context, CONTEXT, NULL, 0);
	o.fuel = vm->fuel;
	o.end = vm->end;
	if (o.end) {
		o.result = 0;
		o.insn = vm->insn;
	}
	if (o.end == VM_BAD_ACCESS || o.end == VM_UNALIGNED)
		o.fault = vm->fault_address;
	memcpy(o.context, context, CONTEXT);
	return o;
}

static void compare(struct engine *engine, struct vm_prog *p, const uint8_t *from)
{
	static char *context;
	const struct jit_options jit = { .checked = true, .features = jit_features() };
	struct outcome interpreted, compiled;
	struct vm vm;

	if (!context)
		context = context_memory();
	if (vm_init(&vm, engine, 0))
		abort();
	memset(&interpreted, 0, sizeof(interpreted));
	memset(&compiled, 0, sizeof(compiled));
	interpreted = run(&vm, p, context, from);
	int err = jit_compile(p, &jit);
	if (err && err != -ENOTSUP)
		abort();
	compiled = run(&vm, p, context, from);
	if (memcmp(&interpreted, &compiled, sizeof(compiled)))
		abort();
	vm_done(&vm);
}

static uint64_t fixed_clock(void *ctx, clockid_t which)
{
	(void)ctx;
	return 1000 + (uint64_t)which;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct engine *engine;
	struct insn insns[MAX_INSNS];
	const struct vm_options opt = { .fuel = 1000, .no_jit = true };
	struct buf why = { 0 };
	struct vm_prog *p;

	if (size < 16)
		return 0;
	if (!engine &&
	    engine_new(
		    &(struct engine_options){ .hooks.clock = fixed_clock, .seed = 1, .ncpus = 1 },
		    &engine))
		abort();
	uint32_t n = make_program(insns, data, size);
	const struct image_prog image = { .insns = { insns, n, n } };
	if (vm_prog_new(engine, &image, &opt, &p, &why)) {
		buf_done(&why);
		return 0;
	}
	compare(engine, p, data);
	vm_prog_free(p);
	return 0;
}
