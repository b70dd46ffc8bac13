/*
 * Relocation for the engine: puts map numbers, parameters and symbols into a copy of an image
 * program's instructions.
 * Needs: the engine's maps. Called by vm_prog_new().
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/form.h"
#include "engine/engine.h"
#include "engine/prog.h"

static int damaged(struct buf *why, const struct reloc *r, const char *what)
{
	buf_printf(why, "the image is damaged: its relocation of instruction %u %s", r->insn, what);
	return -EINVAL;
}

static void put64(struct insn *i, uint64_t value)
{
	i[0].imm = (int32_t)(uint32_t)value;
	i[1].imm = (int32_t)(uint32_t)(value >> 32);
}

static int link_map(const struct engine *e, const struct reloc *r, struct insn *i, struct buf *why)
{
	if (r->index >= e->nmaps)
		return damaged(why, r, "names a map that is not there");
	i[0].src = r->kind == RELOC_MAP ? BPF_PSEUDO_MAP_IDX : BPF_PSEUDO_MAP_IDX_VALUE;
	i[0].imm = (int32_t)r->index;
	i[1].imm = r->kind == RELOC_MAP ? 0 : (int32_t)r->addend;
	return 0;
}

static int link_ksym(const struct engine *e, const struct reloc *r, struct insn *i, struct buf *why)
{
	uint64_t address = e->hooks.ksym && r->name ? e->hooks.ksym(e->hooks.ctx, r->name) : 0;

	if (!address && !r->is_weak) {
		buf_printf(why, "there is no kernel symbol %s here", r->name ? r->name : "");
		return -ENOENT;
	}
	put64(i, address ? address + (uint64_t)r->addend : 0);
	return 0;
}

/* The engine has no kernel: what is weak is 0, and code that needs it asks first. */
static int link_kernel(const struct reloc *r, struct insn *i, struct buf *why)
{
	if (!r->is_weak) {
		buf_printf(why, "there is no kernel %s %s here",
			   r->kind == RELOC_KFUNC ? "function" : "variable", r->name);
		return -ENOENT;
	}
	i->imm = 0;
	return 0;
}

static int link_param(const struct engine *e, const struct reloc *r, struct insn *i, bool wide,
		      struct buf *why)
{
	if (r->index >= ENGINE_PARAMS)
		return damaged(why, r, "names a parameter that is not there");
	if (wide)
		put64(i, e->params[r->index]);
	else
		i->imm = (int32_t)(uint32_t)e->params[r->index];
	return 0;
}

static int link_one(struct vm_prog *p, const struct reloc *r, struct buf *why)
{
	if (r->insn >= p->ninsns)
		return damaged(why, r, "lies behind the program's end");
	struct insn *i = &p->insns[r->insn];
	bool wide = insn_is_wide(i);
	if (wide ? r->insn + 1 >= p->ninsns : r->kind != RELOC_PARAM && r->kind != RELOC_KFUNC)
		return damaged(why, r, "meets one that cannot hold an address");
	switch (r->kind) {
	case RELOC_MAP:
	case RELOC_MAP_VALUE: return link_map(p->engine, r, i, why);
	case RELOC_FUNC:
		i[0].src = BPF_PSEUDO_FUNC;
		put64(i, 0);
		i[0].imm = (int32_t)(r->index - r->insn - 1);
		return 0;
	case RELOC_KSYM: return link_ksym(p->engine, r, i, why);
	case RELOC_PARAM: return link_param(p->engine, r, i, wide, why);
	case RELOC_KFUNC:
	case RELOC_KVAR: return link_kernel(r, i, why);
	}
	return damaged(why, r, "is of no known kind");
}

int prog_link(struct vm_prog *p, const struct image_prog *image, struct buf *why)
{
	int err = 0;

	p->insns = malloc(MAX(image->insns.n, 1u) * sizeof(*p->insns));
	if (!p->insns)
		return -ENOMEM;
	p->ninsns = image->insns.n;
	if (p->ninsns)
		memcpy(p->insns, image->insns.v, p->ninsns * sizeof(*p->insns));
	for (uint32_t i = 0; i < image->relocs.n && !err; i++)
		err = link_one(p, &image->relocs.v[i], why);
	return err;
}
