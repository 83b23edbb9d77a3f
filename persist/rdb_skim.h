/* rdb_skim.h: where a record of an RDB file ends, without making anything of it.
 *
 * For splitting a file that comes in bit by bit: whoever receives it keeps the bytes from the start of a
 * record, asks rdb_skim each time more have come, and gets to know when the record is whole; then its span
 * can go to the shard that it belongs to, or be read with rdb_read_next there and then.
 *
 *     struct rdb_skim s = {0};
 *     switch (rdb_skim(&s, record, present, &len)) ...
 *
 * It remembers how far it got, so asking again after each arrival costs only what is new; the record may have
 * moved in memory. Lengths and types are all it looks at (a few ns for a small record), so a whole record may
 * still turn out to be damaged.
 *
 * The same machine passes over values for rdb_skip_value. Any thread; the state is its owner's.
 */
#ifndef GYRE_PERSIST_RDB_SKIM_H
#define GYRE_PERSIST_RDB_SKIM_H

#include "persist/rdb.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rdb_skimmed {
    RDB_SKIM_WHOLE,  /* the record is there: *len bytes; the state is fresh for the next one */
    RDB_SKIM_MORE,   /* more bytes are needed */
    RDB_SKIM_BROKEN, /* s->why, at s->done bytes into the record */
};

/* Zeroed: before a record. */
struct rdb_skim {
    uint8_t opcode;      /* WHOLE: what the record is: a type of value, or the opcode of another record */
    size_t key;          /* WHOLE, of a key: where in the record its key (a string) begins */
    uint64_t done;       /* bytes of the record passed over */
    uint64_t skip;       /* bytes to come that belong to a string */
    const char *pattern; /* what is left of the record's parts */
    const char *again;   /* the parts of one element */
    uint64_t left;       /* elements to come */
    const char *why;
};

/* `version`: of the file (whether a checksum follows the end). The end of a file includes its checksum. */
enum rdb_skimmed rdb_skim(struct rdb_skim *s, unsigned version, const unsigned char *record, size_t present,
                          size_t *len);

/* Begins with a value of this type instead of a record. False: no such type exists here. */
bool rdb_skim_value(struct rdb_skim *s, unsigned type);
/* Goes on with it. `bytes` are the next ones, from s->done on; *used is how many of them were passed over. */
enum rdb_skimmed rdb_skim_on(struct rdb_skim *s, const unsigned char *bytes, size_t present, size_t *used);

/* Whether a whole file of `len` bytes has no key in it; what is no RDB file is not said to be empty. */
bool rdb_is_empty(const unsigned char *file, size_t len);

#endif
