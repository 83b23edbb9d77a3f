/* test_interest.c: watchers are told of every change of their keys, waiters of what they wait for, and
 * nothing is left behind. */
#include "shard/base/mem.h"
#include "shard/rt/clock.h"
#include "shard/store/evict.h"
#include "shard/store/interest.h"
#include "shard/store/keyspace.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct thread me = {.index = 0, .name = "me"};
static struct visit v;

static void setup(void) {
    char why[256];
    clock_init();
    slot_init();
    slices_create(1, 4);
    cr_assert(thread_start(&me, false, why, sizeof why), "%s", why);
    for (unsigned i = 0; i < slices.count; i++) cr_assert(hold_try(&slices.all[i].hold, &me));
    v = (struct visit){.thread = &me, .now_ms = 1000};
}
TestSuite(interest, .init = setup);

static struct key key_of(const char *name) {
    return key_make(name, strlen(name));
}

static bool watch(struct interest_set *set, const char *name) {
    struct key k = key_of(name);
    return interest_add(set, k.slice, v.database, k.data, k.len, k.hash, 0);
}

static struct entry **find(const char *name) {
    struct key k = key_of(name);
    return keyspace_find(&v, &k, KEYSPACE_PEEK);
}

static void put(const char *name, const char *value) {
    struct key k = key_of(name);
    keyspace_set(&v, &k, find(name), value_bytes(value, strlen(value)), NO_TTL);
}

static bool was_touched(struct interest_set *set) {
    return atomic_exchange(&set->touched, false);
}

static unsigned interests(void) {
    unsigned n = 0;
    for (unsigned i = 0; i < slices.count; i++) n += slices.all[i].interests_count;
    return n;
}

Test(interest, a_watch_sees_every_kind_of_change) {
    struct interest_set set = {.kind = INTEREST_WATCH};
    struct key k = key_of("k");
    char *data;
    cr_assert(watch(&set, "k"));
    cr_assert_not(watch(&set, "k"), "once is enough");
    cr_assert_not(was_touched(&set));
    put("k", "born");
    cr_assert(was_touched(&set), "birth");
    put("k", "same");
    cr_assert(was_touched(&set), "overwriting by the same length");
    put("k", "12");
    cr_assert(was_touched(&set), "overwriting by another form");
    keyspace_set_int(&v, &k, find("k"), 13);
    cr_assert(was_touched(&set), "an increment");
    keyspace_writable(&v, &k, find("k"), 10, &data);
    cr_assert(was_touched(&set), "appending");
    keyspace_set_deadline(&v, &k, find("k"), 5000);
    cr_assert(was_touched(&set), "a deadline");
    keyspace_set_deadline(&v, &k, find("k"), 5000);
    cr_assert(was_touched(&set), "the same deadline again");
    struct key to = key_of("other");
    keyspace_move(&v, &k, find("k"), 0, &to);
    cr_assert(was_touched(&set), "moving away");
    keyspace_move(&v, &to, find("other"), 0, &k);
    cr_assert(was_touched(&set), "moving here");
    v.now_ms = 6000;
    cr_assert_null(find("k"));
    cr_assert(was_touched(&set), "expiry");
    put("k", "x");
    was_touched(&set);
    keyspace_delete(&v, &k, find("k"));
    cr_assert(was_touched(&set), "deletion");
    put("another", "x");
    find("another");
    cr_assert_not(was_touched(&set), "what happens to others");
    v.database = 1;
    put("k", "x");
    cr_assert_not(was_touched(&set), "another database");
    cr_assert(interest_leave(&set, &me));
    cr_assert_eq(interests(), 0);
}

Test(interest, a_watch_sees_whole_databases_go_and_change_places) {
    struct interest_set here = {.kind = INTEREST_WATCH}, absent = {.kind = INTEREST_WATCH};
    put("k", "v");
    watch(&here, "k");
    watch(&absent, "nothing");
    struct slice *s = key_of("k").slice;
    for (unsigned i = 0; i < slices.count; i++) keyspace_swap(&v, &slices.all[i], 2, 3);
    cr_assert_not(was_touched(&here), "other databases");
    for (unsigned i = 0; i < slices.count; i++) keyspace_swap(&v, &slices.all[i], 0, 1);
    cr_assert(was_touched(&here), "it went to the other side");
    cr_assert_not(was_touched(&absent));
    for (unsigned i = 0; i < slices.count; i++) keyspace_swap(&v, &slices.all[i], 0, 1);
    cr_assert(was_touched(&here), "it came back");
    struct keyspace *ks = keyspace_detach(&v, s, 0);
    cr_assert(was_touched(&here), "it was flushed");
    cr_assert_null(keyspace_detach(&v, s, 0));
    cr_assert_not(was_touched(&here), "there was nothing to flush");
    while (keyspace_discard(ks, 100)) continue;
    cr_assert(interest_leave(&here, &me) && interest_leave(&absent, &me));
    cr_assert_eq(interests(), 0);
}

Test(interest, waiters_stand_in_order_and_their_keys_become_ready_once) {
    struct interest_set sets[3] = {{.kind = INTEREST_WAIT}, {.kind = INTEREST_WAIT}, {.kind = INTEREST_WAIT}};
    struct interest *ready = NULL;
    struct key k = key_of("k"), l = key_of("l");
    for (unsigned i = 0; i < 3; i++) cr_assert(interest_add(&sets[i], k.slice, 0, k.data, k.len, k.hash, i));
    cr_assert(interest_add(&sets[0], l.slice, 0, l.data, l.len, l.hash, 9));
    struct interest *i = interest_find(k.slice, 0, "k", 1, k.hash);
    struct interest_node *n = i->lists[INTEREST_WAIT].first;
    for (unsigned at = 0; at < 3; at++, n = n->next) {
        cr_assert_eq(n->tag, at);
        cr_assert_eq(n->set, &sets[at]);
    }
    interest_note_ready(i, &ready);
    interest_note_ready(i, &ready);
    interest_note_ready(interest_find(l.slice, 0, "l", 1, l.hash), &ready);
    cr_assert_eq(interest_take_ready(&ready), i);
    for (unsigned at = 0; at < 3; at++) cr_assert(interest_leave(&sets[at], &me));
    cr_assert_eq(interests(), 2, "those that are being looked at stay");
    interest_looked_at(i);
    i = interest_take_ready(&ready);
    cr_assert_eq(i->len, 1);
    interest_looked_at(i);
    cr_assert_null(interest_take_ready(&ready));
    cr_assert_eq(interests(), 0);
}

Test(interest, a_set_is_left_as_its_slices_become_free) {
    struct interest_set set = {.kind = INTEREST_WATCH};
    struct thread other = {.index = 7};
    char name[16];
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "key:%d", i);
        cr_assert(watch(&set, name));
    }
    cr_assert_eq(interests(), 500);
    for (unsigned i = 0; i < slices.count; i++) hold_release(&slices.all[i].hold, &me);
    cr_assert(hold_try(&slices.all[1].hold, &other));
    cr_assert_not(interest_leave(&set, &me));
    cr_assert_eq(interests(), slices.all[1].interests_count);
    cr_assert_gt(interests(), 0);
    hold_release(&slices.all[1].hold, &other);
    cr_assert(interest_leave(&set, &me));
    cr_assert_eq(interests(), 0);
}
