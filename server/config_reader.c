/* config_reader.c: configuration text into a snapshot. See config_reader.h.
 *
 * Three kinds of trouble are told apart. A wrong value, a line that cannot be split into words, a file that
 * cannot be read: the server must not start, and the message names file, line, option, value and what would
 * be allowed. An option or directive that Gyre does not know, or knows and cannot do: one warning line, and
 * the rest counts; so a stock redis.conf loads (strict-config turns these into errors at the end). On the
 * command line, an unknown option is a wrong one: it was typed by hand.
 */
#include "server/config_reader.h"

#include "server/command.h"
#include "shard/base/assert.h"
#include "shard/base/mem.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>

int config_read_file(const char *path, struct buf *text) {
    FILE *f = strcmp(path, "/dev/stdin") == 0 ? stdin : fopen(path, "re");
    if (!f) return -errno;
    int rc = 0;
    while (rc == 0) {
        char chunk[8192];
        size_t n = fread(chunk, 1, sizeof chunk, f);
        if (n == 0) {
            if (ferror(f)) rc = -(errno ? errno : EIO);
            break;
        }
        if (text->len + n > CONFIG_FILE_BYTES_MAX) rc = -EFBIG;
        buf_append(text, chunk, n);
    }
    buf_append(text, "", 0); /* so that data is never NULL */
    if (f != stdin) fclose(f);
    return rc;
}

/* ---- trouble ---- */

void config_reader_fail(struct config_reader *r, const char *text, const char *reason) {
    if (r->forgiving || r->error.len > 0) return;
    buf_append_text(&r->error, "*** FATAL CONFIG FILE ERROR (Gyre " GYRE_VERSION ") ***\n");
    if (r->source)
        buf_printf(&r->error, "Reading the configuration file %s, at line %u\n", r->source, r->line);
    else
        buf_append_text(&r->error, "Reading the command line\n");
    if (text) buf_printf(&r->error, ">>> '%s'\n", text);
    buf_printf(&r->error, "%s\n", reason);
}

static void warn(struct config_reader *r, const char *what, const char *name) {
    if (r->forgiving) return;
    if (r->source)
        buf_printf(&r->warnings, "%s:%u: ", r->source, r->line);
    else
        buf_append_text(&r->warnings, "command line: ");
    buf_printf(&r->warnings, what, name);
    buf_append_char(&r->warnings, '\n');
}

/* ---- options ---- */

static void append_values(struct buf *out, const struct text_word *words, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        if (i > 0) buf_append_char(out, ' ');
        bool plain = words[i].len > 0 && !strpbrk(words[i].data, " \t\"'\\");
        for (size_t j = 0; plain && j < words[i].len; j++) plain = words[i].data[j] >= ' ';
        if (plain)
            buf_append(out, words[i].data, words[i].len);
        else
            buf_append_quoted(out, words[i].data, words[i].len);
    }
}

/* What stands behind an option's name. */
struct values {
    const struct text_word *words;
    unsigned count;
};

static void fail_value(struct config_reader *r, const struct option *o, const struct values *values,
                       const char *text, const char *why) {
    struct buf reason = {0};
    bool secret = o->flags & OPTION_SENSITIVE;
    buf_printf(&reason, "Option '%s'", o->name);
    if (values->count > 0 && !secret) {
        buf_append_text(&reason, " cannot be ");
        append_values(&reason, values->words, values->count);
    }
    buf_printf(&reason, ": %s", why);
    struct buf allowed = {0};
    option_describe(o, &allowed);
    if (allowed.len > 0) buf_printf(&reason, "\nAllowed: %s", allowed.data);
    config_reader_fail(r, secret ? NULL : text, reason.data);
    buf_free(&allowed);
    buf_free(&reason);
}

static bool take_unsupported(struct config_reader *r, const struct option *o, const struct text_word *words,
                             unsigned count) {
    struct buf what = {0};
    buf_append_text(&what, words[0].data);
    if (!(o->flags & OPTION_SENSITIVE)) {
        buf_append_char(&what, ' ');
        append_values(&what, words + 1, count - 1);
    }
    warn(r, "'%s' is not supported by this version of Gyre and has no effect", what.data);
    buf_free(&what);
    return true;
}

/* `dir` moves the point from which relative names count; the option's type knows the process's own directory
 * only. */
static bool resolve_directory(const struct config_reader *r, struct text_word *value, char *path) {
    if (value->len == 0 || value->data[0] == '/') return true;
    int n = snprintf(path, PATH_MAX, "%s/%s", r->directory, value->data);
    if (n < 0 || n >= PATH_MAX) return false;
    *value = (struct text_word){path, (size_t)n};
    return true;
}

/* Sets the option, or adds to what a line before this one set. */
static bool set_or_add(struct config_reader *r, const struct option *o, const struct values *values,
                       bool *unsupported, char *why) {
    size_t index = (size_t)(o - option_table);
    uint64_t bit = (uint64_t)1 << (index % 64);
    ASSERT(index < CONFIG_OPTIONS_MAX);
    bool again = r->seen[index / 64] & bit;
    r->seen[index / 64] |= bit;
    if (again && o->type->add)
        return o->type->add(o, values->words, values->count, option_field(o, r->into), why);
    return option_set(o, r->into, values->words, values->count, unsupported, why);
}

/* One word may hold all the values of an option that takes several: "900 1 300 10". */
static bool set_values(struct config_reader *r, const struct option *o, const struct values *values,
                       bool *unsupported, char *why) {
    if (values->count == 0) {
        snprintf(why, CONFIG_WHY_MAX, "wrong number of arguments");
        return false;
    }
    if (values->count > 1 || !(o->flags & OPTION_MULTI)) return set_or_add(r, o, values, unsupported, why);
    struct text_word *parts;
    unsigned count = option_split(o, values->words[0].data, values->words[0].len, &parts);
    bool fine = set_or_add(r, o, &(struct values){parts, count}, unsupported, why);
    mem_free(parts);
    return fine;
}

static bool take_option(struct config_reader *r, const struct option *o, const struct text_word *words,
                        unsigned count, const char *text) {
    char why[CONFIG_WHY_MAX], path[PATH_MAX];
    static const struct text_word nothing = {(char *)"", 0};
    struct values values = {words + 1, count - 1};
    struct text_word directory;
    bool unsupported = false;
    if (values.count == 0 && (o->flags & OPTION_MULTI)) values = (struct values){&nothing, 1};
    if (o->type == &option_directory && values.count == 1) {
        directory = values.words[0];
        if (!resolve_directory(r, &directory, path)) {
            fail_value(r, o, &values, text, strerror(ENAMETOOLONG));
            return false;
        }
        values.words = &directory;
    }
    if (set_values(r, o, &values, &unsupported, why)) {
        if (o->type == &option_directory) snprintf(r->directory, sizeof r->directory, "%s", r->into->dir);
        return true;
    }
    if (unsupported) return take_unsupported(r, o, words, count);
    if (!r->forgiving) {
        fail_value(r, o, &(struct values){words + 1, count - 1}, text, why);
        return false;
    }
    r->wrong[o - option_table] = true;
    return true;
}

/* ---- directives that are no options ---- */

static bool take_include_path(struct config_reader *r, const char *path, const char *text) {
    char reason[PATH_MAX + 128];
    const char *source = r->source;
    unsigned line = r->line;
    struct buf content = {0};
    bool fine;
    int rc = config_read_file(path, &content);
    if (rc < 0) {
        snprintf(reason, sizeof reason, "Can't open config file '%s': %s", path, strerror(-rc));
        config_reader_fail(r, text, reason);
        fine = r->forgiving;
    } else {
        fine = config_reader_take_text(r, path, content.data, content.len);
    }
    buf_free(&content);
    r->source = source;
    r->line = line;
    return fine;
}

static bool take_include(struct config_reader *r, const struct text_word *words, unsigned count,
                         const char *text) {
    char pattern[PATH_MAX];
    glob_t found;
    if (count != 2) {
        config_reader_fail(r, text, "'include' takes one file name or pattern");
        return r->forgiving;
    }
    struct text_word path = words[1];
    if (!resolve_directory(r, &path, pattern)) {
        config_reader_fail(r, text, strerror(ENAMETOOLONG));
        return r->forgiving;
    }
    if (r->depth >= CONFIG_INCLUDE_DEPTH_MAX) {
        config_reader_fail(r, text, "Too many files that include each other");
        return r->forgiving;
    }
    r->depth++;
    bool fine = true;
    if (!strpbrk(path.data, "*?[")) {
        fine = take_include_path(r, path.data, text);
    } else if (glob(path.data, 0, NULL, &found) == 0) {
        /* A pattern that nothing matches is not wrong. */
        for (size_t i = 0; fine && i < found.gl_pathc; i++)
            fine = take_include_path(r, found.gl_pathv[i], text);
        globfree(&found);
    }
    r->depth--;
    return fine;
}

static bool take_rename(struct config_reader *r, const struct text_word *words, unsigned count,
                        const char *text) {
    if (r->forgiving) return true;
    if (count != 3) {
        config_reader_fail(r, text, "'rename-command' takes a command and its new name (\"\" to disable it)");
        return false;
    }
    const struct text_word *name = &words[1], *to = &words[2];
    const struct command *command = commands_find(name->data, name->len);
    const struct command *taken = to->len > 0 ? commands_find(to->data, to->len) : NULL;
    if (!command) {
        warn(r, "rename-command: there is no command '%s'", name->data);
        return true;
    }
    if (taken == command) return true;
    if (!taken && commands_rename(name->data, to->data)) return true;
    config_reader_fail(r, text,
                       taken ? "Target command name already exists" : "Target command name is too long");
    return false;
}

bool config_reader_take_words(struct config_reader *r, const struct text_word *words, unsigned count,
                              const char *text) {
    ASSERT(count > 0);
    const struct text_word *name = &words[0];
    const struct option *o = option_find(name->data, name->len);
    if (o) return take_option(r, o, words, count, text);
    if (text_is(name->data, name->len, "include")) return take_include(r, words, count, text);
    if (text_is(name->data, name->len, "rename-command")) return take_rename(r, words, count, text);
    if (text_is(name->data, name->len, "loadmodule") || text_is(name->data, name->len, "user")) {
        warn(r, "'%s' is not supported by this version of Gyre and has no effect", name->data);
        return true;
    }
    if (r->source || r->forgiving) {
        warn(r, "unknown option '%s': the line has no effect", name->data);
        return true;
    }
    struct buf reason = {0};
    buf_printf(&reason, "There is no option '%s'", name->data);
    config_reader_fail(r, text, reason.data);
    buf_free(&reason);
    return false;
}

/* ---- lines ---- */

static bool take_line(struct config_reader *r, const char *line, size_t len) {
    while (len > 0 && text_is_blank(line[0])) {
        line++;
        len--;
    }
    while (len > 0 && text_is_blank(line[len - 1])) len--;
    if (len == 0 || line[0] == '#') return true;
    struct buf text = {0};
    buf_append(&text, line, len);
    struct text_word *words = NULL;
    int count = text_split(line, len, &words);
    bool fine = true;
    if (count > 0) {
        fine = config_reader_take_words(r, words, (unsigned)count, text.data);
    } else if (count < 0 && !r->forgiving) {
        config_reader_fail(r, text.data, "Unbalanced quotes in configuration line");
        fine = false;
    }
    mem_free(words);
    buf_free(&text);
    return fine;
}

bool config_reader_take_text(struct config_reader *r, const char *source, const char *text, size_t len) {
    const char *end = text + len;
    r->source = source;
    r->line = 0;
    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t line_len = (size_t)((newline ? newline : end) - text);
        r->line++;
        if (!take_line(r, text, line_len)) return false;
        text += line_len + (newline ? 1 : 0);
    }
    return true;
}

bool config_reader_take_file(struct config_reader *r, const char *path) {
    char reason[PATH_MAX + 128];
    struct buf content = {0};
    int rc = config_read_file(path, &content);
    bool fine = rc == 0 && config_reader_take_text(r, path, content.data, content.len);
    buf_free(&content);
    if (rc < 0) {
        snprintf(reason, sizeof reason, "Fatal error, can't open config file '%s': %s", path, strerror(-rc));
        buf_append_text(&r->error, reason);
        buf_append_char(&r->error, '\n');
    }
    return fine;
}
