/* shutdown.h: what is waited for before the server ends: that replicas have all that clients were told of.
 *
 *    main thread    shutdown_wait ─────────────────────────────────────> true: it ends; false: called off
 *    coordinator       ask ──> cut: writes are paused ──> all replicas level, or the time is over
 *    any thread                       shutdown_abort (SHUTDOWN ABORT)
 *
 * As in redis-server 7 the wait has a bound (shutdown-timeout), SHUTDOWN NOW skips it, and commands that
 * write are held back from its beginning until the end, or until the end is given up: what they would
 * change, no replica would get. CLIENT UNPAUSE does not change that. Replicas are asked for an
 * acknowledgement, so those that are level do not cost the second until the next one comes by itself. */
#ifndef GYRE_SERVER_SHUTDOWN_H
#define GYRE_SERVER_SHUTDOWN_H

#include "repl/coordinator.h"

#include <stdbool.h>
#include <stdint.h>

/* Waits for replicas, as long as they may take. `how`: bits of enum config_shutdown. False: it was called
 * off. On the main thread, with nothing held. */
bool shutdown_wait(struct coordinator *c, unsigned how);
/* The server goes on, after all: lets the paused go, and those who wait for the end know. On the main
 * thread. */
void shutdown_give_up(struct coordinator *c);
/* How many shutdowns have been given up so far. Any thread. */
uint64_t shutdown_failures(void);
/* Whether one has been asked for, which need not be done again then. `number`: of that one, or of the next;
 * it was given up once as many have been. Any thread. */
bool shutdown_has_begun(uint64_t *number);

/* Whether replicas are being waited for just now. Any thread. */
bool shutdown_is_waiting(void);
/* For how many milliseconds at most; 0: they are not. Any thread. */
int64_t shutdown_left_ms(void);
/* Calls the shutdown off. False: none is waiting. `me` is the caller's thread. */
bool shutdown_abort(struct thread *me);

/* On the coordinator's thread, every turn, after replication's. */
void shutdown_turn(struct coordinator *c);

#endif
