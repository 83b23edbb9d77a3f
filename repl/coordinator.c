/* coordinator.c: the coordinator's loop: see coordinator.h. */
#include "repl/coordinator.h"

#include "shard/base/mem.h"

bool coordinator_run(struct coordinator *c, char *why, size_t why_cap) {
    if (!thread_start(&c->thread, false, why, why_cap)) return false;
    const uint64_t beat_ns = (uint64_t)COORDINATOR_BEAT_MS * 1000000;
    uint64_t next_beat_ns = c->thread.turn_mono_ns;
    c->started(c);
    while (!atomic_load_explicit(&c->stop, memory_order_relaxed)) {
        uint64_t now_ns = c->thread.turn_mono_ns;
        thread_turn(&c->thread, next_beat_ns > now_ns ? next_beat_ns - now_ns : 0);
        atomic_store(&c->thread.wake, false);
        const struct completion *done;
        while ((done = ring_next(c->thread.ring))) c->completion(c, done);
        if (c->thread.turn_mono_ns < next_beat_ns) continue;
        next_beat_ns = c->thread.turn_mono_ns + beat_ns;
        c->beat(c);
    }
    mem_publish();
    return true;
}
