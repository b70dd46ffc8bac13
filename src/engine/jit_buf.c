/*
 * Buffers that back ends emit into.
 * Called by the back ends.
 */
#include <errno.h>
#include <stdlib.h>

#include "engine/jit_priv.h"

enum { MORE = 8 }; /* more cold parts and places to fix than any jop has */

int jit_buf_init(struct jit_buf *b, uint32_t njops)
{
	*b = (struct jit_buf){ .where = calloc(njops, sizeof(*b->where)) };
	return b->where ? 0 : -ENOMEM;
}

void jit_buf_done(struct jit_buf *b)
{
	free(b->data);
	free(b->cold);
	free(b->fixes);
	free(b->where);
}

static bool room_for(void **v, uint32_t n, uint32_t *room, size_t size)
{
	if (*room - n >= MORE)
		return true;
	uint32_t more = *room * 2 + 4 * MORE;
	void *grown = reallocarray(*v, more, size);
	if (!grown)
		return false;
	*v = grown;
	*room = more;
	return true;
}

bool jit_room(struct jit_buf *b, uint8_t **p)
{
	size_t at = b->data ? (size_t)(*p - b->data) : 0;

	if (b->room < at + JIT_SLACK) {
		size_t room = b->room * 2 + 8 * JIT_SLACK;
		uint8_t *data = realloc(b->data, room);

		if (!data)
			return false;
		b->data = data;
		b->room = room;
		*p = data + at;
	}
	return room_for((void **)&b->cold, b->ncold, &b->cold_room, sizeof(*b->cold)) &&
	       room_for((void **)&b->fixes, b->nfixes, &b->fix_room, sizeof(*b->fixes));
}

void jit_cold_add(struct jit_buf *b, uint32_t jop, enum jit_cold_kind kind, uint32_t from,
		  uint32_t back)
{
	b->cold[b->ncold++] = (struct jit_cold){ jop, from, back, (uint8_t)kind };
}

void jit_fix_add(struct jit_buf *b, uint32_t jop, uint32_t from, uint8_t size)
{
	b->fixes[b->nfixes++] = (struct jit_fix){ jop, from, size };
}
