/*
 * Walks tests/golden/script: each NAME.bt is compiled for a fixed kernel and compared with the
 * files beside it, where they exist:
 *
 *	NAME.typ	the checked trees
 *	NAME.plan	the plan
 *	NAME.ir		the IR as built
 *	NAME.bpf	the bytecode
 *	NAME.err	the diagnostics; no file: none
 *
 * The first lines of a script say how it is compiled, see lang_compiling.h. BLESS=1 in the
 * environment rewrites the files; a new script gets .typ and .ir, or .err. The diff is for review.
 */
#include "lang_compiling.h"

#include "golden.h"

static const struct {
	const char *extension;
	char stage;
	bool wanted; /* of every script that compiles */
} kinds[] = {
	{ ".typ", 's', true },
	{ ".plan", 'p', false },
	{ ".ir", 'i', true },
	{ ".bpf", 'b', false },
};

static void one_script(struct golden *g, const char *script)
{
	struct buf text = { 0 }, out = { 0 };
	struct compiled c;

	golden_read(g, script, &text);
	compile_text(&c, script, text.data, text.len, "spib");
	for (const struct diag *one = c.diags.first; one; one = one->next)
		diag_render(&out, &c.diags, one, false);
	golden_settle(g, script, ".err", &out);
	assert_int_equal(c.status != 0, c.diags.errors != 0);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (golden_exists(g, script, kinds[i].extension) ||
		    (kinds[i].wanted && c.status == 0))
			golden_settle(g, script, kinds[i].extension,
				      &c.stages[(int)kinds[i].stage]);
	compiled_done(&c);
	buf_done(&out);
	buf_done(&text);
}

static void every_script(void **state)
{
	struct golden g = { .folder = "tests/golden/script", .extension = ".bt" };

	(void)state;
	golden_walk(&g, 40, one_script);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_script) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
