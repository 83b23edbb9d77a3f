/* replica_input.c: what a replica says: REPLCONF ACK offset, as an array of strings, and now and then something
 * that needs no answer. */
#include "repl/replica_parts.h"
#include "shard/base/log.h"
#include "shard/base/text.h"

#include <string.h>
#include <strings.h>

enum { BELOW_MAX = 1000000, WORDS_MAX = 16, WORD_MAX = 512, NUMBER_MAX = 20 };

struct word {
    const char *data;
    size_t len;
};

/* The number behind a type and before CRLF at `at`. 1: read, and `at` is behind it; 0: not all of it is there; -1: it
 * makes no sense. */
static int read_count(const struct buf *b, size_t *at, char type, int64_t *n) {
    if (*at >= b->len) return 0;
    if (b->data[*at] != type) return -1;
    const char *begin = b->data + *at + 1;
    size_t left = b->len - *at - 1;
    const char *end = memmem(begin, left, "\r\n", 2);
    if (!end) return left > NUMBER_MAX ? -1 : 0;
    if (!text_to_i64(begin, (size_t)(end - begin), n)) return -1;
    *at += (size_t)(end - begin) + 3;
    return 1;
}

/* One command at `at`. As read_count. */
static int read_command(const struct buf *b, size_t *at, struct word words[static WORDS_MAX],
                        unsigned *count) {
    int64_t n = 0, len = 0;
    int found = read_count(b, at, '*', &n);
    if (found <= 0) return found;
    if (n < 1 || n > WORDS_MAX) return -1;
    for (*count = 0; *count < (unsigned)n; ++*count) {
        found = read_count(b, at, '$', &len);
        if (found <= 0) return found;
        if (len < 0 || len > WORD_MAX) return -1;
        if (b->len - *at < (size_t)len + 2) return 0;
        words[*count] = (struct word){b->data + *at, (size_t)len};
        *at += (size_t)len + 2;
    }
    return 1;
}

static bool is(const struct word *w, const char *text) {
    return w->len == strlen(text) && strncasecmp(w->data, text, w->len) == 0;
}

static bool understand(struct replica *r, const struct word *words, unsigned count) {
    int64_t offset, number;
    if (is(&words[0], "ping")) return true;
    if (!is(&words[0], "replconf")) return false;
    if (count < 3 || !is(&words[1], "ack")) return true; /* nothing that is asked for here */
    if (!text_to_i64(words[2].data, words[2].len, &offset)) return false;
    if (offset > r->ack_offset) r->ack_offset = offset;
    r->ack_ms = r->heard_ms;
    for (unsigned i = 3; i + 1 < count; i += 2) {
        if (!text_to_i64(words[i + 1].data, words[i + 1].len, &number) || number < 0) return false;
        if (is(&words[i], "fack") && number > r->durable_offset) r->durable_offset = number;
        if (is(&words[i], "nodes") && number <= BELOW_MAX) r->below = (unsigned)number;
    }
    r->awaits_ack = false;
    replicas.heard = true;
    return true;
}

bool replica_read_input(struct replica *r) {
    struct word words[WORDS_MAX];
    size_t done = 0;
    unsigned count = 0;
    int found = 1;
    while (done < r->input.len) {
        while (done < r->input.len && (r->input.data[done] == '\n' || r->input.data[done] == '\r')) done++;
        size_t at = done;
        found = read_command(&r->input, &at, words, &count);
        if (found <= 0) break;
        if (!understand(r, words, count)) return false;
        done = at;
    }
    buf_consume(&r->input, done);
    return found >= 0 && r->input.len <= REPLICA_INPUT_MAX;
}
