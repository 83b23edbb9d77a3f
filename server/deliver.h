/* deliver.h: telling a client of any thread something that is no reply to it: what monitors see. (What
 * subscribers are sent goes by the thread, not by the client: pubsub.h.)
 *
 * The bytes travel in a message to the client's thread, which appends them to the client's output.
 * Messages of one sender arrive in the order sent, and so do those of two senders of which the second sent
 * after it saw the first send (under the same hold, say). Messages to a client of the sender's own thread
 * go the same way, to keep that order.
 *
 * Bounds: a thread that is busy for long must not gather messages without end. When DELIVER_BYTES_MAX wait
 * for one thread, further ones are dropped, and before it delivers anything else that thread closes all
 * its clients of the role that missed some: a stream with a hole would be worse than none. What waits
 * behind a slow socket is bounded by the client's output limits as any output is.
 *
 * Any worker's thread; slices may be held.
 */
#ifndef GYRE_SERVER_DELIVER_H
#define GYRE_SERVER_DELIVER_H

#include <stddef.h>
#include <stdint.h>

struct client;
struct worker;

enum { DELIVER_BYTES_MAX = 64 << 20 };

/* Who is to get it. It arrives only at that very client, and only if it still has all flags of its role
 * (such as CLIENT_MONITOR). */
struct deliver_target {
    unsigned worker;
    uint32_t slot;
    uint32_t role; /* flags, not 0 */
    uint64_t id;
};

struct deliver_target deliver_target_of(const struct client *c, uint32_t role);
/* Copies `n` bytes of complete protocol to the target's output. */
void deliver_bytes(struct worker *from, const struct deliver_target *target, const void *bytes, size_t n);

#endif
