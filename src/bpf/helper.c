/*
 * Helper functions by id and by name.
 * Needs: helper.def. Called by disassembler and assembler, language, verifier and engine.
 */
#include <string.h>

#include "bpf/helper.h"
#include "bpf/target.h"
#include "bpf/uapi.h"

enum { ANY = false, GPL = true };

static const struct helper helpers[HELPER_COUNT] = {
#define HELPER(id, name, proto, major, minor, licence) \
	[id] = { #name, proto, KERNEL(major, minor), licence },
#include "bpf/helper.def"
#undef HELPER
};

#define HELPER(id, name, ...) _Static_assert((id) == BPF_FUNC_##name, #name " has another id");
#include "bpf/helper.def"
#undef HELPER
_Static_assert(HELPER_COUNT == BPF_FUNC_cgrp_storage_delete + 1, "helper.def is not complete");

const struct helper *helper_by_id(int64_t id)
{
	return id > 0 && id < HELPER_COUNT ? &helpers[id] : NULL;
}

int helper_find(const char *name, size_t len)
{
	if (len > 4 && memcmp(name, "bpf_", 4) == 0) {
		name += 4;
		len -= 4;
	}
	for (int id = 1; id < HELPER_COUNT; id++) {
		if (strlen(helpers[id].name) == len && memcmp(helpers[id].name, name, len) == 0)
			return id;
	}
	return 0;
}
