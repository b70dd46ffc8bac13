/*
 * Loads an array of instructions into the kernel, attaches it to a socket and reads its map: how
 * many packets came.
 *
 * Needs the right to load socket filters that use maps: root, or CAP_BPF. Without it, it says so
 * and exits with status 77. Build: cc socket.c $(pkg-config --cflags --libs skep)
 */
#include <errno.h>
#include <linux/bpf.h>
#include <skep/skep.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* map[0]++, and the whole packet goes on to the socket. */
static const struct bpf_insn insns[] = {
	/* *(u32 *)(r10 - 4) = 0 */
	{ .code = BPF_ST | BPF_MEM | BPF_W, .dst_reg = BPF_REG_10, .off = -4, .imm = 0 },
	/* r2 = r10 - 4 */
	{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_2, .src_reg = BPF_REG_10 },
	{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_2, .imm = -4 },
	/* r1 = map 0 of the object */
	{ .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = BPF_REG_1, .src_reg = BPF_PSEUDO_MAP_IDX },
	{ 0 },
	{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_map_lookup_elem },
	/* if (r0) *(u64 *)r0 += 1, atomically */
	{ .code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = BPF_REG_0, .off = 2, .imm = 0 },
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1, .imm = 1 },
	{ .code = BPF_STX | BPF_ATOMIC | BPF_DW,
	  .dst_reg = BPF_REG_0,
	  .src_reg = BPF_REG_1,
	  .imm = BPF_ADD },
	/* return 65535 */
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 65535 },
	{ .code = BPF_JMP | BPF_EXIT },
};

static const struct skep_map_info counter = {
	.name = "counter",
	.type = BPF_MAP_TYPE_ARRAY,
	.key_size = sizeof(uint32_t),
	.value_size = sizeof(uint64_t),
	.max_entries = 1,
};

/* Three packets through a pair of sockets, the filter on the receiving one. */
static int exchange(int filter)
{
	int pair[2], err;

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair))
		return -errno;
	err = skep_attach_socket(pair[1], filter);
	for (int i = 0; i < 3 && !err; i++)
		if (send(pair[0], "hello", 5, 0) != 5)
			err = -errno;
	close(pair[0]);
	close(pair[1]);
	return err;
}

int main(void)
{
	struct skep_object *object = NULL;
	struct skep_map *map = NULL;
	struct skep_why why = { "" };
	uint32_t key = 0;
	uint64_t packets = 0;
	int filter = -1, err;

	err = skep_open_insns(insns, sizeof(insns) / sizeof(insns[0]), NULL, &object, &why);
	if (!err)
		err = skep_map_new(&counter, SKEP_KERNEL, &map);
	if (!err)
		err = skep_object_set_map(object, 0, map);
	if (!err) {
		filter = skep_load(object, 0, &why);
		err = filter < 0 ? filter : exchange(filter);
	}
	if (!err)
		err = skep_map_lookup(map, &key, &packets);
	if (!err)
		printf("%llu packets\n", (unsigned long long)packets);
	else
		fprintf(stderr, "%s\n", why.text[0] ? why.text : strerror(-err));
	if (filter >= 0)
		close(filter);
	skep_map_put(map);
	skep_object_free(object);
	return err == -EPERM ? 77 : err ? 1 : 0;
}
