/* registry.c: walking and killing clients: see registry.h. */
#include "server/registry.h"

#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/mem.h"

#include <string.h>

enum { STEP_CLIENTS = 64 }; /* looked at under one taking of the lock */

static bool is_marker(const struct client *c) {
    return c->id == 0;
}

/* ---- the list, under the lock ---- */

static void link_after(struct worker *w, struct client *at, struct client *c) {
    c->registry_prev = at;
    c->registry_next = at ? at->registry_next : w->registry_first;
    *(at ? &at->registry_next : &w->registry_first) = c;
    *(c->registry_next ? &c->registry_next->registry_prev : &w->registry_last) = c;
}

static void unlink_client(struct worker *w, struct client *c) {
    *(c->registry_prev ? &c->registry_prev->registry_next : &w->registry_first) = c->registry_next;
    *(c->registry_next ? &c->registry_next->registry_prev : &w->registry_last) = c->registry_prev;
    c->registry_prev = c->registry_next = NULL;
}

void registry_add(struct worker *w, struct client *c) {
    ASSERT(!is_marker(c) && c->worker == w);
    spin_lock(&w->registry_lock);
    link_after(w, w->registry_last, c);
    spin_unlock(&w->registry_lock);
}

void registry_remove(struct worker *w, struct client *c) {
    ASSERT(c->worker == w);
    spin_lock(&w->registry_lock);
    unlink_client(w, c);
    spin_unlock(&w->registry_lock);
}

void registry_set_text(struct client *c, char **text, const char *bytes, size_t n) {
    ASSERT(n <= REGISTRY_TEXT_MAX);
    char *fresh = NULL, *old;
    if (n) {
        fresh = mem_alloc(n + 1);
        memcpy(fresh, bytes, n);
        fresh[n] = 0;
    }
    spin_lock(&c->worker->registry_lock);
    old = *text;
    *text = fresh;
    spin_unlock(&c->worker->registry_lock);
    mem_free(old);
}

/* ---- views ---- */

/* Appends a text with its NUL; returns where it begins. */
static size_t keep(struct buf *b, const char *text) {
    size_t at = b->len;
    buf_append(b, text ? text : "", text ? strlen(text) + 1 : 1);
    return at;
}

void registry_view(struct client *c, struct client_view *view, struct buf *text) {
    *view = (struct client_view){
        .id = c->id,
        .fd = c->fd,
        .flags = atomic_load_explicit(&c->flags, memory_order_relaxed),
        .database = atomic_load_explicit(&c->database, memory_order_relaxed),
        .created_ms = c->created_ms,
        .active_ms = atomic_load_explicit(&c->active_ms, memory_order_relaxed),
        .input_bytes = atomic_load_explicit(&c->input_bytes, memory_order_relaxed),
        .output_bytes = atomic_load_explicit(&c->output_bytes, memory_order_relaxed),
        .queued = atomic_load_explicit(&c->queued, memory_order_relaxed),
        .last_command = atomic_load_explicit(&c->last_command, memory_order_relaxed),
    };
    for (unsigned kind = 0; kind < PUBSUB_KINDS; kind++)
        view->subscriptions[kind] = pubsub_subscriptions(c, (enum pubsub_kind)kind);
    memcpy(view->peer, c->peer, sizeof view->peer);
    memcpy(view->local, c->local, sizeof view->local);
    buf_clear(text);
    size_t name = keep(text, c->name), library_name = keep(text, c->library_name);
    size_t library_version = keep(text, c->library_version);
    view->name = text->data + name;
    view->library_name = text->data + library_name;
    view->library_version = text->data + library_version;
}

/* ---- walking ---- */

void registry_begin(struct registry_cursor *cursor, registry_filter *filter, void *arg) {
    memset(cursor, 0, sizeof *cursor);
    cursor->filter = filter;
    cursor->arg = arg;
    ASSERT(is_marker(&cursor->marker));
}

/* Puts the marker at the head of the worker's list and notes how far the walk is to go. */
static void enter_worker(struct registry_cursor *cursor, struct worker *w) {
    struct client *newest = w->registry_last;
    while (newest && is_marker(newest)) newest = newest->registry_prev;
    cursor->last_id = newest ? newest->id : 0;
    link_after(w, NULL, &cursor->marker);
    cursor->entered = true;
}

static void leave_worker(struct registry_cursor *cursor, struct worker *w) {
    unlink_client(w, &cursor->marker);
    cursor->entered = false;
}

static bool is_wanted(struct registry_cursor *cursor, struct client *c) {
    if (is_marker(c) || client_has(c, CLIENT_KILLED)) return false;
    return !cursor->filter || cursor->filter(cursor->arg, c);
}

/* Under the lock: moves the marker past a few clients. True when the last of them is wanted. */
static bool step(struct registry_cursor *cursor, struct worker *w) {
    struct client *marker = &cursor->marker;
    for (int i = 0; i < STEP_CLIENTS; i++) {
        struct client *c = marker->registry_next;
        if (!c || c->id > cursor->last_id) {
            leave_worker(cursor, w);
            return false;
        }
        unlink_client(w, marker);
        link_after(w, c, marker);
        if (!is_wanted(cursor, c)) continue;
        registry_view(c, &cursor->view, &cursor->text);
        return true;
    }
    return false;
}

bool registry_next(struct registry_cursor *cursor) {
    while (cursor->worker < workers_count) {
        struct worker *w = worker_by_index(cursor->worker);
        spin_lock(&w->registry_lock);
        if (!cursor->entered) enter_worker(cursor, w);
        bool found = step(cursor, w);
        spin_unlock(&w->registry_lock);
        if (found) return true;
        if (!cursor->entered) cursor->worker++;
    }
    return false;
}

void registry_end(struct registry_cursor *cursor) {
    if (cursor->entered) {
        struct worker *w = worker_by_index(cursor->worker);
        spin_lock(&w->registry_lock);
        leave_worker(cursor, w);
        spin_unlock(&w->registry_lock);
    }
    buf_free(&cursor->text);
}

/* ---- killing ---- */

struct kill {
    registry_filter *filter;
    void *arg;
};

/* Whoever sets the flag has killed it: two that kill the same client do not both count it. */
static bool kill_if_wanted(void *arg, struct client *c) {
    struct kill *k = arg;
    if (!k->filter(k->arg, c)) return false;
    return !(atomic_fetch_or(&c->flags, CLIENT_KILLED) & CLIENT_KILLED);
}

size_t registry_kill(struct worker *from, registry_filter *filter, void *arg) {
    struct kill k = {filter, arg};
    struct registry_cursor cursor;
    uint64_t poked[THREADS_MAX / 64] = {0};
    size_t killed = 0;
    registry_begin(&cursor, kill_if_wanted, &k);
    for (; registry_next(&cursor); killed++) poked[cursor.worker / 64] |= (uint64_t)1 << (cursor.worker % 64);
    registry_end(&cursor);
    for (unsigned i = 0; i < workers_count; i++)
        if (poked[i / 64] >> (i % 64) & 1) worker_poke(from, worker_by_index(i));
    return killed;
}
