/* Keys and values of maps as text: see value.h. Needs: the engine's maps. */
#include "cmd/value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int refuse(struct buf *why, const char *text, size_t size)
{
	buf_printf(why, "'%s' is no value of %zu byte%s", text, size, size == 1 ? "" : "s");
	return -EINVAL;
}

static int parse_hex(const char *text, uint8_t *to, size_t size)
{
	size_t n = 0;

	for (; *text; text += 2) {
		char pair[3] = { text[0], text[1], '\0' };

		if (!isxdigit((unsigned char)pair[0]) || !isxdigit((unsigned char)pair[1]) ||
		    n == size)
			return -EINVAL;
		to[n++] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return 0;
}

static int parse_string(const char *text, char *to, size_t size)
{
	size_t len = strlen(text);

	if (len < 2 || text[len - 1] != '"' || len - 2 > size)
		return -EINVAL;
	memcpy(to, text + 1, len - 2);
	return 0;
}

/* One number of @bytes; big-endian if @big. */
static int put_number(const char *text, uint8_t *to, size_t bytes, bool big)
{
	uint64_t value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || end == text || *end || bytes > 8)
		return -EINVAL;
	if (bytes < 8 && value >> (bytes * 8) && ~value >> (bytes * 8 - 1))
		return -EINVAL;
	for (size_t i = 0; i < bytes; i++)
		to[i] = (uint8_t)(value >> 8 * (big ? bytes - 1 - i : i));
	return 0;
}

/* "u32 1 be16 80" */
static int parse_members(const char *text, uint8_t *to, size_t size)
{
	char copy[1024], *save = NULL;
	size_t used = 0;

	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	strcpy(copy, text);
	for (char *kind = strtok_r(copy, " \t", &save); kind; kind = strtok_r(NULL, " \t", &save)) {
		const char *number = strtok_r(NULL, " \t", &save);
		bool big = strncmp(kind, "be", 2) == 0;
		unsigned long bits = strtoul(kind + (big ? 2 : 1), NULL, 10);

		if (!number || (bits != 8 && bits != 16 && bits != 32 && bits != 64) ||
		    used + bits / 8 > size || put_number(number, to + used, bits / 8, big))
			return -EINVAL;
		used += bits / 8;
	}
	return 0;
}

int value_parse(const char *text, void *to, size_t size, struct buf *why)
{
	int err;

	memset(to, 0, size);
	if (*text == '"')
		err = parse_string(text, to, size);
	else if (strncmp(text, "hex:", 4) == 0)
		err = parse_hex(text + 4, to, size);
	else if (*text == 'u' || *text == 'b')
		err = parse_members(text, to, size);
	else if (strchr(text, '.'))
		err = size == 4 && inet_pton(AF_INET, text, to) == 1 ? 0 : -EINVAL;
	else
		err = put_number(text, to, size, false);
	return err ? refuse(why, text, size) : 0;
}

void value_show(struct buf *out, const void *data, size_t size)
{
	uint64_t number = 0;

	if (size == 1 || size == 2 || size == 4 || size == 8) {
		memcpy(&number, data, size);
		buf_printf(out, "%llu", (unsigned long long)number);
		return;
	}
	buf_puts(out, "hex:");
	for (size_t i = 0; i < size; i++)
		buf_printf(out, "%02x", ((const uint8_t *)data)[i]);
}

static bool is_zero(const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (data[i])
			return false;
	}
	return true;
}

typedef void entry_fn(struct buf *out, const struct map *m, const void *key, const void *value,
		      bool first);

static void show_text(struct buf *out, const struct map *m, const void *key, const void *value,
		      bool first)
{
	(void)first;
	buf_printf(out, "%s[", m->def.name ? m->def.name : "");
	value_show(out, key, m->def.key_size);
	buf_puts(out, "] = ");
	value_show(out, value, m->def.value_size);
	buf_putc(out, '\n');
}

static void show_json(struct buf *out, const struct map *m, const void *key, const void *value,
		      bool first)
{
	buf_puts(out, first ? "\"" : ", \"");
	value_show(out, key, m->def.key_size);
	buf_puts(out, "\": \"");
	value_show(out, value, m->def.value_size);
	buf_putc(out, '"');
}

/* The elements of the map that are not zero (arrays have all keys); of per-CPU values, the
 * first CPU's. */
static void each_entry(struct buf *out, struct map *m, entry_fn *fn)
{
	size_t size = map_user_value_size(m);
	char *keys = calloc(2, MAX(m->def.key_size, 8u)), *value = calloc(1, MAX(size, 8u));
	char *key = keys, *next = keys ? keys + MAX(m->def.key_size, 8u) : NULL;
	bool first = true, more = keys && value && m->def.key_size;

	for (more = more && !map_user_next_key(m, NULL, key); more;
	     more = !map_user_next_key(m, key, next), memcpy(key, next, m->def.key_size)) {
		if (map_user_lookup(m, key, value, 0) || is_zero(value, m->def.value_size))
			continue;
		fn(out, m, key, value, first);
		first = false;
	}
	free(keys);
	free(value);
}

void value_show_map(struct buf *out, struct map *m)
{
	each_entry(out, m, show_text);
}

void value_json_maps(struct buf *out, const struct subject *s)
{
	buf_puts(out, ", \"maps\": {");
	for (uint32_t i = 0; i < s->image->maps.n; i++) {
		buf_printf(out, "%s\"%s\": {", i ? ", " : "", s->image->maps.v[i].name);
		each_entry(out, load_map(s->load, i), show_json);
		buf_putc(out, '}');
	}
	buf_putc(out, '}');
}
