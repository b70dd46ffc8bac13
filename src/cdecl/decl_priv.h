/* Inside the parser of declarations: what its files share. See decl.h. */
#ifndef SKEP_CDECL_DECL_PRIV_H
#define SKEP_CDECL_DECL_PRIV_H

#include <string.h>

#include "cdecl/decl.h"
#include "cdecl/expr.h"

/* One id for several spellings; a row that repeats an id adds nothing to the enum. */
enum decl_keyword {
	KW_NONE,
	KW_TYPEDEF,
	KW_STORAGE,
	KW_QUALIFIER,
	KW_EXTENSION,
	KW_ATOMIC,
	KW_VOID,
	KW_CHAR,
	KW_SHORT,
	KW_INT,
	KW_LONG,
	KW_SIGNED,
	KW_UNSIGNED,
	KW_BOOL,
	KW_INT128,
	KW_FLOAT,
	KW_DOUBLE,
	KW_COMPLEX,
	KW_FLOAT_2,
	KW_FLOAT_8,
	KW_FLOAT_16,
	KW_VA_LIST,
	KW_STRUCT,
	KW_UNION,
	KW_ENUM,
	KW_TYPEOF,
	KW_ATTRIBUTE,
	KW_ALIGNAS,
	KW_ASM,
	KW_STATIC_ASSERT,
	KW_SIZEOF,
	KW_ALIGNOF,
	KW_OFFSETOF,
	KW_CONSTANT_P,
	KW_COMPATIBLE_P,
	KW_CHOOSE_EXPR,
};

struct decl_tag {
	struct type *type;
	struct span span;          /* of the definition, or of the first mention */
	bool is_complete, is_open; /* open: between its braces */
};

struct decl {
	struct pp *pp;
	struct types *types;
	struct arena *arena;
	enum arch arch;
	void (*want_kernel)(void *ctx);
	void *ctx;
	bool kernel_wanted;
	struct pp_token t, ahead; /* the one that is looked at, and the one after it */
	bool has_ahead;
	struct span last;     /* the token before t */
	struct table symbols; /* struct decl_symbol */
	struct table tags;    /* "struct x": struct decl_tag */
	uint32_t anonymous;   /* enums without a tag so far */
	uint32_t pack;        /* #pragma pack */
	VEC(uint32_t) packs;  /* push */
	struct expr expr;
	unsigned depth;
};

struct attributes {
	bool packed;
	uint32_t align;      /* the largest that was given; 0: none. What objects and members get */
	uint32_t last_align; /* the last that was given: what types get */
	uint32_t vector;     /* bytes */
	uint32_t mode;       /* bytes */
};

struct specifiers {
	const struct type *type;
	struct attributes attributes;
	bool is_typedef;
	bool has_body; /* a struct, union or enum is defined */
};

struct declarator {
	struct pp_token name; /* PP_NAME, or where one could stand */
	const struct type *type;
	struct attributes attributes;
	bool is_function; /* a body may follow */
};

/* ---- decl.c: the cursor ---- */

void decl_next(struct decl *d);
const struct pp_token *decl_peek(struct decl *d);
enum decl_keyword decl_keyword(const struct pp_token *t);
bool decl_accept(struct decl *d, enum pp_kind kind);
bool decl_expect(struct decl *d, enum pp_kind kind);
bool decl_expected(struct decl *d, const char *what);
/* decl_skip_balanced - from an opening bracket to past its closing one. */
void decl_skip_balanced(struct decl *d);
bool decl_enter(struct decl *d);
void decl_leave(struct decl *d);
/* decl_symbol - declares; reports a clash with another meaning of the name. */
bool decl_declare(struct decl *d, const struct pp_token *name, struct decl_symbol symbol);
void decl_hint_first(struct decl *d, struct span first);

/* ---- decl_specifier.c ---- */

/* decl_specifiers - false after an error. An identifier that is no type is not read. */
bool decl_specifiers(struct decl *d, struct specifiers *ret);
/* decl_begins_type - whether a type can begin with @t. */
bool decl_begins_type(struct decl *d, const struct pp_token *t);
/* decl_type_name - "int (*)[3]" of casts and sizeof. NULL after an error. */
const struct type *decl_type_name(struct decl *d);
/* decl_complete - whether the size of @t is known, after looking at the kernel's types. */
bool decl_complete(struct decl *d, const struct type *t);
bool decl_static_assert(struct decl *d);

/* ---- decl_struct.c, decl_enum.c ---- */

const struct type *decl_struct(struct decl *d, struct specifiers *s);
const struct type *decl_enum(struct decl *d, struct specifiers *s);
/* decl_tag - what is known of the tag @name; hollow when it is new. */
struct decl_tag *decl_tag(struct decl *d, enum type_kind kind, const struct pp_name *name);
/* decl_tag_reset - its type is hollow again: the script's own definition follows. */
void decl_tag_reset(struct decl *d, struct decl_tag *tag);

/* ---- decl_declarator.c ---- */

/* decl_declarator - a name with what stands around it, of the type that @s begins. */
bool decl_declarator(struct decl *d, const struct specifiers *s, struct declarator *ret);

/* ---- decl_attribute.c ---- */

/* decl_attributes - any number of __attribute__ and asm("name"), into @ret. */
bool decl_attributes(struct decl *d, struct attributes *ret);
bool decl_alignas(struct decl *d, struct attributes *ret);
/* decl_attribute_type - @t after mode and vector_size. */
const struct type *decl_attribute_type(struct decl *d, const struct type *t,
				       const struct attributes *a);
void decl_pragma(struct decl *d, const struct pp_token *pragma);

/* ---- decl_expr.c ---- */

void decl_expr_init(struct decl *d);
/* decl_constant - a constant integer expression; false after an error. */
bool decl_constant(struct decl *d, struct expr_value *ret);
const struct type *decl_typeof(struct decl *d);

#endif
