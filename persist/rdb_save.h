/* rdb_save.h: values on their way into RDB bytes, in steps.
 *
 *     rdb_save_head(w, e, &how);                      deadline, access, type, key
 *     rdb_save_begin(&s, w, e);
 *     while (rdb_save_step(&s, budget)) ...           other work in between, the hold let go and taken again
 *     rdb_save_end(&s);
 *
 * So that neither a sorted set of millions nor a string of hundreds of megabytes needs one long step. A small
 * value is written by rdb_save_begin and one step. Types and encodings are those that redis-server 7.0
 * writes: a small value goes out as the listpack or intset it is, a large one element by element (a sorted
 * set from its greatest score down, which is quickest to load), a list node by node, its large values as
 * plain nodes.
 *
 * Between rdb_save_begin and rdb_save_end the caller sees to it that the value is neither changed nor freed;
 * its entry may be, since only the value is looked at after rdb_save_begin returned (a blob is kept by a
 * reference of its own, a string beside its key was written already). Each call is made by one thread under
 * the hold of the value's slice, or as the only owner of a detached value. rdb_save_end may come early: the
 * record is then cut short.
 *
 * A string longer than RDB_PIECE_BYTES is compressed piece by piece (what LZF makes of pieces, one behind the
 * other, is what it makes of a whole, only with the window forgotten in between). Since the compressed
 * length comes first, the result waits in memory, so strings above RDB_COMPRESS_MAX are written as they are.
 */
#ifndef GYRE_PERSIST_RDB_SAVE_H
#define GYRE_PERSIST_RDB_SAVE_H

#include "persist/rdb_write.h"
#include "persist/value_walk.h"
#include "shard/store/entry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct policy;

enum { RDB_COMPRESS_MAX = 8 * 1024 * 1024 };

/* The type that a value is written as. */
enum rdb_type rdb_save_type(const struct entry *e);

/* What a record tells of a key beside its deadline: with an LRU policy how long it was idle, with LFU how
 * often it is used, as Redis does. */
struct rdb_save_how {
    const struct policy *policy; /* NULL: neither */
    int64_t now_ms;
};
void rdb_save_head(struct rdb_writer *w, const struct entry *e, const struct rdb_save_how *how);

/* A string that is being written. */
struct rdb_save_text {
    const char *data; /* NULL: none */
    size_t len, done; /* bytes; of them compressed or written so far */
    unsigned char *packed;
    size_t packed_len, packed_cap;
    enum { TEXT_COMPRESSING, TEXT_WRITING } phase;
};
/* Zeroed by rdb_save_begin; nobody else's business. */
struct rdb_save {
    struct rdb_writer *out;
    const void *object;
    struct blob *blob;
    enum value_type type;
    struct rdb_save_text text;
    struct value_walk walk;
    size_t next;   /* of the walk's items: not written yet */
    uint32_t node; /* of a list */
    bool walked;   /* nothing is left to collect */
};

/* Of any entry of a type that can be saved (all that exist). Writes the value, not its type. */
void rdb_save_begin(struct rdb_save *s, struct rdb_writer *w, const struct entry *e);
/* Writes on, about `budget` bytes of the value (at least 1). True while there is more. */
bool rdb_save_step(struct rdb_save *s, size_t budget);
void rdb_save_end(struct rdb_save *s);

/* Type and value of an entry in one go: DUMP. */
void rdb_save_value(struct rdb_writer *w, const struct entry *e);

#endif
