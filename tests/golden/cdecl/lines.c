int a\
b; char *s = "c\
d"; // a comm\
ent
/* x
*/ int w = L'a' + u8"x"[0] + 'b'; double d = 1.5e+3f + 0x1p-3 + .5;
%: define dig <: 2 :>
int x dig;
struct d <% int y; %>;
# /* nothing */
#if 0
don't look "here
#elif 0
# unknown directive
#else
int y = x+++++z;
#endif
#define CONTINUED 1 + \
	2
int\   
 q;
