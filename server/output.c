/* output.c: sending what clients are told: see output.h. */
#include "server/output.h"

#include "server/config.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"
#include "shard/store/oplog.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

enum { PIECES_MAX = 64 };

/* What a vectored send refers to until it is done. */
struct output_vector {
    struct msghdr message;
    struct iovec pieces[PIECES_MAX];
};

void client_has_output(struct worker *w, struct client *c) {
    if (c->dirty) return;
    c->dirty = true;
    c->dirty_next = w->dirty;
    w->dirty = c;
}

static void send_vector(struct worker *w, struct client *c, uint64_t tag) {
    struct output_vector *v = c->vector;
    if (!v) v = c->vector = mem_zalloc(sizeof *v);
    size_t n = 0, skip = c->sent_of_first;
    for (struct reply_chunk *chunk = c->sending; chunk && n < PIECES_MAX; chunk = chunk->next) {
        if (chunk->len == skip) continue; /* nothing left of it; freed when the send is done */
        v->pieces[n++] = (struct iovec){(void *)(chunk->data + skip), chunk->len - skip};
        skip = 0;
    }
    v->message = (struct msghdr){.msg_iov = v->pieces, .msg_iovlen = n};
    ring_send_message(w->thread.ring, c->fd, &v->message, tag);
}

static void send_more(struct worker *w, struct client *c) {
    uint64_t tag = tag_make(TAG_SEND, c->generation, c->slot);
    struct reply_chunk *first = c->sending;
    c->in_flight++;
    if (LIKELY(!first->next))
        ring_send(w->thread.ring, c->fd, first->data + c->sent_of_first, first->len - c->sent_of_first, tag);
    else
        send_vector(w, c, tag);
}

static void note_output(struct client *c) {
    atomic_store_explicit(&c->output_bytes, c->reply.bytes + c->sending_bytes, memory_order_relaxed);
}

static const struct config_output_limit *limit_of(struct client *c) {
    bool subscribes = client_has(c, CLIENT_PUBSUB);
    return &config_get()->client_output_buffer_limit[subscribes ? CLIENT_CLASS_PUBSUB : CLIENT_CLASS_NORMAL];
}

bool output_is_over_hard_limit(struct client *c) {
    uint64_t hard_bytes = limit_of(c)->hard_bytes;
    return hard_bytes && c->reply.bytes + c->sending_bytes > hard_bytes;
}

/* Whether client-output-buffer-limit lets this client keep what waits for it. */
static bool within_limits(struct worker *w, struct client *c) {
    const struct config_output_limit *limit = limit_of(c);
    if (UNLIKELY(client_has(c, CLIENT_CLOSE_ASAP))) return false; /* they were passed within this turn */
    size_t bytes = c->reply.bytes + c->sending_bytes;
    if (LIKELY(!limit->hard_bytes && !limit->soft_bytes)) return true;
    if (limit->hard_bytes && bytes > limit->hard_bytes) return false;
    if (!limit->soft_bytes || bytes <= limit->soft_bytes) {
        c->soft_limit_since_ms = 0;
        return true;
    }
    uint64_t now_ms = w->thread.turn_mono_ns / 1000000;
    if (!c->soft_limit_since_ms) c->soft_limit_since_ms = now_ms;
    return now_ms - c->soft_limit_since_ms <= (uint64_t)limit->soft_seconds * 1000;
}

/* ---- appendfsync always ---- */

void output_note_push(struct worker *w, struct client *c, unsigned from, uint64_t turn) {
    if (LIKELY(oplog_may_tell(UINT64_MAX))) return;
    c->pushed = true;
    /* Its own turn is over before anything is sent. */
    if (from == w->thread.index || !thread_is_in_turn(thread_by_index(from), turn)) return;
    w->pushes.bits[from / 64] |= (uint64_t)1 << (from % 64);
    w->pushes.turns[from] = turn;
}

bool output_is_unsure(const struct worker *w) {
    uint64_t any = 0;
    for (unsigned i = 0; i < THREADS_MAX / 64; i++) any |= w->pushes.bits[i];
    return any != 0;
}

/* Forgets the turns that are over: what was done in them has its tickets. */
static void look_at_sources(struct worker *w) {
    for (unsigned i = 0; i < THREADS_MAX / 64; i++) {
        for (uint64_t bits = w->pushes.bits[i]; bits; bits &= bits - 1) {
            unsigned from = i * 64 + (unsigned)__builtin_ctzll(bits);
            if (!thread_is_in_turn(thread_by_index(from), w->pushes.turns[from]))
                w->pushes.bits[i] &= ~(bits & -bits);
        }
    }
}

/* Whether what is in its output is durable. */
static bool may_tell(const struct worker *w, struct client *c) {
    if (UNLIKELY(c->pushed)) {
        if (output_is_unsure(w)) return oplog_may_tell(UINT64_MAX);
        c->pushed = false;
        c->saw_ticket = oplog_next_ticket() - 1;
    }
    return LIKELY(oplog_may_tell(c->saw_ticket));
}

/* What it would be told is not durable yet. */
static void wait_untold(struct worker *w, struct client *c) {
    if (c->dirty) return;
    c->dirty = true; /* on one of the two lists */
    c->dirty_next = w->untold;
    w->untold = c;
}

/* Starts a send if there is something and none is in flight; otherwise sees whether the client is to be
 * closed. */
static void output_start(struct worker *w, struct client *c) {
    if (!within_limits(w, c)) {
        log_warning(
            "Client id=%llu addr=%s scheduled to be closed ASAP for overcoming of output buffer limits.",
            (unsigned long long)c->id, c->peer);
        count_add(&w->statistics.output_limit_closes, 1);
        client_close(w, c);
        return;
    }
    if (UNLIKELY(!may_tell(w, c)) && c->reply.bytes) {
        wait_untold(w, c);
    } else if (!c->sending) {
        if (!c->reply.bytes) reply_clear(&c->reply); /* pieces without a byte are not worth a send */
        c->sending = reply_take(&c->reply, &c->sending_bytes);
        c->sent_of_first = 0;
        if (c->sending)
            send_more(w, c);
        else if (client_has(c, CLIENT_CLOSE_AFTER_REPLY) || (c->end_of_input && c->wait == WAIT_NOTHING))
            client_close(w, c);
    }
    note_output(c);
}

/* Those of the untold that may be told now, or are closed, are dealt with like others that have output. */
static void look_at_untold(struct worker *w) {
    w->durable_seen = oplog_durable_ticket();
    struct client *c = w->untold;
    w->untold = NULL;
    while (c) {
        struct client *next = c->dirty_next;
        bool ready = client_has(c, CLIENT_CLOSING) || may_tell(w, c);
        struct client **list = ready ? &w->dirty : &w->untold;
        c->dirty_next = *list;
        *list = c;
        c = next;
    }
}

static void flush_dirty(struct worker *w) {
    while (w->dirty) {
        struct client *c = w->dirty;
        w->dirty = c->dirty_next;
        c->dirty = false;
        if (!client_has(c, CLIENT_CLOSING)) output_start(w, c);
    }
}

void output_flush(struct worker *w) {
    if (UNLIKELY(output_is_unsure(w))) look_at_sources(w);
    if (UNLIKELY(w->untold != NULL)) look_at_untold(w);
    flush_dirty(w);
    if (LIKELY(w->untold == NULL)) return;
    /* Asks to be woken, then looks once more. */
    oplog_wait_durable(&w->thread);
    if (oplog_durable_ticket() == w->durable_seen && !oplog_may_tell(UINT64_MAX)) return;
    look_at_untold(w);
    flush_dirty(w);
    if (w->untold) oplog_wait_durable(&w->thread);
}

void output_drop(struct client *c) {
    while (c->sending) c->sending = reply_chunk_free(c->reply.pool, c->sending);
    c->sending_bytes = 0;
    mem_free(c->vector);
    c->vector = NULL;
}

/* Gives back the chunks that are wholly sent. */
static void advance(struct client *c, size_t sent) {
    ASSERT(sent <= c->sending_bytes);
    c->sending_bytes -= sent;
    c->sent_of_first += sent;
    while (c->sending && c->sent_of_first >= c->sending->len) {
        c->sent_of_first -= c->sending->len;
        c->sending = reply_chunk_free(c->reply.pool, c->sending);
    }
}

void output_sent(struct worker *w, struct client *c, int32_t result) {
    client_request_over(w, c);
    if (client_has(c, CLIENT_CLOSING)) return;
    if (UNLIKELY(result <= 0)) {
        if (result == -EINTR || result == -EAGAIN) {
            send_more(w, c);
            return;
        }
        log_verbose("Error writing to client: %s", strerror(result ? -result : EPIPE));
        client_close(w, c);
        return;
    }
    count_add(&w->statistics.bytes_out, (uint64_t)result);
    count_add(&w->statistics.writes, 1);
    count_add(&c->bytes_out, (uint64_t)result);
    /* Whoever takes what it is sent is not idle, however long that lasts. */
    atomic_store_explicit(&c->active_ms, w->thread.turn_unix_ms, memory_order_relaxed);
    advance(c, (size_t)result);
    if (c->sending) {
        send_more(w, c);
        note_output(c);
        return;
    }
    if (c->vector) {
        mem_free(c->vector);
        c->vector = NULL;
    }
    if (UNLIKELY(c->soft_limit_since_ms) && !c->reply.bytes) c->soft_limit_since_ms = 0;
    if (c->reply.first || client_has(c, CLIENT_CLOSE_AFTER_REPLY) || c->end_of_input)
        output_start(w, c);
    else
        note_output(c);
}
