/* pubsub.c: SUBSCRIBE and its relatives, PUBLISH, SPUBLISH, PUBSUB.
 *
 * On the client's thread; no slice is needed, though a transaction may hold some. What happens to channels
 * is pubsub.h's; here are the words. Confirmations are pushed to RESP3 clients and, like messages, are not
 * silenced by CLIENT REPLY. Shard channels are counted apart from channels and patterns, which are counted
 * together.
 */
#include "server/pubsub.h"

#include "server/call.h"
#include "server/client.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/text.h"

/* ---- subscribing ---- */

static const char *const subscribe_words[PUBSUB_KINDS] = {"subscribe", "psubscribe", "ssubscribe"};
static const char *const unsubscribe_words[PUBSUB_KINDS] = {"unsubscribe", "punsubscribe", "sunsubscribe"};

static int64_t shown_count(struct client *client, enum pubsub_kind kind) {
    if (kind == PUBSUB_SHARD) return pubsub_subscriptions(client, PUBSUB_SHARD);
    return (int64_t)pubsub_subscriptions(client, PUBSUB_CHANNEL) +
           pubsub_subscriptions(client, PUBSUB_PATTERN);
}

/* `name` is NULL where there was nothing to unsubscribe from. */
static void confirm(struct call *c, const char *word, enum pubsub_kind kind, const char *name, size_t len) {
    struct reply *r = c->reply;
    bool mute = r->mute;
    r->mute = false;
    reply_push(r, 3);
    reply_bulk_text(r, word);
    if (name)
        reply_bulk(r, name, len);
    else
        reply_null(r);
    reply_int(r, shown_count(c->client, kind));
    r->mute = mute;
}

static void subscribe(struct call *c, enum pubsub_kind kind) {
    for (unsigned i = 1; i < c->argc; i++) {
        const struct arg *name = &c->argv[i];
        pubsub_subscribe(c->client, kind, name->data, name->len);
        confirm(c, subscribe_words[kind], kind, name->data, name->len);
    }
}

static void unsubscribe_from_all(struct call *c, enum pubsub_kind kind) {
    struct buf name = {0};
    const char *word = unsubscribe_words[kind];
    if (!pubsub_subscriptions(c->client, kind)) confirm(c, word, kind, NULL, 0);
    while (pubsub_unsubscribe_oldest(c->client, kind, &name)) {
        confirm(c, word, kind, name.data ? name.data : "", name.len);
        name.len = 0;
    }
    buf_free(&name);
}

static void unsubscribe(struct call *c, enum pubsub_kind kind) {
    if (c->argc == 1) unsubscribe_from_all(c, kind);
    for (unsigned i = 1; i < c->argc; i++) {
        const struct arg *name = &c->argv[i];
        pubsub_unsubscribe(c->client, kind, name->data, name->len);
        confirm(c, unsubscribe_words[kind], kind, name->data, name->len);
    }
}

static void cmd_subscribe(struct call *c) {
    subscribe(c, PUBSUB_CHANNEL);
}

static void cmd_unsubscribe(struct call *c) {
    unsubscribe(c, PUBSUB_CHANNEL);
}

static void cmd_psubscribe(struct call *c) {
    subscribe(c, PUBSUB_PATTERN);
}

static void cmd_punsubscribe(struct call *c) {
    unsubscribe(c, PUBSUB_PATTERN);
}

static void cmd_ssubscribe(struct call *c) {
    subscribe(c, PUBSUB_SHARD);
}

static void cmd_sunsubscribe(struct call *c) {
    unsubscribe(c, PUBSUB_SHARD);
}

/* ---- publishing ---- */

static void publish(struct call *c, enum pubsub_kind kind) {
    ASSERT(c->argc == 3);
    const struct arg *channel = &c->argv[1], *message = &c->argv[2];
    struct publication p = {
        .kind = kind,
        .channel = channel->data,
        .channel_len = channel->len,
        .message = message->data,
        .message_len = message->len,
        .blob = c->blobs ? c->blobs[2] : NULL,
    };
    reply_int(c->reply, (int64_t)pubsub_publish(&c->worker->thread, &p));
}

static void cmd_publish(struct call *c) {
    publish(c, PUBSUB_CHANNEL);
}

static void cmd_spublish(struct call *c) {
    publish(c, PUBSUB_SHARD);
}

/* ---- PUBSUB ---- */

struct listing {
    struct reply *reply;
    const struct arg *pattern; /* NULL: all */
    size_t count;
};

static void list_topic(void *arg, const char *name, size_t len) {
    struct listing *l = arg;
    if (l->pattern && !text_glob(l->pattern->data, l->pattern->len, name, len, false)) return;
    reply_bulk(l->reply, name, len);
    l->count++;
}

static void list_topics(struct call *c, enum pubsub_kind kind) {
    if (c->argc > 3) {
        reply_subcommand_syntax(c->reply, "PUBSUB", c->argv[1].data, c->argv[1].len);
        return;
    }
    struct listing listing = {.reply = c->reply, .pattern = c->argc == 3 ? &c->argv[2] : NULL};
    struct reply_mark mark = reply_mark(c->reply);
    pubsub_each_topic(kind, list_topic, &listing);
    reply_mark_array(c->reply, mark, listing.count);
}

static void cmd_pubsub_channels(struct call *c) {
    list_topics(c, PUBSUB_CHANNEL);
}

static void cmd_pubsub_shardchannels(struct call *c) {
    list_topics(c, PUBSUB_SHARD);
}

static void count_subscribers(struct call *c, enum pubsub_kind kind) {
    reply_array(c->reply, (c->argc - 2) * 2);
    for (unsigned i = 2; i < c->argc; i++) {
        const struct arg *name = &c->argv[i];
        reply_bulk(c->reply, name->data, name->len);
        reply_int(c->reply, (int64_t)pubsub_topic_subscribers(kind, name->data, name->len));
    }
}

static void cmd_pubsub_numsub(struct call *c) {
    count_subscribers(c, PUBSUB_CHANNEL);
}

static void cmd_pubsub_shardnumsub(struct call *c) {
    count_subscribers(c, PUBSUB_SHARD);
}

static void cmd_pubsub_numpat(struct call *c) {
    reply_int(c->reply, (int64_t)pubsub_topics(PUBSUB_PATTERN));
}

static void cmd_pubsub_help(struct call *c) {
    static const char *const lines[] = {
        "CHANNELS [<pattern>]",
        "    Return the currently active channels matching a <pattern> (default: '*').",
        "NUMPAT",
        "    Return number of subscriptions to patterns.",
        "NUMSUB [<channel> ...]",
        "    Return the number of subscribers for the specified channels, excluding",
        "    pattern subscriptions(default: no channels).",
        "SHARDCHANNELS [<pattern>]",
        "    Return the currently active shard level channels matching a <pattern> (default: '*').",
        "SHARDNUMSUB [<shardchannel> ...]",
        "    Return the number of subscribers for the specified shard level channel(s)",
        NULL,
    };
    reply_help(c->reply, "PUBSUB", lines);
}

/* ---- the commands ---- */

enum {
    LISTENER_FLAGS = CMD_PUBSUB | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_SUBSCRIBER,
    PUBLISHER_FLAGS = CMD_PUBSUB | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_MAY_REPLICATE,
    ASKER_FLAGS = CMD_PUBSUB | CMD_LOADING | CMD_STALE,
};

#define LISTENER(word, count, run, version)                                                                  \
    .name = (word), .arity = (count), .flags = LISTENER_FLAGS, .categories = ACL_PUBSUB | ACL_SLOW,          \
    .handler = (run), .group = "pubsub", .since = (version)
#define PUBLISHER(word, run, version)                                                                        \
    .name = (word), .arity = 3, .flags = PUBLISHER_FLAGS, .categories = ACL_PUBSUB | ACL_FAST,               \
    .handler = (run), .group = "pubsub", .since = (version)
#define ASKER(word, count, run, version)                                                                     \
    .name = (word), .arity = (count), .flags = ASKER_FLAGS, .categories = ACL_PUBSUB | ACL_SLOW,             \
    .handler = (run), .group = "pubsub", .since = (version)

static struct command subcommands[] = {
    {ASKER("channels", -2, cmd_pubsub_channels, "2.8.0"), .summary = "List active channels",
     .complexity = "O(N) where N is the number of active channels, and assuming constant time pattern "
                   "matching (relatively short channels and patterns)"},
    {.name = "help",
     .arity = 2,
     .flags = CMD_LOADING | CMD_STALE,
     .categories = ACL_SLOW,
     .handler = cmd_pubsub_help,
     .group = "pubsub",
     .since = "6.2.0",
     .summary = "Show helpful text about the different subcommands",
     .complexity = "O(1)"},
    {ASKER("numpat", 2, cmd_pubsub_numpat, "2.8.0"),
     .summary = "Get the count of unique patterns pattern subscriptions", .complexity = "O(1)"},
    {ASKER("numsub", -2, cmd_pubsub_numsub, "2.8.0"), .summary = "Get the count of subscribers for channels",
     .complexity = "O(N) for the NUMSUB subcommand, where N is the number of requested channels"},
    {ASKER("shardchannels", -2, cmd_pubsub_shardchannels, "7.0.0"), .summary = "List active shard channels",
     .complexity = "O(N) where N is the number of active shard channels, and assuming constant time pattern "
                   "matching (relatively short shard channels)."},
    {ASKER("shardnumsub", -2, cmd_pubsub_shardnumsub, "7.0.0"),
     .summary = "Get the count of subscribers for shard channels",
     .complexity = "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard channels"},
    {0},
};

struct command pubsub_commands[] = {
    {LISTENER("subscribe", -2, cmd_subscribe, "2.0.0"),
     .summary = "Listen for messages published to the given channels",
     .complexity = "O(N) where N is the number of channels to subscribe to."},
    {LISTENER("unsubscribe", -1, cmd_unsubscribe, "2.0.0"),
     .summary = "Stop listening for messages posted to the given channels",
     .complexity = "O(N) where N is the number of clients already subscribed to a channel."},
    {LISTENER("psubscribe", -2, cmd_psubscribe, "2.0.0"),
     .summary = "Listen for messages published to channels matching the given patterns",
     .complexity = "O(N) where N is the number of patterns the client is already subscribed to."},
    {LISTENER("punsubscribe", -1, cmd_punsubscribe, "2.0.0"),
     .summary = "Stop listening for messages posted to channels matching the given patterns",
     .complexity = "O(N+M) where N is the number of patterns the client is already subscribed and M is the "
                   "number of total patterns subscribed in the system (by any client)."},
    {LISTENER("ssubscribe", -2, cmd_ssubscribe, "7.0.0"), .keys = {KEYS_REST(KEY_NOT_KEY)},
     .summary = "Listen for messages published to the given shard channels",
     .complexity = "O(N) where N is the number of shard channels to subscribe to."},
    {LISTENER("sunsubscribe", -1, cmd_sunsubscribe, "7.0.0"), .keys = {KEYS_REST(KEY_NOT_KEY)},
     .summary = "Stop listening for messages posted to the given shard channels",
     .complexity = "O(N) where N is the number of clients already subscribed to a shard channel."},
    {PUBLISHER("publish", cmd_publish, "2.0.0"), .summary = "Post a message to a channel",
     .complexity = "O(N+M) where N is the number of clients subscribed to the receiving channel and M is the "
                   "total number of subscribed patterns (by any client)."},
    {PUBLISHER("spublish", cmd_spublish, "7.0.0"), .keys = {KEYS_FIRST(KEY_NOT_KEY)},
     .summary = "Post a message to a shard channel",
     .complexity = "O(N) where N is the number of clients subscribed to the receiving shard channel."},
    {.name = "pubsub",
     .arity = -2,
     .categories = ACL_SLOW,
     .subcommands = subcommands,
     .group = "pubsub",
     .since = "2.8.0",
     .summary = "A container for Pub/Sub commands",
     .complexity = "Depends on subcommand."},
    {0},
};
