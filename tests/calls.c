/*
 * What the end-to-end tests trace: a program that makes a known number of known calls.
 *
 *	calls syscall NR COUNT [ARG...]  COUNT times system call NR; an argument is a number or a
 *text calls open COUNT PATH            COUNT times openat(AT_FDCWD, PATH, O_RDONLY) and close calls
 *add COUNT                  COUNT times traced_add(i, 2 * i), i from 1 calls many COUNT COUNT times
 *traced_many(1, 2, 3, 4, 5, 6) calls say COUNT TEXT             COUNT times traced_say(TEXT) calls
 *point COUNT                COUNT times traced_point(&(struct point){ i, -i, "name" }) calls deep
 *COUNT                 COUNT times traced_outer -> traced_middle -> traced_inner calls spin MS MS
 *milliseconds of computing calls fault COUNT                COUNT first touches of fresh pages
 *	calls threads COUNT N            N threads, COUNT times getppid each
 *	calls name TEXT ...              sets its thread name to TEXT, then goes on with the rest
 *
 * Prints nothing. Built for the machine, and with -m32 for the tests of 32-bit callers.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TRACED __attribute__((noinline, noclone, visibility("default")))

struct point {
	int x;
	long y;
	const char *name;
	char tag[8];
};

/* Keeps the compiler from dropping or sharing calls, and what their arguments point to. */
static volatile long sink;
#define USED(pointer) __asm__ volatile("" : : "r"(pointer) : "memory")

long traced_add(int a, int b);
long traced_many(long a, long b, long c, long d, long e, long f);
size_t traced_say(const char *text);
long traced_point(const struct point *p);
long traced_outer(long n);
long traced_middle(long n);
long traced_inner(long n);

TRACED long traced_add(int a, int b)
{
	return sink = (long)a + b;
}

TRACED long traced_many(long a, long b, long c, long d, long e, long f)
{
	return sink = a + b + c + d + e + f;
}

TRACED size_t traced_say(const char *text)
{
	USED(text);
	return sink = strlen(text);
}

TRACED long traced_point(const struct point *p)
{
	USED(p);
	return sink = p->x + p->y;
}

TRACED long traced_inner(long n)
{
	return sink = n + 1;
}

TRACED long traced_middle(long n)
{
	return sink = traced_inner(n) + 1;
}

TRACED long traced_outer(long n)
{
	return sink = traced_middle(n) + 1;
}

static int do_syscall(char **args, int n)
{
	long count = atol(args[1]), a[6] = { 0 };

	for (int i = 2; i < n && i < 8; i++)
		a[i - 2] = isdigit((unsigned char)args[i][0]) || args[i][0] == '-'
				   ? strtol(args[i], NULL, 0)
				   : (long)args[i];
	for (long i = 0; i < count; i++)
		sink = syscall(atol(args[0]), a[0], a[1], a[2], a[3], a[4], a[5]);
	return 0;
}

static int do_open(char **args, int n)
{
	(void)n;
	for (long i = atol(args[0]); i > 0; i--) {
		int fd = syscall(SYS_openat, AT_FDCWD, args[1], O_RDONLY, 0);

		if (fd >= 0)
			close(fd);
	}
	return 0;
}

static int do_add(char **args, int n)
{
	(void)n;
	for (long i = 1; i <= atol(args[0]); i++)
		traced_add(i, 2 * i);
	return 0;
}

static int do_many(char **args, int n)
{
	(void)n;
	for (long i = atol(args[0]); i > 0; i--)
		traced_many(1, 2, 3, 4, 5, 6);
	return 0;
}

static int do_say(char **args, int n)
{
	(void)n;
	for (long i = atol(args[0]); i > 0; i--)
		traced_say(args[1]);
	return 0;
}

static int do_point(char **args, int n)
{
	(void)n;
	for (long i = 1; i <= atol(args[0]); i++) {
		struct point p = { i, -i, "name", "tag" };

		traced_point(&p);
	}
	return 0;
}

static int do_deep(char **args, int n)
{
	(void)n;
	for (long i = atol(args[0]); i > 0; i--)
		traced_outer(i);
	return 0;
}

static int do_spin(char **args, int n)
{
	struct timespec now;
	long long end;

	(void)n;
	clock_gettime(CLOCK_MONOTONIC, &now);
	end = now.tv_sec * 1000000000LL + now.tv_nsec + atol(args[0]) * 1000000LL;
	do {
		for (int i = 0; i < 1000; i++)
			sink++;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec * 1000000000LL + now.tv_nsec < end);
	return 0;
}

static int do_fault(char **args, int n)
{
	long count = atol(args[0]), page = sysconf(_SC_PAGESIZE);
	char *pages = mmap(NULL, count * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);

	(void)n;
	if (pages == MAP_FAILED || madvise(pages, count * page, MADV_NOHUGEPAGE))
		return 1;
	for (long i = 0; i < count; i++)
		pages[i * page] = 1;
	return munmap(pages, count * page) ? 1 : 0;
}

static void *call_getppid(void *count)
{
	for (long i = (long)count; i > 0; i--)
		syscall(SYS_getppid);
	return NULL;
}

static int do_threads(char **args, int n)
{
	pthread_t threads[64];
	int many = atoi(args[1]);

	(void)n;
	if (many < 1 || many > 64)
		return 1;
	for (int i = 0; i < many; i++)
		if (pthread_create(&threads[i], NULL, call_getppid, (void *)atol(args[0])))
			return 1;
	for (int i = 0; i < many; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

static int run(char **args, int n);

static int do_name(char **args, int n)
{
	return prctl(PR_SET_NAME, args[0]) ? 1 : run(args + 1, n - 1);
}

static const struct verb {
	const char *name;
	int nargs;
	int (*run)(char **args, int n);
} verbs[] = {
	{ "syscall", 2, do_syscall }, { "open", 2, do_open }, { "add", 1, do_add },
	{ "many", 1, do_many },       { "say", 2, do_say },   { "point", 1, do_point },
	{ "deep", 1, do_deep },       { "spin", 1, do_spin }, { "fault", 1, do_fault },
	{ "threads", 2, do_threads }, { "name", 2, do_name },
};

static int run(char **args, int n)
{
	for (size_t i = 0; n > 0 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(args[0], verbs[i].name) == 0 && n - 1 >= verbs[i].nargs)
			return verbs[i].run(args + 1, n - 1);
	return 2;
}

int main(int argc, char **argv)
{
	return run(argv + 1, argc - 1);
}
