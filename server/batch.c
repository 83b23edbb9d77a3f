/* batch.c: parsing what has come, and running it in order: see batch.h.
 *
 * How order is kept when a command has to wait: the command is copied out (client->waiting), and the bytes
 * behind it, parsed or not, are kept unparsed in client->raw. Requests of the same client further on in the
 * batch are skipped: they will be parsed again from raw. Until the wait is over everything received is
 * appended to raw.
 */
#include "server/batch.h"

#include "server/config.h"
#include "server/output.h"
#include "server/resp.h"
#include "server/route.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/rt/clock.h"
#include "shard/store/prefetch.h"

#include <string.h>

enum { NO_BUFFER = -1 };

/* A key's length has 32 bits; proto-max-bulk-len may allow more. */
static const int64_t argument_bytes_max = UINT32_MAX;

static bool takes_no_commands(struct client *c) {
    return client_has(c, CLIENT_CLOSING | CLIENT_CLOSE_AFTER_REPLY);
}

/* ---- running ---- */

/* Keeps what a waiting client has sent behind `end` of the input. What is in raw already stays there. */
static void keep_rest(struct client *c, const struct input *in, size_t end) {
    if (!in) return;
    if (in->buffer == NO_BUFFER)
        c->raw_used = (size_t)(in->data - c->raw.data) + end;
    else
        buf_append(&c->raw, in->data + end, in->len - end);
}

static void keep_waiting(struct client *c, struct request *r) {
    /* Bytes cut off at the input's end are parsed again from raw. */
    resp_partial_free(c->partial);
    c->partial = NULL;
    if (c->wait != WAIT_BLOCKED) {
        ASSERT(!c->waiting);
        c->waiting = r->partial ? r->partial : resp_partial_copy(r->argv, r->argc);
        r->partial = NULL;
    }
    keep_rest(c, r->input, r->end);
}

static void run_request(struct worker *w, struct request *r, uint64_t *ticks) {
    struct client *c = r->client;
    if (UNLIKELY(client_has(c, CLIENT_CLOSING | CLIENT_CLOSE_AFTER_REPLY | CLIENT_KILLED) || c->wait)) {
        if (client_has(c, CLIENT_KILLED)) client_close(w, c);
    } else if (UNLIKELY(route_run(w, r, ticks) == ROUTE_WAITS)) {
        keep_waiting(c, r);
    }
    if (c->reply.bytes) client_has_output(w, c);
    if (UNLIKELY(r->partial != NULL)) {
        resp_partial_free(r->partial);
        r->partial = NULL;
    }
}

static void run_requests(struct worker *w) {
    struct batch *b = &w->batch;
    for (unsigned i = 0; i < b->count; i++) {
        struct request *r = &b->requests[i];
        if (LIKELY(r->has_key)) prefetch_entry(r->key.slice, r->client->database, r->key.hash);
    }
    uint64_t ticks = clock_ticks();
    for (unsigned i = 0; i < b->count; i++) run_request(w, &b->requests[i], &ticks);
    route_let_go(w);
    b->count = b->args = b->foreseen = 0;
}

static void finish_inputs(struct worker *w) {
    struct batch *b = &w->batch;
    for (unsigned i = 0; i < b->inputs; i++) {
        b->input[i].client->in_batch = false;
        if (b->input[i].buffer != NO_BUFFER) ring_buffer_return(w->thread.ring, b->input[i].buffer);
    }
    b->inputs = 0;
}

void batch_run(struct worker *w) {
    if (w->batch.count) run_requests(w);
    finish_inputs(w);
}

/* ---- parsing ---- */

static bool is_full(const struct batch *b) {
    return b->count == BATCH_REQUESTS || b->args + BATCH_ARGS_EACH > BATCH_ARGS;
}

static void add_request(struct worker *w, struct client *c, struct input *in, struct resp_partial *partial,
                        size_t end) {
    struct batch *b = &w->batch;
    struct request *r = &b->requests[b->count++];
    r->client = c;
    r->input = in;
    r->end = end;
    r->partial = partial;
    if (partial) r->argv = resp_argv(partial, &r->argc);
    route_prepare(w, r);
}

/* Bad input: what came before it runs, then the client is told and closed. */
static void refuse(struct worker *w, struct client *c) {
    run_requests(w);
    /* If one of those has to wait, the bad bytes are in raw and will be met again. */
    if (!c->wait && !takes_no_commands(c) && c->partial) {
        const char *error = resp_error(c->partial);
        /* The last command's reply is not this one's. */
        c->reply.mute = client_has(c, CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP);
        log_verbose("%s from client id=%llu addr=%s", error, (unsigned long long)c->id, c->peer);
        reply_errorf(&c->reply, "ERR %s", error);
        client_close_after_reply(w, c);
    }
    resp_partial_free(c->partial);
    c->partial = NULL;
}

/* Whether it has shown who it is, or need not. */
static bool is_known(struct client *c) {
    return LIKELY(client_has(c, CLIENT_AUTHENTICATED)) || !*config_get()->requirepass;
}

/* Feeds the partial, which collects what is not plain and complete. Returns the bytes it took; 0 after bad
 * input. */
static size_t feed(struct worker *w, struct client *c, struct input *in, size_t at) {
    const struct config *config = config_get();
    struct resp_limits limits = {config->proto_max_bulk_len, is_known(c)};
    size_t used;
    if (limits.bulk_max > argument_bytes_max) limits.bulk_max = argument_bytes_max;
    if (!c->partial) c->partial = resp_partial_new();
    enum resp_result result = resp_feed(c->partial, in->data + at, in->len - at, &limits, &used);
    if (result == RESP_COMMAND) {
        struct resp_partial *partial = c->partial;
        c->partial = NULL;
        add_request(w, c, in, partial, at + used);
    } else if (result == RESP_NOTHING) {
        resp_partial_free(c->partial);
        c->partial = NULL;
    } else if (result == RESP_BAD) {
        refuse(w, c);
        return 0;
    }
    return used;
}

static void parse(struct worker *w, struct client *c, struct input *in) {
    struct batch *b = &w->batch;
    size_t at = 0;
    while (at < in->len) {
        if (is_full(b)) run_requests(w);
        if (c->wait || takes_no_commands(c)) return; /* the rest was kept when the client began to wait */
        size_t used = 0;
        bool known = is_known(c);
        if (LIKELY(!c->partial && known)) {
            struct arg *argv = &b->arguments[b->args];
            unsigned argc;
            used = resp_parse(in->data + at, in->len - at, argv, BATCH_ARGS_EACH, &argc);
            if (LIKELY(used)) {
                struct request *r = &b->requests[b->count];
                r->argv = argv;
                r->argc = argc;
                b->args += argc;
                add_request(w, c, in, NULL, at + used);
            }
        }
        if (UNLIKELY(!used) && !(used = feed(w, c, in, at))) return;
        at += used;
        /* Until then a client's commands run one by one: the next may have other limits. */
        if (UNLIKELY(!known)) run_requests(w);
    }
    if (in->buffer == NO_BUFFER) c->raw_used = c->raw.len;
}

static struct input *add_input(struct batch *b, struct client *c, char *data, size_t len, int buffer) {
    ASSERT(b->inputs < BATCH_INPUTS && !c->in_batch);
    struct input *in = &b->input[b->inputs++];
    *in = (struct input){c, data, len, buffer};
    c->in_batch = true;
    return in;
}

/* What a client may have sent that has not run: beyond the limit it is closed. */
static void check_query_limit(struct worker *w, struct client *c) {
    size_t bytes = c->raw.len - c->raw_used + (c->partial ? resp_partial_bytes(c->partial) : 0) +
                   (c->waiting ? resp_partial_bytes(c->waiting) : 0);
    atomic_store_explicit(&c->input_bytes, bytes, memory_order_relaxed);
    if (LIKELY(bytes <= config_get()->client_query_buffer_limit)) return;
    log_warning("Closing client that reached max query buffer length: id=%llu addr=%s qbuf=%zu",
                (unsigned long long)c->id, c->peer, bytes);
    count_add(&w->statistics.query_limit_closes, 1);
    client_close(w, c);
}

void batch_receive(struct worker *w, struct client *c, int buffer, size_t n) {
    struct batch *b = &w->batch;
    char *data = ring_buffer(w->thread.ring, buffer);
    count_add(&w->statistics.bytes_in, n);
    count_add(&w->statistics.reads, 1);
    count_add(&c->bytes_in, n);
    atomic_store_explicit(&c->active_ms, w->thread.turn_unix_ms, memory_order_relaxed);
    if (c->in_batch || b->inputs == BATCH_INPUTS) batch_run(w);
    if (takes_no_commands(c)) {
        ring_buffer_return(w->thread.ring, buffer);
        return;
    }
    if (c->wait) {
        /* One that waits again and again may never see the end of it: what has run goes once it is the
         * larger part. */
        if (c->raw_used > c->raw.len / 2) {
            buf_consume(&c->raw, c->raw_used);
            c->raw_used = 0;
        }
        buf_append(&c->raw, data, n);
        ring_buffer_return(w->thread.ring, buffer);
        check_query_limit(w, c);
        return;
    }
    parse(w, c, add_input(b, c, data, n, buffer));
    bool waited = atomic_load_explicit(&c->input_bytes, memory_order_relaxed) != 0;
    if (UNLIKELY(c->partial || c->raw.len || waited)) check_query_limit(w, c);
}

static void drop_raw(struct client *c) {
    buf_free(&c->raw);
    c->raw_used = 0;
}

void batch_resume(struct worker *w, struct client *c) {
    struct batch *b = &w->batch;
    batch_run(w);
    client_wait_over(w, c);
    if (takes_no_commands(c)) return;
    if (c->waiting) {
        struct resp_partial *partial = c->waiting;
        c->waiting = NULL;
        add_request(w, c, NULL, partial, 0);
        run_requests(w);
        if (!c->waiting) c->first_deadline_ns = 0; /* it has run, or waits anew */
    }
    if (!c->wait && c->raw.len > c->raw_used) {
        parse(w, c, add_input(b, c, c->raw.data + c->raw_used, c->raw.len - c->raw_used, NO_BUFFER));
        batch_run(w);
    }
    if (!c->wait) drop_raw(c);
    check_query_limit(w, c);
    if (!c->wait && (c->end_of_input || takes_no_commands(c))) client_has_output(w, c);
}
