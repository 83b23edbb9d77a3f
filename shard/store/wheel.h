/* wheel.h: the keys of one table that expire, ordered roughly by when.
 *
 * A hierarchical timing wheel: levels of 64 slots, each slot a bag of entry pointers; level 0 slots are
 * WHEEL_TICK_MS wide, each level 64 times wider than the one below, and one more slot holds what is further
 * away than the highest level reaches. An entry remembers its slot and place (struct deadline), so removing
 * or moving one is O(1): the last of the bag takes its place. As time passes, slots of higher levels are
 * spread over the lower ones in bounded steps.
 *
 * An entry is overdue for the wheel once the tick of its deadline is over: never early, at most WHEEL_TICK_MS
 * late. It is found without a search, volatile-ttl eviction takes from the nearest slot, and the volatile
 * policies sample from the bags. Every call needs the slice's hold.
 */
#ifndef GYRE_STORE_WHEEL_H
#define GYRE_STORE_WHEEL_H

#include "shard/store/entry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random;
struct wheel; /* allocated with a table's first expiring key */

enum { WHEEL_TICK_MS = 16 };

struct wheel *wheel_new(int64_t now_ms);
/* Forgets all entries (which are not touched) and frees the wheel; NULL is allowed. */
void wheel_free(struct wheel *w);
/* The same in steps: gives back up to about `chunks` blocks of memory; true while there is more, false once
 * the wheel is freed. */
bool wheel_discard(struct wheel *w, unsigned chunks);
size_t wheel_count(const struct wheel *w); /* w may be NULL */
size_t wheel_bytes(const struct wheel *w);

/* Files an entry by entry_deadline(e)->when_ms and notes its place there. */
void wheel_add(struct wheel *w, struct entry *e);
void wheel_remove(struct wheel *w, struct entry *e);
/* The entry was moved in memory: its place now points to `e`. */
void wheel_moved(struct wheel *w, struct entry *e);

/* Advances to now_ms and takes the next overdue entry, without removing it (the caller deletes it, which
 * removes it): NULL when none is overdue or *budget steps have been used up (each entry spread or examined
 * costs one; *budget is reduced). */
struct entry *wheel_overdue(struct wheel *w, int64_t now_ms, unsigned *budget);
/* Puts aside what wheel_overdue just returned: another decides when it goes, and it is not returned again. */
void wheel_set_aside(struct wheel *w, struct entry *e);
/* What was put aside is overdue like all others again; *budget as above. */
void wheel_take_back(struct wheel *w, unsigned *budget);
/* How many there are with `set_here`. */
size_t wheel_set_here(const struct wheel *w);
/* When wheel_overdue will next have something to do, never later than that (INT64_MAX: nothing is filed). */
int64_t wheel_next_due_ms(const struct wheel *w);

/* An entry among those nearest to their end, and any entry, every one equally likely; NULL when empty. */
struct entry *wheel_soonest(struct wheel *w, struct random *random);
struct entry *wheel_random(struct wheel *w, struct random *random);
/* Mean of the remaining time in ms over a sample, for INFO's avg_ttl; 0 when empty. */
int64_t wheel_average_ttl_ms(struct wheel *w, int64_t now_ms, struct random *random);

/* Asserts every invariant; O(n), for tests. */
void wheel_check(const struct wheel *w);

#endif
