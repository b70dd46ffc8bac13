/*
 * Locks that know their owner, for maps that several processes share and for programs that
 * interrupt each other. A lock is a word: 0, or the thread that holds it.
 *
 *	31 30        22 21                 0
 *	[1][ when born ][ thread id         ]
 *
 * "When born" (low bits of the thread's start time) tells a thread from a later one with the same
 * id. A lock whose owner is no more is taken by who waits for it; every change of a map is ordered
 * so that the map is whole at each step. Processes that share a map must see each other in /proc
 * (one pid namespace).
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/map_priv.h"

#define IS_MARK (1u << 31) /* small numbers, written by mistake, are nobody's */

enum {
	ID_BITS = 22,    /* PID_MAX_LIMIT is 1 << 22 */
	SPINS = 64,      /* between yields */
	LOOKS = 4096,    /* spins between looks whether the owner lives */
	START_TIME = 20, /* words after the name in /proc/PID/stat: state is the first */
};

/* This thread's mark, made on first use: asking the system each time would cost more than the
 * whole update. A child process forgets it. */
_Thread_local uint32_t map_self_cached;

static void forget(void)
{
	map_self_cached = 0;
}

static void forget_in_children(void)
{
	pthread_atfork(NULL, NULL, forget);
}

/* Reads state and start time of thread @id; false: there is no such thread, or no /proc. */
static bool read_stat(uint32_t id, char *ret_state, uint64_t *ret_start)
{
	char path[32], text[512];

	snprintf(path, sizeof(path), "/proc/%u/stat", id);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = 0;
	char *p = strrchr(text, ')');
	if (!p || p[1] != ' ')
		return false;
	*ret_state = p[2];
	for (int i = 0; p && i < START_TIME; i++)
		p = strchr(p + 1, ' ');
	*ret_start = p ? strtoull(p, NULL, 10) : 0;
	return true;
}

static uint32_t mark(uint32_t id, uint64_t start)
{
	return id | (uint32_t)start << ID_BITS | IS_MARK;
}

uint32_t map_self_slow(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	uint32_t id = (uint32_t)syscall(SYS_gettid);
	uint64_t start = 0;
	char state;

	pthread_once(&once, forget_in_children);
	read_stat(id, &state, &start);
	map_self_cached = mark(id, start);
	return map_self_cached;
}

bool map_alive(uint32_t owner)
{
	uint32_t id = owner & ((1u << ID_BITS) - 1);
	uint64_t start;
	char state;

	if (!(owner & IS_MARK) || !id) /* kill(0) would ask for this process group */
		return false;
	if (!read_stat(id, &state, &start))
		return kill((pid_t)id, 0) == 0 || errno == EPERM;
	return state != 'Z' && state != 'X' && mark(id, start) == owner;
}

static void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

int map_lock_slow(struct map_lock *l, uint32_t self)
{
	for (uint32_t n = 1;; n++) {
		uint32_t owner = LOAD_RELAXED(&l->owner);

		if (owner == self)
			return -EBUSY;
		if (!owner) {
			if (CAS(&l->owner, &owner, self))
				return 0;
		} else if (n % LOOKS == 0 && !map_alive(owner)) {
			if (CAS(&l->owner, &owner, self))
				return 1;
		} else if (n % SPINS == 0) {
			sched_yield();
		} else {
			relax();
		}
	}
}

int map_trylock(struct map_lock *l)
{
	uint32_t owner = 0, self = map_self();

	if (CAS(&l->owner, &owner, self))
		return 0;
	if (owner == self || map_alive(owner) || !CAS(&l->owner, &owner, self))
		return -EBUSY;
	return 1;
}

int map_spin_lock(void *lock)
{
	return map_lock(lock) < 0 ? -EDEADLK : 0;
}

int map_spin_unlock(void *lock)
{
	struct map_lock *l = lock;

	if (LOAD_RELAXED(&l->owner) != map_self())
		return -EPERM;
	map_unlock(l);
	return 0;
}
