/* route.c: what every command passes before it runs: see route.h. What comes after that is run.c. */
#include "server/route.h"

#include "server/aof.h"
#include "server/broken.h"
#include "server/config.h"
#include "server/errorstats.h"
#include "server/exec.h"
#include "server/follow.h"
#include "server/latency.h"
#include "server/pause.h"
#include "server/persistence.h"
#include "server/protection.h"
#include "server/replication.h"
#include "server/resp.h"
#include "server/run.h"
#include "server/transaction.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"
#include "shard/rt/clock.h"
#include "shard/store/evict.h"
#include "shard/store/oplog.h"
#include "shard/store/prefetch.h"

#include <stdio.h>
#include <string.h>

/* The argument that is the command's only key, or 0 when it has none, several, or one that depends. */
static inline unsigned single_key(const struct command *cmd) {
    const struct key_spec *spec = &cmd->keys[0];
    bool single = spec->flags && !(spec->flags & KEY_NOT_KEY) && !cmd->keys[1].flags &&
                  spec->begin == BEGIN_INDEX && spec->find == FIND_RANGE && spec->last == 0 &&
                  !(cmd->flags & CMD_ALL_SLICES);
    return single ? (unsigned)spec->index : 0;
}

void route_prepare(struct worker *w, struct request *r) {
    (void)w;
    struct command *cmd = commands_find(r->argv[0].data, r->argv[0].len);
    r->has_key = false;
    r->member_hash = 0;
    if (cmd && cmd->subcommands && r->argc > 1) {
        struct command *sub = commands_find_sub(cmd, r->argv[1].data, r->argv[1].len);
        if (sub) cmd = sub;
    } else if (UNLIKELY(cmd && cmd->variants && r->argc > 1)) {
        cmd = commands_find_variant(cmd, r->argv[1].data, r->argv[1].len);
    }
    r->command = cmd;
    if (!cmd) return;
    unsigned at = single_key(cmd);
    if (!at || at >= r->argc) return;
    r->key = key_make(r->argv[at].data, r->argv[at].len);
    r->has_key = true;
    prefetch_bucket(r->key.slice, r->client->database, r->key.hash);
}

/* ---- checks ---- */

static void unknown_command(struct client *c, const struct request *r) {
    char args[140];
    size_t used = 0;
    args[0] = 0;
    for (unsigned i = 1; i < r->argc && used < 128; i++) {
        size_t room = 128 - used, n = strnlen(r->argv[i].data, r->argv[i].len < room ? r->argv[i].len : room);
        args[used++] = '\'';
        memcpy(args + used, r->argv[i].data, n);
        used += n;
        memcpy(args + used, "' ", 3);
        used += 2;
    }
    reply_errorf(&c->reply, "ERR unknown command '%.*s', with args beginning with: %s",
                 (int)(r->argv[0].len < 128 ? r->argv[0].len : 128), r->argv[0].data, args);
}

/* A browser that was made to send a request here (its second line is "Host: ..."): cut off before any of it
 * counts for more. */
static bool is_http(const struct request *r) {
    return text_is(r->argv[0].data, r->argv[0].len, "post") ||
           text_is(r->argv[0].data, r->argv[0].len, "host:");
}

static void cut_off_http(struct worker *w, struct client *c) {
    log_warning(
        "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to "
        "Gyre. "
        "This is likely due to an attacker attempting to use Cross Protocol Scripting to compromise your "
        "instance. Connection from %s aborted.",
        c->peer);
    client_close(w, c);
}

static bool arity_fits(const struct command *cmd, unsigned argc) {
    return cmd->arity < 0 ? argc >= (unsigned)-cmd->arity : argc == (unsigned)cmd->arity;
}

/* A RESP2 client with subscriptions cannot tell replies from messages, so it may say very little. */
static void refuse_subscriber(struct worker *w, struct client *c, const struct command *cmd) {
    char text[256];
    snprintf(
        text, sizeof text,
        "Can't execute '%.100s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed "
        "in this context",
        cmd->full_name);
    if (cmd->flags & CMD_TRANSACTION)
        exec_refuse(w, c, text);
    else
        reply_errorf(&c->reply, "ERR %s", text);
}

enum { MISCONF_MAX = 192 };

/* Whether it may change keys: EXEC does what its queue does. */
static inline bool writes(const struct client *c, const struct command *cmd) {
    if (cmd->flags & CMD_WRITE) return true;
    return UNLIKELY(c->transaction != NULL) && (cmd->flags & CMD_TRANSACTION) &&
           (c->transaction->flags & CMD_WRITE);
}

/* Whether it may run while only commands with this flag may: EXEC, if all of its queue may. */
static inline bool is_let_through(const struct client *c, const struct command *cmd, uint32_t flag) {
    if (!(cmd->flags & flag)) return false;
    return !c->transaction || !(cmd->flags & CMD_TRANSACTION) || (c->transaction->common & flag);
}

/* Whether it is one that dumps, or changes the role, while data is loaded beside what there is. */
static bool disturbs_loading(const struct client *c, const struct command *cmd) {
    if (cmd->flags & CMD_NO_ASYNC_LOADING) return true;
    return c->transaction && (cmd->flags & CMD_TRANSACTION) && (c->transaction->flags & CMD_NO_ASYNC_LOADING);
}

/* Commands that are refused while the data cannot be saved, as in Redis: writes, and PING, so that somebody
 * notices. */
static bool is_refused_without_disk(const struct client *c, const struct command *cmd) {
    return writes(c, cmd) || strcmp(cmd->name, "ping") == 0;
}

static void refuse(struct worker *w, struct client *c, const struct command *cmd, const char *error) {
    if ((cmd->flags & CMD_TRANSACTION) && c->transaction)
        exec_refuse(w, c, error);
    else
        reply_error(&c->reply, error);
}

static void refuse_without_disk(struct worker *w, struct client *c, const struct command *cmd) {
    char error_of_aof[MISCONF_MAX];
    int aof_errno = aof_error();
    static const char error_of_rdb[] =
        "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. "
        "Commands that may modify the data set are disabled, because this instance is configured to report "
        "errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check "
        "the "
        "Redis logs for details about the RDB error.";
    const char *error = error_of_rdb;
    if (aof_errno) {
        snprintf(error_of_aof, sizeof error_of_aof, "MISCONF Errors writing to the AOF file: %s",
                 strerror(aof_errno));
        error = error_of_aof;
    }
    refuse(w, c, cmd, error);
}

/* False when the command is refused; the error has been written. */
static bool passes_checks(struct worker *w, struct client *c, struct request *r) {
    struct command *cmd = r->command;
    struct reply *reply = &c->reply;
    if (UNLIKELY(!cmd)) {
        if (is_http(r))
            cut_off_http(w, c);
        else
            unknown_command(c, r);
        return false;
    }
    if (UNLIKELY(cmd->subcommands && r->argc > 1)) {
        reply_unknown_subcommand(reply, cmd->name, r->argv[1].data, r->argv[1].len);
        return false;
    }
    if (UNLIKELY(!arity_fits(cmd, r->argc) || !cmd->handler)) {
        if (cmd->flags & CMD_TRANSACTION)
            exec_refuse(w, c, "wrong number of arguments for 'exec' command");
        else
            reply_errorf(reply, "ERR wrong number of arguments for '%s' command", cmd->full_name);
    } else if (UNLIKELY((cmd->flags & CMD_PROTECTED) && !protection_passes(c))) {
        /* it has been told so */
    } else if (UNLIKELY(!client_has(c, CLIENT_AUTHENTICATED) && !(cmd->flags & CMD_NO_AUTH) &&
                        *config_get()->requirepass)) {
        reply_error(reply, "NOAUTH Authentication required.");
    } else if (UNLIKELY(c->transaction && (cmd->flags & CMD_NO_MULTI))) {
        reply_error(reply, "ERR Command not allowed inside a transaction");
    } else if (UNLIKELY(client_has(c, CLIENT_MONITOR) &&
                        (cmd->flags & (CMD_WRITE | CMD_READONLY | CMD_MAY_REPLICATE)))) {
        reply_error(
            reply, "ERR Replica can't interact with the keyspace"); /* Redis counts monitors among replicas */
    } else if (UNLIKELY(client_has(c, CLIENT_PUBSUB) && !(cmd->flags & CMD_SUBSCRIBER) &&
                        reply->protocol == 2)) {
        refuse_subscriber(w, c, cmd);
    } else if (UNLIKELY(atomic_load_explicit(&persistence_is_loading, memory_order_relaxed) &&
                        !is_let_through(c, cmd, CMD_LOADING) && !broken_loads())) {
        refuse(w, c, cmd, "LOADING Redis is loading the dataset in memory");
    } else if (UNLIKELY(atomic_load_explicit(&persistence_is_loading_beside, memory_order_relaxed) &&
                        disturbs_loading(c, cmd))) {
        refuse(w, c, cmd, "LOADING Redis is loading the dataset in memory");
    } else if (UNLIKELY((persistence_refuses_writes() || aof_error()) && is_refused_without_disk(c, cmd))) {
        refuse_without_disk(w, c, cmd);
    } else if (UNLIKELY(atomic_load_explicit(&replication_refuses_writes, memory_order_relaxed) &&
                        writes(c, cmd))) {
        refuse(w, c, cmd, "NOREPLICAS Not enough good replicas to write.");
    } else if (UNLIKELY(atomic_load_explicit(&follow_refuses_writes, memory_order_relaxed) &&
                        writes(c, cmd))) {
        refuse(w, c, cmd, "READONLY You can't write against a read only replica.");
    } else if (UNLIKELY(atomic_load_explicit(&follow_is_stale, memory_order_relaxed) &&
                        !is_let_through(c, cmd, CMD_STALE))) {
        refuse(w, c, cmd, "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.");
    } else {
        return true;
    }
    count_add(&w->statistics.commands[cmd->id].rejected, 1);
    return false;
}

/* Whether the command would add to the memory in use: a queue grows too, and EXEC does what its queue
 * does. */
static bool needs_memory(const struct client *c, const struct command *cmd) {
    if (cmd->flags & CMD_DENYOOM) return true;
    if (!c->transaction) return false;
    return cmd->flags & CMD_TRANSACTION ? c->transaction->flags & CMD_DENYOOM
                                        : !(cmd->flags & CMD_NOT_QUEUED);
}

/* Makes room when memory is above its limit. False: the command may not run (its error has been written). */
static bool has_memory(struct worker *w, struct client *c, const struct command *cmd, struct visit *visit) {
    static const char *const error = "OOM command not allowed when used memory > 'maxmemory'.";
    const struct policy *policy = policy_get();
    if (LIKELY(!policy->maxmemory_bytes || mem_used() <= policy->maxmemory_bytes)) return true;
    if (atomic_load_explicit(&follow_keeps_memory, memory_order_relaxed)) return true;
    if (pause_switches()) return true; /* as in Redis: the data stays as it is, and writes wait anyway */
    route_let_go(w);
    uint64_t began = clock_ticks();
    bool made = evict_make_room(visit);
    latency_note("eviction-cycle", clock_ticks_to_ns(clock_ticks() - began) / 1000000);
    if (made || !needs_memory(c, cmd)) return true;
    if ((cmd->flags & CMD_TRANSACTION) && c->transaction)
        exec_refuse(w, c, error);
    else
        reply_error(&c->reply, error);
    transaction_abort(c);
    count_add(&w->statistics.commands[cmd->id].rejected, 1);
    return false;
}

static enum route_result run_call(struct worker *w, struct request *r, uint64_t *ticks) {
    struct client *c = r->client;
    struct call call;
    memset(&call, 0, sizeof call);
    call.worker = w;
    call.client = c;
    call.command = r->command;
    call.argv = r->argv;
    call.argc = r->argc;
    call.reply = &c->reply;
    call.visit.thread = &w->thread;
    call.visit.database = c->database;
    call.blobs = r->partial ? resp_blobs(r->partial) : NULL;
    call.visit.no_touch = client_has(c, CLIENT_NO_TOUCH);
    call.visit.writes = r->command->flags & CMD_WRITE;
    enum route_result result;
    if (writes(c, r->command) && UNLIKELY(oplog_is_full(&w->thread))) {
        route_let_go(w);
        return run_wait_for_log(w, c);
    }
    if (!has_memory(w, c, r->command, &call.visit)) return ROUTE_DONE;
    if (UNLIKELY(c->transaction != NULL) && !(r->command->flags & CMD_NOT_QUEUED)) {
        if (run_is_paused(c, r->command->flags, pause_switches())) return run_wait_for_pause(w, c);
        transaction_queue(w, r, &call);
        run_trim(w);
        return ROUTE_DONE;
    }
    if (UNLIKELY((r->command->flags & CMD_TRANSACTION) && c->transaction)) {
        route_let_go(w);
        result = exec_run(w, r, &call, ticks);
    } else if (LIKELY(r->has_key)) {
        result = run_single(w, r, &call, ticks);
    } else {
        route_let_go(w);
        if ((r->command->flags & CMD_ALL_SLICES) || run_find_keys(w, r, &call))
            result = run_set(w, r, &call, ticks);
        else
            result = run_free(w, r, &call, ticks);
        run_trim(w);
    }
    if (call.outcome == CALL_BLOCKED) {
        client_wait_in(w, c, WAIT_BLOCKED);
        result = ROUTE_WAITS;
    }
    return result;
}

enum route_result route_run(struct worker *w, struct request *r, uint64_t *ticks) {
    struct client *c = r->client;
    uint64_t errors = c->reply.errors;
    enum route_result result = ROUTE_DONE;
    run_set_mute(c);
    if (LIKELY(passes_checks(w, c, r))) {
        atomic_store_explicit(&c->last_command, r->command, memory_order_relaxed);
        atomic_store_explicit(&w->last_command, r->command, memory_order_relaxed);
        result = run_call(w, r, ticks);
    } else {
        if (c->reply.errors != errors) errorstats_note(c->reply.error_word);
        transaction_abort(c);
    }
    if (UNLIKELY(result == ROUTE_WAITS)) return result;
    if (UNLIKELY(c->reply.errors != errors)) count_add(&w->statistics.errors, 1);
    /* A command that was refused for another reason when it came back: what is reserved for it must not stay
     * so. */
    if (UNLIKELY(c->passes != 0)) hold_forgo(&w->thread, &c->passes);
    run_shift_mute(c);
    return ROUTE_DONE;
}
