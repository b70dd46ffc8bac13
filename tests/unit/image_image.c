/* Images: indexes, roles, and which place of the script an instruction comes from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "image/image.h"

static struct arena arena;
static jmp_buf no_memory;

static void maps_and_sites_are_counted_from_zero(void **state)
{
	struct image *img = image_new(&arena, NULL);

	(void)state;
	assert_string_equal(img->license, "GPL");
	assert_int_equal(image_map_add(img, &(struct image_map){ .name = "@a" }), 0);
	assert_int_equal(image_map_add(img, &(struct image_map){ .name = "@b" }), 1);
	assert_int_equal(image_site_add(img, &(struct image_site){ .kind = RENDER_TIME }), 0);
	assert_int_equal(image_site_add(img, &(struct image_site){ .kind = RENDER_CAT }), 1);
	assert_string_equal(img->maps.v[1].name, "@b");
	assert_int_equal(img->sites.v[1].kind, RENDER_CAT);
}

static void a_role_finds_its_first_map(void **state)
{
	struct image *img = image_new(&arena, NULL);

	(void)state;
	assert_int_equal(image_role(img, MAP_USER), -1);
	image_map_add(img, &(struct image_map){ .role = MAP_LOSS });
	image_map_add(img, &(struct image_map){ .role = MAP_USER, .name = "@first" });
	image_map_add(img, &(struct image_map){ .role = MAP_USER, .name = "@second" });
	assert_int_equal(image_role(img, MAP_USER), 1);
	assert_int_equal(image_role(img, MAP_RING), -1);
}

static void a_span_holds_until_the_next_one(void **state)
{
	struct image_prog prog = { 0 };

	(void)state;
	assert_int_equal(prog_span(&prog, 0).lo, 0);
	vec_push(&arena, &prog.spans, (struct insn_span){ 2, { 10, 12 } });
	vec_push(&arena, &prog.spans, (struct insn_span){ 5, { 20, 22 } });
	vec_push(&arena, &prog.spans, (struct insn_span){ 6, { 30, 32 } });
	assert_int_equal(prog_span(&prog, 1).lo, 0);
	assert_int_equal(prog_span(&prog, 2).lo, 10);
	assert_int_equal(prog_span(&prog, 4).hi, 12);
	assert_int_equal(prog_span(&prog, 5).lo, 20);
	assert_int_equal(prog_span(&prog, 6).lo, 30);
	assert_int_equal(prog_span(&prog, 4000).lo, 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_and_sites_are_counted_from_zero),
		cmocka_unit_test(a_role_finds_its_first_map),
		cmocka_unit_test(a_span_holds_until_the_next_one),
	};
	int failed;

	arena_init(&arena, &no_memory);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_done(&arena);
	return failed;
}
