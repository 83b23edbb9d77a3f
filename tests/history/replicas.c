/* replicas.c: writers at a primary as fast as they are answered, and readers at the primary and at replicas, judged by
 * prefix.h.
 *
 * Two threads write. Each of their connections sends several transfers at once; each thread climbs two ladders besides:
 * the rungs of the one in a pipeline, those of the other each by the next connection, once the rung before was answered.
 * Each of the other threads reads one server by several connections at once, by MGET and by GETs in MULTI, whose EXEC comes at once or later. A round lasts
 * some tenths of a second and nothing waits for replicas at its end: they go on with what they have not
 * applied, so that a view may be as many rounds late as the links make it. Links and replicas may fail meanwhile, and that is
 * for others to see to: a replica may answer with errors or close connections, which are opened again.
 *
 * The keys are named after the seed, so servers that were used before start with none of them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "tests/history/crew.h"
#include "tests/history/prefix.h"

enum {
    WRITERS = 2,
    CONNECTIONS = 4, /* of each thread */
    PIPELINE = 4,
    STEPS_MAX = 2000,
    CHANGES_MAX = STEPS_MAX * CONNECTIONS * PIPELINE,
    VIEWS_MAX = 6000,
    ROUND_NS = 300000000,
    PAUSE_NS = 300000, /* of a reader, so that it leaves something of the processor to the writers */
    LONG_PAUSE_NS = 5000000,
    EXEC_LATER_NS = 3000000, /* at most */
};

_Static_assert(WRITERS * 2 == PREFIX_LADDERS, "two ladders for each writer");
_Static_assert(WRITERS + 1 + CREW_REPLICAS <= CREW_THREADS && 1 + CREW_REPLICAS <= PREFIX_NODES, "room");

struct written {
    struct prefix_change sent[CONNECTIONS][PIPELINE];
    unsigned rung;       /* that the second ladder is at */
    unsigned rung_taker; /* the connection that takes it next */
    uint64_t climbed;    /* rungs of both */
    size_t count;
    struct prefix_change changes[CHANGES_MAX];
};

struct seen {
    uint64_t refused, lost, moved; /* errors, connections, views that had got further than the one before */
    int64_t last_clock;
    enum reading { READS_AT_ONCE, READS_IN_MULTI, READS_LATER } reading[CONNECTIONS];
    uint64_t invoked_ns[CONNECTIONS];
    size_t count;
    uint64_t all;
    struct prefix_view views[VIEWS_MAX];
};

struct replicas {
    uint64_t seed;
    bool prepared;
    _Atomic unsigned writing;
    struct prefix_history *history;
    struct written written[WRITERS];
    struct seen seen[1 + CREW_REPLICAS];
    uint64_t transfers;
    struct prefix_change changes[WRITERS * CHANGES_MAX];
    struct prefix_view views[(1 + CREW_REPLICAS) * VIEWS_MAX];
};

static void rest(long ns) {
    struct timespec t = {.tv_nsec = ns};
    nanosleep(&t, NULL);
}

/* The key of what a view has at this place. */
static void add_key(struct wire *w, const struct replicas *a, unsigned value) {
    wire_add(w, " part-%" PRIu64 "-%u", a->seed, value);
}

static unsigned rung_value(unsigned ladder, unsigned rung) {
    return 1 + PREFIX_CELLS + ladder * PREFIX_RUNGS + rung;
}

/* ---- writing ---- */

static void add_transfer(struct crew_member *m, struct wire *w, const struct replicas *a,
                         struct prefix_change *c) {
    c->from = (uint8_t)random_below(&m->random, PREFIX_CELLS);
    c->to = (uint8_t)((c->from + 1 + random_below(&m->random, PREFIX_CELLS - 1)) % PREFIX_CELLS);
    c->amount = (int16_t)(1 + random_below(&m->random, 100));
    wire_add(w, "MULTI\r\nDECRBY");
    add_key(w, a, 1U + c->from);
    wire_add(w, " %d\r\nINCRBY", c->amount);
    add_key(w, a, 1U + c->to);
    wire_add(w, " %d\r\nINCR", c->amount);
    add_key(w, a, 0);
    wire_add(w, "\r\nEXEC\r\n");
}

static void add_rung(struct wire *w, const struct replicas *a, unsigned ladder, unsigned rung) {
    wire_add(w, "INCR");
    add_key(w, a, rung_value(ladder, rung));
    wire_add(w, "\r\n");
}

static void send_writes(struct crew_member *m, unsigned connection, struct replicas *a) {
    struct written *mine = &a->written[m->index];
    struct wire *w = &m->wires[connection];
    for (unsigned r = 0; connection == 0 && r < PREFIX_RUNGS; r++) add_rung(w, a, m->index * 2, r);
    for (unsigned p = 0; p < PIPELINE; p++) add_transfer(m, w, a, &mine->sent[connection][p]);
    if (connection == mine->rung_taker) add_rung(w, a, m->index * 2 + 1, mine->rung);
    wire_send(w);
}

static void receive_writes(struct crew_member *m, unsigned connection, struct replicas *a) {
    struct written *mine = &a->written[m->index];
    struct wire *w = &m->wires[connection];
    struct wire_reply said = {0};
    unsigned rungs = connection == 0 ? PREFIX_RUNGS : 0;
    for (unsigned r = 0; r < rungs; r++) wire_expect(w, ':', &said);
    for (unsigned p = 0; p < PIPELINE; p++) {
        struct prefix_change *c = &mine->changes[mine->count++];
        ASSERT(mine->count <= CHANGES_MAX);
        *c = mine->sent[connection][p];
        for (unsigned i = 0; i < 4; i++) wire_expect(w, '+', &said); /* OK, and QUEUED three times */
        wire_read_array(w, 3);
        wire_expect(w, ':', &said);
        c->left = said.numbers[0];
        wire_expect(w, ':', &said);
        c->arrived = said.numbers[0];
        wire_expect(w, ':', &said);
        c->serial = (uint64_t)said.numbers[0];
    }
    if (connection == mine->rung_taker) {
        wire_expect(w, ':', &said);
        rungs++;
    }
    mine->climbed += rungs;
}

static void write_round(struct crew_member *m, struct replicas *a) {
    struct written *mine = &a->written[m->index];
    uint64_t end_ns = wire_now_ns() + ROUND_NS;
    mine->count = 0;
    for (unsigned s = 0; s < STEPS_MAX && wire_now_ns() < end_ns; s++) {
        for (unsigned c = 0; c < CONNECTIONS; c++) send_writes(m, c, a);
        for (unsigned c = 0; c < CONNECTIONS; c++) receive_writes(m, c, a);
        mine->rung = (mine->rung + 1) % PREFIX_RUNGS;
        mine->rung_taker = (mine->rung_taker + 1) % CONNECTIONS;
    }
    atomic_fetch_sub(&a->writing, 1);
}

/* ---- reading ---- */

static void send_read(struct crew_member *m, unsigned connection, struct replicas *a) {
    struct seen *seen = &a->seen[m->index - WRITERS];
    struct wire *w = &m->wires[connection];
    enum reading reading = seen->reading[connection] =
        (enum reading)random_below(&m->random, READS_LATER + 1);
    bool multi = reading != READS_AT_ONCE;
    if (!multi) wire_add(w, "MGET");
    for (unsigned v = 0; v < PREFIX_VALUES; v++) {
        if (multi) wire_add(w, v ? "\r\nGET" : "MULTI\r\nGET");
        add_key(w, a, v);
    }
    wire_add(w, reading == READS_IN_MULTI ? "\r\nEXEC\r\n" : "\r\n");
    seen->invoked_ns[connection] = wire_send(w);
}

/* The EXECs that were kept back. */
static void send_later(struct crew_member *m, struct seen *seen) {
    rest((long)random_below(&m->random, EXEC_LATER_NS));
    for (unsigned c = 0; c < CONNECTIONS; c++) {
        if (seen->reading[c] != READS_LATER) continue;
        wire_add(&m->wires[c], "EXEC\r\n");
        seen->invoked_ns[c] = wire_send(&m->wires[c]);
    }
}

static void note_view(struct seen *seen, unsigned node, uint64_t invoked_ns, const struct wire_reply *said) {
    if (said->count != PREFIX_VALUES) wire_trouble("%u values", said->count);
    ASSERT(seen->count < VIEWS_MAX);
    struct prefix_view *v = &seen->views[seen->count++];
    *v = (struct prefix_view){.node = node, .invoked_ns = invoked_ns, .completed_ns = said->received_ns};
    for (unsigned i = 0; i < PREFIX_VALUES; i++) {
        bool there = said->numbers[i] != WIRE_NULL;
        v->missing += !there;
        v->values[i] = there ? said->numbers[i] : 0;
    }
    seen->moved += v->values[0] > seen->last_clock;
    seen->last_clock = v->values[0];
}

static void receive_read(struct crew_member *m, unsigned connection, struct replicas *a) {
    unsigned node = m->index - WRITERS;
    struct seen *seen = &a->seen[node];
    struct wire *w = &m->wires[connection];
    struct wire_reply said = {0};
    unsigned before = seen->reading[connection] == READS_AT_ONCE ? 0 : 1 + PREFIX_VALUES;
    for (unsigned i = 0; i < before; i++) wire_read(w, &said); /* OK, and QUEUED or an error for each */
    wire_read(w, &said);
    if (said.type == '*') {
        note_view(seen, node, seen->invoked_ns[connection], &said);
    } else if (w->broken) {
        seen->lost++;
        rest(LONG_PAUSE_NS);
        wire_close(w);
        wire_open_forgiving(w, m->crew->options->replicas[node - 1]);
    } else {
        if (node == 0) wire_trouble("the primary answers %s", said.text);
        seen->refused++;
        rest(LONG_PAUSE_NS);
    }
}

static void read_round(struct crew_member *m, struct replicas *a) {
    struct seen *seen = &a->seen[m->index - WRITERS];
    seen->count = 0;
    while (atomic_load(&a->writing)) {
        rest(PAUSE_NS);
        if (seen->count + CONNECTIONS > VIEWS_MAX) continue;
        for (unsigned c = 0; c < CONNECTIONS; c++) send_read(m, c, a);
        send_later(m, seen);
        for (unsigned c = 0; c < CONNECTIONS; c++) receive_read(m, c, a);
    }
    seen->all += seen->count;
}

/* ---- the plan ---- */

static void replicas_connect(struct crew_member *m, unsigned connection, void *arg) {
    (void)arg;
    const struct crew_options *o = m->crew->options;
    if (m->index <= WRITERS)
        wire_open(&m->wires[connection], o->port);
    else
        wire_open_forgiving(&m->wires[connection], o->replicas[m->index - WRITERS - 1]);
}

static void replicas_play(struct crew_member *m, void *arg) {
    if (m->index < WRITERS)
        write_round(m, arg);
    else
        read_round(m, arg);
}

static void replicas_prepare(struct crew_member *leader, void *arg) {
    struct replicas *a = arg;
    atomic_store(&a->writing, WRITERS);
    if (a->prepared) return;
    struct wire *w = &leader->wires[0];
    struct wire_reply said;
    a->prepared = true;
    wire_add(w, "MSET");
    for (unsigned v = 0; v < PREFIX_VALUES; v++) {
        add_key(w, a, v);
        wire_add(w, " 0");
    }
    wire_add(w, "\r\n");
    wire_send(w);
    wire_expect(w, '+', &said);
}

static bool replicas_judge(struct crew *crew, void *arg) {
    struct replicas *a = arg;
    size_t changes = 0, views = 0;
    for (unsigned t = 0; t < WRITERS; t++)
        for (size_t i = 0; i < a->written[t].count; i++) a->changes[changes++] = a->written[t].changes[i];
    for (unsigned n = 0; n <= crew->options->replica_count; n++)
        for (size_t i = 0; i < a->seen[n].count; i++) a->views[views++] = a->seen[n].views[i];
    a->transfers += changes;
    struct prefix_verdict verdict = prefix_add_changes(a->history, a->changes, changes);
    if (verdict.fault == PREFIX_FINE) verdict = prefix_add_views(a->history, a->views, views);
    if (verdict.fault != PREFIX_FINE) printf("VIOLATION: %s", verdict.text);
    return verdict.fault == PREFIX_FINE;
}

static void report(const struct crew *crew, const struct replicas *a) {
    uint64_t climbed = a->written[0].climbed + a->written[1].climbed;
    printf("replicas: %" PRIu64 " rounds, %" PRIu64 " transfers and %" PRIu64 " counts: %s\n", crew->rounds,
           a->transfers, climbed, crew->violated ? "ILLEGAL" : "all saw prefixes of one order");
    for (unsigned n = 0; n <= crew->options->replica_count; n++) {
        const struct seen *s = &a->seen[n];
        printf("  node %u: %" PRIu64 " views, %" PRIu64 " of them further on, up to %" PRId64 "; %" PRIu64
               " refused, %" PRIu64 " connections lost\n",
               n, s->all, s->moved, s->last_clock, s->refused, s->lost);
    }
}

static const struct crew_plan plan = {
    .prepare = replicas_prepare, .play = replicas_play, .judge = replicas_judge, .connect = replicas_connect};

bool replicas_run(const struct crew_options *options) {
    struct crew_options o = *options;
    struct replicas *a = mem_zalloc(sizeof *a);
    o.threads = WRITERS + 1 + o.replica_count;
    o.connections = CONNECTIONS;
    a->seed = o.seed;
    a->history = prefix_make(1 + o.replica_count);
    struct crew crew = {.options = &o, .plan = &plan, .arg = a};
    crew_run(&crew);
    report(&crew, a);
    prefix_free(a->history);
    mem_free(a);
    return !crew.violated;
}
