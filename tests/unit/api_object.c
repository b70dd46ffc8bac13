/* Objects: from text, instructions and ELF; what is in them; their maps; loading; text. */
#include "api_testing.h"

#include <sys/socket.h>
#include <unistd.h>

static const struct bpf_insn two[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 2 },
	{ .code = BPF_JMP | BPF_EXIT },
};

static uint64_t result_of(struct skep_object *o)
{
	struct skep_engine *e;
	struct skep_prog *p;
	struct skep_run *run;
	uint64_t r0 = 0;

	assert_int_equal(skep_engine_new(NULL, &e), 0);
	assert_done(skep_prog_new(e, o, 0, NULL, &p, &why));
	assert_int_equal(skep_run_new(e, 0, &run), 0);
	assert_int_equal(skep_run(run, p, NULL, 0, &r0), 0);
	skep_run_free(run);
	skep_prog_free(p);
	skep_engine_free(e);
	return r0;
}

static void instructions_make_an_object(void **state)
{
	const struct skep_open_options opt = { .name = "two", .type = BPF_PROG_TYPE_XDP };
	struct skep_prog_info info;
	struct skep_object *o;

	(void)state;
	assert_done(skep_open_insns(two, 2, &opt, &o, &why));
	assert_int_equal(skep_object_progs(o), 1);
	assert_int_equal(skep_object_maps(o), 0);
	assert_int_equal(skep_object_find_prog(o, "two"), 0);
	assert_int_equal(skep_object_find_prog(o, "three"), -ENOENT);
	assert_int_equal(skep_object_find_map(o, "two"), -ENOENT);
	assert_int_equal(skep_object_prog(o, 0, &info), 0);
	assert_int_equal(skep_object_prog(o, 1, &info), -ENOENT);
	assert_string_equal(info.name, "two");
	assert_int_equal(info.type, BPF_PROG_TYPE_XDP);
	assert_int_equal(info.count, 2);
	assert_memory_equal(info.insns, two, sizeof(two));
	assert_int_equal(result_of(o), 2);
	skep_object_free(o);
	assert_int_equal(skep_open_insns(two, UINT32_MAX, NULL, &o, &why), -EINVAL);
	assert_why("limit");
}

static void text_is_told_from_elf(void **state)
{
	struct skep_object *o = from_text("r0 = 3\nexit\n");
	struct skep_prog_info info;

	(void)state;
	assert_int_equal(skep_object_prog(o, 0, &info), 0);
	assert_string_equal(info.name, "main");
	assert_int_equal(info.type, BPF_PROG_TYPE_SOCKET_FILTER);
	assert_int_equal(result_of(o), 3);
	skep_object_free(o);
	assert_int_equal(skep_open_memory("t", "r0 =\nexit now\n", 14, NULL, &o, &why), -EINVAL);
	assert_why("t:1:");
	assert_why("t:2:");
	assert_int_equal(skep_open_memory("e", "\177ELF damaged", 12, NULL, &o, &why), -EINVAL);
	assert_true(why.text[0] != '\0');
	assert_int_equal(skep_open_memory("e", "\177ELF damaged", 12, NULL, &o, NULL), -EINVAL);
}

static void files_are_opened(void **state)
{
	char path[] = "/tmp/skep-api-XXXXXX";
	int fd = mkstemp(path);
	struct skep_object *o;

	(void)state;
	assert_int_equal(write(fd, "r0 = 4\nexit\n", 12), 12);
	close(fd);
	assert_done(skep_open_file(path, NULL, &o, &why));
	assert_int_equal(result_of(o), 4);
	skep_object_free(o);
	unlink(path);
	assert_int_equal(skep_open_file(path, NULL, &o, &why), -ENOENT);
	assert_why(path);
	assert_int_equal(skep_open_file("/", NULL, &o, &why), -EISDIR);
}

static void maps_are_given_to_text(void **state)
{
	struct skep_map *m = new_map(BPF_MAP_TYPE_ARRAY, 4, 8, 1, SKEP_PROCESS), *got;
	struct skep_map *wide = new_map(BPF_MAP_TYPE_ARRAY, 4, 16, 1, SKEP_PROCESS);
	struct skep_object *o = from_text("r1 = map[idx:0][0]+0\nr0 = *(u64 *)(r1 +0)\nexit\n");
	struct skep_map_info info;
	struct skep_engine *e;
	struct skep_prog *p;
	uint32_t key = 0;
	uint64_t value = 11;

	(void)state;
	assert_int_equal(skep_engine_new(NULL, &e), 0);
	assert_int_equal(skep_prog_new(e, o, 0, NULL, &p, &why), -ENOENT);
	assert_why("no map 0");
	assert_int_equal(skep_load(o, 0, &why), -ENOENT);
	assert_why("no map 0");
	assert_int_equal(skep_object_map(o, 0, SKEP_PROCESS, &got, &why), -ENOENT);
	assert_int_equal(skep_object_map_info(o, 0, &info), -ENOENT);
	assert_int_equal(skep_object_set_map(o, 1, m), -ENOENT);
	assert_int_equal(skep_object_set_map(o, 0, m), 0);
	assert_int_equal(skep_object_set_map(o, 0, wide), -EINVAL);
	assert_int_equal(skep_object_map_info(o, 0, &info), 0);
	assert_int_equal(info.value_size, 8);
	assert_int_equal(skep_object_map(o, 0, SKEP_PROCESS, &got, &why), 0);
	assert_ptr_equal(got, m);
	assert_int_equal(skep_map_update(got, &key, &value, BPF_ANY), 0);
	skep_map_put(got);
	skep_map_put(m);
	assert_int_equal(result_of(o), 11);
	assert_int_equal(skep_load(o, 0, &why), -EXDEV);
	assert_why("process");
	skep_map_put(wide);
	skep_object_free(o);
	skep_engine_free(e);
}

/* ---- text ---- */

static void text_and_back(void **state)
{
	struct skep_object *o;
	struct skep_prog_info info;
	char *text;

	(void)state;
	for (int form = SKEP_FORM_KERNEL; form <= SKEP_FORM_RFC; form++) {
		assert_int_equal(skep_disassemble(two, 2, form, &text), 0);
		assert_non_null(strstr(text, form == SKEP_FORM_RFC ? "mov %r0, 2" : "r0 = 2"));
		o = from_text(text);
		free(text);
		assert_int_equal(skep_object_prog(o, 0, &info), 0);
		assert_memory_equal(info.insns, two, sizeof(two));
		skep_object_free(o);
	}
	assert_int_equal(skep_disassemble(NULL, 0, SKEP_FORM_KERNEL, &text), 0);
	assert_string_equal(text, "");
	free(text);
	assert_true(strlen(skep_version()) > 0);
}

/* ---- the kernel ---- */

static void the_kernel_runs_it_on_a_socket(void **state)
{
	struct skep_object *o = from_text(
		"*(u32 *)(r10 -4) = 0\nr2 = r10\nr2 += -4\nr1 = map[fd:0]\n"
		"call bpf_map_lookup_elem\nif r0 == 0 goto out\nr1 = 1\n"
		"lock *(u64 *)(r0 +0) += r1\nout: r0 = 1\nexit\n");
	const struct skep_map_info info = { .name = "a.b-c",
					    .type = BPF_MAP_TYPE_ARRAY,
					    .key_size = 4,
					    .value_size = 8,
					    .max_entries = 1 };
	struct skep_map *m;
	struct skep_engine *e;
	struct skep_prog *p;
	int pair[2], err = skep_map_new(&info, SKEP_KERNEL, &m);
	uint32_t key = 0;
	uint64_t value;
	char got[8];

	(void)state;
	if (err == -EPERM) {
		skep_object_free(o);
		skip();
	}
	assert_int_equal(err, 0);
	assert_int_equal(skep_object_set_map(o, 0, m), 0);
	int fd = skep_load(o, 0, &why);
	if (fd < 0)
		fail_msg("%s", why.text);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	assert_int_equal(skep_attach_socket(pair[1], fd), 0);
	close(fd);
	assert_int_equal(send(pair[0], "hello", 5, 0), 5);
	assert_int_equal(recv(pair[1], got, sizeof(got), MSG_DONTWAIT), 1); /* r0 bytes of it */
	assert_int_equal(skep_detach_socket(pair[1]), 0);
	assert_true(skep_detach_socket(pair[1]) < 0);
	assert_true(skep_attach_socket(pair[1], -1) < 0);
	assert_int_equal(skep_map_lookup(m, &key, &value), 0);
	assert_int_equal(value, 1);
	assert_int_equal(skep_engine_new(NULL, &e), 0);
	assert_int_equal(skep_prog_new(e, o, 0, NULL, &p, &why), -EXDEV);
	assert_why("kernel");
	skep_engine_free(e);
	close(pair[0]);
	close(pair[1]);
	skep_map_put(m);
	skep_object_free(o);
}

static void refusals_say_what_the_verifier_says(void **state)
{
	struct skep_object *o = from_text("r0 = *(u64 *)(r5 +0)\nexit\n");
	int err = skep_load(o, 0, &why);

	(void)state;
	assert_true(err < 0);
	if (err != -EPERM)
		assert_why("R5 !read_ok");
	assert_int_equal(skep_load(o, 1, &why), -ENOENT);
	assert_int_equal(skep_load(o, 0, NULL), err);
	skep_object_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instructions_make_an_object),
		cmocka_unit_test(text_is_told_from_elf),
		cmocka_unit_test(files_are_opened),
		cmocka_unit_test(maps_are_given_to_text),
		cmocka_unit_test(text_and_back),
		cmocka_unit_test(the_kernel_runs_it_on_a_socket),
		cmocka_unit_test(refusals_say_what_the_verifier_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
