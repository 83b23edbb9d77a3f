/* command_table.h: the families of commands, for command.c. */
#ifndef GYRE_SERVER_COMMAND_TABLE_H
#define GYRE_SERVER_COMMAND_TABLE_H

#include "server/command.h"

extern struct command *const command_families[];
extern const unsigned command_families_count;

#endif
