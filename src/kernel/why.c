/*
 * What an errno of bpf(2) or perf_event_open(2) means on this machine, in one line for a user:
 * which capability is missing, what forbids it though all are there, which limit was met.
 * Called when something has failed; reads /proc then and not before.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "kernel/kernel_priv.h"

/* Bits of CapEff, as in linux/capability.h; headers older than 5.8 lack the last two. */
enum { WHY_CAP_SYS_ADMIN = 21, WHY_CAP_PERFMON = 38, WHY_CAP_BPF = 39 };

enum { PROC_LIMIT = 1 << 16 };

/* The number behind "Key:" in /proc/self/status; @otherwise when it cannot be read. */
static uint64_t why_status(const char *key, int base, uint64_t otherwise)
{
	struct buf text = { 0 };
	uint64_t value = otherwise;

	if (buf_read_file(&text, AT_FDCWD, "/proc/self/status", PROC_LIMIT) == 0) {
		const char *at = strstr(text.data, key);

		if (at)
			value = strtoull(at + strlen(key), NULL, base);
	}
	buf_done(&text);
	return value;
}

static bool why_file_has(const char *path, const char *word)
{
	struct buf text = { 0 };
	bool found = buf_read_file(&text, AT_FDCWD, path, PROC_LIMIT) == 0 &&
		     strstr(text.data, word);

	buf_done(&text);
	return found;
}

/* All of the ids are mapped to themselves in the first user namespace and in no other. */
static bool why_in_user_namespace(void)
{
	struct buf text = { 0 };
	unsigned long long inside = 0, outside = 0, count = 4294967295;

	if (buf_read_file(&text, AT_FDCWD, "/proc/self/uid_map", PROC_LIMIT) == 0 && text.len) {
		char *at = text.data;

		inside = strtoull(at, &at, 10);
		outside = strtoull(at, &at, 10);
		count = strtoull(at, &at, 10);
	}
	buf_done(&text);
	return inside != 0 || outside != 0 || count != 4294967295;
}

/* Debian and others add a level to perf's own two, at which only CAP_SYS_ADMIN helps. */
static bool why_paranoid(void)
{
	struct buf text = { 0 };
	bool paranoid = buf_read_file(&text, AT_FDCWD, "/proc/sys/kernel/perf_event_paranoid",
				      PROC_LIMIT) == 0 &&
			strtol(text.data, NULL, 10) > 2;

	buf_done(&text);
	return paranoid;
}

static const char *why_capability(void)
{
	uint64_t caps = why_status("CapEff:", 16, ~0ULL);
	bool admin = caps >> WHY_CAP_SYS_ADMIN & 1;
	bool perfmon = admin || caps >> WHY_CAP_PERFMON & 1;
	bool bpf = admin || caps >> WHY_CAP_BPF & 1;

	if (!bpf && !perfmon)
		return "CAP_BPF and CAP_PERFMON are missing: run as root, or give skep both "
		       "with setcap cap_bpf,cap_perfmon+ep";
	if (!bpf)
		return "CAP_BPF is missing: run as root, or add it with setcap "
		       "cap_bpf,cap_perfmon+ep";
	if (!perfmon)
		return "CAP_PERFMON is missing: run as root, or add it with setcap "
		       "cap_bpf,cap_perfmon+ep";
	return NULL;
}

static const char *why_forbidden(void)
{
	const char *missing = why_capability();

	if (missing)
		return missing;
	if (why_in_user_namespace())
		return "the capabilities hold in a user namespace only (a rootless container?): "
		       "tracing needs them in the first one, so run skep outside";
	if (why_status("Seccomp:", 10, 0) == 2)
		return "a seccomp filter (a container's?) may forbid bpf(2) or "
		       "perf_event_open(2): allow both, or run the container privileged";
	if (why_file_has("/sys/kernel/security/lockdown", "[confidentiality]"))
		return "the kernel is locked down (confidentiality), which forbids tracing: boot "
		       "with lockdown=integrity or none";
	if (why_status("CapEff:", 16, ~0ULL) >> WHY_CAP_SYS_ADMIN & 1)
		return NULL;
	if (why_paranoid())
		return "kernel.perf_event_paranoid is above 2, where CAP_PERFMON is not enough: "
		       "run as root, or set it to 2";
	return "this kind of probe needs CAP_SYS_ADMIN on this kernel: run as root";
}

static const struct {
	int err;
	const char *text;
} why_rows[] = {
	{ E2BIG, "it is larger than this kernel takes: make keys, values or the script smaller" },
	{ EMFILE, "too many open files: raise the limit with ulimit -n" },
	{ ENFILE, "the whole machine has too many open files: raise fs.file-max" },
	{ ENOMEM, "the kernel has no memory for it, or the memory limit of this control group or "
		  "of locked memory is met" },
	{ ENOSYS, "this kernel is built without it (CONFIG_BPF_SYSCALL, CONFIG_PERF_EVENTS)" },
	{ EOPNOTSUPP, "this kernel is built without it" },
	{ SYS_ENOTSUPP, "this kernel is built without it" },
	{ EBUSY, "another tracer holds it: end that one first" },
};

const char *kernel_why(int err)
{
	err = abs(err);
	if (err == EPERM || err == EACCES)
		return why_forbidden();
	for (size_t i = 0; i < ARRAY_LEN(why_rows); i++)
		if (why_rows[i].err == err)
			return why_rows[i].text;
	return NULL;
}

const char *why_errno(int err)
{
	err = abs(err);
	return err == SYS_ENOTSUPP ? "Operation not supported" : strerror(err);
}

void why_hint(struct diags *diags, int err)
{
	const char *why = kernel_why(err);

	if (why)
		diag_hint(diags, "%s", why);
}
