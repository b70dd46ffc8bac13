/*
 * The formatter: chosen scripts look as wanted; and for every golden script without an error, what
 * comes out parses to the same tree, keeps the comments, and does not change when it is formatted
 * again.
 */
#include "lang_testing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "lang/format.h"

#define FOLDER "tests/golden/lang"

static const struct pair {
	const char *before, *after;
} pairs[] = {
	{ "BEGIN{exit()}", "BEGIN { exit() }\n" },
	{ "BEGIN { }", "BEGIN { }\n" },
	{ "BEGIN\n{\n}\n", "BEGIN {\n}\n" },
	{ "BEGIN{\n@x=1;@y=2\n}", "BEGIN {\n\t@x = 1;\n\t@y = 2\n}\n" },
	{ "BEGIN{\n@x=1\n@y=2\n\n\n\n@z=3;}\n\n\nEND{}",
	  "BEGIN {\n\t@x = 1;\n\t@y = 2;\n\n\t@z = 3;\n}\n\nEND { }\n" },
	{ "k:f/pid==1&&!tid/{\nif(1){@=1}else if(2){\n@=2}\n}",
	  "k:f /pid == 1 && !tid/ {\n\tif (1) { @ = 1 } else if (2) {\n\t\t@ = 2\n\t}\n}\n" },
	{ "k:f,k:g,\nk:h{ printf( \"x\" ,1 ) }", "k:f, k:g,\nk:h { printf(\"x\", 1) }\n" },
	{ "k:f{@[a,b]=-1 - -$x*(c+d)[ 1 ]->e . f}",
	  "k:f { @[a, b] = -1 - -$x * (c + d)[1]->e.f }\n" },
	{ "k:f{$x=(uint8)-1;$y=(struct x *)$z;}",
	  "k:f { $x = (uint8)-1; $y = (struct x *)$z; }\n" },
	{ "k:f{\n// one\n@=1;// two\n\n/* three */ @=2;\n// four\n}\n// five",
	  "k:f {\n\t// one\n\t@ = 1; // two\n\n\t/* three */ @ = 2;\n\t// four\n}\n// five\n" },
	{ "k:f{for($i:0 .. 5){unroll (3){$x++;}}}",
	  "k:f { for ($i : 0..5) { unroll(3) { $x++; } } }\n" },
	{ "k:f{\nprintf(\"x\",\n1,\n2);}", "k:f {\n\tprintf(\"x\",\n\t\t1,\n\t\t2);\n}\n" },
	{ "k:f{@=a?b:c?:d;}", "k:f { @ = a ? b : c ?: d; }\n" },
	{ "#!/usr/bin/skep\nk:f{}", "#!/usr/bin/skep\nk:f { }\n" },
	{ "k:f / *$p / { }", "k:f / *$p/ { }\n" },
	{ "config={a=1\nb=2}k:f{}", "config = {\n\ta = 1;\n\tb = 2\n}\nk:f { }\n" },
};

static char *format(const char *name, const char *text, size_t len)
{
	struct buf out = { 0 };
	struct parsed r;

	parsed_init(&r, name, text, len);
	assert_int_equal(lang_format(&r.arena, r.source, &r.diags, &out), 0);
	assert_int_equal(out.err, 0);
	parsed_done(&r);
	return out.data;
}

static void test_pairs(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(pairs); i++) {
		char *once = format("t", pairs[i].before, strlen(pairs[i].before)), *twice;

		assert_string_equal(once, pairs[i].after);
		twice = format("t", once, strlen(once));
		assert_string_equal(twice, once);
		free(once);
		free(twice);
	}
}

static void test_errors_leave_nothing(void **state)
{
	struct buf out = { 0 };
	struct parsed r;

	(void)state;
	parsed_init(&r, "t", "k:f {", 5);
	assert_int_equal(lang_format(&r.arena, r.source, &r.diags, &out), -EINVAL);
	assert_int_equal(out.len, 0);
	assert_int_equal(r.diags.errors, 1);
	parsed_done(&r);
}

static unsigned count(const char *text, const char *word)
{
	unsigned n = 0;

	for (; (text = strstr(text, word)); text++)
		n++;
	return n;
}

static void one_script(const char *name, const char *text, size_t len)
{
	struct buf before = { 0 }, after = { 0 };
	struct parsed r, again;
	char *once, *twice;

	parse_text(&r, name, text, len);
	if (r.status == 0) {
		once = format(name, text, len);
		parse_text(&again, name, once, strlen(once));
		tree_dump(&before, r.tree);
		tree_dump(&after, again.tree);
		assert_string_equal(after.data, before.data);
		assert_int_equal(count(once, "//"), count(text, "//"));
		assert_int_equal(count(once, "/*"), count(text, "/*"));
		twice = format(name, once, strlen(once));
		assert_string_equal(twice, once);
		parsed_done(&again);
		free(once);
		free(twice);
	}
	parsed_done(&r);
	buf_done(&before);
	buf_done(&after);
}

static void test_golden_scripts(void **state)
{
	struct dirent **names;
	int n = scandir(FOLDER, &names, NULL, alphasort);
	char path[512];

	(void)state;
	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		size_t len = strlen(names[i]->d_name);
		struct buf text = { 0 };

		if (len > 3 && streq(names[i]->d_name + len - 3, ".bt")) {
			snprintf(path, sizeof(path), FOLDER "/%s", names[i]->d_name);
			buf_puts(&text, "");
			assert_int_equal(buf_read_file(&text, AT_FDCWD, path, 1 << 20), 0);
			one_script(names[i]->d_name, text.data, text.len);
		}
		buf_done(&text);
		free(names[i]);
	}
	free(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_errors_leave_nothing),
		cmocka_unit_test(test_golden_scripts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
