/* Names and numbers of system calls and their architectures, as users write them. */
#ifndef SKEP_CMD_SYSCALL_NAME_H
#define SKEP_CMD_SYSCALL_NAME_H

#include "base/base.h"

/* syscall_name_find - NULL: none known. @arch is an AUDIT_ARCH_*. */
const char *syscall_name_find(uint32_t arch, uint32_t nr);
/* syscall_name_number - of the call named by @len bytes; -1: none known. */
int32_t syscall_name_number(uint32_t arch, const char *name, size_t len);
/* syscall_name_limit - one more than the highest number with a name on any architecture. */
uint32_t syscall_name_limit(void);

const char *syscall_arch_name(uint32_t arch); /* NULL: unknown */
/* syscall_arch_find - AUDIT_ARCH_* by name; NULL: this machine's. False: unknown. */
bool syscall_arch_find(const char *name, uint32_t *ret);

#endif
