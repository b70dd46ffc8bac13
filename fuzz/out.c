/* Fuzzes output: any format over any record prints, as text and as JSON, without reading past
 * what is there; JSON strings are closed and hold no control bytes. The first byte of the input
 * says how long the format is, the rest is the record. Corpus: fuzz/corpus/out. */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "out/out.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct type *make_args(struct types *types)
{
	const struct type *i32 = type_int(types, 4, true), *i64 = type_int(types, 8, true);
	const struct type *pair = type_tuple(
		types, (const struct type *const[]){ i32, type_string(types, 8) }, 2);
	const struct type *members[] = {
		i64,
		i32,
		type_bool(types),
		type_simple(types, TYPE_INET, 20),
		type_simple(types, TYPE_MAC, 6),
		type_simple(types, TYPE_USYM, 16),
		type_simple(types, TYPE_PROBE, 8),
		type_simple(types, TYPE_TIMESTAMP, 8),
		type_array(types, pair, 3),
		type_simple(types, TYPE_BUFFER, 24),
		type_string(types, 16),
	};

	return type_tuple(types, members, ARRAY_LEN(members));
}

/* A value record is one line that ends as it should; what stands in it is the tests' matter. */
static void check_line(const struct buf *out)
{
	if (out->err || !out->len || out->data[out->len - 1] != '\n')
		abort();
	for (size_t i = 0; i + 1 < out->len; i++)
		if ((unsigned char)out->data[i] < 0x20)
			abort();
}

static void print_all(const struct out_env *env, const char *record, size_t size)
{
	const struct image_site *site = &env->image->sites.v[0];
	struct out_env json = *env;
	struct buf out = { 0 };

	json.format = OUT_JSON;
	out_printf(&out, env, site, record, size);
	buf_clear(&out);
	for (uint32_t i = 0; i < site->args->nmembers; i++) {
		const struct type_member *m = &site->args->members[i];
		size_t at = MIN((size_t)m->offset, size);
		size_t bytes = MIN(size - at, (size_t)m->type->size);

		out_value(&out, env, m->type, record + at, bytes);
		buf_clear(&out);
		out_value_record(&out, &json, m->type, record + at, bytes);
		check_line(&out);
		buf_clear(&out);
	}
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t length = size ? MIN((size_t)data[0], size - 1) : 0,
	       rest = size ? size - 1 - length : 0;
	struct settings settings;
	struct arena arena;
	struct types types;
	jmp_buf no_memory;

	if (setjmp(no_memory))
		abort();
	arena_init(&arena, &no_memory);
	types_init(&types, &arena);
	settings_default(&settings);
	struct image *img = image_new(&arena, NULL);
	char *format = size ? arena_strndup(&arena, (const char *)data + 1, length) : "";
	char *record = malloc(MAX(rest, (size_t)1)); /* its end is the heap block's */

	image_site_add(img, &(struct image_site){ .kind = RENDER_PRINTF,
						  .format = format,
						  .args = make_args(&types) });
	struct out_env env = { .image = img, .settings = &settings };
	struct out_formats *formats = out_formats_new(img);

	env.symbols = symbols_new("/dev/null", "/nonexistent");
	env.formats = formats;
	if (!record || !formats || !env.symbols)
		abort();
	if (rest)
		memcpy(record, data + 1 + length, rest);
	print_all(&env, record, rest);
	symbols_free(env.symbols);
	out_formats_free(formats);
	free(record);
	arena_done(&arena);
	return 0;
}
