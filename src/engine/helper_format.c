/*
 * Helpers that format text, by the kernel's rules for BPF: conversions d i u x X c with l or ll,
 * s (and pks, pus), p with its kinds, and at most as many as there are arguments.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "engine/helper.h"
#include "engine/probe.h"

enum { PRINTK_ARGS = 3, FORMAT_ARGS = 12, TEXT_MAX = 1024, FLAGS_MAX = 8, WIDTH_DIGITS_MAX = 4 };

/* A format being carried out. */
struct formatting {
	const struct vm *vm;
	struct buf *out;
	const char *at; /* in the format, which ends with a NUL */
	const uint64_t *args;
	unsigned nargs, next;
	char spec[FLAGS_MAX + WIDTH_DIGITS_MAX + 4]; /* the conversion as C's printf takes it */
	size_t spec_len;
};

static void spec_add(struct formatting *f, const char *s, size_t len)
{
	memcpy(f->spec + f->spec_len, s, len);
	f->spec_len += len;
	f->spec[f->spec_len] = 0;
}

/* Whether a conversion that is only told from others by what follows it may end before @c. */
static bool ends(char c)
{
	return c == 0 || isspace((unsigned char)c) || ispunct((unsigned char)c);
}

/* "%", flags and width at f->at into f->spec. Unlike the kernel's, a width has at most 4 digits. */
static int take_flags(struct formatting *f)
{
	const char *start = f->at++, *width;

	while (*f->at && strchr("0+- ", *f->at))
		f->at++;
	width = f->at;
	while (isdigit((unsigned char)*f->at))
		f->at++;
	if (width - start > FLAGS_MAX || f->at - width > WIDTH_DIGITS_MAX)
		return -EINVAL;
	f->spec_len = 0;
	spec_add(f, start, (size_t)(f->at - start));
	return 0;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void put_number(struct formatting *f, uint64_t value)
{
	buf_printf(f->out, f->spec, value);
}

static void put_char(struct formatting *f, uint8_t c)
{
	buf_printf(f->out, f->spec, c);
}

static void put_text(struct formatting *f, const char *text)
{
	buf_printf(f->out, f->spec, text);
}
#pragma GCC diagnostic pop

static int format_string(struct formatting *f, uint64_t address)
{
	char text[TEXT_MAX];

	if (!ends(f->at[1]))
		return -EINVAL;
	f->at++;
	if (probe_read_text(f->vm, address, text, sizeof(text)) < 0)
		text[0] = 0;
	spec_add(f, "s", 1);
	put_text(f, text);
	return 0;
}

/* The bytes of an address: "1.2.3.4" or "001.002.003.004"; "0001:...:0008" or without colons. */
static int format_ip(struct formatting *f, uint64_t address)
{
	bool plain = f->at[1] == 'i';
	uint32_t size = f->at[2] == '4' ? 4 : 16;
	uint8_t ip[16] = { 0 };

	f->at += 3;
	if (probe_read(f->vm, address, ip, size))
		memset(ip, 0, size);
	for (uint32_t i = 0; size == 4 && i < size; i++)
		buf_printf(f->out, plain ? "%s%03u" : "%s%u", i ? "." : "", ip[i]);
	for (uint32_t i = 0; size == 16 && i < size; i += 2)
		buf_printf(f->out, "%s%02x%02x", i && !plain ? ":" : "", ip[i], ip[i + 1]);
	return 0;
}

/* %p and what may follow it. Addresses are shown as they are: there is nobody to hide them from;
 * symbols as the kernel shows those that it does not know. */
static int format_pointer(struct formatting *f, uint64_t value)
{
	char kind = f->at[1];

	if ((kind == 'k' || kind == 'u') && f->at[2] == 's') {
		f->at += 2;
		return format_string(f, value);
	}
	if (kind == 's' || kind == 'S' || kind == 'B') {
		f->at += 2;
		buf_printf(f->out, "0x%llx", (unsigned long long)value);
		return 0;
	}
	if (ends(kind) || kind == 'K' || kind == 'x') {
		f->at += ends(kind) ? 1 : 2;
		buf_printf(f->out, "%016llx", (unsigned long long)value);
		return 0;
	}
	if ((kind == 'i' || kind == 'I') && (f->at[2] == '4' || f->at[2] == '6'))
		return format_ip(f, value);
	return -EINVAL;
}

static int format_integer(struct formatting *f, uint64_t value)
{
	bool wide = *f->at == 'l';

	for (unsigned l = 0; l < 2 && *f->at == 'l'; l++)
		f->at++;
	if (!*f->at || !strchr("diuxX", *f->at))
		return -EINVAL;
	bool is_signed = *f->at == 'd' || *f->at == 'i';
	if (!wide)
		value = is_signed ? (uint64_t)(int32_t)value : (uint32_t)value;
	spec_add(f, "ll", 2);
	spec_add(f, f->at++, 1);
	put_number(f, value);
	return 0;
}

/* One conversion at f->at. */
static int format_one(struct formatting *f)
{
	int err;

	if (f->at[1] == '%') {
		buf_putc(f->out, '%');
		f->at += 2;
		return 0;
	}
	err = take_flags(f);
	if (err || f->next == f->nargs)
		return -EINVAL;
	uint64_t value = f->args[f->next++];
	switch (*f->at) {
	case 'p': return format_pointer(f, value);
	case 's': return format_string(f, value);
	case 'c':
		spec_add(f, f->at++, 1);
		put_char(f, (uint8_t)value);
		return 0;
	default: return format_integer(f, value);
	}
}

/* Control characters are refused before more is looked at; UTF-8 is text, as since Linux 6.16. */
static bool format_is_text(const char *s)
{
	for (; *s; s++) {
		if (isascii((unsigned char)*s) && !isprint((unsigned char)*s) &&
		    !isspace((unsigned char)*s))
			return false;
	}
	return true;
}

static int format(struct vm *vm, struct buf *out, const char *fmt, const uint64_t *args,
		  unsigned nargs)
{
	struct formatting f = { .vm = vm, .out = out, .at = fmt, .args = args, .nargs = nargs };
	int err = format_is_text(fmt) ? 0 : -EINVAL;

	while (*f.at && !err) {
		if (*f.at == '%')
			err = format_one(&f);
		else
			buf_putc(out, *f.at++);
	}
	return err ? err : out->err;
}

/* The format at @address if its NUL is within @size bytes. NULL: it is not, or vm->end is set. */
static const char *format_at(struct vm *vm, uint64_t address, uint64_t size)
{
	const char *fmt = vm_memory(vm, address, (uint32_t)size, false);

	return fmt && size && memchr(fmt, 0, (uint32_t)size) ? fmt : NULL;
}

/* Formats for a print; what the kernel returns. */
static uint64_t print(struct vm *vm, const char *fmt, const uint64_t *args, unsigned nargs)
{
	const struct engine_hooks *hooks = &vm->engine->hooks;
	struct buf out = { 0 };
	int err = format(vm, &out, fmt, args, nargs);
	uint64_t len = out.len;

	if (!err)
		hooks->print(hooks->ctx, out.data ? out.data : "", MIN(len, TEXT_MAX - 1));
	buf_done(&out);
	return err ? HELPER_ERROR(err) : len;
}

/* trace_printk(format, size, up to three numbers) */
ENGINE_HELPER(trace_printk)
{
	const uint64_t args[PRINTK_ARGS] = { c, d, e };
	const char *fmt = format_at(vm, a, b);

	return fmt ? print(vm, fmt, args, PRINTK_ARGS) : HELPER_ERROR(-EINVAL);
}

/* Copies an array of arguments; how many, or -EINVAL. */
static int take_args(struct vm *vm, uint64_t address, uint64_t size, uint64_t to[FORMAT_ARGS])
{
	uint32_t bytes = (uint32_t)size;

	if (bytes % 8 || bytes > FORMAT_ARGS * 8 || (bytes && !address))
		return -EINVAL;
	const void *from = vm_memory(vm, address, bytes, false);
	if (!from)
		return -EINVAL;
	memcpy(to, from, bytes);
	return (int)(bytes / 8);
}

/* trace_vprintk(format, size, arguments, size) */
ENGINE_HELPER(trace_vprintk)
{
	uint64_t args[FORMAT_ARGS];
	const char *fmt = format_at(vm, a, b);
	int n = take_args(vm, c, d, args);

	return fmt && n >= 0 ? print(vm, fmt, args, (unsigned)n) : HELPER_ERROR(-EINVAL);
}

/* snprintf(to, size, format, arguments, size): what the whole text takes, with its NUL. */
ENGINE_HELPER(snprintf)
{
	uint32_t room = (uint32_t)b;
	char *to = vm_memory(vm, a, room, true);
	uint64_t args[FORMAT_ARGS];
	const char *fmt;
	struct buf out = { 0 };
	int n = take_args(vm, d, e, args);

	if (!to || n < 0 || vm_string(vm, c, UINT32_MAX, &fmt) < 0)
		return HELPER_ERROR(-EINVAL);
	int err = format(vm, &out, fmt, args, (unsigned)n);
	uint64_t len = out.len;
	if (!err && room) {
		size_t fits = MIN(len, (uint64_t)room - 1);

		memcpy(to, out.data ? out.data : "", fits);
		to[fits] = 0;
	}
	buf_done(&out);
	return err ? HELPER_ERROR(err) : len + 1;
}
