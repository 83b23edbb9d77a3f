/* transaction.c: see transaction.h. */
#include "server/transaction.h"

#include "server/blocked.h"
#include "server/command_keys.h"
#include "server/resp.h"
#include "server/run.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/store/interest.h"

#include <string.h>

enum { QUEUED_AT_FIRST = 8 };
enum { WAS_ABSENT, WAS_THERE }; /* what a watch remembers of its key: the tag of its node */

static void publish_count(struct client *c, int32_t count) {
    atomic_store_explicit(&c->queued, count, memory_order_relaxed);
}

void transaction_begin(struct client *c) {
    ASSERT(!c->transaction);
    c->transaction = mem_zalloc(sizeof *c->transaction);
    c->transaction->common = UINT32_MAX;
    client_set(c, CLIENT_MULTI);
    publish_count(c, 0);
}

void transaction_end(struct client *c) {
    struct transaction *t = c->transaction;
    if (!t) return;
    for (unsigned i = 0; i < t->count; i++) {
        resp_partial_free(t->queued[i].partial);
        mem_free(t->queued[i].keys);
    }
    mem_free(t->queued);
    mem_free(t);
    c->transaction = NULL;
    client_unset(c, CLIENT_MULTI);
    publish_count(c, -1);
}

/* The keys of a queued command, in memory of its own. */
static void keep_keys(struct worker *w, struct request *r, struct call *call, struct queued *q) {
    r->has_key = false; /* what it says lies in the receive buffer */
    r->argv = call->argv = q->argv;
    if (!run_find_keys(w, r, call)) return;
    q->key_count = call->key_count;
    q->keys = mem_alloc(q->key_count * sizeof *q->keys);
    memcpy(q->keys, call->keys, q->key_count * sizeof *q->keys);
}

void transaction_queue(struct worker *w, struct request *r, struct call *call) {
    struct transaction *t = call->client->transaction;
    if (t->aborted) { /* it will never run */
        reply_simple(call->reply, "QUEUED");
        return;
    }
    if (t->count == t->capacity) {
        t->capacity = t->capacity ? t->capacity * 2 : QUEUED_AT_FIRST;
        t->queued = mem_realloc(t->queued, t->capacity * sizeof *t->queued);
    }
    struct queued *q = &t->queued[t->count++];
    *q = (struct queued){.command = r->command};
    q->partial = r->partial ? r->partial : resp_partial_copy(r->argv, r->argc);
    r->partial = NULL;
    q->argv = resp_argv(q->partial, &q->argc);
    keep_keys(w, r, call, q);
    if ((r->command->flags & CMD_VISITS) || command_wants_all(r->command, q->argv, q->argc))
        t->all_slices = true;
    else
        run_add_slices(t->wanted, q->keys, q->key_count);
    t->flags |= r->command->flags;
    t->common &= r->command->flags;
    t->bytes += resp_partial_bytes(q->partial) + sizeof *q + q->key_count * sizeof *q->keys;
    publish_count(call->client, (int32_t)t->count);
    reply_simple(call->reply, "QUEUED");
}

void transaction_abort(struct client *c) {
    if (c->transaction) c->transaction->aborted = true;
}

void transaction_watch(struct call *call, unsigned i) {
    struct client *c = call->client;
    const struct key *k = &call->keys[i];
    if (!c->watches) {
        c->watches = mem_zalloc(sizeof *c->watches);
        c->watches->kind = INTEREST_WATCH;
    }
    unsigned tag = keyspace_find(&call->visit, k, KEYSPACE_PEEK) ? WAS_THERE : WAS_ABSENT;
    interest_add(c->watches, k->slice, call->visit.database, k->data, k->len, k->hash, tag);
}

void transaction_unwatch(struct worker *w, struct client *c) {
    struct interest_set *set = c->watches;
    if (!set) return;
    c->watches = NULL;
    blocked_leave(w, set);
}

/* A key that was there when it was watched and is past its time now has changed, whether or not anybody has found out. */
static bool has_gone(struct visit *v, const struct interest_node *n) {
    const struct interest *i = n->interest;
    struct key k = {.data = i->key, .len = i->len, .hash = i->hash, .slice = i->slice};
    v->database = i->database;
    return n->tag == WAS_THERE && !keyspace_find(v, &k, KEYSPACE_PEEK);
}

bool transaction_is_stale(struct client *c) {
    struct visit v = {.thread = &c->worker->thread};
    if (!c->watches) return false;
    for (struct interest_node *n = c->watches->nodes; n; n = n->sibling)
        if (has_gone(&v, n)) return true;
    return atomic_load_explicit(&c->watches->touched, memory_order_relaxed);
}
