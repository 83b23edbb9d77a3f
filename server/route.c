/* route.c: checks, holds, run, statistics: see route.h.
 *
 * What a refusal costs: a command that does not get its slices has changed nothing and replied nothing; its connection is parked on the slice
 * that refused (hold.h) and the whole command runs again later.
 */
#include "server/route.h"

#include "server/command_keys.h"
#include "server/config.h"
#include "server/errorstats.h"
#include "server/latency.h"
#include "server/monitor.h"
#include "server/pause.h"
#include "server/protection.h"
#include "server/resp.h"
#include "server/slowlog.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"
#include "shard/rt/clock.h"
#include "shard/store/evict.h"
#include "shard/store/prefetch.h"

#include <string.h>

enum {
    HELD_COMMANDS_MAX = 128, /* commands of one slice run under one hold at most */
    AGAIN_MAX = 4,
    FEW_KEYS = 16,
    SCRATCH_KEYS_KEPT = 4096, /* room for more keys than that is given back at once */
};

void route_let_go(struct worker *w) {
    if (!w->batch.held) return;
    hold_release(&w->batch.held->hold, &w->thread);
    w->batch.held = NULL;
    w->batch.held_commands = 0;
}

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

/* A browser that was made to send a request here (its second line is "Host: ..."): cut off before any of it counts for more. */
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
        reply_errorf(reply, "ERR wrong number of arguments for '%s' command", cmd->full_name);
    } else if (UNLIKELY((cmd->flags & CMD_PROTECTED) && !protection_passes(c))) {
        /* it has been told so */
    } else if (UNLIKELY(!client_has(c, CLIENT_AUTHENTICATED) && !(cmd->flags & CMD_NO_AUTH) &&
                        *config_get()->requirepass)) {
        reply_error(reply, "NOAUTH Authentication required.");
    } else if (UNLIKELY(client_has(c, CLIENT_MONITOR) &&
                        (cmd->flags & (CMD_WRITE | CMD_READONLY | CMD_MAY_REPLICATE)))) {
        reply_error(
            reply, "ERR Replica can't interact with the keyspace"); /* Redis counts monitors among replicas */
    } else if (UNLIKELY(client_has(c, CLIENT_PUBSUB) && !(cmd->flags & CMD_SUBSCRIBER) &&
                        reply->protocol == 2)) {
        reply_errorf(
            reply,
            "ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are "
            "allowed in this context",
            cmd->full_name);
    } else {
        return true;
    }
    count_add(&w->statistics.commands[cmd->id].rejected, 1);
    return false;
}

/* Makes room when memory is above its limit. False: the command may not run (its error has been written). */
static bool has_memory(struct worker *w, struct client *c, const struct command *cmd, struct visit *visit) {
    const struct policy *policy = policy_get();
    if (LIKELY(!policy->maxmemory_bytes || mem_used() <= policy->maxmemory_bytes)) return true;
    if (pause_switches()) return true; /* as in Redis: the data stays as it is, and writes wait anyway */
    route_let_go(w);
    uint64_t began = clock_ticks();
    bool made = evict_make_room(visit);
    latency_note("eviction-cycle", clock_ticks_to_ns(clock_ticks() - began) / 1000000);
    if (made || !(cmd->flags & CMD_DENYOOM)) return true;
    reply_error(&c->reply, "OOM command not allowed when used memory > 'maxmemory'.");
    count_add(&w->statistics.commands[cmd->id].rejected, 1);
    return false;
}

/* ---- waiting ---- */

static enum route_result park(struct worker *w, struct client *c, struct slice *refused) {
    client_wait_in(w, c, WAIT_SLICE);
    c->parked_on = refused;
    count_add(&w->statistics.parks, 1);
    return ROUTE_WAITS;
}

static enum route_result wait_for_pause(struct worker *w, struct client *c) {
    client_wait_in(w, c, WAIT_PAUSE);
    return ROUTE_WAITS;
}

/* ---- running ---- */

static void count_call(struct worker *w, struct command *cmd, uint64_t ticks, bool failed) {
    struct command_statistics *s = &w->statistics.commands[cmd->id];
    count_add(&w->statistics.commands_processed, 1); /* what was refused is not among them, as in Redis */
    count_add(&s->calls, 1);
    count_add(&s->ticks, ticks);
    if (UNLIKELY(failed)) count_add(&s->failed, 1);
    if (UNLIKELY(!config_get()->latency_tracking)) return;
    _Atomic uint64_t *histogram = atomic_load_explicit(&s->histogram, memory_order_relaxed);
    if (UNLIKELY(!histogram)) {
        histogram = mem_zalloc(LATENCY_BUCKETS * sizeof *histogram);
        atomic_store_explicit(&s->histogram, histogram, memory_order_release);
    }
    count_add(&histogram[latency_bucket(clock_ticks_to_ns(ticks))], 1);
}

/* CLIENT REPLY: whether this command's reply is dropped, and what that means for the next. */
static void set_mute(struct client *c) {
    c->reply.mute = client_has(c, CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP);
}

static void shift_mute(struct client *c) {
    uint32_t flags = atomic_load_explicit(&c->flags, memory_order_relaxed);
    if (LIKELY(!(flags & (CLIENT_REPLY_SKIP | CLIENT_REPLY_SKIP_NEXT)))) return;
    client_unset(c, CLIENT_REPLY_SKIP | CLIENT_REPLY_SKIP_NEXT);
    if (flags & CLIENT_REPLY_SKIP_NEXT) client_set(c, CLIENT_REPLY_SKIP);
}

static void note_slow(struct client *c, struct request *r, uint64_t ticks) {
    const struct config *config = config_get();
    uint64_t us = clock_ticks_to_ns(ticks) / 1000;
    if (config->slowlog_log_slower_than >= 0 && us >= (uint64_t)config->slowlog_log_slower_than &&
        !(r->command->flags & CMD_SKIP_SLOWLOG))
        slowlog_note(c, r->argv, r->argc, us);
    if (config->latency_monitor_threshold && us / 1000 >= (uint64_t)config->latency_monitor_threshold)
        latency_note(r->command->flags & CMD_FAST ? "fast-command" : "command", us / 1000);
}

/* The handler, with what is counted around it. The call's holds are held. */
static void run_handler(struct worker *w, struct request *r, struct call *call, uint64_t *ticks) {
    struct client *c = r->client;
    uint64_t errors = c->reply.errors, began = *ticks;
    r->command->handler(call);
    if (UNLIKELY(call->outcome == CALL_AGAIN)) return;
    if (UNLIKELY(atomic_load_explicit(&monitors_active, memory_order_relaxed)))
        monitor_feed(w, c, r->command, r->argv, r->argc);
    *ticks = clock_ticks();
    uint64_t took = *ticks - began;
    bool failed = c->reply.errors != errors;
    if (UNLIKELY(failed)) errorstats_note(c->reply.error_word);
    count_call(w, r->command, took, failed);
    /* The cheapest bound that no threshold can be below without being asked for. */
    if (UNLIKELY(took >= w->slow_ticks)) note_slow(c, r, took);
}

static bool pauses(struct worker *w, struct request *r, uint32_t switches) {
    (void)w;
    return UNLIKELY(switches & (SWITCH_PAUSE_ALL | SWITCH_PAUSE_WRITES)) &&
           pause_blocks(r->client, r->command, switches);
}

/* A command of one key: keeps the slice from one command to the next where they agree. */
static enum route_result run_single(struct worker *w, struct request *r, struct call *call, uint64_t *ticks) {
    struct batch *b = &w->batch;
    struct slice *s = r->key.slice;
    if (b->held != s || b->held_commands >= HELD_COMMANDS_MAX || *ticks - b->held_since > w->hold_ticks_max) {
        route_let_go(w);
        if (UNLIKELY(!hold_try(&s->hold, &w->thread))) {
            count_add(&w->statistics.holds_refused, 1);
            if (!hold_park(&s->hold, &w->thread)) return park(w, r->client, s);
        }
        b->held = s;
        b->held_since = *ticks;
    }
    b->held_commands++;
    if (pauses(w, r, s->switches)) return wait_for_pause(w, r->client);
    count_add(&s->counters.ops, 1);
    if (s->owner != w->thread.index) count_add(&s->counters.visits, 1);
    call->keys = &r->key;
    call->key_count = 1;
    run_handler(w, r, call, ticks);
    return ROUTE_DONE;
}

/* The slices of a call's keys, in order and each once, into w->scratch. Returns how many. */
static unsigned collect_holds(struct worker *w, const struct call *call) {
    struct scratch *scratch = &w->scratch;
    unsigned count = 0;
    if (call->command->flags & CMD_ALL_SLICES) {
        for (unsigned i = 0; i < slices.count; i++) scratch->holds[count++] = &slices.all[i].hold;
        return count;
    }
    memset(scratch->wanted, 0, sizeof scratch->wanted);
    for (unsigned i = 0; i < call->key_count; i++) {
        unsigned index = call->keys[i].slice->index;
        scratch->wanted[index / 64] |= (uint64_t)1 << (index % 64);
    }
    for (unsigned word = 0; word < (slices.count + 63) / 64; word++)
        for (uint64_t bits = scratch->wanted[word]; bits; bits &= bits - 1)
            scratch->holds[count++] = &slices.all[word * 64 + (unsigned)__builtin_ctzll(bits)].hold;
    return count;
}

static void prefetch_keys(struct client *c, const struct call *call) {
    for (unsigned i = 0; i < call->key_count; i++)
        prefetch_bucket(call->keys[i].slice, c->database, call->keys[i].hash);
    for (unsigned i = 0; i < call->key_count; i++)
        prefetch_entry(call->keys[i].slice, c->database, call->keys[i].hash);
}

/* One command of a million keys does not set aside room for a million for ever. */
static void trim_scratch(struct scratch *scratch) {
    if (LIKELY(scratch->keys_capacity <= SCRATCH_KEYS_KEPT)) return;
    mem_free(scratch->keys);
    mem_free(scratch->positions);
    scratch->keys = NULL;
    scratch->positions = NULL;
    scratch->keys_capacity = 0;
}

/* Finds the keys among the arguments. False: there are none to be found, and the command runs without. */
static bool find_keys(struct worker *w, struct request *r, struct call *call) {
    struct scratch *scratch = &w->scratch;
    if (r->has_key) {
        call->keys = &r->key;
        call->key_count = 1;
        return true;
    }
    if (scratch->keys_capacity < r->argc) {
        scratch->keys_capacity = r->argc + FEW_KEYS;
        scratch->keys = mem_realloc(scratch->keys, scratch->keys_capacity * sizeof *scratch->keys);
        scratch->positions =
            mem_realloc(scratch->positions, scratch->keys_capacity * sizeof *scratch->positions);
    }
    int n = command_find_keys(r->command, r->argv, r->argc, scratch->positions, NULL, r->argc);
    if (n <= 0) return false;
    call->keys = scratch->keys;
    call->key_count = (unsigned)n;
    for (int i = 0; i < n; i++) call->keys[i] = call_key(call, scratch->positions[i]);
    return true;
}

/* A command of several keys, or of all slices. */
static enum route_result run_set(struct worker *w, struct request *r, struct call *call, uint64_t *ticks) {
    struct client *c = r->client;
    struct hold **holds = w->scratch.holds;
    unsigned count = collect_holds(w, call);
    prefetch_keys(c, call);
    if (UNLIKELY(!hold_take_set(holds, count, &w->thread, &c->passes))) {
        count_add(&w->statistics.holds_refused, 1);
        return park(w, c, NULL);
    }
    struct slice *first = (struct slice *)(void *)((char *)holds[0] - offsetof(struct slice, hold));
    if (pauses(w, r, first->switches)) {
        hold_release_set(holds, count, &w->thread);
        return wait_for_pause(w, c);
    }
    for (unsigned i = 0; i < count; i++) {
        struct slice *s = (struct slice *)(void *)((char *)holds[i] - offsetof(struct slice, hold));
        count_add(&s->counters.ops, 1);
        if (s->owner != w->thread.index) count_add(&s->counters.visits, 1);
    }
    run_handler(w, r, call, ticks);
    hold_release_set(holds, count, &w->thread);
    return ROUTE_DONE;
}

/* A command without keys: it runs under no hold, or takes slices one at a time by itself. */
static enum route_result run_free(struct worker *w, struct request *r, struct call *call, uint64_t *ticks) {
    if (pauses(w, r, pause_switches())) return wait_for_pause(w, r->client);
    for (int i = 0; i < AGAIN_MAX; i++) {
        call->outcome = CALL_DONE;
        call->visit.now_ms = 0;
        run_handler(w, r, call, ticks);
        if (LIKELY(call->outcome != CALL_AGAIN)) return ROUTE_DONE;
        ASSERT(w->thread.holds_held == 0);
        if (!hold_park(&call->refused->hold, &w->thread)) return park(w, r->client, call->refused);
        hold_release(&call->refused->hold, &w->thread);
    }
    thread_wake(&w->thread, &w->thread); /* come back in the next turn */
    return park(w, r->client, NULL);
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
    if (!has_memory(w, c, r->command, &call.visit)) return ROUTE_DONE;
    enum route_result result;
    if (LIKELY(r->has_key)) {
        result = run_single(w, r, &call, ticks);
    } else {
        route_let_go(w);
        if ((r->command->flags & CMD_ALL_SLICES) || find_keys(w, r, &call))
            result = run_set(w, r, &call, ticks);
        else
            result = run_free(w, r, &call, ticks);
        trim_scratch(&w->scratch);
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
    set_mute(c);
    if (LIKELY(passes_checks(w, c, r))) {
        atomic_store_explicit(&c->last_command, r->command, memory_order_relaxed);
        atomic_store_explicit(&w->last_command, r->command, memory_order_relaxed);
        result = run_call(w, r, ticks);
    } else if (c->reply.errors != errors) {
        errorstats_note(c->reply.error_word);
    }
    if (UNLIKELY(result == ROUTE_WAITS)) return result;
    if (UNLIKELY(c->reply.errors != errors)) count_add(&w->statistics.errors, 1);
    /* A command that was refused for another reason when it came back: what is reserved for it must not stay so. */
    if (UNLIKELY(c->passes != 0)) hold_forgo(&w->thread, &c->passes);
    shift_mute(c);
    return ROUTE_DONE;
}
