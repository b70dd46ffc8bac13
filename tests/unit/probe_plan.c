/* The plan: who shares a program, in which order, with which shapes, by which way. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/image.h"
#include "probe_bench.h"

/* ---- a kernel with many system calls ---- */

static const char *const calls[] = {
	"read",   "write",   "open",     "close",  "newstat",      "newfstat", "newlstat",
	"poll",   "lseek",   "mmap",     "brk",    "ioctl",        "pipe",     "select",
	"openat", "getppid", "newuname", "umount", "nobody_knows",
};

/* One argument, but for openat, which has its first two. */
static void write_enter(int root, const char *name, unsigned id)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "events/syscalls/sys_enter_%s", name);
	mkdirat(root, path, 0700);
	strcat(path, "/format");
	fd = openat(root, path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
	dprintf(fd,
		"name: sys_enter_%s\nID: %u\nformat:\n"
		"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\n"
		"\tfield:int __syscall_nr;\toffset:8;\tsize:4;\tsigned:1;\n",
		name, id);
	if (streq(name, "openat"))
		dprintf(fd, "\tfield:int dfd;\toffset:16;\tsize:8;\tsigned:0;\n"
			    "\tfield:const char * filename;\toffset:24;\tsize:8;\tsigned:0;\n");
	else
		dprintf(fd, "\tfield:unsigned int fd;\toffset:16;\tsize:8;\tsigned:0;\n");
	close(fd);
}

static void write_id(int root, const char *prefix, const char *name, unsigned id)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "events/syscalls/%s%s", prefix, name);
	mkdirat(root, path, 0700);
	strcat(path, "/id");
	fd = openat(root, path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
	dprintf(fd, "%u\n", id);
	close(fd);
}

static void write_exit(int root, const char *name, unsigned id)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "events/syscalls/sys_exit_%s", name);
	mkdirat(root, path, 0700);
	strcat(path, "/format");
	fd = openat(root, path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
	dprintf(fd,
		"name: sys_exit_%s\nID: %u\nformat:\n"
		"\tfield:int __syscall_nr;\toffset:8;\tsize:4;\tsigned:1;\n"
		"\tfield:long ret;\toffset:16;\tsize:8;\tsigned:1;\n",
		name, id);
	close(fd);
}

static char many_root[] = "/tmp/probe-plan-XXXXXX";

static int make_many(void **state)
{
	int root, names;

	(void)state;
	if (!mkdtemp(many_root))
		return -1;
	root = open(many_root, O_DIRECTORY | O_RDONLY);
	mkdirat(root, "events", 0700);
	mkdirat(root, "events/syscalls", 0700);
	names = openat(root, "available_events", O_CREAT | O_WRONLY, 0600);
	for (unsigned i = 0; i < ARRAY_LEN(calls); i++) {
		dprintf(names, "syscalls:sys_enter_%s\nsyscalls:sys_exit_%s\n", calls[i], calls[i]);
		write_enter(root, calls[i], 100 + i);
		write_id(root, "sys_enter_", calls[i], 100 + i);
		write_exit(root, calls[i], 300 + i);
		write_id(root, "sys_exit_", calls[i], 300 + i);
	}
	close(names);
	close(root);
	return 0;
}

static int remove_many(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", many_root);
	return system(command);
}

static int many_setup(void **state)
{
	int err = bench_setup(state);

	if (!err)
		((struct bench *)*state)->tracefs.root = many_root;
	return err;
}

/* ---- short ways to plan and to see the plan ---- */

/* A clause for @text, attach points with commas; fields by name until NULL. */
static struct plan_clause clause(struct bench *b, const char *text, ...)
{
	struct plan_clause c = { 0 };
	char *points = arena_strdup(&b->arena, text), *one;
	const char *field;
	va_list fields;

	while ((one = strsep(&points, ","))) {
		struct event_list events = bench_match(b, one);

		for (uint32_t i = 0; i < events.n; i++)
			vec_push(&b->arena, &c.events, events.v[i]);
	}
	va_start(fields, text);
	while ((field = va_arg(fields, const char *)))
		vec_push(&b->arena, &c.fields, field);
	va_end(fields);
	return c;
}

static struct plan plan(struct bench *b, const struct plan_clause *clauses, uint32_t n)
{
	struct plan p;

	if (plan_make(&b->env, clauses, n, &p))
		fail_msg("%s", bench_said(b));
	return p;
}

static const char *last_part(const char *name)
{
	const char *colon = strrchr(name, ':');

	return colon ? colon + 1 : name;
}

static const char *const which_names[] = {
	[WHICH_ONE] = "one",     [WHICH_UNNEEDED] = "unneeded", [WHICH_COOKIE] = "cookie",
	[WHICH_PARAM] = "param", [WHICH_DISPATCH] = "dispatch",
};

/* "name which: event event | clause.shape clause.shape; ..." a line a program. */
static void assert_plan(struct bench *b, const struct plan *p, const char *expected)
{
	buf_clear(&b->text);
	for (uint32_t i = 0; i < p->progs.n; i++) {
		const struct plan_prog *prog = &p->progs.v[i];

		buf_printf(&b->text, "%s %s:", prog->name, which_names[prog->which]);
		for (uint32_t c = 0; c < prog->cases.n; c++) {
			const struct plan_case *one = &prog->cases.v[c];

			buf_puts(&b->text, c ? ";" : "");
			for (uint32_t e = 0; e < one->events.n; e++)
				buf_printf(&b->text, " %s", last_part(one->events.v[e]->name));
			buf_puts(&b->text, " |");
			for (uint32_t s = 0; s < one->steps.n; s++)
				buf_printf(&b->text, " %u.%u", one->steps.v[s].clause,
					   one->steps.v[s].shape);
		}
		buf_putc(&b->text, '\n');
	}
	assert_string_equal(b->text.data, expected);
}

static void assert_notes(const struct plan *p, const char *first, const char *second)
{
	const char *expected[] = { first, second };
	uint32_t n = second ? 2 : first ? 1 : 0;

	assert_int_equal(p->notes.n, n);
	for (uint32_t i = 0; i < n; i++)
		assert_string_equal(p->notes.v[i], expected[i]);
}

/* ---- grouping and order ---- */

static void events_of_the_same_clauses_share(void **state)
{
	struct bench *b = *state;
	struct plan_clause c[] = {
		clause(b, "tracepoint:syscalls:sys_enter_open*,tracepoint:syscalls:sys_enter_close",
		       NULL),
		clause(b, "tracepoint:syscalls:sys_enter_openat", NULL),
	};
	struct plan p = plan(b, c, 2);

	assert_plan(b, &p,
		    "sys_enter_open unneeded: sys_enter_open sys_enter_close | 0.0\n"
		    "sys_enter_opena one: sys_enter_openat | 0.0 1.0\n");
	assert_int_equal(p.nshapes[0], 1);
	assert_int_equal(p.probes.n, 3);
	assert_string_equal(p.probes.v[1], "tracepoint:syscalls:sys_enter_openat");
	assert_int_equal(p.progs.v[0].type, BPF_PROG_TYPE_TRACEPOINT);
}

static void clauses_keep_their_order(void **state)
{
	struct bench *b = *state;
	struct plan_clause c[] = {
		clause(b, "END", NULL),          clause(b, "BEGIN", NULL),
		clause(b, "interval:s:1", NULL), clause(b, "begin", NULL),
		clause(b, "interval:s:1", NULL), clause(b, "interval:ms:1", NULL),
	};
	struct plan p = plan(b, c, ARRAY_LEN(c));

	assert_plan(b, &p,
		    "END one: END | 0.0\n"
		    "BEGIN one: BEGIN | 1.0 3.0\n"
		    "interval_s_1 one: 1 | 2.0 4.0\n"
		    "interval_ms_1 one: 1 | 5.0\n");
}

static void an_event_runs_a_clause_once(void **state)
{
	struct bench *b = *state;
	struct plan_clause c = clause(
		b, "tracepoint:syscalls:sys_enter_getppid,tracepoint:syscalls:sys_enter_get*",
		NULL);
	struct plan p = plan(b, &c, 1);

	assert_plan(b, &p, "sys_enter_getpp one: sys_enter_getppid | 0.0\n");
	assert_int_equal(c.events.v[0]->index, c.events.v[1]->index);
}

static void providers_do_not_mix(void **state)
{
	struct bench *b = *state;
	struct plan_clause c = clause(
		b,
		"software:cs:1,software:faults:1,interval:s:1,tracepoint:syscalls:sys_enter_read",
		NULL);
	struct plan p;

	c.names_event = true;
	p = plan(b, &c, 1);
	assert_plan(b, &p,
		    "software_cs_1 cookie: 1 1 | 0.0\n"
		    "interval_s_1 one: 1 | 0.1\n"
		    "sys_enter_read one: sys_enter_read | 0.2\n");
	assert_int_equal(p.progs.v[0].type, BPF_PROG_TYPE_PERF_EVENT);
}

static void knowing_the_event(void **state)
{
	struct bench *b = *state;
	struct plan_clause c = clause(b, "tracepoint:syscalls:sys_enter_open*", NULL);
	struct plan p;

	c.names_event = true;
	p = plan(b, &c, 1);
	assert_plan(b, &p, "sys_enter_open cookie: sys_enter_open sys_enter_openat | 0.0\n");
	b->target.features[FEATURE_COOKIE] = FEATURE_ABSENT;
	p = plan(b, &c, 1);
	assert_plan(b, &p, "sys_enter_open param: sys_enter_open sys_enter_openat | 0.0\n");
}

static void raw_tracepoints_have_cookies_of_their_own(void **state)
{
	struct bench *b = *state;
	struct plan_clause c = clause(b, "rawtracepoint:sched_*", NULL);
	struct plan p;

	c.names_event = true;
	p = plan(b, &c, 1);
	assert_plan(b, &p, "sched_switch cookie: sched_switch sched_wakeup | 0.0\n");
	b->target.features[FEATURE_RAWTP_COOKIE] = FEATURE_ABSENT;
	p = plan(b, &c, 1);
	assert_plan(b, &p, "sched_switch param: sched_switch sched_wakeup | 0.0\n");
}

/* ---- shapes ---- */

static void shapes_follow_the_fields_that_are_read(void **state)
{
	struct bench *b = *state;
	struct plan_clause nr = clause(b, "tracepoint:syscalls:sys_enter_open*", "__syscall_nr",
				       NULL);
	struct plan_clause fd = clause(
		b, "tracepoint:syscalls:sys_enter_read,tracepoint:syscalls:sys_enter_close", "fd",
		NULL);
	struct plan_clause all = clause(
		b,
		"tracepoint:syscalls:sys_enter_read,tracepoint:syscalls:sys_enter_openat,"
		"tracepoint:syscalls:sys_enter_close",
		NULL);
	struct plan_clause c[3];
	struct plan p;

	all.all_fields = true;
	c[0] = nr;
	c[1] = fd;
	c[2] = all;
	p = plan(b, c, 3);
	assert_plan(b, &p,
		    "sys_enter_open one: sys_enter_open | 0.0\n"
		    "sys_enter_opena one: sys_enter_openat | 0.0 2.0\n"
		    "sys_enter_read unneeded: sys_enter_read sys_enter_close | 1.0 2.1\n");
}

static void a_step_has_the_fields_of_its_event(void **state)
{
	struct bench *b = *state;
	struct plan_clause c = clause(b, "tracepoint:syscalls:sys_enter_openat", "filename", NULL);
	struct plan p = plan(b, &c, 1);
	const struct plan_step *step = &p.progs.v[0].cases.v[0].steps.v[0];

	assert_int_equal(event_field(step->model, "filename")->access.offset, 24);
}

/* ---- both ways ---- */

static void many_system_calls_go_through_one_raw_tracepoint(void **state)
{
	struct bench *b = *state;
	struct plan_clause c[] = {
		clause(b, "tracepoint:syscalls:sys_enter_*", NULL),
		clause(b, "tracepoint:syscalls:sys_enter_read", NULL),
	};
	struct plan p = plan(b, c, 2);
	const struct plan_prog *raw = &p.progs.v[0];

	assert_string_equal(raw->name, "raw_sys_enter");
	assert_int_equal(raw->way, WAY_RAW_ENTER);
	assert_int_equal(raw->type, BPF_PROG_TYPE_RAW_TRACEPOINT);
	assert_int_equal(raw->which, WHICH_DISPATCH);
	assert_int_equal(raw->number.kind, ACCESS_CONTEXT);
	assert_int_equal(raw->number.offset, 8);
	assert_int_equal(raw->cases.n, 2);
	/* read (0) has two steps and comes first; write (1) is in the other case */
	assert_int_equal(raw->dispatch[0], 0 << 16 | 1);
	assert_int_equal(raw->dispatch[1], 1 << 16 | 2);
	assert_int_equal(raw->cases.v[0].steps.n, 2);
	assert_int_equal(raw->dispatch[63] >> 16, 1); /* newuname */
	assert_string_equal(p.probes.v[(raw->dispatch[63] & 0xffff) - 1],
			    "tracepoint:syscalls:sys_enter_newuname");
	assert_int_equal(raw->dispatch[2 + 57], 0); /* execve was not asked for */
	assert_int_equal(raw->ndispatch, 258);      /* openat is the last */
	/* the one without a known number */
	assert_int_equal(p.progs.n, 2);
	assert_string_equal(p.progs.v[1].cases.v[0].events.v[0]->attach.func,
			    "sys_enter_nobody_knows");
	assert_int_equal(p.progs.v[1].cases.v[0].events.v[0]->attach.config, 118);
	assert_notes(&p,
		     "syscalls:sys_enter_*: 18 probes through one program on the raw tracepoint, "
		     "by number: so many cost less so",
		     "syscalls:sys_enter_*: 1 probe attached one by one: "
		     "the number of the system call is not known");
	assert_int_equal(p.compat.offset, 8 + 16);
	assert_int_equal(p.compat.size, 4);
	assert_int_equal(p.compat.mask, 2);
}

static void the_classic_way_may_be_asked_for(void **state)
{
	struct bench *b = *state;
	struct plan_clause c = clause(b, "tracepoint:syscalls:sys_enter_*", NULL);
	struct plan p;

	b->env.syscalls = SYSCALLS_CLASSIC;
	p = plan(b, &c, 1);
	assert_int_equal(p.progs.n, 1);
	assert_int_equal(p.progs.v[0].way, WAY_OWN);
	assert_int_equal(p.progs.v[0].cases.v[0].events.n, ARRAY_LEN(calls));
	for (uint32_t i = 0; i < ARRAY_LEN(calls); i++)
		assert_int_equal(c.events.v[i]->attach.config, 100 + i);
	assert_notes(&p, "syscalls:sys_enter_*: 18 probes attached one by one: as asked for",
		     "syscalls:sys_enter_*: 1 probe attached one by one: "
		     "the number of the system call is not known");
}

static void few_are_attached_one_by_one(void **state)
{
	struct bench *b = *state;
	struct plan_clause c = clause(b, "tracepoint:syscalls:sys_enter_open*", NULL);
	struct plan p = plan(b, &c, 1);

	assert_int_equal(p.progs.v[0].way, WAY_OWN);
	assert_int_equal(p.compat.mask, 0);
	assert_notes(
		&p,
		"syscalls:sys_enter_*: 2 probes attached one by one: fewer than 16 cost less so",
		NULL);
}

static void the_raw_way_may_be_asked_for(void **state)
{
	struct bench *b = *state;
	struct plan_clause c = clause(b, "tracepoint:syscalls:sys_enter_openat", "filename",
				      "__syscall_nr", "dfd", NULL);
	struct plan p;
	const struct event *model;

	b->env.syscalls = SYSCALLS_RAW;
	p = plan(b, &c, 1);
	assert_int_equal(p.progs.v[0].way, WAY_RAW_ENTER);
	assert_notes(&p,
		     "syscalls:sys_enter_*: 1 probe through one program on the raw tracepoint, "
		     "by number: as asked for",
		     NULL);
	model = p.progs.v[0].cases.v[0].steps.v[0].model;
	assert_int_equal(event_field(model, "filename")->access.kind, ACCESS_REGS);
	assert_int_equal(event_field(model, "filename")->access.offset, 104); /* si */
	assert_int_equal(event_field(model, "dfd")->access.offset, 112);      /* di */
	assert_int_equal(event_field(model, "__syscall_nr")->access.kind, ACCESS_CONTEXT);
	assert_int_equal(event_field(model, "__syscall_nr")->access.offset, 8);
	assert_int_equal(event_field(model, "filename")->type->kind, TYPE_POINTER);
}

static void results_through_the_raw_way(void **state)
{
	struct bench *b = *state;
	struct plan_clause c[] = {
		clause(b, "tracepoint:syscalls:sys_exit_*", "ret", "__syscall_nr", NULL),
		clause(b, "tracepoint:syscalls:sys_exit_getppid", "ret", NULL),
	};
	struct plan p = plan(b, c, 2);
	const struct event *model = p.progs.v[0].cases.v[0].steps.v[0].model;
	const struct event *own;

	assert_int_equal(p.progs.v[0].way, WAY_RAW_EXIT);
	assert_int_equal(p.progs.v[0].number.kind, ACCESS_REGS);
	assert_int_equal(p.progs.v[0].number.offset, 120);
	assert_int_equal(event_field(model, "ret")->access.kind, ACCESS_CONTEXT);
	assert_int_equal(event_field(model, "ret")->access.offset, 8);
	assert_true(event_field(model, "ret")->type->is_signed);
	assert_int_equal(event_field(model, "__syscall_nr")->access.kind, ACCESS_REGS);
	assert_int_equal(event_field(model, "__syscall_nr")->access.offset, 120); /* orig_ax */
	/* the one that is attached by itself keeps the record's places, and its own id */
	own = p.progs.v[1].cases.v[0].events.v[0];
	assert_int_equal(event_field(own, "ret")->access.offset, 16);
	assert_int_equal(own->attach.config, 318);
	assert_int_equal(p.progs.v[0].dispatch[110], 1 << 16 | 16);
}

static void arm64_has_its_own_numbers_and_registers(void **state)
{
	struct bench *b = *state;
	struct plan_clause c = clause(b, "tracepoint:syscalls:sys_enter_openat", "filename", "dfd",
				      NULL);
	struct plan_clause x = clause(b, "tracepoint:syscalls:sys_exit_openat", "__syscall_nr",
				      NULL);
	struct plan_clause both[] = { c, x };
	struct plan p;
	const struct event *model;

	b->target.arch = ARCH_ARM64;
	b->env.syscalls = SYSCALLS_RAW;
	p = plan(b, both, 2);
	assert_int_equal(p.progs.v[0].dispatch[56], 1);
	model = p.progs.v[0].cases.v[0].steps.v[0].model;
	assert_int_equal(event_field(model, "filename")->access.offset, 8);
	assert_int_equal(event_field(model, "dfd")->access.offset, 272); /* orig_x0 */
	model = p.progs.v[1].cases.v[0].steps.v[0].model;
	assert_int_equal(event_field(model, "__syscall_nr")->access.offset, 280);
	assert_int_equal(p.compat.offset, 8);
	assert_int_equal(p.compat.size, 8);
	assert_int_equal(p.compat.mask, 1 << 22);
}

static void what_forbids_the_raw_way(void **state)
{
	struct bench *b = *state;
	struct plan_clause c[] = {
		clause(b, "tracepoint:syscalls:sys_enter_read", NULL),
		clause(b, "tracepoint:syscalls:sys_enter_write", NULL),
		clause(b, "tracepoint:syscalls:sys_enter_*", NULL),
	};
	struct plan p;

	b->env.syscalls = SYSCALLS_RAW;
	c[0].own_context = true;
	c[1].takes_stack = true;
	p = plan(b, c, 3);
	assert_int_equal(c[0].events.v[0]->way, WAY_OWN);
	assert_int_equal(c[1].events.v[0]->way, WAY_OWN);
	/* one event takes one way for all clauses */
	assert_int_equal(c[2].events.v[0]->way, WAY_OWN);
	assert_int_equal(c[2].events.v[2]->way, WAY_RAW_ENTER);
	assert_int_equal(p.notes.n, 4);
	assert_string_equal(p.notes.v[2], "syscalls:sys_enter_*: 1 probe attached one by one: "
					  "a clause reads the tracepoint's own context");
	assert_string_equal(p.notes.v[3], "syscalls:sys_enter_*: 1 probe attached one by one: "
					  "a clause takes a stack, whose frames would differ");
}

static void without_types_the_raw_way_is_not_right(void **state)
{
	struct bench *b = *state;
	struct plan_clause c = clause(b, "tracepoint:syscalls:sys_enter_openat", NULL);
	struct plan p;

	b->env.btf_path = "tests/fixtures/btf/no-such-file";
	b->env.syscalls = SYSCALLS_RAW;
	p = plan(b, &c, 1);
	assert_int_equal(p.progs.v[0].way, WAY_OWN);
	assert_notes(&p,
		     "syscalls:sys_enter_*: 1 probe attached one by one: "
		     "the kernel's types do not tell 32-bit callers apart",
		     NULL);
}

static void other_tracepoints_are_left_alone(void **state)
{
	struct bench *b = *state;
	struct plan_clause c;
	struct plan p;

	b->tracefs.root = "tests/fixtures/tracefs";
	c = clause(b, "tracepoint:raw_syscalls:sys_enter", NULL);
	b->env.syscalls = SYSCALLS_RAW;
	p = plan(b, &c, 1);
	assert_int_equal(p.progs.v[0].way, WAY_OWN);
	assert_int_equal(p.notes.n, 0);
}

/* ---- attaching ---- */

static void attach_records(void **state)
{
	struct bench *b = *state;
	struct plan_clause c[] = {
		clause(b, "interval:s:1", NULL),
		clause(b, "tracepoint:syscalls:sys_enter_open*", NULL),
	};
	struct image *img = image_new(&b->arena, NULL);
	struct plan p = plan(b, c, 2);

	plan_attach(&p.progs.v[0], 5, img);
	plan_attach(&p.progs.v[1], 7, img);
	assert_int_equal(img->attaches.n, 3);
	assert_int_equal(img->attaches.v[0].kind, ATTACH_INTERVAL);
	assert_int_equal(img->attaches.v[0].prog, 5);
	assert_int_equal(img->attaches.v[0].cookie, 0);
	assert_int_equal(img->attaches.v[2].prog, 7);
	assert_int_equal(img->attaches.v[2].cookie, 2);
	assert_int_equal(img->attaches.v[2].config, 114);
	assert_string_equal(img->attaches.v[2].name, "tracepoint:syscalls:sys_enter_openat");
}

static void a_dispatching_program_is_attached_once(void **state)
{
	struct bench *b = *state;
	struct plan_clause c = clause(b, "tracepoint:syscalls:sys_exit_open*", NULL);
	struct image *img = image_new(&b->arena, NULL);
	struct plan p;

	b->env.syscalls = SYSCALLS_RAW;
	p = plan(b, &c, 1);
	plan_attach(&p.progs.v[0], 0, img);
	assert_int_equal(img->attaches.n, 1);
	assert_int_equal(img->attaches.v[0].kind, ATTACH_RAW_TRACEPOINT);
	assert_string_equal(img->attaches.v[0].func, "sys_exit");
}

static void unreadable_fields_stop_the_plan(void **state)
{
	struct bench *b = *state;
	struct plan_clause c = clause(b, "interval:s:1", "x", NULL);
	struct plan p;

	assert_int_equal(plan_make(&b->env, &c, 1, &p), -EINVAL);
	assert_string_equal(bench_said(b), "interval probes have no args\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, many_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(events_of_the_same_clauses_share),
		TEST(clauses_keep_their_order),
		TEST(an_event_runs_a_clause_once),
		TEST(providers_do_not_mix),
		TEST(knowing_the_event),
		TEST(raw_tracepoints_have_cookies_of_their_own),
		TEST(shapes_follow_the_fields_that_are_read),
		TEST(a_step_has_the_fields_of_its_event),
		TEST(many_system_calls_go_through_one_raw_tracepoint),
		TEST(the_classic_way_may_be_asked_for),
		TEST(few_are_attached_one_by_one),
		TEST(the_raw_way_may_be_asked_for),
		TEST(results_through_the_raw_way),
		TEST(arm64_has_its_own_numbers_and_registers),
		TEST(what_forbids_the_raw_way),
		TEST(without_types_the_raw_way_is_not_right),
		TEST(other_tracepoints_are_left_alone),
		TEST(attach_records),
		TEST(a_dispatching_program_is_attached_once),
		TEST(unreadable_fields_stop_the_plan),
	};

	return cmocka_run_group_tests(tests, make_many, remove_many);
}
