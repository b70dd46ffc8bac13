/*
 * Walks tests/golden/lang: each NAME.bt is parsed and compared with the files beside it:
 *
 *	NAME.tok	lang_dump_tokens, where the file exists
 *	NAME.ast	tree_dump
 *	NAME.err	the diagnostics; no file: none
 *
 * BLESS=1 in the environment rewrites them; the diff is for review.
 */
#include "lang_testing.h"

#include "golden.h"

static void one_script(struct golden *g, const char *script)
{
	struct buf text = { 0 }, out = { 0 };
	struct parsed r;

	golden_read(g, script, &text);
	parse_text(&r, script, text.data, text.len);
	tree_dump(&out, r.tree);
	golden_settle(g, script, ".ast", &out);
	buf_clear(&out);
	render_diags(&out, &r.diags);
	golden_settle(g, script, ".err", &out);
	assert_int_equal(r.status != 0, r.diags.errors != 0);
	if (golden_exists(g, script, ".tok")) {
		buf_clear(&out);
		lang_dump_tokens(&r.arena, r.source, &out);
		golden_settle(g, script, ".tok", &out);
	}
	parsed_done(&r);
	buf_done(&out);
	buf_done(&text);
}

static void every_script(void **state)
{
	struct golden g = { .folder = "tests/golden/lang", .extension = ".bt" };

	(void)state;
	golden_walk(&g, 40, one_script);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_script) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
