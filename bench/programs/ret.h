/* ret.c by Debian clang version 16.0.6; ./make writes this. */
0x00000002000000b7,
0x0000000000000095,
