/* types.c: the list of types: see types.h. */
#include "shard/type/types.h"

#include "shard/type/hash.h"
#include "shard/type/list.h"
#include "shard/type/set.h"
#include "shard/type/zset.h"

void types_register(void) {
    hash_register();
    list_register();
    set_register();
    zset_register();
}
