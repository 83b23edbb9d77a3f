/* replace.h: a small file replaced as a whole: written beside, synced, renamed, its directory synced; so that at
 * every instant, even after a crash, the file of that name is an old or the new one.
 *
 * Through the ring of the thread that begins it; `done` comes on the same thread. One at a time for each struct.
 */
#ifndef GYRE_PERSIST_REPLACE_H
#define GYRE_PERSIST_REPLACE_H

#include "shard/base/buf.h"
#include "shard/rt/file.h"

#include <limits.h>

struct replace {
    struct file_operation op; /* first: its `done` finds the rest */
    /* error: 0, or an errno; `step` says at what. */
    void (*done)(struct thread *t, struct replace *r, int error);
    const char *step;
    /* replace.c's own. */
    struct buf text;
    int fd, error;
    char directory[PATH_MAX], temporary[PATH_MAX], path[PATH_MAX];
};

/* The file `name` in `directory` shall hold the text, which is copied. The temporary file is called "temp-" and
 * the name. */
void replace_begin(struct thread *t, struct replace *r, const char *directory, const char *name,
                   const struct buf *text);

#endif
