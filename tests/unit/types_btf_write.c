/* BTF that skep writes: read back, types are what they were. */
#include "types/btf_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct bench {
	jmp_buf no_memory;
	struct arena arena;
	struct types types;
	struct btf_writer w;
	struct btf *sample, *written;
};

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	const char *why;

	if (!b || setjmp(b->no_memory))
		return -1;
	arena_init(&b->arena, &b->no_memory);
	types_init(&b->types, &b->arena);
	*state = b;
	return btf_open(&b->types, "tests/fixtures/btf/sample.btf", &b->sample, &why);
}

static int teardown(void **state)
{
	struct bench *b = *state;

	btf_close(b->sample);
	btf_close(b->written);
	btf_write_done(&b->w);
	arena_done(&b->arena);
	free(b);
	return 0;
}

static void finish(struct bench *b)
{
	struct buf blob = { 0 };
	const char *why = NULL;

	assert_int_equal(btf_write_finish(&b->w, &blob), 0);
	if (btf_parse(&b->types, blob.data, blob.len, &b->written, &why))
		fail_msg("what was written is refused: %s", why);
	buf_done(&blob);
}

static const struct type *back(struct bench *b, uint32_t id)
{
	return type_complete(&b->types, btf_type(b->written, id));
}

static void assert_same_members(struct bench *b, const struct type *a, const struct type *c)
{
	assert_int_equal(a->nmembers, c->nmembers);
	for (uint32_t i = 0; i < a->nmembers; i++) {
		const struct type_member *x = &a->members[i], *y = &c->members[i];

		assert_int_equal(x->name == NULL, y->name == NULL);
		if (x->name)
			assert_string_equal(x->name, y->name);
		assert_int_equal(x->offset, y->offset);
		assert_int_equal(x->bit_offset, y->bit_offset);
		assert_int_equal(x->bit_size, y->bit_size);
		assert_string_equal(type_name(&b->types, x->type), type_name(&b->types, y->type));
		assert_int_equal(x->type->size, y->type->size);
	}
	assert_int_equal(a->nenumerators, c->nenumerators);
	for (uint32_t i = 0; i < a->nenumerators; i++) {
		assert_string_equal(a->enumerators[i].name, c->enumerators[i].name);
		assert_int_equal(a->enumerators[i].value, c->enumerators[i].value);
	}
}

/* Every type of a compiler's blob, all into one. */
static void types_come_back(void **state)
{
	struct bench *b = *state;
	uint32_t n = btf_count(b->sample), ids[512];
	bool written[512];

	assert_true(n < ARRAY_LEN(ids));
	for (uint32_t id = 1; id <= n; id++) {
		const struct type *t = type_complete(&b->types, btf_type(b->sample, id));

		written[id] = btf_write_type(&b->w, &b->types, t, &ids[id]);
		assert_true(written[id]);
	}
	finish(b);
	for (uint32_t id = 1; id <= n; id++) {
		const struct type *t = btf_type(b->sample, id), *is = back(b, ids[id]);

		t = type_complete(&b->types, t);
		assert_int_equal(t->kind, is->kind);
		assert_string_equal(type_name(&b->types, t), type_name(&b->types, is));
		if (t->kind != TYPE_STRUCT || t->size)
			assert_int_equal(t->size, is->size);
		assert_same_members(b, t, is);
	}
}

static void strings_are_kept_once(void **state)
{
	struct bench *b = *state;
	uint32_t first = btf_write_string(&b->w, "line of text", 12), len;

	for (int i = 0; i < 200; i++) {
		char other[16];

		snprintf(other, sizeof(other), "name%d", i);
		btf_write_string(&b->w, other, strlen(other));
	}
	len = (uint32_t)b->w.strings.len;
	assert_int_equal(btf_write_string(&b->w, "line of text, and more", 12), first);
	assert_int_equal(btf_write_name(&b->w, "name7"), btf_write_string(&b->w, "name7", 5));
	assert_int_equal(b->w.strings.len, len);
	assert_int_equal(btf_write_string(&b->w, "", 0), 0);
	assert_string_equal(b->w.strings.data + btf_write_name(&b->w, "3@b c"), "_3_b_c");
}

static void what_is_only_pointed_to_is_declared(void **state)
{
	struct bench *b = *state;
	struct type *far = type_copy(&b->types, type_simple(&b->types, TYPE_STRUCT, 0));
	uint32_t id;

	far->name = "far";
	far->size = 1000;
	far->btf = b->sample;
	assert_true(btf_write_type(&b->w, NULL, type_pointer(&b->types, far, SPACE_NONE), &id));
	finish(b);
	assert_int_equal(btf_count(b->written), 2);
	assert_int_equal(back(b, id)->kind, TYPE_POINTER);
	assert_string_equal(type_name(&b->types, back(b, id)), "struct far *");
	far->btf = NULL;
}

static void script_types_are_not_c(void **state)
{
	struct bench *b = *state;
	const struct type *members[] = { type_int(&b->types, 8, false),
					 type_simple(&b->types, TYPE_INET, 0) };
	uint32_t id;

	assert_false(btf_write_type(&b->w, NULL, members[1], &id));
	assert_true(btf_write_type(&b->w, NULL, type_string(&b->types, 16), &id));
	finish(b);
	assert_int_equal(back(b, id)->kind, TYPE_ARRAY);
	assert_int_equal(back(b, id)->count, 16);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(types_come_back),
		TEST(strings_are_kept_once),
		TEST(what_is_only_pointed_to_is_declared),
		TEST(script_types_are_not_c),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
