/*
 * Programs in this process and runs of them: see skep.h.
 * Needs: objects and their maps, the engine.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_priv.h"
#include "engine/prog.h"

/* ---- programs ---- */

/* The engine's number for @m, which it gets if it is new. */
static int engine_number(struct engine *e, struct map *m)
{
	for (uint32_t i = 0; i < e->nmaps; i++)
		if (e->maps[i] == m)
			return (int)i;
	return engine_add_map(e, m);
}

static int place_in_engine(void *ctx, struct reloc *r, struct skep_map *map)
{
	int number = engine_number(ctx, map->map);

	if (number < 0)
		return number;
	r->index = (uint32_t)number;
	return 0;
}

/* A map that the caller set in place of the object's points at nothing that was made. */
static bool is_here(const struct skep_object *o, uint32_t map)
{
	return o->maps[map] && o->maps[map]->map;
}

/* The maps whose variables those of map @k point at. */
static int keep_pointed(const struct skep_object *o, uint32_t k, struct vm_prog *p)
{
	const struct image_map *from = &o->image->maps.v[k];
	int err = 0;

	for (uint32_t i = 0; i < from->inits.n && !err; i++)
		if (from->inits.v[i].kind == INIT_ADDRESS && is_here(o, from->inits.v[i].index))
			err = prog_keep_map(p, o->maps[from->inits.v[i].index]->map);
	return err;
}

/* Programs may touch what they reach only by the addresses that variables hold. */
static int keep_reached(const struct skep_object *o, struct vm_prog *p)
{
	int err = 0;

	for (uint32_t i = 0; i < p->nmaps && !err; i++)
		for (uint32_t k = 0; k < o->image->maps.n && !err; k++)
			if (o->maps[k] && o->maps[k]->map == p->maps[i])
				err = keep_pointed(o, k, p);
	return err;
}

static int prog_prepare(struct skep_engine *engine, const struct image_prog *from,
			const struct skep_prog_options *opt, struct skep_prog *p,
			struct skep_why *why)
{
	const struct vm_options options = {
		.fuel = opt->fuel,
		.no_jit = opt->flags & SKEP_INTERPRET,
		.unchecked = opt->flags & SKEP_UNCHECKED,
		.blind = opt->flags & SKEP_BLIND,
		.sources = &p->object->sources,
	};
	struct image_prog image = *from;
	struct buf reason = { 0 };
	int err;

	image.relocs.v = calloc(MAX(from->relocs.n, 1u), sizeof(*image.relocs.v));
	if (!image.relocs.v)
		return -ENOMEM;
	err = object_place(p->object, from, image.relocs.v, SKEP_PROCESS, place_in_engine,
			   engine->engine, why);
	if (!err) {
		err = vm_prog_new(engine->engine, &image, &options, &p->prog, &reason);
		if (err)
			why_text(why, reason.data, reason.len);
		else
			err = keep_reached(p->object, p->prog);
	}
	buf_done(&reason);
	free(image.relocs.v);
	return err;
}

int skep_prog_new(struct skep_engine *engine, struct skep_object *object, uint32_t prog,
		  const struct skep_prog_options *opt, struct skep_prog **ret, struct skep_why *why)
{
	static const struct skep_prog_options none;
	const struct image_prog *from;
	struct skep_prog *p;
	int err;

	why_clear(why);
	opt = opt ? opt : &none;
	if (opt->flags & ~(uint32_t)(SKEP_INTERPRET | SKEP_UNCHECKED | SKEP_BLIND))
		return why_printf(why, -EINVAL, "the flags 0x%x are unknown", opt->flags);
	from = object_image_prog(object, prog, why);
	if (!from)
		return -ENOENT;
	p = calloc(1, sizeof(*p));
	if (!p)
		return why_error(why, -ENOMEM);
	p->object = object;
	p->kind = context_kind_of(from->type);
	__atomic_add_fetch(&object->references, 1, __ATOMIC_RELAXED);
	err = prog_prepare(engine, from, opt, p, why);
	if (err)
		skep_prog_free(p);
	else
		*ret = p;
	return why_error(why, err);
}

void skep_prog_free(struct skep_prog *prog)
{
	if (!prog)
		return;
	vm_prog_free(prog->prog);
	object_put(prog->object);
	free(prog);
}

bool skep_prog_is_compiled(const struct skep_prog *prog)
{
	return vm_prog_is_compiled(prog->prog);
}

/* ---- runs ---- */

int skep_run_new(struct skep_engine *engine, uint32_t cpu, struct skep_run **ret)
{
	struct skep_run *run;
	int err;

	if (cpu >= engine->engine->ncpus)
		return -EINVAL;
	run = calloc(1, sizeof(*run));
	if (!run)
		return -ENOMEM;
	err = vm_init(&run->vm, engine->engine, cpu);
	if (err)
		free(run);
	else
		*ret = run;
	return err;
}

void skep_run_free(struct skep_run *run)
{
	if (!run)
		return;
	vm_done(&run->vm);
	if (run->packet)
		context_done(run->packet);
	free(run->packet);
	free(run);
}

void skep_run_set_ctx(struct skep_run *run, void *ctx)
{
	run->ctx = ctx;
}

void *skep_run_ctx(const struct skep_run *run)
{
	return run->ctx;
}

int skep_run_lend(struct skep_run *run, void *memory, size_t size, bool write)
{
	if (run->nlent == RUN_LENT)
		return -ENOSPC;
	run->lent[run->nlent++] = (struct region){ (uint64_t)memory, size, write, memory };
	return 0;
}

void skep_run_take_back(struct skep_run *run)
{
	run->nlent = 0;
}

static const int16_t end_errors[VM_END_COUNT] = {
	[VM_UNWOUND] = -ECANCELED,   [VM_BAD_ACCESS] = -EFAULT,    [VM_UNALIGNED] = -EFAULT,
	[VM_OUT_OF_FUEL] = -ETIME,   [VM_TOO_DEEP] = -ELOOP,       [VM_BAD_HELPER] = -ENOEXEC,
	[VM_BAD_ARGUMENT] = -EFAULT, [VM_OUT_OF_MEMORY] = -ENOMEM,
};

int run_error(const struct vm *vm)
{
	return end_errors[vm->end];
}

int skep_run(struct skep_run *run, const struct skep_prog *prog, void *context, uint32_t size,
	     uint64_t *ret_r0)
{
	uint64_t r0 = vm_run(&run->vm, prog->prog, context, size, run->lent, run->nlent);

	if (run->vm.end == VM_DONE && ret_r0)
		*ret_r0 = r0;
	return run_error(&run->vm);
}

void skep_run_why(const struct skep_run *run, struct skep_why *why)
{
	struct buf text = { 0 };

	if (run->vm.end != VM_DONE)
		vm_why(&run->vm, &text);
	why_text(why, text.data, text.len);
	buf_done(&text);
}

void *skep_memory(struct skep_run *run, uint64_t address, uint64_t size, bool write)
{
	return vm_memory(&run->vm, address, size, write);
}

void skep_run_stop(struct skep_run *run)
{
	run->vm.end = VM_UNWOUND;
}
