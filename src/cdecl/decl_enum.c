/*
 * Enums. See decl_priv.h. Needs: constant expressions. Called by the specifiers.
 *
 * gcc's rule: unsigned int when no value is negative, else int; 8 bytes when a value needs them;
 * packed, the smallest type that holds all.
 */
#include "cdecl/decl_priv.h"

struct reading {
	struct decl *d;
	VEC(struct type_enumerator) list;
	int64_t low;
	uint64_t high;
	bool is_unsigned;         /* the last value is beyond INT64_MAX */
	const struct type *fixed; /* enum x : type */
};

static bool add(struct reading *r, const struct pp_token *name, struct expr_value v)
{
	struct decl *d = r->d;
	bool negative = v.type->is_signed && (int64_t)v.bits < 0;
	struct type_enumerator one = { name->name->text, (int64_t)v.bits };

	if (negative)
		r->low = MIN(r->low, (int64_t)v.bits);
	else
		r->high = MAX(r->high, v.bits);
	if (!pp_charge(d->pp, 2 * sizeof(one)))
		return false;
	vec_push(d->arena, &r->list, one);
	decl_declare(d, name,
		     (struct decl_symbol){
			     .kind = DECL_ENUMERATOR, .type = v.type, .value = (int64_t)v.bits });
	return true;
}

static bool fits_int(struct expr_value v)
{
	if (!v.type->is_signed)
		return v.bits <= INT32_MAX;
	return (int64_t)v.bits == (int32_t)v.bits;
}

/* The value after @v, in a wider type where it needs one. */
static struct expr_value successor(struct decl *d, struct expr_value v)
{
	bool is_signed = v.bits != INT64_MAX && v.type->is_signed;

	v.bits++;
	v.type = type_int(d->types, 8, is_signed);
	if (fits_int(v))
		v.type = type_int(d->types, 4, true);
	return v;
}

static bool enumerator(struct reading *r, struct expr_value *next)
{
	struct decl *d = r->d;
	struct pp_token name = d->t;
	struct attributes ignored = { 0 };

	if (name.kind != PP_NAME || decl_keyword(&name) != KW_NONE)
		return decl_expected(d, "the name of a constant");
	decl_next(d);
	if (!decl_attributes(d, &ignored))
		return false;
	if (decl_accept(d, PP_ASSIGN) && !decl_constant(d, next))
		return false;
	if (fits_int(*next))
		next->type = type_int(d->types, 4, true);
	if (!add(r, &name, *next))
		return false;
	*next = successor(d, *next);
	return true;
}

static void sync_enumerator(struct decl *d)
{
	while (d->t.kind != PP_COMMA && d->t.kind != PP_RBRACE && d->t.kind != PP_END &&
	       d->t.kind != PP_SEMICOLON)
		decl_next(d);
}

/* From the '{' to past the '}' and what attributes follow it. */
static bool body(struct reading *r, struct attributes *a)
{
	struct decl *d = r->d;
	struct expr_value next = expr_int(&d->expr, 0);

	decl_next(d);
	while (d->t.kind != PP_RBRACE && d->t.kind != PP_END) {
		d->expr.failed = false;
		if (!enumerator(r, &next))
			sync_enumerator(d);
		if (!decl_accept(d, PP_COMMA))
			break;
	}
	return decl_expect(d, PP_RBRACE) && decl_attributes(d, a);
}

static uint32_t size_for(const struct reading *r, bool packed)
{
	uint32_t size = packed ? 1 : 4;

	for (; size < 8; size *= 2) {
		unsigned bits = size * 8;

		if (r->low < 0 ? r->low >= -(1ll << (bits - 1)) && r->high < 1ull << (bits - 1)
			       : r->high < 1ull << bits)
			break;
	}
	return size;
}

/* A constant that is no int has the type of its enum. */
static void widen(const struct reading *r, const struct type *t)
{
	for (uint32_t i = 0; i < r->list.n; i++) {
		struct decl_symbol *s = table_get(&r->d->symbols, r->list.v[i].name);

		if (s && s->kind == DECL_ENUMERATOR && s->value != (int32_t)s->value)
			s->type = type_int(r->d->types, t->size, t->is_signed);
	}
}

static void settle(const struct reading *r, const struct attributes *a, struct type *t)
{
	t->size = r->fixed ? r->fixed->size : size_for(r, a->packed);
	t->is_signed = r->fixed ? r->fixed->is_signed : r->low < 0;
	t->align = MAX(t->size, a->last_align);
	t->enumerators = r->list.v;
	t->nenumerators = r->list.n;
	widen(r, t);
}

static bool same_enumerators(const struct type *a, const struct type *b)
{
	if (a->nenumerators != b->nenumerators || a->size != b->size)
		return false;
	for (uint32_t i = 0; i < a->nenumerators; i++)
		if (!streq(a->enumerators[i].name, b->enumerators[i].name) ||
		    a->enumerators[i].value != b->enumerators[i].value)
			return false;
	return true;
}

/* Enums without a tag are kept under names that no script can write, so that their enumerators
 * are found. */
static const char *key_of(struct decl *d, const struct type *t)
{
	pp_charge(d->pp, 64 + 4 * sizeof(struct table_entry));
	return t->name ? arena_printf(d->arena, "enum %s", t->name)
		       : arena_printf(d->arena, "enum #%u", ++d->anonymous);
}

static const struct type *define(struct decl *d, const struct pp_token *name, struct attributes *a,
				 const struct type *fixed)
{
	struct decl_tag *tag = name->kind == PP_NAME ? decl_tag(d, TYPE_ENUM, name->name) : NULL;
	struct reading r = { .d = d, .fixed = fixed };
	struct type *t;

	if (tag && !tag->is_complete)
		decl_tag_reset(d, tag);
	if (!body(&r, a) || !pp_charge(d->pp, sizeof(*t)))
		return NULL;
	t = tag && !tag->is_complete ? tag->type
				     : type_copy(d->types, type_simple(d->types, TYPE_ENUM, 0));
	settle(&r, a, t);
	if (tag && tag->is_complete) {
		if (!same_enumerators(tag->type, t) &&
		    pp_error(d->pp, name, "enum %s is defined again, differently",
			     name->name->text))
			decl_hint_first(d, tag->span);
		return tag->type;
	}
	if (tag) {
		tag->is_complete = true;
		tag->span = pp_place(name);
	}
	table_put(d->types->arena, &d->types->named, key_of(d, t), t);
	return t;
}

const struct type *decl_enum(struct decl *d, struct specifiers *s)
{
	struct attributes a = { 0 };
	struct pp_token name = d->t;
	struct specifiers under;
	const struct type *fixed = NULL;

	decl_next(d);
	if (!decl_attributes(d, &a))
		return NULL;
	if (d->t.kind == PP_NAME) {
		name = d->t;
		decl_next(d);
	} else {
		name.kind = PP_NOTHING;
	}
	if (d->t.kind == PP_COLON && decl_begins_type(d, decl_peek(d))) {
		decl_next(d);
		if (!decl_specifiers(d, &under))
			return NULL;
		fixed = type_is_integral(under.type) ? under.type : NULL;
	}
	if (d->t.kind == PP_LBRACE) {
		s->has_body = true;
		return define(d, &name, &a, fixed);
	}
	if (name.kind == PP_NAME)
		return decl_tag(d, TYPE_ENUM, name.name)->type;
	decl_expected(d, "a tag or '{'");
	return NULL;
}
