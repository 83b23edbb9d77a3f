/* rdb_check.h: a whole RDB file read and weighed, without keeping any of it: gyre-server --check-rdb.
 *
 * Every value is really made, and freed again, so a file that passes is one that loads; memory is that of its
 * largest value. Runs before there is a server, on the only thread.
 */
#ifndef GYRE_PERSIST_RDB_CHECK_H
#define GYRE_PERSIST_RDB_CHECK_H

#include "persist/rdb_read.h"
#include "shard/base/buf.h"

struct rdb_check_tally {
    uint64_t keys, elements, bytes; /* bytes: of the file, keys and deadlines included */
};

struct rdb_check_database {
    uint64_t number, keys, expiring, expired;
};

struct rdb_summary {
    unsigned version;
    uint64_t bytes;    /* read, up to the end or the damage */
    uint64_t behind;   /* bytes behind the end */
    bool has_checksum; /* and it is right */
    uint64_t functions, empty_keys;
    struct rdb_check_tally by_type[TYPE_COUNT];
    struct rdb_check_tally by_form[RDB_TYPE_COUNT];
    struct rdb_check_database *databases; /* in the order of the file */
    size_t database_count, database_cap;
    uint64_t largest_bytes; /* of a record */
    char largest_key[80];   /* its key, as far as it is printable */
    struct buf facts;       /* lines of AUX */
    char error[RDB_ERROR_MAX];
};

/* Reads the file to its end. False: it is damaged, and `error` says where and how; what was counted up to
 * there stays in the summary. `now_ms`: what counts as expired. */
bool rdb_check(struct rdb_summary *s, rdb_pull *pull, void *arg, int64_t now_ms);
/* Appends the summary as text, with the verdict at its end. */
void rdb_summary_print(const struct rdb_summary *s, struct buf *out);
void rdb_summary_free(struct rdb_summary *s);

#endif
