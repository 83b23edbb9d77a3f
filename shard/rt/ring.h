/* ring.h: a thread's io_uring, the only door to sockets and files. ring.c is the only file that includes
 * liburing.
 *
 * One ring belongs to one thread: created, used and closed there (SINGLE_ISSUER, DEFER_TASKRUN). Requests
 * are queued by the ring_* functions and reach the kernel in ring_turn, which also collects completions into
 * an array of the ring's own: the caller then walks it with ring_next at its own pace, so no request
 * completes in the middle of another's handling.
 *
 * Every request carries a 64-bit tag that comes back with each of its completions. A multishot request is
 * over when a completion has no `more`; the caller re-arms it. Cancelling is asynchronous: whatever a
 * request refers to stays alive until its last completion has been seen.
 *
 * Receive buffers form a ring of RING_BUFFERS buffers of RING_BUFFER_BYTES, lent by the kernel with a
 * completion and given back by ring_buffer_return.
 */
#ifndef GYRE_RT_RING_H
#define GYRE_RT_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

struct ring;

enum { RING_BUFFERS = 256, RING_BUFFER_BYTES = 16384, RING_ENTRIES = 4096 };

struct completion {
    uint64_t tag;
    int32_t result; /* as the system call would return; -errno for an error */
    int32_t buffer; /* receive buffer lent with it, or -1 */
    bool more;      /* the request goes on: another completion will come */
};

/* What the kernel under us offers; the same for all rings of a process. */
struct ring_features {
    bool single_issuer, defer_taskrun, multishot_accept, multishot_receive, buffer_ring, msg_ring,
        send_zero_copy;
};

/* Chooses the size of the rings opened from now on, so that `rings` of them fit in half of the memory that the
 * process may lock (RLIMIT_MEMLOCK counts rings unless the process is privileged; other processes of the user
 * count too). A smaller ring makes a busy turn of thousands of requests take several system calls, no more.
 * Before threads start; without it they have RING_ENTRIES. */
void ring_fit_memory(unsigned rings, uint64_t lockable_bytes);

/* Opens a ring on the calling thread. Returns NULL on failure with a one-line cause and remedy in `why`
 * (why_cap bytes): the seccomp, sysctl, locked-memory and kernel-version cases are told apart. `receive`
 * says whether the thread needs the receive buffers. */
struct ring *ring_open(bool receive, char *why, size_t why_cap);
void ring_close(struct ring *r);
struct ring_features ring_features(const struct ring *r);

/* Submits what is queued, waits until a completion or a doorbell comes or wait_ns has passed (0: does not
 * wait, UINT64_MAX: no limit), and collects completions. Returns how many there are to walk. */
unsigned ring_turn(struct ring *r, uint64_t wait_ns);
/* The next collected completion, or NULL when all have been walked. Valid until the next ring_turn. */
const struct completion *ring_next(struct ring *r);

void ring_accept(struct ring *r, int listener, uint64_t tag); /* multishot; result is the new descriptor */
void ring_receive(struct ring *r, int fd, uint64_t tag);      /* multishot, into lent buffers */
/* Connects a socket; result 0 or -errno. The address stays valid until the completion. */
void ring_connect(struct ring *r, int fd, const struct sockaddr *address, socklen_t len, uint64_t tag);
/* At most a GiB goes with one request; the result says how much did. */
void ring_send(struct ring *r, int fd, const void *bytes, size_t n, uint64_t tag);
void ring_send_message(struct ring *r, int fd, const struct msghdr *message,
                       uint64_t tag); /* message stays valid */
void ring_cancel(struct ring *r, uint64_t target_tag,
                 uint64_t tag); /* cancels the request that carries target_tag */
void ring_shutdown(struct ring *r, int fd, uint64_t tag);
void ring_close_fd(struct ring *r, int fd, uint64_t tag);

/* Files. Paths and bytes stay valid until the completion; file.h is what others use. A read or write may move
 * less than asked for. */
void ring_open_file(struct ring *r, const char *path, int flags, unsigned mode, uint64_t tag);
void ring_read(struct ring *r, int fd, void *to, size_t n, uint64_t offset, uint64_t tag);
void ring_write(struct ring *r, int fd, const void *from, size_t n, uint64_t offset, uint64_t tag);
/* Several pieces, to lie one behind the other in the file. `durable`: the request ends when they are on the
 * disk, as with a sync of the data of this range (RWF_DSYNC, pwritev2(2)). */
struct ring_pieces {
    const struct iovec *pieces; /* they and the array stay valid until the completion */
    unsigned count;
    bool durable;
    uint64_t offset;
};
void ring_write_pieces(struct ring *r, int fd, const struct ring_pieces *what, uint64_t tag);
void ring_sync(struct ring *r, int fd, bool data_only, uint64_t tag);
/* Has the kernel begin to write this range of a file to the disk, and waits for what it began before. */
void ring_sync_range(struct ring *r, int fd, uint64_t offset, uint32_t n, uint64_t tag);
void ring_rename(struct ring *r, const char *from, const char *to, uint64_t tag);
void ring_unlink(struct ring *r, const char *path, uint64_t tag);
void ring_make_directory(struct ring *r, const char *path, unsigned mode, uint64_t tag);

void *ring_buffer(struct ring *r, int buffer);
void ring_buffer_return(struct ring *r, int buffer);

/* Wakes the thread that waits in ring_turn of `target`: any thread that has a ring calls this with its own.
 * The doorbell is not a completion: the other's ring_turn just returns. Queued like any request. */
void ring_wake(struct ring *r, struct ring *target);
/* The same from a thread that has no ring (the main thread's signal loop). */
void ring_wake_from_outside(struct ring *target);

#endif
