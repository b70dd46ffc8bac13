/*
 * Reading /etc/ld.so.cache, glibc's form 1.1. See ldcache.h.
 *
 *	"glibc-ld.so.cache" "1.1"  u32 count  u32 string bytes  5 words more
 *	count times: i32 flags  u32 name  u32 path  u32 0  u64 hwcap
 *	strings; name and path count from the start of the header
 *
 * glibc before 2.32 puts an older cache before it, which says only how long it is. Names are
 * sorted, the highest version first, so the first match is the best one. Needs: nothing.
 */
#include "elf/ldcache.h"

#include <string.h>

#define OLD_MAGIC "ld.so-1.7.0"
#define MAGIC "glibc-ld.so.cache1.1"

#if defined(__x86_64__)
enum { OWN_FLAGS = 0x0303 }; /* a libc 6 library for x86-64 */
#elif defined(__aarch64__)
enum { OWN_FLAGS = 0x0a03 };
#else
enum { OWN_FLAGS = 0x0003 };
#endif

enum { HEADER = 48, ENTRY = 24, OLD_HEADER = 16, OLD_ENTRY = 12 };

struct entry {
	int32_t flags;
	uint32_t name, path, os_version;
	uint64_t hwcap;
};

_Static_assert(sizeof(struct entry) == ENTRY, "as it stands in the file");
_Static_assert(sizeof(MAGIC) - 1 == 20, "the count follows the magic");

bool ldcache_matches(const char *file, const char *name)
{
	size_t len = strlen(name);

	if (strncmp(file, name, len))
		return false;
	file += len;
	if (strstr(name, ".so"))
		return !*file || *file == '.';
	return !strncmp(file, ".so", 3) && (!file[3] || file[3] == '.');
}

static uint32_t word_at(const char *data, size_t at)
{
	uint32_t word;

	memcpy(&word, data + at, sizeof(word));
	return word;
}

/* How many bytes an older cache takes before the one that we read. */
static size_t skip_old(const char *data, size_t size)
{
	size_t len;

	if (size < OLD_HEADER || memcmp(data, OLD_MAGIC, sizeof(OLD_MAGIC) - 1))
		return 0;
	len = OLD_HEADER + (size_t)word_at(data, 12) * OLD_ENTRY;
	return ALIGN_UP(len, 8);
}

const char *ldcache_find(const char *data, size_t size, const char *name)
{
	size_t skip = skip_old(data, size);
	const char *spare = NULL;
	uint32_t count;

	if (skip >= size || size - skip < HEADER || memcmp(data + skip, MAGIC, sizeof(MAGIC) - 1))
		return NULL;
	data += skip;
	size -= skip;
	count = MIN(word_at(data, 20), (size - HEADER) / ENTRY);
	for (uint32_t i = 0; i < count; i++) {
		struct entry e;

		memcpy(&e, data + HEADER + (size_t)i * ENTRY, sizeof(e));
		if (e.flags != OWN_FLAGS || e.name >= size || e.path >= size ||
		    !ldcache_matches(data + e.name, name))
			continue;
		if (!e.hwcap) /* else a variant for some processors */
			return data + e.path;
		if (!spare)
			spare = data + e.path;
	}
	return spare;
}
