/* follow.c: the role, its changes, and what the link tells: see follow.h.
 *
 * Every change of the role waits until the link is off and no batch is on its way, and then happens at a cut. */
#include "server/follow_parts.h"

#include "persist/rdb_skim.h"
#include "repl/feed.h"
#include "repl/replicas.h"
#include "server/aof.h"
#include "server/blocked.h"
#include "server/client.h"
#include "server/config.h"
#include "server/failover.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"
#include "shard/rt/clock.h"
#include "shard/rt/spin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ACK_MS = 1000 };

struct follower follower;
_Atomic bool follow_is_replica, follow_refuses_writes, follow_is_stale, follow_keeps_memory;

/* What all see. */
static struct {
    struct spin lock;
    struct follow_view view;
} seen;
static _Atomic uint64_t requested, finished;

void follow_show(void) {
    struct follow_view view = {.replica = follower.replica,
                               .port = follower.port,
                               .client_id = follower.client_id,
                               .loads = follower.phase == FOLLOW_LOADS,
                               .link = link_view(),
                               .counts = follower.resumable || follower.phase == FOLLOW_IDLE,
                               .refused_empty = follower.refused_empty,
                               .stopped = follower.stopped};
    memcpy(view.host, follower.host, sizeof view.host);
    if (follower.stopped) memcpy(view.link.why, follower.stopped_why, sizeof view.link.why);
    spin_lock(&seen.lock);
    seen.view = view;
    spin_unlock(&seen.lock);
}

struct follow_view follow_view(void) {
    spin_lock(&seen.lock);
    struct follow_view view = seen.view;
    spin_unlock(&seen.lock);
    if (view.counts) view.offset = identity_get().offset;
    return view;
}

bool follow_can_be_followed(void) {
    return !follower.replica || (follower.phase == FOLLOW_IDLE && link_view().state == LINK_ONLINE);
}

/* ---- the switches ---- */

/* At a cut, or before threads start: what all slices and all threads go by. */
static void set_switches(bool replica, const struct config *config) {
    bool readonly = replica && config->replica_read_only;
    for (unsigned i = 0; i < slices.count; i++) {
        uint32_t others = slices.all[i].switches & ~(uint32_t)(SWITCH_REPLICA | SWITCH_READONLY);
        slices.all[i].switches =
            (uint16_t)(others | (replica ? SWITCH_REPLICA : 0) | (readonly ? SWITCH_READONLY : 0));
    }
    follower.readonly = readonly;
    follower.keeps_memory = replica && config->replica_ignore_maxmemory;
    /* Clients may write to it, or did so and what they wrote will expire, or it evicts. */
    feed_set_changes_itself(replica && (!readonly || !follower.keeps_memory || keyspaces_set_here()));
    atomic_store(&follow_is_replica, replica);
    atomic_store(&follow_refuses_writes, readonly);
}

void follow_settings(const struct config *config) {
    bool online = link_view().state == LINK_ONLINE && follower.phase == FOLLOW_IDLE;
    atomic_store(&follow_is_stale, follower.replica && !config->replica_serve_stale_data && !online);
    atomic_store(&follow_keeps_memory, follower.replica && config->replica_ignore_maxmemory);
}

/* Writes that came too late look again, and clients that wait for elements are told. */
void follow_poke_all(struct thread *t) {
    for (unsigned i = 0; i < workers_count; i++) worker_poke_by(t, worker_by_index(i));
}

static void cut_later(void (*run)(struct coordinator *c, struct cut *cut)) {
    ASSERT(!follower.cutting);
    follower.cutting = true;
    follower.cut.run = run;
    coordinator_cut(follower.coordinator, &follower.cut);
}

/* What is left to do when the slices have been let go. */
static void deliver_rest(struct thread *t, struct message *message) {
    (void)message;
    follower.cutting = false;
    follower.rest_of_cut(t);
}

void follow_after_cut(void (*rest)(struct thread *t)) {
    ASSERT(follower.cutting);
    follower.rest_of_cut = rest;
    follower.after.deliver = deliver_rest;
    thread_post(&follower.coordinator->thread, &follower.coordinator->thread, &follower.after);
}

/* ---- what the link tells ---- */

static void stream_comes(void) {
    follow_pump(false);
}

static bool configure(struct link_settings *s) {
    const struct config *config = config_get();
    if (follower.applies || follower.phase != FOLLOW_IDLE || follower.cutting) return false;
    if (clock_unix_ms() < follower.not_before_ms) return false;
    *s = (struct link_settings){.port = follower.port, .timeout_s = config->repl_timeout};
    memcpy(s->host, follower.host, sizeof s->host);
    snprintf(s->user, sizeof s->user, "%s", config->masteruser);
    snprintf(s->password, sizeof s->password, "%s", config->masterauth);
    snprintf(s->announced_host, sizeof s->announced_host, "%s", config->replica_announce_ip);
    snprintf(s->source, sizeof s->source, "%s", config->bind_source_addr);
    s->failover = follower.failover;
    s->announced_port = config->replica_announce_port ? config->replica_announce_port : (int)config->port;
    /* What was not whole comes again. */
    buf_free(&follower.rest);
    follower.needed = 0;
    return true;
}

static bool wants(char id[static REPLICATION_ID_LEN + 1], int64_t *from) {
    struct identity ours = identity_get();
    memcpy(id, ours.id, sizeof ours.id);
    *from = ours.offset + 1;
    return follower.resumable;
}

void follow_go_online(struct thread *t) {
    follower.came_by_link = true;
    follower.refused_empty = false;
    follower.client_id = client_new_id();
    link_go_online();
    follow_settings(config_get());
    follow_acknowledge();
    follow_poke_all(t);
    follow_show();
}

static void go_on_at_cut(struct coordinator *c, struct cut *cut) {
    (void)cut;
    bool renamed = strcmp(identity_get().id, follower.next_id) != 0;
    replicas_begin_backlog(c);
    identity_rename(follower.next_id);
    if (renamed) replicas_drop_all("the history goes on under another id, which it has to be told");
    follow_after_cut(follow_go_online);
}

static void goes_on(const char *id) {
    follower.failover = false;
    failover_taken_over();
    memcpy(follower.next_id, id, sizeof follower.next_id);
    cut_later(go_on_at_cut);
}

static void comes_anew(const char *id, int64_t offset) {
    follower.failover = false;
    failover_taken_over();
    snprintf(follower.next_id, sizeof follower.next_id, "%s", id);
    follower.next_offset = offset;
}

static void dump_is_here(const char *path, uint64_t bytes, const char *whole) {
    snprintf(follower.path, sizeof follower.path, "%s", path);
    follower.dump_bytes = bytes;
    follower.dump_is_empty = whole && rdb_is_empty((const unsigned char *)whole, bytes);
    follower.examined = false;
    follower.phase = FOLLOW_PREPARES;
    log_notice("PRIMARY <-> REPLICA sync: %llu bytes received", (unsigned long long)bytes);
}

static void lost(bool asked) {
    if (asked && follower.failover) failover_refused();
    if (follower.phase == FOLLOW_PREPARES) follower.phase = FOLLOW_IDLE;
    if (follower.applies) atomic_store(&follower.batch.stop, true);
    follow_settings(config_get());
    follow_show();
}

static const struct link_host host = {.configure = configure,
                                      .wants = wants,
                                      .goes_on = goes_on,
                                      .comes_anew = comes_anew,
                                      .dump_is_here = dump_is_here,
                                      .stream_comes = stream_comes,
                                      .lost = lost};

/* ---- the role ---- */

static void start_link(void) {
    char origin[48];
    snprintf(origin, sizeof origin, "%.40s:%d", follower.host, follower.port);
    apply_stream_begin(worker_by_index(0), origin);
    link_start(follower.coordinator, &host);
}

static void role_changed(struct thread *t) {
    struct wish *wish = follower.wish;
    follower.wish = NULL;
    config_note_primary(follower.replica ? follower.host : NULL, follower.port);
    if (follower.replica) {
        blocked_release_all(t);
        start_link();
    }
    follow_settings(config_get());
    follow_poke_all(t);
    follow_show();
    atomic_store(&finished, wish->number);
    mem_free(wish);
    follow_poke_all(t); /* who asked for it is told */
}

static void become_replica(void) {
    follower.durability = (struct durability){.offset = -1};
    if (!follower.replica) {
        feed_complete();
        follower.resumable = replicas_has_backlog();
        if (follower.resumable) replicas_note_offset();
        follower.database = feed_selected();
        feed_set_relayed(true);
    }
    follower.replica = true;
    follower.failover = follower.wish->failover;
    memcpy(follower.host, follower.wish->host, sizeof follower.host);
    follower.port = follower.wish->port;
}

static void become_primary(struct coordinator *c) {
    feed_complete();
    follower.replica = follower.came_by_link = follower.failover = false;
    follower.host[0] = 0;
    if (follower.resumable)
        identity_fork(&c->thread.random);
    else
        identity_begin(&c->thread.random);
    feed_set_relayed(false);
    replicas_drop_all("the history goes on under an id of our own, which it has to be told");
}

static void change_role(struct coordinator *c, struct cut *cut) {
    (void)cut;
    ASSERT(follower.wish && !follower.applies);
    follower.stopped = follower.refused_empty = false;
    follower.failures = 0;
    follower.not_before_ms = 0;
    if (*follower.wish->host)
        become_replica();
    else if (follower.replica)
        become_primary(c);
    set_switches(follower.replica, config_get());
    struct identity ours = identity_get();
    if (follower.replica)
        log_notice("REPLICAOF %s:%d enabled (at %s:%lld)", follower.host, follower.port, ours.id,
                   (long long)ours.offset);
    else
        log_notice("PRIMARY MODE enabled (new id %s, the old one %s is valid up to offset %lld)", ours.id,
                   ours.second_id, (long long)ours.second_end);
    follow_after_cut(role_changed);
}

static void deliver_wish(struct thread *to, struct message *message) {
    struct wish *wish = (struct wish *)message;
    (void)to;
    if (follower.wish && follower.cutting) {
        /* The change under way comes first. */
        wish->message.deliver = deliver_wish;
        thread_post(&follower.coordinator->thread, &follower.coordinator->thread, &wish->message);
        return;
    }
    mem_free(follower.wish);
    follower.wish = wish;
    link_stop();
    if (follower.applies) atomic_store(&follower.batch.stop, true);
}

static uint64_t request(struct thread *from, const char *host_name, int port, bool failover) {
    struct wish *wish = mem_zalloc(sizeof *wish);
    uint64_t number = wish->number = atomic_fetch_add(&requested, 1) + 1;
    if (host_name) snprintf(wish->host, sizeof wish->host, "%s", host_name);
    wish->port = port;
    wish->failover = failover;
    wish->message.deliver = deliver_wish;
    thread_post(from, &follower.coordinator->thread, &wish->message);
    return number; /* the wish may be gone */
}

uint64_t follow_request(struct thread *from, const char *host_name, int port) {
    return request(from, host_name, port, false);
}

void follow_after_failover(struct thread *from, const char *host_name, int port) {
    request(from, host_name, port, true);
}

bool follow_is_done(uint64_t request) {
    return atomic_load(&finished) >= request;
}

static void deliver_kill(struct thread *to, struct message *message) {
    (void)to;
    link_fail("killed by CLIENT KILL");
    mem_free(message);
}

void follow_kill_link(struct thread *me) {
    struct message *message = mem_zalloc(sizeof *message);
    message->deliver = deliver_kill;
    thread_post(me, &follower.coordinator->thread, message);
}

/* ---- turns and beats ---- */

void follow_turn(void) {
    follow_finish_batch();
    if (LIKELY(!follower.wish && follower.phase != FOLLOW_PREPARES)) return;
    if (follower.cutting) return;
    if (follower.phase == FOLLOW_PREPARES && !follower.wish) {
        follow_prepare_to_load();
        return;
    }
    if (follower.phase == FOLLOW_PREPARES) follower.phase = FOLLOW_IDLE;
    if (follower.phase == FOLLOW_IDLE && follower.started && !follower.applies && link_is_off()) {
        aof_suspend(false);
        cut_later(change_role);
    }
}

/* CONFIG SET replica-read-only: told to all at once, and to what is under way by the next cut. */
static bool apply_read_only(const struct config *before, const struct config *after, char *why) {
    (void)before;
    (void)why;
    if (atomic_load(&follow_is_replica)) atomic_store(&follow_refuses_writes, after->replica_read_only);
    return true;
}

void follow_register_hooks(void) {
    static const struct config_hook hooks[] = {{"replica-read-only", apply_read_only}, {NULL, NULL}};
    config_register_hooks(hooks);
}

static void renewed(struct thread *t) {
    follow_poke_all(t);
}

static void renew_switches(struct coordinator *c, struct cut *cut) {
    (void)c;
    (void)cut;
    set_switches(follower.replica, config_get());
    follow_after_cut(renewed);
}

void follow_beat(void) {
    const struct config *config = config_get();
    int64_t now_ms = clock_unix_ms();
    if (!follower.replica) return;
    link_beat();
    follow_settings(config);
    if (now_ms - follower.acked_ms >= ACK_MS || follow_has_news()) follow_acknowledge();
    if (now_ms - follower.nudged_ms >= ACK_MS) {
        follower.nudged_ms = now_ms;
        link_nudge();
    }
    bool renew = follower.readonly != config->replica_read_only ||
                 follower.keeps_memory != config->replica_ignore_maxmemory;
    if (!follower.cutting && renew) cut_later(renew_switches);
    follow_pump(true);
    follow_show();
}

/* ---- the start ---- */

void follow_prepare(const struct config *config) {
    const char *space = strchr(config->replicaof, ' ');
    if (!space) return;
    follower.replica = true;
    snprintf(follower.host, sizeof follower.host, "%.*s", (int)(space - config->replicaof),
             config->replicaof);
    follower.port = (int)strtol(space + 1, NULL, 10);
    set_switches(true, config);
    feed_set_relayed(true);
    follow_settings(config);
    follow_show();
}

void follow_begin(struct coordinator *c) {
    follower.coordinator = c;
    feed_register_relay(follow_catch_up, follow_catch_up_to);
}

void follow_recover(struct coordinator *c, const struct history *history) {
    if (!identity_is_id(history->id) || history->offset < 0) return;
    if (follower.replica) {
        identity_adopt(history->id, history->offset);
        follower.database = history->database;
        feed_set_selected(follower.database);
        follower.resumable = follower.came_by_link = true;
    } else {
        identity_recover(&c->thread.random, history->id, history->offset);
        replicas_begin_backlog(c);
        log_notice("What was loaded is the history %s up to offset %lld: replicas that have it can go on",
                   history->id, (long long)history->offset);
    }
}

bool follow_is_idle(void) {
    return !follower.applies;
}

void follow_start(void) {
    follower.started = true;
    if (follower.replica && !follower.wish) start_link();
    follow_show();
}
