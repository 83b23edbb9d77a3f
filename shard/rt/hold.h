/* hold.h: the exclusive right to touch a slice, taken by one compare-and-swap and kept for microseconds.
 *
 * The word of a hold has the holder (thread number + 1) in its low half and, in its high half, the thread
 * for which the slice is reserved (see insistence). Free and unreserved is 0, which is all that the fast
 * paths compare with.
 *
 * Invariants:
 *  - Holds are taken in slice order; a taker that is refused lets go of all it has before it parks.
 *  - No thread blocks on a hold: it spins for about the length of a short command, then parks: the thread's
 *    bit is set in the hold's parked mask, the thread remembers by itself which of its connections wait
 *    here, and goes on serving.
 *  - No wake-up is lost. The parker sets its bit, then tries once more; the releaser frees, then takes the
 *    mask and wakes every thread in it. All four are sequentially consistent.
 *  - Insistence: a set taker passed over HOLD_PASSES_MAX times becomes the server's one insistent taker.
 *    What refuses it becomes reserved for it: others that come are refused and park; it starts again from
 *    its first slice and so, after at most as many rounds as it needs slices, has them all.
 *  - While it holds anything a thread allocates within bounds, does no I/O and never waits.
 */
#ifndef GYRE_RT_HOLD_H
#define GYRE_RT_HOLD_H

#include "shard/rt/thread.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { HOLD_PASSES_MAX = 8 };

struct hold {
    _Atomic uint32_t word;
    _Atomic uint64_t parked[THREADS_MAX / 64];
};

static inline bool hold_is_mine(const struct hold *h, const struct thread *me) {
    return (atomic_load_explicit(&h->word, memory_order_relaxed) & 0xffff) == (uint32_t)me->index + 1;
}

/* Takes it if it is free, at once or within a short spin. */
bool hold_try(struct hold *h, struct thread *me);
/* Sets the caller's parked bit and tries once more: true means taken after all, false means parked: a later
 * release sets me->wake. */
bool hold_park(struct hold *h, struct thread *me);
/* Lets go and wakes the threads parked on it. */
void hold_release(struct hold *h, struct thread *me);

/* Takes all of `holds` (in slice order, each once), or none. On refusal the caller is parked on the one that
 * refused and false is returned; *passes counts the refusals of this taker (start with 0), and decides about
 * insistence. A taker that gives up while *passes is not 0 calls hold_forgo. */
bool hold_take_set(struct hold **holds, unsigned count, struct thread *me, unsigned *passes);
void hold_release_set(struct hold **holds, unsigned count, struct thread *me);
void hold_forgo(struct thread *me, unsigned *passes);

#endif
