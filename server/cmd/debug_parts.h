/* debug_parts.h: what the files of DEBUG share: debug*.c only. */
#ifndef GYRE_SERVER_CMD_DEBUG_PARTS_H
#define GYRE_SERVER_CMD_DEBUG_PARTS_H

#include "server/call.h"

/* "ERR unknown subcommand or wrong number of arguments for ..." */
void debug_reply_syntax(struct call *c);

/* debug_object.c: under the hold of the key's slice. */
void debug_object(struct call *c);
void debug_hold(struct call *c);
void debug_htstats_key(struct call *c);
void debug_listpack(struct call *c);
void debug_quicklist(struct call *c);
void debug_sdslen(struct call *c);
/* debug_digest.c: DIGEST with every slice held, DIGEST-VALUE with those of its keys. */
void debug_digest(struct call *c);
void debug_digest_value(struct call *c);
/* debug_data.c: no hold. */
void debug_htstats(struct call *c);
void debug_populate(struct call *c);
/* debug_reply.c: no hold. */
void debug_protocol(struct call *c);

#endif
