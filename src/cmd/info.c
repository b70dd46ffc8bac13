/* --info: what this kernel and this build can do. Called by main. */
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bpf/helper.h"
#include "cmd/unit.h"
#include "kernel/kernel.h"

static void print_system(struct buf *out, const struct target *t)
{
	struct utsname name = { 0 };

	uname(&name);
	buf_printf(out, "System\n  OS: %s %s %s\n  Arch: %s\n  CPUs: %u\n\n", name.sysname,
		   name.release, name.version, name.machine, t->ncpus);
}

static void print_build(struct buf *out)
{
	buf_puts(out, "Build\n  version: v" SKEP_VERSION "\n");
#ifdef __clang__
	buf_printf(out, "  compiler: clang %d.%d\n\n", __clang_major__, __clang_minor__);
#else
	buf_printf(out, "  compiler: gcc %d.%d\n\n", __GNUC__, __GNUC_MINOR__);
#endif
}

/* Helpers that some kind of tracing program may call. A kernel without kprobes still loads their
 * programs. */
static void print_helpers(struct buf *out)
{
	buf_puts(out, "Kernel helpers\n");
	for (int id = 1; id < HELPER_COUNT; id++) {
		const struct helper *h = helper_by_id(id);
		int has = kernel_has_helper(BPF_PROG_TYPE_KPROBE, id);

		if (has == 0)
			has = kernel_has_helper(BPF_PROG_TYPE_PERF_EVENT, id);
		buf_printf(out, "  %s: %s\n", h->name,
			   has < 0 ? "may not be tried"
			   : has   ? "yes"
				   : "no");
	}
	buf_putc(out, '\n');
}

static void print_features(struct buf *out, struct target *t)
{
	buf_puts(out, "Kernel features\n");
	for (int i = 0; i < FEATURE_COUNT; i++) {
		const struct feature_row *row = &feature_rows[i];
		bool has = target_has(t, i);

		buf_printf(out, "  %s: %s", row->name, has ? "yes" : "no");
		if (!has)
			buf_printf(out, " (since Linux %u.%u; without it: %s)", row->since >> 16,
				   row->since >> 8 & 0xff, row->fallback);
		buf_putc(out, '\n');
	}
	buf_putc(out, '\n');
}

static void print_probe_types(struct buf *out)
{
	buf_puts(out, "Probe types\n");
	for (const struct provider *const *p = providers; *p; p++)
		buf_printf(out, "  %s: %s\n", (*p)->name, (*p)->forms);
}

static int info(struct unit *u, void *state)
{
	struct buf text = { 0 };
	int err;

	(void)state;
	print_system(&text, &u->target);
	print_build(&text);
	print_helpers(&text);
	print_features(&text, &u->target);
	print_probe_types(&text);
	err = text.err ? text.err : write_all(STDOUT_FILENO, text.data, text.len);
	buf_done(&text);
	return err ? complain(u->opt, "cannot write: %s", strerror(-err)) : EXIT_DONE;
}

int cmd_info(const struct options *opt)
{
	return unit_run(opt, info, NULL);
}
