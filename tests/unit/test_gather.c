/* test_gather.c: a commit waits for a share of those who may come, never longer than the last one took, never for
 * somebody who is alone. */
#include <criterion/criterion.h>

#include "persist/gather.h"

Test(gather, the_first_write_of_all_is_committed_at_once) {
    struct gather g = {0};
    cr_assert_not(gather_waits(&g, 1, 1000));
}

Test(gather, who_is_alone_never_waits) {
    struct gather g = {0};
    for (uint64_t now_ns = 1000; now_ns < 100000; now_ns += 1000) {
        cr_assert_not(gather_waits(&g, 1, now_ns));
        gather_commit_begins(&g, 1, now_ns);
        gather_commit_ends(&g, 0, now_ns + 500);
        cr_assert_not(gather_waits(&g, 0, now_ns + 500));
        cr_assert_eq(g.until_ns, 0);
    }
}

Test(gather, most_of_those_let_go_and_of_those_that_came_meanwhile_are_waited_for) {
    struct gather g = {0};
    gather_commit_begins(&g, 30, 1000);
    gather_commit_ends(&g, 10, 101000);
    cr_assert(gather_waits(&g, 10, 101000));
    cr_assert(gather_waits(&g, 29, 102000));
    cr_assert_not(gather_waits(&g, 30, 103000), "three quarters of forty");
    cr_assert_not(gather_waits(&g, 1, 104000), "once begun, it is begun");
}

Test(gather, for_as_long_as_the_last_commit_took) {
    struct gather g = {0};
    gather_commit_begins(&g, 30, 1000);
    gather_commit_ends(&g, 0, 101000);
    cr_assert_eq(g.until_ns, 201000);
    cr_assert(gather_waits(&g, 0, 200999));
    cr_assert_not(gather_waits(&g, 0, 201000));
    gather_commit_begins(&g, 30, 300000);
    gather_commit_ends(&g, 0, 300000000);
    cr_assert_eq(g.until_ns, 300000000 + GATHER_NS_MAX, "a slow disk is no reason to wait for anybody");
}

Test(gather, what_is_urgent_is_not_held_up) {
    struct gather g = {0};
    gather_commit_begins(&g, 1000, 1000);
    gather_commit_ends(&g, 0, 201000);
    cr_assert(gather_waits(&g, 5, 201000));
    cr_assert_not(gather_waits(&g, UINT64_MAX, 201000));
}
