/* spin.h: a lock for the little that all threads share (client registry, configuration, slow log), ranked
 * after all slices.
 *
 * Held for a bounded few microseconds, never across I/O, a wait, or the taking of a slice; one at a time, but
 * for the stripes of one structure, which may be taken together in their order. It yields the processor after
 * a while, in case the holder has lost its own.
 */
#ifndef GYRE_RT_SPIN_H
#define GYRE_RT_SPIN_H

#include <stdatomic.h>
#include <stdbool.h>

struct spin {
    _Atomic bool taken;
};

void spin_wait(struct spin *s);

static inline void spin_lock(struct spin *s) {
    if (atomic_exchange_explicit(&s->taken, true, memory_order_acquire)) spin_wait(s);
}
static inline void spin_unlock(struct spin *s) {
    atomic_store_explicit(&s->taken, false, memory_order_release);
}

#endif
