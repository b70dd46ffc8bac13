/*
 * Bloom filters: bits that are only ever set. map_extra's low four bits are the number of hashes.
 */
#include "engine/map_priv.h"

enum { DEFAULT_HASHES = 5 };

struct bloom {
	struct map m;
	uint64_t *bits, mask, seed;
	uint32_t hashes;
};

static int check(const struct map_def *d)
{
	uint32_t known = BPF_F_NUMA_NODE | BPF_F_ZERO_SEED | MAP_ACCESS_FLAGS;

	if (d->key_size || !d->value_size || !d->max_entries || !map_flags_ok(d->flags, known) ||
	    d->extra & ~UINT64_C(0xf))
		return -EINVAL;
	return d->value_size > MAP_KMALLOC_MAX ? -E2BIG : 0;
}

static int create(struct map *m)
{
	struct bloom *b = (struct bloom *)m;

	b->hashes = m->def.extra ? (uint32_t)m->def.extra : DEFAULT_HASHES;
	/* bits = entries * hashes / ln 2, to a power of two */
	uint64_t want = (uint64_t)m->def.max_entries * b->hashes * 7 / 5, bits = 64;
	while (bits < want && bits < UINT64_C(1) << 32)
		bits <<= 1;
	b->mask = bits - 1;
	int err = map_body_open(m, bits / 8, false);
	if (err)
		return err;
	b->bits = (uint64_t *)(m->body + MAP_PAGE);
	b->seed = map_head(m)->seed;
	return 0;
}

/* The bit of hash @i: the two halves of one 64-bit hash stepped, as Kirsch and Mitzenmacher. */
static uint64_t nth_bit(const struct bloom *b, uint64_t hash, uint32_t i)
{
	return (hash + i * (hash >> 32 | 1)) & b->mask;
}

static int push(struct map *m, const void *value, uint64_t flags)
{
	struct bloom *b = (struct bloom *)m;

	if (flags != BPF_ANY)
		return -EINVAL;
	uint64_t hash = map_hash_bytes(value, m->def.value_size, b->seed);
	for (uint32_t i = 0; i < b->hashes; i++) {
		uint64_t n = nth_bit(b, hash, i), bit = UINT64_C(1) << n % 64;
		if (!(LOAD_RELAXED(&b->bits[n / 64]) & bit))
			__atomic_fetch_or(&b->bits[n / 64], bit, __ATOMIC_RELEASE);
	}
	return 0;
}

static int peek(struct map *m, void *value)
{
	struct bloom *b = (struct bloom *)m;
	uint64_t hash = map_hash_bytes(value, m->def.value_size, b->seed);

	for (uint32_t i = 0; i < b->hashes; i++) {
		uint64_t n = nth_bit(b, hash, i);
		if (!(LOAD(&b->bits[n / 64]) >> n % 64 & 1))
			return -ENOENT;
	}
	return 0;
}

const struct map_kind map_bloom_filter = {
	.type = BPF_MAP_TYPE_BLOOM_FILTER,
	.name = "bloom_filter",
	.refuse = { .remove = -EOPNOTSUPP, .next_key = -EOPNOTSUPP },
	.size = sizeof(struct bloom),
	.check = check,
	.create = create,
	.push = push,
	.peek = peek,
};
