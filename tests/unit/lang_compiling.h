/*
 * What the tests of the language's back half share: a script compiled for a fixed kernel, with
 * the fixtures for its tracepoints and types, and the dump of every stage. Included by
 * tests/unit/lang_*.c.
 *
 * A script may begin with lines that say how it is to be compiled:
 *
 *	// kernel 5.10            instead of 6.1
 *	// arch arm64             instead of x86-64
 *	// params open 7          $1, $2
 *	// features bpf_loop=off  as for target_force()
 *	// unsafe
 *	// warnings               -k
 *	// child                  as if a command were given by -c
 *	// raw                    system calls by the raw tracepoint
 *	// no btf
 */
#ifndef TESTS_LANG_COMPILING_H
#define TESTS_LANG_COMPILING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "image/image.h"
#include "lang/lang.h"
#include "sym/sym.h"
#include "types/btf.h"

struct compiled {
	struct arena arena;
	jmp_buf no_memory;
	struct sources sources;
	struct diags diags;
	struct types types;
	struct target target;
	struct tracefs tracefs;
	struct probe_env env;
	struct lang_options opt;
	struct lang_result result;
	const char *params[8];
	struct buf stages[128]; /* dumps by stage letter */
	int status;
};

static inline void compiled_dump(void *ctx, char stage, const char *title, const char *text)
{
	struct compiled *c = ctx;

	if (stage != 's' && stage != 'p')
		buf_printf(&c->stages[(int)stage], "== %s ==\n", title);
	buf_puts(&c->stages[(int)stage], text);
}

static inline void compiled_params(struct compiled *c, char *words)
{
	for (char *w = strtok(words, " "); w; w = strtok(NULL, " "))
		if (c->opt.nparams < 8)
			c->params[c->opt.nparams++] = w;
	c->opt.params = c->params;
}

/* One "// name value" line; false when it is something else. */
static inline bool compiled_option(struct compiled *c, char *line)
{
	char *value = strchr(line, ' ');
	const char *bad;

	if (value)
		*value++ = '\0';
	if (streq(line, "kernel") && value)
		c->target.kernel = target_parse_kernel(value);
	else if (streq(line, "arch"))
		c->target.arch = ARCH_ARM64;
	else if (streq(line, "params") && value)
		compiled_params(c, value);
	else if (streq(line, "features") && value)
		assert_int_equal(target_force(&c->target, value, &bad), 0);
	else if (streq(line, "unsafe"))
		c->opt.unsafe = c->env.unsafe = true;
	else if (streq(line, "warnings"))
		c->opt.warn_helpers = true;
	else if (streq(line, "child"))
		c->opt.child_pid = 4711;
	else if (streq(line, "raw"))
		c->env.syscalls = SYSCALLS_RAW;
	else if (streq(line, "no"))
		c->env.btf_path = NULL;
	else
		return false;
	return true;
}

static inline void compiled_options(struct compiled *c, const char *text)
{
	while (strncmp(text, "// ", 3) == 0) {
		size_t len = strcspn(text, "\n");

		if (!compiled_option(c, arena_strndup(&c->arena, text + 3, len - 3)))
			return;
		text += len + (text[len] == '\n');
	}
}

static inline void compile_text(struct compiled *c, const char *name, const char *text, size_t len,
				const char *stages)
{
	const struct source *src;

	memset(c, 0, sizeof(*c));
	if (setjmp(c->no_memory))
		fail_msg("out of memory");
	arena_init(&c->arena, &c->no_memory);
	c->sources.arena = &c->arena;
	src = sources_add(&c->sources, name, text, len);
	assert_non_null(src);
	diags_init(&c->diags, &c->arena, &c->sources);
	types_init(&c->types, &c->arena);
	c->target = (struct target){ .kernel = KERNEL(6, 1), .ncpus = 4 };
	c->tracefs = (struct tracefs){ .dirfd = -1, .root = "tests/fixtures/tracefs" };
	c->env = (struct probe_env){ .arena = &c->arena,
				     .types = &c->types,
				     .target = &c->target,
				     .tracefs = &c->tracefs,
				     .diags = &c->diags,
				     .btf_path = "tests/fixtures/btf/script.btf",
				     .pid = -1 };
	c->env.symbols = symbols_new("tests/fixtures/kallsyms-probe", NULL);
	settings_default(&c->opt.settings);
	c->opt.dump = compiled_dump;
	c->opt.dump_ctx = c;
	c->opt.stages = stages;
	compiled_options(c, text);
	c->status = lang_compile(&c->env, &c->sources, src, &c->opt, &c->result);
}

static inline void compiled_done(struct compiled *c)
{
	for (size_t i = 0; i < ARRAY_LEN(c->stages); i++)
		buf_done(&c->stages[i]);
	symbols_free(c->env.symbols);
	c->env.symbols = NULL;
	probe_env_done(&c->env);
	if (c->types.btf)
		btf_close(c->types.btf);
	tracefs_done(&c->tracefs);
	arena_done(&c->arena);
}

#endif
