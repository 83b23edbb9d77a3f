/* client_text.h: the names that clients give themselves (CLIENT SETNAME and SETINFO, HELLO SETNAME). */
#ifndef GYRE_SERVER_CMD_CLIENT_TEXT_H
#define GYRE_SERVER_CMD_CLIENT_TEXT_H

#include "server/call.h"

#include <stdbool.h>

/* Whether argument i may be a name: it must not break the lines of CLIENT LIST, and is bounded. Replies
 * the error, which begins with `what` ("Client names"), if not. */
bool client_text_is_allowed(struct call *c, unsigned i, const char *what);

#endif
