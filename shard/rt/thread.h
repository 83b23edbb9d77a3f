/* thread.h: what every thread of the server has: a number, a ring, a mailbox, a random state, a cached time.
 *
 * Threads are numbered from 0; the shards come first, then the coordinator. A thread sleeps only in
 * thread_turn. The doorbell protocol: a sleeper stores `sleeping`, then looks at its mailbox and wake flag
 * once more; a sender publishes, then looks at `sleeping`; both sequentially consistent, so one of the two
 * always sees the other.
 *
 * A doorbell is noted at once and rung at the end of the turn, in the same system call as everything else: a
 * thread may hold slices when it posts or wakes.
 *
 * Reclaiming: memory that other threads may be looking at without a hold (an old table, an old
 * configuration) is handed to thread_retire and freed once every thread has begun a new turn, or sleeps.
 * Pointers got without a hold must therefore not be kept across turns.
 */
#ifndef GYRE_RT_THREAD_H
#define GYRE_RT_THREAD_H

#include "shard/base/random.h"
#include "shard/rt/mailbox.h"
#include "shard/rt/ring.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { THREADS_MAX = 128, CACHE_LINE = 64 };

struct retired;

struct thread {
    uint16_t index;
    char name[16]; /* as top -H shows it */
    struct ring *ring;
    struct random random;
    int64_t turn_unix_ms; /* the time when this turn began */
    uint64_t turn_mono_ns;
    struct retired *retired, *retired_last; /* oldest first */
    uint64_t doorbells[THREADS_MAX / 64];   /* threads to wake before the next sleep */
    unsigned holds_held; /* for assertions: nothing may sleep, wait or do I/O while this is not 0 */
    _Alignas(CACHE_LINE) struct mailbox mailbox;
    _Atomic bool wake;     /* a hold that this thread is parked on was let go */
    _Atomic bool sleeping; /* in the kernel, or about to be */
    _Atomic uint64_t turns;
};

/* Registers the calling thread under t->index (t is zeroed but for index and name), names it for the
 * operating system, opens its ring and seeds its random state. Returns false with the reason in `why`. */
bool thread_start(struct thread *t, bool receive, char *why, size_t why_cap);
/* The caller's own, as registered; NULL on a thread that is not of the server's. */
struct thread *thread_self(void);
/* The thread with this number, or NULL. */
struct thread *thread_by_index(unsigned index);
unsigned thread_count(void);

/* One turn's I/O: submits, sleeps at most wait_ns if there is nothing to do, collects completions, refreshes
 * the cached times, frees what can be freed, delivers messages. Returns the number of completions to walk
 * with ring_next. */
unsigned thread_turn(struct thread *t, uint64_t wait_ns);

/* Whether another thread is still in that turn (t->turns as it was then), and may have more to do in it. */
static inline bool thread_is_in_turn(const struct thread *t, uint64_t turn) {
    return atomic_load(&t->turns) == turn && !atomic_load(&t->sleeping);
}

/* Hands a message to another thread (or to oneself) and wakes it if it sleeps. `from` is the caller's own. */
void thread_post(struct thread *from, struct thread *to, struct message *message);
/* The same from a thread without a ring. */
void thread_post_from_outside(struct thread *to, struct message *message);
/* Sets the wake flag of `to` and wakes it if it sleeps. */
void thread_wake(struct thread *from, struct thread *to);

/* Frees `block` by `release` once no other thread can still be looking at it. */
void thread_retire(struct thread *t, void *block, void (*release)(void *));

#endif
