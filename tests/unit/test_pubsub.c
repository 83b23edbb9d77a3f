/* test_pubsub.c: the registry of channels and the threads' inboxes, which are emptied by hand: what is
 * counted, who gets it, in what order, and what happens to messages that are on their way while somebody
 * subscribes or leaves. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/config.h"
#include "server/pubsub.h"
#include "server/registry.h"
#include "server/worker.h"
#include "shard/base/mem.h"
#include "shard/base/random.h"
#include "shard/rt/clock.h"

enum { WORKERS = 3, CLIENTS = 16 };

static uint64_t next_id = 1;

static void setup(void) {
    clock_init();
    config_init();
    slices_create(WORKERS, 1);
    workers_create(WORKERS);
    for (unsigned i = 0; i < WORKERS; i++) {
        struct worker *w = worker_by_index(i);
        w->clients_capacity = CLIENTS;
        w->clients = mem_zalloc(CLIENTS * sizeof(struct client *));
        w->generations = mem_zalloc(CLIENTS * sizeof *w->generations);
    }
}

TestSuite(pubsub, .init = setup);

static struct client *add(unsigned worker, uint32_t slot) {
    struct worker *w = worker_by_index(worker);
    struct client *c = mem_zalloc(sizeof *c);
    c->worker = w;
    c->slot = slot;
    c->id = next_id++;
    reply_init(&c->reply, &w->reply_pool);
    w->clients[slot] = c;
    return c;
}

/* What a turn of the worker begins with. Returns how many messages (notices) there were. */
static unsigned turn(unsigned worker) {
    struct thread *t = &worker_by_index(worker)->thread;
    unsigned count = 0;
    for (struct message *m = mailbox_take(&t->mailbox), *next; m; m = next, count++) {
        next = m->next;
        m->deliver(t, m);
    }
    return count;
}

/* What the client has been told, without '\r' and with ' ' for '\n'. */
static const char *told(struct client *c) {
    static char texts[4][8192];
    static unsigned which;
    char *text = texts[which++ % 4], *to = text;
    size_t bytes;
    struct reply_chunk *chunk = reply_take(&c->reply, &bytes);
    for (; chunk; chunk = reply_chunk_free(c->reply.pool, chunk))
        for (size_t i = 0; i < chunk->len; i++) {
            cr_assert_lt(to - text, 8191);
            if (chunk->data[i] != '\r') *to++ = chunk->data[i] == '\n' ? ' ' : chunk->data[i];
        }
    *to = 0;
    return text;
}

static bool subscribe(struct client *c, enum pubsub_kind kind, const char *name) {
    return pubsub_subscribe(c, kind, name, strlen(name));
}
static bool unsubscribe(struct client *c, enum pubsub_kind kind, const char *name) {
    return pubsub_unsubscribe(c, kind, name, strlen(name));
}

static uint64_t publish_as(unsigned worker, enum pubsub_kind kind, const char *channel, const char *message) {
    struct publication p = {.kind = kind,
                            .channel = channel,
                            .channel_len = strlen(channel),
                            .message = message,
                            .message_len = strlen(message)};
    return pubsub_publish(&worker_by_index(worker)->thread, &p);
}
static uint64_t publish(unsigned worker, const char *channel, const char *message) {
    return publish_as(worker, PUBSUB_CHANNEL, channel, message);
}

Test(pubsub, nobody_listens) {
    cr_assert_not(pubsub_is_used());
    cr_assert_eq(publish(0, "c", "m"), 0);
    cr_assert_eq(turn(0) + turn(1) + turn(2), 0);
    cr_assert_eq(pubsub_topic_subscribers(PUBSUB_CHANNEL, "c", 1), 0);
}

Test(pubsub, every_subscriber_of_every_thread_is_told) {
    struct client *a = add(0, 0), *b = add(0, 1), *c = add(1, 0), *d = add(2, 0);
    c->reply.protocol = 3;
    cr_assert(subscribe(a, PUBSUB_CHANNEL, "c"));
    cr_assert_not(subscribe(a, PUBSUB_CHANNEL, "c"), "twice");
    cr_assert(subscribe(b, PUBSUB_CHANNEL, "c"));
    cr_assert(subscribe(c, PUBSUB_CHANNEL, "c"));
    cr_assert(subscribe(d, PUBSUB_CHANNEL, "other"));
    cr_assert_eq(pubsub_topic_subscribers(PUBSUB_CHANNEL, "c", 1), 3);
    cr_assert_eq(pubsub_topics(PUBSUB_CHANNEL), 2);
    cr_assert_eq(publish(2, "c", "m"), 3);
    cr_assert_str_eq(told(a), "", "not before its thread has taken the message");
    cr_assert_eq(turn(0), 1);
    cr_assert_eq(turn(1), 1);
    cr_assert_eq(turn(2), 0);
    cr_assert_str_eq(told(a), "*3 $7 message $1 c $1 m ");
    cr_assert_str_eq(told(b), "*3 $7 message $1 c $1 m ");
    cr_assert_str_eq(told(c), ">3 $7 message $1 c $1 m ");
    cr_assert_str_eq(told(d), "");
    cr_assert(client_has(a, CLIENT_PUBSUB));
    cr_assert(unsubscribe(a, PUBSUB_CHANNEL, "c"));
    cr_assert_not(unsubscribe(a, PUBSUB_CHANNEL, "c"));
    cr_assert_not(client_has(a, CLIENT_PUBSUB));
    cr_assert_null(a->pubsub);
    cr_assert_eq(publish(2, "c", "n"), 2);
    turn(0);
    turn(1);
    cr_assert_str_eq(told(a), "");
    cr_assert_str_eq(told(b), "*3 $7 message $1 c $1 n ");
}

Test(pubsub, own_subscribers_are_told_at_once) {
    struct client *a = add(0, 0);
    subscribe(a, PUBSUB_CHANNEL, "c");
    publish(1, "c", "1");
    cr_assert_eq(publish(0, "c", "2"), 1);
    cr_assert_str_eq(told(a), "*3 $7 message $1 c $1 1 *3 $7 message $1 c $1 2 ");
    cr_assert_eq(turn(0), 1, "the notice of the first");
    cr_assert_str_eq(told(a), "");
}

Test(pubsub, kinds_are_apart) {
    struct client *a = add(0, 0);
    for (unsigned kind = 0; kind < PUBSUB_KINDS; kind++) cr_assert(subscribe(a, (enum pubsub_kind)kind, "c"));
    for (unsigned kind = 0; kind < PUBSUB_KINDS; kind++) {
        cr_assert_eq(pubsub_topics((enum pubsub_kind)kind), 1);
        cr_assert_eq(pubsub_subscriptions(a, (enum pubsub_kind)kind), 1);
    }
    cr_assert_eq(publish_as(0, PUBSUB_SHARD, "c", "s"), 1);
    cr_assert_str_eq(told(a), "*3 $8 smessage $1 c $1 s ");
    cr_assert_eq(publish(0, "c", "m"), 2);
    cr_assert_str_eq(told(a), "*3 $7 message $1 c $1 m *4 $8 pmessage $1 c $1 c $1 m ");
    pubsub_unsubscribe_all(a);
    cr_assert_not(pubsub_is_used());
    cr_assert_eq(publish(0, "c", "m"), 0);
}

Test(pubsub, patterns) {
    static const struct {
        const char *pattern, *channel;
        bool fits;
    } cases[] = {{"*", "", false},
                 {"*", "abc", true},
                 {"", "", true},
                 {"", "a", false},
                 {"abcdefghij*", "abcdefghijk", true},
                 {"abcdefghij*", "abcdefghXjk", false},
                 {"abcdefgh", "abcdefgh", true},
                 {"abcdefgh", "abcdefghi", false},
                 {"abcdefgh", "abcdefg", false},
                 {"abc?", "abcd", true},
                 {"abc", "abcd", false},
                 {"a[bc]d", "acd", true},
                 {"a\\*", "a*", true},
                 {"a\\*", "ab", false},
                 {"ab*", "a", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct client *a = add(1, 0);
        subscribe(a, PUBSUB_PATTERN, cases[i].pattern);
        cr_assert_eq(publish(0, cases[i].channel, "m"), cases[i].fits, "%s %s", cases[i].pattern,
                     cases[i].channel);
        turn(1);
        cr_assert_eq(*told(a) != 0, cases[i].fits);
        pubsub_unsubscribe_all(a);
        mem_free(a);
    }
}

Test(pubsub, who_subscribes_late_is_not_told_of_before) {
    struct client *a = add(0, 0), *late = add(0, 1);
    subscribe(a, PUBSUB_CHANNEL, "c");
    cr_assert_eq(publish(1, "c", "before"), 1);
    subscribe(late, PUBSUB_CHANNEL, "c");
    subscribe(late, PUBSUB_PATTERN, "*");
    cr_assert_eq(publish(1, "c", "after"), 3);
    turn(0);
    cr_assert_str_eq(told(a), "*3 $7 message $1 c $6 before *3 $7 message $1 c $5 after ");
    cr_assert_str_eq(told(late), "*3 $7 message $1 c $5 after *4 $8 pmessage $1 * $1 c $5 after ");
}

Test(pubsub, who_leaves_has_been_told_of_all_before) {
    struct client *a = add(0, 0);
    subscribe(a, PUBSUB_CHANNEL, "c");
    subscribe(a, PUBSUB_PATTERN, "?");
    cr_assert_eq(publish(1, "c", "1"), 2);
    unsubscribe(a, PUBSUB_PATTERN, "?");
    cr_assert_str_eq(told(a), "*3 $7 message $1 c $1 1 *4 $8 pmessage $1 ? $1 c $1 1 ");
    cr_assert_eq(publish(1, "c", "2"), 1);
    struct buf name = {0};
    cr_assert(pubsub_unsubscribe_oldest(a, PUBSUB_CHANNEL, &name));
    cr_assert_str_eq(name.data, "c");
    cr_assert_str_eq(told(a), "*3 $7 message $1 c $1 2 ");
    cr_assert_not(pubsub_unsubscribe_oldest(a, PUBSUB_CHANNEL, &name));
    turn(0);
    cr_assert_str_eq(told(a), "");
    buf_free(&name);
}

Test(pubsub, reply_off_does_not_silence_messages) {
    struct client *a = add(0, 0);
    subscribe(a, PUBSUB_CHANNEL, "c");
    a->reply.mute = true;
    publish(0, "c", "m");
    cr_assert(a->reply.mute);
    a->reply.mute = false;
    cr_assert_str_eq(told(a), "*3 $7 message $1 c $1 m ");
}

Test(pubsub, large_messages_are_referred_to) {
    struct client *a = add(0, 0), *b = add(1, 0);
    size_t n = 100000;
    struct blob *blob = blob_new(n);
    memset(blob->data, 'x', n);
    blob->len = n;
    subscribe(a, PUBSUB_CHANNEL, "c");
    subscribe(b, PUBSUB_CHANNEL, "c");
    struct publication p = {.kind = PUBSUB_CHANNEL,
                            .channel = "c",
                            .channel_len = 1,
                            .message = blob->data,
                            .message_len = n,
                            .blob = blob};
    cr_assert_eq(pubsub_publish(&worker_by_index(2)->thread, &p), 2);
    turn(0);
    turn(1);
    cr_assert_eq(blob->refs, 3, "ours and one for each reply");
    cr_assert_gt(a->reply.bytes, n);
    reply_clear(&a->reply);
    reply_clear(&b->reply);
    cr_assert_eq(blob->refs, 1);
    blob_unref(blob);
}

Test(pubsub, a_subscriber_past_its_limit_is_told_no_more) {
    struct client *a = add(0, 0);
    subscribe(a, PUBSUB_CHANNEL, "c");
    size_t limit = config_get()->client_output_buffer_limit[CLIENT_CLASS_PUBSUB].hard_bytes, n = 1 << 20;
    char *message = mem_zalloc(n);
    memset(message, 'x', n - 1);
    for (size_t i = 0; i < 60; i++) publish(1, "c", message);
    turn(0);
    cr_assert(client_has(a, CLIENT_CLOSE_ASAP));
    cr_assert_gt(a->reply.bytes, limit);
    cr_assert_lt(a->reply.bytes, limit + 2 * n);
    reply_clear(&a->reply);
    mem_free(message);
}

Test(pubsub, a_thread_that_takes_nothing_gathers_a_bounded_amount) {
    struct client *a = add(0, 0), *b = add(1, 0);
    subscribe(a, PUBSUB_CHANNEL, "c");
    subscribe(b, PUBSUB_CHANNEL, "c");
    size_t n = 1 << 20, before = mem_used();
    char *message = mem_zalloc(n);
    memset(message, 'x', n - 1);
    for (size_t i = 0; i < 4 * (PUBSUB_WAITING_BYTES_MAX >> 20); i++) {
        cr_assert_eq(publish(2, "c", message), 2);
        turn(1);
        reply_clear(&b->reply);
    }
    cr_assert_lt(mem_used() - before, 2 * (size_t)PUBSUB_WAITING_BYTES_MAX);
    cr_assert_not(client_has(b, CLIENT_CLOSE_ASAP));
    turn(0);
    cr_assert(client_has(a, CLIENT_CLOSE_ASAP), "it has missed some");
    cr_assert_eq(a->reply.bytes, 0, "and is told nothing with a hole");
    cr_assert_eq(publish(2, "c", "m"), 2);
    turn(0);
    turn(1);
    reply_clear(&b->reply);
    mem_free(message);
    cr_assert_lt(mem_used() - before, n);
}

static void note(void *arg, const char *name, size_t len) {
    bool *seen = arg;
    char text[16] = "";
    cr_assert_lt(len, sizeof text);
    memcpy(text, name, len);
    unsigned number = (unsigned)atoi(text + 1);
    cr_assert_not(seen[number]);
    seen[number] = true;
}

/* Against a plain table: clients of all threads come to many channels and leave them in any order. */
Test(pubsub, many_channels) {
    enum { CHANNELS = 3000, STEPS = 60000, WHO = 6 };
    static bool model[WHO][CHANNELS], seen[CHANNELS];
    struct client *clients[WHO];
    struct random random;
    random_seed(&random, 7);
    for (unsigned i = 0; i < WHO; i++) clients[i] = add(i % WORKERS, i);
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned who = (unsigned)random_below(&random, WHO),
                 channel = (unsigned)random_below(&random, CHANNELS);
        bool come = random_below(&random, step < STEPS / 2 ? 4 : 2) != 0;
        char name[16];
        snprintf(name, sizeof name, "c%u", channel);
        enum pubsub_kind kind = channel % 5 ? PUBSUB_CHANNEL : PUBSUB_SHARD;
        cr_assert_eq(come ? subscribe(clients[who], kind, name) : unsubscribe(clients[who], kind, name),
                     model[who][channel] != come);
        model[who][channel] = come;
        unsigned count = 0;
        for (unsigned i = 0; i < WHO; i++) count += model[i][channel];
        cr_assert_eq(publish_as(0, kind, name, "m"), count);
        cr_assert_eq(pubsub_topic_subscribers(kind, name, strlen(name)), count);
        if (step % 100) continue;
        for (unsigned i = 0; i < WORKERS; i++) turn(i);
        for (unsigned i = 0; i < WHO; i++) reply_clear(&clients[i]->reply);
    }
    pubsub_each_topic(PUBSUB_CHANNEL, note, seen);
    uint64_t topics = 0;
    for (unsigned channel = 0; channel < CHANNELS; channel++) {
        bool any = false;
        for (unsigned i = 0; i < WHO; i++) any |= model[i][channel];
        if (channel % 5) cr_assert_eq(seen[channel], any);
        topics += any && channel % 5;
    }
    cr_assert_eq(pubsub_topics(PUBSUB_CHANNEL), topics);
    cr_assert_gt(pubsub_client_bytes(clients[0]), 0);
    for (unsigned i = 0; i < WHO; i++) {
        pubsub_unsubscribe_all(clients[i]);
        cr_assert_eq(pubsub_client_bytes(clients[i]), 0);
    }
    cr_assert_eq(pubsub_topics(PUBSUB_CHANNEL) + pubsub_topics(PUBSUB_SHARD), 0);
}
