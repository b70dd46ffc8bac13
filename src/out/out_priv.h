/* What the files of out/ share. Not for other folders. */
#ifndef SKEP_OUT_OUT_PRIV_H
#define SKEP_OUT_OUT_PRIV_H

#include <string.h>

#include "out/out.h"

/* ---- number.c ---- */

/* The longest is octal, 22 digits. */
enum { NUMBER_MAX = 24 };

/* number_decimal, number_base - digits of @n at @to (NUMBER_MAX bytes, no NUL); how many.
 * number_base takes @shift 3 (octal) or 4 (hex). */
unsigned number_decimal(char *to, uint64_t n);
unsigned number_base(char *to, uint64_t n, unsigned shift, bool upper);

void put_unsigned(struct buf *out, uint64_t n);
void put_signed(struct buf *out, int64_t n);
/* put_hex - with 0x in front. */
void put_hex(struct buf *out, uint64_t n);

/* ---- value.c ---- */

/* What is printed, and how. @bytes of @data are there; a value that needs more prints as empty. */
struct value {
	const struct type *type;
	const char *data;
	size_t bytes;
};

/* value_unsigned - the low bytes of an integral value, zero-extended. value_signed -
 * sign-extended when the type is signed. */
uint64_t value_unsigned(const struct value *v);
int64_t value_signed(const struct value *v);
/* value_is_number - printf's %d can show it as it is. */
bool value_is_number(const struct type *t);

/* value_text - as print() shows it; @compact leaves out the spaces, as in JSON keys. */
void value_text(struct buf *out, const struct out_env *env, const struct value *v, bool compact);
void value_json(struct buf *out, const struct out_env *env, const struct value *v);

/* value_agg_text, value_agg_json - an aggregation divided by @div; not for hist and lhist. */
void value_agg_text(struct buf *out, const struct type *t, const void *data, int64_t div);
void value_agg_json(struct buf *out, const struct type *t, const void *data, int64_t div);

/* How bytes are spelled: \x00 for all but printable ones (%r), for all (%rx), spaced hex (%rh). */
enum bytes_form { BYTES_MIXED, BYTES_ESCAPED, BYTES_SPACED };
void put_bytes(struct buf *out, const char *data, size_t len, enum bytes_form form);

/* ---- stack.c ---- */

void stack_text(struct buf *out, const struct out_env *env, const struct value *v, bool compact);
void ksym_text(struct buf *out, const struct out_env *env, const struct value *v);
void usym_text(struct buf *out, const struct out_env *env, const struct value *v);

/* ---- name.c ---- */

/* put_username - the name of @uid in /etc/passwd, or the number. */
void put_username(struct buf *out, uint64_t uid);
/* put_cgroup_path - "hierarchy:path" of cgroup @id in each hierarchy that matches @filter (NULL:
 * all), with commas between; the number when there is none. */
void put_cgroup_path(struct buf *out, uint64_t id, const char *filter);
/* put_gfp - kernel allocation flags by name. */
void put_gfp(struct buf *out, uint64_t flags);

/* ---- hist.c ---- */

/* hist_text, hist_json - the buckets of a HIST or LHIST; @div applies to HIST counts. */
void hist_text(struct buf *out, const struct type *t, const void *data, int64_t div);
void hist_json(struct buf *out, const struct type *t, const void *data, int64_t div);

/* ---- json.c ---- */

/* json_number - as a number, or quoted where a double could not hold it. */
void json_unsigned(struct buf *out, uint64_t n);
void json_signed(struct buf *out, int64_t n);
/* json_quote_from - turns what @out holds from @start on into a JSON string. */
void json_quote_from(struct buf *out, size_t start);

#endif
