/*
 * The syntax tree. One kind of node for all, so that walking, copying and dumping need no case
 * for each kind; what a kind's children mean is said in tree.def.
 *
 * The parser makes trees; the checker fills in `type` and `bound`; lowering reads them.
 */
#ifndef SKEP_LANG_TREE_H
#define SKEP_LANG_TREE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "lang/token.h"
#include "types/type.h"

enum node_kind {
#define NODE(id, name, kids) NODE_##id,
#include "lang/tree.def"
	NODE_KIND_COUNT
};

struct node {
	enum node_kind kind;
	uint16_t op;           /* enum token_kind of the operator */
	bool flag;             /* as tree.def says */
	struct span span;      /* all of it */
	struct span name_span; /* the name or operator, for carets */
	const char *name;      /* "$x", "@x", identifiers, type names */
	const char *text;      /* string contents, NUL-terminated; may hold NULs inside */
	uint32_t length;       /* bytes of text */
	uint16_t height;       /* longest way down to a leaf; the parser bounds it, see parse.h */
	uint64_t number;
	VEC(struct node *) kids;
	/* filled in by the checker */
	const struct type *type;
	void *bound; /* what a name stands for: see check.h */
};

/* A parsed script. */
struct tree {
	struct node *config; /* CONFIG or NULL */
	VEC(struct node *) map_decls;
	VEC(struct node *) clauses; /* CLAUSE, in source order */
};

struct node *node_new(struct arena *a, enum node_kind kind, struct span span);
/* node_add - appends @kid (may be NULL, for "absent"); a kid is complete when it is added. */
void node_add(struct arena *a, struct node *parent, struct node *kid);
/* node_kid - child @i, NULL when it is absent. */
struct node *node_kid(const struct node *n, unsigned i);
/* node_copy - a deep copy without types and bindings. */
struct node *node_copy(struct arena *a, const struct node *n);
/* tree_dump - indented text, a node a line, with types once they are known; for -d. */
void tree_dump(struct buf *out, const struct tree *tree);
void node_dump(struct buf *out, const struct node *n, unsigned depth);

#endif
