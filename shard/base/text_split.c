/* text_split.c: splitting a line into words, for inline commands and the configuration file.
 *
 * The rules are Redis's, odd ones included: any of the six blanks separates words at their start and behind a
 * closing quote, but inside an unquoted word only space, tab, CR and LF end it (a form feed is part of the
 * word); a quote may open in the middle of a word but must end it; a NUL ends the line.
 *
 * The line is walked twice by the same code, first to count words and bytes, then to write them, so the
 * result is one block of exactly the right size however the words lie.
 */
#include <limits.h>
#include <string.h>

#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"

/* Where a walk is: the rest of the line, and where bytes go (NULL while counting). */
struct walk {
    const char *at, *end;
    char *out;
    size_t written;
};

static void put(struct walk *w, char c) {
    if (w->out != NULL) w->out[w->written] = c;
    w->written++;
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = (char)text_lower_byte((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char unescape(char c) {
    switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'b': return '\b';
    case 'a': return '\a';
    default: return c;
    }
}

/* Behind an opening ". Leaves `at` behind the closing one; false if there is none. */
static bool take_double_quoted(struct walk *w) {
    while (w->at < w->end && *w->at != '"') {
        const char *p = w->at;
        size_t left = (size_t)(w->end - p);
        if (*p == '\\' && left >= 4 && p[1] == 'x' && hex_value(p[2]) >= 0 && hex_value(p[3]) >= 0) {
            put(w, (char)(hex_value(p[2]) * 16 + hex_value(p[3])));
            w->at += 4;
        } else if (*p == '\\' && left >= 2) {
            put(w, unescape(p[1]));
            w->at += 2;
        } else {
            put(w, *p);
            w->at++;
        }
    }
    if (w->at == w->end) return false;
    w->at++;
    return true;
}

/* Behind an opening '. As above. */
static bool take_single_quoted(struct walk *w) {
    while (w->at < w->end && *w->at != '\'') {
        if (*w->at == '\\' && w->end - w->at >= 2 && w->at[1] == '\'') w->at++;
        put(w, *w->at);
        w->at++;
    }
    if (w->at == w->end) return false;
    w->at++;
    return true;
}

/* Takes one word, which begins at `at`. False for quotes that do not close or are followed by more. */
static bool take_word(struct walk *w) {
    DASSERT(w->at < w->end && !text_is_blank(*w->at));
    for (; w->at < w->end; w->at++) {
        char c = *w->at;
        if (c == ' ' || c == '\n' || c == '\r' || c == '\t') return true;
        if (c == '"' || c == '\'') {
            w->at++;
            if (!(c == '"' ? take_double_quoted(w) : take_single_quoted(w))) return false;
            return w->at == w->end || text_is_blank(*w->at);
        }
        put(w, c);
    }
    return true;
}

/* Takes all words, each ended by a NUL; `words` may be NULL (counting). Returns how many, or -1. */
static int take_all(struct walk *w, struct text_word *words) {
    int count = 0;
    while (true) {
        while (w->at < w->end && text_is_blank(*w->at)) w->at++;
        if (w->at == w->end) return count;
        size_t begin = w->written;
        if (!take_word(w)) return -1;
        if (words != NULL) words[count] = (struct text_word){w->out + begin, w->written - begin};
        put(w, '\0');
        count++;
    }
}

int text_split(const char *line, size_t len, struct text_word **words) {
    *words = NULL;
    const char *nul = len > 0 ? memchr(line, '\0', len) : NULL;
    if (nul != NULL) len = (size_t)(nul - line);
    ASSERT(len < INT_MAX);
    struct walk counting = {line, line + len, NULL, 0};
    int count = take_all(&counting, NULL);
    if (count <= 0) return count;
    size_t array_bytes = (size_t)count * sizeof **words;
    char *block = mem_alloc(array_bytes + counting.written);
    *words = (struct text_word *)block;
    struct walk writing = {line, line + len, block + array_bytes, 0};
    int written = take_all(&writing, *words);
    ASSERT(written == count && writing.written == counting.written);
    return count;
}
