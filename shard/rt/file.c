/* file.c: see file.h. A completion's tag is the operation's address with FILE_TAG set: the tags of sockets have
 * their kind in the top byte, and user addresses leave it free. */
#include "shard/rt/file.h"

#include "shard/base/assert.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

static const uint64_t FILE_TAG = (uint64_t)1 << 62;

static const char *const kind_names[FILE_KINDS] = {
    [FILE_OPEN] = "open",     [FILE_READ] = "read",
    [FILE_WRITE] = "write",   [FILE_SYNC] = "sync",
    [FILE_RENAME] = "rename", [FILE_SYNC_RANGE] = "sync-range",
    [FILE_REMOVE] = "remove", [FILE_MAKE_DIRECTORY] = "mkdir",
};

/* The one fault of the process. `left` counts down; -1 is no fault. */
static struct {
    _Atomic int64_t left;
    _Atomic int kind, error;
} fault = {.left = -1};

/* Operations of the thread that wait on a disk that hangs. */
static _Thread_local struct file_operation *waiting;

static uint64_t tag_of(const struct file_operation *op) {
    return FILE_TAG | (uint64_t)(uintptr_t)op;
}

static void begin(struct file_operation *op, enum file_kind kind, int fd) {
    ASSERT(op->done);
    op->kind = kind;
    op->fd = fd;
    op->n = op->moved = 0;
    op->pieces.count = 0;
    op->fault = 0;
}

static bool is_of_kind(const struct file_operation *op, int kind) {
    return (int)op->kind == kind || (kind == FILE_SYNC && op->pieces.count && op->pieces.durable);
}

/* Whether a fault takes the operation's place: it then waits, or a request that does nothing brings the error
 * by the usual way. */
static bool is_faulty(struct thread *t, struct file_operation *op) {
    if (LIKELY(atomic_load_explicit(&fault.left, memory_order_relaxed) < 0)) return false;
    if (!is_of_kind(op, atomic_load(&fault.kind))) return false;
    if (atomic_load(&fault.left) > 0 && atomic_fetch_sub(&fault.left, 1) > 0) return false;
    atomic_store(&fault.left, 0);
    op->fault = -atomic_load(&fault.error);
    if (op->fault == 0) {
        op->next = waiting;
        waiting = op;
    } else {
        ring_read(t->ring, -1, NULL, 0, 0, tag_of(op)); /* fails with EBADF at once */
    }
    return true;
}

void file_open(struct thread *t, struct file_operation *op, const char *path, int flags, unsigned mode) {
    begin(op, FILE_OPEN, -1);
    if (is_faulty(t, op)) return;
    ring_open_file(t->ring, path, flags, mode, tag_of(op));
}

/* Begins, or goes on with, a read, write or sync, whose arguments lie in the operation. */
static void move_on(struct thread *t, struct file_operation *op) {
    if (is_faulty(t, op)) return;
    if (op->pieces.count) {
        ring_write_pieces(t->ring, op->fd, &op->pieces, tag_of(op));
        return;
    }
    char *at = op->bytes + op->moved;
    size_t rest = op->n - op->moved;
    switch (op->kind) {
    case FILE_READ: ring_read(t->ring, op->fd, at, rest, op->offset + op->moved, tag_of(op)); break;
    case FILE_WRITE: ring_write(t->ring, op->fd, at, rest, op->offset + op->moved, tag_of(op)); break;
    case FILE_SYNC: ring_sync(t->ring, op->fd, op->n != 0, tag_of(op)); break;
    default: ASSERT(false);
    }
}

static void begin_moving(struct thread *t, struct file_operation *op, char *bytes, size_t n,
                         uint64_t offset) {
    op->bytes = bytes;
    op->n = n;
    op->offset = offset;
    move_on(t, op);
}

void file_read(struct thread *t, struct file_operation *op, int fd, void *to, size_t n, uint64_t offset) {
    begin(op, FILE_READ, fd);
    begin_moving(t, op, to, n, offset);
}

void file_write(struct thread *t, struct file_operation *op, int fd, const void *from, size_t n,
                uint64_t offset) {
    begin(op, FILE_WRITE, fd);
    begin_moving(t, op, (char *)(uintptr_t)from, n, offset);
}

void file_write_pieces(struct thread *t, struct file_operation *op, int fd, const struct ring_pieces *what) {
    ASSERT(what->count > 0);
    begin(op, FILE_WRITE, fd);
    op->pieces = *what;
    move_on(t, op);
}

void file_sync(struct thread *t, struct file_operation *op, int fd, bool data_only) {
    begin(op, FILE_SYNC, fd);
    begin_moving(t, op, NULL, data_only, 0);
}

void file_sync_range(struct thread *t, struct file_operation *op, int fd, uint64_t offset, uint32_t n) {
    begin(op, FILE_SYNC_RANGE, fd);
    if (is_faulty(t, op)) return;
    ring_sync_range(t->ring, fd, offset, n, tag_of(op));
}

void file_rename(struct thread *t, struct file_operation *op, const char *from, const char *to) {
    begin(op, FILE_RENAME, -1);
    if (is_faulty(t, op)) return;
    ring_rename(t->ring, from, to, tag_of(op));
}

void file_remove(struct thread *t, struct file_operation *op, const char *path) {
    begin(op, FILE_REMOVE, -1);
    if (is_faulty(t, op)) return;
    ring_unlink(t->ring, path, tag_of(op));
}

void file_make_directory(struct thread *t, struct file_operation *op, const char *path, unsigned mode) {
    begin(op, FILE_MAKE_DIRECTORY, -1);
    if (is_faulty(t, op)) return;
    ring_make_directory(t->ring, path, mode, tag_of(op));
}

void file_close(struct thread *t, int fd) {
    ASSERT(fd >= 0);
    ring_close_fd(t->ring, fd, 0);
}

uint64_t file_size(int fd) {
    struct stat is;
    return fstat(fd, &is) == 0 && is.st_size > 0 ? (uint64_t)is.st_size : 0;
}

bool file_completion(struct thread *t, const struct completion *done) {
    if (!(done->tag & FILE_TAG)) return false;
    struct file_operation *op = (struct file_operation *)(uintptr_t)(done->tag & ~FILE_TAG);
    int64_t result = done->result;
    if (UNLIKELY(op->fault)) {
        result = op->fault;
    } else if (op->kind == FILE_READ || op->kind == FILE_WRITE) {
        if (result == -EINTR || result == -EAGAIN) {
            move_on(t, op);
            return true;
        }
        if (result > 0) {
            op->moved += (size_t)result;
            if (!op->pieces.count && op->moved < op->n) {
                move_on(t, op);
                return true;
            }
        }
        bool is_short = op->moved < op->n || op->pieces.count;
        if (result == 0 && op->kind == FILE_WRITE && is_short) result = -EIO;
        if (result >= 0) result = (int64_t)op->moved;
    }
    op->done(t, op, result);
    return true;
}

/* ---- faults ---- */

void file_fault(enum file_kind kind, unsigned after, int error) {
    ASSERT(kind < FILE_KINDS && error >= 0);
    atomic_store(&fault.left, -1);
    atomic_store(&fault.kind, (int)kind);
    atomic_store(&fault.error, error);
    atomic_store(&fault.left, (int64_t)after);
}

void file_heal(void) {
    atomic_store(&fault.left, -1);
}

enum file_kind file_kind_named(const char *name) {
    unsigned kind = 0;
    while (kind < FILE_KINDS && strcmp(kind_names[kind], name) != 0) kind++;
    return (enum file_kind)kind;
}

void file_resume_waiting(struct thread *t) {
    if (LIKELY(!waiting) || atomic_load(&fault.left) >= 0) return;
    struct file_operation *op = waiting;
    waiting = NULL;
    while (op) {
        struct file_operation *next = op->next;
        move_on(t, op);
        op = next;
    }
}
