/* errorstats.h: how often each kind of error was replied, by its first word (ERR, WRONGTYPE, OOM, ...): INFO
 * errorstats.
 *
 * One table for the server under a spin lock: errors are rare, and kinds are few. Words can come from clients
 * in the end (a script's error), so there are at most ERRORSTATS_KINDS_MAX; what comes after them is counted
 * together as OTHER. Any thread, under holds or not.
 */
#ifndef GYRE_SERVER_ERRORSTATS_H
#define GYRE_SERVER_ERRORSTATS_H

#include <stdint.h>

enum { ERRORSTATS_KINDS_MAX = 128, ERRORSTATS_WORD_MAX = 32 };

/* Counts one error; a longer word is cut. */
void errorstats_note(const char *word);
void errorstats_reset(void);

struct errorstat {
    char word[ERRORSTATS_WORD_MAX]; /* NUL-terminated */
    uint64_t count;
};
/* Copies all kinds, in the words' order. `out` has room for ERRORSTATS_KINDS_MAX. Returns how many. */
unsigned errorstats_list(struct errorstat *out);

#endif
