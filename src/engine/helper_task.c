/*
 * Helpers that tell who runs and where, through the engine's hooks.
 */
#include <errno.h>
#include <string.h>

#include "engine/helper.h"

static struct engine_task current(const struct vm *vm)
{
	struct engine_task task = { 0 };

	vm->engine->hooks.task(vm->engine->hooks.ctx, &task);
	return task;
}

ENGINE_HELPER(get_current_pid_tgid)
{
	struct engine_task task = current(vm);

	return (uint64_t)task.tgid << 32 | task.pid;
}

ENGINE_HELPER(get_current_uid_gid)
{
	struct engine_task task = current(vm);

	return (uint64_t)task.gid << 32 | task.uid;
}

/* get_current_comm(to, size): the name, cut to fit, zeroes behind it. */
ENGINE_HELPER(get_current_comm)
{
	struct engine_task task = current(vm);
	uint32_t size = (uint32_t)b;
	char *to = vm_memory(vm, a, size, true);

	if (!to || !size)
		return HELPER_ERROR(-EINVAL);
	size_t len = MIN(strnlen(task.comm, sizeof(task.comm) - 1), (size_t)size - 1);
	memset(to, 0, size);
	memcpy(to, task.comm, len);
	return 0;
}

/* get_ns_current_pid_tgid(device, inode, to, size): fills struct bpf_pidns_info. */
ENGINE_HELPER(get_ns_current_pid_tgid)
{
	struct engine_task task = current(vm);
	const uint64_t *params = vm->engine->params;
	uint32_t info[2] = { task.pid, task.tgid }, size = (uint32_t)d;
	char *to = vm_memory(vm, c, size, true);

	if (!to)
		return HELPER_ERROR(-EINVAL);
	memset(to, 0, size);
	if (size != sizeof(info) || a != params[PARAM_PIDNS_DEV] || b != params[PARAM_PIDNS_INO])
		return HELPER_ERROR(-EINVAL);
	memcpy(to, info, sizeof(info));
	return 0;
}

ENGINE_HELPER(get_smp_processor_id)
{
	return vm->cpu;
}

ENGINE_HELPER(get_numa_node_id)
{
	return 0;
}

/* xorshift64*: all states but 0, which vm_init does not give. */
ENGINE_HELPER(get_prandom_u32)
{
	vm->random ^= vm->random >> 12;
	vm->random ^= vm->random << 25;
	vm->random ^= vm->random >> 27;
	return (uint32_t)(vm->random * 0x2545f4914f6cdd1d >> 32);
}

ENGINE_HELPER(get_func_ip)
{
	return vm->func_ip;
}

ENGINE_HELPER(get_attach_cookie)
{
	return vm->cookie;
}
