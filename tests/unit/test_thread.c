/* test_thread.c: doorbells wake a sleeper and only once, messages arrive, retired memory is freed when
 * nobody can be looking at it any more, and not before. */
#include "shard/rt/thread.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shard/base/mem.h"
#include "shard/rt/clock.h"

enum { PATIENCE_MS = 20000 };

static void start(struct thread *t, unsigned index) {
    char why[256];
    t->index = (uint16_t)index;
    snprintf(t->name, sizeof t->name, "test-%u", index);
    cr_assert(thread_start(t, false, why, sizeof why), "%s", why);
}

static void turn(struct thread *t, uint64_t wait_ns) {
    thread_turn(t, wait_ns);
    while (ring_next(t->ring)) {
    }
}

/* ---- one thread ---- */

static struct thread me, other;

static void setup(void) {
    clock_init();
}

TestSuite(thread, .init = setup, .timeout = 60);

Test(thread, registers_itself) {
    char name[32] = "";
    cr_assert_null(thread_self());
    cr_assert_eq(thread_count(), 0);
    start(&me, 3);
    cr_assert_eq(thread_self(), &me);
    cr_assert_eq(thread_by_index(3), &me);
    cr_assert_null(thread_by_index(2));
    cr_assert_null(thread_by_index(THREADS_MAX));
    cr_assert_eq(thread_count(), 4, "up to the highest number");
    pthread_getname_np(pthread_self(), name, sizeof name);
    cr_assert_str_eq(name, "test-3");
    cr_assert_neq(random_next(&me.random), random_next(&me.random));
}

Test(thread, a_turn_refreshes_the_time_and_waits_no_longer_than_it_was_told) {
    start(&me, 0);
    uint64_t before = me.turn_mono_ns;
    turn(&me, 20000000);
    cr_assert_geq(me.turn_mono_ns, before + 19000000);
    before = me.turn_mono_ns;
    turn(&me, 0);
    cr_assert_lt(me.turn_mono_ns - before, UINT64_C(10000000000));
    cr_assert_leq(me.turn_unix_ms, clock_unix_ms());
    cr_assert_gt(me.turn_unix_ms, clock_unix_ms() - 10000);
    cr_assert_eq(atomic_load(&me.turns), 2);
    cr_assert_not(atomic_load(&me.sleeping));
}

struct note {
    struct message message; /* first */
    unsigned number;
    struct thread *delivered_to;
};

static unsigned notes_delivered;

static void deliver(struct thread *to, struct message *message) {
    struct note *n = (struct note *)(void *)message;
    cr_assert_eq(n->number, notes_delivered);
    cr_assert_eq(thread_self(), to);
    n->delivered_to = to;
    notes_delivered++;
}

Test(thread, messages_to_itself_come_with_the_next_turn_which_does_not_sleep) {
    struct note notes[3] = {
        {{.deliver = deliver}, 0, NULL}, {{.deliver = deliver}, 1, NULL}, {{.deliver = deliver}, 2, NULL}};
    start(&me, 0);
    for (int i = 0; i < 3; i++) thread_post(&me, &me, &notes[i].message);
    cr_assert_eq(notes_delivered, 0);
    turn(&me, UINT64_MAX);
    cr_assert_eq(notes_delivered, 3);
    cr_assert_eq(notes[2].delivered_to, &me);
}

Test(thread, woken_it_does_not_sleep) {
    start(&me, 0);
    thread_wake(&me, &me);
    turn(&me, UINT64_MAX);
    cr_assert(atomic_load(&me.wake), "the flag is for the owner to take back");
    atomic_store(&me.wake, false);
}

/* ---- two threads ---- */

static sem_t other_started;
static _Atomic bool other_ends;
static _Atomic unsigned other_wakes;

static void *sleep_and_count_wakes(void *arg) {
    (void)arg;
    start(&other, 1);
    sem_post(&other_started);
    while (!atomic_load(&other_ends)) {
        turn(&other, UINT64_MAX);
        if (atomic_exchange(&other.wake, false)) atomic_fetch_add(&other_wakes, 1);
    }
    return NULL;
}

static void start_sleeper(pthread_t *thread) {
    sem_init(&other_started, 0, 0);
    cr_assert_eq(pthread_create(thread, NULL, sleep_and_count_wakes, NULL), 0);
    while (sem_wait(&other_started) != 0) {
    }
}

static void wait_until_it_sleeps(void) {
    for (int i = 0; i < PATIENCE_MS && !atomic_load(&other.sleeping); i++) usleep(1000);
    cr_assert(atomic_load(&other.sleeping));
}

static void end_sleeper(pthread_t thread) {
    atomic_store(&other_ends, true);
    thread_wake(&me, &other);
    turn(&me, 0);
    pthread_join(thread, NULL);
}

Test(thread, doorbell_wakes_a_sleeper) {
    pthread_t thread;
    start(&me, 0);
    start_sleeper(&thread);
    for (unsigned i = 1; i <= 100; i++) {
        wait_until_it_sleeps();
        thread_wake(&me, &other);
        cr_assert_neq(me.doorbells[0], 0, "noted, and rung with the next turn");
        turn(&me, 0);
        cr_assert_eq(me.doorbells[0], 0);
        for (int k = 0; k < PATIENCE_MS && atomic_load(&other_wakes) < i; k++) usleep(1000);
        cr_assert_eq(atomic_load(&other_wakes), i);
    }
    end_sleeper(thread);
}

static _Atomic unsigned echoes;

static void count_echo(struct thread *to, struct message *message) {
    (void)to;
    (void)message;
    atomic_fetch_add(&echoes, 1);
}

/* With and without the sleeper asleep: a message that was posted at the very moment of falling asleep is
 * seen. */
Test(thread, no_message_is_lost_to_a_sleeper) {
    enum { ROUNDS = 20000 };
    pthread_t thread;
    struct message m = {.deliver = count_echo};
    start(&me, 0);
    start_sleeper(&thread);
    for (unsigned i = 1; i <= ROUNDS; i++) {
        thread_post(&me, &other, &m);
        turn(&me, 0);
        uint64_t end = clock_mono_ms() + PATIENCE_MS;
        while (atomic_load(&echoes) < i)
            cr_assert_lt(clock_mono_ms(), end, "message %u was not delivered", i);
    }
    end_sleeper(thread);
}

Test(thread, message_from_outside_wakes_a_sleeper) {
    pthread_t thread;
    struct message m = {.deliver = count_echo};
    start_sleeper(&thread);
    for (unsigned i = 1; i <= 100; i++) {
        if (i % 2) wait_until_it_sleeps();
        thread_post_from_outside(&other, &m);
        for (int k = 0; k < PATIENCE_MS && atomic_load(&echoes) < i; k++) usleep(1000);
        cr_assert_eq(atomic_load(&echoes), i);
    }
    start(&me, 0);
    end_sleeper(thread);
}

/* ---- retired memory ---- */

static unsigned released;

static void release(void *block) {
    released++;
    mem_free(block);
}

/* Other threads are played by structs that are registered and then moved on by hand. */
static void register_others(void) {
    pthread_t thread;
    start(&me, 0);
    start_sleeper(&thread);
    end_sleeper(thread);
    atomic_store(&other.sleeping, false);
}

Test(thread, retired_memory_waits_for_a_thread_in_the_middle_of_its_turn) {
    register_others();
    thread_retire(&me, mem_alloc(10), release);
    for (int i = 0; i < 3; i++) turn(&me, 0);
    cr_assert_eq(released, 0);
    atomic_fetch_add(&other.turns, 1);
    turn(&me, 0);
    cr_assert_eq(released, 1);
}

Test(thread, retired_memory_does_not_wait_for_a_sleeper) {
    register_others();
    atomic_store(&other.sleeping, true);
    thread_retire(&me, mem_alloc(10), release);
    turn(&me, 0);
    cr_assert_eq(released, 1);
}

Test(thread, retired_memory_is_freed_in_order_and_shortens_the_sleep) {
    register_others();
    thread_retire(&me, mem_alloc(10), release);
    atomic_fetch_add(&other.turns, 1);
    thread_retire(&me, mem_alloc(10), release);
    uint64_t before = clock_mono_ms();
    turn(&me, UINT64_MAX);
    cr_assert_eq(released, 1);
    cr_assert_lt(clock_mono_ms() - before, PATIENCE_MS);
    atomic_fetch_add(&other.turns, 1);
    turn(&me, 0);
    cr_assert_eq(released, 2);
    cr_assert_null(me.retired);
    cr_assert_null(me.retired_last);
}

/* A turn may retire any number of blocks: they must not become more and more. */
Test(thread, freeing_keeps_up_with_retiring) {
    enum { TURNS = 50, EACH = 100 };
    register_others();
    atomic_store(&other.sleeping, true);
    for (int i = 0; i < TURNS; i++) {
        for (int k = 0; k < EACH; k++) thread_retire(&me, mem_alloc(10), release);
        turn(&me, 0);
    }
    turn(&me, 0);
    cr_assert_gt(released, TURNS * EACH / 2, "only %u of %d", released, TURNS * EACH);
}

static void release_slowly(void *block) {
    clock_sleep_ns(1000000);
    release(block);
}

Test(thread, freeing_is_bounded_by_time) {
    register_others();
    atomic_store(&other.sleeping, true);
    for (int k = 0; k < 50; k++) thread_retire(&me, mem_alloc(10), release_slowly);
    turn(&me, 0);
    cr_assert_geq(released, 1);
    cr_assert_leq(released, 5);
}
