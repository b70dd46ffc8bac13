/*
 * ELF files, as far as probes and symbols need them: symbols, build ids, file offsets. Reads
 * through libelf; every number from the file is checked before it is used.
 */
#ifndef SKEP_ELF_ELF_H
#define SKEP_ELF_ELF_H

#include "base/base.h"

struct elf;

struct elf_symbol {
	const char *name; /* lives as long as the elf */
	uint64_t address; /* virtual address in the file's own terms */
	uint64_t size;
	bool is_func;
};

/* elf_open - 0, or -errno with *ret_why in a user's words (-ENOENT, -ENOEXEC: not ELF). */
int elf_open(const char *path, struct elf **ret, const char **ret_why);
void elf_close(struct elf *elf);

/* elf_find - the symbol @name in .symtab, then .dynsym; of several versions (@GLIBC_..) the one
 * that programs linked today get. */
bool elf_find(struct elf *elf, const char *name, struct elf_symbol *ret);
/* elf_at - the function that covers @address, or the nearest one below when it has no size. */
bool elf_at(struct elf *elf, uint64_t address, struct elf_symbol *ret);
/* elf_each - every defined function symbol until @visit returns false; one name once. */
void elf_each(struct elf *elf, bool (*visit)(void *ctx, const struct elf_symbol *sym), void *ctx);

/* elf_offset - the file offset of virtual @address; false when no loaded segment has it. */
bool elf_offset(struct elf *elf, uint64_t address, uint64_t *ret);
/* elf_address - the virtual address of file offset @offset. */
bool elf_address(struct elf *elf, uint64_t offset, uint64_t *ret);
/* elf_build_id - up to 20 bytes; how many, 0: none. */
size_t elf_build_id(struct elf *elf, uint8_t id[20]);

/* elf_find_file - the path a user means by @name: a path as it is, a program in $PATH, a library
 * ("libc", "libc.so.6") in ld.so.cache and the usual folders. 0, -ENOENT, or -ENAMETOOLONG. */
int elf_find_file(const char *name, char *ret_path, size_t size);

#endif
