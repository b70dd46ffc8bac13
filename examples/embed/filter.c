/*
 * Embeds a filter: text is assembled once, and then decides about each frame.
 *
 * Prints the frames that are ARP. Build: cc filter.c $(pkg-config --cflags --libs skep)
 */
#include <linux/bpf.h>
#include <skep/skep.h>
#include <stdio.h>
#include <string.h>

/* XDP_PASS for ARP, XDP_DROP for all else. */
static const char text[] = "r2 = *(u32 *)(r1 +0)   ; data\n"
			   "r3 = *(u32 *)(r1 +4)   ; data_end\n"
			   "r0 = 1                 ; XDP_DROP\n"
			   "r4 = r2\n"
			   "r4 += 14\n"
			   "if r4 > r3 goto out    ; no Ethernet header\n"
			   "r5 = *(u16 *)(r2 +12)  ; type, in network order\n"
			   "if r5 != 0x608 goto out\n"
			   "r0 = 2                 ; XDP_PASS\n"
			   "out: exit\n";

static const unsigned char frames[][20] = {
	{ [12] = 0x08, [13] = 0x00 }, /* IPv4 */
	{ [12] = 0x08, [13] = 0x06 }, /* ARP */
	{ [12] = 0x86, [13] = 0xdd }, /* IPv6 */
};

int main(void)
{
	const struct skep_open_options xdp = { .name = "arp", .type = BPF_PROG_TYPE_XDP };
	struct skep_engine *engine = NULL;
	struct skep_object *object = NULL;
	struct skep_prog *prog = NULL;
	struct skep_run *run = NULL;
	struct skep_why why = { "" };
	uint64_t verdict;
	int err = skep_engine_new(NULL, &engine);

	if (!err)
		err = skep_open_memory("arp", text, strlen(text), &xdp, &object, &why);
	if (!err)
		err = skep_prog_new(engine, object, 0, NULL, &prog, &why);
	if (!err)
		err = skep_run_new(engine, 0, &run);
	for (int i = 0; i < 3 && !err; i++) {
		err = skep_run_packet(run, prog, frames[i], sizeof(frames[i]), NULL, &verdict,
				      &why);
		if (!err)
			printf("frame %d: %s\n", i, skep_result_name(prog, verdict));
	}
	if (err)
		fprintf(stderr, "%s\n", why.text[0] ? why.text : strerror(-err));
	skep_run_free(run);
	skep_prog_free(prog);
	skep_object_free(object);
	skep_engine_free(engine);
	return err ? 1 : 0;
}
