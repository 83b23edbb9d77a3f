/* replication.c: see replication.h. */
#include "server/replication.h"

#include "persist/dump.h"
#include "repl/feed.h"
#include "repl/replicas.h"
#include "server/config.h"
#include "server/failover.h"
#include "server/follow.h"
#include "server/pause.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"
#include "shard/rt/socket.h"

#include <string.h>

static struct coordinator *coordinator;

static void follow_configuration(void) {
    const struct config *config = config_get();
    const struct config_output_limit *limit = &config->client_output_buffer_limit[CLIENT_CLASS_REPLICA];
    bool diskless = config->repl_diskless_sync;
    replicas_set(&(struct replicas_settings){
        .backlog_bytes = config->repl_backlog_size,
        .backlog_ttl_s = (uint64_t)config->repl_backlog_ttl,
        .lag_hard_bytes = limit->hard_bytes,
        .lag_soft_bytes = limit->soft_bytes,
        .lag_soft_s = (uint64_t)limit->soft_seconds,
        .spill_bytes_max = config->repl_spill_max_size,
        /* While nobody may write, as when the server is about to end, nothing else is to lengthen the history. */
        .ping_s = pause_switches() ? INT32_MAX : config->repl_ping_replica_period,
        .timeout_s = config->repl_timeout,
        .delay_s = diskless ? config->repl_diskless_sync_delay : 0,
        .period_s = diskless ? config->repl_diskless_sync_period : 0,
        .enough_waiting = (unsigned)config->repl_diskless_sync_max_replicas,
        .compress = config->rdbcompression,
        .checksum = config->rdbchecksum,
    });
}

/* ---- enough replicas ---- */

_Atomic bool replication_refuses_writes;

static void count_replicas(const struct config *config) {
    unsigned wanted = (unsigned)config->min_replicas_to_write;
    bool matters = wanted && config->min_replicas_max_lag && !atomic_load(&follow_is_replica);
    atomic_store(&replication_refuses_writes,
                 matters && replicas_present(config->min_replicas_max_lag) < wanted);
}

static bool apply_minimum(const struct config *before, const struct config *after, char *why) {
    (void)before;
    (void)why;
    count_replicas(after);
    return true;
}

void replication_register_hooks(void) {
    static const struct config_hook hooks[] = {
        {"min-replicas-to-write", apply_minimum}, {"min-replicas-max-lag", apply_minimum}, {NULL, NULL}};
    config_register_hooks(hooks);
}

/* ---- the coordinator's loop ---- */

void replication_start(struct coordinator *c) {
    coordinator = c;
    identity_begin(&c->thread.random);
    follow_configuration();
    count_replicas(config_get());
    follow_begin(c);
}

void replication_describe(struct dump_options *options, struct identity *room) {
    if (!replicas_has_backlog()) return; /* nothing is counted: what is here is no known history's */
    feed_complete();
    replicas_note_offset();
    *room = identity_get();
    options->replication_id = room->id;
    options->replication_offset = room->offset;
    options->replication_database = feed_selected();
}

unsigned replication_level(struct client *c, bool durable) {
    struct replicas_state now = replicas_state();
    if (!c->saw_ticket) return replicas_having(0, durable);
    if (!c->awaits_offset && now.next_ticket > c->saw_ticket) c->awaits_offset = now.offset + 1;
    return c->awaits_offset ? replicas_having(c->awaits_offset - 1, durable) : 0;
}

static _Atomic bool awaiting[THREADS_MAX];

void replication_await(struct worker *w) {
    atomic_store(&awaiting[w->thread.index], true);
}

void replication_turn(struct coordinator *c) {
    failover_turn(c);
    follow_turn();
    replicas_turn(c);
    if (LIKELY(!replicas_have_answered())) return;
    if (UNLIKELY(atomic_load_explicit(&replication_refuses_writes, memory_order_relaxed)))
        count_replicas(config_get());
    for (unsigned i = 0; i < workers_count; i++)
        if (atomic_exchange(&awaiting[i], false)) worker_poke_by(&c->thread, worker_by_index(i));
}

void replication_beat(struct coordinator *c) {
    follow_configuration();
    follow_beat();
    replicas_beat(c);
    count_replicas(config_get());
}

void replication_hand_over(struct worker *w, struct client *c) {
    ASSERT(c->replica && !c->hands_over);
    c->hands_over = true;
    client_close_after_reply(w, c);
}

static void deliver(struct thread *to, struct message *message) {
    struct replica_request *request = (struct replica_request *)message;
    ASSERT(to == &coordinator->thread);
    if (follow_can_be_followed()) {
        replicas_attach(coordinator, request);
        return;
    }
    log_notice("Replica %s is refused: the link to the primary is not online", request->peer);
    socket_refuse(request->fd, "-NOMASTERLINK Can't SYNC while not connected with my master\r\n");
    mem_free(request);
}

void replication_take_over(struct worker *w, struct client *c) {
    struct replica_request *request = c->replica;
    ASSERT(c->hands_over && request && coordinator);
    c->replica = NULL;
    request->message.deliver = deliver;
    request->fd = c->fd;
    request->client_id = c->id;
    memcpy(request->peer, c->peer, sizeof request->peer);
    memcpy(request->local, c->local, sizeof request->local);
    if (config_get()->repl_disable_tcp_nodelay) socket_set_nodelay(c->fd, false);
    thread_post(&w->thread, &coordinator->thread, &request->message);
}
