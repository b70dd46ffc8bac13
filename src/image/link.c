/* Symbols of all objects together: see link.h. Needs: object_elf.c's tables. Called by
 * object_read and by whatever resolves a relocation. */
#include <elf.h>
#include <string.h>

#include "image/link.h"

/* Symbols of other sections (license, version) may stand in every object. */
static bool takes_part(const struct object_symbol *s)
{
	return s->section && s->section->role != SECTION_OTHER && *s->name &&
	       (s->bind == STB_GLOBAL || s->bind == STB_WEAK);
}

static int define(struct link *l, struct object_symbol *s)
{
	struct object_symbol *old = table_get(&l->globals, s->name);

	if (old && old->bind == STB_GLOBAL && s->bind == STB_GLOBAL)
		return object_bad(s->object, "%s is defined in %s too", s->name, old->object->name);
	if (!old || (old->bind == STB_WEAK && s->bind == STB_GLOBAL))
		table_put(l->arena, &l->globals, s->name, s);
	return 0;
}

int link_symbols(struct link *l)
{
	for (uint32_t i = 0; i < l->nobjects; i++) {
		struct object *o = &l->objects[i];

		for (uint32_t k = 0; k < o->nsymbols; k++) {
			if (!takes_part(&o->symbols[k]))
				continue;
			int err = define(l, &o->symbols[k]);
			if (err)
				return err;
		}
	}
	return 0;
}

static struct object_symbol *definition(struct object_symbol *s)
{
	struct object_symbol *global;

	if (s->bind == STB_LOCAL)
		return s->section ? s : NULL;
	global = *s->name ? table_get(&s->object->link->globals, s->name) : NULL;
	if (global)
		return global;
	return s->section ? s : NULL;
}

static int resolve(struct object *o, const struct object_rel *rel, struct link_target *ret)
{
	if (rel->symbol >= o->nsymbols || !rel->symbol)
		return object_bad(o, "a relocation refers to symbol %u, which is not there",
				  rel->symbol);
	ret->named = &o->symbols[rel->symbol];
	ret->defined = definition(ret->named);
	return 0;
}

int link_target(struct object *o, const struct object_rel *rel, int64_t in_place,
		struct link_target *ret)
{
	int err = resolve(o, rel, ret);

	if (err)
		return err;
	ret->addend = rel->has_addend ? rel->addend : in_place;
	if (o->is_old_gnu && !rel->has_addend && ret->named->section)
		ret->addend -= (int64_t)ret->named->value;
	return 0;
}

int link_call(struct object *o, const struct object_rel *rel, int32_t imm, struct link_target *ret)
{
	int err = resolve(o, rel, ret);

	if (err)
		return err;
	if (rel->has_addend)
		ret->addend = rel->addend;
	else if (o->is_old_gnu && ret->named->type != STT_SECTION)
		ret->addend = 0;
	else
		ret->addend = ((int64_t)imm + 1) * (int64_t)sizeof(struct insn);
	return 0;
}
