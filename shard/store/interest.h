/* interest.h: who wants to know when a key changes: clients that watch it (WATCH), clients that wait for it
 * (BLPOP).
 *
 * Every slice has a small hash map of the keys that somebody is interested in, each with two lists:
 * watchers, and waiters in the order in which they came. A slice in which nobody is interested in anything
 * pays one comparison per change (slice->interests_count).
 *
 * An interest_set is one client's interest in some keys: all that it watches, or the keys of one blocking
 * command. Its nodes are linked into the maps of several slices, each link under that slice's hold; so the
 * set must live until its last node has been unlinked, again under the holds (see interest_leave). The set
 * belongs to the thread of its client; other threads, holding a slice, may only do what the functions here
 * do: mark a set of watches as touched, find the waiters of a key.
 */
#ifndef GYRE_STORE_INTEREST_H
#define GYRE_STORE_INTEREST_H

#include "shard/store/slice.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum interest_kind { INTEREST_WATCH, INTEREST_WAIT, INTEREST_KINDS };

struct interest_set;

/* A key of one database that somebody is interested in. */
struct interest {
    struct interest *chain; /* of its bucket */
    struct slice *slice;
    uint64_t hash;
    uint32_t database, len;
    struct interest_list {
        struct interest_node *first, *last;
    } lists[INTEREST_KINDS];
    struct interest *ready_next; /* list of keys whose waiters are to be looked at after the command */
    bool is_ready;
    char key[];
};

struct interest_node {
    struct interest *interest;
    struct interest_node *prev, *next; /* in the interest's list */
    struct interest_node *sibling;     /* in the set */
    struct interest_set *set;
    unsigned tag; /* the owner's: which key of the command this is */
};

struct interest_set {
    enum interest_kind kind;
    struct interest_node *nodes;
    struct interest_set *next; /* the owner's list of sets to be left */
    _Atomic bool touched;      /* a watched key has changed */
};

/* Adds the key to the set; under the hold of the slice. Returns false if the set has it already. */
bool interest_add(struct interest_set *set, struct slice *s, unsigned database, const char *key, size_t len,
                  uint64_t hash, unsigned tag);
/* Takes out of the maps what it can: nodes of slices that `me` holds or gets at once. True when nothing is
 * left: the set may be freed. Otherwise the owner tries again later. May be called with slices held. */
bool interest_leave(struct interest_set *set, struct thread *me);
/* The interest in a key, or NULL. Under the hold; valid while it is held and no set is left. */
struct interest *interest_find(const struct slice *s, unsigned database, const char *key, size_t len,
                               uint64_t hash);
/* Walks all interests of a slice: NULL begins; NULL is returned at the end. Under the hold. */
struct interest *interest_next(const struct slice *s, struct interest *after);

/* The key has changed: marks its watchers. */
void interest_touch(struct interest *i);
/* The key has come to hold something: puts it on the list *ready, if somebody waits for it, so that the
 * waiters are looked at when the command is over. */
void interest_note_ready(struct interest *i, struct interest **ready);
/* Takes the first off that list; NULL when there is none. It stays valid until interest_looked_at, its slice
 * held all the while. */
struct interest *interest_take_ready(struct interest **ready);
void interest_looked_at(struct interest *i);

#endif
