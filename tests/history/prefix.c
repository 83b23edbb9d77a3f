/* prefix.c: see prefix.h. The transfers are kept in the order of their serials, four bytes each, with the cells at
 * every MILESTONE of them, so that any state is found again; of earlier views, the positions that are not behind all
 * nodes yet. */
#include "tests/history/prefix.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shard/base/assert.h"
#include "shard/base/mem.h"

enum { MILESTONE = 256, PLACES_KEPT = 1 << 20 };

struct transfer {
    uint8_t from, to;
    int16_t amount;
};

struct cells {
    int64_t value[PREFIX_CELLS];
};

/* How much of everything was seen. */
struct place {
    uint64_t position, clock, counts[PREFIX_LADDERS];
};

struct prefix_history {
    unsigned nodes;
    struct transfer *transfers; /* that of serial s at s - 1 */
    struct cells *milestones;   /* as they were before every MILESTONE-th of them */
    uint64_t length, capacity;
    struct cells cells; /* now */
    struct place *places;
    size_t places_count;
    uint64_t reached[PREFIX_NODES]; /* the position that each node has shown */
};

struct prefix_history *prefix_make(unsigned nodes) {
    ASSERT(nodes >= 1 && nodes <= PREFIX_NODES);
    struct prefix_history *h = mem_zalloc(sizeof *h);
    h->nodes = nodes;
    return h;
}

void prefix_free(struct prefix_history *h) {
    mem_free(h->transfers);
    mem_free(h->milestones);
    mem_free(h->places);
    mem_free(h);
}

static const struct prefix_verdict fine = {.fault = PREFIX_FINE};

/* ---- transfers ---- */

static int by_serial(const void *a, const void *b) {
    const struct prefix_change *x = a, *y = b;
    return x->serial < y->serial ? -1 : x->serial > y->serial;
}

static struct prefix_verdict blame_change(enum prefix_fault fault, const struct prefix_change *c,
                                          const char *what) {
    struct prefix_verdict verdict = {.fault = fault};
    snprintf(verdict.text, sizeof verdict.text,
             "%s:\n  the transfer %llu of %d from cell %u to %u, which then held %lld and %lld\n", what,
             (unsigned long long)c->serial, c->amount, c->from, c->to, (long long)c->left,
             (long long)c->arrived);
    return verdict;
}

static void keep_transfer(struct prefix_history *h, const struct prefix_change *c) {
    if (h->length == h->capacity) {
        h->capacity = h->capacity ? h->capacity * 2 : (uint64_t)MILESTONE * 256;
        h->transfers = mem_realloc(h->transfers, h->capacity * sizeof *h->transfers);
        h->milestones = mem_realloc(h->milestones, h->capacity / MILESTONE * sizeof *h->milestones);
    }
    if (h->length % MILESTONE == 0) h->milestones[h->length / MILESTONE] = h->cells;
    h->transfers[h->length++] = (struct transfer){c->from, c->to, c->amount};
    h->cells.value[c->from] -= c->amount;
    h->cells.value[c->to] += c->amount;
}

struct prefix_verdict prefix_add_changes(struct prefix_history *h, struct prefix_change *changes,
                                         size_t count) {
    if (count) qsort(changes, count, sizeof *changes, by_serial);
    for (size_t i = 0; i < count; i++) {
        const struct prefix_change *c = &changes[i];
        ASSERT(c->from < PREFIX_CELLS && c->to < PREFIX_CELLS && c->from != c->to);
        if (c->serial != h->length + 1)
            return blame_change(PREFIX_SERIAL, c,
                                "its place is taken by another, or those before it were lost");
        keep_transfer(h, c);
        if (h->cells.value[c->from] != c->left || h->cells.value[c->to] != c->arrived)
            return blame_change(PREFIX_STATE, c, "it left the cells as they cannot have been");
    }
    return fine;
}

/* The cells behind the first `serial` transfers. */
static struct cells cells_at(const struct prefix_history *h, uint64_t serial) {
    ASSERT(serial <= h->length);
    if (serial == h->length) return h->cells;
    uint64_t at = serial / MILESTONE * MILESTONE;
    struct cells cells = h->milestones[at / MILESTONE];
    for (; at < serial; at++) {
        cells.value[h->transfers[at].from] -= h->transfers[at].amount;
        cells.value[h->transfers[at].to] += h->transfers[at].amount;
    }
    return cells;
}

/* ---- one view ---- */

static struct place place_of(const struct prefix_view *v) {
    const int64_t *rung = v->values + 1 + PREFIX_CELLS;
    struct place p = {.clock = (uint64_t)v->values[0]};
    p.position = p.clock;
    for (unsigned l = 0; l < PREFIX_LADDERS; l++) {
        for (unsigned r = 0; r < PREFIX_RUNGS; r++) p.counts[l] += (uint64_t)*rung++;
        p.position += p.counts[l];
    }
    return p;
}

static size_t describe(const struct prefix_view *v, char *text, size_t cap) {
    size_t at = (size_t)snprintf(
        text, cap, "  node %u, asked at %.1f and answered at %.1f us, saw clock %lld, cells", v->node,
        (double)v->invoked_ns / 1000, (double)v->completed_ns / 1000, (long long)v->values[0]);
    for (unsigned i = 1; i < PREFIX_VALUES && at < cap; i++) {
        unsigned rung = i - 1 - PREFIX_CELLS;
        const char *before = i <= PREFIX_CELLS || rung % PREFIX_RUNGS ? " " : rung ? " / " : ", ladders ";
        at += (size_t)snprintf(text + at, cap - at, "%s%lld", before, (long long)v->values[i]);
    }
    if (at < cap && v->missing) at += (size_t)snprintf(text + at, cap - at, "; %u were missing", v->missing);
    if (at < cap) at += (size_t)snprintf(text + at, cap - at, "\n");
    return at < cap ? at : cap - 1;
}

static struct prefix_verdict blame_view(enum prefix_fault fault, const struct prefix_view *v,
                                        const char *what) {
    struct prefix_verdict verdict = {.fault = fault};
    size_t at = (size_t)snprintf(verdict.text, sizeof verdict.text, "%s:\n", what);
    describe(v, verdict.text + at, sizeof verdict.text - at);
    return verdict;
}

static struct prefix_verdict check_view(const struct prefix_history *h, const struct prefix_view *v) {
    ASSERT(v->node < h->nodes && v->invoked_ns <= v->completed_ns);
    if (v->missing && v->missing != PREFIX_VALUES)
        return blame_view(PREFIX_STATE, v, "some was there and some was not, although all came together");
    for (unsigned i = 1 + PREFIX_CELLS; i < PREFIX_VALUES; i++)
        if (v->values[i] < 0) return blame_view(PREFIX_LADDER, v, "a counter was below zero");
    if (v->values[0] < 0 || (uint64_t)v->values[0] > h->length)
        return blame_view(PREFIX_SERIAL, v, "the clock never said that");
    struct cells expected = cells_at(h, (uint64_t)v->values[0]);
    if (memcmp(expected.value, v->values + 1, sizeof expected.value) != 0)
        return blame_view(PREFIX_STATE, v, "the cells never were like this when the clock said that");
    for (unsigned l = 0; l < PREFIX_LADDERS; l++) {
        const int64_t *rung = v->values + 1 + PREFIX_CELLS + (size_t)l * PREFIX_RUNGS;
        bool descends = rung[0] - rung[PREFIX_RUNGS - 1] <= 1;
        for (unsigned r = 1; r < PREFIX_RUNGS; r++) descends &= rung[r] <= rung[r - 1];
        if (!descends) return blame_view(PREFIX_LADDER, v, "a command was seen, and one before it was not");
    }
    return fine;
}

/* ---- any two ---- */

static int by_position(const void *a, const void *b) {
    const struct place *x = a, *y = b;
    return x->position < y->position ? -1 : x->position > y->position;
}

static bool has_seen(const struct place *more, const struct place *less) {
    bool all = more->clock >= less->clock;
    for (unsigned l = 0; l < PREFIX_LADDERS; l++) all &= more->counts[l] >= less->counts[l];
    return all;
}

static struct prefix_verdict blame_places(const struct place *x, const struct place *y) {
    struct prefix_verdict verdict = {.fault = PREFIX_ORDER};
    const struct place *both[] = {x, y};
    char *text = verdict.text;
    size_t cap = sizeof verdict.text;
    size_t at = (size_t)snprintf(text, cap, "each of two views saw something that the other did not:\n");
    for (unsigned i = 0; i < 2; i++) {
        at +=
            (size_t)snprintf(text + at, cap - at, "  clock %llu, counts", (unsigned long long)both[i]->clock);
        for (unsigned l = 0; l < PREFIX_LADDERS; l++)
            at += (size_t)snprintf(text + at, cap - at, " %llu", (unsigned long long)both[i]->counts[l]);
        at += (size_t)snprintf(text + at, cap - at, "\n");
        ASSERT(at < cap);
    }
    return verdict;
}

/* Those of this round and those kept, put in order; keeps them, each once, from the first that a node may still be at. */
static struct prefix_verdict check_order(struct prefix_history *h, const struct prefix_view *views,
                                         size_t count) {
    size_t all = h->places_count + count, kept = 0;
    h->places = mem_realloc(h->places, (all + 1) * sizeof *h->places);
    for (size_t i = 0; i < count; i++) h->places[h->places_count + i] = place_of(&views[i]);
    qsort(h->places, all, sizeof *h->places, by_position);
    uint64_t lowest = UINT64_MAX;
    for (unsigned n = 0; n < h->nodes; n++) lowest = h->reached[n] < lowest ? h->reached[n] : lowest;
    size_t too_many = all > PLACES_KEPT ? all - PLACES_KEPT : 0;
    for (size_t i = 1; i < all; i++)
        if (!has_seen(&h->places[i], &h->places[i - 1]))
            return blame_places(&h->places[i - 1], &h->places[i]);
    for (size_t i = 0; i < all; i++) {
        bool again = kept && h->places[kept - 1].position == h->places[i].position;
        if (!again && i >= too_many && h->places[i].position >= lowest) h->places[kept++] = h->places[i];
    }
    h->places_count = kept;
    return fine;
}

/* ---- time ---- */

static int by_invocation(const void *a, const void *b) {
    const struct prefix_view *x = *(const struct prefix_view *const *)a,
                             *y = *(const struct prefix_view *const *)b;
    return x->invoked_ns < y->invoked_ns ? -1 : x->invoked_ns > y->invoked_ns;
}

static int by_completion(const void *a, const void *b) {
    const struct prefix_view *x = *(const struct prefix_view *const *)a,
                             *y = *(const struct prefix_view *const *)b;
    return x->completed_ns < y->completed_ns ? -1 : x->completed_ns > y->completed_ns;
}

static struct prefix_verdict blame_node(const struct prefix_view *first, const struct prefix_view *second) {
    struct prefix_verdict verdict = {.fault = PREFIX_TIME};
    size_t at = 0, cap = sizeof verdict.text;
    at += (size_t)snprintf(verdict.text, cap, "a node went back, or is behind what a replica showed:\n");
    if (first) at += describe(first, verdict.text + at, cap - at);
    describe(second, verdict.text + at, cap - at);
    return verdict;
}

/* One node's views in the order they were asked for: none is behind the furthest that was answered before. */
static struct prefix_verdict check_node(struct prefix_history *h, unsigned node,
                                        const struct prefix_view *const *asked,
                                        const struct prefix_view *const *answered, size_t count) {
    const struct prefix_view *furthest = NULL;
    uint64_t reached = h->reached[node];
    size_t done = 0;
    for (size_t i = 0; i < count; i++) {
        if (asked[i]->node != node) continue;
        for (; done < count && answered[done]->completed_ns < asked[i]->invoked_ns; done++) {
            uint64_t position = place_of(answered[done]).position;
            if ((node && answered[done]->node != node) || position <= reached) continue;
            reached = position;
            furthest = answered[done];
        }
        if (place_of(asked[i]).position < reached) return blame_node(furthest, asked[i]);
    }
    return fine;
}

static struct prefix_verdict check_times(struct prefix_history *h, const struct prefix_view *views,
                                         size_t count) {
    const struct prefix_view **asked = mem_alloc((count + 1) * sizeof *asked);
    const struct prefix_view **answered = mem_alloc((count + 1) * sizeof *answered);
    struct prefix_verdict verdict = fine;
    for (size_t i = 0; i < count; i++) asked[i] = answered[i] = &views[i];
    qsort(asked, count, sizeof *asked, by_invocation);
    qsort(answered, count, sizeof *answered, by_completion);
    for (unsigned n = 0; n < h->nodes && verdict.fault == PREFIX_FINE; n++)
        verdict = check_node(h, n, asked, answered, count);
    for (size_t i = 0; i < count; i++) {
        uint64_t position = place_of(&views[i]).position;
        if (position > h->reached[views[i].node]) h->reached[views[i].node] = position;
        if (position > h->reached[0]) h->reached[0] = position;
    }
    mem_free(asked);
    mem_free(answered);
    return verdict;
}

struct prefix_verdict prefix_add_views(struct prefix_history *h, const struct prefix_view *views,
                                       size_t count) {
    struct prefix_verdict verdict = fine;
    if (count == 0) return fine;
    for (size_t i = 0; i < count && verdict.fault == PREFIX_FINE; i++) verdict = check_view(h, &views[i]);
    if (verdict.fault == PREFIX_FINE) verdict = check_times(h, views, count);
    if (verdict.fault == PREFIX_FINE) verdict = check_order(h, views, count);
    return verdict;
}
