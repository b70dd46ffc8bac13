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

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#define FOLDER "tests/golden/ir"

static bool blessing;
static unsigned programs, wrong;

static void path_of(char *path, size_t size, const char *name, const char *extension)
{
	snprintf(path, size, FOLDER "/%.*s%s", (int)strlen(name) - 3, name, extension);
}

static void compare(const char *name, const char *extension, const char *got)
{
	struct buf want = { 0 };
	char path[512];

	path_of(path, sizeof(path), name, extension);
	if (blessing) {
		FILE *f = fopen(path, "w");

		assert_non_null(f);
		fputs(got, f);
		fclose(f);
		return;
	}
	assert_int_equal(buf_read_file(&want, AT_FDCWD, path, 1 << 24), 0);
	if (strcmp(want.len ? want.data : "", got) != 0) {
		fprintf(stderr, "%s: expected\n%s---- but got\n%s----\n", path, want.data, got);
		wrong++;
	}
	buf_done(&want);
}

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

static void one_program(const char *name)
{
	struct buf text = { 0 };
	char path[512], *texts[2] = { NULL, NULL };

	path_of(path, sizeof(path), name, ".ir");
	assert_int_equal(buf_read_file(&text, AT_FDCWD, path, 1 << 24), 0);
	compile(text.data, 0, texts);
	compare(name, ".opt", texts[0]);
	compare(name, ".bpf", texts[1]);
	path_of(path, sizeof(path), name, ".bpf2");
	if (access(path, F_OK) == 0) {
		compile(text.data, 2, texts);
		compare(name, ".bpf2", texts[1]);
	}
	free(texts[0]);
	free(texts[1]);
	programs++;
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

		if (len > 3 && streq(names[i]->d_name + len - 3, ".ir"))
			one_program(names[i]->d_name);
		free(names[i]);
	}
	free(names);
	assert_true(programs >= 5);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_golden) };

	blessing = getenv("BLESS") != NULL;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
