/* transaction.c: MULTI, EXEC, DISCARD, WATCH, UNWATCH.
 *
 * On the client's thread. WATCH runs under the holds of its keys; EXEC under those of all that was queued
 * and watched (exec.c); the others need none: what they take out of slices that are busy is taken out later.
 */
#include "server/transaction.h"
#include "server/client.h"
#include "server/command.h"
#include "server/exec.h"

static void cmd_multi(struct call *c) {
    if (c->client->transaction) {
        reply_error(c->reply, "ERR MULTI calls can not be nested");
        return;
    }
    transaction_begin(c->client);
    reply_ok(c->reply);
}

static void cmd_discard(struct call *c) {
    if (!c->client->transaction) {
        reply_error(c->reply, "ERR DISCARD without MULTI");
        return;
    }
    transaction_end(c->client);
    transaction_unwatch(c->worker, c->client);
    reply_ok(c->reply);
}

static void cmd_watch(struct call *c) {
    if (c->client->transaction) {
        reply_error(c->reply, "ERR WATCH inside MULTI is not allowed");
        return;
    }
    for (unsigned i = 0; i < c->key_count; i++) transaction_watch(c, i);
    reply_ok(c->reply);
}

static void cmd_unwatch(struct call *c) {
    transaction_unwatch(c->worker, c->client);
    reply_ok(c->reply);
}

/* ---- the commands ---- */

enum {
    SESSION_FLAGS = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
    QUICK_FLAGS = SESSION_FLAGS | CMD_FAST | CMD_ALLOW_BUSY,
};

struct command transaction_commands[] = {
    {.name = "multi",
     .arity = 1,
     .flags = QUICK_FLAGS | CMD_NOT_QUEUED,
     .categories = ACL_FAST | ACL_TRANSACTION,
     .handler = cmd_multi,
     .group = "transactions",
     .since = "1.2.0",
     .summary = "Mark the start of a transaction block",
     .complexity = "O(1)"},
    {.name = "exec",
     .arity = 1,
     .flags = SESSION_FLAGS | CMD_SKIP_SLOWLOG | CMD_NOT_QUEUED | CMD_TRANSACTION,
     .categories = ACL_SLOW | ACL_TRANSACTION,
     .handler = exec_handle,
     .group = "transactions",
     .since = "1.2.0",
     .summary = "Execute all commands issued after MULTI",
     .complexity = "Depends on commands in the transaction"},
    {.name = "discard",
     .arity = 1,
     .flags = QUICK_FLAGS | CMD_NOT_QUEUED,
     .categories = ACL_FAST | ACL_TRANSACTION,
     .handler = cmd_discard,
     .group = "transactions",
     .since = "2.0.0",
     .summary = "Discard all commands issued after MULTI",
     .complexity = "O(N), when N is the number of queued commands"},
    {.name = "watch",
     .arity = -2,
     .flags = QUICK_FLAGS | CMD_NOT_QUEUED,
     .categories = ACL_FAST | ACL_TRANSACTION,
     .keys = {KEYS_REST(KEY_RO)},
     .handler = cmd_watch,
     .group = "transactions",
     .since = "2.2.0",
     .summary = "Watch the given keys to determine execution of the MULTI/EXEC block",
     .complexity = "O(1) for every key."},
    {.name = "unwatch",
     .arity = 1,
     .flags = QUICK_FLAGS,
     .categories = ACL_FAST | ACL_TRANSACTION,
     .handler = cmd_unwatch,
     .group = "transactions",
     .since = "2.2.0",
     .summary = "Forget about all watched keys",
     .complexity = "O(1)"},
    {0},
};
