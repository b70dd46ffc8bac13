#define TWICE 1
#define TWICE 2
#define F(a, b) a b
F(1)
F(1, 2, 3)
#define G() x
G(1)
#define 3
#define defined
#define BAD(a
#define BAD2(a, a) x
#define BAD3(x) #y
#define BAD4 ## x
#define PASTE(a, b) a ## b
PASTE(+, -)
#if
#endif
#if 1 +
#endif
#if (1
#endif
#if 1 1
#endif
#if NOPE(1)
#endif
#if 1.5
#endif
#if 1 / 0
#endif
#else
#endif
#elif 1
#ifdef
#endif
#incldue <x.h>
#include
#include <no/such/header.h>
#include "no/such/header.h"
#error this is wrong
#warning this is doubtful
#if 1
#else
#else
#endif
int s = "abc;
int c = 'abc;
int n = 12x + 0xffffffffffffffffff;
_Pragma(3)
#ifdef OPEN
