/*
 * The kernel's symbols, from /proc/kallsyms. See sym.h.
 *
 *	ffffffff81000000 T _stext
 *	ffffffffc0201000 t ftrace_trampoline	[__builtin__ftrace]
 *
 * Read once, when first asked, in pieces that are parsed as they come: the text is 5 MB and the
 * kernel takes 50 ms to write it, so what is kept is one block of names and one sorted array.
 *
 * Needs: CAP_SYSLOG for addresses other than 0 (with none, every address is unknown but names can
 * still be listed). Called through sym.h only.
 */
#include "sym/sym_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024, MAX_LINE = 4096, MAX_SYMBOLS = 8 << 20, MAX_MODULES = 60000 };

/* Beyond this from the symbol below it, an address lies in no symbol. */
enum { MAX_OFFSET = 1 << 20 };

void kallsyms_free(struct kernel_symbols *k)
{
	free(k->v);
	buf_done(&k->names);
	buf_done(&k->modules);
}

static const char *module_name(const struct kernel_symbols *k, uint32_t module)
{
	return module ? k->names.data + ((uint32_t *)k->modules.data)[module - 1] : NULL;
}

/* Adds a name; its offset, or UINT32_MAX without room. */
static uint32_t add_name(struct kernel_symbols *k, const char *name, size_t len)
{
	size_t at = k->names.len;

	buf_add(&k->names, name, len);
	buf_putc(&k->names, '\0');
	return k->names.err || at >= UINT32_MAX ? UINT32_MAX : at;
}

/* The lines of a module stand together, so the newest is nearly always the one. */
static uint16_t add_module(struct kernel_symbols *k, const char *name, size_t len)
{
	uint32_t n = k->modules.len / sizeof(uint32_t);
	uint32_t at;

	for (uint32_t i = n; i; i--) {
		const char *known = module_name(k, i);

		if (!strncmp(known, name, len) && !known[len])
			return i;
	}
	at = n < MAX_MODULES ? add_name(k, name, len) : UINT32_MAX;
	if (at == UINT32_MAX)
		return 0;
	buf_add(&k->modules, &at, sizeof(at));
	return k->modules.err ? 0 : n + 1;
}

static struct kernel_symbol *new_symbol(struct kernel_symbols *k)
{
	struct kernel_symbol *bigger;

	if (k->n == k->cap) {
		k->cap = k->cap ? k->cap * 2 : 4096;
		bigger = k->cap <= MAX_SYMBOLS ? realloc(k->v, k->cap * sizeof(*k->v)) : NULL;
		if (!bigger)
			return NULL;
		k->v = bigger;
	}
	return &k->v[k->n];
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One line without its newline. Lines of another form are passed over. */
static int parse_line(struct kernel_symbols *k, const char *at, const char *end)
{
	struct kernel_symbol *sym;
	uint64_t address = 0;
	const char *name, *name_end;
	char type;
	int digit;

	for (; at < end && (digit = hex_digit(*at)) >= 0; at++)
		address = address << 4 | digit;
	if (end - at < 4 || at[0] != ' ' || at[2] != ' ')
		return 0;
	type = at[1];
	name = at + 3;
	name_end = memchr(name, '\t', end - name);
	sym = new_symbol(k);
	if (!sym)
		return -ENOMEM;
	*sym = (struct kernel_symbol){
		.address = address,
		.name = add_name(k, name, (name_end ? name_end : end) - name),
		.is_func = strchr("tTwW", type),
	};
	if (sym->name == UINT32_MAX)
		return -ENOMEM;
	if (name_end && end - name_end > 3 && name_end[1] == '[' && end[-1] == ']')
		sym->module = add_module(k, name_end + 2, end - name_end - 3);
	k->n++;
	return 0;
}

/* Parses all whole lines of @text and leaves the rest at its start. */
static int parse_lines(struct kernel_symbols *k, struct buf *text)
{
	const char *at = text->data, *stop = text->data + text->len, *newline;
	int err = 0;

	while (!err && at < stop && (newline = memchr(at, '\n', stop - at))) {
		err = parse_line(k, at, newline);
		at = newline + 1;
	}
	text->len = stop - at;
	memmove(text->data, at, text->len);
	return text->len > MAX_LINE ? -EINVAL : err;
}

/* Of symbols at one address the one that the kernel lists first stays first. */
static int compare(const void *pa, const void *pb)
{
	const struct kernel_symbol *a = pa, *b = pb;

	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	return a->name < b->name ? -1 : a->name > b->name;
}

static bool is_sorted(const struct kernel_symbols *k)
{
	for (size_t i = 1; i < k->n; i++) {
		if (k->v[i - 1].address > k->v[i].address)
			return false;
	}
	return true;
}

static int read_all(struct kernel_symbols *k, int fd)
{
	struct buf text = { 0 };
	int err = 0;

	while (!err) {
		char *p = buf_reserve(&text, CHUNK);
		ssize_t n = p ? read(fd, p, CHUNK) : -1;

		if (n < 0)
			err = p ? -errno : -ENOMEM;
		if (n <= 0)
			break;
		text.len += n;
		err = parse_lines(k, &text);
	}
	buf_done(&text);
	return err;
}

static int load(struct symbols *s)
{
	struct kernel_symbols *k = &s->kernel;
	int fd;

	if (k->status <= 0)
		return k->status;
	fd = open(s->kallsyms, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return k->status = -errno;
	k->status = read_all(k, fd);
	close(fd);
	if (k->status)
		k->n = 0;
	if (!is_sorted(k))
		qsort(k->v, k->n, sizeof(*k->v), compare);
	return k->status;
}

/* Kernel addresses have their top bit set. Below are user addresses and, on older kernels,
 * offsets of per-CPU variables, which are not addresses. */
static bool is_kernel_address(uint64_t address)
{
	return address >> 63;
}

struct symbol symbols_kernel(struct symbols *s, uint64_t address)
{
	const struct kernel_symbols *k = &s->kernel;
	size_t lo = 0, hi;

	if (!is_kernel_address(address) || load(s))
		return (struct symbol){ 0 };
	hi = k->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (k->v[mid].address <= address)
			lo = mid + 1;
		else
			hi = mid;
	}
	while (lo > 1 && k->v[lo - 2].address == k->v[lo - 1].address)
		lo--;
	if (!lo || address - k->v[lo - 1].address > MAX_OFFSET)
		return (struct symbol){ 0 };
	return (struct symbol){ .name = k->names.data + k->v[lo - 1].name,
				.offset = address - k->v[lo - 1].address,
				.module = module_name(k, k->v[lo - 1].module) };
}

uint64_t symbols_kernel_address(struct symbols *s, const char *name)
{
	const struct kernel_symbols *k = &s->kernel;

	if (load(s))
		return 0;
	for (size_t i = 0; i < k->n; i++) {
		if (streq(k->names.data + k->v[i].name, name))
			return k->v[i].address;
	}
	return 0;
}

int symbols_kernel_each(struct symbols *s,
			bool (*visit)(void *ctx, const char *name, const char *module), void *ctx)
{
	const struct kernel_symbols *k = &s->kernel;
	int err = load(s);

	for (size_t i = 0; !err && i < k->n; i++) {
		if (k->v[i].is_func &&
		    !visit(ctx, k->names.data + k->v[i].name, module_name(k, k->v[i].module)))
			break;
	}
	return err;
}
