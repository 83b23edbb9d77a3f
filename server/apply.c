/* apply.c: see apply.h. */
#include "server/apply.h"

#include "server/client.h"
#include "server/command_keys.h"
#include "server/propagate.h"
#include "server/run.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"

#include <stdio.h>
#include <string.h>

void applier_open(struct applier *a, struct worker *w) {
    *a = (struct applier){.worker = w, .client = mem_zalloc(sizeof *a->client)};
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

static void find_slices(struct applier *a, struct request *r, struct call *call) {
    uint64_t *wanted = a->worker->scratch.wanted;
    memset(wanted, 0, sizeof a->worker->scratch.wanted);
    if (command_wants_all(r->command, r->argv, r->argc) || (r->command->flags & CMD_VISITS))
        run_add_all_slices(wanted);
    else if (run_find_keys(a->worker, r, call))
        run_add_slices(wanted, call->keys, call->key_count);
    if (command_wants_all(r->command, r->argv, r->argc)) run_find_keys(a->worker, r, call);
}

enum apply_result applier_run(struct applier *a, struct arg *argv, unsigned argc) {
    struct worker *w = a->worker;
    struct client *c = a->client;
    struct request r = {.client = c, .argv = argv, .argc = argc};
    ASSERT(argc > 0 && w->thread.holds_held == 0);
    if (!(r.command = find(a, argv, argc))) return APPLY_REFUSED;
    struct call call;
    memset(&call, 0, sizeof call);
    call.worker = w;
    call.client = c;
    call.command = r.command;
    call.argv = argv;
    call.argc = argc;
    call.reply = &c->reply;
    call.visit.thread = &w->thread;
    call.visit.database = c->database;
    call.visit.writes = true;
    call.in_exec = true; /* nothing waits */
    find_slices(a, &r, &call);
    struct run_holds held = run_collect_holds(w, w->scratch.wanted);
    if (held.count && !hold_take_set(held.holds, held.count, &w->thread, &a->passes)) return APPLY_LATER;
    call.logs = held.count && (run_switches(&held) & SWITCH_LOGGING);
    r.command->handler(&call);
    ASSERT(call.outcome == CALL_DONE && !call.visit.ready);
    propagate_finish(&call);
    run_let_go(w, c, &held);
    run_trim(w);
    return APPLY_DONE;
}
