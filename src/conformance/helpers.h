/*
 * The helpers that programs of conformance suites call by number, in place of the kernel's.
 */
#ifndef SKEP_CONFORMANCE_HELPERS_H
#define SKEP_CONFORMANCE_HELPERS_H

#include "engine/engine.h"

/* conformance_helpers - sets helpers 0 to 5 of @engine. -ENOMEM. */
int conformance_helpers(struct engine *engine);

#endif
