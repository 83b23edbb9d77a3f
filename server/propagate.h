/* propagate.h: what a command tells those who follow: the append-only file, and replicas.
 *
 * A command that changed something (call_dirty) travels in its own words. Where those would not have the same
 * effect elsewhere or later (random choices, relative times, sums of floats, waiting), its handler says what
 * travels instead, while or after it does it: any number of commands, each begun by propagate_command and
 * followed by exactly as many words. What Redis 7.0 writes is what is written here.
 *
 * Everything that one command, transaction or script does is one entry (oplog.h), in the order in which it is
 * said, behind the deletions of keys that the command found past their time, and before the effects for
 * clients that waited for its keys. While nobody follows, all of this does nothing.
 *
 * Runs in handlers, under the holds of the keys.
 */
#ifndef GYRE_SERVER_PROPAGATE_H
#define GYRE_SERVER_PROPAGATE_H

#include "server/call.h"

#include <stddef.h>
#include <stdint.h>

/* Begins a command that travels instead of the call's own words: its name, and how many words it has with
 * it. */
void propagate_command(struct call *c, const char *name, unsigned words);
void propagate_bytes(struct call *c, const char *data, size_t len);
void propagate_text(struct call *c, const char *text);
void propagate_number(struct call *c, int64_t n);
/* The call's argument i, and the name of its key i. */
void propagate_argument(struct call *c, unsigned i);
void propagate_key(struct call *c, unsigned i);

/* Shorthands: a command of a name and key i of the call; of those and a number. */
void propagate_on_key(struct call *c, const char *name, unsigned i);
void propagate_on_key_number(struct call *c, const char *name, unsigned i, int64_t n);
/* Key i was deleted because its deadline is past: DEL or UNLINK. */
void propagate_expired(struct call *c, unsigned i);

/* The call's own words do not travel, whatever it changed. */
void propagate_nothing(struct call *c);
/* They do, even if it changed nothing (FLUSHALL). */
void propagate_anyway(struct call *c);

/* ---- for those that run calls ---- */

/* The handler is done: logs the call's own words if they are to travel. */
void propagate_finish(struct call *c);
/* Everything is done, and the slices are about to be let go: publishes what was logged, if anything. `holds`
 * are of the slices held. Returns the ticket of the last change that any of them has seen. */
uint64_t propagate_publish(struct thread *me, struct hold **holds, unsigned count);

#endif
