/*
 * Declaration specifiers: which type a declaration begins with. See decl_priv.h.
 * Needs: structs, enums, attributes. Called by declarations, members, parameters and casts.
 */
#include "cdecl/decl_priv.h"

/* The words of a basic type, counted. */
struct words {
	unsigned chars, shorts, ints, longs, sign, no_sign, int128, floats, complex;
	uint32_t float_size;
};

static bool has_words(const struct words *w)
{
	return w->chars + w->shorts + w->ints + w->longs + w->sign + w->no_sign + w->int128 +
	       w->floats + w->complex;
}

static void want_kernel(struct decl *d)
{
	if (!d->kernel_wanted && d->want_kernel)
		d->want_kernel(d->ctx);
	d->kernel_wanted = true;
}

/* ---- completing ---- */

static bool is_tagged(const struct type *t)
{
	return t->kind == TYPE_STRUCT || t->kind == TYPE_UNION || t->kind == TYPE_ENUM;
}

static const char *tag_key(struct decl *d, enum type_kind kind, const char *name)
{
	const char *word = kind == TYPE_STRUCT ? "struct" : kind == TYPE_UNION ? "union" : "enum";

	return arena_printf(d->arena, "%s %s", word, name);
}

void decl_tag_reset(struct decl *d, struct decl_tag *tag)
{
	const char *name = tag->type->name;

	*tag->type = *type_simple(d->types, tag->type->kind, 0);
	tag->type->name = name;
	tag->type->size = tag->type->align = 0;
}

struct decl_tag *decl_tag(struct decl *d, enum type_kind kind, const struct pp_name *name)
{
	const char *key = tag_key(d, kind, name->text);
	struct decl_tag *tag = table_get(&d->tags, key);

	pp_charge(d->pp, sizeof(*tag) + sizeof(struct type) + name->len + 64);
	if (tag)
		return tag;
	tag = arena_new(d->arena, struct decl_tag);
	tag->type = type_copy(d->types, type_simple(d->types, kind, 0));
	tag->type->name = name->text;
	decl_tag_reset(d, tag);
	table_put(d->arena, &d->tags, key, tag);
	return tag;
}

/* A struct that is only named is the kernel's. */
static bool complete_from_kernel(struct decl *d, struct decl_tag *tag)
{
	const struct type *found;

	want_kernel(d);
	found = type_find(d->types, tag_key(d, tag->type->kind, tag->type->name));
	if (!found || found == tag->type || found->kind != tag->type->kind)
		return false;
	found = type_complete(d->types, found);
	if (!found->size)
		return false;
	*tag->type = *found;
	tag->is_complete = true;
	return true;
}

bool decl_complete(struct decl *d, const struct type *t)
{
	struct decl_tag *tag;

	while (t->kind == TYPE_ARRAY)
		t = t->elem;
	if (t->kind == TYPE_VOID || t->kind == TYPE_FUNC || t->kind == TYPE_NONE)
		return false;
	if (!is_tagged(t) || t->size || !t->name || t->is_typedef)
		return true;
	tag = table_get(&d->tags, tag_key(d, t->kind, t->name));
	pp_charge(d->pp, strlen(t->name) + 16);
	if (!tag || tag->is_complete)
		return tag;
	return !tag->is_open && complete_from_kernel(d, tag);
}

/* ---- basic types ---- */

/* Counts the keyword; false when it belongs to no basic type. */
static bool count(struct words *w, enum decl_keyword keyword)
{
	switch (keyword) {
	case KW_CHAR: w->chars++; break;
	case KW_SHORT: w->shorts++; break;
	case KW_INT: w->ints++; break;
	case KW_LONG: w->longs++; break;
	case KW_SIGNED: w->sign++; break;
	case KW_UNSIGNED: w->no_sign++; break;
	case KW_INT128: w->int128++; break;
	case KW_COMPLEX: w->complex++; break;
	case KW_FLOAT_2: w->floats++, w->float_size = 2; break;
	case KW_FLOAT: w->floats++, w->float_size = 4; break;
	case KW_DOUBLE:
	case KW_FLOAT_8: w->floats++, w->float_size = 8; break;
	case KW_FLOAT_16: w->floats++, w->float_size = 16; break;
	default: return false;
	}
	return true;
}

static const struct type *float_type(struct decl *d, uint32_t size)
{
	struct type *t = type_copy(d->types, type_simple(d->types, TYPE_FLOAT, 0));

	pp_charge(d->pp, sizeof(*t));
	t->size = t->align = size;
	t->is_signed = true;
	return t;
}

static const struct type *floating(struct decl *d, const struct words *w)
{
	uint32_t size = w->floats ? w->float_size : 8;
	const struct type *t = float_type(d, w->longs ? 16 : size);

	return w->complex ? type_array(d->types, t, 2) : t;
}

/* The type that the words make together; NULL when they make none. */
static const struct type *basic(struct decl *d, const struct words *w)
{
	if (w->sign + w->no_sign > 1 || w->chars + w->shorts > 1 || w->longs > 2 || w->ints > 1 ||
	    w->floats > 1)
		return NULL;
	if (w->floats || w->complex)
		return w->chars + w->shorts + w->sign + w->no_sign + w->int128 > 0 ? NULL
										   : floating(d, w);
	if (w->int128)
		return type_int(d->types, 16, !w->no_sign);
	if (w->chars && w->ints + w->longs > 0)
		return NULL;
	return type_int(d->types, w->chars ? 1 : w->shorts ? 2 : w->longs ? 8 : 4, !w->no_sign);
}

/* x86-64: an array of one struct of 24 bytes; arm64: a struct of 32. */
static const struct type *va_list_type(struct decl *d)
{
	const struct type *word = type_int(d->types, 8, false);

	pp_charge(d->pp, sizeof(struct type));
	return type_array(d->types, word, d->arch == ARCH_ARM64 ? 4 : 3);
}

/* ---- names of types ---- */

static const struct type *find_typedef(struct decl *d, const struct pp_name *name)
{
	const struct decl_symbol *symbol = decl_find(d, name->text);

	if (symbol)
		return symbol->kind == DECL_TYPEDEF ? symbol->type : NULL;
	return type_find(d->types, name->text);
}

/* The same where only a type can stand: the kernel's are worth looking at. */
static const struct type *find_typedef_anywhere(struct decl *d, const struct pp_name *name)
{
	const struct type *found = find_typedef(d, name);

	if (found || decl_find(d, name->text))
		return found;
	want_kernel(d);
	return find_typedef(d, name);
}

bool decl_begins_type(struct decl *d, const struct pp_token *t)
{
	enum decl_keyword keyword = decl_keyword(t);

	if (t->kind != PP_NAME)
		return false;
	if (keyword == KW_NONE)
		return find_typedef(d, t->name);
	return keyword <= KW_ATTRIBUTE || keyword == KW_ALIGNAS;
}

static const char *const some_types[] = {
	"struct",  "union",   "enum",     "typedef",  "unsigned", "signed", "const",
	"static",  "char",    "short",    "int",      "long",     "float",  "double",
	"void",    "uint8_t", "uint16_t", "uint32_t", "uint64_t", "size_t", "int8_t",
	"int16_t", "int32_t", "int64_t",  "volatile"
};

/* "foo x": it is taken for int, so that what follows can be read. */
static bool unknown_type(struct decl *d, struct specifiers *ret)
{
	struct pp_token name = d->t;
	enum pp_kind after = decl_peek(d)->kind;
	bool is_declarator = after == PP_NAME || after == PP_STAR;

	if (pp_error(d->pp, &name, is_declarator ? "unknown type %s" : "%s is no declaration",
		     name.name->text))
		diag_hint_nearest(pp_diags(d->pp), name.name->text, some_types,
				  ARRAY_LEN(some_types));
	if (!is_declarator)
		return false;
	decl_next(d);
	ret->type = type_int(d->types, 4, true);
	return true;
}

/* ---- specifiers ---- */

static const struct type *atomic(struct decl *d)
{
	const struct type *t;

	decl_next(d);
	if (d->t.kind != PP_LPAREN)
		return NULL; /* a qualifier */
	decl_next(d);
	t = decl_type_name(d);
	return t && decl_expect(d, PP_RPAREN) ? t : type_simple(d->types, TYPE_NONE, 0);
}

/* A word that is a whole type. False: it is something else. */
static bool whole_type(struct decl *d, enum decl_keyword keyword, struct specifiers *ret)
{
	const struct type *t;

	switch (keyword) {
	case KW_VOID: t = type_void(d->types); break;
	case KW_BOOL: t = type_bool(d->types); break;
	case KW_VA_LIST: t = va_list_type(d); break;
	case KW_STRUCT:
	case KW_UNION: ret->type = decl_struct(d, ret); return true;
	case KW_ENUM: ret->type = decl_enum(d, ret); return true;
	case KW_TYPEOF: ret->type = decl_typeof(d); return true;
	default: return false;
	}
	decl_next(d);
	ret->type = t;
	return true;
}

/* Reads what changes no type. False: it is something else, or wrong. */
static bool modifier(struct decl *d, enum decl_keyword keyword, struct specifiers *ret,
		     bool *ret_wrong)
{
	const struct type *t;

	*ret_wrong = false;
	switch (keyword) {
	case KW_TYPEDEF: ret->is_typedef = true; break;
	case KW_STORAGE:
	case KW_QUALIFIER:
	case KW_EXTENSION: break;
	case KW_ATOMIC:
		t = atomic(d);
		ret->type = t ? t : ret->type;
		*ret_wrong = t && t->kind == TYPE_NONE;
		return true;
	case KW_ATTRIBUTE: *ret_wrong = !decl_attributes(d, &ret->attributes); return true;
	case KW_ALIGNAS: *ret_wrong = !decl_alignas(d, &ret->attributes); return true;
	default: return false;
	}
	decl_next(d);
	return true;
}

static bool name_is_type(struct decl *d, struct specifiers *ret, const struct words *w)
{
	if (ret->type || has_words(w) || d->t.kind != PP_NAME || decl_keyword(&d->t) != KW_NONE)
		return false;
	ret->type = find_typedef_anywhere(d, d->t.name);
	return ret->type;
}

static bool conclude(struct decl *d, struct specifiers *ret, const struct words *w,
		     const struct pp_token *first)
{
	if (has_words(w)) {
		const struct type *t = ret->type ? NULL : basic(d, w);

		if (!t)
			return pp_error(d->pp, first, "these words make no type together"), false;
		ret->type = t;
	}
	if (ret->type)
		return true;
	if (d->t.kind == PP_NAME && decl_keyword(&d->t) == KW_NONE)
		return unknown_type(d, ret);
	return decl_expected(d, "a declaration");
}

bool decl_specifiers(struct decl *d, struct specifiers *ret)
{
	struct pp_token first = d->t;
	struct words w = { 0 };
	bool wrong;

	*ret = (struct specifiers){ 0 };
	for (;;) {
		enum decl_keyword keyword = decl_keyword(&d->t);

		if (count(&w, keyword)) {
			decl_next(d);
		} else if (modifier(d, keyword, ret, &wrong)) {
			if (wrong)
				return false;
		} else if (keyword != KW_NONE && !ret->type && whole_type(d, keyword, ret)) {
			if (!ret->type)
				return false;
		} else if (name_is_type(d, ret, &w)) {
			decl_next(d);
		} else {
			break;
		}
	}
	return conclude(d, ret, &w, &first);
}

const struct type *decl_type_name(struct decl *d)
{
	struct specifiers s;
	struct declarator one;

	if (!decl_specifiers(d, &s) || !decl_declarator(d, &s, &one))
		return NULL;
	if (one.name.kind == PP_NAME) {
		pp_error(d->pp, &one.name, "a name cannot stand here");
		return NULL;
	}
	return decl_attribute_type(d, one.type, &one.attributes);
}

/* The text of the strings that follow each other. */
static const char *message(struct decl *d)
{
	const char *text = "";
	uint32_t len, unit;

	for (; d->t.kind == PP_STRING; decl_next(d)) {
		const char *one = expr_string(&d->expr, &d->t, &len, &unit);

		if (pp_charge(d->pp, strlen(text) + len + 16))
			text = arena_printf(d->arena, "%s%.*s", text, (int)len, one);
	}
	return text;
}

bool decl_static_assert(struct decl *d)
{
	struct pp_token at = d->t;
	struct expr_value v;
	const char *text = "";

	decl_next(d);
	if (!decl_expect(d, PP_LPAREN) || !decl_constant(d, &v))
		return false;
	if (decl_accept(d, PP_COMMA))
		text = message(d);
	if (!v.bits)
		pp_error(d->pp, &at, "this assertion does not hold%s%s", *text ? ": " : "", text);
	return decl_expect(d, PP_RPAREN) && decl_expect(d, PP_SEMICOLON);
}
