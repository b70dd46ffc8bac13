/*
 * Attaching through perf events: tracepoints, single kprobes and uprobes, software events, and
 * the clocks of profile and interval. Called by the rows of attach.c.
 *
 * An event is opened and given its program by a perf link (5.15: cookies) that is parked, or by
 * ioctl, with the event itself parked; park.c says why. Which one it is makes no difference to the
 * program.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/perf.h"

enum { PMU_KPROBE, PMU_UPROBE };

/* linux/perf_event.h: in perf_event_attr.config of uprobes */
enum { PERF_REF_CTR_SHIFT = 32 };

/* ---- programs ---- */

static int perf_link(struct kernel *k, int event, int prog, uint64_t cookie)
{
	const struct sys_link_create attr = {
		.prog_fd = (uint32_t)prog,
		.target_fd = (uint32_t)event,
		.attach_type = BPF_PERF_EVENT,
		.perf_event = { .cookie = cookie },
	};
	int link = sys_link_create(&attr);

	close(event); /* the link has it */
	return link < 0 ? link : park_link(&k->park, link);
}

int perf_connect(struct kernel *k, int event, int prog, const struct attach *a)
{
	if (target_has(k->opt.target, FEATURE_COOKIE) &&
	    (park_links_ok(&k->park) || k->progs[a->prog].wants_cookie))
		return perf_link(k, event, prog, a->cookie);
	int err = sys_perf_set_bpf(event, prog);
	if (err) {
		close(event);
		return err;
	}
	return park_event(&k->park, event);
}

/* ---- tracepoints ---- */

int perf_tracepoint(struct kernel *k, const struct attach *const *records, uint32_t n, int prog)
{
	const struct attach *a = records[0];
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.config = a->config,
		.sample_period = 1,
	};

	(void)n;
	/* The program runs on all CPUs, whichever one the event is opened on. */
	int event = sys_perf_open(&attr, -1, 0);
	if (event < 0)
		return event == -EINVAL ? -ENOENT : event; /* no tracepoint has this id */
	int err = perf_connect(k, event, prog, a);
	return err ? err : 1;
}

/* ---- kprobes and uprobes ---- */

/* The number in a file of sysfs, behind @prefix. */
static int perf_sysfs(const char *pmu, const char *file, const char *prefix, uint32_t *ret)
{
	struct buf text = { 0 };
	char path[96];

	snprintf(path, sizeof(path), "/sys/bus/event_source/devices/%s/%s", pmu, file);
	int err = buf_read_file(&text, AT_FDCWD, path, 4096);
	if (!err) {
		const char *at = text.data ? strstr(text.data, prefix) : NULL;

		if (at)
			*ret = (uint32_t)strtoul(at + strlen(prefix), NULL, 10);
		else
			err = -EINVAL;
	}
	buf_done(&text);
	return err;
}

/* A kernel that is built without these probes has no such source. */
static int perf_pmu(struct kernel *k, unsigned which, const struct perf_pmu **ret)
{
	static const char *const names[] = { [PMU_KPROBE] = "kprobe", [PMU_UPROBE] = "uprobe" };
	struct perf_pmu *pmu = &k->pmus[which];
	uint32_t bit = 0;

	if (!pmu->type) {
		if (perf_sysfs(names[which], "format/retprobe", "config:", &bit) || bit > 31 ||
		    perf_sysfs(names[which], "type", "", &pmu->type))
			return -EOPNOTSUPP;
		pmu->is_return = 1ULL << bit;
	}
	*ret = pmu;
	return 0;
}

int perf_kprobe(struct kernel *k, const struct attach *const *records, uint32_t n, int prog)
{
	const struct attach *a = records[0];
	const struct perf_pmu *pmu;
	char name[256];

	(void)n;
	int err = perf_pmu(k, PMU_KPROBE, &pmu);
	if (err)
		return err;
	struct perf_event_attr attr = {
		.type = pmu->type,
		.config = a->is_return ? pmu->is_return : 0,
		.sample_period = 1,
	};
	if (a->func) {
		snprintf(name, sizeof(name), "%s%s%s", a->target ? a->target : "",
			 a->target ? ":" : "", a->func);
		attr.kprobe_func = sys_ptr(name);
		attr.probe_offset = a->offset;
	} else {
		attr.kprobe_addr = a->address;
	}
	int event = sys_perf_open(&attr, -1, 0);
	if (event < 0)
		return event;
	err = perf_connect(k, event, prog, a);
	return err ? err : 1;
}

int perf_uprobe_open(struct kernel *k, const struct attach *a, int32_t pid)
{
	const struct perf_pmu *pmu;

	int err = a->target ? perf_pmu(k, PMU_UPROBE, &pmu) : -EINVAL;
	if (err)
		return err;
	struct perf_event_attr attr = {
		.type = pmu->type,
		.config = (a->is_return ? pmu->is_return : 0) | a->ref_ctr_offset
									<< PERF_REF_CTR_SHIFT,
		.sample_period = 1,
		.uprobe_path = sys_ptr(a->target),
		.probe_offset = a->offset,
	};
	return sys_perf_open(&attr, pid, pid > 0 ? -1 : 0);
}

int perf_uprobe(struct kernel *k, const struct attach *const *records, uint32_t n, int prog)
{
	int event = perf_uprobe_open(k, records[0], attach_pid(k, records[0]));

	(void)n;
	if (event < 0)
		return event;
	int err = perf_connect(k, event, prog, records[0]);
	return err ? err : 1;
}

/* ---- counted events and clocks ---- */

/* One event to be opened in many places. */
struct perf_counted {
	struct kernel *k;
	const struct attach *a;
	struct perf_event_attr attr;
	int prog;
	uint32_t opened;
};

static struct perf_counted perf_counted(struct kernel *k, const struct attach *a, int prog,
					uint64_t config)
{
	struct perf_counted c = { .k = k, .a = a, .prog = prog };

	c.attr.type = PERF_TYPE_SOFTWARE;
	c.attr.config = config;
	c.attr.freq = a->is_frequency;
	c.attr.sample_period = MAX(a->period, (uint64_t)1); /* or sample_freq: a union */
	return c;
}

static int perf_counted_open(struct perf_counted *c, int32_t pid, int cpu)
{
	int event = sys_perf_open(&c->attr, pid, cpu);

	if (event == -EINVAL && c->attr.inherit_thread) {
		/* before 5.13: child processes are counted as well */
		c->attr.inherit_thread = 0;
		event = sys_perf_open(&c->attr, pid, cpu);
	}
	if (event < 0)
		return event;
	int err = perf_connect(c->k, event, c->prog, c->a);
	if (!err)
		c->opened++;
	return err;
}

static int perf_on_cpu(void *ctx, int cpu)
{
	int err = perf_counted_open(ctx, -1, cpu);

	return err == -ENODEV ? 0 : err; /* it went off line just now */
}

/* Each thread that the process has, and, by inheritance, each that it will have. */
static int perf_on_threads(struct perf_counted *c, int32_t pid)
{
	char path[32];
	struct dirent *entry;
	int err = 0;

	c->attr.inherit = c->attr.inherit_thread = 1;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? -ESRCH : -errno;
	while (!err && (entry = readdir(dir))) {
		int32_t tid = (int32_t)strtol(entry->d_name, NULL, 10);
		if (tid > 0)
			err = perf_counted_open(c, tid, -1);
		if (err == -ESRCH)
			err = 0; /* it has just ended */
	}
	closedir(dir);
	return err;
}

static int perf_everywhere(struct perf_counted *c)
{
	int32_t pid = attach_pid(c->k, c->a);
	int err = pid > 0 ? perf_on_threads(c, pid) : cpu_list("online", perf_on_cpu, c);

	return err ? err : c->opened ? 1 : -ESRCH;
}

int perf_software(struct kernel *k, const struct attach *const *records, uint32_t n, int prog)
{
	struct perf_counted c = perf_counted(k, records[0], prog, records[0]->config);

	(void)n;
	return perf_everywhere(&c);
}

int perf_profile(struct kernel *k, const struct attach *const *records, uint32_t n, int prog)
{
	struct perf_counted c = perf_counted(k, records[0], prog, PERF_COUNT_SW_CPU_CLOCK);

	(void)n;
	return perf_everywhere(&c);
}

/* On the first CPU that takes it. */
static int perf_on_one_cpu(void *ctx, int cpu)
{
	struct perf_counted *c = ctx;
	int err = perf_counted_open(c, -1, cpu);

	return err == -ENODEV ? 0 : err ? err : 1;
}

int perf_interval(struct kernel *k, const struct attach *const *records, uint32_t n, int prog)
{
	struct perf_counted c = perf_counted(k, records[0], prog, PERF_COUNT_SW_CPU_CLOCK);
	int ret = cpu_list("online", perf_on_one_cpu, &c);

	(void)n;
	return ret ? ret : -ENODEV;
}
