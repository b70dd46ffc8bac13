/*
 * Helpers on local storage: values that belong to a task, socket, inode or cgroup. The object is
 * known by its address alone and never looked at.
 */
#include <errno.h>

#include "engine/helper.h"
#include "engine/map_special.h"

static struct map *storage_map(struct vm *vm, uint64_t value, enum bpf_map_type type)
{
	struct map *m = vm_map(vm, value);

	if (m && m->def.type == type)
		return m;
	vm->end = VM_BAD_ARGUMENT;
	return NULL;
}

/* storage_get(map, object, first value or NULL, flags) */
static uint64_t get(struct vm *vm, struct map *m, uint64_t object, uint64_t init, uint64_t flags)
{
	const void *first = m && init ? vm_memory(vm, init, m->def.value_size, false) : NULL;

	if (!m || !object || vm->end || flags & ~(uint64_t)MAP_STORAGE_CREATE)
		return 0;
	return (uint64_t)map_storage_get(m, object, first, flags, vm->cpu);
}

/* storage_delete(map, object) */
static uint64_t drop(struct map *m, uint64_t object)
{
	if (!m)
		return 0;
	return HELPER_ERROR(object ? map_storage_delete(m, object) : -EINVAL);
}

#define STORAGE_HELPERS(kind, type)                                \
	ENGINE_HELPER(kind##_storage_get)                          \
	{                                                          \
		return get(vm, storage_map(vm, a, type), b, c, d); \
	}                                                          \
	ENGINE_HELPER(kind##_storage_delete)                       \
	{                                                          \
		return drop(storage_map(vm, a, type), b);          \
	}

STORAGE_HELPERS(task, BPF_MAP_TYPE_TASK_STORAGE)
STORAGE_HELPERS(sk, BPF_MAP_TYPE_SK_STORAGE)
STORAGE_HELPERS(inode, BPF_MAP_TYPE_INODE_STORAGE)
STORAGE_HELPERS(cgrp, BPF_MAP_TYPE_CGRP_STORAGE)
