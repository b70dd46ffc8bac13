struct a { int x; };
struct a { long x; };
typedef int t;
typedef long t;
enum e { ONE };
enum f { ONE = 2 };
struct b { unknown_t x; int y; };
struct c { int x int y; };
struct d { struct nowhere n; };
struct dup { int x; struct { char x; }; };
int array[-1];
int array2[n];
int array3[1 / 0];
struct g { int a : 33; float b : 2; int c : -1; int d : 0; };
long char wrong;
_Static_assert(sizeof(int) == 8, "int has 8 bytes");
struct { int x;
} __attribute__((aligned(3))) bad_align;
unknown *p;
foo();
struct recursive { struct recursive r; };
void v[3];
typedef struct a a_t
struct last { int fine; };
int (*returns_array(void))[3];
int f(int)(int);
;
int x = { 1, };
}
struct end {
	int never
