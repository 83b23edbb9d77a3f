/* pubsub_parts.h: the inside of pub/sub, for pubsub.c (who listens) and pubsub_post.c (what is sent) only.
 *
 *   stripe ── topic "news" ──┬── audience on thread 0 ── subscription ── subscription
 *     │                      └── audience on thread 2 ── subscription      │
 *     └───── topic ...                                       └─ client     └─ client
 *
 * Guarded by the stripe's lock (a pattern's: by all of them): topics, their lists of audiences, an audience's
 * `count`. The audience's own thread's: its list of subscriptions, and the audience itself, which it frees
 * when the list is empty. A topic is freed with its last audience.
 */
#ifndef GYRE_SERVER_PUBSUB_PARTS_H
#define GYRE_SERVER_PUBSUB_PARTS_H

#include "server/pubsub.h"
#include "server/worker.h"
#include "shard/rt/spin.h"

enum { PUBSUB_STRIPES = 256 };

struct topic {
    struct topic *next; /* of its bucket */
    uint64_t hash;      /* of name and kind */
    struct audience *audiences;
    _Atomic uint32_t refs; /* audiences that are not freed yet, linked or not */
    uint32_t place;        /* a pattern's, in the list of patterns */
    enum pubsub_kind kind;
    size_t len;
    char name[];
};

struct audience {
    struct audience *next; /* of the topic; guarded */
    struct topic *topic;
    struct subscription *first; /* newest first */
    uint32_t count;             /* as publishers see it; guarded */
    uint16_t thread;
};

struct subscription {
    struct audience *audience;
    struct client *client;
    struct subscription *prev, *next;   /* of the audience */
    struct subscription *older, *newer; /* of the client's kind, in the order of subscribing */
    struct subscription *bucket_next;   /* of the client's table */
};

struct stripe {
    _Alignas(CACHE_LINE) struct spin lock;
    uint32_t topics, buckets_mask;
    struct topic **buckets;
};

/* A pattern with what most of its mismatches show in: the first bytes that are no wildcards. */
struct pattern {
    uint64_t prefix, mask;
    struct topic *topic;
};

struct pattern_list {
    struct pattern *all;
    uint32_t count, room;
};

extern struct pattern_list pubsub_patterns; /* read under any stripe's lock, changed under all */

uint64_t pubsub_hash(enum pubsub_kind kind, const char *name, size_t len);
struct stripe *pubsub_stripe(uint64_t hash);
/* NULL: it has no subscribers. Under the lock. */
struct topic *pubsub_find_topic(const struct stripe *s, uint64_t hash, enum pubsub_kind kind,
                                const char *name, size_t len);
/* The first eight bytes of a name, zero-filled. */
uint64_t pubsub_prefix(const char *name, size_t len);

/* The calling thread's inbox: taken out (under a lock if need be), and then delivered, oldest first. */
struct post_node;
struct post_node *pubsub_inbox_take(struct thread *me);
void pubsub_inbox_deliver(struct thread *me, struct post_node *taken);

#endif
