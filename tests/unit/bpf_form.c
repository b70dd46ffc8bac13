/* The checks of single instructions and of whole programs. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/form.h"
#include "bpf/target.h"
#include "bpf/uapi.h"

/* A valid instruction of each form; the second slot is empty or has what the form allows. */
static void example(enum insn_id id, struct insn slots[2])
{
	slots[0] = insn_make(id, 1, 2, 3, insn_forms[id].imm == RULE_SPACES ? 1 << 16 : 4);
	slots[1] = insn_make_half(insn_forms[id].imm & (RULE_IMM64 | RULE_PAIR) ? 5 : 0);
}

static bool accepted(enum insn_id id, const struct insn slots[2])
{
	return insn_check(slots, 2, 0, NULL) == 0 && insn_find(&slots[0]) == id;
}

static void every_form_is_found_and_accepted(void **state)
{
	(void)state;
	for (unsigned id = 1; id < INSN_COUNT; id++) {
		const struct insn_form *f = &insn_forms[id];
		struct insn slots[2];

		example(id, slots);
		assert_int_equal(insn_find(&slots[0]), id);
		assert_int_equal(insn_decode(slots, 2, 0), id);
		assert_int_equal(insn_check(slots, 2, 0, NULL),
				 f->group == GROUP_INTERNAL ? -EINVAL : 0);
	}
}

static void forms_with_one_opcode_are_neighbours(void **state)
{
	(void)state;
	for (unsigned a = 1; a < INSN_COUNT; a++)
		for (unsigned b = a + 2; b < INSN_COUNT; b++)
			if (insn_forms[a].opcode == insn_forms[b].opcode)
				assert_int_equal(insn_forms[a].opcode, insn_forms[b - 1].opcode);
}

/* One wrong value in each field that a form fixes, other than another form's value. */
static void reserved_fields_must_be_as_the_form_says(void **state)
{
	unsigned refused = 0;

	(void)state;
	for (unsigned id = 1; id < INSN_COUNT; id++) {
		const struct insn_form *f = &insn_forms[id];
		struct insn slots[2];

		for (unsigned bit = 0; bit < 56; bit++) {
			uint64_t raw;
			bool fixed = bit < 4    ? f->dst < RULE_OPERAND
				     : bit < 8  ? f->src < RULE_OPERAND
				     : bit < 24 ? f->off < RULE_OPERAND
						: f->imm < RULE_OPERAND;

			if (!fixed)
				continue;
			example(id, slots);
			memcpy(&raw, &slots[0], sizeof(raw));
			raw ^= (uint64_t)1 << (bit + 8);
			memcpy(&slots[0], &raw, sizeof(raw));
			assert_false(accepted(id, slots));
			refused++;
		}
	}
	assert_true(refused > 5000);
}

static void registers_must_exist_and_r10_is_not_written(void **state)
{
	(void)state;
	for (unsigned id = 1; id < INSN_COUNT; id++) {
		const struct insn_form *f = &insn_forms[id];
		struct insn slots[2];

		if (f->group == GROUP_INTERNAL)
			continue;
		for (unsigned reg = 0; reg < 16; reg++) {
			example(id, slots);
			slots[0].dst = f->dst < RULE_OPERAND ? slots[0].dst : reg & 0xf;
			assert_int_equal(accepted(id, slots),
					 f->dst < RULE_OPERAND ||
						 reg < ((f->dst & RULE_WRITE) ? 10 : 11));
			example(id, slots);
			slots[0].src = f->src < RULE_OPERAND ? slots[0].src : reg & 0xf;
			assert_int_equal(accepted(id, slots),
					 f->src < RULE_OPERAND ||
						 reg < ((f->src & RULE_WRITE) ? 10 : 11));
		}
	}
}

static void the_second_slot_holds_only_an_immediate(void **state)
{
	(void)state;
	for (unsigned id = INSN_IMM64; id <= INSN_MAP_IDX_VALUE; id++) {
		struct insn slots[2];
		bool wide = insn_forms[id].imm & (RULE_IMM64 | RULE_PAIR);

		example(id, slots);
		assert_true(accepted(id, slots));
		assert_int_equal(insn_check(slots, 1, 0, NULL), -EINVAL);
		slots[1].imm = 7;
		assert_int_equal(accepted(id, slots), wide);
		example(id, slots);
		slots[1].opcode = 0x18;
		assert_false(accepted(id, slots));
		example(id, slots);
		slots[1].src = 1;
		assert_false(accepted(id, slots));
		example(id, slots);
		slots[1].dst = 1;
		assert_false(accepted(id, slots));
		example(id, slots);
		slots[1].offset = 1;
		assert_false(accepted(id, slots));
	}
}

static void unknown_opcodes_are_refused(void **state)
{
	bool known[256] = { false };
	unsigned unknown = 0;

	(void)state;
	for (unsigned id = 1; id < INSN_COUNT; id++)
		known[insn_forms[id].opcode] = true;
	for (unsigned op = 0; op < 256; op++) {
		struct insn slots[2] = { { .opcode = (uint8_t)op } };

		if (known[op])
			continue;
		unknown++;
		assert_int_equal(insn_check(slots, 2, 0, NULL), -EINVAL);
		assert_int_equal(insn_find(&slots[0]), INSN_NONE);
	}
	assert_true(unknown > 100);
}

static void refused(struct insn insn, const char *reason)
{
	struct buf why = { 0 };

	assert_int_equal(insn_check(&insn, 1, 0, &why), -EINVAL);
	assert_string_equal(why.data, reason);
	buf_done(&why);
}

static void refusals_name_the_field(void **state)
{
	(void)state;
	refused((struct insn){ .opcode = 0xff }, "there is no instruction with opcode 0xff");
	refused((struct insn){ .opcode = 0x07, .offset = 5 },
		"offset of opcode 0x07 is 5 and must be 0");
	refused((struct insn){ .opcode = 0x37, .offset = 2 },
		"offset of opcode 0x37 is 2 and must be 0, 1");
	refused((struct insn){ .opcode = 0x95, .imm = -1 },
		"imm of opcode 0x95 is -1 and must be 0");
	refused((struct insn){ .opcode = 0x85, .src = 3 },
		"src of opcode 0x85 is 3 and must be 0, 1, 2");
	refused((struct insn){ .opcode = 0xbf, .dst = 10 },
		"r10 is the frame pointer and cannot be written");
	refused((struct insn){ .opcode = 0xbf, .src = 11 }, "there is no register r11");
	refused((struct insn){ .opcode = 0xbf, .offset = -1 },
		"only the kernel itself makes this instruction");
	refused((struct insn){ .opcode = 0xbf, .offset = 1, .imm = 2 },
		"an address is cast from space 0 to 1 or from 1 to 0");
	refused((struct insn){ .opcode = 0x18 }, "the second half of a 64-bit load is missing");
}

static void check_prog(const struct insn *insns, size_t n, size_t at, const char *reason)
{
	struct buf why = { 0 };
	size_t bad = 99;

	assert_int_equal(insn_check_prog(insns, n, &bad, &why), reason ? -EINVAL : 0);
	if (reason) {
		assert_string_equal(why.data, reason);
		assert_int_equal(bad, at);
	}
	buf_done(&why);
}

static void programs_stay_inside_themselves(void **state)
{
	struct insn exit = insn_make(INSN_EXIT, 0, 0, 0, 0),
		    zero = insn_make(INSN_MOV64_K, 0, 0, 0, 0);
	struct insn load = insn_make(INSN_IMM64, 0, 0, 0, 1), half = insn_make_half(0);
	struct insn good[] = { load, half, insn_make(INSN_JEQ64_K, 0, 0, -3, 0), exit };
	struct insn outside[] = { insn_make(INSN_JA, 0, 0, 1, 0), exit };
	struct insn before[] = { zero, insn_make(INSN_CALL_LOCAL, 0, 0, 0, -3), exit };
	struct insn middle[] = { insn_make(INSN_GOTOL, 0, 0, 0, 1), load, half, exit };
	struct insn callback[] = { insn_make(INSN_FUNC, 1, 0, 0, 2), half, exit };
	struct insn open[] = { exit, zero };
	struct insn cut[] = { exit, load };
	struct insn bad[] = { zero, { .opcode = 0xff }, exit };

	(void)state;
	check_prog(good, 4, 0, NULL);
	check_prog(outside, 2, 0, "the target 2 is outside the program of 2 instructions");
	check_prog(before, 3, 1, "the target -1 is outside the program of 3 instructions");
	check_prog(middle, 4, 0, "the target 2 is the second half of a 64-bit load");
	check_prog(callback, 3, 0, "the target 3 is outside the program of 3 instructions");
	check_prog(open, 2, 1, "execution can run past the last instruction");
	check_prog(cut, 2, 1, "the second half of a 64-bit load is missing");
	check_prog(bad, 3, 1, "there is no instruction with opcode 0xff");
	check_prog(good, 0, 0, "the program has no instructions");
}

/* Numbers that the RFC and the kernel fix, written here once more from their tables. */
static void encodings_are_the_standard_ones(void **state)
{
	static const struct {
		enum insn_id id;
		uint8_t opcode, src;
		int16_t off;
		int32_t imm;
	} rows[] = {
		{ INSN_ADD64_K, 0x07, 0, 0, 4 },
		{ INSN_SDIV32_X, 0x3c, 2, 1, 0 },
		{ INSN_MOVSX64_32, 0xbf, 2, 32, 0 },
		{ INSN_BE32, 0xdc, 0, 0, 32 },
		{ INSN_BSWAP64, 0xd7, 0, 0, 64 },
		{ INSN_LOADSX16, 0x89, 2, 3, 0 },
		{ INSN_STORE8_K, 0x72, 0, 3, 4 },
		{ INSN_CMPXCHG64, 0xdb, 2, 3, 0xf1 },
		{ INSN_FETCH_XOR32, 0xc3, 2, 3, 0xa1 },
		{ INSN_LOAD_ACQ8, 0xd3, 2, 3, 0x100 },
		{ INSN_STORE_REL16, 0xcb, 2, 3, 0x110 },
		{ INSN_JSLE32_X, 0xde, 2, 3, 0 },
		{ INSN_GOTOL, 0x06, 0, 0, 4 },
		{ INSN_MAY_GOTO, 0xe5, 0, 3, 0 },
		{ INSN_CALL_LOCAL, 0x85, 1, 0, 4 },
		{ INSN_CALLX, 0x8d, 0, 0, 0 },
		{ INSN_EXIT, 0x95, 0, 0, 0 },
		{ INSN_MAP_VALUE, 0x18, 2, 0, 4 },
		{ INSN_LD_ABS32, 0x20, 0, 0, 4 },
		{ INSN_LD_IND8, 0x50, 2, 0, 4 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct insn insn = insn_make(rows[i].id, 1, 2, 3, 4);

		assert_int_equal(insn.opcode, rows[i].opcode);
		assert_int_equal(insn.src, rows[i].src);
		assert_int_equal(insn.offset, rows[i].off);
		assert_int_equal(insn.imm, rows[i].imm);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_is_found_and_accepted),
		cmocka_unit_test(forms_with_one_opcode_are_neighbours),
		cmocka_unit_test(reserved_fields_must_be_as_the_form_says),
		cmocka_unit_test(registers_must_exist_and_r10_is_not_written),
		cmocka_unit_test(the_second_slot_holds_only_an_immediate),
		cmocka_unit_test(unknown_opcodes_are_refused),
		cmocka_unit_test(refusals_name_the_field),
		cmocka_unit_test(programs_stay_inside_themselves),
		cmocka_unit_test(encodings_are_the_standard_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
