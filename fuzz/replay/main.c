/* Runs a fuzz entry over the files named as arguments: corpora are replayed so in the tests. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

#include <fcntl.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct buf input = { 0 };

		if (buf_read_file(&input, AT_FDCWD, argv[i], 64 << 20)) {
			fprintf(stderr, "cannot read %s\n", argv[i]);
			return 1;
		}
		LLVMFuzzerTestOneInput((const uint8_t *)(input.data ? input.data : ""), input.len);
		buf_done(&input);
	}
	return 0;
}
