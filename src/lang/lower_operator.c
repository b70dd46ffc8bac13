/*
 * Lowering operators. Needs and callers: see lower_expr.c.
 */
#include "lang/lower.h"

/* ---- arithmetic ---- */

/* a / b, a % b: 1 when b is 0, with a warning. */
static struct ir_value *divide(struct lower *l, enum ir_op op, struct ir_value *a,
			       struct ir_value *b, const struct node *n)
{
	struct ir_block *zero, *whole, *done;
	struct ir_var *var;
	int64_t known;

	if (ir_is_const(b, &known) && known)
		return ir_binary(l->f, op, a, b);
	zero = block_new(l, "zero");
	whole = block_new(l, "divide");
	done = block_new(l, "divided");
	var = ir_var_new(l->f, "quotient");
	ir_branch(l->f, ir_compare(l->f, IR_EQ, b, word_const(l, 0)), zero, whole);
	block_start(l, zero);
	record_warning(l, n,
		       "Divide or modulo by 0 detected. This can lead to unexpected results. "
		       "1 is being used as the result.");
	ir_var_set(l->f, var, word_const(l, 1));
	ir_jump(l->f, done);
	block_start(l, whole);
	ir_var_set(l->f, var, ir_binary(l->f, op, a, b));
	block_start(l, done);
	return ir_var_get(l->f, var);
}

static uint32_t pointed_size(struct lower *l, const struct type *t)
{
	uint32_t size = type_complete(l->s->types, t->elem)->size;

	return size ? size : 1;
}

static struct ir_value *scaled(struct lower *l, struct ir_value *v, uint32_t size)
{
	return size == 1 ? v : ir_binary(l->f, IR_MUL, v, word_const(l, size));
}

struct ir_value *lower_arithmetic(struct lower *l, enum token_kind op, const struct type *type,
				  struct ir_value *a, struct ir_value *b, const struct node *n)
{
	if (type->kind == TYPE_POINTER)
		b = scaled(l, b, pointed_size(l, type));
	switch (op) {
	case TOKEN_PLUS: return ir_binary(l->f, IR_ADD, a, b);
	case TOKEN_MINUS: return ir_binary(l->f, IR_SUB, a, b);
	case TOKEN_STAR: return ir_binary(l->f, IR_MUL, a, b);
	case TOKEN_SLASH: return divide(l, type->is_signed ? IR_SDIV : IR_UDIV, a, b, n);
	case TOKEN_PERCENT: return divide(l, type->is_signed ? IR_SMOD : IR_UMOD, a, b, n);
	case TOKEN_AND: return ir_binary(l->f, IR_AND, a, b);
	case TOKEN_OR: return ir_binary(l->f, IR_OR, a, b);
	case TOKEN_XOR: return ir_binary(l->f, IR_XOR, a, b);
	case TOKEN_SHL: return ir_binary(l->f, IR_SHL, a, b);
	default: return ir_binary(l->f, type->is_signed ? IR_ASHR : IR_LSHR, a, b);
	}
}

/* pointer - pointer, in elements */
static struct ir_value *distance(struct lower *l, const struct type *t, struct ir_value *a,
				 struct ir_value *b)
{
	struct ir_value *bytes = ir_binary(l->f, IR_SUB, a, b);
	uint32_t size = pointed_size(l, t);

	return size == 1 ? bytes : ir_binary(l->f, IR_SDIV, bytes, word_const(l, size));
}

static struct value lower_sum(struct lower *l, const struct node *n)
{
	const struct node *left = node_kid(n, 0), *right = node_kid(n, 1);
	struct ir_value *a = lower_word(l, left), *b = lower_word(l, right);

	ir_span(l->f, n->span);
	if (left->type->kind == TYPE_POINTER && right->type->kind == TYPE_POINTER)
		return value_of_word(n->type, distance(l, left->type, a, b));
	if (right->type->kind == TYPE_POINTER)
		return value_of_word(n->type, lower_arithmetic(l, n->op, n->type, b, a, n));
	return value_of_word(n->type, lower_arithmetic(l, n->op, n->type, a, b, n));
}

/* ---- comparing bytes ---- */

struct ir_value *compare_bytes(struct lower *l, struct value a, struct value b, uint32_t n)
{
	struct ir_block *differ = block_new(l, "differ"), *done = block_new(l, "compared");
	struct ir_var *same = ir_var_new(l->f, "same");

	ir_var_set(l->f, same, word_const(l, 0));
	for (uint32_t i = 0, step; i < n; i += step) {
		struct ir_block *next = block_new(l, "equal");
		struct ir_value *x, *y;

		step = chunk_size(a.offset + i, b.offset + i, n - i);
		x = ir_load(l->f, load_op(step, false), a.v, a.offset + i);
		y = ir_load(l->f, load_op(step, false), b.v, b.offset + i);
		ir_branch(l->f, ir_compare(l->f, IR_EQ, x, y), next, differ);
		block_start(l, next);
	}
	ir_var_set(l->f, same, word_const(l, 1));
	ir_jump(l->f, done);
	block_start(l, differ);
	block_start(l, done);
	return ir_var_get(l->f, same);
}

struct ir_value *compare_text(struct lower *l, struct value v, const char *text, uint32_t n)
{
	struct ir_block *differ = block_new(l, "differ"), *done = block_new(l, "compared");
	struct ir_var *same = ir_var_new(l->f, "same");

	ir_var_set(l->f, same, word_const(l, 0));
	for (uint32_t i = 0, step; i < n; i += step) {
		struct ir_block *next = block_new(l, "equal");
		int64_t word = 0;
		struct ir_value *x;

		step = chunk_size(v.offset + i, 0, n - i);
		memcpy(&word, text + i, step);
		x = ir_load(l->f, load_op(step, false), v.v, v.offset + i);
		ir_branch(l->f, ir_compare(l->f, IR_EQ, x, word_const(l, word)), next, differ);
		block_start(l, next);
	}
	ir_var_set(l->f, same, word_const(l, 1));
	ir_jump(l->f, done);
	block_start(l, differ);
	block_start(l, done);
	return ir_var_get(l->f, same);
}

/* "$s == "text"": the terminating NUL is compared too, so that no prefix passes. */
static struct ir_value *same_as_literal(struct lower *l, const struct node *n,
					const struct node *literal)
{
	struct value v = lower_value(l, n);

	if (literal->length + 1 > v.type->size)
		return word_const(l, 0);
	v = value_bytes(l, v);
	return compare_text(l, v, literal->text, literal->length + 1);
}

struct ir_value *lower_same(struct lower *l, const struct node *a, const struct node *b)
{
	struct value x, y;

	if (b->kind == NODE_STRING)
		return same_as_literal(l, a, b);
	if (a->kind == NODE_STRING)
		return same_as_literal(l, b, a);
	x = value_bytes(l, lower_value(l, a));
	y = value_bytes(l, lower_value(l, b));
	return compare_bytes(l, x, y, MIN(x.type->size, y.type->size));
}

/* ---- comparisons ---- */

static const struct {
	uint16_t op;
	enum ir_cond is_unsigned, is_signed;
} conditions[] = {
	{ TOKEN_EQ, IR_EQ, IR_EQ },   { TOKEN_NE, IR_NE, IR_NE },   { TOKEN_LT, IR_ULT, IR_SLT },
	{ TOKEN_LE, IR_ULE, IR_SLE }, { TOKEN_GT, IR_UGT, IR_SGT }, { TOKEN_GE, IR_UGE, IR_SGE },
};

/* A literal that is not negative leaves the sign to the other side. */
static bool compares_signed(const struct node *a, const struct node *b)
{
	int64_t number;
	bool a_signed = type_is_int(a->type) && a->type->is_signed;
	bool b_signed = type_is_int(b->type) && b->type->is_signed;

	if (node_constant(a, &number) && number >= 0)
		return b_signed;
	if (node_constant(b, &number) && number >= 0)
		return a_signed;
	return a_signed || b_signed;
}

/* probe == "text": the name's index, which is known now. */
static struct ir_value *probe_index(struct lower *l, const struct node *n)
{
	const struct plan *plan = &l->s->plan;

	if (n->kind != NODE_STRING)
		return lower_word(l, n);
	for (uint32_t i = 0; i < plan->probes.n; i++)
		if (streq(plan->probes.v[i], n->text))
			return word_const(l, i);
	return word_const(l, -1);
}

static struct ir_value *compare_words(struct lower *l, const struct node *n, enum token_kind op)
{
	const struct node *left = node_kid(n, 0), *right = node_kid(n, 1);
	bool is_probe = left->type->kind == TYPE_PROBE || right->type->kind == TYPE_PROBE;
	struct ir_value *a = is_probe ? probe_index(l, left) : lower_word(l, left);
	struct ir_value *b = is_probe ? probe_index(l, right) : lower_word(l, right);
	bool is_signed = compares_signed(left, right);
	size_t i = 0;

	while (conditions[i].op != op)
		i++;
	ir_span(l->f, n->span);
	return ir_compare(l->f, is_signed ? conditions[i].is_signed : conditions[i].is_unsigned, a,
			  b);
}

static struct ir_value *lower_comparison(struct lower *l, const struct node *n)
{
	const struct type *a = node_kid(n, 0)->type, *b = node_kid(n, 1)->type;
	struct ir_value *same;

	if (type_is_word(a) || type_is_word(b))
		return compare_words(l, n, n->op);
	same = lower_same(l, node_kid(n, 0), node_kid(n, 1));
	return n->op == TOKEN_EQ ? same : ir_binary(l->f, IR_XOR, same, word_const(l, 1));
}

struct value lower_binary(struct lower *l, const struct node *n)
{
	if (n->op >= TOKEN_EQ && n->op <= TOKEN_GE)
		return value_of_word(n->type, lower_comparison(l, n));
	return lower_sum(l, n);
}

/* ---- one operand ---- */

/* ++ and --: the value before it when behind, after it when in front. */
static struct value step_variable(struct lower *l, const struct node *n)
{
	struct variable *v = node_kid(n, 0)->bound;
	enum token_kind op = n->op == TOKEN_INC ? TOKEN_PLUS : TOKEN_MINUS;
	struct ir_value *before = ir_var_get(l->f, v->word), *after;

	after = lower_arithmetic(l, op, v->type, before, word_const(l, 1), n);
	after = word_resize(l, after, v->type);
	ir_var_set(l->f, v->word, after);
	return value_of_word(n->type, n->kind == NODE_POSTFIX ? before : after);
}

struct value lower_unary(struct lower *l, const struct node *n)
{
	const struct node *operand = node_kid(n, 0);

	switch (n->op) {
	case TOKEN_INC:
	case TOKEN_DEC: return operand->kind == NODE_MAP ? map_step(l, n) : step_variable(l, n);
	case TOKEN_STAR: return lower_deref(l, n);
	case TOKEN_AND: return value_of_word(n->type, value_address(l, lower_value(l, operand)));
	case TOKEN_NOT:
		return value_of_word(
			n->type, ir_compare(l->f, IR_EQ, lower_word(l, operand), word_const(l, 0)));
	case TOKEN_TILDE:
		return value_of_word(n->type, ir_unary(l->f, IR_NOT, lower_word(l, operand)));
	default: return value_of_word(n->type, ir_unary(l->f, IR_NEG, lower_word(l, operand)));
	}
}
