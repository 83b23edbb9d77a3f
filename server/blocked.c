/* blocked.c: waiters, their claim, their deadlines: see blocked.h.
 *
 * Deadlines stand in a binary heap per worker. A waiter is freed when two things have happened: its wait is
 * over as its own thread knows (timed out, or the message with its reply has come), and it has been taken
 * out of all lists. So its memory is there as long as any thread may find it under a hold.
 */
#include "server/blocked.h"

#include "server/broken.h"
#include "server/errorstats.h"
#include "server/output.h"
#include "server/propagate.h"
#include "server/resp.h"
#include "server/run.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"
#include "shard/rt/clock.h"
#include "shard/store/interest.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum {
    LOOKED_AT_MAX = 256, /* waiters of one key, before a write: beyond, it takes all slices */
    FORESEEN_MAX = 64,   /* keys that elements may be moved on to because of one key */
    LEAVE_RETRY_NS = 1000000,
    HEAP_AT_FIRST = 16,
    NOT_IN_HEAP = -1,
};

enum waiter_state { WAITER_WAITS, WAITER_CLAIMED };

struct waiter {
    struct interest_set set; /* first: a waiter is left and freed as its set */
    struct message message;  /* to the client's thread, once another has claimed it */
    _Atomic int state;
    struct worker *worker;
    uint32_t slot;
    uint64_t client_id;
    struct command *command;
    struct resp_partial *partial; /* its arguments */
    struct key *keys;
    unsigned key_count, database;
    struct blocking how;
    uint64_t deadline_ns; /* monotonic; 0: none */
    int heap_at;
    struct reply reply;           /* what is to be told to the client */
    struct reply_pool reply_pool; /* the reply's own: it is filled and emptied on different threads */
    uint64_t ticket;              /* of the last change that the reply tells of */
    struct waiter *served_next;   /* list of those to be told when the command that served them is over */
    bool again;                   /* nothing is to be told: the command is to be run again */
};

static struct waiter *waiter_of_set(struct interest_set *set) {
    return (struct waiter *)set;
}

static struct waiter *waiter_of_message(struct message *message) {
    return (struct waiter *)(void *)((char *)message - offsetof(struct waiter, message));
}

/* Whoever gets true ends the wait. */
static bool claim(struct waiter *waiter) {
    int waits = WAITER_WAITS;
    return atomic_compare_exchange_strong(&waiter->state, &waits, WAITER_CLAIMED);
}

/* ---- deadlines ---- */

static void heap_put(struct deadlines *heap, unsigned at, struct waiter *waiter) {
    heap->waiters[at] = waiter;
    waiter->heap_at = (int)at;
}

static void heap_up(struct deadlines *heap, unsigned at) {
    struct waiter *waiter = heap->waiters[at];
    while (at > 0 && heap->waiters[(at - 1) / 2]->deadline_ns > waiter->deadline_ns) {
        heap_put(heap, at, heap->waiters[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    heap_put(heap, at, waiter);
}

static void heap_down(struct deadlines *heap, unsigned at) {
    struct waiter *waiter = heap->waiters[at];
    for (unsigned child; (child = 2 * at + 1) < heap->count; at = child) {
        if (child + 1 < heap->count &&
            heap->waiters[child + 1]->deadline_ns < heap->waiters[child]->deadline_ns)
            child++;
        if (heap->waiters[child]->deadline_ns >= waiter->deadline_ns) break;
        heap_put(heap, at, heap->waiters[child]);
    }
    heap_put(heap, at, waiter);
}

static void heap_add(struct deadlines *heap, struct waiter *waiter) {
    if (heap->count == heap->capacity) {
        heap->capacity = heap->capacity ? heap->capacity * 2 : HEAP_AT_FIRST;
        heap->waiters = mem_realloc(heap->waiters, heap->capacity * sizeof(struct waiter *));
    }
    heap->waiters[heap->count] = waiter;
    heap_up(heap, heap->count++);
}

static void heap_remove(struct deadlines *heap, struct waiter *waiter) {
    if (waiter->heap_at == NOT_IN_HEAP) return;
    unsigned at = (unsigned)waiter->heap_at;
    ASSERT(at < heap->count && heap->waiters[at] == waiter);
    waiter->heap_at = NOT_IN_HEAP;
    struct waiter *last = heap->waiters[--heap->count];
    if (last == waiter) return;
    heap_put(heap, at, last);
    heap_up(heap, at);
    heap_down(heap, (unsigned)last->heap_at);
}

/* ---- beginning to wait ---- */

bool blocked_timeout(struct call *c, unsigned i, int64_t *timeout_ms) {
    double seconds;
    if (!text_to_double(c->argv[i].data, c->argv[i].len, &seconds)) {
        reply_error(c->reply, "ERR timeout is not a float or out of range");
        return false;
    }
    double ms = ceil(seconds * 1000);
    /* What does not fit comes out negative in Redis, and is called so. */
    if (!(ms >= 0 && ms < (double)INT64_MAX)) {
        reply_error(c->reply, "ERR timeout is negative");
        return false;
    }
    *timeout_ms = (int64_t)ms;
    return true;
}

static struct waiter *waiter_new(struct call *c, const struct blocking *b) {
    struct waiter *waiter = mem_zalloc(sizeof *waiter);
    unsigned argc;
    waiter->set.kind = INTEREST_WAIT;
    waiter->worker = c->worker;
    waiter->slot = c->client->slot;
    waiter->client_id = c->client->id;
    waiter->command = c->command;
    waiter->database = c->visit.database;
    waiter->how = *b;
    waiter->how.protocol = c->reply->protocol;
    waiter->heap_at = NOT_IN_HEAP;
    waiter->partial = resp_partial_copy(c->argv, c->argc);
    struct arg *argv = resp_argv(waiter->partial, &argc);
    waiter->key_count = c->key_count;
    waiter->keys = mem_alloc(c->key_count * sizeof *waiter->keys);
    for (unsigned i = 0; i < c->key_count; i++) {
        waiter->keys[i] = c->keys[i];
        for (unsigned a = 1; a < argc; a++) /* the same bytes in the copy */
            if (c->argv[a].data == c->keys[i].data) waiter->keys[i].data = argv[a].data;
    }
    return waiter;
}

static uint64_t deadline_in(int64_t timeout_ms) {
    uint64_t now_ns = clock_mono_ns(), ms = (uint64_t)timeout_ms;
    return ms < (UINT64_MAX - now_ns) / 1000000 ? now_ns + ms * 1000000 : UINT64_MAX - 1;
}

void blocked_wait(struct call *c, const struct blocking *b) {
    struct client *client = c->client;
    ASSERT(!c->in_exec && !client->waiter && b->keys > 0);
    ASSERT(b->keys + b->moves <= c->key_count);
    struct waiter *waiter = waiter_new(c, b);
    for (unsigned i = 0; i < b->keys; i++) {
        const struct key *k = &waiter->keys[i];
        interest_add(&waiter->set, k->slice, waiter->database, k->data, k->len, k->hash, i);
    }
    if (b->timeout_ms > 0) {
        waiter->deadline_ns =
            client->first_deadline_ns ? client->first_deadline_ns : deadline_in(b->timeout_ms);
        heap_add(&c->worker->deadlines, waiter);
    }
    spin_lock(&c->worker->registry_lock);
    client->waiter = waiter;
    spin_unlock(&c->worker->registry_lock);
    c->outcome = CALL_BLOCKED;
}

/* ---- the end of a wait, on the client's thread ---- */

static void detach(struct worker *w, struct client *c) {
    spin_lock(&w->registry_lock);
    c->waiter = NULL;
    spin_unlock(&w->registry_lock);
}

/* The wait is over and nobody else will look at the waiter but through its links. */
static void retire(struct worker *w, struct waiter *waiter) {
    heap_remove(&w->deadlines, waiter);
    reply_clear(&waiter->reply);
    reply_pool_empty(&waiter->reply_pool);
    blocked_leave(w, &waiter->set);
}

/* Nobody can come across it any more. */
static void bury(struct interest_set *set) {
    if (set->kind == INTEREST_WAIT) {
        struct waiter *waiter = waiter_of_set(set);
        resp_partial_free(waiter->partial);
        mem_free(waiter->keys);
    }
    mem_free(set);
}

/* The client has been told: what it sent meanwhile runs in the worker's next look at those that were
 * woken. */
static void resume(struct worker *w, struct client *c, struct waiter *waiter) {
    detach(w, c);
    client_wait_over(w, c);
    if (waiter->again) {
        ASSERT(!c->waiting);
        /* A copy: who looks at the waiter under a hold may still be reading its keys. */
        unsigned argc;
        struct arg *argv = resp_argv(waiter->partial, &argc);
        c->waiting = resp_partial_copy(argv, argc);
        c->first_deadline_ns = waiter->deadline_ns;
    } else {
        bool failed = waiter->reply.errors != 0;
        if (failed) {
            errorstats_note(waiter->reply.error_word);
            count_add(&w->statistics.errors, 1);
        }
        if (waiter->ticket > c->saw_ticket) c->saw_ticket = waiter->ticket;
        run_count_call(w, waiter->command, 0, failed);
        reply_move(&c->reply, &waiter->reply);
        run_shift_mute(c);
        client_has_output(w, c);
    }
    client_wait_in(w, c, WAIT_SLICE);
    thread_wake(&w->thread, &w->thread);
}

/* The message of whoever claimed the waiter. */
static void deliver(struct thread *to, struct message *message) {
    struct worker *w = worker_of(to);
    struct waiter *waiter = waiter_of_message(message);
    ASSERT(waiter->worker == w);
    struct client *c = waiter->slot < w->clients_capacity ? w->clients[waiter->slot] : NULL;
    if (c && c->id == waiter->client_id && c->waiter == waiter) resume(w, c, waiter);
    retire(w, waiter);
}

static void time_out(struct worker *w, struct waiter *waiter) {
    struct client *c = w->clients[waiter->slot];
    if (!claim(waiter)) return; /* its message is on the way */
    ASSERT(c && c->waiter == waiter);
    reply_init(&waiter->reply, &waiter->reply_pool);
    waiter->reply.protocol = waiter->how.protocol;
    reply_null_array(&waiter->reply);
    resume(w, c, waiter);
    retire(w, waiter);
}

void blocked_forget(struct worker *w, struct client *c) {
    struct waiter *waiter = c->waiter;
    if (!waiter) return;
    detach(w, c);
    if (claim(waiter)) retire(w, waiter);
}

/* ---- upkeep ---- */

void blocked_leave(struct worker *w, struct interest_set *set) {
    if (interest_leave(set, &w->thread)) {
        bury(set);
        return;
    }
    set->next = w->leaving;
    w->leaving = set;
}

static void leave_some(struct worker *w) {
    struct interest_set *set = w->leaving;
    w->leaving = NULL;
    while (set) {
        struct interest_set *next = set->next;
        blocked_leave(w, set);
        set = next;
    }
}

void blocked_upkeep(struct worker *w) {
    struct deadlines *heap = &w->deadlines;
    if (UNLIKELY(w->leaving != NULL)) leave_some(w);
    if (LIKELY(!heap->count)) return;
    uint64_t now_ns = clock_mono_ns();
    while (heap->count && heap->waiters[0]->deadline_ns <= now_ns) {
        struct waiter *waiter = heap->waiters[0];
        heap_remove(heap, waiter);
        time_out(w, waiter);
    }
}

uint64_t blocked_wait_ns(const struct worker *w) {
    uint64_t wait_ns = w->leaving ? LEAVE_RETRY_NS : UINT64_MAX;
    if (!w->deadlines.count) return wait_ns;
    uint64_t now_ns = clock_mono_ns(), first_ns = w->deadlines.waiters[0]->deadline_ns;
    uint64_t until_ns = first_ns > now_ns ? first_ns - now_ns : 0;
    return until_ns < wait_ns ? until_ns : wait_ns;
}

/* ---- serving, on the writer's thread ---- */

static void post(struct worker *from, struct waiter *waiter) {
    waiter->message.deliver = deliver;
    thread_post(&from->thread, &waiter->worker->thread, &waiter->message);
}

/* Does the waiting command's work for key i on its behalf. */
static void serve(struct worker *w, struct visit *v, struct waiter *waiter, unsigned i) {
    unsigned argc;
    struct call call;
    memset(&call, 0, sizeof call);
    call.worker = w;
    call.command = waiter->command;
    call.argv = resp_argv(waiter->partial, &argc);
    call.argc = argc;
    call.keys = waiter->keys;
    call.key_count = waiter->key_count;
    call.reply = &waiter->reply;
    call.logs = waiter->keys[i].slice->switches & SWITCH_LOGGING;
    call.visit = (struct visit){.thread = v->thread,
                                .database = waiter->database,
                                .now_ms = v->now_ms,
                                .follows = v->follows,
                                .writes = true};
    reply_init(&waiter->reply, &waiter->reply_pool);
    waiter->reply.protocol = waiter->how.protocol;
    waiter->how.serve(&call, i);
    ASSERT(call.outcome == CALL_DONE);
    if (broken_lose()) {
        reply_clear(&waiter->reply);
        reply_null_array(&waiter->reply);
    }
    propagate_finish(&call);
    /* What it moved elsewhere may be waited for in its turn. */
    while (call.visit.ready) {
        struct interest *ready = call.visit.ready;
        call.visit.ready = ready->ready_next;
        ready->is_ready = false;
        interest_note_ready(ready, &v->ready);
    }
}

static bool holds_destination(const struct worker *w, const struct waiter *waiter) {
    return !waiter->how.moves || hold_is_mine(&waiter->keys[waiter->how.keys].slice->hold, &w->thread);
}

static void serve_key(struct worker *w, struct visit *v, struct interest *i) {
    struct key key = {.data = i->key, .len = i->len, .hash = i->hash, .slice = i->slice};
    struct visit look = {
        .thread = v->thread, .database = i->database, .now_ms = v->now_ms, .follows = v->follows};
    ASSERT(hold_is_mine(&i->slice->hold, &w->thread));
    bool backwards = broken_order();
    struct interest_list *line = &i->lists[INTEREST_WAIT];
    for (struct interest_node *n = backwards ? line->last : line->first; n;
         n = backwards ? n->prev : n->next) {
        struct waiter *waiter = waiter_of_set(n->set);
        if (atomic_load_explicit(&waiter->state, memory_order_relaxed) != WAITER_WAITS) continue;
        struct entry **at = keyspace_find(&look, &key, KEYSPACE_PEEK);
        if (!at) return;
        if (entry_type(*at) != waiter->how.type || !claim(waiter)) continue;
        if (holds_destination(w, waiter))
            serve(w, v, waiter, n->tag);
        else
            waiter->again = true;
        waiter->served_next = w->served;
        w->served = waiter;
    }
}

void blocked_tell(struct worker *w, uint64_t ticket) {
    while (w->served) {
        struct waiter *waiter = w->served;
        w->served = waiter->served_next;
        waiter->ticket = ticket;
        post(w, waiter);
    }
}

void blocked_serve(struct worker *w, struct visit *v) {
    struct interest *i;
    while ((i = interest_take_ready(&v->ready))) {
        serve_key(w, v, i);
        interest_looked_at(i);
    }
}

/* ---- foresight, on the writer's thread ---- */

/* Keys that may come to hold something, still to be looked at. */
struct foresight {
    const struct thread *me;
    uint64_t *wanted;
    unsigned database, count;
    const struct key *keys[FORESEEN_MAX];
    unsigned most[FORESEEN_MAX]; /* elements that may come to each */
};

/* False: there are too many to look at. */
static bool foresee_key(struct foresight *f, const struct key *key, unsigned most) {
    if (f->count == FORESEEN_MAX) return false;
    f->keys[f->count] = key;
    f->most[f->count++] = most;
    return true;
}

/* Those who would be served by the coming of the key: where they move elements to is wanted, and foreseen in its turn. False: too
 * many. */
static bool foresee_waiters(struct foresight *f, const struct key *key, unsigned most) {
    if (!hold_is_mine(&key->slice->hold, f->me)) return true; /* the next time, when it is held */
    const struct interest *i = interest_find(key->slice, f->database, key->data, key->len, key->hash);
    unsigned served = 0, looked_at = 0;
    for (struct interest_node *n = i ? i->lists[INTEREST_WAIT].first : NULL; n && served < most;
         n = n->next) {
        const struct waiter *waiter = waiter_of_set(n->set);
        if (++looked_at > LOOKED_AT_MAX) return false;
        if (atomic_load_explicit(&waiter->state, memory_order_relaxed) != WAITER_WAITS) continue;
        served++;
        if (!waiter->how.moves) continue;
        const struct key *to = &waiter->keys[waiter->how.keys];
        f->wanted[to->slice->index / 64] |= (uint64_t)1 << (to->slice->index % 64);
        if (!foresee_key(f, to, most)) return false;
    }
    return true;
}

static bool foresee_all(struct foresight *f, const struct blocked_outlook *outlook) {
    for (unsigned k = 0; k < outlook->count; k++) {
        if (!foresee_waiters(f, &outlook->keys[k], outlook->most)) return false;
        for (unsigned i = 0; i < f->count; i++)
            if (!foresee_waiters(f, f->keys[i], f->most[i])) return false;
        f->count = 0;
    }
    return true;
}

static bool has_interests(const struct blocked_outlook *outlook) {
    for (unsigned k = 0; k < outlook->count; k++)
        if (UNLIKELY(outlook->keys[k].slice->interests_count)) return true;
    return false;
}

bool blocked_want_more(const struct thread *me, const struct blocked_outlook *outlook, uint64_t *wanted) {
    uint64_t before[SLICES_MAX / 64];
    if (!has_interests(outlook)) return false;
    struct foresight f = {.me = me, .wanted = wanted, .database = outlook->database};
    size_t bytes = (slices.count + 63) / 64 * sizeof *wanted;
    memcpy(before, wanted, bytes);
    if (!foresee_all(&f, outlook)) run_add_all_slices(wanted);
    return memcmp(before, wanted, bytes) != 0;
}

static bool has_mover(const struct interest *i) {
    for (struct interest_node *n = i ? i->lists[INTEREST_WAIT].first : NULL; n; n = n->next)
        if (waiter_of_set(n->set)->how.moves) return true;
    return false;
}

bool blocked_has_movers(const struct key *keys, unsigned count) {
    for (unsigned k = 0; k < count; k++) {
        if (LIKELY(!keys[k].slice->interests_count)) continue;
        for (unsigned database = 0; database < slices.databases; database++)
            if (has_mover(interest_find(keys[k].slice, database, keys[k].data, keys[k].len, keys[k].hash)))
                return true;
    }
    return false;
}

static bool end_wait(struct worker *from, struct client *c, const char *error) {
    struct waiter *waiter = c->waiter;
    if (!waiter || !claim(waiter)) return false;
    reply_init(&waiter->reply, &waiter->reply_pool);
    waiter->reply.protocol = waiter->how.protocol;
    if (error)
        reply_error(&waiter->reply, error);
    else
        reply_null_array(&waiter->reply);
    post(from, waiter);
    return true;
}

bool blocked_unblock(struct worker *from, struct client *c, bool error) {
    return end_wait(from, c, error ? "UNBLOCKED client unblocked via CLIENT UNBLOCK" : NULL);
}

static void deliver_release(struct thread *to, struct message *message) {
    struct worker *w = worker_of(to);
    for (uint32_t i = 0; i < w->clients_capacity; i++) {
        struct client *c = w->clients[i];
        if (c && c->waiter &&
            end_wait(w, c,
                     "UNBLOCKED force unblock from blocking operation, instance state changed (master -> "
                     "replica?)"))
            client_set(c, CLIENT_CLOSE_AFTER_REPLY);
    }
    mem_free(message);
}

void blocked_release_all(struct thread *from) {
    for (unsigned i = 0; i < workers_count; i++) {
        struct message *message = mem_zalloc(sizeof *message);
        message->deliver = deliver_release;
        thread_post(from, &worker_by_index(i)->thread, message);
    }
}
