/*
 * Variables that no object defines: those of the section .kconfig get values from the kernel's
 * version and configuration, in a read-only map of that name; those of .ksyms stay references to
 * the kernel.
 *
 *	extern int LINUX_KERNEL_VERSION __kconfig;
 *	extern enum libbpf_tristate CONFIG_BPF __kconfig __weak;
 *
 * Needs: BTF of the objects. Called by object_read.
 */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/object_priv.h"

enum { TEXT_MAX = 4096, INT_BOOL = 4, INT_SIGNED = 1 };

/* ---- gathering ---- */

static bool is_weak(const struct object *o, const char *name)
{
	for (uint32_t i = 0; i < o->nsymbols; i++)
		if (!o->symbols[i].section && streq(o->symbols[i].name, name))
			return o->symbols[i].bind == STB_WEAK;
	return false;
}

static int set_shape(struct object *o, struct object_extern *e)
{
	const uint32_t *r = btf_record(o->btf, btf_strip(o->btf, e->type_id, true));
	int64_t size = btf_size(o->btf, e->type_id);

	if (!r || size <= 0 || size > TEXT_MAX)
		return object_bad(o, "the configuration variable %s has no type that it can have",
				  e->name);
	e->size = (uint32_t)size;
	e->align = btf_kind(r) == BTF_ARRAY ? 1 : e->size;
	return 0;
}

static int add(struct object *o, const char *section, uint32_t id)
{
	const uint32_t *r = btf_record(o->btf, id);
	struct link *l = o->link;
	const char *name = r ? btf_string(o->btf, r[BTF_NAME]) : "";
	struct object_extern *e = table_get(&l->externs, name), *old = e;

	if (!*name || (btf_kind(r) != BTF_VAR && btf_kind(r) != BTF_FUNC))
		return 0;
	if (!e)
		e = arena_new(l->arena, struct object_extern);
	else if (!is_weak(o, name))
		e->is_weak = false;
	if (old)
		return 0;
	*e = (struct object_extern){
		.name = name,
		.object = o,
		.id = id,
		.type_id = btf_kind(r) == BTF_VAR ? r[BTF_TYPE_ID] : 0,
		.is_config = streq(section, ".kconfig"),
		.is_weak = is_weak(o, name),
	};
	table_put(l->arena, &l->externs, name, e);
	if (!e->is_config)
		return 0;
	vec_push(l->arena, &l->configs, e);
	return set_shape(o, e);
}

int object_externs(struct object *o)
{
	static const char *const sections[] = { ".kconfig", ".ksyms" };

	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		const uint32_t *sec = object_record(o, &o->datasecs, sections[i], NULL);

		for (uint32_t k = 0; sec && k < btf_entries(sec); k++) {
			int err = add(o, sections[i], sec[BTF_COMMON + 3 * k]);
			if (err)
				return err;
		}
	}
	return 0;
}

/* ---- values ---- */

/* What stands behind "NAME=" on a line of its own; NULL: the name is not set. */
static const char *config_value(const char *config, const char *name, size_t *ret_len)
{
	size_t len = strlen(name);

	for (const char *s = config; s && *s; s += *s == '\n') {
		size_t line = strcspn(s, "\n");

		if (line > len && strncmp(s, name, len) == 0 && s[len] == '=') {
			*ret_len = line - len - 1;
			return s + len + 1;
		}
		s += line;
	}
	return NULL;
}

static int wrong(const struct object_extern *e, const char *value, size_t len)
{
	return object_bad(e->object, "%s is %.*s, which its type cannot hold", e->name, (int)len,
			  value);
}

/* y, n, m: as a letter in a char, as 1, 0, 2 in an enum libbpf_tristate. */
static int put_letter(const struct object_extern *e, const uint32_t *r, char letter, uint8_t *to)
{
	enum btf_kind kind = btf_kind(r);
	bool is_bool = kind == BTF_INT && r[BTF_COMMON] >> 24 & INT_BOOL;

	if (kind == BTF_INT && e->size == 1 && !is_bool)
		to[0] = (uint8_t)letter;
	else if (kind == BTF_ENUM || (is_bool && letter != 'm'))
		to[0] = letter == 'y' ? 1 : letter == 'm' ? 2 : 0;
	else
		return wrong(e, &letter, 1);
	return 0;
}

static int put_text(const struct object_extern *e, const uint32_t *r, const char *value, size_t len,
		    uint8_t *to)
{
	if (btf_kind(r) != BTF_ARRAY || len < 2 || value[len - 1] != '"')
		return wrong(e, value, len);
	memcpy(to, value + 1, MIN(len - 2, (size_t)e->size - 1));
	return 0;
}

static int put_number(const struct object_extern *e, const uint32_t *r, uint64_t n, uint8_t *to)
{
	uint32_t bits = e->size * 8;
	bool is_signed = btf_kind(r) == BTF_INT && r[BTF_COMMON] >> 24 & INT_SIGNED;
	int64_t high;

	if (btf_kind(r) != BTF_INT || e->size > 8)
		return wrong(e, "a number", 8);
	high = bits < 64 ? (int64_t)n >> (bits - is_signed) : 0;
	if (high && !(is_signed && high == -1))
		return wrong(e, "too large a number", 18);
	memcpy(to, &n, e->size);
	return 0;
}

static int put_config(const struct link *l, const struct object_extern *e, const uint32_t *r,
		      uint8_t *to)
{
	size_t len = 0;
	const char *value = config_value(l->opt->config, e->name, &len);
	char text[32], *end;

	if (!value && (e->is_weak || l->opt->is_listing))
		return 0;
	if (!value) {
		object_bad(e->object, "the kernel's configuration has no %s", e->name);
		diag_hint(l->diags, "declare it weak and it is 0 where it is not set");
		return -EINVAL;
	}
	if (len == 1 && strchr("ynm", *value))
		return put_letter(e, r, *value, to);
	if (len && *value == '"')
		return put_text(e, r, value, len, to);
	snprintf(text, sizeof(text), "%.*s", (int)MIN(len, sizeof(text) - 1), value);
	errno = 0;
	uint64_t n = strtoull(text, &end, 0);
	return errno || *end || end == text ? wrong(e, value, len) : put_number(e, r, n, to);
}

static int put(const struct link *l, const struct object_extern *e, uint8_t *to)
{
	const struct object_options *opt = l->opt;
	const struct btf *btf = e->object->btf;
	const uint32_t *r = btf_record(btf, btf_strip(btf, e->type_id, true));

	if (streq(e->name, "LINUX_KERNEL_VERSION")) {
		if (!opt->kernel && !e->is_weak && !opt->is_listing)
			return object_bad(e->object, "it asks for the kernel's version, and no "
						     "kernel is given");
		return put_number(e, r, opt->kernel, to);
	}
	if (streq(e->name, "LINUX_HAS_BPF_COOKIE"))
		return put_letter(e, r, opt->has_bpf_cookie ? 'y' : 'n', to);
	if (streq(e->name, "LINUX_HAS_SYSCALL_WRAPPER"))
		return put_letter(e, r, opt->kernel ? 'y' : 'n', to);
	return put_config(l, e, r, to);
}

/* Large ones first, so that each is aligned with no gaps. */
static int by_align(const void *a, const void *b)
{
	const struct object_extern *const *x = a, *const *y = b;

	if ((*x)->align != (*y)->align)
		return (*x)->align > (*y)->align ? -1 : 1;
	return strcmp((*x)->name, (*y)->name);
}

int object_config(struct link *l)
{
	struct image_map m = {
		.name = ".kconfig", .role = MAP_RODATA, .key_size = 4, .max_entries = 1
	};
	struct type *t = arena_new(l->arena, struct type);
	uint64_t size = 0;
	uint8_t *data;

	if (!l->configs.n)
		return 0;
	qsort(l->configs.v, l->configs.n, sizeof(*l->configs.v), by_align);
	for (uint32_t i = 0; i < l->configs.n; i++) {
		l->configs.v[i]->offset = (uint32_t)ALIGN_UP(size, l->configs.v[i]->align);
		size = (uint64_t)l->configs.v[i]->offset + l->configs.v[i]->size;
	}
	if (size > OBJECT_VALUE_MAX)
		return object_bad(l->objects, "its configuration variables take too many bytes");
	m.data = data = arena_alloc(l->arena, size);
	m.value_size = (uint32_t)size;
	m.value = t;
	*t = (struct type){ .kind = TYPE_STRUCT, .name = m.name, .size = m.value_size, .align = 8 };
	t->members = arena_array(l->arena, struct type_member, l->configs.n);
	t->nmembers = l->configs.n;
	for (uint32_t i = 0; i < l->configs.n; i++) {
		const struct object_extern *e = l->configs.v[i];
		int err = put(l, e, data + e->offset);

		if (err)
			return err;
		t->members[i] = (struct type_member){ .name = e->name,
						      .type = btf_type(e->object->btf, e->type_id),
						      .offset = e->offset };
	}
	l->config_map = image_map_add(l->img, &m);
	return 0;
}
