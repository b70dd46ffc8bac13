#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdarg.h>
#include <limits.h>
struct s {
	size_t size;
	uint8_t bytes[3];
	bool flag;
	int16_t low;
	uintptr_t address;
	va_list list;
	wchar_t wide;
};
enum limits {
	OFFSET = offsetof(struct s, low),
	LAST = offsetof(struct s, bytes[2]),
	BITS = CHAR_BIT,
	BIG = INT_MAX,
	SMALL = SHRT_MIN,
	TRUE = true,
};
_Static_assert(sizeof(max_align_t) == 32, "two members of 16 bytes");
_Static_assert(UINT64_MAX == ULLONG_MAX && INT8_MIN == -128 && SIZE_MAX == -1ul, "");
_Static_assert(INT64_C(5) == 5l && NULL == 0, "");
