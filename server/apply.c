/* apply.c: see apply.h. */
#include "server/apply.h"

#include "server/blocked.h"
#include "server/broken.h"
#include "server/client.h"
#include "server/command_keys.h"
#include "server/follow.h"
#include "server/propagate.h"
#include "server/run.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"
#include "shard/rt/clock.h"
#include "shard/store/evict.h"
#include "shard/store/policy.h"

#include <stdio.h>
#include <string.h>

void applier_open(struct applier *a, struct worker *w, bool follows) {
    *a = (struct applier){.worker = w, .follows = follows, .client = mem_zalloc(sizeof *a->client)};
    a->client->fd = -1;
    a->client->worker = w;
    reply_init(&a->client->reply, &w->reply_pool);
    a->client->reply.mute = true;
}

void applier_close(struct applier *a) {
    if (a->passes) hold_forgo(&a->worker->thread, &a->passes);
    reply_clear(&a->client->reply);
    mem_free(a->client);
    a->client = NULL;
}

/* What the words stand for; NULL: applier->why says why not. */
static struct command *find(struct applier *a, const struct arg *argv, unsigned argc) {
    struct command *cmd = commands_find(argv[0].data, argv[0].len);
    if (cmd && cmd->subcommands) cmd = argc > 1 ? commands_find_sub(cmd, argv[1].data, argv[1].len) : NULL;
    int name_len = (int)(argv[0].len < 64 ? argv[0].len : 64);
    if (!cmd || !cmd->handler) {
        snprintf(a->why, sizeof a->why, "Unknown command '%.*s'", name_len, argv[0].data);
        return NULL;
    }
    if (cmd->arity < 0 ? argc < (unsigned)-cmd->arity : argc != (unsigned)cmd->arity) {
        snprintf(a->why, sizeof a->why, "wrong number of arguments for '%s'", cmd->full_name);
        return NULL;
    }
    return cmd;
}

static void make_call(struct applier *a, const struct apply_command *command, struct call *call) {
    memset(call, 0, sizeof *call);
    call->worker = a->worker;
    call->client = a->client;
    call->command = command->command;
    call->argv = command->argv;
    call->argc = command->argc;
    call->reply = &a->client->reply;
    call->visit.thread = &a->worker->thread;
    call->visit.database = a->client->database;
    call->visit.follows = a->follows;
    call->visit.writes = true;
    call->in_exec = true; /* nothing waits */
}

static struct request make_request(const struct applier *a, const struct apply_command *command) {
    return (struct request){
        .client = a->client, .command = command->command, .argv = command->argv, .argc = command->argc};
}

/* The slices that the call needs, added to `wanted`; finds its keys. */
static void add_slices(struct applier *a, const struct apply_command *command, struct call *call,
                       uint64_t *wanted) {
    const struct command *cmd = command->command;
    struct request r = make_request(a, command);
    bool keys = run_find_keys(a->worker, &r, call);
    if (command_wants_all(cmd, command->argv, command->argc) || (cmd->flags & CMD_VISITS))
        run_add_all_slices(wanted);
    else if (keys)
        run_add_slices(wanted, call->keys, call->key_count);
}

/* Whether clients may wait for what comes to be there, and want it in yet another slice: on a replica that clients may
 * write to. */
static bool may_serve_clients(const struct run_holds *held) {
    if (LIKELY(run_switches(held) & SWITCH_READONLY) || held->count == slices.count) return false;
    for (unsigned i = 0; i < held->count; i++)
        if (slice_of_hold(held->holds[i])->interests_count) return true;
    return false;
}

/* Takes the wanted slices. False: refused. */
static bool take(struct applier *a, struct run_holds *held) {
    struct worker *w = a->worker;
    *held = run_collect_holds(w, w->scratch.wanted);
    if (!held->count) return true;
    if (!hold_take_set(held->holds, held->count, &w->thread, &a->passes)) return false;
    if (LIKELY(!a->follows || !may_serve_clients(held))) return true;
    hold_release_set(held->holds, held->count, &w->thread);
    run_add_all_slices(w->scratch.wanted);
    *held = run_collect_holds(w, w->scratch.wanted);
    return hold_take_set(held->holds, held->count, &w->thread, &a->passes);
}

static void run(struct applier *a, const struct apply_command *command, struct call *call,
                struct interest **ready) {
    struct request r = make_request(a, command);
    uint64_t errors = a->client->reply.errors, ticks = clock_ticks();
    call->visit.ready = *ready;
    if (a->follows) {
        run_handler(a->worker, &r, call, &ticks);
    } else {
        command->command->handler(call);
        propagate_finish(call);
    }
    ASSERT(call->outcome == CALL_DONE);
    *ready = call->visit.ready;
    if (LIKELY(a->client->reply.errors == errors)) return;
    a->errors++;
    if (a->follows)
        log_warning("== CRITICAL == A command of the primary's stream fails here: '%s': %s",
                    command->command->full_name, a->client->reply.error_word);
}

/* The commands of a transaction, one after the other: each finds its keys anew, in room that they share. */
static void run_all(struct applier *a, struct apply_command *commands, unsigned count, bool logs,
                    struct interest **ready) {
    for (unsigned i = 0; i < count; i++) {
        struct call call;
        struct request r = make_request(a, &commands[i]);
        make_call(a, &commands[i], &call);
        run_find_keys(a->worker, &r, &call);
        call.logs = logs;
        run(a, &commands[i], &call, ready);
        broken_between_applied(a->worker);
    }
}

/* A replica that is to see to its own memory evicts; where there is nothing to be evicted, what the primary did is
 * done nevertheless: to leave it out would be another history. */
static void make_room(struct applier *a) {
    struct visit v = {.thread = &a->worker->thread};
    if (!atomic_load_explicit(&follow_keeps_memory, memory_order_relaxed)) evict_make_room(&v);
}

static bool is_above_limit(void) {
    const struct policy *policy = policy_get();
    return policy->maxmemory_bytes && mem_countable() > policy->maxmemory_bytes;
}

enum apply_result applier_run(struct applier *a, struct apply_command *commands, unsigned count) {
    struct worker *w = a->worker;
    uint64_t *wanted = w->scratch.wanted;
    struct interest *ready = NULL;
    struct run_holds held;
    struct call call;
    ASSERT(w->thread.holds_held == 0 && count > 0);
    memset(wanted, 0, (slices.count + 63) / 64 * sizeof *wanted);
    for (unsigned i = 0; i < count; i++)
        if (!(commands[i].command = find(a, commands[i].argv, commands[i].argc))) return APPLY_REFUSED;
    for (unsigned i = 0; i < count; i++) {
        make_call(a, &commands[i], &call);
        add_slices(a, &commands[i], &call, wanted);
    }
    if (a->follows && UNLIKELY(is_above_limit())) make_room(a);
    if (!take(a, &held)) return APPLY_LATER;
    if (a->follows) run_count_slices(w, &held);
    /* What comes from the primary goes to the file as it came. */
    call.logs = !a->follows && held.count && (run_switches(&held) & SWITCH_LOGGING);
    if (count == 1)
        run(a, &commands[0], &call, &ready);
    else
        run_all(a, commands, count, call.logs, &ready);
    if (UNLIKELY(ready != NULL)) {
        struct visit v = {.thread = &w->thread, .follows = a->follows, .ready = ready};
        blocked_serve(w, &v);
    }
    if (a->applied && held.count) a->applied(a->context);
    run_let_go(w, a->client, &held);
    run_trim(w);
    return APPLY_DONE;
}
