/*
 * Maps of the public interface: one set of calls over the engine's maps and the kernel's.
 * Needs: the engine's maps, the kernel's system calls.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/api_priv.h"
#include "kernel/kernel.h"
#include "kernel/sys.h"

/* ---- life ---- */

static bool is_percpu(uint32_t type)
{
	const struct map_kind *kind = map_kind_of(type);

	return kind && kind->percpu;
}

static int open_process(struct skep_map *m, const struct map_def *more, struct skep_map *inner)
{
	struct map_def def = more ? *more : (struct map_def){ 0 };
	int err;

	if (inner && !inner->map)
		return -EXDEV;
	def.type = m->info.type;
	def.key_size = m->info.key_size;
	def.value_size = m->info.value_size;
	def.max_entries = m->info.max_entries;
	def.flags = m->info.flags;
	def.extra = m->info.extra;
	def.name = m->info.name;
	def.ncpus = (uint32_t)MAX(sysconf(_SC_NPROCESSORS_CONF), 1);
	def.inner = inner ? inner->map : NULL;
	err = map_new(&def, &m->map);
	if (!err)
		m->value_size = map_user_value_size(m->map);
	return err;
}

/* The kernel takes letters, digits and '_' and '.' only. */
static void kernel_name(char to[SYS_NAME_SIZE], const char *name)
{
	for (size_t i = 0; name && name[i] && i < SYS_NAME_SIZE - 1; i++) {
		char c = name[i];
		bool letter = (c | 32) >= 'a' && (c | 32) <= 'z';

		to[i] = letter || (c >= '0' && c <= '9') ? c : '_';
	}
}

static int open_kernel(struct skep_map *m, struct skep_map *inner)
{
	struct sys_map_create attr = {
		.type = m->info.type,
		.key_size = m->info.key_size,
		.value_size = m->info.value_size,
		.max_entries = m->info.max_entries,
		.flags = m->info.flags,
		.inner_map_fd = inner ? (uint32_t)inner->fd : 0,
	};
	struct target target;
	int err = kernel_target(&target);

	if (err < 0)
		return err;
	if (inner && inner->map)
		return -EXDEV;
	kernel_name(attr.name, m->info.name);
	m->value_size = m->info.value_size;
	if (is_percpu(m->info.type))
		m->value_size = ALIGN_UP(m->value_size, 8) * target.ncpus;
	m->fd = sys_map_create(&attr);
	return MIN(m->fd, 0);
}

int map_make(const struct skep_map_info *info, enum skep_where where, const struct map_def *more,
	     struct skep_map *inner, struct skep_map **ret)
{
	size_t len = info->name ? strlen(info->name) + 1 : 0;
	struct skep_map *m = calloc(1, sizeof(*m) + len);
	int err;

	if (!m)
		return -ENOMEM;
	m->references = 1;
	m->fd = -1;
	m->info = *info;
	if (len) {
		memcpy(m->name, info->name, len);
		m->info.name = m->name;
	}
	err = where == SKEP_KERNEL ? open_kernel(m, inner) : open_process(m, more, inner);
	if (err)
		free(m);
	else
		*ret = m;
	return api_error(err);
}

int skep_map_new(const struct skep_map_info *info, enum skep_where where, struct skep_map **ret)
{
	return map_make(info, where, NULL, NULL, ret);
}

int skep_map_new_of(const struct skep_map_info *info, struct skep_map *inner, struct skep_map **ret)
{
	return map_make(info, skep_map_where(inner), NULL, inner, ret);
}

int skep_map_shared(const struct skep_map_info *info, const char *name, struct skep_map **ret)
{
	const struct map_def more = { .shared = name };

	return map_make(info, SKEP_PROCESS, &more, NULL, ret);
}

int skep_map_unlink(const char *name)
{
	return map_unshare(name);
}

struct skep_map *skep_map_ref(struct skep_map *map)
{
	__atomic_add_fetch(&map->references, 1, __ATOMIC_RELAXED);
	return map;
}

void skep_map_put(struct skep_map *map)
{
	if (!map || __atomic_sub_fetch(&map->references, 1, __ATOMIC_ACQ_REL))
		return;
	if (map->map)
		map_put(map->map);
	sys_close(&map->fd);
	free(map);
}

/* ---- what it is ---- */

void skep_map_info(const struct skep_map *map, struct skep_map_info *ret)
{
	*ret = map->info;
}

enum skep_where skep_map_where(const struct skep_map *map)
{
	return map->map ? SKEP_PROCESS : SKEP_KERNEL;
}

int skep_map_fd(const struct skep_map *map)
{
	return map->map ? -EXDEV : map->fd;
}

size_t skep_map_value_size(const struct skep_map *map)
{
	return map->value_size;
}

/* ---- entries ---- */

int skep_map_lookup(struct skep_map *map, const void *key, void *ret_value)
{
	return api_error(map->map ? map_user_lookup(map->map, key, ret_value, 0)
				  : sys_map_lookup(map->fd, key, ret_value));
}

int skep_map_update(struct skep_map *map, const void *key, const void *value, uint64_t flags)
{
	return api_error(map->map ? map_user_update(map->map, key, value, flags)
				  : sys_map_update(map->fd, key, value, flags));
}

int skep_map_delete(struct skep_map *map, const void *key)
{
	return api_error(map->map ? map_user_delete(map->map, key) : sys_map_delete(map->fd, key));
}

int skep_map_take(struct skep_map *map, const void *key, void *ret_value)
{
	return api_error(map->map ? map_user_lookup_delete(map->map, key, ret_value, 0)
				  : sys_map_take(map->fd, key, ret_value));
}

int skep_map_next_key(struct skep_map *map, const void *key, void *ret)
{
	return api_error(map->map ? map_user_next_key(map->map, key, ret)
				  : sys_map_next_key(map->fd, key, ret));
}

int skep_map_freeze(struct skep_map *map)
{
	return api_error(map->map ? map_user_freeze(map->map) : sys_map_freeze(map->fd));
}

/* ---- entries that are objects ---- */

int skep_map_set_map(struct skep_map *map, const void *key, struct skep_map *inner)
{
	bool of_maps = map->info.type == BPF_MAP_TYPE_ARRAY_OF_MAPS ||
		       map->info.type == BPF_MAP_TYPE_HASH_OF_MAPS;
	int err;

	if (!of_maps)
		return -EINVAL;
	if (!map->map != !inner->map)
		return -EXDEV;
	if (!map->map)
		return api_error(sys_map_update(map->fd, key, &inner->fd, BPF_ANY));
	err = map_object_set(map->map, key, map_ref(inner->map), BPF_ANY);
	if (err)
		map_put(inner->map);
	return api_error(err);
}

int skep_map_set_prog(struct skep_map *map, uint32_t index, struct skep_prog *prog)
{
	if (map->info.type != BPF_MAP_TYPE_PROG_ARRAY)
		return -EINVAL;
	if (!map->map)
		return -EXDEV;
	return api_error(map_object_set(map->map, &index, prog->prog, BPF_ANY));
}
