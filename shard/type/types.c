/* types.c: the list of types: see types.h. */
#include "shard/type/types.h"

void types_register(void) {}
