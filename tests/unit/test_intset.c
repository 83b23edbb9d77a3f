/* test_intset.c: sorted arrays of integers against an array of flags, and the check of foreign bytes. */
#include <criterion/criterion.h>
#include <string.h>

#include "shard/base/mem.h"
#include "shard/base/random.h"
#include "shard/type/intset.h"
#include "shard/type/object.h"

enum { VALUES = 400, ROUNDS = 30000 };

static struct random dice;

static void setup(void) {
    random_seed(&dice, 1);
}

TestSuite(intset, .init = setup);

/* Integers around every bound of a width, dense enough that they meet again. */
static int64_t value_of(unsigned i) {
    static const int64_t bounds[] = {INT64_MIN, INT32_MIN, INT16_MIN, 0, INT16_MAX, INT32_MAX, INT64_MAX};
    int64_t bound = bounds[i % 7], step = i / 7;
    if (bound == INT64_MIN) return bound + step;
    return bound == INT64_MAX ? bound - step : bound + (i % 2 ? step : -step);
}

struct model {
    int64_t sorted[VALUES];
    size_t count;
};

static bool model_has(const struct model *m, int64_t n) {
    for (size_t i = 0; i < m->count; i++)
        if (m->sorted[i] == n) return true;
    return false;
}

static void model_add(struct model *m, int64_t n) {
    size_t i = m->count++;
    for (; i > 0 && m->sorted[i - 1] > n; i--) m->sorted[i] = m->sorted[i - 1];
    m->sorted[i] = n;
}

static void model_remove_at(struct model *m, size_t i, size_t count) {
    memmove(m->sorted + i, m->sorted + i + count, (m->count - i - count) * sizeof *m->sorted);
    m->count -= count;
}

static void model_remove(struct model *m, int64_t n) {
    for (size_t i = 0; i < m->count; i++)
        if (m->sorted[i] == n) {
            model_remove_at(m, i, 1);
            return;
        }
}

static void check_same(const struct intset *s, const struct model *m) {
    size_t bytes;
    const void *image = intset_image(s, &bytes);
    cr_assert(intset_is_sound(image, bytes));
    cr_assert_eq(intset_count(s), m->count);
    cr_assert_eq(s->encoding, OBJECT_INTSET);
    cr_assert_eq(intset_footprint(s), mem_size(s));
    for (size_t i = 0; i < m->count; i++) cr_assert_eq(intset_at(s, i), m->sorted[i]);
}

/* One random change of both. `narrow`: only values of two bytes. */
static struct intset *change(struct intset *s, struct model *m, bool narrow) {
    unsigned draw = (unsigned)random_below(&dice, 7 * 50);
    int64_t n = narrow ? (int64_t)draw - 100 : value_of(draw);
    bool done, had = model_has(m, n);
    switch (random_below(&dice, m->count < VALUES / 2 ? 5 : 40)) {
    case 0:
        s = intset_remove(s, n, &done);
        cr_assert_eq(done, had);
        model_remove(m, n);
        break;
    case 1: {
        size_t i = random_below(&dice, m->count + 1), count = random_below(&dice, m->count - i + 1);
        if (count > 5) count = 5;
        s = intset_remove_at(s, i, count);
        model_remove_at(m, i, count);
        break;
    }
    default:
        if (m->count >= VALUES - 1) break;
        s = intset_add(s, n, &done);
        cr_assert_eq(done, !had);
        if (!had) model_add(m, n);
    }
    cr_assert_eq(intset_has(s, n), model_has(m, n));
    return s;
}

Test(intset, random_changes_are_those_of_a_sorted_array) {
    for (unsigned run = 0; run < 6; run++) {
        static struct model m;
        m.count = 0;
        struct intset *s = intset_new_for(0);
        for (unsigned i = 0; i < ROUNDS / 6; i++) {
            s = change(s, &m, run % 2 && i < ROUNDS / 12);
            if (i % 50 == 0) check_same(s, &m);
        }
        check_same(s, &m);
        struct intset *copy = intset_copy(s);
        check_same(copy, &m);
        intset_free(s);
        s = intset_remove_at(copy, 0, m.count);
        m.count = 0;
        check_same(s, &m);
        intset_free(s);
    }
}

Test(intset, the_image_is_that_of_redis) {
    /* What DUMP of redis-server says after SADD 1 -2 300. */
    static const unsigned char expected[] = {2, 0, 0, 0, 3, 0, 0, 0, 0xfe, 0xff, 1, 0, 0x2c, 1};
    static const unsigned char wider[] = {4, 0, 0, 0, 4,    0, 0, 0, 0xfe, 0xff, 0xff, 0xff,
                                          1, 0, 0, 0, 0x2c, 1, 0, 0, 0,    0,    1,    0};
    bool added;
    struct intset *s = intset_new_for(1);
    s = intset_add(s, 1, &added);
    s = intset_add(s, -2, &added);
    s = intset_add(s, 300, &added);
    size_t bytes;
    const void *image = intset_image(s, &bytes);
    cr_assert_eq(bytes, sizeof expected);
    cr_assert_arr_eq(image, expected, sizeof expected);
    s = intset_add(s, 65536, &added);
    image = intset_image(s, &bytes);
    cr_assert_eq(bytes, sizeof wider);
    cr_assert_arr_eq(image, wider, sizeof wider);
    struct intset *loaded = intset_from(wider, sizeof wider);
    cr_assert_eq(intset_count(loaded), 4);
    cr_assert_eq(intset_at(loaded, 3), 65536);
    intset_free(loaded);
    intset_free(s);
}

Test(intset, foreign_bytes_are_refused_when_anything_is_wrong) {
    static const unsigned char sound[] = {2, 0, 0, 0, 3, 0, 0, 0, 0xfe, 0xff, 1, 0, 0x2c, 1};
    unsigned char bytes[sizeof sound];
    cr_assert(intset_is_sound(sound, sizeof sound));
    for (size_t len = 0; len < sizeof sound; len++) cr_assert_not(intset_is_sound(sound, len));
    static const struct {
        size_t at;
        unsigned char value;
    } faults[] = {{0, 0}, {0, 1},    {0, 4},    {0, 3},     {3, 1}, {4, 2},
                  {4, 4}, {7, 0x80}, {9, 0x7f}, {10, 0xfe}, {13, 0}};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        memcpy(bytes, sound, sizeof sound);
        bytes[faults[i].at] = faults[i].value;
        if (faults[i].at == 10) bytes[11] = 0xff; /* twice the same */
        bool still_sorted = faults[i].at == 13;   /* 44: fine */
        cr_assert_eq(intset_is_sound(bytes, sizeof bytes), still_sorted, "fault %zu", i);
    }
}

Test(intset, memory_goes_back_when_it_has_become_small) {
    bool added;
    struct intset *s = intset_new_for(0);
    for (int64_t n = 0; n < 10000; n++) s = intset_add(s, n * 1000000, &added);
    size_t full = intset_footprint(s);
    cr_assert_leq(full, 10000 * 8 * 5 / 4);
    s = intset_remove_at(s, 10, 9990);
    cr_assert_leq(intset_footprint(s), full / 50);
    intset_free(s);
}
