/*
 * Checking: gives every expression its type and every name what it stands for.
 *
 * A clause is checked once for each shape of event that runs it, on a copy of its own. Types of
 * maps come from all clauses and types of variables from assignments that may follow their use,
 * so checking is repeated until no type changes; only the last round reports errors.
 *
 * What node->bound is after checking:
 *	VARIABLE          struct variable
 *	MAP               struct script_map
 *	CALL, IDENT       const struct builtin; NULL in an IDENT: an enumerator, `number` its value
 *	MEMBER            struct event_field with node->flag (of args), else struct type_member
 *	ELEMENT, INDEX    struct type_member (of a tuple)
 *	FOR_*             struct loop
 * node->flag of an assigned VARIABLE: the variable begins here.
 */
#ifndef SKEP_LANG_CHECK_H
#define SKEP_LANG_CHECK_H

#include "lang/script.h"

struct variable {
	const char *name;
	const struct type *type; /* NULL: nothing assigned yet */
	bool is_declared;        /* let $x : T; the type stays */
	bool is_flexible;        /* only literals were assigned */
	unsigned depth;          /* how many loop bodies it lives in */
	struct span span;
	/* where it is while code is made: a word, or bytes */
	struct ir_var *word;
	struct ir_value *base;
};

/* A for loop: its body becomes a function of its own, so what it uses must be handed over. */
struct loop {
	struct loop *outer;
	struct variable *variable; /* the loop's own */
	unsigned depth;            /* of the body, from 1 */
	VEC(struct variable *) captured;
};

struct scope {
	struct scope *outer;
	VEC(struct variable *) variables;
};

struct check {
	struct script *s;
	struct script_clause *clause;
	const struct event *event; /* the model of this shape */
	struct diags *diags;       /* thrown away but in the last round */
	struct scope *scope;
	struct loop *loop;
	unsigned breakable; /* loops and unrolls around */
	bool changed;       /* a map or variable has another type now */
	bool last;          /* this round's errors count */
	bool defaults;      /* what nothing was assigned to is an integer from here on */
	bool untyped;       /* there is such a variable */
};

/* check_value - the type of @n as a value; an aggregation becomes its integer. Never NULL:
 * TYPE_NONE after an error, or when it is not known yet. */
const struct type *check_value(struct check *c, struct node *n);
/* check_expr - the same, but aggregations stay what they are and calls may have no value. */
const struct type *check_expr(struct check *c, struct node *n);
void check_operator(struct check *c, struct node *n);
/* check_compound - the type of what `target op= value` stores, the target being of type @left. */
const struct type *check_compound(struct check *c, struct node *n, const struct type *left);
void check_access(struct check *c, struct node *n);
void check_cast(struct check *c, struct node *n);
void check_condition(struct check *c, struct node *n);
void check_block(struct check *c, struct node *block);
void check_statement(struct check *c, struct node *n);
/* check_map - binds a MAP node and checks its key, but reads no value. */
struct script_map *check_map(struct check *c, struct node *n);
/* check_map_whole - the same for `@x` standing for all of the map. */
struct script_map *check_map_whole(struct check *c, struct node *n, bool needs_keys);
void check_assign(struct check *c, struct node *n);
void check_let(struct check *c, struct node *n);
/* check_store - that a value of @type, made by @n, may be put into the map. */
void check_store(struct check *c, struct script_map *m, const struct type *type, struct node *n);
void check_aggregate(struct check *c, struct script_map *m, struct node *call);
/* check_variable - the variable @name as seen from here, or NULL. */
struct variable *check_variable(struct check *c, const char *name);
/* check_variable_begin - VARIABLE node @n names a new one of the current block. */
struct variable *check_variable_begin(struct check *c, struct node *n);
/* check_variable_put - that a value of @type, made by @n, may be put into @v. */
void check_variable_put(struct check *c, struct variable *v, const struct type *type,
			struct node *n);
/* check_type - the type that a TYPE node names; TYPE_NONE after an error. */
const struct type *check_type(struct check *c, const struct node *n);
/* check_format - the conversions of a printf-like call against its values, from child @first on. */
void check_format(struct check *c, struct node *call, uint32_t first);

/* node_constant - whether @n is an integer known now. */
bool node_constant(const struct node *n, int64_t *ret);

const struct type *type_none(struct types *t);
bool type_is_none(const struct type *t);
bool type_is_int(const struct type *t);  /* INT, BOOL, ENUM */
bool type_is_word(const struct type *t); /* fits a register */
bool type_is_stack(const struct type *t);
/* type_folds - aggregations that have an integer: all but histograms. */
bool type_folds(const struct type *t);
/* type_folded - that integer's type. */
const struct type *type_folded(struct types *types, const struct type *t);
/* type_stored - as a value is kept in maps and tuples: integers take 8 bytes. */
const struct type *type_stored(struct types *types, const struct type *t);
/* type_join - a type that holds both; NULL when there is none. */
const struct type *type_join(struct types *types, const struct type *a, const struct type *b);
/* type_join_aggregate - the same for two aggregations of one map. */
const struct type *type_join_aggregate(const struct type *a, const struct type *b);
/* type_text - char arrays are strings; all else is what it is. */
const struct type *type_text(struct types *types, const struct type *t);
/* event_space - where addresses without a type point in this event's programs. */
enum address_space event_space(const struct event *event);

#endif
