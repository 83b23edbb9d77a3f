/* cmd/hash.h: what the commands of hashes share (hash.c, hash_all.c).
 *
 * In a handler, under the hold of the hash's slice.
 */
#ifndef GYRE_SERVER_CMD_HASH_H
#define GYRE_SERVER_CMD_HASH_H

#include "server/call.h"
#include "shard/type/hash.h"

#include <stdbool.h>

/* The hash of the call's key for reading, NULL where there is none. False: another type, which was
 * replied. */
bool hash_read(struct call *c, const struct hash **hash);
/* Replies a field or a value as a bulk string, a large one from where it lies. */
void hash_reply_value(struct reply *r, const struct hash_value *v);

#endif
