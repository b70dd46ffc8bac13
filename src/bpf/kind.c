/*
 * Kinds of programs and maps by number and by name.
 * Needs: kind.def. Called by everything that names a kind: messages, lists, options.
 */
#include <string.h>

#include "bpf/kind.h"
#include "bpf/target.h"
#include "bpf/uapi.h"

static const struct bpf_kind progs[PROG_KIND_COUNT] = {
#define PROG_KIND(id, number, name, major, minor) [number] = { name, KERNEL(major, minor) },
#define MAP_KIND(...)
#include "bpf/kind.def"
#undef PROG_KIND
#undef MAP_KIND
};

static const struct bpf_kind maps[MAP_KIND_COUNT] = {
#define PROG_KIND(...)
#define MAP_KIND(id, number, name, major, minor) [number] = { name, KERNEL(major, minor) },
#include "bpf/kind.def"
#undef PROG_KIND
#undef MAP_KIND
};

#define PROG_KIND(id, number, ...) \
	_Static_assert(BPF_PROG_TYPE_##id == (number), #id " has another number");
#define MAP_KIND(id, number, ...) \
	_Static_assert(BPF_MAP_TYPE_##id == (number), #id " has another number");
#include "bpf/kind.def"
#undef PROG_KIND
#undef MAP_KIND
_Static_assert(BPF_PROG_TYPE_NETFILTER + 1 == PROG_KIND_COUNT, "kind.def is not complete");
_Static_assert(BPF_MAP_TYPE_ARENA + 1 == MAP_KIND_COUNT, "kind.def is not complete");

static uint32_t find(const struct bpf_kind *kinds, uint32_t n, const char *name)
{
	for (uint32_t i = 1; i < n; i++) {
		if (streq(kinds[i].name, name))
			return i;
	}
	return 0;
}

const struct bpf_kind *prog_kind(uint32_t number)
{
	return number > 0 && number < PROG_KIND_COUNT ? &progs[number] : NULL;
}

const struct bpf_kind *map_kind(uint32_t number)
{
	return number > 0 && number < MAP_KIND_COUNT ? &maps[number] : NULL;
}

uint32_t prog_kind_find(const char *name)
{
	return find(progs, PROG_KIND_COUNT, name);
}

uint32_t map_kind_find(const char *name)
{
	return find(maps, MAP_KIND_COUNT, name);
}
