/* docs.c: the notation of docs.h, read and replied. */
#include "server/docs.h"

#include "shard/base/assert.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 8, TEXT_MAX = 64 };

/* One element, taken apart. */
struct element {
    char name[TEXT_MAX], word[TEXT_MAX], since[16], deprecated[16];
    char type;
    int key_spec; /* -1: none */
    bool has_word, optional, multiple, multiple_word;
    const char *inner; /* behind its '(', or NULL */
};

static const struct {
    char letter;
    const char *name;
} types[] = {{'k', "key"},       {'s', "string"},     {'i', "integer"}, {'d', "double"}, {'p', "pattern"},
             {'t', "unix-time"}, {'x', "pure-token"}, {'o', "oneof"},   {'b', "block"}};

static const char *type_name(char letter) {
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].letter == letter) return types[i].name;
    return NULL;
}

/* Copies up to one of the characters that end a word; NULL when it does not fit or is empty. */
static const char *take_text(const char *p, const char *ends, char *out, size_t cap) {
    size_t n = strcspn(p, ends);
    if (n == 0 || n >= cap) return NULL;
    memcpy(out, p, n);
    out[n] = 0;
    return p + n;
}

/* Behind the closing parenthesis that belongs to what was opened before p; NULL when there is none. */
static const char *skip_inner(const char *p) {
    int depth = 1;
    for (; *p; p++) {
        if (*p == '(') depth++;
        if (*p == ')' && --depth == 0) return p + 1;
        if (depth > DEPTH_MAX) return NULL;
    }
    return NULL;
}

static const char *take_flags(const char *p, struct element *e) {
    for (;; p++) {
        if (*p == '?')
            e->optional = true;
        else if (*p == '*')
            e->multiple = true;
        else if (*p == '+')
            e->multiple_word = true;
        else
            return p;
    }
}

/* Reads one element; returns what follows it, or NULL when it is malformed. */
static const char *take_element(const char *p, struct element *e) {
    static const char ends[] = " =@!?*+()#";
    *e = (struct element){.key_spec = -1};
    p = take_text(p, "~ ()", e->name, sizeof e->name);
    if (!p || p[0] != '~' || !type_name(p[1])) return NULL;
    e->type = p[1];
    p += 2;
    if (*p == '#') e->key_spec = (int)strtol(p + 1, (char **)&p, 10);
    if (*p == '=') {
        e->has_word = true;
        if (!(p = take_text(p + 1, ends, e->word, sizeof e->word))) return NULL;
    }
    if (*p == '@' && !(p = take_text(p + 1, ends, e->since, sizeof e->since))) return NULL;
    if (*p == '!' && !(p = take_text(p + 1, ends, e->deprecated, sizeof e->deprecated))) return NULL;
    p = take_flags(p, e);
    if (*p == '(') {
        e->inner = p + 1;
        p = skip_inner(p + 1);
    }
    if (!p || (e->inner != NULL) != (e->type == 'o' || e->type == 'b')) return NULL;
    return p;
}

/* Counts the elements of one level, up to its ')' or the end; -1 when malformed. */
static int count_level(const char *p, int depth) {
    int n = 0;
    struct element e;
    while (*p && *p != ')') {
        if (!(p = take_element(p, &e))) return -1;
        if (e.inner && (depth == DEPTH_MAX || count_level(e.inner, depth + 1) < 1)) return -1;
        n++;
        if (*p == ' ')
            p++;
        else if (*p && *p != ')')
            return -1;
    }
    return n;
}

bool docs_syntax_is_valid(const char *syntax) {
    return count_level(syntax, 0) >= 0;
}

unsigned docs_elements(const char *syntax) {
    int n = count_level(syntax, 0);
    ASSERT(n >= 0);
    return (unsigned)n;
}

static void reply_pair(struct reply *r, const char *name, const char *value) {
    reply_bulk_text(r, name);
    reply_bulk_text(r, value);
}

static void reply_flags(struct reply *r, const struct element *e) {
    reply_bulk_text(r, "flags");
    reply_set(r, (size_t)e->optional + e->multiple + e->multiple_word);
    if (e->optional) reply_simple(r, "optional");
    if (e->multiple) reply_simple(r, "multiple");
    if (e->multiple_word) reply_simple(r, "multiple_token");
}

static void reply_level(struct reply *r, const char *p) {
    struct element e;
    reply_array(r, docs_elements(p));
    while (*p && *p != ')') {
        p = take_element(p, &e);
        bool flags = e.optional || e.multiple || e.multiple_word;
        reply_map(r, 2 + (size_t)(e.key_spec >= 0) + e.has_word + (*e.since != 0) + (*e.deprecated != 0) +
                         flags + (e.inner != NULL));
        reply_pair(r, "name", e.name);
        reply_pair(r, "type", type_name(e.type));
        if (e.key_spec >= 0) {
            reply_bulk_text(r, "key_spec_index");
            reply_int(r, e.key_spec);
        }
        if (e.has_word) reply_pair(r, "token", e.word);
        if (*e.since) reply_pair(r, "since", e.since);
        if (*e.deprecated) reply_pair(r, "deprecated_since", e.deprecated);
        if (flags) reply_flags(r, &e);
        if (e.inner) {
            reply_bulk_text(r, "arguments");
            reply_level(r, e.inner);
        }
        if (*p == ' ') p++;
    }
}

void docs_reply_arguments(struct reply *r, const char *syntax) {
    reply_level(r, syntax);
}

static int compare_names(const void *name, const void *docs) {
    return strcmp(name, ((const struct docs *)docs)->name);
}

const struct docs *docs_find(const char *full_name) {
    return bsearch(full_name, docs_table, docs_count, sizeof *docs_table, compare_names);
}
