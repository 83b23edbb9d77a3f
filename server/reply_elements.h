/* reply_elements.h: listpack elements as bulk strings, many at a time: how ranges of lists, and whole small
 * collections, become replies.
 *
 * Each element is read once and written once, straight into the reply's chunk: no value in between, no call
 * for each.
 */
#ifndef GYRE_SERVER_REPLY_ELEMENTS_H
#define GYRE_SERVER_REPLY_ELEMENTS_H

#include "server/reply.h"

/* Writes `count` elements that lie side by side (shard/type/element.h), each as a bulk string; returns where
 * the next one would begin. */
const unsigned char *reply_elements(struct reply *r, const unsigned char *at, size_t count);

#endif
