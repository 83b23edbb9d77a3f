/* linear.c: the search described in linear.h.
 *
 * Depth first, with a stack of its own as deep as the history is long. What was tried is an open-addressing
 * set of 128-bit hashes of {position, state}: two of 2^21 different ones are the same with a chance of
 * 2^-86.
 *
 * What keeps the search short is to see dead ends early. Values are written once, so one that is nowhere in
 * the state any more cannot come back; if a command still to come has read it, the order tried is wrong
 * already. Which connection is tried first decides between hundreds of steps and millions in a few rounds of
 * every thousand, and no rule is good for all of them: so two rules get a short try each before one of them
 * gets the long one.
 */
#include "tests/history/linear.h"

#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "shard/base/assert.h"
#include "shard/base/mem.h"

struct position {
    uint8_t done[LINEAR_CONNECTIONS]; /* commands of each connection that are in the order */
    struct model_state state;
};

/* One step of the order being tried: where it stands, and which connections to try from there. */
struct frame {
    struct position position;
    uint64_t earliest; /* see earliest_completion */
    unsigned tried;    /* of `order` */
    uint8_t order[LINEAR_CONNECTIONS];
};

enum rule { SENT_FIRST, ANSWERED_FIRST };

/* For a written value: how many commands of each connection must be in the order before nobody needs it any
 * more. */
struct need {
    int64_t written;
    uint8_t until[LINEAR_CONNECTIONS];
};

struct search {
    const struct model_op *ops[LINEAR_CONNECTIONS][LINEAR_OPS_EACH];
    unsigned counts[LINEAR_CONNECTIONS];
    unsigned connections;
    enum rule rule;
    XXH128_hash_t *tried; /* zero: a free place */
    size_t tried_cap, tried_count;
    struct frame *stack;
    struct need *needs; /* sorted by `written` */
    size_t need_count;
};

static size_t power_of_two_above(size_t n) {
    size_t power = 1024;
    while (power < n) power *= 2;
    return power;
}

static void tried_grow(struct search *s) {
    size_t cap = power_of_two_above(s->tried_cap * 2);
    XXH128_hash_t *grown = mem_zalloc(cap * sizeof *grown);
    for (size_t i = 0; i < s->tried_cap; i++) {
        if (s->tried[i].low64 == 0) continue;
        size_t at = s->tried[i].low64 & (cap - 1);
        while (grown[at].low64 != 0) at = (at + 1) & (cap - 1);
        grown[at] = s->tried[i];
    }
    mem_free(s->tried);
    s->tried = grown;
    s->tried_cap = cap;
}

/* True when this position was not there before. */
static bool tried_add(struct search *s, const struct position *p) {
    if (s->tried_count * 2 >= s->tried_cap) tried_grow(s);
    XXH128_hash_t hash = XXH3_128bits(p, sizeof *p);
    if (hash.low64 == 0) hash.low64 = 1;
    size_t at = hash.low64 & (s->tried_cap - 1);
    while (s->tried[at].low64 != 0) {
        if (XXH128_isEqual(s->tried[at], hash)) return false;
        at = (at + 1) & (s->tried_cap - 1);
    }
    s->tried[at] = hash;
    s->tried_count++;
    return true;
}

/* The command of connection c that comes next, or NULL when all are in the order. */
static const struct model_op *next_op(const struct search *s, const struct position *p, unsigned c) {
    if (p->done[c] == s->counts[c]) return NULL;
    const struct model_op *op = s->ops[c][p->done[c]];
    ASSERT(op != NULL);
    return op;
}

/* The earliest completion among the commands that are next: none sent after it may go before that command. */
static uint64_t earliest_completion(const struct search *s, const struct position *p) {
    uint64_t earliest = UINT64_MAX;
    for (unsigned c = 0; c < s->connections; c++) {
        const struct model_op *op = next_op(s, p, c);
        if (op != NULL && op->completed_ns < earliest) earliest = op->completed_ns;
    }
    return earliest;
}

/* Sorts the connections by the rule; those that have no command left go last. */
static void frame_begin(const struct search *s, struct frame *f) {
    uint64_t keys[LINEAR_CONNECTIONS];
    for (unsigned c = 0; c < s->connections; c++) {
        const struct model_op *op = next_op(s, &f->position, c);
        uint64_t key = op == NULL ? UINT64_MAX : s->rule == SENT_FIRST ? op->invoked_ns : op->completed_ns;
        unsigned at = c;
        for (; at > 0 && keys[at - 1] > key; at--) {
            keys[at] = keys[at - 1];
            f->order[at] = f->order[at - 1];
        }
        keys[at] = key;
        f->order[at] = (uint8_t)c;
    }
    f->earliest = earliest_completion(s, &f->position);
    f->tried = 0;
}

static int need_compare(const void *a, const void *b) {
    const struct need *x = a, *y = b;
    return x->written < y->written ? -1 : x->written > y->written;
}

/* Lists what the recorded replies have read. */
static void needs_collect(struct search *s) {
    s->needs = mem_zalloc((size_t)LINEAR_CONNECTIONS * LINEAR_OPS_EACH * MODEL_ARGUMENTS * sizeof *s->needs);
    size_t count = 0;
    for (unsigned c = 0; c < s->connections; c++) {
        for (unsigned i = 0; i < s->counts[c]; i++) {
            ASSERT(s->ops[c][i] != NULL);
            const struct model_reply *reply = &s->ops[c][i]->reply;
            for (unsigned v = 0; v < reply->count; v++) {
                if (reply->values[v] < MODEL_VALUE_STEP) continue;
                s->needs[count].written = reply->values[v] / MODEL_VALUE_STEP;
                s->needs[count++].until[c] = (uint8_t)(i + 1);
            }
        }
    }
    qsort(s->needs, count, sizeof *s->needs, need_compare);
    for (size_t i = 0; i < count; i++) {
        struct need *last = s->need_count > 0 ? &s->needs[s->need_count - 1] : NULL;
        if (last == NULL || last->written != s->needs[i].written) {
            s->needs[s->need_count++] = s->needs[i];
            continue;
        }
        for (unsigned c = 0; c < s->connections; c++) {
            if (s->needs[i].until[c] > last->until[c]) last->until[c] = s->needs[i].until[c];
        }
    }
}

static bool holds(const struct model_state *state, int64_t written) {
    const int64_t *values = &state->values[0][0];
    for (unsigned i = 0; i < MODEL_DATABASES * MODEL_KEYS; i++) {
        if (values[i] / MODEL_VALUE_STEP == written) return true;
    }
    return false;
}

/* Whether the step from `before` lost a value that a command still to come has read. */
static bool lost_needed(const struct search *s, const struct model_state *before,
                        const struct position *after) {
    const int64_t *values = &before->values[0][0];
    for (unsigned i = 0; i < MODEL_DATABASES * MODEL_KEYS; i++) {
        struct need wanted = {.written = values[i] / MODEL_VALUE_STEP};
        if (wanted.written <= 0 || holds(&after->state, wanted.written)) continue;
        const struct need *need = bsearch(&wanted, s->needs, s->need_count, sizeof wanted, need_compare);
        if (need == NULL) continue;
        for (unsigned c = 0; c < s->connections; c++) {
            if (need->until[c] > after->done[c]) return true;
        }
    }
    return false;
}

/* Puts the next command of connection c at the end of the order, with the rest of its transaction, if it may come now
 * and the replies fit. `above` is where that leads. */
static bool frame_try(const struct search *s, const struct frame *f, unsigned c, struct frame *above) {
    const struct model_op *op = next_op(s, &f->position, c);
    if (op == NULL || op->invoked_ns > f->earliest) return false;
    above->position = f->position;
    for (bool more = true; more;) {
        op = next_op(s, &above->position, c);
        ASSERT(op != NULL);
        struct model_reply expected = model_run(&above->position.state, op);
        if (!model_reply_equal(&expected, &op->reply)) return false;
        above->position.done[c]++;
        more = op->more;
    }
    if (lost_needed(s, &f->position.state, &above->position)) return false;
    frame_begin(s, above);
    return true;
}

/* A command that, by its reply, changed nothing, and fits here may as well come now: whatever order is legal
 * with it later is legal with it here. Then no other choice needs to be tried from this frame. (That it
 * would change nothing here is not enough: a FLUSHALL may find nothing now and something later.) */
static bool frame_pass_idle(const struct search *s, struct frame *f, struct frame *above) {
    for (unsigned c = 0; c < s->connections; c++) {
        const struct model_op *op = next_op(s, &f->position, c);
        if (op == NULL || op->more || !model_changes_nothing(op) || !frame_try(s, f, c, above)) continue;
        f->tried = s->connections;
        return true;
    }
    return false;
}

/* Tries the connections of the top frame from where it left off. True: one fits, and `above` is where that
 * leads. */
static bool frame_advance(struct search *s, struct frame *f, struct frame *above) {
    if (f->tried == 0 && frame_pass_idle(s, f, above)) return tried_add(s, &above->position);
    while (f->tried < s->connections) {
        unsigned c = f->order[f->tried++];
        if (frame_try(s, f, c, above) && tried_add(s, &above->position)) return true;
    }
    return false;
}

static size_t done_count(const struct search *s, const struct position *p) {
    size_t done = 0;
    for (unsigned c = 0; c < s->connections; c++) done += p->done[c];
    return done;
}

/* Searches from `initial`, giving up when so many positions were tried. */
static enum linear_verdict search_run(struct search *s, const struct model_state *initial, size_t tried_max,
                                      size_t *longest) {
    size_t count = 0;
    for (unsigned c = 0; c < s->connections; c++) count += s->counts[c];
    memset(s->tried, 0, s->tried_cap * sizeof *s->tried);
    s->tried_count = 0;
    s->stack[0].position = (struct position){.state = *initial};
    frame_begin(s, &s->stack[0]);
    for (size_t depth = 1; depth > 0;) {
        struct frame *top = &s->stack[depth - 1];
        size_t done = done_count(s, &top->position);
        if (done > *longest) *longest = done;
        if (done == count) return LINEAR_LEGAL;
        if (s->tried_count > tried_max) return LINEAR_UNDECIDED;
        depth = frame_advance(s, top, top + 1) ? depth + 1 : depth - 1;
    }
    return LINEAR_ILLEGAL;
}

enum linear_verdict linear_check(const struct model_state *initial, const struct model_op *ops, size_t count,
                                 size_t *longest) {
    struct search s = {0};
    for (size_t i = 0; i < count; i++) {
        unsigned c = ops[i].connection;
        ASSERT(c < LINEAR_CONNECTIONS && s.counts[c] < LINEAR_OPS_EACH);
        ASSERT(ops[i].invoked_ns <= ops[i].completed_ns);
        if (c >= s.connections) s.connections = c + 1;
        s.ops[c][s.counts[c]++] = &ops[i];
    }
    needs_collect(&s);
    s.stack = mem_zalloc((count + 2) * sizeof *s.stack);
    tried_grow(&s);
    static const struct {
        enum rule rule;
        size_t tried_max;
    } tries[] = {{SENT_FIRST, 50000}, {ANSWERED_FIRST, 50000}, {SENT_FIRST, LINEAR_TRIED_MAX}};
    size_t reached = 0;
    enum linear_verdict verdict = LINEAR_UNDECIDED;
    for (size_t t = 0; t < sizeof tries / sizeof *tries && verdict == LINEAR_UNDECIDED; t++) {
        s.rule = tries[t].rule;
        verdict = search_run(&s, initial, tries[t].tried_max, &reached);
    }
    if (longest != NULL) *longest = reached;
    mem_free(s.stack);
    mem_free(s.needs);
    mem_free(s.tried);
    return verdict;
}
