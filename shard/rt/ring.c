/* ring.c: ring.h on the real io_uring, by liburing 2.3.
 *
 * Completions are copied out of the kernel's queue in ring_turn and walked afterwards: what handles one may
 * queue new requests, but nothing completes in between. The kernel's queue is larger than the copy; what
 * does not fit stays there for the next turn.
 *
 * Doorbells: a thread with a ring rings by MSG_RING, in the same system call as its other requests; one
 * without writes to the target's eventfd, on which every ring keeps a multishot poll.
 */
#include "shard/rt/ring.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    COMPLETIONS_PER_ENTRY = 4,
    ENTRIES_MIN = 256, /* of a ring in little lockable memory */
    COLLECT_MAX = 2048,
    BUFFER_GROUP = 1,
    SEND_MAX = 1 << 30, /* a request's length has 32 bits; the rest goes with the next send */
    FILE_MAX = 1 << 30, /* the same of a read or write */
};

/* Tags of the ring's own requests; no caller's tag has the top bit set. */
static const uint64_t TAG_DOORBELL = ~(uint64_t)0, TAG_EVENT = ~(uint64_t)1, TAG_IGNORE = ~(uint64_t)2;

struct ring {
    struct io_uring uring;
    struct io_uring_buf_ring *buffer_ring;
    char *buffers;
    unsigned buffers_returned; /* since the kernel was last told */
    int event;
    struct ring_features features;
    unsigned collected, walked;
    struct completion completions[COLLECT_MAX];
};

static unsigned entries_per_ring = RING_ENTRIES;

/* Tells the reasons apart for which a kernel or a container refuses io_uring, and says what to do. */
static void explain_refusal(int error, char *why, size_t cap) {
    char setting[16] = "";
    FILE *f = fopen("/proc/sys/kernel/io_uring_disabled", "re");
    if (f) {
        if (!fgets(setting, sizeof setting, f)) setting[0] = 0;
        fclose(f);
    }
    struct rlimit lock = {0, 0};
    getrlimit(RLIMIT_MEMLOCK, &lock);
    if (error == EPERM && setting[0] && setting[0] != '0')
        snprintf(why, cap,
                 "io_uring is disabled by sysctl kernel.io_uring_disabled=%c: set it to 0 "
                 "(sysctl -w kernel.io_uring_disabled=0), or add this user to kernel.io_uring_group",
                 setting[0]);
    else if (error == EPERM || error == EACCES)
        snprintf(
            why, cap,
            "io_uring is refused by a seccomp filter or security policy (%s): in Docker run with "
            "--security-opt seccomp=unconfined or a profile that allows io_uring_setup, io_uring_enter and "
            "io_uring_register (kernel.io_uring_disabled is %s)",
            strerror(error), setting[0] ? "0" : "not set");
    else if (error == ENOSYS)
        snprintf(
            why, cap,
            "io_uring does not exist here (ENOSYS): this needs Linux 6.1 or later, and no seccomp filter "
            "that hides io_uring_setup (Docker: --security-opt seccomp=unconfined; gVisor has none)");
    else if (error == EINVAL)
        snprintf(why, cap,
                 "this kernel's io_uring lacks SINGLE_ISSUER or DEFER_TASKRUN: Linux 6.1 or later is needed");
    else if (error == ENOMEM)
        snprintf(why, cap,
                 "not enough lockable memory for io_uring (RLIMIT_MEMLOCK is %llu bytes): raise it "
                 "(ulimit -l unlimited, or LimitMEMLOCK=infinity in the unit)",
                 (unsigned long long)lock.rlim_cur);
    else
        snprintf(why, cap, "io_uring could not be set up: %s", strerror(error));
}

static bool set_up_buffers(struct ring *r, char *why, size_t cap) {
    size_t bytes = (size_t)RING_BUFFERS * RING_BUFFER_BYTES;
    size_t head = RING_BUFFERS * sizeof(struct io_uring_buf);
    char *memory = mmap(NULL, bytes + head, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        snprintf(why, cap, "no memory for the receive buffers: %s", strerror(errno));
        return false;
    }
    r->buffers = memory;
    r->buffer_ring = (struct io_uring_buf_ring *)(void *)(memory + bytes);
    struct io_uring_buf_reg reg = {
        .ring_addr = (uintptr_t)r->buffer_ring, .ring_entries = RING_BUFFERS, .bgid = BUFFER_GROUP};
    int error = io_uring_register_buf_ring(&r->uring, &reg, 0);
    if (error) {
        snprintf(why, cap, "io_uring has no provided-buffer rings here (%s): Linux 6.1 or later is needed",
                 strerror(-error));
        return false;
    }
    io_uring_buf_ring_init(r->buffer_ring);
    for (int i = 0; i < RING_BUFFERS; i++) ring_buffer_return(r, i);
    r->features.buffer_ring = true;
    return true;
}

static struct io_uring_sqe *next_sqe(struct ring *r, uint64_t tag) {
    struct io_uring_sqe *sqe = io_uring_get_sqe(&r->uring);
    if (UNLIKELY(!sqe)) {
        io_uring_submit(&r->uring);
        sqe = io_uring_get_sqe(&r->uring);
        ASSERT(sqe);
    }
    io_uring_sqe_set_data64(sqe, tag);
    return sqe;
}

/* liburing's prep functions clear the tag's neighbours but not the tag; they must come before it is set. */
#define PREPARE(r, tag, prep, ...)                                                                           \
    struct io_uring_sqe *sqe = next_sqe((r), (tag));                                                         \
    prep(sqe, __VA_ARGS__);                                                                                  \
    io_uring_sqe_set_data64(sqe, (tag))

static void arm_event(struct ring *r) {
    PREPARE(r, TAG_EVENT, io_uring_prep_poll_multishot, r->event, POLLIN);
}

static void probe_features(struct ring *r) {
    struct io_uring_probe *probe = io_uring_get_probe_ring(&r->uring);
    r->features.single_issuer = r->features.defer_taskrun = true;
    if (!probe) return;
    r->features.multishot_accept = io_uring_opcode_supported(probe, IORING_OP_ACCEPT);
    r->features.multishot_receive =
        io_uring_opcode_supported(probe, IORING_OP_SEND_ZC); /* came with 6.0, as it did */
    r->features.msg_ring = io_uring_opcode_supported(probe, IORING_OP_MSG_RING);
    r->features.send_zero_copy = io_uring_opcode_supported(probe, IORING_OP_SEND_ZC);
    io_uring_free_probe(probe);
}

void ring_fit_memory(unsigned rings, uint64_t lockable_bytes) {
    const uint64_t entry_bytes =
        sizeof(struct io_uring_sqe) + sizeof(uint32_t) + COMPLETIONS_PER_ENTRY * sizeof(struct io_uring_cqe);
    const uint64_t share = lockable_bytes / 2 / (rings ? rings : 1);
    entries_per_ring = RING_ENTRIES;
    while (entries_per_ring > ENTRIES_MIN && entries_per_ring * entry_bytes > share) entries_per_ring /= 2;
}

static int set_up(struct io_uring *uring, unsigned entries) {
    struct io_uring_params params = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN |
                 IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
        .cq_entries = COMPLETIONS_PER_ENTRY * entries,
    };
    return io_uring_queue_init_params(entries, uring, &params);
}

struct ring *ring_open(bool receive, char *why, size_t why_cap) {
    struct ring *r = mem_zalloc(sizeof *r);
    r->event = -1;
    unsigned entries = entries_per_ring;
    int error = set_up(&r->uring, entries);
    while (error == -ENOMEM && entries > ENTRIES_MIN) error = set_up(&r->uring, entries /= 2);
    if (error) {
        explain_refusal(-error, why, why_cap);
        mem_free(r);
        return NULL;
    }
    probe_features(r);
    if (receive && !set_up_buffers(r, why, why_cap)) {
        ring_close(r);
        return NULL;
    }
    r->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (r->event < 0) {
        snprintf(why, why_cap, "no eventfd: %s", strerror(errno));
        ring_close(r);
        return NULL;
    }
    io_uring_register_ring_fd(&r->uring); /* saves a descriptor lookup per turn; harmless where refused */
    arm_event(r);
    return r;
}

void ring_close(struct ring *r) {
    io_uring_queue_exit(&r->uring);
    if (r->buffers)
        munmap(r->buffers, (size_t)RING_BUFFERS * (RING_BUFFER_BYTES + sizeof(struct io_uring_buf)));
    if (r->event >= 0) close(r->event);
    mem_free(r);
}

struct ring_features ring_features(const struct ring *r) {
    return r->features;
}

static void publish_buffers(struct ring *r) {
    if (!r->buffers_returned) return;
    io_uring_buf_ring_advance(r->buffer_ring, (int)r->buffers_returned);
    r->buffers_returned = 0;
}

/* The doorbell and other requests of the ring's own; true if `cqe` was one. */
static bool handle_own(struct ring *r, const struct io_uring_cqe *cqe) {
    uint64_t tag = cqe->user_data;
    if (LIKELY(tag < TAG_IGNORE)) return false;
    if (tag == TAG_EVENT) {
        uint64_t count;
        if (read(r->event, &count, sizeof count) < 0) count = 0; /* another poll completion has read it */
        if (!(cqe->flags & IORING_CQE_F_MORE)) arm_event(r);
    }
    return true;
}

static unsigned collect(struct ring *r) {
    unsigned head, seen = 0;
    struct io_uring_cqe *cqe;
    r->collected = r->walked = 0;
    io_uring_for_each_cqe(&r->uring, head, cqe) {
        if (r->collected == COLLECT_MAX) break;
        seen++;
        if (handle_own(r, cqe)) continue;
        r->completions[r->collected++] = (struct completion){
            .tag = cqe->user_data,
            .result = cqe->res,
            .buffer =
                cqe->flags & IORING_CQE_F_BUFFER ? (int32_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT) : -1,
            .more = cqe->flags & IORING_CQE_F_MORE,
        };
    }
    io_uring_cq_advance(&r->uring, seen);
    return r->collected;
}

unsigned ring_turn(struct ring *r, uint64_t wait_ns) {
    ASSERT(r->walked == r->collected);
    if (r->buffer_ring) publish_buffers(r);
    if (wait_ns == 0 || io_uring_cq_ready(&r->uring)) {
        io_uring_submit_and_get_events(&r->uring);
    } else if (wait_ns == UINT64_MAX) {
        io_uring_submit_and_wait(&r->uring, 1);
    } else {
        struct __kernel_timespec ts = {.tv_sec = (int64_t)(wait_ns / 1000000000u),
                                       .tv_nsec = (long long)(wait_ns % 1000000000u)};
        struct io_uring_cqe *cqe;
        io_uring_submit_and_wait_timeout(&r->uring, &cqe, 1, &ts, NULL);
    }
    return collect(r);
}

const struct completion *ring_next(struct ring *r) {
    return r->walked < r->collected ? &r->completions[r->walked++] : NULL;
}

void ring_accept(struct ring *r, int listener, uint64_t tag) {
    PREPARE(r, tag, io_uring_prep_multishot_accept, listener, NULL, NULL, SOCK_CLOEXEC);
}

void ring_receive(struct ring *r, int fd, uint64_t tag) {
    PREPARE(r, tag, io_uring_prep_recv_multishot, fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = BUFFER_GROUP;
}

void ring_connect(struct ring *r, int fd, const struct sockaddr *address, socklen_t len, uint64_t tag) {
    PREPARE(r, tag, io_uring_prep_connect, fd, address, len);
}

void ring_send(struct ring *r, int fd, const void *bytes, size_t n, uint64_t tag) {
    if (n > SEND_MAX) n = SEND_MAX;
    PREPARE(r, tag, io_uring_prep_send, fd, bytes, n, MSG_WAITALL | MSG_NOSIGNAL);
}

void ring_send_message(struct ring *r, int fd, const struct msghdr *message, uint64_t tag) {
    PREPARE(r, tag, io_uring_prep_sendmsg, fd, message, MSG_WAITALL | MSG_NOSIGNAL);
}

void ring_cancel(struct ring *r, uint64_t target_tag, uint64_t tag) {
    PREPARE(r, tag, io_uring_prep_cancel64, target_tag, 0);
}

void ring_shutdown(struct ring *r, int fd, uint64_t tag) {
    PREPARE(r, tag, io_uring_prep_shutdown, fd, SHUT_RDWR);
}

void ring_close_fd(struct ring *r, int fd, uint64_t tag) {
    PREPARE(r, tag, io_uring_prep_close, fd);
}

void ring_open_file(struct ring *r, const char *path, int flags, unsigned mode, uint64_t tag) {
    PREPARE(r, tag, io_uring_prep_openat, AT_FDCWD, path, flags | O_CLOEXEC, mode);
}

void ring_read(struct ring *r, int fd, void *to, size_t n, uint64_t offset, uint64_t tag) {
    PREPARE(r, tag, io_uring_prep_read, fd, to, (unsigned)(n > FILE_MAX ? FILE_MAX : n), offset);
}

void ring_write(struct ring *r, int fd, const void *from, size_t n, uint64_t offset, uint64_t tag) {
    PREPARE(r, tag, io_uring_prep_write, fd, from, (unsigned)(n > FILE_MAX ? FILE_MAX : n), offset);
}

void ring_write_pieces(struct ring *r, int fd, const struct ring_pieces *what, uint64_t tag) {
    ASSERT(what->count > 0 && what->count <= IOV_MAX);
    PREPARE(r, tag, io_uring_prep_writev2, fd, what->pieces, what->count, what->offset,
            what->durable ? RWF_DSYNC : 0);
}

void ring_sync(struct ring *r, int fd, bool data_only, uint64_t tag) {
    PREPARE(r, tag, io_uring_prep_fsync, fd, data_only ? IORING_FSYNC_DATASYNC : 0);
}

void ring_sync_range(struct ring *r, int fd, uint64_t offset, uint32_t n, uint64_t tag) {
    PREPARE(r, tag, io_uring_prep_sync_file_range, fd, n, offset,
            SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE);
}

void ring_rename(struct ring *r, const char *from, const char *to, uint64_t tag) {
    PREPARE(r, tag, io_uring_prep_renameat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

void ring_unlink(struct ring *r, const char *path, uint64_t tag) {
    PREPARE(r, tag, io_uring_prep_unlinkat, AT_FDCWD, path, 0);
}

void ring_make_directory(struct ring *r, const char *path, unsigned mode, uint64_t tag) {
    PREPARE(r, tag, io_uring_prep_mkdirat, AT_FDCWD, path, mode);
}

void *ring_buffer(struct ring *r, int buffer) {
    ASSERT(buffer >= 0 && buffer < RING_BUFFERS);
    return r->buffers + (size_t)buffer * RING_BUFFER_BYTES;
}

void ring_buffer_return(struct ring *r, int buffer) {
    io_uring_buf_ring_add(r->buffer_ring, ring_buffer(r, buffer), RING_BUFFER_BYTES, (unsigned short)buffer,
                          io_uring_buf_ring_mask(RING_BUFFERS), (int)r->buffers_returned++);
}

void ring_wake(struct ring *r, struct ring *target) {
    PREPARE(r, TAG_IGNORE, io_uring_prep_msg_ring, target->uring.ring_fd, 0, TAG_DOORBELL, 0);
    io_uring_sqe_set_flags(sqe, IOSQE_CQE_SKIP_SUCCESS);
}

void ring_wake_from_outside(struct ring *target) {
    uint64_t one = 1;
    while (write(target->event, &one, sizeof one) < 0 && errno == EINTR) {
    }
}
