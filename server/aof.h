/* aof.h: the append-only file as a service: on and off, where its files are, loading it at the start, rewriting
 * it.
 *
 * The work is the coordinator's: it merges the stream (stream.h), has it written (aof_write.h), and changes what
 * is logged only at cuts. Others read the state here, which any thread may.
 */
#ifndef GYRE_SERVER_AOF_H
#define GYRE_SERVER_AOF_H

#include "repl/coordinator.h"
#include "repl/identity.h"

#include <stdbool.h>
#include <stdint.h>

/* On the coordinator, at the start, when appendonly is on: loads what there is, then calls `loaded`. What cannot
 * be loaded ends the process with a message. */
void aof_start(struct coordinator *c, void (*loaded)(struct coordinator *c));
/* The same when it is off: only looks what files there are, for when it is switched on. */
void aof_prepare(struct coordinator *c);
/* How much of the files has been loaded. Any thread. */
uint64_t aof_loaded_bytes(uint64_t *total);
/* With all slices held, after that: from now on everything is logged. */
void aof_begin_at_cut(struct coordinator *c);
/* What the files that were loaded end with: a clean end says which history they are a prefix of. */
struct history aof_history(void);
/* Every turn of the coordinator, and every beat. */
void aof_turn(struct coordinator *c);
void aof_beat(struct coordinator *c);
/* While the data is about to be replaced it is off, whatever is configured; afterwards it is switched on with a new base,
 * if it is to be on. What there was stays on the disk until then. On the coordinator's thread. */
void aof_suspend(bool suspend);
/* How far the stream is (of the file's audience), and how far the file is durable. False: it is off, or its base is not there yet.
 * On the coordinator's thread. */
bool aof_positions(uint64_t *end, uint64_t *durable);
/* Whether nothing of it is at work. */
bool aof_is_off(void);
/* The main thread, when the server is to end and nothing is written any more: waits, within bounds, until all of
 * the stream is written and synced. */
void aof_end(struct coordinator *c);

/* BGREWRITEAOF: false when a rewrite is under way or waits already. Any thread. */
bool aof_rewrite(void);
/* Why writes are refused now (an errno), or 0: the file cannot be written. Any thread. */
int aof_error(void);

/* For INFO and WAITAOF. */
struct aof_state {
    bool enabled, write_ok, sync_pending, rewriting, rewrite_scheduled, rewrite_failed;
    uint64_t bytes, base_bytes, buffered, delayed_syncs, rewrites, rewrite_failures;
    int64_t last_rewrite_s, current_rewrite_s; /* -1: none */
};
struct aof_state aof_state(void);

#endif
