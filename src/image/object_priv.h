/*
 * What the files of the object reader share. In order of execution (object.c drives):
 *
 *	object_elf.c      bytes to sections, symbols, relocations
 *	object_btf.c      .BTF and .BTF.ext: types by name, functions, lines, CO-RE relocations
 *	relocate*.c       CO-RE, on each section of code
 *	link.c            symbols of one object found in the others
 *	object_map.c      maps; object_data.c sections of variables; object_config.c .kconfig
 *	object_func.c     functions of a section of code, and what they refer to
 *	object_prog.c     functions put together to programs
 *	object_line.c     source lines to spans
 *
 * Everything lies in the arena. Each part adds its diagnostic through object_bad() and returns what
 * that returns.
 */
#ifndef SKEP_IMAGE_OBJECT_PRIV_H
#define SKEP_IMAGE_OBJECT_PRIV_H

#include "image/object.h"
#include "image/relocate.h"
#include "types/btf_record.h"

/* Relocation types of BPF objects. gcc's assembler before 2.41 calls 1 REL_INSN_64 and 10
 * REL_INSN_DISP32, and has numbers of its own for data. */
enum {
	REL_NONE = 0,
	REL_64_64 = 1,
	REL_64_ABS64 = 2,
	REL_64_ABS32 = 3,
	REL_64_NODYLD32 = 4,
	REL_64_32 = 10,
	REL_GNU_DATA_32 = 11,
	REL_GNU_DATA_64 = 12,
};

enum {
	OBJECT_INSNS_MAX = 1 << 20,    /* instructions of one program, as the kernel's limit */
	OBJECT_INSNS_ALL = 8 << 20,    /* of all programs of an image */
	OBJECT_VALUE_MAX = 64 << 20,   /* bytes of one section of variables, and of all */
	OBJECT_ENTRIES_MAX = 64 << 20, /* first entries of a map */
};

enum section_role {
	SECTION_OTHER,
	SECTION_CODE,
	SECTION_DATA,       /* .data* .bss* .rodata* */
	SECTION_MAPS,       /* .maps: described by BTF */
	SECTION_OLD_MAPS,   /* maps: struct bpf_map_def */
	SECTION_STRUCT_OPS, /* .struct_ops, .struct_ops.link: each variable is a map */
};

struct object;
struct object_section;

struct object_symbol {
	struct object *object;
	struct object_section *section; /* NULL: not defined here */
	const char *name;               /* "": none */
	uint64_t value, size;           /* bytes from the section's start */
	uint8_t bind, type;             /* STB_*, STT_* */
	uint32_t map;                   /* in a section of maps: index + 1, else 0 */
};

struct object_rel {
	uint64_t offset; /* in the section */
	uint32_t type, symbol;
	int64_t addend;
	bool has_addend; /* the addend is not in the section's bytes */
};

/* An instruction that refers to something: what is put there once it has its place. */
struct object_ref {
	uint32_t insn;            /* of the section */
	struct object_func *func; /* a function: called, or (reloc.kind RELOC_FUNC) its address */
	bool is_call;             /* by `func` */
	struct reloc reloc;       /* else */
};

struct object_func {
	struct object *object;
	struct object_section *section;
	uint32_t start, end; /* instructions of the section */
	const char *name;
	bool is_local, gave_way;
	bool is_scanned; /* refs are known */
	VEC(struct object_ref) refs;
	uint32_t prog; /* index of the program that it is the entry of, + 1; 0: none */
	uint32_t mark; /* the program being made, if it is in that, where it begins at `at` */
	uint32_t at;
};

struct object_line {
	uint32_t insn, file, text, place; /* strings of .BTF; place: line << 10 | column */
};

struct object_type_of { /* func_info */
	uint32_t insn, type_id;
};

struct object_section {
	const char *name;
	const uint8_t *data; /* size bytes; NULL: zeros that the file does not hold */
	uint64_t flags, size, align;
	uint32_t type, link, info;
	enum section_role role;
	VEC(struct object_rel) rels; /* ascending offset */
	/* CODE */
	struct insn *insns;
	uint32_t ninsns;
	VEC(struct object_func *) funcs; /* ascending start */
	VEC(struct object_type_of) types;
	VEC(struct object_line) lines; /* ascending insn */
	struct core_relos relos;
	struct image_poisons poisons; /* ascending insn */
	/* DATA: where it lies */
	uint32_t map, base;
};

struct object {
	struct link *link;
	const char *name;
	const uint8_t *data;
	size_t size;
	struct object_section *sections;
	uint32_t nsections;
	struct object_symbol *symbols;
	uint32_t nsymbols;
	struct object_section *btf_section, *ext_section, *symbol_section;
	/* What gcc's assembler before 2.41 leaves in the place of a reference is its target and
	 * not the distance from the symbol. */
	bool is_old_gnu;
	struct btf *btf;                    /* NULL: none */
	struct table vars, funcs, datasecs; /* name: id in the BTF */
	struct table files;                 /* object_line.c: sources by name */
	uint32_t nfiles;
};

/* A variable of .kconfig, or what else is defined nowhere and has BTF. */
struct object_extern {
	const char *name;
	struct object *object; /* whose BTF describes it */
	uint32_t id;           /* VAR or FUNC */
	uint32_t type_id;      /* 0: a function */
	bool is_config, is_weak;
	uint32_t offset; /* is_config: in the value of the map */
	uint32_t size, align;
};

struct link {
	struct arena *arena;
	struct types *types;
	struct sources *sources;
	struct diags *diags;
	const struct object_options *opt;
	struct image *img;
	struct object *objects;
	uint32_t nobjects;
	struct table globals; /* name: struct object_symbol, the definition that counts */
	struct table externs; /* name: struct object_extern */
	VEC(struct object_extern *) configs;
	uint32_t config_map;
	uint64_t data_left; /* bytes that variables may still take */
	uint64_t text_left; /* bytes of source text that may still be kept */
	uint32_t insns_left;
	uint32_t mark;
};

/* object_bad - "NAME cannot be used: ..." as an error; -EINVAL. */
int object_bad(const struct object *o, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* object_elf.c: reads o->data. */
int object_elf(struct object *o);
/* object_section_at - the section number @index; NULL: none, or a reserved number. */
struct object_section *object_section_at(struct object *o, uint32_t index);
/* object_rel_at - the relocation at byte @offset of @s, NULL: none. */
const struct object_rel *object_rel_at(const struct object_section *s, uint64_t offset);

/* object_btf.c */
int object_btf(struct object *o);
/* object_record - the record with @name in one of the tables of @o (vars, funcs, datasecs); NULL.
 * *ret_id may be NULL. */
const uint32_t *object_record(const struct object *o, const struct table *t, const char *name,
			      uint32_t *ret_id);

/* object_map.c */
int object_maps(struct object *o);
int object_map_inits(struct object *o);

/* object_data.c: gives the sections of variables their places. */
int object_data(struct object *o);
int object_data_fill(struct object *o);
int object_data_relocate(struct object *o);

/* object_config.c: gathers externs of all objects; makes the map .kconfig. */
int object_externs(struct object *o);
int object_config(struct link *l);

/* object_func.c: functions and what they refer to. */
int object_funcs(struct object *o);
int object_func_scan(struct object_func *f);
/* object_func_at - the function that starts at instruction @insn of @s; NULL. */
struct object_func *object_func_at(const struct object_section *s, uint64_t insn);

/* object_prog.c: programs are declared first, so that maps can hold them, then put together. */
int object_declare_progs(struct link *l);
int object_progs(struct link *l);

/* object_line.c: appends the spans of instructions @from to @end of @s to @prog, where they are
 * instructions @at and following. */
void object_spans(struct object *o, const struct object_section *s, uint32_t from, uint32_t end,
		  uint32_t at, struct image_prog *prog);

#endif
