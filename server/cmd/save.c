/* cmd/save.c: SAVE, BGSAVE, LASTSAVE.
 *
 * Both saves are the same dump at a cut, during which everybody is served; SAVE only answers when it is over.
 */
#include "server/aof.h"
#include "server/call.h"
#include "server/client.h"
#include "server/persistence.h"
#include "server/worker.h"

/* Asks for a save the first time the command runs. False: it runs again later, or there is one under way, and an error
 * was replied. */
static bool ask(struct call *c) {
    struct client *client = c->client;
    if (!client->awaits && !c->in_exec && persistence_saves_flush()) {
        c->outcome = CALL_LATER;
        return false;
    }
    if (!client->awaits) client->awaits = persistence_save(&c->worker->thread);
    if (!client->awaits) reply_error(c->reply, "ERR Background save already in progress");
    return client->awaits;
}

static void cmd_save(struct call *c) {
    if (!ask(c)) return;
    enum save_outcome outcome = persistence_outcome(c->client->awaits);
    if (outcome == SAVE_WAITS || outcome == SAVE_UNDER_WAY) {
        c->outcome = CALL_LATER;
        return;
    }
    c->client->awaits = 0;
    if (outcome == SAVE_DONE)
        reply_ok(c->reply);
    else
        reply_error(c->reply, "ERR");
}

/* Answers when it is decided what is saved, so that what the client sends next is not among it: a few milliseconds at
 * most. Within EXEC nothing can wait; there it is a promise, as in Redis. */
static void cmd_bgsave(struct call *c) {
    if (c->argc > 2 || (c->argc == 2 && !call_is(c, 1, "SCHEDULE"))) {
        reply_syntax_error(c->reply);
        return;
    }
    if (!ask(c)) return;
    if (!c->in_exec && persistence_outcome(c->client->awaits) == SAVE_WAITS) {
        c->outcome = CALL_LATER;
        return;
    }
    c->client->awaits = 0;
    reply_simple(c->reply, c->in_exec ? "Background saving scheduled" : "Background saving started");
}

static void cmd_bgrewriteaof(struct call *c) {
    bool saving = persistence_state().saving;
    if (!aof_rewrite())
        reply_error(c->reply, "ERR Background append only file rewriting already in progress");
    else if (saving || c->in_exec)
        reply_simple(c->reply, "Background append only file rewriting scheduled");
    else
        reply_simple(c->reply, "Background append only file rewriting started");
}

static void cmd_lastsave(struct call *c) {
    reply_int(c->reply, persistence_state().last_save_s);
}

static const char *const lastsave_tips[] = {"nondeterministic_output", NULL};

struct command save_commands[] = {
    {.name = "save",
     .arity = 1,
     .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_NO_ASYNC_LOADING | CMD_NO_MULTI,
     .categories = ACL_ADMIN | ACL_SLOW | ACL_DANGEROUS,
     .handler = cmd_save,
     .group = "server",
     .summary = "Synchronously save the dataset to disk",
     .since = "1.0.0",
     .complexity = "O(N) where N is the total number of keys in all databases"},
    {.name = "bgsave",
     .arity = -1,
     .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_NO_ASYNC_LOADING,
     .categories = ACL_ADMIN | ACL_SLOW | ACL_DANGEROUS,
     .handler = cmd_bgsave,
     .group = "server",
     .summary = "Asynchronously save the dataset to disk",
     .since = "1.0.0",
     .complexity = "O(1)"},
    {.name = "bgrewriteaof",
     .arity = 1,
     .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_NO_ASYNC_LOADING,
     .categories = ACL_ADMIN | ACL_SLOW | ACL_DANGEROUS,
     .handler = cmd_bgrewriteaof,
     .group = "server",
     .summary = "Asynchronously rewrite the append-only file",
     .since = "1.0.0",
     .complexity = "O(1)"},
    {.name = "lastsave",
     .arity = 1,
     .flags = CMD_LOADING | CMD_STALE | CMD_FAST,
     .categories = ACL_ADMIN | ACL_FAST | ACL_DANGEROUS,
     .handler = cmd_lastsave,
     .group = "server",
     .summary = "Get the UNIX time stamp of the last successful save to disk",
     .since = "1.0.0",
     .complexity = "O(1)",
     .tips = lastsave_tips},
    {0},
};
