/* unnamed.c: see unnamed.h. */
#include "repl/unnamed.h"

#include "shard/base/assert.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { FILE_MODE = 0600 };

static void removed(struct thread *t, struct file_operation *op, int64_t result) {
    struct unnamed_file *f = (struct unnamed_file *)op;
    f->opened(t, f, result);
}

static void opened(struct thread *t, struct file_operation *op, int64_t result) {
    struct unnamed_file *f = (struct unnamed_file *)op;
    if (result < 0) {
        f->opened(t, f, result);
        return;
    }
    f->fd = (int)result;
    f->op.done = removed;
    file_remove(t, &f->op, f->path);
}

void unnamed_file_open(struct thread *t, struct unnamed_file *f, const char *ending,
                       unnamed_file_opened *when_opened) {
    static unsigned number; /* the coordinator's */
    int used = snprintf(f->path, sizeof f->path, "temp-repl-%d-%u.%s", (int)getpid(), ++number, ending);
    ASSERT(used > 0 && (size_t)used < sizeof f->path);
    f->fd = -1;
    f->opened = when_opened;
    f->op.done = opened;
    file_open(t, &f->op, f->path, O_RDWR | O_CREAT | O_EXCL, FILE_MODE);
}

void unnamed_file_close(struct thread *t, struct unnamed_file *f) {
    if (f->fd >= 0) file_close(t, f->fd);
    f->fd = -1;
}
