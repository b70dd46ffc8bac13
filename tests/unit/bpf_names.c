/* Helpers and kinds: complete, found both ways, prototypes well-formed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/helper.h"
#include "bpf/kind.h"
#include "bpf/target.h"
#include "bpf/uapi.h"

static void every_helper_is_found_by_both_names(void **state)
{
	char full[64] = "bpf_";

	(void)state;
	for (int id = 1; id < HELPER_COUNT; id++) {
		const struct helper *h = helper_by_id(id);

		assert_non_null(h->name);
		strncpy(full + 4, h->name, sizeof(full) - 5);
		assert_int_equal(helper_find(h->name, strlen(h->name)), id);
		assert_int_equal(helper_find(full, strlen(full)), id);
	}
	assert_int_equal(helper_find("map_lookup_elem", 10), 0);
	assert_int_equal(helper_find("bpf_", 4), 0);
	assert_int_equal(helper_find("", 0), 0);
	assert_int_equal(helper_find("loop", 4), BPF_FUNC_loop);
	assert_null(helper_by_id(0));
	assert_null(helper_by_id(-1));
	assert_null(helper_by_id(HELPER_COUNT));
	assert_null(helper_by_id((int64_t)1 << 32 | 1));
}

/* A size stands behind a memory it belongs to, and memory has one; 5 registers carry arguments. */
static void every_prototype_is_well_formed(void **state)
{
	(void)state;
	for (int id = 1; id < HELPER_COUNT; id++) {
		const char *proto = helper_by_id(id)->proto, *args = proto + 2;

		assert_non_null(strchr("iuvVPMKOo", proto[0]));
		assert_int_equal(proto[1], ':');
		assert_true(strlen(args) <= 5);
		for (const char *a = args; *a; a++) {
			bool memory = strchr("rRwW", *a), size_next = a[1] == 's' || a[1] == 'z';

			assert_non_null(strchr("cnmkvVNrRwWszCaS*LIfdltDEAKbPxX46T", *a));
			assert_int_equal(memory, size_next);
			assert_true(*a != 'd' || (a > args && a[-1] == 'f'));
		}
	}
}

static void helpers_appear_in_the_order_of_their_ids(void **state)
{
	(void)state;
	for (int id = 2; id < HELPER_COUNT; id++)
		assert_true(helper_by_id(id)->since >= helper_by_id(id - 1)->since);
	assert_int_equal(helper_by_id(BPF_FUNC_ringbuf_reserve)->since, KERNEL(5, 8));
	assert_int_equal(helper_by_id(BPF_FUNC_loop)->since, KERNEL(5, 17));
	assert_true(helper_by_id(BPF_FUNC_probe_read_kernel)->gpl_only);
	assert_false(helper_by_id(BPF_FUNC_map_lookup_elem)->gpl_only);
	assert_string_equal(helper_by_id(BPF_FUNC_map_update_elem)->proto, "i:mkvn");
}

static void kinds_are_found_both_ways(void **state)
{
	(void)state;
	for (uint32_t i = 1; i < PROG_KIND_COUNT; i++)
		assert_int_equal(prog_kind_find(prog_kind(i)->name), i);
	for (uint32_t i = 1; i < MAP_KIND_COUNT; i++)
		assert_int_equal(map_kind_find(map_kind(i)->name), i);
	assert_null(prog_kind(0));
	assert_null(prog_kind(PROG_KIND_COUNT));
	assert_null(map_kind(0));
	assert_null(map_kind(MAP_KIND_COUNT));
	assert_int_equal(prog_kind_find("hash"), 0);
	assert_int_equal(map_kind_find("xdp"), 0);
	assert_int_equal(map_kind_find("lru_percpu_hash"), BPF_MAP_TYPE_LRU_PERCPU_HASH);
	assert_int_equal(prog_kind(BPF_PROG_TYPE_SYSCALL)->since, KERNEL(5, 14));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_helper_is_found_by_both_names),
		cmocka_unit_test(every_prototype_is_well_formed),
		cmocka_unit_test(helpers_appear_in_the_order_of_their_ids),
		cmocka_unit_test(kinds_are_found_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
