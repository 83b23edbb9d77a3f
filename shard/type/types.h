/* types.h: makes the types of shard/type/ known to the keyspace (value_methods.h). */
#ifndef GYRE_TYPE_TYPES_H
#define GYRE_TYPE_TYPES_H

/* Once, before threads start. */
void types_register(void);

#endif
