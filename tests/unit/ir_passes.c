/* Each pass alone, from text to text. */
#include "ir_testing.h"

#define HEAD "func \"f\" entry 1\n\t%0 = param 0\n"

static void fold_computes_as_bpf_does(void **state)
{
	static const struct {
		enum ir_op op;
		int64_t a, b, result;
	} cases[] = {
		{ IR_UDIV, 7, 0, 0 },
		{ IR_UMOD, 7, 0, 7 },
		{ IR_SDIV, -7, 2, -3 },
		{ IR_SDIV, -7, 0, 0 },
		{ IR_SDIV, INT64_MIN, -1, INT64_MIN },
		{ IR_SMOD, -7, 2, -1 },
		{ IR_SMOD, -7, 0, -7 },
		{ IR_SMOD, INT64_MIN, -1, 0 },
		{ IR_SHL, 1, 65, 2 },
		{ IR_LSHR, -1, 63, 1 },
		{ IR_ASHR, -8, 66, -2 },
		{ IR_UDIV, -1, 2, INT64_MAX },
		{ IR_ADD, INT64_MAX, 1, INT64_MIN },
		{ IR_CMP_ULT, -1, 1, 0 },
		{ IR_CMP_SLT, -1, 1, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fixture x;
		struct ir_func *f;
		int64_t n = 0;

		fixture_init(&x);
		f = ir_func_new(x.m, "f", 0, IR_ENTRY);
		assert_true(ir_is_const(
			ir_binary(f, cases[i].op, ir_const(f, cases[i].a), ir_const(f, cases[i].b)),
			&n));
		assert_int_equal(n, cases[i].result);
		fixture_done(&x);
	}
}

static void fold_simplifies(void **state)
{
	(void)state;
	ASSERT_PASSES(HEAD "b0:\n"
			   "\t%1 = load64 %0+0\n"
			   "\t%2 = add 8, %1\n"
			   "\t%3 = add %2, -8\n"
			   "\t%4 = mul %3, 8\n"
			   "\t%5 = umod %4, 16\n"
			   "\t%6 = sub %5, 3\n"
			   "\t%7 = xor %6, %6\n"
			   "\t%8 = or %7, %6\n"
			   "\t%9 = shl %8, 67\n"
			   "\treturn %9\n",
		      HEAD "b0:\n"
			   "\t%1 = load64 %0+0\n"
			   "\t%2 = shl %1, 3\n"
			   "\t%3 = and %2, 15\n"
			   "\t%4 = add %3, -3\n"
			   "\t%5 = shl %4, 3\n"
			   "\treturn %5\n",
		      ir_cfg, ir_fold, ir_dce);
}

static void fold_drops_extensions(void **state)
{
	(void)state;
	ASSERT_PASSES(HEAD "b0:\n"
			   "\t%1 = load8 %0+0\n"
			   "\t%2 = zext32 %1\n"
			   "\t%3 = sext16 %2\n"
			   "\t%4 = and %3, 255\n"
			   "\t%5 = and %4, 4294967295\n"
			   "\t%6 = load64 %0+8\n"
			   "\t%7 = sext32 %6\n"
			   "\t%8 = zext32 %7\n"
			   "\tstore32 %0+16, %8\n"
			   "\tstore8 %0+24, %7\n"
			   "\treturn %5\n",
		      HEAD "b0:\n"
			   "\t%1 = load8 %0+0\n"
			   "\t%2 = load64 %0+8\n"
			   "\tstore32 %0+16, %2\n"
			   "\tstore8 %0+24, %2\n"
			   "\treturn %1\n",
		      ir_cfg, ir_fold, ir_dce);
}

/* The verifier knows the bounds of what was compared: x + 5, not x + 8. */
static void fold_keeps_sums_that_are_used_twice(void **state)
{
	(void)state;
	ASSERT_PASSES(HEAD "b0:\n"
			   "\t%1 = load64 %0+0\n"
			   "\t%2 = add %1, 5\n"
			   "\t%3 = ult %2, 10\n"
			   "\tbranch %3, b1, b2\n"
			   "b1:\n"
			   "\t%4 = add %2, 3\n"
			   "\treturn %4\n"
			   "b2:\n"
			   "\treturn 0\n",
		      HEAD "b0:\n"
			   "\t%1 = load64 %0+0\n"
			   "\t%2 = add %1, 5\n"
			   "\t%3 = ult %2, 10\n"
			   "\tbranch %3, b1, b2\n"
			   "b1:\n"
			   "\t%4 = add %2, 3\n"
			   "\treturn %4\n"
			   "b2:\n"
			   "\treturn 0\n",
		      ir_cfg, ir_fold, ir_dce);
}

static void fold_offsets(void **state)
{
	(void)state;
	ASSERT_PASSES(HEAD "b0:\n"
			   "\t%1 = add %0, 16\n"
			   "\t%2 = load64 %1+8\n"
			   "\t%3 = add %0, 40000\n"
			   "\t%4 = load64 %3+8\n"
			   "\tcopy 8, %1+0, %1+8\n"
			   "\t%5 = add %2, %4\n"
			   "\treturn %5\n",
		      HEAD "b0:\n"
			   "\t%1 = load64 %0+24\n"
			   "\t%2 = add %0, 40000\n"
			   "\t%3 = load64 %2+8\n"
			   "\tcopy 8, %0+16, %0+24\n"
			   "\t%4 = add %1, %3\n"
			   "\treturn %4\n",
		      ir_cfg, ir_fold, ir_dce);
}

static void jumps_follow_constants(void **state)
{
	(void)state;
	/* (a && b) by way of a variable: each test goes where it must */
	ASSERT_PASSES(HEAD "b0:\n"
			   "\t%1 = load64 %0+0\n"
			   "\t%2 = ne %1, 0\n"
			   "\tbranch %2, b1, b2\n"
			   "b1:\n"
			   "\t%3 = load64 %0+8\n"
			   "\t%4 = ult %3, 9\n"
			   "\tjump b2\n"
			   "b2:\n"
			   "\t%5 = phi b0: 0, b1: %4\n"
			   "\tbranch %5, b3, b4\n"
			   "b3:\n"
			   "\t%6 = helper 7\n"
			   "\tjump b4\n"
			   "b4:\n"
			   "\treturn 0\n",
		      HEAD "b0:\n"
			   "\t%1 = load64 %0+0\n"
			   "\tbranch %1, b1, b3\n"
			   "b1:\n"
			   "\t%2 = load64 %0+8\n"
			   "\t%3 = ult %2, 9\n"
			   "\tbranch %3, b2, b3\n"
			   "b2:\n"
			   "\t%4 = helper 7\n"
			   "\tjump b3\n"
			   "b3:\n"
			   "\treturn 0\n",
		      ir_cfg, ir_fold, ir_jumps, ir_dce);
}

/* A phi that is used further on must see every way in. */
static void jumps_keep_what_phis_need(void **state)
{
	static const char text[] = HEAD "b0:\n"
					"\t%1 = load64 %0+0\n"
					"\tbranch %1, b1, b2\n"
					"b1:\n"
					"\t%2 = helper 7\n"
					"\tjump b2\n"
					"b2:\n"
					"\t%3 = phi b0: 0, b1: %2\n"
					"\tbranch %3, b3, b4\n"
					"b3:\n"
					"\t%4 = helper 5\n"
					"\tjump b4\n"
					"b4:\n"
					"\treturn %3\n";

	(void)state;
	ASSERT_PASSES(text, text, ir_cfg, ir_fold, ir_jumps, ir_dce);
}

static void cse_shares(void **state)
{
	(void)state;
	ASSERT_PASSES(HEAD "b0:\n"
			   "\t%1 = load64 %0+0\n"
			   "\t%2 = helper 14\n"
			   "\t%3 = lshr %2, 32\n"
			   "\t%4 = load64 %0+0\n"
			   "\t%5 = helper 14\n"
			   "\t%6 = lshr %5, 32\n"
			   "\tbranch %1, b1, b2\n"
			   "b1:\n"
			   "\t%7 = helper 14\n"
			   "\t%8 = lshr %7, 32\n"
			   "\t%9 = add %8, %6\n"
			   "\t%10 = add %9, %4\n"
			   "\treturn %10\n"
			   "b2:\n"
			   "\treturn %3\n",
		      HEAD "b0:\n"
			   "\t%1 = load64 %0+0\n"
			   "\t%2 = helper 14\n"
			   "\t%3 = lshr %2, 32\n"
			   "\tbranch %1, b1, b2\n"
			   "b1:\n"
			   "\t%4 = add %3, %3\n"
			   "\t%5 = add %4, %1\n"
			   "\treturn %5\n"
			   "b2:\n"
			   "\treturn %3\n",
		      ir_cfg, ir_cse, ir_dce);
}

static void cse_sees_writes(void **state)
{
	static const char kept[] = "func \"f\" entry 1\n"
				   "\t%0 = slot 8, 0, \"s\"\n"
				   "\t%1 = mapvalue 0, 0\n"
				   "b0:\n"
				   "\t%2 = load64 %0+0\n"
				   "\tstore64 %0+0, 5\n"
				   "\t%3 = load64 %0+0\n"
				   "\t%4 = helper 1, %0, %2, %3\n"
				   "\t%5 = load64 %0+0\n"
				   "\t%6 = load64 %1+0\n"
				   "\tatomicadd 8, %1+8, %5\n"
				   "\t%7 = load64 %1+0\n"
				   "\t%8 = add %6, %7\n"
				   "\treturn %8\n";

	(void)state;
	ASSERT_PASSES(kept, kept, ir_cfg, ir_cse, ir_dce);
	/* but a store to a slot changes no map value */
	ASSERT_PASSES("func \"f\" entry 1\n"
		      "\t%0 = slot 8, 0, \"s\"\n"
		      "\t%1 = mapvalue 0, 0\n"
		      "b0:\n"
		      "\t%2 = load64 %1+0\n"
		      "\tstore64 %0+0, %2\n"
		      "\t%3 = load64 %1+0\n"
		      "\t%4 = helper 1, %0, %3\n"
		      "\treturn %3\n",
		      "func \"f\" entry 1\n"
		      "\t%0 = slot 8, 0, \"s\"\n"
		      "\t%1 = mapvalue 0, 0\n"
		      "b0:\n"
		      "\t%2 = load64 %1+0\n"
		      "\tstore64 %0+0, %2\n"
		      "\t%3 = helper 1, %0, %2\n"
		      "\treturn %2\n",
		      ir_cfg, ir_cse, ir_dce);
}

/* base + n before and after a check of n are two things to the verifier. */
static void cse_does_not_cross_checks(void **state)
{
	static const char text[] = HEAD "b0:\n"
					"\t%1 = helper 7\n"
					"\t%2 = load64 %0+0\n"
					"\t%3 = add %2, %1\n"
					"\t%4 = helper 1, %3\n"
					"\t%5 = ult %1, 64\n"
					"\tbranch %5, b1, b2\n"
					"b1:\n"
					"\t%6 = add %2, %1\n"
					"\tstore8 %6+0, 1\n"
					"\treturn 1\n"
					"b2:\n"
					"\treturn 0\n";

	(void)state;
	ASSERT_PASSES(text, text, ir_cfg, ir_cse, ir_dce);
}

static void dead_code_goes(void **state)
{
	(void)state;
	ASSERT_PASSES(HEAD "\t%1 = slot 16, 0, \"only written\"\n"
			   "\t%2 = slot 8, 0, \"read\"\n"
			   "b0:\n"
			   "\t%3 = load64 %0+0\n"
			   "\tstore64 %1+0, %3\n"
			   "\tzero 16, %1+0\n"
			   "\tstore64 %2+0, 1\n"
			   "\t%4 = helper 14\n"
			   "\t%5 = helper 7\n"
			   "\t%6 = load64 %2+0\n"
			   "\treturn %6\n"
			   "b1:\n"
			   "\t%7 = phi b1: %7\n"
			   "\tjump b1\n",
		      "func \"f\" entry 1\n"
		      "\t%0 = slot 8, 0, \"read\"\n"
		      "b0:\n"
		      "\tstore64 %0+0, 1\n"
		      "\t%1 = helper 7\n"
		      "\t%2 = load64 %0+0\n"
		      "\treturn %2\n",
		      ir_cfg, ir_dce);
}

static void lowering_expands(void **state)
{
	(void)state;
	ASSERT_PASSES(HEAD "\t%1 = slot 16, 0, \"s\"\n"
			   "b0:\n"
			   "\tzero 15, %1+0\n"
			   "\tcopy 6, %1+0, %0+4\n"
			   "\t%2 = loads16 %0+2\n"
			   "\t%3 = smod %2, 10\n"
			   "\t%4 = not %3\n"
			   "\t%5 = load64 %0+70000\n"
			   "\t%6 = helper 1, %1, %4, %5\n"
			   "\treturn 0\n",
		      HEAD "\t%1 = slot 16, 0, \"s\"\n"
			   "b0:\n"
			   "\tstore64 %1+0, 0\n"
			   "\tstore32 %1+8, 0\n"
			   "\tstore16 %1+12, 0\n"
			   "\tstore8 %1+14, 0\n"
			   "\t%2 = load32 %0+4\n"
			   "\tstore32 %1+0, %2\n"
			   "\t%3 = load16 %0+8\n"
			   "\tstore16 %1+4, %3\n"
			   "\t%4 = load16 %0+2\n"
			   "\t%5 = sext16 %4\n"
			   "\t%6 = ashr %5, 63\n"
			   "\t%7 = xor %5, %6\n"
			   "\t%8 = sub %7, %6\n"
			   "\t%9 = umod %8, 10\n"
			   "\t%10 = xor %9, %6\n"
			   "\t%11 = sub %10, %6\n"
			   "\t%12 = xor %11, -1\n"
			   "\t%13 = add %0, 70000\n"
			   "\t%14 = load64 %13+0\n"
			   "\t%15 = helper 1, %1, %12, %14\n"
			   "\treturn 0\n",
		      ir_cfg, ir_lower, ir_fold, ir_dce);
}

static void long_fills_are_read_from_zeroes(void **state)
{
	struct fixture x;
	struct buf out = { 0 };

	(void)state;
	fixture_parse(&x, HEAD "b0:\n\tzero 300, %0+8\n\treturn 0\n");
	ir_cfg(x.m->funcs.v[0]);
	ir_lower(x.m->funcs.v[0]);
	ir_print(&out, x.m);
	assert_string_equal(out.data, HEAD "\t%1 = mapvalue 1, 0\n"
					   "b0:\n"
					   "\t%2 = add %0, 8\n"
					   "\t%3 = helper 113, %2, 300, %1\n"
					   "\treturn 0\n");
	assert_int_equal(x.img->maps.v[1].role, MAP_RODATA);
	assert_int_equal(x.img->maps.v[1].value_size, 304);
	assert_non_null(x.img->maps.v[1].data);
	buf_done(&out);
	fixture_done(&x);
}

static void selection_fuses(void **state)
{
	(void)state;
	/* 80 JNE, 32 JGT, 64 JSET, 101 JSGT: bpf/uapi.h */
	ASSERT_PASSES(HEAD "b0:\n"
			   "\t%1 = load64 %0+0\n"
			   "\t%2 = ugt %1, 7\n"
			   "\tbranch %2, b1, b2\n"
			   "b1:\n"
			   "\t%3 = and %1, 6\n"
			   "\t%4 = eq %3, 0\n"
			   "\tbranch %4, b2, b3\n"
			   "b2:\n"
			   "\t%5 = load64 %0+8\n"
			   "\t%6 = zext32 %5\n"
			   "\t%7 = ult %6, 3000000000\n"
			   "\tbranch %7, b3, b4\n"
			   "b3:\n"
			   "\t%8 = load64 %0+16\n"
			   "\t%9 = sext32 %8\n"
			   "\t%10 = slt %9, -5\n"
			   "\tbranch %10, b4, b5\n"
			   "b4:\n"
			   "\treturn 1\n"
			   "b5:\n"
			   "\t%11 = load64 %0+24\n"
			   "\tbranch %11, b4, b6\n"
			   "b6:\n"
			   "\treturn 0\n",
		      HEAD "b0:\n"
			   "\t%1 = load64 %0+0\n"
			   "\ttest 32, %1, 7, b1, b2\n"
			   "b1:\n"
			   "\ttest 64, %1, 6, b3, b2\n"
			   "b2:\n"
			   "\t%2 = load64 %0+8\n"
			   "\ttest.w 160, %2, 3000000000, b3, b4\n"
			   "b3:\n"
			   "\t%3 = load64 %0+16\n"
			   "\ttest.w 192, %3, -5, b4, b5\n"
			   "b4:\n"
			   "\treturn 1\n"
			   "b5:\n"
			   "\t%4 = load64 %0+24\n"
			   "\ttest 80, %4, 0, b4, b6\n"
			   "b6:\n"
			   "\treturn 0\n",
		      ir_cfg, ir_select);
}

static void selection_narrows(void **state)
{
	(void)state;
	/* a shift by 32 or more is another thing in 32 bits */
	ASSERT_PASSES(HEAD "b0:\n"
			   "\t%1 = load64 %0+0\n"
			   "\t%2 = load64 %0+8\n"
			   "\t%3 = zext32 %2\n"
			   "\t%4 = mul %1, %3\n"
			   "\t%5 = zext32 %4\n"
			   "\t%6 = shl %5, 40\n"
			   "\t%7 = zext32 %6\n"
			   "\t%8 = load32 %0+16\n"
			   "\t%9 = udiv %5, %8\n"
			   "\t%10 = add %7, %9\n"
			   "\treturn %10\n",
		      HEAD "b0:\n"
			   "\t%1 = load64 %0+0\n"
			   "\t%2 = load64 %0+8\n"
			   "\t%3 = mul.w %1, %2\n"
			   "\t%4 = shl %3, 40\n"
			   "\t%5 = zext32 %4\n"
			   "\t%6 = load32 %0+16\n"
			   "\t%7 = udiv.w %3, %6\n"
			   "\t%8 = add %5, %7\n"
			   "\treturn %8\n",
		      ir_cfg, ir_select);
}

static void returns_are_shared(void **state)
{
	(void)state;
	ASSERT_PASSES(HEAD "b0:\n"
			   "\tbranch %0, b1, b2\n"
			   "b1:\n"
			   "\treturn 0\n"
			   "b2:\n"
			   "\t%1 = helper 7\n"
			   "\tbranch %1, b3, b4\n"
			   "b3:\n"
			   "\treturn 0\n"
			   "b4:\n"
			   "\t%2 = helper 5\n"
			   "\tjump b5\n"
			   "b5:\n"
			   "\treturn 0\n",
		      HEAD "b0:\n"
			   "\tbranch %0, b3, b1\n"
			   "b1:\n"
			   "\t%1 = helper 7\n"
			   "\tbranch %1, b3, b2\n"
			   "b2:\n"
			   "\t%2 = helper 5\n"
			   "\treturn 0\n"
			   "b3:\n"
			   "\treturn 0\n",
		      ir_cfg, ir_returns);
}

/* No edge from a branch to a join, loops in one piece, exits last. */
static void order_of_blocks(void **state)
{
	struct fixture x;
	struct ir_func *f;
	static const uint32_t order[] = { 0, 1, 3, 2 };

	(void)state;
	fixture_parse(&x, HEAD "b0:\n\tjump b1\n"
			       "b1:\n\t%1 = phi b0: 0, b3: %2\n\tbranch %1, b2, b3\n"
			       "b2:\n\t%3 = helper 7\n\treturn 0\n"
			       "b3:\n\t%2 = helper 7\n\tjump b1\n");
	f = x.m->funcs.v[0];
	ir_cfg(f);
	assert_int_equal(f->order.n, 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(f->order.v[i]->id, order[i]);
	assert_int_equal(f->blocks.v[3]->depth, 1);
	assert_int_equal(f->blocks.v[2]->depth, 0);
	assert_true(ir_dominates(f->blocks.v[1], f->blocks.v[2]));
	assert_false(ir_dominates(f->blocks.v[3], f->blocks.v[2]));
	fixture_done(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fold_computes_as_bpf_does),
		cmocka_unit_test(fold_simplifies),
		cmocka_unit_test(fold_drops_extensions),
		cmocka_unit_test(fold_keeps_sums_that_are_used_twice),
		cmocka_unit_test(fold_offsets),
		cmocka_unit_test(jumps_follow_constants),
		cmocka_unit_test(jumps_keep_what_phis_need),
		cmocka_unit_test(cse_shares),
		cmocka_unit_test(cse_sees_writes),
		cmocka_unit_test(cse_does_not_cross_checks),
		cmocka_unit_test(dead_code_goes),
		cmocka_unit_test(lowering_expands),
		cmocka_unit_test(long_fills_are_read_from_zeroes),
		cmocka_unit_test(selection_fuses),
		cmocka_unit_test(selection_narrows),
		cmocka_unit_test(returns_are_shared),
		cmocka_unit_test(order_of_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
