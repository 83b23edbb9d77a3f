/* grave.h: values too large to be freed at once, waiting to be freed bit by bit.
 *
 * Deleting, overwriting, expiring or evicting a collection detaches it from its key in O(1) under the hold;
 * its memory then goes in steps of the thread that detached it, in its upkeep, so that no command waits for
 * it. The same goes for large blobs: unmapping one takes the kernel up to milliseconds. Each thread has one
 * grave and touches no other; only the totals are read by everyone. What lies there still counts as used
 * memory, but eviction does not take more keys for memory that is on its way out (grave_bytes).
 */
#ifndef GYRE_STORE_GRAVE_H
#define GYRE_STORE_GRAVE_H

#include "shard/base/kind.h"
#include "shard/rt/thread.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    GRAVE_EFFORT = 256,        /* a value of more blocks than this goes to the grave */
    GRAVE_BYTES = 1024 * 1024, /* and so does a blob of this size */
};

struct blob;

/* Takes the object over if it is large; otherwise frees it at once. `t` is the thread that runs. */
void grave_free(struct thread *t, enum value_type type, void *object);
/* Gives the caller's reference to a blob up; there, if it is large: unmapping it takes milliseconds. */
void grave_unref(struct thread *t, struct blob *blob);
/* Frees for about `budget_us` microseconds; true while there is more. The caller holds no slice. */
bool grave_dig(struct thread *t, unsigned budget_us);
bool grave_is_empty(const struct thread *t);
/* Frees what all graves hold, at once. Only when the threads have ended. */
void graves_empty(void);

/* Of all graves, by anyone: memory, and values (INFO's lazyfree_pending_objects), that still wait; values
 * freed so far. */
size_t grave_bytes(void);
size_t grave_objects(void);
size_t grave_freed(void);

#endif
