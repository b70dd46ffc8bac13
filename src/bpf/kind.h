/*
 * Kinds of programs and maps as data: the rows of kind.def.
 */
#ifndef SKEP_BPF_KIND_H
#define SKEP_BPF_KIND_H

#include "base/base.h"

enum { PROG_KIND_COUNT = 33, MAP_KIND_COUNT = 34 }; /* numbers from 1 on; 0 is none */

struct bpf_kind {
	const char *name; /* as bpftool prints it: "sched_cls", "lru_hash" */
	uint32_t since;   /* KERNEL(major, minor) */
};

/* prog_kind, map_kind - by enum bpf_prog_type, bpf_map_type; NULL when there is none. */
const struct bpf_kind *prog_kind(uint32_t number);
const struct bpf_kind *map_kind(uint32_t number);

/* prog_kind_find, map_kind_find - the number of the kind called @name, 0 when there is none. */
uint32_t prog_kind_find(const char *name);
uint32_t map_kind_find(const char *name);

#endif
