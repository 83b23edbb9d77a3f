/* client.c: CLIENT: what a connection can say and ask about itself, about others, and about all.
 *
 * On the client's thread. Only PAUSE and UNPAUSE need slices: all of them, since what they switch is read
 * under each hold (pause.h). Others' connections are reached through the registry alone, by flags that
 * their own threads look at.
 */
#include "server/client.h"

#include "repl/replicas.h"
#include "server/auth.h"
#include "server/blocked.h"
#include "server/cmd/client_list.h"
#include "server/cmd/client_text.h"
#include "server/command.h"
#include "server/follow.h"
#include "server/pause.h"
#include "server/registry.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"
#include "shard/rt/clock.h"

#include <string.h>

/* ---- about itself ---- */

static void cmd_client_id(struct call *c) {
    reply_int(c->reply, (int64_t)c->client->id);
}

static void cmd_client_getname(struct call *c) {
    const char *name = c->client->name;
    if (name)
        reply_bulk_text(c->reply, name);
    else
        reply_null(c->reply);
}

static void cmd_client_setname(struct call *c) {
    if (!client_text_is_allowed(c, 2, "Client names")) return;
    registry_set_text(c->client, &c->client->name, c->argv[2].data, c->argv[2].len);
    reply_ok(c->reply);
}

static void cmd_client_setinfo(struct call *c) {
    char what[16];
    char **text = call_is(c, 2, "lib-name")  ? &c->client->library_name
                  : call_is(c, 2, "lib-ver") ? &c->client->library_version
                                             : NULL;
    if (!text) {
        reply_errorf(c->reply, "ERR Unrecognized option '%.*s'",
                     (int)(c->argv[2].len < 128 ? c->argv[2].len : 128), c->argv[2].data);
        return;
    }
    ASSERT(c->argv[2].len < sizeof what);
    memcpy(what, c->argv[2].data, c->argv[2].len); /* the error shows the word as it was written */
    what[c->argv[2].len] = 0;
    if (!client_text_is_allowed(c, 3, what)) return;
    registry_set_text(c->client, text, c->argv[3].data, c->argv[3].len);
    reply_ok(c->reply);
}

/* Unmutes at once, so that the OK is heard. See client.h for how the router acts on the flags. */
static void cmd_client_reply(struct call *c) {
    if (call_is(c, 2, "on")) {
        client_unset(c->client, CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP);
        c->reply->mute = false;
        reply_ok(c->reply);
    } else if (call_is(c, 2, "off")) {
        client_set(c->client, CLIENT_REPLY_OFF);
    } else if (call_is(c, 2, "skip")) {
        if (!client_has(c->client, CLIENT_REPLY_OFF)) client_set(c->client, CLIENT_REPLY_SKIP_NEXT);
    } else {
        reply_syntax_error(c->reply);
    }
}

static void set_by_word(struct call *c, uint32_t flag) {
    if (call_is(c, 2, "on")) {
        client_set(c->client, flag);
    } else if (call_is(c, 2, "off")) {
        client_unset(c->client, flag);
    } else {
        reply_syntax_error(c->reply);
        return;
    }
    reply_ok(c->reply);
}

static void cmd_client_no_evict(struct call *c) {
    set_by_word(c, CLIENT_NO_EVICT);
}

static void cmd_client_no_touch(struct call *c) {
    set_by_word(c, CLIENT_NO_TOUCH);
}

/* Nobody tracks keys, so these two have one answer. */
static void cmd_client_getredir(struct call *c) {
    reply_int(c->reply, -1);
}

static void cmd_client_trackinginfo(struct call *c) {
    reply_map(c->reply, 3);
    reply_bulk_text(c->reply, "flags");
    reply_set(c->reply, 1);
    reply_bulk_text(c->reply, "off");
    reply_bulk_text(c->reply, "redirect");
    reply_int(c->reply, -1);
    reply_bulk_text(c->reply, "prefixes");
    reply_array(c->reply, 0);
}

/* ---- about others ---- */

/* Which clients CLIENT KILL means: those that match whatever is given. */
struct victims {
    struct client *self;
    bool skip_self, self_matches;
    uint64_t id;                    /* 0: any */
    const struct arg *peer, *local; /* NULL: any */
    bool of_type;
    enum client_type type;
};

static bool is_address(const struct arg *arg, const char *address) {
    return !arg || (arg->len == strlen(address) && memcmp(arg->data, address, arg->len) == 0);
}

static bool is_victim(void *arg, struct client *c) {
    struct victims *v = arg;
    if (v->id && c->id != v->id) return false;
    if (v->of_type && client_type_of(atomic_load_explicit(&c->flags, memory_order_relaxed)) != v->type)
        return false;
    if (!is_address(v->peer, c->peer) || !is_address(v->local, c->local)) return false;
    if (c != v->self) return true;
    v->self_matches = !v->skip_self; /* closed by itself, after the reply */
    return false;
}

/* One pair of CLIENT KILL's options, from argument i on. */
static bool parse_kill_option(struct call *c, unsigned i, struct victims *v) {
    const struct arg *value = &c->argv[i + 1];
    int64_t id;
    if (call_is(c, i, "id")) {
        if (text_to_i64(value->data, value->len, &id) && id > 0) {
            v->id = (uint64_t)id;
            return true;
        }
        reply_error(c->reply, "ERR client-id should be greater than 0");
        return false;
    }
    if (call_is(c, i, "type")) return v->of_type = client_type_argument(c, i + 1, &v->type);
    if (call_is(c, i, "addr")) {
        v->peer = value;
    } else if (call_is(c, i, "laddr")) {
        v->local = value;
    } else if (call_is(c, i, "user")) {
        if (auth_user_exists(value->data, value->len)) return true; /* everybody is that user */
        reply_errorf(c->reply, "ERR No such user '%.*s'", (int)(value->len < 128 ? value->len : 128),
                     value->data);
        return false;
    } else if (call_is(c, i, "skipme") && (call_is(c, i + 1, "yes") || call_is(c, i + 1, "no"))) {
        v->skip_self = call_is(c, i + 1, "yes");
    } else {
        reply_syntax_error(c->reply);
        return false;
    }
    return true;
}

static bool parse_kill(struct call *c, struct victims *v) {
    *v = (struct victims){.self = c->client, .skip_self = true};
    if (c->argc == 3) { /* the old form: CLIENT KILL address, one's own as well */
        v->peer = &c->argv[2];
        v->skip_self = false;
        return true;
    }
    for (unsigned i = 2; i < c->argc; i += 2) {
        if (i + 1 == c->argc) {
            reply_syntax_error(c->reply);
            return false;
        }
        if (!parse_kill_option(c, i, v)) return false;
    }
    return true;
}

/* Replicas are no clients any more, but are killed like them. */
static size_t kill_replicas(struct call *c, const struct victims *v) {
    enum { MOST = 256 };
    struct replica_view *replicas = mem_alloc(MOST * sizeof *replicas);
    unsigned count = replicas_view(replicas, MOST);
    size_t killed = 0;
    for (unsigned i = 0; i < count && i < MOST; i++) {
        if (v->id && v->id != replicas[i].client_id) continue;
        if (v->of_type && v->type != CLIENT_TYPE_REPLICA) continue;
        if (!is_address(v->peer, replicas[i].peer) || !is_address(v->local, replicas[i].local)) continue;
        replicas_kill(c->visit.thread, replicas[i].client_id);
        killed++;
    }
    mem_free(replicas);
    return killed;
}

/* Nor is the primary. */
static size_t kill_primary(struct call *c, const struct victims *v) {
    struct follow_view us = follow_view();
    if (!us.replica || us.link.state != LINK_ONLINE) return 0;
    if (v->id && v->id != us.client_id) return 0;
    if (v->of_type && v->type != CLIENT_TYPE_MASTER) return 0;
    if (!is_address(v->peer, us.link.peer) || !is_address(v->local, us.link.local)) return 0;
    follow_kill_link(c->visit.thread);
    return 1;
}

static void cmd_client_kill(struct call *c) {
    struct victims v;
    if (!parse_kill(c, &v)) return;
    size_t killed =
        registry_kill(c->worker, is_victim, &v) + kill_replicas(c, &v) + kill_primary(c, &v) + v.self_matches;
    if (c->argc > 3)
        reply_int(c->reply, (int64_t)killed);
    else if (killed)
        reply_ok(c->reply);
    else
        reply_error(c->reply, "ERR No such client");
    if (v.self_matches) client_close_after_reply(c->worker, c->client);
}

struct unblocking {
    struct worker *from;
    int64_t id;
    bool error, done;
};

/* Looks for the client and ends its wait on the spot, while the registry's lock keeps it from going. */
static bool unblock_if_it(void *arg, struct client *client) {
    struct unblocking *u = arg;
    if ((int64_t)client->id == u->id) u->done = blocked_unblock(u->from, client, u->error);
    return false;
}

static void cmd_client_unblock(struct call *c) {
    struct unblocking u = {.from = c->worker, .error = call_is(c, 3, "error")};
    struct registry_cursor cursor;
    if (c->argc > 4) {
        reply_subcommand_syntax(c->reply, "CLIENT", c->argv[1].data, c->argv[1].len);
        return;
    }
    if (c->argc == 4 && !call_is(c, 3, "timeout") && !call_is(c, 3, "error")) {
        reply_error(c->reply, "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
        return;
    }
    if (!call_int(c, 2, &u.id, NULL)) return;
    registry_begin(&cursor, unblock_if_it, &u);
    while (registry_next(&cursor)) continue;
    registry_end(&cursor);
    reply_int(c->reply, u.done);
}

/* ---- about all ---- */

/* Redis adds the timeout to the unix time and lets the sum overflow; here that is refused. */
static bool pause_timeout(struct call *c, int64_t *timeout_ms) {
    if (!call_int(c, 2, timeout_ms, "ERR timeout is not an integer or out of range")) return false;
    if (*timeout_ms < 0) {
        reply_error(c->reply, "ERR timeout is negative");
        return false;
    }
    if (*timeout_ms <= INT64_MAX - clock_unix_ms()) return true;
    reply_error(c->reply, "ERR timeout is out of range");
    return false;
}

static void cmd_client_pause(struct call *c) {
    uint32_t kind = SWITCH_PAUSE_ALL;
    int64_t timeout_ms;
    if (c->argc > 4) {
        reply_subcommand_syntax(c->reply, "CLIENT", c->argv[1].data, c->argv[1].len);
        return;
    }
    if (c->argc == 4 && call_is(c, 3, "write")) {
        kind = SWITCH_PAUSE_WRITES;
    } else if (c->argc == 4 && !call_is(c, 3, "all")) {
        reply_error(c->reply, "ERR CLIENT PAUSE mode must be WRITE or ALL");
        return;
    }
    if (!pause_timeout(c, &timeout_ms)) return;
    pause_begin(&c->worker->thread, kind, timeout_ms);
    reply_ok(c->reply);
}

static void cmd_client_unpause(struct call *c) {
    pause_end(&c->worker->thread);
    for (unsigned i = 0; i < workers_count; i++) worker_poke(c->worker, worker_by_index(i));
    reply_ok(c->reply);
}

static void cmd_client_help(struct call *c) {
    static const char *const lines[] = {
        "GETREDIR",
        "    Return the client ID we are redirecting to when tracking is enabled.",
        "GETNAME",
        "    Return the name of the current connection.",
        "ID",
        "    Return the ID of the current connection.",
        "INFO",
        "    Return information about the current client connection.",
        "KILL <ip:port>",
        "    Kill connection made from <ip:port>.",
        "KILL <option> <value> [<option> <value> [...]]",
        "    Kill connections. Options are:",
        "    * ADDR (<ip:port>|<unixsocket>:0)",
        "      Kill connections made from the specified address",
        "    * LADDR (<ip:port>|<unixsocket>:0)",
        "      Kill connections made to specified local address",
        "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
        "      Kill connections by type.",
        "    * USER <username>",
        "      Kill connections authenticated by <username>.",
        "    * SKIPME (YES|NO)",
        "      Skip killing current connection (default: yes).",
        "LIST [options ...]",
        "    Return information about client connections. Options:",
        "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
        "      Return clients of specified type.",
        "UNPAUSE",
        "    Stop the current client pause, resuming traffic.",
        "PAUSE <timeout> [WRITE|ALL]",
        "    Suspend all, or just write, clients for <timeout> milliseconds.",
        "REPLY (ON|OFF|SKIP)",
        "    Control the replies sent to the current connection.",
        "SETNAME <name>",
        "    Assign the name <name> to the current connection.",
        "SETINFO <option> <value>",
        "    Set client meta attr. Options are:",
        "    * LIB-NAME: the client lib name.",
        "    * LIB-VER: the client lib version.",
        "UNBLOCK <clientid> [TIMEOUT|ERROR]",
        "    Unblock the specified blocked client.",
        "TRACKINGINFO",
        "    Report tracking status for the current connection.",
        "NO-EVICT (ON|OFF)",
        "    Protect current client connection from eviction.",
        "NO-TOUCH (ON|OFF)",
        "    Will not touch LRU/LFU stats when this mode is on.",
        NULL};
    reply_help(c->reply, "CLIENT", lines);
}

/* ---- the table ---- */

enum {
    OWN_FLAGS = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
    OWN_CATEGORIES = ACL_SLOW | ACL_CONNECTION,
    ADMIN_FLAGS = OWN_FLAGS | CMD_ADMIN,
    ADMIN_CATEGORIES = OWN_CATEGORIES | ACL_ADMIN | ACL_DANGEROUS,
};

static const char *const changing_tips[] = {"nondeterministic_output", NULL};

#define OWN(word, count, run, version)                                                                       \
    .name = (word), .arity = (count), .flags = OWN_FLAGS, .categories = OWN_CATEGORIES, .handler = (run),    \
    .group = "connection", .since = (version), .complexity = "O(1)"
#define ADMIN(word, count, run, version)                                                                     \
    .name = (word), .arity = (count), .flags = ADMIN_FLAGS, .categories = ADMIN_CATEGORIES,                  \
    .handler = (run), .group = "connection", .since = (version)

static struct command subcommands[] = {
    {OWN("getname", 2, cmd_client_getname, "2.6.9"), .summary = "Get the current connection name"},
    {OWN("getredir", 2, cmd_client_getredir, "6.0.0"),
     .summary = "Get tracking notifications redirection client ID if any"},
    {.name = "help",
     .arity = 2,
     .flags = CMD_LOADING | CMD_STALE,
     .categories = OWN_CATEGORIES,
     .handler = cmd_client_help,
     .group = "connection",
     .summary = "Show helpful text about the different subcommands",
     .since = "5.0.0",
     .complexity = "O(1)"},
    {OWN("id", 2, cmd_client_id, "5.0.0"), .summary = "Returns the client ID for the current connection"},
    {OWN("info", 2, cmd_client_info, "6.2.0"),
     .summary = "Returns information about the current client connection.", .tips = changing_tips},
    {ADMIN("kill", -3, cmd_client_kill, "2.4.0"), .summary = "Kill the connection of a client",
     .complexity = "O(N) where N is the number of client connections"},
    {ADMIN("list", -2, cmd_client_list, "2.4.0"), .summary = "Get the list of client connections",
     .complexity = "O(N) where N is the number of client connections", .tips = changing_tips},
    {ADMIN("no-evict", 3, cmd_client_no_evict, "7.0.0"),
     .summary = "Set client eviction mode for the current connection", .complexity = "O(1)"},
    {OWN("no-touch", 3, cmd_client_no_touch, "7.2.0"),
     .summary = "Controls whether commands sent by the client affect the LRU/LFU of accessed keys."},
    {.name = "pause",
     .arity = -3,
     .flags = ADMIN_FLAGS | CMD_ALL_SLICES,
     .categories = ADMIN_CATEGORIES,
     .handler = cmd_client_pause,
     .group = "connection",
     .summary = "Stop processing commands from clients for some time",
     .since = "2.9.50",
     .complexity = "O(1)"},
    {OWN("reply", 3, cmd_client_reply, "3.2.0"),
     .summary = "Instruct the server whether to reply to commands"},
    {OWN("setinfo", 4, cmd_client_setinfo, "7.2.0"),
     .summary = "Sets information specific to the client or connection."},
    {OWN("setname", 3, cmd_client_setname, "2.6.9"), .summary = "Set the current connection name"},
    {OWN("trackinginfo", 2, cmd_client_trackinginfo, "6.2.0"),
     .summary = "Return information about server assisted client side caching for the current connection"},
    {ADMIN("unblock", -3, cmd_client_unblock, "5.0.0"),
     .summary = "Unblock a client blocked in a blocking command from a different connection",
     .complexity = "O(log N) where N is the number of client connections"},
    {.name = "unpause",
     .arity = 2,
     .flags = ADMIN_FLAGS | CMD_ALL_SLICES,
     .categories = ADMIN_CATEGORIES,
     .handler = cmd_client_unpause,
     .group = "connection",
     .summary = "Resume processing of clients that were paused",
     .since = "6.2.0",
     .complexity = "O(N) Where N is the number of paused clients"},
    {0},
};

struct command client_commands[] = {
    {.name = "client",
     .arity = -2,
     .categories = ACL_SLOW,
     .subcommands = subcommands,
     .group = "connection",
     .summary = "A container for client connection commands",
     .since = "2.4.0",
     .complexity = "Depends on subcommand."},
    {0},
};
