/* config_reader.h: what loading and rewriting share: reading configuration text, line by line, into a
 * snapshot.
 *
 * A reader is used on one thread, from start to end. It follows `include` itself: relative names mean the
 * directory that the process would be in at that line (`dir` changes it), kept here as text, so that a
 * rewrite later finds the same files that the start did, and reading never moves the process.
 */
#ifndef GYRE_SERVER_CONFIG_READER_H
#define GYRE_SERVER_CONFIG_READER_H

#include "server/config.h"
#include "server/config_option.h"

#include <limits.h>

enum { CONFIG_FILE_BYTES_MAX = 16 * 1024 * 1024, CONFIG_INCLUDE_DEPTH_MAX = 16, CONFIG_OPTIONS_MAX = 512 };

struct config_reader {
    struct config *into;
    char directory[PATH_MAX];
    /* Rewriting: only settings count; what is wrong with a line is passed over, and noted in `wrong`. */
    bool forgiving;
    bool *wrong;                            /* per option of the table */
    uint64_t seen[CONFIG_OPTIONS_MAX / 64]; /* bit per option: it was set by an earlier line */
    /* Where it is. */
    const char *source; /* a path, "standard input"; NULL: the command line */
    unsigned line;
    unsigned depth;
    /* What came of it. */
    struct buf warnings;
    struct buf error; /* the whole message */
};

/* Where the process was when it started: where relative names in its file count from. */
const char *config_start_directory(void);

/* Appends a whole file. Returns 0 or -errno (-EFBIG past CONFIG_FILE_BYTES_MAX). */
int config_read_file(const char *path, struct buf *text);

/* Each returns false when the server must not start, with `error` set. */
bool config_reader_take_text(struct config_reader *r, const char *source, const char *text, size_t len);
bool config_reader_take_file(struct config_reader *r, const char *path);
/* One directive in words; `text` is how it stands in its source. Several words may be one option's value. */
bool config_reader_take_words(struct config_reader *r, const struct text_word *words, unsigned count,
                              const char *text);
void config_reader_fail(struct config_reader *r, const char *text, const char *reason);

#endif
