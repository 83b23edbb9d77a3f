/* test_zset.c: sorted sets in both forms against a plain array, and what the keyspace asks of them. */
#include "shard/base/mem.h"
#include "shard/base/random.h"
#include "shard/store/value_methods.h"
#include "shard/type/object.h"
#include "shard/type/zset.h"
#include "shard/type/zset_build.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEMBERS = 400 };

static const struct zset_limits small_limits = {.entries_max = 128, .value_max = 64};

/* Member i of the model: a number, a word, or a long word. */
static size_t member_name(unsigned i, char *out, size_t cap) {
    static const char *const forms[] = {"%u", "m%u", "word:%u:with:some:length", "%u.5"};
    return (size_t)snprintf(out, cap, forms[i % 4], i);
}

struct model {
    bool there[MEMBERS];
    double scores[MEMBERS];
};

static unsigned sorted[MEMBERS];
static struct model model;

static int compare_members_of_model(const void *a, const void *b) {
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
    if (model.scores[x] != model.scores[y]) return model.scores[x] < model.scores[y] ? -1 : 1;
    char s[64], t[64];
    size_t slen = member_name(x, s, sizeof s), tlen = member_name(y, t, sizeof t);
    return zset_compare_members(s, slen, t, tlen);
}

static size_t model_sort(void) {
    size_t n = 0;
    for (unsigned i = 0; i < MEMBERS; i++)
        if (model.there[i]) sorted[n++] = i;
    qsort(sorted, n, sizeof *sorted, compare_members_of_model);
    return n;
}

static struct zset *put(struct zset *z, const char *member, double score) {
    struct zset_put p = {.member = member, .len = strlen(member), .score = score, .limits = small_limits};
    return zset_put(z, &p);
}

static void compare(const struct zset *z) {
    size_t n = model_sort();
    zset_check(z);
    cr_assert_eq(zset_count(z), n);
    struct zset_cursor forward = zset_cursor_at(z, 0);
    struct zset_cursor backward = zset_cursor_at(z, n ? n - 1 : 0);
    for (size_t i = 0; i < n; i++, zset_cursor_next(&forward), zset_cursor_prev(&backward)) {
        char name[64];
        size_t len = member_name(sorted[i], name, sizeof name), rank;
        struct zset_item item;
        double score;
        cr_assert(zset_cursor_get(&forward, &item));
        cr_assert_eq(item.len, len);
        cr_assert_eq(memcmp(item.member, name, len), 0);
        cr_assert_eq(item.score, model.scores[sorted[i]]);
        cr_assert(zset_rank(z, name, len, &rank, &score));
        cr_assert_eq(rank, i);
        cr_assert_eq(score, item.score);
        cr_assert(zset_cursor_get(&backward, &item));
        cr_assert_eq(item.score, model.scores[sorted[n - 1 - i]]);
    }
    struct zset_item item;
    cr_assert_not(zset_cursor_get(&forward, &item));
    cr_assert_not(zset_cursor_get(&backward, &item));
}

static double random_score(struct random *random) {
    static const double special[] = {INFINITY, -INFINITY, 0.0, 1e300, -1e300, 5e-324, 0.1, 1e17, 123456.789};
    switch (random_below(random, 4)) {
    case 0: return special[random_below(random, sizeof special / sizeof *special)];
    case 1: return (double)random_below(random, 10);
    case 2: return (double)random_below(random, 100000) / 1000 - 50;
    default: return (random_unit(random) - 0.5) * 1e6;
    }
}

static void check_ranges(const struct zset *z, struct random *random) {
    struct zset_score_range range = {random_score(random), random_score(random), random_below(random, 2),
                                     random_below(random, 2)};
    size_t n = model_sort(), from = n, to = 0;
    for (size_t i = n; i-- > 0;) {
        double score = model.scores[sorted[i]];
        bool above = range.min_open ? score > range.min : score >= range.min;
        bool below = range.max_open ? score < range.max : score <= range.max;
        if (!above || !below) continue;
        from = i;
        if (to == 0) to = i + 1;
    }
    struct zset_span span = zset_span_by_score(z, &range);
    cr_assert_eq(span.to - span.from, to > from ? to - from : 0);
    if (to > from) cr_assert_eq(span.from, from);
}

static struct zset *change(struct zset *z, struct random *random, bool growing) {
    char name[64];
    unsigned i = (unsigned)random_below(random, MEMBERS);
    size_t len = member_name(i, name, sizeof name);
    if (random_below(random, 10) < (growing ? 8 : 3)) {
        unsigned flags = random_below(random, 2) ? 0 : (unsigned)random_below(random, 32);
        struct zset_put p = {.member = name,
                             .len = len,
                             .score = random_score(random),
                             .flags = flags,
                             .limits = small_limits};
        if ((flags & ZSET_NX) && (flags & (ZSET_GT | ZSET_LT | ZSET_XX))) p.flags = 0;
        double wanted = p.score;
        if ((p.flags & ZSET_INCR) && model.there[i]) wanted += model.scores[i];
        z = zset_put(z, &p);
        bool refused = model.there[i]
                           ? (p.flags & ZSET_NX) || ((p.flags & ZSET_GT) && wanted <= model.scores[i]) ||
                                 ((p.flags & ZSET_LT) && wanted >= model.scores[i])
                           : (p.flags & ZSET_XX) != 0;
        enum zset_outcome expected = model.there[i] && !(p.flags & ZSET_NX) && isnan(wanted) ? ZSET_NAN
                                     : refused                                               ? ZSET_REFUSED
                                     : !model.there[i]                                       ? ZSET_ADDED
                                     : wanted == model.scores[i]                             ? ZSET_SAME
                                                                                             : ZSET_UPDATED;
        cr_assert_eq(p.outcome, expected, "%d for %d", p.outcome, expected);
        if (expected == ZSET_ADDED || expected == ZSET_UPDATED) {
            model.there[i] = true;
            model.scores[i] = wanted;
            cr_assert_eq(p.score, wanted);
        }
        return z;
    }
    bool removed;
    if (!z) return z;
    z = zset_remove(z, name, len, &removed);
    cr_assert_eq(removed, model.there[i]);
    model.there[i] = false;
    return z;
}

static struct zset *remove_some(struct zset *z, struct random *random) {
    size_t n = model_sort();
    if (n == 0) return z;
    struct zset_span span = {.from = random_below(random, n)};
    span.to = span.from + random_below(random, n - span.from + 1);
    for (size_t i = span.from; i < span.to; i++) model.there[sorted[i]] = false;
    if (object_encoding(z) == OBJECT_PACKED || random_below(random, 2)) return zset_remove_span(z, span);
    struct zset *rest = zset_rest(z, span);
    zset_check(z);
    cr_assert_eq(zset_count(z), n);
    zset_free(z);
    return rest;
}

static void random_changes(uint64_t seed, bool stays_small) {
    struct random random;
    random_seed(&random, seed);
    memset(&model, 0, sizeof model);
    struct zset *z = NULL;
    for (unsigned i = 0; i < 20000; i++) {
        z = change(z, &random, i / 2000 % 2 == 0);
        if (!z) continue;
        if (stays_small && zset_count(z) > 100) z = remove_some(z, &random);
        if (random_below(&random, 300) == 0) z = remove_some(z, &random);
        check_ranges(z, &random);
        if (i % 100 == 0) compare(z);
    }
    compare(z);
    cr_assert_eq(object_encoding(z), stays_small ? OBJECT_PACKED : OBJECT_TREE);
    zset_free(z);
}

Test(zset, large_ones_agree_with_an_array) {
    random_changes(11, false);
}

Test(zset, small_ones_agree_with_an_array) {
    random_changes(12, true);
}

Test(zset, grows_at_the_thresholds_and_stays_large) {
    struct zset *z = NULL;
    for (unsigned i = 0; i < 128; i++) {
        char name[16];
        snprintf(name, sizeof name, "m%u", i);
        z = put(z, name, i * 0.5);
    }
    cr_assert_eq(object_encoding(z), OBJECT_PACKED);
    z = put(z, "m5", 1000);
    cr_assert_eq(object_encoding(z), OBJECT_PACKED, "an update does not make it grow");
    z = put(z, "one more", -1);
    cr_assert_eq(object_encoding(z), OBJECT_TREE);
    cr_assert_eq(zset_count(z), 129);
    z = zset_remove_span(z, (struct zset_span){1, 129});
    cr_assert_eq(object_encoding(z), OBJECT_TREE);
    zset_check(z);
    zset_free(z);
    char text[66] = {0};
    memset(text, 'x', 64);
    z = put(NULL, text, 1);
    cr_assert_eq(object_encoding(z), OBJECT_PACKED);
    text[64] = 'x';
    z = put(z, text, 1);
    cr_assert_eq(object_encoding(z), OBJECT_TREE);
    zset_check(z);
    zset_free(z);
}

static struct zset_lex_bound bound(const char *text) {
    if (text[0] == '-') return (struct zset_lex_bound){.kind = LEX_FIRST};
    if (text[0] == '+') return (struct zset_lex_bound){.kind = LEX_LAST};
    return (struct zset_lex_bound){text[0] == '[' ? LEX_CLOSED : LEX_OPEN, text + 1, strlen(text + 1)};
}

static void check_lex(const struct zset *z, const char *min, const char *max, size_t from, size_t to) {
    struct zset_lex_range range = {bound(min), bound(max)};
    for (unsigned reverse = 0; reverse < 2; reverse++) {
        struct zset_span span = zset_span_by_lex(z, &range, reverse);
        cr_assert_eq(span.to - span.from, to - from, "%s %s", min, max);
        if (to > from) cr_assert_eq(span.from, from, "%s %s", min, max);
    }
}

Test(zset, ranges_by_lex_in_both_forms) {
    for (unsigned large = 0; large < 2; large++) {
        struct zset *z = NULL;
        for (const char *c = "hgfedcba"; *c; c++) {
            struct zset_put p = {.member = c, .len = 1, .limits = small_limits};
            if (large) p.limits.entries_max = 0;
            z = zset_put(z, &p);
        }
        cr_assert_eq(object_encoding(z), large ? OBJECT_TREE : OBJECT_PACKED);
        check_lex(z, "-", "+", 0, 8);
        check_lex(z, "[b", "[d", 1, 4);
        check_lex(z, "(b", "(d", 2, 3);
        check_lex(z, "(b", "(c", 0, 0);
        check_lex(z, "[b", "(b", 0, 0);
        check_lex(z, "[d", "[b", 0, 0);
        check_lex(z, "[aa", "[bb", 1, 2);
        check_lex(z, "+", "-", 0, 0);
        check_lex(z, "+", "[c", 0, 0);
        check_lex(z, "[c", "-", 0, 0);
        check_lex(z, "[z", "+", 0, 0);
        check_lex(z, "-", "[", 0, 0);
        zset_free(z);
    }
}

Test(zset, scores_are_kept_as_redis_keeps_them) {
    static const double scores[] = {0.1,
                                    1.5,
                                    -1.25,
                                    3.0,
                                    1e17,
                                    1e16,
                                    12345678901234.5,
                                    0.30000000000000004,
                                    999999999999999.0,
                                    1.0 / 3,
                                    2.5e-10,
                                    1e308,
                                    4503599627370497.0,
                                    100.125};
    for (size_t i = 0; i < sizeof scores / sizeof *scores; i++) {
        struct zset *z = put(NULL, "m", scores[i]);
        double score;
        cr_assert(zset_score(z, "m", 1, &score));
        cr_assert_eq(score, scores[i], "%.17g", scores[i]);
        zset_free(z);
    }
}

struct seen {
    unsigned count, times[MEMBERS];
};

static void see(void *arg, const struct zset_item *item) {
    struct seen *seen = arg;
    char text[16];
    memcpy(text, item->member + 1, item->len - 1);
    text[item->len - 1] = '\0';
    seen->times[atoi(text)]++;
    seen->count++;
}

static struct zset *of_numbers(unsigned n) {
    struct zset *z = NULL;
    for (unsigned i = 0; i < n; i++) {
        char name[16];
        snprintf(name, sizeof name, "m%u", i);
        z = put(z, name, i % 7);
    }
    return z;
}

Test(zset, scans_show_every_item) {
    for (unsigned n = 50; n <= 300; n += 250) {
        struct zset *z = of_numbers(n);
        struct seen seen = {0};
        uint64_t cursor = 0;
        do {
            cursor = zset_scan(z, cursor, see, &seen);
        } while (cursor);
        for (unsigned i = 0; i < n; i++) cr_assert_eq(seen.times[i], 1);
        zset_free(z);
    }
}

Test(zset, samples_are_fair_and_without_repetition) {
    struct random random;
    random_seed(&random, 21);
    for (unsigned n = 20; n <= 300; n += 280) {
        struct zset *z = of_numbers(n);
        for (unsigned count = 1; count < n; count = count * 3 + 1) {
            struct seen total = {0};
            for (unsigned round = 0; round < 4000; round++) {
                struct seen seen = {0};
                zset_sample(z, &random, count, see, &seen);
                cr_assert_eq(seen.count, count);
                for (unsigned i = 0; i < n; i++) {
                    cr_assert_leq(seen.times[i], 1);
                    total.times[i] += seen.times[i];
                }
            }
            double p = (double)count / n, mean = 4000 * p, deviation = sqrt(4000 * p * (1 - p));
            for (unsigned i = 0; i < n; i++)
                cr_assert_lt(fabs(total.times[i] - mean), 6 * deviation + 1, "%u of %u", count, n);
        }
        zset_free(z);
    }
}

Test(zset, methods_copy_measure_and_free_in_steps) {
    zset_register();
    const struct value_methods *methods = value_methods_get(TYPE_ZSET);
    for (unsigned n = 100; n <= 3100; n += 3000) {
        size_t before = mem_used();
        struct zset *z = of_numbers(n);
        size_t grown = mem_used() - before;
        cr_assert_eq(methods->bytes(z), grown, "%zu for %zu", methods->bytes(z), grown);
        cr_assert_str_eq(methods->encoding(z), n > 128 ? "skiplist" : "listpack");
        struct zset *copy = methods->copy(z);
        zset_check(copy);
        cr_assert_eq(methods->count(copy), n);
        cr_assert_geq(methods->effort(z), n > 128 ? n : 1);
        unsigned steps = 1;
        while (methods->free_some(copy, 100)) steps++;
        cr_assert_geq(steps, n > 128 ? n / 400 : 1);
        zset_free(z);
        cr_assert_eq(mem_used(), before);
    }
}

static double add_up(double present, double score) {
    return present + score;
}

Test(zset, a_builder_aggregates_sorts_and_chooses_the_form) {
    for (unsigned n = 10; n <= 500; n += 490) {
        struct zset_builder *b = zset_builder_new(add_up);
        for (unsigned round = 1; round <= 3; round++)
            for (unsigned i = 0; i < n; i++) {
                char name[16];
                int len = snprintf(name, sizeof name, "m%u", i * 7919 % n);
                zset_builder_add(b, name, (size_t)len, round * (i * 7919 % n));
            }
        struct zset *z = zset_builder_finish(b, small_limits);
        zset_check(z);
        cr_assert_eq(zset_count(z), n);
        cr_assert_eq(object_encoding(z), n <= 128 ? OBJECT_PACKED : OBJECT_TREE);
        double score;
        cr_assert(zset_score(z, "m9", 2, &score));
        cr_assert_eq(score, 54);
        zset_free(z);
    }
    size_t before = mem_used();
    cr_assert_null(zset_builder_finish(zset_builder_new(NULL), small_limits));
    cr_assert_eq(mem_used(), before);
}
