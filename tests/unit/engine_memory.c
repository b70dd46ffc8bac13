/*
 * Loads, stores and atomics: what they do to memory, and that each ends the run one byte before
 * and one byte behind every region. Regions lie between pages that cannot be touched, so an
 * access that slips through ends the test with a signal.
 */
#include <sys/mman.h>

#include "engine_testing.h"

enum { SIZE = 24, PAGE = 4096 };

/* SIZE bytes that end where a guard page begins (or begin where one ends). */
struct guarded {
	char *pages, *at;
};

static struct guarded guarded_new(bool at_end)
{
	struct guarded g;

	g.pages = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(g.pages != MAP_FAILED);
	assert_int_equal(mprotect(g.pages + PAGE, PAGE, PROT_READ | PROT_WRITE), 0);
	g.at = g.pages + PAGE + (at_end ? PAGE - SIZE : 0);
	return g;
}

static void fill(char *at)
{
	for (int i = 0; i < SIZE; i++)
		at[i] = (char)(0x91 + 7 * i);
}

static bool is_load(const struct insn_form *f)
{
	return f->op == OP_LOAD || f->op == OP_LOADSX || f->op == OP_LOAD_ACQ;
}

static bool is_access(const struct insn_form *f)
{
	return f->op >= OP_LOAD && f->op <= OP_STORE_REL && f->op != OP_NOSPEC;
}

static bool is_atomic(const struct insn_form *f)
{
	return is_access(f) && f->op > OP_STORE;
}

/* r1 points to the context, r2 = 0x8182838485868788, r0 = @r0: then the form, then r0 = what
 * the form may have changed in a register. */
static struct vm_prog *around(struct machine *m, enum insn_id id, int offset, uint64_t r0)
{
	const struct insn_form *f = &insn_forms[id];
	const struct insn prog[] = {
		insn_make(INSN_IMM64, 2, 0, 0, 0x85868788 - 0x100000000),
		insn_make_half((int32_t)0x81828384),
		insn_make(INSN_IMM64, 0, 0, 0, (int32_t)(uint32_t)r0),
		insn_make_half((int32_t)(r0 >> 32)),
		is_load(f) ? insn_make(id, 2, 1, offset, 0) : insn_make(id, 1, 2, offset, -3),
		f->op == OP_CMPXCHG ? insn_make(INSN_JA, 0, 0, 0, 0)
				    : insn_make(INSN_MOV64_X, 0, 2, 0, 0),
		insn_make(INSN_EXIT, 0, 0, 0, 0),
	};
	struct vm_prog *p = make(m, prog, ARRAY_LEN(prog));

	if (!p)
		fail_msg("%s is refused: %s", f->name, m->why.data);
	return p;
}

static uint64_t peek(const char *at, unsigned width)
{
	uint64_t value = 0;

	memcpy(&value, at, width / 8);
	return value;
}

static uint64_t extended(const struct insn_form *f, uint64_t value)
{
	unsigned shift = 64 - f->width;

	return f->op == OP_LOADSX ? (uint64_t)((int64_t)(value << shift) >> shift) : value;
}

/* What memory holds afterwards, of width bits; @imm is the form's. */
static uint64_t stored(const struct insn_form *f, uint64_t old, uint64_t r2, uint64_t r0)
{
	uint64_t mask = f->width == 64 ? UINT64_MAX : ((uint64_t)1 << f->width) - 1;

	switch (f->op) {
	case OP_STORE: return (f->imm == RULE_IMM ? (uint64_t)-3 : r2) & mask;
	case OP_ATOMIC_ADD:
	case OP_FETCH_ADD: return (old + r2) & mask;
	case OP_ATOMIC_OR:
	case OP_FETCH_OR: return (old | r2) & mask;
	case OP_ATOMIC_AND:
	case OP_FETCH_AND: return old & r2 & mask;
	case OP_ATOMIC_XOR:
	case OP_FETCH_XOR: return (old ^ r2) & mask;
	case OP_XCHG:
	case OP_STORE_REL: return r2 & mask;
	case OP_CMPXCHG: return old == (r0 & mask) ? r2 & mask : old;
	default: return old;
	}
}

/* What the program returns: the loaded or fetched value, or r2 untouched. */
static uint64_t returned(const struct insn_form *f, uint64_t old, uint64_t r2)
{
	switch (f->op) {
	case OP_FETCH_ADD ... OP_XCHG:
	case OP_CMPXCHG: return old;
	default: return is_load(f) ? extended(f, old) : r2;
	}
}

static void check_inside(struct machine *m, const struct vm_prog *p, enum insn_id id, char *at,
			 int offset, uint64_t r0)
{
	const struct insn_form *f = &insn_forms[id];
	const uint64_t r2 = 0x8182838485868788;
	char before[SIZE];
	uint64_t old, got;

	fill(at);
	memcpy(before, at, SIZE);
	old = peek(at + offset, f->width);
	got = run(m, p, at, SIZE);
	assert_ends(m, VM_DONE);
	uint64_t want = stored(f, old, r2, r0);
	if (got != returned(f, old, r2) || peek(at + offset, f->width) != want)
		fail_msg("%s at %d: r0 %#llx, memory %#llx, not %#llx", f->name, offset,
			 (unsigned long long)got, (unsigned long long)peek(at + offset, f->width),
			 (unsigned long long)want);
	memcpy(before + offset, at + offset, f->width / 8);
	assert_memory_equal(before, at, SIZE); /* nothing else changed */
}

static void check_form(struct machine *m, enum insn_id id, const struct guarded *g)
{
	const struct insn_form *f = &insn_forms[id];
	int width = f->width / 8;
	bool want_write = !is_load(f);

	for (int offset = -width - 1; offset <= SIZE + 1; offset++) {
		bool inside = offset >= 0 && offset + width <= SIZE;
		bool aligned = offset % width == 0;
		struct vm_prog *p = around(m, id, offset, 5);

		if (inside && (aligned || !is_atomic(f))) {
			check_inside(m, p, id, g->at, offset, 5);
		} else {
			fill(g->at);
			run(m, p, g->at, SIZE);
			assert_ends(m, inside ? VM_UNALIGNED : VM_BAD_ACCESS);
			assert_int_equal(m->vm.insn, 4);
			assert_true(m->vm.fault_address ==
				    (uint64_t)g->at + (uint64_t)(int64_t)offset);
			assert_int_equal(m->vm.fault_size, width);
			assert_int_equal(m->vm.fault_write, want_write);
		}
		vm_prog_free(p);
	}
}

static void every_access_at_every_edge(void **state)
{
	struct machine m;
	struct guarded ends[] = { guarded_new(false), guarded_new(true) };
	unsigned n = 0;

	(void)state;
	machine_init(&m, NULL);
	for (unsigned id = 1; id < INSN_COUNT; id++) {
		if (!is_access(&insn_forms[id]))
			continue;
		check_form(&m, id, &ends[0]);
		check_form(&m, id, &ends[1]);
		n++;
	}
	assert_true(n > 35);
	machine_done(&m);
	munmap(ends[0].pages, 3 * PAGE);
	munmap(ends[1].pages, 3 * PAGE);
}

static void cmpxchg_stores_only_on_equality(void **state)
{
	struct machine m;
	struct guarded g = guarded_new(true);
	const enum insn_id forms[] = { INSN_CMPXCHG32, INSN_CMPXCHG64 };

	(void)state;
	machine_init(&m, NULL);
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		fill(g.at);
		/* r0 equal, and equal only in the bits that do not count */
		uint64_t old = peek(g.at, insn_forms[forms[i]].width);
		const uint64_t r0[] = { old, old ^ 1, old | (uint64_t)5 << 32 };

		for (size_t k = 0; k < ARRAY_LEN(r0); k++) {
			struct vm_prog *p = around(&m, forms[i], 0, r0[k]);

			check_inside(&m, p, forms[i], g.at, 0, r0[k]);
			vm_prog_free(p);
		}
	}
	machine_done(&m);
	munmap(g.pages, 3 * PAGE);
}

/* By r10 only the own frame; by another register any frame in use or below. */
static void the_stack(void **state)
{
	struct machine m;

	(void)state;
	machine_init(&m, NULL);
	assert_int_equal(
		run_text(&m, "*(u64 *)(r10 -512) = 7\nr0 = *(u64 *)(r10 -512)\nexit", NULL, 0), 7);
	assert_ends(&m, VM_DONE);
	run_text(&m, "*(u8 *)(r10 -513) = 7\nexit", NULL, 0);
	assert_ends(&m, VM_BAD_ACCESS);
	assert_true(m.vm.fault_write);
	run_text(&m, "r0 = *(u8 *)(r10 +0)\nexit", NULL, 0);
	assert_ends(&m, VM_BAD_ACCESS);
	run_text(&m, "r0 = *(u32 *)(r10 -3)\nexit", NULL, 0);
	assert_ends(&m, VM_BAD_ACCESS);
	run_text(&m, "r1 = r10\nr0 = *(u64 *)(r1 -8)\nr0 = *(u64 *)(r1 -7)\nexit", NULL, 0);
	assert_ends(&m, VM_BAD_ACCESS);
	assert_int_equal(m.vm.insn, 2);
	/* a callee sees its caller's memory by a pointer, not by its own r10 */
	assert_int_equal(run_text(&m,
				  "*(u64 *)(r10 -8) = 9\nr1 = r10\ncall f\nexit\n"
				  ".func f\nr0 = *(u64 *)(r1 -8)\nexit",
				  NULL, 0),
			 9);
	run_text(&m, "call f\nexit\n.func f\nr0 = *(u64 *)(r10 +8)\nexit", NULL, 0);
	assert_ends(&m, VM_BAD_ACCESS);
	machine_done(&m);
}

/* Nothing of one run is left for the next, in no frame. */
static void the_stack_is_zero_at_the_start(void **state)
{
	struct machine m;
	const char *read = "call f\nexit\n.func f\nr0 = *(u64 *)(r10 -16)\nexit";

	(void)state;
	machine_init(&m, NULL);
	run_text(&m, "*(u64 *)(r10 -16) = 7\ncall f\nexit\n.func f\n*(u64 *)(r10 -16) = 8\nexit",
		 NULL, 0);
	assert_int_equal(run_text(&m, read, NULL, 0), 0);
	assert_int_equal(run_text(&m, "r0 = *(u64 *)(r10 -16)\nexit", NULL, 0), 0);
	machine_done(&m);
}

/* More regions than windows, read-only ones among them, at addresses of their own. */
static void regions_besides(void **state)
{
	enum { N = 40 };
	struct machine m;
	struct region regions[N];
	static uint64_t memory[N];
	struct vm_prog *p, *w;

	(void)state;
	machine_init(&m, NULL);
	for (unsigned i = 0; i < N; i++) {
		memory[i] = i * i;
		regions[i] = (struct region){ 0x10000 + i * 0x100, 8, i & 1, (char *)&memory[i] };
	}
	/* r0 = sum over all regions, twice: every window is used again after others */
	p = assemble(&m, "r0 = 0\nr3 = 2\nouter:\nr1 = 0x10000\nagain:\nr2 = *(u64 *)(r1 +0)\n"
			 "r0 += r2\nr1 += 0x100\nif r1 != 0x12800 goto again\nr3 += -1\n"
			 "if r3 != 0 goto outer\nexit");
	assert_int_equal(vm_run(&m.vm, p, NULL, 0, regions, N), 2 * 20540);
	assert_ends(&m, VM_DONE);
	/* without them nothing of that is left */
	run(&m, p, NULL, 0);
	assert_ends(&m, VM_BAD_ACCESS);
	w = assemble(&m, "*(u64 *)(r1 +0) = 1\nexit");
	vm_run(&m.vm, w, (void *)0x10100, 0, regions, N);
	assert_ends(&m, VM_DONE);
	assert_int_equal(memory[1], 1);
	vm_run(&m.vm, w, (void *)0x10000, 0, regions, N);
	assert_ends(&m, VM_BAD_ACCESS);
	assert_int_equal(memory[0], 0);
	vm_prog_free(p);
	vm_prog_free(w);
	machine_done(&m);
}

static void wild_addresses(void **state)
{
	struct machine m;
	char context[8] = { 0 };

	(void)state;
	machine_init(&m, NULL);
	for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
		char text[128];

		snprintf(text, sizeof(text), "r1 = %#llx ll\nr0 = *(u64 *)(r1 -8)\nexit",
			 (unsigned long long)edges[i]);
		run_text(&m, text, context, sizeof(context));
		assert_ends(&m, VM_BAD_ACCESS);
	}
	/* a context of no bytes */
	run_text(&m, "r0 = *(u8 *)(r1 +0)\nexit", context, 0);
	assert_ends(&m, VM_BAD_ACCESS);
	/* narrower than the access */
	run_text(&m, "r0 = *(u64 *)(r1 +0)\nexit", context, 7);
	assert_ends(&m, VM_BAD_ACCESS);
	machine_done(&m);
}

static void the_reason_names_instruction_and_place(void **state)
{
	struct machine m;
	char context[8], want[160];

	(void)state;
	machine_init(&m, NULL);
	run_text(&m, "r0 = 0\nr0 = *(u16 *)(r1 +7)\nexit", context, sizeof(context));
	snprintf(want, sizeof(want),
		 "instruction 1 (r0 = *(u16 *)(r1 +7)) touched memory that is not its own: a read "
		 "of 2 bytes at %#llx",
		 (unsigned long long)(uintptr_t)context + 7);
	assert_string_equal(m.why.data, want);
	machine_done(&m);
}

/* With the image's spans the line stands first. */
static void the_reason_names_the_source_line(void **state)
{
	struct machine m;
	struct arena arena;
	jmp_buf no_memory;
	struct sources sources = { .arena = &arena };
	struct insn insns[] = { insn_make(INSN_LOAD8, 0, 9, 0, 0),
				insn_make(INSN_EXIT, 0, 0, 0, 0) };
	struct vm_prog *p;

	(void)state;
	machine_init(&m, NULL);
	arena_init(&arena, &no_memory);
	const struct source *s = sources_add(&sources, "a.bt", "BEGIN\n{ x }\n", 12);
	struct insn_span span = { 0, { s->base + 8, s->base + 9 } };
	const struct image_prog image = { .name = "one",
					  .insns = { insns, 2, 2 },
					  .spans = { &span, 1, 1 } };
	const struct vm_options opt = { .no_jit = interpret, .sources = &sources };
	assert_int_equal(vm_prog_new(m.engine, &image, &opt, &p, &m.why), 0);
	run(&m, p, NULL, 0);
	assert_string_equal(m.why.data,
			    "a.bt:2:3: program one, instruction 0 (r0 = *(u8 *)(r9 +0)) touched "
			    "memory that is not its own: a read of 1 byte at 0x0");
	vm_prog_free(p);
	arena_done(&arena);
	machine_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_access_at_every_edge),
		cmocka_unit_test(cmpxchg_stores_only_on_equality),
		cmocka_unit_test(the_stack),
		cmocka_unit_test(the_stack_is_zero_at_the_start),
		cmocka_unit_test(regions_besides),
		cmocka_unit_test(wild_addresses),
		cmocka_unit_test(the_reason_names_instruction_and_place),
		cmocka_unit_test(the_reason_names_the_source_line),
	};

	return run_both_ways(tests);
}
