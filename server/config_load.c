/* config_load.c: the configuration at start: which files and which words of the command line make it.
 *
 *   gyre-server [file] [--name value ...]... [-]
 *
 * A first argument that does not begin with "--" is a file ("-": standard input); a last argument "-" reads
 * standard input after the file. An argument that begins with "--" names an option; the next one is its value
 * whatever it looks like, and what follows up to the next "--" are further values. "--port 6380" in one
 * argument works too. `--save` without a value means none, and a yes/no option without one means yes
 * (redis-server refuses that).
 *
 * Runs on the main thread, alone.
 */
#include "server/config_load.h"

#include "server/config_reader.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char file_path[PATH_MAX];       /* absolute; "" without a file */
static char start_directory[PATH_MAX]; /* where relative names in it count from */

const char *config_file_path(void) {
    return file_path;
}
const char *config_start_directory(void) {
    return start_directory;
}

/* ---- the command line ---- */

static bool is_name(const char *argument) {
    return argument[0] == '-' && argument[1] == '-';
}

struct directive {
    struct buf text;         /* as typed, for messages */
    struct text_word *words; /* refer to argv, or to `split` */
    struct text_word *split;
    unsigned count;
};

static void directive_free(struct directive *d) {
    buf_free(&d->text);
    mem_free(d->words);
    mem_free(d->split);
}

static void directive_add(struct directive *d, const char *argument) {
    d->words[d->count++] = (struct text_word){(char *)argument, strlen(argument)};
    buf_append_char(&d->text, ' ');
    buf_append_text(&d->text, argument);
}

/* Whether an option may stand without a value, and which it then has. */
static const char *implied_value(const struct text_word *name) {
    const struct option *o = option_find(name->data, name->len);
    if (!o) return NULL;
    if (strcmp(o->name, "save") == 0) return "";
    return o->type == &option_bool ? "yes" : NULL;
}

/* Collects the option at argv[at] with its values; returns the index behind them. Sets count to 0 for bad
 * quotes. */
static int directive_collect(struct directive *d, int argc, char **argv, int at) {
    ASSERT(at < argc && is_name(argv[at]));
    int split = text_split(argv[at] + 2, strlen(argv[at] + 2), &d->split);
    buf_append_text(&d->text, argv[at]);
    d->words = mem_alloc(((size_t)(argc - at) + (size_t)(split > 0 ? split : 0) + 1) * sizeof *d->words);
    if (split <= 0) return at + 1;
    memcpy(d->words, d->split, (size_t)split * sizeof *d->words);
    d->count = (unsigned)split;
    at++;
    if (split == 1) {
        const char *implied = implied_value(&d->words[0]);
        bool alone = at == argc || is_name(argv[at]);
        if (alone && implied) {
            d->words[d->count++] = (struct text_word){(char *)implied, strlen(implied)};
            return at;
        }
        if (at < argc) directive_add(d, argv[at++]);
    }
    while (at < argc && !is_name(argv[at])) directive_add(d, argv[at++]);
    return at;
}

static bool take_arguments(struct config_reader *r, int argc, char **argv) {
    r->source = NULL;
    for (int at = 0; at < argc;) {
        struct directive d = {0};
        bool fine = false;
        if (!is_name(argv[at])) {
            config_reader_fail(r, argv[at], "Options begin with \"--\"; a configuration file comes first");
        } else {
            at = directive_collect(&d, argc, argv, at);
            if (d.count == 0)
                config_reader_fail(r, d.text.data, "An option's name is missing, or quotes do not close");
            else
                fine = config_reader_take_words(r, d.words, d.count, d.text.data);
        }
        directive_free(&d);
        if (!fine) return false;
    }
    return true;
}

/* ---- what there is to read ---- */

static const char usage[] =
    "Usage: gyre-server [file] [--name value ...] [-]\n"
    "       gyre-server -                 (reads the configuration from standard input)\n"
    "       gyre-server -v | --version\n"
    "       gyre-server --check-rdb FILE  (says what is in a file, or where it is damaged)\n"
    "       gyre-server --check-aof [--fix] FILE  (the same of an append-only file or its manifest)\n"
    "       gyre-server -h | --help\n"
    "\n"
    "Every option of the configuration file can be given as --name value. Examples:\n"
    "       gyre-server\n"
    "       gyre-server /etc/gyre/gyre.conf\n"
    "       gyre-server --port 6380 --shards 2 --maxmemory 1gb\n"
    "       gyre-server /etc/gyre/gyre.conf --loglevel verbose --strict-config\n"
    "       echo 'maxmemory 128mb' | gyre-server -\n";

static bool is_one_of(const char *argument, const char *a, const char *b) {
    return strcmp(argument, a) == 0 || strcmp(argument, b) == 0;
}

/* The path of the file, absolute; false (with the error set) if it cannot be. */
static bool find_file(struct config_reader *r, const char *name) {
    int n = name[0] == '/' ? snprintf(file_path, sizeof file_path, "%s", name)
                           : snprintf(file_path, sizeof file_path, "%s/%s", r->directory, name);
    if (n > 0 && (size_t)n < sizeof file_path) return true;
    file_path[0] = '\0';
    buf_printf(&r->error, "The path of the configuration file is too long\n");
    return false;
}

static bool take_everything(struct config_reader *r, int argc, char **argv) {
    int at = 1;
    bool from_stdin = false;
    if (at < argc && strcmp(argv[at], "-") != 0 && !is_name(argv[at])) {
        if (!find_file(r, argv[at]) || !config_reader_take_file(r, file_path)) return false;
        at++;
    }
    if (at < argc && strcmp(argv[argc - 1], "-") == 0) {
        from_stdin = true;
        argc--;
    }
    if (from_stdin) {
        struct buf text = {0};
        int rc = config_read_file("/dev/stdin", &text);
        bool fine = rc == 0 && config_reader_take_text(r, "standard input", text.data, text.len);
        buf_free(&text);
        if (rc < 0)
            buf_printf(&r->error, "Can't read the configuration from standard input: %s\n", strerror(-rc));
        if (!fine) return false;
    }
    return take_arguments(r, argc - at, argv + at);
}

static bool check_strict(struct config_reader *r) {
    if (!r->into->strict_config || r->warnings.len == 0) return true;
    buf_append_text(&r->error, "*** FATAL CONFIG FILE ERROR (Gyre " GYRE_VERSION ") ***\n");
    buf_append(&r->error, r->warnings.data, r->warnings.len);
    buf_append_text(&r->error, "strict-config is on: nothing may be left out\n");
    return false;
}

static bool go_to_directory(struct config_reader *r) {
    if (strcmp(r->into->dir, start_directory) == 0 || chdir(r->into->dir) == 0) return true;
    buf_printf(&r->error, "Can't go to the directory '%s' (option 'dir'): %s\n", r->into->dir,
               strerror(errno));
    return false;
}

enum config_outcome config_load(int argc, char **argv, struct config_load *load) {
    *load = (struct config_load){0};
    if (argc >= 2 && is_one_of(argv[1], "-v", "--version")) {
        buf_append_text(&load->message, "Gyre server v=" GYRE_VERSION " bits=64\n");
        return CONFIG_EXIT;
    }
    if (argc >= 2 && is_one_of(argv[1], "-h", "--help")) {
        buf_append_text(&load->message, usage);
        return CONFIG_EXIT;
    }
    file_path[0] = '\0';
    if (!getcwd(start_directory, sizeof start_directory))
        snprintf(start_directory, sizeof start_directory, "/");
    struct config_reader reader = {.into = config_defaults()};
    snprintf(reader.directory, sizeof reader.directory, "%s", start_directory);
    bool fine = take_everything(&reader, argc, argv) && check_strict(&reader) && go_to_directory(&reader);
    load->warnings = reader.warnings;
    load->message = reader.error;
    if (!fine) {
        ASSERT(reader.error.len > 0);
        config_free(reader.into);
        return CONFIG_FAILED;
    }
    config_normalize(reader.into);
    config_publish(reader.into);
    return CONFIG_RUN;
}

void config_load_log(const struct config_load *load) {
    const char *line = load->warnings.data, *end;
    for (; line && *line; line = end + 1) {
        end = strchr(line, '\n');
        ASSERT(end);
        log_warning("%.*s", (int)(end - line), line);
    }
}

void config_load_free(struct config_load *load) {
    buf_free(&load->message);
    buf_free(&load->warnings);
}
