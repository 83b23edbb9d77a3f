/* replicas.c: the list of replicas, their coming and going, and the backlog: see replicas.h. */
#include "repl/replicas.h"

#include "repl/feed.h"
#include "repl/psync.h"
#include "repl/replica_parts.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"
#include "shard/rt/clock.h"
#include "shard/rt/spin.h"
#include "shard/rt/tag.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct replicas replicas = {.withheld_from = UINT64_MAX};

/* What others see: a copy, renewed every turn in which something happened. */
static struct {
    struct spin lock;
    struct replica_view all[REPLICAS_MAX];
    unsigned count;
    struct replicas_state state;
    _Atomic bool ask;        /* somebody waits for acknowledgements */
    _Atomic unsigned thread; /* the coordinator's */
} view;

void replica_name(const struct replica *r, char *name, size_t cap) {
    const struct replica_request *f = r->facts;
    const char *end = strrchr(f->peer, ':');
    int host = end ? (int)(end - f->peer) : (int)strlen(f->peer);
    if (f->port)
        snprintf(name, cap, "%.*s:%d", *f->host ? (int)strlen(f->host) : host, *f->host ? f->host : f->peer,
                 f->port);
    else
        snprintf(name, cap, "%s", f->peer);
}

/* ---- the end of one ---- */

static void bury(struct replica *r) {
    struct thread *t = &replicas.coordinator->thread;
    ring_close_fd(t->ring, r->facts->fd, tag_make(TAG_NOTHING, 0, 0));
    replica_leave_stream(r);
    if (r->spool) spool_unref(t, r->spool);
    mem_free(r->chunk);
    buf_free(&r->text);
    buf_free(&r->text_on_its_way);
    buf_free(&r->input);
    mem_free(r->facts);
    replicas.all[r->slot] = NULL;
    replicas.generations[r->slot]++;
    replicas.count--;
    if (!replicas.count) replicas.alone_since_ms = clock_unix_ms();
    mem_free(r);
}

void replica_drop(struct replica *r, const char *why) {
    struct ring *ring = replicas.coordinator->thread.ring;
    char name[REPLICA_HOST_MAX + 16];
    if (r->closing) return;
    r->closing = true;
    replica_name(r, name, sizeof name);
    if (why) log_warning("Connection with replica %s lost: %s", name, why);
    if (r->receiving)
        ring_cancel(ring, tag_make(TAG_REPLICA_RECEIVE, r->generation, r->slot), tag_make(TAG_NOTHING, 0, 0));
    if (r->sends)
        ring_cancel(ring, tag_make(TAG_REPLICA_SEND, r->generation, r->slot), tag_make(TAG_NOTHING, 0, 0));
}

void replica_request_over(struct replica *r) {
    ASSERT(r->in_flight > 0);
    r->in_flight--;
}

/* ---- the beginning of one ---- */

void replica_follow_from(struct replica *r, int64_t offset) {
    ASSERT(!r->reads);
    backlog_join(&replicas.backlog, offset, &r->reader);
    r->reads = true;
}

void replicas_open_backlog(struct coordinator *c) {
    if (replicas.backlog.stream) return;
    /* Nothing was counted while there was none, so what is here now is no longer the history of the old id. */
    identity_begin(&c->thread.random);
    struct identity ours = identity_get();
    backlog_open(&replicas.backlog, feed_begin(c, FEED_REPLICAS), ours.offset);
    log_notice("Replication backlog created, my new replication IDs are '%s' and '%s'", ours.id,
               ours.second_id);
}

void replicas_begin_backlog(struct coordinator *c) {
    if (replicas.backlog.stream) return;
    backlog_open(&replicas.backlog, feed_begin(c, FEED_REPLICAS), identity_get().offset);
    replicas.alone_since_ms = clock_unix_ms();
}

void replicas_renew_backlog(struct coordinator *c) {
    replicas.samples_count = 0;
    if (!replicas.backlog.stream)
        replicas_begin_backlog(c);
    else
        backlog_rebase(&replicas.backlog, identity_get().offset);
}

bool replicas_has_backlog(void) {
    return replicas.backlog.stream != NULL;
}

/* Without what replicas are told before it has been done here. */
void replicas_note_offset(void) {
    if (replicas.backlog.stream) identity_set_offset(backlog_end(&replicas.backlog) - (int64_t)feed_ahead());
}

bool replicas_are_there(void) {
    return replicas.count > 0;
}

static void host_of(const struct replica *r, char host[static REPLICA_HOST_MAX]) {
    struct replica_view names = {0};
    memcpy(names.host, r->facts->host, sizeof names.host);
    memcpy(names.peer, r->facts->peer, sizeof names.peer);
    replica_view_host(&names, host, REPLICA_HOST_MAX);
}

bool replicas_find_level(const char *host, int port, char found[static REPLICA_HOST_MAX], int *found_port) {
    for (unsigned i = 0; i < REPLICAS_MAX && replicas.backlog.stream; i++) {
        const struct replica *r = replicas.all[i];
        if (!r || r->closing || r->state != REPLICA_ONLINE || !r->facts->port) continue;
        host_of(r, found);
        *found_port = r->facts->port;
        if (*host && (strcmp(found, host) != 0 || port != r->facts->port)) continue;
        if (r->ack_offset == backlog_end(&replicas.backlog)) return true;
    }
    return false;
}

void replicas_drop_all(const char *why) {
    for (unsigned i = 0; i < REPLICAS_MAX; i++)
        if (replicas.all[i]) replica_drop(replicas.all[i], why);
}

static struct cut closing_cut;
static bool closing; /* that cut is under way */

static void close_backlog(struct coordinator *c, struct cut *cut) {
    static struct stream_cut mark;
    (void)cut;
    closing = false;
    if (!replicas.backlog.stream || replicas.count) return;
    feed_merge(UINT64_MAX);
    feed_end(c, FEED_REPLICAS, &mark);
    backlog_close(&replicas.backlog);
    feed_leave(FEED_REPLICAS);
    log_notice("Replication backlog freed after %lld seconds without connected replicas.",
               (long long)replicas.settings.backlog_ttl_s);
}

enum { MERGED_FIRST_MAX = 64 << 20 };

/* Goes on where it was, if that is possible. */
static bool go_on(struct replica *r) {
    struct identity ours = identity_get();
    struct psync_backlog kept = {.exists = replicas.backlog.stream != NULL};
    char name[REPLICA_HOST_MAX + 16];
    replica_name(r, name, sizeof name);
    if (kept.exists) {
        /* What it holds beyond its size until the next beat would be more than a replica may lag behind; and what has
         * been replied to before this was asked counts. */
        if (!feed_is_relayed()) feed_merge(MERGED_FIRST_MAX);
        backlog_trim(&replicas.backlog, replicas.settings.backlog_bytes);
        kept.first = backlog_first(&replicas.backlog);
        ours.offset = backlog_end(&replicas.backlog);
    }
    enum psync_answer answer = psync_decide(&ours, &kept, r->facts->id, r->facts->from);
    if (answer == PSYNC_CONTINUE) {
        replica_follow_from(r, r->facts->from - 1);
        r->state = REPLICA_ONLINE;
        if (r->facts->knows_psync2)
            buf_printf(&r->text, "+CONTINUE %s\r\n", ours.id);
        else
            buf_append_text(&r->text, "+CONTINUE\r\n");
        log_notice(
            "Partial resynchronization request from %s accepted. Sending %lld bytes of backlog starting from "
            "offset %lld.",
            name, (long long)(ours.offset - r->facts->from + 1), (long long)r->facts->from);
        replicas.partial_syncs++;
        return true;
    }
    if (answer != PSYNC_ASKED) replicas.refused_partial_syncs++;
    log_notice("Full resync of replica %s: %s (it asked for %s from %lld, we have %s up to %lld)", name,
               psync_reason(answer), r->facts->id, (long long)r->facts->from, ours.id,
               (long long)ours.offset);
    return false;
}

static void start_receiving(struct replica *r) {
    r->receiving = true;
    r->in_flight++;
    ring_receive(replicas.coordinator->thread.ring, r->facts->fd,
                 tag_make(TAG_REPLICA_RECEIVE, r->generation, r->slot));
}

void replicas_attach(struct coordinator *c, struct replica_request *request) {
    unsigned slot = 0;
    while (slot < REPLICAS_MAX && replicas.all[slot]) slot++;
    replicas.coordinator = c;
    if (slot == REPLICAS_MAX) {
        log_warning("Replica %s is refused: there are %d already", request->peer, REPLICAS_MAX);
        ring_close_fd(c->thread.ring, request->fd, tag_make(TAG_NOTHING, 0, 0));
        mem_free(request);
        return;
    }
    int64_t now_ms = clock_unix_ms();
    struct replica *r = mem_zalloc(sizeof *r);
    r->slot = slot;
    r->generation = replicas.generations[slot] & 0xffffff;
    r->facts = request;
    r->state = REPLICA_WAITS;
    r->durable_offset = -1;
    r->heard_ms = r->since_ms = now_ms;
    replicas.all[slot] = r;
    replicas.count++;
    replicas.alone_since_ms = 0;
    start_receiving(r);
    if (request->psync) go_on(r);
    replica_send(r);
}

/* ---- completions ---- */

static void received(struct replica *r, const struct completion *done) {
    struct ring *ring = replicas.coordinator->thread.ring;
    if (done->buffer >= 0) {
        if (done->result > 0 && !r->closing) {
            r->heard_ms = clock_unix_ms();
            buf_append(&r->input, ring_buffer(ring, done->buffer), (size_t)done->result);
        }
        ring_buffer_return(ring, done->buffer);
    }
    if (!done->more) {
        r->receiving = false;
        replica_request_over(r);
    }
    if (r->closing) return;
    if (done->result > 0 && !replica_read_input(r)) {
        replica_drop(r, "it says what no replica says");
        return;
    }
    if (done->result == 0)
        replica_drop(r, "it closed the connection");
    else if (done->result < 0 && done->result != -ENOBUFS)
        replica_drop(r, strerror(-done->result));
    else if (!r->receiving)
        start_receiving(r);
    if (!r->closing) replica_send(r); /* an acknowledgement may be what it waits for */
}

bool replicas_completion(struct coordinator *c, const struct completion *done) {
    enum tag_kind kind = tag_kind(done->tag);
    if (kind != TAG_REPLICA_RECEIVE && kind != TAG_REPLICA_SEND) return false;
    struct replica *r = tag_slot(done->tag) < REPLICAS_MAX ? replicas.all[tag_slot(done->tag)] : NULL;
    ASSERT(r && r->generation == tag_generation(done->tag)); /* it is kept until its last completion */
    (void)c;
    if (kind == TAG_REPLICA_SEND)
        replica_sent(r, done->result);
    else
        received(r, done);
    return true;
}

/* ---- turns and beats ---- */

/* How long ago the stream went past this offset. */
static int64_t age_of(int64_t offset, int64_t now_ms) {
    unsigned kept = replicas.samples_count < REPLICAS_SAMPLES ? replicas.samples_count : REPLICAS_SAMPLES;
    if (!replicas.backlog.stream) return 0;
    if (offset >= (feed_is_relayed() ? backlog_end(&replicas.backlog) : replicas.noted_offset)) return 0;
    for (unsigned i = kept; i > 0; i--) { /* from the oldest on */
        const struct replicas_sample *s = &replicas.samples[(replicas.samples_count - i) % REPLICAS_SAMPLES];
        if (s->offset > offset) return now_ms - s->ms;
    }
    return 0; /* in this beat */
}

static void take_sample(int64_t now_ms) {
    int64_t end = replicas.backlog.stream ? backlog_end(&replicas.backlog) : 0;
    unsigned last = replicas.samples_count - 1;
    if (replicas.samples_count && replicas.samples[last % REPLICAS_SAMPLES].offset == end) return;
    replicas.samples[replicas.samples_count++ % REPLICAS_SAMPLES] = (struct replicas_sample){now_ms, end};
}

unsigned replicas_below(void) {
    unsigned below = 0;
    spin_lock(&view.lock);
    for (unsigned i = 0; i < view.count; i++) below += 1 + view.all[i].below;
    spin_unlock(&view.lock);
    return below;
}

static void show(void) {
    unsigned n = 0;
    spin_lock(&view.lock);
    for (unsigned i = 0; i < REPLICAS_MAX && n < replicas.count; i++) {
        const struct replica *r = replicas.all[i];
        if (!r || r->closing) continue;
        struct replica_view *v = &view.all[n++];
        *v = (struct replica_view){.client_id = r->facts->client_id,
                                   .state = r->state,
                                   .port = r->facts->port,
                                   .offset = r->ack_offset,
                                   .ack_ms = r->ack_ms,
                                   .since_ms = r->since_ms,
                                   .heard_ms = r->heard_ms,
                                   .fd = r->facts->fd,
                                   .lag_ms =
                                       r->state == REPLICA_ONLINE
                                           ? age_of(r->ack_offset, replicas.coordinator->thread.turn_unix_ms)
                                           : 0,
                                   .below = r->below,
                                   .durable_offset = r->durable_offset,
                                   .waiting_bytes = r->text.len + r->text_on_its_way.len + replica_lag(r),
                                   .sends_acks = r->facts->psync};
        memcpy(v->host, r->facts->host, sizeof v->host);
        memcpy(v->peer, r->facts->peer, sizeof v->peer);
        memcpy(v->local, r->facts->local, sizeof v->local);
    }
    view.count = n;
    view.state = (struct replicas_state){.backlog = replicas.backlog.stream != NULL,
                                         .full_syncs = replicas.full_syncs,
                                         .partial_syncs = replicas.partial_syncs,
                                         .refused_partial_syncs = replicas.refused_partial_syncs,
                                         .spilled_bytes = replicas.spill ? spill_bytes(replicas.spill) : 0};
    if (replicas.backlog.stream) {
        view.state.next_ticket = replicas.noted_ticket;
        view.state.offset = replicas.noted_offset;
        view.state.backlog_first = backlog_first(&replicas.backlog) + 1;
        view.state.backlog_bytes = backlog_end(&replicas.backlog) - backlog_first(&replicas.backlog);
    }
    spin_unlock(&view.lock);
}

/* Before anything is said that is no entry. */
static void note_entries(void) {
    const struct stream *s = replicas.backlog.stream;
    if (!s || replicas.noted_ticket == s->next_ticket) return;
    replicas.noted_ticket = s->next_ticket;
    replicas.noted_offset = backlog_end(&replicas.backlog);
}

bool replicas_have_answered(void) {
    bool heard = replicas.heard;
    replicas.heard = false;
    return heard;
}

static void ask_for_acknowledgements(void) {
    static const char words[] = "*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n";
    if (replicas.count && replicas.backlog.stream && !feed_is_relayed())
        stream_say(replicas.backlog.stream, STREAM_REPLICAS, words, sizeof words - 1);
}

void replicas_turn(struct coordinator *c) {
    replicas.coordinator = c;
    atomic_store_explicit(&view.thread, c->thread.index, memory_order_relaxed);
    note_entries();
    if (UNLIKELY(atomic_exchange(&view.ask, false))) ask_for_acknowledgements();
    replicas_note_offset();
    if (!replicas.count) return;
    replicas_check_lag(c->thread.turn_unix_ms);
    for (unsigned i = 0, seen = 0; i < REPLICAS_MAX && seen < replicas.count; i++) {
        struct replica *r = replicas.all[i];
        if (!r) continue;
        if (r->closing && r->in_flight == 0) {
            bury(r);
            continue;
        }
        seen++;
        replica_send(r);
    }
    show();
}

static void keep_alive(struct replica *r, int64_t now_ms) {
    bool waits = r->state == REPLICA_WAITS || (r->state == REPLICA_LOADS && !r->announced);
    if (waits && now_ms - r->nudged_ms >= 1000) {
        r->nudged_ms = now_ms;
        r->heard_ms = now_ms; /* it has nothing to say yet */
        buf_append_char(&r->text, '\n');
    }
    if (r->state == REPLICA_LOADS) r->heard_ms = now_ms;
    bool stuck =
        r->state == REPLICA_LOADS && r->sends && now_ms - r->took_ms > replicas.settings.timeout_s * 1000;
    if (stuck) replica_drop(r, "timeout: it takes nothing of its dump");
    bool silent = now_ms - r->heard_ms > replicas.settings.timeout_s * 1000;
    if (r->state == REPLICA_ONLINE && r->facts->psync && silent) replica_drop(r, "timeout: it says nothing");
}

void replicas_beat(struct coordinator *c) {
    int64_t now_ms = clock_unix_ms();
    replicas.coordinator = c;
    for (unsigned i = 0; i < REPLICAS_MAX && replicas.count; i++)
        if (replicas.all[i] && !replicas.all[i]->closing) keep_alive(replicas.all[i], now_ms);
    if (replicas.backlog.stream) {
        if (replicas.count && !feed_is_relayed() &&
            now_ms - replicas.pinged_ms >= replicas.settings.ping_s * 1000) {
            static const char ping[] = "*1\r\n$4\r\nPING\r\n";
            replicas.pinged_ms = now_ms;
            note_entries();
            stream_say(replicas.backlog.stream, STREAM_REPLICAS, ping, sizeof ping - 1);
        }
        backlog_trim(&replicas.backlog, replicas.settings.backlog_bytes);
        bool alone = replicas.alone_since_ms && replicas.settings.backlog_ttl_s && !feed_is_relayed();
        int64_t ttl_ms = (int64_t)replicas.settings.backlog_ttl_s * 1000;
        if (alone && !closing && now_ms - replicas.alone_since_ms > ttl_ms) {
            closing = true;
            closing_cut.run = close_backlog;
            coordinator_cut(c, &closing_cut);
        }
    }
    take_sample(now_ms);
    full_sync_beat();
    replicas_turn(c);
    show();
}

void replicas_set(const struct replicas_settings *settings) {
    replicas.settings = *settings;
}

void replicas_may_have(uint64_t at) {
    replicas.withheld_from = at;
}

unsigned replicas_view(struct replica_view *to, unsigned most) {
    spin_lock(&view.lock);
    unsigned count = view.count;
    memcpy(to, view.all, (count < most ? count : most) * sizeof *to);
    spin_unlock(&view.lock);
    return count;
}

void replica_view_host(const struct replica_view *v, char *host, size_t cap) {
    const char *end = strrchr(v->peer, ':');
    if (*v->host)
        snprintf(host, cap, "%s", v->host);
    else
        snprintf(host, cap, "%.*s", end ? (int)(end - v->peer) : (int)strlen(v->peer), v->peer);
}

unsigned replicas_having(int64_t offset, bool durable) {
    unsigned count = 0;
    spin_lock(&view.lock);
    for (unsigned i = 0; i < view.count; i++) {
        const struct replica_view *v = &view.all[i];
        count += v->state == REPLICA_ONLINE && (durable ? v->durable_offset : v->offset) >= offset;
    }
    spin_unlock(&view.lock);
    return count;
}

unsigned replicas_present(int64_t max_lag_s) {
    int64_t now_s = clock_unix_ms() / 1000;
    unsigned count = 0;
    spin_lock(&view.lock);
    for (unsigned i = 0; i < view.count; i++)
        count += view.all[i].state == REPLICA_ONLINE && now_s - view.all[i].ack_ms / 1000 <= max_lag_s;
    spin_unlock(&view.lock);
    return count;
}

void replicas_ask(struct thread *me) {
    struct thread *coordinator = thread_by_index(atomic_load_explicit(&view.thread, memory_order_relaxed));
    atomic_store(&view.ask, true);
    if (coordinator) thread_wake(me, coordinator);
}

struct kill {
    struct message message;
    uint64_t client_id;
};

static void deliver_kill(struct thread *to, struct message *message) {
    struct kill *kill = (struct kill *)message;
    (void)to;
    for (unsigned i = 0; i < REPLICAS_MAX; i++) {
        struct replica *r = replicas.all[i];
        if (r && r->facts->client_id == kill->client_id) replica_drop(r, "it was killed by a client");
    }
    mem_free(kill);
}

void replicas_kill(struct thread *me, uint64_t client_id) {
    struct kill *kill = mem_zalloc(sizeof *kill);
    kill->message.deliver = deliver_kill;
    kill->client_id = client_id;
    thread_post(me, thread_by_index(atomic_load_explicit(&view.thread, memory_order_relaxed)),
                &kill->message);
}

struct replicas_state replicas_state(void) {
    spin_lock(&view.lock);
    struct replicas_state state = view.state;
    spin_unlock(&view.lock);
    return state;
}
