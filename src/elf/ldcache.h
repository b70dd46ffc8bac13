/* The dynamic loader's list of libraries, /etc/ld.so.cache. Used by find_file.c only. */
#ifndef SKEP_ELF_LDCACHE_H
#define SKEP_ELF_LDCACHE_H

#include "base/buf.h"

enum { LDCACHE_MAX = 64 << 20 };

/* ldcache_find - the path of the library @name, for this machine's own 64-bit programs, in the
 * cache's @size bytes at @data (which must be followed by a NUL). NULL: none, or damaged. */
const char *ldcache_find(const char *data, size_t size, const char *name);

/* ldcache_matches - whether the library file @file is what @name means: "libc" and "libc.so" mean
 * "libc.so" and "libc.so.6", not "libcap.so.2". */
bool ldcache_matches(const char *file, const char *name);

#endif
