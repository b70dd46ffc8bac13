/*
 * C declarations: the tokens of the preprocessor become types in `struct types`, enumerators and
 * typedef names. Function bodies and initialisers are skipped; a front end for all of C can hook
 * in where they begin.
 *
 * A struct that is only named is completed from the kernel's types when its size is needed; one
 * that never is stays hollow, so that type_complete() finds the kernel's when it is looked into.
 */
#ifndef SKEP_CDECL_DECL_H
#define SKEP_CDECL_DECL_H

#include "cdecl/pp.h"
#include "types/type.h"

enum {
	DECL_MAX_DEPTH = 100, /* of structs, declarators and parameter lists in each other */
	DECL_MAX_ALIGN = 1 << 28,
};

enum decl_kind { DECL_TYPEDEF, DECL_ENUMERATOR, DECL_OBJECT };

/* What an ordinary name means. */
struct decl_symbol {
	enum decl_kind kind;
	const struct type *type;
	int64_t value; /* ENUMERATOR */
	struct span span;
};

struct decl;

/* decl_new - a parser of what @pp gives, into @types. @want_kernel is called before the kernel's
 * types are asked for; NULL: they are there, or never will be. */
struct decl *decl_new(struct pp *pp, struct types *types, enum arch arch,
		      void (*want_kernel)(void *ctx), void *ctx);

/* decl_parse - reads declarations until PP_END. Errors are in the preprocessor's diags. */
void decl_parse(struct decl *d);

/* decl_find - the typedef, enumerator or object called @name, or NULL. */
const struct decl_symbol *decl_find(const struct decl *d, const char *name);

/* decl_evaluate - the value of @tokens, expanded already, when they are one constant integer
 * expression. False when they are not. */
bool decl_evaluate(struct decl *d, const struct pp_token_list *tokens, int64_t *ret_value,
		   const struct type **ret_type);

#endif
