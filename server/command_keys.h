/* command_keys.h: which arguments of a call are keys. Pure functions of the command's specifications and the
 * arguments. */
#ifndef GYRE_SERVER_COMMAND_KEYS_H
#define GYRE_SERVER_COMMAND_KEYS_H

#include "server/call.h"

/* Whether a call with these arguments needs every slice. */
static inline bool command_wants_all(const struct command *command, const struct arg *argv, unsigned argc) {
    return (command->flags & CMD_ALL_SLICES) || (command->roams && command->roams(argv, argc));
}

/* Writes the argument numbers of the keys (and, where `flags` is not NULL, each one's key flags), in the
 * order of the specifications. Returns how many, 0 when there are none, or -1 when the arguments make no
 * sense (a count of keys that is not a number or too large). At most `max` are written; argc is always
 * enough. */
int command_find_keys(struct command *command, struct arg *argv, unsigned argc, unsigned *positions,
                      uint32_t *flags, unsigned max);

#endif
