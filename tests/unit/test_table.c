/* test_table.c: the hash table against plain arrays: every operation while it grows and shrinks, SCAN's
 * guarantee, fairness. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shard/base/mem.h"
#include "shard/base/random.h"
#include "shard/rt/clock.h"
#include "shard/rt/thread.h"
#include "shard/store/table.h"

static struct entry *entry_make(const char *key, size_t len) {
    struct entry_shape shape = {.encoding = ENC_INT};
    return entry_new(&shape, key, len);
}

/* Keys are numbers in text; the model is an array of the entries by number. */
static size_t key_of(unsigned id, char *key) {
    return (size_t)sprintf(key, "key:%u", id);
}

static struct entry **find_id(struct table *t, unsigned id) {
    char key[32];
    size_t len = key_of(id, key);
    return table_find(t, key, len, table_hash(key, len));
}

static struct entry *insert_id(struct table *t, unsigned id) {
    char key[32];
    size_t len = key_of(id, key);
    struct entry *e = entry_make(key, len);
    struct entry **at = table_insert(t, e, table_hash(key, len));
    cr_assert_eq(*at, e);
    return e;
}

static void remove_id(struct table *t, unsigned id) {
    char key[32];
    size_t len = key_of(id, key);
    uint64_t hash = table_hash(key, len);
    struct entry **at = table_find(t, key, len, hash);
    cr_assert_not_null(at);
    cr_assert_eq(table_find_entry(t, *at, hash), at);
    struct entry *e = *at;
    table_remove(t, at, hash);
    cr_assert_null(table_find_entry(t, e, hash));
    mem_free(e);
}

static unsigned id_of(const struct entry *e) {
    size_t len;
    const char *key = entry_key(e, &len);
    char text[32];
    memcpy(text, key, len);
    text[len] = 0;
    return (unsigned)atoi(text + 4);
}

static void free_entry(void *arg, struct entry *e) {
    (*(unsigned *)arg)++;
    mem_free(e);
}

static void free_all(struct table *t) {
    unsigned drained = 0;
    while (table_drain(t, 1000, free_entry, &drained)) continue;
}

enum { IDS = 60000 };
static struct entry *model[IDS];

/* One phase: random inserts and removals with the given chance in 256 of an insert. */
static size_t mutate(struct table *t, struct random *random, unsigned operations, unsigned insert_chance,
                     size_t count) {
    for (unsigned i = 0; i < operations; i++) {
        unsigned id = (unsigned)random_below(random, IDS);
        struct entry **at = find_id(t, id);
        cr_assert_eq(at ? *at : NULL, model[id]);
        if (random_below(random, 256) < insert_chance) {
            if (!model[id]) {
                model[id] = insert_id(t, id);
                count++;
            }
        } else if (model[id]) {
            remove_id(t, id);
            model[id] = NULL;
            count--;
        }
        if (random_below(random, 64) == 0) table_step(t, (unsigned)random_below(random, 40));
        if (i % 20000 == 0) table_check(t);
    }
    cr_assert_eq(table_count(t), count);
    return count;
}

Test(table, random_operations_against_an_array) {
    struct random random;
    random_seed(&random, 11);
    table_set_seed(random_next(&random));
    struct table t = {0};
    size_t count = 0;
    for (unsigned phase = 0; phase < 4; phase++) {
        count = mutate(&t, &random, 120000, 220, count);
        cr_assert_gt(count, IDS / 2);
        count = mutate(&t, &random, 200000, 8, count);
        cr_assert_lt(count, IDS / 10);
        while (table_step(&t, 100)) table_check(&t);
        for (unsigned id = 0; id < IDS; id++) {
            struct entry **at = find_id(&t, id);
            cr_assert_eq(at ? *at : NULL, model[id]);
        }
    }
    free_all(&t);
    cr_assert_eq(table_count(&t), 0);
    cr_assert_eq(table_bytes(&t), 0);
}

Test(table, shrinks_when_sparse_and_says_when_done) {
    struct table t = {0};
    for (unsigned id = 0; id < IDS; id++) insert_id(&t, id);
    size_t full = table_bytes(&t);
    for (unsigned id = 10; id < IDS; id++) remove_id(&t, id);
    cr_assert(table_step(&t, 1));
    unsigned steps = 0;
    while (table_step(&t, 1)) cr_assert_lt(steps++, IDS);
    cr_assert_not(table_step(&t, 1));
    cr_assert_lt(table_bytes(&t), full / 1000);
    table_check(&t);
    for (unsigned id = 0; id < 10; id++) cr_assert_not_null(find_id(&t, id));
    free_all(&t);
}

Test(table, costs_few_bytes_per_key) {
    struct table t = {0};
    table_set_seed(5);
    double worst = 0;
    for (unsigned id = 0; id < 200000; id++) {
        insert_id(&t, id);
        if (id < 10000) continue;
        double bytes = (double)table_bytes(&t) / (id + 1);
        if (bytes > worst) worst = bytes;
    }
    cr_assert_lt(worst, 25.0, "%f", worst); /* just after doubling: three keys a bucket */
    free_all(&t);
}

Test(table, reserve_makes_room_once) {
    struct table t = {0};
    table_reserve(&t, 100000);
    size_t bytes = table_bytes(&t);
    cr_assert_lt(bytes, 100000 * 24);
    for (unsigned id = 0; id < 1000; id++) insert_id(&t, id);
    table_reserve(&t, 10000000);
    cr_assert_eq(table_bytes(&t), bytes);
    table_check(&t);
    while (table_step(&t, 1000)) continue;
    table_check(&t);
    for (unsigned id = 0; id < 1000; id++) cr_assert_not_null(find_id(&t, id));
    free_all(&t);
    table_reserve(&t, 50);
    table_reserve(&t, 5000);
    cr_assert_gt(table_bytes(&t), 5000 * 9);
    free_all(&t);
}

/* All under one hash, so that only the comparison of keys tells them apart. */
Test(table, tells_keys_of_every_length_apart) {
    char key[300], other[300];
    for (size_t i = 0; i < sizeof key; i++) key[i] = (char)(i * 7);
    for (size_t len = 0; len < sizeof key; len++) {
        struct table t = {0};
        struct entry *e = entry_make(key, len);
        table_insert(&t, e, 0x1234);
        cr_assert_not_null(table_find(&t, key, len, 0x1234), "%zu", len);
        if (len) cr_assert_null(table_find(&t, key, len - 1, 0x1234), "%zu", len);
        for (size_t i = 0; i < len; i++) {
            memcpy(other, key, len);
            other[i] ^= 1;
            cr_assert_null(table_find(&t, other, len, 0x1234), "%zu %zu", len, i);
        }
        table_remove(&t, table_find(&t, key, len, 0x1234), 0x1234);
        mem_free(e);
        table_free(&t);
    }
}

Test(table, chains_under_one_hash) {
    struct random random;
    random_seed(&random, 3);
    struct table t = {0};
    struct entry *entries[23] = {0};
    for (unsigned i = 0; i < 20000; i++) {
        unsigned id = (unsigned)random_below(&random, 23);
        char key[32];
        size_t len = key_of(id, key);
        if (entries[id]) {
            struct entry *kept = entries[(id + 1) % 23];
            struct entry **kept_at = kept ? table_find_entry(&t, kept, 77) : NULL;
            table_remove(&t, table_find(&t, key, len, 77), 77);
            mem_free(entries[id]);
            entries[id] = NULL;
            if (kept_at) cr_assert_eq(*kept_at, kept, "a removal moves nothing");
        } else {
            entries[id] = entry_make(key, len);
            table_insert(&t, entries[id], 77);
        }
        for (id = 0; id < 23; id++) {
            len = key_of(id, key);
            struct entry **at = table_find(&t, key, len, 77);
            cr_assert_eq(at ? *at : NULL, entries[id]);
        }
        cr_assert_leq(t.children, 4);
    }
    free_all(&t);
}

Test(table, stepping_keeps_what_find_returned_for_others_when_removing) {
    struct table t = {0};
    for (unsigned id = 0; id < 5000; id++) insert_id(&t, id);
    for (unsigned id = 0; id + 1 < 5000; id += 2) {
        struct entry **at = find_id(&t, id + 1);
        struct entry *e = *at;
        remove_id(&t, id);
        cr_assert_eq(*at, e);
        cr_assert_eq(find_id(&t, id + 1), at);
    }
    free_all(&t);
}

static unsigned seen[IDS];

static void note_seen(void *arg, struct entry **at) {
    (void)arg;
    seen[id_of(*at)]++;
}

/* Keys below `stable` stay; the others come and go in waves, so that the table doubles and halves during the
 * walk. */
static unsigned scan_while_mutating(struct random *random, unsigned stable, unsigned wave, unsigned steps) {
    struct table t = {0};
    memset(seen, 0, sizeof seen);
    memset(model, 0, sizeof model);
    for (unsigned id = 0; id < stable; id++) insert_id(&t, id);
    unsigned calls = 0, resizes = 0, top = stable;
    bool growing = true;
    uint64_t cursor = 0, mask = t.mask;
    do {
        cursor = table_scan(&t, cursor, note_seen, NULL);
        for (unsigned i = (unsigned)random_below(random, wave); i > 0; i--) {
            if (growing && top < IDS) {
                insert_id(&t, top++);
            } else if (!growing && top > stable) {
                remove_id(&t, --top);
            }
        }
        if (random_below(random, 40) == 0) growing = !growing;
        if (steps) table_step(&t, (unsigned)random_below(random, steps));
        if (t.mask != mask) resizes++;
        mask = t.mask;
        cr_assert_lt(calls++, 1000000);
    } while (cursor);
    for (unsigned id = 0; id < stable; id++) cr_assert_geq(seen[id], 1, "key %u was missed", id);
    table_check(&t);
    free_all(&t);
    return resizes;
}

Test(table, scan_returns_every_stable_key) {
    struct random random;
    random_seed(&random, 21);
    unsigned resizes = 0;
    for (unsigned round = 0; round < 40; round++) {
        table_set_seed(random_next(&random));
        unsigned stable = (unsigned)random_below(&random, 1 + (20u << round % 8));
        resizes += scan_while_mutating(&random, stable, 1 + 20 * (1 + round % 30), round % 3 * 60);
    }
    cr_assert_gt(resizes, 40, "the walks met only %u resizes", resizes);
}

Test(table, scan_of_a_quiet_table_returns_each_key_once) {
    struct table t = {0};
    memset(seen, 0, sizeof seen);
    for (unsigned id = 0; id < 10000; id++) insert_id(&t, id);
    while (table_step(&t, 100)) continue;
    uint64_t cursor = 0;
    do cursor = table_scan(&t, cursor, note_seen, NULL);
    while (cursor);
    for (unsigned id = 0; id < 10000; id++) cr_assert_eq(seen[id], 1);
    free_all(&t);
    cr_assert_eq(table_scan(&t, 123, note_seen, NULL), 0);
}

static double chi_squared(struct table *t, unsigned keys, unsigned draws_per_key, struct random *random) {
    memset(seen, 0, sizeof seen);
    for (unsigned i = 0; i < keys * draws_per_key; i++) seen[id_of(*table_random(t, random))]++;
    double sum = 0;
    for (unsigned id = 0; id < keys; id++) {
        double difference = (double)seen[id] - draws_per_key;
        sum += difference * difference / draws_per_key;
    }
    return sum;
}

/* The statistic has mean keys - 1 and variance 2 * (keys - 1); six deviations leave one chance in a thousand
 * million. */
Test(table, random_is_fair) {
    struct random random;
    random_seed(&random, 4);
    table_set_seed(99);
    struct table t = {0};
    cr_assert_null(table_random(&t, &random));
    for (unsigned id = 0; id < 3000; id++) {
        insert_id(&t, id);
        if (id != 3 && id != 150 && id != 1600 && id != 2999) continue;
        double statistic = chi_squared(&t, id + 1, 100, &random), mean = id;
        cr_assert_lt(statistic, mean + 6 * __builtin_sqrt(2 * mean), "%u keys: %f", id + 1, statistic);
    }
    free_all(&t);
}

Test(table, random_copes_with_a_sparse_table) {
    struct random random;
    random_seed(&random, 8);
    struct table t = {0};
    for (unsigned id = 0; id < IDS; id++) insert_id(&t, id);
    for (unsigned id = 1; id < IDS; id++) remove_id(&t, id);
    for (unsigned i = 0; i < 10; i++) cr_assert_eq(id_of(*table_random(&t, &random)), 0);
    free_all(&t);
}

Test(table, sample_gives_distinct_entries) {
    struct random random;
    random_seed(&random, 6);
    struct table t = {0};
    struct entry *out[64];
    cr_assert_eq(table_sample(&t, &random, out, 5), 0);
    for (unsigned id = 0; id < 2000; id++) insert_id(&t, id);
    for (unsigned round = 0; round < 1000; round++) {
        unsigned n = table_sample(&t, &random, out, 1 + round % 64);
        cr_assert_eq(n, 1 + round % 64);
        memset(seen, 0, sizeof seen);
        for (unsigned i = 0; i < n; i++) cr_assert_eq(seen[id_of(out[i])]++, 0);
    }
    free_all(&t);
}

Test(table, drain_hands_out_every_entry_in_bounded_steps) {
    struct table t = {0};
    for (unsigned id = 0; id < 30000; id++) insert_id(&t, id);
    unsigned drained = 0, before = 0;
    while (table_drain(&t, 50, free_entry, &drained)) {
        cr_assert_lt(drained - before, 50 + 30);
        before = drained;
    }
    cr_assert_eq(drained, 30000);
    cr_assert_eq(table_bytes(&t), 0);
}

Test(table, gives_all_memory_back) {
    size_t before = mem_used();
    struct table t = {0};
    for (unsigned id = 0; id < 20000; id++) insert_id(&t, id);
    for (unsigned id = 0; id < 20000; id++) remove_id(&t, id);
    while (table_step(&t, 10)) continue;
    table_free(&t);
    cr_assert_eq(mem_used(), before);
}

/* Whoever looks without the hold may still look at what a table gave up; at a private one nobody does. */
Test(table, a_private_one_retires_nothing) {
    static struct thread self;
    char why[256];
    clock_init();
    if (!thread_start(&self, false, why, sizeof why)) cr_skip_test("no io_uring here: %s", why);
    for (unsigned round = 0; round < 2; round++) {
        struct table t = {.private = round == 1};
        size_t before = mem_used();
        for (unsigned id = 0; id < 20000; id++) insert_id(&t, id);
        free_all(&t);
        cr_assert_eq(self.retired == NULL, t.private);
        if (t.private) cr_assert_eq(mem_used(), before);
        for (unsigned turn = 0; self.retired; turn++) {
            cr_assert_lt(turn, 1000);
            thread_turn(&self, 0);
        }
    }
}

static void count_ids(void *arg, struct entry **at) {
    ((unsigned *)arg)[id_of(*at)]++;
}

/* They are many and small, so they begin with one bucket and go back to it. */
Test(table, a_private_one_is_small_at_first) {
    enum { FEW = 40 };
    struct table t = {.private = true};
    struct random random;
    struct entry *there[FEW] = {0};
    random_seed(&random, 5);
    for (unsigned round = 0; round < 20000; round++) {
        unsigned id = (unsigned)random_below(&random, FEW), times[FEW] = {0};
        unsigned limit = round / 1000 % 2 ? FEW : 6;
        if (there[id]) {
            remove_id(&t, id);
            there[id] = NULL;
            table_step(&t, 2);
        } else if (table_count(&t) < limit) {
            there[id] = insert_id(&t, id);
        }
        table_check(&t);
        uint64_t cursor = 0;
        do {
            cursor = table_scan(&t, cursor, count_ids, times);
        } while (cursor);
        for (unsigned i = 0; i < FEW; i++) cr_assert_eq(times[i], there[i] != NULL);
        struct entry **any = table_random(&t, &random);
        cr_assert_eq(any != NULL, table_count(&t) > 0);
        if (any) cr_assert_eq(*any, there[id_of(*any)]);
    }
    for (unsigned id = 0; id < FEW; id++)
        if (there[id]) remove_id(&t, id);
    while (table_step(&t, 1)) continue;
    cr_assert_lt(table_bytes(&t), 100);
    for (unsigned id = 0; id < 6; id++) insert_id(&t, id);
    cr_assert_lt(table_bytes(&t), 100);
    free_all(&t);
}
