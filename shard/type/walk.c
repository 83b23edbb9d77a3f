/* walk.c: see walk.h. */
#include "shard/type/walk.h"

#include "shard/base/assert.h"

enum { AHEAD = 64 }; /* entries asked for before the first of them is read */

struct walk {
    walk_visit *visit;
    void *arg;
    bool ended;
    unsigned count;
    const struct entry *ahead[AHEAD];
};

static void walk_flush(struct walk *w) {
    ASSERT(w->count <= AHEAD);
    for (unsigned i = 0; i < w->count && !w->ended; i++) w->ended = !w->visit(w->arg, w->ahead[i]);
    w->count = 0;
}

static void walk_entry(void *arg, struct entry **at) {
    struct walk *w = arg;
    __builtin_prefetch(*at);
    w->ahead[w->count++] = *at;
    if (w->count == AHEAD) walk_flush(w);
}

/* A table is read as const, though table_scan, which changes nothing, does not say so. */
static uint64_t walk_on(const struct table *t, uint64_t cursor, struct walk *w) {
    return table_scan((struct table *)(uintptr_t)t, cursor, walk_entry, w);
}

bool walk_table(const struct table *t, walk_visit *visit, void *arg) {
    struct walk w = {.visit = visit, .arg = arg};
    uint64_t cursor = 0;
    do {
        cursor = walk_on(t, cursor, &w);
    } while (cursor != 0 && !w.ended);
    walk_flush(&w);
    return !w.ended;
}

uint64_t walk_step(const struct table *t, uint64_t cursor, walk_visit *visit, void *arg) {
    struct walk w = {.visit = visit, .arg = arg};
    cursor = walk_on(t, cursor, &w);
    walk_flush(&w);
    return cursor;
}
