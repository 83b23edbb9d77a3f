/* test_packed.c: the listpack format byte by byte, walking both ways, and random changes against a plain
 * array. */
#include "shard/base/mem.h"
#include "shard/base/random.h"
#include "shard/type/packed.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENCODING = 7, MODEL_MAX = 400, TEXT_MAX = 5000 };

static struct packed *of(const char *const *texts, size_t n) {
    struct packed *p = packed_new(ENCODING, 0);
    for (size_t i = 0; i < n; i++) p = packed_append(p, texts[i], strlen(texts[i]));
    return p;
}

static void check_sound(const struct packed *p) {
    cr_assert(packed_is_sound(p->lp, packed_bytes(p)));
    cr_assert_leq(sizeof *p + packed_bytes(p), packed_footprint(p));
    cr_assert_eq(p->encoding, ENCODING);
}

/* Each with the bytes that redis-server writes for it: encoding, payload, backward length. */
Test(packed, elements_have_the_bytes_of_the_format) {
    static const struct {
        const char *text;
        const char *bytes;
        size_t n;
    } cases[] = {
        {"0", "\x00\x01", 2},
        {"127", "\x7f\x01", 2},
        {"128", "\xc0\x80\x02", 3},
        {"-1", "\xdf\xff\x02", 3},
        {"4095", "\xcf\xff\x02", 3},
        {"-4096", "\xd0\x00\x02", 3},
        {"4096", "\xf1\x00\x10\x03", 4},
        {"-32768", "\xf1\x00\x80\x03", 4},
        {"32768", "\xf2\x00\x80\x00\x04", 5},
        {"8388607", "\xf2\xff\xff\x7f\x04", 5},
        {"-8388608", "\xf2\x00\x00\x80\x04", 5},
        {"8388608", "\xf3\x00\x00\x80\x00\x05", 6},
        {"-2147483648", "\xf3\x00\x00\x00\x80\x05", 6},
        {"2147483648", "\xf4\x00\x00\x00\x80\x00\x00\x00\x00\x09", 10},
        {"-9223372036854775808", "\xf4\x00\x00\x00\x00\x00\x00\x00\x80\x09", 10},
        {"9223372036854775808",
         "\x93"
         "9223372036854775808"
         "\x14",
         21},
        {"", "\x80\x01", 2},
        {"a",
         "\x81"
         "a"
         "\x02",
         3},
        {"01",
         "\x82"
         "01"
         "\x03",
         4},
        {"-0",
         "\x82"
         "-0"
         "\x03",
         4},
        {"+1",
         "\x82"
         "+1"
         "\x03",
         4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct packed *p = packed_append(packed_new(ENCODING, 0), cases[i].text, strlen(cases[i].text));
        char digits[PACKED_DIGITS];
        size_t len;
        cr_assert_eq(packed_bytes(p), 7 + cases[i].n, "%s", cases[i].text);
        cr_assert_eq(memcmp(p->lp + 6, cases[i].bytes, cases[i].n), 0, "%s", cases[i].text);
        const char *text = packed_text(packed_first(p), digits, &len);
        cr_assert(len == strlen(cases[i].text) && memcmp(text, cases[i].text, len) == 0, "%s", cases[i].text);
        cr_assert(packed_equals(packed_first(p), cases[i].text, len));
        check_sound(p);
        packed_free(p);
    }
}

/* What redis-server 7.0.15 dumps of a hash of these fields and values. */
Test(packed, is_what_redis_writes) {
    static const char x64[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    static const char *const texts[] = {
        "a",     "1",     "",        "127", "128",        "-1", "n",
        "-4097", "32768", "8388608", "s",   "2147483648", "t",  "-9223372036854775808",
        x64,     "01"};
    static const char bytes[] =
        "\x89\x00\x00\x00\x10\x00\x81\x61\x02\x01\x01\x80\x01\x7f\x01\xc0\x80\x02\xdf\xff\x02\x81\x6e\x02"
        "\xf1\xff\xef\x03\xf2\x00\x80\x00\x04\xf3\x00\x00\x80\x00\x05\x81\x73\x02\xf4\x00\x00\x00\x80\x00"
        "\x00\x00\x00\x09\x81\x74\x02\xf4\x00\x00\x00\x00\x00\x00\x00\x80\x09\xe0\x40\x78\x78\x78\x78\x78"
        "\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78"
        "\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78"
        "\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x78\x42\x82\x30\x31\x03\xff";
    struct packed *p = of(texts, sizeof texts / sizeof *texts);
    cr_assert_eq(packed_bytes(p), sizeof bytes - 1);
    cr_assert_eq(memcmp(p->lp, bytes, sizeof bytes - 1), 0);
    packed_free(p);
    cr_assert(packed_is_sound(bytes, sizeof bytes - 1));
    p = packed_from(ENCODING, bytes, sizeof bytes - 1);
    unsigned char *at = packed_first(p);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++, at = packed_next(p, at))
        cr_assert(packed_equals(at, texts[i], strlen(texts[i])), "%s", texts[i]);
    cr_assert_null(at);
    packed_free(p);
}

/* Lengths of two and three bytes, as it dumps them. */
Test(packed, long_strings_are_what_redis_writes) {
    static const struct {
        size_t len;
        const char *head, *tail;
    } cases[] = {{5000, "\xf0\x88\x13\x00\x00", "\x27\x8d\xff"},
                 {20000, "\xf0\x20\x4e\x00\x00", "\x01\x9c\xa5\xff"}};
    static char text[20000];
    memset(text, 'y', sizeof text);
    for (unsigned i = 0; i < 2; i++) {
        struct packed *p = packed_append(packed_new(ENCODING, 0), text, cases[i].len);
        size_t tail = strlen(cases[i].tail);
        cr_assert_eq(packed_bytes(p), 6 + 5 + cases[i].len + tail);
        cr_assert_eq(memcmp(p->lp + 6, cases[i].head, 5), 0);
        cr_assert_eq(memcmp(p->lp + 11 + cases[i].len, cases[i].tail, tail), 0);
        packed_free(p);
    }
}

/* The header's count has no room for more. */
Test(packed, counts_more_than_65534_elements) {
    struct packed *p = packed_new(ENCODING, 70000 * 2);
    for (size_t i = 0; i < 65540; i++) {
        cr_assert_eq(p->lp[4] | p->lp[5] << 8, i < 65535 ? (int)i : 65535);
        if (i > 65530) cr_assert_eq(packed_count(p), i);
        p = packed_append_int(p, (int64_t)(i % 100));
    }
    check_sound(p);
    for (int64_t i = 65530; i < 65540; i++) cr_assert_eq(packed_get(packed_at(p, i)).integer, i % 100);
    cr_assert_eq(packed_get(packed_at(p, -65540)).integer, 0);
    cr_assert_null(packed_at(p, 65540));
    cr_assert_null(packed_at(p, -65541));
    while (packed_count(p) > 65530) {
        unsigned char *at = packed_last(p);
        p = packed_delete(p, &at, 1);
        cr_assert_null(at);
    }
    cr_assert_eq(p->lp[4] | p->lp[5] << 8, 65530);
    check_sound(p);
    packed_free(p);
}

Test(packed, strings_of_every_length_class) {
    static const size_t lengths[] = {62,      63,      64,      124,       125,      126,   127,   128,
                                     4094,    4095,    4096,    4097,      16376,    16377, 16378, 16379,
                                     16380,   2097145, 2097146, 2097147,   70000,    16381, 16382, 16383,
                                     2097150, 2097151, 2097152, 268435449, 268435450};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char *text = malloc(lengths[i]);
        memset(text, 'x', lengths[i]);
        struct packed *p = packed_append(packed_new(ENCODING, 0), "before", 6);
        p = packed_append(p, text, lengths[i]);
        p = packed_append(p, "12345", 5);
        check_sound(p);
        unsigned char *at = packed_prev(p, packed_last(p));
        cr_assert(packed_equals(at, text, lengths[i]), "%zu", lengths[i]);
        cr_assert_eq(packed_prev(p, at), packed_first(p));
        cr_assert_eq(packed_next(p, at), packed_last(p));
        packed_free(p);
        free(text);
    }
}

Test(packed, finds_by_value_and_by_index) {
    static const char *const texts[] = {"f1", "10", "f2", "f1", "10", "x", "-5", "10"};
    struct packed *p = of(texts, 8);
    unsigned char *first = packed_first(p);
    cr_assert_eq(packed_count(p), 8);
    for (int64_t i = -8; i < 8; i++) {
        unsigned char *at = packed_at(p, i);
        cr_assert(packed_equals(at, texts[i < 0 ? 8 + i : i], strlen(texts[i < 0 ? 8 + i : i])), "%ld",
                  (long)i);
    }
    cr_assert_null(packed_at(p, 8));
    cr_assert_null(packed_at(p, -9));
    cr_assert_null(packed_at(p, INT64_MAX));
    cr_assert_null(packed_at(p, INT64_MIN));
    cr_assert_eq(packed_find(p, first, "f1", 2, 0), first);
    cr_assert_eq(packed_find(p, packed_next(p, first), "f1", 2, 0), packed_at(p, 3));
    cr_assert_eq(packed_find(p, first, "10", 2, 1), packed_at(p, 4), "fields only");
    cr_assert_null(packed_find(p, first, "x", 1, 1));
    cr_assert_null(packed_find(p, first, "010", 3, 0));
    cr_assert_null(packed_find(p, NULL, "x", 1, 0));
    packed_free(p);
}

Test(packed, counts_beyond_what_its_field_holds) {
    struct packed *p = packed_new(ENCODING, 0);
    for (int64_t i = 0; i < 65540; i++) {
        p = packed_append_int(p, i);
        if (i > 65530) cr_assert_eq(packed_count(p), (size_t)i + 1);
    }
    check_sound(p);
    cr_assert_eq(packed_get(packed_at(p, 65539)).integer, 65539);
    cr_assert_eq(packed_get(packed_at(p, -65540)).integer, 0);
    cr_assert_null(packed_at(p, 65540));
    unsigned char *at = packed_first(p);
    p = packed_delete(p, &at, 10);
    cr_assert_eq(packed_count(p), 65530);
    cr_assert_eq(packed_get(at).integer, 10);
    p = packed_append_int(p, 1);
    cr_assert_eq(packed_count(p), 65531);
    check_sound(p);
    packed_free(p);
}

/* ---- against a plain array ---- */

struct model {
    char *texts[MODEL_MAX];
    size_t lens[MODEL_MAX], count;
};

static void model_insert(struct model *m, size_t i, const char *text, size_t len) {
    memmove(&m->texts[i + 1], &m->texts[i], (m->count - i) * sizeof *m->texts);
    memmove(&m->lens[i + 1], &m->lens[i], (m->count - i) * sizeof *m->lens);
    m->texts[i] = memcpy(malloc(len + 1), text, len);
    m->lens[i] = len;
    m->count++;
}

static void model_delete(struct model *m, size_t i, size_t n) {
    for (size_t k = i; k < i + n; k++) free(m->texts[k]);
    memmove(&m->texts[i], &m->texts[i + n], (m->count - i - n) * sizeof *m->texts);
    memmove(&m->lens[i], &m->lens[i + n], (m->count - i - n) * sizeof *m->lens);
    m->count -= n;
}

static void compare(const struct packed *p, const struct model *m) {
    char digits[PACKED_DIGITS];
    size_t i = 0, len;
    cr_assert_eq(packed_count(p), m->count);
    for (unsigned char *at = packed_first(p); at; at = packed_next(p, at), i++) {
        const char *text = packed_text(at, digits, &len);
        cr_assert(len == m->lens[i] && memcmp(text, m->texts[i], len) == 0);
    }
    cr_assert_eq(i, m->count);
    for (unsigned char *at = packed_last(p); at; at = packed_prev(p, at), i--)
        cr_assert(packed_equals(at, m->texts[i - 1], m->lens[i - 1]));
    cr_assert_eq(i, 0);
    check_sound(p);
}

static size_t random_text(struct random *r, char *text) {
    size_t len;
    switch (random_below(r, 8)) {
    case 0: return (size_t)sprintf(text, "%lld", (long long)random_next(r));
    case 1: return (size_t)sprintf(text, "%lld", (long long)(random_next(r) >> random_below(r, 63)));
    case 2: return (size_t)sprintf(text, "%d", (int)random_below(r, 400) - 200);
    case 3: len = random_below(r, TEXT_MAX); break;
    default: len = random_below(r, 80);
    }
    for (size_t i = 0; i < len; i++) text[i] = (char)random_next(r);
    return len;
}

Test(packed, random_changes_match_a_plain_array, .timeout = 120) {
    static char text[TEXT_MAX + 32];
    struct random r;
    struct model m = {.count = 0};
    struct packed *p = packed_new(ENCODING, 0);
    random_seed(&r, 4711);
    for (int step = 0; step < 20000; step++) {
        size_t len = random_text(&r, text), i = random_below(&r, m.count + 1);
        unsigned char *at = packed_at(p, (int64_t)i);
        uint64_t choice = random_below(&r, 10);
        if (choice < 4 && m.count < MODEL_MAX - 1) {
            p = packed_insert(p, &at, text, len);
            model_insert(&m, i, text, len);
            cr_assert(packed_equals(at, text, len));
        } else if (choice == 4 && m.count < MODEL_MAX - 1) {
            p = packed_append(p, text, len);
            model_insert(&m, m.count, text, len);
        } else if (choice == 5 && m.count < MODEL_MAX - 1) {
            p = packed_prepend(p, text, len);
            model_insert(&m, 0, text, len);
        } else if (choice < 8 && at) {
            p = packed_replace(p, &at, text, len);
            model_delete(&m, i, 1);
            model_insert(&m, i, text, len);
            cr_assert(packed_equals(at, text, len));
        } else if (at) {
            size_t n = random_below(&r, 6), left = m.count - i, gone = n < left ? n : left;
            p = packed_delete(p, &at, n);
            model_delete(&m, i, gone);
            cr_assert_eq(at == NULL, i == m.count);
        }
        if (step % 50 == 0) compare(p, &m);
    }
    compare(p, &m);
    struct packed *copy = packed_copy(p);
    compare(copy, &m);
    cr_assert_leq(packed_footprint(copy), packed_footprint(p) + 64);
    packed_free(copy);
    unsigned char *at = packed_first(p);
    p = packed_delete(p, &at, SIZE_MAX);
    cr_assert_null(at);
    cr_assert_eq(packed_bytes(p), 7);
    cr_assert_lt(packed_footprint(p), 200, "memory is given back");
    packed_free(p);
    model_delete(&m, 0, m.count);
}

/* Every byte of a sound one is changed in every way; what is still called sound can be walked to its end. */
Test(packed, damage_is_found_or_harmless) {
    static const char of_80[] = "0123456789012345678901234567890123456789"
                                "0123456789012345678901234567890123456789";
    static const char *const texts[] = {"a", "12", "-300", "70000", "9999999999", "", of_80};
    struct packed *p = of(texts, 7);
    size_t n = packed_bytes(p);
    unsigned char *bytes = malloc(n);
    for (size_t cut = 0; cut < n; cut++) {
        memcpy(bytes, p->lp, n);
        cr_assert_not(packed_is_sound(bytes, cut));
    }
    for (size_t i = 0; i < n; i++) {
        for (int value = 0; value < 256; value++) {
            memcpy(bytes, p->lp, n);
            bytes[i] = (unsigned char)value;
            if (!packed_is_sound(bytes, n)) continue;
            struct packed *damaged = packed_from(ENCODING, bytes, n);
            size_t forth = 0, back = 0;
            for (unsigned char *at = packed_first(damaged); at; at = packed_next(damaged, at)) forth++;
            for (unsigned char *at = packed_last(damaged); at; at = packed_prev(damaged, at)) back++;
            cr_assert_eq(forth, packed_count(damaged));
            cr_assert_eq(back, forth);
            packed_free(damaged);
        }
    }
    free(bytes);
    packed_free(p);
}
