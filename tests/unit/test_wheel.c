/* test_wheel.c: the expiry wheel against a plain array of deadlines: nothing comes early, nothing is missed,
 * wherever entries move. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shard/base/mem.h"
#include "shard/base/random.h"
#include "shard/store/wheel.h"

enum { ENTRIES = 3000 };
static const int64_t start_ms = INT64_C(1700000000123);
static struct entry *model[ENTRIES];
static int64_t filed_ms[ENTRIES];
static bool is_aside[ENTRIES];
static uint16_t slot_aside;

static struct entry *entry_make(unsigned id, int64_t when_ms) {
    struct entry_shape shape = {.encoding = ENC_INT, .flags = ENTRY_EXPIRES};
    struct entry *e = entry_new(&shape, "key", 3);
    entry_set_int(e, id);
    entry_deadline(e)->when_ms = when_ms;
    entry_deadline(e)->set_here = id % 3 == 0;
    return e;
}

/* From the past up to the end of time, every magnitude equally likely. */
static int64_t random_when(struct random *random, int64_t now_ms) {
    unsigned bits = (unsigned)random_below(random, 64);
    int64_t ahead = (int64_t)(random_next(random) >> 1 >> bits);
    if (random_below(random, 20) == 0) return now_ms - (int64_t)random_below(random, 1000000);
    if (random_below(random, 20) == 0) return INT64_MAX - (int64_t)random_below(random, 3);
    return ahead > INT64_MAX - now_ms ? INT64_MAX : now_ms + ahead;
}

static void drop(struct wheel *w, struct entry *e) {
    unsigned id = (unsigned)entry_int(e);
    cr_assert_eq(model[id], e);
    wheel_remove(w, e);
    mem_free(e);
    model[id] = NULL;
    is_aside[id] = false;
}

/* Some or all of what was put aside comes again. */
static void take_back(struct wheel *w, struct random *random, int64_t now_ms) {
    unsigned budget = (unsigned)random_below(random, 100), left = budget, before = 0, back = 0;
    for (unsigned id = 0; id < ENTRIES; id++) before += is_aside[id];
    wheel_take_back(w, &left);
    for (unsigned id = 0; id < ENTRIES; id++) {
        if (!is_aside[id] || entry_deadline(model[id])->slot == slot_aside) continue;
        is_aside[id] = false;
        filed_ms[id] = now_ms;
        back++;
    }
    cr_assert_eq(back, budget - left);
    cr_assert_eq(back, budget < before ? budget : before);
}

static void mutate(struct wheel *w, struct random *random, int64_t now_ms) {
    for (unsigned i = (unsigned)random_below(random, 60); i > 0; i--) {
        unsigned id = (unsigned)random_below(random, ENTRIES);
        struct entry *e = model[id];
        if (!e) {
            model[id] = entry_make(id, random_when(random, now_ms));
            filed_ms[id] = now_ms;
            wheel_add(w, model[id]);
        } else if (random_below(random, 3) == 0) {
            drop(w, e);
        } else {
            struct entry *moved = mem_dup(e, entry_bytes(e));
            wheel_moved(w, moved);
            memset(e, 0xee, entry_bytes(e));
            mem_free(e);
            model[id] = moved;
        }
    }
}

/* Whether it must have come by now. What was past already when it was filed comes with the next tick. */
static bool is_over(const struct entry *e, int64_t now_ms) {
    int64_t filed = filed_ms[entry_int(e)], when = entry_when(e);
    return (when > filed ? when : filed) < now_ms / WHEEL_TICK_MS * WHEEL_TICK_MS;
}

/* Takes what is overdue, in steps of random budgets; all of it when the wheel says that there is no more. */
static void expire(struct wheel *w, struct random *random, int64_t now_ms) {
    int64_t due = wheel_next_due_ms(w);
    bool found = false;
    for (unsigned step = 0;; step++) {
        cr_assert_lt(step, 10000000);
        unsigned budget = 1 + (unsigned)random_below(random, 10);
        struct entry *e = wheel_overdue(w, now_ms, &budget);
        if (e) {
            cr_assert_lt(entry_when(e), now_ms, "early");
            cr_assert(!is_aside[entry_int(e)], "again");
            found = true;
            if (random_below(random, 4)) {
                drop(w, e);
            } else {
                wheel_set_aside(w, e);
                is_aside[entry_int(e)] = true;
                slot_aside = entry_deadline(e)->slot;
            }
        } else if (budget) {
            break;
        }
        if (random_below(random, 100) == 0) wheel_check(w);
        if (random_below(random, 50) == 0) mutate(w, random, now_ms);
    }
    if (found) cr_assert_leq(due, now_ms, "next due was promised for later");
    for (unsigned id = 0; id < ENTRIES; id++)
        cr_assert(!model[id] || is_aside[id] || !is_over(model[id], now_ms), "missed");
}

static size_t model_count(void) {
    size_t n = 0;
    for (unsigned id = 0; id < ENTRIES; id++) n += model[id] != NULL;
    return n;
}

static size_t model_set_here(void) {
    size_t n = 0;
    for (unsigned id = 0; id < ENTRIES; id += 3) n += model[id] != NULL;
    return n;
}

static void run_against_model(uint64_t seed, unsigned rounds, unsigned jump_bits_max) {
    struct random random;
    random_seed(&random, seed);
    int64_t now_ms = start_ms;
    struct wheel *w = wheel_new(now_ms);
    for (unsigned round = 0; round < rounds; round++) {
        mutate(w, &random, now_ms);
        int64_t jump = (int64_t)(random_next(&random) >> 1 >> (63 - random_below(&random, jump_bits_max)));
        if (jump > INT64_MAX - now_ms) break;
        now_ms += jump;
        if (random_below(&random, 3)) expire(w, &random, now_ms);
        if (random_below(&random, 5) == 0) take_back(w, &random, now_ms);
        cr_assert_eq(wheel_set_here(w), model_set_here());
        cr_assert_eq(wheel_count(w), model_count());
        wheel_check(w);
    }
    for (unsigned id = 0; id < ENTRIES; id++)
        if (model[id]) drop(w, model[id]);
    cr_assert_eq(wheel_count(w), 0);
    cr_assert_eq(wheel_set_here(w), 0);
    cr_assert_eq(wheel_next_due_ms(w), INT64_MAX);
    wheel_check(w);
    wheel_free(w);
}

Test(wheel, random_deadlines_with_small_steps_of_time) {
    for (uint64_t seed = 1; seed < 6; seed++) run_against_model(seed, 2000, 12);
}

Test(wheel, random_deadlines_with_steps_of_years) {
    for (uint64_t seed = 10; seed < 16; seed++) run_against_model(seed, 2000, 44);
}

Test(wheel, random_deadlines_to_the_end_of_time) {
    for (uint64_t seed = 20; seed < 60; seed++) run_against_model(seed, 2000, 62);
}

Test(wheel, a_tick_late_at_most_and_never_early) {
    struct wheel *w = wheel_new(start_ms);
    for (int64_t ahead = 0; ahead < 5000; ahead += 7) {
        struct entry *e = entry_make(0, start_ms + ahead);
        wheel_add(w, e);
        unsigned budget = 1000;
        cr_assert_null(wheel_overdue(w, start_ms + ahead, &budget));
        budget = 1000;
        cr_assert_eq(wheel_overdue(w, start_ms + ahead + WHEEL_TICK_MS, &budget), e);
        wheel_remove(w, e);
        mem_free(e);
    }
    wheel_free(w);
}

Test(wheel, budget_bounds_the_work) {
    struct wheel *w = wheel_new(start_ms);
    enum { MANY = 20000 };
    for (unsigned i = 0; i < MANY; i++) wheel_add(w, entry_make(i, start_ms + 600000 + i % 1000));
    cr_assert_leq(wheel_next_due_ms(w), start_ms + 600000 + WHEEL_TICK_MS);
    cr_assert_gt(wheel_next_due_ms(w), start_ms + 300000);
    unsigned calls = 0, expired = 0;
    while (expired < MANY) {
        unsigned budget = 10;
        struct entry *e;
        while ((e = wheel_overdue(w, start_ms + 700000, &budget))) {
            wheel_remove(w, e);
            mem_free(e);
            expired++;
        }
        cr_assert_lt(++calls, MANY);
    }
    cr_assert_geq(calls, MANY / 10);
    wheel_free(w);
}

Test(wheel, soonest_comes_from_the_nearest) {
    struct random random;
    random_seed(&random, 5);
    struct wheel *w = wheel_new(start_ms);
    static const int64_t ahead[] = {
        INT64_MAX - start_ms, 10 * 365 * INT64_C(86400000), 86400000, 3600000, 60000, 1000, 10};
    cr_assert_null(wheel_soonest(w, &random));
    cr_assert_null(wheel_random(w, &random));
    for (unsigned i = 0; i < sizeof ahead / sizeof *ahead; i++) {
        wheel_add(w, entry_make(i, start_ms + ahead[i]));
        for (unsigned draw = 0; draw < 10; draw++) cr_assert_eq(entry_int(wheel_soonest(w, &random)), i);
    }
    for (unsigned i = sizeof ahead / sizeof *ahead; i-- > 0;) {
        struct entry *e = wheel_soonest(w, &random);
        cr_assert_eq(entry_int(e), i);
        wheel_remove(w, e);
        mem_free(e);
    }
    wheel_free(w);
}

Test(wheel, random_is_fair_and_average_is_near) {
    struct random random;
    random_seed(&random, 5);
    struct wheel *w = wheel_new(start_ms);
    enum { KEYS = 500, DRAWS = 100 };
    static unsigned seen[KEYS];
    cr_assert_eq(wheel_average_ttl_ms(w, start_ms, &random), 0);
    for (unsigned i = 0; i < KEYS; i++) wheel_add(w, entry_make(i, start_ms + 1000 + (int64_t)i * i * i));
    for (unsigned i = 0; i < KEYS * DRAWS; i++) seen[entry_int(wheel_random(w, &random))]++;
    double sum = 0;
    for (unsigned i = 0; i < KEYS; i++) sum += ((double)seen[i] - DRAWS) * ((double)seen[i] - DRAWS) / DRAWS;
    cr_assert_lt(sum, KEYS + 6 * __builtin_sqrt(2 * KEYS));
    double average = 0;
    for (unsigned i = 0; i < 200; i++) average += (double)wheel_average_ttl_ms(w, start_ms, &random) / 200;
    cr_assert_float_eq(average, 1000 + 500.0 * 500 * 500 / 4, 3e6);
    while (wheel_count(w)) {
        struct entry *e = wheel_random(w, &random);
        wheel_remove(w, e);
        mem_free(e);
    }
    wheel_free(w);
}

Test(wheel, discards_in_steps_and_gives_all_memory_back) {
    size_t before = mem_used();
    struct wheel *w = wheel_new(start_ms);
    enum { MANY = 30000 };
    struct entry **all = mem_alloc(MANY * sizeof *all);
    for (unsigned i = 0; i < MANY; i++) {
        all[i] = entry_make(i, start_ms + (i % 3 ? 5000 : i * INT64_C(100000)));
        wheel_add(w, all[i]);
    }
    cr_assert_gt(wheel_bytes(w), MANY * sizeof(void *));
    cr_assert_lt(wheel_bytes(w), MANY * 3 * sizeof(void *));
    unsigned calls = 1;
    while (wheel_discard(w, 2)) calls++;
    cr_assert_geq(calls, MANY / (2 * 512));
    for (unsigned i = 0; i < MANY; i++) mem_free(all[i]);
    mem_free(all);
    cr_assert_eq(mem_used(), before);
}
