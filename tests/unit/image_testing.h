/* What the tests of ELF objects share: reading fixtures, and an image as text. */
#ifndef IMAGE_TESTING_H
#define IMAGE_TESTING_H

#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/disasm.h"
#include "image/object.h"

#define OBJECTS "tests/fixtures/objects/"

/* Enough of a kernel's configuration for basic.c. */
#define CONFIG                                       \
	"# a comment\nCONFIG_BPF=y\nCONFIG_HZ=250\n" \
	"CONFIG_HZ_1000=m\nCONFIG_DEFAULT_HOSTNAME=\"(none)\"\n"

struct bench {
	jmp_buf no_memory;
	struct arena arena;
	struct types types;
	struct sources sources;
	struct diags diags;
	struct object_options opt;
	struct buf files[4]; /* those of the last reading */
	struct image *img;
	struct buf text;
};

static inline void bench_open(struct bench *b)
{
	arena_init(&b->arena, &b->no_memory);
	types_init(&b->types, &b->arena);
	b->sources = (struct sources){ .arena = &b->arena };
	diags_init(&b->diags, &b->arena, &b->sources);
	b->opt = (struct object_options){ .kernel = 0x60100, .config = CONFIG };
}

static inline void bench_close(struct bench *b)
{
	btf_close((struct btf *)b->opt.target);
	for (size_t i = 0; i < ARRAY_LEN(b->files); i++)
		buf_done(&b->files[i]);
	buf_done(&b->text);
	arena_done(&b->arena);
}

static inline int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	if (!b || setjmp(b->no_memory))
		return -1;
	bench_open(b);
	*state = b;
	return 0;
}

static inline int teardown(void **state)
{
	bench_close(*state);
	free(*state);
	return 0;
}

static inline int read_bytes(struct bench *b, const char *name, const void *data, size_t size)
{
	const struct object_file file = { name, data, size };

	b->img = NULL;
	return object_read(&file, 1, &b->opt, &b->types, &b->sources, &b->diags, &b->img);
}

/* Reads fixtures, separated by blanks, into one image. */
static inline int try_objects(struct bench *b, const char *names)
{
	struct object_file files[ARRAY_LEN(b->files)];
	char list[256], path[300], *save = NULL;
	uint32_t n = 0;

	snprintf(list, sizeof(list), "%s", names);
	for (char *s = strtok_r(list, " ", &save); s; s = strtok_r(NULL, " ", &save), n++) {
		assert_true(n < ARRAY_LEN(b->files));
		snprintf(path, sizeof(path), OBJECTS "%s.o", s);
		buf_clear(&b->files[n]);
		assert_int_equal(buf_read_file(&b->files[n], AT_FDCWD, path, 1 << 24), 0);
		files[n] = (struct object_file){ arena_printf(&b->arena, "%s.o", s),
						 b->files[n].data, b->files[n].len };
	}
	b->img = NULL;
	return object_read(files, n, &b->opt, &b->types, &b->sources, &b->diags, &b->img);
}

static inline void show_diags(struct buf *out, const struct diags *d)
{
	for (const struct diag *one = d->first; one; one = one->next)
		diag_render(out, d, one, false);
}

static inline void read_objects(struct bench *b, const char *names)
{
	if (try_objects(b, names)) {
		struct buf why = { 0 };

		show_diags(&why, &b->diags);
		fail_msg("%s", why.data);
	}
}

static inline void use_target(struct bench *b, const char *path)
{
	const char *why = NULL;

	assert_int_equal(btf_open(&b->types, path, (struct btf **)&b->opt.target, &why), 0);
}

static inline const struct image_prog *prog(const struct bench *b, const char *name)
{
	for (uint32_t i = 0; i < b->img->progs.n; i++)
		if (streq(b->img->progs.v[i].name, name))
			return &b->img->progs.v[i];
	fail_msg("there is no program %s", name);
	return NULL;
}

static inline const struct image_map *map(const struct bench *b, const char *name)
{
	for (uint32_t i = 0; i < b->img->maps.n; i++)
		if (streq(b->img->maps.v[i].name, name))
			return &b->img->maps.v[i];
	fail_msg("there is no map %s", name);
	return NULL;
}

/* ---- an image as text ---- */

static inline void describe_map(struct buf *out, const struct image *img, const struct image_map *m)
{
	buf_printf(out, "map %s: role %d, kind %u, key %u", m->name, m->role, m->kind, m->key_size);
	if (m->key) {
		buf_puts(out, " ");
		type_print(out, m->key);
	}
	buf_printf(out, ", value %u", m->value_size);
	if (m->value) {
		buf_puts(out, " ");
		type_print(out, m->value);
	}
	buf_printf(out, ", %u entries", m->max_entries);
	if (m->flags || m->extra || m->numa_node)
		buf_printf(out, ", flags 0x%x, extra %" PRIu64 ", node %u", m->flags, m->extra,
			   m->numa_node);
	if (m->inner)
		buf_printf(out, ", of %s", img->maps.v[m->inner - 1].name);
	buf_printf(out, "%s%s\n", m->is_template ? ", template" : "",
		   m->is_pinned ? ", pinned" : "");
	for (uint32_t i = 0; m->role != MAP_USER && m->value && i < m->value->nmembers; i++) {
		buf_printf(out, "\t%u: ", m->value->members[i].offset);
		type_print(out, m->value->members[i].type);
		buf_printf(out, " %s\n", m->value->members[i].name);
	}
	for (uint32_t i = 0; m->data && i < m->value_size; i++)
		buf_printf(out, "%s%02x%s", i % 16 ? " " : "\t", ((const uint8_t *)m->data)[i],
			   i % 16 == 15 || i + 1 == m->value_size ? "\n" : "");
	for (uint32_t i = 0; i < m->inits.n; i++)
		buf_printf(out, "\tat %u: %s %s%+d\n", m->inits.v[i].at,
			   m->inits.v[i].kind == INIT_PROG ? "program" : "map",
			   m->inits.v[i].kind == INIT_PROG ? img->progs.v[m->inits.v[i].index].name
							   : img->maps.v[m->inits.v[i].index].name,
			   (int)m->inits.v[i].addend);
}

static inline void describe_reloc(struct buf *out, const struct image *img, const struct reloc *r)
{
	static const char *const kinds[] = { "map",   "value",           "function",       "symbol",
					     "param", "kernel function", "kernel variable" };

	buf_printf(out, "\t\t; %s ", kinds[r->kind]);
	if (r->name)
		buf_puts(out, r->name);
	else if (r->kind == RELOC_FUNC)
		buf_printf(out, "%u", r->index);
	else
		buf_puts(out, img->maps.v[r->index].name);
	buf_printf(out, "%+d%s", (int)r->addend, r->is_weak ? " weak" : "");
	if (r->type) {
		buf_puts(out, " ");
		type_print(out, r->type);
	}
}

static inline void describe_place(struct buf *out, const struct image *img,
				  const struct image_prog *p, uint32_t at)
{
	struct span span = prog_span(p, at), before = at ? prog_span(p, at - 1) : SPAN_NONE;
	struct place place = sources_place(img->sources, span.lo);
	uint32_t len;

	if (span.lo == before.lo || !place.source)
		return;
	const char *text = source_line(place.source, place.line, &len);
	while (len && (*text == '\t' || *text == ' '))
		text++, len--;
	buf_printf(out, "; %s:%u:%u %.*s\n", place.source->name, place.line, place.column, (int)len,
		   text);
}

static inline void describe_prog(struct buf *out, const struct image *img,
				 const struct image_prog *p)
{
	uint32_t at = 0, reloc = 0, func = 0;

	buf_printf(out, "\nprogram %s: section %s, type %u, attach type %u, flags 0x%x%s%s%s\n",
		   p->name, p->section ? p->section : "none", p->type, p->attach_type, p->flags,
		   p->attach_func ? ", to " : "", p->attach_func ? p->attach_func : "",
		   p->is_optional ? ", optional" : "");
	while (at < p->insns.n) {
		if (func < p->funcs.n && p->funcs.v[func].insn == at) {
			buf_printf(out, "%s: %u parameters ", p->funcs.v[func].name,
				   p->funcs.v[func].nparams);
			if (p->funcs.v[func].type)
				type_print(out, p->funcs.v[func].type);
			buf_puts(out, "\n");
			func++;
		}
		describe_place(out, img, p, at);
		buf_printf(out, "%4u: ", at);
		uint32_t next = at + (uint32_t)disasm_insn(out, p->insns.v, p->insns.n, at, NULL);
		if (reloc < p->relocs.n && p->relocs.v[reloc].insn == at)
			describe_reloc(out, img, &p->relocs.v[reloc++]);
		if (prog_poison(p, at))
			buf_printf(out, "\t\t; %s", prog_poison(p, at));
		buf_puts(out, "\n");
		at = next;
	}
	assert_int_equal(reloc, p->relocs.n);
	assert_int_equal(func, p->funcs.n);
}

static inline void describe(struct buf *out, const struct image *img)
{
	buf_printf(out, "licence %s, version 0x%x\n", img->license, img->version);
	for (uint32_t i = 0; i < img->maps.n; i++)
		describe_map(out, img, &img->maps.v[i]);
	for (uint32_t i = 0; i < img->progs.n; i++)
		describe_prog(out, img, &img->progs.v[i]);
}

/* Fails at the first line that differs. */
static inline void assert_same_text(const char *what, const char *want, const char *got)
{
	while (*want || *got) {
		size_t a = strcspn(want, "\n"), b = strcspn(got, "\n");

		if (a != b || memcmp(want, got, a) != 0)
			fail_msg("%s: not \"%.*s\" but \"%.*s\"", what, (int)a, want, (int)b, got);
		want += a + (want[a] == '\n');
		got += b + (got[b] == '\n');
	}
}

#endif
