/* test_config_sample.c: gyre.conf, the sample, against the table: it mentions every option, with its real
 * default, in the part where it belongs, and loads without a complaint. Run from the root of the project. */
#include "tests/unit/config_helper.h"

#include "server/command.h"

enum { PARTS = 3 };

/* Part of the sample in which an option must stand, from 1. */
static int part_of(const struct option *o) {
    if (!option_has_field(o)) return 3;
    return o->flags & OPTION_IDLE ? 2 : 1;
}

static void read_sample(struct buf *text) {
    FILE *f = fopen("gyre.conf", "r");
    cr_assert(f, "gyre.conf must be in the current directory");
    char chunk[4096];
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0) buf_append(text, chunk, n);
    fclose(f);
}

/* Sets the options of all lines that are commented out, as if they were not. */
static void take_line(const char *line, size_t len, int part, struct config *into, bool *mentioned) {
    struct text_word *words;
    bool unsupported;
    char why[CONFIG_WHY_MAX];
    int count = text_split(line, len, &words);
    cr_assert(count > 0, "%.*s", (int)len, line);
    const struct option *o = option_find(words[0].data, words[0].len);
    cr_assert(o, "there is no option '%s'", words[0].data);
    cr_assert_str_eq(words[0].data, o->name, "not an older name");
    cr_assert(option_set(o, into, words + 1, (unsigned)count - 1, &unsupported, why), "%s: %s", o->name, why);
    cr_assert_eq(part, part_of(o), "%s stands in part %d", o->name, part);
    mentioned[o - option_table] = true;
    mem_free(words);
}

Test(config_sample, mentions_every_option_with_its_default) {
    config_init();
    struct buf text = {0}, found = {0}, expected = {0};
    struct config *into = config_defaults();
    bool *mentioned = mem_zalloc(option_count * sizeof *mentioned);
    int part = 0;
    read_sample(&text);
    for (char *line = text.data; *line; line = strchr(line, '\n') + 1) {
        size_t len = strcspn(line, "\n");
        cr_assert(line[len] == '\n');
        if (strncmp(line, "# Part ", 7) == 0) part = line[7] - '0';
        bool is_option = line[0] == '#' && line[1] >= 'a' && line[1] <= 'z';
        if (is_option) take_line(line + 1, len - 1, part, into, mentioned);
        if (strncmp(line, "bind ", 5) == 0) mentioned[option_find("bind", 4) - option_table] = true;
    }
    cr_assert_eq(part, PARTS);
    for (unsigned i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        cr_assert(mentioned[i], "%s is missing", o->name);
        buf_clear(&found);
        buf_clear(&expected);
        option_print(o, into, &found);
        option_print(o, config_get(), &expected);
        cr_assert_eq(found.len, expected.len, "%s", o->name);
        cr_assert(found.len == 0 || strcmp(found.data, expected.data) == 0, "the default of %s is %s",
                  o->name, expected.data);
    }
    mem_free(mentioned);
    config_free(into);
    buf_free(&text);
    buf_free(&found);
    buf_free(&expected);
}

Test(config_sample, loads) {
    struct config_load load;
    commands_init();
    config_init();
    cr_assert_eq(CONFIG_TEST_LOAD(&load, "gyre.conf", "--strict-config"), CONFIG_RUN, "%s",
                 load.message.data);
    cr_assert_eq(load.warnings.len, 0u);
    config_load_free(&load);
    cr_assert_str_eq(config_test_get("bind"), "127.0.0.1 -::1");
    cr_assert_eq(config_get()->port, 6379);
}
