/*
 * The BTF blob: reading, checking, records by id, searches by name. See btf.h for the contract;
 * btf_type.c turns records into types.
 *
 *	header | records: 3 words each, more by kind (btf_kind.def) | strings, each NUL-terminated
 *
 * One pass at opening checks everything that is read later, so the rest need not. Records have
 * no index in the blob; we keep the place of every 16th (33 KB for a kernel) and walk from there.
 * The kernel's own blob is mapped, which takes neither memory nor copying.
 *
 * Searches walk all records, up to a millisecond for a kernel, and are remembered.
 * Needs: arena, table.
 */
#include "types/btf_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { MAGIC = 0xeb9f, MAGIC_SWAPPED = 0x9feb, MAX_BLOB = 256 << 20 };

struct header {
	uint16_t magic;
	uint8_t version, flags;
	uint32_t header_len; /* offsets below count from here */
	uint32_t type_off, type_len;
	uint32_t string_off, string_len;
};

static const struct {
	const char *name;
	uint8_t extra, per_entry;
	bool refers;
} kinds[BTF_KIND_COUNT] = {
#define KIND(number, NAME, name, extra, per_entry, refers) \
	[number] = { name, extra, per_entry, refers },
#include "types/btf_kind.def"
#undef KIND
};

const char *btf_string(const struct btf *btf, uint32_t offset)
{
	return offset < btf->strings_len ? btf->strings + offset : "";
}

static uint32_t record_words(const uint32_t *record)
{
	enum btf_kind kind = btf_kind(record);

	return BTF_COMMON + kinds[kind].extra + kinds[kind].per_entry * btf_entries(record);
}

const uint32_t *btf_record(const struct btf *btf, uint32_t id)
{
	const uint32_t *record;

	if (!id || id > btf->ntypes)
		return NULL;
	record = btf->records + btf->index[id / BTF_STRIDE];
	for (uint32_t i = MAX(id / BTF_STRIDE * BTF_STRIDE, 1u); i < id; i++)
		record += record_words(record);
	return record;
}

uint32_t btf_count(const struct btf *btf)
{
	return btf->ntypes;
}

const uint32_t *btf_first(const struct btf *btf)
{
	return btf->records;
}

const uint32_t *btf_after(const uint32_t *record)
{
	return record + record_words(record);
}

/* What the records checked so far refer to. */
struct extent {
	uint32_t id, name;
};

/* The names and types that the @n entries of @record mention. */
static void check_entries(const uint32_t *record, uint32_t n, struct extent *max)
{
	enum btf_kind kind = btf_kind(record);
	const uint32_t *entry = record + BTF_COMMON;
	uint32_t step = kinds[kind].per_entry;
	uint32_t name = 0, id = 0;

	switch (kind) {
	case BTF_ENUM:
	case BTF_ENUM64:
		for (; n; n--, entry += step)
			name = MAX(name, entry[0]);
		break;
	case BTF_DATASEC:
		for (; n; n--, entry += step)
			id = MAX(id, entry[0]);
		break;
	default: /* members and parameters */
		for (; n; n--, entry += step) {
			name = MAX(name, entry[0]);
			id = MAX(id, entry[1]);
		}
	}
	max->name = MAX(max->name, name);
	max->id = MAX(max->id, id);
}

/* Whether a whole record of a known kind starts at word @at; with its words in *ret_words. */
static const char *check_record(const struct btf *btf, uint32_t at, struct extent *max,
				uint32_t *ret_words)
{
	const uint32_t *record = btf->records + at;
	uint32_t left = btf->nwords - at, words;
	enum btf_kind kind;

	if (left < BTF_COMMON)
		return "its last record is cut off";
	kind = btf_kind(record);
	if (kind >= BTF_KIND_COUNT || !kinds[kind].name)
		return "it has records of a kind that skep does not know";
	words = record_words(record);
	if (words > left)
		return "a record ends beyond the others";
	max->name = MAX(max->name, record[BTF_NAME]);
	if (kinds[kind].refers)
		max->id = MAX(max->id, record[BTF_TYPE_ID]);
	if (kinds[kind].per_entry)
		check_entries(record, btf_entries(record), max);
	if (kind == BTF_ARRAY)
		max->id = MAX(max->id, MAX(record[BTF_COMMON], record[BTF_COMMON + 1]));
	*ret_words = words;
	return NULL;
}

static const char *check_records(struct btf *btf)
{
	struct extent max = { 0 };
	uint32_t id = 1, words;

	/* Record 0 is void and takes no room: the first stretch has one fewer. */
	for (uint32_t at = 0; at < btf->nwords; at += words, id++) {
		const char *why = check_record(btf, at, &max, &words);

		if (why)
			return why;
		if (id % BTF_STRIDE == 0)
			btf->index[id / BTF_STRIDE] = at;
	}
	btf->ntypes = id - 1;
	if (max.name >= btf->strings_len)
		return "a name lies outside of its strings";
	return max.id > btf->ntypes ? "a record refers to a type that is not there" : NULL;
}

static const char *check_header(struct btf *btf)
{
	struct header h;
	uint64_t types, strings;

	if (btf->size < sizeof(h))
		return "it is too short";
	memcpy(&h, btf->data, sizeof(h));
	if (h.magic == MAGIC_SWAPPED)
		return "it has the other byte order";
	if (h.magic != MAGIC)
		return "it does not begin as BTF does";
	if (h.version != 1 || h.header_len < sizeof(h))
		return "it is of a version that skep does not know";
	types = (uint64_t)h.header_len + h.type_off;
	strings = (uint64_t)h.header_len + h.string_off;
	if (types % 4 || h.type_len % 4)
		return "its records are not aligned";
	if (types + h.type_len > btf->size || strings + h.string_len > btf->size)
		return "it is shorter than its header says";
	btf->records = (const uint32_t *)(btf->data + types);
	btf->nwords = h.type_len / 4;
	btf->strings = (const char *)btf->data + strings;
	btf->strings_len = h.string_len;
	if (!h.string_len || btf->strings[0] || btf->strings[h.string_len - 1])
		return "its strings do not begin and end with a NUL";
	return NULL;
}

static void *table_of(struct btf *btf, size_t n, size_t size)
{
	return btf->is_lent ? arena_alloc(btf->types->arena, n * size) : calloc(n, size);
}

/* Checks the blob that @btf owns and builds what finds things in it. */
static int prepare(struct btf *btf, const char **ret_why)
{
	uint32_t most;

	*ret_why = check_header(btf);
	if (*ret_why)
		return -EINVAL;
	most = btf->nwords / BTF_COMMON + 1;
	btf->index = table_of(btf, most / BTF_STRIDE + 1, sizeof(*btf->index));
	if (btf->index)
		*ret_why = check_records(btf);
	if (*ret_why)
		return -EINVAL;
	btf->made = table_of(btf, btf->ntypes / BTF_PAGE + 1, sizeof(*btf->made));
	if (btf->index && btf->made)
		return 0;
	*ret_why = "there is not enough memory";
	return -ENOMEM;
}

static int finish(struct btf *btf, int err, struct btf **ret, const char **ret_why)
{
	if (!err)
		err = prepare(btf, ret_why);
	if (err)
		btf_close(btf);
	else
		*ret = btf;
	return err;
}

/* sysfs files cannot shrink under a mapping as others can; the kernel maps them since 6.16. */
static bool map(struct btf *btf, int fd, size_t size)
{
	struct statfs fs;
	void *p;

	if (fstatfs(fd, &fs) || fs.f_type != SYSFS_MAGIC)
		return false;
	p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return false;
	btf->data = p;
	btf->size = size;
	btf->is_mapped = true;
	return true;
}

static int load(struct btf *btf, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct buf b = { 0 };
	struct stat st;
	int err;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	if (st.st_size > 0 && st.st_size <= MAX_BLOB && map(btf, fd, st.st_size)) {
		close(fd);
		return 0;
	}
	if (st.st_size > 0 && st.st_size <= MAX_BLOB)
		buf_reserve(&b, st.st_size + 64 * 1024);
	err = buf_read_fd(&b, fd, MAX_BLOB);
	close(fd);
	btf->data = (uint8_t *)b.data;
	btf->size = b.len;
	return err;
}

int btf_open(struct types *types, const char *path, struct btf **ret, const char **ret_why)
{
	struct btf *btf = arena_new(types->arena, struct btf);
	int err;

	btf->types = types;
	err = load(btf, path);
	*ret_why = err == -ENOENT ? "there is no such file" : "it could not be read";
	return finish(btf, err, ret, ret_why);
}

int btf_parse(struct types *types, const void *data, size_t size, struct btf **ret,
	      const char **ret_why)
{
	struct btf *btf = arena_new(types->arena, struct btf);

	btf->types = types;
	btf->data = malloc(size + 1);
	if (btf->data && size)
		memcpy(btf->data, data, size);
	btf->size = size;
	*ret_why = "there is not enough memory";
	return finish(btf, btf->data ? 0 : -ENOMEM, ret, ret_why);
}

int btf_adopt(struct types *types, const void *data, size_t size, struct btf **ret,
	      const char **ret_why)
{
	struct btf *btf = arena_new(types->arena, struct btf);

	btf->types = types;
	btf->data = (uint8_t *)data;
	btf->size = size;
	btf->is_lent = true;
	return finish(btf, 0, ret, ret_why);
}

void btf_close(struct btf *btf)
{
	if (!btf || btf->is_lent)
		return;
	if (btf->is_mapped)
		munmap(btf->data, btf->size);
	else
		free(btf->data);
	free(btf->index);
	free(btf->made);
	btf->data = NULL;
	btf->index = NULL;
	btf->made = NULL;
	btf->is_mapped = false;
	btf->ntypes = 0;
}

/* The kind that @record answers to by name: 64-bit enums are enums too. */
static const char *kind_name(const uint32_t *record)
{
	enum btf_kind kind = btf_kind(record);

	return kinds[kind == BTF_ENUM64 ? BTF_ENUM : kind].name;
}

static uint32_t search(const struct btf *btf, const char *kind, const char *name)
{
	const uint32_t *record = btf->records;
	bool wanted[BTF_KIND_COUNT] = { false };

	for (int i = 0; i < BTF_KIND_COUNT; i++)
		wanted[i] = kinds[i].name && streq(kinds[i].name, kind);
	wanted[BTF_ENUM64] |= wanted[BTF_ENUM];
	for (uint32_t id = 1; id <= btf->ntypes; id++, record += record_words(record)) {
		if (wanted[btf_kind(record)] && streq(btf_string(btf, record[BTF_NAME]), name))
			return id;
	}
	return 0;
}

uint32_t btf_find(struct btf *btf, const char *kind, const char *name)
{
	struct arena *arena = btf->types->arena;
	char *key;
	uint32_t *id;

	if (!*name)
		return 0;
	key = arena_printf(arena, "%s %s", kind, name);
	id = table_get(&btf->found, key);
	if (!id) {
		id = arena_new(arena, uint32_t);
		*id = search(btf, kind, name);
		table_put(arena, &btf->found, key, id);
	}
	return *id;
}

void btf_each(struct btf *btf,
	      bool (*visit)(void *ctx, const char *kind, const char *name, uint32_t id), void *ctx)
{
	const uint32_t *record = btf->records;

	for (uint32_t id = 1; id <= btf->ntypes; id++, record += record_words(record)) {
		const char *name = btf_string(btf, record[BTF_NAME]);

		if (*name && !visit(ctx, kind_name(record), name, id))
			return;
	}
}

static const uint32_t *find_entry(const struct btf *btf, const uint32_t *record, const char *name)
{
	const uint32_t *entry = record + BTF_COMMON;
	uint32_t step = kinds[btf_kind(record)].per_entry;

	for (uint32_t n = btf_entries(record); n; n--, entry += step) {
		if (streq(btf_string(btf, entry[0]), name))
			return entry;
	}
	return NULL;
}

uint32_t btf_find_enumerator(struct btf *btf, const char *name, int64_t *ret_value)
{
	const uint32_t *record = btf->records;

	for (uint32_t id = 1; id <= btf->ntypes; id++, record += record_words(record)) {
		enum btf_kind kind = btf_kind(record);
		const uint32_t *entry;

		if (kind != BTF_ENUM && kind != BTF_ENUM64)
			continue;
		entry = find_entry(btf, record, name);
		if (entry) {
			*ret_value = btf_enumerator_value(record, entry);
			return id;
		}
	}
	return 0;
}
