/* rdb_dump.h: one value as a payload that servers exchange: DUMP and RESTORE.
 *
 *     type (1) | value | version of the format (2) | CRC-64 of all that precedes it (8)     little endian
 *
 * We write version 10 and take whatever version of the format we can read (redis-server 7.0 refuses those
 * after its own, 10). The sum is always there and always compared.
 *
 * Making one needs the hold of the value's slice; reading one needs none.
 */
#ifndef GYRE_PERSIST_RDB_DUMP_H
#define GYRE_PERSIST_RDB_DUMP_H

#include "persist/rdb_load.h"
#include "shard/base/buf.h"
#include "shard/store/entry.h"

/* Appends the payload of an entry's value. */
void rdb_dump(struct buf *to, const struct entry *e, bool compress);

enum rdb_payload {
    RDB_PAYLOAD_VALUE,
    RDB_PAYLOAD_FOREIGN, /* too short, of a version we cannot read, or its sum is wrong */
    RDB_PAYLOAD_DAMAGED, /* see rdb_error */
};

/* Reads a payload. The reader is to be closed in any case, and not before the value was stored: see
 * rdb_load_value. */
enum rdb_payload rdb_restore(struct rdb_reader *r, const void *bytes, size_t len,
                             const struct rdb_limits *limits, struct value *value);

#endif
