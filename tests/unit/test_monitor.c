/* test_monitor.c: MONITOR's lines and their delivery, with the workers' mailboxes emptied by hand. */
#include <criterion/criterion.h>
#include <string.h>

#include "server/config.h"
#include "server/deliver.h"
#include "server/monitor.h"
#include "server/registry.h"
#include "server/worker.h"
#include "shard/base/mem.h"
#include "shard/rt/clock.h"

enum { WORKERS = 2 };

static uint64_t next_id = 1;
static struct command get = {.name = "get", .full_name = "get", .flags = CMD_READONLY},
                      admin = {.name = "x", .full_name = "x", .flags = CMD_ADMIN},
                      hidden = {.name = "y", .full_name = "y", .flags = CMD_SKIP_MONITOR},
                      auth = {.name = "auth", .full_name = "auth"};

static void setup(void) {
    clock_init();
    config_init();
    slices_create(WORKERS, 1);
    workers_create(WORKERS);
    for (unsigned i = 0; i < WORKERS; i++) {
        struct worker *w = worker_by_index(i);
        w->clients_capacity = 8;
        w->clients = mem_zalloc(8 * sizeof(struct client *));
        w->generations = mem_zalloc(8 * sizeof *w->generations);
    }
}

TestSuite(monitor, .init = setup);

static struct client *add(unsigned worker, uint32_t slot) {
    struct worker *w = worker_by_index(worker);
    struct client *c = mem_zalloc(sizeof *c);
    c->worker = w;
    c->slot = slot;
    c->id = next_id++;
    strcpy(c->peer, "1.2.3.4:5");
    reply_init(&c->reply, &w->reply_pool);
    w->clients[slot] = c;
    registry_add(w, c);
    return c;
}

/* What a turn of the worker does with its messages. */
static unsigned take_messages(unsigned worker) {
    struct thread *t = &worker_by_index(worker)->thread;
    unsigned count = 0;
    for (struct message *m = mailbox_take(&t->mailbox), *next; m; m = next, count++) {
        next = m->next;
        m->deliver(t, m);
    }
    return count;
}

/* What the client has been told, without the time and with '\n' for line ends. */
static const char *told(struct client *c) {
    static char text[4096];
    size_t n = 0, bytes;
    struct reply_chunk *chunk = reply_take(&c->reply, &bytes);
    for (; chunk; chunk = reply_chunk_free(c->reply.pool, chunk)) {
        cr_assert_lt(n + chunk->len, sizeof text);
        memcpy(text + n, chunk->data, chunk->len);
        n += chunk->len;
    }
    text[n] = 0;
    char *to = text;
    for (char *from = text; *from; from++) {
        if (*from == '+') from = strchr(from, '[');
        if (*from != '\r') *to++ = *from;
    }
    *to = 0;
    return text;
}

static void feed(struct client *c, struct command *command, const char *a, const char *b) {
    struct arg argv[] = {{(char *)a, strlen(a)}, {(char *)b, strlen(b)}};
    monitor_feed(c->worker, c, command, argv, 2);
}

Test(monitor, nobody_listens) {
    feed(add(0, 0), &get, "GET", "k");
    cr_assert_eq(take_messages(0) + take_messages(1), 0);
    cr_assert_eq(monitors_active, 0);
}

Test(monitor, every_monitor_of_every_worker_is_told) {
    struct client *c = add(0, 0), *one = add(0, 1), *two = add(1, 1), *three = add(1, 2);
    monitor_add(one);
    monitor_add(two);
    monitor_add(three);
    monitor_add(three);
    cr_assert_eq(monitors_active, 3);
    atomic_store(&c->database, 9);
    feed(c, &get, "GET", "a\"b");
    cr_assert_str_eq(told(one), "", "not before its thread has taken the message");
    cr_assert_eq(take_messages(0), 1);
    cr_assert_eq(take_messages(1), 2);
    cr_assert_str_eq(told(one), "[9 1.2.3.4:5] \"GET\" \"a\\\"b\"\n");
    cr_assert_str_eq(told(two), "[9 1.2.3.4:5] \"GET\" \"a\\\"b\"\n");
    monitor_remove(two);
    monitor_remove(two);
    cr_assert_eq(monitors_active, 2);
    told(three);
    feed(one, &get, "GET", "k");
    take_messages(0);
    take_messages(1);
    cr_assert_str_eq(told(two), "");
    cr_assert_str_eq(told(three), "[0 1.2.3.4:5] \"GET\" \"k\"\n");
    monitor_remove(one);
    monitor_remove(three);
    cr_assert_eq(monitors_active, 0);
}

Test(monitor, hides_what_is_not_to_be_shown) {
    struct client *c = add(0, 0), *monitor = add(0, 1);
    monitor_add(monitor);
    feed(c, &admin, "X", "y");
    feed(c, &hidden, "Y", "y");
    feed(c, &auth, "AUTH", "secret");
    cr_assert_eq(take_messages(0), 1);
    cr_assert_str_eq(told(monitor), "[0 1.2.3.4:5] \"AUTH\" \"(redacted)\"\n");
}

Test(monitor, of_a_huge_command_only_a_part_is_shown) {
    struct client *c = add(0, 0), *monitor = add(0, 1);
    size_t n = MONITOR_BYTES_MAX + 100;
    char *big = mem_alloc(n);
    memset(big, 'x', n);
    struct arg argv[] = {{"SET", 3}, {big, n}, {"EX", 2}};
    monitor_add(monitor);
    monitor_feed(c->worker, c, &get, argv, 3);
    take_messages(0);
    cr_assert_gt(monitor->reply.bytes, MONITOR_BYTES_MAX);
    cr_assert_lt(monitor->reply.bytes, MONITOR_BYTES_MAX + 200);
    mem_free(big);
}

Test(monitor, what_comes_after_its_end_is_dropped) {
    struct client *c = add(0, 0), *monitor = add(1, 1);
    monitor_add(monitor);
    feed(c, &get, "GET", "k");
    monitor_remove(monitor);
    cr_assert_eq(take_messages(1), 1);
    cr_assert_str_eq(told(monitor), "");
    /* Another client in the same place. */
    monitor_add(monitor);
    feed(c, &get, "GET", "k");
    monitor->id = next_id++;
    cr_assert_eq(take_messages(1), 1);
    cr_assert_str_eq(told(monitor), "");
}

Test(monitor, client_reply_off_mutes_it_and_skip_does_not) {
    struct client *c = add(0, 0), *monitor = add(0, 1);
    monitor_add(monitor);
    client_set(monitor, CLIENT_REPLY_OFF);
    feed(c, &get, "GET", "off");
    take_messages(0);
    cr_assert_str_eq(told(monitor), "");
    client_unset(monitor, CLIENT_REPLY_OFF);
    client_set(monitor, CLIENT_REPLY_SKIP);
    monitor->reply.mute = true;
    feed(c, &get, "GET", "skip");
    take_messages(0);
    cr_assert_str_eq(told(monitor), "[0 1.2.3.4:5] \"GET\" \"skip\"\n");
    cr_assert(monitor->reply.mute);
}

Test(monitor, thread_that_takes_nothing_in_loses_its_monitors_not_its_memory) {
    struct client *c = add(0, 0), *far = add(1, 1), *bystander = add(1, 2);
    size_t n = 1 << 20;
    char *bytes = mem_zalloc(n);
    struct deliver_target target = deliver_target_of(far, CLIENT_MONITOR);
    monitor_add(far);
    for (int i = 0; i < 2 * DELIVER_BYTES_MAX / (1 << 20); i++) deliver_bytes(c->worker, &target, bytes, n);
    unsigned taken = take_messages(1);
    cr_assert_eq(taken, DELIVER_BYTES_MAX / n, "took %u", taken);
    cr_assert(client_has(far, CLIENT_CLOSING));
    cr_assert_not(client_has(bystander, CLIENT_CLOSING));
    cr_assert_eq(monitors_active, 0);
    deliver_bytes(c->worker, &target, bytes, n);
    cr_assert_eq(take_messages(1), 1, "there is room again");
    mem_free(bytes);
}
