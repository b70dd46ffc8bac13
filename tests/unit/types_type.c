/* Types: sizes and layouts, spellings, equality, basic names. */
#include "types/type.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct bench {
	jmp_buf no_memory;
	struct arena arena;
	struct types types;
};

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	if (!b || setjmp(b->no_memory))
		return -1;
	arena_init(&b->arena, &b->no_memory);
	types_init(&b->types, &b->arena);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	arena_done(&b->arena);
	free(b);
	return 0;
}

static struct types *types_of(void **state)
{
	return &((struct bench *)*state)->types;
}

static void script_kinds_have_their_sizes(void **state)
{
	static const struct {
		enum type_kind kind;
		uint32_t size;
		const char *name;
	} rows[] = {
		{ TYPE_INET, 20, "inet" },
		{ TYPE_MAC, 6, "macaddr_t" },
		{ TYPE_KSTACK, 16, "kstack" },
		{ TYPE_USTACK, 16, "ustack" },
		{ TYPE_KSYM, 8, "ksym_t" },
		{ TYPE_USYM, 16, "usym_t" },
		{ TYPE_USERNAME, 8, "username" },
		{ TYPE_TIMESTAMP, 8, "timestamp" },
		{ TYPE_CGROUP_PATH, 8, "cgroup_path_t" },
		{ TYPE_PROBE, 8, "probe" },
		{ TYPE_COUNT, 8, "count_t" },
		{ TYPE_BOOL, 1, "bool" },
		{ TYPE_VOID, 0, "void" },
	};
	struct types *types = types_of(state);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct type *t = type_simple(types, rows[i].kind, 0);

		assert_int_equal(t->kind, rows[i].kind);
		assert_int_equal(t->size, rows[i].size);
		assert_string_equal(type_name(types, t), rows[i].name);
	}
	assert_int_equal(type_simple(types, TYPE_HIST, 552)->size, 552);
	assert_int_equal(type_string(types, 16)->size, 16);
}

static void aggregations_say_whether_they_are_signed(void **state)
{
	struct types *types = types_of(state);
	struct type *sum = type_copy(types, type_simple(types, TYPE_SUM, 0));

	assert_string_equal(type_name(types, sum), "usum_t");
	sum->is_signed = true;
	assert_string_equal(type_name(types, sum), "sum_t");
	assert_true(type_is_aggregate(sum));
	assert_false(type_is_scalar(sum));
}

static void spellings(void **state)
{
	struct types *types = types_of(state);
	const struct type *i4 = type_int(types, 4, true), *s16 = type_string(types, 16);
	const struct type *pair[] = { type_int(types, 8, true), s16 };
	struct type *task = type_copy(types, type_simple(types, TYPE_STRUCT, 0));
	struct type *buffer = type_copy(types, type_simple(types, TYPE_BUFFER, 20));
	struct type *record;

	task->name = "task_struct";
	assert_string_equal(type_name(types, i4), "int32");
	assert_string_equal(type_name(types, type_int(types, 8, false)), "uint64");
	assert_string_equal(type_name(types, s16), "string[16]");
	assert_string_equal(type_name(types, buffer), "buffer[16]");
	assert_string_equal(type_name(types, task), "struct task_struct");
	assert_string_equal(type_name(types, type_pointer(types, task, SPACE_KERNEL)),
			    "struct task_struct *");
	assert_string_equal(type_name(types, type_pointer(types, type_pointer(types, i4, 0), 0)),
			    "int32 **");
	assert_string_equal(type_name(types, type_array(types, i4, 4)), "int32[4]");
	assert_string_equal(type_name(types, type_array(types, type_array(types, i4, 3), 2)),
			    "int32[2][3]");
	assert_string_equal(type_name(types, type_tuple(types, pair, 2)), "(int64,string[16])");
	assert_string_equal(type_name(types, type_tuple(types, pair, 1)), "(int64,)");

	record = type_copy(types, type_tuple(types, pair, 2));
	record->kind = TYPE_RECORD;
	record->members[0].name = "a";
	record->members[1].name = "b";
	assert_string_equal(type_name(types, record), "(a=int64,b=string[16])");

	task->is_typedef = true;
	task->name = "atomic_t";
	assert_string_equal(type_name(types, task), "atomic_t");
}

static void tuples_are_laid_out_as_c_would(void **state)
{
	struct types *types = types_of(state);
	const struct type *members[] = { type_int(types, 1, true), type_int(types, 4, false),
					 type_string(types, 3), type_int(types, 8, true) };
	struct {
		int8_t a;
		uint32_t b;
		char c[3];
		int64_t d;
	} same;
	const struct type *t = type_tuple(types, members, 4);
	struct type_member m;

	assert_int_equal(t->size, sizeof(same));
	assert_int_equal(t->members[1].offset, (char *)&same.b - (char *)&same);
	assert_int_equal(t->members[2].offset, (char *)&same.c - (char *)&same);
	assert_int_equal(t->members[3].offset, (char *)&same.d - (char *)&same);
	assert_true(type_member(types, t, "2", &m));
	assert_int_equal(m.type->kind, TYPE_STRING);
	assert_false(type_member(types, t, "4", &m));
	assert_false(type_member(types, t, "x", &m));
	assert_int_equal(type_tuple(types, NULL, 0)->size, 0);
}

static void arrays_too_large_to_count_have_no_size(void **state)
{
	struct types *types = types_of(state);

	assert_int_equal(type_array(types, type_int(types, 8, true), 3)->size, 24);
	assert_int_equal(type_array(types, type_int(types, 8, true), UINT32_MAX)->size, 0);
}

static void equality(void **state)
{
	struct types *types = types_of(state);
	const struct type *i8 = type_int(types, 8, true), *u8 = type_int(types, 8, false);
	const struct type *a[] = { i8, type_string(types, 16) }, *b[] = { u8, a[1] };
	struct type *x = type_copy(types, type_simple(types, TYPE_STRUCT, 0));
	struct type *y = type_copy(types, x), *named = type_copy(types, i8);

	named->name = "my_int";
	assert_true(type_equal(i8, named));
	assert_false(type_equal(i8, u8));
	assert_false(type_equal(i8, type_int(types, 4, true)));
	assert_true(type_equal(type_string(types, 16), type_string(types, 16)));
	assert_false(type_equal(type_string(types, 16), type_string(types, 17)));
	assert_true(type_equal(type_tuple(types, a, 2), type_tuple(types, a, 2)));
	assert_false(type_equal(type_tuple(types, a, 2), type_tuple(types, b, 2)));
	assert_false(type_equal(type_tuple(types, a, 2), type_tuple(types, a, 1)));

	assert_false(type_equal(x, y)); /* anonymous and not known to be one */
	x->name = "x";
	y->name = "y";
	assert_false(type_equal(type_pointer(types, x, 0), type_pointer(types, y, 0)));
	y->name = "x";
	assert_true(type_equal(type_pointer(types, x, SPACE_USER), type_pointer(types, y, 0)));
	assert_false(type_equal(type_pointer(types, x, 0), i8));
	assert_true(type_equal(type_array(types, i8, 2), type_array(types, i8, 2)));
	assert_false(type_equal(type_array(types, i8, 2), type_array(types, i8, 3)));
}

static void a_pointer_to_itself_is_finite(void **state)
{
	struct types *types = types_of(state);
	struct type *a = type_copy(types, type_pointer(types, type_void(types), 0));
	struct type *b = type_copy(types, a);

	a->elem = a;
	b->elem = b;
	assert_true(type_equal(a, b));
	assert_non_null(strstr(type_name(types, a), "..."));
}

static void basic_names(void **state)
{
	static const struct {
		const char *spelling, *prints;
	} rows[] = {
		{ "int", "int32" },
		{ "unsigned", "uint32" },
		{ "unsigned int", "uint32" },
		{ "int unsigned", "uint32" },
		{ "long", "int64" },
		{ "unsigned long long", "uint64" },
		{ "long unsigned int", "uint64" },
		{ "long long int", "int64" },
		{ "short", "int16" },
		{ "short unsigned int", "uint16" },
		{ "char", "int8" },
		{ "unsigned char", "uint8" },
		{ "signed char", "int8" },
		{ "const  volatile unsigned   char", "uint8" },
		{ "u8", "uint8" },
		{ "u64", "uint64" },
		{ "__u32", "uint32" },
		{ "s64", "int64" },
		{ "size_t", "uint64" },
		{ "uint8", "uint8" },
		{ "int64", "int64" },
		{ "uint32_t", "uint32" },
		{ "bool", "bool" },
		{ "_Bool", "bool" },
		{ "void", "void" },
		{ "double", "double" },
		{ "float", "float" },
		{ "pid_t", "int32" },
	};
	static const char *const none[] = { "",
					    "   ",
					    "long char",
					    "signed unsigned",
					    "long long long",
					    "int int",
					    "short long",
					    "nothing_t",
					    "struct nothing",
					    "struct",
					    "a b c d e f g h i j k",
					    "int x" };
	struct types *types = types_of(state);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct type *t = type_find(types, rows[i].spelling);

		assert_non_null(t);
		assert_string_equal(type_name(types, t), rows[i].prints);
	}
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		assert_null(type_find(types, none[i]));
}

static void the_scripts_own_types_are_found(void **state)
{
	static struct type_enumerator values[] = { { "RED", 1 }, { "BLUE", -2 } };
	struct types *types = types_of(state);
	struct type *own = type_copy(types, type_simple(types, TYPE_STRUCT, 24));
	struct type *colour = type_copy(types, type_simple(types, TYPE_ENUM, 0));
	struct type *inner = type_copy(types, type_simple(types, TYPE_UNION, 8));
	struct type_member in = { .name = "deep", .type = type_int(types, 2, true), .offset = 4 };
	struct type_member out[] = { { .name = "top", .type = type_int(types, 8, true) },
				     { .type = inner, .offset = 16 } };
	struct type_member m;
	int64_t value;

	inner->members = &in;
	inner->nmembers = 1;
	own->name = "own";
	own->members = out;
	own->nmembers = 2;
	colour->enumerators = values;
	colour->nenumerators = 2;
	table_put(types->arena, &types->named, "struct own", own);
	table_put(types->arena, &types->named, "enum colour", colour);
	table_put(types->arena, &types->named, "size_t", own);

	assert_ptr_equal(type_find(types, "struct own"), own);
	assert_ptr_equal(type_find(types, " struct  own "), own);
	assert_ptr_equal(type_find(types, "size_t"), own); /* the script's wins */
	assert_null(type_find(types, "union own"));
	assert_true(type_member(types, own, "deep", &m));
	assert_int_equal(m.offset, 20);
	assert_false(type_member(types, own, "absent", &m));
	assert_false(type_member(types, type_int(types, 4, true), "top", &m));
	assert_ptr_equal(type_enum_value(types, "BLUE", &value), colour);
	assert_int_equal(value, -2);
	assert_null(type_enum_value(types, "GREEN", &value));
}

static void what_fits_a_register(void **state)
{
	struct types *types = types_of(state);

	assert_true(type_is_scalar(type_int(types, 8, true)));
	assert_true(type_is_scalar(type_bool(types)));
	assert_true(type_is_scalar(type_simple(types, TYPE_KSYM, 0)));
	assert_false(type_is_scalar(type_simple(types, TYPE_USYM, 0)));
	assert_false(type_is_scalar(type_string(types, 8)));
	assert_false(type_is_scalar(type_int(types, 16, true)));
	assert_true(type_is_integral(type_bool(types)));
	assert_false(type_is_integral(type_simple(types, TYPE_KSYM, 0)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		TEST(script_kinds_have_their_sizes),
		TEST(aggregations_say_whether_they_are_signed),
		TEST(spellings),
		TEST(tuples_are_laid_out_as_c_would),
		TEST(arrays_too_large_to_count_have_no_size),
		TEST(equality),
		TEST(a_pointer_to_itself_is_finite),
		TEST(basic_names),
		TEST(the_scripts_own_types_are_found),
		TEST(what_fits_a_register),
	};

	return cmocka_run_group_tests_name("types_type", tests, NULL, NULL);
}
