/* aof_write.c: see aof_write.h. */
#include "persist/aof_write.h"

#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/rt/clock.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum {
    WRITE_BYTES_MAX = 1 << 20,  /* with one request */
    KEPT_BYTES_MAX = 256 << 20, /* beyond, a sync that fails may lose what the kernel dropped */
};
static const uint64_t SECOND_NS = 1000000000;
/* Where no reply waits for it, fewer bytes than this are written after so long: one write instead of many. */
enum { FEW_BYTES = 128 << 10, FEW_NS = 1000000 };

static struct aof_write *of_write(struct file_operation *op) {
    return (struct aof_write *)op;
}

static struct aof_write *of_sync(struct file_operation *op) {
    return (struct aof_write *)(void *)((char *)op - offsetof(struct aof_write, sync));
}

/* ---- tickets and places ---- */

/* Notes that all entries up to the stream's last are before its end. Where marks are many, the last one moves
 * on. */
static void note_mark(struct aof_write *w) {
    struct stream *s = w->stream;
    struct aof_mark mark = {
        .at = s->end[STREAM_FILE], .ticket = s->next_ticket - 1, .at_for_replicas = s->end[STREAM_REPLICAS]};
    struct aof_mark *last = w->mark_count ? &w->marks[(w->first_mark + w->mark_count - 1) % AOF_MARKS] : NULL;
    if (last && last->at == mark.at) return;
    if (w->mark_count < AOF_MARKS)
        w->marks[(w->first_mark + w->mark_count++) % AOF_MARKS] = mark;
    else
        *last = mark;
}

static void pass_marks(struct aof_write *w) {
    while (w->mark_count && w->marks[w->first_mark].at <= w->reader.at) {
        w->written_ticket = w->marks[w->first_mark].ticket;
        w->boundary = w->marks[w->first_mark].at;
        w->written_for_replicas = w->marks[w->first_mark].at_for_replicas;
        w->first_mark = (w->first_mark + 1) % AOF_MARKS;
        w->mark_count--;
    }
}

/* The entries that are not in the file: replies wait for them. */
static uint64_t entries_left(const struct aof_write *w) {
    return oplog_next_ticket() - 1 - w->written_ticket;
}

/* ---- writing ---- */

static void note_failure(struct aof_write *w, _Atomic int *where, int error, const char *what) {
    int before = atomic_exchange(where, error);
    w->failed_ns = clock_mono_ns();
    if (before != error)
        log_warning("Error %s the append-only file: %s. Trying again every second.", what, strerror(error));
}

static void note_success(_Atomic int *where, const char *what) {
    if (LIKELY(!atomic_load(where))) return;
    atomic_store(where, 0);
    log_warning("%s the append-only file works again.", what);
}

/* So many bytes are in the file: of the stamp first, then of the stream. */
static void go_past(struct aof_write *w, size_t moved) {
    size_t stamp = moved < w->stamp_bytes ? moved : w->stamp_bytes;
    w->size += moved;
    memmove(w->stamp, w->stamp + stamp, w->stamp_bytes - stamp);
    w->stamp_bytes -= (unsigned)stamp;
    stream_advance_to(&w->reader, w->reader.at + moved - stamp);
    pass_marks(w);
    atomic_store_explicit(&w->bytes, w->size, memory_order_relaxed);
}

/* Everything that is in the file is on the disk. */
static void is_durable_up_to_here(struct aof_write *w) {
    w->synced_size = w->size;
    stream_advance_to(&w->kept, w->reader.at);
    w->durable_for_replicas = w->written_for_replicas;
    atomic_fetch_add_explicit(&w->syncs, 1, memory_order_relaxed);
    oplog_set_durable(w->thread, w->written_ticket);
}

static void written(struct thread *t, struct file_operation *op, int64_t result) {
    struct aof_write *w = of_write(op);
    (void)t;
    w->writing = false;
    if (result < 0) {
        note_failure(w, &w->write_error, (int)-result, "writing to");
    } else {
        note_success(&w->write_error, "Writing to");
        go_past(w, (size_t)result);
        if (op->pieces.durable) is_durable_up_to_here(w);
        if (w->policy == AOF_SYNC_ALWAYS)
            gather_commit_ends(&w->gather, entries_left(w), w->thread->turn_mono_ns);
    }
    aof_write_go(w);
}

/* How many bytes belong to the file in use. */
static uint64_t bytes_to_write(const struct aof_write *w) {
    uint64_t until = w->stream->end[STREAM_FILE];
    if (w->last_cut && w->last_cut->reached) until = w->last_cut->at[STREAM_FILE];
    if (w->next_fd >= 0 && w->cut.reached) until = w->cut.at[STREAM_FILE];
    return until > w->reader.at ? until - w->reader.at : 0;
}

/* "#TS:<seconds>", where the time is another than that of the last one. Only between entries. */
static void prepare_stamp(struct aof_write *w) {
    int64_t now_s = w->thread->turn_unix_ms / 1000;
    if (!w->stamps || now_s == w->stamped_s) return;
    if (w->reader.at != w->boundary) return;
    w->stamped_s = now_s;
    w->stamp_bytes = (unsigned)snprintf(w->stamp, sizeof w->stamp, "#TS:%lld\r\n", (long long)now_s);
}

/* Whether what is left should be written later, together with what comes until then. */
static bool may_wait_for_more(struct aof_write *w, uint64_t left) {
    uint64_t now_ns = w->thread->turn_mono_ns;
    bool urgent = w->next_fd >= 0 || w->redo_to || left >= FEW_BYTES;
    if (w->policy == AOF_SYNC_ALWAYS)
        return gather_waits(&w->gather, urgent ? UINT64_MAX : entries_left(w), now_ns);
    if (!urgent && left && !w->pending_since_ns) w->pending_since_ns = now_ns;
    if (!urgent && left && now_ns - w->pending_since_ns < FEW_NS) return true;
    w->pending_since_ns = 0;
    return false;
}

uint64_t aof_write_wants_ns(const struct aof_write *w) {
    if (w->gather.until_ns) return w->gather.until_ns;
    return w->pending_since_ns ? w->pending_since_ns + FEW_NS : 0;
}

uint64_t aof_write_wakes_from(const struct aof_write *w) {
    if (w->policy != AOF_SYNC_ALWAYS) return 0;
    if (w->writing || w->syncing) return UINT64_MAX;
    return w->gather.until_ns ? w->written_ticket + w->gather.wanted : 0;
}

/* Whether the write itself may make durable what it writes, which saves the sync: if everything before it is
 * so already. */
static bool may_sync_by_write(const struct aof_write *w) {
    return w->policy == AOF_SYNC_ALWAYS && !w->never_mind_sync && !w->syncing && !w->redo_to &&
           w->synced_size == w->size && w->kept.at == w->reader.at;
}

static void write_more(struct aof_write *w) {
    uint64_t left = bytes_to_write(w);
    if (w->writing) return;
    if (UNLIKELY(atomic_load_explicit(&w->write_error, memory_order_relaxed)) &&
        clock_mono_ns() - w->failed_ns < SECOND_NS)
        return;
    if (may_wait_for_more(w, left) || left == 0) return;
    unsigned count = 0;
    if (w->stamp_bytes) w->pieces[count++] = (struct iovec){w->stamp, w->stamp_bytes};
    if (left > WRITE_BYTES_MAX) left = WRITE_BYTES_MAX;
    count += stream_look_ahead(&w->reader, w->pieces + count, AOF_PIECES - count, left);
    w->writing = true;
    w->write.done = written;
    gather_commit_begins(&w->gather, w->stream->next_ticket - 1 - w->written_ticket, w->thread->turn_mono_ns);
    struct ring_pieces what = {
        .pieces = w->pieces, .count = count, .offset = w->size, .durable = may_sync_by_write(w)};
    file_write_pieces(w->thread, &w->write, w->fd, &what);
}

/* ---- syncing ---- */

static void synced(struct thread *t, struct file_operation *op, int64_t result) {
    struct aof_write *w = of_sync(op);
    w->syncing = false;
    atomic_store_explicit(&w->sync_in_flight, false, memory_order_relaxed);
    if (result < 0) {
        note_failure(w, &w->sync_error, (int)-result, "syncing");
    } else {
        note_success(&w->sync_error, "Syncing");
        atomic_fetch_add_explicit(&w->syncs, 1, memory_order_relaxed);
        w->synced_size = w->syncing_size;
        stream_advance_to(&w->kept, w->syncing_at);
        w->durable_for_replicas = w->syncing_for_replicas;
        oplog_set_durable(t, w->syncing_ticket);
    }
    aof_write_go(w);
}

static void sync_file(struct aof_write *w) {
    w->syncing = true;
    atomic_store_explicit(&w->sync_in_flight, true, memory_order_relaxed);
    w->syncing_at = w->reader.at;
    w->syncing_size = w->size;
    w->syncing_ticket = w->written_ticket;
    w->syncing_for_replicas = w->written_for_replicas;
    w->sync_began_ns = clock_mono_ns();
    w->sync.done = synced;
    file_sync(w->thread, &w->sync, w->fd, true);
}

/* What was written since the last good sync is written again, in place. */
static void go_back(struct aof_write *w) {
    ASSERT(!w->writing);
    w->redo_to = w->reader.at;
    w->size = w->synced_size;
    stream_leave(&w->reader);
    stream_join_at(&w->reader, &w->kept);
}

/* After a sync that failed: once a second all of it is written again, then synced. Stamps would not come out
 * the same, so with them the sync alone is tried again. True: it is time to sync. */
static bool redo(struct aof_write *w, uint64_t now_ns) {
    if (w->redo_to) {
        if (w->reader.at < w->redo_to) return false;
        w->redo_to = 0;
        return true;
    }
    if (w->writing || now_ns - w->failed_ns < SECOND_NS) return false;
    w->failed_ns = now_ns;
    if (w->stamps || w->stamped_s) return true;
    go_back(w);
    write_more(w);
    return false;
}

static bool is_late(struct aof_write *w, uint64_t now_ns) {
    /* As redis-server counts: there is something to be synced, and the sync before it takes too long. */
    if (!w->syncing || w->policy != AOF_SYNC_EVERY_SECOND || w->reader.at == w->syncing_at) {
        w->late_since_ns = 0;
        return false;
    }
    if (!w->late_since_ns) w->late_since_ns = now_ns;
    return now_ns - w->late_since_ns > 2 * SECOND_NS;
}

static bool wants_sync(const struct aof_write *w, uint64_t now_ns) {
    bool is_durable = w->reader.at == w->kept.at && w->written_ticket <= oplog_durable_ticket();
    if (w->syncing || (is_durable && !w->redo_to)) return false;
    if (w->closing) return w->policy != AOF_SYNC_NO;
    if (w->never_mind_sync) return false;
    if (w->policy == AOF_SYNC_ALWAYS) return true;
    return w->policy == AOF_SYNC_EVERY_SECOND && now_ns - w->sync_began_ns >= SECOND_NS;
}

static void sync_more(struct aof_write *w) {
    uint64_t now_ns = clock_mono_ns();
    if (UNLIKELY(is_late(w, now_ns))) {
        w->late_since_ns = now_ns;
        atomic_fetch_add_explicit(&w->delayed_syncs, 1, memory_order_relaxed);
        log_notice(
            "Asynchronous AOF fsync is taking too long (disk is busy?). Replies to writes are not held "
            "back, but more than a second of them may be lost in a crash.");
    }
    if (!wants_sync(w, now_ns)) return;
    if (UNLIKELY(atomic_load_explicit(&w->sync_error, memory_order_relaxed)) && !redo(w, now_ns)) return;
    sync_file(w);
}

/* What nobody syncs is not kept; nor is what would be too much. */
static void forget_kept(struct aof_write *w) {
    if (w->policy == AOF_SYNC_NO && !w->syncing) {
        stream_advance_to(&w->kept, w->reader.at);
        w->synced_size = w->size;
    } else if (UNLIKELY(w->reader.at - w->kept.at > KEPT_BYTES_MAX)) {
        w->synced_size += w->reader.at - KEPT_BYTES_MAX / 2 - w->kept.at;
        stream_advance_to(&w->kept, w->reader.at - KEPT_BYTES_MAX / 2);
    }
}

/* ---- files ---- */

/* Everything before the cut is in the old file: once that is durable, the new one takes its place. */
static void change_files(struct aof_write *w) {
    if (w->next_fd < 0 || !w->cut.reached || w->reader.at != w->cut.at[STREAM_FILE] || w->writing ||
        w->syncing)
        return;
    w->closing = true;
    if (w->policy != AOF_SYNC_NO && w->kept.at != w->reader.at) return; /* sync_more does that first */
    stream_advance_to(&w->kept, w->reader.at);
    file_close(w->thread, w->fd);
    w->fd = w->next_fd;
    w->next_fd = -1;
    w->closing = false;
    w->size = w->synced_size = 0;
    w->stamped_s = 0;
    atomic_store_explicit(&w->bytes, 0, memory_order_relaxed);
    if (w->switched) w->switched(w);
}

void aof_write_go(struct aof_write *w) {
    if (w->fd < 0) return;
    note_mark(w);
    change_files(w);
    if (w->stamps && !w->writing && !w->stamp_bytes && bytes_to_write(w)) prepare_stamp(w);
    write_more(w);
    sync_more(w);
    forget_kept(w);
    atomic_store_explicit(&w->buffered, w->stream->end[STREAM_FILE] - w->reader.at, memory_order_relaxed);
}

void aof_write_open(struct aof_write *w, struct stream *s, int fd, uint64_t size) {
    ASSERT(fd >= 0);
    w->thread = s->thread;
    w->stream = s;
    w->fd = fd;
    w->next_fd = -1;
    w->last_cut = NULL;
    w->size = w->synced_size = size;
    w->first_mark = w->mark_count = 0;
    w->written_ticket = s->next_ticket - 1;
    w->written_for_replicas = w->durable_for_replicas = s->end[STREAM_REPLICAS];
    w->writing = w->syncing = w->closing = false;
    w->stamped_s = 0;
    w->stamp_bytes = 0;
    w->redo_to = 0;
    w->pending_since_ns = 0;
    w->sync_began_ns = clock_mono_ns();
    atomic_store(&w->bytes, size);
    stream_join(s, &w->reader, STREAM_FILE);
    stream_join(s, &w->kept, STREAM_FILE);
    w->boundary = w->reader.at;
}

void aof_write_switch(struct aof_write *w, int fd) {
    ASSERT(fd >= 0 && w->next_fd < 0);
    w->next_fd = fd;
    stream_note_cut(w->stream, &w->cut);
}

void aof_write_end_at(struct aof_write *w, const struct stream_cut *cut) {
    ASSERT(w->next_fd < 0);
    w->last_cut = cut;
}

uint64_t aof_write_durable_for_replicas(const struct aof_write *w) {
    return w->kept.at == w->stream->end[STREAM_FILE] ? UINT64_MAX : w->durable_for_replicas;
}

bool aof_write_is_done(const struct aof_write *w) {
    if (w->reader.at != w->stream->end[STREAM_FILE] || !aof_write_is_idle(w)) return false;
    return w->policy == AOF_SYNC_NO || w->kept.at == w->reader.at;
}

void aof_write_sync_now(struct aof_write *w) {
    if (!w->syncing && w->kept.at != w->reader.at) sync_file(w);
}

bool aof_write_is_idle(const struct aof_write *w) {
    return !w->writing && !w->syncing && w->next_fd < 0;
}

void aof_write_close(struct aof_write *w) {
    ASSERT(aof_write_is_idle(w));
    stream_leave(&w->reader);
    stream_leave(&w->kept);
    file_close(w->thread, w->fd);
    w->fd = -1;
}
