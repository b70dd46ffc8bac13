/*
 * Symbols: addresses to names, for kernel and user space. Loaded when first asked; what was
 * learned of a process is kept after it has ended.
 */
#ifndef SKEP_SYM_SYM_H
#define SKEP_SYM_SYM_H

#include "base/base.h"

struct symbols;

struct symbol {
	const char *name;   /* NULL: unknown */
	uint64_t offset;    /* into the symbol; with no name, into the file */
	const char *module; /* kernel module, or path of the user file; NULL: none */
};

/* symbols_new - NULL without memory. @kallsyms and @proc stand in for /proc/kallsyms and /proc in
 * tests; NULL: the real ones. */
struct symbols *symbols_new(const char *kallsyms, const char *proc);
void symbols_free(struct symbols *s);

/* symbols_kernel - the symbol at a kernel address. Strings live as long as @s. */
struct symbol symbols_kernel(struct symbols *s, uint64_t address);
/* symbols_kernel_address - where @name is; 0: unknown. */
uint64_t symbols_kernel_address(struct symbols *s, const char *name);
/* symbols_kernel_each - every function name (module NULL for the kernel itself) until @visit
 * returns false. 0 or -errno. */
int symbols_kernel_each(struct symbols *s,
			bool (*visit)(void *ctx, const char *name, const char *module), void *ctx);

/* symbols_user - the symbol at @address of process @pid: ELF symbols of the mapped file, then
 * /tmp/perf-PID.map. What has no file goes by the kernel's name for it, such as [vdso] or [heap].
 * Names are as they stand in the file, not demangled. */
struct symbol symbols_user(struct symbols *s, uint32_t pid, uint64_t address);
/* symbols_see - remembers the mappings of @pid now, so that its symbols outlive it. */
void symbols_see(struct symbols *s, uint32_t pid);

#endif
