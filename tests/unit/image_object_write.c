/*
 * Objects that skep writes: what was read is read back the same; libbpf loads them (as root, with
 * bpftool); what an object cannot say is refused.
 */
#include "image_testing.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf/asm.h"
#include "bpf/form.h"

/* The image as text, written as an object and read back, once more as text. */
static void round_trip(struct bench *b, const char *objects)
{
	struct buf before = { 0 }, after = { 0 }, elf = { 0 };

	read_objects(b, objects);
	describe(&before, b->img);
	if (object_write(b->img, &b->diags, &elf) ||
	    read_bytes(b, "written.o", elf.data, elf.len)) {
		show_diags(&after, &b->diags);
		fail_msg("%s: %s", objects, after.data);
	}
	describe(&after, b->img);
	assert_same_text(objects, before.data, after.data);
	buf_done(&before);
	buf_done(&after);
	buf_done(&elf);
}

static void one_comes_back(const char *objects)
{
	struct bench b = { 0 };

	if (setjmp(b.no_memory))
		fail();
	bench_open(&b);
	round_trip(&b, objects);
	bench_close(&b);
}

static void objects_come_back(void **state)
{
	static const char *const all[] = { "basic",    "maps", "link_a link_b",
					   "pointers", "core", "gcc" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		one_comes_back(all[i]);
}

/* Functions of an object without BTF get a type on the way, and nothing else changes. */
static void objects_without_types_come_back(void **state)
{
	struct bench *b = *state;
	struct buf elf = { 0 };

	read_objects(b, "old_maps");
	const struct image_prog *was = prog(b, "filter");
	assert_int_equal(object_write(b->img, &b->diags, &elf), 0);
	assert_int_equal(read_bytes(b, "written.o", elf.data, elf.len), 0);
	const struct image_prog *is = prog(b, "filter");
	assert_int_equal(is->insns.n, was->insns.n);
	assert_memory_equal(is->insns.v, was->insns.v, is->insns.n * sizeof(*is->insns.v));
	assert_int_equal(is->relocs.n, was->relocs.n);
	assert_int_equal(is->type, BPF_PROG_TYPE_SOCKET_FILTER);
	assert_int_equal(map(b, "packets")->max_entries, 1024);
	assert_int_equal(map(b, "packets")->flags, 1);
	assert_int_equal(b->img->version, 0x60100);
	buf_done(&elf);
}

static void assemble(struct bench *b, const char *text)
{
	struct source *src = sources_add(&b->sources, "x.s", text, strlen(text));
	struct asm_prog out = { 0 };
	struct image_prog p = { .name = "entry", .section = "xdp" };

	assert_int_equal(asm_parse(&out, src, &b->diags), 0);
	b->img = image_new(&b->arena, &b->sources);
	for (uint32_t i = 0; i < out.insns.n; i++) {
		vec_push(&b->arena, &p.insns, out.insns.v[i]);
		vec_push(&b->arena, &p.spans, (struct insn_span){ i, out.spans.v[i] });
	}
	vec_push(&b->arena, &b->img->progs, p);
}

/* Text knows its functions only by what calls them. */
static void text_becomes_an_object(void **state)
{
	struct bench *b = *state;
	struct buf elf = { 0 };

	assemble(b, "r1 = 5\ncall double\nexit\n.func double\nr0 = r1\nr0 += r1\nexit\n");
	assert_int_equal(object_write(b->img, &b->diags, &elf), 0);
	assert_int_equal(read_bytes(b, "x.o", elf.data, elf.len), 0);
	const struct image_prog *p = prog(b, "entry");
	disasm_prog(&b->text, p->insns.v, p->insns.n, NULL);
	assert_string_equal(b->text.data,
			    "   0: (b7) r1 = 5\n   1: (85) call pc+1\n   2: (95) exit\n"
			    "   3: (bf) r0 = r1\n   4: (0f) r0 += r1\n"
			    "   5: (95) exit\n");
	assert_int_equal(p->type, BPF_PROG_TYPE_XDP);
	assert_int_equal(p->funcs.n, 2);
	struct place place = sources_place(&b->sources, prog_span(p, 4).lo);
	assert_int_equal(place.line, 6);
	assert_string_equal(place.source->name, "x.s");
	buf_done(&elf);
}

static void assert_not_written(struct bench *b, const char *reason)
{
	struct buf elf = { 0 };

	assert_int_equal(object_write(b->img, &b->diags, &elf), -EINVAL);
	show_diags(&b->text, &b->diags);
	if (!strstr(b->text.data, reason))
		fail_msg("refused with %s, not with %s", b->text.data, reason);
	buf_done(&elf);
}

static void numbers_of_the_moment_are_refused(void **state)
{
	struct bench *b = *state;

	assemble(b, "r1 = map[fd:3]\nr0 = 0\nexit\n");
	assert_not_written(b, "instruction 0 names a map or type by a number");
}

static void jumps_between_functions_are_refused(void **state)
{
	struct bench *b = *state;

	assemble(b, "call f\ngoto pc+1\n.func f\nr0 = 0\nexit\n");
	assert_not_written(b, "instruction 1 jumps out of its function");
}

static void values_of_the_moment_are_refused(void **state)
{
	struct bench *b = *state;

	assemble(b, "r1 = 0 ll\nr0 = 0\nexit\n");
	vec_push(&b->arena, &b->img->progs.v[0].relocs,
		 (struct reloc){ .kind = RELOC_PARAM, .index = PARAM_COOKIE });
	assert_not_written(b, "known only while tracing");
}

/* ---- libbpf ---- */

static bool run(const char *command)
{
	int status = system(command);

	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void load(struct bench *b, const char *name, const struct buf *elf, bool *ret_ok)
{
	char path[64] = "/tmp/skep-object-XXXXXX", command[512];
	int fd = mkstemp(path);

	(void)b;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, elf->data, elf->len), (ssize_t)elf->len);
	close(fd);
	/* in a mount namespace of its own: nothing is left behind */
	snprintf(command, sizeof(command),
		 "unshare -m sh -c 'mount -t bpf bpf /sys/fs/bpf && "
		 "bpftool prog loadall %s /sys/fs/bpf/skep' >%s.log 2>&1",
		 path, path);
	*ret_ok = run(command);
	snprintf(command, sizeof(command), "cat %s.log", path);
	if (!*ret_ok) {
		print_error("%s:\n", name);
		run(command);
	}
	snprintf(command, sizeof(command), "rm -f %s %s.log", path, path);
	run(command);
}

static void skip_without_bpftool(void)
{
	if (geteuid() || !run("bpftool version >/dev/null 2>&1") ||
	    !run("unshare -m mount -t bpf bpf /sys/fs/bpf 2>/dev/null")) {
		print_message("skipped: needs root, bpftool and a BPF file system\n");
		skip();
	}
}

static void libbpf_loads_them(void **state)
{
	static const char *const all[] = { "link_a link_b", "maps", "old_maps" };
	struct bench *b = *state;
	bool ok;

	skip_without_bpftool();
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct buf elf = { 0 };

		read_objects(b, all[i]);
		/* pinning would leave something behind */
		for (uint32_t k = 0; k < b->img->maps.n; k++)
			b->img->maps.v[k].is_pinned = false;
		/* libbpf no longer takes names such as "socket1" */
		if (streq(all[i], "old_maps"))
			b->img->progs.v[0].section = NULL;
		assert_int_equal(object_write(b->img, &b->diags, &elf), 0);
		load(b, all[i], &elf, &ok);
		buf_done(&elf);
		assert_true(ok);
	}
}

/* Callbacks are not accepted without the types of functions. */
static void libbpf_loads_text(void **state)
{
	struct bench *b = *state;
	struct buf elf = { 0 };
	bool ok;

	skip_without_bpftool();
	assemble(b, "r1 = 10\nr2 = subprog[+6]\nr3 = 0\nr4 = 0\ncall bpf_loop\nr0 = 2\nexit\n"
		    ".func each\nr0 = 0\nexit\n");
	b->img->license = "GPL";
	vec_push(&b->arena, &b->img->progs.v[0].funcs,
		 (struct image_func){ .name = "entry", .nparams = 1 });
	vec_push(&b->arena, &b->img->progs.v[0].funcs,
		 (struct image_func){ .insn = 8, .name = "each", .nparams = 2 });
	assert_int_equal(object_write(b->img, &b->diags, &elf), 0);
	load(b, "text", &elf, &ok);
	buf_done(&elf);
	assert_true(ok);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_come_back),
		TEST(objects_without_types_come_back),
		TEST(text_becomes_an_object),
		TEST(numbers_of_the_moment_are_refused),
		TEST(jumps_between_functions_are_refused),
		TEST(values_of_the_moment_are_refused),
		TEST(libbpf_loads_them),
		TEST(libbpf_loads_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
