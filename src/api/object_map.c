/*
 * Maps of objects: made when they are first asked for, or given by the caller.
 * Needs: objects (object.c), maps (map.c). Called by run.c and load.c too.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/api_priv.h"

/* What is asked of object_make(). */
struct making {
	uint32_t index;
	enum skep_where where;
	struct skep_why *why;
	struct map_def fields; /* lock and timer in the value */
};

static void info_of(const struct image_map *m, struct skep_map_info *ret)
{
	*ret = (struct skep_map_info){
		.name = m->name,
		.type = m->kind ? m->kind : BPF_MAP_TYPE_ARRAY,
		.key_size = m->key_size           ? m->key_size
			    : m->data || !m->kind ? 4
						  : 0,
		.value_size = m->value_size,
		.max_entries = m->max_entries,
		.flags = m->flags,
		.extra = m->extra,
	};
	if (m->role == MAP_RODATA)
		ret->flags |= BPF_F_RDONLY_PROG;
	if (!ret->max_entries && ret->type == BPF_MAP_TYPE_PERF_EVENT_ARRAY)
		ret->max_entries = (uint32_t)MAX(sysconf(_SC_NPROCESSORS_CONF), 1);
}

int skep_object_map_info(const struct skep_object *object, uint32_t map, struct skep_map_info *ret)
{
	if (map >= object->nmaps)
		return -ENOENT;
	if (map < object->image->maps.n)
		info_of(&object->image->maps.v[map], ret);
	else
		skep_map_info(object->maps[map], ret);
	return 0;
}

static int add_slot(struct skep_object *o)
{
	struct skep_map **maps = reallocarray(o->maps, o->nmaps + 1, sizeof(*maps));

	if (!maps)
		return -ENOMEM;
	o->maps = maps;
	o->maps[o->nmaps++] = NULL;
	return 0;
}

int skep_object_set_map(struct skep_object *object, uint32_t index, struct skep_map *map)
{
	struct skep_map_info want = map->info;

	if (object->is_open && index == object->nmaps) {
		int err = add_slot(object);
		if (err)
			return err;
	} else if (skep_object_map_info(object, index, &want)) {
		return -ENOENT;
	}
	if (want.type != map->info.type || want.key_size != map->info.key_size ||
	    want.value_size != map->info.value_size)
		return -EINVAL;
	skep_map_ref(map);
	skep_map_put(object->maps[index]);
	object->maps[index] = map;
	return 0;
}

/* ---- making ---- */

/* Locks and timers in values: the engine must know where they are. */
static int find_fields(struct skep_object *o, void *arg)
{
	struct making *make = arg;
	const struct type *value = o->image->maps.v[make->index].value;

	value = value ? type_complete(&o->types, value) : NULL;
	if (!value || value->kind != TYPE_STRUCT)
		return 0;
	for (uint32_t i = 0; i < value->nmembers; i++) {
		const struct type_member *m = &value->members[i];
		struct map_field field = { m->offset, m->type->size };

		if (m->type->kind != TYPE_STRUCT || !m->type->name)
			continue;
		if (streq(m->type->name, "bpf_spin_lock"))
			make->fields.lock = field;
		if (streq(m->type->name, "bpf_timer"))
			make->fields.timer = field;
	}
	return 0;
}

static int object_make(struct skep_object *o, struct making *make);

/* The first contents that are other maps, or their addresses. Entries of program arrays are the
 * caller's to set: which programs are made is for the caller to say. */
static int fill_inits(struct skep_object *o, struct skep_map *m, const struct image_map *from,
		      const struct making *make, char *value)
{
	for (uint32_t i = 0; i < from->inits.n; i++) {
		const struct map_init *init = &from->inits.v[i];
		struct making other = { init->index, make->where, make->why, { 0 } };
		int err = init->kind == INIT_PROG ? 0 : object_make(o, &other);

		if (err)
			return err;
		if (init->kind == INIT_MAP)
			err = skep_map_set_map(m, &init->at, o->maps[init->index]);
		else if (init->kind == INIT_ADDRESS && make->where == SKEP_KERNEL)
			err = why_printf(make->why, -EOPNOTSUPP,
					 "map %s holds the address of a variable, which kernels "
					 "cannot give",
					 from->name);
		else if (init->kind == INIT_ADDRESS && value)
			memcpy(value + init->at,
			       &(uint64_t){ (uint64_t)o->maps[init->index]->map->values +
					    (uint64_t)init->addend },
			       sizeof(uint64_t));
		if (err)
			return err;
	}
	return 0;
}

static int fill(struct skep_object *o, struct skep_map *m, const struct image_map *from,
		const struct making *make)
{
	uint32_t key = 0;
	char *value = NULL;
	int err;

	if (from->data) {
		value = calloc(1, MAX(m->value_size, (size_t)from->value_size));
		if (!value)
			return -ENOMEM;
		memcpy(value, from->data, from->value_size);
	}
	err = fill_inits(o, m, from, make, value);
	if (!err && from->data)
		err = skep_map_update(m, &key, value, BPF_ANY);
	if (!err && from->role == MAP_RODATA)
		err = skep_map_freeze(m);
	free(value);
	return err;
}

/* Makes o->maps[make->index] unless it is there. */
static int object_make(struct skep_object *o, struct making *make)
{
	struct skep_map *m = o->maps[make->index], *inner = NULL;
	const struct image_map *from;
	struct skep_map_info info;
	int err = 0;

	if (m)
		return skep_map_where(m) == make->where
			       ? 0
			       : why_printf(make->why, -EXDEV, "map %s is in the %s",
					    m->info.name ? m->info.name : "",
					    m->map ? "process" : "kernel");
	from = &o->image->maps.v[make->index];
	info_of(from, &info);
	if (from->inner) {
		struct making other = { from->inner - 1, make->where, make->why, { 0 } };

		err = object_make(o, &other);
		inner = o->maps[from->inner - 1];
	}
	if (!err)
		err = object_guard(o, find_fields, make);
	if (!err)
		err = map_make(&info, make->where, &make->fields, inner, &m);
	if (!err) {
		o->maps[make->index] = m; /* before it is filled: variables may hold its address */
		err = fill(o, m, from, make);
	}
	if (!err)
		return 0;
	o->maps[make->index] = NULL;
	skep_map_put(m);
	if (make->why && !make->why->text[0])
		why_printf(make->why, err, "map %s cannot be made: %s", from->name,
			   strerrordesc_np(-err));
	return err;
}

int skep_object_map(struct skep_object *object, uint32_t index, enum skep_where where,
		    struct skep_map **ret, struct skep_why *why)
{
	struct making make = { index, where, why, { 0 } };
	int err;

	why_clear(why);
	if (index >= object->nmaps)
		return why_printf(why, -ENOENT, "there is no map %u; the object has %u", index,
				  object->nmaps);
	err = object_make(object, &make);
	if (!err)
		*ret = skep_map_ref(object->maps[index]);
	return why_error(why, err);
}

int object_place(struct skep_object *o, const struct image_prog *prog, struct reloc *relocs,
		 enum skep_where where, place_map_fn *fn, void *ctx, struct skep_why *why)
{
	for (uint32_t i = 0; i < prog->relocs.n; i++) {
		struct reloc *r = &relocs[i];
		struct making make = { prog->relocs.v[i].index, where, why, { 0 } };
		int err;

		*r = prog->relocs.v[i];
		if (r->kind != RELOC_MAP && r->kind != RELOC_MAP_VALUE)
			continue;
		if (r->index >= o->nmaps)
			return why_printf(why, -ENOENT,
					  "instruction %u: there is no map %u; the object has %u",
					  r->insn, r->index, o->nmaps);
		err = object_make(o, &make);
		if (!err)
			err = fn(ctx, r, o->maps[make.index]);
		if (err)
			return err;
	}
	return 0;
}
