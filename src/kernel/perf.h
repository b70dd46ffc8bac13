/* What perf.c offers to begin.c beside its attach rows. Internal to kernel/. */
#ifndef SKEP_KERNEL_PERF_H
#define SKEP_KERNEL_PERF_H

#include "kernel/kernel_priv.h"

/* perf_uprobe_open - an event at the place that @a names, in @pid only unless it is -1. No
 * program yet. */
int perf_uprobe_open(struct kernel *k, const struct attach *a, int32_t pid);

/* perf_connect - @event runs @prog, on behalf of @a, from now on. Takes @event over, also when it
 * fails. */
int perf_connect(struct kernel *k, int event, int prog, const struct attach *a);

#endif
