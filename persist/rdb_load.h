/* rdb_load.h: RDB bytes into values: the other way of rdb_save.h, and of everything older.
 *
 * All encodings of versions 1 to 12 of the types that exist here are read; which encoding a value gets is
 * decided by the thresholds handed in, as redis-server does when it loads. What is inside is looked at in
 * every detail (as its sanitize-dump-payload does): lengths, counts, ends, order, scores that are no numbers,
 * members and fields that come twice. A large collection gets its room at once.
 *
 * The caller says what is to be done with a value that turns out to be empty: redis-server passes over such
 * keys of a file and refuses them in RESTORE.
 *
 * Needs no hold: what is made is the caller's until it is stored. One thread per reader.
 */
#ifndef GYRE_PERSIST_RDB_LOAD_H
#define GYRE_PERSIST_RDB_LOAD_H

#include "persist/rdb_read.h"
#include "shard/store/keyspace.h"
#include "shard/type/hash.h"
#include "shard/type/list.h"
#include "shard/type/zset.h"

/* Up to where collections stay small. */
struct rdb_limits {
    struct hash_limits hash;
    struct zset_limits zset;
    struct list_limits list;
    size_t intset_max;
};

enum rdb_loaded {
    RDB_LOADED,
    RDB_LOADED_EMPTY, /* a collection of nothing: no value */
    RDB_LOAD_BROKEN,  /* see rdb_error */
};

/* Reads the value of a record, whose type is one that exists here (rdb_value_type). A string of bytes
 * (VALUE_BYTES) lies where the reader reads from, or in the reader: it is to be stored before the reader is
 * used again. A blob or object is the caller's. */
enum rdb_loaded rdb_load_value(struct rdb_reader *r, unsigned type, const struct rdb_limits *limits,
                               struct value *value);
/* Frees a value that is not stored after all. */
void rdb_value_free(struct value *value);

#endif
