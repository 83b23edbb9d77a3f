/* queues.c: clients that wait for lists and sorted sets (BLPOP, BRPOP, BLMPOP, BLMOVE, BZPOPMIN), judged by queue.h.
 *
 * Lists whose names are even are pushed to at the tail and popped at the head, odd ones the other way round; the
 * sorted sets after them give the lowest. BLMOVE moves to a sink that nobody pops. A quarter of a thread's connections
 * push, some of them to two queues in one transaction; the others wait, with short time-outs, and now and then hang up
 * instead of reading on. Who is seen waiting by CLIENT LIST has its turn before all that come later. What is left at a
 * round's end is taken out by the leader and counts as popped.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "tests/history/crew.h"
#include "tests/history/queue.h"

enum { LISTS = 6, SETS = 2, SINK = LISTS + SETS, QUEUES = SINK + 1 };
enum { STEPS = 8, CONNECTIONS = CREW_CONNECTIONS_MAX, OPS_EACH = 4 * STEPS, TIMEOUT_MS_MAX = 30 };
enum { OPS_MAX = CREW_THREADS * CONNECTIONS * OPS_EACH * 2 };

_Static_assert((int)QUEUES <= (int)QUEUE_LISTS, "the verifier knows so many");

enum pop_kind { POP_LIST, POP_MANY, POP_MOVE, POP_SET };

struct queue_recording {
    unsigned count;
    bool waits;
    enum pop_kind kind;
    int64_t id; /* CLIENT ID */
    struct queue_op ops[OPS_EACH];
};

struct queues {
    struct queue_recording recordings[CREW_THREADS][CONNECTIONS];
    uint64_t seed, next_value[CREW_THREADS];
    _Atomic uint64_t waited, timeouts;
    size_t count;
    struct queue_op all[OPS_MAX];
};

static void add_name(struct wire *w, const struct queues *q, unsigned queue) {
    wire_add(w, " queue-%" PRIu64 "-%u", q->seed, queue);
}

static bool is_set(unsigned queue) {
    return queue >= LISTS && queue < SINK;
}

static struct queue_op *new_op(struct queue_recording *rec, unsigned connection, enum queue_kind kind) {
    ASSERT(rec->count < OPS_EACH);
    struct queue_op *op = &rec->ops[rec->count++];
    *op = (struct queue_op){.kind = kind, .connection = connection, .waits_ns = UINT64_MAX};
    return op;
}

/* ---- pushing ---- */

static void push(struct crew_member *m, unsigned connection, struct queues *q) {
    struct queue_recording *rec = &q->recordings[m->index][connection];
    struct wire *w = &m->wires[connection];
    struct wire_reply said;
    unsigned count = 1 + (unsigned)random_below(&m->random, 2), first = rec->count;
    unsigned queue = (unsigned)random_below(&m->random, SINK);
    if (count > 1) wire_add(w, "MULTI\r\n");
    for (unsigned i = 0; i < count; i++, queue = (queue + 3) % SINK) {
        struct queue_op *op = new_op(rec, m->index * CONNECTIONS + connection, QUEUE_PUSH);
        op->list = queue;
        op->value = q->next_value[m->index]++;
        wire_add(w, "%s", is_set(queue) ? "ZADD" : queue % 2 ? "LPUSH" : "RPUSH");
        add_name(w, q, queue);
        if (is_set(queue)) wire_add(w, " %" PRIu64, op->value);
        wire_add(w, " %" PRIu64 "\r\n", op->value);
    }
    if (count > 1) wire_add(w, "EXEC\r\n");
    uint64_t sent_ns = wire_send(w);
    for (unsigned i = 0; count > 1 && i <= count; i++) wire_expect(w, '+', &said);
    if (count > 1) wire_read_array(w, count);
    for (unsigned i = 0; i < count; i++) {
        wire_expect(w, ':', &said);
        rec->ops[first + i].invoked_ns = sent_ns;
        rec->ops[first + i].completed_ns = said.received_ns;
    }
}

/* ---- waiting ---- */

/* The command's words; of a list, even queues' heads, or odd ones' tails. */
static void add_pop(struct wire *w, const struct queues *q, const struct queue_recording *rec,
                    const struct queue_op *op, double timeout) {
    bool tail = op->lists[0] % 2;
    static const char *const names[] = {
        [POP_LIST] = "BLPOP", [POP_MANY] = "BLMPOP", [POP_MOVE] = "BLMOVE", [POP_SET] = "BZPOPMIN"};
    wire_add(w, "%s", rec->kind == POP_LIST && tail ? "BRPOP" : names[rec->kind]);
    if (rec->kind == POP_MANY) wire_add(w, " %.3f %u", timeout, op->list_count);
    for (unsigned i = 0; i < op->list_count; i++) add_name(w, q, op->lists[i]);
    if (rec->kind == POP_MANY) {
        wire_add(w, tail ? " RIGHT" : " LEFT");
    } else if (rec->kind == POP_MOVE) {
        add_name(w, q, SINK);
        wire_add(w, " %s RIGHT", tail ? "RIGHT" : "LEFT");
    }
    if (rec->kind != POP_MANY) wire_add(w, " %.3f", timeout);
    wire_add(w, "\r\n");
}

static void begin_to_wait(struct crew_member *m, unsigned connection, struct queues *q) {
    struct queue_recording *rec = &q->recordings[m->index][connection];
    struct random *r = &m->random;
    struct queue_op *op = new_op(rec, m->index * CONNECTIONS + connection, QUEUE_TIMEOUT);
    unsigned timeout_ms = 1 + (unsigned)random_below(r, TIMEOUT_MS_MAX), draw = (unsigned)random_below(r, 8);
    rec->kind = draw < 3 ? POP_LIST : draw < 5 ? POP_MANY : draw < 6 ? POP_MOVE : POP_SET;
    unsigned parity = (unsigned)random_below(r, 2), begin = (unsigned)random_below(r, LISTS / 2);
    op->list_count =
        rec->kind == POP_MOVE ? 1 : 1 + (unsigned)random_below(r, rec->kind == POP_SET ? SETS : 3);
    for (unsigned i = 0; i < op->list_count; i++) {
        if (rec->kind == POP_SET)
            op->lists[i] = LISTS + (parity + i) % SETS;
        else
            op->lists[i] = (begin + i) % (LISTS / 2) * 2 + parity;
    }
    add_pop(&m->wires[connection], q, rec, op, timeout_ms / 1000.0);
    op->invoked_ns = wire_send(&m->wires[connection]);
    op->patient_ns = op->invoked_ns + (uint64_t)timeout_ms * 1000000;
    rec->waits = true;
}

/* BLMOVE took the element from one queue and pushed it to the sink. */
static void note_moved(struct queue_recording *rec, const struct queue_op *op) {
    struct queue_op *to_sink = new_op(rec, op->connection, QUEUE_PUSH);
    to_sink->list = SINK;
    to_sink->value = op->value;
    to_sink->invoked_ns = op->invoked_ns;
    to_sink->completed_ns = op->completed_ns;
}

static void take_reply(struct wire *w, struct queue_recording *rec, struct queues *q) {
    struct queue_op *op = &rec->ops[rec->count - 1];
    struct wire_reply said = {0}, name = {0};
    unsigned parts = rec->kind == POP_SET ? 3 : 2;
    rec->waits = false;
    bool served;
    if (rec->kind == POP_MOVE) {
        served = wire_read_value(w, &said);
    } else {
        served = wire_read_exec(w, parts);
        if (served) wire_expect(w, '$', &name);
        if (served) wire_expect(w, rec->kind == POP_MANY ? '*' : '$', &said);
        if (served && parts == 3) wire_expect(w, '$', &said);
    }
    op->completed_ns = w->received_ns;
    if (!served) {
        atomic_fetch_add(&q->timeouts, 1);
        return;
    }
    op->kind = QUEUE_POP;
    op->list = rec->kind == POP_MOVE ? op->lists[0] : (unsigned)name.numbers[0];
    op->value = (uint64_t)said.numbers[0];
    if (op->list >= QUEUES || said.count != 1) wire_trouble("%u elements of queue %u", said.count, op->list);
    if (rec->kind == POP_MOVE) note_moved(rec, op);
}

/* Asks which of those of this thread wait: when the answer has come, they have waited. */
static void see_who_waits(struct crew_member *m, unsigned pushers, struct queues *q) {
    struct wire *w = &m->wires[0];
    unsigned connections = m->crew->options->connections, asked = 0;
    struct queue_recording *recs = q->recordings[m->index];
    char text[8192];
    for (unsigned c = pushers; c < connections; c++) {
        if (!recs[c].waits || recs[c].ops[recs[c].count - 1].waits_ns != UINT64_MAX) continue;
        wire_add(w, "CLIENT LIST ID %" PRId64 "\r\n", recs[c].id);
        asked++;
    }
    if (asked) wire_send(w);
    for (unsigned c = pushers; asked && c < connections; c++) {
        struct queue_op *op = &recs[c].ops[recs[c].count - 1];
        if (!recs[c].waits || op->waits_ns != UINT64_MAX) continue;
        wire_read_text(w, text, sizeof text);
        if (!strstr(text, " flags=b ")) continue;
        op->waits_ns = w->received_ns;
        atomic_fetch_add(&q->waited, 1);
    }
}

/* Hangs up and comes back as another client. */
static void hang_up(struct crew_member *m, unsigned connection, struct queues *q) {
    struct queue_recording *rec = &q->recordings[m->index][connection];
    struct wire *w = &m->wires[connection];
    struct queue_op *op = &rec->ops[rec->count - 1];
    wire_close(w);
    op->kind = QUEUE_GONE;
    op->completed_ns = wire_now_ns();
    wire_open(w, m->crew->options->port);
    rec->id = 0;
    rec->waits = false;
}

static int64_t ask_id(struct wire *w) {
    struct wire_reply said;
    wire_add(w, "CLIENT ID\r\n");
    wire_send(w);
    wire_expect(w, ':', &said);
    return said.numbers[0];
}

static void queues_play(struct crew_member *m, void *arg) {
    struct queues *q = arg;
    struct queue_recording *recs = q->recordings[m->index];
    unsigned connections = m->crew->options->connections, pushers = (connections + 3) / 4;
    for (unsigned c = 0; c < connections; c++) {
        recs[c].count = 0;
        if (!recs[c].id) recs[c].id = ask_id(&m->wires[c]);
    }
    for (unsigned s = 0; s < STEPS; s++) {
        for (unsigned c = pushers; c < connections; c++)
            if (!recs[c].waits && recs[c].id) begin_to_wait(m, c, q);
        if (s % 2) see_who_waits(m, pushers, q);
        for (unsigned c = 0; c < pushers; c++) push(m, c, q);
        for (unsigned c = pushers; c < connections; c++) {
            if (recs[c].waits && wire_has_more(&m->wires[c])) take_reply(&m->wires[c], &recs[c], q);
            bool stays = !recs[c].waits || recs[c].kind == POP_MOVE; /* or nobody would know what it moved */
            if (!stays && random_below(&m->random, 64) == 0) hang_up(m, c, q);
        }
    }
    for (unsigned c = pushers; c < connections; c++)
        if (recs[c].waits) take_reply(&m->wires[c], &recs[c], q);
}

/* ---- judging ---- */

static unsigned count_clients(struct wire *w) {
    char text[8192];
    wire_add(w, "INFO clients\r\n");
    wire_send(w);
    wire_read_text(w, text, sizeof text);
    const char *field = strstr(text, "connected_clients:");
    if (!field) wire_trouble("INFO has no connected_clients");
    return (unsigned)strtoul(field + strlen("connected_clients:"), NULL, 10);
}

/* Until the server knows of all who hung up: else they might take what the next round pushes. It has no other clients. */
static void wait_for_closes(const struct crew *crew) {
    struct wire *w = &crew->members[0].wires[0];
    unsigned ours = crew->options->threads * crew->options->connections;
    uint64_t end_ns = wire_now_ns() + (uint64_t)WIRE_TIMEOUT_S * 1000000000;
    while (count_clients(w) > ours)
        if (wire_now_ns() > end_ns) wire_trouble("the server has more than our %u clients", ours);
}

static void queues_prepare(struct crew_member *leader, void *arg) {
    struct queues *q = arg;
    struct wire *w = &leader->wires[0];
    struct wire_reply said;
    wire_add(w, "DEL");
    for (unsigned i = 0; i < QUEUES; i++) add_name(w, q, i);
    wire_add(w, "\r\n");
    wire_send(w);
    wire_expect(w, ':', &said);
}

/* What nobody popped. */
static void collect_left(struct wire *w, struct queues *q, unsigned queue) {
    struct wire_reply said = {.count = 1};
    while (said.count > 0) {
        bool set = is_set(queue);
        wire_add(w, set ? "ZRANGE" : "LRANGE");
        add_name(w, q, queue);
        wire_add(w, " 0 %d\r\n%s", WIRE_NUMBERS - 1, set ? "ZREMRANGEBYRANK" : "LTRIM");
        add_name(w, q, queue);
        wire_add(w, set ? " 0 %d\r\n" : " %d -1\r\n", set ? WIRE_NUMBERS - 1 : WIRE_NUMBERS);
        uint64_t sent_ns = wire_send(w);
        wire_expect(w, '*', &said);
        for (unsigned i = 0; i < said.count; i++) {
            ASSERT(q->count < OPS_MAX);
            q->all[q->count++] = (struct queue_op){.kind = QUEUE_POP,
                                                   .connection = CREW_THREADS * CONNECTIONS,
                                                   .list = queue,
                                                   .value = (uint64_t)said.numbers[i],
                                                   .invoked_ns = sent_ns,
                                                   .completed_ns = said.received_ns,
                                                   .waits_ns = UINT64_MAX};
        }
        struct wire_reply trimmed;
        wire_read(w, &trimmed);
    }
}

static void print_verdict(const struct queues *q, const struct queue_verdict *verdict) {
    char text[256];
    printf("VIOLATION: %s; sent and answered in microseconds from the first's:\n",
           queue_fault_text(verdict->fault));
    uint64_t first_ns = q->all[verdict->culprit[0]].invoked_ns;
    for (unsigned i = 0; i < verdict->culprits; i++) {
        const struct queue_op *op = &q->all[verdict->culprit[i]];
        printf("  %8.1f %8.1f  %s\n", (double)(int64_t)(op->invoked_ns - first_ns) / 1000,
               (double)(int64_t)(op->completed_ns - first_ns) / 1000, queue_describe(op, text, sizeof text));
    }
}

static bool queues_judge(struct crew *crew, void *arg) {
    struct queues *q = arg;
    q->count = 0;
    for (unsigned t = 0; t < crew->options->threads; t++) {
        for (unsigned c = 0; c < crew->options->connections; c++) {
            const struct queue_recording *rec = &q->recordings[t][c];
            memcpy(q->all + q->count, rec->ops, rec->count * sizeof *rec->ops);
            q->count += rec->count;
        }
    }
    crew->commands += q->count;
    wait_for_closes(crew);
    for (unsigned i = 0; i < QUEUES; i++) collect_left(&crew->members[0].wires[0], q, i);
    struct queue_verdict verdict = queue_check(q->all, q->count, ((1U << SETS) - 1) << LISTS);
    if (verdict.fault != QUEUE_FINE) print_verdict(q, &verdict);
    return verdict.fault == QUEUE_FINE;
}

static const struct crew_plan plan = {.prepare = queues_prepare, .play = queues_play, .judge = queues_judge};

bool queues_run(const struct crew_options *options) {
    struct queues *q = mem_zalloc(sizeof *q);
    q->seed = options->seed % 1000000;
    for (unsigned t = 0; t < CREW_THREADS; t++) q->next_value[t] = ((uint64_t)(t + 1) << 40) + 1;
    struct crew crew = {.options = options, .plan = &plan, .arg = q};
    crew_run(&crew);
    printf("queues: %" PRIu64 " rounds, %" PRIu64 " commands of %u clients, %" PRIu64
           " of them seen waiting, %" PRIu64 " times out: %s\n",
           crew.rounds, crew.commands, options->threads * options->connections, q->waited, q->timeouts,
           crew.violated ? "ILLEGAL" : "each element came once and in turn");
    bool idle = q->waited == 0 || q->timeouts == 0;
    mem_free(q);
    if (!crew.violated && idle) wire_trouble("nobody ever waited");
    return !crew.violated;
}
