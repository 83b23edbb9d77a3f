/* replica_send.c: what a replica is sent, one piece at a time: texts, then the dump, then the stream. */
#include "repl/feed.h"
#include "repl/replica_parts.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"
#include "shard/rt/tag.h"

#include <stdio.h>
#include <string.h>

enum { STREAM_SEND_MAX = 1 << 20 };

static void send_bytes(struct replica *r, enum replica_sends what, const char *bytes, size_t n) {
    ASSERT(!r->sends && n > 0);
    r->sends = what;
    r->took_ms = replicas.coordinator->thread.turn_unix_ms;
    r->in_flight++;
    ring_send(replicas.coordinator->thread.ring, r->facts->fd, bytes, n,
              tag_make(TAG_REPLICA_SEND, r->generation, r->slot));
}

/* ---- from a file: of the dump, or of what was written since ---- */

static void chunk_read(struct thread *t, struct file_operation *op, int64_t result) {
    struct replica *r = (struct replica *)op;
    (void)t;
    r->reading = false;
    replica_request_over(r);
    if (r->closing) return;
    if (result <= 0) {
        replica_drop(r, "what is kept for it in a file cannot be read back");
        return;
    }
    r->chunk_at = 0;
    r->chunk_bytes = (size_t)result;
    *(r->spool ? &r->spool_at : &r->spilled.at) += (uint64_t)result;
    replica_send(r);
}

static void need_chunk(struct replica *r) {
    if (!r->chunk) r->chunk = mem_alloc(REPLICA_CHUNK_BYTES);
}

static void read_chunk(struct replica *r, int fd, size_t n, uint64_t offset) {
    need_chunk(r);
    r->reading = true;
    r->in_flight++;
    r->read.done = chunk_read;
    file_read(&replicas.coordinator->thread, &r->read, fd, r->chunk, n, offset);
}

/* ---- the dump ---- */

static void read_dump(struct replica *r) {
    uint64_t left = r->spool->written - r->spool_at;
    read_chunk(r, r->spool->file.fd, left < REPLICA_CHUNK_BYTES ? (size_t)left : REPLICA_CHUNK_BYTES,
               r->spool_at);
}

/* How the replica will know where the dump ends: a mark, or its length once that is known. */
static bool announce(struct replica *r) {
    if (r->announced) return true;
    if (r->facts->knows_eof) {
        for (unsigned i = 0; i < REPLICA_MARK_BYTES; i++)
            r->mark[i] = "0123456789abcdef"[random_below(&replicas.coordinator->thread.random, 16)];
        buf_printf(&r->text, "$EOF:%s\r\n", r->mark);
    } else if (r->spool->ended && r->spool->whole) {
        buf_printf(&r->text, "$%llu\r\n", (unsigned long long)r->spool->written);
    } else if (!r->spool->ended) {
        return false;
    }
    r->announced = true;
    return true;
}

static void dump_is_sent(struct replica *r) {
    char name[REPLICA_HOST_MAX + 16];
    replica_name(r, name, sizeof name);
    buf_append(&r->text, r->mark, strlen(r->mark));
    spool_unref(&replicas.coordinator->thread, r->spool);
    r->spool = NULL;
    r->state = REPLICA_ONLINE;
    /* It looks for the mark at the end of what it has received: nothing may follow before it says that it
     * has found it. */
    r->awaits_ack = r->mark[0] && r->facts->psync;
    log_notice("Synchronization with replica %s succeeded", name);
}

/* Whether the dump shows what it may not have yet: then its end is kept back. */
static bool is_withheld(const struct replica *r) {
    return r->reads && replicas.withheld_from < replica_place(r);
}

/* True: there is something in `text` or `chunk` now, or the dump is over. */
static bool prepare_dump(struct replica *r) {
    if (r->spool->ended && !r->spool->whole) {
        replica_drop(r, "there is no dump to send");
        return false;
    }
    if (!announce(r) || r->reading) return false;
    if (r->text.len) return true;
    if (r->spool_at < r->spool->written) {
        read_dump(r);
        return false;
    }
    if (!r->spool->ended || is_withheld(r)) return false;
    dump_is_sent(r);
    return true;
}

/* ---- what was written since the dump ---- */

/* At most so many bytes of the stream may it be sent now. */
static size_t allowed(const struct replica *r, size_t most) {
    uint64_t at = replica_place(r);
    uint64_t left = replicas.withheld_from > at ? replicas.withheld_from - at : 0;
    return left < most ? (size_t)left : most;
}

/* All that lies in the stream, as far as a chunk holds it. */
static void copy_stream(struct replica *r) {
    const char *bytes;
    size_t n;
    while ((n = stream_look(&r->reader, &bytes)) > 0) {
        size_t room = allowed(r, REPLICA_CHUNK_BYTES - r->chunk_bytes);
        if (room == 0) break;
        if (n > room) n = room;
        memcpy(r->chunk + r->chunk_bytes, bytes, n);
        stream_advance(&r->reader, n);
        r->chunk_bytes += n;
    }
    r->catches_up = replica_lag(r) > 0 && allowed(r, 1) > 0;
}

/* The next chunk. It is sent from a copy: a send may take long, and must not keep what was written since in
 * memory. */
static void fetch_chunk(struct replica *r) {
    ASSERT(r->chunk_at == r->chunk_bytes);
    if (r->reading) return;
    need_chunk(r);
    r->chunk_at = r->chunk_bytes = 0;
    if (!r->spilled.spill || replica_leaves_spill(r)) {
        copy_stream(r);
        return;
    }
    struct spill_span span = spill_look(&r->spilled);
    span.n = allowed(r, span.n < REPLICA_CHUNK_BYTES ? span.n : REPLICA_CHUNK_BYTES);
    if (span.n == 0) return;
    if (!span.bytes) {
        read_chunk(r, span.fd, span.n, span.offset);
        return;
    }
    memcpy(r->chunk, span.bytes, span.n);
    r->chunk_bytes = span.n;
    r->spilled.at += span.n;
}

/* ---- what is next ---- */

static void send_text(struct replica *r) {
    ASSERT(!r->text_on_its_way.len);
    buf_free(&r->text_on_its_way);
    r->text_on_its_way = r->text; /* which stays where it is, while more may be said */
    r->text = (struct buf){0};
    send_bytes(r, REPLICA_SENDS_TEXT, r->text_on_its_way.data, r->text_on_its_way.len);
}

static void send_chunk(struct replica *r) {
    send_bytes(r, REPLICA_SENDS_CHUNK, r->chunk + r->chunk_at, r->chunk_bytes - r->chunk_at);
}

static void send_stream(struct replica *r) {
    const char *bytes;
    if (!r->reads || r->awaits_ack) return;
    if (r->catches_up) {
        fetch_chunk(r);
        if (r->chunk_at < r->chunk_bytes) send_chunk(r);
        return;
    }
    mem_free(r->chunk);
    r->chunk = NULL;
    size_t n = allowed(r, stream_look(&r->reader, &bytes));
    if (n > STREAM_SEND_MAX) n = STREAM_SEND_MAX;
    if (n > 0) send_bytes(r, REPLICA_SENDS_STREAM, bytes, n);
}

void replica_send(struct replica *r) {
    if (r->sends || r->closing) return;
    if (r->text_on_its_way.len) {
        send_bytes(r, REPLICA_SENDS_TEXT, r->text_on_its_way.data, r->text_on_its_way.len);
        return;
    }
    if (!r->text.len && r->chunk_at < r->chunk_bytes) {
        send_chunk(r);
        return;
    }
    if (!r->text.len && r->state == REPLICA_LOADS && !prepare_dump(r)) return;
    if (r->text.len)
        send_text(r);
    else if (r->state == REPLICA_ONLINE)
        send_stream(r);
}

void replica_sent(struct replica *r, int32_t result) {
    enum replica_sends what = r->sends;
    r->sends = REPLICA_SENDS_NOTHING;
    replica_request_over(r);
    if (r->closing) return;
    if (result <= 0) {
        replica_drop(r, result ? strerror(-result) : "nothing could be sent");
        return;
    }
    size_t n = (size_t)result;
    if (what == REPLICA_SENDS_TEXT)
        buf_consume(&r->text_on_its_way, n);
    else if (what == REPLICA_SENDS_CHUNK)
        r->chunk_at += n;
    else
        stream_advance(&r->reader, n);
    replica_send(r);
}
