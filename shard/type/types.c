/* types.c: the list of types: see types.h. */
#include "shard/type/types.h"

#include "shard/type/list.h"

void types_register(void) {
    list_register();
}
