/*
 * Running the programs of BEGIN and END. They are raw tracepoint programs on no tracepoint, which
 * the kernel runs for us by a test run (5.10). Before that, each is loaded as a uprobe program
 * (load.c), put on an address of skep's own code, and called there.
 *
 * Called through struct host_ops.run.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/perf.h"

enum {
	BEGIN_CONTEXT = 12 * 8, /* as many arguments as the kernel takes for a raw tracepoint */
	BEGIN_PLACES = 64,
	BEGIN_PLACE_SIZE = 4,
};

/*
 * Functions that only return, BEGIN_PLACE_SIZE bytes apart. A program stays on its place until
 * everything is let go, so each one gets a place of its own.
 */
void begin_places(void);
#if defined(__x86_64__)
#define BEGIN_RETURN "ret; nop; nop; nop;"
#elif defined(__aarch64__)
#define BEGIN_RETURN "ret;"
#endif
__asm__(".pushsection .text\n"
	".globl begin_places\n"
	".type begin_places, %function\n"
	".balign 16\n"
	"begin_places:\n"
	".rept 64\n" BEGIN_RETURN "\n"
	".endr\n"
	".size begin_places, . - begin_places\n"
	".popsection\n");

static int begin_test_run(int prog)
{
	static const char context[BEGIN_CONTEXT];

	return sys_prog_run(prog, context, sizeof(context));
}

/* The file and the offset in it from which the code at @address was mapped. */
static int begin_find(uintptr_t address, char *ret_path, size_t size, uint64_t *ret_offset)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long long start, end, offset;
	char *line = NULL;
	size_t cap = 0;
	int err = -ENOENT, at;

	if (!maps)
		return -errno;
	while (err && getline(&line, &cap, maps) > 0) {
		if (sscanf(line, "%llx-%llx %*s %llx %*s %*s %n", &start, &end, &offset, &at) !=
			    3 ||
		    address < start || address >= end)
			continue;
		line[strcspn(line, "\n")] = '\0';
		*ret_offset = address - start + offset;
		err = snprintf(ret_path, size, "%s", line + at) < (int)size ? 0 : -ENAMETOOLONG;
	}
	free(line);
	fclose(maps);
	return err;
}

static int begin_call(struct kernel *k, const struct attach *a, int prog)
{
	char path[4096];
	struct attach place = *a;

	if (k->begun == BEGIN_PLACES)
		return -E2BIG;
	uintptr_t address = (uintptr_t)begin_places + (uintptr_t)k->begun++ * BEGIN_PLACE_SIZE;
	int err = begin_find(address, path, sizeof(path), &place.offset);
	if (err)
		return err;
	place.target = path;
	place.is_return = false;
	place.ref_ctr_offset = 0;
	int event = perf_uprobe_open(k, &place, getpid());
	if (event < 0)
		return event;
	err = perf_connect(k, event, prog, &place);
	if (!err)
		((void (*)(void))address)();
	return err;
}

int begin_run(struct host *h, enum attach_kind kind)
{
	struct kernel *k = (struct kernel *)h;

	for (uint32_t i = 0; i < k->nattaches; i++) {
		const struct attach *a = &k->img->attaches.v[i];

		if (a->kind != kind)
			continue;
		int prog = load_prog_fd(k, i);
		int err = k->progs[a->prog].type == BPF_PROG_TYPE_KPROBE ? begin_call(k, a, prog)
									 : begin_test_run(prog);
		if (err)
			return err;
	}
	return 0;
}
