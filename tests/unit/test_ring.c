/* test_ring.c: the ring on socket pairs: receiving into lent buffers, sending, accepting, cancelling,
 * closing, waking. */
#include "shard/rt/ring.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shard/base/mem.h"
#include "shard/rt/clock.h"

enum { A_SECOND_NS = 1000000000, TAG = 77, OTHER_TAG = 78 };

static struct ring *ring;
static int near, far; /* a socket pair: the ring has the near end */

static void setup(void) {
    char why[512];
    int pair[2];
    clock_init();
    ring = ring_open(true, why, sizeof why);
    cr_assert(ring, "%s", why);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    near = pair[0];
    far = pair[1];
}

static void finish(void) {
    ring_close(ring);
    close(far);
}

TestSuite(ring, .init = setup, .fini = finish, .timeout = 60);

/* The next completion; fails when none comes. */
static struct completion next(void) {
    const struct completion *c = ring_next(ring);
    for (int i = 0; i < 20 && !c; i++) {
        ring_turn(ring, A_SECOND_NS);
        c = ring_next(ring);
    }
    cr_assert(c, "no completion");
    return *c;
}

static bool nothing_comes(void) {
    ring_turn(ring, A_SECOND_NS / 100);
    return ring_next(ring) == NULL;
}

static void say(const char *text) {
    cr_assert_eq(send(far, text, strlen(text), 0), (ssize_t)strlen(text));
}

static void expect_received(struct completion c, const char *text) {
    cr_assert_eq(c.tag, TAG);
    cr_assert_eq(c.result, (int)strlen(text), "%d", c.result);
    cr_assert_geq(c.buffer, 0);
    cr_assert_eq(memcmp(ring_buffer(ring, c.buffer), text, strlen(text)), 0);
}

Test(ring, says_what_the_kernel_offers) {
    struct ring_features f = ring_features(ring);
    cr_assert(f.single_issuer && f.defer_taskrun && f.multishot_receive && f.buffer_ring && f.msg_ring);
}

Test(ring, waits_no_longer_than_it_is_told) {
    uint64_t before = clock_mono_ns();
    cr_assert_eq(ring_turn(ring, 0), 0);
    cr_assert_eq(ring_turn(ring, 20000000), 0);
    uint64_t waited = clock_mono_ns() - before;
    cr_assert_geq(waited, 19000000);
    cr_assert_lt(waited, (uint64_t)10 * A_SECOND_NS);
}

Test(ring, one_receive_brings_all_that_comes) {
    ring_receive(ring, near, TAG);
    cr_assert(nothing_comes());
    say("one");
    struct completion first = next();
    expect_received(first, "one");
    cr_assert(first.more);
    say("two");
    struct completion second = next();
    expect_received(second, "two");
    cr_assert(second.more);
    cr_assert_neq(first.buffer, second.buffer, "the first was not given back yet");
    expect_received(first, "one");
    ring_buffer_return(ring, first.buffer);
    ring_buffer_return(ring, second.buffer);
    shutdown(far, SHUT_WR);
    struct completion end = next();
    cr_assert_eq(end.tag, TAG);
    cr_assert_eq(end.result, 0);
    cr_assert_not(end.more);
}

/* Without buffers the receive ends; with buffers given back it can be begun again and misses nothing. */
Test(ring, receiving_stops_for_want_of_buffers_and_goes_on) {
    int buffers[RING_BUFFERS + 1], count = 0;
    ring_receive(ring, near, TAG);
    ring_turn(ring, 0);
    struct completion c;
    for (unsigned i = 0;; i++) {
        cr_assert_leq(i, RING_BUFFERS, "there are no more buffers than that");
        char text[16];
        snprintf(text, sizeof text, "%u", i);
        say(text);
        c = next();
        if (c.result == -ENOBUFS) break;
        expect_received(c, text);
        buffers[count++] = c.buffer;
    }
    cr_assert_eq(count, RING_BUFFERS);
    cr_assert_not(c.more);
    cr_assert_eq(c.buffer, -1);
    bool seen[RING_BUFFERS] = {false};
    for (int i = 0; i < count; i++) {
        cr_assert_not(seen[buffers[i]], "a buffer was lent twice");
        seen[buffers[i]] = true;
        ring_buffer_return(ring, buffers[i]);
    }
    ring_receive(ring, near, TAG);
    expect_received(next(), "256");
}

Test(ring, sends) {
    char got[16];
    ring_send(ring, near, "hello", 5, TAG);
    struct completion c = next();
    cr_assert_eq(c.tag, TAG);
    cr_assert_eq(c.result, 5);
    cr_assert_eq(c.buffer, -1);
    cr_assert_not(c.more);
    cr_assert_eq(recv(far, got, sizeof got, MSG_DONTWAIT), 5);
    cr_assert_eq(memcmp(got, "hello", 5), 0);
}

Test(ring, sends_a_vector) {
    char got[16];
    struct iovec pieces[] = {{"ab", 2}, {"", 0}, {"cde", 3}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 3};
    ring_send_message(ring, near, &message, TAG);
    cr_assert_eq(next().result, 5);
    cr_assert_eq(recv(far, got, sizeof got, MSG_DONTWAIT), 5);
    cr_assert_eq(memcmp(got, "abcde", 5), 0);
}

static void *drain(void *arg) {
    size_t *total = arg;
    char bytes[65536];
    for (ssize_t n; (n = recv(far, bytes, sizeof bytes, 0)) > 0;) *total += (size_t)n;
    return NULL;
}

/* More than the socket takes at once is one request all the same. */
Test(ring, sends_all_of_a_large_piece) {
    enum { BYTES = 8 << 20 };
    char *bytes = mem_zalloc(BYTES);
    size_t total = 0;
    pthread_t thread;
    pthread_create(&thread, NULL, drain, &total);
    ring_send(ring, near, bytes, BYTES, TAG);
    cr_assert_eq(next().result, (int)BYTES);
    ring_shutdown(ring, near, OTHER_TAG);
    cr_assert_eq(next().tag, OTHER_TAG);
    pthread_join(thread, NULL);
    cr_assert_eq(total, BYTES);
    mem_free(bytes);
}

Test(ring, sending_to_nobody_is_an_error_and_no_signal) {
    close(far);
    far = -1;
    ring_send(ring, near, "x", 1, TAG);
    cr_assert_eq(next().result, -EPIPE);
}

Test(ring, cancelling_ends_what_waits) {
    ring_receive(ring, near, TAG);
    cr_assert(nothing_comes());
    ring_cancel(ring, TAG, OTHER_TAG);
    struct completion one = next(), two = next();
    struct completion received = one.tag == TAG ? one : two, cancelled = one.tag == TAG ? two : one;
    cr_assert_eq(received.tag, TAG);
    cr_assert_eq(received.result, -ECANCELED);
    cr_assert_not(received.more);
    cr_assert_eq(cancelled.tag, OTHER_TAG);
    cr_assert_eq(cancelled.result, 0);
    ring_cancel(ring, TAG, OTHER_TAG);
    cr_assert_eq(next().result, -ENOENT, "there is nothing left to cancel");
}

Test(ring, closes) {
    char byte;
    ring_close_fd(ring, near, TAG);
    cr_assert_eq(next().result, 0);
    cr_assert_eq(recv(far, &byte, 1, 0), 0);
    ring_close_fd(ring, near, TAG);
    cr_assert_eq(next().result, -EBADF);
}

Test(ring, accepts_again_and_again) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&address, len), 0);
    cr_assert_eq(listen(listener, 8), 0);
    getsockname(listener, (struct sockaddr *)&address, &len);
    ring_accept(ring, listener, TAG);
    for (int i = 0; i < 3; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        ring_turn(ring, 0);
        cr_assert_eq(connect(fd, (struct sockaddr *)&address, len), 0);
        struct completion c = next();
        cr_assert_eq(c.tag, TAG);
        cr_assert_gt(c.result, 0);
        cr_assert(c.more);
        close(c.result);
        close(fd);
    }
    close(listener);
}

/* More requests than the submission queue has entries, and their completions, which are more than one walk
 * takes. */
Test(ring, queues_take_more_than_fits_in_them) {
    enum { REQUESTS = 3 * RING_ENTRIES };
    static bool seen[REQUESTS];
    for (unsigned i = 0; i < REQUESTS; i++) ring_close_fd(ring, 1000000, i);
    for (unsigned i = 0; i < REQUESTS; i++) {
        struct completion c = next();
        cr_assert_eq(c.result, -EBADF);
        cr_assert_lt(c.tag, REQUESTS);
        cr_assert_not(seen[c.tag]);
        seen[c.tag] = true;
    }
    cr_assert(nothing_comes());
}

/* ---- waking ---- */

struct sleeper {
    struct ring *ring;
    _Atomic bool ready, may_close;
    _Atomic unsigned turns;
    unsigned completions;
};

static void *sleep_five_times(void *arg) {
    struct sleeper *s = arg;
    char why[512];
    s->ring = ring_open(false, why, sizeof why);
    cr_assert(s->ring, "%s", why);
    atomic_store(&s->ready, true);
    for (int i = 0; i < 5; i++) {
        s->completions += ring_turn(s->ring, UINT64_MAX);
        atomic_fetch_add(&s->turns, 1);
    }
    while (!atomic_load(&s->may_close)) usleep(100);
    ring_close(s->ring);
    return NULL;
}

static void wake_five_times(void (*wake)(struct ring *target)) {
    struct sleeper s = {0};
    pthread_t thread;
    pthread_create(&thread, NULL, sleep_five_times, &s);
    while (!atomic_load(&s.ready)) usleep(100);
    for (unsigned i = 0; i < 5; i++) {
        usleep(5000);
        cr_assert_eq(atomic_load(&s.turns), i, "it sleeps until it is woken");
        wake(s.ring);
        for (int k = 0; k < 20000 && atomic_load(&s.turns) == i; k++) usleep(1000);
        cr_assert_eq(atomic_load(&s.turns), i + 1);
    }
    atomic_store(&s.may_close, true);
    pthread_join(thread, NULL);
    cr_assert_eq(s.completions, 0, "a doorbell is no completion");
}

static void wake_by_ring(struct ring *target) {
    ring_wake(ring, target);
    cr_assert_eq(ring_turn(ring, 0), 0, "nor is it one for the ringer");
}

Test(ring, wakes_another_ring) {
    wake_five_times(wake_by_ring);
}

Test(ring, is_woken_from_outside) {
    wake_five_times(ring_wake_from_outside);
}

Test(ring, wakes_itself_from_outside) {
    ring_wake_from_outside(ring);
    uint64_t before = clock_mono_ns();
    cr_assert_eq(ring_turn(ring, (uint64_t)20 * A_SECOND_NS), 0);
    cr_assert_lt(clock_mono_ns() - before, (uint64_t)10 * A_SECOND_NS);
}
