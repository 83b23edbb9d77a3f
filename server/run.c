/* run.c: holds, handlers, statistics: see run.h. */
#include "server/run.h"

#include "server/blocked.h"
#include "server/broken.h"
#include "server/command_keys.h"
#include "server/config.h"
#include "server/errorstats.h"
#include "server/foresee.h"
#include "server/latency.h"
#include "server/monitor.h"
#include "server/pause.h"
#include "server/propagate.h"
#include "server/slowlog.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/rt/clock.h"
#include "shard/store/oplog.h"
#include "shard/store/prefetch.h"
#include "shard/store/snap.h"

#include <limits.h>
#include <string.h>

enum {
    HELD_COMMANDS_MAX = 128, /* commands of one slice run under one hold at most */
    AGAIN_MAX = 4,
    FEW_KEYS = 16,
    WIDENINGS_MAX = 3,
    SCRATCH_KEYS_KEPT = 4096, /* room for more keys than that is given back at once */
};

void route_let_go(struct worker *w) {
    if (!w->batch.held) return;
    hold_release(&w->batch.held->hold, &w->thread);
    w->batch.held = NULL;
    w->batch.held_commands = 0;
}

/* ---- waiting ---- */

static enum route_result park(struct worker *w, struct client *c, struct slice *refused) {
    client_wait_in(w, c, WAIT_SLICE);
    c->parked_on = refused;
    count_add(&w->statistics.parks, 1);
    return ROUTE_WAITS;
}

enum route_result run_wait_for_log(struct worker *w, struct client *c) {
    return park(w, c, NULL);
}

enum route_result run_wait_for_pause(struct worker *w, struct client *c) {
    client_wait_in(w, c, WAIT_PAUSE);
    return ROUTE_WAITS;
}

/* It passed its checks just before the server became a replica and may not write any more, or just before the data went to be
 * loaded anew: it is run again, which tells it so. */
static bool comes_too_late(uint32_t command_flags, uint32_t switches) {
    return ((switches & SWITCH_READONLY) && (command_flags & CMD_WRITE)) ||
           ((switches & SWITCH_LOADING) && !(command_flags & CMD_LOADING) && !broken_loads());
}

bool run_is_paused(struct client *c, uint32_t command_flags, uint32_t switches) {
    uint32_t looked_at = SWITCH_PAUSE_ALL | SWITCH_PAUSE_WRITES | SWITCH_READONLY | SWITCH_LOADING;
    if (LIKELY(!(switches & looked_at))) return false;
    return pause_blocks(c, command_flags, switches) || comes_too_late(command_flags, switches);
}

bool run_keys_wait_for_snapshot(struct visit *v, const struct key *keys, unsigned count) {
    bool wait = false;
    for (unsigned i = 0; i < count; i++) wait |= snap_must_wait(v, &keys[i]); /* all of them are asked for */
    return wait;
}

/* ---- statistics ---- */

void run_count_call(struct worker *w, struct command *cmd, uint64_t ticks, bool failed) {
    struct command_statistics *s = &w->statistics.commands[cmd->id];
    count_add(&w->statistics.commands_processed, 1); /* what was refused is not among them, as in Redis */
    count_add(&s->calls, 1);
    count_add(&s->ticks, ticks);
    if (UNLIKELY(failed)) count_add(&s->failed, 1);
    if (UNLIKELY(!config_get()->latency_tracking)) return;
    _Atomic uint64_t *histogram = atomic_load_explicit(&s->histogram, memory_order_relaxed);
    if (UNLIKELY(!histogram)) {
        histogram = mem_zalloc(LATENCY_BUCKETS * sizeof *histogram);
        atomic_store_explicit(&s->histogram, histogram, memory_order_release);
    }
    count_add(&histogram[latency_bucket(clock_ticks_to_ns(ticks))], 1);
}

void run_set_mute(struct client *c) {
    c->reply.mute = client_has(c, CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP);
}

void run_shift_mute(struct client *c) {
    uint32_t flags = atomic_load_explicit(&c->flags, memory_order_relaxed);
    if (LIKELY(!(flags & (CLIENT_REPLY_SKIP | CLIENT_REPLY_SKIP_NEXT)))) return;
    client_unset(c, CLIENT_REPLY_SKIP | CLIENT_REPLY_SKIP_NEXT);
    if (flags & CLIENT_REPLY_SKIP_NEXT) client_set(c, CLIENT_REPLY_SKIP);
}

static void note_slow(struct client *c, struct request *r, uint64_t ticks) {
    const struct config *config = config_get();
    uint64_t us = clock_ticks_to_ns(ticks) / 1000;
    if (config->slowlog_log_slower_than >= 0 && us >= (uint64_t)config->slowlog_log_slower_than &&
        !(r->command->flags & CMD_SKIP_SLOWLOG))
        slowlog_note(c, r->argv, r->argc, us);
    if (config->latency_monitor_threshold && us / 1000 >= (uint64_t)config->latency_monitor_threshold)
        latency_note(r->command->flags & CMD_FAST ? "fast-command" : "command", us / 1000);
}

void run_handler(struct worker *w, struct request *r, struct call *call, uint64_t *ticks) {
    struct client *c = r->client;
    uint64_t errors = c->reply.errors, began = *ticks;
    r->command->handler(call);
    if (UNLIKELY(call->outcome == CALL_AGAIN || call->outcome == CALL_LATER)) return;
    propagate_finish(call);
    if (UNLIKELY(atomic_load_explicit(&monitors_active, memory_order_relaxed)))
        monitor_feed(w, c, r->command, r->argv, r->argc);
    *ticks = clock_ticks();
    if (UNLIKELY(call->outcome == CALL_BLOCKED)) return; /* counted when it is served */
    uint64_t took = *ticks - began;
    bool failed = c->reply.errors - call->inner_errors != errors;
    if (UNLIKELY(failed)) errorstats_note(c->reply.error_word);
    run_count_call(w, r->command, took, failed);
    /* The cheapest bound that no threshold can be below without being asked for. */
    if (UNLIKELY(took >= w->slow_ticks)) note_slow(c, r, took);
}

/* ---- one slice ---- */

enum route_result run_single(struct worker *w, struct request *r, struct call *call, uint64_t *ticks) {
    struct batch *b = &w->batch;
    struct slice *s = r->key.slice;
    call->keys = &r->key;
    call->key_count = 1;
    if (b->held != s || b->held_commands >= HELD_COMMANDS_MAX || *ticks - b->held_since > w->hold_ticks_max) {
        route_let_go(w);
        if (UNLIKELY(!hold_try(&s->hold, &w->thread))) {
            count_add(&w->statistics.holds_refused, 1);
            if (!hold_park(&s->hold, &w->thread)) return park(w, r->client, s);
        }
        b->held = s;
        b->held_since = *ticks;
    }
    if (UNLIKELY(s->interests_count) && (r->command->flags & CMD_WRITE)) {
        route_let_go(w);
        return run_set(w, r, call, ticks); /* whoever waits for the key may need more slices */
    }
    b->held_commands++;
    if (r->command->member && r >= &b->requests[b->foreseen]) foresee(w, r);
    call->member_hash = r->member_hash;
    if (run_is_paused(r->client, r->command->flags, s->switches)) return run_wait_for_pause(w, r->client);
    if (UNLIKELY(run_waits_for_snapshot(call, call->command->flags))) return run_wait_for_pause(w, r->client);
    count_add(&s->counters.ops, 1);
    if (s->owner != w->thread.index) count_add(&s->counters.visits, 1);
    call->logs = s->switches & SWITCH_LOGGING;
    run_handler(w, r, call, ticks);
    if (UNLIKELY(call->logs)) {
        oplog_publish_in(&w->thread, s, false);
        if (s->last_ticket > r->client->saw_ticket) r->client->saw_ticket = s->last_ticket;
    }
    return ROUTE_DONE;
}

/* ---- several slices ---- */

void run_add_slices(uint64_t *wanted, const struct key *keys, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        unsigned index = keys[i].slice->index;
        wanted[index / 64] |= (uint64_t)1 << (index % 64);
    }
}

void run_add_all_slices(uint64_t *wanted) {
    for (unsigned i = 0; i < slices.count; i++) wanted[i / 64] |= (uint64_t)1 << (i % 64);
}

bool run_wants_nothing(const uint64_t *wanted) {
    for (unsigned word = 0; word < (slices.count + 63) / 64; word++)
        if (wanted[word]) return false;
    return true;
}

struct run_holds run_collect_holds(struct worker *w, const uint64_t *wanted) {
    struct run_holds held = {.holds = w->scratch.holds};
    for (unsigned word = 0; word < (slices.count + 63) / 64; word++)
        for (uint64_t bits = wanted[word]; bits; bits &= bits - 1)
            held.holds[held.count++] = &slices.all[word * 64 + (unsigned)__builtin_ctzll(bits)].hold;
    return held;
}

bool run_take(struct worker *w, struct client *c, uint64_t *wanted, const struct blocked_outlook *writes,
              struct run_holds *held) {
    for (int widenings = 0;; widenings++) {
        *held = run_collect_holds(w, wanted);
        if (UNLIKELY(!hold_take_set(held->holds, held->count, &w->thread, &c->passes))) {
            count_add(&w->statistics.holds_refused, 1);
            park(w, c, NULL);
            return false;
        }
        if (!writes || held->count == slices.count) return true;
        if (!blocked_want_more(&w->thread, writes, wanted)) return true;
        hold_release_set(held->holds, held->count, &w->thread);
        if (widenings == WIDENINGS_MAX) run_add_all_slices(wanted);
    }
}

uint32_t run_switches(const struct run_holds *held) {
    ASSERT(held->count > 0);
    return slice_of_hold(held->holds[0])->switches;
}

void run_count_slices(struct worker *w, const struct run_holds *held) {
    for (unsigned i = 0; i < held->count; i++) {
        struct slice *s = slice_of_hold(held->holds[i]);
        count_add(&s->counters.ops, 1);
        if (s->owner != w->thread.index) count_add(&s->counters.visits, 1);
    }
}

void run_let_go(struct worker *w, struct client *c, const struct run_holds *held) {
    uint64_t ticket = propagate_publish(&w->thread, held->holds, held->count);
    if (UNLIKELY(ticket > c->saw_ticket)) c->saw_ticket = ticket;
    if (UNLIKELY(w->served != NULL)) blocked_tell(w, ticket);
    hold_release_set(held->holds, held->count, &w->thread);
}

static void prefetch_keys(struct client *c, const struct call *call) {
    for (unsigned i = 0; i < call->key_count; i++)
        prefetch_bucket(call->keys[i].slice, c->database, call->keys[i].hash);
    for (unsigned i = 0; i < call->key_count; i++)
        prefetch_entry(call->keys[i].slice, c->database, call->keys[i].hash);
}

bool run_find_keys(struct worker *w, struct request *r, struct call *call) {
    struct scratch *scratch = &w->scratch;
    if (r->has_key) {
        call->keys = &r->key;
        call->key_count = 1;
        return true;
    }
    if (scratch->keys_capacity < r->argc) {
        scratch->keys_capacity = r->argc + FEW_KEYS;
        scratch->keys = mem_realloc(scratch->keys, scratch->keys_capacity * sizeof *scratch->keys);
        scratch->positions =
            mem_realloc(scratch->positions, scratch->keys_capacity * sizeof *scratch->positions);
    }
    int n = command_find_keys(r->command, r->argv, r->argc, scratch->positions, NULL, r->argc);
    if (n <= 0) return false;
    call->keys = scratch->keys;
    call->key_count = (unsigned)n;
    for (int i = 0; i < n; i++) call->keys[i] = call_key(call, scratch->positions[i]);
    return true;
}

/* One command of a million keys does not set aside room for a million for ever. */
void run_trim(struct worker *w) {
    struct scratch *scratch = &w->scratch;
    if (LIKELY(scratch->keys_capacity <= SCRATCH_KEYS_KEPT)) return;
    mem_free(scratch->keys);
    mem_free(scratch->positions);
    scratch->keys = NULL;
    scratch->positions = NULL;
    scratch->keys_capacity = 0;
}

/* How many elements the call may put into a list: one per argument, unless it brings whole lists along. */
static unsigned elements_at_most(const struct call *call) {
    bool only_lists = (call->command->categories & (ACL_LIST | ACL_SET)) == ACL_LIST; /* not SORT */
    return only_lists ? call->argc : UINT_MAX;
}

enum route_result run_set(struct worker *w, struct request *r, struct call *call, uint64_t *ticks) {
    struct client *c = r->client;
    uint64_t *wanted = w->scratch.wanted;
    struct run_holds held;
    struct blocked_outlook writes = {call->keys, call->key_count, c->database, elements_at_most(call)};
    memset(wanted, 0, sizeof w->scratch.wanted);
    if (command_wants_all(r->command, r->argv, r->argc))
        run_add_all_slices(wanted);
    else
        run_add_slices(wanted, call->keys, call->key_count);
    prefetch_keys(c, call);
    if (!run_take(w, c, wanted, r->command->flags & CMD_WRITE ? &writes : NULL, &held)) return ROUTE_WAITS;
    if (run_is_paused(c, r->command->flags, run_switches(&held))) {
        run_let_go(w, c, &held);
        return run_wait_for_pause(w, c);
    }
    if (UNLIKELY(run_waits_for_snapshot(call, r->command->flags))) {
        run_let_go(w, c, &held);
        return run_wait_for_pause(w, c);
    }
    run_count_slices(w, &held);
    call->logs = run_switches(&held) & SWITCH_LOGGING;
    run_handler(w, r, call, ticks);
    if (UNLIKELY(call->visit.ready != NULL)) blocked_serve(w, &call->visit);
    run_let_go(w, c, &held);
    return ROUTE_DONE;
}

/* ---- none ---- */

enum route_result run_free(struct worker *w, struct request *r, struct call *call, uint64_t *ticks) {
    if (run_is_paused(r->client, r->command->flags, pause_switches()))
        return run_wait_for_pause(w, r->client);
    for (int i = 0; i < AGAIN_MAX; i++) {
        call->outcome = CALL_DONE;
        call->visit.now_ms = 0;
        run_handler(w, r, call, ticks);
        ASSERT(!call->visit.ready);
        if (UNLIKELY(call->outcome == CALL_LATER)) return run_wait_for_pause(w, r->client);
        if (LIKELY(call->outcome != CALL_AGAIN)) return ROUTE_DONE;
        ASSERT(w->thread.holds_held == 0);
        if (!hold_park(&call->refused->hold, &w->thread)) return park(w, r->client, call->refused);
        hold_release(&call->refused->hold, &w->thread);
    }
    thread_wake(&w->thread, &w->thread); /* come back in the next turn */
    return park(w, r->client, NULL);
}
