/*
 * Programs: each is a function of a named section, and behind it those functions that it reaches,
 * in the order in which they stand in the objects. Code that no program reaches is left out.
 *
 * Where no section but .text has code, its functions are the programs.
 *
 * Needs: object_func.c. Called by object_read.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "image/link.h"

VEC_TYPE(struct object_func *, func_list);

/* ---- which they are ---- */

static bool is_text(const struct object_section *s)
{
	return streq(s->name, ".text");
}

static void set_kind(struct object *o, struct image_prog *p)
{
	const char *arg, *section = p->section;
	const struct section_kind *kind = section_kind(section, &arg);

	if (!kind) {
		if (streq(section, ".text"))
			return;
		diag_warning(o->link->diags, SPAN_NONE,
			     "%s: the section name %s says nothing of the kind of its programs",
			     o->name, section);
		section_hint(o->link->diags, section);
		return;
	}
	p->type = kind->type;
	p->attach_type = kind->attach_type;
	p->flags = kind->flags;
	if (kind->btf && arg && *arg)
		p->attach_func = arena_printf(o->link->arena, "%s%s", kind->btf, arg);
}

static void declare(struct object_func *f)
{
	struct link *l = f->object->link;
	const char *section = f->section->name;
	struct image_prog p = { .name = f->name };

	p.is_optional = *section == '?';
	p.section = section + p.is_optional;
	set_kind(f->object, &p);
	vec_push(l->arena, &l->img->progs, p);
	f->prog = l->img->progs.n;
}

/* Static functions of a section are called by its programs; alone there, they are programs. */
static void declare_section(const struct object_section *s)
{
	uint32_t before = 0;

	for (uint32_t i = 0; i < s->funcs.n; i++) {
		struct object_func *f = s->funcs.v[i];

		if (f->is_local || f->gave_way)
			continue;
		declare(f);
		before++;
	}
	if (!before && s->funcs.n && !s->funcs.v[0]->gave_way)
		declare(s->funcs.v[0]);
}

static void declare_all(struct link *l, bool text)
{
	for (uint32_t i = 0; i < l->nobjects; i++) {
		const struct object *o = &l->objects[i];

		for (uint32_t k = 0; k < o->nsections; k++)
			if (o->sections[k].role == SECTION_CODE && is_text(&o->sections[k]) == text)
				declare_section(&o->sections[k]);
	}
}

int object_declare_progs(struct link *l)
{
	declare_all(l, false);
	if (!l->img->progs.n)
		declare_all(l, true);
	return 0;
}

/* ---- putting one together ---- */

static int by_place(const void *a, const void *b)
{
	const struct object_func *x = *(struct object_func *const *)a;
	const struct object_func *y = *(struct object_func *const *)b;

	if (x->object != y->object)
		return x->object < y->object ? -1 : 1;
	if (x->section != y->section)
		return x->section < y->section ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

/* All that @entry reaches, itself first. */
static int reach(struct object_func *entry, struct func_list *list)
{
	struct link *l = entry->object->link;

	entry->mark = ++l->mark;
	vec_push(l->arena, list, entry);
	for (uint32_t i = 0; i < list->n; i++) {
		struct object_func *f = list->v[i];
		int err = object_func_scan(f);

		if (err)
			return err;
		for (uint32_t k = 0; k < f->refs.n; k++) {
			struct object_func *to = f->refs.v[k].func;

			if (!to || to->mark == l->mark)
				continue;
			to->mark = l->mark;
			vec_push(l->arena, list, to);
		}
	}
	qsort(list->v + 1, list->n - 1, sizeof(*list->v), by_place);
	return 0;
}

static int place(struct link *l, const struct func_list *list, struct image_prog *p)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < list->n; i++) {
		struct object_func *f = list->v[i];

		f->at = (uint32_t)n;
		n += f->end - f->start;
		if (n > OBJECT_INSNS_MAX || n > l->insns_left)
			return object_bad(list->v[0]->object,
					  "its programs have too many instructions");
	}
	l->insns_left -= (uint32_t)n;
	p->insns.v = arena_array(l->arena, struct insn, n);
	p->insns.n = p->insns.cap = (uint32_t)n;
	return 0;
}

static void put_address(struct insn *i, uint8_t src, int32_t low, int32_t high)
{
	i[0].src = src & 0xf;
	i[0].offset = 0;
	i[0].imm = low;
	i[1] = (struct insn){ .imm = high };
}

static void put_reloc(struct image_prog *p, struct arena *arena, struct reloc r)
{
	struct insn *i = &p->insns.v[r.insn];

	switch (r.kind) {
	case RELOC_MAP: put_address(i, BPF_PSEUDO_MAP_FD, 0, 0); break;
	case RELOC_MAP_VALUE: put_address(i, BPF_PSEUDO_MAP_VALUE, 0, (int32_t)r.addend); break;
	case RELOC_FUNC: put_address(i, BPF_PSEUDO_FUNC, (int32_t)(r.index - r.insn - 1), 0); break;
	case RELOC_KVAR: put_address(i, BPF_PSEUDO_BTF_ID, 0, 0); break;
	case RELOC_KFUNC:
		i->src = BPF_PSEUDO_KFUNC_CALL;
		i->offset = 0;
		i->imm = 0;
		break;
	case RELOC_KSYM:
	case RELOC_PARAM: put_address(i, 0, 0, 0); break;
	}
	vec_push(arena, &p->relocs, r);
}

static void put_ref(const struct object_func *f, const struct object_ref *ref, struct image_prog *p)
{
	uint32_t at = f->at + ref->insn - f->start;
	struct reloc reloc = ref->reloc;

	reloc.insn = at;
	if (ref->is_call) {
		p->insns.v[at].src = BPF_PSEUDO_CALL;
		p->insns.v[at].offset = 0;
		p->insns.v[at].imm = (int32_t)(ref->func->at - at - 1);
		return;
	}
	if (ref->func)
		reloc = (struct reloc){ .insn = at, .kind = RELOC_FUNC, .index = ref->func->at };
	put_reloc(p, f->object->link->arena, reloc);
}

static int by_insn(const void *a, const void *b)
{
	const struct object_type_of *x = a, *y = b;

	return x->insn < y->insn ? -1 : x->insn > y->insn;
}

static uint32_t type_id_of(const struct object_func *f)
{
	const struct object_type_of key = { .insn = f->start }, *found = NULL;
	const struct object_section *s = f->section;
	uint32_t id;

	if (s->types.n)
		found = bsearch(&key, s->types.v, s->types.n, sizeof(key), by_insn);
	if (found)
		return found->type_id;
	object_record(f->object, &f->object->funcs, f->name, &id);
	return id;
}

static void put_func(const struct object_func *f, struct image_prog *p)
{
	struct object *o = f->object;
	uint32_t id = o->btf ? type_id_of(f) : 0;
	const struct type *t = id ? btf_type(o->btf, id) : NULL;
	struct image_func to = { .insn = f->at, .name = f->name };

	if (t && t->kind == TYPE_FUNC) {
		to.type = t;
		to.nparams = t->nmembers;
	}
	vec_push(o->link->arena, &p->funcs, to);
	memcpy(p->insns.v + f->at, f->section->insns + f->start,
	       (f->end - f->start) * sizeof(struct insn));
	for (uint32_t i = 0; i < f->refs.n; i++)
		put_ref(f, &f->refs.v[i], p);
	for (uint32_t i = 0; i < f->section->poisons.n; i++) {
		struct image_poison poison = f->section->poisons.v[i];

		if (poison.insn < f->start || poison.insn >= f->end)
			continue;
		poison.insn = f->at + poison.insn - f->start;
		vec_push(o->link->arena, &p->poisons, poison);
	}
	object_spans(o, f->section, f->start, f->end, f->at, p);
}

static int put_together(struct object_func *entry)
{
	struct link *l = entry->object->link;
	struct image_prog *p = &l->img->progs.v[entry->prog - 1];
	struct func_list list = { 0 };

	int err = reach(entry, &list);
	if (!err)
		err = place(l, &list, p);
	for (uint32_t i = 0; !err && i < list.n; i++)
		put_func(list.v[i], p);
	return err;
}

int object_progs(struct link *l)
{
	for (uint32_t i = 0; i < l->nobjects; i++) {
		const struct object *o = &l->objects[i];

		for (uint32_t k = 0; k < o->nsections; k++) {
			const struct object_section *s = &o->sections[k];

			for (uint32_t m = 0; m < s->funcs.n; m++) {
				int err = s->funcs.v[m]->prog ? put_together(s->funcs.v[m]) : 0;
				if (err)
					return err;
			}
		}
	}
	return 0;
}
