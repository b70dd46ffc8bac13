/*
 * skep test: unit tests of BPF programs, from files that say packet, context and maps before, and
 * result, packet, context, maps and printed text after. See docs/test-format.md.
 *
 * Needs: subjects, test files. Called by main.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/kind.h"
#include "cmd/coverage.h"
#include "cmd/subject.h"
#include "cmd/test_file.h"
#include "cmd/value.h"
#include "engine/packet_text.h"
#include "engine/prog.h"

static const char usage[] =
	"skep test runs unit tests of BPF programs in user space: no root, no device.\n\n"
	"Usage: skep test FILE... [--coverage text|lcov|html] [-o OUT] [--junit FILE]";

struct testing {
	const struct options *program;
	const char *coverage_form, *output, *junit, *path;
	bool interpret, help;
	struct arena arena;
	struct subject subject;
	struct coverage coverage;
	struct test_file file;
	struct buf text; /* of the object */
	struct buf out, xml;
	struct buf why; /* of the case in hand: what differs */
	struct buf frame;
	unsigned passed, failed, skipped;
};

/* ---- maps as text ---- */

/* "NAME[KEY] = VALUE" taken apart. */
struct entry {
	struct map *map;
	char key[512];
	const char *value;
};

static int parse_entry(struct testing *t, const char *text, struct entry *e)
{
	const char *open = strchr(text, '['), *close = open ? strchr(open, ']') : NULL;
	const char *equal = close ? strchr(close, '=') : NULL;
	int index;

	if (!equal) {
		buf_printf(&t->why, "a map entry is NAME[KEY] = VALUE, not '%s'\n", text);
		return -EINVAL;
	}
	index = subject_map(&t->subject, arena_strndup(&t->arena, text, (size_t)(open - text)));
	if (index < 0) {
		buf_printf(&t->why, "there is no map '%.*s'\n", (int)(open - text), text);
		return -EINVAL;
	}
	e->map = load_map(t->subject.load, (uint32_t)index);
	e->value = equal + 1 + strspn(equal + 1, " \t");
	if (e->map->def.key_size > sizeof(e->key) || e->map->kind->objects) {
		buf_puts(&t->why, "maps of this kind cannot be written as text\n");
		return -EINVAL;
	}
	const char *key = arena_strndup(&t->arena, open + 1, (size_t)(close - open - 1));
	return value_parse(key, e->key, e->map->def.key_size, &t->why);
}

static int set_entry(struct testing *t, const char *text)
{
	struct entry e;
	int err = parse_entry(t, text, &e);

	if (err)
		return err;
	/* Tests run on the first CPU: of per-CPU values, that one's is set. */
	char *value = arena_alloc(&t->arena, MAX(map_user_value_size(e.map), 8u));
	err = value_parse(e.value, value, e.map->def.value_size, &t->why);
	if (!err)
		err = map_user_update(e.map, e.map->def.key_size ? e.key : NULL, value, BPF_ANY);
	if (err && !t->why.len)
		buf_printf(&t->why, "%s: %s\n", text, strerror(-err));
	return err;
}

static void check_entry(struct testing *t, const char *text)
{
	struct entry e;

	if (parse_entry(t, text, &e))
		return;
	size_t size = e.map->def.value_size;
	char *got = arena_alloc(&t->arena, MAX(map_user_value_size(e.map), 8u));
	char *want = arena_alloc(&t->arena, MAX(size, 8u));
	bool there = !map_user_lookup(e.map, e.map->def.key_size ? e.key : NULL, got, 0);
	bool none = streq(e.value, "none");

	if (!none && value_parse(e.value, want, size, &t->why))
		return;
	if (there == !none && (none || memcmp(got, want, size) == 0))
		return;
	buf_printf(&t->why, "map: expected %s, got ", text);
	if (there)
		value_show(&t->why, got, size);
	else
		buf_puts(&t->why, "none");
	buf_putc(&t->why, '\n');
}

/* ---- a case ---- */

static void check_result(struct testing *t, const struct test_case *c, uint64_t r0)
{
	const struct context_kind *kind = t->subject.context.kind;
	int32_t named;
	int64_t want, got = kind->packet ? (int32_t)r0 : (int64_t)r0;
	char *end;

	if (context_result_find(kind, c->result.text, &named)) {
		want = named;
		got = (int32_t)r0;
	} else {
		want = strtoll(c->result.text, &end, 0);
		if (end == c->result.text || *end) {
			buf_printf(&t->why, "'%s' is no result of such programs\n", c->result.text);
			return;
		}
	}
	if (got == want)
		return;
	buf_printf(&t->why, "result: expected %s, got ", c->result.text);
	subject_result(&t->subject, r0, &t->why);
	buf_putc(&t->why, '\n');
}

static void check_packet(struct testing *t, const char *text)
{
	struct buf want = { 0 };
	size_t size = 0;
	const char *got = context_packet_out(&t->subject.context, &size);

	if (packet_text(&want, text, &t->why)) {
		buf_putc(&t->why, '\n');
	} else if (!got || size != want.len || memcmp(got, want.data, size) != 0) {
		size_t at = 0;

		while (got && at < size && at < want.len && got[at] == want.data[at])
			at++;
		buf_printf(&t->why, "packet: differs from byte %zu on; expected %zu bytes:\n", at,
			   want.len);
		packet_hex(&t->why, want.data, want.len);
		buf_printf(&t->why, "got %zu bytes:\n", size);
		packet_hex(&t->why, got, got ? size : 0);
	}
	buf_done(&want);
}

static void check_trace(struct testing *t, const struct test_case *c)
{
	struct buf want = { 0 };
	const struct buf *got = &t->subject.printed;

	for (uint32_t i = 0; i < c->trace.n; i++)
		buf_printf(&want, "%s\n", c->trace.v[i].text);
	if (want.len && (want.len != got->len || memcmp(want.data, got->data, got->len) != 0))
		buf_printf(&t->why, "trace: expected\n%sgot\n%s", want.data,
			   got->len ? got->data : "nothing\n");
	buf_done(&want);
}

static void count_step(struct vm *vm, const struct op *op, const uint64_t *registers)
{
	struct testing *t = vm->step_ctx;
	const struct subject *s = &t->subject;

	(void)registers;
	if (vm->prog != s->load->progs[s->index])
		return;
	struct place place = subject_place(s, op->insn);
	coverage_add(&t->coverage, &place, 1);
}

/* All lines that the program could reach. */
static void count_lines(struct testing *t)
{
	const struct image_prog *p = &t->subject.image->progs.v[t->subject.index];

	for (uint32_t i = 0; i < p->spans.n; i++) {
		struct place place = subject_place(&t->subject, p->spans.v[i].insn);

		coverage_add(&t->coverage, &place, 0);
	}
}

static int set_up(struct testing *t, const struct test_case *c)
{
	struct context *context = &t->subject.context;
	const char *packet = c->packet.text ? c->packet.text : "eth zero(46)";
	int err = 0;

	buf_clear(&t->frame);
	if (context->kind->packet != CONTEXT_NONE) {
		err = packet_text(&t->frame, packet, &t->why);
		if (!err)
			err = context_packet(context, t->frame.data, t->frame.len);
	} else if (c->packet.text) {
		buf_puts(&t->why, "programs of this kind see no packet");
		err = -EINVAL;
	}
	if (!err && c->context.text)
		err = context_set(context, c->context.text, &t->why);
	for (uint32_t i = 0; i < c->before.n && !err; i++)
		err = set_entry(t, c->before.v[i].text);
	if (err && !t->why.len)
		buf_puts(&t->why, strerror(-err));
	if (err && t->why.len && t->why.data[t->why.len - 1] != '\n')
		buf_putc(&t->why, '\n');
	return err;
}

static void check_after(struct testing *t, const struct test_case *c, uint64_t r0)
{
	if (c->result.text)
		check_result(t, c, r0);
	if (c->packet_after.text)
		check_packet(t, c->packet_after.text);
	if (c->context_after.text)
		context_check(&t->subject.context, c->context_after.text, &t->why);
	for (uint32_t i = 0; i < c->after.n; i++)
		check_entry(t, c->after.v[i].text);
	check_trace(t, c);
}

static void run_case(struct testing *t, const struct test_case *c)
{
	struct buf ended = { 0 };
	uint64_t r0;

	if (set_up(t, c))
		return;
	t->subject.vm.step = count_step;
	t->subject.vm.step_ctx = t;
	if (t->coverage_form)
		count_lines(t);
	bool good = subject_run(&t->subject, &r0, &ended);
	if (!good && (!c->error.text || !strstr(ended.data, c->error.text)))
		buf_printf(&t->why, "%s\n", ended.data);
	else if (good && c->error.text)
		buf_printf(&t->why, "error: expected '%s', got none\n", c->error.text);
	else if (good)
		check_after(t, c, r0);
	buf_done(&ended);
}

/* A program that is refused may be what the case expects. */
static void open_and_run(struct testing *t, const struct test_case *c)
{
	const struct vm_options opt = { .no_jit = t->interpret, .trace = t->coverage_form };
	const char *name = c->program.text ? c->program.text : t->file.program.text;

	if (subject_open(&t->subject, name, &opt, &t->why) == 0) {
		run_case(t, c);
		subject_close(&t->subject);
	} else if (c->error.text && strstr(t->why.data, c->error.text)) {
		buf_clear(&t->why);
	} else {
		buf_putc(&t->why, '\n');
	}
}

/* ---- reports ---- */

static void report(struct testing *t, const struct test_case *c)
{
	struct place place = sources_place(&t->subject.sources, c->name.span.lo);
	const char *why = t->why.data;

	buf_puts(&t->xml, "  <testcase classname=\"");
	put_escaped(&t->xml, t->path, strlen(t->path));
	buf_puts(&t->xml, "\" name=\"");
	put_escaped(&t->xml, c->name.text, strlen(c->name.text));
	buf_puts(&t->xml, "\">");
	if (c->skip.text) {
		t->skipped++;
		buf_printf(&t->out, "%s:%u: skipped: %s: %s\n", t->path, place.line, c->name.text,
			   c->skip.text);
		buf_puts(&t->xml, "<skipped/>");
	} else if (t->why.len) {
		t->failed++;
		buf_printf(&t->out, "%s:%u: FAILED: %s\n", t->path, place.line, c->name.text);
		for (const char *end; (end = strchr(why, '\n')); why = end + 1)
			buf_printf(&t->out, "    %.*s\n", (int)(end - why), why);
		buf_puts(&t->xml, "<failure>");
		put_escaped(&t->xml, t->why.data, t->why.len);
		buf_puts(&t->xml, "</failure>");
	} else {
		t->passed++;
	}
	buf_puts(&t->xml, "</testcase>\n");
}

static int write_junit(struct testing *t)
{
	struct buf all = { 0 };
	int status;

	buf_printf(&all,
		   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"skep\" "
		   "tests=\"%u\" failures=\"%u\" skipped=\"%u\">\n",
		   t->passed + t->failed + t->skipped, t->failed, t->skipped);
	buf_add(&all, t->xml.data, t->xml.len);
	buf_puts(&all, "</testsuite>\n");
	status = verb_write(t->program, t->junit, &all);
	buf_done(&all);
	return status;
}

/* ---- a file ---- */

/* "NAME KIND KEY_SIZE VALUE_SIZE ENTRIES", for assembler text. */
static void add_map(struct testing *t, const struct test_line *line)
{
	char name[64], kind[32];
	struct image_map m = { .role = MAP_USER };

	if (sscanf(line->text, "%63s %31s %u %u %u", name, kind, &m.key_size, &m.value_size,
		   &m.max_entries) != 5 ||
	    !(m.kind = map_kind_find(kind))) {
		diag_error(&t->subject.diags, line->span,
			   "a map is NAME KIND KEY_SIZE VALUE_SIZE ENTRIES");
		return;
	}
	m.name = arena_strdup(&t->arena, name);
	image_map_add(t->subject.image, &m);
}

/* Assembler text keeps the line numbers of the file that it stands in. */
static int read_code(struct testing *t)
{
	const struct test_line *code = &t->file.code;
	struct place place = sources_place(&t->subject.sources, code->span.lo);
	int status;

	buf_pad(&t->text, '\n', place.line ? place.line - 1 : 0);
	buf_puts(&t->text, code->text);
	status = subject_read(&t->subject, t->path, &t->text, t->file.kind.text);
	for (uint32_t i = 0; i < t->file.maps.n && !status; i++)
		add_map(t, &t->file.maps.v[i]);
	if (!status && t->subject.diags.errors) {
		verb_diags(&t->subject.diags);
		status = EXIT_FAILED;
	}
	return status;
}

/* The object stands relative to the test file. */
static int read_object(struct testing *t)
{
	const char *slash = strrchr(t->path, '/'), *name = t->file.object.text;

	if (slash && *name != '/')
		name = arena_printf(&t->arena, "%.*s/%s", (int)(slash - t->path), t->path, name);
	int status = verb_read(t->program, name, &t->text);
	return status ? status : subject_read(&t->subject, name, &t->text, t->file.kind.text);
}

static int test_file(struct testing *t, const char *path)
{
	struct buf text = { 0 };
	int status = verb_read(t->program, path, &text);

	if (status)
		return status;
	t->path = path;
	t->file = (struct test_file){ 0 };
	buf_clear(&t->text);
	subject_init(&t->subject, t->program, &t->arena);
	const struct source *src = sources_add(&t->subject.sources, path,
					       text.data ? text.data : "", text.len);
	buf_done(&text);
	if (!src || test_file_parse(&t->file, src, &t->subject.diags)) {
		verb_diags(&t->subject.diags);
		return EXIT_FAILED;
	}
	status = t->file.code.text ? read_code(t) : read_object(t);
	for (uint32_t i = 0; i < t->file.cases.n && !status; i++) {
		const struct test_case *c = &t->file.cases.v[i];

		buf_clear(&t->why);
		if (!c->skip.text)
			open_and_run(t, c);
		report(t, c);
	}
	return status;
}

static int worse(int a, int b)
{
	return MAX(a, b);
}

static int test_all(struct testing *t, int argc, char **argv)
{
	struct buf coverage = { 0 };
	int status = EXIT_DONE, written;

	t->coverage.arena = &t->arena;
	for (int i = 0; i < argc; i++)
		status = worse(status, test_file(t, argv[i]));
	buf_printf(&t->out, "%u passed, %u failed, %u skipped\n", t->passed, t->failed, t->skipped);
	written = verb_write(t->program, NULL, &t->out);
	status = worse(worse(status, written), t->failed ? EXIT_FAILED : EXIT_DONE);
	if (t->junit)
		status = worse(status, write_junit(t));
	if (t->coverage_form) {
		coverage_write(&t->coverage, t->coverage_form, &coverage);
		status = worse(status, verb_write(t->program, t->output, &coverage));
		buf_done(&coverage);
	}
	return status;
}

static const struct option_row rows[] = {
	{ 0, "coverage", "FORM", "show which source lines were reached: text, lcov or html",
	  offsetof(struct testing, coverage_form), false },
	{ 'o', "output", "OUT", "write the coverage to this file", offsetof(struct testing, output),
	  false },
	{ 0, "junit", "FILE", "write the outcome as JUnit XML", offsetof(struct testing, junit),
	  false },
	{ 0, "interpret", NULL, "do not compile", offsetof(struct testing, interpret), false },
	{ 'h', "help", NULL, "show this help", offsetof(struct testing, help), false },
};

static int check_options(struct testing *t, int argc)
{
	struct buf nothing = { 0 };
	struct coverage none = { 0 };
	int err = t->coverage_form ? coverage_write(&none, t->coverage_form, &nothing) : 0;

	buf_done(&nothing);
	if (err)
		return verb_usage(t->program, "test: --coverage takes text, lcov or html, not %s",
				  t->coverage_form);
	return argc ? EXIT_DONE : verb_usage(t->program, "test: give at least one test file");
}

int cmd_test(const struct options *program, int argc, char **argv)
{
	struct testing *t = calloc(1, sizeof(*t));
	jmp_buf no_memory;
	int status;

	if (!t)
		return complain(program, "there is not enough memory");
	t->program = program;
	status = verb_options(program, usage, t, rows, ARRAY_LEN(rows), &t->help, &argc, &argv);
	if (status >= 0)
		goto out;
	status = check_options(t, argc);
	if (status)
		goto out;
	if (setjmp(no_memory)) {
		subject_close(&t->subject);
		status = complain(program, "there is not enough memory");
	} else {
		arena_init(&t->arena, &no_memory);
		status = test_all(t, argc, argv);
	}
	arena_done(&t->arena);
out:
	buf_done(&t->text);
	buf_done(&t->out);
	buf_done(&t->xml);
	buf_done(&t->why);
	buf_done(&t->frame);
	free(t);
	return status;
}
