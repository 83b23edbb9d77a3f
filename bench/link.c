/* link.c: see link.h. */
#include "bench/link.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void link_make(struct link *l, uint32_t index, const struct link_shape *shape) {
    ASSERT(shape->depth > 0);
    uint32_t slots = 1;
    while (slots < shape->depth) slots *= 2;
    const size_t half = (size_t)shape->depth * shape->request_max + GREETING_MAX;
    memset(l, 0, sizeof *l);
    l->fd = -1;
    l->index = index;
    l->state = LINK_CLOSED;
    l->waiting = mem_zalloc(slots * sizeof *l->waiting);
    l->mask = slots - 1;
    l->keys_each = shape->keys_each;
    if (shape->keys_each) l->keys = mem_zalloc((size_t)slots * shape->keys_each * sizeof *l->keys);
    for (unsigned i = 0; i < 2; i++) l->half[i] = mem_alloc(half);
    reply_start(&l->parser);
}

void link_free(struct link *l) {
    if (l->fd >= 0) close(l->fd);
    mem_free(l->waiting);
    mem_free(l->keys);
    mem_free(l->half[0]);
    mem_free(l->half[1]);
    memset(l, 0, sizeof *l);
    l->fd = -1;
}

bool link_connect(struct link *l, struct ring *ring, struct problem *problem) {
    ASSERT(l->address_at < l->target->addresses.count && l->fd < 0);
    const struct socket_address *address = &l->target->addresses.list[l->address_at];
    l->fd = socket_stream(address);
    if (l->fd == -EMFILE || l->fd == -ENFILE)
        return problem_note(problem,
                            "too few file descriptors for so many clients: raise the limit (ulimit -n)");
    if (l->fd < 0) return problem_note(problem, "no socket: %s", strerror(-l->fd));
    if (address->bytes.ss_family != AF_UNIX) socket_tune(l->fd, 0);
    l->state = LINK_CONNECTING;
    l->sending = true;
    ring_connect(ring, l->fd, (const struct sockaddr *)&address->bytes, address->len,
                 link_tag(LINK_CONNECT, l->index));
    return true;
}

void link_receive(struct link *l, struct ring *ring) {
    l->receiving = true;
    ring_receive(ring, l->fd, link_tag(LINK_RECEIVE, l->index));
}

void link_greet(struct link *l, struct ring *ring, const struct greeting *g, unsigned database) {
    struct buf text = {0};
    l->greetings = greeting_write(g, database, &text);
    ASSERT(text.len <= GREETING_MAX);
    ASSERT(l->greetings > 0);
    l->state = LINK_GREETING;
    memcpy(link_room(l), text.data, text.len);
    l->filled += text.len;
    buf_free(&text);
    link_receive(l, ring);
    link_flush(l, ring);
}

void link_flush(struct link *l, struct ring *ring) {
    if (l->sending || !l->filled || l->fd < 0) return;
    l->in_flight = l->filled;
    l->sent = 0;
    l->sending = true;
    ring_send(ring, l->fd, l->half[l->filling], l->filled, link_tag(LINK_SEND, l->index));
    l->filling ^= 1;
    l->filled = 0;
}

bool link_sent(struct link *l, struct ring *ring, int32_t result) {
    ASSERT(l->sending);
    l->sending = false;
    if (l->fd < 0) return true;
    if (result <= 0) return false;
    l->sent += (size_t)result;
    ASSERT(l->sent <= l->in_flight);
    if (l->sent == l->in_flight) {
        link_flush(l, ring);
        return true;
    }
    l->sending = true;
    ring_send(ring, l->fd, l->half[l->filling ^ 1] + l->sent, l->in_flight - l->sent,
              link_tag(LINK_SEND, l->index));
    return true;
}

void link_close(struct link *l) {
    l->state = LINK_CLOSED;
    if (l->fd < 0) return;
    /* Ends what the ring still holds of the socket; close alone would not. */
    shutdown(l->fd, SHUT_RDWR);
    close(l->fd);
    l->fd = -1;
}
