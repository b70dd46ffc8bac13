/*
 * Memory that is tried: what bpf_probe_read* may read is the program's own regions and, through
 * the engine's hook, whatever the hook knows. Nothing ends the run.
 */
#ifndef SKEP_ENGINE_PROBE_H
#define SKEP_ENGINE_PROBE_H

#include "engine/vm.h"

/* probe_read - 0 or -EFAULT; @to is undefined then. */
int probe_read(const struct vm *vm, uint64_t address, void *to, uint32_t size);

/* probe_read_text - a NUL-terminated copy of at most @size bytes (> 0), cut to fit; its size with
 * the NUL, or -EFAULT. */
int64_t probe_read_text(const struct vm *vm, uint64_t address, char *to, uint32_t size);

#endif
