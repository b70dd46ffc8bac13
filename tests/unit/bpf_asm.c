/* Assembler and disassembler: both text forms, there and back, and what is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/asm.h"
#include "bpf/disasm.h"
#include "bpf/form.h"

/* One assembly and all that hangs on it. */
struct fixture {
	struct arena arena;
	jmp_buf no_memory;
	struct sources sources;
	struct diags diags;
	struct asm_prog prog;
	int err;
};

static void assemble(struct fixture *x, const char *text)
{
	memset(x, 0, sizeof(*x));
	arena_init(&x->arena, &x->no_memory);
	x->sources.arena = &x->arena;
	diags_init(&x->diags, &x->arena, &x->sources);
	x->err = asm_parse(&x->prog, sources_add(&x->sources, "t.s", text, strlen(text)),
			   &x->diags);
}

static void done(struct fixture *x)
{
	arena_done(&x->arena);
}

static void assert_text(const struct insn *insns, size_t n, enum disasm_form form, const char *text)
{
	struct disasm d = { .form = form };
	struct buf out = { 0 };

	for (size_t at = 0; at < n; buf_putc(&out, at < n ? '\n' : 0))
		at += disasm_insn(&out, insns, n, at, &d);
	assert_int_equal(out.err, 0);
	assert_string_equal(out.data, text);
	buf_done(&out);
}

/* ---- bytes to text to bytes ---- */

static void there_and_back(const struct insn *slots, size_t n, enum disasm_form form)
{
	struct disasm d = { .form = form };
	struct buf text = { 0 };
	struct fixture x;

	assert_int_equal(disasm_insn(&text, slots, n, 0, &d), n);
	assemble(&x, text.data);
	if (x.err)
		fail_msg("%s: %s", text.data, x.diags.first->text);
	assert_int_equal(x.prog.insns.n, n);
	if (memcmp(x.prog.insns.v, slots, n * sizeof(*slots)))
		fail_msg("%s", text.data);
	buf_done(&text);
	done(&x);
}

static const int32_t edges[] = { 0, 1, -1, 5, INT32_MAX, INT32_MIN, 0x1234, -32768 };

static void every_form_with_edge_operands_comes_back(void **state)
{
	static const uint8_t regs[][2] = { { 0, 10 }, { 9, 0 }, { 1, 9 }, { 4, 4 } };

	(void)state;
	for (unsigned id = 1; id < INSN_COUNT; id++) {
		const struct insn_form *f = &insn_forms[id];
		bool pair = f->imm & (RULE_IMM64 | RULE_PAIR);

		if (f->group == GROUP_INTERNAL)
			continue;
		for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
			const uint8_t *r = regs[i % ARRAY_LEN(regs)];
			unsigned src = r[1] == 10 && (f->src & RULE_WRITE) ? 3 : r[1];
			struct insn slots[2] = {
				insn_make(id, r[0], src, (int16_t)edges[i], edges[i]),
				insn_make_half(pair ? edges[ARRAY_LEN(edges) - 1 - i] : 0),
			};
			size_t n = insn_is_wide(&slots[0]) ? 2 : 1;

			if (f->imm == RULE_SPACES)
				slots[0].imm = i % 2 ? 1 : 1 << 16;
			there_and_back(slots, n, DISASM_KERNEL);
			there_and_back(slots, n, DISASM_RFC);
		}
	}
}

static void what_is_no_instruction_comes_back_as_bytes(void **state)
{
	struct insn odd[] = {
		{ .opcode = 0xff, .dst = 1, .src = 2, .offset = 3, .imm = 4 },
		{ .opcode = 0x07, .dst = 1, .src = 2, .offset = 3, .imm = -4 },
		{ .opcode = 0x18, .src = 9, .imm = 4 },
		{ .opcode = 0x18 }, /* the second slot is missing */
	};
	struct buf text = { 0 };
	struct fixture x;

	(void)state;
	disasm_prog(&text, odd, ARRAY_LEN(odd), NULL);
	assemble(&x, text.data);
	assert_int_equal(x.err, 0);
	assert_int_equal(x.prog.insns.n, ARRAY_LEN(odd));
	assert_memory_equal(x.prog.insns.v, odd, sizeof(odd));
	buf_done(&text);
	done(&x);
}

static void all_opcodes_with_any_fields_can_be_listed(void **state)
{
	uint64_t random = 42;
	struct buf out = { 0 };

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		struct insn slots[2];

		for (unsigned k = 0; k < 2; k++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			memcpy(&slots[k], &random, sizeof(random));
			slots[k].opcode = (uint8_t)(k ? slots[k].opcode & 0x10 : i);
		}
		buf_clear(&out);
		disasm_prog(&out, slots, 2, NULL);
		assert_int_equal(out.err, 0);
		assert_true(out.len > 10);
	}
	buf_done(&out);
}

/* ---- the texts themselves ---- */

static void texts_are_the_usual_ones(void **state)
{
	static const struct {
		struct insn insn;
		const char *kernel, *mnemonic;
	} rows[] = {
		{ { 0x07, 1, 0, 0, -1 }, "r1 += -1", "add %r1, -1" },
		{ { 0x04, 1, 0, 0, 5 }, "w1 += 5", "add32 %r1, 5" },
		{ { 0xbc, 3, 4, 0, 0 }, "w3 = w4", "mov32 %r3, %r4" },
		{ { 0xbf, 1, 2, 8, 0 }, "r1 = (s8)r2", "movsx864 %r1, %r2" },
		{ { 0xd7, 1, 0, 0, 64 }, "r1 = bswap64 r1", "bswap64 %r1" },
		{ { 0x79, 1, 2, 8, 0 }, "r1 = *(u64 *)(r2 +8)", "ldxdw %r1, [%r2+8]" },
		{ { 0x61, 1, 10, -4, 0 }, "r1 = *(u32 *)(r10 -4)", "ldxw %r1, [%r10-4]" },
		{ { 0x71, 1, 2, 0, 0 }, "r1 = *(u8 *)(r2 +0)", "ldxb %r1, [%r2]" },
		{ { 0x7a, 10, 0, -8, 7 }, "*(u64 *)(r10 -8) = 7", "stdw [%r10-8], 7" },
		{ { 0x65, 1, 0, 3, 5 }, "if r1 s> 0x5 goto pc+3", "jsgt %r1, 5, +3" },
		{ { 0x1d, 1, 2, 3, 0 }, "if r1 == r2 goto pc+3", "jeq %r1, %r2, +3" },
		{ { 0x56, 1, 0, -2, -1 }, "if w1 != 0xffffffff goto pc-2", "jne32 %r1, -1, -2" },
		{ { 0xdb, 1, 2, 0, 0 }, "lock *(u64 *)(r1 +0) += r2", "lock add [%r1], %r2" },
		{ { 0xdb, 1, 0, 0, 1 },
		  "r0 = atomic64_fetch_add((u64 *)(r1 +0), r0)",
		  "lock fetch_add [%r1], %r0" },
		{ { 0xc3, 1, 2, 8, 0xf1 },
		  "r0 = atomic_cmpxchg((u32 *)(r1 +8), r0, r2)",
		  "lock cmpxchg32 [%r1+8], %r2" },
		{ { 0xd3, 1, 2, 8, 0x100 },
		  "r1 = load_acquire((u8 *)(r2 +8))",
		  "ldacqb %r1, [%r2+8]" },
		{ { 0xdb, 1, 2, 8, 0x110 },
		  "store_release((u64 *)(r1 +8), r2)",
		  "streldw [%r1+8], %r2" },
		{ { 0x85, 0, 0, 0, 1 }, "call bpf_map_lookup_elem#1", "call 1" },
		{ { 0x85, 0, 0, 0, 999 }, "call unknown#999", "call 999" },
		{ { 0x85, 0, 1, 0, 5 }, "call pc+5", "call local +5" },
		{ { 0x85, 0, 2, 0, 5 }, "call kfunc#5", "call kfunc 5" },
		{ { 0x05, 0, 0, -7, 0 }, "goto pc-7", "ja -7" },
		{ { 0x06, 0, 0, 0, 70000 }, "gotol pc+70000", "ja32 +70000" },
		{ { 0xe5, 0, 0, 2, 0 }, "may_goto pc+2", "may_goto +2" },
		{ { 0xbf, 1, 2, 1, 1 << 16 },
		  "r1 = addr_space_cast(r2, 1, 0)",
		  "addr_space_cast %r1, %r2, 1, 0" },
		{ { 0x30, 0, 0, 0, 14 }, "r0 = *(u8 *)skb[14]", "ldabsb 14" },
		{ { 0x48, 0, 7, 0, -2 }, "r0 = *(u16 *)skb[r7 + -2]", "ldindh %r7, -2" },
		{ { 0x95, 0, 0, 0, 0 }, "exit", "exit" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_text(&rows[i].insn, 1, DISASM_KERNEL, rows[i].kernel);
		assert_text(&rows[i].insn, 1, DISASM_RFC, rows[i].mnemonic);
	}
}

static void wide_loads_are_told_apart_by_src(void **state)
{
	static const struct {
		uint8_t src;
		int32_t imm, next;
		const char *kernel, *mnemonic;
	} rows[] = {
		{ 0, 0x23456789, 1, "r1 = 0x123456789 ll", "lddw %r1, 0x123456789" },
		{ 1, 3, 0, "r1 = map[fd:3]", "lddw %r1, map_by_fd(3)" },
		{ 2, 3, 8, "r1 = map[fd:3][0]+8", "lddw %r1, map_val(map_by_fd(3)) + 8" },
		{ 3, 77, 4, "r1 = var[btf:77,fd:4]", "lddw %r1, var_addr(77, 4)" },
		{ 4, 5, 0, "r1 = subprog[+5]", "lddw %r1, code_addr(+5)" },
		{ 5, 2, 0, "r1 = map[idx:2]", "lddw %r1, map_by_idx(2)" },
		{ 6, 2, 16, "r1 = map[idx:2][0]+16", "lddw %r1, map_val(map_by_idx(2)) + 16" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct insn slots[2] = { { 0x18, 1, rows[i].src, 0, rows[i].imm },
					 insn_make_half(rows[i].next) };

		assert_text(slots, 2, DISASM_KERNEL, rows[i].kernel);
		assert_text(slots, 2, DISASM_RFC, rows[i].mnemonic);
	}
}

static const char *name_call(void *ctx, const struct insn *insns, size_t at)
{
	(void)ctx;
	return insns[at].src ? "helper_of_mine" : NULL;
}

static const char *name_imm(void *ctx, const struct insn *insns, size_t at)
{
	return insns[at].src == 1 ? ctx : NULL;
}

static void callers_name_calls_and_numbers(void **state)
{
	struct disasm d = { .call_name = name_call, .imm_name = name_imm, .ctx = "map[@x]" };
	struct insn insns[] = {
		{ 0x18, 1, 1, 0, 3 }, { 0 }, { 0x18, 2, 0, 0, 9 }, { 0 }, { 0x85, 0, 1, 0, 5 },
		{ 0x85, 0, 0, 0, 5 },
	};
	struct buf out = { 0 };

	(void)state;
	disasm_prog(&out, insns, ARRAY_LEN(insns), &d);
	assert_string_equal(out.data, "   0: (18) r1 = map[@x]\n"
				      "   2: (18) r2 = 0x9 ll\n"
				      "   4: (85) call pc+5#helper_of_mine\n"
				      "   5: (85) call bpf_ktime_get_ns#5\n");
	buf_done(&out);
}

/* ---- what the assembler takes ---- */

static void assert_same(const char *text, const char *listing)
{
	struct fixture x;

	assemble(&x, text);
	if (x.err)
		fail_msg("%s: %s", text, x.diags.first->text);
	assert_text(x.prog.insns.v, x.prog.insns.n, DISASM_KERNEL, listing);
	done(&x);
}

static void spelling_is_lenient_where_nothing_is_unclear(void **state)
{
	(void)state;
	assert_same("  r1+=r2 ", "r1 += r2");
	assert_same("%r1 += fp", "r1 += r10");
	assert_same("add r1, 0x10", "r1 += 16");
	assert_same("add32 %w1, w2", "w1 += w2");
	assert_same("r1 = *(u64*)(r2+8)", "r1 = *(u64 *)(r2 +8)");
	assert_same("r1 = *(u64 *)(r2)", "r1 = *(u64 *)(r2 +0)");
	assert_same("ldxdw r1, [ r2 - 8 ]", "r1 = *(u64 *)(r2 -8)");
	assert_same("if r1 > 5 goto +3", "if r1 > 0x5 goto pc+3");
	assert_same("r1 = 18446744073709551615 ll", "r1 = 0xffffffffffffffff ll");
	assert_same("r1 = -1 ll", "r1 = 0xffffffffffffffff ll");
	assert_same("call bpf_ktime_get_ns", "call bpf_ktime_get_ns#5");
	assert_same("r1 = 0xffffffff", "r1 = -1");
}

static void kernel_logs_can_be_pasted(void **state)
{
	(void)state;
	assert_same("0: (b7) r1 = 5                        ; R1_w=5\n"
		    "; int x = 5; @ x.c:3\n"
		    "1: (18) r2 = 0x5\n"
		    "3: (15) if r1 == 0x0 goto pc+1\n"
		    " 4: (95) exit",
		    "r1 = 5\nr2 = 0x5 ll\nif r1 == 0x0 goto pc+1\nexit");
}

static void comments_and_labels(void **state)
{
	struct fixture x;

	(void)state;
	assemble(&x, ".func main # starts here\n"
		     "/* two\n lines */ r1 = 3 // three\n"
		     "again: out_too: r1 += -1 ; minus\n"
		     "if r1 != 0 goto again\n"
		     "\n"
		     "r2 = subprog[callback]\n"
		     "lddw r3, code_addr(callback)\n"
		     "call callback\n"
		     "call local callback\n"
		     "gotol out\n"
		     "ja32 out\n"
		     "out: exit\n"
		     ".func callback\n"
		     "loop: may_goto loop\n"
		     "exit\n"
		     "end:");
	assert_int_equal(x.err, 0);
	assert_text(x.prog.insns.v, x.prog.insns.n, DISASM_KERNEL,
		    "r1 = 3\nr1 += -1\nif r1 != 0x0 goto pc-2\nr2 = subprog[+8]\nr3 = subprog[+6]\n"
		    "call pc+4\ncall pc+3\ngotol pc+1\ngotol pc+0\nexit\nmay_goto pc-1\nexit");
	assert_int_equal(x.prog.labels.n, 7);
	assert_string_equal(x.prog.labels.v[4].name, "callback");
	assert_true(x.prog.labels.v[4].is_func);
	assert_false(x.prog.labels.v[5].is_func);
	assert_int_equal(x.prog.labels.v[4].insn, 12);
	assert_int_equal(x.prog.labels.v[6].insn, 14);
	assert_int_equal(x.prog.spans.n, x.prog.insns.n);
	assert_int_equal(sources_place(&x.sources, x.prog.spans.v[4].lo).line, 7);
	done(&x);
}

static void empty_texts_are_empty_programs(void **state)
{
	static const char *const texts[] = { "", "\n\n", "; nothing", "/* open", "  \t\r\n #" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct fixture x;

		assemble(&x, texts[i]);
		assert_int_equal(x.err, 0);
		assert_int_equal(x.prog.insns.n, 0);
		done(&x);
	}
}

/* ---- what it refuses ---- */

static void refused(const char *text, const char *message, const char *hint)
{
	struct fixture x;
	const struct diag *d;

	assemble(&x, text);
	d = x.diags.first;
	if (!d)
		fail_msg("%s is taken", text);
	assert_int_equal(x.err, -EINVAL);
	assert_string_equal(d->text, message);
	assert_int_equal(d->hints.n, hint ? 1 : 0);
	if (hint)
		assert_string_equal(d->hints.v[0], hint);
	done(&x);
}

static void refusals_say_what_is_expected(void **state)
{
	(void)state;
	refused("movv r1, 1", "movv begins no instruction that skep knows", "did you mean mov?");
	refused("add r1", "the instruction ends where \",\" is expected", NULL);
	refused("add r1, x", "a register or a number is expected here", NULL);
	refused("w1 += r2", "a 32-bit register (w0 to w9) or a number is expected here", NULL);
	refused("ldxdw r1, r2", "\"[\" is expected here", NULL);
	refused("exit 5", "the end of the line is expected here", NULL);
	refused("r1 = be16 r2", "the same register again is expected here", NULL);
	refused("goto 5", "a jump target (+3 or a label) is expected here", NULL);
	refused(".bite 1", "there is no directive .bite", "did you mean .byte?");
	refused(".byte 1, 2", ".byte needs 8 numbers from 0 to 255", NULL);
	refused(".byte 1,2,3,4,5,6,7,256", ".byte needs 8 numbers from 0 to 255", NULL);
	refused(".func", ".func needs one name", NULL);
}

static void refusals_of_values(void **state)
{
	(void)state;
	refused("r11 = 1", "registers are r0 to r10", NULL);
	refused("r10 = 1", "r10 is the frame pointer and cannot be written", NULL);
	refused("w1 = 2147483648", "the number does not fit the 32 bits of an immediate", NULL);
	refused("w1 = 0x100000000", "the number does not fit the 32 bits of an immediate", NULL);
	refused("w1 = -2147483649", "the number does not fit the 32 bits of an immediate", NULL);
	refused("r1 = 2147483648", "the number does not fit the 32 bits of an immediate", NULL);
	refused("r1 = *(u8 *)(r2 +32768)", "the offset does not fit 16 bits", NULL);
	refused("goto +32768", "the jump is further than the instruction can hold", NULL);
	refused("goto -32769", "the jump is further than the instruction can hold", NULL);
	refused("call bpf_ktime_get_ns#6", "the helper's name and number do not agree", NULL);
	refused("r1 = addr_space_cast(r2, 2, 0)",
		"an address is cast from space 0 to 1 or from 1 to 0", NULL);
}

static void refusals_of_labels(void **state)
{
	(void)state;
	refused("again: goto agan", "agan is no label", "did you mean again?");
	refused("call bpf_ktime_get_n", "bpf_ktime_get_n is no label and no helper function",
		"did you mean bpf_ktime_get_ns?");
	refused("x: exit\nx: exit", "the label x is already defined", NULL);
}

static void every_wrong_line_is_reported_with_its_place(void **state)
{
	struct fixture x;
	const struct diag *d;

	(void)state;
	assemble(&x, "r1 = 1\nfoo\nr1 = x\nexit 1\n");
	assert_int_equal(x.diags.errors, 3);
	d = x.diags.first->next;
	assert_int_equal(sources_place(&x.sources, d->span.lo).line, 3);
	assert_int_equal(sources_place(&x.sources, d->span.lo).column, 6);
	done(&x);
}

static void far_labels_are_refused(void **state)
{
	struct buf text = { 0 };

	(void)state;
	buf_puts(&text, "goto far\n");
	for (unsigned i = 0; i < 32768; i++)
		buf_puts(&text, "exit\n");
	buf_puts(&text, "far: exit");
	refused(text.data, "far is 32768 instructions away, too far for a jump",
		"gotol reaches further");
	memcpy(text.data, "gotol far", 9);
	text.data[9] = '\n';
	buf_done(&text);
}

/* Any cut and any changed byte of a text gives a program or a diagnostic, never a crash. */
static void mutilated_texts_are_survived(void **state)
{
	static const char text[] =
		".func f\nx: if r1 s> 0x5 goto x\nlock *(u64 *)(r1 +0) += r2\n"
		"lddw r1, map_val(map_by_fd(3)) + 8\ncall bpf_loop#181\n"
		"r1 = addr_space_cast(r2, 1, 0) /* c */ ; d\n.byte 1,2,3,4,5,6,7,8\n";
	char copy[sizeof(text)];

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(text); i++) {
		for (unsigned c = 0; c < 256; c += 5) {
			struct fixture x;

			memcpy(copy, text, sizeof(text));
			copy[i] = (char)c;
			assemble(&x, copy);
			assert_int_equal(x.err != 0, x.diags.errors != 0);
			done(&x);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_with_edge_operands_comes_back),
		cmocka_unit_test(what_is_no_instruction_comes_back_as_bytes),
		cmocka_unit_test(all_opcodes_with_any_fields_can_be_listed),
		cmocka_unit_test(texts_are_the_usual_ones),
		cmocka_unit_test(wide_loads_are_told_apart_by_src),
		cmocka_unit_test(callers_name_calls_and_numbers),
		cmocka_unit_test(spelling_is_lenient_where_nothing_is_unclear),
		cmocka_unit_test(kernel_logs_can_be_pasted),
		cmocka_unit_test(comments_and_labels),
		cmocka_unit_test(empty_texts_are_empty_programs),
		cmocka_unit_test(refusals_say_what_is_expected),
		cmocka_unit_test(refusals_of_values),
		cmocka_unit_test(refusals_of_labels),
		cmocka_unit_test(every_wrong_line_is_reported_with_its_place),
		cmocka_unit_test(far_labels_are_refused),
		cmocka_unit_test(mutilated_texts_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
