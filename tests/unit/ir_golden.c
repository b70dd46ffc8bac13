/*
 * Walks tests/golden/ir: each NAME.ir is compiled and compared with the files beside it:
 *
 *	NAME.opt	the optimised, lowered IR
 *	NAME.bpf	the bytecode with all registers
 *	NAME.bpf2	the bytecode with two registers, where the file exists
 *
 * BLESS=1 in the environment rewrites them; the diff is for review.
 */
#include "ir_testing.h"

#include "golden.h"

static void keep(void *ctx, char stage, const char *title, const char *text)
{
	char **texts = ctx;

	(void)title;
	free(texts[stage == 'b']);
	texts[stage == 'b'] = strdup(text);
}

/* What the stages 'o' and 'b' show. */
static void compile(const char *text, unsigned registers, char *texts[2])
{
	struct fixture x;
	struct ir_options opt = { .registers = registers,
				  .dump = keep,
				  .dump_ctx = texts,
				  .stages = "ob",
				  .check = true };

	fixture_parse(&x, text);
	if (ir_compile(x.m, &opt, &x.prog, &x.diags)) {
		show_diags(&x);
		fail();
	}
	fixture_done(&x);
}

static void settle(struct golden *g, const char *name, const char *extension, const char *got)
{
	struct buf text = { 0 };

	buf_puts(&text, got);
	golden_settle(g, name, extension, &text);
	buf_done(&text);
}

static void one_program(struct golden *g, const char *name)
{
	struct buf text = { 0 };
	char *texts[2] = { NULL, NULL };

	golden_read(g, name, &text);
	compile(text.data, 0, texts);
	settle(g, name, ".opt", texts[0]);
	settle(g, name, ".bpf", texts[1]);
	if (golden_exists(g, name, ".bpf2")) {
		compile(text.data, 2, texts);
		settle(g, name, ".bpf2", texts[1]);
	}
	free(texts[0]);
	free(texts[1]);
	buf_done(&text);
}

static void every_program(void **state)
{
	struct golden g = { .folder = "tests/golden/ir", .extension = ".ir" };

	(void)state;
	golden_walk(&g, 5, one_program);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_program) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
