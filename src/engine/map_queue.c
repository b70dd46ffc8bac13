/*
 * Queues and stacks: a circle of values behind one lock. As in the kernel, pushing with BPF_EXIST
 * onto a full one drops the oldest value, and a failed pop or peek zeroes what it was to fill.
 */
#include "engine/map_priv.h"

struct positions {
	struct map_lock lock;
	uint32_t head, tail; /* next to write, oldest; of max_entries + 1 places */
};

struct queue {
	struct map m;
	struct positions *at;
	uint32_t size;
};

static int check(const struct map_def *d)
{
	uint32_t known = BPF_F_NUMA_NODE | MAP_ACCESS_FLAGS;

	if (!d->max_entries || d->key_size || !d->value_size || !map_flags_ok(d->flags, known))
		return -EINVAL;
	return d->value_size > MAP_KMALLOC_MAX ? -E2BIG : 0;
}

static int create(struct map *m)
{
	struct queue *q = (struct queue *)m;
	uint64_t n = (uint64_t)m->def.max_entries + 1;

	if (n > UINT32_MAX)
		return -E2BIG;
	int err = map_body_open(m, MAP_PAGE + map_values_size(&m->def, false, n), false);
	if (err)
		return err;
	q->at = (struct positions *)(m->body + MAP_PAGE);
	q->size = (uint32_t)n;
	map_values_init(m, m->body + 2 * MAP_PAGE, n);
	return 0;
}

static char *place(struct queue *q, uint32_t i)
{
	return q->m.values + (uint64_t)(i % q->size) * q->m.value_stride;
}

static uint32_t after(const struct queue *q, uint32_t i)
{
	return i + 1 >= q->size ? 0 : i + 1;
}

static int push(struct map *m, const void *value, uint64_t flags)
{
	struct queue *q = (struct queue *)m;
	struct positions *at = q->at;

	if (flags & BPF_NOEXIST || flags > BPF_EXIST)
		return -EINVAL;
	if (map_lock(&at->lock) < 0)
		return -EBUSY;
	int err = 0;
	uint32_t head = LOAD(&at->head), tail = LOAD(&at->tail);
	if (after(q, head) == tail) {
		if (flags & BPF_EXIST)
			STORE(&at->tail, after(q, tail));
		else
			err = -E2BIG;
	}
	if (!err) {
		map_value_put(m, place(q, head), value);
		STORE(&at->head, after(q, head));
	}
	map_unlock(&at->lock);
	return err;
}

/* Gives the oldest value (queue) or the newest (stack), and drops it with @drop. */
static int get(struct map *m, void *value, bool drop)
{
	struct queue *q = (struct queue *)m;
	struct positions *at = q->at;
	bool newest = m->def.type == BPF_MAP_TYPE_STACK;

	if (map_lock(&at->lock) < 0)
		return -EBUSY;
	uint32_t head = LOAD(&at->head), tail = LOAD(&at->tail);
	bool empty = head == tail;
	uint32_t i = newest ? (head ? head : q->size) - 1 : tail;
	if (empty)
		memset(value, 0, m->def.value_size);
	else
		map_value_get(m, value, place(q, i));
	if (drop && !empty)
		STORE(newest ? &at->head : &at->tail, newest ? i : after(q, tail));
	map_unlock(&at->lock);
	return empty ? -ENOENT : 0;
}

static int pop(struct map *m, void *value)
{
	return get(m, value, true);
}

static int peek(struct map *m, void *value)
{
	return get(m, value, false);
}

#define QUEUE_ROW(id, text)                                           \
	const struct map_kind map_##text = {                          \
		.type = BPF_MAP_TYPE_##id,                            \
		.name = #text,                                        \
		.refuse = { .remove = -EINVAL, .next_key = -EINVAL }, \
		.size = sizeof(struct queue),                         \
		.check = check,                                       \
		.create = create,                                     \
		.push = push,                                         \
		.pop = pop,                                           \
		.peek = peek,                                         \
	}

QUEUE_ROW(QUEUE, queue);
QUEUE_ROW(STACK, stack);
