/* test_registry.c: walks through the clients of several workers, killing, and both while lists change
 * under them. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "server/registry.h"
#include "server/worker.h"
#include "shard/base/mem.h"

enum { WORKERS = 3, ROUNDS = 300, STAYING = 150 };

static _Atomic uint64_t next_id = 1;

static void setup(void) {
    slices_create(WORKERS, 1);
    workers_create(WORKERS);
    for (unsigned i = 0; i < WORKERS; i++) worker_by_index(i)->thread.index = (uint16_t)i;
}

TestSuite(registry, .init = setup);

static struct client *add(unsigned worker) {
    struct client *c = mem_zalloc(sizeof *c);
    c->worker = worker_by_index(worker);
    c->id = atomic_fetch_add(&next_id, 1);
    registry_add(c->worker, c);
    return c;
}

static void drop(struct client *c) {
    registry_remove(c->worker, c);
    mem_free(c->name);
    mem_free(c->library_name);
    mem_free(c->library_version);
    mem_free(c);
}

static bool is_odd(void *arg, struct client *c) {
    (void)arg;
    return c->id % 2;
}

static size_t walk(registry_filter *filter, uint64_t *ids) {
    struct registry_cursor cursor;
    size_t n = 0;
    registry_begin(&cursor, filter, NULL);
    while (registry_next(&cursor)) ids[n++] = cursor.view.id;
    registry_end(&cursor);
    return n;
}

Test(registry, nobody) {
    uint64_t ids[1];
    cr_assert_eq(walk(NULL, ids), 0);
    struct registry_cursor cursor;
    registry_begin(&cursor, NULL, NULL);
    registry_end(&cursor);
}

Test(registry, walk_goes_from_worker_to_worker_by_age) {
    uint64_t ids[600];
    for (int i = 0; i < 600; i++) add((unsigned)(i * 7 % 10 % WORKERS));
    cr_assert_eq(walk(NULL, ids), 600);
    unsigned descents = 0;
    for (int i = 1; i < 600; i++) descents += ids[i] < ids[i - 1];
    cr_assert_eq(descents, WORKERS - 1, "ids rise within a worker");
    cr_assert_eq(walk(is_odd, ids), 300);
    for (int i = 0; i < 300; i++) cr_assert(ids[i] % 2);
}

Test(registry, view_shows_what_is_shared) {
    struct client *c = add(1);
    struct buf text = {0};
    struct client_view view;
    c->fd = 42;
    c->created_ms = 1000;
    strcpy(c->peer, "1.2.3.4:5");
    atomic_store(&c->database, 7);
    client_set(c, CLIENT_NO_EVICT);
    registry_set_text(c, &c->library_version, "1.0", 3);
    registry_set_text(c, &c->name, "first", 5);
    registry_set_text(c, &c->name, "second!", 6);
    registry_view(c, &view, &text);
    cr_assert_eq(view.fd, 42);
    cr_assert_eq(view.database, 7);
    cr_assert_eq(view.flags, CLIENT_NO_EVICT);
    cr_assert_str_eq(view.peer, "1.2.3.4:5");
    cr_assert_str_eq(view.name, "second");
    cr_assert_str_eq(view.library_name, "");
    cr_assert_str_eq(view.library_version, "1.0");
    registry_set_text(c, &c->name, NULL, 0);
    cr_assert_null(c->name);
    buf_free(&text);
}

Test(registry, walk_can_stop_early_and_others_pass_its_place) {
    struct registry_cursor one, two;
    uint64_t ids[10];
    for (int i = 0; i < 6; i++) add(0);
    registry_begin(&one, NULL, NULL);
    registry_begin(&two, NULL, NULL);
    for (int i = 0; i < 3; i++) cr_assert(registry_next(&one));
    for (int i = 0; i < 4; i++) cr_assert(registry_next(&two));
    cr_assert_eq(walk(NULL, ids), 6);
    cr_assert(registry_next(&one));
    cr_assert_eq(one.view.id, ids[3]);
    registry_end(&two);
    cr_assert(registry_next(&one));
    cr_assert_eq(one.view.id, ids[4]);
    registry_end(&one);
    cr_assert_eq(walk(NULL, ids), 6);
    cr_assert_null(worker_by_index(0)->registry_first->registry_prev);
}

Test(registry, walk_leaves_out_who_comes_later_and_who_is_gone) {
    struct registry_cursor cursor;
    struct client *clients[5];
    for (int i = 0; i < 5; i++) clients[i] = add(0);
    registry_begin(&cursor, NULL, NULL);
    cr_assert(registry_next(&cursor));
    add(0);
    drop(clients[1]);
    uint64_t expected[] = {clients[2]->id, clients[3]->id, clients[4]->id};
    for (int i = 0; i < 3; i++) {
        cr_assert(registry_next(&cursor));
        cr_assert_eq(cursor.view.id, expected[i]);
    }
    cr_assert_not(registry_next(&cursor));
    registry_end(&cursor);
}

Test(registry, killed_clients_are_flagged_counted_once_and_left_out) {
    uint64_t ids[100];
    for (int i = 0; i < 90; i++) add((unsigned)i % 2); /* the third worker has none */
    cr_assert_eq(registry_kill(worker_by_index(0), is_odd, NULL), 45);
    cr_assert_eq(registry_kill(worker_by_index(0), is_odd, NULL), 0);
    cr_assert_eq(walk(NULL, ids), 45);
    for (int i = 0; i < 45; i++) cr_assert_eq(ids[i] % 2, 0);
    unsigned poked = 0;
    for (unsigned i = 0; i < WORKERS; i++) poked += (unsigned)atomic_load(&worker_by_index(i)->poked) << i;
    cr_assert_eq(poked, 1, "the odd ids are all of the first worker: %u", poked);
}

/* ---- many threads ---- */

static _Atomic bool stop;

/* A worker's thread: its clients come, change their names, go. */
static void *live(void *arg) {
    unsigned worker = (unsigned)(uintptr_t)arg;
    struct client *mine[40] = {0};
    char name[32];
    for (int i = 0; i < ROUNDS * 40; i++) {
        struct client **c = &mine[i % 40];
        if (*c) drop(*c);
        *c = add(worker);
        registry_set_text(*c, &(*c)->name, name, (size_t)snprintf(name, sizeof name, "c%d", i));
    }
    for (int i = 0; i < 40; i++) drop(mine[i]);
    atomic_store(&stop, true);
    return NULL;
}

static bool kill_some(void *arg, struct client *c) {
    (void)arg;
    return c->id > STAYING && c->id % 5 == 0;
}

static void *look(void *arg) {
    unsigned *walks = arg;
    do {
        struct registry_cursor cursor;
        unsigned staying = 0;
        uint64_t last = 0;
        unsigned worker = 0;
        registry_begin(&cursor, NULL, NULL);
        while (registry_next(&cursor)) {
            if (cursor.worker == worker) cr_assert_gt(cursor.view.id, last, "twice, or out of order");
            worker = cursor.worker;
            last = cursor.view.id;
            staying += cursor.view.id <= STAYING;
            if (*cursor.view.name) cr_assert_eq(*cursor.view.name, 'c');
        }
        registry_end(&cursor);
        cr_assert_eq(staying, STAYING, "saw %u", staying);
        registry_kill(worker_by_index(0), kill_some, NULL);
        ++*walks;
    } while (!atomic_load(&stop));
    return NULL;
}

Test(registry, walks_while_clients_come_and_go) {
    pthread_t live_thread, look_thread;
    unsigned walks = 0;
    struct client *staying[STAYING];
    for (int i = 0; i < STAYING; i++) staying[i] = add((unsigned)i % WORKERS);
    pthread_create(&live_thread, NULL, live, (void *)(uintptr_t)1);
    pthread_create(&look_thread, NULL, look, &walks);
    pthread_join(live_thread, NULL);
    pthread_join(look_thread, NULL);
    cr_assert_gt(walks, 0);
    for (int i = 0; i < STAYING; i++) drop(staying[i]);
    for (unsigned i = 0; i < WORKERS; i++) cr_assert_null(worker_by_index(i)->registry_first);
}
