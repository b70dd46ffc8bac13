/*
 * BTF: a compiler's blob (fixtures/btf/sample.c says what is in it), blobs written word by word
 * for what that compiler does not make, and damaged ones.
 */
#include "types/btf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SAMPLE "tests/fixtures/btf/sample.btf"

struct bench {
	jmp_buf no_memory;
	struct arena arena;
	struct types types;
	struct buf blob;
	uint32_t records[256], nwords; /* a blob being written */
	char strings[512];
	uint32_t strings_len;
};

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	if (!b || setjmp(b->no_memory))
		return -1;
	arena_init(&b->arena, &b->no_memory);
	types_init(&b->types, &b->arena);
	b->strings_len = 1;
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	btf_close(b->types.btf);
	buf_done(&b->blob);
	arena_done(&b->arena);
	free(b);
	return 0;
}

/* Numbers of kinds, as the format has them. */
enum { INT = 1, PTR, ARRAY, STRUCT, UNION, ENUM, FWD, TYPEDEF, VOLATILE, CONST, RESTRICT, FUNC };
enum { FUNC_PROTO = 13, VAR, DATASEC, FLOAT, DECL_TAG, TYPE_TAG, ENUM64 };

#define FLAG (1u << 31)
#define INFO(kind, n) ((uint32_t)(kind) << 24 | (n))

static uint32_t name(struct bench *b, const char *s)
{
	uint32_t at = b->strings_len;

	assert_true(at + strlen(s) + 1 <= sizeof(b->strings));
	memcpy(b->strings + at, s, strlen(s) + 1);
	b->strings_len += strlen(s) + 1;
	return at;
}

static void words(struct bench *b, size_t n, const uint32_t *w)
{
	assert_true(b->nwords + n <= ARRAY_LEN(b->records));
	memcpy(b->records + b->nwords, w, n * 4);
	b->nwords += n;
}

#define WORDS(b, ...) words(b, sizeof((uint32_t[]){ __VA_ARGS__ }) / 4, (uint32_t[]){ __VA_ARGS__ })

static void make_blob(struct bench *b)
{
	uint32_t header[] = { 0x0001eb9f, 24, 0, b->nwords * 4, b->nwords * 4, b->strings_len };

	buf_clear(&b->blob);
	buf_add(&b->blob, header, sizeof(header));
	buf_add(&b->blob, b->records, b->nwords * 4);
	buf_add(&b->blob, b->strings, b->strings_len);
}

static void parse(struct bench *b)
{
	const char *why = NULL;

	make_blob(b);
	assert_int_equal(btf_parse(&b->types, b->blob.data, b->blob.len, &b->types.btf, &why), 0);
}

static void assert_refused(struct bench *b, const char *reason)
{
	struct btf *btf = NULL;
	const char *why = NULL;

	assert_int_equal(btf_parse(&b->types, b->blob.data, b->blob.len, &btf, &why), -EINVAL);
	assert_null(btf);
	if (!strstr(why, reason))
		fail_msg("refused because %s, not because %s", why, reason);
}

static void open_sample(struct bench *b)
{
	const char *why = NULL;

	assert_int_equal(btf_open(&b->types, SAMPLE, &b->types.btf, &why), 0);
}

static const struct type *find(struct bench *b, const char *spelling)
{
	const struct type *t = type_find(&b->types, spelling);

	assert_non_null(t);
	return type_complete(&b->types, t);
}

static struct type_member member(struct bench *b, const struct type *t, const char *what)
{
	struct type_member m = { 0 };

	assert_true(type_member(&b->types, t, what, &m));
	return m;
}

static void members_of_every_shape(void **state)
{
	static const struct {
		const char *name, *type;
		uint32_t offset;
	} rows[] = {
		{ "next", "struct node *", 0 },
		{ "unknown", "struct only_declared *", 8 },
		{ "word", "uint64", 16 },
		{ "hi", "uint32", 20 },
		{ "name", "int8[16]", 24 },
		{ "grid", "int32[2][3]", 40 },
		{ "count", "atomic_t", 64 },
		{ "references", "refcount", 68 },
		{ "when", "uint64 *", 72 },
		{ "call", "int32 (*)(struct node *,int8 *,void)", 80 },
		{ "colour", "enum colour", 88 },
		{ "answer", "answer_t", 92 },
		{ "ratio", "double", 96 },
		{ "flags", "struct flags", 104 },
		{ "items", "int64[0]", 128 },
	};
	struct bench *b = *state;
	const struct type *t;

	open_sample(b);
	t = find(b, "struct node");
	assert_int_equal(t->size, 128);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct type_member m = member(b, t, rows[i].name);

		assert_int_equal(m.offset, rows[i].offset);
		assert_string_equal(type_name(&b->types, m.type), rows[i].type);
		assert_int_equal(m.bit_size, 0);
	}
}

static void names_lead_on_through_pointers(void **state)
{
	struct bench *b = *state;
	const struct type *node;
	struct type_member m;

	open_sample(b);
	node = find(b, "struct node");
	m = member(b, node, "next");
	assert_int_equal(m.type->space, SPACE_NONE);
	assert_ptr_equal(m.type->elem, node);
	m = member(b, node, "references");
	assert_int_equal(member(b, m.type, "counter").type->size, 4);
	m = member(b, node, "unknown");
	assert_int_equal(type_complete(&b->types, m.type->elem)->size, 0);
	assert_false(type_member(&b->types, m.type->elem, "x", &m));
	/* The callback's parameter is only declared where it is met; its definition is found. */
	m = member(b, node, "call");
	m = m.type->elem->members[0];
	assert_int_equal(member(b, m.type->elem, "name").offset, 24);
	assert_true(type_equal(m.type->elem, node));
}

static void bit_fields_in_their_units(void **state)
{
	static const struct {
		const char *name;
		uint32_t offset, bit, bits, unit;
		bool is_signed;
	} rows[] = {
		{ "low", 0, 0, 3, 4, false },       { "middle", 0, 3, 7, 4, false },
		{ "with_sign", 0, 10, 6, 4, true }, { "next_unit", 4, 0, 31, 4, false },
		{ "wide", 8, 0, 40, 8, false },     { "rest", 8, 40, 24, 8, false },
		{ "bit", 16, 0, 1, 1, false },      { "colour", 16, 1, 4, 4, false },
	};
	struct bench *b = *state;
	const struct type *t;

	open_sample(b);
	t = find(b, "struct flags");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct type_member m = member(b, t, rows[i].name);

		assert_int_equal(m.offset, rows[i].offset);
		assert_int_equal(m.bit_offset, rows[i].bit);
		assert_int_equal(m.bit_size, rows[i].bits);
		assert_int_equal(m.type->size, rows[i].unit);
		assert_int_equal(m.type->is_signed, rows[i].is_signed);
	}
	assert_int_equal(member(b, t, "bit").type->kind, TYPE_BOOL);
	assert_int_equal(member(b, t, "colour").type->kind, TYPE_ENUM);
}

/* first at 0, crossing at bits 8..37, more at 38..46, tail at byte 6: 7 bytes in all. */
static void packed_bit_fields_stay_inside(void **state)
{
	struct bench *b = *state;
	const struct type *t;
	struct type_member m;

	open_sample(b);
	t = find(b, "struct packed_flags");
	assert_int_equal(t->size, 7);
	m = member(b, t, "crossing");
	assert_int_equal(m.offset * 8 + m.bit_offset, 8);
	assert_true(m.bit_offset + m.bit_size <= m.type->size * 8);
	m = member(b, t, "more");
	assert_int_equal(m.offset * 8 + m.bit_offset, 38);
	assert_int_equal(m.bit_size, 9);
	assert_true(m.bit_offset + m.bit_size <= m.type->size * 8);
	assert_int_equal(member(b, t, "tail").offset, 6);
}

static void typedefs_enums_and_functions(void **state)
{
	struct bench *b = *state;
	const struct type *t;
	int64_t value = 0;

	open_sample(b);
	assert_string_equal(type_name(&b->types, find(b, "atomic_t")), "atomic_t");
	assert_string_equal(type_name(&b->types, find(b, "u32")), "uint32");
	t = type_enum_value(&b->types, "GREEN", &value);
	assert_string_equal(type_name(&b->types, t), "enum colour");
	assert_int_equal(value, 5);
	t = type_complete(&b->types, t);
	assert_int_equal(t->nenumerators, 3);
	assert_string_equal(t->enumerators[0].name, "RED");
	assert_null(type_enum_value(&b->types, "PURPLE", &value));

	t = btf_type(b->types.btf, btf_find(b->types.btf, "func", "visit"));
	assert_int_equal(t->kind, TYPE_FUNC);
	assert_string_equal(t->name, "visit");
	assert_int_equal(t->nmembers, 4);
	assert_string_equal(t->members[3].name, "why");
	assert_int_equal(t->members[3].offset, 24);
	assert_string_equal(type_name(&b->types, t->elem), "int32");

	assert_int_equal(btf_find(b->types.btf, "struct", "only_declared"), 0);
	assert_int_equal(btf_find(b->types.btf, "struct", "colour"), 0);
	assert_int_equal(btf_find(b->types.btf, "struct", ""), 0);
	assert_int_equal(btf_find(b->types.btf, "nonsense", "node"), 0);
	assert_int_equal(btf_type(b->types.btf, 4000000000u)->kind, TYPE_VOID);
	assert_int_equal(btf_type(b->types.btf, 0)->kind, TYPE_VOID);
}

struct visited {
	unsigned structs, functions, all, stop_at;
};

static bool count(void *ctx, const char *kind, const char *what, uint32_t id)
{
	struct visited *v = ctx;

	assert_true(id && *what);
	v->structs += streq(kind, "struct");
	v->functions += streq(kind, "func");
	return ++v->all != v->stop_at;
}

static void every_named_type_is_visited(void **state)
{
	struct bench *b = *state;
	struct visited v = { 0 }, few = { .stop_at = 3 };

	open_sample(b);
	btf_each(b->types.btf, count, &v);
	assert_int_equal(v.structs, 3);
	assert_int_equal(v.functions, 1);
	btf_each(b->types.btf, count, &few);
	assert_int_equal(few.all, 3);
}

/* What newer kernels have: 64-bit and signed enums, tags on pointers. */
static void newer_kinds(void **state)
{
	struct bench *b = *state;
	const struct type *t;
	int64_t value = 0;

	WORDS(b, name(b, "big"), INFO(ENUM64, 2), 8, name(b, "HUGE"), 1, 0x80, name(b, "TWO"), 2,
	      0);
	WORDS(b, name(b, "minus"), INFO(ENUM, 1) | FLAG, 4, name(b, "LESS"), -3u);
	WORDS(b, name(b, "user"), INFO(TYPE_TAG, 0), 1);                 /* 3 */
	WORDS(b, 0, INFO(CONST, 0), 3);                                  /* 4 */
	WORDS(b, 0, INFO(PTR, 0), 4);                                    /* 5 */
	WORDS(b, name(b, "percpu"), INFO(TYPE_TAG, 0), 1);               /* 6 */
	WORDS(b, 0, INFO(PTR, 0), 6);                                    /* 7 */
	WORDS(b, name(b, "tag"), INFO(DECL_TAG, 0), 1, -1u);             /* 8 */
	WORDS(b, name(b, "word"), INFO(INT, 0), 8, 64);                  /* 9 */
	WORDS(b, name(b, "v"), INFO(VAR, 0), 9, 1);                      /* 10 */
	WORDS(b, name(b, ".data"), INFO(DATASEC, 1), 8, 10, 0, 8);       /* 11 */
	WORDS(b, name(b, "__int128"), INFO(INT, 0), 16, 1u << 24 | 128); /* 12 */
	parse(b);
	t = type_enum_value(&b->types, "HUGE", &value);
	assert_string_equal(type_name(&b->types, t), "enum big");
	assert_int_equal(t->size, 8);
	assert_true(value == 0x8000000001);
	assert_ptr_equal(find(b, "enum big"), t);
	t = type_enum_value(&b->types, "LESS", &value);
	assert_true(t->is_signed);
	assert_int_equal(value, -3);
	assert_int_equal(btf_type(b->types.btf, 5)->space, SPACE_USER);
	assert_int_equal(btf_type(b->types.btf, 7)->space, SPACE_KERNEL);
	assert_string_equal(type_name(&b->types, btf_type(b->types.btf, 5)), "enum big *");
	assert_string_equal(type_name(&b->types, btf_type(b->types.btf, 10)), "uint64");
	assert_string_equal(type_name(&b->types, btf_type(b->types.btf, 12)), "int128");
	assert_int_equal(btf_type(b->types.btf, 8)->kind, TYPE_VOID);
	assert_int_equal(btf_type(b->types.btf, 11)->kind, TYPE_VOID);
}

/* Before member sizes were in members, a bit-field had an integer type of its own. */
static void older_bit_fields(void **state)
{
	struct bench *b = *state;
	struct type_member m;

	WORDS(b, name(b, "unsigned int"), INFO(INT, 0), 4, 32);
	WORDS(b, name(b, "unsigned int"), INFO(INT, 0), 4, 2u << 16 | 5);
	WORDS(b, name(b, "old"), INFO(STRUCT, 2), 8, name(b, "whole"), 1, 0, name(b, "part"), 2,
	      32);
	parse(b);
	m = member(b, find(b, "struct old"), "part");
	assert_int_equal(m.offset, 4);
	assert_int_equal(m.bit_offset, 2);
	assert_int_equal(m.bit_size, 5);
	assert_int_equal(member(b, find(b, "struct old"), "whole").bit_size, 0);
}

/* No compiler makes these; all that matters is that each ends, as some type. */
static void circles_end(void **state)
{
	struct bench *b = *state;

	WORDS(b, name(b, "a"), INFO(TYPEDEF, 0), 2);         /* 1 -> 2 -> 1 */
	WORDS(b, name(b, "b"), INFO(TYPEDEF, 0), 1);         /* 2 */
	WORDS(b, 0, INFO(PTR, 0), 3);                        /* 3 -> 3 */
	WORDS(b, 0, INFO(ARRAY, 0), 0, 4, 1, 2);             /* 4 of 4 */
	WORDS(b, 0, INFO(FUNC_PROTO, 1), 5, 0, 5);           /* 5 of 5 */
	WORDS(b, name(b, "c"), INFO(TYPEDEF, 0), 7);         /* 6 -> pointer to 6 */
	WORDS(b, 0, INFO(PTR, 0), 6);                        /* 7 */
	WORDS(b, name(b, "s"), INFO(STRUCT, 1), 8, 0, 8, 0); /* 8 in 8, without a name */
	WORDS(b, 0, INFO(ARRAY, 0), 8, 1, -1u, -1u);
	b->records[b->nwords - 2] = 1; /* index type */
	parse(b);
	for (uint32_t id = 1; id <= 9; id++) {
		const struct type *t = btf_type(b->types.btf, id);
		struct type_member m;

		assert_non_null(t);
		assert_false(type_member(&b->types, t, "absent", &m));
		assert_non_null(type_name(&b->types, t));
		for (; t->kind == TYPE_POINTER || t->kind == TYPE_ARRAY; t = t->elem)
			assert_non_null(t->elem);
	}
}

static void long_chains_end(void **state)
{
	struct bench *b = *state;

	for (uint32_t id = 1; id <= 80; id++)
		WORDS(b, 0, INFO(PTR, 0), id - 1);
	parse(b);
	assert_int_equal(btf_type(b->types.btf, 80)->kind, TYPE_POINTER);
	assert_non_null(type_name(&b->types, btf_type(b->types.btf, 80)));
}

static void nothing_but_names(void **state)
{
	struct bench *b = *state;

	parse(b);
	assert_null(type_find(&b->types, "struct x"));
	assert_int_equal(btf_type(b->types.btf, 1)->kind, TYPE_VOID);
}

static void damaged_blobs_are_refused(void **state)
{
	struct bench *b = *state;
	uint32_t *header;

	WORDS(b, name(b, "x"), INFO(STRUCT, 1), 8, name(b, "m"), 1, 0);
	make_blob(b);
	b->blob.len = 20;
	assert_refused(b, "too short");
	make_blob(b);
	b->blob.len--;
	assert_refused(b, "shorter than its header");
	make_blob(b);
	b->blob.data[b->blob.len - 1] = 'x';
	assert_refused(b, "NUL");
#define DAMAGE(index, value, reason)               \
	do {                                       \
		make_blob(b);                      \
		header = (uint32_t *)b->blob.data; \
		header[index] = (value);           \
		assert_refused(b, reason);         \
	} while (0)
	DAMAGE(0, 0x0001eb90, "does not begin");
	DAMAGE(0, 0x00019feb, "byte order");
	DAMAGE(0, 0x0002eb9f, "version");
	DAMAGE(1, 8, "version");
	DAMAGE(1, -4u, "shorter");
	DAMAGE(2, -8u, "shorter");
	DAMAGE(2, 2, "aligned");
	DAMAGE(3, -4u, "shorter");
	DAMAGE(5, 0, "NUL");
	DAMAGE(6, 4096, "name lies outside");
	DAMAGE(7, INFO(0, 0), "kind");
	DAMAGE(7, INFO(31, 0), "kind");
	DAMAGE(7, INFO(STRUCT, 2), "ends beyond");
	DAMAGE(7, INFO(STRUCT, 0), "kind"); /* its member is then taken for a record */
	DAMAGE(9, 4096, "name lies outside");
	DAMAGE(10, 2, "not there");
}

static void files_that_are_not(void **state)
{
	struct bench *b = *state;
	struct btf *btf = NULL;
	const char *why = NULL;

	assert_int_equal(btf_open(&b->types, "no/such/file", &btf, &why), -ENOENT);
	assert_non_null(why);
	assert_int_equal(btf_open(&b->types, "tests", &btf, &why), -EINVAL);
	assert_int_equal(btf_open(&b->types, "tests/fixtures/btf/sample.c", &btf, &why), -EINVAL);
	assert_null(btf);
}

static void the_running_kernel(void **state)
{
	struct bench *b = *state;
	const struct type *t;
	const char *why = NULL;
	struct type_member m;

	if (access("/sys/kernel/btf/vmlinux", R_OK))
		skip();
	assert_int_equal(btf_open(&b->types, "/sys/kernel/btf/vmlinux", &b->types.btf, &why), 0);
	t = find(b, "struct task_struct");
	m = member(b, t, "comm");
	assert_string_equal(type_name(&b->types, m.type), "int8[16]");
	m = member(b, t, "real_parent");
	m = member(b, m.type->elem, "mm");
	assert_string_equal(type_name(&b->types, m.type), "struct mm_struct *");
	assert_int_equal(member(b, t, "pid").type->size, 4);
	assert_int_equal(btf_find(b->types.btf, "func", "vfs_read") != 0, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		TEST(members_of_every_shape),
		TEST(names_lead_on_through_pointers),
		TEST(bit_fields_in_their_units),
		TEST(packed_bit_fields_stay_inside),
		TEST(typedefs_enums_and_functions),
		TEST(every_named_type_is_visited),
		TEST(newer_kinds),
		TEST(older_bit_fields),
		TEST(circles_end),
		TEST(long_chains_end),
		TEST(nothing_but_names),
		TEST(damaged_blobs_are_refused),
		TEST(files_that_are_not),
		TEST(the_running_kernel),
	};

	return cmocka_run_group_tests_name("types_btf", tests, NULL, NULL);
}
