/* connection.c: a connection's own affairs: PING, ECHO, AUTH, HELLO, QUIT, RESET.
 *
 * On the client's thread, with no slice held; they touch nothing but the client's session. Passwords are
 * checked in auth.c.
 */
#include "server/auth.h"
#include "server/client.h"
#include "server/cmd/client_text.h"
#include "server/command.h"
#include "server/follow.h"
#include "server/info.h"
#include "server/monitor.h"
#include "server/pubsub.h"
#include "server/registry.h"
#include "server/transaction.h"
#include "server/worker.h"
#include "shard/base/assert.h"

#include <limits.h>

/* To a RESP2 client that has subscriptions even the answer to PING looks like a message. */
static void reply_subscriber_pong(struct call *c) {
    reply_array(c->reply, 2);
    reply_bulk_text(c->reply, "pong");
    if (c->argc == 2)
        reply_bulk(c->reply, c->argv[1].data, c->argv[1].len);
    else
        reply_bulk(c->reply, "", 0);
}

static void cmd_ping(struct call *c) {
    if (c->argc > 2)
        reply_errorf(c->reply, "ERR wrong number of arguments for '%s' command", c->command->full_name);
    else if (client_has(c->client, CLIENT_PUBSUB) && c->reply->protocol == 2)
        reply_subscriber_pong(c);
    else if (c->argc == 2)
        reply_bulk(c->reply, c->argv[1].data, c->argv[1].len);
    else
        reply_simple(c->reply, "PONG");
}

static void cmd_echo(struct call *c) {
    reply_bulk(c->reply, c->argv[1].data, c->argv[1].len);
}

static bool let_in(struct call *c, const struct arg *name, const struct arg *password) {
    if (auth_let_in(c->client, name->data, name->len, password->data, password->len)) return true;
    reply_error(c->reply, "WRONGPASS invalid username-password pair or user is disabled.");
    return false;
}

static void cmd_auth(struct call *c) {
    static const struct arg default_user = {"default", sizeof "default" - 1};
    if (c->argc > 3) {
        reply_syntax_error(c->reply);
        return;
    }
    if (c->argc == 2 && auth_takes_any_password()) {
        reply_error(c->reply,
                    "ERR AUTH <password> called without any password configured for the default user. "
                    "Are you sure your configuration is correct?");
        return;
    }
    const struct arg *name = c->argc == 3 ? &c->argv[1] : &default_user;
    if (let_in(c, name, &c->argv[c->argc - 1])) reply_ok(c->reply);
}

/* ---- HELLO ---- */

static bool set_name(struct call *c, unsigned i) {
    if (!client_text_is_allowed(c, i, "Client names")) return false;
    registry_set_text(c->client, &c->client->name, c->argv[i].data, c->argv[i].len);
    return true;
}

/* The version asked for; 0: as it is. */
static bool parse_protocol(struct call *c, int64_t *protocol) {
    *protocol = 0;
    if (c->argc == 1) return true;
    if (!call_int(c, 1, protocol, "ERR Protocol version is not an integer or out of range")) return false;
    if (*protocol == 2 || *protocol == 3) return true;
    reply_error(c->reply, "NOPROTO unsupported protocol version");
    return false;
}

/* As in Redis, each option takes effect when its turn comes, whatever becomes of those behind it. */
static bool take_options(struct call *c) {
    for (unsigned i = 2; i < c->argc;) {
        unsigned more = c->argc - 1 - i;
        if (call_is(c, i, "AUTH") && more >= 2) {
            if (!let_in(c, &c->argv[i + 1], &c->argv[i + 2])) return false;
            i += 3;
        } else if (call_is(c, i, "SETNAME") && more >= 1) {
            if (!set_name(c, i + 1)) return false;
            i += 2;
        } else {
            reply_errorf(c->reply, "ERR Syntax error in HELLO option '%.*s'",
                         c->argv[i].len < INT_MAX ? (int)c->argv[i].len : INT_MAX, c->argv[i].data);
            return false;
        }
    }
    return true;
}

static void set_protocol(struct client *client, uint8_t protocol) {
    ASSERT(protocol == 2 || protocol == 3);
    client->reply.protocol = protocol;
    if (protocol == 3)
        client_set(client, CLIENT_RESP3);
    else
        client_unset(client, CLIENT_RESP3);
}

static void reply_greeting(struct call *c) {
    struct reply *r = c->reply;
    reply_map(r, 7);
    reply_bulk_text(r, "server");
    reply_bulk_text(r, "redis");
    reply_bulk_text(r, "version");
    reply_bulk_text(r, INFO_REDIS_VERSION);
    reply_bulk_text(r, "proto");
    reply_int(r, r->protocol);
    reply_bulk_text(r, "id");
    reply_int(r, (int64_t)c->client->id);
    reply_bulk_text(r, "mode");
    reply_bulk_text(r, "standalone");
    reply_bulk_text(r, "role");
    reply_bulk_text(r, atomic_load(&follow_is_replica) ? "replica" : "master");
    reply_bulk_text(r, "modules");
    reply_array(r, 0);
}

static void cmd_hello(struct call *c) {
    int64_t protocol;
    if (!parse_protocol(c, &protocol) || !take_options(c)) return;
    if (!client_has(c->client, CLIENT_AUTHENTICATED)) { /* even when no password is required any more */
        reply_error(c->reply,
                    "NOAUTH HELLO must be called with the client already authenticated, otherwise the "
                    "HELLO AUTH <user> <pass> option can be used to authenticate the client and select "
                    "the RESP protocol version at the same time");
        return;
    }
    if (protocol) set_protocol(c->client, (uint8_t)protocol);
    reply_greeting(c);
}

/* ---- the end, and a new beginning ---- */

static void cmd_quit(struct call *c) {
    reply_ok(c->reply);
    client_close_after_reply(c->worker, c->client);
}

/* The session is as that of a new connection, but for what the client library said of itself (CLIENT
 * SETINFO), which is still true, and NO-EVICT, which Redis leaves alone. */
static void cmd_reset(struct call *c) {
    struct client *client = c->client;
    monitor_remove(client);
    pubsub_unsubscribe_all(client);
    transaction_end(client);
    transaction_unwatch(c->worker, client);
    atomic_store_explicit(&client->database, 0, memory_order_relaxed);
    c->visit.database = 0;
    set_protocol(client, 2);
    auth_reset(client);
    registry_set_text(client, &client->name, "", 0);
    client_unset(client, CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP_NEXT | CLIENT_NO_TOUCH);
    client->reply.mute = client_has(client, CLIENT_REPLY_SKIP);
    reply_simple(c->reply, "RESET");
}

enum {
    SESSION_FLAGS = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_NO_AUTH | CMD_ALLOW_BUSY,
    SESSION_CATEGORIES = ACL_FAST | ACL_CONNECTION,
};

static const char *const ping_tips[] = {"request_policy:all_shards", "response_policy:all_succeeded", NULL};

struct command connection_commands[] = {
    {.name = "ping",
     .arity = -1,
     .flags = CMD_FAST | CMD_SUBSCRIBER,
     .categories = SESSION_CATEGORIES,
     .handler = cmd_ping,
     .group = "connection",
     .summary = "Ping the server",
     .since = "1.0.0",
     .complexity = "O(1)",
     .tips = ping_tips},
    {.name = "echo",
     .arity = 2,
     .flags = CMD_LOADING | CMD_STALE | CMD_FAST,
     .categories = SESSION_CATEGORIES,
     .handler = cmd_echo,
     .group = "connection",
     .summary = "Echo the given string",
     .since = "1.0.0",
     .complexity = "O(1)"},
    {.name = "auth",
     .arity = -2,
     .flags = SESSION_FLAGS,
     .categories = SESSION_CATEGORIES,
     .handler = cmd_auth,
     .group = "connection",
     .summary = "Authenticate to the server",
     .since = "1.0.0",
     .complexity = "O(N) where N is the number of passwords defined for the user"},
    {.name = "hello",
     .arity = -1,
     .flags = SESSION_FLAGS,
     .categories = SESSION_CATEGORIES,
     .handler = cmd_hello,
     .group = "connection",
     .summary = "Handshake with Redis",
     .since = "6.0.0",
     .complexity = "O(1)"},
    {.name = "quit",
     .arity = -1,
     .flags = SESSION_FLAGS | CMD_SUBSCRIBER | CMD_NOT_QUEUED,
     .categories = SESSION_CATEGORIES,
     .handler = cmd_quit,
     .group = "connection",
     .summary = "Close the connection",
     .since = "1.0.0",
     .complexity = "O(1)"},
    {.name = "reset",
     .arity = 1,
     .flags = SESSION_FLAGS | CMD_SUBSCRIBER | CMD_NOT_QUEUED,
     .categories = SESSION_CATEGORIES,
     .handler = cmd_reset,
     .group = "connection",
     .summary = "Reset the connection",
     .since = "6.2.0",
     .complexity = "O(1)"},
    {0},
};
