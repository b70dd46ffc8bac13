/* Fuzzes the reader of the dynamic loader's cache: what it finds lies inside of the bytes given
 * and ends there. Corpus: fuzz/corpus/ldcache. */
#include <stdlib.h>
#include <string.h>

#include "elf/ldcache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	copy[size] = '\0';
	const char *path = ldcache_find(copy, size, "libc");
	if (path && (path < copy || path > copy + size || strlen(path) > size))
		abort();
	free(copy);
	return 0;
}
