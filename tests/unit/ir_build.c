/* The builder as front ends use it, and what the whole pipeline adds to a program. */
#include "ir_testing.h"

static void assert_func(struct ir_func *f, const char *expected)
{
	struct buf out = { 0 };

	ir_settle(f);
	ir_cfg(f);
	ir_fold(f);
	ir_dce(f);
	ir_print_func(&out, f);
	assert_string_equal(out.data, expected);
	buf_done(&out);
}

static void variables_meet_in_phis(void **state)
{
	struct fixture x;
	struct ir_func *f;
	struct ir_block *then, *end;
	struct ir_var *a, *b, *never;

	(void)state;
	fixture_init(&x);
	f = ir_func_new(x.m, "f", 1, IR_ENTRY);
	then = ir_block_new(f, "then");
	end = ir_block_new(f, "end");
	a = ir_var_new(f, "a");
	b = ir_var_new(f, "b");
	never = ir_var_new(f, "never");
	ir_var_set(f, a, ir_const(f, 1));
	ir_var_set(f, b, ir_param(f, 0));
	ir_branch(f, ir_load(f, IR_LOAD64, ir_param(f, 0), 0), then, end);
	ir_block_seal(f, then);
	ir_block_start(f, then);
	ir_var_set(f, a, ir_const(f, 2));
	ir_jump(f, end);
	ir_block_seal(f, end);
	ir_block_start(f, end);
	/* only a differs; what was never set is 0 */
	ir_return(f, ir_binary(f, IR_ADD, ir_var_get(f, a),
			       ir_binary(f, IR_ADD, ir_load(f, IR_LOAD8, ir_var_get(f, b), 9),
					 ir_var_get(f, never))));
	assert_func(f, "func \"f\" entry 1\n"
		       "\t%0 = param 0\n"
		       "b0:\n"
		       "\t%1 = load64 %0+0\n"
		       "\tbranch %1, b1, b2\n"
		       "b1 \"then\":\n"
		       "\tjump b2\n"
		       "b2 \"end\":\n"
		       "\t%2 = phi b0: 1, b1: 2\n"
		       "\t%3 = load8 %0+9\n"
		       "\t%4 = add %2, %3\n"
		       "\treturn %4\n");
	fixture_done(&x);
}

static void loops_are_sealed_late(void **state)
{
	struct fixture x;
	struct ir_func *f;
	struct ir_block *head, *body, *end;
	struct ir_var *i, *same;

	(void)state;
	fixture_init(&x);
	f = ir_func_new(x.m, "f", 0, IR_ENTRY);
	head = ir_block_new(f, NULL);
	body = ir_block_new(f, NULL);
	end = ir_block_new(f, NULL);
	i = ir_var_new(f, "i");
	same = ir_var_new(f, "same");
	ir_var_set(f, i, ir_const(f, 0));
	ir_var_set(f, same, ir_call_helper0(f, 7));
	ir_jump(f, head);
	ir_block_start(f, head);
	ir_branch(f, ir_compare(f, IR_ULT, ir_var_get(f, i), ir_var_get(f, same)), body, end);
	ir_block_start(f, body);
	ir_var_set(f, i, ir_binary(f, IR_ADD, ir_var_get(f, i), ir_const(f, 1)));
	ir_jump(f, head);
	ir_block_start(f, end);
	ir_return(f, ir_var_get(f, same));
	ir_seal_all(f);
	assert_func(f, "func \"f\" entry 0\n"
		       "b0:\n"
		       "\t%0 = helper 7\n"
		       "\tjump b1\n"
		       "b1:\n"
		       "\t%1 = phi b0: 0, b2: %3\n"
		       "\t%2 = ult %1, %0\n"
		       "\tbranch %2, b2, b3\n"
		       "b2:\n"
		       "\t%3 = add %1, 1\n"
		       "\tjump b1\n"
		       "b3:\n"
		       "\treturn %0\n");
	fixture_done(&x);
}

static void nothing_follows_a_return(void **state)
{
	struct fixture x;
	struct ir_func *f;
	struct ir_block *b;

	(void)state;
	fixture_init(&x);
	f = ir_func_new(x.m, "f", 0, IR_ENTRY);
	b = ir_block_new(f, NULL);
	assert_false(ir_ended(f));
	ir_branch(f, ir_const(f, 0), b, b);
	ir_block_start(f, b);
	ir_return(f, ir_const(f, 3));
	assert_true(ir_ended(f));
	ir_call_helper0(f, 7);
	ir_store(f, IR_STORE64, ir_map_value(f, 0, 0), 0, ir_call_helper0(f, 5));
	ir_return(f, ir_const(f, 4));
	assert_func(f, "func \"f\" entry 0\nb0:\n\tjump b1\nb1:\n\treturn 3\n");
	fixture_done(&x);
}

/* A chain of thousands of joins must not cost C stack. */
static void long_functions(void **state)
{
	struct fixture x;
	struct ir_func *f;
	struct ir_var *var;

	(void)state;
	fixture_init(&x);
	f = ir_func_new(x.m, "f", 1, IR_ENTRY);
	var = ir_var_new(f, "v");
	ir_var_set(f, var, ir_const(f, 5));
	for (int i = 0; i < 3000; i++) {
		struct ir_block *then = ir_block_new(f, NULL), *end = ir_block_new(f, NULL);

		ir_branch(f, ir_call_helper0(f, 7), then, end);
		ir_block_seal(f, then);
		ir_block_start(f, then);
		ir_call_helper0(f, 5);
		ir_jump(f, end);
		ir_block_seal(f, end);
		ir_block_start(f, end);
	}
	ir_return(f, ir_var_get(f, var));
	assert_int_equal(f->current == NULL, 1);
	assert_int_equal(ir_compile(x.m, &(struct ir_options){ .check = true }, &x.prog, &x.diags),
			 0);
	/* call, test, call; and two ways to return */
	assert_int_equal(x.prog.insns.n, 3000 * 3 + 4);
	fixture_done(&x);
}

static void jumps_that_are_too_long(void **state)
{
	struct fixture x;
	struct ir_func *f;
	struct ir_block *far, *near;

	(void)state;
	fixture_init(&x);
	f = ir_func_new(x.m, "f", 1, IR_ENTRY);
	far = ir_block_new(f, NULL);
	near = ir_block_new(f, NULL);
	ir_branch(f, ir_load(f, IR_LOAD64, ir_param(f, 0), 0), near, far);
	ir_block_start(f, near);
	for (int i = 0; i < 33000; i++)
		ir_call_helper0(f, 7);
	ir_jump(f, far);
	ir_block_start(f, far);
	ir_call_helper0(f, 5);
	ir_return(f, ir_const(f, 0));
	assert_int_equal(ir_compile(x.m, NULL, &x.prog, &x.diags), -EINVAL);
	assert_non_null(strstr(x.diags.first->text, "more than 32767 instructions"));
	fixture_done(&x);
}

static const struct reloc *reloc_of(const struct fixture *x, enum reloc_kind kind)
{
	for (uint32_t i = 0; i < x->prog.relocs.n; i++)
		if (x->prog.relocs.v[i].kind == kind)
			return &x->prog.relocs.v[i];
	fail();
	return NULL;
}

static void relocations_spans_and_functions(void **state)
{
	struct fixture x;
	const struct insn *at;
	const struct reloc *r;

	(void)state;
	fixture_parse(&x, "func \"f\" entry 1\n"
			  "\t%1 = ksym \"runqueues\", 4\n"
			  "\t%2 = imageparam 0\n"
			  "\t%3 = mapvalue 0, 16\n"
			  "\t%4 = func f1\n"
			  "b0:\n"
			  "\t%5 = helper 101, %1, %2, %3 !10:20\n"
			  "\t%6 = helper 181, 2, %4, 0, 0 !30:40\n"
			  "\treturn 0\n"
			  "func \"unused\" local 0\nb0:\n\treturn 7\n"
			  "func \"callback\" callback 2\nb0:\n\treturn 0 !50:60\n");
	/* f1 is "unused": name the callback instead */
	for (uint32_t i = 0; i < x.m->funcs.v[0]->leaves.n; i++)
		if (x.m->funcs.v[0]->leaves.v[i]->op == IR_FUNC)
			x.m->funcs.v[0]->leaves.v[i]->callee = x.m->funcs.v[2];
	assert_int_equal(ir_compile(x.m, NULL, &x.prog, &x.diags), 0);
	r = reloc_of(&x, RELOC_KSYM);
	assert_string_equal(r->name, "runqueues");
	assert_int_equal(r->addend, 4);
	assert_int_equal(reloc_of(&x, RELOC_PARAM)->index, PARAM_COOKIE);
	assert_true(x.prog.per_attach);
	r = reloc_of(&x, RELOC_MAP_VALUE);
	at = &x.prog.insns.v[r->insn];
	assert_int_equal(at->opcode, BPF_LD | BPF_IMM | BPF_DW);
	assert_int_equal(at->src, BPF_PSEUDO_MAP_VALUE);
	assert_int_equal(at[1].imm, 16);
	r = reloc_of(&x, RELOC_FUNC);
	at = &x.prog.insns.v[r->insn];
	assert_int_equal(at->src, BPF_PSEUDO_FUNC);
	assert_int_equal(r->insn + 1 + at->imm, r->index);
	/* what nothing calls is not there */
	assert_int_equal(x.prog.funcs.n, 2);
	assert_string_equal(x.prog.funcs.v[1].name, "callback");
	assert_int_equal(x.prog.funcs.v[1].insn, r->index);
	assert_int_equal(x.prog.funcs.v[1].nparams, 2);
	assert_int_equal(prog_span(&x.prog, 0).lo, 10);
	assert_int_equal(prog_span(&x.prog, r->insn).lo, 30);
	assert_int_equal(prog_span(&x.prog, r->index).lo, 50);
	fixture_done(&x);
}

static void keep_stage(void *ctx, char stage, const char *title, const char *text)
{
	char *seen = ctx;

	assert_true(*title && *text);
	seen[strlen(seen)] = stage;
}

static void dumps_by_letter(void **state)
{
	struct fixture x;
	char seen[8] = "";
	struct ir_options opt = { .dump = keep_stage, .dump_ctx = seen, .stages = "iolrb" };

	(void)state;
	fixture_init(&x);
	ir_func_new(x.m, "f", 1, IR_ENTRY);
	assert_int_equal(ir_compile(x.m, &opt, &x.prog, &x.diags), 0);
	assert_string_equal(seen, "iolrb");
	fixture_done(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(variables_meet_in_phis),
		cmocka_unit_test(loops_are_sealed_late),
		cmocka_unit_test(nothing_follows_a_return),
		cmocka_unit_test(long_functions),
		cmocka_unit_test(jumps_that_are_too_long),
		cmocka_unit_test(relocations_spans_and_functions),
		cmocka_unit_test(dumps_by_letter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
