/* follow.c: see follow.h.
 *
 * Every change of the role waits until the link is off and no batch is on its way, and then happens at a cut. A dump
 * replaces the data in two cuts (persistence_replace): at the first everything is thrown away, at the second the new data
 * and the history that it is a prefix of come to be at the same instant. */
#include "server/follow.h"

#include "persist/dump.h"
#include "persist/load.h"
#include "persist/rdb_skim.h"
#include "repl/feed.h"
#include "repl/replicas.h"
#include "server/aof.h"
#include "server/apply_stream.h"
#include "server/blocked.h"
#include "server/client.h"
#include "server/config.h"
#include "server/failover.h"
#include "server/host.h"
#include "server/persistence.h"
#include "server/process.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"
#include "shard/rt/clock.h"
#include "shard/rt/spin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    ACK_MS = 1000,
    DOUBLINGS_MAX = 6,
    MEMORY_PER_DUMP_BYTE = 3, /* small values, compressed */
    REREAD_BYTES = 1 << 20,
};

_Atomic bool follow_is_replica, follow_refuses_writes, follow_is_stale, follow_keeps_memory;

/* Somebody wants the role to change. */
struct wish {
    struct message message;
    uint64_t number;
    char host[LINK_HOST_MAX]; /* "": nobody is to be followed */
    int port;
    bool failover; /* it is to take over */
};

enum phase {
    FOLLOW_IDLE,
    FOLLOW_PREPARES, /* a dump has arrived; nobody else may be at work on the data */
    FOLLOW_LOADS,
};

/* The coordinator's. */
static struct {
    struct coordinator *coordinator;
    bool started; /* the data there was has been loaded */
    bool replica, readonly;
    uint64_t client_id;
    bool failover; /* the primary is one as soon as we ask to follow it */
    char host[LINK_HOST_MAX];
    int port;
    bool came_by_link; /* the data did, not from clients of our own */
    bool resumable;    /* the data is a prefix of the history that identity.h names, whose end is known */
    int64_t database;  /* that the stream has selected there */
    struct wish *wish;
    struct cut cut;
    bool cutting;
    struct message after; /* of a cut: */
    void (*rest_of_cut)(struct thread *t);
    enum phase phase;
    /* A dump. */
    char next_id[REPLICATION_ID_LEN + 1], path[64];
    int64_t next_offset;
    uint64_t dump_bytes;
    bool dump_is_empty;     /* has no keys */
    bool beside;            /* it is loaded beside the data there is */
    unsigned failures;      /* dumps in a row that could not be loaded */
    int64_t not_before_ms;  /* the next try */
    bool examined;          /* whether it may replace what we have */
    char why[LINK_WHY_MAX]; /* it could not be loaded; "": it was */
    /* The stream. */
    struct stream_batch batch;
    bool applies; /* the batch is on its way */
    size_t relayed;
    int64_t relayed_database;
    struct buf rest; /* what was not whole */
    size_t needed, reread_from;
    int64_t acked_ms, acked_offset, nudged_ms;
    bool stopped, refused_empty;
    char stopped_why[LINK_WHY_MAX];
} own = {.port = 0};

/* What all see. */
static struct {
    struct spin lock;
    struct follow_view view;
} seen;
static _Atomic uint64_t requested, finished;

static void show(void) {
    struct follow_view view = {.replica = own.replica,
                               .port = own.port,
                               .client_id = own.client_id,
                               .loads = own.phase == FOLLOW_LOADS,
                               .link = link_view(),
                               .offset =
                                   own.resumable || own.phase == FOLLOW_IDLE ? identity_get().offset : 0,
                               .refused_empty = own.refused_empty,
                               .stopped = own.stopped};
    memcpy(view.host, own.host, sizeof view.host);
    if (own.stopped) memcpy(view.link.why, own.stopped_why, sizeof view.link.why);
    spin_lock(&seen.lock);
    seen.view = view;
    spin_unlock(&seen.lock);
}

struct follow_view follow_view(void) {
    spin_lock(&seen.lock);
    struct follow_view view = seen.view;
    spin_unlock(&seen.lock);
    return view;
}

bool follow_is_primary(const char *host, int port) {
    return own.replica && own.port == port && strcmp(own.host, host) == 0;
}

bool follow_can_be_followed(void) {
    return !own.replica || (own.phase == FOLLOW_IDLE && link_view().state == LINK_ONLINE);
}

/* ---- the switches ---- */

/* At a cut, or before threads start: what all slices and all threads go by. */
static void set_switches(bool replica, bool readonly) {
    for (unsigned i = 0; i < slices.count; i++) {
        uint32_t others = slices.all[i].switches & ~(uint32_t)(SWITCH_REPLICA | SWITCH_READONLY);
        slices.all[i].switches =
            (uint16_t)(others | (replica ? SWITCH_REPLICA : 0) | (readonly ? SWITCH_READONLY : 0));
    }
    own.readonly = readonly;
    atomic_store(&follow_is_replica, replica);
    atomic_store(&follow_refuses_writes, readonly);
}

static void follow_settings(const struct config *config) {
    bool online = link_view().state == LINK_ONLINE && own.phase == FOLLOW_IDLE;
    atomic_store(&follow_is_stale, own.replica && !config->replica_serve_stale_data && !online);
    atomic_store(&follow_keeps_memory, own.replica && config->replica_ignore_maxmemory);
}

/* Writes that came too late look again, and clients that wait for elements are told. */
static void poke_all(struct thread *t) {
    for (unsigned i = 0; i < workers_count; i++) worker_poke_by(t, worker_by_index(i));
}

static void cut_later(void (*run)(struct coordinator *c, struct cut *cut)) {
    ASSERT(!own.cutting);
    own.cutting = true;
    own.cut.run = run;
    coordinator_cut(own.coordinator, &own.cut);
}

/* What is left to do when the slices have been let go. */
static void deliver_rest(struct thread *t, struct message *message) {
    (void)message;
    own.cutting = false;
    own.rest_of_cut(t);
}

static void after_cut(void (*rest)(struct thread *t)) {
    ASSERT(own.cutting);
    own.rest_of_cut = rest;
    own.after.deliver = deliver_rest;
    thread_post(&own.coordinator->thread, &own.coordinator->thread, &own.after);
}

/* ---- the stream ---- */

/* What has been applied goes on to those who follow us. */
static void relay(struct stream_mark mark) {
    ASSERT(mark.bytes >= own.relayed && mark.bytes <= own.batch.bytes.len);
    if (mark.bytes == own.relayed) return;
    feed_relay(own.batch.bytes.data + own.relayed, mark.bytes - own.relayed, own.relayed_database,
               mark.database);
    own.relayed = mark.bytes;
    own.relayed_database = mark.database;
    replicas_note_offset();
}

static void catch_up(void) {
    if (own.applies) relay(own.batch.mark);
}

static void pump(bool at_beat);

static void acknowledge(void) {
    own.acked_ms = clock_unix_ms();
    own.acked_offset = identity_get().offset;
    link_acknowledge(own.acked_offset, replicas_below());
}

/* The stream has something that cannot be applied. It must not be passed over, so nothing more can be. */
static void stop_for_good(const char *why) {
    char text[LINK_WHY_MAX];
    snprintf(
        text, sizeof text,
        "%.*s, at offset %lld. The link stops here; the data is kept and served as it is. REPLICAOF makes "
        "the link anew.",
        STREAM_WHY_MAX, why, (long long)identity_get().offset);
    own.stopped = true;
    memcpy(own.stopped_why, text, sizeof text);
    log_warning("== CRITICAL == The stream of the primary %s:%d: %s", own.host, own.port, text);
    link_stop();
}

static void batch_done(struct thread *t, struct stream_batch *batch) {
    (void)t;
    ASSERT(own.applies);
    relay(batch->end);
    own.applies = false;
    own.database = batch->end.database;
    /* What has come meanwhile stands behind the rest. */
    struct buf rest = {0};
    size_t left = batch->bytes.len - batch->end.bytes;
    if (left) buf_append(&rest, batch->bytes.data + batch->end.bytes, left);
    buf_free(&batch->bytes);
    ASSERT(own.rest.len == 0);
    own.rest = rest;
    own.needed = batch->needed;
    own.reread_from = rest.len + rest.len / 2;
    if (batch->asks) acknowledge();
    if (batch->errors && config_get()->propagation_error_behavior != 0) {
        log_warning(
            "A command of the primary's stream failed, and propagation-error-behavior says to end here");
        process_remove_pidfile();
        _exit(1);
    }
    if (batch->outcome != STREAM_GOES_ON)
        stop_for_good(batch->why);
    else
        pump(false);
}

/* Has the next batch applied, if there is one and it may be. */
static void pump(bool at_beat) {
    if (own.applies || own.phase != FOLLOW_IDLE || own.wish || own.cutting || own.stopped) return;
    if (link_view().state != LINK_ONLINE) return;
    struct buf fresh = link_take();
    if (own.rest.len == 0) {
        buf_free(&own.rest);
        own.rest = fresh;
    } else {
        buf_append(&own.rest, fresh.data, fresh.len);
        buf_free(&fresh);
    }
    if (own.rest.len == 0 || own.rest.len < own.needed) return;
    /* A long transaction is read from its beginning each time: not for every few bytes that come. */
    if (own.rest.len > REREAD_BYTES && own.rest.len < own.reread_from && !at_beat) return;
    own.batch.bytes = own.rest;
    own.rest = (struct buf){0};
    own.batch.mark = (struct stream_mark){0, own.database};
    own.batch.done = batch_done;
    own.relayed = 0;
    own.relayed_database = own.database;
    own.applies = true;
    apply_stream(&own.coordinator->thread, &own.batch);
}

/* ---- what the link tells ---- */

static void stream_comes(void) {
    pump(false);
}

static bool configure(struct link_settings *s) {
    const struct config *config = config_get();
    if (own.applies || own.phase != FOLLOW_IDLE || own.cutting) return false;
    if (clock_unix_ms() < own.not_before_ms) return false;
    *s = (struct link_settings){.port = own.port, .timeout_s = config->repl_timeout};
    memcpy(s->host, own.host, sizeof s->host);
    snprintf(s->user, sizeof s->user, "%s", config->masteruser);
    snprintf(s->password, sizeof s->password, "%s", config->masterauth);
    snprintf(s->announced_host, sizeof s->announced_host, "%s", config->replica_announce_ip);
    s->failover = own.failover;
    s->announced_port = config->replica_announce_port ? config->replica_announce_port : (int)config->port;
    /* What was not whole comes again. */
    buf_free(&own.rest);
    own.needed = 0;
    return true;
}

static bool wants(char id[static REPLICATION_ID_LEN + 1], int64_t *from) {
    struct identity ours = identity_get();
    memcpy(id, ours.id, sizeof ours.id);
    *from = ours.offset + 1;
    return own.resumable;
}

static void went_online(struct thread *t) {
    own.came_by_link = true;
    own.refused_empty = false;
    own.client_id = client_new_id();
    link_go_online();
    follow_settings(config_get());
    acknowledge();
    poke_all(t);
    show();
}

static void go_on_at_cut(struct coordinator *c, struct cut *cut) {
    (void)cut;
    bool renamed = strcmp(identity_get().id, own.next_id) != 0;
    replicas_begin_backlog(c);
    identity_rename(own.next_id);
    if (renamed) replicas_drop_all("the history goes on under another id, which it has to be told");
    after_cut(went_online);
}

static void goes_on(const char *id) {
    own.failover = false;
    failover_taken_over();
    memcpy(own.next_id, id, sizeof own.next_id);
    cut_later(go_on_at_cut);
}

static void comes_anew(const char *id, int64_t offset) {
    own.failover = false;
    failover_taken_over();
    snprintf(own.next_id, sizeof own.next_id, "%s", id);
    own.next_offset = offset;
}

static void dump_is_here(const char *path, uint64_t bytes, const char *whole) {
    snprintf(own.path, sizeof own.path, "%s", path);
    own.dump_bytes = bytes;
    own.dump_is_empty = whole && rdb_is_empty((const unsigned char *)whole, bytes);
    own.examined = false;
    own.phase = FOLLOW_PREPARES;
    log_notice("PRIMARY <-> REPLICA sync: %llu bytes received", (unsigned long long)bytes);
}

static void lost(bool asked) {
    if (asked && own.failover) failover_refused();
    if (own.phase == FOLLOW_PREPARES) own.phase = FOLLOW_IDLE;
    if (own.applies) atomic_store(&own.batch.stop, true);
    follow_settings(config_get());
    show();
}

static const struct link_host host = {.configure = configure,
                                      .wants = wants,
                                      .goes_on = goes_on,
                                      .comes_anew = comes_anew,
                                      .dump_is_here = dump_is_here,
                                      .stream_comes = stream_comes,
                                      .lost = lost};

/* ---- a dump ---- */

static void old_data_goes(struct coordinator *c) {
    (void)c;
    log_notice("PRIMARY <-> REPLICA sync: %s",
               own.beside ? "The new data takes the place of the old" : "Flushing old data");
    own.resumable = false;
    replicas_drop_all("its history ends here: a new one begins");
}

static void dump_is_over(struct thread *t) {
    own.phase = FOLLOW_IDLE;
    link_forget_dump();
    dump_disclaim(&own);
    aof_suspend(false);
    if (*own.why) {
        char why[LINK_WHY_MAX];
        unsigned doublings = own.failures < DOUBLINGS_MAX ? own.failures : DOUBLINGS_MAX;
        own.failures++;
        own.not_before_ms = clock_unix_ms() + ((int64_t)1000 << doublings);
        snprintf(why, sizeof why, "its dump cannot be loaded: %.400s", own.why);
        link_fail(why);
        poke_all(t);
        show();
        return;
    }
    own.failures = 0;
    log_notice("PRIMARY <-> REPLICA sync: Finished with success");
    went_online(t);
}

static void loaded_at_cut(struct coordinator *c, const struct load *load, const char *why) {
    snprintf(own.why, sizeof own.why, "%s", why ? why : "");
    if (why && own.beside) {
        after_cut(dump_is_over); /* what there was is there */
        return;
    }
    if (why) {
        identity_begin(&c->thread.random);
    } else if (*own.next_id) {
        identity_adopt(own.next_id, own.next_offset);
        own.resumable = true;
    } else {
        identity_begin(&c->thread.random); /* of a primary that knows nothing of histories */
    }
    own.database = why ? 0 : load->replication_database;
    replicas_renew_backlog(c);
    feed_set_selected(own.database);
    after_cut(dump_is_over);
}

static bool has_keys(void) {
    for (unsigned i = 0; i < slices.count; i++)
        if (atomic_load_explicit(&slices.all[i].counters.keys, memory_order_relaxed)) return true;
    return false;
}

/* A primary that lost its history, and holds nothing, must not take from us what it could be given back from. */
static bool may_replace(void) {
    bool known = *own.next_id && (strcmp(own.next_id, identity_get().id) == 0 ||
                                  strcmp(own.next_id, identity_get().second_id) == 0);
    if (known || !own.came_by_link || !config_get()->replica_refuse_empty_primary) return true;
    return !own.dump_is_empty || !has_keys();
}

/* Whether there is memory for both, as far as can be told: the new data is guessed from what holds the old, or from the
 * dump's size. */
static bool may_load_beside(void) {
    const struct config *config = config_get();
    if (config->repl_diskless_load == DISKLESS_LOAD_SWAPDB) return true;
    uint64_t used = mem_used(), guess = own.dump_bytes * MEMORY_PER_DUMP_BYTE;
    if (guess < used) guess = used;
    if (config->maxmemory && used + guess > config->maxmemory) return false;
    return host_memory_left() > guess + guess / 4;
}

static void prepare_to_load(void) {
    if (!own.examined && !may_replace()) {
        own.phase = FOLLOW_IDLE;
        if (!own.refused_empty)
            log_warning(
                "== CRITICAL == The primary %s:%d has lost its history and holds no keys. Its empty dump is "
                "refused: the data here is kept and served, and it is asked again every second. To let it "
                "through: CONFIG SET replica-refuse-empty-primary no (or REPLICAOF NO ONE, then REPLICAOF).",
                own.host, own.port);
        own.refused_empty = true;
        link_fail("it is empty, and replica-refuse-empty-primary is set: nothing is taken over from it");
        return;
    }
    own.examined = true;
    aof_suspend(true);
    if (!aof_is_off() || !dump_claim(&own)) return; /* a later turn */
    own.phase = FOLLOW_LOADS;
    own.cutting = true;
    own.beside = has_keys() && may_load_beside();
    persistence_replace(&(struct replacement){
        .path = own.path, .beside = own.beside, .gone = old_data_goes, .done = loaded_at_cut});
    show();
}

/* ---- the role ---- */

static void start_link(void) {
    char origin[48];
    snprintf(origin, sizeof origin, "%.40s:%d", own.host, own.port);
    apply_stream_begin(worker_by_index(0), origin);
    link_start(own.coordinator, &host);
}

static void role_changed(struct thread *t) {
    struct wish *wish = own.wish;
    own.wish = NULL;
    config_note_primary(own.replica ? own.host : NULL, own.port);
    if (own.replica) {
        blocked_release_all(t);
        start_link();
    }
    follow_settings(config_get());
    poke_all(t);
    show();
    atomic_store(&finished, wish->number);
    mem_free(wish);
    poke_all(t); /* who asked for it is told */
}

static void become_replica(void) {
    if (!own.replica) {
        feed_complete();
        own.resumable = replicas_has_backlog();
        if (own.resumable) replicas_note_offset();
        own.database = feed_selected();
        feed_set_relayed(true);
    }
    own.replica = true;
    own.failover = own.wish->failover;
    memcpy(own.host, own.wish->host, sizeof own.host);
    own.port = own.wish->port;
}

static void become_primary(struct coordinator *c) {
    own.replica = own.came_by_link = own.failover = false;
    own.host[0] = 0;
    if (own.resumable)
        identity_fork(&c->thread.random);
    else
        identity_begin(&c->thread.random);
    feed_set_relayed(false);
    replicas_drop_all("the history goes on under an id of our own, which it has to be told");
}

static void change_role(struct coordinator *c, struct cut *cut) {
    (void)cut;
    ASSERT(own.wish && !own.applies);
    own.stopped = own.refused_empty = false;
    own.failures = 0;
    own.not_before_ms = 0;
    if (*own.wish->host)
        become_replica();
    else if (own.replica)
        become_primary(c);
    set_switches(own.replica, own.replica && config_get()->replica_read_only);
    struct identity ours = identity_get();
    if (own.replica)
        log_notice("REPLICAOF %s:%d enabled (at %s:%lld)", own.host, own.port, ours.id,
                   (long long)ours.offset);
    else
        log_notice("PRIMARY MODE enabled (new id %s, the old one %s is valid up to offset %lld)", ours.id,
                   ours.second_id, (long long)ours.second_end);
    after_cut(role_changed);
}

static void deliver_wish(struct thread *to, struct message *message) {
    struct wish *wish = (struct wish *)message;
    (void)to;
    if (own.wish && own.cutting) {
        /* The change under way comes first. */
        wish->message.deliver = deliver_wish;
        thread_post(&own.coordinator->thread, &own.coordinator->thread, &wish->message);
        return;
    }
    mem_free(own.wish);
    own.wish = wish;
    link_stop();
    if (own.applies) atomic_store(&own.batch.stop, true);
}

static uint64_t request(struct thread *from, const char *host_name, int port, bool failover) {
    struct wish *wish = mem_zalloc(sizeof *wish);
    uint64_t number = wish->number = atomic_fetch_add(&requested, 1) + 1;
    if (host_name) snprintf(wish->host, sizeof wish->host, "%s", host_name);
    wish->port = port;
    wish->failover = failover;
    wish->message.deliver = deliver_wish;
    thread_post(from, &own.coordinator->thread, &wish->message);
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
    thread_post(me, &own.coordinator->thread, message);
}

/* ---- turns and beats ---- */

void follow_turn(void) {
    if (LIKELY(!own.wish && own.phase != FOLLOW_PREPARES)) return;
    if (own.cutting) return;
    if (own.phase == FOLLOW_PREPARES && !own.wish) {
        prepare_to_load();
        return;
    }
    if (own.phase == FOLLOW_PREPARES) own.phase = FOLLOW_IDLE;
    if (own.phase == FOLLOW_IDLE && own.started && !own.applies && link_is_off()) {
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
    poke_all(t);
}

static void renew_switches(struct coordinator *c, struct cut *cut) {
    (void)c;
    (void)cut;
    set_switches(own.replica, own.replica && config_get()->replica_read_only);
    after_cut(renewed);
}

void follow_beat(void) {
    const struct config *config = config_get();
    int64_t now_ms = clock_unix_ms();
    if (!own.replica) return;
    link_beat();
    follow_settings(config);
    if (now_ms - own.acked_ms >= ACK_MS || identity_get().offset != own.acked_offset) acknowledge();
    if (now_ms - own.nudged_ms >= ACK_MS) {
        own.nudged_ms = now_ms;
        link_nudge();
    }
    if (!own.cutting && own.readonly != config->replica_read_only) cut_later(renew_switches);
    pump(true);
    show();
}

/* ---- the start ---- */

void follow_prepare(const struct config *config) {
    const char *space = strchr(config->replicaof, ' ');
    if (!space) return;
    own.replica = true;
    snprintf(own.host, sizeof own.host, "%.*s", (int)(space - config->replicaof), config->replicaof);
    own.port = (int)strtol(space + 1, NULL, 10);
    set_switches(true, config->replica_read_only);
    feed_set_relayed(true);
    follow_settings(config);
    show();
}

void follow_begin(struct coordinator *c) {
    own.coordinator = c;
    feed_register_relay(catch_up);
}

void follow_recover(struct coordinator *c, const struct history *history) {
    if (!identity_is_id(history->id) || history->offset < 0) return;
    if (own.replica) {
        identity_adopt(history->id, history->offset);
        own.database = history->database;
        feed_set_selected(own.database);
        own.resumable = own.came_by_link = true;
    } else {
        identity_recover(&c->thread.random, history->id, history->offset);
        replicas_begin_backlog(c);
        log_notice("What was loaded is the history %s up to offset %lld: replicas that have it can go on",
                   history->id, (long long)history->offset);
    }
}

bool follow_is_idle(void) {
    return !own.applies;
}

void follow_start(void) {
    own.started = true;
    if (own.replica && !own.wish) start_link();
    show();
}
