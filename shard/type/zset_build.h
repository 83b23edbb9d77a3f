/* zset_build.h: making a whole sorted set out of items in any order.
 *
 *     struct zset_builder *b = zset_builder_new(aggregate);
 *     zset_builder_add(b, member, len, score) ...
 *     struct zset *z = zset_builder_finish(b, limits);
 *
 * Members are gathered in a table, where one that comes again is aggregated, and put in order once, at the
 * end. So a union costs a lookup for each member and one sort. The builder belongs to who made it.
 */
#ifndef GYRE_TYPE_ZSET_BUILD_H
#define GYRE_TYPE_ZSET_BUILD_H

#include "shard/type/zset.h"

struct zset_builder;

/* The score of a member that is added again: of its present one and the new one. */
typedef double zset_aggregate(double present, double score);

/* `aggregate` may be NULL: then no member is added twice. */
struct zset_builder *zset_builder_new(zset_aggregate *aggregate);
/* The same with room for about `count` members at once. */
struct zset_builder *zset_builder_new_for(zset_aggregate *aggregate, size_t count);
/* A copy of the member. No score is NaN. */
void zset_builder_add(struct zset_builder *b, const char *member, size_t len, double score);
/* The set, small if it is within the limits; NULL if nothing was added. The builder is gone. */
struct zset *zset_builder_finish(struct zset_builder *b, struct zset_limits limits);

#endif
