/* What tests of the public library share: objects from text, an engine, a run. */
#ifndef TEST_API_TESTING_H
#define TEST_API_TESTING_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <linux/bpf.h>
#include <skep/skep.h>

static struct skep_why why; /* of the call in hand */

#define assert_why(part) assert_non_null(strstr(why.text, part))
#define assert_done(call)                                   \
	do {                                                \
		int err_ = (call);                          \
		if (err_)                                   \
			fail_msg("%d: %s", err_, why.text); \
	} while (0)

__attribute__((unused)) static struct skep_object *from_text(const char *text)
{
	struct skep_object *o = NULL;

	assert_done(skep_open_memory("test", text, strlen(text), NULL, &o, &why));
	return o;
}

__attribute__((unused)) static struct skep_map *new_map(uint32_t type, uint32_t key, uint32_t value,
							uint32_t max, enum skep_where where)
{
	const struct skep_map_info info = {
		.name = "m", .type = type, .key_size = key, .value_size = value, .max_entries = max
	};
	struct skep_map *m = NULL;

	assert_int_equal(skep_map_new(&info, where, &m), 0);
	return m;
}

/* A program of its own engine: NULL, with the error in *ret_err. */
struct machine {
	struct skep_engine *engine;
	struct skep_object *object;
	struct skep_prog *prog;
	struct skep_run *run;
};

__attribute__((unused)) static void machine_init(struct machine *m, const char *text,
						 uint32_t flags)
{
	const struct skep_prog_options opt = { .flags = flags, .fuel = 10000 };

	assert_int_equal(skep_engine_new(NULL, &m->engine), 0);
	m->object = from_text(text);
	assert_done(skep_prog_new(m->engine, m->object, 0, &opt, &m->prog, &why));
	assert_int_equal(skep_run_new(m->engine, 0, &m->run), 0);
}

__attribute__((unused)) static void machine_done(struct machine *m)
{
	skep_run_free(m->run);
	skep_prog_free(m->prog);
	skep_object_free(m->object);
	skep_engine_free(m->engine);
}

#endif
