/*
 * Runs a command and tells what it took: spawn FD COMMAND [ARG...] writes to descriptor FD
 * "STATUS WALL_US CPU_US PEAK_KB". A process of its own, because a child's peak memory starts from
 * that of the process that forked it: this one is small.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static long long us(struct timeval t)
{
	return t.tv_sec * 1000000LL + t.tv_usec;
}

int main(int argc, char **argv)
{
	long long start = now_us();
	pid_t pid = argc > 2 ? vfork() : -1;
	struct rusage usage;
	int status;

	if (pid == 0) {
		close(atoi(argv[1]));
		execv(argv[2], argv + 2);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
		return 1;
	dprintf(atoi(argv[1]), "%d %lld %lld %ld\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128,
		now_us() - start, us(usage.ru_utime) + us(usage.ru_stime), usage.ru_maxrss);
	return 0;
}
