/* collection.h: looking up, making and changing a key's hash, list, set or sorted set from a handler.
 *
 * All of it runs in a handler, under the hold of the key's slice. The pattern of a command that changes:
 *
 *     struct collection col;
 *     if (!collection_open(c, 0, TYPE_HASH, &col)) return;    (WRONGTYPE has been replied)
 *     struct hash *hash = col.object ? col.object : hash_new();
 *     ... change it; it may move ...
 *     collection_close(c, &col, hash, changes);
 *
 * collection_close files a new object, books an old one's change of size, deletes the key of an emptied one
 * (and frees an empty one that was never filed).
 */
#ifndef GYRE_SERVER_CMD_COLLECTION_H
#define GYRE_SERVER_CMD_COLLECTION_H

#include "server/call.h"

#include <stdbool.h>
#include <stdint.h>

struct collection {
    unsigned key; /* which of the call's keys */
    enum value_type type;
    struct entry **at; /* NULL: the key was absent */
    void *object;      /* NULL with it */
    struct change change;
};

/* The object of key i for reading; *object is NULL where the key is absent. False: of another type, which
 * has been replied. */
bool collection_read(struct call *c, unsigned i, enum value_type type, const void **object);
/* The same for changing. Nothing else may be looked up or changed until it is closed. */
bool collection_open(struct call *c, unsigned i, enum value_type type, struct collection *col);
/* Ends it. `object`: where the object is now, not NULL unless the key was absent and none was made;
 * `changes`: how many changes to count (0: nothing was changed, and the object is as it was). Returns true
 * when the key was deleted, because the object is empty now. */
bool collection_close(struct call *c, struct collection *col, void *object, uint64_t changes);
/* Stores an object as the whole value of key i, in place of anything it holds, without a deadline
 * (SINTERSTORE and the like); an empty object or NULL deletes the key. Takes `object` over. Returns whether
 * the key holds it now. */
bool collection_store(struct call *c, unsigned i, enum value_type type, void *object, uint64_t changes);

#endif
