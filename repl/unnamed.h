/* unnamed.h: a file that is gone with whoever has it open.
 *
 * It is made in the working directory and removed as soon as it is open, so nothing of it is left when the
 * server ends, however it does. For bytes on their way to replicas; it is never synced.
 */
#ifndef GYRE_REPL_UNNAMED_H
#define GYRE_REPL_UNNAMED_H

#include "shard/rt/file.h"

#include <limits.h>
#include <stdint.h>

struct unnamed_file;
typedef void unnamed_file_opened(struct thread *t, struct unnamed_file *f, int64_t error);

struct unnamed_file {
    struct file_operation op; /* first */
    int fd;                   /* -1: it is not open */
    char path[PATH_MAX];      /* that it had, for messages */
    unnamed_file_opened *opened;
};

/* Makes one whose name would end in this. Calls `opened` with 0, or with -errno; even then fd may have to be
 * closed. */
void unnamed_file_open(struct thread *t, struct unnamed_file *f, const char *ending,
                       unnamed_file_opened *opened);
/* Closes it, if it is open; nothing else may be under way. */
void unnamed_file_close(struct thread *t, struct unnamed_file *f);

#endif
