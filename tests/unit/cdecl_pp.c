/* The preprocessor: where headers are found, what tokens know about themselves, and its bounds.
 * What macros and conditions give is in tests/golden/cdecl. */
#include "cdecl_gcc.h"

struct folder {
	char path[64];
};

static int setup(void **state)
{
	struct folder *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	new_folder(f->path);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct folder *f = *state;

	remove_folder(f->path);
	free(f);
	return 0;
}

static void put(void **state, const char *name, const char *text)
{
	const struct folder *f = *state;
	struct buf b = { 0 };

	buf_puts(&b, text);
	write_file(f->path, name, &b);
	buf_done(&b);
}

static void make_dir(void **state, const char *name)
{
	const struct folder *f = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", f->path, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

/* A path in the folder, in the reading's arena. */
static const char *in(void **state, struct reading *r, const char *name)
{
	const struct folder *f = *state;

	return arena_printf(&r->arena, "%s/%s", f->path, name);
}

static void assert_tokens(void **state, const char *text, const struct pp_options *options,
			  const char *want)
{
	struct buf out = { 0 }, errors = { 0 };
	struct reading r;

	reading_init(&r);
	preprocess(&r, in(state, &r, "main.bt"), text, options, &out);
	for (size_t i = 0; i < out.len; i++)
		if (out.data[i] == '\n')
			out.data[i] = ' ';
	render_diags(&errors, &r.diags);
	assert_string_equal(errors.data ? errors.data : "", "");
	assert_string_equal(out.data ? out.data : "", want);
	buf_done(&out);
	buf_done(&errors);
	reading_done(&r);
}

/* The diagnostics of @text, without the folder's path. */
static void assert_errors(void **state, const char *text, const struct pp_options *options,
			  const char *want)
{
	const struct folder *f = *state;
	struct buf out = { 0 }, errors = { 0 };
	struct reading r;
	char *at;

	reading_init(&r);
	preprocess(&r, "main.bt", text, options, &out);
	render_diags(&errors, &r.diags);
	assert_non_null(errors.data);
	while ((at = strstr(errors.data, f->path))) {
		size_t len = strlen(f->path);

		memmove(at, at + len, strlen(at + len) + 1);
	}
	assert_string_equal(errors.data, want);
	buf_done(&out);
	buf_done(&errors);
	reading_done(&r);
}

/* ---- headers ---- */

static void headers_are_found_in_order(void **state)
{
	const struct folder *f = *state;
	char one[128], two[128];
	const char *dirs[] = { one, two };
	struct pp_options options = { .include_dirs = dirs, .ninclude_dirs = 2 };

	snprintf(one, sizeof(one), "%s/one", f->path);
	snprintf(two, sizeof(two), "%s/two", f->path);
	make_dir(state, "one");
	make_dir(state, "two");
	put(state, "x.h", "beside\n");
	put(state, "one/x.h", "one\n#include_next <x.h>\n");
	put(state, "two/x.h", "two\n#include \"only.h\"\n");
	put(state, "two/only.h", "only\n");
	assert_tokens(state, "#include \"x.h\"\n#include <x.h>\n", &options, "beside one two only");
	assert_tokens(state, "#define WHERE <x.h>\n#include WHERE\n", &options, "one two only");
	assert_tokens(state, "#define LT <\n#define H x\n#include LT H.h>\n", &options,
		      "one two only");
	assert_tokens(state,
		      "#if __has_include(<only.h>) && __has_include(\"x.h\") && "
		      "!__has_include(<beside.h>)\nyes\n#endif\n",
		      &options, "yes");
}

static void a_header_is_read_once_when_it_says_so(void **state)
{
	struct pp_options options = { 0 };

	put(state, "once.h", "#pragma once\nonce\n");
	put(state, "guard.h", "#ifndef GUARD\n#define GUARD\nguard\n#endif\n");
	put(state, "many.h", "many\n");
	assert_tokens(state,
		      "#include \"once.h\"\n#include \"once.h\"\n#include \"guard.h\"\n"
		      "#include \"guard.h\"\n#include \"many.h\"\n#include \"many.h\"\nend\n",
		      &options, "once guard many many end");
}

static void a_call_does_not_leave_its_header(void **state)
{
	struct pp_options options = { 0 };

	put(state, "name.h", "call\n");
	put(state, "inside.h", "2,\n");
	assert_tokens(state, "#define call(x) got x\n#include \"name.h\"\n(1)\n", &options,
		      "call ( 1 )");
	assert_tokens(state, "#define two(x, y) x + y\ntwo(\n#include \"inside.h\"\n3)\n", &options,
		      "2 + 3");
}

static void options_define_macros(void **state)
{
	const char *defines[] = { "HAVE_BTF", "LEVEL=3", "EMPTY=" };
	struct pp_options options = { .defines = defines, .ndefines = 3 };

	assert_tokens(state, "#ifdef HAVE_BTF\nHAVE_BTF LEVEL EMPTY\n#endif\n", &options, "1 3");
}

static void predefined_macros_are_the_target_s(void **state)
{
	struct pp_options x86 = { .arch = ARCH_X86_64 }, arm = { .arch = ARCH_ARM64 };
	const char *text = "#if __x86_64__ && !__aarch64__\nx86\n#elif __aarch64__\narm\n#endif\n"
			   "__SIZEOF_POINTER__ __WCHAR_TYPE__ __UINT64_C(1)\n"
			   "#if '\\xff' < 0\nsigned\n#else\nunsigned\n#endif\n";

	assert_tokens(state, text, &x86, "x86 8 int 1UL signed");
	assert_tokens(state, text, &arm, "arm 8 unsigned int 1UL unsigned");
}

static void macros_can_be_pushed_and_popped(void **state)
{
	struct pp_options options = { 0 };

	assert_tokens(state,
		      "#define x 1\n#pragma push_macro(\"x\")\n#undef x\n#define x 2\nx\n"
		      "#pragma pop_macro(\"x\")\nx\n#pragma push_macro(\"y\")\n#define y\n"
		      "#pragma pop_macro(\"y\")\ny\n",
		      &options, "2 1 y");
}

/* ---- places ---- */

static void tokens_know_where_they_come_from(void **state)
{
	const char *text = "#define inner 1 + oops\n#define outer(x) inner x\n\n  outer(y)\n";
	struct pp_options options = { 0 };
	struct pp_token t, tokens[5];
	const struct source *src;
	struct reading r;
	struct pp *pp;
	unsigned n = 0;

	(void)state;
	reading_init(&r);
	src = sources_add(&r.sources, "main.bt", text, strlen(text));
	pp = pp_new(&r.sources, &r.diags, &options);
	pp_push(pp, src, (struct span){ src->base, src->base + src->len });
	for (pp_next(pp, &t); t.kind != PP_END && n < 5; pp_next(pp, &t))
		tokens[n++] = t;
	assert_int_equal(n, 4);
	/* "oops" is written in line 1 and looked for in line 4 */
	assert_string_equal(pp_where(pp, tokens[2].span), "main.bt:1:19");
	assert_string_equal(pp_where(pp, pp_place(&tokens[2])), "main.bt:4:3");
	assert_string_equal(tokens[2].from->macro->name->text, "inner");
	assert_string_equal(tokens[2].from->outer->macro->name->text, "outer");
	assert_null(tokens[2].from->outer->outer);
	/* an argument is its own place */
	assert_string_equal(pp_where(pp, pp_place(&tokens[3])), "main.bt:4:9");
	reading_done(&r);
}

static void errors_name_headers_and_macros(void **state)
{
	struct pp_options options = { .include_dirs = (const char *[]){ NULL },
				      .ninclude_dirs = 1 };
	const struct folder *f = *state;
	const char *dirs[] = { f->path };

	options.include_dirs = dirs;
	put(state, "outer.h", "\n#include <inner.h>\n");
	put(state, "inner.h", "#define BAD(x) x ## +\nBAD(y)\n");
	assert_errors(state, "#include <outer.h>\n", &options,
		      "/inner.h:2:5: ERROR: pasting 'y' and '+' does not make one token\n"
		      "BAD(y)\n    ^\n"
		      "HINT: included from /outer.h:2:10\n"
		      "HINT: included from main.bt:1:10\n");
	assert_errors(state, "#include <missing.h>\n", &options,
		      "main.bt:1:10-20: ERROR: cannot find the header missing.h\n"
		      "#include <missing.h>\n         ^~~~~~~~~~~\n");
}

/* ---- bounds ---- */

/* The last diagnostic of what @text gives. */
static const char *last_error(struct reading *r, const char *text, const struct pp_options *options)
{
	struct buf out = { 0 };
	const struct diag *d;

	preprocess(r, "main.bt", text, options, &out);
	buf_done(&out);
	for (d = r->diags.first; d && d->next; d = d->next)
		;
	return d ? d->text : "";
}

static size_t arena_size(const struct arena *a)
{
	struct block {
		struct block *older;
		size_t size;
	};
	size_t size = 0;

	for (const struct block *b = (const void *)a->blocks; b; b = b->older)
		size += b->size;
	return size;
}

static void assert_bounded(const char *text, const struct pp_options *options, const char *error)
{
	struct reading r;

	reading_init(&r);
	assert_string_equal(last_error(&r, text, options), error);
	assert_true(arena_size(&r.arena) < 100u << 20);
	reading_done(&r);
}

#define TOO_LARGE "the C definitions of this script and its headers are too large"

static void bombs_are_bounded(void **state)
{
	struct pp_options options = { 0 };
	struct buf b = { 0 };

	(void)state;
	buf_puts(&b, "#define a0 x x x x x x x x x x\n");
	for (unsigned i = 1; i < 12; i++) {
		buf_printf(&b, "#define a%u", i);
		for (unsigned j = 0; j < 10; j++)
			buf_printf(&b, " a%u", i - 1);
		buf_putc(&b, '\n');
	}
	buf_puts(&b, "a11\n");
	assert_bounded(b.data, &options, TOO_LARGE);
	buf_clear(&b);
	buf_puts(&b, "#define f(x) x\n");
	for (unsigned i = 0; i < 10000; i++)
		buf_puts(&b, "f(");
	assert_bounded(b.data, &options, "the ')' that ends the arguments of f is missing");
	buf_clear(&b);
	buf_puts(&b, "#define f(x) x\n");
	for (unsigned i = 0; i < 300; i++)
		buf_puts(&b, "f(");
	for (unsigned i = 0; i < 300; i++)
		buf_puts(&b, ")");
	assert_bounded(b.data, &options, "macro calls are nested too deeply");
	buf_clear(&b);
	buf_puts(&b, "#if ");
	for (unsigned i = 0; i < 100000; i++)
		buf_puts(&b, i % 2 ? "(" : "!");
	buf_puts(&b, "\n#endif\n");
	assert_bounded(b.data, &options, "an expression is nested more than 200 levels deep");
	buf_done(&b);
}

static void chain(struct buf *b, unsigned length)
{
	buf_clear(b);
	buf_puts(b, "#define a0 end\n");
	for (unsigned i = 1; i < length; i++)
		buf_printf(b, "#define a%u a%u\n", i, i - 1);
	buf_printf(b, "a%u\n", length - 1);
}

static void a_long_chain_of_macros_is_fine(void **state)
{
	struct pp_options options = { 0 };
	struct buf b = { 0 };

	chain(&b, 900);
	assert_tokens(state, b.data, &options, "end");
	chain(&b, 50000);
	assert_bounded(b.data, &options, "macros stand for each other too deeply");
	buf_done(&b);
}

static void headers_without_end_are_bounded(void **state)
{
	struct pp_options options = { 0 };
	const struct folder *f = *state;
	const char *dirs[] = { f->path };

	options.include_dirs = dirs;
	options.ninclude_dirs = 1;
	put(state, "self.h", "#include \"self.h\"\n");
	assert_bounded("#include <self.h>\n", &options, "headers include each other without end");
	put(state, "twice.h",
	    "#if __INCLUDE_LEVEL__ < 100\n#include \"twice.h\"\n#include \"twice.h\"\n#endif\n");
	assert_bounded("#include <twice.h>\n", &options, TOO_LARGE);
	assert_bounded("#include \"/dev/zero\"\n", &options, "cannot find the header /dev/zero");
}

static void errors_are_told_up_to_fifty(void **state)
{
	struct pp_options options = { 0 };
	struct buf b = { 0 };
	struct reading r;

	(void)state;
	for (unsigned i = 0; i < 200; i++)
		buf_puts(&b, "#error again\n");
	reading_init(&r);
	assert_string_equal(last_error(&r, b.data, &options),
			    "too many errors; the rest of the C definitions was not read");
	assert_int_equal(r.diags.errors, 51);
	reading_done(&r);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		TEST(headers_are_found_in_order),
		TEST(a_header_is_read_once_when_it_says_so),
		TEST(a_call_does_not_leave_its_header),
		TEST(options_define_macros),
		TEST(predefined_macros_are_the_target_s),
		TEST(macros_can_be_pushed_and_popped),
		TEST(tokens_know_where_they_come_from),
		TEST(errors_name_headers_and_macros),
		TEST(bombs_are_bounded),
		TEST(a_long_chain_of_macros_is_fine),
		TEST(headers_without_end_are_bounded),
		TEST(errors_are_told_up_to_fifty),
	};

	return cmocka_run_group_tests_name("cdecl_pp", tests, NULL, NULL);
}
