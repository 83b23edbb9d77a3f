/* aof_read.c: see aof_read.h. */
#include "persist/aof_read.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"

#include <string.h>

enum { LINE_MAX_BYTES = 64, WORD_BYTES_SHIFT = 32, WORDS_AT_FIRST = 16 };

static enum aof_read_result bad(struct aof_reader *r, size_t at, const char *why) {
    r->bad_at = at;
    r->why = why;
    return AOF_READ_BAD;
}

static enum aof_read_result more(struct aof_reader *r, size_t needed) {
    r->needed = needed;
    return AOF_READ_MORE;
}

/* "<mark><number>\r\n" at *at, which moves behind it. */
static enum aof_read_result read_number(struct aof_reader *r, const char *data, size_t len, size_t *at,
                                        uint64_t *n) {
    char mark = r->count ? '$' : '*';
    size_t left = len - *at;
    if (left == 0) return more(r, len + 1);
    if (data[*at] != mark)
        return bad(r, *at,
                   mark == '*' ? "a command has to begin with '*'" : "an argument has to begin with '$'");
    const char *end = memchr(data + *at, '\n', left < LINE_MAX_BYTES ? left : LINE_MAX_BYTES);
    if (!end) return left < LINE_MAX_BYTES ? more(r, len + 1) : bad(r, *at, "a number is too long");
    size_t digits = (size_t)(end - data) - *at - 1;
    if (digits < 2 || end[-1] != '\r' || !text_to_u64(data + *at + 1, digits - 1, n))
        return bad(r, *at, "a number is not understood");
    *at = (size_t)(end - data) + 1;
    return AOF_READ_COMMAND;
}

static void add_word(struct aof_reader *r, char *data, size_t len) {
    if (r->count == r->capacity) {
        r->capacity = r->capacity ? r->capacity * 2 : WORDS_AT_FIRST;
        r->words = mem_realloc(r->words, r->capacity * sizeof *r->words);
    }
    r->words[r->count++] = (struct aof_word){data, len};
}

static enum aof_read_result read_remark(struct aof_reader *r, const char *data, size_t len) {
    const char *end = memchr(data, '\n', len);
    if (!end) return more(r, len + 1);
    r->used = (size_t)(end - data) + 1;
    return AOF_READ_REMARK;
}

enum aof_read_result aof_read(struct aof_reader *r, char *data, size_t len) {
    uint64_t words, bytes;
    size_t at = 0;
    r->count = 0;
    if (len && data[0] == '#') return read_remark(r, data, len);
    enum aof_read_result result = read_number(r, data, len, &at, &words);
    if (result != AOF_READ_COMMAND) return result;
    if (words == 0 || words > AOF_WORDS_MAX) return bad(r, 0, "a command of so many arguments");
    for (uint64_t i = 0; i < words; i++) {
        size_t began = at;
        add_word(r, NULL, 0); /* from here on a number is of an argument */
        result = read_number(r, data, len, &at, &bytes);
        if (result != AOF_READ_COMMAND) return result;
        if (bytes >> WORD_BYTES_SHIFT) return bad(r, began, "an argument of so many bytes");
        if (len - at < bytes + 2) return more(r, at + bytes + 2);
        if (data[at + bytes] != '\r' || data[at + bytes + 1] != '\n')
            return bad(r, at + bytes, "an argument has to end with \\r\\n");
        r->words[i] = (struct aof_word){data + at, bytes};
        at += bytes + 2;
    }
    r->used = at;
    return AOF_READ_COMMAND;
}

void aof_reader_free(struct aof_reader *r) {
    mem_free(r->words);
    *r = (struct aof_reader){0};
}
