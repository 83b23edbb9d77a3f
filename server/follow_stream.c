/* follow_stream.c: a primary's stream: applied by a worker, batch by batch, and handed on when it has been: see follow.h. */
#include "server/follow_parts.h"

#include "repl/feed.h"
#include "repl/replicas.h"
#include "server/aof.h"
#include "server/config.h"
#include "server/process.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"
#include "shard/rt/clock.h"
#include "shard/store/oplog.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    REREAD_BYTES = 1 << 20,
    EARLY_BYTES = 4096, /* a batch of so many is short work */
};

/* What has been applied goes on to those who follow us. */
static void relay(struct stream_mark mark) {
    ASSERT(mark.bytes >= follower.relayed && mark.bytes <= follower.batch.bytes.len);
    if (mark.bytes == follower.relayed) return;
    feed_relay(follower.batch.bytes.data + follower.relayed, mark.bytes - follower.relayed,
               follower.relayed_database, mark.database);
    follower.relayed = mark.bytes;
    follower.relayed_database = mark.database;
    replicas_note_offset();
}

void follow_catch_up_to(uint64_t place) {
    const struct stream_batch *batch = &follower.batch;
    if (!follower.applies) return; /* all of it is */
    uint64_t bytes = (place - stream_place(batch->begins_at, 0)) >> STREAM_PLACE_DATABASE_BITS;
    int64_t database = (int64_t)(place & ((1 << STREAM_PLACE_DATABASE_BITS) - 1));
    if (bytes > follower.relayed && bytes <= batch->bytes.len) relay((struct stream_mark){bytes, database});
}

void follow_catch_up(void) {
    ASSERT(!follower.applies || !follower.batch.whole);
    if (follower.applies) relay(follower.batch.mark);
}

/* A short batch goes on to replicas before it is applied, where it is certain that it will be: at each level of a tree that
 * saves two changes of threads. Until it has been, no cut may come: there, what is in the stream is what the data has. */
static bool relay_early(void) {
    struct buf *bytes = &follower.batch.bytes;
    int64_t database =
        follower.relayed_database < 0 ? 0 : follower.relayed_database; /* where applying begins */
    if (bytes->len > EARLY_BYTES || !replicas_are_there()) return false;
    if (!feed_may_run_ahead() || follower.coordinator->cuts) return false;
    size_t n = apply_stream_glance(bytes->data, bytes->len, &database);
    if (!n) return false;
    coordinator_keep_cuts(follower.coordinator, true);
    feed_run_ahead(bytes->data, n, follower.relayed_database, database);
    follower.relayed = n;
    follower.relayed_database = database;
    return true;
}

static void caught_up(void) {
    ASSERT(follower.batch.end.bytes == follower.relayed);
    feed_caught_up();
    replicas_note_offset();
    coordinator_keep_cuts(follower.coordinator, false);
}

/* Up to where the stream is in the append-only file for good; -1: there is none. What is there of it now is known to be durable
 * when the file is that far; until then nothing further is looked at. */
static int64_t durable_offset(void) {
    uint64_t end, durable;
    struct durability *d = &follower.durability;
    if (!aof_positions(&end, &durable)) {
        *d = (struct durability){.offset = -1};
        return -1;
    }
    if (d->pending && durable >= d->pending_end) {
        d->offset = d->pending_offset;
        d->pending = false;
    }
    if (!d->pending && d->offset < identity_get().offset) {
        d->pending = true;
        d->pending_end = end;
        d->pending_offset = identity_get().offset;
    }
    return d->offset;
}

void follow_acknowledge(void) {
    follower.acked_ms = clock_unix_ms();
    follower.acked_offset = identity_get().offset;
    follower.acked_durable = durable_offset();
    link_acknowledge(follower.acked_offset, follower.acked_durable, replicas_below());
}

bool follow_has_news(void) {
    return identity_get().offset != follower.acked_offset || durable_offset() != follower.acked_durable;
}

/* The stream has something that cannot be applied. It must not be passed over, so nothing more can be. */
static void stop_for_good(const char *why) {
    char text[LINK_WHY_MAX];
    snprintf(
        text, sizeof text,
        "%.*s, at offset %lld. The link stops here; the data is kept and served as it is. REPLICAOF makes "
        "the link anew.",
        STREAM_WHY_MAX, why, (long long)identity_get().offset);
    follower.stopped = true;
    memcpy(follower.stopped_why, text, sizeof text);
    log_warning("== CRITICAL == The stream of the primary %s:%d: %s", follower.host, follower.port, text);
    link_stop();
}

static void batch_done(struct thread *t, struct stream_batch *batch) {
    (void)t;
    (void)batch;
    ASSERT(follower.applies && !follower.over_ticket);
    follower.over_ticket = oplog_next_ticket();
    follow_finish_batch();
}

/* What was changed here meanwhile, and saw less than all of the batch, comes before the rest of it. Its entry may take
 * another moment to be seen. */
static bool may_relay_all(void) {
    feed_merge(UINT64_MAX);
    return feed_has_before(follower.over_ticket);
}

void follow_finish_batch(void) {
    struct stream_batch *batch = &follower.batch;
    if (LIKELY(!follower.over_ticket) || !may_relay_all()) return;
    follower.over_ticket = 0;
    if (batch->whole)
        caught_up();
    else
        relay(batch->end);
    follower.applies = false;
    follower.applied += batch->end.bytes;
    follower.database = batch->end.database;
    /* What has come meanwhile stands behind the rest. */
    struct buf rest = {.passing = true};
    size_t left = batch->bytes.len - batch->end.bytes;
    if (left) buf_append(&rest, batch->bytes.data + batch->end.bytes, left);
    buf_free(&batch->bytes);
    ASSERT(follower.rest.len == 0);
    follower.rest = rest;
    follower.needed = batch->needed;
    follower.reread_from = rest.len + rest.len / 2;
    if (batch->asks) follow_acknowledge();
    if (batch->errors && config_get()->propagation_error_behavior != 0) {
        log_warning(
            "A command of the primary's stream failed, and propagation-error-behavior says to end here");
        process_remove_pidfile();
        _exit(1);
    }
    if (batch->outcome != STREAM_GOES_ON)
        stop_for_good(batch->why);
    else
        follow_pump(false);
}

/* Has the next batch applied, if there is one and it may be. */
void follow_pump(bool at_beat) {
    if (follower.applies || follower.phase != FOLLOW_IDLE || follower.wish || follower.cutting ||
        follower.stopped)
        return;
    if (link_view().state != LINK_ONLINE) return;
    struct buf fresh = link_take();
    if (follower.rest.len == 0) {
        buf_free(&follower.rest);
        follower.rest = fresh;
    } else {
        buf_append(&follower.rest, fresh.data, fresh.len);
        buf_free(&fresh);
    }
    if (follower.rest.len == 0 || follower.rest.len < follower.needed) return;
    /* A long transaction is read from its beginning each time: not for every few bytes that come. */
    if (follower.rest.len > REREAD_BYTES && follower.rest.len < follower.reread_from && !at_beat) return;
    follower.batch.bytes = follower.rest;
    follower.rest = (struct buf){.passing = true};
    follower.batch.begins_at = follower.applied;
    follower.batch.mark = (struct stream_mark){0, follower.database};
    follower.batch.done = batch_done;
    follower.relayed = 0;
    follower.relayed_database = follower.database;
    follower.applies = true;
    follower.batch.whole = relay_early();
    apply_stream(&follower.coordinator->thread, &follower.batch);
}
