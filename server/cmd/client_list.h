/* client_list.h: the texts of CLIENT LIST and CLIENT INFO, and the types by which clients are picked.
 *
 * On the thread of the client that asks; takes the registry locks in passing (registry.h), no slice.
 */
#ifndef GYRE_SERVER_CMD_CLIENT_LIST_H
#define GYRE_SERVER_CMD_CLIENT_LIST_H

#include "server/call.h"
#include "server/registry.h"

#include <stdbool.h>
#include <stdint.h>

enum client_type { CLIENT_TYPE_NORMAL, CLIENT_TYPE_REPLICA, CLIENT_TYPE_PUBSUB, CLIENT_TYPE_MASTER };

/* Argument i as a type; replies the error and returns false when it is none. */
bool client_type_argument(struct call *c, unsigned i, enum client_type *type);
/* What is told of a replica. */
struct replica_view;
void client_view_of_replica(struct client_view *view, const struct replica_view *replica);
/* The type of a client with these flags. A monitor is a normal client. */
enum client_type client_type_of(uint32_t flags);

/* CLIENT LIST [TYPE type | ID id ...] and CLIENT INFO. */
void cmd_client_list(struct call *c);
void cmd_client_info(struct call *c);

#endif
