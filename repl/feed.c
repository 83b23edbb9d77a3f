/* feed.c: see feed.h. */
#include "repl/feed.h"

#include "shard/base/assert.h"
#include "shard/store/oplog.h"
#include "shard/store/slice.h"

static struct feed {
    struct stream stream;      /* open: it has a last block */
    bool wanted[FEED_USERS];   /* from feed_begin to feed_end */
    bool attached[FEED_USERS]; /* from feed_begin to feed_leave */
    bool relayed, changes_itself;
    int64_t selected; /* while it is relayed: behind its last byte */
    size_t ahead;     /* see feed_run_ahead */
    void (*catch_up)(void);
    void (*catch_up_to)(uint64_t place);
} feed;

static void set_logging(void) {
    bool on = feed.relayed ? feed.wanted[FEED_FILE] && feed.changes_itself
                           : feed.wanted[FEED_FILE] || feed.wanted[FEED_REPLICAS];
    for (unsigned i = 0; i < slices.count; i++) {
        uint32_t others = slices.all[i].switches & ~(uint32_t)SWITCH_LOGGING;
        slices.all[i].switches = others | (on ? SWITCH_LOGGING : 0);
    }
}

struct stream *feed_begin(struct coordinator *c, enum feed_user user) {
    ASSERT(user < FEED_USERS && !feed.attached[user]);
    if (feed.relayed) feed_complete();
    ASSERT(!feed.relayed || feed.catch_up_to);
    if (!feed.stream.last) { /* the coordinator has the last number */
        oplog_set_reader(c->thread.index);
        stream_open(&feed.stream, &c->thread, c->thread.index + 1U);
        if (feed.relayed) stream_set_relayed(&feed.stream, feed.catch_up_to);
    }
    feed.wanted[user] = feed.attached[user] = true;
    set_logging();
    return &feed.stream;
}

void feed_end(struct coordinator *c, enum feed_user user, struct stream_cut *cut) {
    (void)c;
    ASSERT(feed.wanted[user] && feed.attached[user]);
    if (feed.relayed) feed_complete();
    feed.wanted[user] = false;
    stream_note_cut(&feed.stream, cut);
    set_logging();
}

void feed_leave(enum feed_user user) {
    ASSERT(feed.attached[user] && !feed.wanted[user]);
    feed.attached[user] = false;
    if (feed.attached[FEED_FILE] || feed.attached[FEED_REPLICAS]) return;
    ASSERT(feed_has_all());
    stream_close(&feed.stream);
}

void feed_set_relayed(bool relayed) {
    feed.selected = feed_selected();
    feed.relayed = relayed;
    if (feed.stream.last) stream_set_relayed(&feed.stream, relayed ? feed.catch_up_to : NULL);
    set_logging();
}

void feed_set_changes_itself(bool on) {
    feed.changes_itself = on;
    set_logging();
}

void feed_register_relay(void (*catch_up)(void), void (*catch_up_to)(uint64_t place)) {
    feed.catch_up = catch_up;
    feed.catch_up_to = catch_up_to;
}

void feed_complete(void) {
    ASSERT(!feed.ahead);
    feed_merge(UINT64_MAX);
    if (feed.relayed && feed.catch_up) feed.catch_up();
}

void feed_relay(const char *bytes, size_t n, int64_t before, int64_t after) {
    ASSERT(feed.relayed);
    feed.selected = after;
    if (feed.stream.last) stream_relay(&feed.stream, bytes, n, before, after);
}

/* The file is never ahead: what it says that the data is, the data has to be at a cut. */
bool feed_may_run_ahead(void) {
    return feed.relayed && feed.wanted[FEED_REPLICAS] && !feed.attached[FEED_FILE] && !feed.ahead;
}

void feed_run_ahead(const char *bytes, size_t n, int64_t before, int64_t after) {
    ASSERT(feed_may_run_ahead());
    feed_relay(bytes, n, before, after);
    feed.ahead = n;
}

void feed_caught_up(void) {
    feed.ahead = 0;
}

size_t feed_ahead(void) {
    return feed.ahead;
}

int64_t feed_selected(void) {
    if (feed.relayed) return feed.selected;
    return feed.stream.last && feed.stream.database > 0 ? feed.stream.database : 0;
}

void feed_set_selected(int64_t database) {
    ASSERT(feed.relayed && database >= 0);
    feed.selected = database;
}

bool feed_is_relayed(void) {
    return feed.relayed;
}

struct stream *feed_stream(void) {
    return feed.stream.last ? &feed.stream : NULL;
}

void feed_merge(uint64_t bytes_max) {
    if (feed.stream.last && bytes_max > 0) stream_merge(&feed.stream, bytes_max);
}

bool feed_has_before(uint64_t ticket) {
    return !feed.stream.last || feed.stream.next_ticket >= ticket;
}

bool feed_has_all(void) {
    return feed_has_before(oplog_next_ticket());
}
