/* Formats taken apart: what printf.c follows and format.c makes. Not for other folders. */
#ifndef SKEP_OUT_FORMAT_H
#define SKEP_OUT_FORMAT_H

#include "out/out_priv.h"

enum conversion {
	CONVERT_NONE,     /* text alone */
	CONVERT_SIGNED,   /* d i */
	CONVERT_UNSIGNED, /* u */
	CONVERT_OCTAL,    /* o */
	CONVERT_HEX,      /* x X */
	CONVERT_CHAR,     /* c */
	CONVERT_POINTER,  /* p */
	CONVERT_VALUE,    /* s: any value as print() shows it */
	CONVERT_BYTES,    /* r rx rh */
	CONVERT_GFP,      /* gr */
	CONVERSION_COUNT
};

enum { FLAG_MINUS = 1, FLAG_PLUS = 2, FLAG_SPACE = 4, FLAG_HASH = 8, FLAG_ZERO = 16 };

enum { PRECISION_NONE = -1 };

/* Some text, then one conversion of one argument. */
struct piece {
	const char *text;
	uint32_t text_len;
	uint8_t conversion;
	uint8_t flags;
	uint8_t bytes; /* an integer is cut to this size: 1, 2, 4 or 8 */
	bool upper;
	enum bytes_form form;
	bool plain;    /* no flags, width or precision: the common case */
	int32_t width; /* 0: none */
	int32_t precision;
	const struct type_member *arg;       /* NULL: there is none */
	const struct type_member *width_arg; /* of `*` */
	const struct type_member *precision_arg;
};

struct format {
	struct piece *pieces;
	uint32_t n;
};

struct out_formats {
	const struct image *image;
	struct format *formats; /* one for each site */
	uint32_t n;
};

/* out_format_parse - takes @text apart over the members of @args (may be NULL). -ENOMEM or 0. */
int out_format_parse(struct format *f, const char *text, const struct type *args);
void format_done(struct format *f);

#endif
