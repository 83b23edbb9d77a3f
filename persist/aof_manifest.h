/* aof_manifest.h: the list of files that an append-only file consists of, as Redis 7 writes it.
 *
 *     file appendonly.aof.2.base.rdb seq 2 type b        the base: the data at a cut
 *     file appendonly.aof.1.incr.aof seq 1 type h        no longer needed, to be removed
 *     file appendonly.aof.2.incr.aof seq 2 type i        increments, oldest first: the stream from there on
 *
 * At most one base. Numbers of increments grow. A name with blanks or special characters is quoted. Lines that
 * begin with '#' are comments. Pure: text to value and back; nothing here touches files.
 */
#ifndef GYRE_PERSIST_AOF_MANIFEST_H
#define GYRE_PERSIST_AOF_MANIFEST_H

#include "shard/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AOF_NAME_MAX = 256, AOF_FILES_MAX = 4096, AOF_LINE_MAX = 1024 };

enum aof_type { AOF_BASE = 'b', AOF_INCREMENT = 'i', AOF_HISTORY = 'h' };

struct aof_file {
    char name[AOF_NAME_MAX];
    uint64_t number;
    enum aof_type type;
};

/* Zero-initialised is empty. */
struct aof_manifest {
    struct aof_file *files; /* base, history, increments, each in the order of the file */
    unsigned count, capacity;
    uint64_t base_number, increment_number; /* the last ones given; 0: none yet */
};

/* Reads `text` into an empty manifest. False: *why says in Redis's words what is wrong (static text), *line in
 * which line. */
bool aof_manifest_parse(struct aof_manifest *m, const char *text, size_t len, const char **why,
                        unsigned *line);
void aof_manifest_format(const struct aof_manifest *m, struct buf *out);
void aof_manifest_copy(struct aof_manifest *to, const struct aof_manifest *from);
void aof_manifest_free(struct aof_manifest *m);

/* The base, or the last increment; NULL: there is none. */
const struct aof_file *aof_manifest_base(const struct aof_manifest *m);
const struct aof_file *aof_manifest_last_increment(const struct aof_manifest *m);
/* Adds the next increment of an append-only file called `prefix` (appendfilename). Valid until the manifest
 * changes. */
const struct aof_file *aof_manifest_add_increment(struct aof_manifest *m, const char *prefix);
/* Makes the next base the base: in form of RDB, or of commands. What was the base, and all increments but the
 * `kept` last ones, become history. */
const struct aof_file *aof_manifest_set_base(struct aof_manifest *m, const char *prefix, bool is_rdb,
                                             unsigned kept);
/* Takes over the single file of an older server as the base. */
void aof_manifest_adopt(struct aof_manifest *m, const char *name);
/* Forgets the history. */
void aof_manifest_forget_history(struct aof_manifest *m);

#endif
