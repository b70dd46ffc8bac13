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

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define FOLDER "tests/golden/script"

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

static bool blessing;
static unsigned scripts, wrong;

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

static void settle(const char *path, const struct buf *got)
{
	if (blessing)
		bless(path, got);
	else
		compare(path, got);
}

static void one_script(const char *script)
{
	struct buf text = { 0 }, out = { 0 };
	struct compiled c;
	char path[512];

	beside(path, sizeof(path), script, ".bt");
	assert_int_equal(buf_read_file(&text, AT_FDCWD, path, 1 << 24), 0);
	compile_text(&c, script, text.len ? text.data : "", text.len, "spib");
	for (const struct diag *one = c.diags.first; one; one = one->next)
		diag_render(&out, &c.diags, one, false);
	beside(path, sizeof(path), script, ".err");
	settle(path, &out);
	assert_int_equal(c.status != 0, c.diags.errors != 0);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		beside(path, sizeof(path), script, kinds[i].extension);
		if (access(path, F_OK) == 0 || (kinds[i].wanted && c.status == 0))
			settle(path, &c.stages[(int)kinds[i].stage]);
	}
	scripts++;
	compiled_done(&c);
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
