/* aof_save.h: values on their way into commands that make them, in steps: the base of an append-only file in the form of
 * commands (aof-use-rdb-preamble no).
 *
 *     aof_save_select(w, database);                   where it changes
 *     aof_save_begin(&s, w, e);
 *     while (aof_save_step(&s, budget)) ...           other work in between, the hold let go and taken again
 *     aof_save_end(&s);
 *
 * The commands are those that redis-server 7.0 writes: SET; RPUSH, SADD, HMSET and ZADD with up to 64 elements each; then
 * PEXPIREAT. What rdb_save.h says of the value between begin and end, and of steps, is true here as well.
 */
#ifndef GYRE_PERSIST_AOF_SAVE_H
#define GYRE_PERSIST_AOF_SAVE_H

#include "persist/rdb_write.h"
#include "persist/value_walk.h"
#include "shard/store/entry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Begun by aof_save_begin; nobody else's business. */
struct aof_save {
    struct rdb_writer *out;
    enum value_type type;
    char *key; /* a copy: the entry may go */
    size_t key_len;
    int64_t when_ms; /* -1: it does not end */
    struct blob *blob;
    const char *text; /* under way; NULL: none */
    size_t text_left;
    struct value_walk walk;
    size_t next;       /* of the walk's items: not written yet */
    size_t words_left; /* of the command that was begun */
    bool ended;
};

void aof_save_select(struct rdb_writer *w, unsigned database);
/* Of any entry. */
void aof_save_begin(struct aof_save *s, struct rdb_writer *w, const struct entry *e);
/* Writes on, about `budget` bytes (at least 1). True while there is more. */
bool aof_save_step(struct aof_save *s, size_t budget);
void aof_save_end(struct aof_save *s);

#endif
