/*
 * Where programs go: calls, callbacks, tail calls, loops and their limits, packet loads, and
 * what is refused before it runs.
 */
#include <errno.h>

#include "engine/map.h"
#include "engine_testing.h"

/* ---- calls ---- */

static void calls_keep_r6_to_r9(void **state)
{
	struct machine m;

	(void)state;
	machine_init(&m, NULL);
	assert_int_equal(run_text(&m,
				  "r6 = 1\nr7 = 2\nr8 = 3\nr9 = 4\nr1 = 10\ncall f\n"
				  "r0 += r6\nr0 += r7\nr0 += r8\nr0 += r9\nexit\n"
				  ".func f\nr6 = 100\nr7 = 100\nr8 = 100\nr9 = 100\nr0 = r1\nexit",
				  NULL, 0),
			 20);
	assert_ends(&m, VM_DONE);
	machine_done(&m);
}

/* The main program is the first of 8 frames. */
static void frames_are_eight(void **state)
{
	const char *text = "call f\nexit\n.func f\nif r1 == 0 goto out\nr1 += -1\ncall f\n"
			   "out:\nr0 = 7\nexit";
	struct machine m;
	struct vm_prog *p;

	(void)state;
	machine_init(&m, NULL);
	p = assemble(&m, text);
	assert_int_equal(run(&m, p, (void *)6, 0), 7);
	assert_ends(&m, VM_DONE);
	run(&m, p, (void *)7, 0);
	assert_ends(&m, VM_TOO_DEEP);
	assert_string_equal(m.why.data,
			    "instruction 4 (call pc-3) nested more than 8 function calls");
	/* and afterwards all is as before */
	assert_int_equal(run(&m, p, (void *)6, 0), 7);
	assert_ends(&m, VM_DONE);
	vm_prog_free(p);
	machine_done(&m);
}

static void callx_takes_functions_and_helper_ids(void **state)
{
	struct machine m;

	(void)state;
	machine_init(&m, NULL);
	assert_int_equal(run_text(&m,
				  "r0 = 1\nlddw %r3, code_addr(+3)\ncallx %r3\nexit\n"
				  ".func f\nr0 += 41\nexit",
				  NULL, 0),
			 41 + 1);
	m.vm.cpu = 3;
	assert_int_equal(run_text(&m, "r2 = 8\ncallx %r2\nexit", NULL, 0), 3);
	run_text(&m, "r2 = 100000\ncallx %r2\nexit", NULL, 0);
	assert_ends(&m, VM_BAD_HELPER);
	/* an instruction of the program that is no function's first */
	run_text(&m, "lddw %r2, code_addr(+4)\nr2 += 1\ncallx %r2\nexit\n.func f\nr0 = 0\nexit",
		 NULL, 0);
	assert_ends(&m, VM_BAD_HELPER);
	assert_int_equal(m.vm.insn, 3);
	machine_done(&m);
}

static void long_jumps(void **state)
{
	struct machine m;

	(void)state;
	machine_init(&m, NULL);
	assert_int_equal(run_text(&m, "gotol b\na:\nr0 += 1\nexit\nb:\nr0 = 4\ngotol a", NULL, 0),
			 5);
	machine_done(&m);
}

/* ---- callbacks ---- */

static void bpf_loop(void **state)
{
	/* adds i to *context, stops at the i that the context's second word says */
	const char *text = "r6 = r1\nr3 = r1\nr1 = *(u32 *)(r6 +16)\nlddw %r2, code_addr(f)\n"
			   "r4 = *(u64 *)(r6 +24)\ncall bpf_loop\nexit\n"
			   ".func f\nr3 = *(u64 *)(r2 +0)\nr3 += r1\n*(u64 *)(r2 +0) = r3\n"
			   "r4 = *(u64 *)(r2 +8)\nr0 = 0\nif r1 != r4 goto out\nr0 = 1\nout:\nexit";
	struct machine m;
	struct vm_prog *p;
	uint64_t context[4] = { 0, 1000, 10, 0 };

	(void)state;
	machine_init(&m, NULL);
	p = assemble(&m, text);
	assert_int_equal(run(&m, p, context, sizeof(context)), 10);
	assert_int_equal(context[0], 45);
	context[0] = 0, context[1] = 3;
	assert_int_equal(run(&m, p, context, sizeof(context)), 4);
	assert_int_equal(context[0], 6);
	context[2] = (1 << 23) + 1;
	assert_int_equal(run(&m, p, context, sizeof(context)), (uint32_t)-E2BIG);
	context[2] = 1, context[3] = 1;
	assert_int_equal((int64_t)run(&m, p, context, sizeof(context)), -EINVAL);
	assert_ends(&m, VM_DONE);
	vm_prog_free(p);
	machine_done(&m);
}

/* What goes wrong in a callback ends the whole run, at the callback's instruction. */
static void faults_in_callbacks(void **state)
{
	struct machine m;

	(void)state;
	machine_init(&m, NULL);
	run_text(&m,
		 "r1 = 5\nlddw %r2, code_addr(f)\nr4 = 0\ncall bpf_loop\nr0 = 1\nexit\n"
		 ".func f\nr0 = *(u64 *)(r1 +0)\nexit",
		 NULL, 0);
	assert_ends(&m, VM_BAD_ACCESS);
	assert_int_equal(m.vm.insn, 7);
	run_text(&m, "r1 = 5\nr2 = 77\nr4 = 0\ncall bpf_loop\nexit", NULL, 0);
	assert_ends(&m, VM_BAD_HELPER);
	assert_int_equal(m.vm.insn, 3);
	machine_done(&m);
}

static void callbacks_nest_no_deeper_than_calls(void **state)
{
	struct machine m;

	(void)state;
	machine_init(&m, NULL);
	run_text(&m,
		 "call f\nexit\n.func f\nr1 = 1\nlddw %r2, code_addr(f)\nr4 = 0\n"
		 "call bpf_loop\nexit",
		 NULL, 0);
	assert_ends(&m, VM_TOO_DEEP);
	machine_done(&m);
}

/* ---- fuel ---- */

static void fuel_counts_instructions_of_loops(void **state)
{
	struct machine m;
	struct vm_prog *p;

	(void)state;
	machine_init(&m, NULL);
	m.opt.fuel = 3 * 99; /* 100 rounds of 3 instructions: 99 jumps back */
	p = assemble(&m,
		     "r0 = 100\nr1 = 0\nagain:\nr1 += 1\nr0 += -1\nif r0 != 0 goto again\nexit");
	run(&m, p, NULL, 0);
	assert_ends(&m, VM_DONE);
	vm_prog_free(p);
	m.opt.fuel--;
	p = assemble(&m,
		     "r0 = 100\nr1 = 0\nagain:\nr1 += 1\nr0 += -1\nif r0 != 0 goto again\nexit");
	run(&m, p, NULL, 0);
	assert_ends(&m, VM_OUT_OF_FUEL);
	assert_int_equal(m.vm.insn, 4);
	vm_prog_free(p);
	machine_done(&m);
}

static void nothing_runs_for_ever(void **state)
{
	const char *const endless[] = {
		"a:\ngoto a",
		"a:\nif r0 == 0 goto a\nexit",
		"a:\ngotol a",
		"call f\nexit\n.func f\nb:\ngoto b",
		/* a callback of nothing, in loops in loops */
		"r1 = 8388608\nlddw %r2, code_addr(f)\nr4 = 0\ncall bpf_loop\nexit\n"
		".func f\nr1 = 8388608\nlddw %r2, code_addr(g)\nr4 = 0\ncall bpf_loop\nr0 = "
		"0\nexit\n"
		".func g\nr0 = 0\nexit",
	};
	struct machine m;

	(void)state;
	machine_init(&m, NULL);
	m.opt.fuel = 100000;
	for (size_t i = 0; i < ARRAY_LEN(endless); i++) {
		run_text(&m, endless[i], NULL, 0);
		assert_ends(&m, VM_OUT_OF_FUEL);
	}
	machine_done(&m);
}

static void may_goto_ends_after_the_kernels_count(void **state)
{
	struct machine m;

	(void)state;
	machine_init(&m, NULL);
	assert_int_equal(
		run_text(&m, "again:\nmay_goto out\nr0 += 1\ngoto again\nout:\nexit", NULL, 0),
		1 << 23);
	/* each call of a function counts anew */
	assert_int_equal(run_text(&m,
				  "call f\nr6 = r0\ncall f\nr0 += r6\nexit\n.func f\nr0 = 0\n"
				  "again:\nmay_goto out\nr0 += 1\ngoto again\nout:\nexit",
				  NULL, 0),
			 2 << 23);
	machine_done(&m);
}

/* ---- tail calls ---- */

static struct map *prog_array(struct machine *m, uint32_t n)
{
	const struct map_def def = {
		.type = BPF_MAP_TYPE_PROG_ARRAY, .key_size = 4, .value_size = 4, .max_entries = n
	};
	struct map *map;

	assert_int_equal(map_new(&def, &map), 0);
	assert_int_equal(engine_add_map(m->engine, map), 0);
	map_put(map);
	return map;
}

static void set_prog(struct map *map, uint32_t index, struct vm_prog *p)
{
	assert_int_equal(map_object_set(map, &index, p, 0), 0);
}

#define TAIL_CALL(index) "r2 = map[fd:0]\nr3 = " #index "\ncall bpf_tail_call\n"

/* The context arrives; registers, stack and the way back are lost. */
static void tail_calls_lose_registers_and_stack(void **state)
{
	struct machine m;
	struct map *map;
	struct vm_prog *from, *to;
	uint64_t context[2] = { 40, 0 };

	(void)state;
	machine_init(&m, NULL);
	map = prog_array(&m, 2);
	from = assemble(
		&m,
		"r6 = 1\nr9 = 1\nr0 = 1\n*(u64 *)(r10 -8) = 1\n*(u64 *)(r10 -512) = 1\n" TAIL_CALL(
			1) "r0 = 99\nexit");
	to = assemble(&m,
		      "r0 += r6\nr0 += r9\nr2 = *(u64 *)(r10 -8)\nr0 += r2\n"
		      "r2 = *(u64 *)(r10 -512)\nr0 += r2\nr2 = *(u64 *)(r1 +0)\nr0 += r2\nexit");
	set_prog(map, 1, to);
	assert_int_equal(run(&m, from, context, sizeof(context)), 40);
	assert_ends(&m, VM_DONE);
	vm_prog_free(from);
	vm_prog_free(to);
	machine_done(&m);
}

/* An absent program, an index outside: the call fails and the program goes on. */
static void tail_calls_that_fail_go_on(void **state)
{
	struct machine m;
	struct vm_prog *p;

	(void)state;
	machine_init(&m, NULL);
	prog_array(&m, 2);
	p = assemble(&m, TAIL_CALL(1) "r6 = r0\n" TAIL_CALL(7) "r0 += r6\nexit");
	assert_true((int64_t)run(&m, p, NULL, 0) < 0);
	assert_ends(&m, VM_DONE);
	vm_prog_free(p);
	machine_done(&m);
}

static void tail_calls_are_33_at_most(void **state)
{
	struct machine m;
	struct map *map;
	struct vm_prog *p;
	uint64_t count = 0;

	(void)state;
	machine_init(&m, NULL);
	map = prog_array(&m, 1);
	p = assemble(&m, "r2 = *(u64 *)(r1 +0)\nr2 += 1\n*(u64 *)(r1 +0) = r2\n" TAIL_CALL(
				 0) "r0 = 5\nexit");
	set_prog(map, 0, p);
	assert_int_equal(run(&m, p, &count, sizeof(count)), 5);
	assert_ends(&m, VM_DONE);
	assert_int_equal(count, 34);
	vm_prog_free(p);
	machine_done(&m);
}

/* From a function: that function's caller goes on after the other program's exit. */
static void tail_calls_from_functions_return_to_the_caller(void **state)
{
	struct machine m;
	struct map *map;
	struct vm_prog *from, *to;

	(void)state;
	machine_init(&m, NULL);
	map = prog_array(&m, 1);
	from = assemble(&m, "r6 = 1\ncall f\nr0 += r6\nr1 = *(u64 *)(r10 -8)\nr0 += r1\nexit\n"
			    ".func f\n" TAIL_CALL(0) "r0 = 99\nexit");
	to = assemble(&m, "r6 = 50\n*(u64 *)(r10 -8) = 7\nr0 = 20\nexit");
	set_prog(map, 0, to);
	assert_int_equal(run(&m, from, NULL, 0), 21);
	assert_ends(&m, VM_DONE);
	vm_prog_free(from);
	vm_prog_free(to);
	machine_done(&m);
}

static void what_is_no_prog_array_ends_the_run(void **state)
{
	struct machine m;

	(void)state;
	machine_init(&m, NULL);
	run_text(&m, "r2 = 1\nr3 = 0\ncall bpf_tail_call\nexit", NULL, 0);
	assert_ends(&m, VM_BAD_ARGUMENT);
	machine_done(&m);
}

/* ---- packet loads ---- */

static void packet_loads(void **state)
{
	const uint8_t packet[] = { 0xff, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x87 };
	struct machine m;

	(void)state;
	machine_init(&m, NULL);
#define LOADS(text) run_text(&m, "r6 = r1\n" text "\nexit", (void *)packet, sizeof(packet))
	assert_int_equal(LOADS("r0 = *(u8 *)skb[7]"), 0x87);
	assert_int_equal(LOADS("r0 = *(u16 *)skb[0]"), 0xff01);
	assert_int_equal(LOADS("r0 = *(u32 *)skb[4]"), 0x04050687);
	assert_int_equal(LOADS("r2 = 2\nr0 = *(u16 *)skb[r2 + 1]"), 0x0304);
	assert_int_equal(LOADS("r2 = -1\nr0 = *(u8 *)skb[r2 + 1]"), 0xff);
	/* behind the end: the program is over, with 0 */
	assert_int_equal(LOADS("r0 = 5\nr0 = *(u32 *)skb[5]\nr0 = 6"), 0);
	assert_ends(&m, VM_DONE);
	assert_int_equal(LOADS("r0 = *(u8 *)skb[8]\nr0 = 6"), 0);
	assert_int_equal(LOADS("r0 = *(u8 *)skb[-1]\nr0 = 6"), 0);
	assert_int_equal(LOADS("r2 = -9\nr0 = *(u8 *)skb[r2 + 1]\nr0 = 6"), 0);
	/* by its headers: SKF_LL_OFF, SKF_NET_OFF */
	m.vm.packet = (struct vm_packet){ packet, 4, sizeof(packet), 6, 1 };
	assert_int_equal(LOADS("r0 = *(u8 *)skb[0]"), 0x04);
	assert_int_equal(LOADS("r0 = *(u8 *)skb[-2097152]"), 0x01);
	assert_int_equal(LOADS("r0 = *(u16 *)skb[-1048576]"), 0x0687);
	assert_int_equal(LOADS("r0 = *(u16 *)skb[-1048575]\nr0 = 6"), 0);
	assert_int_equal(LOADS("r0 = *(u8 *)skb[-2097153]\nr0 = 6"), 0);
	machine_done(&m);
}

/* ---- what is refused ---- */

static void refused(struct machine *m, const char *text, int err, const char *why)
{
	struct vm_prog *p = assemble(m, text);

	assert_null(p);
	assert_int_equal(m->err, err);
	if (!m->why.data || !strstr(m->why.data, why))
		fail_msg("refused with \"%s\", not \"%s\"", m->why.data, why);
}

static void what_cannot_run_is_refused_by_name(void **state)
{
	struct machine m;

	(void)state;
	machine_init(&m, NULL);
	refused(&m, "r0 = 0", -EINVAL, "run past the last");
	refused(&m, "goto +5\nexit", -EINVAL, "instruction 0: the target 6 is outside");
	refused(&m, "r0 = 0\ncall bpf_redirect_neigh\nexit", -EOPNOTSUPP,
		"instruction 1: the helper bpf_redirect_neigh has no meaning");
	refused(&m, "call 5000\nexit", -EINVAL, "no helper 5000");
	refused(&m, "r1 = map[fd:3]\nexit", -ENOENT, "no map 3; the engine has 0");
	refused(&m, "lddw %r1, var_addr(7, 0)\nexit", -EOPNOTSUPP, "BTF id 7");
	refused(&m, "call kfunc 9\nexit", -EOPNOTSUPP, "BTF id 9");
	refused(&m, "r1 = addr_space_cast(r2, 1, 0)\nexit", -EINVAL, "use an arena");
	refused(&m, ".byte 0xff, 0, 0, 0, 0, 0, 0, 0\nexit", -EINVAL, "opcode 0xff");
	assert_null(make(&m, NULL, 0));
	machine_done(&m);
}

static void relocations(void **state)
{
	struct machine m;
	struct insn insns[] = { insn_make(INSN_IMM64, 0, 0, 0, 0), insn_make_half(0),
				insn_make(INSN_ADD64_K, 0, 0, 0, 0),
				insn_make(INSN_EXIT, 0, 0, 0, 0) };
	struct reloc relocs[] = { { .insn = 0, .kind = RELOC_PARAM, .index = PARAM_PIDNS_INO },
				  { .insn = 2, .kind = RELOC_PARAM, .index = PARAM_COOKIE } };
	const struct image_prog image = { .insns = { insns, 4, 4 }, .relocs = { relocs, 2, 2 } };
	struct vm_prog *p;

	(void)state;
	machine_init(&m, NULL);
	m.engine->params[PARAM_PIDNS_INO] = 0x100000000;
	m.engine->params[PARAM_COOKIE] = 7;
	assert_int_equal(vm_prog_new(m.engine, &image, &m.opt, &p, &m.why), 0);
	assert_true(run(&m, p, NULL, 0) == 0x100000007);
	vm_prog_free(p);
	relocs[1] = (struct reloc){ .insn = 0, .kind = RELOC_KSYM, .name = "jiffies" };
	assert_int_equal(vm_prog_new(m.engine, &image, &m.opt, &p, &m.why), -ENOENT);
	relocs[1] = (struct reloc){ .insn = 4, .kind = RELOC_MAP };
	assert_int_equal(vm_prog_new(m.engine, &image, &m.opt, &p, &m.why), -EINVAL);
	relocs[1] = (struct reloc){ .insn = 2, .kind = RELOC_MAP };
	assert_int_equal(vm_prog_new(m.engine, &image, &m.opt, &p, &m.why), -EINVAL);
	relocs[1] = (struct reloc){ .insn = 0, .kind = RELOC_MAP, .index = 1 };
	assert_int_equal(vm_prog_new(m.engine, &image, &m.opt, &p, &m.why), -EINVAL);
	machine_done(&m);
}

/* ---- own helpers, tracing ---- */

static uint64_t unwind(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, struct vm *vm)
{
	(void)b, (void)c, (void)d, (void)e;
	vm->end = VM_UNWOUND;
	return a;
}

static void helpers_of_ones_own(void **state)
{
	struct machine m;

	(void)state;
	machine_init(&m, NULL);
	assert_int_equal(engine_set_helper(m.engine, 1000, "unwind", unwind), 0);
	assert_int_equal(engine_set_helper(m.engine, 1 << 16, "far", unwind), -EINVAL);
	assert_int_equal(run_text(&m, "r1 = 6\ncall 1000\nr0 = 1\nexit", NULL, 0), 6);
	assert_ends(&m, VM_UNWOUND);
	refused(&m, "call 999\nexit", -EINVAL, "no helper 999");
	assert_int_equal(engine_set_helper(m.engine, 1000, NULL, NULL), 0);
	refused(&m, "call 1000\nexit", -EINVAL, "no helper 1000");
	machine_done(&m);
}

/* Collects the instructions that a run steps through. */
static void step(struct vm *vm, const struct op *op, const uint64_t *registers)
{
	struct buf *out = vm->step_ctx;

	buf_printf(out, "%u:%llu ", op->insn, (unsigned long long)registers[0]);
}

static void steps_are_told_with_registers(void **state)
{
	struct machine m;
	struct buf out = { 0 };

	(void)state;
	machine_init(&m, NULL);
	m.opt.trace = true;
	m.vm.step = step;
	m.vm.step_ctx = &out;
	assert_int_equal(run_text(&m, "r0 = 3 ll\na:\nr0 += -1\nif r0 > 1 goto a\nexit", NULL, 0),
			 1);
	assert_string_equal(out.data, "0:0 2:3 3:2 2:2 3:1 4:1 ");
	buf_done(&out);
	machine_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_keep_r6_to_r9),
		cmocka_unit_test(frames_are_eight),
		cmocka_unit_test(callx_takes_functions_and_helper_ids),
		cmocka_unit_test(long_jumps),
		cmocka_unit_test(bpf_loop),
		cmocka_unit_test(faults_in_callbacks),
		cmocka_unit_test(callbacks_nest_no_deeper_than_calls),
		cmocka_unit_test(fuel_counts_instructions_of_loops),
		cmocka_unit_test(nothing_runs_for_ever),
		cmocka_unit_test(may_goto_ends_after_the_kernels_count),
		cmocka_unit_test(tail_calls_lose_registers_and_stack),
		cmocka_unit_test(tail_calls_that_fail_go_on),
		cmocka_unit_test(tail_calls_are_33_at_most),
		cmocka_unit_test(tail_calls_from_functions_return_to_the_caller),
		cmocka_unit_test(what_is_no_prog_array_ends_the_run),
		cmocka_unit_test(packet_loads),
		cmocka_unit_test(what_cannot_run_is_refused_by_name),
		cmocka_unit_test(relocations),
		cmocka_unit_test(helpers_of_ones_own),
		cmocka_unit_test(steps_are_told_with_registers),
	};

	return run_both_ways(tests);
}
