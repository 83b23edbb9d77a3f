/* hash_walk.c: walks over a hash, and fields by chance: see hash.h.
 *
 * Under the hold of the slice whose key the hash belongs to, with that thread's generator. A field of a small
 * hash is drawn by its place; a table's draw is even by itself (table_random).
 */
#include "shard/type/choice.h"
#include "shard/type/hash_parts.h"
#include "shard/type/walk.h"

/* A visitor of fields, as a visitor of entries or of a choice. */
struct guide {
    hash_visit *visit;
    void *arg;
    struct choice choice;
};

static bool show_entry(void *arg, const struct entry *e) {
    const struct guide *g = arg;
    struct hash_value field = fields_name(e), value = fields_value(e);
    return g->visit(g->arg, &field, &value);
}

/* ---- all ---- */

static bool each_of_small(const struct packed *p, hash_visit *visit, void *arg) {
    for (const unsigned char *at = packed_first(p); at; at = packed_next(p, at)) {
        struct hash_value field = hash_value_at(at);
        at = packed_next(p, at);
        struct hash_value value = hash_value_at(at);
        if (!visit(arg, &field, &value)) return false;
    }
    return true;
}

bool hash_each(const struct hash *h, hash_visit *visit, void *arg) {
    struct guide g = {.visit = visit, .arg = arg};
    if (hash_is_small(h)) return each_of_small(hash_small(h), visit, arg);
    return walk_table(&hash_large(h)->table, show_entry, &g);
}

uint64_t hash_scan(const struct hash *h, uint64_t cursor, hash_visit *visit, void *arg) {
    struct guide g = {.visit = visit, .arg = arg};
    if (!hash_is_small(h)) return walk_step(&hash_large(h)->table, cursor, show_entry, &g);
    each_of_small(hash_small(h), visit, arg);
    return 0;
}

/* ---- by chance ---- */

static const struct entry *draw_entry(const struct hash *h, struct random *random) {
    return *table_random(&hash_large(h)->table, random);
}

void hash_draw(const struct hash *h, struct random *random, hash_visit *visit, void *arg) {
    size_t count = hash_count(h);
    ASSERT(count > 0);
    if (!hash_is_small(h)) {
        struct guide g = {.visit = visit, .arg = arg};
        show_entry(&g, draw_entry(h, random));
        return;
    }
    const struct packed *p = hash_small(h);
    const unsigned char *at = packed_at(p, 2 * (int64_t)random_below(random, count));
    ASSERT(at);
    struct hash_value field = hash_value_at(at), value = hash_value_at(packed_next(p, at));
    visit(arg, &field, &value);
}

static bool show_chosen(void *arg, const struct hash_value *field, const struct hash_value *value) {
    struct guide *g = arg;
    if (choice_next(&g->choice)) g->visit(g->arg, field, value);
    return g->choice.wanted > 0;
}

void hash_sample(const struct hash *h, struct random *random, size_t count, hash_visit *visit, void *arg) {
    size_t total = hash_count(h);
    struct guide g = {.visit = visit, .arg = arg, .choice = {random, total, count}};
    ASSERT(count <= total);
    if (count == 0) return;
    if (hash_is_small(h) || !choice_is_few(count, total)) {
        hash_each(h, show_chosen, &g);
        ASSERT(g.choice.wanted == 0);
        return;
    }
    struct drawn drawn = drawn_new(count);
    while (count > 0) {
        const struct entry *e = draw_entry(h, random);
        if (!drawn_add(&drawn, (uintptr_t)e)) continue;
        show_entry(&g, e);
        count--;
    }
    drawn_free(&drawn);
}
