/* Fuzzes the ELF reader, through a file in memory: any bytes are refused, or can be asked
 * everything. Corpus: fuzz/corpus/elf. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "elf/elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool look(void *ctx, const struct elf_symbol *sym)
{
	struct elf_symbol found;
	uint64_t offset, address;

	if (elf_find(ctx, sym->name, &found) && elf_offset(ctx, found.address, &offset))
		elf_address(ctx, offset, &address);
	if (elf_at(ctx, sym->address, &found) && !*found.name)
		abort();
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	uint8_t id[20];
	struct elf *elf;
	const char *why = NULL;
	char path[64];

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!elf_open(path, &elf, &why)) {
		if (elf_build_id(elf, id) > sizeof(id))
			abort();
		elf_each(elf, look, elf);
		elf_close(elf);
	} else if (!why) {
		abort();
	}
	close(fd);
	return 0;
}
