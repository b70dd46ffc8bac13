/*
 * What the stages share: maps that are not the script's own, kernel types on demand. Needs: an
 * image. Called by checking and lowering.
 */
#include "lang/script.h"

#include "types/btf.h"

void script_btf(struct script *s)
{
	const char *why = NULL;

	if (s->types->btf || !s->env->btf_path || s->btf_failed)
		return;
	if (btf_open(s->types, s->env->btf_path, &s->types->btf, &why) != 0)
		s->btf_failed = true;
}

struct script_map *script_map(struct script *s, const char *name, struct span span)
{
	struct script_map *m;

	for (uint32_t i = 0; i < s->maps.n; i++)
		if (streq(s->maps.v[i]->name, name))
			return s->maps.v[i];
	m = arena_new(s->arena, struct script_map);
	m->name = name;
	m->span = span;
	vec_push(s->arena, &s->maps, m);
	return m;
}

/* ---- maps of the image ---- */

static const struct image_map roles[MAP_ROLE_COUNT] = {
	[MAP_RING] = { .name = ".ring" },
	[MAP_URGENT] = { .name = ".urgent" },
	[MAP_LOSS] = { .name = ".loss", .key_size = 4, .value_size = 8 },
	[MAP_GLOBALS] = { .name = ".globals",
			  .key_size = 4,
			  .value_size = sizeof(struct image_globals),
			  .max_entries = 1 },
	[MAP_STACKS] = { .name = ".stacks", .key_size = 8, .value_size = 8, .max_entries = 16384 },
};

uint32_t script_role(struct script *s, enum map_role role)
{
	int index = image_role(s->image, role);
	struct image_map map = roles[role];

	if (index >= 0)
		return index;
	map.role = role;
	if ((role == MAP_RING || role == MAP_URGENT) &&
	    !target_has(s->env->target, FEATURE_RINGBUF)) {
		diag_error(s->env->diags, SPAN_NONE,
			   "this kernel has no ring buffer for what the script writes (%s)",
			   feature_rows[FEATURE_RINGBUF].name);
		diag_hint(s->env->diags, "without it only maps can be printed, when tracing ends; "
					 "Linux 5.8 and later have it");
	}
	return image_map_add(s->image, &map);
}

uint32_t script_word(struct script *s)
{
	struct image_map *map = &s->image->maps.v[script_role(s, MAP_GLOBALS)];
	uint32_t offset = ALIGN_UP(map->value_size, 8);

	map->value_size = offset + 8;
	return offset;
}

uint32_t script_rodata(struct script *s, const char *name, const void *data, uint32_t size)
{
	struct image_map map = { .name = name,
				 .role = MAP_RODATA,
				 .key_size = 4,
				 .value_size = ALIGN_UP(size, 8),
				 .max_entries = 1 };
	char *copy = arena_alloc(s->arena, map.value_size);

	if (data)
		memcpy(copy, data, size);
	map.data = copy;
	return image_map_add(s->image, &map);
}

uint32_t script_zeroes(struct script *s, uint32_t size)
{
	struct image_map *map;

	if (!s->zeroes)
		s->zeroes = script_rodata(s, ".zeroes", NULL, size) + 1;
	map = &s->image->maps.v[s->zeroes - 1];
	if (map->value_size < size) {
		map->value_size = ALIGN_UP(size, 8);
		map->data = arena_alloc(s->arena, map->value_size);
	}
	return s->zeroes - 1;
}

void script_finish(struct script *s)
{
	bool rings = image_role(s->image, MAP_RING) >= 0 || image_role(s->image, MAP_URGENT) >= 0;
	int loss = image_role(s->image, MAP_LOSS);

	if (rings && !target_has(s->env->target, FEATURE_RINGBUF))
		diag_error(s->env->diags, SPAN_NONE,
			   "the kernel has no ring buffer (%s): Linux 5.8 is the oldest that works",
			   feature_rows[FEATURE_RINGBUF].name);
	if (loss >= 0)
		s->image->maps.v[loss].max_entries = s->image->sites.n;
}
