/* config_load.h: the configuration at start: files, standard input, the command line; and CONFIG REWRITE.
 *
 * Loading runs on the main thread before any other exists, with plain blocking files. Later settings win over
 * earlier ones; the order is file (with what it includes, where it does), standard input, command line.
 * Nothing is published unless all of it is right.
 */
#ifndef GYRE_SERVER_CONFIG_LOAD_H
#define GYRE_SERVER_CONFIG_LOAD_H

#include "server/config.h"
#include "shard/base/buf.h"

enum config_outcome {
    CONFIG_RUN,   /* the configuration is published */
    CONFIG_EXIT,  /* --help or --version: print `message` to standard output, exit 0 */
    CONFIG_FAILED /* print `message` to standard error, exit 1 */
};

struct config_load {
    struct buf message;
    /* What was not taken from files: one line each, for the log once it is open. */
    struct buf warnings;
};

/* Reads all of argv (argv[0] is skipped) and what it names, applies rename-command to the command table (so
 * after commands_init), publishes the result and goes to the directory `dir`. After config_init. */
enum config_outcome config_load(int argc, char **argv, struct config_load *load);
/* Writes the warnings to the log. */
void config_load_log(const struct config_load *load);
void config_load_free(struct config_load *load);

/* The absolute path of the file the server was started with, "" without one. */
const char *config_file_path(void);

/* CONFIG REWRITE: makes the file say what the current snapshot says, keeping its comments, order and
 * unchanged lines, in one atomic step (a new file, synced, renamed over the old). Blocks for as long as the
 * disk takes: must not be called with a slice held. False with the whole text of the error reply. */
bool config_rewrite(struct buf *error);

#endif
