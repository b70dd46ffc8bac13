/*
 * Types: C types and script types in one representation, shared by both front ends, by BTF,
 * tracepoint formats and DWARF readers, and by all output.
 *
 * Types are immutable once made, live in the arena of their `struct types`, and are compared
 * with type_equal(). Structs that come from BTF are filled in when first looked into
 * (type_complete), so that a pointer chain costs what it touches and not all of vmlinux.
 */
#ifndef SKEP_TYPES_TYPE_H
#define SKEP_TYPES_TYPE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/table.h"

enum type_kind {
	TYPE_NONE, /* not known (yet) */
	/* C */
	TYPE_VOID,
	TYPE_INT,
	TYPE_BOOL,
	TYPE_FLOAT,
	TYPE_ENUM,
	TYPE_POINTER,
	TYPE_ARRAY,
	TYPE_STRUCT,
	TYPE_UNION,
	TYPE_FUNC,
	/* script values; `size` bytes as stored in maps and records */
	TYPE_STRING, /* char[size], NUL-padded */
	TYPE_BUFFER, /* u32 length, then size - 4 bytes */
	TYPE_TUPLE,  /* members without names, packed like a C struct */
	TYPE_RECORD, /* members with names */
	TYPE_INET,   /* u32 family (AF_INET, AF_INET6), 16 address bytes: 20 */
	TYPE_MAC,    /* 6 bytes */
	TYPE_KSTACK, /* struct stack_value below */
	TYPE_USTACK,
	TYPE_KSYM,        /* u64 address */
	TYPE_USYM,        /* u64 address, u32 pid, u32 0 */
	TYPE_USERNAME,    /* u64 uid */
	TYPE_TIMESTAMP,   /* u64 boot-time ns; `name` is the strftime format */
	TYPE_CGROUP_PATH, /* u64 cgroup id; `name` is the hierarchy filter or NULL */
	TYPE_PROBE,       /* u64 index into the image's probe names */
	/* aggregations: map values only; layouts in image/agg.h */
	TYPE_COUNT,
	TYPE_SUM,
	TYPE_AVG,
	TYPE_MIN,
	TYPE_MAX,
	TYPE_STATS,
	TYPE_HIST,
	TYPE_LHIST,
	TYPE_KIND_COUNT
};

enum address_space {
	SPACE_NONE, /* decided by the probe */
	SPACE_KERNEL,
	SPACE_USER,
	SPACE_BPF, /* memory that a program may touch directly: stack, map values */
};

enum stack_mode { STACK_BPFTRACE, STACK_PERF, STACK_RAW, STACK_BUILD_ID };

struct btf;

struct type_member {
	const char *name; /* NULL for tuples and anonymous members */
	const struct type *type;
	uint32_t offset;    /* bytes from the start of the outer type */
	uint8_t bit_offset; /* bit-fields: low bit within the unit at `offset` */
	uint8_t bit_size;   /* 0: not a bit-field */
	bool data_loc;      /* tracepoint __data_loc: u32 (length << 16 | offset in record) */
	bool data_rel;      /* __rel_loc: as above, offset from the end of this field */
};

struct type_enumerator {
	const char *name;
	int64_t value;
};

struct type {
	enum type_kind kind;
	bool is_signed;           /* INT, ENUM, SUM, AVG, MIN, MAX, STATS */
	enum address_space space; /* POINTER: where it points */
	enum stack_mode mode;     /* KSTACK, USTACK */
	uint32_t size;            /* bytes; 0: void, incomplete */
	uint32_t align;           /* 0: only named so far, by C declarations of a script */
	const char *name;         /* tag, typedef or format; NULL if anonymous */
	bool is_typedef;          /* STRUCT, UNION, ENUM: no tag, `name` is a typedef's */
	const struct type *elem;  /* POINTER and ARRAY; FUNC: what it returns */
	uint32_t count;           /* ARRAY: elements; stacks: frame limit */
	struct type_member *members;
	uint32_t nmembers;
	struct type_enumerator *enumerators;
	uint32_t nenumerators;
	int64_t min, max, step; /* LHIST; HIST: min = bits (0..5) */
	/* Completed on demand: the BTF that has the rest, and the id there; NULL when complete. */
	struct btf *btf;
	uint32_t btf_id;
};

/* What a stack is as a value: an index into the interned stacks. */
struct stack_value {
	uint64_t id;  /* 0: no stack could be taken */
	uint32_t pid; /* USTACK: whose addresses; KSTACK: 0 */
	uint32_t limit;
};

/* All types of one compilation. */
struct types {
	struct arena *arena;
	struct btf *btf;    /* kernel types; NULL until the owner opens them (btf_open) */
	struct table named; /* the script's own: "struct x", "union x", "enum x", typedef names */
};

void types_init(struct types *t, struct arena *arena);

/* type_int - the integer of @size 1, 2, 4, 8 or 16 bytes, spelled int32, uint64 and so on;
 * TYPE_NONE for other sizes. */
const struct type *type_int(struct types *t, uint32_t size, bool is_signed);
const struct type *type_bool(struct types *t);
const struct type *type_void(struct types *t);
/* type_simple - a kind that needs no parameter but its size (0: the kind's own fixed size). */
const struct type *type_simple(struct types *t, enum type_kind kind, uint32_t size);
const struct type *type_string(struct types *t, uint32_t size);
const struct type *type_pointer(struct types *t, const struct type *to, enum address_space space);
const struct type *type_array(struct types *t, const struct type *of, uint32_t count);
/* type_tuple - lays @n members out as C would lay out a struct of them. */
const struct type *type_tuple(struct types *t, const struct type *const *members, uint32_t n);
/* type_copy - a modifiable copy; change it before anything else sees it. */
struct type *type_copy(struct types *t, const struct type *from);

/* type_complete - @t with its members known; reads BTF when it must. Never NULL; size 0 when
 * the BTF has only a declaration. */
const struct type *type_complete(struct types *types, const struct type *t);

/* type_find - a type by its C spelling without stars: "struct task_struct", "union x", "enum y",
 * a typedef, or a basic name such as "unsigned long" and "uint32_t". The script's own types win
 * over BTF. NULL when there is none. */
const struct type *type_find(struct types *types, const char *name);

/* type_member - finds @name in a struct, union, tuple ("0", "1" ...) or record, looking through
 * anonymous members (offsets in *ret are from the start of @t). False when there is none. */
bool type_member(struct types *types, const struct type *t, const char *name,
		 struct type_member *ret);

/* type_enum_value - the enumerator @name, in the script's own enums, then in BTF. NULL when no
 * enum has it; else the enum's type with *ret_value set. */
const struct type *type_enum_value(struct types *types, const char *name, int64_t *ret_value);

/* type_equal - one type, whatever typedef it went by. Pointers go by what they point to, their
 * address spaces may differ; strings, buffers and arrays by size too. */
bool type_equal(const struct type *a, const struct type *b);
bool type_is_aggregate(const struct type *t); /* COUNT .. LHIST */
bool type_is_integral(const struct type *t);  /* INT, BOOL, ENUM */
bool type_is_scalar(const struct type *t);    /* fits a register: integral, POINTER, KSYM, ... */
/* type_print - the spelling that diagnostics and `-lv` use: int64, string[16], struct x *. */
void type_print(struct buf *out, const struct type *t);
/* type_name - the same in the types' arena. */
const char *type_name(struct types *types, const struct type *t);

#endif
