/*
 * skep filter --seccomp: the filters of a process or of a file, in words and listed, and what
 * becomes of given calls.
 * Needs: bpf/seccomp.h; for a process CAP_SYS_ADMIN. Called by filter.c.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "bpf/seccomp.h"
#include "cmd/filter.h"
#include "cmd/syscall_name.h"

enum { CALLS_LIMIT = 1 << 20 };

VEC_TYPE(struct cbpf, filters); /* newest first */

/* ---- of a process ---- */

static bool is_pid(const char *s)
{
	return *s && strspn(s, "0123456789") == strlen(s);
}

static int read_filters(struct filter_job *job, pid_t pid, struct filters *out)
{
	for (unsigned long i = 0;; i++) {
		long n = ptrace(PTRACE_SECCOMP_GET_FILTER, pid, i, NULL);
		struct cbpf f = { 0 };

		if (n < 0)
			return errno == ENOENT ? 0 : -errno;
		f.v = arena_array(&job->arena, struct cinsn, (size_t)n);
		f.n = f.cap = (uint32_t)n;
		if (ptrace(PTRACE_SECCOMP_GET_FILTER, pid, i, f.v) < 0)
			return -errno;
		if (cbpf_check(f.v, f.n, CBPF_SECCOMP, NULL, NULL))
			return -EPROTO; /* no kernel should have it */
		vec_push(&job->arena, out, f);
	}
}

/* Stops the process for as long as reading takes. */
static int read_process(struct filter_job *job, pid_t pid, struct filters *out)
{
	int err, status;

	if (ptrace(PTRACE_SEIZE, pid, 0, 0))
		return complain(job->program, "cannot look into process %d: %s", pid,
				strerror(errno));
	if (ptrace(PTRACE_INTERRUPT, pid, 0, 0) || waitpid(pid, &status, __WALL) < 0)
		err = -errno;
	else
		err = read_filters(job, pid, out);
	ptrace(PTRACE_DETACH, pid, 0, 0);
	if (err == -EACCES)
		return complain(job->program, "reading filters of a process needs CAP_SYS_ADMIN, "
					      "and a skep that is under no filter itself");
	if (err == -EIO || err == -EINVAL)
		return complain(job->program,
				"process %d has no seccomp filter, or this kernel does "
				"not show them (CONFIG_CHECKPOINT_RESTORE)",
				pid);
	if (err)
		return complain(job->program, "cannot read the filters of process %d: %s", pid,
				strerror(-err));
	if (!out->n)
		return complain(job->program, "process %d has no seccomp filter", pid);
	return EXIT_DONE;
}

static int get_filters(struct filter_job *job, struct filters *out)
{
	int status;

	if (is_pid(job->opt.seccomp))
		return read_process(job, atoi(job->opt.seccomp), out);
	status = filter_load(job, job->opt.seccomp);
	if (status == EXIT_DONE)
		status = filter_check(job, CBPF_SECCOMP);
	vec_push(&job->arena, out, job->filter);
	return status;
}

/* ---- calls ---- */

static bool read_number(const char **s, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(*s, &end, 0);
	if (errno || end == *s)
		return false;
	*s = end;
	return true;
}

/* "openat:1,2,3", "257", "i386/11"; blanks around are no part of it. */
static bool read_call(const char *text, uint32_t arch, struct cbpf_call *ret)
{
	const char *s = text, *slash = strchr(text, '/');
	char name[32];
	size_t len;
	uint64_t nr;

	*ret = (struct cbpf_call){ .arch = arch };
	if (slash && (size_t)(slash - text) < sizeof(name)) {
		memcpy(name, text, (size_t)(slash - text));
		name[slash - text] = '\0';
		if (!syscall_arch_find(name, &ret->arch))
			return false;
		s = slash + 1;
	}
	len = strcspn(s, ": \t\n");
	if (isdigit((unsigned char)*s)) {
		if (!read_number(&s, &nr) || nr > UINT32_MAX)
			return false;
		ret->nr = (int32_t)nr;
	} else {
		ret->nr = syscall_name_number(ret->arch, s, len);
		s += len;
		if (ret->nr < 0)
			return false;
	}
	for (size_t i = 0; *s == (i ? ',' : ':'); i++) {
		s++;
		if (i == ARRAY_LEN(ret->args) || !read_number(&s, &ret->args[i]))
			return false;
	}
	return !s[strspn(s, " \t\r\n")];
}

/* All filters are asked; the kernel obeys the strictest, of equals the newest. */
static uint32_t run_filters(const struct filters *all, const struct cbpf_call *call)
{
	uint32_t result = 0x7fff0000;

	for (uint32_t i = 0; i < all->n; i++) {
		uint32_t one = cbpf_run_seccomp(all->v[i].v, call);

		if ((int32_t)(one & 0xffff0000) < (int32_t)(result & 0xffff0000))
			result = one;
	}
	return result;
}

static int tell_call(struct filter_job *job, const struct filters *all, uint32_t arch,
		     const char *text, struct buf *out)
{
	struct cbpf_call call;

	if (!read_call(text, arch, &call))
		return complain(job->program,
				"%s is no call: a name or number, then ':' and up to 6 numbers "
				"between commas",
				text);
	buf_printf(out, "%s: ", text);
	seccomp_action(out, run_filters(all, &call));
	buf_putc(out, '\n');
	return EXIT_DONE;
}

static int tell_file(struct filter_job *job, const struct filters *all, uint32_t arch,
		     struct buf *out)
{
	struct buf text = { 0 };
	int err = buf_read_file(&text, AT_FDCWD, job->opt.calls, CALLS_LIMIT);
	int status = err ? complain(job->program, "cannot read %s: %s", job->opt.calls,
				    strerror(-err))
			 : EXIT_DONE;
	char *line = text.data, *next;

	for (; !status && line && *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		line += strspn(line, " \t");
		if (*line && *line != '#')
			status = tell_call(job, all, arch, line, out);
	}
	buf_done(&text);
	return status;
}

static int tell_calls(struct filter_job *job, const struct filters *all, struct buf *out)
{
	uint32_t arch;
	int status = EXIT_DONE;

	if (!syscall_arch_find(job->opt.arch, &arch))
		return complain(job->program, "--arch %s is not known", job->opt.arch);
	for (int i = 0; i < job->opt.call.n && !status; i++)
		status = tell_call(job, all, arch, job->opt.call.v[i], out);
	if (job->opt.calls && !status)
		status = tell_file(job, all, arch, out);
	return status;
}

/* ---- words ---- */

static const char *arch_name(void *ctx, uint32_t arch)
{
	(void)ctx;
	return syscall_arch_name(arch);
}

static const char *call_name(void *ctx, uint32_t arch, uint32_t nr)
{
	(void)ctx;
	return syscall_name_find(arch, nr);
}

/* What A holds before an instruction, as far as a listing can say. */
struct holding {
	uint32_t field; /* offset in struct cbpf_call; UINT32_MAX: something else */
	uint32_t arch;  /* of the calls that come here; 0: several */
	bool reached;
};

static void flow(struct holding *to, struct holding now)
{
	if (to->reached && to->field != now.field)
		now.field = UINT32_MAX;
	if (to->reached && to->arch != now.arch)
		now.arch = 0;
	*to = now;
}

/* Carries what is known before instruction @at to where it may go on. */
static void flow_on(struct holding *all, const struct cinsn *insns, uint32_t at)
{
	const struct cinsn *i = &insns[at];
	const struct cbpf_form *f = cbpf_find(i->code);
	struct holding now = all[at];

	if (f->op == COP_RET || !now.reached)
		return;
	if (f->op == COP_JA) {
		flow(&all[at + 1 + i->k], now);
	} else if (f->op >= COP_JEQ && f->op <= COP_JSET) {
		flow(&all[at + 1 + i->jf], now);
		if (f->op == COP_JEQ && !f->from_x && now.field == offsetof(struct cbpf_call, arch))
			now.arch = i->k;
		flow(&all[at + 1 + i->jt], now);
	} else {
		if (f->op == COP_LOAD_ABS)
			now.field = i->k;
		else if (!f->to_x && f->op != COP_STORE && f->op != COP_TAX)
			now.field = UINT32_MAX;
		flow(&all[at + 1], now);
	}
}

/* Behind a listed instruction: the field that is loaded, the call or architecture that a number
 * is, the action returned. */
static void annotate(struct buf *out, const struct cinsn *i, const struct holding *now)
{
	const struct cbpf_form *f = cbpf_find(i->code);
	const char *name = NULL;

	if (f->op == COP_LOAD_ABS) {
		name = seccomp_field(i->k);
	} else if (f->op >= COP_JEQ && f->op <= COP_JSET && !f->from_x) {
		if (now->field == offsetof(struct cbpf_call, arch))
			name = syscall_arch_name(i->k);
		if (now->field == offsetof(struct cbpf_call, nr))
			name = syscall_name_find(now->arch, i->k);
	} else if (f->op == COP_RET && !f->returns_a) {
		buf_puts(out, "  ; ");
		seccomp_action(out, i->k);
	}
	if (name)
		buf_printf(out, "  ; %s", name);
}

static void list_filter(struct filter_job *job, const struct cbpf *f, struct buf *out)
{
	struct holding *all = arena_array(&job->arena, struct holding, f->n);

	all[0] = (struct holding){ .field = UINT32_MAX, .reached = true };
	syscall_arch_find(NULL, &all[0].arch);
	for (uint32_t at = 0; at < f->n; at++) {
		flow_on(all, f->v, at);
		buf_printf(out, "(%03u) ", at);
		cbpf_list_one(out, f->v, at, CBPF_TCPDUMP);
		annotate(out, &f->v[at], &all[at]);
		buf_putc(out, '\n');
	}
}

static void tell_filter(struct filter_job *job, const struct cbpf *f, struct buf *out)
{
	struct seccomp_names names = { NULL, arch_name, call_name, 0, syscall_name_limit() };

	syscall_arch_find(NULL, &names.native);
	if (!job->opt.raw) {
		seccomp_explain(out, f->v, f->n, &names, &job->arena);
		buf_putc(out, '\n');
	}
	list_filter(job, f, out);
}

int filter_seccomp(struct filter_job *job)
{
	struct filters all = { 0 };
	struct buf text = { 0 };
	int status = get_filters(job, &all);

	if (!status && (job->opt.call.n || job->opt.calls)) {
		status = tell_calls(job, &all, &text);
	} else if (!status) {
		for (uint32_t i = 0; i < all.n; i++) {
			if (all.n > 1)
				buf_printf(&text, "%sfilter %u of %u, newest first\n",
					   i ? "\n" : "", i + 1, all.n);
			tell_filter(job, &all.v[i], &text);
		}
	}
	if (status == EXIT_DONE)
		return show(job->program, &text);
	buf_done(&text);
	return status;
}
