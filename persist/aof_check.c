/* aof_check.c: see aof_check.h. */
#include "persist/aof_check.h"

#include "persist/aof_manifest.h"
#include "persist/aof_read.h"
#include "persist/rdb_check.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PIECE_BYTES = 1 << 20,
    MANIFEST_BYTES_MAX = 4 << 20,
    MAGIC_BYTES = 5,
    PATH_BYTES = PATH_MAX + AOF_NAME_MAX
};

struct check {
    FILE *file;
    const char *path;
    uint64_t size, good;
    const char *why; /* the bytes at `bad` are no command */
    uint64_t bad;
};

static ptrdiff_t pull_file(void *arg, unsigned char *to, size_t room) {
    size_t n = fread(to, 1, room, arg);
    return n == 0 && ferror((FILE *)arg) ? -1 : (ptrdiff_t)n;
}

/* The RDB part in front, if there is one. False: it is damaged. */
static bool check_rdb_part(struct check *c, int64_t now_ms) {
    char magic[MAGIC_BYTES];
    size_t n = fread(magic, 1, sizeof magic, c->file);
    rewind(c->file);
    if (n < sizeof magic || memcmp(magic, "REDIS", sizeof magic) != 0) return true;
    struct rdb_summary summary;
    bool sound = rdb_check(&summary, pull_file, c->file, now_ms);
    if (sound)
        printf("RDB preamble is OK, proceeding with AOF tail...\n");
    else
        printf("RDB preamble of %s is damaged: %s\n", c->path, summary.error);
    c->good = summary.bytes;
    rdb_summary_free(&summary);
    return sound;
}

/* Walks over the commands from `good` on, which it moves to behind the last whole one outside a transaction. */
static void check_commands(struct check *c) {
    struct aof_reader reader = {0};
    struct buf bytes = {0};
    uint64_t at = c->good; /* in the file: of the first of the bytes */
    size_t scanned = 0;
    bool in_multi = false, at_end = false;
    fseeko(c->file, (off_t)at, SEEK_SET);
    for (;;) {
        enum aof_read_result seen = aof_read(&reader, bytes.data + scanned, bytes.len - scanned);
        if (seen == AOF_READ_MORE && !at_end) {
            buf_consume(&bytes, scanned);
            at += scanned;
            scanned = 0;
            size_t n = fread(buf_reserve(&bytes, PIECE_BYTES), 1, PIECE_BYTES, c->file);
            bytes.len += n;
            at_end = n < PIECE_BYTES;
            continue;
        }
        if (seen == AOF_READ_BAD) {
            c->why = reader.why;
            c->bad = at + scanned + reader.bad_at;
        }
        if (seen == AOF_READ_MORE || seen == AOF_READ_BAD) break;
        scanned += reader.used;
        if (seen == AOF_READ_COMMAND && reader.count == 1) {
            const struct aof_word *word = &reader.words[0];
            if (text_is(word->data, word->len, "MULTI")) in_multi = true;
            if (text_is(word->data, word->len, "EXEC")) in_multi = false;
        }
        if (!in_multi) c->good = at + scanned;
    }
    buf_free(&bytes);
    aof_reader_free(&reader);
}

static int fix(const struct check *c, aof_check_decide *decide) {
    if (!decide) {
        printf("AOF %s is not valid. Use the --fix option to try fixing it.\n", c->path);
        return 1;
    }
    if (!decide(c->path, c->size, c->good)) return 1;
    if (truncate(c->path, (off_t)c->good) != 0) {
        printf("Failed to truncate AOF %s: %s\n", c->path, strerror(errno));
        return 1;
    }
    printf("Successfully truncated AOF %s\n", c->path);
    return 0;
}

static int check_file(const char *path, aof_check_decide *decide, int64_t now_ms) {
    struct check c = {.path = path, .file = fopen(path, "rbe")};
    struct stat status;
    if (!c.file || fstat(fileno(c.file), &status) != 0) {
        printf("Cannot open file %s: %s\n", path, strerror(errno));
        if (c.file) fclose(c.file);
        return 1;
    }
    c.size = (uint64_t)status.st_size;
    bool sound = check_rdb_part(&c, now_ms);
    if (sound) check_commands(&c);
    fclose(c.file);
    if (!sound) return 1;
    if (c.why) printf("0x%16llx: %s\n", (unsigned long long)c.bad, c.why);
    printf("AOF analyzed: filename=%s, size=%llu, ok_up_to=%llu, diff=%llu\n", path,
           (unsigned long long)c.size, (unsigned long long)c.good, (unsigned long long)(c.size - c.good));
    if (c.good < c.size) return fix(&c, decide);
    printf("AOF %s is valid\n", path);
    return 0;
}

/* ---- manifests ---- */

static bool read_manifest(const char *path, struct aof_manifest *m) {
    struct buf text = {0};
    const char *why = strerror(errno);
    unsigned line = 0;
    FILE *file = fopen(path, "rbe");
    bool fine = file != NULL;
    if (fine) {
        text.len = fread(buf_reserve(&text, MANIFEST_BYTES_MAX), 1, MANIFEST_BYTES_MAX, file);
        fclose(file);
        fine = aof_manifest_parse(m, text.data, text.len, &why, &line);
    }
    if (!fine) printf("Invalid manifest %s, line %u: %s\n", path, line, why);
    buf_free(&text);
    return fine;
}

static int check_listed(const char *manifest, const struct aof_file *f, aof_check_decide *decide,
                        int64_t now_ms) {
    char path[PATH_BYTES];
    const char *slash = strrchr(manifest, '/');
    int directory = slash ? (int)(slash - manifest) + 1 : 0;
    snprintf(path, sizeof path, "%.*s%s", directory, manifest, f->name);
    printf("Start to check %s files.\n", f->type == AOF_BASE ? "BASE" : "INCR");
    return check_file(path, decide, now_ms);
}

static int check_all(const char *path, aof_check_decide *decide, int64_t now_ms) {
    struct aof_manifest m = {0};
    int status = 0;
    if (!read_manifest(path, &m)) return 1;
    printf("Start checking Multi Part AOF\n");
    const struct aof_file *base = aof_manifest_base(&m), *last = aof_manifest_last_increment(&m);
    if (base) status = check_listed(path, base, last ? NULL : decide, now_ms);
    for (unsigned i = 0; i < m.count && status == 0; i++)
        if (m.files[i].type == AOF_INCREMENT)
            status = check_listed(path, &m.files[i], &m.files[i] == last ? decide : NULL, now_ms);
    if (status == 0) printf("All AOF files and manifest are valid\n");
    aof_manifest_free(&m);
    return status;
}

int aof_check(const char *path, aof_check_decide *decide, int64_t now_ms) {
    static const char suffix[] = ".manifest";
    size_t len = strlen(path), n = sizeof suffix - 1;
    if (len > n && strcmp(path + len - n, suffix) == 0) return check_all(path, decide, now_ms);
    return check_file(path, decide, now_ms);
}
