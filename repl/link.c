/* link.c: the connection itself: its requests, its end, its beats: see link.h. */
#include "repl/link_parts.h"
#include "repl/resolve.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"
#include "shard/rt/clock.h"
#include "shard/rt/spin.h"
#include "shard/rt/tag.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { RETRY_MS = 1000 };

struct link the_link = {
    .fd = -1, .input = {.passing = true}, .dump = {.fd = -1, .writing = {.passing = true}}};
static struct link *const l = &the_link;

/* What others see. */
static struct {
    struct spin lock;
    struct link_view view;
} seen = {.view.dump_bytes = -1};

static void show(void) {
    bool receives = l->state == LINK_RECEIVES;
    struct link_view view = {
        .state = l->state,
        .heard_ms = l->heard_ms,
        .down_since_ms = l->down_since_ms,
        .dump_heard_ms = l->dump_heard_ms,
        .dump_bytes = receives && l->dump.known && !l->dump.has_mark ? (int64_t)l->dump.length : -1,
        .dump_received = receives ? (int64_t)l->dump.received : 0};
    view.fd = l->fd;
    view.connected_ms = l->connected_ms;
    memcpy(view.peer, l->peer, sizeof view.peer);
    memcpy(view.local, l->local, sizeof view.local);
    memcpy(view.why, l->why, sizeof view.why);
    spin_lock(&seen.lock);
    seen.view = view;
    spin_unlock(&seen.lock);
}

struct link_view link_view(void) {
    spin_lock(&seen.lock);
    struct link_view view = seen.view;
    spin_unlock(&seen.lock);
    return view;
}

static uint64_t tag(enum tag_kind kind) {
    return tag_make(kind, l->generation, 0);
}

static struct ring *ring(void) {
    return l->coordinator->thread.ring;
}

/* ---- its end ---- */

static void closed(void) {
    ASSERT(l->state == LINK_CLOSES && l->in_flight == 0 && !l->dump.busy);
    if (l->fd >= 0) ring_close_fd(ring(), l->fd, tag_make(TAG_NOTHING, 0, 0));
    l->fd = -1;
    if (!l->host_loads) link_dump_end();
    buf_free(&l->input);
    buf_free(&l->text);
    buf_free(&l->text_on_its_way);
    l->generation = (l->generation + 1) & 0xffffff;
    l->state = l->wanted ? LINK_RESTS : LINK_OFF;
    l->retry_ms = clock_unix_ms() + RETRY_MS;
    show();
}

void link_request_over(void) {
    if (l->state == LINK_CLOSES && l->in_flight == 0 && !l->dump.busy) closed();
}

static void close_connection(void) {
    ASSERT(l->state != LINK_OFF && l->state != LINK_CLOSES);
    bool was_online = l->state == LINK_ONLINE;
    l->host_loads = l->state == LINK_LOADS; /* it may go on to: the file is kept until the next try */
    l->state = LINK_CLOSES;
    if (!l->down_since_ms) l->down_since_ms = clock_unix_ms();
    if (was_online) log_notice("Connection with the primary lost.");
    if (l->connecting) ring_cancel(ring(), tag(TAG_LINK_CONNECT), tag_make(TAG_NOTHING, 0, 0));
    if (l->receiving) ring_cancel(ring(), tag(TAG_LINK_RECEIVE), tag_make(TAG_NOTHING, 0, 0));
    if (l->sending) ring_cancel(ring(), tag(TAG_LINK_SEND), tag_make(TAG_NOTHING, 0, 0));
    link_request_over();
    show();
}

void link_fail(const char *why) {
    if (l->state == LINK_OFF || l->state == LINK_CLOSES || l->state == LINK_RESTS) return;
    bool asked = l->state == LINK_ASKS;
    log_warning("The link to the primary %s:%d: %s", l->settings.host, l->settings.port, why);
    snprintf(l->why, sizeof l->why, "%s", why);
    close_connection();
    l->host->lost(asked);
}

void link_stop(void) {
    l->wanted = false;
    if (l->state == LINK_RESTS || l->state == LINK_RESOLVES) {
        l->generation = (l->generation + 1) & 0xffffff; /* what is being looked up comes too late */
        l->state = LINK_OFF;
    } else if (l->state != LINK_OFF && l->state != LINK_CLOSES) {
        close_connection();
    }
    show();
}

bool link_is_off(void) {
    return l->state == LINK_OFF;
}

/* ---- its beginning ---- */

static void connect_to_next(void) {
    char why[LINK_WHY_MAX];
    const struct socket_address *address = &l->addresses.list[l->address];
    l->fd = socket_stream(address);
    if (l->fd < 0) {
        snprintf(why, sizeof why, "no socket could be made: %s", strerror(-l->fd));
        link_fail(why);
        return;
    }
    int error = *l->settings.source ? socket_come_from(l->fd, address, l->settings.source) : 0;
    if (error < 0) /* as redis-server: better from another address than not at all */
        log_warning("The link to the primary cannot come from bind-source-addr '%s': %s", l->settings.source,
                    strerror(-error));
    l->state = LINK_CONNECTS;
    l->connecting = true;
    l->in_flight++;
    ring_connect(ring(), l->fd, (const struct sockaddr *)&address->bytes, address->len,
                 tag(TAG_LINK_CONNECT));
}

static void resolved(struct thread *t, struct lookup *lookup) {
    (void)t;
    bool asked = l->state == LINK_RESOLVES && strcmp(lookup->host, l->settings.host) == 0 &&
                 lookup->port == l->settings.port;
    if (asked && lookup->result) {
        link_fail(lookup->why);
    } else if (asked) {
        l->addresses = lookup->found;
        l->address = 0;
        connect_to_next();
    }
    mem_free(lookup);
}

static void begin(void) {
    if (!l->host->configure(&l->settings)) {
        l->state = LINK_RESTS;
        return;
    }
    l->host_loads = false;
    link_dump_end();
    l->state = LINK_RESOLVES;
    l->began_ms = l->said_ms = clock_unix_ms();
    log_notice("Connecting to the primary %s:%d", l->settings.host, l->settings.port);
    resolve(&l->coordinator->thread, l->settings.host, l->settings.port, resolved);
    show();
}

void link_start(struct coordinator *c, const struct link_host *host) {
    ASSERT(l->state == LINK_OFF && thread_self() == &c->thread);
    l->coordinator = c;
    l->host = host;
    l->wanted = true;
    l->old_primary = l->hears = false;
    l->heard_ms = 0;
    l->why[0] = 0;
    l->down_since_ms = clock_unix_ms();
    begin();
}

static void connected(int32_t result) {
    l->connecting = false;
    l->in_flight--;
    if (l->state == LINK_CLOSES) {
        link_request_over();
    } else if (result < 0 && l->address + 1 < l->addresses.count) {
        ring_close_fd(ring(), l->fd, tag_make(TAG_NOTHING, 0, 0));
        l->address++;
        connect_to_next();
    } else if (result < 0) {
        char why[LINK_WHY_MAX];
        snprintf(why, sizeof why, "it cannot be reached: %s", strerror(-result));
        link_fail(why);
    } else {
        socket_tune(l->fd, (int)(l->settings.timeout_s > 3 ? l->settings.timeout_s / 3 : 1));
        socket_names(l->fd, l->peer, l->local, sizeof l->peer);
        l->heard_ms = l->connected_ms = clock_unix_ms();
        link_receive();
        link_talk_begin();
    }
}

/* ---- bytes ---- */

static void send_more(void) {
    if (l->sending || l->state == LINK_CLOSES) return;
    if (!l->text_on_its_way.len) {
        if (!l->text.len) return;
        buf_free(&l->text_on_its_way);
        l->text_on_its_way = l->text; /* which stays where it is, while more may be said */
        l->text = (struct buf){0};
    }
    l->sending = true;
    l->in_flight++;
    ring_send(ring(), l->fd, l->text_on_its_way.data, l->text_on_its_way.len, tag(TAG_LINK_SEND));
}

static void was_sent(int32_t result) {
    l->sending = false;
    l->in_flight--;
    if (l->state == LINK_CLOSES) {
        link_request_over();
    } else if (result <= 0) {
        link_fail(result ? strerror(-result) : "nothing could be sent");
    } else {
        buf_consume(&l->text_on_its_way, (size_t)result);
        send_more();
    }
}

void link_say(const char *bytes, size_t n) {
    l->said_ms = clock_unix_ms();
    buf_append(&l->text, bytes, n);
    send_more();
}

/* Whether as much has arrived as may wait here. */
static bool is_full(void) {
    return l->input.len >= LINK_INPUT_MAX ||
           (l->state == LINK_RECEIVES && l->input.len >= LINK_DUMP_AHEAD_MAX && l->dump.busy);
}

void link_receive(void) {
    if (l->receiving || l->state == LINK_CLOSES || l->fd < 0 || is_full()) return;
    l->receiving = true;
    l->in_flight++;
    ring_receive(ring(), l->fd, tag(TAG_LINK_RECEIVE));
}

/* What has come is for the state the link is in. */
static void look_at_input(void) {
    if (l->state == LINK_RECEIVES && l->dump.known)
        link_dump_go();
    else if (l->state == LINK_ONLINE)
        l->host->stream_comes();
    else if (l->state != LINK_LOADS)
        link_talk();
}

static void take_bytes(const struct completion *done) {
    const char *bytes = ring_buffer(ring(), done->buffer);
    size_t n = (size_t)done->result;
    l->heard_ms = l->coordinator->thread.turn_unix_ms;
    if (l->state == LINK_RECEIVES && l->dump.known && !l->dump.arrived) {
        l->dump_heard_ms = l->heard_ms;
        link_dump_take(bytes, n);
    } else {
        buf_append(&l->input, bytes, n);
    }
}

static void received(const struct completion *done) {
    bool alive = l->state != LINK_CLOSES;
    if (done->buffer >= 0) {
        if (done->result > 0 && alive) take_bytes(done);
        ring_buffer_return(ring(), done->buffer);
    }
    if (!done->more) {
        l->receiving = false;
        l->in_flight--;
    }
    if (!alive) {
        link_request_over();
        return;
    }
    if (done->result > 0) look_at_input();
    if (l->state == LINK_CLOSES) return;
    if (done->result == 0) {
        link_fail("the primary closed the connection");
    } else if (done->result < 0 && done->result != -ENOBUFS && done->result != -ECANCELED) {
        link_fail(strerror(-done->result));
    } else if (is_full() && l->receiving) {
        if (done->more) ring_cancel(ring(), tag(TAG_LINK_RECEIVE), tag_make(TAG_NOTHING, 0, 0));
    } else {
        link_receive();
    }
}

bool link_completion(struct coordinator *c, const struct completion *done) {
    enum tag_kind kind = tag_kind(done->tag);
    if (kind != TAG_LINK_CONNECT && kind != TAG_LINK_RECEIVE && kind != TAG_LINK_SEND) return false;
    ASSERT(l->coordinator == c && tag_generation(done->tag) == l->generation);
    if (kind == TAG_LINK_CONNECT)
        connected(done->result);
    else if (kind == TAG_LINK_SEND)
        was_sent(done->result);
    else
        received(done);
    return true;
}

void link_forget_dump(void) {
    l->host_loads = false;
    if (l->state != LINK_RECEIVES && !l->dump.busy) link_dump_end();
}

/* ---- online ---- */

void link_go_online(void) {
    if (l->state == LINK_CLOSES || l->state == LINK_OFF || l->state == LINK_RESTS) return;
    ASSERT(l->state == LINK_LOADS);
    link_dump_end();
    l->state = LINK_ONLINE;
    l->heard_ms = clock_unix_ms();
    l->down_since_ms = 0;
    l->why[0] = 0;
    link_receive();
    show();
    if (l->input.len) l->host->stream_comes();
}

struct buf link_take(void) {
    struct buf taken = l->input;
    ASSERT(l->state == LINK_ONLINE);
    l->input = (struct buf){.passing = true};
    link_receive();
    return taken;
}

static void append_word(struct buf *to, const char *word) {
    buf_printf(to, "$%zu\r\n%s\r\n", strlen(word), word);
}

static void append_number(struct buf *to, const char *name, int64_t n) {
    char digits[32];
    snprintf(digits, sizeof digits, "%lld", (long long)n);
    append_word(to, name);
    append_word(to, digits);
}

void link_acknowledge(int64_t offset, int64_t durable, unsigned below) {
    struct buf text = {0};
    if (l->state != LINK_ONLINE || (l->old_primary && !l->hears)) return;
    buf_printf(&text, "*%u\r\n", durable < 0 ? 5U : 7U);
    append_word(&text, "REPLCONF");
    append_number(&text, "ACK", offset);
    if (durable >= 0) append_number(&text, "FACK", durable);
    append_number(&text, "NODES", below);
    link_say(text.data, text.len);
    buf_free(&text);
}

void link_nudge(void) {
    if (l->state == LINK_LOADS) link_say("\n", 1);
}

void link_beat(void) {
    int64_t now_ms = clock_unix_ms();
    if (l->state == LINK_OFF) return;
    if (l->state == LINK_RESTS && now_ms >= l->retry_ms) begin();
    bool talks = l->state >= LINK_PINGS && l->state <= LINK_RECEIVES;
    int64_t since_ms = talks || l->state == LINK_ONLINE ? l->heard_ms : l->began_ms;
    bool waits = talks || l->state == LINK_ONLINE || l->state == LINK_CONNECTS;
    if (waits && l->receiving + l->connecting > 0 && now_ms - since_ms > l->settings.timeout_s * 1000)
        link_fail(l->state == LINK_CONNECTS ? "timeout connecting" : "timeout: nothing was heard of it");
    show();
}
