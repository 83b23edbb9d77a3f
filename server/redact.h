/* redact.h: which arguments are secrets, to be kept out of the slow log and MONITOR.
 *
 * Pure; any thread.
 */
#ifndef GYRE_SERVER_REDACT_H
#define GYRE_SERVER_REDACT_H

#include "server/call.h"

#include <stdbool.h>

/* What is shown in their place. */
#define REDACTED_TEXT "(redacted)"

/* Whether argument i of this run of a command (NULL: unknown command) must not be shown. */
bool redact_hides(const struct command *command, const struct arg *argv, unsigned argc, unsigned i);

#endif
