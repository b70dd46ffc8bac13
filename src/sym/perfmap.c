/*
 * Names that JIT compilers write into /tmp/perf-PID.map, a line each: start, size (hexadecimal)
 * and name. Read through the process's own root and with its own number, as it wrote it.
 *
 * Anyone may write to /tmp, so the file must be a plain one that belongs to the process's user or
 * to root. Called by process.c and symbols.c.
 */
#include "sym/sym_priv.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_MAP = 64 << 20, MAX_STATUS = 64 * 1024, MAX_WALK_BACK = 8 };

/* The process's number in its own namespace: the last one on the NSpid line of status. */
static uint32_t own_pid(const struct symbols *s, uint32_t pid)
{
	struct buf text = { 0 };
	uint32_t own = pid;
	const char *line;
	char path[256];

	snprintf(path, sizeof(path), "%s/%u/status", s->proc, pid);
	if (!buf_read_file(&text, AT_FDCWD, path, MAX_STATUS) && text.len) {
		line = strstr(text.data, "\nNSpid:");
		for (char *at = line ? (char *)line + 7 : NULL, *end; at; at = end) {
			unsigned long n = strtoul(at, &end, 10);

			if (end == at || *at == '\n' || memchr(at, '\n', end - at))
				break;
			own = n;
		}
	}
	buf_done(&text);
	return own;
}

static bool is_trusted(const struct symbols *s, uint32_t pid, int fd)
{
	struct stat file, process;
	char path[256];

	snprintf(path, sizeof(path), "%s/%u", s->proc, pid);
	return !fstat(fd, &file) && S_ISREG(file.st_mode) && !stat(path, &process) &&
	       (file.st_uid == 0 || file.st_uid == process.st_uid);
}

static int compare(const void *pa, const void *pb)
{
	const struct perf_symbol *a = pa, *b = pb;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->name < b->name ? -1 : a->name > b->name; /* as they stand in the file */
}

static bool parse_line(char *line, struct perf_symbol *ret)
{
	char *end;

	ret->start = strtoull(line, &end, 16);
	if (end == line || *end != ' ')
		return false;
	line = end + 1;
	ret->size = strtoull(line, &end, 16);
	if (end == line || *end != ' ' || !end[1])
		return false;
	ret->name = end + 1;
	return true;
}

/* Cuts @text into lines where it stands; names point into it. */
static void parse(struct process *p, char *text)
{
	struct perf_symbol *v = NULL, *bigger;
	size_t n = 0, cap = 0;
	char *line;

	while ((line = strsep(&text, "\n"))) {
		struct perf_symbol sym;

		if (!parse_line(line, &sym))
			continue;
		if (n == cap) {
			cap = cap ? cap * 2 : 64;
			bigger = realloc(v, cap * sizeof(*v));
			if (!bigger)
				break;
			v = bigger;
		}
		v[n++] = sym;
	}
	if (n)
		qsort(v, n, sizeof(*v), compare);
	free(p->perf);
	p->perf = v;
	p->nperf = n;
}

/* The text is kept for its names, which outlive a later reading of the same file. */
static void keep_and_parse(struct symbols *s, struct process *p, const struct buf *text)
{
	struct sym_text *kept = malloc(sizeof(*kept) + text->len + 1);

	if (!kept)
		return;
	memcpy(kept->s, text->data, text->len);
	kept->s[text->len] = '\0';
	kept->next = s->texts;
	s->texts = kept;
	parse(p, kept->s);
}

void perfmap_read(struct symbols *s, struct process *p)
{
	struct buf text = { 0 };
	char path[64];
	int fd;

	p->perf_tried = true;
	snprintf(path, sizeof(path), "/tmp/perf-%u.map", own_pid(s, p->pid));
	fd = sym_open(s, p->pid, path);
	if (fd < 0)
		return;
	if (is_trusted(s, p->pid, fd) && !buf_read_fd(&text, fd, MAX_MAP) && text.len)
		keep_and_parse(s, p, &text);
	buf_done(&text);
	close(fd);
}

/* Code that took the place of older code stands later in the file, so later lines win. */
const struct perf_symbol *perfmap_at(const struct process *p, uint64_t address)
{
	size_t lo = 0, hi = p->nperf;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (p->perf[mid].start <= address)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (int steps = 0; lo && steps < MAX_WALK_BACK; steps++) {
		const struct perf_symbol *sym = &p->perf[--lo];

		if (address - sym->start < sym->size)
			return sym;
	}
	return NULL;
}
