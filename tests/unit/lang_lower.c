/*
 * Lowered sequences, compiled and run by the IR's test interpreter, against the C that they stand
 * for; and what the image of a script looks like.
 */
#include "ir_testing.h"

#include "lang_compiling.h"

#include "image/agg.h"
#include "lang/lower.h"

struct bench {
	struct arena arena;
	jmp_buf no_memory;
	struct diags diags;
	struct types types;
	struct target target;
	struct probe_env env;
	struct script script;
	struct lower l;
	struct ir_value *number; /* what the program is called with */
	struct image_prog prog;
	struct world world;
};

static void set_up(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	if (setjmp(b->no_memory))
		fail_msg("out of memory");
	arena_init(&b->arena, &b->no_memory);
	diags_init(&b->diags, &b->arena, NULL);
	types_init(&b->types, &b->arena);
	b->target = (struct target){ .kernel = KERNEL(6, 1), .ncpus = 2 };
	b->env = (struct probe_env){ .arena = &b->arena, .target = &b->target };
	b->script = (struct script){ .arena = &b->arena, .env = &b->env, .types = &b->types };
	b->script.image = image_new(&b->arena, NULL);
	b->l.s = &b->script;
	b->l.module = ir_module_new(&b->arena, b->script.image, &b->target);
	b->l.f = ir_func_new(b->l.module, "test", 1, IR_ENTRY);
	b->number = ir_load(b->l.f, IR_LOAD64, ir_param(b->l.f, 0), 0);
}

/* Makes what was built a program that returns @result. */
static void finish(struct bench *b, struct ir_value *result)
{
	const struct ir_options opt = { 0 };

	ir_return(b->l.f, result);
	ir_seal_all(b->l.f);
	b->prog.type = BPF_PROG_TYPE_RAW_TRACEPOINT;
	assert_int_equal(ir_compile(b->l.module, &opt, &b->prog, &b->diags), 0);
	world_init(&b->world, 1);
}

static int64_t run(struct bench *b, int64_t n)
{
	struct bpf_run r = { .w = &b->world, .img = b->script.image, .prog = &b->prog };
	int64_t result;

	b->world.steps = 0;
	result = bpf_run_from(&r, 0, (uint64_t[5]){ (uintptr_t)&n });
	assert_false(b->world.stopped);
	return result;
}

static void take_down(struct bench *b)
{
	free(b->world.scratch);
	arena_done(&b->arena);
}

static const int64_t edges[] = { 0,  1,  2,     3,         4,          5,         7,
				 8,  9,  15,    16,        31,         32,        33,
				 63, 64, 65,    100,       255,        256,       1000,
				 -1, -2, -1000, INT32_MAX, UINT32_MAX, INT64_MAX, INT64_MIN };

static void test_hist_bucket(void **state)
{
	struct bench b;

	(void)state;
	for (unsigned bits = 0; bits <= 5; bits++) {
		set_up(&b);
		finish(&b, lower_hist_bucket(&b.l, b.number, bits));
		for (size_t i = 0; i < ARRAY_LEN(edges); i++)
			assert_int_equal(run(&b, edges[i]), hist_bucket(edges[i], bits));
		for (int64_t n = 0; n < 5000; n++)
			assert_int_equal(run(&b, n), hist_bucket(n, bits));
		for (unsigned power = 0; power < 63; power++) {
			int64_t n = 1ll << power;

			assert_int_equal(run(&b, n - 1), hist_bucket(n - 1, bits));
			assert_int_equal(run(&b, n), hist_bucket(n, bits));
			assert_int_equal(run(&b, n + n / 3), hist_bucket(n + n / 3, bits));
		}
		take_down(&b);
	}
}

static void test_lhist_bucket(void **state)
{
	struct type t = { .kind = TYPE_LHIST, .min = -20, .max = 95, .step = 10 };
	struct bench b;

	(void)state;
	set_up(&b);
	finish(&b, lower_lhist_bucket(&b.l, b.number, &t));
	for (int64_t n = -40; n < 120; n++) {
		int64_t want = (n - t.min) / t.step + 1;

		if (n < t.min)
			want = 0;
		if (n >= t.max)
			want = agg_size(&t) / 8 - 1;
		assert_int_equal(run(&b, n), want);
	}
	assert_int_equal(run(&b, INT64_MIN), 0);
	assert_int_equal(run(&b, INT64_MAX), agg_size(&t) / 8 - 1);
	take_down(&b);
}

static void test_at_most(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b);
	finish(&b, at_most(&b.l, b.number, 7));
	assert_int_equal(run(&b, 0), 0);
	assert_int_equal(run(&b, 5), 5);
	assert_int_equal(run(&b, 7), 7);
	assert_int_equal(run(&b, 9), 7);
	/* what a helper returns on failure is a large number */
	assert_int_equal(run(&b, -14), 7);
	take_down(&b);
}

/* a / b with what the script's author gets for b == 0 */
static void test_division(void **state)
{
	const struct node n = { .kind = NODE_BINARY };
	struct bench b;

	(void)state;
	set_up(&b);
	finish(&b, lower_arithmetic(&b.l, TOKEN_SLASH, type_int(&b.types, 8, true), b.number,
				    ir_const(b.l.f, -3), &n));
	assert_int_equal(run(&b, 7), -2);
	assert_int_equal(run(&b, -7), 2);
	assert_int_equal(run(&b, 0), 0);
	take_down(&b);
	set_up(&b);
	finish(&b, lower_arithmetic(&b.l, TOKEN_PERCENT, type_int(&b.types, 8, true), b.number,
				    ir_const(b.l.f, 5), &n));
	assert_int_equal(run(&b, 7), 2);
	assert_int_equal(run(&b, -7), -2);
	take_down(&b);
}

static int64_t constant(struct ir_value *v)
{
	int64_t n = -1;

	assert_true(ir_is_const(v, &n));
	return n;
}

static void test_resize(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b);
	struct ir_value *v = ir_const(b.l.f, 0x1ff);

	assert_int_equal(constant(word_resize(&b.l, v, type_int(&b.types, 1, false))), 0xff);
	assert_int_equal(constant(word_resize(&b.l, v, type_int(&b.types, 1, true))), -1);
	assert_int_equal(constant(word_resize(&b.l, v, type_int(&b.types, 2, true))), 0x1ff);
	assert_int_equal(constant(word_resize(&b.l, v, type_bool(&b.types))), 1);
	arena_done(&b.arena);
}

static void test_chunks(void **state)
{
	(void)state;
	assert_int_equal(chunk_size(0, 0, 100), 8);
	assert_int_equal(chunk_size(8, 4, 100), 4);
	assert_int_equal(chunk_size(3, 0, 100), 1);
	assert_int_equal(chunk_size(16, 0, 7), 4);
	assert_int_equal(chunk_size(6, 0, 7), 2);
}

/* ---- images ---- */

static void compile(struct compiled *c, const char *text)
{
	compile_text(c, "test", text, strlen(text), "");
	if (c->status) {
		struct buf out = { 0 };

		for (const struct diag *one = c->diags.first; one; one = one->next)
			diag_render(&out, &c->diags, one, false);
		fail_msg("%s", out.data);
	}
}

static const struct image_map *find_map(const struct compiled *c, const char *name)
{
	for (uint32_t i = 0; i < c->result.image->maps.n; i++)
		if (streq(c->result.image->maps.v[i].name, name))
			return &c->result.image->maps.v[i];
	return NULL;
}

static void test_no_ring_when_nothing_writes(void **state)
{
	struct compiled c;

	(void)state;
	compile(&c, "BEGIN { @ = count(); @x[comm]++; }");
	assert_int_equal(image_role(c.result.image, MAP_RING), -1);
	compiled_done(&c);
	compile(&c, "BEGIN { print(1); }");
	assert_true(image_role(c.result.image, MAP_RING) >= 0);
	compiled_done(&c);
	/* exit alone needs only the small ring */
	compile(&c, "BEGIN { exit(); }");
	assert_int_equal(image_role(c.result.image, MAP_RING), -1);
	assert_true(image_role(c.result.image, MAP_URGENT) >= 0);
	compiled_done(&c);
}

static void test_map_layout(void **state)
{
	struct compiled c;
	const struct image_map *m;

	(void)state;
	compile(&c, "BEGIN { @k[pid, comm] = 1; @s = \"abc\"; @c = count(); @h[1] = hist(2); }");
	m = find_map(&c, "@k");
	assert_int_equal(m->key_size, 24);
	assert_int_equal(m->value_size, 8);
	assert_int_equal(m->max_entries, 4096);
	assert_false(m->percpu);
	m = find_map(&c, "@s");
	assert_null(m->key);
	assert_int_equal(m->value_size, 16); /* 4 bytes padded, and whether it was set */
	m = find_map(&c, "@c");
	assert_true(m->percpu);
	assert_int_equal(m->value_size, 16);
	m = find_map(&c, "@h");
	assert_int_equal(m->value_size, 8 * hist_buckets(0));
	compiled_done(&c);
}

static const struct image_site *find_site(const struct compiled *c, enum render_kind kind)
{
	for (uint32_t i = 0; i < c->result.image->sites.n; i++)
		if (c->result.image->sites.v[i].kind == kind)
			return &c->result.image->sites.v[i];
	fail_msg("no such site");
	return NULL;
}

static void test_record_layout(void **state)
{
	struct compiled c;
	const struct image_site *site;
	const struct type *args;

	(void)state;
	compile(&c, "tracepoint:syscalls:sys_enter_openat {"
		    "printf(\"%s %d %s\", str(args.filename), pid, comm); }");
	site = find_site(&c, RENDER_PRINTF);
	args = site->args;
	assert_string_equal(site->format, "%s %d %s");
	assert_int_equal(args->nmembers, 3);
	assert_int_equal(args->members[1].offset, sizeof(struct record_head));
	assert_int_equal(args->members[2].offset, 16);
	/* the long string is last in memory, though first in order */
	assert_int_equal(args->members[0].offset, 32);
	assert_int_equal(args->size, 32 + 1024);
	compiled_done(&c);
	compile(&c, "BEGIN { exit(3); }");
	args = find_site(&c, RENDER_EXIT)->args;
	assert_int_equal(args->members[0].offset, sizeof(struct urgent_head));
	compiled_done(&c);
}

static void test_loss_has_an_entry_for_each_site(void **state)
{
	struct compiled c;

	(void)state;
	compile(&c, "BEGIN { print(1); printf(\"a\"); print(2 / pid); exit(); }");
	assert_int_equal(find_map(&c, ".loss")->max_entries, c.result.image->sites.n);
	assert_int_equal(c.result.image->sites.n, 5);
	compiled_done(&c);
}

static void test_list_only(void **state)
{
	static const char text[] = "tracepoint:sched:sched_w* { nonsense(); }";
	struct compiled c;

	(void)state;
	compile_text(&c, "test", text, 0, "");
	assert_int_not_equal(c.status, 0);
	c.opt.list_only = true;
	diags_init(&c.diags, &c.arena, &c.sources);
	assert_int_equal(lang_compile(&c.env, &c.sources,
				      sources_add(&c.sources, "list", text, strlen(text)), &c.opt,
				      &c.result),
			 0);
	assert_int_equal(c.result.probes.n, 1);
	assert_string_equal(c.result.probes.v[0], "tracepoint:sched:sched_wakeup");
	compiled_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hist_bucket),
		cmocka_unit_test(test_lhist_bucket),
		cmocka_unit_test(test_resize),
		cmocka_unit_test(test_at_most),
		cmocka_unit_test(test_division),
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_no_ring_when_nothing_writes),
		cmocka_unit_test(test_map_layout),
		cmocka_unit_test(test_record_layout),
		cmocka_unit_test(test_loss_has_an_entry_for_each_site),
		cmocka_unit_test(test_list_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
