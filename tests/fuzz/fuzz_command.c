/* fuzz_command.c: any bytes as a client's input to a whole shard in this process: parser, router, commands,
 * tables.
 *
 * One worker with its slices runs on the fuzzer's own thread; the bytes go in through a client's raw queue,
 * as after a wait. After each input every reply is checked to be well-formed RESP, and now and then
 * everything is flushed. DEBUG and SHUTDOWN are left out (DEBUG SEGFAULT does what it says), as is what another
 * thread would do: there is no coordinator here.
 */
#include "server/batch.h"
#include "server/command.h"
#include "server/config.h"
#include "server/reply_chunk.h"
#include "server/upkeep.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/rt/clock.h"
#include "shard/type/types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { INPUT_MAX = 65536, FLUSH_EVERY = 512 };

static struct worker *worker;

static void set_up(void) {
    char why[512];
    clock_init();
    slot_init();
    commands_init();
    types_register();
    config_init();
    log_set_level(LOG_WARNING);
    static const char *const left_out[] = {"debug",  "shutdown",     "monitor", "save",
                                           "bgsave", "bgrewriteaof", "psync",   "sync"};
    for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++) commands_rename(left_out[i], "");
    table_set_seed(1);
    slices_create(1, 16);
    workers_create(1);
    worker = worker_by_index(0);
    if (!thread_start(&worker->thread, true, why, sizeof why)) {
        fprintf(stderr, "%s\n", why);
        exit(1);
    }
    upkeep_init(worker);
}

/* Turns the loop without the outside: retired memory is freed, completions are looked away from. */
static void turn(void) {
    thread_turn(&worker->thread, 0);
    while (ring_next(worker->thread.ring)) {
    }
}

static struct client *new_client(int *other_end) {
    int pair[2];
    struct client_origin origin = {.unix_socket = true, .peer = "fuzz:0", .local = "fuzz:0"};
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) abort();
    origin.fd = pair[0];
    *other_end = pair[1];
    return client_create(worker, &origin);
}

static void run(struct client *c, const uint8_t *bytes, size_t size) {
    buf_append(&c->raw, bytes, size);
    batch_resume(worker, c);
    /* Nothing holds a slice here, so nothing can have parked. */
    ASSERT(worker->thread.holds_held == 0 && c->wait != WAIT_SLICE);
}

static void check_replies(struct client *c) {
    for (struct reply_chunk *chunk = c->reply.first; chunk; chunk = chunk->next) {
        if (!chunk->len) continue;
        ASSERT(memchr("+-:$*%~#,_=>|(", chunk->data[0], 14));
        break;
    }
    reply_clear(&c->reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static unsigned rounds;
    int other_end;
    if (size > INPUT_MAX) return 0;
    if (!worker) set_up();
    struct client *c = new_client(&other_end);
    run(c, bytes, size);
    if (++rounds % FLUSH_EVERY == 0 && c->wait == WAIT_NOTHING)
        run(c, (const uint8_t *)"*1\r\n$8\r\nFLUSHALL\r\n", strlen("*1\r\n$8\r\nFLUSHALL\r\n"));
    check_replies(c);
    worker->dirty = NULL;
    c->dirty = false;
    client_close(worker, c);
    for (int i = 0; i < 4 && c->in_flight; i++) {
        const struct completion *done;
        thread_turn(&worker->thread, 0);
        while ((done = ring_next(worker->thread.ring)))
            if (tag_kind(done->tag) == TAG_RECEIVE && !done->more) {
                if (done->buffer >= 0) ring_buffer_return(worker->thread.ring, done->buffer);
                client_request_over(worker, c);
            }
    }
    clients_bury(worker);
    turn();
    close(other_end);
    upkeep_run(worker);
    return 0;
}
