/*
 * Making, copying and dumping syntax trees. See tree.h.
 * Needs: arena, tokens (names of operators), types (their names in dumps). Called by the parser,
 * by expansion (copies) and by `-d a`.
 */
#include "lang/tree.h"

#include <inttypes.h>
#include <string.h>

static const char *const kind_names[] = {
#define NODE(id, name, kids) [NODE_##id] = name,
#include "lang/tree.def"
};

struct node *node_new(struct arena *a, enum node_kind kind, struct span span)
{
	struct node *n = arena_new(a, struct node);

	n->kind = kind;
	n->span = span;
	n->name_span = span;
	return n;
}

/* Most nodes have one child or two, so the list starts smaller than vec_push() would. */
static void reserve_kid(struct arena *a, struct node *n)
{
	uint32_t cap = n->kids.cap ? n->kids.cap * 2 : 2;

	if (n->kids.n < n->kids.cap)
		return;
	n->kids.v = arena_grow(a, n->kids.v, n->kids.cap * sizeof(*n->kids.v),
			       cap * sizeof(*n->kids.v));
	n->kids.cap = cap;
}

void node_add(struct arena *a, struct node *parent, struct node *kid)
{
	reserve_kid(a, parent);
	parent->kids.v[parent->kids.n++] = kid;
	if (kid && kid->height >= parent->height)
		parent->height = kid->height + 1;
}

struct node *node_kid(const struct node *n, unsigned i)
{
	return i < n->kids.n ? n->kids.v[i] : NULL;
}

struct node *node_copy(struct arena *a, const struct node *n)
{
	struct node *copy;

	if (!n)
		return NULL;
	copy = arena_new(a, struct node);
	*copy = *n;
	memset(&copy->kids, 0, sizeof(copy->kids));
	copy->type = NULL;
	copy->bound = NULL;
	for (uint32_t i = 0; i < n->kids.n; i++)
		node_add(a, copy, node_copy(a, n->kids.v[i]));
	return copy;
}

static void dump_text(struct buf *out, const char *text, uint32_t length)
{
	buf_puts(out, " \"");
	for (uint32_t i = 0; i < length; i++) {
		unsigned char c = text[i];

		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c < ' ' || c >= 0x7f)
			buf_printf(out, "\\x%02x", c);
		else
			buf_putc(out, c);
	}
	buf_putc(out, '"');
}

static bool has_number(const struct node *n)
{
	switch (n->kind) {
	case NODE_INTEGER:
	case NODE_BOOL:
	case NODE_POSITIONAL:
	case NODE_ELEMENT: return true;
	default: return false;
	}
}

static bool has_flag_to_show(const struct node *n)
{
	return n->flag && (n->kind == NODE_DISCARD || n->kind == NODE_TYPE);
}

void node_dump(struct buf *out, const struct node *n, unsigned depth)
{
	buf_pad(out, ' ', 2 * depth);
	if (!n) {
		buf_puts(out, "-\n");
		return;
	}
	buf_puts(out, kind_names[n->kind]);
	if (n->op)
		buf_printf(out, " %s", token_spelling(n->op));
	if (n->name)
		buf_printf(out, " %s", n->name);
	if (n->kind == NODE_TYPE)
		buf_pad(out, '*', n->number);
	if (has_flag_to_show(n))
		buf_puts(out, n->kind == NODE_TYPE ? " []" : " _");
	if (n->text)
		dump_text(out, n->text, n->length);
	if (has_number(n))
		buf_printf(out, " %" PRIu64, n->number);
	if (n->type) {
		buf_puts(out, " :: ");
		type_print(out, n->type);
	}
	buf_putc(out, '\n');
	for (uint32_t i = 0; i < n->kids.n; i++)
		node_dump(out, n->kids.v[i], depth + 1);
}

void tree_dump(struct buf *out, const struct tree *tree)
{
	if (tree->config)
		node_dump(out, tree->config, 0);
	for (uint32_t i = 0; i < tree->map_decls.n; i++)
		node_dump(out, tree->map_decls.v[i], 0);
	for (uint32_t i = 0; i < tree->clauses.n; i++)
		node_dump(out, tree->clauses.v[i], 0);
}
