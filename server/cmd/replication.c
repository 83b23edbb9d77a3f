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
#include "server/config.h"
#include "server/failover.h"
#include "server/follow.h"
#include "server/worker.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"
#include "shard/rt/clock.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

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

/* What the dump is to have, of which we know functions, and have none: in any case no keys. */
static bool set_filter(struct call *c, unsigned i) {
    struct text_word *words;
    int count = text_split(c->argv[i].data, c->argv[i].len, &words);
    if (count < 0) {
        reply_errorf(c->reply, "ERR Missing rdb-filter-only values");
        return false;
    }
    bool fine = true;
    for (int k = 0; k < count && fine; k++) {
        fine = text_is(words[k].data, words[k].len, "functions");
        if (!fine) reply_errorf(c->reply, "ERR Unsupported rdb-filter-only option: %.128s", words[k].data);
    }
    mem_free(words);
    if (fine) facts_of(c->client)->no_keys = true;
    return fine;
}

/* One option and its value. False: there is nothing more to say. */
static bool configure(struct call *c, unsigned i) {
    if (call_is(c, i, "listening-port")) return set_port(c, i + 1);
    if (call_is(c, i, "ip-address")) return set_host(c, i + 1);
    if (call_is(c, i, "rdb-only")) return set_dump_only(c, i + 1);
    if (call_is(c, i, "rdb-filter-only")) return set_filter(c, i + 1);
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

/* Whether the connection, or what it says of itself, is from this host. */
static bool comes_from(const struct client *c, const char *host) {
    const char *announced = c->replica->host;
    size_t n = strlen(host);
    if (*announced) return strcmp(announced, host) == 0;
    if (strcmp(host, "localhost") == 0)
        return strncmp(c->peer, "127.", 4) == 0 || strncmp(c->peer, "[::1]", 5) == 0;
    return strncmp(c->peer, host, n) == 0 && c->peer[n] == ':';
}

static void hand_over(struct call *c) {
    struct follow_view us = follow_view();
    if (client_has(c->client, CLIENT_MONITOR)) return; /* one or the other; as in Redis, without a word */
    if (us.replica && us.link.state != LINK_ONLINE) {
        reply_error(c->reply, "NOMASTERLINK Can't SYNC while not connected with my master");
        return;
    }
    if (us.replica && c->client->replica->port == us.port && comes_from(c->client, us.host)) {
        log_warning("The server %s:%d, which this one follows, wants to follow this one: refused", us.host,
                    us.port);
        reply_error(c->reply, "NOMASTERLINK This server follows you: one of the two has to be the primary");
        return;
    }
    if (c->client->reply.bytes || c->client->sending) {
        reply_error(c->reply, "ERR SYNC and PSYNC are invalid with pending output");
        return;
    }
    replication_hand_over(c->worker, c->client);
}

/* PSYNC id offset FAILOVER: the primary wants to follow us, who have its history. False: not yet, or it was refused. */
static bool take_over(struct call *c) {
    struct client *client = c->client;
    struct identity ours = identity_get();
    if (!client->awaits) {
        if (!follow_view().replica) {
            reply_error(c->reply, "ERR PSYNC FAILOVER can't be sent to a master.");
            return false;
        }
        if (c->argv[1].len != strlen(ours.id) || strncasecmp(c->argv[1].data, ours.id, c->argv[1].len) != 0) {
            reply_error(c->reply, "ERR PSYNC FAILOVER replid must match my replid.");
            return false;
        }
        log_notice("Failover request received for the history %s", ours.id);
        client->awaits = follow_request(&c->worker->thread, NULL, 0);
    }
    if (!follow_is_done(client->awaits)) {
        c->outcome = CALL_LATER;
        return false;
    }
    client->awaits = 0;
    return true;
}

static void cmd_psync(struct call *c) {
    struct replica_request *facts = facts_of(c->client);
    if (!call_int(c, 2, &facts->from, NULL)) return;
    if (c->argc > 3 && call_is(c, 3, "failover") && !take_over(c)) return;
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

static void cmd_wait(struct call *c) {
    struct client *client = c->client;
    int64_t wanted, timeout_ms;
    if (atomic_load(&follow_is_replica)) {
        reply_error(
            c->reply,
            "ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a "
            "replica is configured to be writable (which is not the default) writes to replicas are just "
            "local and are not propagated.");
        client->awaits = 0;
        return;
    }
    if (!call_int(c, 1, &wanted, NULL) ||
        !call_int(c, 2, &timeout_ms, "ERR timeout is not an integer or out of range"))
        return;
    if (timeout_ms < 0) {
        reply_error(c->reply, "ERR timeout is negative");
        return;
    }
    replication_await(c->worker); /* before it looks */
    unsigned level = replication_level(client, false);
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

static const char *link_state_name(const struct follow_view *us) {
    static const char *const names[] = {[LINK_OFF] = "none",
                                        [LINK_RESTS] = "connect",
                                        [LINK_RESOLVES] = "connecting",
                                        [LINK_CONNECTS] = "connecting",
                                        [LINK_PINGS] = "handshake",
                                        [LINK_INTRODUCES] = "handshake",
                                        [LINK_ASKS] = "handshake",
                                        [LINK_RECEIVES] = "sync",
                                        [LINK_LOADS] = "sync",
                                        [LINK_ONLINE] = "connected",
                                        [LINK_CLOSES] = "connect"};
    if (us->refused_empty) return "refused-empty-primary";
    if (us->stopped) return "stopped";
    return us->loads ? "sync" : names[us->link.state];
}

static void tell_role_of_replica(struct call *c, const struct follow_view *us) {
    reply_array(c->reply, 5);
    reply_bulk_text(c->reply, "slave");
    reply_bulk_text(c->reply, us->host);
    reply_int(c->reply, us->port);
    reply_bulk_text(c->reply, link_state_name(us));
    reply_int(c->reply, us->link.state == LINK_ONLINE ? identity_get().offset : -1);
}

static void cmd_role(struct call *c) {
    struct follow_view us = follow_view();
    if (us.replica) {
        tell_role_of_replica(c, &us);
        return;
    }
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

/* ---- REPLICAOF ---- */

/* Whether this is the primary that is followed already, and the link to it is not given up. */
static bool follows(const char *host, int port) {
    struct follow_view us = follow_view();
    return us.replica && !us.stopped && us.port == port && strcasecmp(us.host, host) == 0;
}

/* Asks for the change the first time the command runs. False: there is nothing to change, or an error, which was said. */
static bool ask_for_role(struct call *c) {
    char host[LINK_HOST_MAX];
    int64_t port = 0;
    bool nobody = call_is(c, 1, "no") && call_is(c, 2, "one");
    if (!nobody && !call_int(c, 2, &port, "ERR Invalid master port")) return false;
    if (port < 0 || port > 65535) {
        reply_error(c->reply, "ERR Invalid master port");
        return false;
    }
    if (c->argv[1].len >= sizeof host) {
        reply_error(c->reply, "ERR Invalid master host");
        return false;
    }
    memcpy(host, c->argv[1].data, c->argv[1].len);
    host[c->argv[1].len] = 0;
    if (nobody ? !atomic_load(&follow_is_replica) : follows(host, (int)port)) {
        reply_simple(c->reply, nobody ? "OK" : "OK Already connected to specified master");
        return false;
    }
    if (failover_state() != FAILOVER_NONE) {
        reply_error(c->reply, "ERR REPLICAOF not allowed while failing over.");
        return false;
    }
    c->client->awaits = follow_request(&c->worker->thread, nobody ? NULL : host, (int)port);
    if (c->in_exec)
        config_note_primary(nobody ? NULL : host, (int)port); /* a CONFIG REWRITE behind it is to have it */
    return true;
}

/* Answers when the role has changed: a few milliseconds. Within EXEC nothing can wait; there it is a promise. */
static void cmd_replicaof(struct call *c) {
    if (!c->client->awaits && !ask_for_role(c)) return;
    if (!c->in_exec && !follow_is_done(c->client->awaits)) {
        c->outcome = CALL_LATER;
        return;
    }
    c->client->awaits = 0;
    reply_ok(c->reply);
}

/* ---- FAILOVER ---- */

/* FAILOVER's words. False: they make no sense, which was said. */
static bool understand_order(struct call *c, struct failover_order *order, bool *timed) {
    int64_t port;
    for (unsigned i = 1; i < c->argc; i++) {
        bool more = i + 1 < c->argc;
        if (call_is(c, i, "abort") && c->argc == 2) {
            order->abort = true;
        } else if (call_is(c, i, "timeout") && more && !*timed) {
            if (!call_int(c, ++i, &order->timeout_ms, NULL)) return false;
            if (order->timeout_ms <= 0) {
                reply_error(c->reply, "ERR FAILOVER timeout must be greater than 0");
                return false;
            }
            *timed = true;
        } else if (call_is(c, i, "to") && i + 2 < c->argc && !*order->host &&
                   c->argv[i + 1].len < sizeof order->host) {
            if (!call_int(c, i + 2, &port, NULL)) return false;
            memcpy(order->host, c->argv[i + 1].data, c->argv[i + 1].len);
            order->port = (int)port;
            i += 2;
        } else if (call_is(c, i, "force") && !order->force) {
            order->force = true;
        } else {
            reply_syntax_error(c->reply);
            return false;
        }
    }
    return true;
}

/* Whether it is among the replicas, and online; else that was said. */
static bool is_target(struct call *c, const struct failover_order *order, const struct replica_view *views,
                      unsigned count) {
    char host[REPLICA_HOST_MAX];
    for (unsigned i = 0; i < count; i++) {
        replica_view_host(&views[i], host, sizeof host);
        if (strcmp(host, order->host) != 0 || views[i].port != order->port) continue;
        if (views[i].state == REPLICA_ONLINE) return true;
        reply_error(c->reply, "ERR FAILOVER target replica is not online.");
        return false;
    }
    reply_error(c->reply, "ERR FAILOVER target HOST and PORT is not a replica.");
    return false;
}

static bool may_fail_over(struct call *c, const struct failover_order *order, bool timed) {
    enum { LOOKED_AT_MAX = 1024 };
    if (atomic_load(&follow_is_replica)) {
        reply_error(c->reply, "ERR FAILOVER is not valid when server is a replica.");
        return false;
    }
    struct replica_view *views = mem_alloc(LOOKED_AT_MAX * sizeof *views);
    unsigned count = replicas_view(views, LOOKED_AT_MAX);
    bool may = false;
    if (count == 0)
        reply_error(c->reply, "ERR FAILOVER requires connected replicas.");
    else if (order->force && (!timed || !*order->host))
        reply_error(c->reply,
                    "ERR FAILOVER with force option requires both a timeout and target HOST and IP.");
    else
        may = !*order->host || is_target(c, order, views, count);
    mem_free(views);
    return may;
}

/* Within EXEC nothing can wait; there it is a promise. */
static void answer_when_it_holds(struct call *c) {
    c->client->awaits = !c->in_exec && !failover_holds();
    if (c->client->awaits)
        c->outcome = CALL_LATER;
    else
        reply_ok(c->reply);
}

/* Answers when writes wait: what comes behind the reply is not among what the replica will have. */
static void cmd_failover(struct call *c) {
    struct failover_order order = {0};
    bool timed = false;
    if (c->client->awaits) {
        answer_when_it_holds(c);
        return;
    }
    if (!understand_order(c, &order, &timed)) return;
    if (!order.abort && failover_state() != FAILOVER_NONE) {
        reply_error(c->reply, "ERR FAILOVER already in progress.");
        return;
    }
    if (!order.abort && !may_fail_over(c, &order, timed)) return;
    if (failover_request(c->visit.thread, &order))
        answer_when_it_holds(c);
    else
        reply_error(c->reply,
                    order.abort ? "ERR No failover in progress." : "ERR FAILOVER already in progress.");
}

struct command replication_commands[] = {
    {.name = "failover",
     .arity = -1,
     .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_STALE,
     .categories = ACL_ADMIN | ACL_SLOW | ACL_DANGEROUS,
     .handler = cmd_failover,
     .group = "server",
     .summary = "Start a coordinated failover between this server and one of its replicas.",
     .since = "6.2.0",
     .complexity = "O(1)"},
    {.name = "replicaof",
     .arity = 3,
     .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_STALE | CMD_NO_ASYNC_LOADING,
     .categories = ACL_ADMIN | ACL_SLOW | ACL_DANGEROUS,
     .handler = cmd_replicaof,
     .group = "server",
     .summary = "Make the server a replica of another instance, or promote it as master.",
     .since = "5.0.0",
     .complexity = "O(1)"},
    {.name = "slaveof",
     .arity = 3,
     .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_STALE | CMD_NO_ASYNC_LOADING,
     .categories = ACL_ADMIN | ACL_SLOW | ACL_DANGEROUS,
     .handler = cmd_replicaof,
     .group = "server",
     .summary = "Make the server a replica of another instance, or promote it as master.",
     .since = "1.0.0",
     .complexity = "O(1)"},
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
