/* cmd/dump.h: what DUMP and RESTORE have that others who load values need. */
#ifndef GYRE_SERVER_CMD_DUMP_H
#define GYRE_SERVER_CMD_DUMP_H

#include "persist/rdb_load.h"

/* Up to where collections stay small, as the configuration has it now. */
struct rdb_limits dump_limits_now(void);

#endif
