/* upkeep.c: see upkeep.h.
 *
 * Two rhythms. Every 1000/hz ms a round begins: each owned slice is looked at once, clients are checked for timeouts. A slice
 * that has more to do than one step's worth is stepped again in the following turns, one step a turn, so that commands
 * come in between.
 */
#include "server/upkeep.h"

#include "server/census.h"
#include "server/config.h"
#include "server/latency.h"
#include "server/output.h"
#include "server/pause.h"
#include "server/worker.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"
#include "shard/rt/clock.h"
#include "shard/store/grave.h"

enum {
    STEP_US = 100,
    ROUND_US = 1000, /* slices looked at within one turn, at most */
    DISCARDS_PER_TURN = 512,
    TIMEOUT_CHECKS_MIN = 50, /* clients per round */
};

void upkeep_init(struct worker *w) {
    w->next_cron_ms = w->thread.turn_mono_ns / 1000000;
    w->upkeep_slice = w->last_slice;
}

static unsigned round_ms(void) {
    int hz = config_get()->hz;
    return 1000u / (unsigned)(hz < 1 ? 1 : hz > 500 ? 500 : hz);
}

uint64_t upkeep_wait_ns(struct worker *w) {
    if (w->upkeep_slice < w->last_slice || w->discards || !grave_is_empty(&w->thread)) return 0;
    uint64_t now_ms = clock_mono_ms();
    return w->next_cron_ms > now_ms ? (w->next_cron_ms - now_ms) * 1000000 : 0;
}

/* One step on one slice. True while it has more to do now. A busy slice is left for the next round. */
static bool step_slice(struct worker *w, struct slice *s) {
    if (!hold_try(&s->hold, &w->thread)) return false;
    struct visit visit = {.thread = &w->thread};
    uint64_t began = clock_ticks();
    bool more = keyspace_maintain(&visit, s, STEP_US);
    if (s->switches) pause_forget(s);
    hold_release(&s->hold, &w->thread);
    uint64_t ns = clock_ticks_to_ns(clock_ticks() - began);
    count_add(&w->statistics.maintenance_ns, ns);
    latency_note("expire-cycle", ns / 1000000);
    if (ns > count_get(&w->statistics.longest_step_ns))
        atomic_store_explicit(&w->statistics.longest_step_ns, ns, memory_order_relaxed);
    return more;
}

/* Goes on with this round's slices until one has used its step or the turn's share is spent. */
static void step_slices(struct worker *w) {
    uint64_t began = clock_mono_ns();
    while (w->upkeep_slice < w->last_slice) {
        if (step_slice(w, &slices.all[w->upkeep_slice])) return;
        w->upkeep_slice++;
        if (clock_mono_ns() - began > ROUND_US * 1000u / 4) return;
    }
}

static void discard_some(struct worker *w) {
    struct discard *d = w->discards;
    if (keyspace_discard(d->keyspace, DISCARDS_PER_TURN)) return;
    w->discards = d->next;
    mem_free(d);
}

void worker_discard(struct worker *w, struct keyspace *ks) {
    struct discard *d = mem_alloc(sizeof *d);
    *d = (struct discard){w->discards, ks};
    w->discards = d;
}

static void check_timeout(struct worker *w, struct client *c, int64_t timeout_ms) {
    if (client_has(c, CLIENT_CLOSING | CLIENT_MONITOR) || c->wait != WAIT_NOTHING) return;
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

/* Thresholds in ticks, so that the loop compares with one number. */
static void refresh_thresholds(struct worker *w) {
    const struct config *config = config_get();
    int64_t us = config->slowlog_log_slower_than;
    if (config->latency_monitor_threshold && (us < 0 || config->latency_monitor_threshold * 1000 < us))
        us = config->latency_monitor_threshold * 1000;
    uint64_t ns_per_1024_ticks = clock_ticks_to_ns(1024);
    w->slow_ticks =
        us < 0 ? UINT64_MAX : (uint64_t)us * 1000 * 1024 / (ns_per_1024_ticks ? ns_per_1024_ticks : 1);
}

void upkeep_run(struct worker *w) {
    if (w->discards) discard_some(w);
    grave_dig(&w->thread, STEP_US);
    uint64_t now_ms = w->thread.turn_mono_ns / 1000000;
    if (now_ms >= w->next_cron_ms) {
        w->next_cron_ms = now_ms + round_ms();
        w->cron_runs++;
        refresh_thresholds(w);
        check_clients(w);
        if (w->paused.first && !pause_switches()) worker_resume_paused(w);
        w->upkeep_slice = w->first_slice;
    }
    if (w->upkeep_slice < w->last_slice) step_slices(w);
}
