/*
 * Making programs ready to run.
 * Needs: the engine, set up. Called by hosts, tests and embedders.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/form.h"
#include "engine/engine.h"
#include "engine/interp.h"
#include "engine/jit.h"
#include "engine/map.h"

enum { PROG_MAX_INSNS = 1 << 20 }; /* as the kernel with privileges; fits op.insn */

#define DEFAULT_FUEL (1ull << 40)

static int prog_check(const struct vm_prog *p, struct buf *why)
{
	struct buf reason = { 0 };
	size_t at = 0;
	int err;

	if (p->ninsns > PROG_MAX_INSNS) {
		buf_printf(why, "the program has %u instructions; %u is the limit", p->ninsns,
			   PROG_MAX_INSNS);
		return -E2BIG;
	}
	err = insn_check_prog(p->insns, p->ninsns, &at, &reason);
	if (err)
		buf_printf(why, "instruction %zu: %s", at, reason.data ? reason.data : "");
	buf_done(&reason);
	return err;
}

/* What messages about the program need. */
static int prog_describe(struct vm_prog *p, const struct image_prog *image)
{
	p->name = strdup(image->name ? image->name : "");
	p->spans = calloc(MAX(image->spans.n, 1u), sizeof(*p->spans));
	if (!p->name || !p->spans)
		return -ENOMEM;
	if (image->spans.n)
		memcpy(p->spans, image->spans.v, image->spans.n * sizeof(*p->spans));
	p->nspans = image->spans.n;
	return 0;
}

static int prog_make(struct vm_prog *p, const struct image_prog *image,
		     const struct vm_options *opt, struct buf *why)
{
	int err = prog_describe(p, image);

	if (!err)
		err = prog_link(p, image, why);
	if (!err)
		err = prog_check(p, why);
	if (!err)
		err = prog_decode(p, opt->trace, why);
	return err;
}

/* Where there is no back end or no executable memory, the program is interpreted. */
static int prog_compile(struct vm_prog *p, const struct vm_options *opt)
{
	const struct jit_options jit = { .checked = !opt->unchecked,
					 .blind = opt->blind,
					 .seed = p->engine->seed,
					 .features = jit_features() };
	int err = jit_compile(p, &jit);

	return err == -ENOMEM ? err : 0;
}

int vm_prog_new(struct engine *engine, const struct image_prog *prog, const struct vm_options *opt,
		struct vm_prog **ret, struct buf *why)
{
	const struct vm_options defaults = { 0 };
	struct vm_prog *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	if (!opt)
		opt = &defaults;
	p->engine = engine;
	p->id = __atomic_add_fetch(&engine->progs, 1, __ATOMIC_RELAXED);
	p->run = vm_interpret;
	p->fuel = opt->fuel ? MIN(opt->fuel, (uint64_t)INT64_MAX) : DEFAULT_FUEL;
	p->sources = opt->sources;
	err = prog_make(p, prog, opt, why);
	if (!err && !opt->no_jit && !opt->trace)
		err = prog_compile(p, opt);
	if (err)
		vm_prog_free(p);
	else
		*ret = p;
	return err;
}

void vm_prog_free(struct vm_prog *p)
{
	if (!p)
		return;
	jit_free(p);
	for (uint32_t i = 0; i < p->nmaps; i++)
		map_put(p->maps[i]);
	free(p->maps);
	free(p->ops);
	free(p->funcs);
	free(p->name);
	free(p->insns);
	free(p->spans);
	free(p);
}

bool vm_prog_is_compiled(const struct vm_prog *p)
{
	return p->run != vm_interpret;
}
