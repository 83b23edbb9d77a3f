/* ledger.c: see ledger.h. The events are sorted by serial, writers before the readers that saw them, and gone through
 * once for what they saw and once for when. */
#include "tests/history/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shard/base/assert.h"
#include "shard/base/mem.h"

struct place {
    const struct ledger_event *event;
    size_t index;
};

static int compare(const void *a, const void *b) {
    const struct place *left = a, *right = b;
    const struct ledger_event *x = left->event, *y = right->event;
    if (x->serial != y->serial) return x->serial < y->serial ? -1 : 1;
    if (x->writes != y->writes) return x->writes ? -1 : 1;
    return left->index < right->index ? -1 : left->index > right->index;
}

static struct ledger_verdict fault(enum ledger_fault fault, const struct place *first,
                                   const struct place *second) {
    struct ledger_verdict verdict = {.fault = fault, .culprit = {first->index}, .culprits = 1};
    if (second) verdict.culprit[verdict.culprits++] = second->index;
    return verdict;
}

static struct ledger_verdict check_states(const struct place *places, size_t count) {
    int64_t cells[LEDGER_CELLS] = {0};
    uint64_t serial = 0;
    for (size_t i = 0; i < count; i++) {
        const struct ledger_event *e = places[i].event;
        if (e->serial != serial + e->writes) {
            bool twice = i > 0 && e->writes && places[i - 1].event->serial == e->serial;
            return fault(LEDGER_SERIAL, &places[i], twice ? &places[i - 1] : NULL);
        }
        serial = e->serial;
        for (unsigned c = 0; c < LEDGER_CELLS; c++) cells[c] += e->writes ? e->delta[c] : 0;
        if (memcmp(cells, e->seen, sizeof cells) != 0) return fault(LEDGER_STATE, &places[i], NULL);
    }
    return (struct ledger_verdict){.fault = LEDGER_FINE};
}

/* Events that have to follow `place`, in the order of places: all later ones but the fellow readers of one state. `first`
 * is the one of those, from the next state on, that was answered first. */
static bool is_later_state(const struct place *place, const struct place *other) {
    return other->event->serial != place->event->serial || place->event->writes;
}

/* From the last to the first: nobody may have been answered before one that precedes him was sent. */
static struct ledger_verdict check_times(const struct place *places, size_t count) {
    const struct place *answered_first = NULL; /* of all states after the present one */
    const struct place *reader_first = NULL;   /* of the present state's readers */
    for (size_t i = count; i-- > 0;) {
        const struct place *p = &places[i];
        if (i + 1 < count && is_later_state(p, &places[i + 1]) && reader_first) {
            if (!answered_first || reader_first->event->completed_ns < answered_first->event->completed_ns)
                answered_first = reader_first;
            reader_first = NULL;
        }
        if (answered_first && answered_first->event->completed_ns < p->event->invoked_ns)
            return fault(LEDGER_TIME, p, answered_first);
        if (!reader_first || p->event->completed_ns < reader_first->event->completed_ns) reader_first = p;
    }
    return (struct ledger_verdict){.fault = LEDGER_FINE};
}

/* Of one connection, no event may come after one that was sent later. */
static struct ledger_verdict check_sessions(const struct ledger_event *events, size_t count) {
    unsigned connections = 0;
    for (size_t i = 0; i < count; i++)
        if (events[i].connection >= connections) connections = events[i].connection + 1;
    size_t *last = mem_zalloc((connections + 1) * sizeof *last); /* index + 1 */
    struct ledger_verdict verdict = {.fault = LEDGER_FINE};
    for (size_t i = 0; i < count && verdict.fault == LEDGER_FINE; i++) {
        size_t before = last[events[i].connection];
        if (before > 0 && events[before - 1].serial + events[i].writes > events[i].serial)
            verdict = (struct ledger_verdict){LEDGER_SESSION, {i, before - 1}, 2};
        last[events[i].connection] = i + 1;
    }
    mem_free(last);
    return verdict;
}

struct ledger_verdict ledger_check(const struct ledger_event *events, size_t count) {
    struct place *places = mem_alloc((count + 1) * sizeof *places);
    for (size_t i = 0; i < count; i++) {
        ASSERT(events[i].invoked_ns <= events[i].completed_ns);
        places[i] = (struct place){&events[i], i};
    }
    qsort(places, count, sizeof *places, compare);
    struct ledger_verdict verdict = check_states(places, count);
    if (verdict.fault == LEDGER_FINE) verdict = check_times(places, count);
    if (verdict.fault == LEDGER_FINE) verdict = check_sessions(events, count);
    mem_free(places);
    return verdict;
}

bool ledger_sums_to(const struct ledger_event *event, int64_t sum) {
    for (unsigned c = 0; c < LEDGER_CELLS; c++) sum -= event->seen[c];
    return sum == 0;
}

const char *ledger_fault_text(enum ledger_fault fault) {
    static const char *const texts[LEDGER_FAULTS] = {
        [LEDGER_FINE] = "",
        [LEDGER_SERIAL] = "its place is taken by another, or those before it were lost",
        [LEDGER_STATE] = "it saw what was never there at one instant",
        [LEDGER_TIME] = "the first comes before the second, but was sent when that had been answered",
        [LEDGER_SESSION] = "the first comes before the second, but was sent after it",
    };
    ASSERT(fault < LEDGER_FAULTS);
    return texts[fault];
}

const char *ledger_describe(const struct ledger_event *event, char *buffer, size_t cap) {
    size_t at = (size_t)snprintf(buffer, cap, "c%u %s at %llu saw", event->connection,
                                 event->writes ? "wrote" : "read", (unsigned long long)event->serial);
    for (unsigned c = 0; c < LEDGER_CELLS && at < cap; c++)
        at += (size_t)snprintf(buffer + at, cap - at, " %lld", (long long)event->seen[c]);
    for (unsigned c = 0; c < LEDGER_CELLS && at < cap && event->writes; c++)
        at += (size_t)snprintf(buffer + at, cap - at, "%s%+lld", c ? " " : " after ",
                               (long long)event->delta[c]);
    return buffer;
}
