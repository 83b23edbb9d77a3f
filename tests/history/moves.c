/* moves.c: elements that many clients move between lists on different slices, judged by ledger.h and by counting.
 *
 * Two groups of lists, which hold TOKENS numbered elements at first:
 *
 *    timed     LMOVE in MULTI, which counts a clock up and reads the length of every list within the same
 *              transaction; readers take the clock and all lengths in MULTI. The lengths are a ledger's cells,
 *              the clock is its serial.
 *    free      LMOVE, RPOPLPUSH and BLMOVE alone, so that nothing but the command itself keeps its two ends
 *              together. Readers take all lists whole in MULTI: every element is in one of them, and only
 *              once.
 *
 * As in accounts.c, all connections of a thread send before it reads what any of them was answered.
 */
#include <inttypes.h>
#include <stdio.h>

#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "tests/history/crew.h"
#include "tests/history/ledger.h"

enum { GROUPS = 2, TIMED = 0, FREE = 1, LISTS = LEDGER_CELLS, TOKENS = 6, STEPS = 10 };

enum step_kind { STEP_MOVE_TIMED, STEP_READ_TIMED, STEP_MOVE_ALONE, STEP_READ_WHOLE };

struct move_step {
    enum step_kind kind;
    unsigned from, to;
    uint64_t invoked_ns;
};

struct move_recording {
    struct move_step step;
    unsigned count;
    struct ledger_event events[STEPS];
};

struct moves {
    struct move_recording recordings[CREW_THREADS][CREW_CONNECTIONS_MAX];
    uint64_t seed;
    _Atomic uint64_t moved, nothing, whole; /* whole: reads of all lists */
    _Atomic bool torn;                      /* a reader missed an element, or saw it twice */
    size_t count;
    struct ledger_event all[CREW_THREADS * CREW_CONNECTIONS_MAX * STEPS];
};

static void add_list(struct wire *w, const struct moves *v, unsigned group, unsigned list) {
    wire_add(w, " list-%" PRIu64 "-%u-%u", v->seed, group, list);
}

static void add_clock(struct wire *w, const struct moves *v, const char *name) {
    wire_add(w, "%s list-clock-%" PRIu64 "\r\n", name, v->seed);
}

static void add_of_all(struct wire *w, const struct moves *v, unsigned group, const char *name,
                       const char *arguments) {
    for (unsigned l = 0; l < LISTS; l++) {
        wire_add(w, "%s", name);
        add_list(w, v, group, l);
        wire_add(w, "%s\r\n", arguments);
    }
}

/* ---- sending ---- */

static void send_move(struct wire *w, const struct moves *v, unsigned group, const struct move_step *step,
                      unsigned way) {
    static const struct {
        const char *name, *arguments;
    } ways[] = {{"LMOVE", " LEFT RIGHT"},  {"LMOVE", " RIGHT LEFT"},        {"LMOVE", " LEFT LEFT"},
                {"LMOVE", " RIGHT RIGHT"}, {"BLMOVE", " LEFT RIGHT 0.001"}, {"RPOPLPUSH", ""}};
    way %= sizeof ways / sizeof *ways;
    wire_add(w, "%s", ways[way].name);
    add_list(w, v, group, step->from);
    add_list(w, v, group, step->to);
    wire_add(w, "%s\r\n", ways[way].arguments);
}

static void send_step(struct crew_member *m, unsigned connection, struct moves *v) {
    static const enum step_kind kinds[] = {STEP_MOVE_TIMED, STEP_MOVE_TIMED, STEP_READ_TIMED,
                                           STEP_MOVE_ALONE, STEP_MOVE_ALONE, STEP_READ_WHOLE};
    struct random *r = &m->random;
    struct wire *w = &m->wires[connection];
    struct move_step *step = &v->recordings[m->index][connection].step;
    *step = (struct move_step){.kind = kinds[random_below(r, sizeof kinds / sizeof *kinds)]};
    step->from = (unsigned)random_below(r, LISTS);
    step->to = (step->from + 1 + (unsigned)random_below(r, LISTS - 1)) % LISTS;
    unsigned way = (unsigned)random_below(r, 1000);
    if (step->kind == STEP_MOVE_ALONE) {
        send_move(w, v, FREE, step, way);
    } else {
        wire_add(w, "MULTI\r\n");
        if (step->kind == STEP_MOVE_TIMED) send_move(w, v, TIMED, step, way);
        if (step->kind == STEP_READ_WHOLE)
            add_of_all(w, v, FREE, "LRANGE", " 0 -1");
        else
            add_of_all(w, v, TIMED, "LLEN", "");
        if (step->kind != STEP_READ_WHOLE) add_clock(w, v, step->kind == STEP_MOVE_TIMED ? "INCR" : "GET");
        wire_add(w, "EXEC\r\n");
    }
    step->invoked_ns = wire_send(w);
}

/* ---- receiving ---- */

/* The heads of a transaction's replies: OK, QUEUED for each, and the array. */
static void expect_queued(struct wire *w, unsigned commands) {
    struct wire_reply said;
    for (unsigned i = 0; i <= commands; i++) wire_expect(w, '+', &said);
    wire_read_array(w, commands);
}

static bool was_moved(struct wire *w, struct moves *v) {
    struct wire_reply said;
    bool moved = wire_read_value(w, &said);
    atomic_fetch_add(moved ? &v->moved : &v->nothing, 1);
    return moved;
}

static void receive_timed(struct wire *w, struct moves *v, struct move_recording *rec, unsigned id) {
    const struct move_step *step = &rec->step;
    bool writes = step->kind == STEP_MOVE_TIMED;
    struct wire_reply said;
    ASSERT(rec->count < STEPS);
    struct ledger_event *e = &rec->events[rec->count++];
    *e = (struct ledger_event){.connection = id, .writes = writes, .invoked_ns = step->invoked_ns};
    expect_queued(w, LISTS + 1 + writes);
    if (writes && was_moved(w, v)) {
        e->delta[step->from] = -1;
        e->delta[step->to] = 1;
    }
    for (unsigned l = 0; l < LISTS; l++) {
        wire_expect(w, ':', &said);
        e->seen[l] = said.numbers[0] - TOKENS; /* a ledger's cells begin at 0 */
    }
    wire_expect(w, writes ? ':' : '$', &said);
    e->serial = (uint64_t)said.numbers[0];
    e->completed_ns = said.received_ns;
}

static void receive_whole(struct wire *w, struct moves *v) {
    bool seen[LISTS * TOKENS] = {false};
    struct wire_reply said;
    unsigned count = 0;
    bool torn = false;
    expect_queued(w, LISTS);
    for (unsigned l = 0; l < LISTS; l++) {
        wire_expect(w, '*', &said);
        for (unsigned i = 0; i < said.count; i++, count++) {
            int64_t token = said.numbers[i];
            if (token < 0 || token >= LISTS * TOKENS) wire_trouble("no element of ours: %" PRId64, token);
            torn |= seen[token];
            seen[token] = true;
        }
    }
    atomic_fetch_add(&v->whole, 1);
    if (torn || count != LISTS * TOKENS) atomic_store(&v->torn, true);
}

static void receive_step(struct crew_member *m, unsigned connection, struct moves *v) {
    struct move_recording *rec = &v->recordings[m->index][connection];
    struct wire *w = &m->wires[connection];
    if (rec->step.kind == STEP_MOVE_ALONE)
        was_moved(w, v);
    else if (rec->step.kind == STEP_READ_WHOLE)
        receive_whole(w, v);
    else
        receive_timed(w, v, rec, m->index * m->crew->options->connections + connection);
}

static void moves_play(struct crew_member *m, void *arg) {
    struct moves *v = arg;
    unsigned connections = m->crew->options->connections;
    for (unsigned c = 0; c < connections; c++) v->recordings[m->index][c].count = 0;
    for (unsigned s = 0; s < STEPS; s++) {
        for (unsigned c = 0; c < connections; c++) send_step(m, c, v);
        for (unsigned c = 0; c < connections; c++) receive_step(m, c, v);
    }
}

/* ---- rounds ---- */

static void moves_prepare(struct crew_member *leader, void *arg) {
    struct moves *v = arg;
    struct wire *w = &leader->wires[0];
    struct wire_reply said;
    for (unsigned group = 0; group < GROUPS; group++) {
        for (unsigned l = 0; l < LISTS; l++) {
            wire_add(w, "DEL");
            add_list(w, v, group, l);
            wire_add(w, "\r\nRPUSH");
            add_list(w, v, group, l);
            for (unsigned t = 0; t < TOKENS; t++) wire_add(w, " %u", l * TOKENS + t);
            wire_add(w, "\r\n");
            wire_send(w);
            wire_expect(w, ':', &said);
            wire_expect(w, ':', &said);
        }
    }
    wire_add(w, "SET list-clock-%" PRIu64 " 0\r\n", v->seed);
    wire_send(w);
    wire_expect(w, '+', &said);
}

static void print_verdict(const struct moves *v, const struct ledger_verdict *verdict) {
    char text[512];
    printf("VIOLATION: moves in transactions: %s; sent and answered in microseconds from the first's:\n",
           ledger_fault_text(verdict->fault));
    uint64_t first_ns = v->all[verdict->culprit[0]].invoked_ns;
    for (unsigned i = 0; i < verdict->culprits; i++) {
        const struct ledger_event *e = &v->all[verdict->culprit[i]];
        printf("  %8.1f %8.1f  %s\n", (double)(int64_t)(e->invoked_ns - first_ns) / 1000,
               (double)(int64_t)(e->completed_ns - first_ns) / 1000, ledger_describe(e, text, sizeof text));
    }
}

static bool moves_judge(struct crew *crew, void *arg) {
    struct moves *v = arg;
    v->count = 0;
    for (unsigned t = 0; t < crew->options->threads; t++) {
        for (unsigned c = 0; c < crew->options->connections; c++) {
            const struct move_recording *rec = &v->recordings[t][c];
            for (unsigned i = 0; i < rec->count; i++) v->all[v->count++] = rec->events[i];
        }
    }
    crew->commands += v->count;
    struct ledger_verdict verdict = ledger_check(v->all, v->count);
    if (verdict.fault != LEDGER_FINE) print_verdict(v, &verdict);
    if (v->torn)
        printf("VIOLATION: who read all lists in one transaction missed an element, or saw one twice\n");
    return verdict.fault == LEDGER_FINE && !v->torn;
}

static const struct crew_plan plan = {.prepare = moves_prepare, .play = moves_play, .judge = moves_judge};

bool moves_run(const struct crew_options *options) {
    struct moves *v = mem_zalloc(sizeof *v);
    v->seed = options->seed % 1000000;
    struct crew crew = {.options = options, .plan = &plan, .arg = v};
    crew_run(&crew);
    printf("moves: %" PRIu64 " rounds of %u clients, %" PRIu64 " moves, %" PRIu64
           " of them of nothing, %" PRIu64 " transactions in the ledger, %" PRIu64
           " reads of all lists: %s\n",
           crew.rounds, options->threads * options->connections, v->moved + v->nothing, v->nothing,
           crew.commands, v->whole, crew.violated ? "ILLEGAL" : "they have one order");
    if (!crew.violated && crew.rounds > 10 && (v->moved == 0 || v->whole == 0))
        wire_trouble("nothing was moved and read");
    mem_free(v);
    return !crew.violated;
}
