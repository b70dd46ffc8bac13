/*
 * The engine's helpers: functions behind the rows of bpf/helper.def that mean something outside
 * the kernel, one file a family. implemented.def says which; programs that call another are
 * refused by name.
 *
 * A helper gets addresses as programs see them and asks vm_memory() for each; what is not the
 * program's ends the run, since a verifier would have refused the program. What a kernel helper
 * answers with an error number is answered with the same here.
 */
#ifndef SKEP_ENGINE_HELPER_H
#define SKEP_ENGINE_HELPER_H

#include "engine/engine.h"

/* ENGINE_HELPER - the head of a vm_helper's definition; arguments a to e and vm. */
#define UNUSED_ARG __attribute__((unused)) uint64_t
#define ENGINE_HELPER(name)                                                            \
	uint64_t helper_##name(UNUSED_ARG a, UNUSED_ARG b, UNUSED_ARG c, UNUSED_ARG d, \
			       UNUSED_ARG e, __attribute__((unused)) struct vm *vm)

#define IMPLEMENTED(name) vm_helper helper_##name;
#include "engine/implemented.def"
#undef IMPLEMENTED

/* helpers_add - gives a new engine all of them. -ENOMEM. */
int helpers_add(struct engine *e);

#define HELPER_ERROR(err) ((uint64_t)(int64_t)(err))

#endif
