/* Which arguments are secrets. */
#include "server/redact.h"

#include "server/command.h"
#include "server/config.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"

#include <criterion/criterion.h>
#include <string.h>

/* `line` as a command; `hidden` has an 'x' for each argument that must be hidden. */
static void check(const char *name, const char *line, const char *hidden) {
    struct text_word *words;
    struct arg argv[16];
    int argc = text_split(line, strlen(line), &words);
    cr_assert(argc > 0 && argc <= 16 && strlen(hidden) == (size_t)argc);
    const struct command command = {.full_name = name};
    for (int i = 0; i < argc; i++) argv[i] = (struct arg){words[i].data, words[i].len};
    for (int i = 0; i < argc; i++)
        cr_assert_eq(redact_hides(&command, argv, (unsigned)argc, (unsigned)i), hidden[i] == 'x',
                     "%s: argument %d", line, i);
    mem_free(words);
}

Test(redact, passwords) {
    config_init();
    check("auth", "AUTH secret", ".x");
    check("auth", "AUTH user secret", ".xx");
    check("hello", "HELLO 3", "..");
    check("hello", "HELLO 3 AUTH user secret", "...xx");
    check("hello", "HELLO 3 SETNAME me auth user secret", ".....xx");
    check("hello", "HELLO 3 AUTH user secret SETNAME me", "...xx..");
    check("hello", "HELLO 3 SETNAME AUTH SETNAME x", "......");
    check("hello", "HELLO 3 AUTH user", "...x");
    check("config|set", "CONFIG SET hz 10", "....");
    check("config|set", "CONFIG SET requirepass secret", "...x");
    check("config|set", "CONFIG SET hz 10 RequirePass secret maxclients 10", ".....x..");
    check("set", "SET requirepass secret", "...");
}

Test(redact, unknown_commands_hide_nothing) {
    struct arg argv[] = {{(char *)"AUTH", 4}, {(char *)"x", 1}};
    cr_assert_not(redact_hides(NULL, argv, 2, 1));
}
