/* save.c: see save.h. Every step begins the next one when it is done; an error leads to the end at once, while the
 * dump's remaining parts are only taken and dropped. */
#include "persist/save.h"

#include "shard/base/assert.h"
#include "shard/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    FILE_MODE = 0644,
    SYNC_RANGE_BYTES = 4 << 20, /* as redis-server has it */
};

static void go_on(struct thread *t, struct save *save);

static struct save *save_of(struct file_operation *op) {
    return (struct save *)(void *)((char *)op - offsetof(struct save, op));
}

/* ---- the end ---- */

static void report(struct thread *t, struct save *save) {
    save->done(t, save, save->failed ? save->why : NULL);
}

static void fail(struct save *save, const char *what, const char *path, int64_t error) {
    if (save->failed) return;
    save->failed = true;
    snprintf(save->why, sizeof save->why, "%s '%s': %s", what, path, strerror((int)-error));
}

static void removed(struct thread *t, struct file_operation *op, int64_t result) {
    struct save *save = save_of(op);
    if (result < 0 && result != -ENOENT)
        log_warning("The temporary file '%s' could not be removed: %s", save->temporary,
                    strerror((int)-result));
    report(t, save);
}

/* Lets go of what a failed save left. */
static void clean_up(struct thread *t, struct save *save) {
    if (save->fd >= 0) file_close(t, save->fd);
    save->fd = -1;
    save->op.done = removed;
    file_remove(t, &save->op, save->temporary);
}

static void directory_synced(struct thread *t, struct file_operation *op, int64_t result) {
    struct save *save = save_of(op);
    /* Some file systems cannot sync a directory; the file is there all the same. */
    if (result < 0 && result != -EINVAL) fail(save, "Error syncing the directory", save->directory, result);
    file_close(t, save->fd);
    save->fd = -1;
    report(t, save);
}

static void directory_opened(struct thread *t, struct file_operation *op, int64_t result) {
    struct save *save = save_of(op);
    if (result < 0) {
        fail(save, "Error opening the directory", save->directory, result);
        report(t, save);
        return;
    }
    save->fd = (int)result;
    save->op.done = directory_synced;
    file_sync(t, &save->op, save->fd, false);
}

static void renamed(struct thread *t, struct file_operation *op, int64_t result) {
    struct save *save = save_of(op);
    if (result < 0) {
        fail(save, "Error moving the temporary DB file to its final destination", save->path, result);
        clean_up(t, save);
        return;
    }
    save->op.done = directory_opened;
    file_open(t, &save->op, save->directory, O_RDONLY | O_DIRECTORY, 0);
}

static void file_synced(struct thread *t, struct file_operation *op, int64_t result) {
    struct save *save = save_of(op);
    if (result < 0) {
        fail(save, "Write error saving DB on disk: cannot sync", save->temporary, result);
        clean_up(t, save);
        return;
    }
    file_close(t, save->fd);
    save->fd = -1;
    save->op.done = renamed;
    file_rename(t, &save->op, save->temporary, save->path);
}

/* ---- writing ---- */

static void range_done(struct thread *t, struct file_operation *op, int64_t result) {
    struct save *save = (struct save *)(void *)((char *)op - offsetof(struct save, range));
    (void)result; /* the sync at the end tells of errors */
    save->range_busy = false;
    go_on(t, save);
}

static void sync_on_the_way(struct thread *t, struct save *save) {
    if (!save->sync_on_the_way || save->range_busy) return;
    uint64_t bytes = save->offset - save->synced;
    if (bytes < SYNC_RANGE_BYTES) return;
    save->range_busy = true;
    save->range.done = range_done;
    file_sync_range(t, &save->range, save->fd, save->synced, (uint32_t)bytes);
    save->synced = save->offset;
}

static void drop_parts(struct thread *t, struct save *save) {
    while (save->first) {
        struct dump_part *part = save->first;
        save->first = part->next;
        dump_part_done(t, part);
    }
}

static void written(struct thread *t, struct file_operation *op, int64_t result) {
    struct save *save = save_of(op);
    save->busy = false;
    if (result < 0) {
        fail(save, "Write error saving DB on disk", save->temporary, result);
        if (!save->ended) dump_abort();
    } else {
        save->offset += (uint64_t)result;
        save->chunk = save->chunk->next;
        if (!save->chunk) {
            struct dump_part *part = save->first;
            save->first = part->next;
            dump_part_done(t, part);
            save->chunk = save->first ? save->first->chunks : NULL;
        }
        sync_on_the_way(t, save);
    }
    go_on(t, save);
}

/* Begins what is next: a write, or, when all has come and been written, the end. */
static void go_on(struct thread *t, struct save *save) {
    if (save->busy) return;
    if (save->failed) drop_parts(t, save);
    if (save->first) {
        save->busy = true;
        save->op.done = written;
        file_write(t, &save->op, save->fd, save->chunk->bytes, save->chunk->len, save->offset);
        return;
    }
    if (!save->ended || save->range_busy) return;
    save->busy = true; /* to the end */
    if (!save->whole || save->failed) {
        if (!save->failed) snprintf(save->why, sizeof save->why, "the save was cancelled");
        save->failed = true;
        clean_up(t, save);
        return;
    }
    save->op.done = file_synced;
    file_sync(t, &save->op, save->fd, false);
}

/* ---- the sink ---- */

static void take(struct dump_sink *sink, struct thread *t, struct dump_part *part) {
    struct save *save = (struct save *)sink;
    ASSERT(part->chunks && !save->ended);
    part->next = NULL;
    if (save->first) {
        save->last->next = part;
    } else {
        save->first = part;
        save->chunk = part->chunks;
    }
    save->last = part;
    go_on(t, save);
}

static void end(struct dump_sink *sink, struct thread *t, bool whole) {
    struct save *save = (struct save *)sink;
    save->ended = true;
    save->whole = whole;
    go_on(t, save);
}

/* ---- the beginning ---- */

static void opened(struct thread *t, struct file_operation *op, int64_t result) {
    struct save *save = save_of(op);
    if (result < 0) {
        fail(save, "Failed opening the temp RDB file", save->temporary, result);
        report(t, save);
        return;
    }
    save->fd = (int)result;
    save->opened(t, save);
}

void save_open(struct thread *t, struct save *save, const char *path) {
    ASSERT(save->opened && save->done);
    save->sink = (struct dump_sink){.take = take, .end = end};
    save->first = NULL;
    save->chunk = NULL;
    save->offset = save->synced = 0;
    save->fd = -1;
    save->busy = save->range_busy = save->ended = save->failed = false;
    const char *slash = strrchr(path, '/');
    int before = slash ? (int)(slash - path) + 1 : 0;
    snprintf(save->path, sizeof save->path, "%s", path);
    snprintf(save->directory, sizeof save->directory, "%.*s", before ? before : 1, before ? path : ".");
    snprintf(save->temporary, sizeof save->temporary, "%.*stemp-%d.rdb", before, path, (int)getpid());
    save->op.done = opened;
    file_open(t, &save->op, save->temporary, O_WRONLY | O_CREAT | O_TRUNC, FILE_MODE);
}
