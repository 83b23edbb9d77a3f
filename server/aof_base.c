/* aof_base.c: making a base: the data at a cut as an RDB file (or as commands: aof-use-rdb-preamble no), from which on an increment goes on. No fork, no pause.
 *
 * Several occasions (BGREWRITEAOF while it is off makes a base alone), one way; each step begins the next when it is done:
 *
 *     directory     made if need be
 *     increment     the next one is opened, empty
 *     manifest      (a rewrite only) names it as well: old base, old increments, new increment
 *     base          its temporary file is opened
 *     cut           the dump begins; behind it the stream goes to the new increment
 *                   (switching on: and only now is anything logged)
 *     manifest      new base, new increment; all older is history
 *     history       is removed, file by file; then the manifest is written without it
 *
 * A crash at any point leaves a manifest that describes everything up to the crash: before the last but one step
 * the old way, after it the new way. Where the first base is made at the start there is nothing to lose yet; where
 * appendonly is switched on, the file counts from the manifest on.
 *
 * What fails is said in the log; the old files stay in use, and a rewrite is tried again later.
 */
#include "server/aof_parts.h"
#include "server/config.h"
#include "server/replication.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/rt/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* ---- the end ---- */

static void end_job(bool well) {
    enum aof_job job = aof.job;
    int64_t now_s = clock_unix_ms() / 1000;
    aof_manifest_free(&aof.next);
    aof.job = AOF_NO_JOB;
    atomic_store(&aof_seen.rewriting, false);
    atomic_store(&aof_seen.wanted, false);
    atomic_store(&aof_seen.rewrite_failed, !well);
    atomic_store(&aof_seen.last_took_s, now_s - aof.job_began_s);
    aof.failures = well ? 0 : aof.failures + 1;
    atomic_store(&aof_seen.failures, aof.failures);
    if (!well) aof.failed_s = now_s;
    dump_disclaim(&aof);
    if (well && job != AOF_FIRST_BASE) log_notice("Background AOF rewrite finished successfully");
    aof_follow_configuration();
}

static void fail(struct thread *t, const char *what, const char *why) {
    if (aof.job == AOF_FIRST_BASE) aof_die(what, why);
    log_warning("Background AOF rewrite: %s: %s", what, why);
    if (aof.job_fd >= 0) file_close(t, aof.job_fd);
    aof.job_fd = -1;
    /* Without a base what is logged is of no use. */
    if (aof.job == AOF_SWITCH_ON && aof.phase == AOF_IS_ON) aof.baseless = true;
    end_job(false);
}

/* ---- history ---- */

static void forgotten(struct thread *t, struct replace *r, int error) {
    (void)t;
    (void)r;
    if (error) log_warning("The manifest of the append-only file: %s", strerror(error));
    end_job(true);
}

static void remove_history(struct thread *t);

static void removed(struct thread *t, struct file_operation *op, int64_t result) {
    (void)op;
    if (result < 0 && result != -ENOENT)
        log_warning("An old file of the append-only file could not be removed: %s", strerror((int)-result));
    aof.removing++;
    remove_history(t);
}

static void remove_history(struct thread *t) {
    while (aof.removing < aof.manifest.count && aof.manifest.files[aof.removing].type != AOF_HISTORY)
        aof.removing++;
    if (aof.removing < aof.manifest.count) {
        aof.op.done = removed;
        file_remove(t, &aof.op, aof_path(aof.manifest.files[aof.removing].name));
        return;
    }
    aof_manifest_forget_history(&aof.manifest);
    aof_write_manifest(t, &aof.manifest, forgotten);
}

/* ---- the base ---- */

static void base_is_valid(struct thread *t, struct replace *r, int error) {
    if (error) {
        fail(t, r->step, strerror(error));
        return;
    }
    aof_manifest_free(&aof.manifest);
    aof.manifest = aof.next;
    aof.next = (struct aof_manifest){0};
    atomic_store(&aof_seen.base_bytes, save_bytes(&aof.save));
    atomic_store(&aof_seen.older_bytes, 0);
    atomic_store(&aof_seen.at_rewrite_bytes, save_bytes(&aof.save) + atomic_load(&aof.write.bytes));
    atomic_fetch_add(&aof_seen.rewrites, aof.job != AOF_FIRST_BASE);
    if (aof.job == AOF_FIRST_BASE) {
        end_job(true);
        aof.loaded(aof.coordinator);
        return;
    }
    aof.removing = 0;
    remove_history(t);
}

static void base_saved(struct thread *t, struct save *save, const char *why) {
    (void)save;
    if (why) {
        fail(t, "the base could not be written", why);
        return;
    }
    aof_write_manifest(t, &aof.next, base_is_valid);
}

static void begin_dump(struct coordinator *c, struct cut *cut) {
    const struct config *config = config_get();
    struct dump_options options = {.compress = config->rdbcompression,
                                   .checksum = config->rdbchecksum,
                                   .aof_base = true,
                                   .commands = aof.job_commands,
                                   .timestamp = config->aof_timestamp_enabled,
                                   .now_ms = clock_unix_ms()};
    struct identity history;
    (void)cut;
    replication_describe(&options, &history);
    dump_begin(&c->thread, &options, &aof.save.sink);
    if (aof.job == AOF_REWRITE) {
        atomic_fetch_add(&aof_seen.older_bytes, aof.write.size);
        aof_write_switch(&aof.write, aof.job_fd);
    } else if (aof.job != AOF_BASE_ONLY) {
        aof.fd = aof.job_fd;
        aof.file_bytes = 0;
        if (aof.job == AOF_SWITCH_ON) aof_begin_at_cut(c);
    }
    aof.job_fd = -1;
}

static void base_opened(struct thread *t, struct save *save) {
    (void)t;
    (void)save;
    aof.job_cut.run = begin_dump;
    coordinator_cut(aof.coordinator, &aof.job_cut);
}

static void open_base(struct thread *t) {
    aof.job_commands = !config_get()->aof_use_rdb_preamble;
    const struct aof_file *base =
        aof_manifest_set_base(&aof.next, aof.prefix, !aof.job_commands, aof.job != AOF_BASE_ONLY);
    aof.save.opened = base_opened;
    aof.save.done = base_saved;
    aof.save.sync_on_the_way = config_get()->aof_rewrite_incremental_fsync;
    save_open(t, &aof.save, aof_path(base->name));
}

/* ---- the increment ---- */

static void increment_is_known(struct thread *t, struct replace *r, int error) {
    if (error) {
        fail(t, r->step, strerror(error));
        return;
    }
    aof_manifest_free(&aof.manifest);
    aof_manifest_copy(&aof.manifest, &aof.next);
    open_base(t);
}

static void increment_opened(struct thread *t, struct file_operation *op, int64_t result) {
    (void)op;
    if (result < 0) {
        fail(t, "the new increment could not be opened", strerror((int)-result));
        return;
    }
    aof.job_fd = (int)result;
    if (aof.job == AOF_REWRITE)
        aof_write_manifest(t, &aof.next, increment_is_known);
    else
        open_base(t);
}

static void directory_made(struct thread *t, struct file_operation *op, int64_t result) {
    if (result < 0 && result != -EEXIST) {
        fail(t, "the directory could not be made", strerror((int)-result));
        return;
    }
    aof_manifest_copy(&aof.next, &aof.manifest);
    if (aof.job == AOF_BASE_ONLY) {
        open_base(t);
        return;
    }
    const struct aof_file *increment = aof_manifest_add_increment(&aof.next, aof.prefix);
    op->done = increment_opened;
    file_open(t, op, aof_path(increment->name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
}

bool aof_begin_job(enum aof_job job) {
    ASSERT(job != AOF_NO_JOB);
    if (aof.job || !dump_claim(&aof)) return false;
    struct thread *t = &aof.coordinator->thread;
    aof.job = job;
    aof.job_began_s = clock_unix_ms() / 1000;
    atomic_store(&aof_seen.began_s, aof.job_began_s);
    atomic_store(&aof_seen.rewriting, job != AOF_FIRST_BASE);
    if (job != AOF_FIRST_BASE) log_notice("Background append only file rewriting started");
    aof.op.done = directory_made;
    file_make_directory(t, &aof.op, aof.directory, 0755);
    return true;
}
