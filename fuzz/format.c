/* Fuzzes the reader of tracepoint formats: any text gives a record whose members lie inside of
 * it, or an error with a reason. Corpus: fuzz/corpus/format. */
#include <setjmp.h>
#include <stdlib.h>

#include "types/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct format format = { 0 };
	struct arena arena;
	struct types types;
	jmp_buf no_memory;
	const char *why = NULL;

	if (setjmp(no_memory))
		abort();
	arena_init(&arena, &no_memory);
	types_init(&types, &arena);
	const char *text = arena_strndup(&arena, (const char *)data, size);
	if (format_parse(&types, text, size % 2, &format, &why)) {
		if (!why || format.record)
			abort();
	} else {
		for (uint32_t i = 0; i < format.record->nmembers; i++) {
			const struct type_member *m = &format.record->members[i];

			if (m->offset + m->type->size > format.record->size || !*m->name)
				abort();
			type_name(&types, m->type);
		}
	}
	arena_done(&arena);
	return 0;
}
