/*
 * Lowering expressions: one row for each kind of node that has a value. Operators, accesses and
 * maps have files of their own. Needs: a checked tree. Called by statements and builtins.
 */
#include "lang/builtin.h"

/* ---- literals and tuples ---- */

struct ir_value *text_into(struct lower *l, const char *text, uint32_t len, struct dest to)
{
	uint32_t all;

	len = MIN(len, to.type->size - 1);
	all = to.padded ? to.type->size : len + 1;
	for (uint32_t i = 0, step; i < all; i += step) {
		int64_t word = 0;

		if (i > len) {
			zero_bytes(l, to.base, to.offset + i, all - i);
			break;
		}
		step = chunk_size(to.offset + i, 0, all - i);
		memcpy(&word, text + i, MIN(step, len - i));
		ir_store(l->f, store_op(step), to.base, to.offset + i, word_const(l, word));
	}
	return word_const(l, len + 1);
}

static struct ir_value *tuple_into(struct lower *l, const struct node *n, struct dest to)
{
	if (to.padded)
		zero_bytes(l, to.base, to.offset, to.type->size);
	for (uint32_t i = 0; i < n->kids.n; i++) {
		const struct type_member *m = &to.type->members[i];
		const struct node *kid = n->kids.v[i];

		if (kid->kind == NODE_FIELD)
			kid = node_kid(kid, 0);
		lower_into(l, kid, (struct dest){ to.base, to.offset + m->offset, m->type, false });
	}
	return NULL;
}

/* ---- choices ---- */

/* A value that one of two blocks gives: in a variable, or in a slot. */
struct choice {
	struct ir_var *var;
	struct ir_value *base;
	const struct type *type;
};

static struct choice choice_new(struct lower *l, const struct type *t)
{
	struct choice c = { .type = t };

	if (type_is_word(t))
		c.var = ir_var_new(l->f, "choice");
	else if (t->kind != TYPE_VOID)
		c.base = temp_slot(l, t->size);
	return c;
}

static void choose(struct lower *l, const struct choice *c, struct value v)
{
	if (c->var)
		ir_var_set(l->f, c->var, value_word(l, v));
	else if (c->base)
		value_store(l, v, (struct dest){ c->base, 0, c->type, true });
}

static struct value chosen(struct lower *l, const struct choice *c)
{
	if (c->var)
		return value_of_word(c->type, ir_var_get(l->f, c->var));
	return c->base ? value_direct(c->type, c->base, 0) : value_nothing();
}

/* a ?: b tests and gives the same value, evaluated once. */
static struct value lower_elvis(struct lower *l, const struct node *n)
{
	struct ir_block *otherwise = block_new(l, "else"), *done = block_new(l, "chosen");
	struct choice c = choice_new(l, n->type);
	struct ir_value *v = lower_word(l, node_kid(n, 0));

	choose(l, &c, value_of_word(node_kid(n, 0)->type, v));
	ir_branch(l->f, v, done, otherwise);
	block_start(l, otherwise);
	choose(l, &c, lower_value(l, node_kid(n, 2)));
	block_start(l, done);
	return chosen(l, &c);
}

static struct value lower_choice(struct lower *l, const struct node *n)
{
	struct ir_block *then = block_new(l, "then"), *otherwise = block_new(l, "else"),
			*done = block_new(l, "chosen");
	struct choice c = choice_new(l, n->type);

	lower_branch(l, node_kid(n, 0), then, otherwise);
	block_start(l, then);
	choose(l, &c, lower_block_value(l, node_kid(n, 1)));
	ir_jump(l->f, done);
	block_start(l, otherwise);
	if (node_kid(n, 2))
		choose(l, &c, lower_block_value(l, node_kid(n, 2)));
	block_start(l, done);
	return chosen(l, &c);
}

/* ---- conditions ---- */

static struct value word_of_condition(struct lower *l, const struct node *n)
{
	struct ir_block *yes = block_new(l, "true"), *done = block_new(l, "truth");
	struct ir_var *var = ir_var_new(l->f, "truth");
	struct ir_block *no = block_new(l, "false");

	lower_branch(l, n, yes, no);
	block_start(l, yes);
	ir_var_set(l->f, var, word_const(l, 1));
	ir_jump(l->f, done);
	block_start(l, no);
	ir_var_set(l->f, var, word_const(l, 0));
	block_start(l, done);
	return value_of_word(n->type, ir_var_get(l->f, var));
}

void lower_branch(struct lower *l, const struct node *n, struct ir_block *then,
		  struct ir_block *otherwise)
{
	struct ir_block *between;

	if (n->kind == NODE_UNARY && n->op == TOKEN_NOT) {
		lower_branch(l, node_kid(n, 0), otherwise, then);
	} else if (n->kind == NODE_BINARY && (n->op == TOKEN_LAND || n->op == TOKEN_LOR)) {
		between = block_new(l, token_spelling(n->op)[0] == '&' ? "and" : "or");
		if (n->op == TOKEN_LAND)
			lower_branch(l, node_kid(n, 0), between, otherwise);
		else
			lower_branch(l, node_kid(n, 0), then, between);
		block_start(l, between);
		lower_branch(l, node_kid(n, 1), then, otherwise);
	} else {
		ir_branch(l->f, lower_word(l, n), then, otherwise);
	}
}

/* ---- casts ---- */

struct ir_value *word_resize(struct lower *l, struct ir_value *v, const struct type *to)
{
	static const enum ir_op ops[2][3] = { { IR_ZEXT8, IR_ZEXT16, IR_ZEXT32 },
					      { IR_SEXT8, IR_SEXT16, IR_SEXT32 } };

	if (to->kind == TYPE_BOOL)
		return ir_compare(l->f, IR_NE, v, word_const(l, 0));
	if (!type_is_int(to) || to->size > 4)
		return v;
	return ir_unary(l->f, ops[to->is_signed][to->size / 2], v);
}

static struct value lower_cast(struct lower *l, const struct node *n)
{
	const struct node *from = node_kid(n, 1);
	struct value v = lower_value(l, from);
	enum value_place place;
	struct ir_value *base;

	if (n->type->kind == TYPE_POINTER && !type_is_word(from->type))
		return value_of_word(n->type, value_pointer(l, v, &place));
	if (type_is_word(n->type) && type_is_word(from->type))
		return value_of_word(n->type, word_resize(l, value_word(l, v), n->type));
	if (type_is_word(from->type)) {
		base = temp_slot(l, n->type->size);
		value_store(l, v, (struct dest){ base, 0, from->type, false });
		return value_direct(n->type, base, 0);
	}
	if (n->type->kind == TYPE_STRING) {
		base = temp_slot(l, n->type->size);
		value_store(l, v, (struct dest){ base, 0, n->type, true });
		return value_direct(n->type, base, 0);
	}
	v.type = n->type;
	return type_is_word(n->type) ? value_of_word(n->type, value_word(l, v)) : v;
}

/* ---- calls and names ---- */

static struct value lower_builtin(struct lower *l, const struct node *n)
{
	const struct builtin *b = n->bound;
	struct ir_value *base;

	if (!b)
		return value_of_word(n->type, word_const(l, n->number));
	if (b->lower)
		return b->lower(l, (struct node *)n);
	base = temp_slot(l, n->type->size);
	b->into(l, (struct node *)n, (struct dest){ base, 0, n->type, true });
	return value_direct(n->type, base, 0);
}

static struct value lower_bytes(struct lower *l, const struct node *n)
{
	struct ir_value *base = temp_slot(l, n->type->size);

	lower_into(l, n, (struct dest){ base, 0, n->type, true });
	return value_direct(n->type, base, 0);
}

/* ---- all of them ---- */

static bool is_condition(const struct node *n)
{
	return n->op == TOKEN_LAND || n->op == TOKEN_LOR;
}

static struct value lower_kind(struct lower *l, const struct node *n)
{
	switch (n->kind) {
	case NODE_INTEGER:
	case NODE_BOOL:
	case NODE_SIZEOF:
	case NODE_OFFSETOF: return value_of_word(n->type, word_const(l, n->number));
	case NODE_IDENT:
	case NODE_CALL: return lower_builtin(l, n);
	case NODE_VARIABLE: return variable_read(l, n);
	case NODE_MAP: return map_read(l, n);
	case NODE_UNARY:
	case NODE_POSTFIX: return lower_unary(l, n);
	case NODE_BINARY: return is_condition(n) ? word_of_condition(l, n) : lower_binary(l, n);
	case NODE_TERNARY: return node_kid(n, 1) ? lower_choice(l, n) : lower_elvis(l, n);
	case NODE_IF: return lower_choice(l, n);
	case NODE_MEMBER:
	case NODE_ELEMENT: return lower_member(l, n);
	case NODE_INDEX: return lower_index(l, n);
	case NODE_CAST: return lower_cast(l, n);
	case NODE_BLOCK_VALUE: return lower_block_value(l, n);
	default: return lower_bytes(l, n); /* strings, tuples, records */
	}
}

struct value lower_value(struct lower *l, const struct node *n)
{
	ir_span(l->f, n->span);
	return lower_kind(l, n);
}

struct ir_value *lower_word(struct lower *l, const struct node *n)
{
	struct ir_value *v = value_word(l, lower_value(l, n));

	ir_span(l->f, n->span);
	return v;
}

struct ir_value *lower_into(struct lower *l, const struct node *n, struct dest to)
{
	const struct builtin *b = n->bound;

	ir_span(l->f, n->span);
	if (n->kind == NODE_STRING && to.type->kind == TYPE_STRING)
		return text_into(l, n->text, n->length, to);
	if (n->kind == NODE_TUPLE || n->kind == NODE_RECORD)
		return tuple_into(l, n, to);
	if (n->kind == NODE_MAP && !type_is_word(n->type))
		return map_read_into(l, n, to);
	if ((n->kind == NODE_CALL || n->kind == NODE_IDENT) && b && b->into &&
	    n->type->size <= to.type->size && n->type->kind == to.type->kind)
		return b->into(l, (struct node *)n, to);
	return value_store(l, lower_value(l, n), to);
}

void lower_discard(struct lower *l, const struct node *n)
{
	if (n->kind == NODE_POSTFIX || (n->kind == NODE_UNARY && n->op != TOKEN_STAR))
		lower_unary(l, n);
	else
		lower_value(l, n);
}
