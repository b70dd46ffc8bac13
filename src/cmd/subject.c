/* What `skep run` and `skep test` run: see subject.h. Needs: the engine, the object reader. */
#include "cmd/subject.h"

#include <errno.h>
#include <string.h>

#include "bpf/asm.h"
#include "bpf/kind.h"
#include "image/object.h"

void subject_init(struct subject *s, const struct options *program, struct arena *arena)
{
	*s = (struct subject){ .program = program, .arena = arena };
	s->sources.arena = arena;
	diags_init(&s->diags, arena, &s->sources);
}

static int assemble(struct subject *s, const char *path, const struct buf *text, const char *kind)
{
	struct asm_prog a = { 0 };
	struct image_prog p = { .name = "program" };
	struct source *src = sources_add(&s->sources, path, text->data ? text->data : "",
					 text->len);

	if (kind) {
		const struct section_kind *row = section_kind(kind, NULL);

		p.type = row ? row->type : prog_kind_find(kind);
		p.attach_type = row ? row->attach_type : 0;
		if (!p.type)
			return diag_error(&s->diags, SPAN_NONE, "there is no program kind '%s'",
					  kind);
	}
	if (!src || asm_parse(&a, src, &s->diags))
		return -EINVAL;
	s->image = image_new(s->arena, &s->sources);
	s->image->license = "GPL";
	for (uint32_t i = 0; i < a.insns.n; i++) {
		vec_push(s->arena, &p.insns, a.insns.v[i]);
		vec_push(s->arena, &p.spans, (struct insn_span){ i, a.spans.v[i] });
	}
	vec_push(s->arena, &s->image->progs, p);
	return 0;
}

int subject_read(struct subject *s, const char *path, const struct buf *text, const char *kind)
{
	int err;

	if (object_is_elf(text->data, text->len)) {
		const struct object_file file = { path, text->data, text->len };
		struct types *types = arena_new(s->arena, struct types);

		types_init(types, s->arena);
		err = object_read(&file, 1, NULL, types, &s->sources, &s->diags, &s->image);
	} else {
		err = assemble(s, path, text, kind);
	}
	verb_diags(&s->diags);
	return err ? EXIT_FAILED : EXIT_DONE;
}

static int find_program(struct subject *s, const char *name, struct buf *why)
{
	const struct image *img = s->image;
	const char *nearest;
	const char **names = arena_array(s->arena, const char *, MAX(img->progs.n, 1u));

	for (uint32_t i = 0; i < img->progs.n; i++) {
		names[i] = img->progs.v[i].name;
		if (name ? streq(names[i], name) : img->progs.n == 1) {
			s->index = i;
			return 0;
		}
	}
	if (!name) {
		buf_printf(why, "the object has %u programs; choose one:", img->progs.n);
		for (uint32_t i = 0; i < img->progs.n; i++)
			buf_printf(why, " %s", names[i]);
		return -EINVAL;
	}
	buf_printf(why, "there is no program '%s'", name);
	nearest = nearest_name(name, names, img->progs.n);
	if (nearest)
		buf_printf(why, "; did you mean %s?", nearest);
	return -EINVAL;
}

/* One message, which is a line here as it is in the kernel's trace. */
static void print(void *ctx, const char *text, size_t len)
{
	struct subject *s = ctx;

	if (s->is_mute)
		return;
	buf_add(&s->printed, text, len);
	if (!len || text[len - 1] != '\n')
		buf_putc(&s->printed, '\n');
}

/* Programs without a kind of their own get zeroes and no rights on them. */
static int make_context(struct subject *s, struct buf *why)
{
	uint32_t type = s->image->progs.v[s->index].type;
	const struct context_kind *kind = context_kind_of(type ? type
							       : (uint32_t)BPF_PROG_TYPE_SYSCALL);
	const struct bpf_kind *known = prog_kind(type);

	if (!kind) {
		buf_printf(why, "programs of kind %s cannot be run outside of the kernel",
			   known ? known->name : "0");
		return -EOPNOTSUPP;
	}
	context_init(&s->context, kind);
	s->has_context = true;
	return 0;
}

int subject_open(struct subject *s, const char *name, const struct vm_options *opt, struct buf *why)
{
	const struct engine_options engine = { .hooks = { .ctx = s, .print = print } };
	int err = find_program(s, name, why);

	if (!err)
		err = make_context(s, why);
	if (!err)
		err = load_new(s->image, &engine, opt, &s->load, why);
	if (!err)
		err = load_prog(s->load, s->index, why);
	if (!err)
		err = vm_init(&s->vm, s->load->engine, 0);
	s->has_vm = !err;
	if (err && !why->len)
		buf_puts(why, strerror(-err));
	if (err)
		subject_close(s);
	return err;
}

void subject_close(struct subject *s)
{
	if (s->has_vm)
		vm_done(&s->vm);
	if (s->has_context)
		context_done(&s->context);
	s->has_vm = s->has_context = false;
	load_free(s->load);
	s->load = NULL;
	buf_done(&s->printed);
	s->printed = (struct buf){ 0 };
}

bool subject_run(struct subject *s, uint64_t *ret_result, struct buf *why)
{
	*ret_result = context_run(&s->vm, s->load->progs[s->index], &s->context);
	if (s->vm.end == VM_DONE)
		return true;
	vm_why(&s->vm, why);
	return false;
}

void subject_result(const struct subject *s, uint64_t r0, struct buf *out)
{
	const char *name = context_result(s->context.kind, r0);

	if (name)
		buf_printf(out, "%s (%d)", name, (int32_t)r0);
	else
		buf_printf(out, "%lld",
			   s->context.kind->packet ? (long long)(int32_t)r0 : (long long)r0);
}

struct place subject_place(const struct subject *s, uint32_t insn)
{
	struct span span = prog_span(&s->image->progs.v[s->index], insn);

	return span.lo ? sources_place(&s->sources, span.lo) : (struct place){ 0 };
}

int subject_map(const struct subject *s, const char *name)
{
	for (uint32_t i = 0; i < s->image->maps.n; i++) {
		if (streq(s->image->maps.v[i].name, name))
			return (int)i;
	}
	return -1;
}
