/* Objects of compilers: programs run with the maps that the object defines; no memory. */
#include "api_testing.h"

#include <sys/resource.h>

#define OBJECTS "tests/fixtures/objects/"

static struct skep_object *from_file(const char *path)
{
	struct skep_object *o = NULL;

	assert_done(skep_open_file(path, NULL, &o, &why));
	return o;
}

static uint64_t result_of(struct skep_object *o, const char *name, uint32_t context)
{
	struct skep_engine *e;
	struct skep_prog *p;
	struct skep_run *run;
	uint64_t r0 = 0;
	int prog = skep_object_find_prog(o, name);

	assert_true(prog >= 0);
	assert_int_equal(skep_engine_new(NULL, &e), 0);
	assert_done(skep_prog_new(e, o, (uint32_t)prog, NULL, &p, &why));
	assert_int_equal(skep_run_new(e, 0, &run), 0);
	assert_int_equal(skep_run(run, p, &context, sizeof(context), &r0), 0);
	skep_run_free(run);
	skep_prog_free(p);
	skep_engine_free(e);
	return r0;
}

static void variables_have_their_first_contents(void **state)
{
	struct skep_object *o = from_file(OBJECTS "pointers.o");

	(void)state;
	assert_int_equal(result_of(o, "pick", 0), 'z' + 7);
	assert_int_equal(result_of(o, "pick", 1), 'o' + 7);
	assert_int_equal(result_of(o, "indirect", 1), 4);
	assert_true(skep_load(o, 0, &why) < 0);
	assert_true(why.text[0] != '\0');
	skep_object_free(o);
}

static void maps_are_as_the_object_says(void **state)
{
	struct skep_object *o = from_file(OBJECTS "maps.o");
	struct skep_map_info info;
	struct skep_map *outer;
	int map = skep_object_find_map(o, "bloom");

	(void)state;
	assert_true(map >= 0);
	assert_int_equal(skep_object_map_info(o, (uint32_t)map, &info), 0);
	assert_int_equal(info.type, BPF_MAP_TYPE_BLOOM_FILTER);
	assert_int_equal(info.max_entries, 64);
	assert_int_equal(info.extra, 5);
	map = skep_object_find_map(o, "outer");
	assert_done(skep_object_map(o, (uint32_t)map, SKEP_PROCESS, &outer, &why));
	assert_int_equal(skep_map_delete(outer, &(uint32_t){ 3 }), 0); /* inner_b was there */
	assert_int_equal(skep_map_delete(outer, &(uint32_t){ 1 }), -ENOENT);
	assert_int_equal(result_of(o, "start", 0), 2); /* its program array is ours to fill */
	skep_map_put(outer);
	skep_object_free(o);
}

#ifndef __has_feature /* gcc has macros instead */
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
	__has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* A text that needs more memory than there is. */
static void no_memory_is_an_error(void **state)
{
	enum { SIZE = 96 << 20 };
	char *text;
	struct rlimit old, tight = { 160 << 20, 0 };
	struct skep_object *o;

	(void)state;
	if (SANITIZED)
		skip(); /* shadow memory is address space */
	text = malloc(SIZE);
	assert_non_null(text);
	memset(text, '\n', SIZE);
	assert_int_equal(getrlimit(RLIMIT_AS, &old), 0);
	tight.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_AS, &tight), 0);
	int err = skep_open_memory("large", text, SIZE, NULL, &o, &why);
	assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
	assert_int_equal(err, -ENOMEM);
	assert_true(why.text[0] != '\0');
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(variables_have_their_first_contents),
		cmocka_unit_test(maps_are_as_the_object_says),
		cmocka_unit_test(no_memory_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
