/* database.c: databases as a whole: SELECT, SWAPDB, FLUSHDB, FLUSHALL.
 *
 * On the client's thread. SELECT needs no hold. The others run with every slice held, so each is one
 * instant for all clients: tables are detached or exchanged, which costs the same however many keys
 * there are. What was detached is freed piece by piece by this thread's upkeep, whether ASYNC or SYNC
 * was asked for: a client that asks for SYNC wants the keys gone when it is told so, and they are; to
 * free millions of entries under the holds would stop everybody.
 */
#include "server/client.h"
#include "server/cmd/argument.h"
#include "server/persistence.h"
#include "server/propagate.h"
#include "server/worker.h"
#include "shard/base/assert.h"

#include <limits.h>
#include <stdatomic.h>

static void cmd_select(struct call *c) {
    unsigned database;
    if (!argument_database(c, 1, &database)) return;
    atomic_store_explicit(&c->client->database, database, memory_order_relaxed);
    c->visit.database = database;
    reply_ok(c->reply);
}

/* SWAPDB has its own errors for what is no number. */
static bool swap_index(struct call *c, unsigned i, int64_t *n, const char *error) {
    if (!call_int(c, i, n, error)) return false;
    if (*n >= INT_MIN && *n <= INT_MAX) return true;
    reply_error(c->reply, error);
    return false;
}

static void cmd_swapdb(struct call *c) {
    int64_t a, b;
    if (!swap_index(c, 1, &a, "ERR invalid first DB index")) return;
    if (!swap_index(c, 2, &b, "ERR invalid second DB index")) return;
    if (a < 0 || a >= slices.databases || b < 0 || b >= slices.databases) {
        reply_error(c->reply, "ERR DB index is out of range");
        return;
    }
    for (unsigned i = 0; a != b && i < slices.count; i++) {
        keyspace_swap(&c->visit, &slices.all[i], (unsigned)a, (unsigned)b);
    }
    call_dirty(c, 1);
    reply_ok(c->reply);
}

/* FLUSHDB and FLUSHALL take at most one word, SYNC or ASYNC. */
static bool check_flush_options(struct call *c) {
    if (c->argc == 1) return true;
    if (c->argc == 2 && (call_is(c, 1, "SYNC") || call_is(c, 1, "ASYNC"))) return true;
    reply_syntax_error(c->reply);
    return false;
}

/* Empties one database in all slices; returns how many keys it had. */
static uint64_t flush(struct call *c, unsigned database) {
    uint64_t keys = 0;
    ASSERT(database < slices.databases);
    for (unsigned i = 0; i < slices.count; i++) {
        struct slice *s = &slices.all[i];
        keys += keyspace_count(s, database);
        struct keyspace *detached = keyspace_detach(&c->visit, s, database);
        if (detached != NULL) worker_discard(c->worker, detached);
    }
    return keys;
}

static void cmd_flushdb(struct call *c) {
    if (!check_flush_options(c)) return;
    call_dirty(c, flush(c, c->visit.database));
    propagate_anyway(c);
    reply_ok(c->reply);
}

static void cmd_flushall(struct call *c) {
    if (!check_flush_options(c)) return;
    uint64_t keys = 0;
    for (unsigned database = 0; database < slices.databases; database++) keys += flush(c, database);
    call_dirty(c, keys);
    propagate_anyway(c);
    persistence_flushed();
    reply_ok(c->reply);
}

/* ---- the commands ---- */

struct command database_commands[] = {
    {.name = "select",
     .arity = 2,
     .flags = CMD_LOADING | CMD_STALE | CMD_FAST,
     .categories = ACL_FAST | ACL_CONNECTION,
     .handler = cmd_select,
     .group = "connection",
     .since = "1.0.0",
     .summary = "Change the selected database for the current connection",
     .complexity = "O(1)"},
    {.name = "swapdb",
     .arity = 3,
     .flags = CMD_WRITE | CMD_FAST | CMD_ALL_SLICES,
     .categories = ACL_KEYSPACE | ACL_WRITE | ACL_FAST | ACL_DANGEROUS,
     .handler = cmd_swapdb,
     .group = "server",
     .since = "4.0.0",
     .summary = "Swaps two Redis databases",
     .complexity = "O(N) where N is the count of clients watching or blocking on keys from both databases."},
    {.name = "flushdb",
     .arity = -1,
     .flags = CMD_WRITE | CMD_ALL_SLICES,
     .categories = ACL_KEYSPACE | ACL_WRITE | ACL_SLOW | ACL_DANGEROUS,
     .handler = cmd_flushdb,
     .group = "server",
     .since = "1.0.0",
     .summary = "Remove all keys from the current database",
     .complexity = "O(N) where N is the number of keys in the selected database",
     .tips = (const char *const[]){"request_policy:all_shards", "response_policy:all_succeeded", NULL}},
    {.name = "flushall",
     .arity = -1,
     .flags = CMD_WRITE | CMD_ALL_SLICES,
     .categories = ACL_KEYSPACE | ACL_WRITE | ACL_SLOW | ACL_DANGEROUS,
     .handler = cmd_flushall,
     .group = "server",
     .since = "1.0.0",
     .summary = "Remove all keys from all databases",
     .complexity = "O(N) where N is the total number of keys in all databases",
     .tips = (const char *const[]){"request_policy:all_shards", "response_policy:all_succeeded", NULL}},
    {0},
};
