/* aof_load.c: the append-only file at the start: the manifest, the base, the increments in order, and then the
 * last increment opened to be continued.
 *
 * The base is loaded by all shards (persistence.h), unless it is in form of commands; these, and the increments,
 * are applied by one worker (aof_replay.h), while all slices have SWITCH_LOADING. Only the last file may end in
 * the middle of something, and only with aof-load-truncated: it is then cut off there. Anything else that is wrong
 * ends the process, because to start with a part of the data would be worse.
 */
#include "server/aof_parts.h"
#include "server/aof_replay.h"
#include "server/config.h"
#include "server/persistence.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MANIFEST_BYTES_MAX = 4 << 20, MAGIC_BYTES = 5, WHY_MAX = AOF_PATH_MAX + 512 };

static struct {
    unsigned next; /* file of the manifest */
    _Atomic uint64_t done, total;
    struct replay replay;
    char path[AOF_PATH_MAX];
} load;

static void load_next(struct thread *t);

/* ---- the manifest ---- */

/* Reads it, if there is one: when nothing else runs on this thread yet. */
static bool read_manifest(void) {
    struct buf text = {0};
    const char *why;
    unsigned line;
    char name[AOF_NAME_MAX + 16];
    snprintf(name, sizeof name, "%s.manifest", aof.prefix);
    FILE *file = fopen(aof_path(name), "re");
    if (!file && errno == ENOENT) return false;
    if (!file) aof_die("the manifest of the append-only file cannot be read", strerror(errno));
    char *room = buf_reserve(&text, MANIFEST_BYTES_MAX);
    text.len = fread(room, 1, MANIFEST_BYTES_MAX, file);
    if (ferror(file)) aof_die("the manifest of the append-only file cannot be read", strerror(errno));
    fclose(file);
    if (!aof_manifest_parse(&aof.manifest, text.data, text.len, &why, &line)) {
        log_warning("Reading the manifest file %s, at line %u", aof.path, line);
        aof_die("the manifest of the append-only file", why);
    }
    buf_free(&text);
    return true;
}

/* The single file of a server before 7.0, in the working directory, becomes the base, as in Redis. */
static bool adopt_old_file(void) {
    struct buf text = {0};
    char name[AOF_NAME_MAX + 16];
    struct stat status;
    if (stat(aof.prefix, &status) != 0 || !S_ISREG(status.st_mode)) return false;
    if (mkdir(aof.directory, 0755) != 0 && errno != EEXIST)
        aof_die("the directory of the append-only file cannot be made", strerror(errno));
    aof_manifest_adopt(&aof.manifest, aof.prefix);
    aof_manifest_format(&aof.manifest, &text);
    snprintf(name, sizeof name, "%s.manifest", aof.prefix);
    FILE *file = fopen(aof_path(name), "we");
    if (!file || fwrite(text.data, 1, text.len, file) != text.len || fflush(file) != 0 ||
        fsync(fileno(file)) != 0 || fclose(file) != 0)
        aof_die("the manifest of the append-only file cannot be written", strerror(errno));
    if (rename(aof.prefix, aof_path(aof.prefix)) != 0)
        aof_die("the old append-only file cannot be moved into its directory", strerror(errno));
    buf_free(&text);
    log_notice("Successfully migrated an old-style AOF configuration (%s) into the AOF directory (%s).",
               aof.prefix, aof.directory);
    return true;
}

/* ---- one file ---- */

/* Nothing follows it: a rewrite names the next increment before the stream goes there. */
static bool is_last_file(void) {
    struct stat status;
    for (unsigned i = load.next - 1; i < aof.manifest.count; i++) {
        const struct aof_file *f = &aof.manifest.files[i];
        if (f->type != AOF_INCREMENT) continue;
        if (stat(aof_path(f->name), &status) != 0 || status.st_size > 0) return false;
    }
    return true;
}

static void cut_off(uint64_t at) {
    const char *path = load.path;
    log_warning("!!! Warning: short read while loading the AOF file %s!!!", path);
    log_warning("AOF loaded anyway because aof-load-truncated is enabled");
    log_warning("Truncating the AOF %s at offset %llu", path, (unsigned long long)at);
    if (truncate(path, (off_t)at) != 0) aof_die("the append-only file cannot be truncated", strerror(errno));
}

static void check(const struct replay *r) {
    char what[WHY_MAX];
    unsigned long long at = r->whole;
    switch (r->outcome) {
    case REPLAY_ALL: return;
    case REPLAY_TORN:
        if (config_get()->aof_load_truncated && is_last_file()) {
            cut_off(r->whole);
            return;
        }
        snprintf(what, sizeof what,
                 "Unexpected end of file reading the append only file %s: it is whole up to offset %llu "
                 "(`gyre-server --check-aof --fix` cuts it there, aof-load-truncated does so at the start)",
                 load.path, at);
        aof_die(what, "the last command or transaction is not complete");
    case REPLAY_DAMAGED:
        snprintf(what, sizeof what, "Bad file format reading the append only file %s at offset %llu",
                 load.path, at);
        break;
    case REPLAY_REFUSED:
        snprintf(what, sizeof what, "reading the append only file %s at offset %llu", load.path, at);
        break;
    case REPLAY_FAILED: snprintf(what, sizeof what, "reading the append only file %s", load.path); break;
    }
    aof_die(what, r->why);
}

static void replayed(struct thread *t, struct replay *r) {
    check(r);
    atomic_store(&load.replay.read, 0);
    atomic_fetch_add(&load.done, r->whole - r->offset);
    log_notice("AOF %s: %llu commands applied", load.path, (unsigned long long)r->commands);
    load_next(t);
}

static void replay_file(struct thread *t, uint64_t offset) {
    load.replay.path = load.path;
    load.replay.offset = offset;
    load.replay.done = replayed;
    replay_begin(t, &load.replay, worker_by_index(0));
}

/* The RDB part is in; commands may follow it (a file that an older server rewrote and went on with). */
static void base_loaded(struct thread *t, uint64_t end_offset) {
    atomic_fetch_add(&load.done, end_offset);
    replay_file(t, end_offset);
}

/* Whether it begins as an RDB file does, and how long it is. */
static bool is_rdb(const char *path, uint64_t *bytes) {
    char magic[MAGIC_BYTES];
    struct stat status;
    FILE *file = fopen(path, "re");
    if (!file || fstat(fileno(file), &status) != 0) aof_die(path, strerror(errno));
    size_t n = fread(magic, 1, sizeof magic, file);
    fclose(file);
    *bytes = (uint64_t)status.st_size;
    return n == sizeof magic && memcmp(magic, "REDIS", sizeof magic) == 0;
}

static void load_file(struct thread *t, const struct aof_file *f) {
    uint64_t bytes;
    snprintf(load.path, sizeof load.path, "%s", aof_path(f->name));
    bool rdb = is_rdb(load.path, &bytes);
    atomic_fetch_add(f->type == AOF_BASE ? &aof_seen.base_bytes : &aof_seen.older_bytes, bytes);
    atomic_fetch_add(&aof_seen.at_rewrite_bytes, bytes);
    if (f->type == AOF_BASE && rdb)
        persistence_load_base(load.path, base_loaded);
    else
        replay_file(t, 0);
}

/* ---- all of them ---- */

static void opened(struct thread *t) {
    (void)t;
    /* The last one is counted as the file in use. */
    atomic_fetch_sub(&aof_seen.older_bytes, atomic_load(&aof_seen.older_bytes) < aof.file_bytes
                                                ? atomic_load(&aof_seen.older_bytes)
                                                : aof.file_bytes);
    aof.loaded(aof.coordinator);
}

static void increment_known(struct thread *t, struct replace *r, int error) {
    if (error) aof_die(r->step, strerror(error));
    aof_open_increment(t, opened);
}

/* The manifest has the base first, whatever its order was. */
static void load_next(struct thread *t) {
    const struct aof_file *base = aof_manifest_base(&aof.manifest);
    if (load.next == 0 && base) {
        load.next = 1;
        load_file(t, base);
        return;
    }
    if (load.next == 0) load.next = 1;
    while (load.next <= aof.manifest.count) {
        const struct aof_file *f = &aof.manifest.files[load.next - 1];
        load.next++;
        if (f->type != AOF_INCREMENT) continue;
        load_file(t, f);
        return;
    }
    if (!aof_manifest_last_increment(&aof.manifest)) {
        aof_manifest_add_increment(&aof.manifest, aof.prefix);
        aof_write_manifest(t, &aof.manifest, increment_known);
        return;
    }
    aof_open_increment(t, opened);
}

struct history aof_history(void) {
    const struct replay *r = &load.replay;
    bool is_last = r->outcome == REPLAY_ALL && r->history_end && r->history_end == r->whole;
    return is_last ? r->history : (struct history){.id = ""};
}

uint64_t aof_loaded_bytes(uint64_t *total) {
    *total = atomic_load(&load.total);
    return atomic_load(&load.done) + atomic_load(&load.replay.read);
}

/* What there is to load, for those who want to know how far it is. */
static void add_up_files(void) {
    struct stat status;
    for (unsigned i = 0; i < aof.manifest.count; i++)
        if (aof.manifest.files[i].type != AOF_HISTORY &&
            stat(aof_path(aof.manifest.files[i].name), &status) == 0)
            atomic_fetch_add(&load.total, (uint64_t)status.st_size);
}

void aof_prepare(struct coordinator *c) {
    aof_name_files(c);
    read_manifest();
}

void aof_start(struct coordinator *c, void (*loaded)(struct coordinator *c)) {
    aof_name_files(c);
    aof.phase = AOF_IS_LOADING;
    aof.loaded = loaded;
    if (!read_manifest() && !adopt_old_file()) {
        aof_begin_job(AOF_FIRST_BASE);
        return;
    }
    add_up_files();
    load_next(&c->thread);
}
