/* client.c: the life of a connection: made, received from, waiting, closed, freed: see client.h.
 *
 * Closing is in three steps, because the kernel may still be using what a request refers to: client_close
 * ends the session and cancels the requests; the last completion (in_flight == 0) puts the client on the
 * worker's closed list; the end of the turn, when no batch or list refers to it any more, frees it.
 */
#include "server/client.h"

#include "server/blocked.h"
#include "server/config.h"
#include "server/monitor.h"
#include "server/output.h"
#include "server/pubsub.h"
#include "server/registry.h"
#include "server/replication.h"
#include "server/resp.h"
#include "server/transaction.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"

#include <string.h>

enum { SLOTS_AT_FIRST = 64 };

static _Atomic uint64_t next_id = 1;

uint64_t client_new_id(void) {
    return atomic_fetch_add_explicit(&next_id, 1, memory_order_relaxed);
}

static void grow_slots(struct worker *w) {
    uint32_t old = w->clients_capacity, capacity = old ? old * 2 : SLOTS_AT_FIRST;
    w->clients = mem_realloc(w->clients, capacity * sizeof(struct client *));
    w->generations = mem_realloc(w->generations, capacity * sizeof *w->generations);
    w->free_slots = mem_realloc(w->free_slots, capacity * sizeof *w->free_slots);
    for (uint32_t i = capacity; i-- > old;) {
        w->clients[i] = NULL;
        w->generations[i] = 0;
        w->free_slots[w->free_count++] = i;
    }
    w->clients_capacity = capacity;
}

struct client *client_create(struct worker *w, const struct client_origin *origin) {
    if (!w->free_count) grow_slots(w);
    struct client *c = mem_zalloc(sizeof *c);
    c->slot = w->free_slots[--w->free_count];
    c->generation = w->generations[c->slot];
    c->fd = origin->fd;
    c->worker = w;
    c->id = client_new_id();
    c->created_ms = w->thread.turn_unix_ms;
    atomic_store_explicit(&c->active_ms, c->created_ms, memory_order_relaxed);
    memcpy(c->peer, origin->peer, sizeof c->peer);
    memcpy(c->local, origin->local, sizeof c->local);
    reply_init(&c->reply, &w->reply_pool);
    atomic_store_explicit(&c->queued, -1, memory_order_relaxed);
    if (origin->unix_socket) client_set(c, CLIENT_UNIX_SOCKET);
    if (!config_get()->requirepass || !*config_get()->requirepass) client_set(c, CLIENT_AUTHENTICATED);
    w->clients[c->slot] = c;
    registry_add(w, c);
    client_start_receiving(w, c);
    count_add(&w->statistics.connections_received, 1);
    return c;
}

struct client *client_of_tag(struct worker *w, uint64_t tag) {
    uint32_t slot = (uint32_t)tag, generation = (uint32_t)(tag >> 32) & 0xffffff;
    if (slot >= w->clients_capacity || (w->generations[slot] & 0xffffff) != generation) return NULL;
    return w->clients[slot];
}

void client_start_receiving(struct worker *w, struct client *c) {
    ASSERT(!c->receiving);
    c->receiving = true;
    c->in_flight++;
    ring_receive(w->thread.ring, c->fd, tag_make(TAG_RECEIVE, c->generation, c->slot));
}

void client_stop_receiving(struct worker *w, struct client *c) {
    if (!c->receiving) return;
    ring_cancel(w->thread.ring, tag_make(TAG_RECEIVE, c->generation, c->slot), tag_make(TAG_NOTHING, 0, 0));
}

static void list_remove(struct client_list *list, struct client *c) {
    *(c->wait_prev ? &c->wait_prev->wait_next : &list->first) = c->wait_next;
    *(c->wait_next ? &c->wait_next->wait_prev : &list->last) = c->wait_prev;
    c->wait_prev = c->wait_next = NULL;
}

static void list_append(struct client_list *list, struct client *c) {
    c->wait_prev = list->last;
    *(list->last ? &list->last->wait_next : &list->first) = c;
    list->last = c;
}

static struct client_list *list_of(struct worker *w, enum client_wait why) {
    return why == WAIT_SLICE ? &w->parked : why == WAIT_PAUSE ? &w->paused : NULL;
}

void client_wait_in(struct worker *w, struct client *c, enum client_wait why) {
    ASSERT(c->wait == WAIT_NOTHING && why != WAIT_NOTHING);
    c->wait = why;
    if (why != WAIT_SLICE) client_set(c, CLIENT_BLOCKED);
    if (why == WAIT_BLOCKED) count_add(&w->statistics.clients_blocked, 1);
    if (list_of(w, why)) list_append(list_of(w, why), c);
}

void client_wait_over(struct worker *w, struct client *c) {
    if (list_of(w, c->wait)) list_remove(list_of(w, c->wait), c);
    if (client_has(c, CLIENT_BLOCKED)) client_unset(c, CLIENT_BLOCKED);
    if (c->wait == WAIT_BLOCKED) count_add(&w->statistics.clients_blocked, (uint64_t)-1);
    c->wait = WAIT_NOTHING;
    c->parked_on = NULL;
}

static void to_grave(struct worker *w, struct client *c) {
    c->wait_next = w->closed;
    w->closed = c;
}

void client_close(struct worker *w, struct client *c) {
    if (client_has(c, CLIENT_CLOSING)) return;
    client_set(c, CLIENT_CLOSING);
    registry_remove(w, c);
    blocked_forget(w, c);
    client_wait_over(w, c);
    hold_forgo(&w->thread, &c->passes);
    if (client_has(c, CLIENT_MONITOR)) monitor_remove(c);
    if (client_has(c, CLIENT_PUBSUB)) pubsub_unsubscribe_all(c);
    atomic_fetch_sub_explicit(&w->connections, 1, memory_order_relaxed);
    client_stop_receiving(w, c);
    if (c->sending)
        ring_cancel(w->thread.ring, tag_make(TAG_SEND, c->generation, c->slot), tag_make(TAG_NOTHING, 0, 0));
    log_verbose("Client closed connection id=%llu addr=%s", (unsigned long long)c->id, c->peer);
    if (c->in_flight == 0) to_grave(w, c);
}

void client_request_over(struct worker *w, struct client *c) {
    ASSERT(c->in_flight > 0);
    if (--c->in_flight == 0 && client_has(c, CLIENT_CLOSING)) to_grave(w, c);
}

static void bury(struct worker *w, struct client *c) {
    ASSERT(c->in_flight == 0 && !c->in_batch && !c->dirty);
    if (UNLIKELY(c->hands_over))
        replication_take_over(w, c);
    else
        ring_close_fd(w->thread.ring, c->fd, tag_make(TAG_NOTHING, 0, 0));
    mem_free(c->replica);
    output_drop(c);
    reply_clear(&c->reply);
    resp_partial_free(c->partial);
    resp_partial_free(c->waiting);
    transaction_end(c);
    transaction_unwatch(w, c);
    buf_free(&c->raw);
    mem_free(c->name);
    mem_free(c->library_name);
    mem_free(c->library_version);
    w->clients[c->slot] = NULL;
    w->generations[c->slot]++;
    w->free_slots[w->free_count++] = c->slot;
    mem_free(c);
}

void clients_bury(struct worker *w) {
    while (w->closed) {
        struct client *c = w->closed;
        w->closed = c->wait_next;
        bury(w, c);
    }
}

void client_close_after_reply(struct worker *w, struct client *c) {
    client_set(c, CLIENT_CLOSE_AFTER_REPLY);
    client_has_output(w, c);
}
