/*
 * Runs of programs on packets, with the context of their type: see skep.h.
 * Needs: runs (run.c), the engine's contexts.
 */
#include <errno.h>
#include <stdlib.h>

#include "api/api_priv.h"

/* A fresh context for @prog in @run, with the packet and the fields. */
static int set_up(struct skep_run *run, const struct skep_prog *prog, const void *packet,
		  size_t size, const char *fields, struct skep_why *why)
{
	struct buf reason = { 0 };
	int err;

	if (!prog->kind || prog->kind->packet == CONTEXT_NONE)
		return why_printf(why, -EINVAL, "programs of this type have no packets");
	if (size < CONTEXT_ETH)
		return why_printf(why, -EINVAL, "the packet has %zu bytes, an Ethernet header %d",
				  size, CONTEXT_ETH);
	if (!run->packet)
		run->packet = calloc(1, sizeof(*run->packet));
	if (!run->packet)
		return -ENOMEM;
	context_done(run->packet);
	context_init(run->packet, prog->kind);
	err = context_packet(run->packet, packet, size);
	if (!err && fields)
		err = context_set(run->packet, fields, &reason);
	if (err && reason.len)
		why_text(why, reason.data, reason.len);
	buf_done(&reason);
	return err;
}

int skep_run_packet(struct skep_run *run, const struct skep_prog *prog, const void *packet,
		    size_t size, const char *fields, uint64_t *ret_r0, struct skep_why *why)
{
	uint64_t r0;
	int err;

	why_clear(why);
	err = set_up(run, prog, packet, size, fields, why);
	if (err)
		return why_error(why, err);
	r0 = context_run(&run->vm, prog->prog, run->packet);
	err = run_error(&run->vm);
	if (err && why)
		skep_run_why(run, why);
	else if (!err && ret_r0)
		*ret_r0 = r0;
	return err;
}

const void *skep_run_packet_out(const struct skep_run *run, size_t *ret_size)
{
	return run->packet ? context_packet_out(run->packet, ret_size) : NULL;
}

const char *skep_result_name(const struct skep_prog *prog, uint64_t r0)
{
	return prog->kind ? context_result(prog->kind, r0) : NULL;
}
