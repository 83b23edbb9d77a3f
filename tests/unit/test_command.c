/* test_command.c: the registry: lookup in any case, subcommands, renaming, and that every declaration is
 * complete. */
#include "server/call.h"
#include "server/command.h"
#include "server/command_keys.h"
#include "server/docs.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct command *find(const char *name) {
    return commands_find(name, strlen(name));
}

Test(command, is_found_in_any_case, .init = commands_init) {
    cr_assert_not_null(find("get"));
    cr_assert_eq(find("GET"), find("get"));
    cr_assert_eq(find("GeT"), find("get"));
    cr_assert_null(find("ge"));
    cr_assert_null(find("gett"));
    cr_assert_null(find(""));
    cr_assert_null(find("g@t"), "only letters are folded");
    cr_assert_null(find("a name that is far too long to be one of a command"));
    cr_assert_null(commands_find("get\0", 4));
}

Test(command, every_command_is_found_by_its_names, .init = commands_init) {
    for (unsigned i = 0; i < commands_count(); i++) {
        struct command *c = commands_by_id(i);
        cr_assert_eq(c->id, i);
        cr_assert_eq(commands_find_full(c->full_name, strlen(c->full_name)), c, "%s", c->full_name);
        if (c->parent) cr_assert_eq(commands_find_sub(c->parent, c->name, strlen(c->name)), c);
    }
}

Test(command, names_of_every_length_are_told_apart, .init = commands_init) {
    struct command *get = find("get");
    char *name = strdup("get");
    for (unsigned len = 1; len <= 32; len++) {
        char *lower = malloc(len + 1),
             *upper = malloc(len); /* of just this size: reading further is found out */
        for (unsigned i = 0; i < len; i++) {
            lower[i] = (char)('a' + (i * 7 + len) % 26);
            upper[i] = (char)(lower[i] - 'a' + 'A');
        }
        lower[len] = 0;
        cr_assert(commands_rename(name, lower));
        cr_assert_eq(commands_find(upper, len), get, "%s", lower);
        for (unsigned i = 0; i < len; i++) {
            upper[i] ^= 2;
            cr_assert_neq(commands_find(upper, len), get, "%s but for byte %u", lower, i);
            upper[i] ^= 2;
        }
        free(name);
        free(upper);
        name = lower;
    }
    free(name);
}

/* What COMMAND, the router and the documentation rely on. */
Test(command, every_declaration_is_complete, .init = commands_init) {
    for (unsigned i = 0; i < commands_count(); i++) {
        struct command *c = commands_by_id(i);
        cr_expect(c->handler || c->subcommands, "%s has no handler", c->full_name);
        cr_expect(c->arity != 0, "%s has no arity", c->full_name);
        cr_expect(c->group && c->summary && c->since, "%s has no documentation", c->full_name);
        cr_expect(c->categories & (ACL_FAST | ACL_SLOW), "%s is neither fast nor slow", c->full_name);
        cr_expect_not((c->flags & CMD_WRITE) && (c->flags & CMD_READONLY), "%s", c->full_name);
        if (c->flags & (CMD_WRITE | CMD_READONLY) && c->keys[0].flags)
            cr_expect(!(c->flags & CMD_ALL_SLICES), "%s names keys and takes all slices", c->full_name);
    }
    for (unsigned i = 0; i < docs_count; i++)
        cr_expect_not_null(commands_find_full(docs_table[i].name, strlen(docs_table[i].name)),
                           "documentation of %s, which does not exist", docs_table[i].name);
}

Test(command, renaming, .init = commands_init) {
    struct command *get = find("get"), *set = find("set");
    cr_assert(commands_rename("GET", "fetch"));
    cr_assert_null(find("get"));
    cr_assert_eq(find("FETCH"), get);
    cr_assert_str_eq(commands_current_name(get), "fetch");
    cr_assert_not(commands_rename("get", "other"), "it has that name no more");
    cr_assert_not(commands_rename("set", "fetch"), "taken");
    cr_assert(commands_rename("set", ""));
    cr_assert_null(find("set"));
    cr_assert(commands_rename("fetch", "set"), "a name that was taken away is free");
    cr_assert_eq(find("set"), get);
    cr_assert_str_eq(commands_current_name(set), "");
    /* Everything behind a name that was taken away is still found. */
    for (unsigned i = 0; i < commands_top_count(); i++) {
        struct command *c = commands_top(i);
        const char *name = commands_current_name(c);
        if (*name) cr_expect_eq(find(name), c, "%s", name);
    }
}

static int keys_of(const char *line, unsigned *positions) {
    static struct arg argv[16];
    static char text[128];
    unsigned argc = 0;
    snprintf(text, sizeof text, "%s", line);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
        argv[argc++] = (struct arg){word, strlen(word)};
    struct command *c = commands_find(argv[0].data, argv[0].len);
    if (c->subcommands) c = commands_find_sub(c, argv[1].data, argv[1].len);
    return command_find_keys(c, argv, argc, positions, NULL, 16);
}

Test(command, keys_are_found, .init = commands_init) {
    unsigned p[16];
    cr_assert_eq(keys_of("get a", p), 1);
    cr_assert_eq(p[0], 1);
    cr_assert_eq(keys_of("mset a 1 b 2", p), 2);
    cr_assert(p[0] == 1 && p[1] == 3);
    cr_assert_eq(keys_of("del a b c", p), 3);
    cr_assert_eq(p[2], 3);
    cr_assert_eq(keys_of("rename a b", p), 2);
    cr_assert(p[0] == 1 && p[1] == 2);
    cr_assert_eq(keys_of("object encoding k", p), 1);
    cr_assert_eq(p[0], 2);
    cr_assert_eq(keys_of("ping", p), 0);
}

/* Specifications that no command has yet: a keyword, and a count of keys. */
Test(command, keyword_and_count_specifications) {
    static struct command migrate = {.keys = {{.flags = KEY_RW,
                                               .begin = BEGIN_KEYWORD,
                                               .keyword = "keys",
                                               .index = -2,
                                               .find = FIND_RANGE,
                                               .last = -1,
                                               .step = 1}}};
    static struct command counted = {.keys = {{.flags = KEY_RO,
                                               .begin = BEGIN_INDEX,
                                               .index = 1,
                                               .find = FIND_KEYNUM,
                                               .keynum_index = 0,
                                               .first_key = 1,
                                               .step = 1}}};
    struct arg m[] = {{"migrate", 7}, {"h", 1}, {"KEYS", 4}, {"a", 1}, {"b", 1}};
    struct arg n[] = {{"x", 1}, {"2", 1}, {"a", 1}, {"b", 1}, {"limit", 5}};
    unsigned p[8];
    cr_assert_eq(command_find_keys(&migrate, m, 5, p, NULL, 8), 2);
    cr_assert(p[0] == 3 && p[1] == 4);
    cr_assert_eq(command_find_keys(&counted, n, 5, p, NULL, 8), 2);
    cr_assert(p[0] == 2 && p[1] == 3);
    n[1] = (struct arg){"9", 1};
    cr_assert_eq(command_find_keys(&counted, n, 5, p, NULL, 8), -1, "more keys than arguments");
    n[1] = (struct arg){"-1", 2};
    cr_assert_eq(command_find_keys(&counted, n, 5, p, NULL, 8), -1);
    n[1] = (struct arg){"x", 1};
    cr_assert_eq(command_find_keys(&counted, n, 5, p, NULL, 8), -1);
}
