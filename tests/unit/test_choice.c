/* test_choice.c: a choice is of the size that was asked for, of different ones, and fair. */
#include "shard/type/choice.h"

#include <criterion/criterion.h>
#include <string.h>

#include "shard/base/mem.h"

Test(choice, takes_as_many_as_are_wanted) {
    struct random random;
    random_seed(&random, 1);
    for (size_t total = 1; total <= 20; total++) {
        for (size_t wanted = 0; wanted <= total; wanted++) {
            struct choice c = {&random, total, wanted};
            size_t chosen = 0;
            for (size_t i = 0; i < total; i++) chosen += choice_next(&c);
            cr_assert_eq(chosen, wanted);
            cr_assert_eq(c.wanted, 0);
        }
    }
}

/* Two of five: each of the ten pairs should come up once in ten. */
Test(choice, makes_every_choice_equally_likely) {
    enum { ROUNDS = 100000 };
    struct random random;
    unsigned pairs[1 << 5] = {0}, kinds = 0;
    random_seed(&random, 2);
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct choice c = {&random, 5, 2};
        unsigned chosen = 0;
        for (unsigned i = 0; i < 5; i++)
            if (choice_next(&c)) chosen |= 1u << i;
        pairs[chosen]++;
    }
    for (unsigned i = 0; i < 1 << 5; i++) {
        if (!pairs[i]) continue;
        kinds++;
        cr_assert_eq(__builtin_popcount(i), 2);
        cr_assert_gt(pairs[i], ROUNDS / 10 * 95 / 100);
        cr_assert_lt(pairs[i], ROUNDS / 10 * 105 / 100);
    }
    cr_assert_eq(kinds, 10);
}

Test(choice, drawn_remembers_everything) {
    enum { PLACES = 3000 };
    static bool there[PLACES];
    struct random random;
    size_t before = mem_used();
    struct drawn d = drawn_new(PLACES);
    random_seed(&random, 3);
    for (unsigned i = 0; i < 20000; i++) {
        size_t place = random_below(&random, PLACES);
        /* Numbers, and addresses such as entries have. */
        cr_assert_eq(drawn_add(&d, place % 2 ? place : place << 40), !there[place]);
        there[place] = true;
    }
    drawn_free(&d);
    cr_assert_eq(mem_used(), before);
    cr_assert(choice_is_few(24, 100));
    cr_assert_not(choice_is_few(25, 100));
    cr_assert_not(choice_is_few(0, 3));
}
