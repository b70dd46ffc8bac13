/*
 * BTF that skep gives the kernel with its programs and maps, so that bpftool shows the script's
 * own lines beside the code and prints map entries by their types; callbacks (for_each, bpf_loop)
 * are not accepted without function info. Called by load and by map creation; a kernel that
 * refuses it gets the program or map without.
 *
 * Needs: the BTF writer; image/prog_btf.h.
 */
#include <errno.h>
#include <string.h>

#include "kernel/kernel_priv.h"

void btf_blob_done(struct btf_blob *b)
{
	prog_btf_done(&b->info);
	buf_done(&b->whole);
}

static int btf_finish(struct btf_blob *b)
{
	int err = btf_write_finish(&b->info.btf, &b->whole);

	return b->info.funcs.err || b->info.lines.err ? -ENOMEM : err;
}

int btf_prog(struct btf_blob *b, const struct image_prog *prog, struct types *types,
	     const struct sources *sources)
{
	if (!prog->funcs.n || prog->funcs.v[0].insn != 0)
		return -EINVAL;
	for (uint32_t i = 0; i < prog->funcs.n; i++)
		prog_btf_func(&b->info, prog, i, prog->funcs.v[i].insn, types, sources);
	return btf_finish(b);
}

/* ---- maps ---- */

static uint32_t btf_word(struct btf_blob *b, bool is_signed)
{
	return btf_write_int(&b->info.btf, is_signed ? "s64" : "u64", 8,
			     is_signed ? BTF_SIGNED : BTF_UNSIGNED);
}

/* The id of a type with the shape of @t; 0 when it is not plain. */
static uint32_t btf_plain(struct btf_blob *b, const struct type *t)
{
	uint32_t id;

	switch (t->kind) {
	case TYPE_INT:
	case TYPE_BOOL:
	case TYPE_STRING: return btf_write_type(&b->info.btf, NULL, t, &id) ? id : 0;
	case TYPE_COUNT:
	case TYPE_SUM:
	case TYPE_KSYM:
	case TYPE_POINTER: return btf_word(b, t->is_signed);
	default: return 0;
	}
}

/* struct { T value; u64 set; }: what the one entry of a scalar map holds. */
static uint32_t btf_scalar(struct btf_blob *b, uint32_t value, uint32_t value_size)
{
	struct btf_writer *w = &b->info.btf;
	uint32_t set = btf_word(b, false);
	uint32_t id = btf_write_record(w, BTF_STRUCT, btf_write_name(w, "scalar"), 2, value_size);
	const uint32_t members[] = { btf_write_name(w, "value"), value, 0,
				     btf_write_name(w, "set"),   set,   (value_size - 8) * 8 };

	btf_write_words(w, members, ARRAY_LEN(members));
	return id;
}

int btf_map(struct btf_blob *b, const struct image_map *map, uint32_t *ret_key, uint32_t *ret_value)
{
	if (!map->value || map->kind)
		return -EOPNOTSUPP;
	uint32_t key = map->key ? btf_plain(b, map->key)
				: btf_write_int(&b->info.btf, "u32", 4, BTF_UNSIGNED);
	uint32_t value = btf_plain(b, map->value);
	if (!key || !value || map->value_size < 8)
		return -EOPNOTSUPP;
	if (!map->key)
		value = btf_scalar(b, value, map->value_size);
	*ret_key = key;
	*ret_value = value;
	return btf_finish(b);
}
