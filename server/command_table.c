/* command_table.c: the list of all families of commands. A new family is added here and nowhere else. */
#include "server/command_table.h"

#include <stddef.h>

#define FAMILY(name) extern struct command name[]
FAMILY(string_commands);
FAMILY(string_edit_commands);
FAMILY(lcs_commands);
FAMILY(bitmap_commands);
FAMILY(bitfield_commands);
FAMILY(key_commands);
FAMILY(scan_commands);
FAMILY(expire_commands);
FAMILY(database_commands);
FAMILY(connection_commands);
FAMILY(client_commands);
FAMILY(server_commands);
FAMILY(config_commands);
FAMILY(command_commands);
FAMILY(info_commands);
FAMILY(debug_commands);
FAMILY(slowlog_commands);
FAMILY(latency_commands);
FAMILY(memory_commands);
FAMILY(monitor_commands);
FAMILY(pubsub_commands);

struct command *const command_families[] = {
    string_commands, string_edit_commands, lcs_commands,     bitmap_commands,   bitfield_commands,
    key_commands,    scan_commands,        expire_commands,  database_commands, connection_commands,
    client_commands, server_commands,      config_commands,  command_commands,  info_commands,
    debug_commands,  slowlog_commands,     latency_commands, memory_commands,   monitor_commands,
    pubsub_commands,
};
const unsigned command_families_count = sizeof command_families / sizeof *command_families;
