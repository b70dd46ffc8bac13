/*
 * Records on the live kernel: each one that was written comes out once and in order, urgent ones in
 * their place, and those that found no room are known to the program that wrote them.
 */
#include "kernel_fixture.h"

#include <poll.h>
#include <pthread.h>

struct main_record {
	struct record_head head;
	uint64_t number;
};

struct urgent_record {
	struct urgent_head head;
	uint64_t number;
};

enum { SITE_MAIN = 1, SITE_URGENT = 2, URGENT_EVERY = 10 };
enum { WORD_NUMBER, WORD_LOST, WORDS };

struct rings {
	struct fixture *f;
	uint32_t globals, main, urgent;
};

/* r7 = ++number, in the globals. One writer only. */
static void as_number(struct as *a, const struct rings *r)
{
	as_reloc(a, 1, RELOC_MAP_VALUE, r->globals,
		 sizeof(struct image_globals) + WORD_NUMBER * sizeof(uint64_t));
	as_load(a, 7, 1, 0);
	as_add(a, 7, 1);
	as_store(a, 1, 0, 7);
}

/* The last @size bytes of the stack go to @ring; lost ones are counted. */
static void as_output(struct as *a, const struct rings *r, uint32_t ring, int32_t size)
{
	as_reloc(a, 1, RELOC_MAP, ring, 0);
	as_copy(a, 2, 10);
	as_add(a, 2, -size);
	as_mov(a, 3, size);
	as_mov(a, 4, 0);
	as_call(a, BPF_FUNC_ringbuf_output);
	uint32_t written = as_if(a, BPF_JEQ, 0, 0);
	as_count(a, r->globals, WORD_LOST);
	as_here(a, written);
}

/* getppid(): a record; every tenth time an urgent one as well. Numbers go on through both. */
static void write_program(const struct rings *r)
{
	struct as a = as_new(r->f, "write", BPF_PROG_TYPE_RAW_TRACEPOINT);

	as_only_call(&a, SYS_getppid);
	as_number(&a, r);
	as_mov(&a, 1, SITE_MAIN);
	as_store(&a, 10, -16, 1);
	as_store(&a, 10, -8, 7);
	as_output(&a, r, r->main, sizeof(struct main_record));
	as_raw(&a, BPF_ALU64 | BPF_MOD | BPF_K, 7, 0, 0, URGENT_EVERY);
	uint32_t tenth = as_if(&a, BPF_JEQ, 7, 0);
	as_exit(&a);
	as_here(&a, tenth);
	as_number(&a, r);
	as_reloc(&a, 1, RELOC_MAP, r->main, 0);
	as_mov(&a, 2, BPF_RB_PROD_POS);
	as_call(&a, BPF_FUNC_ringbuf_query);
	as_mov(&a, 1, SITE_URGENT);
	as_store(&a, 10, -24, 1);
	as_store(&a, 10, -16, 0);
	as_store(&a, 10, -8, 7);
	as_output(&a, r, r->urgent, sizeof(struct urgent_record));
	as_exit(&a);
	as_on_sys_enter(&a);
}

static struct rings rings_new(int64_t pages)
{
	struct rings r = { .f = fixture_new("") };

	r.f->settings.value[SETTING_PERF_RB_PAGES] = pages;
	r.globals = fixture_globals(r.f, WORDS * sizeof(uint64_t));
	r.main = fixture_ring(r.f, MAP_RING);
	r.urgent = fixture_ring(r.f, MAP_URGENT);
	write_program(&r);
	fixture_load(r.f);
	fixture_attach(r.f, 1);
	return r;
}

struct taken {
	uint64_t last, main, urgent, out_of_order, gaps;
	uint32_t fail_after;
};

static int take(void *ctx, const void *record, size_t size)
{
	struct taken *t = ctx;
	const struct record_head *head = record;
	uint64_t number;

	if (t->fail_after && t->main == t->fail_after)
		return -EINTR;
	if (head->site == SITE_MAIN && size == sizeof(struct main_record)) {
		number = ((const struct main_record *)record)->number;
		t->main++;
	} else {
		assert_int_equal(head->site, SITE_URGENT);
		assert_int_equal(size, sizeof(struct urgent_record));
		number = ((const struct urgent_record *)record)->number;
		t->urgent++;
	}
	t->out_of_order += number <= t->last;
	t->gaps += number > t->last + 1;
	t->last = number;
	return 0;
}

static int drain(const struct rings *r, struct taken *t)
{
	return r->f->host->ops->drain(r->f->host, take, t);
}

static void test_order(void **state)
{
	struct rings r = rings_new(0);
	struct taken t = { 0 };

	(void)state;
	for (int i = 0; i < 40; i++) {
		uint64_t before = t.main + t.urgent;

		call_getppid(999);
		int n = drain(&r, &t);
		assert_int_equal(n, t.main + t.urgent - before);
		assert_in_range(t.main, 1, (i + 1) * 999);
	}
	r.f->host->ops->stop(r.f->host);
	drain(&r, &t);
	assert_int_equal(t.main, 40 * 999);
	assert_in_range(t.urgent, 40 * 999 / URGENT_EVERY, 40 * 999 / (URGENT_EVERY - 1));
	assert_int_equal(t.out_of_order, 0);
	assert_int_equal(t.gaps, 0);
	assert_int_equal(fixture_words(r.f)[WORD_LOST], 0);
	fixture_done(r.f);
}

enum { FLOOD = 200000 };

static void *flood(void *arg)
{
	(void)arg;
	run_on(1);
	call_getppid(FLOOD);
	return NULL;
}

/* Written on one CPU while read on another. What found no room is missing from the numbers, but
 * nothing comes late. */
static void test_flood(void **state)
{
	struct rings r = rings_new(0);
	struct taken t = { 0 };
	struct pollfd wait = { .fd = r.f->host->ops->poll_fd(r.f->host), .events = POLLIN };
	pthread_t thread;

	(void)state;
	run_on(0);
	assert_int_equal(pthread_create(&thread, NULL, flood, NULL), 0);
	/* There is always something waiting or to come: the descriptor must tell, however often we
	 * look without having been asked to. */
	for (int i = 0; t.main + fixture_words(r.f)[WORD_LOST] < FLOOD; i++) {
		assert_true(drain(&r, &t) >= 0);
		if (i % 2 && t.main + fixture_words(r.f)[WORD_LOST] < FLOOD)
			assert_int_equal(poll(&wait, 1, 20000), 1);
	}
	pthread_join(thread, NULL);
	r.f->host->ops->stop(r.f->host);
	drain(&r, &t);
	uint64_t all = fixture_words(r.f)[WORD_NUMBER];
	assert_in_range(all, FLOOD, FLOOD * 2);
	assert_int_equal(t.main + t.urgent + fixture_words(r.f)[WORD_LOST], all);
	assert_int_equal(t.out_of_order, 0);
	fixture_done(r.f);
}

static void test_loss(void **state)
{
	struct rings r = rings_new(1);
	struct taken t = { 0 };
	uint64_t room = (uint64_t)getpagesize() / (8 + sizeof(struct main_record));

	(void)state;
	call_getppid(1000);
	drain(&r, &t);
	assert_in_range(t.main, room - 1,
			room); /* the kernel keeps a full ring from looking empty */
	assert_int_equal(t.main + t.urgent + fixture_words(r.f)[WORD_LOST],
			 fixture_words(r.f)[WORD_NUMBER]);
	assert_int_equal(t.out_of_order, 0);
	/* There is room again. */
	call_getppid(5);
	t.main = 0;
	drain(&r, &t);
	assert_int_equal(t.main, 5);
	fixture_done(r.f);
}

static void test_poll(void **state)
{
	struct rings r = rings_new(0);
	struct taken t = { 0 };
	struct pollfd wait = { .fd = r.f->host->ops->poll_fd(r.f->host), .events = POLLIN };

	(void)state;
	assert_int_equal(poll(&wait, 1, 0), 0);
	for (int i = 0; i < 3; i++) {
		call_getppid(1);
		assert_int_equal(poll(&wait, 1, 5000), 1);
		assert_int_equal(drain(&r, &t) > 0, 1);
		assert_int_equal(poll(&wait, 1, 0), 0);
	}
	fixture_done(r.f);
}

/* The one who reads may give up in the middle; the rest is still there. */
static void test_give_up(void **state)
{
	struct rings r = rings_new(0);
	struct taken t = { .fail_after = 100 };

	(void)state;
	call_getppid(500);
	assert_int_equal(drain(&r, &t), -EINTR);
	assert_int_equal(t.main, 100);
	t.fail_after = 0;
	assert_true(drain(&r, &t) > 0);
	assert_int_equal(t.main, 500);
	assert_int_equal(t.gaps, 0);
	fixture_done(r.f);
}

static void test_no_rings(void **state)
{
	struct fixture *f = fixture_new("");
	struct taken t = { 0 };

	(void)state;
	fixture_load(f);
	assert_int_equal(f->host->ops->poll_fd(f->host), -1);
	assert_int_equal(f->host->ops->drain(f->host, take, &t), 0);
	fixture_done(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),   cmocka_unit_test(test_flood),
		cmocka_unit_test(test_loss),    cmocka_unit_test(test_poll),
		cmocka_unit_test(test_give_up), cmocka_unit_test(test_no_rings),
	};
	return cmocka_run_group_tests_name("kernel rings", tests, NULL, NULL);
}
