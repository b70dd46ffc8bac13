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

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define FOLDER "tests/golden/lang"

static bool blessing;
static unsigned scripts, wrong;

/* The file beside @script that has @extension instead of ".bt". */
static void beside(char *path, size_t size, const char *script, const char *extension)
{
	snprintf(path, size, FOLDER "/%.*s%s", (int)strlen(script) - 3, script, extension);
}

static void bless(const char *path, const struct buf *got)
{
	FILE *f;

	if (!got->len) {
		unlink(path);
		return;
	}
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(got->data, 1, got->len, f), got->len);
	fclose(f);
}

static void compare(const char *path, const struct buf *got)
{
	struct buf want = { 0 };

	if (access(path, R_OK) == 0)
		assert_int_equal(buf_read_file(&want, AT_FDCWD, path, 1 << 24), 0);
	if (want.len != got->len || (got->len && memcmp(want.data, got->data, got->len) != 0)) {
		print_error("%s: expected\n%s---- but got\n%s----\n", path,
			    want.len ? want.data : "", got->len ? got->data : "");
		wrong++;
	}
	buf_done(&want);
}

static void settle(const char *script, const char *extension, const struct buf *got)
{
	char path[512];

	beside(path, sizeof(path), script, extension);
	if (blessing)
		bless(path, got);
	else
		compare(path, got);
}

static void one_script(const char *script)
{
	struct buf text = { 0 }, out = { 0 };
	struct parsed r;
	char path[512];

	beside(path, sizeof(path), script, ".bt");
	assert_int_equal(buf_read_file(&text, AT_FDCWD, path, 1 << 24), 0);
	parse_text(&r, script, text.len ? text.data : "", text.len);
	tree_dump(&out, r.tree);
	settle(script, ".ast", &out);
	buf_clear(&out);
	render_diags(&out, &r.diags);
	settle(script, ".err", &out);
	assert_int_equal(r.status != 0, r.diags.errors != 0);
	beside(path, sizeof(path), script, ".tok");
	if (access(path, F_OK) == 0) {
		buf_clear(&out);
		lang_dump_tokens(&r.arena, r.source, &out);
		settle(script, ".tok", &out);
	}
	scripts++;
	parsed_done(&r);
	buf_done(&out);
	buf_done(&text);
}

static void test_golden(void **state)
{
	struct dirent **names;
	int n = scandir(FOLDER, &names, NULL, alphasort);

	(void)state;
	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		size_t len = strlen(names[i]->d_name);

		if (len > 3 && streq(names[i]->d_name + len - 3, ".bt"))
			one_script(names[i]->d_name);
		free(names[i]);
	}
	free(names);
	assert_true(scripts >= 40);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_golden) };

	blessing = getenv("BLESS") != NULL;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
