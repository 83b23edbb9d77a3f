/* test_pause.c: CLIENT PAUSE's state: what it holds back, how pauses add up, how they end. */
#include <criterion/criterion.h>
#include <limits.h>
#include <unistd.h>

#include "server/client.h"
#include "server/command.h"
#include "server/pause.h"
#include "shard/rt/clock.h"
#include "shard/store/slice.h"

enum { WRITES = SWITCH_PAUSE_WRITES, ALL = SWITCH_PAUSE_ALL };

static struct thread me;
static struct client normal, monitor;
static const struct command get = {.flags = CMD_READONLY}, set = {.flags = CMD_WRITE},
                            ping = {.flags = CMD_FAST}, publish = {.flags = CMD_MAY_REPLICATE};

static void setup(void) {
    clock_init();
    slices_create(1, 1);
    for (unsigned i = 0; i < slices.count; i++) {
        cr_assert(hold_try(&slices.all[i].hold, &me));
        slices.all[i].switches = SWITCH_LOADING; /* somebody else's */
    }
    client_set(&monitor, CLIENT_MONITOR);
}

TestSuite(pause, .init = setup);

static uint32_t switches_of_all_slices(void) {
    for (unsigned i = 1; i < slices.count; i++) cr_assert_eq(slices.all[i].switches, slices.all[0].switches);
    cr_assert(slices.all[0].switches & SWITCH_LOADING, "others' switches stay");
    return slices.all[0].switches & ~(uint32_t)SWITCH_LOADING;
}

static void wait_for_the_end(void) {
    for (int i = 0; i < 5000 && pause_switches(); i++) usleep(1000);
    cr_assert_eq(pause_switches(), 0);
}

Test(pause, none_blocks_nothing) {
    cr_assert_eq(pause_switches(), 0);
    cr_assert_eq(pause_ends_ms(), 0);
    cr_assert_not(pause_blocks(&normal, set.flags, ALL | WRITES), "a bit left over from a pause that ended");
}

Test(pause, of_writes_holds_back_what_changes_data_or_replicates) {
    pause_begin(&me, WRITES, 100000);
    cr_assert_eq(switches_of_all_slices(), WRITES);
    cr_assert_eq(pause_switches(), WRITES);
    cr_assert(pause_blocks(&normal, set.flags, WRITES));
    cr_assert(pause_blocks(&normal, publish.flags, WRITES));
    cr_assert_not(pause_blocks(&normal, get.flags, WRITES));
    cr_assert_not(pause_blocks(&normal, ping.flags, WRITES));
    cr_assert_not(pause_blocks(&normal, set.flags, 0), "a slice that was let go of before the cut");
    cr_assert_not(pause_blocks(&monitor, publish.flags, WRITES));
}

Test(pause, of_all_holds_back_everything_but_monitors) {
    pause_begin(&me, ALL, 100000);
    cr_assert_eq(switches_of_all_slices(), ALL);
    cr_assert(pause_blocks(&normal, get.flags, ALL));
    cr_assert(pause_blocks(&normal, ping.flags, ALL));
    cr_assert_not(pause_blocks(&monitor, ping.flags, ALL));
}

Test(pause, ends_by_command) {
    pause_begin(&me, ALL, 100000);
    pause_end(&me);
    cr_assert_eq(switches_of_all_slices(), 0);
    cr_assert_eq(pause_switches(), 0);
    cr_assert_not(pause_blocks(&normal, set.flags, ALL));
}

Test(pause, ends_by_time_and_is_forgotten_slice_by_slice) {
    int64_t began_ms = (int64_t)clock_mono_ms();
    pause_begin(&me, WRITES, 20);
    cr_assert_geq(pause_ends_ms(), began_ms + 20);
    wait_for_the_end();
    cr_assert_geq((int64_t)clock_mono_ms(), began_ms + 20);
    cr_assert_eq(switches_of_all_slices(), WRITES, "nobody has cleared them yet");
    cr_assert_not(pause_blocks(&normal, set.flags, WRITES));
    pause_forget(&slices.all[0]);
    cr_assert_eq(slices.all[0].switches, SWITCH_LOADING);
    cr_assert_eq(slices.all[1].switches, SWITCH_LOADING | WRITES);
    for (unsigned i = 0; i < slices.count; i++) pause_forget(&slices.all[i]);
    cr_assert_eq(switches_of_all_slices(), 0);
    pause_begin(&me, WRITES, 100000);
    pause_forget(&slices.all[0]);
    cr_assert_eq(switches_of_all_slices(), WRITES, "a pause that goes on is not forgotten");
}

Test(pause, only_grows_while_it_goes_on) {
    pause_begin(&me, WRITES, 100000);
    int64_t end_ms = pause_ends_ms();
    pause_begin(&me, WRITES, 5);
    cr_assert_eq(pause_ends_ms(), end_ms);
    pause_begin(&me, ALL, 5);
    cr_assert_eq(pause_ends_ms(), end_ms);
    cr_assert_eq(pause_switches(), ALL);
    pause_begin(&me, WRITES, 200000);
    cr_assert_gt(pause_ends_ms(), end_ms);
    cr_assert_eq(pause_switches(), ALL);
    cr_assert_eq(switches_of_all_slices(), ALL);
}

Test(pause, begins_anew_after_the_end) {
    pause_begin(&me, ALL, 1);
    wait_for_the_end();
    pause_begin(&me, WRITES, 100000);
    cr_assert_eq(pause_switches(), WRITES);
    cr_assert_eq(switches_of_all_slices(), WRITES);
}

Test(pause, of_no_time_is_over_at_once) {
    pause_begin(&me, ALL, 0);
    cr_assert_eq(pause_switches(), 0);
    cr_assert_not(pause_blocks(&normal, set.flags, ALL));
}

Test(pause, for_ever_does_not_overflow) {
    pause_begin(&me, ALL, INT64_MAX);
    cr_assert_eq(pause_switches(), ALL);
    cr_assert_gt(pause_ends_ms(), (int64_t)clock_mono_ms() + (INT64_C(1) << 50));
}

Test(pause, the_servers_own_goes_on_whatever_is_commanded) {
    pause_keep(&me, PAUSE_TO_END, WRITES);
    cr_assert_eq(switches_of_all_slices(), WRITES);
    cr_assert(pause_blocks(&normal, set.flags, WRITES));
    pause_begin(&me, ALL, 100000);
    cr_assert_eq(switches_of_all_slices(), ALL);
    cr_assert_eq(pause_switches(), ALL);
    pause_end(&me);
    cr_assert_eq(switches_of_all_slices(), WRITES);
    cr_assert_eq(pause_switches(), WRITES);
    pause_keep(&me, PAUSE_TO_END, ALL);
    cr_assert_eq(pause_switches(), ALL);
    pause_release(&me, PAUSE_TO_END);
    cr_assert_eq(switches_of_all_slices(), 0);
    cr_assert_eq(pause_switches(), 0);
}

Test(pause, by_command_is_as_it_was_after_the_servers_own) {
    pause_begin(&me, WRITES, 100000);
    int64_t end_ms = pause_ends_ms();
    pause_keep(&me, PAUSE_TO_END, ALL);
    pause_begin(&me, WRITES, 5);
    pause_release(&me, PAUSE_TO_END);
    cr_assert_eq(switches_of_all_slices(), WRITES);
    cr_assert_eq(pause_ends_ms(), end_ms);
}

Test(pause, a_stricter_one_that_is_over_is_forgotten_while_the_servers_own_goes_on) {
    pause_begin(&me, ALL, 1);
    pause_keep(&me, PAUSE_TO_END, WRITES);
    for (int i = 0; i < 5000 && pause_switches() == ALL; i++) usleep(1000);
    for (unsigned i = 0; i < slices.count; i++) pause_forget(&slices.all[i]);
    cr_assert_eq(switches_of_all_slices(), WRITES);
    cr_assert_not(pause_blocks(&normal, get.flags, slices.all[0].switches));
    pause_release(&me, PAUSE_TO_END);
}

Test(pause, kept_for_one_reason_goes_on_when_the_other_is_over) {
    pause_keep(&me, PAUSE_TO_FAIL_OVER, WRITES);
    pause_keep(&me, PAUSE_TO_END, ALL);
    cr_assert_eq(pause_switches(), ALL);
    pause_release(&me, PAUSE_TO_END);
    cr_assert_eq(pause_switches(), WRITES);
    cr_assert_eq(switches_of_all_slices(), WRITES);
    pause_begin(&me, ALL, 100000);
    pause_end(&me);
    cr_assert_eq(pause_switches(), WRITES, "CLIENT UNPAUSE ends what CLIENT PAUSE began");
    pause_release(&me, PAUSE_TO_FAIL_OVER);
    cr_assert_eq(pause_switches(), 0);
}
