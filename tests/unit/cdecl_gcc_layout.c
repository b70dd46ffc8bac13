/*
 * Random structs laid out by skep and by the machine's compilers: sizes, alignments and offsets as
 * static assertions, bit-fields by setting one and looking at the bytes. gcc for x86-64, clang for
 * arm64, each skipped where it is missing.
 */
#include "cdecl_gcc.h"

enum { STRUCTS = 400 };

static uint32_t seed;
static bool plain; /* leaves out what gcc and clang disagree about: attributes of bit-fields, or
		      given twice */

static uint32_t random_below(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static bool one_in(uint32_t n)
{
	return random_below(n) == 0;
}

static const char *const int_types[] = { "char",           "signed char", "unsigned char", "short",
					 "unsigned short", "int",         "unsigned",      "long",
					 "unsigned long",  "long long",   "_Bool" };
static const uint8_t int_bits[] = { 8, 8, 8, 16, 16, 32, 32, 64, 64, 64, 1 };
static const char *const other_types[] = { "float",    "double", "long double", "void *",
					   "__int128", "enum e", "low" };

static void some_attributes(struct buf *out)
{
	if (one_in(12))
		buf_puts(out, " __attribute__((packed))");
	if (one_in(12))
		buf_printf(out, " __attribute__((aligned(%u)))", 1u << random_below(6));
}

static void bit_field(struct buf *out, unsigned member)
{
	uint32_t type = random_below(ARRAY_LEN(int_types));

	buf_printf(out, "\t%s ", int_types[type]);
	if (one_in(8))
		buf_printf(out, ": %u", random_below(int_bits[type] + 1));
	else
		buf_printf(out, "bits%u : %u", member, 1 + random_below(int_bits[type]));
	if (!plain)
		some_attributes(out);
	buf_puts(out, ";\n");
}

static void members(struct buf *out, unsigned *member, unsigned depth);

static void nested(struct buf *out, unsigned *member, unsigned depth)
{
	buf_puts(out, one_in(2) ? "\tstruct {\n" : "\tunion {\n");
	members(out, member, depth + 1);
	buf_puts(out, "\t}");
	some_attributes(out);
	if (one_in(2))
		buf_printf(out, " m%u", (*member)++);
	buf_puts(out, ";\n");
}

static void members(struct buf *out, unsigned *member, unsigned depth)
{
	for (uint32_t n = 1 + random_below(7); n; n--) {
		uint32_t kind = random_below(10);

		if (kind == 0 && depth < 3) {
			nested(out, member, depth);
		} else if (kind < 5) {
			bit_field(out, (*member)++);
		} else {
			buf_printf(out, "\t%s m%u",
				   kind < 8 ? int_types[random_below(ARRAY_LEN(int_types))]
					    : other_types[random_below(ARRAY_LEN(other_types))],
				   (*member)++);
			if (one_in(4))
				buf_printf(out, "[%u]", random_below(5));
			some_attributes(out);
			buf_puts(out, ";\n");
		}
	}
}

static void one_struct(struct buf *out, unsigned index)
{
	unsigned member = 0;

	if (one_in(8) && !plain)
		buf_printf(out, "#pragma pack(push, %u)\n", 1u << random_below(5));
	buf_puts(out, one_in(6) ? "union" : "struct");
	if (!plain)
		some_attributes(out);
	buf_printf(out, " s%u {\n", index);
	members(out, &member, 0);
	buf_puts(out, "}");
	some_attributes(out);
	buf_puts(out, ";\n");
	if (member && strstr(out->data, "#pragma pack(push"))
		buf_puts(out, "#pragma pack()\n");
}

static void random_structs(struct buf *out)
{
	struct buf one = { 0 };

	buf_puts(out, "enum e { E };\n"
		      "typedef int __attribute__((aligned(2))) low;\n");
	for (unsigned i = 0; i < STRUCTS; i++) {
		buf_clear(&one);
		one_struct(&one, i);
		buf_add(out, one.data, one.len);
	}
	buf_done(&one);
}

static void read_structs(struct reading *r, enum arch arch, struct buf *text)
{
	struct buf errors = { 0 };

	random_structs(text);
	reading_init(r);
	r->options.arch = arch;
	r->options.no_files = true;
	read_text(r, "random.c", text->data);
	render_diags(&errors, &r->diags);
	if (r->status)
		fail_msg("%s", errors.data);
	buf_done(&errors);
}

static void sizes_and_offsets(const char *compiler, enum arch arch)
{
	struct buf text = { 0 };
	struct reading r;
	char folder[64];

	read_structs(&r, arch, &text);
	assert_all_types(&text, &r, "random");
	new_folder(folder);
	write_file(folder, "t.c", &text);
	if (run_in(folder, compiler) != 0)
		fail_msg("the compiler disagrees with a layout; see above and %s/t.c", folder);
	remove_folder(folder);
	buf_done(&text);
	reading_done(&r);
}

static void on_x86_64(void **state)
{
	(void)state;
	if (!can_run("gcc -dumpmachine | grep -q x86_64"))
		skip();
	for (uint32_t i = 1; i <= 5; i++) {
		seed = i;
		sizes_and_offsets("gcc -fsyntax-only -w -std=gnu17 t.c 2>err || (cat err; false)",
				  ARCH_X86_64);
	}
}

static void on_arm64(void **state)
{
	(void)state;
	if (!can_run("echo 'int x;' | clang --target=aarch64-linux-gnu -fsyntax-only -x c -"))
		skip();
	plain = true;
	for (uint32_t i = 1; i <= 5; i++) {
		seed = i;
		sizes_and_offsets("clang --target=aarch64-linux-gnu -fsyntax-only -w t.c",
				  ARCH_ARM64);
	}
	plain = false;
}

/* ---- bit-fields ---- */

static void probe_bits(struct buf *main, const char *tag, const struct type *t, uint32_t base)
{
	for (uint32_t i = 0; i < t->nmembers; i++) {
		const struct type_member *m = &t->members[i];

		if (!m->name)
			probe_bits(main, tag, m->type, base + m->offset);
		if (m->name && !strncmp(m->name, "bits", 4))
			buf_printf(main, "\tPROBE(%s, %s, %u, %u, %u, %u)\n", tag, m->name,
				   base + m->offset, m->bit_offset,
				   m->bit_size ? m->bit_size : m->type->size * 8, m->type->size);
	}
}

/* The program sets each bit-field to all ones and reads it back the way skep's code would. */
static void bit_fields_are_where_gcc_puts_them(void **state)
{
	struct buf text = { 0 };
	struct reading r;
	const char **keys;
	char folder[64];
	uint32_t n;

	(void)state;
	if (target_native_arch() != ARCH_X86_64 || !can_run("gcc --version"))
		skip();
	seed = 4242;
	read_structs(&r, ARCH_X86_64, &text);
	buf_puts(&text,
		 "#include <stdio.h>\n#include <string.h>\n"
		 "#define PROBE(tag, name, offset, shift, bits, size) {\\\n"
		 "	union { tag t; char room[sizeof(tag) + 8]; } x; unsigned long unit = 0;\\\n"
		 "	memset(&x, 0, sizeof(x)); x.t.name = -1;\\\n"
		 "	memcpy(&unit, (char *)&x + offset, size);\\\n"
		 "	if (unit != (bits == 64 ? -1ul : (1ul << (bits % 64)) - 1) << shift)\\\n"
		 "		failed |= printf(#tag \" \" #name \"\\n\"); }\n"
		 "int main(void)\n{\n\tint failed = 0;\n");
	keys = sorted_keys(&r, &r.types.named, &n);
	for (uint32_t i = 0; i < n; i++)
		probe_bits(&text, keys[i], table_get(&r.types.named, keys[i]), 0);
	buf_puts(&text, "\treturn !!failed;\n}\n");
	assert_non_null(strstr(text.data, "\tPROBE("));
	new_folder(folder);
	write_file(folder, "t.c", &text);
	assert_int_equal(run_in(folder, "gcc -w -O0 -o t t.c 2>err"), 0);
	if (run_in(folder, "./t") != 0)
		fail_msg("gcc puts a bit-field elsewhere; see above and %s/t.c", folder);
	remove_folder(folder);
	buf_done(&text);
	reading_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_x86_64),
		cmocka_unit_test(on_arm64),
		cmocka_unit_test(bit_fields_are_where_gcc_puts_them),
	};

	return cmocka_run_group_tests_name("cdecl_gcc_layout", tests, NULL, NULL);
}
