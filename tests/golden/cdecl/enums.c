enum plain { A, B, C = 10, D };
enum signs { MINUS = -1, ZERO };
enum wide { SMALL = 1, LARGE = 0x100000000, NEXT };
enum hex { TOP = 0x80000000, ALL = 0xffffffff };
enum __attribute__((packed)) tiny { ONE = 1, TWO };
enum from_others { SUM = A + C, SHIFT = 1 << D, SIZE = sizeof(enum wide), NOT = !SUM, PICK = A ? B : C };
enum { LONELY = 7 };
typedef enum { T1, T2 } named_by_typedef;
enum fixed : unsigned char { F1 = 255 };
enum trailing { X, Y, };
struct s { enum plain p; enum tiny t; named_by_typedef n; enum fixed f; };
#define ALIAS LARGE
#define SELF SELF
enum { SELF = 3 };
enum wide_words { SMALL_ULL = 1ull << 3, HIGH_ULL = 1ull << 31 };
#define INT_SIZE sizeof(SMALL_ULL)
#define UNSIGNED_TYPE HIGH_ULL
#define ELVIS (0 ?: 3)
