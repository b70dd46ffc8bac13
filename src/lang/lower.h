/*
 * Lowering: checked trees to IR. One struct lower for each program.
 *
 * A value is a 64-bit word, kept zero- or sign-extended by its type, or bytes somewhere. Bytes
 * that the program made itself (VALUE_DIRECT: slots, map values, records) are read directly and
 * hold strings padded with NULs; all others are read by bpf_probe_read_*().
 */
#ifndef SKEP_LANG_LOWER_H
#define SKEP_LANG_LOWER_H

#include "lang/check.h"

enum value_place {
	VALUE_NOTHING, /* an effect without a value */
	VALUE_WORD,
	VALUE_DIRECT,
	VALUE_KERNEL,
	VALUE_USER,
	VALUE_EITHER, /* the address itself tells which of the two */
};

struct value {
	enum value_place place;
	bool is_text; /* not DIRECT: a C string that may end before the type does */
	uint8_t bit_offset, bit_size;
	const struct type *type;
	struct ir_value *v;      /* the word, or the base address of the bytes */
	int32_t offset;          /* from the base */
	struct ir_value *length; /* is_text: bytes with the NUL at most, if less than the type's */
};

/* Where a value is to be written. */
struct dest {
	struct ir_value *base;
	int32_t offset;
	const struct type *type;
	bool padded; /* bytes that hold nothing must be 0 after it */
};

/* A piece of slot that is free again when the statement that took it ends. */
struct temp {
	uint32_t size;
	bool taken;
	struct ir_value *base;
};

struct lower {
	struct script *s;
	const struct plan_prog *plan;
	const struct event *event; /* the model of the step being built */
	struct ir_module *module;
	struct ir_func *f;
	struct ir_value *ctx;        /* the program's context */
	struct ir_value *which;      /* index of the event that came; NULL: nobody asks */
	struct ir_block *leave;      /* where `return` goes: the end of the step */
	struct ir_block *next, *end; /* of the loop around: where continue and break go */
	bool leaves;                 /* something jumps to `leave` */
	VEC(struct temp) temps;
	VEC(uint32_t) taken;   /* temps of the statements being built, oldest first */
	VEC(uint32_t) held;    /* temps that variables of open blocks lie in */
	struct ir_value *word; /* 8 bytes that a read of one word goes through */
	unsigned *ncallbacks;  /* of the program, for their names */
};

/* ---- lower_value.c ---- */

struct value value_of_word(const struct type *t, struct ir_value *v);
struct value value_nothing(void);
struct value value_direct(const struct type *t, struct ir_value *base, int32_t offset);
/* value_at - bytes at address @v in @space. */
struct value value_at(struct lower *l, enum address_space space, const struct type *t,
		      struct ir_value *v, int32_t offset);
/* value_word - the word that @v holds; loads it if need be. */
struct ir_value *value_word(struct lower *l, struct value v);
/* value_address - the address of bytes, as a number. */
struct ir_value *value_address(struct lower *l, struct value v);
/* value_store - writes @v as to.type; how many bytes matter, NULL when all do. */
struct ir_value *value_store(struct lower *l, struct value v, struct dest to);
/* value_bytes - @v in memory that may be read directly, strings padded. */
struct value value_bytes(struct lower *l, struct value v);
/* value_pointer - an address and where it points, from a pointer, an integer or bytes. */
struct ir_value *value_pointer(struct lower *l, struct value v, enum value_place *ret);
/* read_memory - bpf_probe_read_*(); read_string - the _str form, giving what it returned. */
void read_memory(struct lower *l, enum value_place place, struct ir_value *to,
		 struct ir_value *size, struct ir_value *from);
struct ir_value *read_string(struct lower *l, enum value_place place, struct ir_value *to,
			     struct ir_value *size, struct ir_value *from);
enum value_place space_place(struct lower *l, enum address_space space);
enum ir_op load_op(uint32_t size, bool is_signed);
enum ir_op store_op(uint32_t size);
struct ir_value *address_of(struct lower *l, struct ir_value *base, int64_t offset);
/* temp_slot - @size bytes until the end of the statement; held_slot - of the block. The marks
 * are what taken.n and held.n were at its beginning. */
struct ir_value *temp_slot(struct lower *l, uint32_t size);
void temps_release(struct lower *l, uint32_t mark);
struct ir_value *held_slot(struct lower *l, uint32_t size);
void held_release(struct lower *l, uint32_t mark);
struct ir_value *word_const(struct lower *l, int64_t n);
struct ir_value *word_add(struct lower *l, struct ir_value *a, int64_t n);
/* at_most - @v, or @limit where that is less (unsigned). */
struct ir_value *at_most(struct lower *l, struct ir_value *v, int64_t limit);
/* chunk_size - the most bytes, a power of two, that can be moved between offsets @a and @b. */
uint32_t chunk_size(int32_t a, int32_t b, uint32_t left);
void zero_bytes(struct lower *l, struct ir_value *base, int32_t offset, uint32_t size);
/* block_start - all jumps to @b have been made: seal it and go on there. */
void block_start(struct lower *l, struct ir_block *b);
struct ir_block *block_new(struct lower *l, const char *label);

/* ---- lower_expr.c ---- */

struct value lower_value(struct lower *l, const struct node *n);
struct ir_value *lower_word(struct lower *l, const struct node *n);
struct ir_value *lower_into(struct lower *l, const struct node *n, struct dest to);
/* lower_branch - to @then if @n is true. */
void lower_branch(struct lower *l, const struct node *n, struct ir_block *then,
		  struct ir_block *otherwise);
/* text_into - @len bytes of @text in as few stores as it takes; gives their number with the NUL. */
struct ir_value *text_into(struct lower *l, const char *text, uint32_t len, struct dest to);
/* word_resize - a word cut to what @to holds, and extended again. */
struct ir_value *word_resize(struct lower *l, struct ir_value *v, const struct type *to);
/* lower_discard - for its effects only. */
void lower_discard(struct lower *l, const struct node *n);

/* ---- lower_operator.c ---- */

struct value lower_binary(struct lower *l, const struct node *n);
struct value lower_unary(struct lower *l, const struct node *n);
/* lower_arithmetic - @a op @b as values of @type; for divisions by zero @n gives the place. */
struct ir_value *lower_arithmetic(struct lower *l, enum token_kind op, const struct type *type,
				  struct ir_value *a, struct ir_value *b, const struct node *n);
/* lower_same - 1 if two strings, arrays or tuples are equal. */
struct ir_value *lower_same(struct lower *l, const struct node *a, const struct node *b);
/* compare_bytes - 1 if @n bytes are equal. */
struct ir_value *compare_bytes(struct lower *l, struct value a, struct value b, uint32_t n);
/* compare_text - 1 if the string @v begins with the @n bytes of @text. */
struct ir_value *compare_text(struct lower *l, struct value v, const char *text, uint32_t n);

/* ---- lower_access.c ---- */

struct value lower_member(struct lower *l, const struct node *n);
struct value lower_index(struct lower *l, const struct node *n);
struct value lower_deref(struct lower *l, const struct node *n);
/* lower_place - what an access of the event gives. */
struct value lower_place(struct lower *l, struct access a, const struct type *t);

/* ---- lower_map.c ---- */

/* map_find - the address of the value under the key of MAP node @n; 0: there is none. */
struct ir_value *map_find(struct lower *l, const struct node *n);
struct value map_read(struct lower *l, const struct node *n);
struct ir_value *map_read_into(struct lower *l, const struct node *n, struct dest to);
void map_write(struct lower *l, const struct node *map, const struct node *value);
/* map_change - `@x op= value`. */
void map_change(struct lower *l, const struct node *n);
/* map_step - @x++ and its likes: the value before when behind, after when in front. */
struct value map_step(struct lower *l, const struct node *n);
/* map_entry - the value under the key, made zero when new; where there is no room for it, goes to
 * @full, for map_full() to end. */
struct ir_value *map_entry(struct lower *l, const struct node *n, struct ir_block *full);
void map_full(struct lower *l, const struct node *n, struct ir_block *full);
void map_mark_set(struct lower *l, const struct script_map *m, struct ir_value *base);
struct ir_value *map_key(struct lower *l, const struct node *n);
struct ir_value *map_handle(struct lower *l, const struct script_map *m);
/* map_folded - one integer from the values of all CPUs. @key: its address. */
struct ir_value *map_folded(struct lower *l, const struct script_map *m, struct ir_value *key);
struct ir_value *map_delete(struct lower *l, const struct node *n);

/* ---- lower_record.c ---- */

/* record_write - a record of @kind with the values of @n children of @call, from @first on. */
void record_write(struct lower *l, const struct node *call, struct image_site site, uint32_t first,
		  uint32_t n);
/* record_exit - exit(@code). */
void record_exit(struct lower *l, const struct node *call, struct ir_value *code);
/* record_warning - tells @message once. */
void record_warning(struct lower *l, const struct node *n, const char *message);
/* record_site - the index of a site like @site, made when new. */
uint32_t record_site(struct lower *l, const struct image_site *site);
/* record_output - writes @size bytes at @base to the ring. */
void record_output(struct lower *l, uint32_t site, struct ir_value *base, struct ir_value *size);
/* globals - the address of a word of struct image_globals. */
struct ir_value *globals(struct lower *l, int64_t offset);

/* ---- builtins that others build upon ---- */

/* lower_pid_tgid - pid << 32 | tid, as the tracer's pid namespace numbers them. */
struct ir_value *lower_pid_tgid(struct lower *l);
/* lower_hist_bucket, lower_lhist_bucket - which bucket @v falls into; see image/agg.h. */
struct ir_value *lower_hist_bucket(struct lower *l, struct ir_value *v, unsigned bits);
struct ir_value *lower_lhist_bucket(struct lower *l, struct ir_value *v, const struct type *t);

/* ---- lower_stmt.c, lower_loop.c ---- */

void lower_statement(struct lower *l, const struct node *n);
void lower_block(struct lower *l, const struct node *block);
struct value lower_block_value(struct lower *l, const struct node *n);
void lower_for_map(struct lower *l, const struct node *n);
void lower_for_range(struct lower *l, const struct node *n);
void variable_begin(struct lower *l, struct variable *v, bool zero);
void variable_store(struct lower *l, struct variable *v, struct value from);
struct value variable_read(struct lower *l, const struct node *n);

#endif
