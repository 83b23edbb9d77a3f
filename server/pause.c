/* pause.c: see pause.h. */
#include "server/pause.h"

#include "server/client.h"
#include "server/command.h"
#include "shard/base/assert.h"
#include "shard/rt/clock.h"
#include "shard/store/slice.h"

#include <stdatomic.h>

enum { PAUSE_SWITCHES = SWITCH_PAUSE_WRITES | SWITCH_PAUSE_ALL, KIND_BITS = 2 };

/* When it ends (clock_mono_ms) and, in the lowest bits, what kind it is: 0 is no pause. One word, so that
 * nobody reads the one without the other. Whoever changes it holds a slice, and to begin or end a pause
 * takes all, so a change never meets another. */
static _Atomic uint64_t state;
static const int64_t end_max_ms = INT64_MAX >> KIND_BITS;
/* The kinds of the server's own pauses, for each reason; 0: there is none. Changed with all slices held. */
static _Atomic uint32_t kept_for[PAUSE_REASONS];

_Static_assert(PAUSE_SWITCHES < 1 << KIND_BITS, "a kind fits");

static void set_all(struct thread *me, uint32_t bits) {
    for (unsigned i = 0; i < slices.count; i++) {
        ASSERT(hold_is_mine(&slices.all[i].hold, me));
        slices.all[i].switches = (slices.all[i].switches & ~(uint32_t)PAUSE_SWITCHES) | bits;
    }
}

static int64_t end_of(uint64_t pause) {
    return (int64_t)(pause >> KIND_BITS);
}

static uint32_t stricter(uint32_t a, uint32_t b) {
    return (a | b) & SWITCH_PAUSE_ALL ? SWITCH_PAUSE_ALL : a | b;
}

/* The strictest of the server's own. */
static uint32_t kept(void) {
    uint32_t kind = 0;
    for (unsigned i = 0; i < PAUSE_REASONS; i++) kind = stricter(kind, atomic_load(&kept_for[i]));
    return kind;
}

/* The state if it is a pause by command that goes on; 0 otherwise. */
static uint64_t commanded(void) {
    uint64_t pause = atomic_load(&state);
    return LIKELY(pause == 0) || (int64_t)clock_mono_ms() >= end_of(pause) ? 0 : pause;
}

/* The same of both pauses. */
static uint64_t going_on(void) {
    uint64_t pause = commanded();
    uint32_t own = kept();
    if (LIKELY(!own)) return pause;
    return (uint64_t)end_max_ms << KIND_BITS | stricter((uint32_t)(pause & PAUSE_SWITCHES), own);
}

void pause_begin(struct thread *me, uint32_t kind, int64_t timeout_ms) {
    ASSERT(kind == SWITCH_PAUSE_WRITES || kind == SWITCH_PAUSE_ALL);
    ASSERT(timeout_ms >= 0);
    int64_t now_ms = (int64_t)clock_mono_ms();
    int64_t end_ms = timeout_ms > end_max_ms - now_ms ? end_max_ms : now_ms + timeout_ms;
    uint64_t before = commanded();
    if (before) {
        if (end_ms < end_of(before)) end_ms = end_of(before);
        if (before & SWITCH_PAUSE_ALL) kind = SWITCH_PAUSE_ALL;
    }
    set_all(me, stricter(kind, kept()));
    atomic_store(&state, (uint64_t)end_ms << KIND_BITS | kind);
}

void pause_end(struct thread *me) {
    set_all(me, kept());
    atomic_store(&state, 0);
}

void pause_keep(struct thread *me, enum pause_reason reason, uint32_t kind) {
    ASSERT(kind == SWITCH_PAUSE_WRITES || kind == SWITCH_PAUSE_ALL);
    ASSERT(reason < PAUSE_REASONS);
    atomic_store(&kept_for[reason], stricter(kind, atomic_load(&kept_for[reason])));
    set_all(me, (uint32_t)(going_on() & PAUSE_SWITCHES));
}

void pause_release(struct thread *me, enum pause_reason reason) {
    ASSERT(reason < PAUSE_REASONS);
    atomic_store(&kept_for[reason], 0);
    set_all(me, (uint32_t)(going_on() & PAUSE_SWITCHES));
}

uint32_t pause_switches(void) {
    return (uint32_t)(going_on() & PAUSE_SWITCHES);
}

int64_t pause_ends_ms(void) {
    return end_of(going_on());
}

bool pause_blocks(struct client *c, uint32_t command_flags, uint32_t switches) {
    bool held_back = (switches & SWITCH_PAUSE_ALL) ||
                     ((switches & SWITCH_PAUSE_WRITES) && (command_flags & (CMD_WRITE | CMD_MAY_REPLICATE)));
    return held_back && !client_has(c, CLIENT_MONITOR) && pause_switches() != 0;
}

void pause_forget(struct slice *s) {
    uint32_t is = s->switches & PAUSE_SWITCHES, ought = 0;
    if (LIKELY(!is) || is == (ought = pause_switches())) return;
    s->switches = (s->switches & ~(uint32_t)PAUSE_SWITCHES) | ought;
    if (!commanded()) atomic_store(&state, 0);
}
