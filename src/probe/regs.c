/*
 * Registers: where they lie, which argument each carries. Rows are in reg.def; what does not fit
 * a row (the stack, results, the words of pt_regs behind its user part) is in struct machine.
 * Called by the providers, by syscall.c, and by front ends through register_find().
 */
#include <string.h>

#include "probe/probe_priv.h"

static const struct reg {
	enum arch arch;
	const char *name;
	uint16_t offset;
	int8_t argument, syscall_argument;
} regs[] = {
#define REG(arch_, name_, offset_, argument_, syscall_argument_) \
	{ ARCH_##arch_, name_, offset_, argument_, syscall_argument_ },
#include "probe/reg.def"
#undef REG
};

static const struct machine {
	uint16_t sp, result;
	uint16_t stack_from; /* first function argument on the stack */
	uint16_t stack_skip; /* bytes between the stack pointer and that argument: on x86 the
			      * return address */
	/* only in the kernel's own pt_regs */
	uint16_t syscall_number;
	int16_t first_argument; /* system call's, kept apart because the result overwrites its
				 * register; -1: the row of reg.def is right */
} machines[] = {
	[ARCH_X86_64] = { .sp = 152,
			  .result = 80,
			  .stack_from = 6,
			  .stack_skip = 8,
			  .syscall_number = 120,
			  .first_argument = -1 },
	[ARCH_ARM64] = { .sp = 248,
			 .result = 0,
			 .stack_from = 8,
			 .stack_skip = 0,
			 .syscall_number = 280,
			 .first_argument = 272 },
};

enum { ARGUMENTS_MAX = 16, SYSCALL_ARGUMENTS = 6 };

bool register_find(enum arch arch, const char *name, uint32_t *ret_offset)
{
	for (unsigned i = 0; i < ARRAY_LEN(regs); i++) {
		if (regs[i].arch == arch && streq(regs[i].name, name)) {
			*ret_offset = regs[i].offset;
			return true;
		}
	}
	return false;
}

struct access register_argument(const struct target *target, const struct event *event, unsigned n)
{
	const struct machine *m = &machines[target->arch];

	(void)event;
	if (n >= m->stack_from && n < ARGUMENTS_MAX)
		return (struct access){ ACCESS_STACK, m->sp,
					m->stack_skip + 8 * (n - m->stack_from) };
	for (unsigned i = 0; i < ARRAY_LEN(regs); i++)
		if (regs[i].arch == target->arch && regs[i].argument == (int)n)
			return (struct access){ ACCESS_CONTEXT, 0, regs[i].offset };
	return (struct access){ .kind = ACCESS_NONE };
}

struct access register_result(const struct target *target, const struct event *event)
{
	(void)event;
	return (struct access){ ACCESS_CONTEXT, 0, machines[target->arch].result };
}

struct access register_syscall_argument(enum arch arch, unsigned n)
{
	if (n == 0 && machines[arch].first_argument >= 0)
		return (struct access){ ACCESS_REGS, 0, machines[arch].first_argument };
	if (n < SYSCALL_ARGUMENTS)
		for (unsigned i = 0; i < ARRAY_LEN(regs); i++)
			if (regs[i].arch == arch && regs[i].syscall_argument == (int)n)
				return (struct access){ ACCESS_REGS, 0, regs[i].offset };
	return (struct access){ .kind = ACCESS_NONE };
}

struct access register_syscall_number(enum arch arch)
{
	return (struct access){ ACCESS_REGS, 0, machines[arch].syscall_number };
}
