/* protection.h: which clients may run the commands that a configuration has to allow first (CMD_PROTECTED):
 * DEBUG, by enable-debug-command. The client's own thread.
 */
#ifndef GYRE_SERVER_PROTECTION_H
#define GYRE_SERVER_PROTECTION_H

#include <stdbool.h>

struct client;

/* False when it may not; the error has been written. */
bool protection_passes(struct client *c);

#endif
