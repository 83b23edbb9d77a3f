/* template.c: see template.h.
 *
 * A word is of fixed width unless it holds __data__ of varying size, __score__, __ttl__ or __time__. A word
 * that is nothing but __data__ knows its length before its bytes; any other word of varying width is written
 * after a gap for its length, and moved to close the gap.
 */
#include "bench/template.h"

#include "shard/base/assert.h"
#include "shard/base/buf.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"

#include <stdio.h>
#include <string.h>

enum piece_kind {
    PIECE_LITERAL,
    PIECE_KEY,
    PIECE_ID,
    PIECE_RANDOM,
    PIECE_SEQUENCE,
    PIECE_FIELD,
    PIECE_SCORE,
    PIECE_TTL,
    PIECE_TIME,
    PIECE_DATA,
    PIECE_DATA_WORD, /* length, bytes and line end of a word that is all data */
    PIECE_OPEN,      /* a word of varying width begins */
    PIECE_CLOSE,
};

enum { NUMBER_WIDTH_MAX = 20, HEADER_MAX = 16, REPEAT_MAX = 1000 };

struct piece {
    enum piece_kind kind;
    uint32_t at, len; /* a literal's place in `literals` */
};

struct template {
    const struct filling *filling;
    struct buf literals;
    struct piece *pieces;
    unsigned count, cap, keys;
    bool data;
    size_t largest;
};

static const struct {
    const char *text;
    enum piece_kind kind;
} PLACEHOLDERS[] = {
    {"__key__", PIECE_KEY},     {"__id__", PIECE_ID},        {"__rand_int__", PIECE_RANDOM},
    {"__data__", PIECE_DATA},   {"__seq__", PIECE_SEQUENCE}, {"__field__", PIECE_FIELD},
    {"__score__", PIECE_SCORE}, {"__ttl__", PIECE_TTL},      {"__time__", PIECE_TIME},
};

static void add_piece(struct template *t, enum piece_kind kind, uint32_t at, uint32_t len) {
    if (t->count == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 8;
        t->pieces = mem_realloc(t->pieces, t->cap * sizeof *t->pieces);
    }
    t->pieces[t->count++] = (struct piece){kind, at, len};
}

/* Literals that follow each other become one. */
static void add_literal(struct template *t, const char *bytes, size_t len) {
    if (!len) return;
    if (t->count && t->pieces[t->count - 1].kind == PIECE_LITERAL)
        t->pieces[t->count - 1].len += (uint32_t)len;
    else
        add_piece(t, PIECE_LITERAL, (uint32_t)t->literals.len, (uint32_t)len);
    buf_append(&t->literals, bytes, len);
    t->largest += len;
}

/* How wide a placeholder can be, and whether it always is. */
static size_t width_of(const struct filling *f, enum piece_kind kind, bool *fixed) {
    *fixed = true;
    switch (kind) {
    case PIECE_KEY:
        return strlen(f->key_prefix) + TEMPLATE_DIGITS + (f->hash_tags ? TEMPLATE_TAG_DIGITS + 2 : 0);
    case PIECE_ID:
    case PIECE_RANDOM:
    case PIECE_SEQUENCE: return TEMPLATE_DIGITS;
    case PIECE_FIELD: return TEMPLATE_FIELD_DIGITS;
    case PIECE_DATA: *fixed = sizes_fixed(&f->value_sizes); return sizes_largest(&f->value_sizes);
    default: *fixed = false; return NUMBER_WIDTH_MAX;
    }
}

/* The placeholder that begins at `text`, with its length, or PIECE_LITERAL. */
static enum piece_kind placeholder_at(const char *text, size_t *len) {
    for (size_t i = 0; i < sizeof PLACEHOLDERS / sizeof PLACEHOLDERS[0]; i++) {
        *len = strlen(PLACEHOLDERS[i].text);
        if (!strncmp(text, PLACEHOLDERS[i].text, *len)) return PLACEHOLDERS[i].kind;
    }
    return PIECE_LITERAL;
}

/* The next stretch of a word: a placeholder, or everything up to one. */
static enum piece_kind next_stretch(const char *text, size_t left, size_t *len) {
    enum piece_kind kind = placeholder_at(text, len);
    if (kind != PIECE_LITERAL && *len <= left) return kind;
    size_t at = 1, ignored;
    while (at < left && placeholder_at(text + at, &ignored) == PIECE_LITERAL) at++;
    *len = at;
    return PIECE_LITERAL;
}

static void measure_word(const struct template *t, const char *word, size_t len, size_t *width, bool *fixed) {
    *width = 0;
    *fixed = true;
    for (size_t at = 0, step; at < len; at += step) {
        bool this_fixed = true;
        enum piece_kind kind = next_stretch(word + at, len - at, &step);
        *width += kind == PIECE_LITERAL ? step : width_of(t->filling, kind, &this_fixed);
        *fixed = *fixed && this_fixed;
    }
}

static void add_stretches(struct template *t, const char *word, size_t len) {
    for (size_t at = 0, step; at < len; at += step) {
        bool fixed;
        enum piece_kind kind = next_stretch(word + at, len - at, &step);
        if (kind == PIECE_LITERAL) {
            add_literal(t, word + at, step);
            continue;
        }
        add_piece(t, kind, 0, 0);
        t->largest += width_of(t->filling, kind, &fixed);
        if (kind == PIECE_KEY || kind == PIECE_ID) t->keys++;
        if (kind == PIECE_DATA) t->data = true;
    }
}

static void add_word(struct template *t, const char *word, size_t len) {
    char header[HEADER_MAX + 8];
    size_t width;
    bool fixed;
    measure_word(t, word, len, &width, &fixed);
    if (fixed) {
        add_literal(t, header, (size_t)snprintf(header, sizeof header, "$%zu\r\n", width));
        add_stretches(t, word, len);
        add_literal(t, "\r\n", 2);
        return;
    }
    t->largest += HEADER_MAX;
    if (!strcmp(word, "__data__")) {
        add_piece(t, PIECE_DATA_WORD, 0, 0);
        t->largest += width + 2;
        t->data = true;
        return;
    }
    add_piece(t, PIECE_OPEN, 0, 0);
    add_stretches(t, word, len);
    add_piece(t, PIECE_CLOSE, 0, 0);
    t->largest += 2;
}

/* "(a b)*10" does not survive the splitting into words, so a repetition is written as __key__*10: of this
 * word alone, or "__key__,__data__*10": of a group of words. Returns how often, and cuts the star off. */
static unsigned repetition(char *word) {
    char *star = strrchr(word, '*');
    uint64_t times;
    if (!star || star == word || !strstr(word, "__") || star[-1] != '_' ||
        !text_to_u64(star + 1, strlen(star + 1), &times) || times == 0 || times > REPEAT_MAX)
        return 1;
    *star = 0;
    return (unsigned)times;
}

/* Words of a group are separated by commas. Returns how many there are. */
static unsigned add_group(struct template *t, const char *group, unsigned times) {
    unsigned words = 0;
    for (unsigned i = 0; i < times; i++) {
        for (const char *at = group;; at++) {
            char one[128];
            size_t len = strcspn(at, ",");
            snprintf(one, sizeof one, "%.*s", (int)len, at);
            add_word(t, one, strlen(one));
            words++;
            at += len;
            if (!*at) break;
        }
    }
    return words;
}

struct template *template_make(const struct filling *filling, char *const *words, unsigned count,
                               struct problem *problem) {
    struct template *t = mem_zalloc(sizeof *t), *body = mem_zalloc(sizeof *body);
    unsigned total = 0;
    t->filling = body->filling = filling;
    for (unsigned i = 0; i < count && total <= TEMPLATE_WORDS_MAX; i++) {
        char *word = mem_strdup(words[i]);
        const unsigned times = repetition(word);
        if (times > 1) {
            total += add_group(body, word, times);
        } else {
            add_word(body, word, strlen(word));
            total++;
        }
        mem_free(word);
    }
    char header[HEADER_MAX + 8];
    add_literal(t, header, (size_t)snprintf(header, sizeof header, "*%u\r\n", total));
    for (unsigned i = 0; i < body->count; i++) {
        const struct piece *p = &body->pieces[i];
        if (p->kind == PIECE_LITERAL)
            add_literal(t, body->literals.data + p->at, p->len);
        else
            add_piece(t, p->kind, 0, 0);
    }
    t->largest = body->largest + HEADER_MAX + 8;
    t->keys = body->keys;
    t->data = body->data;
    template_free(body);
    if (total > 0 && total <= TEMPLATE_WORDS_MAX) return t;
    problem_note(problem, total ? "a command has at most %d words" : "the command is empty",
                 TEMPLATE_WORDS_MAX);
    template_free(t);
    return NULL;
}

struct template *template_make_line(const struct filling *filling, const char *line,
                                    struct problem *problem) {
    struct text_word *words;
    int count = text_split(line, strlen(line), &words);
    if (count < 0) {
        problem_note(problem, "unbalanced quotes in: %s", line);
        return NULL;
    }
    char **texts = mem_alloc((size_t)(count + 1) * sizeof *texts);
    for (int i = 0; i < count; i++) texts[i] = words[i].data;
    struct template *t = template_make(filling, texts, (unsigned)count, problem);
    mem_free(texts);
    mem_free(words);
    return t;
}

struct template *template_make_inline(const char *line) {
    struct template *t = mem_zalloc(sizeof *t);
    add_literal(t, line, strlen(line));
    add_literal(t, "\r\n", 2);
    return t;
}

void template_free(struct template *t) {
    if (!t) return;
    buf_free(&t->literals);
    mem_free(t->pieces);
    mem_free(t);
}

size_t template_largest(const struct template *t) {
    return t->largest;
}

unsigned template_keys(const struct template *t) {
    return t->keys;
}

bool template_has_data(const struct template *t) {
    return t->data;
}

static char *put_digits(char *out, uint64_t value, unsigned width) {
    for (char *at = out + width; at > out;) {
        *--at = (char)('0' + value % 10);
        value /= 10;
    }
    return out + width;
}

static char *put_bytes(char *out, const char *bytes, size_t len) {
    memcpy(out, bytes, len);
    return out + len;
}

static char *put_header(char *out, uint64_t len) {
    *out++ = '$';
    out += text_from_u64(out, len);
    return put_bytes(out, "\r\n", 2);
}

/* One request in the making. */
struct rendering {
    const struct filling *filling;
    struct drawing *drawing;
    uint64_t *keys; /* where the next key's number goes, or NULL */
    uint64_t key;   /* the last one */
    bool has_key;
    char *word; /* where the gap before an open word begins */
};

static uint64_t draw_key(struct rendering *r) {
    uint64_t key = draw_next(&r->drawing->keys, &r->drawing->random);
    const unsigned tags = r->filling->hash_tags;
    /* All keys of a request lie in one slot: they take the tag of the first. */
    if (tags && r->has_key) {
        key = key - key % tags + r->key % tags;
        if (key >= r->filling->keys) key = r->key;
    }
    r->key = key;
    r->has_key = true;
    if (r->keys) *r->keys++ = key;
    return key;
}

static char *put_key(struct rendering *r, char *out) {
    const uint64_t key = draw_key(r);
    out = put_bytes(out, r->filling->key_prefix, strlen(r->filling->key_prefix));
    if (r->filling->hash_tags) {
        *out++ = '{';
        out = put_digits(out, key % r->filling->hash_tags, TEMPLATE_TAG_DIGITS);
        *out++ = '}';
    }
    return put_digits(out, key, TEMPLATE_DIGITS);
}

static char *put_data(struct rendering *r, char *out, bool whole_word) {
    const uint64_t size = sizes_draw(&r->filling->value_sizes, &r->drawing->random);
    ASSERT(size <= r->filling->payload.largest);
    if (!r->has_key) r->key = random_next(&r->drawing->random);
    if (whole_word) out = put_header(out, size);
    out = put_bytes(out, payload_of(&r->filling->payload, r->key), size);
    return whole_word ? put_bytes(out, "\r\n", 2) : out;
}

/* Writes the length of the word that ends at `out` before it, and closes the gap. */
static char *close_word(struct rendering *r, char *out) {
    ASSERT(r->word && out >= r->word + HEADER_MAX);
    const size_t len = (size_t)(out - r->word) - HEADER_MAX;
    char *to = put_header(r->word, len);
    memmove(to, r->word + HEADER_MAX, len);
    return put_bytes(to + len, "\r\n", 2);
}

static char *put_piece(struct rendering *r, enum piece_kind kind, char *out) {
    struct drawing *d = r->drawing;
    switch (kind) {
    case PIECE_KEY: return put_key(r, out);
    case PIECE_ID: return put_digits(out, draw_key(r), TEMPLATE_DIGITS);
    case PIECE_RANDOM: return put_digits(out, random_below(&d->random, r->filling->keys), TEMPLATE_DIGITS);
    case PIECE_SEQUENCE:
        d->sequence += d->sequence_step;
        return put_digits(out, d->sequence, TEMPLATE_DIGITS);
    case PIECE_FIELD:
        return put_digits(out, random_below(&d->random, r->filling->fields), TEMPLATE_FIELD_DIGITS);
    case PIECE_SCORE: return out + text_from_u64(out, random_below(&d->random, TEMPLATE_SCORES));
    case PIECE_TTL: return out + text_from_u64(out, sizes_draw(&r->filling->ttl, &d->random));
    case PIECE_TIME: return out + text_from_u64(out, d->now_ms);
    case PIECE_DATA: return put_data(r, out, false);
    case PIECE_DATA_WORD: return put_data(r, out, true);
    case PIECE_OPEN: r->word = out; return out + HEADER_MAX;
    case PIECE_CLOSE: return close_word(r, out);
    case PIECE_LITERAL: break;
    }
    ASSERT(!"a piece of no kind");
}

size_t template_render(const struct template *t, struct drawing *drawing, char *out, uint64_t *keys) {
    struct rendering r = {.filling = t->filling, .drawing = drawing, .keys = keys};
    char *at = out;
    for (unsigned i = 0; i < t->count; i++) {
        const struct piece *p = &t->pieces[i];
        at = p->kind == PIECE_LITERAL ? put_bytes(at, t->literals.data + p->at, p->len)
                                      : put_piece(&r, p->kind, at);
    }
    ASSERT((size_t)(at - out) <= t->largest);
    return (size_t)(at - out);
}
