/*
 * C expressions while compiling: for #if, array bounds, bit-fields, enumerators, and macros that
 * the language reads.
 *
 * A value always has a type; its bits are known when it is constant. Whoever owns the tokens
 * gives them through peek and next, and says what names and "(type)" mean through `operand`.
 * Errors are reported once and make the expression `failed`; what is returned then is an int.
 */
#ifndef SKEP_CDECL_EXPR_H
#define SKEP_CDECL_EXPR_H

#include "cdecl/pp.h"
#include "types/type.h"

enum { EXPR_MAX_DEPTH = 200 };

struct expr_value {
	const struct type *type;
	uint64_t bits; /* known integers: extended to 64 bits by their signedness; is_place: address
			*/
	bool known;    /* bits are the value of a constant */
	bool is_place; /* bits are the address of an object whose value nobody knows */
};

struct expr {
	struct pp *pp;
	struct types *types;
	void *owner;
	const struct pp_token *(*peek)(struct expr *e);
	void (*next)(struct expr *e);
	/* operand - reads a name, a '(' that opens no expression, or a string, and what follows it.
	 * False without reading anything when it is none of these. */
	bool (*operand)(struct expr *e, struct expr_value *ret);
	/* postfix - reads what follows an operand, such as ".member"; NULL: nothing does. */
	struct expr_value (*postfix)(struct expr *e, struct expr_value v);
	bool in_directive; /* #if: everything is an intmax_t or uintmax_t */
	bool char_unsigned;
	bool failed;
	unsigned depth;
	unsigned dead; /* > 0: in a branch that is not evaluated */
};

/* expr_conditional - an expression without ',' or assignment; expr_comma - with ','. */
struct expr_value expr_conditional(struct expr *e);
struct expr_value expr_comma(struct expr *e);
/* expr_unary - what may follow "sizeof" without parentheses, or a cast. */
struct expr_value expr_unary(struct expr *e);

/* expr_error - reports at @t unless the expression failed already. Returns an int, not known. */
struct expr_value expr_error(struct expr *e, const struct pp_token *t, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

/* expr_int - a known int (#if: intmax_t). */
struct expr_value expr_int(const struct expr *e, int64_t n);
struct expr_value expr_unknown(const struct type *type);
/* expr_convert - @v as @to, which may be any scalar type. */
struct expr_value expr_convert(struct expr *e, struct expr_value v, const struct type *to);

/* ---- literal.c ---- */

/* expr_number, expr_char - the value of a PP_NUMBER or PP_CHAR token. */
struct expr_value expr_number(struct expr *e, const struct pp_token *t);
struct expr_value expr_char(struct expr *e, const struct pp_token *t);
/* expr_string - the bytes of a PP_STRING token with its escapes undone, in the arena; wide ones
 * as they are written. *ret_unit is the size of its characters. */
const char *expr_string(struct expr *e, const struct pp_token *t, uint32_t *ret_len,
			uint32_t *ret_unit);

#endif
