/*
 * Images in an engine: see load.h.
 * Needs: an image (object_read, the assembler). Called by hosts.
 */
#include "engine/load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/context.h"
#include "engine/prog.h"

uint32_t load_stand_in(uint32_t type)
{
	switch (type) {
	case BPF_MAP_TYPE_DEVMAP:
	case BPF_MAP_TYPE_CPUMAP:
	case BPF_MAP_TYPE_XSKMAP:
	case BPF_MAP_TYPE_SOCKMAP:
	case BPF_MAP_TYPE_REUSEPORT_SOCKARRAY: return BPF_MAP_TYPE_ARRAY;
	case BPF_MAP_TYPE_DEVMAP_HASH:
	case BPF_MAP_TYPE_SOCKHASH: return BPF_MAP_TYPE_HASH;
	default: return type;
	}
}

/* What the kernel counts itself: one entry a CPU. */
static uint32_t entries(const struct image_map *m, uint32_t type, uint32_t ncpus)
{
	if (m->max_entries)
		return m->max_entries;
	return type == BPF_MAP_TYPE_PERF_EVENT_ARRAY ? ncpus : m->max_entries;
}

static int make_map(struct load *l, uint32_t index, struct map **ret, struct buf *why)
{
	const struct image_map *m = &l->image->maps.v[index];
	uint32_t type = m->kind ? load_stand_in(m->kind) : BPF_MAP_TYPE_ARRAY;
	const struct map_def def = {
		.type = type,
		.key_size = m->kind ? m->key_size : 4,
		.value_size = m->value_size,
		.max_entries = m->kind ? entries(m, type, l->engine->ncpus) : 1,
		.flags = m->flags & ~(uint32_t)BPF_F_NUMA_NODE,
		.extra = m->extra,
		.ncpus = l->engine->ncpus,
		.name = m->name,
		.inner = m->inner ? load_map(l, m->inner - 1) : NULL,
	};
	int err = map_new(&def, ret);

	if (err)
		buf_printf(why, "map %s cannot be made: %s", m->name,
			   err == -EOPNOTSUPP ? "the engine has no maps of its kind"
					      : strerror(-err));
	return err;
}

/* First contents: arrays by index, and addresses inside of them. */
static void fill_map(struct load *l, uint32_t index)
{
	const struct image_map *m = &l->image->maps.v[index];
	struct map *map = load_map(l, index);
	const char *data = m->data;

	if (map->def.type != BPF_MAP_TYPE_ARRAY)
		return;
	for (uint32_t i = 0; data && i < map->def.max_entries; i++)
		memcpy(map->values + (size_t)i * map->value_stride,
		       data + (size_t)i * m->value_size, m->value_size);
	for (uint32_t i = 0; i < m->inits.n; i++) {
		const struct map_init *init = &m->inits.v[i];
		uint64_t address;

		if (init->kind != INIT_ADDRESS || init->index >= l->engine->nmaps ||
		    m->value_size < 8 || init->at > m->value_size - 8)
			continue;
		address = (uint64_t)load_map(l, init->index)->values + (uint64_t)init->addend;
		memcpy(map->values + init->at, &address, sizeof(address));
	}
}

/* Objects that maps hold from the start. */
static int fill_objects(struct load *l, uint32_t index, struct buf *why)
{
	const struct image_map *m = &l->image->maps.v[index];
	struct map *map = load_map(l, index);
	int err = 0;

	for (uint32_t i = 0; i < m->inits.n && !err; i++) {
		const struct map_init *init = &m->inits.v[i];
		char key[64] = { 0 };

		if (map->def.key_size > sizeof(key))
			return -EINVAL;
		memcpy(key, &init->at, MIN(map->def.key_size, sizeof(init->at)));
		if (init->kind == INIT_MAP && init->index < l->engine->nmaps) {
			struct map *inner = map_ref(load_map(l, init->index));

			err = map_object_set(map, key, inner, BPF_ANY);
			if (err)
				map_put(inner);
		} else if (init->kind == INIT_PROG && init->index < l->image->progs.n) {
			err = load_prog(l, init->index, why);
			if (!err)
				err = map_object_set(map, key, l->progs[init->index], BPF_ANY);
		}
	}
	if (err && !why->len)
		buf_printf(why, "map %s cannot be filled: %s", m->name, strerror(-err));
	return err;
}

static int make_maps(struct load *l, struct buf *why)
{
	int err = 0;

	for (uint32_t i = 0; i < l->image->maps.n && !err; i++) {
		struct map *map;

		err = make_map(l, i, &map, why);
		if (err)
			return err;
		err = engine_add_map(l->engine, map);
		map_put(map);
		if (err >= 0)
			err = 0;
	}
	for (uint32_t i = 0; i < l->image->maps.n && !err; i++)
		fill_map(l, i);
	return err;
}

struct map *load_map(const struct load *l, uint32_t index)
{
	return l->engine->maps[index];
}

static int keep_named(struct load *l, struct vm_prog *p, const struct image_map *m)
{
	int err = 0;

	for (uint32_t i = 0; i < m->inits.n && !err; i++) {
		const struct map_init *init = &m->inits.v[i];

		if (init->kind == INIT_ADDRESS && init->index < l->engine->nmaps)
			err = prog_keep_map(p, load_map(l, init->index));
	}
	return err;
}

/* Variables that a program reaches only by the addresses which other variables hold. */
static int keep_pointed(struct load *l, struct vm_prog *p)
{
	int err = 0;

	for (uint32_t i = 0; i < p->nmaps && !err; i++) {
		for (uint32_t k = 0; k < l->image->maps.n && !err; k++) {
			if (load_map(l, k) == p->maps[i])
				err = keep_named(l, p, &l->image->maps.v[k]);
		}
	}
	return err;
}

int load_prog(struct load *l, uint32_t index, struct buf *why)
{
	if (l->progs[index])
		return 0;
	int err = vm_prog_new(l->engine, &l->image->progs.v[index], &l->options, &l->progs[index],
			      why);

	return err ? err : keep_pointed(l, l->progs[index]);
}

int load_new(const struct image *image, const struct engine_options *engine,
	     const struct vm_options *options, struct load **ret, struct buf *why)
{
	struct load *l = calloc(1, sizeof(*l));
	int err = -ENOMEM;

	if (!l)
		return err;
	l->image = image;
	l->options = *options;
	l->options.sources = image->sources;
	l->progs = calloc(MAX(image->progs.n, 1u), sizeof(struct vm_prog *));
	if (l->progs)
		err = engine_new(engine, &l->engine);
	if (!err)
		err = context_add_helpers(l->engine);
	if (!err)
		err = make_maps(l, why);
	for (uint32_t i = 0; i < image->maps.n && !err; i++)
		err = fill_objects(l, i, why);
	if (err)
		load_free(l);
	else
		*ret = l;
	return err;
}

void load_free(struct load *l)
{
	if (!l)
		return;
	for (uint32_t i = 0; l->progs && i < l->image->progs.n; i++)
		vm_prog_free(l->progs[i]);
	free(l->progs);
	engine_free(l->engine);
	free(l);
}
