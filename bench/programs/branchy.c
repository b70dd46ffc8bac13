/* A state machine over 1 KiB: words, numbers, spaces and the rest of a text are counted. */
#include "program.h"

enum state { START, WORD, NUMBER, OTHER };

PROGRAM(branchy)
{
	u32 words = 0, numbers = 0, others = 0, state = START;
	PACKET(data);

	for (u32 i = 0; i < SIZE; i++) {
		u8 c = data[i];

		switch (state) {
		case START:
			if (c >= 'a' && c <= 'z')
				state = WORD;
			else if (c >= '0' && c <= '9')
				state = NUMBER;
			else if (c > ' ')
				state = OTHER;
			break;
		case WORD:
			if (c <= ' ') {
				words++;
				state = START;
			} else if (c < 'a' || c > 'z') {
				state = OTHER;
			}
			break;
		case NUMBER:
			if (c <= ' ') {
				numbers++;
				state = START;
			} else if (c < '0' || c > '9') {
				state = OTHER;
			}
			break;
		default:
			if (c <= ' ') {
				others++;
				state = START;
			}
		}
	}
	return words * 10007 + numbers * 101 + others;
}
