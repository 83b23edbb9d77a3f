/* The judge of what replicas show (tests/history/prefix.h), shown histories made by hand: each way of being illegal is
 * found, and what is merely late passes. */
#include <criterion/criterion.h>
#include <string.h>

#include "shard/base/random.h"
#include "tests/history/prefix.h"

enum { LADDERS_AT = 1 + PREFIX_CELLS, MAX = 64 };

static struct prefix_history *history;
static struct prefix_view views[MAX];
static size_t count;

static void begin(void) {
    history = prefix_make(3);
    count = 0;
}

static void end(void) {
    prefix_free(history);
}

TestSuite(history_prefix, .init = begin, .fini = end);

/* Transfers of 10 from cell 0 to cell 1, so many. */
static enum prefix_fault transfer(uint64_t first, unsigned times) {
    struct prefix_change changes[MAX];
    for (unsigned i = 0; i < times; i++) {
        int64_t moved = (int64_t)(first + i) * 10;
        changes[times - 1 - i] = (struct prefix_change){
            .serial = first + i, .from = 0, .to = 1, .amount = 10, .left = -moved, .arrived = moved};
    }
    return prefix_add_changes(history, changes, times).fault;
}

/* What a node shows behind so many of these transfers, and so many commands of the first two ladders. */
static struct prefix_view *see(unsigned node, uint64_t at, int64_t clock, int64_t first, int64_t second) {
    cr_assert(count < MAX);
    struct prefix_view *v = &views[count++];
    *v = (struct prefix_view){.node = node, .invoked_ns = at, .completed_ns = at + 5};
    v->values[0] = clock;
    v->values[1] = -clock * 10;
    v->values[2] = clock * 10;
    for (int64_t r = 0; r < PREFIX_RUNGS; r++) {
        v->values[LADDERS_AT + r] = (first + PREFIX_RUNGS - 1 - r) / PREFIX_RUNGS;
        v->values[LADDERS_AT + PREFIX_RUNGS + r] = (second + PREFIX_RUNGS - 1 - r) / PREFIX_RUNGS;
    }
    return v;
}

static enum prefix_fault judge(void) {
    enum prefix_fault fault = prefix_add_views(history, views, count).fault;
    count = 0;
    return fault;
}

Test(history_prefix, late_replicas_are_legal) {
    cr_expect_eq(transfer(1, 20), PREFIX_FINE);
    see(0, 0, 3, 1, 0);
    see(0, 10, 20, 4, 2);
    see(1, 20, 3, 1, 0);
    see(1, 30, 11, 3, 1);
    see(2, 40, 0, 0, 0)->missing = PREFIX_VALUES; /* it has nothing yet */
    see(2, 50, 3, 1, 0);
    cr_expect_eq(judge(), PREFIX_FINE);
    cr_expect_eq(transfer(21, 5), PREFIX_FINE);
    see(0, 60, 25, 4, 2);
    see(1, 60, 11, 3, 1);
    see(2, 60, 5, 1, 0);
    cr_expect_eq(judge(), PREFIX_FINE);
}

Test(history_prefix, readers_at_the_same_time_may_see_either) {
    transfer(1, 4);
    see(1, 0, 4, 0, 0);
    see(1, 2, 3, 0, 0);
    cr_expect_eq(judge(), PREFIX_FINE);
}

Test(history_prefix, serials) {
    cr_expect_eq(transfer(1, 3), PREFIX_FINE);
    cr_expect_eq(transfer(3, 1), PREFIX_SERIAL, "taken by another");
    cr_expect_eq(transfer(5, 1), PREFIX_SERIAL, "one before it was lost");
    see(1, 0, 4, 0, 0);
    cr_expect_eq(judge(), PREFIX_SERIAL, "a clock from the future");
}

Test(history_prefix, a_transfer_that_lost_another) {
    struct prefix_change change = {.serial = 1, .from = 0, .to = 1, .amount = 10, .left = -10, .arrived = 0};
    cr_expect_eq(prefix_add_changes(history, &change, 1).fault, PREFIX_STATE);
}

Test(history_prefix, half_a_transfer) {
    transfer(1, 4);
    see(1, 0, 3, 0, 0)->values[1] = -40;
    cr_expect_eq(judge(), PREFIX_STATE);
    see(1, 0, 3, 0, 0)->missing = 1;
    cr_expect_eq(judge(), PREFIX_STATE, "some of it only");
}

Test(history_prefix, old_states_are_found_again) {
    for (uint64_t first = 1; first < 3000; first += 50) cr_assert_eq(transfer(first, 50), PREFIX_FINE);
    struct random r;
    random_seed(&r, 1);
    uint64_t at = 0;
    for (int64_t clock = 0; clock <= 3000; clock += 1 + (int64_t)random_below(&r, 20)) {
        see(1, at += 10, clock, 0, 0);
        cr_assert_eq(judge(), PREFIX_FINE, "at %lld", (long long)clock);
    }
    see(2, 0, 700, 0, 0)->values[2]++;
    cr_expect_eq(judge(), PREFIX_STATE);
}

Test(history_prefix, a_command_without_the_one_before) {
    struct prefix_view *v = see(1, 0, 0, 4, 0);
    v->values[LADDERS_AT + 1]++; /* it is 2 1 1: the second rung may follow, */
    cr_expect_eq(judge(), PREFIX_FINE);
    v = see(1, 10, 0, 4, 0);
    v->values[LADDERS_AT + 2]++; /* but not the third before it, */
    cr_expect_eq(judge(), PREFIX_LADDER);
    v = see(1, 10, 0, 6, 0);
    v->values[LADDERS_AT] += 2; /* nor the first twice */
    cr_expect_eq(judge(), PREFIX_LADDER);
}

Test(history_prefix, two_orders) {
    transfer(1, 4);
    see(1, 0, 2, 1, 0);
    see(2, 0, 1, 2, 0); /* as far on, by another way */
    cr_expect_eq(judge(), PREFIX_ORDER);
}

Test(history_prefix, two_orders_rounds_apart) {
    transfer(1, 4);
    see(0, 0, 2, 3, 3);
    see(1, 0, 2, 1, 3);
    cr_expect_eq(judge(), PREFIX_FINE);
    see(1, 20, 2, 3, 3);
    see(2, 20, 3, 0, 0);
    cr_expect_eq(judge(), PREFIX_ORDER, "the second node's third transfer came after the others' ladders");
}

Test(history_prefix, a_node_goes_back) {
    transfer(1, 4);
    see(1, 0, 4, 0, 0);
    see(1, 10, 3, 0, 0);
    cr_expect_eq(judge(), PREFIX_TIME);
}

Test(history_prefix, a_node_goes_back_rounds_later) {
    transfer(1, 4);
    see(1, 0, 4, 0, 0);
    cr_expect_eq(judge(), PREFIX_FINE);
    see(2, 10, 3, 0, 0);
    cr_expect_eq(judge(), PREFIX_FINE, "another may be behind");
    see(1, 20, 3, 0, 0);
    cr_expect_eq(judge(), PREFIX_TIME);
}

Test(history_prefix, a_replica_ahead_of_its_primary) {
    transfer(1, 4);
    see(1, 0, 4, 0, 0);
    see(0, 10, 3, 0, 0);
    cr_expect_eq(judge(), PREFIX_TIME);
}
