/* deliver.c: messages with output for clients of other threads: see deliver.h. */
#include "server/deliver.h"

#include "server/output.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"

#include <string.h>

struct delivery {
    struct message message; /* first: a delivery is a message */
    struct deliver_target target;
    size_t n;
    char bytes[];
};

/* Per receiving thread: bytes on their way, and the roles that have missed some. */
static struct {
    _Alignas(CACHE_LINE) _Atomic size_t waiting;
    _Atomic uint32_t missed;
} accounts[THREADS_MAX];

struct deliver_target deliver_target_of(const struct client *c, uint32_t role) {
    ASSERT(role != 0);
    return (struct deliver_target){c->worker->thread.index, c->slot, role, c->id};
}

/* ---- receiving thread ---- */

static void close_role(struct worker *w, uint32_t roles) {
    for (uint32_t i = 0; i < w->clients_capacity; i++) {
        struct client *c = w->clients[i];
        if (!c || !client_has(c, roles) || client_has(c, CLIENT_CLOSING)) continue;
        log_warning("Client id=%llu addr=%s closed: more was to be sent to it than its thread could take in",
                    (unsigned long long)c->id, c->peer);
        count_add(&w->statistics.output_limit_closes, 1);
        client_close(w, c);
    }
}

static struct client *find_target(struct worker *w, const struct deliver_target *target) {
    struct client *c = target->slot < w->clients_capacity ? w->clients[target->slot] : NULL;
    if (!c || c->id != target->id) return NULL;
    uint32_t flags = atomic_load_explicit(&c->flags, memory_order_relaxed);
    bool listens =
        (flags & target->role) == target->role && !(flags & (CLIENT_CLOSING | CLIENT_CLOSE_AFTER_REPLY));
    return listens ? c : NULL;
}

static void receive(struct thread *to, struct message *message) {
    struct worker *w = worker_of(to);
    struct delivery *d = (struct delivery *)message;
    ASSERT(d->target.worker == to->index);
    uint32_t missed = atomic_load(&accounts[to->index].missed);
    if (UNLIKELY(missed != 0)) close_role(w, atomic_exchange(&accounts[to->index].missed, 0));
    struct client *c = find_target(w, &d->target);
    if (c) {
        /* Between two commands `mute` is about the last one's reply. */
        bool mute = c->reply.mute;
        c->reply.mute = client_has(c, CLIENT_REPLY_OFF);
        reply_raw(&c->reply, d->bytes, d->n);
        c->reply.mute = mute;
        if (c->reply.bytes) client_has_output(w, c);
    }
    atomic_fetch_sub(&accounts[to->index].waiting, d->n);
    mem_free(d);
}

/* ---- sending thread ---- */

void deliver_bytes(struct worker *from, const struct deliver_target *target, const void *bytes, size_t n) {
    ASSERT(target->worker < workers_count && target->role != 0);
    size_t before = atomic_fetch_add(&accounts[target->worker].waiting, n);
    /* One message always passes: then there is another one coming that tells the thread of what was
     * missed. */
    if (UNLIKELY(before != 0 && before + n > DELIVER_BYTES_MAX)) {
        atomic_fetch_sub(&accounts[target->worker].waiting, n);
        atomic_fetch_or(&accounts[target->worker].missed, target->role);
        return;
    }
    struct delivery *d = mem_alloc(sizeof *d + n);
    *d = (struct delivery){.message = {.deliver = receive}, .target = *target, .n = n};
    memcpy(d->bytes, bytes, n);
    thread_post(&from->thread, &worker_by_index(target->worker)->thread, &d->message);
}
