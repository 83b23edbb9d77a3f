/* cmd/save.c: SAVE, BGSAVE, LASTSAVE.
 *
 * Both saves are the same dump at a cut, during which everybody is served; SAVE only answers when it is over.
 */
#include "server/call.h"
#include "server/client.h"
#include "server/persistence.h"
#include "server/worker.h"

static void cmd_save(struct call *c) {
    struct client *client = c->client;
    if (!client->awaits) {
        client->awaits = persistence_save(&c->worker->thread);
        if (!client->awaits) {
            reply_error(c->reply, "ERR Background save already in progress");
            return;
        }
    }
    enum save_outcome outcome = persistence_outcome(client->awaits);
    if (outcome == SAVE_UNDER_WAY) {
        c->outcome = CALL_LATER;
        return;
    }
    client->awaits = 0;
    if (outcome == SAVE_DONE)
        reply_ok(c->reply);
    else
        reply_error(c->reply, "ERR");
}

static void cmd_bgsave(struct call *c) {
    if (c->argc > 2 || (c->argc == 2 && !call_is(c, 1, "SCHEDULE"))) {
        reply_syntax_error(c->reply);
        return;
    }
    if (persistence_save(&c->worker->thread))
        reply_simple(c->reply, c->in_exec ? "Background saving scheduled" : "Background saving started");
    else
        reply_error(c->reply, "ERR Background save already in progress");
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
