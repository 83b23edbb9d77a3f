/* pubsub.c: the registry of topics and the clients' subscriptions: see pubsub.h for the whole picture.
 *
 * On the threads of the clients that subscribe; slices may be held (SUBSCRIBE in a transaction). The order in
 * begin and end is what makes counts exact:
 *
 *     1. deliver the inbox, so that little is left for 3;
 *     2. lock;
 *     3. change what publishers see (the audience's count), and take what came into the inbox since;
 *     4. unlock;
 *     5. deliver that to the audience as it was;
 *     6. change the audience's list, free what is empty.
 *
 * Between 3 and 6 a publisher may already count the new subscriber (or not count the old one any more): its
 * message waits in the inbox, and no other thread delivers from it.
 */
#include "server/pubsub.h"

#include "server/client.h"
#include "server/pubsub_parts.h"
#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/store/table.h"

#include <string.h>

enum { BUCKETS_AT_FIRST = 8, SUBSCRIPTIONS_BEFORE_TABLE = 8 };

/* What a client listens to, by kind. */
struct subscription_set {
    struct subscription *oldest, *newest;
    struct subscription **buckets; /* NULL while there are few */
    uint32_t mask;
};
struct pubsub_client {
    struct subscription_set sets[PUBSUB_KINDS];
};

static struct stripe stripes[PUBSUB_STRIPES];
struct pattern_list pubsub_patterns;
static _Atomic uint64_t topics_count[PUBSUB_KINDS];
static _Atomic uint64_t audiences_count;

/* ---- topics ---- */

uint64_t pubsub_hash(enum pubsub_kind kind, const char *name, size_t len) {
    return table_hash(name, len) + (uint64_t)kind * UINT64_C(0x9e3779b97f4a7c15);
}

struct stripe *pubsub_stripe(uint64_t hash) {
    return &stripes[(hash >> 32) % PUBSUB_STRIPES];
}

bool pubsub_is_used(void) {
    return atomic_load(&audiences_count) != 0;
}

struct topic *pubsub_find_topic(const struct stripe *s, uint64_t hash, enum pubsub_kind kind,
                                const char *name, size_t len) {
    if (!s->topics) return NULL;
    for (struct topic *t = s->buckets[hash & s->buckets_mask]; t; t = t->next)
        if (t->hash == hash && t->kind == kind && t->len == len && memcmp(t->name, name, len) == 0) return t;
    return NULL;
}

static void grow_stripe(struct stripe *s) {
    uint32_t old = s->buckets ? s->buckets_mask + 1 : 0, count = old ? old * 2 : BUCKETS_AT_FIRST;
    struct topic **buckets = mem_zalloc(count * sizeof(struct topic *));
    for (uint32_t i = 0; i < old; i++)
        for (struct topic *t = s->buckets[i], *next; t; t = next) {
            next = t->next;
            struct topic **bucket = &buckets[t->hash & (count - 1)];
            t->next = *bucket;
            *bucket = t;
        }
    mem_free(s->buckets);
    s->buckets = buckets;
    s->buckets_mask = count - 1;
}

static void link_topic(struct stripe *s, struct topic *t) {
    if (!s->buckets || s->topics > s->buckets_mask) grow_stripe(s);
    struct topic **bucket = &s->buckets[t->hash & s->buckets_mask];
    t->next = *bucket;
    *bucket = t;
    s->topics++;
    atomic_fetch_add_explicit(&topics_count[t->kind], 1, memory_order_relaxed);
}

static void unlink_topic(struct stripe *s, struct topic *t) {
    struct topic **link = &s->buckets[t->hash & s->buckets_mask];
    while (*link != t) link = &(*link)->next;
    *link = t->next;
    atomic_fetch_sub_explicit(&topics_count[t->kind], 1, memory_order_relaxed);
    if (--s->topics > 0) return;
    mem_free(s->buckets);
    s->buckets = NULL;
}

/* ---- patterns ---- */

uint64_t pubsub_prefix(const char *name, size_t len) {
    uint64_t prefix = 0;
    memcpy(&prefix, name, len < sizeof prefix ? len : sizeof prefix);
    return prefix;
}

static void add_pattern(struct topic *t) {
    struct pattern_list *list = &pubsub_patterns;
    if (list->count == list->room) {
        list->room = list->room ? list->room * 2 : BUCKETS_AT_FIRST;
        list->all = mem_realloc(list->all, list->room * sizeof list->all[0]);
    }
    size_t plain = 0;
    while (plain < t->len && plain < sizeof(uint64_t) && !strchr("*?[\\", t->name[plain])) plain++;
    uint64_t mask = plain ? UINT64_MAX >> (64 - 8 * plain) : 0; /* little-endian: the first bytes are low */
    t->place = list->count;
    list->all[list->count++] =
        (struct pattern){.prefix = pubsub_prefix(t->name, t->len) & mask, .mask = mask, .topic = t};
}

static void remove_pattern(struct topic *t) {
    struct pattern_list *list = &pubsub_patterns;
    ASSERT(t->place < list->count && list->all[t->place].topic == t);
    list->all[t->place] = list->all[list->count - 1];
    list->all[t->place].topic->place = t->place;
    if (--list->count > 0) return;
    mem_free(list->all);
    *list = (struct pattern_list){0};
}

/* ---- locks ---- */

static void lock_for(enum pubsub_kind kind, struct stripe *s) {
    if (kind != PUBSUB_PATTERN) {
        spin_lock(&s->lock);
        return;
    }
    for (unsigned i = 0; i < PUBSUB_STRIPES; i++) spin_lock(&stripes[i].lock);
}

static void unlock_for(enum pubsub_kind kind, struct stripe *s) {
    if (kind != PUBSUB_PATTERN) {
        spin_unlock(&s->lock);
        return;
    }
    for (unsigned i = PUBSUB_STRIPES; i-- > 0;) spin_unlock(&stripes[i].lock);
}

/* ---- audiences ---- */

static struct topic *new_topic(uint64_t hash, enum pubsub_kind kind, const char *name, size_t len) {
    struct topic *t = mem_alloc(sizeof *t + len);
    *t = (struct topic){.hash = hash, .kind = kind, .len = len};
    if (len) memcpy(t->name, name, len);
    return t;
}

static void free_audience(struct audience *a) {
    ASSERT(!a->first && a->count == 0);
    if (atomic_fetch_sub_explicit(&a->topic->refs, 1, memory_order_acq_rel) == 1) mem_free(a->topic);
    mem_free(a);
}

/* Counts one subscriber more of the topic that `fresh` is like, on the thread that `spare` is of. Either is
 * taken over (and set to NULL) where there is none such yet. Returns the audience. Under the lock. */
static struct audience *enter(struct stripe *s, struct topic **fresh, struct audience **spare) {
    struct topic *t = pubsub_find_topic(s, (*fresh)->hash, (*fresh)->kind, (*fresh)->name, (*fresh)->len);
    if (!t) {
        t = *fresh;
        *fresh = NULL;
        link_topic(s, t);
        if (t->kind == PUBSUB_PATTERN) add_pattern(t);
    }
    struct audience *a = t->audiences;
    while (a && a->thread != (*spare)->thread) a = a->next;
    if (!a) {
        a = *spare;
        *spare = NULL;
        a->topic = t;
        a->next = t->audiences;
        t->audiences = a;
        atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
        atomic_fetch_add(&audiences_count, 1);
    }
    a->count++;
    return a;
}

/* One subscriber less; unlinks what is empty. Under the lock. */
static void leave(struct stripe *s, struct audience *a) {
    ASSERT(a->count > 0);
    if (--a->count > 0) return;
    struct topic *t = a->topic;
    struct audience **link = &t->audiences;
    while (*link != a) link = &(*link)->next;
    *link = a->next;
    atomic_fetch_sub(&audiences_count, 1);
    if (t->audiences) return;
    unlink_topic(s, t);
    if (t->kind == PUBSUB_PATTERN) remove_pattern(t);
}

/* ---- a client's subscriptions ---- */

static uint32_t count_of(struct client *c, enum pubsub_kind kind) {
    return atomic_load_explicit(&c->subscriptions[kind], memory_order_relaxed);
}

uint32_t pubsub_subscriptions(struct client *c, enum pubsub_kind kind) {
    return count_of(c, kind);
}

static void file(struct subscription_set *set, struct subscription *sub) {
    struct subscription **bucket = &set->buckets[sub->audience->topic->hash & set->mask];
    sub->bucket_next = *bucket;
    *bucket = sub;
}

/* Makes the table as large as `count` needs, once there are more than a few. */
static void grow_set(struct subscription_set *set, uint32_t count) {
    if (count <= (set->buckets ? set->mask + 1 : SUBSCRIPTIONS_BEFORE_TABLE)) return;
    mem_free(set->buckets);
    set->mask = (set->buckets ? set->mask * 2 + 1 : SUBSCRIPTIONS_BEFORE_TABLE * 4 - 1);
    set->buckets = mem_zalloc((set->mask + 1) * sizeof(struct subscription *));
    for (struct subscription *sub = set->oldest; sub; sub = sub->newer) file(set, sub);
}

static bool is_about(const struct subscription *sub, uint64_t hash, const char *name, size_t len) {
    const struct topic *t = sub->audience->topic;
    return t->hash == hash && t->len == len && memcmp(t->name, name, len) == 0;
}

static struct subscription *find(struct client *c, enum pubsub_kind kind, const char *name, size_t len) {
    if (!c->pubsub || !count_of(c, kind)) return NULL;
    struct subscription_set *set = &c->pubsub->sets[kind];
    uint64_t hash = pubsub_hash(kind, name, len);
    struct subscription *sub = set->buckets ? set->buckets[hash & set->mask] : set->oldest;
    while (sub && !is_about(sub, hash, name, len)) sub = set->buckets ? sub->bucket_next : sub->newer;
    return sub;
}

static void add_to_client(struct client *c, struct subscription *sub, enum pubsub_kind kind) {
    if (!c->pubsub) c->pubsub = mem_zalloc(sizeof *c->pubsub);
    struct subscription_set *set = &c->pubsub->sets[kind];
    uint32_t count = count_of(c, kind) + 1;
    grow_set(set, count);
    sub->older = set->newest;
    *(set->newest ? &set->newest->newer : &set->oldest) = sub;
    set->newest = sub;
    if (set->buckets) file(set, sub);
    atomic_store_explicit(&c->subscriptions[kind], count, memory_order_relaxed);
    client_set(c, CLIENT_PUBSUB);
}

static bool listens(struct client *c) {
    for (unsigned kind = 0; kind < PUBSUB_KINDS; kind++)
        if (count_of(c, kind)) return true;
    return false;
}

static void remove_from_client(struct client *c, struct subscription *sub, enum pubsub_kind kind) {
    ASSERT(sub->client == c && count_of(c, kind) > 0);
    struct subscription_set *set = &c->pubsub->sets[kind];
    uint32_t count = count_of(c, kind) - 1;
    *(sub->older ? &sub->older->newer : &set->oldest) = sub->newer;
    *(sub->newer ? &sub->newer->older : &set->newest) = sub->older;
    if (set->buckets) {
        struct subscription **link = &set->buckets[sub->audience->topic->hash & set->mask];
        while (*link != sub) link = &(*link)->bucket_next;
        *link = sub->bucket_next;
    }
    atomic_store_explicit(&c->subscriptions[kind], count, memory_order_relaxed);
    if (count == 0) {
        mem_free(set->buckets);
        *set = (struct subscription_set){0};
    }
    if (listens(c)) return;
    client_unset(c, CLIENT_PUBSUB);
    mem_free(c->pubsub);
    c->pubsub = NULL;
}

/* ---- subscribing ---- */

bool pubsub_subscribe(struct client *c, enum pubsub_kind kind, const char *name, size_t len) {
    if (find(c, kind, name, len)) return false;
    struct thread *me = &c->worker->thread;
    uint64_t hash = pubsub_hash(kind, name, len);
    struct stripe *s = pubsub_stripe(hash);
    struct topic *fresh = new_topic(hash, kind, name, len);
    struct audience *spare = mem_zalloc(sizeof *spare);
    struct subscription *sub = mem_zalloc(sizeof *sub);
    spare->thread = me->index;
    pubsub_inbox_deliver(me, pubsub_inbox_take(me));
    lock_for(kind, s);
    struct audience *a = enter(s, &fresh, &spare);
    struct post_node *taken = pubsub_inbox_take(me);
    unlock_for(kind, s);
    pubsub_inbox_deliver(me, taken);
    mem_free(fresh);
    mem_free(spare);
    sub->audience = a;
    sub->client = c;
    sub->next = a->first;
    if (a->first) a->first->prev = sub;
    a->first = sub;
    add_to_client(c, sub, kind);
    return true;
}

static void end(struct client *c, struct subscription *sub, enum pubsub_kind kind) {
    struct thread *me = &c->worker->thread;
    struct audience *a = sub->audience;
    struct stripe *s = pubsub_stripe(a->topic->hash);
    ASSERT(a->thread == me->index && a->topic->kind == kind);
    pubsub_inbox_deliver(me, pubsub_inbox_take(me));
    lock_for(kind, s);
    leave(s, a);
    struct post_node *taken = pubsub_inbox_take(me);
    unlock_for(kind, s);
    pubsub_inbox_deliver(me, taken);
    *(sub->prev ? &sub->prev->next : &a->first) = sub->next;
    if (sub->next) sub->next->prev = sub->prev;
    remove_from_client(c, sub, kind);
    mem_free(sub);
    if (!a->first) free_audience(a);
}

bool pubsub_unsubscribe(struct client *c, enum pubsub_kind kind, const char *name, size_t len) {
    struct subscription *sub = find(c, kind, name, len);
    if (sub) end(c, sub, kind);
    return sub != NULL;
}

bool pubsub_unsubscribe_oldest(struct client *c, enum pubsub_kind kind, struct buf *name) {
    if (!count_of(c, kind)) return false;
    struct subscription *sub = c->pubsub->sets[kind].oldest;
    if (name) buf_append(name, sub->audience->topic->name, sub->audience->topic->len);
    end(c, sub, kind);
    return true;
}

void pubsub_unsubscribe_all(struct client *c) {
    for (unsigned kind = 0; kind < PUBSUB_KINDS; kind++)
        while (pubsub_unsubscribe_oldest(c, kind, NULL)) {
        }
}

size_t pubsub_client_bytes(const struct client *c) {
    if (!c->pubsub) return 0;
    size_t bytes = sizeof *c->pubsub;
    for (unsigned kind = 0; kind < PUBSUB_KINDS; kind++) {
        const struct subscription_set *set = &c->pubsub->sets[kind];
        bytes += count_of((struct client *)c, kind) * sizeof(struct subscription);
        if (set->buckets) bytes += (set->mask + 1) * sizeof(struct subscription *);
    }
    return bytes;
}

/* ---- asking ---- */

uint64_t pubsub_topics(enum pubsub_kind kind) {
    return atomic_load_explicit(&topics_count[kind], memory_order_relaxed);
}

uint64_t pubsub_topic_subscribers(enum pubsub_kind kind, const char *name, size_t len) {
    uint64_t hash = pubsub_hash(kind, name, len), count = 0;
    struct stripe *s = pubsub_stripe(hash);
    spin_lock(&s->lock);
    struct topic *t = pubsub_find_topic(s, hash, kind, name, len);
    for (struct audience *a = t ? t->audiences : NULL; a; a = a->next) count += a->count;
    spin_unlock(&s->lock);
    return count;
}

/* The names of one stripe, each behind its length. They are only copied under the lock; what is done with
 * them is done outside. */
static void copy_names(struct stripe *s, enum pubsub_kind kind, struct buf *names) {
    spin_lock(&s->lock);
    for (uint32_t i = 0; s->topics && i <= s->buckets_mask; i++)
        for (struct topic *t = s->buckets[i]; t; t = t->next) {
            if (t->kind != kind) continue;
            buf_append(names, &t->len, sizeof t->len);
            buf_append(names, t->name, t->len);
        }
    spin_unlock(&s->lock);
}

void pubsub_each_topic(enum pubsub_kind kind, void (*see)(void *arg, const char *name, size_t len),
                       void *arg) {
    struct buf names = {0};
    for (unsigned i = 0; i < PUBSUB_STRIPES; i++) {
        names.len = 0;
        copy_names(&stripes[i], kind, &names);
        for (size_t at = 0, len; at < names.len; at += len) {
            memcpy(&len, names.data + at, sizeof len);
            at += sizeof len;
            see(arg, names.data + at, len);
        }
    }
    buf_free(&names);
}
