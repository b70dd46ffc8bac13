/*
 * System calls: all that is known of them apart from tracefs. syscalls:sys_enter_X and
 * sys_exit_X are the raw tracepoints sys_enter and sys_exit, filtered by number; this file says
 * which number, where the same values lie in the raw tracepoint's context, and which callers
 * the kernel leaves out.
 */
#ifndef SKEP_PROBE_SYSCALL_H
#define SKEP_PROBE_SYSCALL_H

#include "probe/plan.h"

/* syscall_is_* - whether @event is a tracepoint of the syscalls subsystem, by its name. */
bool syscall_is_enter(const struct event *event);
bool syscall_is_exit(const struct event *event);
bool syscall_is_syscall(const struct event *event);

/* syscall_number - of the tracepoint's system call; -1: not known. */
int32_t syscall_number(enum arch arch, const struct event *event);

/* syscall_raw_access - where the value of @field (as in the tracepoint's record) lies in the
 * raw tracepoint's context; ACCESS_NONE: nowhere. */
struct access syscall_raw_access(enum arch arch, const struct event *event,
				 const struct event_field *field);

/* syscall_raw_number - where the raw tracepoint of @way has the system call's number, 4 bytes. */
struct access syscall_raw_number(enum arch arch, enum event_way way);

/* syscall_move_fields - sets the fields that @event has to their places in the raw tracepoint's
 * context. The event's way says that it goes there. */
void syscall_move_fields(struct probe_env *env, struct event *event);

/* syscall_compat - how to tell callers of the other ABI. False: the kernel's types do not say,
 * so the raw way would count them under wrong names. */
bool syscall_compat(struct probe_env *env, struct plan_compat *ret);

#endif
