/* Small things that every folder uses. Needs nothing; included by all. */
#ifndef SKEP_BASE_BASE_H
#define SKEP_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define ALIGN_UP(n, to) (((n) + (to)-1) / (to) * (to))

#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN __attribute__((noreturn))

/* streq - the one spelling of string equality in the tree. */
#define streq(a, b) (strcmp((a), (b)) == 0)

#endif
