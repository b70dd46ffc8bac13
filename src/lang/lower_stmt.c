/*
 * Lowering statements and variables. Needs and callers: see lower_expr.c.
 */
#include "lang/builtin.h"

/* ---- variables ---- */

void variable_begin(struct lower *l, struct variable *v, bool zero)
{
	v->word = NULL;
	v->base = NULL;
	if (type_is_word(v->type)) {
		v->word = ir_var_new(l->f, v->name);
		if (zero)
			ir_var_set(l->f, v->word, word_const(l, 0));
		return;
	}
	v->base = held_slot(l, v->type->size);
	if (zero)
		zero_bytes(l, v->base, 0, v->type->size);
}

struct value variable_read(struct lower *l, const struct node *n)
{
	const struct variable *v = n->bound;

	if (v->word)
		return value_of_word(v->type, ir_var_get(l->f, v->word));
	return value_direct(v->type, v->base, 0);
}

void variable_store(struct lower *l, struct variable *v, struct value from)
{
	if (v->word)
		ir_var_set(l->f, v->word, word_resize(l, value_word(l, from), v->type));
	else
		value_store(l, from, (struct dest){ v->base, 0, v->type, true });
}

static void variable_set(struct lower *l, struct variable *v, const struct node *value, bool begin)
{
	if (type_is_word(v->type)) {
		struct ir_value *word = lower_word(l, value);

		if (begin)
			variable_begin(l, v, false);
		ir_var_set(l->f, v->word, word_resize(l, word, v->type));
	} else if (begin) {
		variable_begin(l, v, false);
		lower_into(l, value, (struct dest){ v->base, 0, v->type, true });
	} else {
		/* the value may read what the variable holds */
		variable_store(l, v, lower_value(l, value));
	}
}

static void variable_change(struct lower *l, const struct node *n)
{
	struct variable *v = node_kid(n, 0)->bound;
	struct ir_value *by = lower_word(l, node_kid(n, 1)), *word;

	word = lower_arithmetic(l, token_binary(n->op), v->type, ir_var_get(l->f, v->word), by, n);
	ir_var_set(l->f, v->word, word_resize(l, word, v->type));
}

/* ---- assignments ---- */

static void lower_aggregate(struct lower *l, const struct node *map, const struct node *call)
{
	const struct builtin *b = call->bound;
	struct ir_block *full = block_new(l, "full");

	b->update(l, (struct node *)call, map, full);
	map_full(l, map, full);
}

static void lower_assign(struct lower *l, const struct node *n)
{
	const struct node *target = node_kid(n, 0), *value = node_kid(n, 1);
	const struct builtin *b = value->kind == NODE_CALL ? value->bound : NULL;

	if (target->kind == NODE_VARIABLE) {
		if (n->op == TOKEN_ASSIGN)
			variable_set(l, target->bound, value, target->flag);
		else
			variable_change(l, n);
	} else if (b && b->flags & BUILTIN_AGGREGATE) {
		lower_aggregate(l, target, value);
	} else if (n->op == TOKEN_ASSIGN) {
		map_write(l, target, value);
	} else {
		map_change(l, n);
	}
}

static void lower_let(struct lower *l, const struct node *n)
{
	struct variable *v = node_kid(n, 0)->bound;

	if (type_is_none(v->type))
		return; /* never assigned, so never read */
	if (node_kid(n, 2))
		variable_set(l, v, node_kid(n, 2), true);
	else
		variable_begin(l, v, true);
}

/* ---- blocks ---- */

void lower_block(struct lower *l, const struct node *block)
{
	uint32_t mark = l->held.n;

	for (uint32_t i = 0; i < block->kids.n && !ir_ended(l->f); i++)
		lower_statement(l, block->kids.v[i]);
	held_release(l, mark);
}

/* Variables of the block stay until the block around ends: the value may lie in one. */
struct value lower_block_value(struct lower *l, const struct node *n)
{
	const struct node *last;

	if (n->kind != NODE_BLOCK && n->kind != NODE_BLOCK_VALUE)
		return lower_value(l, n);
	if (!n->kids.n)
		return value_nothing();
	for (uint32_t i = 0; i + 1 < n->kids.n && !ir_ended(l->f); i++)
		lower_statement(l, n->kids.v[i]);
	last = n->kids.v[n->kids.n - 1];
	if (n->kind == NODE_BLOCK_VALUE)
		return lower_value(l, last);
	if (last->kind == NODE_DISCARD)
		return lower_value(l, node_kid(last, 0));
	lower_statement(l, last);
	return value_nothing();
}

/* ---- control ---- */

static void lower_if(struct lower *l, const struct node *n)
{
	struct ir_block *then = block_new(l, "then"), *done = block_new(l, "endif");
	struct ir_block *otherwise = node_kid(n, 2) ? block_new(l, "else") : done;

	lower_branch(l, node_kid(n, 0), then, otherwise);
	block_start(l, then);
	lower_statement(l, node_kid(n, 1));
	if (node_kid(n, 2)) {
		ir_jump(l->f, done);
		block_start(l, otherwise);
		lower_statement(l, node_kid(n, 2));
	}
	block_start(l, done);
}

static void lower_while(struct lower *l, const struct node *n)
{
	struct ir_block *head = block_new(l, "while"), *body = block_new(l, "do"),
			*done = block_new(l, "endwhile");
	struct ir_block *next = l->next, *end = l->end;

	ir_block_start(l->f, head);
	lower_branch(l, node_kid(n, 0), body, done);
	block_start(l, body);
	l->next = head;
	l->end = done;
	lower_statement(l, node_kid(n, 1));
	ir_jump(l->f, head);
	ir_block_seal(l->f, head);
	l->next = next;
	l->end = end;
	block_start(l, done);
}

static void lower_unroll(struct lower *l, const struct node *n)
{
	struct ir_block *next = l->next, *end = l->end, *done = block_new(l, "unrolled");
	int64_t times = 0;

	node_constant(node_kid(n, 0), &times);
	l->end = done;
	for (int64_t i = 0; i < times && !ir_ended(l->f); i++) {
		l->next = block_new(l, "unroll");
		lower_statement(l, node_kid(n, 1));
		block_start(l, l->next);
	}
	l->next = next;
	l->end = end;
	block_start(l, done);
}

static void lower_return(struct lower *l, const struct node *n)
{
	if (node_kid(n, 0))
		lower_discard(l, node_kid(n, 0));
	l->leaves = true;
	ir_jump(l->f, l->leave);
}

/* ---- all of them ---- */

static void lower_kind(struct lower *l, const struct node *n)
{
	switch (n->kind) {
	case NODE_BLOCK: lower_block(l, n); break;
	case NODE_DISCARD: lower_discard(l, node_kid(n, 0)); break;
	case NODE_ASSIGN: lower_assign(l, n); break;
	case NODE_LET: lower_let(l, n); break;
	case NODE_IF: lower_if(l, n); break;
	case NODE_WHILE: lower_while(l, n); break;
	case NODE_UNROLL: lower_unroll(l, n); break;
	case NODE_FOR_MAP: lower_for_map(l, n); break;
	case NODE_FOR_RANGE: lower_for_range(l, n); break;
	case NODE_RETURN: lower_return(l, n); break;
	case NODE_BREAK: ir_jump(l->f, l->end); break;
	case NODE_CONTINUE: ir_jump(l->f, l->next); break;
	default: lower_discard(l, n); break;
	}
}

void lower_statement(struct lower *l, const struct node *n)
{
	uint32_t mark = l->taken.n;

	ir_span(l->f, n->span);
	lower_kind(l, n);
	temps_release(l, mark);
}
