/*
 * What the bench's programs share. Each NAME.c has one function, NAME(), which is an XDP program
 * for the kernel and skep's engine and a C function for the machine's own compiler. The packet
 * lies below 4 GiB, so that the context is the kernel's struct xdp_md for all three.
 *
 * The script ./make writes NAME.h, the bytecode by clang -O2 -mcpu=v3.
 */
#ifndef BENCH_PROGRAM_H
#define BENCH_PROGRAM_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

struct xdp_md {
	u32 data, data_end;
};

enum { SIZE = 1024 };

#ifdef __bpf__
#define IN_PROGRAM section("xdp"),
#else
#define IN_PROGRAM
#endif

#define PROGRAM(name)                 \
	u64 name(struct xdp_md *ctx); \
	__attribute__((IN_PROGRAM noinline)) u64 name(struct xdp_md *ctx)
#define FUNCTION static __attribute__((IN_PROGRAM noinline))

/* The packet, if it has SIZE bytes. */
#define PACKET(data)                                    \
	u8 *data = (u8 *)(unsigned long)ctx->data;      \
	if (data + SIZE > (u8 *)(unsigned long)ctx->data_end) \
		return 0

#endif
