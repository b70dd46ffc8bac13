/*
 * Macros: #define, #undef, those that code makes, and push_macro. See pp_priv.h.
 * Needs: the lexer. Called by the directives and by pp_new().
 */
#include <stdio.h>

#include "cdecl/pp_priv.h"

enum { MAX_PARAMS = 1000 };

/* A definition being read. */
struct definition {
	struct pp *pp;
	struct pp_cursor *c;
	struct pp_macro *m;
	VEC(struct pp_name *) params;
	struct pp_token t; /* the token that is looked at */
};

static void advance(struct definition *d)
{
	pp_lex(d->pp, d->c, &d->t);
}

struct pp_name *pp_macro_name(struct pp *pp, struct pp_cursor *c, struct pp_token *ret)
{
	pp_lex(pp, c, ret);
	if (ret->kind != PP_NAME)
		pp_error(pp, ret, "expected the name of a macro");
	else if (ret->name == pp->defined || ret->name == pp->va_args || ret->name == pp->va_opt)
		pp_error(pp, ret, "'%s' cannot be a macro", ret->name->text);
	else
		return ret->name;
	return NULL;
}

/* ---- #define ---- */

static uint16_t param_index(const struct definition *d, const struct pp_token *t)
{
	for (uint32_t i = 0; t->kind == PP_NAME && i < d->params.n; i++)
		if (d->params.v[i] == t->name)
			return i + 1;
	return 0;
}

/* One of "x", "x..." and "...". */
static bool param(struct definition *d)
{
	struct pp *pp = d->pp;
	struct pp_name *name = d->t.name;

	if (d->t.kind == PP_ELLIPSIS)
		name = (struct pp_name *)pp->va_args;
	else if (d->t.kind != PP_NAME || name == pp->va_args || name == pp->va_opt)
		return pp_error(pp, &d->t, "expected the name of a parameter"), false;
	if (param_index(d, &(struct pp_token){ .kind = PP_NAME, .name = name }))
		return pp_error(pp, &d->t, "the parameter %s is named twice", name->text), false;
	if (d->params.n == MAX_PARAMS || !pp_charge(pp, 2 * sizeof(name)))
		return pp_error(pp, &d->t, "a macro has at most %d parameters", MAX_PARAMS), false;
	vec_push(pp->arena, &d->params, name);
	d->m->is_variadic = d->t.kind == PP_ELLIPSIS;
	advance(d);
	if (d->t.kind == PP_ELLIPSIS && !d->m->is_variadic) {
		d->m->is_variadic = true;
		advance(d);
	}
	return true;
}

/* From the '(' that stands directly behind the name to past the ')'. */
static bool params(struct definition *d)
{
	d->m->is_function = true;
	advance(d);
	while (d->t.kind != PP_RPAREN) {
		if (!param(d))
			return false;
		if (d->t.kind == PP_COMMA && !d->m->is_variadic) {
			advance(d);
			if (d->t.kind != PP_RPAREN)
				continue;
		} else if (d->t.kind == PP_RPAREN) {
			break;
		}
		pp_error(d->pp, &d->t, "expected ',' or ')' in the parameters of this macro");
		return false;
	}
	d->m->params = d->params.v;
	d->m->nparams = d->params.n;
	advance(d);
	return true;
}

static bool check_body(struct definition *d)
{
	const struct pp_macro *m = d->m;

	if (!m->nbody)
		return true;
	if (m->body[0].kind == PP_PASTE || m->body[m->nbody - 1].kind == PP_PASTE)
		return pp_error(d->pp, &m->body[0], "'##' cannot begin or end a macro"), false;
	for (uint32_t i = 0; m->is_function && i < m->nbody; i++) {
		const struct pp_token *next = i + 1 < m->nbody ? &m->body[i + 1] : NULL;

		if (m->body[i].kind != PP_HASH)
			continue;
		if (!next || (!next->param && next->name != d->pp->va_opt))
			return pp_error(d->pp, &m->body[i], "'#' is not followed by a parameter"),
			       false;
	}
	return true;
}

static bool body(struct definition *d)
{
	struct pp_token_list list = { 0 };

	for (; d->t.kind != PP_NEWLINE; advance(d)) {
		d->t.param = param_index(d, &d->t);
		if (!pp_list_add(d->pp, &list, &d->t))
			return false;
	}
	if (list.n)
		list.v[0].space = false;
	d->m->body = list.v;
	d->m->nbody = list.n;
	return check_body(d);
}

static bool same_token(const struct pp_token *a, const struct pp_token *b)
{
	return a->kind == b->kind && a->space == b->space && a->param == b->param &&
	       a->len == b->len && !memcmp(a->text, b->text, a->len);
}

static bool same_macro(const struct pp_macro *a, const struct pp_macro *b)
{
	if (a->special || a->is_function != b->is_function || a->is_variadic != b->is_variadic ||
	    a->nparams != b->nparams || a->nbody != b->nbody)
		return false;
	for (uint16_t i = 0; i < a->nparams; i++)
		if (a->params[i] != b->params[i])
			return false;
	for (uint32_t i = 0; i < a->nbody; i++)
		if (!same_token(&a->body[i], &b->body[i]))
			return false;
	return true;
}

static void warn_redefined(struct pp *pp, const struct pp_token *at, const struct pp_macro *old)
{
	const char *where = pp_where(pp, old->span);

	if (pp_in_system(pp, at))
		return;
	pp_warning(pp, at, "%s is defined again, differently", old->name->text);
	if (where)
		diag_hint(pp->diags, "the first definition is at %s", where);
}

void pp_define(struct pp *pp, struct pp_cursor *c)
{
	struct definition d = { .pp = pp, .c = c };
	struct pp_token at;
	struct pp_name *name = pp_macro_name(pp, c, &at);

	if (!name || !pp_charge(pp, sizeof(*d.m)))
		return;
	d.m = arena_new(pp->arena, struct pp_macro);
	d.m->name = name;
	d.m->span = at.span;
	advance(&d);
	if (d.t.kind == PP_LPAREN && !d.t.space && !params(&d))
		return;
	if (!body(&d))
		return;
	if (name->macro && !same_macro(name->macro, d.m))
		warn_redefined(pp, &at, name->macro);
	name->macro = d.m;
}

void pp_undef(struct pp *pp, struct pp_cursor *c)
{
	struct pp_token at;
	struct pp_name *name = pp_macro_name(pp, c, &at);

	if (name)
		name->macro = NULL;
}

/* ---- made by code ---- */

static const struct {
	const char *name;
	uint8_t special;
} specials[] = {
	{ "__FILE__", PP_SPECIAL_FILE },
	{ "__FILE_NAME__", PP_SPECIAL_FILE_NAME },
	{ "__BASE_FILE__", PP_SPECIAL_BASE_FILE },
	{ "__LINE__", PP_SPECIAL_LINE },
	{ "__COUNTER__", PP_SPECIAL_COUNTER },
	{ "__INCLUDE_LEVEL__", PP_SPECIAL_INCLUDE_LEVEL },
	{ "__DATE__", PP_SPECIAL_DATE },
	{ "__TIME__", PP_SPECIAL_TIME },
	{ "__TIMESTAMP__", PP_SPECIAL_TIMESTAMP },
	{ "__has_include", PP_SPECIAL_HAS_INCLUDE },
	{ "__has_include_next", PP_SPECIAL_HAS_INCLUDE_NEXT },
	{ "__has_attribute", PP_SPECIAL_HAS_ATTRIBUTE },
	{ "__has_c_attribute", PP_SPECIAL_HAS_C_ATTRIBUTE },
	{ "__has_builtin", PP_SPECIAL_HAS_BUILTIN },
};

void pp_define_specials(struct pp *pp)
{
	for (size_t i = 0; i < ARRAY_LEN(specials); i++) {
		struct pp_name *name = pp_name(pp, specials[i].name, strlen(specials[i].name));
		struct pp_macro *m = arena_new(pp->arena, struct pp_macro);

		m->name = name;
		m->special = specials[i].special;
		name->macro = m;
	}
}

static struct pp_token make_string(struct pp *pp, const struct pp_token *use, const char *text)
{
	char *quoted = arena_alloc(pp->arena, 2 * strlen(text) + 3), *to = quoted;

	pp_charge(pp, 2 * strlen(text) + 16);
	*to++ = '"';
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			*to++ = '\\';
		*to++ = *text;
	}
	*to++ = '"';
	return pp_made(use, PP_STRING, quoted, to - quoted);
}

static struct pp_token make_number(struct pp *pp, const struct pp_token *use, int64_t n)
{
	const char *text = arena_printf(pp->arena, "%lld", (long long)n);

	pp_charge(pp, 32);
	return pp_made(use, PP_NUMBER, text, strlen(text));
}

static const char *file_name(const struct pp *pp, bool base)
{
	const struct pp_file *f = pp_file(pp);

	for (struct pp_input *in = pp->top; base && in; in = in->below)
		if (in->file)
			f = in->file;
	if (!f)
		return "";
	return f->shown_name && !base ? f->shown_name : f->src->name;
}

static int64_t line(const struct pp *pp, const struct pp_token *use)
{
	const struct pp_file *f = pp_file(pp);

	return sources_place(pp->sources, pp_place(use).lo).line + (f ? f->line_shift : 0);
}

/* The clock is not asked: what gcc says when it does not know the time. */
bool pp_special(struct pp *pp, const struct pp_token *use, struct pp_token *ret)
{
	const char *name;

	switch (use->name->macro->special) {
	case PP_SPECIAL_FILE: *ret = make_string(pp, use, file_name(pp, false)); break;
	case PP_SPECIAL_BASE_FILE: *ret = make_string(pp, use, file_name(pp, true)); break;
	case PP_SPECIAL_FILE_NAME:
		name = file_name(pp, false);
		*ret = make_string(pp, use, strrchr(name, '/') ? strrchr(name, '/') + 1 : name);
		break;
	case PP_SPECIAL_LINE: *ret = make_number(pp, use, line(pp, use)); break;
	case PP_SPECIAL_COUNTER: *ret = make_number(pp, use, pp->counter++); break;
	case PP_SPECIAL_INCLUDE_LEVEL:
		*ret = make_number(pp, use, (int64_t)pp->include_depth - 1);
		break;
	case PP_SPECIAL_DATE: *ret = make_string(pp, use, "??? ?? ????"); break;
	case PP_SPECIAL_TIME: *ret = make_string(pp, use, "??:??:??"); break;
	case PP_SPECIAL_TIMESTAMP: *ret = make_string(pp, use, "??? ??? ?? ??:??:?? ????"); break;
	default: return false;
	}
	return true;
}

/* ---- push_macro, pop_macro ---- */

struct pp_pushed {
	const struct pp_macro *macro;
	struct pp_pushed *below;
};

void pp_pragma_macro(struct pp *pp, const struct pp_token *pragma)
{
	bool push = pragma->len > 10 && !memcmp(pragma->text, "push_macro", 10);
	bool is_pop = pragma->len > 9 && !memcmp(pragma->text, "pop_macro", 9);
	const char *end = pragma->text + pragma->len;
	const char *open = push || is_pop ? memchr(pragma->text, '"', pragma->len) : NULL;
	const char *close = open ? memchr(open + 1, '"', end - open - 1) : NULL;
	struct pp_pushed *top;
	struct pp_name *name;

	if (!close || !pp_charge(pp, sizeof(*top)))
		return;
	name = pp_name(pp, open + 1, close - open - 1);
	top = table_get(&pp->pushed, name->text);
	if (push) {
		struct pp_pushed *one = arena_new(pp->arena, struct pp_pushed);

		*one = (struct pp_pushed){ name->macro, top };
		table_put(pp->arena, &pp->pushed, name->text, one);
	} else if (top) {
		name->macro = top->macro;
		table_put(pp->arena, &pp->pushed, name->text, top->below);
	}
}
