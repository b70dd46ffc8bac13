/* Instructions as text: see skep.h. Needs: the disassembler. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_priv.h"
#include "bpf/disasm.h"

int skep_disassemble(const void *insns, uint32_t count, enum skep_form form, char **ret)
{
	const struct disasm d = { .form = form == SKEP_FORM_RFC ? DISASM_RFC : DISASM_KERNEL };
	struct insn *copy = calloc(MAX(count, 1u), sizeof(*copy)); /* @insns: any alignment */
	struct buf text = { 0 };
	int err;

	if (!copy)
		return -ENOMEM;
	if (count)
		memcpy(copy, insns, (size_t)count * sizeof(*copy));
	disasm_prog(&text, copy, count, &d);
	buf_puts(&text, "");
	err = text.err;
	if (err)
		buf_done(&text);
	else
		*ret = text.data ? text.data : strdup("");
	free(copy);
	return err ? err : *ret ? 0 : -ENOMEM;
}
