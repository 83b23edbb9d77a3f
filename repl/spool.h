/* spool.h: a dump on its way to replicas, in a file without a name.
 *
 * One dump serves all who wait for it, and each takes it at his own pace: so it goes into a file first, which
 * mostly is the page cache's, and is read from there while it still grows. A slow socket thus neither paces the dump
 * nor makes anything pile up in memory.
 *
 * Belongs to one thread, the dump's reader; freed with its last user.
 */
#ifndef GYRE_REPL_SPOOL_H
#define GYRE_REPL_SPOOL_H

#include "persist/dump.h"
#include "repl/unnamed.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

enum { SPOOL_WHY_MAX = PATH_MAX + 128 };

struct spool {
    struct dump_sink sink; /* first: for dump_begin */
    /* Its users may read what is written up to here, from the file; when it has `ended`, no more will come, and unless
     * it is `whole` what came is of no use. */
    uint64_t written;
    bool ended, whole;
    struct unnamed_file file;
    char why[SPOOL_WHY_MAX]; /* it is not whole */
    /* The caller's: the file is there (or why says why it is not); more was written, or it ended. */
    void (*opened)(struct thread *t, struct spool *s, bool well);
    void (*moved)(struct thread *t, struct spool *s);
    /* spool.c's own. */
    struct file_operation op;
    struct dump_part *first, *last; /* to be written */
    struct rdb_chunk *chunk;        /* of the first: being written */
    unsigned users;
    bool busy, failed, all_came, all_of_it;
};

/* Makes the file in the working directory; the caller is a user. */
struct spool *spool_open(struct thread *t, void (*opened)(struct thread *t, struct spool *s, bool well),
                         void (*moved)(struct thread *t, struct spool *s));
void spool_ref(struct spool *s);
void spool_unref(struct thread *t, struct spool *s);

#endif
