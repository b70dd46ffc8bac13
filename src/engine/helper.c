/*
 * The table that binds helper ids to functions.
 * Needs: implemented.def. Called by engine_new().
 */
#include "engine/helper.h"
#include "bpf/uapi.h"

struct binding {
	uint32_t id;
	const char *name;
	vm_helper *fn;
};

static const struct binding bindings[] = {
#define IMPLEMENTED(name) { BPF_FUNC_##name, #name, helper_##name },
#include "engine/implemented.def"
#undef IMPLEMENTED
};

int helpers_add(struct engine *e)
{
	int err = 0;

	for (size_t i = 0; i < ARRAY_LEN(bindings) && !err; i++)
		err = engine_set_helper(e, bindings[i].id, bindings[i].name, bindings[i].fn);
	return err;
}
