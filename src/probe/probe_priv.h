/* What the files of this folder share: reading names, making events, the provider rows. */
#ifndef SKEP_PROBE_PROBE_PRIV_H
#define SKEP_PROBE_PROBE_PRIV_H

#include "probe/probe.h"

/* ---- spec.c ---- */

/* parse_number - decimal or 0x hex with `_` between digits, and exponents as in 1e6; all of
 * @text must be one. */
bool parse_number(const char *text, uint64_t *ret);
/* parse_address - the same, but only hex ("0x...") and decimal. */
bool parse_address(const char *text, uint64_t *ret);
/* split_offset - cuts "func+0x10" in place; *ret is the offset. False: it is no number. */
bool split_offset(char *func, uint64_t *ret);
bool has_wildcard(const char *text);

/* ---- match.c ---- */

/* event_new - an event of @spec's provider called @name, appended to @out. */
struct event *event_new(struct probe_env *env, const struct probe_spec *spec, const char *name,
			enum attach_kind kind, struct event_list *out);
/* read_text - the file @path of tracefs in env->text, until the next read. 0 or -errno. */
int read_text(struct probe_env *env, const char *path);
/* kernel_btf - the kernel's BTF, opened when first asked for; NULL: there is none. */
struct btf *kernel_btf(struct probe_env *env);

/* ---- timer.c: profile and interval ---- */

int timer_parse(struct probe_env *env, char **parts, unsigned n, struct probe_spec *spec);
int timer_match(struct probe_env *env, const struct probe_spec *spec, enum attach_kind kind,
		struct event_list *out);

/* ---- list_types.c ---- */

/* print_declaration - "struct task_struct *prev". */
void print_declaration(struct buf *out, const struct type *t, const char *name);
/* list_types - whether @pattern is for types ("struct x*"); if so, lists them. */
bool list_types(struct probe_env *env, const char *pattern, bool verbose, struct buf *out);

/* ---- regs.c ---- */

/* Hooks of providers whose context is struct pt_regs. */
struct access register_argument(const struct target *target, const struct event *event, unsigned n);
struct access register_result(const struct target *target, const struct event *event);
/* The arguments of the system call in the pt_regs that ctx[0] points to. */
struct access register_syscall_argument(enum arch arch, unsigned n);
/* The system call's number there, as raw sys_exit needs it. */
struct access register_syscall_number(enum arch arch);

/* ---- the providers, one file each ---- */

extern const struct provider provider_begin, provider_end, provider_tracepoint,
	provider_rawtracepoint, provider_kprobe, provider_kretprobe, provider_uprobe,
	provider_uretprobe, provider_profile, provider_interval, provider_software;

#endif
