/*
 * Builtins of strings and bytes: str, buf, strlen, strncmp, strcontains. See builtin.h.
 */
#include "lang/builtin.h"

static uint32_t max_length(const struct script *s)
{
	return s->settings.value[SETTING_MAX_STRLEN];
}

/* A length that is given is one of bytes without the NUL. */
static uint32_t sized(struct check *c, struct node *n, uint32_t extra)
{
	struct node *length = node_kid(n, 1);
	uint32_t limit = max_length(c->s);
	int64_t known;

	if (!length)
		return limit;
	if (!type_is_none(length->type) && !type_is_int(length->type))
		diag_error(c->diags, length->span,
			   "%s() expects an integer as length ('%s' "
			   "provided)",
			   n->name, type_name(c->s->types, length->type));
	if (!node_constant(length, &known))
		return limit;
	if (known < 0)
		diag_error(c->diags, length->span, "%s() length cannot be negative", n->name);
	return known >= 0 && known < limit - extra ? known + extra : limit;
}

/* ---- str ---- */

static bool has_address(const struct type *t)
{
	return type_is_word(t) || t->kind == TYPE_STRING || t->kind == TYPE_ARRAY;
}

static void check_str(struct check *c, struct node *n)
{
	const struct node *from = node_kid(n, 0);
	const struct type *t = from->type;
	uint32_t size;

	if (!has_address(t)) {
		diag_error(c->diags, from->span,
			   "str() expects an integer or a pointer ('%s' provided)",
			   type_name(c->s->types, t));
		return;
	}
	size = sized(c, n, 1);
	if (from->kind == NODE_STRING)
		size = node_kid(n, 1) ? MIN(size, from->length + 1) : from->length + 1;
	n->type = type_string(c->s->types, size);
}

/* A string is read when it is known where to. */
static struct value lower_str(struct lower *l, struct node *n)
{
	const struct node *length = node_kid(n, 1);
	struct value from = lower_value(l, node_kid(n, 0)),
		     v = { .type = n->type, .is_text = true };
	int64_t known;

	if (from.type->kind == TYPE_STRING && from.place == VALUE_DIRECT && !length)
		return from;
	v.v = value_pointer(l, from, &v.place);
	if (v.place == VALUE_DIRECT)
		v.place = VALUE_KERNEL; /* to be copied up to its NUL, like all others */
	if (length && !node_constant(length, &known))
		v.length = at_most(l, word_add(l, lower_word(l, length), 1), n->type->size);
	return v;
}

/* ---- buf ---- */

static void check_buf(struct check *c, struct node *n)
{
	const struct node *from = node_kid(n, 0);
	const struct type *t = from->type;
	uint32_t size = t->size;

	if (!has_address(t)) {
		diag_error(c->diags, from->span,
			   "buf() expects an integer, a pointer or an array ('%s' provided)",
			   type_name(c->s->types, t));
		return;
	}
	if (node_kid(n, 1))
		size = sized(c, n, 0);
	else if (type_is_word(t))
		diag_error(c->diags, n->span, "buf() needs a length: buf(p, length)");
	n->type = type_simple(c->s->types, TYPE_BUFFER, 4 + size);
}

/* u32 length, then the bytes */
static struct ir_value *buf_into(struct lower *l, struct node *n, struct dest to)
{
	struct value from = lower_value(l, node_kid(n, 0));
	uint32_t room = MIN(n->type->size, to.type->size) - 4;
	const struct node *given = node_kid(n, 1);
	struct ir_value *length = word_const(l, room), *at;
	enum value_place place;

	at = value_pointer(l, from, &place);
	if (given)
		length = at_most(l, lower_word(l, given), room);
	if (to.padded)
		zero_bytes(l, to.base, to.offset, to.type->size);
	ir_store(l->f, IR_STORE32, to.base, to.offset, length);
	read_memory(l, place, word_add(l, to.base, to.offset + 4), length, at);
	return word_add(l, length, 4);
}

/* ---- questions ---- */

/* A copy by the helper that reads strings says how long they are. */
static struct value lower_strlen(struct lower *l, struct node *n)
{
	const struct node *of = node_kid(n, 0);
	struct value v;
	struct ir_value *length, *copy;
	uint32_t size;

	if (of->kind == NODE_STRING)
		return value_of_word(n->type, word_const(l, strlen(of->text)));
	v = lower_value(l, of);
	size = v.type->size;
	copy = temp_slot(l, size + 1);
	length = read_string(l, v.place, copy, word_const(l, size + 1), value_address(l, v));
	return value_of_word(n->type, at_most(l, word_add(l, length, -1), size));
}

static struct ir_value *starts_with(struct lower *l, const struct node *text,
				    const struct node *literal, uint32_t n)
{
	struct value v = lower_value(l, text);

	if (n > literal->length + 1)
		n = literal->length + 1;
	if (n > v.type->size)
		return word_const(l, 0);
	return compare_text(l, value_bytes(l, v), literal->text, n);
}

/* 0 when the first n bytes are the same */
static struct value lower_strncmp(struct lower *l, struct node *n)
{
	const struct node *a = node_kid(n, 0), *b = node_kid(n, 1);
	struct ir_value *same;
	int64_t count = 0;
	struct value x, y;

	node_constant(node_kid(n, 2), &count);
	if (b->kind == NODE_STRING) {
		same = starts_with(l, a, b, count);
	} else if (a->kind == NODE_STRING) {
		same = starts_with(l, b, a, count);
	} else {
		x = value_bytes(l, lower_value(l, a));
		y = value_bytes(l, lower_value(l, b));
		same = compare_bytes(l, x, y, MIN(count, MIN(x.type->size, y.type->size)));
	}
	return value_of_word(n->type, ir_binary(l->f, IR_XOR, same, word_const(l, 1)));
}

static void check_strncmp(struct check *c, struct node *n)
{
	int64_t count;

	if (node_constant(node_kid(n, 2), &count) && count < 1)
		diag_error(c->diags, node_kid(n, 2)->span,
			   "strncmp() needs a length of at least 1");
}

/* Whether the needle is at @at, a byte at a time. */
static void match_at(struct lower *l, struct ir_value *at, int32_t offset,
		     const struct node *needle, struct ir_block *yes, struct ir_block *no)
{
	for (uint32_t i = 0; i < needle->length; i++) {
		struct ir_block *next = block_new(l, "match");
		struct ir_value *byte = ir_load(l->f, IR_LOAD8, at, offset + i);
		struct ir_value *want = word_const(l, (unsigned char)needle->text[i]);

		ir_branch(l->f, ir_compare(l->f, IR_EQ, byte, want), next, no);
		block_start(l, next);
	}
	ir_jump(l->f, yes);
}

static struct value lower_strcontains(struct lower *l, struct node *n)
{
	const struct node *needle = node_kid(n, 1);
	struct value in = value_bytes(l, lower_value(l, node_kid(n, 0)));
	struct ir_block *head = block_new(l, "search"), *body = block_new(l, "look"),
			*yes = block_new(l, "found"), *next = block_new(l, "on"),
			*done = block_new(l, "searched");
	struct ir_var *i = ir_var_new(l->f, "i"), *found = ir_var_new(l->f, "found");
	struct ir_value *at;

	if (needle->length >= in.type->size)
		return value_of_word(n->type, word_const(l, 0));
	ir_var_set(l->f, i, word_const(l, 0));
	ir_var_set(l->f, found, word_const(l, 0));
	ir_block_start(l->f, head);
	ir_branch(l->f,
		  ir_compare(l->f, IR_ULT, ir_var_get(l->f, i),
			     word_const(l, in.type->size - needle->length)),
		  body, done);
	block_start(l, body);
	at = ir_binary(l->f, IR_ADD, in.v, ir_var_get(l->f, i));
	match_at(l, at, in.offset, needle, yes, next);
	block_start(l, next);
	ir_var_set(l->f, i, word_add(l, ir_var_get(l->f, i), 1));
	ir_jump(l->f, head);
	ir_block_seal(l->f, head);
	block_start(l, yes);
	ir_var_set(l->f, found, word_const(l, 1));
	block_start(l, done);
	return value_of_word(n->type, ir_var_get(l->f, found));
}

const struct builtin builtin_string[] = {
	{ .name = "str",
	  .sign = "(any, any?) -> *",
	  .check = check_str,
	  .lower = lower_str,
	  .doc = "the C string that a pointer points to",
	  .example = "print(str(args.filename))" },
	{ .name = "buf",
	  .sign = "(any, any?) -> *",
	  .check = check_buf,
	  .into = buf_into,
	  .doc = "bytes, printed with %r",
	  .example = "printf(\"%r\\n\", buf(args.buf, args.count))" },
	{ .name = "strlen",
	  .sign = "(string) -> uint64",
	  .lower = lower_strlen,
	  .doc = "how many bytes a string has",
	  .example = "print(strlen(comm))" },
	{ .name = "strncmp",
	  .sign = "(string, string, literal) -> uint64",
	  .check = check_strncmp,
	  .lower = lower_strncmp,
	  .doc = "0 when two strings begin with the same bytes",
	  .example = "/strncmp(comm, \"ssh\", 3) == 0/" },
	{ .name = "strcontains",
	  .sign = "(string, text) -> bool",
	  .lower = lower_strcontains,
	  .doc = "whether a string holds another",
	  .example = "/strcontains(comm, \"sh\")/" },
	{ 0 },
};
