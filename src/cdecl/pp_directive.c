/*
 * Directives and the groups of lines that conditions skip. See pp_priv.h.
 * Needs: macros, conditions, includes. Called by pp_raw() for each '#' that begins a line.
 */
#include "cdecl/pp_priv.h"

struct directive {
	const char *name;
	void (*obey)(struct pp *pp, struct pp_file *f, const struct pp_token *at);
	bool in_skipped; /* obeyed in groups that are skipped too: it may end them */
};

/* The position of the line's end, from where reading goes on. */
static void skip_line(struct pp *pp, struct pp_cursor *c)
{
	uint32_t len;
	bool quiet = c->quiet;

	c->quiet = true;
	pp_lex_rest(pp, c, &len);
	c->quiet = quiet;
}

void pp_rest(struct pp *pp, struct pp_cursor *c, struct pp_token_list *out)
{
	struct pp_token t;

	for (pp_lex(pp, c, &t); t.kind != PP_NEWLINE; pp_lex(pp, c, &t))
		if (!pp_list_add(pp, out, &t))
			return;
}

/* ---- conditions ---- */

/* Groups are read when their condition holds and the group around them is read. */
static void open_group(struct pp *pp, struct pp_file *f, const struct pp_token *at,
		       bool (*holds)(struct pp *, struct pp_cursor *, const struct pp_token *))
{
	struct pp_cond cond = { .span = at->span, .parent_skips = f->cursor.quiet };

	if (!pp_charge(pp, 2 * sizeof(cond)))
		return;
	if (!cond.parent_skips)
		cond.taken = holds(pp, &f->cursor, at);
	f->cursor.quiet = cond.parent_skips || !cond.taken;
	vec_push(pp->arena, &f->conds, cond);
}

static bool is_defined(struct pp *pp, struct pp_cursor *c, const struct pp_token *at)
{
	struct pp_token t;
	struct pp_name *name = pp_macro_name(pp, c, &t);

	(void)at;
	return name && name->macro;
}

static bool is_undefined(struct pp *pp, struct pp_cursor *c, const struct pp_token *at)
{
	struct pp_token t;
	struct pp_name *name = pp_macro_name(pp, c, &t);

	(void)at;
	return name && !name->macro;
}

static void if_(struct pp *pp, struct pp_file *f, const struct pp_token *at)
{
	open_group(pp, f, at, pp_if);
}

static void ifdef(struct pp *pp, struct pp_file *f, const struct pp_token *at)
{
	open_group(pp, f, at, is_defined);
}

static void ifndef(struct pp *pp, struct pp_file *f, const struct pp_token *at)
{
	open_group(pp, f, at, is_undefined);
}

/* The innermost open condition for #else, #elif and #endif. */
static struct pp_cond *open_cond(struct pp *pp, struct pp_file *f, const struct pp_token *at)
{
	if (f->conds.n)
		return &f->conds.v[f->conds.n - 1];
	pp_error(pp, at, "#%.*s without #if", (int)at->len, at->text);
	return NULL;
}

static void next_group(struct pp *pp, struct pp_file *f, const struct pp_token *at,
		       bool (*holds)(struct pp *, struct pp_cursor *, const struct pp_token *))
{
	struct pp_cond *cond = open_cond(pp, f, at);

	if (!cond)
		return;
	if (cond->seen_else)
		pp_error(pp, at, "#%.*s after #else", (int)at->len, at->text);
	f->cursor.quiet = false; /* the condition's names count */
	if (cond->parent_skips || cond->taken || cond->seen_else) {
		f->cursor.quiet = true;
		return;
	}
	cond->taken = holds(pp, &f->cursor, at);
	f->cursor.quiet = !cond->taken;
}

static void elif (struct pp *pp, struct pp_file *f, const struct pp_token *at)
{
	next_group(pp, f, at, pp_if);
}

static void elifdef(struct pp *pp, struct pp_file *f, const struct pp_token *at)
{
	next_group(pp, f, at, is_defined);
}

static void elifndef(struct pp *pp, struct pp_file *f, const struct pp_token *at)
{
	next_group(pp, f, at, is_undefined);
}

static void else_(struct pp *pp, struct pp_file *f, const struct pp_token *at)
{
	struct pp_cond *cond = open_cond(pp, f, at);

	if (!cond)
		return;
	if (cond->seen_else)
		pp_error(pp, at, "#else after #else");
	f->cursor.quiet = cond->parent_skips || cond->taken || cond->seen_else;
	cond->taken = cond->seen_else = true;
}

static void endif(struct pp *pp, struct pp_file *f, const struct pp_token *at)
{
	struct pp_cond *cond = open_cond(pp, f, at);

	if (!cond)
		return;
	f->cursor.quiet = cond->parent_skips;
	f->conds.n--;
}

/* ---- the others ---- */

static void define(struct pp *pp, struct pp_file *f, const struct pp_token *at)
{
	(void)at;
	pp_define(pp, &f->cursor);
}

static void undef(struct pp *pp, struct pp_file *f, const struct pp_token *at)
{
	(void)at;
	pp_undef(pp, &f->cursor);
}

static void include(struct pp *pp, struct pp_file *f, const struct pp_token *at)
{
	pp_include(pp, f, at);
}

static void error(struct pp *pp, struct pp_file *f, const struct pp_token *at)
{
	uint32_t len;
	const char *text = pp_lex_rest(pp, &f->cursor, &len);

	pp_error(pp, at, "#error %.*s", (int)MIN(len, 500u), text);
}

static void warning(struct pp *pp, struct pp_file *f, const struct pp_token *at)
{
	uint32_t len;
	const char *text = pp_lex_rest(pp, &f->cursor, &len);

	pp_warning(pp, at, "#warning %.*s", (int)MIN(len, 500u), text);
}

/* #line 7 "x", and "# 7 "x" 3" as another preprocessor leaves behind. */
static void set_line(struct pp *pp, struct pp_file *f, const struct pp_token *at,
		     const struct pp_token *v, uint32_t n)
{
	uint64_t line = 0;

	if (!n || v[0].kind != PP_NUMBER) {
		pp_error(pp, at, "#line wants a number");
		return;
	}
	for (uint32_t i = 0; i < v[0].len; i++) {
		if (v[0].text[i] < '0' || v[0].text[i] > '9' || line > INT32_MAX) {
			pp_error(pp, &v[0], "#line wants a decimal number");
			return;
		}
		line = line * 10 + (uint64_t)(v[0].text[i] - '0');
	}
	f->line_shift = (int64_t)line - sources_place(pp->sources, at->span.lo).line - 1;
	if (n > 1 && v[1].kind == PP_STRING && v[1].len >= 2 && pp_charge(pp, v[1].len))
		f->shown_name = arena_strndup(pp->arena, v[1].text + 1, v[1].len - 2);
}

static void line(struct pp *pp, struct pp_file *f, const struct pp_token *at)
{
	struct pp_token_list raw = { 0 }, out = { 0 };

	pp_rest(pp, &f->cursor, &raw);
	pp_expand_list(pp, raw.v, raw.n, &out);
	set_line(pp, f, at, out.v, out.n);
}

static bool begins(const char *text, uint32_t len, const char *word)
{
	return len >= strlen(word) && memcmp(text, word, strlen(word)) == 0;
}

/* What a parser may want to see is handed on as a token. */
static void pragma(struct pp *pp, struct pp_file *f, const struct pp_token *at)
{
	struct pp_token *t;
	uint32_t len;
	const char *text = pp_lex_rest(pp, &f->cursor, &len);

	if (begins(text, len, "once")) {
		if (f->header)
			f->header->once = true;
		return;
	}
	if (!pp_charge(pp, sizeof(*t)))
		return;
	t = arena_new(pp->arena, struct pp_token);
	*t = pp_made(at, PP_PRAGMA, text, len);
	t->newline = true;
	if (begins(text, len, "push_macro") || begins(text, len, "pop_macro"))
		pp_pragma_macro(pp, t);
	else
		pp_push_tokens(pp, t, 1);
}

static void ignored(struct pp *pp, struct pp_file *f, const struct pp_token *at)
{
	(void)pp;
	(void)f;
	(void)at;
}

static const struct directive directives[] = {
	{ "define", define, false },   { "include", include, false },
	{ "ifdef", ifdef, true },      { "ifndef", ifndef, true },
	{ "if", if_, true },           { "endif", endif, true },
	{ "else", else_, true },       { "elif", elif, true },
	{ "undef", undef, false },     { "error", error, false },
	{ "pragma", pragma, false },   { "include_next", include, false },
	{ "warning", warning, false }, { "line", line, false },
	{ "elifdef", elifdef, true },  { "elifndef", elifndef, true },
	{ "ident", ignored, false },   { "sccs", ignored, false },
	{ "assert", ignored, false },  { "unassert", ignored, false },
};

static const struct directive *find(const struct pp_token *t)
{
	for (size_t i = 0; i < ARRAY_LEN(directives); i++)
		if (t->kind == PP_NAME && pp_is(t, directives[i].name))
			return &directives[i];
	return NULL;
}

static void unknown(struct pp *pp, struct pp_file *f, const struct pp_token *t)
{
	const char *names[ARRAY_LEN(directives)];
	struct pp_token_list rest = { 0 };

	if (t->kind == PP_NEWLINE)
		return;
	if (t->kind == PP_NUMBER) {
		pp_list_add(pp, &rest, t);
		pp_rest(pp, &f->cursor, &rest);
		set_line(pp, f, t, rest.v, rest.n);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(directives); i++)
		names[i] = directives[i].name;
	if (pp_error(pp, t, "unknown directive #%.*s", (int)MIN(t->len, 40u), t->text))
		diag_hint_nearest(pp->diags, arena_strndup(pp->arena, t->text, MIN(t->len, 40u)),
				  names, ARRAY_LEN(directives));
}

/* After #else, #endif and names nothing should follow; what does is not looked at. */
void pp_directive(struct pp *pp, struct pp_file *f, const struct pp_token *hash)
{
	const struct directive *d;
	struct pp_token t;

	(void)hash;
	f->cursor.in_directive = true;
	pp_lex(pp, &f->cursor, &t);
	d = find(&t);
	if (d && (d->in_skipped || !f->cursor.quiet))
		d->obey(pp, f, &t);
	else if (!d && !f->cursor.quiet)
		unknown(pp, f, &t);
	skip_line(pp, &f->cursor);
	f->cursor.in_directive = false;
}
