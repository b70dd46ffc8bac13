/*
 * Probes: what can be traced. A provider turns the text of an attach point into events; an
 * event is one thing that can be attached to, with the record that says how (struct attach) and
 * with its arguments, described so that a front end can read them without knowing the provider.
 *
 *	"tracepoint:syscalls:sys_enter_open*" ─probe_parse─► spec ─probe_match─► events
 *
 * One provider is one row of providers.c and one file, provider_NAME.c.
 */
#ifndef SKEP_PROBE_PROBE_H
#define SKEP_PROBE_PROBE_H

#include "base/diag.h"
#include "image/image.h"
#include "types/tracefs.h"
#include "types/type.h"

struct elf;
struct symbols;

/* Where probes are looked up. Belongs to one compilation; everything made goes into `arena`, but
 * for the last fields, which the owner frees with probe_env_done(), after a jump for want of
 * memory too. */
struct probe_env {
	struct arena *arena;
	struct types *types;
	struct target *target;
	struct tracefs *tracefs;
	struct diags *diags;
	const char *btf_path; /* "/sys/kernel/btf/vmlinux" or a test's file */
	int32_t pid;          /* -p or -c: only this process; -1: all */
	bool unsafe;
	/* --syscalls: how syscalls:* tracepoints are attached; AUTO weighs the cost */
	enum { SYSCALLS_AUTO, SYSCALLS_CLASSIC, SYSCALLS_RAW } syscalls;
	/* kernel functions; the caller's, or NULL: made when a kprobe needs them */
	struct symbols *symbols;

	/* made on the way */
	bool own_symbols;
	struct buf text; /* the file read last */
	struct elf *elf; /* the file looked into last */
	const char *elf_path;
	const struct event *exit_model; /* a sys_exit_* event with its fields: all have the same */
};

/* probe_env_done - frees what was made on the way. */
void probe_env_done(struct probe_env *env);

struct provider;

/* An attach point, split and checked. */
struct probe_spec {
	const struct provider *provider;
	const char *text;          /* as written */
	const char *target, *func; /* parts, unquoted; may hold '*' and '?'; NULL: not given */
	uint64_t offset, address;
	uint64_t period; /* timers: Hz or ns; software: count; 0: the default */
	bool is_frequency;
	bool is_wild; /* a part holds a wildcard */
	struct span span;
};

/* Where a program finds a value. `ctx` is the program's context (r1). */
enum access_kind {
	ACCESS_NONE,
	ACCESS_CONTEXT,  /* at ctx + offset, read directly */
	ACCESS_REGS,     /* struct pt_regs that the u64 at ctx + base points to, at `offset`
			  * there (raw sys_enter, sys_exit); read by probe_read_kernel */
	ACCESS_STACK,    /* at stack pointer + offset; the stack pointer is read as ctx + base */
	ACCESS_DATA_LOC, /* u32 at ctx + offset: length << 16 | offset of the bytes in ctx */
	ACCESS_DATA_REL, /* as above, counted from the end of the u32 */
};

struct access {
	enum access_kind kind;
	uint32_t base, offset;
};

struct event_field {
	const char *name;
	const struct type *type;
	struct access access;
	uint8_t bit_offset, bit_size; /* bit_size 0: not a bit-field */
};

/* How an event reaches its program, where there is a choice. */
enum event_way {
	WAY_OWN,       /* attached by itself, as its `attach` says */
	WAY_RAW_ENTER, /* from the one raw_tracepoint sys_enter program, by system call number */
	WAY_RAW_EXIT,  /* the same for sys_exit */
};

struct event {
	const struct provider *provider;
	const char *name;     /* full name: "tracepoint:syscalls:sys_enter_openat" */
	struct attach attach; /* `prog` and `cookie` are the plan's to fill in */
	enum event_way way;   /* set by the plan */
	int32_t syscall;      /* WAY_RAW_*: the number; -1: none known */
	uint32_t index;       /* in image.probes; set by the plan */
	/* filled by event_fields */
	bool has_fields;
	VEC(struct event_field) fields;
	const struct type *args; /* a STRUCT of all fields, for sizeof and listing; may be NULL */
};

VEC_TYPE(struct event *, event_list);
VEC_TYPE(const char *, name_list);

enum provider_flags {
	PROVIDES_ARGN = 1, /* arg0.. */
	PROVIDES_RETVAL = 2,
	PROVIDES_FIELDS = 4, /* args.x */
	PROVIDES_FUNC = 8,
	PROVIDES_REGS = 16,   /* the context is struct pt_regs or begins with one (perf event) */
	PROVIDES_CTX = 32,    /* `ctx` is allowed */
	PROVIDES_COOKIE = 64, /* bpf_get_attach_cookie works where FEATURE_COOKIE (RAWTP_COOKIE) */
};

struct provider {
	const char *name;       /* "tracepoint" */
	const char *aliases[3]; /* "t"; NULL-terminated unless full */
	const char *forms;      /* for messages: "tracepoint:SUBSYSTEM:EVENT" */
	unsigned flags;
	uint32_t prog_type; /* enum bpf_prog_type */
	/* parse - takes the parts after the provider's name; fills the spec or reports an error.
	 * The number of parts has been checked against min_parts and max_parts. */
	unsigned min_parts, max_parts;
	int (*parse)(struct probe_env *env, char **parts, unsigned n, struct probe_spec *spec);
	/* match - appends the events that @spec stands for; 0 matches is not an error here */
	int (*match)(struct probe_env *env, const struct probe_spec *spec, struct event_list *out);
	/* fields - fills event->fields and args, reports errors at @span; NULL: none */
	int (*fields)(struct probe_env *env, struct event *event, struct span span);
	/* argn, retval - where they are; ACCESS_NONE: this event has none */
	struct access (*argn)(const struct target *target, const struct event *event, unsigned n);
	struct access (*retval)(const struct target *target, const struct event *event);
	/* prepare - fills in what only attaching needs (a tracepoint's id); NULL: nothing */
	int (*prepare)(struct probe_env *env, struct event *event);
	/* names - all names for "did you mean" near @spec, and which part of @spec they may
	 * replace; NULL: no suggestions */
	const char *(*names)(struct probe_env *env, const struct probe_spec *spec,
			     struct name_list *out);
	/* listing - what `-l` shows instead of events, for providers that have no end of them:
	 * lines; NULL: events */
	const char *listing;
	/* arguments - the argument lines of `-lv`; NULL: none */
	int (*arguments)(struct probe_env *env, struct event *event, struct buf *out);
};

/* All providers, in the order in which listings show them; NULL-terminated. */
extern const struct provider *const providers[];

/* provider_find - by name or alias; full names match in any case. NULL: none. */
const struct provider *provider_find(const char *name);

/* probe_parse - splits and checks @text (parts between ':', quotes and backslashes honoured).
 * 0, or -EINVAL with the reason in env->diags. */
int probe_parse(struct probe_env *env, const char *text, struct span span, struct probe_spec *ret);

/* probe_match - the events of @spec, appended to @out, ordered as the kernel lists them. No match
 * for a spec is an error with a suggestion; returns 0 or -errno, the reason in env->diags. */
int probe_match(struct probe_env *env, const struct probe_spec *spec, struct event_list *out);

/* probe_list - names that @pattern matches, for `-l`: "tracepoint:sys*", "*open*" (any provider),
 * "uprobe:/bin/bash:*", NULL for all. @verbose adds a line for each argument. Output goes to
 * @out, a name a line. */
int probe_list(struct probe_env *env, const char *pattern, bool verbose, struct buf *out);

/* event_fields - makes event->fields known. 0, or -errno with the reason in env->diags. */
int event_fields(struct probe_env *env, struct event *event, struct span span);
const struct event_field *event_field(const struct event *event, const char *name);

/* event_argn, event_retval - by the event's way. */
struct access event_argn(const struct probe_env *env, const struct event *event, unsigned n);
struct access event_retval(const struct probe_env *env, const struct event *event);

/* register_find - where register @name of user-visible pt_regs lies in the context of programs
 * that have PROVIDES_REGS. False: there is none of that name. */
bool register_find(enum arch arch, const char *name, uint32_t *ret_offset);

/* glob_match - whether all of @text matches @pattern ('*' any bytes, '?' one byte). */
bool glob_match(const char *pattern, const char *text);

#endif
