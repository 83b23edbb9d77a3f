/* registers.c: the graph described in registers.h.
 *
 * Edges are bits of a square matrix, and so is its closure (who comes before whom at all), which is computed
 * from a topological order, last first: a row is the union of the rows of its successors. 4096 commands are
 * 2 MB a matrix. The inference runs on the closure and adds edges; a few rounds suffice in practice, and
 * each adds at least one of at most count^2 edges, so it ends.
 */
#include "tests/history/registers.h"

#include <stdio.h>
#include <string.h>

#include "shard/base/assert.h"
#include "shard/base/mem.h"

enum { NOBODY = REGISTERS_OPS_MAX };

struct graph {
    const struct register_op *ops;
    size_t count, words; /* words of 64 bits in a row */
    uint64_t *edges, *closure;
    unsigned *order;                     /* topological */
    unsigned *state;                     /* of the depth-first walk */
    unsigned *source[REGISTERS_TOUCHED]; /* per op and read: the op that wrote what it read */
};

static bool bit_get(const struct graph *g, const uint64_t *matrix, size_t from, size_t to) {
    return matrix[from * g->words + to / 64] >> (to % 64) & 1;
}

static void edge_add(struct graph *g, size_t from, size_t to) {
    g->edges[from * g->words + to / 64] |= 1ULL << (to % 64);
}

void register_read(struct register_op *op, unsigned group, const uint64_t *values, size_t count) {
    ASSERT(op->reads < REGISTERS_TOUCHED && count > 0);
    bool torn = false;
    for (size_t i = 1; i < count; i++) torn = torn || values[i] != values[0];
    op->read[op->reads++] = (struct register_access){group, values[0], torn};
}

void register_write(struct register_op *op, unsigned group, uint64_t value) {
    ASSERT(op->writes < REGISTERS_GROUPS && group < REGISTERS_GROUPS);
    op->write[op->writes++] = (struct register_access){group, value, false};
}

static bool writes_group(const struct register_op *op, unsigned group) {
    for (unsigned i = 0; i < op->writes; i++) {
        if (op->write[i].group == group) return true;
    }
    return false;
}

static size_t find_writer(const struct graph *g, unsigned group, uint64_t value) {
    for (size_t i = 0; i < g->count; i++) {
        for (unsigned w = 0; w < g->ops[i].writes; w++) {
            if (g->ops[i].write[w].group == group && g->ops[i].write[w].value == value) return i;
        }
    }
    return NOBODY;
}

/* Finds where each read came from. Says which op read what it cannot have, if one did. */
static struct register_verdict resolve_reads(struct graph *g) {
    for (size_t i = 0; i < g->count; i++) {
        for (unsigned r = 0; r < g->ops[i].reads; r++) {
            const struct register_access *read = &g->ops[i].read[r];
            if (read->torn) return (struct register_verdict){REGISTERS_TORN, 1, {i}};
            size_t writer = find_writer(g, read->group, read->value);
            if (writer == NOBODY || writer == i) return (struct register_verdict){REGISTERS_UNKNOWN, 1, {i}};
            ASSERT(r < REGISTERS_TOUCHED && g->source[r] != NULL);
            g->source[r][i] = (unsigned)writer;
            edge_add(g, writer, i);
        }
    }
    return (struct register_verdict){.fault = REGISTERS_FINE};
}

static void add_known_order(struct graph *g) {
    for (size_t a = 0; a < g->count; a++) {
        for (size_t b = 0; b < g->count; b++) {
            bool session = a < b && g->ops[a].connection == g->ops[b].connection;
            if (session || g->ops[a].completed_ns < g->ops[b].invoked_ns) edge_add(g, a, b);
        }
    }
}

/* The lowest successor of `node` from `from` on, or NOBODY. */
static size_t next_successor(const struct graph *g, size_t node, size_t from) {
    const uint64_t *row = g->edges + node * g->words;
    for (size_t word = from / 64; word < g->words; word++) {
        uint64_t bits = row[word];
        if (word == from / 64) bits &= ~0ULL << (from % 64);
        if (bits != 0) return word * 64 + (size_t)__builtin_ctzll(bits);
    }
    return NOBODY;
}

enum { UNSEEN, ON_PATH, FINISHED };

/* Walks from `root`, appending to the order as nodes finish. False: a cycle, whose nodes go to `verdict`. */
static bool walk(struct graph *g, size_t root, size_t *ordered, size_t *path, size_t *cursors,
                 struct register_verdict *verdict) {
    size_t depth = 0;
    path[0] = root;
    cursors[0] = 0;
    g->state[root] = ON_PATH;
    for (;;) {
        size_t next = next_successor(g, path[depth], cursors[depth]);
        if (next == NOBODY) {
            g->state[path[depth]] = FINISHED;
            g->order[(*ordered)++] = (unsigned)path[depth];
            if (depth-- == 0) return true;
            continue;
        }
        cursors[depth] = next + 1;
        if (g->state[next] == ON_PATH) {
            size_t begin = depth;
            while (path[begin] != next) begin--;
            verdict->fault = REGISTERS_CYCLE;
            for (size_t i = begin; i <= depth && verdict->culprits < 8; i++) {
                verdict->culprit[verdict->culprits++] = path[i];
            }
            return false;
        }
        if (g->state[next] == UNSEEN) {
            depth++;
            path[depth] = next;
            cursors[depth] = 0;
            g->state[next] = ON_PATH;
        }
    }
}

/* Orders the nodes so that successors come first. False: there is a cycle. */
static bool sort(struct graph *g, struct register_verdict *verdict) {
    size_t *path = mem_alloc((g->count + 1) * sizeof *path);
    size_t *cursors = mem_alloc((g->count + 1) * sizeof *cursors);
    memset(g->state, 0, g->count * sizeof *g->state);
    size_t ordered = 0;
    bool acyclic = true;
    for (size_t i = 0; i < g->count && acyclic; i++) {
        if (g->state[i] == UNSEEN) acyclic = walk(g, i, &ordered, path, cursors, verdict);
    }
    ASSERT(!acyclic || ordered == g->count);
    mem_free(path);
    mem_free(cursors);
    return acyclic;
}

static void close_over(struct graph *g) {
    memcpy(g->closure, g->edges, g->count * g->words * sizeof *g->closure);
    for (size_t i = 0; i < g->count; i++) {
        uint64_t *row = g->closure + g->order[i] * g->words;
        for (size_t s = next_successor(g, g->order[i], 0); s != NOBODY;
             s = next_successor(g, g->order[i], s + 1)) {
            const uint64_t *reached = g->closure + s * g->words;
            for (size_t w = 0; w < g->words; w++) row[w] |= reached[w];
        }
    }
}

/* Applies the rule to one read. Returns how many edges it added. */
static size_t infer_from_read(struct graph *g, size_t reader, unsigned r) {
    unsigned group = g->ops[reader].read[r].group;
    size_t writer = g->source[r][reader], added = 0;
    for (size_t other = 0; other < g->count; other++) {
        if (other == writer || other == reader || !writes_group(&g->ops[other], group)) continue;
        if (bit_get(g, g->closure, other, reader) && !bit_get(g, g->closure, other, writer)) {
            edge_add(g, other, writer);
            added++;
        }
        if (bit_get(g, g->closure, writer, other) && !bit_get(g, g->closure, reader, other)) {
            edge_add(g, reader, other);
            added++;
        }
    }
    return added;
}

static struct register_verdict saturate(struct graph *g) {
    struct register_verdict verdict = {.fault = REGISTERS_FINE};
    for (size_t added = 1; added > 0;) {
        if (!sort(g, &verdict)) return verdict;
        close_over(g);
        added = 0;
        for (size_t i = 0; i < g->count; i++) {
            for (unsigned r = 0; r < g->ops[i].reads; r++) added += infer_from_read(g, i, r);
        }
    }
    return verdict;
}

struct register_verdict registers_check(const struct register_op *ops, size_t count) {
    ASSERT(count > 0 && count <= REGISTERS_OPS_MAX);
    struct graph g = {.ops = ops, .count = count, .words = (count + 63) / 64};
    g.edges = mem_zalloc(count * g.words * sizeof *g.edges);
    g.closure = mem_zalloc(count * g.words * sizeof *g.closure);
    g.order = mem_zalloc(count * sizeof *g.order);
    g.state = mem_zalloc(count * sizeof *g.state);
    for (unsigned r = 0; r < REGISTERS_TOUCHED; r++) g.source[r] = mem_zalloc(count * sizeof *g.source[r]);
    struct register_verdict verdict = resolve_reads(&g);
    if (verdict.fault == REGISTERS_FINE) {
        add_known_order(&g);
        verdict = saturate(&g);
    }
    for (unsigned r = 0; r < REGISTERS_TOUCHED; r++) mem_free(g.source[r]);
    mem_free(g.edges);
    mem_free(g.closure);
    mem_free(g.order);
    mem_free(g.state);
    return verdict;
}

const char *register_describe(const struct register_op *op, char *buffer, size_t cap) {
    size_t at = (size_t)snprintf(buffer, cap, "c%u", op->connection);
    for (unsigned i = 0; i < op->reads && at < cap; i++) {
        at += (size_t)snprintf(buffer + at, cap - at, " read group %u -> %llu%s", op->read[i].group,
                               (unsigned long long)op->read[i].value, op->read[i].torn ? " and others" : "");
    }
    for (unsigned i = 0; i < op->writes && at < cap; i++) {
        at += (size_t)snprintf(buffer + at, cap - at, " write group %u = %llu", op->write[i].group,
                               (unsigned long long)op->write[i].value);
    }
    return buffer;
}
