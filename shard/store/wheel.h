/* wheel.h: the keys of one table that expire, ordered roughly by when.
 *
 * A hierarchical timing wheel: levels of 64 slots, each slot a vector of entry pointers; level 0 slots are
 * WHEEL_TICK_MS wide, each level 64 times wider than the one below, the last slot set holds what is further away. An entry remembers
 * its slot and place (struct deadline), so removing or moving one is O(1): the last of the vector takes its place. As time
 * passes, slots of higher levels are spread over the lower ones in bounded steps.
 *
 * An overdue entry is found without a search, volatile-ttl eviction takes from the nearest slot, and the
 * volatile policies sample from the vectors. Every call needs the slice's hold.
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
void wheel_free(struct wheel *w);
size_t wheel_count(const struct wheel *w); /* w may be NULL */
size_t wheel_bytes(const struct wheel *w);

/* Files an entry by entry_deadline(e)->when_ms and notes its place there. */
void wheel_add(struct wheel *w, struct entry *e);
void wheel_remove(struct wheel *w, struct entry *e);
/* The entry was moved in memory: its place now points to `e`. */
void wheel_moved(struct wheel *w, struct entry *e);

/* Advances to now_ms and takes the next overdue entry, without removing it (the caller deletes it, which removes it): NULL when
 * none is overdue or *budget steps have been used up (each entry spread or examined costs one; *budget is reduced). */
struct entry *wheel_overdue(struct wheel *w, int64_t now_ms, unsigned *budget);
/* How many of the filed entries are overdue at now_ms, to the wheel's precision; when the next is due (INT64_MAX: none). */
int64_t wheel_next_due_ms(const struct wheel *w);

/* An entry among those nearest to their end, and any entry, every one equally likely; NULL when empty. */
struct entry *wheel_soonest(struct wheel *w, struct random *random);
struct entry *wheel_random(struct wheel *w, struct random *random);
/* Mean of the remaining time in ms over a sample, for INFO's avg_ttl; 0 when empty. */
int64_t wheel_average_ttl_ms(struct wheel *w, int64_t now_ms, struct random *random);

#endif
