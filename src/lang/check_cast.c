/*
 * Checking types that the script spells out: casts, sizeof, offsetof, let with a type. Needs:
 * kernel types for names that the script does not define. Callers: see check.c.
 */

#include "lang/check.h"

/* Sizes that a script can ask for in brackets. */
enum { LENGTH_MAX = 65536 };

static const char *shown(struct check *c, const struct type *t)
{
	return type_name(c->s->types, t);
}

/* ---- names of types ---- */

/* Types that only scripts have: name[length]. */
static const struct type *sized_type(struct check *c, const struct node *n, uint32_t length)
{
	if (!length)
		length = c->s->settings.value[SETTING_MAX_STRLEN];
	if (streq(n->name, "string"))
		return type_string(c->s->types, length);
	if (streq(n->name, "buffer"))
		return type_simple(c->s->types, TYPE_BUFFER, length + 4);
	if (streq(n->name, "inet"))
		return type_simple(c->s->types, TYPE_INET, 0);
	return NULL;
}

/* A length in brackets; 0: none given. */
static uint32_t bracket(struct check *c, struct node *length)
{
	int64_t number;

	if (!length)
		return 0;
	check_value(c, length);
	if (node_constant(length, &number) && number > 0 && number <= LENGTH_MAX)
		return number;
	diag_error(c->diags, length->span, "a length must be a number from 1 to %d", LENGTH_MAX);
	return 1;
}

static const struct type *named_type(struct check *c, const struct node *n)
{
	const struct type *t = type_find(c->s->types, n->name);

	if (t)
		return t;
	script_btf(c->s);
	t = type_find(c->s->types, n->name);
	if (t)
		return t;
	diag_error(c->diags, n->span, "Unknown type: '%s'", n->name);
	if (!c->s->types->btf)
		diag_hint(c->diags, "the kernel's types are not at hand: there is no BTF to read");
	return type_none(c->s->types);
}

static const struct type *spelled_type(struct check *c, const struct node *n)
{
	uint32_t length = n->kids.n == 1 ? bracket(c, node_kid(n, 0)) : 0;
	const struct type *t = sized_type(c, n, length);

	if (t)
		return t;
	t = named_type(c, n);
	for (uint64_t i = 0; i < n->number && !type_is_none(t); i++)
		t = type_pointer(c->s->types, t, SPACE_NONE);
	for (uint32_t i = n->kids.n; i-- > 0 && !type_is_none(t);) {
		uint32_t count = bracket(c, node_kid(n, i));

		t = type_complete(c->s->types, t);
		if ((uint64_t)count * t->size > LENGTH_MAX) {
			diag_error(c->diags, n->span, "an array of this size cannot be kept");
			return type_none(c->s->types);
		}
		t = type_array(c->s->types, t, count);
	}
	return t;
}

/* What stands in sizeof() and typeof(): a type, an expression, or a name that may be either. */
static const struct type *type_of(struct check *c, struct node *of)
{
	const struct type *t;

	if (of->kind == NODE_TYPE || of->kind == NODE_TYPEOF)
		return check_type(c, of);
	if (of->kind == NODE_IDENT) {
		t = type_find(c->s->types, of->name);
		if (t)
			return of->type = t;
	}
	return check_expr(c, of);
}

const struct type *check_type(struct check *c, const struct node *n)
{
	if (n->kind == NODE_TYPEOF)
		return type_of(c, node_kid(n, 0));
	return spelled_type(c, n);
}

/* ---- casts ---- */

/* (int8[])x, (uint8[4])x: the bytes of an integer. */
static const struct type *cast_to_array(struct check *c, struct node *n, const struct type *to,
					const struct type *from)
{
	uint32_t count = to->count ? to->count : from->size / MAX(to->elem->size, 1u);

	if (type_is_int(from) && to->elem->kind == TYPE_INT && count * to->elem->size == from->size)
		return type_array(c->s->types, to->elem, count);
	if (from->kind == TYPE_ARRAY && count * to->elem->size == from->size)
		return type_array(c->s->types, to->elem, count);
	diag_error(c->diags, n->span, "Cannot cast from \"%s\" to \"%s\"", shown(c, from),
		   shown(c, to));
	return type_none(c->s->types);
}

static bool is_number(const struct type *t)
{
	return type_is_word(t);
}

static const struct type *cast_type(struct check *c, struct node *n, const struct type *to,
				    const struct type *from)
{
	enum address_space space;

	if (to->kind == TYPE_POINTER &&
	    (is_number(from) || from->kind == TYPE_ARRAY || from->kind == TYPE_STRING)) {
		space = from->kind == TYPE_POINTER ? from->space : event_space(c->event);
		return type_pointer(c->s->types, to->elem, space);
	}
	if (type_is_int(to) && is_number(from))
		return type_complete(c->s->types, to);
	if (type_is_int(to) && from->kind == TYPE_ARRAY && from->size == to->size)
		return to;
	if (to->kind == TYPE_STRING && from->kind == TYPE_STRING)
		return to;
	if (to->kind == TYPE_ARRAY && from->kind == TYPE_STRING)
		from = type_array(c->s->types, type_int(c->s->types, 1, true), from->size);
	if (to->kind == TYPE_ARRAY)
		return cast_to_array(c, n, to, from);
	if (type_equal(to, from))
		return to;
	diag_error(c->diags, n->span, "Cannot cast from \"%s\" to \"%s\"", shown(c, from),
		   shown(c, to));
	return type_none(c->s->types);
}

/* ---- all of them ---- */

static void check_offsetof(struct check *c, struct node *n)
{
	const struct type *t = type_of(c, node_kid(n, 0));
	uint64_t offset = 0;
	char *path = arena_strdup(c->s->arena, n->name), *next;

	for (; path && !type_is_none(t); path = next) {
		struct type_member m;

		next = strchr(path, '.');
		if (next)
			*next++ = '\0';
		t = type_complete(c->s->types, t);
		if (!type_member(c->s->types, t, path, &m)) {
			diag_error(c->diags, n->span, "%s has no field named '%s'", shown(c, t),
				   path);
			return;
		}
		offset += m.offset;
		t = m.type;
	}
	n->number = offset;
}

void check_cast(struct check *c, struct node *n)
{
	struct node *operand = node_kid(n, 1);
	const struct type *to, *from;

	if (n->kind == NODE_CAST) {
		to = check_type(c, node_kid(n, 0));
		from = check_value(c, operand);
		if (!type_is_none(to) && !type_is_none(from))
			n->type = cast_type(c, n, to, from);
		return;
	}
	n->type = type_int(c->s->types, 8, false);
	if (n->kind == NODE_SIZEOF) {
		to = type_complete(c->s->types, type_of(c, node_kid(n, 0)));
		n->number = to->size;
	} else if (n->kind == NODE_OFFSETOF) {
		check_offsetof(c, n);
	} else {
		diag_error(c->diags, n->span,
			   "typeinfo is an unstable feature: sizeof and typeof work instead");
	}
}
