/* pubsub.h: channels, shard channels and patterns, who listens to them, and what is published to them.
 *
 * One instant for everything. A topic (a channel, a shard channel or a pattern) belongs to a stripe of the
 * registry by the hash of its name, and the stripe's lock orders all that happens to it: a publish is the
 * moment under the lock when it counts its receivers and puts the message into the inbox of every thread that
 * has some; a subscription begins and ends under the same lock. Hence all subscribers of a channel, on
 * whatever shard, see its messages in one order, and each sees exactly those published while it was
 * subscribed: the number that PUBLISH replies is exact. A pattern listens to channels of all stripes, so
 * patterns change only with all of them locked (in their order), and a publish reads them under its own.
 *
 *     publisher's thread                                       subscriber's thread
 *       lock the stripe                                          takes its inbox, in order
 *       find topic and patterns ──> one node per topic and       for each node: appends the message to the
 *       count receivers             thread, into its inbox       replies of the topic's audience here
 *       unlock
 *
 * The audience of a topic on one thread (its list of clients) is touched by that thread alone, so delivering
 * takes no lock. The one rule that keeps this right: whoever subscribes or unsubscribes takes its thread's
 * inbox under the lock, too, and delivers it before the audience changes. So what was published before
 * reaches the audience of before, and when an audience ends, no message for it is on its way any more.
 *
 * What is published by a thread that has subscribers itself reaches these at once: a RESP3 client that
 * publishes to its own channel finds the message in front of its reply, as with Redis.
 *
 * Bounds: a message is encoded once, and a large one is never copied: the replies refer to it. A thread that
 * is too busy to take its inbox gathers at most PUBSUB_WAITING_BYTES_MAX; past that its subscribers are cut
 * off, since a channel with a hole would be worse than none. A subscriber that does not read is cut off at
 * its output limit, also in the middle of an inbox. Neither delays the publisher.
 *
 * The locks are spin locks, ranked after the slices: PUBLISH works inside transactions, and notifications are
 * sent from inside commands.
 */
#ifndef GYRE_SERVER_PUBSUB_H
#define GYRE_SERVER_PUBSUB_H

#include "shard/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blob;
struct client;
struct thread;
struct worker;

enum pubsub_kind { PUBSUB_CHANNEL, PUBSUB_PATTERN, PUBSUB_SHARD, PUBSUB_KINDS };
enum { PUBSUB_WAITING_BYTES_MAX = 64 << 20 };

/* ---- subscribing: on the client's own thread, between replies of that client ---- */

/* False when it is subscribed (or, for the second, is not). Messages published before are in the client's
 * reply when these return, so that a confirmation written next stands behind them. */
bool pubsub_subscribe(struct client *c, enum pubsub_kind kind, const char *name, size_t len);
bool pubsub_unsubscribe(struct client *c, enum pubsub_kind kind, const char *name, size_t len);
/* Ends the client's oldest subscription of the kind and appends its name to `name`; false: there is none. */
bool pubsub_unsubscribe_oldest(struct client *c, enum pubsub_kind kind, struct buf *name);
/* Ends all subscriptions. */
void pubsub_unsubscribe_all(struct client *c);
/* How many the client has. Any thread. */
uint32_t pubsub_subscriptions(struct client *c, enum pubsub_kind kind);
/* The memory that a client's subscriptions take. */
size_t pubsub_client_bytes(const struct client *c);

/* ---- publishing: any thread of the server; slices may be held ---- */

struct publication {
    enum pubsub_kind kind; /* PUBSUB_CHANNEL (patterns listen as well) or PUBSUB_SHARD */
    const char *channel;
    size_t channel_len;
    const char *message;
    size_t message_len;
    struct blob *blob; /* NULL, or what holds just the message's bytes: then they are not copied if many */
};
/* Returns the number of receivers: a client counts once for each subscription that fits. */
uint64_t pubsub_publish(struct thread *from, const struct publication *p);

/* ---- receiving: a worker's own thread ---- */

/* Delivers what has become durable of what was published (appendfsync always): every turn, when all of its changes have
 * been published, and before output is sent. */
void pubsub_deliver_ready(struct thread *me);
/* Whether it is not known yet when that will be: it is looked after again soon. */
bool pubsub_is_unsure(const struct thread *me);

/* ---- asking: any thread ---- */

/* Whether anybody is subscribed to anything. */
bool pubsub_is_used(void);

/* How many topics of a kind have subscribers. */
uint64_t pubsub_topics(enum pubsub_kind kind);
/* How many subscribers a topic has. */
uint64_t pubsub_topic_subscribers(enum pubsub_kind kind, const char *name, size_t len);
/* Calls `see` for every topic of a kind, no lock held. */
void pubsub_each_topic(enum pubsub_kind kind, void (*see)(void *arg, const char *name, size_t len),
                       void *arg);

#endif
