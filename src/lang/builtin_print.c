/*
 * Builtins that print, now or when the record is read: printf, print, join, cat, system. See
 * builtin.h; how records are written is lower_record.c's business.
 */
#include "lang/builtin.h"

/* ---- printf and its like ---- */

static void check_printf(struct check *c, struct node *n)
{
	check_format(c, n, 1);
}

static struct value formatted(struct lower *l, struct node *n, enum render_kind kind)
{
	record_write(l, n, (struct image_site){ .kind = kind, .format = node_kid(n, 0)->text }, 1,
		     n->kids.n - 1);
	return value_nothing();
}

static struct value lower_printf(struct lower *l, struct node *n)
{
	return formatted(l, n, RENDER_PRINTF);
}

static struct value lower_cat(struct lower *l, struct node *n)
{
	return formatted(l, n, RENDER_CAT);
}

static struct value lower_system(struct lower *l, struct node *n)
{
	return formatted(l, n, RENDER_SYSTEM);
}

/* ---- print ---- */

static bool is_whole_map(const struct node *n)
{
	return n->kind == NODE_MAP && n->kids.n == 0;
}

/* print(@m, top, div): numbers that are known now */
static void check_limit(struct check *c, const struct node *n, const struct node *limit,
			const char *what)
{
	int64_t number;

	if (!limit)
		return;
	if (!is_whole_map(node_kid(n, 0)))
		diag_error(c->diags, limit->span, "print(): only a whole map takes %s", what);
	else if (!node_constant(limit, &number) || number < 0)
		diag_error(c->diags, limit->span,
			   "print(): %s must be a number that is known before the script runs",
			   what);
}

static void check_print(struct check *c, struct node *n)
{
	struct node *of = node_kid(n, 0);

	for (uint32_t i = 1; i < n->kids.n; i++)
		check_value(c, n->kids.v[i]);
	check_limit(c, n, node_kid(n, 1), "top");
	check_limit(c, n, node_kid(n, 2), "div");
	if (is_whole_map(of))
		check_map_whole(c, of, false);
	else
		check_value(c, of);
}

static struct value lower_print(struct lower *l, struct node *n)
{
	const struct node *of = node_kid(n, 0);
	struct image_site site = { .kind = RENDER_PRINT };

	if (!is_whole_map(of)) {
		record_write(l, n, site, 0, 1);
		return value_nothing();
	}
	site.kind = RENDER_PRINT_MAP;
	site.map = ((const struct script_map *)of->bound)->index;
	if (node_kid(n, 1))
		node_constant(node_kid(n, 1), &site.top);
	if (node_kid(n, 2))
		node_constant(node_kid(n, 2), &site.div);
	record_write(l, n, site, 0, 0);
	return value_nothing();
}

/* ---- join ---- */

enum { JOIN_STRINGS = 16, JOIN_LENGTH = 1024, JOIN_LIST = 16 };

static void check_join(struct check *c, struct node *n)
{
	const struct type *t = node_kid(n, 0)->type;

	if (type_is_none(t) || t->kind == TYPE_INT ||
	    (t->kind == TYPE_POINTER && t->elem->kind == TYPE_POINTER))
		return;
	diag_error(c->diags, node_kid(n, 0)->span,
		   "join() expects an array of strings, a char ** ('%s' provided)",
		   type_name(c->s->types, t));
}

/* args: u64 count, then the strings; offsets count from the record's start */
static const struct type *join_args(struct lower *l)
{
	const struct type *word = type_int(l->s->types, 8, false);
	const struct type *strings = type_array(l->s->types, type_string(l->s->types, JOIN_LENGTH),
						JOIN_STRINGS);
	struct type *t = type_copy(
		l->s->types, type_tuple(l->s->types, (const struct type *[]){ word, strings }, 2));

	t->members[0].offset = sizeof(struct record_head);
	t->members[1].offset = JOIN_LIST;
	t->size = JOIN_LIST + JOIN_STRINGS * JOIN_LENGTH;
	return t;
}

/* Reads strings until a NULL pointer; how many. */
static struct ir_value *join_read(struct lower *l, struct node *n, struct ir_value *base)
{
	struct ir_block *done = block_new(l, "joined");
	struct ir_var *count = ir_var_new(l->f, "count");
	enum value_place place;
	struct ir_value *list = value_pointer(l, lower_value(l, node_kid(n, 0)), &place);
	struct value at = { .place = place, .type = type_int(l->s->types, 8, false), .v = list };

	for (int32_t i = 0; i < JOIN_STRINGS; i++) {
		struct ir_block *read = block_new(l, "read");
		struct ir_value *p;

		ir_var_set(l->f, count, word_const(l, i));
		at.offset = 8 * i;
		p = value_word(l, at);
		ir_branch(l->f, p, read, done);
		block_start(l, read);
		read_string(l, place, word_add(l, base, JOIN_LIST + i * JOIN_LENGTH),
			    word_const(l, JOIN_LENGTH), p);
	}
	ir_var_set(l->f, count, word_const(l, JOIN_STRINGS));
	block_start(l, done);
	return ir_var_get(l->f, count);
}

static struct value lower_join(struct lower *l, struct node *n)
{
	const struct node *separator = node_kid(n, 1);
	struct image_site site = { .kind = RENDER_JOIN,
				   .format = separator ? separator->text : " ",
				   .span = n->span };
	struct ir_value *base, *count, *size;
	uint32_t index;

	site.args = join_args(l);
	index = record_site(l, &site);
	base = temp_slot(l, site.args->size);
	ir_store(l->f, IR_STORE64, base, 0, word_const(l, index));
	count = join_read(l, n, base);
	ir_store(l->f, IR_STORE64, base, sizeof(struct record_head), count);
	count = at_most(l, count, JOIN_STRINGS);
	size = ir_binary(l->f, IR_MUL, count, word_const(l, JOIN_LENGTH));
	record_output(l, index, base, word_add(l, size, JOIN_LIST));
	return value_nothing();
}

const struct builtin builtin_print[] = {
	{ .name = "printf",
	  .sign = "(text, ...) -> void",
	  .flags = BUILTIN_RECORD,
	  .check = check_printf,
	  .lower = lower_printf,
	  .doc = "prints values by a format",
	  .example = "printf(\"%s %d\\n\", comm, pid)" },
	{ .name = "print",
	  .sign = "(node, node?, node?) -> void",
	  .flags = BUILTIN_RECORD,
	  .check = check_print,
	  .lower = lower_print,
	  .doc = "prints a value, or a map: its greatest entries, divided by a number",
	  .example = "print(@bytes, 5, 1024)" },
	{ .name = "join",
	  .sign = "(any, text?) -> void",
	  .flags = BUILTIN_RECORD,
	  .check = check_join,
	  .lower = lower_join,
	  .doc = "prints an array of strings in one line",
	  .example = "join(args.argv)" },
	{ .name = "cat",
	  .sign = "(text, ...) -> void",
	  .flags = BUILTIN_RECORD,
	  .check = check_printf,
	  .lower = lower_cat,
	  .doc = "prints a file, whose name is given as to printf",
	  .example = "cat(\"/proc/%d/maps\", pid)" },
	{ .name = "system",
	  .sign = "(text, ...) -> void",
	  .flags = BUILTIN_RECORD | BUILTIN_UNSAFE,
	  .check = check_printf,
	  .lower = lower_system,
	  .doc = "runs a command, given as to printf",
	  .example = "system(\"ps -p %d\", pid)" },
	{ 0 },
};
