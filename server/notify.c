/* notify.c: see notify.h. Events become publications here; the store's own events arrive through the upcall.
 *
 * On the thread that changes the key, under the hold of its slice: channel names are put together on the
 * stack where they fit, and nobody is published to while nobody listens to anything.
 */
#include "server/notify.h"

#include "server/pubsub.h"
#include "shard/base/mem.h"
#include "shard/store/events.h"

#include <stdio.h>
#include <string.h>

enum { CHANNEL_ON_STACK = 256, PREFIX_MAX = 40 };

_Atomic uint32_t notify_classes_active;

/* ---- classes ---- */

/* In the order in which they are shown. */
static const struct {
    char letter;
    uint32_t class;
} letters[] = {
    {'g', NOTIFY_GENERIC},  {'$', NOTIFY_STRING},   {'l', NOTIFY_LIST},    {'s', NOTIFY_SET},
    {'h', NOTIFY_HASH},     {'z', NOTIFY_ZSET},     {'x', NOTIFY_EXPIRED}, {'e', NOTIFY_EVICTED},
    {'t', NOTIFY_STREAM},   {'d', NOTIFY_MODULE},   {'n', NOTIFY_NEW},     {'K', NOTIFY_KEYSPACE},
    {'E', NOTIFY_KEYEVENT}, {'m', NOTIFY_KEY_MISS},
};
enum { LETTERS = sizeof letters / sizeof letters[0] };

bool notify_classes_parse(const char *text, size_t n, uint32_t *classes) {
    *classes = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t class = text[i] == 'A' ? NOTIFY_ALL : 0;
        for (size_t l = 0; l < LETTERS; l++)
            if (letters[l].letter == text[i]) class = letters[l].class;
        if (!class) return false;
        *classes |= class;
    }
    return true;
}

/* Behind A, Redis shows neither what A stands for nor the class of new keys. */
void notify_classes_print(uint32_t classes, struct buf *out) {
    if ((classes & NOTIFY_ALL) == NOTIFY_ALL) {
        buf_append_char(out, 'A');
        classes &= ~(uint32_t)(NOTIFY_ALL | NOTIFY_NEW);
    }
    for (size_t l = 0; l < LETTERS; l++)
        if (classes & letters[l].class) buf_append_char(out, letters[l].letter);
}

/* ---- publishing ---- */

struct event {
    const char *name, *key;
    size_t key_len;
    unsigned database;
};

struct words {
    const char *data;
    size_t len;
};

/* Publishes `message` to "<prefix><about>", where the prefix is "__keyspace@0__:" or "__keyevent@0__:". */
static void publish(struct thread *from, const char *prefix, struct words about, struct words message) {
    char stack[CHANNEL_ON_STACK];
    size_t prefix_len = strlen(prefix), len = prefix_len + about.len;
    char *channel = len <= sizeof stack ? stack : mem_alloc(len);
    memcpy(channel, prefix, prefix_len);
    if (about.len) memcpy(channel + prefix_len, about.data, about.len);
    struct publication p = {
        .kind = PUBSUB_CHANNEL,
        .channel = channel,
        .channel_len = len,
        .message = message.data,
        .message_len = message.len,
    };
    pubsub_publish(from, &p);
    if (channel != stack) mem_free(channel);
}

static void publish_event(struct thread *from, const struct event *e) {
    uint32_t classes = atomic_load_explicit(&notify_classes_active, memory_order_relaxed);
    struct words key = {e->key, e->key_len}, name = {e->name, strlen(e->name)};
    char prefix[PREFIX_MAX];
    if (!pubsub_is_used()) return;
    if (classes & NOTIFY_KEYSPACE) {
        snprintf(prefix, sizeof prefix, "__keyspace@%u__:", e->database);
        publish(from, prefix, key, name);
    }
    if (classes & NOTIFY_KEYEVENT) {
        snprintf(prefix, sizeof prefix, "__keyevent@%u__:", e->database);
        publish(from, prefix, name, key);
    }
}

void notify_publish(struct call *c, enum notify_class class, const char *event, const struct key *key) {
    ASSERT(class != 0 && hold_is_mine(&key->slice->hold, c->visit.thread));
    struct event e = {.name = event, .key = key->data, .key_len = key->len, .database = c->visit.database};
    publish_event(c->visit.thread, &e);
}

static void tell_of_store(struct visit *v, enum store_event event, const struct store_event_key *key) {
    static const char *const names[] = {[STORE_KEY_NEW] = "new",
                                        [STORE_KEY_EXPIRED] = "expired",
                                        [STORE_KEY_EVICTED] = "evicted",
                                        [STORE_KEY_MISSED] = "keymiss"};
    ASSERT(event < sizeof names / sizeof names[0] && names[event]);
    struct event e = {.name = names[event], .key = key->data, .key_len = key->len, .database = key->database};
    publish_event(v->thread, &e);
}

/* ---- what is wanted ---- */

/* The store is told, too, which of its events somebody wants. */
static uint32_t store_events_of(uint32_t classes) {
    return (classes & NOTIFY_NEW ? STORE_KEY_NEW : 0u) | (classes & NOTIFY_EXPIRED ? STORE_KEY_EXPIRED : 0u) |
           (classes & NOTIFY_EVICTED ? STORE_KEY_EVICTED : 0u) |
           (classes & NOTIFY_KEY_MISS ? STORE_KEY_MISSED : 0u);
}

void notify_set_classes(uint32_t classes) {
    bool told = classes & (NOTIFY_KEYSPACE | NOTIFY_KEYEVENT);
    if (!told) classes = 0;
    if (!store_events_listener)
        store_events_listener = tell_of_store; /* the first time: before threads start */
    atomic_store_explicit(&notify_classes_active, classes, memory_order_relaxed);
    atomic_store_explicit(&store_events_wanted, store_events_of(classes), memory_order_relaxed);
}
