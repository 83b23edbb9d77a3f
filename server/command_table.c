/* command_table.c: the list of all families of commands. A new family is added here and nowhere else. */
#include "server/command_table.h"

#include <stddef.h>

#define FAMILIES(EACH)                                                                                       \
    EACH(string_commands)                                                                                    \
    EACH(string_edit_commands)                                                                               \
    EACH(lcs_commands)                                                                                       \
    EACH(list_commands)                                                                                      \
    EACH(list_edit_commands)                                                                                 \
    EACH(bitmap_commands)                                                                                    \
    EACH(bitfield_commands)                                                                                  \
    EACH(hash_commands)                                                                                      \
    EACH(hash_all_commands)                                                                                  \
    EACH(set_commands)                                                                                       \
    EACH(set_algebra_commands)                                                                               \
    EACH(zset_commands)                                                                                      \
    EACH(zset_pop_commands)                                                                                  \
    EACH(zset_range_commands)                                                                                \
    EACH(zset_algebra_commands)                                                                              \
    EACH(key_commands)                                                                                       \
    EACH(scan_commands)                                                                                      \
    EACH(sort_commands)                                                                                      \
    EACH(dump_commands)                                                                                      \
    EACH(expire_commands)                                                                                    \
    EACH(database_commands)                                                                                  \
    EACH(connection_commands)                                                                                \
    EACH(client_commands)                                                                                    \
    EACH(save_commands)                                                                                      \
    EACH(replication_commands)                                                                               \
    EACH(waitaof_commands)                                                                                   \
    EACH(server_commands)                                                                                    \
    EACH(config_commands)                                                                                    \
    EACH(command_commands)                                                                                   \
    EACH(info_commands)                                                                                      \
    EACH(debug_commands)                                                                                     \
    EACH(slowlog_commands)                                                                                   \
    EACH(latency_commands)                                                                                   \
    EACH(memory_commands)                                                                                    \
    EACH(monitor_commands)                                                                                   \
    EACH(pubsub_commands)                                                                                    \
    EACH(transaction_commands)                                                                               \
    EACH(blocking_commands)                                                                                  \
    EACH(blocking_zset_commands)

#define DECLARE(family) extern struct command family[];
FAMILIES(DECLARE)

#define NAME(family) family,
struct command *const command_families[] = {FAMILIES(NAME)};
const unsigned command_families_count = sizeof command_families / sizeof *command_families;
