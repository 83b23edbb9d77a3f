/* load.h: an RDB file read into the slices, by all shards at once.
 *
 * The thread that began it (the reader) reads the file through its ring and cuts it into spans of whole records:
 * the pieces that our own dumps announce (dump.h) without looking inside, everything else by skimming. Each span
 * goes to a shard, which reads its records and stores the keys, visiting slices as any client does. So nothing is
 * in order but what a span has in itself, which is enough: a file has every key once (a second one is an error).
 *
 * Bounds: LOAD_AHEAD_BYTES of spans are under way at a time; a record that is larger than what is read at a time
 * is gathered until it is whole. The checksum is taken of the spans by the shards and combined.
 *
 * Nobody else may see or change the keys meanwhile: the slices have SWITCH_LOADING, or (`beside`) the keys go where
 * clients do not see them; then a shard gets the next span when it has given the last one back, and serves in between. A file that is damaged ends the
 * load with a text that says where, while reading what, and what was wrong; what was stored by then is for the
 * caller to throw away.
 */
#ifndef GYRE_PERSIST_LOAD_H
#define GYRE_PERSIST_LOAD_H

#include "persist/rdb_load.h"
#include "persist/rdb_skim.h"
#include "shard/rt/file.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { LOAD_WHY_MAX = PATH_MAX + 512, LOAD_ID_MAX = 41, LOAD_AHEAD_BYTES = 32 << 20 };

struct load_block;
struct load_span;

struct load {
    /* The caller's, before load_begin. */
    void (*done)(struct thread *t, struct load *load, const char *why); /* why: NULL when all went well */
    struct rdb_limits limits;
    int64_t now_ms;
    unsigned shards;   /* threads 0 to shards - 1 do the work */
    bool skip_expired; /* of a primary's own file: not of the base of an append-only file, nor on a replica */
    bool check_sum;    /* rdbchecksum */
    bool beside;       /* into the databases beside (slice.h), while clients are served: a span at a time */
    /* What came of it. */
    bool missing;        /* there is no such file: done came with no error */
    uint64_t end_offset; /* where the RDB part of the file ends */
    bool aof_base;
    char replication_id[LOAD_ID_MAX]; /* "" where there is none */
    int64_t replication_offset, replication_database;
    _Atomic uint64_t keys, expired, empty, bytes, bytes_total; /* so far; any thread */
    /* load.c's own. */
    struct file_operation op;
    struct load_block *block;       /* being read into and cut */
    struct load_span *first, *last; /* in the order of the file: not summed yet */
    struct load_span *unsent;       /* the first of these that no shard has been given yet; NULL: none, */
    bool busy[THREADS_MAX];         /* because they have one: when loading beside */
    struct rdb_skim skim;
    int fd;
    unsigned version, next_shard, spans_left;
    size_t cut,
        run; /* of the block: up to where it is cut; where the keys begin that are not in a span yet */
    uint64_t piece, piece_keys; /* bytes of a piece to come */
    uint64_t database, offset, ahead, crc, expected_crc;
    bool reading, ended, failed, has_header;
    char path[PATH_MAX], why[LOAD_WHY_MAX];
};

/* On the reader's thread, which has a ring. The load stays where it is until `done`. */
void load_begin(struct thread *t, struct load *load, const char *path);

#endif
