#define yes 1
#define F(x) (x)
#if 1 ? 2 : (1/0)
enum { ok1 };
#endif
#if -1 > 0u
enum { ok2 };
#endif
#if defined yes && !defined(nope) && defined (F)
enum { ok3 };
#elif
enum { bad };
#endif
#if 'a' == 97 && '\377' < 0 && '\x41' == 'A' && 'ab' == 24930
enum { ok4 };
#endif
#if F(yes) == 1 && undefined == 0 && 0x7fffffffffffffff + 1u > 0
enum { ok5 };
#endif
#if (2 || 1/0) && !(0 && 1/0)
enum { ok6 };
#endif
#if 10 % 4 << 2 == 8 && (5 & 6 ^ 3 | 8) == 15 && ~0 == -1 && 7 / -2 == -3
enum { ok7 };
#endif
#if 0
#if 1/0
#else
enum { bad };
#endif
#elif yes
enum { ok8 };
#elif 1/0
#else
enum { bad };
#endif
#ifndef nope
#ifdef yes
enum { ok9 };
#endif
#elifdef yes
#endif
#ifdef nope
#elifndef nope
enum { ok10 };
#endif
#if __has_include(<stddef.h>) && !__has_include("no/such.h") && __has_attribute(packed) && \
    __has_attribute(__aligned__) && !__has_attribute(nonsense) && __has_builtin(__builtin_offsetof)
enum { ok11 };
#endif
#ifdef __has_include
enum { ok12 };
#endif
#define HAS defined(yes)
#if HAS
enum { ok13 };
#endif
#if 0b101 == 5 && 010 == 8 && 10ull == 10LLU
enum { ok14 };
#endif
