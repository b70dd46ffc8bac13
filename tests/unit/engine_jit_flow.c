/*
 * Compiled code's control: calls, tail calls, callbacks, loops, packet loads, bad ends. Each text
 * runs in every variant of compiled code and interpreted, and ends the same way at the same place
 * with as much fuel left.
 */
#include <sys/mman.h>

#include "engine_jit.h"

#include "engine/map.h"

static struct machine m;

static int setup(void **state)
{
	(void)state;
	machine_init(&m, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	machine_done(&m);
	return 0;
}

/* The text in all variants; r0. */
static uint64_t agree(const char *text, enum vm_end end)
{
	struct dump d = { 0 };
	struct versions v;
	struct arena arena;
	jmp_buf no_memory;
	struct sources sources = { .arena = &arena };
	struct diags diags;
	struct asm_prog prog = { 0 };
	enum vm_end found;
	uint64_t result;

	for (unsigned i = 0; i < sizeof(d) / 8; i++)
		((uint64_t *)&d)[i] = 0x0102030405060708 * (i + 1);
	arena_init(&arena, &no_memory);
	diags_init(&diags, &arena, &sources);
	if (asm_parse(&prog, sources_add(&sources, "t.s", text, strlen(text)), &diags))
		fail_msg("%s in: %s", diags.first->text, text);
	versions_make(&m, &v, prog.insns.v, prog.insns.n);
	found = versions_agree(&m, &v, &d, text);
	if (found != end)
		fail_msg("ends with %d, not %d: %s", found, end, text);
	result = vm_run(&m.vm, v.p[1], &d, sizeof(d), NULL, 0);
	versions_free(&v);
	arena_done(&arena);
	return result;
}

static void calls(void **state)
{
	(void)state;
	/* a leaf, inlined; r1 to r5 as it leaves them, r6 to r9 kept */
	assert_int_equal(agree("r1 = 5\nr6 = 7\ncall f\nr0 += r6\nr0 += r2\nexit\n"
			       "f:\nr0 = r1\nr0 *= 3\nr2 = 1000\nexit\n",
			       VM_DONE),
			 1022);
	/* two ways out */
	assert_int_equal(agree("r1 = 5\ncall f\nr6 = r0\nr1 = 50\ncall f\nr0 += r6\nexit\n"
			       "f:\nr0 = 1\nif r1 > 10 goto big\nexit\nbig:\nr0 = 100\nexit\n",
			       VM_DONE),
			 101);
	/* with a frame and saved registers of its own */
	assert_int_equal(agree("r6 = 1\nr7 = 2\nr8 = 3\nr9 = 4\n*(u64 *)(r10 -8) = r9\ncall f\n"
			       "r0 += r6\nr0 += r7\nr0 += r8\nr0 += r9\nr1 = *(u64 *)(r10 -8)\n"
			       "r0 += r1\nexit\n"
			       "f:\nr6 = 10\nr7 = 20\nr8 = 30\nr9 = 40\n*(u64 *)(r10 -8) = 99\n"
			       "call g\nr0 += r6\nexit\n"
			       "g:\nr9 = 7\nr0 = *(u64 *)(r10 -8)\n*(u64 *)(r10 -16) = 5\n"
			       "r0 = *(u64 *)(r10 -16)\nexit\n",
			       VM_DONE),
			 5 + 10 + 1 + 2 + 3 + 4 + 4);
}

static void calls_without_end(void **state)
{
	(void)state;
	agree("r1 = 1\ncall f\nexit\nf:\nr1 += 1\ncall f\nexit\n", VM_TOO_DEEP);
	agree("f:\nr1 += 1\ncall f\nexit\n", VM_TOO_DEEP);
	assert_int_equal(agree("r1 = 6\ncall f\nexit\n"
			       "f:\nr0 = r1\nif r1 == 0 goto out\nr1 -= 1\ncall f\nr0 += 1\n"
			       "out:\nexit\n",
			       VM_DONE),
			 6);
	agree("r1 = 7\ncall f\nexit\n"
	      "f:\nr0 = r1\nif r1 == 0 goto out\nr1 -= 1\ncall f\nr0 += 1\nout:\nexit\n",
	      VM_TOO_DEEP);
}

static void fuel(void **state)
{
	(void)state;
	m.opt.fuel = 1000;
	agree("r0 = 0\nagain:\nr0 += 1\ngoto again\n", VM_OUT_OF_FUEL);
	agree("r0 = 0\nagain:\nr0 += 1\nif r0 < 5000 goto again\nexit\n", VM_OUT_OF_FUEL);
	agree("r0 = 0\nagain:\nr0 += 1\nif r0 < 50 goto again\nexit\n", VM_DONE);
	agree("r6 = 0\nagain:\nr1 = r6\ncall f\nr6 += 1\nif r6 < 5000 goto again\nexit\n"
	      "f:\nr0 = r1\nr0 *= r1\nexit\n",
	      VM_OUT_OF_FUEL);
	m.opt.fuel = 0;
}

static void loops_that_may_end(void **state)
{
	(void)state;
	assert_int_equal(
		agree("r0 = 0\nagain:\nr0 += 1\nmay_goto out\ngoto again\nout:\nexit\n", VM_DONE),
		VM_MAX_LOOPS + 1);
	assert_int_equal(agree("r1 = 3\ncall f\nr6 = r0\nr1 = 4\ncall f\nr0 += r6\nexit\n"
			       "f:\nr0 = 0\nagain:\nr0 += 1\nmay_goto out\n"
			       "if r0 < r1 goto again\nout:\nexit\n",
			       VM_DONE),
			 7);
}

static void faults(void **state)
{
	static const char *const texts[] = {
		"r1 += 100000\nr0 = *(u8 *)(r1 +0)\nexit\n",
		"r0 = *(u64 *)(r1 +281)\nexit\n",
		"*(u64 *)(r1 +284) = 5\nexit\n",
		"r1 = 0\nr0 = *(u32 *)(r1 +4)\nexit\n",
		"r2 = 3\nr2 <<= 3\nr1 += r2\nr0 = *(u64 *)(r1 +280)\nexit\n",
		"r0 = *(u64 *)(r1 +0)\nr2 = r10\nr2 += -5000\n*(u8 *)(r2 +0) = 1\nexit\n",
		"r6 = r1\ncall f\nexit\nf:\nr0 = *(u8 *)(r6 -1)\nexit\n",
		("r6 = r1\ncall f\nexit\nf:\nr7 = 1\ncall g\nexit\ng:\nr8 = 2\n"
		 "r0 = *(u8 *)(r6 -1)\nexit\n"),
		"r0 = *(u64 *)(r10 +0)\nexit\n",
		"*(u64 *)(r10 -516) = 1\nexit\n",
		"r2 = 1\nlock *(u64 *)(r1 +288) += r2\nexit\n",
		"call f\nexit\nf:\nr0 = *(u64 *)(r10 +8)\nexit\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		agree(texts[i], VM_BAD_ACCESS);
	agree("r2 = 1\nlock *(u64 *)(r1 +4) += r2\nexit\n", VM_UNALIGNED);
	agree("r2 = 1\nlock *(u32 *)(r10 -6) += r2\nexit\n", VM_UNALIGNED);
	agree("r0 = load_acquire((u16 *)(r1 +1))\nexit\n", VM_UNALIGNED);
}

/* One site, many regions: the hint changes and the check still holds. */
static void windows_change(void **state)
{
	(void)state;
	agree("r6 = r1\nr7 = r10\nr7 += -8\nr8 = 0\n*(u64 *)(r10 -8) = 1\n"
	      "*(u64 *)(r1 +0) = 2\nr0 = 0\n"
	      "again:\nr2 = r6\nr6 = r7\nr7 = r2\nr3 = *(u64 *)(r2 +0)\nr0 += r3\n"
	      "*(u64 *)(r2 +0) = r0\nr8 += 1\nif r8 < 9 goto again\nexit\n",
	      VM_DONE);
}

static uint64_t five(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, struct vm *vm)
{
	(void)vm;
	return a + 2 * b + 3 * c + 4 * d + 5 * e;
}

static uint64_t unwind(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, struct vm *vm)
{
	(void)b, (void)c, (void)d, (void)e;
	if (!a)
		vm->end = VM_UNWOUND;
	return a;
}

static void helpers(void **state)
{
	(void)state;
	assert_int_equal(engine_set_helper(m.engine, 500, "five", five), 0);
	assert_int_equal(engine_set_helper(m.engine, 501, "unwind", unwind), 0);
	assert_int_equal(agree("r1 = 1\nr2 = 2\nr3 = 3\nr4 = 4\nr5 = 5\ncall 500\nexit\n", VM_DONE),
			 55);
	/* arguments are still there afterwards */
	assert_int_equal(agree("r1 = 1\nr2 = 2\nr3 = 3\nr4 = 4\nr5 = 5\nr9 = 6\ncall 500\n"
			       "r0 += r1\nr0 += r5\nr0 += r9\nexit\n",
			       VM_DONE),
			 67);
	assert_int_equal(agree("r1 = 8\ncall 501\nr0 += 1\nexit\n", VM_DONE), 9);
	agree("r1 = 0\ncall 501\nr0 += 1\nexit\n", VM_UNWOUND);
	agree("r6 = 1\ncall f\nexit\nf:\nr7 = 1\nr1 = 0\ncall 501\nexit\n", VM_UNWOUND);
}

static void callbacks(void **state)
{
	(void)state;
	assert_int_equal(agree("r6 = 11\nr1 = 10\nlddw %r2, code_addr(f)\nr3 = r10\nr3 += -8\n"
			       "*(u64 *)(r10 -8) = 0\nr4 = 0\ncall bpf_loop\n"
			       "r0 = *(u64 *)(r10 -8)\nr0 += r6\nexit\n"
			       "f:\nr6 = 5\nr3 = *(u64 *)(r2 +0)\nr3 += r1\n*(u64 *)(r2 +0) = r3\n"
			       "r0 = 0\nexit\n",
			       VM_DONE),
			 45 + 11);
	/* a bad end below a callback */
	agree("r1 = 10\nlddw %r2, code_addr(f)\nr3 = 0\nr4 = 0\ncall bpf_loop\nexit\n"
	      "f:\nr0 = *(u64 *)(r2 +0)\nexit\n",
	      VM_BAD_ACCESS);
}

static void calls_by_address(void **state)
{
	(void)state;
	assert_int_equal(agree("r6 = 3\nr1 = 4\nlddw %r2, code_addr(f)\ncallx r2\nr0 += r6\nexit\n"
			       "f:\nr6 = 9\nr0 = r1\nexit\n",
			       VM_DONE),
			 7);
	assert_int_equal(agree("r1 = 1\nr2 = 2\nr3 = 3\nr4 = 4\nr5 = 5\nr6 = 500\ncallx r6\nexit\n",
			       VM_DONE),
			 55);
	agree("r6 = 77777\ncallx r6\nexit\n", VM_BAD_HELPER);
	agree("f:\nlddw %r6, code_addr(f)\ncallx r6\nexit\n", VM_TOO_DEEP);
}

static void packet_loads(void **state)
{
	(void)state;
	assert_int_equal(agree("r6 = r1\nr0 = *(u16 *)skb[2]\nexit\n", VM_DONE), 0x0605);
	assert_int_equal(agree("r6 = r1\nr5 = 7\nr2 = 1\nr0 = *(u8 *)skb[r2 + 2]\nr0 += r5\nexit\n",
			       VM_DONE),
			 5 + 7);
	assert_int_equal(agree("r6 = r1\nr0 = *(u32 *)skb[5000]\nr0 = 9\nexit\n", VM_DONE), 0);
}

/* What is folded into what must not be read elsewhere, and sums of 32 bits are cut to 32 bits. */
static void folds_with_care(void **state)
{
	(void)state;
	/* an index that is shifted out of its 32 bits; of the context's second word */
	assert_int_equal(agree("w2 = -2147483647\nw3 = w2\nw3 <<= 3\nr1 += r3\n"
			       "r0 = *(u64 *)(r1 +0)\nexit\n",
			       VM_DONE),
			 0x0102030405060708 * 2);
	assert_int_equal(agree("r2 = -8\nw3 = w2\nw3 += 16\nr1 += r3\n"
			       "r0 = *(u64 *)(r1 +0)\nexit\n",
			       VM_DONE),
			 0x0102030405060708 * 2);
	/* half of a rotation is read where a branch leads before it is one */
	for (int taken = 0; taken < 2; taken++) {
		char text[300];

		snprintf(text, sizeof(text),
			 "r4 = %d\nw2 = 0x12345678\nw3 = w2\nw3 <<= 4\nw2 >>= 28\n"
			 "if r4 != 0 goto other\nw3 |= w2\nr0 = r3\nexit\n"
			 "other:\nr0 = r2\nexit\n",
			 taken);
		assert_int_equal(agree(text, VM_DONE), taken ? 1 : 0x23456781);
	}
	/* or after it */
	assert_int_equal(agree("w2 = 0x12345678\nw3 = w2\nw3 <<= 4\nw2 >>= 28\nw3 |= w2\n"
			       "r0 = r3\nr0 += r2\nexit\n",
			       VM_DONE),
			 0x23456781 + 1);
}

/* Helpers that are inlined do what they do when called; the second map lookup's key is no
 * constant place in the frame. */
static void inlined_helpers(void **state)
{
	const struct map_def def = {
		.type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 12, .max_entries = 5
	};
	char text[512];
	struct map *map;

	(void)state;
	assert_int_equal(map_new(&def, &map), 0);
	for (uint32_t i = 0; i < def.max_entries; i++) {
		uint32_t value[3] = { 100 + i, 0, i };

		assert_int_equal(map_user_update(map, &i, value, 0), 0);
	}
	int number = engine_add_map(m.engine, map);
	for (int key = -1; key < 7; key++) {
		snprintf(text, sizeof(text),
			 "r7 = r1\nr6 = 9\n*(u32 *)(r10 -4) = %d\nr2 = r10\nr2 += -4\n"
			 "lddw %%r1, map_by_fd(%d)\ncall bpf_map_lookup_elem\n"
			 "if r0 == 0 goto out\nr6 = *(u32 *)(r0 +0)\n"
			 "*(u32 *)(r7 +0) = %d\nr2 = r7\nlddw %%r1, map_by_fd(%d)\n"
			 "call bpf_map_lookup_elem\nif r0 == 0 goto out\nr0 = *(u32 *)(r0 +8)\n"
			 "r6 += r0\nout:\nr0 = r6\nexit\n",
			 key, number, key, number);
		assert_int_equal(agree(text, VM_DONE), key < 0 || key > 4 ? 9 : 100 + 2 * key);
	}
	m.vm.cpu = 3;
	assert_int_equal(agree("call bpf_get_smp_processor_id\nr0 += 1\nexit\n", VM_DONE), 4);
	m.vm.cpu = 0;
	map_put(map);
}

/* Functions that run into each other have no frames of their own: they are interpreted. */
static void functions_that_overlap(void **state)
{
	static const char *const texts[] = {
		"r1 = 1\nr0 = 3\nif r1 == 2 goto f\ncall f\nf:\nr0 += 4\nexit\n",
		"call f\nif r0 == 4 goto in\nexit\nf:\nr0 = 4\nin:\nr0 += 1\nexit\n",
	};

	(void)state;
	m.opt.no_jit = false;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct vm_prog *p = assemble(&m, texts[i]);

		assert_non_null(p);
		assert_false(vm_prog_is_compiled(p));
		assert_int_equal(run(&m, p, NULL, 0), i ? 5 : 11);
		vm_prog_free(p);
	}
}

/* Code is never writable and executable at once. */
static void pages_are_not_both(void **state)
{
	struct vm_prog *p;
	char line[512];
	unsigned maps = 0;
	size_t size;
	FILE *f;

	(void)state;
	m.opt.no_jit = false;
	p = assemble(&m, "r0 = 1\nexit\n");
	assert_true(vm_prog_is_compiled(p));
	const char *code = jit_code(p, &size);
	assert_non_null(code);
	f = fopen("/proc/self/maps", "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		unsigned long from, to;
		char rights[8];

		if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) != 3)
			continue;
		assert_false(rights[1] == 'w' && rights[2] == 'x');
		if ((unsigned long)code >= from && (unsigned long)code < to) {
			assert_true(rights[0] == 'r' && rights[1] == '-' && rights[2] == 'x');
			maps++;
		}
	}
	fclose(f);
	assert_int_equal(maps, 1);
	vm_prog_free(p);
}

/* Immediates of a blinded program do not stand in its code. */
static void blinding_hides(void **state)
{
	static const uint32_t secret = 0x5ec4e755;
	const struct insn prog[] = {
		insn_make(INSN_MOV64_K, 0, 0, 0, (int32_t)secret),
		insn_make(INSN_ADD64_K, 0, 0, 0, (int32_t)secret),
		insn_make(INSN_JEQ64_K, 0, 0, 1, (int32_t)secret),
		insn_make(INSN_STORE32_K, 10, 0, -8, (int32_t)secret),
		insn_make(INSN_IMM64, 0, 0, 0, (int32_t)secret),
		insn_make_half((int32_t)secret),
		insn_make(INSN_EXIT, 0, 0, 0, 0),
	};

	(void)state;
	for (int blind = 0; blind < 2; blind++) {
		const struct jit_options opt = { .blind = blind, .features = jit_features() };
		struct vm_prog *p;
		size_t size;

		m.opt.no_jit = true;
		p = make(&m, prog, ARRAY_LEN(prog));
		assert_non_null(p);
		assert_int_equal(jit_compile(p, &opt), 0);
		const void *code = jit_code(p, &size);
		const void *found = memmem(code, size, &secret, sizeof(secret));
#if defined(__x86_64__)
		assert_true(blind || found); /* that this test would see it */
#endif
		assert_true(!blind || !found);
		assert_int_equal(run(&m, p, NULL, 0), (uint64_t)secret << 32 | secret);
		vm_prog_free(p);
	}
}

/* A jump over more code than a short one reaches, either way, and a thousand calls. */
static void long_programs(void **state)
{
	enum { N = 40000 };
	static struct insn prog[N + 20];
	struct dump d = { 0 };
	struct versions v;
	uint32_t n = 0;

	(void)state;
	prog[n++] = insn_make(INSN_MOV64_K, 0, 0, 0, 0);
	prog[n++] = insn_make(INSN_MOV64_K, 2, 0, 0, 0);
	prog[n++] = insn_make(INSN_ADD64_K, 2, 0, 0, 1);
	prog[n++] = insn_make(INSN_JEQ64_K, 2, 0, N / 2 + 100 - 4, 2);
	for (; n < N / 2; n++)
		prog[n] = insn_make(INSN_ADD64_K, 0, 0, 0, (int32_t)n);
	while (n < N / 2 + 200)
		prog[n++] = insn_make(INSN_LOAD64, 3, 1, 8, 0);
	prog[n] = insn_make(INSN_JLT64_K, 2, 0, 2 - (int)n - 1, 3);
	n++;
	for (; n < N; n++)
		prog[n] = insn_make(INSN_XOR64_K, 0, 0, 0, (int32_t)n);
	prog[n++] = insn_make(INSN_EXIT, 0, 0, 0, 0);
	versions_make(&m, &v, prog, n);
	assert_int_equal(versions_agree(&m, &v, &d, "long"), VM_DONE);
	versions_free(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls),
		cmocka_unit_test(calls_without_end),
		cmocka_unit_test(fuel),
		cmocka_unit_test(loops_that_may_end),
		cmocka_unit_test(faults),
		cmocka_unit_test(windows_change),
		cmocka_unit_test(helpers),
		cmocka_unit_test(callbacks),
		cmocka_unit_test(calls_by_address),
		cmocka_unit_test(packet_loads),
		cmocka_unit_test(folds_with_care),
		cmocka_unit_test(inlined_helpers),
		cmocka_unit_test(functions_that_overlap),
		cmocka_unit_test(pages_are_not_both),
		cmocka_unit_test(blinding_hides),
		cmocka_unit_test(long_programs),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
