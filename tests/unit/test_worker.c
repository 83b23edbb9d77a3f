/* test_worker.c: a worker's thread with real sockets, and this thread as another one that gets in its way:
 * how waiting, closing and refusing come together in batch.c, route.c, client.c and output.c.
 *
 * This thread takes part as a thread of the server (with a ring, so that it can wake the worker), holds
 * slices as long as it likes, and speaks to the worker through socket pairs.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config_helper.h"
#include "server/command.h"
#include "server/config.h"
#include "server/worker.h"
#include "shard/base/buf.h"
#include "shard/rt/clock.h"

enum { PATIENCE_MS = 20000, DATABASES = 2 };

static struct thread me = {.index = 1, .name = "outsider"};
static pthread_t worker_thread;
static sem_t started;
static struct worker *w;

static void worker_has_started(struct worker *worker) {
    (void)worker;
    sem_post(&started);
}

static void *run_worker(void *arg) {
    char why[256];
    bool ran = worker_run(arg, worker_has_started, why, sizeof why);
    cr_assert(ran, "%s", why);
    return NULL;
}

static void setup(void) {
    char why[256];
    clock_init();
    slot_init();
    commands_init();
    config_init();
    struct config *config = config_copy(config_get());
    config->enable_debug_command = CONFIG_ACCESS_YES;
    config_publish(config);
    slices_create(1, DATABASES);
    workers_create(1);
    w = worker_by_index(0);
    sem_init(&started, 0, 0);
    cr_assert_eq(pthread_create(&worker_thread, NULL, run_worker, w), 0);
    while (sem_wait(&started) != 0) {
    }
    cr_assert(thread_start(&me, false, why, sizeof why), "%s", why);
}

static void turn(void) {
    thread_turn(&me, 0);
    while (ring_next(me.ring)) {
    }
}

static void finish(void) {
    atomic_store(&w->stop, true);
    worker_poke_from_outside(w);
    pthread_join(worker_thread, NULL);
}

TestSuite(worker, .init = setup, .fini = finish, .timeout = 60);

static bool eventually(bool (*condition)(void)) {
    for (uint64_t end = clock_mono_ms() + PATIENCE_MS; clock_mono_ms() < end; usleep(1000))
        if (condition()) return true;
    return false;
}

/* ---- the worker's side, looked at by its own thread ---- */

struct errand {
    struct message message;
    void (*run)(void);
    sem_t done;
};

static void run_errand(struct thread *to, struct message *message) {
    (void)to;
    struct errand *e = (struct errand *)(void *)message;
    e->run();
    sem_post(&e->done);
}

/* Runs something on the worker's thread and waits for it. */
static void on_worker(void (*run)(void)) {
    struct errand e = {.message = {.deliver = run_errand}, .run = run};
    sem_init(&e.done, 0, 0);
    thread_post_from_outside(&w->thread,
                             &e.message); /* this thread may hold slices, and then takes no turn */
    while (sem_wait(&e.done) != 0) {
    }
}

static struct {
    unsigned clients, waiting;
    size_t raw_capacity, input_bytes;
} seen;

static void look(void) {
    memset(&seen, 0, sizeof seen);
    for (uint32_t i = 0; i < w->clients_capacity; i++) {
        const struct client *c = w->clients[i];
        if (!c) continue;
        seen.clients++;
        if (c->wait != WAIT_NOTHING) seen.waiting++;
        seen.raw_capacity += c->raw.cap;
        seen.input_bytes += atomic_load(&c->input_bytes);
    }
}

static bool somebody_waits(void) {
    on_worker(look);
    return seen.waiting > 0;
}
static bool nobody_waits(void) {
    return !somebody_waits();
}
static bool nobody_is_left(void) {
    on_worker(look);
    return seen.clients == 0;
}

/* ---- clients ---- */

static struct client_origin next_origin;

static void make_client(void) {
    client_create(w, &next_origin);
}

/* A connection to the worker; returns its far end. */
static int connect_client(void) {
    int pair[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    next_origin =
        (struct client_origin){.fd = pair[0], .unix_socket = true, .peer = "test:0", .local = "test:0"};
    atomic_fetch_add(&w->connections, 1);
    on_worker(make_client);
    return pair[1];
}

static void say_bytes(int fd, const void *bytes, size_t n) {
    const char *p = bytes;
    while (n) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        cr_assert_gt(sent, 0, "the worker has hung up");
        p += sent;
        n -= (size_t)sent;
    }
}

static void say(int fd, const char *text) {
    say_bytes(fd, text, strlen(text));
}

static bool can_read(int fd, int wait_ms) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, wait_ms) == 1;
}

/* Reads as much as is expected and compares. */
static void hear(int fd, const char *expected) {
    size_t want = strlen(expected), n = 0;
    char got[4096];
    cr_assert_lt(want, sizeof got);
    while (n < want) {
        cr_assert(can_read(fd, PATIENCE_MS), "silence after '%.*s', expected '%s'", (int)n, got, expected);
        ssize_t more = recv(fd, got + n, want - n, 0);
        cr_assert_gt(more, 0, "hung up after '%.*s', expected '%s'", (int)n, got, expected);
        n += (size_t)more;
    }
    got[n] = 0;
    cr_assert_str_eq(got, expected);
}

static bool is_silent(int fd) {
    return !can_read(fd, 20);
}

static struct slice *slice_of(const char *key) {
    return slice_of_slot(slot_of_key(key, strlen(key)));
}

/* This thread takes a slice, however often the worker has it just then. */
static void take(const char *key) {
    for (int i = 0; i < 1000; i++) {
        if (hold_try(&slice_of(key)->hold, &me)) return;
        usleep(100);
    }
    cr_assert_fail("the slice of %s cannot be had", key);
}

static void let_go(const char *key) {
    hold_release(&slice_of(key)->hold, &me);
    turn();
}

/* Like thread_turn, but with a slice held, which a thread of the server may not: the doorbell alone. */
static void poke(void) {
    atomic_store(&w->thread.wake, true);
    ring_wake_from_outside(w->thread.ring);
}

static void wait_for_parks(uint64_t parks) {
    for (int i = 0; i < PATIENCE_MS && count_get(&w->statistics.parks) < parks; i++) usleep(1000);
    cr_assert_geq(count_get(&w->statistics.parks), parks);
}

/* ---- order ---- */

Test(worker, pipeline_keeps_its_order_across_a_wait) {
    int fd = connect_client(), other = connect_client();
    cr_assert_neq(slice_of("a"), slice_of("b"));
    take("a");
    /* The third waits; the fourth could run, and is cut, so that its end comes while the client waits. */
    say(fd, "SET b 1\r\nGET b\r\nINCR a\r\n*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$1\r");
    wait_for_parks(1);
    hear(fd, "+OK\r\n$1\r\n1\r\n");
    say(fd, "\n2\r\nGET b\r\nINCR a\r\nGET a\r\nPING");
    cr_assert(is_silent(fd));
    say(other, "GET b\r\n");
    hear(other, "$1\r\n1\r\n");
    let_go("a");
    hear(fd, ":1\r\n+OK\r\n$1\r\n2\r\n:2\r\n$1\r\n2\r\n");
    say(fd, "\r\n");
    hear(fd, "+PONG\r\n");
    close(fd);
    close(other);
    cr_assert(eventually(nobody_is_left));
}

Test(worker, bad_bytes_behind_a_waiting_command_are_answered_after_it) {
    int fd = connect_client();
    take("a");
    say(fd, "SET a 1\r\nGET a\r\n*1\r\nbad\r\n");
    wait_for_parks(1);
    cr_assert(is_silent(fd));
    let_go("a");
    hear(fd, "+OK\r\n$1\r\n1\r\n-ERR Protocol error: expected '$', got 'b'\r\n");
    char byte;
    cr_assert(can_read(fd, PATIENCE_MS));
    cr_assert_eq(recv(fd, &byte, 1, 0), 0, "and then it is closed");
    close(fd);
    cr_assert(eventually(nobody_is_left));
}

static size_t wanted_input;

static bool input_has_come(void) {
    on_worker(look);
    return seen.input_bytes >= wanted_input;
}

/* Reads and drops n bytes. */
static void skip(int fd, size_t n) {
    char bytes[4096];
    while (n) {
        cr_assert(can_read(fd, PATIENCE_MS), "%zu bytes are missing", n);
        ssize_t more = recv(fd, bytes, n < sizeof bytes ? n : sizeof bytes, 0);
        cr_assert_gt(more, 0);
        n -= (size_t)more;
    }
}

Test(worker, of_bytes_kept_for_a_waiting_client_what_has_run_is_dropped) {
    enum { ROUNDS = 40, SETS = 2000 };
    int fd = connect_client();
    struct buf sets = {0};
    cr_assert_neq(slice_of("a"), slice_of("b"));
    for (int i = 0; i < SETS; i++) buf_append_text(&sets, "*3\r\n$3\r\nSET\r\n$1\r\nc\r\n$1\r\nx\r\n");
    wanted_input = sets.len;
    /* It always waits for the one slice or the other, so it never comes to the end of what it has sent. */
    take("a");
    say(fd, "GET a\r\n");
    wait_for_parks(1);
    for (int round = 0; round < ROUNDS; round++) {
        const char *now = round % 2 ? "b" : "a", *next = round % 2 ? "a" : "b";
        say_bytes(fd, sets.data, sets.len);
        say(fd, *next == 'a' ? "GET a\r\n" : "GET b\r\n");
        cr_assert(eventually(input_has_come));
        on_worker(look);
        cr_assert_lt(seen.raw_capacity, 8 * sets.len, "in round %d", round);
        take(next);
        hold_release(&slice_of(now)->hold, &me);
        poke();
        skip(fd, strlen("$-1\r\n") + SETS * strlen("+OK\r\n"));
        wait_for_parks((uint64_t)round + 2);
    }
    let_go(ROUNDS % 2 ? "b" : "a");
    hear(fd, "$-1\r\n");
    cr_assert(eventually(nobody_waits));
    cr_assert_eq(seen.raw_capacity, 0, "nothing is kept for a client that does not wait");
    buf_free(&sets);
    close(fd);
    cr_assert(eventually(nobody_is_left));
}

/* ---- holds ---- */

static bool is_reserved(void) {
    poke(); /* each wake is another refusal of the command that waits */
    return atomic_load(&slice_of("a")->hold.word) >> 16 != 0;
}

Test(worker, command_refused_when_it_comes_back_leaves_no_slice_reserved) {
    int fd = connect_client(), other = connect_client();
    take("a");
    say(fd, "MSET a 1 b 2\r\n");
    wait_for_parks(1);
    cr_assert(eventually(is_reserved));
    cr_assert_str_eq(config_test_set("maxmemory", "1", NULL), "");
    let_go("a");
    hear(fd, "-OOM command not allowed when used memory > 'maxmemory'.\r\n");
    say(other, "GET a\r\nGET b\r\n");
    hear(other, "$-1\r\n$-1\r\n");
    for (unsigned i = 0; i < slices.count; i++) cr_assert_eq(atomic_load(&slices.all[i].hold.word) >> 16, 0);
    close(fd);
    close(other);
    cr_assert(eventually(nobody_is_left));
}

Test(worker, long_commands_of_one_slice_do_not_keep_it_from_one_to_the_next) {
    enum { COMMANDS = 10, EACH_MS = 60 };
    int fd = connect_client();
    struct buf commands = {0};
    for (int i = 0; i < COMMANDS; i++) buf_append_text(&commands, "DEBUG HOLD a 0.06\r\n");
    say_bytes(fd, commands.data, commands.len);
    struct hold *h = &slice_of("a")->hold;
    while (atomic_load(&h->word) == 0) usleep(100);
    uint64_t began_ms = clock_mono_ms();
    cr_assert_not(hold_park(h, &me));
    while (!atomic_load(&me.wake)) usleep(1000);
    uint64_t waited_ms = clock_mono_ms() - began_ms;
    cr_assert_lt(waited_ms, COMMANDS * EACH_MS / 2, "the first release came after %d ms", (int)waited_ms);
    for (int i = 0; i < COMMANDS; i++) hear(fd, "+OK\r\n");
    buf_free(&commands);
    close(fd);
    cr_assert(eventually(nobody_is_left));
}

/* ---- closing ---- */

Test(worker, client_that_leaves_while_it_waits_for_a_slice_has_its_command_run) {
    int fd = connect_client(), other = connect_client();
    take("a");
    say(fd, "SET a 1\r\nINCR a\r\n");
    wait_for_parks(1);
    close(fd);
    cr_assert(eventually(somebody_waits));
    let_go("a");
    cr_assert(eventually(nobody_waits));
    say(other, "GET a\r\n");
    hear(other, "$1\r\n2\r\n");
    close(other);
    cr_assert(eventually(nobody_is_left));
}

Test(worker, client_that_is_killed_while_it_waits_for_a_slice_is_freed) {
    int fd = connect_client(), other = connect_client();
    take("a");
    say(fd, "CLIENT ID\r\nSET a 1\r\n");
    hear(fd, ":1\r\n");
    wait_for_parks(1);
    say(other, "CLIENT KILL ID 1\r\nPING\r\n");
    hear(other, ":1\r\n+PONG\r\n");
    char byte;
    cr_assert(can_read(fd, PATIENCE_MS));
    cr_assert_leq(recv(fd, &byte, 1, 0), 0);
    let_go("a");
    say(other, "GET a\r\n");
    hear(other, "$-1\r\n");
    close(fd);
    close(other);
    cr_assert(eventually(nobody_is_left));
}

Test(worker, client_that_leaves_while_it_is_paused_is_freed) {
    int fd = connect_client(), other = connect_client();
    say(other, "CLIENT PAUSE 100000 WRITE\r\n");
    hear(other, "+OK\r\n");
    say(fd, "SET a 1\r\nGET a\r\n");
    cr_assert(eventually(somebody_waits));
    cr_assert(is_silent(fd));
    close(fd);
    cr_assert(eventually(nobody_waits));
    say(other, "CLIENT UNPAUSE\r\nGET a\r\n");
    hear(other, "+OK\r\n$-1\r\n");
    close(other);
    cr_assert(eventually(nobody_is_left));
}

/* The writes that waited run before the owner has cleared the switches of the pause. */
Test(worker, first_write_after_a_pause_finds_its_key_out_of_the_way) {
    int fd = connect_client(), other = connect_client();
    for (int i = 0; i < 5; i++) {
        say(fd, "SET a old PX 20\r\nCLIENT PAUSE 60 WRITE\r\n");
        hear(fd, "+OK\r\n+OK\r\n");
        usleep(30000);
        say(other, "GET a\r\nDBSIZE\r\n");
        hear(other, "$-1\r\n:1\r\n");
        say(fd, "SET a new GET\r\nDBSIZE\r\nGET a\r\nDEL a\r\n");
        hear(fd, "$-1\r\n:1\r\n$3\r\nnew\r\n:1\r\n");
        say(fd, "DBSIZE\r\n");
        hear(fd, ":0\r\n");
    }
    close(fd);
    close(other);
    cr_assert(eventually(nobody_is_left));
}

static size_t sending_bytes;

static void look_at_sending(void) {
    sending_bytes = 0;
    for (uint32_t i = 0; i < w->clients_capacity; i++)
        if (w->clients[i]) sending_bytes += w->clients[i]->sending_bytes;
}

static bool something_is_being_sent(void) {
    on_worker(look_at_sending);
    return sending_bytes > 0;
}

static bool nothing_is_being_sent(void) {
    return !something_is_being_sent();
}

/* The value is being sent from where it lies when its client goes and its key is overwritten. */
Test(worker, client_that_leaves_in_the_middle_of_a_large_reply_is_freed) {
    enum { BYTES = 30 << 20 };
    int fd = connect_client(), other = connect_client();
    struct buf value = {0};
    buf_printf(&value, "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$%d\r\n", BYTES);
    size_t head = value.len;
    memset(buf_reserve(&value, BYTES), 'v', BYTES);
    value.len = head + BYTES;
    buf_append_text(&value, "\r\n");
    say_bytes(other, value.data, value.len);
    hear(other, "+OK\r\n");
    say(fd, "GET a\r\nGET a\r\n");
    hear(fd, "$31457280\r\nvvvv");
    cr_assert(eventually(something_is_being_sent));
    say(other, "SET a 1\r\n");
    hear(other, "+OK\r\n");
    skip(fd, BYTES / 2);
    close(fd);
    cr_assert(eventually(nothing_is_being_sent));
    say(other, "GET a\r\n");
    hear(other, "$1\r\n1\r\n");
    close(other);
    buf_free(&value);
    cr_assert(eventually(nobody_is_left));
}

Test(worker, reader_that_closes_its_sending_side_still_gets_its_replies) {
    int fd = connect_client();
    take("a");
    say(fd, "SET a 1\r\nGET a\r\n");
    wait_for_parks(1);
    shutdown(fd, SHUT_WR);
    usleep(10000);
    let_go("a");
    hear(fd, "+OK\r\n$1\r\n1\r\n");
    char byte;
    cr_assert(can_read(fd, PATIENCE_MS));
    cr_assert_eq(recv(fd, &byte, 1, 0), 0);
    close(fd);
    cr_assert(eventually(nobody_is_left));
}

/* ---- limits and refusals ---- */

Test(worker, before_a_client_is_known_its_commands_are_small_however_they_come) {
    static const char eleven[] =
        "*11\r\n$4\r\nMGET\r\n$1\r\n0\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n"
        "$1\r\n5\r\n$1\r\n6\r\n$1\r\n7\r\n$1\r\n8\r\n$1\r\n9\r\n";
    cr_assert_str_eq(config_test_set("requirepass", "secret", NULL), "");
    int fd = connect_client(), known = connect_client();
    say(fd, eleven);
    hear(fd, "-ERR Protocol error: unauthenticated multibulk length\r\n");
    say(known, "AUTH secret\r\n");
    say(known, eleven);
    hear(known, "+OK\r\n*10\r\n$-1\r\n");
    cr_assert_str_eq(config_test_set("requirepass", "", NULL), "");
    close(fd);
    close(known);
    cr_assert(eventually(nobody_is_left));
}

Test(worker, protocol_error_after_a_skipped_reply_is_told) {
    int fd = connect_client();
    say(fd, "CLIENT REPLY SKIP\r\nPING\r\n*1\r\nbad\r\n");
    hear(fd, "-ERR Protocol error: expected '$', got 'b'\r\n");
    close(fd);
    cr_assert(eventually(nobody_is_left));
}

static uint64_t scratch_keys;

static void look_at_scratch(void) {
    scratch_keys = w->scratch.keys_capacity;
}

Test(worker, command_of_many_keys_leaves_no_room_behind) {
    enum { KEYS = 20000 };
    int fd = connect_client();
    struct buf del = {0};
    buf_printf(&del, "*%d\r\n$3\r\nDEL\r\n", KEYS + 1);
    for (int i = 0; i < KEYS; i++) buf_printf(&del, "$5\r\n%05d\r\n", i);
    say_bytes(fd, del.data, del.len);
    hear(fd, ":0\r\n");
    on_worker(look_at_scratch);
    cr_assert_lt(scratch_keys, KEYS / 2);
    say(fd, "MSET a 1 b 2\r\nDEL a b c\r\n");
    hear(fd, "+OK\r\n:2\r\n");
    say(fd, "MULTI\r\n");
    say_bytes(fd, del.data, del.len);
    hear(fd, "+OK\r\n+QUEUED\r\n");
    on_worker(look_at_scratch);
    cr_assert_lt(scratch_keys, KEYS / 2);
    say(fd, "EXEC\r\n");
    hear(fd, "*1\r\n:0\r\n");
    buf_free(&del);
    close(fd);
    cr_assert(eventually(nobody_is_left));
}

Test(worker, only_commands_that_ran_are_counted) {
    int fd = connect_client();
    say(fd, "PING\r\nNOSUCH\r\nGET\r\nCLIENT NOSUCH\r\nSET a 1\r\nINCR\r\n");
    hear(fd, "+PONG\r\n-ERR unknown command 'NOSUCH', with args beginning with: \r\n"
             "-ERR wrong number of arguments for 'get' command\r\n"
             "-ERR unknown subcommand 'NOSUCH'. Try CLIENT HELP.\r\n+OK\r\n"
             "-ERR wrong number of arguments for 'incr' command\r\n");
    cr_assert_eq(count_get(&w->statistics.commands_processed), 2);
    close(fd);
    cr_assert(eventually(nobody_is_left));
}
