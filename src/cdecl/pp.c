/*
 * The preprocessor's inputs, its names, its bounds and its errors. See pp.h.
 *
 * What is read next is a stack: the text at the bottom, on it the headers that are open, on those
 * the expansions that are being rescanned. Needs: the other pp_*.c. Called by decl*.c and tests.
 */
#include "cdecl/pp_priv.h"

#include <stdio.h>

/* ---- bounds ---- */

void pp_stop(struct pp *pp, const struct pp_token *t, const char *why)
{
	if (pp->stopped)
		return;
	pp->stopped = true;
	diag_error(pp->diags, pp_place(t), "%s", why);
}

bool pp_stopped(const struct pp *pp)
{
	return pp->stopped;
}

bool pp_charge(struct pp *pp, size_t bytes)
{
	struct pp_token nowhere = { 0 };

	if (bytes <= pp->memory_left) {
		pp->memory_left -= bytes;
		return true;
	}
	pp_stop(pp, &nowhere, "the C definitions of this script and its headers are too large");
	return false;
}

/* A list that doubles leaves its old half behind in the arena. */
bool pp_list_add(struct pp *pp, struct pp_token_list *list, const struct pp_token *t)
{
	if (pp->stopped || !pp_charge(pp, 2 * sizeof(*t)))
		return false;
	vec_push(pp->arena, list, *t);
	return true;
}

/* ---- names ---- */

struct pp_name *pp_name(struct pp *pp, const char *text, size_t len)
{
	struct pp_name *name = table_getn(&pp->names, text, len);

	if (name)
		return name;
	pp_charge(pp, sizeof(*name) + 4 * sizeof(struct table_entry) + len);
	name = arena_new(pp->arena, struct pp_name);
	name->text = arena_strndup(pp->arena, text, len);
	name->len = strlen(name->text);
	table_put(pp->arena, &pp->names, name->text, name);
	return name;
}

const struct table *pp_names(const struct pp *pp)
{
	return &pp->names;
}

bool pp_is(const struct pp_token *t, const char *text)
{
	return strlen(text) == t->len && memcmp(t->text, text, t->len) == 0;
}

/* ---- errors ---- */

struct span pp_place(const struct pp_token *t)
{
	const struct pp_expansion *from = t->from;

	if (!from)
		return t->span;
	while (from->outer)
		from = from->outer;
	return from->at;
}

const char *pp_where(struct pp *pp, struct span at)
{
	struct place place = sources_place(pp->sources, at.lo);

	if (!at.lo || !place.source)
		return NULL;
	return arena_printf(pp->arena, "%s:%u:%u", place.source->name, place.line, place.column);
}

struct diags *pp_diags(struct pp *pp)
{
	return pp->diags;
}

static const struct pp_header *header_at(const struct pp *pp, struct span at)
{
	const struct source *src = sources_place(pp->sources, at.lo).source;

	for (uint32_t i = 0; src && i < pp->header_list.n; i++)
		if (pp->header_list.v[i]->src == src)
			return pp->header_list.v[i];
	return NULL;
}

static void hint_chain(struct pp *pp, const struct pp_token *t)
{
	enum { MAX_SHOWN = 8 };
	unsigned shown = 0;
	struct span at = pp_place(t);

	for (const struct pp_expansion *e = t->from; e && shown < MAX_SHOWN; e = e->outer) {
		const char *where = pp_where(pp, e->macro->span);

		diag_hint(pp->diags, "expanded from %s, %s%s", e->macro->name->text,
			  where ? "defined at " : "a predefined macro", where ? where : "");
		shown++;
	}
	for (; shown < MAX_SHOWN; shown++) {
		const struct pp_header *header = header_at(pp, at);
		const char *where = header ? pp_where(pp, header->included_at) : NULL;

		if (!where)
			return;
		diag_hint(pp->diags, "included from %s", where);
		at = header->included_at;
	}
}

bool pp_in_system(const struct pp *pp, const struct pp_token *t)
{
	const struct pp_header *header = header_at(pp, pp_place(t));

	return header && header->is_system;
}

bool pp_error(struct pp *pp, const struct pp_token *t, const char *fmt, ...)
{
	unsigned before = pp->diags->errors;
	const char *text;
	va_list args;

	if (pp->stopped)
		return false;
	if (++pp->errors > PP_MAX_ERRORS) {
		pp_stop(pp, t, "too many errors; the rest of the C definitions was not read");
		return false;
	}
	va_start(args, fmt);
	text = arena_vprintf(pp->arena, fmt, args);
	va_end(args);
	diag_error(pp->diags, pp_place(t), "%s", text);
	if (pp->diags->errors == before)
		return false;
	hint_chain(pp, t);
	return true;
}

void pp_warning(struct pp *pp, const struct pp_token *t, const char *fmt, ...)
{
	unsigned before = pp->diags->warnings;
	const char *text;
	va_list args;

	if (pp->stopped || before >= PP_MAX_ERRORS)
		return;
	va_start(args, fmt);
	text = arena_vprintf(pp->arena, fmt, args);
	va_end(args);
	diag_warning(pp->diags, pp_place(t), "%s", text);
	if (pp->diags->warnings > before)
		hint_chain(pp, t);
}

/* ---- inputs ---- */

static struct pp_input *push(struct pp *pp)
{
	struct pp_input *in = pp->spare;

	if (in)
		pp->spare = in->below;
	else
		in = arena_new(pp->arena, struct pp_input);
	*in = (struct pp_input){ .below = pp->top };
	pp->top = in;
	return in;
}

static void pop(struct pp *pp)
{
	struct pp_input *in = pp->top;

	pp->top = in->below;
	in->below = pp->spare;
	pp->spare = in;
}

/* An expansion that ends with a macro's name is done with before that one's begins, so that a
 * chain of them takes no room. */
void pp_push_tokens(struct pp *pp, const struct pp_token *v, uint32_t n)
{
	struct pp_input *in;

	while (pp->top && !pp->top->file && !pp->top->isolated && pp->top->i == pp->top->n)
		pop(pp);
	in = push(pp);
	in->v = v;
	in->n = n;
}

void pp_isolate(struct pp *pp, const struct pp_token *v, uint32_t n)
{
	struct pp_input *in = push(pp);

	in->v = v;
	in->n = n;
	in->isolated = true;
}

void pp_end_isolation(struct pp *pp)
{
	while (!pp->top->isolated)
		pop(pp);
	pop(pp);
}

struct pp_file *pp_push_file(struct pp *pp, const struct source *src, struct span text)
{
	struct pp_file *f = arena_new(pp->arena, struct pp_file);

	pp_charge(pp, sizeof(*f));
	f->src = src;
	f->cursor = (struct pp_cursor){ .text = src->text,
					.pos = text.lo - src->base,
					.end = text.hi - src->base,
					.base = src->base,
					.line_start = true };
	if (f->cursor.end - f->cursor.pos > pp->bytes_left) {
		struct pp_token at = { .span = { text.lo, text.lo + 1 } };

		pp_stop(pp, &at, "too much text is included");
		f->cursor.pos = f->cursor.end;
	}
	pp->bytes_left -= f->cursor.end - f->cursor.pos;
	push(pp)->file = f;
	pp->include_depth++;
	return f;
}

void pp_push(struct pp *pp, const struct source *src, struct span text)
{
	pp_push_file(pp, src, text);
}

static void report_open_conditions(struct pp *pp, const struct pp_file *f)
{
	for (uint32_t i = 0; i < f->conds.n; i++) {
		struct pp_token t = { .span = f->conds.v[i].span };

		pp_error(pp, &t, "this condition has no #endif");
	}
}

void pp_pop_file(struct pp *pp)
{
	struct pp_file *f = pp_file(pp);

	while (!pp->top->file)
		pop(pp);
	pop(pp);
	pp->include_depth--;
	report_open_conditions(pp, f);
}

struct pp_file *pp_file(const struct pp *pp)
{
	for (struct pp_input *in = pp->top; in; in = in->below)
		if (in->file)
			return in->file;
	return NULL;
}

/* ---- the stream ---- */

/* False after a directive, which may have put something else on top. */
static bool file_token(struct pp *pp, struct pp_file *f, struct pp_token *ret)
{
	pp_lex(pp, &f->cursor, ret);
	if (ret->kind == PP_HASH && ret->newline) {
		pp_directive(pp, f, ret);
		return false;
	}
	if (ret->kind == PP_END) {
		ret->kind = PP_FILE_END;
		return true;
	}
	return !f->cursor.quiet;
}

void pp_raw(struct pp *pp, struct pp_token *ret)
{
	while (!pp->stopped && pp->top) {
		struct pp_input *in = pp->top;

		if (in->file) {
			if (file_token(pp, in->file, ret))
				return;
		} else if (in->i < in->n) {
			*ret = in->v[in->i++];
			return;
		} else if (in->isolated) {
			break;
		} else {
			pop(pp);
		}
	}
	*ret = (struct pp_token){ .kind = PP_END, .text = "" };
}

/* _Pragma("x") is #pragma x. */
static void pragma_operator(struct pp *pp, struct pp_token *t)
{
	struct pp_token open, text, close;
	char *copy;
	uint32_t n = 0;

	pp_raw(pp, &open);
	pp_raw(pp, &text);
	pp_raw(pp, &close);
	if (open.kind != PP_LPAREN || text.kind != PP_STRING || close.kind != PP_RPAREN) {
		pp_error(pp, t, "_Pragma takes one string in parentheses");
		return;
	}
	copy = arena_alloc(pp->arena, text.len + 1);
	pp_charge(pp, text.len + 16);
	for (const char *s = memchr(text.text, '"', text.len) + 1; s < text.text + text.len - 1;
	     s++) {
		if (*s == '\\' && (s[1] == '"' || s[1] == '\\'))
			s++;
		copy[n++] = *s;
	}
	*t = pp_made(t, PP_PRAGMA, copy, n);
}

/* A quote that is not closed is one only where the program would have to make sense of it. */
static void report_open_quote(struct pp *pp, const struct pp_token *t)
{
	if (t->len && memchr(t->text, '"', t->len))
		pp_error(pp, t, "unterminated string");
	else if (t->len && memchr(t->text, '\'', t->len))
		pp_error(pp, t, "unterminated character");
}

void pp_next(struct pp *pp, struct pp_token *ret)
{
	for (;;) {
		pp_raw(pp, ret);
		switch (ret->kind) {
		case PP_FILE_END: pp_pop_file(pp); continue;
		case PP_OTHER: report_open_quote(pp, ret); return;
		case PP_NAME: break;
		default: return;
		}
		if (ret->name == pp->pragma) {
			pragma_operator(pp, ret);
			return;
		}
		if (!ret->name->macro || !pp_expand(pp, ret))
			return;
	}
}

void pp_expand_list(struct pp *pp, const struct pp_token *v, uint32_t n, struct pp_token_list *out)
{
	struct pp_token t;

	if (pp->call_depth == PP_MAX_CALL_DEPTH) {
		pp_stop(pp, n ? &v[0] : &(struct pp_token){ 0 },
			"macro calls are nested too deeply");
		return;
	}
	pp->call_depth++;
	pp_isolate(pp, v, n);
	for (pp_next(pp, &t); t.kind != PP_END; pp_next(pp, &t))
		pp_list_add(pp, out, &t);
	pp_end_isolation(pp);
	pp->call_depth--;
}

/* ---- beginning ---- */

static const struct source *run_text(struct pp *pp, const char *name, const char *text)
{
	const struct source *src = sources_add(pp->sources, name, text, strlen(text));
	struct pp_token t;

	if (!src)
		return NULL;
	pp_push_file(pp, src, (struct span){ src->base, src->base + src->len });
	do
		pp_next(pp, &t);
	while (t.kind != PP_END);
	return src;
}

bool pp_is_predefined(const struct pp *pp, const struct pp_macro *m)
{
	const struct source *src = pp->predefined;

	return m->special || (src && m->span.lo >= src->base && m->span.lo < src->base + src->len);
}

/* -D's "NAME" is "NAME=1". */
static void define_options(struct pp *pp)
{
	for (uint32_t i = 0; i < pp->opt->ndefines; i++) {
		const char *def = pp->opt->defines[i], *equals = strchr(def, '=');
		int len = equals ? (int)(equals - def) : (int)strlen(def);

		run_text(pp, "-D",
			 arena_printf(pp->arena, "#define %.*s %s\n", len, def,
				      equals ? equals + 1 : "1"));
	}
}

struct pp *pp_new(struct sources *sources, struct diags *diags, const struct pp_options *opt)
{
	struct pp *pp = arena_new(sources->arena, struct pp);

	*pp = (struct pp){ .arena = sources->arena,
			   .sources = sources,
			   .diags = diags,
			   .opt = opt,
			   .memory_left = PP_MAX_MEMORY,
			   .bytes_left = PP_MAX_BYTES };
	pp->va_args = pp_name(pp, "__VA_ARGS__", 11);
	pp->va_opt = pp_name(pp, "__VA_OPT__", 10);
	pp->defined = pp_name(pp, "defined", 7);
	pp->pragma = pp_name(pp, "_Pragma", 7);
	pp_define_specials(pp);
	pp->predefined = run_text(pp, "<predefined>", pp_predefined(pp->arena, opt->arch));
	define_options(pp);
	return pp;
}
