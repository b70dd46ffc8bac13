/*
 * The headers that a compiler brings along, as text, so that those of the C library and the kernel
 * work where no compiler is installed; and the text of the predefined macros.
 *
 * Each does what its own sentence says: C17 7.19 and so on, with what glibc relies on (__need_X
 * asks stddef.h and stdarg.h for X alone; limits.h and stdint.h give way to the C library's where
 * there is one). Called by pp_include.c and pp_new().
 */
#include "cdecl/pp_priv.h"

static const char stddef_h[] =
	"#if !defined __need_size_t && !defined __need_ptrdiff_t && !defined __need_wchar_t && \\\n"
	"    !defined __need_wint_t && !defined __need_NULL && !defined _STDDEF_H\n"
	"#define _STDDEF_H 1\n"
	"#define __need_size_t\n"
	"#define __need_ptrdiff_t\n"
	"#define __need_wchar_t\n"
	"#define __need_NULL\n"
	"#define offsetof(type, member) __builtin_offsetof(type, member)\n"
	"typedef struct {\n"
	"	long long __longs __attribute__((__aligned__(__alignof__(long long))));\n"
	"	long double __doubles __attribute__((__aligned__(__alignof__(long double))));\n"
	"} max_align_t;\n"
	"#endif\n"
	"#ifdef __need_size_t\n"
	"#ifndef _SIZE_T\n"
	"#define _SIZE_T\n"
	"typedef __SIZE_TYPE__ size_t;\n"
	"#endif\n"
	"#undef __need_size_t\n"
	"#endif\n"
	"#ifdef __need_ptrdiff_t\n"
	"#ifndef _PTRDIFF_T\n"
	"#define _PTRDIFF_T\n"
	"typedef __PTRDIFF_TYPE__ ptrdiff_t;\n"
	"#endif\n"
	"#undef __need_ptrdiff_t\n"
	"#endif\n"
	"#ifdef __need_wchar_t\n"
	"#ifndef _WCHAR_T\n"
	"#define _WCHAR_T\n"
	"typedef __WCHAR_TYPE__ wchar_t;\n"
	"#endif\n"
	"#undef __need_wchar_t\n"
	"#endif\n"
	"#ifdef __need_wint_t\n"
	"#ifndef _WINT_T\n"
	"#define _WINT_T\n"
	"typedef __WINT_TYPE__ wint_t;\n"
	"#endif\n"
	"#undef __need_wint_t\n"
	"#endif\n"
	"#ifdef __need_NULL\n"
	"#undef NULL\n"
	"#define NULL ((void *)0)\n"
	"#undef __need_NULL\n"
	"#endif\n";

static const char stdarg_h[] = "#ifndef __GNUC_VA_LIST\n"
			       "#define __GNUC_VA_LIST\n"
			       "typedef __builtin_va_list __gnuc_va_list;\n"
			       "#endif\n"
			       "#ifdef __need___va_list\n"
			       "#undef __need___va_list\n"
			       "#elif !defined _STDARG_H\n"
			       "#define _STDARG_H\n"
			       "typedef __gnuc_va_list va_list;\n"
			       "#define va_start(list, last) __builtin_va_start(list, last)\n"
			       "#define va_arg(list, type) __builtin_va_arg(list, type)\n"
			       "#define va_copy(to, from) __builtin_va_copy(to, from)\n"
			       "#define va_end(list) __builtin_va_end(list)\n"
			       "#endif\n";

static const char stdbool_h[] = "#pragma once\n"
				"#define bool _Bool\n"
				"#define true 1\n"
				"#define false 0\n"
				"#define __bool_true_false_are_defined 1\n";

static const char stdalign_h[] = "#pragma once\n"
				 "#define alignas _Alignas\n"
				 "#define alignof _Alignof\n"
				 "#define __alignas_is_defined 1\n"
				 "#define __alignof_is_defined 1\n";

static const char stdnoreturn_h[] = "#pragma once\n"
				    "#define noreturn _Noreturn\n";

static const char iso646_h[] = "#pragma once\n"
			       "#define and &&\n"
			       "#define and_eq &=\n"
			       "#define bitand &\n"
			       "#define bitor |\n"
			       "#define compl ~\n"
			       "#define not !\n"
			       "#define not_eq !=\n"
			       "#define or ||\n"
			       "#define or_eq |=\n"
			       "#define xor ^\n"
			       "#define xor_eq ^=\n";

static const char limits_h[] = "#ifndef _GCC_LIMITS_H_\n"
			       "#define _GCC_LIMITS_H_\n"
			       "#if __has_include_next(<limits.h>)\n"
			       "#include_next <limits.h>\n"
			       "#endif\n"
			       "#ifndef MB_LEN_MAX\n"
			       "#define MB_LEN_MAX 16\n"
			       "#endif\n"
			       "#define CHAR_BIT __CHAR_BIT__\n"
			       "#define SCHAR_MAX __SCHAR_MAX__\n"
			       "#define SCHAR_MIN (-SCHAR_MAX - 1)\n"
			       "#define UCHAR_MAX (SCHAR_MAX * 2 + 1)\n"
			       "#ifdef __CHAR_UNSIGNED__\n"
			       "#define CHAR_MIN 0\n"
			       "#define CHAR_MAX UCHAR_MAX\n"
			       "#else\n"
			       "#define CHAR_MIN SCHAR_MIN\n"
			       "#define CHAR_MAX SCHAR_MAX\n"
			       "#endif\n"
			       "#define SHRT_MAX __SHRT_MAX__\n"
			       "#define SHRT_MIN (-SHRT_MAX - 1)\n"
			       "#define USHRT_MAX (SHRT_MAX * 2 + 1)\n"
			       "#define INT_MAX __INT_MAX__\n"
			       "#define INT_MIN (-INT_MAX - 1)\n"
			       "#define UINT_MAX (INT_MAX * 2U + 1U)\n"
			       "#define LONG_MAX __LONG_MAX__\n"
			       "#define LONG_MIN (-LONG_MAX - 1L)\n"
			       "#define ULONG_MAX (LONG_MAX * 2UL + 1UL)\n"
			       "#define LLONG_MAX __LONG_LONG_MAX__\n"
			       "#define LLONG_MIN (-LLONG_MAX - 1LL)\n"
			       "#define ULLONG_MAX (LLONG_MAX * 2ULL + 1ULL)\n"
			       "#endif\n";

#define STDINT_SIGNED(bits)                                            \
	"typedef __INT" bits "_TYPE__ int" bits "_t;\n"                \
	"typedef __INT_LEAST" bits "_TYPE__ int_least" bits "_t;\n"    \
	"typedef __INT_FAST" bits "_TYPE__ int_fast" bits "_t;\n"      \
	"#define INT" bits "_MAX __INT" bits "_MAX__\n"                \
	"#define INT" bits "_MIN (-INT" bits "_MAX - 1)\n"             \
	"#define INT_LEAST" bits "_MAX __INT_LEAST" bits "_MAX__\n"    \
	"#define INT_LEAST" bits "_MIN (-INT_LEAST" bits "_MAX - 1)\n" \
	"#define INT_FAST" bits "_MAX __INT_FAST" bits "_MAX__\n"      \
	"#define INT_FAST" bits "_MIN (-INT_FAST" bits "_MAX - 1)\n"   \
	"#define INT" bits "_C(c) __INT" bits "_C(c)\n"

#define STDINT_UNSIGNED(bits)                                         \
	"typedef __UINT" bits "_TYPE__ uint" bits "_t;\n"             \
	"typedef __UINT_LEAST" bits "_TYPE__ uint_least" bits "_t;\n" \
	"typedef __UINT_FAST" bits "_TYPE__ uint_fast" bits "_t;\n"   \
	"#define UINT" bits "_MAX __UINT" bits "_MAX__\n"             \
	"#define UINT_LEAST" bits "_MAX __UINT_LEAST" bits "_MAX__\n" \
	"#define UINT_FAST" bits "_MAX __UINT_FAST" bits "_MAX__\n"   \
	"#define UINT" bits "_C(c) __UINT" bits "_C(c)\n"

static const char stdint_h[] =
	"#ifndef _SKEP_STDINT_H\n"
	"#define _SKEP_STDINT_H\n"
	"#if __has_include_next(<stdint.h>)\n"
	"#include_next <stdint.h>\n"
	"#else\n" STDINT_SIGNED("8") STDINT_SIGNED("16") STDINT_SIGNED("32") STDINT_SIGNED("64")
		STDINT_UNSIGNED("8") STDINT_UNSIGNED("16") STDINT_UNSIGNED("32")
			STDINT_UNSIGNED("64") "typedef __INTPTR_TYPE__ intptr_t;\n"
					      "typedef __UINTPTR_TYPE__ uintptr_t;\n"
					      "typedef __INTMAX_TYPE__ intmax_t;\n"
					      "typedef __UINTMAX_TYPE__ uintmax_t;\n"
					      "#define INTPTR_MAX __INTPTR_MAX__\n"
					      "#define INTPTR_MIN (-INTPTR_MAX - 1)\n"
					      "#define UINTPTR_MAX __UINTPTR_MAX__\n"
					      "#define INTMAX_MAX __INTMAX_MAX__\n"
					      "#define INTMAX_MIN (-INTMAX_MAX - 1)\n"
					      "#define UINTMAX_MAX __UINTMAX_MAX__\n"
					      "#define INTMAX_C(c) __INTMAX_C(c)\n"
					      "#define UINTMAX_C(c) __UINTMAX_C(c)\n"
					      "#define PTRDIFF_MAX __PTRDIFF_MAX__\n"
					      "#define PTRDIFF_MIN (-PTRDIFF_MAX - 1)\n"
					      "#define SIZE_MAX __SIZE_MAX__\n"
					      "#define SIG_ATOMIC_MAX __SIG_ATOMIC_MAX__\n"
					      "#define SIG_ATOMIC_MIN __SIG_ATOMIC_MIN__\n"
					      "#define WCHAR_MAX __WCHAR_MAX__\n"
					      "#define WCHAR_MIN __WCHAR_MIN__\n"
					      "#define WINT_MAX __WINT_MAX__\n"
					      "#define WINT_MIN __WINT_MIN__\n"
					      "#endif\n"
					      "#endif\n";

static const struct {
	const char *name, *text;
} headers[] = {
	{ "stddef.h", stddef_h }, { "stdint.h", stdint_h },           { "stdbool.h", stdbool_h },
	{ "stdarg.h", stdarg_h }, { "limits.h", limits_h },           { "stdalign.h", stdalign_h },
	{ "iso646.h", iso646_h }, { "stdnoreturn.h", stdnoreturn_h },
};

const char *pp_freestanding(uint32_t i, const char **ret_text)
{
	if (i >= ARRAY_LEN(headers))
		return NULL;
	*ret_text = headers[i].text;
	return headers[i].name;
}

/* ---- predefined macros ---- */

enum { X86_64 = 1 << ARCH_X86_64, ARM64 = 1 << ARCH_ARM64, BOTH = X86_64 | ARM64 };

static const struct {
	uint8_t where;
	const char *line;
} predefined[] = {
#define PREDEFINED(where, name, value) { where, "#define " name " " value "\n" },
#include "cdecl/predefined.def"
#undef PREDEFINED
};

char *pp_predefined(struct arena *arena, enum arch arch)
{
	size_t room = 1;
	char *text, *to;

	for (size_t i = 0; i < ARRAY_LEN(predefined); i++)
		room += strlen(predefined[i].line);
	text = to = arena_alloc(arena, room);
	for (size_t i = 0; i < ARRAY_LEN(predefined); i++)
		if (predefined[i].where & 1 << arch)
			to = stpcpy(to, predefined[i].line);
	return text;
}
