/*
 * skep filter: takes a filter (an expression, or a file in any form), checks it, and prints or
 * runs it.
 * Needs: bpf/cbpf.h. Called by main.
 */
#include "cmd/filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/disasm.h"
#include "cmd/verb.h"

enum { INPUT_LIMIT = 1 << 20 };

static const struct option_row rows[] = {
#define OPTION(letter, name, argument, field, many, help) \
	{ letter, name, argument, help, offsetof(struct filter_options, field), many },
#include "cmd/filter_option.def"
#undef OPTION
};
_Static_assert(ARRAY_LEN(rows) <= OPTION_ROWS, "option_rows_parse has room for that many");

static const char usage[] =
	"skep filter takes classic BPF, as sockets, tc, xtables, tcpdump and seccomp have it.\n\n"
	"Usage: skep filter [OPTIONS] 'EXPRESSION'    in tcpdump's language\n"
	"       skep filter [OPTIONS] --from FILE\n"
	"       skep filter --seccomp FILE|PID [--call CALL]...\n\n"
	"Without -r, -i and --seccomp the filter is printed.\n\n"
	"Examples:\n"
	"  skep filter 'tcp port 80'\n"
	"  skep filter -r in.pcap -w out.pcap 'udp port 53'\n"
	"  skep filter --format tc icmp\n"
	"  skep filter --seccomp 1234 --call openat:0,0,2";

int filter_report(struct filter_job *job)
{
	verb_diags(&job->diags);
	return EXIT_FAILED;
}

int filter_check(struct filter_job *job, enum cbpf_use use)
{
	struct buf why = { 0 };
	size_t at = 0;

	if (!cbpf_check(job->filter.v, job->filter.n, use, &at, &why))
		return EXIT_DONE;
	if (at < job->filter.n) {
		struct buf line = { 0 };

		cbpf_list_one(&line, job->filter.v, at, CBPF_TCPDUMP);
		complain(job->program, "Linux refuses the filter: (%03zu) %s: %s", at, line.data,
			 why.data);
		buf_done(&line);
	} else {
		complain(job->program, "Linux refuses the filter: %s", why.data);
	}
	buf_done(&why);
	return EXIT_FAILED;
}

int filter_load(struct filter_job *job, const char *path)
{
	struct buf text = { 0 };
	const struct source *src;
	int status = verb_read(job->program, path, &text);

	if (status) {
		buf_done(&text);
		return status;
	}
	if (text.len > INPUT_LIMIT) {
		buf_done(&text);
		return complain(job->program, "%s is too big for a filter", path);
	}
	src = sources_add(&job->sources, path, text.data ? text.data : "", text.len);
	buf_done(&text);
	return cbpf_read(&job->filter, src, &job->diags) ? filter_report(job) : EXIT_DONE;
}

/* ---- printing ---- */

static int print_translation(struct filter_job *job, struct buf *out, enum cbpf_way way)
{
	/* an XDP program returns XDP_PASS or XDP_DROP */
	const struct cbpf_translate opt = { way, way == CBPF_XDP, 2, 1 };
	struct insn *insns;
	size_t n;

	if (cbpf_translate(job->filter.v, job->filter.n, &opt, &insns, &n, &job->diags))
		return filter_report(job);
	disasm_prog(out, insns, n, NULL);
	return EXIT_DONE;
}

static int print_cbpf(struct filter_job *job, struct buf *out)
{
	cbpf_list(out, job->filter.v, job->filter.n, CBPF_TCPDUMP);
	return EXIT_DONE;
}

static int print_asm(struct filter_job *job, struct buf *out)
{
	cbpf_list(out, job->filter.v, job->filter.n, CBPF_ASM);
	return EXIT_DONE;
}

static int print_ebpf(struct filter_job *job, struct buf *out)
{
	return print_translation(job, out, CBPF_LEGACY);
}

static int print_xdp(struct filter_job *job, struct buf *out)
{
	return print_translation(job, out, CBPF_XDP);
}

static int print_tc(struct filter_job *job, struct buf *out)
{
	cbpf_write_bytecode(out, job->filter.v, job->filter.n);
	return EXIT_DONE;
}

static int print_xtables(struct filter_job *job, struct buf *out)
{
	if (job->filter.n > CBPF_XT_MAX)
		return complain(job->program,
				"xtables takes %d instructions at most, and the filter has %u",
				CBPF_XT_MAX, job->filter.n);
	return print_tc(job, out);
}

static int print_c(struct filter_job *job, struct buf *out)
{
	cbpf_write_c(out, job->filter.v, job->filter.n);
	return EXIT_DONE;
}

static int print_decimal(struct filter_job *job, struct buf *out)
{
	cbpf_write_decimal(out, job->filter.v, job->filter.n);
	return EXIT_DONE;
}

static int print_both(struct filter_job *job, struct buf *out)
{
	print_cbpf(job, out);
	buf_putc(out, '\n');
	return print_ebpf(job, out);
}

static const struct format {
	const char *name;
	int (*print)(struct filter_job *job, struct buf *out);
	const char *link; /* what the consumer's packets begin with */
} formats[] = {
	{ "cbpf", print_cbpf, "EN10MB" }, { "asm", print_asm, "EN10MB" },
	{ "ebpf", print_ebpf, "EN10MB" }, { "xdp", print_xdp, "EN10MB" },
	{ "tc", print_tc, "EN10MB" },     { "xtables", print_xtables, "RAW" },
	{ "c", print_c, "EN10MB" },       { "decimal", print_decimal, "EN10MB" },
};

static const struct format *format_of(const struct filter_job *job)
{
	static const struct format both = { "", print_both, "EN10MB" };

	if (!job->opt.format)
		return &both;
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		if (streq(formats[i].name, job->opt.format))
			return &formats[i];
	}
	return NULL;
}

static int print_filter(struct filter_job *job)
{
	struct buf text = { 0 };
	int status = format_of(job)->print(job, &text);

	if (status == EXIT_DONE)
		return show(job->program, &text);
	buf_done(&text);
	return status;
}

/* ---- the filter ---- */

static const char *joined(struct filter_job *job)
{
	struct buf text = { 0 };
	const char *copy;

	for (int i = 0; i < job->nargs; i++)
		buf_printf(&text, "%s%s", i ? " " : "", job->args[i]);
	copy = text.len ? arena_strndup(&job->arena, text.data, text.len) : NULL;
	buf_done(&text);
	return copy;
}

int filter_get(struct filter_job *job, const struct link_type *link)
{
	const struct cinsn all = { 0x06, 0, 0, 262144 };
	struct buf why = { 0 };
	int status;

	if (job->opt.from) {
		status = filter_load(job, job->opt.from);
		return status ? status : filter_check(job, CBPF_SOCKET);
	}
	if (!job->expression) {
		vec_push(&job->arena, &job->filter, all);
		return EXIT_DONE;
	}
	status = EXIT_DONE;
	if (filter_compile(&job->filter, &job->arena, job->expression, link, &why))
		status = complain(job->program, "%s", why.data);
	buf_done(&why);
	return status ? status : filter_check(job, CBPF_SOCKET);
}

/* ---- the verb ---- */

/* What does not go together; NULL: all is well. */
static const char *conflict(const struct filter_job *job)
{
	const struct filter_options *o = &job->opt;
	bool runs = o->read || o->device;

	if (o->read && o->device)
		return "-r and -i exclude each other";
	if (o->from && job->expression)
		return "an expression and --from exclude each other";
	if (o->seccomp && (runs || o->from || job->expression))
		return "--seccomp goes with no packets and no expression";
	if (!o->seccomp && (o->call.n || o->calls || o->arch || o->raw))
		return "--call, --calls, --arch and --raw go with --seccomp";
	if (o->write && !runs)
		return "-w needs packets: -r FILE or -i DEVICE";
	if (o->ebpf && !o->read)
		return "--ebpf goes with -r";
	if (o->lock && !o->device)
		return "--lock goes with -i";
	if (o->count && !runs)
		return "-c needs packets: -r FILE or -i DEVICE";
	if (!runs && !o->from && !o->seccomp && !job->expression)
		return "no filter: give an expression, --from FILE or --seccomp FILE";
	if (!format_of(job))
		return "--format is cbpf, asm, ebpf, xdp, tc, xtables, c or decimal";
	return NULL;
}

static bool read_count(struct filter_job *job)
{
	char *end;

	job->limit = UINT64_MAX;
	if (!job->opt.count)
		return true;
	errno = 0;
	job->limit = strtoull(job->opt.count, &end, 10);
	return !errno && !*end && end != job->opt.count && job->limit && *job->opt.count != '-';
}

static int run(struct filter_job *job)
{
	const struct link_type *link;
	int status;

	job->expression = joined(job);
	if (conflict(job))
		return verb_usage(job->program, "%s", conflict(job));
	if (!read_count(job))
		return verb_usage(job->program, "-c needs a number above 0");
	if (job->opt.seccomp)
		return filter_seccomp(job);
	link = link_by_name(job->opt.link ? job->opt.link : format_of(job)->link);
	if (!link)
		return verb_usage(job->program,
				  "--link is EN10MB, RAW, LINUX_SLL, LINUX_SLL2 or NULL");
	if (job->opt.read)
		return filter_read_file(job);
	if (job->opt.device)
		return filter_live(job);
	status = filter_get(job, link);
	return status ? status : print_filter(job);
}

int cmd_filter(const struct options *program, int argc, char **argv)
{
	struct filter_job job = { .program = program };
	int status = verb_options(program, usage, &job.opt, rows, ARRAY_LEN(rows), &job.opt.help,
				  &argc, &argv);

	if (status >= 0)
		return status;
	job.args = argv;
	job.nargs = argc;
	arena_init(&job.arena, &job.no_memory);
	if (setjmp(job.no_memory)) {
		arena_done(&job.arena);
		return complain(program, "out of memory");
	}
	job.sources.arena = &job.arena;
	diags_init(&job.diags, &job.arena, &job.sources);
	status = run(&job);
	arena_done(&job.arena);
	return status;
}
