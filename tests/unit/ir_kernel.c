/*
 * The running kernel takes what the IR compiles to, and computes what the IR means: random
 * programs, and ones written for what verifiers are particular about. Skipped without privileges.
 */
#include <linux/types.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ir_random.h"

/* The attributes of bpf(2) that are used here, in the kernel's layout. */
union attr {
	struct {
		uint32_t map_type, key_size, value_size, max_entries, map_flags;
	} map;
	struct {
		uint32_t map_fd;
		uint64_t key, value, flags;
	} elem;
	struct {
		uint32_t prog_type, insn_cnt;
		uint64_t insns, license;
		uint32_t log_level, log_size;
		uint64_t log_buf;
		uint32_t kern_version, prog_flags;
		char name[16];
		uint32_t ifindex, expected_attach_type, btf_fd, func_info_rec_size;
		uint64_t func_info;
		uint32_t func_info_cnt;
	} load;
	struct {
		uint64_t btf, log_buf;
		uint32_t btf_size, log_size, log_level;
	} btf;
	struct {
		uint32_t prog_fd, retval, data_size_in, data_size_out;
		uint64_t data_in, data_out;
		uint32_t repeat, duration, ctx_size_in, ctx_size_out;
		uint64_t ctx_in, ctx_out;
		uint32_t flags, cpu;
	} test;
	uint8_t room[128];
};

static int bpf(enum bpf_cmd cmd, union attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

struct loaded {
	int maps[8], nmaps, prog;
	char *log;
};

enum { LOG_SIZE = 1 << 20 };

static int make_map(const struct image_map *m)
{
	union attr attr = { .map = { .map_type = BPF_MAP_TYPE_ARRAY,
				     .key_size = 4,
				     .value_size = m->value_size,
				     .max_entries = m->max_entries } };

	return bpf(BPF_MAP_CREATE, &attr);
}

static void patch(struct loaded *l, struct image_prog *p)
{
	for (uint32_t i = 0; i < p->relocs.n; i++) {
		const struct reloc *r = &p->relocs.v[i];

		if (r->kind == RELOC_MAP || r->kind == RELOC_MAP_VALUE)
			p->insns.v[r->insn].imm = l->maps[r->index];
		if (r->kind == RELOC_MAP_VALUE)
			p->insns.v[r->insn + 1].imm = r->addend;
	}
}

/* Callbacks need type information: here every function is "static int f(void)". */
static int make_btf(void)
{
	static const struct {
		uint16_t magic;
		uint8_t version, flags;
		uint32_t hdr_len, type_off, type_len, str_off, str_len;
		uint32_t integer[4], proto[3], func[3];
		char strings[8];
	} btf = { .magic = 0xeb9f,
		  .version = 1,
		  .hdr_len = 24,
		  .type_len = 40,
		  .str_off = 40,
		  .str_len = 7,
		  .integer = { 1, 1 << 24, 4, 1 << 24 | 32 },
		  .proto = { 0, 13 << 24, 1 },
		  .func = { 5, 12 << 24, 2 },
		  .strings = "\0int\0f" };
	union attr attr = { .btf = { .btf = (uintptr_t)&btf, .btf_size = 24 + 40 + 7 } };

	return bpf(BPF_BTF_LOAD, &attr);
}

static int load(struct loaded *l, struct fixture *x)
{
	uint32_t infos[8][2];
	int err;
	union attr attr = { .load = { .prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT,
				      .insn_cnt = x->prog.insns.n,
				      .insns = (uintptr_t)x->prog.insns.v,
				      .license = (uintptr_t) "GPL",
				      .log_level = 1,
				      .log_size = LOG_SIZE,
				      .btf_fd = make_btf(),
				      .func_info_rec_size = 8,
				      .func_info = (uintptr_t)infos,
				      .func_info_cnt = x->prog.funcs.n } };

	for (uint32_t i = 0; i < x->prog.funcs.n; i++) {
		infos[i][0] = x->prog.funcs.v[i].insn;
		infos[i][1] = 3;
	}
	l->log = calloc(1, LOG_SIZE);
	attr.load.log_buf = (uintptr_t)l->log;
	for (uint32_t i = 0; i < x->img->maps.n; i++)
		l->maps[l->nmaps++] = make_map(&x->img->maps.v[i]);
	patch(l, &x->prog);
	l->prog = bpf(BPF_PROG_LOAD, &attr);
	err = l->prog < 0 ? -errno : 0;
	close(attr.load.btf_fd);
	return err;
}

static uint32_t run(const struct loaded *l, const void *context)
{
	union attr attr = {
		.test = { .prog_fd = l->prog, .ctx_in = (uintptr_t)context, .ctx_size_in = 96 }
	};

	assert_return_code(bpf(BPF_PROG_TEST_RUN, &attr), errno);
	return attr.test.retval;
}

static void unload(struct loaded *l)
{
	for (int i = 0; i < l->nmaps; i++)
		close(l->maps[i]);
	if (l->prog >= 0)
		close(l->prog);
	free(l->log);
}

static void value_of(const struct loaded *l, int map, void *value)
{
	uint32_t key = 0;
	union attr attr = { .elem = { .map_fd = l->maps[map],
				      .key = (uintptr_t)&key,
				      .value = (uintptr_t)value } };

	assert_return_code(bpf(BPF_MAP_LOOKUP_ELEM, &attr), errno);
}

static bool may_load(void)
{
	struct fixture x;
	struct loaded l = { .prog = -1 };
	int err;

	fixture_init(&x);
	ir_func_new(x.m, "try", 1, IR_ENTRY);
	assert_return_code(ir_compile(x.m, NULL, &x.prog, &x.diags), 0);
	err = load(&l, &x);
	unload(&l);
	fixture_done(&x);
	if (err)
		print_message("skipped: this kernel loads no programs for this user: %s\n",
			      strerror(-err));
	return !err;
}

static void compile(struct fixture *x, unsigned registers)
{
	struct ir_options opt = { .registers = registers, .check = true };

	if (ir_compile(x->m, &opt, &x->prog, &x->diags)) {
		show_diags(x);
		fail();
	}
}

static void show_rejected(struct fixture *x, const struct loaded *l, int err)
{
	size_t n = strlen(l->log);
	struct buf text = { 0 };

	if (!err)
		return;
	disasm_prog(&text, x->prog.insns.v, x->prog.insns.n, NULL);
	fprintf(stderr, "%s%s: ...%s\n", text.data, strerror(-err),
		l->log + (n > 3000 ? n - 3000 : 0));
	buf_done(&text);
}

/* ---- random programs ---- */

static void compare(struct shape s, unsigned registers)
{
	struct fixture a, b;
	struct world w;
	struct loaded l = { .prog = -1 };
	uint64_t map[8];
	uint32_t wanted, got = 0;
	int err;

	build(&a, s);
	build(&b, s);
	a.img->maps.v[0].key_size = b.img->maps.v[0].key_size = 4;
	a.img->maps.v[0].max_entries = b.img->maps.v[0].max_entries = 1;
	world_init(&w, s.seed);
	wanted = interpret(&a, &w);
	compile(&b, registers);
	err = load(&l, &b);
	show_rejected(&b, &l, err);
	if (!err && !w.stopped) {
		got = run(&l,
			  (uint64_t[12]){ w.context[0], w.context[1], w.context[2], w.context[3] });
		value_of(&l, 0, map);
	}
	if (err || (!w.stopped && (wanted != got || memcmp(map, w.map, sizeof(map))))) {
		print_error("%u registers: wanted %#x, got %#x\n", registers, wanted, got);
		show_failure(&b, s);
		fail();
	}
	free(w.scratch);
	unload(&l);
	fixture_done(&a);
	fixture_done(&b);
}

static uint64_t rounds(void)
{
	const char *s = getenv("FUZZ_ROUNDS");

	return s ? strtoull(s, NULL, 10) : 40;
}

static void random_programs(void **state)
{
	static const unsigned registers[] = { 0, 4, 2 };

	(void)state;
	if (!may_load())
		skip();
	for (uint64_t i = 0; i < rounds() * 3; i++)
		compare((struct shape){ .seed = i,
					.size = 15 + i % 30,
					.large = i % 5 == 0,
					.functions = i & 1,
					.kernel = true },
			registers[i % 3]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
