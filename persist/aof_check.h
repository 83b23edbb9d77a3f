/* aof_check.h: an append-only file looked over without a server: gyre-server --check-aof [--fix] FILE.
 *
 * FILE is a manifest, or one of its files: commands, with an RDB part in front or not. Good is what a server would
 * apply: whole commands, whole transactions. A file that ends otherwise can be cut off behind its last good byte, which
 * is what fixing is; of a manifest only the last file may be, because what comes after a gap is no history.
 *
 * Plain stdio, on the only thread, before there is a server.
 */
#ifndef GYRE_PERSIST_AOF_CHECK_H
#define GYRE_PERSIST_AOF_CHECK_H

#include <stdbool.h>
#include <stdint.h>

/* What is to be done about a file that is not valid: true cuts it off at `good`. */
typedef bool aof_check_decide(const char *path, uint64_t size, uint64_t good);

/* Says on the standard output what it finds. `decide`: NULL only looks. Returns the exit status: 0 valid, or fixed. */
int aof_check(const char *path, aof_check_decide *decide, int64_t now_ms);

#endif
