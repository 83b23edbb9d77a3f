/* test_text_glob.c: patterns, in every corner that redis-server 7.0.15 has, and their cost.
 *
 * The table's answers are those of SCAN MATCH (and, for nocase, of FUNCTION LIST LIBRARYNAME) on the oracle.
 * The random test compares with a second matcher, written as the plainest recursion over the rules.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "shard/base/mem.h"
#include "shard/base/random.h"
#include "shard/base/text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Matches copies of exactly the given sizes, so that a sanitizer sees a read past an end. */
static bool glob_exact(const char *pattern, size_t plen, const char *text, size_t len, bool nocase) {
    char *pattern_copy = mem_dup(pattern, plen), *text_copy = mem_dup(text, len);
    bool matched = text_glob(pattern_copy, plen, text_copy, len, nocase);
    mem_free(pattern_copy);
    mem_free(text_copy);
    return matched;
}

struct glob_case {
    const char *pattern, *text;
    bool matches;
};

static void check_cases(const struct glob_case *cases, size_t count, bool nocase) {
    for (size_t i = 0; i < count; i++) {
        const struct glob_case *c = &cases[i];
        bool matched = glob_exact(c->pattern, strlen(c->pattern), c->text, strlen(c->text), nocase);
        cr_assert_eq(matched, c->matches, "pattern <%s> text <%s>", c->pattern, c->text);
    }
}

static const struct glob_case stars_and_literals[] = {
    {"abc", "abc", true},    {"abc", "ab", false},    {"abc", "abcd", false},   {"abc", "abC", false},
    {"a?c", "abc", true},    {"a?c", "ac", false},    {"a?c", "a?c", true},     {"*", "a", true},
    {"**", "a", true},       {"a*", "a", true},       {"a*", "abc", true},      {"a*", "ba", false},
    {"*c", "c", true},       {"*c", "abc", true},     {"*c", "cb", false},      {"a*c*e", "abcde", true},
    {"a*c*e", "ace", true},  {"a*c*e", "acde", true}, {"a*c*e", "aced", false}, {"*a*b", "xaxb", true},
    {"*a*b", "xbxa", false}, {"*a*b", "ab", true},    {"a*?", "a", false},      {"a*?", "ab", true},
    {"a*?", "abc", true},    {"***a***", "a", true},  {"***a***", "bab", true}, {"***a***", "b", false},
    {"?*?", "a", false},     {"?*?", "ab", true},     {"", "a", false},         {"a]", "a]", true},
    {"a]", "a", false},      {"-", "-", true},        {"-", "a", false},
};

static const struct glob_case classes[] = {
    {"[abc]x", "ax", true},
    {"[abc]x", "bx", true},
    {"[abc]x", "dx", false},
    {"[abc]x", "x", false},
    {"[a-c]x", "bx", true},
    {"[a-c]x", "dx", false},
    {"[a-c]x", "-x", false},
    {"[c-a]x", "bx", true},
    {"[c-a]x", "dx", false},
    {"[^a]", "a", false},
    {"[^a]", "b", true},
    {"[^a]", "^", true},
    {"[^a]", "ab", false},
    {"[^]", "a", true},
    {"[^]", "^", true},
    {"[]", "a", false},
    {"[]", "]", false},
    {"[]", "[]", false},
    {"[]a]", "a", false},
    {"[]a]", "a]", false},
    {"[]a]", "]", false},
    {"[a-]", "a", true},
    {"[a-]", "b", false},
    {"[a-]", "-", false},
    {"[a-]", "]", true},
    {"[a-]", "_", true},
    {"[a-]x]", "b", false},
    {"[a-]x]", "bx", false},
    {"[a-]x]", "]", true},
    {"[a-]x]", "a", true},
    {"[a-]x]", "x", true},
    {"[a-]x]", "-", false},
    {"[-a]", "-", true},
    {"[-a]", "a", true},
    {"[-a]", "b", false},
    {"[a^]", "a", true},
    {"[a^]", "^", true},
    {"[a^]", "b", false},
    {"[*]", "*", true},
    {"[*]", "a", false},
    {"[?]", "?", true},
    {"[?]", "a", false},
    {"h[^e]llo", "hello", false},
    {"h[^e]llo", "hallo", true},
    {"h[ae]llo", "hello", true},
    {"h[ae]llo", "hillo", false},
    {"*[0-9]*[a-f]", "x1yf", true},
    {"*[0-9]*[a-f]", "x1yg", false},
    {"*[0-9]*[a-f]", "1f", true},
};

static const struct glob_case classes_left_open[] = {
    {"[", "[", false},   {"[", "a", false},   {"[^", "a", true},    {"[^", "^", true},    {"[^", "ab", false},
    {"[a", "a", true},   {"[a", "[a", false}, {"[a", "b", false},   {"[ab", "a", true},   {"[ab", "b", true},
    {"[ab", "c", false}, {"[^a", "a", false}, {"[^a", "b", true},   {"[a-", "a", true},   {"[a-", "-", true},
    {"[a-", "b", false}, {"[a-c", "b", true}, {"[a-c", "-", false}, {"[a-c", "d", false},
};

static const struct glob_case escapes[] = {
    {"[\\\\]]", "]", false},  {"[\\\\]]", "\\", false}, {"[\\\\]]", "\\]", true}, {"[\\]]", "]", true},
    {"[\\]]", "\\", false},   {"[\\]]", "a", false},    {"[\\a-c]", "a", true},   {"[\\a-c]", "b", false},
    {"[\\a-c]", "c", true},   {"[\\a-c]", "-", true},   {"[\\a-c]", "\\", false}, {"[a-\\\\]", "\\", true},
    {"[a-\\\\]", "b", false}, {"[a-\\\\]", "a", true},  {"[a-\\\\]", "_", true},  {"[\\", "\\", true},
    {"[\\", "a", false},      {"[\\]", "]", true},      {"[\\]", "\\", false},    {"[a\\-c]", "a", true},
    {"[a\\-c]", "-", true},   {"[a\\-c]", "b", false},  {"[a\\-c]", "c", true},   {"\\*", "*", true},
    {"\\*", "a", false},      {"\\*", "\\*", false},    {"\\?", "?", true},       {"\\?", "a", false},
    {"\\[a]", "[a]", true},   {"\\[a]", "a", false},    {"\\a", "a", true},       {"\\a", "\\a", false},
    {"\\", "\\", true},       {"\\", "a", false},       {"a\\", "a", false},      {"a\\", "a\\", true},
    {"\\\\", "\\", true},     {"\\\\", "\\\\", false},  {"*\\*", "a*", true},     {"*\\*", "a", false},
    {"*\\*", "*", true},      {"*\\*", "**", true},     {"*\\", "\\", true},      {"*\\", "a\\", true},
    {"*\\", "a", false},
};

Test(text_glob, stars_and_literals) {
    check_cases(stars_and_literals, COUNT(stars_and_literals), false);
}

Test(text_glob, classes) {
    check_cases(classes, COUNT(classes), false);
}

Test(text_glob, classes_left_open) {
    check_cases(classes_left_open, COUNT(classes_left_open), false);
}

Test(text_glob, escapes) {
    check_cases(escapes, COUNT(escapes), false);
}

Test(text_glob, without_case) {
    static const struct glob_case cases[] = {
        {"ABC", "abc", true},    {"ABC", "aBc", true},   {"ABC", "abd", false},   {"a*C", "ABc", true},
        {"a*C", "Abd", false},   {"[A-C]x", "bX", true}, {"[A-C]x", "dX", false}, {"[a-c]x", "BX", true},
        {"[a-c]x", "DX", false}, {"[Z-a]", "z", false},  {"[Z-a]", "a", false},   {"[Z-a]", "Z", false},
        {"[Z-a]", "A", false},   {"[Z-a]", "_", false},  {"[a-Z]", "z", false},   {"[a-Z]", "a", false},
        {"[a-Z]", "M", false},   {"[a-Z]", "_", false},  {"[^a]", "A", false},    {"[^a]", "b", true},
        {"[AB]", "a", true},     {"[AB]", "b", true},    {"[AB]", "c", false},    {"[\\A]", "A", true},
        {"[\\A]", "a", false},   {"[\\a]", "A", false},  {"[\\a]", "a", true},    {"\\A", "a", true},
        {"\\A", "A", true},      {"[X-_]", "x", false},  {"[X-_]", "Y", false},   {"[X-_]", "z", false},
        {"[X-_]", "_", false},   {"*b?", "xBy", true},   {"*b?", "xyb", false},
    };
    check_cases(cases, COUNT(cases), true);
}

Test(text_glob, empty_text_matches_only_the_empty_pattern) {
    cr_assert(text_glob("", 0, "", 0, false));
    cr_assert_not(text_glob("*", 1, "", 0, false));
    cr_assert_not(text_glob("**", 2, "", 0, false));
    cr_assert_not(text_glob("?", 1, "", 0, false));
    cr_assert_not(text_glob("[^", 2, "", 0, false));
}

Test(text_glob, bytes_of_any_value) {
    cr_assert(glob_exact("a\0b", 3, "a\0b", 3, false));
    cr_assert_not(glob_exact("a\0b", 3, "a\0c", 3, false));
    cr_assert(glob_exact("*\0?", 3, "xx\0y", 4, false));
    cr_assert(glob_exact("[\0]", 3, "\0", 1, false));
    cr_assert(glob_exact("[\x80-\xff]", 5, "\xc0", 1, false));
    cr_assert(glob_exact("[a-\x80]", 5, "\xff", 1, false)); /* signed: from -128 up to 'a' */
    cr_assert_not(glob_exact("[a-\x80]", 5, "z", 1, false));
    cr_assert_not(glob_exact("\xe9", 1, "\xc9", 1, true));
}

/* The rules again, as a recursion without bound: exponential, so for short patterns only. */
struct reference {
    const char *pattern_end, *text_end;
    bool nocase;
};

static int lower_if(const struct reference *r, char c) {
    return r->nocase && c >= 'A' && c <= 'Z' ? c + 32 : c;
}

static bool reference_class(const struct reference *r, const char **pattern, char c) {
    const char *p = *pattern + 1;
    bool negated = p < r->pattern_end && *p == '^', in = false;
    if (negated) p++;
    for (; p < r->pattern_end && *p != ']'; p++) {
        if (*p == '\\' && p + 1 < r->pattern_end) {
            p++;
            if (*p == c) in = true;
        } else if (p + 2 < r->pattern_end && p[1] == '-') {
            char low = p[0] < p[2] ? p[0] : p[2], high = p[0] < p[2] ? p[2] : p[0];
            if (lower_if(r, c) >= lower_if(r, low) && lower_if(r, c) <= lower_if(r, high)) in = true;
            p += 2;
        } else if (lower_if(r, *p) == lower_if(r, c)) {
            in = true;
        }
    }
    *pattern = p < r->pattern_end ? p + 1 : p;
    return in != negated;
}

static bool reference_match(const struct reference *r, const char *p, const char *t) {
    if (p == r->pattern_end) return t == r->text_end;
    if (*p == '*') return reference_match(r, p + 1, t) || (t < r->text_end && reference_match(r, p, t + 1));
    if (t == r->text_end) return false;
    if (*p == '[') {
        const char *after = p;
        return reference_class(r, &after, *t) && reference_match(r, after, t + 1);
    }
    if (*p == '?') return reference_match(r, p + 1, t + 1);
    if (*p == '\\' && p + 1 < r->pattern_end) p++;
    return lower_if(r, *p) == lower_if(r, *t) && reference_match(r, p + 1, t + 1);
}

Test(text_glob, equals_the_reference_on_random_patterns) {
    static const char *alphabets[] = {"ab*",     "aAbB*?", "ab[]^-*", "aZ\\[]*?-", "[^]-\\*?ab\x80\xff",
                                      "a-zA-Z[]"};
    struct random r;
    random_seed(&r, 8);
    unsigned matches = 0;
    enum { ROUNDS = 200000 };
    for (int i = 0; i < ROUNDS; i++) {
        const char *alphabet = alphabets[random_below(&r, sizeof alphabets / sizeof alphabets[0])];
        size_t letters = strlen(alphabet);
        char pattern[10], text[7];
        size_t plen = random_below(&r, sizeof pattern), len = 1 + random_below(&r, sizeof text - 1);
        for (size_t k = 0; k < plen; k++) pattern[k] = alphabet[random_below(&r, letters)];
        for (size_t k = 0; k < len; k++) text[k] = alphabet[random_below(&r, letters)];
        bool nocase = random_below(&r, 2) == 0;
        struct reference reference = {pattern + plen, text + len, nocase};
        bool expected = reference_match(&reference, pattern, text);
        matches += expected;
        cr_assert_eq(glob_exact(pattern, plen, text, len, nocase), expected, "<%.*s> <%.*s> nocase %d",
                     (int)plen, pattern, (int)len, text, nocase);
    }
    cr_assert_gt(matches, ROUNDS / 50);
}

/* Five hundred stars over a text that almost matches: by backtracking into every star, longer than the
 * universe has been. */
Test(text_glob, many_stars_do_not_explode, .timeout = 20) {
    enum { STARS = 500, TEXT_BYTES = 20000 };
    char *pattern = mem_alloc(2 * STARS + 1), *text = mem_alloc(TEXT_BYTES);
    for (int i = 0; i < 2 * STARS; i++) pattern[i] = i % 2 ? '*' : 'a';
    pattern[2 * STARS] = 'b';
    memset(text, 'a', TEXT_BYTES);
    cr_assert_not(text_glob(pattern, 2 * STARS + 1, text, TEXT_BYTES, false));
    cr_assert(text_glob(pattern, 2 * STARS, text, TEXT_BYTES, false));
    text[TEXT_BYTES - 1] = 'b';
    cr_assert(text_glob(pattern, 2 * STARS + 1, text, TEXT_BYTES, false));
    mem_free(pattern);
    mem_free(text);
}

/* Redis gives up at the 1001st star that has something behind it; a run of stars counts once, a last one
 * not. */
Test(text_glob, stars_are_bounded_as_in_redis) {
    enum { STARS = 1001, TEXT_BYTES = 3000 };
    char *pattern = mem_alloc(2 * STARS + 1), *text = mem_alloc(TEXT_BYTES);
    for (int i = 0; i < 2 * STARS; i++) pattern[i] = i % 2 ? 'a' : '*';
    pattern[2 * STARS] = '*';
    memset(text, 'a', TEXT_BYTES);
    cr_assert(text_glob(pattern, 2 * (STARS - 1), text, TEXT_BYTES, false));
    cr_assert(text_glob(pattern, 2 * (STARS - 1) + 1, text, TEXT_BYTES, false));
    cr_assert_not(text_glob(pattern, 2 * STARS, text, TEXT_BYTES, false));
    cr_assert_not(text_glob(pattern, 2 * STARS + 1, text, TEXT_BYTES, false));
    memset(pattern, '*', 2 * STARS);
    cr_assert(text_glob(pattern, 2 * STARS, text, TEXT_BYTES, false));
    mem_free(pattern);
    mem_free(text);
}
