/*
 * Reading ELF objects: the steps in their order. See object.h for the contract.
 *
 * Needs: all of object_*.c. Called by skep's verbs, the conformance program and the library.
 */
#include "image/object.h"

#include <errno.h>
#include <string.h>

#include "image/link.h"

enum { OBJECT_TEXT_MAX = 16 << 20 };

int object_bad(const struct object *o, const char *fmt, ...)
{
	va_list args;
	const char *why;

	va_start(args, fmt);
	why = arena_vprintf(o->link->arena, fmt, args);
	va_end(args);
	return diag_error(o->link->diags, SPAN_NONE, "%s cannot be used: %s", o->name, why);
}

static int relocate(struct object *o)
{
	const struct btf *target = o->link->opt->target;
	struct relocate r;
	const char *why;

	if (!o->btf || !target)
		return 0;
	relocate_init(&r, o->link->arena, o->btf, target);
	for (uint32_t i = 0; i < o->nsections; i++)
		relocate_want(&r, &o->sections[i].relos);
	relocate_find(&r);
	for (uint32_t i = 0; i < o->nsections; i++) {
		struct object_section *s = &o->sections[i];

		if (relocate_insns(&r, s->insns, s->ninsns, &s->relos, &s->poisons, &why))
			return object_bad(o, "section %s, %s", s->name, why);
	}
	return 0;
}

static const struct object_section *section_called(const struct object *o, const char *name)
{
	for (uint32_t i = 0; i < o->nsections; i++)
		if (streq(o->sections[i].name, name) && o->sections[i].data && o->sections[i].size)
			return &o->sections[i];
	return NULL;
}

/* All objects that say something of it must say the same. */
static int licence(struct object *o)
{
	const struct object_section *s = section_called(o, "license");
	const struct object_section *v = section_called(o, "version");
	struct image *img = o->link->img;

	if (v && v->size >= sizeof(img->version))
		memcpy(&img->version, v->data, sizeof(img->version));
	if (!s)
		return 0;
	if (!memchr(s->data, '\0', s->size))
		return object_bad(o, "its licence does not end");
	if (*img->license && !streq(img->license, (const char *)s->data))
		return object_bad(o, "its licence is %s, and another object's %s",
				  (const char *)s->data, img->license);
	img->license = arena_strdup(o->link->arena, (const char *)s->data);
	return 0;
}

static int read_one(struct object *o)
{
	int err = object_elf(o);

	if (!err)
		err = object_btf(o);
	if (!err)
		err = relocate(o);
	return err ? err : licence(o);
}

static int each(struct link *l, int (*step)(struct object *o))
{
	int err = 0;

	for (uint32_t i = 0; i < l->nobjects && !err; i++)
		err = step(&l->objects[i]);
	return err;
}

static int link_all(struct link *l)
{
	int err = each(l, read_one);

	if (!err)
		err = link_symbols(l);
	if (!err)
		err = each(l, object_maps);
	if (!err)
		err = each(l, object_data);
	if (!err)
		err = each(l, object_data_fill);
	if (!err)
		err = each(l, object_externs);
	if (!err)
		err = object_config(l);
	if (!err)
		err = each(l, object_funcs);
	if (!err)
		err = object_declare_progs(l);
	if (!err)
		err = object_progs(l);
	if (!err)
		err = each(l, object_map_inits);
	return err ? err : each(l, object_data_relocate);
}

int object_read(const struct object_file *files, uint32_t nfiles, const struct object_options *opt,
		struct types *types, struct sources *sources, struct diags *diags,
		struct image **ret)
{
	static const struct object_options none;
	struct link l = {
		.arena = types->arena,
		.types = types,
		.sources = sources,
		.diags = diags,
		.opt = opt ? opt : &none,
		.img = image_new(types->arena, sources),
		.objects = arena_array(types->arena, struct object, nfiles),
		.nobjects = nfiles,
		.data_left = OBJECT_VALUE_MAX,
		.text_left = OBJECT_TEXT_MAX,
		.insns_left = OBJECT_INSNS_ALL,
	};
	int err;

	l.img->license = "";
	for (uint32_t i = 0; i < nfiles; i++)
		l.objects[i] = (struct object){ .link = &l,
						.name = files[i].name,
						.data = files[i].data,
						.size = files[i].size };
	err = link_all(&l);
	if (!err && !l.img->progs.n && !l.img->maps.n)
		err = object_bad(&l.objects[0], "it has neither programs nor maps");
	if (!err)
		*ret = l.img;
	return err;
}
