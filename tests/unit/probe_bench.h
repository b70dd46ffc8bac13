/* What the probe tests share: an environment over fixture files, and short ways to use it. */
#ifndef SKEP_TESTS_PROBE_BENCH_H
#define SKEP_TESTS_PROBE_BENCH_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "probe/plan.h"
#include "sym/sym.h"
#include "types/btf.h"

struct bench {
	jmp_buf no_memory;
	struct arena arena;
	struct types types;
	struct target target;
	struct tracefs tracefs;
	struct diags diags;
	struct probe_env env;
	struct buf text;
};

static int bench_setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	if (!b || setjmp(b->no_memory))
		return -1;
	arena_init(&b->arena, &b->no_memory);
	types_init(&b->types, &b->arena);
	diags_init(&b->diags, &b->arena, NULL);
	b->tracefs = (struct tracefs){ .dirfd = -1, .root = "tests/fixtures/tracefs" };
	b->target = (struct target){ .arch = ARCH_X86_64, .kernel = KERNEL(6, 12), .ncpus = 2 };
	b->env = (struct probe_env){ .arena = &b->arena,
				     .types = &b->types,
				     .target = &b->target,
				     .tracefs = &b->tracefs,
				     .diags = &b->diags,
				     .btf_path = "tests/fixtures/btf/probe.btf",
				     .pid = -1 };
	*state = b;
	return 0;
}

static int bench_teardown(void **state)
{
	struct bench *b = *state;

	probe_env_done(&b->env);
	if (b->types.btf)
		btf_close(b->types.btf);
	tracefs_done(&b->tracefs);
	buf_done(&b->text);
	arena_done(&b->arena);
	free(b);
	return 0;
}

/* The events of @text; the test fails when there is an error. */
static inline struct event_list bench_match(struct bench *b, const char *text)
{
	struct event_list events = { 0 };
	struct probe_spec spec;

	if (probe_parse(&b->env, text, SPAN_NONE, &spec) || probe_match(&b->env, &spec, &events))
		fail_msg("%s: %s", text, b->diags.first ? b->diags.first->text : "no reason");
	return events;
}

static inline struct event *bench_event(struct bench *b, const char *text)
{
	struct event_list events = bench_match(b, text);

	assert_int_equal(events.n, 1);
	return events.v[0];
}

/* All that the diagnostics say, a line each, hints after "HINT: "; forgets them. */
static inline const char *bench_said(struct bench *b)
{
	buf_clear(&b->text);
	for (struct diag *d = b->diags.first; d; d = d->next) {
		buf_printf(&b->text, "%s\n", d->text);
		for (uint32_t i = 0; i < d->hints.n; i++)
			buf_printf(&b->text, "HINT: %s\n", d->hints.v[i]);
	}
	diags_init(&b->diags, &b->arena, NULL);
	return b->text.data ? b->text.data : "";
}

/* @text is no attach point, and the reason is @said. */
static inline void assert_refused(struct bench *b, const char *text, const char *said)
{
	struct event_list events = { 0 };
	struct probe_spec spec;
	int err = probe_parse(&b->env, text, SPAN_NONE, &spec);

	if (!err)
		err = probe_match(&b->env, &spec, &events);
	assert_true(err < 0);
	assert_string_equal(bench_said(b), said);
}

static inline void assert_events(struct bench *b, const char *text, const char *names)
{
	struct event_list events = bench_match(b, text);
	struct buf got = { 0 };

	for (uint32_t i = 0; i < events.n; i++)
		buf_printf(&got, "%s%s", i ? " " : "", events.v[i]->name);
	assert_string_equal(got.data ? got.data : "", names);
	buf_done(&got);
}

#endif
