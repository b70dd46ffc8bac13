/*
 * The face of the C reader: where a script's C part is, and what its names stand for. See cdecl.h.
 * Needs: the preprocessor, the declarations. Called by the language, and by cmd/ for --include.
 */
#include "cdecl/cdecl.h"

#include <errno.h>

#include "cdecl/decl_priv.h"
#include "cdecl/pp_priv.h"

struct cdecl {
	struct arena *arena;
	struct types *types;
	struct diags *diags;
	struct pp_options pp_options;
	struct pp *pp;
	struct decl *decl;
	struct table constants; /* struct cdecl_constant, those that were asked for */
};

struct cdecl *cdecl_new(struct types *types, struct sources *sources, struct diags *diags,
			const struct cdecl_options *opt)
{
	struct cdecl *c = arena_new(types->arena, struct cdecl);

	c->arena = types->arena;
	c->types = types;
	c->diags = diags;
	c->pp_options = (struct pp_options){
		.arch = opt->arch,
		.include_dirs = opt->include_dirs,
		.ninclude_dirs = opt->ninclude_dirs,
		.defines = opt->defines,
		.ndefines = opt->ndefines,
		.no_files = opt->no_files,
	};
	c->pp = pp_new(sources, diags, &c->pp_options);
	c->decl = decl_new(c->pp, types, opt->arch, opt->want_kernel, opt->ctx);
	return c;
}

static int parse(struct cdecl *c, unsigned errors_before)
{
	c->constants = (struct table){ 0 };
	decl_parse(c->decl);
	return c->diags->errors > errors_before ? -EINVAL : 0;
}

int cdecl_parse(struct cdecl *c, const struct source *src, struct span text)
{
	unsigned errors = c->diags->errors;

	pp_push(c->pp, src, text);
	return parse(c, errors);
}

int cdecl_header(struct cdecl *c, const char *path, struct span at)
{
	unsigned errors = c->diags->errors;

	pp_push_header(c->pp, path, at);
	return parse(c, errors);
}

/* ---- the extent ---- */

static void skip_directive(struct cdecl *c, struct pp_cursor *cursor)
{
	uint32_t len;

	cursor->in_directive = true;
	pp_lex_rest(c->pp, cursor, &len);
	cursor->in_directive = false;
}

/* The next token that is part of no directive. */
static void next(struct cdecl *c, struct pp_cursor *cursor, struct pp_token *t)
{
	for (pp_lex(c->pp, cursor, t); t->kind == PP_HASH && t->newline; pp_lex(c->pp, cursor, t))
		skip_directive(c, cursor);
}

static bool begins_item(const struct pp_token *t)
{
	static const char *const words[] = { "struct",  "union",         "enum",
					     "typedef", "static",        "extern",
					     "const",   "__extension__", "_Static_assert" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (t->kind == PP_NAME && pp_is(t, words[i]))
			return true;
	return false;
}

static int step(const struct pp_token *t)
{
	switch (t->kind) {
	case PP_LBRACE:
	case PP_LPAREN:
	case PP_LBRACKET: return 1;
	case PP_RBRACE:
	case PP_RPAREN:
	case PP_RBRACKET: return -1;
	default: return 0;
	}
}

/* After "struct x { .. }": does a declarator follow, or a probe? */
static bool declarator_follows(struct cdecl *c, struct pp_cursor cursor)
{
	struct pp_token t;

	next(c, &cursor, &t);
	if (t.kind == PP_STAR || t.kind == PP_SEMICOLON)
		return true;
	if (t.kind != PP_NAME)
		return false;
	if (pp_is(&t, "__attribute__"))
		return true;
	next(c, &cursor, &t);
	return t.kind == PP_SEMICOLON || t.kind == PP_COMMA || t.kind == PP_LBRACKET ||
	       t.kind == PP_ASSIGN || (t.kind == PP_NAME && pp_is(&t, "__attribute__"));
}

/* From the first word of a definition to past its end. */
static void skip_item(struct cdecl *c, struct pp_cursor *cursor, const struct pp_token *first)
{
	bool is_typedef = pp_is(first, "typedef"), closed = false;
	struct pp_token t;
	int depth = 0;

	for (next(c, cursor, &t); t.kind != PP_END; next(c, cursor, &t)) {
		depth += step(&t);
		if (depth > 0)
			continue;
		if (t.kind == PP_SEMICOLON)
			return;
		closed |= t.kind == PP_RBRACE;
		/* a body, or the attributes behind it */
		if (closed && !is_typedef && (t.kind == PP_RBRACE || t.kind == PP_RPAREN) &&
		    !declarator_follows(c, *cursor))
			return;
	}
}

struct span cdecl_extent(struct cdecl *c, const struct source *src)
{
	struct pp_cursor cursor = {
		.text = src->text, .end = src->len, .line_start = true, .quiet = true
	};
	const char *newline;
	struct pp_token t;
	uint32_t lo, hi;

	if (src->len >= 3 && !memcmp(src->text, "\xef\xbb\xbf", 3))
		cursor.pos = 3;
	if (src->len - cursor.pos >= 2 && !memcmp(src->text + cursor.pos, "#!", 2)) {
		newline = memchr(src->text, '\n', src->len);
		cursor.pos = newline ? (uint32_t)(newline - src->text) : src->len;
	}
	lo = hi = cursor.pos;
	for (;;) {
		pp_lex(c->pp, &cursor, &t);
		if (t.kind == PP_HASH && t.newline)
			skip_directive(c, &cursor);
		else if (begins_item(&t))
			skip_item(c, &cursor, &t);
		else
			return (struct span){ src->base + lo, src->base + hi };
		hi = cursor.pos;
	}
}

/* ---- constants ---- */

static const char *joined(struct cdecl *c, const struct pp_token_list *list, uint32_t *ret_len)
{
	size_t room = 1;
	char *text, *to;

	for (uint32_t i = 0; i < list->n; i++)
		room += list->v[i].len + 1;
	pp_charge(c->pp, room);
	text = to = arena_alloc(c->arena, room);
	for (uint32_t i = 0; i < list->n; i++) {
		if (i && list->v[i].space)
			*to++ = ' ';
		to = mempcpy(to, list->v[i].text, list->v[i].len);
	}
	*ret_len = to - text;
	return text;
}

static bool is_string(const struct pp_token_list *list)
{
	for (uint32_t i = 0; i < list->n; i++)
		if (list->v[i].kind != PP_STRING || list->v[i].text[0] != '"')
			return false;
	return list->n > 0;
}

/* String literals that follow each other are one. */
static const char *string(struct cdecl *c, const struct pp_token_list *list, uint32_t *ret_len)
{
	uint32_t len = 0, one, unit;
	size_t room = 1;
	char *text;

	for (uint32_t i = 0; i < list->n; i++)
		room += list->v[i].len;
	pp_charge(c->pp, room);
	text = arena_alloc(c->arena, room);
	for (uint32_t i = 0; i < list->n; i++) {
		const char *s = expr_string(&c->decl->expr, &list->v[i], &one, &unit);

		memcpy(text + len, s, one);
		len += one;
	}
	*ret_len = len;
	return text;
}

/* The macro is used as if its name stood alone in a text. */
static void evaluate_macro(struct cdecl *c, struct pp_name *name, struct cdecl_constant *ret)
{
	struct pp_token use = { .kind = PP_NAME,
				.text = name->text,
				.len = name->len,
				.name = name,
				.span = name->macro->span };
	struct pp_token_list out = { 0 };

	ret->span = name->macro->span;
	pp_expand_list(c->pp, &use, 1, &out);
	ret->text = joined(c, &out, &ret->length);
	if (is_string(&out)) {
		ret->kind = CDECL_STRING;
		ret->text = string(c, &out, &ret->length);
	} else if (decl_evaluate(c->decl, &out, &ret->value, &ret->type)) {
		ret->kind = CDECL_INTEGER;
	}
}

/* What is wrong with a macro is said to nobody: most are not meant for a script. */
static void evaluate(struct cdecl *c, struct pp_name *name, struct cdecl_constant *ret)
{
	uint32_t errors = c->pp->errors;
	struct diags unread;

	diags_init(&unread, c->arena, c->pp->sources);
	c->pp->diags = &unread;
	evaluate_macro(c, name, ret);
	c->pp->diags = c->diags;
	c->pp->errors = errors;
}

static bool is_constant_macro(const struct cdecl *c, const struct pp_name *name)
{
	return name->macro && !name->macro->is_function && !pp_is_predefined(c->pp, name->macro);
}

static bool find(struct cdecl *c, const char *name, struct cdecl_constant *ret)
{
	struct pp_name *n = table_get(pp_names(c->pp), name);
	const struct decl_symbol *symbol = decl_find(c->decl, name);

	*ret = (struct cdecl_constant){ .kind = CDECL_TEXT };
	if (n && is_constant_macro(c, n)) {
		evaluate(c, n, ret);
		return true;
	}
	if (!symbol || symbol->kind != DECL_ENUMERATOR)
		return false;
	*ret = (struct cdecl_constant){ .kind = CDECL_INTEGER,
					.value = symbol->value,
					.type = symbol->type,
					.text = name,
					.length = strlen(name),
					.span = symbol->span };
	return true;
}

const struct cdecl_constant *cdecl_constant(struct cdecl *c, const char *name)
{
	struct cdecl_constant *known = table_get(&c->constants, name), found;

	if (known || !find(c, name, &found))
		return known;
	known = arena_new(c->arena, struct cdecl_constant);
	*known = found;
	table_put(c->arena, &c->constants, arena_strdup(c->arena, name), known);
	return known;
}

const char *const *cdecl_constants(struct cdecl *c, uint32_t *ret_n)
{
	const struct table *names = pp_names(c->pp);
	VEC(const char *) list = { 0 };

	for (uint32_t i = 0; i < names->cap; i++) {
		const struct pp_name *name = names->entries[i].value;

		if (name && is_constant_macro(c, name))
			vec_push(c->arena, &list, name->text);
	}
	*ret_n = list.n;
	return list.v;
}
