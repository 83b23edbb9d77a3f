/* rdb_elements.h: the small sequences that RDB files embed: listpacks, ziplists, zipmaps, as one thing.
 *
 *     listpack   see shard/type/packed.h                                          since Redis 7.0
 *     ziplist    bytes (4) | offset of the last entry (4) | entries (2; 65535: count them) | entry ... | ff
 *                entry: length of the one before (1, or fe and 4) | encoding and length | bytes or integer
 *     zipmap     pairs (1; 254: count them) | key, value ... | ff                 before Redis 2.6
 *                key: length (1, or fe and 4) | bytes; value: length | unused (1) | bytes | unused bytes
 *
 * Opening one looks at every byte that steers anything: lengths forward and backward, offset, count, end.
 * After that, elements are read without further checks. All numbers are little endian.
 *
 * Pure functions over memory that outlives the use.
 */
#ifndef GYRE_PERSIST_RDB_ELEMENTS_H
#define GYRE_PERSIST_RDB_ELEMENTS_H

#include "shard/type/packed.h"

#include <stdbool.h>
#include <stddef.h>

struct rdb_elements {
    enum { ELEMENTS_LISTPACK, ELEMENTS_ZIPLIST, ELEMENTS_ZIPMAP } kind;
    const unsigned char *bytes;
    size_t len;
    size_t count;   /* of a zipmap twice its pairs */
    bool canonical; /* a listpack as we would write it, see packed_from */
    size_t longest; /* text of an element */
    /* Of the walk. */
    const unsigned char *at;
    unsigned spare; /* unused bytes behind the value of a zipmap */
    bool is_value;  /* the next element of a zipmap */
};

/* False: it is damaged. Otherwise the walk begins at the first element. */
bool rdb_elements_open(struct rdb_elements *e, unsigned kind, const void *bytes, size_t len);
/* False: there was no more. */
bool rdb_elements_next(struct rdb_elements *e, struct packed_value *value);
/* Back to the first one. */
void rdb_elements_rewind(struct rdb_elements *e);
/* All of them as a listpack of ours. Must be below PACKED_BYTES_MAX, see rdb_elements_fit. */
struct packed *rdb_elements_pack(struct rdb_elements *e);
bool rdb_elements_fit(const struct rdb_elements *e);
/* Whether every `step`-th of the elements of a listpack (1: all, 2: the fields of pairs) is another one. */
bool rdb_elements_differ(const struct packed *p, unsigned step);

#endif
