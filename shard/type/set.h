/* set.h: the value of a set key: an intset, a packed sequence or a hash table, whichever suits it.
 *
 *     struct intset    while all members are integers and at most `intset_max`    OBJECT ENCODING: intset
 *     struct packed    a few short members                                        hashtable
 *     struct members   the rest: a struct table of entries without values          hashtable
 *
 * A set changes its form from top to bottom and never back. The middle one is our own: it saves memory and
 * cache lines, and says "hashtable" as Redis would. No set is empty but between its last removal and its
 * deletion.
 *
 * A set is used under the hold of its key's slice, or by its only owner. What changes one may move it: the
 * functions take and return its pointer.
 */
#ifndef GYRE_TYPE_SET_H
#define GYRE_TYPE_SET_H

#include "shard/base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random;
struct set; /* any of the three: an object's first byte says which (object.h) */

enum { SET_PACKED_COUNT_MAX = 32, SET_PACKED_MEMBER_MAX = 64 };

/* A member in hand, in the forms that were needed so far: its text, the integer it spells, its hash.
 * Whoever holds one may look it up in many sets and pays for each form once. The text is not copied: it
 * must stay where it is. */
struct set_member {
    const char *text; /* NULL: an integer, not spelled out yet */
    size_t len;
    int64_t integer;
    uint64_t hash; /* 0: not worked out yet */
    enum { MEMBER_UNKNOWN, MEMBER_IS_TEXT, MEMBER_IS_INTEGER } form;
    char digits[TEXT_I64_MAX];
};

static inline void set_member_from_text(struct set_member *m, const char *text, size_t len) {
    m->text = text;
    m->len = len;
    m->hash = 0;
    m->form = MEMBER_UNKNOWN;
}
static inline void set_member_from_int(struct set_member *m, int64_t n) {
    m->text = NULL;
    m->integer = n;
    m->hash = 0;
    m->form = MEMBER_IS_INTEGER;
}
/* Whether it spells an integer (m->integer) as an integer would be written. */
bool set_member_is_int(struct set_member *m);
const char *set_member_text(struct set_member *m, size_t *len);

/* Makes the type known to the keyspace. Once, before threads start. */
void set_register(void);

/* An empty large one with room for `count` members, which is to be filled at once. */
struct set *set_new_large(size_t count);
/* Adds a copy of the member; NULL stands for a set that does not exist yet. */
struct set *set_add(struct set *s, struct set_member *m, size_t intset_max, bool *added);
struct set *set_remove(struct set *s, struct set_member *m, bool *removed);
bool set_has(const struct set *s, struct set_member *m);
size_t set_count(const struct set *s);
/* Frees it all at once; NULL is allowed. */
void set_free(struct set *s);

/* Is shown a member, which is valid (and may be looked up) until it returns; must not change the set.
 * False ends the walk. */
typedef bool set_visit(void *arg, struct set_member *m);

/* Shows every member once, in any order. False if the walk was ended. */
bool set_each(const struct set *s, set_visit *visit, void *arg);
/* Shows some members and returns where to go on, 0 at the end; begins with cursor 0. What is in the set
 * from the beginning to the end of such a walk is shown at least once. `visit` must return true. */
uint64_t set_scan(const struct set *s, uint64_t cursor, set_visit *visit, void *arg);

/* Members by chance. Every member is equally likely, and so is every choice of `count` different ones. The
 * return value of `visit` is not looked at. */
/* Shows one of a set that is not empty. O(1). */
void set_draw(const struct set *s, struct random *random, set_visit *visit, void *arg);
/* Shows `count` different ones, at most all. O(count), expected. */
void set_sample(const struct set *s, struct random *random, size_t count, set_visit *visit, void *arg);
/* The same, and removes each after it was shown. */
struct set *set_take(struct set *s, struct random *random, size_t count, set_visit *visit, void *arg);

/* Asserts every invariant; O(n), for tests. */
void set_check(const struct set *s);

#endif
