/* The C part of a script as the language sees it: its extent, its types beside the kernel's, its
 * constants, and its bounds. Shapes of declarations are in tests/golden/cdecl, layouts are compared
 * with compilers in cdecl_gcc_layout.c. */
#include "cdecl_gcc.h"

#include <errno.h>

#include "types/btf.h"

#define SAMPLE "tests/fixtures/btf/sample.btf"

static const struct type *type_of(struct reading *r, const char *name)
{
	const struct type *t = type_find(&r->types, name);

	assert_non_null(t);
	return type_complete(&r->types, t);
}

static struct type_member member(struct reading *r, const char *type, const char *name)
{
	struct type_member m;

	assert_true(type_member(&r->types, type_of(r, type), name, &m));
	return m;
}

static const char *only_error(struct reading *r)
{
	assert_int_equal(r->status, -EINVAL);
	assert_int_equal(r->diags.errors, 1);
	return r->diags.first->text;
}

/* ---- extent ---- */

static void assert_extent(const char *script, const char *want)
{
	struct reading r;
	const struct source *src;
	struct span s;

	reading_init(&r);
	src = sources_add(&r.sources, "t.bt", script, strlen(script));
	r.c = cdecl_new(&r.types, &r.sources, &r.diags, &r.options);
	s = cdecl_extent(r.c, src);
	assert_true(s.lo >= src->base && s.lo <= s.hi && s.hi <= src->base + src->len);
	assert_string_equal(arena_strndup(&r.arena, src->text + s.lo - src->base, s.hi - s.lo),
			    want);
	assert_int_equal(r.diags.errors, 0);
	reading_done(&r);
}

static void the_c_part_ends_where_the_language_begins(void **state)
{
	(void)state;
	assert_extent("BEGIN { print(1) }", "");
	assert_extent("", "");
	assert_extent("#!/usr/bin/skep\n#define A 1\nBEGIN { }", "\n#define A 1");
	assert_extent("struct A { int x; } kprobe:f { }", "struct A { int x; }");
	assert_extent("struct A { int x; }; kprobe:f { }", "struct A { int x; };");
	assert_extent("struct A { int x; } BEGIN { }", "struct A { int x; }");
	assert_extent("struct A { int x; } a, *b; BEGIN { }", "struct A { int x; } a, *b;");
	assert_extent("struct A { int x; } __attribute__((packed)) BEGIN { }",
		      "struct A { int x; } __attribute__((packed))");
	assert_extent("struct __attribute__((packed)) A { struct { int y; } x; };config = { }",
		      "struct __attribute__((packed)) A { struct { int y; } x; };");
	assert_extent("// c\n/* d */ enum e { X };\ntypedef struct { int x; } t;\nt:a:b { }",
		      "// c\n/* d */ enum e { X };\ntypedef struct { int x; } t;");
	assert_extent("#define A(x) \\\n x {\n#if 0\nkprobe:f {\n#endif\nBEGIN { }",
		      "#define A(x) \\\n x {\n#if 0");
	assert_extent("static inline int f(void) { return ';'; } END { }",
		      "static inline int f(void) { return ';'; }");
	assert_extent("struct A {\n#ifdef X\n int x;\n#else\n int y;\n#endif\n};\nBEGIN { }",
		      "struct A {\n#ifdef X\n int x;\n#else\n int y;\n#endif\n};");
	assert_extent("struct A { never closed", "struct A { never closed");
}

/* ---- beside the kernel's types ---- */

struct kernel {
	struct types *types;
	unsigned asked;
};

static void open_kernel(void *ctx)
{
	struct kernel *k = ctx;
	const char *why;

	k->asked++;
	assert_int_equal(btf_open(k->types, SAMPLE, &k->types->btf, &why), 0);
}

static void with_kernel(struct reading *r, struct kernel *k)
{
	reading_init(r);
	*k = (struct kernel){ .types = &r->types };
	r->options.want_kernel = open_kernel;
	r->options.ctx = k;
}

static void done_with_kernel(struct reading *r)
{
	btf_close(r->types.btf);
	reading_done(r);
}

static void own_types_win(void **state)
{
	struct kernel k;
	struct reading r;

	(void)state;
	with_kernel(&r, &k);
	open_kernel(&k);
	read_text(&r, "t.bt", "struct node { long mine; }; typedef char u64;");
	assert_int_equal(r.status, 0);
	assert_int_equal(type_of(&r, "struct node")->size, 8);
	assert_int_equal(type_of(&r, "struct node")->btf_id, 0);
	assert_int_equal(type_of(&r, "u64")->size, 1);
	assert_int_equal(type_of(&r, "struct flags")->nmembers, 8); /* not touched */
	done_with_kernel(&r);
}

static void kernel_types_are_asked_for_when_a_size_needs_them(void **state)
{
	struct kernel k;
	struct reading r;

	(void)state;
	with_kernel(&r, &k);
	read_text(&r, "t.bt", "struct node; struct mine { struct node *p; int x; };");
	assert_int_equal(k.asked, 0);
	read_text(&r, "t.bt",
		  "struct more { char c; struct packed_flags f; atomic_t count; "
		  "refcount r; enum colour colour; };");
	assert_int_equal(r.status, 0);
	assert_int_equal(k.asked, 1);
	assert_int_equal(member(&r, "struct more", "f").offset, 1);
	assert_int_equal(member(&r, "struct more", "count").offset % 4, 0);
	/* what was only named is found when it is looked into */
	assert_int_equal(member(&r, "struct mine", "p").type->elem->size, 0);
	assert_true(type_complete(&r.types, member(&r, "struct mine", "p").type->elem)->nmembers);
	assert_true(
		type_equal(member(&r, "struct mine", "p").type->elem, type_of(&r, "struct node")));
	done_with_kernel(&r);
}

static void alignment_of_kernel_structs_comes_from_their_members(void **state)
{
	struct kernel k;
	struct reading r;

	(void)state;
	with_kernel(&r, &k);
	/* 4 + 4 bytes, but made of ints: BTF does not say */
	read_text(&r, "t.bt", "struct a { char c; atomic_t one; };");
	assert_int_equal(r.status, 0);
	assert_int_equal(type_of(&r, "struct a")->size, 8);
	assert_int_equal(type_of(&r, "struct a")->align, 4);
	done_with_kernel(&r);
}

static void a_definition_after_a_look_into_the_kernel_is_all_own(void **state)
{
	struct kernel k;
	struct reading r;
	const struct type *t;

	(void)state;
	with_kernel(&r, &k);
	open_kernel(&k);
	read_text(&r, "t.bt", "struct node *p;");
	read_text(&r, "t.bt", "struct user { struct node *p; };");
	t = member(&r, "struct user", "p").type->elem;
	type_complete(&r.types, t);
	assert_true(t->btf_id);
	read_text(&r, "t.bt", "struct node { short s; };");
	assert_int_equal(r.status, 0);
	assert_int_equal(t->size, 2);
	assert_int_equal(t->btf_id, 0);
	done_with_kernel(&r);
}

/* ---- constants ---- */

static const struct cdecl_constant *constant(struct reading *r, const char *name)
{
	const struct cdecl_constant *k = cdecl_constant(r->c, name);

	assert_non_null(k);
	return k;
}

static void constants_by_name(void **state)
{
	const char *defines[] = { "LEVEL=7" };
	struct reading r;
	int64_t value;

	(void)state;
	reading_init(&r);
	r.options.defines = defines;
	r.options.ndefines = 1;
	read_text(&r, "t.bt",
		  "#define N (LEVEL * 2)\nenum { E = -3 };\n#define S \"a\\0b\"\n"
		  "#define T nsecs  /  N\n#define F(x) x\n#define BROKEN F(\n");
	assert_int_equal(r.status, 0);
	assert_int_equal(constant(&r, "N")->kind, CDECL_INTEGER);
	assert_int_equal(constant(&r, "N")->value, 14);
	assert_int_equal(constant(&r, "E")->value, -3);
	assert_int_equal(constant(&r, "LEVEL")->value, 7);
	assert_int_equal(constant(&r, "S")->kind, CDECL_STRING);
	assert_int_equal(constant(&r, "S")->length, 3);
	assert_memory_equal(constant(&r, "S")->text, "a\0b", 3);
	assert_int_equal(constant(&r, "T")->kind, CDECL_TEXT);
	assert_string_equal(constant(&r, "T")->text, "nsecs / (7 * 2)");
	assert_int_equal(constant(&r, "BROKEN")->kind, CDECL_TEXT);
	assert_null(cdecl_constant(r.c, "F"));
	assert_null(cdecl_constant(r.c, "nobody"));
	assert_null(cdecl_constant(r.c, "linux"));
	assert_null(cdecl_constant(r.c, "__LINE__"));
	assert_int_equal(sources_place(&r.sources, constant(&r, "T")->span.lo).line, 4);
	assert_int_equal(r.diags.errors, 0);
	/* as the rest of skep finds enumerators */
	assert_int_equal(type_enum_value(&r.types, "E", &value)->kind, TYPE_ENUM);
	assert_int_equal(value, -3);
	reading_done(&r);
}

static void later_texts_know_earlier_ones(void **state)
{
	struct reading r;

	(void)state;
	reading_init(&r);
	read_text(&r, "a.h", "#define N 3\nstruct a { int x[N]; };");
	assert_int_equal(constant(&r, "N")->value, 3);
	read_text(&r, "b.h", "#undef N\n#define N 4\nstruct b { struct a a; int x[N]; };");
	assert_int_equal(r.status, 0);
	assert_int_equal(type_of(&r, "struct b")->size, 28);
	assert_int_equal(constant(&r, "N")->value, 4);
	reading_done(&r);
}

static void headers_by_path(void **state)
{
	struct buf text = { 0 };
	struct reading r;
	char folder[64];
	const char *path;

	(void)state;
	new_folder(folder);
	buf_puts(&text, "#include \"other.h\"\nstruct one { struct two two; };\n");
	write_file(folder, "one.h", &text);
	buf_clear(&text);
	buf_puts(&text, "struct two { short s[3]; };\n");
	write_file(folder, "other.h", &text);
	reading_init(&r);
	r.c = cdecl_new(&r.types, &r.sources, &r.diags, &r.options);
	path = arena_printf(&r.arena, "%s/one.h", folder);
	assert_int_equal(cdecl_header(r.c, path, SPAN_NONE), 0);
	assert_int_equal(type_of(&r, "struct one")->size, 6);
	assert_int_equal(cdecl_header(r.c, "/no/such.h", SPAN_NONE), -EINVAL);
	assert_string_equal(r.diags.first->text, "cannot find the header /no/such.h");
	reading_done(&r);
	remove_folder(folder);
	buf_done(&text);
}

/* ---- errors and bounds ---- */

static void a_clash_names_both_places(void **state)
{
	struct buf out = { 0 };
	struct reading r;

	(void)state;
	reading_init(&r);
	read_text(&r, "first.h", "struct a { int x; };\nstruct a { int x; };\n");
	assert_int_equal(r.status, 0);
	read_text(&r, "second.h", "\nstruct a { int y; };\n");
	render_diags(&out, &r.diags);
	assert_string_equal(out.data,
			    "second.h:2:8: ERROR: struct a is defined again, differently\n"
			    "struct a { int y; };\n       ^\n"
			    "HINT: the first definition is at first.h:1:8\n");
	buf_done(&out);
	reading_done(&r);
}

static void a_bit_field_that_cannot_be_read_whole_is_told(void **state)
{
	struct reading r;

	(void)state;
	reading_init(&r);
	read_text(&r, "t.bt", "struct a { int x : 4; long y : 64; } __attribute__((packed));");
	assert_int_equal(r.status, 0);
	assert_int_equal(r.diags.warnings, 1);
	assert_int_equal(member(&r, "struct a", "y").bit_size, 60);
	reading_done(&r);
}

static void assert_error(const char *text, const char *error)
{
	struct reading r;

	reading_init(&r);
	read_text(&r, "t.bt", text);
	assert_string_equal(only_error(&r), error);
	reading_done(&r);
}

static void repeat(struct buf *b, const char *text, unsigned times)
{
	while (times--)
		buf_puts(b, text);
}

static void depth_is_bounded(void **state)
{
	static const char *const rows[][2] = {
		{ "struct {", "a declaration is nested more than 100 levels deep" },
		{ "int (", "a declaration is nested more than 100 levels deep" },
		{ "int x[sizeof(int (*)[", "an expression is nested more than 200 levels deep" },
	};
	struct buf b = { 0 };
	struct reading r;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_clear(&b);
		repeat(&b, rows[i][0], 5000);
		reading_init(&r);
		read_text(&r, "t.bt", b.data);
		assert_int_equal(r.status, -EINVAL);
		reading_done(&r);
	}
	buf_clear(&b);
	buf_puts(&b, "int ");
	repeat(&b, "(", 5000);
	assert_error(b.data, rows[1][1]);
	buf_clear(&b);
	buf_puts(&b, "int x[");
	repeat(&b, "~", 5000);
	buf_puts(&b, "1];");
	assert_error(b.data, rows[2][1]);
	buf_done(&b);
}

static void sizes_are_bounded(void **state)
{
	(void)state;
	assert_error("char a[0x7fffffff][2];", "an array is larger than 2 GiB");
	assert_error("char a[1ul << 40];", "an array has too many elements");
	assert_error("struct a { char a[0x7fffffff], b[0x7fffffff]; };",
		     "a struct is larger than 2 GiB");
	assert_error("struct a { int x __attribute__((aligned(1 << 30))); };",
		     "an alignment is a power of two up to 268435456");
}

static void many_declarations_are_bounded(void **state)
{
	struct buf b = { 0 };
	struct reading r;

	(void)state;
	buf_puts(&b, "int *a");
	for (unsigned i = 0; i < 400000; i++)
		buf_printf(&b, ",*b%u", i);
	buf_puts(&b, ";");
	reading_init(&r);
	read_text(&r, "t.bt", b.data);
	assert_string_equal(only_error(&r),
			    "the C definitions of this script and its headers are too large");
	reading_done(&r);
	buf_done(&b);
}

/* Each type is as large as its text, but twice as long when it is written out. */
static void doubling_is_bounded(void **state)
{
	struct buf b = { 0 };
	struct reading r;

	(void)state;
	buf_puts(&b, "typedef int f0(void); typedef int g0(void);\n");
	for (unsigned i = 1; i < 60; i++)
		buf_printf(&b, "typedef int f%u(f%u *, f%u *); typedef int g%u(g%u *, g%u *);\n", i,
			   i - 1, i - 1, i, i - 1, i - 1);
	buf_puts(&b, "typedef f59 same; typedef g59 same; f59 array[3];\n");
	reading_init(&r);
	read_text(&r, "t.bt", b.data);
	assert_non_null(strstr(only_error(&r), "which has no size"));
	reading_done(&r);
	buf_clear(&b);
	buf_puts(&b, "struct { int x; } v0;\n");
	for (unsigned i = 1; i < 60; i++)
		buf_printf(&b, "struct { typeof(v%u); int a%u; } v%u;\n", i - 1, i, i);
	for (unsigned i = 60; i < 120; i++)
		buf_printf(&b, "struct { typeof(v%u); typeof(v%u); } v%u;\n", i - 1, i - 1, i);
	reading_init(&r);
	read_text(&r, "t.bt", b.data);
	assert_int_equal(r.status, -EINVAL);
	assert_true(r.diags.errors <= 51);
	reading_done(&r);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_c_part_ends_where_the_language_begins),
		cmocka_unit_test(own_types_win),
		cmocka_unit_test(kernel_types_are_asked_for_when_a_size_needs_them),
		cmocka_unit_test(alignment_of_kernel_structs_comes_from_their_members),
		cmocka_unit_test(a_definition_after_a_look_into_the_kernel_is_all_own),
		cmocka_unit_test(constants_by_name),
		cmocka_unit_test(later_texts_know_earlier_ones),
		cmocka_unit_test(headers_by_path),
		cmocka_unit_test(a_clash_names_both_places),
		cmocka_unit_test(a_bit_field_that_cannot_be_read_whole_is_told),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(many_declarations_are_bounded),
		cmocka_unit_test(doubling_is_bounded),
	};

	return cmocka_run_group_tests_name("cdecl_decl", tests, NULL, NULL);
}
