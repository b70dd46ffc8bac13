/*
 * The way in to symbols: making and freeing them, and user addresses to names. See sym.h.
 * Kernel addresses are kallsyms.c's. Called by out (stacks, %k, usym) and probe (names).
 */
#include "sym/sym_priv.h"

#include <stdlib.h>
#include <string.h>

struct symbols *symbols_new(const char *kallsyms, const char *proc)
{
	struct symbols *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->kallsyms = strdup(kallsyms ? kallsyms : "/proc/kallsyms");
	s->proc = strdup(proc ? proc : "/proc");
	s->kernel.status = 1;
	if (s->kallsyms && s->proc)
		return s;
	symbols_free(s);
	return NULL;
}

static void free_bucket(struct symbols *s, unsigned i)
{
	struct process *next_process;
	struct sym_file *next_file;

	for (struct process *p = s->processes[i]; p; p = next_process) {
		next_process = p->next;
		process_free(p);
	}
	for (struct sym_file *f = s->files[i]; f; f = next_file) {
		next_file = f->next;
		elf_close(f->elf);
		free(f->path);
		free(f);
	}
}

void symbols_free(struct symbols *s)
{
	struct sym_text *next;

	if (!s)
		return;
	for (unsigned i = 0; i < SYM_BUCKETS; i++)
		free_bucket(s, i);
	for (struct sym_text *t = s->texts; t; t = next) {
		next = t->next;
		free(t);
	}
	kallsyms_free(&s->kernel);
	free(s->kallsyms);
	free(s->proc);
	free(s);
}

void symbols_see(struct symbols *s, uint32_t pid)
{
	process_read(s, pid);
}

static struct symbol in_file(struct symbols *s, const struct process *p, const struct mapping *m,
			     uint64_t address)
{
	struct symbol ret = { .module = m->file->path, .offset = address - m->start + m->offset };
	struct elf *elf = process_elf(s, p, m);
	struct elf_symbol sym;
	uint64_t in_elf;

	if (m->file->path[0] == '[') {
		ret.name = m->file->path;
		ret.offset = address - m->start;
	} else if (elf && elf_address(elf, ret.offset, &in_elf)) {
		ret.offset = in_elf;
		if (elf_at(elf, in_elf, &sym)) {
			ret.name = sym.name;
			ret.offset = in_elf - sym.address;
		}
	}
	return ret;
}

/* Whether a name not found is worth reading the process again: the first, second, fourth, eighth
 * ... time, so that an address that nobody knows costs little however often it comes. */
static bool is_time_to_look_again(struct process *p)
{
	p->misses++;
	return !(p->misses & (p->misses - 1));
}

static struct symbol find(struct symbols *s, struct process *p, uint64_t address)
{
	const struct mapping *m = process_mapping(p, address);
	const struct perf_symbol *perf;

	if (m && m->file)
		return in_file(s, p, m, address);
	if (!p->perf_tried)
		perfmap_read(s, p);
	perf = perfmap_at(p, address);
	if (!perf)
		return (struct symbol){ 0 };
	return (struct symbol){ .name = perf->name, .offset = address - perf->start };
}

struct symbol symbols_user(struct symbols *s, uint32_t pid, uint64_t address)
{
	struct process *p = process_get(s, pid);
	struct symbol sym;

	if (!p)
		return (struct symbol){ 0 };
	sym = find(s, p, address);
	if (sym.name || sym.module || !is_time_to_look_again(p))
		return sym;
	p->perf_tried = false; /* a library may be new, or a compiler has written on */
	return find(s, process_read(s, pid), address);
}
