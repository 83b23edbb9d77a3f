/* walk.h: walks over a table that is the inside of a value, each entry asked for before it is read.
 *
 * The entries of a table lie all over memory, so a walk that read each as it meets it would wait for each.
 * This one collects a few dozen, asking for their cache lines, and then shows them.
 *
 * Under the hold of the slice whose key the value belongs to, or by its only owner.
 */
#ifndef GYRE_TYPE_WALK_H
#define GYRE_TYPE_WALK_H

#include "shard/store/table.h"

#include <stdbool.h>
#include <stdint.h>

/* Is shown an entry; must not change the table. False ends the walk. */
typedef bool walk_visit(void *arg, const struct entry *e);

/* Shows every entry once. False if the walk was ended. */
bool walk_table(const struct table *t, walk_visit *visit, void *arg);
/* Shows those of one cursor position and returns the next, 0 at the end (table_scan). What `visit` returns is
 * not looked at. */
uint64_t walk_step(const struct table *t, uint64_t cursor, walk_visit *visit, void *arg);

#endif
