/*
 * Checking statements. Needs and callers: see check.c.
 */
#include "lang/check.h"

enum { UNROLL_MAX = 100 };

/* What nothing comes after. */
static bool leaves(const struct node *n)
{
	const struct node *e = n->kind == NODE_DISCARD ? node_kid(n, 0) : NULL;

	if (e && e->kind == NODE_CALL && e->name)
		return streq(e->name, "exit");
	return n->kind == NODE_RETURN || n->kind == NODE_BREAK || n->kind == NODE_CONTINUE;
}

void check_block(struct check *c, struct node *block)
{
	struct scope scope = { .outer = c->scope };

	c->scope = &scope;
	for (uint32_t i = 0; i < block->kids.n; i++) {
		if (i && leaves(block->kids.v[i - 1]))
			diag_warning(c->diags, block->kids.v[i]->span, "Unreachable code");
		check_statement(c, block->kids.v[i]);
	}
	c->scope = scope.outer;
}

static void check_if(struct check *c, struct node *n)
{
	check_condition(c, node_kid(n, 0));
	check_statement(c, node_kid(n, 1));
	if (node_kid(n, 2))
		check_statement(c, node_kid(n, 2));
}

static void check_while(struct check *c, struct node *n)
{
	check_condition(c, node_kid(n, 0));
	c->breakable++;
	check_statement(c, node_kid(n, 1));
	c->breakable--;
}

static void check_unroll(struct check *c, struct node *n)
{
	struct node *count = node_kid(n, 0);
	int64_t times;

	check_value(c, count);
	if (!node_constant(count, &times))
		diag_error(c->diags, count->span,
			   "unroll needs a number that is known before the script runs");
	else if (times < 1)
		diag_error(c->diags, count->span, "unroll minimum value is 1");
	else if (times > UNROLL_MAX)
		diag_error(c->diags, count->span, "unroll maximum value is %d", UNROLL_MAX);
	c->breakable++;
	check_statement(c, node_kid(n, 1));
	c->breakable--;
}

/* The body of a for loop, with its variable of @type. */
static void check_loop_body(struct check *c, struct node *n, struct node *variable,
			    const struct type *type, struct node *body)
{
	struct scope scope = { .outer = c->scope };
	struct loop *loop = n->bound;

	if (!loop)
		n->bound = loop = arena_new(c->s->arena, struct loop);
	loop->outer = c->loop;
	loop->depth = (c->loop ? c->loop->depth : 0) + 1;
	c->scope = &scope;
	c->loop = loop;
	c->breakable++;
	loop->variable = check_variable_begin(c, variable);
	if (!type_is_none(type))
		variable->type = loop->variable->type = type;
	check_statement(c, body);
	c->breakable--;
	c->loop = loop->outer;
	c->scope = scope.outer;
}

/* $kv is (key, value); an aggregation's value is its integer. */
static const struct type *entry_type(struct check *c, struct script_map *m, struct node *at)
{
	const struct type *members[2] = { m->key, m->value };

	if (!m->key || !m->value)
		return type_none(c->s->types);
	if (type_folds(m->value)) {
		members[1] = type_folded(c->s->types, m->value);
	} else if (type_is_aggregate(m->value)) {
		diag_error(c->diags, at->span, "cannot loop over %s: %s values cannot be copied",
			   m->name, type_name(c->s->types, m->value));
		return type_none(c->s->types);
	}
	return type_tuple(c->s->types, members, 2);
}

static void check_for_map(struct check *c, struct node *n)
{
	struct script_map *m = check_map_whole(c, node_kid(n, 1), true);
	const struct feature_row *row = &feature_rows[FEATURE_FOR_EACH_MAP];

	if (!target_has(c->s->env->target, FEATURE_FOR_EACH_MAP)) {
		diag_error(c->diags, n->span, "a loop over a map needs Linux 5.13 (%s)", row->name);
		diag_hint(c->diags, "print the map instead, or loop over a range of keys");
	}
	check_loop_body(c, n, node_kid(n, 0), entry_type(c, m, node_kid(n, 1)), node_kid(n, 2));
}

static void check_range_end(struct check *c, struct node *n)
{
	const struct type *t = check_value(c, n);

	if (!type_is_none(t) && !type_is_int(t))
		diag_error(c->diags, n->span, "a range needs integers, not %s",
			   type_name(c->s->types, t));
}

static void check_for_range(struct check *c, struct node *n)
{
	check_range_end(c, node_kid(n, 1));
	check_range_end(c, node_kid(n, 2));
	check_loop_body(c, n, node_kid(n, 0), type_int(c->s->types, 8, true), node_kid(n, 3));
}

static bool is_step(const struct node *n)
{
	return (n->kind == NODE_POSTFIX || n->kind == NODE_UNARY) &&
	       (n->op == TOKEN_INC || n->op == TOKEN_DEC);
}

static void check_discard(struct check *c, struct node *n)
{
	struct node *e = node_kid(n, 0);

	if (type_is_aggregate(check_expr(c, e)) && e->kind != NODE_MAP)
		check_value(c, e);
	if (is_step(e)) {
		e->flag = false;
		return;
	}
	e->flag = e->kind == NODE_CALL && !n->flag; /* nobody will notice if it fails */
	if (n->flag || e->kind == NODE_CALL || e->kind == NODE_IF || e->kind == NODE_BLOCK_VALUE ||
	    e->kind == NODE_TERNARY)
		return;
	diag_warning(c->diags, e->span, "the value of this expression is not used");
	diag_hint(c->diags, "write _ = ... if that is what is wanted");
}

static void check_return(struct check *c, struct node *n)
{
	if (node_kid(n, 0))
		check_value(c, node_kid(n, 0));
}

static void check_leave_loop(struct check *c, struct node *n)
{
	if (!c->breakable)
		diag_error(c->diags, n->span, "%s statement outside of a loop",
			   n->kind == NODE_BREAK ? "break" : "continue");
}

void check_statement(struct check *c, struct node *n)
{
	switch (n->kind) {
	case NODE_BLOCK: check_block(c, n); break;
	case NODE_DISCARD: check_discard(c, n); break;
	case NODE_ASSIGN: check_assign(c, n); break;
	case NODE_LET: check_let(c, n); break;
	case NODE_IF: check_if(c, n); break;
	case NODE_WHILE: check_while(c, n); break;
	case NODE_UNROLL: check_unroll(c, n); break;
	case NODE_FOR_MAP: check_for_map(c, n); break;
	case NODE_FOR_RANGE: check_for_range(c, n); break;
	case NODE_RETURN: check_return(c, n); break;
	case NODE_BREAK:
	case NODE_CONTINUE: check_leave_loop(c, n); break;
	default: check_expr(c, n); break;
	}
}
