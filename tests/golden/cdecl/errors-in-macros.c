#define TYPE no_such_type
#define MEMBER(type) type value
struct x {
	MEMBER(TYPE *);
};
#define LIMIT (FIRST / SECOND)
#define FIRST 1
#define SECOND (2 - 2)
int array[LIMIT];
#if LIMIT
#endif
