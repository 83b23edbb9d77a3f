/* test_output.c: what a send's completion does to a client: progress, the end, errors, limits. No ring: only
 * what needs none of the kernel's work is asked for (test_worker.c has the rest). */
#include "server/output.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "config_helper.h"
#include "server/command.h"
#include "server/registry.h"
#include "server/reply_chunk.h"
#include "server/worker.h"
#include "shard/rt/clock.h"

static struct worker *w;
static struct client *c;

static void setup(void) {
    char why[512];
    clock_init();
    config_init();
    commands_init();
    slices_create(1, 1);
    workers_create(1);
    w = worker_by_index(0);
    cr_assert(thread_start(&w->thread, false, why, sizeof why), "%s", why);
    w->clients_capacity = 1;
    w->clients = mem_zalloc(sizeof(struct client *));
    w->generations = mem_zalloc(sizeof *w->generations);
    c = w->clients[0] = mem_zalloc(sizeof *c);
    c->worker = w;
    c->id = 1;
    c->fd = -1;
    reply_init(&c->reply, &w->reply_pool);
    registry_add(w, c);
}

TestSuite(output, .init = setup);

/* Puts what was replied on its way. */
static void begin_send(void) {
    client_has_output(w, c);
    output_flush(w);
}

Test(output, a_send_that_is_done_leaves_nothing_behind) {
    reply_ok(&c->reply);
    begin_send();
    cr_assert_eq(c->in_flight, 1);
    cr_assert_eq(c->sending_bytes, 5);
    cr_assert_eq(atomic_load(&c->output_bytes), 5);
    output_sent(w, c, 5);
    cr_assert_null(c->sending);
    cr_assert_eq(c->in_flight, 0);
    cr_assert_eq(c->sending_bytes, 0);
    cr_assert_eq(atomic_load(&c->output_bytes), 0);
    cr_assert_eq(atomic_load(&c->bytes_out), 5);
    cr_assert_eq(count_get(&w->statistics.writes), 1);
}

Test(output, one_send_at_a_time_takes_all_that_came_meanwhile) {
    reply_ok(&c->reply);
    begin_send();
    reply_ok(&c->reply);
    begin_send();
    reply_ok(&c->reply);
    begin_send();
    cr_assert_eq(c->in_flight, 1, "several could change places");
    cr_assert_eq(c->sending_bytes, 5);
    cr_assert_eq(atomic_load(&c->output_bytes), 15);
    output_sent(w, c, 5);
    cr_assert_eq(c->in_flight, 1);
    cr_assert_eq(c->sending_bytes, 10);
    output_sent(w, c, 10);
    cr_assert_eq(c->in_flight, 0);
}

Test(output, a_send_cut_short_goes_on_where_it_stopped) {
    struct blob *blob = blob_new(2 * REPLY_BLOB_MIN);
    blob->len = blob->cap;
    memset(blob->data, 'x', blob->len);
    reply_ok(&c->reply);
    reply_bulk_blob(&c->reply, blob, 0, blob->len);
    size_t bytes = c->reply.bytes, sent = 0;
    begin_send();
    static const size_t steps[] = {3, 2, 7, 1, 100, 5000};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        output_sent(w, c, (int32_t)steps[i]);
        sent += steps[i];
        cr_assert_eq(c->in_flight, 1);
        cr_assert_eq(c->sending_bytes, bytes - sent);
        cr_assert_lt(c->sent_of_first, c->sending->len);
    }
    cr_assert(blob_is_shared(blob));
    output_sent(w, c, (int32_t)(bytes - sent));
    cr_assert_null(c->sending);
    cr_assert_null(c->vector);
    cr_assert_not(blob_is_shared(blob));
    blob_unref(blob);
}

Test(output, whoever_takes_replies_is_not_idle) {
    atomic_store(&c->active_ms, 1000);
    w->thread.turn_unix_ms = 5000;
    reply_ok(&c->reply);
    begin_send();
    cr_assert_eq(atomic_load(&c->active_ms), 1000);
    output_sent(w, c, 2);
    cr_assert_eq(atomic_load(&c->active_ms), 5000);
}

Test(output, failing_it_closes_and_interrupted_it_tries_again) {
    reply_ok(&c->reply);
    begin_send();
    output_sent(w, c, -EINTR);
    cr_assert_eq(c->in_flight, 1);
    cr_assert_not(client_has(c, CLIENT_CLOSING));
    output_sent(w, c, -EPIPE);
    cr_assert(client_has(c, CLIENT_CLOSING));
    cr_assert_eq(c->in_flight, 0);
    cr_assert_eq(w->closed, c);
}

Test(output, closes_after_the_last_reply) {
    reply_ok(&c->reply);
    client_close_after_reply(w, c);
    output_flush(w);
    cr_assert_not(client_has(c, CLIENT_CLOSING));
    output_sent(w, c, 5);
    cr_assert(client_has(c, CLIENT_CLOSING));
}

Test(output, closes_at_once_where_there_is_nothing_to_send) {
    reply_mark_array(&c->reply, (struct reply_mark){NULL}, 0);
    client_close_after_reply(w, c);
    output_flush(w);
    cr_assert(client_has(c, CLIENT_CLOSING));
}

Test(output, hard_limit_closes) {
    config_test_set("client-output-buffer-limit", "normal 100000 0 0", NULL);
    for (int i = 0; i < 100; i++) reply_bulk(&c->reply, memset(buf_reserve(&c->raw, 990), 'x', 990), 990);
    begin_send();
    cr_assert_not(client_has(c, CLIENT_CLOSING), "%zu bytes", c->sending_bytes);
    reply_bulk(&c->reply, memset(buf_reserve(&c->raw, 990), 'x', 990), 990);
    begin_send();
    cr_assert(client_has(c, CLIENT_CLOSING));
    cr_assert_eq(count_get(&w->statistics.output_limit_closes), 1);
}

Test(output, soft_limit_closes_after_its_time) {
    config_test_set("client-output-buffer-limit", "normal 0 1000 2", NULL);
    reply_bulk(&c->reply, memset(buf_reserve(&c->raw, 2000), 'x', 2000), 2000);
    w->thread.turn_mono_ns = UINT64_C(10000000000);
    begin_send();
    w->thread.turn_mono_ns += 1900000000;
    begin_send();
    cr_assert_not(client_has(c, CLIENT_CLOSING));
    w->thread.turn_mono_ns += 200000000;
    begin_send();
    cr_assert(client_has(c, CLIENT_CLOSING));
}

Test(output, soft_limit_begins_anew_once_it_was_below) {
    config_test_set("client-output-buffer-limit", "normal 0 1000 2", NULL);
    reply_bulk(&c->reply, memset(buf_reserve(&c->raw, 2000), 'x', 2000), 2000);
    w->thread.turn_mono_ns = UINT64_C(10000000000);
    begin_send();
    size_t bytes = c->sending_bytes;
    output_sent(w, c, (int32_t)bytes);
    w->thread.turn_mono_ns += UINT64_C(5000000000);
    reply_bulk(&c->reply, memset(buf_reserve(&c->raw, 2000), 'x', 2000), 2000);
    begin_send();
    cr_assert_not(client_has(c, CLIENT_CLOSING));
}
