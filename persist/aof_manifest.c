/* aof_manifest.c: see aof_manifest.h. */
#include "persist/aof_manifest.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { FILES_AT_FIRST = 8 };

static struct aof_file *add(struct aof_manifest *m) {
    if (m->count == m->capacity) {
        m->capacity = m->capacity ? m->capacity * 2 : FILES_AT_FIRST;
        m->files = mem_realloc(m->files, m->capacity * sizeof *m->files);
    }
    struct aof_file *f = &m->files[m->count++];
    memset(f, 0, sizeof *f);
    return f;
}

/* ---- reading ---- */

/* One pair of a line's words. False: not understood. */
static bool set_field(struct aof_file *f, const struct text_word *name, const struct text_word *value) {
    if (text_is(name->data, name->len, "file")) {
        if (value->len == 0 || value->len >= sizeof f->name) return false;
        memcpy(f->name, value->data, value->len + 1);
    } else if (text_is(name->data, name->len, "seq")) {
        if (!text_to_u64(value->data, value->len, &f->number)) return false;
    } else if (text_is(name->data, name->len, "type")) {
        f->type = (enum aof_type)value->data[0];
    }
    return true;
}

static const char *const bad_format = "Invalid AOF manifest file format";

static const char *check_file(struct aof_manifest *m, const struct aof_file *f) {
    if (!*f->name || !f->number || !f->type) return bad_format;
    if (strchr(f->name, '/')) return "File can't be a path, just a filename";
    if (f->type == AOF_BASE) {
        if (aof_manifest_base(m)) return "Found duplicate base file information";
        m->base_number = f->number;
    } else if (f->type == AOF_INCREMENT) {
        if (f->number <= m->increment_number) return "Found a non-monotonic sequence number";
        m->increment_number = f->number;
    } else if (f->type != AOF_HISTORY) {
        return "Unknown AOF file type";
    }
    return NULL;
}

/* Reads one line; NULL, or what is wrong. */
static const char *parse_line(struct aof_manifest *m, const char *line, size_t len) {
    struct text_word *words;
    struct aof_file f = {0};
    if (len > AOF_LINE_MAX) return "The AOF manifest file contains too long line";
    int count = text_split(line, len, &words);
    bool fine = count >= 6 && count % 2 == 0;
    for (int i = 0; fine && i < count; i += 2) fine = set_field(&f, &words[i], &words[i + 1]);
    if (count >= 0) mem_free(words);
    const char *problem = fine ? check_file(m, &f) : bad_format;
    if (!problem && m->count == AOF_FILES_MAX) problem = "Too many files";
    if (!problem) *add(m) = f;
    return problem;
}

bool aof_manifest_parse(struct aof_manifest *m, const char *text, size_t len, const char **why,
                        unsigned *line) {
    ASSERT(m->count == 0);
    *line = 0;
    *why = "Found an empty AOF manifest";
    for (size_t at = 0; at < len;) {
        const char *end = memchr(text + at, '\n', len - at);
        ++*line;
        if (!end) {
            *why = "The AOF manifest file contains too long line";
            return false;
        }
        size_t n = (size_t)(end - (text + at));
        if (text[at] != '#') {
            const char *problem = parse_line(m, text + at, n);
            if (problem) {
                *why = problem;
                return false;
            }
        }
        at += n + 1;
    }
    return m->count > 0;
}

/* ---- writing ---- */

static bool needs_quotes(const char *name) {
    for (; *name; name++)
        if (!isprint((unsigned char)*name) || strchr(" \"'\\", *name)) return true;
    return false;
}

static void format_type(const struct aof_manifest *m, enum aof_type type, struct buf *out) {
    for (unsigned i = 0; i < m->count; i++) {
        const struct aof_file *f = &m->files[i];
        if (f->type != type) continue;
        buf_append_text(out, "file ");
        if (needs_quotes(f->name))
            buf_append_quoted(out, f->name, strlen(f->name));
        else
            buf_append_text(out, f->name);
        buf_printf(out, " seq %llu type %c\n", (unsigned long long)f->number, f->type);
    }
}

void aof_manifest_format(const struct aof_manifest *m, struct buf *out) {
    format_type(m, AOF_BASE, out);
    format_type(m, AOF_HISTORY, out);
    format_type(m, AOF_INCREMENT, out);
}

void aof_manifest_copy(struct aof_manifest *to, const struct aof_manifest *from) {
    *to = *from;
    to->capacity = from->count;
    to->files = from->count ? mem_dup(from->files, from->count * sizeof *from->files) : NULL;
}

void aof_manifest_free(struct aof_manifest *m) {
    mem_free(m->files);
    *m = (struct aof_manifest){0};
}

/* ---- changing ---- */

const struct aof_file *aof_manifest_base(const struct aof_manifest *m) {
    for (unsigned i = 0; i < m->count; i++)
        if (m->files[i].type == AOF_BASE) return &m->files[i];
    return NULL;
}

const struct aof_file *aof_manifest_last_increment(const struct aof_manifest *m) {
    for (unsigned i = m->count; i-- > 0;)
        if (m->files[i].type == AOF_INCREMENT) return &m->files[i];
    return NULL;
}

static const struct aof_file *add_named(struct aof_manifest *m, const char *prefix, const char *suffix,
                                        uint64_t number) {
    struct aof_file *f = add(m);
    int n = snprintf(f->name, sizeof f->name, "%s.%llu.%s", prefix, (unsigned long long)number, suffix);
    ASSERT(n > 0 && (size_t)n < sizeof f->name); /* the option's check leaves room */
    f->number = number;
    return f;
}

const struct aof_file *aof_manifest_add_increment(struct aof_manifest *m, const char *prefix) {
    add_named(m, prefix, "incr.aof", ++m->increment_number);
    m->files[m->count - 1].type = AOF_INCREMENT;
    return &m->files[m->count - 1];
}

const struct aof_file *aof_manifest_set_base(struct aof_manifest *m, const char *prefix, bool is_rdb,
                                             unsigned kept) {
    unsigned seen = 0;
    for (unsigned i = m->count; i-- > 0;) {
        struct aof_file *f = &m->files[i];
        if (f->type == AOF_INCREMENT && seen++ < kept) continue;
        f->type = AOF_HISTORY;
    }
    add_named(m, prefix, is_rdb ? "base.rdb" : "base.aof", ++m->base_number);
    m->files[m->count - 1].type = AOF_BASE;
    return &m->files[m->count - 1];
}

void aof_manifest_adopt(struct aof_manifest *m, const char *name) {
    ASSERT(m->count == 0);
    struct aof_file *f = add(m);
    int n = snprintf(f->name, sizeof f->name, "%s", name);
    ASSERT(n > 0 && (size_t)n < sizeof f->name);
    f->type = AOF_BASE;
    f->number = m->base_number = 1;
}

void aof_manifest_forget_history(struct aof_manifest *m) {
    unsigned kept = 0;
    for (unsigned i = 0; i < m->count; i++)
        if (m->files[i].type != AOF_HISTORY) m->files[kept++] = m->files[i];
    m->count = kept;
}
