/* redact.c: see redact.h. The rules are Redis's: passwords, and all that is said about a user. */
#include "server/redact.h"

#include "server/config.h"
#include "shard/base/assert.h"
#include "shard/base/text.h"

#include <string.h>

/* AUTH: everything but its name. */
static bool hides_all(const struct arg *argv, unsigned argc, unsigned i) {
    (void)argv;
    (void)argc;
    return i >= 1;
}

/* ACL SETUSER: everything but its name. */
static bool hides_user(const struct arg *argv, unsigned argc, unsigned i) {
    (void)argv;
    (void)argc;
    return i >= 2;
}

/* HELLO 3 AUTH name password SETNAME x: the two behind AUTH. The options' words stand at fixed distances. */
static bool hides_login(const struct arg *argv, unsigned argc, unsigned i) {
    unsigned at = 2;
    while (at < argc && at <= i) {
        if (text_is(argv[at].data, argv[at].len, "auth")) {
            if (i == at + 1 || i == at + 2) return true;
            at += 3;
        } else {
            at += 2;
        }
    }
    return false;
}

/* CONFIG SET name value ...: the values of options that hold passwords. */
static bool hides_value(const struct arg *argv, unsigned argc, unsigned i) {
    (void)argc;
    return i >= 3 && i % 2 == 1 && config_is_sensitive(argv[i - 1].data, argv[i - 1].len);
}

static const struct {
    const char *command;
    bool (*hides)(const struct arg *argv, unsigned argc, unsigned i);
} rules[] = {
    {"auth", hides_all},
    {"hello", hides_login},
    {"config|set", hides_value},
    {"acl|setuser", hides_user},
};

bool redact_hides(const struct command *command, const struct arg *argv, unsigned argc, unsigned i) {
    ASSERT(i < argc);
    if (!command) return false;
    for (size_t r = 0; r < sizeof rules / sizeof *rules; r++)
        if (strcmp(rules[r].command, command->full_name) == 0) return rules[r].hides(argv, argc, i);
    return false;
}
