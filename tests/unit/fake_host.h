/*
 * A host that plays back what a test wrote down: records that come at each step, and the contents
 * of maps. It logs the order in which it is called.
 */
#ifndef SKEP_TESTS_FAKE_HOST_H
#define SKEP_TESTS_FAKE_HOST_H

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "image/host.h"
#include "out_testing.h"

/* When a record is in the ring. */
enum fake_step { FAKE_BEGIN, FAKE_TRACE, FAKE_STOP, FAKE_END, FAKE_STEPS };

struct fake_record {
	enum fake_step step;
	size_t size;
	char data[512];
};

struct fake_entry {
	uint32_t map, nvalues, stride;
	char key[64];
	char values[1200];
};

struct fake_host {
	struct host host;
	const struct image *img;
	VEC(struct fake_record) records;
	VEC(struct fake_entry) entries;
	uint32_t next;          /* record to give out */
	uint32_t per_drain;     /* at most so many a drain; 0: all */
	enum fake_step reached; /* records up to this step are there */
	struct image_globals globals;
	uint64_t missed[8];
	int fd; /* readable while tracing */
	int load_error, attach_error, attached;
	void (*on_record)(struct fake_host *f, uint32_t n); /* before record @n is given out */
	struct buf log;
};

static int fake_load(struct host *h, const struct image *img, struct diags *diags)
{
	struct fake_host *f = (struct fake_host *)h;

	(void)diags;
	f->img = img;
	buf_puts(&f->log, "load ");
	return f->load_error;
}

static int fake_run(struct host *h, enum attach_kind kind)
{
	struct fake_host *f = (struct fake_host *)h;

	buf_puts(&f->log, kind == ATTACH_BEGIN ? "begin " : "end ");
	if (kind == ATTACH_END)
		f->reached = FAKE_END;
	return 0;
}

static int fake_attach(struct host *h, struct diags *diags, bool missing_ok,
		       void (*progress)(void *ctx, uint32_t done, uint32_t all), void *ctx)
{
	struct fake_host *f = (struct fake_host *)h;

	(void)diags;
	(void)progress;
	(void)ctx;
	buf_puts(&f->log, missing_ok ? "attach-what-is-there " : "attach ");
	f->reached = FAKE_TRACE;
	eventfd_write(f->fd, 1);
	return f->attach_error ? f->attach_error : f->attached;
}

static int fake_poll_fd(struct host *h)
{
	return ((struct fake_host *)h)->fd;
}

static int fake_drain(struct host *h, host_record_fn *fn, void *ctx)
{
	struct fake_host *f = (struct fake_host *)h;
	uint32_t given = 0;

	while (f->next < f->records.n && f->records.v[f->next].step <= f->reached &&
	       (!f->per_drain || given < f->per_drain)) {
		const struct fake_record *r = &f->records.v[f->next];
		char *copy = malloc(r->size); /* so that a sanitizer sees its end */
		int err;

		if (f->on_record)
			f->on_record(f, f->next);
		memcpy(copy, r->data, r->size);
		err = fn(ctx, copy, r->size);
		free(copy);
		if (err < 0)
			return err;
		f->next++;
		given++;
	}
	return given;
}

static int fake_stop(struct host *h)
{
	struct fake_host *f = (struct fake_host *)h;

	f->reached = MAX(f->reached, FAKE_STOP);
	buf_puts(&f->log, "stop ");
	return 0;
}

static struct image_globals *fake_globals(struct host *h)
{
	return &((struct fake_host *)h)->globals;
}

static int fake_map_each(struct host *h, uint32_t map, host_entry_fn *fn, void *ctx)
{
	struct fake_host *f = (struct fake_host *)h;

	for (uint32_t i = 0; i < f->entries.n; i++) {
		const struct fake_entry *e = &f->entries.v[i];

		if (e->map == map && fn(ctx, e->key, e->values, e->nvalues, e->stride))
			break;
	}
	return 0;
}

static int fake_map_lookup(struct host *h, uint32_t map, const void *key, host_entry_fn *fn,
			   void *ctx)
{
	struct fake_host *f = (struct fake_host *)h;

	for (uint32_t i = 0; i < f->entries.n; i++) {
		const struct fake_entry *e = &f->entries.v[i];

		if (e->map == map && memcmp(e->key, key, f->img->maps.v[map].key_size) == 0) {
			fn(ctx, e->key, e->values, e->nvalues, e->stride);
			return 0;
		}
	}
	return -ENOENT;
}

static int fake_map_clear(struct host *h, uint32_t map)
{
	buf_printf(&((struct fake_host *)h)->log, "clear%u ", map);
	return 0;
}

static int fake_map_zero(struct host *h, uint32_t map)
{
	buf_printf(&((struct fake_host *)h)->log, "zero%u ", map);
	return 0;
}

static uint64_t fake_missed(struct host *h, uint32_t prog)
{
	return ((struct fake_host *)h)->missed[prog];
}

static const struct host_ops fake_ops = {
	.name = "fake",
	.load = fake_load,
	.run = fake_run,
	.attach = fake_attach,
	.poll_fd = fake_poll_fd,
	.drain = fake_drain,
	.stop = fake_stop,
	.globals = fake_globals,
	.map_each = fake_map_each,
	.map_lookup = fake_map_lookup,
	.map_clear = fake_map_clear,
	.map_zero = fake_map_zero,
	.missed = fake_missed,
};

static inline void fake_start(struct fake_host *f)
{
	*f = (struct fake_host){ .host = { &fake_ops }, .fd = eventfd(0, EFD_CLOEXEC) };
}

static inline void fake_done(struct fake_host *f)
{
	close(f->fd);
	buf_done(&f->log);
}

/* A record of @site with @size bytes of members behind its head. */
static inline void fake_record(struct fake_host *f, enum fake_step step, uint32_t site,
			       const void *members, size_t size)
{
	struct fake_record r = { .step = step, .size = sizeof(struct record_head) + size };

	memcpy(r.data, &site, sizeof(site));
	if (size)
		memcpy(r.data + sizeof(struct record_head), members, size);
	vec_push(&arena, &f->records, r);
}

static inline void fake_entry(struct fake_host *f, uint32_t map, const void *key, size_t key_size,
			      const void *values, size_t size, uint32_t n)
{
	struct fake_entry e = { .map = map, .nvalues = n, .stride = size / n };

	memcpy(e.key, key, key_size);
	memcpy(e.values, values, size);
	vec_push(&arena, &f->entries, e);
}

#endif
