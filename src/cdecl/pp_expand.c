/*
 * Uses of macros: which are expanded, with what arguments, and what their expansion may not
 * expand again. See pp_priv.h. Needs: pp_subst.c. Called by pp_next().
 *
 * Each token carries the set of macros it came out of (its hide set), and a name is not expanded
 * by a macro of its own set. What a function-like macro gives gets the set that its name and its
 * ')' share, plus the macro: Prosser's algorithm, from which the standard's text was made.
 */
#include "cdecl/pp_priv.h"

/* ---- sets ---- */

bool pp_hidden(const struct pp_hide *set, const struct pp_macro *macro)
{
	for (; set; set = set->next)
		if (set->macro == macro)
			return true;
	return false;
}

static const struct pp_hide *hide_add(struct pp *pp, const struct pp_hide *set,
				      const struct pp_macro *macro)
{
	struct pp_hide *more;

	if (pp_hidden(set, macro) || !pp_charge(pp, sizeof(*more)))
		return set;
	if (set && set->n == PP_MAX_CHAIN) {
		struct pp_token at = { .span = macro->span };

		pp_stop(pp, &at, "macros stand for each other too deeply");
		return set;
	}
	more = arena_new(pp->arena, struct pp_hide);
	*more = (struct pp_hide){ macro, set, set ? set->n + 1 : 1 };
	return more;
}

/* Neighbours mostly come with the same sets. */
static const struct pp_hide *hide_join(struct pp *pp, const struct pp_hide *a,
				       const struct pp_hide *b)
{
	const struct pp_hide *ret = b;

	if (!a || a == b)
		return b;
	if (a == pp->union_a && b == pp->union_b)
		return pp->union_ret;
	for (const struct pp_hide *one = a; one; one = one->next)
		ret = hide_add(pp, ret, one->macro);
	pp->union_a = a;
	pp->union_b = b;
	pp->union_ret = ret;
	return ret;
}

const struct pp_hide *pp_hide_meet(struct pp *pp, const struct pp_hide *a, const struct pp_hide *b)
{
	const struct pp_hide *ret = NULL;

	if (a == b)
		return a;
	for (; a; a = a->next)
		if (pp_hidden(b, a->macro))
			ret = hide_add(pp, ret, a->macro);
	return ret;
}

/* ---- arguments ---- */

/* Reads the next raw token of a call. A header that was included between its parentheses may end
 * there; the text in which the call began may not. */
static bool call_token(struct pp *pp, const struct pp_file *began_in, struct pp_token *t)
{
	for (;;) {
		pp_raw(pp, t);
		if (t->kind == PP_END)
			return false;
		if (t->kind != PP_FILE_END)
			return true;
		if (pp_file(pp) == began_in)
			return false;
		pp_pop_file(pp);
	}
}

struct call {
	struct pp *pp;
	const struct pp_macro *m;
	struct pp_arg *args;
	uint32_t n; /* arguments seen, more than there are parameters perhaps */
	struct pp_token close;
};

static void add_to_arg(struct call *c, const struct pp_token *t)
{
	struct pp_arg *arg = &c->args[MIN(c->n, (uint32_t)MAX(c->m->nparams, 1)) - 1];

	if (c->n > MAX(c->m->nparams, 1))
		return; /* too many, which is reported at the end */
	pp_list_add(c->pp, &arg->raw, t);
}

static bool ends_arg(const struct call *c, const struct pp_token *t)
{
	return t->kind == PP_COMMA && !(c->m->is_variadic && c->n >= c->m->nparams);
}

/* From after the '(' to the ')'. False when it is missing. */
static bool collect(struct call *c)
{
	const struct pp_file *began_in = pp_file(c->pp);
	unsigned depth = 0;
	struct pp_token t;

	c->n = 1;
	while (call_token(c->pp, began_in, &t)) {
		if (t.kind == PP_RPAREN && !depth) {
			c->close = t;
			return true;
		}
		if (ends_arg(c, &t) && !depth) {
			c->n++;
			continue;
		}
		depth += t.kind == PP_LPAREN;
		depth -= t.kind == PP_RPAREN;
		add_to_arg(c, &t);
		if (c->pp->stopped)
			return false;
	}
	return false;
}

static bool right_count(const struct call *c)
{
	uint32_t n = c->n;

	if (c->m->nparams == 0)
		return n == 1 && !c->args[0].raw.n;
	return n == c->m->nparams || (c->m->is_variadic && n + 1 == c->m->nparams);
}

/* f() of a macro f(...) is a call without arguments. */
static bool only_empty(const struct call *c)
{
	return c->m->nparams == 1 && !c->args[0].raw.n;
}

static bool arguments(struct call *c, const struct pp_token *use)
{
	if (!pp_charge(c->pp, sizeof(*c->args) * (c->m->nparams + 1)))
		return false;
	c->args = arena_array(c->pp->arena, struct pp_arg, c->m->nparams + 1u);
	if (!collect(c)) {
		pp_error(c->pp, use, "the ')' that ends the arguments of %s is missing",
			 c->m->name->text);
		return false;
	}
	c->args[MAX(c->m->nparams, 1) - 1].is_given = c->n >= c->m->nparams && !only_empty(c);
	if (right_count(c))
		return true;
	pp_error(c->pp, use, "%s takes %s%u argument%s, got %u", c->m->name->text,
		 c->m->is_variadic ? "at least " : "", c->m->nparams - c->m->is_variadic,
		 c->m->nparams - c->m->is_variadic == 1 ? "" : "s",
		 c->m->nparams || c->args[0].raw.n ? c->n : 0);
	return false;
}

/* ---- uses ---- */

static void finish(struct pp *pp, struct pp_token_list *out, const struct pp_hide *set,
		   const struct pp_macro *m)
{
	set = hide_add(pp, set, m);
	for (uint32_t i = 0; i < out->n; i++)
		out->v[i].hide = hide_join(pp, out->v[i].hide, set);
	pp_push_tokens(pp, out->v, out->n);
}

/* The '(' of a call may stand on a later line, but not in another file. */
static bool begins_call(struct pp *pp)
{
	struct pp_token *t;
	struct pp_token next;

	pp_raw(pp, &next);
	if (next.kind == PP_LPAREN)
		return true;
	if (next.kind == PP_END || next.kind == PP_FILE_END || !pp_charge(pp, sizeof(next)))
		return false;
	t = arena_new(pp->arena, struct pp_token);
	*t = next;
	pp_push_tokens(pp, t, 1);
	return false;
}

static bool expand_call(struct pp *pp, const struct pp_macro *m, const struct pp_token *use)
{
	struct call call = { .pp = pp, .m = m };
	struct pp_token_list out = { 0 };

	if (!begins_call(pp) || !arguments(&call, use))
		return false;
	pp_substitute(pp, m, call.args, use, &out);
	finish(pp, &out, pp_hide_meet(pp, use->hide, call.close.hide), m);
	return true;
}

bool pp_expand(struct pp *pp, struct pp_token *use)
{
	const struct pp_macro *m = use->name->macro;
	struct pp_token_list out = { 0 };
	struct pp_token made;

	if (m->special) {
		if (!pp_special(pp, use, &made) || !pp_list_add(pp, &out, &made))
			return false;
		pp_push_tokens(pp, out.v, out.n);
		return true;
	}
	if (pp_hidden(use->hide, m))
		return false;
	if (m->is_function)
		return expand_call(pp, m, use);
	pp_substitute(pp, m, NULL, use, &out);
	finish(pp, &out, use->hide, m);
	return true;
}
