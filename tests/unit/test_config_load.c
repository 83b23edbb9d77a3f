/* test_config_load.c: the start: files, includes, the command line, and what is said about mistakes. */
#include "tests/unit/config_helper.h"

#include "server/command.h"

#include <limits.h>

TestSuite(config_load, .fini = config_test_leave_directory);

/* Their families' tables: named here so that they are linked in. */
extern struct command config_commands[], database_commands[];

static void start(void) {
    cr_assert(config_commands[0].name && database_commands[0].name);
    commands_init();
    config_init();
    config_test_enter_directory();
}

/* Loads a file with this text; fails the start. Returns the message in a static buffer. */
static const char *failing(const char *text) {
    static char message[4096];
    struct config_load load;
    config_test_write("x.conf", text);
    cr_assert_eq(CONFIG_TEST_LOAD(&load, "x.conf"), CONFIG_FAILED, "%s", text);
    snprintf(message, sizeof message, "%s", load.message.data);
    config_load_free(&load);
    return message;
}

static void expect_part(const char *text, const char *part) {
    cr_assert(strstr(text, part), "'%s' is not in: %s", part, text);
}

static void take(const char *text) {
    struct config_load load;
    config_test_write("x.conf", text);
    cr_assert_eq(CONFIG_TEST_LOAD(&load, "x.conf"), CONFIG_RUN, "%s", load.message.data);
    cr_assert_eq(load.warnings.len, 0u, "%s", load.warnings.data);
    config_load_free(&load);
}

Test(config_load, comments_blanks_quotes_and_line_ends) {
    start();
    take("  # a comment\n\n\tport\t7000\r\nrequirepass \"a b\\x21\\n\"\n   \nunixsocket '/tmp/x y'\nhz 20");
    cr_assert_eq(config_get()->port, 7000);
    cr_assert_str_eq(config_get()->requirepass, "a b!\n");
    cr_assert_str_eq(config_get()->unixsocket, "/tmp/x y");
    cr_assert_eq(config_get()->hz, 20, "the last line needs no end");
}

Test(config_load, several_words) {
    start();
    take("bind 127.0.0.1 -::1\nclient-output-buffer-limit normal 1kb 2kb 3\n"
         "client-output-buffer-limit pubsub 4 5 6\nsave \"\"\nlatency-tracking-info-percentiles 50 99\n");
    cr_assert_eq(config_get()->bind_count, 2);
    cr_assert_str_eq(config_get()->bind[1], "-::1");
    cr_assert_str_eq(config_test_get("client-output-buffer-limit"),
                     "normal 1024 2048 3 slave 268435456 67108864 60 pubsub 4 5 6");
    cr_assert_eq(config_get()->latency_percentile_count, 2);
    cr_assert_str_eq(config_test_get("save"), "", "a save without points takes the default ones away");
    take("bind\n");
    cr_assert_eq(config_get()->bind_count, 0);
    take("save 900 1\nsave 300 10 60 10000\n");
    cr_assert_str_eq(config_test_get("save"), "900 1 300 10 60 10000", "further lines add");
    cr_assert_str_eq(config_test_set("save", "5 6", NULL), "");
    cr_assert_str_eq(config_test_get("save"), "5 6", "CONFIG SET replaces");
}

Test(config_load, a_wrong_value_names_everything) {
    start();
    const char *message = failing("hz 10\n\nport 99999\n");
    expect_part(message, "x.conf, at line 3\n");
    expect_part(message, ">>> 'port 99999'\n");
    expect_part(message, "Option 'port' cannot be 99999: argument must be between 0 and 65535 inclusive");
    expect_part(failing("maxmemory 5tb\n"), "Allowed: bytes from 0 to");
    expect_part(failing("maxmemory-policy lru\n"), "volatile-lru, volatile-lfu");
    expect_part(failing("port\n"), "wrong number of arguments");
    expect_part(failing("port 1 # no comment here\n"), "wrong number of arguments");
    expect_part(failing("port \"1\n"), "Unbalanced quotes");
    expect_part(failing("dir /no/such/place\n"), "No such file or directory");
    expect_part(failing("rename-command CONFIG flushall\n"), "Target command name already exists");
    cr_assert_eq(config_get()->port, 6379, "nothing is published");
}

Test(config_load, a_password_is_not_repeated) {
    start();
    cr_assert_not(strstr(failing("requirepass my secret\n"), "secret"));
}

Test(config_load, every_number_out_of_range_is_refused) {
    start();
    for (unsigned i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        if (o->type != &option_int && o->type != &option_long && o->type != &option_octal) continue;
        char line[256];
        snprintf(line, sizeof line, "%s -99999999999\n", o->name);
        expect_part(failing(line), o->name);
        snprintf(line, sizeof line, "%s 99999999999999999999\n", o->name);
        expect_part(failing(line), o->name);
        snprintf(line, sizeof line, "%s many\n", o->name);
        expect_part(failing(line), o->name);
    }
}

Test(config_load, unknown_and_unsupported_lines_warn) {
    start();
    struct config_load load;
    config_test_write(
        "x.conf",
        "nosuch 1\ncluster-enabled yes\nport 7000\ntls-key-file-pass hidden\nrename-command NOSUCH \"\"\n"
        "loadmodule /x.so\n");
    cr_assert_eq(CONFIG_TEST_LOAD(&load, "x.conf"), CONFIG_RUN);
    expect_part(load.warnings.data, "x.conf:1: unknown option 'nosuch'");
    expect_part(load.warnings.data, "x.conf:2: 'cluster-enabled yes' is not supported");
    expect_part(load.warnings.data, "x.conf:4: 'tls-key-file-pass' is not supported");
    expect_part(load.warnings.data, "x.conf:5: rename-command: there is no command 'NOSUCH'");
    expect_part(load.warnings.data, "x.conf:6: 'loadmodule' is not supported");
    cr_assert_not(strstr(load.warnings.data, "hidden"));
    cr_assert_not(strstr(load.warnings.data, ":3:"));
    cr_assert_eq(config_get()->port, 7000);
    config_load_free(&load);
    cr_assert_eq(CONFIG_TEST_LOAD(&load, "x.conf", "--strict-config"), CONFIG_FAILED);
    expect_part(load.message.data, "x.conf:1: unknown option 'nosuch'");
    config_load_free(&load);
}

Test(config_load, includes) {
    start();
    config_test_write("1.inc", "port 1\nhz 30\n");
    config_test_write("2.inc", "port 2\n");
    take("port 7\ninclude *.inc\nhz 40\n");
    cr_assert_eq(config_get()->port, 2, "in the order of names");
    cr_assert_eq(config_get()->hz, 40, "lines behind an include win");
    take("include none*.inc\n");
    expect_part(failing("\ninclude none.inc\n"), "x.conf, at line 2");
    expect_part(failing("include x.conf\n"), "include each other");
    config_test_write("2.inc", "hz 1\nport x\n");
    expect_part(failing("include 2.inc\n"), "2.inc, at line 2");
}

Test(config_load, dir_moves_relative_names_and_the_process) {
    start();
    cr_assert_eq(system("mkdir data"), 0);
    config_test_write("data/more.conf", "port 11\n");
    take("dir data\ninclude more.conf\n");
    char directory[PATH_MAX];
    cr_assert(getcwd(directory, sizeof directory));
    cr_assert_str_eq(config_get()->dir, directory);
    cr_assert_str_eq(strrchr(directory, '/'), "/data");
    cr_assert_eq(config_get()->port, 11);
}

Test(config_load, renamed_commands) {
    start();
    take("rename-command flushall \"\"\nrename-command FLUSHDB wipe\n");
    cr_assert_null(commands_find("flushall", 8));
    cr_assert_null(commands_find("flushdb", 7));
    cr_assert_not_null(commands_find("WIPE", 4));
    take("rename-command config CONFIG\n");
    cr_assert_not_null(commands_find("config", 6));
}

Test(config_load, command_line) {
    start();
    struct config_load load;
    config_test_write("x.conf", "port 1\nhz 20\n");
    cr_assert_eq(CONFIG_TEST_LOAD(&load, "x.conf", "--port", "2", "--bind", "127.0.0.1", "::1",
                                  "--requirepass", "--x", "--maxmemory 1mb", "--save", "--daemonize"),
                 CONFIG_RUN, "%s", load.message.data);
    cr_assert_eq(load.warnings.len, 0u);
    cr_assert_eq(config_get()->port, 2);
    cr_assert_eq(config_get()->hz, 20);
    cr_assert_eq(config_get()->bind_count, 2);
    cr_assert_str_eq(config_get()->requirepass, "--x");
    cr_assert_eq(config_get()->maxmemory, 1024u * 1024);
    cr_assert(config_get()->daemonize);
    cr_assert(config_file_path()[0] == '/');
    config_load_free(&load);
}

Test(config_load, command_line_save_and_empty_values) {
    start();
    struct config_load load;
    cr_assert_eq(CONFIG_TEST_LOAD(&load, "--save", "", "--requirepass", "", "--save", "--port", "9"),
                 CONFIG_RUN);
    cr_assert_eq(config_get()->port, 9);
    cr_assert_str_eq(config_file_path(), "");
    config_load_free(&load);
}

Test(config_load, command_line_mistakes) {
    start();
    struct config_load load;
    char *wrong[][3] = {{"--nosuch", "1", NULL}, {"--port", NULL},     {"--port", "x", NULL},
                        {"none.conf", NULL},     {"--port", "1", "2"}, {"--", NULL}};
    const char *parts[] = {"There is no option 'nosuch'", "'--port'",     "'--port x'",
                           "can't open config file",      "'--port 1 2'", "name is missing"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char *arguments[4] = {wrong[i][0], wrong[i][1], wrong[i][1] ? wrong[i][2] : NULL, NULL};
        cr_assert_eq(config_test_load(&load, arguments), CONFIG_FAILED, "%zu", i);
        expect_part(load.message.data, parts[i]);
        config_load_free(&load);
    }
}

Test(config_load, help_and_version) {
    start();
    struct config_load load;
    cr_assert_eq(CONFIG_TEST_LOAD(&load, "--help"), CONFIG_EXIT);
    expect_part(load.message.data, "Usage:");
    config_load_free(&load);
    cr_assert_eq(CONFIG_TEST_LOAD(&load, "-v"), CONFIG_EXIT);
    expect_part(load.message.data, GYRE_VERSION);
    config_load_free(&load);
}
