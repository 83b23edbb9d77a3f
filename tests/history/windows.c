/* windows.c: long rounds of atomic writes and reads of groups of keys, judged by registers.h.
 *
 * Groups 0 to WINDOW_GROUPS - 2 have options.group_keys keys each, on as many slices as chance gives them;
 * the last group is a single key, on which SET with GET reads and writes at once. Some windows have one
 * FLUSHALL in their midst.
 */
#include <inttypes.h>
#include <stdio.h>

#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "tests/history/crew.h"
#include "tests/history/registers.h"

enum {
    WINDOW_GROUPS = 5,
    WINDOW_BURSTS = 12,
    WINDOW_PIPELINE = 6,
    WINDOW_OPS = WINDOW_BURSTS * WINDOW_PIPELINE
};
enum { GROUP_KEYS_MAX = 64 };

_Static_assert((int)CREW_THREADS *CREW_CONNECTIONS *WINDOW_OPS + 1 <= (int)REGISTERS_OPS_MAX,
               "a window fits the verifier");
_Static_assert(2 * (int)GROUP_KEYS_MAX <= (int)WIRE_NUMBERS, "a reply about two groups fits");

enum action { READ_ONE, READ_TWO, WRITE_ONE, WRITE_TWO, SWAP, FLUSH };

struct window_recording {
    unsigned count, expected;
    enum action actions[WINDOW_OPS];
    unsigned groups[WINDOW_OPS][REGISTERS_TOUCHED];
    struct register_op ops[WINDOW_OPS];
};

struct windows {
    struct window_recording recordings[CREW_THREADS][CREW_CONNECTIONS];
    uint64_t next_value[CREW_THREADS];
    bool flush; /* this window has one, still to be sent */
    unsigned keys[WINDOW_GROUPS];
    struct register_op first; /* sets all groups */
    struct register_op all[REGISTERS_OPS_MAX];
};

static enum action draw_action(struct random *r) {
    static const uint8_t weights[] = {
        [READ_ONE] = 30, [READ_TWO] = 20, [WRITE_ONE] = 25, [WRITE_TWO] = 15, [SWAP] = 10};
    unsigned at = (unsigned)random_below(r, 100), action = READ_ONE;
    while (at >= weights[action]) at -= weights[action++];
    return (enum action)action;
}

static void add_keys(struct wire *w, const struct windows *windows, unsigned group, uint64_t value) {
    for (unsigned k = 0; k < windows->keys[group]; k++) {
        wire_add(w, " g%u-k%u", group, k);
        if (value != REGISTERS_NONE) wire_add(w, " %" PRIu64, value);
    }
}

/* Draws one command, adds its text to the connection's and notes what it writes. */
static void add_op(struct crew_member *m, struct wire *w, struct windows *windows,
                   struct window_recording *rec) {
    struct random *r = &m->random;
    struct register_op *op = &rec->ops[rec->count + rec->expected];
    unsigned *groups = rec->groups[rec->count + rec->expected];
    enum action action = draw_action(r);
    groups[0] = (unsigned)random_below(r, WINDOW_GROUPS - 1);
    groups[1] = (groups[0] + 1 + (unsigned)random_below(r, WINDOW_GROUPS - 1)) % WINDOW_GROUPS;
    if (m->index == 0 && windows->flush && random_below(r, 20) == 0) {
        windows->flush = false;
        action = FLUSH;
    }
    *op = (struct register_op){0};
    rec->actions[rec->count + rec->expected] = action;
    unsigned touched = action == READ_TWO || action == WRITE_TWO ? 2 : 1;
    uint64_t value = windows->next_value[m->index]++;
    if (action == FLUSH) {
        wire_add(w, "FLUSHALL");
        for (unsigned g = 0; g < WINDOW_GROUPS; g++) register_write(op, g, REGISTERS_NONE);
    } else if (action == SWAP) {
        groups[0] = WINDOW_GROUPS - 1;
        wire_add(w, "SET g%u-k0 %" PRIu64 " GET", groups[0], value);
        register_write(op, groups[0], value);
    } else {
        bool writes = action == WRITE_ONE || action == WRITE_TWO;
        wire_add(w, writes ? "MSET" : "MGET");
        for (unsigned i = 0; i < touched; i++) {
            add_keys(w, windows, groups[i], writes ? value : REGISTERS_NONE);
            if (writes) register_write(op, groups[i], value);
        }
    }
    wire_add(w, "\r\n");
    rec->expected++;
}

static void take_reply(const struct windows *windows, struct window_recording *rec, struct wire_reply *said) {
    struct register_op *op = &rec->ops[rec->count];
    const unsigned *groups = rec->groups[rec->count];
    enum action action = rec->actions[rec->count];
    op->completed_ns = said->received_ns;
    if (said->type == '-') wire_trouble("an error: %s", said->text);
    if (action == WRITE_ONE || action == WRITE_TWO || action == FLUSH) return;
    uint64_t values[WIRE_NUMBERS];
    for (unsigned i = 0; i < said->count; i++) {
        values[i] = said->numbers[i] == WIRE_NULL ? REGISTERS_NONE : (uint64_t)said->numbers[i];
    }
    unsigned at = 0;
    for (unsigned i = 0; i < (action == READ_TWO ? 2 : 1); i++) {
        if (at + windows->keys[groups[i]] > said->count)
            wire_trouble("a reply of %u values only", said->count);
        register_read(op, groups[i], values + at, windows->keys[groups[i]]);
        at += windows->keys[groups[i]];
    }
}

static void windows_play(struct crew_member *m, void *arg) {
    struct windows *windows = arg;
    unsigned connections = m->crew->options->connections;
    struct wire_reply said;
    for (unsigned c = 0; c < connections; c++) windows->recordings[m->index][c].count = 0;
    for (unsigned burst = 0; burst < WINDOW_BURSTS; burst++) {
        for (unsigned c = 0; c < connections; c++) {
            struct window_recording *rec = &windows->recordings[m->index][c];
            rec->expected = 0;
            unsigned count = 1 + (unsigned)random_below(&m->random, WINDOW_PIPELINE);
            for (unsigned i = 0; i < count; i++) add_op(m, &m->wires[c], windows, rec);
            uint64_t now = wire_send(&m->wires[c]);
            for (unsigned i = 0; i < count; i++) {
                rec->ops[rec->count + i].invoked_ns = now;
                rec->ops[rec->count + i].connection = m->index * connections + c;
            }
        }
        for (unsigned c = 0; c < connections; c++) {
            struct window_recording *rec = &windows->recordings[m->index][c];
            for (; rec->expected > 0; rec->expected--, rec->count++) {
                wire_read(&m->wires[c], &said);
                take_reply(windows, rec, &said);
            }
        }
    }
}

static void windows_prepare(struct crew_member *leader, void *arg) {
    struct windows *windows = arg;
    struct wire *w = &leader->wires[0];
    struct wire_reply said;
    uint64_t value = windows->next_value[0]++;
    windows->first = (struct register_op){.connection = 0};
    wire_add(w, "MSET");
    for (unsigned g = 0; g < WINDOW_GROUPS; g++) {
        add_keys(w, windows, g, value);
        register_write(&windows->first, g, value);
    }
    wire_add(w, "\r\n");
    windows->first.invoked_ns = wire_send(w);
    wire_read(w, &said);
    if (said.type != '+') wire_trouble("MSET: %s", said.text);
    windows->first.completed_ns = said.received_ns;
    windows->flush = random_below(&leader->random, 2) == 0;
}

static void print_verdict(const struct windows *windows, const struct register_verdict *verdict) {
    static const char *const faults[] = {
        "",
        "a read saw two values in one group",
        "a read saw what nobody wrote there",
        "each of these has to come before the next one, and the last before the first",
    };
    printf("VIOLATION: %s; sent and answered in microseconds from the window's first:\n",
           faults[verdict->fault]);
    char text[512];
    for (size_t i = 0; i < verdict->culprits; i++) {
        const struct register_op *op = &windows->all[verdict->culprit[i]];
        printf("  %8.1f %8.1f  %s\n", (double)(op->invoked_ns - windows->first.invoked_ns) / 1000,
               (double)(op->completed_ns - windows->first.invoked_ns) / 1000,
               register_describe(op, text, sizeof text));
    }
}

static bool windows_judge(struct crew *crew, void *arg) {
    struct windows *windows = arg;
    size_t count = 1;
    windows->all[0] = windows->first;
    for (unsigned t = 0; t < crew->options->threads; t++) {
        for (unsigned c = 0; c < crew->options->connections; c++) {
            const struct window_recording *rec = &windows->recordings[t][c];
            for (unsigned i = 0; i < rec->count; i++) windows->all[count++] = rec->ops[i];
        }
    }
    crew->commands += count;
    struct register_verdict verdict = registers_check(windows->all, count);
    if (verdict.fault != REGISTERS_FINE) print_verdict(windows, &verdict);
    return verdict.fault == REGISTERS_FINE;
}

static const struct crew_plan plan = {
    .prepare = windows_prepare, .play = windows_play, .judge = windows_judge};

bool windows_run(const struct crew_options *options) {
    ASSERT(options->group_keys >= 1 && options->group_keys <= GROUP_KEYS_MAX);
    struct windows *windows = mem_zalloc(sizeof *windows);
    for (unsigned g = 0; g < WINDOW_GROUPS; g++)
        windows->keys[g] = g == WINDOW_GROUPS - 1 ? 1 : options->group_keys;
    for (unsigned t = 0; t < CREW_THREADS; t++) windows->next_value[t] = ((uint64_t)(t + 1) << 40) + 1;
    struct crew crew = {.options = options, .plan = &plan, .arg = windows};
    crew_run(&crew);
    mem_free(windows);
    printf("windows: %" PRIu64 " of groups of %u keys, %" PRIu64 " commands: %s\n", crew.rounds,
           options->group_keys, crew.commands, crew.violated ? "ILLEGAL" : "no contradiction");
    return !crew.violated;
}
