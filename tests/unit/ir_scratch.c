/* Slots that leave the stack: where the frame is claimed and given back, and when it is not. */
#include "ir_testing.h"

#define SLOT "\t%1 = slot 100, 0, \"big\"\n"
#define HEAD "func \"f\" entry 1\n\t%0 = param 0\n" SLOT

struct counts {
	unsigned claims, releases, lost, slots;
};

static struct counts count(const struct fixture *x)
{
	struct counts c = { 0 };
	const struct ir_func *f = x->m->funcs.v[0];

	for (uint32_t i = 0; i < f->blocks.n; i++)
		for (const struct ir_value *v = f->blocks.v[i]->first; v; v = v->next) {
			bool frame = v->nargs && v->args[0] == f->scratch && !v->offset;

			c.claims += v->op == IR_XCHG;
			c.releases += frame && v->op == IR_STORE64;
			c.lost += v->op == IR_ATOMIC_ADD;
			for (uint32_t k = 0; k < v->nargs; k++)
				c.slots += v->args[k]->op == IR_SLOT && v->args[k]->n > 8;
		}
	return c;
}

static void claim(struct fixture *x, const char *text, bool atomic)
{
	fixture_parse(x, text);
	x->target.features[FEATURE_ATOMIC_FETCH] = atomic ? FEATURE_PRESENT : FEATURE_ABSENT;
	x->m->registers = 0x3ff;
	x->m->diags = &x->diags;
	ir_cfg(x->m->funcs.v[0]);
	assert_int_equal(ir_scratch_claim(x->m), 0);
	assert_well_formed(x);
	ir_dce(x->m->funcs.v[0]);
}

static void after_the_predicate(void **state)
{
	struct fixture x;
	const struct ir_func *f;
	const struct ir_value *v;
	struct counts c;

	(void)state;
	claim(&x,
	      HEAD "b0:\n\t%2 = load64 %0+0\n\tbranch %2, b1, b2\n"
		   "b1:\n\t%3 = helper 7\n\tstore64 %1+96, %3\n\t%4 = helper 1, %1\n\tjump b2\n"
		   "b2:\n\t%5 = phi b0: 0, b1: 1\n\treturn %5\n",
	      true);
	c = count(&x);
	assert_int_equal(c.claims, SCRATCH_LEVELS);
	assert_int_equal(c.releases, 1);
	assert_int_equal(c.lost, 1);
	assert_int_equal(c.slots, 0);
	/* the first block ends as it did; the claim follows helper 7 */
	f = x.m->funcs.v[0];
	assert_int_equal(f->blocks.v[0]->last->op, IR_BRANCH);
	v = f->blocks.v[1]->first;
	assert_int_equal(v->n, BPF_FUNC_get_prandom_u32);
	assert_int_equal(v->next->n, BPF_FUNC_get_smp_processor_id);
	/* what the map is */
	assert_int_equal(x.img->maps.v[1].role, MAP_SCRATCH);
	assert_int_equal(x.img->maps.v[1].value_size, 8 + 104);
	assert_int_equal(x.img->maps.v[1].max_entries, 4 * SCRATCH_LEVELS);
	assert_int_equal(x.img->maps.v[2].role, MAP_GLOBALS);
	fixture_done(&x);
}

static void every_way_out_gives_back(void **state)
{
	struct fixture x;

	(void)state;
	claim(&x,
	      HEAD "b0:\n\t%2 = load64 %0+0\n\tbranch %2, b1, b5\n"
		   "b1:\n\t%3 = helper 1, %1\n\tbranch %3, b2, b3\n"
		   "b2:\n\treturn 1\n"
		   "b3:\n\t%4 = helper 7\n\tbranch %4, b4, b5\n"
		   "b4:\n\treturn %4\n"
		   "b5:\n\treturn 0\n",
	      true);
	assert_int_equal(count(&x).releases, 3);
	fixture_done(&x);
}

/* A frame claimed round by round would forget what the round before put there. */
static void outside_of_loops(void **state)
{
	struct fixture x;
	const struct ir_func *f;

	(void)state;
	claim(&x,
	      HEAD "b0:\n\t%2 = load64 %0+0\n\tjump b1\n"
		   "b1:\n\t%3 = phi b0: 0, b2: %4\n\t%6 = ult %3, %2\n\tbranch %6, b2, b3\n"
		   "b2:\n\t%5 = helper 1, %1\n\t%4 = add %3, 1\n\tjump b1\n"
		   "b3:\n\treturn 0\n",
	      true);
	f = x.m->funcs.v[0];
	for (uint32_t i = 0; i < f->order.n; i++)
		for (const struct ir_value *v = f->order.v[i]->first; v; v = v->next)
			if (v->op == IR_XCHG)
				assert_int_equal(v->block->depth, 0);
	assert_int_equal(count(&x).releases, 1);
	fixture_done(&x);
}

static void without_exchange(void **state)
{
	struct fixture x;
	struct counts c;

	(void)state;
	claim(&x, HEAD "b0:\n\t%2 = helper 1, %1\n\treturn 0\n", false);
	c = count(&x);
	assert_int_equal(c.claims, 0);
	assert_int_equal(c.slots, 0);
	assert_int_equal(c.releases, 1);
	fixture_done(&x);
}

static void small_slots_stay(void **state)
{
	struct fixture x;

	(void)state;
	claim(&x,
	      "func \"f\" entry 1\n\t%1 = slot 64, 0, \"a\"\n\t%2 = slot 200, 1, \"context\"\n"
	      "b0:\n\t%3 = helper 1, %1, %2\n\treturn 0\n",
	      true);
	assert_int_equal(count(&x).slots, 2);
	assert_int_equal(image_role(x.img, MAP_SCRATCH), -1);
	fixture_done(&x);
}

/* Many small ones are too much together: the largest leave. */
static void when_the_stack_is_full(void **state)
{
	struct fixture x;
	struct buf text = { 0 };

	(void)state;
	buf_puts(&text, "func \"f\" entry 1\n");
	for (int i = 1; i <= 8; i++)
		buf_printf(&text, "\t%%%d = slot %d, 0, \"s\"\n", i, i == 5 ? 64 : 56);
	buf_puts(&text, "b0:\n");
	for (int i = 1; i <= 8; i++)
		buf_printf(&text, "\t%%%d = helper 1, %%%d\n", i + 10, i);
	buf_puts(&text, "\treturn 0\n");
	claim(&x, text.data, true);
	assert_int_equal(count(&x).slots, 6);
	/* 64 and 56 bytes went */
	assert_int_equal(x.img->maps.v[1].value_size, 8 + 64 + 56);
	buf_done(&text);
	fixture_done(&x);
}

static void callbacks_are_told(void **state)
{
	struct fixture x;
	const struct ir_value *v;

	(void)state;
	fixture_parse(&x, "func \"f\" entry 1\n"
			  "\t%1 = slot 8, 1, \"context\"\n"
			  "\t%2 = scratch\n"
			  "\t%3 = func f1\n"
			  "b0:\n"
			  "\tstore64 %1+0, %2\n"
			  "\t%4 = helper 181, 3, %3, %1, 0\n"
			  "\treturn 0\n"
			  "func \"g\" callback 2\n"
			  "\t%0 = param 1\n"
			  "\t%1 = slot 80, 0, \"big\"\n"
			  "b0:\n"
			  "\t%2 = load64 %0+0\n"
			  "\tscratchset %2\n"
			  "\tstore64 %1+16, 1\n"
			  "\t%3 = helper 1, %1\n"
			  "\treturn 0\n");
	x.m->registers = 0x3ff;
	x.m->diags = &x.diags;
	ir_cfg(x.m->funcs.v[0]);
	ir_cfg(x.m->funcs.v[1]);
	assert_int_equal(ir_scratch_claim(x.m), 0);
	assert_well_formed(&x);
	v = x.m->funcs.v[1]->blocks.v[0]->first->next;
	while (v->op != IR_STORE64)
		v = v->next;
	/* 8 for the busy word: the slot begins there */
	assert_int_equal(v->args[0]->op, IR_ADD);
	assert_ptr_equal(v->args[0]->args[0], x.m->funcs.v[1]->blocks.v[0]->first);
	assert_int_equal(v->args[0]->args[1]->n, 8);
	assert_int_equal(v->offset, 16);
	fixture_done(&x);
}

static void assert_compile_error(const char *text, const char *why)
{
	struct fixture x;

	fixture_parse(&x, text);
	assert_int_equal(ir_compile(x.m, NULL, &x.prog, &x.diags), -EINVAL);
	if (!strstr(x.diags.first->text, why))
		fail_msg("said: %s", x.diags.first->text);
	fixture_done(&x);
}

static void what_does_not_fit(void **state)
{
	(void)state;
	assert_compile_error("func \"f\" entry 1\n"
			     "\t%1 = slot 700000, 0, \"a\"\n\t%2 = slot 700000, 0, \"b\"\n"
			     "b0:\n\t%3 = helper 1, %1, %2\n\treturn 0\n",
			     "more than 1 MiB");
	assert_compile_error("func \"f\" entry 1\n\t%1 = slot 600, 1, \"context\"\n"
			     "b0:\n\t%3 = helper 1, %1\n\treturn 0\n",
			     "this needs 608 bytes of stack, and BPF has 512");
	assert_compile_error("func \"f\" entry 1\nb0:\n\t%1 = call f1, 1\n\treturn 0\n"
			     "func \"g\" local 1\n\t%1 = slot 100, 0, \"x\"\n"
			     "b0:\n\t%2 = helper 1, %1\n\treturn 0\n",
			     "was not told where the scratch frame is");
	assert_compile_error("func \"f\" entry 1\nb0:\n\t%1 = call f1\n\treturn 0\n"
			     "func \"g\" local 0\nb0:\n\t%1 = call f1\n\treturn 0\n",
			     "more than 8 deep");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_the_predicate), cmocka_unit_test(every_way_out_gives_back),
		cmocka_unit_test(outside_of_loops),    cmocka_unit_test(without_exchange),
		cmocka_unit_test(small_slots_stay),    cmocka_unit_test(when_the_stack_is_full),
		cmocka_unit_test(callbacks_are_told),  cmocka_unit_test(what_does_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
