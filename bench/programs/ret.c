/* Nothing at all: what it costs to enter a program and leave it. */
#include "program.h"

PROGRAM(ret)
{
	(void)ctx;
	return 2;
}
