/* apply_stream.h: a primary's stream applied: commands in order, a transaction as one, on one worker.
 *
 *     coordinator ── batch: bytes ──> worker: applies all that is whole ── applied: so many bytes ──> coordinator
 *
 * One batch is on its way at a time. Its bytes do not change meanwhile, and what `mark` says of them is written with the
 * slices held that were changed: so at a cut, when all are held, the coordinator knows exactly which bytes the data
 * stands for.
 */
#ifndef GYRE_SERVER_APPLY_STREAM_H
#define GYRE_SERVER_APPLY_STREAM_H

#include "shard/base/buf.h"
#include "shard/rt/thread.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct worker;

enum { STREAM_WHY_MAX = 256 };
enum stream_outcome {
    STREAM_GOES_ON,
    STREAM_BROKEN,  /* what follows is no command: why */
    STREAM_UNKNOWN, /* what follows is one that we do not have: why */
};

struct stream_mark {
    size_t bytes;     /* of the batch, up to the end of a command or transaction */
    int64_t database; /* selected behind them */
};

/* The same as one number, for oplog_note_place: bytes counted over all batches, modulo 1 << 44, and the database. */
enum { STREAM_PLACE_DATABASE_BITS = 20 };
static inline uint64_t stream_place(uint64_t at, int64_t database) {
    return at << STREAM_PLACE_DATABASE_BITS | (uint64_t)database;
}

struct stream_batch {
    struct message message; /* first */
    void (*done)(struct thread *t, struct stream_batch *batch);
    struct buf bytes;
    uint64_t begins_at;      /* bytes of the primary's stream that were applied before it */
    struct stream_mark mark; /* applied so far: written with slices held, to be read with all of them held */
    bool whole;              /* it is to be applied as far as apply_stream_glance said, even if: */
    _Atomic bool stop;       /* asks the worker to return it soon */
    /* When it has returned: */
    struct stream_mark end; /* applied in all */
    enum stream_outcome outcome;
    bool asks;       /* REPLCONF GETACK was among it */
    size_t needed;   /* bytes from the end on before there is anything to apply */
    uint64_t errors; /* commands that failed */
    char why[STREAM_WHY_MAX];
    struct thread *from;
};

/* From now on this worker applies; `origin` is what MONITOR shows of the primary. On the coordinator's
 * thread, as all of these; no batch may be on its way. */
void apply_stream_begin(struct worker *w, const char *origin);
/* How many of these bytes are commands that are known and transactions that are whole: all of them will be applied.
 * 0: there are none, or it cannot be said at a glance. `database`: selected before; then, behind those bytes. */
size_t apply_stream_glance(char *bytes, size_t len, int64_t *database);
/* `batch->bytes` is filled, the mark zero with the database where it begins. `done` comes on the caller's thread. */
void apply_stream(struct thread *t, struct stream_batch *batch);

#endif
