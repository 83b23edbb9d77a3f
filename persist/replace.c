/* replace.c: see replace.h. Each function is one step, begun when the one before it is done. */
#include "persist/replace.h"

#include "shard/base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

static struct replace *replace_of(struct file_operation *op) {
    return (struct replace *)op;
}

static void end(struct thread *t, struct replace *r, int error) {
    if (r->fd >= 0) file_close(t, r->fd);
    r->fd = -1;
    buf_free(&r->text);
    r->done(t, r, error);
}

static void removed(struct thread *t, struct file_operation *op, int64_t result) {
    (void)result; /* there is nothing more to be done about it */
    end(t, replace_of(op), replace_of(op)->error);
}

/* Before the rename: the old file stays. */
static void give_up(struct thread *t, struct replace *r, int64_t error) {
    ASSERT(error < 0);
    r->error = (int)-error;
    r->op.done = removed;
    file_remove(t, &r->op, r->temporary);
}

static void directory_synced(struct thread *t, struct file_operation *op, int64_t result) {
    end(t, replace_of(op), result < 0 && result != -EINVAL ? (int)-result : 0);
}

static void directory_opened(struct thread *t, struct file_operation *op, int64_t result) {
    struct replace *r = replace_of(op);
    r->step = "sync the directory of";
    if (result < 0) {
        end(t, r, (int)-result);
        return;
    }
    r->fd = (int)result;
    op->done = directory_synced;
    file_sync(t, op, r->fd, false);
}

static void renamed(struct thread *t, struct file_operation *op, int64_t result) {
    struct replace *r = replace_of(op);
    if (result < 0) {
        give_up(t, r, result);
        return;
    }
    op->done = directory_opened;
    file_open(t, op, r->directory, O_RDONLY | O_DIRECTORY, 0);
}

static void synced(struct thread *t, struct file_operation *op, int64_t result) {
    struct replace *r = replace_of(op);
    if (result < 0) {
        give_up(t, r, result);
        return;
    }
    file_close(t, r->fd);
    r->fd = -1;
    r->step = "rename";
    op->done = renamed;
    file_rename(t, op, r->temporary, r->path);
}

static void written(struct thread *t, struct file_operation *op, int64_t result) {
    struct replace *r = replace_of(op);
    if (result < 0) {
        give_up(t, r, result);
        return;
    }
    r->step = "sync";
    op->done = synced;
    file_sync(t, op, r->fd, false);
}

static void opened(struct thread *t, struct file_operation *op, int64_t result) {
    struct replace *r = replace_of(op);
    if (result < 0) {
        end(t, r, (int)-result);
        return;
    }
    r->fd = (int)result;
    r->step = "write";
    op->done = written;
    file_write(t, op, r->fd, r->text.data, r->text.len, 0);
}

void replace_begin(struct thread *t, struct replace *r, const char *directory, const char *name,
                   const struct buf *text) {
    ASSERT(r->done && text->len > 0);
    r->fd = -1;
    r->error = 0;
    r->step = "open";
    snprintf(r->directory, sizeof r->directory, "%s", directory);
    if ((size_t)snprintf(r->temporary, sizeof r->temporary, "%s/temp-%s", directory, name) >=
            sizeof r->temporary ||
        (size_t)snprintf(r->path, sizeof r->path, "%s/%s", directory, name) >= sizeof r->path) {
        r->done(t, r, ENAMETOOLONG);
        return;
    }
    buf_append(&r->text, text->data, text->len);
    r->op.done = opened;
    file_open(t, &r->op, r->temporary, O_WRONLY | O_CREAT | O_TRUNC, 0644);
}
