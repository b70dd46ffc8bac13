/*
 * What the files of sym/ share: kallsyms.c (the kernel), process.c (who has mapped what),
 * perfmap.c (names that JIT compilers write down), symbols.c (the way in).
 */
#ifndef SKEP_SYM_SYM_PRIV_H
#define SKEP_SYM_SYM_PRIV_H

#include "base/buf.h"
#include "elf/elf.h"
#include "sym/sym.h"

enum { SYM_BUCKETS = 256 };

/* Strings that live as long as the symbols. */
struct sym_text {
	struct sym_text *next;
	char s[];
};

/* One line of kallsyms; 16 bytes, for there are above 100,000. */
struct kernel_symbol {
	uint64_t address;
	uint32_t name;   /* offset in `names` */
	uint16_t module; /* index + 1 in `modules`; 0: the kernel itself */
	bool is_func;
};

struct kernel_symbols {
	int status; /* 1: not read yet; 0 or -errno of reading */
	struct kernel_symbol *v;
	size_t n, cap;
	struct buf names;   /* NUL-terminated, one after the other */
	struct buf modules; /* uint32_t each: offset in `names` */
};

/* A mapped file, or a region that the kernel names ("[heap]"). Shared by processes. */
struct sym_file {
	struct sym_file *next;
	uint32_t major, minor;
	uint64_t inode;
	char *path; /* as its process sees it */
	struct elf *elf;
	bool tried; /* elf is as good as it gets */
};

struct mapping {
	uint64_t start, end, offset;
	struct sym_file *file; /* NULL: anonymous */
	bool is_exec;
};

struct perf_symbol {
	uint64_t start, size;
	const char *name;
};

struct process {
	struct process *next;
	uint32_t pid;
	uint64_t start_time;  /* tells one user of a pid from the next */
	struct mapping *maps; /* ascending */
	size_t nmaps;
	struct perf_symbol *perf; /* ascending start */
	size_t nperf;
	bool perf_tried;
	uint32_t misses;
};

struct symbols {
	char *kallsyms, *proc;
	struct kernel_symbols kernel;
	struct process *processes[SYM_BUCKETS];
	struct sym_file *files[SYM_BUCKETS];
	struct sym_text *texts;
	struct process *latest; /* asked about last, known to be the pid's present user */
};

/* sym_open - opens @path of process @pid as that process sees it, without letting links lead out
 * of its root. A descriptor or -errno. */
int sym_open(const struct symbols *s, uint32_t pid, const char *path);

/* process_get - what is known of @pid; reads it when nothing is, or when the pid has a new user.
 * NULL: nothing is known. */
struct process *process_get(struct symbols *s, uint32_t pid);
/* process_read - reads the mappings of @pid anew; what was known stays when that fails. */
struct process *process_read(struct symbols *s, uint32_t pid);
void process_free(struct process *p);
/* process_mapping - the mapping at @address, or NULL. */
const struct mapping *process_mapping(const struct process *p, uint64_t address);
/* process_elf - the ELF file behind @m, opened when first asked; NULL: none. */
struct elf *process_elf(const struct symbols *s, const struct process *p, const struct mapping *m);

/* perfmap_read - reads /tmp/perf-PID.map of @p, if it has one. */
void perfmap_read(struct symbols *s, struct process *p);
const struct perf_symbol *perfmap_at(const struct process *p, uint64_t address);

/* kallsyms_free - for symbols_free. */
void kallsyms_free(struct kernel_symbols *k);

#endif
