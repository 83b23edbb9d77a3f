/* monitor.h: MONITOR: every command that any client runs, told to those who asked.
 *
 * The set of monitors is an immutable array that is replaced as a whole and retired (thread.h), so a
 * thread that feeds them takes no lock. A line is made under the holds of its command and handed over at
 * once (deliver.h): of two commands that touch the same key, every monitor sees the earlier one first.
 *
 * Since that happens under holds, what is shown of a command is bounded: of what goes beyond
 * MONITOR_BYTES_MAX (all arguments together) only the number of bytes and arguments is told. Redis shows
 * it whole.
 */
#ifndef GYRE_SERVER_MONITOR_H
#define GYRE_SERVER_MONITOR_H

#include "server/call.h"

#include <stdatomic.h>

enum { MONITOR_BYTES_MAX = 1 << 20 };

struct client;
struct worker;

/* How many monitors there are: the router looks at this (relaxed) before it calls monitor_feed. */
extern _Atomic unsigned monitors_active;

/* Tells all monitors of a command that has just run, with its holds still held. Commands for
 * administrators are not shown, secrets are replaced. */
void monitor_feed(struct worker *w, struct client *c, const struct command *command, const struct arg *argv,
                  unsigned argc);

/* Makes the client a monitor; nothing happens if it is one. */
void monitor_add(struct client *c);
/* It is none any more; nothing happens if it was none. Both on the client's own thread. */
void monitor_remove(struct client *c);

#endif
