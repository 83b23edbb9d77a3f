/* set.h: what the commands of sets share (set.c, set_algebra.c).
 *
 * In a handler, under the hold of the slices of the sets concerned.
 */
#ifndef GYRE_SERVER_CMD_SET_H
#define GYRE_SERVER_CMD_SET_H

#include "server/call.h"
#include "shard/type/set.h"

#include <stdbool.h>

/* Replies a member as a bulk string. */
void set_reply_member(struct reply *r, const struct set_member *m);
/* A set_visit that does so; `arg` is the struct reply. */
bool set_visit_reply(void *arg, struct set_member *m);
/* The set of key i for reading, NULL where there is none. False: another type, which was replied. */
bool set_read(struct call *c, unsigned i, const struct set **set);

#endif
