/*
 * CO-RE against the running kernel: libbpf's answers and skep's are the same. Loads kernel.o with
 * bpftool (as root) and compares the constants in the two listings.
 */
#include "image_testing.h"

#include <unistd.h>

#define VMLINUX "/sys/kernel/btf/vmlinux"

/* The constants of moves and wide loads, one a line, out of a listing. */
static void constants(const char *listing, struct buf *out)
{
	for (const char *s = listing; *s; s += strcspn(s, "\n"), s += *s == '\n') {
		const char *code = strchr(s, '('), *value = strstr(s, " = ");
		size_t len = strcspn(s, "\n");

		if (!code || !value || value > s + len || !strchr("b1", code[1]) ||
		    (memcmp(code, "(b7)", 4) && memcmp(code, "(b4)", 4) && memcmp(code, "(18)", 4)))
			continue;
		value += 3;
		if (memcmp(value, "map", 3) != 0)
			buf_printf(out, "%.*s\n", (int)strcspn(value, " \n"), value);
	}
}

static void run(const char *command, struct buf *out)
{
	FILE *f = popen(command, "r");

	assert_non_null(f);
	out->err = buf_read_fd(out, fileno(f), 1 << 20);
	pclose(f);
}

static void answers_are_those_of_libbpf(void **state)
{
	struct bench *b = *state;
	struct buf listing = { 0 }, theirs = { 0 }, ours = { 0 };

	if (geteuid() || access(VMLINUX, R_OK)) {
		print_message("skipped: needs root and the kernel's BTF\n");
		skip();
	}
	/* in a mount namespace of its own: nothing is left behind */
	run("unshare -m sh -c 'mount -t bpf bpf /sys/fs/bpf && "
	    "bpftool prog load " OBJECTS "kernel.o /sys/fs/bpf/skep && "
	    "bpftool prog dump xlated pinned /sys/fs/bpf/skep' 2>/dev/null",
	    &listing);
	constants(listing.data ? listing.data : "", &theirs);
	if (!theirs.len) {
		print_message("skipped: bpftool does not load kernel.o here\n");
		buf_done(&listing);
		skip();
	}
	use_target(b, VMLINUX);
	read_objects(b, "kernel");
	const struct image_prog *p = prog(b, "ask");
	disasm_prog(&b->text, p->insns.v, p->insns.n, NULL);
	constants(b->text.data, &ours);
	assert_same_text("kernel.o", theirs.data, ours.data);
	buf_done(&listing);
	buf_done(&theirs);
	buf_done(&ours);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers_are_those_of_libbpf, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
