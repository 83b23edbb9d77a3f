/* test_command_keys.c: key specifications of every form applied to arguments, those that make no sense among
 * them. */
#include "server/command_keys.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { ARGS_MAX = 16 };

static unsigned positions[ARGS_MAX];
static uint32_t flags[ARGS_MAX];

/* Finds the keys of a call given as words; returns their places as text, "none" or "error". */
static const char *keys_within(struct command *command, const char *call, unsigned max) {
    static char text[128], words[256];
    struct arg argv[ARGS_MAX];
    unsigned argc = 0;
    snprintf(words, sizeof words, "%s", call);
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
        argv[argc++] = (struct arg){word, strlen(word)};
    memset(flags, 0, sizeof flags);
    int n = command_find_keys(command, argv, argc, positions, flags, max ? max : argc);
    if (n < 0) return "error";
    if (n == 0) return "none";
    size_t used = 0;
    for (int i = 0; i < n; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%u ", positions[i]);
    text[used - 1] = 0;
    return text;
}

#define KEYS(command, call) keys_within(&(command), call, 0)

Test(command_keys, none) {
    struct command ping = {.name = "ping"};
    cr_assert_str_eq(KEYS(ping, "PING x"), "none");
}

Test(command_keys, ranges) {
    struct command get = {.keys = {KEYS_FIRST(KEY_RO)}}, del = {.keys = {KEYS_REST(KEY_RM)}},
                   mset = {.keys = {KEYS_AT(1, -1, 2, KEY_OW)}},
                   object = {.keys = {KEYS_AT(2, 0, 1, KEY_RO)}},
                   all_but_last = {.keys = {KEYS_AT(1, -2, 1, KEY_RW)}};
    cr_assert_str_eq(KEYS(get, "GET k"), "1");
    cr_assert_str_eq(KEYS(get, "GET k x y"), "1");
    cr_assert_str_eq(KEYS(get, "GET"), "none");
    cr_assert_str_eq(KEYS(del, "DEL a b c"), "1 2 3");
    cr_assert_str_eq(KEYS(mset, "MSET a 1 b 2"), "1 3");
    cr_assert_str_eq(KEYS(mset, "MSET a 1 b"), "1 3");
    cr_assert_str_eq(KEYS(object, "OBJECT ENCODING k"), "2");
    cr_assert_str_eq(KEYS(object, "OBJECT HELP"), "none");
    cr_assert_str_eq(KEYS(all_but_last, "BLPOP a b 0"), "1 2");
}

Test(command_keys, several_specifications) {
    struct command rename = {.keys = {KEYS_AT(1, 0, 1, KEY_RW), KEYS_AT(2, 0, 1, KEY_OW)}};
    cr_assert_str_eq(KEYS(rename, "RENAME a b"), "1 2");
    cr_assert_eq(flags[0], KEY_RW);
    cr_assert_eq(flags[1], KEY_OW);
}

Test(command_keys, a_share_of_the_rest) {
    /* XREAD ... STREAMS key [key ...] id [id ...]: the first half behind the keyword. */
    struct command xread = {.keys = {{.flags = KEY_RO,
                                      .begin = BEGIN_KEYWORD,
                                      .keyword = "STREAMS",
                                      .index = 1,
                                      .find = FIND_RANGE,
                                      .last = -1,
                                      .step = 1,
                                      .limit = 2}}};
    cr_assert_str_eq(KEYS(xread, "XREAD COUNT 2 STREAMS a b 0 0"), "4 5");
    cr_assert_str_eq(KEYS(xread, "XREAD streams a 0"), "2");
    cr_assert_str_eq(KEYS(xread, "XREAD COUNT 2"), "none");
    cr_assert_str_eq(KEYS(xread, "XREAD COUNT 2 STREAMS"), "none");
}

Test(command_keys, behind_a_keyword_from_the_end) {
    struct command migrate = {.keys = {{.flags = KEY_RW,
                                        .begin = BEGIN_KEYWORD,
                                        .keyword = "KEYS",
                                        .index = -2,
                                        .find = FIND_RANGE,
                                        .last = -1,
                                        .step = 1}}};
    cr_assert_str_eq(KEYS(migrate, "MIGRATE host 1 KEYS 0 10 KEYS a b"), "7 8");
    cr_assert_str_eq(KEYS(migrate, "MIGRATE host 1 k 0 10"), "none");
}

Test(command_keys, as_many_as_an_argument_says) {
    struct command eval = {.keys = {{.flags = KEY_RW,
                                     .begin = BEGIN_INDEX,
                                     .index = 2,
                                     .find = FIND_KEYNUM,
                                     .keynum_index = 0,
                                     .first_key = 1,
                                     .step = 1}}};
    cr_assert_str_eq(KEYS(eval, "EVAL script 2 a b c"), "3 4");
    cr_assert_str_eq(KEYS(eval, "EVAL script 0 a b"), "none");
    cr_assert_str_eq(KEYS(eval, "EVAL script 3 a b"), "error");
    cr_assert_str_eq(KEYS(eval, "EVAL script -1 a b"), "error");
    cr_assert_str_eq(KEYS(eval, "EVAL script x a b"), "error");
    cr_assert_str_eq(KEYS(eval, "EVAL script 9223372036854775807 a b"), "error");
    cr_assert_str_eq(KEYS(eval, "EVAL script 99999999999999999999 a b"), "error");
    cr_assert_str_eq(KEYS(eval, "EVAL script"), "none");
}

Test(command_keys, what_is_no_key_and_what_cannot_be_found_is_left_out) {
    struct command publish = {.keys = {KEYS_FIRST(KEY_NOT_KEY), KEYS_AT(2, 0, 1, KEY_RO)}},
                   sort = {
                       .keys = {
                           KEYS_FIRST(KEY_RO),
                           {.flags = KEY_OW | KEY_INCOMPLETE, .begin = BEGIN_UNKNOWN, .find = FIND_UNKNOWN}}};
    cr_assert_str_eq(KEYS(publish, "X channel k"), "2");
    cr_assert_str_eq(KEYS(sort, "SORT k STORE d"), "1");
}

Test(command_keys, no_more_than_there_is_room_for) {
    struct command del = {.keys = {KEYS_REST(KEY_RM)}};
    positions[2] = 99;
    cr_assert_str_eq(keys_within(&del, "DEL a b c d", 2), "1 2");
    cr_assert_eq(positions[2], 99);
}

static uint32_t flags_by_arguments(const struct arg *argv, unsigned argc) {
    return argc > 3 && argv[3].len == 3 ? KEY_RW : KEY_OW;
}

Test(command_keys, flags_that_depend_on_the_arguments) {
    struct command set = {.keys = {KEYS_FIRST(KEY_RW | KEY_VARIABLE_FLAGS)}, .key_flags = flags_by_arguments};
    KEYS(set, "SET k v");
    cr_assert_eq(flags[0], KEY_OW);
    KEYS(set, "SET k v GET");
    cr_assert_eq(flags[0], KEY_RW);
    set.key_flags = NULL;
    KEYS(set, "SET k v");
    cr_assert_eq(flags[0], KEY_RW | KEY_VARIABLE_FLAGS);
}

static unsigned last_argument(const struct arg *argv, unsigned argc, uint32_t *key_flags) {
    (void)argv;
    *key_flags = KEY_OW | KEY_UPDATE;
    return argc > 2 ? argc - 1 : 0;
}

Test(command_keys, one_that_no_specification_finds) {
    struct command sort = {
        .keys = {KEYS_FIRST(KEY_RO), {.flags = KEY_OW, .begin = BEGIN_UNKNOWN, .find = FIND_UNKNOWN}},
        .hidden_key = last_argument};
    cr_assert_str_eq(KEYS(sort, "SORT k"), "1");
    cr_assert_str_eq(KEYS(sort, "SORT k STORE to"), "1 3");
    cr_assert_eq(flags[0], KEY_RO);
    cr_assert_eq(flags[1], KEY_OW | KEY_UPDATE);
    cr_assert_str_eq(keys_within(&sort, "SORT k STORE to", 1), "1");
}

static bool has_star(const struct arg *argv, unsigned argc) {
    return argc > 1 && memchr(argv[1].data, '*', argv[1].len) != NULL;
}

Test(command_keys, calls_that_want_every_slice) {
    char plain[] = "plain", star[] = "st*r";
    struct arg without[] = {{plain, 5}, {plain, 5}}, with[] = {{plain, 5}, {star, 4}};
    struct command get = {.name = "get"}, keys = {.flags = CMD_ALL_SLICES}, sort = {.roams = has_star};
    cr_assert_not(command_wants_all(&get, with, 2));
    cr_assert(command_wants_all(&keys, without, 2));
    cr_assert_not(command_wants_all(&sort, without, 2));
    cr_assert(command_wants_all(&sort, with, 2));
}
