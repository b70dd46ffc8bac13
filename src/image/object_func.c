/*
 * Functions of a section of code: where each begins and ends, and what its instructions refer to
 * (functions, maps, variables, the kernel), resolved across objects.
 *
 * Needs: symbols of all objects linked, maps and variables placed. Called by object_prog.c.
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/form.h"
#include "image/link.h"

enum { LD_IMM64 = BPF_LD | BPF_IMM | BPF_DW, CALL = BPF_JMP | BPF_CALL, CALLX_SRC = 0x08 };

/* ---- where they are ---- */

static int by_start(const void *a, const void *b)
{
	const struct object_func *const *x = a, *const *y = b;

	if ((*x)->start != (*y)->start)
		return (*x)->start < (*y)->start ? -1 : 1;
	return (*x)->is_local - (*y)->is_local;
}

static struct object_func *new_func(struct object *o, struct object_section *s, uint32_t start,
				    const char *name)
{
	struct object_func *f = arena_new(o->link->arena, struct object_func);

	f->object = o;
	f->section = s;
	f->start = f->end = start;
	f->name = name;
	vec_push(o->link->arena, &s->funcs, f);
	return f;
}

static int add_func(struct object *o, const struct object_symbol *sym)
{
	struct object_section *s = sym->section;

	if (sym->value % sizeof(struct insn) || sym->size % sizeof(struct insn))
		return object_bad(o, "function %s does not consist of instructions", sym->name);
	if (sym->value == s->size)
		return object_bad(o, "function %s is empty", sym->name);
	struct object_func *f = new_func(o, s, (uint32_t)(sym->value / sizeof(struct insn)),
					 sym->name);
	if (!*sym->name)
		f->name = arena_printf(o->link->arena, "func_%u", f->start);
	f->end = f->start + (uint32_t)(sym->size / sizeof(struct insn));
	f->is_local = sym->bind == STB_LOCAL;
	f->gave_way = !f->is_local && *sym->name && table_get(&o->link->globals, sym->name) != sym;
	return 0;
}

/* Code without symbols: what is called begins a function, and so does the section. */
static void guess_funcs(struct object *o, struct object_section *s)
{
	new_func(o, s, 0, s->name);
	for (uint32_t i = 0; i < s->ninsns; i++) {
		const struct insn *insn = &s->insns[i];
		int64_t target = (int64_t)i + 1 + insn->imm;

		if (insn->opcode != CALL || insn->src != BPF_PSEUDO_CALL || target < 1 ||
		    target >= s->ninsns || object_rel_at(s, i * sizeof(struct insn)))
			continue;
		new_func(o, s, (uint32_t)target,
			 arena_printf(o->link->arena, "%s_%lld", s->name, (long long)target))
			->is_local = true;
	}
}

/* Two names of one function make one; one without a size ends where the next begins. */
static int settle_funcs(struct object *o, struct object_section *s)
{
	uint32_t n = 0;

	if (s->funcs.n)
		qsort(s->funcs.v, s->funcs.n, sizeof(*s->funcs.v), by_start);
	for (uint32_t i = 0; i < s->funcs.n; i++) {
		if (n && s->funcs.v[n - 1]->start == s->funcs.v[i]->start)
			continue;
		s->funcs.v[n++] = s->funcs.v[i];
	}
	s->funcs.n = n;
	for (uint32_t i = 0; i < n; i++) {
		struct object_func *f = s->funcs.v[i];
		uint32_t next = i + 1 < n ? s->funcs.v[i + 1]->start : s->ninsns;

		if (f->end == f->start)
			f->end = next;
		if (f->end > next)
			return object_bad(o, "functions %s and %s of section %s overlap", f->name,
					  s->funcs.v[i + 1]->name, s->name);
	}
	return 0;
}

int object_funcs(struct object *o)
{
	for (uint32_t i = 0; i < o->nsymbols; i++) {
		const struct object_symbol *sym = &o->symbols[i];

		if (sym->type != STT_FUNC || !sym->section || sym->section->role != SECTION_CODE)
			continue;
		int err = add_func(o, sym);
		if (err)
			return err;
	}
	for (uint32_t i = 0; i < o->nsections; i++) {
		struct object_section *s = &o->sections[i];

		if (s->role != SECTION_CODE)
			continue;
		if (!s->funcs.n)
			guess_funcs(o, s);
		int err = settle_funcs(o, s);
		if (err)
			return err;
	}
	return 0;
}

struct object_func *object_func_at(const struct object_section *s, uint64_t insn)
{
	uint32_t lo = 0, hi = s->funcs.n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (s->funcs.v[mid]->start < insn)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->funcs.n && s->funcs.v[lo]->start == insn ? s->funcs.v[lo] : NULL;
}

/* ---- what they refer to ---- */

static int bad_insn(const struct object_func *f, uint32_t at, const char *what)
{
	return object_bad(f->object, "function %s, instruction %u: %s", f->name, at - f->start,
			  what);
}

static void push_ref(struct object_func *f, struct object_ref ref)
{
	vec_push(f->object->link->arena, &f->refs, ref);
}

/* The function at byte @at of @s, called or referred to by instruction @insn. */
static int refer_func(struct object_func *f, uint32_t insn, const struct object_section *s,
		      int64_t at, bool is_call)
{
	struct object_func *to = NULL;

	if (s->role == SECTION_CODE && at >= 0 && at % (int64_t)sizeof(struct insn) == 0)
		to = object_func_at(s, (uint64_t)at / sizeof(struct insn));
	if (!to)
		return bad_insn(f, insn, "there is no function where it says");
	push_ref(f, (struct object_ref){ .insn = insn, .func = to, .is_call = is_call });
	return 0;
}

/* A name may have a flavour behind "___", as types may. */
static const char *plain_name(struct arena *arena, const char *name)
{
	const char *end = strstr(name, "___");

	return end && end != name ? arena_strndup(arena, name, (size_t)(end - name)) : name;
}

static int undefined(const struct object_func *f, const char *name)
{
	object_bad(f->object, "function %s needs %s, which no object defines", f->name,
		   *name ? name : "something");
	diag_hint(f->object->link->diags,
		  "give the object that defines it too, or declare it __ksym if the kernel has it");
	return -EINVAL;
}

static int refer_extern(struct object_func *f, uint32_t insn, const struct link_target *t,
			bool is_call)
{
	const struct link *l = f->object->link;
	const char *name = t->named->name;
	const struct object_extern *e = table_get(&l->externs, name);
	bool weak = t->named->bind == STB_WEAK;
	struct object_ref ref = {
		.insn = insn,
		.reloc = { .kind = RELOC_KSYM,
			   .name = plain_name(l->arena, name),
			   .addend = t->addend,
			   .is_weak = weak },
	};

	if (e && e->is_config && !is_call) {
		ref.reloc = (struct reloc){ .kind = RELOC_MAP_VALUE,
					    .index = l->config_map,
					    .addend = e->offset + t->addend };
	} else if (is_call) {
		if (!e && !weak && !l->opt->is_listing)
			return undefined(f, name);
		ref.reloc.kind = RELOC_KFUNC;
		ref.reloc.addend = 0;
	} else if (e && e->type_id && btf_strip(e->object->btf, e->type_id, true)) {
		ref.reloc.kind = RELOC_KVAR; /* a type that is not void */
	} else if (!*name) {
		return undefined(f, name);
	}
	if (e && (ref.reloc.kind == RELOC_KFUNC || ref.reloc.kind == RELOC_KVAR))
		ref.reloc.type = btf_type(e->object->btf, e->id);
	push_ref(f, ref);
	return 0;
}

static int refer_data(struct object_func *f, uint32_t insn, const struct link_target *t)
{
	const struct object_section *s = t->defined->section;
	struct object_ref ref = { .insn = insn };

	if (t->defined->map && s->role != SECTION_DATA) {
		if (t->addend)
			return bad_insn(f, insn, "it refers to the middle of a map");
		ref.reloc = (struct reloc){ .kind = RELOC_MAP, .index = t->defined->map - 1 };
	} else if (s->role == SECTION_DATA && s->size) {
		ref.reloc = (struct reloc){ .kind = RELOC_MAP_VALUE,
					    .index = s->map,
					    .addend = (int64_t)(s->base + t->defined->value) +
						      t->addend };
	} else {
		return bad_insn(f, insn, "it refers to what is neither code, map nor variable");
	}
	push_ref(f, ref);
	return 0;
}

/* Static maps are referred to by their section and a distance. */
static void find_static_map(const struct object_func *f, struct link_target *t)
{
	struct object *o = f->object;
	uint64_t at = t->defined->value + (uint64_t)t->addend;

	if (t->defined->type != STT_SECTION || t->defined->section->role == SECTION_DATA)
		return;
	for (uint32_t i = 0; i < o->nsymbols; i++) {
		struct object_symbol *sym = &o->symbols[i];

		if (sym->section == t->defined->section && sym->map && sym->value == at) {
			t->defined = sym;
			t->addend = 0;
			return;
		}
	}
}

static int scan_wide(struct object_func *f, uint32_t at, const struct object_rel *rel)
{
	const struct insn *insn = &f->section->insns[at];
	int64_t in_place = insn[0].imm;
	struct link_target t;

	if (rel->type != REL_64_64 && rel->type != REL_64_ABS64)
		return bad_insn(f, at, "it cannot hold a relocation of that type");
	int err = link_target(f->object, rel, in_place, &t);
	if (err)
		return err;
	if (!t.defined)
		return refer_extern(f, at, &t, false);
	if (t.defined->section->role == SECTION_CODE)
		return refer_func(f, at, t.defined->section, (int64_t)t.defined->value + t.addend,
				  false);
	find_static_map(f, &t);
	return refer_data(f, at, &t);
}

static int scan_call(struct object_func *f, uint32_t at, const struct object_rel *rel)
{
	const struct insn *insn = &f->section->insns[at];
	struct link_target t;
	int err;

	if (!rel) {
		if (insn->src != BPF_PSEUDO_CALL)
			return 0;
		return refer_func(f, at, f->section,
				  ((int64_t)at + 1 + insn->imm) * (int64_t)sizeof(*insn), true);
	}
	err = link_call(f->object, rel, insn->imm, &t);
	if (err)
		return err;
	if (!t.defined)
		return refer_extern(f, at, &t, true);
	return refer_func(f, at, t.defined->section, (int64_t)t.defined->value + t.addend, true);
}

/* Whether a jump at @at stays in the function: what follows is another's place. */
static bool stays(const struct object_func *f, uint32_t at)
{
	const struct insn *insn = &f->section->insns[at];
	const struct insn_form *form = &insn_forms[insn_find(insn)];
	int64_t target;

	if (form->op == OP_CALL_LOCAL || form->op == OP_FUNC ||
	    !insn_target(f->section->insns, at, &target))
		return true;
	return target >= f->start && target < f->end;
}

/* clang up to 16 puts the register of an indirect call where others put a number. */
static void settle_callx(struct insn *insn)
{
	if (insn->opcode != (CALL | CALLX_SRC) || insn->dst || insn->src || insn->imm < 1 ||
	    insn->imm > 9)
		return;
	insn->dst = (uint8_t)insn->imm & 0xf;
	insn->imm = 0;
}

static int scan_insn(struct object_func *f, uint32_t at)
{
	struct insn *insn = &f->section->insns[at];
	const struct object_rel *rel = object_rel_at(f->section, at * sizeof(*insn));

	settle_callx(insn);
	if (!stays(f, at))
		return bad_insn(f, at, "it jumps out of its function");
	if (insn->opcode == CALL)
		return scan_call(f, at, rel);
	if (!rel || rel->type == REL_NONE)
		return 0;
	if (insn->opcode != LD_IMM64)
		return bad_insn(f, at, "it is relocated and cannot hold an address");
	return scan_wide(f, at, rel);
}

int object_func_scan(struct object_func *f)
{
	const struct insn *insns = f->section->insns;

	if (f->is_scanned)
		return 0;
	f->is_scanned = true;
	for (uint32_t at = f->start; at < f->end; at++) {
		int err = scan_insn(f, at);

		if (err)
			return err;
		if (!insn_is_wide(&insns[at]))
			continue;
		at++;
		if (at >= f->end)
			return bad_insn(f, at - 1, "its second half is missing");
		if (object_rel_at(f->section, at * sizeof(struct insn)))
			return bad_insn(f, at, "the half of an instruction is relocated");
	}
	return 0;
}
