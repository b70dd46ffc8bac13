/*
 * libskep: BPF programs and maps, in this process or in the kernel.
 *
 *	skep_open_*  ──► struct skep_object   programs and maps as they were written
 *	                     │
 *	       ┌─────────────┴──────────────┐
 *	skep_prog_new                  skep_load
 *	       ▼                            ▼
 *	struct skep_prog, run here     a descriptor of the kernel, attached by
 *	by skep_run, as often as       skep_attach_socket and what else takes one
 *	one likes, on any thread
 *
 *	skep_map_*   ──► struct skep_map      the same calls, wherever the map is
 *
 * Results. Functions return 0 (or what they say) or a negative error number of errno.h, and touch
 * what ret_... points to only when they succeed. -ENOMEM may come from every function that has
 * something to make. Functions that take a struct skep_why * (may be NULL) put a reason into
 * it, in words, whenever they fail. The library never prints, never ends the process, installs no
 * signal handler and keeps nothing in variables of its own.
 *
 * Threads. Different objects and engines have nothing in common. An engine, an object and the
 * programs made of them are set up by one thread; after that, any number of threads may run the
 * programs, each with a struct skep_run of its own, and use the maps. All skep_map_ calls may be
 * made by several threads at once, even while programs run.
 *
 * Ownership. Who made something frees it with the function that has its name. Maps are counted:
 * objects and programs hold those that they use, so skep_map_put() right after handing one over
 * is fine. Programs and runs are freed before their engine, objects at any time. Freeing NULL does
 * nothing. Whatever is given to a function may go when the function returns, unless it says
 * otherwise.
 *
 * Program types, map types, flags and error numbers are those of <linux/bpf.h>; the library does
 * not need that header, and neither does this one.
 */
#ifndef SKEP_H
#define SKEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct skep_engine;
struct skep_object;
struct skep_prog;
struct skep_map;
struct skep_run;

/* A reason: one or more lines, cut if they do not fit, always ended by NUL; "" after success. */
struct skep_why {
	char text[4096];
};

/* skep_version - of the library that is linked: "0.1.0". */
const char *skep_version(void);

/* ---- engines: what programs in this process share ---- */

/* All zero is right for most. */
struct skep_engine_options {
	void *ctx; /* given to the functions below */
	/* Takes text that programs print (bpf_trace_printk); NULL: it is dropped. Called on the
	 * thread that runs the program. */
	void (*print)(void *ctx, const char *text, size_t size);
	/* What time it is, in ns, for CLOCK_ number @clock; NULL: the machine's clocks. */
	uint64_t (*clock)(void *ctx, int clock);
	uint64_t seed; /* of bpf_get_prandom_u32, so that runs can be repeated; 0: chance */
};

/* skep_engine_new - an engine with the helper functions of the kernel that mean something outside
 * of it. @opt may be NULL. */
int skep_engine_new(const struct skep_engine_options *opt, struct skep_engine **ret);
void skep_engine_free(struct skep_engine *engine);

/*
 * A helper function: what `call N` in a program runs, with r1 to r5; the result is r0. Arguments
 * that the program did not set are whatever the registers hold. Numbers that stand for addresses
 * are good for nothing until skep_memory() has accepted them.
 */
typedef uint64_t skep_helper(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
			     struct skep_run *run);

/* skep_engine_helper - from now on, programs that are made may call helper @id (below 65536), be it
 * new or one of the kernel's; @fn NULL: they may not. @name lives as long as the engine. -EINVAL:
 * no such number. */
int skep_engine_helper(struct skep_engine *engine, uint32_t id, const char *name, skep_helper *fn);

/* For helpers:
 * skep_memory - where the @size bytes at @address are, if the program may read them (and write, if
 * @write). NULL: it may not; the run then ends with -EFAULT when the helper returns.
 * skep_run_stop - ends the run with -ECANCELED when the helper returns.
 * skep_run_ctx - what skep_run_set_ctx() said. */
void *skep_memory(struct skep_run *run, uint64_t address, uint64_t size, bool write);
void skep_run_stop(struct skep_run *run);
void *skep_run_ctx(const struct skep_run *run);

/* ---- objects: programs and maps as they were written ---- */

/* All zero is right for ELF objects. */
struct skep_open_options {
	const char *btf; /* ELF: path of the BTF to relocate to (CO-RE), such as
			  * /sys/kernel/btf/vmlinux; NULL: structs are as compiled */
	/* Text and instructions, which do not say themselves: */
	const char *name;     /* of the program, NULL: "main" */
	const char *license;  /* NULL: "GPL" */
	uint32_t type;        /* BPF_PROG_TYPE_, 0: BPF_PROG_TYPE_SOCKET_FILTER */
	uint32_t attach_type; /* BPF_ attach type that the kernel is to expect, mostly 0 */
};

/*
 * All give -EINVAL when the content is damaged or wrong; the reason then has a line for each
 * mistake. @opt may be NULL.
 *
 * skep_open_file - an ELF object of clang or gcc, or assembler text, which the content decides.
 * Other errors are those of open(2) and read(2), and -EFBIG.
 * skep_open_memory - the same from memory; @name stands in messages.
 * skep_open_insns - @count instructions of 8 bytes, struct bpf_insn of <linux/bpf.h>.
 *
 * In text and instructions, map[idx:N] and map[fd:N] both mean the object's map N: see
 * skep_object_set_map().
 */
int skep_open_file(const char *path, const struct skep_open_options *opt, struct skep_object **ret,
		   struct skep_why *why);
int skep_open_memory(const char *name, const void *data, size_t size,
		     const struct skep_open_options *opt, struct skep_object **ret,
		     struct skep_why *why);
int skep_open_insns(const void *insns, uint32_t count, const struct skep_open_options *opt,
		    struct skep_object **ret, struct skep_why *why);
void skep_object_free(struct skep_object *object);

/* What an object says of a program. Belongs to the object. */
struct skep_prog_info {
	const char *name;
	const char *section; /* where it stood: "xdp", "kprobe/vfs_read"; NULL: not said */
	uint32_t type, attach_type;
	const void *insns; /* count * 8 bytes, before maps are put in place */
	uint32_t count;
};

/* What a map is to be, and what an object says of one. Sizes are in bytes. */
struct skep_map_info {
	const char *name; /* at most 15 characters reach the kernel; NULL: none */
	uint32_t type;    /* BPF_MAP_TYPE_ */
	uint32_t key_size, value_size, max_entries;
	uint32_t flags; /* BPF_F_ for creating a map */
	uint64_t extra; /* map_extra of bloom filters and arenas in this process; else 0 */
};

/* Programs and maps are numbered from 0.
 * skep_object_find_prog, skep_object_find_map - the number of the one called @name, or -ENOENT.
 * skep_object_prog, skep_object_map_info - -ENOENT: there is no such number. */
uint32_t skep_object_progs(const struct skep_object *object);
uint32_t skep_object_maps(const struct skep_object *object);
int skep_object_find_prog(const struct skep_object *object, const char *name);
int skep_object_find_map(const struct skep_object *object, const char *name);
int skep_object_prog(const struct skep_object *object, uint32_t prog, struct skep_prog_info *ret);
int skep_object_map_info(const struct skep_object *object, uint32_t map, struct skep_map_info *ret);

enum skep_where { SKEP_PROCESS, SKEP_KERNEL };

/*
 * skep_object_set_map - programs made from now on use @map as the object's map number @index, which
 * holds it. With text and instructions @index may be one more than there are. -ENOENT: no such
 * number; -EINVAL: the object asks for another type or other sizes.
 * skep_object_map - the map that stands for number @index, made with its first contents if there
 * is none yet: @where decides. Put it when you are done. -ENOENT: no such number; -EXDEV: it is
 * there, but in the other place; else as skep_map_new().
 *
 * skep_prog_new() and skep_load() do the latter for every map that a program names.
 */
int skep_object_set_map(struct skep_object *object, uint32_t index, struct skep_map *map);
int skep_object_map(struct skep_object *object, uint32_t index, enum skep_where where,
		    struct skep_map **ret, struct skep_why *why);

/* ---- programs in this process ---- */

enum {
	SKEP_INTERPRET = 1, /* without compiling to machine code */
	SKEP_UNCHECKED = 2, /* machine code without checks of memory and fuel: only for programs
			     * that a verifier has accepted. Interpreted programs are checked */
	SKEP_BLIND = 4,     /* machine code holds no constant of the program's as it is */
};

struct skep_prog_options {
	uint32_t flags; /* SKEP_INTERPRET and so on */
	uint64_t fuel;  /* about how many instructions a run may take, 0: 1 << 40 */
};

/* skep_prog_new - checks program number @prog and makes it ready to run. @opt may be NULL. -ENOENT:
 * no such program, or it needs a helper, map or kernel symbol that is not there; -EINVAL: it is no
 * program that can run, or the flags are unknown; -EXDEV: one of its maps is in the kernel. */
int skep_prog_new(struct skep_engine *engine, struct skep_object *object, uint32_t prog,
		  const struct skep_prog_options *opt, struct skep_prog **ret,
		  struct skep_why *why);
void skep_prog_free(struct skep_prog *prog);
/* skep_prog_is_compiled - whether it runs as machine code: x86-64 has a compiler. */
bool skep_prog_is_compiled(const struct skep_prog *prog);

/* skep_run_new - what one thread needs to run programs of @engine, for as many runs as it likes.
 * @cpu is what bpf_get_smp_processor_id says, and picks the values of per-CPU maps: below the
 * number of CPUs of the machine, else -EINVAL. */
int skep_run_new(struct skep_engine *engine, uint32_t cpu, struct skep_run **ret);
void skep_run_free(struct skep_run *run);
/* skep_run_set_ctx - a pointer for helpers, see skep_run_ctx(). */
void skep_run_set_ctx(struct skep_run *run, void *ctx);
/* skep_run_lend - programs may use @size bytes at @memory (and write, if @write) besides the
 * context, until skep_run_take_back(). At most 16 such places: -ENOSPC. */
int skep_run_lend(struct skep_run *run, void *memory, size_t size, bool write);
void skep_run_take_back(struct skep_run *run);

/*
 * skep_run - runs @prog with r1 = @context and r2 = @size, which the program may read and write;
 * loads of packet bytes (those of socket filters) read it as the packet. *ret_r0 (may be NULL) is
 * the result.
 * -EFAULT: touched memory that is not its own, or gave a helper something wrong; -ETIME: out of
 * fuel; -ECANCELED: a helper stopped it; -ENOEXEC: called what is no function; -ELOOP: nested too
 * deep; -ENOMEM. skep_run_why() tells more. What the program wrote before stays written.
 */
int skep_run(struct skep_run *run, const struct skep_prog *prog, void *context, uint32_t size,
	     uint64_t *ret_r0);
/*
 * skep_run_packet - runs @prog with the context of its type (struct xdp_md, struct __sk_buff) for a
 * copy of the frame @packet, which begins with its Ethernet header. @fields (may be NULL) says what
 * else is in the context: "ingress_ifindex=3,mark=0x10".
 * -EINVAL: programs of this type have no packets, the frame is shorter than its header, or @fields
 * names what is not there; -E2BIG: more than 65535 bytes; else as skep_run(). @why has the reason
 * of either.
 * skep_run_packet_out - the frame as the last such run left it, until the next one; NULL: there was
 * none.
 * skep_result_name - what @r0 means for programs like this: "XDP_PASS"; NULL: it has no name.
 */
int skep_run_packet(struct skep_run *run, const struct skep_prog *prog, const void *packet,
		    size_t size, const char *fields, uint64_t *ret_r0, struct skep_why *why);
const void *skep_run_packet_out(const struct skep_run *run, size_t *ret_size);
const char *skep_result_name(const struct skep_prog *prog, uint64_t r0);
/* skep_run_why - how the last run ended, in words: which instruction, what it did. */
void skep_run_why(const struct skep_run *run, struct skep_why *why);

/* ---- maps ---- */

/*
 * skep_map_new - in the process: errors as bpf(2) has for BPF_MAP_CREATE. In the kernel: what it
 * says, such as -EPERM. Maps of maps: see skep_map_new_of().
 * skep_map_new_of - an array or hash of maps, whose values are like @inner and in the same place
 * (-EXDEV).
 * skep_map_shared - a map that all processes have who give the same @name ("/name", as shm_open(3)
 * has them) and the same definition (-EINVAL); who comes first makes it. It lives until
 * skep_map_unlink(), and with those who have it even then.
 * skep_map_ref, skep_map_put - one holder more, one less.
 */
int skep_map_new(const struct skep_map_info *info, enum skep_where where, struct skep_map **ret);
int skep_map_new_of(const struct skep_map_info *info, struct skep_map *inner,
		    struct skep_map **ret);
int skep_map_shared(const struct skep_map_info *info, const char *name, struct skep_map **ret);
int skep_map_unlink(const char *name);
struct skep_map *skep_map_ref(struct skep_map *map);
void skep_map_put(struct skep_map *map);

/* skep_map_info - as it was asked for; the name belongs to the map.
 * skep_map_where - skep_map_fd - the kernel's descriptor, which stays the map's; -EXDEV: it is in
 * this process.
 * skep_map_value_size - bytes that lookup gives and update takes: value_size, and for per-CPU maps
 * that many, rounded up to 8, for each possible CPU. */
void skep_map_info(const struct skep_map *map, struct skep_map_info *ret);
enum skep_where skep_map_where(const struct skep_map *map);
int skep_map_fd(const struct skep_map *map);
size_t skep_map_value_size(const struct skep_map *map);

/*
 * Keys have key_size bytes, values skep_map_value_size(). Of queues, stacks and bloom filters,
 * which have no keys, the key is NULL. Flags are BPF_ANY, BPF_NOEXIST, BPF_EXIST.
 *
 * skep_map_lookup - copies the value. -ENOENT: there is none.
 * skep_map_update - -EEXIST, -ENOENT: not what the flags ask for; -E2BIG: the map is full, or the
 * index of an array too large.
 * skep_map_delete - -ENOENT: there is none; -EINVAL: arrays always have all.
 * skep_map_take - lookup and delete in one.
 * skep_map_next_key - the key after @key in the map's own order; the first one if @key is NULL or
 * not in the map. -ENOENT after the last one. @ret may be @key. Meanwhile entries may come and go:
 * if that matters, a walk in which the key in hand was deleted begins anew.
 * skep_map_freeze - no more changes by skep_map_ calls (-EPERM).
 */
int skep_map_lookup(struct skep_map *map, const void *key, void *ret_value);
int skep_map_update(struct skep_map *map, const void *key, const void *value, uint64_t flags);
int skep_map_delete(struct skep_map *map, const void *key);
int skep_map_take(struct skep_map *map, const void *key, void *ret_value);
int skep_map_next_key(struct skep_map *map, const void *key, void *ret);
int skep_map_freeze(struct skep_map *map);

/* skep_map_set_map - puts @inner under @key of a map of maps. -EINVAL: not like the one that the
 * map was made with, or @map is no such map; -EXDEV: not in the same place. skep_map_set_prog -
 * puts @prog under @index of a program array of this process, for tail calls. It must live as long
 * as the array. -EINVAL: no such array; -E2BIG: too large an index; -EXDEV: the array is in the
 * kernel: there the descriptor of the program is the value. */
int skep_map_set_map(struct skep_map *map, const void *key, struct skep_map *inner);
int skep_map_set_prog(struct skep_map *map, uint32_t index, struct skep_prog *prog);

/* ---- the kernel ---- */

/* skep_load - gives program number @prog to the kernel. Its maps must be there or not made yet
 * (-EXDEV). A descriptor to close(2), or what the kernel says (-EPERM: not allowed; -EACCES,
 * -EINVAL: not accepted), the reason being the end of the verifier's log. -ENOENT: no such program;
 * -EOPNOTSUPP: it names kernel symbols, functions or variables. */
int skep_load(struct skep_object *object, uint32_t prog, struct skep_why *why);

/* skep_attach_socket - from now on @sock gets only what the socket filter @prog, a descriptor of
 * skep_load(), lets through: that many bytes of each packet. The socket holds the program.
 * skep_detach_socket - undoes it. Errors are those of setsockopt(2). */
int skep_attach_socket(int sock, int prog);
int skep_detach_socket(int sock);

/* ---- text ---- */

enum skep_form { SKEP_FORM_KERNEL, SKEP_FORM_RFC };

/* skep_disassemble - @count instructions of 8 bytes as text, a line each: "   0: (b7) r0 = 0" as
 * the kernel lists them, or "   0: (b7) mov %r0, 0" as RFC 9669 has them. skep_open_memory() reads
 * both. Free *ret with free(3). Instructions that do not exist are shown as bytes. */
int skep_disassemble(const void *insns, uint32_t count, enum skep_form form, char **ret);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
