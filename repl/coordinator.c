/* coordinator.c: the coordinator's loop: see coordinator.h. */
#include "repl/coordinator.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/rt/file.h"
#include "shard/rt/hold.h"
#include "shard/store/slice.h"

void coordinator_cut(struct coordinator *c, struct cut *cut) {
    ASSERT(thread_self() == &c->thread && cut->run);
    cut->next = NULL;
    *(c->cuts ? &c->cuts_last->next : &c->cuts) = cut;
    c->cuts_last = cut;
    thread_wake(&c->thread, &c->thread);
}

void coordinator_keep_cuts(struct coordinator *c, bool keep) {
    ASSERT(thread_self() == &c->thread && c->keeps_cuts != keep && (!keep || !c->cuts));
    c->keeps_cuts = keep;
    if (c->cuts) thread_wake(&c->thread, &c->thread);
}

/* Tries to get hold of everything; refused, it is woken when that is worth another try. */
static void run_cuts(struct coordinator *c) {
    static struct hold *holds[SLICES_MAX];
    for (unsigned i = 0; i < slices.count; i++) holds[i] = &slices.all[i].hold;
    if (!hold_take_set(holds, slices.count, &c->thread, &c->passes)) return;
    struct cut *cut = c->cuts;
    c->cuts = NULL;
    while (cut) {
        struct cut *next = cut->next;
        cut->run(c, cut);
        cut = next;
    }
    hold_release_set(holds, slices.count, &c->thread);
}

bool coordinator_run(struct coordinator *c, char *why, size_t why_cap) {
    if (!thread_start(&c->thread, true, why, why_cap)) return false;
    const uint64_t beat_ns = (uint64_t)COORDINATOR_BEAT_MS * 1000000;
    uint64_t next_beat_ns = c->thread.turn_mono_ns;
    c->started(c);
    while (!atomic_load_explicit(&c->stop, memory_order_relaxed)) {
        uint64_t now_ns = c->thread.turn_mono_ns;
        uint64_t until_ns = c->wanted_ns && c->wanted_ns < next_beat_ns ? c->wanted_ns : next_beat_ns;
        thread_turn(&c->thread, until_ns > now_ns ? until_ns - now_ns : 0);
        bool woken = atomic_exchange(&c->thread.wake, false);
        const struct completion *done;
        while ((done = ring_next(c->thread.ring)))
            if (!file_completion(&c->thread, done)) c->completion(c, done);
        if (woken && c->cuts && !c->keeps_cuts) run_cuts(c);
        c->turn(c);
        if (c->thread.turn_mono_ns < next_beat_ns) continue;
        next_beat_ns = c->thread.turn_mono_ns + beat_ns;
        file_resume_waiting(&c->thread);
        c->beat(c);
    }
    hold_forgo(&c->thread, &c->passes);
    mem_publish();
    return true;
}
