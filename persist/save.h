/* save.h: a dump on its way into an RDB file: a temporary one, synced, then renamed, so that at every instant the
 * file of that name is a whole one.
 *
 *     save_open      makes the temporary file; `opened` comes, or `done` with an error
 *     (the cut)      dump_begin with save->sink
 *     ...            parts are written in order, one write in flight
 *     `done`         renamed and the directory synced; or it failed, the temporary file is gone, and the text says
 *                    what could not be done and why
 *
 * On one thread, the dump's reader; nothing waits. A struct save is used for one file at a time.
 */
#ifndef GYRE_PERSIST_SAVE_H
#define GYRE_PERSIST_SAVE_H

#include "persist/dump.h"
#include "shard/rt/file.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

enum { SAVE_WHY_MAX = PATH_MAX + 256 };

struct save {
    struct dump_sink sink; /* first: for dump_begin */
    /* The caller's, before save_open. */
    void (*opened)(struct thread *t, struct save *save);
    /* why: NULL when all went well. */
    void (*done)(struct thread *t, struct save *save, const char *why);
    bool sync_on_the_way; /* rdb-save-incremental-fsync */
    /* save.c's own. */
    struct file_operation op, range;
    struct dump_part *first, *last; /* to be written */
    struct rdb_chunk *chunk;        /* of the first: being written */
    uint64_t offset, synced;        /* bytes written; told to be written out */
    int fd;
    bool busy, range_busy, ended, whole, failed, in_dump;
    char why[SAVE_WHY_MAX];
    char path[PATH_MAX], temporary[PATH_MAX], directory[PATH_MAX];
};

/* `path`: where the file is to be. */
void save_open(struct thread *t, struct save *save, const char *path);
/* Bytes written so far. */
static inline uint64_t save_bytes(const struct save *save) {
    return save->offset;
}

#endif
