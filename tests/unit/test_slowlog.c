/* The slow log: its entries, its bound, readers while it changes. */
#include "server/slowlog.h"

#include "server/client.h"
#include "server/command.h"
#include "server/config.h"
#include "shard/base/mem.h"
#include "shard/base/slot.h"
#include "shard/rt/clock.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct client client = {.peer = "127.0.0.1:1234"};

static void begin(void) {
    clock_init();
    slot_init();
    commands_init();
    config_init();
}

static struct arg arg_of(const char *text) {
    return (struct arg){(char *)text, strlen(text)};
}

static void note_number(int n) {
    char text[16];
    snprintf(text, sizeof text, "%d", n);
    struct arg argv[] = {arg_of("ECHO"), arg_of(text)};
    slowlog_note(&client, argv, 2, (uint64_t)n);
}

Test(slowlog, newest_first_and_bounded, .init = begin) {
    size_t max = config_get()->slowlog_max_len;
    for (int i = 0; i < (int)max + 50; i++) note_number(i);
    cr_assert_eq(slowlog_len(), max);
    struct slowlog_reader reader = {0};
    const struct slowlog_entry *e;
    int expected = (int)max + 49;
    while ((e = slowlog_read(&reader))) {
        cr_assert_eq(e->us, expected);
        cr_assert_eq(e->id, expected);
        cr_assert_eq(e->argc, 2);
        cr_assert_str_eq(e->peer, "127.0.0.1:1234");
        cr_assert_str_eq(e->name, "");
        expected--;
    }
    cr_assert_eq(expected, 49);
    cr_assert_null(slowlog_read(&reader));
    slowlog_read_end(&reader);
}

/* What a reader has seen stays whole; it does not find what came after it began, nor what has left. */
Test(slowlog, reading_while_it_changes, .init = begin) {
    for (int i = 0; i < 100; i++) note_number(i);
    struct slowlog_reader reader = {0};
    const struct slowlog_entry *e = slowlog_read(&reader);
    cr_assert_eq(e->us, 99);
    for (int i = 100; i < 110; i++) note_number(i);
    for (int i = 0; i < SLOWLOG_READ_BATCH; i++) cr_assert_eq(slowlog_read(&reader)->us, 98 - i);
    slowlog_reset();
    note_number(1000);
    cr_assert_eq(slowlog_len(), 1);
    /* The rest of the batch is still there, what lies behind it is not. */
    unsigned more = 0;
    while (slowlog_read(&reader)) more++;
    cr_assert_eq(more, SLOWLOG_READ_BATCH - 1);
    slowlog_read_end(&reader);
}

Test(slowlog, memory_comes_back, .init = begin) {
    size_t before = mem_used();
    client.name = "somebody";
    for (int i = 0; i < 50; i++) note_number(i);
    cr_assert_gt(mem_used(), before);
    struct slowlog_reader reader = {0};
    const struct slowlog_entry *e = slowlog_read(&reader);
    slowlog_reset();
    cr_assert_str_eq(e->name, "somebody");
    cr_assert_gt(mem_used(), before);
    slowlog_read_end(&reader);
    cr_assert_eq(mem_used(), before);
}
