struct fine { int x; };
/* this never ends
struct lost { int x; };
