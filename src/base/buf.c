/* Growing byte buffers. See buf.h for the contract. Needs: malloc. */
#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void buf_done(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->err = 0;
	if (b->data)
		b->data[0] = '\0';
}

char *buf_reserve(struct buf *b, size_t extra)
{
	size_t cap;
	char *data;

	if (b->err)
		return NULL;
	if (b->len + extra + 1 > b->cap) {
		cap = MAX(b->cap * 2, b->len + extra + 1);
		cap = MAX(cap, (size_t)64);
		data = extra > SIZE_MAX / 4 ? NULL : realloc(b->data, cap);
		if (!data) {
			b->err = -ENOMEM;
			return NULL;
		}
		b->data = data;
		b->cap = cap;
	}
	b->data[b->len + extra] = '\0';
	return b->data + b->len;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
	char *p = buf_reserve(b, len);

	if (!p)
		return;
	if (len)
		memcpy(p, data, len);
	b->len += len;
}

void buf_puts(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_pad(struct buf *b, char c, size_t count)
{
	char *p = buf_reserve(b, count);

	if (!p)
		return;
	memset(p, c, count);
	b->len += count;
}

void buf_vprintf(struct buf *b, const char *fmt, va_list args)
{
	va_list again;
	int len;
	char *p;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	p = len < 0 ? NULL : buf_reserve(b, len);
	if (!p)
		return;
	vsnprintf(p, len + 1, fmt, args);
	b->len += len;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	buf_vprintf(b, fmt, args);
	va_end(args);
}

int buf_read_fd(struct buf *b, int fd, size_t limit)
{
	enum { STEP = 32 * 1024 };
	size_t total = 0;

	for (;;) {
		char *p = buf_reserve(b, STEP);
		ssize_t n;

		if (!p)
			return b->err;
		n = read(fd, p, STEP);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		b->len += n;
		b->data[b->len] = '\0';
		total += n;
		if (total > limit)
			return -EFBIG;
		if (n == 0)
			return 0;
	}
}

int buf_read_file(struct buf *b, int dirfd, const char *path, size_t limit)
{
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = buf_read_fd(b, fd, limit);
	close(fd);
	return err;
}
