/* call.c: what command handlers use to get at their arguments and slices: see call.h. */
#include "server/call.h"

#include "server/client.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/text.h"
#include "shard/store/oplog.h"

struct value call_value(struct call *c, unsigned i) {
    ASSERT(i < c->argc);
    if (c->blobs && c->blobs[i]) {
        /* The request keeps its own reference: what is told of the command afterwards (MONITOR, slow log)
         * reads its arguments. */
        return (struct value){.form = VALUE_BLOB, .blob = blob_ref(c->blobs[i])};
    }
    return value_bytes(c->argv[i].data, c->argv[i].len);
}

bool call_int(struct call *c, unsigned i, int64_t *value, const char *error) {
    ASSERT(i < c->argc);
    if (text_to_i64(c->argv[i].data, c->argv[i].len, value)) return true;
    if (error)
        reply_error(c->reply, error);
    else
        reply_not_an_integer(c->reply);
    return false;
}

bool call_double(struct call *c, unsigned i, double *value, const char *error) {
    ASSERT(i < c->argc);
    if (text_to_double(c->argv[i].data, c->argv[i].len, value)) return true;
    reply_error(c->reply, error ? error : "ERR value is not a valid float");
    return false;
}

bool call_is(const struct call *c, unsigned i, const char *word) {
    return i < c->argc && text_is(c->argv[i].data, c->argv[i].len, word);
}

struct key call_key(struct call *c, unsigned argument) {
    ASSERT(argument < c->argc);
    return key_make(c->argv[argument].data, c->argv[argument].len);
}

bool call_enter(struct call *c, struct slice *s) {
    ASSERT(!c->entered);
    if (hold_is_mine(&s->hold, &c->worker->thread)) return true;
    if (!hold_try(&s->hold, &c->worker->thread)) {
        c->outcome = CALL_AGAIN;
        c->refused = s;
        return false;
    }
    c->entered = s;
    c->logs = s->switches & SWITCH_LOGGING;
    c->visit.now_ms = 0; /* another slice, another instant: no earlier than the hold */
    return true;
}

void call_leave(struct call *c, struct slice *s) {
    if (c->entered != s) return;
    c->entered = NULL;
    oplog_publish_in(&c->worker->thread, s, true);
    if (UNLIKELY(c->logs) && s->last_ticket > c->client->saw_ticket) c->client->saw_ticket = s->last_ticket;
    c->logs = false; /* what it does without a slice is nobody else's business */
    hold_release(&s->hold, &c->worker->thread);
}

void call_dirty(struct call *c, uint64_t n) {
    c->dirty += n;
    count_add(&c->worker->statistics.dirty, n);
}
