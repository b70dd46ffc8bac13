/*
 * Walks tests/golden/image: each NAME.image is what reading the objects NAME (several are joined
 * by '+') gives, relocated against core_target.btf where the name ends in '@'.
 *
 * BLESS=1 in the environment rewrites them; the diff is for review.
 */
#include "image_testing.h"

#include <dirent.h>
#include <unistd.h>

#define FOLDER "tests/golden/image"

static void write_file(const char *path, const struct buf *got)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(got->data, 1, got->len, f), got->len);
	fclose(f);
}

static void compare(const char *path, const struct buf *want, const struct buf *got)
{
	if (want->len == got->len && memcmp(want->data, got->data, got->len) == 0)
		return;
	fail_msg("%s: expected\n%s---- but got\n%s----\n", path, want->data, got->data);
}

static void one(const char *name)
{
	char path[300], objects[256];
	struct buf want = { 0 };
	struct bench b = { 0 };

	if (setjmp(b.no_memory))
		fail();
	bench_open(&b);
	snprintf(path, sizeof(path), FOLDER "/%s", name);
	snprintf(objects, sizeof(objects), "%.*s", (int)strcspn(name, ".@"), name);
	for (char *s = objects; *s; s++)
		if (*s == '+')
			*s = ' ';
	if (strchr(name, '@'))
		use_target(&b, OBJECTS "core_target.btf");
	read_objects(&b, objects);
	describe(&b.text, b.img);
	if (getenv("BLESS"))
		write_file(path, &b.text);
	assert_int_equal(buf_read_file(&want, AT_FDCWD, path, 1 << 24), 0);
	compare(path, &want, &b.text);
	buf_done(&want);
	bench_close(&b);
}

static void goldens(void **state)
{
	DIR *dir = opendir(FOLDER);
	unsigned n = 0;

	(void)state;
	assert_non_null(dir);
	for (struct dirent *e; (e = readdir(dir));)
		if (strstr(e->d_name, ".image")) {
			one(e->d_name);
			n++;
		}
	closedir(dir);
	assert_true(n >= 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(goldens) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
