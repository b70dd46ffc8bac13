/*
 * The language's rules for types: what widens to what, how values are kept in maps, which
 * aggregations stand for an integer. Needs: types. Called by the checker and by lowering.
 */
#include "image/agg.h"
#include "lang/check.h"

static const struct type none = { .kind = TYPE_NONE };

const struct type *type_none(struct types *t)
{
	(void)t;
	return &none;
}

bool type_is_none(const struct type *t)
{
	return !t || t->kind == TYPE_NONE;
}

bool type_is_int(const struct type *t)
{
	return t->kind == TYPE_INT || t->kind == TYPE_BOOL || t->kind == TYPE_ENUM;
}

bool type_is_word(const struct type *t)
{
	switch (t->kind) {
	case TYPE_INT:
	case TYPE_BOOL:
	case TYPE_ENUM: return t->size <= 8;
	case TYPE_POINTER:
	case TYPE_KSYM:
	case TYPE_USERNAME:
	case TYPE_TIMESTAMP:
	case TYPE_CGROUP_PATH:
	case TYPE_PROBE: return true;
	default: return false;
	}
}

bool type_is_stack(const struct type *t)
{
	return t->kind == TYPE_KSTACK || t->kind == TYPE_USTACK;
}

bool type_folds(const struct type *t)
{
	return type_is_aggregate(t) && t->kind != TYPE_HIST && t->kind != TYPE_LHIST &&
	       t->kind != TYPE_STATS;
}

const struct type *type_folded(struct types *types, const struct type *t)
{
	return type_int(types, 8, t->kind == TYPE_COUNT ? true : t->is_signed);
}

const struct type *type_text(struct types *types, const struct type *t)
{
	if (t->kind != TYPE_ARRAY || t->elem->kind != TYPE_INT || t->elem->size != 1 ||
	    !t->elem->is_signed || !t->count)
		return t;
	return type_string(types, t->count);
}

const struct type *type_stored(struct types *types, const struct type *t)
{
	struct type *wide;

	switch (t->kind) {
	case TYPE_INT: return type_int(types, 8, t->is_signed);
	case TYPE_ENUM:
		if (t->size == 8)
			return t;
		wide = type_copy(types, type_complete(types, t));
		wide->size = wide->align = 8;
		return wide;
	case TYPE_ARRAY: return type_text(types, t);
	default: return t;
	}
}

static const struct type *join_ints(struct types *types, const struct type *a, const struct type *b)
{
	if (a->kind == b->kind && a->kind != TYPE_INT && type_equal(a, b))
		return a->size >= b->size ? a : b;
	if (a->kind == TYPE_INT && b->kind == TYPE_INT && a->is_signed == b->is_signed)
		return a->size >= b->size ? a : b;
	return type_int(types, 8, a->is_signed || b->is_signed);
}

static const struct type *join_tuples(struct types *types, const struct type *a,
				      const struct type *b)
{
	const struct type **members;

	if (a->nmembers != b->nmembers)
		return NULL;
	members = arena_array(types->arena, const struct type *, a->nmembers);
	for (uint32_t i = 0; i < a->nmembers; i++) {
		members[i] = type_join(types, a->members[i].type, b->members[i].type);
		if (!members[i])
			return NULL;
	}
	return type_tuple(types, members, a->nmembers);
}

/* Kinds that have one form only, whatever else their struct type says. */
static bool is_plain(const struct type *t)
{
	switch (t->kind) {
	case TYPE_INET:
	case TYPE_MAC:
	case TYPE_KSYM:
	case TYPE_USYM:
	case TYPE_USERNAME:
	case TYPE_PROBE:
	case TYPE_TIMESTAMP:
	case TYPE_CGROUP_PATH: return true;
	default: return false;
	}
}

const struct type *type_join(struct types *types, const struct type *a, const struct type *b)
{
	if (type_is_none(a) || a == b)
		return b;
	if (type_is_none(b))
		return a;
	if (type_is_int(a) && type_is_int(b))
		return join_ints(types, a, b);
	if (a->kind != b->kind)
		return NULL;
	if (a->kind == TYPE_STRING || a->kind == TYPE_BUFFER)
		return a->size >= b->size ? a : b;
	if (a->kind == TYPE_TUPLE)
		return join_tuples(types, a, b);
	if (type_is_stack(a))
		return a->count >= b->count ? a : b;
	if (is_plain(a))
		return a;
	return type_equal(a, b) ? a : NULL;
}

const struct type *type_join_aggregate(const struct type *a, const struct type *b)
{
	if (type_is_none(a))
		return b;
	if (a->kind != b->kind || a->min != b->min || a->max != b->max || a->step != b->step)
		return NULL;
	return a->is_signed ? a : b;
}

enum address_space event_space(const struct event *event)
{
	/* a kprobe on a system call has user addresses in its arguments too: the helper that
	 * looks at the address itself is right there */
	return event->attach.kind == ATTACH_UPROBE ? SPACE_USER : SPACE_NONE;
}
