/*
 * What the kernel room's tests share: an image made by hand, a host to run it on, and a small
 * assembler. Tests that need the live kernel begin with fixture_new(), which skips them with the
 * reason where it may not be used.
 */
#ifndef SKEP_TEST_KERNEL_FIXTURE_H
#define SKEP_TEST_KERNEL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "kernel/kernel_priv.h"
#include "types/tracefs.h"

struct fixture {
	jmp_buf no_memory;
	struct arena arena;
	struct sources sources;
	struct diags diags;
	struct target target;
	struct settings settings;
	struct types types;
	struct image *img;
	struct host *host;
	struct kernel_options opt;
};

static inline bool fixture_allowed(void)
{
	static const struct sys_map_create a = {
		.type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1
	};
	int fd = sys_map_create(&a);

	if (fd < 0) {
		print_message("skipped: bpf(2): %s%s%s\n", strerror(-fd),
			      kernel_why(fd) ? ", " : "", kernel_why(fd) ? kernel_why(fd) : "");
		return false;
	}
	close(fd);
	return true;
}

static inline void fixture_init(struct fixture *f, const char *script)
{
	memset(f, 0, sizeof(*f));
	arena_init(&f->arena, &f->no_memory);
	f->sources.arena = &f->arena;
	sources_add(&f->sources, "test.bt", script, strlen(script));
	diags_init(&f->diags, &f->arena, &f->sources);
	types_init(&f->types, &f->arena);
	settings_default(&f->settings);
	f->img = image_new(&f->arena, &f->sources);
	assert_int_equal(kernel_target(&f->target), 0);
	f->opt = (struct kernel_options){
		.target = &f->target,
		.types = &f->types,
		.btf_path = "/sys/kernel/btf/vmlinux",
		.settings = &f->settings,
		.pid = -1,
	};
}

static inline struct fixture *fixture_new(const char *script)
{
	static struct fixture f;

	if (!fixture_allowed())
		skip();
	fixture_init(&f, script);
	return &f;
}

static inline void fixture_show(struct fixture *f)
{
	for (const struct diag *d = f->diags.first; d; d = d->next) {
		struct buf text = { 0 };

		diag_render(&text, &f->diags, d, false);
		print_message("%s", text.data);
		buf_done(&text);
	}
}

/* The image is complete: loads it. */
static inline int fixture_try_load(struct fixture *f)
{
	f->host = kernel_host_new(&f->opt);
	assert_non_null(f->host);
	return f->host->ops->load(f->host, f->img, &f->diags);
}

static inline void fixture_load(struct fixture *f)
{
	int err = fixture_try_load(f);

	if (err)
		fixture_show(f);
	assert_int_equal(err, 0);
}

static inline void fixture_attach(struct fixture *f, int expected)
{
	int n = f->host->ops->attach(f->host, &f->diags, false, NULL, NULL);

	if (n != expected)
		fixture_show(f);
	assert_int_equal(n, expected);
}

static inline void fixture_done(struct fixture *f)
{
	if (f->host)
		f->host->ops->free(f->host);
	f->host = NULL;
	arena_done(&f->arena);
}

static inline void fixture_force(struct fixture *f, const char *list)
{
	const char *bad;

	assert_int_equal(target_force(&f->target, list, &bad), 0);
}

/* ---- maps ---- */

static inline uint32_t fixture_globals(struct fixture *f, uint32_t extra)
{
	return image_map_add(f->img, &(struct image_map){
					     .name = ".globals",
					     .role = MAP_GLOBALS,
					     .value_size = sizeof(struct image_globals) + extra,
					     .max_entries = 1,
				     });
}

/* The words behind struct image_globals. */
static inline uint64_t *fixture_words(struct fixture *f)
{
	return (uint64_t *)(f->host->ops->globals(f->host) + 1);
}

static inline uint32_t fixture_ring(struct fixture *f, enum map_role role)
{
	return image_map_add(f->img, &(struct image_map){ .name = ".ring", .role = role });
}

static inline uint32_t fixture_map(struct fixture *f, uint32_t key_size, uint32_t value_size,
				   uint32_t max_entries, bool percpu)
{
	return image_map_add(f->img, &(struct image_map){
					     .name = "@m",
					     .role = MAP_USER,
					     .key = key_size ? type_int(&f->types, 8, false) : NULL,
					     .value = type_int(&f->types, 8, false),
					     .key_size = key_size,
					     .value_size = value_size,
					     .max_entries = max_entries,
					     .percpu = percpu,
				     });
}

/* ---- programs ---- */

/* A program under construction; instructions go to the image's newest program. */
struct as {
	struct fixture *f;
	struct image_prog *p;
};

static inline struct as as_new(struct fixture *f, const char *name, uint32_t type)
{
	vec_push(&f->arena, &f->img->progs, (struct image_prog){ .name = name, .type = type });
	struct image_prog *p = &f->img->progs.v[f->img->progs.n - 1];

	vec_push(&f->arena, &p->funcs, (struct image_func){ .name = name, .nparams = 1 });
	return (struct as){ f, p };
}

static inline uint32_t as_raw(struct as *a, uint8_t opcode, uint8_t dst, uint8_t src,
			      int16_t offset, int32_t imm)
{
	vec_push(&a->f->arena, &a->p->insns,
		 (struct insn){
			 .opcode = opcode, .dst = dst, .src = src, .offset = offset, .imm = imm });
	return a->p->insns.n - 1;
}

static inline void as_mov(struct as *a, uint8_t dst, int32_t imm)
{
	as_raw(a, BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm);
}

static inline void as_copy(struct as *a, uint8_t dst, uint8_t src)
{
	as_raw(a, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

static inline void as_add(struct as *a, uint8_t dst, int32_t imm)
{
	as_raw(a, BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, imm);
}

static inline void as_load(struct as *a, uint8_t dst, uint8_t src, int16_t offset)
{
	as_raw(a, BPF_LDX | BPF_MEM | BPF_DW, dst, src, offset, 0);
}

static inline void as_store(struct as *a, uint8_t dst, int16_t offset, uint8_t src)
{
	as_raw(a, BPF_STX | BPF_MEM | BPF_DW, dst, src, offset, 0);
}

static inline void as_call(struct as *a, enum bpf_func_id helper)
{
	as_raw(a, BPF_JMP | BPF_CALL, 0, 0, 0, (int32_t)helper);
}

static inline void as_reloc(struct as *a, uint8_t dst, enum reloc_kind kind, uint32_t index,
			    int64_t addend)
{
	uint32_t at = as_raw(a, BPF_LD | BPF_IMM | BPF_DW, dst, 0, 0, 0);

	as_raw(a, 0, 0, 0, 0, 0);
	vec_push(&a->f->arena, &a->p->relocs,
		 (struct reloc){ .insn = at, .kind = kind, .index = index, .addend = addend });
}

/* A forward jump to where as_here() is called with what this returns. */
static inline uint32_t as_if(struct as *a, uint8_t op, uint8_t dst, int32_t imm)
{
	return as_raw(a, BPF_JMP | op | BPF_K, dst, 0, 0, imm);
}

static inline void as_here(struct as *a, uint32_t jump)
{
	a->p->insns.v[jump].offset = (int16_t)(a->p->insns.n - jump - 1);
}

static inline void as_exit(struct as *a)
{
	as_mov(a, 0, 0);
	as_raw(a, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* if (current process is not this one) return 0; */
static inline void as_only_us(struct as *a)
{
	as_call(a, BPF_FUNC_get_current_pid_tgid);
	as_raw(a, BPF_ALU64 | BPF_RSH | BPF_K, 0, 0, 0, 32);
	uint32_t ours = as_if(a, BPF_JEQ, 0, getpid());
	as_exit(a);
	as_here(a, ours);
}

/* word += 1, in the globals' own words */
static inline void as_count(struct as *a, uint32_t globals, uint32_t word)
{
	as_reloc(a, 1, RELOC_MAP_VALUE, globals,
		 sizeof(struct image_globals) + word * sizeof(uint64_t));
	as_mov(a, 2, 1);
	as_raw(a, BPF_STX | BPF_ATOMIC | BPF_DW, 1, 2, 0, BPF_ADD);
}

/* On raw_tracepoint sys_enter: if (not us || id != @number) return 0; context stays in r6 */
static inline void as_only_call(struct as *a, int32_t number)
{
	as_copy(a, 6, 1);
	as_only_us(a);
	as_load(a, 1, 6, 8);
	uint32_t same = as_if(a, BPF_JEQ, 1, number);
	as_exit(a);
	as_here(a, same);
}

static inline uint32_t as_attach(struct as *a, struct attach how)
{
	how.prog = (uint32_t)(a->p - a->f->img->progs.v);
	if (!how.name)
		how.name = a->p->name;
	vec_push(&a->f->arena, &a->f->img->attaches, how);
	return a->f->img->attaches.n - 1;
}

static inline void as_on_sys_enter(struct as *a)
{
	as_attach(a, (struct attach){ .kind = ATTACH_RAW_TRACEPOINT,
				      .name = "rawtracepoint:sys_enter",
				      .func = "sys_enter",
				      .pid = -1 });
}

/* ---- events ---- */

static inline void call_getppid(int n)
{
	for (int i = 0; i < n; i++)
		syscall(SYS_getppid);
}

/* Stays on @cpu; false if this machine has no such CPU. */
static inline bool run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) == 0;
}

/* The id of a tracepoint; skips the test where tracefs cannot be read. */
static inline uint32_t tracepoint_id(const char *system, const char *event)
{
	struct tracefs fs = { .dirfd = -1 };
	struct buf text = { 0 };
	char path[256];

	snprintf(path, sizeof(path), "events/%s/%s/id", system, event);
	int err = tracefs_read(&fs, path, &text);
	uint32_t id = err ? 0 : (uint32_t)strtoul(text.data, NULL, 10);
	buf_done(&text);
	tracefs_done(&fs);
	if (err) {
		print_message("skipped: tracefs: %s\n", strerror(-err));
		skip();
	}
	return id;
}

/* How many programs of this name the kernel has. */
static inline uint32_t programs_named(const char *name)
{
	struct {
		uint32_t id, next, flags, fd_by_id;
	} a = { 0 };
	uint32_t n = 0;

	while (syscall(SYS_bpf, BPF_PROG_GET_NEXT_ID, &a, sizeof(a)) == 0) {
		struct {
			uint32_t id, next, flags;
		} get = { .id = a.next };
		struct sys_prog_info info;
		int fd = (int)syscall(SYS_bpf, BPF_PROG_GET_FD_BY_ID, &get, sizeof(get));

		if (fd >= 0 && sys_prog_info(fd, &info, NULL) == 0)
			n += streq(info.name, name);
		if (fd >= 0)
			close(fd);
		a.id = a.next;
	}
	return n;
}

/* Waits until no program of this name is left. Other events may be before them in the kernel's
 * queue, so the bound is wide. */
static inline bool programs_gone(const char *name)
{
	const struct timespec moment = { 0, 20000000 };

	for (int i = 0; i < 6000; i++) {
		if (programs_named(name) == 0)
			return true;
		nanosleep(&moment, NULL);
	}
	return false;
}

#endif
