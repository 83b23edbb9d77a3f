/* protection.c: see protection.h. */
#include "server/protection.h"

#include "server/client.h"
#include "server/config.h"
#include "shard/rt/socket.h"

bool protection_passes(struct client *c) {
    int access = config_get()->enable_debug_command;
    if (access == CONFIG_ACCESS_YES) return true;
    if (access == CONFIG_ACCESS_LOCAL && socket_is_local(c->fd)) return true;
    reply_error(
        &c->reply,
        "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run "
        "it "
        "from a local connection, otherwise you need to set this option in the configuration file, and then "
        "restart the server.");
    return false;
}
