/*
 * Structs and unions. See decl_priv.h. Needs: specifiers, declarators, layout.
 * Called by the specifiers.
 */
#include "cdecl/decl_priv.h"
#include "cdecl/layout.h"

VEC_TYPE(struct layout_field, field_list);

static bool add_field(struct decl *d, struct field_list *fields, struct layout_field f)
{
	if (!pp_charge(d->pp, 2 * sizeof(f) + sizeof(struct type_member) + sizeof(uint64_t)))
		return false;
	vec_push(d->arena, fields, f);
	return true;
}

/* ---- members ---- */

/* The ": 3" of a bit-field. */
static bool bits(struct decl *d, const struct pp_token *name, struct layout_field *f)
{
	struct expr_value width;
	uint64_t room = f->type->kind == TYPE_BOOL ? 1 : f->type->size * 8ull;

	decl_next(d);
	if (!decl_constant(d, &width))
		return false;
	if (!type_is_integral(f->type) || f->type->size > 8)
		return pp_error(d->pp, name, "a bit-field wants an integer type"), false;
	if (width.bits > room || (!width.bits && f->name))
		return pp_error(d->pp, name, "a bit-field of %s has 1 to %u bits",
				type_name(d->types, f->type), (unsigned)room),
		       false;
	f->is_bits = true;
	f->bits = width.bits;
	return true;
}

/* One name with its type; after it, attributes may follow a bit-field's width. */
static bool member(struct decl *d, const struct specifiers *s, struct field_list *fields)
{
	struct declarator one = { .type = s->type, .attributes = s->attributes, .name = d->t };
	struct layout_field f = { 0 };

	if (d->t.kind == PP_COLON)
		one.name.kind = PP_NOTHING;
	else if (!decl_declarator(d, s, &one))
		return false;
	else if (one.name.kind != PP_NAME && d->t.kind != PP_COLON)
		return decl_expected(d, "the name of a member");
	f.type = decl_attribute_type(d, one.type, &one.attributes);
	f.name = one.name.kind == PP_NAME ? one.name.name->text : NULL;
	if (!decl_complete(d, f.type))
		return pp_error(d->pp, &one.name, "%s is of type %s, which has no size",
				f.name ? f.name : "a member", type_name(d->types, f.type)),
		       false;
	if (d->t.kind == PP_COLON && !bits(d, &one.name, &f))
		return false;
	if (!decl_attributes(d, &one.attributes))
		return false;
	f.packed = one.attributes.packed;
	f.align = one.attributes.align;
	return add_field(d, fields, f);
}

/* "struct { .. };" whose members are as good as the outer one's. */
static bool anonymous_member(struct decl *d, const struct specifiers *s, struct field_list *fields)
{
	bool is_struct = s->type->kind == TYPE_STRUCT || s->type->kind == TYPE_UNION;

	if (!is_struct || s->type->name)
		return true; /* declares a tag, or nothing */
	return add_field(d, fields,
			 (struct layout_field){ .type = s->type,
						.packed = s->attributes.packed,
						.align = s->attributes.align });
}

static bool member_line(struct decl *d, struct field_list *fields)
{
	struct specifiers s;

	if (decl_keyword(&d->t) == KW_STATIC_ASSERT)
		return decl_static_assert(d);
	if (decl_accept(d, PP_SEMICOLON))
		return true;
	if (!decl_specifiers(d, &s))
		return false;
	if (decl_accept(d, PP_SEMICOLON))
		return anonymous_member(d, &s, fields);
	do {
		if (!member(d, &s, fields))
			return false;
	} while (decl_accept(d, PP_COMMA));
	return decl_expect(d, PP_SEMICOLON);
}

/* To the end of a member that could not be read. */
static void sync_member(struct decl *d)
{
	while (d->t.kind != PP_SEMICOLON && d->t.kind != PP_RBRACE && d->t.kind != PP_END) {
		if (d->t.kind == PP_LBRACE)
			decl_skip_balanced(d);
		else
			decl_next(d);
	}
	decl_accept(d, PP_SEMICOLON);
}

/* Adds the names that @m brings in: its own, or those of its members. */
static void add_names(struct decl *d, struct table *seen, const char *name, const struct type *t,
		      const struct pp_token *at, unsigned depth)
{
	if (name) {
		if (table_get(seen, name))
			pp_error(d->pp, at, "this struct has two members called %s", name);
		pp_charge(d->pp, 4 * sizeof(struct table_entry));
		table_put(d->arena, seen, name, (void *)name);
		return;
	}
	for (uint32_t i = 0; i < t->nmembers && depth < DECL_MAX_DEPTH && !pp_stopped(d->pp); i++)
		add_names(d, seen, t->members[i].name, t->members[i].type, at, depth + 1);
}

static void check_names(struct decl *d, const struct field_list *fields, const struct pp_token *at)
{
	struct table seen = { 0 };

	for (uint32_t i = 0; i < fields->n && !pp_stopped(d->pp); i++)
		if (fields->v[i].name || !fields->v[i].is_bits)
			add_names(d, &seen, fields->v[i].name, fields->v[i].type, at, 0);
}

/* From the '{' to past the '}' and what attributes follow it. */
static bool body(struct decl *d, struct attributes *a, struct field_list *fields)
{
	decl_next(d);
	while (d->t.kind != PP_RBRACE && d->t.kind != PP_END) {
		d->expr.failed = false;
		if (!member_line(d, fields))
			sync_member(d);
	}
	return decl_expect(d, PP_RBRACE) && decl_attributes(d, a);
}

/* ---- definitions ---- */

static bool same_members(const struct type *a, const struct type *b, unsigned depth)
{
	if (a->kind != b->kind || a->size != b->size || a->nmembers != b->nmembers || depth > 16)
		return false;
	for (uint32_t i = 0; i < a->nmembers; i++) {
		const struct type_member *m = &a->members[i], *n = &b->members[i];

		if (m->offset != n->offset || m->bit_offset != n->bit_offset ||
		    m->bit_size != n->bit_size || !m->name != !n->name ||
		    (m->name && !streq(m->name, n->name)))
			return false;
		if (!type_equal(m->type, n->type) && !same_members(m->type, n->type, depth + 1))
			return false;
	}
	return true;
}

/* A packed bit-field that begins in the middle of a byte may lie in nine of them. */
static void warn_cut(struct decl *d, const struct type *t, const struct field_list *fields,
		     const struct pp_token *at)
{
	uint32_t member = 0;

	for (uint32_t i = 0; i < fields->n; i++) {
		const struct layout_field *f = &fields->v[i];
		const struct type_member *m;

		if (f->is_bits && !f->name)
			continue;
		m = &t->members[member++];
		if (m->bit_size && m->bit_size < f->bits)
			pp_warning(d->pp, at,
				   "the bit-field %s lies in nine bytes; only its low %u bits can "
				   "be read",
				   f->name, m->bit_size);
	}
}

static const struct type *lay_out(struct decl *d, struct type *t, const struct attributes *a,
				  const struct field_list *fields, const struct pp_token *at)
{
	struct layout how = { .arch = d->arch,
			      .is_union = t->kind == TYPE_UNION,
			      .packed = a->packed,
			      .align = a->last_align,
			      .pack = d->pack };

	if (layout_members(d->types, &how, fields->v, fields->n, t)) {
		pp_error(d->pp, at, "a struct is larger than 2 GiB");
		return NULL;
	}
	warn_cut(d, t, fields, at);
	return t;
}

/* The struct @tag again: it must be the same. */
static const struct type *again(struct decl *d, struct decl_tag *tag, const struct pp_token *at,
				const struct attributes *a, const struct field_list *fields)
{
	struct type *t = type_copy(d->types, type_simple(d->types, tag->type->kind, 0));

	if (!lay_out(d, t, a, fields, at) || same_members(tag->type, t, 0))
		return tag->type;
	if (pp_error(d->pp, at, "%s is defined again, differently", type_name(d->types, tag->type)))
		decl_hint_first(d, tag->span);
	return tag->type;
}

static const struct type *first_time(struct decl *d, struct decl_tag *tag,
				     const struct pp_token *at, const struct attributes *a,
				     const struct field_list *fields)
{
	const char *key;

	decl_tag_reset(d, tag);
	if (!lay_out(d, tag->type, a, fields, at))
		return NULL;
	tag->is_complete = true;
	tag->span = pp_place(at);
	key = type_name(d->types, tag->type);
	pp_charge(d->pp, strlen(key) + 4 * sizeof(struct table_entry));
	table_put(d->types->arena, &d->types->named, key, tag->type);
	return tag->type;
}

static const struct type *define(struct decl *d, enum type_kind kind, const struct pp_token *name,
				 struct attributes *a)
{
	bool has_tag = name->kind == PP_NAME, ok;
	struct decl_tag *tag = has_tag ? decl_tag(d, kind, name->name) : NULL;
	struct field_list fields = { 0 };
	struct type *t;

	if (tag && tag->is_open) {
		pp_error(d->pp, name, "%s is defined inside itself", name->name->text);
		return NULL;
	}
	if (tag)
		tag->is_open = !tag->is_complete;
	ok = body(d, a, &fields);
	if (tag)
		tag->is_open = false;
	if (!ok || !pp_charge(d->pp, sizeof(*t)))
		return NULL;
	check_names(d, &fields, name);
	if (tag)
		return tag->is_complete ? again(d, tag, name, a, &fields)
					: first_time(d, tag, name, a, &fields);
	t = type_copy(d->types, type_simple(d->types, kind, 0));
	return lay_out(d, t, a, &fields, name);
}

const struct type *decl_struct(struct decl *d, struct specifiers *s)
{
	enum type_kind kind = decl_keyword(&d->t) == KW_UNION ? TYPE_UNION : TYPE_STRUCT;
	struct attributes a = { 0 };
	const struct type *t = NULL;
	struct pp_token name = d->t;

	decl_next(d);
	if (!decl_attributes(d, &a))
		return NULL;
	if (d->t.kind == PP_NAME) {
		name = d->t;
		decl_next(d);
	} else {
		name.kind = PP_NOTHING;
	}
	if (d->t.kind == PP_LBRACE) {
		s->has_body = true;
		if (!decl_enter(d))
			return NULL;
		t = define(d, kind, &name, &a);
		decl_leave(d);
	} else if (name.kind != PP_NAME) {
		decl_expected(d, "a tag or '{'");
	} else {
		t = decl_tag(d, kind, name.name)->type;
	}
	return t;
}
