/* hold.c: taking, parking and letting go of slices; the protocol stands in hold.h.
 *
 * Why the parked mask has threads and not connections: a release then costs at most one wake-up per thread
 * however many connections wait, and a connection that closes while it waits concerns its own thread only.
 */
#include "shard/rt/hold.h"

#include "shard/base/assert.h"
#include "shard/rt/pause.h"

enum {
    /* About as long as a batch of short commands runs. */
    SPINS = 64,
    HOLDS_RESERVED_MAX = 4096,
    ROUNDS_MAX = 4,
    INSISTENT = 1u << 31, /* in *passes: this taker is the insistent one */
};

/* The insistent taker: at most one in the process. Its list is touched by its thread alone. */
static struct {
    _Atomic uint32_t thread; /* number + 1 */
    struct hold *reserved[HOLDS_RESERVED_MAX];
    unsigned count;
} insistence;

static uint32_t holder_word(const struct thread *me) {
    return (uint32_t)me->index + 1;
}

static bool take_word(struct hold *h, uint32_t expected, struct thread *me) {
    uint32_t desired = expected | holder_word(me);
    if (!atomic_compare_exchange_strong(&h->word, &expected, desired)) return false;
    me->holds_held++;
    return true;
}

/* Tries for a bounded while. A slice reserved for another is refused at once. */
static bool take(struct hold *h, struct thread *me, bool insistent) {
    DASSERT(!hold_is_mine(h, me));
    uint32_t mine_reserved = holder_word(me) << 16;
    for (int i = 0;; i++) {
        uint32_t word = atomic_load_explicit(&h->word, memory_order_relaxed);
        if (word == 0) {
            if (take_word(h, 0, me)) return true;
        } else if (word == mine_reserved) {
            if (!insistent) return false;
            if (take_word(h, mine_reserved, me)) return true;
        } else if (word >> 16 && !(insistent && word >> 16 == holder_word(me))) {
            return false;
        }
        if (i >= SPINS) return false;
        cpu_pause();
    }
}

bool hold_try(struct hold *h, struct thread *me) {
    if (LIKELY(take_word(h, 0, me))) return true;
    return take(h, me, false);
}

static bool park(struct hold *h, struct thread *me, bool insistent) {
    uint64_t bit = (uint64_t)1 << (me->index % 64);
    bool stood = atomic_fetch_or(&h->parked[me->index / 64], bit) & bit;
    uint32_t reserved = insistent ? atomic_load(&h->word) & 0xffff0000u : 0;
    if (reserved && reserved != holder_word(me) << 16) reserved = 0;
    if (!take_word(h, reserved, me)) return false;
    /* A bit that stood before is there for another connection of this thread: our own release will wake
     * it. */
    if (!stood) atomic_fetch_and(&h->parked[me->index / 64], ~bit);
    return true;
}

bool hold_park(struct hold *h, struct thread *me) {
    return park(h, me, false);
}

static void wake_parked(struct hold *h, struct thread *me, uint32_t reserved_for) {
    for (unsigned i = 0; i < THREADS_MAX / 64; i++) {
        if (LIKELY(!atomic_load(&h->parked[i]))) continue;
        uint64_t wanted = ~(uint64_t)0;
        /* Others would only be refused and park again. */
        if (reserved_for)
            wanted = (reserved_for - 1) / 64 == i ? (uint64_t)1 << ((reserved_for - 1) % 64) : 0;
        uint64_t bits = atomic_fetch_and(&h->parked[i], ~wanted) & wanted;
        while (bits) {
            unsigned index = i * 64 + (unsigned)__builtin_ctzll(bits);
            bits &= bits - 1;
            thread_wake(me, thread_by_index(index));
        }
    }
}

void hold_release(struct hold *h, struct thread *me) {
    ASSERT(hold_is_mine(h, me));
    uint32_t word = holder_word(me), reserved_for = 0;
    if (UNLIKELY(!atomic_compare_exchange_strong(&h->word, &word, 0)))
        reserved_for = atomic_fetch_and(&h->word, 0xffff0000u) >> 16;
    me->holds_held--;
    wake_parked(h, me, reserved_for);
}

void hold_release_set(struct hold **holds, unsigned count, struct thread *me) {
    for (unsigned i = count; i-- > 0;) hold_release(holds[i], me);
}

static void reserve(struct hold *h, struct thread *me) {
    uint32_t word = atomic_fetch_or(&h->word, holder_word(me) << 16);
    if (word >> 16) return; /* already ours */
    ASSERT(insistence.count < HOLDS_RESERVED_MAX);
    insistence.reserved[insistence.count++] = h;
}

/* Ends the insistence: what was reserved is anybody's again. */
static void stop_insisting(struct thread *me, unsigned *passes) {
    ASSERT(atomic_load(&insistence.thread) == holder_word(me));
    for (unsigned i = 0; i < insistence.count; i++) {
        struct hold *h = insistence.reserved[i];
        uint32_t word = atomic_fetch_and(&h->word, 0xffffu);
        if (!(word & 0xffff)) wake_parked(h, me, 0);
    }
    insistence.count = 0;
    *passes = 0;
    atomic_store(&insistence.thread, 0);
}

static void start_insisting(struct thread *me, unsigned *passes) {
    uint32_t nobody = 0;
    if (*passes < HOLD_PASSES_MAX || (*passes & INSISTENT)) return;
    if (atomic_compare_exchange_strong(&insistence.thread, &nobody, holder_word(me))) *passes |= INSISTENT;
}

/* Takes them in order; returns how many it got before one refused (all that it got are let go again), or
 * `count`. */
static unsigned take_all(struct hold **holds, unsigned count, struct thread *me, bool insistent) {
    for (unsigned i = 0; i < count; i++) {
        DASSERT(i == 0 || holds[i - 1] < holds[i]);
        if (take(holds[i], me, insistent)) continue;
        hold_release_set(holds, i, me);
        return i;
    }
    return count;
}

bool hold_take_set(struct hold **holds, unsigned count, struct thread *me, unsigned *passes) {
    ASSERT(me->holds_held == 0);
    start_insisting(me, passes);
    bool insistent = *passes & INSISTENT;
    for (int round = 0; round < ROUNDS_MAX; round++) {
        unsigned refused = take_all(holds, count, me, insistent);
        if (refused == count) {
            if (insistent) stop_insisting(me, passes);
            *passes = 0;
            return true;
        }
        if (insistent) reserve(holds[refused], me);
        if (!park(holds[refused], me, insistent)) {
            ++*passes;
            return false;
        }
        /* Free after all: begin again, since what comes before it was let go. */
        hold_release(holds[refused], me);
    }
    /* Others deserve a turn: come back in the next one, as if woken. */
    ++*passes;
    thread_wake(me, me);
    return false;
}

void hold_forgo(struct thread *me, unsigned *passes) {
    if (*passes & INSISTENT) stop_insisting(me, passes);
    *passes = 0;
}
