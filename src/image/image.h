/*
 * The image: what a compiled program is. Makers (scripts, C, ELF objects) fill one in;
 * consumers (verifier, kernel, engine) take it as it is. Everything in it lives in one arena
 * and refers to the rest by index, so that it can be written to disk and read back.
 *
 *	progs ──insns, relocs, spans──► maps, externs
 *	attaches ──prog──► progs          (which event runs which program)
 *	sites ──args──► types             (what a record in the ring means)
 */
#ifndef SKEP_IMAGE_IMAGE_H
#define SKEP_IMAGE_IMAGE_H

#include "base/arena.h"
#include "base/source.h"
#include "bpf/insn.h"
#include "bpf/target.h"
#include "bpf/uapi.h"
#include "types/type.h"

/* What a map is for. The host chooses kind, flags, preallocation and size from this. */
enum map_role {
	MAP_USER,     /* a map of the script: key and value are described by types */
	MAP_RING,     /* records for user space */
	MAP_URGENT,   /* small ring for records that must not be lost or wait: exit, errors */
	MAP_LOSS,     /* array of u64, one a site: records that found no room */
	MAP_SCRATCH,  /* value_size bytes, per CPU x nesting level; see ir/scratch.c */
	MAP_STACKS,   /* interned stacks: u64 id -> struct stack_entry */
	MAP_GLOBALS,  /* one value, mapped by the host: struct image_globals, then the script's */
	MAP_RODATA,   /* one value, frozen before programs load; `data` has it */
	MAP_DISPATCH, /* array of u32, one a system call number: event index + 1, or 0; `data` */
	MAP_DATA,     /* variables of an object (.data, .bss, .kconfig): an array of one value, a
		       * struct of them; `data` has it, NULL: zeros */
	MAP_ROLE_COUNT
};

/* The start of the MAP_GLOBALS value; programs and host share it. */
struct image_globals {
	uint32_t stop;         /* not 0: every program returns at once */
	uint32_t exit_code;    /* of exit(n) */
	uint64_t start_ns;     /* boot-time ns at which tracing began, for elapsed */
	uint64_t stack_lost;   /* stacks that found no slot */
	uint64_t scratch_lost; /* events that found no free scratch level */
};

enum { SCRATCH_LEVELS = 4 }; /* task, softirq, hardirq, NMI */

/* A first content that is known only when the map is made. */
enum map_init_kind {
	INIT_MAP,     /* maps of maps: map `index` stands under key `at` */
	INIT_PROG,    /* prog arrays: program `index` stands under key `at`; struct_ops: its address
		       * at byte `at` of the value */
	INIT_ADDRESS, /* MAP_DATA, MAP_RODATA: at byte `at` stands the address (8 bytes) of map
		       * `index`'s value + addend; kernels cannot do this, engines can */
};

struct map_init {
	uint32_t at;
	enum map_init_kind kind;
	uint32_t index;
	int64_t addend;
};

struct image_map {
	const char *name; /* "@x" for the script's own, ".ring" and so on otherwise; objects: the
			   * variable's or section's name */
	enum map_role role;
	const struct type *key;   /* MAP_USER: NULL when scalar (no key) */
	const struct type *value; /* MAP_USER */
	uint32_t key_size, value_size, max_entries;
	bool percpu;      /* one value a CPU, merged by value type when read (agg.h) */
	uint32_t kind;    /* enum bpf_map_type declared by the script; 0: host chooses */
	const void *data; /* first contents: value_size * max_entries bytes, or NULL */
	struct span span; /* first use */
	/* What only objects ask for; max_entries 0: what the kind needs (one a CPU). */
	uint32_t flags;     /* BPF_F_*, besides those that the host adds */
	uint32_t numa_node; /* where BPF_F_NUMA_NODE is among them */
	uint64_t extra;     /* map_extra: a bloom filter's hash functions, an arena's address */
	uint32_t inner;     /* maps of maps: index + 1 of the template, which stands before */
	bool is_template;   /* only says what the maps inside of another are like */
	bool is_pinned;     /* shared under its name in the BPF file system */
	VEC(struct map_init) inits;
};

enum reloc_kind {
	RELOC_MAP,       /* ld_imm64: address of map `index` */
	RELOC_MAP_VALUE, /* ld_imm64: address of map `index`'s only value + addend */
	RELOC_FUNC,      /* ld_imm64: address of the function at instruction `index` of this program
			  * (a callback) */
	RELOC_KSYM,      /* ld_imm64: address of kernel symbol `name` + addend */
	RELOC_PARAM,     /* ld_imm64: a value the host fills in at load: `index` is enum
			  * image_param */
	RELOC_KFUNC,     /* call (src 2): kernel function `name`, by its BTF id */
	RELOC_KVAR,      /* ld_imm64 (src 3): kernel variable `name`, by its BTF id */
};

/* Values known only when loading. */
enum image_param {
	PARAM_COOKIE,    /* the attach record's cookie, where the kernel has no cookies */
	PARAM_SELF_PID,  /* pid of the tracer, 0: unknown */
	PARAM_PIDNS_DEV, /* device and inode of the tracer's pid namespace; 0: the first one */
	PARAM_PIDNS_INO,
};

struct reloc {
	uint32_t insn; /* index in the program */
	enum reloc_kind kind;
	uint32_t index;
	const char *name;
	int64_t addend;
	bool is_weak;            /* KSYM, KFUNC, KVAR: 0 where there is none of that name */
	const struct type *type; /* KFUNC, KVAR: what the program takes it for; NULL: not known */
};

struct insn_span {
	uint32_t insn; /* first instruction that comes from `span`; until the next record */
	struct span span;
};

/* A function of a program; the first is its entry. */
struct image_func {
	uint32_t insn;
	const char *name;
	uint32_t nparams;
	const struct type *type; /* FUNC with its parameters, NULL: not known */
};

/*
 * An instruction that cannot work on this target, because a CO-RE relocation of it failed: it is
 * a call of helper POISON_HELPER + n. Reaching it is the error, not having it: code behind an
 * exists check is never run, and verifiers never see it.
 */
enum { POISON_HELPER = 195896080 }; /* the number that libbpf uses, and kernel logs show */

struct image_poison {
	uint32_t insn;
	const char *why; /* "the target has no task_struct.state" */
};

struct image_prog {
	const char *name;        /* <= 15 characters of [A-Za-z0-9_], for the kernel's lists */
	uint32_t type;           /* enum bpf_prog_type */
	uint32_t attach_type;    /* enum bpf_attach_type expected at load */
	const char *attach_func; /* BPF_PROG_TYPE_TRACING: BTF function or typedef to attach to */
	VEC(struct insn) insns;
	VEC(struct reloc) relocs;
	VEC(struct insn_span) spans;
	VEC(struct image_func) funcs;
	bool per_attach; /* has a PARAM_COOKIE: the host loads a copy for each attach */
	/* What objects say besides. */
	const char *section; /* where it stood, and so where it attaches: "kprobe/vfs_read" */
	uint32_t flags;      /* for load: BPF_F_SLEEPABLE, BPF_F_XDP_HAS_FRAGS */
	bool is_optional;    /* loaded only when asked for ("?" before the section's name) */
	VEC(struct image_poison) poisons;
};

/* How an attach record is carried out: one row in kernel/ and in engine/ for each. */
enum attach_kind {
	ATTACH_BEGIN,
	ATTACH_END,
	ATTACH_TRACEPOINT,     /* target: subsystem, func: event */
	ATTACH_RAW_TRACEPOINT, /* func: event */
	ATTACH_KPROBE,         /* target: module or NULL, func, offset; is_return */
	ATTACH_UPROBE,         /* target: file, offset in the file; is_return */
	ATTACH_SOFTWARE,       /* config: PERF_COUNT_SW_*, period */
	ATTACH_PROFILE,        /* period: Hz or ns (see is_frequency); every CPU */
	ATTACH_INTERVAL,       /* the same on one CPU */
	ATTACH_KIND_COUNT
};

struct attach {
	enum attach_kind kind;
	uint32_t prog;    /* index in progs */
	const char *name; /* the full probe name, as `probe` prints it */
	const char *target, *func;
	uint64_t offset;  /* bytes */
	uint64_t address; /* KPROBE: absolute address when func is NULL */
	uint64_t cookie;  /* index into image.probes unless a program says otherwise */
	uint64_t period;
	uint64_t ref_ctr_offset; /* UPROBE: the USDT semaphore's offset in the file, or 0 */
	uint32_t config;         /* TRACEPOINT: its id; SOFTWARE: the event */
	uint32_t more;           /* probes of the script that this one stands for, beside itself */
	int32_t pid;             /* UPROBE, SOFTWARE: only this process; -1: all */
	bool is_return;
	bool is_frequency; /* period is in Hz, else in ns */
	struct span span;  /* the attach point in the script */
};

/* What a record in the ring asks user space to do. Rows: name, urgent. */
enum render_kind {
#define RENDER(id, name) RENDER_##id,
#include "image/render.def"
	RENDER_KIND_COUNT
};

/* One call that writes records. A record is struct record_head, then the members of `args`
 * at their offsets (counted from the record's start; a last string or buffer member may be cut
 * to what it holds). */
struct image_site {
	enum render_kind kind;
	const char *format;      /* printf-like text, strftime format, join separator */
	const struct type *args; /* TUPLE, NULL: none */
	uint32_t map;            /* of print, clear, zero */
	int64_t top, div;        /* of print(@m, top, div); 0: not given */
	struct span span;
};

struct record_head {
	uint32_t site;
	uint32_t reserved; /* 0 */
};

/* On the urgent ring a record begins so: the main ring is drained to `main_pos` first. */
struct urgent_head {
	struct record_head head;
	uint64_t main_pos;
};

struct stack_entry {
	uint32_t nframes;
	uint32_t pid;
	uint64_t frames[127]; /* MAP_STACKS values may hold fewer or more: value_size tells */
};

struct image {
	struct arena *arena;
	const char *license;
	uint32_t version; /* the kernel version that the object was written for, or 0 */
	const struct sources *sources;
	VEC(struct image_prog) progs;
	VEC(struct image_map) maps;
	VEC(struct attach) attaches;
	VEC(struct image_site) sites;
	VEC(const char *) probes; /* names by index, for TYPE_PROBE values */
};

/* image_new - an empty image in @arena. */
struct image *image_new(struct arena *arena, const struct sources *sources);

/* image_map_add, image_site_add - append and return the index. */
uint32_t image_map_add(struct image *img, const struct image_map *map);
uint32_t image_site_add(struct image *img, const struct image_site *site);

/* image_role - index of the first map with @role, or -1. */
int image_role(const struct image *img, enum map_role role);

/* prog_poison - why instruction @insn cannot work; NULL: it can. */
const char *prog_poison(const struct image_prog *prog, uint32_t insn);

/* prog_span - the source span of instruction @insn. */
struct span prog_span(const struct image_prog *prog, uint32_t insn);

#endif
