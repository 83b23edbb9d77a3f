/* set_parts.h: what the files of the set share: set.c and set_random.c only. */
#ifndef GYRE_TYPE_SET_PARTS_H
#define GYRE_TYPE_SET_PARTS_H

#include "shard/base/assert.h"
#include "shard/store/table.h"
#include "shard/type/intset.h"
#include "shard/type/object.h"
#include "shard/type/packed.h"
#include "shard/type/set.h"

/* A large set. */
struct members {
    uint8_t encoding;
    struct table table;
    size_t bytes;        /* of this struct and all entries, by mem_size */
    struct draws *draws; /* prepared by set_random.c; NULL while there are none */
};

/* The set as what it is. Reading a set takes it const; tables and walks do not, though they change nothing
 * then. */
static inline void *set_as(const struct set *s, enum object_encoding encoding) {
    ASSERT(object_encoding(s) == encoding);
    return (void *)(uintptr_t)s;
}
static inline struct intset *set_intset(const struct set *s) {
    return set_as(s, OBJECT_INTSET);
}
static inline struct packed *set_packed(const struct set *s) {
    return set_as(s, OBJECT_PACKED);
}
static inline struct members *set_members(const struct set *s) {
    return set_as(s, OBJECT_TABLE);
}
static inline struct set *set_of(void *object) {
    return object;
}

static inline void set_member_from_entry(struct set_member *m, const struct entry *e) {
    size_t len;
    const char *text = entry_key(e, &len);
    set_member_from_text(m, text, len);
}
void set_member_from_packed(struct set_member *m, const unsigned char *at);
uint64_t set_member_hash(struct set_member *m);

/* For set_random.c, of a large set that has prepared draws: the member `e` leaves; one more has come. */
void draws_forget(struct draws *d, const struct entry *e);
void draws_forget_all(struct draws *d);

/* Takes what stands at `at` out of a large set and frees it. */
void members_remove(struct members *t, struct entry **at, uint64_t hash);

#endif
