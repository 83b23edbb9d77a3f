/* rounds.c: short rounds of all kinds of commands on five keys in two databases, judged by linear.h.
 *
 * Each connection sends ROUND_BURSTS pipelines of up to BURST_MAX commands a round, one in TRANSACTION_ONE_IN of them
 * as a transaction. The keys' names hold the
 * seed, so that every run has them on other slices. KEYS * is among the commands, so nothing else may be in
 * databases 0 and 1.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "tests/history/crew.h"
#include "tests/history/linear.h"

enum { ROUND_BURSTS = 2, BURST_MAX = 5, ROUND_OPS = ROUND_BURSTS * BURST_MAX, TRANSACTION_ONE_IN = 4 };

_Static_assert((int)ROUND_OPS <= (int)LINEAR_OPS_EACH, "a connection's commands fit the verifier");

struct recording {
    unsigned count, expected; /* expected: replies still to come, for commands from `answered` on */
    unsigned database;        /* that the connection is in */
    bool transaction;         /* the burst is one */
    struct model_op ops[ROUND_OPS];
};

struct rounds {
    struct recording recordings[CREW_THREADS][CREW_CONNECTIONS];
    char names[MODEL_KEYS][32];
    int64_t next_value[CREW_THREADS];
    struct model_state initial;
    struct model_op all[CREW_THREADS * CREW_CONNECTIONS * ROUND_OPS];
};

/* How often each kind is drawn, of the sum of all. Commands on everything are rare: they would leave little
 * to see. */
static const uint8_t weights[MODEL_KINDS] = {
    [MODEL_SET] = 4,      [MODEL_SET_GET] = 3,     [MODEL_SETNX] = 3,        [MODEL_GET] = 5,
    [MODEL_GETDEL] = 2,   [MODEL_INCR] = 4,        [MODEL_MSET] = 14,        [MODEL_MSETNX] = 5,
    [MODEL_MGET] = 16,    [MODEL_DEL] = 5,         [MODEL_EXISTS] = 6,       [MODEL_RENAME] = 6,
    [MODEL_RENAMENX] = 4, [MODEL_COPY] = 4,        [MODEL_COPY_REPLACE] = 4, [MODEL_MOVE] = 3,
    [MODEL_SWAPDB] = 2,   [MODEL_COPY_ACROSS] = 3, [MODEL_FLUSHDB] = 1,      [MODEL_FLUSHALL] = 1,
    [MODEL_EXPIRE] = 3,   [MODEL_PERSIST] = 2,     [MODEL_TTL] = 3,          [MODEL_KEYS_ALL] = 3,
};

static enum model_kind draw_kind(struct random *r) {
    unsigned sum = 0;
    for (unsigned k = 0; k < MODEL_KINDS; k++) sum += weights[k];
    unsigned at = (unsigned)random_below(r, sum);
    for (unsigned k = 0; k < MODEL_KINDS; k++) {
        if (at < weights[k]) return (enum model_kind)k;
        at -= weights[k];
    }
    assert_failed("the weights add up", __FILE__, __LINE__);
}

static unsigned draw_key_count(enum model_kind kind, struct random *r) {
    switch (kind) {
    case MODEL_MSET:
    case MODEL_MSETNX:
    case MODEL_MGET:
    case MODEL_DEL:
    case MODEL_EXISTS: return 2 + (unsigned)random_below(r, MODEL_KEYS - 1);
    case MODEL_RENAME:
    case MODEL_RENAMENX:
    case MODEL_COPY:
    case MODEL_COPY_REPLACE: return 2;
    case MODEL_SWAPDB:
    case MODEL_FLUSHDB:
    case MODEL_FLUSHALL:
    case MODEL_KEYS_ALL: return 0;
    default: return 1;
    }
}

static void draw(struct model_op *op, struct crew_member *m, struct rounds *rounds) {
    struct random *r = &m->random;
    *op = (struct model_op){.kind = draw_kind(r), .database = random_below(r, 8) == 0};
    op->key_count = draw_key_count(op->kind, r);
    unsigned order[MODEL_KEYS];
    for (unsigned i = 0; i < MODEL_KEYS; i++) order[i] = i;
    for (unsigned i = 0; i < op->key_count; i++) { /* without repetition, in any order */
        unsigned other = i + (unsigned)random_below(r, MODEL_KEYS - i), k = order[other];
        order[other] = order[i];
        order[i] = k;
        op->keys[i] = k;
        op->values[i] = rounds->next_value[m->index];
        rounds->next_value[m->index] += MODEL_VALUE_STEP;
    }
}

static void write_op(struct wire *w, const struct rounds *rounds, const struct model_op *op) {
    static const char *const forms[MODEL_KINDS] = {
        [MODEL_SET] = "SET",           [MODEL_SET_GET] = "SET",       [MODEL_SETNX] = "SETNX",
        [MODEL_GET] = "GET",           [MODEL_GETDEL] = "GETDEL",     [MODEL_INCR] = "INCR",
        [MODEL_MSET] = "MSET",         [MODEL_MSETNX] = "MSETNX",     [MODEL_MGET] = "MGET",
        [MODEL_DEL] = "DEL",           [MODEL_EXISTS] = "EXISTS",     [MODEL_RENAME] = "RENAME",
        [MODEL_RENAMENX] = "RENAMENX", [MODEL_COPY] = "COPY",         [MODEL_COPY_REPLACE] = "COPY",
        [MODEL_COPY_ACROSS] = "COPY",  [MODEL_MOVE] = "MOVE",         [MODEL_SWAPDB] = "SWAPDB 0 1",
        [MODEL_FLUSHDB] = "FLUSHDB",   [MODEL_FLUSHALL] = "FLUSHALL", [MODEL_KEYS_ALL] = "KEYS *",
        [MODEL_EXPIRE] = "EXPIRE",     [MODEL_PERSIST] = "PERSIST",   [MODEL_TTL] = "TTL",
    };
    bool values = op->kind == MODEL_SET || op->kind == MODEL_SET_GET || op->kind == MODEL_SETNX ||
                  op->kind == MODEL_MSET || op->kind == MODEL_MSETNX;
    wire_add(w, "%s", forms[op->kind]);
    for (unsigned i = 0; i < op->key_count; i++) {
        wire_add(w, " %s", rounds->names[op->keys[i]]);
        if (values) wire_add(w, " %" PRId64, op->values[i]);
    }
    if (op->kind == MODEL_SET_GET) wire_add(w, " GET");
    if (op->kind == MODEL_COPY_REPLACE) wire_add(w, " REPLACE");
    if (op->kind == MODEL_COPY_ACROSS) wire_add(w, " %s DB %u", rounds->names[op->keys[0]], 1 - op->database);
    if (op->kind == MODEL_MOVE) wire_add(w, " %u", 1 - op->database);
    if (op->kind == MODEL_EXPIRE) wire_add(w, " 100000");
    wire_add(w, "\r\n");
}

/* What the server said, in the model's terms. */
static void take_reply(struct model_op *op, const struct wire_reply *said) {
    struct model_reply *reply = &op->reply;
    op->completed_ns = said->received_ns;
    reply->count = said->count;
    for (unsigned i = 0; i < said->count && i < MODEL_ARGUMENTS; i++) reply->values[i] = said->numbers[i];
    if (said->type == '+') {
        reply->type = MODEL_OK;
    } else if (said->type == '-') {
        if (strcmp(said->text, "ERR no such key") != 0)
            wire_trouble("%s: %s", model_name(op->kind), said->text);
        reply->type = MODEL_ERROR;
    } else if (said->type == ':') {
        reply->type = MODEL_NUMBER;
        if (op->kind == MODEL_TTL && reply->values[0] > 0) reply->values[0] = 1;
    } else if (said->type == '$') {
        reply->type = MODEL_VALUE;
    } else {
        reply->type = op->kind == MODEL_KEYS_ALL ? MODEL_NUMBER : MODEL_ARRAY;
    }
    if (op->kind == MODEL_KEYS_ALL) {
        int64_t mask = 0;
        for (unsigned i = 0; i < said->count; i++) mask |= 1LL << (said->numbers[i] % MODEL_KEYS);
        reply->count = 1;
        reply->values[0] = mask;
    }
    if (reply->count > MODEL_ARGUMENTS) wire_trouble("%s: %u elements", model_name(op->kind), reply->count);
}

static void send_burst(struct crew_member *m, unsigned connection, struct rounds *rounds) {
    struct recording *rec = &rounds->recordings[m->index][connection];
    struct wire *w = &m->wires[connection];
    unsigned count = 1 + (unsigned)random_below(&m->random, BURST_MAX);
    rec->transaction = random_below(&m->random, TRANSACTION_ONE_IN) == 0;
    if (rec->transaction) wire_add(w, "MULTI\r\n");
    for (unsigned i = 0; i < count; i++) {
        struct model_op *op = &rec->ops[rec->count + i];
        draw(op, m, rounds);
        op->connection = m->index * m->crew->options->connections + connection;
        op->more = rec->transaction && i + 1 < count;
        if (i == 0 || rec->transaction) op->database = rec->database;
        if (op->database != rec->database) wire_add(w, "SELECT %u\r\n", op->database);
        rec->database = op->database;
        write_op(w, rounds, op);
    }
    if (rec->transaction) wire_add(w, "EXEC\r\n");
    uint64_t now = wire_send(w);
    for (unsigned i = 0; i < count; i++) rec->ops[rec->count + i].invoked_ns = now;
    rec->expected = count;
}

static void receive_burst(struct crew_member *m, unsigned connection, struct rounds *rounds) {
    struct recording *rec = &rounds->recordings[m->index][connection];
    struct wire_reply said;
    unsigned database = rec->ops[rec->count].database; /* the first of a burst is in the connection's own */
    if (rec->transaction) {
        for (unsigned i = 0; i <= rec->expected; i++) { /* OK, and QUEUED for each */
            wire_read(&m->wires[connection], &said);
            if (said.type != '+') wire_trouble("MULTI: %s", said.text);
        }
        wire_read_array(&m->wires[connection], rec->expected);
    }
    for (; rec->expected > 0; rec->expected--, rec->count++) {
        struct model_op *op = &rec->ops[rec->count];
        if (op->database != database) {
            wire_read(&m->wires[connection], &said);
            if (said.type != '+') wire_trouble("SELECT: %s", said.text);
            database = op->database;
        }
        wire_read(&m->wires[connection], &said);
        take_reply(op, &said);
    }
}

static void rounds_play(struct crew_member *m, void *arg) {
    struct rounds *rounds = arg;
    unsigned connections = m->crew->options->connections;
    for (unsigned c = 0; c < connections; c++) rounds->recordings[m->index][c].count = 0;
    for (unsigned burst = 0; burst < ROUND_BURSTS; burst++) {
        for (unsigned c = 0; c < connections; c++) send_burst(m, c, rounds);
        for (unsigned c = 0; c < connections; c++) receive_burst(m, c, rounds);
    }
}

/* Empties the keyspace by single deletions, which the server does in passing (FLUSHALL would stop all of
 * it). */
static void rounds_prepare(struct crew_member *leader, void *arg) {
    struct rounds *rounds = arg;
    struct wire *w = &leader->wires[0];
    char command[256];
    struct recording *rec = &rounds->recordings[0][0];
    for (unsigned d = 0; d < MODEL_DATABASES; d++) {
        snprintf(command, sizeof command, "SELECT %u", d);
        wire_order(w, command);
        snprintf(command, sizeof command, "DEL %s %s %s %s %s", rounds->names[0], rounds->names[1],
                 rounds->names[2], rounds->names[3], rounds->names[4]);
        wire_order(w, command);
    }
    snprintf(command, sizeof command, "SELECT %u", rec->database);
    wire_order(w, command);
}

static void print_round(const struct rounds *rounds, size_t count, size_t longest) {
    uint64_t first = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        if (rounds->all[i].invoked_ns < first) first = rounds->all[i].invoked_ns;
    }
    printf("VIOLATION: these %zu commands have no legal order (%zu of them could be put into one); sent and "
           "answered"
           " in microseconds from the first:\n",
           count, longest);
    char text[512];
    for (size_t i = 0; i < count; i++) {
        const struct model_op *op = &rounds->all[i];
        printf("  %8.1f %8.1f  %s%s\n", (double)(op->invoked_ns - first) / 1000,
               (double)(op->completed_ns - first) / 1000, model_describe(op, text, sizeof text),
               op->more ? " (and at the same instant:)" : "");
    }
}

static bool rounds_judge(struct crew *crew, void *arg) {
    struct rounds *rounds = arg;
    size_t count = 0, longest = 0;
    for (unsigned t = 0; t < crew->options->threads; t++) {
        for (unsigned c = 0; c < crew->options->connections; c++) {
            const struct recording *rec = &rounds->recordings[t][c];
            memcpy(rounds->all + count, rec->ops, rec->count * sizeof *rec->ops);
            count += rec->count;
        }
    }
    crew->commands += count;
    enum linear_verdict verdict = linear_check(&rounds->initial, rounds->all, count, &longest);
    crew->undecided += verdict == LINEAR_UNDECIDED;
    if (verdict == LINEAR_ILLEGAL) print_round(rounds, count, longest);
    return verdict != LINEAR_ILLEGAL;
}

static const struct crew_plan plan = {.prepare = rounds_prepare, .play = rounds_play, .judge = rounds_judge};

bool rounds_run(const struct crew_options *options) {
    struct rounds *rounds = mem_zalloc(sizeof *rounds);
    ASSERT(options->threads * options->connections <= LINEAR_CONNECTIONS);
    model_clear(&rounds->initial);
    for (unsigned k = 0; k < MODEL_KEYS; k++) {
        snprintf(rounds->names[k], sizeof rounds->names[k], "key-%" PRIu64 "-%u", options->seed % 1000000, k);
    }
    for (unsigned t = 0; t < CREW_THREADS; t++)
        rounds->next_value[t] = ((int64_t)(t + 1) << 40) * MODEL_VALUE_STEP;
    struct wire *first = mem_zalloc(sizeof *first);
    wire_open(first, options->port);
    wire_order(first, "FLUSHALL");
    wire_close(first);
    mem_free(first);
    struct crew crew = {.options = options, .plan = &plan, .arg = rounds};
    crew_run(&crew);
    mem_free(rounds);
    printf("rounds: %" PRIu64 " of any commands, %" PRIu64 " commands, %" PRIu64 " undecided: %s\n",
           crew.rounds, crew.commands, crew.undecided, crew.violated ? "ILLEGAL" : "each has a legal order");
    if (crew.undecided > 2 + crew.rounds / 1000) wire_trouble("too many rounds were too hard to decide");
    return !crew.violated;
}
