/*
 * See syscall.h. The rows are in syscall_ARCH.def. Called by the tracepoint provider and plan.c.
 *
 * The record of a syscalls:* tracepoint       The raw tracepoint's context
 *
 *	 0  common fields, 8 bytes
 *	 8  int __syscall_nr                   enter: ctx[1]; exit: in *(pt_regs *)ctx[0]
 *	16  first argument, 8 bytes            enter: in *(pt_regs *)ctx[0]
 *	16  long ret                           exit: ctx[1]
 *	24  second argument ...
 */
#include "probe/syscall.h"

#include <string.h>

#include "probe/probe_priv.h"

enum { RECORD_NUMBER = 8, RECORD_FIRST = 16 };

static const struct syscall_row {
	const char *name;
	int32_t number;
} rows_x86_64[] = {
#define SYSCALL(name, number) { #name, number },
#include "probe/syscall_x86_64.def"
}, rows_arm64[] = {
#include "probe/syscall_arm64.def"
#undef SYSCALL
};

/* Callers of the 32-bit ABI: the kernel shows none of their calls in syscalls:*, because the
 * numbers mean other calls there. A word of their thread_info tells. */
static const struct arch_row {
	const struct syscall_row *rows;
	uint32_t nrows;
	const char *compat_word; /* member of struct thread_info */
	uint32_t compat_mask;
} arch_rows[] = {
	[ARCH_X86_64] = { rows_x86_64, ARRAY_LEN(rows_x86_64), "status", 0x2 /* TS_COMPAT */ },
	[ARCH_ARM64] = { rows_arm64, ARRAY_LEN(rows_arm64), "flags", 1 << 22 /* TIF_32BIT */ },
};

static const char enter_prefix[] = "sys_enter_", exit_prefix[] = "sys_exit_";

bool syscall_is_syscall(const struct event *event)
{
	return event->attach.kind == ATTACH_TRACEPOINT && streq(event->attach.target, "syscalls");
}

static bool has_prefix(const struct event *event, const char *prefix)
{
	return syscall_is_syscall(event) &&
	       strncmp(event->attach.func, prefix, strlen(prefix)) == 0;
}

bool syscall_is_enter(const struct event *event)
{
	return has_prefix(event, enter_prefix);
}

bool syscall_is_exit(const struct event *event)
{
	return has_prefix(event, exit_prefix);
}

int32_t syscall_number(enum arch arch, const struct event *event)
{
	const struct arch_row *a = &arch_rows[arch];
	const char *name;

	if (syscall_is_enter(event))
		name = event->attach.func + sizeof(enter_prefix) - 1;
	else if (syscall_is_exit(event))
		name = event->attach.func + sizeof(exit_prefix) - 1;
	else
		return -1;
	for (uint32_t i = 0; i < a->nrows; i++)
		if (streq(a->rows[i].name, name))
			return a->rows[i].number;
	return -1;
}

static const struct access second_word = { ACCESS_CONTEXT, 0, 8 };

struct access syscall_raw_number(enum arch arch, enum event_way way)
{
	return way == WAY_RAW_ENTER ? second_word : register_syscall_number(arch);
}

struct access syscall_raw_access(enum arch arch, const struct event *event,
				 const struct event_field *field)
{
	static const struct access none = { ACCESS_NONE, 0, 0 };
	enum event_way way = syscall_is_enter(event) ? WAY_RAW_ENTER : WAY_RAW_EXIT;
	uint32_t offset = field->access.offset;

	if (field->access.kind != ACCESS_CONTEXT || offset % 8 || field->bit_size)
		return none;
	if (offset == RECORD_NUMBER)
		return syscall_raw_number(arch, way);
	if (offset < RECORD_FIRST)
		return none;
	if (way == WAY_RAW_ENTER)
		return register_syscall_argument(arch, (offset - RECORD_FIRST) / 8);
	return offset == RECORD_FIRST ? second_word : none;
}

/* The fields may be shared with other events, so the moved ones are new. */
void syscall_move_fields(struct probe_env *env, struct event *event)
{
	struct event moved = *event;

	moved.fields.v = NULL;
	moved.fields.n = moved.fields.cap = 0;
	for (uint32_t i = 0; i < event->fields.n; i++) {
		struct event_field field = event->fields.v[i];

		field.access = syscall_raw_access(env->target->arch, event, &field);
		vec_push(env->arena, &moved.fields, field);
	}
	*event = moved;
}

bool syscall_compat(struct probe_env *env, struct plan_compat *ret)
{
	const struct arch_row *a = &arch_rows[env->target->arch];
	const struct type *task;
	struct type_member info, word;

	if (!kernel_btf(env))
		return false;
	task = type_find(env->types, "struct task_struct");
	if (!task ||
	    !type_member(env->types, type_complete(env->types, task), "thread_info", &info))
		return false;
	if (!type_member(env->types, type_complete(env->types, info.type), a->compat_word, &word))
		return false;
	if (word.type->size != 4 && word.type->size != 8)
		return false;
	*ret = (struct plan_compat){ .offset = info.offset + word.offset,
				     .size = word.type->size,
				     .mask = a->compat_mask };
	return true;
}
