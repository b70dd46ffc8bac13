/* The text form: there and back, for written and for random modules; what is refused, and why. */
#include "ir_random.h"

static void assert_same_text(const char *text)
{
	struct fixture x;
	struct buf out = { 0 };

	fixture_parse(&x, text);
	ir_print(&out, x.m);
	assert_string_equal(out.data, text);
	buf_done(&out);
	fixture_done(&x);
}

static void every_operand_shape(void **state)
{
	(void)state;
	assert_same_text("func \"all\" entry 2\n"
			 "\t%0 = param 0\n"
			 "\t%1 = slot 16, 1, \"a \\042slot\\042\"\n"
			 "\t%2 = map 0\n"
			 "\t%3 = mapvalue 0, 24\n"
			 "\t%4 = ksym \"jiffies\", -8\n"
			 "\t%5 = imageparam 1\n"
			 "\t%6 = func f1\n"
			 "\t%7 = scratch\n"
			 "b0 \"begin\":\n"
			 "\t%8 = load64 %0+8 !3:9\n"
			 "\tstore32 %1-4, -1 !4:5\n"
			 "\t%9 = fetchadd 8, %3+0, %8 !0:0\n"
			 "\tatomicor 4, %3+32, 6\n"
			 "\t%10 = cmpxchg 8, %3+0, %9, 0\n"
			 "\tcopy 7, %1+1, %0+2\n"
			 "\tzero 9, 4096+8\n"
			 "\tscratchset %7\n"
			 "\t%11 = helper 14\n"
			 "\t%12 = helper 1, %2, %1\n"
			 "\t%13 = call f1, %4\n"
			 "\t%14 = add.w %5, %6\n"
			 "\tbranch %14, b1, b2\n"
			 "b1:\n"
			 "\ttest.w 165, %11, 7, b2, b3\n"
			 "b2 \"join\":\n"
			 "\t%15 = phi b0: -9223372036854775808, b1: %13\n"
			 "\tjump b4\n"
			 "b3:\n"
			 "\treturn %12\n"
			 "b4:\n"
			 "\treturn %15\n"
			 "func \"other\" local 1\n"
			 "b0:\n"
			 "\treturn 0\n");
}

static void blocks_in_any_order(void **state)
{
	struct fixture x;
	struct buf out = { 0 };

	(void)state;
	fixture_parse(&x, "# blocks and values may be named before they are written\n"
			  "func \"f\" entry 1\n\n"
			  "b7:\n\tjump b3\n"
			  "b9:\n\t%5 = phi b3: %8\n\treturn %5\n"
			  "b3:\n\t%8 = helper 7\n\tjump b9\n");
	ir_print(&out, x.m);
	assert_string_equal(out.data, "func \"f\" entry 1\n"
				      "b0:\n\tjump b2\n"
				      "b1:\n\t%0 = phi b2: %1\n\treturn %0\n"
				      "b2:\n\t%1 = helper 7\n\tjump b1\n");
	buf_done(&out);
	fixture_done(&x);
}

static void random_modules(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 100; seed++) {
		struct fixture x;
		struct buf out = { 0 };

		build(&x, (struct shape){ .seed = seed, .size = 50, .functions = true });
		for (uint32_t i = 0; i < x.m->funcs.n; i++)
			ir_settle(x.m->funcs.v[i]);
		ir_print(&out, x.m);
		fixture_done(&x);
		assert_same_text(out.data);
		buf_done(&out);
	}
}

static void assert_refused(const char *body, const char *why)
{
	struct fixture x;
	struct buf text = { 0 };
	struct ir_module *m = NULL;

	fixture_init(&x);
	buf_printf(&text, "func \"f\" entry 1\n\t%%0 = param 0\nb0:\n%s", body);
	assert_int_equal(ir_parse(&x.arena, x.img, &x.target, text.data, &m, &x.diags), -EINVAL);
	assert_null(m);
	if (!strstr(x.diags.first->text, why))
		fail_msg("said: %s", x.diags.first->text);
	buf_done(&text);
	fixture_done(&x);
}

static void what_the_reader_refuses(void **state)
{
	(void)state;
	assert_refused("\tfrob 1\n", "line 4 of the IR text: there is no such operation");
	assert_refused("\t%1 = store64 %0+0, 1\n", "by what gives none");
	assert_refused("\tload64 %0+0\n", "has no name");
	assert_refused("\t%1 = load64 %0\n\treturn 0\n", "a number is missing");
	assert_refused("\t%1 = add 1 2\n", "a comma is missing");
	assert_refused("\t%1 = add 1, 2, 3\n", "something follows");
	assert_refused("\t%1 = add 1,\n 2\n", "a number is missing");
	assert_refused("\t%99999999999 = add 1, 2\n", "out of range");
	assert_refused("\t%1 = add 99999999999999999999, 2\n", "too large");
	assert_refused("\treturn %7\n", "a value is named but not given");
	assert_refused("\tjump b5\n", "a block is named but not written");
	assert_refused("\t%1 = call f9\n", "there is no such function");
	assert_refused("\t%1 = ksym \"x, 0\n", "a string has no end");
	assert_refused("\t%1 = add 1, 2\n\t%1 = add 1, 2\n\treturn 0\n", "given twice");
	assert_refused("\tjump b1\nb1:\n\t%1 = phi b0: 1, b0: 2\n\treturn %1\n",
		       "not one operand for each");
	assert_refused("\tjump b1\nb1:\n\t%1 = phi b1: 1\n\treturn %1\n", "no predecessor");
}

static void what_the_checker_refuses(void **state)
{
	(void)state;
	assert_refused("\t%1 = add 1, 2\n", "a block has no end");
	assert_refused("\treturn 0\n\treturn 1\n", "only jump, branch or return");
	assert_refused("\t%1 = add %2, 1\n\t%2 = add 1, 1\n\treturn %1\n",
		       "operand does not come before");
	assert_refused("\tbranch %0, b1, b2\nb1:\n\t%1 = helper 7\n\tjump b2\nb2:\n\treturn %1\n",
		       "operand does not come before");
	assert_refused("\tbranch %0, b1, b2\nb1:\n\tjump b2\nb2:\n"
		       "\t%1 = phi b0: %2, b1: 0\n\t%2 = helper 7\n\treturn %1\n",
		       "phi operand does not reach its edge");
	assert_refused("\tbranch %0, b1, b1\nb1:\n\treturn 0\n", "one block");
	assert_refused("\tjump b0\n", "the first block is jumped to");
	assert_refused("\t%1 = helper 1, 1, 2, 3, 4, 5, 6\n\treturn 0\n", "more than 5");
	assert_refused("\t%1 = call f0\n\treturn 0\n", "as many arguments as there are parameters");
	assert_refused("\t%1 = map 5\n\treturn 0\n", "names no map");
	assert_refused("\t%1 = param 3\n\treturn 0\n", "no such parameter");
	assert_refused("\t%1 = xchg 3, %0+0, 1\n\treturn 0\n", "4 or 8 bytes");
	assert_refused("\tzero 0, %0+0\n\treturn 0\n", "size out of range");
	assert_refused("\t%1 = slot 0, 0, \"x\"\n\treturn 0\n", "size out of range");
}

/* Damaged text is read or refused, and never worse. */
static void damaged_text(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (int round = 0; round < 400; round++) {
		struct fixture x, y;
		struct buf out = { 0 };
		struct ir_module *m;

		build(&x, (struct shape){ .seed = round % 20, .size = 20, .functions = true });
		for (uint32_t i = 0; i < x.m->funcs.n; i++)
			ir_settle(x.m->funcs.v[i]);
		ir_print(&out, x.m);
		for (int k = 0; k < 3; k++) {
			seed = seed * UINT64_C(6364136223846793005) + 1;
			out.data[(seed >> 33) % out.len] = "%b\n ,+:x0917\"\\"[(seed >> 20) % 14];
		}
		fixture_init(&y);
		if (!ir_parse(&y.arena, y.img, &y.target, out.data, &m, &y.diags))
			assert_non_null(m);
		else
			assert_int_equal(y.diags.errors, 1);
		buf_done(&out);
		fixture_done(&x);
		fixture_done(&y);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_operand_shape),
		cmocka_unit_test(blocks_in_any_order),
		cmocka_unit_test(random_modules),
		cmocka_unit_test(what_the_reader_refuses),
		cmocka_unit_test(what_the_checker_refuses),
		cmocka_unit_test(damaged_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
