/* config_helper.h: what the tests of the configuration share: setting options by CONFIG SET, files to
 * load. */
#ifndef GYRE_TESTS_CONFIG_HELPER_H
#define GYRE_TESTS_CONFIG_HELPER_H

#include "server/config_load.h"
#include "server/config_option.h"
#include "shard/base/mem.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* CONFIG SET with up to four settings (name, value, ..., NULL). Returns the error reply, "" for OK, in a
 * static buffer. */
__attribute__((sentinel, unused)) static const char *config_test_set(const char *first, ...) {
    static char reply[2048];
    struct config_setting settings[4];
    struct config_change change = {.settings = settings, .from_local_client = true};
    va_list args;
    va_start(args, first);
    for (const char *name = first; name; name = va_arg(args, const char *)) {
        const char *value = va_arg(args, const char *);
        cr_assert(change.count < 4);
        settings[change.count++] = (struct config_setting){name, value, strlen(name), strlen(value)};
    }
    va_end(args);
    struct buf error = {0};
    bool fine = config_set(&change, &error);
    cr_assert_eq(fine, error.len == 0);
    snprintf(reply, sizeof reply, "%s", error.len ? error.data : "");
    buf_free(&error);
    return reply;
}

/* What CONFIG GET shows, in a static buffer. */
__attribute__((unused)) static const char *config_test_get(const char *name) {
    static char value[2048];
    struct buf out = {0};
    const struct option *o = option_find(name, strlen(name));
    cr_assert(o, "no option %s", name);
    option_print(o, config_get(), &out);
    snprintf(value, sizeof value, "%s", out.len ? out.data : "");
    buf_free(&out);
    return value;
}

static char config_test_directory[64];

/* A directory of its own for the test's files; the process goes there. */
__attribute__((unused)) static void config_test_enter_directory(void) {
    strcpy(config_test_directory, "/tmp/gyre-config-XXXXXX");
    cr_assert(mkdtemp(config_test_directory));
    cr_assert_eq(chdir(config_test_directory), 0);
}

/* A suite's .fini: removes it again. */
__attribute__((unused)) static void config_test_leave_directory(void) {
    char command[128];
    if (!config_test_directory[0]) return;
    snprintf(command, sizeof command, "rm -r '%s'", config_test_directory);
    cr_assert_eq(chdir("/"), 0);
    cr_assert_eq(system(command), 0);
}

__attribute__((unused)) static void config_test_write(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    cr_assert(f);
    cr_assert_eq(fwrite(text, 1, strlen(text), f), strlen(text));
    cr_assert_eq(fclose(f), 0);
}

__attribute__((unused)) static void config_test_expect_file(const char *path, const char *expected) {
    char text[8192];
    FILE *f = fopen(path, "r");
    cr_assert(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    fclose(f);
    cr_assert_str_eq(text, expected);
}

/* Starts with these arguments (NULL ends them), after the server's own name. */
__attribute__((unused)) static enum config_outcome config_test_load(struct config_load *load,
                                                                    char **arguments) {
    char *argv[16] = {"gyre-server"};
    int argc = 1;
    for (; *arguments; arguments++) {
        cr_assert(argc < 16);
        argv[argc++] = *arguments;
    }
    return config_load(argc, argv, load);
}
#define CONFIG_TEST_LOAD(load, ...) config_test_load(load, (char *[]){__VA_ARGS__, NULL})

#endif
