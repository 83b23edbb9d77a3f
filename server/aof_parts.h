/* aof_parts.h: what the files of the append-only file's service share: aof*.c only. All of it is the
 * coordinator's, but for `seen`, which any thread may read. */
#ifndef GYRE_SERVER_AOF_PARTS_H
#define GYRE_SERVER_AOF_PARTS_H

#include "persist/aof_manifest.h"
#include "persist/aof_write.h"
#include "persist/replace.h"
#include "persist/save.h"
#include "server/aof.h"

#include <limits.h>
#include <stdatomic.h>

/*     OFF ──(base, cut: logging on)──> ON ──(cut: logging off)──> STOPPING ──(all written)──> OFF
 *     at the start: LOADING ──(all loaded; base if there was none; cut)──> ON                        */
enum aof_phase { AOF_IS_OFF, AOF_IS_LOADING, AOF_IS_ON, AOF_IS_STOPPING };

/* A base being made: at most one at a time. See aof_base.c. */
enum aof_job { AOF_NO_JOB, AOF_FIRST_BASE, AOF_SWITCH_ON, AOF_REWRITE, AOF_BASE_ONLY };

/* The line at the end: id, offset, database selected. */
#define AOF_HISTORY_FORMAT "#GYRE-HISTORY %s %lld %lld"
enum { AOF_HISTORY_MAX = 128 };

enum { AOF_PATH_MAX = PATH_MAX + 2 * AOF_NAME_MAX };

struct aof {
    struct coordinator *coordinator;
    enum aof_phase phase;
    bool replies_wait; /* until what they tell of is durable, and so do replicas */
    enum aof_job job;
    struct stream *stream;      /* while it is on or stopping */
    struct stream_cut last_cut; /* all before it is to be written before it is off */
    struct aof_write write;
    struct aof_manifest manifest; /* as it is on the disk */
    struct replace replace;
    struct file_operation op;
    struct cut cut, job_cut, end_cut;
    struct save save;
    uint64_t file_bytes; /* of the increment that was opened, as it is found */
    int fd;
    char directory[PATH_MAX], path[AOF_PATH_MAX], prefix[AOF_NAME_MAX];
    void (*loaded)(struct coordinator *c);
    /* The job. */
    struct aof_manifest next;                /* the manifest to be, */
    void (*manifest_done)(struct thread *t); /* what follows when it is written, */
    unsigned removing;                       /* the file of the history that is being removed, */
    int job_fd;                              /* its increment, */
    bool job_commands;                       /* whether its base is in form of commands */
    int64_t job_began_s, failed_s;
    unsigned failures;
    bool cutting, ending;
    bool signed_off; /* it has been said how far the history goes */
    bool suspended;  /* see aof_suspend */
    bool baseless;   /* it was switched on, but its base could not be written: off, and on again */
};
extern struct aof aof;

struct aof_seen {
    _Atomic bool on, rewriting, wanted, rewrite_failed;
    _Atomic uint64_t base_bytes, older_bytes; /* of the base; of increments that are not written any more */
    _Atomic uint64_t at_rewrite_bytes;        /* of all, after the last rewrite */
    _Atomic uint64_t rewrites, failures;
    _Atomic int64_t last_took_s, began_s;
};
extern struct aof_seen aof_seen;

/* Says what went wrong at the start, and ends the process. */
void aof_die(const char *what, const char *why) __attribute__((noreturn));
/* The path of a file of the directory, in aof.path. */
const char *aof_path(const char *name);
/* Opens the last increment, or a new one, for writing: aof.fd and aof.file_bytes; then goes on with `done`. */
void aof_open_increment(struct thread *t, void (*done)(struct thread *t));
/* Writes `m` as the manifest; then goes on with `done`. error: 0 or an errno. */
void aof_write_manifest(struct thread *t, const struct aof_manifest *m,
                        void (*done)(struct thread *t, struct replace *r, int error));
/* Begins a job, unless one is under way or a dump is: then false. */
bool aof_begin_job(enum aof_job job);
/* The names of the files, from the configuration. */
void aof_name_files(struct coordinator *c);
void aof_follow_configuration(void);

#endif
