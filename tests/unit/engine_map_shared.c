/*
 * Maps that several processes share, and processes that die at the wrong moment.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/map_hash.h"
#include "engine/map_special.h"

static char name[64];

#define DEF(t, k, v, n, f)                                                                        \
	(struct map_def)                                                                          \
	{                                                                                         \
		.type = BPF_MAP_TYPE_##t, .key_size = (k), .value_size = (v), .max_entries = (n), \
		.flags = (f), .ncpus = 2, .shared = name                                          \
	}

static int unique_name(void **state)
{
	static int n;

	(void)state;
	snprintf(name, sizeof(name), "/skep-test-%d-%d", (int)getpid(), n++);
	return 0;
}

static int remove_name(void **state)
{
	(void)state;
	map_unshare(name);
	return 0;
}

static struct map *make(struct map_def def)
{
	struct map *m;

	assert_int_equal(map_new(&def, &m), 0);
	return m;
}

/* Runs @fn in a child with its own mapping of the map; what it returns is the child's status. */
static pid_t start(struct map_def def, int (*fn)(struct map *m))
{
	pid_t pid = fork();

	if (pid)
		return pid;
	struct map *m;
	int err = map_new(&def, &m);
	_exit(err ? 99 : fn(m));
}

static int wait_for(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int add_seven(struct map *m)
{
	uint64_t v = 70;

	if (m->fresh)
		return 1;
	switch (m->def.type) {
	case BPF_MAP_TYPE_QUEUE: return m->kind->push(m, &v, 0) != 0;
	case BPF_MAP_TYPE_RINGBUF: return map_ring_output(m, &v, 8, 0) != 0;
	default: break;
	}
	uint32_t key[2] = { m->def.type == BPF_MAP_TYPE_LPM_TRIE ? 32 : 0, 0 };
	return m->kind->update(m, key, &v, BPF_ANY, 1) != 0;
}

static int is_seventy(void *ctx, const void *data, uint32_t size)
{
	*(int *)ctx = size == 8 && *(const uint64_t *)data == 70;
	return 0;
}

static void other_processes_see_changes(void **state)
{
	static const struct map_def defs[] = {
		DEF(ARRAY, 4, 8, 4, 0),
		DEF(HASH, 8, 8, 4, 0),
		DEF(LRU_HASH, 8, 8, 4, 0),
		DEF(LPM_TRIE, 8, 8, 4, BPF_F_NO_PREALLOC),
		DEF(QUEUE, 0, 8, 4, 0),
		DEF(RINGBUF, 0, 0, 4096, 0),
		DEF(ARRAY, 4, 8, 4, BPF_F_MMAPABLE),
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(defs); i++) {
		unique_name(NULL);
		struct map *m = make(defs[i]);
		uint32_t key[2] = { defs[i].type == BPF_MAP_TYPE_LPM_TRIE ? 32 : 0, 0 };
		uint64_t v = 0;
		int seen = 0;

		assert_int_equal(wait_for(start(defs[i], add_seven)), 0);
		if (defs[i].type == BPF_MAP_TYPE_RINGBUF)
			assert_int_equal(map_ring_read(m, is_seventy, &seen), 1);
		else
			assert_int_equal(map_user_lookup(m, defs[i].key_size ? key : NULL, &v, 0),
					 0);
		assert_true(v == 70 || seen);
		map_put(m);
		remove_name(NULL);
	}
}

static void another_definition_is_refused(void **state)
{
	struct map_def def = DEF(HASH, 8, 8, 4, 0);
	struct map *m = make(def), *other;

	(void)state;
	def.value_size = 16;
	assert_int_equal(map_new(&def, &other), -EINVAL);
	def = DEF(HASH, 8, 8, 4, BPF_F_NO_PREALLOC);
	assert_int_equal(map_new(&def, &other), -EINVAL);
	map_put(m);
}

static int update_for_ever(struct map *m)
{
	for (uint64_t i = 0;; i++) {
		uint64_t key = i * 7 % 20, v = i;

		m->kind->update(m, &key, &v, BPF_ANY, 0);
		key = i * 11 % 20;
		m->kind->remove(m, &key);
	}
	return 0;
}

static uint32_t room(struct map *m)
{
	uint32_t n = 0;
	uint64_t v = 0;

	for (uint64_t key = 1000; !m->kind->update(m, &key, &v, BPF_ANY, 0); key++)
		n++;
	return n;
}

static uint32_t drop_all(struct map *m)
{
	uint64_t key;
	uint32_t n = 0;

	for (; !map_user_next_key(m, NULL, &key); n++)
		assert_int_equal(m->kind->remove(m, &key), 0);
	return n;
}

/* Whatever a process was doing when it was killed, the others go on. */
static void killed_writers_leave_a_whole_map(void **state)
{
	enum { KILLS = 12, ENTRIES = 30 };
	struct map_def def = DEF(HASH, 8, 8, ENTRIES, 0);
	struct map *m = make(def);

	(void)state;
	for (int i = 0; i < KILLS; i++) {
		pid_t pid = start(def, update_for_ever);
		usleep(4000 + 1000 * (i % 3));
		kill(pid, SIGKILL); /* not waited for yet: a zombie must count as dead */
		for (uint64_t key = 0; key < 20; key++) {
			uint64_t v = key;
			int err = m->kind->update(m, &key, &v, BPF_ANY, 1);
			assert_true(err == 0 || err == -E2BIG);
			assert_true(err || m->lookup(m, &key, 0));
		}
		wait_for(pid);
	}
	drop_all(m);
	assert_in_range(room(m), ENTRIES - KILLS, ENTRIES); /* at most one lost each */
	map_put(m);
}

/* Dies with a bucket's lock and an entry that is in no list: the moment that matters most. */
static int die_in_update(struct map *m)
{
	struct hash *h = hash_of(m);
	uint64_t key = 5;
	struct bucket *b = hash_bucket(h, hash_key(h, &key));

	if (hash_lock(h, b))
		return 1;
	STORE(&b->hand, (uint32_t)hash_take(h, 0) + 1);
	raise(SIGKILL);
	return 1;
}

static void a_dead_owners_lock_is_taken_and_its_entry_given_back(void **state)
{
	struct map_def def = DEF(HASH, 8, 8, 3, 0);
	struct map *m = make(def);
	uint64_t key = 5, v = 1;

	(void)state;
	pid_t pid = start(def, die_in_update);
	siginfo_t info; /* dead, and still a zombie */
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(m->kind->update(m, &key, &v, BPF_ANY, 0), 0);
	assert_int_equal(room(m), 2);
	assert_int_equal(wait_for(pid), 128 + SIGKILL);
	map_put(m);
}

static int die_with_spin_lock(struct map *m)
{
	uint32_t key = 0;

	map_spin_lock(m->lookup(m, &key, 0));
	raise(SIGKILL);
	return 1;
}

static void a_dead_owners_spin_lock_is_taken(void **state)
{
	struct map_def def = DEF(ARRAY, 4, 16, 1, 0);
	uint32_t key = 0;

	(void)state;
	def.lock = (struct map_field){ 0, 4 };
	struct map *m = make(def);
	wait_for(start(def, die_with_spin_lock));
	assert_int_equal(map_spin_lock(m->lookup(m, &key, 0)), 0);
	map_put(m);
}

static int die_with_record(struct map *m)
{
	map_ring_reserve(m, 8, 0);
	raise(SIGKILL);
	return 1;
}

static void a_dead_writers_record_is_passed_over(void **state)
{
	struct map_def def = DEF(RINGBUF, 0, 0, 4096, 0);
	struct map *m = make(def);
	uint64_t v = 70;
	int seen = 0;

	(void)state;
	wait_for(start(def, die_with_record));
	assert_int_equal(map_ring_output(m, &v, 8, 0), 0);
	map_ring_read(m, is_seventy, &seen);
	map_ring_read(m, is_seventy, &seen);
	assert_true(seen);
	map_put(m);
}

static int use_arena(struct map *m)
{
	char *page = (char *)(uintptr_t)map_arena_base(m);

	page[3] = 42;
	return 0;
}

static void arenas_lie_at_one_address(void **state)
{
	struct map_def def = DEF(ARENA, 0, 0, 8, BPF_F_MMAPABLE);
	(void)state;

	/* the maker ends, so that the address is free in the process that joins it */
	def.extra = UINT64_C(0x510000000000);
	struct map *m = make(def);
	assert_int_equal(map_arena_base(m), def.extra);
	map_put(m);
	assert_int_equal(wait_for(start(def, use_arena)), 0);
	m = make(def);
	assert_int_equal(map_arena_base(m), def.extra);
	assert_int_equal(((char *)(uintptr_t)def.extra)[3], 42);
	map_put(m);
}

/* Another process writes nonsense all over the map: lookups and walks still end, in the map. */
static void a_spoiled_map_harms_nobody(void **state)
{
	static const struct map_def defs[] = {
		DEF(HASH, 8, 8, 50, 0),
		DEF(LRU_HASH, 8, 8, 50, 0),
		DEF(LPM_TRIE, 8, 8, 50, BPF_F_NO_PREALLOC),
		DEF(QUEUE, 0, 8, 50, 0),
		DEF(RINGBUF, 0, 0, 4096, 0),
		DEF(STACK_TRACE, 4, 16, 64, 0),
	};
	uint32_t seed = 1;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(defs) * 10; i++) {
		unique_name(NULL);
		struct map *m = make(defs[i % ARRAY_LEN(defs)]);
		uint64_t key;
		int seen;

		for (uint64_t n = 0; n < 40 && m->kind->update; n++) {
			key = m->def.type == BPF_MAP_TYPE_LPM_TRIE ? (n << 40) | (n % 33) : n;
			m->kind->update(m, &key, &n, 0, 0);
		}
		for (size_t at = MAP_PAGE; at < m->body_size; at += 4) {
			seed = seed * 1103515245 + 12345;
			uint32_t *word = (uint32_t *)(m->body + at);
			if (seed >> 8 & 3 && i & 1)
				*word ^= 1u << (seed >> 16 & 31);
			else if (!(seed >> 8 & 3))
				*word = seed >> 10 & 63;
		}
		for (uint64_t n = 0; n < 60; n++) {
			uint32_t id;

			key = m->def.type == BPF_MAP_TYPE_LPM_TRIE ? (n << 40) | (n % 33) : n;
			if (m->lookup)
				m->lookup(m, &key, 0);
			if (m->kind->update)
				m->kind->update(m, &key, &n, 0, 0);
			if (m->kind->remove && n % 2)
				m->kind->remove(m, &key);
			if (m->kind->push) {
				m->kind->push(m, &n, BPF_EXIST);
				m->kind->pop(m, &key);
			}
			if (m->def.type == BPF_MAP_TYPE_RINGBUF) {
				map_ring_output(m, &n, 8, 0);
				map_ring_read(m, is_seventy, &seen);
			}
			id = (uint32_t)n;
			if (m->def.type == BPF_MAP_TYPE_STACK_TRACE)
				map_user_next_key(m, &id, &id);
		}
		map_put(m);
		remove_name(NULL);
	}
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, unique_name, remove_name)
	const struct CMUnitTest tests[] = {
		TEST(other_processes_see_changes),
		TEST(another_definition_is_refused),
		TEST(killed_writers_leave_a_whole_map),
		TEST(a_dead_owners_lock_is_taken_and_its_entry_given_back),
		TEST(a_dead_owners_spin_lock_is_taken),
		TEST(a_dead_writers_record_is_passed_over),
		TEST(arenas_lie_at_one_address),
		TEST(a_spoiled_map_harms_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
