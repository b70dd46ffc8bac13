/*
 * Declarators: the stars, brackets and parentheses around a name. See decl_priv.h.
 * Needs: specifiers (for parameters), expressions (for bounds). Called for everything that is
 * declared, and for type names, which are declarators without a name.
 *
 * What surrounds the name is collected from the name outwards and put on the type in reverse:
 *
 *	int *(*f[2])(char)    [2], *, (char), *    array of pointers to functions returning int *
 */
#include "cdecl/decl_priv.h"

struct layer {
	enum type_kind kind; /* POINTER, ARRAY or FUNC */
	uint32_t count;
	struct type_member *params;
	uint32_t nparams;
	struct pp_token at;
};

struct reading {
	struct decl *d;
	VEC(struct layer) layers;
	struct declarator *ret;
};

static bool add_layer(struct reading *r, struct layer layer)
{
	if (!pp_charge(r->d->pp, 2 * sizeof(layer) + sizeof(struct type)))
		return false;
	vec_push(r->d->arena, &r->layers, layer);
	return true;
}

/* ---- parameters ---- */

/* Arrays and functions come as pointers. */
static const struct type *param_type(struct decl *d, const struct type *t)
{
	if (t->kind == TYPE_ARRAY)
		return type_pointer(d->types, t->elem, SPACE_NONE);
	return t->kind == TYPE_FUNC ? type_pointer(d->types, t, SPACE_NONE) : t;
}

static bool param(struct decl *d, struct type_member *ret)
{
	struct specifiers s;
	struct declarator one;

	if (!decl_specifiers(d, &s) || !decl_declarator(d, &s, &one))
		return false;
	*ret = (struct type_member){
		.name = one.name.kind == PP_NAME ? one.name.name->text : NULL,
		.type = param_type(d, decl_attribute_type(d, one.type, &one.attributes)),
	};
	return true;
}

/* Parameters have the offsets of the slots that programs get them in, as BTF's have. */
static void place_params(struct type_member *params, uint32_t n)
{
	uint32_t offset = 0;

	for (uint32_t i = 0; i < n; i++) {
		params[i].offset = offset;
		offset += MAX(ALIGN_UP((uint64_t)params[i].type->size, 8), 8u);
	}
}

static bool is_only_void(struct decl *d)
{
	return decl_keyword(&d->t) == KW_VOID && decl_peek(d)->kind == PP_RPAREN;
}

/* After the '('. */
static bool params(struct reading *r, struct layer *ret)
{
	struct decl *d = r->d;
	VEC(struct type_member) list = { 0 };

	if (is_only_void(d))
		decl_next(d);
	while (d->t.kind != PP_RPAREN) {
		struct type_member m;

		if (decl_accept(d, PP_ELLIPSIS))
			break;
		if (!pp_charge(d->pp, 2 * sizeof(m)) || !param(d, &m))
			return false;
		vec_push(d->arena, &list, m);
		if (!decl_accept(d, PP_COMMA))
			break;
	}
	place_params(list.v, list.n);
	ret->params = list.v;
	ret->nparams = list.n;
	return decl_expect(d, PP_RPAREN);
}

/* ---- bounds ---- */

/* A parameter's bound may be of variable length; it changes nothing. */
static bool skip_bound(struct decl *d)
{
	while (d->t.kind != PP_RBRACKET && d->t.kind != PP_END) {
		if (d->t.kind == PP_LPAREN || d->t.kind == PP_LBRACKET || d->t.kind == PP_LBRACE)
			decl_skip_balanced(d);
		else
			decl_next(d);
	}
	return decl_expect(d, PP_RBRACKET);
}

/* After the '['. */
static bool bound(struct decl *d, struct layer *ret)
{
	struct pp_token at = d->t;
	struct expr_value v;

	if (decl_accept(d, PP_RBRACKET))
		return true;
	if (decl_keyword(&d->t) == KW_QUALIFIER || decl_keyword(&d->t) == KW_STORAGE ||
	    d->t.kind == PP_STAR)
		return skip_bound(d);
	if (!decl_constant(d, &v))
		return false;
	if (v.type->is_signed && (int64_t)v.bits < 0)
		return pp_error(d->pp, &at, "the size of an array is negative"), false;
	if (v.bits > INT32_MAX)
		return pp_error(d->pp, &at, "an array has too many elements"), false;
	ret->count = v.bits;
	return decl_expect(d, PP_RBRACKET);
}

/* ---- the shape ---- */

/* Does the '(' open parentheses around a declarator, or a list of parameters? */
static bool opens_declarator(struct decl *d)
{
	const struct pp_token *t = decl_peek(d);

	if (t->kind == PP_RPAREN || t->kind == PP_ELLIPSIS)
		return false;
	return decl_keyword(t) == KW_ATTRIBUTE || !decl_begins_type(d, t);
}

static bool suffixes(struct reading *r)
{
	struct decl *d = r->d;

	while (d->t.kind == PP_LBRACKET || d->t.kind == PP_LPAREN) {
		struct layer layer = { .kind = TYPE_ARRAY, .at = d->t };
		bool is_array = d->t.kind == PP_LBRACKET, ok;

		decl_next(d);
		if (!is_array)
			layer.kind = TYPE_FUNC;
		ok = is_array ? bound(d, &layer) : params(r, &layer);
		if (!ok || !add_layer(r, layer))
			return false;
	}
	return true;
}

static bool shape(struct reading *r);

static bool name_or_nested(struct reading *r)
{
	struct decl *d = r->d;

	r->ret->name = d->t;
	if (d->t.kind == PP_NAME && decl_keyword(&d->t) == KW_NONE) {
		decl_next(d);
		return true;
	}
	r->ret->name.kind = PP_NOTHING;
	if (d->t.kind != PP_LPAREN || !opens_declarator(d))
		return true;
	decl_next(d);
	return shape(r) && decl_expect(d, PP_RPAREN);
}

/* What stands after a star or before a name: const, attributes. */
static bool qualifiers(struct reading *r)
{
	struct decl *d = r->d;

	for (;;) {
		switch (decl_keyword(&d->t)) {
		case KW_QUALIFIER:
		case KW_ATOMIC:
		case KW_EXTENSION: decl_next(d); break;
		case KW_ATTRIBUTE:
			if (!decl_attributes(d, &r->ret->attributes))
				return false;
			break;
		default: return true;
		}
	}
}

static bool shape_inside(struct reading *r)
{
	struct pp_token at = r->d->t;
	uint32_t stars = 0;
	bool ok;

	if (!qualifiers(r))
		return false;
	for (; r->d->t.kind == PP_STAR; stars++) {
		decl_next(r->d);
		if (!qualifiers(r))
			return false;
	}
	ok = name_or_nested(r) && suffixes(r);
	for (; ok && stars; stars--)
		ok = add_layer(r, (struct layer){ .kind = TYPE_POINTER, .at = at });
	return ok;
}

static bool shape(struct reading *r)
{
	bool ok;

	if (!decl_enter(r->d))
		return false;
	ok = shape_inside(r);
	decl_leave(r->d);
	return ok;
}

/* ---- the type ---- */

static const struct type *array_of(struct decl *d, const struct layer *layer, const struct type *of)
{
	const struct type *t;

	if (!decl_complete(d, of)) {
		pp_error(d->pp, &layer->at, "an array of %s, which has no size",
			 type_name(d->types, of));
		return NULL;
	}
	if ((uint64_t)of->size * layer->count > INT32_MAX) {
		pp_error(d->pp, &layer->at, "an array is larger than 2 GiB");
		return NULL;
	}
	t = type_array(d->types, of, layer->count);
	return t;
}

static const struct type *function(struct decl *d, const struct layer *layer, const struct type *of)
{
	struct type *t = type_copy(d->types, type_simple(d->types, TYPE_FUNC, 0));

	if (of->kind == TYPE_ARRAY || of->kind == TYPE_FUNC) {
		pp_error(d->pp, &layer->at, "a function cannot return %s",
			 of->kind == TYPE_ARRAY ? "an array" : "a function");
		return NULL;
	}
	t->elem = of;
	t->members = layer->params;
	t->nmembers = layer->nparams;
	return t;
}

static const struct type *apply(struct reading *r, const struct type *t)
{
	for (uint32_t i = r->layers.n; t && i-- > 0;) {
		const struct layer *layer = &r->layers.v[i];

		if (layer->kind == TYPE_POINTER)
			t = type_pointer(r->d->types, t, SPACE_NONE);
		else if (layer->kind == TYPE_ARRAY)
			t = array_of(r->d, layer, t);
		else
			t = function(r->d, layer, t);
	}
	return t;
}

bool decl_declarator(struct decl *d, const struct specifiers *s, struct declarator *ret)
{
	struct reading r = { .d = d, .ret = ret };

	*ret = (struct declarator){ .attributes = s->attributes };
	if (!shape(&r) || !decl_attributes(d, &ret->attributes))
		return false;
	ret->type = apply(&r, s->type);
	ret->is_function = r.layers.n && r.layers.v[0].kind == TYPE_FUNC;
	return ret->type;
}
