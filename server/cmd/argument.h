/* argument.h: arguments that several families take: databases, small integers, points in time.
 *
 * They need no hold, but those that read the clock fix the command's one instant, so they run where the
 * holds are held (in a handler). On bad input they reply the error of Redis and return false.
 */
#ifndef GYRE_SERVER_CMD_ARGUMENT_H
#define GYRE_SERVER_CMD_ARGUMENT_H

#include "server/call.h"

#include <stdbool.h>
#include <stdint.h>

/* Argument i as a C int, with the two errors that Redis has for what is no integer and what is too large
 * a one. */
bool argument_int(struct call *c, unsigned i, int *value);
/* Argument i as the number of an existing database. */
bool argument_database(struct call *c, unsigned i, unsigned *database);

/* How SET and its like are told when a key ends. */
enum deadline_form {
    DEADLINE_NONE,
    DEADLINE_EX,   /* seconds from now */
    DEADLINE_PX,   /* milliseconds from now */
    DEADLINE_EXAT, /* unix time in seconds */
    DEADLINE_PXAT, /* unix time in milliseconds */
};

/* Argument i as the unix time in ms at which a key shall end; must be positive and within 64 bits, but
 * may lie in the past. */
bool argument_deadline(struct call *c, unsigned i, enum deadline_form form, int64_t *when_ms);

/* Whether giving this key that deadline means deleting it at once. Never on a replica or while loading:
 * there the primary's own deletion follows. */
bool deadline_is_past(struct call *c, const struct key *key, int64_t when_ms);
/* "ERR invalid expire time in 'set' command" */
void reply_invalid_deadline(struct call *c);

#endif
