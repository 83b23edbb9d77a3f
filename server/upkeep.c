/* upkeep.c: see upkeep.h.
 *
 * Two rhythms. Every 1000/hz ms a round begins: each owned slice is looked at once, clients are checked for
 * timeouts. While one of the slices has more to do than one step's worth, the walk over them goes on, one
 * step a turn, so that commands come in between. It goes on from where it is, round or not: were it to begin
 * with the first slice each time, those that never run out of work would leave nothing for the last.
 */
#include "server/upkeep.h"

#include "persist/dump.h"
#include "server/blocked.h"
#include "server/census.h"
#include "server/config.h"
#include "server/latency.h"
#include "server/output.h"
#include "server/pause.h"
#include "server/pubsub.h"
#include "server/worker.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"
#include "shard/base/mem_home.h"
#include "shard/rt/clock.h"
#include "shard/store/grave.h"
#include "shard/store/oplog.h"

enum {
    STEP_US = 100,
    WALK_US = 250,        /* slices looked at within one turn, at most */
    DISCARDS_AT_ONCE = 8, /* entries freed between two looks at the clock: each may be large */
    STRAYS_AT_ONCE = 16,
    FREE_PAUSES = 1, /* after a step of freeing a pause of its length: clients share the processors */
    HOLD_US_MAX = 100,
    DUMP_PAUSES = 2,         /* a dump pauses so many times as long as it works, */
    DUMP_IDLE_NS = 3000000,  /* unless nobody was served for so long */
    TIMEOUT_CHECKS_MIN = 50, /* clients per round */
    UNSURE_NS = 50000,       /* see output_is_unsure */
};

void upkeep_init(struct worker *w) {
    w->next_cron_ms = w->thread.turn_mono_ns / 1000000;
    w->upkeep_slice = w->first_slice;
    w->upkeep_left = 0;
}

static unsigned round_ms(void) {
    int hz = config_get()->hz;
    return 1000u / (unsigned)(hz < 1 ? 1 : hz > 500 ? 500 : hz);
}

static uint64_t at_most_until(uint64_t wait_ns, uint64_t when_ns) {
    uint64_t now_ns = clock_mono_ns(), left_ns = when_ns > now_ns ? when_ns - now_ns : 0;
    return left_ns < wait_ns ? left_ns : wait_ns;
}

uint64_t upkeep_wait_ns(struct worker *w) {
    if (w->upkeep_left) return 0;
    uint64_t now_ms = clock_mono_ms(), wait_ns = blocked_wait_ns(w);
    uint64_t cron_ns = w->next_cron_ms > now_ms ? (w->next_cron_ms - now_ms) * 1000000 : 0;
    if (cron_ns < wait_ns) wait_ns = cron_ns;
    if (UNLIKELY(output_is_unsure(w) || pubsub_is_unsure(&w->thread)) && wait_ns > UNSURE_NS)
        wait_ns = UNSURE_NS;
    if (w->dumping) wait_ns = at_most_until(wait_ns, w->dump_next_ns);
    if (w->discards || !grave_is_empty(&w->thread) || mem_home_is_due())
        wait_ns = at_most_until(wait_ns, w->free_next_ns);
    return wait_ns;
}

/* One step on one slice. True while it has more to do now. A busy slice is left for the next round. */
static bool step_slice(struct worker *w, struct slice *s) {
    if (oplog_is_full(&w->thread) || !hold_try(&s->hold, &w->thread)) return false;
    struct visit visit = {.thread = &w->thread};
    uint64_t began = clock_ticks();
    if (s->switches) pause_forget(s);
    bool more = keyspace_maintain(&visit, s, STEP_US);
    oplog_publish_in(&w->thread, s, true);
    hold_release(&s->hold, &w->thread);
    uint64_t ns = clock_ticks_to_ns(clock_ticks() - began);
    count_add(&w->statistics.maintenance_ns, ns);
    latency_note("expire-cycle", ns / 1000000);
    if (ns > count_get(&w->statistics.longest_step_ns))
        atomic_store_explicit(&w->statistics.longest_step_ns, ns, memory_order_relaxed);
    return more;
}

/* Goes on with the walk over the owned slices until one has used its step or the turn's share is spent. */
static void step_slices(struct worker *w) {
    uint64_t began = clock_mono_ns();
    while (w->upkeep_left > 0) {
        bool more = step_slice(w, &slices.all[w->upkeep_slice]);
        if (++w->upkeep_slice == w->last_slice) w->upkeep_slice = w->first_slice;
        if (more) {
            w->upkeep_left = w->last_slice - w->first_slice; /* all the others once, then this one again */
            return;
        }
        w->upkeep_left--;
        if (clock_mono_ns() - began > WALK_US * 1000u) return;
    }
}

static void discard_some(struct worker *w) {
    uint64_t began = clock_mono_ns();
    do {
        struct discard *d = w->discards;
        if (keyspace_discard(d->keyspace, DISCARDS_AT_ONCE)) continue;
        w->discards = d->next;
        mem_free(d);
    } while (w->discards && clock_mono_ns() - began < STEP_US * 1000u);
}

void worker_discard(struct worker *w, struct keyspace *ks) {
    struct discard *d = mem_alloc(sizeof *d);
    *d = (struct discard){w->discards, ks};
    w->discards = d;
}

static void check_timeout(struct worker *w, struct client *c, int64_t timeout_ms) {
    if (client_has(c, CLIENT_CLOSING | CLIENT_MONITOR | CLIENT_PUBSUB) || c->wait != WAIT_NOTHING) return;
    if (w->thread.turn_unix_ms - atomic_load_explicit(&c->active_ms, memory_order_relaxed) <= timeout_ms)
        return;
    log_verbose("Closing idle client id=%llu", (unsigned long long)c->id);
    count_add(&w->statistics.clients_timed_out, 1);
    client_close(w, c);
}

/* A part of the clients each round, so that all are seen within a second or two. */
static void check_clients(struct worker *w) {
    int timeout_s = config_get()->timeout;
    uint32_t checks = w->clients_capacity / (1000 / round_ms() + 1) + TIMEOUT_CHECKS_MIN;
    if (checks > w->clients_capacity) checks = w->clients_capacity;
    for (uint32_t i = 0; i < checks; i++) {
        if (w->timeout_cursor >= w->clients_capacity) {
            w->timeout_cursor = 0;
            census_end(&w->census, w);
        }
        struct client *c = w->clients[w->timeout_cursor++];
        if (!c) continue;
        census_see(&w->census, c);
        /* An output limit's soft seconds pass without anything happening on the connection. */
        if (c->soft_limit_since_ms) client_has_output(w, c);
        if (timeout_s > 0) check_timeout(w, c, (int64_t)timeout_s * 1000);
    }
}

static uint64_t ticks_of_us(uint64_t us) {
    uint64_t ns_per_1024_ticks = clock_ticks_to_ns(1024), scaled;
    if (__builtin_mul_overflow(us, (uint64_t)1000 * 1024, &scaled)) return UINT64_MAX;
    return scaled / (ns_per_1024_ticks ? ns_per_1024_ticks : 1);
}

/* Thresholds in ticks, so that the loop compares with one number. */
static void refresh_thresholds(struct worker *w) {
    const struct config *config = config_get();
    int64_t us = config->slowlog_log_slower_than, ms = config->latency_monitor_threshold;
    if (ms > 0 && (us < 0 || ms < us / 1000)) us = ms < INT64_MAX / 1000 ? ms * 1000 : INT64_MAX;
    w->slow_ticks = us < 0 ? UINT64_MAX : ticks_of_us((uint64_t)us);
    w->hold_ticks_max = ticks_of_us(HOLD_US_MAX);
}

/* A step of a dump, and then a pause of twice its length: most of the time belongs to others, on a machine
 * that has no processor to spare too. A short one while no client wants anything. */
static void dump_some(struct worker *w) {
    uint64_t began_ns = w->thread.turn_mono_ns;
    if (w->dumping && began_ns < w->dump_next_ns) return;
    if (!w->dumping && !dump_is_under_way()) return;
    began_ns = clock_mono_ns();
    w->dumping = dump_work(&w->thread, w->first_slice, w->last_slice);
    uint64_t now_ns = clock_mono_ns();
    bool idle = now_ns - w->served_ns > DUMP_IDLE_NS;
    w->dump_next_ns = now_ns + (now_ns - began_ns) * (idle ? 1 : 2 * DUMP_PAUSES) / 2;
}

/* What was detached in this thread: tables, then values. Of other threads' heaps it only sends home. */
static void free_detached(struct worker *w) {
    if (LIKELY(!w->discards && grave_is_empty(&w->thread))) return;
    if (w->thread.turn_mono_ns < w->free_next_ns) return;
    uint64_t began_ns = clock_mono_ns();
    if (w->discards) discard_some(w);
    grave_dig(&w->thread, STEP_US);
    w->freed_for_ns = clock_mono_ns() - began_ns;
}

static void free_strays(void) {
    uint64_t began_ns = clock_mono_ns();
    while (mem_home_free_some(STRAYS_AT_ONCE))
        if (clock_mono_ns() - began_ns > STEP_US * 1000u) {
            mem_return_at_once(true); /* they are many: until the last is gone */
            return;
        }
    mem_return_at_once(false);
}

void upkeep_free_strays(struct worker *w) {
    bool is_due = mem_home_is_due() && w->thread.turn_mono_ns >= w->free_next_ns;
    if (LIKELY(!is_due && !w->freed_for_ns)) return;
    uint64_t began_ns = clock_mono_ns();
    if (is_due) free_strays();
    uint64_t now_ns = clock_mono_ns();
    w->free_next_ns = now_ns + FREE_PAUSES * (w->freed_for_ns + now_ns - began_ns);
    w->freed_for_ns = 0;
}

void upkeep_run(struct worker *w) {
    free_detached(w);
    blocked_upkeep(w);
    uint64_t now_ms = w->thread.turn_mono_ns / 1000000;
    if (now_ms >= w->next_cron_ms) {
        w->next_cron_ms = now_ms + round_ms();
        refresh_thresholds(w);
        check_clients(w);
        if (w->paused.first && !pause_switches()) worker_resume_paused(w);
        w->upkeep_left = w->last_slice - w->first_slice;
    }
    if (w->upkeep_left) step_slices(w);
    dump_some(w);
}
