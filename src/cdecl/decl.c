/*
 * The parser of C declarations: its cursor, its names, its way back after an error, and what
 * stands outside of any braces. See decl.h. Needs: decl_*.c for the parts. Called by cdecl.c.
 */
#include "cdecl/decl_priv.h"

static const struct {
	const char *spelling;
	uint8_t keyword;
} keywords[] = {
#define KEYWORD(id, spelling) { spelling, KW_##id },
#include "cdecl/keyword.def"
#undef KEYWORD
};

/* ---- the cursor ---- */

enum decl_keyword decl_keyword(const struct pp_token *t)
{
	return t->kind == PP_NAME ? (enum decl_keyword)t->name->keyword : KW_NONE;
}

/* Pragmas may stand anywhere and are obeyed as they come by. */
static void fetch(struct decl *d, struct pp_token *t)
{
	for (pp_next(d->pp, t); t->kind == PP_PRAGMA; pp_next(d->pp, t))
		decl_pragma(d, t);
}

/* The end is shown behind the last token. */
void decl_next(struct decl *d)
{
	struct pp_token before = d->t;

	if (d->has_ahead)
		d->t = d->ahead;
	else
		fetch(d, &d->t);
	d->has_ahead = false;
	if (d->t.kind == PP_END && before.kind != PP_END) {
		struct span place = pp_place(&before);

		d->t.span = place.hi ? (struct span){ place.hi - 1, place.hi } : place;
	} else if (d->t.kind == PP_END) {
		d->t.span = before.span;
	}
}

const struct pp_token *decl_peek(struct decl *d)
{
	if (!d->has_ahead)
		fetch(d, &d->ahead);
	d->has_ahead = true;
	return &d->ahead;
}

bool decl_accept(struct decl *d, enum pp_kind kind)
{
	if (d->t.kind != kind)
		return false;
	decl_next(d);
	return true;
}

bool decl_expected(struct decl *d, const char *what)
{
	if (d->t.kind == PP_END)
		pp_error(d->pp, &d->t, "expected %s, got the end of the C definitions", what);
	else
		pp_error(d->pp, &d->t, "expected %s, got '%.*s'", what, (int)MIN(d->t.len, 40u),
			 d->t.text);
	return false;
}

bool decl_expect(struct decl *d, enum pp_kind kind)
{
	char quoted[8] = "'";

	if (decl_accept(d, kind))
		return true;
	strcat(strcat(quoted, pp_punct(kind)), "'");
	return decl_expected(d, quoted);
}

bool decl_enter(struct decl *d)
{
	if (d->depth < DECL_MAX_DEPTH) {
		d->depth++;
		return true;
	}
	pp_error(d->pp, &d->t, "a declaration is nested more than %d levels deep", DECL_MAX_DEPTH);
	return false;
}

void decl_leave(struct decl *d)
{
	d->depth--;
}

static int bracket_step(enum pp_kind kind)
{
	switch (kind) {
	case PP_LPAREN:
	case PP_LBRACKET:
	case PP_LBRACE: return 1;
	case PP_RPAREN:
	case PP_RBRACKET:
	case PP_RBRACE: return -1;
	default: return 0;
	}
}

void decl_skip_balanced(struct decl *d)
{
	int depth = 0;

	do {
		depth += bracket_step(d->t.kind);
		decl_next(d);
	} while (depth > 0 && d->t.kind != PP_END);
}

/* ---- names ---- */

void decl_hint_first(struct decl *d, struct span first)
{
	const char *where = pp_where(d->pp, first);

	if (where)
		diag_hint(pp_diags(d->pp), "the first definition is at %s", where);
}

static bool same_meaning(const struct decl_symbol *a, const struct decl_symbol *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == DECL_ENUMERATOR)
		return a->value == b->value;
	return a->kind == DECL_OBJECT || type_equal(a->type, b->type);
}

bool decl_declare(struct decl *d, const struct pp_token *name, struct decl_symbol symbol)
{
	struct decl_symbol *old = table_get(&d->symbols, name->name->text), *s;

	symbol.span = pp_place(name);
	if (old && same_meaning(old, &symbol))
		return true;
	if (old) {
		if (pp_error(d->pp, name, "%s is declared again, differently", name->name->text))
			decl_hint_first(d, old->span);
		return false;
	}
	if (!pp_charge(d->pp, sizeof(*s) + 4 * sizeof(struct table_entry)))
		return false;
	s = arena_new(d->arena, struct decl_symbol);
	*s = symbol;
	table_put(d->arena, &d->symbols, name->name->text, s);
	return true;
}

const struct decl_symbol *decl_find(const struct decl *d, const char *name)
{
	return table_get(&d->symbols, name);
}

/* ---- outside of braces ---- */

/* Skips past the ';' or '}' that ends what could not be read. */
static void sync(struct decl *d)
{
	int depth = 0;

	for (; d->t.kind != PP_END; decl_next(d)) {
		enum decl_keyword keyword = decl_keyword(&d->t);

		if (!depth && d->t.newline &&
		    (keyword == KW_STRUCT || keyword == KW_UNION || keyword == KW_ENUM ||
		     keyword == KW_TYPEDEF))
			return;
		if (depth <= 0 && d->t.kind == PP_SEMICOLON)
			break;
		depth += bracket_step(d->t.kind);
		if (depth <= 0 && d->t.kind == PP_RBRACE) {
			decl_next(d);
			decl_accept(d, PP_SEMICOLON);
			return;
		}
	}
	decl_accept(d, PP_SEMICOLON);
}

/* "= x" up to the ',' or ';' behind it. */
static void skip_initializer(struct decl *d)
{
	while (d->t.kind != PP_COMMA && d->t.kind != PP_SEMICOLON && d->t.kind != PP_END) {
		if (bracket_step(d->t.kind) > 0)
			decl_skip_balanced(d);
		else
			decl_next(d);
	}
}

/* What a typedef's name stands for. A tag is the better name, since it says struct or union; an
 * anonymous struct takes the first name that it gets, as it does in BTF. */
static const struct type *named_type(struct decl *d, const struct type *t, const char *name,
				     uint32_t align)
{
	bool has_tag = t->kind == TYPE_STRUCT || t->kind == TYPE_UNION || t->kind == TYPE_ENUM;
	struct type *named;

	if (has_tag && !t->name) {
		named = (struct type *)t; /* made by decl_struct or decl_enum */
		named->name = name;
		named->is_typedef = true;
	}
	if ((has_tag || t->kind == TYPE_VOID) && !align)
		return t;
	pp_charge(d->pp, sizeof(*named));
	named = type_copy(d->types, t);
	if (!has_tag)
		named->name = name;
	if (align)
		named->align = align;
	return named;
}

static void declare_typedef(struct decl *d, struct declarator *one)
{
	const char *name = one->name.name->text;
	const struct type *t = named_type(d, decl_attribute_type(d, one->type, &one->attributes),
					  name, one->attributes.last_align);

	if (decl_declare(d, &one->name, (struct decl_symbol){ .kind = DECL_TYPEDEF, .type = t }) &&
	    !table_get(&d->types->named, name))
		table_put(d->types->arena, &d->types->named, name, (void *)t);
}

/* Returns false when the declaration ends here: after a body, or an error. */
static bool one_declarator(struct decl *d, const struct specifiers *s, bool first, bool *ret_ok)
{
	struct declarator one;

	*ret_ok = decl_declarator(d, s, &one);
	if (!*ret_ok)
		return false;
	if (one.name.kind != PP_NAME) {
		*ret_ok = decl_expected(d, "a name");
		return false;
	}
	if (s->is_typedef)
		declare_typedef(d, &one);
	else
		decl_declare(d, &one.name,
			     (struct decl_symbol){ .kind = DECL_OBJECT, .type = one.type });
	if (one.is_function && first && d->t.kind == PP_LBRACE) {
		decl_skip_balanced(d);
		return false;
	}
	if (d->t.kind == PP_ASSIGN)
		skip_initializer(d);
	return true;
}

/* "struct x { .. }" may do without its ';' where something else must begin. */
static bool ends_without_semicolon(const struct decl *d, const struct specifiers *s)
{
	switch (decl_keyword(&d->t)) {
	case KW_STRUCT:
	case KW_UNION:
	case KW_ENUM:
	case KW_TYPEDEF: return s->has_body && !s->is_typedef;
	default: return s->has_body && !s->is_typedef && d->t.kind == PP_END;
	}
}

static bool declaration(struct decl *d)
{
	struct specifiers s;
	bool first = true, ok;

	if (!decl_specifiers(d, &s))
		return false;
	if (ends_without_semicolon(d, &s) || decl_accept(d, PP_SEMICOLON))
		return true;
	do {
		if (!one_declarator(d, &s, first, &ok))
			return ok;
		first = false;
	} while (decl_accept(d, PP_COMMA));
	return decl_expect(d, PP_SEMICOLON);
}

/* asm("..") outside of functions. */
static bool top_asm(struct decl *d)
{
	decl_next(d);
	while (decl_keyword(&d->t) == KW_QUALIFIER)
		decl_next(d);
	if (d->t.kind != PP_LPAREN)
		return decl_expected(d, "'('");
	decl_skip_balanced(d);
	return decl_expect(d, PP_SEMICOLON);
}

static bool external(struct decl *d)
{
	switch (decl_keyword(&d->t)) {
	case KW_ASM: return top_asm(d);
	case KW_STATIC_ASSERT: return decl_static_assert(d);
	default: return decl_accept(d, PP_SEMICOLON) || declaration(d);
	}
}

void decl_parse(struct decl *d)
{
	d->has_ahead = false;
	d->t = (struct pp_token){ 0 };
	decl_next(d);
	while (d->t.kind != PP_END) {
		d->depth = 0;
		d->expr.failed = false;
		if (!external(d))
			sync(d);
	}
}

struct decl *decl_new(struct pp *pp, struct types *types, enum arch arch,
		      void (*want_kernel)(void *ctx), void *ctx)
{
	struct decl *d = arena_new(types->arena, struct decl);

	d->pp = pp;
	d->types = types;
	d->arena = types->arena;
	d->arch = arch;
	d->want_kernel = want_kernel;
	d->ctx = ctx;
	for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
		pp_name(pp, keywords[i].spelling, strlen(keywords[i].spelling))->keyword =
			keywords[i].keyword;
	decl_expr_init(d);
	return d;
}
