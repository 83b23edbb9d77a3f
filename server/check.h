/* check.h: gyre-server as a tool that looks at files: --check-rdb FILE, --check-aof [--fix] FILE.
 *
 * Runs instead of a server, before any thread exists.
 */
#ifndef GYRE_SERVER_CHECK_H
#define GYRE_SERVER_CHECK_H

#include <stdbool.h>

/* Whether the command line asks for a check instead of a server. */
bool check_is_asked(int argc, char **argv);
/* Does it, writes what there is to say to the standard output, and returns the exit status: 0 sound, 1
 * damaged or not to be read. After types_register. */
int check_run(int argc, char **argv);

#endif
