/* spin.c: the slow half of spin.h: waiting for a lock that another thread has for a few microseconds. */
#include "shard/rt/spin.h"

#include "shard/rt/pause.h"

#include <sched.h>

enum { SPINS_BEFORE_YIELD = 256 };

void spin_wait(struct spin *s) {
    for (;;) {
        for (int i = 0; i < SPINS_BEFORE_YIELD; i++) {
            cpu_pause();
            if (!atomic_load_explicit(&s->taken, memory_order_relaxed) &&
                !atomic_exchange_explicit(&s->taken, true, memory_order_acquire))
                return;
        }
        /* The holder seems to have lost its processor: with more threads than cores, spinning on only delays
         * it. */
        sched_yield();
    }
}
