/* text_number.c: numbers in the forms that Redis accepts and prints.
 *
 * Integers are parsed and printed by hand: they are on the path of INCR, of every length in a reply and of
 * every string that might be stored as an integer. Floating point goes through the C library, since the
 * digits must be those that Redis prints and it uses printf and strtod; only doubles that hold a whole number
 * are done by hand.
 *
 * strtod wants a terminating NUL, which these inputs need not have: they are copied to the stack, or, when
 * longer than any sensible number, to a block of their own. What cannot be a number is refused before that by
 * its bytes, so a large value that is no number costs no copy.
 *
 * The locale must be "C" for LC_NUMERIC (the server never sets it).
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"

enum { NUMBER_ON_STACK = 256, U64_DIGITS_MAX = 20, EXACT_DIGITS_MAX = 15, MEMORY_DIGITS_MAX = 127 };

/* The pairs 00 to 99: two digits are written for one division. */
static const char digit_pairs[201] = "00010203040506070809101112131415161718192021222324"
                                     "25262728293031323334353637383940414243444546474849"
                                     "50515253545556575859606162636465666768697071727374"
                                     "75767778798081828384858687888990919293949596979899";

bool text_to_u64(const char *text, size_t len, uint64_t *value) {
    if (len == 0 || len > U64_DIGITS_MAX) return false;
    if (text[0] == '0') {
        *value = 0;
        return len == 1;
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned digit = (unsigned)(unsigned char)text[i] - '0';
        if (digit > 9) return false;
        /* Nineteen digits always fit; only the twentieth may not. */
        if (UNLIKELY(i == U64_DIGITS_MAX - 1)) {
            if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, digit, &sum))
                return false;
        } else {
            sum = sum * 10 + digit;
        }
    }
    *value = sum;
    return true;
}

bool text_to_i64(const char *text, size_t len, int64_t *value) {
    uint64_t magnitude;
    if (len > 1 && text[0] == '-') {
        if (!text_to_u64(text + 1, len - 1, &magnitude)) return false;
        if (magnitude == 0 || magnitude > (uint64_t)INT64_MAX + 1) return false;
        *value = (int64_t)(0 - magnitude);
        return true;
    }
    if (!text_to_u64(text, len, &magnitude) || magnitude > INT64_MAX) return false;
    *value = (int64_t)magnitude;
    return true;
}

/* Redis hands the argument to strtoul as a C string, so: what follows a NUL is not seen, no text at all is
 * 0, a sign and leading zeros are taken, and "-1" is the largest number. */
bool text_to_cursor(const char *text, size_t len, uint64_t *value) {
    const char *nul = len > 0 ? memchr(text, '\0', len) : NULL;
    if (nul != NULL) len = (size_t)(nul - text);
    *value = 0;
    if (len == 0) return true;
    bool negative = text[0] == '-';
    size_t i = (negative || text[0] == '+') ? 1 : 0;
    if (i == len) return false;
    uint64_t sum = 0;
    for (; i < len; i++) {
        unsigned digit = (unsigned)(unsigned char)text[i] - '0';
        if (digit > 9) return false;
        if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, digit, &sum)) return false;
    }
    *value = negative ? 0 - sum : sum;
    return true;
}

size_t text_u64_digits(uint64_t value) {
    size_t digits = 1;
    while (value >= 10000) {
        value /= 10000;
        digits += 4;
    }
    return digits + (value >= 10) + (value >= 100) + (value >= 1000);
}

size_t text_from_u64(char *out, uint64_t value) {
    size_t len = text_u64_digits(value);
    char *end = out + len;
    while (value >= 100) {
        end -= 2;
        memcpy(end, &digit_pairs[value % 100 * 2], 2);
        value /= 100;
    }
    if (value >= 10) {
        memcpy(end - 2, &digit_pairs[value * 2], 2);
    } else {
        end[-1] = (char)('0' + value);
    }
    return len;
}

size_t text_from_i64(char *out, int64_t value) {
    if (value >= 0) return text_from_u64(out, (uint64_t)value);
    *out = '-';
    return 1 + text_from_u64(out + 1, 0 - (uint64_t)value);
}

/* Whole numbers of up to 15 digits are exact in a double, whatever rounds. */
static bool parse_short_whole(const char *text, size_t len, double *value) {
    bool negative = len > 0 && text[0] == '-';
    size_t i = negative;
    if (i == len || len - i > EXACT_DIGITS_MAX) return false;
    int64_t sum = 0;
    for (; i < len; i++) {
        unsigned digit = (unsigned)(unsigned char)text[i] - '0';
        if (digit > 9) return false;
        sum = sum * 10 + digit;
    }
    *value = negative ? -(double)sum : (double)sum; /* "-0" is minus zero */
    return true;
}

/* Whether every byte may occur in a number that strtod takes: digits, sign, point, hexadecimal, inf,
 * infinity. */
static bool may_be_number(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++) {
        unsigned char c = text_lower_byte((unsigned char)text[i]);
        bool known =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c != '\0' && strchr("+-.xpinty", c));
        if (!known) return false;
    }
    return true;
}

bool text_to_double(const char *text, size_t len, double *value) {
    if (parse_short_whole(text, len, value)) return true;
    if (len == 0 || !may_be_number(text, len)) return false;
    char on_stack[NUMBER_ON_STACK];
    char *copy = len < sizeof on_stack ? on_stack : mem_alloc(len + 1);
    memcpy(copy, text, len);
    copy[len] = '\0';
    char *end;
    errno = 0;
    double parsed = strtod(copy, &end);
    bool whole = end == copy + len;
    bool in_range = !(errno == ERANGE && (isinf(parsed) || parsed == 0));
    if (copy != on_stack) mem_free(copy);
    if (!whole || !in_range || isnan(parsed)) return false;
    *value = parsed;
    return true;
}

bool text_to_long_double(const char *text, size_t len, long double *value) {
    /* Redis's own bound on the length. */
    if (len == 0 || len >= TEXT_LONG_DOUBLE_MAX || !may_be_number(text, len)) return false;
    char copy[TEXT_LONG_DOUBLE_MAX];
    memcpy(copy, text, len);
    copy[len] = '\0';
    char *end;
    errno = 0;
    long double parsed = strtold(copy, &end);
    bool in_range = !(errno == ERANGE && (isinf(parsed) || parsed == 0));
    if (end != copy + len || !in_range || isnan(parsed)) return false;
    *value = parsed;
    return true;
}

/* Copies a short word; `out` always has room for one. */
static size_t put_word(char *out, size_t cap, const char *word) {
    size_t len = strlen(word);
    ASSERT(len < cap);
    memcpy(out, word, len + 1);
    return len;
}

size_t text_from_double(char *out, size_t cap, double value) {
    ASSERT(cap >= TEXT_DOUBLE_MAX);
    if (isnan(value)) return put_word(out, cap, "nan");
    if (isinf(value)) return put_word(out, cap, value > 0 ? "inf" : "-inf");
    /* Up to 17 digits %.17g prints a whole number as an integer does; minus zero keeps its sign there. */
    if (value > -1e17 && value < 1e17 && value == (double)(int64_t)value && !(value == 0 && signbit(value))) {
        size_t len = text_from_i64(out, (int64_t)value);
        out[len] = '\0';
        return len;
    }
    int n = snprintf(out, cap, "%.17g", value);
    ASSERT(n > 0 && (size_t)n < cap);
    return (size_t)n;
}

size_t text_from_long_double(char *out, size_t cap, long double value) {
    ASSERT(cap >= TEXT_LONG_DOUBLE_MAX);
    if (isnan(value)) return put_word(out, cap, "nan");
    if (isinf(value)) return put_word(out, cap, value > 0 ? "inf" : "-inf");
    int n = snprintf(out, cap, "%.17Lf", value);
    ASSERT(n > 0 && (size_t)n < cap);
    size_t len = (size_t)n;
    while (out[len - 1] == '0') len--; /* ends at the point at the latest: %.17Lf always prints one */
    if (out[len - 1] == '.') len--;
    out[len] = '\0';
    if (strcmp(out, "-0") == 0) len = put_word(out, cap, "0");
    return len;
}

/* As in Redis no digits at all is 0 ("" and "kb" too), and k is 1000 where kb is 1024. Not as in Redis, a
 * size beyond 64 bits is refused: there it wraps, and "17179869184gb" quietly means 0. */
bool text_to_memory(const char *text, size_t len, uint64_t *bytes) {
    static const struct {
        const char *name;
        uint64_t factor;
    } units[] = {
        {"", 1},        {"b", 1},        {"k", 1000},       {"kb", 1 << 10},
        {"m", 1000000}, {"mb", 1 << 20}, {"g", 1000000000}, {"gb", 1 << 30},
    };
    size_t digits = 0;
    uint64_t sum = 0;
    for (; digits < len; digits++) {
        unsigned digit = (unsigned)(unsigned char)text[digits] - '0';
        if (digit > 9) break;
        if (digits == MEMORY_DIGITS_MAX) return false;
        if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, digit, &sum)) return false;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (!text_is(text + digits, len - digits, units[i].name)) continue;
        if (__builtin_mul_overflow(sum, units[i].factor, &sum)) return false;
        *bytes = sum;
        return true;
    }
    return false;
}
