/*
 * Checking accesses: args.x, p->x, t.0, a[i], *p, &p->x. Needs and callers: see check.c.
 */

#include "lang/check.h"

static const char *shown(struct check *c, const struct type *t)
{
	return type_name(c->s->types, t);
}

static bool is_struct(const struct type *t)
{
	return t->kind == TYPE_STRUCT || t->kind == TYPE_UNION;
}

/* ---- args.x ---- */

static void unknown_field(struct check *c, struct node *n)
{
	VEC(const char *) names = { 0 };

	for (uint32_t i = 0; i < c->event->fields.n; i++)
		vec_push(c->s->arena, &names, c->event->fields.v[i].name);
	diag_error(c->diags, n->name_span, "%s has no field named '%s'", c->event->name, n->name);
	diag_hint_nearest(c->diags, n->name, names.v, names.n);
}

static const struct type *field_type(struct check *c, const struct event_field *f)
{
	if (f->access.kind != ACCESS_DATA_LOC && f->access.kind != ACCESS_DATA_REL)
		return type_text(c->s->types, f->type);
	if (f->type->kind != TYPE_ARRAY)
		return f->type;
	if (f->type->elem->kind == TYPE_INT && f->type->elem->size == 1)
		return type_string(c->s->types, c->s->settings.value[SETTING_MAX_STRLEN]);
	return type_pointer(c->s->types, f->type->elem, SPACE_KERNEL);
}

static void check_field(struct check *c, struct node *n)
{
	const struct event_field *f;
	struct node *args = node_kid(n, 0);

	n->bound = NULL;
	n->flag = true;
	if (event_fields(c->s->env, (struct event *)c->event, args->span) != 0)
		return;
	f = event_field(c->event, n->name);
	if (!f) {
		unknown_field(c, n);
		return;
	}
	n->bound = (void *)f;
	n->type = field_type(c, f);
}

/* ---- members ---- */

/* The struct that @t is or points to, complete; NULL after an error. */
static const struct type *outer_type(struct check *c, struct node *n, const struct type *object)
{
	const struct type *t = object;

	if (t->kind == TYPE_POINTER)
		t = t->elem;
	if (is_struct(t))
		t = type_complete(c->s->types, t);
	if (t->kind != TYPE_TUPLE && t->kind != TYPE_RECORD && !is_struct(t)) {
		diag_error(c->diags, n->name_span,
			   "Can not access field '%s' on expression of "
			   "type '%s'",
			   n->name, shown(c, object));
		return NULL;
	}
	if (is_struct(t) && !t->nmembers) {
		diag_error(c->diags, n->name_span, "the members of %s are not known", shown(c, t));
		return NULL;
	}
	return t;
}

static void unknown_member(struct check *c, struct node *n, const struct type *t)
{
	VEC(const char *) names = { 0 };

	for (uint32_t i = 0; i < t->nmembers; i++)
		if (t->members[i].name)
			vec_push(c->s->arena, &names, t->members[i].name);
	diag_error(c->diags, n->name_span, "%s has no field named '%s'", shown(c, t), n->name);
	diag_hint_nearest(c->diags, n->name, names.v, names.n);
}

static void check_member(struct check *c, struct node *n)
{
	struct node *object = node_kid(n, 0);
	struct type_member *m = arena_new(c->s->arena, struct type_member);
	const struct type *t = check_value(c, object);

	n->flag = false;
	if (type_is_none(t))
		return;
	t = outer_type(c, n, t);
	if (!t)
		return;
	if (!type_member(c->s->types, t, n->name, m)) {
		unknown_member(c, n, t);
		return;
	}
	n->bound = m;
	n->type = type_text(c->s->types, m->type);
}

static bool is_args(const struct node *n)
{
	return (n->kind == NODE_IDENT || (n->kind == NODE_CALL && n->kids.n == 0)) && n->name &&
	       streq(n->name, "args");
}

/* ---- elements ---- */

static void check_element(struct check *c, struct node *n, struct node *tuple, uint64_t index)
{
	const struct type *t = tuple->type;

	if (index < t->nmembers) {
		n->bound = &t->members[index];
		n->type = t->members[index].type;
		return;
	}
	diag_error(c->diags, n->span, "Invalid tuple index: %llu. Found %u elements in tuple",
		   (unsigned long long)index, t->nmembers);
}

static void check_tuple_element(struct check *c, struct node *n)
{
	const struct type *t = check_value(c, node_kid(n, 0));

	if (t->kind == TYPE_TUPLE)
		check_element(c, n, node_kid(n, 0), n->number);
	else if (!type_is_none(t))
		diag_error(c->diags, n->span,
			   "Can not access index %llu on expression of type '%s'",
			   (unsigned long long)n->number, shown(c, t));
}

static void check_bounds(struct check *c, struct node *index, uint32_t count)
{
	int64_t at;

	if (!count || !node_constant(index, &at))
		return;
	if (at < 0 || at >= count)
		diag_error(c->diags, index->span,
			   "the index %lld is out of bounds for array of size %u", (long long)at,
			   count);
}

static void check_index(struct check *c, struct node *n)
{
	struct node *array = node_kid(n, 0), *index = node_kid(n, 1);
	const struct type *t = check_value(c, array), *i = check_value(c, index);
	int64_t at;

	if (type_is_none(t) || type_is_none(i))
		return;
	if (t->kind == TYPE_TUPLE && node_constant(index, &at)) {
		check_element(c, n, array, at);
		return;
	}
	if (!type_is_int(i))
		diag_error(c->diags, index->span, "an index must be an integer, not '%s'",
			   shown(c, i));
	if (t->kind == TYPE_ARRAY) {
		check_bounds(c, index, t->count);
		n->type = type_text(c->s->types, t->elem);
	} else if (t->kind == TYPE_POINTER && t->elem->kind != TYPE_VOID) {
		n->type = type_text(c->s->types, t->elem);
	} else if (t->kind == TYPE_STRING) {
		check_bounds(c, index, t->size);
		n->type = type_int(c->s->types, 1, true);
	} else {
		diag_error(c->diags, n->span,
			   "The array index operator [] can not be used on expressions of type "
			   "'%s'",
			   shown(c, t));
	}
}

/* ---- *p and &x ---- */

static void check_deref(struct check *c, struct node *n)
{
	const struct type *t = check_value(c, node_kid(n, 0));

	if (type_is_none(t))
		return;
	if (t->kind == TYPE_INT)
		n->type = type_int(c->s->types, 8, false);
	else if (t->kind == TYPE_POINTER && t->elem->kind != TYPE_VOID)
		n->type = type_text(c->s->types, type_complete(c->s->types, t->elem));
	else
		diag_error(c->diags, n->span, "Can not dereference '%s'", shown(c, t));
}

static void check_address(struct check *c, struct node *n)
{
	struct node *of = node_kid(n, 0);
	const struct type *t = check_expr(c, of);
	bool has_address = of->kind == NODE_MEMBER || of->kind == NODE_INDEX ||
			   (of->kind == NODE_UNARY && of->op == TOKEN_STAR);

	if (type_is_none(t))
		return;
	if (has_address)
		n->type = type_pointer(c->s->types, t, SPACE_NONE);
	else
		diag_error(c->diags, n->span,
			   "only a member, an element or what a pointer points "
			   "to has an address");
}

void check_access(struct check *c, struct node *n)
{
	if (n->kind == NODE_MEMBER && is_args(node_kid(n, 0)))
		check_field(c, n);
	else if (n->kind == NODE_MEMBER)
		check_member(c, n);
	else if (n->kind == NODE_ELEMENT)
		check_tuple_element(c, n);
	else if (n->kind == NODE_INDEX)
		check_index(c, n);
	else if (n->op == TOKEN_STAR)
		check_deref(c, n);
	else
		check_address(c, n);
}
