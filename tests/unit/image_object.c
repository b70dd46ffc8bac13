/*
 * ELF objects: what their parts mean, what is refused and why. What each fixture gives as a whole
 * is in tests/golden/image.
 */
#include "image_testing.h"

#include <elf.h>
#include <errno.h>

#include "image/relocate.h"
#include "types/btf_write.h"

static void assert_refused(struct bench *b, int err, const char *reason)
{
	assert_int_equal(err, -EINVAL);
	assert_null(b->img);
	buf_clear(&b->text);
	show_diags(&b->text, &b->diags);
	if (!strstr(b->text.data, reason))
		fail_msg("refused with %s not with %s", b->text.data, reason);
}

/* ---- names of sections ---- */

static void sections_say_what_programs_are(void **state)
{
	static const struct {
		const char *section;
		uint32_t type, attach;
		const char *arg;
	} rows[] = {
		{ "xdp", BPF_PROG_TYPE_XDP, BPF_XDP, NULL },
		{ "xdp/devmap", BPF_PROG_TYPE_XDP, BPF_XDP_DEVMAP, NULL },
		{ "xdp_drop_all", BPF_PROG_TYPE_XDP, BPF_XDP, NULL },
		{ "socket7", BPF_PROG_TYPE_SOCKET_FILTER, 0, NULL },
		{ "classifier/in", BPF_PROG_TYPE_SCHED_CLS, 0, "in" },
		{ "kprobe/vfs_read+4", BPF_PROG_TYPE_KPROBE, 0, "vfs_read+4" },
		{ "kprobe.multi/vfs_*", BPF_PROG_TYPE_KPROBE, BPF_TRACE_KPROBE_MULTI, "vfs_*" },
		{ "uretprobe.s//bin/sh:main", BPF_PROG_TYPE_KPROBE, 0, "/bin/sh:main" },
		{ "tp/sched/sched_switch", BPF_PROG_TYPE_TRACEPOINT, 0, "sched/sched_switch" },
		{ "fexit/do_exit", BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, "do_exit" },
		{ "cgroup/connect4", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT,
		  NULL },
		{ "cgroup/skb", BPF_PROG_TYPE_CGROUP_SKB, 0, NULL },
		{ "struct_ops/init", BPF_PROG_TYPE_STRUCT_OPS, 0, "init" },
		{ "freplace/f", BPF_PROG_TYPE_EXT, 0, "f" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *arg;
		const struct section_kind *kind = section_kind(rows[i].section, &arg);

		assert_non_null(kind);
		assert_int_equal(kind->type, rows[i].type);
		assert_int_equal(kind->attach_type, rows[i].attach);
		if (rows[i].arg)
			assert_string_equal(arg, rows[i].arg);
		else
			assert_null(arg);
	}
	assert_null(section_kind("kprobes/vfs_read", NULL));
	assert_null(section_kind("", NULL));
}

static void kinds_have_a_section(void **state)
{
	(void)state;
	assert_string_equal(section_for(BPF_PROG_TYPE_XDP, BPF_XDP_CPUMAP), "xdp/cpumap");
	assert_string_equal(section_for(BPF_PROG_TYPE_SK_LOOKUP, 0), "sk_lookup");
	assert_null(section_for(BPF_PROG_TYPE_UNSPEC, 0));
}

static void attach_targets_are_named_as_in_btf(void **state)
{
	struct bench *b = *state;

	read_objects(b, "basic");
	assert_string_equal(prog(b, "config")->attach_func, "btf_trace_sched_switch");
	assert_string_equal(prog(b, "optional")->attach_func, "bpf_lsm_file_open");
	assert_int_equal(prog(b, "optional")->flags, BPF_F_SLEEPABLE);
	assert_true(prog(b, "optional")->is_optional);
	assert_null(prog(b, "first")->attach_func);
}

/* ---- code and variables ---- */

static void functions_are_appended_where_they_are_needed(void **state)
{
	struct bench *b = *state;

	read_objects(b, "basic");
	const struct image_prog *p = prog(b, "first");
	assert_int_equal(p->funcs.n, 3);
	assert_string_equal(p->funcs.v[0].name, "first");
	assert_string_equal(p->funcs.v[1].name, "add");
	assert_string_equal(p->funcs.v[2].name, "triple");
	assert_int_equal(prog(b, "kernel")->funcs.n, 1);
}

static uint64_t number_at(const struct image_map *m, uint32_t at, uint32_t size)
{
	uint64_t n = 0;

	assert_true(at + size <= m->value_size);
	memcpy(&n, (const char *)m->data + at, size);
	return n;
}

static void configuration_gives_values(void **state)
{
	static const struct {
		const char *name;
		uint64_t value;
	} rows[] = { { "LINUX_KERNEL_VERSION", 0x60100 },
		     { "CONFIG_BPF", 1 },
		     { "CONFIG_HZ", 250 },
		     { "CONFIG_DEFAULT_HOSTNAME", '(' | 'n' << 8 | 'o' << 16 },
		     { "CONFIG_NOT_SET", 0 } };
	struct bench *b = *state;
	struct type_member var;

	read_objects(b, "basic");
	const struct image_map *m = map(b, ".kconfig");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_true(type_member(&b->types, m->value, rows[i].name, &var));
		assert_int_equal(number_at(m, var.offset, MIN(var.type->size, 3u)), rows[i].value);
	}
}

static void what_is_not_configured_is_told(void **state)
{
	struct bench *b = *state;

	b->opt.config = "CONFIG_BPF=y\nCONFIG_DEFAULT_HOSTNAME_X=\"a\"\n";
	assert_refused(b, try_objects(b, "basic"),
		       "the kernel's configuration has no CONFIG_DEFAULT_HOSTNAME");
}

static void configuration_must_fit_its_variable(void **state)
{
	struct bench *b = *state;

	b->opt.config = "CONFIG_BPF=m\nCONFIG_DEFAULT_HOSTNAME=\"a\"\n";
	assert_refused(b, try_objects(b, "basic"), "CONFIG_BPF is m, which its type cannot hold");
}

static void a_kernel_must_be_given(void **state)
{
	struct bench *b = *state;

	b->opt.kernel = 0;
	assert_refused(b, try_objects(b, "basic"), "it asks for the kernel's version");
}

/* ---- linking ---- */

static void weak_definitions_give_way(void **state)
{
	struct bench *b = *state;

	read_objects(b, "link_a link_b");
	const struct image_prog *p = prog(b, "main_a");
	assert_string_equal(p->funcs.v[1].name, "overridden");
	assert_int_equal(p->insns.v[p->funcs.v[1].insn].imm, 2);
	read_objects(b, "link_b link_a");
	p = prog(b, "main_a");
	for (uint32_t i = 0; i < p->funcs.n; i++)
		if (streq(p->funcs.v[i].name, "overridden"))
			assert_int_equal(p->insns.v[p->funcs.v[i].insn].imm, 2);
}

static void sections_of_variables_are_joined(void **state)
{
	struct bench *b = *state;

	read_objects(b, "link_a link_b");
	const struct image_map *m = map(b, ".data");
	assert_int_equal(number_at(m, 0, 8), 11); /* first_of_data */
	assert_int_equal(number_at(m, 8, 4), 1);  /* own, of a */
	assert_int_equal(number_at(m, 12, 1), 9); /* odd */
	assert_int_equal(number_at(m, 16, 4), 4); /* shared */
	assert_int_equal(number_at(m, 20, 4), 2); /* own, of b */
}

static void one_half_alone_is_refused(void **state)
{
	struct bench *b = *state;

	assert_refused(b, try_objects(b, "link_a"), "function main_a needs helper");
}

static void two_definitions_are_refused(void **state)
{
	struct bench *b = *state;

	assert_refused(b, try_objects(b, "link_b link_b"), "is defined in link_b.o too");
}

static void licences_must_agree(void **state)
{
	struct bench *b = *state;

	assert_refused(b, try_objects(b, "basic maps"),
		       "its licence is Dual MIT/GPL, and another object's GPL");
}

/* ---- CO-RE ---- */

static void what_the_target_lacks_is_poison(void **state)
{
	struct bench *b = *state;

	use_target(b, OBJECTS "core_target.btf");
	read_objects(b, "core");
	const struct image_prog *p = prog(b, "poison");
	assert_string_equal(prog_poison(p, 0), "the target has no task.gone");
	assert_int_equal(p->insns.v[0].opcode, BPF_JMP | BPF_CALL);
	assert_true(p->insns.v[0].imm >= POISON_HELPER);
	assert_null(prog_poison(p, 1));
	p = prog(b, "no_resize");
	assert_string_equal(prog_poison(p, 0),
			    "task.signed_grows has another size there, or a sign");
}

static void without_a_target_code_is_as_compiled(void **state)
{
	struct bench *b = *state;

	read_objects(b, "core");
	assert_int_equal(prog(b, "poison")->poisons.n, 0);
	assert_int_equal(prog(b, "offset")->insns.v[0].offset, 0);
	assert_int_equal(prog(b, "offset")->insns.v[1].offset, 4);
}

/* BTF of struct s { u32 pad[@pad]; u32 x; }, once for each pad until 0. */
static struct btf *structs(struct bench *b, const uint32_t *pads)
{
	struct btf_writer w = { 0 };
	struct buf blob = { 0 };
	struct btf *btf = NULL;
	const char *why;

	uint32_t word = btf_write_int(&w, "u32", 4, BTF_UNSIGNED);
	for (; *pads; pads++) {
		uint32_t array = btf_write_array(&w, word, *pads);
		uint32_t n[] = { btf_write_name(&w, "pad"), array, 0,
				 btf_write_name(&w, "x"),   word,  *pads * 32 };

		btf_write_record(&w, BTF_STRUCT, btf_write_name(&w, "s"), 2, (*pads + 1) * 4);
		btf_write_words(&w, n, 6);
	}
	btf_write_string(&w, "0:1", 3);
	assert_int_equal(btf_write_finish(&w, &blob), 0);
	assert_int_equal(btf_parse(&b->types, blob.data, blob.len, &btf, &why), 0);
	btf_write_done(&w);
	buf_done(&blob);
	return btf;
}

static uint32_t string_at(const struct btf *btf, const char *s)
{
	for (uint32_t at = 1; at < 100; at++)
		if (streq(btf_string(btf, at), s))
			return at;
	fail();
	return 0;
}

/* Relocates an access of s.x against a kernel with other structs of that name. */
static int relocate_x(struct bench *b, struct insn *insn, const uint32_t *pads,
		      struct image_poisons *poisons, const char **ret_why)
{
	struct btf *local = structs(b, (const uint32_t[]){ 1, 0 }), *target = structs(b, pads);
	struct core_relos relos = { 0 };
	struct relocate r;
	int err;

	vec_push(&b->arena, &relos,
		 (struct core_relo){ 0, btf_find(local, "struct", "s"), string_at(local, "0:1"),
				     CORE_FIELD_OFFSET });
	relocate_init(&r, &b->arena, local, target);
	relocate_want(&r, &relos);
	relocate_find(&r);
	err = relocate_insns(&r, insn, 1, &relos, poisons, ret_why);
	btf_close(local);
	btf_close(target);
	return err;
}

static void offsets_are_those_of_the_target(void **state)
{
	struct bench *b = *state;
	struct insn insn = { .opcode = BPF_LDX | BPF_MEM | BPF_W, .offset = 4 };
	struct image_poisons poisons = { 0 };
	const char *why = NULL;

	assert_int_equal(relocate_x(b, &insn, (uint32_t[]){ 3, 0 }, &poisons, &why), 0);
	assert_int_equal(insn.offset, 12);
	assert_int_equal(poisons.n, 0);
}

static void two_answers_are_none(void **state)
{
	struct bench *b = *state;
	struct insn insn = { .opcode = BPF_LDX | BPF_MEM | BPF_W, .offset = 4 };
	struct image_poisons poisons = { 0 };
	const char *why = NULL;

	assert_int_equal(relocate_x(b, &insn, (uint32_t[]){ 3, 3, 0 }, &poisons, &why), 0);
	insn.offset = 4;
	assert_int_equal(relocate_x(b, &insn, (uint32_t[]){ 3, 2, 0 }, &poisons, &why), -EINVAL);
	assert_non_null(strstr(why, "several types of that name, with different answers"));
}

static void code_that_does_not_fit_is_refused(void **state)
{
	struct bench *b = *state;
	struct insn insn = { .opcode = BPF_LDX | BPF_MEM | BPF_W, .offset = 8 };
	struct image_poisons poisons = { 0 };
	const char *why = NULL;

	assert_int_equal(relocate_x(b, &insn, (uint32_t[]){ 3, 0 }, &poisons, &why), -EINVAL);
	assert_non_null(strstr(why, "does not hold what it should"));
	insn = (struct insn){ .opcode = BPF_LDX | BPF_MEM | BPF_W, .offset = 4 };
	assert_int_equal(relocate_x(b, &insn, (uint32_t[]){ 20000, 0 }, &poisons, &why), 0);
	assert_string_equal(poisons.v[0].why, "s.x lies too far from the start there");
}

/* ---- damage ---- */

static void other_files_are_refused(void **state)
{
	struct bench *b = *state;
	struct buf file = { 0 };

	assert_refused(b, read_bytes(b, "x", "hello", 5),
		       "x cannot be used: it is not an ELF file");
	assert_refused(b, read_bytes(b, "x", "\177ELF", 4), "it is cut off in its header");
	assert_int_equal(buf_read_file(&file, AT_FDCWD, "/proc/self/exe", 64 << 20), 0);
	assert_refused(b, read_bytes(b, "x", file.data, file.len), "and not for BPF");
	buf_clear(&file);
	assert_int_equal(buf_read_file(&file, AT_FDCWD, OBJECTS "basic.o", 1 << 20), 0);
	file.data[EI_DATA] = ELFDATA2MSB;
	assert_refused(b, read_bytes(b, "x", file.data, file.len), "of the other byte order");
	buf_done(&file);
}

/* Cut at byte @at it is refused with a reason; with that byte changed it is, or is an image. */
static void damage(struct buf *file, size_t at)
{
	struct bench b = { 0 };

	if (setjmp(b.no_memory))
		fail();
	bench_open(&b);
	assert_int_equal(read_bytes(&b, "cut.o", file->data, at), -EINVAL);
	assert_true(b.diags.errors > 0);
	file->data[at] ^= 0xff;
	if (read_bytes(&b, "changed.o", file->data, file->len))
		assert_true(b.diags.errors > 1);
	file->data[at] ^= 0xff;
	bench_close(&b);
}

static void damaged_objects_do_no_harm(void **state)
{
	static const char *const all[] = { "basic", "maps", "gcc", "old_maps" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		char path[128];
		struct buf file = { 0 };

		snprintf(path, sizeof(path), OBJECTS "%s.o", all[i]);
		assert_int_equal(buf_read_file(&file, AT_FDCWD, path, 1 << 20), 0);
		for (size_t at = 0; at < file.len; at += 7)
			damage(&file, at);
		buf_done(&file);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sections_say_what_programs_are),
		cmocka_unit_test(kinds_have_a_section),
		TEST(attach_targets_are_named_as_in_btf),
		TEST(functions_are_appended_where_they_are_needed),
		TEST(configuration_gives_values),
		TEST(what_is_not_configured_is_told),
		TEST(configuration_must_fit_its_variable),
		TEST(a_kernel_must_be_given),
		TEST(weak_definitions_give_way),
		TEST(sections_of_variables_are_joined),
		TEST(one_half_alone_is_refused),
		TEST(two_definitions_are_refused),
		TEST(licences_must_agree),
		TEST(what_the_target_lacks_is_poison),
		TEST(without_a_target_code_is_as_compiled),
		TEST(offsets_are_those_of_the_target),
		TEST(two_answers_are_none),
		TEST(code_that_does_not_fit_is_refused),
		TEST(other_files_are_refused),
		cmocka_unit_test(damaged_objects_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
