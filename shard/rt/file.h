/* file.h: files through a thread's ring: open, read, write, sync, rename, remove, each with a function that is
 * called when it is done.
 *
 * An operation belongs to its caller and lies inside a thing of his; from the call until its `done` runs (on
 * the same thread, in the walk over its completions) it must stay where it is, as must the path or the
 * bytes. `done` may begin the same operation anew. Reads and writes go on until all bytes have been moved, the
 * file ends, or an error comes. Nothing here orders operations: whoever needs one after another begins it when
 * the other is done.
 *
 * Faults: a test makes operations of one kind fail, or wait, from any thread (DEBUG); without one this costs
 * a relaxed load for each operation.
 */
#ifndef GYRE_RT_FILE_H
#define GYRE_RT_FILE_H

#include "shard/rt/thread.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum file_kind {
    FILE_OPEN,
    FILE_READ,
    FILE_WRITE,
    FILE_SYNC,
    FILE_SYNC_RANGE,
    FILE_RENAME,
    FILE_REMOVE,
    FILE_MAKE_DIRECTORY,
    FILE_KINDS
};

struct file_operation;
/* result: the descriptor, the bytes moved, or 0; -errno for an error. */
typedef void file_done(struct thread *t, struct file_operation *op, int64_t result);

struct file_operation {
    file_done *done;
    /* The rest is file.c's. */
    enum file_kind kind;
    int fd;
    char *bytes;
    size_t n, moved;
    uint64_t offset;
    struct ring_pieces pieces; /* of a write of several; else there are 0 */
    int64_t fault;             /* what it is to result in, instead of being done */
    struct file_operation *next;
};

/* All on the running thread, which has a ring. `flags` and `mode` as of open(2); O_CLOEXEC is added. */
void file_open(struct thread *t, struct file_operation *op, const char *path, int flags, unsigned mode);
void file_read(struct thread *t, struct file_operation *op, int fd, void *to, size_t n, uint64_t offset);
void file_write(struct thread *t, struct file_operation *op, int fd, const void *from, size_t n,
                uint64_t offset);
/* Writes several pieces; what it says may be less than all of them. One that is durable ends when the bytes
 * it says it wrote are on the disk; after an error nothing is known of them, and they are to be written again,
 * in place. */
void file_write_pieces(struct thread *t, struct file_operation *op, int fd, const struct ring_pieces *what);
void file_sync(struct thread *t, struct file_operation *op, int fd, bool data_only);
/* Has the kernel write this range out in the background, so that a later sync has little left to do. */
void file_sync_range(struct thread *t, struct file_operation *op, int fd, uint64_t offset, uint32_t n);
void file_rename(struct thread *t, struct file_operation *op, const char *from, const char *to);
void file_remove(struct thread *t, struct file_operation *op, const char *path);
void file_make_directory(struct thread *t, struct file_operation *op, const char *path, unsigned mode);
/* The size of an open file in bytes; 0 where that is not known. Asked for at once: the kernel has it. */
uint64_t file_size(int fd);
/* Closes without anybody being told. */
void file_close(struct thread *t, int fd);

/* Whether a completion was of a file operation; then it has been dealt with. */
bool file_completion(struct thread *t, const struct completion *done);

/* From now on, after `after` more of them, operations of this kind (a durable write is also a sync) fail with `error` (an errno; for a write
 * ENOSPC is a disk that is full), until file_heal. `error` 0: they wait until then, as on a disk that hangs. */
void file_fault(enum file_kind kind, unsigned after, int error);
void file_heal(void);
/* The kind with this name ("write"), or FILE_KINDS. */
enum file_kind file_kind_named(const char *name);
/* Lets operations that wait go on, once healed. The thread that began them calls it now and then. */
void file_resume_waiting(struct thread *t);

#endif
