/* test_zset_tree.c: the order of a large sorted set against a plain sorted array. */
#include "shard/base/mem.h"
#include "shard/base/random.h"
#include "shard/type/zset_tree.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { MODEL_MAX = 6000 };

struct model {
    size_t count;
    double scores[MODEL_MAX];
    struct entry *entries[MODEL_MAX];
};
static struct model model;

static struct entry *entry_of(const char *member, size_t len) {
    static const struct entry_shape shape = {.encoding = ENC_INT};
    return entry_new(&shape, member, len);
}

static struct entry *entry_of_number(uint64_t n) {
    char text[24];
    return entry_of(text, (size_t)snprintf(text, sizeof text, "%06lu", (unsigned long)n));
}

static int order(double a, const struct entry *x, double b, const struct entry *y) {
    size_t xlen, ylen;
    const char *xtext = entry_key(x, &xlen), *ytext = entry_key(y, &ylen);
    if (a != b) return a < b ? -1 : 1;
    return zset_compare_members(xtext, xlen, ytext, ylen);
}

static void model_insert(double score, struct entry *e) {
    size_t at = 0;
    cr_assert_lt(model.count, MODEL_MAX);
    while (at < model.count && order(model.scores[at], model.entries[at], score, e) < 0) at++;
    memmove(model.scores + at + 1, model.scores + at, (model.count - at) * sizeof(double));
    memmove(model.entries + at + 1, model.entries + at, (model.count - at) * sizeof(struct entry *));
    model.scores[at] = score;
    model.entries[at] = e;
    model.count++;
}

static void model_remove(size_t at, size_t n) {
    model.count -= n;
    memmove(model.scores + at, model.scores + at + n, (model.count - at) * sizeof(double));
    memmove(model.entries + at, model.entries + at + n, (model.count - at) * sizeof(struct entry *));
}

static void compare(const struct zset_tree *t) {
    zset_tree_check(t);
    cr_assert_eq(t->count, model.count);
    struct zset_place at = zset_tree_at(t, 0);
    for (size_t i = 0; i < model.count; i++, at = zset_tree_next(at)) {
        cr_assert_eq(zset_tree_entry(at), model.entries[i]);
        cr_assert_eq(zset_tree_score(at), model.scores[i]);
    }
    cr_assert_null(at.leaf);
    if (model.count) at = zset_tree_at(t, model.count - 1);
    for (size_t i = model.count; i-- > 0; at = zset_tree_prev(at))
        cr_assert_eq(zset_tree_entry(at), model.entries[i]);
    cr_assert_null(at.leaf);
    cr_assert_null(zset_tree_at(t, model.count).leaf);
}

static size_t model_below(double score, bool inclusive) {
    size_t n = 0;
    for (size_t i = 0; i < model.count; i++)
        n += model.scores[i] < score || (inclusive && model.scores[i] == score);
    return n;
}

static void change_one(struct zset_tree *t, struct random *random, unsigned scores, bool growing) {
    static uint64_t next;
    unsigned what = (unsigned)random_below(random, 10);
    double score = (double)random_below(random, scores) / 4;
    if (model.count == 0 || (model.count < MODEL_MAX && what < (growing ? 7 : 3))) {
        struct entry *e = entry_of_number(random_below(random, 1000) * 1000 + next++ % 1000);
        for (size_t i = 0; i < model.count; i++) {
            size_t a, b;
            const char *x = entry_key(e, &a), *y = entry_key(model.entries[i], &b);
            if (zset_compare_members(x, a, y, b) != 0) continue;
            mem_free(e);
            return;
        }
        zset_tree_insert(t, score, e);
        model_insert(score, e);
        return;
    }
    size_t at = random_below(random, model.count);
    struct entry *e = model.entries[at];
    double old = model.scores[at];
    cr_assert_eq(zset_tree_rank(t, old, e), at);
    if (what == 9) {
        if (random_below(random, 2)) score = old + (double)random_below(random, 3) / 4 - 0.25;
        zset_tree_move(t, old, score, e);
        model_remove(at, 1);
        model_insert(score, e);
    } else {
        zset_tree_remove(t, old, e);
        model_remove(at, 1);
        mem_free(e);
    }
}

static void take_some(struct zset_tree *t, struct random *random) {
    if (model.count == 0) return;
    struct entry *out[ZSET_TAKE_MAX];
    size_t at = random_below(random, model.count), max = 1 + random_below(random, 100);
    unsigned n = zset_tree_take(t, at, max, out);
    cr_assert(n > 0 && n <= max && at + n <= model.count);
    for (unsigned i = 0; i < n; i++) {
        cr_assert_eq(out[i], model.entries[at + i]);
        mem_free(out[i]);
    }
    model_remove(at, n);
}

static void free_all(struct zset_tree *t) {
    unsigned steps = 0;
    while (zset_tree_drain(t, 3)) steps++;
    cr_assert_lt(steps, MODEL_MAX);
    cr_assert_eq(t->bytes, 0);
    zset_tree_check(t);
    for (size_t i = 0; i < model.count; i++) mem_free(model.entries[i]);
    model.count = 0;
}

static void random_changes(unsigned scores, uint64_t seed) {
    struct zset_tree t = {0};
    struct random random;
    random_seed(&random, seed);
    for (unsigned i = 0; i < 24000; i++) {
        bool growing = i / 6000 % 2 == 0;
        change_one(&t, &random, scores, growing);
        if (random_below(&random, growing ? 500 : 50) == 0) take_some(&t, &random);
        double score = (double)random_below(&random, scores) / 4;
        bool inclusive = random_below(&random, 2);
        if (i % 16 == 0)
            cr_assert_eq(zset_tree_below_score(&t, score, inclusive), model_below(score, inclusive));
        if (i % 500 == 0) compare(&t);
    }
    compare(&t);
    free_all(&t);
}

Test(zset_tree, agrees_with_a_sorted_array_of_many_scores) {
    random_changes(1u << 30, 1);
}

Test(zset_tree, agrees_with_a_sorted_array_of_few_scores) {
    random_changes(5, 2);
}

Test(zset_tree, agrees_with_a_sorted_array_of_one_score) {
    random_changes(1, 3);
}

static void fill(struct zset_tree *t, unsigned n, int step) {
    for (unsigned i = 0; i < n; i++) {
        unsigned number = step > 0 ? i : n - 1 - i;
        struct entry *e = entry_of_number(number);
        zset_tree_insert(t, number, e);
    }
    zset_tree_check(t);
    for (unsigned i = 0; i < n; i++) {
        model.scores[i] = i;
        model.entries[i] = zset_tree_entry(zset_tree_at(t, i));
    }
    model.count = n;
}

Test(zset_tree, stays_full_when_filled_in_order) {
    for (int step = -1; step <= 1; step += 2) {
        struct zset_tree t = {0};
        fill(&t, 5000, step);
        cr_assert_lt(t.bytes, 5000 * 19, "%zu", t.bytes);
        compare(&t);
        free_all(&t);
    }
}

Test(zset_tree, gives_memory_back_when_emptied_from_either_end_or_at_random) {
    struct random random;
    random_seed(&random, 5);
    for (unsigned way = 0; way < 3; way++) {
        struct zset_tree t = {0};
        fill(&t, 4000, 1);
        while (model.count) {
            size_t at = way == 0 ? 0 : way == 1 ? model.count - 1 : random_below(&random, model.count);
            zset_tree_remove(&t, model.scores[at], model.entries[at]);
            mem_free(model.entries[at]);
            model_remove(at, 1);
            if (model.count == 400) cr_assert_lt(t.bytes, 400 * 100, "%zu", t.bytes);
            if (model.count % 200 == 0) compare(&t);
        }
        cr_assert_eq(t.bytes, 0);
    }
}

Test(zset_tree, finds_bounds_by_member) {
    struct zset_tree t = {0};
    for (unsigned i = 0; i < 3000; i++) zset_tree_insert(&t, 7, entry_of_number((i * 7919) % 3000 * 2));
    for (unsigned i = 0; i < 6000; i += 37) {
        char text[8];
        snprintf(text, sizeof text, "%06u", i);
        cr_assert_eq(zset_tree_below_member(&t, text, 6, false), (i + 1) / 2);
        cr_assert_eq(zset_tree_below_member(&t, text, 6, true), i / 2 + 1);
    }
    cr_assert_eq(zset_tree_below_member(&t, "", 0, true), 0);
    cr_assert_eq(zset_tree_below_member(&t, "x", 1, false), 3000);
    for (struct zset_place at = zset_tree_at(&t, 0); at.leaf; at = zset_tree_next(at))
        mem_free(zset_tree_entry(at));
    while (zset_tree_drain(&t, 1000)) {
    }
}

Test(zset_tree, an_empty_one_has_no_places) {
    struct zset_tree t = {0};
    zset_tree_check(&t);
    cr_assert_eq(zset_tree_below_score(&t, 0, true), 0);
    cr_assert_eq(zset_tree_below_member(&t, "a", 1, true), 0);
    cr_assert_null(zset_tree_at(&t, 0).leaf);
    cr_assert_not(zset_tree_drain(&t, 1));
}
