/*
 * From the name of a program or library to its file. See elf_find_file in elf.h.
 *
 * A name that looks like a library's ("lib..." or "....so") is sought as one first, else as a
 * program. Needs: $PATH, /etc/ld.so.cache (ldcache.c), the usual folders. Called by probe.
 */
#include "elf/elf.h"
#include "elf/ldcache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const folders[] = {
#if defined(__x86_64__)
	"/lib/x86_64-linux-gnu",
	"/usr/lib/x86_64-linux-gnu",
#elif defined(__aarch64__)
	"/lib/aarch64-linux-gnu",
	"/usr/lib/aarch64-linux-gnu",
#endif
	"/lib64",
	"/usr/lib64",
	"/lib",
	"/usr/lib",
	"/usr/local/lib",
};

static bool is_file(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode);
}

/* 0 when @folder/@name is there and fits, -ENOENT or -ENAMETOOLONG. */
static int try_path(const char *folder, size_t folder_len, const char *name, char *ret, size_t size)
{
	int n = snprintf(ret, size, "%.*s/%s", (int)folder_len, folder, name);

	if (n < 0 || (size_t)n >= size)
		return -ENAMETOOLONG;
	return is_file(ret) ? 0 : -ENOENT;
}

static int find_program(const char *name, char *ret, size_t size)
{
	const char *path = getenv("PATH");
	int err = -ENOENT;

	if (!path || !*path)
		path = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";
	while (err == -ENOENT && *path) {
		size_t len = strcspn(path, ":");

		if (len) /* an empty part would be the working folder: never guessed at */
			err = try_path(path, len, name, ret, size);
		if (!err && access(ret, X_OK))
			err = -ENOENT;
		path += len + (path[len] == ':');
	}
	return err;
}

static int find_cached(const char *name, char *ret, size_t size)
{
	struct buf cache = { 0 };
	const char *path = NULL;
	int err = -ENOENT;

	if (!buf_read_file(&cache, AT_FDCWD, "/etc/ld.so.cache", LDCACHE_MAX))
		path = ldcache_find(cache.data, cache.len, name);
	if (path && is_file(path))
		err = strlen(path) < size ? 0 : -ENAMETOOLONG;
	if (!err)
		strcpy(ret, path);
	buf_done(&cache);
	return err;
}

/* Whether @a is the better file for a library than @b: "libc.so.6" and not "libc.so", which may
 * be a text for linkers; then the shorter one, then the higher version. */
static bool is_better(const char *a, const char *b)
{
	bool a_has_version = strstr(a, ".so."), b_has_version = strstr(b, ".so.");

	if (!*b || a_has_version != b_has_version)
		return !*b || a_has_version;
	if (strlen(a) != strlen(b))
		return strlen(a) < strlen(b);
	return strcmp(a, b) > 0;
}

static int find_in_folder(const char *folder, const char *name, char *ret, size_t size)
{
	DIR *dir = opendir(folder);
	char best[NAME_MAX + 1] = "";
	struct dirent *e;

	if (!dir)
		return -ENOENT;
	while ((e = readdir(dir))) {
		if (ldcache_matches(e->d_name, name) && is_better(e->d_name, best))
			strcpy(best, e->d_name);
	}
	closedir(dir);
	return *best ? try_path(folder, strlen(folder), best, ret, size) : -ENOENT;
}

static int find_library(const char *name, char *ret, size_t size)
{
	int err = find_cached(name, ret, size);

	for (size_t i = 0; err == -ENOENT && i < ARRAY_LEN(folders); i++)
		err = find_in_folder(folders[i], name, ret, size);
	return err;
}

int elf_find_file(const char *name, char *ret_path, size_t size)
{
	bool is_library = !strncmp(name, "lib", 3) || strstr(name, ".so");
	int err;

	if (!*name)
		return -ENOENT;
	if (strchr(name, '/')) {
		if (strlen(name) >= size)
			return -ENAMETOOLONG;
		if (!is_file(name))
			return -ENOENT;
		strcpy(ret_path, name);
		return 0;
	}
	err = is_library ? find_library(name, ret_path, size) : find_program(name, ret_path, size);
	if (err == -ENOENT)
		err = is_library ? find_program(name, ret_path, size)
				 : find_library(name, ret_path, size);
	return err;
}
