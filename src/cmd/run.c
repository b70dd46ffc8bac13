/*
 * skep run: a BPF program once, or often, with a packet and a context as the user writes them.
 *
 * Needs: the engine, the object reader, the assembler. Called by main.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bpf/disasm.h"
#include "cmd/subject.h"
#include "cmd/value.h"
#include "engine/packet_text.h"
#include "engine/prog.h"

static const char usage[] =
	"skep run runs a program of an ELF object, or of assembler text, in user space.\n\n"
	"Usage: skep run FILE [--prog NAME] [--kind KIND] [--pkt FILE.pcap|HEX|TEXT]\n"
	"                [--ctx FIELD=VALUE,...|FILE] [--repeat N] [--trace] [--maps] [--json]\n\n"
	"A packet as text: eth ip(src=10.0.0.1) tcp(dport=80) payload(\"hello\")";

struct run {
	const struct options *program;
	const char *prog, *kind, *context, *packet, *repeat;
	bool trace, maps, jit, interpret, json, help;
	uint32_t times;
	struct arena arena;
	struct subject subject;
	struct buf out, why, before;
	/* --trace: the registers at the step before, and whether there was one */
	uint64_t registers[VM_REGISTERS];
	bool stepped;
	uint32_t line;
};

/* ---- --trace ---- */

static void show_changes(struct run *r, const uint64_t *registers)
{
	for (int i = 0; i < VM_REGISTERS; i++) {
		if (r->stepped && registers[i] != r->registers[i])
			buf_printf(&r->out, "  r%d=0x%" PRIx64, i, registers[i]);
	}
	if (r->stepped)
		buf_putc(&r->out, '\n');
	memcpy(r->registers, registers, sizeof(r->registers));
	r->stepped = true;
}

static void show_source(struct run *r, const struct place *place)
{
	uint32_t len;

	if (!place->source || place->line == r->line)
		return;
	const char *text = source_line(place->source, place->line, &len);
	size_t blank = strspn(text, " \t");
	r->line = place->line;
	if (blank < len)
		buf_printf(&r->out, "; %s:%u: %.*s\n", place->source->name, place->line,
			   (int)(len - blank), text + blank);
}

static void step(struct vm *vm, const struct op *op, const uint64_t *registers)
{
	struct run *r = vm->step_ctx;
	const struct vm_prog *p = vm->prog;
	struct place place = { 0 };

	show_changes(r, registers);
	if (p == r->subject.load->progs[r->subject.index])
		place = subject_place(&r->subject, op->insn);
	show_source(r, &place);
	buf_printf(&r->out, "%4u: ", op->insn);
	disasm_insn(&r->out, p->insns, p->ninsns, op->insn, NULL);
}

/* ---- input ---- */

static int set_context(struct run *r)
{
	struct buf file = { 0 };
	const char *text = r->context;
	int err = 0;

	if (!text)
		return 0;
	if (!strchr(text, '=')) {
		if (verb_read(r->program, text, &file))
			return -1;
		text = file.data ? file.data : "";
	}
	err = context_set(&r->subject.context, text, &r->why);
	if (err)
		complain(r->program, "--ctx: %s", r->why.data);
	buf_done(&file);
	return err;
}

/* The packet that --pkt names: the first of a capture, a file with text, or text itself. */
static int read_packet(struct run *r, struct buf *frame)
{
	struct buf file = { 0 };
	int err;

	if (access(r->packet, F_OK))
		return packet_text(frame, r->packet, &r->why);
	if (verb_read(r->program, r->packet, &file))
		return -EIO;
	if (packet_is_pcap(file.data, file.len)) {
		err = packet_pcap(frame, file.data, file.len, 0, &r->why);
		if (err == 0)
			buf_puts(&r->why, "the capture is empty");
		err = err == 1 ? 0 : -EINVAL;
	} else {
		err = packet_text(frame, file.data ? file.data : "", &r->why);
	}
	buf_done(&file);
	return err;
}

static int set_packet(struct run *r)
{
	struct context *c = &r->subject.context;
	const char *text = r->packet;
	int err;

	if (c->kind->packet == CONTEXT_NONE)
		return text ? complain(r->program, "--pkt: programs of this kind see no packet")
			    : 0;
	if (text)
		err = read_packet(r, &r->before);
	else
		err = packet_text(&r->before, "eth zero(46)", &r->why);
	if (!err) {
		err = context_packet(c, r->before.data, r->before.len);
		if (err)
			buf_puts(&r->why, err == -EINVAL ? "it has no whole Ethernet header"
							 : strerror(-err));
	}
	return err ? complain(r->program, "--pkt: %s", r->why.len ? r->why.data : strerror(-err))
		   : 0;
}

/* ---- output ---- */

static void show_packet(struct run *r)
{
	size_t size;
	const char *data = context_packet_out(&r->subject.context, &size);

	if (!data || (size == r->before.len && memcmp(data, r->before.data, size) == 0))
		return;
	buf_printf(&r->out, "packet: %zu bytes\n", size);
	packet_hex(&r->out, data, size);
}

static void show_redirect(struct run *r)
{
	const struct context_redirect *to = &r->subject.context.redirect;

	if (to->helper)
		buf_printf(&r->out, "%s: to %u, flags %" PRIu64 "\n", to->helper, to->ifindex,
			   to->flags);
}

static void show_maps(struct run *r)
{
	for (uint32_t i = 0; i < r->subject.image->maps.n; i++)
		value_show_map(&r->out, load_map(r->subject.load, i));
}

static void json_string(struct buf *out, const char *text, size_t len)
{
	buf_putc(out, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			buf_printf(out, "\\u%04x", c);
		else
			buf_putc(out, (char)c);
	}
	buf_putc(out, '"');
}

static void show_json(struct run *r, uint64_t result, double ns)
{
	const char *name = context_result(r->subject.context.kind, result);
	const struct buf *printed = &r->subject.printed;
	size_t size = 0;
	const char *data = context_packet_out(&r->subject.context, &size);

	buf_printf(&r->out, "{\"result\": %" PRId64, (int64_t)result);
	if (name)
		buf_printf(&r->out, ", \"name\": \"%s\"", name);
	if (r->times > 1)
		buf_printf(&r->out, ", \"runs\": %u, \"ns\": %.1f", r->times, ns);
	if (data) {
		buf_puts(&r->out, ", \"packet\": \"");
		for (size_t i = 0; i < size; i++)
			buf_printf(&r->out, "%02x", (uint8_t)data[i]);
		buf_putc(&r->out, '"');
	}
	buf_puts(&r->out, ", \"printed\": ");
	json_string(&r->out, printed->data ? printed->data : "", printed->len);
	if (r->maps)
		value_json_maps(&r->out, &r->subject);
	buf_puts(&r->out, "}\n");
}

static void show_text(struct run *r, uint64_t result, double ns)
{
	if (r->subject.printed.len)
		buf_add(&r->out, r->subject.printed.data, r->subject.printed.len);
	buf_puts(&r->out, "result: ");
	subject_result(&r->subject, result, &r->out);
	buf_putc(&r->out, '\n');
	if (r->times > 1)
		buf_printf(&r->out, "runs: %u, %.1f ns each\n", r->times, ns);
	show_redirect(r);
	show_packet(r);
	if (r->maps)
		show_maps(r);
}

/* ---- the run ---- */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int run_subject(struct run *r)
{
	uint64_t result = 0;
	double start;
	bool good = true;

	r->subject.vm.step = step;
	r->subject.vm.step_ctx = r;
	start = now();
	for (uint32_t i = 0; i < r->times && good; i++) {
		good = subject_run(&r->subject, &result, &r->why);
		r->subject.is_mute = true; /* the first run's text will do */
	}
	double ns = (now() - start) / r->times;
	if (r->stepped)
		buf_putc(&r->out, '\n');
	if (good && r->json)
		show_json(r, result, ns);
	else if (good)
		show_text(r, result, ns);
	int status = verb_write(r->program, NULL, &r->out);
	return good ? status : complain(r->program, "%s", r->why.data);
}

static int run_file(struct run *r, const char *path, const struct buf *text)
{
	const struct vm_options opt = { .no_jit = r->interpret, .trace = r->trace };
	int status = subject_read(&r->subject, path, text, r->kind);

	if (status)
		return status;
	if (subject_open(&r->subject, r->prog, &opt, &r->why))
		return complain(r->program, "%s: %s", path, r->why.data);
	const struct vm_prog *p = r->subject.load->progs[r->subject.index];
	if (r->jit && !vm_prog_is_compiled(p))
		status = complain(r->program, "--jit: there is no compiler for this machine");
	else if (set_packet(r) || set_context(r))
		status = EXIT_FAILED;
	else
		status = run_subject(r);
	subject_close(&r->subject);
	return status;
}

static const struct option_row rows[] = {
	{ 'p', "prog", "NAME", "the program, where the object has several",
	  offsetof(struct run, prog), false },
	{ 0, "kind", "KIND", "what kind of program assembler text is: xdp, tc, kprobe, ...",
	  offsetof(struct run, kind), false },
	{ 0, "pkt", "PACKET", "the packet: a capture's first, a file or text, hex or headers",
	  offsetof(struct run, packet), false },
	{ 0, "ctx", "FIELDS", "the context: field=value,... or a file with that",
	  offsetof(struct run, context), false },
	{ 'n', "repeat", "N", "run it so often and show the time of a run",
	  offsetof(struct run, repeat), false },
	{ 0, "trace", NULL, "show each step: source line, instruction, registers that changed",
	  offsetof(struct run, trace), false },
	{ 0, "maps", NULL, "show the maps afterwards", offsetof(struct run, maps), false },
	{ 0, "jit", NULL, "insist on compiled code", offsetof(struct run, jit), false },
	{ 0, "interpret", NULL, "do not compile", offsetof(struct run, interpret), false },
	{ 0, "json", NULL, "show the outcome as JSON", offsetof(struct run, json), false },
	{ 'h', "help", NULL, "show this help", offsetof(struct run, help), false },
};

static int parse_times(struct run *r)
{
	char *end = NULL;
	unsigned long n = r->repeat ? strtoul(r->repeat, &end, 10) : 1;

	if (n == 0 || n > 1000000000 || (end && *end))
		return verb_usage(r->program, "run: --repeat takes a number from 1 to 1000000000");
	if (r->jit && (r->interpret || r->trace))
		return verb_usage(r->program, "run: --jit excludes --interpret and --trace");
	r->times = (uint32_t)n;
	return 0;
}

int cmd_run(const struct options *program, int argc, char **argv)
{
	struct run *r = calloc(1, sizeof(*r));
	struct buf text = { 0 };
	jmp_buf no_memory;
	int status;

	if (!r)
		return complain(program, "there is not enough memory");
	r->program = program;
	status = verb_options(program, usage, r, rows, ARRAY_LEN(rows), &r->help, &argc, &argv);
	if (status < 0 && argc != 1)
		status = verb_usage(program, "run: give one file, or '-' for standard input");
	if (status < 0)
		status = parse_times(r) ? EXIT_USAGE : verb_read(program, argv[0], &text);
	else
		goto out;
	if (status)
		goto out;
	if (setjmp(no_memory)) {
		subject_close(&r->subject);
		status = complain(program, "there is not enough memory");
	} else {
		arena_init(&r->arena, &no_memory);
		subject_init(&r->subject, program, &r->arena);
		status = run_file(r, argv[0], &text);
	}
	arena_done(&r->arena);
out:
	buf_done(&text);
	buf_done(&r->out);
	buf_done(&r->why);
	buf_done(&r->before);
	free(r);
	return status;
}
