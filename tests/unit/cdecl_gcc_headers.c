/*
 * The machine's headers read by skep and by gcc: what gcc accepts alone, skep accepts; sizes,
 * offsets and constants agree; tokens after preprocessing are gcc's, given the same macros and
 * headers of a compiler. Skipped without gcc.
 */
#include "cdecl_gcc.h"

#include <dirent.h>

#define LINUX "/usr/include/linux"

static void need_gcc(void)
{
	if (target_native_arch() != ARCH_X86_64 ||
	    !can_run("echo '#include <linux/types.h>' | gcc -fsyntax-only -x c -"))
		skip();
}

static void include_line(struct buf *out, const char *header)
{
	buf_printf(out, "#include <%s>\n", header);
}

/* ---- each header of linux/ ---- */

struct headers {
	char names[2048][80];
	unsigned n;
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void list_headers(struct headers *h)
{
	DIR *folder = opendir(LINUX);
	const struct dirent *entry;

	h->n = 0;
	if (!folder)
		skip();
	while ((entry = readdir(folder))) {
		size_t len = strlen(entry->d_name);

		if (len < 3 || len > 60 || !streq(entry->d_name + len - 2, ".h"))
			continue;
		assert_true(h->n < ARRAY_LEN(h->names));
		snprintf(h->names[h->n++], sizeof(h->names[0]), "linux/%s", entry->d_name);
	}
	closedir(folder);
	qsort(h->names, h->n, sizeof(h->names[0]), compare_names);
}

/* Reads the header and writes what gcc must agree to. False when skep found an error. */
static bool one_header(const char *folder, const char *header, unsigned index, struct buf *why)
{
	struct buf text = { 0 };
	struct reading r;
	char name[32];
	bool ok;

	include_line(&text, header);
	reading_init(&r);
	read_text(&r, "test.c", text.data);
	ok = r.status == 0;
	if (ok)
		assert_all_types(&text, &r, header);
	else
		render_diags(why, &r.diags);
	snprintf(name, sizeof(name), "%s%u.c", ok ? "ok" : "bad", index);
	write_file(folder, name, &text);
	buf_done(&text);
	reading_done(&r);
	return ok;
}

/* Lines of gcc's that are about what skep claimed. */
static unsigned disagreements(const char *folder)
{
	struct buf err = { 0 };
	unsigned n = 0;

	run_in(folder, "gcc -fsyntax-only -w -std=gnu17 ok*.c 2>err");
	read_back(folder, "err", &err);
	for (char *line = err.data ? strtok(err.data, "\n") : NULL; line; line = strtok(NULL, "\n"))
		if (strstr(line, "error") && strstr(line, "skep: ")) {
			print_error("%s\n", line);
			n++;
		}
	buf_done(&err);
	return n;
}

static void headers_of_the_kernel(void **state)
{
	static struct headers h;
	struct buf why = { 0 };
	char folder[64], command[128];
	unsigned wrong = 0, good = 0;

	(void)state;
	need_gcc();
	list_headers(&h);
	new_folder(folder);
	for (unsigned i = 0; i < h.n; i++) {
		buf_clear(&why);
		if (one_header(folder, h.names[i], i, &why)) {
			good++;
			continue;
		}
		snprintf(command, sizeof(command),
			 "gcc -fsyntax-only -w -std=gnu17 bad%u.c 2>/dev/null", i);
		if (run_in(folder, command) == 0) {
			print_error("%s is accepted by gcc, but: %s", h.names[i], why.data);
			wrong++;
		}
	}
	wrong += disagreements(folder);
	assert_true(good >= h.n * 9 / 10);
	assert_int_equal(wrong, 0);
	remove_folder(folder);
	buf_done(&why);
}

/* ---- constants ---- */

static const char *const samples[] = {
	"linux/tcp.h",   "linux/fs.h",        "linux/sched.h",  "asm/unistd.h",
	"netinet/in.h",  "sys/socket.h",      "linux/bpf.h",    "linux/perf_event.h",
	"linux/input.h", "linux/if_ether.h",  "linux/ptrace.h", "linux/netlink.h",
	"errno.h",       "fcntl.h",           "signal.h",       "sys/stat.h",
	"limits.h",      "stdint.h",          "stddef.h",       "linux/videodev2.h",
	"stdio.h",       "linux/rtnetlink.h", "net/if.h",       "linux/netfilter/x_tables.h",
	"pthread.h",     "linux/io_uring.h",  "elf.h",          "linux/capability.h",
};

/* Some macros that are constants to skep are, to gcc, only after others are defined. */
static unsigned assert_constants(struct buf *out, struct reading *r, const char *header)
{
	unsigned found = 0;
	uint32_t n;
	const char *const *names = cdecl_constants(r->c, &n);

	for (uint32_t i = 0; i < n; i++) {
		const struct cdecl_constant *k = cdecl_constant(r->c, names[i]);

		if (k->kind != CDECL_INTEGER)
			continue;
		buf_printf(out,
			   "_Static_assert((%s) == (__typeof__(%s))%lldull, \"skep: %s: %s\");\n",
			   names[i], names[i], (long long)k->value, header, names[i]);
		buf_printf(out, "_Static_assert(sizeof(%s) == %u, \"skep: %s: size of %s\");\n",
			   names[i], k->type->size, header, names[i]);
		found++;
	}
	return found;
}

static void constants_of_headers(void **state)
{
	unsigned found = 0;
	char folder[64];

	(void)state;
	need_gcc();
	new_folder(folder);
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		struct buf text = { 0 };
		struct reading r;
		char name[32];

		include_line(&text, samples[i]);
		reading_init(&r);
		read_text(&r, "test.c", text.data);
		found += assert_constants(&text, &r, samples[i]);
		snprintf(name, sizeof(name), "ok%zu.c", i);
		write_file(folder, name, &text);
		buf_done(&text);
		reading_done(&r);
	}
	assert_true(found > 3000);
	assert_int_equal(disagreements(folder), 0);
	remove_folder(folder);
}

/* ---- tokens ---- */

static void write_compiler(const char *folder)
{
	struct reading r;
	struct buf text = { 0 };
	const char *name, *header;
	char path[128];

	reading_init(&r);
	buf_puts(&text, pp_predefined(&r.arena, ARCH_X86_64));
	write_file(folder, "predefined.h", &text);
	assert_int_equal(run_in(folder, "mkdir compiler"), 0);
	for (uint32_t i = 0; (name = pp_freestanding(i, &header)); i++) {
		buf_clear(&text);
		buf_puts(&text, header);
		snprintf(path, sizeof(path), "compiler/%s", name);
		write_file(folder, path, &text);
	}
	buf_done(&text);
	reading_done(&r);
}

/* What gcc printed, cut into tokens by skep's lexer: one text without macros. */
static void gcc_tokens(const char *text, struct buf *out)
{
	struct pp_options options = { .no_files = true };
	struct reading r;

	reading_init(&r);
	preprocess(&r, "gcc.c", text, &options, out);
	reading_done(&r);
}

static void squeeze(struct buf *b)
{
	for (size_t i = 0; i < b->len; i++)
		if (b->data[i] == '\n')
			b->data[i] = ' ';
}

/* gcc leaves the names of predefined macros in its output only where they were not expanded; the
 * second pass must not expand them either, so that such texts are left out. */
static void compare_tokens(const char *folder, const char *text, const char *what)
{
	struct pp_options options = { .arch = ARCH_X86_64 };
	struct buf mine = { 0 }, theirs = { 0 }, raw = { 0 };
	struct reading r;

	buf_puts(&raw, text);
	write_file(folder, "t.c", &raw);
	assert_int_equal(run_in(folder,
				"gcc -E -P -w -std=gnu17 -undef -nostdinc -imacros predefined.h "
				"-isystem compiler -isystem /usr/include/x86_64-linux-gnu "
				"-isystem /usr/include t.c >out"),
			 0);
	read_back(folder, "out", &raw);
	gcc_tokens(raw.data ? raw.data : "", &theirs);
	reading_init(&r);
	preprocess(&r, "t.c", text, &options, &mine);
	squeeze(&mine);
	squeeze(&theirs);
	if (mine.len != theirs.len || (mine.len && memcmp(mine.data, theirs.data, mine.len))) {
		size_t same = 0;

		while (same < mine.len && same < theirs.len && mine.data[same] == theirs.data[same])
			same++;
		same = same > 60 ? same - 60 : 0;
		fail_msg("%s: gcc has\n%.200s\nbut skep\n%.200s", what, theirs.data + same,
			 mine.data + same);
	}
	reading_done(&r);
	buf_done(&mine);
	buf_done(&theirs);
	buf_done(&raw);
}

static void tokens_of_headers(void **state)
{
	struct buf text = { 0 };
	char folder[64];

	(void)state;
	need_gcc();
	new_folder(folder);
	write_compiler(folder);
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		buf_clear(&text);
		include_line(&text, samples[i]);
		compare_tokens(folder, text.data, samples[i]);
	}
	remove_folder(folder);
	buf_done(&text);
}

static void tokens_of_goldens(void **state)
{
	static const char *const files[] = { "macros.c", "lines.c", "conditions.c",
					     "declarations.c" };
	struct buf text = { 0 };
	char folder[64];

	(void)state;
	need_gcc();
	new_folder(folder);
	write_compiler(folder);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		read_back("tests/golden/cdecl", files[i], &text);
		compare_tokens(folder, text.data, files[i]);
	}
	remove_folder(folder);
	buf_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_of_the_kernel),
		cmocka_unit_test(constants_of_headers),
		cmocka_unit_test(tokens_of_headers),
		cmocka_unit_test(tokens_of_goldens),
	};

	return cmocka_run_group_tests_name("cdecl_gcc_headers", tests, NULL, NULL);
}
