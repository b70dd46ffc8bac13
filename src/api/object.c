/*
 * Objects of the public interface: opened from ELF, assembler text or instructions.
 * Needs: the object reader, the assembler. Everything hangs on one arena; running out of memory
 * comes back to object_guard().
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_priv.h"
#include "bpf/asm.h"
#include "bpf/form.h"
#include "image/object.h"
#include "types/btf.h"

enum { FILE_LIMIT = 256 << 20, INSNS_LIMIT = 1 << 20 };

/* ---- life ---- */

int object_guard(struct skep_object *o, object_fn *fn, void *arg)
{
	if (setjmp(o->no_memory))
		return -ENOMEM;
	return fn(o, arg);
}

void object_put(struct skep_object *o)
{
	if (!o || __atomic_sub_fetch(&o->references, 1, __ATOMIC_ACQ_REL))
		return;
	for (uint32_t i = 0; i < o->nmaps; i++)
		skep_map_put(o->maps[i]);
	free(o->maps);
	if (o->types.btf)
		btf_close(o->types.btf);
	arena_done(&o->arena);
	free(o);
}

void skep_object_free(struct skep_object *object)
{
	object_put(object);
}

static struct skep_object *object_new(void)
{
	struct skep_object *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->references = 1;
	arena_init(&o->arena, &o->no_memory);
	o->sources.arena = &o->arena;
	diags_init(&o->diags, &o->arena, &o->sources);
	return o;
}

/* ---- opening ---- */

struct opening {
	const char *name;
	const void *data;
	size_t size; /* bytes */
	const struct skep_open_options *opt;
};

static int open_elf(struct skep_object *o, void *arg)
{
	const struct opening *in = arg;
	const struct object_file file = { in->name, in->data, in->size };
	struct object_options options = { 0 };
	const char *why = NULL;
	int err;

	types_init(&o->types, &o->arena);
	if (in->opt->btf) {
		err = btf_open(&o->types, in->opt->btf, &o->types.btf, &why);
		if (err) {
			diag_error(&o->diags, SPAN_NONE, "the BTF of %s cannot be used: %s",
				   in->opt->btf, why ? why : strerrordesc_np(-err));
			return err;
		}
		options.target = o->types.btf;
	}
	return object_read(&file, 1, &options, &o->types, &o->sources, &o->diags, &o->image);
}

static bool names_map(const struct insn *i)
{
	return insn_is_wide(i) &&
	       (i->src == BPF_PSEUDO_MAP_FD || i->src == BPF_PSEUDO_MAP_IDX ||
		i->src == BPF_PSEUDO_MAP_VALUE || i->src == BPF_PSEUDO_MAP_IDX_VALUE);
}

/* Instructions that name maps by number become relocations, as objects have them. */
static void find_maps(struct skep_object *o, struct image_prog *p)
{
	for (uint32_t i = 0; i + 1 < p->insns.n; i++) {
		const struct insn *insn = &p->insns.v[i];
		struct reloc r = { .insn = i, .index = (uint32_t)insn->imm };

		if (!insn_is_wide(insn))
			continue;
		if (names_map(insn)) {
			bool value = insn->src == BPF_PSEUDO_MAP_VALUE ||
				     insn->src == BPF_PSEUDO_MAP_IDX_VALUE;

			r.kind = value ? RELOC_MAP_VALUE : RELOC_MAP;
			r.addend = value ? insn[1].imm : 0;
			vec_push(&o->arena, &p->relocs, r);
		}
		i++;
	}
}

/* The image of one program, as @opt calls it. */
static void finish(struct skep_object *o, const struct skep_open_options *opt, struct image_prog *p)
{
	p->name = arena_strdup(&o->arena, opt->name ? opt->name : "main");
	p->type = opt->type ? opt->type : BPF_PROG_TYPE_SOCKET_FILTER;
	p->attach_type = opt->attach_type;
	find_maps(o, p);
	o->image = image_new(&o->arena, &o->sources);
	o->image->license = arena_strdup(&o->arena, opt->license ? opt->license : "GPL");
	vec_push(&o->arena, &o->image->progs, *p);
	o->is_open = true;
}

static int open_text(struct skep_object *o, void *arg)
{
	const struct opening *in = arg;
	struct asm_prog text = { 0 };
	struct image_prog p = { 0 };
	const char *name = arena_strdup(&o->arena, in->name);
	struct source *src = sources_add(&o->sources, name, in->data ? in->data : "", in->size);
	int err = src ? asm_parse(&text, src, &o->diags) : -EFBIG;

	if (err)
		return err;
	for (uint32_t i = 0; i < text.insns.n; i++) {
		vec_push(&o->arena, &p.insns, text.insns.v[i]);
		vec_push(&o->arena, &p.spans, (struct insn_span){ i, text.spans.v[i] });
	}
	finish(o, in->opt, &p);
	return 0;
}

static int open_insns(struct skep_object *o, void *arg)
{
	const struct opening *in = arg;
	struct image_prog p = { 0 };
	uint32_t n = (uint32_t)(in->size / sizeof(struct insn));

	p.insns.v = arena_array(&o->arena, struct insn, MAX(n, 1u));
	p.insns.n = p.insns.cap = n;
	if (n)
		memcpy(p.insns.v, in->data, in->size);
	finish(o, in->opt, &p);
	return 0;
}

static int open_object(object_fn *fn, struct opening *in, struct skep_object **ret,
		       struct skep_why *why)
{
	static const struct skep_open_options none;
	struct skep_object *o = object_new();
	int err = -ENOMEM;

	why_clear(why);
	in->opt = in->opt ? in->opt : &none;
	if (o)
		err = object_guard(o, fn, in);
	if (!err && o->image->maps.n) {
		o->nmaps = o->image->maps.n;
		o->maps = calloc(o->nmaps, sizeof(struct skep_map *));
		if (!o->maps) {
			o->nmaps = 0;
			err = -ENOMEM;
		}
	}
	if (err && o)
		why_diags(why, &o->diags);
	if (err)
		object_put(o);
	else
		*ret = o;
	return why_error(why, err);
}

int skep_open_memory(const char *name, const void *data, size_t size,
		     const struct skep_open_options *opt, struct skep_object **ret,
		     struct skep_why *why)
{
	struct opening in = { name ? name : "memory", data, size, opt };

	return open_object(object_is_elf(data, size) ? open_elf : open_text, &in, ret, why);
}

int skep_open_file(const char *path, const struct skep_open_options *opt, struct skep_object **ret,
		   struct skep_why *why)
{
	struct buf data = { 0 };
	int err = buf_read_file(&data, AT_FDCWD, path, FILE_LIMIT);

	if (err)
		why_printf(why, err, "%s cannot be read: %s", path, strerrordesc_np(-err));
	else
		err = skep_open_memory(path, data.data ? data.data : "", data.len, opt, ret, why);
	buf_done(&data);
	return err;
}

int skep_open_insns(const void *insns, uint32_t count, const struct skep_open_options *opt,
		    struct skep_object **ret, struct skep_why *why)
{
	struct opening in = { "instructions", insns, (size_t)count * sizeof(struct insn), opt };

	if (count > INSNS_LIMIT)
		return why_printf(why, -EINVAL, "the program has %u instructions; %u is the limit",
				  count, INSNS_LIMIT);
	return open_object(open_insns, &in, ret, why);
}

/* ---- what is in it ---- */

uint32_t skep_object_progs(const struct skep_object *object)
{
	return object->image->progs.n;
}

uint32_t skep_object_maps(const struct skep_object *object)
{
	return object->nmaps;
}

int skep_object_find_prog(const struct skep_object *object, const char *name)
{
	for (uint32_t i = 0; i < object->image->progs.n; i++)
		if (streq(object->image->progs.v[i].name, name))
			return (int)i;
	return -ENOENT;
}

int skep_object_find_map(const struct skep_object *object, const char *name)
{
	for (uint32_t i = 0; i < object->image->maps.n; i++)
		if (streq(object->image->maps.v[i].name, name))
			return (int)i;
	return -ENOENT;
}

const struct image_prog *object_image_prog(const struct skep_object *o, uint32_t prog,
					   struct skep_why *why)
{
	if (prog < o->image->progs.n)
		return &o->image->progs.v[prog];
	why_printf(why, -ENOENT, "there is no program %u; the object has %u", prog,
		   o->image->progs.n);
	return NULL;
}

int skep_object_prog(const struct skep_object *object, uint32_t prog, struct skep_prog_info *ret)
{
	const struct image_prog *p = object_image_prog(object, prog, NULL);

	if (!p)
		return -ENOENT;
	*ret = (struct skep_prog_info){
		.name = p->name,
		.section = p->section,
		.type = p->type,
		.attach_type = p->attach_type,
		.insns = p->insns.v,
		.count = p->insns.n,
	};
	return 0;
}
