/*
 * Numbers that stand for names: users, cgroups, allocation flags. Looked up when printed. Needs:
 * /etc/passwd, the cgroup file systems, gfp.def. Called by value.c and printf.c.
 *
 * /etc/passwd is read here and not through getpwuid(), which would load whatever the machine has
 * configured for names, and cannot be linked statically.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "out/out_priv.h"

/* ---- users ---- */

enum { PASSWD_LIMIT = 4 << 20 };

/* Finds "name:password:UID:..." in the lines of @text. */
static const char *find_user(const char *text, uint64_t uid, size_t *ret_len)
{
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		const char *name, *second, *third;
		char *end;

		line += *line == '\n';
		name = line;
		second = strchr(name, ':');
		third = second ? strchr(second + 1, ':') : NULL;
		if (!third)
			return NULL;
		if (third[1] >= '0' && third[1] <= '9' && strtoull(third + 1, &end, 10) == uid &&
		    *end == ':') {
			*ret_len = second - name;
			return name;
		}
	}
	return NULL;
}

void put_username(struct buf *out, uint64_t uid)
{
	struct buf passwd = { 0 };
	const char *name = NULL;
	size_t len;

	if (!buf_read_file(&passwd, AT_FDCWD, "/etc/passwd", PASSWD_LIMIT))
		name = find_user(passwd.data, uid, &len);
	if (name)
		buf_add(out, name, len);
	else
		put_unsigned(out, uid);
	buf_done(&passwd);
}

/* ---- cgroups: the id of a cgroup is the inode number of its directory ---- */

static const char cgroup_root[] = "/sys/fs/cgroup";

enum { DEPTH_MAX = 32 };

/* Looks for the directory with inode @id below @fd; appends its path. */
static bool find_inode(struct buf *path, int fd, uint64_t id, int depth)
{
	size_t len = path->len;
	struct dirent *entry;
	bool found = false;
	DIR *dir = fdopendir(fd);

	if (!dir) {
		close(fd);
		return false;
	}
	while (!found && depth < DEPTH_MAX && (entry = readdir(dir))) {
		int below;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		buf_putc(path, '/');
		buf_puts(path, entry->d_name);
		found = entry->d_ino == id;
		if (!found) {
			below = openat(dirfd(dir), entry->d_name,
				       O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
			found = below >= 0 && find_inode(path, below, id, depth + 1);
		}
		if (!found)
			path->len = len;
	}
	closedir(dir);
	return found && !path->err;
}

/* Appends "name:path" when the hierarchy mounted at @dir has cgroup @id. */
static bool put_in_hierarchy(struct buf *out, const char *dir, const char *name, uint64_t id)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct buf path = { 0 };
	struct stat st;
	bool found;

	if (fd < 0)
		return false;
	found = !fstat(fd, &st) && st.st_ino == id;
	if (found) {
		buf_putc(&path, '/');
		close(fd);
	} else {
		found = find_inode(&path, fd, id, 0);
	}
	if (found) {
		buf_puts(out, name);
		buf_putc(out, ':');
		buf_add(out, path.data, path.len);
	}
	buf_done(&path);
	return found;
}

/* The hierarchies: the unified one at the root or in "unified", others by their folder. */
static unsigned put_old_hierarchies(struct buf *out, uint64_t id, const char *filter)
{
	struct dirent **names;
	int n = scandir(cgroup_root, &names, NULL, alphasort);
	unsigned found = 0;

	for (int i = 0; i < n; i++) {
		size_t start = out->len;
		struct buf dir = { 0 };

		if (names[i]->d_name[0] != '.' && names[i]->d_type == DT_DIR &&
		    (!filter || fnmatch(filter, names[i]->d_name, 0) == 0)) {
			buf_printf(&dir, "%s/%s", cgroup_root, names[i]->d_name);
			if (found)
				buf_putc(out, ',');
			if (dir.data && put_in_hierarchy(out, dir.data, names[i]->d_name, id))
				found++;
			else
				out->len = start;
		}
		buf_done(&dir);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return found;
}

void put_cgroup_path(struct buf *out, uint64_t id, const char *filter)
{
	bool unified = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
	unsigned found = 0;

	if (!unified)
		found = put_old_hierarchies(out, id, filter);
	else if (!filter || fnmatch(filter, "unified", 0) == 0)
		found = put_in_hierarchy(out, cgroup_root, "unified", id);
	if (!found)
		put_unsigned(out, id);
}

/* ---- allocation flags ---- */

void put_gfp(struct buf *out, uint64_t flags)
{
	static const struct {
		const char *name;
		uint64_t bits;
	} rows[] = {
#define GFP(name, bits) { name, bits },
#include "out/gfp.def"
	};
	const char *between = "";

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if ((flags & rows[i].bits) != rows[i].bits)
			continue;
		flags &= ~rows[i].bits;
		buf_puts(out, between);
		buf_puts(out, rows[i].name);
		between = "|";
	}
	if (flags || !*between) {
		buf_puts(out, between);
		put_hex(out, flags);
	}
}
