/* test_mem_home.c: blocks that another thread frees come home to the thread whose heap they are from, each
 * once.
 *
 * Which blocks are whose only the allocator of the release build knows; under the sanitizers they are
 * dealt out by address, so there only sums are checked (and races and double frees by the sanitizer).
 */
#include "shard/base/mem.h"
#include "shard/base/mem_home.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

enum { BLOCKS = 20000, ROUNDS = 30 };

static void *blocks[BLOCKS];
static _Atomic unsigned stage;

static void fill(void) {
    for (size_t i = 0; i < BLOCKS; i++) blocks[i] = memset(mem_alloc(16 + i % 200), 7, 16 + i % 200);
}

static void wait_for(unsigned wanted) {
    while (atomic_load(&stage) < wanted) sched_yield();
}

/* Home 1: its blocks are freed by the test's thread, and it frees what arrives in steps. */
static void *owner(void *arg) {
    unsigned *steps = arg;
    mem_home_open(1);
    fill();
    mem_publish();
    atomic_store(&stage, 1);
    wait_for(2);
    bool is_due = mem_home_is_due();
    while (mem_home_free_some(100)) ++*steps;
    cr_assert(is_due);
    cr_assert_not(mem_home_is_due());
    mem_home_close();
    mem_publish();
    return NULL;
}

Test(mem_home, what_another_thread_frees_arrives_and_goes_in_steps) {
    unsigned steps = 0;
    pthread_t thread;
    size_t before = mem_used();
    mem_home_open(0);
    cr_assert_eq(pthread_create(&thread, NULL, owner, &steps), 0);
    wait_for(1);
    mem_home_send();
    for (size_t i = 0; i < BLOCKS; i++) mem_free(blocks[i]);
    cr_assert_leq(mem_used(), before + 4096, "the account tells at once what is gained");
    struct mem_homes woken = mem_home_sent();
    cr_assert_eq(woken.bits[0], 2, "many lie there: the owner is to be woken");
    mem_publish();
    atomic_store(&stage, 2);
    pthread_join(thread, NULL);
    cr_assert_leq(mem_used(), before + 4096, "%zu bytes, before %zu", mem_used(), before);
#ifndef MEM_LIBC
    cr_assert_eq(steps, BLOCKS / 100 - 1);
#else
    cr_assert_gt(steps, 10);
#endif
    mem_home_close();
}

Test(mem_home, own_blocks_are_freed_at_once_and_a_few_wake_nobody) {
    mem_home_open(5);
    size_t before = mem_used();
    mem_home_send();
    for (int i = 0; i < 1000; i++) mem_free(mem_alloc(100));
    cr_assert_eq(mem_used(), before);
    struct mem_homes woken = mem_home_sent();
    cr_assert_eq(woken.bits[0] | woken.bits[1], 0);
    cr_assert_not(mem_home_is_due());
    cr_assert_not(mem_home_free_some(1));
    mem_home_close();
    cr_assert_not(mem_home_is_due(), "a thread without a home has nothing waiting");
}

/* Blocks go round between four threads through one box, each let go of by whoever finds it; one of them
 * closes its home while the others go on sending. */
static _Atomic(void *) box[64];

static void *trader(void *arg) {
    unsigned number = (unsigned)(uintptr_t)arg;
    mem_home_open(number);
    for (unsigned round = 0; round < (number == 9 ? ROUNDS / 3 : ROUNDS); round++) {
        mem_home_send();
        for (size_t i = 0; i < 64 * 20; i++) {
            void *block = memset(mem_alloc(8 + i % 50), 3, 8 + i % 50);
            mem_free(atomic_exchange(&box[i % 64], block));
        }
        mem_home_sent();
        while (mem_home_free_some(64)) continue;
    }
    mem_home_close();
    mem_publish();
    return NULL;
}

Test(mem_home, homes_close_while_others_send) {
    mem_publish();
    size_t before = mem_used();
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, trader, (void *)(i + 9)), 0);
    for (unsigned i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < 64; i++) mem_free(atomic_exchange(&box[i], NULL));
    cr_assert_leq(mem_used(), before + 4096, "%zu bytes, before %zu", mem_used(), before);
}
