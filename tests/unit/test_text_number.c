/* test_text_number.c: integers, floating point, cursors and memory sizes, as redis-server 7.0.15 reads and
 * prints them.
 *
 * What is accepted and what is printed was asked of it: INCRBY (integers), SCAN (cursors), ZADD and ZSCORE
 * (doubles), INCRBYFLOAT (long doubles), CONFIG SET maxmemory (memory sizes).
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "shard/base/mem.h"
#include "shard/base/random.h"
#include "shard/base/text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

Test(text_number, i64_accepted) {
    static const struct {
        const char *text;
        int64_t value;
    } cases[] = {
        {"0", 0},
        {"7", 7},
        {"-1", -1},
        {"1234567890", 1234567890},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
        {"-9223372036854775807", -INT64_MAX},
        {"1000000000000000000", INT64_C(1000000000000000000)},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t value = 99;
        cr_assert(text_to_i64(cases[i].text, strlen(cases[i].text), &value), "%s", cases[i].text);
        cr_assert_eq(value, cases[i].value, "%s", cases[i].text);
    }
}

Test(text_number, i64_refused) {
    static const char *cases[] = {"",
                                  "-",
                                  "+1",
                                  "-0",
                                  "00",
                                  "01",
                                  "-01",
                                  " 1",
                                  "1 ",
                                  "1\n",
                                  "1.0",
                                  "1e3",
                                  "0x1",
                                  "--1",
                                  "a",
                                  "9223372036854775808",
                                  "-9223372036854775809",
                                  "18446744073709551616",
                                  "99999999999999999999",
                                  "100000000000000000000",
                                  "-100000000000000000000"};
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t value = 99;
        cr_assert_not(text_to_i64(cases[i], strlen(cases[i]), &value), "%s", cases[i]);
    }
    int64_t value;
    cr_assert_not(text_to_i64("1\0", 2, &value));
    cr_assert_not(text_to_i64("/", 1, &value)); /* the bytes beside '0' and '9' */
    cr_assert_not(text_to_i64("1:", 2, &value));
}

Test(text_number, u64) {
    static const struct {
        const char *text;
        bool ok;
        uint64_t value;
    } cases[] = {
        {"0", true, 0},
        {"10", true, 10},
        {"9999999999999999999", true, UINT64_C(9999999999999999999)},
        {"10000000000000000000", true, UINT64_C(10000000000000000000)},
        {"18446744073709551615", true, UINT64_MAX},
        {"18446744073709551616", false, 0},
        {"18446744073709551620", false, 0},
        {"28446744073709551615", false, 0},
        {"100000000000000000000", false, 0},
        {"", false, 0},
        {"-1", false, 0},
        {"+1", false, 0},
        {"01", false, 0},
        {" 1", false, 0},
        {"1x", false, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t value = 99;
        cr_assert_eq(text_to_u64(cases[i].text, strlen(cases[i].text), &value), cases[i].ok, "%s",
                     cases[i].text);
        if (cases[i].ok) cr_assert_eq(value, cases[i].value, "%s", cases[i].text);
    }
}

Test(text_number, cursor) {
    static const struct {
        const char *text;
        size_t len;
        bool ok;
        uint64_t value;
    } cases[] = {
        {"", 0, true, 0},
        {"0", 1, true, 0},
        {"007", 3, true, 7},
        {"+5", 2, true, 5},
        {"-1", 2, true, UINT64_MAX},
        {"-18446744073709551615", 21, true, 1},
        {"18446744073709551615", 20, true, UINT64_MAX},
        {"5\0abc", 5, true, 5},
        {"\0", 1, true, 0},
        {"000000000000000000000000001", 27, true, 1},
        {"18446744073709551616", 20, false, 0},
        {"-18446744073709551616", 21, false, 0},
        {"-", 1, false, 0},
        {"+", 1, false, 0},
        {"--1", 3, false, 0},
        {"+-1", 3, false, 0},
        {" 5", 2, false, 0},
        {"5 ", 2, false, 0},
        {"0x10", 4, false, 0},
        {"a", 1, false, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t value = 99;
        cr_assert_eq(text_to_cursor(cases[i].text, cases[i].len, &value), cases[i].ok, "case %zu", i);
        if (cases[i].ok) cr_assert_eq(value, cases[i].value, "case %zu", i);
    }
}

static void check_integer_round_trip(uint64_t bits) {
    char out[TEXT_I64_MAX + 1], expected[32];
    out[TEXT_I64_MAX] = '#';
    size_t len = text_from_u64(out, bits);
    snprintf(expected, sizeof expected, "%" PRIu64, bits);
    cr_assert_eq(len, strlen(expected));
    cr_assert_eq(len, text_u64_digits(bits));
    cr_assert_eq(memcmp(out, expected, len), 0, "%s", expected);
    uint64_t back;
    cr_assert(text_to_u64(out, len, &back));
    cr_assert_eq(back, bits);

    int64_t value = (int64_t)bits, value_back;
    len = text_from_i64(out, value);
    snprintf(expected, sizeof expected, "%" PRId64, value);
    cr_assert_eq(len, strlen(expected));
    cr_assert_eq(memcmp(out, expected, len), 0, "%s", expected);
    cr_assert(text_to_i64(out, len, &value_back));
    cr_assert_eq(value_back, value);
    cr_assert_eq(out[TEXT_I64_MAX], '#');
}

/* Around every power of ten and of two, and random ones of every length. */
Test(text_number, integers_print_as_printf_and_read_back) {
    uint64_t ten = 1;
    for (int power = 0; power < 20; power++, ten *= 10) {
        for (int d = -2; d <= 2; d++) {
            check_integer_round_trip(ten + (uint64_t)d);
            check_integer_round_trip(0 - ten + (uint64_t)d);
        }
    }
    for (int bit = 0; bit < 64; bit++) {
        for (int d = -2; d <= 2; d++) check_integer_round_trip((UINT64_C(1) << bit) + (uint64_t)d);
    }
    struct random r;
    random_seed(&r, 1);
    for (int i = 0; i < 200000; i++) check_integer_round_trip(random_next(&r) >> random_below(&r, 64));
}

/* Reads a copy of exactly the text's size, so that a sanitizer sees a read past its end. */
static bool double_exact(const char *text, size_t len, double *value) {
    char *copy = mem_dup(text, len);
    bool ok = text_to_double(copy, len, value);
    mem_free(copy);
    return ok;
}

static bool long_double_exact(const char *text, size_t len, long double *value) {
    char *copy = mem_dup(text, len);
    bool ok = text_to_long_double(copy, len, value);
    mem_free(copy);
    return ok;
}

Test(text_number, doubles_accepted) {
    static const struct {
        const char *text;
        double value;
    } cases[] = {
        {"0", 0},
        {"+1", 1},
        {"00012", 12},
        {".5", .5},
        {"5.", 5},
        {"1E5", 1e5},
        {"-3.25e-2", -3.25e-2},
        {"999999999999999", 999999999999999.0},
        {"9007199254740993", 9007199254740992.0},
        {"0x10", 16},
        {"0x1p3", 8},
        {"0x.8p1", 1},
        {"1e308", 1e308},
        {"1e-320", 1e-320},
        {"0e-999", 0},
        {"inf", INFINITY},
        {"+inf", INFINITY},
        {"-inf", -INFINITY},
        {"INF", INFINITY},
        {"Infinity", INFINITY},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        double value = 99;
        cr_assert(double_exact(cases[i].text, strlen(cases[i].text), &value), "%s", cases[i].text);
        cr_assert(value == cases[i].value, "%s: %g", cases[i].text, value);
    }
}

/* What neither a double nor a long double may be. */
static const char *const not_numbers[] = {
    "",    "-",   "+",    ".",  "nan", "-nan",  "NaN", "nan(1)", "infinit", "1 ",  " 1",    "\t1",
    "\v1", "1,5", "1_0",  "0x", "1e",  "1e+",   "1d5", "0b11",   "--1",     "+-1", "1.2.3", "e5",
    "one", "in",  "0x1p", "1-", "1\n", "1e5.0", "1f",  "(1",     "infx",    "x"};

Test(text_number, doubles_refused) {
    double value;
    for (size_t i = 0; i < COUNT(not_numbers); i++) {
        cr_assert_not(double_exact(not_numbers[i], strlen(not_numbers[i]), &value), "%s", not_numbers[i]);
    }
    cr_assert_not(double_exact("1\0", 2, &value));
    cr_assert_not(double_exact("\0", 1, &value));
    cr_assert_not(double_exact("1e309", 5, &value));
    cr_assert_not(double_exact("-1e309", 6, &value));
    cr_assert_not(double_exact("1e-400", 6, &value));
    cr_assert_not(double_exact("0x1p-2000", 9, &value));
}

Test(text_number, minus_zero_keeps_its_sign) {
    static const char *cases[] = {"-0", "-0.0", "-00", "-0e5"};
    for (size_t i = 0; i < COUNT(cases); i++) {
        double value = 99;
        cr_assert(double_exact(cases[i], strlen(cases[i]), &value));
        cr_assert(value == 0 && signbit(value), "%s", cases[i]);
    }
}

/* Longer than the stack copy: taken as a number if it is one, and all memory comes back. */
Test(text_number, very_long_doubles) {
    enum { LEN = 100000 };
    char *text = mem_alloc(LEN);
    memset(text, '0', LEN);
    text[LEN - 1] = '7';
    size_t before = mem_used();
    double value = 99;
    cr_assert(text_to_double(text, LEN, &value));
    cr_assert(value == 7);
    cr_assert(text_to_double(text + LEN - 300, 300, &value));
    cr_assert(value == 7);
    text[LEN / 2] = 'e';
    text[LEN - 1] = 'e';
    cr_assert_not(text_to_double(text, LEN, &value));
    text[5] = ' ';
    cr_assert_not(text_to_double(text, LEN, &value));
    cr_assert_eq(mem_used(), before);
    mem_free(text);
}

Test(text_number, doubles_printed) {
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {-0.0, "-0"},
        {1, "1"},
        {-42, "-42"},
        {0.1, "0.10000000000000001"},
        {3.25, "3.25"},
        {1e16, "10000000000000000"},
        {99999999999999984.0, "99999999999999984"},
        {1e17, "1e+17"},
        {-1e17, "-1e+17"},
        {123456789012345678.0, "1.2345678901234568e+17"},
        {1e-5, "1.0000000000000001e-05"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {4.9406564584124654e-324, "4.9406564584124654e-324"},
        {INFINITY, "inf"},
        {-INFINITY, "-inf"},
        {NAN, "nan"},
        {-NAN, "nan"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[TEXT_DOUBLE_MAX];
        size_t len = text_from_double(out, sizeof out, cases[i].value);
        cr_assert_str_eq(out, cases[i].text);
        cr_assert_eq(len, strlen(cases[i].text));
    }
}

/* Any bit pattern, and whole numbers of every size: as printf does it, and the same number when read back. */
Test(text_number, doubles_print_as_printf_and_read_back) {
    struct random r;
    random_seed(&r, 2);
    for (int i = 0; i < 200000; i++) {
        uint64_t bits = random_next(&r);
        double value;
        if (i % 2) {
            value = (double)(int64_t)(bits >> random_below(&r, 64));
        } else {
            memcpy(&value, &bits, sizeof value);
        }
        if (!isfinite(value)) continue;
        char out[TEXT_DOUBLE_MAX], expected[64];
        size_t len = text_from_double(out, sizeof out, value);
        snprintf(expected, sizeof expected, "%.17g", value);
        cr_assert_str_eq(out, expected);
        cr_assert_eq(len, strlen(expected));
        double back;
        cr_assert(double_exact(out, len, &back), "%s", out);
        cr_assert(back == value && signbit(back) == signbit(value), "%s", out);
    }
}

Test(text_number, long_doubles) {
    static const struct {
        const char *text, *printed;
    } cases[] = {
        {"0", "0"},
        {"-0", "0"},
        {"-0.0", "0"},
        {"10.5", "10.5"},
        {"3.0", "3"},
        {"5.0e3", "5000"},
        {"200", "200"},
        {"0.1", "0.1"},
        {"-1.20", "-1.2"},
        {"1e-17", "0.00000000000000001"},
        {"-1e-30", "0"},
        {"0x1p-2", "0.25"},
        {"1234567890123456789", "1234567890123456789"},
        {"inf", "inf"},
        {"-Infinity", "-inf"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        long double value = 99;
        char out[TEXT_LONG_DOUBLE_MAX];
        cr_assert(long_double_exact(cases[i].text, strlen(cases[i].text), &value), "%s", cases[i].text);
        size_t len = text_from_long_double(out, sizeof out, value);
        cr_assert_str_eq(out, cases[i].printed, "%s gave %s", cases[i].text, out);
        cr_assert_eq(len, strlen(out));
    }
    long double value;
    for (size_t i = 0; i < COUNT(not_numbers); i++) {
        cr_assert_not(long_double_exact(not_numbers[i], strlen(not_numbers[i]), &value), "%s",
                      not_numbers[i]);
    }
    cr_assert_not(long_double_exact("1\0", 2, &value));
    cr_assert_not(long_double_exact("1e5000", 6, &value));
    cr_assert_not(long_double_exact("1e-5000", 7, &value));
}

/* The largest long double fills the buffer that the header promises is enough. */
Test(text_number, long_double_bounds) {
    long double value;
    char out[TEXT_LONG_DOUBLE_MAX], zeros[TEXT_LONG_DOUBLE_MAX];
    cr_assert(text_to_long_double("-1.18973149535723176502e4932", 28, &value));
    cr_assert_eq(text_from_long_double(out, sizeof out, value), 4934);
    memset(zeros, '0', sizeof zeros);
    zeros[TEXT_LONG_DOUBLE_MAX - 2] = '3';
    cr_assert(text_to_long_double(zeros, TEXT_LONG_DOUBLE_MAX - 1, &value));
    cr_assert(value == 3);
    cr_assert_not(text_to_long_double(zeros, TEXT_LONG_DOUBLE_MAX, &value));
}

Test(text_number, memory_sizes) {
    static const struct {
        const char *text;
        bool ok;
        uint64_t bytes;
    } cases[] = {
        {"", true, 0},
        {"b", true, 0},
        {"kb", true, 0},
        {"0", true, 0},
        {"01", true, 1},
        {"1", true, 1},
        {"1B", true, 1},
        {"1k", true, 1000},
        {"1Kb", true, 1024},
        {"2m", true, 2000000},
        {"3MB", true, 3145728},
        {"1G", true, 1000000000},
        {"1gb", true, 1073741824},
        {"18446744073709551615", true, UINT64_MAX},
        {"17179869183gb", true, UINT64_C(18446744072635809792)},
        {"17179869184gb", false, 0}, /* 2^64: beyond 64 bits Redis wraps or clamps, here it is refused */
        {"18446744073709551616", false, 0},
        {"-1", false, 0},
        {"+1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"0x10", false, 0},
        {"1.5gb", false, 0},
        {"1kk", false, 0},
        {"1t", false, 0},
        {"1kbb", false, 0},
        {"1 kb", false, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t bytes = 99;
        cr_assert_eq(text_to_memory(cases[i].text, strlen(cases[i].text), &bytes), cases[i].ok, "%s",
                     cases[i].text);
        cr_assert_eq(bytes, cases[i].ok ? cases[i].bytes : 99, "%s", cases[i].text);
    }
    char zeros[128];
    memset(zeros, '0', sizeof zeros);
    uint64_t bytes = 99;
    cr_assert(text_to_memory(zeros, 127, &bytes));
    cr_assert_eq(bytes, 0);
    cr_assert_not(text_to_memory(zeros, 128, &bytes));
}
