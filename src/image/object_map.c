/*
 * Maps that an object defines. In .maps each variable is a struct that says by its types what the
 * map is like; nothing of it is ever stored:
 *
 *	int (*type)[BPF_MAP_TYPE_HASH];		a number N is a pointer to an array of N
 *	struct key *key;			a type is a pointer to it
 *	struct inner *values[];			what a map of maps or programs holds; its first
 *						entries stand there, by relocations
 *
 * Older objects have struct bpf_map_def in a section "maps"; struct_ops are variables of the
 * kernel's own structs with programs in them.
 *
 * Needs: BTF, symbols. Called by object_read.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "image/link.h"

enum { OLD_DEF_WORDS = 5, PIN_BY_NAME = 1, F_LINK = 1 << 13, POINTER_SIZE = 8 };

/* One definition on its way into the image. */
struct map_def {
	struct object *o;
	struct image_map map;
	uint32_t pinning;
	uint32_t inner; /* BTF id of what `values` holds: a struct, a function; 0: none */
	bool holds_progs;
	uint64_t values; /* where `values` begins, bytes from the variable's start */
};

enum field_kind { FIELD_NUMBER, FIELD_LONG, FIELD_KEY, FIELD_VALUE, FIELD_VALUES };

static const struct {
	const char *name;
	enum field_kind kind;
	size_t at; /* in struct map_def */
} fields[] = {
	{ "type", FIELD_NUMBER, offsetof(struct map_def, map.kind) },
	{ "max_entries", FIELD_NUMBER, offsetof(struct map_def, map.max_entries) },
	{ "map_flags", FIELD_NUMBER, offsetof(struct map_def, map.flags) },
	{ "numa_node", FIELD_NUMBER, offsetof(struct map_def, map.numa_node) },
	{ "key_size", FIELD_NUMBER, offsetof(struct map_def, map.key_size) },
	{ "value_size", FIELD_NUMBER, offsetof(struct map_def, map.value_size) },
	{ "pinning", FIELD_NUMBER, offsetof(struct map_def, pinning) },
	{ "map_extra", FIELD_LONG, offsetof(struct map_def, map.extra) },
	{ "key", FIELD_KEY, 0 },
	{ "value", FIELD_VALUE, 0 },
	{ "values", FIELD_VALUES, 0 },
};

static const uint32_t *stripped(const struct map_def *d, uint32_t id)
{
	return btf_record(d->o->btf, btf_strip(d->o->btf, id, true));
}

/* The record that the pointer @id points to has the kind @kind; else NULL. */
static const uint32_t *pointee(const struct map_def *d, uint32_t id, enum btf_kind kind)
{
	const uint32_t *r = stripped(d, id);

	r = r && btf_kind(r) == BTF_PTR ? stripped(d, r[BTF_TYPE_ID]) : NULL;
	return r && btf_kind(r) == kind ? r : NULL;
}

static int read_number(struct map_def *d, const char *field, uint32_t id, uint32_t *ret)
{
	const uint32_t *array = pointee(d, id, BTF_ARRAY);

	if (!array)
		return object_bad(d->o, "%s of map %s is no number", field, d->map.name);
	*ret = array[BTF_COMMON + 2];
	return 0;
}

/* A 64-bit number is the value of an enum's one name; a smaller one may be as above. */
static int read_long(struct map_def *d, const char *field, uint32_t id, uint64_t *ret)
{
	const uint32_t *r = stripped(d, id);
	uint32_t number = 0;
	int err;

	if (r && (btf_kind(r) == BTF_ENUM || btf_kind(r) == BTF_ENUM64) && btf_entries(r)) {
		*ret = (uint64_t)btf_enumerator_value(r, r + BTF_COMMON);
		return 0;
	}
	err = read_number(d, field, id, &number);
	if (!err)
		*ret = number;
	return err;
}

static int read_type(struct map_def *d, const char *field, uint32_t id, uint32_t *ret_size,
		     const struct type **ret)
{
	const uint32_t *r = stripped(d, id);
	int64_t size;

	if (!r || btf_kind(r) != BTF_PTR)
		return object_bad(d->o, "%s of map %s is no type", field, d->map.name);
	size = btf_size(d->o->btf, r[BTF_TYPE_ID]);
	if (size < 0)
		return object_bad(d->o, "%s of map %s has no size", field, d->map.name);
	if (*ret_size && *ret_size != size)
		return object_bad(d->o, "map %s gives two sizes for its %s: %u and %lld",
				  d->map.name, field, *ret_size, (long long)size);
	*ret_size = (uint32_t)size;
	*ret = btf_type(d->o->btf, r[BTF_TYPE_ID]);
	return 0;
}

static int read_values(struct map_def *d, uint32_t id, uint32_t bit)
{
	const uint32_t *array = stripped(d, id), *r;

	if (!array || btf_kind(array) != BTF_ARRAY)
		return object_bad(d->o, "values of map %s is no array", d->map.name);
	d->values = bit / 8;
	r = pointee(d, array[BTF_COMMON], BTF_STRUCT);
	d->holds_progs = !r;
	if (r)
		d->inner = btf_strip(d->o->btf, stripped(d, array[BTF_COMMON])[BTF_TYPE_ID], true);
	return 0;
}

static int read_field(struct map_def *d, const uint32_t *member)
{
	const char *name = btf_string(d->o->btf, member[0]);
	uint32_t id = member[1];
	size_t i = 0;

	while (i < ARRAY_LEN(fields) && !streq(fields[i].name, name))
		i++;
	if (i == ARRAY_LEN(fields))
		return object_bad(d->o, "map %s has a field %s that skep does not know",
				  d->map.name, name);
	void *to = (char *)d + fields[i].at;
	switch (fields[i].kind) {
	case FIELD_NUMBER: return read_number(d, name, id, to);
	case FIELD_LONG: return read_long(d, name, id, to);
	case FIELD_KEY: return read_type(d, name, id, &d->map.key_size, &d->map.key);
	case FIELD_VALUE: return read_type(d, name, id, &d->map.value_size, &d->map.value);
	case FIELD_VALUES: return read_values(d, id, member[2]);
	}
	return 0;
}

static int read_def(struct map_def *d, uint32_t id)
{
	const uint32_t *r = stripped(d, id);

	if (!r || btf_kind(r) != BTF_STRUCT)
		return object_bad(d->o, "map %s is no struct", d->map.name);
	for (uint32_t i = 0; i < btf_entries(r); i++) {
		int err = read_field(d, r + BTF_COMMON + 3 * i);
		if (err)
			return err;
	}
	if (!d->map.kind)
		return object_bad(d->o, "map %s has no type", d->map.name);
	if (d->pinning > PIN_BY_NAME)
		return object_bad(d->o, "map %s is pinned in a way (%u) that skep does not know",
				  d->map.name, d->pinning);
	d->map.is_pinned = d->pinning == PIN_BY_NAME;
	return 0;
}

static bool holds_maps(uint32_t kind)
{
	return kind == BPF_MAP_TYPE_ARRAY_OF_MAPS || kind == BPF_MAP_TYPE_HASH_OF_MAPS;
}

/* The template stands before the map that names it. */
static int add_inner(struct map_def *d)
{
	struct link *l = d->o->link;
	struct map_def inner = { .o = d->o };

	if (!d->inner)
		return 0;
	inner.map.name = arena_printf(l->arena, "%s.inner", d->map.name);
	inner.map.is_template = true;
	int err = read_def(&inner, d->inner);
	if (err)
		return err;
	if (inner.inner)
		return object_bad(d->o, "map %s nests maps deeper than the kernel does",
				  d->map.name);
	d->map.inner = image_map_add(l->img, &inner.map) + 1;
	d->map.value_size = 4;
	return 0;
}

static int add_def(struct object *o, struct object_symbol *s)
{
	uint32_t id;
	const uint32_t *var = object_record(o, &o->vars, s->name, &id);
	struct map_def d = { .o = o, .map = { .name = s->name, .role = MAP_USER } };

	if (!var)
		return object_bad(o, "map %s has no BTF (compile with -g)", s->name);
	int err = read_def(&d, var[BTF_TYPE_ID]);
	if (!err)
		err = add_inner(&d);
	if (err)
		return err;
	if (d.holds_progs && d.map.kind == BPF_MAP_TYPE_PROG_ARRAY && !d.map.value_size)
		d.map.value_size = 4;
	if (holds_maps(d.map.kind) && !d.map.value_size)
		d.map.value_size = 4;
	s->map = image_map_add(o->link->img, &d.map) + 1;
	return 0;
}

static uint32_t word_at(const struct object_symbol *s, uint32_t i)
{
	uint32_t word;

	memcpy(&word, s->section->data + s->value + 4 * (size_t)i, 4);
	return word;
}

/* Types of an old map, where a macro has left them: struct ____btf_map_NAME { K key; V value; } */
static void old_types(struct object *o, struct image_map *m)
{
	const struct type *t;
	struct type_member member;
	uint32_t id;

	if (!o->btf)
		return;
	id = btf_find(o->btf, "struct", arena_printf(o->link->arena, "____btf_map_%s", m->name));
	if (!id)
		return;
	t = btf_type(o->btf, id);
	if (type_member(o->link->types, t, "key", &member) && member.type->size == m->key_size)
		m->key = member.type;
	if (type_member(o->link->types, t, "value", &member) && member.type->size == m->value_size)
		m->value = member.type;
}

/* struct bpf_map_def { type, key_size, value_size, max_entries, map_flags }; what some loaders put
 * behind it must be zero. */
static int add_old(struct object *o, struct object_symbol *s)
{
	uint64_t size = s->size ? s->size : OLD_DEF_WORDS * 4;

	if (!s->section->data || size < OLD_DEF_WORDS * 4 || size % 4 ||
	    size > s->section->size - s->value)
		return object_bad(o, "map %s has %llu bytes, which is no struct bpf_map_def",
				  s->name, (unsigned long long)size);
	for (uint32_t i = OLD_DEF_WORDS; i < size / 4; i++)
		if (word_at(s, i))
			return object_bad(o,
					  "map %s asks for more than type, sizes and flags, "
					  "which only its own loader understands",
					  s->name);
	struct image_map m = {
		.name = s->name,
		.role = MAP_USER,
		.kind = word_at(s, 0),
		.key_size = word_at(s, 1),
		.value_size = word_at(s, 2),
		.max_entries = word_at(s, 3),
		.flags = word_at(s, 4),
	};
	if (!m.kind)
		return object_bad(o, "map %s has no type", s->name);
	old_types(o, &m);
	s->map = image_map_add(o->link->img, &m) + 1;
	return 0;
}

static int add_struct_ops(struct object *o, struct object_symbol *s)
{
	uint32_t id;
	const uint32_t *var = object_record(o, &o->vars, s->name, &id);
	struct image_map m = { .name = s->name, .role = MAP_USER };
	uint8_t *data;

	if (!var || btf_size(o->btf, var[BTF_TYPE_ID]) != (int64_t)s->size || !s->size)
		return object_bad(o, "struct_ops %s has no BTF of its size", s->name);
	if (s->size > o->link->data_left)
		return object_bad(o, "its variables take too many bytes");
	o->link->data_left -= s->size;
	data = arena_alloc(o->link->arena, s->size);
	if (s->section->data)
		memcpy(data, s->section->data + s->value, s->size);
	m.kind = BPF_MAP_TYPE_STRUCT_OPS;
	m.key_size = 4;
	m.max_entries = 1;
	m.value_size = (uint32_t)s->size;
	m.value = btf_type(o->btf, var[BTF_TYPE_ID]);
	m.data = data;
	m.flags = streq(s->section->name, ".struct_ops.link") ? F_LINK : 0;
	s->map = image_map_add(o->link->img, &m) + 1;
	return 0;
}

static int (*adder(const struct object_section *s))(struct object *, struct object_symbol *)
{
	switch (s ? s->role : SECTION_OTHER) {
	case SECTION_MAPS: return add_def;
	case SECTION_OLD_MAPS: return add_old;
	case SECTION_STRUCT_OPS: return add_struct_ops;
	default: return NULL;
	}
}

static int by_place(const void *a, const void *b)
{
	const struct object_symbol *const *x = a, *const *y = b;

	if ((*x)->section != (*y)->section)
		return (*x)->section < (*y)->section ? -1 : 1;
	return (*x)->value < (*y)->value ? -1 : (*x)->value > (*y)->value;
}

/* A weak definition that gave way makes no map: references go to the other. */
static bool gave_way(struct object *o, const struct object_symbol *s)
{
	return s->bind != STB_LOCAL && table_get(&o->link->globals, s->name) != s;
}

int object_maps(struct object *o)
{
	VEC(struct object_symbol *) list = { 0 };
	struct arena *arena = o->link->arena;

	for (uint32_t i = 0; i < o->nsymbols; i++) {
		struct object_symbol *s = &o->symbols[i];

		if (adder(s->section) && *s->name && s->type != STT_SECTION && !gave_way(o, s))
			vec_push(arena, &list, s);
	}
	if (list.n)
		qsort(list.v, list.n, sizeof(*list.v), by_place);
	for (uint32_t i = 0; i < list.n; i++) {
		struct object_symbol *s = list.v[i];
		const struct object_symbol *last = i ? list.v[i - 1] : NULL;
		int err = 0;

		if (last && last->section == s->section && last->value == s->value)
			s->map = last->map;
		else
			err = adder(s->section)(o, s);
		if (err)
			return err;
	}
	return 0;
}

/* ---- first entries ---- */

static struct object_symbol *map_around(struct object *o, const struct object_section *s,
					uint64_t offset)
{
	for (uint32_t i = 0; i < o->nsymbols; i++) {
		struct object_symbol *sym = &o->symbols[i];

		if (sym->section == s && sym->map && offset >= sym->value &&
		    offset - sym->value < sym->size)
			return sym;
	}
	return NULL;
}

/* The program that starts where @t points; false: there is none. */
static bool prog_of(const struct link_target *t, uint32_t *ret)
{
	const struct object_func *f = NULL;
	uint64_t at;

	if (!t->defined || t->defined->section->role != SECTION_CODE)
		return false;
	at = t->defined->value + (uint64_t)t->addend;
	if (at % sizeof(struct insn) == 0)
		f = object_func_at(t->defined->section, at / sizeof(struct insn));
	if (!f || !f->prog)
		return false;
	*ret = f->prog - 1;
	return true;
}

/* Where `values` of the map begins is looked up again: the reader of definitions is done. */
static bool values_of(struct object *o, const struct object_symbol *s, uint64_t *ret)
{
	const uint32_t *var = object_record(o, &o->vars, s->name, NULL);
	const uint32_t *r = var ? btf_record(o->btf, btf_strip(o->btf, var[BTF_TYPE_ID], true))
				: NULL;

	for (uint32_t i = 0; r && btf_kind(r) == BTF_STRUCT && i < btf_entries(r); i++) {
		const uint32_t *member = r + BTF_COMMON + 3 * i;

		if (streq(btf_string(o->btf, member[0]), "values")) {
			*ret = member[2] / 8;
			return true;
		}
	}
	return false;
}

static int init_entry(struct object *o, struct object_symbol *sym, uint64_t offset,
		      const struct link_target *t)
{
	struct image_map *m = &o->link->img->maps.v[sym->map - 1];
	struct map_init init = { .kind = INIT_PROG };
	uint64_t values;

	if (!values_of(o, sym, &values) || offset < values || (offset - values) % POINTER_SIZE)
		return object_bad(o, "map %s has a reference outside of its values", sym->name);
	init.at = (uint32_t)((offset - values) / POINTER_SIZE);
	if (holds_maps(m->kind)) {
		init.kind = INIT_MAP;
		if (!t->defined || !t->defined->map || t->addend)
			return object_bad(o, "map %s: entry %u is no map", sym->name, init.at);
		init.index = t->defined->map - 1;
	} else if (!prog_of(t, &init.index)) {
		return object_bad(o, "map %s: entry %u is no program", sym->name, init.at);
	}
	if (m->max_entries && init.at >= m->max_entries)
		return object_bad(o, "map %s has %u entries, and something for entry %u", sym->name,
				  m->max_entries, init.at);
	vec_push(o->link->arena, &m->inits, init);
	return 0;
}

static int init_ops(struct object *o, struct object_symbol *sym, uint64_t offset,
		    const struct link_target *t)
{
	struct image_map *m = &o->link->img->maps.v[sym->map - 1];
	struct map_init init = { .kind = INIT_PROG, .at = (uint32_t)offset };

	if (!prog_of(t, &init.index) || offset + POINTER_SIZE > m->value_size)
		return object_bad(o, "struct_ops %s: byte %u holds no program", sym->name, init.at);
	memset((char *)m->data + offset, 0, POINTER_SIZE);
	vec_push(o->link->arena, &m->inits, init);
	return 0;
}

static int init_one(struct object *o, struct object_section *s, const struct object_rel *rel)
{
	struct object_symbol *sym = map_around(o, s, rel->offset);
	struct link_target t;
	int64_t in_place = 0;

	if (!sym)
		return 0;
	if (s->data && s->size - rel->offset >= POINTER_SIZE)
		memcpy(&in_place, s->data + rel->offset, POINTER_SIZE);
	int err = link_target(o, rel, in_place, &t);
	if (err)
		return err;
	return s->role == SECTION_MAPS ? init_entry(o, sym, rel->offset - sym->value, &t)
				       : init_ops(o, sym, rel->offset - sym->value, &t);
}

int object_map_inits(struct object *o)
{
	for (uint32_t i = 0; i < o->nsections; i++) {
		struct object_section *s = &o->sections[i];

		if (s->role != SECTION_MAPS && s->role != SECTION_STRUCT_OPS)
			continue;
		for (uint32_t k = 0; k < s->rels.n; k++) {
			int err = init_one(o, s, &s->rels.v[k]);
			if (err)
				return err;
		}
	}
	return 0;
}
