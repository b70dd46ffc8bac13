/* Engines of the public interface: see skep.h. Needs: the engine. */
#include <errno.h>
#include <stdlib.h>

#include "api/api_priv.h"

int skep_engine_new(const struct skep_engine_options *opt, struct skep_engine **ret)
{
	struct engine_options options = { 0 };
	struct skep_engine *e = calloc(1, sizeof(*e));
	int err;

	if (!e)
		return -ENOMEM;
	if (opt)
		options = (struct engine_options){
			.hooks = { .ctx = opt->ctx, .clock = opt->clock, .print = opt->print },
			.seed = opt->seed,
		};
	err = engine_new(&options, &e->engine);
	if (!err)
		err = context_add_helpers(e->engine);
	if (err)
		skep_engine_free(e);
	else
		*ret = e;
	return err;
}

void skep_engine_free(struct skep_engine *engine)
{
	if (!engine)
		return;
	engine_free(engine->engine);
	free(engine);
}

int skep_engine_helper(struct skep_engine *engine, uint32_t id, const char *name, skep_helper *fn)
{
	/* The struct vm that the engine hands over is the first member of a struct skep_run. */
	return engine_set_helper(engine->engine, id, name, (vm_helper *)(void (*)(void))fn);
}
