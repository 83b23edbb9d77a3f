/* exec.c: EXEC: see exec.h.
 *
 * It takes the slices of all queued commands and of all watched keys, and only when it has them all looks
 * whether a watched key has changed. The commands then run one after the other as if each had its own holds;
 * whoever waits for a key that came to be is served when all of them have run, still under the holds. So
 * nothing can come in between.
 */
#include "server/exec.h"

#include "server/blocked.h"
#include "server/broken.h"
#include "server/pause.h"
#include "server/resp.h"
#include "server/run.h"
#include "server/transaction.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/rt/clock.h"
#include "shard/store/interest.h"

#include <string.h>

static void forget(struct worker *w, struct client *c) {
    transaction_end(c);
    transaction_unwatch(w, c);
}

void exec_refuse(struct worker *w, struct client *c, const char *text) {
    forget(w, c);
    reply_errorf(&c->reply, "EXECABORT Transaction discarded because of: %s", text);
}

static void collect_slices(const struct client *c, uint64_t *wanted) {
    const struct transaction *t = c->transaction;
    memcpy(wanted, t->wanted, sizeof t->wanted);
    if (t->all_slices) run_add_all_slices(wanted);
    for (struct interest_node *n = c->watches ? c->watches->nodes : NULL; n; n = n->sibling) {
        unsigned index = n->interest->slice->index;
        wanted[index / 64] |= (uint64_t)1 << (index % 64);
    }
}

/* Whether clients that wait, and would want further slices, may be served by this. Then it takes all slices:
 * rare enough. */
static bool may_serve_movers(const struct transaction *t) {
    if (!(t->flags & CMD_WRITE)) return false;
    for (unsigned i = 0; i < t->count; i++)
        if (blocked_has_movers(t->queued[i].keys, t->queued[i].key_count)) return true;
    return false;
}

static bool take(struct worker *w, struct client *c, struct run_holds *held) {
    uint64_t *wanted = w->scratch.wanted;
    collect_slices(c, wanted);
    *held = (struct run_holds){0};
    if (run_wants_nothing(wanted)) return true;
    if (!run_take(w, c, wanted, NULL, held)) return false;
    if (held->count == slices.count || !may_serve_movers(c->transaction)) return true;
    run_let_go(w, c, held);
    run_add_all_slices(wanted);
    return run_take(w, c, wanted, NULL, held);
}

/* As run_waits_for_snapshot, for all queued commands. (Those behind a SELECT may find out later: then the value
 * is saved while they run.) */
static bool waits_for_snapshot(const struct client *c, struct visit *v) {
    const struct transaction *t = c->transaction;
    bool wait = false;
    if (LIKELY(!(t->flags & CMD_IN_PLACE) || !atomic_load_explicit(&snap_under_way, memory_order_relaxed)))
        return false;
    for (unsigned i = 0; i < t->count; i++)
        if (t->queued[i].command->flags & CMD_IN_PLACE)
            wait |= run_keys_wait_for_snapshot(v, t->queued[i].keys, t->queued[i].key_count);
    return wait;
}

enum route_result exec_run(struct worker *w, struct request *r, struct call *call, uint64_t *ticks) {
    struct client *c = r->client;
    struct run_holds held = {0};
    ASSERT(c->transaction);
    if (!c->transaction->aborted) {
        if (!take(w, c, &held)) return ROUTE_WAITS;
        uint32_t flags =
            (c->transaction->flags & ~(uint32_t)CMD_LOADING) | (c->transaction->common & CMD_LOADING);
        if (run_is_paused(c, flags, held.count ? run_switches(&held) : pause_switches())) {
            run_let_go(w, c, &held);
            return run_wait_for_pause(w, c);
        }
        if (UNLIKELY(waits_for_snapshot(c, &call->visit))) {
            run_let_go(w, c, &held);
            return run_wait_for_pause(w, c);
        }
        run_count_slices(w, &held);
        call->logs = held.count && (run_switches(&held) & SWITCH_LOGGING);
    }
    run_handler(w, r, call, ticks);
    if (call->visit.ready) blocked_serve(w, &call->visit);
    run_let_go(w, c, &held);
    return ROUTE_DONE;
}

static void run_queued(struct call *exec, struct queued *q) {
    struct client *c = exec->client;
    struct worker *w = exec->worker;
    struct request request = {
        .client = c, .command = q->command, .argv = q->argv, .argc = q->argc, .partial = q->partial};
    uint64_t ticks = clock_ticks();
    struct call call;
    memset(&call, 0, sizeof call);
    call.worker = w;
    call.client = c;
    call.command = q->command;
    call.argv = q->argv;
    call.argc = q->argc;
    call.keys = q->keys;
    call.key_count = q->key_count;
    call.reply = &c->reply;
    call.visit = exec->visit;
    call.visit.database = c->database;
    call.visit.no_touch = client_has(c, CLIENT_NO_TOUCH);
    call.visit.writes = q->command->flags & CMD_WRITE;
    call.blobs = resp_blobs(q->partial);
    call.in_exec = true;
    call.logs = exec->logs;
    atomic_store_explicit(&w->last_command, q->command, memory_order_relaxed);
    run_handler(w, &request, &call, &ticks);
    ASSERT(call.outcome == CALL_DONE);
    exec->visit.now_ms = call.visit.now_ms;
    exec->visit.ready = call.visit.ready;
}

void exec_handle(struct call *call) {
    struct client *c = call->client;
    struct transaction *t = c->transaction;
    uint64_t errors = c->reply.errors;
    if (!t) {
        reply_error(call->reply, "ERR EXEC without MULTI");
    } else if (t->aborted) {
        forget(call->worker, c);
        reply_error(call->reply, "EXECABORT Transaction discarded because of previous errors.");
    } else if (transaction_is_stale(c) && !broken_watch()) {
        forget(call->worker, c);
        reply_null_array(call->reply);
    } else {
        transaction_unwatch(call->worker, c); /* its slices are held: nothing of it is left behind */
        client_unset(c, CLIENT_MULTI);
        reply_array(call->reply, t->count);
        for (unsigned i = 0; i < t->count; i++) {
            run_queued(call, &t->queued[i]);
            broken_between_queued(call->worker);
        }
        call->inner_errors = c->reply.errors - errors;
        transaction_end(c);
    }
}
