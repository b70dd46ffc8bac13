/*
 * What tests of the engine share: a program from text or instructions, one engine, one vm. Every
 * test runs twice: interpreted, and compiled where there is a JIT.
 */
#ifndef TEST_ENGINE_TESTING_H
#define TEST_ENGINE_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/asm.h"
#include "bpf/form.h"
#include "engine/engine.h"

static bool interpret; /* which of the two */

#define run_both_ways(tests)                                                                \
	({                                                                                  \
		interpret = true;                                                           \
		int failed = cmocka_run_group_tests_name("interpreted", tests, NULL, NULL); \
		interpret = false;                                                          \
		failed + cmocka_run_group_tests_name("compiled", tests, NULL, NULL);        \
	})

struct machine {
	struct engine *engine;
	struct vm vm;
	struct vm_options opt;
	struct buf why; /* of the last refusal or bad end */
	int err;        /* of the last vm_prog_new */
};

static inline void machine_init(struct machine *m, const struct engine_options *opt)
{
	memset(m, 0, sizeof(*m));
	m->opt.no_jit = interpret;
	assert_int_equal(engine_new(opt, &m->engine), 0);
	assert_int_equal(vm_init(&m->vm, m->engine, 0), 0);
}

static inline void machine_done(struct machine *m)
{
	vm_done(&m->vm);
	engine_free(m->engine);
	buf_done(&m->why);
}

/* NULL when it is refused: see err and why. */
static inline struct vm_prog *make(struct machine *m, const struct insn *insns, uint32_t n)
{
	const struct image_prog image = { .insns = { (struct insn *)insns, n, n } };
	struct vm_prog *p = NULL;

	buf_clear(&m->why);
	m->err = vm_prog_new(m->engine, &image, &m->opt, &p, &m->why);
	return p;
}

/* An asm text as a program; the test fails if it does not assemble. */
static inline struct vm_prog *assemble(struct machine *m, const char *text)
{
	struct arena arena;
	jmp_buf no_memory;
	struct sources sources = { .arena = &arena };
	struct diags diags;
	struct asm_prog prog = { 0 };
	struct vm_prog *p;

	arena_init(&arena, &no_memory);
	diags_init(&diags, &arena, &sources);
	if (asm_parse(&prog, sources_add(&sources, "t.s", text, strlen(text)), &diags))
		fail_msg("%s in: %s", diags.first->text, text);
	p = make(m, prog.insns.v, prog.insns.n);
	arena_done(&arena);
	return p;
}

static inline uint64_t run(struct machine *m, const struct vm_prog *p, void *context, uint32_t size)
{
	uint64_t result = vm_run(&m->vm, p, context, size, NULL, 0);

	buf_clear(&m->why);
	if (m->vm.end)
		vm_why(&m->vm, &m->why);
	return result;
}

/* Runs a text once. */
static inline uint64_t run_text(struct machine *m, const char *text, void *context, uint32_t size)
{
	struct vm_prog *p = assemble(m, text);
	uint64_t result;

	if (!p)
		fail_msg("refused: %s", m->why.data);
	result = run(m, p, context, size);
	vm_prog_free(p);
	return result;
}

#define assert_ends(m, why_)                                          \
	do {                                                          \
		if ((m)->vm.end != (why_))                            \
			fail_msg("end is %d: %s", (m)->vm.end,        \
				 (m)->why.data ? (m)->why.data : ""); \
	} while (0)

/* Numbers at which arithmetic goes wrong. */
static const uint64_t edges[] = {
	0,
	1,
	2,
	3,
	7,
	8,
	15,
	16,
	31,
	32,
	33,
	63,
	64,
	65,
	0x7f,
	0x80,
	0xff,
	0x100,
	0x7fff,
	0x8000,
	0xffff,
	0x10000,
	0x7ffffffe,
	0x7fffffff,
	0x80000000,
	0x80000001,
	0xfffffffe,
	0xffffffff,
	0x100000000,
	0x100000001,
	0x123456789abcdef0,
	0x7fffffffffffffff,
	0x8000000000000000,
	0x8000000000000001,
	0xffffffff00000000,
	0xffffffff7fffffff,
	0xffffffff80000000,
	0xfffffffffffffff0,
	0xfffffffffffffffe,
	0xffffffffffffffff,
};

#endif
