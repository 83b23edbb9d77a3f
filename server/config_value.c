/* config_value.c: the plain types of option: text to value and back, with redis-server's words for what is
 * wrong.
 *
 * Pure functions on the field they are given; any thread. A parse either sets its field or leaves it as it
 * was, so a snapshot under construction is whole at any time. Integers are stored in the width that the
 * option's row promised (FIELD in config_table.c checks it), bounds are compared in the widest type before
 * that.
 */
#include "server/config_option.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static bool refuse(char *why, const char *reason) {
    snprintf(why, CONFIG_WHY_MAX, "%s", reason);
    return false;
}

static bool check(const struct option *o, const void *field, char *why) {
    return !o->check || o->check(o, field, why);
}

/* Yes or no. */

static bool bool_parse(const struct option *o, const struct text_word *words, unsigned count, void *field,
                       char *why) {
    ASSERT(count > 0);
    bool yes = text_is(words[0].data, words[0].len, "yes");
    if (!yes && !text_is(words[0].data, words[0].len, "no"))
        return refuse(why, "argument must be 'yes' or 'no'");
    if (!check(o, &yes, why)) return false;
    *(bool *)field = yes;
    return true;
}

static void bool_print(const struct option *o, const void *field, struct buf *out) {
    (void)o;
    buf_append_text(out, *(const bool *)field ? "yes" : "no");
}

const struct option_type option_bool = {.parse = bool_parse, .print = bool_print};

/* One of several words, or a set of them. */

static const struct option_word *find_word(const struct option *o, const struct text_word *word) {
    for (const struct option_word *w = o->words; w->name; w++) {
        if (text_is(word->data, word->len, w->name)) return w;
    }
    return NULL;
}

static bool refuse_word(const struct option *o, char *why) {
    int n = snprintf(why, CONFIG_WHY_MAX, "argument(s) must be one of the following: ");
    for (const struct option_word *w = o->words; w->name; w++) {
        ASSERT(n > 0 && n < CONFIG_WHY_MAX);
        n += snprintf(why + n, (size_t)(CONFIG_WHY_MAX - n), "%s%s", w == o->words ? "" : ", ", w->name);
    }
    return false;
}

static bool enum_parse(const struct option *o, const struct text_word *words, unsigned count, void *field,
                       char *why) {
    ASSERT(count > 0);
    const struct option_word *w = find_word(o, &words[0]);
    if (!w) return refuse_word(o, why);
    if (!check(o, &w->value, why)) return false;
    *(int *)field = w->value;
    return true;
}

static void enum_print(const struct option *o, const void *field, struct buf *out) {
    int value = *(const int *)field;
    const struct option_word *w = o->words;
    while (w->name && w->value != value) w++;
    ASSERT(w->name);
    buf_append_text(out, w->name);
}

const struct option_type option_enum = {.parse = enum_parse, .print = enum_print};

static bool flags_parse(const struct option *o, const struct text_word *words, unsigned count, void *field,
                        char *why) {
    int flags = 0;
    for (unsigned i = 0; i < count; i++) {
        const struct option_word *w = find_word(o, &words[i]);
        if (!w) return refuse_word(o, why);
        flags |= w->value;
    }
    if (!check(o, &flags, why)) return false;
    *(int *)field = flags;
    return true;
}

static void flags_print(const struct option *o, const void *field, struct buf *out) {
    int flags = *(const int *)field;
    size_t start = out->len;
    for (const struct option_word *w = o->words; w->name; w++) {
        if (flags == 0 ? w->value != 0 : (flags & w->value) == 0) continue;
        if (out->len > start) buf_append_char(out, ' ');
        buf_append_text(out, w->name);
    }
    ASSERT(out->len > start);
}

const struct option_type option_flags = {.parse = flags_parse, .print = flags_print};

/* Numbers. */

static bool refuse_bounds(const struct option *o, char *why) {
    snprintf(why, CONFIG_WHY_MAX, "argument must be between %lld and %llu inclusive", (long long)o->min,
             (unsigned long long)o->max);
    return false;
}

static bool parse_bounded(const struct option *o, const struct text_word *word, int64_t *value, char *why) {
    if (!text_to_i64(word->data, word->len, value))
        return refuse(why, "argument couldn't be parsed into an integer");
    if (*value < o->min || (*value > 0 && (uint64_t)*value > o->max)) return refuse_bounds(o, why);
    return true;
}

static void number_describe(const struct option *o, struct buf *out) {
    buf_printf(out, "a whole number from %lld to %llu", (long long)o->min, (unsigned long long)o->max);
}

static bool int_parse(const struct option *o, const struct text_word *words, unsigned count, void *field,
                      char *why) {
    ASSERT(count > 0);
    ASSERT(o->min >= INT_MIN && o->max <= INT_MAX);
    int64_t value;
    if (!parse_bounded(o, &words[0], &value, why) || !check(o, &value, why)) return false;
    *(int *)field = (int)value;
    return true;
}

static void int_print(const struct option *o, const void *field, struct buf *out) {
    (void)o;
    buf_printf(out, "%d", *(const int *)field);
}

const struct option_type option_int = {.parse = int_parse, .print = int_print, .describe = number_describe};

static bool long_parse(const struct option *o, const struct text_word *words, unsigned count, void *field,
                       char *why) {
    ASSERT(count > 0 && o->max <= INT64_MAX);
    int64_t value;
    if (!parse_bounded(o, &words[0], &value, why) || !check(o, &value, why)) return false;
    *(int64_t *)field = value;
    return true;
}

static void long_print(const struct option *o, const void *field, struct buf *out) {
    (void)o;
    buf_printf(out, "%lld", (long long)*(const int64_t *)field);
}

const struct option_type option_long = {
    .parse = long_parse, .print = long_print, .describe = number_describe};

static bool octal_parse(const struct option *o, const struct text_word *words, unsigned count, void *field,
                        char *why) {
    ASSERT(count > 0);
    const struct text_word *word = &words[0];
    int64_t value = 0;
    bool valid = word->len > 0 && word->len <= 10;
    for (size_t i = 0; valid && i < word->len; i++) {
        char digit = word->data[i];
        valid = digit >= '0' && digit <= '7';
        value = value * 8 + (digit - '0');
    }
    if (!valid) return refuse(why, "argument couldn't be parsed as an octal number");
    if (value > (int64_t)o->max) {
        snprintf(why, CONFIG_WHY_MAX, "argument must be between %o and %o inclusive", (unsigned)o->min,
                 (unsigned)o->max);
        return false;
    }
    *(int *)field = (int)value;
    return true;
}

static void octal_print(const struct option *o, const void *field, struct buf *out) {
    (void)o;
    buf_printf(out, "%o", (unsigned)*(const int *)field);
}

static void octal_describe(const struct option *o, struct buf *out) {
    buf_printf(out, "permissions in octal digits, from %o to %o", (unsigned)o->min, (unsigned)o->max);
}

const struct option_type option_octal = {
    .parse = octal_parse, .print = octal_print, .describe = octal_describe};

/* Amounts of memory. */

static bool memory_parse(const struct option *o, const struct text_word *words, unsigned count, void *field,
                         char *why) {
    ASSERT(count > 0 && o->min >= 0);
    uint64_t bytes;
    if (!text_to_memory(words[0].data, words[0].len, &bytes))
        return refuse(why, "argument must be a memory value");
    if (bytes < (uint64_t)o->min || bytes > o->max) return refuse_bounds(o, why);
    *(uint64_t *)field = bytes;
    return true;
}

static void memory_print(const struct option *o, const void *field, struct buf *out) {
    (void)o;
    buf_printf(out, "%llu", (unsigned long long)*(const uint64_t *)field);
}

/* The largest unit that loses nothing. */
static void memory_print_for_file(const struct option *o, const void *field, struct buf *out) {
    static const char *const units[] = {"", "kb", "mb", "gb"};
    (void)o;
    uint64_t bytes = *(const uint64_t *)field;
    unsigned unit = 0;
    while (unit < 3 && bytes != 0 && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    buf_printf(out, "%llu%s", (unsigned long long)bytes, units[unit]);
}

static void memory_describe(const struct option *o, struct buf *out) {
    buf_printf(
        out, "bytes from %lld to %llu, with or without a unit (1k = 1000, 1kb = 1024, and so on: m mb g gb)",
        (long long)o->min, (unsigned long long)o->max);
}

const struct option_type option_memory = {.parse = memory_parse,
                                          .print = memory_print,
                                          .print_for_file = memory_print_for_file,
                                          .describe = memory_describe};

/* Bytes, or percent as a negative number. */
static bool percent_parse(const struct option *o, const struct text_word *words, unsigned count, void *field,
                          char *why) {
    ASSERT(count > 0);
    const struct text_word *word = &words[0];
    int64_t percent;
    uint64_t bytes;
    if (word->len > 1 && word->data[word->len - 1] == '%' &&
        text_to_i64(word->data, word->len - 1, &percent) && percent >= 0) {
        if (percent > 100) return refuse(why, "percentage argument must be less or equal to 100");
        *(int64_t *)field = -percent;
        return true;
    }
    if (!text_to_memory(word->data, word->len, &bytes))
        return refuse(why, "argument must be a memory or percent value");
    if (bytes > INT64_MAX) return refuse_bounds(o, why);
    *(int64_t *)field = (int64_t)bytes;
    return true;
}

static void percent_print(const struct option *o, const void *field, struct buf *out) {
    (void)o;
    int64_t value = *(const int64_t *)field;
    if (value < 0)
        buf_printf(out, "%lld%%", -(long long)value);
    else
        buf_printf(out, "%lld", (long long)value);
}

const struct option_type option_memory_or_percent = {.parse = percent_parse, .print = percent_print};

/* Text. */

static bool string_parse(const struct option *o, const struct text_word *words, unsigned count, void *field,
                         char *why) {
    ASSERT(count > 0);
    char **text = field;
    if (memchr(words[0].data, '\0', words[0].len)) return refuse(why, "argument must not contain a NUL byte");
    char *copy = mem_alloc(words[0].len + 1);
    memcpy(copy, words[0].data, words[0].len);
    copy[words[0].len] = '\0';
    if (!check(o, &copy, why)) {
        mem_free(copy);
        return false;
    }
    mem_free(*text);
    *text = copy;
    return true;
}

static void string_print(const struct option *o, const void *field, struct buf *out) {
    (void)o;
    buf_append_text(out, *(char *const *)field);
}

static void string_own(const struct option *o, void *field) {
    (void)o;
    char **text = field;
    *text = mem_strdup(*text);
}

static void string_release(const struct option *o, void *field) {
    (void)o;
    char **text = field;
    mem_free(*text);
    *text = NULL;
}

static void string_print_for_file(const struct option *o, const void *field, struct buf *out) {
    (void)o;
    const char *text = *(char *const *)field;
    buf_append_quoted(out, text, strlen(text));
}

const struct option_type option_string = {.parse = string_parse,
                                          .print = string_print,
                                          .print_for_file = string_print_for_file,
                                          .own = string_own,
                                          .release = string_release};
