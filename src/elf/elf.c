/*
 * ELF files: symbols, file offsets, build ids. See elf.h for the contract.
 *
 * The file is read, not mapped: a traced program's file may be cut short while we look at it.
 * Symbols are searched by name without an index (once or twice a run); by address through a
 * sorted one, made when first asked (every frame of every stack).
 *
 * Needs: libelf. Called by probe (where to attach) and by sym (what an address is).
 */
#include "elf/elf.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_SYMBOLS = 16 << 20, MAX_WALK_BACK = 16 };

/* A function in the index by address; end is its first byte no more, or the next one's start. */
struct function {
	uint64_t start, end;
	const char *name;
};

struct text {
	struct text *next;
	char s[];
};

struct elf {
	Elf *elf;
	int fd;
	struct function *functions; /* ascending start; NULL until asked for */
	size_t nfunctions;
	struct text *texts; /* names that had a version */
};

/* One symbol table, the strings it names, and which versions its symbols have. */
struct symtab {
	Elf_Data *data, *strings;
	Elf_Data *versions; /* .gnu.version; .dynsym only, NULL: none */
	size_t n;
};

int elf_open(const char *path, struct elf **ret, const char **ret_why)
{
	struct elf *elf = calloc(1, sizeof(*elf));
	int err = -ENOEXEC;
	struct stat st;

	*ret_why = "there is not enough memory";
	if (!elf)
		return -ENOMEM;
	elf->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (elf->fd < 0) {
		err = -errno;
		*ret_why = err == -ENOENT ? "there is no such file" : "it cannot be opened";
		goto fail;
	}
	*ret_why = "it is not an ELF file";
	if (fstat(elf->fd, &st) || !S_ISREG(st.st_mode) || elf_version(EV_CURRENT) == EV_NONE)
		goto fail;
	elf->elf = elf_begin(elf->fd, ELF_C_READ, NULL);
	if (!elf->elf || elf_kind(elf->elf) != ELF_K_ELF)
		goto fail;
	*ret = elf;
	return 0;
fail:
	elf_close(elf);
	return err;
}

void elf_close(struct elf *elf)
{
	struct text *next;

	if (!elf)
		return;
	for (struct text *t = elf->texts; t; t = next) {
		next = t->next;
		free(t);
	}
	free(elf->functions);
	elf_end(elf->elf);
	if (elf->fd >= 0)
		close(elf->fd);
	free(elf);
}

static Elf_Scn *find_section(struct elf *elf, uint32_t type, GElf_Shdr *ret)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(elf->elf, scn))) {
		if (gelf_getshdr(scn, ret) && ret->sh_type == type)
			return scn;
	}
	return NULL;
}

/* The table of section type @type (SHT_SYMTAB, SHT_DYNSYM), if it and its strings are sound. */
static bool get_symtab(struct elf *elf, uint32_t type, struct symtab *ret)
{
	size_t entry = gelf_fsize(elf->elf, ELF_T_SYM, 1, EV_CURRENT);
	Elf_Scn *scn, *strings, *versions;
	GElf_Shdr h;

	scn = find_section(elf, type, &h);
	strings = scn ? elf_getscn(elf->elf, h.sh_link) : NULL;
	if (!scn || !strings || !entry)
		return false;
	ret->data = elf_getdata(scn, NULL);
	ret->strings = elf_getdata(strings, NULL);
	if (!ret->data || !ret->strings || !ret->data->d_buf || !ret->strings->d_buf)
		return false;
	ret->n = MIN(ret->data->d_size / entry, (size_t)MAX_SYMBOLS);
	versions = type == SHT_DYNSYM ? find_section(elf, SHT_GNU_versym, &h) : NULL;
	ret->versions = versions ? elf_getdata(versions, NULL) : NULL;
	return ret->strings->d_size && /* so that every name ends */
	       !((char *)ret->strings->d_buf)[ret->strings->d_size - 1];
}

static bool is_function(const GElf_Sym *sym)
{
	return GELF_ST_TYPE(sym->st_info) == STT_FUNC ||
	       GELF_ST_TYPE(sym->st_info) == STT_GNU_IFUNC;
}

static bool is_defined(const GElf_Sym *sym)
{
	uint8_t type = GELF_ST_TYPE(sym->st_info);

	return sym->st_shndx != SHN_UNDEF && type != STT_SECTION && type != STT_FILE &&
	       type != STT_TLS;
}

/* Symbol @i of @tab if it is defined and has a name, which goes to *ret_name. */
static bool get_symbol(const struct symtab *tab, size_t i, GElf_Sym *ret, const char **ret_name)
{
	if (!gelf_getsym(tab->data, i, ret) || !is_defined(ret) || !ret->st_name ||
	    ret->st_name >= tab->strings->d_size)
		return false;
	*ret_name = (char *)tab->strings->d_buf + ret->st_name;
	return **ret_name;
}

/* @name without its version; a copy that lives as long as the elf, where it has one. */
static const char *plain_name(struct elf *elf, const char *name)
{
	size_t len = strcspn(name, "@");
	struct text *t;

	if (!name[len] || !len)
		return name;
	t = malloc(sizeof(*t) + len + 1);
	if (!t)
		return name;
	memcpy(t->s, name, len);
	t->s[len] = '\0';
	t->next = elf->texts;
	elf->texts = t;
	return t->s;
}

static bool is_named(const char *name, const char *wanted, size_t len)
{
	return !strncmp(name, wanted, len) && (!name[len] || name[len] == '@');
}

/* Whether symbol @i is kept for old programs only: name@VERSION in .symtab (the usual one is
 * name@@VERSION), a flag in .gnu.version. */
static bool is_superseded(const struct symtab *tab, size_t i, const char *name)
{
	const char *version = strchr(name, '@');
	GElf_Versym flags;

	if (version)
		return version[1] != '@';
	return tab->versions && gelf_getversym(tab->versions, i, &flags) && flags & 0x8000;
}

/* Looks through one table; 2 when @name is there, 1 when only a superseded one is, else 0. */
static int find_in_table(struct elf *elf, const struct symtab *tab, const char *name,
			 struct elf_symbol *ret)
{
	size_t len = strlen(name);
	int found = 0;

	for (size_t i = 0; i < tab->n; i++) {
		const char *full;
		GElf_Sym sym;
		bool old;

		if (!get_symbol(tab, i, &sym, &full) || !is_named(full, name, len))
			continue;
		old = is_superseded(tab, i, full);
		if (old && found)
			continue;
		*ret = (struct elf_symbol){ .name = plain_name(elf, full),
					    .address = sym.st_value,
					    .size = sym.st_size,
					    .is_func = is_function(&sym) };
		if (!old)
			return 2;
		found = 1;
	}
	return found;
}

bool elf_find(struct elf *elf, const char *name, struct elf_symbol *ret)
{
	static const uint32_t tables[] = { SHT_SYMTAB, SHT_DYNSYM };
	struct elf_symbol sym;
	int best = 0;

	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		struct symtab tab = { 0 };
		int found = get_symtab(elf, tables[i], &tab) ? find_in_table(elf, &tab, name, &sym)
							     : 0;

		if (found > best) {
			*ret = sym;
			best = found;
		}
	}
	return best;
}

/* Collecting functions, from both tables. */
struct collected {
	struct function *v;
	size_t n, cap;
};

static bool collect(struct collected *c, const struct function *f)
{
	struct function *bigger;

	if (c->n == c->cap) {
		c->cap = c->cap ? c->cap * 2 : 512;
		bigger = realloc(c->v, c->cap * sizeof(*c->v));
		if (!bigger)
			return false;
		c->v = bigger;
	}
	c->v[c->n++] = *f;
	return true;
}

static bool collect_table(struct elf *elf, uint32_t type, struct collected *c)
{
	struct symtab tab = { 0 };

	if (!get_symtab(elf, type, &tab))
		return true;
	for (size_t i = 0; i < tab.n; i++) {
		struct function f;
		GElf_Sym sym;

		if (!get_symbol(&tab, i, &sym, &f.name) || !is_function(&sym))
			continue;
		f.start = sym.st_value;
		f.end = sym.st_value + sym.st_size;
		f.name = plain_name(elf, f.name);
		if (f.end >= f.start && !collect(c, &f))
			return false;
	}
	return true;
}

/* All functions of both tables; false without memory. The caller frees ->v. */
static bool collect_functions(struct elf *elf, struct collected *ret)
{
	*ret = (struct collected){ 0 };
	if (collect_table(elf, SHT_SYMTAB, ret) && collect_table(elf, SHT_DYNSYM, ret))
		return true;
	free(ret->v);
	return false;
}

static size_t underscores(const char *s)
{
	return strspn(s, "_");
}

/* By address; of several names for one place the plainest first: fewest leading underscores,
 * then the shortest. */
static int compare_address(const void *pa, const void *pb)
{
	const struct function *a = pa, *b = pb;
	size_t la, lb;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	if (underscores(a->name) != underscores(b->name))
		return underscores(a->name) < underscores(b->name) ? -1 : 1;
	la = strlen(a->name);
	lb = strlen(b->name);
	if (la != lb)
		return la < lb ? -1 : 1;
	return strcmp(a->name, b->name);
}

/* One entry for each address, with the largest end that any of its names has. */
static size_t merge_same_address(struct function *v, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (kept && v[kept - 1].start == v[i].start)
			v[kept - 1].end = MAX(v[kept - 1].end, v[i].end);
		else
			v[kept++] = v[i];
	}
	return kept;
}

/* Functions without a size, as assembly makes them, go on to the next one. */
static void close_gaps(struct function *v, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++) {
		if (v[i].end == v[i].start)
			v[i].end = v[i + 1].start;
	}
	if (n && v[n - 1].end == v[n - 1].start)
		v[n - 1].end = UINT64_MAX;
}

static bool build_index(struct elf *elf)
{
	struct collected c;

	if (elf->functions)
		return true;
	if (!collect_functions(elf, &c) || !c.n)
		return false;
	qsort(c.v, c.n, sizeof(*c.v), compare_address);
	elf->nfunctions = merge_same_address(c.v, c.n);
	close_gaps(c.v, elf->nfunctions);
	elf->functions = c.v;
	return true;
}

/* The number of functions that start at or before @address. */
static size_t count_before(const struct elf *elf, uint64_t address)
{
	size_t lo = 0, hi = elf->nfunctions;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (elf->functions[mid].start <= address)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* A few steps back too, since a function may lie inside of another one. */
bool elf_at(struct elf *elf, uint64_t address, struct elf_symbol *ret)
{
	size_t i;

	if (!build_index(elf))
		return false;
	i = count_before(elf, address);
	for (int steps = 0; i && steps < MAX_WALK_BACK; steps++) {
		const struct function *f = &elf->functions[--i];

		if (address >= f->end)
			continue;
		*ret = (struct elf_symbol){ .name = f->name,
					    .address = f->start,
					    .size = f->end - f->start,
					    .is_func = true };
		return true;
	}
	return false;
}

static int compare_name(const void *pa, const void *pb)
{
	const struct function *a = pa, *b = pb;

	return strcmp(a->name, b->name);
}

void elf_each(struct elf *elf, bool (*visit)(void *ctx, const struct elf_symbol *sym), void *ctx)
{
	struct collected c;

	if (!collect_functions(elf, &c))
		return;
	if (c.n)
		qsort(c.v, c.n, sizeof(*c.v), compare_name);
	for (size_t i = 0; i < c.n; i++) {
		struct elf_symbol sym = { .name = c.v[i].name,
					  .address = c.v[i].start,
					  .size = c.v[i].end - c.v[i].start,
					  .is_func = true };

		if (i && streq(c.v[i].name, c.v[i - 1].name))
			continue;
		if (!visit(ctx, &sym))
			break;
	}
	free(c.v);
}

/* The loaded segment that has @at, a file offset or else a virtual address; with *ret_from and
 * *ret_to its start in those terms and in the other ones. */
static bool find_segment(struct elf *elf, uint64_t at, bool is_offset, uint64_t *ret_from,
			 uint64_t *ret_to)
{
	size_t n;

	if (elf_getphdrnum(elf->elf, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr h;
		uint64_t from;

		if (!gelf_getphdr(elf->elf, i, &h) || h.p_type != PT_LOAD)
			continue;
		from = is_offset ? h.p_offset : h.p_vaddr;
		if (at < from || at - from >= h.p_filesz)
			continue;
		*ret_from = from;
		*ret_to = is_offset ? h.p_vaddr : h.p_offset;
		return true;
	}
	return false;
}

static bool translate(struct elf *elf, uint64_t at, bool is_offset, uint64_t *ret)
{
	uint64_t from, to;

	if (!find_segment(elf, at, is_offset, &from, &to))
		return false;
	*ret = at - from + to;
	return true;
}

bool elf_offset(struct elf *elf, uint64_t address, uint64_t *ret)
{
	return translate(elf, address, false, ret);
}

bool elf_address(struct elf *elf, uint64_t offset, uint64_t *ret)
{
	return translate(elf, offset, true, ret);
}

static size_t build_id_in(Elf_Data *notes, uint8_t id[20])
{
	size_t at = 0, name, desc;
	GElf_Nhdr h;

	while (notes && notes->d_buf && (at = gelf_getnote(notes, at, &h, &name, &desc)) > 0) {
		if (h.n_type != NT_GNU_BUILD_ID || h.n_namesz != 4 || !h.n_descsz ||
		    memcmp((char *)notes->d_buf + name, "GNU", 4))
			continue;
		memcpy(id, (char *)notes->d_buf + desc, MIN(h.n_descsz, 20u));
		return MIN(h.n_descsz, 20u);
	}
	return 0;
}

size_t elf_build_id(struct elf *elf, uint8_t id[20])
{
	size_t n, len = 0;

	if (elf_getphdrnum(elf->elf, &n))
		return 0;
	for (size_t i = 0; i < n && !len; i++) {
		GElf_Phdr h;

		if (gelf_getphdr(elf->elf, i, &h) && h.p_type == PT_NOTE)
			len = build_id_in(
				elf_getdata_rawchunk(elf->elf, h.p_offset, h.p_filesz,
						     h.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR),
				id);
	}
	return len;
}
