/*
 * From a macro's body and its arguments to the tokens of its expansion: parameters, #, ##,
 * __VA_OPT__. See pp_priv.h. Needs: the lexer (for what ## makes), pp_expand_list (arguments are
 * expanded before they are put in place). Called by pp_expand.c.
 *
 * An operand of ## that is empty is a PP_NOTHING while substituting, so that `a ## ## b` and its
 * like have something to join; none are left at the end.
 */
#include <ctype.h>

#include "cdecl/pp_priv.h"

struct substitution {
	struct pp *pp;
	const struct pp_macro *m;
	struct pp_arg *args;
	const struct pp_token *use;
	const struct pp_expansion *expansion;
};

struct pp_token pp_made(const struct pp_token *like, enum pp_kind kind, const char *text,
			size_t len)
{
	return (struct pp_token){ .kind = kind,
				  .space = like->space,
				  .newline = like->newline,
				  .len = len,
				  .text = text,
				  .span = like->span,
				  .from = like->from,
				  .hide = like->hide };
}

/* ---- # ---- */

static size_t spelling_room(const struct pp_token_list *list)
{
	size_t room = 3;

	for (uint32_t i = 0; i < list->n; i++)
		room += 2 * (size_t)list->v[i].len + 1;
	return room;
}

static char *add_spelling(char *to, const struct pp_token *t)
{
	bool is_quoted = t->kind == PP_STRING || t->kind == PP_CHAR;

	for (uint32_t i = 0; i < t->len; i++) {
		if (is_quoted && (t->text[i] == '"' || t->text[i] == '\\'))
			*to++ = '\\';
		*to++ = t->text[i];
	}
	return to;
}

static struct pp_token stringize(struct substitution *s, const struct pp_token *hash,
				 const struct pp_token_list *list)
{
	size_t room = spelling_room(list);
	struct pp_token made;
	char *text, *to;

	if (!pp_charge(s->pp, room))
		return pp_made(hash, PP_STRING, "\"\"", 2);
	text = to = arena_alloc(s->pp->arena, room);
	*to++ = '"';
	for (uint32_t i = 0; i < list->n; i++) {
		if (list->v[i].kind == PP_NOTHING)
			continue;
		if (to > text + 1 && (list->v[i].space || list->v[i].newline))
			*to++ = ' ';
		to = add_spelling(to, &list->v[i]);
	}
	*to++ = '"';
	made = pp_made(hash, PP_STRING, text, to - text);
	made.from = s->expansion;
	return made;
}

/* ---- ## ---- */

/* The one token that is all of @text. */
static bool lex_all(struct pp *pp, const char *text, uint32_t len, struct pp_token *ret)
{
	struct pp_cursor c = { .text = text, .end = len };

	pp_lex(pp, &c, ret);
	return c.pos == len && ret->kind != PP_OTHER && !ret->space;
}

static void paste(struct substitution *s, struct pp_token_list *out, const struct pp_token *right)
{
	struct pp_token *left = &out->v[out->n - 1], made;
	char *text;

	if (right->kind == PP_NOTHING)
		return;
	if (left->kind == PP_NOTHING) {
		bool space = left->space;

		*left = *right;
		left->space = space;
		return;
	}
	if (!pp_charge(s->pp, left->len + right->len + 16))
		return;
	text = arena_alloc(s->pp->arena, left->len + right->len + 1);
	memcpy(text, left->text, left->len);
	memcpy(text + left->len, right->text, right->len);
	if (!lex_all(s->pp, text, left->len + right->len, &made)) {
		pp_error(s->pp, left, "pasting '%.*s' and '%.*s' does not make one token",
			 (int)MIN(left->len, 40u), left->text, (int)MIN(right->len, 40u),
			 right->text);
		pp_list_add(s->pp, out, right);
		return;
	}
	made.space = left->space;
	made.newline = left->newline;
	made.span = left->span;
	made.from = left->from;
	made.hide = pp_hide_meet(s->pp, left->hide, right->hide);
	*left = made;
}

/* ---- operands ---- */

static bool substitute(struct substitution *s, uint32_t lo, uint32_t hi, struct pp_token_list *out);

static const struct pp_token_list *expanded(struct substitution *s, struct pp_arg *arg)
{
	if (!arg->is_expanded) {
		arg->is_expanded = true;
		pp_expand_list(s->pp, arg->raw.v, arg->raw.n, &arg->expanded);
	}
	return &arg->expanded;
}

static void add_list(struct substitution *s, const struct pp_token_list *list,
		     const struct pp_token *in_place_of, struct pp_token_list *out)
{
	for (uint32_t i = 0; i < list->n; i++) {
		struct pp_token t = list->v[i];

		if (i == 0)
			t.space = in_place_of->space;
		t.newline = false;
		if (!pp_list_add(s->pp, out, &t))
			return;
	}
}

static void add_nothing(struct substitution *s, const struct pp_token *in_place_of,
			struct pp_token_list *out)
{
	struct pp_token t = pp_made(in_place_of, PP_NOTHING, "", 0);

	pp_list_add(s->pp, out, &t);
}

/* The index of the ')' that closes the '(' at @i, or @hi. */
static uint32_t closing(const struct pp_macro *m, uint32_t i, uint32_t hi)
{
	unsigned depth = 0;

	for (; i < hi; i++) {
		depth += m->body[i].kind == PP_LPAREN;
		depth -= m->body[i].kind == PP_RPAREN;
		if (!depth)
			return i;
	}
	return hi;
}

/* __VA_OPT__(x) from its name at @i to past its ')': x when there are variable arguments. */
static uint32_t va_opt(struct substitution *s, uint32_t i, uint32_t hi, struct pp_token_list *out)
{
	struct pp_arg *rest = s->m->is_variadic ? &s->args[s->m->nparams - 1] : NULL;
	const struct pp_token *at = &s->m->body[i];
	uint32_t end = i + 1 < hi && at[1].kind == PP_LPAREN ? closing(s->m, i + 1, hi) : hi;

	if (!rest || end == hi) {
		pp_error(s->pp, at, "__VA_OPT__ wants a variadic macro and parentheses");
		return i + 1;
	}
	if (expanded(s, rest)->n) {
		uint32_t first = out->n;

		substitute(s, i + 2, end, out);
		if (out->n > first)
			out->v[first].space = at->space;
	}
	return end + 1;
}

static uint32_t hash_operand(struct substitution *s, uint32_t i, uint32_t hi,
			     struct pp_token_list *out)
{
	const struct pp_token *hash = &s->m->body[i], *param = hash + 1;
	struct pp_token_list list = { 0 };
	struct pp_token made;
	uint32_t next = i + 2;

	if (param->param)
		list = s->args[param->param - 1].raw;
	else
		next = va_opt(s, i + 1, hi, &list);
	made = stringize(s, hash, &list);
	pp_list_add(s->pp, out, &made);
	return next;
}

/* Appends what stands at @i and returns what follows it. @raw: it is an operand of ##. */
static uint32_t operand(struct substitution *s, uint32_t i, uint32_t hi, bool raw,
			struct pp_token_list *out)
{
	const struct pp_token *at = &s->m->body[i];
	uint32_t before = out->n, next = i + 1;

	if (at->kind == PP_HASH && s->m->is_function) {
		next = hash_operand(s, i, hi, out);
	} else if (at->param) {
		struct pp_arg *arg = &s->args[at->param - 1];

		add_list(s, raw ? &arg->raw : expanded(s, arg), at, out);
	} else if (at->kind == PP_NAME && at->name == s->pp->va_opt && s->m->is_function) {
		next = va_opt(s, i, hi, out);
	} else {
		struct pp_token t = *at;

		t.from = s->expansion;
		t.newline = false;
		pp_list_add(s->pp, out, &t);
	}
	if (out->n == before && raw)
		add_nothing(s, at, out);
	return next;
}

static bool is_va_param(const struct substitution *s, const struct pp_token *t)
{
	return s->m->is_variadic && t->param == s->m->nparams;
}

/* GNU's ", ## args": the comma goes when they are left out, and nothing is pasted when they are
 * not. True when that was done. */
static bool comma_args(struct substitution *s, const struct pp_token *right,
		       struct pp_token_list *out)
{
	struct pp_arg *rest;

	if (out->v[out->n - 1].kind != PP_COMMA || !is_va_param(s, right))
		return false;
	rest = &s->args[right->param - 1];
	if (!rest->is_given)
		out->n--;
	add_list(s, &rest->raw, right, out);
	return true;
}

static uint32_t paste_operand(struct substitution *s, uint32_t i, uint32_t hi,
			      struct pp_token_list *out)
{
	struct pp_token_list right = { 0 };
	uint32_t next;

	if (!out->n)
		add_nothing(s, &s->m->body[i], out);
	if (comma_args(s, &s->m->body[i], out))
		return i + 1;
	next = operand(s, i, hi, true, &right);
	if (right.n)
		paste(s, out, &right.v[0]);
	for (uint32_t k = 1; k < right.n; k++)
		pp_list_add(s->pp, out, &right.v[k]);
	return next;
}

static bool is_paste(const struct substitution *s, uint32_t i, uint32_t hi)
{
	return i < hi && s->m->body[i].kind == PP_PASTE;
}

/* What follows the operand at @i: for __VA_OPT__ and # that is not the next token. */
static uint32_t operand_end(const struct substitution *s, uint32_t i, uint32_t hi)
{
	if (s->m->body[i].kind == PP_HASH && s->m->is_function)
		i++;
	if (i + 1 < hi && s->m->body[i].name == s->pp->va_opt && s->m->is_function &&
	    s->m->body[i + 1].kind == PP_LPAREN)
		return MIN(closing(s->m, i + 1, hi) + 1, hi);
	return i + 1;
}

static bool substitute(struct substitution *s, uint32_t lo, uint32_t hi, struct pp_token_list *out)
{
	for (uint32_t i = lo; i < hi && !s->pp->stopped;) {
		if (is_paste(s, i, hi) && i + 1 < hi && i > lo)
			i = paste_operand(s, i + 1, hi, out);
		else
			i = operand(s, i, hi, is_paste(s, operand_end(s, i, hi), hi), out);
	}
	return !s->pp->stopped;
}

static void drop_nothings(struct pp_token_list *out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < out->n; i++)
		if (out->v[i].kind != PP_NOTHING)
			out->v[n++] = out->v[i];
	out->n = n;
}

void pp_substitute(struct pp *pp, const struct pp_macro *m, struct pp_arg *args,
		   const struct pp_token *use, struct pp_token_list *out)
{
	struct pp_expansion *e;
	struct substitution s = { .pp = pp, .m = m, .args = args, .use = use };

	if (!pp_charge(pp, sizeof(*e)))
		return;
	e = arena_new(pp->arena, struct pp_expansion);
	*e = (struct pp_expansion){ .macro = m, .at = use->span, .outer = use->from };
	s.expansion = e;
	substitute(&s, 0, m->nbody, out);
	drop_nothings(out);
	if (out->n) {
		out->v[0].space = use->space;
		out->v[0].newline = use->newline;
	}
}
