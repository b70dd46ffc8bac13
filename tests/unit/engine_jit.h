/*
 * What tests of compiled code share: one program in every variant of compiled code and
 * interpreted, run on the same memory, compared in all they leave.
 */
#ifndef TEST_ENGINE_JIT_H
#define TEST_ENGINE_JIT_H

#include "engine_testing.h"

#include "engine/jit.h"

struct variant {
	const char *name;
	bool interpret;
	struct jit_options opt;
};

enum { WITHOUT = 1 << 30 }; /* features: all but the others named */

static const struct variant variants[] = {
	{ "interpreted", true, { 0 } },
	{ "checked", false, { .checked = true, .features = WITHOUT } },
	{ "unchecked", false, { .features = WITHOUT } },
	{ "plain", false, { .checked = true, .plain = true, .features = WITHOUT } },
	{ "blind", false, { .blind = true, .features = WITHOUT, .seed = 77 } },
	{ "old CPU", false, { .features = WITHOUT | JIT_BMI2 | JIT_LSE } },
	{ "old CPU, blind",
	  false,
	  { .checked = true, .blind = true, .features = WITHOUT | JIT_BMI2 | JIT_LSE } },
};

enum { VARIANTS = ARRAY_LEN(variants) };

/* One program in all variants. */
struct versions {
	struct vm_prog *p[VARIANTS];
};

static inline void versions_make(struct machine *m, struct versions *v, const struct insn *insns,
				 uint32_t n)
{
	m->opt.no_jit = true;
	for (unsigned i = 0; i < VARIANTS; i++) {
		struct jit_options opt = variants[i].opt;

		v->p[i] = make(m, insns, n);
		if (!v->p[i])
			fail_msg("refused: %s", m->why.data);
		if (opt.features & WITHOUT)
			opt.features = jit_features() & ~opt.features;
		if (!variants[i].interpret && jit_compile(v->p[i], &opt))
			fail_msg("cannot compile: %s", variants[i].name);
	}
}

static inline void versions_free(struct versions *v)
{
	for (unsigned i = 0; i < VARIANTS; i++)
		vm_prog_free(v->p[i]);
}

/*
 * A form between loads of r0 to r9 from the context and stores of them to it: struct dump is the
 * context. Memory that the form may touch is at scratch[64], 64 bytes either way.
 */
struct dump {
	uint64_t in[10];
	uint64_t out[10];
	uint64_t scratch[16];
};

enum { DUMP_MAX = 96 };

static inline struct insn store_reg(unsigned base, unsigned reg, int offset)
{
	return insn_make(INSN_STORE64_X, base, reg, offset, 0);
}

static inline struct insn load_reg(unsigned reg, unsigned base, int offset)
{
	return insn_make(INSN_LOAD64, reg, base, offset, 0);
}

/* Wraps @n instructions; how many it made. */
static inline uint32_t dump_prog(struct insn *to, const struct insn *form, uint32_t n)
{
	uint32_t at = 0;

	to[at++] = store_reg(10, 1, -96);
	for (int r = 0; r < 10; r++) {
		if (r != 1)
			to[at++] = load_reg((unsigned)r, 1, 8 * r);
	}
	to[at++] = load_reg(1, 1, 8);
	for (uint32_t i = 0; i < n; i++)
		to[at++] = form[i];
	for (int r = 0; r < 10; r++)
		to[at++] = store_reg(10, (unsigned)r, -80 + 8 * r);
	to[at++] = load_reg(1, 10, -96);
	for (int r = 0; r < 10; r++) {
		to[at++] = load_reg(2, 10, -80 + 8 * r);
		to[at++] = store_reg(1, 2, 80 + 8 * r);
	}
	to[at++] = insn_make(INSN_MOV64_K, 0, 0, 0, 0);
	to[at++] = insn_make(INSN_EXIT, 0, 0, 0, 0);
	return at;
}

/* How a run ended, in all that a caller can see. */
static inline void assert_same_end(const struct vm *vm, const struct vm *first, bool checked,
				   const char *what, const char *variant)
{
	bool fault = first->end == VM_BAD_ACCESS || first->end == VM_UNALIGNED;

	if (vm->end != first->end)
		fail_msg("%s, %s: ends with %d, not %d", what, variant, vm->end, first->end);
	if (first->end && vm->insn != first->insn)
		fail_msg("%s, %s: ends at %u, not %u", what, variant, vm->insn, first->insn);
	if (fault && (vm->fault_address != first->fault_address ||
		      vm->fault_size != first->fault_size || vm->fault_write != first->fault_write))
		fail_msg("%s, %s: fault at %#lx, not %#lx", what, variant, vm->fault_address,
			 first->fault_address);
	if (checked && vm->fuel != first->fuel)
		fail_msg("%s, %s: %lu of fuel is left, not %lu", what, variant, vm->fuel,
			 first->fuel);
}

/* Runs all variants on copies of @in at one address, and compares. Those without checks only if
 * the others end well. Why the run ended. */
static inline enum vm_end versions_agree(struct machine *m, const struct versions *v,
					 const struct dump *in, const char *what)
{
	static _Alignas(64) struct dump memory, expected;
	struct vm first = { 0 };
	uint64_t result, expected_result = 0;

	for (unsigned i = 0; i < VARIANTS; i++) {
		if (i && first.end && !variants[i].opt.checked)
			continue;
		memory = *in;
		result = vm_run(&m->vm, v->p[i], &memory, sizeof(memory), NULL, 0);
		if (i == 0) {
			expected = memory;
			expected_result = result;
			first = m->vm;
			continue;
		}
		assert_same_end(&m->vm, &first, variants[i].opt.checked, what, variants[i].name);
		if (!first.end && result != expected_result)
			fail_msg("%s, %s: gives %#lx, not %#lx", what, variants[i].name, result,
				 expected_result);
		if (!memcmp(&memory, &expected, sizeof(memory)))
			continue;
		for (unsigned k = 0; k < sizeof(memory) / 8; k++) {
			uint64_t a = ((uint64_t *)&memory)[k], b = ((uint64_t *)&expected)[k];

			if (a != b)
				print_error("word %u: %#lx, not %#lx\n", k, a, b);
		}
		for (unsigned k = 0; k < 10; k++)
			print_error("r%u = %#lx\n", k, in->in[k]);
		fail_msg("%s, %s: leaves another result", what, variants[i].name);
	}
	return first.end;
}

static inline uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

#endif
