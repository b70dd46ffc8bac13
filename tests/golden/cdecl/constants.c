#define INT 42
#define NEGATIVE -7
#define EXPR ((INT << 3) | 0x0f)
#define UNSIGNED 0xffffffffu
#define BIG 0xffffffffffffffff
#define CHAR 'x'
#define STRING "a" "b\tc"
#define WIDE L"w"
#define EMPTY
#define NAME comm
#define STATEMENT printf("%d", INT)
#define FLOAT 1.5
#define CAST ((unsigned char)300)
#define SIZE sizeof(struct s)
#define CHAIN EXPR
#define BOTH INT, INT
#define OF_ENUM (E + 1)
#define UNKNOWN (E + nobody)
#define CONDITION (INT > 3 ? 1 : 0)
#define DIVISION (1 / 0)
#define FUNCTION(x) x
#define CALL FUNCTION(5)
#define OFFSET __builtin_offsetof(struct s, b)
#define RECURSIVE RECURSIVE + 1
struct s { char a; int b; };
enum { E = 9 };
