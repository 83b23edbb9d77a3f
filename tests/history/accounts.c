/* accounts.c: transactions of hundreds of clients, judged by ledger.h.
 *
 * Three kinds of ledgers, their cells on as many slices as chance gives them:
 *
 *    clocked    transfers from one account to another in MULTI, which count a clock up and read all
 *               accounts within the same transaction; readers take the clock and all accounts by one MGET,
 *               or by GETs in MULTI. The clock is the serial.
 *    free       the same without a clock, so that nothing is common to all: whoever reads has to find the
 *               sum unchanged.
 *    watched    WATCH of all cells, MGET, and SET of one of them to what it was and one more in MULTI. The
 *               sum of what was read, and one, is the serial: two that wrote different cells after reading
 *               the same state (write skew), or the same cell (a lost update), claim it both.
 *
 * A step is a reply awaited by every connection of a thread: all of them send, then all read, so that every
 * thread has its connections' commands in flight at the same time.
 */
#include <inttypes.h>
#include <stdio.h>

#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "tests/history/crew.h"
#include "tests/history/ledger.h"

enum { CLOCKED, FREE, WATCHED_FIRST, WATCHED = 12, LEDGERS = WATCHED_FIRST + WATCHED };
enum { ACCOUNTS = LEDGER_CELLS, WATCHED_CELLS = 3, STEPS = 6, EVENTS_EACH = 2 * STEPS };

enum step_kind { STEP_TRANSFER, STEP_READ_MANY, STEP_READ_MULTI, STEP_WATCH };

struct step {
    enum step_kind kind;
    unsigned ledger, from, to, commands; /* commands: in the transaction */
    int64_t amount;
    uint64_t invoked_ns;
};

struct account_recording {
    struct step step;
    unsigned count;
    unsigned ledgers[EVENTS_EACH];
    struct ledger_event events[EVENTS_EACH];
};

struct accounts {
    struct account_recording recordings[CREW_THREADS][CREW_CONNECTIONS_MAX];
    uint64_t seed;
    _Atomic uint64_t refused;
    size_t count;
    struct ledger_event one[CREW_THREADS * CREW_CONNECTIONS_MAX * EVENTS_EACH];
};

static unsigned cells_of(unsigned ledger) {
    return ledger >= WATCHED_FIRST ? WATCHED_CELLS : ACCOUNTS;
}

static void add_key(struct wire *w, const struct accounts *a, unsigned ledger, unsigned cell) {
    wire_add(w, " cell-%" PRIu64 "-%u-%u", a->seed, ledger, cell);
}

/* Cell number cells_of(ledger) is the clock. */
static void add_command(struct wire *w, const struct accounts *a, const char *name, unsigned ledger,
                        unsigned cells) {
    wire_add(w, "%s", name);
    for (unsigned c = 0; c < cells; c++) add_key(w, a, ledger, c);
    wire_add(w, "\r\n");
}

static unsigned cells_with_clock(unsigned ledger) {
    return cells_of(ledger) + (ledger == CLOCKED);
}

static void add_change(struct wire *w, const struct accounts *a, const char *name, unsigned cell,
                       const struct step *step) {
    wire_add(w, "%s", name);
    add_key(w, a, step->ledger, cell);
    wire_add(w, " %" PRId64 "\r\n", step->amount);
}

static void send_transfer(struct wire *w, const struct accounts *a, struct step *step) {
    wire_add(w, "MULTI\r\n");
    add_change(w, a, "DECRBY", step->from, step);
    add_change(w, a, "INCRBY", step->to, step);
    step->commands = 3;
    if (step->ledger == CLOCKED) {
        wire_add(w, "INCR");
        add_key(w, a, CLOCKED, ACCOUNTS);
        wire_add(w, "\r\n");
        step->commands++;
    }
    add_command(w, a, "MGET", step->ledger, cells_with_clock(step->ledger));
    wire_add(w, "EXEC\r\n");
}

static void send_reads(struct wire *w, const struct accounts *a, struct step *step) {
    step->commands = cells_with_clock(step->ledger);
    wire_add(w, "MULTI\r\n");
    for (unsigned c = 0; c < step->commands; c++) {
        wire_add(w, "GET");
        add_key(w, a, step->ledger, c);
        wire_add(w, "\r\n");
    }
    wire_add(w, "EXEC\r\n");
}

static void send_step(struct crew_member *m, unsigned connection, struct accounts *a) {
    static const enum step_kind kinds[] = {STEP_TRANSFER, STEP_TRANSFER, STEP_READ_MANY, STEP_READ_MULTI,
                                           STEP_WATCH,    STEP_WATCH,    STEP_WATCH};
    struct random *r = &m->random;
    struct wire *w = &m->wires[connection];
    struct step *step = &a->recordings[m->index][connection].step;
    *step = (struct step){.kind = kinds[random_below(r, sizeof kinds / sizeof *kinds)]};
    step->ledger = random_below(r, 2) ? FREE : CLOCKED;
    step->from = (unsigned)random_below(r, ACCOUNTS);
    step->to = (step->from + 1 + (unsigned)random_below(r, ACCOUNTS - 1)) % ACCOUNTS;
    step->amount = 1 + (int64_t)random_below(r, 100);
    if (step->kind == STEP_TRANSFER) {
        send_transfer(w, a, step);
    } else if (step->kind == STEP_READ_MANY) {
        add_command(w, a, "MGET", step->ledger, cells_with_clock(step->ledger));
    } else if (step->kind == STEP_READ_MULTI) {
        send_reads(w, a, step);
    } else {
        step->ledger = WATCHED_FIRST + (unsigned)random_below(r, WATCHED);
        add_command(w, a, "WATCH", step->ledger, WATCHED_CELLS);
        add_command(w, a, "MGET", step->ledger, WATCHED_CELLS);
    }
    step->invoked_ns = wire_send(w);
}

/* Notes what was seen: the values of all cells, and of the clock. */
static struct ledger_event *note(struct account_recording *rec, unsigned connection,
                                 const struct wire_reply *said) {
    const struct step *step = &rec->step;
    ASSERT(rec->count < EVENTS_EACH);
    rec->ledgers[rec->count] = step->ledger;
    struct ledger_event *e = &rec->events[rec->count++];
    *e = (struct ledger_event){
        .connection = connection, .invoked_ns = step->invoked_ns, .completed_ns = said->received_ns};
    if (said->count != cells_with_clock(step->ledger)) wire_trouble("%u cells", said->count);
    for (unsigned c = 0; c < cells_of(step->ledger); c++) {
        e->seen[c] = said->numbers[c];
        if (step->ledger >= WATCHED_FIRST) e->serial += (uint64_t)said->numbers[c];
    }
    if (step->ledger == CLOCKED) e->serial = (uint64_t)said->numbers[ACCOUNTS];
    return e;
}

static void expect_queued(struct wire *w, unsigned commands) {
    struct wire_reply said;
    for (unsigned i = 0; i <= commands; i++) wire_expect(w, '+', &said); /* OK, and QUEUED for each */
}

/* The GETs of a transaction, as if they had been one MGET. */
static void receive_reads(struct wire *w, struct account_recording *rec, unsigned id) {
    struct wire_reply said = {0}, all = {.type = '*', .count = rec->step.commands};
    for (unsigned c = 0; c < all.count; c++) {
        wire_expect(w, '$', &said);
        all.numbers[c] = said.numbers[0];
    }
    all.received_ns = said.received_ns;
    note(rec, id, &all);
}

static void receive_step(struct crew_member *m, unsigned connection, struct accounts *a) {
    struct account_recording *rec = &a->recordings[m->index][connection];
    struct wire *w = &m->wires[connection];
    struct step *step = &rec->step;
    struct wire_reply said = {0};
    unsigned id = m->index * m->crew->options->connections + connection;
    if (step->kind == STEP_WATCH) wire_expect(w, '+', &said);
    if (step->kind == STEP_TRANSFER || step->kind == STEP_READ_MULTI) {
        expect_queued(w, step->commands);
        wire_read_array(w, step->commands);
    }
    if (step->kind == STEP_READ_MULTI) {
        receive_reads(w, rec, id);
        return;
    }
    for (unsigned i = 0; step->kind == STEP_TRANSFER && i + 1 < step->commands; i++)
        wire_expect(w, ':', &said);
    wire_expect(w, '*', &said);
    struct ledger_event *e = note(rec, id, &said);
    if (step->kind != STEP_TRANSFER) return;
    e->writes = true;
    e->delta[step->from] = -step->amount;
    e->delta[step->to] = step->amount;
}

/* What was watched and read becomes one more in one cell. */
static void send_increment(struct crew_member *m, unsigned connection, struct accounts *a) {
    struct account_recording *rec = &a->recordings[m->index][connection];
    struct step *step = &rec->step;
    if (step->kind != STEP_WATCH) return;
    struct wire *w = &m->wires[connection];
    step->to = (unsigned)random_below(&m->random, WATCHED_CELLS);
    wire_add(w, "MULTI\r\nSET");
    add_key(w, a, step->ledger, step->to);
    wire_add(w, " %" PRId64 "\r\nEXEC\r\n", rec->events[rec->count - 1].seen[step->to] + 1);
    step->invoked_ns = wire_send(w);
}

static void receive_increment(struct crew_member *m, unsigned connection, struct accounts *a,
                              uint64_t *refused) {
    struct account_recording *rec = &a->recordings[m->index][connection];
    struct wire *w = &m->wires[connection];
    struct wire_reply said;
    if (rec->step.kind != STEP_WATCH) return;
    expect_queued(w, 1);
    if (!wire_read_exec(w, 1)) {
        ++*refused;
        return;
    }
    wire_expect(w, '+', &said);
    ASSERT(rec->count > 0 && rec->count < EVENTS_EACH);
    struct ledger_event e = rec->events[rec->count - 1]; /* what it read is the state that it changed */
    e.writes = true;
    e.serial++;
    e.delta[rec->step.to] = 1;
    e.seen[rec->step.to]++;
    e.invoked_ns = rec->step.invoked_ns;
    e.completed_ns = said.received_ns;
    rec->ledgers[rec->count] = rec->step.ledger;
    rec->events[rec->count++] = e;
}

static void accounts_play(struct crew_member *m, void *arg) {
    struct accounts *a = arg;
    unsigned connections = m->crew->options->connections;
    uint64_t refused = 0;
    for (unsigned c = 0; c < connections; c++) a->recordings[m->index][c].count = 0;
    for (unsigned s = 0; s < STEPS; s++) {
        for (unsigned c = 0; c < connections; c++) send_step(m, c, a);
        for (unsigned c = 0; c < connections; c++) receive_step(m, c, a);
        for (unsigned c = 0; c < connections; c++) send_increment(m, c, a);
        for (unsigned c = 0; c < connections; c++) receive_increment(m, c, a, &refused);
    }
    atomic_fetch_add(&a->refused, refused);
}

static void accounts_prepare(struct crew_member *leader, void *arg) {
    struct accounts *a = arg;
    struct wire *w = &leader->wires[0];
    struct wire_reply said;
    for (unsigned l = 0; l < LEDGERS; l++) {
        wire_add(w, "MSET");
        for (unsigned c = 0; c < cells_with_clock(l); c++) {
            add_key(w, a, l, c);
            wire_add(w, " 0");
        }
        wire_add(w, "\r\n");
        wire_send(w);
        wire_expect(w, '+', &said);
    }
}

static void collect(struct crew *crew, struct accounts *a, unsigned ledger) {
    a->count = 0;
    for (unsigned t = 0; t < crew->options->threads; t++) {
        for (unsigned c = 0; c < crew->options->connections; c++) {
            const struct account_recording *rec = &a->recordings[t][c];
            for (unsigned i = 0; i < rec->count; i++)
                if (rec->ledgers[i] == ledger) a->one[a->count++] = rec->events[i];
        }
    }
}

/* Of the ledger without serials: who saw money come or go? */
static struct ledger_verdict check_sums(const struct accounts *a) {
    for (size_t i = 0; i < a->count; i++)
        if (!ledger_sums_to(&a->one[i], 0))
            return (struct ledger_verdict){.fault = LEDGER_STATE, .culprit = {i}, .culprits = 1};
    return (struct ledger_verdict){.fault = LEDGER_FINE};
}

static void print_verdict(const struct accounts *a, unsigned ledger, const struct ledger_verdict *verdict) {
    static const char *const kinds[] = {"transfers with a clock", "transfers", "watched cells"};
    char text[512];
    printf("VIOLATION: %s, ledger %u: %s; sent and answered in microseconds from the first's:\n",
           kinds[ledger < WATCHED_FIRST ? ledger : WATCHED_FIRST], ledger, ledger_fault_text(verdict->fault));
    uint64_t first_ns = a->one[verdict->culprit[0]].invoked_ns;
    for (unsigned i = 0; i < verdict->culprits; i++) {
        const struct ledger_event *e = &a->one[verdict->culprit[i]];
        printf("  %8.1f %8.1f  %s\n", (double)(int64_t)(e->invoked_ns - first_ns) / 1000,
               (double)(int64_t)(e->completed_ns - first_ns) / 1000, ledger_describe(e, text, sizeof text));
    }
}

static bool accounts_judge(struct crew *crew, void *arg) {
    struct accounts *a = arg;
    for (unsigned l = 0; l < LEDGERS; l++) {
        collect(crew, a, l);
        crew->commands += a->count;
        struct ledger_verdict verdict = l == FREE ? check_sums(a) : ledger_check(a->one, a->count);
        if (verdict.fault == LEDGER_FINE) continue;
        print_verdict(a, l, &verdict);
        return false;
    }
    return true;
}

static const struct crew_plan plan = {
    .prepare = accounts_prepare, .play = accounts_play, .judge = accounts_judge};

bool accounts_run(const struct crew_options *options) {
    struct accounts *a = mem_zalloc(sizeof *a);
    a->seed = options->seed % 1000000;
    struct crew crew = {.options = options, .plan = &plan, .arg = a};
    crew_run(&crew);
    printf("accounts: %" PRIu64 " rounds, %" PRIu64 " reads and transactions of %u clients, %" PRIu64
           " refused by a watch: %s\n",
           crew.rounds, crew.commands, options->threads * options->connections, a->refused,
           crew.violated ? "ILLEGAL" : "they have one order");
    if (!crew.violated && a->refused == 0 && crew.rounds > 10) wire_trouble("no watch was ever touched");
    mem_free(a);
    return !crew.violated;
}
