/* queue.c: see queue.h. Pushes are matched with pops by sorting; then all pairs of one list are compared, which is fine
 * for the thousands of commands of one round. */
#include "tests/history/queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shard/base/assert.h"
#include "shard/base/mem.h"

struct element {
    const struct queue_op *push, *pop; /* pop: NULL where nobody has it */
};

struct judge {
    const struct queue_op *ops;
    size_t count, element_count;
    uint32_t sorted;
    const struct queue_op **sorted_ops;
    struct element *elements; /* by list and value */
};

/* By list, value, pushes first. */
static int compare(const void *a, const void *b) {
    const struct queue_op *x = *(const struct queue_op *const *)a, *y = *(const struct queue_op *const *)b;
    if (x->list != y->list) return x->list < y->list ? -1 : 1;
    if (x->value != y->value) return x->value < y->value ? -1 : 1;
    if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
    return x < y ? -1 : x > y;
}

static struct queue_verdict fault(const struct judge *j, enum queue_fault fault, const struct queue_op *first,
                                  const struct queue_op *second) {
    struct queue_verdict verdict = {.fault = fault, .culprit = {(size_t)(first - j->ops)}, .culprits = 1};
    if (second) verdict.culprit[verdict.culprits++] = (size_t)(second - j->ops);
    return verdict;
}

static const struct queue_verdict fine = {.fault = QUEUE_FINE};

/* Makes an element of each push and the pop that follows it in the sorted order. */
static struct queue_verdict match(struct judge *j) {
    size_t n = 0;
    for (size_t i = 0; i < j->count; i++)
        if (j->ops[i].kind <= QUEUE_POP) j->sorted_ops[n++] = &j->ops[i];
    qsort(j->sorted_ops, n, sizeof(struct queue_op *), compare);
    for (size_t i = 0; i < n; i++) {
        const struct queue_op *op = j->sorted_ops[i];
        struct element *last = j->element_count ? &j->elements[j->element_count - 1] : NULL;
        bool same = last && last->push->list == op->list && last->push->value == op->value;
        ASSERT(op->list < QUEUE_LISTS && (op->kind == QUEUE_POP || !same));
        if (op->kind == QUEUE_PUSH) {
            j->elements[j->element_count++] = (struct element){.push = op};
        } else if (!same) {
            return fault(j, QUEUE_UNKNOWN, op, NULL);
        } else if (last->pop) {
            return fault(j, QUEUE_TWICE, op, last->pop);
        } else if (op->completed_ns < last->push->invoked_ns) {
            return fault(j, QUEUE_UNKNOWN, op, last->push);
        } else {
            last->pop = op;
        }
    }
    return fine;
}

static bool waits_for(const struct queue_op *op, unsigned list) {
    for (unsigned i = 0; i < op->list_count; i++)
        if (op->lists[i] == list) return true;
    return false;
}

struct excuses {
    const struct element **of; /* by command: the lost element that a client who hung up took along */
    bool *tried;               /* by command */
};

/* Finds a client for a lost element, moving elements that were given one to other clients (the augmenting paths of
 * bipartite matching): one that waited for two lists may be needed for the other. */
static bool excuse(const struct judge *j, struct excuses *x, const struct element *e) {
    for (size_t i = 0; i < j->count; i++) {
        if (x->tried[i] || j->ops[i].kind != QUEUE_GONE || !waits_for(&j->ops[i], e->push->list)) continue;
        x->tried[i] = true;
        if (x->of[i] && !excuse(j, x, x->of[i])) continue; /* no deeper than clients hung up */
        x->of[i] = e;
        return true;
    }
    return false;
}

/* Each element that nobody has needs a client of its own who hung up. */
static struct queue_verdict check_lost(const struct judge *j) {
    struct excuses x = {.of = mem_zalloc((j->count + 1) * sizeof *x.of),
                        .tried = mem_alloc((j->count + 1) * sizeof *x.tried)};
    struct queue_verdict verdict = fine;
    for (size_t e = 0; e < j->element_count && verdict.fault == QUEUE_FINE; e++) {
        if (j->elements[e].pop) continue;
        memset(x.tried, 0, (j->count + 1) * sizeof *x.tried);
        if (!excuse(j, &x, &j->elements[e])) verdict = fault(j, QUEUE_LOST, j->elements[e].push, NULL);
    }
    mem_free(x.of);
    mem_free(x.tried);
    return verdict;
}

static bool is_pushed_before(const struct queue_op *a, const struct queue_op *b) {
    return a->completed_ns < b->invoked_ns || (a->connection == b->connection && a < b);
}

/* Whether the element lay there at every moment from one time to another. One that left with a client who hung up: who knows. */
static bool lay(const struct element *e, uint64_t from_ns, uint64_t to_ns) {
    return e->pop && e->push->completed_ns < from_ns && e->pop->invoked_ns > to_ns;
}

static bool is_ahead(const struct judge *j, const struct element *a, const struct element *b) {
    if (j->sorted >> b->push->list & 1)
        return a->push->value < b->push->value && lay(a, b->pop->invoked_ns, b->pop->completed_ns);
    return is_pushed_before(a->push, b->push) && a->pop && b->pop->completed_ns < a->pop->invoked_ns;
}

static struct queue_verdict check_order(const struct judge *j) {
    for (size_t a = 0; a < j->element_count; a++)
        for (size_t b = 0; b < j->element_count; b++)
            if (j->elements[b].pop && j->elements[a].push->list == j->elements[b].push->list &&
                is_ahead(j, &j->elements[a], &j->elements[b]))
                return fault(j, QUEUE_ORDER, j->elements[b].pop, j->elements[a].push);
    return fine;
}

/* Whether the pop should have taken the element, which is in the key'th of its keys. */
static bool passed_over(const struct queue_op *op, const struct element *e) {
    if (op->kind == QUEUE_TIMEOUT)
        return waits_for(op, e->push->list) && lay(e, op->patient_ns, op->completed_ns);
    for (unsigned i = 0; op->kind == QUEUE_POP && i < op->list_count && op->lists[i] != op->list; i++)
        if (op->lists[i] == e->push->list && lay(e, op->invoked_ns, op->completed_ns)) return true;
    return false;
}

static struct queue_verdict check_passed(const struct judge *j) {
    for (size_t i = 0; i < j->count; i++)
        for (size_t e = 0; j->ops[i].list_count && e < j->element_count; e++)
            if (passed_over(&j->ops[i], &j->elements[e]))
                return fault(j, QUEUE_PASSED, &j->ops[i], j->elements[e].push);
    return fine;
}

/* Served from a list after another had been seen waiting for it, who got what was pushed when the first one had
 * been served already. */
static struct queue_verdict check_turns(const struct judge *j) {
    for (size_t l = 0; l < j->element_count; l++) {
        const struct element *late = &j->elements[l];
        if (!late->pop || late->pop->waits_ns == UINT64_MAX) continue;
        for (size_t e = 0; e < j->element_count; e++) {
            const struct queue_op *early = j->elements[e].pop;
            if (early && waits_for(late->pop, early->list) && late->pop->waits_ns < early->invoked_ns &&
                early->completed_ns < late->push->invoked_ns && early->list_count)
                return fault(j, QUEUE_TURN, early, late->pop);
        }
    }
    return fine;
}

struct queue_verdict queue_check(const struct queue_op *ops, size_t count, uint32_t sorted) {
    struct judge j = {.ops = ops, .count = count, .sorted = sorted};
    j.sorted_ops = mem_alloc((count + 1) * sizeof *j.sorted_ops);
    j.elements = mem_alloc((count + 1) * sizeof *j.elements);
    struct queue_verdict verdict = match(&j);
    if (verdict.fault == QUEUE_FINE) verdict = check_lost(&j);
    if (verdict.fault == QUEUE_FINE) verdict = check_order(&j);
    if (verdict.fault == QUEUE_FINE) verdict = check_passed(&j);
    if (verdict.fault == QUEUE_FINE) verdict = check_turns(&j);
    mem_free(j.sorted_ops);
    mem_free(j.elements);
    return verdict;
}

const char *queue_fault_text(enum queue_fault fault) {
    static const char *const texts[QUEUE_FAULTS] = {
        [QUEUE_FINE] = "",
        [QUEUE_UNKNOWN] = "it got what was not there",
        [QUEUE_TWICE] = "both got the same element",
        [QUEUE_LOST] = "nobody has got what this pushed",
        [QUEUE_ORDER] = "the first got what was behind the element of the second",
        [QUEUE_PASSED] = "the first left the element of the second lying",
        [QUEUE_TURN] = "the first was served before the second, who had been waiting longer",
    };
    ASSERT(fault < QUEUE_FAULTS);
    return texts[fault];
}

const char *queue_describe(const struct queue_op *op, char *buffer, size_t cap) {
    static const char *const kinds[] = {"pushed", "popped", "timed out", "hung up"};
    size_t at = (size_t)snprintf(buffer, cap, "c%u %s", op->connection, kinds[op->kind]);
    if (op->kind <= QUEUE_POP && at < cap)
        at += (size_t)snprintf(buffer + at, cap - at, " q%u %llu", op->list, (unsigned long long)op->value);
    for (unsigned i = 0; i < op->list_count && at < cap; i++)
        at += (size_t)snprintf(buffer + at, cap - at, "%s q%u", i ? "" : " of", op->lists[i]);
    return buffer;
}
