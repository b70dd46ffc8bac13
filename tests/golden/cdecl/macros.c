#define twice(a) a*half
#define half(a) twice(a)
twice(2)(9)
#define num 3
#define call(a) call(num * (a))
#undef num
#define num 2
#define alias call
#define self self[0]
#define open alias(~
#define apply(a) a(pair)
#define pair 0,1
#define same(a) a
#define word() int
#define glue(a, b) a ## b
#define str(a) # a
call(y+1) + call(call(self)) % same(same(alias)(0) + same)(1);
alias(num+(3,4)-pair) | open 5) & apply
(call)^apply(apply);
word() i[same()] = { same(1), glue(2,3), glue(4,), glue(,5), glue(,) };
char c[2][6] = { str(hello), str() };
#define xstr(s) str(s)
#define vers(n) vers ## n
str(f("a\0b", '\4', '"') == 0) str(: @\n)
str( a  b   "x\n"
    c /* gone */ d )
xstr(vers(2).h) glue(xs, tr)(vers(1))
#define hash_hash # ## #
#define between(a) str(a)
#define join(c, d) between(c hash_hash d)
join(x, y);
#define three(x,y,z) x ## y ## z
three(1,2,3) three(,4,5) three(6,,7) three(8,9,) three(10,,) three(,11,) three(,,12) three(,,)
#define print(fmt, ...) pr(fmt, ## __VA_ARGS__)
print("a"); print("a",1,2); print("a",)
#define named(fmt, args...) pr(fmt, ## args)
named("a"); named("a",1,2);
#define all(...) f(0, ## __VA_ARGS__)
all() all(1)
#define opt(f, ...) k(f __VA_OPT__(,) __VA_ARGS__)
opt(1) opt(1,2) opt(1,)
#define init(name, ...) S name __VA_OPT__(= { __VA_ARGS__ })
init(foo); init(bar, 1, 2);
#define paste_opt(X, Y, ...) __VA_OPT__(X ## Y,) __VA_ARGS__
paste_opt(a,b,c,d) paste_opt(a,b)
#define str_opt(X, ...) #__VA_OPT__(X##X X##X)
str_opt(, 0) str_opt(a,b) str_opt(a)
#define obj obj2 obj
#define obj2 obj
obj obj2
#define A B
#define B A
A B
#define foo() bar
#define nothing
foo
()
foo nothing () foo
__LINE__ __COUNTER__ __COUNTER__ __INCLUDE_LEVEL__ __FILE__
#line 100 "other.c"
__LINE__ __FILE__
same(
#ifdef num
 1
#else
 2
#endif
)
