/* record.h: an entry on its way into a file, in steps, in one of two forms: RDB (rdb_save.h) or commands (aof_save.h).
 *
 * What those say of the value between begin and end is true here as well.
 */
#ifndef GYRE_PERSIST_RECORD_H
#define GYRE_PERSIST_RECORD_H

#include "persist/aof_save.h"
#include "persist/rdb_save.h"

struct record {
    bool commands;
    union {
        struct rdb_save rdb;
        struct aof_save aof;
    };
};

/* What follows is of this database. */
static inline void record_select(struct rdb_writer *w, bool commands, unsigned database) {
    if (commands)
        aof_save_select(w, database);
    else
        rdb_write_select(w, database);
}

static inline void record_begin(struct record *r, struct rdb_writer *w, bool commands, const struct entry *e,
                                const struct rdb_save_how *how) {
    r->commands = commands;
    if (commands) {
        aof_save_begin(&r->aof, w, e);
    } else {
        rdb_save_head(w, e, how);
        rdb_save_begin(&r->rdb, w, e);
    }
}

/* Writes on, about `budget` bytes (at least 1). True while there is more. */
static inline bool record_step(struct record *r, size_t budget) {
    return r->commands ? aof_save_step(&r->aof, budget) : rdb_save_step(&r->rdb, budget);
}

static inline void record_end(struct record *r) {
    if (r->commands)
        aof_save_end(&r->aof);
    else
        rdb_save_end(&r->rdb);
}

#endif
