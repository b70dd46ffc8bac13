/*
 * Attaching: one row for each attach kind says how it is carried out here. Called once by
 * struct host_ops.attach; BEGIN and END have no event and are run by begin.c.
 *
 * Neighbouring records of a program that was loaded for it (load.c) go through one link. When the
 * kernel refuses such a link because one probe in it is not there, the half with the fault is
 * looked for, so that the others are attached and the message names the right one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/kernel_priv.h"

enum { ATTACH_PLAIN = 8 }; /* raw tracepoints that we close ourselves */

/* A way to attach @n records; several only when `together` says that they are of one kind. */
struct attach_row {
	attach_fn *one;
	uint32_t multi_type; /* attach type of programs for `many` */
	attach_fn *many;
	bool (*together)(const struct attach *a, const struct attach *b);
};

static int attach_raw_tracepoint(struct kernel *k, const struct attach *const *records, uint32_t n,
				 int prog)
{
	const struct attach *a = records[0];
	/* A program for BTF (tp_btf, fentry) was told its place when it was loaded. */
	bool named = k->progs[a->prog].type != BPF_PROG_TYPE_TRACING;
	uint64_t cookie = target_has(k->opt.target, FEATURE_RAWTP_COOKIE) ? a->cookie : 0;

	(void)n;
	if (named && !a->func)
		return -EINVAL;
	int link = sys_raw_tracepoint(named ? a->func : NULL, prog, cookie);
	if (link < 0)
		return link;
	/* 0.1-0.4 ms to close: better at once, but not by the hundred. */
	int err = k->park.nkept < ATTACH_PLAIN ? park_plain(&k->park, link)
					       : park_link(&k->park, link);
	return err ? err : 1;
}

static bool attach_same_file(const struct attach *a, const struct attach *b)
{
	return a->target && b->target && streq(a->target, b->target) && a->pid == b->pid &&
	       a->is_return == b->is_return;
}

static bool attach_same_side(const struct attach *a, const struct attach *b)
{
	return a->is_return == b->is_return;
}

static const struct attach_row attach_rows[] = {
	[ATTACH_BEGIN] = { 0 },
	[ATTACH_END] = { 0 },
	[ATTACH_TRACEPOINT] = { .one = perf_tracepoint },
	[ATTACH_RAW_TRACEPOINT] = { .one = attach_raw_tracepoint },
	[ATTACH_KPROBE] = { perf_kprobe, BPF_TRACE_KPROBE_MULTI, multi_kprobe, attach_same_side },
	[ATTACH_UPROBE] = { perf_uprobe, BPF_TRACE_UPROBE_MULTI, multi_uprobe, attach_same_file },
	[ATTACH_SOFTWARE] = { .one = perf_software },
	[ATTACH_PROFILE] = { .one = perf_profile },
	[ATTACH_INTERVAL] = { .one = perf_interval },
};
_Static_assert(ARRAY_LEN(attach_rows) == ATTACH_KIND_COUNT, "a row for each attach kind");

int32_t attach_pid(const struct kernel *k, const struct attach *a)
{
	return a->pid > 0 ? a->pid : k->opt.pid > 0 ? k->opt.pid : -1;
}

/* ---- all records ---- */

struct attaching {
	struct kernel *k;
	struct diags *diags;
	bool missing_ok;
	void (*progress)(void *ctx, uint32_t done, uint32_t all);
	void *ctx;
	uint32_t done, all, attached;
	int error; /* the first */
};

static bool attach_is_missing(int err)
{
	return err == -ENOENT || err == -ESRCH || err == -EADDRNOTAVAIL;
}

static void attach_told(struct attaching *t, const struct attach *a, int err)
{
	if (t->missing_ok && attach_is_missing(err)) {
		diag_warning(t->diags, a->span, "%s is not there and was left out (%s)", a->name,
			     why_errno(err));
		return;
	}
	diag_error(t->diags, a->span, "cannot attach %s: %s", a->name, why_errno(err));
	why_hint(t->diags, err);
	if (!t->error)
		t->error = err;
}

static void attach_step(struct attaching *t, uint32_t n)
{
	t->done += n;
	if (t->progress)
		t->progress(t->ctx, t->done, t->all);
}

static void attach_group(struct attaching *t, const struct attach_row *row,
			 const struct attach *const *records, uint32_t n, int prog)
{
	attach_fn *fn = t->k->progs[records[0]->prog].attach_type == row->multi_type && row->many
				? row->many
				: row->one;
	int ret = fn(t->k, records, n, prog);

	if (ret < 0 && n > 1) {
		attach_group(t, row, records, n / 2, prog);
		attach_group(t, row, records + n / 2, n - n / 2, prog);
		return;
	}
	if (ret < 0)
		attach_told(t, records[0], ret);
	else
		t->attached += n;
	attach_step(t, n);
}

/* How many records from @first on may share a link. */
static uint32_t attach_run(const struct kernel *k, const struct attach_row *row,
			   const struct attach **records, uint32_t first)
{
	const struct attach *a = &k->img->attaches.v[first];
	bool many = row->many && k->progs[a->prog].attach_type == row->multi_type;
	uint32_t n = 0, left = k->nattaches - first;

	for (; n < left && (n == 0 || (many && a[n].kind == a->kind && a[n].prog == a->prog &&
				       row->together(a, &a[n])));
	     n++)
		records[n] = &a[n];
	return n;
}

static const struct attach_row *attach_row(const struct attach *a)
{
	if ((unsigned)a->kind >= ATTACH_KIND_COUNT || !attach_rows[a->kind].one)
		return NULL;
	return &attach_rows[a->kind];
}

/* Errors that the next probe would meet as well end it; what is missing is told all at once. */
static void attach_each(struct attaching *t, const struct attach **records)
{
	struct kernel *k = t->k;

	for (uint32_t i = 0; i < k->nattaches;) {
		const struct attach_row *row = attach_row(&k->img->attaches.v[i]);
		uint32_t n = 1;

		if (row) {
			n = attach_run(k, row, records, i);
			attach_group(t, row, records, n, load_prog_fd(k, i));
		}
		if (t->error && !attach_is_missing(t->error))
			return;
		i += n;
	}
}

int attach_all(struct host *h, struct diags *diags, bool missing_ok,
	       void (*progress)(void *ctx, uint32_t done, uint32_t all), void *ctx)
{
	struct kernel *k = (struct kernel *)h;
	struct attaching t = { k, diags, missing_ok, progress, ctx, 0, 0, 0, 0 };
	const struct attach **records = calloc(MAX(k->nattaches, 1u), sizeof(*records));

	if (!records)
		return -ENOMEM;
	for (uint32_t i = 0; i < k->nattaches; i++)
		t.all += attach_row(&k->img->attaches.v[i]) != NULL;
	limits_files(k->nprogs + 2 * k->nattaches + k->nmaps);
	attach_each(&t, records);
	free(records);
	return t.error ? t.error : (int)t.attached;
}
