/*
 * Programs into the kernel and onto sockets: see skep.h.
 * Needs: objects and their maps, the kernel's system calls.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "api/api_priv.h"
#include "kernel/sys.h"

enum { LOG_SIZE = 1 << 20 };

/* A program on its way in. */
struct load {
	const struct image_prog *prog;
	struct insn *insns; /* a copy, maps in place */
	struct skep_why *why;
};

static int place_in_kernel(void *ctx, struct reloc *r, struct skep_map *map)
{
	struct load *l = ctx;
	struct insn *i = &l->insns[r->insn];

	if (r->insn + 1 >= l->prog->insns.n)
		return why_printf(l->why, -EINVAL, "instruction %u cannot hold a map", r->insn);
	i[0].src = r->kind == RELOC_MAP ? BPF_PSEUDO_MAP_FD : BPF_PSEUDO_MAP_VALUE;
	i[0].imm = map->fd;
	i[1].imm = r->kind == RELOC_MAP ? 0 : (int32_t)r->addend;
	return 0;
}

/* What is no map. */
static int place_others(struct load *l)
{
	for (uint32_t k = 0; k < l->prog->relocs.n; k++) {
		const struct reloc *r = &l->prog->relocs.v[k];

		switch (r->kind) {
		case RELOC_MAP:
		case RELOC_MAP_VALUE: break;
		case RELOC_FUNC:
			if (r->insn >= l->prog->insns.n)
				return why_printf(l->why, -EINVAL, "the object is damaged");
			l->insns[r->insn].src = BPF_PSEUDO_FUNC;
			l->insns[r->insn].imm = (int32_t)(r->index - r->insn - 1);
			break;
		default:
			return why_printf(l->why, -EOPNOTSUPP,
					  "instruction %u needs %s of the kernel, which this "
					  "interface does not look up",
					  r->insn, r->name ? r->name : "a value");
		}
	}
	return 0;
}

static void set_name(char to[SYS_NAME_SIZE], const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	memcpy(to, name, MIN(n, (size_t)SYS_NAME_SIZE - 1));
}

/* The last lines of the verifier's log, where it says what is wrong. */
static void keep_log(struct skep_why *why, const char *log)
{
	size_t len = strlen(log), room = sizeof(why->text) - 1;

	why_text(why, len > room ? log + len - room : log, MIN(len, room));
}

static int submit(const struct load *l, const struct image *img)
{
	struct sys_prog_load attr = {
		.type = l->prog->type,
		.insn_cnt = l->prog->insns.n,
		.insns = sys_ptr(l->insns),
		.license = sys_ptr(img->license),
		.flags = l->prog->flags,
		.kern_version = img->version,
		.expected_attach_type = l->prog->attach_type,
	};
	int fd, again;
	char *log;

	set_name(attr.name, l->prog->name);
	fd = sys_prog_load(&attr);
	log = fd < 0 && l->why ? calloc(1, LOG_SIZE) : NULL;
	if (!log)
		return fd;
	attr.log_level = 1;
	attr.log_size = LOG_SIZE;
	attr.log_buf = sys_ptr(log);
	again = sys_prog_load(&attr);
	if (again >= 0)
		fd = again; /* it was a matter of chance */
	else
		keep_log(l->why, log);
	free(log);
	return fd;
}

int skep_load(struct skep_object *object, uint32_t prog, struct skep_why *why)
{
	const struct image_prog *p = object_image_prog(object, prog, why);
	struct load l = { .prog = p, .why = why };
	struct reloc *relocs;
	int err;

	if (!p)
		return -ENOENT;
	why_clear(why);
	l.insns = calloc(MAX(p->insns.n, 1u), sizeof(*l.insns));
	relocs = calloc(MAX(p->relocs.n, 1u), sizeof(*relocs));
	err = l.insns && relocs ? 0 : -ENOMEM;
	if (!err && p->insns.n)
		memcpy(l.insns, p->insns.v, p->insns.n * sizeof(*l.insns));
	if (!err)
		err = object_place(object, p, relocs, SKEP_KERNEL, place_in_kernel, &l, why);
	if (!err)
		err = place_others(&l);
	if (!err)
		err = submit(&l, object->image);
	free(relocs);
	free(l.insns);
	return why_error(why, err);
}

int skep_attach_socket(int sock, int prog)
{
	return setsockopt(sock, SOL_SOCKET, SO_ATTACH_BPF, &prog, sizeof(prog)) ? -errno : 0;
}

int skep_detach_socket(int sock)
{
	int none = 0;

	return setsockopt(sock, SOL_SOCKET, SO_DETACH_BPF, &none, sizeof(none)) ? -errno : 0;
}
