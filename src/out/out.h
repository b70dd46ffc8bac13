/*
 * Output: values, formatted messages and whole maps as text or JSON, byte for byte as bpftrace
 * users and their scripts expect. Writes to buffers; never prints.
 */
#ifndef SKEP_OUT_OUT_H
#define SKEP_OUT_OUT_H

#include "base/buf.h"
#include "image/image.h"
#include "image/setting.h"
#include "sym/sym.h"

enum out_format { OUT_TEXT, OUT_JSON };

/* The formats of an image's sites, taken apart once so that printing a record parses nothing. */
struct out_formats;

/* out_formats_new - for all sites of @image, which must stay; NULL without memory. */
struct out_formats *out_formats_new(const struct image *image);
void out_formats_free(struct out_formats *formats);

/* What output needs to know beside the value. */
struct out_env {
	enum out_format format;
	const struct out_formats *formats; /* out_printf needs them */
	const struct image *image;
	const struct settings *settings;
	struct symbols *symbols;
	uint64_t boot_ns; /* wall-clock ns at boot, for timestamps */
	/* The frames of stack @id; returns how many (up to @max), or -errno. */
	int (*stack)(void *ctx, uint64_t id, uint64_t *frames, uint32_t max);
	void *stack_ctx;
};

/* out_value - @data of type @t as print() shows it (no newline), or as a JSON value. @bytes of
 * it are there; a value that needs more prints as empty (JSON: null), strings and buffers as far
 * as they go. A string that fills its type's size without a NUL was cut, and gets the trailer of
 * the settings behind it. */
void out_value(struct buf *out, const struct out_env *env, const struct type *t, const void *data,
	       size_t bytes);

/* out_printf - @site's format with the members of its args found in @record (@size bytes; a
 * member that lies past the end prints as empty). Text only, no JSON wrapping. */
void out_printf(struct buf *out, const struct out_env *env, const struct image_site *site,
		const void *record, size_t size);

/* out_strftime - @ns since boot by an strftime format that also knows %f (microseconds). */
void out_strftime(struct buf *out, const struct out_env *env, const char *format, uint64_t ns);

/* out_text_record - {"type": @type, "data": "text"} and a newline, for JSON. */
void out_text_record(struct buf *out, const char *type, const char *text, size_t len);
/* out_value_record - print() of a value that is no map: a line of text or a JSON record. */
void out_value_record(struct buf *out, const struct out_env *env, const struct type *t,
		      const void *data, size_t bytes);
/* out_json_string - @len bytes quoted. */
void out_json_string(struct buf *out, const char *text, size_t len);

/* Entries of a map, collected from a host, values merged over CPUs. */
struct out_map {
	const struct image_map *map;
	uint32_t n, cap;
	char *keys, *values; /* n times key_size, n times value_size */
	int err;
};

/* out_map_add - a host_entry_fn; @ctx is the struct out_map. Sticky -ENOMEM. */
int out_map_add(void *ctx, const void *key, const void *values, uint32_t nvalues, uint32_t stride);
/* out_map_print - sorted as bpftrace does; only the last (largest) @top entries when @top is not
 * 0; values divided by @div when it is not 0. */
void out_map_print(struct buf *out, const struct out_env *env, struct out_map *entries, int64_t top,
		   int64_t div);
void out_map_done(struct out_map *entries);

#endif
