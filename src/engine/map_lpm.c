/*
 * Longest prefix match: a binary trie with compressed paths, and a table over its first bits that
 * skips its top.
 *
 *	table[first k bits of a key] = { where to go on in the trie, best match above that }
 *
 * Nodes and values are numbered; number 0 is none. One lock for writers. Readers take none: each
 * change is one store, nodes that leave are reused only after `seq` moved on, and a reader that
 * saw it move looks again.
 *
 * Key data is kept as big-endian words, so that bit 0 of a key is the top bit of word 0.
 */
#include "engine/map_priv.h"

enum {
	DATA_MAX = 256,
	KERNEL_NODE = 24, /* sizeof(struct lpm_trie_node), which bounds values */
	TABLE_BITS = 16,  /* at most */
	RETRIES = 8,      /* looks of a reader without the lock */
};

struct node {
	uint32_t child[2];
	uint32_t length; /* bits of its prefix */
	uint32_t value;  /* value number; 0: only a fork */
	uint64_t data[];
};

struct trie_shared {
	struct map_lock lock;
	uint32_t seq, root, entries;
	uint32_t free_node, fresh_node; /* list by child[0]; never used from here on */
	uint32_t free_value, fresh_value;
};

struct trie {
	struct map m;
	struct trie_shared *at;
	uint64_t *table;
	uint32_t *next_value; /* list of free values */
	char *nodes;
	uint32_t stride, nodes_max, bits, words, table_bits;
};

/* A key as given, made ready to compare. */
struct prefix {
	uint32_t length;
	uint64_t data[DATA_MAX / 8];
};

static struct node *node_at(const struct trie *t, uint32_t n)
{
	return (struct node *)(t->nodes + (uint64_t)n * t->stride);
}

/* A link, checked: the memory may be shared with a process that spoils it. */
static uint32_t follow(const struct trie *t, const uint32_t *link)
{
	uint32_t n = LOAD(link);

	return LIKELY(n < t->nodes_max) ? n : 0;
}

static char *value_at(const struct trie *t, uint32_t v)
{
	return t->m.values + (uint64_t)v * t->m.value_stride;
}

static uint64_t big(uint64_t v)
{
	return __builtin_bswap64(v);
}

static void read_prefix(const struct trie *t, const void *key, struct prefix *ret)
{
	const char *data = (const char *)key + 4;
	uint32_t size = t->m.def.key_size - 4;

	ret->length = map_half(key);
	for (uint32_t i = 0; i < t->words; i++, data += 8, size -= MIN(size, 8))
		ret->data[i] = big(map_tail(data, MIN(size, 8)));
}

static uint32_t bit(const struct prefix *p, uint32_t i)
{
	return p->data[i / 64] >> (63 - i % 64) & 1;
}

/* How many leading bits of a node and a key are equal, at most those both have. */
static uint32_t common(const struct trie *t, const struct node *n, const struct prefix *p)
{
	uint32_t limit = MIN(LOAD_RELAXED(&n->length), p->length);

	for (uint32_t i = 0; i < t->words && i * 64 < limit; i++) {
		uint64_t diff = LOAD(&n->data[i]) ^ p->data[i];
		if (diff)
			return MIN(i * 64 + (uint32_t)__builtin_clzll(diff), limit);
	}
	return limit;
}

/* The value of the longest prefix from node @n on; @best when there is none. */
static uint32_t descend(const struct trie *t, uint32_t n, uint32_t best, const struct prefix *p)
{
	for (uint32_t steps = 0; n && steps <= t->bits; steps++) {
		const struct node *node = node_at(t, n);
		uint32_t length = LOAD(&node->length);

		if (common(t, node, p) < length)
			break;
		uint32_t value = LOAD(&node->value);
		if (value)
			best = value;
		if (length >= p->length || length >= t->bits)
			break;
		n = follow(t, &node->child[bit(p, length)]);
	}
	return best;
}

/* descend for keys of up to eight bytes (IPv4), which are most. */
static inline uint32_t descend_word(const struct trie *t, uint32_t n, uint32_t best, uint64_t data,
				    uint32_t length)
{
	for (uint32_t steps = 0; n && steps <= t->bits; steps++) {
		const struct node *node = node_at(t, n);
		uint32_t own = LOAD(&node->length), value = LOAD(&node->value);
		uint64_t diff = LOAD(&node->data[0]) ^ data;

		if (own > length || (own && diff >> (64 - own)))
			break;
		best = value ? value : best;
		if (own == length)
			break;
		n = follow(t, &node->child[data >> (63 - own) & 1]);
	}
	return best;
}

static uint32_t descend_from(const struct trie *t, uint32_t n, uint32_t best,
			     const struct prefix *p)
{
	if (LIKELY(t->words == 1))
		return descend_word(t, n, best, p->data[0], p->length);
	return descend(t, n, best, p);
}

static uint32_t find(const struct trie *t, const struct prefix *p)
{
	if (!t->table_bits || p->length < t->table_bits)
		return descend_from(t, follow(t, &t->at->root), 0, p);
	uint64_t cell = LOAD(&t->table[p->data[0] >> (64 - t->table_bits)]);
	uint32_t n = (uint32_t)cell;

	return descend_from(t, n < t->nodes_max ? n : 0, (uint32_t)(cell >> 32), p);
}

static void *lookup(struct map *m, const void *key, uint32_t cpu)
{
	struct trie *t = (struct trie *)m;
	struct prefix p;
	uint32_t v = 0;

	(void)cpu;
	if (map_half(key) > t->bits)
		return NULL;
	read_prefix(t, key, &p);
	for (int i = 0; i < RETRIES; i++) {
		uint32_t seq = LOAD(&t->at->seq);

		v = find(t, &p);
		if (LIKELY(LOAD(&t->at->seq) == seq))
			goto out;
	}
	bool locked = map_lock(&t->at->lock) >= 0; /* else this thread is writing: all is still */
	v = find(t, &p);
	if (locked)
		map_unlock(&t->at->lock);
out:
	return v && v <= m->def.max_entries + 1 ? value_at(t, v) : NULL;
}

/* Sets the cells [lo, hi) that lie in [from, to). */
static void set_cells(struct trie *t, uint32_t lo, uint32_t hi, uint64_t cell, uint32_t from,
		      uint32_t to)
{
	for (uint32_t i = MAX(lo, from); i < MIN(hi, to); i++)
		if (t->table[i] != cell)
			STORE(&t->table[i], cell);
}

/* Fills the cells [lo, hi), which all lead to node @n, as far as they lie in [from, to). */
static void fill(struct trie *t, uint32_t n, uint32_t best, uint32_t lo, uint32_t hi, uint32_t from,
		 uint32_t to)
{
	uint64_t above = (uint64_t)best << 32;

	if (hi <= from || lo >= to)
		return;
	if (!n) {
		set_cells(t, lo, hi, above, from, to);
		return;
	}
	const struct node *node = node_at(t, n);
	uint32_t left = t->table_bits - MIN(node->length, t->table_bits);
	uint32_t first = (uint32_t)(node->data[0] >> (64 - t->table_bits)) >> left << left;
	uint32_t last = first + (1u << left);
	if (first < lo || last > hi) /* spoiled by a process that shares it */
		return;
	set_cells(t, lo, first, above, from, to);
	set_cells(t, last, hi, above, from, to);
	if (!left) {
		set_cells(t, first, last, above | n, from, to);
		return;
	}
	uint32_t middle = first + (last - first) / 2;
	if (node->value)
		best = node->value;
	fill(t, follow(t, &node->child[0]), best, first, middle, from, to);
	fill(t, follow(t, &node->child[1]), best, middle, last, from, to);
}

/* The trie changed below prefix @p: sets the cells it covers. */
static void refill(struct trie *t, const struct prefix *p)
{
	if (!t->table_bits)
		return;
	uint32_t left = t->table_bits - MIN(p->length, t->table_bits);
	uint32_t first = (uint32_t)(p->data[0] >> (64 - t->table_bits)) >> left << left;

	fill(t, follow(t, &t->at->root), 0, 0, 1u << t->table_bits, first, first + (1u << left));
}

static uint32_t take_node(struct trie *t)
{
	uint32_t n = t->at->free_node;

	if (!n)
		return t->at->fresh_node < t->nodes_max ? t->at->fresh_node++ : 0;
	t->at->free_node = follow(t, &node_at(t, n)->child[0]);
	return n;
}

static void give_node(struct trie *t, uint32_t n)
{
	STORE(&node_at(t, n)->child[0], t->at->free_node);
	t->at->free_node = n;
}

static uint32_t take_value(struct trie *t)
{
	uint32_t v = t->at->free_value;

	if (!v)
		return t->at->fresh_value <= t->m.def.max_entries + 1 ? t->at->fresh_value++ : 0;
	t->at->free_value = t->next_value[v] <= t->m.def.max_entries + 1 ? t->next_value[v] : 0;
	return v;
}

static void give_value(struct trie *t, uint32_t v)
{
	t->next_value[v] = t->at->free_value;
	t->at->free_value = v;
}

/* Readers that saw what was unlinked before this will look again. */
static void moved_on(struct trie *t)
{
	STORE(&t->at->seq, t->at->seq + 1);
}

static uint32_t make_node(struct trie *t, const struct prefix *p, uint32_t length, uint32_t value)
{
	uint32_t n = take_node(t);
	struct node *node = node_at(t, n);

	for (uint32_t i = 0; n && i < t->words; i++)
		STORE(&node->data[i], p->data[i]);
	STORE(&node->child[0], 0);
	STORE(&node->child[1], 0);
	STORE(&node->length, length);
	STORE(&node->value, value);
	return n;
}

/* The way down to where a prefix is or would be. */
struct way {
	uint32_t *link, *parent_link; /* to the node where it ends, to its parent */
	uint32_t node, parent, equal; /* bits that node and prefix have in common */
};

static struct way find_way(struct trie *t, const struct prefix *p)
{
	struct way w = { .link = &t->at->root };

	for (uint32_t steps = 0; (w.node = follow(t, w.link)); steps++) {
		struct node *node = node_at(t, w.node);

		w.equal = common(t, node, p);
		if (w.equal != node->length || node->length >= p->length || steps > t->bits)
			break;
		w.parent_link = w.link;
		w.parent = w.node;
		w.link = &node->child[bit(p, node->length)];
	}
	return w;
}

/* A new node for @p between the way's link and its node, with a fork where they part. */
static int insert(struct trie *t, const struct prefix *p, const struct way *w, uint32_t value)
{
	uint32_t n = make_node(t, p, p->length, value), fork;

	if (!n)
		return -ENOSPC;
	if (!w->node) {
		STORE(w->link, n);
		return 0;
	}
	struct prefix old = { .length = t->bits };
	for (uint32_t i = 0; i < t->words; i++)
		old.data[i] = node_at(t, w->node)->data[i];
	if (w->equal == p->length) {
		STORE(&node_at(t, n)->child[bit(&old, p->length)], w->node);
		STORE(w->link, n);
		return 0;
	}
	fork = make_node(t, p, w->equal, 0);
	if (!fork) {
		give_node(t, n);
		return -ENOSPC;
	}
	STORE(&node_at(t, fork)->child[bit(p, w->equal)], n);
	STORE(&node_at(t, fork)->child[!bit(p, w->equal)], w->node);
	STORE(w->link, fork);
	return 0;
}

static int put(struct trie *t, const struct prefix *p, const void *value, uint64_t flags)
{
	struct way w = find_way(t, p);
	struct node *node = node_at(t, w.node);
	bool there = w.node && node->length == p->length && w.equal == p->length;
	bool exists = there && node->value;

	if (exists && flags == BPF_NOEXIST)
		return -EEXIST;
	if (!exists && flags == BPF_EXIST)
		return -ENOENT;
	if (!exists && t->at->entries >= t->m.def.max_entries)
		return -ENOSPC;
	uint32_t v = take_value(t), old = there ? node->value : 0;
	if (!v)
		return -ENOSPC;
	map_value_put(&t->m, value_at(t, v), value);
	if (there) {
		for (uint32_t i = 0; i < t->words; i++) /* bits beyond the prefix are kept too */
			STORE(&node->data[i], p->data[i]);
		STORE(&node->value, v);
	} else {
		int err = insert(t, p, &w, v);
		if (err) {
			give_value(t, v);
			return err;
		}
	}
	if (!there || p->length < t->table_bits) /* else no cell has a part in it */
		refill(t, p);
	moved_on(t);
	if (old)
		give_value(t, old);
	t->at->entries += !exists;
	return 0;
}

static int update(struct map *m, const void *key, const void *value, uint64_t flags, uint32_t cpu)
{
	struct trie *t = (struct trie *)m;
	struct prefix p;

	(void)cpu;
	if (flags > BPF_EXIST || map_half(key) > t->bits)
		return -EINVAL;
	read_prefix(t, key, &p);
	if (map_lock(&t->at->lock) < 0)
		return -EBUSY;
	int err = put(t, &p, value, flags);
	map_unlock(&t->at->lock);
	return err;
}

/* Drops a node without two children: its child, if any, takes its place. */
static void drop(struct trie *t, uint32_t *link, uint32_t n)
{
	struct node *node = node_at(t, n);

	STORE(link, node->child[0] ? node->child[0] : node->child[1]);
}

static int cut(struct trie *t, const struct prefix *p)
{
	struct way w = find_way(t, p);
	struct node *node = node_at(t, w.node);

	if (!w.node || node->length != p->length || w.equal != p->length || !node->value)
		return -ENOENT;
	uint32_t value = node->value, fork = 0;
	struct prefix area = *p;
	bool both = node->child[0] && node->child[1];
	STORE(&node->value, 0);
	if (!both) {
		drop(t, w.link, w.node);
		if (!*w.link && w.parent && !node_at(t, w.parent)->value) {
			fork = w.parent;
			area.length = node_at(t, fork)->length;
			drop(t, w.parent_link, fork);
		}
	}
	refill(t, &area);
	moved_on(t);
	if (!both)
		give_node(t, w.node);
	if (fork)
		give_node(t, fork);
	give_value(t, value);
	t->at->entries--;
	return 0;
}

static int remove_prefix(struct map *m, const void *key)
{
	struct trie *t = (struct trie *)m;
	struct prefix p;

	if (map_half(key) > t->bits)
		return -EINVAL;
	read_prefix(t, key, &p);
	if (map_lock(&t->at->lock) < 0)
		return -EBUSY;
	int err = cut(t, &p);
	map_unlock(&t->at->lock);
	return err;
}

/* The first node of a subtree in the order of walks: leftmost, as deep as values go. */
static uint32_t leftmost(const struct trie *t, uint32_t n)
{
	uint32_t found = 0;

	for (uint32_t steps = 0; n && steps <= t->bits; steps++) {
		const struct node *node = node_at(t, n);

		if (node->value)
			found = n;
		n = follow(t, node->child[0] ? &node->child[0] : &node->child[1]);
	}
	return found;
}

/* The node after the one with prefix @p, children before parents; 0: @p was the last. */
static uint32_t after(struct trie *t, const struct prefix *p)
{
	uint32_t path[DATA_MAX * 8 + 1], n = follow(t, &t->at->root), depth = 0;

	for (; n && depth <= t->bits;
	     n = follow(t, &node_at(t, n)->child[bit(p, node_at(t, n)->length)])) {
		path[depth++] = n;
		uint32_t equal = common(t, node_at(t, n), p);
		if (equal != node_at(t, n)->length)
			return leftmost(t, t->at->root);
		if (node_at(t, n)->length == p->length)
			break;
	}
	if (!n || !node_at(t, n)->value)
		return leftmost(t, t->at->root);
	while (--depth) {
		const struct node *parent = node_at(t, path[depth - 1]);

		if (parent->child[0] == path[depth] && parent->child[1])
			return leftmost(t, parent->child[1]);
		if (parent->value)
			return path[depth - 1];
	}
	return 0;
}

static void write_key(const struct trie *t, const struct node *node, char *ret)
{
	uint32_t size = t->m.def.key_size - 4;

	memcpy(ret, &node->length, 4);
	ret += 4;
	for (uint32_t i = 0; i < t->words; i++, ret += 8, size -= MIN(size, 8)) {
		uint64_t v = big(node->data[i]);
		memcpy(ret, &v, MIN(size, 8));
	}
}

static int next_key(struct map *m, const void *key, void *ret)
{
	struct trie *t = (struct trie *)m;
	struct prefix p;

	if (key)
		read_prefix(t, key, &p);
	if (map_lock(&t->at->lock) < 0)
		return -EBUSY;
	uint32_t n = key && p.length <= t->bits ? after(t, &p) : leftmost(t, t->at->root);
	if (n)
		write_key(t, node_at(t, n), ret);
	map_unlock(&t->at->lock);
	return n ? 0 : -ENOENT;
}

static int check(const struct map_def *d)
{
	uint32_t known = BPF_F_NO_PREALLOC | BPF_F_NUMA_NODE | MAP_ACCESS_FLAGS;

	if (!d->max_entries || !(d->flags & BPF_F_NO_PREALLOC) || !map_flags_ok(d->flags, known))
		return -EINVAL;
	if (d->key_size < 4 + 1 || d->key_size > 4 + DATA_MAX || !d->value_size ||
	    d->value_size > MAP_KMALLOC_MAX - DATA_MAX - KERNEL_NODE)
		return -EINVAL;
	return 0;
}

static uint32_t table_bits(const struct map_def *d)
{
	uint32_t k = 0;

	while (k < TABLE_BITS && k < (d->key_size - 4) * 8 && 4u << k < d->max_entries)
		k++;
	return k;
}

/* Where things lie: head page, shared, table, free values, nodes, values. */
static int create(struct map *m)
{
	struct trie *t = (struct trie *)m;
	uint64_t n = m->def.max_entries;

	if (n > INT32_MAX)
		return -ENOMEM;
	t->bits = (m->def.key_size - 4) * 8;
	t->words = ALIGN_UP(t->bits, 64) / 64;
	t->stride = (uint32_t)sizeof(struct node) + t->words * 8;
	t->nodes_max = (uint32_t)(2 * n + 2);
	t->table_bits = table_bits(&m->def);

	uint64_t table = MAP_LINE, free_values = table + ((uint64_t)8 << t->table_bits);
	uint64_t nodes = ALIGN_UP(free_values + (n + 2) * 4, MAP_LINE);
	uint64_t values = ALIGN_UP(nodes + (uint64_t)t->nodes_max * t->stride, MAP_PAGE);
	int err = map_body_open(m, values + map_values_size(&m->def, false, n + 2), false);
	if (err)
		return err;

	char *at = m->body + MAP_PAGE;
	t->at = (struct trie_shared *)at;
	t->table = (uint64_t *)(at + table);
	t->next_value = (uint32_t *)(at + free_values);
	t->nodes = at + nodes;
	map_values_init(m, at + values, n + 2);
	if (m->fresh)
		t->at->fresh_node = t->at->fresh_value = 1;
	return 0;
}

const struct map_kind map_lpm_trie = {
	.type = BPF_MAP_TYPE_LPM_TRIE,
	.name = "lpm_trie",
	.batch = MAP_BATCH_LOOKUP | MAP_BATCH_UPDATE | MAP_BATCH_DELETE,
	.size = sizeof(struct trie),
	.check = check,
	.create = create,
	.lookup = lookup,
	.update = update,
	.remove = remove_prefix,
	.next_key = next_key,
};
