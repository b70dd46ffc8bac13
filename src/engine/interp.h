/*
 * The interpreter: see interp.c. Called through struct vm_prog's run.
 */
#ifndef SKEP_ENGINE_INTERP_H
#define SKEP_ENGINE_INTERP_H

#include "bpf/form.h"
#include "engine/prog.h"

/* Handlers beside those of the instruction forms. */
enum {
	INTERP_FAULT = INSN_NONE, /* an access by r10 outside its frame */
	INTERP_STEP = INSN_COUNT, /* tells vm->step, then runs the op's form */
};

vm_entry vm_interpret;

/* interp_handlers - what op->handler may be, by enum insn_id or the names above. */
const void *const *interp_handlers(void);

#endif
