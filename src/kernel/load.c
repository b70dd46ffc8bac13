/*
 * Image programs become kernel programs. Called once by load, after the maps are made.
 *
 *	instructions ─copy─► relocated copy ─BPF_PROG_LOAD─► descriptor
 *
 * A program that needs its probe's cookie as a constant (per_attach) is loaded once for each
 * attach record. What the verifier says is asked for only after a refusal: a second load with a
 * log costs nothing to those that pass.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/kernel_priv.h"
#include "types/btf.h"

enum {
	LOG_FIRST = 64 << 10,
	LOG_LIMIT = (1 << 24) - 1, /* largest that every kernel takes */
	LOG_LEVEL = 1,
};

/* One program on its way in. */
struct load {
	struct kernel *k;
	const struct image_prog *prog;
	const struct kprog *into;
	uint64_t cookie;
	struct insn *insns;
	struct btf_blob blob;
	int btf; /* -1: none */
	struct diags *diags;
};

/* ---- relocation ---- */

static int load_damaged(struct load *l, uint32_t insn, const char *what)
{
	return diag_error(l->diags, prog_span(l->prog, insn),
			  "the image is damaged: program %s, instruction %u, %s", l->prog->name,
			  insn, what);
}

static void load_put64(struct insn *i, uint64_t value)
{
	i[0].imm = (int32_t)(uint32_t)value;
	i[1].imm = (int32_t)(uint32_t)(value >> 32);
}

/* Whether the tracer is in a pid namespace of its own; in the first one (PROC_PID_INIT_INO of
 * include/linux/proc_ns.h) the plain helper says the same and is 80 ns faster. */
static bool load_in_pidns(struct stat *ret_ns)
{
	enum { FIRST_PIDNS_INO = 0xEFFFFFFCu };

	return stat("/proc/self/ns/pid", ret_ns) == 0 && ret_ns->st_ino != FIRST_PIDNS_INO;
}

static uint64_t load_param(const struct load *l, uint32_t which)
{
	struct stat ns;

	switch (which) {
	case PARAM_COOKIE: return l->cookie;
	case PARAM_SELF_PID: return (uint64_t)getpid();
	case PARAM_PIDNS_DEV: return load_in_pidns(&ns) ? ns.st_dev : 0;
	case PARAM_PIDNS_INO: return load_in_pidns(&ns) ? ns.st_ino : 0;
	default: return 0;
	}
}

static int load_reloc_map(struct load *l, const struct reloc *r, struct insn *i)
{
	if (r->index >= l->k->nmaps)
		return load_damaged(l, r->insn, "names a map that is not there");
	i[0].src = r->kind == RELOC_MAP ? BPF_PSEUDO_MAP_FD : BPF_PSEUDO_MAP_VALUE;
	i[0].imm = l->k->maps[r->index].fd;
	i[1].imm = r->kind == RELOC_MAP ? 0 : (int32_t)r->addend;
	return 0;
}

static int load_reloc_ksym(struct load *l, const struct reloc *r, struct insn *i)
{
	const struct kernel_options *opt = &l->k->opt;
	uint64_t address = opt->ksym && r->name ? opt->ksym(opt->ksym_ctx, r->name) : 0;

	if (!address && !r->is_weak) {
		diag_error(l->diags, prog_span(l->prog, r->insn), "the kernel has no symbol %s",
			   r->name ? r->name : "");
		diag_hint(l->diags, "addresses are read from /proc/kallsyms, which shows them to "
				    "root only while kernel.kptr_restrict is 0 or 1");
		return -ENOENT;
	}
	load_put64(i, address ? address + (uint64_t)r->addend : 0);
	return 0;
}

/* The kernel's types, read when the first program needs them. */
static struct btf *load_kernel_btf(struct kernel *k)
{
	const char *why;

	if (!k->opt.types || k->opt.types->btf)
		return k->opt.types ? k->opt.types->btf : NULL;
	if (!k->btf && k->opt.btf_path && btf_open(k->opt.types, k->opt.btf_path, &k->btf, &why))
		k->btf = NULL;
	return k->btf;
}

/* Kernel functions and variables go by their BTF ids. */
static int load_reloc_btf(struct load *l, const struct reloc *r, struct insn *i, bool wide)
{
	const char *kind = wide ? "var" : "func";
	struct btf *btf = load_kernel_btf(l->k);
	uint32_t id = btf && r->name ? btf_find(btf, kind, r->name) : 0;

	if (!id && !r->is_weak) {
		diag_error(l->diags, prog_span(l->prog, r->insn), "the kernel's BTF has no %s %s",
			   kind, r->name ? r->name : "");
		return -ENOENT;
	}
	if (wide)
		i->src = id ? BPF_PSEUDO_BTF_ID : 0;
	i->imm = (int32_t)id;
	return 0;
}

static int load_reloc(struct load *l, const struct reloc *r)
{
	uint32_t n = l->prog->insns.n;

	if (r->insn >= n)
		return load_damaged(l, r->insn, "lies behind its end");
	struct insn *i = &l->insns[r->insn];
	bool wide = i->opcode == (BPF_LD | BPF_IMM | BPF_DW);
	if (wide ? r->insn + 1 >= n : r->kind != RELOC_PARAM && r->kind != RELOC_KFUNC)
		return load_damaged(l, r->insn, "cannot hold an address");
	switch (r->kind) {
	case RELOC_MAP:
	case RELOC_MAP_VALUE: return load_reloc_map(l, r, i);
	case RELOC_FUNC:
		i[0].src = BPF_PSEUDO_FUNC;
		load_put64(i, 0);
		i[0].imm = (int32_t)(r->index - r->insn - 1);
		return 0;
	case RELOC_KSYM: return load_reloc_ksym(l, r, i);
	case RELOC_PARAM:
		if (wide)
			load_put64(i, load_param(l, r->index));
		else
			i->imm = (int32_t)(uint32_t)load_param(l, r->index);
		return 0;
	case RELOC_KFUNC:
	case RELOC_KVAR: return load_reloc_btf(l, r, i, wide);
	}
	return load_damaged(l, r->insn, "has a relocation of no known kind");
}

static int load_relocate(struct load *l)
{
	size_t size = l->prog->insns.n * sizeof(*l->insns);

	l->insns = malloc(MAX(size, (size_t)1));
	if (!l->insns)
		return -ENOMEM;
	if (size)
		memcpy(l->insns, l->prog->insns.v, size);
	for (uint32_t i = 0; i < l->prog->relocs.n; i++) {
		int err = load_reloc(l, &l->prog->relocs.v[i]);
		if (err)
			return err;
	}
	return 0;
}

/* ---- loading ---- */

static void load_name(char to[SYS_NAME_SIZE], const char *name)
{
	for (size_t i = 0; name[i] && i + 1 < SYS_NAME_SIZE; i++)
		to[i] = isalnum((unsigned char)name[i]) || name[i] == '.' ? name[i] : '_';
}

/* What BTF calls the thing that @func names depends on how it is attached. */
static int load_attach_id(struct load *l, uint32_t *ret_id)
{
	struct btf *btf = load_kernel_btf(l->k);
	const char *kind = l->prog->attach_type == BPF_TRACE_RAW_TP ? "typedef" : "func";
	uint32_t id = btf ? btf_find(btf, kind, l->prog->attach_func) : 0;

	if (!id) {
		diag_error(l->diags, prog_span(l->prog, 0), "the kernel's BTF has no %s %s", kind,
			   l->prog->attach_func);
		return -ENOENT;
	}
	*ret_id = id;
	return 0;
}

static int load_attr(struct load *l, struct sys_prog_load *a)
{
	*a = (struct sys_prog_load){
		.type = l->into->type,
		.insn_cnt = l->prog->insns.n,
		.insns = sys_ptr(l->insns),
		.license = sys_ptr(l->k->img->license ? l->k->img->license : ""),
		.flags = l->prog->flags,
		.expected_attach_type = l->into->attach_type,
	};
	load_name(a->name, l->prog->name ? l->prog->name : "");
	if (l->btf >= 0) {
		a->btf_fd = (uint32_t)l->btf;
		a->func_info = sys_ptr(l->blob.info.funcs.data);
		a->func_info_rec_size = 8;
		a->func_info_cnt = (uint32_t)(l->blob.info.funcs.len / 8);
		a->line_info = sys_ptr(l->blob.info.lines.data);
		a->line_info_rec_size = 16;
		a->line_info_cnt = (uint32_t)(l->blob.info.lines.len / 16);
	}
	return l->prog->attach_func ? load_attach_id(l, &a->attach_btf_id) : 0;
}

static void load_without_btf(struct sys_prog_load *a)
{
	a->btf_fd = a->func_info_rec_size = a->func_info_cnt = 0;
	a->line_info_rec_size = a->line_info_cnt = 0;
	a->func_info = a->line_info = 0;
}

/* The same again with a log that grows until all of it fits, or as far as the settings let it. */
static int load_refused(struct load *l, struct sys_prog_load *a, int err)
{
	const struct settings *s = l->k->opt.settings;
	int64_t limit = s ? s->value[SETTING_LOG_SIZE] : LOG_LIMIT;
	char *log = NULL;

	for (uint32_t size = LOG_FIRST;; size *= 4) {
		size = (uint32_t)MIN((int64_t)size, MAX(MIN(limit, LOG_LIMIT), 256));
		free(log);
		log = calloc(1, size);
		if (!log)
			break;
		a->log_level = LOG_LEVEL;
		a->log_buf = sys_ptr(log);
		a->log_size = size;
		int again = sys_prog_load(a);
		log[size - 1] = '\0';
		if (again >= 0) {
			free(log);
			return again;
		}
		if (again != -ENOSPC) {
			err = again;
			break;
		}
		if (size >= MIN(limit, LOG_LIMIT))
			break;
	}
	err = reject_explain(l->diags, l->prog, err, log, l->k->opt.verbose);
	free(log);
	return err;
}

static int load_run(struct load *l)
{
	struct sys_prog_load a;

	int err = load_relocate(l);
	if (err)
		return err;
	if (btf_prog(&l->blob, l->prog, l->k->opt.types, l->k->img->sources) == 0)
		l->btf = sys_btf_load(l->blob.whole.data, (uint32_t)l->blob.whole.len);
	err = load_attr(l, &a);
	if (err)
		return err;
	int fd = sys_prog_load(&a);
	if (fd < 0 && l->btf >= 0) {
		/* The refusal may be of the BTF. */
		struct sys_prog_load plain = a;
		load_without_btf(&plain);
		fd = sys_prog_load(&plain);
	}
	return fd >= 0 ? fd : load_refused(l, &a, fd);
}

static int load_prog(struct kernel *k, uint32_t index, uint64_t cookie, struct diags *diags)
{
	struct load l = {
		.k = k,
		.prog = &k->img->progs.v[index],
		.into = &k->progs[index],
		.cookie = cookie,
		.btf = -1,
		.diags = diags,
	};
	int fd = load_run(&l);

	sys_close(&l.btf);
	btf_blob_done(&l.blob);
	free(l.insns);
	return fd;
}

/* ---- how programs are loaded ---- */

/* What the attach records of one program have in common. */
struct load_use {
	uint32_t count;
	bool not_uprobe, not_kprobe, begin;
};

static void load_use_add(struct load_use *u, const struct attach *a)
{
	u->count++;
	u->not_uprobe |= a->kind != ATTACH_UPROBE;
	/* One link takes kernel functions by name only, and none of a module. */
	u->not_kprobe |= a->kind != ATTACH_KPROBE || !a->func || a->offset || a->target;
	u->begin |= a->kind == ATTACH_BEGIN || a->kind == ATTACH_END;
}

static bool load_calls(const struct image_prog *prog, int32_t helper)
{
	for (uint32_t i = 0; i < prog->insns.n; i++) {
		const struct insn *in = &prog->insns.v[i];

		if (in->opcode == (BPF_JMP | BPF_CALL) && in->src == 0 && in->imm == helper)
			return true;
	}
	return false;
}

static void load_choose(const struct kernel *k, const struct image_prog *prog,
			const struct load_use *u, struct kprog *into)
{
	struct target *t = k->opt.target;

	into->fd = -1;
	into->type = prog->type;
	into->attach_type = prog->attach_type;
	into->wants_cookie = load_calls(prog, BPF_FUNC_get_attach_cookie);
	/* see begin.c */
	if (u->begin && prog->type == BPF_PROG_TYPE_RAW_TRACEPOINT &&
	    !target_has(t, FEATURE_RAWTP_TEST_RUN))
		into->type = BPF_PROG_TYPE_KPROBE;
	if (u->count < 2 || prog->per_attach || prog->attach_type)
		return;
	if (!u->not_uprobe && target_has(t, FEATURE_UPROBE_MULTI))
		into->attach_type = BPF_TRACE_UPROBE_MULTI;
	else if (!u->not_kprobe && target_has(t, FEATURE_KPROBE_MULTI))
		into->attach_type = BPF_TRACE_KPROBE_MULTI;
}

static int load_prepare(struct kernel *k, struct diags *diags)
{
	const struct image *img = k->img;

	k->progs = calloc(MAX(img->progs.n, 1u), sizeof(*k->progs));
	k->copies = malloc(MAX(img->attaches.n, 1u) * sizeof(*k->copies));
	struct load_use *uses = calloc(MAX(img->progs.n, 1u), sizeof(*uses));
	if (!k->progs || !k->copies || !uses) {
		free(uses);
		return -ENOMEM;
	}
	k->nprogs = img->progs.n;
	k->nattaches = img->attaches.n;
	int err = 0;
	for (uint32_t i = 0; i < k->nattaches; i++) {
		const struct attach *a = &img->attaches.v[i];

		k->copies[i] = -1;
		if (a->prog < k->nprogs)
			load_use_add(&uses[a->prog], a);
		else
			err = diag_error(diags, a->span, "the image is damaged: %s has no program",
					 a->name);
	}
	for (uint32_t i = 0; i < k->nprogs; i++)
		load_choose(k, &img->progs.v[i], &uses[i], &k->progs[i]);
	free(uses);
	return err;
}

static int load_copies(struct kernel *k, struct diags *diags)
{
	for (uint32_t i = 0; i < k->nattaches; i++) {
		const struct attach *a = &k->img->attaches.v[i];

		if (!k->img->progs.v[a->prog].per_attach)
			continue;
		k->copies[i] = load_prog(k, a->prog, a->cookie, diags);
		if (k->copies[i] < 0)
			return k->copies[i];
	}
	return 0;
}

/* All programs are tried, so that a user sees each refusal at once. */
int load_all(struct kernel *k, struct diags *diags)
{
	int err = load_prepare(k, diags);

	if (!err)
		err = limits_files(k->nprogs + k->nattaches + k->nmaps);
	if (err)
		return err;
	for (uint32_t i = 0; i < k->nprogs; i++) {
		if (k->img->progs.v[i].per_attach)
			continue;
		k->progs[i].fd = load_prog(k, i, 0, diags);
		if (k->progs[i].fd < 0 && !err)
			err = k->progs[i].fd;
		if (err == -EPERM || err == -ENOMEM)
			return err;
	}
	return err ? err : load_copies(k, diags);
}

void load_done_all(struct kernel *k)
{
	for (uint32_t i = 0; i < k->nprogs; i++)
		sys_close(&k->progs[i].fd);
	for (uint32_t i = 0; i < k->nattaches; i++)
		sys_close(&k->copies[i]);
	free(k->progs);
	free(k->copies);
	if (k->btf)
		btf_close(k->btf);
	k->btf = NULL;
	k->progs = NULL;
	k->copies = NULL;
	k->nprogs = k->nattaches = 0;
}

int load_prog_fd(const struct kernel *k, uint32_t index)
{
	return k->copies[index] >= 0 ? k->copies[index]
				     : k->progs[k->img->attaches.v[index].prog].fd;
}
