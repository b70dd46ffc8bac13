/*
 * Helpers on maps: thin calls of the map's row (map.h). What a verifier would refuse (a map of
 * another kind, a key that is not the program's memory) ends the run.
 */
#include <errno.h>

#include "engine/helper.h"
#include "engine/map.h"

static uint64_t bad_argument(struct vm *vm)
{
	vm->end = VM_BAD_ARGUMENT;
	return 0;
}

static bool is_of_maps(const struct map *m)
{
	return m->def.type == BPF_MAP_TYPE_ARRAY_OF_MAPS ||
	       m->def.type == BPF_MAP_TYPE_HASH_OF_MAPS;
}

/* The map that a helper was given, if the program may do to it what @refused forbids
 * (BPF_F_RDONLY_PROG to change it, BPF_F_WRONLY_PROG to read it). */
static struct map *map_for(struct vm *vm, uint64_t value, uint32_t refused)
{
	struct map *m = vm_map(vm, value);

	if (m && m->def.flags & refused)
		return (void)bad_argument(vm), NULL;
	return m;
}

/* The CPU whose values the program works on. */
static uint32_t cpu_of(const struct vm *vm, const struct map *m)
{
	return vm->cpu < m->def.ncpus ? vm->cpu : 0;
}

/* A value's address as programs take it: inner maps are held until the run ends. */
static uint64_t hand_out(struct vm *vm, struct map *m, void *value)
{
	if (value && is_of_maps(m))
		return vm_lend_map(vm, map_ref(value));
	return (uint64_t)value;
}

/* lookup(map, key) on CPU @cpu */
static uint64_t lookup(struct vm *vm, struct map *m, uint64_t key_at, uint32_t cpu)
{
	if (!m->lookup || (m->kind->objects && !is_of_maps(m)))
		return bad_argument(vm);
	const void *key = vm_memory(vm, key_at, m->def.key_size, false);
	return key ? hand_out(vm, m, m->lookup(m, key, cpu)) : 0;
}

/* map_lookup_elem(map, key) */
ENGINE_HELPER(map_lookup_elem)
{
	struct map *m = map_for(vm, a, BPF_F_WRONLY_PROG);

	return m ? lookup(vm, m, b, cpu_of(vm, m)) : 0;
}

/* map_lookup_percpu_elem(map, key, cpu) */
ENGINE_HELPER(map_lookup_percpu_elem)
{
	struct map *m = map_for(vm, a, BPF_F_WRONLY_PROG);
	uint32_t cpu = (uint32_t)c;

	if (!m)
		return 0;
	if (!m->kind->percpu)
		return bad_argument(vm);
	return cpu < m->def.ncpus ? lookup(vm, m, b, cpu) : 0;
}

/* map_update_elem(map, key, value, flags) */
ENGINE_HELPER(map_update_elem)
{
	struct map *m = map_for(vm, a, BPF_F_RDONLY_PROG);

	if (!m)
		return 0;
	if (!m->kind->update)
		return bad_argument(vm);
	const void *key = vm_memory(vm, b, m->def.key_size, false);
	const void *value = vm_memory(vm, c, m->def.value_size, false);
	if (!key || !value)
		return 0;
	return HELPER_ERROR(m->kind->update(m, key, value, d, cpu_of(vm, m)));
}

/* map_delete_elem(map, key) */
ENGINE_HELPER(map_delete_elem)
{
	struct map *m = map_for(vm, a, BPF_F_RDONLY_PROG);

	if (!m)
		return 0;
	if (!m->kind->remove) {
		int16_t err = m->kind->refuse.remove;

		return err ? HELPER_ERROR(err) : bad_argument(vm);
	}
	const void *key = vm_memory(vm, b, m->def.key_size, false);
	return key ? HELPER_ERROR(m->kind->remove(m, key)) : 0;
}

/* map_push_elem(map, value, flags) */
ENGINE_HELPER(map_push_elem)
{
	struct map *m = map_for(vm, a, BPF_F_RDONLY_PROG);

	if (!m)
		return 0;
	if (!m->kind->push)
		return bad_argument(vm);
	const void *value = vm_memory(vm, b, m->def.value_size, false);
	return value ? HELPER_ERROR(m->kind->push(m, value, c)) : 0;
}

/* map_pop_elem(map, value) */
ENGINE_HELPER(map_pop_elem)
{
	struct map *m = map_for(vm, a, BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG);

	if (!m)
		return 0;
	if (!m->kind->pop)
		return bad_argument(vm);
	void *value = vm_memory(vm, b, m->def.value_size, true);
	return value ? HELPER_ERROR(m->kind->pop(m, value)) : 0;
}

/* map_peek_elem(map, value): bloom filters read the value, queues write it. */
ENGINE_HELPER(map_peek_elem)
{
	struct map *m = map_for(vm, a, BPF_F_WRONLY_PROG);

	if (!m)
		return 0;
	if (!m->kind->peek)
		return bad_argument(vm);
	bool write = m->def.type != BPF_MAP_TYPE_BLOOM_FILTER;
	void *value = vm_memory(vm, b, m->def.value_size, write);
	return value ? HELPER_ERROR(m->kind->peek(m, value)) : 0;
}

/* What for_each_map_elem passes to its callback. */
struct each {
	struct vm *vm;
	struct map *map;
	uint64_t callback, context;
};

static int each_entry(void *ctx, const void *key, void *value)
{
	const struct each *x = ctx;
	struct vm *vm = x->vm;
	const struct region outer = vm->loan;

	vm->loan = (struct region){ (uint64_t)key, x->map->def.key_size, false, (char *)key };
	uint64_t stop = vm_call(vm, x->callback, (uint64_t)x->map, (uint64_t)key, (uint64_t)value,
				x->context, 0);
	vm->loan = outer;
	vm_forget(vm); /* the key may have a window */
	return stop || vm->end;
}

/* for_each_map_elem(map, function, context, flags): function(map, key, value, context) until it
 * gives 1; how many it was called for. */
ENGINE_HELPER(for_each_map_elem)
{
	struct each x = { vm, map_for(vm, a, BPF_F_WRONLY_PROG), b, c };

	if (!x.map)
		return 0;
	if (!x.map->kind->each)
		return bad_argument(vm);
	if (d)
		return HELPER_ERROR(-EINVAL);
	return (uint64_t)x.map->kind->each(x.map, each_entry, &x, cpu_of(vm, x.map));
}

/* spin_lock(lock): one at a time; what the program leaves locked is unlocked when it ends. */
ENGINE_HELPER(spin_lock)
{
	uint32_t *lock = vm_memory(vm, a, sizeof(*lock), true);

	if (!lock)
		return 0;
	if (vm->lock || (uint64_t)lock % sizeof(*lock) || map_spin_lock(lock))
		return bad_argument(vm);
	vm->lock = lock;
	return 0;
}

ENGINE_HELPER(spin_unlock)
{
	uint32_t *lock = vm_memory(vm, a, sizeof(*lock), true);

	if (!lock)
		return 0;
	if (lock != vm->lock)
		return bad_argument(vm);
	vm->lock = NULL;
	map_spin_unlock(lock);
	return 0;
}
