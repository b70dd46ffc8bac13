/*
 * BTF records to types, one at a time and only when asked. See btf.h for the contract.
 *
 * Structs, unions and enums are made hollow (name and size) and filled by btf_complete, which
 * ends the recursion that C's types have. What else may recurse (pointers, arrays, functions)
 * does so in damaged blobs only, and is cut: a type that is met while it is being made, or too
 * deep, becomes void.
 *
 * Needs: records that btf.c has checked; arena. Called through type_find and type_complete.
 */
#include "types/btf_priv.h"

#include <string.h>

enum { MAX_DEPTH = 32, MAX_HOPS = 64 };

enum { INT_SIGNED = 1, INT_BOOL = 4 };

static const struct type *convert(struct btf *btf, uint32_t id, unsigned depth);

static const char *name_or_null(const struct btf *btf, uint32_t offset)
{
	const char *name = btf_string(btf, offset);

	return *name ? name : NULL;
}

static struct type *new_type(struct btf *btf, enum type_kind kind, const uint32_t *record)
{
	struct type *t = type_copy(btf->types, type_simple(btf->types, kind, 0));

	t->name = name_or_null(btf, record[BTF_NAME]);
	return t;
}

static struct type **made_slot(struct btf *btf, uint32_t id)
{
	struct type ***page = &btf->made[id / BTF_PAGE];

	if (!*page)
		*page = arena_array(btf->types->arena, struct type *, BTF_PAGE);
	return &(*page)[id % BTF_PAGE];
}

/* BTF has no alignments. What the size permits is never less than the true one. */
static uint32_t guess_align(uint32_t size)
{
	uint32_t align = 8;

	while (size % align)
		align /= 2;
	return align;
}

static bool is_int_size(uint32_t size)
{
	return size == 1 || size == 2 || size == 4 || size == 8;
}

/* Whether a `char` has a sign is told differently by different makers of BTF; to skep it is
 * always int8, the element of strings. */
static struct type *make_int(struct btf *btf, const uint32_t *record)
{
	uint32_t size = record[BTF_SIZE], encoding = record[BTF_COMMON] >> 24 & 0xf;
	bool is_char = size == 1 && streq(btf_string(btf, record[BTF_NAME]), "char");
	struct type *t = new_type(btf, encoding & INT_BOOL ? TYPE_BOOL : TYPE_INT, record);

	t->size = size == 16 || is_int_size(size) ? size : 8;
	t->align = t->size;
	t->is_signed = encoding & INT_SIGNED || is_char;
	return t;
}

static struct type *make_float(struct btf *btf, const uint32_t *record)
{
	struct type *t = new_type(btf, TYPE_FLOAT, record);

	t->size = record[BTF_SIZE];
	t->align = guess_align(t->size);
	t->is_signed = true;
	return t;
}

static struct type *make_hollow(struct btf *btf, enum type_kind kind, const uint32_t *record,
				uint32_t id)
{
	struct type *t = new_type(btf, kind, record);

	t->size = btf_kind(record) == BTF_FWD ? 0 : record[BTF_SIZE];
	if (kind == TYPE_ENUM && !is_int_size(t->size))
		t->size = 4;
	t->align = guess_align(t->size);
	t->is_signed = kind == TYPE_ENUM && btf_flag(record);
	t->btf = btf;
	t->btf_id = id;
	return t;
}

/* Tags stand between a pointer and what it points to, among qualifiers. */
static enum address_space pointer_space(const struct btf *btf, uint32_t id)
{
	for (int hops = 0; hops < MAX_HOPS; hops++) {
		const uint32_t *record = btf_record(btf, id);
		const char *tag;

		if (!record)
			return SPACE_NONE;
		switch (btf_kind(record)) {
		case BTF_TYPE_TAG:
			tag = btf_string(btf, record[BTF_NAME]);
			if (streq(tag, "user"))
				return SPACE_USER;
			if (streq(tag, "percpu"))
				return SPACE_KERNEL;
			break;
		case BTF_CONST:
		case BTF_VOLATILE:
		case BTF_RESTRICT: break;
		default: return SPACE_NONE;
		}
		id = record[BTF_TYPE_ID];
	}
	return SPACE_NONE;
}

/* Pointers, arrays and functions are entered in the table of made types before what they are
 * made of is; an elem of NULL says "still being made". */
static struct type *make_pointer(struct btf *btf, const uint32_t *record, uint32_t id,
				 unsigned depth)
{
	struct type *t = new_type(btf, TYPE_POINTER, record);

	*made_slot(btf, id) = t;
	t->space = pointer_space(btf, record[BTF_TYPE_ID]);
	t->elem = convert(btf, record[BTF_TYPE_ID], depth + 1);
	return t;
}

static struct type *make_array(struct btf *btf, const uint32_t *record, uint32_t id, unsigned depth)
{
	struct type *t = new_type(btf, TYPE_ARRAY, record);
	const struct type *elem;
	uint64_t size;

	*made_slot(btf, id) = t;
	elem = convert(btf, record[BTF_COMMON], depth + 1);
	t->elem = elem;
	t->align = elem->align;
	size = (uint64_t)elem->size * record[BTF_COMMON + 2];
	if (size <= INT32_MAX) {
		t->count = record[BTF_COMMON + 2];
		t->size = size;
	}
	return t;
}

/* Parameters have the offsets of the slots that programs get them in. */
static struct type *make_function(struct btf *btf, const uint32_t *record, uint32_t id,
				  unsigned depth)
{
	const uint32_t *param = record + BTF_COMMON;
	struct type *t = new_type(btf, TYPE_FUNC, record);
	uint32_t n = btf_entries(record), offset = 0;

	*made_slot(btf, id) = t;
	t->members = arena_array(btf->types->arena, struct type_member, n);
	for (uint32_t i = 0; i < n; i++, param += 2) {
		const struct type *type = convert(btf, param[1], depth + 1);

		t->members[i] = (struct type_member){ .name = name_or_null(btf, param[0]),
						      .type = type,
						      .offset = offset };
		offset += MAX(ALIGN_UP((uint64_t)type->size, 8), 8u);
	}
	t->nmembers = n;
	t->elem = convert(btf, record[BTF_TYPE_ID], depth + 1);
	return t;
}

static const struct type *make(struct btf *btf, const uint32_t *record, uint32_t id, unsigned depth)
{
	switch (btf_kind(record)) {
	case BTF_INT: return make_int(btf, record);
	case BTF_FLOAT: return make_float(btf, record);
	case BTF_STRUCT: return make_hollow(btf, TYPE_STRUCT, record, id);
	case BTF_UNION: return make_hollow(btf, TYPE_UNION, record, id);
	case BTF_ENUM:
	case BTF_ENUM64: return make_hollow(btf, TYPE_ENUM, record, id);
	case BTF_FWD:
		return make_hollow(btf, btf_flag(record) ? TYPE_UNION : TYPE_STRUCT, record, id);
	case BTF_PTR: return make_pointer(btf, record, id, depth);
	case BTF_ARRAY: return make_array(btf, record, id, depth);
	case BTF_FUNC_PROTO: return make_function(btf, record, id, depth);
	default: return type_void(btf->types);
	}
}

/* Looks through names, qualifiers and tags; *ret_name gets the first name met. */
static uint32_t look_through(const struct btf *btf, uint32_t id, const char **ret_name)
{
	for (int hops = 0; hops < MAX_HOPS; hops++) {
		const uint32_t *record = btf_record(btf, id);

		if (!record)
			return 0;
		switch (btf_kind(record)) {
		case BTF_TYPEDEF:
		case BTF_FUNC:
			if (!*ret_name)
				*ret_name = name_or_null(btf, record[BTF_NAME]);
			break;
		case BTF_VAR:
		case BTF_CONST:
		case BTF_VOLATILE:
		case BTF_RESTRICT:
		case BTF_TYPE_TAG: break;
		default: return id;
		}
		id = record[BTF_TYPE_ID];
	}
	return 0;
}

/* A tag is the better name: it says struct, union or enum, and relocations go by it. */
static const struct type *with_name(struct btf *btf, const struct type *t, const char *name)
{
	bool has_tag = t->kind == TYPE_STRUCT || t->kind == TYPE_UNION || t->kind == TYPE_ENUM;
	struct type *named;

	if (t->kind == TYPE_VOID || (has_tag && t->name))
		return t;
	named = type_copy(btf->types, t);
	named->name = name;
	named->is_typedef = has_tag;
	return named;
}

static bool being_made(const struct type *t)
{
	return (t->kind == TYPE_POINTER || t->kind == TYPE_ARRAY || t->kind == TYPE_FUNC) &&
	       !t->elem;
}

static const struct type *convert(struct btf *btf, uint32_t id, unsigned depth)
{
	const char *name = NULL;
	uint32_t base = look_through(btf, id, &name);
	const struct type *t;

	if (!base || depth > MAX_DEPTH)
		return type_void(btf->types);
	t = *made_slot(btf, id);
	if (t)
		return being_made(t) ? type_void(btf->types) : t;
	if (base == id) {
		t = make(btf, btf_record(btf, id), id, depth);
	} else {
		t = convert(btf, base, depth);
		if (name)
			t = with_name(btf, t, name);
	}
	*made_slot(btf, id) = (struct type *)t;
	return t;
}

const struct type *btf_type(struct btf *btf, uint32_t id)
{
	return convert(btf, id, 0);
}

/* The smallest integer that holds @bits bits, or 8 bytes. */
static uint32_t int_size_for(uint32_t bits)
{
	uint32_t size = 1;

	while (size < 8 && size * 8 < bits)
		size *= 2;
	return size;
}

/* Places a bit-field in the unit that C would read: its type's own, aligned. Where packing made
 * it cross that unit, or the unit would reach beyond the struct, the bytes from its first on. */
static void place_bits(struct btf *btf, struct type_member *m, uint32_t struct_size, uint32_t bit,
		       uint32_t bits)
{
	uint32_t unit = m->type->size;
	uint32_t start = unit ? bit / 8 / unit * unit : 0;

	if (!unit || bit - start * 8 + bits > unit * 8 || start + unit > struct_size) {
		start = bit / 8;
		unit = int_size_for(bit % 8 + bits);
	}
	if (unit != m->type->size)
		m->type = type_int(btf->types, unit, m->type->is_signed);
	m->offset = start;
	m->bit_offset = bit - start * 8;
	m->bit_size = MIN(bits, unit * 8 - m->bit_offset);
}

static bool is_whole(const struct type *t, uint32_t bit, uint32_t bits)
{
	return !bits || (bit % 8 == 0 && bits == t->size * 8);
}

/* Older makers put a bit-field's size and shift into an integer type of its own. */
static void old_bits(const struct btf *btf, uint32_t id, uint32_t *bit, uint32_t *bits)
{
	const char *name = NULL;
	const uint32_t *record = btf_record(btf, look_through(btf, id, &name));

	if (!record || btf_kind(record) != BTF_INT)
		return;
	*bits = record[BTF_COMMON] & 0xff;
	*bit += record[BTF_COMMON] >> 16 & 0xff;
}

static struct type_member make_member(struct btf *btf, const uint32_t *record,
				      const uint32_t *entry)
{
	struct type_member m = { .name = name_or_null(btf, entry[0]),
				 .type = convert(btf, entry[1], 0) };
	uint32_t bit = entry[2], bits = 0;

	if (btf_flag(record)) {
		bits = bit >> 24;
		bit &= 0xffffff;
	} else {
		old_bits(btf, entry[1], &bit, &bits);
	}
	m.offset = bit / 8;
	if (type_is_integral(m.type) && m.type->size <= 8 && !is_whole(m.type, bit, bits))
		place_bits(btf, &m, record[BTF_SIZE], bit, MIN(bits, 64u));
	return m;
}

static void fill_members(struct btf *btf, struct type *t, const uint32_t *record)
{
	const uint32_t *entry = record + BTF_COMMON;
	uint32_t n = btf_entries(record);

	t->members = arena_array(btf->types->arena, struct type_member, n);
	for (uint32_t i = 0; i < n; i++, entry += 3)
		t->members[i] = make_member(btf, record, entry);
	t->nmembers = n;
}

int64_t btf_enumerator_value(const uint32_t *record, const uint32_t *entry)
{
	if (btf_kind(record) == BTF_ENUM64)
		return (int64_t)((uint64_t)entry[2] << 32 | entry[1]);
	return btf_flag(record) ? (int32_t)entry[1] : (int64_t)entry[1];
}

static void fill_enumerators(struct btf *btf, struct type *t, const uint32_t *record)
{
	const uint32_t *entry = record + BTF_COMMON;
	uint32_t n = btf_entries(record), step = btf_kind(record) == BTF_ENUM64 ? 3 : 2;

	t->enumerators = arena_array(btf->types->arena, struct type_enumerator, n);
	for (uint32_t i = 0; i < n; i++, entry += step) {
		t->enumerators[i].name = btf_string(btf, entry[0]);
		t->enumerators[i].value = btf_enumerator_value(record, entry);
	}
	t->nenumerators = n;
}

/* A declaration takes over the definition of the same name, where there is one. */
static const uint32_t *defining_record(struct btf *btf, struct type *t)
{
	const uint32_t *record = btf_record(btf, t->btf_id);
	uint32_t id;

	if (!record || btf_kind(record) != BTF_FWD)
		return record;
	id = t->name ? btf_find(btf, t->kind == TYPE_UNION ? "union" : "struct", t->name) : 0;
	record = btf_record(btf, id);
	if (record) {
		t->btf_id = id;
		t->size = record[BTF_SIZE];
		t->align = guess_align(t->size);
	}
	return record;
}

void btf_complete(struct btf *btf, struct type *t)
{
	const uint32_t *record = t->btf ? defining_record(btf, t) : NULL;

	t->btf = NULL;
	if (!record)
		return;
	if (t->kind == TYPE_ENUM)
		fill_enumerators(btf, t, record);
	else
		fill_members(btf, t, record);
}
