/* set_random.c: members of a set by chance: one, several different ones, and taking them out.
 *
 * Under the hold of the slice whose key the set belongs to, with that thread's generator. Fairness: a place
 * of an intset or a packed set is drawn evenly; a table's draw is even by itself (table_random). Several
 * different ones are found in one of the two ways of choice.h, which make every choice of as many equally
 * likely.
 */
#include "shard/base/mem.h"
#include "shard/base/random.h"
#include "shard/type/choice.h"
#include "shard/type/set_parts.h"

enum {
    TAKE_SHARE = 8,
    DRAWS_AHEAD = 4,
    LARGE_COUNT = 4096, /* sets from here on are not in the processor's caches */
};

static void show_entry(const struct entry *e, set_visit *visit, void *arg) {
    struct set_member m;
    set_member_from_entry(&m, e);
    visit(arg, &m);
}

/* ---- large sets ---- */

/* A draw reads two places that are far away, a bucket and then the entry. So the next draws of a large set
 * are prepared while it is being drawn from:
 *
 *     seeds   draws that are still to be made, of which the buckets have been asked for. A seed knows
 *             nothing of the set, so it stays good whatever happens to the set
 *     drawn   members that have been drawn and asked for, oldest first. When another member leaves, each of
 *             those that stay is as likely to have been drawn as before; when one comes, it has missed its
 *             chance, so all are forgotten
 */
struct draws {
    uint64_t seeds[DRAWS_AHEAD];
    const struct entry *drawn[DRAWS_AHEAD];
    unsigned seed, first, count;
};

void draws_forget(struct draws *d, const struct entry *e) {
    for (unsigned i = 0; i < DRAWS_AHEAD; i++)
        if (d->drawn[i] == e) d->drawn[i] = NULL;
}

void draws_forget_all(struct draws *d) {
    d->count = 0;
}

static void draws_ask(struct draws *d, const struct table *t, struct random *random) {
    d->seeds[d->seed] = random_next(random);
    table_draw_ask(t, d->seeds[d->seed]);
    d->seed = (d->seed + 1) % DRAWS_AHEAD;
}

static void members_prepare(struct members *t, struct random *random) {
    if (table_count(&t->table) < LARGE_COUNT) return;
    struct draws *d = t->draws;
    if (!d) {
        t->draws = d = mem_zalloc(sizeof *d);
        t->bytes += mem_size(d);
        for (unsigned i = 0; i < DRAWS_AHEAD; i++) draws_ask(d, &t->table, random);
        return;
    }
    for (unsigned i = 0; i < 2 && d->count < DRAWS_AHEAD; i++) {
        struct entry **at = table_draw(&t->table, d->seeds[d->seed], random);
        if (at) {
            __builtin_prefetch(*at);
            d->drawn[(d->first + d->count++) % DRAWS_AHEAD] = *at;
        }
        draws_ask(d, &t->table, random);
    }
}

static const struct entry *members_draw(struct members *t, struct random *random) {
    struct draws *d = t->draws;
    while (d && d->count > 0) {
        const struct entry *e = d->drawn[d->first];
        d->first = (d->first + 1) % DRAWS_AHEAD;
        d->count--;
        if (e) return e;
    }
    return *table_random(&t->table, random);
}

/* ---- small ones ---- */

/* Shows the i-th member of a small set. */
static void show_at(const struct set *s, size_t i, set_visit *visit, void *arg) {
    struct set_member m;
    if (object_encoding(s) == OBJECT_INTSET) {
        set_member_from_int(&m, intset_at(set_intset(s), i));
    } else {
        set_member_from_packed(&m, packed_at(set_packed(s), (int64_t)i));
    }
    visit(arg, &m);
}

void set_draw(const struct set *s, struct random *random, set_visit *visit, void *arg) {
    size_t count = set_count(s);
    ASSERT(count > 0);
    if (object_encoding(s) != OBJECT_TABLE) {
        show_at(s, random_below(random, count), visit, arg);
        return;
    }
    struct members *t = set_members(s);
    const struct entry *e = members_draw(t, random);
    members_prepare(t, random);
    show_entry(e, visit, arg);
}

/* ---- several ---- */

/* A walk that chooses, and who is shown the chosen. */
struct choosing {
    struct choice choice;
    set_visit *visit;
    void *arg;
};

static bool choose_member(void *arg, struct set_member *m) {
    struct choosing *c = arg;
    if (choice_next(&c->choice)) c->visit(c->arg, m);
    return c->choice.wanted > 0;
}

static void sample_few(const struct set *s, struct random *random, size_t count, set_visit *visit,
                       void *arg) {
    struct drawn drawn = drawn_new(count);
    bool is_table = object_encoding(s) == OBJECT_TABLE;
    while (count > 0) {
        if (is_table) {
            const struct entry *e = members_draw(set_members(s), random);
            members_prepare(set_members(s), random);
            if (!drawn_add(&drawn, (uintptr_t)e)) continue;
            show_entry(e, visit, arg);
        } else {
            size_t i = random_below(random, set_count(s));
            if (!drawn_add(&drawn, i)) continue;
            show_at(s, i, visit, arg);
        }
        count--;
    }
    drawn_free(&drawn);
}

void set_sample(const struct set *s, struct random *random, size_t count, set_visit *visit, void *arg) {
    size_t total = set_count(s);
    ASSERT(count <= total);
    if (count == 0) return;
    if (choice_is_few(count, total)) {
        sample_few(s, random, count, visit, arg);
        return;
    }
    struct choosing choosing = {
        .choice = {.random = random, .left = total, .wanted = count}, .visit = visit, .arg = arg};
    set_each(s, choose_member, &choosing);
    ASSERT(choosing.choice.wanted == 0);
}

/* ---- taking them out ---- */

static struct set *take_one(struct set *s, struct random *random, set_visit *visit, void *arg) {
    struct set_member m;
    if (object_encoding(s) == OBJECT_TABLE) {
        struct members *t = set_members(s);
        const struct entry *e = members_draw(t, random);
        set_member_from_entry(&m, e);
        uint64_t hash = set_member_hash(&m);
        struct entry **at = table_find_entry(&t->table, e, hash);
        ASSERT(at);
        visit(arg, &m);
        members_remove(t, at, hash);
        members_prepare(t, random);
        return s;
    }
    size_t i = random_below(random, set_count(s));
    show_at(s, i, visit, arg);
    if (object_encoding(s) == OBJECT_INTSET) return set_of(intset_remove_at(set_intset(s), i, 1));
    unsigned char *at = packed_at(set_packed(s), (int64_t)i);
    return set_of(packed_delete(set_packed(s), &at, 1));
}

/* Those that stay make up a new array, each at its end. */
static struct set *take_from_intset(struct set *s, struct choosing *c) {
    struct intset *from = set_intset(s), *to = intset_new_for(intset_at(from, 0));
    for (size_t i = 0; i < intset_count(from); i++) {
        struct set_member m;
        bool added = true;
        set_member_from_int(&m, intset_at(from, i));
        if (choice_next(&c->choice))
            c->visit(c->arg, &m);
        else
            to = intset_add(to, m.integer, &added);
        ASSERT(added);
    }
    intset_free(from);
    return set_of(to);
}

static struct set *take_from_packed(struct set *s, struct choosing *c) {
    struct packed *p = set_packed(s);
    unsigned char *at = packed_first(p);
    while (at && c->choice.wanted > 0) {
        struct set_member m;
        set_member_from_packed(&m, at);
        if (choice_next(&c->choice)) {
            c->visit(c->arg, &m);
            p = packed_delete(p, &at, 1);
        } else {
            at = packed_next(p, at);
        }
    }
    return set_of(p);
}

struct set *set_take(struct set *s, struct random *random, size_t count, set_visit *visit, void *arg) {
    size_t total = set_count(s);
    ASSERT(count <= total);
    if (object_encoding(s) == OBJECT_TABLE || count <= 1 || count < total / TAKE_SHARE) {
        for (; count > 0; count--) s = take_one(s, random, visit, arg);
        return s;
    }
    struct choosing choosing = {
        .choice = {.random = random, .left = total, .wanted = count}, .visit = visit, .arg = arg};
    s = object_encoding(s) == OBJECT_INTSET ? take_from_intset(s, &choosing) : take_from_packed(s, &choosing);
    ASSERT(choosing.choice.wanted == 0);
    return s;
}
