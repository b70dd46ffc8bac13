/* declarators of every shape */
typedef int number, *to_number, numbers[3], (*to_numbers)[3], grid[2][3];
typedef int *(*callbacks[2])(const char *name, int (*)(void), ...);
typedef void (*handler)(int), (*signal_fn(int, handler))(int);
typedef unsigned long long int ull;
typedef long unsigned mixed;
typedef signed char sc;
typedef const volatile struct late *to_late;
typedef struct late { to_late next; number n; } late_t;
typedef struct { int x, y; } point, *to_point;
typedef __typeof__(sizeof(int)) size;
typedef __typeof__(((point *)0)->y) coordinate;
typedef int quarter __attribute__((mode(QI)));
typedef float four __attribute__((vector_size(16)));
typedef unsigned long long __attribute__((aligned(4))) half_aligned;
typedef _Bool flag;
typedef __int128 wide;
typedef long double real;
typedef double _Complex z;
typedef int same; typedef int same;
extern int counter, table[sizeof(point) * 2];
extern inline __attribute__((always_inline)) int f(int a[const 3], int b[*], char (*c)[4])
{
	struct hidden { int z; };
	return ({ a[0]; }) + "}"[0] + '}';
}
static const struct late first = { .next = 0, .n = { 1 } }, second;
int old(void) __asm__("new") __attribute__((nothrow, format(printf, 1, 2)));
asm("nop");
struct uses {
	number a;
	grid g;
	callbacks cb;
	half_aligned h;
	four v;
	struct only_named *p;
	enum only_named_too *e;
	typeof(int *) ip;
	_Atomic(long) at;
	_Atomic int ai;
	_Alignas(16) char aligned;
	char name[sizeof("twelve bytes")];
};
