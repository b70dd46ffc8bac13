/*
 * Packets from text: see packet_text.h.
 * Needs: rows of packet.def. Called by hosts.
 */
#include "engine/packet_text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "engine/packet_sum.h"

enum form { NUMBER, MAC, IP4, IP6, FLAGS, AUTO };

struct layer_row {
	const char *name;
	uint16_t size, ethertype;
	uint8_t protocol;
};

static const struct layer_row layers[] = {
#define LAYER(id, name, size, ethertype, protocol) \
	[LAYER_##id] = { name, size, ethertype, protocol },
#include "engine/packet.def"
};

struct part {
	uint8_t layer;
	const char *name;
	uint16_t bit;
	uint8_t bits, form;
	uint64_t initial;
};

static const struct part parts[] = {
#define PART(layer, name, bit, bits, form, initial) \
	{ LAYER_##layer, name, bit, bits, form, initial },
#include "engine/packet.def"
};

enum { MAX_LAYERS = PACKET_LAYERS, WORD = 64 };

/* A packet in the making. */
struct maker {
	struct buf *out;
	size_t start; /* of the packet in out */
	const char *at;
	struct buf *why;
	struct packet_layer stack[MAX_LAYERS];
	uint32_t n;
};

PRINTF_LIKE(2, 3) static int refuse(struct maker *m, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	buf_vprintf(m->why, fmt, args);
	va_end(args);
	return -EINVAL;
}

/* ---- bits ---- */

/* Stores the low @bits of @value, big-endian, at bit @bit. */
static void put_bits(uint8_t *at, unsigned bit, unsigned bits, uint64_t value)
{
	for (unsigned i = 0; i < bits; i++) {
		unsigned to = bit + i;
		unsigned set = bits - 1 - i < 64 ? value >> (bits - 1 - i) & 1 : 0;

		at[to / 8] = (uint8_t)((at[to / 8] & ~(0x80 >> to % 8)) | set << (7 - to % 8));
	}
}

static uint8_t *header(const struct maker *m, uint32_t layer)
{
	return (uint8_t *)m->out->data + m->start + m->stack[layer].offset;
}

/* ---- words ---- */

static void skip_blanks(struct maker *m)
{
	m->at += strspn(m->at, " \t\n,");
}

/* Up to one of @stops; false: too long. */
static bool take_word(struct maker *m, const char *stops, char word[WORD])
{
	size_t len = strcspn(m->at, stops), used = len;

	while (used && isspace((unsigned char)m->at[used - 1]))
		used--;
	if (used >= WORD)
		return false;
	memcpy(word, m->at, used);
	word[used] = '\0';
	m->at += len;
	return true;
}

/* ---- values ---- */

static bool parse_mac(const char *text, uint8_t *at)
{
	uint8_t mac[6];
	int used = 0;

	if (sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2],
		   &mac[3], &mac[4], &mac[5], &used) != 6 ||
	    text[used])
		return false;
	memcpy(at, mac, sizeof(mac));
	return true;
}

static bool parse_flags(const char *text, uint64_t *ret)
{
	static const char letters[] = "FSRPAUEC";

	*ret = 0;
	for (; *text; text++) {
		const char *found = strchr(letters, *text);

		if (!found)
			return false;
		*ret |= 1u << (found - letters);
	}
	return true;
}

static bool parse_number(const char *text, unsigned bits, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 0);
	return *text != '-' && !errno && end != text && !*end && (bits >= 64 || !(*ret >> bits));
}

static bool set_part(uint8_t *at, const struct part *p, const char *text)
{
	uint64_t value;

	if (p->form == MAC && strchr(text, ':'))
		return parse_mac(text, at + p->bit / 8);
	if (p->form == IP4 && strchr(text, '.'))
		return inet_pton(AF_INET, text, at + p->bit / 8) == 1;
	if (p->form == IP6)
		return inet_pton(AF_INET6, text, at + p->bit / 8) == 1;
	if (!(p->form == FLAGS && parse_flags(text, &value)) &&
	    !parse_number(text, p->bits, &value))
		return false;
	put_bits(at, p->bit, p->bits, value);
	return true;
}

/* ---- headers ---- */

static const struct part *find_part(uint8_t layer, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (parts[i].layer == layer && streq(parts[i].name, name))
			return &parts[i];
	}
	return NULL;
}

static int no_part(struct maker *m, const struct layer_row *row, uint8_t layer, const char *name)
{
	const char *names[ARRAY_LEN(parts)], *nearest;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (parts[i].layer == layer)
			names[n++] = parts[i].name;
	nearest = nearest_name(name, names, n);
	refuse(m, "the header %s has no field '%s'", row->name, name);
	if (nearest)
		buf_printf(m->why, "; did you mean %s?", nearest);
	return -EINVAL;
}

/* "(name=value, ...)", or nothing. */
static int parse_parts(struct maker *m, uint32_t index)
{
	struct packet_layer *l = &m->stack[index];
	const struct layer_row *row = &layers[l->kind];
	char name[WORD], value[WORD];

	if (*m->at != '(')
		return 0;
	m->at++;
	for (skip_blanks(m); *m->at && *m->at != ')'; skip_blanks(m)) {
		if (!take_word(m, "=),", name) || *m->at != '=')
			return refuse(m, "in %s(...), fields are written name=value", row->name);
		m->at += 1 + strspn(m->at + 1, " \t");
		if (!take_word(m, "),", value))
			return refuse(m, "the value of %s.%s is too long", row->name, name);
		const struct part *p = find_part(l->kind, name);
		if (!p)
			return no_part(m, row, l->kind, name);
		if (!set_part(header(m, index), p, value))
			return refuse(m, "%s.%s cannot be '%s'", row->name, name, value);
		l->given |= 1u << (p - parts) % 32;
	}
	if (*m->at != ')')
		return refuse(m, "the parenthesis of %s( is not closed", row->name);
	m->at++;
	return 0;
}

static int add_layer(struct maker *m, uint8_t kind)
{
	char *at = buf_reserve(m->out, layers[kind].size);

	if (m->n == MAX_LAYERS)
		return refuse(m, "a packet has at most %d headers", MAX_LAYERS);
	if (!at)
		return -ENOMEM;
	memset(at, 0, layers[kind].size);
	m->stack[m->n++] = (struct packet_layer){ .kind = kind,
						  .offset = (uint32_t)(m->out->len - m->start) };
	m->out->len += layers[kind].size;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (parts[i].layer == kind)
			put_bits((uint8_t *)at, parts[i].bit, parts[i].bits, parts[i].initial);
	}
	if (kind == LAYER_IP6) {
		at[8] = at[24] = (char)0xfd; /* fd00::2 to fd00::1 */
	}
	return 0;
}

static int parse_layer(struct maker *m, const char *name)
{
	const char *names[ARRAY_LEN(layers)];

	for (uint8_t i = 0; i < ARRAY_LEN(layers); i++) {
		names[i] = layers[i].name;
		if (!streq(layers[i].name, name))
			continue;
		/* What begins higher than Ethernet gets that in front. */
		int err = m->out->len == m->start && i != LAYER_ETH ? add_layer(m, LAYER_ETH) : 0;
		if (!err)
			err = add_layer(m, i);
		return err ? err : parse_parts(m, m->n - 1);
	}
	refuse(m, "there is no header '%s'", name);
	const char *nearest = nearest_name(name, names, ARRAY_LEN(layers));
	buf_printf(m->why, "; did you mean %s?",
		   nearest ? nearest
			   : "eth, vlan, arp, ip, ip6, udp, tcp, icmp or payload(\"...\")");
	return -EINVAL;
}

/* ---- what is no header ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Bytes as hex up to @stop. */
static int parse_hex(struct maker *m, char stop)
{
	while (m->at += strspn(m->at, " \t\n:"), *m->at && *m->at != stop) {
		int high = hex_digit(m->at[0]), low = high < 0 ? -1 : hex_digit(m->at[1]);

		if (low < 0)
			return refuse(m, "'%.2s' is not a byte in hex", m->at);
		buf_putc(m->out, (char)(high << 4 | low));
		m->at += 2;
	}
	return 0;
}

/* A quoted string after its first quote: \n, \t, \0, \xHH, \\, \". */
static int parse_string(struct maker *m)
{
	static const char from[] = "nrt0\\\"", to[] = "\n\r\t\0\\\"";

	for (; *m->at && *m->at != '"'; m->at++) {
		const char *known;

		if (*m->at != '\\') {
			buf_putc(m->out, *m->at);
			continue;
		}
		m->at++;
		if (*m->at == 'x' && hex_digit(m->at[1]) >= 0 && hex_digit(m->at[2]) >= 0) {
			buf_putc(m->out, (char)(hex_digit(m->at[1]) << 4 | hex_digit(m->at[2])));
			m->at += 2;
		} else if (*m->at && (known = strchr(from, *m->at))) {
			buf_putc(m->out, to[known - from]);
		} else {
			return refuse(m, "a string has no '\\%c'", *m->at);
		}
	}
	if (*m->at != '"')
		return refuse(m, "the string is not closed");
	m->at++;
	return 0;
}

static int parse_zeroes(struct maker *m)
{
	char word[WORD];
	uint64_t count;

	if (!take_word(m, ")", word) || !parse_number(word, 16, &count))
		return refuse(m, "zero(N) takes a number of bytes");
	buf_pad(m->out, '\0', count);
	return 0;
}

/* payload("text"), payload(hex), hex(...), zero(N); 1: @name is none of these. */
static int parse_raw(struct maker *m, const char *name)
{
	int err;

	if (!streq(name, "payload") && !streq(name, "hex") && !streq(name, "zero"))
		return 1;
	if (*m->at != '(')
		return refuse(m, "%s needs (...)", name);
	m->at += 1 + strspn(m->at + 1, " \t");
	if (streq(name, "zero")) {
		err = parse_zeroes(m);
	} else if (*m->at == '"') {
		m->at++;
		err = parse_string(m);
		m->at += strspn(m->at, " \t");
	} else {
		err = parse_hex(m, ')');
	}
	if (!err && *m->at != ')')
		return refuse(m, "the parenthesis of %s( is not closed", name);
	m->at += !err;
	return err;
}

/* ---- what follows from the rest ---- */

static bool is_given(const struct maker *m, uint32_t index, const struct part *p)
{
	return m->stack[index].given & 1u << (p - parts) % 32;
}

static void fill(struct maker *m, uint32_t index, const char *name, uint64_t value)
{
	const struct part *p = find_part(m->stack[index].kind, name);

	if (p && p->form == AUTO && !is_given(m, index, p))
		put_bits(header(m, index), p->bit, p->bits, value);
}

static void fill_next(struct maker *m, uint32_t index)
{
	if (index + 1 == m->n)
		return;
	const struct layer_row *next = &layers[m->stack[index + 1].kind];
	uint8_t kind = m->stack[index].kind;

	if (next->ethertype && kind != LAYER_IP && kind != LAYER_IP6 && kind != LAYER_ICMP)
		fill(m, index, "type", next->ethertype);
	if (next->protocol)
		fill(m, index, "proto", next->protocol);
}

static void fill_layer(struct maker *m, uint32_t index)
{
	uint8_t *start = (uint8_t *)m->out->data + m->start;
	size_t size = m->out->len - m->start;
	uint32_t length = (uint32_t)(size - m->stack[index].offset);

	fill_next(m, index);
	fill(m, index, "len", m->stack[index].kind == LAYER_IP6 ? length - 40 : length);
	fill(m, index, "csum", packet_sum(start, size, m->stack, index));
}

static int parse(struct maker *m)
{
	char name[WORD];
	int err;

	for (skip_blanks(m); *m->at; skip_blanks(m)) {
		if (!take_word(m, " \t\n,(", name))
			return refuse(m, "the name of a header is too long");
		err = parse_raw(m, name);
		if (err == 1)
			err = parse_layer(m, name);
		if (err)
			return err;
		if (m->out->len - m->start > PACKET_TEXT_MAX)
			return refuse(m, "a packet has at most %d bytes", PACKET_TEXT_MAX);
	}
	return m->out->err;
}

/* Whether all of the text is bytes in hex. */
static bool is_hex(const char *text)
{
	return *text && !text[strspn(text, "0123456789abcdefABCDEF \t\n:")];
}

int packet_text(struct buf *out, const char *text, struct buf *why)
{
	struct maker m = { .out = out, .start = out->len, .at = text, .why = why };
	int err = is_hex(text) ? parse_hex(&m, '\0') : parse(&m);

	if (err)
		return err;
	if (out->len == m.start)
		return refuse(&m, "the packet is empty");
	/* From the inside out: outer checksums hold inner ones. */
	for (uint32_t i = m.n; i-- > 0;)
		fill_layer(&m, i);
	return out->err;
}
