/* cmd/replication.c: what replicas and those who watch them ask: REPLCONF, PSYNC, SYNC, ROLE.
 *
 * A connection is a client like any other until it asks for PSYNC or SYNC: then it leaves its thread for the
 * coordinator's (server/replication.h).
 *
 * WAIT needs no hold: the last change that the client was part of, or may have been shown, has a ticket; once that is
 * in the stream, the stream's offset is what replicas have to acknowledge. Until enough have, the command is run
 * again (CALL_LATER). */
#include "server/replication.h"
#include "repl/replicas.h"
#include "server/call.h"
#include "server/client.h"
#include "shard/base/mem.h"
#include "shard/rt/clock.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static struct replica_request *facts_of(struct client *c) {
    if (!c->replica) c->replica = mem_zalloc(sizeof *c->replica);
    return c->replica;
}

/* ---- REPLCONF ---- */

static bool set_port(struct call *c, unsigned i) {
    int64_t port;
    if (!call_int(c, i, &port, NULL)) return false;
    if (port < INT_MIN || port > INT_MAX) {
        reply_error(c->reply, "ERR value is out of range");
        return false;
    }
    facts_of(c->client)->port = (int)port;
    return true;
}

static bool set_host(struct call *c, unsigned i) {
    const struct arg *host = &c->argv[i];
    struct replica_request *facts = facts_of(c->client);
    if (host->len >= sizeof facts->host) {
        reply_errorf(c->reply, "ERR REPLCONF ip-address provided by replica instance is too long: %zu bytes",
                     host->len);
        return false;
    }
    memcpy(facts->host, host->data, host->len);
    facts->host[host->len] = 0;
    return true;
}

static bool set_dump_only(struct call *c, unsigned i) {
    int64_t on;
    if (!call_int(c, i, &on, NULL)) return false;
    if (on < 0 || on > 1) {
        reply_error(c->reply, "ERR value is out of range, value must between 0 and 1");
        return false;
    }
    facts_of(c->client)->dump_only = on;
    return true;
}

/* One option and its value. False: there is nothing more to say. */
static bool configure(struct call *c, unsigned i) {
    if (call_is(c, i, "listening-port")) return set_port(c, i + 1);
    if (call_is(c, i, "ip-address")) return set_host(c, i + 1);
    if (call_is(c, i, "rdb-only")) return set_dump_only(c, i + 1);
    if (call_is(c, i, "capa")) {
        if (call_is(c, i + 1, "eof")) facts_of(c->client)->knows_eof = true;
        if (call_is(c, i + 1, "psync2")) facts_of(c->client)->knows_psync2 = true;
        return true;
    }
    /* Between a replica and the one it follows; from anybody else they mean nothing, and get no answer. */
    if (call_is(c, i, "ack") || call_is(c, i, "getack")) return false;
    reply_errorf(c->reply, "ERR Unrecognized REPLCONF option: %.*s",
                 (int)(c->argv[i].len < 128 ? c->argv[i].len : 128), c->argv[i].data);
    return false;
}

static void cmd_replconf(struct call *c) {
    if (c->argc % 2 == 0) {
        reply_syntax_error(c->reply);
        return;
    }
    for (unsigned i = 1; i < c->argc; i += 2)
        if (!configure(c, i)) return;
    reply_ok(c->reply);
}

/* ---- PSYNC and SYNC ---- */

static void hand_over(struct call *c) {
    if (c->client->reply.bytes || c->client->sending) {
        reply_error(c->reply, "ERR SYNC and PSYNC are invalid with pending output");
        return;
    }
    replication_hand_over(c->worker, c->client);
}

static void cmd_psync(struct call *c) {
    struct replica_request *facts = facts_of(c->client);
    if (!call_int(c, 2, &facts->from, NULL)) return;
    facts->psync = true;
    snprintf(facts->id, sizeof facts->id, "%.*s", (int)(c->argv[1].len < INT_MAX ? c->argv[1].len : INT_MAX),
             c->argv[1].data);
    hand_over(c);
}

static void cmd_sync(struct call *c) {
    struct replica_request *facts = facts_of(c->client);
    facts->psync = facts->knows_eof = facts->knows_psync2 = false;
    hand_over(c);
}

/* ---- WAIT ---- */

/* How many replicas have what the client knows of. */
static unsigned count_level(struct client *c) {
    struct replicas_state state = replicas_state();
    if (!c->saw_ticket) return replicas_acknowledged(0);
    if (!c->awaits_offset && state.next_ticket > c->saw_ticket) c->awaits_offset = state.offset + 1;
    return c->awaits_offset ? replicas_acknowledged(c->awaits_offset - 1) : 0;
}

static void cmd_wait(struct call *c) {
    struct client *client = c->client;
    int64_t wanted, timeout_ms;
    if (!call_int(c, 1, &wanted, NULL) ||
        !call_int(c, 2, &timeout_ms, "ERR timeout is not an integer or out of range"))
        return;
    if (timeout_ms < 0) {
        reply_error(c->reply, "ERR timeout is negative");
        return;
    }
    replication_await(c->worker); /* before it looks */
    unsigned level = count_level(client);
    uint64_t now_ms = clock_mono_ms();
    if (level < wanted && !c->in_exec) {
        if (!client->awaits) {
            client->awaits = timeout_ms ? now_ms + (uint64_t)timeout_ms : UINT64_MAX;
            replicas_ask(c->visit.thread);
        }
        if (now_ms < client->awaits) {
            c->outcome = CALL_LATER;
            return;
        }
    }
    client->awaits = 0;
    client->awaits_offset = 0;
    reply_int(c->reply, level);
}

/* ---- ROLE ---- */

static void cmd_role(struct call *c) {
    enum { SHOWN_MAX = 256 };
    struct replica_view *views = mem_alloc(SHOWN_MAX * sizeof *views);
    unsigned count = replicas_view(views, SHOWN_MAX), online = 0;
    if (count > SHOWN_MAX) count = SHOWN_MAX;
    for (unsigned i = 0; i < count; i++) online += views[i].state == REPLICA_ONLINE;
    reply_array(c->reply, 3);
    reply_bulk_text(c->reply, "master");
    reply_int(c->reply, identity_get().offset);
    reply_array(c->reply, online);
    for (unsigned i = 0; i < count; i++) {
        char host[REPLICA_HOST_MAX], number[32];
        if (views[i].state != REPLICA_ONLINE) continue;
        replica_view_host(&views[i], host, sizeof host);
        reply_array(c->reply, 3);
        reply_bulk_text(c->reply, host);
        snprintf(number, sizeof number, "%d", views[i].port);
        reply_bulk_text(c->reply, number);
        snprintf(number, sizeof number, "%lld", (long long)views[i].offset);
        reply_bulk_text(c->reply, number);
    }
    mem_free(views);
}

struct command replication_commands[] = {
    {.name = "replconf",
     .arity = -1,
     .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_ALLOW_BUSY,
     .categories = ACL_ADMIN | ACL_SLOW | ACL_DANGEROUS,
     .handler = cmd_replconf,
     .group = "server",
     .summary = "What a replica tells the server that it is about to follow",
     .since = "3.0.0",
     .complexity = "O(1)"},
    {.name = "psync",
     .arity = -3,
     .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_NO_ASYNC_LOADING | CMD_NO_MULTI,
     .categories = ACL_ADMIN | ACL_SLOW | ACL_DANGEROUS,
     .handler = cmd_psync,
     .group = "server",
     .summary = "Follow this server from a place in its history",
     .since = "2.8.0"},
    {.name = "sync",
     .arity = 1,
     .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_NO_ASYNC_LOADING | CMD_NO_MULTI,
     .categories = ACL_ADMIN | ACL_SLOW | ACL_DANGEROUS,
     .handler = cmd_sync,
     .group = "server",
     .summary = "Follow this server from now on",
     .since = "1.0.0"},
    {.name = "wait",
     .arity = 3,
     .flags = CMD_NOSCRIPT,
     .categories = ACL_SLOW | ACL_CONNECTION,
     .handler = cmd_wait,
     .group = "generic",
     .summary = "Wait until so many replicas have what this client did before",
     .since = "3.0.0",
     .complexity = "O(1)",
     .tips = (const char *const[]){"request_policy:all_shards", "response_policy:agg_min", NULL}},
    {.name = "role",
     .arity = 1,
     .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST,
     .categories = ACL_ADMIN | ACL_FAST | ACL_DANGEROUS,
     .handler = cmd_role,
     .group = "server",
     .summary = "Tell whom this server follows, or who follows it",
     .since = "2.8.12",
     .complexity = "O(1)"},
    {0},
};
