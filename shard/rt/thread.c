/* thread.c: the turn of a thread, its doorbell and its retired memory: see thread.h. */
#include "shard/rt/thread.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/rt/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>

/* Memory waiting to be freed, with what every thread's turn number was when it was unlinked. */
struct retired {
    struct retired *next;
    void *block;
    void (*release)(void *);
    unsigned count;
    uint64_t turns[]; /* one per thread of that time: one registered later never saw the block */
};

enum { FREE_NS_MAX = 100000 }; /* spent on retired memory in one turn */

static _Atomic(struct thread *) threads[THREADS_MAX];
static _Atomic unsigned threads_count;
static __thread struct thread *self;

struct thread *thread_self(void) {
    return self;
}

struct thread *thread_by_index(unsigned index) {
    return index < THREADS_MAX ? atomic_load_explicit(&threads[index], memory_order_acquire) : NULL;
}

unsigned thread_count(void) {
    return atomic_load_explicit(&threads_count, memory_order_acquire);
}

static uint64_t seed_from_system(const struct thread *t) {
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed) seed = clock_mono_ns() ^ ((uint64_t)t->index << 56);
    return seed;
}

bool thread_start(struct thread *t, bool receive, char *why, size_t why_cap) {
    ASSERT(t->index < THREADS_MAX && !self);
    prctl(PR_SET_NAME, t->name);
    t->ring = ring_open(receive, why, why_cap);
    if (!t->ring) return false;
    random_seed(&t->random, seed_from_system(t));
    t->turn_unix_ms = clock_unix_ms();
    t->turn_mono_ns = clock_mono_ns();
    self = t;
    atomic_store_explicit(&threads[t->index], t, memory_order_release);
    unsigned count = atomic_load(&threads_count);
    while (count < t->index + 1u && !atomic_compare_exchange_weak(&threads_count, &count, t->index + 1u)) {
    }
    return true;
}

void thread_retire(struct thread *t, void *block, void (*release)(void *)) {
    unsigned count = thread_count();
    struct retired *r = mem_alloc(sizeof *r + count * sizeof r->turns[0]);
    *r = (struct retired){.block = block, .release = release, .count = count};
    for (unsigned i = 0; i < count; i++) {
        struct thread *other = thread_by_index(i);
        /* An exchange, not a load: it orders our unlinking before our look at `sleeping` later on. */
        r->turns[i] = other ? atomic_fetch_add(&other->turns, 0) : 0;
    }
    if (t->retired_last)
        t->retired_last->next = r;
    else
        t->retired = r;
    t->retired_last = r;
}

static bool is_unreachable(const struct thread *t, const struct retired *r) {
    for (unsigned i = 0; i < r->count; i++) {
        struct thread *other = thread_by_index(i);
        if (!other || other == t) continue;
        if (atomic_load(&other->turns) == r->turns[i] && !atomic_load(&other->sleeping)) return false;
    }
    return true;
}

/* Frees the retired blocks that no thread can see any more. Not a fixed number of them: a turn may have
 * retired more than that, and then they would only become more and more. */
static void free_retired(struct thread *t) {
    uint64_t began_ns = clock_mono_ns();
    do {
        struct retired *r = t->retired;
        if (!is_unreachable(t, r)) return;
        t->retired = r->next;
        if (!t->retired) t->retired_last = NULL;
        r->release(r->block);
        mem_free(r);
    } while (t->retired && clock_mono_ns() - began_ns < FREE_NS_MAX);
}

static void ring_doorbells(struct thread *t) {
    for (unsigned i = 0; i < THREADS_MAX / 64; i++) {
        uint64_t bits = t->doorbells[i];
        t->doorbells[i] = 0;
        while (UNLIKELY(bits)) {
            struct thread *to = thread_by_index(i * 64 + (unsigned)__builtin_ctzll(bits));
            bits &= bits - 1;
            if (to && to != t && atomic_load(&to->sleeping)) ring_wake(t->ring, to->ring);
        }
    }
}

static void deliver_messages(struct thread *t) {
    struct message *m = mailbox_take(&t->mailbox);
    while (m) {
        struct message *next = m->next;
        m->deliver(t, m);
        m = next;
    }
}

unsigned thread_turn(struct thread *t, uint64_t wait_ns) {
    ASSERT(t == self && t->holds_held == 0);
    ring_doorbells(t);
    if (UNLIKELY(t->retired != NULL)) {
        free_retired(t);
        /* Do not sleep for long on memory that others will let go of soon. */
        if (t->retired && wait_ns > 1000000) wait_ns = 1000000;
    }
    if (wait_ns) {
        atomic_store(&t->sleeping, true);
        if (!mailbox_is_empty(&t->mailbox) || atomic_load(&t->wake)) wait_ns = 0;
    }
    unsigned count = ring_turn(t->ring, wait_ns);
    atomic_store_explicit(&t->sleeping, false, memory_order_release);
    atomic_fetch_add(&t->turns, 1);
    t->turn_unix_ms = clock_unix_ms();
    t->turn_mono_ns = clock_mono_ns();
    deliver_messages(t);
    return count;
}

static void note_doorbell(struct thread *from, const struct thread *to) {
    from->doorbells[to->index / 64] |= (uint64_t)1 << (to->index % 64);
}

void thread_post(struct thread *from, struct thread *to, struct message *message) {
    mailbox_push(&to->mailbox, message);
    note_doorbell(from, to);
}

void thread_post_from_outside(struct thread *to, struct message *message) {
    mailbox_push(&to->mailbox, message);
    if (atomic_load(&to->sleeping)) ring_wake_from_outside(to->ring);
}

void thread_wake(struct thread *from, struct thread *to) {
    atomic_store(&to->wake, true);
    note_doorbell(from, to);
}
