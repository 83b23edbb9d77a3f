/* tag.h: the ring's tags: what a completion is about, and for whom: a kind, and a place in a table of that kind with its
 * generation, so that a late completion of what was there before is told apart.
 *
 * (Operations on files have tags of their own kind: see file.c.)
 */
#ifndef GYRE_RT_TAG_H
#define GYRE_RT_TAG_H

#include <stdint.h>

enum tag_kind {
    TAG_NOTHING,
    TAG_RECEIVE, /* a client */
    TAG_SEND,
    TAG_ACCEPT,
    TAG_REPLICA_RECEIVE, /* a replica */
    TAG_REPLICA_SEND,
    TAG_LINK_CONNECT, /* the primary */
    TAG_LINK_RECEIVE,
    TAG_LINK_SEND,
    TAG_KINDS
};

static inline uint64_t tag_make(enum tag_kind kind, uint32_t generation, uint32_t slot) {
    return (uint64_t)kind << 56 | (uint64_t)(generation & 0xffffff) << 32 | slot;
}
static inline enum tag_kind tag_kind(uint64_t tag) {
    return (enum tag_kind)(tag >> 56);
}
static inline uint32_t tag_generation(uint64_t tag) {
    return (uint32_t)(tag >> 32) & 0xffffff;
}
static inline uint32_t tag_slot(uint64_t tag) {
    return (uint32_t)tag;
}

#endif
