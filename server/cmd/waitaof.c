/* cmd/waitaof.c: WAITAOF: has what the client did reached the disk here, and on how many replicas?
 *
 * Needs no hold: it compares the last change that the client was part of, or may have been shown, with the last that is
 * durable. Where that is not enough yet the command is run again (CALL_LATER) until it is, or its time is over.
 */
#include "repl/replicas.h"
#include "server/aof.h"
#include "server/call.h"
#include "server/client.h"
#include "server/follow.h"
#include "server/replication.h"
#include "shard/rt/clock.h"
#include "shard/store/oplog.h"

#include <limits.h>

static const uint64_t forever_ms = UINT64_MAX;

static bool range_argument(struct call *c, unsigned i, int64_t max, int64_t *n) {
    if (!call_int(c, i, n, NULL)) return false;
    if (*n >= 0 && *n <= max) return true;
    reply_errorf(c->reply, "ERR value is out of range, value must between 0 and %lld", (long long)max);
    return false;
}

static bool timeout_argument(struct call *c, unsigned i, int64_t *ms) {
    if (!call_int(c, i, ms, "ERR timeout is not an integer or out of range")) return false;
    if (*ms >= 0) return true;
    reply_error(c->reply, "ERR timeout is negative");
    return false;
}

static void cmd_waitaof(struct call *c) {
    int64_t here, replicas, timeout_ms;
    struct client *client = c->client;
    if (!range_argument(c, 1, 1, &here) || !range_argument(c, 2, INT_MAX, &replicas) ||
        !timeout_argument(c, 3, &timeout_ms))
        return;
    if (atomic_load(&follow_is_replica)) {
        client->awaits = 0;
        reply_error(c->reply,
                    "ERR WAITAOF cannot be used with replica instances. Please also note that writes to "
                    "replicas are just local and are not propagated.");
        return;
    }
    bool enabled = aof_state().enabled;
    if (here && !enabled) {
        client->awaits = 0;
        reply_error(c->reply, "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.");
        return;
    }
    bool is_durable = enabled && oplog_durable_ticket() >= client->saw_ticket;
    replication_await(c->worker); /* before it looks */
    unsigned level = replication_level(client, true);
    bool enough = (!here || is_durable) && level >= replicas;
    uint64_t now_ms = clock_mono_ms();
    if (!enough && !c->in_exec) {
        if (!client->awaits) {
            client->awaits = timeout_ms ? now_ms + (uint64_t)timeout_ms : forever_ms;
            if (replicas) replicas_ask(c->visit.thread);
        }
        if (now_ms < client->awaits) {
            c->outcome = CALL_LATER;
            return;
        }
    }
    client->awaits = 0;
    client->awaits_offset = 0;
    reply_array(c->reply, 2);
    reply_int(c->reply, is_durable);
    reply_int(c->reply, level);
}

struct command waitaof_commands[] = {
    {.name = "waitaof",
     .arity = 4,
     .flags = CMD_NOSCRIPT,
     .categories = ACL_SLOW | ACL_CONNECTION | ACL_BLOCKING,
     .handler = cmd_waitaof,
     .group = "generic",
     .summary = "Wait until what this client did before is in the append-only files here and on replicas",
     .since = "7.2.0",
     .complexity = "O(1)",
     .tips = (const char *const[]){"request_policy:all_shards", "response_policy:agg_min", NULL}},
    {0},
};
