/* test_text.c: case-blind comparison, and splitting lines into words.
 *
 * The expected words are what redis-server 7.0.15 makes of the same line sent as an inline command.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "shard/base/mem.h"
#include "shard/base/random.h"
#include "shard/base/text.h"

static int sign(int x) {
    return (x > 0) - (x < 0);
}

static int compare(const char *a, const char *b) {
    return sign(text_casecmp(a, strlen(a), b, strlen(b)));
}

Test(text, casecmp_orders_without_case) {
    cr_assert_eq(compare("abc", "ABC"), 0);
    cr_assert_eq(compare("", ""), 0);
    cr_assert_eq(compare("abc", "ABD"), -1);
    cr_assert_eq(compare("ABD", "abc"), 1);
    cr_assert_eq(compare("ab", "ABC"), -1);
    cr_assert_eq(compare("ABC", "ab"), 1);
    cr_assert_eq(compare("a", "\xff"), -1); /* bytes compare as unsigned */
    cr_assert_eq(compare("[", "a"), -1);    /* '[' lies between 'Z' and 'a' */
    cr_assert_eq(text_casecmp("a\0B", 3, "A\0b", 3), 0);
    cr_assert_eq(sign(text_casecmp("a\0b", 3, "a\0c", 3)), -1);
}

Test(text, is_takes_any_case_and_the_whole_word) {
    cr_assert(text_is("GET", 3, "get"));
    cr_assert(text_is("gEt", 3, "GeT"));
    cr_assert(text_is("", 0, ""));
    cr_assert_not(text_is("ge", 2, "get"));
    cr_assert_not(text_is("gets", 4, "get"));
    cr_assert_not(text_is("", 0, "get"));
    cr_assert_not(text_is("get", 3, ""));
    cr_assert_not(text_is("ge\0", 3, "ge"));
    cr_assert_not(text_is("@et", 3, "`et")); /* these two differ by the same bit as a letter's cases */
    cr_assert_not(text_is("\xc1", 1, "\xe1"));
}

Test(text, lower_changes_ascii_letters_only) {
    for (unsigned c = 0; c < 256; c++) {
        char byte = (char)c;
        text_lower(&byte, 1);
        cr_assert_eq((unsigned char)byte, c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    char text[] = "MiXeD";
    text_lower(text, 3);
    cr_assert_str_eq(text, "mixeD");
}

Test(text, blanks_are_those_of_isspace) {
    for (int c = 0; c < 256; c++) {
        cr_assert_eq(text_is_blank((char)c), c != 0 && c < 128 && strchr(" \t\n\v\f\r", c) != NULL, "byte %d",
                     c);
    }
}

/* Splits a copy of exactly the line's size, so that a sanitizer sees a read past its end. */
static int split_exact(const char *line, size_t len, struct text_word **words) {
    char *copy = mem_dup(line, len);
    int count = text_split(copy, len, words);
    mem_free(copy);
    return count;
}

static void check_split(const char *line, int expected_count, const char *const *expected) {
    struct text_word *words;
    int count = split_exact(line, strlen(line), &words);
    cr_assert_eq(count, expected_count, "line <%s>: %d words", line, count);
    for (int i = 0; i < count; i++) {
        cr_assert_eq(words[i].len, strlen(expected[i]), "line <%s> word %d", line, i);
        cr_assert_str_eq(words[i].data, expected[i], "line <%s>", line);
    }
    if (count <= 0) cr_assert_null(words);
    mem_free(words);
}

#define SPLITS(line, ...)                                                                                    \
    do {                                                                                                     \
        static const char *const expected[] = {__VA_ARGS__};                                                 \
        check_split(line, (int)(sizeof expected / sizeof expected[0]), expected);                            \
    } while (0)

Test(text, split_plain_words) {
    check_split("", 0, NULL);
    check_split(" \t\r\n\v\f", 0, NULL);
    SPLITS("one", "one");
    SPLITS("  one  two\tthree\r\n", "one", "two", "three");
    SPLITS("a\vb", "a\vb"); /* within a word a vertical tab is no separator */
    SPLITS("a \vb", "a", "b");
    SPLITS("a\\b", "a\\b"); /* nor is a backslash special there */
    SPLITS("\x80\xff x", "\x80\xff", "x");
}

Test(text, split_double_quotes) {
    SPLITS("\"\"", "");
    SPLITS("\"a b\" c", "a b", "c");
    SPLITS("\"\\n\\r\\t\\b\\a\"", "\n\r\t\b\a");
    SPLITS("\"\\x41\\x7A\\x4a\"", "AzJ");
    SPLITS("\"\\x4\"", "x4");
    SPLITS("\"\\x4g\"", "x4g");
    SPLITS("\"\\q\\\\\\\"'\"", "q\\\"'");
    SPLITS("ab\"cd\"", "abcd"); /* a quote may open in the middle */
    SPLITS("\"a\"\vb", "a", "b");
}

Test(text, split_single_quotes) {
    SPLITS("''", "");
    SPLITS("'a b' c", "a b", "c");
    SPLITS("'a\\'b'", "a'b");
    SPLITS("'a\\nb\\x41\"'", "a\\nb\\x41\"");
    SPLITS("ab'cd'", "abcd");
}

Test(text, split_refuses_unbalanced_quotes) {
    static const char *lines[] = {"\"",  "'",        "\"abc",  "'abc", "a\"",      "\"a\"b", "'a'b",
                                  "''a", "\"\"\"\"", "\"\\\"", "'\\'", "x 'a''b'", "\"a\\",  "\"\\x4"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) check_split(lines[i], -1, NULL);
}

Test(text, split_keeps_binary_words_and_stops_at_nul) {
    struct text_word *words;
    cr_assert_eq(split_exact("\"a\\x00b\" c\0d e", 14, &words), 2);
    cr_assert_eq(words[0].len, 3);
    cr_assert_arr_eq(words[0].data, "a\0b\0", 4);
    cr_assert_str_eq(words[1].data, "c");
    mem_free(words);
    cr_assert_eq(split_exact("\"a\0\"", 4, &words), -1);
    cr_assert_eq(split_exact(NULL, 0, &words), 0);
}

/* Random lines of quotes, escapes and blanks: whatever the answer, the words end with a NUL, do not
 * overlap, hold no more bytes than the line, and all memory comes back. */
Test(text, split_survives_any_line) {
    static const char alphabet[] = " \"'\\xn0Aa\t\r";
    struct random r;
    random_seed(&r, 6);
    size_t before = mem_used(), refused = 0;
    for (int i = 0; i < 50000; i++) {
        char line[24];
        size_t len = random_below(&r, sizeof line), total = 0;
        for (size_t k = 0; k < len; k++) line[k] = alphabet[random_below(&r, sizeof alphabet - 1)];
        struct text_word *words;
        int count = split_exact(line, len, &words);
        refused += count < 0;
        for (int k = 0; k < count; k++) {
            cr_assert_eq(words[k].data[words[k].len], '\0');
            if (k > 0) cr_assert_eq(words[k].data, words[k - 1].data + words[k - 1].len + 1);
            total += words[k].len;
        }
        cr_assert_leq(total, len);
        mem_free(words);
    }
    cr_assert(refused > 1000 && refused < 49000);
    cr_assert_eq(mem_used(), before);
}

Test(text, split_many_words) {
    enum { WORDS = 100000 };
    char *line = mem_alloc(2 * WORDS);
    for (int i = 0; i < 2 * WORDS; i++) line[i] = i % 2 ? ' ' : 'x';
    struct text_word *words;
    cr_assert_eq(text_split(line, 2 * WORDS, &words), WORDS);
    cr_assert_str_eq(words[WORDS - 1].data, "x");
    mem_free(words);
    mem_free(line);
}
