/*
 * Builtins: variables, functions and aggregations of the language, a record each.
 *
 * To add one, write its record into the table of its family (builtin_FAMILY.c): nothing else has
 * to change. The signature says what generic code checks before the record's own hook runs:
 *
 *	"(string, int?) -> string"
 *
 *	int      an integer, bool or enum        pointer  an integer or a pointer
 *	literal  an integer known now            text     a string literal
 *	string   a string (char arrays too)      any      any value
 *	map      a map, without a key            node     anything: the hook checks it
 *	?        behind a type: may be left out  ...      any number of values
 *
 * After "->" a type of type_find(), or "void", or "*": the check hook sets node->type. A record
 * without parentheses in its signature is a variable; all variables may be called with ().
 */
#ifndef SKEP_LANG_BUILTIN_H
#define SKEP_LANG_BUILTIN_H

#include "lang/check.h"
#include "lang/lower.h"

enum builtin_flags {
	BUILTIN_UNSAFE = 1,    /* needs --unsafe */
	BUILTIN_AGGREGATE = 2, /* only as `@map = f(...)` */
	BUILTIN_EVENT = 4,     /* the code must know which event came */
	BUILTIN_CONTEXT = 8,   /* reads the program's context */
	BUILTIN_STACK = 16,    /* takes a stack */
	BUILTIN_NUMBERED = 32, /* a family of names that end in a number: arg0, arg1 .. */
	BUILTIN_RECORD = 128,  /* writes records */
	BUILTIN_INLINE = 256,  /* `into` needs no memory of its own */
	BUILTIN_VARIABLE = 64, /* takes arguments, but may be written without parentheses too */
};

struct builtin {
	const char *name;
	const char *sign;
	unsigned flags;
	/* kinds of probes that it may stand in: enum provider_flags, all of which must be there */
	unsigned needs;
	/* check - sees the call (or name) with checked arguments; may set type and number */
	void (*check)(struct check *c, struct node *n);
	/* lower - the code of a value that fits a register, or of an effect (no value) */
	struct value (*lower)(struct lower *l, struct node *n);
	/* into - the code of a value that does not: writes all of @to; how many bytes matter, NULL
	 * when all of them do (the rest need not be written unless @to is padded) */
	struct ir_value *(*into)(struct lower *l, struct node *n, struct dest to);
	/* update - aggregations: adds the call's argument to the entry of MAP node @map; to @full
	 * where there is no room (see map_entry) */
	void (*update)(struct lower *l, struct node *n, const struct node *map,
		       struct ir_block *full);
	const char *doc, *example;
};

/* The tables, one for each family; the last record has no name. */
extern const struct builtin *const builtin_families[];
extern const struct builtin builtin_agg[], builtin_event[], builtin_map[], builtin_net[],
	builtin_print[], builtin_stack[], builtin_string[], builtin_symbol[], builtin_system[],
	builtin_time[], builtin_var[];

/* builtin_find - NULL when there is none. For a numbered one, *ret_number gets the number. */
const struct builtin *builtin_find(const char *name, uint64_t *ret_number);
/* builtin_names - all names, for "did you mean". */
struct name_list builtin_names(struct arena *arena, bool functions);
/* builtin_is_function - whether it must be called. */
bool builtin_is_function(const struct builtin *b);

/* builtin_check - checks a CALL or IDENT node bound to a builtin against the signature, then by
 * its hook. */
void builtin_check(struct check *c, struct node *n, const struct builtin *b);

#endif
