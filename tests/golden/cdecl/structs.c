struct empty {};
struct flexible { int n; char data[]; };
struct zero { int n; long data[0]; };
struct anonymous {
	int kind;
	union {
		long number;
		struct { short low, high; };
		struct named { char c; } inner;
	};
	struct { int a; } named;
};
struct packed { char c; int i; long l; } __attribute__((packed));
struct __attribute__((__packed__, aligned(4))) packed_aligned { char c; long l; };
struct one_packed { char c; int i __attribute__((packed)); long l; };
struct big { char c; } __attribute__((aligned));
struct member_aligned { char a; char b __attribute__((aligned(8))); };
struct __attribute__((packed)) twice { char a; short b; } __attribute__((aligned(2)));
union u { char bytes[5]; int i; short s; };
struct tree { struct tree *left, *right; union u value; };
#pragma pack(push, 2)
struct pack2 { char c; int i; long l; };
#pragma pack(1)
struct pack1 { char c; int i; int bits : 20; int more : 20; };
#pragma pack(pop)
struct unpacked { char c; int i; };
struct no_semicolon { int x; }
struct next { struct no_semicolon n; };
