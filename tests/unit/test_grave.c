/* test_grave.c: large values are freed in steps, small ones at once, and the totals tell the truth. */
#include "shard/rt/clock.h"
#include "shard/store/blob.h"
#include "shard/store/grave.h"
#include "shard/store/value_methods.h"

#include <criterion/criterion.h>
#include <stdint.h>

/* A value of `blocks` blocks. */
struct pile {
    size_t blocks;
    bool gone;
    unsigned steps;
};

static size_t pile_blocks(const void *object) {
    return ((const struct pile *)object)->blocks;
}
static bool pile_free(void *object, size_t effort) {
    struct pile *p = object;
    cr_assert_not(p->gone);
    p->steps++;
    p->blocks -= effort < p->blocks ? effort : p->blocks;
    p->gone = p->blocks == 0;
    return !p->gone;
}
static void *pile_copy(const void *object) {
    (void)object;
    return NULL;
}
static size_t pile_bytes(const void *object) {
    return pile_blocks(object) * 100;
}
static const char *pile_encoding(const void *object) {
    (void)object;
    return "pile";
}

static struct thread me = {.index = 3}, other = {.index = 4};

static void setup(void) {
    static const struct value_methods methods = {.effort = pile_blocks,
                                                 .free_some = pile_free,
                                                 .copy = pile_copy,
                                                 .bytes = pile_bytes,
                                                 .count = pile_blocks,
                                                 .encoding = pile_encoding};
    clock_init();
    value_methods_register(TYPE_SET, &methods);
}
TestSuite(grave, .init = setup);

Test(grave, a_small_value_is_freed_at_once) {
    struct pile small = {.blocks = GRAVE_EFFORT};
    grave_free(&me, TYPE_SET, &small);
    cr_assert(small.gone);
    cr_assert(grave_is_empty(&me));
    cr_assert_eq(grave_objects(), 0);
}

Test(grave, large_values_are_freed_in_order_and_in_steps) {
    struct pile first = {.blocks = 100000}, second = {.blocks = GRAVE_EFFORT + 1};
    grave_free(&me, TYPE_SET, &first);
    grave_free(&me, TYPE_SET, &second);
    cr_assert_eq(grave_objects(), 2);
    cr_assert_eq(grave_bytes(), (100000 + GRAVE_EFFORT + 1) * 100);
    cr_assert_not(first.gone);
    cr_assert(grave_dig(&me, 0), "a budget of nothing is one step");
    cr_assert_eq(first.steps, 1);
    cr_assert(grave_is_empty(&other), "another thread has its own");
    cr_assert_not(grave_dig(&other, 1000));
    while (grave_dig(&me, 10)) cr_assert(!second.gone || first.gone, "the first goes first");
    cr_assert(first.gone && second.gone);
    cr_assert_gt(first.steps, 100);
    cr_assert_eq(grave_objects(), 0);
    cr_assert_eq(grave_bytes(), 0);
    cr_assert_eq(grave_freed(), 2);
}

Test(grave, blobs_lose_the_reference_that_was_given_up) {
    struct blob *sent = blob_ref(blob_new(1 << 20)), *alone = blob_new(1 << 20);
    grave_unref(&me, sent);
    grave_unref(&me, alone);
    cr_assert_eq(grave_objects(), 2);
    cr_assert_geq(grave_bytes(), 2 << 20);
    cr_assert(blob_is_shared(sent));
    cr_assert(grave_dig(&me, 0), "one step is one blob");
    cr_assert_not(blob_is_shared(sent), "a reply has it still");
    cr_assert_not(grave_dig(&me, 0));
    cr_assert_eq(grave_bytes(), 0);
    cr_assert_eq(grave_freed(), 2);
    blob_unref(sent);
}

Test(grave, the_end_of_the_server_empties_all) {
    struct pile mine = {.blocks = 1000}, others = {.blocks = 1000};
    grave_free(&me, TYPE_SET, &mine);
    grave_free(&other, TYPE_SET, &others);
    graves_empty();
    cr_assert(mine.gone && others.gone);
    cr_assert_eq(grave_objects(), 0);
}
