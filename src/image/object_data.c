/*
 * Sections of variables (.data, .bss, .rodata and what is called after them): each name becomes
 * one map of one value, in which the sections of that name of all objects lie one behind the
 * other. The value's type is a struct of the variables that BTF knows.
 *
 * Needs: BTF, symbols. Called by object_read.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "image/link.h"

enum { ALIGN_MAX = 4096, ADDRESS_SIZE = 8, BTF_VAR_STATIC = 0 };

static bool is_here(const struct object_section *s)
{
	return s->role == SECTION_DATA && s->size;
}

static struct image_map *map_of(const struct object *o, const struct object_section *s)
{
	return &o->link->img->maps.v[s->map];
}

/* The map that sections called @name go to, made when it is not there yet. */
static uint32_t map_called(struct link *l, const char *name)
{
	struct image *img = l->img;
	bool constant = strncmp(name, ".rodata", 7) == 0;

	for (uint32_t i = 0; i < img->maps.n; i++)
		if (img->maps.v[i].role != MAP_USER && streq(img->maps.v[i].name, name))
			return i;
	return image_map_add(img, &(struct image_map){
					  .name = name,
					  .role = constant ? MAP_RODATA : MAP_DATA,
					  .key_size = 4,
					  .max_entries = 1,
				  });
}

int object_data(struct object *o)
{
	for (uint32_t i = 0; i < o->nsections; i++) {
		struct object_section *s = &o->sections[i];
		uint64_t align = s->align ? MIN(s->align, (uint64_t)ALIGN_MAX) : 1;

		if (!is_here(s))
			continue;
		s->map = map_called(o->link, s->name);
		struct image_map *m = map_of(o, s);
		uint64_t base = ALIGN_UP((uint64_t)m->value_size, align);
		if (s->size > OBJECT_VALUE_MAX || base + s->size > OBJECT_VALUE_MAX)
			return object_bad(o, "the variables in %s take more than %u MB", s->name,
					  OBJECT_VALUE_MAX >> 20);
		s->base = (uint32_t)base;
		m->value_size = (uint32_t)(base + s->size);
	}
	return 0;
}

/* ---- types ---- */

static int by_offset(const void *a, const void *b)
{
	const struct type_member *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* The first symbol of each name. */
static struct table symbols_of(struct object *o, const struct object_section *s)
{
	struct table t = { 0 };

	for (uint32_t i = 0; i < o->nsymbols; i++) {
		struct object_symbol *sym = &o->symbols[i], *other;

		if (sym->section != s || !*sym->name || sym->type == STT_SECTION)
			continue;
		other = table_get(&t, sym->name);
		if (!other || sym->value < other->value)
			table_put(o->link->arena, &t, sym->name, sym);
	}
	return t;
}

/* Makers leave offsets of global variables to the linker, gcc all of them: symbols have them. */
static uint64_t variable_offset(const struct table *symbols, const char *name, const uint32_t *var,
				uint32_t in_place)
{
	const struct object_symbol *sym = table_get(symbols, name);

	return sym && (var[BTF_COMMON] != BTF_VAR_STATIC || !in_place) ? sym->value : in_place;
}

static void add_variables(struct object *o, const struct object_section *s, struct type *t,
			  uint32_t *cap)
{
	const uint32_t *sec = object_record(o, &o->datasecs, s->name, NULL);
	struct arena *arena = o->link->arena;
	struct table symbols;

	if (!sec)
		return;
	symbols = symbols_of(o, s);
	for (uint32_t i = 0; i < btf_entries(sec); i++) {
		const uint32_t *entry = sec + BTF_COMMON + 3 * i;
		const uint32_t *var = btf_record(o->btf, entry[0]);
		const char *name = var ? btf_string(o->btf, var[BTF_NAME]) : "";
		struct type_member m = { .name = name };
		uint64_t offset;

		if (!var || btf_kind(var) != BTF_VAR)
			continue;
		offset = s->base + variable_offset(&symbols, name, var, entry[1]);
		m.offset = (uint32_t)offset;
		m.type = btf_type(o->btf, entry[0]);
		if (!m.type->size || offset + m.type->size > s->base + s->size)
			continue;
		if (t->nmembers == *cap) {
			uint32_t more = *cap ? *cap * 2 : 16;

			t->members = arena_grow(arena, t->members, *cap * sizeof(*t->members),
						more * sizeof(*t->members));
			*cap = more;
		}
		t->members[t->nmembers++] = m;
	}
}

static void type_value(struct link *l, uint32_t index)
{
	struct image_map *m = &l->img->maps.v[index];
	struct type *t = arena_new(l->arena, struct type);
	uint32_t cap = 0;

	*t = (struct type){
		.kind = TYPE_STRUCT, .name = m->name, .size = m->value_size, .align = 8
	};
	for (uint32_t i = 0; i < l->nobjects; i++) {
		struct object *o = &l->objects[i];

		for (uint32_t k = 0; k < o->nsections; k++)
			if (is_here(&o->sections[k]) && o->sections[k].map == index)
				add_variables(o, &o->sections[k], t, &cap);
	}
	if (t->nmembers)
		qsort(t->members, t->nmembers, sizeof(*t->members), by_offset);
	m->value = t;
}

/* ---- contents ---- */

static int fill(struct object *o, const struct object_section *s)
{
	struct image_map *m = map_of(o, s);

	if (!s->data)
		return 0;
	if (!m->data) {
		if (m->value_size > o->link->data_left)
			return object_bad(o, "its variables take too many bytes");
		o->link->data_left -= m->value_size;
		m->data = arena_alloc(o->link->arena, m->value_size);
	}
	memcpy((char *)m->data + s->base, s->data, s->size);
	return 0;
}

int object_data_fill(struct object *o)
{
	for (uint32_t i = 0; i < o->nsections; i++) {
		struct object_section *s = &o->sections[i];
		int err = is_here(s) ? fill(o, s) : 0;

		if (err)
			return err;
		if (is_here(s) && !map_of(o, s)->value)
			type_value(o->link, s->map);
	}
	return 0;
}

/* ---- references among variables ---- */

static uint32_t rel_size(uint32_t type)
{
	switch (type) {
	case REL_64_ABS64:
	case REL_GNU_DATA_64: return 8;
	case REL_64_ABS32:
	case REL_64_NODYLD32:
	case REL_GNU_DATA_32: return 4;
	default: return 0;
	}
}

/* Only variables have an address that is the same for all programs. */
static void refer(struct object *o, struct object_section *s, const struct object_rel *rel,
		  const struct link_target *t)
{
	struct image_map *m = map_of(o, s);
	const struct object_section *to = t->defined ? t->defined->section : NULL;
	struct map_init init = { .at = s->base + (uint32_t)rel->offset, .kind = INIT_ADDRESS };

	memset((char *)m->data + init.at, 0, ADDRESS_SIZE);
	if (!to || !is_here(to)) {
		diag_warning(o->link->diags, SPAN_NONE,
			     "%s: byte %llu of %s stays 0: it holds the address of %s, which is "
			     "no variable",
			     o->name, (unsigned long long)rel->offset, s->name,
			     *t->named->name ? t->named->name
			     : to            ? to->name
					     : "something");
		return;
	}
	init.index = to->map;
	init.addend = (int64_t)(to->base + t->defined->value) + t->addend;
	vec_push(o->link->arena, &m->inits, init);
}

static void put_distance(struct object *o, struct object_section *s, const struct object_rel *rel,
			 const struct link_target *t)
{
	const struct object_section *to = t->defined ? t->defined->section : NULL;
	uint64_t base = to && is_here(to) ? to->base : 0;
	uint32_t value = (uint32_t)(base + (t->defined ? t->defined->value : 0) +
				    (uint64_t)t->addend);

	memcpy((char *)map_of(o, s)->data + s->base + rel->offset, &value, sizeof(value));
}

static int relocate(struct object *o, struct object_section *s, const struct object_rel *rel)
{
	uint32_t size = rel_size(rel->type), low;
	struct link_target t;
	int64_t in_place = 0;

	if (!size)
		return object_bad(o, "section %s has a relocation of type %u at byte %llu", s->name,
				  rel->type, (unsigned long long)rel->offset);
	if (!s->data || s->size - rel->offset < size)
		return object_bad(o, "a relocation lies outside of section %s", s->name);
	if (size == 8) {
		memcpy(&in_place, s->data + rel->offset, sizeof(in_place));
	} else {
		memcpy(&low, s->data + rel->offset, sizeof(low));
		in_place = (int32_t)low;
	}
	int err = link_target(o, rel, in_place, &t);
	if (err)
		return err;
	if (size == 8)
		refer(o, s, rel, &t);
	else
		put_distance(o, s, rel, &t);
	return 0;
}

int object_data_relocate(struct object *o)
{
	for (uint32_t i = 0; i < o->nsections; i++) {
		struct object_section *s = &o->sections[i];

		for (uint32_t k = 0; is_here(s) && k < s->rels.n; k++) {
			int err = relocate(o, s, &s->rels.v[k]);
			if (err)
				return err;
		}
	}
	return 0;
}
