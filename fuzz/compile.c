/* Fuzzes the whole compiler: any script must give an image or an error. The machine is the one of
 * the fixtures. Corpus: the scripts in tests/golden/script. */
#include <setjmp.h>
#include <stdlib.h>

#include "lang/lang.h"
#include "types/btf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	jmp_buf no_memory;
	struct sources sources = { .arena = &arena };
	struct target target = { .kernel = KERNEL(6, 1), .ncpus = 2 };
	struct tracefs tracefs = { .dirfd = -1, .root = "tests/fixtures/tracefs" };
	struct diags diags;
	struct types types;
	struct probe_env env = { .arena = &arena,
				 .types = &types,
				 .target = &target,
				 .tracefs = &tracefs,
				 .diags = &diags,
				 .pid = -1,
				 .btf_path = "tests/fixtures/btf/script.btf" };
	struct lang_options opt = { .unsafe = true };
	struct lang_result result;

	if (setjmp(no_memory))
		abort();
	arena_init(&arena, &no_memory);
	diags_init(&diags, &arena, &sources);
	types_init(&types, &arena);
	settings_default(&opt.settings);
	const struct source *src = sources_add(&sources, "fuzz", (const char *)data, size);
	if ((lang_compile(&env, &sources, src, &opt, &result) != 0) != (diags.errors > 0))
		abort();
	probe_env_done(&env);
	if (types.btf)
		btf_close(types.btf);
	tracefs_done(&tracefs);
	arena_done(&arena);
	return 0;
}
