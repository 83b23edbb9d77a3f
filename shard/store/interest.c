/* interest.c: the maps of keys that clients watch or wait for: see interest.h.
 *
 * The map of a slice is an array of chains that doubles when it is full and is freed when the last interest
 * goes. An interest goes when its lists are empty and it is on nobody's list of ready keys.
 */
#include "shard/store/interest.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"

#include <string.h>

enum { BUCKETS_AT_FIRST = 8 };

static bool is_key(const struct interest *i, unsigned database, const char *key, size_t len, uint64_t hash) {
    return i->hash == hash && i->database == database && i->len == len && memcmp(i->key, key, len) == 0;
}

static struct interest **bucket_of(const struct slice *s, uint64_t hash) {
    return &s->interests[hash & (s->interests_buckets - 1)];
}

struct interest *interest_find(const struct slice *s, unsigned database, const char *key, size_t len,
                               uint64_t hash) {
    if (!s->interests_count) return NULL;
    struct interest *i = *bucket_of(s, hash);
    while (i && !is_key(i, database, key, len, hash)) i = i->chain;
    return i;
}

struct interest *interest_next(const struct slice *s, struct interest *after) {
    uint64_t bucket = 0;
    if (!s->interests_count) return NULL;
    if (after) {
        if (after->chain) return after->chain;
        bucket = (after->hash & (s->interests_buckets - 1)) + 1;
    }
    while (bucket < s->interests_buckets && !s->interests[bucket]) bucket++;
    return bucket < s->interests_buckets ? s->interests[bucket] : NULL;
}

static void grow(struct slice *s) {
    uint32_t old_buckets = s->interests_buckets;
    struct interest **old = s->interests;
    s->interests_buckets = old_buckets ? old_buckets * 2 : BUCKETS_AT_FIRST;
    s->interests = mem_zalloc(s->interests_buckets * sizeof(struct interest *));
    for (uint32_t b = 0; b < old_buckets; b++) {
        while (old[b]) {
            struct interest *i = old[b], **to = bucket_of(s, i->hash);
            old[b] = i->chain;
            i->chain = *to;
            *to = i;
        }
    }
    mem_free(old);
}

static struct interest *interest_make(struct slice *s, unsigned database, const char *key, size_t len,
                                      uint64_t hash) {
    ASSERT(len <= UINT32_MAX);
    if (s->interests_count == s->interests_buckets) grow(s);
    struct interest *i = mem_zalloc(sizeof *i + len);
    i->slice = s;
    i->hash = hash;
    i->database = database;
    i->len = (uint32_t)len;
    memcpy(i->key, key, len);
    struct interest **bucket = bucket_of(s, hash);
    i->chain = *bucket;
    *bucket = i;
    s->interests_count++;
    return i;
}

static void free_if_idle(struct interest *i) {
    struct slice *s = i->slice;
    if (i->is_ready || i->lists[INTEREST_WATCH].first || i->lists[INTEREST_WAIT].first) return;
    struct interest **at = bucket_of(s, i->hash);
    while (*at != i) at = &(*at)->chain;
    *at = i->chain;
    mem_free(i);
    if (--s->interests_count) return;
    mem_free(s->interests);
    s->interests = NULL;
    s->interests_buckets = 0;
}

bool interest_add(struct interest_set *set, struct slice *s, unsigned database, const char *key, size_t len,
                  uint64_t hash, unsigned tag) {
    ASSERT(atomic_load_explicit(&s->hold.word, memory_order_relaxed) != 0);
    struct interest *i = interest_find(s, database, key, len, hash);
    if (i)
        for (struct interest_node *n = set->nodes; n; n = n->sibling)
            if (n->interest == i) return false;
    if (!i) i = interest_make(s, database, key, len, hash);
    struct interest_list *list = &i->lists[set->kind];
    struct interest_node *n = mem_alloc(sizeof *n);
    *n = (struct interest_node){i, list->last, NULL, set->nodes, set, tag};
    set->nodes = n;
    *(list->last ? &list->last->next : &list->first) = n;
    list->last = n;
    return true;
}

static void unlink_node(struct interest_node *n) {
    struct interest_list *list = &n->interest->lists[n->set->kind];
    *(n->prev ? &n->prev->next : &list->first) = n->next;
    *(n->next ? &n->next->prev : &list->last) = n->prev;
    free_if_idle(n->interest);
}

bool interest_leave(struct interest_set *set, struct thread *me) {
    struct interest_node **at = &set->nodes;
    while (*at) {
        struct interest_node *n = *at;
        struct slice *s = n->interest->slice; /* stays: only we take the node away */
        bool held = hold_is_mine(&s->hold, me);
        if (!held && !hold_try(&s->hold, me)) {
            at = &n->sibling;
            continue;
        }
        *at = n->sibling;
        unlink_node(n);
        mem_free(n);
        if (!held) hold_release(&s->hold, me);
    }
    return set->nodes == NULL;
}

void interest_touch(struct interest *i) {
    for (struct interest_node *n = i->lists[INTEREST_WATCH].first; n; n = n->next)
        atomic_store_explicit(&n->set->touched, true, memory_order_relaxed);
}

void interest_note_ready(struct interest *i, struct interest **ready) {
    if (i->is_ready || !i->lists[INTEREST_WAIT].first) return;
    i->is_ready = true;
    i->ready_next = NULL;
    while (*ready) ready = &(*ready)->ready_next; /* in the order of their becoming so; there are few */
    *ready = i;
}

struct interest *interest_take_ready(struct interest **ready) {
    struct interest *i = *ready;
    if (!i) return NULL;
    *ready = i->ready_next;
    i->ready_next = NULL;
    return i;
}

void interest_looked_at(struct interest *i) {
    ASSERT(i->is_ready);
    i->is_ready = false;
    free_if_idle(i);
}
