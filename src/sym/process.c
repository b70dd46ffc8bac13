/*
 * Processes: their mappings, and the files behind them. See sym_priv.h.
 *
 *	7f3743e1a000-7f3743f70000 r-xp 00026000 fe:00 332835    /usr/lib/libc.so.6
 *
 * A process is known by pid and start time. Files are shared between processes and stay open as
 * long as the symbols do. A file that skep sees by the same path (the process has skep's own
 * root) is opened when first needed; one in a container at once, for when the process has
 * ended there is no way to it.
 *
 * All of this is read while the process runs on, or under another's control: what does not fit
 * is passed over. Needs: /proc; elf. Called by symbols.c.
 */
#include "sym/sym_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { MAX_MAPS_TEXT = 64 << 20, MAX_STAT = 4096, MAX_PATH = 256 };

int sym_open(const struct symbols *s, uint32_t pid, const char *path)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	char root[MAX_PATH];
	int dir, fd;

	snprintf(root, sizeof(root), "%s/%u/root", s->proc, pid);
	dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));
	if (fd < 0)
		fd = -errno;
	close(dir);
	return fd;
}

static int read_proc(const struct symbols *s, uint32_t pid, const char *name, struct buf *out,
		     size_t limit)
{
	char path[MAX_PATH];

	snprintf(path, sizeof(path), "%s/%u/%s", s->proc, pid, name);
	return buf_read_file(out, AT_FDCWD, path, limit);
}

/* Field 22 of stat; the second one is a name in brackets that may hold anything. 0: not there. */
static uint64_t read_start_time(const struct symbols *s, uint32_t pid)
{
	struct buf text = { 0 };
	uint64_t start = 0;
	const char *at;

	if (!read_proc(s, pid, "stat", &text, MAX_STAT)) {
		at = text.len ? strrchr(text.data, ')') : NULL;
		for (int field = 2; at && field < 22; field++) {
			at = strchr(at, ' ');
			at += !!at;
		}
		start = at ? strtoull(at, NULL, 10) : 0;
	}
	buf_done(&text);
	return start;
}

static bool shares_root(const struct symbols *s, uint32_t pid)
{
	char path[MAX_PATH];
	struct stat own, other;

	snprintf(path, sizeof(path), "%s/%u/root", s->proc, pid);
	return !stat("/", &own) && !stat(path, &other) && own.st_dev == other.st_dev &&
	       own.st_ino == other.st_ino;
}

/* Opens @fd's file as ELF through its name under /proc; takes over the descriptor. */
static struct elf *open_elf(int fd, uint64_t inode, bool any_inode)
{
	char path[64];
	struct elf *elf = NULL;
	const char *why;
	struct stat st;

	if (fd < 0)
		return NULL;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!fstat(fd, &st) && (any_inode || st.st_ino == inode) && elf_open(path, &elf, &why))
		elf = NULL;
	close(fd);
	return elf;
}

/* The mapping's own way to its file, which finds deleted and replaced ones; it takes
 * CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN. */
static int open_mapped(const struct symbols *s, uint32_t pid, const struct mapping *m)
{
	char path[MAX_PATH];

	snprintf(path, sizeof(path), "%s/%u/map_files/%llx-%llx", s->proc, pid,
		 (unsigned long long)m->start, (unsigned long long)m->end);
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

/* By path when the inode is the one that was mapped, by the mapping, by path anyway: overlays
 * show other inodes in maps than in stat. */
static void open_file(const struct symbols *s, uint32_t pid, const struct mapping *m)
{
	struct sym_file *f = m->file;
	bool is_special = f->path[0] != '/';

	f->tried = true;
	if (is_special)
		return;
	f->elf = open_elf(open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), f->inode, false);
	if (!f->elf)
		f->elf = open_elf(sym_open(s, pid, f->path), f->inode, false);
	if (!f->elf)
		f->elf = open_elf(open_mapped(s, pid, m), f->inode, true);
	if (!f->elf)
		f->elf = open_elf(sym_open(s, pid, f->path), f->inode, true);
}

struct elf *process_elf(const struct symbols *s, const struct process *p, const struct mapping *m)
{
	if (!m->file)
		return NULL;
	if (!m->file->tried)
		open_file(s, p->pid, m);
	return m->file->elf;
}

static struct sym_file *get_file(struct symbols *s, const struct sym_file *like, const char *path)
{
	struct sym_file **bucket = &s->files[like->inode % SYM_BUCKETS];
	struct sym_file *f;

	for (f = *bucket; f; f = f->next) {
		if (f->inode == like->inode && f->major == like->major && f->minor == like->minor &&
		    streq(f->path, path))
			return f;
	}
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	*f = *like;
	f->path = strdup(path);
	if (!f->path) {
		free(f);
		return NULL;
	}
	f->next = *bucket;
	*bucket = f;
	return f;
}

/* One line of maps. False: not of that form. */
static bool parse_mapping(struct symbols *s, const char *line, struct mapping *ret)
{
	unsigned long long start, end, offset, inode;
	struct sym_file like = { 0 };
	char mode[5];
	int n = 0;

	if (sscanf(line, "%llx-%llx %4s %llx %x:%x %llu %n", &start, &end, mode, &offset,
		   &like.major, &like.minor, &inode, &n) != 7 ||
	    !n || start >= end || strlen(mode) != 4)
		return false;
	like.inode = inode;
	*ret = (struct mapping){
		.start = start, .end = end, .offset = offset, .is_exec = mode[2] == 'x'
	};
	if (line[n] == '/' || line[n] == '[')
		ret->file = get_file(s, &like, line + n);
	return true;
}

/* Mappings that can have a name: executable ones and those with a file. They come sorted. */
static struct mapping *parse_maps(struct symbols *s, char *text, size_t *ret_n)
{
	struct mapping *maps = NULL, *bigger;
	size_t n = 0, cap = 0;
	char *line;

	while ((line = strsep(&text, "\n"))) {
		struct mapping m;

		if (!parse_mapping(s, line, &m) || (!m.file && !m.is_exec) ||
		    (n && m.start < maps[n - 1].end))
			continue;
		if (n == cap) {
			cap = cap ? cap * 2 : 32;
			bigger = realloc(maps, cap * sizeof(*maps));
			if (!bigger)
				break;
			maps = bigger;
		}
		maps[n++] = m;
	}
	*ret_n = n;
	return maps;
}

static struct process *find_process(const struct symbols *s, uint32_t pid)
{
	struct process *p = s->processes[pid % SYM_BUCKETS];

	while (p && p->pid != pid)
		p = p->next;
	return p;
}

static struct process *add_process(struct symbols *s, uint32_t pid)
{
	struct process *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->pid = pid;
	p->next = s->processes[pid % SYM_BUCKETS];
	s->processes[pid % SYM_BUCKETS] = p;
	return p;
}

void process_free(struct process *p)
{
	free(p->maps);
	free(p->perf);
	free(p);
}

/* A new user of the pid: nothing of the former one holds. */
static void forget(struct process *p, uint64_t start_time)
{
	free(p->perf);
	p->perf = NULL;
	p->nperf = 0;
	p->perf_tried = false;
	p->misses = 0;
	p->start_time = start_time;
}

/* What must be had while the process lives: files in a container, a JIT compiler's names. */
static void open_early(struct symbols *s, struct process *p)
{
	bool same_root = shares_root(s, p->pid), has_jit = false;

	for (size_t i = 0; i < p->nmaps; i++) {
		if (!p->maps[i].is_exec)
			continue;
		has_jit |= !p->maps[i].file;
		if (!same_root)
			process_elf(s, p, &p->maps[i]);
	}
	if (has_jit)
		perfmap_read(s, p);
}

struct process *process_read(struct symbols *s, uint32_t pid)
{
	struct process *p = find_process(s, pid);
	uint64_t start_time = read_start_time(s, pid);
	struct mapping *maps = NULL;
	struct buf text = { 0 };
	size_t n = 0;

	if (!read_proc(s, pid, "maps", &text, MAX_MAPS_TEXT))
		maps = parse_maps(s, text.data, &n);
	buf_done(&text);
	if (!n) { /* gone, a zombie, or a kernel thread */
		free(maps);
		return p;
	}
	if (!p)
		p = add_process(s, pid);
	if (!p) {
		free(maps);
		return NULL;
	}
	if (p->start_time != start_time)
		forget(p, start_time);
	free(p->maps);
	p->maps = maps;
	p->nmaps = n;
	open_early(s, p);
	return p;
}

struct process *process_get(struct symbols *s, uint32_t pid)
{
	struct process *p;
	uint64_t start_time;

	/* A stack asks many times in a row for one process: it is looked at once. */
	if (s->latest && s->latest->pid == pid)
		return s->latest;
	p = find_process(s, pid);
	start_time = p ? read_start_time(s, pid) : 0;
	if (!p || (start_time && start_time != p->start_time))
		p = process_read(s, pid);
	s->latest = p;
	return p;
}

const struct mapping *process_mapping(const struct process *p, uint64_t address)
{
	size_t lo = 0, hi = p->nmaps;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (p->maps[mid].start <= address)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && address < p->maps[lo - 1].end ? &p->maps[lo - 1] : NULL;
}
