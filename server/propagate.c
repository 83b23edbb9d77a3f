/* propagate.c: see propagate.h. */
#include "server/propagate.h"

#include "shard/base/assert.h"
#include "shard/store/oplog.h"

#include <string.h>

void propagate_command(struct call *c, const char *name, unsigned words) {
    c->replaced = true;
    if (LIKELY(!c->logs)) return;
    oplog_command(c->visit.thread, c->visit.database, words);
    oplog_word(c->visit.thread, name, strlen(name));
}

void propagate_bytes(struct call *c, const char *data, size_t len) {
    if (UNLIKELY(c->logs)) oplog_word(c->visit.thread, data, len);
}

void propagate_text(struct call *c, const char *text) {
    propagate_bytes(c, text, strlen(text));
}

void propagate_number(struct call *c, int64_t n) {
    if (UNLIKELY(c->logs)) oplog_number(c->visit.thread, n);
}

static void log_argument(struct call *c, unsigned i) {
    ASSERT(i < c->argc);
    if (UNLIKELY(c->blobs && c->blobs[i]))
        oplog_blob_word(c->visit.thread, c->blobs[i]);
    else
        oplog_word(c->visit.thread, c->argv[i].data, c->argv[i].len);
}

void propagate_argument(struct call *c, unsigned i) {
    if (UNLIKELY(c->logs)) log_argument(c, i);
}

void propagate_key(struct call *c, unsigned i) {
    ASSERT(i < c->key_count);
    propagate_bytes(c, c->keys[i].data, c->keys[i].len);
}

void propagate_on_key(struct call *c, const char *name, unsigned i) {
    propagate_command(c, name, 2);
    propagate_key(c, i);
}

void propagate_on_key_number(struct call *c, const char *name, unsigned i, int64_t n) {
    propagate_command(c, name, 3);
    propagate_key(c, i);
    propagate_number(c, n);
}

void propagate_expired(struct call *c, unsigned i) {
    ASSERT(i < c->key_count);
    c->replaced = true;
    if (UNLIKELY(c->logs))
        oplog_key_gone(c->visit.thread, c->visit.database, c->keys[i].data, c->keys[i].len, OPLOG_EXPIRED);
}

void propagate_nothing(struct call *c) {
    c->replaced = true;
}

void propagate_anyway(struct call *c) {
    c->dirty |= 1; /* the server's own count of changes stays what it is */
}

void propagate_finish(struct call *c) {
    if (LIKELY(!c->logs) || !c->dirty || c->replaced) return;
    oplog_command(c->visit.thread, c->visit.database, c->argc);
    for (unsigned i = 0; i < c->argc; i++) log_argument(c, i);
}

uint64_t propagate_publish(struct thread *me, struct hold **holds, unsigned count) {
    uint64_t last = 0;
    if (LIKELY(count == 0 || !(slice_of_hold(holds[0])->switches & SWITCH_LOGGING))) return 0;
    uint64_t ticket = oplog_publish(me, false);
    for (unsigned i = 0; i < count; i++) {
        struct slice *s = slice_of_hold(holds[i]);
        if (ticket) s->last_ticket = ticket;
        if (s->last_ticket > last) last = s->last_ticket;
    }
    return last;
}
