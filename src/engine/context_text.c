/*
 * Contexts as text: "mark=5,cb[1]=0x10,remote_ip4=10.0.0.1,u16@8=7".
 * Needs: rows of context.def. Called by hosts that take contexts from users.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "engine/context.h"

enum { WORD = 64, MAX_NAMES = 96 };

/* One member of the text, resolved. */
struct item {
	char name[WORD], value[WORD];
	uint32_t offset, size;
	uint8_t form;
};

static int unknown(const struct context *c, const struct item *item, struct buf *why)
{
	const char *names[MAX_NAMES], *nearest;
	const struct context_field *f = NULL;
	size_t n = 0;
	bool writable;

	while (n < MAX_NAMES && (f = context_field_next(c->kind, f, &writable)))
		names[n++] = f->name;
	nearest = nearest_name(item->name, names, n);
	buf_printf(why, "the context has no field '%s'", item->name);
	if (nearest)
		buf_printf(why, "; did you mean %s?", nearest);
	return -EINVAL;
}

/* u32@12: any place. False: not of that form. */
static bool resolve_place(const struct context *c, struct item *item)
{
	unsigned bits;
	unsigned offset;
	int used = 0;

	if (sscanf(item->name, "u%u@%u%n", &bits, &offset, &used) != 2 || item->name[used])
		return false;
	if ((bits != 8 && bits != 16 && bits != 32 && bits != 64) ||
	    (uint64_t)offset + bits / 8 > c->kind->size)
		return false;
	item->offset = offset;
	item->size = bits / 8;
	item->form = CONTEXT_NUMBER;
	return true;
}

static int resolve(const struct context *c, struct item *item, struct buf *why)
{
	const struct context_field *f = NULL;
	size_t len = strcspn(item->name, "[");
	unsigned long index = 0;
	char *end = item->name + len;
	bool writable;

	if (resolve_place(c, item))
		return 0;
	while ((f = context_field_next(c->kind, f, &writable))) {
		if (strlen(f->name) == len && memcmp(f->name, item->name, len) == 0)
			break;
	}
	if (!f)
		return unknown(c, item, why);
	if (*end == '[')
		index = strtoul(end + 1, &end, 0);
	if (index >= f->count || (*end && !streq(end, "]"))) {
		buf_printf(why, "the field %s has %u element%s; '%s' is none of them", f->name,
			   f->count, f->count == 1 ? "" : "s", item->name);
		return -EINVAL;
	}
	item->offset = (uint32_t)(f->offset + index * f->size);
	item->size = f->size;
	item->form = f->form;
	return 0;
}

static int bad_value(const struct item *item, const char *wants, struct buf *why)
{
	buf_printf(why, "%s takes %s, not '%s'", item->name, wants, item->value);
	return -EINVAL;
}

/* The bytes that the value is in memory: item->size of them, or 16 for an IPv6 address. */
static int encode(struct item *item, char bytes[16], struct buf *why)
{
	uint64_t value;
	char *end;

	memset(bytes, 0, 16);
	if (item->form == CONTEXT_IP6 && strchr(item->value, ':') && !strchr(item->name, '[')) {
		item->size = 16;
		return inet_pton(AF_INET6, item->value, bytes) == 1
			       ? 0
			       : bad_value(item, "an IPv6 address", why);
	}
	if (strchr(item->value, '.'))
		return item->form == CONTEXT_IP4 && inet_pton(AF_INET, item->value, bytes) == 1
			       ? 0
			       : bad_value(item, "a number or an address", why);
	errno = 0;
	value = strtoull(item->value, &end, 0);
	if (errno || end == item->value || *end)
		return bad_value(item, "a number", why);
	if (item->size < 8 && value >> (item->size * 8) && ~value >> (item->size * 8 - 1))
		return bad_value(item, "a number that fits into it", why);
	if (item->form == CONTEXT_PORT)
		value = htons((uint16_t)value);
	if (item->form == CONTEXT_PORT32)
		value = htonl((uint32_t)value);
	memcpy(bytes, &value, sizeof(value));
	return 0;
}

/* The next "name=value" of the list; false at its end. */
static int next_item(const char **text, struct item *item, struct buf *why)
{
	const char *s = *text + strspn(*text, " \t,\n");
	size_t len = strcspn(s, ",\n"), name = strcspn(s, "=");

	*text = s + len;
	if (!*s)
		return 0;
	if (name >= len || name >= WORD || len - name >= WORD) {
		buf_printf(why, "a context is a list of field=value, not '%.*s'", (int)len, s);
		return -EINVAL;
	}
	*item = (struct item){ 0 };
	memcpy(item->name, s, name);
	memcpy(item->value, s + name + 1, len - name - 1);
	item->name[strcspn(item->name, " \t")] = '\0';
	memmove(item->value, item->value + strspn(item->value, " \t"),
		strlen(item->value + strspn(item->value, " \t")) + 1);
	item->value[strcspn(item->value, " \t")] = '\0';
	return 1;
}

int context_set(struct context *c, const char *text, struct buf *why)
{
	struct item item;
	char bytes[16];
	int more;

	while ((more = next_item(&text, &item, why)) > 0) {
		int err = resolve(c, &item, why);

		if (!err && item.form >= CONTEXT_LENGTH) {
			buf_printf(why, "the engine itself fills in %s", item.name);
			err = -EINVAL;
		}
		if (!err)
			err = encode(&item, bytes, why);
		if (err)
			return err;
		memcpy(c->bytes + item.offset, bytes, item.size);
	}
	return more;
}

static void print_value(struct buf *out, const struct item *item, const char *at)
{
	char text[INET6_ADDRSTRLEN] = "";
	uint64_t value = 0;

	memcpy(&value, at, MIN(item->size, 8u));
	if (item->size == 16)
		buf_puts(out, inet_ntop(AF_INET6, at, text, sizeof(text)));
	else if (item->form == CONTEXT_IP4)
		buf_puts(out, inet_ntop(AF_INET, at, text, sizeof(text)));
	else if (item->form == CONTEXT_PORT)
		buf_printf(out, "%u", ntohs((uint16_t)value));
	else if (item->form == CONTEXT_PORT32)
		buf_printf(out, "%u", ntohl((uint32_t)value));
	else
		buf_printf(out, "%llu", (unsigned long long)value);
}

int context_check(struct context *c, const char *text, struct buf *why)
{
	struct item item;
	char bytes[16];
	int more, result = 0;

	while ((more = next_item(&text, &item, why)) > 0) {
		int err = resolve(c, &item, why);

		if (!err)
			err = encode(&item, bytes, why);
		if (err)
			return err;
		if (memcmp(c->bytes + item.offset, bytes, item.size) == 0)
			continue;
		result = -ERANGE;
		buf_printf(why, "%s: expected %s, got ", item.name, item.value);
		print_value(why, &item, c->bytes + item.offset);
		buf_putc(why, '\n');
	}
	return more < 0 ? more : result;
}
