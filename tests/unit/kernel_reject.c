/*
 * What is refused is told at the script's place with the reason: programs that the verifier does
 * not take, maps that are too large, damaged images, missing privileges. And what bpftool shows of
 * a program that is taken.
 */
#include "kernel_fixture.h"

#include <linux/capability.h>
#include <sys/wait.h>

static const char script[] = "BEGIN {\n\t$x = 1;\n\tbad($x);\n\tdone();\n}\n";

static struct span span_of(struct fixture *f, const char *text)
{
	uint32_t at = (uint32_t)(strstr(script, text) - script) + f->sources.list.v[0]->base;

	return (struct span){ at, at + (uint32_t)strlen(text) };
}

static void as_span(struct as *a, const char *text)
{
	vec_push(&a->f->arena, &a->p->spans,
		 (struct insn_span){ a->p->insns.n, span_of(a->f, text) });
}

static void test_verifier(void **state)
{
	struct fixture *f = fixture_new(script);
	struct as a = as_new(f, "refused", BPF_PROG_TYPE_RAW_TRACEPOINT);

	(void)state;
	as_span(&a, "$x = 1");
	as_mov(&a, 1, 1);
	as_span(&a, "bad($x)");
	as_load(&a, 2, 1, 8);
	as_span(&a, "done()");
	as_exit(&a);
	as_attach(&a, (struct attach){ .kind = ATTACH_BEGIN });
	assert_int_equal(fixture_try_load(f), -EACCES);
	assert_int_equal(f->diags.errors, 1);
	const struct diag *d = f->diags.first;
	assert_int_equal(d->span.lo, span_of(f, "bad($x)").lo);
	assert_non_null(strstr(d->text, "invalid mem access"));
	assert_non_null(strstr(d->text, "refused"));
	assert_true(d->hints.n >= 1);
	fixture_done(f);
}

/* A long way to the fault: the log does not fit at first. */
static void test_verifier_long_log(void **state)
{
	struct fixture *f = fixture_new(script);
	struct as a = as_new(f, "long", BPF_PROG_TYPE_RAW_TRACEPOINT);

	(void)state;
	as_span(&a, "$x = 1");
	for (int i = 0; i < 3000; i++)
		as_mov(&a, 1 + i % 5, i);
	as_span(&a, "bad($x)");
	as_load(&a, 2, 9, 8);
	as_exit(&a);
	as_attach(&a, (struct attach){ .kind = ATTACH_BEGIN });
	assert_true(fixture_try_load(f) < 0);
	assert_int_equal(f->diags.first->span.lo, span_of(f, "bad($x)").lo);
	assert_non_null(strstr(f->diags.first->text, "3000"));
	assert_non_null(strstr(f->diags.first->text, "R9"));
	fixture_done(f);
}

static void test_licence(void **state)
{
	struct fixture *f = fixture_new(script);
	struct as a = as_new(f, "licence", BPF_PROG_TYPE_RAW_TRACEPOINT);

	(void)state;
	f->img->license = "Proprietary";
	as_span(&a, "bad($x)");
	as_copy(&a, 1, 10);
	as_add(&a, 1, -8);
	as_mov(&a, 2, 8);
	as_mov(&a, 3, 0);
	as_call(&a, BPF_FUNC_probe_read_kernel);
	as_exit(&a);
	as_attach(&a, (struct attach){ .kind = ATTACH_BEGIN });
	assert_true(fixture_try_load(f) < 0);
	assert_non_null(strstr(f->diags.first->text, "GPL"));
	assert_non_null(strstr(f->diags.first->hints.v[0], "licence"));
	fixture_done(f);
}

static void test_large_map(void **state)
{
	struct fixture *f = fixture_new(script);
	uint32_t map = fixture_map(f, 8, 40000, 10, true);

	(void)state;
	f->img->maps.v[map].span = span_of(f, "$x");
	assert_true(fixture_try_load(f) < 0);
	assert_int_equal(f->diags.first->span.lo, span_of(f, "$x").lo);
	assert_non_null(strstr(f->diags.first->text, "@m"));
	assert_non_null(strstr(f->diags.first->hints.v[0], "32768"));
	fixture_done(f);
}

static void refuse_reloc(struct reloc r)
{
	struct fixture *f = fixture_new(script);
	struct as a = as_new(f, "damaged", BPF_PROG_TYPE_RAW_TRACEPOINT);

	as_exit(&a);
	vec_push(&f->arena, &a.p->relocs, r);
	assert_int_equal(fixture_try_load(f), -EINVAL);
	assert_non_null(strstr(f->diags.first->text, "damaged"));
	fixture_done(f);
}

static void test_damaged(void **state)
{
	struct fixture *f;

	(void)state;
	refuse_reloc((struct reloc){ .insn = 99, .kind = RELOC_MAP });
	refuse_reloc((struct reloc){ .insn = 0, .kind = RELOC_MAP });
	refuse_reloc((struct reloc){ .insn = 0, .kind = (enum reloc_kind)77 });

	f = fixture_new(script);
	struct as a = as_new(f, "damaged", BPF_PROG_TYPE_RAW_TRACEPOINT);
	as_reloc(&a, 1, RELOC_MAP, 5, 0);
	as_exit(&a);
	assert_int_equal(fixture_try_load(f), -EINVAL);
	assert_non_null(strstr(f->diags.first->text, "damaged"));
	fixture_done(f);

	f = fixture_new(script);
	vec_push(&f->arena, &f->img->attaches,
		 (struct attach){ .kind = ATTACH_BEGIN, .name = "BEGIN", .prog = 3 });
	assert_int_equal(fixture_try_load(f), -EINVAL);
	fixture_done(f);

	f = fixture_new(script);
	image_map_add(f->img, &(struct image_map){ .name = "x", .role = (enum map_role)200 });
	assert_int_equal(fixture_try_load(f), -EINVAL);
	fixture_done(f);
}

static uint64_t find_ksym(void *ctx, const char *name)
{
	(void)ctx;
	return streq(name, "known") ? 0x1234567890 : 0;
}

/* word = &known + 6; an unknown one is an error at its place. */
static void test_ksym(void **state)
{
	struct fixture *f = NULL;

	(void)state;
	for (int unknown = 0; unknown < 2; unknown++) {
		f = fixture_new(script);
		f->opt.ksym = find_ksym;
		uint32_t globals = fixture_globals(f, 8);
		struct as a = as_new(f, "ksym", BPF_PROG_TYPE_RAW_TRACEPOINT);
		as_span(&a, "bad($x)");
		as_reloc(&a, 3, RELOC_KSYM, 0, 6);
		a.p->relocs.v[0].name = unknown ? "unknown" : "known";
		as_reloc(&a, 1, RELOC_MAP_VALUE, globals, sizeof(struct image_globals));
		as_store(&a, 1, 0, 3);
		as_exit(&a);
		as_attach(&a, (struct attach){ .kind = ATTACH_BEGIN });
		if (unknown) {
			assert_int_equal(fixture_try_load(f), -ENOENT);
			assert_int_equal(f->diags.first->span.lo, span_of(f, "bad($x)").lo);
		} else {
			fixture_load(f);
			assert_int_equal(f->host->ops->run(f->host, ATTACH_BEGIN), 0);
			assert_int_equal(fixture_words(f)[0], 0x1234567896);
		}
		fixture_done(f);
	}
}

/* ---- without privileges ---- */

/* Keeps the capabilities of @mask and no other. */
static bool drop_to(uint64_t mask)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ (uint32_t)mask, (uint32_t)mask, 0 },
		{ (uint32_t)(mask >> 32), (uint32_t)(mask >> 32), 0 },
	};
	return syscall(SYS_capset, &head, data) == 0;
}

/* Runs @fn in a child, whose assertions are its exit status. */
static void in_child(bool (*fn)(void))
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0)
		_exit(fn() ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static bool has_text(const char *text, const char *part)
{
	return text && strstr(text, part);
}

static bool load_without(void)
{
	static struct fixture f;

	if (!drop_to(0))
		return false;
	fixture_init(&f, script);
	fixture_map(&f, 8, 8, 10, false);
	struct as a = as_new(&f, "denied", BPF_PROG_TYPE_RAW_TRACEPOINT);
	as_exit(&a);
	as_attach(&a, (struct attach){ .kind = ATTACH_BEGIN });
	return fixture_try_load(&f) == -EPERM && f.diags.errors == 1 && f.diags.first->hints.n &&
	       has_text(f.diags.first->hints.v[0], "CAP_BPF and CAP_PERFMON are missing");
}

static bool why_half(void)
{
	return drop_to(1ULL << 39) && has_text(kernel_why(-EPERM), "CAP_PERFMON is missing");
}

static void test_no_privileges(void **state)
{
	(void)state;
	if (!fixture_allowed() || geteuid())
		skip();
	in_child(load_without);
	in_child(why_half);
}

static uint32_t getppid_id;

/* CAP_BPF and CAP_PERFMON are enough, cookies included. */
static bool trace_without_root(void)
{
	static struct fixture f;

	if (!drop_to(1ULL << 38 | 1ULL << 39))
		return false;
	fixture_init(&f, script);
	uint32_t globals = fixture_globals(&f, 64);
	struct as a = as_new(&f, "modest", BPF_PROG_TYPE_TRACEPOINT);
	as_copy(&a, 6, 1);
	as_only_us(&a);
	as_copy(&a, 1, 6);
	as_call(&a, BPF_FUNC_get_attach_cookie);
	as_reloc(&a, 1, RELOC_MAP_VALUE, globals, sizeof(struct image_globals));
	as_raw(&a, BPF_STX | BPF_ATOMIC | BPF_DW, 1, 0, 0, BPF_ADD);
	as_exit(&a);
	as_attach(&a,
		  (struct attach){ .kind = ATTACH_TRACEPOINT, .config = getppid_id, .cookie = 3 });
	if (fixture_try_load(&f) || f.host->ops->attach(f.host, &f.diags, false, NULL, NULL) != 1) {
		fixture_show(&f);
		return false;
	}
	call_getppid(50);
	bool right = fixture_words(&f)[0] == 150;
	fixture_done(&f);
	return right;
}

/* Debian's kernels have a level of perf_event_paranoid that asks for CAP_SYS_ADMIN. */
static bool modest_enough(void)
{
	FILE *file = fopen("/proc/sys/kernel/perf_event_paranoid", "re");
	int level = 0;
	bool enough = !file || fscanf(file, "%d", &level) != 1 || level <= 2;

	if (file)
		fclose(file);
	return enough;
}

static void test_modest_privileges(void **state)
{
	struct fixture *f = fixture_new(script);
	bool cookies = target_has(&f->target, FEATURE_COOKIE);

	(void)state;
	fixture_done(f);
	if (!cookies || geteuid())
		skip();
	if (!modest_enough()) {
		print_message("skipped: kernel.perf_event_paranoid asks for more\n");
		skip();
	}
	getppid_id = tracepoint_id("syscalls", "sys_enter_getppid");
	in_child(trace_without_root);
	assert_true(programs_gone("modest"));
}

static void test_why(void **state)
{
	(void)state;
	assert_non_null(strstr(kernel_why(-EMFILE), "ulimit -n"));
	assert_non_null(strstr(kernel_why(SYS_ENOTSUPP), "built without"));
	assert_null(kernel_why(-ENOENT));
}

/* ---- what bpftool shows ---- */

static void test_lines_shown(void **state)
{
	struct fixture *f = fixture_new(script);
	struct as a = as_new(f, "shown", BPF_PROG_TYPE_RAW_TRACEPOINT);
	uint32_t size;
	struct sys_prog_info info;
	char line[512], command[64];
	bool found = false;

	(void)state;
	uint32_t map = fixture_map(f, 0, 16, 1, false);
	as_span(&a, "$x = 1");
	as_reloc(&a, 1, RELOC_MAP, map, 0);
	as_span(&a, "done()");
	as_exit(&a);
	as_attach(&a, (struct attach){ .kind = ATTACH_BEGIN });
	fixture_load(f);
	int fd = ((struct kernel *)f->host)->progs[0].fd;
	assert_int_equal(sys_prog_info(fd, &info, &size), 0);
	assert_int_equal(info.nr_func_info, 1);
	assert_int_equal(info.nr_line_info, 2);
	assert_true(info.btf_id > 0);
	snprintf(command, sizeof(command), "bpftool prog dump xlated id %u 2>&1", info.id);
	FILE *dump = popen(command, "r");
	assert_non_null(dump);
	while (fgets(line, sizeof(line), dump))
		found |= strstr(line, "; done();") != NULL;
	int status = pclose(dump);
	fixture_done(f);
	if (status) {
		print_message("skipped: bpftool is not installed\n");
		skip();
	}
	assert_true(found);
}

/* Each row has an answer, the same when asked again, and the kernel's version agrees with all of
 * the rows that any kernel of that version has. */
static void test_trials(void **state)
{
	struct fixture *f = fixture_new(script);
	struct target again;

	(void)state;
	assert_true(target_has(&f->target, FEATURE_RINGBUF));
	assert_int_equal(kernel_target(&again), 0);
	for (uint32_t i = 0; i < FEATURE_COUNT; i++) {
		bool has = target_has(&f->target, (enum feature)i);

		assert_int_equal(has, target_has(&again, (enum feature)i));
		/* multi links hang on how the kernel was built; the rest on its version */
		if (i != FEATURE_KPROBE_MULTI && i != FEATURE_UPROBE_MULTI)
			assert_int_equal(has, f->target.kernel >= feature_rows[i].since);
	}
	fixture_done(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verifier),      cmocka_unit_test(test_verifier_long_log),
		cmocka_unit_test(test_licence),       cmocka_unit_test(test_large_map),
		cmocka_unit_test(test_damaged),       cmocka_unit_test(test_ksym),
		cmocka_unit_test(test_no_privileges), cmocka_unit_test(test_modest_privileges),
		cmocka_unit_test(test_why),           cmocka_unit_test(test_lines_shown),
		cmocka_unit_test(test_trials),
	};
	return cmocka_run_group_tests_name("kernel refusals", tests, NULL, NULL);
}
