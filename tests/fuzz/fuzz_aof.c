/* fuzz_aof.c: any bytes as a piece of an append-only file, and as the manifest of one.
 *
 * The first byte says as which. Whatever the bytes are: no crash, and no more memory than they pay for. Commands come out
 * the same however many bytes are there at a time; what is asked for is more than there is and never more than the
 * command takes; what is wrong is wrong from some byte on, and before that only more is asked for. A manifest that is
 * understood is the same when it is written and read again.
 */
#include "persist/aof_manifest.h"
#include "persist/aof_read.h"
#include "shard/base/assert.h"
#include "shard/base/mem.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { INPUT_MAX = 65536, PREFIXES_MAX = 600, WORD_BYTES_MIN = 5 /* "$0\r\n\r\n" has six */ };

/* ---- commands ---- */

static void append_number(struct buf *to, char mark, size_t n) {
    buf_printf(to, "%c%zu\r\n", mark, n);
}

/* Written as it should be, it is not longer than what was read, and is read as the same. */
static void check_again(const struct aof_reader *r) {
    struct buf text = {0};
    struct aof_reader again = {0};
    append_number(&text, '*', r->count);
    for (unsigned i = 0; i < r->count; i++) {
        append_number(&text, '$', r->words[i].len);
        buf_append(&text, r->words[i].data, r->words[i].len);
        buf_append_text(&text, "\r\n");
    }
    ASSERT(text.len <= r->used);
    ASSERT(aof_read(&again, text.data, text.len) == AOF_READ_COMMAND);
    ASSERT(again.used == text.len && again.count == r->count);
    for (unsigned i = 0; i < r->count; i++)
        ASSERT(again.words[i].len == r->words[i].len &&
               memcmp(again.words[i].data, r->words[i].data, r->words[i].len) == 0);
    aof_reader_free(&again);
    buf_free(&text);
}

/* With fewer bytes than there are: that there must be more, or that it is bad already. */
static void check_prefix(char *data, size_t len, const struct aof_reader *whole,
                         enum aof_read_result result) {
    struct aof_reader r = {0};
    enum aof_read_result found = aof_read(&r, data, len);
    if (found == AOF_READ_MORE) {
        ASSERT(r.needed > len);
        if (result == AOF_READ_COMMAND || result == AOF_READ_REMARK) ASSERT(r.needed <= whole->used);
    } else {
        ASSERT(found == AOF_READ_BAD && result == AOF_READ_BAD);
        ASSERT(r.bad_at == whole->bad_at && strcmp(r.why, whole->why) == 0);
    }
    aof_reader_free(&r);
}

static void check_prefixes(char *data, size_t len, const struct aof_reader *whole,
                           enum aof_read_result result) {
    bool is_whole = result == AOF_READ_COMMAND || result == AOF_READ_REMARK;
    size_t end = is_whole ? whole->used : len;
    if (end > PREFIXES_MAX) end = PREFIXES_MAX;
    for (size_t n = 0; n < end; n++) check_prefix(data, n, whole, result);
}

static void as_commands(char *data, size_t len) {
    struct aof_reader r = {0};
    for (size_t at = 0;;) {
        enum aof_read_result result = aof_read(&r, data + at, len - at);
        check_prefixes(data + at, len - at, &r, result);
        ASSERT(r.capacity <= 2 * ((len - at) / WORD_BYTES_MIN + 16) || r.capacity <= 2 * len);
        if (result == AOF_READ_COMMAND) check_again(&r);
        if (result == AOF_READ_MORE) ASSERT(r.needed > len - at);
        if (result == AOF_READ_BAD) ASSERT(r.bad_at <= len - at && r.why);
        if (result == AOF_READ_MORE || result == AOF_READ_BAD) break;
        ASSERT(r.used > 0 && r.used <= len - at);
        at += r.used;
    }
    aof_reader_free(&r);
}

/* ---- the manifest ---- */

static bool has_long_line(const struct buf *text) {
    size_t began = 0;
    for (size_t i = 0; i < text->len; i++) {
        if (text->data[i] != '\n') continue;
        if (i - began > AOF_LINE_MAX) return true;
        began = i + 1;
    }
    return false;
}

static void check_files(const struct aof_manifest *m) {
    unsigned bases = 0;
    uint64_t last = 0;
    ASSERT(m->count > 0 && m->count <= AOF_FILES_MAX);
    for (unsigned i = 0; i < m->count; i++) {
        const struct aof_file *f = &m->files[i];
        ASSERT(*f->name && strlen(f->name) < AOF_NAME_MAX && !strchr(f->name, '/') && f->number);
        if (f->type == AOF_BASE) bases++;
        if (f->type != AOF_INCREMENT) continue;
        ASSERT(f->number > last);
        last = f->number;
    }
    ASSERT(bases <= 1);
}

static void check_format(const struct aof_manifest *m) {
    struct buf text = {0}, again = {0};
    struct aof_manifest other = {0};
    const char *why;
    unsigned line;
    aof_manifest_format(m, &text);
    if (!has_long_line(&text)) { /* a name may take four times its length */
        ASSERT(aof_manifest_parse(&other, text.data, text.len, &why, &line));
        check_files(&other);
        ASSERT(other.count == m->count && other.base_number == m->base_number &&
               other.increment_number == m->increment_number);
        aof_manifest_format(&other, &again);
        ASSERT(again.len == text.len && memcmp(again.data, text.data, text.len) == 0);
    }
    aof_manifest_free(&other);
    buf_free(&text);
    buf_free(&again);
}

static void as_manifest(const char *data, size_t len) {
    struct aof_manifest m = {0};
    const char *why;
    unsigned line;
    if (aof_manifest_parse(&m, data, len, &why, &line)) {
        check_files(&m);
        check_format(&m);
        if (m.base_number < UINT64_MAX && m.increment_number < UINT64_MAX) {
            aof_manifest_set_base(&m, "a", false, 1);
            aof_manifest_add_increment(&m, "a");
            check_files(&m);
            aof_manifest_forget_history(&m);
            check_files(&m);
        }
    } else {
        ASSERT(why && line <= len);
    }
    aof_manifest_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (size < 1 || size > INPUT_MAX) return 0;
    size_t before = mem_used();
    char *copy = mem_dup(bytes + 1, size - 1); /* a block that ends where the bytes do */
    if (bytes[0] % 2)
        as_manifest(copy, size - 1);
    else
        as_commands(copy, size - 1);
    mem_free(copy);
    ASSERT(mem_used() == before);
    return 0;
}
