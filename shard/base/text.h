/* text.h: numbers, words and patterns in the exact forms that Redis accepts and prints.
 *
 * Pure functions; any thread may call them. Lengths are in bytes; inputs need no terminating NUL unless said.
 */
#ifndef GYRE_BASE_TEXT_H
#define GYRE_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TEXT_I64_MAX = 21, TEXT_DOUBLE_MAX = 64, TEXT_LONG_DOUBLE_MAX = 5 * 1024 };

/* A signed 64-bit integer in canonical form: no spaces, no '+', no leading zeros, "-0" refused (as
 * string2ll). */
bool text_to_i64(const char *text, size_t len, int64_t *value);
/* The same for unsigned, so canonical as well (SCAN cursors take what strtoull takes: see text_to_cursor). */
bool text_to_u64(const char *text, size_t len, uint64_t *value);
/* A SCAN cursor as Redis takes it: blanks and overflow refused, a sign and leading zeros taken, "" is 0. */
bool text_to_cursor(const char *text, size_t len, uint64_t *value);
/* Writes decimal digits (no NUL); returns how many. `out` has room for TEXT_I64_MAX. */
size_t text_from_i64(char *out, int64_t value);
size_t text_from_u64(char *out, uint64_t value);
size_t text_u64_digits(uint64_t value);

/* A double as getDoubleFromObject takes it (inf allowed, nan refused, no leading space, hex as strtod). */
bool text_to_double(const char *text, size_t len, double *value);
/* A long double as getLongDoubleFromObject takes it (INCRBYFLOAT). */
bool text_to_long_double(const char *text, size_t len, long double *value);
/* The shortest-looking form as Redis 7.0 replies a double: "%.17g", integers without a point, inf, -inf,
 * nan. */
size_t text_from_double(char *out, size_t cap, double value);
/* INCRBYFLOAT's form: "%.17Lf" with trailing zeros cut. */
size_t text_from_long_double(char *out, size_t cap, long double value);

/* A memory size: digits and an optional unit b k kb m mb g gb (any case; k = 1000, kb = 1024, ...). No
 * digits is 0, as in Redis. Refuses what does not fit in 64 bits. */
bool text_to_memory(const char *text, size_t len, uint64_t *bytes);

/* The small form of an ASCII letter; every other byte is itself, whatever the locale. */
static inline unsigned char text_lower_byte(unsigned char c) {
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c + ('a' - 'A')) : c;
}
/* The six blanks of isspace in the C locale. */
static inline bool text_is_blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* ASCII only, whatever the locale. Order as memcmp's, a prefix before what it begins. */
int text_casecmp(const char *a, size_t alen, const char *b, size_t blen);
/* Whether the len bytes at `text` spell `word` (NUL-terminated), in any case. */
bool text_is(const char *text, size_t len, const char *word);
void text_lower(char *text, size_t len);

/* Glob as KEYS, CONFIG GET and PSUBSCRIBE know it: * ? [a-z] [^x] \x. At most plen * len steps: a pattern
 * like a*a*a*a*b does not explode. Same results as redis's stringmatchlen, so "*" does not match the empty
 * text (KEYS and SCAN there do not ask it about a lone "*"). */
bool text_glob(const char *pattern, size_t plen, const char *text, size_t len, bool nocase);

/* Splits a line into words by Redis's rules for config lines and inline commands: "double" quotes with
 * escapes (\n \r \t \b \a \xHH), 'single' quotes with \'. Returns the number of words, or -1 for
 * unbalanced quotes. *words is one allocation holding the array and the bytes; free it with mem_free. */
struct text_word {
    char *data; /* NUL-terminated as well */
    size_t len;
};
int text_split(const char *line, size_t len, struct text_word **words);

#endif
