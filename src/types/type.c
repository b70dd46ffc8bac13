/*
 * Making and comparing types. See type.h for the contract.
 *
 * Integers and the script's fixed-size kinds are constants; all else lives in the arena of
 * `struct types`. Needs: arena. Called by the front ends and by the readers of C types.
 */
#include "types/type.h"

#include <string.h>

enum {
	MAX_DEPTH = 32,       /* pointers to pointers to ... are compared no deeper */
	MAX_PARAM_DEPTH = 24, /* functions that take functions: by their number of parameters */
};

#define INTEGER(bytes, sign) \
	[bytes] = { .kind = TYPE_INT, .is_signed = (sign), .size = (bytes), .align = (bytes) }

static const struct type integers[2][17] = {
	{ INTEGER(1, false), INTEGER(2, false), INTEGER(4, false), INTEGER(8, false),
	  INTEGER(16, false) },
	{ INTEGER(1, true), INTEGER(2, true), INTEGER(4, true), INTEGER(8, true),
	  INTEGER(16, true) },
};

#define SIMPLE(k, bytes, alignment) \
	[TYPE_##k] = { .kind = TYPE_##k, .size = (bytes), .align = (alignment) }

/* Each kind as it is without parameters. Size 0: the caller says. */
static const struct type simple[TYPE_KIND_COUNT] = {
	SIMPLE(NONE, 0, 1),
	SIMPLE(VOID, 0, 1),
	SIMPLE(INT, 8, 8),
	SIMPLE(BOOL, 1, 1),
	SIMPLE(FLOAT, 8, 8),
	SIMPLE(ENUM, 4, 4),
	SIMPLE(POINTER, 8, 8),
	SIMPLE(ARRAY, 0, 1),
	SIMPLE(STRUCT, 0, 1),
	SIMPLE(UNION, 0, 1),
	SIMPLE(FUNC, 0, 1),
	SIMPLE(STRING, 0, 1),
	SIMPLE(BUFFER, 0, 4),
	SIMPLE(TUPLE, 0, 1),
	SIMPLE(RECORD, 0, 1),
	SIMPLE(INET, 20, 4),
	SIMPLE(MAC, 6, 1),
	SIMPLE(KSTACK, sizeof(struct stack_value), 8),
	SIMPLE(USTACK, sizeof(struct stack_value), 8),
	SIMPLE(KSYM, 8, 8),
	SIMPLE(USYM, 16, 8),
	SIMPLE(USERNAME, 8, 8),
	SIMPLE(TIMESTAMP, 8, 8),
	SIMPLE(CGROUP_PATH, 8, 8),
	SIMPLE(PROBE, 8, 8),
	SIMPLE(COUNT, 8, 8),
	SIMPLE(SUM, 8, 8),
	SIMPLE(AVG, 16, 8),
	SIMPLE(MIN, 16, 8),
	SIMPLE(MAX, 16, 8),
	SIMPLE(STATS, 16, 8),
	SIMPLE(HIST, 0, 8),
	SIMPLE(LHIST, 0, 8),
};

void types_init(struct types *t, struct arena *arena)
{
	*t = (struct types){ .arena = arena };
}

const struct type *type_int(struct types *t, uint32_t size, bool is_signed)
{
	(void)t; /* constants need no arena */
	return size < ARRAY_LEN(integers[0]) ? &integers[is_signed][size] : &simple[TYPE_NONE];
}

const struct type *type_bool(struct types *t)
{
	(void)t;
	return &simple[TYPE_BOOL];
}

const struct type *type_void(struct types *t)
{
	(void)t;
	return &simple[TYPE_VOID];
}

struct type *type_copy(struct types *t, const struct type *from)
{
	struct type *copy = arena_new(t->arena, struct type);

	*copy = *from;
	return copy;
}

const struct type *type_simple(struct types *t, enum type_kind kind, uint32_t size)
{
	struct type *made;

	if (!size || size == simple[kind].size)
		return &simple[kind];
	made = type_copy(t, &simple[kind]);
	made->size = size;
	return made;
}

const struct type *type_string(struct types *t, uint32_t size)
{
	return type_simple(t, TYPE_STRING, size);
}

const struct type *type_pointer(struct types *t, const struct type *to, enum address_space space)
{
	struct type *made = type_copy(t, &simple[TYPE_POINTER]);

	made->elem = to;
	made->space = space;
	return made;
}

const struct type *type_array(struct types *t, const struct type *of, uint32_t count)
{
	struct type *made = type_copy(t, &simple[TYPE_ARRAY]);
	uint64_t size = (uint64_t)of->size * count;

	made->elem = of;
	made->count = count;
	made->align = of->align;
	made->size = size <= UINT32_MAX ? size : 0;
	return made;
}

const struct type *type_tuple(struct types *t, const struct type *const *members, uint32_t n)
{
	struct type *made = type_copy(t, &simple[TYPE_TUPLE]);
	uint32_t end = 0;

	made->members = arena_array(t->arena, struct type_member, n);
	made->nmembers = n;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t align = MAX(members[i]->align, 1u);

		end = ALIGN_UP(end, align);
		made->members[i] = (struct type_member){ .type = members[i], .offset = end };
		end += members[i]->size;
		made->align = MAX(made->align, align);
	}
	made->size = ALIGN_UP(end, made->align);
	return made;
}

static bool equal(const struct type *a, const struct type *b, unsigned depth);

static bool same_name(const char *a, const char *b)
{
	return a == b || (a && b && streq(a, b));
}

static bool equal_members(const struct type *a, const struct type *b, unsigned depth)
{
	if (a->nmembers != b->nmembers)
		return false;
	for (uint32_t i = 0; i < a->nmembers; i++) {
		if (!same_name(a->members[i].name, b->members[i].name) ||
		    !equal(a->members[i].type, b->members[i].type, depth + 1))
			return false;
	}
	return true;
}

/* C's own: named ones are one when the names are; an anonymous one equals only its copies. */
static bool equal_named(const struct type *a, const struct type *b)
{
	if (a->name || b->name)
		return same_name(a->name, b->name) && a->is_typedef == b->is_typedef;
	return (a->btf_id && a->btf_id == b->btf_id) || (a->members && a->members == b->members) ||
	       (a->enumerators && a->enumerators == b->enumerators);
}

static bool equal(const struct type *a, const struct type *b, unsigned depth)
{
	if (a == b || depth > MAX_DEPTH)
		return true;
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case TYPE_POINTER: return equal(a->elem, b->elem, depth + 1);
	case TYPE_ARRAY: return a->count == b->count && equal(a->elem, b->elem, depth + 1);
	case TYPE_FUNC:
		return equal(a->elem, b->elem, depth + 1) &&
		       equal_members(a, b, depth + MIN(a->nmembers, (uint32_t)MAX_PARAM_DEPTH));
	case TYPE_TUPLE:
	case TYPE_RECORD: return equal_members(a, b, depth);
	case TYPE_STRUCT:
	case TYPE_UNION:
	case TYPE_ENUM: return equal_named(a, b);
	case TYPE_TIMESTAMP:
	case TYPE_CGROUP_PATH: return same_name(a->name, b->name);
	default:
		return a->size == b->size && a->is_signed == b->is_signed && a->mode == b->mode &&
		       a->count == b->count && a->min == b->min && a->max == b->max &&
		       a->step == b->step;
	}
}

bool type_equal(const struct type *a, const struct type *b)
{
	return equal(a, b, 0);
}

bool type_is_aggregate(const struct type *t)
{
	return t->kind >= TYPE_COUNT && t->kind <= TYPE_LHIST;
}

bool type_is_integral(const struct type *t)
{
	return t->kind == TYPE_INT || t->kind == TYPE_BOOL || t->kind == TYPE_ENUM;
}

bool type_is_scalar(const struct type *t)
{
	switch (t->kind) {
	case TYPE_POINTER:
	case TYPE_KSYM:
	case TYPE_USERNAME:
	case TYPE_TIMESTAMP:
	case TYPE_CGROUP_PATH:
	case TYPE_PROBE: return true;
	default: return type_is_integral(t) && t->size <= 8;
	}
}
