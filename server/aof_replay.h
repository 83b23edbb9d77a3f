/* aof_replay.h: a file of commands read and applied, in order, by one worker: an increment of an append-only file,
 * or what follows the RDB part of a base.
 *
 * The file is read piece by piece through the worker's ring, and after each piece the worker does what else it has
 * to do. A transaction is applied when its EXEC has been seen, so one that a crash cut off leaves no trace. A file
 * that ends in the middle of a command or transaction is told apart from one that is damaged: `whole` says up to
 * where it is good.
 */
#ifndef GYRE_SERVER_AOF_REPLAY_H
#define GYRE_SERVER_AOF_REPLAY_H

#include "persist/aof_read.h"
#include "repl/identity.h"
#include "server/apply.h"
#include "shard/base/buf.h"
#include "shard/rt/file.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum replay_outcome {
    REPLAY_ALL,     /* to the end of the file */
    REPLAY_TORN,    /* it ends in the middle of something */
    REPLAY_DAMAGED, /* `why`, at byte `whole` */
    REPLAY_REFUSED, /* likewise: a command that we do not know */
    REPLAY_FAILED,  /* the file could not be read: `why` */
};

struct replay {
    struct message message; /* first; to the worker, and back */
    /* The caller's, before replay_begin. */
    const char *path;
    uint64_t offset; /* where to begin */
    void (*done)(struct thread *t, struct replay *r);
    /* What came of it. */
    enum replay_outcome outcome;
    uint64_t whole; /* up to where the file is good, or where it is damaged */
    uint64_t commands;
    const char *why;
    struct history history; /* what the last line of its kind said, */
    uint64_t history_end;   /* and where it ended; 0: there was none */
    _Atomic uint64_t read;  /* so far; any thread */
    /* aof_replay.c's own. */
    struct thread *from;
    struct worker *worker;
    struct file_operation op;
    struct applier applier;
    struct aof_reader reader;
    struct buf bytes; /* of the file, from */
    uint64_t base;    /* this offset on */
    struct arg *arguments;
    unsigned arguments_capacity;
    size_t scanned;         /* of these: looked at */
    size_t apply, apply_to; /* commands of a transaction that is complete */
    size_t multi;           /* where the transaction that is being read begins */
    bool in_multi, at_end;
    int fd;
};

/* On any thread of the server; `done` comes on the same. */
void replay_begin(struct thread *from, struct replay *r, struct worker *w);

#endif
