/* test_prefetch.c: threads that prefetch without the hold while its holder inserts, removes, resizes, swaps
 * and empties: what they look at is never freed under them (address sanitizer) and is read properly (thread
 * sanitizer).
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "shard/base/mem.h"
#include "shard/rt/clock.h"
#include "shard/rt/thread.h"
#include "shard/store/keyspace.h"
#include "shard/store/prefetch.h"

enum { KEYS = 30000, READERS = 2, ROUNDS = 6 };

static struct thread writer = {.index = 0, .name = "writer"};
static struct thread readers[READERS];
static _Atomic bool over;
static _Atomic uint64_t prefetched;

static struct key key_number(uint64_t n, char *room) {
    return key_make(room, (size_t)sprintf(room, "{same}%u", (unsigned)n));
}

static void *read_on(void *arg) {
    struct thread *me = arg;
    char why[256], room[32];
    if (!thread_start(me, false, why, sizeof why)) return NULL;
    while (!atomic_load(&over)) {
        for (unsigned i = 0; i < 100; i++) {
            struct key k = key_number(random_below(&me->random, KEYS), room);
            prefetch_bucket(k.slice, 0, k.hash);
            prefetch_entry(k.slice, 0, k.hash);
            atomic_fetch_add_explicit(&prefetched, 1, memory_order_relaxed);
        }
        thread_turn(me, 0);
    }
    /* Asleep for good: nobody waits for its turns any more. */
    atomic_store(&me->sleeping, true);
    return me;
}

static void fill_and_empty(struct visit *v, struct slice *s) {
    char room[32];
    for (unsigned n = 0; n < KEYS; n++) {
        struct key k = key_number(n, room);
        keyspace_set(v, &k, keyspace_find(v, &k, KEYSPACE_WRITE), value_bytes("value", 5), NO_TTL);
        if (n % 1000 == 0) {
            hold_release(&s->hold, v->thread);
            thread_turn(v->thread, 0);
            cr_assert(hold_try(&s->hold, v->thread));
        }
    }
    keyspace_swap(v, s, 0, 1);
    keyspace_swap(v, s, 0, 1);
    for (unsigned n = 0; n < KEYS - 10; n++) {
        struct key k = key_number(n, room);
        keyspace_delete(v, &k, keyspace_find(v, &k, KEYSPACE_PEEK));
    }
    while (keyspace_maintain(v, s, 100)) continue;
    keyspace_check(s);
    struct keyspace *ks = keyspace_detach(v, s, 0);
    while (keyspace_discard(ks, 100)) continue;
}

Test(prefetch, needs_no_hold, .timeout = 300) {
    char why[256];
    clock_init();
    slot_init();
    slices_create(1, 2);
    if (!thread_start(&writer, false, why, sizeof why)) cr_skip_test("no io_uring here: %s", why);
    pthread_t threads[READERS];
    for (unsigned i = 0; i < READERS; i++) {
        readers[i].index = (uint16_t)(i + 1);
        pthread_create(&threads[i], NULL, read_on, &readers[i]);
    }
    while (atomic_load(&prefetched) < 1000) thread_turn(&writer, 0);

    struct visit v = {.thread = &writer, .now_ms = 1};
    struct slice *s = key_make("{same}", 6).slice;
    cr_assert(hold_try(&s->hold, &writer));
    for (unsigned round = 0; round < ROUNDS; round++) fill_and_empty(&v, s);
    hold_release(&s->hold, &writer);

    atomic_store(&over, true);
    for (unsigned i = 0; i < READERS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        cr_assert_eq(result, &readers[i]);
    }
    for (unsigned turn = 0; writer.retired; turn++) {
        cr_assert_lt(turn, 100000);
        thread_turn(&writer, 0);
    }
    cr_assert_eq(counter_get(&s->counters.keys), 0);
}
