/* config_special.c: the types of option that are one of a kind, and the further conditions on plain ones.
 *
 * A special type covers several members of struct config, found from the address of the first (bind_count,
 * for example, is followed through the whole struct by SPECIAL rows of config_table.c); one without a field
 * (save, replicaof, ...) checks the words as redis-server would and keeps them as one text. As in
 * config_value.c: pure, any thread.
 */
#include "server/config_option.h"

#include "server/notify_class.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool refuse(char *why, const char *reason) {
    snprintf(why, CONFIG_WHY_MAX, "%s", reason);
    return false;
}

/* bind: bind_count and bind[]. */

static struct config *config_of(const struct option *o, void *field) {
    ASSERT(option_has_field(o));
    return (struct config *)((char *)field - o->offset);
}
static const struct config *config_of_const(const struct option *o, const void *field) {
    ASSERT(option_has_field(o));
    return (const struct config *)((const char *)field - o->offset);
}

static void bind_release(const struct option *o, void *field) {
    struct config *c = config_of(o, field);
    for (int i = 0; i < c->bind_count; i++) mem_free((void *)c->bind[i]);
    c->bind_count = 0;
}

static bool bind_parse(const struct option *o, const struct text_word *words, unsigned count, void *field,
                       char *why) {
    struct config *c = config_of(o, field);
    if (count > CONFIG_BIND_MAX) return refuse(why, "Too many bind addresses specified.");
    /* No address at all is one empty word. */
    if (count == 1 && words[0].len == 0) count = 0;
    bind_release(o, field);
    for (unsigned i = 0; i < count; i++) c->bind[i] = mem_strdup(words[i].data);
    c->bind_count = (int)count;
    return true;
}

static void bind_print(const struct option *o, const void *field, struct buf *out) {
    const struct config *c = config_of_const(o, field);
    for (int i = 0; i < c->bind_count; i++) buf_printf(out, "%s%s", i ? " " : "", c->bind[i]);
}

/* In a file, no value at all would be wrong for most options: nothing is written as "". */
static void bind_print_for_file(const struct option *o, const void *field, struct buf *out) {
    const struct config *c = config_of_const(o, field);
    if (c->bind_count == 0) buf_append_text(out, "\"\"");
    bind_print(o, field, out);
}

static void bind_own(const struct option *o, void *field) {
    struct config *c = config_of(o, field);
    for (int i = 0; i < c->bind_count; i++) c->bind[i] = mem_strdup(c->bind[i]);
}

const struct option_type option_bind = {.parse = bind_parse,
                                        .print = bind_print,
                                        .print_for_file = bind_print_for_file,
                                        .own = bind_own,
                                        .release = bind_release};

/* client-output-buffer-limit: groups of class, hard, soft, seconds; classes not named stay as they are. */

static const char *const class_names[CLIENT_CLASS_COUNT] = {"normal", "slave", "pubsub"};

static int class_by_name(const struct text_word *word) {
    if (text_is(word->data, word->len, "replica")) return CLIENT_CLASS_REPLICA;
    for (int i = 0; i < CLIENT_CLASS_COUNT; i++) {
        if (text_is(word->data, word->len, class_names[i])) return i;
    }
    return -1;
}

static bool output_limit_parse(const struct option *o, const struct text_word *words, unsigned count,
                               void *field, char *why) {
    (void)o;
    struct config_output_limit limits[CLIENT_CLASS_COUNT];
    memcpy(limits, field, sizeof limits);
    /* One empty word: nothing is said about any class. */
    if (count == 1 && words[0].len == 0) return true;
    if (count % 4 != 0) return refuse(why, "Wrong number of arguments in buffer limit configuration.");
    for (unsigned i = 0; i < count; i += 4) {
        int class = class_by_name(&words[i]);
        if (class < 0) return refuse(why, "Invalid client class specified in buffer limit configuration.");
        struct config_output_limit *l = &limits[class];
        if (!text_to_memory(words[i + 1].data, words[i + 1].len, &l->hard_bytes) ||
            !text_to_memory(words[i + 2].data, words[i + 2].len, &l->soft_bytes) ||
            !text_to_i64(words[i + 3].data, words[i + 3].len, &l->soft_seconds) || l->soft_seconds < 0)
            return refuse(why, "Error in hard, soft or soft_seconds setting in buffer limit configuration.");
    }
    memcpy(field, limits, sizeof limits);
    return true;
}

static void output_limit_print(const struct option *o, const void *field, struct buf *out) {
    (void)o;
    const struct config_output_limit *limits = field;
    for (int i = 0; i < CLIENT_CLASS_COUNT; i++) {
        buf_printf(out, "%s%s %llu %llu %lld", i ? " " : "", class_names[i],
                   (unsigned long long)limits[i].hard_bytes, (unsigned long long)limits[i].soft_bytes,
                   (long long)limits[i].soft_seconds);
    }
}

/* One line for each class. */
static void output_limit_print_lines(const struct option *o, const void *field, struct buf *out) {
    const struct config_output_limit *limits = field;
    for (int i = 0; i < CLIENT_CLASS_COUNT; i++) {
        buf_printf(out, "%s %s ", o->name, i == CLIENT_CLASS_REPLICA ? "replica" : class_names[i]);
        option_memory.print_for_file(o, &limits[i].hard_bytes, out);
        buf_append_char(out, ' ');
        option_memory.print_for_file(o, &limits[i].soft_bytes, out);
        buf_printf(out, " %lld\n", (long long)limits[i].soft_seconds);
    }
}

static void output_limit_describe(const struct option *o, struct buf *out) {
    (void)o;
    buf_append_text(out, "groups of class (normal, replica or pubsub), hard limit, soft limit (bytes, units "
                         "allowed), seconds");
}

const struct option_type option_output_limit = {.parse = output_limit_parse,
                                                .print = output_limit_print,
                                                .print_lines = output_limit_print_lines,
                                                .describe = output_limit_describe};

/* latency-tracking-info-percentiles: latency_percentile_count and the numbers. */

static bool percentiles_parse(const struct option *o, const struct text_word *words, unsigned count,
                              void *field, char *why) {
    struct config *c = config_of(o, field);
    double values[CONFIG_PERCENTILES_MAX];
    if (count == 1 && words[0].len == 0) count = 0;
    if (count > CONFIG_PERCENTILES_MAX)
        return refuse(why, "too many latency-tracking-info-percentiles parameters");
    for (unsigned i = 0; i < count; i++) {
        if (!text_to_double(words[i].data, words[i].len, &values[i]))
            return refuse(why, "Invalid latency-tracking-info-percentiles parameters");
        if (!(values[i] >= 0.0 && values[i] <= 100.0))
            return refuse(why, "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]");
    }
    if (count > 0) memcpy(c->latency_tracking_info_percentiles, values, count * sizeof values[0]);
    c->latency_percentile_count = (int)count;
    return true;
}

static void percentiles_print(const struct option *o, const void *field, struct buf *out) {
    const struct config *c = config_of_const(o, field);
    for (int i = 0; i < c->latency_percentile_count; i++)
        buf_printf(out, "%s%.10g", i ? " " : "", c->latency_tracking_info_percentiles[i]);
}

static void percentiles_print_for_file(const struct option *o, const void *field, struct buf *out) {
    if (config_of_const(o, field)->latency_percentile_count == 0) buf_append_text(out, "\"\"");
    percentiles_print(o, field, out);
}

const struct option_type option_percentiles = {
    .parse = percentiles_parse, .print = percentiles_print, .print_for_file = percentiles_print_for_file};

/* oom-score-adj-values: int[3]. */

enum { OOM_VALUES = 3, OOM_LIMIT = 2000 };

static bool oom_values_parse(const struct option *o, const struct text_word *words, unsigned count,
                             void *field, char *why) {
    int64_t values[OOM_VALUES];
    if (count != OOM_VALUES) return refuse(why, "wrong number of arguments");
    for (unsigned i = 0; i < OOM_VALUES; i++) {
        if (!text_to_i64(words[i].data, words[i].len, &values[i]) || values[i] < -OOM_LIMIT ||
            values[i] > OOM_LIMIT) {
            snprintf(why, CONFIG_WHY_MAX, "Invalid %s, elements must be between -%d and %d.", o->name,
                     OOM_LIMIT, OOM_LIMIT);
            return false;
        }
    }
    for (unsigned i = 0; i < OOM_VALUES; i++) ((int *)field)[i] = (int)values[i];
    return true;
}

static void oom_values_print(const struct option *o, const void *field, struct buf *out) {
    (void)o;
    const int *values = field;
    buf_printf(out, "%d %d %d", values[0], values[1], values[2]);
}

const struct option_type option_oom_values = {.parse = oom_values_parse, .print = oom_values_print};

/* Without a field: the words, joined, as one text. */

static void keep_words(const struct text_word *words, unsigned count, void *field) {
    struct buf joined = {0};
    for (unsigned i = 0; i < count; i++) {
        if (i > 0) buf_append_char(&joined, ' ');
        buf_append(&joined, words[i].data, words[i].len);
    }
    buf_append(&joined, "", 0);
    mem_free(*(char **)field);
    *(char **)field = joined.data;
}

static void words_print(const struct option *o, const void *field, struct buf *out) {
    option_string.print(o, field, out);
}
static void words_release(const struct option *o, void *field) {
    option_string.release(o, field);
}

/* save: pairs of seconds and changes, or nothing. A line of a file adds to the lines before it. */
static bool save_add(const struct option *o, const struct text_word *words, unsigned count, void *field,
                     char *why) {
    struct config_save save = *(struct config_save *)field;
    (void)o;
    if (count == 1 && words[0].len == 0) count = 0;
    if (count == 0) save.count = 0;
    bool valid = count % 2 == 0;
    for (unsigned i = 0; valid && i < count; i += 2) {
        if (save.count == SAVE_POINTS_MAX) return refuse(why, "Too many save points");
        struct save_point *p = &save.points[save.count++];
        valid = text_to_i64(words[i].data, words[i].len, &p->seconds) && p->seconds >= 1 &&
                text_to_i64(words[i + 1].data, words[i + 1].len, &p->changes) && p->changes >= 0;
    }
    if (!valid) return refuse(why, "Invalid save parameters");
    *(struct config_save *)field = save;
    return true;
}

static bool save_parse(const struct option *o, const struct text_word *words, unsigned count, void *field,
                       char *why) {
    struct config_save save = {.count = 0};
    if (!save_add(o, words, count, &save, why)) return false;
    *(struct config_save *)field = save;
    return true;
}

static void save_print(const struct option *o, const void *field, struct buf *out) {
    const struct config_save *save = field;
    (void)o;
    for (unsigned i = 0; i < save->count; i++)
        buf_printf(out, "%s%lld %lld", i ? " " : "", (long long)save->points[i].seconds,
                   (long long)save->points[i].changes);
}

static void save_print_lines(const struct option *o, const void *field, struct buf *out) {
    const struct config_save *save = field;
    for (unsigned i = 0; i < save->count; i++)
        buf_printf(out, "%s %lld %lld\n", o->name, (long long)save->points[i].seconds,
                   (long long)save->points[i].changes);
    if (save->count == 0) buf_printf(out, "%s \"\"\n", o->name);
}

const struct option_type option_save = {
    .parse = save_parse, .add = save_add, .print = save_print, .print_lines = save_print_lines};

/* replicaof: a host and a port; "no one" is nothing. */
static bool replicaof_parse(const struct option *o, const struct text_word *words, unsigned count,
                            void *field, char *why) {
    (void)o;
    int64_t port;
    if (count == 1 && words[0].len == 0) {
        keep_words(words, 0, field);
        return true;
    }
    if (count != 2) return refuse(why, "wrong number of arguments");
    if (text_is(words[0].data, words[0].len, "no") && text_is(words[1].data, words[1].len, "one")) {
        keep_words(words, 0, field);
        return true;
    }
    if (!text_to_i64(words[1].data, words[1].len, &port) || port < 0 || port > 65535)
        return refuse(why, "Invalid master port");
    keep_words(words, count, field);
    return true;
}

static void words_own(const struct option *o, void *field) {
    option_string.own(o, field);
}

/* One line of a file: the words as they are. */
static void replicaof_print_lines(const struct option *o, const void *field, struct buf *out) {
    const char *text = *(const char *const *)field;
    if (*text) buf_printf(out, "%s %s\n", o->name, text);
}

const struct option_type option_replicaof = {.parse = replicaof_parse,
                                             .print = words_print,
                                             .print_lines = replicaof_print_lines,
                                             .own = words_own,
                                             .release = words_release};

/* notify-keyspace-events: a set of letters, shown in an order of its own. */
static bool event_classes_parse(const struct option *o, const struct text_word *words, unsigned count,
                                void *field, char *why) {
    (void)o;
    ASSERT(count > 0);
    uint32_t classes;
    if (!notify_classes_parse(words[0].data, words[0].len, &classes)) {
        snprintf(why, CONFIG_WHY_MAX, "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
        return false;
    }
    *(int *)field = (int)classes;
    return true;
}

static void event_classes_print(const struct option *o, const void *field, struct buf *out) {
    (void)o;
    notify_classes_print((uint32_t) * (const int *)field, out);
}

const struct option_type option_event_classes = {.parse = event_classes_parse, .print = event_classes_print};

/* dir: an existing directory, kept as an absolute path, so that it means the same after the process has gone
 * there. */
static bool directory_parse(const struct option *o, const struct text_word *words, unsigned count,
                            void *field, char *why) {
    char path[PATH_MAX];
    struct stat status;
    ASSERT(count > 0);
    if (memchr(words[0].data, '\0', words[0].len)) return refuse(why, strerror(ENOENT));
    if (!realpath(words[0].data, path) || stat(path, &status) != 0) return refuse(why, strerror(errno));
    if (!S_ISDIR(status.st_mode)) return refuse(why, strerror(ENOTDIR));
    if (access(path, X_OK) != 0) return refuse(why, strerror(errno));
    struct text_word absolute = {path, strlen(path)};
    return option_string.parse(o, &absolute, 1, field, why);
}

static void directory_print(const struct option *o, const void *field, struct buf *out) {
    option_string.print(o, field, out);
}
static void directory_print_for_file(const struct option *o, const void *field, struct buf *out) {
    option_string.print_for_file(o, field, out);
}
static void directory_own(const struct option *o, void *field) {
    option_string.own(o, field);
}

const struct option_type option_directory = {.parse = directory_parse,
                                             .print = directory_print,
                                             .print_for_file = directory_print_for_file,
                                             .own = directory_own,
                                             .release = words_release};

/* Conditions on plain values. */

static const char *text_of(const void *field) {
    return *(const char *const *)field;
}

bool option_check_file_name(const struct option *o, const void *field, char *why) {
    if (!strchr(text_of(field), '/')) return true;
    snprintf(why, CONFIG_WHY_MAX, "%s can't be a path, just a filename", o->name);
    return false;
}

bool option_check_directory_name(const struct option *o, const void *field, char *why) {
    if (!strchr(text_of(field), '/')) return true;
    snprintf(why, CONFIG_WHY_MAX, "%s can't be a path, just a dirname", o->name);
    return false;
}

bool option_check_host_name(const struct option *o, const void *field, char *why) {
    enum { HOST_NAME_BYTES_MAX = 256 };
    (void)o;
    const char *name = text_of(field);
    if (strlen(name) >= HOST_NAME_BYTES_MAX) return refuse(why, "Hostnames must be less than 256 characters");
    for (const char *p = name; *p; p++) {
        bool fine = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
                    *p == '-' || *p == '.';
        if (!fine) return refuse(why, "Hostnames may only contain alphanumeric characters, hyphens or dots");
    }
    return true;
}

/* What a variable of the title may become: some are always there, some may be empty. */
static const struct title_variable {
    const char *name;
    bool never_empty;
} title_variables[] = {{"title", false},      {"listen-addr", true}, {"server-mode", false}, {"port", true},
                       {"config-file", true}, {"unixsocket", true},  {"tls-port", true}};

/* A title that could come out empty is refused, like one with unknown variables. */
bool option_check_title(const struct option *o, const void *field, char *why) {
    (void)o;
    bool known = true, shows_something = false;
    for (const char *at = text_of(field); known && *at; at++) {
        if (*at != '{') {
            if (!text_is_blank(*at)) shows_something = true;
            continue;
        }
        const char *name = at + 1, *end = strchr(name, '}');
        known = false;
        for (size_t i = 0; end && !known && i < sizeof title_variables / sizeof title_variables[0]; i++) {
            known = text_is(name, (size_t)(end - name), title_variables[i].name);
            if (known && title_variables[i].never_empty) shows_something = true;
        }
        if (known) at = end;
    }
    if (known && shows_something) return true;
    return refuse(why, "template format is invalid or contains unknown variables");
}

bool option_check_shutdown(const struct option *o, const void *field, char *why) {
    (void)o;
    int flags = *(const int *)field;
    if (!(flags & SHUTDOWN_SAVE) || !(flags & SHUTDOWN_NOSAVE)) return true;
    return refuse(why, "shutdown options SAVE and NOSAVE can't be used simultaneously");
}

bool option_check_defrag(const struct option *o, const void *field, char *why) {
    (void)o;
    if (!*(const bool *)field) return true;
    return refuse(
        why, "Active defragmentation cannot be enabled: it requires a Redis server compiled with a modified "
             "Jemalloc like the one shipped by default with the Redis source distribution");
}
